"""Complete the Feature of a metadata file, field by field, by what its rasters tell.

A Feature that has all of `REQUIRED` is complete, and stays as it is. One that lacks some of them, or in which a derived
field is unreadable, gets each derived field that it lacks.
"""

from __future__ import annotations

from datetime import datetime
from typing import Callable, Dict, List, Mapping, Sequence, Tuple

from planet_vector.geometry.wrapping import footprint_of
from planet_vector.server.archive.fields import number_or_none, text_or_none, time_or_none
from planet_vector.times import format_time, parse_time

GEOMETRY = "geometry"

_READ: Mapping[str, Callable[[object], object]] = {
    "acquired": time_or_none,
    "camera.bit_depth": number_or_none,
    "camera.color_mode": text_or_none,
    "file_size": number_or_none,
    "image_statistics.gsd": number_or_none,
    "published": time_or_none,
}
"""Fields that are derived from rasters, and how their values are read."""

DERIVED = (GEOMETRY, *_READ)
"""All fields that are derived from rasters."""

REQUIRED = (GEOMETRY, "acquired", "image_statistics.gsd")
"""Fields of a complete Feature. Some of the API's own lack the others."""


def checked_fields(feature: Mapping[str, object]) -> Tuple[Dict[str, object], List[str], List[str]]:
    """Find the derived fields that a Feature lacks.

    Parameters
    ----------
    feature : mapping
        The Feature.

    Returns
    -------
    feature : dict
        The Feature, in which times have a spelling of the API.
    missing : list of str
        Fields to derive: those that it lacks, or whose values are unreadable. Empty if it is complete.
    unreadable : list of str
        Those of them that it has, with their values.
    """
    properties = dict(_object(feature.get("properties")))
    missing: List[str] = []
    unreadable: List[str] = []
    for name, read in _READ.items():
        group, _, leaf = name.rpartition(".")
        value = _object(properties.get(group)).get(leaf) if group else properties.get(leaf)
        known = None if value is None else read(value)
        if known is None:
            missing.append(name)
            if value is not None:
                unreadable.append(f"{name} ({str(value)[:100]!r})")
        elif isinstance(known, datetime) and not _is_time(value):
            properties[leaf] = format_time(known)
    geometry = feature.get(GEOMETRY)
    try:
        if geometry is None:
            missing.append(GEOMETRY)
        else:
            footprint_of(geometry)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError) as error:
        missing.append(GEOMETRY)
        unreadable.append(f"{GEOMETRY} ({' '.join(str(error).split())[:100]})")
    if not unreadable and not set(REQUIRED) & set(missing):
        missing = []
    return {**feature, "properties": properties}, missing, unreadable


def completed_feature(
    feature: Mapping[str, object], missing: Sequence[str], derived: Mapping[str, object]
) -> Dict[str, object]:
    """Return a Feature with the fields that it lacks.

    Parameters
    ----------
    feature : mapping
        The Feature, by `checked_fields`.
    missing : sequence of str
        The fields that it lacks.
    derived : mapping
        The Feature that its raster would have without metadata.
    """
    source, properties = _object(derived["properties"]), dict(_object(feature["properties"]))
    for name in missing:
        group, _, leaf = name.rpartition(".")
        known = _object(source.get(group)) if group else source
        if name != GEOMETRY and leaf in known:
            if group:
                properties[group] = {**_object(properties.get(group)), leaf: known[leaf]}
            else:
                properties[leaf] = known[leaf]
    if "acquired" in missing and "guessed" in source:
        properties["guessed"] = source["guessed"]
    geometry = derived[GEOMETRY] if GEOMETRY in missing else feature[GEOMETRY]
    return {**feature, GEOMETRY: geometry, "properties": properties}


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _is_time(value: object) -> bool:
    try:
        parse_time(str(value))
    except (ValueError, OverflowError):
        return False
    return True
