"""What the documentation says is so: its code runs, its links lead somewhere, its help is the commands' help."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Callable, Iterator, List, NamedTuple

import pytest

from tests.conftest import HAS_FIONA, ROOT, Service

Run = Callable[..., "subprocess.CompletedProcess[str]"]

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

_BLOCK = re.compile(r"(?:^<!-- (?P<note>[^\n]*) -->\n)?^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.M | re.S)

_IN_QGIS = """\
from qgis.core import QgsApplication, QgsProject, QgsVectorLayer
application = QgsApplication([], False)
application.initQgis()
{code}
QgsProject.instance().clear()
del layer
application.exitQgis()
"""


class Block(NamedTuple):
    """A piece of code in a page."""

    page: Path
    line: int
    language: str
    note: str
    code: str


def _blocks() -> Iterator[Block]:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in _BLOCK.finditer(text):
            line = text.count("\n", 0, match.start("code")) + 1
            yield Block(page, line, match["language"], match["note"] or "", match["code"])


RUN = [b for b in _blocks() if b.language in ("bash", "python") and not b.note.startswith("not run here: ")]


def _name(block: Block) -> str:
    return f"{block.page.name}:{block.line}"


@pytest.mark.parametrize("block", RUN, ids=_name)
def test_the_code_of_the_documentation_runs(block: Block, service: Service, run: Run, tmp_path: Path) -> None:
    environ = service.environ
    if not HAS_FIONA and re.search(r"^fio |\| fio |^import fiona", block.code, re.MULTILINE):
        pytest.skip("fiona is not installed")
    if block.note == "in QGIS":
        qgis = ROOT / ".venv-qgis" / "bin" / "python"
        if not qgis.exists():
            pytest.skip("QGIS is not set up: run 'make test'")
        path = os.pathsep.join([str(qgis.parent), os.environ["PATH"]])
        tmp_path.chmod(0o700)  # as Qt wants its runtime folder
        environ.update(QT_QPA_PLATFORM="offscreen", XDG_RUNTIME_DIR=str(tmp_path), PATH=path)
        done = run(str(qgis), "-c", _IN_QGIS.format(code=block.code), env=environ, cwd=tmp_path)
    elif block.language == "python":
        # Nothing is set up but what the page says: the driver is known where register() was called.
        environ = {name: value for name, value in environ.items() if name != "GDAL_PYTHON_DRIVER_PATH"}
        done = run(sys.executable, "-c", block.code, env=environ, cwd=tmp_path)
    else:
        environ = {name: value for name, value in environ.items() if name != "GDAL_PYTHON_DRIVER_PATH"}
        done = run("bash", "-e", "-o", "pipefail", "-c", block.code, env=environ, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    made = [path for path in tmp_path.iterdir() if path.stat().st_size > 0]
    assert done.stdout.strip() or made, "it shows nothing"


def test_the_layer_of_the_readme_has_what_the_archive_has(service: Service, run: Run, tmp_path: Path) -> None:
    first = next(block for block in RUN if block.page.name == "README.md")
    done = run("bash", "-e", "-c", first.code, env=service.environ, cwd=tmp_path)
    features = [json.loads(path.read_text()) for path in service.archive.glob("*_metadata.json")]
    clear = [
        feature
        for feature in features
        if "/ortho/" in feature["properties"]["links"]["self"]
        and feature["properties"]["cloud_cover"]["estimated"] <= 20
    ]
    assert f"Feature Count: {len(clear)}\n" in done.stdout
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"reports {len(clear)} features" in readme and len(readme.splitlines()) < 250


def test_the_tutorials_are_the_six_of_the_specification() -> None:
    titles = re.findall(r"^## (.*)$", (ROOT / "docs" / "tutorials.md").read_text(encoding="utf-8"), re.M)
    assert len(titles) == 6


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = _BLOCK.sub("", page.read_text(encoding="utf-8"))
    links: List[str] = re.findall(r"\]\(([^)\s]+)\)", text)
    for link in links:
        if not link.startswith("https://"):
            assert (page.parent / link.partition("#")[0]).exists(), link


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    pages = {page.name for page in PAGES} - {"README.md", "index.md"}
    assert pages == {name for name in re.findall(r"\]\(([\w-]+\.md)\)", index)}


def test_the_page_of_commands_is_their_help(run: Run) -> None:
    code = "import runpy; print(runpy.run_path('docs/generate.py')['commands_page'](), end='')"
    done = run(sys.executable, "-c", code, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    written = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert written == done.stdout, "docs/commands.md is not what the commands say: run 'make docs'"
