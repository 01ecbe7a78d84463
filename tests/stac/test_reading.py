"""Searches of STAC APIs are whole or an error, for each habit and fault of a service."""

from __future__ import annotations

import gc
import json
import math
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, List, Mapping, Optional
from urllib.parse import quote

import pytest

import planet_vector
from planet_vector.catalog.stac import service_habits
from planet_vector.catalog.stac.item_times import TimeSpan
from planet_vector.catalog.stac.window_cutter import Window, WindowCutter
from planet_vector.errors import PlanetVectorError
from planet_vector.vector.layer import SceneLayer
from tests.stac.conftest import Start, found, ids
from tests.stac_server import Item, make_items, parse, sort_key

pyogrio = pytest.importorskip("pyogrio")
planet_vector.register()

COUNT = 230


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_habits, "PAGE", 20)
    monkeypatch.setattr(service_habits.ServiceHabits, "__init__", _habits_of_20)


def _habits_of_20(self: service_habits.ServiceHabits) -> None:
    self.size, self.cut, self.unsorted, self.one_chain = 20, 0, set(), set()


OFFERS: Dict[str, Dict[str, Any]] = {
    "counts, sorts": {},
    "sorts": {"counts": False},
    "counts": {"abilities": ()},
    "neither": {"counts": False, "abilities": ()},
}


@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.parametrize(
    ("links", "count"),
    [*(("whole", count) for count in (0, 1, 19, 20, 21, 40, COUNT)), ("token", 50), ("merge", 50)],
)
def test_all_items_are_read_each_once_in_order(start_stac: Start, offer: str, links: str, count: int) -> None:
    # another collection with more items, so that this one may be empty
    items = make_items(count)
    start_stac(items + make_items(30, "others"), links=links, **OFFERS[offer])
    if not count:
        with pytest.raises(PlanetVectorError, match="no collection"):
            found("STAC:test/scenes")
        return
    for order in ("desc", "asc"):
        read = found(f"STAC:test/scenes?order_by=datetime {order}")
        assert sorted(read) == ids(items)
        by_id = {item["id"]: sort_key(item) for item in items}
        times = [by_id[each] for each in read]
        assert times == sorted(times, reverse=order == "desc")


@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.parametrize("posts", [True, False])
def test_a_limit_is_exact_and_of_the_first_items(start_stac: Start, offer: str, posts: bool) -> None:
    items = make_items(90)
    start_stac(items, posts=posts, **OFFERS[offer])
    newest = sorted(map(sort_key, items), reverse=True)
    by_id = {item["id"]: sort_key(item) for item in items}
    for limit in (1, 20, 21, 55, 90, 200):
        read = found(f"STAC:test/scenes?limit={limit}")
        assert len(set(read)) == len(read) == min(limit, 90)
        assert [by_id[each] for each in read] == newest[:limit]


@pytest.mark.parametrize("largest", [7, 10, 13])
@pytest.mark.parametrize("offer", OFFERS)
def test_pages_smaller_than_asked_for_are_no_end(start_stac: Start, offer: str, largest: int) -> None:
    items = make_items(100)
    start_stac(items, largest=largest, **OFFERS[offer])
    assert sorted(found("STAC:test/scenes")) == ids(items)


def test_a_long_search_is_read_by_windows_of_time_side_by_side(start_stac: Start) -> None:
    items = make_items(COUNT)
    for offer in ("counts, sorts", "sorts"):
        server = start_stac(items, offer.replace(", ", "-"), **OFFERS[offer])
        read = found(f"STAC:{offer.replace(', ', '-')}/scenes?datetime=2024-05-01/2024-12-31")
        assert sorted(read) == ids(items)
        windows = {body["datetime"] for body in server.searches() if body.get("limit") == 20}
        assert len(windows) > 5


@pytest.mark.parametrize("counts", [True, False])
def test_few_requests_are_made_for_a_long_search(start_stac: Start, counts: bool) -> None:
    items = make_items(1000)
    server = start_stac(items, counts=counts)
    search = planet_vector.search("STAC:test/scenes?datetime=2024-05-01/2024-12-31")
    assert search.count() == 1000 or not counts
    server.seen.clear()
    assert sorted(scene.id for scene in search) == ids(items)
    # 50 pages; the last page of a window is not full, and two items have each time.
    assert len(server.searches()) <= 50 * 1.25 + 3


@pytest.mark.parametrize("came", [0, 1])
@pytest.mark.parametrize("went", [0, 1, 100])
def test_items_that_came_or_went_since_the_count_are_no_fault(start_stac: Start, came: int, went: int) -> None:
    items = sorted(make_items(1000), key=sort_key)
    server = start_stac(items[: 1000 - came])
    layer = planet_vector.open_layer("STAC:test/scenes?datetime=2020-01-01/2029-12-31")
    assert layer.count() == 1000 - came
    server.items[:] = items[went:]
    assert sorted(read_ids(layer)) == ids(items[went:])


def test_windows_begin_without_a_first_page_if_the_service_counts(start_stac: Start) -> None:
    server = start_stac(make_items(1000))
    layer = planet_vector.open_layer("STAC:test/scenes?datetime=2024-05-01/2024-12-31")
    assert layer.count() == 1000
    whole = {body["datetime"] for body in server.searches() if body["limit"] == 1}
    server.seen.clear()
    assert len(read_ids(layer)) == 1000
    assert not whole & {body["datetime"] for body in server.searches()}


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_service_that_does_not_count_is_asked_for_the_last_item_alone(start_stac: Start, order: str) -> None:
    items = make_items(1000)
    server = start_stac(items, counts=False)
    planet_vector.connect("test").schema("scenes")
    server.seen.clear()
    layer = planet_vector.open_layer(f"STAC:test/scenes?datetime=2020-01-01/2029-12-31&order_by=datetime {order}")
    layer.ask()
    asked = [body["sortby"][0]["direction"] for body in server.searches()]
    assert asked == ["desc" if order == "asc" else "asc"]
    assert sorted(read_ids(layer)) == ids(items)


def read_ids(layer: SceneLayer) -> List[str]:
    """Return the ids of a layer's scenes."""
    slot = layer.schema.names.index("id")
    return [name for rows in layer.blocks() for name in rows.columns[slot]]


@pytest.mark.parametrize("descending", [True, False])
def test_windows_follow_the_density_of_items_and_leave_no_gap(descending: bool) -> None:
    begin, end = datetime(2020, 1, 1, tzinfo=timezone.utc), datetime(2024, 1, 1, tzinfo=timezone.utc)
    busy = begin + timedelta(days=700), begin + timedelta(days=730)  # where nearly all items are
    times = [busy[0] + (busy[1] - busy[0]) * number / 10_000 for number in range(10_000)]
    times += [begin + timedelta(days=number) for number in range(0, 1461, 7)]
    edge, far = (end, begin) if descending else (begin, end)
    cutter = WindowCutter(TimeSpan(begin, end, True, True), (edge, far), 50, 1, 200, 8)
    counts, reached = [], edge
    for span, length in cutter:
        low, high = span.low, span.high
        assert low is not None and high is not None and high - low == length
        assert reached == (high if descending else low)
        reached = low if descending else high
        counts.append(sum(low <= moment < high for moment in times))
        cutter.learn(Window(span, length), counts[-1])
    assert reached == far and sum(counts) in (len(times), len(times) - 1)
    assert len(counts) < 120  # not 50 windows of 4 weeks, of which one has all, nor thousands of short ones
    assert sorted(counts)[-8] < 2000


# ---- faults ----------------------------------------------------------------------------------------------

ALL, ERROR, EITHER = "all", "error", "either"
FAULTS: Dict[str, str] = {
    "next missing": EITHER,
    "next missing after the second page": EITHER,
    "next loops": EITHER,
    "pages repeat": EITHER,
    "sorted pages repeat": ALL,
    "filters lost": EITHER,
    "next on another host": ERROR,
    "next of another scheme": ERROR,
    "next of another path": EITHER,
    "item twice": ALL,
    "order ignored": ALL,
    "empty pages": EITHER,
    "count too large": ERROR,
    "count estimated": ALL,
    "count estimated low": ALL,
    "not a page": ERROR,
    "fails once": ALL,
    "413": ALL,
    "500": ALL,
    "502": ALL,
    "504": ALL,
}
READERS = ("search", "layer", "pyogrio", "arrow", "fiona")


def _read(reader: str, name: str) -> List[str]:
    if reader == "search":
        return found(name)
    if reader == "layer":
        layer = planet_vector.open_layer(name)
        slot = layer.schema.names.index("id")
        return [row[slot] for rows in layer.blocks() for row in zip(*rows.columns)] and [
            each for rows in layer.blocks() for each in rows.columns[slot]
        ]
    if reader == "fiona":
        fiona = pytest.importorskip("fiona")
        with fiona.open(name, layer="scenes") as layer:
            return [feature["properties"]["id"] for feature in layer]
    return list(pyogrio.read_dataframe(name, use_arrow=reader == "arrow")["id"])


# fiona closes a layer in its __del__ once more after an error.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("offer", OFFERS)
def test_a_fault_is_survived_or_an_error_for_every_reader(start_stac: Start, offer: str, fault: str) -> None:
    offered = {**OFFERS[offer], **({"links": "token"} if fault == "filters lost" else {})}
    items = make_items(130)
    others = make_items(130, "others")
    other = start_stac(others, "other")
    server = start_stac(items + others, fault="", fails_above=15, **offered)
    server.other = other
    name = "STAC:test/scenes?datetime=2024-05-01/2024-12-31"
    planet_vector.connect("test").schema("scenes")  # columns need a page that is not at fault
    server.habits.fault = fault
    if fault.startswith("count ") and not server.habits.counts:
        return
    if fault in ("order ignored", "sorted pages repeat"):
        server.items.sort(key=lambda item: item["id"])
    results = set()
    for reader in READERS:
        server._failed = 0
        expected: Optional[str] = None
        try:
            read = _read(reader, name)
        except Exception as error:
            assert (
                isinstance(error, PlanetVectorError)
                or "planet" in f"{error!r}".lower()
                or "The service " in f"{error} {error.__cause__}"
            ), error
            results.add(ERROR)
        else:
            expected = ALL
            assert sorted(read) == ids(items), (reader, len(read))
            results.add(expected)
    gc.collect()  # layers of fiona, while their warnings are ignored
    assert FAULTS[fault] == EITHER or results == {FAULTS[fault]}, results
    # no request of the other service is made for a link of this one
    assert not other.searches() or fault != "next on another host"


@pytest.mark.parametrize("posts", [True, False])
def test_headers_of_links_are_sent_without_those_of_the_client(start_stac: Start, posts: bool) -> None:
    asked = {
        "X-Page": "abc", "X-List": ["a", "b"], "Authorization": "Bearer evil", "Host": "evil.example", "Cookie": "x",
        "X-Split": "a\r\nX-Evil: b", "Bad Name": "x", "X-Object": {"a": 1}, "Content-Length": 3, "X-Number": 7,
    }  # fmt: skip
    items = make_items(60)
    server = start_stac(items, posts=posts, next_headers=asked, largest=20)
    assert sorted(found("STAC:test/scenes")) == ids(items)
    sent = [headers for headers in server.headers if "X-Page" in headers]
    assert sent and all((each["X-Page"], each["X-List"], each["X-Number"]) == ("abc", "a, b", "7") for each in sent)
    names = {name for each in server.headers for name in each}
    assert not names & {"Authorization", "Cookie", "X-Split", "X-Evil", "Bad Name", "X-Object"}
    assert all("evil" not in str(each) for each in server.headers)


def test_a_search_that_is_too_long_for_an_address_is_an_error_where_post_is_not_taken(start_stac: Start) -> None:
    ring = [[10 + math.cos(n / 50 * math.pi), 40 + math.sin(n / 50 * math.pi)] for n in range(100)]
    area = json.dumps({"type": "Polygon", "coordinates": [[*ring, ring[0]]]})
    items = make_items(60)
    server = start_stac(items, posts=False)
    some = found(f"STAC:test/scenes?intersects={quote(area)}")
    assert all("intersects" in body for body in server.searches()[1:])
    assert sorted(some) == ids(server.found({"intersects": json.loads(area)}))
    longer = [[x, y] for x, y in ring for _ in range(4)]
    area = json.dumps({"type": "Polygon", "coordinates": [[*longer, ring[0]]]})
    with pytest.raises(PlanetVectorError, match="too detailed for this service, which takes no POST"):
        found(f"STAC:test/scenes?intersects={quote(area)}")


def test_an_estimated_count_is_no_count_of_lost_items(start_stac: Start) -> None:
    """Counts of short searches are exact, and so tell items that are lost from those that never were."""
    items = make_items(130)
    server = start_stac(items)
    planet_vector.connect("test").schema("scenes")
    server.habits.fault = "count estimated"
    assert sorted(found("STAC:test/scenes")) == ids(items)
    server = start_stac(items, "lossy")
    planet_vector.connect("lossy").schema("scenes")
    server.habits.fault = "count estimated"
    assert planet_vector.search("STAC:lossy/scenes?datetime=2024-05-01").count() == 10
    whole = server.found

    def lossy(body: Mapping[str, Any]) -> List[Item]:
        return [item for item in whole(body) if item["id"] != "scenes-77"]

    answer = server.answer

    def counted(path: str, body: Mapping[str, Any]) -> Any:
        status, content = answer(path, body)
        if path == "/search" and "token" not in body:
            content["numberMatched"] = max(content["numberMatched"], len(whole(body)))
        return status, content

    server.found, server.answer = lossy, counted  # type: ignore[method-assign]
    with pytest.raises(PlanetVectorError, match="more items than it returned"):
        found("STAC:lossy/scenes?datetime=2024-05-01/2024-12-31")


def test_a_lost_link_is_noticed_without_a_count(start_stac: Start) -> None:
    items = make_items(130)
    server = start_stac(items, counts=False)
    planet_vector.connect("test").schema("scenes")
    server.habits.fault = "next missing"
    assert sorted(found("STAC:test/scenes")) == ids(items)


def test_more_items_of_one_time_than_a_page_holds_are_an_error(start_stac: Start) -> None:
    items = make_items(60, every=timedelta(0))
    server = start_stac(items, counts=False)
    assert sorted(found("STAC:test/scenes")) == ids(items)
    server.habits.fault = "next missing"
    with pytest.raises(PlanetVectorError, match="narrow the search by area"):
        found("STAC:test/scenes?limit=59")


# ---- times -----------------------------------------------------------------------------------------------


def _times(items: List[Item]) -> List[str]:
    return [item["properties"]["datetime"] for item in items]


@pytest.mark.parametrize("offer", OFFERS)
def test_a_date_is_its_whole_day_at_either_end(start_stac: Start, offer: str) -> None:
    items = make_items(60)
    extra = make_items(3)
    for item, moment in zip(extra, ("2024-05-04T00:00:00Z", "2024-05-06T23:59:59.999999Z", "2024-05-07T00:00:00Z")):
        item["id"], item["properties"]["datetime"] = f"edge-{moment}", moment
    start_stac(items + extra, **OFFERS[offer])
    cases = {
        "datetime=2024-05-04/2024-05-06": ("2024-05-04T00:00:00Z", "2024-05-07T00:00:00Z"),
        "datetime=2024-05-04": ("2024-05-04T00:00:00Z", "2024-05-05T00:00:00Z"),
        "datetime=../2024-05-06": ("0001-01-01T00:00:00Z", "2024-05-07T00:00:00Z"),
        "datetime=2024-05-06/..": ("2024-05-06T00:00:00Z", "9999-01-01T00:00:00Z"),
        "datetime.lte=2024-05-06": ("0001-01-01T00:00:00Z", "2024-05-07T00:00:00Z"),
        "datetime.gt=2024-05-06": ("2024-05-07T00:00:00Z", "9999-01-01T00:00:00Z"),
        "datetime.lt=2024-05-06": ("0001-01-01T00:00:00Z", "2024-05-06T00:00:00Z"),
    }
    for parameter, (low, high) in cases.items():
        expected = [item for item in items + extra if parse(low) <= sort_key(item) < parse(high)]
        assert sorted(found(f"STAC:test/scenes?{parameter}")) == ids(expected), parameter
        search = planet_vector.search(f"STAC:test/scenes?{parameter}")
        assert search.count() == len(expected), parameter


def test_times_are_asked_for_in_whole_milliseconds_outward(start_stac: Start) -> None:
    items = make_items(10)
    server = start_stac(items)
    moment = items[4]["properties"]["datetime"]
    assert moment.endswith(".123456Z")
    name = f"STAC:test/scenes?datetime={moment}/{moment}"
    assert sorted(found(name)) == ids(items[4:6])
    assert {body["datetime"] for body in server.searches() if "datetime" in body} == {f"{moment[:-4]}Z/{moment[:-5]}4Z"}


@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.parametrize("dropped", [False, True])
def test_items_with_a_span_of_time_are_neither_lost_nor_doubled(start_stac: Start, offer: str, dropped: bool) -> None:
    items = make_items(120)
    for number, item in enumerate(items):
        if number % 4 == 0:
            moment = parse(item["properties"]["datetime"])
            item["properties"].update(
                datetime=None,
                start_datetime=moment.isoformat(),
                end_datetime=(moment + timedelta(days=number % 11)).isoformat(),
            )
            if dropped:
                del item["properties"]["datetime"]
    start_stac(items, **OFFERS[offer])
    assert sorted(found("STAC:test/scenes")) == ids(items)
    low, high = parse("2024-05-03T00:00:00Z"), parse("2024-05-08T00:00:00Z")
    expected = []
    for item in items:
        said = item["properties"]
        first, last = (
            parse(said.get("start_datetime") or said["datetime"]),
            parse(said.get("end_datetime") or said["datetime"]),
        )
        if last >= low and first < high:
            expected.append(item)
    name = "STAC:test/scenes?datetime=2024-05-03/2024-05-07"
    assert sorted(found(name)) == ids(expected)
    frame = pyogrio.read_dataframe(name)
    assert sorted(frame["id"]) == ids(expected)
    assert frame["datetime"].isna().sum() == sum(not item["properties"].get("datetime") for item in expected)
    search = planet_vector.search("STAC:test/scenes?order_by=datetime asc")
    first = [search[n].id for n in range(30)]
    search.close()
    assert first == [scene.id for scene in search[:30]]
    assert sorted(scene.id for scene in search) == ids(items)


# ---- places ----------------------------------------------------------------------------------------------


def test_a_box_across_the_antimeridian_is_asked_for_as_two(start_stac: Start) -> None:
    items = make_items(40)
    places = [(179.2, 0), (-179.9, 0), (170, 0), (-170, 0), (0, 0)]
    for item, (x, y) in zip(items, places):
        ring = [[x, y], [x + 0.5, y], [x + 0.5, y + 1], [x, y + 1], [x, y]]
        item.update(geometry={"type": "Polygon", "coordinates": [ring]}, bbox=[x, y, x + 0.5, y + 1])
    server = start_stac(items[:5])
    assert sorted(found("STAC:test/scenes?bbox=178,-1,-178,2")) == ids(items[:2])
    boxes = {tuple(body["bbox"]) for body in server.searches() if "bbox" in body}
    assert boxes == {(178, -1, 180, 2), (-180, -1, -178, 2)}
    assert planet_vector.search("STAC:test/scenes?bbox=178,-1,-178,2").count() == 2


def test_footprints_may_be_missing_in_parts_and_beyond_180_degrees(start_stac: Start) -> None:
    items = make_items(4)
    items[0]["geometry"] = None
    del items[0]["bbox"]
    items[1]["geometry"] = {"type": "MultiPolygon", "coordinates": [items[1]["geometry"]["coordinates"]] * 2}
    ring = [[179, 0], [182, 0], [182, 1], [179, 1], [179, 0]]
    items[2]["geometry"] = {"type": "Polygon", "coordinates": [ring]}
    items[3]["geometry"] = {"type": "Point", "coordinates": [1, 2]}
    start_stac(items)
    frame = pyogrio.read_dataframe("STAC:test/scenes").set_index("id")
    assert frame.geometry.isna().to_dict() == {f"scenes-{n}": n in (0, 3) for n in range(4)}
    assert len(frame.geometry["scenes-1"].geoms) == 2
    assert frame.geometry["scenes-2"].bounds == (-180, 0, 180, 1) and frame.geometry["scenes-2"].area == pytest.approx(
        3
    )
    assert "Point" in frame["other"]["scenes-3"]


# ---- counts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("offer", OFFERS)
def test_a_count_is_exact_or_none(start_stac: Start, offer: str) -> None:
    items = make_items(61)
    edge = make_items(1)[0]
    edge["id"], edge["properties"]["datetime"] = "edge", "2024-05-06T00:00:00Z"
    start_stac(items + [edge], **OFFERS[offer])
    catalog = planet_vector.connect("test")
    schema = catalog.schema("scenes")
    for parameters, expected in {
        (): 62,
        (("datetime", "2024-05-03/2024-05-05"),): None,  # an item at the very end, which the service would count
        (("datetime", "2024-05-03/2024-05-06"),): 40,
        (("eo:cloud_cover.lte", "20"),): None,
        (("bbox", "178,-1,-178,2"),): None,
    }.items():
        survey = catalog.survey(planet_vector.Query.parse(schema, parameters))
        found_here = list(planet_vector.search(planet_vector.Query.parse(schema, parameters), connection="test"))
        if survey.total is not None:
            assert survey.total == len(found_here)
        assert "counts" not in offer or expected is None or survey.total is not None or not found_here
