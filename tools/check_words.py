"""Count turns of phrase that have a plainer word in the dialect of GIS software, so that they only fall.

    python tools/check_words.py [--list] [FOLDER]

Reads comments and string literals (docstrings, help, errors) of Python files, and Markdown without its code. Exits
with 1 if a count differs from `MOST`. If it is lower, lower `MOST` to it. ``--list`` prints each place and what to
write.
"""

from __future__ import annotations

import ast
import re
import sys
import tokenize
from pathlib import Path
from typing import Dict, Iterator, NamedTuple, Tuple

TURNS: Dict[str, Tuple[str, str]] = {
    "nobody": (r"\bnobody(?:'s)?\b", "the actor: no client, no other user; or 'not'"),
    "whoever": (r"\bwhoever\b", "the actor: the caller, the client, the user"),
    "whatever": (r"\bwhatever\b", "'any', or 'regardless of'"),
    "who asks": (r"\bwho (?:asks|looks|reads|takes|waits|wants)\b", "the actor: the client, the caller"),
    "Be a": (r'"""Be \w+', "a noun phrase: 'Protocol for …', 'Base class of …'"),
    "Hold": (r'"""Hold\b', "a noun phrase: 'Cache of …', 'Connection pool for …'"),
    "What": (r'"""What\b', "a noun phrase"),
    "Tell": (r'"""Tell\b', "'Return whether …', or 'Report …'"),
    "what is … is": (r"\bwhat (?:is|was|are) [\w\s]{2,30} (?:is|are|was)\b", "the noun: the value, the request"),
    "is told": (r"\b(?:is|are|was|were|be) told\b", "'is reported', 'is logged', or 'is passed'"),
    "told of": (r"\b(?:tells?|told)(?: \w+)? of\b", "'reports', 'names', 'lists'"),
    "says of": (r"\b(?:say|says|said) of\b", "'reports', 'describes', or 'metadata'"),
    "is had": (r"\b(?:be|is|are|was|were) had\b", "'is fetched', 'is available'"),
    "that is none": (r"\b(?!there)\w+ (?:is|are) none\b(?=[.,;:)])", "'is invalid', 'is not a …'"),
    "where it lies": (r"\bwhere (?:it lies|they lie)\b", "'in place', 'over HTTP', or the path"),
    "stands in": (r"\bstands? (?:in|there|beside)\b", "'is in'"),
    "anew": (r"\banew\b", "'again'; of a cache entry 'is rebuilt', 'is renewed'"),
    "in vain": (r"\bin vain\b", "'without result', 'wasted', 'unused'"),
    "but for": (r"\bbut for\b", "'except'"),
    "for ever": (r"\bfor ever\b", "'indefinitely', 'without a timeout'"),
    "in a sentence": (r"\bin (?:a|one) sentence\b", "'with an error message'"),
    "a look": (r"\ba look\b", "'a preview', 'a read', 'a scan'"),
}
"""Name of a turn, to its regular expression and what to write instead."""

MOST = {
    "nobody": 36,
    "whoever": 4,
    "whatever": 41,
    "who asks": 0,
    "Be a": 3,
    "Hold": 9,
    "What": 38,
    "Tell": 0,
    "what is … is": 27,
    "is told": 28,
    "told of": 8,
    "says of": 11,
    "is had": 1,
    "that is none": 5,
    "where it lies": 8,
    "stands in": 14,
    "anew": 18,
    "in vain": 1,
    "but for": 2,
    "for ever": 5,
    "in a sentence": 4,
    "a look": 4,
}
"""Places in the repository, by turn."""

FOLDERS = ("benchmarks", "demo", "docs", "planet_vector", "plugins", "qgis_plugin", "tests", "tools")
EXEMPT = ("check_words.py", "test_words.py")  # which quote the turns

_CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.M | re.S)
_PATTERNS = {turn: re.compile(pattern.replace(" ", r"\s+"), re.I) for turn, (pattern, _) in TURNS.items()}


class Place(NamedTuple):
    """One use of a turn."""

    turn: str
    path: str
    line: int


def places(folder: Path) -> Iterator[Place]:
    """Yield each use of a turn in a checkout's Python and Markdown files."""
    paths = [*folder.glob("*.md"), *(path for name in FOLDERS for path in (folder / name).rglob("*.*"))]
    for path in sorted(path for path in paths if path.suffix in (".md", ".py") and path.name not in EXEMPT):
        for line, text in _texts(path):
            for turn, pattern in _PATTERNS.items():
                for match in pattern.finditer(text):
                    yield Place(turn, str(path.relative_to(folder)), line + text.count("\n", 0, match.start()))


def _texts(path: Path) -> Iterator[Tuple[int, str]]:
    """Yield the prose of a file, with the line at which it begins."""
    if path.suffix == ".md":
        yield 1, _CODE.sub(lambda code: "\n" * code[0].count("\n"), path.read_text(encoding="utf-8"))
        return
    with path.open("rb") as file:
        tokens = tokenize.tokenize(file.readline)
        yield from ((token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT)
    docstrings = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Expr):
            docstrings.add(node.value)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, f'"""{node.value}' if node in docstrings else node.value


def main() -> int:
    """Compare the counts with `MOST`, and print what to do."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--list"]
    found = list(places(Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent))
    if "--list" in sys.argv:
        print("\n".join(f"{path}:{line}: {turn}: write {TURNS[turn][1]}" for turn, path, line in found))
    counts = {turn: sum(place.turn == turn for place in found) for turn in TURNS}
    for turn, count in counts.items():
        most = MOST.get(turn, 0)
        if count > most:
            print(f"'{turn}' is used {count} times, MOST is {most}: write {TURNS[turn][1]}; --list prints the places.")
        elif count < most:
            print(f"'{turn}' is used {count} times, MOST is {most}: lower MOST to it.")
    return int(any(count != MOST.get(turn, 0) for turn, count in counts.items()))


if __name__ == "__main__":
    sys.exit(main())
