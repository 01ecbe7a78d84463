"""What can be asked: the fields of a scene, the comparators each takes, and the search they make up.

The vocabulary (fields, comparators, and times in `planet_vector.times`) is shared by the client and the local
service, so the two cannot drift. Which field takes which comparator follows the clients that ran against the real
service: times and measures take the four orderings, text takes equality, image quality only ``gte``.
"""

from __future__ import annotations

import difflib
import json
import operator
import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Tuple, Union

from planet_vector.comparisons import SYNONYMS, sign_advice, signed_value_advice
from planet_vector.decimals import BLANK, parse_number
from planet_vector.errors import AreaWarning, QueryError, warn
from planet_vector.geometry.areas import read_text
from planet_vector.geometry.boxes import Box
from planet_vector.json_faults import json_fault
from planet_vector.times import format_time, parse_time

COMPARATORS = ("gt", "gte", "lt", "lte", "eq", "neq")
"""Comparators that stand behind a field's name; the bare name means equality."""

QUALITIES = ("test", "standard", "target")
"""Values of ``image_statistics.image_quality``, the worst first."""

ORDERS = ("acquired desc", "acquired asc")
"""Values of ``order_by``, the service's default first."""

_ORDERING = frozenset({"gt", "gte", "lt", "lte", "eq", "neq"})
_EQUALITY = frozenset({"eq", "neq"})


@dataclass(frozen=True)
class SceneField:
    """A filterable property of a scene.

    Attributes
    ----------
    name : str
        The API's dotted name.
    kind : str
        ``string``, ``integer``, ``number``, ``time`` or ``quality``.
    comparators : frozenset of str
        What the service takes behind the name.
    integers_only : bool
        Whether the service refuses a fraction in the value.
    """

    name: str
    kind: str
    comparators: frozenset[str] = _ORDERING
    integers_only: bool = False


FIELDS: Mapping[str, SceneField] = {
    f.name: f
    for f in (
        SceneField("acquired", "time"),
        SceneField("published", "time"),
        SceneField("area", "number"),
        SceneField("camera.bit_depth", "integer", _EQUALITY, integers_only=True),
        SceneField("camera.color_mode", "string", _EQUALITY),
        SceneField("camera.exposure_time", "number", integers_only=True),
        SceneField("camera.gain", "number", integers_only=True),
        SceneField("camera.tdi_pulses", "number", integers_only=True),
        SceneField("cloud_cover.estimated", "number"),
        SceneField("file_size", "integer", integers_only=True),
        SceneField("image_statistics.gsd", "number"),
        SceneField("image_statistics.image_quality", "quality", frozenset({"gte"})),
        SceneField("image_statistics.snr", "number"),
        SceneField("landsat.data_type", "string", _EQUALITY),
        SceneField("landsat.path", "integer", integers_only=True),
        SceneField("landsat.row", "integer", integers_only=True),
        SceneField("provider", "string", _EQUALITY),
        SceneField("rapideye.catalog_id", "string", _EQUALITY),
        SceneField("rapideye.tile_id", "string", _EQUALITY),
        SceneField("sat.alt", "number"),
        SceneField("sat.azimuth_angle", "number"),
        SceneField("sat.id", "string", _EQUALITY),
        SceneField("sat.lat", "number"),
        SceneField("sat.lng", "number"),
        SceneField("sat.off_nadir", "number"),
        SceneField("sat.view_angle", "number"),
        SceneField("strip_id", "number"),
        SceneField("sun.altitude", "number"),
        SceneField("sun.azimuth", "number"),
        SceneField("sun.local_time_of_day", "number"),
    )
}
"""Every filterable field of every scene type."""

Value = Union[str, int, float, datetime]


@dataclass(frozen=True)
class Condition:
    """A comparison of a field with a value, in the service's terms.

    Attributes
    ----------
    field : SceneField
        What is compared.
    comparator : str
        One of `COMPARATORS`.
    value : str, int, float or datetime
        Of the field's kind; a quality is its word.
    """

    field: SceneField
    comparator: str
    value: Value

    @classmethod
    def parse(cls, name: str, text: str) -> Condition:
        """Read a parameter such as ``cloud_cover.estimated.lte`` = ``5``; the bare field name means equality.

        Raises
        ------
        QueryError
            When there is no such field, it does not take the comparator, or the value is not of its kind.
        """
        known = FIELDS.get(name)
        comparator = "eq"
        if known is None:
            stem, _, comparator = name.rpartition(".")
            known = FIELDS.get(stem)
        if known is None or comparator not in COMPARATORS:
            if advice := sign_advice(name, text or None):
                raise QueryError(advice)
            near = difflib.get_close_matches(
                SYNONYMS.get(stem, SYNONYMS.get(name, known.name if known else name)), FIELDS, 3
            )
            hint = f"did you mean {' or '.join(near)}?" if near else "see 'planet-vector search --help' for the fields"
            raise QueryError(
                f"{name!r} is no parameter of a search; {hint} (comparators: {', '.join('.' + c for c in COMPARATORS)})"
            )
        if comparator not in known.comparators and comparator != "eq":
            raise QueryError(f"{known.name} takes {_taken(known)}, not .{comparator}.")
        if known.kind == "quality" and comparator == "eq":
            raise QueryError(f"{known.name} takes .gte only: it is ordered {' < '.join(QUALITIES)}.")
        return cls(known, comparator, _parse_value(known, text))

    @property
    def parameter(self) -> Tuple[str, str]:
        """The condition as a parameter of the API."""
        name = self.field.name if self.comparator == "eq" else f"{self.field.name}.{self.comparator}"
        return name, self.text

    @property
    def text(self) -> str:
        """The value as the service reads it, no digit lost."""
        if isinstance(self.value, datetime):
            return format_time(self.value)
        if isinstance(self.value, float) and self.value.is_integer() and abs(self.value) < 2**53:
            return str(int(self.value))
        return str(self.value)

    @property
    def rank(self) -> Value:
        """The value as something that orders as the service orders it."""
        return QUALITIES.index(str(self.value)) if self.field.kind == "quality" else self.value

    def implies(self, other: Condition) -> bool:
        """Tell whether every scene that meets this condition meets the other; False where it is not sure."""
        if self == other:
            return True
        if self.field.name != other.field.name or "neq" in (self.comparator, other.comparator):
            return False
        if self.comparator == "eq":
            return other.holds(self.rank)
        if self.comparator[:2] != other.comparator[:2]:
            return False
        # gt 5 implies gte 5 and gt 4; gte 5 implies gt 4 but not gt 5.
        if other.comparator in ("gt", "lt") and self.comparator in ("gte", "lte"):
            return other.holds(self.rank)
        return other.holds(self.rank) or self.rank == other.rank

    def holds(self, rank: Value) -> bool:
        """Tell whether a value (a quality by its rank) meets the condition."""
        mine: Any = self.rank
        theirs: Any = rank
        return bool(_COMPARE[self.comparator](theirs, mine))


_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "eq": operator.eq,
    "neq": operator.ne,
}


@dataclass(frozen=True)
class Query:
    """A search of one scene type.

    Attributes
    ----------
    scene_type : str
        What is searched.
    conditions : tuple of Condition
        All must hold. Sorted, and the tighter of two alike kept: equal searches are equal objects.
    area : Box or str, optional
        A box, or WKT or GeoJSON text, in longitude and latitude; scenes must share ground with it. What crosses the
        antimeridian is kept as its parts within ±180°, and a warning says so (`planet_vector.geometry.areas`).
    order : str
        One of `ORDERS`.
    limit : int, optional
        The number of scenes at the most: the first ones in `order`.
    """

    scene_type: str
    conditions: Tuple[Condition, ...] = ()
    area: Union[Box, str, None] = None
    order: str = ORDERS[0]
    limit: Optional[int] = None

    def __post_init__(self) -> None:
        kept: List[Condition] = []
        for condition in self.conditions:
            if not any(other.implies(condition) for other in kept):
                kept = [other for other in kept if not condition.implies(other)] + [condition]
        object.__setattr__(self, "conditions", tuple(sorted(kept, key=lambda c: c.parameter)))
        if isinstance(self.area, Box) and self.area.is_world:
            object.__setattr__(self, "area", None)
        elif isinstance(self.area, str):
            object.__setattr__(self, "area", area_within(self.area))

    @classmethod
    def parse(cls, scene_type: str, parameters: Iterable[Tuple[str, str]]) -> Query:
        """Read the parameters of a search, as a PLANET: name or a command line holds them.

        Parameters
        ----------
        scene_type : str
            What is searched.
        parameters : iterable of (str, str)
            The API's own (``acquired.gte``, ``intersects``, ``order_by``), ``bbox`` and ``limit``.

        Raises
        ------
        QueryError
            When one is unknown, or its value cannot be used.
        """
        conditions: List[Condition] = []
        single: Dict[str, str] = {}
        for name, text in parameters:
            if name not in ("bbox", "intersects", "limit", "order_by"):
                conditions.append(Condition.parse(name, text))
            elif name in single:
                raise QueryError(f"The parameter {name} stands more than once: give it once.")
            else:
                single[name] = text
        if "bbox" in single and "intersects" in single:
            raise QueryError("A search takes bbox or intersects, not both: give the area once.")
        area: Union[Box, str, None] = None
        if "bbox" in single:
            try:
                area = Box.parse(single["bbox"])
            except ValueError as error:
                raise QueryError(f"The bbox of the search: {error}.") from None
        elif "intersects" in single:
            area = _checked_area(single["intersects"])
        order = " ".join(single.get("order_by", ORDERS[0]).replace("+", " ").split())
        if order not in ORDERS:
            raise QueryError(f"order_by is {order!r}: it takes 'acquired desc' or 'acquired asc'.")
        return cls(scene_type, tuple(conditions), area, order, _parse_limit(single.get("limit")))

    @property
    def ascending(self) -> bool:
        """Whether the oldest scene comes first."""
        return self.order == ORDERS[1]

    @property
    def parameters(self) -> List[Tuple[str, str]]:
        """The search as parameters of the API, without paging and limit."""
        found = [condition.parameter for condition in self.conditions]
        if self.area is not None:
            found.append(("intersects", self.area.wkt() if isinstance(self.area, Box) else self.area))
        if self.ascending:
            found.append(("order_by", self.order))
        return found

    @property
    def contradicts_itself(self) -> bool:
        """Whether no scene can meet the conditions."""
        return any(
            a.comparator == "eq" and not b.holds(a.rank) and not b.comparator == "neq"
            or a.comparator in ("gt", "gte") and b.comparator in ("lt", "lte") and not (
                b.holds(a.rank) and a.holds(b.rank) or a.rank == b.rank and a.comparator + b.comparator == "gtelte")
            for a in self.conditions
            for b in self.conditions
            if a.field == b.field and a is not b
        )  # fmt: skip

    def where(self, *conditions: Condition, area: Union[Box, str, None] = None) -> Query:
        """Return the search with more conditions, and with an area where it had none."""
        return replace(self, conditions=self.conditions + conditions, area=self.area or area)

    def covers(self, other: Query) -> bool:
        """Tell whether every scene of another search is in this one; False where it is not sure."""
        if self.scene_type != other.scene_type or (self.limit is not None and self != other):
            return False
        if not all(any(theirs.implies(mine) for theirs in other.conditions) for mine in self.conditions):
            return False
        if self.area is None or self.area == other.area:
            return True
        return isinstance(self.area, Box) and isinstance(other.area, Box) and self.area.contains(other.area)


def _taken(known: SceneField) -> str:
    return ", ".join("." + c for c in COMPARATORS if c in known.comparators)


def _parse_value(known: SceneField, text: str) -> Value:
    text = text.strip(BLANK)
    if known.kind != "string" and (advice := signed_value_advice(known.name, text)):
        raise QueryError(advice)
    if known.kind == "time":
        try:
            return parse_time(text)
        except ValueError as error:
            raise QueryError(f"{known.name}: {error}.") from None
    if known.kind == "quality":
        if text not in QUALITIES:
            raise QueryError(f"{known.name} is {text!r}: it takes {', '.join(QUALITIES)}.")
        return text
    if known.kind == "string":
        if not text:
            raise QueryError(f"{known.name} has no value.")
        return text
    try:
        number = parse_number(text)
    except ValueError:
        raise QueryError(f"{known.name} is {text!r}: it takes a number.") from None
    if known.integers_only and not number.is_integer():
        raise QueryError(f"{known.name} is {text!r}: the service takes whole numbers there.")
    return int(number) if known.integers_only else number


def _parse_limit(text: Optional[str]) -> Optional[int]:
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < 1:
        raise QueryError(f"limit is {text!r}: it takes a whole number from 1.")
    return int(text)


_WKT = re.compile(
    r"\s*(?:SRID=4326;)?\s*(?:MULTI)?(?:POINT|LINESTRING|POLYGON|GEOMETRYCOLLECTION)\s*(?:Z|M|ZM)?\s*\(", re.IGNORECASE
)

_EMPTY = re.compile(
    r"(?:SRID=4326;)?\s*(?:MULTI)?(?:POINT|LINESTRING|POLYGON|GEOMETRYCOLLECTION)\s*(?:Z|M|ZM)?\s*EMPTY", re.IGNORECASE
)


def area_within(text: str) -> str:
    """Return WKT or GeoJSON as everybody reads it: within ±180°, with a warning where it crosses the antimeridian.

    Raises
    ------
    QueryError
        When it crosses it in a way that can only be guessed, or lies more than a turn beyond it.
    """
    try:
        reading = read_text(text)
    except ValueError as error:
        raise QueryError(f"The area cannot be read: {error}.") from None
    if reading.told:
        warn(reading.told, AreaWarning)
    return reading.text


def _checked_area(text: str) -> str:
    """Return WKT or GeoJSON text that at least looks like what it must be; the service judges the rest."""
    stripped = text.strip()
    if stripped.startswith("{"):
        try:
            kind = json.loads(stripped).get("type")
        except (ValueError, RecursionError) as error:
            told = "intersects begins like GeoJSON but is no JSON"
            raise QueryError(f"{told} ({json_fault(error)}): check its braces and quotes.") from None
        if isinstance(kind, str) and re.fullmatch(
            r"Feature(Collection)?|(Multi)?(Point|LineString|Polygon)|GeometryCollection", kind
        ):
            return stripped
        raise QueryError("intersects is JSON but no GeoJSON geometry, Feature or FeatureCollection.")
    if _EMPTY.fullmatch(stripped):
        raise QueryError(f"intersects is {stripped!r}: the area is empty.")
    if not _WKT.match(stripped) or stripped.count("(") != stripped.count(")"):
        shown = stripped if len(stripped) <= 40 else stripped[:37] + "..."
        raise QueryError(f"intersects is {shown!r}: it takes WKT such as POLYGON((…)) or GeoJSON.")
    return stripped
