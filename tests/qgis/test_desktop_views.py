"""Dates in the real desktop: day by day with the temporal controller, two maps, a swipe, the scenes at a place."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import pytest

from tests.conftest import Service
from tests.qgis.test_desktop import drive

pytestmark = pytest.mark.long

KEPT = ("qgis-days", "qgis-compare", "qgis-swipe", "qgis-place")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, service: Service) -> Dict[str, Any]:
    return drive(tmp_path_factory.mktemp("views-of-dates"), service.url, "desktop_views.py", KEPT, 300)


def test_days_play_in_the_temporal_controller_and_by_keys(seen: Dict[str, Any]) -> None:
    days = seen["days"]
    assert {"visual", "analytic"} <= set(seen["offered"]) and len(days) > 3
    assert seen["frames"] > len(days)
    assert (f"(1 of {len(days)})" in seen["first day"], f"(3 of {len(days)})" in seen["third day"]) == (True, True)


def test_two_maps_show_two_dates_at_one_scale(seen: Dict[str, Any]) -> None:
    left, right = seen["compared"]
    assert left != right
    assert seen["scales"][0] == pytest.approx(seen["scales"][1], rel=1e-6)
    assert (seen["swiped"], seen["swipe left"]) == (seen["compared"], 0)


def test_the_scenes_at_a_place_have_chips(seen: Dict[str, Any]) -> None:
    assert seen["chips"] > 3 and "scenes – latitude 47.88" in seen["said"]


def test_a_saved_project_has_its_days_again(seen: Dict[str, Any]) -> None:
    assert seen["days without project"] == [] and seen["days again"] == seen["days"]
    assert all(seen["valid again"]) and seen["first day again"] == seen["first day"]


def test_nothing_is_warned_of_or_left(seen: Dict[str, Any]) -> None:
    assert (seen["warnings"], seen["left"], seen["marks left"]) == ([], [], 0)


@pytest.mark.parametrize("name", KEPT)
def test_pictures_are_of_the_whole_window(seen: Dict[str, Any], name: str, tmp_path_factory: Any) -> None:
    from qgis.PyQt.QtGui import QImage

    (file,) = Path(tmp_path_factory.getbasetemp()).glob(f"views-of-dates0/out/{name}.png")
    picture = QImage(str(file))
    assert (picture.width(), picture.height()) == (1280, 800)
    assert len({picture.pixel(x, y) for x in range(350, 800, 3) for y in range(150, 400, 3)}) > 20
