"""Say on stderr that nothing was found, and what to check: nothing printed looks like nothing done."""

from __future__ import annotations

import json
import re
from typing import Any, Iterable, Iterator, List, Tuple, TypeVar, Union

from planet_vector.catalog import Catalog
from planet_vector.cli.messages import say
from planet_vector.collection_schema import Feature
from planet_vector.geometry.boxes import Box
from planet_vector.query import Query

T = TypeVar("T")

Area = Union[Box, str, None]

_POSITION = re.compile(r"[(,]\s*([-+.\deE]+)\s+([-+.\deE]+)")  # in WKT


def pages_of(catalog: Catalog, query: Query) -> Iterator[List[Feature]]:
    """Yield the scenes of a search as `Catalog.pages` does, and say so when there is none."""
    return noticing(filter(None, catalog.pages(query)), nothing_found(catalog, query))


def noticing(items: Iterable[T], sentence: str) -> Iterator[T]:
    """Yield what comes, and print a sentence on stderr when nothing does."""
    empty = True
    for item in items:
        empty = False
        yield item
    if empty:
        say(sentence, err=True)


def nothing_found(catalog: Catalog, query: Query) -> str:
    """Return the sentence on a search that finds nothing: what to check of what was asked."""
    if query.contradicts_itself:
        return "No scenes found: what is asked contradicts itself, so that no scene can meet it."
    fields = {condition.field.name: condition.field.kind for condition in query.conditions}
    dates = [name for name, kind in fields.items() if kind == "time"]
    others = [name for name, kind in fields.items() if kind != "time"]
    return sentence(
        "scenes",
        query.area,
        [
            *([f"the dates ({', '.join(dates)})"] if dates else []),
            *([", ".join(others)] if others else []),
            f"the scene type ({query.scene_type}; 'planet-vector types' lists all)",
            f"the service ({catalog.settings.api_url})",
        ],
    )


def sentence(what: str, area: Area, checks: List[str]) -> str:
    """Return what to check, the place first where there is one."""
    told = [*_place(area), *checks]
    return f"No {what} found: check {', '.join(told[:-1])}{' and ' if told[:-1] else ''}{told[-1]}."


def _place(area: Area) -> List[str]:
    if area is None:
        return []
    positions = _positions(area)
    # Where a longitude is beyond ±90° it cannot be a latitude, so the order is right.
    if not positions or any(abs(x) > 90 for x, _ in positions):
        return ["the area"]
    x, y = positions[0]
    return [f"the order of the coordinates (longitude first: {x:g} is read as longitude, {y:g} as latitude)"]


def _positions(area: Union[Box, str]) -> List[Tuple[float, float]]:
    """Return the positions of an area that the service took."""
    if isinstance(area, Box):
        return [(area.west, area.south), (area.east, area.north)]
    if area.lstrip().startswith("{"):
        return list(_numbers(json.loads(area)))
    return [(float(x), float(y)) for x, y in _POSITION.findall(area)]


def _numbers(value: Any) -> Iterator[Tuple[float, float]]:
    if isinstance(value, dict):
        for key in ("coordinates", "geometry", "geometries", "features"):
            yield from _numbers(value.get(key))
    elif isinstance(value, list):
        if len(value) > 1 and all(isinstance(number, (int, float)) for number in value[:2]):
            yield float(value[0]), float(value[1])
        else:
            for each in value:
                yield from _numbers(each)
