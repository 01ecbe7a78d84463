"""Combine several files into one dataset, each read only where it is needed.

The sources are the service's own links, so that a combined dataset stays valid however long it is open and can
be saved for others. No name and no file contains the key; GDAL applies it to the service's hosts
(`planet_vector.raster.path_options`).
"""

from __future__ import annotations

import re
import weakref
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, FrozenSet, NamedTuple, Optional, Sequence, Tuple, Union

from rasterio.enums import ColorInterp, Resampling
from rasterio.errors import RasterioIOError
from rasterio.io import DatasetReader

from planet_vector.assets import SpectralBand
from planet_vector.atomic_files import complete
from planet_vector.catalog import Catalog
from planet_vector.errors import RasterAccessError
from planet_vector.geometry.grid import GridSpec
from planet_vector.pixels.header import Band, RasterHeader
from planet_vector.raster.byte_ranges import ReadWindow
from planet_vector.raster.error_messages import gdal_said, messages
from planet_vector.raster.file_vrts import add_masks, vrt_band, vrt_source, with_mask
from planet_vector.raster.gdal_options import READING, Options
from planet_vector.raster.headers import header_of
from planet_vector.raster.placed import north_up
from planet_vector.raster.product import ProductError, open_link, opened
from planet_vector.raster.remote import Remote
from planet_vector.raster.scene_files import SceneFile, band_file, masked, open_sources
from planet_vector.raster.source_names import source_name
from planet_vector.raster.sources import Sources
from planet_vector.raster.vrt_reads import Layers
from planet_vector.raster.vrt_xml import add_mask, add_metadata, as_text, new_vrt
from planet_vector.scene import Scene
from planet_vector.workers import Workers

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


class Virtual(Remote):
    """Several files as one raster."""

    _as_vrt: Callable[[], str]
    _kept: Any = None
    _end: Any = None
    _sources: Optional[Sources] = None
    _text = ""  # text of the VRT, with links
    _layers: Optional[Layers] = None
    _less: Optional[_Less] = None

    def _read_part(self, method: str, part: Optional[ReadWindow], pixels: bool, masks: bool, *args: Any) -> Any:
        """Read while the sources are fetched concurrently."""
        # Fetch nothing for a closed dataset: rasterio raises the error.
        found = None if part is None or self._sources is None or self.closed else part.within(self)
        if found is None:
            return super()._read_part(method, part, pixels, masks, *args)
        assert part is not None and self._sources is not None
        bands, window, shape = found
        if self._layers is None:
            self._layers = Layers(self._text)
        layers, less = self._layers, None
        if part.resampling == Resampling.nearest:  # other methods blend across the edges of the pixels of the sources
            less = self._without(layers.covered(window, shape))
            if less is not None:
                layers = less.layers
        numbers = [*(bands if pixels else ()), *(f"mask,{band}" for band in (bands if masks else ()))]
        beside = self._sources.side_by_side(list(layers.asked(numbers, window, shape, part.resampling)))
        try:
            if less is not None:
                return getattr(less.dataset, method)(*args)
            return super()._read_part(method, part, pixels, masks, *args)
        finally:
            if beside is not None:
                beside.end()

    def _without(self, places: FrozenSet[int]) -> Optional[_Less]:
        """Return the dataset without the sources at some places, which others cover completely."""
        if not places:
            return None
        if self._less is None or self._less.places != places:
            assert self._layers is not None and self._sources is not None
            text = self._layers.without(places)
            dataset = opened(self._sources.mounted(text), Options(self._sources.options), driver="VRT")
            if self._less is not None:
                self._less.dataset.close()
            self._less = _Less(places, Layers(text), dataset)
        return self._less

    def save_vrt(self, path: Union[str, Path]) -> None:
        """Write a VRT file of the dataset that other users can open; without the key.

        They need a key of their own in force, as ``planet-vector env`` sets it.

        Parameters
        ----------
        path : str or Path
            File to write; an existing one is replaced.
        """
        text = self._as_vrt()
        with complete(Path(path)) as temporary:
            temporary.write_text(text, encoding="utf-8")

    def _whole(self, read: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if self._sources is None:
            return super()._whole(read, *args, **kwargs)
        self._sources.begin()
        try:
            found = super()._whole(read, *args, **kwargs)
        except RasterioIOError as error:
            self._sources.explain(" ".join(messages(error)))
            raise ProductError(f"{self._title} could not be read whole: {gdal_said(error)}; try again.") from None
        self._sources.check()
        return found

    def _close(self) -> None:
        if self._less is not None:
            self._less.dataset.close()
        super()._close()
        if self._end is not None:  # else opening it was interrupted
            self._end()


class _Less(NamedTuple):
    places: FrozenSet[int]
    layers: Layers
    dataset: DatasetReader


def open_virtual(
    text: str,
    title: str,
    sources: Optional[Sources],
    as_vrt: Optional[Callable[[], str]] = None,
    kept: Any = None,
    cls: Any = Virtual,
) -> Any:
    """Open a VRT that refers to links of a service.

    Parameters
    ----------
    text : str
        Text of the VRT, with links.
    title : str
        Name used in error messages.
    sources : Sources or None
        Mounts the links for GDAL, and is released with the dataset or on failure; None if there are no links.
    as_vrt : callable, optional
        Returns the text that `Virtual.save_vrt` writes; by default the text itself.
    kept : object, optional
        An object that must live as long as the dataset.
    cls : type
        `Virtual` or a subclass.

    Returns
    -------
    Virtual
        An instance of `cls`.

    Raises
    ------
    ProductError
        If GDAL cannot open it.
    """
    end = sources.end if sources is not None else lambda: None
    try:
        if sources is not None:
            sources.begin()
        name = text if sources is None else sources.mounted(text)
        options = Options(READING if sources is None else sources.options)
        dataset = opened(name, options, driver="VRT", cls=cls)
    except RasterioIOError as error:
        end()
        raise ProductError(f"{title} cannot be opened: {gdal_said(error)}.") from None
    except BaseException:
        end()
        raise
    if as_vrt is None:
        as_vrt = partial(sources.with_overviews, text) if sources is not None else partial(str, text)
    dataset._title, dataset._as_vrt, dataset._kept = title, as_vrt, kept
    dataset._sources, dataset._text = sources, text
    if sources is not None:
        sources.all_seen()
    dataset._end = weakref.finalize(dataset, end)
    return dataset


def open_bands(
    catalog: Catalog,
    scene: Scene,
    products: Sequence[str],
    resolution: Union[str, float] = "highest",
    mask: Optional[str] = None,
) -> Virtual:
    """Open several products of a scene as one dataset: their bands, in the given order.

    Parameters
    ----------
    catalog : Catalog
        The service.
    scene : Scene
        The scene.
    products : sequence of str
        Such as ``["band_4", "band_3", "band_2"]``; ``["all"]`` for each that the scene has.
    resolution : "highest", "lowest" or float
        Pixel size: that of the finest product (the panchromatic band), of the coarsest, or a number in units of the
        scene's coordinate system, metres. Other bands are resampled by nearest neighbour, so no value is interpolated.
    mask : str, optional
        Pixels to hide, as `planet_vector.bands.masks.parse_mask` takes it; by default nothing.

    Returns
    -------
    Virtual
        The stacked dataset.

    Raises
    ------
    NotFoundError
        If the scene lacks one of the products, or the mask of one.
    QueryError
        If a mask does not tell what to hide.
    RasterAccessError
        If the products have different coordinate systems.
    """
    if list(products) == ["all"]:
        products = sorted(scene.products, key=_by_number)
    files = [band_file(catalog, scene, product, mask) for product in products]
    return open_files(catalog, files, f"{scene.id}/{','.join(products)}", resolution)


def open_scene_file(catalog: Catalog, file: SceneFile) -> Remote:
    """Open a product of a scene, without the pixels that its mask hides.

    Parameters
    ----------
    catalog : Catalog
        The service.
    file : SceneFile
        The product and its mask, if any.

    Returns
    -------
    Remote
        The open dataset.

    Raises
    ------
    ServiceError
        If the service does not provide a file.
    RasterAccessError
        If it cannot be read.
    """
    if file.mask is not None:
        return open_files(catalog, [file], file.title)
    dataset = open_link(catalog, file.link, file.title)
    dataset.asset = file.asset
    return dataset


def open_files(
    catalog: Catalog,
    files: Sequence[SceneFile],
    title: str,
    resolution: Union[str, float] = "highest",
    grid: Optional[GridSpec] = None,
) -> Virtual:
    """Open several files of a scene as one dataset.

    Parameters
    ----------
    catalog : Catalog
        The service.
    files : sequence of SceneFile
        The files.
    title : str
        Name used in error messages.
    resolution : "highest", "lowest" or float
        As for `open_bands`.
    grid : GridSpec, optional
        The grid of the dataset; by default that of all files, with pixels of the given resolution.

    Returns
    -------
    Virtual
        The stacked dataset.

    Raises
    ------
    ServiceError
        If the service does not provide a file.
    RasterAccessError
        If one cannot be read, or the products have different coordinate systems.
    """
    sources = open_sources(catalog, files)

    def look(file: SceneFile) -> ProductFile:
        with sources.open(file.link) as dataset:
            north_up(dataset)
            header = header_of(dataset)
            own = sources.mask_of(file.link, header, dataset)
        header, own = masked(sources, file, header, own)
        return ProductFile(source_name(file.link), header, own)

    try:
        own = {file.link: file for file in files}
        with Workers(max(1, min(len(own), catalog.settings.connections))) as pool:
            looked = dict(zip(own, pool.map(look, own.values())))
        found = [looked[file.link] for file in files]
        if len({source.header.crs for source in found}) > 1:
            told = f"The products of {title} have different coordinate systems"
            raise RasterAccessError(f"{told}: open them one by one.")
        text = as_text(stack_vrt(files, found, grid or _grid_around(found, resolution)))
    except BaseException:
        sources.end()
        raise
    dataset: Virtual = open_virtual(text, title, sources)
    return dataset


class ProductFile(NamedTuple):
    """File of a stack of bands: its GDAL name, its header, and the GDAL name of its mask, if it has one."""

    name: str
    header: RasterHeader
    mask: Optional[str]


def _grid_around(sources: Sequence[ProductFile], resolution: Union[str, float]) -> GridSpec:
    res = _resolution([source.header.res for source in sources], resolution)
    lefts, lows, rights, tops = zip(*(source.header.bounds for source in sources))
    west, north = min(lefts), max(tops)
    width, height = max(1, round((max(rights) - west) / res[0])), max(1, round((north - min(lows)) / res[1]))
    return GridSpec(sources[0].header.crs, west, north, res, width, height)


def stack_vrt(files: Sequence[SceneFile], sources: Sequence[ProductFile], grid: GridSpec) -> Element:
    """Return the VRT of the bands of files.

    Parameters
    ----------
    files : sequence of SceneFile
        The files.
    sources : sequence of ProductFile
        How each is opened.
    grid : GridSpec
        The grid of the VRT.

    Raises
    ------
    RasterAccessError
        If a file lacks a band, or VRTs lack the type of one.
    """
    root = new_vrt(grid)
    for file, (name, header, mask) in zip(files, sources):
        bands = file.asset.bands if file.number is None else file.asset.bands[file.number - 1 : file.number]
        known = bands[0] if len(bands) == 1 else None
        if file.number is not None and file.number > len(header.bands):
            told = f"{file.asset.name} has no band {file.number}, which would be {file.product}"
            raise RasterAccessError(f"{told}: open it by itself.")
        for number, said in enumerate(header.bands, 1):
            if file.number not in (None, number):
                continue
            band = vrt_band(root, said if len(files) == 1 else _described(said, file.product, known))
            _add_wavelengths(band, known)
            if mask is None:
                vrt_source(band, name, number, header, grid)
            else:
                # Pixels hidden by the mask become nodata if the band has such a value, instead of whatever they
                # contain.
                vrt_source(band, with_mask(name, header, mask), number, header, grid, {"UseMaskBand": "true"})
    if any(source.mask for source in sources):
        together = add_mask(root)  # a pixel is valid if any product has data there
        for name, header, mask in sources:
            add_masks(together, name, header, grid, mask)
    return root


def _described(said: Band, product: str, known: Optional[SpectralBand]) -> Band:
    """Return a band with the name and colour that it has in a stack."""
    if known is None:
        return replace(said, description=said.description or product)
    colour = said.colour if said.table else ColorInterp[known.colour.lower()]
    return replace(said, description=f"{product} ({known.description})", colour=colour)


def _add_wavelengths(band: Element, known: Optional[SpectralBand]) -> None:
    if known is not None and known.centre is not None:
        # GDAL's own domain and items for wavelengths, in micrometres (its raster data model, "IMAGERY Domain").
        items = [("CENTRAL_WAVELENGTH_UM", repr(known.centre)), ("FWHM_UM", repr(known.width))]
        add_metadata(band, items, "IMAGERY")


def _resolution(sizes: Sequence[Tuple[float, float]], wanted: Union[str, float]) -> Tuple[float, float]:
    if wanted == "highest":
        return min(sizes)
    if wanted == "lowest":
        return max(sizes)
    try:
        size = float(wanted)
    except ValueError:
        size = 0.0
    if not 0 < size < float("inf"):
        raise RasterAccessError(f"res is {wanted!r}: it takes highest, lowest or a pixel size in metres.")
    return size, size


def _by_number(product: str) -> Tuple[str, int]:
    match = re.fullmatch(r"([^0-9]*)([0-9]{0,9})", product)
    return (match[1], int(match[2] or 0)) if match else (product, 0)
