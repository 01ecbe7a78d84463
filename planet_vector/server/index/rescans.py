"""Look for changes in the archive while it is served, and tell how that went."""

from __future__ import annotations

import ctypes
import json
import multiprocessing
import sys
import threading
import time
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable, Dict, Optional, Tuple

from planet_vector.errors import PlanetVectorError
from planet_vector.server.archive.watching import NotWatchable, Watching
from planet_vector.server.index.trust import is_trusted
from planet_vector.server.index.updating import Report, update
from planet_vector.server.index.writing_lock import Stopped

RARELY = 600.0
"""Seconds after which an archive that is watched is looked through all the same."""

_TICK = 0.25  # seconds between two looks whether something was told
_SIZE = 8192  # bytes of one state
_MAX_SENTENCE = 500  # characters, each of up to twelve bytes in JSON


class RescanState:
    """State of the last rescan, written by the first process of a service and read by all.

    There are two places for it, written in turn, so no process waits for another that may have been killed.
    """

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._places: Any = context.RawArray(ctypes.c_char, 2 * _SIZE)
        self._current: Any = context.RawValue(ctypes.c_int, 0)

    def write(self, state: Dict[str, Any]) -> None:
        """Store a state; one process does this, one thread at a time."""
        failed = state.get("failed")
        text = json.dumps({**state, "failed": failed and failed[:_MAX_SENTENCE]}).encode()
        place = 1 - self._current.value
        self._places[place * _SIZE : place * _SIZE + len(text) + 1] = text + b"\0"
        self._current.value = place

    def read(self) -> Optional[Dict[str, Any]]:
        """Return the state; None before the first."""
        place = self._current.value
        text: bytes = self._places[place * _SIZE : (place + 1) * _SIZE].partition(b"\0")[0]
        found: Optional[Dict[str, Any]] = json.loads(text) if text else None
        return found


def scan_archive(
    root: Path,
    index: Path,
    state: RescanState,
    watched: bool = False,
    *,
    tell: Optional[Callable[[str], None]] = None,
    stop: Optional[threading.Event] = None,
    allow_empty: bool = False,
) -> Report:
    """Bring the index up to date, and note when that ended and what failed.

    Parameters
    ----------
    root, index : Path
        The archive, and its index.
    state : RescanState
        Where it is noted.
    watched : bool
        Whether the archive is watched, so that it may be long until the next scan.
    tell, stop, allow_empty
        As for `planet_vector.server.index.updating.update`.

    Raises
    ------
    BaseException
        Whatever `planet_vector.server.index.updating.update` raises.
    """
    start = time.monotonic()
    before = state.read() or {}
    found: Dict[str, Any] = {name: before.get(name) for name in ("scenes", "problems")}
    failed: Optional[str] = None
    try:
        report = update(root, index, program="planet-vector serve", tell=tell, stop=stop, allow_empty=allow_empty)
        found = {"scenes": sum(report.totals.values()), "problems": len(report.problems)}
        return report
    except BaseException as error:
        failed = None if isinstance(error, Stopped) else _sentence(error)
        raise
    finally:
        ended = datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
        seconds = round(time.monotonic() - start, 3)
        state.write({"ended": ended, "seconds": seconds, **found, "watched": watched, "failed": failed})


def rescan(root: Path, index: Path, seconds: float, state: RescanState, stop: threading.Event) -> None:
    """Bring the index up to date again and again, until `stop` is set. Nothing that is raised ends it.

    An archive that can be watched is looked through when something has changed, and else rarely.

    Parameters
    ----------
    root, index : Path
        The archive, and its index.
    seconds : float
        Time between two scans of an archive that is not watched.
    state : RescanState
        Where it is noted how they went.
    stop : threading.Event
        What ends it.
    """
    watching, unwatched, failures = Watching(root, index), _Telling(), _Telling()

    def watch() -> None:
        try:
            watching.renew()
            unwatched.over()
        except NotWatchable:
            pass
        except BaseException as error:
            unwatched.tell(f"The archive is looked through every {seconds:g} s, as it is not watched: {error}.")

    try:
        watch()
        pause = 0.0 if watching.trusted else seconds  # something may have changed before
        while not stop.wait(pause):
            start, failed = time.monotonic(), False
            watch()  # before the scan, which sees what changes while it goes on, or does not
            looking = time.monotonic() - start
            try:
                looking += scan_archive(root, index, state, watching.trusted, stop=stop).looking
                failures.over()
            except Stopped:
                return
            except BaseException as error:  # the archive may be on a disk that is away for a while
                failed = True
                failures.tell(_sentence(error))
            kept = _identity(index)
            # A large archive is not looked through all the time: at most a tenth of it. Waiting for another process,
            # and what has changed, do not count; but what fails again and again takes half of the time at most.
            pause = min(time.monotonic() - start, RARELY) if failed else 9 * looking
            if failed or not watching.trusted:
                pause = max(seconds, pause)
            elif not stop.wait(pause):
                _wait_for_change(watching, index, kept, seconds, stop)
                pause = 0.0
    finally:
        watching.close()


def _wait_for_change(
    watching: Watching, index: Path, kept: Optional[Tuple[int, int]], seconds: float, stop: threading.Event
) -> None:
    """Wait until the archive is to be looked through, or `stop` is set."""
    now = time.monotonic()
    end, look = now + max(RARELY, seconds), now + seconds
    while not (stop.wait(min(_TICK, seconds)) or watching.is_due(seconds) or now >= end):
        now = time.monotonic()
        if now >= look:
            look = now + seconds
            if _identity(index) != kept or not is_trusted(index) or watching.has_moved():
                return


def _identity(file: Path) -> Optional[Tuple[int, int]]:
    """Return what tells a file from another in its place; None when there is none."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


class _Telling:
    """Messages on standard error about what goes wrong, each once as long as it stays the same."""

    def __init__(self) -> None:
        self._told: Optional[str] = None

    def tell(self, sentence: str) -> None:
        if sentence != self._told:
            with suppress(OSError, ValueError):  # standard error may be closed
                print(f"planet-vector: {sentence}", file=sys.stderr, flush=True)
        self._told = sentence

    def over(self) -> None:
        self._told = None


def _sentence(error: BaseException) -> str:
    """Return what went wrong on one line."""
    text = " ".join(str(error).split())
    if isinstance(error, PlanetVectorError):
        return text
    return f"The archive could not be looked through ({type(error).__name__}{text and ': '}{text[:300]})."
