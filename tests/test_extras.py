"""Extras: what a client without them can do, and what commands and functions say where a library is missing."""

from __future__ import annotations

import configparser
import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Callable, Dict, List

import pytest

from planet_vector.extras import EXTRAS
from tests.conftest import KEY, ROOT, Service

Run = Callable[..., "subprocess.CompletedProcess[str]"]

SEARCH = "PLANET:ortho?cloud_cover.estimated.lte=20&limit=5"
STACKS = ["stacks", "POINT (12 47.88)", "--distinct-days", "--min-area", "1e6", "--rectangle", "--crop", "crops"]

_WITHOUT = """
import sys

class Missing:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in {libraries!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing)
for name in [name for name in sys.modules if name.partition(".")[0] in {libraries!r}]:
    del sys.modules[name]  # a namespace that a .pth file makes
{code}
"""
_COMMAND = "sys.argv[1:] = {arguments!r}; from planet_vector.cli import main; main()"


def _without(libraries: List[str], code: str) -> List[str]:
    """Return a command that runs code in a Python that lacks libraries."""
    return [sys.executable, "-c", _WITHOUT.format(libraries=libraries, code=code)]


def _all_but(*extras: str) -> List[str]:
    """Return the libraries that none of some extras installs."""
    kept = {library for extra in extras for library in EXTRAS[extra]}
    kept |= {"pystac", "pyproj"} if "geo" in extras else set()  # come along with stac-geoparquet, geopandas
    return sorted({library for libraries in EXTRAS.values() for library in libraries} - kept)


@pytest.mark.parametrize(
    "arguments, library, extra",
    [
        (["map", SEARCH, "-o", "map.html"], "xstatic", "maps"),
        (["map", SEARCH, "--serve"], "xstatic", "maps"),
        ([*STACKS, "--sheet", "sheet.png"], "PIL", "pictures"),
        ([*STACKS, "--animate", "dates.gif"], "PIL", "pictures"),
        (["search", "--limit", "2", "--geoparquet", "scenes.parquet"], "stac_geoparquet", "geo"),
        (["serve", "."], "fastapi", "server"),
        (["serve", "."], "PIL", "server"),
        (["serve", "."], "xstatic", "server"),
        (["index", "."], "pyproj", "server"),
    ],
)
def test_a_command_names_the_extra_it_lacks(
    arguments: List[str], library: str, extra: str, run: Run, tmp_path: Path
) -> None:
    # There is no service: a command that asked one before it looked for the library would say so.
    code = _COMMAND.format(arguments=arguments)
    environ = {**os.environ, "PL_API_URL": "http://127.0.0.1:9/v0/", "PL_API_KEY": KEY}
    done = run(*_without([library], code), env=environ, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        f"Error: This needs {library}, which is not installed: pip install 'planet_vector[{extra}]'.\n"
    )
    assert not list(tmp_path.iterdir()), "it began before it looked"


@pytest.mark.parametrize(
    "code, library, extra",
    [
        (f"planet_vector.write_map({SEARCH!r}, 'map.html')", "xstatic", "maps"),
        ("planet_vector.to_xarray([])", "odc", "xarray"),
        ("from planet_vector.stac_export import write_geoparquet; write_geoparquet([], 'a')", "stac_geoparquet", "geo"),
    ],
)
def test_a_function_names_the_extra_it_lacks(code: str, library: str, extra: str, run: Run, tmp_path: Path) -> None:
    done = run(*_without([library], f"import planet_vector; {code}"), cwd=tmp_path)
    assert done.stderr.splitlines()[-1] == (
        f"ModuleNotFoundError: This needs {library}, which is not installed: pip install 'planet_vector[{extra}]'."
    )


@pytest.mark.parametrize(
    "arguments, extras, made",
    [
        (["map", SEARCH, "-o", "map.html"], ["maps"], "map.html"),
        ([*STACKS, "--sheet", "sheet.png", "--animate", "dates.gif"], ["pictures"], "dates.gif"),
        (["search", "--limit", "2", "--geoparquet", "scenes.parquet"], ["geo"], "scenes.parquet"),
        (STACKS, [], "crops"),
        (["thumbnails", "-", "-o", "thumbnails"], [], ""),
        (["download", SEARCH, "-o", "scenes", "--dry-run"], [], ""),
    ],
)
def test_a_command_needs_its_own_extra_only(
    arguments: List[str], extras: List[str], made: str, service: Service, run: Run, tmp_path: Path
) -> None:
    code = _COMMAND.format(arguments=arguments)
    done = run(*_without(_all_but(*extras), code), env=service.environ, cwd=tmp_path, input="")
    assert "This needs" not in done.stderr
    assert not made or (done.returncode == 0 and (tmp_path / made).exists()), done.stderr


def test_the_table_is_that_of_the_packaging() -> None:
    """Each library in the table is in the extra it is said to be in, and in no other."""
    if sys.version_info < (3, 10):
        pytest.skip("Python 3.9 does not know which package a module is of")
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    wanted: Dict[str, set[str]] = {
        extra: {_normal(line) for line in parser["options.extras_require"][extra].splitlines() if line[:1] not in "#"}
        for extra in EXTRAS
    }
    packages = importlib.metadata.packages_distributions()
    # What comes along with another: pandas with geopandas, Starlette with FastAPI.
    along = {"pandas": "geopandas", "starlette": "fastapi"}
    for extra, libraries in EXTRAS.items():
        found = {along.get(library) or _installed(packages[library], wanted[extra]) for library in libraries}
        assert found == wanted[extra], extra
    assert wanted["maps"] | wanted["pictures"] <= wanted["server"]
    page = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \| .* \| .* \|$", page, re.M)) >= set(EXTRAS)


def _installed(distributions: List[str], wanted: set[str]) -> str:
    return next((_normal(name) for name in distributions if _normal(name) in wanted), str(distributions))


def _normal(requirement: str) -> str:
    """Return the name of a package as packaging tools compare it."""
    name = re.split(r"[\s\[<>=;]", requirement.strip(), maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()
