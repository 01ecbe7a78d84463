"""Columns of scenes by scene type: the API's dotted names, their types and units."""

from __future__ import annotations

from typing import Dict, Mapping

from planet_vector.collection_schema import INTEGER, LONG, REAL, TEXT, TIME

_COMMON_HEAD: Dict[str, str] = {"acquired": TIME, "published": TIME, "provider": TEXT}
_COMMON_TAIL: Dict[str, str] = {
    "links.self": TEXT,
    "links.full": TEXT,
    "links.thumbnail": TEXT,
    "links.square_thumbnail": TEXT,
}
_SUN = {"sun.altitude": REAL, "sun.azimuth": REAL}

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "ortho": {
        "camera.bit_depth": INTEGER,
        "camera.color_mode": TEXT,
        "camera.exposure_time": REAL,
        "camera.gain": REAL,
        "camera.tdi_pulses": REAL,
        "cloud_cover.estimated": REAL,
        "file_size": LONG,
        "image_statistics.gsd": REAL,
        "image_statistics.image_quality": TEXT,
        "image_statistics.snr": REAL,
        "sat.alt": REAL,
        "sat.id": TEXT,
        "sat.lat": REAL,
        "sat.lng": REAL,
        "sat.off_nadir": REAL,
        "strip_id": REAL,
        **_SUN,
        "sun.local_time_of_day": REAL,
        "data.products.visual.full": TEXT,
        "data.products.analytic.full": TEXT,
        "data.products.unrectified.full": TEXT,
        "data.products.unrectified.zip": TEXT,
    },
    "rapideye": {
        "area": REAL,
        "cloud_cover.estimated": REAL,
        "image_statistics.gsd": REAL,
        "rapideye.catalog_id": TEXT,
        "rapideye.tile_id": TEXT,
        "sat.azimuth_angle": REAL,
        "sat.id": TEXT,
        "sat.off_nadir": REAL,
        "sat.view_angle": REAL,
        **_SUN,
        "data.products.visual.full": TEXT,
        "data.products.analytic.full": TEXT,
    },
    "landsat": {
        "camera.bit_depth": INTEGER,
        "cloud_cover.estimated": REAL,
        "image_statistics.gsd": REAL,
        "landsat.data_type": TEXT,
        "landsat.path": INTEGER,
        "landsat.row": INTEGER,
        "sat.alt": REAL,
        "sat.id": TEXT,
        "sat.off_nadir": REAL,
        **_SUN,
        **{f"data.products.band_{n}.full": TEXT for n in range(1, 12)},
        "data.products.qa.full": TEXT,
    },
}
# For unknown scene types: the properties common to all scenes; the rest is in "other".
_UNKNOWN: Mapping[str, str] = {
    "cloud_cover.estimated": REAL,
    "image_statistics.gsd": REAL,
    "sat.id": TEXT,
    "sat.off_nadir": REAL,
    **_SUN,
    "data.products.visual.full": TEXT,
    "data.products.analytic.full": TEXT,
}


UNITS: Mapping[str, str] = {
    "area": "km²",
    "cloud_cover.estimated": "%",
    "image_statistics.gsd": "m",
    "sat.alt": "km",
    "sat.azimuth_angle": "°",
    "sat.lat": "°",
    "sat.lng": "°",
    "sat.off_nadir": "°",
    "sat.view_angle": "°",
    "sun.altitude": "°",
    "sun.azimuth": "°",
}


def columns_of(scene_type: str) -> Dict[str, str]:
    """Return the columns of a scene type in order, each with its type.

    Parameters
    ----------
    scene_type : str
        The scene type; an unknown one has the common columns.
    """
    return {**_COMMON_HEAD, **COLUMNS.get(scene_type, _UNKNOWN), **_COMMON_TAIL}
