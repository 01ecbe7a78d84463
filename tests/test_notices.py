"""Notices: what others wrote, and is shipped, is named in THIRD_PARTY_NOTICES.md."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path
from typing import Iterator

import pytest

from tests.conftest import ROOT

NOTICES = (ROOT / "THIRD_PARTY_NOTICES.md").read_text(encoding="utf-8")

SHIPPED = ("planet_vector", "plugins", "qgis_plugin/planet_scenes")
"""Folders that go into the wheel and into the plugin's zip."""

OWN = (
    "planet_vector/py.typed",
    "planet_vector/maps/static/map.*",
    *(f"planet_vector/maps/static/{name}.js" for name in ("compare", "details", "graticule", "list", "output")),
    *(f"planet_vector/maps/static/{name}.js" for name in ("tiles", "time")),
    "planet_vector/server/api/static/docs.*",
    "planet_vector/server/api/static/recipes.js",
    "planet_vector/server/api/static/start.*",
    "qgis_plugin/planet_scenes/metadata.txt",
    "qgis_plugin/planet_scenes/i18n/*.ts",
    *(
        f"qgis_plugin/planet_scenes/icons/{name}.svg"
        for name in (
            "compare", "connection", "crop", "days", "download", "follow", "login", "mosaic", "place", "planet",
            "product", "rectangle", "save", "scenes", "search", "snapshot", "stack", "swipe",
        )
    ),
)  # fmt: skip
"""What was written for this project, and is no Python. Add nothing that others wrote: name that in the notices."""

_FOREIGN = re.compile(
    r"Copyright \(c\)|©|@licen[cs]e|@preserve|^/\*!|SPDX-|^//# sourceMappingURL|ColorBrewer", re.M | re.I
)
_MINIFIED = 1000  # characters of a line that nobody writes by hand


def shipped(*folders: str) -> Iterator[Path]:
    """Yield the files of folders."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def is_noticed(name: str, notices: str = NOTICES) -> bool:
    """Return whether a file is named in the notices."""
    return f"`{name}`" in notices


def is_foreign(text: str) -> bool:
    """Return whether a text says that others wrote it, or looks as tools write it."""
    return bool(_FOREIGN.search(text)) or any(len(line) > _MINIFIED for line in text.splitlines())


@pytest.mark.parametrize("path", [path for path in shipped(*SHIPPED) if path.suffix != ".py"], ids=_name)
def test_each_shipped_file_is_our_own_or_has_a_notice(path: Path) -> None:
    name = _name(path)
    own = any(fnmatch.fnmatchcase(name, pattern) for pattern in OWN)
    assert own or is_noticed(name), f"{name} is new: name it in THIRD_PARTY_NOTICES.md, or in OWN if it is ours"


@pytest.mark.parametrize("folder", [*SHIPPED, "docs", "demo", "tools"])
def test_each_text_of_others_has_a_notice(folder: str) -> None:
    for path in shipped(folder):
        if path.suffix in (".py", ".js", ".css", ".html", ".svg", ".txt", ".ts"):
            assert not is_foreign(path.read_text(encoding="utf-8")) or is_noticed(_name(path)), _name(path)


def test_each_file_in_the_notices_is_there() -> None:
    named = re.findall(r"`([\w./-]+/[\w.-]+\.\w+)`", NOTICES)
    assert len(named) >= 4
    assert [name for name in named if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize(
    "text, foreign",
    [
        ("/*! jQuery v3.7.1 | (c) OpenJS Foundation */", True),
        ("// Copyright (c) 2020 Somebody", True),
        ("x" * 2000, True),
        ('"""Pixels that stand for colours."""', False),
    ],
)
def test_texts_of_others_are_told_from_ours(text: str, foreign: bool) -> None:
    assert is_foreign(text) is foreign
    assert not is_noticed("planet_vector/maps/static/vendored.js")
