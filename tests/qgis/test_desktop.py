"""The zip in the real desktop, on a screen nobody sees: search, add, save, open again, follow the map, unload.

With ``PLANET_SCREENSHOTS=docs/img`` in the environment the pictures are kept there, too.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any, Dict, Sequence

import pytest

from tests.conftest import KEY, ROOT, SERVICE_PYTHON, Start

PICTURES = ("qgis-search", "qgis-products", "qgis-analytic", "qgis-again", "qgis-browser")
KEPT = ("qgis-search", "qgis-products", "qgis-browser")
LATENCY = 0.5  # seconds that the service takes for each response
SHOTS = os.environ.get("PLANET_SCREENSHOTS", "")
PALETTE = """
import io
import sys
from PIL import Image
picture = Image.open(sys.argv[1]).convert("RGB")
for colours in (256, 160, 128, 96, 64):
    file = io.BytesIO()
    # A quarter of the bytes; other methods lose colours of small parts.
    picture.quantize(colours, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    if file.tell() <= 150_000:
        break
open(sys.argv[2], "wb").write(file.getvalue())
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("desktop")


@pytest.fixture(scope="module")
def seen(home: Path, start_service: Start, archive: Path) -> Dict[str, Any]:
    """Return what the script saw in the desktop, with the plugin in a profile of its own."""
    return drive(home, start_service(archive, "--latency", str(round(LATENCY * 1000))).url, "desktop.py", KEPT)


def drive(
    home: Path, url: str, script: str, kept: Sequence[str], seconds: int = 300, language: str = "en_US"
) -> Dict[str, Any]:
    """Run a script in the desktop, with the plugin in a profile of its own, and return its report."""
    if shutil.which("xvfb-run") is None or shutil.which("qgis") is None:
        pytest.skip("QGIS's desktop or xvfb is not installed: run 'make test'")
    spec = importlib.util.spec_from_file_location("plugin_build", ROOT / "qgis_plugin" / "build.py")
    assert spec is not None and spec.loader is not None
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    profile = home / "profiles" / "profiles" / "default"
    with zipfile.ZipFile(build.build(home / "dist")) as plugin:
        plugin.extractall(profile / "python" / "plugins")
    settings = profile / "QGIS" / "QGIS3.ini"
    settings.parent.mkdir()
    settings.write_text(f"[PythonPlugins]\nplanet_scenes=true\n[locale]\nuserLocale={language}\noverrideFlag=true\n")
    out = home / "out"
    out.mkdir()
    runtime = home / "runtime"
    runtime.mkdir(mode=0o700)
    temporary = home / "tmp"  # the script ends QGIS without time to clean up
    temporary.mkdir()
    environ = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(runtime),
        "TMPDIR": str(temporary),
        "DESKTOP_OUT": str(out),
        "DESKTOP_TESTS": str(ROOT / "tests" / "qgis"),
        "DESKTOP_URL": url,
        "DESKTOP_KEY": KEY,
    }
    log = home / "log.txt"
    with log.open("wb") as file:
        # No errors are expected: a desktop that hangs is ended, with all it started.
        screen = ["timeout", "--kill-after=5", str(seconds), "xvfb-run", "-a", "-s", "-screen 0 1600x1000x24"]
        desktop = ["qgis", "--nologo", "--noversioncheck", "--profiles-path", str(home / "profiles")]
        code = ["--code", str(ROOT / "tests" / "qgis" / script)]
        subprocess.run([*screen, *desktop, *code], env=environ, stdout=file, stderr=subprocess.STDOUT, check=False)
    assert (out / "report.json").exists(), log.read_text(errors="replace")
    report: Dict[str, Any] = json.loads((out / "report.json").read_text())
    assert "error" not in report, report["error"] + log.read_text(errors="replace")
    if SHOTS:
        for name in kept:
            files = (out / f"{name}.png", ROOT / SHOTS / f"{name}.png")
            subprocess.run([SERVICE_PYTHON, "-c", PALETTE, *map(str, files)], check=True)
    return report


def _summer(archive: Path) -> Dict[str, Any]:
    found = {}
    for path in archive.glob("*_metadata.json"):
        feature = json.loads(path.read_text())
        properties = feature["properties"]
        if (
            "/ortho/" in properties["links"]["self"]
            and "2015-06-01" <= properties["acquired"] < "2015-09-01"
            and properties["cloud_cover"]["estimated"] <= 50
            and feature["geometry"]["type"] == "Polygon"  # another lies across the antimeridian
        ):
            found[feature["id"]] = feature
    return found


def test_the_plugin_is_the_zips_and_no_other(seen: Dict[str, Any], home: Path) -> None:
    assert Path(seen["plugin"]).is_relative_to(home)
    assert seen["strangers"] == []


def test_nothing_that_is_done_is_warned_of(seen: Dict[str, Any]) -> None:
    assert seen["warnings"] == []


def test_a_search_is_listed_and_becomes_a_layer(seen: Dict[str, Any], archive: Path) -> None:
    assert sorted(seen["found"]) == sorted(_summer(archive))
    assert seen["features"] == len(seen["found"]) > 10


def test_products_are_added(seen: Dict[str, Any]) -> None:
    assert len(seen["rasters"]) == 3
    for raster, scene in zip(sorted(seen["rasters"]), sorted(seen["found"][:3])):
        assert scene in raster and "visual" in raster
    (analytic,) = seen["analytic"]
    assert seen["found"][3] in analytic


def test_a_saved_project_opens_again_with_live_results(seen: Dict[str, Any]) -> None:
    assert seen["saved"] and seen["opened"]
    assert seen["valid again"] == [True] * 5
    assert seen["features again"] == [len(seen["found"])]


def test_a_layer_follows_the_map(seen: Dict[str, Any], archive: Path) -> None:
    assert seen["on the land"] == sorted(_summer(archive))
    assert 0 < len(seen["in the corner"]) < len(seen["on the land"])
    assert set(seen["in the corner"]) < set(seen["on the land"])


def test_no_step_waits_for_the_service(seen: Dict[str, Any]) -> None:
    # What waits for a response waits for all of this time; how short the gaps are is test_responsive.py's.
    waits = seen["waits"]
    assert set(waits) > {"search", "add", "pan", "product", "download", "project", "follow", "browser", "unload"}
    assert max(waits.values()) < 0.9 * LATENCY, waits


def test_products_are_fetched(seen: Dict[str, Any]) -> None:
    assert seen["downloaded"] == sorted(f"{scene}_visual.tif" for scene in seen["found"][:3])


def test_the_browser_has_the_connection_and_what_is_in_it(seen: Dict[str, Any]) -> None:
    tree = seen["browser"]
    assert "Sample archive" in tree["Planet Scenes"]
    inside = "Planet Scenes/Sample archive"
    assert sorted(tree[inside]) == ["Basemaps", "Saved searches", "Scene types"]
    assert sorted(tree[f"{inside}/Scene types"]) == ["landsat", "ortho", "rapideye"]
    assert tree[f"{inside}/Saved searches"] == ["Summer"]


def test_unloading_leaves_the_layers_and_nothing_else(seen: Dict[str, Any]) -> None:
    assert seen["left"] == []
    assert seen["layers after"] == [True] * 5


def test_the_key_is_in_no_project_and_no_setting(seen: Dict[str, Any], home: Path) -> None:
    with zipfile.ZipFile(home / "out" / "project.qgz") as project:
        assert all(KEY.encode() not in project.read(name) for name in project.namelist())
        assert b"PLANET:ortho?" in project.read("project.qgs")
    holding = [path for path in home.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    # GDAL 3.6 takes a key from a file only; nobody else can read it.
    assert all(path.parent == home / ".config" / "planet_vector" for path in holding)
    assert all(path.stat().st_mode & 0o077 == 0 for path in holding)


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_show_a_map(seen: Dict[str, Any], home: Path, name: str) -> None:
    from qgis.PyQt.QtGui import QImage

    file = home / "out" / f"{name}.png"
    picture = QImage(str(file))
    assert (picture.width(), picture.height()) == (1280, 800)
    assert file.stat().st_size < 700_000
    middle = {picture.pixel(x, y) for x in range(350, 800, 3) for y in range(200, 700, 3)}
    assert len(middle) > 20, "nothing is drawn"
