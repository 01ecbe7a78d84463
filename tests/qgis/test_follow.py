"""A search that follows the map: what is in view, up to a number, and nothing asked twice."""

from __future__ import annotations

from typing import Any, Callable

import pytest
from qgis.core import QgsCoordinateReferenceSystem, QgsProject, QgsRectangle

from planet_scenes import layers
from planet_scenes.follow import FollowMap
from tests.qgis.conftest import Desktop, Watched, settle, wait_for

VIEW = QgsRectangle(11.95, 47.84, 12.0, 47.9)


@pytest.fixture
def look(desktop: Desktop) -> Callable[[QgsRectangle], None]:
    """Return a function that moves the map."""
    desktop.canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    desktop.canvas.setExtent(VIEW)
    return desktop.canvas.setExtent


def count_of(connection: Any, extent: QgsRectangle) -> int:
    box = f"{extent.xMinimum()},{extent.yMinimum()},{extent.xMaximum()},{extent.yMaximum()}"
    return connection.catalog().count(layers.query_of(f"PLANET:ortho?bbox={box}"))


def test_it_shows_what_is_in_view_and_asks_for_what_is_new_only(
    make_connection: Callable[..., Any], watched: Watched, desktop: Desktop, look: Callable[[QgsRectangle], None]
) -> None:
    connection = make_connection(watched.service, "watched")
    follower = FollowMap(desktop.iface, connection, "PLANET:ortho?api_url=" + connection.url)
    told = []
    follower.told.connect(lambda shown, count: told.append((shown, count)))
    follower.start()
    wait_for(lambda: told)
    first = follower.layer
    assert first is not None and first.featureCount() == told[0][0] == told[0][1] >= count_of(
        connection, desktop.canvas.extent()
    )
    settle()
    watched.requests()
    look(QgsRectangle(11.951, 47.841, 12.001, 47.901))  # a little: within what was asked for around the view
    wait_for(lambda: not follower._timer.isActive())
    settle()
    assert watched.requests() == [] and len(told) == 1
    look(QgsRectangle(177, -20, 179, -16))
    wait_for(lambda: len(told) == 2)
    assert follower.layer is first and first.featureCount() == told[1][0] >= 1
    assert len(QgsProject.instance().mapLayers()) == 1
    follower.stop()
    look(VIEW)
    settle()
    assert len(told) == 2


def test_a_filter_of_the_user_s_stays_when_the_map_moves(
    connection: Any, desktop: Desktop, look: Callable[[QgsRectangle], None]
) -> None:
    follower = FollowMap(desktop.iface, connection, "PLANET:ortho?api_url=" + connection.url)
    told = []
    follower.told.connect(lambda shown, count: told.append((shown, count)))
    follower.start()
    wait_for(lambda: told)
    assert follower.layer is not None and follower.layer.setSubsetString('"cloud_cover.estimated" <= 10')
    look(QgsRectangle(177, -20, 179, -16))
    wait_for(lambda: len(told) == 2)
    assert follower.layer.subsetString() == '"cloud_cover.estimated" <= 10'
    assert all(row["cloud_cover.estimated"] <= 10 for row in follower.layer.getFeatures())
    follower.stop()


def test_it_has_a_cap_and_says_so(connection: Any, desktop: Desktop, look: Callable[[QgsRectangle], None]) -> None:
    follower = FollowMap(desktop.iface, connection, "PLANET:ortho?api_url=" + connection.url, cap=5)
    told = []
    follower.told.connect(lambda shown, count: told.append((shown, count)))
    follower.start()
    wait_for(lambda: told)
    assert told[0][0] == 5 < told[0][1] and follower.layer.featureCount() == 5
    follower.stop()


def test_it_ends_when_its_layer_is_removed(
    connection: Any, desktop: Desktop, look: Callable[[QgsRectangle], None]
) -> None:
    follower = FollowMap(desktop.iface, connection, "PLANET:ortho?api_url=" + connection.url)
    follower.start()
    wait_for(lambda: follower.layer is not None)
    QgsProject.instance().removeMapLayer(follower.layer.id())
    look(QgsRectangle(0, 40, 1, 41))
    wait_for(lambda: not follower.active)
