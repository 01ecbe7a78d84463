"""Lists: parameters, order, paging and links, against a plain filter of all scenes in Python."""

from __future__ import annotations

import operator
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Dict, List, Optional, Tuple
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import shape
from shapely.wkt import loads

from .conftest import Running, Serve, feature, write_features

QUALITY = ["test", "standard", "target"]
COMPARE: Dict[str, Callable[[Any, Any], bool]] = {
    "": operator.eq, ".eq": operator.eq, ".neq": operator.ne, ".gt": operator.gt, ".gte": operator.ge,
    ".lt": operator.lt, ".lte": operator.le,
}  # fmt: skip
SESSION = requests.Session()
START = datetime(2015, 3, 1, tzinfo=timezone.utc)


def moment(number: int) -> datetime:
    # Seven scenes share each time: pages of most sizes end in the middle of one.
    return START + timedelta(hours=number // 7, microseconds=number // 7)


def make(number: int) -> Dict[str, Any]:
    """Return a scene whose properties are all functions of its number; some lack some."""
    properties: Dict[str, Any] = {
        "cloud_cover": {"estimated": number * 7 % 101 * 0.99},
        "camera": {
            "bit_depth": None if number % 11 == 0 else (8, 12)[number % 2],
            "exposure_time": number * 10,
            "gain": 100.0,
        },
        "image_statistics": {"gsd": 2.7 + number % 10 / 10, "image_quality": QUALITY[number % 3], "snr": 60.5},
        "sat": {"id": f"09{number % 4:02d}", "alt": 400 + number},
        "strip_id": 1425608509.962405 + number,
        "file_size": 10**10 + number,
    }
    if number % 5:
        properties["published"] = (moment(number) + timedelta(days=9)).isoformat()
    # Around the globe: some cross the antimeridian.
    west = -180 + number * 360 / 150 + 0.7
    scene = feature(
        f"S{(number * 37) % 150:03d}", moment(number).isoformat(), west, -60 + number * 0.8, 1.5, **properties
    )
    scene["geometry"] = crossing(scene["geometry"], west) if west + 1.5 > 180 else scene["geometry"]
    if number % 50 == 49:
        scene["geometry"] = None
    return scene


def crossing(geometry: Dict[str, Any], west: float) -> Dict[str, Any]:
    (ring,) = geometry["coordinates"]
    south, north = ring[0][1], ring[2][1]

    def box(w: float, e: float) -> List[Any]:
        return [[[w, south], [e, south], [e, north], [w, north], [w, south]]]

    return {"type": "MultiPolygon", "coordinates": [box(west, 180), box(-180, west + 1.5 - 360)]}


SCENES = [make(number) for number in range(150)]


@pytest.fixture(scope="module")
def service(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Running:
    archive = tmp_path_factory.mktemp("archive")
    write_features(archive / "scenes.geojson", SCENES)
    return serve(archive, "--allow-host", "archive.example")


def value_of(scene: Dict[str, Any], name: str) -> Any:
    value: Any = scene["properties"]
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if name in ("acquired", "published") and value is not None:
        return datetime.fromisoformat(value)
    return QUALITY.index(value) if value in QUALITY else value


def expected(conditions: List[Tuple[str, str, Any]], area: Optional[str] = None, ascending: bool = False) -> List[str]:
    """Return the ids of a search, by looking at every scene."""
    found = []
    for scene in SCENES:
        values = [(value_of(scene, name), comparator, wanted) for name, comparator, wanted in conditions]
        if not all(value is not None and COMPARE[comparator](value, wanted) for value, comparator, wanted in values):
            continue
        if area is not None and (scene["geometry"] is None or not shape(scene["geometry"]).intersects(loads(area))):
            continue
        found.append((datetime.fromisoformat(scene["properties"]["acquired"]), scene["id"]))
    return [scene_id for _, scene_id in sorted(found, reverse=not ascending)]


numbers = [
    ("cloud_cover.estimated", st.floats(0, 100)), ("image_statistics.gsd", st.sampled_from([2.7, 3.0, 3.25, 3.6])),
    ("strip_id", st.integers(0, 149).map(lambda n: 1425608509.962405 + n)), ("sat.alt", st.integers(390, 560)),
    ("file_size", st.integers(10**10 - 1, 10**10 + 151)), ("camera.exposure_time", st.integers(0, 1500)),
]  # fmt: skip
times = st.integers(-5, 160).map(lambda n: moment(n) if n % 2 else moment(n) + timedelta(minutes=1))
condition = st.one_of(
    *[
        st.tuples(st.just(name), st.sampled_from([".gt", ".gte", ".lt", ".lte", "", ".eq", ".neq"]), values)
        for name, values in numbers
    ],
    st.tuples(st.sampled_from(["acquired", "published"]), st.sampled_from([".gt", ".gte", ".lt", ".lte"]), times),
    st.tuples(st.just("image_statistics.image_quality"), st.just(".gte"), st.sampled_from(QUALITY)),
    st.tuples(st.just("sat.id"), st.sampled_from(["", ".eq", ".neq"]), st.sampled_from(["0900", "0902", "0999"])),
    st.tuples(st.just("camera.bit_depth"), st.sampled_from(["", ".eq", ".neq"]), st.sampled_from([8, 12, 16])),
)
boxes = st.tuples(st.integers(-180, 150), st.integers(-70, 50), st.integers(1, 120), st.integers(1, 60)).map(
    lambda b: "POLYGON(({0} {1},{2} {1},{2} {3},{0} {3},{0} {1}))".format(
        b[0], b[1], min(180, b[0] + b[2]), min(90, b[1] + b[3])
    )
)
areas = st.one_of(
    st.none(),
    boxes,
    st.sampled_from(
        ["POINT(179.99 59)", "POINT(-179.8 59)", "LINESTRING(-180 -60,0 0,180 60)", "MULTIPOINT((10 3),(50 20))"]
    ),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(condition, max_size=3), areas, st.booleans(), st.integers(7, 60), st.booleans())
def test_list_and_paging_equal_a_plain_filter(
    service: Running,
    conditions: List[Tuple[str, str, Any]],
    area: Optional[str],
    ascending: bool,
    count: int,
    post: bool,
) -> None:
    wanted = [
        (name, comparator, QUALITY.index(value) if value in QUALITY else value)
        for name, comparator, value in conditions
    ]
    ids = expected(wanted, area, ascending)
    parameters = [
        (n + c, v.isoformat() if isinstance(v, datetime) else repr(v) if not isinstance(v, str) else v)
        for n, c, v in conditions
    ]
    parameters += [("count", str(count))] + ([("order_by", "acquired asc")] if ascending else [])
    parameters += [("intersects", area)] if area else []
    url, found, left = service.root + "scenes/ortho/", [], len(ids)
    answer = SESSION.post(url, data=parameters, timeout=30) if post else SESSION.get(url, params=parameters, timeout=30)
    while True:
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert page["count"] == left
        found += [scene["id"] for scene in page["features"]]
        left -= len(page["features"])
        if page["links"]["next"] is None:
            break
        answer = SESSION.get(page["links"]["next"], timeout=30)
    assert found == ids
    assert page["features"] == []


def test_links_have_the_shape_of_kept_responses(service: Running) -> None:
    page = service.json("scenes/ortho/?sat.id=0901&count=10")
    base = service.root + "scenes/ortho/?sat.id=0901&count=10"
    first, last = page["features"][0]["properties"]["acquired"], page["features"][-1]["properties"]["acquired"]

    def encoded(t: str) -> str:
        return t.replace(":", "%3A").replace("+", "%2B")

    assert page["links"]["self"] == page["links"]["first"] == base
    assert page["links"]["next"].split("&_page.id=")[0] == f"{base}&_page.acquired.lt={encoded(last)}"
    assert page["links"]["prev"].split("&_page.id=")[0] == f"{base}&_page.acquired.gt={encoded(first)}"
    second = requests.get(page["links"]["next"], timeout=30).json()
    assert second["links"]["self"] == page["links"]["next"]
    assert second["links"]["first"] == base


def test_prev_leads_back(service: Running) -> None:
    for order in ("acquired desc", "acquired asc"):
        for area in ({}, {"intersects": "POLYGON((-180 -90,180 -90,180 90,-180 90,-180 -90))"}):
            first = service.json("scenes/ortho/", params={"count": 20, "order_by": order, **area})
            second = requests.get(first["links"]["next"], timeout=30).json()
            back = requests.get(second["links"]["prev"], timeout=30).json()
            assert [s["id"] for s in back["features"]] == [s["id"] for s in first["features"]]
            assert back["count"] == first["count"]


def test_a_full_last_page_still_has_a_next_page_and_it_is_empty(service: Running) -> None:
    total = service.json("scenes/ortho/")["count"]
    page = service.json(f"scenes/ortho/?count={total}")
    assert len(page["features"]) == total
    assert page["links"]["next"] is not None
    after = requests.get(page["links"]["next"], timeout=30).json()
    assert after["features"] == []
    assert after["count"] == 0
    assert after["links"]["next"] is None


def test_without_exact_ties_scenes_are_lost_at_page_edges(
    serve: Serve, tmp_path_factory: pytest.TempPathFactory
) -> None:
    archive = tmp_path_factory.mktemp("ties")
    write_features(archive / "scenes.geojson", SCENES)
    lossy = serve(archive, "--no-exact-ties")
    page = lossy.json("scenes/ortho/?count=10")
    assert "_page.id" not in page["links"]["next"]
    found = lossy.all_ids("scenes/ortho/?count=10")
    # 150 scenes, seven of each time: pages of ten end in the middle of a time, and the rest of it is gone.
    assert len(found) == len(set(found)) < page["count"] == 150


def test_every_way_to_ask(service: Running) -> None:
    conditions = [
        ("cloud_cover.estimated", ".lte", 20),
        ("acquired", ".gte", datetime(2015, 3, 1, 5, tzinfo=timezone.utc)),
    ]
    ids = expected(conditions)
    url = service.root + "scenes/ortho/"
    texts = {"cloud_cover.estimated.lte": "20", "acquired.gte": "2015-03-01T05:00:00Z"}
    answers = [
        requests.get(url, params=texts, timeout=30),
        requests.get(url[:-1], params=texts, timeout=30),
        requests.post(url, data=texts, timeout=30),
        requests.post(url, json={**texts, "cloud_cover.estimated.lte": 20}, timeout=30),
        requests.post(url + "?cloud_cover.estimated.lte=20", json={"acquired.gte": "2015-03-01T05:00:00Z"}, timeout=30),
        requests.post(url[:-1], data=texts, timeout=30),
    ]
    for answer in answers:
        assert [s["id"] for s in answer.json()["features"]] == ids[:50]


@pytest.mark.parametrize(
    "text",
    ["2015-03-01T05:00:00Z", "2015-03-01T05:00:00", "2015-03-01 05:00", "2015-03-01T05:00:00.000000+00:00",
     "2015-03-01T05:00:00+00:00", "2015-03-01T07:00:00+02:00", "2015-02-28T21:00:00-08:00"],
)  # fmt: skip
def test_every_spelling_of_a_time(service: Running, text: str) -> None:
    # An unescaped + arrives as a space.
    for query in (f"acquired.gte={text}", f"acquired.gte={text}".replace("+", "%2B")):
        page = service.get(f"scenes/ortho/?count=1000&{query}").json()
        assert page["count"] == len(expected([("acquired", ".gte", datetime(2015, 3, 1, 5, tzinfo=timezone.utc))]))


def test_trailing_slashes(service: Running) -> None:
    for path in ("scenes", "scenes/ortho"):
        answer = service.get(path + "?x=1")
        assert (answer.status_code, answer.headers["location"]) == (302, service.root + path + "/?x=1")
    assert service.get("scenes/ortho/S000").status_code == 200
    assert service.get("scenes/ortho/S000/").status_code == 404


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("cloud_cover.estimatd.lte=5", "cloud_cover.estimated"),
        ("cloud_cover.estimated.lte=five", "takes a number"),
        ("cloud_cover.estimated.lte=nan", "takes a number"),
        ("camera.exposure_time.gte=1.5", "whole numbers"),
        ("camera.bit_depth.gte=8", "takes .eq, .neq"),
        ("image_statistics.image_quality=test", "takes .gte only"),
        ("image_statistics.image_quality.gte=good", "target"),
        ("acquired.gte=yesterday", "is not a time"),
        ("count=0", "1 to 1000"),
        ("count=1001", "1 to 1000"),
        ("count=ten", "1 to 1000"),
        ("count=1&count=2", "more than once"),
        ("order_by=published", "acquired desc"),
        ("intersects=POLYGON((1", "neither WKT nor GeoJSON"),
        ("workspace=8675309", "no workspaces"),
        ("_page.acquired.lt=x", "is not a time"),
        ("_page.number=2", "follow the links"),
    ],
)
def test_bad_parameters_are_refused_with_help(service: Running, query: str, told: str) -> None:
    answer = service.get(f"scenes/ortho/?{query}")
    assert answer.status_code == 400
    assert told in answer.json()["message"]
    assert answer.json()["errors"] == []


def test_the_root_and_unknown_things(service: Running) -> None:
    assert service.json("scenes/") == {n: f"{service.root}scenes/{n}/" for n in ("landsat", "ortho", "rapideye")}
    assert service.json("scenes/rapideye/")["features"] == []
    for path in ("scenes/sentinel/", "scenes/ortho/nothing", "scenes/sentinel/S000", "nothing"):
        answer = service.get(path)
        assert answer.status_code == 404
        assert set(answer.json()) == {"message", "errors"}


def test_links_lead_to_where_the_client_is(service: Running) -> None:
    scene = service.json("scenes/ortho/S000", headers={"Host": "archive.example:8080"})
    assert scene["properties"]["links"]["self"] == "http://archive.example:8080/v0/scenes/ortho/S000"
    assert service.get("scenes/ortho/S000", headers={"Host": 'evil"host'}).status_code == 400


def test_a_key_in_the_query_is_in_no_link(service: Running) -> None:
    text = service.get("scenes/ortho/?count=5&api_key=secret123").text
    assert "secret123" not in text


def test_an_area_too_long_for_a_link_is_kept(service: Running) -> None:
    area = (
        "MULTIPOINT(" + ",".join(f"({x / 10} {y / 10})" for x in range(-300, 300, 9) for y in range(-300, 300, 9)) + ")"
    )
    answer = requests.post(service.root + "scenes/ortho/", data={"intersects": area, "count": 3}, timeout=30).json()
    assert all(len(link) < 8000 for link in answer["links"].values())
    found = [s["id"] for s in answer["features"]]
    while answer["links"]["next"]:
        answer = requests.get(answer["links"]["next"], timeout=30).json()
        found += [s["id"] for s in answer["features"]]
    assert found == expected([], area)
    assert dict(parse_qsl(urlsplit(answer["links"]["self"]).query))["intersects"].startswith("kept:")
