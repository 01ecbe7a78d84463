"""Files that go, fail or change while they are read: nothing of them is lost for good."""

from __future__ import annotations

import errno
import json
import os
import pathlib
from contextlib import closing
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest

from planet_vector.server.archive.inventory import scan
from planet_vector.server.index import entries, updating
from planet_vector.server.index.database import Index
from planet_vector.server.sample.synthetic import write_scenes

from .conftest import feature, write_features, write_raster


def names(place: Path) -> List[str]:
    with closing(Index(place)) as index, index._look_ups.read() as db:
        return [name for (name,) in db.execute("SELECT id FROM scene ORDER BY id")]


@pytest.mark.parametrize("known", [False, True])
def test_a_folder_that_is_away_while_it_is_read_is_served_when_it_is_back(tmp_path: Path, known: bool) -> None:
    archive, place = tmp_path / "a", tmp_path / "i.sqlite"
    for number in range(40):
        write_raster(archive / "sub" / f"r{number:02d}.tif", size=8)
        write_features(archive / "sub" / f"s{number:02d}.json", [feature(f"S{number:02d}")])
    if known:
        updating.update(archive, place)
        for file in (archive / "sub").iterdir():
            os.utime(file, ns=(10**18, 10**18))

    def progress(done: int, total: int) -> None:
        if done == 1:
            (archive / "sub").rename(tmp_path / "away")

    report = updating.update(archive, place, progress)
    assert report.problems
    assert (len(names(place)) == 80) == known
    (tmp_path / "away").rename(archive / "sub")
    report = updating.update(archive, place)
    assert (report.totals, report.problems) == ({"ortho": 80}, [])
    assert updating.update(archive, place).read == 0


class Failing:
    """A file of which only the beginning can be read."""

    def __init__(self, file: Any) -> None:
        with file:
            self._lines = iter(file.readlines()[:2])

    def __enter__(self) -> Failing:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __iter__(self) -> Iterator[bytes]:
        yield from self._lines
        self.read()

    def read(self, size: int = -1) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def opened(monkeypatch: pytest.MonkeyPatch, name: str, change: Callable[[Any], Any]) -> None:
    """Let a file of an archive be another when it is opened."""
    real = pathlib.Path.open

    def open_(self: Path, *args: Any, **options: Any) -> Any:
        return change(lambda: real(self, *args, **options)) if self.name == name else real(self, *args, **options)

    monkeypatch.setattr(pathlib.Path, "open", open_)


@pytest.mark.parametrize("name", ["s.json", "s.geojsonl", "long.geojsonl", "S_metadata.json"])
def test_a_file_that_fails_midway_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    archive, place = tmp_path / "a", tmp_path / "i.sqlite"
    archive.mkdir()
    if name.endswith("l"):
        write_scenes(archive / name, 50)
    else:
        write_features(archive / name, [feature("S")])
        if name == "S_metadata.json":
            (archive / name).write_text(json.dumps(feature("S")))
            write_raster(archive / "S_visual.tif", bands=3)
    if name == "long.geojsonl":
        monkeypatch.setattr(entries, "LONG", 0)

    def read_here(root: Path, units: List[Any]) -> Any:
        for unit in units:
            yield (unit, *entries._read_unit(root, unit))

    if name == "S_metadata.json":  # not in another process, where nothing is changed
        monkeypatch.setattr(updating, "read_all", read_here)
    updating.update(archive, place)
    expected = names(place)
    os.utime(archive / name, ns=(10**18, 10**18))
    with monkeypatch.context() as patch:
        opened(patch, name, lambda get: Failing(get()))
        report = updating.update(archive, place)
        told = f"cannot be read ({os.strerror(errno.EIO)}); it is read again at the next scan of the archive"
        assert [(problem.path, problem.text) for problem in report.problems] == [(name, told)]
        assert names(place) == expected
        with closing(Index(place)) as index:
            state = index.state()
            for _ in range(2):  # which changes nothing more for those who ask
                updating.update(archive, place)
            assert name.endswith("l") or index.state() == state
    report = updating.update(archive, place)
    assert (report.read, report.problems, names(place)) == (1, [], expected)


def test_a_raster_of_a_failing_disk_is_no_broken_raster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "r.tif").write_bytes(b"II*\0 and no more")
    (unit,) = scan(tmp_path)[0].values()
    assert [problem.unread for problem in entries._read_unit(tmp_path, unit)[1]] == [False]
    opened(monkeypatch, "r.tif", lambda get: Failing(get()))
    assert [problem.unread for problem in entries._read_unit(tmp_path, unit)[1]] == [True]


def test_another_file_in_the_place_of_one_that_is_read_is_not_taken_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, place = tmp_path / "a", tmp_path / "i.sqlite"
    write_features(archive / "sub" / "s.json", [feature("RIGHT")])
    write_features(tmp_path / "other" / "s.json", [feature("WRONG")])

    def swap() -> None:
        (archive / "sub").rename(tmp_path / "swapped")
        (tmp_path / "other").rename(archive / "sub")
        (tmp_path / "swapped").rename(tmp_path / "other")

    openings = []

    def swapped(get: Callable[[], Any]) -> Any:
        openings.append(get)
        if len(openings) == 2:  # the first is that of the scan, which looks for STAC items
            swap()
        return get()

    with monkeypatch.context() as patch:
        opened(patch, "s.json", swapped)
        report = updating.update(archive, place)
    assert [(p.path, p.text.partition(";")[0]) for p in report.problems] == [
        ("sub/s.json", "was changed while it was read")
    ]
    swap()  # whose files are as they were: a folder's name is not in their times
    updating.update(archive, place)
    assert names(place) == ["RIGHT"]
