"""The package as it is installed: from a wheel, and in place; what comes along, and what importing it costs."""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Callable, Dict

import pytest

from tests.conftest import ROOT, Service, needs_fiona

Run = Callable[..., "subprocess.CompletedProcess[str]"]

_WHERE = """
import json, planet_vector, planet_vector.plugins
from planet_vector.driver.registration import plugin_directory
print(json.dumps([planet_vector.__file__, list(planet_vector.plugins.__path__), str(plugin_directory())]))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wheel of the checkout, made from a copy of what is kept in it."""
    copy = tmp_path_factory.mktemp("copy")
    for name in ("setup.cfg", "setup.py", "pyproject.toml", "README.md", "LICENSE", "THIRD_PARTY_NOTICES.md"):
        shutil.copy(ROOT / name, copy)
    for name in ("planet_vector", "plugins"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    out = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "-qq", "wheel", "--no-deps", "--wheel-dir", str(out), str(copy)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return next(out.glob("planet_vector-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that the wheel is unpacked in, as an installer does it."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_the_wheel_holds_every_file(wheel: Path) -> None:
    kept = {
        f"{prefix}{path.relative_to(ROOT)}"
        for folder, prefix in (("planet_vector", ""), ("plugins", "planet_vector/"))
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert "planet_vector/py.typed" in kept
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    held = {name for name in names if ".dist-info/" not in name}
    assert {"LICENSE", "THIRD_PARTY_NOTICES.md"} <= {Path(name).name for name in names if ".dist-info/" in name}
    assert kept <= held
    assert not {name for name in held if name.split("/")[0] != "planet_vector"}


def test_the_wheel_names_the_entry_points(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith("entry_points.txt"))
        entries = configparser.ConfigParser()
        entries.read_string(archive.read(name).decode())
    assert {section: dict(entries[section]) for section in entries.sections()} == {
        "console_scripts": {"planet-vector": "planet_vector.cli:main"},
        "fiona.fio_plugins": {"planet": "planet_vector.plugins.fio_planet:planet"},
        "rasterio.rio_plugins": {"planet": "planet_vector.plugins.rio_planet:planet"},
    }


def test_from_a_wheel_the_plugins_lie_in_the_package(installed: Path, run: Run, tmp_path: Path) -> None:
    # -S and -E keep the checkout's own installation out.
    code = f"import sys; sys.path[:0] = [{str(installed)!r}]\n{_WHERE}"
    done = run(sys.executable, "-E", "-S", "-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    package, plugins, directory = json.loads(done.stdout)
    assert Path(package) == installed / "planet_vector" / "__init__.py"
    assert [Path(path) for path in plugins] == [installed / "planet_vector" / "plugins"]
    assert Path(directory) == installed / "planet_vector" / "plugins"
    assert {path.name for path in Path(directory).glob("*.py")} == {
        path.name for path in (ROOT / "plugins").glob("*.py")
    }


def test_from_a_wheel_the_driver_opens_names(installed: Path, service: Service, run: Run, tmp_path: Path) -> None:
    environ: Dict[str, str] = {
        **service.environ,
        "GDAL_PYTHON_DRIVER_PATH": str(installed / "planet_vector" / "plugins"),
        "PYTHONPATH": str(installed),
    }
    done = run("ogrinfo", "-ro", "PLANET:", env=environ, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "ortho (Multi Polygon)" in done.stdout


def test_in_place_the_plugins_lie_in_the_checkout(run: Run, tmp_path: Path) -> None:
    done = run(sys.executable, "-c", _WHERE, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    package, plugins, directory = json.loads(done.stdout)
    assert Path(package) == ROOT / "planet_vector" / "__init__.py"
    assert [Path(path) for path in plugins] == [ROOT / "plugins"] == [Path(directory)]


@pytest.mark.parametrize("entry", ["fio_planet", "rio_planet"])
def test_the_entry_points_import_nothing_heavy(run: Run, entry: str) -> None:
    # fiona's table of drivers is written to, and fio has imported it before.
    heavy = {"numpy", "pyogrio", "rasterio", "requests", "shapely", "fastapi", "osgeo"}
    code = f"import sys, planet_vector.plugins.{entry}; print(*sorted(set(sys.modules) & {heavy!r}))"
    done = run(sys.executable, "-c", code)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


@needs_fiona
def test_stock_fio_knows_names_with_no_set_up(service: Service, run: Run) -> None:
    environ = {name: value for name, value in service.environ.items() if not name.startswith(("GDAL_", "PLANET_"))}
    done = run("fio", "ls", "PLANET:", env=environ)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["landsat", "ortho", "rapideye"]
    counted = run("fio", "info", "PLANET:ortho?cloud_cover.estimated.lte=5", "--count", env=environ)
    printed = run("fio", "cat", "--layer", "1:ortho", "PLANET:ortho?cloud_cover.estimated.lte=5", env=environ)
    assert printed.stderr == ""
    assert int(counted.stdout) == len(printed.stdout.splitlines()) > 0


def test_stock_rio_knows_names_with_no_set_up(service: Service, run: Run) -> None:
    environ = {name: value for name, value in service.environ.items() if not name.startswith(("GDAL_", "PLANET_"))}
    scene = run("planet-vector", "search", "--limit", "1", "--names", env=environ).stdout.strip()
    done = run("rio", "info", "--subdatasets", scene, env=environ)
    assert done.returncode == 0, done.stderr
    # The first is described by a VRT, the second named by its link.
    assert re.findall(r"(?:full%3Fproduct%3D|-)(visual|analytic)\b", done.stdout) == ["visual", "analytic"]


def test_stock_rio_says_why_a_product_has_no_pixels(service: Service, run: Run) -> None:
    scene = run("planet-vector", "search", "--limit", "1", "--names", env=service.environ).stdout.strip()
    done = run("rio", "info", f"{scene}/visual", env=service.environ)
    assert done.returncode == 0 and json.loads(done.stdout)["count"] == 0
    assert f"'{scene}/visual' opens as a container without pixels of its own" in done.stderr
    quiet = run("rio", "info", "--subdatasets", scene, env=service.environ)
    assert "container" not in quiet.stderr
    # GDAL's own programs list the subdataset.
    done = run("gdalinfo", f"{scene}/visual", env=service.environ)
    assert "SUBDATASET_1_NAME=" in done.stdout and "container" not in done.stderr


@pytest.mark.parametrize("products", ["nosuch", "visual,nosuch"])
def test_a_product_that_a_scene_lacks_is_an_error_in_stock_programs(service: Service, run: Run, products: str) -> None:
    scene = run("planet-vector", "search", "--limit", "1", "--names", env=service.environ).stdout.strip()
    lacks = f"PLANET: Scene {scene.rpartition('/')[2]} has no product 'nosuch'; it has: "
    done = run("rio", "info", f"{scene}/{products}", env=service.environ)
    assert done.returncode == 1 and lacks in done.stderr.splitlines()[-1]
    done = run("gdalinfo", f"{scene}/{products}", env=service.environ)
    assert done.returncode == 1 and lacks in done.stderr
    assert "512, 512" not in done.stdout


def test_what_is_not_installed_is_named(run: Run, tmp_path: Path) -> None:
    """Without the extra ``server``, the commands that need it say which one to install."""
    code = (
        "import sys; sys.modules['fastapi'] = None; sys.argv[1:] = ['serve', '.']\n"
        "from planet_vector.cli import main; main()"
    )
    done = run(sys.executable, "-c", code, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: This needs fastapi") and "planet_vector[server" in done.stderr
