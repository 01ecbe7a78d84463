"""Pictures while their cache cannot be written: on a disk that is full, that is read only, and on none at all."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Iterator, List

import numpy as np
import pytest
import rasterio
from PIL import Image

from planet_vector.server.http_errors import HttpError
from planet_vector.server.imagery.kept_pictures import Imagery
from planet_vector.server.imagery.picture_cache import PictureCache

from .conftest import write_raster

DISK = 2 * 2**20
"""Bytes of the small disk: it has room for some of the pictures, and not for all."""

SCENES = 3
SIZES = ("lg", "md")


def mounted(folder: Path, *options: str) -> bool:
    """Return whether a small disk could be mounted: that takes Linux and a root that may."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    command = ["mount", "-t", "tmpfs", "-o", ",".join((f"size={DISK}", *options)), "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True).returncode == 0


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder on a disk of `DISK` bytes, or one that the cache sees as such."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    if mounted(folder):
        yield folder
        subprocess.run(["umount", str(folder)], check=True)
        return
    write = PictureCache._write

    def full(self: PictureCache, path: Path, content: bytes) -> None:
        if sum(file.stat().st_size for file in folder.glob("*/*")) + len(content) > DISK:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, path, content)

    monkeypatch.setattr(PictureCache, "_write", full)
    yield folder


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    for number in range(SCENES):  # noise: a survey of it is as large as its pixels
        write_raster(folder / f"s{number}_visual.tif", bands=3, size=1100, left=500_000 + 100 * number)
    return folder


@contextlib.contextmanager
def imagery(archive: Path, cache: Path) -> Iterator[Imagery]:
    made = Imagery(archive, cache)
    try:
        yield made
    finally:
        made.close()


def denied(*_: Any, **__: Any) -> None:
    raise OSError(errno.EROFS, "Read-only file system")


def thumbnails(pictures: Imagery) -> List[bytes]:
    return [
        pictures.thumbnail({"visual": f"s{number}_visual.tif"}, size, "png", False).make()
        for number in range(SCENES)
        for size in SIZES
    ]


@pytest.fixture(scope="module")
def expected(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> List[bytes]:
    """Return the pictures as a service with a large disk makes them."""
    with imagery(archive, tmp_path_factory.mktemp("large")) as pictures:
        return thumbnails(pictures)


def test_a_full_disk_makes_room_for_the_newest(archive: Path, small_disk: Path, expected: List[bytes]) -> None:
    assert sum(map(len, expected)) > DISK
    with imagery(archive, small_disk) as pictures:
        for _ in range(2):
            assert thumbnails(pictures) == expected
        newest = pictures.thumbnail({"visual": f"s{SCENES - 1}_visual.tif"}, SIZES[-1], "png", False)
        assert newest.kept() == expected[-1]
    kept = [file for file in small_disk.glob("*/*") if file.is_file()]
    assert kept and not [file for file in kept if file.suffix == ".part"]
    assert sum(file.stat().st_size for file in kept) <= DISK
    for file in kept:  # nothing is there in half
        content = file.read_bytes()
        if content[:4] == b"\x89PNG":
            Image.open(io.BytesIO(content)).load()
        else:
            np.load(io.BytesIO(content))["levels"]


def test_a_picture_larger_than_the_disk_is_given(archive: Path, small_disk: Path, expected: List[bytes]) -> None:
    for number in range(DISK // 4096 - 8):  # by others, which the cache leaves alone
        (small_disk / f"other{number}").write_bytes(bytes(4096))
    cache = PictureCache(small_disk)
    with pytest.raises(OSError, match="No space left"):
        cache.write("a" * 64, bytes(DISK))
    assert not [file for file in small_disk.glob("*/*") if file.is_file()]


@pytest.mark.parametrize("kind", ["file", "read only"])
def test_without_a_cache_each_picture_is_made_when_it_is_asked_for(
    archive: Path, tmp_path: Path, expected: List[bytes], kind: str, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    folder = tmp_path / "pictures"
    if kind == "file":  # no folder can be made there
        folder.write_text("")
    else:
        folder.mkdir()
        with imagery(archive, folder) as pictures:
            assert pictures.thumbnail({"visual": "s0_visual.tif"}, "lg", "png", False).make() == expected[0]
        if not mounted(folder, "ro"):
            monkeypatch.setattr(PictureCache, "_write", denied)
    try:
        with imagery(archive, folder) as pictures:
            assert thumbnails(pictures)[:2] == expected[:2]
            scene = {"visual": "s0_visual.tif"}
            together = pictures.thumbnail(scene, "lg", "png", False)
            with ThreadPoolExecutor(4) as pool:
                assert {task.result() for task in [pool.submit(together.make) for _ in range(4)]} == {expected[0]}
            with pytest.raises(HttpError, match="There is nothing on this tile"):
                pictures.tile([scene], 10, 0, 0).make()
            # 15° east, 45.15° north, as UTM 33 has it at 500 000, 5 000 000.
            mosaic = pictures.mosaic_tile([(scene, (1_669_000, 5_640_000, 1_686_000, 5_655_000))], 6, 34, 22)
            seen = np.asarray(Image.open(io.BytesIO(mosaic.make())))
            assert seen[..., 3].max() == 255
            quad = pictures.quad([scene], (1_660_000, 5_630_000, 1_690_000, 5_660_000), 512).make_file()
            assert isinstance(quad, bytes)
            with rasterio.MemoryFile(quad) as memory, memory.open() as raster:
                assert raster.read(4).any()
    finally:
        if kind == "read only":
            subprocess.run(["umount", str(folder)], capture_output=True)
    told = capfd.readouterr().err
    assert told.count("cannot be written") == 1 and str(folder) in told


def test_a_kept_picture_is_given_from_a_disk_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = PictureCache(tmp_path)
    cache.write("a" * 64, b"a picture")
    monkeypatch.setattr(os, "utime", denied)
    assert cache.read("a" * 64) == b"a picture"
    assert cache.find("a" * 64) == cache.path("a" * 64)


def test_a_name_without_its_bytes_is_no_picture(tmp_path: Path) -> None:
    cache = PictureCache(tmp_path)
    cache.write("b" * 64, b"")
    assert cache.read("b" * 64) is None
    assert cache.find("b" * 64) is None
