"""Time series of places in Processing; expected values are computed here from the archive's files, pixel by pixel."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence, Tuple

import numpy
import pytest
from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingException,
    QgsProject,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QVariant

from planet_scenes.connection import Connection
from planet_scenes.connections import connections
from planet_scenes.processing.sampling import statistics_of
from tests.conftest import Start
from tests.qgis.test_processing import SUMMER, Feedback, Run, run

__all__ = ["run"]  # the fixture

MIDDLE = QgsGeometry.fromPointXY(QgsPointXY(12.0, 47.88))
FIELD = QgsGeometry.fromWkt("POLYGON((11.990 47.872,12.004 47.874,12.000 47.884,11.996 47.879,11.990 47.872))")


def _layer(kind: str, *shapes: QgsGeometry, names: Sequence[Any] = ()) -> QgsVectorLayer:
    layer = QgsVectorLayer(f"{kind}?crs=EPSG:4326&field=name:string", "places", "memory")
    rows = []
    for number, shape in enumerate(shapes):
        row = QgsFeature(layer.fields())
        row["name"] = names[number] if names else f"place {number}"
        row.setGeometry(shape)
        rows.append(row)
    layer.dataProvider().addFeatures(rows)
    return layer


def _summer(run: Run, **parameters: Any) -> QgsVectorLayer:
    return run("searchlayer", **{**SUMMER, "LIMIT": 6, **parameters})["OUTPUT"]


def _moved(shape: QgsGeometry, dataset: gdal.Dataset) -> QgsGeometry:
    here = QgsCoordinateReferenceSystem()
    here.createFromWkt(dataset.GetProjection())
    moved = QgsGeometry(shape)
    moved.transform(QgsCoordinateTransform(QgsCoordinateReferenceSystem("EPSG:4326"), here, QgsProject.instance()))
    return moved


def _pixels(archive: Path, scene: str, shape: QgsGeometry, bands: Tuple[int, int]) -> numpy.ndarray:
    """Return (a - b) / (a + b) of each pixel whose centre is inside, or that contains the point; NaN without data."""
    dataset = gdal.Open(str(archive / f"{scene}_analytic.tif"))
    west, size, _, north, _, _ = dataset.GetGeoTransform()
    moved = _moved(shape, dataset)
    box = moved.boundingBox()
    left, right = (math.floor((x - west) / size) for x in (box.xMinimum(), box.xMaximum()))
    top, bottom = (math.floor((north - y) / size) for y in (box.yMaximum(), box.yMinimum()))
    found = []
    for row in range(top, bottom + 1):
        for column in range(left, right + 1):
            centre = QgsPointXY(west + (column + 0.5) * size, north - (row + 0.5) * size)
            if shape.type() != MIDDLE.type() and not moved.contains(centre):
                continue
            value = math.nan
            if 0 <= column < dataset.RasterXSize and 0 <= row < dataset.RasterYSize:
                a, b = (float(dataset.GetRasterBand(n).ReadAsArray(column, row, 1, 1)[0, 0]) for n in bands)
                mask = [dataset.GetRasterBand(n).GetMaskBand().ReadAsArray(column, row, 1, 1)[0, 0] for n in bands]
                if all(mask) and a + b:
                    value = (a - b) / (a + b)
            found.append(value)
    return numpy.array(found)


def _rows(table: QgsVectorLayer) -> List[Dict[str, Any]]:
    names = [field.name() for field in table.fields()]
    return [dict(zip(names, row.attributes())) for row in table.getFeatures()]


def test_points_have_the_pixel_that_contains_them(run: Run, archive: Path, tmp_path: Path) -> None:
    far = QgsGeometry.fromPointXY(QgsPointXY(40, 10))
    scenes = _summer(run)
    feedback = Feedback()
    found = run(
        "timeseries", feedback, CONNECTION="sample", INPUT=scenes, PLACES=_layer("Point", MIDDLE, far), ID="name",
        EXPRESSION="(band_1 - band_2) / (band_1 + band_2)", PRODUCT="analytic", OUTPUT="memory:",
        PLOT=str(tmp_path / "chart.html"),
    )  # fmt: skip
    rows = _rows(found["OUTPUT"])
    assert list(rows[0]) == ["place", "scene", "acquired", "value", "valid"]
    covering = [f for f in scenes.getFeatures() if f.geometry().intersects(MIDDLE)]
    assert sorted(row["scene"] for row in rows) == sorted(f["id"] for f in covering)
    assert 1 < len(rows) == found["COUNT"] < scenes.featureCount() + 1
    assert {row["place"] for row in rows} == {"place 0"}
    times = [row["acquired"].toMSecsSinceEpoch() for row in rows]
    assert times == sorted(times)
    for row in rows:
        (value,) = _pixels(archive, row["scene"], MIDDLE, (1, 2))
        if math.isnan(value):
            assert row["valid"] == 0 and row["value"] in (None, QVariant())
        else:
            assert row["valid"] == 1 and row["value"] == pytest.approx(value, abs=1e-6)
        told = json.loads((archive / f"{row['scene']}_metadata.json").read_text())["properties"]["acquired"]
        assert row["acquired"].toString("yyyy-MM-ddTHH:mm:ss") == told[:19]
    assert any(row["valid"] == 1 for row in rows) and feedback.steps[-1] == 100
    chart = Path(found["PLOT"]).read_text(encoding="utf-8")
    shown = re.findall(r"<title>place 0, (\S+) (\S+) UTC: (\S+) \((\S+)\)</title>", chart)
    assert [scene for *_, scene in shown] == [row["scene"] for row in rows if row["valid"] == 1]
    assert [float(value) for _, _, value, _ in shown] == pytest.approx(
        [row["value"] for row in rows if row["valid"] == 1], rel=1e-5
    )


def test_polygons_have_the_pixels_whose_centre_is_inside(run: Run, archive: Path, tmp_path: Path) -> None:
    found = run(
        "timeseries", CONNECTION="sample", INPUT=_summer(run, LIMIT=3), PLACES=_layer("Polygon", FIELD),
        EXPRESSION="(band_2 - band_1) / (band_2 + band_1)", PRODUCT="analytic", OUTPUT=str(tmp_path / "series.csv"),
    )  # fmt: skip
    rows = _rows(QgsVectorLayer(f"{found['OUTPUT']}" if isinstance(found["OUTPUT"], str) else found["OUTPUT"].source()))
    columns = ["place", "scene", "acquired", "mean", "median", "min", "max", "std", "count", "valid"]
    assert list(rows[0]) == columns and len(rows) == found["COUNT"] >= 1
    counted = 0
    for row in rows:
        pixels = _pixels(archive, row["scene"], FIELD, (2, 1))
        valid = pixels[~numpy.isnan(pixels)]
        counted += len(valid)
        assert int(row["count"]) == len(valid)
        assert float(row["valid"]) == pytest.approx(len(valid) / len(pixels))
        if len(valid):
            wanted = (valid.mean(), numpy.median(valid), valid.min(), valid.max(), valid.std())
            assert [float(row[name]) for name in columns[3:8]] == pytest.approx(list(wanted), abs=1e-6)
    assert counted > 100


def test_statistics_without_pixels_are_empty() -> None:
    nothing = statistics_of(numpy.full(4, numpy.nan, numpy.float32), 4)
    assert math.isnan(nothing.mean) and (nothing.pixels, nothing.valid) == (0, 0)
    assert math.isnan(statistics_of(numpy.zeros(0, numpy.float32), 0).valid)


@pytest.mark.parametrize(
    ("kind", "shapes", "names", "more", "said"),
    [
        ("Point", [], [], {}, "layer of places is empty"),
        ("Point", [QgsGeometry()], [], {}, "Place '1' has no point and no polygon"),
        ("Polygon", [QgsGeometry.fromWkt("POLYGON((1 1,1 1,1 1,1 1))")], [], {}, "no point and no polygon"),
        ("Point", [MIDDLE], [], {"ID": "nosuch"}, "has no column nosuch"),
        ("Point", [MIDDLE], [], {"SCALE": "(a"}, r"Factor of the pixels is \(a: give a number"),
        ("MultiPoint", [QgsGeometry.fromWkt("MULTIPOINT((1 1),(2 2))")], [], {}, "has several points"),
        ("Point", [MIDDLE, MIDDLE], ["a", "a"], {"ID": "name"}, "Two places have the id 'a'"),
        ("Point", [MIDDLE], [None], {"ID": "name"}, "has no value in name"),
        ("Point", [QgsGeometry.fromWkt("POINT(12 95)")], [], {}, "outside the globe"),
        ("Point", [MIDDLE], [], {"EXPRESSION": "(nir - "}, "is wrong at column 8"),
        ("Point", [MIDDLE], [], {"EXPRESSION": " "}, "it is empty"),
        ("Point", [MIDDLE], [], {"PLOT": "/nosuch/chart.html"}, "there is no directory /nosuch"),
        ("Point", [MIDDLE], [], {"EXPRESSION": "evi", "PRODUCT": "visual"}, "the bands are"),
        ("Point", [MIDDLE], [], {"PRODUCT": "nosuch"}, "has no product 'nosuch'"),
        (
            "Polygon",
            [QgsGeometry.fromWkt("POLYGON((11 47,13 47,13 49,11 49,11 47))")],
            [],
            {},
            "pixels of .* are read: divide it",
        ),
    ],
)
def test_wrong_places_and_expressions_are_one_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch, kind: str, shapes: Any, names: Any, more: Any, said: str
) -> None:
    monkeypatch.setattr("planet_scenes.processing.sampling.MOST_PIXELS", 2**20)
    given = {"EXPRESSION": "band_1", "PRODUCT": "analytic", **more}
    with pytest.raises(QgsProcessingException, match=said) as caught:
        run(
            "timeseries", CONNECTION="sample", INPUT=_summer(run), PLACES=_layer(kind, *shapes, names=names),
            OUTPUT="memory:", **given,
        )  # fmt: skip
    assert "Traceback" not in str(caught.value)


@pytest.fixture
def broken(run: Run, start_service: Start, archive: Path, tmp_path: Path) -> Iterator[List[str]]:
    """Return the scenes of a connection "broken"; the file of the first is no image."""
    copy = tmp_path / "archive"
    copy.mkdir()
    ids = []
    for path in sorted(archive.glob("*_metadata.json")):
        feature = json.loads(path.read_text())
        if "/ortho/" not in feature["properties"]["links"]["self"] or len(ids) == 3:
            continue
        if QgsGeometry.fromWkt(_wkt(feature)).contains(MIDDLE):
            ids.append(feature["id"])
            (copy / path.name).write_bytes(path.read_bytes())
            for name in ("analytic", "visual"):
                (copy / f"{feature['id']}_{name}.tif").write_bytes(
                    (archive / f"{feature['id']}_{name}.tif").read_bytes()
                )
    service = start_service(copy)
    # The service has its index by now.
    (copy / f"{ids[0]}_analytic.tif").write_bytes(b"no image" * 2000)
    connections().add(Connection("broken", service.url))
    if service.key:
        connections().log_in("broken", service.key)
    yield ids
    service.stop()


def _wkt(feature: Any) -> str:
    rings = feature["geometry"]["coordinates"]
    if feature["geometry"]["type"] != "Polygon":
        return "POLYGON EMPTY"
    return "POLYGON(" + ",".join("(" + ",".join(f"{x} {y}" for x, y, *_ in ring) + ")" for ring in rings) + ")"


def test_a_scene_that_fails_ends_it_or_is_reported(run: Run, broken: List[str]) -> None:
    scenes = run("searchlayer", CONNECTION="broken", SCENE_TYPE="ortho")["OUTPUT"]
    given = {"CONNECTION": "broken", "INPUT": scenes, "PLACES": _layer("Point", MIDDLE), "EXPRESSION": "band_1",
             "PRODUCT": "analytic", "OUTPUT": "memory:"}  # fmt: skip
    with pytest.raises(QgsProcessingException, match=f"{broken[0]}/analytic cannot be opened as a GeoTIFF"):
        run("timeseries", **given)
    feedback = Feedback()
    found = run("timeseries", feedback, **given, KEEP_GOING=True)
    by_scene = {row["scene"]: row for row in _rows(found["OUTPUT"])}
    assert sorted(by_scene) == sorted(broken) and found["FAILED"] == 1
    for scene, row in by_scene.items():
        assert ("cannot be opened" in row["error"]) == (scene == broken[0])
        assert (row["value"] in (None, QVariant())) == (scene == broken[0])
    assert "1 of 3 scenes failed; the column 'error' has the reasons." in feedback.said


def test_a_cancelled_series_is_no_table(run: Run) -> None:
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        run(
            "timeseries", Feedback(until=1), CONNECTION="sample", INPUT=_summer(run),
            PLACES=_layer("Point", MIDDLE), EXPRESSION="band_1", PRODUCT="analytic", OUTPUT="memory:",
        )  # fmt: skip
