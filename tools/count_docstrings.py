"""Count what the docstrings of public functions lack of numpy's style, so that it only falls: a part of ``make lint``.

    python tools/count_docstrings.py [--list] [FOLDER]

ruff checks how a docstring is laid out; this checks what it says. For each function and method that is public,
its class and module included, it counts:

==========  ==================================================================================
missing     it has no docstring, and no Protocol has it
wrong       its section Parameters lacks a parameter of the signature, or names one that is not in it
parameters  it has parameters, and no section Parameters
returns     it returns something, and neither a section Returns or Yields nor the summary says what
==========  ==================================================================================

A class that meets a Protocol need not repeat its docstrings. Its own says: "Methods without a docstring are those of
the Protocol `Catalog`." Methods that a Protocol of this name in the folder documents are then not missing.

Ends with 1 when there are more than `MOST`, or fewer: then `MOST` is to be lowered to what is printed. ``--list``
prints each place. Commands are left out, as their docstrings are their help.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import Dict, FrozenSet, Iterator, List, NamedTuple, Set, Tuple, Union

MOST = {"missing": 0, "wrong": 0, "parameters": 0, "returns": 0}
"""Findings in ``planet_vector/``, by kind."""

Function = Union[ast.FunctionDef, ast.AsyncFunctionDef]

_SECTION = re.compile(r"^(?P<name>[A-Z][A-Za-z ]+)\n-{3,}\n", re.M)
_NAMES = re.compile(r"^(?P<names>\*{0,2}\w+(?:, \*{0,2}\w+)*)(?: :.*)?$", re.M)
_SAYS_WHAT = re.compile(r"(?:Return|Yield|Whether|Tell whether)\b")
_MEETS = re.compile(r"Methods without a docstring are those of\s+the Protocol `(?P<name>\w+)`")
_EXEMPT = {"command", "group", "overload", "override", "setter"}  # help of a command, or documented elsewhere


class Finding(NamedTuple):
    """One thing that a docstring lacks."""

    kind: str
    place: str


def findings(folder: Path) -> Iterator[Finding]:
    """Yield what the docstrings of a folder's public functions lack."""
    modules = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.py"))}
    protocols = {name: methods for module in modules.values() for name, methods in _protocols(module)}
    for path, module in modules.items():
        if path.name == "__init__.py" or not path.stem.startswith("_"):
            yield from _of_body(module.body, str(path.relative_to(folder.parent)), protocols)


def _protocols(module: ast.Module) -> Iterator[Tuple[str, Set[str]]]:
    """Yield the name of each Protocol of a module, and the methods that it documents."""
    for node in module.body:
        if isinstance(node, ast.ClassDef) and any(_last_name(base) == "Protocol" for base in node.bases):
            yield (
                node.name,
                {
                    item.name
                    for item in node.body
                    if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)) and ast.get_docstring(item)
                },
            )


def _of_body(
    body: List[ast.stmt], place: str, protocols: Dict[str, Set[str]], elsewhere: FrozenSet[str] = frozenset()
) -> Iterator[Finding]:
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            met = _MEETS.search(ast.get_docstring(node) or "")
            methods = protocols.get(met["name"], set()) if met else set()
            yield from _of_body(node.body, f"{place}:{node.name}", protocols, frozenset(methods))
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_"):
            decorators = {_last_name(decorator) for decorator in node.decorator_list}
            documented = node.name in elsewhere and ast.get_docstring(node) is None
            if not decorators & _EXEMPT and not documented:
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
    elif not (named - {"self", "cls"} <= documented <= named | starred):  # *args and **others may go without a word
        yield "wrong"
    is_none = node.returns is None or isinstance(node.returns, ast.Constant) and node.returns.value is None
    if not (is_none or is_property or {"Returns", "Yields"} & sections.keys() or _SAYS_WHAT.match(text)):
        yield "returns"


def _sections(text: str) -> Dict[str, str]:
    """Return the text of each section of a docstring, by its name."""
    heads = list(_SECTION.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return {head["name"]: text[head.end() : end] for head, end in zip(heads, ends)}


def _documented(section: str) -> Set[str]:
    return {name.lstrip("*") for match in _NAMES.finditer(section) for name in match["names"].split(", ")}


def _last_name(node: ast.expr) -> str:
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def main() -> int:
    """Compare, and say what to do."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--list"]
    folder = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent / "planet_vector"
    found = list(findings(folder))
    if "--list" in sys.argv:
        print("\n".join(f"{place}: {kind}" for kind, place in found))
    counts = {kind: sum(finding.kind == kind for finding in found) for kind in MOST}
    for kind, count in counts.items():
        if count > MOST[kind]:
            print(f"{count} docstrings are at fault ({kind}), where there were {MOST[kind]}: --list names them.")
        elif count < MOST[kind]:
            print(f"{count} docstrings are at fault ({kind}), where there were {MOST[kind]}: lower MOST to it.")
    return int(counts != MOST)


if __name__ == "__main__":
    sys.exit(main())
