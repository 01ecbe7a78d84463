"""The locator: a scene found by its id, gone to, and added."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Callable, List

import pytest
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsFeedback,
    QgsLocator,
    QgsLocatorContext,
    QgsLocatorResult,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
)
from qgis.PyQt.QtWidgets import QPushButton

from planet_scenes.connection import Connection
from planet_scenes.connections import connections
from planet_scenes.locator import Filter
from planet_vector import keys
from tests.conftest import KEY, Service
from tests.qgis.conftest import Desktop, wait_for


def _results(text: str, prefix: bool = True, feedback: Any = None) -> List[QgsLocatorResult]:
    """Ask as QGIS's locator does: prepared on the main thread, fetched by a copy."""
    found: List[QgsLocatorResult] = []
    copy = Filter().clone()
    copy.resultFetched.connect(found.append)
    context = QgsLocatorContext()
    context.usingPrefix = prefix
    copy.prepare(text, context)
    copy.fetchResults(text, context, feedback or QgsFeedback())
    _results.kept = copy  # type: ignore[attr-defined]
    return found


@pytest.fixture(autouse=True)
def _current(connection: Connection) -> None:
    connections().set_current(connection.name)


@pytest.fixture(scope="module")
def scene(archive: Path) -> Any:
    feature = json.loads(sorted(archive.glob("2015061*_metadata.json"))[0].read_text())
    assert "/ortho/" in feature["properties"]["links"]["self"]
    return feature


def test_a_scene_is_found_by_its_id(connection: Connection, scene: Any) -> None:
    (result,) = _results(f" {scene['id']} ")
    assert result.displayString == scene["id"]
    assert result.description.startswith(f"ortho, {scene['properties']['acquired'][:10]}")
    assert f"{scene['properties']['cloud_cover']['estimated']:.0f} % cloud" in result.description
    assert [action.text for action in result.actions] == ["Add its footprint", "Add its product visual"]


@pytest.mark.parametrize("typed", ["pl {id}", "PL  {id} ", "planet {id}", "{id}", "plan {id}"])
def test_qgis_s_locator_finds_it_without_waiting(
    make_connection: Callable[..., Any], slow_service: Service, scene: Any, typed: str
) -> None:
    connections().set_current(make_connection(slow_service, "slow").name)
    locator = QgsLocator()
    locator.registerFilter(Filter())
    found: List[str] = []
    locator.foundResult.connect(lambda result: found.append(result.displayString))
    begin = time.monotonic()
    locator.fetchResults(typed.format(id=scene["id"]), QgsLocatorContext())
    assert time.monotonic() - begin < 0.4  # seconds; an answer takes half a one
    wait_for(lambda: not locator.isRunning())
    asked = typed.lower().startswith(("pl ", "planet "))
    assert found == ([scene["id"]] if asked else [])


def test_a_key_that_is_gone_is_said(connection: Connection, scene: Any) -> None:
    QgsApplication.authManager().removeAuthenticationConfig(connection.authcfg)
    keys._lent.clear()
    (result,) = _results(scene["id"])
    assert "log in again" in result.displayString


def test_scenes_of_other_types_are_found_too(connection: Connection, archive: Path) -> None:
    landsat = sorted(archive.glob("LC8*_metadata.json"))[0].name.replace("_metadata.json", "")
    (result,) = _results(landsat)
    assert result.description.startswith("landsat, ")


@pytest.mark.parametrize("text", ["short", "", "not an id at all", "../../etc/passwd"])
def test_what_is_no_scene_finds_nothing(connection: Connection, text: str) -> None:
    assert _results(text) == []


def test_nothing_is_asked_without_the_prefix_or_after_a_change_of_mind(connection: Connection, scene: Any) -> None:
    assert _results(scene["id"], prefix=False) == []
    gone = QgsFeedback()
    gone.cancel()
    assert _results(scene["id"], feedback=gone) == []


def test_what_goes_wrong_is_a_result_that_says_so(connection: Connection, scene: Any) -> None:
    connections().log_out("sample")
    (result,) = _results(scene["id"])
    assert "key" in result.displayString and KEY not in result.displayString
    Filter().triggerResult(result)  # does nothing


def test_a_result_goes_there_and_offers_the_scene(connection: Connection, desktop: Desktop, scene: Any) -> None:
    desktop.canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    desktop.canvas.setExtent(QgsRectangle(0, 0, 1, 1))
    (result,) = _results(scene["id"])
    Filter().triggerResult(result)
    west, south = scene["geometry"]["coordinates"][0][0]
    assert desktop.canvas.extent().buffered(1e-6).contains(QgsRectangle(west, south, west, south))
    assert desktop.canvas.extent().width() < 0.5
    (item,) = desktop.bar.items()
    buttons = {button.text(): button for button in item.findChildren(QPushButton)}
    buttons["Add its product visual"].click()
    layer = wait_for(lambda: list(QgsProject.instance().mapLayers().values()))[0]
    assert isinstance(layer, QgsRasterLayer) and layer.isValid()
    assert KEY not in layer.source()


def test_an_action_adds_the_footprint(connection: Connection, desktop: Desktop, scene: Any) -> None:
    (result,) = _results(scene["id"])
    Filter().triggerResultFromAction(result, result.actions[0].id)
    layer = wait_for(lambda: list(QgsProject.instance().mapLayers().values()))[0]
    assert [feature["id"] for feature in layer.getFeatures()] == [scene["id"]]
