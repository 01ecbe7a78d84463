"""Scenes as STAC items, valid by STAC's own schemas; searches as GeoParquet files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

pystac = pytest.importorskip("pystac")
pytest.importorskip("jsonschema")
import shapely  # noqa: E402
from pystac.validation.local_validator import LocalValidator  # noqa: E402

import planet_vector  # noqa: E402
from planet_vector import NotFoundError, stac_export  # noqa: E402
from planet_vector.raster.headers import header_of  # noqa: E402
from planet_vector.scene import Scene  # noqa: E402
from tests.schemas import ORTHO  # noqa: E402

from ..conftest import Service  # noqa: E402

Run = Callable[..., Any]

# The one that takes its place asks the network for schemas.
pytestmark = pytest.mark.filterwarnings("ignore:``LocalValidator`` is deprecated:DeprecationWarning")


def check(item: Dict[str, Any]) -> Any:
    """Validate an item by the schema that pystac brings, of STAC 1.1, and read it as pystac does."""
    assert item["stac_version"] == "1.0.0"
    newer = {**item, "stac_version": "1.1.0"}  # what 1.0 asks of an item, 1.1 asks too
    wrong = [error.message for error in LocalValidator().item_validator("1.1.0").iter_errors(newer)]
    assert not wrong
    assert len(pystac.Item.from_dict(item).assets) == len(item["assets"])
    return pystac.Item.from_dict(json.loads(json.dumps(item)))


def test_items_of_each_type_are_valid(connected: Service) -> None:
    for kind in ("ortho", "landsat", "rapideye"):
        for scene in planet_vector.search(f"PLANET:{kind}?limit=5"):
            item = check(planet_vector.to_stac(scene))
            assert item.datetime == scene.acquired and item.id == scene.id
            assert shapely.geometry.shape(item.geometry).equals(scene.footprint)
            assert set(item.assets) == {*scene.products, "thumbnail", "square_thumbnail"}
            assert item.properties["eo:cloud_cover"] == scene.cloud_cover
            assert connected.key not in json.dumps(planet_vector.to_stac(scene))


def test_nothing_of_a_real_scene_is_lost(shared_data: Path) -> None:
    for feature in json.loads((shared_data / "ortho-search-50.geojson").read_text())["features"]:
        found = stac_export.to_stac(Scene(feature, ORTHO))
        check(found)
        values = json.dumps(found["properties"]) + json.dumps(found["assets"])
        for group in ("camera", "cloud_cover", "image_statistics", "sat", "sun"):
            for name, value in feature["properties"][group].items():
                assert json.dumps(value) in values, name
        assert found["properties"]["platform"] == feature["properties"]["sat"]["id"]
        assert found["properties"]["view:sun_azimuth"] == feature["properties"]["sun"]["azimuth"]
        assert found["assets"]["visual"]["href"] == feature["properties"]["data"]["products"]["visual"]["full"]


def bare(geometry: Any, **properties: Any) -> Scene:
    return Scene({"id": "a", "geometry": geometry, "properties": {"acquired": "2015-01-01", **properties}}, ORTHO)


def test_edges_of_what_stac_allows() -> None:
    nowhere = stac_export.to_stac(bare(None))
    assert nowhere["geometry"] is None and "bbox" not in nowhere
    assert nowhere["stac_extensions"] == [] and nowhere["links"] == []
    jumping = {"type": "Polygon", "coordinates": [[[179, 0], [-179, 0], [-179, 1], [179, 1], [179, 0]]]}
    assert stac_export.to_stac(bare(jumping))["bbox"] == [179, 0, -179, 1]
    odd = stac_export.to_stac(
        bare(None, sat={"off_nadir": -4.5, "id": ""}, sun={"azimuth": 400}, cloud_cover={"estimated": -1})
    )
    told = odd["properties"]
    assert told["view:off_nadir"] == 4.5 and told["planet:sat.off_nadir"] == -4.5
    assert "view:sun_azimuth" not in told and told["planet:sun.azimuth"] == 400
    assert "eo:cloud_cover" not in told and told["planet:cloud_cover.estimated"] == -1


def test_headers_say_where_pixels_lie_and_what_they_are(connected: Service) -> None:
    scene = next(iter(planet_vector.search("PLANET:ortho?limit=1")))
    with planet_vector.open(f"PLANET:ortho/{scene.id}/visual") as dataset:
        found = stac_export.to_stac(scene, {"visual": header_of(dataset)})
        check(found)
        asset = found["assets"]["visual"]
        assert asset["proj:epsg"] == dataset.crs.to_epsg() and asset["proj:shape"] == list(dataset.shape)
        assert [band["name"] for band in asset["eo:bands"]] == ["red", "green", "blue", "alpha"]
        assert [band["data_type"] for band in asset["raster:bands"]] == ["uint8"] * 4


def test_a_search_becomes_a_geoparquet_file(run: Run, service: Service, tmp_path: Path) -> None:
    geopandas = pytest.importorskip("geopandas")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "scenes.parquet"
    command = ["planet-vector", "search", "--cloud-cover", "20", "--geoparquet", str(path)]
    done = run(*command, env=service.environ)
    expected = [json.loads(line) for line in run(*command[:4], env=service.environ).stdout.splitlines()]
    assert (done.returncode, done.stdout) == (0, f"{path}: {len(expected)} scenes\n"), done.stderr
    frame = geopandas.read_parquet(path).set_index("id")
    assert list(frame.index) == [feature["id"] for feature in expected]
    assert frame.crs == "OGC:CRS84" or frame.crs.to_epsg() == 4326
    for feature in expected:
        row = frame.loc[feature["id"]]
        assert row.datetime == geopandas.pd.Timestamp(feature["properties"]["acquired"])
        assert row["eo:cloud_cover"] == feature["properties"]["cloud_cover"]["estimated"]
        assert row.geometry.equals(shapely.geometry.shape(feature["geometry"]))
        assert row.assets["visual"]["href"].endswith("product=visual")
    told = json.loads(parquet.read_metadata(path).metadata[b"geo"])
    assert told["primary_column"] == "geometry" and told["columns"]["geometry"]["encoding"] == "WKB"
    assert service.key.encode() not in path.read_bytes()
    assert run(*command, env=service.environ).returncode == 1
    assert run(*command, "--csv", env=service.environ).returncode == 2
    none = run(*command[:2], "--acquired", "1990-01-01", *command[4:], "--overwrite", env=service.environ)
    assert none.returncode == 1 and "No scenes found" in none.stderr


def test_a_scene_without_a_footprint_is_a_row_without_one(tmp_path: Path) -> None:
    geopandas = pytest.importorskip("geopandas")
    square = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
    scenes: List[Scene] = [bare(None), bare(square)]
    assert stac_export.write_geoparquet(scenes, tmp_path / "two.parquet") == 2
    frame = geopandas.read_parquet(tmp_path / "two.parquet")
    assert frame.geometry.isna().tolist() == [True, False]
    with pytest.raises(NotFoundError):
        stac_export.write_geoparquet([], tmp_path / "none.parquet")
    assert not (tmp_path / "none.parquet").exists()
