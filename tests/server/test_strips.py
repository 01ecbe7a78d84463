"""Columns of an index: comparisons against SQLite's own, and what an update leaves against a fresh index."""

from __future__ import annotations

import json
import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from planet_vector.scenes_v0_fields import FIELDS
from planet_vector.server.index import blocks, snapshot, updating, writing
from planet_vector.server.index.database import Index
from planet_vector.server.index.scene_search import parse_search
from planet_vector.server.index.strips import Strip

from .conftest import feature

SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "=", "neq": "<>"}
EDGES = [2**53 - 1, 2**53, 2**53 + 1, -(2**53) - 1, 2**62 + 1, 2**63 - 1, -(2**63), 0, 1, -1]
whole = st.one_of(st.integers(-(2**63), 2**63 - 1), st.sampled_from(EDGES), st.integers(-5, 5))
number = st.one_of(
    whole,
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.5, -0.0, 1e300, 1.5e308, *map(float, EDGES)]),
)
text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=3)


def columns(values: st.SearchStrategy[Any]) -> st.SearchStrategy[List[Any]]:
    # Few values are stored otherwise than many: some columns get hundreds more.
    more = st.sampled_from([[], list(range(-300, 300)), [n / 7 for n in range(300)], [2**53 + n for n in range(300)]])
    return st.builds(lambda given, others: given + others, st.lists(st.none() | values, max_size=30), more)


def by_sqlite(values: List[Any], comparator: str, operand: Any) -> List[bool]:
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, v)")
        db.executemany("INSERT INTO t (v) VALUES (?)", [(v,) for v in values])
        return [bool(row[0]) for row in db.execute(f"SELECT v {SIGNS[comparator]} ? FROM t ORDER BY n", (operand,))]


@settings(max_examples=300, deadline=None)
@given(columns(number), st.sampled_from(sorted(SIGNS)), number)
@example([2**53 + n for n in range(300)], "eq", 2**53 + 1)
@example([2**53 + n for n in range(300)], "lte", float(2**53 + 2))
@example([float(n) for n in range(300)] + [None], "neq", 2**62 + 1)
@example([float(2**53 + 2 * n) for n in range(300)], "gte", 2**53 + 3)
@example([1.2e308 + n * 1e300 for n in range(300)], "gt", 1e308)
def test_numbers_compare_as_in_sqlite(values: List[Any], comparator: str, operand: Any) -> None:
    strip = Strip.of_values(values)
    for kept in (strip, Strip.from_bytes(strip.to_bytes())):
        assert kept.compare(comparator, operand).tolist() == by_sqlite(values, comparator, operand)
        assert kept.to_list() == values


@settings(max_examples=100, deadline=None)
@given(st.lists(st.none() | text, max_size=300), st.booleans(), st.sampled_from(["eq", "neq"]), text)
def test_texts_compare_as_in_sqlite(values: List[Any], many: bool, comparator: str, operand: str) -> None:
    values = values + ([f"x{n}" for n in range(300)] if many else [])
    strip = Strip.from_bytes(Strip.of_values(values).to_bytes())
    for wanted in (operand, *values[-1:]):
        if wanted is not None:
            assert strip.compare(comparator, wanted).tolist() == by_sqlite(values, comparator, wanted)
    assert strip.to_list() == values


def test_repeated_values_take_a_byte_each() -> None:
    assert len(Strip.of_values(["0905", "0906", None, "0905"] * 4096).to_bytes()) < 16_384 + 100
    assert len(Strip.of_values([n / 3 for n in range(16_384)]).to_bytes()) < 8 * 16_384 + 100


def scene(chance: random.Random, number: int) -> Dict[str, Any]:
    properties: Dict[str, Any] = {}
    if chance.random() < 0.8:
        properties["cloud_cover"] = {"estimated": chance.choice([0, 5, 7.5, 100.0, None])}
    if chance.random() < 0.8:
        properties["sat"] = {"id": chance.choice(["0905", "0a", "ü"]), "alt": chance.uniform(400, 600)}
    if chance.random() < 0.5:
        properties["file_size"] = chance.choice([2**53 + 1, 2**53, 17, 10**30, 10**320])
    if chance.random() < 0.5:
        properties["published"] = f"2016-01-{chance.randint(1, 28):02d}T00:00:00+00:00"
    properties["image_statistics"] = {"image_quality": chance.choice(["test", "standard", "target", "good"])}
    west = chance.choice([-180.0, 10.1, 179.7])
    found = feature(
        f"S{number:04d}", f"2015-01-{chance.randint(1, 9):02d}T00:00:00+00:00", west, 3.3, 0.7, **properties
    )
    if chance.random() < 0.2:
        found["properties"]["links"] = {"self": f"https://x/v0/scenes/rapideye/S{number:04d}"}
    if chance.random() < 0.2:
        found["geometry"] = None
    return found


def kept_in_blocks(path: Path) -> Dict[Tuple[str, str], Dict[str, Any]]:
    """Return what stands in the blocks of an index, by type and id."""
    found: Dict[Tuple[str, str], Dict[str, Any]] = {}
    with closing(sqlite3.connect(path)) as db:
        ids = dict(db.execute("SELECT scene, id FROM scene"))
        kinds = {n: (t, a) for n, t, a in db.execute("SELECT scene, type, acquired FROM scene")}
        for block, scenes in db.execute("SELECT block, scenes FROM block"):
            strips = {
                name: Strip.from_bytes(data).to_list()
                for name, data in db.execute("SELECT name, data FROM strip WHERE block = ?", (block,))
            }
            assert {len(values) for values in strips.values()} == {scenes}
            for place in range(scenes):
                row = {name: values[place] for name, values in strips.items() if values[place] is not None}
                if "type" in row:  # else it is gone
                    number = (block << blocks.SHIFT) + row.pop("scene")
                    assert kinds.pop(number) == (row["type"], row["acquired"])
                    found[row["type"], ids[number]] = row
        orphans = db.execute("SELECT count(*) FROM strip WHERE block NOT IN (SELECT block FROM block)").fetchone()
        assert (kinds, orphans) == ({}, (0,))
    return found


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let a block hold 16 scenes, so that a few hundred make many."""
    monkeypatch.setattr(blocks, "SHIFT", 4)
    monkeypatch.setattr(snapshot, "SHIFT", 4)
    monkeypatch.setattr(writing, "TOGETHER", 7)
    yield


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.usefixtures("small_blocks")
def test_blocks_after_many_updates_are_those_of_a_fresh_index(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    monkeypatch.setattr(writing, "SECONDS", chance.choice([0.0, 0.01, 1.0]))
    archive, place = tmp_path / "a", tmp_path / "i.sqlite"
    archive.mkdir()
    files: Dict[str, List[Dict[str, Any]]] = {}
    index, number = None, 0
    for step in range(8):
        for _ in range(chance.randint(1, 4)):
            name = f"{chance.randint(0, 9)}.geojsonl"
            if files.get(name) and chance.random() < 0.4:
                files.pop(name)
                (archive / name).unlink()
                continue
            scenes = files[name] = chance.sample(files.get(name, []), len(files.get(name, [])) // 2)
            for _ in range(chance.choice([0, 1, 5, 40])):
                scenes.append(scene(chance, number))
                number += 1
            (archive / name).write_text("".join(json.dumps(s) + "\n" for s in scenes) + "\n" * step)
        updating.update(archive, place)
        fresh = tmp_path / f"{step}.sqlite"
        updating.update(archive, fresh)
        assert kept_in_blocks(place) == kept_in_blocks(fresh)
        # What has read the index before finds what one does that has not.
        index = index or Index(place)
        with closing(Index(fresh)) as other:
            for query in (
                [], [("file_size.gt", str(2**53))], [("sat.id.neq", "0905")], [("cloud_cover.estimated.lte", "7.5")],
                [("acquired.neq", "2015-01-03")], [("intersects", "POLYGON((-180 3,-179 3,-179 5,-180 3))")],
            ):  # fmt: skip
                for scene_type in ("ortho", "rapideye"):
                    search = parse_search(scene_type, [*query, ("count", "1000")])
                    assert index.search(search) == other.search(search)
                    if not query:
                        assert index.search(search).total == other.totals().get(scene_type, 0)
        everything = [s["id"] for scenes in files.values() for s in scenes]
        assert sum(index.totals().values()) == len(everything)
    assert index is not None
    index.close()


def test_every_field_is_compared(tmp_path: Path) -> None:
    values: Dict[str, Any] = {"string": "text", "integer": 3, "number": 3, "words": "standard", "time": "2016-01-01"}
    properties: Dict[str, Any] = {}
    for name, field in FIELDS.items():
        group, _, leaf = name.rpartition(".")
        (properties.setdefault(group, {}) if group else properties)[leaf] = values[field.kind]
    lines = [feature("A", **properties), feature("B", "2016-01-01", landsat={})]
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "s.geojsonl").write_text("\n".join(map(json.dumps, lines)))
    updating.update(tmp_path / "a", tmp_path / "i.sqlite")
    with closing(Index(tmp_path / "i.sqlite")) as index:
        for name, field in FIELDS.items():
            comparator = ".gte" if field.words else ".eq"
            page = index.search(parse_search("landsat", [(name + comparator, str(values[field.kind]))]))
            assert page.total == (2 if name == "acquired" else 1), name
