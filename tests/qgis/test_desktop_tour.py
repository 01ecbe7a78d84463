"""A new user's twenty steps in the real desktop: what each takes, as the documentation states it, and what it makes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Dict, List

import numpy
import pytest
from osgeo import gdal

from tests.conftest import KEY, ROOT, Service
from tests.qgis.test_desktop import drive

pytestmark = pytest.mark.long

PAGE = ROOT / "docs" / "qgis-tour.md"
KEPT = ("qgis-log-in", "qgis-tour-ndvi", "qgis-tour-compare")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tour")


@pytest.fixture(scope="module")
def seen(home: Path, service: Service) -> Dict[str, Any]:
    return drive(home, service.url, "desktop_tour.py", KEPT, 600)


@pytest.fixture(scope="module")
def steps(seen: Dict[str, Any]) -> List[Dict[str, Any]]:
    found: List[Dict[str, Any]] = seen["steps"]
    return found


def made(steps: List[Dict[str, Any]], title: str) -> Dict[str, Any]:
    (step,) = [each for each in steps if each["title"].startswith(title)]
    return step


def test_the_documentation_states_the_steps_as_they_are(steps: List[Dict[str, Any]]) -> None:
    rows = re.findall(r"^\| (\d+) \| (.+?) \| (\d+) \| (\d+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    expected = [
        (str(number), step["title"], str(step["clicks"]), str(step["inputs"])) for number, step in enumerate(steps, 1)
    ]
    assert rows == expected and len(rows) == 20
    clicks, inputs = (sum(step[kind] for step in steps) for kind in ("clicks", "inputs"))
    assert f"**{clicks} clicks and {inputs} inputs**" in PAGE.read_text(encoding="utf-8")


def test_the_panel_is_there_at_the_first_start(seen: Dict[str, Any]) -> None:
    assert seen["shown at start"]


def test_the_search_finds_what_the_archive_has(steps: List[Dict[str, Any]], service: Service) -> None:
    found = made(steps, "*Search*")["found"]
    assert made(steps, "*Acquired*")["days"] == ["2015-06-01", "2015-08-31"]
    assert len(found) == len(set(found)) == made(steps, "*Layer*")["features"] > 10
    days = {re.match(r"\d{8}", name)[0] for name in found}  # type: ignore[index]
    assert min(days) >= "20150601" and max(days) <= "20150831"
    assert all((service.archive / f"{name}_analytic.tif").exists() for name in found)


def test_the_ndvi_is_that_of_the_file(steps: List[Dict[str, Any]], home: Path, service: Service) -> None:
    scene = made(steps, "Double-click")["scene"]
    assert scene in made(steps, "*Add product* ▸ *visual*")["rasters"][0]
    assert scene in made(steps, "*Add product* ▸ *NDVI*")["ndvi"]
    # Blue, green, red, near infrared: planet_vector/server/sample/cameras.py, which wrote the file.
    file = gdal.Open(str(service.archive / f"{scene}_analytic.tif"))
    bands = file.ReadAsArray().astype("float64")
    nodata = file.GetRasterBand(1).GetNoDataValue()
    red, nir = bands[2], bands[3]
    with numpy.errstate(invalid="ignore", divide="ignore"):
        expected = numpy.where((red == nodata) | (nir == nodata), numpy.nan, (nir - red) / (nir + red))
    here = numpy.load(home / "out" / "ndvi.npy")
    assert here.shape == expected.shape and 0.1 < numpy.isfinite(here).mean() <= 1
    assert numpy.allclose(here, expected, atol=1e-6, equal_nan=True)


def test_two_dates_are_compared_on_the_same_ground(steps: List[Dict[str, Any]]) -> None:
    days = made(steps, "*More*")["days"]
    assert len(days) > 3 and made(steps, "*One day*")["day"] == days[-2]
    first, chosen = made(steps, "*Compare*")["days"], made(steps, "Choose the day")
    assert first[0] != first[1] and chosen["days"][0] == first[0] and chosen["days"][1] not in first
    assert chosen["scales"][0] == pytest.approx(chosen["scales"][1], rel=1e-6)
    assert chosen["centres"][0] == pytest.approx(chosen["centres"][1], rel=1e-6)
    assert len(set(made(steps, "Close it")["days"])) == 2 and made(steps, "*Esc*")["swipe"]


def test_the_downloaded_file_is_that_of_the_archive(seen: Dict[str, Any], home: Path, service: Service) -> None:
    (product,) = seen["products"]
    scene = made(seen["steps"], "Double-click")["scene"]
    (file,) = (home / "out" / "files").glob("*")
    assert file.read_bytes() == (service.archive / f"{scene}_{product}.tif").read_bytes()
    assert gdal.Open(str(file)).RasterCount >= 3


def test_the_project_opens_again_as_it_was(seen: Dict[str, Any], home: Path) -> None:
    saved = made(seen["steps"], "*Save*")
    assert (seen["same"], saved["dirty"], saved["layers"] > 5) == (True, False, True)
    assert seen["features again"] == [made(seen["steps"], "*Layer*")["features"]]
    assert seen["days again"] == made(seen["steps"], "*More*")["days"]
    assert KEY.encode() not in (home / "out" / "fields.qgz").read_bytes()


def test_nothing_is_warned_of(seen: Dict[str, Any]) -> None:
    assert seen["warnings"] == []


@pytest.mark.parametrize("name", [*KEPT[1:], "qgis-tour-scene", "qgis-tour-again"])
def test_pictures_show_a_map(seen: Dict[str, Any], home: Path, name: str) -> None:
    from qgis.PyQt.QtGui import QImage

    picture = QImage(str(home / "out" / f"{name}.png"))
    assert (picture.width(), picture.height()) == (1280, 800)
    assert len({picture.pixel(x, y) for x in range(350, 800, 3) for y in range(200, 700, 3)}) > 20
