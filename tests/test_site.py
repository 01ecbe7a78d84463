"""The site of the documentation: it builds strictly, its links lead somewhere, and its reference is complete."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict

import pytest

import planet_vector
from tests.conftest import ROOT

Run = Callable[..., "subprocess.CompletedProcess[str]"]

REFERENCE = ROOT / "docs" / "reference"


@pytest.fixture(scope="module")
def check_site() -> Dict[str, Any]:
    """Return what docs/check_site.py defines."""
    return runpy.run_path(str(ROOT / "docs" / "check_site.py"))


def test_the_site_builds_and_its_links_lead_somewhere(run: Run, tmp_path: Path, check_site: Dict[str, Any]) -> None:
    pytest.importorskip("mkdocs")
    site = tmp_path / "site"
    # Python-Markdown and Material warn in words of their own: what MkDocs finds wrong, --strict makes an error.
    done = run(sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(site), cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert list(check_site["faults"](site)) == []
    page = (site / "reference" / "rasters.html").read_text(encoding="utf-8")
    assert 'id="planet_vector.open"' in page, "the reference lacks a function"
    assert (site / "reference" / "search.html").read_text(encoding="utf-8").count("<p>====") == 0


def test_the_reference_has_every_public_name() -> None:
    pages = "\n".join(page.read_text(encoding="utf-8") for page in sorted(REFERENCE.glob("*.md")))
    written = set(re.findall(r"^::: planet_vector\.(\w+)$", pages, re.M))
    functions = {name for name in planet_vector.__all__ if not name.endswith("Error") and name != "__version__"}
    assert functions <= written
    assert "::: planet_vector.errors\n" in pages  # with each error in it
    index = (REFERENCE / "index.md").read_text(encoding="utf-8")
    assert functions == set(re.findall(r"\[planet_vector\.(\w+)\]", index)) - {"PlanetVectorError"}


def test_pictures_are_of_the_commands_beside_them() -> None:
    """What docs/pictures_*.py draw is what the pages say how to draw."""
    drawn = (ROOT / "docs" / "pictures_maps.py").read_text(encoding="utf-8")
    area, summer = (re.findall(rf'^{name} = "(.+)"$', drawn, re.M)[0] for name in ("AREA", "SUMMER"))
    page = (ROOT / "docs" / "maps.md").read_text(encoding="utf-8")
    map_, mosaic = page.index("(img/map.png)"), page.index("(img/mosaic.png)")
    assert f'planet-vector map "PLANET:ortho?{summer}&{area}" -o map.html' in page[:map_]
    assert f'"{summer}"' in page[map_:mosaic] and f"&cloud_cover.estimated.lte=20&{area}" in page[map_:mosaic]
    drawn = (ROOT / "docs" / "pictures_stacks.py").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "stacks.md").read_text(encoding="utf-8")
    command = re.findall(r"^planet-vector stacks .*--sheet .*$", page[: page.index("(img/stack-sheet.png)")], re.M)[-1]
    words = re.findall(r'"([^"]+)"', drawn[drawn.index("search = [") : drawn.index("command = [")])
    assert len(words) > 5 and [word for word in words if word != "--overwrite" and word not in command] == []


@pytest.mark.parametrize(
    "body, fault",
    [
        ('<a href="other.html">', "index.html links to other.html, which is not there"),
        ('<a href="#nowhere">', "index.html links to #nowhere, which has no such anchor"),
        ('<a href="page.html#nowhere">', "index.html links to page.html#nowhere, which has no such anchor"),
        ('<img src="lost.png">', "index.html links to lost.png, which is not there"),
        ('<script src="https://cdn.example.org/x.js"></script>', "index.html loads https://cdn.example.org/x.js"),
        ('<link rel="stylesheet" href="//fonts.example.org/x.css">', "index.html loads //fonts.example.org/x.css"),
    ],
)
def test_a_broken_link_is_told(tmp_path: Path, check_site: Dict[str, Any], body: str, fault: str) -> None:
    (tmp_path / "index.html").write_text(f"<html>{body}</html>", encoding="utf-8")
    (tmp_path / "page.html").write_text('<h1 id="here">', encoding="utf-8")
    assert list(check_site["faults"](tmp_path)) == [fault]


def test_links_that_lead_somewhere_are_no_faults(tmp_path: Path, check_site: Dict[str, Any]) -> None:
    body = '<h1 id="top"><a href="#top"><a href="page.html#here"><a href="https://example.org/">'
    (tmp_path / "index.html").write_text(body, encoding="utf-8")
    (tmp_path / "page.html").write_text('<h1 id="here"><a href=".">', encoding="utf-8")
    assert list(check_site["faults"](tmp_path)) == []


@pytest.mark.parametrize(
    "text, written",
    [
        ("==  ==\n a   b\n==  ==\n 1   2|\n==  ==", "| a | b |\n| --- | --- |\n| 1 | 2\\| |"),
        ("==  ====\n1   two\n==  ====", "|  |  |\n| --- | --- |\n| 1 | two |"),
        ("a = b\n\n=====\nTitle\n", "a = b\n\n=====\nTitle\n"),
    ],
)
def test_tables_in_docstrings_become_tables_of_markdown(text: str, written: str) -> None:
    pytest.importorskip("griffe")
    tables = runpy.run_path(str(ROOT / "docs" / "docstring_tables.py"))
    assert tables["as_markdown"](text) == written
