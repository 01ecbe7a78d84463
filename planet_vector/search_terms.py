"""Terms of a search as people write them, at a shell and in Python, as a query."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Callable, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

from planet_vector.area_inputs import Area, area_text
from planet_vector.collection_schema import CollectionSchema, SceneField
from planet_vector.conditions import Condition, span_conditions
from planet_vector.errors import QueryError
from planet_vector.geometry.boxes import Box
from planet_vector.query import Query
from planet_vector.times import TimeSpan, format_time, parse_span, time_before

Moment = Union[str, date, datetime]
"""A time; a `datetime.date` is its whole day, a `datetime.datetime` without a zone is in UTC."""

Times = Union[Moment, Tuple[Optional[Moment], Optional[Moment]]]
"""A span of time: a text such as ``2024-05/2024-06``, one time, or two; None for an open end."""

Parameters = List[Tuple[str, str]]


def query_of(
    schema: CollectionSchema,
    parameters: Iterable[Tuple[str, str]] = (),
    *,
    bbox: Union[str, Sequence[float], Box, None] = None,
    intersects: Optional[Area] = None,
    datetime: Optional[Times] = None,
    published: Optional[Times] = None,
    since: Union[str, timedelta, None] = None,
    cloud_cover: Optional[float] = None,
    where: Union[Mapping[str, object], Iterable[Tuple[str, object]], None] = None,
    order: Optional[str] = None,
    limit: Optional[int] = None,
    spelled: Callable[[str], str] = str,
) -> Query:
    """Return the query of a search.

    Parameters
    ----------
    schema : CollectionSchema
        The collection.
    parameters : iterable of (str, str), optional
        Parameters of a name, which the search must meet, too.
    bbox : str, sequence of float or Box, optional
        West, south, east and north in degrees.
    intersects : Area, optional
        The area that scenes must share ground with, as `planet_vector.area_inputs.area_text` takes it.
    datetime, published : Times, optional
        The span of time of acquisition and of publication.
    since : str or timedelta, optional
        The greatest age, such as ``3d``.
    cloud_cover : float, optional
        The greatest cloud cover in percent, in every service.
    where : mapping of str to object, optional
        Values by field and comparator (``gsd.lte``), or pairs of them.
    order : str, optional
        ``desc`` or ``asc``, by time of acquisition.
    limit : int, optional
        The greatest number of scenes.
    spelled : callable, optional
        Returns how the user writes one of these terms, for errors.

    Returns
    -------
    Query
        The query.

    Raises
    ------
    QueryError
        If a term is invalid, or the service does not support it.
    """
    meanings = schema.meanings
    given: Parameters = list(parameters)
    if bbox is not None:
        given.append(("bbox", _box_text(bbox)))
    if intersects is not None:
        given.append(("intersects", area_text(intersects)))
    given += [(name, _value_text(name, value)) for name, value in _pairs(where)]
    conditions: List[Condition] = []
    if since is not None:
        field = _field_of(schema, meanings.time, spelled("since"))
        conditions += span_conditions(field, TimeSpan(_moment_before(since, spelled), None))
    for term, column, span in (("datetime", meanings.time, datetime), ("published", meanings.published, published)):
        if span is not None:
            field = _field_of(schema, column, spelled(term))
            try:
                conditions += span_conditions(field, parse_span(_span_text(span)))
            except ValueError as error:
                raise QueryError(f"{spelled(term)}: {error}.") from None
    if cloud_cover is not None:
        percent = _plain(cloud_cover)
        if isinstance(percent, bool) or not isinstance(percent, (int, float)) or not 0 <= percent <= 100:
            raise QueryError(f"{spelled('cloud_cover')} is {percent!r}: it takes percent, from 0 to 100.")
        field = _field_of(schema, meanings.cloud_cover, spelled("cloud_cover"))
        given.append((f"{field.name}.lte", repr(meanings.cover_of_percent(float(percent)))))
    if order is not None:
        if " " not in order and order not in ("desc", "asc"):
            raise QueryError(f"{spelled('order')} is {order!r}: it takes desc or asc.")
        given.append(("order_by", order if " " in order else f"{meanings.time} {order}"))
    if limit is not None:
        given.append(("limit", str(limit)))
    return Query.parse(schema, given).where(*conditions)


def _field_of(schema: CollectionSchema, column: Optional[str], spelled: str) -> SceneField:
    """Return the field that a term means."""
    field = schema.fields.get(column) if column else None
    if field is None:
        raise QueryError(f"{spelled}: the service cannot search {schema.collection} by that.")
    return field


def _moment_before(age: Union[str, timedelta], spelled: Callable[[str], str]) -> datetime:
    now = datetime.now(timezone.utc)
    if isinstance(age, timedelta):
        if timedelta() < age < now - datetime.min.replace(tzinfo=timezone.utc):
            return now - age
        raise QueryError(f"{spelled('since')} is {age}: it takes an age above 0, such as 3 days.")
    if not isinstance(age, str):
        raise QueryError(f"{spelled('since')} is {age!r}: it takes a text such as 3d, or a timedelta.")
    try:
        return time_before(age, now)
    except ValueError as error:
        told = str(error)
    try:
        parse_span(age)
    except ValueError:
        raise QueryError(f"{spelled('since')} is {age!r}: {told}.") from None
    raise QueryError(
        f"{spelled('since')} is {age!r}: {told}; from a date on is '{spelled('datetime')} {age.strip()}..'."
    )


def _span_text(span: Times) -> str:
    if isinstance(span, (tuple, list)):
        if len(span) != 2:
            raise ValueError(f"it takes two times, not {len(span)}")
        return "/".join(".." if end is None else _moment_text(end) for end in span)
    return _moment_text(span)


def _moment_text(moment: Moment) -> str:
    if isinstance(moment, str):
        return moment
    if isinstance(moment, datetime) and moment == moment:  # not NaT of pandas
        return format_time(moment)
    if isinstance(moment, date) and not isinstance(moment, datetime):
        return moment.isoformat()
    raise ValueError(f"it takes a text, a date or a datetime, not {type(moment).__name__}")


def _box_text(bbox: Union[str, Sequence[float], Box]) -> str:
    if isinstance(bbox, str):
        return bbox
    if isinstance(bbox, Box):
        bbox = (bbox.west, bbox.south, bbox.east, bbox.north)
    try:
        return ",".join(repr(float(edge)) for edge in bbox)
    except (TypeError, ValueError):
        raise QueryError("The bbox of the search is four numbers: west, south, east and north in degrees.") from None


def _pairs(where: Union[Mapping[str, object], Iterable[Tuple[str, object]], None]) -> List[Tuple[str, object]]:
    """Return the conditions of `where` as pairs."""
    wrong = QueryError("where takes values by field and comparator, as {'sat.off_nadir.lt': 2}.")
    try:
        pairs = [(name, value) for name, value in (where.items() if isinstance(where, Mapping) else where or ())]
    except (TypeError, ValueError):
        raise wrong from None
    if not all(isinstance(name, str) for name, _ in pairs):
        raise wrong
    return pairs


def _plain(value: object) -> object:
    """Return the number of a number of numpy."""
    return getattr(value, "item", lambda: value)()


def _value_text(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (date, datetime)):
        return _moment_text(value)
    if isinstance(value, (list, tuple)):
        return ",".join(_value_text(name, each) for each in value)
    number = _plain(value)
    if isinstance(number, (int, float)) and not isinstance(number, bool):
        return repr(number)
    raise QueryError(f"where[{name!r}] is of the type {type(value).__name__}: it takes a text, a number or a time.")
