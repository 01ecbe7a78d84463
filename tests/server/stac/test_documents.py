"""Documents of the STAC API: valid by the published schemas, true to the files, and reduced to what a key permits."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest
import rasterio
import requests
import yaml

from planet_vector.server.api.permissions import digest
from tests.server.conftest import DATA, Running, Serve, feature, write_features, write_raster
from tests.server.stac.conftest import Check


def get(url: str, **options: Any) -> Any:
    answer = requests.get(url, timeout=30, **options)
    assert answer.status_code == 200, answer.text
    return answer.json()


def link(document: Dict[str, Any], rel: str) -> str:
    return next(found["href"] for found in document["links"] if found["rel"] == rel)


def all_items(collection: Dict[str, Any]) -> Iterator[Dict[str, Any]]:
    """Yield the items of a collection, page by page."""
    url = link(collection, "items") + "?limit=7"
    while url:
        page = get(url)
        yield from page["features"]
        url = next((found["href"] for found in page["links"] if found["rel"] == "next"), "")


@pytest.fixture(scope="module")
def order(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Running:
    """Return a service over a Planet order, some rasters of the archive's own, and odd metadata."""
    folder = tmp_path_factory.mktemp("order")
    if (DATA / "planet-order").is_dir():
        shutil.copytree(DATA / "planet-order", folder / "order")
    write_raster(folder / "drone" / "map.tif", bands=3)
    write_raster(folder / "float.tif", bands=1, dtype="float32", tags={"ACQUISITIONDATETIME": "2019-03-04T05:06:07Z"})
    write_raster(folder / "meta_visual.tif", bands=4)
    jumping = [[[179, 0], [-179, 0], [-179, 1], [179, 1], [179, 0]]]
    odd = [
        feature("a/b ?#ü", sat={"id": "X", "off_nadir": -4.5}, cloud_cover={"estimated": 101}, text="\ud800"),
        feature("huge", image_statistics={"gsd": -1}, sun={"azimuth": 1e308, "altitude": "x"}, big=2**80),
        {**feature("nowhere"), "geometry": None},
        {**feature("jumping"), "geometry": {"type": "Polygon", "coordinates": jumping}},
    ]
    write_features(folder / "odd.geojson", odd)
    return serve(folder)


@pytest.mark.parametrize("name", ["sample", "order"])
def test_all_documents_are_valid_and_linked(name: str, request: pytest.FixtureRequest, check: Check) -> None:
    service: Running = request.getfixturevalue(name)
    root = get(service.origin + "/stac/")
    check(root)
    listed = get(link(root, "data"))
    total = 0
    for collection in listed["collections"]:
        check(collection)
        assert get(link(collection, "self")) == collection
        west, south, east, north = collection["extent"]["spatial"]["bbox"][0]
        first, last = collection["extent"]["temporal"]["interval"][0]
        keys = set()
        for item in all_items(collection):
            check(item)
            assert get(link(item, "self")) == item
            assert item["collection"] == collection["id"] and get(link(item, "collection")) == collection
            assert first <= item["properties"]["datetime"] <= last
            if item["geometry"] is not None:
                assert south <= item["bbox"][1] <= item["bbox"][3] <= north
                assert west <= item["bbox"][0] and item["bbox"][2] <= east
            keys |= set(item["assets"])
            total += 1
        assert set(collection.get("item_assets", {})) == keys
    v0 = service.json("scenes/")
    assert total == sum(requests.get(url, timeout=30).json()["count"] for url in v0.values())


def test_assets_are_the_files(sample: Running, archive: Path) -> None:
    item = get(sample.origin + "/stac/search?collections=ortho&limit=1")["features"][0]
    for key in ("visual", "analytic"):
        asset = item["assets"][key]
        file = archive / f"{item['id']}_{key}.tif"
        answer = requests.get(asset["href"], timeout=30)
        assert answer.content == file.read_bytes() and asset["file:size"] == len(answer.content)
        assert answer.headers["Content-Type"] == "image/tiff; application=geotiff"
        part = requests.get(asset["href"], headers={"Range": "bytes=10-19"}, timeout=30)
        assert part.status_code == 206 and part.content == file.read_bytes()[10:20]
        with rasterio.open(file) as dataset:
            assert asset["proj:code"] == dataset.crs.to_string()
            assert asset["proj:shape"] == list(dataset.shape)
            assert asset["proj:transform"] == list(dataset.transform)[:6]
            assert (asset["data_type"], len(asset["bands"])) == (dataset.dtypes[0], dataset.count)
    v0 = sample.json(f"scenes/ortho/{item['id']}")["properties"]
    assert item["properties"]["eo:cloud_cover"] == v0["cloud_cover"]["estimated"]
    assert item["properties"]["gsd"] == v0["image_statistics"]["gsd"]
    assert item["properties"]["planet:camera.gain"] == v0["camera"]["gain"]
    picture = requests.get(item["assets"]["thumbnail"]["href"], timeout=60)
    assert picture.status_code == 200 and picture.content.startswith(b"\x89PNG")
    wrong = item["assets"]["visual"]["href"]
    assert requests.get(wrong + "x", timeout=30).status_code == 404
    assert requests.get(wrong.replace("/visual/", "/other/"), timeout=30).status_code == 404


def test_a_file_with_sidecars_has_no_size(serve: Serve, tmp_path: Path) -> None:
    write_raster(tmp_path / "a.tif", bands=1)
    (tmp_path / "a.tfw").write_text("10\n0\n0\n-10\n500005\n4999995\n")
    item = get(serve(tmp_path).origin + "/stac/search")["features"][0]
    assert "file:size" not in next(iter(item["assets"].values()))


def test_odd_metadata_stay_valid_numbers_and_are_searched_alike(order: Running) -> None:
    found = {item["id"]: item for item in get(order.origin + "/stac/search?limit=100")["features"]}
    odd = found["a/b ?#ü"]["properties"]
    assert odd["view:off_nadir"] == 4.5 and "eo:cloud_cover" not in odd
    assert not {"gsd", "view:sun_azimuth", "view:sun_elevation"} & set(found["huge"]["properties"])
    assert found["huge"]["properties"]["planet:big"] == 2**80
    assert found["nowhere"]["geometry"] is None and "bbox" not in found["nowhere"]
    assert found["jumping"]["bbox"] == [179, 0, -179, 1]
    assert found["jumping"]["geometry"]["type"] == "MultiPolygon"
    for filters, ids in (
        ("view:off_nadir = 4.5", {"a/b ?#ü"}),
        ("eo:cloud_cover > 100", set()),
        ("gsd < 0 or view:sun_azimuth > 360", set()),
        ("geometry is null", {"nowhere"}),
    ):
        page = get(order.origin + "/stac/search", params={"filter": filters, "limit": 100})
        assert {item["id"] for item in page["features"]} == ids, filters
    across = get(order.origin + "/stac/search?bbox=178,-1,-178,2")
    assert [item["id"] for item in across["features"]] == ["jumping"]


def test_a_key_sees_what_it_permits(serve: Serve, tmp_path: Path) -> None:
    write_raster(tmp_path / "archive" / "a_visual.tif", bands=4)
    write_raster(tmp_path / "archive" / "a_analytic.tif", bands=4, dtype="uint16")
    links = {"self": "http://x/v0/scenes/{}/b"}
    for number, scene_type in enumerate(("ortho", "rapideye")):
        own = {"self": links["self"].format(scene_type)}
        write_features(tmp_path / "archive" / f"{number}.geojson", [feature(f"listed{number}", links=own)])
    keys: List[Dict[str, Any]] = [
        {"name": "all", "hash": digest("all")},
        {"name": "ortho", "hash": digest("ortho"), "scene_types": ["ortho"], "products": ["visual"]},
        {"name": "land", "hash": digest("land"), "scene_types": ["landsat"]},
    ]
    file = tmp_path / "keys.yml"
    file.write_text(yaml.safe_dump(keys))
    file.chmod(0o600)
    service = serve(tmp_path / "archive", "--keys", str(file))
    stac = service.origin + "/stac"
    for path in ("/", "/conformance", "/queryables", "/collections", "/search", "/collections/ortho/items"):
        assert requests.get(stac + path, timeout=30).status_code == 401
    assert requests.post(stac + "/search", json={}, timeout=30).status_code == 401

    def ids(key: str, **body: Any) -> List[str]:
        answer = requests.post(stac + "/search", json=body, auth=(key, ""), timeout=30)
        assert answer.status_code == 200, answer.text
        assert answer.json()["numberMatched"] == len(answer.json()["features"])
        return sorted(item["id"] for item in answer.json()["features"])

    every = ids("all")
    assert len(every) >= 3 and {"listed0", "listed1"} <= set(every)
    assert ids("ortho") == [found for found in every if found != "listed1"]
    assert ids("ortho", collections=["rapideye"]) == ids("ortho", ids=["listed1"]) == ids("land") == []
    assert ids("ortho", filter={"op": "=", "args": [{"property": "collection"}, "rapideye"]}) == []
    listed = get(stac + "/collections", auth=("ortho", ""))["collections"]
    assert [found["id"] for found in listed] == ["ortho"]
    assert set(listed[0]["item_assets"]) == {"visual", "thumbnail"}
    for path in ("", "/items", "/queryables", "/items/listed1"):
        answer = requests.get(f"{stac}/collections/rapideye{path}", auth=("ortho", ""), timeout=30)
        assert answer.status_code == 404
    for key, products in (("all", {"visual", "analytic"}), ("ortho", {"visual"})):
        page = get(stac + "/search?limit=100", params={"api_key": key})
        assert key not in str([link_ for item in page["features"] for link_ in item["links"]] + page["links"]).split(
            "="
        )
        (item,) = (item for item in page["features"] if item["assets"])
        assert set(item["assets"]) == {*products, "thumbnail"}
        href = item["assets"]["visual"]["href"]
        assert requests.get(href, timeout=30).status_code == 401
        assert requests.get(href, auth=(key, ""), timeout=30).status_code == 200
        other = href.replace("visual", "analytic")
        assert requests.get(other, auth=(key, ""), timeout=30).status_code == (200 if "analytic" in products else 403)


def test_signed_delivery_applies_to_assets(serve: Serve, archive: Path) -> None:
    service = serve(archive, "--redirect", "signed")
    item = get(service.origin + "/stac/search?collections=ortho&limit=1")["features"][0]
    href = item["assets"]["visual"]["href"]
    answer = requests.get(href, allow_redirects=False, timeout=30)
    assert answer.status_code == 302 and "Signature=" in answer.headers["Location"]
    assert requests.get(href, timeout=30).content == (archive / f"{item['id']}_visual.tif").read_bytes()


def test_faults_and_cors_apply_to_stac(serve: Serve, archive: Path, tmp_path: Path) -> None:
    faults = tmp_path / "faults.yml"
    faults.write_text("- {path: /stac/search, times: 1, status: 503}\n")
    service = serve(archive, "--faults", str(faults), "--cors-origin", "https://maps.example.org")
    headers = {"Origin": "https://maps.example.org"}
    answers = [requests.get(service.origin + "/stac/search", headers=headers, timeout=30) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [503, 200]
    assert {answer.headers["Access-Control-Allow-Origin"] for answer in answers} == {"https://maps.example.org"}
    again = requests.get(
        service.origin + "/stac/search", headers={"If-None-Match": answers[1].headers["ETag"]}, timeout=30
    )
    assert again.status_code == 304
