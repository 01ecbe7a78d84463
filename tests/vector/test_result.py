"""A kept result: rows found by box, by id and by feature id are those that looking at each row finds."""

from __future__ import annotations

import errno
import operator
import os
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planet_vector.conditions import Condition
from planet_vector.errors import CacheError
from planet_vector.geometry.box_index import BoxIndex
from planet_vector.geometry.boxes import Box
from planet_vector.query import Query
from planet_vector.scenes_v0_fields import FIELDS
from planet_vector.vector import result as results
from planet_vector.vector.columns import Row, Rows
from planet_vector.vector.result import Result
from tests.conftest import HAS_FIONA
from tests.schemas import ORTHO
from tests.vector.conftest import Watched

NAMES = ("id", "cloud_cover.estimated", "acquired")
NEWEST = datetime(2015, 6, 1, tzinfo=timezone.utc)


def rows_of(rows: List[Row]) -> Rows:
    fids, boxes, wkbs, values = zip(*rows)
    return Rows(fids, boxes, wkbs, list(zip(*values)))


def make_row(number: int) -> Row:
    box = None if number % 7 == 0 else (number / 10 - 50, 0.0, number / 10 - 49.5, 1.0)
    cloud = None if number % 5 == 0 else float(number % 100)
    acquired = (NEWEST - timedelta(hours=number)).isoformat(timespec="milliseconds")[:23] + "Z"
    return Row(number * 7919 % 100003, box, b"wkb%d" % number, (f"Scene-{number % 900}", cloud, acquired))


def make_result(count: int = 1000, page: int = 90) -> Result:
    result = Result(Query(ORTHO), NAMES)
    for start in range(0, count, page):
        result.append(rows_of([make_row(number) for number in range(start, min(start + page, count))]))
    return result


@pytest.fixture(params=[0, 300, 10_000], ids=["file", "both", "memory"])
def result(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Result:
    """Return a result of 1000 rows, in a file, in memory, or in both."""
    monkeypatch.setattr(results, "IN_MEMORY", request.param)
    return make_result()


def all_of(blocks: Iterator[Rows]) -> List[Row]:
    return [row for rows in blocks for row in rows]


def test_rows_come_back_in_order(result: Result) -> None:
    assert all_of(result.blocks()) == [make_row(number) for number in range(1000)]
    assert result.count == 1000


def test_a_feature_id_finds_its_row(result: Result) -> None:
    for number in (0, 1, 31, 32, 89, 90, 555, 999):
        assert result.find(make_row(number).fid) == make_row(number)
    for unknown in (-1, 2**62, -(2**70), 2**70, 100_002):
        assert result.find(unknown) is None


def test_ids_are_found_without_regard_to_case(result: Result) -> None:
    for asked in ({"Scene-5"}, {"sCENE-899", "scene-0"}, {"nobody"}, set()):
        expected = [row for row in map(make_row, range(1000)) if row.values[0].lower() in {a.lower() for a in asked}]
        assert all_of(result.blocks(ids=frozenset(asked))) == expected


def test_a_box_finds_the_rows_that_touch_it(result: Result) -> None:
    for box in (Box(-10, 0, -9, 1), Box(-180, -90, 180, 90), Box(0, 2, 1, 3), Box(-50, 1, -50, 1)):
        touching = [row for row in map(make_row, range(1000)) if row.box and box.touches(Box(*row.box))]
        assert all_of(result.blocks(box)) == touching
        assert all_of(result.blocks(box, frozenset({"scene-444"}))) == [
            row for row in touching if row.values[0] == "Scene-444"
        ]


def test_rows_that_meet_conditions_are_counted(result: Result) -> None:
    conditions = (Condition.parse(FIELDS, "cloud_cover.estimated.lt", "50"),)
    cloudless = [row for row in map(make_row, range(1000)) if row.values[1] is not None and row.values[1] < 50]
    assert result.count_meeting(conditions) == len(cloudless)
    assert result.count_meeting((Condition.parse(FIELDS, "sat.alt.gt", "0"),)) is None  # it has no such column


@pytest.mark.parametrize("comparator", ["gt", "gte", "lt", "lte", "eq", "neq"])
@pytest.mark.parametrize("hours", [-1, 0, 0.5, 333, 998.5, 999, 2000])
def test_times_are_narrowed_to_the_millisecond(result: Result, comparator: str, hours: float) -> None:
    limit = NEWEST - timedelta(hours=hours)
    condition = Condition.parse(FIELDS, f"acquired.{comparator}", limit.isoformat())
    found = all_of(result.blocks(conditions=[condition]))
    hold = {
        "gt": operator.gt,
        "gte": operator.ge,
        "lt": operator.lt,
        "lte": operator.le,
        "eq": operator.eq,
        "neq": operator.ne,
    }
    times = [NEWEST - timedelta(hours=number) for number in range(1000)]
    expected = [number for number, time in enumerate(times) if hold[comparator](time, limit)]
    assert {row.values[2] for row in found} >= {make_row(number).values[2] for number in expected}
    if comparator != "neq":
        assert len(found) <= len(expected) + 1


edges = st.floats(-180, 180) | st.sampled_from([-180.0, 0.0, 10.0, 180.0])
boxes = st.builds(
    lambda west, south, width, height: (west, south, min(west + width, 180.0), min(south + height, 90.0)),
    edges,
    st.floats(-90, 90) | st.sampled_from([0.0, 10.0]),
    st.floats(0, 1) | st.floats(0, 360) | st.just(0.0),
    st.floats(0, 1) | st.floats(0, 180) | st.just(0.0),
)
NO_BOX = (float("nan"),) * 4


@settings(deadline=None, max_examples=300)
@given(st.lists(boxes | st.just(NO_BOX), max_size=60), boxes, st.booleans())
def test_the_index_finds_what_looking_at_each_box_finds(all_boxes: List[Any], asked: Any, crosses: bool) -> None:
    box = Box(*asked)
    if crosses:
        box = Box(box.east, box.south, box.west, box.north)
    index = BoxIndex(*[[each[edge] for each in all_boxes] for edge in range(4)])
    expected = [number for number, each in enumerate(all_boxes) if each[0] == each[0] and box.touches(Box(*each))]
    assert index.search(box) == expected


FORKED = """
import multiprocessing, sys
import planet_vector

planet_vector.register()
from planet_vector.vector import result

result.IN_MEMORY = 700  # the rest lies in a file
reader, count = sys.argv[1], int(sys.argv[2])
import pyogrio

def read():
    if reader == "fiona":
        import fiona
        with fiona.open("PLANET:ortho") as source:
            return sorted(feature["properties"]["id"] for feature in source)
    if reader == "pyogrio":
        return sorted(pyogrio.read_dataframe("PLANET:ortho", use_arrow=False, read_geometry=False)["id"])
    return sorted(pyogrio.raw.read_arrow("PLANET:ortho")[1]["id"].to_pylist())

expected = read()
assert len(set(expected)) == count
context = multiprocessing.get_context("fork")
start, found = context.Barrier(5), context.SimpleQueue()

def work():
    start.wait(60)
    found.put([read() == expected for _ in range(3)])

children = [context.Process(target=work, daemon=True) for _ in range(4)]
for child in children:
    child.start()
start.wait(60)
whole = [read() == expected for _ in range(3)]
for _ in children:
    whole += found.get()
print(len(whole), all(whole))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("reader", ["fiona", "pyogrio", "pyogrio, Arrow"])
def test_forked_processes_read_one_kept_layer(many: Watched, run: Callable[..., Any], reader: str) -> None:
    if reader == "fiona" and not HAS_FIONA:
        pytest.skip("fiona is not installed")
    environ = {**many.service.environ, "PLANET_RATE": "0"}
    done = run("python", "-c", FORKED, reader, "3500", env=environ, timeout=120)
    assert done.stdout.split() == ["15", "True"], done.stderr


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: (_ for _ in ()).throw(OSError(errno.EIO, "Input/output error")),
        lambda data: data[:-1],
        lambda data: b"\0" + data[1:],
        lambda data: data[:20] + b"\0\0\0" + data[23:],
    ],
    ids=["input/output error", "cut off", "no zlib", "damaged"],
)
def test_what_cannot_be_read_back_is_an_error(damage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "IN_MEMORY", 0)
    result = make_result()
    whole = os.pread if hasattr(os, "pread") else None
    if whole is None:
        pytest.skip("this system has no pread")
    monkeypatch.setattr(os, "pread", lambda *where: damage(whole(*where)))
    with pytest.raises(CacheError, match="cannot be read back .*: open the layer, or search, again"):
        all_of(result.blocks())
    with pytest.raises(CacheError, match="cannot be read back"):
        result.find(make_row(500).fid)


def test_a_disk_that_is_full_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "IN_MEMORY", 0)
    result = make_result()
    assert result._file is not None

    class Full:
        """A file on a disk that is full."""

        def seek(self, place: int) -> None:
            pass

        def write(self, data: bytes) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(result._file, "_file", Full())
    with pytest.raises(CacheError, match=r"No space left on device\): make room on its disk, name another"):
        result.append(rows_of([make_row(1)]))


def test_no_folder_for_temporary_files_is_an_error_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "IN_MEMORY", 0)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(CacheError, match="cannot be kept in .*gone"):
        make_result()
