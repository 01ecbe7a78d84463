"""Pixels of a scene at places: which pixels belong to a place, their values, and statistics of these.

The pixel of a point is the nearest one, the one that contains it. The pixels of a polygon are those whose centre is
inside. If the bands are in files on different grids, the pixels are those of the finest, and the others are sampled at
their centres. Only the parts of the files that hold these pixels are read, at full resolution.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import shapely
from rasterio.features import geometry_mask
from rasterio.windows import Window
from shapely import affinity

from planet_vector.assets import BandValues
from planet_vector.bands.expressions import Expression
from planet_vector.bands.finding import BandPlace
from planet_vector.errors import QueryError, RasterAccessError
from planet_vector.geometry.ground import merged
from planet_vector.pixels.header import Band
from planet_vector.pixels.valid import where_number
from planet_vector.raster.drawn import drawn_in
from planet_vector.raster.headers import header_of, with_values
from planet_vector.raster.indices import IndexFile, lacks_scale
from planet_vector.raster.parallel import Alive
from planet_vector.raster.placed import placed_by_points, unplaced_because
from planet_vector.raster.product import open_link
from planet_vector.raster.rasterio_warnings import unplaced
from planet_vector.raster.scene_files import MaskFile, SceneFile, check_mask
from planet_vector.raster.warping import transformed, turn_of, turns
from planet_vector.series.places import Place

if TYPE_CHECKING:
    import numpy.typing as npt
    from affine import Affine
    from rasterio.crs import CRS
    from rasterio.io import DatasetReader

    from planet_vector.catalog import Catalog

    Floats = npt.NDArray[np.float32]
    Doubles = npt.NDArray[np.float64]
    Numbers = npt.NDArray[np.int64]
    Flags = npt.NDArray[np.bool_]

MOST_PIXELS = 2**25
"""Most pixels of the rectangle around a polygon, so that memory stays bounded: 17 km at 3 m, 58 km at 10 m."""

_SPARSE = 16  # a window is read in parts, block by block, if it has this many times the pixels that are needed
_BLOCK_AT_LEAST = 64 * 64  # pixels; smaller windows are read at once in any case


@dataclass(frozen=True)
class Statistics:
    """Statistics of the values of a place in one scene.

    Attributes
    ----------
    mean, median, min, max, std : float
        Of the valid pixels; NaN if there is none. The standard deviation is that of the pixels themselves (``ddof=0``).
    count : int
        Number of valid pixels.
    valid : float
        Share of the place's pixels that are valid, from 0 to 1; NaN for a polygon that contains no pixel's centre.
    """

    mean: float
    median: float
    min: float
    max: float
    std: float
    count: int
    valid: float


class _Indices(NamedTuple):
    """Pixels of a place by row and column, which may lie beyond the raster, and their number there and beyond."""

    rows: Numbers
    columns: Numbers
    total: int


class Scaling(NamedTuple):
    """Factor and summand that convert pixels to physical values.

    Attributes
    ----------
    scale, offset : float or None
        The value is ``pixel * scale + offset``; None for those that the file states.
    """

    scale: Optional[float] = None
    offset: Optional[float] = None


def sample_scene(
    catalog: Catalog,
    products: Mapping[str, SceneFile],
    bands: Mapping[str, BandPlace],
    expression: Expression,
    scaling: Scaling,
    places: Sequence[Place],
    alive: Alive,
) -> List[Statistics]:
    """Return statistics of an expression at places in one scene.

    Parameters
    ----------
    catalog : Catalog
        The service.
    products : mapping of str to SceneFile
        The file of each product, and its mask; nodata, scale and offset that the service states hold for files without.
    bands : mapping of str to BandPlace
        Product and number of each band.
    expression : Expression
        The expression.
    scaling : Scaling
        Conversion of the pixels.
    places : sequence of Place
        The places.
    alive : callable
        Called between reads; raises an exception to cancel.

    Returns
    -------
    list of Statistics
        One for each place.

    Raises
    ------
    RasterAccessError, ServiceError
        If a file cannot be read.
    QueryError
        If the expression requires reflectance.
    """
    with ExitStack() as stack:
        files = {}
        for product in dict.fromkeys(place.product for place in bands.values()):
            file = products[product]
            dataset = stack.enter_context(open_link(catalog, file.link, file.title))
            files[product] = SampledFile(dataset, file.title, file.asset.values)
            numbers = tuple((band, place.number) for band, place in bands.items() if place.product == product)
            IndexFile(file, numbers, len(file.asset.bands)).check(files[product].header)
            alive()
            if file.mask is not None:
                dataset = stack.enter_context(open_link(catalog, file.mask.link, file.mask.title))
                files[product].hide_by(SampledFile(dataset, file.mask.title), file.mask)
                alive()
        for place in bands.values():
            files[place.product].check(place.number, expression, scaling)
        finest = min(files.values(), key=lambda file: file.header.res[0] * file.header.res[1])
        pixels = [finest.pixels_of(place) for place in places]
        values = _values(files, bands, expression, scaling, finest, pixels, alive)
    return [statistics_of(each, found.total) for each, found in zip(values, pixels)]


def statistics_of(values: Floats, total: int) -> Statistics:
    """Return the statistics of the values of a place.

    Parameters
    ----------
    values : array of float32, shape (pixels,)
        The values; NaN where they are missing.
    total : int
        Number of the place's pixels, including those without a value here.
    """
    valid = values[~np.isnan(values)].astype(np.float64)
    share = len(valid) / total if total else float("nan")
    if not len(valid):
        nan = float("nan")
        return Statistics(nan, nan, nan, nan, nan, 0, share)
    found = (valid.mean(), np.median(valid), valid.min(), valid.max(), valid.std())
    mean, median, least, most, std = map(float, found)
    return Statistics(mean, median, least, most, std, len(valid), share)


class SampledFile:
    """Open file of a scene.

    Parameters
    ----------
    dataset : rasterio.io.DatasetReader
        The file; rows may run in any direction.
    title : str
        Its name in messages.
    values : sequence of BandValues, optional
        Nodata, scale and offset of its bands as the service states them.

    Raises
    ------
    RasterAccessError
        If it has no transform or no coordinate system.
    """

    def __init__(self, dataset: DatasetReader, title: str, values: Sequence[BandValues] = ()) -> None:
        self.dataset = dataset
        self.title = title
        self.header = with_values(header_of(dataset), values)
        if placed_by_points(dataset):
            raise RasterAccessError(
                f"{title} is georeferenced by ground control points, so places are not found in it."
            )
        if dataset.crs is None or dataset.transform.is_identity:
            raise RasterAccessError(f"{title} {unplaced_because(dataset)}, so places are not found in it.")
        self._mask: Optional[SampledFile] = None
        self._rules: Optional[MaskFile] = None

    @property
    def crs(self) -> CRS:
        """Its coordinate system."""
        return self.dataset.crs

    @property
    def transform(self) -> Affine:
        """Its transform from column and row to coordinates."""
        found: Affine = self.dataset.transform
        return found

    def check(self, number: int, expression: Expression, scaling: Scaling) -> None:
        """Raise an error if the unit of a band does not fit the expression.

        Parameters
        ----------
        number : int
            Number of the band, from 1.
        expression : Expression
            The expression.
        scaling : Scaling
            Conversion of the pixels.

        Raises
        ------
        QueryError
            If it is so.
        """
        band = self.header.bands[number - 1]
        if band.dtype.startswith("complex"):
            raise QueryError(f"Band {number} of {self.title} has complex numbers, which expressions do not take.")
        if scaling == Scaling() and lacks_scale(expression, band):
            raise QueryError(
                f"{expression.text!r} is for reflectance from 0 to 1, and band {number} of {self.title} has integers"
                " without a scale: give the scale, such as 0.0001."
            )

    def hide_by(self, mask: SampledFile, rules: MaskFile) -> None:
        """Take pixels that a mask hides for missing: those whose centre lies in a hidden pixel of it, or beyond it.

        Parameters
        ----------
        mask : SampledFile
            The file of the mask; its grid may be another one.
        rules : MaskFile
            What it hides.

        Raises
        ------
        RasterAccessError
            If the file cannot be a mask of its kind.
        """
        check_mask(rules, mask.header)
        self._mask, self._rules = mask, rules

    def pixels_of(self, place: Place) -> _Indices:
        """Return the pixels of a place: of a point the one that contains it, of a polygon those with centres inside.

        Parameters
        ----------
        place : Place
            The place.
        """
        return self._of_point(place) if place.is_point else self._of_polygon(place)

    def _of_point(self, place: Place) -> _Indices:
        found = transformed("EPSG:4326", self.crs, *(np.array([each]) for each in place.geometry.coords[0][:2]))
        nothing = np.zeros(0, np.int64)
        if found is None or not np.isfinite(found).all():
            return _Indices(nothing, nothing, 1)
        x, y = float(found[0][0]), float(found[1][0])
        beside = self.header.res[0]  # an overlap of less than rounding is no turn, but a point may lie on the edge
        for by in self._turns(x - beside, x + beside) or [0.0]:
            column, row = (int(np.floor(each)) for each in ~self.transform * (x + by, y))
            if 0 <= column < self.dataset.width and 0 <= row < self.dataset.height:
                return _Indices(np.array([row]), np.array([column]), 1)
        return _Indices(nothing, nothing, 1)

    def _of_polygon(self, place: Place) -> _Indices:
        shapes = drawn_in(merged(place.geometry), self.crs)
        west, south, east, north = shapely.total_bounds(shapes).tolist()
        total, parts = 0, []
        for by in self._turns(west, east) or [0.0]:
            rows, columns = self._centres_inside([affinity.translate(each, by) for each in shapes])
            inside = (rows >= 0) & (columns >= 0) & (rows < self.dataset.height) & (columns < self.dataset.width)
            parts.append((rows[inside], columns[inside]))
            # One turn has all of them, but a raster around the globe may have some twice.
            total = max(total, len(rows), sum(len(part[0]) for part in parts))
        return _Indices(np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts]), total)

    def _centres_inside(self, shapes: Sequence[shapely.Geometry]) -> Tuple[Numbers, Numbers]:
        """Return rows and columns of the pixels whose centre is inside, on the grid continued beyond the raster."""
        inverse = ~self.transform
        corners = np.column_stack(_apply(inverse, *shapely.get_coordinates(shapes).T))
        left, top = np.floor(corners.min(axis=0)).astype(np.int64).tolist()
        right, bottom = np.ceil(corners.max(axis=0)).astype(np.int64).tolist()
        width, height = right - left, bottom - top
        if width * height > MOST_PIXELS:
            raise RasterAccessError(
                f"A polygon spans {width:,} × {height:,} pixels of {self.title}; at most {MOST_PIXELS:,} are read:"
                " divide it."
            )
        if not width or not height:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        with unplaced:
            transform = self.dataset.window_transform(Window(left, top, width, height))
            inside = geometry_mask(shapes, (height, width), transform, invert=True)
        rows, columns = np.nonzero(inside)
        return rows + top, columns + left

    def _turns(self, west: float, east: float) -> List[float]:
        """Return the offsets at which an extent overlaps the raster, where the system unrolls the globe."""
        box = self.dataset.bounds
        sides = min(box.left, box.right), max(box.left, box.right)
        return turns((west, east), sides, turn_of(self.crs))

    def read(
        self, numbers: Sequence[int], rows: Numbers, columns: Numbers, alive: Alive
    ) -> Tuple[List[Doubles], Flags]:
        """Return the values of bands at pixels within the raster, and where all of them are valid.

        Parameters
        ----------
        numbers : sequence of int
            The bands, from 1.
        rows, columns : array of int, shape (pixels,)
            The pixels.
        alive : callable
            Called before each read; raises an exception to cancel.

        Returns
        -------
        list of array of float64, shape (pixels,)
            The pixels of each band, as they are in the file.
        array of bool, shape (pixels,)
            Where all bands have data, and the mask shows them.
        """
        found = [np.full(len(rows), np.nan) for _ in numbers]
        valid = np.zeros(len(rows), np.bool_)
        for part in self._groups(rows, columns):
            alive()
            top, left = int(rows[part].min()), int(columns[part].min())
            window = Window(left, top, int(columns[part].max()) - left + 1, int(rows[part].max()) - top + 1)
            at = rows[part] - top, columns[part] - left
            seen = np.ones(len(part), np.bool_)
            header = self.header
            if header.masked:
                seen &= self.dataset.read_masks(1, window=window)[at] > 0
            elif header.alpha is not None:
                seen &= self.dataset.read(header.alpha, window=window)[at] > 0
            for values, number, pixels in zip(found, numbers, self._bands(numbers, window)):
                picked = pixels[at]
                seen &= where_number(picked, header.bands[number - 1])
                values[part] = picked
            valid[part] = seen
        if self._mask is not None and self._rules is not None:
            its_rows, its_columns, inside = _on(self._mask, self, rows, columns)
            classes, _ = self._mask.read(
                [number for number, _ in self._rules.shown], its_rows[inside], its_columns[inside], alive
            )
            bits = self._rules.bits
            told = [each.astype(np.int64) & bits for each in classes] if bits else classes
            shown = [np.isin(each, list(values)) for each, (_, values) in zip(told, self._rules.shown)]
            valid[inside] &= np.all(shown, axis=0)
            valid &= inside
        return found, valid

    def _bands(self, numbers: Sequence[int], window: Window) -> Sequence[npt.NDArray[np.generic]]:
        if len({self.header.dtypes[number - 1] for number in numbers}) == 1:
            read: Sequence[npt.NDArray[np.generic]] = self.dataset.read(list(numbers), window=window)
            return read
        return [self.dataset.read(number, window=window) for number in numbers]

    def _groups(self, rows: Numbers, columns: Numbers) -> Iterator[Numbers]:
        """Yield the positions of pixels that are read together: all, or those of a block if they are far apart."""
        if not len(rows):
            return
        extent = (int(np.ptp(rows)) + 1) * (int(np.ptp(columns)) + 1)
        if extent <= max(_BLOCK_AT_LEAST, _SPARSE * len(rows)):
            yield np.arange(len(rows))
            return
        high, wide = self.header.bands[0].block
        keys = (rows // high) * (self.dataset.width // wide + 1) + columns // wide
        order = np.argsort(keys, kind="stable")
        yield from np.split(order, np.nonzero(np.diff(keys[order]))[0] + 1)


def _values(
    files: Mapping[str, SampledFile],
    bands: Mapping[str, BandPlace],
    expression: Expression,
    scaling: Scaling,
    finest: SampledFile,
    pixels: Sequence[_Indices],
    alive: Alive,
) -> List[Floats]:
    """Return the values of the expression at the pixels of each place: points together, each polygon alone."""
    found: List[Floats] = [np.zeros(0, np.float32)] * len(pixels)
    single = [number for number, each in enumerate(pixels) if len(each.rows) == 1]
    batches = [[number] for number, each in enumerate(pixels) if len(each.rows) > 1]
    for batch in ([single] if single else []) + batches:
        rows = np.concatenate([pixels[number].rows for number in batch])
        columns = np.concatenate([pixels[number].columns for number in batch])
        arrays: Dict[str, Doubles] = {}
        for product, file in files.items():
            names = [name for name, place in bands.items() if place.product == product]
            its_rows, its_columns, inside = _on(file, finest, rows, columns)
            numbers = [bands[name].number for name in names]
            read, valid = file.read(numbers, its_rows[inside], its_columns[inside], alive)
            for name, number, stored in zip(names, numbers, read):
                whole = np.full(len(rows), np.nan)
                whole[inside] = np.where(valid, _physical(stored, file.header.bands[number - 1], scaling), np.nan)
                arrays[name] = whole
        values = expression.evaluate(arrays)
        for place, number in enumerate(batch):
            found[number] = values if len(batch) == 1 else values[place : place + 1]
    return found


def _physical(values: Doubles, band: Band, scaling: Scaling) -> Doubles:
    scale = band.scale if scaling.scale is None else scaling.scale
    offset = band.offset if scaling.offset is None else scaling.offset
    return values if (scale, offset) == (1, 0) else values * scale + offset


def _on(file: SampledFile, finest: SampledFile, rows: Numbers, columns: Numbers) -> Tuple[Numbers, Numbers, Flags]:
    """Return the pixels of a file at the centres of pixels of another, and which of them lie within the file."""
    if file is not finest and (file.crs != finest.crs or file.transform != finest.transform):
        x, y = _apply(finest.transform, columns.astype(np.float64) + 0.5, rows.astype(np.float64) + 0.5)
        if file.crs != finest.crs:
            moved = transformed(finest.crs, file.crs, x, y)
            if moved is None:
                raise RasterAccessError(f"The pixels of {finest.title} cannot be found in {file.title}.")
            x, y = moved
        across, down = _apply(~file.transform, x, y)
        finite = np.isfinite(across) & np.isfinite(down)
        columns = np.floor(np.where(finite, across, -1)).astype(np.int64)
        rows = np.floor(np.where(finite, down, -1)).astype(np.int64)
    inside = (rows >= 0) & (columns >= 0) & (rows < file.dataset.height) & (columns < file.dataset.width)
    return rows, columns, inside


def _apply(transform: Affine, x: Doubles, y: Doubles) -> Tuple[Doubles, Doubles]:
    return transform.a * x + transform.b * y + transform.c, transform.d * x + transform.e * y + transform.f
