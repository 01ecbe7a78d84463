"""Descriptions of errors in JSON files that users write."""

from __future__ import annotations

import json


def json_fault(error: BaseException) -> str:
    """Return a description of an error in JSON, with line and column if known, as a part of a sentence.

    Parameters
    ----------
    error : BaseException
        Raised by `json.loads`, or by decoding the text.
    """
    if isinstance(error, json.JSONDecodeError):
        place = f"line {error.lineno}, column {error.colno}"
        return f"{place}: {'it is cut off' if error.pos >= len(error.doc.rstrip()) else error.msg}"
    if isinstance(error, RecursionError):
        return "it is nested too deeply, or cut off"
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start + 1} is not UTF-8"
    return type(error).__name__
