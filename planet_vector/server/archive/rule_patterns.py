"""Limit regular expressions of a rule file, as a match cannot be interrupted.

Backtracking takes exponential time if a repeated group contains a repetition, and polynomial time, whose degree is the
number of repetitions, otherwise.
"""

from __future__ import annotations

import re
from typing import Iterator, Match, Tuple

MOST_REPEATS = 12
"""Maximum number of repetitions in a pattern."""

_QUANTIFIER = re.compile(r"[*+?]|\{(\d*)(?:(,)(\d*))?\}")
_MOST_COPIES = 4  # of a group by {n}, which is as many groups


def has_nested_repeats(pattern: str) -> bool:
    r"""Return whether a regular expression repeats a group that contains a repetition, alternatives or a reference.

    Parameters
    ----------
    pattern : str
        A regular expression that can be compiled.

    Examples
    --------
    >>> has_nested_repeats(r"(\w+)*"), has_nested_repeats(r"(\d{4})-\w+")
    (True, False)
    """
    open_groups = [False]  # whether each open group contains a repetition or alternatives
    for token, quantifier in _tokens(pattern):
        inner = token[0] == "\\" and token[1:].isdigit()
        if token == "(":
            open_groups.append(False)
        elif token == "|":
            open_groups[-1] = True
        elif token == ")" and len(open_groups) > 1:
            inner = open_groups.pop()
        if inner and quantifier not in ("", "?"):
            return True
        open_groups[-1] = open_groups[-1] or inner or bool(quantifier)
    return False


def repeats_of(pattern: str) -> int:
    """Return the number of repetitions in a regular expression.

    Parameters
    ----------
    pattern : str
        A regular expression that can be compiled.
    """
    return sum(bool(quantifier) for _, quantifier in _tokens(pattern))


def _tokens(pattern: str) -> Iterator[Tuple[str, str]]:
    """Yield characters, classes and the parentheses of groups, each with its quantifier, or an empty text."""
    at = 0
    while at < len(pattern):
        start = at
        if pattern[at] == "\\":
            at += 2
        elif pattern[at] == "[":
            at += 2 if pattern.startswith("^", at + 1) else 1
            at += 2 if pattern[at : at + 1] == "\\" else 1  # a bracket in the first place is a member
            while at < len(pattern) and pattern[at] != "]":
                at += 2 if pattern[at] == "\\" else 1
            at += 1
        elif pattern[at] == "(":
            at += 2 if pattern.startswith("?", at + 1) else 1
            yield "(", ""
            continue
        else:
            at += 1
        token = pattern[start:at]
        found = None if token == "|" else _QUANTIFIER.match(pattern, at)
        yield token, found[0] if found is not None and _is_variable(found) else ""
        if found is not None:
            at = found.end()
            at += pattern[at : at + 1] in ("?", "+")  # lazy, possessive


def _is_variable(repeat: Match[str]) -> bool:
    if repeat[0] in ("*", "+", "?"):
        return True
    least, comma, most = repeat[1], repeat[2], repeat[3]
    if not least and not most:
        return False  # braces without a number are themselves
    return bool(comma and least != most) or (not comma and int(least) > _MOST_COPIES)
