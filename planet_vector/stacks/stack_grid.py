"""The common pixel grid of a stack, for crops and cubes of its scenes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Tuple

import shapely
from rasterio.io import DatasetReader

from planet_vector.catalog import Catalog
from planet_vector.errors import QueryError
from planet_vector.geometry import utm
from planet_vector.geometry.grid import GridSpec, inward, outward
from planet_vector.geometry.ground import merged
from planet_vector.geometry.shapes import Position
from planet_vector.raster.drawn import bounds_in, drawn_in
from planet_vector.raster.placed import north_up
from planet_vector.raster.product import open_scene
from planet_vector.raster.scene_mosaic import crs_of
from planet_vector.raster.warping import warped_step
from planet_vector.scene import Scene
from planet_vector.stacks.overlap import Stack
from planet_vector.stacks.utm_grid import common_grid


def stack_grid(catalog: Catalog, stack: Stack, product: str, crs: Any = None) -> GridSpec:
    """Return the grid of a stack: the pixels that its area touches, else the most inside the shared ground.

    Position and size of the pixels are those in the header of one scene's product.

    Parameters
    ----------
    catalog : Catalog
        The service.
    stack : Stack
        The stack, of `Scene`.
    product : str
        The product whose pixels define the grid.
    crs : anything `rasterio.crs.CRS.from_user_input` takes, optional
        The coordinate system; by default the UTM zone of most scenes.

    Returns
    -------
    GridSpec
        The grid.

    Raises
    ------
    QueryError
        If the shared ground contains no whole pixel, or `crs` is invalid.
    RasterAccessError
        If the area cannot be projected to `crs`.
    """
    given = None if crs is None else crs_of(crs)
    reference = reference_of(stack)
    with open_scene(catalog, reference, product) as dataset:
        own = north_up(dataset)
    wanted = given or own.crs
    if wanted == own.crs:
        return _grid_in(stack, own.crs, own.res, (own.west, own.north))
    # In another system pixels are square, and aligned with its origin.
    step = _round(warped_step(own, wanted))
    return _grid_in(stack, wanted, (step, step), (0.0, 0.0))


def reference_of(stack: Stack) -> Scene:
    """Return the scene whose pixels define the grid: the oldest in the UTM zone of most scenes.

    Parameters
    ----------
    stack : Stack
        The stack, of `Scene`.

    Raises
    ------
    QueryError
        If the stack has no scenes.
    """
    zones: Dict[int, List[Scene]] = {}
    for scene in stack.scenes:
        middle = shapely.centroid(max(shapely.get_parts(scene.footprint), key=shapely.area))
        zones.setdefault(utm.zone_of(middle.x, middle.y), []).append(scene)
    if not zones:
        raise QueryError("There are no scenes to crop.")
    found: Scene = max(zones.values(), key=len)[0]
    return found


def own_grid(dataset: DatasetReader, stack: Stack) -> GridSpec:
    """Return the grid of a stack in the pixels of one open product, as `stack_grid` does.

    Parameters
    ----------
    dataset : rasterio.io.DatasetReader
        The product, north up.
    stack : Stack
        The stack.
    """
    own = north_up(dataset)
    return _grid_in(stack, own.crs, own.res, (own.west, own.north))


def _grid_in(stack: Stack, crs: Any, res: Tuple[float, float], origin: Position) -> GridSpec:
    """Return the grid of a stack with pixels of a size, aligned with an origin."""
    if stack.asked is not None:
        west, south, east, north = bounds_in(stack.asked, crs)
        columns = outward(((west - origin[0]) / res[0], (east - origin[0]) / res[0]))
        rows = outward(((origin[1] - north) / res[1], (origin[1] - south) / res[1]))
        return GridSpec.between(crs, res, origin, columns, rows)
    ground = merged(stack.footprint)
    epsg = crs.to_epsg()
    if epsg is not None and utm.is_utm(epsg) and res[0] == res[1]:
        polygons = [[list(ring.coords) for ring in (part.exterior, *part.interiors)] for part in ground]
        return replace(common_grid(polygons, res[0], origin, epsg), crs=crs)
    from planet_vector.stacks.rectangle import largest_rectangle

    # Around a pole the ground touches itself along ±180°, up to rounding.
    drawn = shapely.set_precision(shapely.union_all(drawn_in(ground, crs)), 1e-7 * min(res))
    west, south, east, north = largest_rectangle(drawn).bounds
    columns = inward((west - origin[0]) / res[0], (east - origin[0]) / res[0])
    rows = inward((origin[1] - north) / res[1], (origin[1] - south) / res[1])
    if columns[1] <= columns[0] or rows[1] <= rows[0]:
        raise QueryError("The ground that the scenes share contains no whole pixel: take scenes that share more.")
    return GridSpec.between(crs, res, origin, columns, rows)


def _round(step: float) -> float:
    """Round a pixel size to three significant digits, so that pixels are not of 4.4719 m."""
    return float(f"{step:.3g}")
