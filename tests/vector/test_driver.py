"""The GDAL driver in every program: the same scenes as the API gives, whole, with every property."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any, Callable

import geopandas
import pyogrio
import pytest
import shapely
from shapely.geometry import shape

import planet_vector
from planet_vector.driver import datasets
from planet_vector.times import parse_time
from tests.bare import REFUSE
from tests.conftest import HAS_FIONA, Service, Start, needs_fiona
from tests.faces import Face
from tests.vector.conftest import Watched, ask, ask_all

CLOUDLESS = "PLANET:ortho?cloud_cover.estimated.lte=20"
CLOUD = "cloud_cover.estimated"

IN_OSGEO = """
import json, sys
from osgeo import gdal, ogr
gdal.UseExceptions()
source = ogr.Open(sys.argv[1])
layer = source.GetLayer(0)
rows = [[f["id"], f["cloud_cover.estimated"], f.GetGeometryRef().ExportToWkt()] for f in layer]
print(json.dumps([layer.GetFeatureCount(), rows]))
"""

IN_QGIS = """
import json, sys
from qgis.core import QgsApplication, QgsVectorLayer
application = QgsApplication([], False)
application.initQgis()
layer = QgsVectorLayer(sys.argv[1], "scenes", "ogr")
rows = [[f["id"], f["cloud_cover.estimated"], f.geometry().asWkt(17)] for f in layer.getFeatures()]
print(json.dumps([layer.featureCount(), rows]))
del layer
application.exitQgis()
"""


def test_ogr2ogr_gives_what_the_api_pages_through(
    run: Callable[..., Any], tmp_path: Path, system_python: Callable[..., Any], connected: Service, face: Face
) -> None:
    service, cloudless, cloud_cover = connected, face.spell(CLOUDLESS), face.spell(CLOUD)
    expected = ask_all(service, "ortho", **{"cloud_cover.estimated.lte": 20})
    assert 5 < len(expected) < ask(service, "scenes/ortho/")["count"]
    done = run("ogr2ogr", "-f", "GPKG", str(tmp_path / "out.gpkg"), cloudless, env=service.environ)
    assert (done.returncode, done.stderr) == (0, "")
    # A GeoPackage comes in the order of its FIDs.
    order = [scene["id"] for scene in expected]
    rows = sorted(
        _rows(pyogrio.read_dataframe(tmp_path / "out.gpkg"), cloud_cover), key=lambda row: order.index(row[0])
    )
    assert [row[0] for row in rows] == [scene["id"] for scene in expected]
    for (_, cloud, footprint), scene in zip(rows, expected):
        assert cloud == face.value(CLOUD, scene["properties"]["cloud_cover"]["estimated"])
        assert footprint.equals_exact(shapely.MultiPolygon(_polygons(scene)), 1e-9)

    assert _rows(pyogrio.read_dataframe(cloudless), cloud_cover) == rows
    assert _rows(pyogrio.read_dataframe(cloudless, use_arrow=True), cloud_cover) == rows
    assert _rows(geopandas.read_file(cloudless), cloud_cover) == rows
    if HAS_FIONA:
        import fiona

        with fiona.open(cloudless) as source:
            assert len(source) == len(rows)
            assert [f["properties"]["id"] for f in source] == [row[0] for row in rows]
            assert [shape(f["geometry"]) for f in source] == [row[2] for row in rows]
    assert [scene.id for scene in planet_vector.search(cloudless)] == [row[0] for row in rows]
    for code in (IN_OSGEO, IN_QGIS):
        done = system_python(face.spell(code), cloudless, env=service.environ)
        assert done.returncode == 0, done.stderr
        count, found = json.loads(done.stdout)
        assert count == len(rows)
        assert [(i, cloud) for i, cloud, _ in found] == [(i, cloud) for i, cloud, _ in rows]
        assert all(shapely.from_wkt(wkt).equals_exact(row[2], 1e-9) for (_, _, wkt), row in zip(found, rows))


def _rows(frame: Any, cloud_cover: str) -> list[tuple[str, float, Any]]:
    return list(zip(frame["id"], frame[cloud_cover], frame.geometry))


def _polygons(scene: dict[str, Any]) -> list[Any]:
    geometry = shape(scene["geometry"])
    return list(geometry.geoms) if geometry.geom_type == "MultiPolygon" else [geometry]


def test_real_scenes_keep_every_property(shared_data: Path, start_service: Start, face: Face, tmp_path: Path) -> None:
    scenes = json.loads((shared_data / "ortho-search-50.geojson").read_text())["features"]
    (tmp_path / "scenes").mkdir()
    (tmp_path / "scenes" / "page.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": scenes}))
    running = start_service(tmp_path / "scenes", "--index", str(tmp_path / "index.sqlite"))
    frame = pyogrio.read_dataframe(f"PLANET:ortho?api_url={running.root}", API_KEY=running.key).set_index("id")
    assert sorted(frame.index) == sorted(scene["id"] for scene in scenes)
    for scene in face.documents(running.root, running.key, scenes):
        row = frame.loc[scene["id"]]
        other = json.loads(row["other"]) if row["other"] else {}
        for name, value in _leaves(scene["properties"]):
            if name in frame.columns:
                found = row[name]
                if name in ("acquired", "published", "updated"):
                    assert abs(found - __import__("pandas").Timestamp(value)).total_seconds() <= 0.001
                elif isinstance(value, str) and value.startswith("https://"):
                    assert found.partition("/v0/")[2] == value.partition("/v0/")[2]
                elif value is None:
                    assert found is None or found != found
                else:
                    assert found == value
            else:
                assert dict(_leaves(other))[name] == value
        assert row.geometry.equals(shapely.MultiPolygon(_polygons(scene)))
    running.stop()


def _leaves(tree: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found = []
    for key, value in tree.items():
        found += _leaves(value, f"{prefix}{key}.") if isinstance(value, dict) else [(prefix + key, value)]
    return found


@pytest.mark.parametrize("scene_type", ["ortho", "rapideye", "landsat"])
def test_each_scene_type_is_a_layer(connected: Service, face: Face, scene_type: str) -> None:
    assert sorted(name for name, _ in pyogrio.list_layers("PLANET:")) == sorted(ask(connected, "scenes/"))
    scenes = {scene["id"]: scene for scene in ask_all(connected, scene_type)}
    documents = {scene["id"]: scene for scene in face.documents(connected.root, connected.key, [*scenes.values()])}
    cloud_cover = face.spell(CLOUD)
    frame = pyogrio.read_dataframe("PLANET:", layer=scene_type)
    assert sorted(frame["id"]) == sorted(scenes)
    info = pyogrio.read_info("PLANET:", layer=scene_type)
    assert (info["geometry_type"], info["crs"]) == ("MultiPolygon", "EPSG:4326")
    if "ogr_types" in info:  # from pyogrio 0.12 on
        kinds = dict(zip(info["fields"], info["ogr_types"]))
        assert kinds["acquired"] == "OFTDateTime"
        assert kinds[cloud_cover] == "OFTReal"
    assert str(frame["acquired"].dtype).startswith("datetime64")
    assert frame[cloud_cover].dtype == "float64"
    for _, row in frame.iterrows():
        assert row[cloud_cover] == face.value(CLOUD, scenes[row["id"]]["properties"]["cloud_cover"]["estimated"])
        said = dict(_leaves(documents[row["id"]]["properties"]))
        assert dict(_leaves(json.loads(row["other"] or "{}"))) == {n: said[n] for n in said if n not in frame.columns}
        assert row["other"] is None or face.has_others  # every property that the sample has in v0 is a column


def test_a_scene_is_a_layer_of_one_feature(connected: Service) -> None:
    scene = ask(connected, "scenes/ortho/", count=1)["features"][0]
    frame = pyogrio.read_dataframe(f"PLANET:ortho/{scene['id']}")
    assert list(frame["id"]) == [scene["id"]]
    assert list(pyogrio.read_dataframe(f"planet://ortho/{scene['id']}")["id"]) == [scene["id"]]


def test_a_footprint_over_the_antimeridian_is_in_two_parts(connected: Service) -> None:
    frame = pyogrio.read_dataframe("PLANET:ortho?bbox=179,-90,-179,90")
    crossing = [g for g in frame.geometry if len(g.geoms) == 2]
    assert len(crossing) == 1
    west, _, east, _ = crossing[0].bounds
    assert (west, east) == (-180, 180)
    assert list(pyogrio.read_dataframe("PLANET:ortho", bbox=(-180, -90, -179, 90))["id"]) == list(frame["id"])


def test_fids_are_the_same_whatever_the_search(many: Watched, face: Face, system_python: Callable[..., Any]) -> None:
    everything = pyogrio.read_dataframe("PLANET:ortho", fid_as_index=True, columns=["id"], read_geometry=False)
    some = pyogrio.read_dataframe(
        face.spell("PLANET:ortho?cloud_cover.estimated.lte=5&order_by=acquired asc"), fid_as_index=True, columns=["id"]
    )
    assert everything.index.is_unique
    assert 100 < len(some) < len(everything)
    assert all(everything.loc[fid]["id"] == row["id"] for fid, row in some.iterrows())
    # By id through osgeo: fiona and pyogrio cut the ids they are asked for to 32 bits.
    code = "import sys; from osgeo import ogr; source = ogr.Open('PLANET:ortho'); layer = source.GetLayer(0)\n"
    code += "print(*[layer.GetFeature(int(fid))['id'] for fid in sys.argv[1:]])"
    done = system_python(code, *map(str, some.index[:3]), env=many.service.environ)
    assert done.stdout.split() == list(some["id"][:3]), done.stderr


def test_limit_and_order_are_exact(many: Watched, many_scenes: list[dict[str, Any]]) -> None:
    times = sorted(parse_time(scene["properties"]["acquired"]) for scene in many_scenes)
    for parameters, expected in [
        ("limit=7", times[::-1][:7]),
        ("limit=7&order_by=acquired asc", times[:7]),
        ("limit=1500", times[::-1][:1500]),
        ("limit=9999", times[::-1]),
        ("order_by=acquired asc", times),
    ]:
        found = [scene.acquired for scene in planet_vector.search(f"PLANET:ortho?{parameters}")]
        assert sorted(found) == sorted(expected)
        assert found == sorted(found, reverse="asc" not in parameters)
        frame = pyogrio.read_dataframe(f"PLANET:ortho?{parameters}", columns=["acquired"], read_geometry=False)
        assert len(frame) == len(expected)
        assert frame["acquired"].is_monotonic_increasing == ("asc" in parameters)


def test_a_narrower_name_is_not_answered_with_a_wider_result(many: Watched, face: Face) -> None:
    columns, most = ["id", face.spell(CLOUD)], face.value(CLOUD, 20)
    everything = pyogrio.read_dataframe("PLANET:ortho", columns=columns)
    some = pyogrio.read_dataframe(face.spell(CLOUDLESS), columns=columns)
    assert list(some["id"]) == list(everything[everything[columns[1]] <= most]["id"])
    boxed = pyogrio.read_dataframe("PLANET:ortho?bbox=0,0,40,40", columns=["id"])
    inside = everything[everything.intersects(shapely.box(0, 0, 40, 40))]
    assert 10 < len(inside) < 200
    assert list(boxed["id"]) == list(inside["id"])


def test_a_column_named_twice_is_an_error_in_a_sentence(many: Watched) -> None:
    with pytest.raises(Exception, match="fields names 'acquired' more than once"):
        pyogrio.read_info("PLANET:ortho?fields=acquired,id,acquired")


def test_fields_chooses_columns(many: Watched, face: Face) -> None:
    satellite = face.spell("sat.id")
    info = pyogrio.read_info(f"PLANET:ortho?fields=id,{satellite},acquired")
    assert list(info["fields"]) == ["id", satellite, "acquired"]
    frame = pyogrio.read_dataframe(f"PLANET:ortho?fields=id,{satellite},acquired&limit=3")
    assert list(frame.columns) == ["id", satellite, "acquired", "geometry"]
    assert set(frame[satellite]) <= {"0905", "0b0a", "0c1d"}


@pytest.mark.only_v0("items of the Data API have an address only once it is requested")
def test_location_names_the_product(connected: Service) -> None:
    for product in ("visual", "analytic"):
        frame = pyogrio.read_dataframe(f"PLANET:ortho?product={product}&limit=3")
        links = [
            ask(connected, f"scenes/ortho/{i}")["properties"]["data"]["products"][product]["full"] for i in frame["id"]
        ]
        assert all(link in location for link, location in zip(links, frame["location"]))
        assert not any(connected.key in location for location in frame["location"])


def test_a_search_becomes_a_data_frame(connected: Service, face: Face) -> None:
    live = planet_vector.search(face.spell(CLOUDLESS)).to_geopandas()
    by_driver = pyogrio.read_dataframe(face.spell(CLOUDLESS))
    assert len(live) > 5
    assert list(live["id"]) == list(by_driver["id"])
    assert list(live["acquired"]) == list(by_driver["acquired"])
    assert list(live.geometry) == list(by_driver.geometry)
    assert live.crs == by_driver.crs
    assert len(planet_vector.search("PLANET:ortho?acquired.gte=2100-01-01").to_geopandas()) == 0


# Without planet_vector.register(), which would have fiona's GDAL load the driver first: the environment names it.
IN_TWO_GDALS = """
import fiona, fiona.drvsupport, pyogrio
fiona.drvsupport.supported_drivers["PLANET"] = "r"
where, box = "acquired > '2015-02-01'", (-180, -90, 180, 0)
def by_pyogrio():
    return len(pyogrio.raw.read("PLANET:ortho", where=where, bbox=box, use_arrow=False)[2])
def by_fiona():
    with fiona.open("PLANET:ortho") as source:  # counts what the filters let through, to know where to stop
        return len(list(source.items(0, 9999, bbox=box, where=where)))
ORDER = [by_pyogrio, by_fiona, by_pyogrio, by_fiona]
print(*[read() for read in ORDER{order}])
import sys
def own(read):
    if read is by_pyogrio and pyogrio.__gdal_version__ >= (3, 12):
        return sys.modules["gdal_python_driver"]._layer_featureCount
    return sys.modules["_gdal_python_driver"].layer_featureCount
assert sys.modules["gdal_PLANET"].Layer.count_by_gdal is own(ORDER{order}[1])  # the one that came last
"""


@needs_fiona
@pytest.mark.parametrize("order", ["", "[1:]"], ids=["pyogrio first", "fiona first"])
def test_two_gdals_in_a_process_count_each_for_itself(many: Watched, run: Callable[..., Any], order: str) -> None:
    done = run("python", "-c", IN_TWO_GDALS.replace("{order}", order), env=many.service.environ)
    counts = {int(count) for count in done.stdout.split()}
    assert done.returncode == 0, done.stderr
    assert len(counts) == 1
    assert counts.pop() > 100


def test_extents_are_cheap_and_true(
    many: Watched, many_scenes: list[dict[str, Any]], face: Face, run: Callable[..., Any]
) -> None:
    name = face.spell("PLANET:ortho?cloud_cover.estimated.lte=5")
    scenes = [s for s in many_scenes if s["properties"]["cloud_cover"]["estimated"] <= 5]
    bounds = shapely.MultiPolygon([shape(s["geometry"]) for s in scenes]).bounds
    assert tuple(planet_vector.open_layer(name).extent() or ()) == bounds
    many.requests()
    # More than a page that nobody has read: the world, which asks for nothing but the count.
    assert tuple(planet_vector.open_layer("PLANET:ortho").extent() or ()) == (-180, -90, 180, 90)
    assert many.pages() == []
    done = run("ogrinfo", "-so", "PLANET:ortho?acquired.gte=2100-01-01", "ortho", env=many.service.environ)
    assert "Feature Count: 0" in done.stdout
    assert "Extent:" not in done.stdout


@pytest.mark.parametrize("extent", [(-400, -10, -200, 10), (185, -10, 190, 10), (-10, 91, 10, 99)])
def test_an_extent_beside_the_globe_costs_next_to_nothing(many: Watched, face: Face, extent: tuple[float, ...]) -> None:
    layer = planet_vector.open_layer(face.spell("PLANET:ortho?cloud_cover.estimated.lte=50"))
    many.requests()
    assert list(datasets.features(layer, None, extent)) == []
    assert len(many.requests()) == face.part


IN_A_BARE_PYTHON = """
import importlib.util
from planet_vector.driver.registration import plugin_directory
spec = importlib.util.spec_from_file_location("gdal_PLANET", plugin_directory() / "gdal_PLANET.py")
driver = importlib.util.module_from_spec(spec)
spec.loader.exec_module(driver)

kept = []  # layers go with their dataset

def opened(name):
    kept.append(driver.Driver().open(name, b"", driver.VECTOR | driver.RASTER))
    return kept[-1]

[layer] = opened("PLANET:ortho").layers
rows = list(iter(layer))
again = layer.feature_by_id(rows[0]["id"])
print(len(rows), layer.feature_count(1), len(layer.extent(1)), again["id"] == rows[0]["id"])
print(len(layer.metadata("xml:GTI")))
print(len(opened("PLANET:ortho/" + rows[0]["fields"]["id"]).metadata("SUBDATASETS")))
print("msgspec" in Refuse.refused, sorted(Refuse.refused & set(sys.modules)))
"""


def test_the_driver_needs_the_standard_library_and_requests_alone(service: Service, run: Callable[..., Any]) -> None:
    number = ask(service, "scenes/ortho/")["count"]
    done = run("python", "-c", REFUSE + IN_A_BARE_PYTHON, env=service.environ)
    assert done.returncode == 0, done.stderr
    rows, index, subdatasets, refused = done.stdout.splitlines()
    assert rows == f"{number} {number} 4 True", done.stderr
    assert index == "1" and int(subdatasets) >= 2
    assert refused == f"{importlib.util.find_spec('msgspec') is not None} []"
