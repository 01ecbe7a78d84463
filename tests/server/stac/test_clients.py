"""Clients by others read the STAC API unchanged: pystac-client, odc-stac, and GDAL's drivers OAPIF and STACIT."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Callable, Dict, List

import numpy as np
import pytest
import rasterio
import requests

from tests.server.conftest import Running


def expected(service: Running, *filters: Callable[[Dict[str, Any]], bool]) -> List[str]:
    """Return the ids of the scenes of v0 that meet conditions, the latest first."""
    scenes: List[Dict[str, Any]] = []
    for name in service.json("scenes/"):
        scenes += service.json(f"scenes/{name}/?count=1000")["features"]
    scenes.sort(key=lambda scene: (scene["properties"]["acquired"], scene["id"]), reverse=True)
    return [scene["id"] for scene in scenes if all(one(scene) for one in filters)]


def is_clear(scene: Dict[str, Any]) -> bool:
    return scene["properties"].get("cloud_cover", {}).get("estimated", 100) < 20


def is_early(scene: Dict[str, Any]) -> bool:
    return str(scene["properties"]["acquired"]) < "2015-08-01"


def test_pystac_client_searches_pages_and_filters(sample: Running) -> None:
    pystac_client = pytest.importorskip("pystac_client")
    client = pystac_client.Client.open(sample.origin + "/stac/")
    assert [found.id for found in client.get_collections()] == ["landsat", "ortho", "rapideye"]
    clear = {"op": "<", "args": [{"property": "eo:cloud_cover"}, 20]}
    for more in (
        {"filter": clear},
        {"filter": "eo:cloud_cover < 20", "filter_lang": "cql2-text"},
        {"query": ["eo:cloud_cover<20"]},
        {"query": {"eo:cloud_cover": {"lt": 20}}},
    ):
        for method in ("GET", "POST"):
            if method == "GET" and "query" in more and isinstance(more["query"], list):
                continue  # the client's short form is for POST
            found = client.search(method=method, datetime="2014/2015-07", limit=7, **more)
            ids = [item.id for item in found.items()]
            assert ids == expected(sample, is_clear, is_early) and found.matched() == len(ids) > 7
    assert [item.id for item in client.search(limit=9).items()] == expected(sample)
    some = client.search(
        limit=5, max_items=12, sortby="-properties.eo:cloud_cover", fields=["properties.eo:cloud_cover"]
    )
    covers = [item["properties"]["eo:cloud_cover"] for item in some.items_as_dicts()]
    assert len(covers) == 12 and covers == sorted(covers, reverse=True)
    collection = client.get_collection("landsat")
    items = list(collection.get_items())
    assert sorted(item.id for item in items) == sorted(
        scene["id"] for scene in sample.json("scenes/landsat/")["features"]
    )
    assert collection.get_item(items[0].id).id == items[0].id
    assert next(client.search(ids=[items[0].id]).items()).get_root().id == client.id
    assert "eo:cloud_cover" in client.get_merged_queryables(["ortho"])["properties"]


@pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")
def test_odc_stac_loads_the_pixels_of_the_files(sample: Running, archive: Path) -> None:
    pystac_client = pytest.importorskip("pystac_client")
    load = pytest.importorskip("odc.stac").load
    client = pystac_client.Client.open(sample.origin + "/stac/")
    (item,) = client.search(collections=["ortho"], max_items=1).items()
    cube = load([item], bands=["visual.1", "visual.3", "analytic.2"])
    for name, product, band in (("visual.1", "visual", 1), ("visual.3", "visual", 3), ("analytic.2", "analytic", 2)):
        with rasterio.open(archive / f"{item.id}_{product}.tif") as dataset:
            assert cube.odc.crs.to_epsg() == dataset.crs.to_epsg()
            inside = (
                cube[name]
                .isel(time=0)
                .sel(
                    x=slice(dataset.bounds.left, dataset.bounds.right),
                    y=slice(dataset.bounds.top, dataset.bounds.bottom),
                )
            )
            np.testing.assert_array_equal(inside.values, dataset.read(band))


def ogrinfo(*arguments: str) -> Dict[str, Any]:
    if shutil.which("ogrinfo") is None:
        pytest.skip("the programs of GDAL are not installed")
    done = subprocess.run(["ogrinfo", "-ro", *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "ERROR" not in done.stderr, done.stderr
    return {"text": done.stdout}


def test_gdal_reads_collections_as_layers(sample: Running) -> None:
    name = f"OAPIF:{sample.origin}/stac"
    listed = ogrinfo(name)["text"]
    assert all(f"{layer} (title: {layer})" in listed for layer in ("landsat", "ortho", "rapideye"))
    scenes = sample.json("scenes/ortho/?count=1000")["features"]
    told = ogrinfo("-so", name, "ortho")["text"]
    assert f"Feature Count: {len(scenes)}" in told and "eo:cloud_cover: Real" in told
    pyogrio = pytest.importorskip("pyogrio")
    if "OAPIF" not in pyogrio.list_drivers():
        pytest.skip("this GDAL has no driver OAPIF")
    for address in (name, f"OAPIF:{sample.origin}/stac/collections/ortho"):
        meta, _, _, values = pyogrio.raw.read(address, layer="ortho", columns=["id", "eo:cloud_cover"])
        found = dict(zip(values[0].tolist(), values[1].tolist()))
        assert found == {scene["id"]: scene["properties"]["cloud_cover"]["estimated"] for scene in scenes}
    box = (11.96, 47.85, 11.98, 47.87)
    _, _, _, values = pyogrio.raw.read(name, layer="ortho", bbox=box, columns=["id"])
    inside = requests.get(
        f"{sample.origin}/stac/search",
        params={"bbox": ",".join(map(str, box)), "limit": 100, "collections": "ortho"},
        timeout=30,
    ).json()
    assert sorted(values[0].tolist()) == sorted(item["id"] for item in inside["features"]) != []


def test_gdal_reads_items_as_one_raster(sample: Running, archive: Path) -> None:
    with rasterio.Env() as environment:
        if "STACIT" not in environment.drivers() or rasterio.__gdal_version__ < "3.10":
            pytest.skip("this GDAL does not read STAC 1.1")
    item = requests.get(f"{sample.origin}/stac/search?collections=ortho&limit=1", timeout=30).json()["features"][0]
    address = f"{sample.origin}/stac/search?ids={item['id']}"
    with rasterio.open(f'STACIT:"{address}":asset=visual') as mosaic:
        with rasterio.open(archive / f"{item['id']}_visual.tif") as dataset:
            assert (mosaic.shape, mosaic.crs, mosaic.transform) == (dataset.shape, dataset.crs, dataset.transform)
            np.testing.assert_array_equal(mosaic.read(), dataset.read())


def test_the_definition_of_the_api_lists_the_addresses(sample: Running) -> None:
    root = requests.get(sample.origin + "/stac/", timeout=30).json()
    definition = next(link["href"] for link in root["links"] if link["rel"] == "service-desc")
    paths = requests.get(definition, timeout=30).json()["paths"]
    assert set(paths["/stac/search"]) == {"get", "post"}
    assert json.dumps(paths).count("bbox") >= 2
