"""Products as QGIS opens them: names that hold no key, files that say how several make one raster.

Everything here asks the service, and is called in workers.
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
"""Scenes of a mosaic: the header of each is read before anything is drawn."""

MOST_KEPT = 500
"""VRTs of mosaics and stacks that are kept, but for those of the last day; a project makes its own again."""

_SAMPLE = 400  # pixels a side, of the window that a stretch is estimated on
_TAIL = 2.0  # percent of the pixels cut off at each end, as QGIS's own cumulative cut

_OPEN = gdal.OF_RASTER | gdal.OF_VERBOSE_ERROR  # without the second, most failures to open a remote file are silent
_MOST_SAID = 300  # characters of a message
# An address or a part of one, without the punctuation after it.
_REMOTE = re.compile(
    r"""[^\s'"`]*(?:://|/vsi|vsicurl|%[0-9a-f]{2}|\w[?&]\w)[^\s'"`]*?(?=[:,.;)]*(?:[\s'"`]|$))""", re.I
)

Rectangle = Tuple[float, float, float, float]
"""West, south, east, north."""


class Band(NamedTuple):
    """Say which band shows a colour, and the values drawn darkest and brightest."""

    number: int
    low: float
    high: float


class Drawn(NamedTuple):
    """Hold how a raster is drawn: three bands, or one, each stretched; none where its values are colours already."""

    bands: Tuple[Band, ...] = ()


def name_of(catalog: Catalog, scene: Scene, product: str) -> str:
    """Return the name by which QGIS draws a product: of a VRT, where it has overviews by that; no key is in it.

    Raises
    ------
    RasterAccessError
        When the service gives the product whole only.
    ServiceError
        When it does not give it.
    """
    number = int(gdal.VersionInfo()) // 100
    build = number // 10000, number // 100 % 100, number % 100
    return described.name_of(catalog, scene, product, _access(catalog, scene, product), build)


def own_name_of(catalog: Catalog, scene: Scene, product: str) -> str:
    """Return the name of a product alone, whose pixels are the file's at any size, and raise as `name_of` does."""
    return self_contained(_access(catalog, scene, product))


def _access(catalog: Catalog, scene: Scene, product: str) -> Access:
    access = plan(catalog, scene.product_link(product), ANY_BUILD)
    if not access.ranges:
        raise RasterAccessError(
            tr("{scene}/{product} is served whole only: download it instead.").format(scene=scene.id, product=product)
        )
    return access


def open_raster(name: str, title: str) -> gdal.Dataset:
    """Open a product, once its header says that it is a GeoTIFF of a size that can be read.

    Raises
    ------
    RasterAccessError
        When it is not; the message has GDAL's reason.
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
            tr("{title} has blocks of {size:,} bytes, which no product has: it is not read.").format(
                title=title, size=block
            )
        )
    return dataset


def open_source(name: str, title: str) -> gdal.Dataset:
    """Open what `name_of`, `stack` or `mosaic` returns.

    Raises
    ------
    RasterAccessError
        As `open_raster` and `open_vrt` do.
    """
    return open_vrt(name, title) if name.endswith(".vrt") else open_raster(name, title)


def open_vrt(path: str, title: str) -> gdal.Dataset:
    """Open a VRT written here.

    Raises
    ------
    RasterAccessError
        If that fails; the message has GDAL's reason.
    """
    dataset, why = call_gdal(lambda: gdal.OpenEx(path, _OPEN, allowed_drivers=["VRT"]))
    if dataset is None:
        raise RasterAccessError(tr("{title} cannot be opened: {why}. Try again later.").format(title=title, why=why))
    return dataset


def call_gdal(call: Callable[[], Any]) -> Tuple[Any, str]:
    """Call GDAL with its output suppressed.

    Whether GDAL's Python bindings raise exceptions is a setting of the process: Processing enables them in newer QGIS.
    Here they are enabled for the call, where the bindings allow that (GDAL 3.7 and later); both cases are handled.

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
    """Enable exceptions in this thread; without a choice of either, GDAL 3.7 and later print a warning."""
    with ExitStack() as stack:
        for module in (gdal, osr):
            if hasattr(module, "ExceptionMgr"):
                stack.enter_context(module.ExceptionMgr())
        yield


def gdal_reason(message: str) -> str:
    """Return a message of GDAL on one line, without addresses and names of remote files: they may hold a signature."""
    text = _REMOTE.sub("the file", " ".join(message.split())).rstrip(". ")
    return text[:_MOST_SAID] or tr("GDAL does not say why")


def stack(catalog: Catalog, scene: Scene, products: Sequence[str]) -> str:
    """Write a VRT of several products as the bands of one raster, and return its path."""
    names = [name_of(catalog, scene, product) for product in products]
    for name, product in zip(names, products):
        _check_upright(open_source(name, f"{scene.id}/{product}"), f"{scene.id}/{product}")
    return _vrt(names, f"{scene.id}-{'-'.join(products)}", separate=True, resolution="highest")


def mosaic(catalog: Catalog, scenes: Sequence[Scene], product: str) -> str:
    """Write a VRT of a product of many scenes, the first one on top, and return its path.

    It is in the system of the first; scenes of other UTM zones are warped into it as they are drawn.

    Raises
    ------
    QueryError
        When there is no scene, or more than `MOST_SCENES`.
    RasterAccessError
        When one cannot be opened, has other bands than the first, or is not north up.
    """
    if not scenes:
        raise QueryError(tr("The search has no scenes: widen it."))
    if len(scenes) > MOST_SCENES:
        raise QueryError(
            tr("{count} scenes are too many for one mosaic, which takes {most}: narrow the search.").format(
                count=len(scenes), most=MOST_SCENES
            )
        )
    with Workers(catalog.settings.connections) as pool:
        names = list(pool.map(lambda scene: name_of(catalog, scene, product), scenes))
        datasets = list(pool.map(open_source, names, [f"{scene.id}/{product}" for scene in scenes]))
    for scene, dataset in zip(scenes, datasets):  # GDAL would leave out, with a warning, what does not fit
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
    # GDAL draws the last of them on top.
    return _vrt(sources[::-1], f"mosaic-{product}", separate=False, resolution="highest")


def tiles(catalog: Catalog, pattern: str, level: int, title: str) -> str:
    """Write the description of a scene's or a basemap's tiles, readable by its owner only; return its path."""
    return str(tiles_file(catalog.settings, title, tiles_description(catalog, pattern, level)))


def drawn(dataset: gdal.Dataset, title: str, extent: Optional[Rectangle], crs: str) -> Drawn:
    """Return how to draw a raster: its colours, stretched to what a part of it holds.

    Parameters
    ----------
    dataset : Dataset
        The raster.
    title : str
        What errors call it.
    extent : tuple of float, optional
        The part that is looked at; where it lies beside the raster, the middle of the raster.
    crs : str
        The system of the extent, as WKT.

    Returns
    -------
    Drawn
        From the 2nd to the 98th percentile of the valid pixels of a window of at most 400 × 400 pixels, as QGIS's
        own cumulative cut does, but never of the whole file, which would be fetched for it.
    """
    bands = _colours(dataset)
    if dataset.GetRasterBand(1).DataType == gdal.GDT_Byte and len(bands) == 3:
        return Drawn()
    column, row, width, height = _window(dataset, title, extent, crs)
    scale = max(1.0, max(width, height) / _SAMPLE)
    shape = max(1, int(width / scale)), max(1, int(height / scale))
    if not has_overviews(dataset) and scale > 4:
        # Without overviews a decimated window would be read whole: take the middle of it at full resolution.
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
    """Return the coordinate system of a raster, x before y.

    Parameters
    ----------
    dataset : Dataset
        The raster.
    title : str
        What an error calls it. Its name may hold a signature.

    Raises
    ------
    RasterAccessError
        When it has none.
    """
    system = dataset.GetSpatialRef()
    if system is None:
        raise RasterAccessError(tr("{title} has no coordinate system.").format(title=title))
    system.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    return system


def _check_upright(dataset: gdal.Dataset, title: str) -> None:
    _, _, turned, _, sheared, height = dataset.GetGeoTransform()
    if turned or sheared or height >= 0:
        raise RasterAccessError(tr("{title} is not north up: it makes no raster with others.").format(title=title))


def _bands(dataset: gdal.Dataset) -> List[int]:
    return [dataset.GetRasterBand(number).DataType for number in range(1, dataset.RasterCount + 1)]


def _colours(dataset: gdal.Dataset) -> List[int]:
    """Return the bands drawn red, green and blue, or the one drawn grey."""
    colours = {
        dataset.GetRasterBand(number).GetColorInterpretation(): number for number in range(1, dataset.RasterCount + 1)
    }
    if all(colour in colours for colour in (gdal.GCI_RedBand, gdal.GCI_GreenBand, gdal.GCI_BlueBand)):
        return [colours[gdal.GCI_RedBand], colours[gdal.GCI_GreenBand], colours[gdal.GCI_BlueBand]]
    if dataset.RasterCount >= 3:
        # RapidEye's five bands are blue, green, red, red edge, near infrared; PlanetScope's four begin the same.
        return [3, 2, 1]
    return [1]


def _window(dataset: gdal.Dataset, title: str, extent: Optional[Rectangle], crs: str) -> Tuple[int, int, int, int]:
    """Return column, row, width and height of an extent in a raster; of all of it where they share nothing."""
    whole = 0, 0, dataset.RasterXSize, dataset.RasterYSize
    west, pixel_x, _, north, _, pixel_y = dataset.GetGeoTransform()
    if extent is None or not crs:  # a project may have no system
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
    """Tell whether a raster has smaller copies of itself."""
    band = dataset.GetRasterBand(1)
    # GDAL looks for a file of overviews by a name that, of a remote file, leads to the file itself: of the same size.
    return any(band.GetOverview(number).XSize < band.XSize for number in range(band.GetOverviewCount()))


def _warped(name: str, dataset: gdal.Dataset, system: osr.SpatialReference, title: str) -> str:
    """Write a VRT that warps a product into another system as it is read, and return its path."""
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
    """Make a VRT in the cache, for its owner's eyes only as it may name signed addresses, and return its path."""
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
            raise RasterAccessError(tr("The scenes cannot be put together: {why}. Try again later.").format(why=why))
    remove_oldest(folder, "*.vrt", MOST_KEPT)
    return str(path)
