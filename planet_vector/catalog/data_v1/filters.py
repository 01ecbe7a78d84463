"""Searches as filters of the Data API v1: JSON objects with a type, the name of a field and a configuration."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Dict, List, Optional, Sequence, Union

from planet_vector.catalog.data_v1.item_schemas import ASSETS, FILTER, PERMISSIONS
from planet_vector.conditions import Alternatives, Condition, Value
from planet_vector.errors import QueryError
from planet_vector.geometry.areas import Geometry, as_geojson
from planet_vector.geometry.boxes import Box
from planet_vector.query import Query
from planet_vector.times import format_time

Filter = Dict[str, object]


def filter_of(query: Query) -> Filter:
    """Return the filter of a search.

    Parameters
    ----------
    query : Query
        The search.

    Returns
    -------
    dict
        An ``AndFilter``.

    Raises
    ------
    QueryError
        If its area is neither WKT nor GeoJSON.
    """
    parts = [_of_condition(condition) for condition in query.conditions]
    parts += sorted(map(_any_of, query.alternatives), key=str)
    if query.area is not None:
        parts.append(_of_area(query.area))
    return _all_of(parts)


def _of_condition(condition: Condition) -> Filter:
    """Return the filter of one comparison; an item without the property meets only the negation of a text."""
    field, comparator, value = condition.field, condition.comparator, condition.value
    if field.name == FILTER and field.kind == "json":
        return dict(json.loads(str(value)))
    if field.kind == "list":
        return _of_list(field.name, str(value).split(","))
    if field.kind == "string":
        found = _filter("StringInFilter", field.name, [value])
        return found if comparator == "eq" else {"type": "NotFilter", "config": found}
    kind = "DateRangeFilter" if field.kind == "time" else "RangeFilter"
    if comparator == "neq":
        return {"type": "OrFilter", "config": [_filter(kind, field.name, {c: _json(value)}) for c in ("lt", "gt")]}
    if comparator == "eq":
        if field.kind == "time":
            return _filter(kind, field.name, {"gte": _json(value), "lte": _json(value)})
        return _filter("NumberInFilter", field.name, [value])
    return _filter(kind, field.name, {comparator: _json(value)})


def _of_list(name: str, words: Sequence[str]) -> Filter:
    if name == PERMISSIONS:
        return {"type": "PermissionFilter", "config": list(words)}
    assert name == ASSETS
    # One filter each: several in one filter may mean any of them or all.
    return _all_of([{"type": "AssetFilter", "config": [word]} for word in words])


def _any_of(alternatives: Alternatives) -> Filter:
    """Return the filter of alternatives; the values of one field are listed in one filter."""
    parts: List[Filter] = []
    listed: Dict[str, List[Value]] = {}
    for group in alternatives:
        condition = group[0]
        kind = condition.field.kind
        if len(group) > 1:
            parts.append(_all_of([_of_condition(each) for each in group]))
        elif condition.comparator != "eq" or kind not in ("string", "number", "integer"):
            parts.append(_of_condition(condition))
        elif condition.field.name in listed:
            listed[condition.field.name].append(condition.value)
        else:
            values = listed[condition.field.name] = [condition.value]
            kind = "StringInFilter" if kind == "string" else "NumberInFilter"
            parts.append(_filter(kind, condition.field.name, values))
    return parts[0] if len(parts) == 1 else {"type": "OrFilter", "config": parts}


def _of_area(area: Union[Box, str]) -> Filter:
    shapes = _shapes_of(area)
    if not shapes:
        raise QueryError("The area of the search is neither WKT nor GeoJSON: write it as POLYGON((…)).")
    parts = [{**_filter("GeometryFilter", "geometry", shape), "relation": "intersects"} for shape in shapes]
    return parts[0] if len(parts) == 1 else {"type": "OrFilter", "config": parts}


def _shapes_of(area: Union[Box, str]) -> List[Geometry]:
    """Return the geometries of an area; scenes share ground with any of them."""
    return _parts_of(as_geojson(area.wkt() if isinstance(area, Box) else area))


def _parts_of(shape: Optional[Geometry]) -> List[Geometry]:
    if shape is None:
        return []
    if shape["type"] == "Feature":
        return _parts_of(shape.get("geometry"))
    for kind, member in (("FeatureCollection", "features"), ("GeometryCollection", "geometries")):
        if shape["type"] == kind:
            return [part for each in shape[member] for part in _parts_of(each)]
    return [{"type": shape["type"], "coordinates": shape["coordinates"]}]


def _all_of(parts: Sequence[Filter]) -> Filter:
    return {"type": "AndFilter", "config": list(parts)}


def _filter(kind: str, name: str, config: object) -> Filter:
    return {"type": kind, "field_name": name, "config": config}


def _json(value: Value) -> Value:
    return format_time(value).replace("+00:00", "Z") if isinstance(value, datetime) else value
