"""Reading of CQL2 JSON (OGC 21-065r2) as conditions on items."""

from __future__ import annotations

import hashlib
import json
import math
import re
from typing import List, Mapping, Optional, Tuple

from planet_vector.server.api.stac.boxes import area_of_box
from planet_vector.server.api.stac.cql2_text import MAX_DEPTH, parse_text, unsupported
from planet_vector.server.http_errors import HttpError
from planet_vector.server.index.expressions import (
    COMPARE,
    GEOMETRY,
    RELATIONS,
    And,
    Comparison,
    Condition,
    Constant,
    In,
    IsNull,
    Like,
    Moment,
    Not,
    Operand,
    Or,
    Property,
    Scalar,
    Spatial,
    compare,
    is_in,
    moment_or_none,
)
from planet_vector.server.index.item_properties import ITEM_COLUMNS, OTHERS, TIMES
from planet_vector.server.index.searched_area import Area
from planet_vector.server.patience import Patience
from planet_vector.server.strict_json import read_json

MAX_CONDITIONS = 1000
"""Maximum number of conditions of a filter."""

MAX_VALUES = 10_000
"""Maximum number of values in a list."""

MAX_PATTERN = 500
"""Maximum length of a pattern."""

_COMMON = frozenset({
    "id", "collection", GEOMETRY, *TIMES, *ITEM_COLUMNS, *OTHERS, "instruments", "title", "description", "license",
    "mission", "keywords",
})  # fmt: skip
_EARLIEST, _LATEST = Moment(-(2**62)), Moment(2**62)
_REVERSED = {"within": "contains", "contains": "within"}
_GEOMETRIES = frozenset("Point LineString Polygon MultiPoint MultiLineString MultiPolygon GeometryCollection".split())
_Ends = Tuple[Operand, Operand]

_ALLEN: Mapping[str, Tuple[Tuple[str, int, int], ...]] = {
    "t_after": ((">", 0, 1),),
    "t_before": (("<", 1, 0),),
    "t_contains": (("<", 0, 0), (">", 1, 1)),
    "t_during": ((">", 0, 0), ("<", 1, 1)),
    "t_equals": (("=", 0, 0), ("=", 1, 1)),
    "t_finishedBy": (("<", 0, 0), ("=", 1, 1)),
    "t_finishes": ((">", 0, 0), ("=", 1, 1)),
    "t_intersects": (("<=", 0, 1), (">=", 1, 0)),
    "t_meets": (("=", 1, 0),),
    "t_metBy": (("=", 0, 1),),
    "t_overlappedBy": ((">", 0, 0), ("<", 0, 1), (">", 1, 1)),
    "t_overlaps": (("<", 0, 0), (">", 1, 0), ("<", 1, 1)),
    "t_startedBy": (("=", 0, 0), (">", 1, 1)),
    "t_starts": (("=", 0, 0), ("<", 1, 1)),
}
"""By function, comparisons of the start (0) or end (1) of the first operand with that of the second; all must hold."""


def read_filter(text: str, language: str, patience: Optional[Patience] = None) -> Condition:
    """Return the condition of a filter.

    Parameters
    ----------
    text : str
        The filter.
    language : str
        ``cql2-text`` or ``cql2-json``.
    patience : Patience, optional
        Time limit and cancellation for processing areas.

    Raises
    ------
    HttpError
        400, if it is not a valid filter.
    """
    document = parse_text(text) if language == "cql2-text" else read_json(text, "filter")
    return condition_of(document, patience)


def condition_of(document: object, patience: Optional[Patience] = None) -> Condition:
    """Return the condition of a filter in CQL2 JSON.

    Parameters
    ----------
    document : object
        Parsed JSON.
    patience : Patience, optional
        Time limit and cancellation for processing areas.

    Raises
    ------
    HttpError
        400, if it is not a valid filter.
    """
    return _Reader(patience).condition(document, MAX_DEPTH)


class _Reader:
    def __init__(self, patience: Optional[Patience]) -> None:
        self._patience = patience
        self._left = MAX_CONDITIONS

    def condition(self, document: object, depth: int) -> Condition:
        if depth == 0:
            raise HttpError(400, f"filter: conditions are nested more than {MAX_DEPTH} deep.")
        self._left -= 1
        if self._left < 0:
            raise HttpError(400, f"filter: more than {MAX_CONDITIONS} conditions.")
        if isinstance(document, bool):
            return Constant(document)
        if not isinstance(document, dict) or not isinstance(document.get("op"), str):
            raise _error(f"{_shown(document)} is not a condition: it has 'op' and 'args'")
        name, args = document["op"], document.get("args")
        if not isinstance(args, list):
            raise _error(f"{name[:40]!r} has no list of 'args'")
        if name in ("and", "or"):
            if len(args) < 2:
                raise _error(f"{name!r} takes at least two conditions")
            parts = tuple(self.condition(part, depth - 1) for part in args)
            return And(parts) if name == "and" else Or(parts)
        if name == "not":
            (one,) = _exactly(name, args, 1)
            return Not(self.condition(one, depth - 1))
        if name in COMPARE:
            left, right = _typed([self._operand(side) for side in _exactly(name, args, 2)])
            return _comparison(name, left, right)
        if name == "between":
            value, low, high = _typed([self._operand(side) for side in _exactly(name, args, 3)])
            return And((_comparison(">=", value, low), _comparison("<=", value, high)))
        if name == "in":
            return self._in(*_exactly(name, args, 2))
        if name == "like":
            return self._like(*_exactly(name, args, 2))
        if name == "isNull":
            (one,) = _exactly(name, args, 1)
            operand = self._operand(one, geometry=True)
            return IsNull(operand) if isinstance(operand, Property) else Constant(False)
        if name.startswith("s_") and name[2:] in RELATIONS:
            return self._spatial(name[2:], *_exactly(name, args, 2))
        if name in _ALLEN or name == "t_disjoint":
            first, second = (self._ends(side) for side in _exactly(name, args, 2))
            if name == "t_disjoint":
                return Or((_comparison("<", first[1], second[0]), _comparison(">", first[0], second[1])))
            rules = _ALLEN[name]
            parts = tuple(_comparison(sign, first[one], second[other]) for sign, one, other in rules)
            return parts[0] if len(parts) == 1 else And(parts)
        raise unsupported(name)

    def _operand(self, document: object, geometry: bool = False) -> Operand:
        if isinstance(document, dict) and set(document) == {"property"}:
            return _property(document["property"], geometry)
        return _scalar(document)

    def _in(self, operand: object, values: object) -> Condition:
        if not isinstance(values, list) or not values:
            raise _error("'in' takes a value and a list of values")
        if len(values) > MAX_VALUES:
            raise _error(f"'in' takes at most {MAX_VALUES} values")
        found = _typed([self._operand(operand), *map(_scalar, values)])
        value, others = found[0], tuple(each for each in found[1:] if not isinstance(each, Property))
        if not isinstance(value, Property):
            return _known(is_in(value, others))
        for other in others:
            _check_kinds(value, other)
        if any(isinstance(other, Moment) for other in others):
            parts = tuple(Comparison("=", value, other) for other in others)
            return parts[0] if len(parts) == 1 else Or(parts)
        return In(value, others)

    def _like(self, operand: object, pattern: object) -> Condition:
        if not isinstance(pattern, str) or len(pattern) > MAX_PATTERN:
            raise _error(f"'like' takes a text and a pattern of at most {MAX_PATTERN} characters")
        value = self._operand(operand)
        if isinstance(value, Property) and (
            value.name in TIMES or (value.name in ITEM_COLUMNS and ITEM_COLUMNS[value.name].kind in _NUMBERS)
        ):
            raise _error(f"'like' takes a text, and {value.name} is none")
        return Like(value, pattern)

    def _spatial(self, relation: str, left: object, right: object) -> Condition:
        sides = [isinstance(side, dict) and set(side) == {"property"} for side in (left, right)]
        if sides == [False, True]:
            left, right = right, left
            relation = _REVERSED.get(relation, relation)
        elif sides != [True, False]:
            raise _error(f"'s_{relation}' takes the property {GEOMETRY} and a geometry")
        assert isinstance(left, dict)
        if left["property"] != GEOMETRY:
            raise _error(f"the property with the footprint is {GEOMETRY!r}, not {_shown(left['property'])}")
        return spatial(relation, right, self._patience)

    def _ends(self, document: object) -> _Ends:
        """Return start and end of an instant or an interval."""
        if isinstance(document, dict) and set(document) == {"interval"}:
            ends = document["interval"]
            if not isinstance(ends, list) or len(ends) != 2:
                raise _error("an interval has a start and an end")
            start, end = (self._end(one, bound) for one, bound in zip(ends, (_EARLIEST, _LATEST)))
            if isinstance(start, Moment) and isinstance(end, Moment) and start > end:
                raise _error("an interval ends before it starts")
            return start, end
        one = self._end(document, None)
        return one, one

    def _end(self, document: object, bound: Optional[Moment]) -> Operand:
        if bound is not None and document == "..":
            return bound
        if isinstance(document, str):
            return _moment(document)
        operand = self._operand(document)
        if isinstance(operand, Moment) or (isinstance(operand, Property) and _may_be_time(operand.name)):
            return operand
        raise _error(f"{_shown(document)} is not a time")


_NUMBERS = ("number", "integer")


def spatial(relation: str, shape: object, patience: Optional[Patience] = None, subject: str = "filter") -> Spatial:
    """Return a spatial condition.

    Parameters
    ----------
    relation : str
        One of `planet_vector.server.index.expressions.RELATIONS`.
    shape : object
        A GeoJSON geometry, ``{"wkt": …}`` or ``{"bbox": […]}``.
    patience : Patience, optional
        Time limit and cancellation.
    subject : str
        Name of the parameter, for errors.

    Raises
    ------
    HttpError
        400, if it is not a valid area.
    """
    if isinstance(shape, dict) and set(shape) == {"bbox"}:
        return Spatial(relation, f"bbox {shape['bbox']}", area_of_box(shape["bbox"]))
    if isinstance(shape, dict) and set(shape) == {"wkt"}:
        text = str(shape["wkt"])
    elif isinstance(shape, dict) and shape.get("type") in _GEOMETRIES:
        text = json.dumps(shape)
    else:
        raise HttpError(400, f"{subject}: {_shown(shape)} is not a geometry.")
    return Spatial(relation, hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest(), Area(text, patience))


def _property(name: object, geometry: bool = False) -> Property:
    if not isinstance(name, str) or not name:
        raise _error("a property has a name")
    plain = name[len("properties.") :] if name.startswith("properties.") else name
    if plain == GEOMETRY and not geometry:
        raise _error(f"{GEOMETRY} takes spatial functions, such as s_intersects")
    prefix = plain.partition(":")[0]
    known = [each for each in _COMMON if each.startswith(prefix + ":")] if ":" in plain else []
    if plain not in _COMMON and (":" not in plain or (known and prefix in ("eo", "view"))):
        hint = ", ".join(sorted(known)) if known else "see the queryables"
        raise _error(f"items have no property {plain[:60]!r}: {hint}")
    return Property(plain)


def _scalar(document: object) -> Scalar:
    if isinstance(document, (bool, str)):
        return document
    if isinstance(document, (int, float)):
        if not math.isfinite(document) if isinstance(document, float) else abs(document) >= 2**1000:
            raise _error("a number is too large")
        return document
    if isinstance(document, dict) and len(document) == 1 and set(document) <= {"timestamp", "date"}:
        ((kind, text),) = document.items()
        if not isinstance(text, str) or not re.fullmatch(_DATE if kind == "date" else _TIMESTAMP, text, re.ASCII):
            raise _error(f"{_shown(text)} is not a {kind}")
        return _moment(text)
    if isinstance(document, dict) and isinstance(document.get("op"), str):
        raise unsupported(document["op"])
    raise _error(f"{_shown(document)} is not a value")


_DATE = r"\d{4}-\d\d-\d\d"
_TIMESTAMP = r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)"


def _moment(text: str) -> Moment:
    found = moment_or_none(text)
    if found is None:
        raise _error(f"{_shown(text)} is not a time: write it as 2015-03-06T02:24:15Z")
    return found


def _typed(operands: List[Operand]) -> List[Operand]:
    """Return operands with texts as times if they are compared with a time."""
    if not any(isinstance(each, Property) and each.name in TIMES for each in operands):
        return operands
    for each in operands:
        if isinstance(each, (bool, int, float)):
            raise _error(f"{each} is compared with a time: write it as TIMESTAMP('2015-03-06T02:24:15Z')")
    return [_moment(each) if isinstance(each, str) else each for each in operands]


def _comparison(name: str, left: Operand, right: Operand) -> Condition:
    if not isinstance(left, Property) and not isinstance(right, Property):
        return _known(compare(name, left, right))
    _check_kinds(left, right)
    _check_kinds(right, left)
    return Comparison(name, left, right)


def _check_kinds(one: Operand, other: Operand) -> None:
    """Raise HttpError if a property with a column is compared with a value of another kind."""
    if isinstance(one, Property) and one.name in ITEM_COLUMNS and not isinstance(other, Property):
        kind = ITEM_COLUMNS[one.name].kind
        fits = isinstance(other, Moment if kind == "time" else (int, float) if kind in _NUMBERS else str)
        if not fits or isinstance(other, bool):
            wanted = "a time" if kind == "time" else "a number" if kind in _NUMBERS else "a text"
            raise _error(f"{one.name} is {wanted}, and is compared with {_shown(other)}")


def _known(result: int) -> Condition:
    """Return the condition of a comparison without properties; one that is neither true nor false stays so."""
    return Constant(bool(result)) if result in (0, 1) else Comparison("=", Property(_MISSING), 0)


_MISSING = ""  # the name of no property


def _may_be_time(name: str) -> bool:
    return name in TIMES or (name not in ITEM_COLUMNS and ":" in name)


def _exactly(name: str, args: List[object], count: int) -> List[object]:
    if len(args) != count:
        raise _error(f"{name!r} takes {count} arguments, not {len(args)}")
    return args


def _shown(value: object) -> str:
    text = value.at if isinstance(value, Moment) else value
    shown = json.dumps(text, default=str)
    return shown if len(shown) <= 60 else shown[:57] + "..."


def _error(text: str) -> HttpError:
    return HttpError(400, f"filter: {text}.")
