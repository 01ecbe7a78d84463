"""Requests are read one way only: numbers, times, JSON and areas that could mean two things, or none, are refused."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any, Dict, List, Tuple

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from planet_vector.scenes_v0_fields import FIELDS
from planet_vector.server.index.scene_search import MAX_PARAMETERS

from .conftest import Running, Serve, feature, write_features, write_raster

ODD = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None)
SESSION = requests.Session()


@pytest.fixture(scope="module")
def service(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Running:
    folder = tmp_path_factory.mktemp("strict")
    properties = {"cloud_cover": {"estimated": 10.0}, "file_size": 10, "camera": {"bit_depth": 10}}
    write_features(folder / "list.json", [feature("S1", **properties)])
    write_raster(folder / "x_visual.tif", bands=3)
    (folder / "m.yml").write_text("- {name: all, level: 10}\n")
    return serve(folder, "--mosaics", str(folder / "m.yml"))


def ask(service: Running, method: str = "GET", path: str = "scenes/ortho/", **options: Any) -> requests.Response:
    return SESSION.request(method, service.root + path, timeout=30, **options)


# ---- numbers and times

NUMBER = re.compile(r"[ \t\r\n]*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t\r\n]*")
COUNT = re.compile(r"[ \t\r\n]*[0-9]{1,9}[ \t\r\n]*")
pieces = ["1", "0", "10", "_", ".", "-", "+", "e", "E", " ", "\t", "\u00a0", "\u2003", "١", "１", "²", "inf",
          "infinity", "nan", "0x", "x", ",", "L", "j", "½", "−"]  # fmt: skip
texts = st.lists(st.sampled_from(pieces), min_size=1, max_size=5).map("".join)


def finite(text: str) -> bool:
    return NUMBER.fullmatch(text) is not None and abs(float(text)) < float("inf")


@ODD
@given(texts)
def test_numbers_and_counts_are_decimal_and_written_in_ascii(service: Running, text: str) -> None:
    answer = ask(service, params={"cloud_cover.estimated.lte": text})
    assert (answer.status_code == 200) == finite(text), (text, answer.text)
    whole = ask(service, params={"file_size": text})
    assert (whole.status_code == 200) == (finite(text) and float(text).is_integer()), (text, whole.text)
    counted = COUNT.fullmatch(text) is not None and 1 <= int(text) <= 1000
    for path in ("scenes/ortho/", "mosaics/all/quads/"):
        answer = ask(service, path=path, params={"count": text})
        assert (answer.status_code == 200) == counted, (text, answer.text)


@pytest.mark.parametrize("text", ["1_0", "١٠", "１０", "1e1_0", "\u00a010", "10\u2003"])
def test_what_only_python_reads_as_a_number_is_none(service: Running, text: str) -> None:
    for options in ({"params": {"file_size": text}}, {"params": {"sat.alt.gte": text}}):
        assert ask(service, **options).status_code == 400
    answer = ask(service, "POST", json={"sun.azimuth.lt": text})
    assert (answer.status_code, "takes a number" in answer.json()["message"]) == (400, True)
    boxes = [("bbox", f"9,{text},11,46")]
    for path, (name, value) in [
        *(("features/collections/ortho/items", each) for each in [("eo:cloud_cover", text), ("limit", text), *boxes]),
        *(("stac/search", each) for each in [("limit", text), *boxes]),
        *(("stac/collections/ortho/items", each) for each in [("limit", text), *boxes]),
        *(("basemaps/v1/mosaics/all/quads", each) for each in [("_page_size", text), *boxes]),
    ]:
        answer = SESSION.get(f"{service.origin}/{path}", params={name: value}, timeout=30)
        assert answer.status_code == 400 and name in answer.json()["message"], (path, name)


def other_digits(text: str) -> List[str]:
    return [text.translate({ord("0") + n: zero + n for n in range(10)}) for zero in (0x660, 0xFF10, 0x966)]


@ODD
@given(
    st.datetimes(datetime(1980, 1, 1), datetime(2030, 1, 1)),
    st.sampled_from(["Z", "+00:00", "", "+02:00"]),
    st.integers(0, 40),
)
def test_times_are_of_ascii_digits(service: Running, moment: datetime, zone: str, at: int) -> None:
    text = moment.replace(microsecond=123456).isoformat() + zone
    assert ask(service, params={"acquired.gte": text}).status_code == 200
    at %= len(text)
    wrong = [text[:at] + digits + text[at + 1 :] for digits in other_digits(text[at]) if text[at].isdigit()]
    for other in [*wrong, "\u00a0" + text, text + "\u2003", text[:at] + "_" + text[at:]]:
        for name in ("acquired.gte", "_page.acquired.lt"):
            answer = ask(service, params={name: other})
            assert answer.status_code == 400, (name, other)


# ---- JSON

GOOD: List[Tuple[str, Any]] = [
    ("intersects", {"type": "Feature", "properties": {"a": {"b": [{"c": 1}]}},
                    "geometry": {"type": "GeometryCollection",
                                 "geometries": [{"type": "Point", "coordinates": [10.1, 45.1]}]}}),
    ("count", 5),
]  # fmt: skip


def written(value: Any, twice: int, counter: List[int], names: List[str]) -> str:
    """Return JSON in which the `twice`-th name, in the order of writing, stands once more in its object."""
    if isinstance(value, dict):
        members = []
        for name, content in value.items():
            number, counter[0] = counter[0], counter[0] + 1
            text = f"{json.dumps(name)}: {written(content, twice, counter, names)}"
            members += [text] * (2 if number == twice else 1)
            if number == twice:
                names.append(name)
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(written(member, twice, counter, names) for member in value) + "]"
    return json.dumps(value)


def test_a_name_twice_is_refused_at_every_depth_and_named(service: Running) -> None:
    headers = {"Content-Type": "application/json"}
    body = dict(GOOD)
    counter: List[int] = [0]
    assert ask(service, "POST", data=written(body, -1, counter, []), headers=headers).json()["count"] == 1
    assert counter[0] == 12
    for place in range(counter[0]):
        names: List[str] = []
        answer = ask(service, "POST", data=written(body, place, [0], names), headers=headers)
        assert answer.status_code == 400
        assert f"{names[0]!r} twice" in answer.json()["message"]
    counter = [0]
    written(body["intersects"], -1, counter, [])
    for place in range(counter[0]):
        names = []
        text = written(body["intersects"], place, [0], names)
        for answer in (ask(service, params={"intersects": text}), ask(service, "POST", json={"intersects": text})):
            assert answer.status_code == 400
            assert answer.json()["message"].startswith("intersects") and f"{names[0]!r} twice" in answer.text
    assert (
        ask(service, "POST", "auth/login", data='{"password": "a", "password": "b"}', headers=headers).status_code
        == 400
    )


def test_a_large_body_is_read_as_strictly(service: Running) -> None:
    points = [[10.1 + n / 1e6, 45.1] for n in range(5000)]
    area = json.dumps({"type": "MultiPoint", "coordinates": points})
    headers = {"Content-Type": "application/json"}
    assert len(area) > 70_000
    assert ask(service, "POST", data=f'{{"intersects": {area}}}', headers=headers).json()["count"] == 1
    twice = ask(service, "POST", data=f'{{"intersects": {area[:-1]}, "type": "Point"}}}}', headers=headers)
    assert (twice.status_code, "'type' twice" in twice.json()["message"]) == (400, True)


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_are_none_are_no_json(service: Running, constant: str) -> None:
    point = '{"type": "Point", "coordinates": [10.1, 45.1]}'
    feature = f'{{"type": "Feature", "properties": {{"a": {constant}}}, "geometry": {point}}}'
    for answer in (
        ask(service, params={"intersects": feature}),
        ask(service, "POST", data=f'{{"intersects": {feature}}}', headers={"Content-Type": "application/json"}),
    ):
        assert (answer.status_code, constant in answer.json()["message"]) == (400, True)


# ---- areas

LON = st.one_of(
    st.sampled_from([0.0, -0.0, 180.0, -180.0, 179.99999999999997, 180.00000000000003, 200.0, -200.0, 360.0, -360.0,
                     540.0, -540.0, 1e-300, -1e-300, 5e-324, 1e-13, 10.1]),
    st.floats(-540, 540),
)  # fmt: skip
LAT = st.one_of(
    st.sampled_from([0.0, -0.0, 90.0, -90.0, 1e-300, -1e-300, 5e-324, -5e-324, 1e-13, 45.1, 45.100000000000001]),
    st.floats(-90, 90),
)  # fmt: skip
place = st.tuples(LON, LAT).map(lambda p: f"{p[0]!r} {p[1]!r}")
# Of few places, so that they fall together, and lines run back along themselves.
places = st.lists(place, min_size=2, max_size=4).flatmap(
    lambda few: st.lists(st.sampled_from(few), min_size=2, max_size=7)
)


def within(texts: List[str]) -> str:
    return "(" + ",".join(texts) + ")"


line = places.map(within)
ring = places.map(lambda p: within([*p, *p, p[0]]))
rings = st.lists(st.one_of(ring, st.just("EMPTY")), min_size=1, max_size=2).map(within)
simple = st.one_of(
    place.map(lambda p: f"POINT({p})"),
    places.map(lambda p: f"MULTIPOINT{within([within([one]) for one in p])}"),
    line.map(lambda p: f"LINESTRING{p}"),
    st.lists(st.one_of(line, st.just("EMPTY")), min_size=1, max_size=3).map(lambda p: f"MULTILINESTRING{within(p)}"),
    rings.map(lambda p: f"POLYGON{p}"),
    st.lists(st.one_of(rings, st.just("EMPTY")), min_size=1, max_size=3).map(lambda p: f"MULTIPOLYGON{within(p)}"),
)
outlines = st.one_of(
    simple, st.lists(simple, min_size=1, max_size=3).map(lambda p: f"GEOMETRYCOLLECTION{within(p)}")
)  # fmt: skip


@settings(ODD, max_examples=300)
@given(outlines)
def test_no_area_makes_the_service_fail(service: Running, area: str) -> None:
    answer = ask(service, "POST", data={"intersects": area})
    assert answer.status_code in (200, 400), (area, answer.text)


@pytest.mark.parametrize("longitude", ["200", "-200", "370.1", "-349.9"])
@pytest.mark.parametrize("tiny", ["1e-300", "-1e-300", "5e-324", "1e-160"])
def test_a_line_as_good_as_a_point_is_that_point(
    serve: Serve, tmp_path_factory: pytest.TempPathFactory, longitude: str, tiny: str
) -> None:
    service = _around(serve, tmp_path_factory)
    for area in (
        f"LINESTRING({longitude} 0,{longitude} {tiny})",
        f"MULTILINESTRING(EMPTY,({longitude} 0,{longitude} {tiny}))",
        f"POLYGON(({longitude} 0,{longitude} {tiny},{longitude} 0,{longitude} 0))",
    ):
        found = ask(service, params={"intersects": area})
        point = ask(service, params={"intersects": f"POINT({longitude} 0)"})
        assert found.status_code == point.status_code == 200, found.text
        assert [f["id"] for f in found.json()["features"]] == [f["id"] for f in point.json()["features"]]
        assert len(point.json()["features"]) == 1


_kept: Dict[str, Running] = {}


def _around(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Running:
    """Return a service with a scene at each of the longitudes that are asked for, on the equator."""
    if "service" not in _kept:
        folder = tmp_path_factory.mktemp("around")
        wests = {"A": -160.1, "B": 159.9, "C": 10.0}
        write_features(folder / "l.json", [feature(n, west=west, south=-0.1) for n, west in wests.items()])
        _kept["service"] = serve(folder)
    return _kept["service"]


# ---- methods, and the description


METHODS = {
    "v0/scenes/ortho/": "GET, HEAD, POST",
    "v0/scenes/ortho": "GET, HEAD, POST",
    "v0/scenes/": "GET, HEAD",
    "v0/scenes/ortho/S1": "GET, HEAD",
    "v0/scenes/ortho/S1/full": "GET, HEAD",
    "v0/scenes/ortho/S1/1/0/0.png": "GET, HEAD",
    "v0/mosaics/all/quads/": "GET, HEAD",
    "v0/auth/login": "POST",
    "static/start.js": "GET, HEAD",
    "openapi.json": "GET, HEAD",
    "": "GET, HEAD",
}


def test_a_method_that_is_not_there_is_answered_with_all_that_are(service: Running) -> None:
    for path, allowed in METHODS.items():
        answer = requests.delete(f"{service.origin}/{path}", timeout=30)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed), path
        for method in ("GET", "HEAD", "POST"):
            address = f"{service.origin}/{path}"
            status = requests.request(method, address, timeout=30, allow_redirects=False).status_code
            assert (status != 405) == (method in allowed.split(", ")), (method, path)


def test_all_parameters_of_the_description_can_be_given_at_once(service: Running) -> None:
    operations = requests.get(service.origin + "/openapi.json", timeout=30).json()["paths"]["/v0/scenes/{scene_type}/"]
    named = [parameter["name"] for parameter in operations["get"]["parameters"] if parameter["in"] == "query"]
    assert set(FIELDS) - {"image_statistics.image_quality"} < set(named)
    values = {"order_by": "acquired asc", "count": "10", "intersects": "POINT(10.1 45.1)"}
    kinds = {"time": "2015-03-06T00:00:00Z", "words": "test", "string": "x"}

    def value(name: str) -> str:
        field = FIELDS.get(name) or FIELDS.get(name.rpartition(".")[0])
        return values[name] if field is None else kinds.get(field.kind, "10")

    given = {name: value(name) for name in named}
    assert ask(service, params=given).status_code == 200
    properties = operations["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    assert set(properties["properties"]) == set(given)
    assert ask(service, "POST", data=given).status_code == 200
    assert len(given) <= MAX_PARAMETERS
    more = "&".join(["sat.alt.gte=1"] * (MAX_PARAMETERS + 1))
    assert ask(service, path=f"scenes/ortho/?{more}").status_code == 400
