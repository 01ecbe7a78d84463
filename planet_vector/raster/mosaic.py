"""A search as one raster: the pixels of many scenes, on a grid of one's choice.

It is said in a VRT, for which the header of each scene is read; each is opened and warped when it is looked at. GDAL's
tile index (GTI) would open none before that, but leaves out a scene that it cannot open: up to 3.11 without an error,
and from 3.12 on when the same place is read once more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable, Mapping, NamedTuple, Optional, Sequence, Tuple, Union
from xml.etree.ElementTree import Element, SubElement, tostring

import rasterio
import rasterio.shutil
from rasterio.crs import CRS
from rasterio.errors import CRSError
from rasterio.io import MemoryFile
from rasterio.transform import from_origin
from rasterio.vrt import WarpedVRT
from rasterio.warp import Resampling

from planet_vector.catalog import ScenesV0
from planet_vector.errors import QueryError, RasterAccessError
from planet_vector.geometry import bounds as box_of
from planet_vector.raster.product import north_up
from planet_vector.raster.sources import Sources, source_name
from planet_vector.raster.virtual import Bounds, Virtual, header_of, open_virtual, vrt, vrt_band, vrt_source
from planet_vector.raster.warping import warped_bounds
from planet_vector.scene import Scene
from planet_vector.workers import Workers

ORDERS: Dict[str, Callable[[Scene], Any]] = {
    "newest": lambda scene: scene.acquired.timestamp(),
    "oldest": lambda scene: -scene.acquired.timestamp(),
    "clearest": lambda scene: -(101.0 if scene.cloud_cover is None else scene.cloud_cover),
}
"""Which scene lies on top, where several do; by what is greatest."""

RESAMPLING = ("nearest", "bilinear", "cubic", "cubic_spline", "lanczos", "average", "mode")
"""How pixels are brought to the grid: the names of `rasterio.enums.Resampling` that GDAL both warps and reads by."""

_EARTH_RADIUS = 6371.0072  # km; of the sphere with the area of the WGS 84 ellipsoid (Moritz 2000)
_AT_ONCE = 4  # scenes opened


@dataclass(frozen=True)
class Survey:
    """Hold what a mosaic comes to.

    Attributes
    ----------
    count : int
        Scenes.
    area : float
        Of all footprints, one after another, in square kilometres.
    """

    count: int
    area: float

    def __str__(self) -> str:
        return f"{self.count} scenes, {self.area:,.0f} km²"


def survey(scenes: Iterable[Scene]) -> Survey:
    """Add up the footprints of scenes, on the sphere."""
    found = list(scenes)
    return Survey(len(found), sum(_area(ring) for scene in found for polygon in scene.polygons for ring in polygon[:1]))


def open_scenes(
    catalog: ScenesV0,
    scenes: Sequence[Scene],
    product: str,
    crs: Any = None,
    res: Union[None, float, Tuple[float, float]] = None,
    bounds: Optional[Bounds] = None,
    order: str = "newest",
    resampling: str = "nearest",
) -> Virtual:
    """Open scenes as one raster.

    Parameters
    ----------
    catalog : ScenesV0
        The service.
    scenes : sequence of Scene
        What it is made of.
    product : str
        Which product of each; all must have the same bands.
    crs : anything `rasterio.crs.CRS.from_user_input` takes, optional
        Of the mosaic; by default that of the scene on top.
    res : float or (float, float), optional
        Pixel width and height in units of `crs`; by default those of the scene on top.
    bounds : (west, south, east, north), optional
        In units of `crs`; by default around all footprints. Grown to whole pixels, counted from the origin of `crs`.
    order : str
        Which scene lies on top: one of `ORDERS`.
    resampling : str
        One of `RESAMPLING`.

    Raises
    ------
    NotFoundError
        When a scene does not have the product.
    QueryError
        When `crs` is none.
    RasterAccessError
        When there are no scenes, or they make no raster.
    """
    if order not in ORDERS:
        raise RasterAccessError(f"The order is {order!r}: it takes {', '.join(ORDERS)}.")
    if resampling not in RESAMPLING:
        raise RasterAccessError(f"The resampling is {resampling!r}: it takes {', '.join(RESAMPLING)}.")
    if not scenes:
        raise RasterAccessError("There are no scenes to make a mosaic of: widen the search.")
    ranked = sorted(scenes, key=lambda scene: (ORDERS[order](scene), scene.id))
    titles = {catalog.transport.check_link(scene.product_link(product)): f"{scene.id}/{product}" for scene in ranked}
    with Sources(catalog) as sources:
        with sources.open(*list(titles.items())[-1]) as topmost:
            north_up(topmost)
            top = header_of(topmost)
        target = top["crs"] if crs is None else crs_of(crs)
        places = [_place(scene, target) for scene in ranked]
        grid = _grid(places, top, target, res, bounds)
        text = tostring(_vrt(sources, titles, grid, top, resampling), encoding="unicode")
        title = f"the mosaic of {len(ranked)} scenes"
        dataset: Virtual = open_virtual(catalog, text, title, lambda: text, titles=titles)
    return dataset


class _Grid(NamedTuple):
    crs: Any
    bounds: Bounds
    res: Tuple[float, float]


def crs_of(given: Any) -> Any:
    """Return a coordinate system as rasterio has it.

    Raises
    ------
    QueryError
        When it is none.
    """
    try:
        with rasterio.Env():  # without one, PROJ's own words are printed, too
            return CRS.from_user_input(given)
    except CRSError as error:
        said = " ".join(str(error).split()).rstrip(".")
        raise QueryError(f"There is no coordinate system {given!r} ({said}): take one as EPSG:3857.") from None


def _grid(places: Sequence[Bounds], top: Dict[str, Any], target: Any, res: Any, bounds: Optional[Bounds]) -> _Grid:
    if res is None:
        size = top["res"] if target == top["crs"] else None
    else:
        size = tuple(map(float, res)) if isinstance(res, (tuple, list)) else (float(res),) * 2
    if size is None:
        west, south, east, north = warped_bounds(top["crs"], target, top["bounds"])
        # As many pixels along the diagonal as the scene has.
        step = math.hypot(east - west, north - south) / math.hypot(top["width"], top["height"])
        size = (step, step)
    if not all(0 < side < math.inf for side in size):
        raise RasterAccessError(f"A pixel of {size} has no size: give it in units of the coordinate system.")
    whole = _around(places)
    west, south, east, north = bounds = bounds or whole
    if not (west < east and south < north and all(map(math.isfinite, bounds))):
        raise RasterAccessError(f"The bounds {bounds} hold nothing: give west, south, east, north in that order.")
    if not (whole[0] < east and west < whole[2] and whole[1] < north and south < whole[3]):
        told = "The scenes do not reach into the bounds {:g}, {:g}, {:g}, {:g}".format(*bounds)
        raise RasterAccessError(f"{told}: give them in units of the mosaic's crs.")
    # The same grid for the same resolution, whatever the bounds: cells are counted from the origin. The first term
    # keeps a bound that lies on a line of the grid there, whatever its last digit.
    outward = (
        math.floor(round(west / size[0], 6)) * size[0], math.floor(round(south / size[1], 6)) * size[1],
        math.ceil(round(east / size[0], 6)) * size[0], math.ceil(round(north / size[1], 6)) * size[1],
    )  # fmt: skip
    return _Grid(target, outward, (float(size[0]), float(size[1])))


def _place(scene: Scene, crs: Any) -> Bounds:
    """Return the box around a footprint in a coordinate system."""
    boxes = []
    for polygon in scene.polygons:  # one by one: across the antimeridian each part has its own longitudes
        box = box_of([polygon])
        if box is not None:
            try:
                boxes.append(warped_bounds("EPSG:4326", crs, box))
            except RasterAccessError:
                told = f"Scene {scene.id} reaches beyond what {crs.to_string()} can show"
                raise RasterAccessError(f"{told}: take another crs.") from None
    if not boxes:
        raise RasterAccessError(f"Scene {scene.id} has no footprint: leave it out of the mosaic.")
    return _around(boxes)


def _around(boxes: Sequence[Bounds]) -> Bounds:
    wests, souths, easts, norths = zip(*boxes)
    return min(wests), min(souths), max(easts), max(norths)


def _vrt(sources: Sources, titles: Mapping[str, str], grid: _Grid, top: Dict[str, Any], resampling: str) -> Element:
    root = vrt(grid.crs, grid.bounds, grid.res)
    bands = [vrt_band(root, dtype, top["nodata"], colour) for dtype, colour in zip(top["dtypes"], top["colours"])]

    def placed(link: str) -> Tuple[str, Dict[str, Any]]:
        with sources.open(link, titles[link]) as dataset:
            _check(dataset, titles[link], top)
            if resampling == "nearest" and dataset.crs == grid.crs and _is_as_fine(dataset, grid):
                return source_name(link), header_of(dataset)  # read with a third of the requests
            return _warped(dataset, grid, resampling)

    with Workers(_AT_ONCE) as pool:
        headed = list(pool.map(placed, titles))
    for name, header in headed:
        for number, band in enumerate(bands, 1):
            source = vrt_source(band, name, number, header, grid.bounds, grid.res, "ComplexSource")
            if top["colours"][number - 1] == "alpha":
                SubElement(source, "NODATA").text = "0"  # what is transparent here covers nothing below
            elif "alpha" in top["colours"]:
                SubElement(source, "UseMaskBand").text = "true"
            elif top["nodata"] is not None:
                SubElement(source, "NODATA").text = repr(top["nodata"])
    return root


def _check(dataset: Any, title: str, top: Dict[str, Any]) -> None:
    north_up(dataset)
    if dataset.dtypes != top["dtypes"]:
        raise RasterAccessError(f"{title} has other bands than the scene on top: leave it out of the mosaic.")


def _is_as_fine(dataset: Any, grid: _Grid) -> bool:
    """Tell whether pixels are as large as the grid's, to a thousandth of one over the whole scene."""
    width, height = (abs(mine / its - 1) for mine, its in zip(dataset.res, grid.res))
    return bool(max(width * dataset.width, height * dataset.height) < 1e-3)


def _warped(dataset: Any, grid: _Grid, resampling: str) -> Tuple[str, Dict[str, Any]]:
    """Return one scene on the mosaic's grid, as the text of a VRT, and the header of that."""
    west, south, east, north = warped_bounds(dataset.crs, grid.crs, dataset.bounds)
    columns = math.floor((west - grid.bounds[0]) / grid.res[0]), math.ceil((east - grid.bounds[0]) / grid.res[0])
    rows = math.floor((grid.bounds[3] - north) / grid.res[1]), math.ceil((grid.bounds[3] - south) / grid.res[1])
    transform = from_origin(
        grid.bounds[0] + columns[0] * grid.res[0], grid.bounds[3] - rows[0] * grid.res[1], *grid.res
    )
    with MemoryFile(ext=".vrt") as memory:
        with WarpedVRT(
            dataset,
            crs=grid.crs,
            transform=transform,
            width=columns[1] - columns[0],
            height=rows[1] - rows[0],
            resampling=Resampling[resampling],
        ) as warped:
            rasterio.shutil.copy(warped, memory.name, driver="VRT")
            header = header_of(warped)
        text = memory.read().decode()
    return text, header


def _area(ring: Sequence[Tuple[float, float]]) -> float:
    """Return the area of a ring on the sphere, in square kilometres (Chamberlain and Duquette 2007, JPL 07-03)."""
    total = 0.0
    for (x1, y1), (x2, y2) in zip(ring, ring[1:]):
        total += math.radians(x2 - x1) * (2 + math.sin(math.radians(y1)) + math.sin(math.radians(y2)))
    return abs(total) * _EARTH_RADIUS**2 / 2
