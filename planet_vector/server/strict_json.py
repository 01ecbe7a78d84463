"""JSON as RFC 8259 has it, without what is read in two ways: names that stand twice, and numbers that are none."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Dict, List, NoReturn, Tuple

from planet_vector.server.http_errors import Refusal


def read_json(text: str, subject: str) -> Any:
    """Read a JSON text.

    Parameters
    ----------
    text : str
        The text.
    subject : str
        What messages begin with: what the text is.

    Raises
    ------
    Refusal
        400, when it is no JSON, too deep, or has a name twice in one object, at whatever depth: readers take the first
        of them, or the last, or refuse both.
    """

    def unique(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
            raise Refusal(400, f"{subject} has {twice[:40]!r} twice in one object: give it once.")
        return found

    def no_number(constant: str) -> NoReturn:
        raise Refusal(400, f"{subject} is no JSON: {constant} is no number there.")

    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=no_number)
    except RecursionError:
        raise Refusal(400, f"{subject} is JSON too deep to read.") from None
    except ValueError as error:
        raise Refusal(400, f"{subject} is no JSON: {error}.") from None
