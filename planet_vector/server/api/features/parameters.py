"""Parameters of searches for features: those of OGC API Features, and properties by name for equality."""

from __future__ import annotations

import re
from typing import Dict, List

from planet_vector.decimals import parse_number
from planet_vector.server.api.documents import Document
from planet_vector.server.api.stac.searching import MAX_LIMIT, of_query
from planet_vector.server.http_errors import HttpError
from planet_vector.server.index.item_properties import FEATURE_COLUMNS, ITEM_COLUMNS, OTHERS, TIMES
from planet_vector.server.index.scene_search import Parameters

NAMES = ("bbox", "datetime", "limit", "filter", "filter-lang", "filter-crs", "sortby", "token")
"""Parameters of a search beside properties."""


def _kinds() -> Dict[str, str]:
    found = {"id": "string", "platform": "string", "constellation": "string"}
    kinds = {**OTHERS, **{name: column.kind for name, column in {**FEATURE_COLUMNS, **ITEM_COLUMNS}.items()}}
    for name, kind in kinds.items():
        if name not in TIMES:
            found.setdefault(name, "number" if kind in ("number", "integer") else "string")
    return found


EQUALITY = _kinds()
"""Properties that are parameters, ``number`` or ``string``: a feature must have the value of the parameter."""


def parse_query(parameters: Parameters) -> Document:
    """Return the parameters of a query as those of a search of the STAC API.

    Parameters
    ----------
    parameters : list of (str, str)
        Names and values.

    Raises
    ------
    HttpError
        400, if one is unknown, or given twice with different values, or not as its form requires.
    """
    usual: Parameters = []
    equal: Dict[str, object] = {}
    ids: List[str] = []
    for name, value in parameters:
        if name in NAMES:
            usual.append((name, _whole_days(value) if name == "datetime" else value))
        elif name == "id":
            ids.append(value)
        elif name in EQUALITY:
            rule = {"eq": _number(name, value) if EQUALITY[name] == "number" else value}
            if equal.setdefault(name, rule) != rule:
                raise HttpError(400, f"{name} is given more than once, with different values.")
        else:
            raise HttpError(
                400, f"{name[:40]!r} is not a parameter: it takes {', '.join(NAMES)}, and queryables for equality."
            )
    document = of_query(usual)
    if len(set(ids)) > 1:
        raise HttpError(400, "id is given more than once, with different values.")
    return {**document, **({"query": equal} if equal else {}), **({"ids": ids[:1]} if ids else {})}


_DATE = re.compile(r"(\d{4}-\d\d-\d\d)T?", re.ASCII)


def _whole_days(text: str) -> str:
    """Return a time or an interval with dates as whole days; GDAL sends ``2015-09-01T/..`` for filters of dates."""
    ends = text.split("/")
    first, last = _DATE.fullmatch(ends[0]), _DATE.fullmatch(ends[-1])
    start = f"{first[1]}T00:00:00Z" if first else ends[0]
    end = f"{last[1]}T23:59:59.999999Z" if last else ends[-1]
    return text if len(ends) > 2 or (len(ends) == 1 and not first) else f"{start}/{end}"


def _number(name: str, text: str) -> float:
    try:
        return parse_number(text)
    except ValueError:
        raise HttpError(400, f"{name}: {text[:40]!r} is not a number.") from None


def parameter_documents() -> Dict[str, Document]:
    """Return the parameters as OpenAPI has them, by name; properties are in the form that QGIS and GDAL send."""
    text: Document = {"type": "string"}
    schemas: Dict[str, Document] = {
        "bbox": {
            "type": "array",
            "items": {"type": "number"},
            "oneOf": [{"minItems": 4, "maxItems": 4}, {"minItems": 6, "maxItems": 6}],
        },
        "limit": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": 10},
        "filter-lang": {"type": "string", "enum": ["cql2-text", "cql2-json"], "default": "cql2-text"},
    }
    found = {name: schemas.get(name, text) for name in NAMES}
    found.update({name: {"type": kind} for name, kind in EQUALITY.items()})
    return {
        name: {"name": name, "in": "query", "required": False, "schema": schema, "style": "form", "explode": False}
        for name, schema in found.items()
    }
