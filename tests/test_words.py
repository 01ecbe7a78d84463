"""tools/check_words.py: which texts it reads, which turns it finds, and how it compares counts."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict

import pytest

from tests.conftest import ROOT

Run = Callable[..., "subprocess.CompletedProcess[str]"]
TOOL = ROOT / "tools" / "check_words.py"


@pytest.fixture(scope="module")
def check_words() -> Dict[str, Any]:
    """Return the names that the tool defines."""
    return runpy.run_path(str(TOOL))


@pytest.mark.parametrize(
    "name, text, found",
    [
        ("page.md", "One.\n\nNobody reads it.\n", [("nobody", 3)]),
        ("page.md", "It is\ntold so.\n", [("is told", 1)]),
        ("page.md", "```text\nnobody\n```\n`nobody`, whoever\n", [("whoever", 4)]),
        ("docs/page.md", "Made anew.\n", [("anew", 1)]),
        ("planet_vector/a.py", "nobody = 1  # in vain\n", [("in vain", 1)]),
        ("planet_vector/a.py", 'def f():\n    """Be a layer."""\n', [("Be a", 2)]),
        (
            "planet_vector/a.py",
            'class A:\n    """Hold keys.\n\n    For ever.\n    """\n',
            [("Hold", 2), ("for ever", 4)],
        ),
        ("planet_vector/a.py", 'print("Hold", f"{nobody} but for {2}")\n', [("but for", 1)]),
        ("planet_vector/a.py", "# There is none.\n# The root is none.\n", [("that is none", 2)]),
        ("other/a.py", "# nobody\n", []),
    ],
)
def test_turns_are_found(check_words: Dict[str, Any], tmp_path: Path, name: str, text: str, found: Any) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    assert [(place.turn, place.line) for place in check_words["places"](tmp_path)] == found


def test_each_turn_has_a_count(check_words: Dict[str, Any]) -> None:
    assert list(check_words["MOST"]) == list(check_words["TURNS"])


def test_other_counts_are_reported(run: Run, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("Nobody reads it.\n", encoding="utf-8")
    done = run(sys.executable, str(TOOL), "--list", str(tmp_path))
    assert done.returncode == 1
    assert "page.md:1: nobody: write the actor" in done.stdout
    assert "'nobody' is used 1 times, MOST is" in done.stdout and "lower MOST to it." in done.stdout
