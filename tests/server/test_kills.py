"""Processes that are killed (-9) at any moment: nothing is lost, nothing is left, and the next start goes on."""

from __future__ import annotations

import contextlib
import json
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import numpy as np
import pytest
import requests
from rasterio.io import MemoryFile

from planet_vector.server.index import updating
from planet_vector.server.index.blocks import SHIFT
from planet_vector.server.index.strips import Strip
from planet_vector.server.sample.synthetic import write_scenes

from .conftest import ROOT, feature, running, write_raster

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells which processes are left")

MARK = "PLANET_VECTOR_TEST_MARK"
NUMBER = 20_000  # scenes of the long list: a fill takes some seconds, and some transactions
SOON = 30.0  # seconds in which the next start is to answer; a fill from nothing takes a third, on a slow machine
QUAD = "mosaics/all/quads/L15-1110E-1312N/full"


# ---- what is looked at -----------------------------------------------------------------------------------


def left(mark: str) -> List[str]:
    """Return the command lines of processes that were started under a mark."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:  # it ended, or is another user's
            continue
    return found


def wait_for(found: Callable[[], Any], seconds: float = 30.0) -> Any:
    end = time.monotonic() + seconds
    while True:
        value = found()
        if value:
            return value
        assert time.monotonic() < end
        time.sleep(0.02)


def content_of(index: Path, whole: bool = True) -> Dict[str, Any]:
    """Return all that an index holds, by scene, once it is known that its tables agree.

    Numbers of scenes and units are those of its history; times of status change, those of the files.
    """
    with contextlib.closing(sqlite3.connect(index)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        keys = dict(db.execute("SELECT unit, key FROM unit"))
        fields: Dict[int, Dict[str, Any]] = {}
        for block, count in db.execute("SELECT block, scenes FROM block").fetchall():
            strips = {
                name: Strip.from_bytes(data).to_list()
                for name, data in db.execute("SELECT name, data FROM strip WHERE block = ?", (block,))
            }
            assert {len(values) for values in strips.values()} == {count}
            names = list(strips)
            for row in zip(*strips.values()):
                values = {name: value for name, value in zip(names, row) if value is not None}
                if "type" in values:
                    number = (block << SHIFT) + values.pop("scene")
                    assert number not in fields
                    fields[number] = values
        features = dict(db.execute("SELECT scene, json FROM feature"))
        products: Dict[int, Dict[str, str]] = {}
        for scene, name, path in db.execute("SELECT * FROM product"):
            products.setdefault(scene, {})[name] = path
        scenes = {}
        for scene, unit, scene_type, scene_id, acquired, footprint in db.execute("SELECT * FROM scene"):
            assert fields[scene]["acquired"] == acquired
            assert fields[scene]["type"] == scene_type
            scenes[scene_type, scene_id] = (
                keys[unit], acquired, footprint, features[scene], products.pop(scene, {}), fields[scene]
            )  # fmt: skip
        assert len(scenes) == len(features) == len(fields)
        assert products == {}
        totals = dict(db.execute("SELECT type, scenes FROM total WHERE scenes > 0"))
        assert sum(totals.values()) == len(scenes)
        problems = db.execute("SELECT unit, path, text FROM problem").fetchall()
        units = dict(db.execute("SELECT key, files FROM unit WHERE unit > 0")) if whole else {}
        return {
            "scenes": scenes,
            "totals": totals,
            "problems": sorted((keys.get(unit, ""), path, text) for unit, path, text in problems),
            "units": {key: _stamps(files) for key, files in units.items()},
        }


def _stamps(files: str) -> Tuple[str, Any]:
    mark, bracket, rest = files.partition("[")
    return mark, [file[:3] for file in json.loads(bracket + rest)]


def assert_same(index: Path, expected: Dict[str, Any]) -> None:
    found = content_of(index)
    for name in expected:
        if found[name] != expected[name]:  # the whole would be megabytes
            a, b = found[name], expected[name]
            some = [key for key in {*a, *b} if a.get(key) != b.get(key)][:3] if isinstance(a, dict) else (a, b)
            raise AssertionError(f"{name} differ: {some}")


# ---- the archive -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> List[Tuple[Path, Dict[str, Any]]]:
    """Return two states of an archive: files of all kinds, and what an index that is made anew holds of them."""
    folder = tmp_path_factory.mktemp("states")
    found = []
    for number in range(2):
        archive = folder / str(number)
        for scene in range(200 * number, 200 * number + 300):
            place = archive / "many" / f"M{scene:04d}_metadata.json"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(json.dumps(feature(f"M{scene:04d}", sat={"id": f"s{number}"})))
        write_raster(archive / f"r{number}_visual.tif", bands=3)
        (archive / "broken.tif").write_bytes(b"II*\0 and no more")
        # Some are in both states as they are, some changed, some gone; some are in two files.
        write_scenes(archive / "long.geojsonl", NUMBER, seed=1)
        lines = (archive / "long.geojsonl").read_text().splitlines(True)
        if number:
            lines = [line.replace('"sat":{', '"sat":{"x":1,') if k % 7 == 0 else line for k, line in enumerate(lines)]
            lines = lines[NUMBER // 10 :] + [line.replace('"id":"20', '"id":"30', 1) for line in lines[:2000]]
        (archive / "long.geojsonl").write_text("".join(lines))
        (archive / "again.geojsonl").write_text("".join(lines[100:300]))
        index = folder / f"{number}.sqlite"
        updating.update(archive, index)
        found.append((archive, content_of(index)))
    assert found[0][1] != found[1][1]
    return found


def put_state(archive: Path, state: Path) -> None:
    """Make an archive what a state is, as a copy with `rsync -a --delete` does."""
    subprocess.run(["cp", "-a", f"{state}/.", str(archive)], check=True)
    for path in archive.rglob("*"):
        if not (state / path.relative_to(archive)).exists():
            path.unlink()


def scenes_in(index: Path) -> int:
    """Return how many scenes are committed."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{index}?mode=ro", uri=True)) as db:
            return int(db.execute("SELECT count(*) FROM scene").fetchone()[0])
    except sqlite3.Error:  # not yet made
        return 0


def kill(process: Any, mark: str) -> None:
    """Kill the first process alone, and see that the others end."""
    process.kill()
    process.wait(10)
    wait_for(lambda: not left(mark))


def assert_goes_on(archive: Path, cache: Path, expected: Dict[str, Any]) -> None:
    """Start a service on what a kill has left: it answers soon, and has all that is in the archive."""
    content_of(cache / "index.sqlite", whole=False)
    start = time.monotonic()
    with running(archive, cache) as service:
        assert time.monotonic() - start < SOON
        count = sum(service.json(f"scenes/{name}/?count=1")["count"] for name in expected["totals"])
        assert count == sum(expected["totals"].values())
    assert_same(cache / "index.sqlite", expected)
    here = {path.name for path in cache.iterdir()}
    assert here <= {"index.sqlite", "index.sqlite.file", "index.sqlite.lock", "index.pictures", "stderr.txt"}


# ---- kills -----------------------------------------------------------------------------------------------


def kill_a_fill(states: List[Tuple[Path, Dict[str, Any]]], cache: Path, dice: random.Random) -> None:
    archive, expected = states[dice.randrange(2)]
    index, mark = cache / "index.sqlite", uuid.uuid4().hex
    for delay in (dice.uniform(0, 1.5), dice.uniform(0, 0.5), 0.0):
        command = [sys.executable, "-m", "planet_vector.cli", "index", str(archive), "--index", str(index)]
        with subprocess.Popen(
            command, env={**os.environ, MARK: mark}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT
        ) as process:
            try:
                wait_for(lambda: scenes_in(index) or process.poll() is not None)
                assert left(mark)
                time.sleep(delay)
            finally:
                process.kill()
        wait_for(lambda: not left(mark))
        if process.returncode != 0:
            break
        index.unlink()  # it was faster
    else:
        pytest.fail("the fill was never killed")
    assert scenes_in(index)
    assert_goes_on(archive, cache, expected)


def kill_a_rescan(states: List[Tuple[Path, Dict[str, Any]]], cache: Path, dice: random.Random) -> None:
    archive, mark = cache.parent / f"{cache.name}-archive", uuid.uuid4().hex
    archive.mkdir()
    number = dice.randrange(2)
    put_state(archive, states[number][0])
    options = ["--rescan", "0.3", "--workers", str(dice.choice([1, 2]))]
    with running(archive, cache, *options, environment={MARK: mark}) as service:
        before = _version(cache / "index.sqlite")
        put_state(archive, states[1 - number][0])
        if dice.random() < 0.7:  # else perhaps before its first transaction
            wait_for(lambda: _version(cache / "index.sqlite") != before)
        time.sleep(dice.uniform(0, 2.0))
        kill(service.process, mark)
    assert_goes_on(archive, cache, states[1 - number][1])


def _version(index: Path) -> int:
    with contextlib.closing(sqlite3.connect(f"file:{index}?mode=ro", uri=True, timeout=30)) as db:
        return int(db.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()[0])


@pytest.mark.parametrize("seed", [pytest.param(n, marks=[] if n < 1 else pytest.mark.long) for n in range(10)])
@pytest.mark.parametrize("work", [kill_a_fill, kill_a_rescan])
def test_an_index_that_was_killed_becomes_as_one_made_anew(
    states: List[Tuple[Path, Dict[str, Any]]], tmp_path: Path, work: Any, seed: int
) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    work(states, cache, random.Random(seed))


@pytest.fixture(scope="module")
def quads(tmp_path_factory: pytest.TempPathFactory) -> Tuple[Path, Path, np.ndarray]:
    """Return an archive with scenes of one quad, the file of its mosaic, and the quad."""
    folder = tmp_path_factory.mktemp("quads")
    for number in range(4):
        write_raster(folder / "archive" / f"q{number}_visual.tif", bands=3, size=900, left=505_000 + 3000 * number)
    (folder / "mosaics.yml").write_text("- name: all\n")
    cache = folder / "cache"
    cache.mkdir()
    with running(folder / "archive", cache, "--mosaics", str(folder / "mosaics.yml")) as service:
        listed = [quad["id"] for quad in service.json("mosaics/all/quads/")["features"]]
        assert QUAD.split("/")[3] in listed, listed
        return folder / "archive", folder / "mosaics.yml", pixels(service.get(QUAD).content)


def pixels(content: bytes) -> np.ndarray:
    with MemoryFile(content) as file, file.open() as dataset:
        return dataset.read()


@pytest.mark.parametrize("seed", [pytest.param(n, marks=[] if n < 1 else pytest.mark.long) for n in range(10)])
def test_a_quad_whose_making_was_killed_is_made_again(
    quads: Tuple[Path, Path, np.ndarray], tmp_path: Path, seed: int
) -> None:
    archive, mosaics, expected = quads
    dice, mark = random.Random(seed), uuid.uuid4().hex
    options = ["--mosaics", str(mosaics), "--workers", str(dice.choice([1, 2]))]
    with running(archive, tmp_path, *options, environment={MARK: mark}) as service:
        asking = threading.Thread(target=_ask, args=(service.root + QUAD,), daemon=True)
        asking.start()
        time.sleep(dice.uniform(0.1, 3.0))
        kill(service.process, mark)
        asking.join(30)
        assert not asking.is_alive()
    parts = list(tmp_path.rglob("*.part"))
    for part in parts:  # whether their process lives is not known: they go when they are old
        os.utime(part, (time.time() - 7200,) * 2)
    said, start = (tmp_path / "stderr.txt").read_text(), time.monotonic()
    with running(archive, tmp_path, *options) as service:
        assert time.monotonic() - start < SOON
        answer = requests.get(service.root + QUAD, timeout=120)
        assert answer.status_code == 200, answer.text
        assert np.array_equal(pixels(answer.content), expected)
        assert service.get("scenes/ortho/q0/thumb").status_code == 200
        wait_for(lambda: not any(part.exists() for part in parts))
        assert service.errors == said


def _ask(address: str) -> None:
    with contextlib.suppress(requests.RequestException):  # it is killed meanwhile, or is not
        requests.get(address, timeout=60)


# ---- what a kill must not make slow ----------------------------------------------------------------------


@pytest.mark.parametrize("number", [5000, pytest.param(20_000, marks=pytest.mark.long)])
def test_a_first_fill_that_was_killed_starts_soon_though_half_of_its_files_are_gone(
    tmp_path: Path, number: int
) -> None:
    archive, index, mark = tmp_path / "archive", tmp_path / "index.sqlite", uuid.uuid4().hex
    archive.mkdir()
    text = json.dumps(feature("M00000"))
    for scene in range(number):
        (archive / f"M{scene:05d}_metadata.json").write_text(text.replace("M00000", f"M{scene:05d}"))
    command = [sys.executable, "-m", "planet_vector.cli", "index", str(archive), "--index", str(index)]
    start = time.monotonic()
    with subprocess.Popen(
        command, env={**os.environ, MARK: mark}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT
    ) as process:
        try:
            wait_for(lambda: scenes_in(index) > number / 4 or process.poll() is not None, 120)
        finally:
            process.kill()
    filled = time.monotonic() - start
    assert process.returncode != 0, "it was to be killed"
    wait_for(lambda: not left(mark))
    for scene in range(0, number, 2):
        (archive / f"M{scene:05d}_metadata.json").unlink()
    start = time.monotonic()
    report = updating.update(archive, index)
    assert time.monotonic() - start < SOON + 4 * filled
    assert report.removed > number / 10
    assert report.totals == {"ortho": number // 2}
    updating.update(archive, tmp_path / "fresh.sqlite")
    assert_same(index, content_of(tmp_path / "fresh.sqlite"))
