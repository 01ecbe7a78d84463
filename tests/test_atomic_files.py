"""Atomic writes: several writers of one file, and writers that fail."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from planet_vector.atomic_files import complete, new_file, write_whole
from planet_vector.errors import ConfigError
from planet_vector.private_files import remove_oldest


def test_two_threads_write_one_file_whole(tmp_path: Path) -> None:
    """Each to a name of its own: with one for the process, one would rename or remove what the other writes."""
    path, both = tmp_path / "a.tif", threading.Barrier(2)
    failed = []

    def write(content: bytes) -> None:
        try:
            with complete(path) as temporary:
                temporary.write_bytes(content[: len(content) // 2])
                both.wait(10)
                with open(temporary, "ab") as file:
                    file.write(content[len(content) // 2 :])
                both.wait(10)
        except BaseException as error:
            failed.append(error)

    contents = [b"a" * 1000, b"b" * 2000]
    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed and path.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_not_complete_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_whole(path, b"before")
    with pytest.raises(RuntimeError), complete(path) as temporary:
        temporary.write_bytes(b"half")
        raise RuntimeError
    assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
def test_what_a_killed_writer_left_goes_with_the_next_write(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from planet_vector import atomic_files\n"
        "atomic_files.os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "atomic_files.write_whole(Path(sys.argv[1]), b'new')\n"
    )
    path = tmp_path / "sync.json"
    done = subprocess.run([sys.executable, "-c", program, str(path)], timeout=60)
    assert done.returncode == -signal.SIGKILL and len(list(tmp_path.iterdir())) == 1
    write_whole(path, b"newer")
    assert path.read_bytes() == b"newer" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("ends", ["is moved", "stays", "raises"])
def test_a_new_file_goes_if_it_was_not_moved(tmp_path: Path, ends: str) -> None:
    path = tmp_path / "a"
    path.symlink_to(tmp_path / "elsewhere")  # another user's, who may guess names
    try:
        with new_file(path, "b-", ".part") as part:
            assert part.parent == tmp_path and part.name.startswith("b-") and part.suffix == ".part"
            assert part.stat().st_size == 0 and (sys.platform == "win32" or part.stat().st_mode & 0o777 == 0o600)
            part.write_bytes(b"whole")
            if ends == "raises":
                raise RuntimeError
            if ends == "is moved":
                os.replace(part, path)
    except RuntimeError:
        assert ends == "raises"
    assert list(tmp_path.iterdir()) == [path]
    assert path.is_symlink() == (ends != "is moved") and (ends != "is moved" or path.read_bytes() == b"whole")


def test_the_oldest_go_but_not_those_of_the_last_day(tmp_path: Path) -> None:
    for days in range(6):
        path = tmp_path / f"{days}.vrt"
        path.touch()
        os.utime(path, times=(time.time() - days * 86400 - 60,) * 2)
    (tmp_path / "9.txt").touch()
    remove_oldest(tmp_path, "*.vrt", 3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.vrt", "1.vrt", "2.vrt", "9.txt"]
    remove_oldest(tmp_path, "*.vrt", 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.vrt", "9.txt"]


@pytest.mark.parametrize("name", [".", "", "folder", "folder/..", "/"])
def test_a_directory_is_not_a_file_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    with pytest.raises(ConfigError, match="it is a directory"), complete(Path(name)):
        raise AssertionError("the content is made")
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "folder"]
