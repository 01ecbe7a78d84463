"""The part of a search that is sent to a service, which finds all items of the search, and perhaps more.

Times go into ``datetime``, boxes into ``bbox``, other areas into ``intersects``; comparisons of numbers into a filter
in CQL2-JSON or into the extension query, if the service was found to honour it (`planet_vector.catalog.stac.trust`).
Texts are not sent, because services differ in how they compare them.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Dict, List, Mapping, Optional, Sequence, Tuple, Union

from planet_vector.catalog.stac.item_columns import ItemColumns
from planet_vector.catalog.stac.item_times import TimeSpan
from planet_vector.catalog.stac.json_values import as_number, as_object
from planet_vector.collection_schema import Feature
from planet_vector.conditions import Condition
from planet_vector.errors import QueryError
from planet_vector.geometry.areas import as_geojson
from planet_vector.geometry.boxes import Box

Bounds = Tuple[Optional[float], Optional[float]]
"""Least and greatest value of a property; None is unbounded."""

CQL2, QUERY = "cql2-json", "query"
"""Languages of filters."""

_SLACK = 1e-6  # relative; some services index numbers as 32-bit floats, which differ by up to 6e-8

Area = Union[Box, Mapping[str, object], None]
"""A box that does not cross the antimeridian, a GeoJSON geometry, or the whole world."""


@dataclass(frozen=True)
class Pushed:
    """Search of one collection, as it is sent to a service.

    Attributes
    ----------
    collection : str
        The collection.
    span : TimeSpan
        The span of time.
    area : Box, mapping or None
        The area.
    bounds : mapping of str to Bounds
        Least and greatest values of properties.
    language : str
        `CQL2` or `QUERY`; irrelevant without bounds.
    columns : ItemColumns, optional
        Puts the items into columns as soon as they are received; not sent to the service.
    """

    collection: str
    span: TimeSpan
    area: Area
    bounds: Mapping[str, Bounds]
    language: str
    columns: Optional[ItemColumns] = field(default=None, compare=False)

    def body(self, limit: int, order: str) -> Dict[str, object]:
        """Return the search as the body of a request.

        Parameters
        ----------
        limit : int
            Maximum number of items on a page.
        order : str
            ``asc`` or ``desc``, by time; empty for the service's order.
        """
        found: Dict[str, object] = {"collections": [self.collection], "limit": limit}
        if self.span.text is not None:
            found["datetime"] = self.span.text
        if isinstance(self.area, Box):
            found["bbox"] = list(self.area)
        elif self.area is not None:
            found["intersects"] = self.area
        found.update(filter_of(self.bounds, self.language))
        if order:
            found["sortby"] = [{"field": "properties.datetime", "direction": order}]
        return found

    def allows(self, item: Feature) -> bool:
        """Return whether the values of an item lie within the bounds that were sent.

        Parameters
        ----------
        item : mapping
            The item.
        """
        properties = as_object(item.get("properties"))
        for name, (low, high) in self.bounds.items():
            value = as_number(properties.get(name))
            if value is None or low is not None and value < low or high is not None and value > high:
                return False
        return True


def filter_of(bounds: Mapping[str, Bounds], language: str) -> Dict[str, object]:
    """Return the members of a request's body that filter by bounds.

    Parameters
    ----------
    bounds : mapping of str to Bounds
        Least and greatest values of properties.
    language : str
        `CQL2` or `QUERY`.
    """
    if not bounds:
        return {}
    if language == QUERY:
        return {
            "query": {
                name: {sign: limit for sign, limit in zip(("gte", "lte"), ends) if limit is not None}
                for name, ends in bounds.items()
            }
        }
    comparisons: List[Dict[str, object]] = [
        {"op": sign, "args": [{"property": name}, limit]}
        for name, ends in bounds.items()
        for sign, limit in zip((">=", "<="), ends)
        if limit is not None
    ]
    whole = comparisons[0] if len(comparisons) == 1 else {"op": "and", "args": comparisons}
    return {"filter": whole, "filter-lang": CQL2}


def bounds_of(conditions: Sequence[Condition]) -> Dict[str, Bounds]:
    """Return least and greatest values that conditions on numbers imply, widened for imprecise indexes.

    Parameters
    ----------
    conditions : sequence of Condition
        Conditions of a search; those on other fields are ignored.
    """
    found: Dict[str, Bounds] = {}
    for condition in conditions:
        value = as_number(condition.value)
        if condition.field.kind != "number" or value is None:
            continue
        low, high = found.get(condition.field.name, (None, None))
        least, greatest = widened(value)
        if condition.comparator in ("gt", "gte", "eq"):
            low = least if low is None else max(low, least)
        if condition.comparator in ("lt", "lte", "eq"):
            high = greatest if high is None else min(high, greatest)
        if (low, high) != (None, None):
            found[condition.field.name] = low, high
    return found


def widened(value: float) -> Tuple[float, float]:
    """Return a range of numbers that an imprecise index may not distinguish from a value.

    Parameters
    ----------
    value : float
        The value.
    """
    slack = abs(value) * _SLACK
    return max(value - slack, -sys.float_info.max), min(value + slack, sys.float_info.max)


def areas_of(area: Union[Box, str, None]) -> List[Area]:
    """Return the area of a search as areas of requests, whose results together are those of the whole.

    Parameters
    ----------
    area : Box, str or None
        A box, WKT or GeoJSON.

    Raises
    ------
    QueryError
        If the text is neither WKT nor GeoJSON.
    """
    if area is None:
        return [None]
    if isinstance(area, Box):
        return list(area.parts())
    geometry = _geometry(as_geojson(area))
    if geometry is None:
        raise QueryError("The area of the search is neither WKT nor GeoJSON: check it.")
    return [geometry]


def _geometry(value: object) -> Optional[Mapping[str, object]]:
    """Return the geometry of GeoJSON, several as a collection."""
    found = as_object(value)
    if found.get("type") == "Feature":
        return _geometry(found.get("geometry"))
    if found.get("type") == "FeatureCollection":
        features = found.get("features")
        parts = [_geometry(feature) for feature in features] if isinstance(features, list) else []
        kept = [part for part in parts if part is not None]
        return kept[0] if len(kept) == 1 else {"type": "GeometryCollection", "geometries": kept} if kept else None
    return found or None
