"""A full disk is told with the file it does not take, and leaves no file that is not whole."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Iterator

import pytest

from tests.conftest import Service
from tests.test_wrong_inputs import PRODUCT, SCENE, Run, sentence_of


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a disk of 64 kB, of which 4 are free."""
    folder = tmp_path / "full"
    folder.mkdir()
    mounted = sys.platform == "linux" and os.geteuid() == 0 and not subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True
    ).returncode  # fmt: skip
    if not mounted:
        pytest.skip("a small disk takes root, and leave to mount one")
    try:
        (folder / "filling").write_bytes(bytes(60 * 1024))
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize(
    ("command", "file"),
    [
        (f"download {SCENE} -o {{}}", f"{SCENE}_visual.tif"),
        (f"thumbnails {SCENE} --size lg -o {{}}", f"{SCENE}_lg.png"),
        ("map PLANET:ortho -o {}/map.html", "map.html"),
    ],
)
def test_a_full_disk_is_told_with_the_file(service: Service, run: Run, full: Path, command: str, file: str) -> None:
    done = run("planet-vector", *command.format(full).split(), env=service.environ)
    sentence = sentence_of(done, 1, service.key)
    assert f"{full / file} cannot be written ({os.strerror(errno.ENOSPC)}): make room on its disk" in sentence


@pytest.mark.parametrize("command", [f"crop {PRODUCT} --window 0 0 200 200 -o {{}}/x.tif", "stacks --crop {}"])
def test_a_full_disk_that_gdal_writes_to_is_told_and_leaves_no_file(
    service: Service, run: Run, full: Path, command: str
) -> None:
    if command.startswith("stacks"):
        (full / "filling").write_bytes(bytes(64 * 1024))  # the crops are small: all of a file is lost when it is closed
    done = run("planet-vector", *command.format(full).split(), env=service.environ)
    assert done.returncode == 1 and done.stdout == "" and "Traceback" not in done.stderr
    assert re.search(
        rf"^Error: {re.escape(str(full))}/\S+\.tif cannot be written \(No space left on device\): make room",
        done.stderr, re.MULTILINE,
    )  # fmt: skip
    assert [path.name for path in full.iterdir()] == ["filling"]


def test_output_that_a_full_disk_does_not_take_is_told(service: Service, full: Path) -> None:
    with open(full / "out.json", "w") as out:
        command = ["planet-vector", "search"]
        done = subprocess.run(command, env=service.environ, stdout=out, stderr=subprocess.PIPE, text=True)
    told = "The output cannot be written (No space left on device): make room on its disk"
    assert done.returncode == 1 and told in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_sync_and_connections_tell_of_a_full_disk(
    service: Service, run: Run, full: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (full / "filling").write_bytes(bytes(64 * 1024))
    done = run("planet-vector", "sync", str(full), "--limit", "1", env=service.environ)
    assert "make room on its disk" in sentence_of(done, 1) and "remove it" not in done.stderr
    environ = {**service.environ, "HOME": str(full)}
    done = run("planet-vector", "connections", "add", "x", "http://a.example/v0/", env=environ)
    assert "make room on its disk" in sentence_of(done, 1)


def test_a_read_only_disk_is_told(service: Service, run: Run, full: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(full)], check=True)
    done = run("planet-vector", "map", "PLANET:ortho", "-o", str(full / "map.html"), env=service.environ)
    told = f"{full / 'map.html'} cannot be written ({os.strerror(errno.EROFS)}): make its disk writable, or"
    assert told in sentence_of(done, 1, service.key)
    done = run("planet-vector", "sync", str(full), "--limit", "1", env=service.environ)
    assert "make it writable" in sentence_of(done, 1)
