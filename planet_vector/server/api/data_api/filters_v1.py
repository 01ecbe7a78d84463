"""Filters of the Data API v1 as conditions of the index."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Callable, Dict, List, Mapping, NoReturn, Optional, Sequence, Tuple

from planet_vector.server.http_errors import HttpError
from planet_vector.server.index.data_properties import ACQUIRED, ASSETS, PERMISSIONS, PUBLISHED, UPDATED
from planet_vector.server.index.expressions import (
    And,
    Comparison,
    Condition,
    Constant,
    In,
    IsTrue,
    Moment,
    Not,
    Or,
    Overlaps,
    Property,
    Scalar,
    Spatial,
    moment_or_none,
)
from planet_vector.server.index.fields import compared_number
from planet_vector.server.index.searched_area import Area
from planet_vector.server.patience import Patience

MAX_FILTERS = 1000
"""Maximum number of filters within one."""

MAX_NESTING = 30
"""Maximum depth of filters within filters."""

MAX_AREAS = 20
"""Maximum number of areas in one filter; each may take seconds to prepare."""

_OPERATORS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_TIMES = (ACQUIRED, PUBLISHED, UPDATED)
_RELATIONS = ("intersects", "contains", "within", "disjoint")
_AREA_SUBJECT = "intersects: "  # of messages of `Area`


class FilterReader:
    """Reader of one filter.

    Parameters
    ----------
    patience : Patience
        Time limit and cancellation for preparing areas.
    """

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._left = MAX_FILTERS
        self._areas = MAX_AREAS
        self._readers: Mapping[str, Callable[[Mapping[str, object], int], Condition]] = {
            "AndFilter": lambda given, depth: And(self._several(given, depth)),
            "OrFilter": lambda given, depth: Or(self._several(given, depth)),
            "NotFilter": lambda given, depth: Not(IsTrue(self.read(given.get("config"), depth + 1))),
            "DateRangeFilter": _times,
            "UpdateFilter": _updates,
            "RangeFilter": _numbers,
            "StringInFilter": _texts,
            "NumberInFilter": _listed_numbers,
            "GeometryFilter": self._area,
            "AssetFilter": _assets,
            "PermissionFilter": _permissions,
        }

    def read(self, given: object, depth: int = 0) -> Condition:
        """Return the condition of a filter.

        Parameters
        ----------
        given : object
            Parsed JSON.
        depth : int
            Number of filters around it.

        Raises
        ------
        HttpError
            400, if it is not a filter, or has too many parts.
        """
        self._left -= 1
        if self._left < 0 or depth > MAX_NESTING:
            raise HttpError(400, f"The filter has more than {MAX_FILTERS} parts, or {MAX_NESTING} levels.")
        if not isinstance(given, dict):
            _refuse("A filter is a JSON object with a type and a config", given)
        kind = given.get("type")
        reader = self._readers.get(kind) if isinstance(kind, str) else None
        if reader is None:
            _refuse(f"The type of a filter is one of {', '.join(self._readers)}", kind)
        return reader(given, depth)

    def area(self, geometry: object, relation: str = "intersects") -> Spatial:
        """Return the condition on the footprint.

        Parameters
        ----------
        geometry : object
            Parsed GeoJSON.
        relation : str, optional
            ``intersects``, ``contains``, ``within`` or ``disjoint``: of the footprint to the geometry.

        Raises
        ------
        HttpError
            400, if it is not a valid area.
        """
        self._areas -= 1
        if self._areas < 0:
            raise HttpError(400, f"The filter has more than {MAX_AREAS} areas: unite them as a MultiPolygon.")
        if not isinstance(geometry, dict):
            _refuse("The config of a GeometryFilter is a GeoJSON geometry", geometry)
        text = json.dumps(geometry)
        try:
            return Spatial(relation, hashlib.sha256(text.encode()).hexdigest(), Area(text, self._patience))
        except HttpError as refusal:
            if refusal.message.startswith(_AREA_SUBJECT):
                raise HttpError(refusal.status, f"geometry: {refusal.message[len(_AREA_SUBJECT) :]}") from None
            raise

    def _several(self, given: Mapping[str, object], depth: int) -> Tuple[Condition, ...]:
        return tuple(self.read(part, depth + 1) for part in _list(given))

    def _area(self, given: Mapping[str, object], depth: int) -> Condition:
        name, relation = given.get("field_name", "geometry"), given.get("relation", "intersects")
        if name != "geometry":
            _refuse("The field_name of a GeometryFilter is 'geometry'", name)
        if relation not in _RELATIONS:
            _refuse(f"The relation of a GeometryFilter is one of {', '.join(_RELATIONS)}", relation)
        return self.area(given.get("config"), str(relation))


def _times(given: Mapping[str, object], depth: int) -> Condition:
    return _range(given, _name(given), _moment)


def _updates(given: Mapping[str, object], depth: int) -> Condition:
    name = given.get("field_name", UPDATED)
    # When each single property was updated is not known.
    return _range(given, str(name) if name in _TIMES else UPDATED, _moment)


def _numbers(given: Mapping[str, object], depth: int) -> Condition:
    return _range(given, _name(given), _number)


def _range(given: Mapping[str, object], name: str, read: Callable[[object], Optional[Scalar]]) -> Condition:
    config = given.get("config")
    if not isinstance(config, dict) or not config or not config.keys() <= _OPERATORS.keys():
        _refuse(f"The config of a {given['type']} is an object with gt, gte, lt or lte", config)
    parts: List[Condition] = []
    for comparator, limit in config.items():
        operand = read(limit)
        if operand is None:
            _refuse(f"{comparator} of the {given['type']} of {name} has another type", limit)
        parts.append(Comparison(_OPERATORS[comparator], Property(name), operand))
    return And(tuple(parts))


def _texts(given: Mapping[str, object], depth: int) -> Condition:
    values = _list(given)
    if not all(isinstance(value, str) for value in values):
        _refuse("The config of a StringInFilter is a list of texts", values)
    return In(Property(_name(given)), tuple(map(str, values)))


def _listed_numbers(given: Mapping[str, object], depth: int) -> Condition:
    values = [_number(value) for value in _list(given)]
    known = tuple(value for value in values if value is not None)
    if len(known) < len(values):
        _refuse("The config of a NumberInFilter is a list of numbers", given.get("config"))
    return In(Property(_name(given)), known)


def _assets(given: Mapping[str, object], depth: int) -> Condition:
    return any_asset(_list(given))


def any_asset(names: Sequence[object]) -> Condition:
    """Return the condition that an item has one of several assets.

    Parameters
    ----------
    names : sequence
        Names of assets.

    Raises
    ------
    HttpError
        400, if one is not a text.
    """
    if not all(isinstance(name, str) for name in names):
        _refuse("Names of assets are texts", names)
    return Overlaps(Property(ASSETS), frozenset(map(str, names)))


def _permissions(given: Mapping[str, object], depth: int) -> Condition:
    names = _list(given)
    if not all(isinstance(name, str) for name in names):
        _refuse("The config of a PermissionFilter is a list of texts", names)
    return And(tuple(Overlaps(Property(PERMISSIONS), frozenset([str(name)])) for name in names))


def all_of(parts: Sequence[Condition]) -> Condition:
    """Return the condition that all of several hold.

    Parameters
    ----------
    parts : sequence of Condition
        The conditions.
    """
    return And(tuple(parts)) if parts else Constant(True)


def _list(given: Mapping[str, object]) -> List[object]:
    config = given.get("config")
    if not isinstance(config, list):
        _refuse(f"The config of a {given['type']} is a list", config)
    return config


def _name(given: Mapping[str, object]) -> str:
    name = given.get("field_name")
    if not isinstance(name, str):
        _refuse(f"A {given['type']} has a field_name", name)
    return name


def _moment(value: object) -> Optional[Moment]:
    return moment_or_none(value)


def _number(value: object) -> Optional[float]:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    found: float = compared_number(value)
    return found if math.isfinite(found) else None


def _refuse(rule: str, given: object) -> NoReturn:
    said: Dict[bool, str] = {True: "; it is missing.", False: f", not {json.dumps(given)[:60]}."}
    raise HttpError(400, f"{rule}{said[given is None]}")
