"""Parse the parameters of a request as a search for scenes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, Iterable, List, Optional, Tuple
from urllib.parse import parse_qsl, urlencode

from planet_vector.conditions import Condition
from planet_vector.errors import QueryError
from planet_vector.scenes_v0_fields import FIELDS, ORDERS
from planet_vector.server.http_errors import HttpError
from planet_vector.server.index.searched_area import Area
from planet_vector.server.patience import Patience
from planet_vector.server.strict_json import read_json
from planet_vector.times import format_time, parse_time

Parameters = List[Tuple[str, str]]

DEFAULT_COUNT, MAX_COUNT = 50, 1000
MAX_PARAMETERS = 200
"""Maximum number of parameters of a request: all of the API's description at once, with room for pages and keys."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)
_SINGLE = ("order_by", "count", "intersects")
_PAGE = ("_page.acquired.lt", "_page.acquired.gt", "_page.id")


@dataclass(frozen=True)
class Edge:
    """Edge of a page: its start, or its end if the page is requested backwards.

    Attributes
    ----------
    comparator : str
        ``lt`` or ``gt``: whether the page lies before or after the time.
    acquired : int
        Time, in microseconds since 1970.
    scene_id : str or None
        Tie-breaker: scenes of exactly that time are on the page if their ids compare in the same way with this id.
    """

    comparator: str
    acquired: int
    scene_id: Optional[str] = None

    @property
    def parameters(self) -> Parameters:
        """The edge as parameters of a link."""
        found = [(f"_page.acquired.{self.comparator}", format_time(from_microseconds(self.acquired)))]
        return found if self.scene_id is None else [*found, ("_page.id", self.scene_id)]


@dataclass(frozen=True)
class SceneSearch:
    """Search of one scene type.

    Attributes
    ----------
    scene_type : str
        The scene type that is searched.
    parameters : list of (str, str)
        Parameters as given, without paging and keys, for repetition in links.
    conditions : tuple of Condition
        Conditions on fields, all of which must hold.
    area, area_text : Area or None, str or None
        The area that footprints must intersect, and its WKT or GeoJSON as given.
    ascending : bool
        Whether scenes are ordered by ascending time.
    count : int
        Maximum number of scenes on a page.
    edge : Edge or None
        Edge of the page; None for the first page.
    """

    scene_type: str
    parameters: Tuple[Tuple[str, str], ...]
    conditions: Tuple[Condition, ...]
    area: Optional[Area]
    area_text: Optional[str]
    ascending: bool
    count: int
    edge: Optional[Edge]

    @property
    def backwards(self) -> bool:
        """Whether the page is specified by its end, as the page before another one."""
        return self.edge is not None and (self.edge.comparator == "gt") != self.ascending


def parse_search(scene_type: str, parameters: Parameters, patience: Optional[Patience] = None) -> SceneSearch:
    """Parse the parameters of a list request.

    Parameters
    ----------
    scene_type : str
        The scene type that is searched.
    parameters : list of (str, str)
        Names and values, as given.
    patience : Patience, optional
        Time limit and cancellation for processing an area.

    Returns
    -------
    SceneSearch
        The search.

    Raises
    ------
    HttpError
        400, if a parameter is unknown, contradictory or has an invalid value.
    """
    single: Dict[str, str] = {}
    conditions: List[Condition] = []
    for name, value in parameters:
        if name in _SINGLE or name in _PAGE:
            if single.setdefault(name, value) != value:
                raise HttpError(400, f"{name} is given more than once, with different values.")
        elif name in ("workspace", "aoi"):
            raise HttpError(400, f"{name}: this service has no workspaces; give the conditions themselves.")
        elif name.startswith("_page."):
            raise HttpError(400, f"{name} is not a paging parameter: follow the links without changing them.")
        else:
            try:
                conditions.append(Condition.parse(FIELDS, name, value))
            except QueryError as error:
                raise HttpError(400, _sentence(error)) from None
    order = " ".join(single.get("order_by", ORDERS[0]).split())
    if order not in ORDERS:
        raise HttpError(400, f"order_by is {order[:40]!r}: it takes 'acquired desc' or 'acquired asc'.")
    area_text = single.get("intersects")
    return SceneSearch(
        scene_type,
        tuple((name, value) for name, value in parameters if name not in _PAGE),
        tuple(conditions),
        Area(area_text, patience) if area_text is not None else None,
        area_text,
        order == ORDERS[1],
        parse_count(single.get("count")),
        _parse_edge(single),
    )


def read_query(query: str) -> Parameters:
    """Parse a query string or a form body, and drop the key that may be in it.

    Parameters
    ----------
    query : str
        Form-encoded parameters.

    Returns
    -------
    list of (str, str)
        Decoded names and values, without ``api_key``.

    Raises
    ------
    HttpError
        400, if it is not valid UTF-8, has more than `MAX_PARAMETERS` parameters, or contains invalid characters.
    """
    try:
        found = parse_qsl(
            query, keep_blank_values=True, strict_parsing=False, errors="strict", max_num_fields=MAX_PARAMETERS
        )
    except UnicodeDecodeError:
        raise HttpError(400, "The parameters are not UTF-8.") from None
    except ValueError:
        raise HttpError(400, f"More than {MAX_PARAMETERS} parameters.") from None
    return _checked(found)


def read_body(content_type: str, body: bytes) -> Parameters:
    """Parse the parameters in the body of a POST request, a form or a JSON object.

    Parameters
    ----------
    content_type : str
        Value of the header Content-Type; may be empty.
    body : bytes
        The request body.

    Returns
    -------
    list of (str, str)
        Names and values, without ``api_key``; empty for an empty body.

    Raises
    ------
    HttpError
        415, if the content type is neither a form nor JSON; 400, if the body cannot be parsed.
    """
    if not body.strip():
        return []
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in ("", "application/json", "application/geo+json", "application/x-www-form-urlencoded"):
        raise HttpError(415, "A search is posted as a form (application/x-www-form-urlencoded) or as application/json.")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise HttpError(400, "The body is not UTF-8.") from None
    if kind.startswith("application/x-www") or (not kind and not text.lstrip().startswith("{")):
        return read_query(text.strip())
    document = read_json(text, "The body")
    if not isinstance(document, dict):
        raise HttpError(400, "The body is JSON, but not an object of parameters.")
    return _checked((name, _text(name, value)) for name, value in document.items())


def parse_count(text: Optional[str]) -> int:
    """Parse the number of results on a page.

    Parameters
    ----------
    text : str or None
        Value of the parameter ``count``.

    Returns
    -------
    int
        `DEFAULT_COUNT` if there is no value.

    Raises
    ------
    HttpError
        400, if it is not a whole number from 1 to `MAX_COUNT`.
    """
    if text is None:
        return DEFAULT_COUNT
    if not re.fullmatch(r"\s*[0-9]{1,9}\s*", text, re.ASCII) or not 1 <= int(text) <= MAX_COUNT:
        raise HttpError(400, f"count is {text[:40]!r}: it takes a whole number from 1 to {MAX_COUNT}.")
    return int(text)


def encode(parameters: Iterable[Tuple[str, str]]) -> str:
    """Return parameters form-encoded, as in the links of the service.

    Parameters
    ----------
    parameters : iterable of (str, str)
        Names and values.
    """
    return urlencode(list(parameters))


def microseconds(moment: datetime) -> int:
    """Return a time as microseconds since 1970, which SQLite compares exactly.

    Parameters
    ----------
    moment : datetime
        A time with a time zone.
    """
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(value: int) -> datetime:
    """Return the time for a number of microseconds since 1970; the inverse of `microseconds`.

    Parameters
    ----------
    value : int
        Microseconds since 1970.
    """
    return _EPOCH + value * _MICROSECOND


def _parse_edge(single: Dict[str, str]) -> Optional[Edge]:
    given = [name for name in _PAGE[:2] if name in single]
    if len(given) > 1 or ("_page.id" in single and not given):
        raise HttpError(400, "The paging parameters contradict each other: follow the links without changing them.")
    if not given:
        return None
    try:
        acquired = microseconds(parse_time(single[given[0]]))
    except ValueError as error:
        raise HttpError(400, f"{given[0]}: {error}.") from None
    return Edge(given[0].rpartition(".")[2], acquired, single.get("_page.id"))


def _checked(parameters: Iterable[Tuple[str, str]]) -> Parameters:
    found = [(name, value) for name, value in parameters if name != "api_key"]
    for name, value in found:
        if "\0" in name or "\0" in value:
            raise HttpError(400, f"{name[:40]!r} contains a NUL character.")
        # SQLite and UTF-8 both reject lone surrogates.
        if not name.isprintable() or any("\ud800" <= char <= "\udfff" for char in value):
            raise HttpError(400, f"{name[:40]!r} contains invalid characters.")
    return found


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and name == "intersects":
        return json.dumps(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return repr(value)
    raise HttpError(400, f"{name[:40]}: its value is neither a string nor a number.")


def _sentence(error: Exception) -> str:
    text = str(error)
    hint = "; see 'planet-vector search --help' for the fields"
    return text.replace(hint, f"; it takes {', '.join(FIELDS)}") if hint in text else text
