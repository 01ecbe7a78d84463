"""Exact conditions of a search, applied to items."""

from __future__ import annotations

from typing import Iterable, List, Sequence

from planet_vector.catalog.stac.item_times import TIME, TimeSpan, span_of, times_of
from planet_vector.catalog.stac.json_values import as_number, as_object, as_text
from planet_vector.collection_schema import Feature
from planet_vector.conditions import Condition
from planet_vector.query import Query
from planet_vector.times import nearest_time


def meeting(items: Iterable[Feature], query: Query) -> List[Feature]:
    """Return the items that meet all conditions of a search; its area is the service's matter.

    Parameters
    ----------
    items : iterable of mapping
        The items.
    query : Query
        The search.
    """
    span = span_of(query)
    others = [condition for condition in query.conditions if condition.field.name != TIME]
    return [item for item in items if _meets(item, span, others)]


def _meets(item: Feature, span: TimeSpan, conditions: Sequence[Condition]) -> bool:
    times = times_of(item) if span.bounded else None
    if times is not None and not span.meets(*times):
        return False
    properties = as_object(item.get("properties"))
    for condition in conditions:
        value = properties.get(condition.field.name)
        if condition.field.kind == "number":
            number = as_number(value)
            if number is None or not condition.holds(number):
                return False
        elif condition.field.kind == "time":
            try:
                if not condition.holds(nearest_time(as_text(value))):
                    return False
            except ValueError:
                return False
        elif value != condition.value:
            return False
    return True
