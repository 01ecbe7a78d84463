"""What an earlier version left is taken over, or made again, without a word: index, pictures, keys (see `before/`)."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

import numpy as np
import pytest
import requests
from PIL import Image
from rasterio.io import MemoryFile

from .before.make import HERE, KEY, MTIME_NS, PICTURES, name_of, set_times
from .conftest import ROOT, Running, running

AUTH = (KEY, "")
IDS = ["bare", "J1", "S2", "S1", "L5", "L4", "L3", "L2", "L1"]  # `bare` has no time but that of its file


def take_archive(folder: Path) -> Path:
    """Return a copy of the archive, whose files have not changed since it was indexed."""
    shutil.copytree(HERE / "archive", folder)
    set_times(folder)
    return folder


def put_index(archive: Path, index: Path, old: str = "index.sqlite") -> None:
    """Put an index of before in its place, with all pictures that were kept beside it."""
    index.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(HERE / old, index)
    for picture in PICTURES:
        name = name_of(archive, picture)
        kept = index.with_suffix(".pictures") / name[:2] / name
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(HERE / "pictures" / picture, kept)


def options_of(folder: Path) -> List[str]:
    for name in ("keys.yml", "mosaics.yml"):
        shutil.copyfile(HERE / name, folder / name)
        (folder / name).chmod(0o600)
    return ["--keys", str(folder / "keys.yml"), "--mosaics", str(folder / "mosaics.yml")]


def text_of(service: Running) -> Dict[str, str]:
    """Return what is said of scenes."""
    found = {}
    for path in ("scenes/ortho/", "scenes/ortho/?order_by=acquired%20asc", "scenes/ortho/S1", "scenes/ortho/bare"):
        answer = service.get(path, auth=AUTH)
        assert answer.status_code == 200, answer.text
        found[path] = answer.text.replace(service.root, "/")
    return found


def pixels(content: bytes) -> np.ndarray:
    """Return a picture as numbers: libraries of another version may pack the same ones into other bytes."""
    if content[:2] in (b"II", b"MM"):
        with MemoryFile(content) as file, file.open() as dataset:
            return dataset.read().astype("int16")
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGBA")).astype("int16")


def assert_equal(found: bytes, expected: bytes, name: str) -> None:
    most = 4 if name.endswith(".jpg") else 0
    assert found[:2] == expected[:2], name
    assert np.abs(pixels(found) - pixels(expected)).max() <= most, name


def tables(index: Path) -> List[str]:
    with contextlib.closing(sqlite3.connect(index)) as db:
        return [str(row) for row in db.execute("SELECT key FROM unit ORDER BY key")]


def numbers_of(index: Path) -> Tuple[int, int]:
    """Return the numbers of the layout and of the version of an index."""
    with contextlib.closing(sqlite3.connect(index)) as db:
        (layout,) = db.execute("PRAGMA user_version").fetchone()
        (version,) = db.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()
    return layout, version


@pytest.fixture(scope="module", params=["index.sqlite", "index-9fd2fde.sqlite"])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tuple[Running, Running]]:
    """Return a service over what was left, and one that has made everything itself."""
    with contextlib.ExitStack() as stack:
        folder = tmp_path_factory.mktemp("before")
        archive = take_archive(folder / "archive")
        started = []
        for name in ("old", "new"):
            cache = folder / name
            cache.mkdir()
            if name == "old":
                put_index(archive, cache / "index.sqlite", request.param)
            started.append(stack.enter_context(running(archive, cache, *options_of(cache))))
        yield started[0], started[1]


def test_a_service_starts_without_a_word_over_what_was_left(both: Tuple[Running, Running]) -> None:
    old, _ = both
    assert old.errors == ""
    assert old.line.startswith(f"Serving {len(IDS)} scenes on ")
    page = old.json("scenes/ortho/?count=4", auth=AUTH)
    following = requests.get(page["links"]["next"], auth=AUTH, timeout=30).json()
    assert [scene["id"] for scene in page["features"] + following["features"]] == IDS[:8]
    health = requests.get(old.origin + "/healthz", auth=AUTH, timeout=30).json()["rescan"]
    assert (health["scenes"], health["problems"], health["failed"]) == (len(IDS), 0, None)


def test_an_index_of_the_same_layout_goes_on_and_another_is_made_anew(
    both: Tuple[Running, Running], request: pytest.FixtureRequest
) -> None:
    (layout, before), (now_layout, now) = (
        numbers_of(HERE / request.node.callspec.params["both"]), numbers_of(both[0].cache / "index.sqlite")
    )  # fmt: skip
    assert (layout == now_layout) == (0 <= now - before < 1000)  # versions are counted on, from a number made at random


def test_its_answers_and_pictures_are_those_of_a_service_that_begins_anew(both: Tuple[Running, Running]) -> None:
    old, new = both
    assert text_of(old) == text_of(new)
    for name, path in PICTURES.items():
        found, expected = (service.get(path, auth=AUTH) for service in both)
        assert (found.status_code, expected.status_code) == (200, 200)
        assert_equal(found.content, expected.content, name)
    raster = old.get("scenes/ortho/S1/full?product=visual", auth=AUTH)
    assert raster.content == (HERE / "archive" / "S1_visual.tif").read_bytes()


def test_keys_are_those_of_before(both: Tuple[Running, Running]) -> None:
    assert both[0].get("scenes/ortho/S1", auth=AUTH).status_code == 200
    assert both[0].get("scenes/ortho/S1", auth=("another", "")).status_code == 401
    assert both[0].get("scenes/ortho/S1").status_code == 401


def test_pictures_that_were_kept_are_those_that_are_made_today(both: Tuple[Running, Running]) -> None:
    """They are given out again where they still have their names; then they are to be the same."""
    _, new = both
    archive, kept = new.cache.parent / "archive", new.cache / "index.pictures"
    for name, path in PICTURES.items():
        answer = new.get(path, auth=AUTH)
        if (kept / name_of(archive, name)[:2] / name_of(archive, name)).exists():
            assert_equal(answer.content, (HERE / "pictures" / name).read_bytes(), name)


@pytest.mark.parametrize("command", ["serve", "index"])
def test_what_lay_in_the_cache_of_the_user_is_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """An index that no option names lay under a name with the number of its layout, and so did its pictures."""
    from planet_vector.server.index.updating import default_index

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    archive = take_archive(tmp_path / "archive")
    folder = default_index(archive).parent
    digest = hashlib.sha256(os.fsencode(os.path.realpath(archive))).hexdigest()[:20]
    put_index(archive, folder / f"{digest}-3.sqlite")
    for name in (f"{digest}-3.sqlite-wal", f"{digest}-2.sqlite"):  # of a process that was killed; of one before
        (folder / name).touch()
    another = "0" * 20 + "-3.sqlite"  # of an archive that is not served now
    put_index(archive, folder / another)
    arguments = ["--port", "0", *options_of(tmp_path)] if command == "serve" else []
    with subprocess.Popen(
        [sys.executable, "-m", "planet_vector.cli", command, str(archive), *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            said = process.stdout.readline()
            if command == "serve":
                root = said.split()[-1]
                ids = [s["id"] for s in requests.get(root + "scenes/ortho/", auth=AUTH, timeout=30).json()["features"]]
                assert ids == IDS
                process.terminate()
            assert process.stderr.read() == ""
            process.stdout.read()
            assert process.wait(30) == 0
        finally:
            process.kill()
    assert re.search(r"\b9 scenes", said)
    left = {path.name for path in folder.iterdir()}
    assert {another, another.replace(".sqlite", ".pictures")} <= left, "what belongs to others stays"
    assert default_index(archive).name in left
    assert not [name for name in left if name.startswith(digest + "-")]
    assert tables(default_index(archive)) == tables(HERE / "index.sqlite")
    assert MTIME_NS == (archive / "bare.tif").stat().st_mtime_ns
