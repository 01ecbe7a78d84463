"""Read what programs print: JSON objects in any arrangement, and words."""

from __future__ import annotations

import json
import re
from typing import Any, Iterator

from planet_vector.errors import QueryError
from planet_vector.json_faults import json_fault

# Between objects stand white space, and in a text sequence (RFC 8142) RS characters.
_BEGIN, _BETWEEN = re.compile(r"[^\s\x1e]"), re.compile(r"[\s\x1e]|\Z")


def objects(text: str, origin: str = "standard input") -> Iterator[Any]:
    """Yield what a text holds, one after another.

    Parameters
    ----------
    text : str
        JSON objects, a line each, indented over several, or with RS characters between; and words.
    origin : str
        Where it stands, as an error says it.

    Yields
    ------
    dict or str

    Raises
    ------
    QueryError
        If something begins as JSON and is none.
    """
    decoder, at = json.JSONDecoder(), 0
    text = text.lstrip("\ufeff")
    while begin := _BEGIN.search(text, at):
        at = begin.start()
        if text[at] == "{":
            try:
                item, at = decoder.raw_decode(text, at)
            except (ValueError, RecursionError) as error:
                raise QueryError(f"The JSON in {origin} is broken ({json_fault(error)}): mend it.") from None
            yield item
        else:
            between = _BETWEEN.search(text, at)
            assert between is not None
            yield text[at : between.start()]
            at = between.start()
