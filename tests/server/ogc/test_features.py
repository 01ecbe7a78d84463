"""OGC API Features: documents, searches, and GDAL's driver OAPIF."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any, Dict, List

import pytest
import requests

from tests.server.conftest import Running, Serve

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"


def get(service: Running, path: str, **parameters: Any) -> Any:
    answer = requests.get(f"{service.origin}/features{path}", params=parameters, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(service: Running, collection: str = "ortho", **parameters: Any) -> List[str]:
    """Return the ids of a search, following its links."""
    page = get(service, f"/collections/{collection}/items", **parameters)
    found: List[str] = []
    while True:
        found += [feature["id"] for feature in page["features"]]
        links = {each["rel"]: each["href"] for each in page["links"]}
        if "next" not in links:
            assert len(found) == page["numberMatched"]
            return found
        page = requests.get(links["next"], timeout=30).json()


def scenes(service: Running) -> List[Dict[str, Any]]:
    """Return the scenes as v0 has them."""
    found: List[Dict[str, Any]] = service.json("scenes/ortho/?count=1000")["features"]
    return found


def test_every_link_leads_to_a_document_of_its_type(sample: Running) -> None:
    seen, left = set(), [sample.origin + "/features/"]
    while left:
        address = left.pop()
        if address in seen or len(seen) > 60:
            continue
        seen.add(address)
        answer = requests.get(address, timeout=30)
        assert answer.status_code == 200, address
        if "json" not in answer.headers["content-type"]:
            continue
        document = answer.json()
        for part in [document, *document.get("collections", []), *document.get("features", [])[:1]]:
            for each in part.get("links", []):
                head = requests.head(each["href"], timeout=30)
                assert head.status_code == 200, each
                assert head.headers["content-type"].split(";")[0] == each["type"].split(";")[0], each
                if each["href"].startswith(sample.origin + "/features/"):
                    left.append(each["href"])
    assert {sample.origin + "/features/" + path for path in ("conformance", "api", "collections")} < seen


def test_collections_are_those_of_stac_with_the_extent_of_their_scenes(sample: Running) -> None:
    found = {each["id"]: each for each in get(sample, "/collections")["collections"]}
    stac = requests.get(sample.origin + "/stac/collections", timeout=30).json()["collections"]
    assert sorted(found) == sorted(each["id"] for each in stac)
    for each in stac:
        own = found[each["id"]]
        assert own["extent"]["spatial"] == {**each["extent"]["spatial"], "crs": CRS84}
        assert own["extent"]["temporal"]["interval"] == each["extent"]["temporal"]["interval"]
        assert own["itemType"] == "feature" and own["crs"] == [CRS84]


def test_a_feature_is_the_item_with_the_addresses_of_its_assets(sample: Running) -> None:
    (feature,) = get(sample, "/collections/ortho/items", limit=1)["features"]
    alternate = next(each["href"] for each in feature["links"] if each["rel"] == "alternate")
    item = requests.get(alternate, timeout=30).json()
    assert {name: feature[name] for name in ("id", "geometry", "bbox")} == {
        name: item[name] for name in ("id", "geometry", "bbox")
    }
    assets = {f"assets:{key}": asset["href"] for key, asset in item["assets"].items()}
    assert feature["properties"] == {**item["properties"], **assets} and len(assets) >= 2
    assert get(sample, f"/collections/ortho/items/{feature['id']}") == feature


def test_the_schema_has_every_property_with_its_type(sample: Running) -> None:
    properties = get(sample, "/collections/ortho/schema")["properties"]
    kinds = {"number": (int, float), "string": str, "array": list, "object": dict, "boolean": bool}
    features = get(sample, "/collections/ortho/items", limit=1000)["features"]
    for feature in features:
        for name, value in feature["properties"].items():
            assert isinstance(value, kinds[properties[name]["type"]]), name
    assert properties["datetime"]["format"] == "date-time"


def test_searches_find_what_the_scenes_say(sample: Running) -> None:
    every = scenes(sample)
    newest_first = sorted(every, key=lambda s: (s["properties"]["acquired"], s["id"]), reverse=True)
    assert ids(sample, limit=7) == [scene["id"] for scene in newest_first]
    cloudless = {s["id"] for s in every if s["properties"]["cloud_cover"]["estimated"] == 0}
    assert set(ids(sample, **{"eo:cloud_cover": 0})) == cloudless != set()
    satellite = every[0]["properties"]["sat"]["id"]
    of_satellite = {s["id"] for s in every if s["properties"]["sat"]["id"] == satellite}
    assert set(ids(sample, platform=satellite.lower(), limit=100)) == of_satellite != {s["id"] for s in every}
    assert ids(sample, id=every[0]["id"]) == [every[0]["id"]] and ids(sample, id="none") == []
    clear = {s["id"] for s in every if s["properties"]["cloud_cover"]["estimated"] < 20}
    assert set(ids(sample, filter="eo:cloud_cover < 20", limit=100)) == clear
    day = every[0]["properties"]["acquired"][:10]
    of_day = {s["id"] for s in every if s["properties"]["acquired"][:10] == day}
    later = {s["id"] for s in every if s["properties"]["acquired"][:10] >= day}
    # Dates are whole days; the second form is what GDAL sends for them.
    assert set(ids(sample, datetime=day)) == set(ids(sample, datetime=f"{day}T/{day}T")) == of_day
    assert set(ids(sample, datetime=f"{day}T/..")) == later
    assert set(ids(sample, datetime=every[0]["properties"]["acquired"])) == {every[0]["id"]}


@pytest.mark.parametrize(
    "parameters",
    [
        {"ids": "a"}, {"crs": CRS84}, {"gsd": "wide"}, {"gsd": ["1", "2"]}, {"id": ["a", "b"]}, {"limit": 0},
        {"bbox": "1,2,3"}, {"datetime": "2015-02-30"}, {"datetime": "2015-01-01/2015-01-02/2015-01-03"},
        {"filter": "no ("}, {"created": "2015-01-01T00:00:00Z"},
    ],
)  # fmt: skip
def test_what_is_not_a_parameter_or_a_value_is_an_error(sample: Running, parameters: Dict[str, Any]) -> None:
    answer = requests.get(f"{sample.origin}/features/collections/ortho/items", params=parameters, timeout=30)
    assert answer.status_code == 400 and next(iter(parameters)) in answer.json()["message"]


def test_a_key_sees_what_it_may_see(serve: Serve, archive: Path, tmp_path: Path) -> None:
    from planet_vector.server.api.permissions import digest

    keys = tmp_path / "keys.yml"
    keys.write_text(
        f"- {{name: all, hash: '{digest('a' * 32)}'}}\n"
        f"- {{name: some, hash: '{digest('b' * 32)}', scene_types: [ortho], products: [visual]}}\n"
    )
    keys.chmod(0o600)
    service = serve(archive, "--keys", str(keys))
    root = service.origin + "/features"
    assert requests.get(root + "/collections", timeout=30).status_code == 401
    some = {"Authorization": "api-key " + "b" * 32}
    found = requests.get(root + "/collections", headers=some, timeout=30).json()["collections"]
    assert [each["id"] for each in found] == ["ortho"]
    definition = requests.get(root + "/api", headers=some, timeout=30).json()
    assert [path for path in definition["paths"] if "{" not in path and path.endswith("/items")] == [
        "/collections/ortho/items"
    ]
    assert requests.get(root + "/collections/landsat/items", headers=some, timeout=30).status_code == 404
    page = requests.get(root + "/collections/ortho/items?limit=1", headers=some, timeout=30)
    assert "assets:visual" in page.json()["features"][0]["properties"]
    assert "assets:analytic" not in page.text and "b" * 32 not in page.text
    schema = requests.get(root + "/collections/ortho/schema", headers=some, timeout=30).json()["properties"]
    assert "assets:visual" in schema and "assets:analytic" not in schema
    tiles = service.origin + "/tiles/collections"
    named = requests.get(tiles, headers=some, timeout=30).json()["collections"]
    assert [each["id"] for each in named] == ["ortho"]
    for path in ("landsat/tilejson.json", "landsat/map/tiles/WebMercatorQuad/0/0/0"):
        assert requests.get(f"{tiles}/{path}", headers=some, timeout=30).status_code == 404
        assert requests.get(f"{tiles}/{path}", timeout=30).status_code == 401


def test_a_basemap_that_a_key_does_not_see_hides_no_scene_type(serve: Serve, archive: Path, tmp_path: Path) -> None:
    from planet_vector.server.api.permissions import digest

    keys, basemaps = tmp_path / "keys.yml", tmp_path / "m.yml"
    keys.write_text(
        f"- {{name: all, hash: '{digest('a' * 32)}'}}\n"
        f"- {{name: some, hash: '{digest('b' * 32)}', scene_types: [ortho]}}\n"
    )
    keys.chmod(0o600)
    basemaps.write_text("- {name: ortho, title: RapidEye, scene_type: rapideye, level: 9}\n")
    tiles = serve(archive, "--keys", str(keys), "--mosaics", str(basemaps)).origin + "/tiles/collections"
    every, some = ({"Authorization": "api-key " + letter * 32} for letter in "ab")
    titles = [
        {each["id"]: each["title"] for each in requests.get(tiles, headers=key, timeout=30).json()["collections"]}
        for key in (every, some)
    ]
    assert titles == [{"ortho": "RapidEye", "landsat": "landsat", "rapideye": "rapideye"}, {"ortho": "ortho"}]
    zooms = [
        requests.get(f"{tiles}/ortho/tilejson.json", headers=key, timeout=30).json()["maxzoom"] for key in (every, some)
    ]
    assert zooms[0] == 9 < zooms[1]


@pytest.mark.filterwarnings("ignore:The 'generic' unit for NumPy timedelta:DeprecationWarning")  # of pyogrio
def test_gdal_reads_collections_as_layers_and_sends_filters(sample: Running) -> None:
    if shutil.which("ogrinfo") is None:
        pytest.skip("the programs of GDAL are not installed")
    every = scenes(sample)
    satellite = every[0]["properties"]["sat"]["id"]
    day = sorted(s["properties"]["acquired"] for s in every)[len(every) // 2][:10]
    expected = {
        "": len(every),
        f"platform = '{satellite.lower()}'": sum(s["properties"]["sat"]["id"] == satellite for s in every),
        '"eo:cloud_cover" < 20': sum(s["properties"]["cloud_cover"]["estimated"] < 20 for s in every),
        f"datetime >= '{day.replace('-', '/')}'": sum(s["properties"]["acquired"] >= day for s in every),
    }
    for where, number in expected.items():
        command = [
            "ogrinfo",
            "-ro",
            "-so",
            f"OAPIF:{sample.origin}/features/",
            "ortho",
            *(["-where", where] * bool(where)),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0 and "ERROR" not in done.stderr, done.stderr
        assert f"Feature Count: {number}" in done.stdout, where
    pyogrio = pytest.importorskip("pyogrio")
    if "OAPIF" not in pyogrio.list_drivers():
        pytest.skip("this GDAL has no driver OAPIF")
    meta, _, _, values = pyogrio.raw.read(f"OAPIF:{sample.origin}/features/", layer="ortho")
    columns = dict(zip(meta["fields"].tolist(), values))
    by_id = {scene["id"]: scene for scene in every}
    assert sorted(columns["id"].tolist()) == sorted(by_id)
    for scene_id, cover, visual in zip(*(columns[name].tolist() for name in ("id", "eo:cloud_cover", "assets:visual"))):
        assert cover == by_id[scene_id]["properties"]["cloud_cover"]["estimated"]
        assert requests.head(visual, timeout=30).headers["content-type"].startswith("image/tiff")


def test_the_definition_tells_clients_what_they_may_request(sample: Running) -> None:
    definition = get(sample, "/api")
    assert definition["servers"] == [{"url": sample.origin + "/features"}]
    for path in definition["paths"]:
        real = path.replace("{collectionId}", "ortho").replace("{featureId}", scenes(sample)[0]["id"])
        assert requests.get(sample.origin + "/features" + real, timeout=30).status_code == 200
    limit = definition["components"]["parameters"]["limit"]["schema"]
    page = get(sample, "/collections/ortho/items", limit=limit["maximum"] + 1)
    assert page["numberReturned"] == min(limit["maximum"], page["numberMatched"])
    assert len(get(sample, "/collections/ortho/items")["features"]) == limit["default"]
    values = {"string": "x", "number": "1", "integer": "1"}
    for reference in definition["paths"]["/collections/ortho/items"]["get"]["parameters"]:
        parameter = definition["components"]["parameters"][reference["$ref"].rpartition("/")[2]]
        name = parameter["name"]
        if name in ("bbox", "datetime", "filter", "filter-lang", "filter-crs", "sortby", "token"):
            continue
        get(sample, "/collections/ortho/items", **{name: values[parameter["schema"]["type"]]})
