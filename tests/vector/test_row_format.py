"""What a file of results may say: nothing in it is trusted, as GDAL's C code reads what it becomes."""

from __future__ import annotations

import io
import json
import math
import random
import struct
from hashlib import blake2b
from pathlib import Path
from typing import Any, Callable, List, Tuple

import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from planet_vector.catalog.scene_pages import SearchSurvey
from planet_vector.geometry.shapes import multipolygon_wkb
from planet_vector.vector import disk_cache, row_format
from planet_vector.vector.columns import Rows

from .test_disk_cache import BLOCKS, COUNT, EXPECTED, NAME, SCHEMA, SURVEY, loaded, saved


def sealed(data: bytes) -> bytes:
    return b"planet_vector results\n" + blake2b(data, digest_size=16).hexdigest().encode() + b"\n" + data


def forge(path: Path, change: Callable[[Any], Any]) -> None:
    """Change what a file says, and have it look undamaged."""
    _, _, data = path.read_bytes().split(b"\n", 2)
    content = json.loads(data)
    changed = change(content)
    path.write_bytes(sealed(json.dumps(content if changed is None else changed).encode()))


@pytest.mark.parametrize("value", [math.nan, math.inf, b"bytes", (1, 2), True, {"a": 1}])
def test_a_value_that_json_would_change_is_not_read_back(value: object) -> None:
    """The service's JSON may say NaN, which Python reads; msgspec would write null in its place."""
    disk_cache.save(NAME, SearchSurvey(1), [Rows((1,), (None,), (None,), [("a",), (value,)])])
    assert disk_cache.load(NAME, SearchSurvey(1), 100) is None


def test_no_damage_goes_unseen() -> None:
    path = saved()
    content = path.read_bytes()
    rng = random.Random(6)
    cuts = [content[:length] for length in (0, 1, 21, 22, 54, 55, 56, *rng.sample(range(len(content)), 100))]
    flips = [
        content[:at] + bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1 :]
        for at in (*range(60), *rng.sample(range(len(content)), 200))
    ]
    for damaged in (*cuts, *flips, content + b" ", content + content, b"\0" * len(content)):
        path.write_bytes(damaged)
        assert loaded() is None
    path.write_bytes(content)
    assert loaded() == EXPECTED


def _swap(block: List[Any], at: int, value: Any) -> None:
    block[at] = value


BLOCK_CHANGES = {
    "no rows": lambda block: _swap(block, slice(0, 3), [[], [], [[] for _ in block[2]]]),  # type: ignore[arg-type]
    "a fid more": lambda block: block[0].append(1),
    "a fid that is negative": lambda block: _swap(block[0], 0, -1),
    "a fid of 54 bits": lambda block: _swap(block[0], 0, 2**53),
    "a fid that is a double": lambda block: _swap(block[0], 0, 1.0),
    "a fid that is true": lambda block: _swap(block[0], 0, True),
    "a fid that is a text": lambda block: _swap(block[0], 0, "1"),
    "a fid that is nothing": lambda block: _swap(block[0], 0, None),
    "fids that are a mapping": lambda block: _swap(block, 0, {str(n): n for n in range(7)}),
    "a footprint less": lambda block: block[1].pop(),
    "a footprint that is a number": lambda block: _swap(block[1], 0, 1),
    "a footprint that is no hex": lambda block: _swap(block[1], 0, "xy"),
    "an empty footprint": lambda block: _swap(block[1], 0, ""),
    "a column less": lambda block: block[2].pop(),
    "a column more": lambda block: block[2].append(block[2][0]),
    "no columns": lambda block: _swap(block, slice(2, 4), [[], []]),  # type: ignore[arg-type]
    "a short column": lambda block: block[2][3].pop(),
    "a long column": lambda block: block[2][3].append(None),
    "a column that is a text": lambda block: _swap(block[2], 3, "abcdefg"),
    "a text that is a number": lambda block: _swap(block[2][0], 0, 1),
    "a text that is a list": lambda block: _swap(block[2][0], 0, ["a"]),
    "a text that is a mapping": lambda block: _swap(block[2][0], 0, {"a": 1}),
    "a time that is none": lambda block: _swap(block[2][1], 0, "yesterday, at noon, GMT."),
    "a time in February": lambda block: _swap(block[2][1], 0, "2015-02-30T00:00:00.000Z"),
    "a time of another form": lambda block: _swap(block[2][1], 0, "20150228T000000.000000Z."),
    "a number that is a text": lambda block: _swap(block[2][SCHEMA.names.index("sat.off_nadir")], 0, "1"),
    "a number that is true": lambda block: _swap(block[2][SCHEMA.names.index("sat.off_nadir")], 0, True),
    "a number that is infinite": lambda block: _swap(block[2][SCHEMA.names.index("sat.off_nadir")], 0, math.inf),
    "a whole number of 33 bits": lambda block: _swap(block[2][SCHEMA.names.index("camera.bit_depth")], 0, 2**32),
    "a whole number of 65 bits": lambda block: _swap(block[2][SCHEMA.names.index("file_size")], 0, 2**64),
    "a whole number without end": lambda block: _swap(block[2][SCHEMA.names.index("file_size")], 0, 10**4000),
    "a whole number that is a double": lambda block: _swap(block[2][SCHEMA.names.index("file_size")], 0, 0.5),
    "a full column that is not there": lambda block: _swap(block, 3, [99]),
    "a full column before the first": lambda block: _swap(block, 3, [-1]),
    "a full column that is not full": lambda block: block[3].append(SCHEMA.names.index("camera.tdi_pulses")),
    "full columns that are none": lambda block: _swap(block, 3, None),
    "a part more": lambda block: block.append([]),
    "a part less": lambda block: block.pop(),
}


@pytest.mark.parametrize("change", BLOCK_CHANGES.values(), ids=BLOCK_CHANGES)
def test_rows_that_do_not_fit_their_columns_are_not_used(change: Callable[[List[Any]], Any]) -> None:
    path = saved()
    forge(path, lambda content: change(content[2][0]) and None)
    assert loaded() is None


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content[2].pop(),
        lambda content: content[2].append(content[2][0]),
        lambda content: content.append(1),
        lambda content: _swap(content, 0, "0" * 32),
        lambda content: _swap(content[1], 0, COUNT + 1),
        lambda content: _swap(content, 2, "rows"),
        lambda content: _swap(content, 2, 5),
    ],
)
def test_a_result_that_is_not_whole_or_of_another_search_is_not_used(change: Callable[[Any], Any]) -> None:
    path = saved()
    forge(path, lambda content: change(content) and None)
    assert loaded() is None


@pytest.mark.parametrize(
    "data", [b"", b"null", b"[]", b"{}", b"[1,2,3]", b"[" * 100_000, b"\xff\xfe", b"[NaN,1,2]", b'"a"', b"9" * 100_000]
)
def test_any_json_is_read_without_harm(data: bytes) -> None:
    saved().write_bytes(sealed(data))
    assert loaded() is None


def test_without_types_a_column_holds_texts_or_numbers() -> None:
    path = saved()
    forge(path, lambda content: _swap(content[2][0][2][0], 0, 1))
    assert disk_cache.load(NAME, SURVEY, 100) is None
    disk_cache.save(NAME, SURVEY, BLOCKS)
    assert disk_cache.load(NAME, SURVEY, 100) is not None


def test_a_result_of_another_version_is_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved()
    for place, name, value in (
        (row_format, "VERSION", row_format.VERSION + 1),
        (disk_cache, "__version__", "99"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(place, name, value)
            assert loaded() is None
            other = disk_cache._path(disk_cache._key(NAME))
            assert other != path
            other.write_bytes(path.read_bytes())  # nor under the name of this version
            other.chmod(0o600)
            assert loaded() is None
    assert loaded() == EXPECTED


# ---- footprints, which C code reads --------------------------------------------------------------------------

WKBS = [wkb for block in BLOCKS for wkb in block.wkbs if wkb is not None]
RING = multipolygon_wkb([[[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 0.0)]]])


NAN = struct.pack("<d", math.nan)


def rings_of(wkb: bytes) -> List[List[List[Tuple[float, float]]]]:
    """Read a MultiPolygon to its end, by the standard (OGC 06-103r4, section 8.2)."""
    source = io.BytesIO(wkb)

    def read(form: str) -> Tuple[Any, ...]:
        return struct.unpack(form, source.read(struct.calcsize(form)))

    polygons: List[List[List[Tuple[float, float]]]] = []
    order, kind, count = read("<BII")
    assert (order, kind) == (1, 6)
    for _ in range(count):
        order, kind, rings = read("<BII")
        assert (order, kind) == (1, 3)
        polygons.append([[read("<dd") for _ in range(*read("<I"))] for _ in range(rings)])  # type: ignore[misc]
    assert not source.read()
    return polygons


def one(wkb: bytes) -> Any:
    """Return the one row with a footprint that was put into a file, or None."""
    survey = SearchSurvey(1)
    disk_cache.save(NAME, survey, [Rows((1,), (None,), (wkb,), [("a",)])])
    found = disk_cache.load(NAME, survey, 100, ["String"])
    return found and next(iter(found.rows[0]))


def damaged(wkb: bytes, at: int, new: bytes, drop: int) -> bytes:
    at %= len(wkb) + 1
    return wkb[:at] + new + wkb[at + drop :]


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    wkb=st.sampled_from(sorted(set(WKBS))),
    at=st.one_of(st.integers(0, 40), st.integers(0, 10**4)),
    new=st.one_of(st.binary(max_size=9), st.sampled_from([b"\xff" * 4, b"\0" * 4, b"\1\0\0\0", NAN])),
    drop=st.sampled_from([0, 1, 4, 8, 16]),
)
def test_a_footprint_is_one_that_this_package_writes_or_the_result_is_not_used(
    wkb: bytes, at: int, new: bytes, drop: int
) -> None:
    changed = damaged(wkb, at, new, drop)
    row = one(changed)
    if row is not None:
        assert row.wkb == changed
        polygons = rings_of(changed)
        xs, ys = zip(*[position for polygon in polygons for position in polygon[0]])
        assert row.box == (min(xs), min(ys), max(xs), max(ys))
        assert -180 <= min(xs) <= max(xs) <= 180 and -90 <= min(ys) <= max(ys) <= 90
        assert all(math.isfinite(x) and abs(y) <= 90 for polygon in polygons for ring in polygon for x, y in ring)
        if all(len(ring) >= 4 and ring[0] == ring[-1] for polygon in polygons for ring in polygon):
            assert shapely.from_wkb(changed, on_invalid="raise").geom_type == "MultiPolygon"


@pytest.mark.parametrize(
    "wkb",
    [
        b"",
        RING[:21],
        RING[:-1],
        RING + b"\0",
        RING[:5] + b"\xff\xff\xff\xff" + RING[9:],  # polygons
        RING[:14] + b"\xff\xff\xff\xff" + RING[18:],  # rings
        RING[:18] + b"\xff\xff\xff\xff" + RING[22:],  # positions
        RING[:5] + b"\0\0\0\0",
        b"\0" + RING[1:],  # big-endian
        RING[:1] + b"\3" + RING[2:],  # a Polygon
        RING[:4] + b"\x80" + RING[5:],  # with heights
        RING[:4] + b"\x20" + RING[5:],  # of EWKB
        multipolygon_wkb([[]]),
        multipolygon_wkb([[[(0.0, 0.0), (1.0, 0.0), (0.0, 0.0)]]]),
        multipolygon_wkb([[[(0.0, 0.0), (181.0, 0.0), (1.0, 1.0), (0.0, 0.0)]]]),
        multipolygon_wkb([[[(0.0, 0.0), (1.0, 91.0), (1.0, 1.0), (0.0, 0.0)]]]),
        multipolygon_wkb([[[(0.0, 0.0), (math.nan, 0.0), (1.0, 1.0), (0.0, 0.0)]]]),
        multipolygon_wkb([[[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 0.0)], [(math.inf, 0.0)] * 4]]),
    ],
)
def test_a_footprint_that_no_scene_can_have_is_not_used(wkb: bytes) -> None:
    assert one(wkb) is None
    assert one(RING).box == (0.0, 0.0, 1.0, 1.0)
