"""Crops of the same window of every scene of a stack, on one pixel grid.

With an area, the window is the rectangle of whole pixels around it, and only scenes that cover the area are cropped.
Without an area, it is the largest rectangle that all scenes cover.

Only the rows of each file that the window needs are read. A scene on the stack's grid is copied unchanged; one in
another UTM zone, or on another grid, is warped. Missing data stays missing.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

import rasterio
import rasterio.shutil
import shapely
from affine import Affine
from rasterio.features import geometry_mask
from rasterio.io import DatasetReader

from planet_vector.atomic_files import complete
from planet_vector.bands.masks import parse_mask
from planet_vector.catalog import catalog_of_scenes
from planet_vector.errors import ConfigError, PlanetVectorError, QueryError
from planet_vector.geometry.grid import GridSpec
from planet_vector.geometry.ground import holds_ground, merged
from planet_vector.pixels.written import written_whole
from planet_vector.progress import Progress, bar_for
from planet_vector.raster.download import safe_name
from planet_vector.raster.drawn import drawn_in
from planet_vector.raster.geotiff import geotiff_profile
from planet_vector.raster.indices import index_name
from planet_vector.raster.parallel import Alive, in_parallel
from planet_vector.raster.placed import north_up
from planet_vector.raster.rasterio_warnings import unplaced
from planet_vector.raster.scene_files import activate_files
from planet_vector.raster.warping import turn_of, turns
from planet_vector.scene import Scene
from planet_vector.stacks.overlap import Stack, common_ground, over, shares_by_scene
from planet_vector.stacks.reading import SceneReading, opened, read_scene, readings_of
from planet_vector.stacks.resample import REACH, Pixels, seen_by_gdal
from planet_vector.stacks.stack_grid import own_grid, reference_of, stack_grid


class Crop(NamedTuple):
    """Result of cropping a scene.

    Attributes
    ----------
    scene : Scene
        The scene.
    path : Path or None
        The GeoTIFF; None if the scene does not cover the area, has no data in it, or too little is valid.
    valid : float
        The share of its pixels that have data, from 0 to 1; 0 if none were read.
    covered : float, optional
        The share of the area that has data, from 0 to 1, by the pixels that the area touches. If the footprint does not
        cover the area, no pixels are read, and it is the share that the footprint covers. None without an area.
    read : bool
        Whether pixels were read.
    cut_short : bool
        Whether the scene is left out because its raster ends within the area, although its footprint covers the area;
        ``covered`` is then the share of the area that the raster covers.
    """

    scene: Scene
    path: Optional[Path]
    valid: float
    covered: Optional[float] = None
    read: bool = True
    cut_short: bool = False


def crop_stack(
    stack: Union[Stack, Sequence[Scene]],
    directory: Union[str, Path],
    *,
    area: Any = None,
    rectangle: bool = False,
    product: Optional[str] = None,
    dst_crs: Any = None,
    align: bool = True,
    resampling: str = "nearest",
    require_valid: float = 0.0,
    mask: Optional[str] = None,
    index: Optional[str] = None,
    activate: Union[bool, Progress] = False,
    cog: bool = False,
    overwrite: bool = False,
    progress: Union[bool, Progress] = None,
    connection: Optional[str] = None,
    key: Optional[str] = None,
) -> List[Crop]:
    """Write a GeoTIFF of each scene of a stack, cropped to an area or to the largest rectangle that all scenes cover.

    With an area, each file has the pixels that the rectangle around it touches, including those beside the area. A
    scene is not written if its footprint or raster does not cover the whole area, or if it has no data in it.

    The files are named ``<id>_<product>_crop.tif``. Their tags are ``id``, ``scene_type``, ``product``, ``acquired``,
    the share of pixels with data (``valid``), the share of the area with data (``covered``), and what is hidden
    (``mask``).

    Parameters
    ----------
    stack : Stack or sequence of Scene
        A stack of `find_stacks`, or scenes, whose shared ground is taken.
    directory : str or Path
        The folder to write to; created if missing.
    area : str, path, mapping or object, optional
        The area to crop to, as for the ``intersects`` of a search; by default the area of the stack.
    rectangle : bool
        Crop to the largest rectangle that all scenes cover, even if the stack has an area.
    product : str, optional
        The product of each scene; by default the preferred one, such as ``visual``.
    dst_crs : anything `rasterio.crs.CRS.from_user_input` takes, optional
        The coordinate system of the files; by default the UTM zone of most scenes.
    align : bool
        Put all scenes on one grid: that of a scene in the zone of most scenes, or, with `dst_crs`, one of square pixels
        of its size. If false, each file has its scene's own pixels, those that touch the area, or those that lie wholly
        inside the shared ground; grids and sizes then differ.
    resampling : str
        For scenes that are not on the grid: a name of `rasterio.enums.Resampling`.
    require_valid : float
        The least share, from 0 to 1, of pixels with data, or, with an area, of the area with data; other scenes are
        left out.
    mask : str, optional
        Pixels to hide, as for `planet_vector.open`: hidden pixels have no data. By default nothing.
    index : str, optional
        Write an index of bands instead of the bands, as for `planet_vector.open`: one band of float32. The files are
        named by it (``<id>_ndvi_crop.tif``), and have a tag ``index``.
    activate : bool or callable
        Activate the files first, and wait for them, as `planet_vector.activate` does; a callback is called with the
        number of active files and of all.
    cog : bool
        Write cloud optimized GeoTIFFs, with overviews.
    overwrite : bool
        Replace existing files.
    progress : bool or callable, optional
        Show a bar, in a terminal or a notebook; or a callback, called with the number of scenes done and in all.
    connection, key : str, optional
        As for `planet_vector.connect`.

    Returns
    -------
    list of Crop
        One for each scene, the oldest first.

    Raises
    ------
    QueryError
        If the scenes share no ground, or less than a pixel, the area is a point or a line, or an argument is invalid.
    ConfigError
        If a file exists, or GDAL cannot open the directory's name.
    NotFoundError
        If a scene lacks the product, or its mask.
    RasterAccessError, ServiceError
        If a product cannot be read; no file is left incomplete.
    """
    if resampling not in REACH:
        raise QueryError(f"resampling is {resampling!r}: it takes {', '.join(REACH)}.")
    if not 0 <= require_valid <= 1:
        raise QueryError(f"require_valid is {require_valid!r}: it takes a share from 0 to 1.")
    if dst_crs is not None and not align:
        raise QueryError("A coordinate system is for one grid: leave out either 'dst_crs' or 'align=False'.")
    stack = as_stack(stack, area, rectangle)
    left_out = _missing_the_area(stack)
    stack = stack._replace(scenes=tuple(scene for scene in stack.scenes if scene.id not in left_out))
    if not stack.scenes:
        return list(left_out.values())
    catalog = catalog_of_scenes(stack.scenes, connection, key)
    reference = reference_of(stack)
    readings = readings_of(catalog, stack.scenes, reference, product, mask, index)
    named = reference.schema.product(product) if index is None else index_name(index)
    directory = Path(directory)
    check_name(directory)
    progress = bar_for(progress, f"{stack.depth} scenes")
    paths = [directory / f"{Path(safe_name(None, scene.id, named)).stem}_crop.tif" for scene in stack.scenes]
    for path in paths:
        if path.exists() and not overwrite:
            raise ConfigError(f"{path} is there already: take another directory, or overwrite.")
    if activate:
        pairs = [(scene, file) for scene, reading in zip(stack.scenes, readings) for file in reading.files]
        activate_files(catalog, pairs, activate)
    of_grid = readings[stack.scenes.index(reference)].files[0].asset.name
    grid = stack_grid(catalog, stack, of_grid, dst_crs) if align else None
    directory.mkdir(parents=True, exist_ok=True)

    def crop(task: Tuple[Scene, SceneReading, Path], alive: Alive) -> Crop:
        scene, reading, path = task
        with opened(catalog, reading) as datasets:
            share = 1.0 if stack.asked is None else min(_share_within(each, stack.asked) for each in datasets)
            if share < 1:
                return Crop(scene, None, 0.0, share, False, True)
            pixels = read_scene(reading, datasets, grid or own_grid(datasets[0], stack), resampling)
        valid = float(pixels.valid.mean())
        covered = None if stack.asked is None else float(pixels.valid[_touched(stack.asked, pixels.header.grid)].mean())
        if covered == 0 or (valid if covered is None else covered) < require_valid:
            return Crop(scene, None, valid, covered)
        tags = {
            "id": scene.id,
            "scene_type": scene.scene_type,
            "product": named if index is None else reading.product,
            "valid": f"{valid:.6f}",
        }
        if covered is not None:
            tags["covered"] = f"{covered:.6f}"
        if reading.index is not None:
            tags["index"] = reading.index.expression.text
        if mask is not None:
            tags["mask"] = ",".join(parse_mask(mask))
        tags["acquired"] = scene.acquired.isoformat()
        tags["TIFFTAG_DATETIME"] = tags["acquired"][:19].replace("-", ":").replace("T", " ")
        alive()
        _write(path, pixels, tags, cog)
        return Crop(scene, path, valid, covered)

    found: List[Crop] = []
    with closing(in_parallel(crop, zip(stack.scenes, readings, paths), catalog.settings.connections)) as outcomes:
        for _, outcome in outcomes:
            if isinstance(outcome, PlanetVectorError):
                raise outcome
            found.append(outcome)
            if progress:
                progress(len(found), len(readings))
    return sorted([*found, *left_out.values()], key=lambda crop: (crop.scene.acquired, crop.scene.id))


def check_name(path: Path) -> None:
    """Check that a file name can be encoded in UTF-8, as GDAL requires.

    Parameters
    ----------
    path : Path
        The file or folder.

    Raises
    ------
    ConfigError
        If it contains bytes that are not valid in the encoding of file names.
    """
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        told = f"GDAL cannot write {str(path)!r}, as the name is not valid in the encoding of this environment"
        raise ConfigError(f"{told}: set LC_ALL=C.UTF-8, or give a name in ASCII.") from None


def share_in(path: Path, area: Any) -> float:
    """Return the share of an area inside the rectangle of a crop, from 0 to 1; for a point or a line 0 or 1.

    Parameters
    ----------
    path : Path
        The crop.
    area : shapely geometry
        The area in degrees, as `planet_vector.geometry.ground.area_asked_for` returns it.
    """
    with rasterio.open(path) as dataset:
        rectangle, crs = shapely.box(*dataset.bounds), dataset.crs
    if not holds_ground(area):
        return float(shapely.covers(rectangle, shapely.union_all(drawn_in([area], crs))))
    parts = shapely.union_all(drawn_in(merged(area), crs))
    beyond = float(shapely.difference(parts, rectangle).area / parts.area)
    return 1.0 if beyond < 1e-9 else 1.0 - beyond


def as_stack(stack: Union[Stack, Sequence[Scene]], area: Any = None, rectangle: bool = False) -> Stack:
    """Return a stack of `Scene` with the area to crop to, if any.

    Parameters
    ----------
    stack : Stack or sequence of Scene
        The stack, or its scenes.
    area : shapely geometry, mapping or str, optional
        The area, in degrees; by default that of the stack.
    rectangle : bool
        Drop the area, to crop to the largest rectangle.

    Raises
    ------
    QueryError
        If the scenes share no ground, one is not a `Scene`, or both an area and `rectangle` are given.
    """
    if rectangle and area is not None:
        raise QueryError("The largest rectangle takes no area: leave out either 'area' or 'rectangle=True'.")
    found = stack if isinstance(stack, Stack) else common_ground(list(stack), area)
    if rectangle:
        found = found._replace(asked=None, covered=None)
    elif area is not None and isinstance(stack, Stack):
        found = over(stack, area)
    check_scenes(found.scenes)
    return found


def check_scenes(scenes: Sequence[Scene]) -> Sequence[Scene]:
    """Return scenes, which are `Scene` and no GeoJSON.

    Parameters
    ----------
    scenes : sequence
        The scenes.

    Raises
    ------
    QueryError
        If one is not a `Scene`.
    """
    if not all(isinstance(scene, Scene) for scene in scenes):
        kinds = sorted({type(scene).__name__ for scene in scenes if not isinstance(scene, Scene)})
        raise QueryError(f"The scenes are of type {' and '.join(kinds)}: take those of a search to read their pixels.")
    return scenes


def _missing_the_area(stack: Stack) -> Dict[str, Crop]:
    """Return the results for scenes whose footprints do not cover the area, by their ids."""
    if stack.asked is None:
        return {}
    shares = zip(stack.scenes, shares_by_scene(stack))
    return {scene.id: Crop(scene, None, 0.0, share, False) for scene, share in shares if share < 1}


def _share_within(dataset: DatasetReader, area: Any) -> float:
    """Return the share of an area inside a raster according to its header, from 0 to 1.

    A missing rim narrower than half a pixel is ignored: edges of a footprint are straight in degrees, those of its
    raster are not.
    """
    grid = north_up(dataset)
    low, bottom, high, top = grid.bounds
    parts = shapely.union_all(drawn_in(merged(area), grid.crs))
    west, _, east, _ = parts.bounds
    rim_x, rim_y = grid.res[0] / 2, grid.res[1] / 2
    rasters = [
        shapely.box(low + by - rim_x, bottom - rim_y, high + by + rim_x, top + rim_y)
        for by in turns((low, high), (west, east), turn_of(grid.crs))
    ]
    beyond = shapely.difference(parts, shapely.union_all(rasters))
    return 1.0 if beyond.is_empty else 1.0 - float(beyond.area / parts.area)


def _touched(area: Any, grid: GridSpec) -> Any:
    """Return the pixels of a grid that an area touches."""
    parts = drawn_in(merged(area), grid.crs)
    with unplaced:
        return geometry_mask(parts, grid.shape, Affine(*grid.transform), all_touched=True, invert=True)


def _write(path: Path, pixels: Pixels, tags: Dict[str, str], cog: bool) -> None:
    header = pixels.header
    profile = {**geotiff_profile(header, tags["id"]), "compress": "deflate", "bigtiff": "if_safer"}
    if min(header.width, header.height) >= 256 and not cog:
        profile.update(tiled=True, blockxsize=256, blockysize=256)
    with complete(path) as temporary, written_whole(temporary, path) as written:
        whole = temporary.with_suffix(".whole.tif") if cog else temporary
        try:
            with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(whole, "w", **profile) as target:
                header.describe(target)
                target.update_tags(**tags)
                target.write(written.note(pixels.bands))
                if header.masked or not (seen_by_gdal(pixels.bands, header) == pixels.valid).all():
                    target.write_mask(written.note_mask(pixels.valid))  # the pixels alone do not show it
            if cog:
                rasterio.shutil.copy(whole, temporary, driver="COG", compress="deflate", bigtiff="if_safer")
        finally:
            if cog and whole.exists():
                whole.unlink()
