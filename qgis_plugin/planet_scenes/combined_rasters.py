"""VRTs that combine files: products of a scene as bands, or scenes as a mosaic.

These functions send requests and must be called in workers.
"""

from __future__ import annotations

import math
import uuid
from pathlib import Path
from typing import Any, List, Optional, Sequence
from xml.etree.ElementTree import tostring  # noqa: S405 - nothing is parsed
from xml.sax.saxutils import escape  # noqa: S406 - nothing is parsed

from osgeo import gdal, osr

from planet_scenes.gdal_calls import call_gdal
from planet_scenes.masks import hide
from planet_scenes.product_sources import name_of
from planet_scenes.raster_opening import is_north_up, open_source, system_of
from planet_scenes.texts import tr
from planet_scenes.vrt_files import vrt_part, vrt_path
from planet_vector.catalog import Catalog
from planet_vector.errors import QueryError, RasterAccessError
from planet_vector.geometry.web_mercator import TILE
from planet_vector.raster.fresh_sources import fresh_value, open_options
from planet_vector.raster.kept_tiles import Combine, Tile
from planet_vector.scene import Scene
from planet_vector.workers import Workers

MOST_SCENES = 100
"""Maximum number of scenes in a mosaic: the header of each is read before anything is drawn."""


def source_of(catalog: Catalog, scene: Scene, product: str, mask: str = "", combine: Optional[Combine] = None) -> str:
    """Return the source of a product, or of a stack of products.

    Parameters
    ----------
    catalog : Catalog
        The client of the service.
    scene : Scene
        The scene.
    product : str
        The product, or several with commas between.
    mask : str
        Pixels to hide, as for `planet_scenes.masks.hide`; empty for none.
    combine : callable, optional
        As for `planet_scenes.product_sources.name_of`.

    Returns
    -------
    str
        The source that GDAL opens.
    """
    products = product.split(",")
    if len(products) > 1:
        source = stack(catalog, scene, products, combine)
    else:
        source = name_of(catalog, scene, product, combine)
    return hide(catalog, scene, products, source, mask, combine) if mask else source


def stack(catalog: Catalog, scene: Scene, products: Sequence[str], combine: Optional[Combine] = None) -> str:
    """Write a VRT with several products as the bands of one raster.

    Parameters
    ----------
    catalog : Catalog
        The client of the service.
    scene : Scene
        The scene.
    products : sequence of str
        The products, in the order of the bands.
    combine : callable, optional
        As for `planet_scenes.product_sources.name_of`.

    Returns
    -------
    str
        Path of the VRT.
    """
    names = [name_of(catalog, scene, product, combine) for product in products]
    labels: List[str] = []
    for name, product in zip(names, products):
        dataset = open_source(name, f"{scene.id}/{product}")
        check_upright(dataset, f"{scene.id}/{product}")
        (label,) = scene.asset(product).labels(_labels(dataset)[:1], [False])  # GDAL takes the first band of each
        labels.append(label or "")
    return _vrt(names, f"{scene.id}-{'-'.join(products)}", labels, separate=True)


def mosaic(catalog: Catalog, scenes: Sequence[Scene], product: str, mask: str = "") -> str:
    """Write a VRT of a product of many scenes, the first one on top.

    The VRT has the coordinate system of the first scene; scenes of other UTM zones are warped when they are drawn.

    Parameters
    ----------
    catalog : Catalog
        The client of the service.
    scenes : sequence of Scene
        The scenes.
    product : str
        The product, or several with commas between, as the bands of each scene.
    mask : str
        Pixels to hide, as for `planet_scenes.masks.hide`; other scenes show through there. Empty for none.

    Returns
    -------
    str
        Path of the VRT.

    Raises
    ------
    QueryError
        If there is no scene, or there are more than `MOST_SCENES`.
    RasterAccessError
        If a scene cannot be opened, has other bands than the first, or is not north up.
    """
    if not scenes:
        raise QueryError(tr("The search has no scenes: widen it."))
    if len(scenes) > MOST_SCENES:
        raise QueryError(
            tr("{count} scenes are too many for one mosaic (at most {most}): narrow the search.").format(
                count=len(scenes), most=MOST_SCENES
            )
        )

    with Workers(catalog.settings.connections) as pool:
        # The layer is first shown whole.
        combine = combine_tiles if len(scenes) > 1 else None
        names = list(pool.map(lambda scene: source_of(catalog, scene, product, mask, combine), scenes))
        datasets = list(pool.map(open_source, names, [f"{scene.id}/{product}" for scene in scenes]))
    for scene, dataset in zip(scenes, datasets):  # GDAL would skip scenes that do not fit, with a mere warning
        check_upright(dataset, f"{scene.id}/{product}")
        if _bands(dataset) != _bands(datasets[0]):
            raise RasterAccessError(
                tr("Scene {scene} has other bands than {top}: leave it out of the mosaic.").format(
                    scene=scene.id, top=scenes[0].id
                )
            )
    systems = [system_of(dataset, f"{scene.id}/{product}") for scene, dataset in zip(scenes, datasets)]
    sources: List[str] = []
    for name, dataset, system, scene in zip(names, datasets, systems, scenes):
        same = system.IsSame(systems[0])
        sources.append(name if same else _warped(name, dataset, systems[0], f"{scene.id}-{product}"))
    # GDAL draws the last source on top.
    labels = [shared[0] if len(set(shared)) == 1 else "" for shared in zip(*map(_labels, datasets))]
    return _vrt(sources[::-1], f"mosaic-{product}", labels, separate=False)


def combine_tiles(tiles: Sequence[Tile], width: int, height: int, path: Path) -> None:
    """Write a GeoTIFF of some tiles; implements `planet_vector.raster.kept_tiles.Combine`.

    Parameters
    ----------
    tiles : sequence of Tile
        The tiles.
    width, height : int
        Columns and rows.
    path : Path
        The file to write.

    Raises
    ------
    RasterAccessError
        If GDAL cannot decode a tile.
    """

    def write() -> bool:
        options = ["TILED=YES", "COMPRESS=DEFLATE", "ZLEVEL=1", "PHOTOMETRIC=RGB", "ALPHA=YES"]
        target = gdal.GetDriverByName("GTiff").Create(str(path), width, height, 4, gdal.GDT_Byte, options=options)
        if target is None:
            return False
        memory = f"/vsimem/{uuid.uuid4().hex}.png"
        for tile in tiles:
            gdal.FileFromMemBuffer(memory, tile.png)
            try:
                source = gdal.OpenEx(memory, gdal.OF_RASTER, allowed_drivers=["PNG"])
                pixels = None if source is None else source.ReadRaster()
                source = None
            finally:
                gdal.Unlink(memory)
            if pixels is None or target.WriteRaster(tile.column, tile.row, TILE, TILE, pixels):
                return False
        return not target.FlushCache()

    written, why = call_gdal(write)
    if not written:
        raise RasterAccessError(tr("The scenes cannot be combined: {why}. Try again later.").format(why=why))


def normalised_difference(source: str, a: int, b: int, title: str) -> str:
    """Write VRTs that compute (a - b) / (a + b) of two bands when they are read, as 32-bit floats.

    A pixel without data in one of the bands, or of which the sum is 0, has no data. Only pixel functions of all
    versions of GDAL are used, hence one VRT for each step.

    Parameters
    ----------
    source : str
        The raster.
    a, b : int
        The bands, counted from 1.
    title : str
        Name of the raster in errors, and of the files.

    Returns
    -------
    str
        Path of the last VRT.

    Raises
    ------
    RasterAccessError
        If the raster cannot be opened, or has no such bands.
    """
    dataset = open_source(source, title)
    if not all(1 <= number <= dataset.RasterCount for number in (a, b)):
        raise RasterAccessError(tr("{title} has no bands {a} and {b}.").format(title=title, a=a, b=b))
    parts = [_input(source, number, dataset.GetRasterBand(number)) for number in (a, b)]
    file = title.replace("/", "_").replace(" ", "-")
    steps = [
        _made(f"{step}-{file}", lambda path, step=step: _computed(path, dataset, step, parts), (source, a, b, step))
        for step in ("diff", "sum")
    ]
    ratio = [_complex(path, 1, "") for path in steps]
    divided = _made(f"div-{file}", lambda path: _computed(path, dataset, "div", ratio), (*steps, "div"))
    # A division by zero gives infinity.
    finite = [_complex(divided, 1, "<NODATA>inf</NODATA>")]
    return _made(f"index-{file}", lambda path: _computed(path, dataset, "", finite), (divided, "index"))


def _input(source: str, number: int, band: gdal.Band) -> str:
    """Return a source of a VRT that leaves out pixels without data."""
    if band.GetMaskFlags() & (gdal.GMF_PER_DATASET | gdal.GMF_ALPHA):
        return _complex(source, number, "<UseMaskBand>true</UseMaskBand>")
    nodata = band.GetNoDataValue()
    return _complex(source, number, "" if nodata is None else f"<NODATA>{nodata!r}</NODATA>")


def _complex(source: str, number: int, more: str) -> str:
    # GDAL opens it among the sources of all VRTs to see its size.
    options = tostring(open_options(fresh_value()), encoding="unicode")
    return (
        f'<ComplexSource><SourceFilename relativeToVRT="0">{escape(source)}</SourceFilename>{options}'
        f"<SourceBand>{number}</SourceBand>{more}</ComplexSource>"
    )


def _computed(path: str, like: gdal.Dataset, function: str, sources: Sequence[str]) -> gdal.Dataset:
    """Create a VRT on the grid of a dataset, with a band that is a function of sources, or the source itself."""
    made = gdal.GetDriverByName("VRT").Create(path, like.RasterXSize, like.RasterYSize, 0)
    made.SetGeoTransform(like.GetGeoTransform())
    made.SetProjection(like.GetProjection())
    derived = ["subclass=VRTDerivedRasterBand", f"PixelFunctionType={function}", "SourceTransferType=Float32"]
    made.AddBand(gdal.GDT_Float32, derived if function else [])
    band = made.GetRasterBand(1)
    band.SetNoDataValue(math.nan)  # GDAL fills with it what the sources leave out
    for number, source in enumerate(sources):
        band.SetMetadataItem(f"source_{number}", source, "new_vrt_sources")
    return made


def check_upright(dataset: gdal.Dataset, title: str) -> None:
    """Check that a raster is north up.

    Parameters
    ----------
    dataset : gdal.Dataset
        The raster.
    title : str
        Name of the raster in errors.

    Raises
    ------
    RasterAccessError
        If it is not.
    """
    if not is_north_up(dataset):
        raise RasterAccessError(
            tr("{title} is not north up, so it cannot be combined with others.").format(title=title)
        )


def _bands(dataset: gdal.Dataset) -> List[int]:
    return [dataset.GetRasterBand(number).DataType for number in range(1, dataset.RasterCount + 1)]


def _warped(name: str, dataset: gdal.Dataset, system: osr.SpatialReference, title: str) -> str:
    """Write a VRT that warps a product into another coordinate system on reading, and return its path."""
    alpha = dataset.GetRasterBand(dataset.RasterCount).GetColorInterpretation() == gdal.GCI_AlphaBand
    return _made(
        title,
        lambda path: gdal.Warp(path, name, format="VRT", dstSRS=system.ExportToWkt(), srcAlpha=alpha, dstAlpha=alpha),
        (name, system.ExportToWkt()),
    )


def _vrt(sources: Sequence[str], title: str, labels: Sequence[str], separate: bool) -> str:
    def made(path: str) -> Optional[gdal.Dataset]:
        dataset = gdal.BuildVRT(path, list(sources), separate=separate, resolution="highest")
        for number, label in enumerate(labels if dataset is not None else (), 1):
            if label:
                dataset.GetRasterBand(number).SetDescription(label)
        return dataset

    return _made(title, made, (*sources, separate))


def _labels(dataset: gdal.Dataset) -> List[str]:
    """Return the names of the bands of a dataset; empty for bands without one."""
    return [dataset.GetRasterBand(number).GetDescription() for number in range(1, dataset.RasterCount + 1)]


def _made(title: str, make: Any, key: Sequence[Any]) -> str:
    """Create a VRT in the cache, and return its path."""
    path = vrt_path(title, repr(list(key)))
    with vrt_part(path) as part:

        def write() -> bool:
            made = make(str(part))
            if made is None:
                return False
            made.FlushCache()
            return True

        written, why = call_gdal(write)
        if not written:
            raise RasterAccessError(tr("The scenes cannot be combined: {why}. Try again later.").format(why=why))
    return str(path)
