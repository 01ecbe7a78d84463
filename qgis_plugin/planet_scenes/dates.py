"""Conversion of chosen days to search parameters."""

from __future__ import annotations

from typing import Tuple

from qgis.PyQt.QtCore import QDate, Qt

from planet_vector.collection_schema import SceneField
from planet_vector.conditions import before
from planet_vector.errors import QueryError
from planet_vector.times import parse_time


def from_day(field: SceneField, day: QDate) -> Tuple[str, str]:
    """Return the search parameter for times from the beginning of a day.

    Parameters
    ----------
    field : SceneField
        The time field.
    day : QDate
        The day, in UTC.
    """
    return f"{field.name}.gte", day.toString(Qt.DateFormat.ISODate)


def to_day(field: SceneField, day: QDate) -> Tuple[str, str]:
    """Return the search parameter for times up to the end of a day, with a comparator that the service supports.

    Parameters
    ----------
    field : SceneField
        The time field.
    day : QDate
        The day, in UTC.

    Raises
    ------
    QueryError
        If the day is the last that can be represented.
    """
    try:
        return before(field, parse_time(day.addDays(1).toString(Qt.DateFormat.ISODate))).parameter
    except ValueError as error:
        raise QueryError(f"{field.name}: {error}.") from None
