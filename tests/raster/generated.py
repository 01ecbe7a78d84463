"""GeoTIFFs of any kind, drawn by hypothesis, with their known properties.

The expected results are computed from how a file was made, position by position with PROJ, and with GDAL's programs;
nothing here uses the package.
"""

from __future__ import annotations

import math
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import numpy as np
import pyproj
import rasterio
from affine import Affine
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp

TYPES = ("uint8", "int16", "uint16", "int32", "uint32", "float32", "float64", "complex64")

PLACES: Dict[str, Tuple[str, float, float, float]] = {
    "UTM": ("EPSG:32633", 300_000, 5_300_000, 10),
    "UTM 1 across 180": ("EPSG:32601", 285_000, 5_540_000, 10),  # 180° is at 285,017 m there
    "UTM 60 across 180": ("EPSG:32660", 714_700, 5_540_000, 10),
    "degrees": ("EPSG:4326", 12, 48, 2**-13),
    "degrees to 360": ("EPSG:4326", 200, 48, 2**-13),
    "degrees across 180": ("EPSG:4326", 180 - 2**-8, 48, 2**-13),
    "degrees across -180": ("EPSG:4326", -180 - 2**-8, 48, 2**-13),
    "web mercator": ("EPSG:3857", 1_340_010, 6_100_005, 15),
    "near the pole": ("EPSG:3413", 300_000, -200_000, 50),
    "the pole": ("EPSG:3031", -1500, 1500, 50),
}
"""CRS, upper left corner and pixel size: corners lie on whole pixels counted from the origin of the CRS."""

WAYS = {
    "north up": lambda w, h: Affine(1, 0, 0, 0, -1, 0),
    "south up": lambda w, h: Affine(1, 0, 0, 0, 1, -h),
    "east to west": lambda w, h: Affine(-1, 0, w, 0, -1, 0),
    "turned": lambda w, h: Affine.rotation(-30) * Affine(1, 0, 0, 0, -1, 0),
}
"""Orientation of the pixels: from column and row to pixels east and north of a corner."""

PALETTE = {n: ((n * 37) % 256, 255 - (n * 11) % 256, (n * 5) % 256, 255) for n in range(256)}


@dataclass(frozen=True)
class Kind:
    """Properties of a raster.

    Attributes
    ----------
    dtype : str
        One of `TYPES`.
    count : int
        Bands besides alpha.
    told : str
        How missing data is marked: nothing, ``nodata``, ``mask``, ``alpha``, ``alpha first``, ``nan`` or
        ``nodata outside`` (a value that the type cannot represent).
    palette : bool
        Whether the band has a colour table.
    scaled : bool
        Whether bands have a scale, an offset and a unit.
    place : str
        One of `PLACES`.
    way : str
        One of `WAYS`.
    points : bool
        Whether ground control points replace the transform.
    tiled : bool
        Whether blocks are square.
    size : (int, int)
        Columns and rows.
    """

    dtype: str
    count: int
    told: str
    palette: bool
    scaled: bool
    place: str
    way: str
    points: bool
    tiled: bool
    size: Tuple[int, int]

    def __str__(self) -> str:
        more = ("palette", "scaled", "points", "tiled")
        told = ", ".join([self.told, self.place, self.way, *(name for name in more if getattr(self, name))])
        return f"{self.count} × {self.dtype}, {told}, {self.size[0]} × {self.size[1]}"


@st.composite
def kinds(draw: Any) -> Kind:
    dtype = draw(st.sampled_from(TYPES))
    told = ["nothing", "nodata", "mask"]
    if dtype != "complex64":
        told += ["alpha", "alpha first"]
    if dtype.startswith("float"):
        told.append("nan")
    if dtype.startswith("uint"):
        told.append("nodata outside")
    count = draw(st.sampled_from((1, 3, 2, 4)))
    chosen = draw(st.sampled_from(told))
    palette = dtype == "uint8" and not chosen.startswith("alpha") and draw(st.booleans())
    points = draw(st.integers(0, 5)) == 0
    way = draw(st.sampled_from(("north up", "north up", "north up", *WAYS)))
    size = draw(st.integers(40, 90)), draw(st.integers(40, 90))
    if draw(st.integers(0, 14)) == 0:
        size = 1100, 700
    return Kind(
        dtype, 1 if palette else count, chosen, palette, draw(st.booleans()), draw(st.sampled_from(tuple(PLACES))), way,
        points, draw(st.booleans()), size,
    )  # fmt: skip


def drawn(number: int, start: int = 1) -> List[Kind]:
    """Return a number of kinds, the same on each run."""
    found: Dict[Kind, None] = {}

    @seed(start)
    @settings(
        max_examples=number, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.lists(kinds(), min_size=20, max_size=20))
    def gather(some: List[Kind]) -> None:
        # Only what hypothesis draws itself, not its mutations of earlier examples.
        if len(set(some)) > 18 and len(found) < number and sum(kind in found for kind in some) < 2:
            found.update(dict.fromkeys(some))

    gather()
    return list(found)[:number]


class Made:
    """A written raster and its known properties.

    Attributes
    ----------
    id : str
        Id of the scene.
    path : Path
        The file.
    pixels : array, shape (bands, rows, columns)
        All bands, including alpha.
    valid : array of bool, shape (rows, columns)
        True where there is data.
    transform : Affine
        Transform of the file, or as its control points define it.
    """

    def __init__(self, kind: Kind, number: int, folder: Path) -> None:
        self.kind = kind
        self.crs, west, north, self.pixel = PLACES[kind.place]
        width, height = kind.size
        self.transform = Affine.translation(west, north) * Affine.scale(self.pixel) * WAYS[kind.way](width, height)
        self.day = datetime(2015, 1, 1, tzinfo=timezone.utc) + timedelta(days=number)
        self.id = f"{self.day:%Y%m%d}_000000_k{number}"
        self.product = "visual" if kind.dtype == "uint8" else "analytic"
        self.path = folder / f"{self.id}_{self.product}.tif"
        self.title = f"{number}: {kind}"
        self.pixels, self.valid = _pixels(kind)
        self._write()
        forward = pyproj.Transformer.from_crs(self.crs, "EPSG:4326", always_xy=True)
        self._to_degrees = forward.transform
        self._from_degrees = pyproj.Transformer.from_crs("EPSG:4326", self.crs, always_xy=True).transform

    @property
    def alpha(self) -> Optional[int]:
        """Index of the alpha band, from 0."""
        last = len(self.pixels) - 1
        return {"alpha": last, "alpha first": 0}.get(self.kind.told)

    @property
    def shown(self) -> List[int]:
        """Indices of the other bands."""
        return [n for n in range(len(self.pixels)) if n != self.alpha]

    @property
    def north_up(self) -> bool:
        return self.kind.way == "north up" and not self.kind.points

    def to_degrees(self, columns: Any, rows: Any) -> Tuple[np.ndarray, np.ndarray]:
        """Return longitude (within ±180°) and latitude of positions in the file."""
        x, y = self.transform * (np.asarray(columns, float), np.asarray(rows, float))
        lon, lat = self._to_degrees(x, y)
        return (np.asarray(lon) + 180) % 360 - 180, np.asarray(lat)

    def from_degrees(self, lon: Any, lat: Any) -> Tuple[np.ndarray, np.ndarray]:
        """Return column and row in the file of positions in degrees."""
        x, y = self._from_degrees(lon, lat)
        x, y = np.asarray(x, float), np.asarray(y, float)
        if self.crs == "EPSG:4326":
            middle = (self.transform * (self.kind.size[0] / 2, self.kind.size[1] / 2))[0]
            x = middle + (x - middle + 180) % 360 - 180
        columns, rows = ~self.transform * (x, y)
        return np.where(np.isfinite(columns), columns, -1e9), np.where(np.isfinite(rows), rows, -1e9)

    def at(self, values: np.ndarray, columns: np.ndarray, rows: np.ndarray, outside: Any) -> np.ndarray:
        """Return values, shape (…, rows, columns), at positions in the file; `outside` for positions beyond it."""
        width, height = self.kind.size
        inside = (columns >= 0) & (rows >= 0) & (columns < width) & (rows < height)
        column, row = (np.where(inside, np.floor(n), 0).astype(int) for n in (columns, rows))
        return np.where(inside, values[..., row, column], outside)

    def surely(self, columns: np.ndarray, rows: np.ndarray, around: float) -> Tuple[np.ndarray, np.ndarray]:
        """Return where there certainly is data, and certainly none, within `around` pixels of positions."""
        return ~self.near(~self.valid, columns, rows, around, True), ~self.near(self.valid, columns, rows, around)

    def near(
        self, wanted: np.ndarray, columns: np.ndarray, rows: np.ndarray, around: float, outside: bool = False
    ) -> np.ndarray:
        """Return where `wanted` is true in a pixel at positions, or `around` pixels from them."""
        steps = [(x * around, y * around) for x in (-1, -0.5, 0, 0.5, 1) for y in (-1, -0.5, 0, 0.5, 1)]
        return np.any([self.at(wanted, columns + x, rows + y, outside) for x, y in steps], axis=0)

    def _write(self) -> None:
        kind, height, width = self.kind, self.kind.size[1], self.kind.size[0]
        profile: Dict[str, Any] = {
            "driver": "GTiff", "width": width, "height": height, "count": len(self.pixels), "dtype": kind.dtype,
            "compress": "deflate",
        }  # fmt: skip
        if kind.tiled:
            profile.update(tiled=True, blockxsize=32, blockysize=16)
        # By default, GDAL interprets four bands of bytes as red, green, blue and alpha.
        profile["photometric"] = "palette" if kind.palette else "minisblack"
        if kind.told in ("nodata", "nan"):
            profile["nodata"] = float("nan") if kind.told == "nan" else 0
        if not kind.points:
            profile.update(crs=self.crs, transform=self.transform)
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(self.path, "w", **profile) as target:
            if kind.points:
                corners = [(c, r) for c in (0, width / 2, width) for r in (0, height / 2, height)]
                points = [GroundControlPoint(r, c, *(self.transform * (c, r)), 0) for c, r in corners]
                target.gcps = points, rasterio.crs.CRS.from_string(self.crs)
            colours = list(target.colorinterp)
            if self.alpha is not None:
                colours[self.alpha] = ColorInterp.alpha
            if len(self.shown) > 2:  # otherwise it is a convention of the service which of them is red
                for band, colour in zip(self.shown, (ColorInterp.red, ColorInterp.green, ColorInterp.blue)):
                    colours[band] = colour
            target.colorinterp = colours
            if kind.palette:
                target.write_colormap(1, PALETTE)
            if kind.scaled:
                count = len(self.pixels)
                target.scales, target.offsets, target.units = [0.5] * count, [-3.0] * count, ["W"] * count
            target.update_tags(MADE_FOR="a test")
            target.set_band_description(1, "the first")
            target.write(self.pixels)
            if kind.told == "mask":
                target.write_mask(self.valid)
        if kind.told == "nodata outside":
            plain = self.path.with_suffix(".plain")
            self.path.rename(plain)
            gdal("gdal_translate", "-a_nodata", "-9999", "-co", "COMPRESS=DEFLATE", plain, self.path)
            plain.unlink()


def _pixels(kind: Kind) -> Tuple[np.ndarray, np.ndarray]:
    """Return smooth ramps with a corner and a side without data, and where there is data."""
    width, height = kind.size
    rows, columns = np.mgrid[0:height, 0:width]
    ramps = [
        20 + 100 * columns / width + 80 * rows / height, 30 + 200 * columns / width, 220 - 190 * rows / height,
        200 - 90 * columns / width - 80 * rows / height,
    ]  # fmt: skip
    pixels = np.array([np.round(ramp) for ramp in ramps[: kind.count]]).astype(kind.dtype)
    if kind.dtype in ("int16", "int32"):
        pixels -= 300
    elif kind.dtype in ("uint16", "uint32"):
        pixels = pixels * 200
    elif kind.dtype.startswith("float"):
        pixels /= 128
    elif kind.dtype == "complex64":
        pixels = pixels * np.complex64(1 + 2j)
    valid = np.ones((height, width), bool)
    if kind.told in ("nothing", "nodata outside"):
        return pixels, valid
    valid[: height // 3, : width // 2] = False
    valid[:, width - width // 6 :] = False
    if kind.told.startswith("alpha"):
        opaque = np.where(valid, 255, 0).astype(kind.dtype)
        both = [opaque, *pixels] if kind.told == "alpha first" else [*pixels, opaque]
        return np.array(both), valid
    if kind.told != "mask":
        pixels[:, ~valid] = np.nan if kind.told == "nan" else 0
        # A pixel with nodata in one band is valid if another band has data.
        if kind.count > 1:
            pixels[0, height // 2 : height // 2 + 5, 5:15] = np.nan if kind.told == "nan" else 0
    return pixels, valid


def gdal(program: str, *arguments: Any) -> str:
    """Run a GDAL program."""
    done = subprocess.run(
        [program, *(["-q"] if program != "gdaltransform" else []), *map(str, arguments)], capture_output=True,
        text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, (program, arguments, done.stderr)
    return done.stdout


def mercator(bounds: Tuple[float, float, float, float], shape: Tuple[int, int]) -> Tuple[np.ndarray, np.ndarray]:
    """Return longitude and latitude of the pixel centres of a web mercator image."""
    west, south, east, north = bounds
    x, y = np.meshgrid(
        west + (np.arange(shape[1]) + 0.5) * (east - west) / shape[1],
        north - (np.arange(shape[0]) + 0.5) * (north - south) / shape[0],
    )
    lon, lat = pyproj.Transformer.from_crs("EPSG:3857", "EPSG:4326", always_xy=True).transform(x, y)
    return np.asarray(lon), np.asarray(lat)


HALF = math.pi * 6378137.0  # metres: half the side of the square that web mercator covers (EPSG:3857)
