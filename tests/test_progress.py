"""Progress bars: what is shown, and what is left behind."""

from __future__ import annotations

import io
import multiprocessing
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import List

import pytest

import planet_vector
from planet_vector.progress import CountBar, FileBar, bar_for

from .conftest import Service


def lines(capsys: pytest.CaptureFixture[str]) -> List[str]:
    """Return what stood on the line since the last call, one state after another."""
    return [line.strip() for line in re.split("[\r\n]", capsys.readouterr().err) if line.strip()]


def test_a_bar_says_how_much_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    bar = CountBar("Reading", 1)
    assert lines(capsys)[-1].startswith("Reading:   0%")
    bar(3, 12)
    bar(12, 12)
    bar.close()
    bar.close()
    assert re.match(r"Reading: 100%.* 12/12", lines(capsys)[-1])
    bar = CountBar("a.tif", unit="B", ends=True)
    assert lines(capsys) == []
    bar(1_500_000, None)
    bar(3_000_000, 3_000_000)
    assert re.match(r"a.tif: 100%.*3.00M/3.00M", lines(capsys)[-1])


def test_a_file_of_unknown_length_is_complete_once_it_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    shown = FileBar()
    path = Path("a.tif")
    shown(path, 1_000_000, None)
    shown.clear()
    shown(path, 2_000_000, 2_000_000)
    shown(path, 2_000_000, 2_000_000)  # as said by who fetched it, and by who asked for it
    shown(Path("b.tif"), 500_000, 1_000_000)
    shown.clear()
    shown.close()
    assert shown._bar is not None and shown._bar.n == 2_500_000
    assert capsys.readouterr().err.endswith("\r")


def test_several_threads_count_each_byte_once() -> None:
    shown = FileBar()

    def fetch(number: int) -> None:
        for done in range(100, 1001, 100):
            shown(Path(f"{number}.tif"), done, 1000)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(fetch, range(50)))
    shown.close()
    assert shown._bar is not None and shown._bar.n == 50_000


def test_what_the_encoding_lacks_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stderr", out)
    shown = FileBar()
    shown(Path("dü\udcff.tif"), 10, 100)
    shown.close()
    bar = CountBar("km²", 3)
    bar.close()
    out.flush()
    assert b"d\\xfc\\udcff.tif 10 %" in out.buffer.getvalue() and b"km\\xb2:" in out.buffer.getvalue()  # type: ignore[attr-defined]


def test_no_thread_and_no_process_is_left() -> None:
    before = threading.enumerate()
    CountBar("x", 3)(3, 3)
    assert threading.enumerate() == before and not multiprocessing.active_children()
    code = "import sys, planet_vector.cli.download, planet_vector.rasters; print('tqdm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_downloads_show_a_bar_where_one_is_asked_for(
    connected: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    search = "PLANET:ortho?limit=1"
    (path,) = planet_vector.download(search, tmp_path, progress=True)
    said = lines(capsys)
    assert "files" in said[-1] and path.exists()
    assert planet_vector.download(search, tmp_path / "quiet", progress=False) and lines(capsys) == []
    planet_vector.sync(search, tmp_path / "synced", progress=True)
    assert "files" in lines(capsys)[-1]
    planet_vector.crop_stack(list(planet_vector.search(search)), tmp_path / "crops", progress=True)
    assert re.match("1 scenes: 100%", lines(capsys)[-1])
    pytest.importorskip("xstatic.pkg.leaflet")
    planet_vector.write_map(search, tmp_path / "map.html", progress=True)
    assert re.match("Thumbnails: 100%", lines(capsys)[-1])


def test_an_argument_is_a_bar_a_callable_or_nothing() -> None:
    told: List[object] = []
    assert bar_for(False, "x") is None and bar_for(None, "x") is None
    call = bar_for(lambda *done: told.append(done), "x")
    assert call is not None
    call(1, 2)
    assert told == [(1, 2)] and isinstance(bar_for(True, "x"), CountBar)


def test_files_of_a_known_number_are_counted_with_the_time_that_is_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr("planet_vector.progress.time.monotonic", lambda: clock[0])
    shown = FileBar(4)
    shown(Path("a.tif"), 500, 1000)
    assert "0 of 4 files, a.tif 50 %" in lines(capsys)[-1]
    clock[0] = 160.0
    shown(Path("a.tif"), 1000, 1000)
    shown(Path("b.tif"), 500, 1000)
    shown.clear()
    assert shown._count() == "1 of 4 files, 0:01:40 left"  # 1.5 files took a minute
    for name in ("b.tif", "c.tif", "d.tif"):
        shown(Path(name), 1000, 1000)
    assert shown._count() == "4 of 4 files"
    shown.close()


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal as POSIX has it")
@pytest.mark.parametrize("quiet", [False, True])
def test_a_search_into_a_file_shows_how_far_it_is_unless_it_is_to_be_quiet(
    service: Service, tmp_path: Path, quiet: bool
) -> None:
    import os
    import pty

    terminal, other = pty.openpty()
    command = [sys.executable, "-m", "planet_vector.cli", "search", *(["-q"] if quiet else [])]
    with open(tmp_path / "scenes.json", "wb") as out:
        subprocess.run(command, stdout=out, stderr=other, env=service.environ, check=True, timeout=120)
    os.close(other)
    try:
        told = os.read(terminal, 10_000)
    except OSError:  # nothing was written
        told = b""
    os.close(terminal)
    count = len((tmp_path / "scenes.json").read_text().splitlines())
    assert (b"Scenes: 100%" in told and f"{count}/{count}".encode() in told) == (not quiet)
    assert not quiet or told == b""
