"""Fields of STAC 1.1 that a schema describes, checked in the metadata of an archive.

Items of other catalogs, rules, and metadata in general may have fields of older versions, or values that STAC does not
allow. An item with one of them is invalid as a whole, so they are left out. The rules are those of the common metadata
of STAC 1.1.0, and of the extensions that items name: eo 2.0.0, file 2.1.0, projection 2.0.0, raster 2.0.0, view 1.1.0.
"""

from __future__ import annotations

import math
import re
from typing import Callable, Dict, Mapping

from planet_vector.bands import COMMON_NAMES

PREFIXES = frozenset({"eo", "file", "proj", "raster", "view"})
"""Prefixes of the extensions; each allows no other fields with its prefix."""

_Check = Callable[[object], bool]
_DATA_TYPES = frozenset(
    "int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 cint16 cint32 cfloat32 cfloat64"
    " other".split()
)
_ROLES = frozenset({"producer", "licensor", "processor", "host"})
_DEPTHS = {
    "Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3,
}  # fmt: skip
_FEWEST = {"LineString": 2, "MultiLineString": 2, "Polygon": 4, "MultiPolygon": 4}  # positions of a line or ring


def allowed_fields(said: Mapping[str, object]) -> Dict[str, object]:
    """Return fields without those that STAC 1.1 does not allow; ``proj:epsg`` of older items becomes ``proj:code``.

    Parameters
    ----------
    said : mapping
        Fields by name.
    """
    found = {name: value for name, value in said.items() if _is_allowed(name, value)}
    epsg = said.get("proj:epsg")
    if "proj:code" not in found and isinstance(epsg, (int, float)) and _is_integer(epsg):
        found["proj:code"] = f"EPSG:{int(epsg)}"
    return found


def _is_allowed(name: str, value: object) -> bool:
    check = _CHECKS.get(name)
    if check is None:
        return ":" not in name or name.partition(":")[0] not in PREFIXES
    return check(value)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_integer(value: object) -> bool:
    """Return whether a number is an integer, as JSON Schema has it: 7.0 is one."""
    return isinstance(value, (int, float)) and _is_number(value) and value == int(value)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_text_or_null(value: object) -> bool:
    return value is None or isinstance(value, str)


def _is_filled(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _number(low: float = -math.inf, high: float = math.inf) -> _Check:
    return lambda value: isinstance(value, (int, float)) and _is_number(value) and low <= value <= high


def _count(value: object) -> bool:
    return isinstance(value, (int, float)) and _is_integer(value) and value >= 0


def _one_of(words: frozenset[str]) -> _Check:
    return lambda value: isinstance(value, str) and value in words


def _pattern(pattern: str) -> _Check:
    compiled = re.compile(pattern)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def _list_of(check: _Check, *lengths: int) -> _Check:
    return lambda value: (
        isinstance(value, (list, tuple)) and (not lengths or len(value) in lengths) and all(map(check, value))
    )


def _is_provider(value: object) -> bool:
    return (
        isinstance(value, dict)
        and _is_filled(value.get("name"))
        and all(_is_text(value[name]) for name in ("description", "url") if name in value)
        and _list_of(_one_of(_ROLES))(value.get("roles", []))
    )


def _is_centroid(value: object) -> bool:
    return isinstance(value, dict) and _number(-90, 90)(value.get("lat")) and _number(-180, 180)(value.get("lon"))


def _is_geometry(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    kind = value.get("type")
    depth = _DEPTHS.get(kind) if isinstance(kind, str) else None
    return depth is not None and _is_nested(value.get("coordinates"), depth, _FEWEST.get(str(kind), 0))


def _is_nested(value: object, depth: int, fewest: int) -> bool:
    if not isinstance(value, (list, tuple)):
        return False
    if depth == 0:
        return len(value) >= 2 and all(map(_is_number, value))
    return (depth > 1 or len(value) >= fewest) and all(_is_nested(each, depth - 1, fewest) for each in value)


def _is_object_or_null(value: object) -> bool:
    return value is None or isinstance(value, dict)


def _never(value: object) -> bool:
    return False


_CHECKS: Mapping[str, _Check] = {
    "title": _is_text,
    "description": _is_filled,
    "keywords": _list_of(_is_text),
    "roles": _list_of(_is_text),
    "license": _pattern(r"[\w\-.+]+"),
    "providers": _list_of(_is_provider),
    "platform": _is_text,
    "constellation": _is_text,
    "mission": _is_text,
    "instruments": _list_of(_is_text),
    "data_type": _one_of(_DATA_TYPES),
    "nodata": lambda value: _is_number(value) or value in ("nan", "inf", "-inf"),
    "unit": _is_text,
    # The assets of items state their own.
    "bands": _never,
    "statistics": _never,
    "eo:cloud_cover": _number(0, 100),
    "eo:snow_cover": _number(0, 100),
    "eo:common_name": _one_of(COMMON_NAMES),
    "eo:center_wavelength": _number(),
    "eo:full_width_half_max": _number(),
    "eo:solar_illumination": _number(0),
    "file:byte_order": _one_of(frozenset({"big-endian", "little-endian"})),
    "file:checksum": _pattern("[a-f0-9]+"),
    "file:header_size": _count,
    "file:size": _count,
    "file:local_path": _pattern(r"[^\r\n\t\\:'\"/]+(/[^\r\n\t\\:'\"/]+)*/?"),
    "proj:code": _is_text_or_null,
    "proj:wkt2": _is_text_or_null,
    "proj:projjson": _is_object_or_null,
    "proj:geometry": _is_geometry,
    "proj:bbox": _list_of(_is_number, 4, 6),
    "proj:centroid": _is_centroid,
    "proj:shape": _list_of(_is_integer, 2),
    "proj:transform": _list_of(_is_number, 6, 9),
    "raster:bits_per_sample": _is_integer,
    "raster:sampling": _one_of(frozenset({"area", "point"})),
    "raster:scale": _number(),
    "raster:offset": _number(),
    "raster:spatial_resolution": _number(),
    "view:off_nadir": _number(0, 90),
    "view:incidence_angle": _number(0, 90),
    "view:azimuth": _number(0, 360),
    "view:sun_azimuth": _number(0, 360),
    "view:sun_elevation": _number(-90, 90),
    "view:moon_azimuth": _number(0, 360),
    "view:moon_elevation": _number(0, 90),
}
"""By name, whether a value is allowed; other fields with a prefix of `PREFIXES` are not."""
