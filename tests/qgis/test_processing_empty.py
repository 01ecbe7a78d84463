"""Layers with empty geometry and values, and huge outputs, in Processing: each is a sentence or a result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qgis.core import QgsFeature, QgsProcessingException, QgsVectorLayer

from tests.qgis.test_processing import SUMMER, Run, run

__all__ = ["run"]  # the fixture


def _null() -> QgsVectorLayer:
    """Return a layer with a feature without geometry and values."""
    layer = QgsVectorLayer("Polygon?crs=EPSG:4326&field=id:string", "empty", "memory")
    layer.dataProvider().addFeatures([QgsFeature(layer.fields())])
    return layer


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
    ],
)
def test_nothing_and_too_much_are_one_sentence(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, more: Any, said: str
) -> None:
    monkeypatch.setattr("planet_scenes.processing.imagery.MOST_PIXELS", 10**9)
    given = {"CONNECTION": "sample", **{key: _null() if value == () else value for key, value in more.items()}}
    if name not in ("search", "download", "activate"):
        given["INPUT"] = run("searchlayer", **SUMMER, LIMIT=1)["OUTPUT"]
    given.update(FOLDER=str(tmp_path / "files"), OUTPUT=str(tmp_path / "m.tif") if name == "mosaic" else "memory:")
    with pytest.raises(QgsProcessingException, match=said) as caught:
        run(name, **given)
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize("name", ["stacks", "rectangle"])
def test_a_layer_of_nothing_gives_nothing(run: Run, name: str) -> None:
    found = run(name, INPUT=_null(), OUTPUT="memory:")["OUTPUT"]
    assert [row for row in found.getFeatures() if row.hasGeometry()] == []
