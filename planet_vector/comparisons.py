"""Comparisons written with signs, such as ``cloud_cover.estimated<5``, and their spelling in the API."""

from __future__ import annotations

import re
from typing import Mapping, Optional

_COMPARATORS: Mapping[str, str] = {
    "<": "lt", "<=": "lte", "=<": "lte", "≤": "lte", "le": "lte", ">": "gt", ">=": "gte", "=>": "gte", "≥": "gte",
    "ge": "gte", "=": "eq", "==": "eq", "!=": "neq", "<>": "neq", "≠": "neq", "ne": "neq",
}  # fmt: skip
_WORDS = ("gt", "gte", "lt", "lte", "eq", "neq")
_SIGN = r"(?:=\s*)?(<=|>=|<>|!=|==|=|[<>≤≥≠])\s*"
_SIGNED = re.compile(rf"\s*([A-Za-z_][\w.]*?)\s*(?!=[^<>!=≤≥≠]|=\Z){_SIGN}(.*)", re.DOTALL)
_VALUE = re.compile(rf"\s*{_SIGN}(.+)", re.DOTALL)


def sign_advice(name: str, value: Optional[str] = None) -> str:
    """Return how to write a comparison that uses a sign or a wrong spelling as its comparator.

    Parameters
    ----------
    name : str
        The name of a parameter, or a whole parameter that contains no equals sign to split at.
    value : str, optional
        The parameter's value.

    Returns
    -------
    str
        A sentence; empty if there is no such sign or spelling.
    """
    field, _, last = name.rpartition(".")
    word = last.strip().lower()
    if value is not None and field and last not in _WORDS and (word in _COMPARATORS or word in _WORDS):
        return _advice(f"{name}={value}" if word in _WORDS else f"{field} {word} {value}", field, word, value)
    text = name if value is None else f"{name}={value}"
    signed = _SIGNED.fullmatch(text)
    if signed is None:
        return ""
    return _advice(text, signed[1], signed[2], signed[3])


def signed_value_advice(name: str, value: str) -> str:
    """Return how to write a comparison whose value begins with a sign; empty if it does not.

    Parameters
    ----------
    name : str
        The parameter's name.
    value : str
        The parameter's value.
    """
    signed = _VALUE.fullmatch(value)
    return _advice(f"{name}={value}", name, signed[1], signed[2]) if signed else ""


def _advice(text: str, field: str, sign: str, value: str) -> str:
    stem, _, last = field.rstrip(".").rpartition(".")
    field = stem if stem and last in _WORDS else field.rstrip(".")
    comparator = _COMPARATORS.get(sign, sign)
    written = field if comparator == "eq" else f"{field}.{comparator}"
    value = _short(value)
    return (
        f"{_short(text)!r} is not how the API writes a comparison: write {written}={value}, or "
        f"--where {field} {comparator} {value}."
    )


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
