"""Looking for changes while serving: nothing ends it, and ``/healthz`` tells how it went."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable, Dict

import pytest
import requests

from planet_vector.errors import ArchiveError
from planet_vector.server.index import rescans
from planet_vector.server.index.rescans import RescanState, rescan, scan_archive
from planet_vector.server.index.updating import Report

from .conftest import Running, Serve, feature, write_features, write_raster

KEY = "0123456789abcdef0123456789abcdef"


class Unforeseen(BaseException):
    """What no code that lists exceptions would list."""


RAISED = [
    ArchiveError("The archive cannot be read."),
    ValueError("of a\nfile"),
    MemoryError(),
    RecursionError("deep"),
    OverflowError("int too big to convert"),
    SystemExit(3),
    KeyboardInterrupt(),
    Unforeseen("panic"),
]


def test_nothing_that_is_raised_ends_rescans(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    stop, state, states = threading.Event(), RescanState(), []
    raised = [*RAISED, RAISED[0], RAISED[0], RAISED[0]]

    def update(*_: Any, **__: Any) -> Report:
        states.append(state.read())
        if not raised:
            stop.set()
            return Report(totals={"ortho": 3, "landsat": 4})
        raise raised.pop(0)

    monkeypatch.setattr(rescans, "update", update)
    loop = threading.Thread(target=rescan, args=(tmp_path, tmp_path, 0.001, state, stop), daemon=True)
    loop.start()
    loop.join(20)
    assert not loop.is_alive()
    lines = capsys.readouterr().err.splitlines()
    # A line each, and none for what was told just before.
    assert len(lines) == len(RAISED) + 1
    assert lines[0] == lines[-1] == "planet-vector: The archive cannot be read."
    assert lines[1] == "planet-vector: The archive could not be scanned (ValueError: of a file)."
    assert states[0] is None
    assert [f"planet-vector: {s['failed']}" for s in states[1 : len(RAISED) + 1]] == lines[:-1]
    end = state.read()
    assert end is not None
    assert (end["scenes"], end["problems"], end["failed"]) == (7, 0, None)


def test_what_was_found_before_is_told_after_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    state = RescanState()
    monkeypatch.setattr(rescans, "update", lambda *_, **__: Report(totals={"ortho": 2}))
    scan_archive(tmp_path, tmp_path, state)

    def fail(*_: Any, **__: Any) -> Report:
        raise ArchiveError(
            "\U0001f6f0\udcff" * 5000
        )  # the first takes twelve bytes in JSON, the second is of no encoding

    monkeypatch.setattr(rescans, "update", fail)
    with pytest.raises(ArchiveError):
        scan_archive(tmp_path, tmp_path, state)
    found = state.read()
    assert found is not None
    assert (found["scenes"], found["failed"][:2]) == (2, "\U0001f6f0\udcff")


def told(service: Running, until: Callable[[Dict[str, Any]], bool], **options: Any) -> Dict[str, Any]:
    """Return what ``/healthz`` tells of the last rescan, as soon as it is what is waited for."""
    end = time.monotonic() + 30
    while True:
        answer = requests.get(service.origin + "/healthz", timeout=30, **options).json()
        assert answer["status"] == "ok"
        if until(answer["rescan"]):
            return dict(answer["rescan"])
        assert time.monotonic() < end, answer
        time.sleep(0.05)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_health_tells_of_the_last_rescan(serve: Serve, tmp_path: Path, workers: str) -> None:
    archive, cache = tmp_path / "archive", tmp_path / "cache"
    cache.mkdir()
    write_features(archive / "list.json", [feature("S1"), feature("S2")])
    service = serve(archive, "--rescan", "0.2", "--workers", workers, cache=cache)
    first = told(service, lambda rescan: True)
    ended = datetime.fromisoformat(first["ended"].replace("Z", "+00:00"))
    assert abs((datetime.now(timezone.utc) - ended).total_seconds()) < 20
    assert first == {**first, "scenes": 2, "problems": 0, "failed": None}
    assert 0 <= first["seconds"] < 20
    (archive / "broken.tif").write_bytes(b"II*\0 and no more")
    write_features(archive / "more.json", [feature("S3")])
    told(service, lambda rescan: (rescan["scenes"], rescan["problems"], rescan["failed"]) == (3, 1, None))
    archive.rename(tmp_path / "away")
    failed = told(service, lambda rescan: rescan["failed"] is not None)
    assert str(archive) in failed["failed"]
    (tmp_path / "away").rename(archive)
    told(service, lambda rescan: rescan["failed"] is None)
    assert len(service.errors.splitlines()) == 1


def test_reasons_are_told_to_those_with_a_key(serve: Serve, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    write_raster(archive / "a_visual.tif", bands=3)
    service = serve(archive, "--rescan", "0.2", environment={"PLANET_SERVE_KEY": KEY})
    archive.rename(tmp_path / "away")
    failed = told(service, lambda rescan: rescan["failed"] is not None)
    assert set(failed) == {"ended", "seconds", "failed"}
    assert failed["failed"] == "The re-scan of the archive failed: give a key to see the reason."
    assert set(told(service, lambda rescan: True, auth=("wrong", ""))) == {"ended", "seconds", "failed"}
    known = told(service, lambda rescan: True, auth=(KEY, ""))
    assert str(archive) in known["failed"]
    assert known["scenes"] == 1
