"""What an index outlasts: kills, other processes, its own deletion, full disks, archives that are away."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from planet_vector.server.archive.inventory import read
from planet_vector.server.archive.units import Problem, Unit
from planet_vector.server.index import blocks, entries, snapshot, updating, writing

from .conftest import feature
from .test_strips import kept_in_blocks

FILES = ["a.geojsonl", "b.json", "c/d.geojsonl", "e.geojsonl", "S1_metadata.json", "c/S2_metadata.json"]
"""In the order of an archive's walk; scenes of their own are read before lists."""

Lines = List[Tuple[int, int]]
"""Scenes, each by the number of its id and of one of its states."""

lines = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3)), max_size=9)
change = st.tuples(st.integers(0, len(FILES) - 1), st.none() | lines)
steps = st.lists(
    st.tuples(st.lists(change, min_size=1, max_size=4), st.lists(st.integers(0, 6), max_size=3)), max_size=5
)


class Killed(BaseException):
    """Stands for the end of a process."""


def scene(number: int, state: int) -> Dict[str, Any]:
    found = feature(f"S{number}", f"2015-01-0{1 + number}T00:00:00+00:00", west=float(state), strip_id=state)
    if state == 3:
        found["properties"]["links"] = {"self": "https://x/v0/scenes/rapideye/"}
    return found


def write(path: Path, scenes: Optional[Lines], moment: int) -> None:
    """Change a file of an archive; no change at all, or its deletion, is one, too."""
    if scenes is None:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(exist_ok=True)
    features = [scene(*each) for each in scenes]
    if path.suffix == ".geojsonl":
        path.write_text("".join(json.dumps(each) + "\n" for each in features) + "no JSON\n" * (len(scenes) == 4))
    elif path.name.endswith("_metadata.json"):
        own = feature(path.name.partition("_")[0], west=float(len(scenes)))
        path.write_text(json.dumps(own))
    else:
        path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    os.utime(path, ns=(moment, moment))  # the clock of a file system may stand still between two changes


def read_here(root: Path, units: List[Unit]) -> Iterator[Tuple[Unit, Iterable[entries.Entry], List[Problem]]]:
    """Stand for `read_all`, without processes."""
    for kind in ("scene:", "list:"):
        for unit in units:
            if unit.key.startswith(kind):
                problems: List[Problem] = []
                yield unit, entries._entries(read(root, unit, problems), unit, problems), problems


def contents(path: Path) -> Dict[str, Any]:
    """Return all that an index holds, whatever the numbers of its scenes."""
    queries = {
        "scenes": "SELECT type, id, acquired, footprint, key, json FROM scene JOIN unit USING (unit) "
        "JOIN feature USING (scene)",
        "features": "SELECT count(*) FROM feature",
        "products": "SELECT type, id, name, path FROM product LEFT JOIN scene USING (scene)",
        "totals": "SELECT type, scenes FROM total WHERE scenes",
        "problems": "SELECT key, path, text FROM problem LEFT JOIN unit USING (unit)",
        "units": "SELECT key, files FROM unit",
        "complete": "SELECT value FROM meta WHERE name = 'complete'",
    }
    with closing(sqlite3.connect(path)) as db:
        found: Dict[str, Any] = {name: sorted(db.execute(sql), key=repr) for name, sql in queries.items()}
    return {**found, "blocks": kept_in_blocks(path)}


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps)
# A scene goes to a file that is read earlier, and comes back.
@example([([(1, [(1, 0)])], []), ([(0, [(1, 1)])], []), ([(0, None)], [1])])
@example([([(1, [(1, 0)])], []), ([(0, [(1, 0), (1, 1)])], [])])
@example([([(0, [(1, 0)]), (1, [(1, 1), (1, 2)]), (3, [(1, 2)])], []), ([(0, None)], [1, 1, 2])])
def test_whatever_changes_and_ends_an_index_is_as_a_fresh_one(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, given_steps: Any
) -> None:
    folder = tmp_path_factory.mktemp("updates")
    archive, place = folder / "a", folder / "i.sqlite"
    archive.mkdir()
    commit = writing.Writing._commit
    left = [-1]

    def killed(self: writing.Writing) -> None:
        if left[0] == 0:
            raise Killed
        left[0] -= 1
        commit(self)

    with monkeypatch.context() as patch:
        for module in (blocks, snapshot):
            patch.setattr(module, "SHIFT", 2)
        patch.setattr(writing, "TOGETHER", 2)
        patch.setattr(writing, "SECONDS", 0.0)
        patch.setattr(updating, "read_all", read_here)
        patch.setattr(writing.Writing, "_commit", killed)
        for number, (changes, kills) in enumerate(given_steps):
            for file, scenes in changes:
                write(archive / FILES[file], scenes, 10**18 + number * 10**9)
            for kill in kills:
                left[0] = kill
                try:
                    updating.update(archive, place, allow_empty=True)
                except Killed:
                    pass
            left[0] = -1
            updating.update(archive, place, allow_empty=True)
            fresh = folder / f"{number}.sqlite"
            updating.update(archive, fresh, allow_empty=True)
            assert contents(place) == contents(fresh)
            assert updating.update(archive, place, allow_empty=True).read == 0
