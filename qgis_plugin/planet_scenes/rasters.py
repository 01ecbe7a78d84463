"""Sources of products for QGIS: names without keys, and VRTs that combine several files.

These functions send requests and must be called in workers.
"""

from __future__ import annotations

import hashlib
import math
import re
from contextlib import ExitStack, contextmanager
from typing import Any, Callable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy
from osgeo import gdal, osr

from planet_scenes.texts import tr
from planet_vector.atomic_files import complete
from planet_vector.catalog import Catalog
from planet_vector.errors import QueryError, RasterAccessError
from planet_vector.private_files import remove_oldest
from planet_vector.raster import described
from planet_vector.raster.access import ANY_BUILD, Access, plan, self_contained
from planet_vector.raster.credential_files import tiles_file
from planet_vector.raster.gdal_xml import tiles_description
from planet_vector.raster.limits import MAX_BLOCK
from planet_vector.scene import Scene
from planet_vector.user_folders import user_directory
from planet_vector.workers import Workers

MOST_SCENES = 100
"""Maximum number of scenes in a mosaic: the header of each is read before anything is drawn."""

MOST_KEPT = 500
"""Number of VRTs of mosaics and stacks kept, besides those of the last day; projects recreate theirs."""

_SAMPLE = 400  # pixels per side of the window that determines the contrast stretch
_TAIL = 2.0  # percent of the pixels cut off at each end, as in QGIS's cumulative cut

_OPEN = gdal.OF_RASTER | gdal.OF_VERBOSE_ERROR  # without the latter, most failures to open a remote file are silent
_MOST_SAID = 300  # characters of a message
# A URL or a part of one, without the punctuation after it.
_REMOTE = re.compile(
    r"""[^\s'"`]*(?:://|/vsi|vsicurl|%[0-9a-f]{2}|\w[?&]\w)[^\s'"`]*?(?=[:,.;)]*(?:[\s'"`]|$))""", re.I
)

Rectangle = Tuple[float, float, float, float]
"""West, south, east, north."""


class Band(NamedTuple):
    """A band shown as a colour, and the values drawn darkest and brightest."""

    number: int
    low: float
    high: float


class Drawn(NamedTuple):
    """Rendering of a raster: three bands or one, each stretched; no bands if its values are colours already."""

    bands: Tuple[Band, ...] = ()


def name_of(catalog: Catalog, scene: Scene, product: str) -> str:
    """Return the source by which QGIS draws a product, without a key: a VRT if it has overviews only through one.

    Parameters
    ----------
    catalog : Catalog
        The client of the service.
    scene : Scene
        The scene.
    product : str
        The product.

    Raises
    ------
    RasterAccessError
        If the service only delivers the whole file.
    ServiceError
        If the service reports an error.
    """
    number = int(gdal.VersionInfo()) // 100
    build = number // 10000, number // 100 % 100, number % 100
    return described.name_of(catalog, scene, product, _access(catalog, scene, product), build)


def own_name_of(catalog: Catalog, scene: Scene, product: str) -> str:
    """Return the source of a product itself, whose pixels are the file's at any resolution.

    Parameters
    ----------
    catalog : Catalog
        The client of the service.
    scene : Scene
        The scene.
    product : str
        The product.

    Raises
    ------
    RasterAccessError
        If the service only delivers the whole file.
    ServiceError
        If the service reports an error.
    """
    return self_contained(_access(catalog, scene, product))


def _access(catalog: Catalog, scene: Scene, product: str) -> Access:
    access = plan(catalog, scene.product_link(product), ANY_BUILD)
    if not access.ranges:
        raise RasterAccessError(
            tr("The service only delivers {scene}/{product} as a whole file: download it instead.").format(
                scene=scene.id, product=product
            )
        )
    return access


def open_raster(name: str, title: str) -> gdal.Dataset:
    """Open a product after checking its header: it must be a GeoTIFF of a readable size.

    Parameters
    ----------
    name : str
        The source.
    title : str
        Name of the product in errors.

    Returns
    -------
    gdal.Dataset
        The open dataset.

    Raises
    ------
    RasterAccessError
        If the check or opening fails; the message contains GDAL's reason.
    """
    dataset, why = call_gdal(lambda: gdal.OpenEx(name, _OPEN, allowed_drivers=["GTiff"]))
    if dataset is None:
        raise RasterAccessError(
            tr("{title} cannot be opened as a GeoTIFF: {why}. Try again later, or download it.").format(
                title=title, why=why
            )
        )
    block = sum(
        columns * rows * gdal.GetDataTypeSize(band.DataType) // 8
        for band in map(dataset.GetRasterBand, range(1, dataset.RasterCount + 1))
        for columns, rows in [band.GetBlockSize()]
    )
    if block > MAX_BLOCK:
        raise RasterAccessError(
            tr("{title} has blocks of {size:,} bytes, larger than those of any product: it is not read.").format(
                title=title, size=block
            )
        )
    return dataset


def open_source(name: str, title: str) -> gdal.Dataset:
    """Open a source that `name_of`, `stack` or `mosaic` returned.

    Parameters
    ----------
    name : str
        The source.
    title : str
        Name of the source in errors.

    Returns
    -------
    gdal.Dataset
        The open dataset.

    Raises
    ------
    RasterAccessError
        As `open_raster` and `open_vrt` do.
    """
    return open_vrt(name, title) if name.endswith(".vrt") else open_raster(name, title)


def open_vrt(path: str, title: str) -> gdal.Dataset:
    """Open a VRT written here.

    Parameters
    ----------
    path : str
        Path of the VRT.
    title : str
        Name of the VRT in errors.

    Returns
    -------
    gdal.Dataset
        The open dataset.

    Raises
    ------
    RasterAccessError
        If that fails; the message contains GDAL's reason.
    """
    dataset, why = call_gdal(lambda: gdal.OpenEx(path, _OPEN, allowed_drivers=["VRT"]))
    if dataset is None:
        raise RasterAccessError(tr("{title} cannot be opened: {why}. Try again later.").format(title=title, why=why))
    return dataset


def call_gdal(call: Callable[[], Any]) -> Tuple[Any, str]:
    """Call GDAL with its output suppressed.

    Whether GDAL's Python bindings raise exceptions is a setting of the process: Processing enables them in newer QGIS.
    Here they are enabled for the call, where the bindings allow that (GDAL 3.7 and later); both cases are handled.

    Parameters
    ----------
    call : callable
        The function that calls GDAL.

    Returns
    -------
    tuple
        The result of the call, None if it raised; and GDAL's last message as `gdal_reason` returns it.
    """
    gdal.ErrorReset()
    gdal.PushErrorHandler("CPLQuietErrorHandler")
    try:
        with _exceptions():
            found = call()
        said = gdal.GetLastErrorMsg()
    except RuntimeError as error:
        found, said = None, str(error)
    finally:
        gdal.PopErrorHandler()
    return found, gdal_reason(said)


@contextmanager
def _exceptions() -> Iterator[None]:
    """Enable exceptions in this thread; if neither mode is set, GDAL 3.7 and later print a warning."""
    with ExitStack() as stack:
        for module in (gdal, osr):
            if hasattr(module, "ExceptionMgr"):
                stack.enter_context(module.ExceptionMgr())
        yield


def gdal_reason(message: str) -> str:
    """Return a message of GDAL on one line, without URLs and names of remote files: they may contain a signature.

    Parameters
    ----------
    message : str
        The message.
    """
    text = _REMOTE.sub("the file", " ".join(message.split())).rstrip(". ")
    return text[:_MOST_SAID] or tr("GDAL gives no reason")


def stack(catalog: Catalog, scene: Scene, products: Sequence[str]) -> str:
    """Write a VRT with several products as the bands of one raster.

    Parameters
    ----------
    catalog : Catalog
        The client of the service.
    scene : Scene
        The scene.
    products : sequence of str
        The products, in the order of the bands.

    Returns
    -------
    str
        Path of the VRT.
    """
    names = [name_of(catalog, scene, product) for product in products]
    for name, product in zip(names, products):
        _check_upright(open_source(name, f"{scene.id}/{product}"), f"{scene.id}/{product}")
    return _vrt(names, f"{scene.id}-{'-'.join(products)}", separate=True, resolution="highest")


def mosaic(catalog: Catalog, scenes: Sequence[Scene], product: str) -> str:
    """Write a VRT of a product of many scenes, the first one on top.

    The VRT has the coordinate system of the first scene; scenes of other UTM zones are warped when they are drawn.

    Parameters
    ----------
    catalog : Catalog
        The client of the service.
    scenes : sequence of Scene
        The scenes.
    product : str
        The product.

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
        names = list(pool.map(lambda scene: name_of(catalog, scene, product), scenes))
        datasets = list(pool.map(open_source, names, [f"{scene.id}/{product}" for scene in scenes]))
    for scene, dataset in zip(scenes, datasets):  # GDAL would skip scenes that do not fit, with a mere warning
        _check_upright(dataset, f"{scene.id}/{product}")
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
    return _vrt(sources[::-1], f"mosaic-{product}", separate=False, resolution="highest")


def tiles(catalog: Catalog, pattern: str, level: int, title: str) -> str:
    """Write the description of the tiles of a scene or basemap; only its owner can read the file.

    Parameters
    ----------
    catalog : Catalog
        The client of the service.
    pattern : str
        URL template of the tiles.
    level : int
        The highest zoom level.
    title : str
        Name of the file.

    Returns
    -------
    str
        Path of the file.
    """
    return str(tiles_file(catalog.settings, title, tiles_description(catalog, pattern, level)))


def drawn(dataset: gdal.Dataset, title: str, extent: Optional[Rectangle], crs: str) -> Drawn:
    """Return how to draw a raster: its bands, stretched to the values in view.

    Parameters
    ----------
    dataset : gdal.Dataset
        The raster.
    title : str
        Name of the raster in errors.
    extent : tuple of float, optional
        The view (west, south, east, north); if it does not meet the raster, the middle of the raster is used.
    crs : str
        Coordinate system of the extent, as WKT.

    Returns
    -------
    Drawn
        Stretch from the 2nd to the 98th percentile of the valid pixels in a window of at most 400 × 400 pixels, like
        QGIS's cumulative cut, but never of the whole file, which would have to be downloaded.

    Raises
    ------
    RasterAccessError
        If the pixels cannot be read.
    """
    bands = _colours(dataset)
    if dataset.GetRasterBand(1).DataType == gdal.GDT_Byte and len(bands) == 3:
        return Drawn()
    column, row, width, height = _window(dataset, title, extent, crs)
    scale = max(1.0, max(width, height) / _SAMPLE)
    shape = max(1, int(width / scale)), max(1, int(height / scale))
    if not has_overviews(dataset) and scale > 4:
        # Without overviews, a decimated window would be read in full: use its middle at full resolution.
        side = int(_SAMPLE * 2)
        column, row = column + max(0, (width - side) // 2), row + max(0, (height - side) // 2)
        width, height = min(width, side), min(height, side)
        shape = min(width, _SAMPLE), min(height, _SAMPLE)

    def pixels(band: gdal.Band) -> numpy.ndarray[Any, Any]:
        values, why = call_gdal(lambda: band.ReadAsArray(column, row, width, height, *shape))
        if values is None:
            raise RasterAccessError(
                tr("The pixels of {title} in view cannot be read: {why}. Try again later.").format(title=title, why=why)
            )
        return values

    mask = pixels(dataset.GetRasterBand(1).GetMaskBand())
    found: List[Band] = []
    for number in bands:
        values = pixels(dataset.GetRasterBand(number))
        valid = values[(mask > 0) & (values != 0)]
        low, high = numpy.percentile(valid, (_TAIL, 100 - _TAIL)) if valid.size else (0.0, 1.0)
        found.append(Band(number, float(low), float(max(high, low + 1))))
    return Drawn(tuple(found))


def system_of(dataset: gdal.Dataset, title: str) -> osr.SpatialReference:
    """Return the coordinate system of a raster, with x before y.

    Parameters
    ----------
    dataset : gdal.Dataset
        The raster.
    title : str
        Name of the raster in errors; its source may contain a signature.

    Raises
    ------
    RasterAccessError
        If the raster has no coordinate system.
    """
    system = dataset.GetSpatialRef()
    if system is None:
        raise RasterAccessError(tr("{title} has no coordinate system.").format(title=title))
    system.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    return system


def _check_upright(dataset: gdal.Dataset, title: str) -> None:
    _, _, turned, _, sheared, height = dataset.GetGeoTransform()
    if turned or sheared or height >= 0:
        raise RasterAccessError(
            tr("{title} is not north up, so it cannot be combined with others.").format(title=title)
        )


def _bands(dataset: gdal.Dataset) -> List[int]:
    return [dataset.GetRasterBand(number).DataType for number in range(1, dataset.RasterCount + 1)]


def _colours(dataset: gdal.Dataset) -> List[int]:
    """Return the bands drawn as red, green and blue, or the one drawn as grey."""
    colours = {
        dataset.GetRasterBand(number).GetColorInterpretation(): number for number in range(1, dataset.RasterCount + 1)
    }
    if all(colour in colours for colour in (gdal.GCI_RedBand, gdal.GCI_GreenBand, gdal.GCI_BlueBand)):
        return [colours[gdal.GCI_RedBand], colours[gdal.GCI_GreenBand], colours[gdal.GCI_BlueBand]]
    if dataset.RasterCount >= 3:
        # RapidEye's five bands are blue, green, red, red edge, near infrared; PlanetScope's four begin alike.
        return [3, 2, 1]
    return [1]


def _window(dataset: gdal.Dataset, title: str, extent: Optional[Rectangle], crs: str) -> Tuple[int, int, int, int]:
    """Return column, row, width and height of an extent in a raster; of the whole raster if they do not meet."""
    whole = 0, 0, dataset.RasterXSize, dataset.RasterYSize
    west, pixel_x, _, north, _, pixel_y = dataset.GetGeoTransform()
    if extent is None or not crs:  # a project may have no coordinate system
        return whole
    here = system_of(dataset, title)

    def transform() -> Any:
        there = osr.SpatialReference()
        there.ImportFromWkt(crs)
        there.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
        return osr.CoordinateTransformation(there, here).TransformBounds(*extent, 21)

    bounds, _ = call_gdal(transform)
    if bounds is None or not all(math.isfinite(bound) for bound in bounds):
        return whole
    left, bottom, right, top = bounds
    first, last = int((left - west) / pixel_x), int((right - west) / pixel_x) + 1
    upper, lower = int((top - north) / pixel_y), int((bottom - north) / pixel_y) + 1
    first, last = max(0, first), min(dataset.RasterXSize, last)
    upper, lower = max(0, upper), min(dataset.RasterYSize, lower)
    return (first, upper, last - first, lower - upper) if first < last and upper < lower else whole


def has_overviews(dataset: gdal.Dataset) -> bool:
    """Return True if a raster has overviews.

    Parameters
    ----------
    dataset : gdal.Dataset
        The raster.
    """
    band = dataset.GetRasterBand(1)
    # For remote files, GDAL's name of an overview file may lead to the file itself, which has the same size.
    return any(band.GetOverview(number).XSize < band.XSize for number in range(band.GetOverviewCount()))


def _warped(name: str, dataset: gdal.Dataset, system: osr.SpatialReference, title: str) -> str:
    """Write a VRT that warps a product into another coordinate system on reading, and return its path."""
    alpha = dataset.GetRasterBand(dataset.RasterCount).GetColorInterpretation() == gdal.GCI_AlphaBand
    return _made(
        title,
        lambda path: gdal.Warp(path, name, format="VRT", dstSRS=system.ExportToWkt(), srcAlpha=alpha, dstAlpha=alpha),
        (name, system.ExportToWkt()),
    )


def _vrt(sources: Sequence[str], title: str, separate: bool, resolution: str) -> str:
    return _made(
        title,
        lambda path: gdal.BuildVRT(path, list(sources), separate=separate, resolution=resolution),
        (*sources, separate),
    )


def _made(title: str, make: Any, key: Sequence[Any]) -> str:
    """Create a VRT in the cache, readable only by its owner as it may contain signed URLs, and return its path."""
    folder = user_directory("cache") / "vrt"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{title[:60]}-{hashlib.blake2b(repr(list(key)).encode(), digest_size=8).hexdigest()}.vrt"
    with complete(path) as part:
        part.touch(0o600)

        def write() -> bool:
            made = make(str(part))
            if made is None:
                return False
            made.FlushCache()
            return True

        written, why = call_gdal(write)
        if not written:
            raise RasterAccessError(tr("The scenes cannot be combined: {why}. Try again later.").format(why=why))
    remove_oldest(folder, "*.vrt", MOST_KEPT)
    return str(path)
