"""The count of what docstrings lack: what it finds, and what it takes."""

from __future__ import annotations

import runpy
import textwrap
from pathlib import Path
from typing import List

import pytest

from tests.conftest import ROOT

SECTIONS = """\
    \"\"\"Clip it.

    Parameters
    ----------
    left, right : int
        Bounds.
    crs : str
        System.

    Returns
    -------
    int
        What is left.
    \"\"\"
"""


@pytest.mark.parametrize(
    "source, kinds",
    [
        ("def clip(): pass", ["missing"]),
        ('def clip() -> None:\n    """Clip."""', []),
        ('def clip(left):\n    """Clip."""', ["parameters"]),
        ('def clip() -> int:\n    """Clip."""', ["returns"]),
        ('def clip() -> int:\n    """Return what is left."""', []),
        (f"def clip(left, right, *, crs) -> int:\n{SECTIONS}", []),
        (f"def clip(left, *rest, crs) -> int:\n{SECTIONS}", ["wrong"]),
        (f"def clip(left, right, crs, more) -> int:\n{SECTIONS}", ["wrong"]),
        (f"def clip(left, right, crs, *more, **most) -> int:\n{SECTIONS}", []),
        ("def _clip(): pass", []),
        ("class _Clip:\n    def clip(self): pass", []),
        ("class Clip:\n    def clip(self): pass\n    def _clip(self): pass", ["missing"]),
        ('class Clip:\n    @property\n    def clip(self) -> int:\n        """The clip."""', []),
        ('@click.command("clip")\ndef clip(left) -> int:\n    """Clip it."""', []),
        ("def clip() -> None:\n    '''Clip.'''\n    def inner(): pass", []),
    ],
)
def test_findings(source: str, kinds: List[str], tmp_path: Path) -> None:
    (tmp_path / "clip.py").write_text(textwrap.dedent(source), encoding="utf-8")
    tool = runpy.run_path(str(ROOT / "tools" / "count_docstrings.py"))
    assert [finding.kind for finding in tool["findings"](tmp_path)] == kinds


PROTOCOL = """\
class Clipper(Protocol):
    def clip(self) -> int:
        \'\'\'Return what is left.\'\'\'
    def cut(self) -> int: ...
"""
MEETS = "Methods without a docstring are those of the Protocol `Clipper`."


@pytest.mark.parametrize(
    "docstring, method, kinds",
    [
        (MEETS, "clip", []),
        (MEETS.replace("of the", "of\n    the"), "clip", []),
        (MEETS, "cut", ["missing"]),  # the Protocol does not document it
        (MEETS, "fold", ["missing"]),
        (MEETS.replace("Clipper", "Folder"), "clip", ["missing"]),
        ("Shears.", "clip", ["missing"]),
    ],
)
def test_a_class_need_not_repeat_its_protocol(docstring: str, method: str, kinds: List[str], tmp_path: Path) -> None:
    (tmp_path / "protocol.py").write_text(PROTOCOL, encoding="utf-8")
    source = f'class Shears:\n    """{docstring}"""\n    def {method}(self): pass\n'
    (tmp_path / "clip.py").write_text(source, encoding="utf-8")
    tool = runpy.run_path(str(ROOT / "tools" / "count_docstrings.py"))
    found = [finding for finding in tool["findings"](tmp_path) if finding.place.startswith(f"{tmp_path.name}/clip")]
    assert [finding.kind for finding in found] == kinds
