"""Runs of the tests leave no temporary file behind: they fail if a test does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Callable

import pytest

from tests.conftest import ROOT
from tests.temporary_files import left_in

LEAVES = "import pathlib, tempfile\ndef test():\n    pathlib.Path(tempfile.mkdtemp(), 'a.txt').touch()\n"
REMOVES = "import tempfile\ndef test():\n    with tempfile.TemporaryFile():\n        pass\n"


@pytest.mark.parametrize(("code", "code_of_exit", "workers"), [(LEAVES, 1, "0"), (LEAVES, 1, "1"), (REMOVES, 0, "1")])
def test_a_run_fails_if_a_test_leaves_a_file(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, code_of_exit: int, workers: str
) -> None:
    pytest.importorskip("xdist")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_it.py").write_text(code)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    command = (sys.executable, "-m", "pytest", "-p", "tests.temporary_files", "-p", "xdist.plugin")
    done = run(
        *command, "-p", "no:cacheprovider", "-n", workers, f"--basetemp={tmp_path / 'base'}", str(tmp_path), cwd=ROOT
    )
    assert done.returncode == code_of_exit, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    assert ("a.txt" in done.stdout) == bool(code_of_exit)
    assert not list((tmp_path / "tmp").iterdir())


def test_folders_of_qgis_count_only_if_they_hold_something(tmp_path: Path) -> None:
    for name in ("QGIS3-AbCdEf", "QGIS3-GhIjKl", "QGIS3-more", "runtime-ann"):
        (tmp_path / name).mkdir()
    (tmp_path / "QGIS3-GhIjKl" / "a.txt").touch()
    (tmp_path / "QGIS3.AbCdEf").touch()
    assert left_in(tmp_path) == [str(Path("QGIS3-GhIjKl", "a.txt")), "QGIS3-more", "QGIS3.AbCdEf"]
