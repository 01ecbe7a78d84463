"""Two connections of one origin, of every two kinds, with two keys: each goes where it belongs, seen on the wire."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterator, List, Set, Tuple

import pytest
from osgeo import gdal
from qgis.core import QgsMapLayer, QgsProject
from qgis.PyQt.QtWidgets import QPushButton

from planet_scenes import layers
from planet_scenes.connection import Connection
from planet_scenes.connections import connections
from planet_scenes.log_in_fields import BEARER
from planet_scenes.projects import Projects
from planet_scenes.watch import Watch
from planet_vector.keys import Key
from planet_vector.vector.result_cache import CACHE
from tests.conftest import KEY, Start
from tests.qgis.conftest import Desktop, inked, outcome, render, settle, wait_for
from tests.qgis.test_products import add, pixels, scenes_of
from tests.raster.recording import Answer, Recorder, Request
from tests.two_services import OTHER_KEY, keys_seen, two_services

NAMES = {"first": "a", "second": "b"}  # the first part of the path of each
KEYS = {"first": KEY, "second": OTHER_KEY}
ROOTS = {"v0": "v0/", "data-v1": "data/v1/", "stac": "stac/"}
WRONG = "baadbaadbaadbaadbaadbaadbaadbaad"
PAIRS = [
    ("data-v1", "stac"),
    *(
        pytest.param(*pair, marks=pytest.mark.long)
        for pair in (("v0", "data-v1"), ("stac", "v0"), ("v0", "v0"), ("stac", "stac"))
    ),
]


@pytest.fixture(scope="module")
def services(archive: Path, start_service: Start) -> Iterator[Recorder]:
    with two_services(start_service, archive) as recorder:
        yield recorder


@pytest.fixture
def origin(services: Recorder) -> Iterator[Recorder]:
    """Return the origin, whose answers a test may replace."""
    services.seen.clear()
    answer = services.answer
    yield services
    services.answer = answer


def connect(origin: Recorder, name: str, kind: str) -> Connection:
    connections().add(Connection(name, f"{origin.url}/{NAMES[name]}/{ROOTS[kind]}", kind=kind))
    log_in(name, kind)
    return connections().get(name)


def log_in(name: str, kind: str, key: str = "") -> None:
    connections().log_in(name, Key(key or KEYS[name], scheme=BEARER if kind == "stac" else ""))


def seen_by(origin: Recorder) -> Dict[str, Set[str]]:
    """Return the keys that each received since the last call; an empty text is a request without one."""
    found = keys_seen(origin)
    origin.seen.clear()
    return {name: set(found[part]) for name, part in NAMES.items()}


def test_each_key_goes_where_it_belongs(origin: Recorder, desktop: Desktop) -> None:
    """By turns, and drawn together: searches, pictures, products with the tiles that are their overviews."""
    for name in NAMES:
        connect(origin, name, "v0")
    shown = []
    for name in ("first", "second", "first"):
        connection = connections().get(name)
        search = f"PLANET:ortho?limit=3&connection={name}"
        layer = outcome(lambda done, search=search, it=connection: layers.add_search_layer(it, search, "Found", done))
        assert layer.featureCount() == 3
        scene = scenes_of(connection, search)[0]
        assert scene.thumbnail()
        (raster,) = add(connection, [scene], "visual")
        assert pixels(raster.source()).any()
        shown += [layer, raster]
    assert inked(render(shown, raster.extent(), raster.crs().authid(), 120)) > 0.3
    seen = seen_by(origin)
    assert seen["first"] - {""} == {KEY} and seen["second"] - {""} == {OTHER_KEY}
    kept = "".join(layer.source() for layer in QgsProject.instance().mapLayers().values())
    assert KEY not in kept and OTHER_KEY not in kept


class Map:
    """A search and a product of each connection, read again at each look.

    Parameters
    ----------
    canvas : QgsMapCanvas
        The map, whose errors the plugin hears.
    file : Path
        A file that is open as a VRT all along: GDAL keeps failures as long as any is.

    Attributes
    ----------
    layers : dict of str to (QgsMapLayer, QgsMapLayer)
        The two layers, by connection.
    """

    def __init__(self, canvas: Any, file: Path) -> None:
        self.layers: Dict[str, Tuple[Any, Any]] = {}
        self._canvas = canvas
        self._open = gdal.BuildVRT("", [str(file)])
        assert self._open.ReadAsArray().any()

    def add(self, connection: Connection) -> None:
        search = f"PLANET:ortho?limit=3&connection={connection.name}"
        layer: QgsMapLayer = outcome(lambda done: layers.add_search_layer(connection, search, "Found", done))
        (raster,) = add(connection, scenes_of(connection, search)[:1], "")
        self.layers[connection.name] = layer, raster

    def seen(self) -> Dict[str, Tuple[bool, bool]]:
        """Return whether the search and the product of each show something, without what was read before."""
        CACHE.clear()
        gdal.VSICurlClearCache()
        found = {name: (self._drawn(layer), self._read(raster)) for name, (layer, raster) in self.layers.items()}
        for name, (_, raster) in self.layers.items():
            if not found[name][1]:  # the user looks again, after the map could not draw it
                self._canvas.renderErrorOccurred.emit("", raster)
                self._canvas.mapCanvasRefreshed.emit()
                settle()
                found[name] = found[name][0], self._read(raster)
        return found

    def _drawn(self, layer: Any) -> bool:
        return inked(render([layer], layer.extent(), size=60)) > 0

    def _read(self, raster: Any) -> bool:
        try:
            return bool(pixels(raster.source()).any())
        except (RuntimeError, AttributeError):  # with exceptions of GDAL, and without
            return False


BOTH = {"first": (True, True), "second": (True, True)}


def only(name: str) -> Dict[str, Tuple[bool, bool]]:
    return {each: (each == name, each == name) for each in NAMES}


@pytest.fixture
def asked(desktop: Desktop) -> Iterator[List[str]]:
    """Return the names of the connections that somebody was asked to log in to."""
    found: List[str] = []
    parts = Watch(found.append), Projects(found.append)
    for part in parts:
        part.start()
    yield found
    for name in NAMES:
        connections().log_out(name)
    for part in parts:
        part.stop()


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_what_befalls_one_leaves_the_other_untouched(
    origin: Recorder, desktop: Desktop, asked: List[str], archive: Path, one: str, other: str
) -> None:
    """Faults of each, a log-out, a wrong key: what is on the map, what is said, and which keys are sent."""
    kinds, answer = {"first": one, "second": other}, origin.answer
    shown = Map(desktop.canvas, next(archive.glob("*_visual.tif")))
    for name, kind in kinds.items():
        shown.add(connect(origin, name, kind))
    assert shown.seen() == BOTH
    seen = seen_by(origin)
    assert seen["first"] - {""} == {KEY} and seen["second"] - {""} == {OTHER_KEY}

    def fault_of(name: str, status: int) -> None:
        def fault(request: Request) -> Answer:
            broken = request.path.startswith(f"/{NAMES[name]}/")
            return (status, {"Content-Type": "application/json"}, b"{}") if broken else answer(request)

        origin.answer = fault

    def assert_only_first() -> None:
        found = shown.seen()
        if other == "data-v1":
            # The location of a file there replaces the key; whether GDAL reads it without one depends on its version.
            found["second"] = found["second"][0], False
        assert found == only("first")

    # A fault of each in turn, and the end of it.
    for name, another in (("first", "second"), ("second", "first")):
        fault_of(name, 400)
        assert shown.seen() == only(another)
        wait_for(desktop.said)
        assert all(f"/{NAMES[name]}/{ROOTS[kinds[name]]}" in said for said in desktop.said()), desktop.said()
        desktop.bar.clearWidgets()
        origin.answer = answer
        assert shown.seen() == BOTH
    settle()
    assert desktop.said() == []

    # A log-out of the one that is not the current: its key is not sent, and the button is for it.
    connections().set_current("first")
    seen_by(origin)
    connections().log_out("second")
    assert_only_first()
    wait_for(desktop.said)
    assert seen_by(origin) == {"first": {KEY}, "second": {""}} or one == "stac"
    assert [button.text() for button in desktop.bar.findChildren(QPushButton)] == ["Log in to second"]
    desktop.bar.findChildren(QPushButton)[0].click()
    assert asked == ["second"]
    desktop.bar.clearWidgets()

    # A log-in with a wrong key, and with the right one while the wrong one is stored: none is sent but the last.
    for key in (WRONG, OTHER_KEY, WRONG):
        log_in("second", other, key)
        settle()
        seen_by(origin)
        if key == OTHER_KEY:
            assert shown.seen() == BOTH
        else:
            assert_only_first()
        seen = seen_by(origin)
        assert seen["second"] - {""} == {key} and seen["first"] - {""} == {KEY}
        desktop.bar.clearWidgets()
