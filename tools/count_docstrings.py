"""Count what the docstrings of public functions lack of numpy's style, so that it only falls; part of ``make lint``.

    python tools/count_docstrings.py [--list] [FOLDER]

ruff checks the layout of docstrings; this checks their content. It counts, for public functions and methods of public
classes and modules:

==========  ==================================================================================
missing     no docstring
wrong       section Parameters lacks a parameter of the signature, or lists one that is not in it
parameters  has parameters, but no section Parameters
returns     returns a value, but neither a section Returns or Yields nor the summary describes it
==========  ==================================================================================

Exits with 1 if a count differs from `MOST`. If it is lower, lower `MOST` to the printed count. ``--list`` prints each
place. Commands are skipped, as their docstrings are their help.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Set, Union

MOST = {"missing": 5, "wrong": 0, "parameters": 717, "returns": 210}
"""Expected findings in ``planet_vector/``, by kind."""

Function = Union[ast.FunctionDef, ast.AsyncFunctionDef]

_SECTION = re.compile(r"^(?P<name>[A-Z][A-Za-z ]+)\n-{3,}\n", re.M)
_NAMES = re.compile(r"^(?P<names>\*{0,2}\w+(?:, \*{0,2}\w+)*)(?: :.*)?$", re.M)
_SAYS_WHAT = re.compile(r"(?:Return|Yield|Whether|Tell whether)\b")
_EXEMPT = {"command", "group", "overload", "override", "setter"}  # help of a command, or documented elsewhere


class Finding(NamedTuple):
    """A fault of a docstring."""

    kind: str
    place: str


def findings(folder: Path) -> Iterator[Finding]:
    """Yield the faults of the docstrings of a folder's public functions.

    Parameters
    ----------
    folder : Path
        The folder, searched recursively.
    """
    for path in sorted(folder.rglob("*.py")):
        if path.name == "__init__.py" or not path.stem.startswith("_"):
            yield from _of_body(ast.parse(path.read_text(encoding="utf-8")).body, str(path.relative_to(folder.parent)))


def _of_body(body: List[ast.stmt], place: str) -> Iterator[Finding]:
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _of_body(node.body, f"{place}:{node.name}")
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_"):
            decorators = {_last_name(decorator) for decorator in node.decorator_list}
            if not decorators & _EXEMPT:
                found = _of_function(node, bool(decorators & {"property", "cached_property"}))
                yield from (Finding(kind, f"{place}:{node.lineno} {node.name}") for kind in found)


def _of_function(node: Function, is_property: bool) -> Iterator[str]:
    text = ast.get_docstring(node)
    if text is None:
        yield "missing"
        return
    sections = _sections(text)
    arguments = node.args
    named = {argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
    starred = {argument.arg for argument in (arguments.vararg, arguments.kwarg) if argument is not None}
    documented = _documented(sections.get("Parameters", "")) | _documented(sections.get("Other Parameters", ""))
    if "Parameters" not in sections:
        if named - {"self", "cls"}:
            yield "parameters"
    elif not (named - {"self", "cls"} <= documented <= named | starred):  # *args and **kwargs need no description
        yield "wrong"
    is_none = node.returns is None or isinstance(node.returns, ast.Constant) and node.returns.value is None
    if not (is_none or is_property or {"Returns", "Yields"} & sections.keys() or _SAYS_WHAT.match(text)):
        yield "returns"


def _sections(text: str) -> Dict[str, str]:
    """Return the texts of a docstring's sections, by name."""
    heads = list(_SECTION.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return {head["name"]: text[head.end() : end] for head, end in zip(heads, ends)}


def _documented(section: str) -> Set[str]:
    return {name.lstrip("*") for match in _NAMES.finditer(section) for name in match["names"].split(", ")}


def _last_name(node: ast.expr) -> str:
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def main() -> int:
    """Compare the counts with `MOST`, and print what to do.

    Returns
    -------
    int
        The exit code: 1 if they differ.
    """
    arguments = [argument for argument in sys.argv[1:] if argument != "--list"]
    folder = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent / "planet_vector"
    found = list(findings(folder))
    if "--list" in sys.argv:
        print("\n".join(f"{place}: {kind}" for kind, place in found))
    counts = {kind: sum(finding.kind == kind for finding in found) for kind in MOST}
    for kind, count in counts.items():
        if count > MOST[kind]:
            print(f"{count} docstring faults ({kind}), expected {MOST[kind]}: fix the new ones, see --list.")
        elif count < MOST[kind]:
            print(f"{count} docstring faults ({kind}), expected {MOST[kind]}: lower MOST to the count.")
    return int(counts != MOST)


if __name__ == "__main__":
    sys.exit(main())
