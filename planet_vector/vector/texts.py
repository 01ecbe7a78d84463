"""Texts that GDAL can hold, and JSON that any reader accepts."""

from __future__ import annotations

import json
import math
import re
from operator import itemgetter
from typing import Any, List, Optional, Sequence, Tuple

try:
    import msgspec

    _QUICK: Optional[msgspec.json.Encoder] = msgspec.json.Encoder(order="sorted")
except (ImportError, TypeError):  # the Python that a GDAL program embeds may lack it, or have one before 0.18.6
    _QUICK = None

# GDAL's texts end at NUL and are UTF-8, which cannot encode lone surrogates.
_UNHELD = re.compile("[\0\ud800-\udfff]")
_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, allow_nan=False)
# Values that msgspec writes otherwise: numbers with an exponent, and numbers that are not finite, as null.
_UNLIKE = re.compile(rb"(?:^|[ \[])(?:null|-?0\.0000|-?\d[\d.]*e)")
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_EXPONENTS = (b"0e0", b"0e-0")


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
    text = _quick_json(value)
    if text is None:
        try:
            text = _ENCODER.encode(value)
        except (ValueError, RecursionError):
            text = _spell_out(value)
    return text if text.isascii() else _UNHELD.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _quick_json(value: object) -> Optional[str]:
    """Return the JSON that `_ENCODER` writes, in a third of the time; None if it may differ."""
    if _QUICK is None:
        return None
    try:
        text = msgspec.json.format(_QUICK.encode(value), indent=0)
    except (RecursionError, ValueError, TypeError, OverflowError, msgspec.MsgspecError):
        return None
    digits = text.translate(_DIGITS)
    # These searches take a twentieth of the time of the regular expression.
    if b"null" in text or b"0.0000" in text or any(exponent in digits for exponent in _EXPONENTS):
        if _UNLIKE.search(text):
            return None
    return text.decode()


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
