"""Simulate how the sample's satellites image the landscape: light, haze, clouds and shadows, cameras and files."""

from __future__ import annotations

import math
from pathlib import Path
from statistics import NormalDist
from typing import Any, Dict, Iterator, Mapping, Sequence, Tuple

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.enums import ColorInterp
from rasterio.transform import Affine
from rasterio.warp import transform

from planet_vector.pixels.written import written_whole
from planet_vector.server.sample.noise import Floats, fractal
from planet_vector.server.sample.plan import Shot
from planet_vector.server.sample.spectra import BANDS, MATERIALS, reflectance
from planet_vector.server.sample.terrain import Ground
from planet_vector.server.sample.terrain_render import SLOPE_EAST, SLOPE_NORTH, TONE

CLOUD_FROM = 0.25
"""Minimum opacity of a pixel that counts as cloud."""

_ROWS = 96  # rows processed at once: few enough for a processor's cache
_MAIN_CLOUD_HEIGHT = 900.0  # metres; determines the offset of shadows
_CLOUDS = (2100.0, 24.0, 0.58)  # longest and shortest wavelength, metres, and gain
# Scattered light that the air adds to each band, in reflectance, for a haze of 1.
_AIR = np.array([0.030, 0.022, 0.013, 0.008, 0.006, 0.004, 0.001, 0.000, 0.0], dtype=np.float32)
_CLOUD = np.array([0.74, 0.74, 0.74, 0.74, 0.73, 0.72, 0.55, 0.45, -3.0], dtype=np.float32)
_SEES: Mapping[str, Tuple[str, ...]] = {
    "ortho": ("blue", "green", "red", "nir"),
    "rapideye": ("blue", "green", "red", "red_edge", "nir"),
    "landsat": ("coastal", "blue", "green", "red", "nir", "swir1", "swir2", "warmth"),
}
# Solar irradiance, W/m2/um: RapidEye's bands blue, green, red, red edge, near infrared.
_IRRADIANCE = np.array([1997.8, 1863.5, 1560.4, 1395.0, 1124.4], dtype=np.float32)


def write_products(shot: Shot, ground: Ground, directory: Path) -> Tuple[Dict[str, Path], float]:
    """Render a scene and write its products.

    Parameters
    ----------
    shot : Shot
        The scene.
    ground : Ground
        Painted ground that covers the scene.
    directory : Path
        Folder of the products.

    Returns
    -------
    products : dict of str to Path
        The files by name of product.
    cloud : float
        Cloud cover of the valid pixels, in percent.
    """
    seen, valid, cloud = _see(shot, ground)
    products = {}
    for product, (bands, pixel, nodata) in _PRODUCTS[shot.scene_type](shot, seen, valid).items():
        products[product] = directory / f"{shot.scene_id}_{product}.tif"
        _write(products[product], bands, shot, pixel, nodata)
    return products, cloud


def _see(shot: Shot, ground: Ground) -> Tuple[Floats, npt.NDArray[np.bool_], float]:
    """Return the light that reaches the camera.

    Returns
    -------
    seen : array of float32, shape (bands, rows, columns)
        Top-of-atmosphere reflectance in the bands of the sensor; 0 outside. Landsat is rendered at half its pixel
        size.
    valid : array of bool, shape (rows, columns)
        Where the scene has data.
    cloud : float
        Cloud cover of the valid pixels, in percent.
    """
    fine = 2 if shot.scene_type == "landsat" else 1
    rows, columns, pixel = shot.height * fine, shot.width * fine, shot.pixel / fine
    bands = _SEES[shot.scene_type]
    columns_of = [BANDS.index(name) for name in bands]
    spectra, air, cloudy = reflectance(_season(shot))[:, columns_of], _AIR[columns_of], _CLOUD[columns_of]
    haze = 0.5 + shot.rng.uniform(0, 0.5)
    sky = _Sky(shot, ground)
    seen = np.zeros((len(bands), rows, columns), dtype=np.float32)
    valid = np.zeros((rows, columns), dtype=np.bool_)
    clouded = 0
    for first, inside, x, y in _positions(shot, rows, columns, pixel):
        valid[first : first + len(inside)] = inside
        if not len(x):
            continue
        layers = ground.sample(x, y)
        # Not a matrix product: the rounding of linear algebra libraries depends on their threads.
        colour = np.einsum("pm,mb->bp", layers[:, : len(MATERIALS)], spectra) * np.float32(1 / 255)
        opacity, shadow, lit = sky.at(x, y)
        light = layers[:, TONE] / 128 * sky.light(layers) * (1 - 0.62 * shadow)
        warmth = 1.2 * (light - 1) + colour[-1] if bands[-1] == "warmth" else None
        colour *= light
        if warmth is not None:
            colour[-1] = warmth
        colour = colour * (1 - 0.035 * haze) + haze * air[:, None]
        colour += opacity * (cloudy[:, None] * lit - colour)
        clouded += int(np.count_nonzero(opacity >= CLOUD_FROM))
        for band, values in zip(seen, colour):
            band[first : first + len(inside)][inside] = values
    return seen, valid, 100.0 * clouded / max(int(valid.sum()), 1)


def _season(shot: Shot) -> int:
    """Return the day of the year, shifted by half a year in the southern hemisphere."""
    day = shot.acquired.timetuple().tm_yday
    return day if shot.land.latitude >= 0 else (day + 182) % 365


def _positions(
    shot: Shot, rows: int, columns: int, pixel: float
) -> Iterator[Tuple[int, npt.NDArray[np.bool_], npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
    """Yield bands of rows: the first row, the mask of valid pixels, and their positions on the landscape's plane."""
    # A map projection is smooth: a cubic fit to 8 x 8 points is accurate to millimetres over a scene, and a hundred
    # times cheaper than projecting every pixel.
    u, v = (a.ravel() for a in np.meshgrid(np.linspace(-1, 1, 8), np.linspace(-1, 1, 8)))
    half = (columns * pixel / 2, rows * pixel / 2)
    middle = (shot.left + half[0], shot.top - half[1])
    lon, lat = transform(f"EPSG:{shot.epsg}", "EPSG:4326", middle[0] + u * half[0], middle[1] - v * half[1])
    powers = [(i, j) for i in range(4) for j in range(4 - i)]
    terms = np.stack([u**i * v**j for i, j in powers], axis=1)
    fits = []
    for axis in shot.land.plane(np.array(lon), np.array(lat)):
        table = np.zeros((4, 4))
        for (i, j), value in zip(powers, np.linalg.lstsq(terms, axis, rcond=None)[0]):
            table[i, j] = value
        fits.append(table)
    us = (np.arange(columns) + 0.5) / columns * 2 - 1
    east = shot.left + (np.arange(columns) + 0.5) * pixel
    for first in range(0, rows, _ROWS):
        row = np.arange(first, min(first + _ROWS, rows)) + 0.5
        north = shot.top - row * pixel
        inside = np.ones((len(row), columns), dtype=np.bool_)
        for (x0, y0), (x1, y1) in zip(shot.corners, shot.corners[1:] + shot.corners[:1]):
            # The inside is to the left of each side of a counterclockwise outline.
            inside &= (x1 - x0) * (north[:, None] - y0) - (y1 - y0) * (east[None, :] - x0) >= 0
        grids = [np.polynomial.polynomial.polygrid2d(us, row / rows * 2 - 1, table).T for table in fits]
        yield first, inside, grids[0][inside], grids[1][inside]


class _Sky:
    """Sun and clouds over one scene."""

    def __init__(self, shot: Shot, ground: Ground) -> None:
        altitude, azimuth = (math.radians(angle) for angle in shot.sun)
        self.sun = (
            math.sin(azimuth) * math.cos(altitude), math.cos(azimuth) * math.cos(altitude), math.sin(altitude)
        )  # fmt: skip
        self.fall = [-_MAIN_CLOUD_HEIGHT * part / self.sun[2] for part in self.sun[:2]]
        seed, cover = shot.sky
        self.clouds = None
        if cover <= 0:
            return
        x, y = shot.land.plane(*shot.degrees().T)
        step = max(12.0, shot.pixel)
        reach = abs(self.fall[0]) + abs(self.fall[1]) + 4 * step + 150
        # On the plane's lattice, so that the clouds of the scenes of one pass are identical.
        xs = np.arange(math.floor((x.min() - reach) / step), math.ceil((x.max() + reach) / step)) * step
        ys = -np.arange(math.floor((-y.max() - reach) / step), math.ceil((-y.min() + reach) / step)) * step
        longest, shortest, gain = _CLOUDS
        density = fractal(xs, ys, longest, shortest, seed, gain)
        spread = 0.5 / math.sqrt(1 - gain**2)
        threshold = NormalDist(0, spread).inv_cdf(1 - cover)
        self.clouds = (density - np.float32(threshold), float(xs[0]), float(ys[0]), step)

    def at(self, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> Tuple[Floats, Floats, Floats]:
        """Return for positions the opacity of clouds above, the opacity towards the sun, and the clouds' brightness."""
        none = np.zeros(len(x), dtype=np.float32)
        if self.clouds is None:
            return none, none, none
        depth = self._depth(x, y)
        opacity = np.clip(depth * np.float32(2.4), 0, 1)
        opacity *= 2 - opacity
        shadow = np.clip(self._depth(x - self.fall[0], y - self.fall[1]) * np.float32(2.4), 0, 1)
        # Clouds are brighter where they are thick, and on the side that faces the sun.
        flank = depth - self._depth(x + 70 * self.sun[0], y + 70 * self.sun[1])
        lit = np.float32(0.72) + 0.26 * np.clip(depth, 0, 1) + np.clip(0.45 * flank, -0.28, 0.22)
        return opacity, shadow, np.asarray(lit, dtype=np.float32)

    def _depth(self, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> Floats:
        assert self.clouds is not None
        grid, left, top, step = self.clouds
        u, v = (x - left) / step, (top - y) / step
        column, row = u.astype(np.int64), v.astype(np.int64)
        fu, fv = (u - column).astype(np.float32), (v - row).astype(np.float32)
        flat, width = grid.ravel(), grid.shape[1]
        at = row * width + column
        upper = np.take(flat, at) * (1 - fu) + np.take(flat, at + 1) * fu
        lower = np.take(flat, at + width) * (1 - fu) + np.take(flat, at + width + 1) * fu
        return np.asarray(upper * (1 - fv) + lower * fv, dtype=np.float32)

    def light(self, layers: Floats) -> Floats:
        """Return the light on slopes relative to level ground: 70 % from the sun, the rest from the sky."""
        east = (layers[:, SLOPE_EAST] - 128) * np.float32(1 / 64)
        north = (layers[:, SLOPE_NORTH] - 128) * np.float32(1 / 64)
        facing = 1 - (east * self.sun[0] + north * self.sun[1]) / self.sun[2]
        facing /= np.sqrt(1 + east * east + north * north)
        return np.asarray(0.3 + 0.7 * np.clip(facing, 0, 1.7), dtype=np.float32)


_Products = Dict[str, Tuple[npt.NDArray[Any], float, Any]]


def _ortho(shot: Shot, seen: Floats, valid: npt.NDArray[np.bool_]) -> _Products:
    strength = math.sin(math.radians(shot.sun[0]))
    visual = np.concatenate([_natural(shot, seen, valid), (valid * np.uint8(255))[None]])
    # 12 bits of the camera; the irradiance per band relative to green.
    scale = 3600 * strength * np.array([1.05, 1.0, 0.85, 0.58], dtype=np.float32)
    analytic = _counts(shot, [band * k for band, k in zip(seen, scale)], valid, 4095)
    return {"visual": (visual, shot.pixel, None), "analytic": (analytic, shot.pixel, 0)}


def _rapideye(shot: Shot, seen: Floats, valid: npt.NDArray[np.bool_]) -> _Products:
    strength = math.sin(math.radians(shot.sun[0]))
    # Hundredths of a watt per square metre, steradian and micrometre.
    radiance = [band * (e * strength / math.pi * 100) for band, e in zip(seen, _IRRADIANCE)]
    return {
        "visual": (_natural(shot, seen, valid), shot.pixel, 0),
        "analytic": (_counts(shot, radiance, valid, 65535), shot.pixel, 0),
    }


def _landsat(shot: Shot, seen: Floats, valid: npt.NDArray[np.bool_]) -> _Products:
    """Scale like Landsat's level 1: reflectance by 2e-5, less 0.1, and radiance from Planck's law."""
    strength = math.sin(math.radians(shot.sun[0]))
    _, rows, columns = seen.shape
    halved = seen.reshape(-1, rows // 2, 2, columns // 2, 2).mean(axis=(2, 4))
    whole = np.asarray(valid.reshape(rows // 2, 2, columns // 2, 2).all(axis=(1, 3)))
    products: _Products = {}

    def add(number: int, counts: Floats, seen_where: npt.NDArray[np.bool_], pixel: float) -> None:
        products[f"band_{number}"] = (_counts(shot, [counts], seen_where, 65535, number), pixel, 0)

    for number, band in enumerate(halved[:7], 1):
        add(number, (band * strength + 0.1) / 2e-5, whole, shot.pixel)
    add(8, (seen[1:4].mean(axis=0) * strength + 0.1) / 2e-5, valid, shot.pixel / 2)
    # Cirrus: the air is opaque in this band, so only high clouds are visible.
    add(9, ((0.002 + 0.02 * np.clip(halved[1] - 0.4, 0, 1)) * strength + 0.1) / 2e-5, whole, shot.pixel)
    kelvin = 291.0 + 10 * halved[7]
    for number, k1, k2 in ((10, 774.8853, 1321.0789), (11, 480.8883, 1201.1442)):
        add(number, (k1 / (np.exp(k2 / kelvin) - 1) - 0.1) / 3.342e-4, whole, shot.pixel)
    return products


_PRODUCTS = {"ortho": _ortho, "rapideye": _rapideye, "landsat": _landsat}


def _natural(shot: Shot, seen: Floats, valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Return red, green and blue in natural colours: without haze, with gamma, scaled by the sun's altitude."""
    strength = math.sin(math.radians(shot.sun[0])) / math.sin(math.radians(55))
    rng = np.random.default_rng([shot.land.seed, shot.number, 1])
    bands = []
    for band, dark in zip(seen[2::-1], (0.004, 0.010, 0.018)):
        value = np.clip((band - dark) * np.float32(strength**0.3 / 0.25), 0, None)
        value = value ** np.float32(1 / 1.65)
        # Compress values brighter than land, mainly clouds, so that they keep their structure.
        value = np.where(value > 0.75, 0.75 + 0.24 * np.tanh((value - 0.75) / 0.85), value)
        grain = rng.standard_normal(value.shape, dtype=np.float32) * np.float32(0.35 * shot.rough)
        bands.append(np.where(valid, np.clip(value * 255 + grain + 0.5, 1, 255), 0).astype(np.uint8))
    return np.stack(bands)


def _counts(
    shot: Shot, bands: Sequence[Floats], valid: npt.NDArray[np.bool_], top: int, salt: int = 0
) -> npt.NDArray[np.uint16]:
    """Digitise bands, with the noise of a camera; 0 is reserved for nodata."""
    rng = np.random.default_rng([shot.land.seed, shot.number, 2, salt])
    found = []
    for band in bands:
        noisy = band * (1 + rng.standard_normal(band.shape, dtype=np.float32) * np.float32(0.002 * shot.rough))
        found.append(np.where(valid, np.clip(noisy + 0.5, 1, top), 0).astype(np.uint16))
    return np.stack(found)


def _write(path: Path, bands: npt.NDArray[Any], shot: Shot, pixel: float, nodata: Any) -> None:
    """Write a GeoTIFF in the specified layout: LZW, pixel-interleaved strips of one row, no overviews."""
    count, height, width = bands.shape
    options: Dict[str, Any] = {"photometric": "RGB"} if bands.dtype == np.uint8 else {"photometric": "MINISBLACK"}
    if bands.dtype == np.uint8 and count == 4:
        options["alpha"] = "unspecified"
    with written_whole(path, path) as written, rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=count, dtype=bands.dtype, nodata=nodata,
        crs=f"EPSG:{shot.epsg}", transform=Affine(pixel, 0, shot.left, 0, -pixel, shot.top), compress="lzw",
        predictor=2, interleave="pixel", tiled=False, blockysize=1, **options,
    ) as file:  # fmt: skip
        file.update_tags(TIFFTAG_DATETIME=f"{shot.acquired:%Y:%m:%d %H:%M:%S}")
        if bands.dtype == np.uint8 and count == 4:
            file.colorinterp = [ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha]
        file.write(written.note(bands))
