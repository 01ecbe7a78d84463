"""What goes wrong is told in a sentence; nothing is empty without a word."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from qgis.core import QgsProject, QgsRectangle

from planet_scenes import layers, products, reopening
from planet_scenes.connections import connections
from planet_scenes.projects import Projects
from planet_scenes.watch import Watch
from planet_vector.driver import gdal_errors
from planet_vector.vector.result_cache import CACHE
from tests.conftest import Service, Start
from tests.qgis.conftest import Desktop, inked, outcome, render, settle, summer_at, wait_for
from tests.qgis.test_products import pixels, scenes_of

AREA = QgsRectangle(11.9, 47.8, 12.1, 48.0)


@pytest.fixture
def watch(desktop: Desktop) -> Iterator[Watch]:
    made = Watch(lambda name: None)
    made.start()
    yield made
    made.stop()
    assert made._hear not in gdal_errors.LISTENERS


def add(connection: Any) -> Any:
    name = summer_at(connection)
    return outcome(lambda done: layers.add_search_layer(connection, name, "Summer", done))


def test_a_wrong_key(make_connection: Callable[..., Any], service: Service, desktop: Desktop) -> None:
    make_connection(service, "sample", log_in=False)
    connections().log_in("sample", "0" * 32)
    connection = connections().get("sample")
    layers.add_search_layer(connection, summer_at(connection), "Summer")
    wait_for(desktop.said)
    assert "refused the key" in desktop.said()[0] and "0" * 32 not in desktop.said()[0]
    assert not QgsProject.instance().mapLayers()


def test_a_service_that_is_down(
    make_connection: Callable[..., Any], start_service: Start, archive: Path, desktop: Desktop
) -> None:
    service = start_service(archive)
    connection = make_connection(service, "down")
    service.stop()
    layers.add_search_layer(connection, summer_at(connection), "Summer")
    wait_for(desktop.said)
    assert "check that it is running" in desktop.said()[0]
    assert not QgsProject.instance().mapLayers()


def test_a_service_that_goes_down_behind_an_open_layer(
    make_connection: Callable[..., Any], start_service: Start, archive: Path, desktop: Desktop, watch: Watch
) -> None:
    service = start_service(archive)
    layer = add(make_connection(service, "down"))
    assert inked(render([layer], AREA)) > 0
    service.stop()
    assert inked(render([layer], AREA)) > 0  # what is known is still drawn
    CACHE.clear()
    assert inked(render([layer], AREA)) == 0  # QGIS draws nothing, and says nothing
    wait_for(desktop.said)
    assert "check that it is running" in desktop.said()[0]
    render([layer], AREA)
    settle()
    assert len(desktop.said()) == 1  # once, however often QGIS reads


def test_a_search_that_is_cancelled_adds_nothing(
    make_connection: Callable[..., Any], slow_service: Service, desktop: Desktop
) -> None:
    connection = make_connection(slow_service, "slow")
    task = layers.add_search_layer(connection, summer_at(connection), "Summer")
    task.cancel()
    settle()
    assert desktop.said() == [] and not QgsProject.instance().mapLayers()


def test_logging_out_with_layers_open(
    make_connection: Callable[..., Any], service: Service, desktop: Desktop, watch: Watch
) -> None:
    connection = make_connection(service, "sample")
    layer = add(connection)
    (raster,) = outcome(lambda done: products.add_products(connection, scenes_of(connection)[:1], "visual", done))
    projects = Projects(lambda name: None)
    projects.start()
    connections().log_out("sample")
    assert inked(render([layer], AREA)) == 0
    wait_for(desktop.said)
    assert "no key was sent" in desktop.said()[0]
    assert layer.isValid() and raster.isValid()
    connections().log_in("sample", service.key)
    settle()
    assert inked(render([layer], AREA)) > 0
    assert pixels(raster.source()).any()
    projects.stop()


def test_a_signature_that_has_ended_is_renewed(
    make_connection: Callable[..., Any], start_service: Start, archive: Path, desktop: Desktop
) -> None:
    service = start_service(archive, "--redirect", "signed")
    connection = make_connection(service, "signed")
    scene = scenes_of(connection, summer_at(connection))[0]
    (layer,) = outcome(lambda done: products.add_products(connection, [scene], "visual", done))
    signed = Path(layer.source()).read_text()  # the VRT names the address
    assert "ignature" in signed
    first = pixels(layer.source())
    again = reopening.reopened(connection.catalog(), str(layer.customProperty(layers.NAME)), reopening.Failures())
    assert Path(again).read_text() != signed
    layers.reopen(layer, again)
    assert layer.isValid() and (pixels(layer.source()) == first).all()
    service.stop()


def test_two_connections_with_two_keys_at_once(
    make_connection: Callable[..., Any], start_service: Start, service: Service, archive: Path, desktop: Desktop
) -> None:
    other = start_service(archive, key="another-key-altogether")
    here, there = make_connection(service, "here"), make_connection(other, "there")
    both = [add(here), add(there)]
    assert [layer.featureCount() for layer in both] == [both[0].featureCount()] * 2
    assert all(inked(render([layer], AREA)) > 0 for layer in both)
    connections().log_out("there")
    assert inked(render([both[0]], AREA)) > 0
    other.stop()


def test_a_fault_of_the_plugin_is_told_and_logged(desktop: Desktop) -> None:
    from qgis.core import QgsApplication

    from planet_scenes.tasks import Task

    heard = []
    QgsApplication.messageLog().messageReceived.connect(lambda text, tab, level: heard.append(text))
    Task.start("broken", lambda feedback: 1 // 0)
    wait_for(desktop.said)
    assert "division" in desktop.said()[0] and any("test_faults.py" in text for text in heard)
    desktop.bar.clearWidgets()
    Task.start("broken", lambda feedback: 1, lambda result: result.nothing)
    wait_for(desktop.said)
    assert "nothing" in desktop.said()[0]
