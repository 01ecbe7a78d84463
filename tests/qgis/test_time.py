"""A search day by day: a layer for each day with its time, the temporal controller, exported frames, the slider."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Dict, Iterator, List

import numpy
import pytest
from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsInterval,
    QgsMapSettings,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsTemporalNavigationObject,
    QgsTemporalUtils,
)
from qgis.PyQt.QtCore import QSize, Qt
from qgis.PyQt.QtTest import QTest

from planet_scenes import day_stack, layers, raster_layers, reopening
from planet_scenes.imagery import TILES, Imagery
from planet_scenes.raster_layers import View
from planet_scenes.time_slider import TimeSlider
from planet_vector.errors import QueryError
from tests.conftest import Service
from tests.qgis.conftest import Desktop, outcome, summer_at, summer_of, wait_for

SCENES = 14
EXTENT = QgsRectangle(11.98, 47.86, 12.03, 47.90)


@pytest.fixture
def controller(desktop: Desktop) -> QgsTemporalNavigationObject:
    """Return the temporal controller of the map, as QGIS's window has one."""
    made = QgsTemporalNavigationObject(desktop.canvas)
    desktop.canvas.setTemporalController(made)
    return made


@pytest.fixture
def slider(desktop: Desktop, controller: QgsTemporalNavigationObject) -> Iterator[TimeSlider]:
    made = TimeSlider(desktop.canvas)
    yield made
    made.close_down()
    made.deleteLater()


def days_of(service: Service) -> Dict[str, int]:
    """Return the number of scenes of each day of the newest scenes of the summer, as the service has them."""
    times = sorted((feature["properties"]["acquired"] for feature in summer_of(service)), reverse=True)
    return dict(Counter(time[:10] for time in times[:SCENES]))


def add(connection: Any, product: Any, limit: int, **more: Any) -> List[QgsRasterLayer]:
    name = f"{summer_at(connection)}&limit={limit}"
    found: List[List[QgsRasterLayer]] = []
    day_stack.add_days(connection, name, product, found.append, **more)
    wait_for(lambda: found, 60)
    return found[0]


def test_each_day_is_a_layer_that_the_slider_and_the_exported_frames_show(
    connection: Any, service: Service, desktop: Desktop, controller: QgsTemporalNavigationObject, slider: TimeSlider,
    tmp_path: Path,
) -> None:  # fmt: skip
    search = outcome(lambda done: layers.add_search_layer(connection, summer_at(connection), "Summer", done))
    search.temporalProperties().setIsActive(False)
    assert slider.isHidden()
    made = add(connection, "visual", SCENES, below=search)
    days = days_of(service)
    assert max(days.values()) > 1 and len(days) > 2
    # One layer a day in a group below the search, with the day's own time.
    assert [layer.customProperty(day_stack.DAY) for layer in made] == list(days)
    (group,) = [g for g in QgsProject.instance().layerTreeRoot().findGroups() if "day by day" in g.name()]
    assert [node.layer() for node in group.findLayers()] == made
    for layer, (day, count) in zip(made, days.items()):
        time = layer.temporalProperties()
        span = time.fixedTemporalRange()
        assert time.isActive()
        assert span.begin().toString(Qt.DateFormat.ISODate) == f"{day}T00:00:01Z"
        assert span.end().toString(Qt.DateFormat.ISODate) == f"{day}T23:59:59Z"
        assert (f"{count} scenes" in layer.name()) == (count > 1)
    assert search.temporalProperties().isActive() and search.temporalProperties().startField() == "acquired"

    # The project and the controller play them day by day.
    slider.prepare()
    oldest = list(days)[-1]
    settings = QgsProject.instance().timeSettings()
    assert settings.temporalRange() == controller.temporalExtents()
    assert (settings.timeStep(), settings.timeStepUnit()) == (1, QgsInterval(0, 0, 0, 1, 0, 0, 0).originalUnit())
    assert settings.temporalRange().begin().date().toString(Qt.DateFormat.ISODate) == oldest

    # The slider has a stop for each day, moved by keys; it follows the controller.
    assert not slider.isHidden() and slider.days == sorted(days) and not slider.one_day.isChecked()
    slider.show()
    QTest.keyClick(slider.slider, Qt.Key.Key_Home)
    assert _day_shown(desktop) == oldest
    assert slider.one_day.isChecked() and f"(1 of {len(days)})" in slider.label.text()
    QTest.keyClick(slider.slider, Qt.Key.Key_Right)
    second = slider.days[1]
    assert _day_shown(desktop) == second
    assert [layer for layer in made if _is_shown(layer, desktop)] == [made[-2]]
    controller.setCurrentFrameNumber(0)
    assert slider.slider.value() == 0 and not slider.back.isEnabled() and slider.forth.isEnabled()
    controller.setCurrentFrameNumber(1)  # a day without imagery
    assert "no imagery" in slider.label.text() and not any(_is_shown(layer, desktop) for layer in made)
    slider.one_day.click()
    assert desktop.canvas.temporalRange().isInfinite() and f"{len(days)} days" in slider.label.text()

    # QGIS's export of frames: those of different days differ, those of days without imagery are empty.
    frames = _export(made, day_stack.range_of(*slider.days[0:1], slider.days[1]), tmp_path)
    shown = [frame for frame in frames if (frame != 255).any()]
    gap = settings.temporalRange().begin().daysTo(day_stack.range_of(second, second).begin())
    assert len(frames) == gap + 1 and len(shown) == 2
    assert not numpy.array_equal(*shown)
    for layer in made:
        QgsProject.instance().removeMapLayer(layer)
    assert slider.isHidden()


def _day_shown(desktop: Desktop) -> str:
    return desktop.canvas.temporalRange().begin().toUTC().date().toString(Qt.DateFormat.ISODate)


def _is_shown(layer: QgsRasterLayer, desktop: Desktop) -> bool:
    return layer.temporalProperties().isVisibleInTemporalRange(desktop.canvas.temporalRange())


def _export(shown: List[QgsRasterLayer], span: Any, folder: Path) -> List[numpy.ndarray]:
    settings = QgsMapSettings()
    settings.setLayers(shown)
    settings.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    settings.setExtent(EXTENT)
    settings.setOutputSize(QSize(80, 80))
    export = QgsTemporalUtils.AnimationExportSettings()
    export.animationRange, export.frameDuration = span, QgsInterval(0, 0, 0, 1, 0, 0, 0)
    export.outputDirectory, export.fileNameTemplate = str(folder), "frame####.png"
    done, why = QgsTemporalUtils.exportAnimation(settings, export)
    assert done, why
    return [gdal.Open(str(file)).ReadAsArray() for file in sorted(folder.glob("frame*.png"))]


def test_days_of_bands_and_indices_are_restored_as_they_were(connection: Any, desktop: Desktop) -> None:
    pair = Imagery(("analytic",), (4, 3), index="ndvi", title="NDVI, vegetation")
    made = add(connection, pair, limit=3)
    (several,) = made
    assert "3 scenes" in several.name()
    name = raster_layers.is_ours(several)
    before = gdal.Open(several.source()).ReadAsArray()
    again = reopening.reopened(connection.catalog(), name, reopening.Failures())
    assert numpy.array_equal(gdal.Open(again).ReadAsArray(), before, equal_nan=True)
    assert numpy.nanmin(before) >= -1 and numpy.nanmax(before) <= 1


def test_days_are_stretched_alike(connection: Any, desktop: Desktop) -> None:
    view = View((11.99, 47.87, 11.995, 47.873), QgsCoordinateReferenceSystem("EPSG:4326").toWkt())
    made = add(connection, "analytic", limit=7, view=view)
    limits = {
        (stretch.minimumValue(), stretch.maximumValue())
        for stretch in (layer.renderer().redContrastEnhancement() for layer in made)
    }
    assert len(made) == 2 and len(limits) == 1


def test_what_cannot_be_added_day_by_day_is_one_sentence(
    connection: Any, desktop: Desktop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(QueryError, match="choose a product"):
        day_stack.add_days(connection, summer_at(connection), TILES)
    for limit, said in (("MOST_SCENES", "more than 2 scenes"), ("MOST_DAYS", "days, too many")):
        with monkeypatch.context() as patched:
            patched.setattr(day_stack, limit, 2)
            day_stack.add_days(connection, summer_at(connection), "visual")
            wait_for(desktop.said)
        assert said in desktop.said()[0]
        desktop.bar.clearWidgets()
    day_stack.add_days(connection, f"PLANET:ortho?acquired.lt=1999-01-01&api_url={connection.url}", "visual")
    wait_for(desktop.said)
    assert "no scenes" in desktop.said()[0] and not QgsProject.instance().mapLayers()
