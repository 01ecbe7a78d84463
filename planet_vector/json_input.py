"""Parser of the output of other programs: JSON objects in any arrangement, and words."""

from __future__ import annotations

import json
import re
from typing import Any, Iterator

from planet_vector.errors import QueryError
from planet_vector.json_faults import json_fault

# Objects are separated by white space, and in a text sequence (RFC 8142) by RS characters.
_BEGIN, _BETWEEN = re.compile(r"[^\s\x1e]"), re.compile(r"[\s\x1e]|\Z")


def objects(text: str, origin: str = "standard input") -> Iterator[Any]:
    """Yield the JSON objects and the words of a text in order.

    Parameters
    ----------
    text : str
        JSON objects, one per line, indented over several lines, or separated by RS characters; and words.
    origin : str
        The source of the text, for errors.

    Yields
    ------
    dict or str
        An object, or a word.

    Raises
    ------
    QueryError
        If JSON is not valid.
    """
    decoder, at = json.JSONDecoder(), 0
    text = text.lstrip("\ufeff")
    while begin := _BEGIN.search(text, at):
        at = begin.start()
        if text[at] == "{":
            try:
                item, at = decoder.raw_decode(text, at)
            except (ValueError, RecursionError) as error:
                raise QueryError(f"The JSON in {origin} is broken ({json_fault(error)}): correct it.") from None
            yield item
        else:
            between = _BETWEEN.search(text, at)
            assert between is not None
            yield text[at : between.start()]
            at = between.start()
