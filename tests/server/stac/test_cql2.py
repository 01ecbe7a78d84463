"""Filters find what a brute-force evaluation of the items' documents finds, as JSON and as text."""

from __future__ import annotations

import operator
import random
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from planet_vector.server.api.permissions import Permission
from planet_vector.server.api.stac.cql2_text import parse_text
from planet_vector.server.api.stac.items import item_document
from planet_vector.server.api.stac.searching import read_request
from planet_vector.server.http_errors import HttpError
from planet_vector.server.index.database import Index
from planet_vector.server.index.item_index import ItemIndex
from planet_vector.server.index.updating import update
from tests.server.conftest import feature, write_features

Json = Any
SCENES = 100
COMPARE: Dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
NUMBERS = ("eo:cloud_cover", "gsd", "view:off_nadir", "view:azimuth", "planet:sat.alt", "planet:landsat.path")
TEXTS = (
    "id",
    "collection",
    "platform",
    "constellation",
    "pl:strip_id",
    "pl:quality_category",
    "planet:sat.id",
    "planet:provider",
    "planet:note",
)
TIMES = ("datetime", "created", "updated")
WORDS = ("ortho", "landsat", "s1", "s2", "test", "target", "standard", "p_1", "p%2", "it's", "", "s10", "Ünï")
SHAPES = ("intersects", "disjoint", "within", "contains", "equals", "touches", "crosses", "overlaps")
EPOCH = datetime(2015, 1, 1, tzinfo=timezone.utc)


def features() -> List[Dict[str, Any]]:
    """Return scenes with all there is: missing values, other types, equal times, negative angles, no footprints."""
    choose = random.Random(7)
    found = []
    for number in range(SCENES):
        properties: Dict[str, Any] = {}
        groups = {
            "cloud_cover": {"estimated": [0, 12.5, 40, 100, 100.5, -1, "12", True]},
            "image_statistics": {"gsd": [3, 3.5, 0, -2, 10], "image_quality": ["test", "standard", "target", "odd"]},
            "sat": {
                "alt": [620.25, 2**60, 475, 1e300],
                "azimuth_angle": [0, 90, 359.5, 361],
                "id": ["s1", "s2", "S10", 7, "Ünï"],
                "off_nadir": [-4.5, 4.5, 0, 12, 91],
            },
            "landsat": {"path": [7, 8, 192, 7.5, None]},
        }
        for group, members in groups.items():
            own = {name: choose.choice(values) for name, values in members.items() if choose.random() < 0.8}
            if own and (group != "landsat" or number % 7 == 0):
                properties[group] = own
        if choose.random() < 0.8:
            properties["provider"] = choose.choice(["p_1", "p%2", "it's"])
        if choose.random() < 0.5:
            properties["note"] = choose.choice(["a%b", "ab", 3, False, "2015-01-02", None, "it's"])
        if choose.random() < 0.6:
            properties["published"] = moment(choose.randrange(20))
        one = feature(f"s{number}", moment(choose.randrange(20)), choose.randrange(8) / 2, choose.randrange(8) / 2, 1)
        one["properties"].update(properties)
        if choose.random() < 0.1:
            one["geometry"] = None
        found.append(one)
    return found


def moment(number: int) -> str:
    return (EPOCH + timedelta(hours=6 * number, microseconds=number % 3)).isoformat().replace("+00:00", "Z")


class Held(NamedTuple):
    """An index, and the documents of all its items."""

    items: ItemIndex
    documents: List[Dict[str, Any]]

    def ids(self, condition: Json, language: str = "cql2-json", **more: Json) -> List[str]:
        """Return the ids that a filter finds, on pages of 200 items."""
        found: List[str] = []
        asked = read_request({"filter": condition, "filter-lang": language, "limit": 200, **more}, None)
        page = self.items.search(asked.search)
        while True:
            found += [item.scene.scene_id for item in page.items]
            if page.after is None:
                assert len(found) == page.total
                return sorted(found)
            page = self.items.search(replace(asked.search, place=page.after))


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    folder: Path = tmp_path_factory.mktemp("cql2")
    write_features(folder / "archive" / "all.geojson", features())
    update(folder / "archive", folder / "index.sqlite")
    with closing(Index(folder / "index.sqlite")) as index:
        items = ItemIndex(index)
        page = items.search(read_request({"limit": 1000}, None).search)
        assert len(page.items) == page.total == SCENES
        yield Held(items, [item_document(item, Permission(), "http://here") for item in page.items])


# ---- the brute force -------------------------------------------------------------------------------------


def result(condition: Json, item: Dict[str, Any]) -> Optional[bool]:
    """Return True, False, or None, if it is neither."""
    if isinstance(condition, bool):
        return condition
    name, args = condition["op"], condition["args"]
    if name in ("and", "or"):
        results = [result(part, item) for part in args]
        decisive = name == "or"
        return decisive if decisive in results else None if None in results else not decisive
    if name == "not":
        found = result(args[0], item)
        return None if found is None else not found
    if name == "isNull":
        return value(args[0], item) is None
    if name == "between":
        both = [compared(">=", args[0], args[1], item), compared("<=", args[0], args[2], item)]
        return False if False in both else None if None in both else True
    if name == "in":
        equal = [compared("=", args[0], other, item) for other in args[1]]
        return True if True in equal else None if None in equal else False
    if name == "like":
        text = value(args[0], item)
        return like(text, args[1]) if isinstance(text, str) else None
    if name.startswith("s_"):
        if item["geometry"] is None:
            return None
        sides = [shape_of(side, item) for side in args]
        return bool(getattr(shapely, name[2:])(*sides))
    if name.startswith("t_"):
        return related(name, *(ends(side, item) for side in args))
    return compared(name, args[0], args[1], item)


def value(operand: Json, item: Dict[str, Any]) -> Any:
    if isinstance(operand, dict) and "property" in operand:
        name = operand["property"]
        if name in ("id", "collection", "geometry"):
            return item[name]
        found = item["properties"].get(name)
        return time_of(found) if name in TIMES and found is not None else found
    if isinstance(operand, dict):
        return time_of(operand.get("timestamp", operand.get("date")))
    return operand


def time_of(text: str) -> datetime:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment.replace(tzinfo=moment.tzinfo or timezone.utc)


def compared(name: str, left: Json, right: Json, item: Dict[str, Any]) -> Optional[bool]:
    one, other = value(left, item), value(right, item)
    if isinstance(one, datetime) and isinstance(other, str):
        other = time_of(other)
    kinds = {bool if isinstance(each, bool) else float if isinstance(each, (int, float)) else type(each)
             for each in (one, other)}  # fmt: skip
    if one is None or other is None or len(kinds) > 1 or (bool in kinds and name not in ("=", "<>")):
        return None
    return COMPARE[name](one, other)


def like(text: str, pattern: str) -> bool:
    """Match recursively, by the definition."""
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(like(text[place:], pattern[1:]) for place in range(len(text) + 1))
    if pattern[0] == "\\" and len(pattern) > 1:
        return text[:1] == pattern[1] and like(text[1:], pattern[2:])
    return bool(text) and pattern[0] in ("_", text[0]) and like(text[1:], pattern[1:])


def shape_of(operand: Json, item: Dict[str, Any]) -> Any:
    if "property" in operand:
        return shapely.geometry.shape(item["geometry"])
    return shapely.box(*operand["bbox"]) if "bbox" in operand else shapely.geometry.shape(operand)


def ends(operand: Json, item: Dict[str, Any]) -> Tuple[Any, Any]:
    if "interval" in operand:
        far = (datetime.min.replace(tzinfo=timezone.utc), datetime.max.replace(tzinfo=timezone.utc))
        start, end = (bound if end == ".." else time_of(end) for end, bound in zip(operand["interval"], far))
        return start, end
    found = value(operand, item)
    return found, found


def related(name: str, a: Tuple[Any, Any], b: Tuple[Any, Any]) -> Optional[bool]:
    if None in a or None in b:
        return None
    return {
        "t_after": lambda: a[0] > b[1],
        "t_before": lambda: a[1] < b[0],
        "t_contains": lambda: a[0] < b[0] and a[1] > b[1],
        "t_disjoint": lambda: a[1] < b[0] or a[0] > b[1],
        "t_during": lambda: a[0] > b[0] and a[1] < b[1],
        "t_equals": lambda: a == b,
        "t_finishedBy": lambda: a[0] < b[0] and a[1] == b[1],
        "t_finishes": lambda: a[0] > b[0] and a[1] == b[1],
        "t_intersects": lambda: a[0] <= b[1] and a[1] >= b[0],
        "t_meets": lambda: a[1] == b[0],
        "t_metBy": lambda: a[0] == b[1],
        "t_overlappedBy": lambda: b[0] < a[0] < b[1] < a[1],
        "t_overlaps": lambda: a[0] < b[0] < a[1] < b[1],
        "t_startedBy": lambda: a[0] == b[0] and a[1] > b[1],
        "t_starts": lambda: a[0] == b[0] and a[1] < b[1],
    }[name]()


# ---- random filters --------------------------------------------------------------------------------------


def prop(*names: str) -> st.SearchStrategy[Json]:
    return st.sampled_from(names).map(lambda name: {"property": name})


numbers = st.sampled_from([-5, -4.5, -1, 0, 3, 3.5, 4.5, 7, 10, 12, 12.5, 40, 90, 100, 475, 620.25, 2**60, 2**60 + 1])
words = st.sampled_from(WORDS)
patterns = st.text("%_s1pit'o\\", max_size=5) | st.sampled_from(["s1%", "%2", "p\\_1", "p\\%_", "%o%", "%'%"])
times = st.integers(-1, 21).map(lambda number: {"timestamp": moment(number)}) | st.just({"date": "2015-01-03"})
operators = st.sampled_from(list(COMPARE))
halves = st.integers(-1, 9).map(lambda number: number / 2)
TEMPORAL = (
    "t_after t_before t_contains t_disjoint t_during t_equals t_finishedBy t_finishes t_intersects t_meets t_metBy"
    " t_overlappedBy t_overlaps t_startedBy t_starts"
).split()


@st.composite
def boxes(draw: Any) -> Json:
    west, south = draw(halves), draw(halves)
    return [west, south, west + draw(st.sampled_from([0.5, 1, 3])), south + draw(st.sampled_from([0.5, 1, 3]))]


@st.composite
def shapes(draw: Any) -> Json:
    west, south, east, north = draw(boxes())
    return draw(
        st.sampled_from(
            [
                {"bbox": [west, south, east, north]},
                {"type": "Point", "coordinates": [west, south]},
                {"type": "LineString", "coordinates": [[west, south], [east, north]]},
                {"type": "Polygon", "coordinates": [[[west, south], [east, south], [west, north], [west, south]]]},
            ]
        )
    )


@st.composite
def intervals(draw: Any) -> Json:
    first, last = sorted([draw(st.integers(-1, 21)), draw(st.integers(-1, 21))])
    return {
        "interval": draw(st.sampled_from([[moment(first), moment(last)], ["..", moment(last)], [moment(first), ".."]]))
    }


def op(name: Any, *args: Any) -> st.SearchStrategy[Json]:
    names = name if isinstance(name, st.SearchStrategy) else st.just(name)
    return st.builds(lambda name, *args: {"op": name, "args": list(args)}, names, *args)


def either_way(name: Any, *args: Any) -> st.SearchStrategy[Json]:
    return op(name, *args) | op(name, *reversed(args))


geometry = st.just({"property": "geometry"})
leaves = st.one_of(
    either_way(operators, prop(*NUMBERS), numbers),
    either_way(operators, prop(*TEXTS), words),
    either_way(operators, prop(*TIMES), times),
    op(operators, prop(*NUMBERS), prop(*NUMBERS)),
    op(operators, prop("planet:note"), st.sampled_from([True, False, 3, "ab"])),
    op("between", prop(*NUMBERS), numbers, numbers),
    op("between", prop(*TIMES), times, times),
    op("in", prop(*NUMBERS), st.lists(numbers, min_size=1, max_size=4)),
    op("in", prop(*TEXTS), st.lists(words, min_size=1, max_size=4)),
    op("in", prop(*TIMES), st.lists(times, min_size=1, max_size=3)),
    op("like", prop(*TEXTS), patterns),
    op("isNull", prop(*NUMBERS, *TEXTS, *TIMES, "geometry")),
    either_way(st.sampled_from([f"s_{name}" for name in SHAPES]), geometry, shapes()),
    either_way(st.sampled_from(TEMPORAL), prop(*TIMES), intervals() | times),
    st.booleans(),
)
filters = st.recursive(
    leaves,
    lambda inner: (
        op("not", inner)
        | st.builds(
            lambda name, args: {"op": name, "args": args},
            st.sampled_from(["and", "or"]),
            st.lists(inner, min_size=2, max_size=3),
        )
    ),
    max_leaves=6,
)
MANY = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


def text_of(condition: Json) -> str:
    """Return CQL2 JSON as text."""
    if isinstance(condition, bool):
        return str(condition).upper()
    if isinstance(condition, str):
        return "'" + condition.replace("'", "''") + "'"
    if isinstance(condition, (int, float)):
        return repr(condition)
    for name in ("timestamp", "date"):
        if name in condition:
            return f"{name}('{condition[name]}')"
    if "property" in condition:
        return str(condition["property"])
    if "interval" in condition:
        return "INTERVAL({})".format(", ".join(f"'{end}'" for end in condition["interval"]))
    if "bbox" in condition:
        return "BBOX({})".format(",".join(map(repr, condition["bbox"])))
    if "type" in condition:
        return str(shapely.geometry.shape(condition).wkt)
    name, args = condition["op"], condition["args"]
    if name in ("and", "or"):
        return f" {name} ".join(f"({text_of(part)})" for part in args)
    if name == "not":
        return f"NOT ({text_of(args[0])})"
    if name == "in":
        return f"{text_of(args[0])} IN ({', '.join(map(text_of, args[1]))})"
    if name == "isNull":
        return f"{text_of(args[0])} IS NULL"
    parts = list(map(text_of, args))
    if name == "between":
        return "{} BETWEEN {} AND {}".format(*parts)
    if name in COMPARE or name == "like":
        return f"{parts[0]} {name} {parts[1]}"
    return f"{name.upper()}({', '.join(parts)})"


# ---- tests -----------------------------------------------------------------------------------------------


@MANY
@given(st.lists(filters, min_size=4, max_size=4))
def test_filters_find_what_brute_force_finds(held: Held, conditions: List[Json]) -> None:
    for condition in conditions:
        expected = sorted(item["id"] for item in held.documents if result(condition, item))
        assert held.ids(condition) == expected, condition
        text = text_of(condition)
        assert held.ids(text, "cql2-text") == expected, text


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    """Return scenes with so many different numbers that the index has them as arrays, not as lists of values."""
    folder: Path = tmp_path_factory.mktemp("measured")
    choose = random.Random(8)
    scenes = []
    for number in range(400):
        sat = {"off_nadir": choose.randrange(-9500, 9500) / 100, "alt": choose.random() * 1e6}
        more: Dict[str, Any] = {"published": moment(number), "cloud_cover": {"estimated": choose.random() * 130 - 15}}
        scenes.append(feature(f"s{number}", moment(number), sat=sat, **(more if number % 9 else {})))
    write_features(folder / "archive" / "all.geojson", scenes)
    update(folder / "archive", folder / "index.sqlite")
    with closing(Index(folder / "index.sqlite")) as index:
        items = ItemIndex(index)
        page = items.search(read_request({"limit": 1000}, None).search)
        yield Held(items, [item_document(item, Permission(), "http://here") for item in page.items])


@pytest.mark.parametrize("name", ["view:off_nadir", "eo:cloud_cover", "planet:sat.alt", "created"])
def test_comparisons_of_arrays_find_what_brute_force_finds(measured: Held, name: str) -> None:
    held = [item["properties"][name] for item in measured.documents if name in item["properties"]]
    assert len(set(held)) > 256
    choose = random.Random(9)
    is_time = name == "created"
    others = [moment(-5), moment(2000)] if is_time else [-200, -4.5, 0, 0.0, 90, 1e7, 10**30]
    for number in range(60):
        one, other, third = (choose.choice([*held, *others] if number % 3 else held) for _ in range(3))
        side, values = {"property": name}, [one, other, third]
        if is_time:
            values = [{"timestamp": each} for each in values]
        conditions: List[Json] = [{"op": sign, "args": [side, values[0]]} for sign in COMPARE]
        conditions += [{"op": sign, "args": [values[0], side]} for sign in COMPARE]
        conditions += [{"op": "in", "args": [side, values]}, {"op": "between", "args": [side, *values[:2]]}]
        for condition in (conditions[number % 14], {"op": "not", "args": [conditions[(number * 5 + 1) % 14]]}):
            expected = sorted(item["id"] for item in measured.documents if result(condition, item))
            assert measured.ids(condition) == expected, condition
    missing = sorted(item["id"] for item in measured.documents if name not in item["properties"])
    assert measured.ids({"op": "isNull", "args": [{"property": name}]}) == missing


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(filters)
def test_the_text_means_what_another_parser_reads(held: Held, condition: Json) -> None:
    cql2 = pytest.importorskip("cql2")
    read = cql2.parse_text(text_of(condition)).to_json()
    expected = sorted(item["id"] for item in held.documents if result(condition, item))
    assert held.ids(read) == expected


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(boxes(), st.integers(-1, 21), st.integers(0, 10), st.lists(st.sampled_from(["s1", "s2", "s77", "x"])), numbers)
def test_parameters_together_find_what_brute_force_finds(
    held: Held, box: List[float], first: int, length: int, ids: List[str], cloud: float
) -> None:
    expected = [
        item["id"]
        for item in held.documents
        if item["geometry"] and shapely.box(*box).intersects(shapely.geometry.shape(item["geometry"]))
        if time_of(moment(first)) <= time_of(item["properties"]["datetime"]) <= time_of(moment(first + length))
        if not ids or item["id"] in ids
        if item["properties"].get("eo:cloud_cover", cloud + 1) <= cloud
    ]
    more = {"bbox": box, "datetime": f"{moment(first)}/{moment(first + length)}", "ids": ids}
    assert held.ids(True, query={"eo:cloud_cover": {"lte": cloud}}, **more) == sorted(expected)


@pytest.mark.parametrize(
    "keys", [[], ["+datetime"], ["-id"], ["+eo:cloud_cover"], ["-created", "+gsd"], ["-collection", "+view:off_nadir"]]
)
@pytest.mark.parametrize("size", [1, 7, 99, 100])
def test_pages_follow_each_other_in_order_both_ways(held: Held, keys: List[str], size: int) -> None:
    fields = [{"field": key[1:], "direction": "asc" if key[0] == "+" else "desc"} for key in keys]
    request = read_request({"sortby": fields, "limit": size}, None)
    found: List[str] = []
    pages = []
    search = request.search
    while True:
        page = held.items.search(search)
        pages.append([item.scene.scene_id for item in page.items])
        found += pages[-1]
        if page.after is None:
            break
        search = replace(request.search, place=page.after)
    by_id = {item["id"]: item for item in held.documents}

    def rank(scene_id: str) -> Tuple[Any, ...]:
        item = by_id[scene_id]
        last = time_of(item["properties"]["datetime"]).timestamp()
        parts: List[Any] = []
        for key in keys:
            own = value({"property": key[1:]}, item)
            own = own.timestamp() if isinstance(own, datetime) else own
            parts.append((own is None, own))
        return (*parts, last)

    assert sorted(found) == sorted(by_id)
    for before, then in zip(found, found[1:]):
        for (key, one), other in zip(zip([*keys, "-datetime"], rank(before)), rank(then)):
            if one != other:
                if isinstance(one, tuple) and one[0] != other[0]:
                    assert other[0], "items without a value come last"
                else:
                    assert (one < other) == (key[0] == "+"), (keys, before, then)
                break
    backwards = []
    while page.before is not None:
        page = held.items.search(replace(request.search, place=page.before))
        backwards.append([item.scene.scene_id for item in page.items])
    assert backwards == pages[-2::-1]


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "a", "gsd", "gsd <", "= 3", "gsd = ", "gsd == 3", "gsd = 'x'", "gsd < TRUE", "foo = 1", "eo:cloud = 1",
        "datetime > 'x'", "datetime > 3", "gsd + 1 > 2", "gsd > 1 2", "(gsd > 1", "gsd > 1)", "gsd IN ()", "gsd IN (1",
        "gsd BETWEEN 1", "gsd IS 3", "id LIKE 3", "gsd LIKE 'x'", "NOT", "AND", "S_INTERSECTS(geometry)", "'", '"',
        "S_INTERSECTS(geometry, POINT(1))", "S_INTERSECTS(geometry, POINT(1 2)", "S_INTERSECTS(geometry, gsd)",
        "S_INTERSECTS(gsd, POINT(1 2))", "S_FOO(geometry, POINT(1 2))", "T_AFTER(datetime, 3)", "geometry = 3",
        "T_AFTER(datetime, INTERVAL('2015-01-01'))", "T_DURING(datetime, INTERVAL('2016-01-01','2015-01-01'))",
        "TIMESTAMP('2015-13-01T00:00:00Z') < datetime", "DATE('x') < datetime", "BBOX(1,2,3) = 3", "gsd > 1e999",
        "(" * 60 + "true" + ")" * 60, "not " * 60 + "true", "S_INTERSECTS(geometry, BBOX(1,2,3,400))",
        "casei(id) = 'x'",
        "gsd > 1 or " * 2000 + "true", "id = '\0'" * 3,
    ],
)  # fmt: skip
def test_wrong_text_is_an_error_that_says_so(text: str) -> None:
    with pytest.raises(HttpError) as error:
        read_request({"filter": text, "filter-lang": "cql2-text"}, None)
    assert error.value.status == 400 and len(error.value.message) < 300


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("CASEI(platform) = 'a'", "CASEI"), ("id IN ('a', accenti('b'))", "accenti"), ("gsd + 1 > 2", "+"),
        ("A_CONTAINS(keywords, ('a'))", "A_CONTAINS"), ("gsd > avg(gsd)", "avg"), ("gsd*2 > 2", "*"),
        ('{"op": "=", "args": [{"op": "casei", "args": [{"property": "id"}]}, "a"]}', "casei"),
        ('{"op": "a_equals", "args": [[1], [1]]}', "a_equals"),
    ],
)  # fmt: skip
def test_what_is_not_supported_is_named(text: str, name: str) -> None:
    with pytest.raises(HttpError) as error:
        read_request({"filter": text, "filter-lang": "cql2-json" if text[0] == "{" else "cql2-text"}, None)
    assert error.value.status == 400 and f"{name!r} is not supported" in error.value.message


@pytest.mark.parametrize(
    "document",
    [
        [], {}, 3, "x", {"op": "and"}, {"op": "and", "args": {}}, {"op": "and", "args": [True]},
        {"op": "not", "args": []}, {"op": "=", "args": [1]}, {"op": "=", "args": [{"property": 3}, 1]},
        {"op": "=", "args": [{"property": "gsd"}, {}]}, {"op": "=", "args": [{"property": "gsd"}, 10**400]},
        {"op": "in", "args": [{"property": "gsd"}, 3]}, {"op": "in", "args": [{"property": "id"}, ["x"] * 10_001]},
        {"op": "in", "args": [{"property": "gsd"}, ["x"]]}, {"op": "s_within", "args": [{"bbox": [1]}, {"bbox": [2]}]},
        {"op": "like", "args": [{"property": "id"}, "%" * 501]}, {"op": "exec", "args": []},
        {"op": "and", "args": [True] * 1001}, {"op": "=", "args": [{"property": "id"}, None]},
        {"op": "s_intersects", "args": [{"property": "geometry"}, {"type": "Point", "coordinates": ["a", 1]}]},
    ],
)  # fmt: skip
def test_wrong_json_is_an_error_that_says_so(document: Json) -> None:
    with pytest.raises(HttpError) as error:
        read_request({"filter": document}, None)
    assert error.value.status == 400 and len(error.value.message) < 300


@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from("gsd id ( ) , = <> 'x' 3 AND NOT IN LIKE BETWEEN IS".split())).map(" ".join)
)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_text(text)
    except HttpError as error:
        assert error.status == 400


def test_patterns_take_no_time(held: Held) -> None:
    assert held.ids({"op": "like", "args": [{"property": "planet:note"}, "%a" * 200]}) == []


def test_quoted_names_and_prefixed_names(held: Held) -> None:
    for text in ('"eo:cloud_cover" = 40', "properties.eo:cloud_cover = 40", "eo:cloud_cover = +40.0e0"):
        assert held.ids(text, "cql2-text") == held.ids("eo:cloud_cover=40", "cql2-text") != []
