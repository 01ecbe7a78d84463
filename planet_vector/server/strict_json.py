"""Strict JSON parser (RFC 8259) that rejects duplicate names, NaN and Infinity."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Dict, List, NoReturn, Tuple

from planet_vector.server.http_errors import HttpError


def read_json(text: str, subject: str) -> Any:
    """Parse a JSON text.

    Parameters
    ----------
    text : str
        JSON text.
    subject : str
        Subject of error messages, such as "The body".

    Returns
    -------
    object
        The document as dict, list, str, int, float, bool or None.

    Raises
    ------
    HttpError
        400, if the text is not valid JSON, is nested too deeply, or repeats a name in one object, at any depth:
        parsers differ in which of the values they use.
    """

    def unique(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
            raise HttpError(400, f"{subject} has {twice[:40]!r} twice in one object: give it once.")
        return found

    def no_number(constant: str) -> NoReturn:
        raise HttpError(400, f"{subject} is not valid JSON: {constant} is not a number in JSON.")

    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=no_number)
    except RecursionError:
        raise HttpError(400, f"{subject} is nested too deeply.") from None
    except ValueError as error:
        raise HttpError(400, f"{subject} is not valid JSON: {error}.") from None
