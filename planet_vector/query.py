"""Searches: conditions, an area, an order and a limit."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Dict, FrozenSet, Iterable, List, Optional, Tuple, Union

from planet_vector.collection_schema import CollectionSchema
from planet_vector.conditions import Alternatives, Condition, parse_conditions
from planet_vector.errors import AreaWarning, QueryError, warn
from planet_vector.geometry.areas import read_text
from planet_vector.geometry.boxes import Box
from planet_vector.json_faults import json_fault


@dataclass(frozen=True)
class Query:
    """Search of one collection of scenes.

    Attributes
    ----------
    schema : CollectionSchema
        The collection.
    conditions : tuple of Condition
        All must hold. They are sorted, and implied ones are removed, so that equal searches are equal objects.
    area : Box or str, optional
        A bounding box, or WKT or GeoJSON text, in longitude and latitude; scenes must share ground with it. An area
        across the antimeridian is split into parts within ±180°, with a warning (`planet_vector.geometry.areas`).
    order : str
        One of the schema's orders; by default the service's own.
    limit : int, optional
        Maximum number of scenes: the first ones in `order`.
    alternatives : frozenset of Alternatives
        Of each, a scene must meet at least one. Only for schemas with `CollectionSchema.alternatives`; a name cannot
        express them.
    """

    schema: CollectionSchema
    conditions: Tuple[Condition, ...] = ()
    area: Union[Box, str, None] = None
    order: str = ""
    limit: Optional[int] = None
    alternatives: FrozenSet[Alternatives] = frozenset()

    def __post_init__(self) -> None:
        if not self.order and self.schema.orders:
            object.__setattr__(self, "order", self.schema.orders[0])
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
    def parse(cls, schema: CollectionSchema, parameters: Iterable[Tuple[str, str]]) -> Query:
        """Parse the parameters of a search, from a PLANET: name or a command line.

        Parameters
        ----------
        schema : CollectionSchema
            The collection, as `planet_vector.catalog.Catalog.schema` returns it.
        parameters : iterable of (str, str)
            Fields with a comparator (``acquired.gte``), ``intersects``, ``order_by``, ``bbox`` and ``limit``.

        Returns
        -------
        Query
            The search.

        Raises
        ------
        QueryError
            If a parameter is unknown, or its value is invalid.
        """
        conditions: List[Condition] = []
        single: Dict[str, str] = {}
        for name, text in parameters:
            if name not in ("bbox", "intersects", "limit", "order_by"):
                conditions += parse_conditions(schema.fields, name, text)
            elif name in single:
                raise QueryError(f"The search has the parameter {name} more than once: give it once.")
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
        order = " ".join(single.get("order_by", "").replace("+", " ").split())
        if order not in schema.orders and "order_by" in single:
            raise QueryError(f"order_by is {order!r}: it takes {' or '.join(map(repr, schema.orders))}.")
        return cls(schema, tuple(conditions), area, order, _parse_limit(single.get("limit")))

    @property
    def scene_type(self) -> str:
        """The name of the searched collection."""
        return self.schema.collection

    @property
    def ascending(self) -> bool:
        """Whether the oldest scene comes first."""
        return self.order.endswith(" asc")

    @property
    def parameters(self) -> List[Tuple[str, str]]:
        """The search as parameters of a name, without the limit."""
        found = [condition.parameter for condition in self.conditions]
        if self.area is not None:
            found.append(("intersects", self.area.wkt() if isinstance(self.area, Box) else self.area))
        if self.order not in self.schema.orders[:1]:
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
            if a.field == b.field
            and a is not b
            and a.field.kind not in ("json", "list")
            and (a.field.kind != "string" or b.comparator == "eq")
        )  # fmt: skip

    def where(
        self,
        *conditions: Condition,
        area: Union[Box, str, None] = None,
        alternatives: Iterable[Alternatives] = (),
    ) -> Query:
        """Return the search with additional conditions, and with an area if it has none.

        Parameters
        ----------
        conditions : Condition
            Further conditions.
        area : Box or str, optional
            Used only if the search has no area.
        alternatives : iterable of Alternatives, optional
            Further alternatives.
        """
        return replace(
            self,
            conditions=self.conditions + conditions,
            area=self.area or area,
            alternatives=self.alternatives.union(alternatives),
        )

    def covers(self, other: Query) -> bool:
        """Return whether every scene of another search is in this one; False if unknown.

        Parameters
        ----------
        other : Query
            The other search.
        """
        if self.schema != other.schema or (self.limit is not None and self != other):
            return False
        if not all(any(theirs.implies(mine) for theirs in other.conditions) for mine in self.conditions):
            return False
        if not self.alternatives <= other.alternatives:
            return False
        if self.area is None or self.area == other.area:
            return True
        return isinstance(self.area, Box) and isinstance(other.area, Box) and self.area.contains(other.area)


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
    """Return an area within ±180°, with a warning if it crosses the antimeridian.

    Parameters
    ----------
    text : str
        WKT or GeoJSON, longitude before latitude, in degrees.

    Returns
    -------
    str
        WKT or GeoJSON.

    Raises
    ------
    QueryError
        If it crosses the antimeridian ambiguously, or lies more than a turn beyond it.
    """
    try:
        reading = read_text(text)
    except ValueError as error:
        raise QueryError(f"The area cannot be read: {error}.") from None
    if reading.told:
        warn(reading.told, AreaWarning)
    return reading.text


def _checked_area(text: str) -> str:
    """Return a text that looks like WKT or GeoJSON; the service checks the rest."""
    stripped = text.strip()
    if stripped.startswith("{"):
        try:
            kind = json.loads(stripped).get("type")
        except (ValueError, RecursionError) as error:
            told = "intersects begins like GeoJSON but is not valid JSON"
            raise QueryError(f"{told} ({json_fault(error)}): check its braces and quotes.") from None
        if isinstance(kind, str) and re.fullmatch(
            r"Feature(Collection)?|(Multi)?(Point|LineString|Polygon)|GeometryCollection", kind
        ):
            return stripped
        raise QueryError("intersects is JSON but not a GeoJSON geometry, Feature or FeatureCollection.")
    if _EMPTY.fullmatch(stripped):
        raise QueryError(f"intersects is {stripped!r}: the area is empty.")
    if not _WKT.match(stripped) or stripped.count("(") != stripped.count(")"):
        shown = stripped if len(stripped) <= 40 else stripped[:37] + "..."
        raise QueryError(f"intersects is {shown!r}: it takes WKT such as POLYGON((…)) or GeoJSON.")
    return stripped
