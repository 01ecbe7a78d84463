"""Open a search as one raster: the pixels of many scenes, on a grid of choice.

The mosaic is a VRT, for which the header of each scene is read; each scene is opened and warped on first access.
GDAL's tile index (GTI) would open none in advance, but omits scenes that cannot be opened: up to 3.11 without an
error, and from 3.12 on when the same place is read again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import repeat
from typing import TYPE_CHECKING, Any, Iterable, List, Optional, Sequence, Tuple, Union

import rasterio
import rasterio.shutil
import shapely
from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import CRSError
from rasterio.io import DatasetReader, MemoryFile
from rasterio.vrt import WarpedVRT
from rasterio.warp import Resampling

from planet_vector.catalog import Catalog
from planet_vector.decimals import counted
from planet_vector.errors import QueryError, RasterAccessError
from planet_vector.geometry.boxes import Bounds, around_polygons
from planet_vector.geometry.grid import GridSpec, outward
from planet_vector.geometry.ground import area_asked_for, area_of, holds_ground, polygons, shares_of
from planet_vector.mosaic_options import RESAMPLING, TOPS
from planet_vector.pixels.header import RasterHeader
from planet_vector.pixels.valid import needed
from planet_vector.progress import Progress
from planet_vector.raster.band_stack import Virtual, open_virtual
from planet_vector.raster.compatibility import ALPHA, bands_of_all, checked, told_by_pixels
from planet_vector.raster.drawn import cut_to
from planet_vector.raster.file_vrts import mask_alone, vrt_band, vrt_source, with_mask, with_nodata
from planet_vector.raster.headers import header_of
from planet_vector.raster.placed import north_up
from planet_vector.raster.scene_files import SceneFile, activate_files, masked, open_sources, scene_file
from planet_vector.raster.source_names import source_name
from planet_vector.raster.sources import Sources
from planet_vector.raster.vrt_xml import add_mask, add_metadata, as_text, new_vrt
from planet_vector.raster.warping import around, recentred, turn_of, turns, warped_bounds, warped_step
from planet_vector.scene import Scene
from planet_vector.workers import Workers

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


@dataclass(frozen=True)
class Coverage:
    """Number of scenes, and the area they cover.

    Attributes
    ----------
    count : int
        Number of scenes.
    area : float
        Area that the scenes cover, overlaps counted once, in square kilometres on the ellipsoid.
    covered : float, optional
        Share of the requested area that they cover, from 0 to 1.
    """

    count: int
    area: float
    covered: Optional[float] = None

    def __str__(self) -> str:
        # Two decimals for areas below 9.5 km².
        return f"{counted(self.count, 'scene')}, {self.area:,.{0 if self.area >= 9.5 else 2}f} km²"


def coverage_of(scenes: Iterable[Scene], area: Any = None) -> Coverage:
    """Return how many scenes there are, and how much ground they cover.

    Parameters
    ----------
    scenes : iterable of Scene
        The scenes.
    area : shapely geometry, Box, mapping or str, optional
        The requested area, as for `planet_vector.geometry.ground.area_asked_for`.
    """
    found = list(scenes)
    ground = shapely.union_all(shapely.make_valid([scene.footprint for scene in found]))
    asked = None if area is None else area_asked_for(area)
    (covered,) = (None,) if asked is None or not holds_ground(asked) else shares_of(asked, [ground])
    return Coverage(len(found), float(area_of(ground)) / 1e6, covered)


def open_scenes(
    catalog: Catalog,
    scenes: Sequence[Scene],
    product: Optional[str] = None,
    crs: Any = None,
    res: Union[None, float, Tuple[float, float]] = None,
    bounds: Optional[Bounds] = None,
    order: str = "newest",
    resampling: str = "nearest",
    area: Any = None,
    mask: Optional[str] = None,
    activate: Union[bool, Progress] = False,
) -> Virtual:
    """Open scenes as one raster.

    Parameters
    ----------
    catalog : Catalog
        The service.
    scenes : sequence of Scene
        Scenes of the mosaic.
    product : str, optional
        Product of each scene; all must have the same bands. By default the preferred one of the scene type.
    crs : anything `rasterio.crs.CRS.from_user_input` takes, optional
        Coordinate system of the mosaic; by default that of the scene on top.
    res : float or (float, float), optional
        Pixel width and height in units of `crs`; by default those of the scene on top.
    bounds : (west, south, east, north), optional
        In units of `crs`; by default the narrowest around all footprints. If `crs` wraps around the globe, as degrees
        do, they may extend across ±180° if that is narrower (170 to 190), and may be given in any turn (-175 to -170 or
        185 to 190). They are extended to whole pixels, counted from the origin of `crs`.
    order : str
        Which scene lies on top: one of `TOPS`.
    resampling : str
        One of `RESAMPLING`.
    area : shapely geometry, Box, mapping or str, optional
        Without `bounds`, the mosaic is cut to the bounding box of its polygons, as for
        `planet_vector.geometry.ground.area_asked_for`. A point or a line cuts nothing.
    mask : str, optional
        Pixels to hide, as `planet_vector.bands.masks.parse_mask` takes it; other scenes show through there. By default
        nothing.
    activate : bool or callable
        Activate the files first, and wait for them, as `planet_vector.activate` does; a callback is called with the
        number of active files and of all.

    Returns
    -------
    Virtual
        The mosaic.

    Raises
    ------
    NotFoundError
        If a scene lacks the product, or its mask.
    QueryError
        If `crs` is not a coordinate system, or the mask does not tell what to hide.
    RasterAccessError
        If there are no scenes, or they cannot form one raster.
    """
    if resampling not in RESAMPLING:
        raise RasterAccessError(f"The resampling is {resampling!r}: it takes {', '.join(RESAMPLING)}.")
    ranked = ranked_scenes(scenes, order)
    asked = None if area is None else area_asked_for(area)
    if asked is not None and not holds_ground(asked):
        asked = None
    product = scenes[0].schema.product(product)
    found = [scene_file(catalog, scene, product, mask) for scene in ranked]
    if activate:
        activate_files(catalog, zip(ranked, found), activate)
    files = list({file.link: file for file in found}.values())
    sources = open_sources(catalog, files)
    try:
        with sources.open(files[-1].link) as topmost:
            north_up(topmost)
            top = header_of(topmost)
        target = top.crs if crs is None else crs_of(crs)
        places = [_place(scene, target) for scene in ranked]
        if bounds is None and asked is not None:
            # Ground beyond the scenes may be impossible to project.
            boxes = [shapely.box(*around_polygons([polygon])) for scene in ranked for polygon in scene.polygons]
            within = polygons(shapely.intersection(asked, shapely.union_all(boxes)))
            bounds = cut_to(around(places, turn_of(target)), within, target)
        grid = _grid(places, top, target, res, bounds)
        root = _vrt(sources, files, grid, top, resampling, catalog.settings.connections)
        text = as_text(root)
    except BaseException:
        sources.end()
        raise
    dataset: Virtual = open_virtual(text, f"the mosaic of {len(ranked)} scenes", sources)
    return dataset


def ranked_scenes(scenes: Sequence[Scene], order: str) -> List[Scene]:
    """Return the scenes of a mosaic in the order in which they are drawn, the one on top last.

    Parameters
    ----------
    scenes : sequence of Scene
        The scenes.
    order : str
        Which scene lies on top: one of `TOPS`.

    Raises
    ------
    RasterAccessError
        If there are no scenes, or the order is unknown.
    """
    if order not in TOPS:
        raise RasterAccessError(f"top is {order!r}: it takes {', '.join(TOPS)}.")
    if not scenes:
        raise RasterAccessError("There are no scenes to make a mosaic of: widen the search.")
    return sorted(scenes, key=lambda scene: (TOPS[order](scene), scene.id))


def crs_of(given: Any) -> Any:
    """Return a coordinate system as rasterio represents it.

    Parameters
    ----------
    given : anything `rasterio.crs.CRS.from_user_input` takes
        The coordinate system.

    Returns
    -------
    rasterio.crs.CRS

    Raises
    ------
    QueryError
        If it is not a coordinate system.
    """
    try:
        with rasterio.Env():  # without one, PROJ prints its own messages
            return CRS.from_user_input(given)
    except CRSError as error:
        said = " ".join(str(error).split()).rstrip(".")
        raise QueryError(f"{given!r} is not a coordinate system ({said}): use, for example, EPSG:3857.") from None


def _grid(places: Sequence[Bounds], top: RasterHeader, target: Any, res: Any, bounds: Optional[Bounds]) -> GridSpec:
    if res is None:
        size = top.res if target == top.crs else None
    else:
        across, down = res if isinstance(res, (tuple, list)) else (res, res)
        size = float(across), float(down)
    if size is None:
        step = warped_step(top.grid, target)
        size = (step, step)
    if not all(0 < side < math.inf for side in size):
        raise RasterAccessError(f"Invalid pixel size {size}: give it in units of the coordinate system.")
    turn = turn_of(target)
    whole = around(places, turn)
    west, south, east, north = bounds or whole
    if turn is not None and east < west:
        east += turn.period
    bounds = west, south, east, north
    if not (west < east and south < north and all(map(math.isfinite, bounds))):
        raise RasterAccessError(f"The bounds {bounds} are empty: give west, south, east, north in that order.")
    reached = turns((whole[0], whole[2]), (west, east), turn)
    beside = not any(whole[0] + by < east and west < whole[2] + by for by in reached)
    if beside or whole[1] >= north or south >= whole[3]:
        told = "The scenes do not reach into the bounds {:g}, {:g}, {:g}, {:g}".format(*bounds)
        raise RasterAccessError(f"{told}: give them in units of the mosaic's crs.")
    # Count pixels from the origin, so that the grid depends on the resolution alone.
    columns = outward((west / size[0], east / size[0]))
    rows = outward((-north / size[1], -south / size[1]))
    return GridSpec.between(target, (float(size[0]), float(size[1])), (0.0, 0.0), columns, rows)


def _place(scene: Scene, crs: Any) -> Bounds:
    """Return the bounding box of a footprint in a coordinate system."""
    boxes, turn = [], turn_of(crs)
    for polygon in scene.polygons:  # separately, as the parts across the antimeridian differ in longitude
        box = around_polygons([polygon])
        if box is not None:
            try:
                bounds = warped_bounds("EPSG:4326", crs, box)
                boxes.append(bounds if turn is None else turn.square(bounds))
            except RasterAccessError:
                told = f"Scene {scene.id} reaches beyond what {crs.to_string()} can show"
                raise RasterAccessError(f"{told}: take another crs.") from None
    if not boxes:
        raise RasterAccessError(f"Scene {scene.id} has no footprint: leave it out of the mosaic.")
    return around(boxes, turn)


def _vrt(
    sources: Sources, files: Sequence[SceneFile], grid: GridSpec, top: RasterHeader, resampling: str, connections: int
) -> Element:
    """Return the VRT of all scenes, with the top one drawn last."""
    root = new_vrt(grid)  # raises an error for too many pixels, before any scene is requested
    on_top = files[-1].title
    if resampling not in ("nearest", "mode") and any(band.table for band in top.bands):
        told = f"The pixels of {on_top} are indices into a palette, for which {resampling} is not defined"
        raise RasterAccessError(f"{told}: take nearest or mode.")

    def placed(file: SceneFile, how: Optional[str]) -> _Placed:
        link = file.link
        with sources.open(link) as dataset:
            header = checked(dataset, file.title, top, on_top)
            own = sources.mask_of(link, header, dataset)
            unmarked = not any(value is not None for value in dataset.nodatavals)  # in the file itself
        header, own = masked(sources, file, header, own)
        name = source_name(link)
        if not how and (own or needed(header)):  # otherwise GDAL knows that all of it is valid
            name = with_mask(name, header, own)
        if resampling == "nearest" and header.crs == grid.crs and _is_as_fine(header, grid):
            moved = [Affine.translation(at[0] - header.bounds[0], 0) for at in _in_turns(header.bounds, grid)]
            places = [replace(header, transform=by * header.transform) for by in moved]
            return header, [(name, place) for place in places]  # read with a third of the requests
        if how and (unmarked or how != repr(header.nodata[0])) and how != ALPHA:
            name = with_nodata(name, header)
        with sources.open_again(name, link) as dataset:
            drawn = _warped(sources, dataset, grid, resampling, by_band=how not in (None, ALPHA))
        if how:
            return header, drawn
        with sources.open_again(mask_alone(name, header), link) as dataset:
            masks = _warped(sources, dataset, grid, resampling)
        return header, [(with_mask(text, place, mask), place) for (text, place), (mask, _) in zip(drawn, masks)]

    with Workers(connections) as pool:
        # Assume that all scenes encode nodata like the one on top, as they nearly always do, so that each file is
        # opened once.
        how = told_by_pixels(top) if files[-1].mask is None else None
        found = list(pool.map(placed, files, repeat(how)))
        if any(told_by_pixels(header) != how for header, _ in found):
            how = None
            found = list(pool.map(placed, files, repeat(how)))
    headers = [header for header, _ in found]
    add_metadata(root, sorted(set.intersection(*(set(header.tags.items()) for header in headers))))
    bands = [vrt_band(root, band) for band in bands_of_all(headers, top)]
    sources_of_all = [each for _, several in found for each in several]
    for name, place in sources_of_all:
        for number, band in enumerate(bands, 1):
            if how is None or (how == ALPHA and number != top.alpha):
                settings = {"UseMaskBand": "true"}
            else:  # transparent pixels do not cover those below
                settings = {"NODATA": "0" if how == ALPHA else how}
            vrt_source(band, name, number, place, grid, settings)
    if how is None:
        mask = add_mask(root)
        for name, place in sources_of_all:
            vrt_source(mask, name, "mask,1", place, grid, {"NODATA": "0"})
    return root


_Placed = Tuple[RasterHeader, List[Tuple[str, RasterHeader]]]
"""Header of a scene; the GDAL names of its parts, with headers that specify where each lies on the grid."""


def _is_as_fine(header: RasterHeader, grid: GridSpec) -> bool:
    """Return whether pixels are as large as the grid's, to a thousandth of a pixel over the whole scene."""
    width, height = (abs(mine / its - 1) for mine, its in zip(header.res, grid.res))
    return bool(max(width * header.width, height * header.height) < 1e-3)


def _in_turns(bounds: Bounds, grid: GridSpec) -> List[Bounds]:
    """Return the positions of bounds on a grid, one per turn of the globe in which the grid shows them."""
    west, south, east, north = bounds
    moves = turns((west, east), (grid.west, grid.bounds[2]), turn_of(grid.crs))
    return [(west + by, south, east + by, north) for by in moves]


def _warped(
    sources: Sources, dataset: DatasetReader, grid: GridSpec, resampling: str, by_band: bool = False
) -> List[Tuple[str, RasterHeader]]:
    """Return one scene on the mosaic's grid, as VRT texts with their headers; one per turn.

    Nodata is determined by all bands together, or by each for itself, as the mosaic draws it.
    """
    bounds = warped_bounds(dataset.crs, grid.crs, dataset.bounds)
    crs, transform = dataset.crs, dataset.transform
    moved = None if crs == grid.crs else recentred(crs, dataset.bounds.left, dataset.bounds.right)
    if moved is not None:
        crs, transform = moved[0], Affine.translation(-moved[1], 0) * transform
    found = []
    for place in _in_turns(bounds, grid):
        # In the coordinate system of the grid GDAL shifts nothing by turns.
        by = place[0] - bounds[0] if crs == grid.crs else 0.0
        text, header = _warped_to(place, dataset, crs, Affine.translation(by, 0) * transform, grid, resampling, by_band)
        found.append((sources.public(text), header))
    return found


def _warped_to(
    place: Bounds, dataset: DatasetReader, crs: Any, transform: Affine, grid: GridSpec, resampling: str, by_band: bool
) -> Tuple[str, RasterHeader]:
    west, south, east, north = place
    columns = math.floor((west - grid.west) / grid.res[0]), math.ceil((east - grid.west) / grid.res[0])
    rows = math.floor((grid.north - north) / grid.res[1]), math.ceil((grid.north - south) / grid.res[1])
    part = GridSpec.between(grid.crs, grid.res, (grid.west, grid.north), columns, rows)
    # Otherwise, if a pixel has data in one band alone, GDAL changes the others by one to make them differ from nodata.
    options = {"UNIFIED_SRC_NODATA": "NO"} if by_band else {}
    with MemoryFile(ext=".vrt") as memory:
        with WarpedVRT(
            dataset,
            src_crs=crs,
            src_transform=transform,
            crs=part.crs,
            transform=Affine(*part.transform),
            width=part.width,
            height=part.height,
            resampling=Resampling[resampling],
            **options,
        ) as warped:
            rasterio.shutil.copy(warped, memory.name, driver="VRT")
            header = header_of(warped)
        text = memory.read().decode()
    return text, header
