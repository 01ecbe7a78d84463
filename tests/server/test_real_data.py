"""The service over real input: Landsat pictures without metadata, and kept responses without pictures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import rasterio
import rasterio.warp
from shapely.geometry import box, shape

from .conftest import DATA, Serve

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")


def test_bare_rasters_become_scenes(serve: Serve) -> None:
    service = serve(DATA / "rasters")
    page = service.json("scenes/ortho/")
    files = sorted((DATA / "rasters").glob("*.tif"))
    assert sorted(f["id"] for f in page["features"]) == [f.stem for f in files]
    for scene in page["features"]:
        path = DATA / "rasters" / f"{scene['id']}.tif"
        link = scene["properties"]["data"]["products"]["visual"]["full"]
        assert service.get(link[len(service.root) :]).content == path.read_bytes()
        with rasterio.open(path) as dataset:
            frame = box(*rasterio.warp.transform_bounds(dataset.crs, "EPSG:4326", *dataset.bounds))
            assert scene["properties"]["image_statistics"]["gsd"] == pytest.approx(sum(dataset.res) / 2)
        footprint = shape(scene["geometry"])
        assert footprint.is_valid
        assert frame.buffer(0.02).contains(footprint)
        assert scene["properties"]["file_size"] == path.stat().st_size


def test_the_footprint_follows_the_valid_pixels(serve: Serve) -> None:
    scene = serve(DATA / "rasters").json("scenes/ortho/RGB.byte")
    footprint = shape(scene["geometry"])
    with rasterio.open(DATA / "rasters" / "RGB.byte.tif") as dataset:
        mask = dataset.dataset_mask()
        rows, columns = mask.nonzero()
        x, y = rasterio.transform.xy(dataset.transform, rows[::997], columns[::997])
        lon, lat = rasterio.warp.transform(dataset.crs, "EPSG:4326", x, y)
    grown = footprint.buffer(0.01)
    assert all(grown.contains(shape({"type": "Point", "coordinates": p})) for p in zip(lon, lat))
    # The picture is tilted: its footprint is clearly smaller than the box around it.
    assert footprint.area < 0.85 * footprint.envelope.area


def rebased(value: Any, root: str) -> Any:
    """Return a kept response as this service must give it: the same, with its own addresses."""
    if isinstance(value, dict):
        return {k: rebased(v, root) for k, v in value.items()}
    if isinstance(value, str):
        for host in ("https://api.planet.com/v0/", "https://view.planet.com/v0/"):
            value = value.replace(host, root)
    return value


def test_kept_responses_come_out_as_they_were(serve: Serve, tmp_path: Path) -> None:
    shutil.copy(DATA / "ortho-search-50.geojson", tmp_path)
    service = serve(tmp_path)
    page = service.json("scenes/ortho/?count=1000")
    expected = {f["id"]: f for f in json.loads((DATA / "ortho-search-50.geojson").read_text())["features"]}
    assert page["count"] == len(page["features"]) == len(expected) == 50
    for scene in page["features"]:
        kept = expected[scene["id"]]
        assert scene["geometry"] == kept["geometry"]
        assert scene["properties"] == rebased(kept["properties"], service.root)
    answer = service.get(f"scenes/ortho/{page['features'][0]['id']}/full")
    assert answer.status_code == 404
    assert "no file" in answer.json()["message"]


def test_a_read_only_archive_is_left_as_it_is(serve: Serve) -> None:
    before = sorted((DATA / "rasters").iterdir())
    serve(DATA / "rasters").json("scenes/")
    assert sorted((DATA / "rasters").iterdir()) == before


def test_reconstructed_types_are_told_by_their_links(serve: Serve, tmp_path: Path) -> None:
    for name in ("landsat", "rapideye"):
        shutil.copy(DATA / f"reconstructed_{name}_scene.json", tmp_path)
    service = serve(tmp_path)
    assert [f["id"] for f in service.json("scenes/landsat/")["features"]] == ["LC81300472015235LGN00"]
    assert [f["id"] for f in service.json("scenes/rapideye/")["features"]] == ["20150603_105312_3260720_RapidEye-2"]
    assert service.json("scenes/ortho/")["features"] == []
