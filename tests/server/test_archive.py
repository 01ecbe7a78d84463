"""What an archive may hold, and what becomes of files that change, break or lead astray."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict

import numpy as np
import pytest
import rasterio
import requests
from PIL import Image
from shapely.geometry import Point, shape

from planet_vector.server.archive.inventory import scan
from planet_vector.server.archive.units import REPORTED

from .conftest import ROOT, Running, Serve, feature, write_features, write_raster

ID = "20150306_022415_0908"


def indexed(archive: Path, place: Path) -> Dict[str, Any]:
    """Run ``planet-vector index`` and return what it says."""
    command = [sys.executable, "-m", "planet_vector.cli", "index", str(archive), "--index", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    summary = next(n for n, line in enumerate(lines) if " read anew, " in line)
    kinds = [line for line in lines[summary + 1 :] if line.partition(":")[0] in REPORTED]
    problems = lines[summary + 1 : lines.index(kinds[0]) if kinds else None]  # before other kinds of lines
    return {
        "types": {line.partition(":")[0]: line for line in lines[:summary]},
        "read": int(lines[summary].split()[0]),
        "problems": dict(line.split(": ", 1) for line in problems),
    }


def until(check: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not check():
        assert time.monotonic() < end, "nothing changed within 20 s"
        time.sleep(0.1)


def test_sync_layout(serve: Serve, tmp_path: Path) -> None:
    write_raster(tmp_path / "2015" / f"{ID}_visual.tif", bands=3)
    write_raster(tmp_path / "2015" / f"{ID}_analytic.tif", dtype="uint16")
    kept = feature(
        ID,
        cloud_cover={"estimated": 2.54},
        extra={"ä": [1, 2.50, None]},
        image_statistics={"gsd": 2.50, "image_quality": None},
        links={"self": "https://api.planet.com/v0/scenes/ortho/x"},
    )
    kept["properties"]["data"] = {"products": {"visual": {"full": "x"}, "unrectified": {"full": "x", "zip": "y"}}}
    (tmp_path / "2015" / f"{ID}_metadata.json").write_text(json.dumps(kept))
    service = serve(tmp_path)
    scene = service.json(f"scenes/ortho/{ID}")
    address = f"{service.root}scenes/ortho/{ID}"
    assert scene["geometry"] == kept["geometry"]
    assert scene["properties"].pop("data") == {
        "products": {
            "visual": {"full": f"{address}/full?product=visual"},
            "unrectified": {
                "full": f"{address}/full?product=unrectified",
                "zip": f"{address}/full.zip?product=unrectified",
            },
            "analytic": {"full": f"{address}/full?product=analytic"},
        }
    }
    assert scene["properties"].pop("links") == {
        "self": address,
        "full": f"{address}/full",
        "thumbnail": f"{address}/thumb",
        "square_thumbnail": f"{address}/square-thumb",
    }
    assert scene["properties"] == {k: v for k, v in kept["properties"].items() if k not in ("data", "links")}
    answer = service.get(f"scenes/ortho/{ID}/full?product=unrectified")
    assert (answer.status_code, "has no file" in answer.json()["message"]) == (404, True)


def test_every_product_beside_its_metadata_is_of_its_scene(tmp_path: Path) -> None:
    for name in ("a_visual", "a_analytic_sr", "a_udm2", "a_b_udm2", "a_B4", "c_udm2", "deep/a_udm2"):
        write_raster(tmp_path / f"{name}.tif")
    for name in ("a", "a_b"):
        (tmp_path / f"{name}_metadata.json").write_text(json.dumps(feature(name)))
    units, _ = scan(tmp_path)
    assert {key: [file.path for file in unit.files if file.path.endswith(".tif")] for key, unit in units.items()} == {
        "scene:a": ["a_analytic_sr.tif", "a_udm2.tif", "a_visual.tif"],
        "scene:a_b": ["a_b_udm2.tif"],
        "scene:a_B4": ["a_B4.tif"],
        "scene:c_udm2": ["c_udm2.tif"],
        "scene:deep/a_udm2": ["deep/a_udm2.tif"],
    }
    assert indexed(tmp_path, tmp_path.parent / "index.sqlite")["types"]["ortho"].endswith("analytic_sr, udm2, visual")


@pytest.mark.parametrize(
    ("name", "tags", "acquired", "scene_type"),
    [
        ("anything", {"TIFFTAG_DATETIME": "2014:09:22 17:45:39"}, "2014-09-22T17:45:39+00:00", "ortho"),
        ("20150903_072559_1_0b0a", {}, "2015-09-03T07:25:59+00:00", "ortho"),
        ("LC81300472015235LGN00", {}, "2015-08-23T00:00:00+00:00", "landsat"),
        ("20150603_105312_3260720_RapidEye-2", {}, "2015-06-03T10:53:12+00:00", "rapideye"),
        ("mtime", {}, "2001-09-09T01:46:40+00:00", "ortho"),
    ],
)
def test_bare_rasters(
    serve: Serve, tmp_path: Path, name: str, tags: Dict[str, str], acquired: str, scene_type: str
) -> None:
    write_raster(tmp_path / f"{name}.tif", bands=5, dtype="uint16", pixel=6.5, tags=tags)
    os.utime(tmp_path / f"{name}.tif", (10**9, 10**9))
    scene = serve(tmp_path).json(f"scenes/{scene_type}/{name}")
    properties = scene["properties"]
    assert properties["acquired"] == acquired
    assert properties["camera"] == {"bit_depth": 16, "color_mode": "RGB"}
    assert properties["image_statistics"] == {"gsd": 6.5}
    assert properties["file_size"] == (tmp_path / f"{name}.tif").stat().st_size
    assert list(properties["data"]["products"]) == ["analytic"]


def test_footprints_follow_the_data(serve: Serve, tmp_path: Path) -> None:
    # A square standing on its corner, nodata around it, in UTM 33N at 10 m.
    size, corner = 400, (500_000.0, 5_000_000.0)
    rows, columns = np.mgrid[0:size, 0:size]
    inside = abs(rows - 200) + abs(columns - 200) <= 150
    with rasterio.open(
        tmp_path / "tilted.tif",
        "w",
        driver="GTiff",
        count=1,
        dtype="uint8",
        width=size,
        height=size,
        crs="EPSG:32633",
        nodata=0,
        transform=rasterio.Affine(10, 0, corner[0], 0, -10, corner[1]),
    ) as dataset:
        dataset.write((inside * 9).astype("uint8"), 1)
    footprint = shape(serve(tmp_path).json("scenes/ortho/tilted")["geometry"])
    from pyproj import Transformer

    to_lonlat = Transformer.from_crs("EPSG:32633", "EPSG:4326", always_xy=True)
    for row, column, seen in ((200, 200, True), (55, 200, True), (200, 345, True), (60, 60, False), (340, 340, False)):
        place = Point(to_lonlat.transform(corner[0] + (column + 0.5) * 10, corner[1] - (row + 0.5) * 10))
        assert footprint.contains(place) == seen
    assert len(footprint.exterior.coords) <= 20


def test_a_scene_across_the_antimeridian(serve: Serve, tmp_path: Path) -> None:
    # UTM 1N: easting 166 km on the equator is 180°; the raster reaches 15 km to both sides.
    write_raster(tmp_path / "fiji.tif", bands=3, left=151_000, top=15_000, crs="EPSG:32601", pixel=500)
    service = serve(tmp_path)
    geometry = service.json("scenes/ortho/fiji")["geometry"]
    assert geometry["type"] == "MultiPolygon"
    west, east = sorted(shape(geometry).geoms, key=lambda part: part.bounds[0])
    assert (west.bounds[0], east.bounds[2]) == (-180, 180)
    assert west.bounds[2] < -179.8
    assert east.bounds[0] > 179.8
    for area in (
        "POINT(179.95 0.05)",
        "POINT(-179.95 0.05)",
        "POINT(180.05 0.05)",
        "POLYGON((179.9 0,180.2 0,180.2 0.1,179.9 0))",
    ):
        assert service.json("scenes/ortho/", params={"intersects": area})["count"] == 1
    # From -170 to 170 the short way is across, and with a position in between around the other side.
    for area, count in (
        ("POLYGON((-170 -1,170 -1,170 1,-170 1,-170 -1))", 1),
        ("POLYGON((-170 -1,0 -1,170 -1,170 1,0 1,-170 1,-170 -1))", 0),
    ):
        assert service.json("scenes/ortho/", params={"intersects": area})["count"] == count


def test_what_cannot_be_served_is_told_and_skipped(tmp_path: Path) -> None:
    archive, outside = tmp_path / "archive", tmp_path / "outside"
    outside.mkdir()
    write_raster(outside / "secret.tif")
    write_raster(archive / "good.tif")
    write_raster(archive / "cut.tif", size=300)
    content = (archive / "cut.tif").read_bytes()
    (archive / "cut.tif").write_bytes(content[: len(content) // 2])
    (archive / "text.tif").write_text("no raster")
    (archive / "empty.tif").touch()
    (archive / "link.tif").symlink_to(outside / "secret.tif")
    (archive / "folder").symlink_to(outside)
    (archive / "bad.json").write_text("{")
    (archive / "deep.json").write_text("[" * 100_000)
    (archive / "nan.geojson").write_text('{"type": "Feature", "id": "x", "properties": {"acquired": NaN}}')
    (archive / "other.json").write_text('{"type": "Topology"}')
    Image.new("L", (5, 5)).save(archive / "nowhere.tif")
    write_raster(archive / "side.tif")
    (archive / "side_metadata.json").write_text(json.dumps(feature("another")))
    write_features(
        archive / "list.geojson", [feature("fine"), {"type": "Feature"}, feature("late", "some day"), feature("fine")]
    )
    found = indexed(archive, tmp_path / "i.sqlite")
    assert "ortho: 3 scenes" in found["types"]["ortho"]  # good, side, fine
    told = found["problems"]
    for path, reason in {
        "cut.tif": "",
        "text.tif": "cannot be read as a GeoTIFF",
        "empty.tif": "cannot be read as a GeoTIFF",
        "link.tif": "leads out of the archive",
        "folder": "leads out of the archive",
        "bad.json": "is not JSON",
        "deep.json": "too deeply",
        "nan.geojson": "NaN",
        "other.json": "neither a Feature nor",
        "nowhere.tif": "no georeference",
        "side_metadata.json": "differs from its name",
        "list.geojson": "",
    }.items():
        assert reason in told[path]
    assert set(told) == {
        "cut.tif",
        "text.tif",
        "empty.tif",
        "link.tif",
        "folder",
        "bad.json",
        "deep.json",
        "nan.geojson",
        "other.json",
        "nowhere.tif",
        "side_metadata.json",
        "list.geojson",
    }


def test_metadata_that_means_harm(serve: Serve, tmp_path: Path) -> None:
    huge, loop, half = feature("huge"), feature("loop"), feature("half", sat={"id": "\ud800"}, provider="<script>")
    huge["geometry"]["coordinates"][0][1][0] = 10**400
    loop["geometry"]["coordinates"] = [[[0, 0], [0, 0], [0, 0], [0, 0]]]
    odd = feature(
        "odd", links="none", data={"products": [1]}, cloud_cover=[5], sat=None, file_size=10**30, camera={"gain": True}
    )
    mark = feature(
        "mark",
        note="\u0001/v0/scenes/",
        links={"self": "https://evil.example/v0/scenes/ortho/mark", "more": "javascript:x"},
    )
    write_features(tmp_path / "list.json", [huge, loop, half, odd, mark, feature("plain")])
    infinite = json.dumps(feature("infinite", strip_id=1)).replace('"strip_id": 1', '"strip_id": 1e999')
    (tmp_path / "infinite.json").write_text(infinite)
    (tmp_path / "nested.json").write_text(
        '{"type": "Feature", "id": "n", "properties": {"acquired": ' + '{"a":' * 50_000
    )
    service = serve(tmp_path)
    page = service.json("scenes/ortho/")
    found = {s["id"]: s["properties"] for s in page["features"]}
    assert {"half", "odd", "mark", "plain"} <= set(found)
    assert not {"huge", "infinite", "n"} & set(found)
    assert found["half"]["sat"] == {"id": "\ud800"}
    assert found["mark"]["note"] == "\u0001/v0/scenes/"
    assert found["mark"]["links"]["self"] == f"{service.root}scenes/ortho/mark"
    assert found["odd"]["file_size"] == 10**30
    assert service.json("scenes/ortho/?file_size.gte=5")["count"] == 1
    # One scene must not make the others unreadable in any API.
    everything = {"item_types": ["ortho"], "filter": {"type": "AndFilter", "config": []}}
    for path, body in [
        ("data/v1/quick-search", everything), ("data/v1/item-types/ortho/items/half", None),
        ("stac/search", None), ("stac/collections", None), ("stac/collections/ortho/items/half", None),
        ("features/collections/ortho/items", None), ("features/collections/ortho/schema", None),
    ]:  # fmt: skip
        answer = requests.request("POST" if body else "GET", f"{service.origin}/{path}", json=body, timeout=30)
        assert answer.status_code == 200 and answer.json(), path
        if "features" in answer.json():
            assert {"half", "odd", "mark", "plain"} <= {item["id"] for item in answer.json()["features"]}


def test_changes_are_seen_without_stopping(serve: Serve, tmp_path: Path) -> None:
    write_raster(tmp_path / "first.tif", tags={"TIFFTAG_DATETIME": "2014:01:01 00:00:00"})
    write_features(tmp_path / "list.json", [feature("a"), feature("b")])
    service = serve(tmp_path, "--rescan", "0.2")

    def ids() -> set[str]:
        return {s["id"] for s in service.json("scenes/ortho/")["features"]}

    assert ids() == {"first", "a", "b"}
    write_raster(tmp_path / "new" / "second.tif")
    until(lambda: ids() == {"first", "second", "a", "b"})
    write_features(tmp_path / "list.json", [feature("b"), feature("c")])
    until(lambda: ids() == {"first", "second", "b", "c"})
    write_raster(tmp_path / "first.tif", tags={"TIFFTAG_DATETIME": "2013:01:01 00:00:00"})
    until(lambda: service.json("scenes/ortho/first")["properties"]["acquired"].startswith("2013"))
    shutil.rmtree(tmp_path / "new")
    until(lambda: ids() == {"first", "b", "c"})
    assert service.json("scenes/ortho/")["count"] == 3


def test_of_two_scenes_of_one_id_one_is_served_and_the_other_takes_its_place(tmp_path: Path) -> None:
    archive, place = tmp_path / "archive", tmp_path / "i.sqlite"
    write_features(archive / "a.json", [feature("same", west=10.0)])
    write_features(archive / "b.json", [feature("same", west=20.0), feature("own")])
    found = indexed(archive, place)
    assert "2 scenes" in found["types"]["ortho"]
    assert found["problems"] == {"b.json": "scene same is already served from a.json"}
    assert indexed(archive, place)["read"] == 0
    (archive / "a.json").unlink()
    found = indexed(archive, place)
    assert "2 scenes" in found["types"]["ortho"]
    assert found["problems"] == {}


def test_only_what_changed_is_read_again(tmp_path: Path) -> None:
    archive, place = tmp_path / "archive", tmp_path / "i.sqlite"
    for number in range(50):
        write_raster(archive / f"scene{number}.tif", size=8)
    assert indexed(archive, place)["read"] == 50
    assert indexed(archive, place)["read"] == 0
    write_raster(archive / "scene7.tif", size=9)
    assert indexed(archive, place)["read"] == 1


@pytest.mark.long
def test_killed_while_indexing_nothing_is_lost_or_doubled(serve: Serve, tmp_path: Path) -> None:
    from planet_vector.server.sample.synthetic import write_scenes

    archive, cache = tmp_path / "archive", tmp_path / "cache"
    archive.mkdir()
    cache.mkdir()
    for number in range(4):
        write_scenes(archive / f"part{number}.geojsonl", 8_000, seed=number)
    lines = [json.loads(line)["id"] for p in sorted(archive.iterdir()) for line in p.read_text().splitlines()]
    command = [sys.executable, "-m", "planet_vector.cli", "index", str(archive), "--index", str(cache / "index.sqlite")]
    for delay in (0.5, 1.0, 2.5):
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
    service: Running = serve(archive, cache=cache)
    assert service.json("scenes/ortho/?count=1")["count"] == len(set(lines))
    found = service.all_ids("scenes/ortho/?count=1000&acquired.gte=2014-03-01&acquired.lt=2014-09-01")
    assert len(found) == len(set(found))
