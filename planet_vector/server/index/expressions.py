"""Conditions on items, as a tree, and their exact evaluation for one item.

The logic is that of SQL and CQL2, with three values: a comparison with a missing value, or of values of different
types, is neither true nor false, and a search finds what is true.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Callable, FrozenSet, Iterator, List, Mapping, Optional, Tuple, Union

import shapely
from shapely.geometry.base import BaseGeometry

from planet_vector.server.index.scene_search import microseconds
from planet_vector.server.index.searched_area import Area
from planet_vector.times import parse_time

FALSE, TRUE, NULL, UNSURE = 0, 1, 2, 3
"""Results of conditions. `UNSURE` is used in masks (`planet_vector.server.index.item_masks`): only the item tells."""

GEOMETRY = "geometry"
"""The property of spatial conditions."""

COMPARE: Mapping[str, Callable[..., object]] = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


@dataclass(frozen=True)
class Property:
    """A property of items by its name, such as ``eo:cloud_cover``, ``datetime`` or ``id``."""

    name: str


@dataclass(frozen=True, order=True)
class Moment:
    """A time, in microseconds since 1970."""

    at: int


Scalar = Union[bool, int, float, str, Moment]
Operand = Union[Property, Scalar]


@dataclass(frozen=True)
class Constant:
    """A condition that is met by all items, or by none."""

    value: bool


@dataclass(frozen=True)
class Comparison:
    """Comparison of two operands by one of `COMPARE`."""

    operator: str
    left: Operand
    right: Operand


@dataclass(frozen=True)
class In:
    """Whether an operand is equal to one of several values."""

    operand: Operand
    values: Tuple[Scalar, ...]


@dataclass(frozen=True)
class Overlaps:
    """Whether a property that is a list of texts has one of several texts; false if it is missing."""

    operand: Property
    values: FrozenSet[str]


@dataclass(frozen=True)
class Like:
    """Whether a text matches a pattern, in which ``%`` is any text, ``_`` any character, and ``\\`` escapes."""

    operand: Operand
    pattern: str


@dataclass(frozen=True)
class IsNull:
    """Whether a property is missing."""

    operand: Property


@dataclass(frozen=True)
class Spatial:
    """Relation of the footprint to an area: ``intersects``, ``within``, and others of `RELATIONS`.

    Attributes
    ----------
    relation : str
        The relation, with the footprint on its left.
    name : str
        Identifies the area.
    area : Area
        The area.
    """

    relation: str
    name: str
    area: Area = field(repr=False, compare=False)


@dataclass(frozen=True)
class Not:
    """Negation of a condition."""

    condition: Condition


@dataclass(frozen=True)
class IsTrue:
    """Whether a condition is true: what is neither true nor false counts as false."""

    condition: Condition


@dataclass(frozen=True)
class And:
    """Conjunction of conditions."""

    conditions: Tuple[Condition, ...]


@dataclass(frozen=True)
class Or:
    """Disjunction of conditions."""

    conditions: Tuple[Condition, ...]


Condition = Union[Constant, Comparison, In, Like, IsNull, Overlaps, Spatial, Not, IsTrue, And, Or]

# The first argument is prepared, which makes tests of many footprints fast.
RELATIONS: Mapping[str, Callable[[BaseGeometry, object], object]] = {
    "intersects": shapely.intersects,
    "disjoint": shapely.disjoint,
    "within": shapely.contains,
    "contains": shapely.within,
    "equals": shapely.equals,
    "touches": shapely.touches,
    "crosses": shapely.crosses,
    "overlaps": shapely.overlaps,
}
"""Functions of an area and footprints, by the relation of the footprints to the area."""


@dataclass(frozen=True)
class ItemValues:
    """Values of one item that conditions compare.

    Attributes
    ----------
    values : mapping
        Values by name: ``id``, ``collection`` and the properties, with `Moment` for times.
    footprint : shapely geometry or None
        The footprint, if a condition needs it.
    """

    values: Mapping[str, object]
    footprint: Optional[BaseGeometry] = None


def evaluate(condition: Condition, item: ItemValues) -> int:
    """Return whether an item meets a condition: `TRUE`, `FALSE` or `NULL`.

    Parameters
    ----------
    condition : Condition
        The condition.
    item : ItemValues
        The item.
    """
    if isinstance(condition, Constant):
        return int(condition.value)
    if isinstance(condition, Comparison):
        return compare(condition.operator, _value(condition.left, item), _value(condition.right, item))
    if isinstance(condition, In):
        return is_in(_value(condition.operand, item), condition.values)
    if isinstance(condition, Like):
        return is_like(_value(condition.operand, item), condition.pattern)
    if isinstance(condition, IsNull):
        if condition.operand.name == GEOMETRY:
            return int(item.footprint is None)
        return int(item.values.get(condition.operand.name) is None)
    if isinstance(condition, Spatial):
        if item.footprint is None:
            return NULL
        return int(bool(RELATIONS[condition.relation](condition.area.geometry, item.footprint)))
    if isinstance(condition, Overlaps):
        listed = _value(condition.operand, item)
        return int(isinstance(listed, (list, tuple)) and not condition.values.isdisjoint(listed))
    if isinstance(condition, Not):
        return negated(evaluate(condition.condition, item))
    if isinstance(condition, IsTrue):
        return int(evaluate(condition.condition, item) == TRUE)
    results = {evaluate(part, item) for part in condition.conditions}
    decisive = FALSE if isinstance(condition, And) else TRUE
    if decisive in results:
        return decisive
    return NULL if NULL in results else 1 - decisive


def compare(name: str, left: object, right: object) -> int:
    """Return the result of a comparison of two values.

    Parameters
    ----------
    name : str
        One of `COMPARE`.
    left, right : object
        The values; None if missing.
    """
    if isinstance(left, Moment) and isinstance(right, str):
        right = moment_or_none(right)
    elif isinstance(right, Moment) and isinstance(left, str):
        left = moment_or_none(left)
    kind = _kind(left)
    if kind is None or kind != _kind(right) or (kind is bool and name not in ("=", "<>")):
        return NULL
    return int(bool(COMPARE[name](left, right)))


def is_in(value: object, values: Tuple[Scalar, ...]) -> int:
    """Return whether a value is equal to one of others; `NULL` if it is to none, but could not be compared with all.

    Parameters
    ----------
    value : object
        The value; None if missing.
    values : tuple
        The others.
    """
    results = {compare("=", value, other) for other in values}
    return TRUE if TRUE in results else NULL if NULL in results else FALSE


def is_like(value: object, pattern: str) -> int:
    """Return whether a value is a text that matches a pattern of `Like`; `NULL` if it is not a text.

    Parameters
    ----------
    value : object
        The value; None if missing.
    pattern : str
        The pattern.
    """
    return int(_matches(value, _parts(pattern))) if isinstance(value, str) else NULL


def negated(result: int) -> int:
    """Return the negation of a result.

    Parameters
    ----------
    result : int
        `TRUE`, `FALSE` or `NULL`.
    """
    return NULL if result == NULL else 1 - result


def parts_of(condition: Condition) -> Iterator[Condition]:
    """Yield a condition, and all conditions within it.

    Parameters
    ----------
    condition : Condition
        The condition.
    """
    yield condition
    if isinstance(condition, (Not, IsTrue)):
        yield from parts_of(condition.condition)
    elif isinstance(condition, (And, Or)):
        for part in condition.conditions:
            yield from parts_of(part)


def needs_footprint(condition: Condition) -> bool:
    """Return whether a condition is about footprints.

    Parameters
    ----------
    condition : Condition
        The condition.
    """
    return any(
        isinstance(part, Spatial) or (isinstance(part, IsNull) and part.operand.name == GEOMETRY)
        for part in parts_of(condition)
    )


def moment_or_none(text: object) -> Optional[Moment]:
    """Return the time that a text states, or None.

    Parameters
    ----------
    text : object
        A text as `planet_vector.times.parse_time` reads it; None for anything else.
    """
    try:
        return Moment(microseconds(parse_time(text))) if isinstance(text, str) else None
    except (ValueError, OverflowError):
        return None


def _value(operand: Operand, item: ItemValues) -> object:
    return item.values.get(operand.name) if isinstance(operand, Property) else operand


def _kind(value: object) -> Optional[type]:
    if isinstance(value, bool):
        return bool
    if isinstance(value, (int, float)):
        return float
    return type(value) if isinstance(value, (str, Moment)) else None


_Part = Union[str, Tuple[str, ...]]  # with an empty text for any character, if there is one


@lru_cache(maxsize=256)
def _parts(pattern: str) -> Tuple[_Part, ...]:
    """Return the texts between the ``%`` of a pattern."""
    parts: List[List[str]] = [[]]
    letters = iter(pattern)
    for letter in letters:
        if letter == "%":
            parts.append([])
        elif letter == "_":
            parts[-1].append("")
        else:
            parts[-1].append(next(letters, letter) if letter == "\\" else letter)
    return tuple("".join(part) if all(part) else tuple(part) for part in parts)


def _matches(text: str, parts: Tuple[_Part, ...]) -> bool:
    """Match parts from left to right: unlike with a regular expression, the time is bounded for any pattern."""
    first, last = parts[0], parts[-1]
    if len(parts) == 1:
        return len(text) == len(first) and _is_at(text, 0, first)
    place, end = len(first), len(text) - len(last)
    if end < place or not _is_at(text, 0, first) or not _is_at(text, end, last):
        return False
    for part in parts[1:-1]:
        if isinstance(part, str):
            place = text.find(part, place, end)
        else:
            place = next((at for at in range(place, end - len(part) + 1) if _is_at(text, at, part)), -1)
        if place < 0:
            return False
        place += len(part)
    return True


def _is_at(text: str, place: int, part: _Part) -> bool:
    if isinstance(part, str):
        return text.startswith(part, place)
    return place + len(part) <= len(text) and all(
        not letter or text[place + offset] == letter for offset, letter in enumerate(part)
    )
