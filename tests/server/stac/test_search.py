"""Searches over HTTP: parameters in both styles, pages by links, and requests that are wrong or hostile."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, Dict, List

import pytest
import requests

from tests.server.conftest import Running, Serve, feature, write_features


@pytest.fixture(scope="module")
def service(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Running:
    folder = tmp_path_factory.mktemp("search")
    scenes = [
        feature(
            f"s{number:02}",
            f"2015-01-{number // 2 + 1:02}T00:00:00Z",
            number % 5,
            0,
            cloud_cover={"estimated": number % 4 * 25},
            published=f"2016-01-{number + 1:02}T00:00:00Z",
        )
        for number in range(23)
    ]
    write_features(folder / "scenes.geojson", scenes)
    return serve(folder)


def search(service: Running, body: Dict[str, Any], method: str = "POST") -> requests.Response:
    url = service.origin + "/stac/search"
    if method == "POST":
        return requests.post(url, json=body, timeout=30)
    return requests.get(url, params=as_query(body), timeout=30)


def as_query(body: Dict[str, Any]) -> Dict[str, str]:
    found = {}
    for name, value in body.items():
        if name == "sortby":
            found[name] = ",".join("-+"[entry["direction"] == "asc"] + entry["field"] for entry in value)
        elif name == "fields":
            parts = [*value.get("include", []), *(f"-{name}" for name in value.get("exclude", []))]
            found[name] = ",".join(parts)
        elif isinstance(value, list):
            found[name] = ",".join(map(str, value))
        else:
            found[name] = value if isinstance(value, str) else json.dumps(value)
    return found


def pages(service: Running, body: Dict[str, Any], method: str = "POST", rel: str = "next") -> List[List[str]]:
    """Return the ids of a search by page, following its links as they are."""
    page = search(service, body, method).json()
    found = []
    while True:
        found.append([item["id"] for item in page["features"]])
        assert page["numberReturned"] == len(page["features"])
        links = [link for link in page["links"] if link["rel"] == rel]
        if not links:
            return found
        (link,) = links
        if link["method"] == "POST":
            page = requests.post(link["href"], json=link["body"], timeout=30).json()
        else:
            page = requests.get(link["href"], timeout=30).json()


BODIES: List[Dict[str, Any]] = [
    {},
    {"limit": 4},
    {"limit": 4, "bbox": [0, 0, 0.1, 0.1]},
    {"limit": 3, "bbox": [0, 0, -5, 0.1, 0.1, 5], "datetime": "2015-01-02T00:00:00Z/.."},
    {"limit": 3, "datetime": "2015-01-02T01:00:00.0+01:00"},
    {"limit": 3, "datetime": "/2015-01-05T00:00:00z"},
    {"limit": 2, "intersects": {"type": "Point", "coordinates": [1, 0.2]}, "ids": ["s01", "s06", "s07", "x"]},
    {"limit": 5, "collections": ["ortho", "none"], "sortby": [{"field": "eo:cloud_cover", "direction": "desc"}]},
    {
        "limit": 5,
        "sortby": [{"field": "properties.eo:cloud_cover", "direction": "asc"}, {"field": "id", "direction": "asc"}],
    },
    {"limit": 5, "query": {"eo:cloud_cover": {"gte": 25, "neq": 50}, "id": {"startsWith": "s", "contains": "1"}}},
    {"limit": 5, "filter": {"op": "<", "args": [{"property": "eo:cloud_cover"}, 50]}, "filter-lang": "cql2-json"},
    {"limit": 5, "filter": "eo:cloud_cover < 50 AND id LIKE '%1_'", "filter-lang": "cql2-text"},
]


@pytest.mark.parametrize("body", BODIES, ids=json.dumps)
def test_both_methods_find_the_same_and_page_alike(service: Running, body: Dict[str, Any]) -> None:
    posted = pages(service, body)
    assert pages(service, body, "GET") == posted
    found = [scene for page in posted for scene in page]
    assert found and len(set(found)) == len(found) == search(service, body).json()["numberMatched"]
    assert [scene for page in pages(service, {**body, "limit": 1000}) for scene in page] == found
    assert all(len(page) == body.get("limit", 10) for page in posted[:-1])


def test_pages_link_back(service: Running) -> None:
    page = search(service, {"limit": 5}, "GET").json()
    first = page
    assert "prev" not in [link["rel"] for link in page["links"]]
    for _ in range(2):
        page = requests.get(next(x["href"] for x in page["links"] if x["rel"] == "next"), timeout=30).json()
    for _ in range(2):
        page = requests.get(next(x["href"] for x in page["links"] if x["rel"] == "prev"), timeout=30).json()
    assert page["features"] == first["features"]


def test_items_of_a_collection_are_searched_alike(service: Running) -> None:
    url = service.origin + "/stac/collections/ortho/items"
    page = requests.get(url, params={"bbox": "0,0,0.1,0.1", "limit": "2"}, timeout=30).json()
    again = search(service, {"bbox": [0, 0, 0.1, 0.1], "limit": 2}).json()
    assert page["features"] == again["features"] and page["numberMatched"] == again["numberMatched"] == 5
    assert page["links"][-1]["href"].startswith(url)
    other = requests.get(url, params={"collections": "other"}, timeout=30).json()
    assert (other["numberMatched"], other["features"]) == (0, [])


def test_scenes_that_come_and_go_between_pages_shift_nothing(serve: Serve, tmp_path: Path) -> None:
    scenes = [feature(f"s{number}", f"2015-01-{number + 1:02}T00:00:00Z") for number in range(9)]
    write_features(tmp_path / "a.geojson", scenes)
    service = serve(tmp_path, "--rescan", "0.2")
    page = search(service, {"limit": 3}).json()
    assert [item["id"] for item in page["features"]] == ["s8", "s7", "s6"]
    body = next(link["body"] for link in page["links"] if link["rel"] == "next")
    # The last scene of the page is removed, and a newer one is added.
    changed = [*scenes[:6], *scenes[7:], feature("s9", "2015-02-01T00:00:00Z")]
    write_features(tmp_path / "a.geojson", changed)
    for _ in range(300):
        if search(service, {"ids": ["s9"]}).json()["numberMatched"]:
            break
    assert [item["id"] for item in search(service, body).json()["features"]] == ["s5", "s4", "s3"]


def test_fields_choose_parts(service: Running) -> None:
    whole = search(service, {"limit": 1}).json()["features"][0]
    some = search(service, {"limit": 1, "fields": {"include": ["properties.eo:cloud_cover"]}}).json()["features"][0]
    assert set(some["properties"]) == {"datetime", "eo:cloud_cover"} and set(whole) == set(some)
    less = {"exclude": ["assets", "links", "properties.created", "bbox"]}
    for method in ("POST", "GET"):
        item = search(service, {"limit": 1, "fields": less}, method).json()["features"][0]
        assert set(whole) - set(item) == {"assets", "links", "bbox"}
        assert set(whole["properties"]) - set(item["properties"]) == {"created"}


WRONG: List[Dict[str, Any]] = [
    {"bbox": [1, 2, 3]}, {"bbox": "x"}, {"bbox": [1, 2, 3, "4"]}, {"bbox": [0, 5, 1, 4]}, {"bbox": [0, 0, 0, 0, 0, -1]},
    {"bbox": [0, 0, 181, 1]}, {"bbox": [0, -91, 1, 1]}, {"bbox": [True, 0, 1, 1]},
    {"bbox": [0, 0, 1, 1], "intersects": {"type": "Point", "coordinates": [0, 0]}},
    {"intersects": {"type": "Feature"}}, {"intersects": 3}, {"intersects": {"type": "Point", "coordinates": [None, 1]}},
    {"datetime": "2015-01-01"}, {"datetime": "../.."}, {"datetime": "/"}, {"datetime": ".."}, {"datetime": "a/b/c"},
    {"datetime": "2015-01-01T00:00:00"}, {"datetime": "2016-01-01T00:00:00Z/2015-01-01T00:00:00Z"}, {"datetime": 3},
    {"datetime": "2015-02-30T00:00:00Z"}, {"datetime": "0001-01-01T00:00:00+23:59/.."},
    {"limit": 0}, {"limit": -1}, {"limit": 1.5}, {"limit": "1"}, {"limit": True}, {"limit": []},
    {"ids": "x"}, {"ids": [1]}, {"ids": ["\0"]}, {"ids": ["\ud800"]}, {"ids": ["x"] * 10_001}, {"collections": {}},
    {"sortby": "x"}, {"sortby": [{"field": "foo"}]}, {"sortby": [{"field": "id", "direction": "up"}]},
    {"sortby": [{"field": "id"}] * 7}, {"sortby": [3]}, {"fields": 3}, {"fields": {"foo": []}},
    {"fields": {"include": 3}},
    {"query": 3}, {"query": {"gsd": 3}}, {"query": {"gsd": {"foo": 3}}}, {"query": {"gsd": {"lt": "x"}}},
    {"query": {"id": {"startsWith": 3}}}, {"filter": "x", "filter-lang": "cql"},
    {"filter": {}, "filter-lang": "cql2-text"},
    {"filter": True, "filter-crs": "EPSG:3857"}, {"foo": 1}, {"filter-lang": 3},
]  # fmt: skip


@pytest.mark.parametrize("body", WRONG, ids=lambda body: repr(body)[:60])
def test_wrong_parameters_are_refused_with_a_reason(service: Running, body: Dict[str, Any]) -> None:
    answer = search(service, body)
    assert answer.status_code == 400, answer.text
    told = answer.json()["message"]
    assert told.endswith(".") and len(told) < 600
    assert any(name in told for name in body) or "The body" in told


@pytest.mark.parametrize(
    "query",
    [
        "limit=x", "limit=1&limit=2", "bbox=1,2,3", "bbox=a,b,c,d", "bbox=nan,0,1,1", "intersects=x", "foo=1",
        "limit=%FF",
        "query=3", "sortby=foo", "fields=" + "a," * 300, "filter=%00", "datetime=", "filter=gsd%20%3C",
        "filter={}&filter-lang=cql2-json", "intersects=" + "[" * 5000, "filter-lang=cql2-json&filter=" + "[" * 5000,
    ],
)  # fmt: skip
def test_wrong_queries_are_refused_with_a_reason(service: Running, query: str) -> None:
    answer = requests.get(f"{service.origin}/stac/search?{query}", timeout=30)
    assert answer.status_code == 400 and answer.json()["message"].endswith("."), answer.text


def token(words: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(words).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "forged",
    [
        "", "x", "!" * 20, "A" * 5000, 3, [], token([]), token({}), token(["next"]), token(["next", "x", "ortho", "a"]),
        token(["next", 1, "ortho", "a", 3]), token(["next", 1, "ortho", "a", *[1] * 7]), token(["up", 1, "ortho", "a"]),
        token(["next", True, "ortho", "a"]), token(["next", 2**80, "ortho", "a"]), token(["next", 1, None, "a"]),
        token(["next", 1, "ortho", "\0"]), token(["next", 1, "ortho", "\ud800"]), token(["next", 1, "ortho", "a", {}]),
        base64.urlsafe_b64encode(b"[" * 2000).decode(), base64.urlsafe_b64encode(b"[NaN]").decode(),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
    ],
    ids=lambda forged: str(forged)[:20],
)  # fmt: skip
def test_forged_tokens_are_refused(service: Running, forged: Any) -> None:
    answer = search(service, {"token": forged})
    assert answer.status_code == 400 and "token" in answer.json()["message"], answer.text


def test_a_token_of_another_order_is_refused_or_a_place(service: Running) -> None:
    order = [{"field": "eo:cloud_cover", "direction": "asc"}]
    page = search(service, {"limit": 2, "sortby": order}).json()
    taken = next(link["body"]["token"] for link in page["links"] if link["rel"] == "next")
    assert search(service, {"token": taken}).status_code == 400
    by_name = [{"field": "collection", "direction": "asc"}]
    assert search(service, {"token": taken, "sortby": by_name}).status_code == 400
    # A valid place that no scene has is one between others.
    between = token(["next", 1420070400000000, "zzz", "s00x"])
    assert search(service, {"token": between}).status_code == 200


def test_bodies_are_limited(service: Running) -> None:
    url = service.origin + "/stac/search"
    json_type = {"Content-Type": "application/json"}
    for content, status in (
        (b"", 400), (b"[]", 400), (b"3", 400), (b"{", 400), (b"\xff", 400), (b'{"limit": 1, "limit": 2}', 400),
        (b'{"limit": NaN}', 400), (b"[" * 50_000, 400), (b"[" * 500_000, 400),
        (b'{"x": "' + b"x" * 5_000_000 + b'"}', 413),
        (b'{"filter": ' + b'{"op": "not", "args": [' * 3000 + b"true" + b"]}" * 3000 + b"}", 400),
    ):  # fmt: skip
        answer = requests.post(url, data=content, headers=json_type, timeout=60)
        assert answer.status_code == status, (content[:40], answer.text)
    assert requests.post(url, data={"limit": 1}, timeout=30).status_code == 415
    assert requests.post(url + "?limit=1", json={}, timeout=30).status_code == 400
    ring = [[number / 7000, 0] for number in range(7001)] + [[1, 1], [0, 1], [0, 0]]
    large = {"intersects": {"type": "Polygon", "coordinates": [ring]}, "limit": 2}
    assert len(json.dumps(large)) > 64 * 2**10
    found = [scene for page in pages(service, large) for scene in page]
    assert len(found) == search(service, {"bbox": [0, 0, 1, 1]}).json()["numberMatched"]


def test_unknown_things_are_404_and_other_methods_405(service: Running) -> None:
    stac = service.origin + "/stac"
    for path in (
        "/x", "/collections/x", "/collections/x/items", "/collections/ortho/items/x", "/collections/ortho/items/%00",
        "/collections/ortho/items/%ED%A0%80", "/collections/ortho/items/s01/assets/x/x.tif", "/collections/../search/",
    ):  # fmt: skip
        assert requests.get(stac + path, timeout=30).status_code == 404, path
    for path in ("/", "/collections", "/collections/ortho/items"):
        assert requests.post(stac + path, json={}, timeout=30).status_code == 405
    assert requests.get(stac + "/collections?foo=1", timeout=30).status_code == 400
    answer = requests.get(stac, allow_redirects=False, timeout=30)
    assert (answer.status_code, answer.headers["Location"]) == (302, stac + "/")
    assert requests.head(stac + "/search", timeout=30).status_code == 200


def test_an_empty_archive_has_no_collections(serve: Serve, tmp_path: Path) -> None:
    stac = serve(tmp_path).origin + "/stac"
    assert requests.get(stac + "/collections", timeout=30).json()["collections"] == []
    page = requests.get(stac + "/search", timeout=30).json()
    assert (page["numberMatched"], page["features"]) == (0, [])
