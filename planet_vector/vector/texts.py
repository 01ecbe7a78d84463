"""Texts that GDAL can hold, and JSON that any reader accepts."""

from __future__ import annotations

import json
import math
import re
from operator import itemgetter
from typing import Any, List, Sequence, Tuple

# GDAL's texts end at NUL and are UTF-8, which cannot encode lone surrogates.
_UNHELD = re.compile("[\0\ud800-\udfff]")
_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, allow_nan=False)


def can_hold(values: Sequence[Any]) -> bool:
    """Return whether all values are texts that GDAL can hold unchanged.

    Parameters
    ----------
    values : sequence
        Any values.
    """
    try:
        joined = "".join(values)
    except TypeError:
        return False
    return "\0" not in joined if joined.isascii() else not _UNHELD.search(joined)


def held(text: str) -> str:
    """Return a text with each character that GDAL cannot hold replaced by U+FFFD.

    Parameters
    ----------
    text : str
        Any text; NUL and lone surrogates are replaced.
    """
    return _UNHELD.sub("\ufffd", text)


def to_json(value: object) -> str:
    """Encode a value as JSON that any reader accepts and GDAL can hold.

    NaN and infinite numbers, which JSON lacks, become the texts "NaN", "Infinity" and "-Infinity". Lone surrogates are
    escaped. Depth is unlimited.

    Parameters
    ----------
    value : object
        A value that was decoded from JSON.

    Returns
    -------
    str
        JSON with sorted keys.
    """
    try:
        text = _ENCODER.encode(value)
    except (ValueError, RecursionError):
        text = _spell_out(value)
    return text if text.isascii() else _UNHELD.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _spell_out(value: object) -> str:
    """Encode JSON as `_ENCODER` does, without its limits."""
    parts: List[str] = []
    waiting: List[Tuple[bool, Any]] = [(False, value)]  # a stack of (whether it is encoded already, value)
    while waiting:
        is_written, item = waiting.pop()
        if is_written:
            parts.append(item)
        elif isinstance(item, dict) and item:
            waiting.append((True, "}"))
            for number, (key, part) in reversed(list(enumerate(sorted(item.items(), key=itemgetter(0))))):
                waiting += [(False, part), (True, f"{', ' if number else '{'}{_ENCODER.encode(key)}: ")]
        elif isinstance(item, list) and item:
            waiting.append((True, "]"))
            for number, part in reversed(list(enumerate(item))):
                waiting += [(False, part), (True, ", " if number else "[")]
        elif isinstance(item, float) and not math.isfinite(item):
            parts.append('"NaN"' if math.isnan(item) else '"Infinity"' if item > 0 else '"-Infinity"')
        else:
            parts.append(_ENCODER.encode(item))
    return "".join(parts)
