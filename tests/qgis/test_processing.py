"""The algorithms, run as the toolbox runs them; what they give is compared with the archive's own files."""

from __future__ import annotations

import json
from datetime import datetime
from itertools import combinations
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Sequence

import numpy
import processing
import pytest
from osgeo import gdal
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsDistanceArea,
    QgsFeature,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingFeedback,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.gui import QgsGui, QgsProcessingGui, QgsProcessingParameterWidgetContext
from qgis.PyQt.QtCore import Qt, QVariant
from qgis.PyQt.QtWidgets import QComboBox

from planet_scenes.connection import Connection
from planet_scenes.connections import connections
from planet_scenes.processing.layer_features import nested
from planet_scenes.processing.provider import ALGORITHMS, Provider
from planet_vector.connections import BUILT_IN
from tests.conftest import KEY, Service

Feature = Dict[str, Any]
Run = Callable[..., Dict[str, Any]]

# The middle of the sample's land.
EXTENT = "11.98,12.02,47.86,47.90 [EPSG:4326]"
SUMMER = {"CONNECTION": "sample", "SCENE_TYPE": "ortho", "FROM": "2015-06-01", "TO": "2015-08-31"}


class Feedback(QgsProcessingFeedback):
    """Keep what is said; cancel when it has been told of so much progress."""

    def __init__(self, until: float = 1000) -> None:
        super().__init__()
        self.said: List[str] = []
        self.steps: List[float] = []
        self.until = until
        self.progressChanged.connect(self._step)

    def _step(self, percent: float) -> None:
        self.steps.append(percent)
        if percent >= self.until:
            self.cancel()

    def pushInfo(self, info: str) -> None:
        self.said.append(info)

    def pushWarning(self, warning: str) -> None:
        self.said.append(warning)

    def reportError(self, error: str, fatalError: bool = False) -> None:
        self.said.append(error)


@pytest.fixture
def run(qgis_processing: None, connection: Connection) -> Iterator[Run]:
    """Return a function that runs an algorithm against the shared service, whose connection is "sample"."""
    provider = Provider()
    assert QgsApplication.processingRegistry().addProvider(provider)

    def call(name: str, feedback: Any = None, **parameters: Any) -> Dict[str, Any]:
        found: Dict[str, Any] = processing.run(f"planet:{name}", parameters, feedback=feedback or Feedback())
        for result in found.values():
            if isinstance(result, QgsVectorLayer):
                QgsProject.instance().addMapLayer(result, False)  # which ends it with the test: none may outlive QGIS
        return found

    yield call
    QgsApplication.processingRegistry().removeProvider(provider)


@pytest.fixture(scope="module")
def features(archive: Path) -> List[Feature]:
    return [json.loads(path.read_text()) for path in sorted(archive.glob("*_metadata.json"))]


def _is_ortho(feature: Feature) -> bool:
    return "/ortho/" in feature["properties"]["links"]["self"]


def _in_summer(feature: Feature) -> bool:
    return _is_ortho(feature) and "2015-06-01" <= feature["properties"]["acquired"] < "2015-09-01"


def _shape(feature: Feature) -> QgsGeometry:
    geometry = feature["geometry"]
    parts = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    return QgsGeometry.fromMultiPolygonXY([[[QgsPointXY(x, y) for x, y, *_ in ring] for ring in p] for p in parts])


def _ids(layer: QgsVectorLayer) -> List[str]:
    return [feature["id"] for feature in layer.getFeatures()]


def _layer_of(*shapes: QgsGeometry, crs: str = "EPSG:4326") -> QgsVectorLayer:
    layer = QgsVectorLayer(f"Polygon?crs={crs}", "area", "memory")
    rows = []
    for shape in shapes:
        row = QgsFeature()
        row.setGeometry(shape)
        rows.append(row)
    layer.dataProvider().addFeatures(rows)
    return layer


# ---- what all have -----------------------------------------------------------------------------------------


def test_every_algorithm_says_what_it_is_and_does() -> None:
    for algorithm in (kind() for kind in ALGORITHMS):
        algorithm.initAlgorithm()
        assert algorithm.name() and algorithm.displayName() and len(algorithm.shortHelpString()) > 100
        assert not algorithm.icon().isNull()
        assert algorithm.outputDefinitions()
        assert all(parameter.description() for parameter in algorithm.parameterDefinitions())


@pytest.mark.parametrize(
    ("name", "parameters", "said"),
    [
        ("search", {"SCENE_TYPE": "nosuch"}, "There is no scene type 'nosuch'"),
        ("search", {"SCENE_TYPE": "ortho", "CONDITIONS": "clod_cover=3"}, "'clod_cover' is not a search parameter"),
        ("search", {"SCENE_TYPE": "ortho", "CONDITIONS": "acquired.gte"}, "The condition 'acquired.gte' has no value"),
        ("search", {"SCENE_TYPE": "ortho", "CONDITIONS": "api_key=1"}, "is not a search parameter"),
        ("searchlayer", {"SCENE_TYPE": "nosuch"}, "There is no scene type 'nosuch'"),
        ("search", {"SCENE_TYPE": "ortho", "TO": "9999-12-31"}, "acquired"),
    ],
)
def test_an_error_is_one_sentence(run: Run, name: str, parameters: Mapping[str, Any], said: str) -> None:
    more = {"OUTPUT": "memory:"} if name == "search" else {}
    with pytest.raises(QgsProcessingException) as caught:
        run(name, CONNECTION="sample", **parameters, **more)
    assert said in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_a_refused_key_is_one_sentence_without_the_key(run: Run) -> None:
    wrong = KEY[::-1]
    connections().log_out("sample")
    connections().log_in("sample", wrong)
    feedback = Feedback()
    with pytest.raises(QgsProcessingException) as caught:
        run("search", feedback, **SUMMER, OUTPUT="memory:")
    assert "key" in str(caught.value)
    assert wrong not in str(caught.value) + str(feedback.said)


# ---- the connection ----------------------------------------------------------------------------------------


def test_the_connection_is_a_name_or_an_address(run: Run, connection: Connection, features: Sequence[Feature]) -> None:
    for given in ("sample", connection.url, connection.url.rstrip("/").replace("http", "HTTP")):
        feedback = Feedback()
        found = run("search", feedback, **{**SUMMER, "CONNECTION": given}, OUTPUT="memory:")
        assert found["COUNT"] == sum(map(_in_summer, features))
        assert connection.url in found["NAME"] and KEY not in f"{found} {feedback.said}"


def test_without_a_connection_the_service_of_the_environment_is_asked(
    run: Run, connected: Service, features: Sequence[Feature]
) -> None:
    connections().remove("sample")
    summer = {name: value for name, value in SUMMER.items() if name != "CONNECTION"}
    assert run("search", **summer, OUTPUT="memory:")["COUNT"] == sum(map(_in_summer, features))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("simple", f"no connection 'simple': give one of {', '.join(map(repr, ['sample', *BUILT_IN]))}, or the root"),
        ("ftp://127.0.0.1/", "http(s) address"),
        ("http://127.0.0.1:9/v0/", "connection to the service failed"),
    ],
)
def test_a_wrong_connection_is_one_sentence(run: Run, given: str, said: str) -> None:
    with pytest.raises(QgsProcessingException) as caught:
        run("search", **{**SUMMER, "CONNECTION": given}, OUTPUT="memory:")
    *_, sentence = str(caught.value).splitlines()
    assert said in sentence and "Traceback" not in str(caught.value)


@pytest.mark.parametrize("mode", ["Standard", "Batch", "Modeler"])
def test_a_dialog_lists_the_connections(run: Run, connection: Connection, mode: str) -> None:
    connections().set_current("sample")
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("planet:search")
    parameter = algorithm.parameterDefinition("CONNECTION")
    assert parameter.defaultValue() == "sample"
    registry, context = QgsGui.processingGuiRegistry(), QgsProcessingContext()
    wrapper = registry.createParameterWidgetWrapper(parameter, getattr(QgsProcessingGui.WidgetType, mode))
    wrapper.setWidgetContext(QgsProcessingParameterWidgetContext())
    box = wrapper.createWrappedWidget(context)
    assert isinstance(box, QComboBox)
    assert [box.itemText(number) for number in range(box.count())] == ["sample", *BUILT_IN]
    assert wrapper.widgetValue() == "sample"
    wrapper.setWidgetValue("local", context)
    assert wrapper.widgetValue() == "local"
    box.deleteLater()


# ---- search ------------------------------------------------------------------------------------------------


def test_a_search_finds_the_scenes_the_archive_has(run: Run, features: Sequence[Feature]) -> None:
    feedback = Feedback()
    found = run("search", feedback, **SUMMER, CLOUD_COVER=20, OUTPUT="memory:")
    clear = [f for f in features if _in_summer(f) and f["properties"]["cloud_cover"]["estimated"] <= 20]
    newest_first = sorted(clear, key=lambda f: f["properties"]["acquired"], reverse=True)
    layer = found["OUTPUT"]
    assert sorted(_ids(layer)) == sorted(f["id"] for f in clear)
    # QGIS keeps milliseconds, and no time zone.
    moments = [f["acquired"].toString(Qt.DateFormat.ISODateWithMs)[:23] for f in layer.getFeatures()]
    assert moments == [
        datetime.fromisoformat(f["properties"]["acquired"]).isoformat(timespec="milliseconds")[:23]
        for f in newest_first
    ]
    assert found["COUNT"] == len(clear) > 3
    assert found["NAME"].startswith("PLANET:ortho?") and KEY not in found["NAME"]
    assert f"{len(clear)} scenes" in feedback.said
    by_id = {f["id"]: f for f in clear}
    for row in layer.getFeatures():
        assert row.geometry().symDifference(_shape(by_id[row["id"]])).area() < 1e-12
        assert row["cloud_cover.estimated"] == by_id[row["id"]]["properties"]["cloud_cover"]["estimated"]


def test_the_last_day_is_part_of_the_search(run: Run, features: Sequence[Feature]) -> None:
    day = next(f for f in features if _in_summer(f))["properties"]["acquired"][:10]
    found = run("search", CONNECTION="sample", SCENE_TYPE="ortho", FROM=day, TO=day, OUTPUT="memory:")
    that_day = [f["id"] for f in features if _is_ortho(f) and f["properties"]["acquired"].startswith(day)]
    assert sorted(_ids(found["OUTPUT"])) == sorted(that_day)


def test_an_area_is_an_extent_or_a_layer_in_any_system(run: Run, features: Sequence[Feature]) -> None:
    box = QgsGeometry.fromRect(QgsRectangle(11.98, 47.86, 11.985, 47.865))
    inside = sorted(f["id"] for f in features if _in_summer(f) and _shape(f).intersects(box))
    assert 0 < len(inside) < sum(map(_in_summer, features))
    extent = run("search", **SUMMER, EXTENT="11.98,11.985,47.86,47.865 [EPSG:4326]", OUTPUT="memory:")
    layer = run("search", **SUMMER, AREA=_layer_of(box), OUTPUT="memory:")
    mercator = processing.run(
        "native:reprojectlayer", {"INPUT": _layer_of(box), "TARGET_CRS": "EPSG:3857", "OUTPUT": "memory:"}
    )["OUTPUT"]
    there = run("search", **SUMMER, AREA=mercator, OUTPUT="memory:")
    assert sorted(_ids(extent["OUTPUT"])) == sorted(_ids(layer["OUTPUT"])) == sorted(_ids(there["OUTPUT"])) == inside
    with pytest.raises(QgsProcessingException, match="takes one area"):
        run("search", **SUMMER, AREA=_layer_of(box), EXTENT=EXTENT, OUTPUT="memory:")


@pytest.mark.parametrize("extent", ["12,12,47.88,47.88", "11.98,12.02,47.88,47.88"])
def test_a_point_and_a_line_are_areas_too(run: Run, features: Sequence[Feature], extent: str) -> None:
    west, east, south, north = map(float, extent.split(","))
    shape = QgsGeometry.fromPolylineXY([QgsPointXY(west, south), QgsPointXY(east, north)])
    if west == east:
        shape = QgsGeometry.fromPointXY(QgsPointXY(west, south))
    expected = {f["id"] for f in features if _in_summer(f) and _shape(f).intersects(shape)}
    found = run("search", **SUMMER, EXTENT=f"{extent} [EPSG:4326]", OUTPUT="memory:")
    assert set(_ids(found["OUTPUT"])) == expected and 0 < len(expected) < found["COUNT"] + 1


@pytest.mark.parametrize("nothing", [None, "", QVariant(QVariant.Double)])
def test_a_number_left_empty_is_not_zero(run: Run, features: Sequence[Feature], nothing: Any) -> None:
    found = run("search", **SUMMER, CLOUD_COVER=nothing, OUTPUT="memory:")
    assert found["COUNT"] == sum(map(_in_summer, features))


def test_conditions_order_and_limit_are_the_services(run: Run, features: Sequence[Feature]) -> None:
    found = run(
        "search", **SUMMER, CONDITIONS="image_statistics.gsd.lte=17\nsat.id=0908", ORDER=1, LIMIT=2, OUTPUT="memory:"
    )
    fine = [
        f
        for f in features
        if _in_summer(f) and f["properties"]["image_statistics"]["gsd"] <= 17 and f["properties"]["sat"]["id"] == "0908"
    ]
    oldest = sorted(fine, key=lambda f: (f["properties"]["acquired"], f["id"]))[:2]
    assert sorted(_ids(found["OUTPUT"])) == sorted(f["id"] for f in oldest)
    assert found["COUNT"] == 2


def test_a_cancelled_search_is_no_layer(run: Run) -> None:
    feedback = Feedback()
    feedback.cancel()
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        run("search", feedback, **SUMMER, OUTPUT="memory:")


def test_a_live_layer_asks_the_service_itself(run: Run, features: Sequence[Feature]) -> None:
    found = run("searchlayer", **SUMMER)
    layer = found["OUTPUT"]
    assert layer.providerType() == "ogr"
    assert layer.source().startswith("PLANET:ortho?") and KEY not in layer.source()
    assert sorted(_ids(layer)) == sorted(f["id"] for f in features if _in_summer(f))


# ---- scenes of a layer -------------------------------------------------------------------------------------


def test_rows_become_the_services_properties_again() -> None:
    row = {
        "id": "a",
        "sat.id": "0908",
        "sun.altitude": 3.5,
        "published": None,
        "other": '{"sat": {"new": 1}, "x": [2]}',
    }
    assert nested(row) == {"sat": {"id": "0908", "new": 1}, "sun": {"altitude": 3.5}, "x": [2]}


def test_downloads_are_the_archives_files_and_are_not_fetched_twice(run: Run, archive: Path, tmp_path: Path) -> None:
    layer = run("searchlayer", **SUMMER, LIMIT=2)["OUTPUT"]
    feedback = Feedback()
    asked = {"CONNECTION": "sample", "INPUT": layer, "PRODUCTS": "visual, analytic", "FOLDER": str(tmp_path)}
    found = run("download", feedback, **asked)
    names = sorted(f"{scene}_{product}.tif" for scene in _ids(layer) for product in ("visual", "analytic"))
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert all((tmp_path / name).read_bytes() == (archive / name).read_bytes() for name in names)
    assert found["COUNT"] == 4 and sorted(Path(path).name for path in found["FILES"]) == names
    QgsApplication.processEvents()  # progress is told by the threads that fetch
    assert max(feedback.steps) == 100
    times = {name: (tmp_path / name).stat().st_mtime_ns for name in names}
    run("download", **asked)
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in names} == times


def test_a_snapshot_serves_as_well_as_the_live_layer(run: Run, archive: Path, tmp_path: Path) -> None:
    snapshot = run("search", **SUMMER, LIMIT=1, OUTPUT=str(tmp_path / "scenes.gpkg"))["OUTPUT"]
    found = run("download", CONNECTION="sample", INPUT=snapshot, FOLDER=str(tmp_path / "files"))
    (file,) = (tmp_path / "files").iterdir()
    assert file.read_bytes() == (archive / file.name).read_bytes()
    assert found["COUNT"] == 1


def test_layers_of_something_else_are_refused_with_a_word_why(run: Run, tmp_path: Path) -> None:
    box = QgsGeometry.fromRect(QgsRectangle(11.98, 47.86, 11.985, 47.865))
    with pytest.raises(QgsProcessingException, match="no column 'id'"):
        run("download", CONNECTION="sample", INPUT=_layer_of(box), FOLDER=str(tmp_path))
    with pytest.raises(QgsProcessingException, match="has no scenes"):
        run("download", CONNECTION="sample", INPUT=_layer_of(), FOLDER=str(tmp_path))
    layer = run("searchlayer", **SUMMER, LIMIT=1)["OUTPUT"]
    with pytest.raises(QgsProcessingException, match="has no product 'nosuch'; it has: visual, analytic"):
        run("download", CONNECTION="sample", INPUT=layer, PRODUCTS="nosuch", FOLDER=str(tmp_path))
    connections().add(Connection("elsewhere", "http://127.0.0.1:9/v0/"))
    with pytest.raises(QgsProcessingException, match="does not belong to connection elsewhere"):
        run("download", CONNECTION="elsewhere", INPUT=layer, FOLDER=str(tmp_path))
    assert list(tmp_path.iterdir()) == []


# ---- stacks ------------------------------------------------------------------------------------------------


def _square_km(geometry: QgsGeometry) -> float:
    measure = QgsDistanceArea()
    measure.setEllipsoid("WGS84")
    layer = _layer_of(geometry)
    measure.setSourceCrs(layer.crs(), QgsProject.instance().transformContext())
    return float(measure.measureArea(geometry) / 1e6)


def _common(shapes: Sequence[QgsGeometry]) -> QgsGeometry:
    ground = shapes[0]
    for shape in shapes[1:]:
        ground = ground.intersection(shape)
    return ground


def test_stacks_are_the_maximal_sets_that_share_ground(run: Run, features: Sequence[Feature]) -> None:
    some = {f["id"]: _shape(f) for f in features if _in_summer(f)}
    some = dict(list(some.items())[:9])
    layer = run("search", **SUMMER, OUTPUT="memory:")["OUTPUT"]
    layer.selectByExpression(f'"id" in ({",".join(repr(i) for i in some)})')
    source = QgsProcessingFeatureSourceDefinition(layer.id(), selectedFeaturesOnly=True)
    least = 0.1
    found = run("stacks", INPUT=source, MIN_AREA=least, OUTPUT="memory:")["OUTPUT"]
    # By brute force: every set of scenes whose common ground is large enough, less those that are part of another.
    enough = [
        set(ids)
        for depth in range(2, len(some) + 1)
        for ids in combinations(some, depth)
        if _square_km(_common([some[scene] for scene in ids])) >= least
    ]
    maximal = sorted(sorted(ids) for ids in enough if not any(ids < other for other in enough))
    rows = list(found.getFeatures())
    assert sorted(sorted(row["scenes"].split(",")) for row in rows) == maximal
    assert len(maximal) > 1
    for row in rows:
        ids = row["scenes"].split(",")
        assert row["depth"] == len(ids)
        ground = _common([some[scene] for scene in ids])
        assert row["area_km2"] == pytest.approx(_square_km(ground), rel=1e-4)
        assert row.geometry().symDifference(ground).area() < 1e-5 * ground.area()  # positions to a millimetre
        assert ids == sorted(ids), "the oldest first: ids begin with the time"
    assert [row["depth"] for row in rows] == sorted((row["depth"] for row in rows), reverse=True)


@pytest.mark.parametrize(
    ("wkt", "width", "height"),
    [
        ("POLYGON((0 0,40 0,40 20,0 20,0 0))", 40, 20),
        # An L: the best is 60 x 30, not 30 x 50.
        ("POLYGON((0 0,60 0,60 30,30 30,30 50,0 50,0 0))", 60, 30),
        # A hole leaves the 25 below it.
        ("POLYGON((0 0,100 0,100 60,0 60,0 0),(40 25,60 25,60 55,40 55,40 25))", 100, 25),
    ],
)
def test_the_largest_rectangle_is_found(run: Run, wkt: str, width: float, height: float) -> None:
    found = run("rectangle", INPUT=_layer_of(QgsGeometry.fromWkt(wkt), crs="EPSG:32633"), OUTPUT="memory:")["OUTPUT"]
    (row,) = found.getFeatures()
    assert (row["rect_width"], row["rect_height"]) == pytest.approx((width, height), rel=0.01)
    assert QgsGeometry.fromWkt(wkt).buffer(1e-6, 5).contains(row.geometry())
    assert row["rect_area"] == pytest.approx(row.geometry().area())


def test_a_rectangle_in_a_rectangle_has_its_own_size(run: Run) -> None:
    layer = _layer_of(QgsGeometry.fromWkt("POLYGON((0 0,40 0,40 20,0 20,0 0))"), crs="EPSG:32633")
    first = run("rectangle", INPUT=layer, OUTPUT="memory:")["OUTPUT"]
    second = run("rectangle", INPUT=first, ASPECT=4, OUTPUT="memory:")["OUTPUT"]
    (row,) = second.getFeatures()
    assert [field.name() for field in second.fields()].count("rect_width") == 1
    assert (row["rect_width"], row["rect_height"], row["rect_area"]) == pytest.approx((40, 10, 400), rel=0.02)
    assert row["rect_area"] == pytest.approx(row.geometry().area())


def test_stacks_of_any_polygons(run: Run) -> None:
    square = QgsGeometry.fromWkt("POLYGON((10 50,10.1 50,10.1 50.1,10 50.1,10 50))")
    layer = QgsVectorLayer("Polygon?crs=EPSG:4326&field=name:string&field=day:integer", "area", "memory")
    for name, day in (("a", 2), ("b", 1), (None, 3), (None, 4)):
        row = QgsFeature(layer.fields())
        row.setGeometry(square)
        row.setAttributes([name, day])
        layer.dataProvider().addFeature(row)
    without = run("stacks", INPUT=layer, ID="", OUTPUT="memory:")["OUTPUT"]
    assert [row["depth"] for row in without.getFeatures()] == [4]
    assert [row["depth"] for row in run("stacks", INPUT=layer, OUTPUT="memory:")["OUTPUT"].getFeatures()] == [4]
    (row,) = run("stacks", INPUT=layer, ID="name", ACQUIRED="day", OUTPUT="memory:")["OUTPUT"].getFeatures()
    assert row["scenes"].split(",")[:2] == ["b", "a"] and row["depth"] == 4
    assert (row["first_acquired"], row["last_acquired"]) == ("1", "4")
    with pytest.raises(QgsProcessingException, match="no column nosuch"):
        run("stacks", INPUT=layer, ID="nosuch", OUTPUT="memory:")


FIELD = QgsGeometry.fromWkt("POLYGON((11.992 47.874,11.9985 47.8735,11.999 47.877,11.994 47.878,11.992 47.874))")


def test_with_an_area_all_that_cover_the_whole_come_first(run: Run, features: Sequence[Feature]) -> None:
    shapes = {f["id"]: _shape(f) for f in features if _in_summer(f)}
    whole = sorted(name for name, shape in shapes.items() if shape.contains(FIELD))
    touching = [name for name, shape in shapes.items() if shape.intersects(FIELD)]
    assert 2 <= len(whole) < len(touching)
    layer = run("search", **SUMMER, OUTPUT="memory:")["OUTPUT"]
    field = _layer_of(FIELD)
    first, *others = run("stacks", INPUT=layer, AREA=field, OUTPUT="memory:")["OUTPUT"].getFeatures()
    assert sorted(first["scenes"].split(",")) == whole and first["covered"] == 1
    for row in (first, *others):
        ground = _common([shapes[scene] for scene in row["scenes"].split(",")])
        assert row["covered"] == pytest.approx(_square_km(ground.intersection(FIELD)) / _square_km(FIELD), abs=1e-3)
        assert row["area_km2"] == pytest.approx(_square_km(ground), rel=1e-4)
    told = [row["covered"] for row in others]
    assert told == sorted(told, reverse=True) and max(told, default=0) < 1
    # Where no two cover all of it, those that share most.
    wide = FIELD.buffer(0.03, 5)
    (best, *_) = run("stacks", INPUT=layer, AREA=_layer_of(wide), OUTPUT="memory:")["OUTPUT"].getFeatures()
    most = max(_square_km(_common([*pair, wide])) for pair in combinations(shapes.values(), 2))
    assert best["covered"] == pytest.approx(most / _square_km(wide), abs=1e-3)


def test_a_rectangle_in_degrees_is_one_in_metres(run: Run, features: Sequence[Feature]) -> None:
    footprint = _shape(features[0])
    found = run("rectangle", INPUT=_layer_of(footprint), OUTPUT="memory:")["OUTPUT"]
    (row,) = found.getFeatures()
    assert found.crs().authid() == "EPSG:4326"
    # What is straight in UTM is not in degrees: by some 20 cm over 3 km.
    assert footprint.buffer(2e-6, 5).contains(row.geometry())
    assert row["rect_area"] / 1e6 == pytest.approx(_square_km(row.geometry()), rel=2e-3)


# ---- pixels ------------------------------------------------------------------------------------------------


def test_crops_are_one_grid_and_the_scenes_own_pixels(run: Run, archive: Path, tmp_path: Path) -> None:
    scenes = run("search", **SUMMER, CLOUD_COVER=30, EXTENT=EXTENT, OUTPUT=str(tmp_path / "s.gpkg"))["OUTPUT"]
    stacks = run("stacks", INPUT=scenes, MIN_AREA=0.5, OUTPUT="memory:")["OUTPUT"]
    stacks.selectByIds([next(stacks.getFeatures()).id()])
    (stack,) = stacks.selectedFeatures()
    one = QgsProcessingFeatureSourceDefinition(stacks.id(), selectedFeaturesOnly=True)
    found = run("cropstack", CONNECTION="sample", INPUT=scenes, AREA=one, FOLDER=str(tmp_path / "crops"))
    ids = stack["scenes"].split(",")
    assert [Path(path).name for path in found["FILES"]] == [f"{scene}_visual_crop.tif" for scene in ids]
    crops = [gdal.Open(path) for path in found["FILES"]]
    assert len({(c.RasterXSize, c.RasterYSize, c.GetGeoTransform(), c.GetProjection()) for c in crops}) == 1
    west, pixel, _, north, _, _ = crops[0].GetGeoTransform()
    for scene, crop in zip(ids, crops):
        tags = crop.GetMetadata()
        assert (tags["id"], tags["scene_type"], tags["product"]) == (scene, "ortho", "visual")
        told = json.loads((archive / f"{scene}_metadata.json").read_text())["properties"]["acquired"]
        assert tags["acquired"][:19] == told[:19]  # QGIS drops fractions of a second from GeoPackages
        mask = crop.GetRasterBand(1).GetMaskBand().ReadAsArray()
        assert float(tags["valid"]) == pytest.approx(numpy.count_nonzero(mask) / mask.size, abs=1e-4)
    # The oldest is on its own grid: its pixels are those of the file, untouched.
    source = gdal.Open(str(archive / f"{ids[0]}_visual.tif"))
    left, size, _, top, _, _ = source.GetGeoTransform()
    assert pixel == size
    column, row = (west - left) / size, (top - north) / size
    assert (column, row) == (round(column), round(row))
    window = (int(column), int(row), crops[0].RasterXSize, crops[0].RasterYSize)
    assert numpy.array_equal(crops[0].ReadAsArray(), source.ReadAsArray(*window))
    assert {path.name for path in (tmp_path / "crops").iterdir()} == {Path(path).name for path in found["FILES"]}


def test_crops_of_a_field_hold_it_and_what_does_not_cover_it_is_left_out(
    run: Run, features: Sequence[Feature], archive: Path, tmp_path: Path
) -> None:
    shapes = {f["id"]: _shape(f) for f in features if _in_summer(f)}
    whole = sorted(name for name, shape in shapes.items() if shape.contains(FIELD))
    scenes = run("searchlayer", **SUMMER)["OUTPUT"]
    feedback = Feedback()
    given = {"CONNECTION": "sample", "INPUT": scenes, "AREA": _layer_of(FIELD)}
    found = run("cropstack", feedback, **given, FOLDER=str(tmp_path / "crops"))
    assert sorted(Path(path).name for path in found["FILES"]) == [f"{scene}_visual_crop.tif" for scene in whole]
    assert len([line for line in feedback.said if "% of the area: it is left out" in line]) == len(shapes) - len(whole)
    outlines = str(tmp_path / "field.geojson")
    Path(outlines).write_text(FIELD.densifyByDistance(0.0005).asJson(12))
    for path in found["FILES"]:
        crop = gdal.Open(path)
        west, size, _, north, _, _ = crop.GetGeoTransform()
        bounds = (west, north - size * crop.RasterYSize, west + size * crop.RasterXSize, north)
        # What GDAL's own cutline says of the field's extent, in the crop's system.
        in_metres = gdal.VectorTranslate("/vsimem/field.json", outlines, dstSRS=crop.GetProjection(), reproject=True)
        left, right, bottom, top = in_metres.GetLayer().GetExtent()
        assert 0 <= left - bounds[0] < size and 0 <= bottom - bounds[1] < size
        assert 0 <= bounds[2] - right < size and 0 <= bounds[3] - top < size
        source = str(archive / f"{crop.GetMetadataItem('id')}_visual.tif")
        wanted = gdal.Warp(str(tmp_path / "wanted.tif"), source, dstSRS=crop.GetProjection(), outputBounds=bounds,
                           xRes=size, yRes=size)  # fmt: skip
        assert numpy.array_equal(crop.ReadAsArray(), wanted.ReadAsArray())
        assert crop.GetMetadataItem("covered") == "1.0000"
    inside = run("cropstack", **{**given, "INPUT": _some(scenes, whole)}, RECTANGLE=True, FOLDER=str(tmp_path / "r"))
    assert gdal.Open(inside["FILES"][0]).RasterXSize < gdal.Open(found["FILES"][0]).RasterXSize
    with pytest.raises(QgsProcessingException, match="No scene covers the whole area, only up to .* % of it"):
        run("cropstack", **{**given, "AREA": _layer_of(FIELD.buffer(0.05, 5))}, FOLDER=str(tmp_path / "none"))
    assert not (tmp_path / "none").exists()


def _some(layer: QgsVectorLayer, ids: Sequence[str]) -> QgsProcessingFeatureSourceDefinition:
    layer.selectByExpression(f'"id" in ({",".join(repr(i) for i in ids)})')
    return QgsProcessingFeatureSourceDefinition(layer.id(), selectedFeaturesOnly=True)


def test_scenes_without_common_ground_are_not_cropped(run: Run, tmp_path: Path) -> None:
    scenes = run("searchlayer", **SUMMER)["OUTPUT"]
    with pytest.raises(QgsProcessingException, match="no ground in common"):
        run("cropstack", CONNECTION="sample", INPUT=scenes, FOLDER=str(tmp_path / "crops"))


def test_a_mosaic_shows_what_gdal_makes_of_the_archives_files(run: Run, archive: Path, tmp_path: Path) -> None:
    scenes = run("search", **SUMMER, CLOUD_COVER=30, EXTENT=EXTENT, OUTPUT=str(tmp_path / "s.gpkg"))
    target = tmp_path / "mosaic.tif"
    extent = "275000,278000,5305000,5308000 [EPSG:32633]"
    found = run(
        "mosaic", CONNECTION="sample", INPUT=scenes["OUTPUT"], CRS="EPSG:32633", EXTENT=extent, RESOLUTION=20,
        OUTPUT=str(target),
    )  # fmt: skip
    assert found["OUTPUT"] == str(target)
    # Old QGIS drops fractions of a second from GeoPackages; of two scenes of one second the id decides then.
    rows = QgsVectorLayer(str(tmp_path / "s.gpkg")).getFeatures()
    oldest_first = sorted((row["acquired"].toMSecsSinceEpoch(), row["id"]) for row in rows)
    files = [str(archive / f"{scene}_visual.tif") for _, scene in oldest_first]
    # Not in GDAL's driver MEM, which knows no alpha band.
    wanted = gdal.Warp(
        str(tmp_path / "wanted.tif"),
        files,
        dstSRS="EPSG:32633",
        outputBounds=(275000, 5305000, 278000, 5308000),
        xRes=20,
        yRes=20,
    )
    made = gdal.Open(str(target))
    assert made.GetGeoTransform() == wanted.GetGeoTransform()
    pixels = wanted.ReadAsArray()
    assert numpy.count_nonzero(pixels[3]) > 1000
    assert numpy.array_equal(made.ReadAsArray(), pixels)


@pytest.mark.parametrize("resampling", ["nearest", "bilinear"])
def test_each_pixel_of_a_mosaic_is_placed_for_itself(run: Run, archive: Path, tmp_path: Path, resampling: str) -> None:
    # More than a tile of the file wide, and not in the system of the scene.
    scenes = run("search", **SUMMER, EXTENT=EXTENT, LIMIT=1, OUTPUT=str(tmp_path / "s.gpkg"))
    bounds = (1330000, 6080000, 1344000, 6093000)
    found = run(
        "mosaic", CONNECTION="sample", INPUT=scenes["OUTPUT"], CRS="EPSG:3857", RESOLUTION=20, RESAMPLING=resampling,
        EXTENT="1330000,1344000,6080000,6093000 [EPSG:3857]", OUTPUT=str(tmp_path / "mosaic.tif"),
    )  # fmt: skip
    (row,) = QgsVectorLayer(str(tmp_path / "s.gpkg")).getFeatures()
    source = gdal.Open(str(archive / f"{row['id']}_visual.tif"))
    options = {"dstSRS": "EPSG:3857", "outputBounds": bounds, "xRes": 20, "yRes": 20, "resampleAlg": resampling}
    if resampling == "bilinear":
        # One scale for the whole; otherwise GDAL estimates one for each part, and its parts follow tiles.
        _, width, _, _, _, height = gdal.AutoCreateWarpedVRT(source, None, "EPSG:3857").GetGeoTransform()
        options["warpOptions"] = [f"XSCALE={width / 20!r}", f"YSCALE={-height / 20!r}"]
    wanted = gdal.Warp(str(tmp_path / "wanted.tif"), source, errorThreshold=0, **options).ReadAsArray()
    made = gdal.Open(str(found["OUTPUT"])).ReadAsArray()
    assert numpy.count_nonzero(wanted[3]) > 1000
    assert numpy.array_equal(made, wanted)
    # That is not what GDAL does unless told so.
    near = gdal.Warp(str(tmp_path / "near.tif"), source, errorThreshold=0.125, **options).ReadAsArray()
    assert not numpy.array_equal(near, wanted)
    if resampling == "nearest":
        # Position by position: the pixel of the scene that the middle of the mosaic's pixel lies in.
        there, here = QgsCoordinateReferenceSystem("EPSG:3857"), QgsCoordinateReferenceSystem()
        here.createFromWkt(source.GetProjection())
        transform = QgsCoordinateTransform(there, here, QgsProject.instance())
        west, size, _, north, _, _ = source.GetGeoTransform()
        for line, column in numpy.argwhere(wanted[3] > 0)[::97]:
            place = transform.transform(QgsPointXY(1330010 + 20 * column, 6092990 - 20 * line))
            x, y = int((place.x() - west) // size), int((north - place.y()) // size)
            assert (source.ReadAsArray(x, y, 1, 1)[:, 0, 0] == made[:, line, column]).all()


def test_a_cancelled_mosaic_leaves_nothing_behind(run: Run, tmp_path: Path) -> None:
    scenes = run("searchlayer", **SUMMER, LIMIT=5)["OUTPUT"]
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        run("mosaic", Feedback(until=20), CONNECTION="sample", INPUT=scenes, OUTPUT=str(tmp_path / "m.tif"))
    assert list(tmp_path.iterdir()) == []


# ---- models ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["name", "url"])
def test_a_model_goes_from_a_search_to_its_stacks(run: Run, connection: Connection, given: str) -> None:
    model = QgsProcessingModelAlgorithm("stacks of a search")
    search = QgsProcessingModelChildAlgorithm("planet:searchlayer")
    search.setChildId("search")
    for name, value in {**SUMMER, "CONNECTION": getattr(connection, given)}.items():
        search.addParameterSources(name, [QgsProcessingModelChildParameterSource.fromStaticValue(value)])
    model.addChildAlgorithm(search)
    stacks = QgsProcessingModelChildAlgorithm("planet:stacks")
    stacks.setChildId("stacks")
    stacks.addParameterSources("INPUT", [QgsProcessingModelChildParameterSource.fromChildOutput("search", "OUTPUT")])
    output = QgsProcessingModelOutput("found")
    output.setChildId("stacks")
    output.setChildOutputName("OUTPUT")
    stacks.setModelOutputs({"found": output})
    model.addChildAlgorithm(stacks)
    model.initAlgorithm()
    context, feedback = QgsProcessingContext(), Feedback()
    context.setProject(QgsProject.instance())
    results, good = model.run({"stacks:found": "memory:"}, context, feedback)
    assert good, feedback.said
    assert results["COUNT"] if "COUNT" in results else True
    layer = context.getMapLayer(results["stacks:found"])
    assert layer is not None and layer.featureCount() > 1
