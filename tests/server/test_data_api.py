"""The Data API v1 and the Basemaps API v1 of the service, over HTTP, beside brute force."""

from __future__ import annotations

import base64
import json
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest
import rasterio
import requests
import shapely.geometry
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.warp import transform_bounds

from planet_vector.server.api.activations import Activations
from planet_vector.server.api.permissions import digest
from tests.conftest import SHARED_DATA
from tests.data_v1_service import Feature, compiled, moment
from tests.server.conftest import Running, Serve, feature, write_features
from tests.server.data_archives import file_name, order_items, write_order

ITEMS = order_items(90)
ORDER = SHARED_DATA / "planet-order"
MOSAICS = "- {name: winter, level: 8, filter: {cloud_cover.estimated.lte: 50}}\n- {name: all, level: 7}\n"
KEYS = {"office": "0ff1ce" * 6, "visual": "015a1a" * 6, "nothing": "0e0e0e" * 6}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    write_order(folder / "order", ITEMS)
    write_features(folder / "others.geojson", [feature("a", links={"self": "https://a.example/v0/scenes/rapideye/a"})])
    return folder


@pytest.fixture(scope="module")
def mosaics(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mosaics") / "mosaics.yaml"
    path.write_text(MOSAICS)
    return path


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the index, which all services share: reading the rasters takes seconds."""
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="module")
def service(serve: Serve, archive: Path, mosaics: Path, cache: Path) -> Data:
    return Data(serve(archive, "--mosaics", str(mosaics), cache=cache))


class Data:
    """Requests to the APIs of a running service."""

    def __init__(self, running: Running, key: str = "") -> None:
        self.running = running
        self.root = f"{running.origin}/data/v1/"
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.auth = (key, "") if key else None

    def ask(self, path: str, body: Any = None, method: str = "", **options: Any) -> requests.Response:
        url = path if path.startswith("http") else self.root + path
        method = method or ("GET" if body is None else "POST")
        return self.session.request(method, url, json=body, timeout=60, **options)

    def json(self, path: str, body: Any = None, **options: Any) -> Any:
        response = self.ask(path, body, **options)
        assert response.status_code == 200, response.text
        return response.json()

    def search(self, wanted: Any, query: str = "", types: Optional[List[str]] = None) -> List[Feature]:
        """Return the items of all pages."""
        page = self.json(f"quick-search?{query}", {"item_types": types or ["PSScene"], "filter": wanted})
        found = list(page["features"])
        while "_next" in page["_links"]:
            page = self.json(page["_links"]["_next"])
            assert page["features"]
            found += page["features"]
        return found


def of(kind: str, config: Any, name: str = "") -> Dict[str, Any]:
    found = {"type": kind, "config": config}
    return {**found, "field_name": name} if name else found


ALL = of("AndFilter", [])


def ids(items: List[Feature]) -> List[str]:
    return [item["id"] for item in items]


# ---- filters ----------------------------------------------------------------------------------------------------

_NUMBERS = ("cloud_cover", "clear_percent", "gsd", "view_angle", "sun_azimuth", "sun_elevation", "rows", "nothing")
_TEXTS = ("satellite_id", "instrument", "quality_category", "strip_id", "item_type", "id", "provider", "nowhere")


def _values(name: str) -> List[Any]:
    found = [item["id"] if name == "id" else item["properties"].get(name) for item in ITEMS]
    return sorted({value for value in found if value is not None}) or [1 if name in _NUMBERS else "x"]


def _leaves() -> st.SearchStrategy[Dict[str, Any]]:
    def numbers(name: str) -> st.SearchStrategy[Any]:
        near = st.sampled_from(_values(name))
        return near | near.map(lambda value: value + 1e-9) | st.floats(-10, 400)

    def ranged(kind: str, name: str, limits: st.SearchStrategy[Any]) -> st.SearchStrategy[Dict[str, Any]]:
        comparators = st.sampled_from(["gt", "gte", "lt", "lte"])
        config = st.dictionaries(comparators, limits, min_size=1, max_size=2)
        return config.map(lambda found: of(kind, found, name))

    times = {name: st.sampled_from(_values(name)) for name in ("acquired", "published", "updated")}
    squares = st.tuples(st.floats(-179, 150), st.floats(-89, 60), st.floats(0.1, 29), st.floats(0.1, 29))
    relations = st.sampled_from(["intersects", "contains", "within", "disjoint"])
    assets = st.lists(st.sampled_from(["ortho_visual", "ortho_udm2", "metadata", "nothing"]), min_size=1, max_size=2)
    permissions = st.sampled_from(["assets:download", "assets.ortho_visual:download", "assets.nothing:download"])
    found = [ranged("RangeFilter", name, numbers(name)) for name in _NUMBERS]
    found += [ranged(kind, name, each) for name, each in times.items() for kind in ("DateRangeFilter", "UpdateFilter")]
    found += [
        st.lists(numbers(name), max_size=3).map(lambda v, n=name: of("NumberInFilter", v, n))  # type: ignore[misc]
        for name in _NUMBERS
    ]
    found += [
        st.lists(st.sampled_from([*_values(name), "other"]), max_size=3).map(  # type: ignore[misc]
            lambda v, n=name: of("StringInFilter", v, n)
        )
        for name in _TEXTS
    ]
    found += [
        st.tuples(squares, relations).map(
            lambda v: {**of("GeometryFilter", _square(*v[0]), "geometry"), "relation": v[1]}
        ),
        st.sampled_from(ITEMS).map(lambda item: of("GeometryFilter", item["geometry"], "geometry")),
        assets.map(lambda names: of("AssetFilter", names)),
        st.lists(permissions, min_size=1, max_size=2).map(lambda names: of("PermissionFilter", names)),
    ]
    return st.one_of(found)


def _square(west: float, south: float, width: float, height: float) -> Dict[str, Any]:
    east, north = west + width, south + height
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


_FILTERS = st.recursive(
    _leaves(),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: of("AndFilter", parts))
        | st.lists(inner, max_size=3).map(lambda parts: of("OrFilter", parts))
        | inner.map(lambda part: of("NotFilter", part))
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(wanted=_FILTERS)
def test_any_filter_selects_what_brute_force_selects(service: Data, wanted: Dict[str, Any]) -> None:
    test = compiled(wanted)
    expected = sorted(item["id"] for item in ITEMS if test(item))
    assert sorted(ids(service.search(wanted, "_page_size=40"))) == expected
    buckets = service.json("stats", {"item_types": ["PSScene"], "filter": wanted, "interval": "year"})["buckets"]
    assert sum(bucket["count"] for bucket in buckets) == len(expected)


def test_items_have_what_their_metadata_states(service: Data) -> None:
    found = {item["id"]: item for item in service.search(ALL)}
    assert len(found) == len(ITEMS)
    for expected in ITEMS:
        item = found[expected["id"]]
        assert item["properties"] == expected["properties"]
        assert item["geometry"] == expected["geometry"]
        assert sorted(item["assets"]) == expected["assets"]
        assert sorted(item["_permissions"]) == expected["_permissions"]
        assert service.json(item["_links"]["_self"]) == item


@pytest.mark.skipif(not ORDER.exists(), reason=f"{ORDER} is not here")
def test_a_real_item_has_every_property_of_its_metadata(serve: Serve) -> None:
    data = Data(serve(ORDER))
    (path,) = ORDER.rglob("*_metadata.json")
    stated = json.loads(path.read_text())
    item = data.json(f"item-types/PSScene/items/{stated['id']}")
    assert {name: item["properties"].get(name) for name in stated["properties"]} == stated["properties"]
    assert "ortho_analytic_4b_sr" in item["assets"]


# ---- pages and orders -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("name", ["acquired", "published"])
@pytest.mark.parametrize("size", [1, 7, 90, 250, 1000])
def test_pages_have_each_item_once_in_order(service: Data, name: str, direction: str, size: int) -> None:
    found = service.search(ALL, f"_page_size={size}&_sort={name} {direction}")
    times = [moment(item["properties"][name]) for item in found]
    assert times == sorted(times, reverse=direction == "desc")
    assert sorted(ids(found)) == sorted(ids(ITEMS))


def test_the_default_order_is_the_last_published_first_on_pages_of_250(service: Data) -> None:
    page = service.json("quick-search", {"item_types": ["PSScene"], "filter": ALL})
    times = [moment(item["properties"]["published"]) for item in page["features"]]
    assert times == sorted(times, reverse=True) and len(times) == len(ITEMS)
    assert "_next" not in page["_links"]


def test_several_item_types_geometry_and_asset_types(service: Data) -> None:
    assert sorted(ids(service.search(ALL, types=["PSScene", "rapideye"]))) == sorted(["a", *ids(ITEMS)])
    item = ITEMS[4]
    body = {"item_types": ["PSScene"], "geometry": item["geometry"], "asset_types": [item["assets"][0]]}
    assert item["id"] in ids(service.json("quick-search", body)["features"])


@pytest.mark.parametrize("interval", ["hour", "day", "week", "month", "year"])
def test_statistics_count_by_acquisition(service: Data, interval: str) -> None:
    answer = service.json("stats", {"item_types": ["PSScene"], "filter": ALL, "interval": interval})
    counts: Dict[datetime, int] = {}
    for item in ITEMS:
        when = moment(item["properties"]["acquired"]).replace(minute=0, second=0, microsecond=0)
        if interval != "hour":
            when = when.replace(hour=0)
        if interval == "week":
            when -= timedelta(days=when.weekday())
        if interval in ("month", "year"):
            when = when.replace(day=1)
        if interval == "year":
            when = when.replace(month=1)
        counts[when] = counts.get(when, 0) + 1
    assert {moment(each["start_time"]): each["count"] for each in answer["buckets"]} == counts


def test_item_types(service: Data) -> None:
    for path in ("item-types", "item-types/"):
        assert [each["id"] for each in service.json(path)["item_types"]] == ["PSScene", "rapideye"]
    assert service.json("item-types/PSScene")["id"] == "PSScene"


@pytest.mark.parametrize(
    ("path", "body", "status", "word"),
    [
        ("quick-search", [], 400, "object"),
        ("quick-search", {"filter": ALL}, 400, "item_types"),
        ("quick-search", {"item_types": []}, 400, "item_types"),
        ("quick-search", {"item_types": [1]}, 400, "item_types"),
        ("quick-search", {"item_types": ["nosuch"]}, 404, "PSScene"),
        ("quick-search", {"item_types": ["PSScene"], "filter": []}, 400, "filter"),
        ("quick-search", {"item_types": ["PSScene"], "filter": {"type": "Other"}}, 400, "AndFilter"),
        ("quick-search", {"item_types": ["PSScene"], "filter": of("AndFilter", {})}, 400, "list"),
        ("quick-search", {"item_types": ["PSScene"], "filter": of("NotFilter", None)}, 400, "filter"),
        ("quick-search", {"item_types": ["PSScene"], "filter": of("RangeFilter", {"lt": 1})}, 400, "field_name"),
        ("quick-search", {"item_types": ["PSScene"], "filter": of("RangeFilter", {}, "gsd")}, 400, "gte"),
        ("quick-search", {"item_types": ["PSScene"], "filter": of("RangeFilter", {"lt": "1"}, "gsd")}, 400, "lt"),
        ("quick-search", {"item_types": ["PSScene"], "filter": of("RangeFilter", {"lt": True}, "gsd")}, 400, "lt"),
        (
            "quick-search",
            {"item_types": ["PSScene"], "filter": of("DateRangeFilter", {"lt": "soon"}, "acquired")},
            400,
            "acquired",
        ),
        ("quick-search", {"item_types": ["PSScene"], "filter": of("StringInFilter", [1], "id")}, 400, "texts"),
        ("quick-search", {"item_types": ["PSScene"], "filter": of("NumberInFilter", ["1"], "gsd")}, 400, "numbers"),
        ("quick-search", {"item_types": ["PSScene"], "filter": of("GeometryFilter", {}, "geometry")}, 400, "geometry"),
        ("quick-search", {"item_types": ["PSScene"], "filter": of("PermissionFilter", "x")}, 400, "list"),
        ("quick-search?_sort=gsd asc", {"item_types": ["PSScene"]}, 400, "_sort"),
        ("quick-search?_page_size=0", {"item_types": ["PSScene"]}, 400, "_page_size"),
        ("quick-search?sort=acquired asc", {"item_types": ["PSScene"]}, 400, "'sort' is not a parameter"),
        ("quick-search", {"item_types": ["PSScene"], "filters": ALL}, 400, "'filters' is not a member"),
        ("searches", {"item_types": ["PSScene"], "filters": ALL, "name": "x"}, 400, "'filters' is not a member"),
        ("searches?limit=1", None, 400, "'limit' is not a parameter"),
        ("searches?_sort=name asc", None, 400, "created asc"),
        ("searches?search_type=other", None, 400, "saved"),
        ("searches?_page=0", None, 400, "_page"),
        ("stats?interval=day", {"item_types": ["PSScene"], "interval": "day"}, 400, "takes none"),
        ("stats", {"item_types": ["PSScene"], "interval": "day", "utc_offset": "+2h"}, 400, "utc_offset"),
        ("stats", {"item_types": ["PSScene"], "interval": "second"}, 400, "interval"),
        ("stats", {"item_types": ["PSScene"], "interval": ["day"]}, 400, "interval"),
        ("searches", {"item_types": ["PSScene"], "filter": ALL}, 400, "name"),
        ("searches/nosuch", None, 404, "nosuch"),
        ("searches/nosuch/results", None, 404, "nosuch"),
        (f"searches/{'0' * 64}/results", None, 404, "search again"),
        ("item-types/nosuch/items/x", None, 404, "nosuch"),
        ("item-types/PSScene/items/nosuch", None, 404, "nosuch"),
        ("item-types/PSScene/items/nosuch/assets/", None, 404, "nosuch"),
        (f"item-types/PSScene/items/{ITEMS[0]['id']}/assets/nosuch", None, 404, "metadata"),
        (f"item-types/PSScene/items/{ITEMS[0]['id']}/thumb?width=x", None, 400, "width"),
        ("download?token=a.b.c", None, 403, "location"),
        ("download?token=%ff", None, 403, "location"),
        ("download", None, 403, "location"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(service: Data, path: str, body: Any, status: int, word: str) -> None:
    response = service.ask(path, body)
    assert response.status_code == status, response.text
    assert word in response.json()["message"]


def test_a_filter_has_limits(service: Data) -> None:
    deep: Dict[str, Any] = ALL
    for _ in range(40):
        deep = of("NotFilter", deep)
    wide = of("OrFilter", [ALL] * 2000)
    areas = of("OrFilter", [of("GeometryFilter", ITEMS[0]["geometry"], "geometry")] * 30)
    for wanted in (deep, wide, areas):
        answer = service.ask("quick-search", {"item_types": ["PSScene"], "filter": wanted})
        assert answer.status_code == 400, answer.text
    assert service.ask("quick-search", None, "POST", data={"item_types": "PSScene"}).status_code == 415


def test_a_changed_token_of_a_page_is_refused(service: Data) -> None:
    page = service.json("quick-search?_page_size=5", {"item_types": ["PSScene"], "filter": ALL})
    link = page["_links"]["_next"]
    for wrong in ("x", base64.urlsafe_b64encode(b"[]").decode(), "WyJuZXh0IiwxLCJvcnRobyIsImEiLDEsMiwzXQ"):
        start, _, rest = link.partition("_page=")
        answer = service.ask(f"{start}_page={wrong}&{rest.partition('&')[2]}")
        assert answer.status_code == 400 and "_page" in answer.json()["message"]


# ---- saved searches -------------------------------------------------------------------------------------------


def test_searches_are_saved_changed_run_and_deleted(service: Data) -> None:
    wanted = of("RangeFilter", {"lte": 0.5}, "cloud_cover")
    saved = service.json("searches", {"name": "clear", "item_types": ["PSScene"], "filter": wanted})
    assert saved["filter"] == wanted and saved["item_types"] == ["PSScene"]
    assert service.json(saved["_links"]["_self"]) == saved
    assert saved in service.json("searches/")["searches"]
    second = service.json("searches", {**saved, "name": "second"})  # as it was read, for another name
    listed = {order: service.json(f"searches?_sort=created {order}")["searches"] for order in ("asc", "desc")}
    assert listed["desc"] == listed["asc"][::-1] and [each["name"] for each in listed["asc"]][-2:] == [
        "clear",
        "second",
    ]
    first = service.json("searches?_page_size=1&_sort=created asc&search_type=saved")
    assert first["searches"] == listed["asc"][:1]
    assert service.json(first["_links"]["_next"])["searches"] == listed["asc"][1:2]
    assert service.json("searches?search_type=quick")["searches"] == []
    assert service.ask(f"searches/{second['id']}", method="DELETE").status_code == 204
    results = service.json(f"{saved['_links']['results']}?_page_size=250")
    expected = sorted(item["id"] for item in ITEMS if compiled(wanted)(item))
    assert sorted(ids(results["features"])) == expected
    other = service.json(f"searches/{saved['id']}", {"name": "all", "item_types": ["PSScene"]}, method="PUT")
    assert other["name"] == "all" and "filter" not in other and other["created"] == saved["created"]
    assert service.ask(f"searches/{saved['id']}", method="DELETE").status_code == 204
    assert service.ask(f"searches/{saved['id']}").status_code == 404
    assert service.ask(f"searches/{saved['id']}", method="DELETE").status_code == 404


def test_a_link_to_the_next_page_outlives_the_service(service: Data, serve: Serve, archive: Path, cache: Path) -> None:
    first = service
    page = first.json("quick-search?_page_size=80", {"item_types": ["PSScene"], "filter": ALL})
    link = page["_links"]["_next"].replace(first.root, "")
    second = Data(serve(archive, cache=cache))
    rest = second.json(link)["features"]
    assert sorted(ids(page["features"]) + ids(rest)) == sorted(ids(ITEMS))


# ---- assets ---------------------------------------------------------------------------------------------------


def asset_path(item: Feature, name: str = "") -> str:
    return f"item-types/PSScene/items/{item['id']}/assets/{name}"


def test_all_assets_are_active_and_are_delivered_without_a_key(service: Data, archive: Path) -> None:
    for item in ITEMS[:4]:
        states = service.json(asset_path(item))
        assert sorted(states) == item["assets"]
        for name, state in states.items():
            assert state["status"] == "active" and state["_permissions"] == ["download"] and state["type"] == name
            assert "md5_digest" not in state  # the SDK takes null for a wrong one
            token = state["location"].partition("token=")[2].split(".")[1]
            ends = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))["exp"]
            stated = datetime.fromisoformat(state["expires_at"] + "+00:00")
            assert stated.timestamp() == ends > time.time()
            (file,) = (archive / "order").rglob(file_name(item, name))
            answer = requests.get(state["location"], timeout=60)
            assert answer.content == file.read_bytes(), answer.text
            assert answer.headers["Content-Type"] == (
                "application/json" if name == "metadata" else "image/tiff; application=geotiff"
            )
            part = requests.get(state["location"], headers={"Range": "bytes=2-5"}, timeout=60)
            assert part.status_code == 206 and part.content == file.read_bytes()[2:6]
            assert service.json(state["_links"]["_self"])["status"] == "active"
            assert service.ask(state["_links"]["activate"]).status_code == 204


def test_a_location_expires_and_cannot_be_changed(serve: Serve, archive: Path, cache: Path) -> None:
    data = Data(serve(archive, "--signature-life", "2", cache=cache))
    state = data.json(asset_path(ITEMS[0], "metadata"))
    place, _, token = state["location"].partition("token=")
    head, payload, signature = token.split(".")
    said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    later = base64.urlsafe_b64encode(json.dumps({**said, "exp": said["exp"] + 1000}).encode()).decode().rstrip("=")
    assert data.ask(f"{place}token={head}.{later}.{signature}").status_code == 403
    assert data.ask(state["location"]).status_code == 200
    time.sleep(2.5)
    assert data.ask(state["location"]).status_code == 403


def test_activation_takes_its_time(serve: Serve, archive: Path, cache: Path) -> None:
    data = Data(serve(archive, "--activation-delay", "1.5", cache=cache))
    path = asset_path(ITEMS[1], "ortho_visual")
    state = data.json(path)
    assert state["status"] == "inactive" and "location" not in state
    assert data.ask(state["_links"]["activate"], method="HEAD").status_code == 405
    assert data.json(path)["status"] == "inactive"
    assert data.ask(state["_links"]["activate"]).status_code == 202
    assert data.json(path)["status"] == "activating"
    assert data.ask(state["_links"]["activate"]).status_code == 202
    time.sleep(1.7)
    assert data.json(path)["status"] == "active"
    assert data.ask(state["_links"]["activate"]).status_code == 204
    assert {each["status"] for name, each in data.json(asset_path(ITEMS[1])).items() if name != "ortho_visual"} == {
        "inactive"
    }


def test_processes_share_activations(tmp_path: Path) -> None:
    one, other = (Activations(tmp_path / "index.sqlite", 0.0) for _ in range(2))
    one.activate("ortho", "a", "b")
    assert (other.state("ortho", "a", "b"), other.state("ortho", "a", "c")) == ("active", "inactive")


def test_pictures(service: Data) -> None:
    item = service.json(f"item-types/PSScene/items/{ITEMS[1]['id']}")
    for query, width in (("", 640), ("?width=64", 64), ("?width=100", 128), ("?width=5000", 640)):
        answer = service.ask(item["_links"]["thumbnail"] + query)
        assert answer.status_code == 200 and answer.content.startswith(b"\x89PNG")
        assert int.from_bytes(answer.content[16:20], "big") == width
    assert service.ask(f"PSScene/{ITEMS[1]['id']}/0/0/0.png").status_code == 200
    assert service.ask(f"PSScene/{ITEMS[1]['id']}/0/0/1.png").status_code == 404


# ---- permissions ------------------------------------------------------------------------------------------------


def test_a_key_sees_and_gets_what_it_permits(serve: Serve, archive: Path, cache: Path, tmp_path: Path) -> None:
    entries = [
        {"name": "office", "hash": digest(KEYS["office"])},
        {"name": "visual", "hash": digest(KEYS["visual"]), "products": ["visual"]},
        {"name": "nothing", "hash": digest(KEYS["nothing"]), "scene_types": ["rapideye"]},
    ]
    keys = tmp_path / "keys.yaml"
    keys.write_text(json.dumps(entries))
    keys.chmod(0o600)
    log = tmp_path / "access.log"
    running = serve(archive, "--keys", str(keys), "--access-log", str(log), cache=cache)
    office, visual, nothing = (Data(running, KEYS[name]) for name in ("office", "visual", "nothing"))
    assert Data(running).ask("item-types").status_code == 401
    assert (
        visual.session.get(
            f"{visual.root}item-types", headers={"Authorization": f"api-key {KEYS['office']}"}, auth=lambda r: r
        ).status_code
        == 200
    )
    item = ITEMS[3]
    assert item["assets"] == ["metadata", "ortho_udm2", "ortho_visual"]
    assert visual.json(f"item-types/PSScene/items/{item['id']}")["_permissions"] == ["assets.ortho_visual:download"]
    states = visual.json(asset_path(item))
    assert {name: state["_permissions"] for name, state in states.items() if state["_permissions"]} == {
        "ortho_visual": ["download"]
    }
    assert [name for name, state in states.items() if "location" in state] == ["ortho_visual"]
    assert visual.ask(states["ortho_udm2"]["_links"]["activate"]).status_code == 403
    downloadable = of("PermissionFilter", ["assets:download"])
    expected = sorted(each["id"] for each in ITEMS if "ortho_visual" in each["assets"])
    assert sorted(ids(visual.search(downloadable))) == expected
    assert sorted(ids(office.search(downloadable))) == sorted(ids(ITEMS))
    assert visual.ask(f"item-types/PSScene/items/{ITEMS[4]['id']}/thumb").status_code == 403
    assert [each["id"] for each in nothing.json("item-types")["item_types"]] == ["rapideye"]
    assert nothing.ask("quick-search", {"item_types": ["PSScene"]}).status_code == 403
    assert nothing.ask(f"item-types/PSScene/items/{item['id']}").status_code == 403
    saved = office.json("searches", {"name": "x", "item_types": ["PSScene"]})
    assert visual.json("searches")["searches"] == [] and visual.ask(f"searches/{saved['id']}").status_code == 404
    assert visual.ask(f"searches/{saved['id']}/results").status_code == 404
    assert requests.get(states["ortho_visual"]["location"], timeout=60).status_code == 200
    token = states["ortho_visual"]["location"].partition("token=")[2]
    said = ""
    for _ in range(50):  # the line of a response is written after it was sent
        said = log.read_text() + running.errors
        if "download?" in said:
            break
        time.sleep(0.1)
    assert "download?token=..." in said and token not in said
    assert not [key for key in KEYS.values() if key in said]


# ---- basemaps -------------------------------------------------------------------------------------------------


def test_basemaps_and_their_quads(service: Data) -> None:
    root = f"{service.running.origin}/basemaps/v1/"
    assert [each["name"] for each in service.json(f"{root}mosaics")["mosaics"]] == ["all", "winter"]
    first = service.json(f"{root}mosaics?_page_size=1")
    assert service.json(first["_links"]["_next"])["mosaics"][0]["name"] == "winter"
    assert [each["name"] for each in service.json(f"{root}mosaics?name__contains=wint")["mosaics"]] == ["winter"]
    (mosaic,) = service.json(f"{root}mosaics?name__is=winter")["mosaics"]
    assert service.json(mosaic["_links"]["_self"]) == mosaic and mosaic["item_types"] == ["PSScene"]
    members = [each for each in ITEMS if each["properties"].get("cloud_cover", 1) <= 0.5]
    quads: Dict[str, Any] = {}
    page = service.json(f"{root}mosaics/winter/quads?bbox=-180,-90,180,90&_page_size=7")
    while True:
        assert not quads.keys() & {each["id"] for each in page["items"]}
        quads.update({each["id"]: each for each in page["items"]})
        if "_next" not in page["_links"]:
            break
        page = service.json(page["_links"]["_next"])
    links = [each["link"] for quad in quads.values() for each in service.json(quad["_links"]["items"])["items"]]
    assert {link.rpartition("/")[2] for link in links} == {each["id"] for each in members}
    quad = next(iter(quads.values()))
    column, row = map(int, quad["id"].split("-"))
    side = 360 / 2**8 * 16
    assert quad["bbox"][0] == pytest.approx(column * side - 180) and quad["bbox"][2] == pytest.approx(
        (column + 1) * side - 180
    )
    west, south, east, north = quad["bbox"]
    middle = f"{(west + east) / 2},{(south + north) / 2},{(west + east) / 2},{(south + north) / 2}"
    assert [each["id"] for each in service.json(f"{root}mosaics/winter/quads?bbox={middle}")["items"]] == [quad["id"]]
    assert service.json(quad["_links"]["_self"]) == quad
    content = service.ask(quad["_links"]["download"]).content
    with rasterio.MemoryFile(content) as memory, memory.open() as raster:
        assert (raster.width, raster.height, raster.count, raster.crs.to_epsg()) == (4096, 4096, 4, 3857)
        bounds = transform_bounds(3857, 4326, *raster.bounds)
        assert bounds == pytest.approx(quad["bbox"], abs=1e-6)
    assert service.ask(quad["_links"]["thumbnail"]).content.startswith(b"\x89PNG")
    tile = mosaic["_links"]["tiles"].format(z=0, x=0, y=0)
    assert service.ask(tile).content.startswith(b"\x89PNG")
    for path, status in (
        ("mosaics/nosuch", 404), ("mosaics/winter/quads/0-0", 404), ("mosaics/winter/quads/1e9-0", 404),
        ("mosaics/winter/quads?bbox=1,2,3", 400), ("mosaics/winter/quads?bbox=0,9,0,8", 400),
        ("mosaics/winter/quads?_page=x", 400), ("mosaics?_page_size=0", 400), ("mosaics?interval=1 mon", 400),
        ("mosaics/winter/quads?box=1,2,3,4", 400), (f"mosaics/winter/quads?_geometry={'0' * 64}", 404),
    ):  # fmt: skip
        assert service.ask(root + path).status_code == status, path


def test_a_box_across_the_antimeridian_has_the_quads_of_both_sides(service: Data) -> None:
    root = f"{service.running.origin}/basemaps/v1/mosaics/all/quads"
    both = service.json(f"{root}?bbox=150,-80,-150,80&_page_size=250")["items"]
    parts = [
        service.json(f"{root}?bbox={box}&_page_size=250")["items"] for box in ("150,-80,180,80", "-180,-80,-150,80")
    ]
    assert sorted(each["id"] for each in both) == sorted(each["id"] for part in parts for each in part) != []


def test_quads_of_a_geometry_are_those_that_share_ground_with_it(service: Data) -> None:
    root = f"{service.running.origin}/basemaps/v1/mosaics/all/quads"
    everything = service.json(f"{root}?_page_size=250&summary=true")
    assert everything["summary"] == {"total_quads": len(everything["items"])} and "_next" not in everything["_links"]
    triangle = {"type": "Polygon", "coordinates": [[[-60, -60], [120, -60], [-60, 80], [-60, -60]]]}
    area = shapely.geometry.shape(triangle)
    expected = [each["id"] for each in everything["items"] if area.intersects(shapely.box(*each["bbox"]))]
    assert 3 < len(expected) < len(everything["items"])
    page = service.json(f"{root}/search?_page_size=2&summary=true&minimal=true", triangle)
    found = [each["id"] for each in page["items"]]
    while "_next" in page["_links"]:
        assert page["summary"] == {"total_quads": len(expected)}
        page = service.json(page["_links"]["_next"])
        found += [each["id"] for each in page["items"]]
    assert found == expected
    for body, status in (([], 400), ({"type": "Point"}, 400), ({"type": "Nothing", "coordinates": []}, 400)):
        answer = service.ask(f"{root}/search", body)
        assert answer.status_code == status, answer.text
