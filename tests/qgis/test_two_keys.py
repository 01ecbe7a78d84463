"""Two connections of one origin with two keys: each key goes where it belongs, seen on the wire."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest
from qgis.core import QgsProject

from planet_scenes import layers
from planet_scenes.connection import Connection
from planet_scenes.connections import connections
from tests.conftest import KEY, Start
from tests.qgis.conftest import Desktop, inked, outcome, render
from tests.qgis.test_products import add, pixels, scenes_of
from tests.raster.recording import Recorder
from tests.two_services import OTHER_KEY, keys_seen, two_services


@pytest.fixture
def origin(archive: Path, start_service: Start) -> Iterator[Recorder]:
    with two_services(start_service, archive) as recorder:
        for name, path, key in (("first", "a", KEY), ("second", "b", OTHER_KEY)):
            connections().add(Connection(name, f"{recorder.url}/{path}/v0/"))
            connections().log_in(name, key)
        yield recorder


def test_each_key_goes_where_it_belongs(origin: Recorder, desktop: Desktop) -> None:
    """By turns, and drawn together: searches, pictures, products with the tiles that are their overviews."""
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
    seen = keys_seen(origin)
    assert set(seen["a"]) - {""} == {KEY} and set(seen["b"]) - {""} == {OTHER_KEY}
    kept = "".join(layer.source() for layer in QgsProject.instance().mapLayers().values())
    assert KEY not in kept and OTHER_KEY not in kept
