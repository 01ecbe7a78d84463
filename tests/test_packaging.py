"""What is released: the sdist has all that its tests need, the wheel is made from it and runs by itself."""

from __future__ import annotations

import configparser
import email
import email.message
import os
import re
import runpy
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Callable, Iterator, NamedTuple, Set

import pytest

import planet_vector
from tests.conftest import HAS_FIONA, ROOT, Service

Run = Callable[..., "subprocess.CompletedProcess[str]"]

_BLOCK = re.compile(r"(?:^<!-- (?P<note>[^\n]*) -->\n)?^```(?P<language>bash|python)\n(?P<code>.*?)^```$", re.M | re.S)


class Built(NamedTuple):
    """What `python -m build` made, and what it was made of."""

    kept: Set[str]
    sdist: Path
    wheel: Path


def _kept() -> Iterator[Path]:
    """Yield the files of the checkout that .gitignore does not name."""
    ignored = [line.rstrip("/") for line in (ROOT / ".gitignore").read_text(encoding="utf-8").split()]
    for folder, folders, names in os.walk(ROOT):
        place = Path(folder)
        folders[:] = [
            name for name in folders
            if name != ".git" and not any(
                Path(name).match(rule) or (place / name).relative_to(ROOT).as_posix() == rule for rule in ignored
            )
        ]  # fmt: skip
        for name in names:
            path = (place / name).relative_to(ROOT)
            if name != ".git" and not any(path.match(rule) for rule in ignored):
                yield path


def _metadata(wheel: Path) -> email.message.Message[str, str]:
    """Return the metadata of a wheel, with its description as payload."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_string(archive.read(name).decode())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Build the sdist from a copy of the checkout, and the wheel from the sdist."""
    pytest.importorskip("build")
    copy, out = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("dist")
    kept = list(_kept())
    for path in kept:
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, copy / path)
    done = subprocess.run(
        [sys.executable, "-m", "build", "--outdir", str(out), str(copy)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    names = {path.as_posix() for path in kept}
    return Built(names, next(out.glob("*.tar.gz")), next(out.glob("*.whl")))


@pytest.fixture(scope="module")
def unpacked(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the unpacked sdist."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(built.sdist) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.12 and 3.13 warn without it
        archive.extractall(folder)
    return next(folder.iterdir())


def test_the_sdist_has_every_file(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        held = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    assert len(built.kept) > 500
    assert built.kept - held == set(), "name it in MANIFEST.in"
    made = {"PKG-INFO", "setup.cfg"}
    assert {name for name in held - built.kept - made if not name.startswith("planet_vector.egg-info/")} == set()


def test_tests_run_from_the_sdist(unpacked: Path, run: Run) -> None:
    tests = ["tests/test_names.py", "tests/test_query.py", "tests/pixels/test_header.py", "tests/test_notices.py"]
    # Imports must be the sdist's own: its folder is the first that Python looks in.
    code = f"import planet_vector; assert planet_vector.__file__.startswith({str(unpacked)!r}), planet_vector.__file__"
    done = run(sys.executable, "-c", code, cwd=unpacked)
    assert done.returncode == 0, done.stderr
    done = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, cwd=unpacked)
    assert done.returncode == 0, done.stdout
    assert re.search(r"\d{2,} passed", done.stdout)


def test_the_sdist_holds_what_make_runs(unpacked: Path) -> None:
    makefile = (unpacked / "Makefile").read_text(encoding="utf-8")
    named = set(
        re.findall(r"(?<![\w./-])((?:tests|tools|docs|demo|benchmarks|qgis_plugin)/[\w/.-]+\.(?:py|sh))", makefile)
    )
    assert len(named) > 10
    assert [name for name in sorted(named) if not (unpacked / name).is_file()] == []


def test_the_wheel_says_what_it_is(built: Built) -> None:
    said = _metadata(built.wheel)
    with zipfile.ZipFile(built.wheel) as archive:
        names = archive.namelist()
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    assert said["Name"].replace("-", "_") == "planet_vector" and said["License"] == "MIT"
    assert set(said.get_all("Provides-Extra", [])) == set(parser["options.extras_require"])
    addresses = [entry.split(", ") for entry in said.get_all("Project-URL", [])]
    assert {"Documentation", "Source", "Changes", "Issues"} <= {name for name, _ in addresses}
    assert not {"tests", "docs"} & {name.split("/")[0] for name in names}


def test_links_of_readme_lead_to_the_tag_in_an_index(built: Built) -> None:
    text = _metadata(built.wheel).get_payload()
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    source = dict(line.split(" = ") for line in parser["metadata"]["project_urls"].strip().splitlines())["Source"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)\s]+)\)", readme)
    expected = [
        f"{source}/{'raw' if target.endswith('.jpg') else 'blob'}/v{planet_vector.__version__}/{target}"
        for target in targets
    ]
    assert len(targets) > 20 and re.findall(r"\]\(([^)\s]+)\)", text) == expected
    # Nothing else differs.
    assert re.sub(re.escape(f"{source}/") + r"(?:raw|blob)/v[\d.]+/", "", text).strip() == readme.strip()


def test_an_index_renders_readme(built: Built, run: Run) -> None:
    markdown = pytest.importorskip("readme_renderer.markdown")
    page = markdown.render(_metadata(built.wheel).get_payload())
    assert page is not None and "</h1>" in page and page.count("<table>") == 1
    loaded = re.findall(r'(?:href|src)="([^"#][^"]*)"', page)
    assert len(loaded) > 20 and {address.split(":")[0] for address in loaded} == {"https"}
    assert "not run here" not in page  # notes for the suite
    pytest.importorskip("twine")
    done = run(sys.executable, "-m", "twine", "check", "--strict", str(built.sdist), str(built.wheel))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "text, written",
    [
        ("[a](docs/b.md#c)", "[a](https://host/p/blob/v1.0/docs/b.md#c)"),
        ("![a b](c.jpg)", "![a b](https://host/p/raw/v1.0/c.jpg)"),
        ("[a](#here) [b](https://other/x) [c](mailto:d@e)", "[a](#here) [b](https://other/x) [c](mailto:d@e)"),
        ("`a[1](b)` (c)", "`a[1](https://host/p/blob/v1.0/b)` (c)"),
    ],
)
def test_relative_links_become_absolute(text: str, written: str) -> None:
    absolute = runpy.run_path(str(ROOT / "setup.py"))["absolute"]
    assert absolute(text, "https://host/p", "1.0") == written


def test_contributing_names_each_file_with_a_placeholder() -> None:
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = guide[guide.index("## Addresses") : guide.index("## Changes")]
    named = set(re.findall(r"`([\w./]+\.(?:cfg|md|yml|txt))`", section))
    placeholder = re.compile("example[.]org/planet_vector|planet_vector@example[.]org")
    holding = set()
    for path in _kept():
        try:
            text = (ROOT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if placeholder.search(text):
            holding.add(path.as_posix())
    assert named == holding


@pytest.mark.long
@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_the_recipes_of_the_readme_run_with_what_is_released(
    built: Built, service: Service, run: Run, tmp_path: Path, kind: str
) -> None:
    environment = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    python = environment / "bin" / "python"
    done = run(str(python), "-m", "pip", "install", "-qq", f"{getattr(built, kind)}[geo,server]", timeout=600)
    assert done.returncode == 0, done.stderr
    path = os.pathsep.join([str(python.parent), os.environ["PATH"]])
    environ = {name: value for name, value in service.environ.items() if not name.startswith("GDAL_")}
    environ.update(PATH=path, VIRTUAL_ENV=str(environment))
    work = tmp_path / "work"
    work.mkdir()
    ran = 0
    for block in _BLOCK.finditer((ROOT / "README.md").read_text(encoding="utf-8")):
        note, code = block["note"] or "", block["code"]
        reports = note.startswith("not run here: it prints")  # on stderr
        if (note and not reports) or (not HAS_FIONA and "fio " in code):
            continue
        command = ["bash", "-e", "-o", "pipefail", "-c"] if block["language"] == "bash" else [str(python), "-c"]
        done = run(*command, code, env=environ, cwd=work)
        assert done.returncode == 0 and (reports or done.stderr == ""), (code, done.stderr)
        ran += 1
    assert ran >= 11 if HAS_FIONA else ran >= 10
    made = {path.name for path in work.iterdir() if path.stat().st_size}
    assert {"scenes.gpkg", "part.tif", "small.tif", "scenes", "folder", "mosaic.tif", "dates.png", "map.html"} <= made
    done = run("planet-vector", "sample", "archive", "--size", "small", env=environ, cwd=work)
    assert done.returncode == 0 and len(list((work / "archive").glob("*_metadata.json"))) > 50
    where = run(str(python), "-c", "import planet_vector; print(planet_vector.__file__)", cwd=work).stdout
    assert where.startswith(str(environment))
