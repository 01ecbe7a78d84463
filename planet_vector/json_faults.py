"""What is wrong with JSON that a person wrote, and where."""

from __future__ import annotations

import json


def json_fault(error: BaseException) -> str:
    """Return what is wrong with JSON, as part of a sentence, with line and column where they are known.

    Parameters
    ----------
    error : Exception
        As `json.loads` raised it, or the decoding of the text before.
    """
    if isinstance(error, json.JSONDecodeError):
        place = f"line {error.lineno}, column {error.colno}"
        return f"{place}: {'it is cut off' if error.pos >= len(error.doc.rstrip()) else error.msg}"
    if isinstance(error, RecursionError):
        return "it is nested too deeply, or cut off"
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start + 1} is not UTF-8"
    return type(error).__name__
