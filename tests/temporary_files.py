"""A temporary folder for each run of the tests, removed at its end; files that tests leave there fail the run.

A plugin of pytest (``-p`` in pyproject.toml), since pytest-qgis starts QGIS before it loads any conftest.py.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import List

import pytest

# Homes of tests are outside /tmp, as users' are: GDAL trusts files in /tmp that it does not trust elsewhere.
os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", "/var/tmp" if Path("/var/tmp").is_dir() else tempfile.gettempdir())

# Qt's and QGIS's own, which nothing in a test can remove: QgsApplication removes its folder when it is destroyed, for
# which Python ends too early, and its log-ins by OAuth2 in exitQgis(), which the process that only starts workers never
# calls. Qt's folder of a user without XDG_RUNTIME_DIR stays.
_OF_QGIS = re.compile(r"(?:QGIS3|qt_temp)-\w{6}|oauth2-cache|runtime-\w+")

_FOLDERS: List[Path] = []
"""The folder; empty in the workers of pytest-xdist, which have that of the process that started them."""

_LEFT: List[str] = []


def left_in(folder: Path) -> List[str]:
    """Return the files and folders in a folder, except empty ones of QGIS.

    Parameters
    ----------
    folder : Path
        The folder.
    """
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if not (path.parent == folder and path.is_dir() and _OF_QGIS.fullmatch(path.name))
    )


def _make() -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        # A short path: sockets take about a hundred characters.
        _FOLDERS.append(Path(tempfile.mkdtemp(prefix="tests-")))
        # Not in a hook of pytest, which calls none if it rejects its arguments.
        atexit.register(_remove, os.getpid())
        # Python, Qt and shells read TMPDIR first. Not TEMP and TMP: GDAL trusts files there.
        os.environ["TMPDIR"] = str(_FOLDERS[0])
        tempfile.tempdir = None  # which is cached


def _remove(owner: int) -> None:
    if os.getpid() == owner:  # not at the end of a process that a test forks
        for folder in _FOLDERS:
            shutil.rmtree(folder, ignore_errors=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run if a test left a file; workers and session fixtures have ended before."""
    _LEFT.extend(left for folder in _FOLDERS for left in left_in(folder))
    if _LEFT and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests left."""
    if _LEFT:
        terminalreporter.section("temporary files that tests leave behind", red=True, bold=True)
        for left in _LEFT:
            terminalreporter.write_line(left)


_make()
