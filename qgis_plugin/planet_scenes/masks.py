"""Hide pixels of a raster by the mask of usable pixels of its scene, in a VRT that any program reads.

`hide` sends requests and must be called in workers. Hidden pixels have the nodata value of their band, or no opacity.
"""

from __future__ import annotations

from typing import AbstractSet, Dict, List, NamedTuple, Optional, Sequence, Tuple
from xml.etree.ElementTree import Element  # noqa: S405 - nothing is parsed

from osgeo import gdal

from planet_scenes import raster_opening
from planet_scenes.product_sources import name_of
from planet_scenes.texts import tr
from planet_scenes.vrt_files import write_vrt
from planet_vector.assets import MaskAsset
from planet_vector.bands.masks import parse_mask, shown_values
from planet_vector.catalog import Catalog
from planet_vector.errors import NotFoundError, RasterAccessError
from planet_vector.geometry.grid import GridSpec, sampled
from planet_vector.raster.kept_tiles import Combine
from planet_vector.raster.vrt_xml import (
    add_band,
    add_colour_table,
    add_metadata,
    add_source,
    as_text,
    mask_table,
    new_vrt,
)
from planet_vector.scene import Scene

WORDS = ("clouds", "haze", "shadow")
"""Words for the pixels that the toggle in the menus hides, as far as a mask tells them."""

_SHOWN = 255  # in the pixels of a mask, where it hides nothing


class _System(NamedTuple):
    """Coordinate system of a `GridSpec`."""

    wkt: str

    def to_wkt(self) -> str:
        return self.wkt


def masks_of(scene: Scene, products: Sequence[str]) -> List[MaskAsset]:
    """Return the masks of some products of a scene, each once.

    Parameters
    ----------
    scene : Scene
        The scene.
    products : sequence of str
        The products.

    Returns
    -------
    list of MaskAsset
        Empty if a product has no mask, or the scene lacks it.
    """
    found: Dict[str, MaskAsset] = {}
    for product in products:
        asset = scene.assets.get(product)
        mask = None if asset is None else asset.mask
        if mask is None or mask.asset not in scene.assets:
            return []
        found[mask.asset] = mask
    return list(found.values())


def words_for(scene: Scene, products: Sequence[str]) -> str:
    """Return the words of `WORDS` that hide something of some products of a scene, separated by commas.

    Parameters
    ----------
    scene : Scene
        The scene.
    products : sequence of str
        The products.
    """
    masks = masks_of(scene, products)
    words = [word for word in WORDS if all(word in mask.classes.shown for mask in masks)]
    return ",".join(words) if masks else ""


def hide(
    catalog: Catalog,
    scene: Scene,
    products: Sequence[str],
    source: str,
    words: str,
    combine: Optional[Combine] = None,
) -> str:
    """Write a VRT of a raster without the pixels that the masks of its scene hide.

    A mask may have pixels of another size, of which the one at the centre of a pixel counts. Pixels beyond the mask are
    hidden.

    Parameters
    ----------
    catalog : Catalog
        The client of the service.
    scene : Scene
        The scene.
    products : sequence of str
        The products in the raster.
    source : str
        The raster.
    words : str
        Pixels to hide, as `planet_vector.bands.masks.parse_mask` takes them.
    combine : callable, optional
        As for `planet_scenes.product_sources.name_of`.

    Returns
    -------
    str
        Path of the VRT.

    Raises
    ------
    NotFoundError
        If a product has no mask, or the scene lacks it.
    QueryError
        If the mask does not tell what to hide.
    RasterAccessError
        If the raster or a mask cannot be opened, or is not north up, or they do not fit.
    ServiceError
        If the service reports an error.
    """
    title = f"{scene.id}/{','.join(products)}"
    masks = masks_of(scene, products)
    if not masks:
        raise NotFoundError(tr("{title} has no mask of usable pixels: add it without.").format(title=title))
    dataset = raster_opening.open_source(source, title)
    grid = _grid(dataset, title)
    for mask in masks:
        shown = sorted(shown_values(mask.classes, parse_mask(words)).items())
        clear = _clear(catalog, scene, mask, shown, grid, dataset, combine)
        source = write_vrt(f"masked-{scene.id}", _masked(source, dataset, grid, clear))
        dataset = raster_opening.open_vrt(source, title)
    return source


def _clear(
    catalog: Catalog,
    scene: Scene,
    mask: MaskAsset,
    shown: Sequence[Tuple[int, AbstractSet[int]]],
    grid: GridSpec,
    image: gdal.Dataset,
    combine: Optional[Combine],
) -> str:
    """Write a VRT of a mask on the grid of an image: 255 for pixels that all its bands show, else 0."""
    title = f"{scene.id}/{mask.asset}"
    name = name_of(catalog, scene, mask.asset, combine)
    dataset = raster_opening.open_source(name, title)
    types = {dataset.GetRasterBand(number).DataType for number in range(1, dataset.RasterCount + 1)}
    if dataset.RasterCount < shown[-1][0] or not types <= {gdal.GDT_Byte, gdal.GDT_UInt16}:
        raise RasterAccessError(tr("{title} is not a mask of usable pixels.").format(title=title))
    if not raster_opening.system_of(dataset, title).IsSame(raster_opening.system_of(image, title)):
        raise RasterAccessError(tr("{title} has another coordinate system than its product.").format(title=title))
    its = _grid(dataset, title)
    root = new_vrt(grid)
    band = add_band(root, "Byte")
    places = sampled(grid, its)
    for at, (number, values) in enumerate(shown):
        selected = new_vrt(its)
        table = {"LUT": mask_table(frozenset(values), mask.classes.bits)}
        add_source(add_band(selected, "Byte"), name, number, settings=table, resampling="nearest")
        # Each further source draws only what it hides.
        settings = {"NODATA": str(_SHOWN)} if at else {}
        if places is not None:
            add_source(band, as_text(selected), 1, *places, settings=settings, resampling="nearest")
    return write_vrt(f"clear-{scene.id}", as_text(root))


def _masked(source: str, dataset: gdal.Dataset, grid: GridSpec, clear: str) -> str:
    """Return the text of a VRT of a raster, with the pixels hidden that are not 255 in another raster on its grid."""
    bands = [dataset.GetRasterBand(number) for number in range(1, dataset.RasterCount + 1)]
    alpha = bands[-1].GetColorInterpretation() == gdal.GCI_AlphaBand
    nodata = [None if alpha else band.GetNoDataValue() for band in bands]
    root = new_vrt(grid)
    for number, (band, value) in enumerate(zip(bands, nodata), 1):
        made = _like(root, band, value)
        add_source(made, source, number)
        _hide(made, clear, 0.0 if value is None else value)
    if not alpha and None in nodata:
        made = add_band(root, "Byte", [("ColorInterp", "Alpha")])
        add_source(made, source, "mask,1")
        _hide(made, clear, 0.0)
    return as_text(root)


def _like(root: Element, band: gdal.Band, nodata: Optional[float]) -> Element:
    """Add a band with the properties of another to a VRT."""
    colour = gdal.GetColorInterpretationName(band.GetColorInterpretation())
    texts = [("Description", band.GetDescription()), ("UnitType", band.GetUnitType())]
    texts += [("ColorInterp", colour), ("NoDataValue", "" if nodata is None else repr(nodata))]
    for name, value, usual in (("Offset", band.GetOffset(), 0), ("Scale", band.GetScale(), 1)):
        texts.append((name, "" if value in (None, usual) else repr(value)))
    made = add_band(root, gdal.GetDataTypeName(band.DataType), texts)
    said = band.GetMetadata().items()
    add_metadata(made, [(name, value) for name, value in said if not name.startswith("STATISTICS_")])
    table = band.GetColorTable()
    if table is not None:
        add_colour_table(made, {entry: table.GetColorEntry(entry) for entry in range(table.GetCount())})
    return made


def _hide(band: Element, clear: str, value: float) -> None:
    """Draw a value over a band where another raster is not 255."""
    settings = {"NODATA": str(_SHOWN), "ScaleOffset": repr(value), "ScaleRatio": "0"}
    add_source(band, clear, 1, settings=settings, resampling="nearest")


def _grid(dataset: gdal.Dataset, title: str) -> GridSpec:
    if not raster_opening.is_north_up(dataset):
        raise RasterAccessError(tr("{title} is not north up, so it cannot be masked.").format(title=title))
    west, width, _, north, _, height = dataset.GetGeoTransform()
    system = _System(raster_opening.system_of(dataset, title).ExportToWkt())
    return GridSpec(system, west, north, (width, -height), dataset.RasterXSize, dataset.RasterYSize)
