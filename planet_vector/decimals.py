"""Numbers as clients write them: strictly, where Python's own reading takes more than anybody means."""

from __future__ import annotations

import math
import re

BLANK = " \t\r\n"
"""What may stand around a value. Other scripts' blanks do not get there by an unescaped address."""

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


def parse_number(text: str) -> float:
    """Read a finite decimal number, with or without a sign, a fraction and an exponent.

    Raises
    ------
    ValueError
        When the text is none: ``1_0``, ``infinity`` and the digits of other scripts, which `float` reads, are none.
    """
    stripped = text.strip(BLANK)
    number = float(stripped) if _NUMBER.fullmatch(stripped) else math.nan
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is not a number")
    return number
