"""Extension of Griffe: tables of reStructuredText in docstrings become tables of Markdown, as pages need them."""

from __future__ import annotations

import re
from typing import Any, List

from griffe import Extension, Object

_RULE = r"=+(?:[ ]+=+)+"
_TABLE = re.compile(
    rf"""
    ^(?P<rule>{_RULE})\n
    (?P<lines>(?:.*\n)+?)
    {_RULE}$
    (?:\n(?P<more>(?:.+\n)+?){_RULE}$)?  # where there is a third rule, the first lines are the head
    """,
    re.MULTILINE | re.VERBOSE,
)


def as_markdown(text: str) -> str:
    """Return a text in which each simple table is one of Markdown."""
    return _TABLE.sub(_table, text)


def _table(match: re.Match[str]) -> str:
    starts = [column.start() for column in re.finditer("=+", match["rule"])]
    head = match["lines"].splitlines() if match["more"] else []
    rows = [_cells(line, starts) for line in (match["more"] or match["lines"]).splitlines()]
    heading = _cells(head[0], starts) if head else [""] * len(starts)
    return "\n".join(map(_row, [heading, ["---"] * len(starts), *rows]))


def _cells(line: str, starts: List[int]) -> List[str]:
    return [line[start:end].strip().replace("|", "\\|") for start, end in zip(starts, [*starts[1:], len(line) + 1])]


def _row(cells: List[str]) -> str:
    return f"| {' | '.join(cells)} |"


class DocstringTables(Extension):
    """Rewrite the tables of each docstring."""

    def on_object(self, *, obj: Object, **others: Any) -> None:
        """Rewrite the docstring of a module, class, function or attribute."""
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)
