"""Layers with empty geometry and values, and huge outputs, in Processing: each is a sentence or a result."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from qgis.core import QgsFeature, QgsGeometry, QgsProcessingException, QgsVectorLayer

from tests.qgis.test_processing import SUMMER, Run, run

__all__ = ["run"]  # the fixture


GLOBE = "POLYGON((-180 -90,180 -90,180 90,-180 90,-180 -90))"
HUGE = "POLYGON((-1e300 -1e300,1e300 -1e300,1e300 1e300,-1e300 -1e300))"


def _null(shape: str = "", crs: str = "EPSG:4326") -> QgsVectorLayer:
    """Return a layer with a feature without values, and without geometry if there is no shape."""
    layer = QgsVectorLayer(f"Polygon?crs={crs}&field=id:string", "empty", "memory")
    row = QgsFeature(layer.fields())
    if shape:
        row.setGeometry(QgsGeometry.fromWkt(shape))
    layer.dataProvider().addFeatures([row])
    return layer


def _layer_of(value: Any) -> Any:
    """Return a layer in place of a shape, or of an empty tuple."""
    if value == ():
        return _null()
    return _null(value) if isinstance(value, str) and value.startswith("POLYGON") else value


@pytest.mark.parametrize(
    ("name", "more", "said"),
    [
        ("search", {**SUMMER, "AREA": ()}, "The layer of the area has no polygon"),
        ("download", {"INPUT": ()}, "has no id"),
        ("activate", {"INPUT": ()}, "has no id"),
        ("cropstack", {"AREA": ()}, "The area contains no polygon"),
        ("timeseries", {"PLACES": (), "EXPRESSION": "band_1"}, "no point and no polygon"),
        ("mosaic", {"RESOLUTION": 1e-6}, "pixels are too many"),
        ("cropstack", {"RESOLUTION": 0.01}, "pixels are too many"),
        ("search", {**SUMMER, "EXTENT": "1e300,2e300,1e300,2e300 [EPSG:4326]"}, "outside the globe"),
        ("mosaic", {"EXTENT": "-1e300,1e300,-1e300,1e300 [EPSG:32633]"}, "outside the globe"),
        ("mosaic", {"RESOLUTION": "coarse"}, "Pixel size is coarse: give a number"),
        ("mosaic", {"TOP": math.nan}, "Scene on top has no such option"),
        ("search", {**SUMMER, "ORDER": math.nan}, "has no such option"),
        ("rectangle", {"ASPECT": 10**30}, "give a number from 0.001 to 1000"),
        ("search", {**SUMMER, "CLOUD_COVER": "nan"}, "give a number"),
        ("search", {**SUMMER, "CONDITIONS": "a" * 100_000}, "^The condition 'a.* … .*has no value"),
        ("search", {**SUMMER, "AREA": "POLYGON EMPTY"}, "The layer of the area has no polygon"),
        ("search", {**SUMMER, "AREA": "POLYGON((1 1,2 2,1 1))"}, "The layer of the area has no polygon"),
        ("cropstack", {"AREA": GLOBE}, "The size of the area cannot be measured"),
        ("cropstack", {"AREA": HUGE}, "outside|no polygon|measured"),
        ("download", {"INPUT": HUGE, "SCENE_TYPE": "ortho"}, "."),
    ],
)
def test_nothing_and_too_much_are_one_sentence(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, more: Any, said: str
) -> None:
    monkeypatch.setattr("planet_scenes.processing.imagery.MOST_PIXELS", 10**9)
    given = {"CONNECTION": "sample", **{key: _layer_of(value) for key, value in more.items()}}
    if name not in ("search", "activate") and "INPUT" not in more:
        given["INPUT"] = run("searchlayer", **SUMMER, LIMIT=1)["OUTPUT"]
    given.update(FOLDER=str(tmp_path / "files"), OUTPUT=str(tmp_path / "m.tif") if name == "mosaic" else "memory:")
    with pytest.raises(QgsProcessingException, match=said) as caught:
        run(name, **given)
    told = str(caught.value)
    assert "Traceback" not in told and "Error" not in told and len(told) < 700 and len(told.splitlines()) == 1


def test_an_invalid_polygon_is_repaired(run: Run) -> None:
    # With QGIS's own check, the exception would pass through Python's frames.
    bow = _null("POLYGON((12 47.8,12.1 47.9,12.1 47.8,12 47.9,12 47.8))")
    (row,) = run("rectangle", INPUT=bow, OUTPUT="memory:")["OUTPUT"].getFeatures()
    assert row.geometry().area() > 0
    assert run("search", **SUMMER, AREA=bow, LIMIT=1, OUTPUT="memory:")["COUNT"] is not None


@pytest.mark.parametrize("name", ["stacks", "rectangle"])
@pytest.mark.parametrize("shape", ["", "POLYGON EMPTY", "POLYGON((1 1,2 2,1 1))"])
def test_a_layer_of_nothing_gives_nothing(run: Run, name: str, shape: str) -> None:
    found = run(name, INPUT=_null(shape), OUTPUT="memory:")["OUTPUT"]
    assert [row for row in found.getFeatures() if row.hasGeometry()] == []
