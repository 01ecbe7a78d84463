"""Numbers in texts: decimals in parameters, parsed more strictly than by `float`, and counts in messages."""

from __future__ import annotations

import math
import re

BLANK = " \t\r\n"
"""White space allowed around a value; other Unicode blanks cannot occur in an unescaped URL."""

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def parse_number(text: str) -> float:
    """Parse a finite decimal number, with optional sign, fraction and exponent.

    Parameters
    ----------
    text : str
        The number, white space around it allowed.

    Returns
    -------
    float
        The number.

    Raises
    ------
    ValueError
        If the text is not such a number. Unlike `float`, this rejects ``1_0``, ``infinity`` and non-ASCII digits.
    """
    stripped = text.strip(BLANK)
    number = float(stripped) if _NUMBER.fullmatch(stripped) else math.nan
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is not a number")
    return number


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, such as ``1 scene`` and ``2 scenes``.

    Parameters
    ----------
    number : int
        The number.
    noun : str
        The noun in the singular, whose plural ends in s.
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"
