"""Shift a raster by full turns of the globe: to -175 from 185, and web mercator past its edge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List

from affine import Affine

from planet_vector.geometry.grid import GridSpec
from planet_vector.raster.warping import recentred, turn_of, turns, warped_bounds

if TYPE_CHECKING:
    from rasterio.io import DatasetReader


class Turned:
    """Open dataset with another coordinate system and transform, for code that reads its windows and header.

    Parameters
    ----------
    dataset : rasterio.io.DatasetReader
        The dataset.
    crs : rasterio.crs.CRS
        Coordinate system after the shift.
    transform : Affine
        Transform after the shift.
    """

    def __init__(self, dataset: DatasetReader, crs: Any, transform: Affine) -> None:
        self._dataset = dataset
        self.crs = crs
        self.transform = transform

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dataset, name)

    def window_transform(self, window: Any) -> Affine:
        """Return the transform of a window, as `rasterio.io.DatasetReader.window_transform` does.

        Parameters
        ----------
        window : rasterio.windows.Window
            The window.
        """
        return self.transform * Affine.translation(window.col_off, window.row_off)


def in_turns(dataset: DatasetReader, grid: GridSpec) -> List[Any]:
    """Return a raster shifted to where GDAL warps it to a grid, once per turn in which it appears there.

    Most rasters appear once, and are returned unchanged; so is a raster that does not overlap the grid.

    Parameters
    ----------
    dataset : rasterio.io.DatasetReader
        The raster, north up.
    grid : GridSpec
        The grid, in any turn, with a coordinate system of rasterio.

    Returns
    -------
    list of rasterio.io.DatasetReader or Turned
        One or more datasets.

    Raises
    ------
    RasterAccessError
        If the grid cannot be projected to the raster's coordinate system.
    """
    own, transform = dataset.crs, dataset.transform
    if turn_of(own) is None:
        return [dataset]
    west, east = transform.c, transform.c + transform.a * dataset.width
    moved = None if own == grid.crs else recentred(own, west, east)
    if moved is not None:
        own, by = moved
        transform = Affine.translation(-by, 0) * transform
        west, east = west - by, east - by
    wanted = grid.bounds if own == grid.crs else warped_bounds(grid.crs, own, grid.bounds, densify=63)
    moves = turns((west, east), (wanted[0], wanted[2]), turn_of(own)) or [0.0]
    if moved is None and moves == [0.0]:
        return [dataset]
    return [Turned(dataset, own, Affine.translation(by, 0) * transform) for by in moves]
