"""A search from Python is a view: read as often as wanted, asked for once, whole or an error."""

from __future__ import annotations

import json
import linecache
import math
import random
import sys
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any, Iterator, List, Optional

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import planet_vector
from planet_vector.errors import AuthError, CacheError, NameSyntaxError, NotFoundError, PlanetVectorError, QueryError
from planet_vector.query import Query
from planet_vector.scenes_v0_fields import ORDERS
from planet_vector.times import parse_time
from planet_vector.vector import found_scenes, result_cache
from planet_vector.vector.found_scenes import FoundScenes
from planet_vector.vector.result_cache import CACHE
from tests.conftest import Service
from tests.faces import Face
from tests.schemas import ORTHO
from tests.vector.conftest import Watched, ask, ask_all, make_scene
from tests.vector.test_faults import COUNT, EMPTY, NOTHING, Faulty, _faulty, fault_of, faulty, first  # noqa: F401

SEARCH = "PLANET:ortho?cloud_cover.estimated.lte=50"


def ids(scenes: Any) -> List[str]:
    return [scene.id for scene in scenes]


@pytest.fixture
def newest_first(many: Watched, _newest_first: List[str]) -> List[str]:
    return _newest_first


@pytest.fixture(scope="module")
def _newest_first(_many: Watched, many_scenes: list[dict[str, Any]]) -> List[str]:
    """Return the ids of all scenes of the service, asked for half a month at a time: each fits a page."""
    edges = [f"2015-0{month}-{day}" for month in (4, 3, 2, 1) for day in ("16", "01")]
    found: List[str] = []
    for end, begin in zip(edges, edges[1:]):
        span = {"acquired.gte": begin, "acquired.lt": end, "count": "1000"}
        page = ask(_many.service, "scenes/ortho/", **span)
        assert page["count"] == len(page["features"])
        found += [scene["id"] for scene in page["features"]]
    assert sorted(found) == sorted(scene["id"] for scene in many_scenes)
    return found


# ---- again and again ----------------------------------------------------------------------------------------


def test_a_search_reads_the_same_twice_and_asks_once(many: Watched, newest_first: List[str]) -> None:
    search = planet_vector.search("PLANET:ortho")
    assert many.requests() == []  # nothing yet
    assert ids(search) == newest_first
    assert many.requests() != []
    assert ids(search) == newest_first
    assert len(search.to_geopandas()) == 3500
    assert ids(planet_vector.search("PLANET:ortho")) == newest_first  # another view of it
    assert many.requests() == []


def test_a_data_frame_is_of_all_scenes_whatever_was_looked_at_before(many: Watched) -> None:
    search = planet_vector.search("PLANET:ortho?limit=5")
    next(iter(search))
    assert len(search.to_geopandas()) == 5
    assert len(search.to_geopandas()) == 5


def test_iterators_do_not_take_scenes_from_each_other(many: Watched, newest_first: List[str]) -> None:
    search = planet_vector.search("PLANET:ortho")
    one, other = iter(search), iter(search)
    assert [next(one).id for _ in range(1100)] == newest_first[:1100]
    assert [next(other).id for _ in range(3)] == newest_first[:3]
    assert ids(one) == newest_first[1100:]
    assert ids(other) == newest_first[3:]


@pytest.mark.parametrize("read", [1, 900, 1001, 1700, 3499])
def test_what_was_broken_off_goes_on_where_it_ended(
    many: Watched, newest_first: List[str], face: Face, read: int
) -> None:
    list(planet_vector.search("PLANET:ortho"))
    at_once = len(many.pages())
    CACHE.clear()
    search = planet_vector.search("PLANET:ortho")
    for number, _ in enumerate(search, 1):
        if number == read:
            break
    before = len(many.pages())
    assert ids(search) == newest_first
    after = len(many.pages())
    assert after <= at_once - read // face.page + 1  # what was read is not asked for again
    assert before == 1 or read > 0.9 * face.page


@pytest.mark.parametrize("order", ["desc", "asc"])
def test_the_limit_and_the_order_hold_for_each_reading(many: Watched, newest_first: List[str], order: str) -> None:
    expected = (newest_first if order == "desc" else newest_first[::-1])[:2300]
    search = planet_vector.search(f"PLANET:ortho?limit=2300&order_by=acquired {order}")
    for number, _ in enumerate(search):
        if number == 1200:
            break
    assert ids(search) == expected
    assert ids(search) == expected
    assert (len(search), search.count()) == (2300, 2300)


def test_threads_share_what_one_of_them_asks(many: Watched, newest_first: List[str]) -> None:
    list(planet_vector.search("PLANET:ortho"))
    at_once = len(many.requests())
    CACHE.clear()
    search = planet_vector.search("PLANET:ortho")
    begin = threading.Barrier(8)

    def read(number: int) -> List[str]:
        begin.wait(30)
        return ids(search)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(read, range(8))) == [newest_first] * 8
    assert len(many.requests()) == at_once


def test_after_its_time_a_new_view_asks_anew_and_the_old_stays(many: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANET_CACHE_TTL", "0.5")
    old = planet_vector.search("PLANET:ortho?limit=5")
    first = ids(old)
    assert len(many.requests()) == 1
    threading.Event().wait(0.6)
    assert ids(old) == first
    assert many.requests() == []
    assert ids(planet_vector.search("PLANET:ortho?limit=5")) == first
    assert len(many.requests()) == 1
    monkeypatch.setenv("PLANET_CACHE_TTL", "0")
    views = [planet_vector.search("PLANET:ortho?limit=5") for _ in range(2)]
    assert [ids(view) for view in views * 2] == [first] * 4
    assert len(many.requests()) == 2


def test_two_keys_do_not_share_scenes(many: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(list(planet_vector.search("PLANET:ortho?limit=5"))) == 5
    monkeypatch.setenv("PL_API_KEY", "0" * 32)
    with pytest.raises(AuthError):
        list(planet_vector.search("PLANET:ortho?limit=5"))


def test_what_is_done_to_a_scene_is_not_done_to_the_search(many: Watched) -> None:
    search = planet_vector.search("PLANET:ortho?limit=5")
    for scene in search:
        scene.feature["properties"].clear()  # type: ignore[attr-defined]
    assert all(scene.properties["acquired"] for scene in search)


# ---- failures -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["403", "half the JSON", EMPTY, NOTHING])
def test_what_failed_is_asked_for_again(faulty: Faulty, face: Face, fault: str) -> None:  # noqa: F811
    faulty.set()
    expected = ids(planet_vector.search("PLANET:ortho"))
    assert len(set(expected)) == COUNT
    for number in range(first(fault), 4):
        faulty.set({**fault_of(face, fault), "skip": number})
        search = planet_vector.search("PLANET:ortho")
        for _ in range(2 - first(fault)):  # and it fails again, rather than end
            with pytest.raises(PlanetVectorError):
                list(search)
        faulty.set()
        assert ids(search) == expected
        assert ids(search) == expected


def made(count: int) -> Iterator[dict[str, Any]]:
    """Make scenes up, the newest first, three at each instant."""
    end = datetime(2015, 6, 1, tzinfo=timezone.utc)
    for number in range(count):
        yield {
            "id": f"scene-{number}",
            "properties": {"acquired": (end - timedelta(hours=number // 3)).isoformat(), "links": {"self": "x" * 300}},
        }


class Answers:
    """Scenes by the page, as a catalog asks for them: those of whole instants, twelve at once."""

    def __init__(self, count: int) -> None:
        self.scenes = list(made(count))
        self.asked: List[Query] = []

    def pages(self, query: Query) -> Iterator[List[Any]]:
        self.asked.append(query)
        times = [(scene, parse_time(scene["properties"]["acquired"])) for scene in self.scenes]
        meeting = [scene for scene, time in times if all(condition.holds(time) for condition in query.conditions)]
        meeting = (meeting[::-1] if query.ascending else meeting)[: query.limit]
        for start in range(0, len(meeting), 12):
            yield json.loads(json.dumps(meeting[start : start + 12]))


def read(kept: FoundScenes) -> List[str]:
    read: List[str] = []
    for start, features in kept.pages():
        assert start == len(read)
        read += [feature["id"] for feature in features]
    return read


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("memory", [found_scenes.IN_MEMORY, 500])
def test_ctrl_c_at_any_step_loses_no_scene_and_doubles_none(
    order: str, memory: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(found_scenes, "IN_MEMORY", memory)
    answers = Answers(60)
    query = Query(ORTHO, order=order, limit=50)
    expected = read(FoundScenes(query, answers.pages))
    assert len(expected) == 50
    steps, interrupted = 0, True

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename != found_scenes.__file__ or frame.f_code.co_name == "close":
            return None
        # A tracer is also called where no signal is handled: between the steps of entering and leaving a lock, say.
        line = linecache.getline(found_scenes.__file__, frame.f_lineno).strip()
        if event == "line" and not line.startswith(("with ", "try:", "finally:", "except ")):
            left -= 1
            if not left:
                raise KeyboardInterrupt
        return trace

    while interrupted:
        steps += 1
        left, interrupted = steps, False
        kept = FoundScenes(query, answers.pages)
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            for _ in kept.pages():
                pass
        except KeyboardInterrupt:
            interrupted = True
        finally:
            sys.settrace(before)
        assert read(kept) == expected, steps
        assert read(kept) == expected, steps
    assert steps > 60


# ---- memory -------------------------------------------------------------------------------------------------


def test_a_long_search_goes_to_a_file_and_past_that_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(found_scenes, "IN_MEMORY", 2000)
    answers = Answers(600)
    expected = [scene["id"] for scene in made(600)]
    kept = FoundScenes(Query(ORTHO), answers.pages)
    assert [read(kept), read(kept)] == [expected] * 2
    assert len(answers.asked) == 1
    assert kept.memory <= 2000 < kept.size
    monkeypatch.setattr(found_scenes, "MOST_BYTES", 4000)
    short = FoundScenes(Query(ORTHO), answers.pages)
    answers.asked.clear()
    assert [read(short), read(short)] == [expected] * 2
    assert short.total == 600 and short.size <= 4000
    assert len(answers.asked) == 3  # once up to where it is full, and what lies behind once a reading
    assert answers.asked[1] == answers.asked[2] and answers.asked[1].conditions


def test_a_full_disk_ends_no_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> Any:
        raise CacheError("there is no room")

    monkeypatch.setattr(found_scenes, "IN_MEMORY", 2000)
    monkeypatch.setattr(found_scenes, "Spool", full)
    kept = FoundScenes(Query(ORTHO), Answers(600).pages)
    expected = [scene["id"] for scene in made(600)]
    assert [read(kept), read(kept)] == [expected] * 2


def test_what_cannot_be_read_back_is_an_error_and_then_asked_for(
    many: Watched, newest_first: List[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(found_scenes, "IN_MEMORY", 0)
    search = planet_vector.search("PLANET:ortho")
    assert ids(search) == newest_first
    with monkeypatch.context() as broken:
        broken.setattr(found_scenes.Spool, "read", lambda self, start, length: bytes(length))
        with pytest.raises(CacheError, match="search, again"):
            list(search)
    many.requests()
    assert ids(search) == newest_first
    assert many.requests() != []


def test_a_plain_loop_keeps_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(found_scenes, "IN_MEMORY", 100_000)
    rng = random.Random(4)
    page = [make_scene(number, rng) for number in range(500)]

    def ask(query: Query) -> Iterator[List[Any]]:
        return (json.loads(json.dumps(page)) for _ in range(40))

    kept = FoundScenes(Query(ORTHO), ask)
    count = 0
    tracemalloc.start()
    for start, features in kept.pages():
        count += len(features)
        if start == 2500:
            before = tracemalloc.get_traced_memory()[0]
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert count == 20_000
    assert grown < 35 * 2000  # bytes: where a page lies, 35 times; its scenes take a megabyte


def test_searches_kept_for_others_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    answers, kept = Answers(60), result_cache.Cache()
    queries = [Query(ORTHO, limit=number) for number in range(30, 40)]
    first = [kept.found("me", query, 100, answers.pages) for query in queries]
    for one in first:
        read(one)
    monkeypatch.setattr(result_cache, "MOST_MEMORY", 3 * first[-1].memory)
    again = [kept.found("me", query, 100, answers.pages) for query in reversed(queries)]
    same = [one is other for one, other in zip(again, reversed(first))]
    assert same[:3] == [True] * 3 and sum(same) <= 4
    assert kept.found("you", queries[-1], 100, answers.pages) is not first[-1]


# ---- some of it ---------------------------------------------------------------------------------------------


@pytest.fixture
def small_pages(many: Watched, face: Face, monkeypatch: pytest.MonkeyPatch) -> Watched:
    monkeypatch.setattr(import_module(face.client), "PAGE", 7)
    return many


NUMBERS: Any = st.none() | st.integers(-70, 70)
SLICES = st.builds(slice, NUMBERS, NUMBERS, st.sampled_from([None, 1, 2, 3, 9, 80, -1, -2, -7, -80]))


def test_slices_are_those_of_a_list(small_pages: Watched) -> None:
    search = planet_vector.search("PLANET:ortho?limit=60")
    listed = ids(search)
    assert len(listed) == 60
    small_pages.requests()

    @settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(SLICES, SLICES, st.integers(-65, 65))
    def check(one: slice, other: slice, index: int) -> None:
        assert ids(search[one]) == listed[one]
        part = search[one][other]
        assert ids(part) == listed[one][other] == ids(part)
        assert len(part) == part.count() == len(listed[one][other])
        assert bool(part) == bool(listed[one][other])
        assert ids(reversed(part)) == listed[one][other][::-1]
        try:
            expected: Optional[str] = listed[one][index]
        except IndexError:
            expected = None
        try:
            assert search[one][index].id == expected
        except IndexError as error:
            assert expected is None and "There is no scene" in str(error)

    check()
    assert small_pages.requests() == []


@pytest.mark.parametrize(
    "part", [slice(3), slice(0), slice(2, 40, 5), slice(50, None), slice(90, 95), slice(None, None, 11)]
)
def test_a_part_of_an_unread_search_reads_no_further_than_it_reaches(small_pages: Watched, part: slice) -> None:
    search = planet_vector.search("PLANET:ortho?limit=60")
    some = search[part]
    assert small_pages.requests() == []
    found_scenes = ids(some)
    asked = len(small_pages.requests())
    assert found_scenes == ids(search)[part]
    assert asked <= math.ceil(min(60, 60 if part.stop is None else part.stop) / 6) + 1
    assert asked or part.stop == 0


def test_one_scene_by_its_place(many: Watched, newest_first: List[str]) -> None:
    search = planet_vector.search("PLANET:ortho")
    assert search[0].id == newest_first[0]
    assert [search[number].id for number in range(100)] == newest_first[:100]
    assert len(many.pages()) == 1
    with pytest.raises(TypeError, match=r"not known yet: count\(\)"):
        search[-1]
    with pytest.raises(TypeError, match=r"not known yet: count\(\)"):
        search[::-1]
    with pytest.raises(TypeError):
        search["0"]  # type: ignore[call-overload]
    assert many.requests() == []
    assert search[2500].id == newest_first[2500]
    with pytest.raises(IndexError, match="There is no scene 3500 in PLANET:ortho"):
        search[3500]
    assert (search[-1].id, search[-3500].id) == (newest_first[-1], newest_first[0])
    with pytest.raises(IndexError):
        search[-3501]
    assert search[0] in search and newest_first[-1] in search
    assert "nobody" not in search and 5 not in search
    with pytest.raises(TypeError, match="not an iterator"):
        next(search)  # type: ignore[call-overload]


# ---- how many -----------------------------------------------------------------------------------------------


def test_a_count_is_asked_for_and_a_length_is_not(many: Watched, face: Face) -> None:
    name = face.spell(SEARCH)
    search = planet_vector.search(name)
    with pytest.raises(TypeError, match=r"count\(\) asks the service"):
        len(search)
    assert many.requests() == []
    known = len(ask_all(many.service, "ortho", **{"cloud_cover.estimated.lte": "50", "count": 1000}))
    many.requests()
    assert search.count() == known
    assert len(many.requests()) == 1
    assert len(search) == known == search.count() == planet_vector.search(name).count()
    assert search[:10].count() == 10 and search[known - 3 :].count() == 3
    assert many.requests() == []


def test_a_list_of_it_costs_no_count(many: Watched, newest_first: List[str]) -> None:
    list(planet_vector.search("PLANET:ortho?limit=200"))
    assert len(many.requests()) == 1


def test_whether_there_is_any_costs_a_page_that_is_kept(many: Watched, face: Face) -> None:
    search = planet_vector.search("PLANET:ortho?limit=200")
    assert search
    assert len(list(search)) == 200
    assert len(many.requests()) == 1
    nothing = planet_vector.search("PLANET:ortho?acquired.gte=2100-01-01")
    assert not nothing
    assert (len(nothing), nothing.count(), list(nothing), repr(nothing)[-10:]) == (0, 0, [], " 0 scenes>")
    assert len(nothing.to_geopandas()) == 0
    assert len(many.requests()) == face.part


def test_what_it_shows_is_what_is_known(many: Watched, many_scenes: list[dict[str, Any]]) -> None:
    times = sorted(parse_time(scene["properties"]["acquired"]).replace(microsecond=0) for scene in many_scenes)
    oldest, newest = (time.strftime("%Y-%m-%dT%H:%M:%SZ") for time in (times[0], times[-1]))
    search = planet_vector.search("PLANET:ortho")
    assert repr(search) == "<Search PLANET:ortho: not counted yet>"
    assert repr(search[5:]) == "<Search PLANET:ortho, from 5: not counted yet>"
    assert "<td>" not in search._repr_html_()
    assert many.requests() == []
    search.count()
    assert repr(search) == "<Search PLANET:ortho: 3500 scenes>"
    list(search)
    many.requests()
    assert repr(search) == f"<Search PLANET:ortho: 3500 scenes, {oldest} to {newest}>"
    assert repr(search[:1]) == "<Search PLANET:ortho, from 0 to 1: 1 scene>"
    assert search._repr_html_().count("<tr>") == 11 and search[0].id in search._repr_html_()
    assert many.requests() == []
    area = "POLYGON((" + ",".join(f"{n / 100} 1" for n in range(1000)) + ",0 1))"
    schema = planet_vector.connect().schema("ortho")
    long = planet_vector.search(Query.parse(schema, [("intersects", area)]), key="s3cret")
    assert len(repr(long)) < 200
    assert not any("s3cret" in told for told in (repr(long), str(long), long._repr_html_(), repr(vars(long))))


# ---- what it is a search of ---------------------------------------------------------------------------------


def test_one_scene_is_a_search_too(many: Watched, newest_first: List[str]) -> None:
    name = f"PLANET:ortho/{newest_first[7]}"
    search = planet_vector.search(name)
    assert len(many.requests()) == 1
    assert ids(search) == ids(search) == [newest_first[7]]
    assert (len(search), search.count(), search[-1].id) == (1, 1, newest_first[7])
    assert repr(search).startswith(f"<Search {name}: 1 scene, 2015-")
    assert many.requests() == []


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("PLANET:ortho?clouds.lte=5", QueryError),
        ("PLANET:ortho?limit=0", QueryError),
        ("PLANET:basemaps/m", NameSyntaxError),
        ("PLANET:", NameSyntaxError),
        ("PLANET:ortho/nobody", NotFoundError),
        ("PLANET:ortho/somebody?cloud_cover.estimated.lte=5", NameSyntaxError),
    ],
)
def test_what_is_wrong_with_a_search_is_said_at_once(many: Watched, face: Face, name: str, error: type) -> None:
    with pytest.raises(error):
        planet_vector.search(face.spell(name))


def test_whoever_takes_scenes_takes_a_search_and_asks_once(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its scenes come from its service, whatever the environment says."""
    monkeypatch.setenv("PL_API_URL", "http://127.0.0.1:1/v0/")
    monkeypatch.setenv("PLANET_RATE", "0")
    search = planet_vector.search("PLANET:ortho?limit=3", connection=service.root, key=service.key)
    assert len(planet_vector.find_stacks(search, min_depth=1)) >= 1
    catalog = search.catalog
    monkeypatch.setattr(catalog, "pages", None)  # whoever asks again fails
    monkeypatch.setattr(catalog, "_source", None)
    paths = planet_vector.download(search[:1], tmp_path)
    assert len(paths) == 1 and paths[0].stat().st_size > 0
    with planet_vector.mosaic(search[:2]) as dataset:
        assert dataset.width > 1
