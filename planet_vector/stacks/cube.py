"""Scenes as a cube of pixels over time, read remotely by any number of dask workers.

dask lays out the cube, and `planet_vector.stacks.cube_reader` reads its pixels: a part of a scene with all bands, of
which each variable takes its own. odc-stac would read band by band, and so fetch files that hold bands together once
for each of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable, List, Mapping, Optional, Union

import numpy as np
import shapely
from affine import Affine

from planet_vector import stac_export
from planet_vector.catalog import catalog_of_scenes
from planet_vector.errors import NotFoundError, QueryError
from planet_vector.extras import named_extra
from planet_vector.geometry.ground import area_asked_for, area_searched, holds_ground, percent, polygons
from planet_vector.pixels.header import RasterHeader
from planet_vector.progress import Progress
from planet_vector.query import Query
from planet_vector.raster.indices import index_name
from planet_vector.raster.scene_files import activate_files
from planet_vector.scene import Scene
from planet_vector.stacks.crop import as_stack, check_scenes
from planet_vector.stacks.cube_reader import CubeReader
from planet_vector.stacks.overlap import Stack, asked_area, common_ground, shares_by_scene
from planet_vector.stacks.reading import SceneReading, header_read, opened, readings_of
from planet_vector.stacks.resample import REACH
from planet_vector.stacks.stack_grid import reference_of, stack_grid
from planet_vector.vector.search_view import Search
from planet_vector.vector.sought import Sought, scenes_of

if TYPE_CHECKING:
    import xarray

ROWS = 1024
"""Rows of a chunk of full width: products are stored in strips of full rows, so narrower chunks read as many bytes."""


def to_xarray(
    scenes: Union[Stack, Sought],
    *,
    area: Any = None,
    rectangle: bool = False,
    partly: Optional[bool] = None,
    product: Optional[str] = None,
    dst_crs: Any = None,
    resampling: str = "nearest",
    mask: Optional[str] = None,
    index: Optional[str] = None,
    activate: Union[bool, Progress] = False,
    chunks: Optional[Mapping[str, int]] = None,
    connection: Optional[str] = None,
    key: Optional[str] = None,
) -> xarray.Dataset:
    """Return scenes as a cube over time, y and x.

    Parameters
    ----------
    scenes : Stack, Search, str, Query or sequence of Scene
        A stack of `find_stacks`, or scenes, whose shared ground is taken; or a search, whose area is taken.
    area : str, path, mapping or object, optional
        The area of the cube, as for the ``intersects`` of a search: the pixels that the rectangle around it touches. By
        default the area of the stack, or of the search.
    rectangle : bool
        Take the largest rectangle that all scenes cover, even if there is an area.
    partly : bool, optional
        Take scenes that cover only a part of the area, too: the rest of it is missing data in them. Without an area, it
        is the ground of all scenes. By default True for a search, and False for a stack and a sequence of scenes.
    product : str, optional
        The product of each scene; by default the preferred one, such as ``visual``.
    dst_crs : anything `rasterio.crs.CRS.from_user_input` takes, optional
        The coordinate system; by default the UTM zone of most scenes.
    resampling : str
        For scenes that are not on the grid: ``nearest``, ``bilinear``, ``cubic`` or ``average``.
    mask : str, optional
        Pixels to hide, as for `planet_vector.open`: hidden pixels are missing data. By default nothing.
    index : str, optional
        Compute an index of bands, as for `planet_vector.open`: a variable of float32, ``index`` or the name of the
        index. By default the bands are found in any product that is no picture.
    activate : bool or callable
        Activate the files first, and wait for them, as `planet_vector.activate` does; a callback is called with the
        number of active files and of all.
    chunks : mapping of str to int, optional
        Rows ``y`` and columns ``x`` of a chunk; by default 1024 rows of full width.
    connection, key : str, optional
        As for `planet_vector.connect`.

    Returns
    -------
    xarray.Dataset
        A variable for each band, as lazy dask arrays, on the same grid as the files of `crop_stack`. The coordinate
        ``scene`` along ``time`` holds the ids. Missing data is 0 in ``alpha``, if there is such a band, and otherwise
        the variable's ``nodata``, which is NaN for floats without another value. If neither exists, a variable ``mask``
        is 255 at data and 0 elsewhere.

        The pixels are those of the files. If they need scaling, attributes specify it by CF names: ``scale_factor``,
        ``add_offset``, ``units`` and ``_FillValue``. `xarray.decode_cf` applies them, and turns missing data into NaN.

    Raises
    ------
    QueryError
        If the scenes share no ground, a footprint does not cover the whole area (unless `partly`), the area is a point
        or a line, or a mask does not tell what to hide.
    NotFoundError
        If no scenes are found, or a scene lacks the product, or its mask.
    RasterAccessError, ServiceError
        If the first product cannot be read. Errors of the others are raised when pixels are computed.
    """
    with named_extra():
        import xarray
        from dask.array import map_blocks
        from dask.array.core import normalize_chunks
        from odc.geo.geobox import GeoBox
        from odc.geo.xr import xr_coords

    if resampling not in REACH:
        raise QueryError(f"resampling is {resampling!r}: it takes {', '.join(REACH)}.")
    sizes = {"y": ROWS} if chunks is None else dict(chunks)
    if not set(sizes) <= {"time", "y", "x"} or not all(isinstance(size, int) and size > 0 for size in sizes.values()):
        raise QueryError(f"chunks is {chunks!r}: it takes whole numbers from 1 for y and x.")
    stack = _on_ground(scenes, area, rectangle, partly, connection, key)
    catalog = catalog_of_scenes(stack.scenes, connection, key)
    settings = catalog.settings
    reference = reference_of(stack)
    readings = readings_of(catalog, stack.scenes, reference, product, mask, index)
    if activate:
        pairs = [(scene, file) for scene, reading in zip(stack.scenes, readings) for file in reading.files]
        activate_files(catalog, pairs, activate)
    first = readings[stack.scenes.index(reference)]
    grid = stack_grid(catalog, stack, first.files[0].asset.name, dst_crs)
    with opened(catalog, first) as datasets:
        header = header_read(first, datasets)
    if len(set(stack.ids)) != len(stack.scenes):
        raise QueryError("Two scenes of the stack have the same id, but those of a cube must be distinct.")
    reader = CubeReader(settings, header, readings, grid, resampling)
    names = _names(reference, first, header, index, reader.has_mask)
    shape = len(names), len(stack.scenes), *grid.shape
    parts = normalize_chunks(  # type: ignore[no-untyped-call]
        (-1, 1, sizes.get("y", -1), sizes.get("x", -1)), shape=shape, dtype=reader.dtype
    )
    pixels = map_blocks(  # type: ignore[no-untyped-call]
        _part_of, reader, chunks=parts, dtype=reader.dtype, meta=np.empty((0,) * 4, reader.dtype)
    )
    box = GeoBox(grid.shape, Affine(*grid.transform), grid.crs.to_wkt())
    times = np.array([scene.acquired.replace(tzinfo=None) for scene in stack.scenes], "datetime64[ns]")
    coordinates = {"time": times, **xr_coords(box)}
    variables = {}
    for number, (name, dtype) in enumerate(zip(names, reader.dtypes)):
        band = pixels.map_blocks(
            _variable_of, number=number, kind=dtype, drop_axis=0, dtype=dtype, meta=np.empty((0,) * 3, dtype)
        )
        dimensions = ("time", *box.dimensions)
        variables[name] = xarray.DataArray(band, coordinates, dimensions, attrs=reader.attributes(number))
        variables[name].encoding["grid_mapping"] = "spatial_ref"  # as `xr_coords` calls it
    found: xarray.Dataset = xarray.Dataset(variables).assign_coords(scene=("time", list(stack.ids)))
    return found


def _part_of(reader: CubeReader, block_info: Any = None) -> Any:
    """Return the pixels of a part of the cube, whose place dask states; see `CubeReader.read`."""
    _, (number, _), rows, columns = block_info[None]["array-location"]
    return reader.read(number, slice(*rows), slice(*columns))[:, np.newaxis]


def _variable_of(pixels: Any, number: int, kind: Any) -> Any:
    """Return the pixels of a variable as an array of its own, so that those of the others are not kept."""
    own = pixels[number]
    return (own if kind.kind == "c" else own.real).astype(kind)


def _names(
    scene: Scene, reading: SceneReading, header: RasterHeader, index: Optional[str], has_mask: bool
) -> List[str]:
    """Return the names of the variables."""
    if index is not None:
        names = [index_name(index)]
    else:
        product = reading.files[0].asset.name
        bands = stac_export.to_stac(scene, {product: header})["assets"][product]["eo:bands"]
        names = [band["name"] for band in bands]
    if has_mask:
        names.append("mask" if "mask" not in names else "data_mask")
    return names


def _on_ground(
    scenes: Union[Stack, Sought],
    area: object,
    rectangle: bool,
    partly: Optional[bool],
    connection: Optional[str],
    key: Optional[str],
) -> Stack:
    """Return the scenes of a cube as a stack, with its area unless that is the largest rectangle."""
    if isinstance(scenes, Scene):
        raise QueryError("A cube is of several scenes, a stack or a search: put a single scene into a list.")
    is_search = isinstance(scenes, (str, Query, Search))
    found = scenes_of(scenes, connection, key)[1] if isinstance(scenes, (str, Query)) else scenes
    if partly if partly is not None else is_search and not rectangle:
        if rectangle:
            raise QueryError("The largest rectangle is of scenes that cover it: leave out 'rectangle' or 'partly'.")
        return _partly_on(found, area)
    stack = as_stack(found if isinstance(found, Stack) else check_scenes(list(found)), area, rectangle)
    if stack.asked is not None:
        share, scene = min(zip(shares_by_scene(stack), stack.scenes), key=lambda told: told[0])
        if share < 1:
            raise QueryError(
                f"Scene {scene.id} covers {percent(share)} of the area: leave it out of the cube, or take such scenes "
                "with partly=True."
            )
    return stack


def _partly_on(found: Union[Stack, Iterable[Scene]], area: object) -> Stack:
    """Return the scenes that touch an area, by default that of the stack or search, else the ground of all scenes."""
    searched = found.asked if isinstance(found, Stack) else area_searched(found)
    scenes = check_scenes(found.scenes if isinstance(found, Stack) else list(found))
    if not scenes:
        raise NotFoundError("No scenes are found for the cube: change the search.")
    if area is not None:
        asked = asked_area(area)
        scenes = [scene for scene in scenes if shapely.intersects(scene.footprint, asked)]
        if not scenes:
            raise NotFoundError("None of the scenes touches the area of the cube: change the area, or the search.")
    elif searched is not None:
        asked = area_asked_for(searched)
    else:
        asked = polygons(shapely.union_all(shapely.make_valid([scene.footprint for scene in scenes])))
    if not holds_ground(asked):
        raise QueryError(
            f"The area of the cube is a {asked.geom_type}: give a polygon, or take values at points by timeseries."
        )
    return common_ground(scenes, asked)
