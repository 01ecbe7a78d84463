"""Parameters of a search for items, from the query of a GET or the JSON of a POST."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, FrozenSet, List, Mapping, Optional, Tuple

from planet_vector.decimals import parse_number
from planet_vector.server.api.documents import Document
from planet_vector.server.api.page_tokens import is_text, place_of
from planet_vector.server.api.stac.boxes import area_of_box
from planet_vector.server.api.stac.cql2_json import condition_of, read_filter, spatial
from planet_vector.server.http_errors import HttpError
from planet_vector.server.index.expressions import And, Comparison, Condition, Constant, In, Moment, Property, Spatial
from planet_vector.server.index.item_orders import MAX_KEYS, SORTABLE, SortKey, whole_order
from planet_vector.server.index.item_properties import DATETIME, ITEM_COLUMNS, names_of
from planet_vector.server.index.item_search import ItemSearch
from planet_vector.server.index.scene_search import Parameters, microseconds
from planet_vector.server.patience import Patience
from planet_vector.server.strict_json import read_json
from planet_vector.times import parse_time

DEFAULT_LIMIT, MAX_LIMIT = 10, 1000
"""Items on a page: the specification's default, and as many as a page has at most, also for a greater limit."""

MAX_IDS = 10_000
"""Maximum number of ids of a search."""

MAX_FIELDS = 200

NAMES = (
    "bbox", "intersects", "datetime", "ids", "collections", "limit", "sortby", "fields", "query", "filter",
    "filter-lang", "filter-crs", "token",
)  # fmt: skip
"""Parameters of a search, for all items or for those of a collection: clients repeat its id."""

_CRS84 = ("http://www.opengis.net/def/crs/OGC/1.3/CRS84", "http://www.opengis.net/def/crs/OGC/0/CRS84h")
_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
)  # the time of RFC 3339, section 5.6
_OPERATORS = {"eq": "=", "neq": "<>", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_PATTERNS = {"startsWith": "{}%", "endsWith": "%{}", "contains": "%{}%"}


@dataclass(frozen=True)
class FieldChoice:
    """Parts of items that a response has, by the extension fields.

    Attributes
    ----------
    included : frozenset of str
        Paths of parts, in addition to those that every item has; empty for all.
    excluded : frozenset of str
        Paths of parts that it lacks.
    """

    included: FrozenSet[str] = frozenset()
    excluded: FrozenSet[str] = frozenset()


@dataclass(frozen=True)
class ItemRequest:
    """Request for a page of items.

    Attributes
    ----------
    search : ItemSearch
        The search.
    fields : FieldChoice
        Parts of the items.
    given : mapping
        Parameters without the token, for links.
    """

    search: ItemSearch
    fields: FieldChoice
    given: Document


def of_query(parameters: Parameters) -> Document:
    """Return the parameters of a query as those of a POST.

    Parameters
    ----------
    parameters : list of (str, str)
        Names and values.

    Raises
    ------
    HttpError
        400, if one is unknown, or given twice with different values, or not as its form requires.
    """
    found: Dict[str, str] = {}
    for name, value in parameters:
        if name not in NAMES:
            raise HttpError(400, f"{name[:40]!r} is not a parameter: it takes {', '.join(NAMES)}.")
        if found.setdefault(name, value) != value:
            raise HttpError(400, f"{name} is given more than once, with different values.")
    document: Document = {}
    for name, value in found.items():
        if value == "" and name != "datetime":
            continue
        if name == "bbox":
            document[name] = [_number(part, name) for part in value.split(",")]
        elif name in ("ids", "collections"):
            document[name] = value.split(",")
        elif name in ("intersects", "query"):
            document[name] = read_json(value, name)
        elif name == "limit":
            if not re.fullmatch("[0-9]{1,9}", value, re.ASCII):
                raise _bad_limit(value)
            document[name] = int(value)
        elif name == "sortby":
            document[name] = [_sort_text(part) for part in value.split(",")]
        elif name == "fields":
            parts = [part.strip() for part in value.split(",")]
            document[name] = {
                "include": [part.lstrip("+ ") for part in parts if not part.startswith("-")],
                "exclude": [part[1:] for part in parts if part.startswith("-")],
            }
        else:
            document[name] = value
    if "filter" in document:
        document.setdefault("filter-lang", "cql2-text")
    return document


def read_request(
    document: Mapping[str, object],
    scene_types: Optional[FrozenSet[str]],
    collection: Optional[str] = None,
    patience: Optional[Patience] = None,
) -> ItemRequest:
    """Return the request for a page of items.

    Parameters
    ----------
    document : mapping
        Parameters, as of a POST.
    scene_types : frozenset of str or None
        Scene types that the key permits; None for all.
    collection : str, optional
        The only collection that is searched.
    patience : Patience, optional
        Time limit and cancellation for processing areas.

    Raises
    ------
    HttpError
        400, if a parameter is unknown, contradictory or has an invalid value.
    """
    given = {name: value for name, value in document.items() if value is not None and name != "api_key"}
    for name in given:
        if name not in NAMES:
            raise HttpError(400, f"{name[:40]!r} is not a parameter: it takes {', '.join(NAMES)}.")
    parts: List[Condition] = []
    if "bbox" in given and "intersects" in given:
        raise HttpError(400, "bbox and intersects exclude each other: give one.")
    if "bbox" in given:
        parts.append(Spatial("intersects", f"bbox {given['bbox']}", area_of_box(given["bbox"])))
    if "intersects" in given:
        parts.append(spatial("intersects", given["intersects"], patience, "intersects"))
    if "datetime" in given:
        parts += _datetime(given["datetime"])
    ids = _texts(given.get("ids"), "ids")
    if ids:
        parts.append(In(Property("id"), tuple(ids)))
    if "query" in given:
        parts += _query(given["query"])
    parts += _filter(given, patience)
    collections = frozenset(_texts(given.get("collections"), "collections")) or None
    if collection is not None:
        collections = frozenset([collection]) & (collections or {collection})
    keys = whole_order(_sort_keys(given.get("sortby")))
    token = given.pop("token", None)
    condition = And(tuple(parts)) if len(parts) > 1 else parts[0] if parts else Constant(True)
    search = ItemSearch(
        condition,
        scene_types,
        collections,
        keys,
        _limit(given.get("limit")),
        None if token is None else place_of(token, "token"),
    )
    return ItemRequest(search, _fields(given.get("fields")), given)


def _number(text: str, name: str) -> float:
    try:
        return parse_number(text)
    except ValueError:
        raise HttpError(400, f"{name}: {text[:40]!r} is not a number.") from None


def _bad_limit(value: object) -> HttpError:
    return HttpError(400, f"limit is {str(value)[:40]!r}: it takes a whole number from 1 on.")


def _limit(value: object) -> int:
    if value is None:
        return DEFAULT_LIMIT
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise _bad_limit(value)
    return min(value, MAX_LIMIT)


def _texts(value: object, name: str) -> List[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(map(is_text, value)):
        raise HttpError(400, f"{name}: it takes a list of texts.")
    if len(value) > MAX_IDS:
        raise HttpError(400, f"{name}: it takes at most {MAX_IDS} values.")
    return value


def _datetime(value: object) -> List[Condition]:
    if not isinstance(value, str):
        raise HttpError(400, "datetime: it takes a text.")
    ends = value.split("/")
    if len(ends) == 1:
        return [Comparison("=", Property(DATETIME), _moment(value))]
    if len(ends) != 2 or all(end in ("", "..") for end in ends):
        raise HttpError(400, f"datetime: {value[:80]!r} is neither a time nor an interval with at most one open end.")
    moments = [None if end in ("", "..") else _moment(end) for end in ends]
    if moments[0] is not None and moments[1] is not None and moments[0] > moments[1]:
        raise HttpError(400, "datetime: the interval ends before it starts.")
    ends_of = zip((">=", "<="), moments)
    return [Comparison(sign, Property(DATETIME), moment) for sign, moment in ends_of if moment is not None]


def _moment(text: str) -> Moment:
    if not _RFC3339.fullmatch(text):
        raise HttpError(400, f"datetime: {text[:40]!r} is not a time as RFC 3339 has it: write 2015-03-06T02:24:15Z.")
    try:
        return Moment(microseconds(parse_time(text.upper())))
    except (ValueError, OverflowError):
        raise HttpError(400, f"datetime: {text[:40]!r} is not a time.") from None


def _filter(given: Mapping[str, object], patience: Optional[Patience]) -> List[Condition]:
    crs = given.get("filter-crs")
    if crs is not None and crs not in _CRS84:
        raise HttpError(400, f"filter-crs: it takes {_CRS84[0]}.")
    language = given.get("filter-lang", "cql2-json")
    if language not in ("cql2-text", "cql2-json"):
        raise HttpError(400, "filter-lang: it takes cql2-text or cql2-json.")
    text = given.get("filter")
    if text is None:
        return []
    if isinstance(text, str):
        return [read_filter(text, str(language), patience)]
    if language == "cql2-text":
        raise HttpError(400, "filter: it is JSON, but filter-lang is cql2-text.")
    return [condition_of(text, patience)]


def _query(document: object) -> List[Condition]:
    """Return the conditions of the extension query."""
    if not isinstance(document, dict):
        raise HttpError(400, "query: it takes an object of properties.")
    filters: List[object] = []
    for name, rules in document.items():
        if not isinstance(rules, dict) or not rules:
            raise HttpError(400, f"query: {name[:40]!r} takes an object of operators.")
        side = {"property": name}
        for operator, given in rules.items():
            value = _queried(name, given)
            if operator in _OPERATORS:
                filters.append({"op": _OPERATORS[operator], "args": [side, value]})
            elif operator == "in":
                filters.append({"op": "in", "args": [side, value]})
            elif operator in _PATTERNS and isinstance(value, str):
                pattern = _PATTERNS[operator].format(re.sub(r"([\\%_])", r"\\\1", value))
                filters.append({"op": "like", "args": [side, pattern]})
            else:
                known = ", ".join([*_OPERATORS, *_PATTERNS, "in"])
                raise HttpError(400, f"query: {operator[:40]!r} of {name[:40]!r} is not an operator: it takes {known}.")
    try:
        return [condition_of(each) for each in filters]
    except HttpError as error:
        raise HttpError(400, error.message.replace("filter:", "query:", 1)) from None


def _queried(name: str, value: object) -> object:
    """Return a value of a query, with a text as a number if the property is one: pystac-client sends texts."""
    column = ITEM_COLUMNS.get(name)
    if column is None or column.kind not in ("number", "integer") or not isinstance(value, str):
        return value
    return _number(value, "query")


def _sort_text(text: str) -> Document:
    # A plus sign in an unescaped query is read as a space.
    name = text.strip()
    return {"field": name.lstrip("+-"), "direction": "desc" if name.startswith("-") else "asc"}


def _sort_keys(value: object) -> List[SortKey]:
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > MAX_KEYS:
        raise HttpError(400, f"sortby: it takes a list of at most {MAX_KEYS} properties.")
    found = []
    for entry in value:
        name = entry.get("field") if isinstance(entry, dict) else None
        direction = entry.get("direction", "asc") if isinstance(entry, dict) else None
        if not isinstance(name, str) or direction not in ("asc", "desc"):
            raise HttpError(400, "sortby: each entry has a 'field', and a 'direction', asc or desc.")
        plain = name[len("properties.") :] if name.startswith("properties.") else name
        if plain not in SORTABLE:
            raise HttpError(400, f"sortby: items are not ordered by {name[:40]!r}: it takes {', '.join(SORTABLE)}.")
        found.append(SortKey(plain, direction == "asc"))
    return found


def _fields(value: object) -> FieldChoice:
    if value is None:
        return FieldChoice()
    if not isinstance(value, dict) or set(value) - {"include", "exclude"}:
        raise HttpError(400, "fields: it takes an object with 'include' and 'exclude'.")
    lists: List[Tuple[str, ...]] = []
    for name in ("include", "exclude"):
        names = _texts(value.get(name), f"fields: {name}")
        if len(names) > MAX_FIELDS:
            raise HttpError(400, f"fields: it takes at most {MAX_FIELDS} names.")
        lists.append(tuple(map(_path, filter(None, names))))
    return FieldChoice(frozenset(lists[0]), frozenset(lists[1]) - frozenset(lists[0]))


def _path(name: str) -> str:
    """Return the path of a part; properties may be named without their parent."""
    return f"properties.{name}" if name in _PROPERTY_NAMES else name


_PROPERTY_NAMES = frozenset(names_of())
