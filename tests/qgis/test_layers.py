"""A search as a layer: live, styled, and silent where everything is known."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any, Callable, Iterator, List, Optional

import pytest
from qgis.core import (
    Qgis,
    QgsFeatureRequest,
    QgsProject,
    QgsRectangle,
    QgsRenderContext,
    QgsVectorLayer,
)

from planet_scenes import layers, snapshot, thumbnails
from planet_scenes.thumbnails import Thumbnails
from planet_vector.query import Query
from planet_vector.scene import Scene
from tests.conftest import Service
from tests.qgis.conftest import Desktop, Watched, inked, outcome, render, settle, summer_at, summer_of, wait_for
from tests.schemas import ORTHO

AREA = QgsRectangle(11.9, 47.8, 12.1, 48.0)


def add(connection: Any, name: str = "", title: str = "Summer") -> QgsVectorLayer:
    wanted = name or summer_at(connection)
    return outcome(lambda done: layers.add_search_layer(connection, wanted, title, done))


def test_it_has_the_scenes_of_the_service(connection: Any, service: Service, desktop: Desktop) -> None:
    layer = add(connection)
    scenes = {scene["id"]: scene for scene in summer_of(service)}
    assert layer.featureCount() == len(scenes) >= 10
    assert {feature["id"] for feature in layer.getFeatures()} == set(scenes)
    for feature in layer.getFeatures():
        properties = scenes[feature["id"]]["properties"]
        assert feature["cloud_cover.estimated"] == properties["cloud_cover"]["estimated"]
        acquired = datetime.fromisoformat(properties["acquired"].replace("Z", "+00:00"))
        assert feature["acquired"].toPyDateTime().replace(microsecond=0, tzinfo=None) == acquired.replace(
            microsecond=0, tzinfo=None
        )
    assert QgsProject.instance().mapLayer(layer.id()) is layer
    assert desktop.said() == []


def test_it_comes_dressed(connection: Any, desktop: Desktop) -> None:
    layer = add(connection)
    renderer = layer.renderer()
    assert renderer.type() == "graduatedSymbol" and "cloud_cover.estimated" in renderer.classAttribute()
    for feature in layer.getFeatures():  # every scene is in a class
        cover = feature["cloud_cover.estimated"]
        (drawn,) = {entry.label() for entry in renderer.ranges() if entry.lowerValue() <= cover < entry.upperValue()}
        assert "%" in drawn
    assert layer.labelsEnabled() and "acquired" in layer.labeling().settings().fieldName
    time = layer.temporalProperties()
    assert time.isActive() and time.startField() == "acquired"
    assert time.mode() == Qgis.VectorTemporalMode.FeatureDateTimeInstantFromField
    assert layer.metadata().title() == "Summer" and layer.metadata().identifier() == layer.source()
    assert layer.customProperty("rendering/noPreviewJobs")
    assert "thumbnails" in layer.mapTipTemplate() and "file:" in layer.mapTipTemplate()


def test_it_is_drawn_where_its_footprints_are(connection: Any, desktop: Desktop) -> None:
    layer = add(connection)
    layer.setLabelsEnabled(False)
    ground = layer.extent()
    assert inked(render([layer], ground)) > 0.2
    assert inked(render([layer], QgsRectangle(12.2, 47.75, 12.29, 47.8))) == 0


def test_panning_inside_what_is_known_asks_nothing(
    make_connection: Callable[..., Any], watched: Watched, desktop: Desktop
) -> None:
    connection = make_connection(watched.service, "watched")
    layer = add(connection)
    assert watched.requests() != []
    for step in range(5):
        render([layer], QgsRectangle(11.9 + step / 50, 47.8, 12.0 + step / 50, 47.9), size=100)
    request = QgsFeatureRequest().setFilterExpression('"cloud_cover.estimated" < 20')
    assert len(list(layer.getFeatures(request))) < layer.featureCount()
    assert layer.extent().intersects(AREA)
    layer.uniqueValues(layer.fields().indexOf("sat.id"))
    assert watched.requests() == []


def test_a_long_search_is_asked_for_what_is_seen(
    make_connection: Callable[..., Any], watched: Watched, desktop: Desktop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layers, "PREFETCHED", 5)
    connection = make_connection(watched.service, "watched")
    layer = add(connection, f"PLANET:ortho?api_url={connection.url}", "all")
    watched.requests()
    assert inked(render([layer], AREA)) > 0
    (asked, *_) = [path for path in watched.requests() if "intersects" in path]
    longitudes = [float(x) for x in re.findall(r"[(,](\d+\.\d+)\+", asked)]
    assert (min(longitudes), max(longitudes)) == pytest.approx((11.9, 12.1))


def test_the_temporal_controller_s_filter_is_taken(connection: Any, service: Service, desktop: Desktop) -> None:
    layer = add(connection)
    scenes = summer_of(service)
    july = [scene for scene in scenes if scene["properties"]["acquired"].startswith("2015-07")]
    context = QgsRenderContext()
    context.setIsTemporal(True)
    from qgis.core import QgsDateTimeRange, QgsVectorLayerTemporalContext
    from qgis.PyQt.QtCore import QDate, QDateTime, Qt, QTime

    span = QgsDateTimeRange(
        QDateTime(QDate(2015, 7, 1), QTime(0, 0), Qt.TimeSpec.UTC),
        QDateTime(QDate(2015, 7, 31), QTime(23, 59, 59), Qt.TimeSpec.UTC),
    )
    temporal = QgsVectorLayerTemporalContext()
    temporal.setLayer(layer)
    expression = layer.temporalProperties().createFilterString(temporal, span)
    found = {feature["id"] for feature in layer.getFeatures(QgsFeatureRequest().setFilterExpression(expression))}
    assert found == {scene["id"] for scene in july} and 0 < len(found) < len(scenes)


def test_a_snapshot_has_all_of_it(connection: Any, service: Service, desktop: Desktop, tmp_path: Path) -> None:
    file = tmp_path / "summer.gpkg"
    name = summer_at(connection)
    assert outcome(lambda done: snapshot.save_snapshot(name, "Summer", file, done)) == file
    kept = QgsVectorLayer(str(file), "kept", "ogr")
    assert {feature["id"] for feature in kept.getFeatures()} == {scene["id"] for scene in summer_of(service)}
    assert service.key.encode() not in file.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["summer.gpkg"]
    del kept


def test_a_snapshot_that_cannot_be_written_is_told_and_leaves_nothing(
    connection: Any, desktop: Desktop, tmp_path: Path
) -> None:
    snapshot.save_snapshot(summer_at(connection), "Summer", tmp_path / "nowhere" / "a.gpkg")
    wait_for(desktop.said)
    nowhere = tmp_path / "nowhere"
    assert f"{nowhere / 'a.gpkg'} cannot be written: there is no directory {nowhere}." in desktop.said()[0]
    path = tmp_path / f"{'a' * 245}.gpkg"  # as long as a name can be: while it is written it has a longer one
    snapshot.save_snapshot(summer_at(connection), "Summer", path)
    wait_for(lambda: len(desktop.said()) > 1)
    assert any(f"{path} cannot be written: " in said and "failed" in said for said in desktop.said())
    assert list(tmp_path.iterdir()) == []


def test_thumbnails_are_the_service_s_and_files(connection: Any, desktop: Desktop) -> None:
    catalog = connection.catalog()
    feature = summer_of_catalog(catalog, connection)
    scene = Scene(feature, ORTHO, catalog)
    pictures = Thumbnails()
    heard = []
    pictures.ready.connect(heard.append)
    assert pictures.get(connection, scene) is None
    wait_for(lambda: heard)
    path = pictures.get(connection, scene)
    assert path is not None and path.parent == thumbnails.directory(connection, "ortho")
    assert path.read_bytes() == catalog.thumbnail(scene, "md")
    settle()


def summer_of_catalog(catalog: Any, connection: Any) -> Any:
    return next(iter(next(catalog.pages(layers.query_of(summer_at(connection))))))


@pytest.mark.parametrize("limit, count, is_read", [(None, None, False), (5, None, True), (None, 5, True)])
def test_an_uncounted_search_is_read_ahead_only_up_to_a_limit(
    monkeypatch: pytest.MonkeyPatch, limit: Optional[int], count: Optional[int], is_read: bool
) -> None:
    read: List[bool] = []

    class Layer:
        query = Query(ORTHO, limit=limit)

        def count(self) -> Optional[int]:
            return count

        def rows(self) -> Iterator[object]:
            read.append(True)
            return iter([])

    monkeypatch.setattr(layers, "layer_of", lambda name: Layer())
    layers.prefetch("PLANET:ortho")
    assert bool(read) is is_read
