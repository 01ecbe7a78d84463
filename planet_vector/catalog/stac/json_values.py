"""Typed views of JSON values, which may be anything; an object is a `dict`."""

from __future__ import annotations

import math
from typing import List, Optional

from planet_vector.collection_schema import Feature

_MOST = 2**63 - 1  # GDAL counts features in 64 bits


def as_object(value: object) -> Feature:
    """Return a JSON object; an empty one for any other value.

    Parameters
    ----------
    value : object
        The value.
    """
    return value if isinstance(value, dict) else {}


def objects_in(value: object) -> List[Feature]:
    """Return the JSON objects in a list; an empty list for any other value.

    Parameters
    ----------
    value : object
        The value.
    """
    return [each for each in value if isinstance(each, dict)] if isinstance(value, (list, tuple)) else []


def as_text(value: object) -> str:
    """Return a text; an empty one for any other value.

    Parameters
    ----------
    value : object
        The value.
    """
    return value if isinstance(value, str) else ""


def as_number(value: object) -> Optional[float]:
    """Return a finite number, or None for any other value.

    Parameters
    ----------
    value : object
        The value.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def as_count(value: object) -> Optional[int]:
    """Return a number of items, or None for any other value.

    Parameters
    ----------
    value : object
        The value.
    """
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST else None
