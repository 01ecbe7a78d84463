"""Plan of the sample's scenes: satellite, ground and time of each, and its metadata."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, List, Mapping, Tuple

import numpy as np
import numpy.typing as npt
from rasterio.warp import transform
from shapely.geometry import MultiPolygon, Polygon, mapping
from shapely.geometry.polygon import orient

from planet_vector.geometry.wrapping import wrapped
from planet_vector.server.sample.terrain import EARTH_RADIUS, Landscape
from planet_vector.times import format_time

SIZES: Mapping[str, int] = {"full": 1, "small": 4}
"""Factor by which the pixels of each size are coarser than those of real scenes; the area is the same."""

VALLEY = (12.0, 47.88)
"""Longitude and latitude of most scenes, on the border of UTM zones 32 and 33."""

ISLAND = (179.998, -16.82)
"""Longitude and latitude of a scene that crosses the antimeridian."""

API = "https://api.planet.com/v0/scenes"

# date, hour of the pass (UTC), cloud cover from 0 to 1, frames in a strip, satellites
_PASSES = (
    ("2015-04-21", 9.52, 0.05, 3, ("0905", "0908")),
    ("2015-05-12", 9.61, 0.00, 3, ("090c", "0905")),
    ("2015-05-31", 9.44, 0.34, 3, ("0908", "0b0a")),
    ("2015-06-15", 9.58, 0.02, 3, ("0905", "0c06")),
    ("2015-07-03", 9.36, 0.12, 3, ("0908", "090c")),
    ("2015-07-19", 9.71, 0.66, 3, ("0905", "0908")),
    ("2015-08-05", 9.49, 0.00, 3, ("0c06", "0905")),
    ("2015-08-23", 9.55, 0.04, 3, ("090c", "0908")),
    ("2015-09-08", 9.63, 0.09, 4, ("0b0a", "0905")),
    ("2015-10-01", 9.47, 0.45, 3, ("0908", "090c")),
)
_FRAME = (3150.0, 2420.0)  # metres across and along the track: about 1200 x 1000 pixels after rotation
_STRIP_APART, _FRAME_APART = 2900.0, 2250.0
_RAPIDEYE = (  # date, hour, cloud, satellite number, tile, catalogue number
    ("2015-06-06", 10.88, 0.03, 2, "3260720", "21546701"),
    ("2015-06-06", 10.88, 0.03, 2, "3360601", "21546702"),
    ("2015-08-27", 10.94, 0.10, 4, "3260720", "22718805"),
    ("2015-08-27", 10.94, 0.10, 4, "3360601", "22718806"),
)
_LANDSAT = (("2015-06-06", 9.9831, 0.02), ("2015-07-24", 9.9835, 0.22), ("2015-08-09", 9.9838, 0.05))
_LANDSAT_PATH, _LANDSAT_ROW = 192, 27


@dataclass(frozen=True)
class Shot:
    """One scene, before its pixels are rendered.

    Attributes
    ----------
    scene_id, scene_type, satellite : str
        Identifiers.
    acquired : datetime
        Time of acquisition, UTC.
    strip_id : float
        Start of the strip, seconds since 1970; 0 if there is none.
    land : Landscape
        The landscape that it images.
    epsg : int
        EPSG code of its UTM zone.
    corners : tuple of (float, float)
        The imaged quadrilateral in the UTM zone, metres, counterclockwise from the lower right.
    left, top : float
        Upper left corner of its raster in the UTM zone, metres.
    width, height : int
        Size of its raster in pixels.
    pixel : float
        Pixel size, metres.
    sky : (int, float)
        Seed of the clouds and cloud cover from 0 to 1; scenes of one pass share a sky.
    quality : str
        Image quality, as in the API.
    rough : float
        Noise of the camera relative to the usual one.
    number : int
        Position in the plan, which seeds the scene's random numbers.
    extra : mapping
        Metadata of the scene type.
    """

    scene_id: str
    scene_type: str
    satellite: str
    acquired: datetime
    strip_id: float
    land: Landscape
    epsg: int
    corners: Tuple[Tuple[float, float], ...]
    left: float
    top: float
    width: int
    height: int
    pixel: float
    sky: Tuple[int, float]
    quality: str
    rough: float
    number: int
    extra: Mapping[str, Any]

    @property
    def rng(self) -> np.random.Generator:
        """A new random generator of the scene, which is reproducible."""
        return np.random.default_rng([self.land.seed, self.number])

    @property
    def centre(self) -> Tuple[float, float]:
        """Longitude and latitude of the raster's centre."""
        x, y = self.left + self.width * self.pixel / 2, self.top - self.height * self.pixel / 2
        lon, lat = transform(f"EPSG:{self.epsg}", "EPSG:4326", [x], [y])
        return float(lon[0]), float(lat[0])

    @property
    def sun(self) -> Tuple[float, float]:
        """Altitude and azimuth of the sun at the centre, degrees."""
        return sun_position(self.acquired, *self.centre)

    def degrees(self) -> npt.NDArray[np.float64]:
        """Return the corners as longitude and latitude, shape (4, 2); longitudes continue beyond 180."""
        lon, lat = transform(f"EPSG:{self.epsg}", "EPSG:4326", *[list(axis) for axis in zip(*self.corners)])
        found: npt.NDArray[np.float64] = np.array([lon, lat]).T
        if np.ptp(found[:, 0]) > 180:
            found[found[:, 0] < 0, 0] += 360
        return found

    def footprint(self) -> Dict[str, Any]:
        """Return the GeoJSON geometry of the imaged area, split at the antimeridian."""
        outline = Polygon(self.degrees())
        if outline.bounds[2] <= 180:
            ring = [*outline.exterior.coords]
            return {"type": "Polygon", "coordinates": [[list(position) for position in ring]]}
        split: Dict[str, Any] = mapping(MultiPolygon([orient(part) for part in wrapped(outline)]))
        return {"type": "MultiPolygon", "coordinates": [[list(map(list, r)) for r in p] for p in split["coordinates"]]}


def plan(seed: int, size: str) -> List[Shot]:
    """Return all scenes of the sample, which depend only on the seed.

    Parameters
    ----------
    seed : int
        Seed of the landscape and the weather.
    size : str
        One of `SIZES`.
    """
    valley, island = Landscape(seed, *VALLEY), Landscape(seed, *ISLAND, island=True)
    factor = SIZES[size]
    shots: List[Shot] = []
    rng = np.random.default_rng(seed)
    for day, (date, hour, cloud, frames, satellites) in enumerate(_PASSES):
        starts = [_moment(date, hour + float(rng.uniform(-0.05, 0.05))) for _ in satellites]
        if day == 7:  # two satellites at the same time, to test that paging loses no scene
            starts[1] = starts[0]
        for side, satellite in enumerate(satellites):
            turn = math.radians(float(rng.uniform(8, 12)))
            across = (side - 0.5) * _STRIP_APART + float(rng.uniform(-280, 280))
            shift = float(rng.uniform(-280, 280))
            # Early responses contain whole seconds.
            start = starts[side].replace(microsecond=0) if day == 0 else starts[side]
            pace = 2.0 if day == 0 else 1.36 + 0.09 * side
            for frame in range(frames):
                y = (1 - frame) * _FRAME_APART + shift
                when = start + timedelta(seconds=pace * frame)
                middle = "1_" if satellite in ("0b0a", "0c06") else ""
                name = f"{when:%Y%m%d_%H%M%S}_{middle}{satellite}"
                grade = ("standard", "target", "standard", "test")[int(rng.integers(4))]
                centre = (across + math.tan(turn) * y, y)
                shots.append(
                    _shot(
                        len(shots), valley, centre, _FRAME, turn, 3.0 * factor, scene_id=name, scene_type="ortho",
                        satellite=satellite, acquired=when, strip_id=_strip(start), quality=grade,
                        rough=2.2 if grade == "test" else 1.0, sky=(seed * 100 + day, cloud), extra={},
                    )
                )  # fmt: skip
    start = _moment("2015-08-11", 22.04)
    shots.append(
        _shot(
            len(shots), island, (0.0, 0.0), _FRAME, math.radians(9.5), 3.0 * factor,
            scene_id=f"{start:%Y%m%d_%H%M%S}_0908", scene_type="ortho", satellite="0908", acquired=start,
            strip_id=_strip(start), quality="standard", rough=1.0, sky=(seed * 100 + 50, 0.07), extra={},
        )
    )  # fmt: skip
    for k, (date, hour, cloud, number, tile, catalogue) in enumerate(_RAPIDEYE):
        when = _moment(date, hour).replace(microsecond=0) + timedelta(seconds=k % 2)
        # Tiles are on a fixed grid, north up; on the second date the swath ends inside the tiles.
        turn = math.radians(9.0) if k >= 2 else 0.0
        extent = (4900.0, 4000.0) if k >= 2 else (6000.0, 5000.0)
        shots.append(
            _shot(
                len(shots), valley, ((k % 2 - 0.5) * 2400, -150.0), extent, turn, 5.0 * factor,
                scene_id=f"{when:%Y%m%d_%H%M%S}_{tile}_RapidEye-{number}", scene_type="rapideye",
                satellite=f"RapidEye-{number}", acquired=when, strip_id=0.0, quality="standard", rough=1.0,
                sky=(seed * 100 + 60 + k // 2, cloud), extra={"tile_id": tile, "catalog_id": catalogue},
            )
        )  # fmt: skip
    for k, (date, hour, cloud) in enumerate(_LANDSAT):
        when = _moment(date, hour) + timedelta(microseconds=472913 + 1371 * k)
        shots.append(
            _shot(
                len(shots), valley, (300.0, -200.0), (15300.0, 15300.0), math.radians(10.2), 30.0 * factor,
                scene_id=f"LC8{_LANDSAT_PATH:03d}{_LANDSAT_ROW:03d}{when:%Y%j}LGN00", scene_type="landsat",
                satellite="LANDSAT_8", acquired=when, strip_id=0.0, quality="target", rough=1.0,
                sky=(seed * 100 + 70 + k, cloud), extra={"path": _LANDSAT_PATH, "row": _LANDSAT_ROW},
            )
        )  # fmt: skip
    return shots


def describe(shot: Shot, cloud: float, products: List[str], size: int) -> Dict[str, Any]:
    """Return a scene as a GeoJSON Feature of the API.

    Parameters
    ----------
    shot : Shot
        The scene.
    cloud : float
        Cloud cover, in percent.
    products : list of str
        Names of the existing products.
    size : int
        Bytes of the first product.
    """
    rng = shot.rng
    here = f"{API}/{shot.scene_type}/{shot.scene_id}"
    lon, lat = shot.centre
    altitude, azimuth = shot.sun
    properties: Dict[str, Any] = {
        "acquired": format_time(shot.acquired),
        "cloud_cover": {"estimated": round(cloud, 2)},
        "data": {"products": {name: {"full": f"{here}/full?product={name}"} for name in products}},
        "links": {
            "full": f"{here}/full",
            "self": here,
            "square_thumbnail": f"{here}/square-thumb",
            "thumbnail": f"{here}/thumb",
        },
    }
    published = shot.acquired + timedelta(seconds=float(rng.uniform(3, 9)) * 3600)
    if shot.scene_type == "ortho":
        properties.update(_ortho(shot, rng, size))
        if shot.acquired.month >= 6:  # scenes of the first months lack `published`
            properties["published"] = format_time(published)
    elif shot.scene_type == "rapideye":
        look = round(float(rng.uniform(-9, 9)), 2)
        properties.update(
            acquired=f"{shot.acquired:%Y-%m-%dT%H:%M:%SZ}",
            published=format_time(published + timedelta(days=120)),
            provider="rapideye",
            area=round(_area(shot) / 1e6, 3),
            image_statistics={"gsd": 6.5 * shot.pixel / 5},
            rapideye=dict(shot.extra),
            sat={"id": shot.satellite, "off_nadir": look, "view_angle": look,
                 "azimuth_angle": round(float(rng.uniform(275, 281)), 2)},
            sun={"altitude": altitude, "azimuth": azimuth},
        )  # fmt: skip
    else:
        properties.update(
            published=format_time(published),
            provider="landsat",
            camera={"bit_depth": 16},
            image_statistics={"gsd": shot.pixel},
            landsat={**shot.extra, "data_type": "L1T"},
            sat={"id": shot.satellite, "alt": 705.0, "off_nadir": 0.0},
            sun={"altitude": altitude, "azimuth": azimuth},
        )
    return {"type": "Feature", "id": shot.scene_id, "geometry": shot.footprint(), "properties": properties}


def _ortho(shot: Shot, rng: np.random.Generator, size: int) -> Dict[str, Any]:
    """Return the properties that only Dove scenes have, with the irregularities of real responses."""
    lon, lat = shot.centre
    height = (405.0 if shot.satellite == "0b0a" else 616.0) + float(rng.uniform(-6, 6))
    off_nadir = float(rng.uniform(0.3, 4.2))
    # The tilt of the camera offsets the picture from the point below the satellite.
    bearing = float(rng.uniform(0, 2 * math.pi))
    aside = math.degrees(height * 1000 * math.tan(math.radians(off_nadir)) / EARTH_RADIUS)
    sat_lat = lat + aside * math.cos(bearing)
    sat_lng = lon + aside * math.sin(bearing) / math.cos(math.radians(lat))
    sat_lng = (sat_lng + 180) % 360 - 180
    altitude, azimuth = sun_position(shot.acquired, sat_lng, sat_lat)  # at the satellite, like the real service
    hour = shot.acquired.hour + shot.acquired.minute / 60 + shot.acquired.second / 3600
    camera: Dict[str, Any] = {"bit_depth": 12, "color_mode": "RGB"}
    camera.update(exposure_time=1170, gain=300, tdi_pulses=12)
    if shot.satellite == "0b0a":
        camera.update(exposure_time=780.0, gain=100.0, tdi_pulses=12.0)
    elif shot.satellite == "0c06":
        camera.update(bit_depth=None, color_mode=None, exposure_time=750.0, gain=0.0, tdi_pulses=12.0)
    found: Dict[str, Any] = {
        "camera": camera,
        "image_statistics": {
            "gsd": round(height * 6.84e-3 * shot.pixel / 3, 11),  # 4.21 m from 616 km, as of the first Doves
            "image_quality": shot.quality,
            "snr": float(rng.uniform(70, 110)) / shot.rough,
        },
        "sat": {"alt": height, "id": shot.satellite, "lat": sat_lat, "lng": sat_lng, "off_nadir": off_nadir},
        "strip_id": shot.strip_id,
        "sun": {
            "altitude": altitude,
            "azimuth": azimuth,
            "local_time_of_day": (hour + sat_lng / 15) % 24,
        },
    }
    if shot.acquired.month == 4:
        found["file_size"] = size
    if shot.acquired.month >= 9:
        found["provider"] = "planetscope"
    return found


def sun_position(when: datetime, longitude: float, latitude: float) -> Tuple[float, float]:
    """Return the sun's altitude and azimuth in degrees, accurate to a few hundredths.

    The low precision formulas of the Astronomical Almanac, without refraction.

    Parameters
    ----------
    when : datetime
        A time with a time zone.
    longitude, latitude : float
        Position in degrees.
    """
    days = (when - datetime(2000, 1, 1, 12, tzinfo=timezone.utc)) / timedelta(days=1)
    anomaly = math.radians(357.528 + 0.9856003 * days)
    ecliptic = math.radians(280.460 + 0.9856474 * days + 1.915 * math.sin(anomaly) + 0.020 * math.sin(2 * anomaly))
    tilt = math.radians(23.439 - 4e-7 * days)
    ascension = math.atan2(math.cos(tilt) * math.sin(ecliptic), math.cos(ecliptic))
    declination = math.asin(math.sin(tilt) * math.sin(ecliptic))
    sidereal = math.radians(280.46062 + 360.98564737 * days + longitude)
    hour, here = sidereal - ascension, math.radians(latitude)
    altitude = math.asin(
        math.sin(here) * math.sin(declination) + math.cos(here) * math.cos(declination) * math.cos(hour)
    )
    azimuth = math.atan2(
        -math.sin(hour), math.tan(declination) * math.cos(here) - math.sin(here) * math.cos(hour)
    )  # fmt: skip
    return math.degrees(altitude), math.degrees(azimuth) % 360


def _shot(
    number: int,
    land: Landscape,
    centre: Tuple[float, float],
    extent: Tuple[float, float],
    turn: float,
    pixel: float,
    **rest: Any,
) -> Shot:
    """Return the scene of a rectangle rotated clockwise, in its bounding raster; `centre` is in metres on the plane."""
    lon = land.longitude + math.degrees(centre[0] / (EARTH_RADIUS * math.cos(math.radians(land.latitude))))
    lat = land.latitude + math.degrees(centre[1] / EARTH_RADIUS)
    zone = int((lon + 180) // 6) % 60 + 1
    epsg = (32600 if lat >= 0 else 32700) + zone
    (x,), (y,) = transform("EPSG:4326", f"EPSG:{epsg}", [lon], [lat])
    c, s = math.cos(turn), math.sin(turn)
    half = ((1, -1), (1, 1), (-1, 1), (-1, -1))
    corners = tuple(
        (x + (c * a * extent[0] + s * b * extent[1]) / 2, y + (c * b * extent[1] - s * a * extent[0]) / 2)
        for a, b in half
    )
    # Rasters start at whole pixels of their UTM zone, like orthorectified scenes.
    left = math.floor(min(p[0] for p in corners) / pixel) * pixel
    top = math.ceil(max(p[1] for p in corners) / pixel) * pixel
    width = math.ceil((max(p[0] for p in corners) - left) / pixel)
    height = math.ceil((top - min(p[1] for p in corners)) / pixel)
    return Shot(
        number=number, land=land, epsg=epsg, corners=corners, left=left, top=top,
        width=width, height=height, pixel=pixel, **rest,
    )  # fmt: skip


def _area(shot: Shot) -> float:
    x, y = (np.array(axis) for axis in zip(*shot.corners))
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def _moment(date: str, hour: float) -> datetime:
    return datetime.fromisoformat(date).replace(tzinfo=timezone.utc) + timedelta(microseconds=round(hour * 3.6e9))


def _strip(start: datetime) -> float:
    return round(start.timestamp(), 6)
