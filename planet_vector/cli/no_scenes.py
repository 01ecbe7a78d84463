"""Messages on stderr if a search finds nothing, with what to check."""

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
    """Yield the pages of a search as `Catalog.pages` does; print a message on stderr if it finds no scenes.

    Parameters
    ----------
    catalog : Catalog
        The service.
    query : Query
        The search.
    """
    return noticing(filter(None, catalog.pages(query)), nothing_found(catalog, query))


def noticing(items: Iterable[T], sentence: str) -> Iterator[T]:
    """Yield items; print a sentence on stderr if there are none.

    Parameters
    ----------
    items : iterable
        The items.
    sentence : str
        The message.
    """
    empty = True
    for item in items:
        empty = False
        yield item
    if empty:
        say(sentence, err=True)


def nothing_found(catalog: Catalog, query: Query) -> str:
    """Return the message for a search that finds nothing: the criteria to check.

    Parameters
    ----------
    catalog : Catalog
        The service.
    query : Query
        The search.
    """
    if query.contradicts_itself:
        return "No scenes found: the search contradicts itself, so that no scene can meet it."
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
    """Return the message that nothing was found, with what to check.

    Parameters
    ----------
    what : str
        What was searched for, such as "scenes".
    area : Box or str, optional
        The area of the search, mentioned first.
    checks : list of str
        Further criteria to check.
    """
    told = [*_place(area), *checks]
    return f"No {what} found: check {', '.join(told[:-1])}{' and ' if told[:-1] else ''}{told[-1]}."


def _place(area: Area) -> List[str]:
    if area is None:
        return []
    positions = _positions(area)
    # A longitude beyond ±90° cannot be a latitude, so the order is right.
    if not positions or any(abs(x) > 90 for x, _ in positions):
        return ["the area"]
    x, y = positions[0]
    return [f"the order of the coordinates (longitude first: {x:g} is read as longitude, {y:g} as latitude)"]


def _positions(area: Union[Box, str]) -> List[Tuple[float, float]]:
    """Return the positions of an area that the service accepted."""
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
