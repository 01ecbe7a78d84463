"""Rescan the archive while it is served, and report the state of the last rescan."""

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
"""Seconds after which a watched archive is rescanned even if no change was reported."""

_TICK = 0.25  # seconds between two checks for reported changes
_SIZE = 8192  # bytes of one state
_MAX_SENTENCE = 500  # characters, each of up to twelve bytes in JSON


class RescanState:
    """State of the last rescan in shared memory, written by the first process of a service and read by all.

    Two buffers are written in turn, so no process waits for a lock whose holder may have been killed.
    """

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._places: Any = context.RawArray(ctypes.c_char, 2 * _SIZE)
        self._current: Any = context.RawValue(ctypes.c_int, 0)

    def write(self, state: Dict[str, Any]) -> None:
        """Store a state; only one process may call this, from one thread at a time.

        Parameters
        ----------
        state : dict of str to object
            JSON values; ``failed`` is truncated to a fixed length.
        """
        failed = state.get("failed")
        text = json.dumps({**state, "failed": failed and failed[:_MAX_SENTENCE]}).encode()
        place = 1 - self._current.value
        self._places[place * _SIZE : place * _SIZE + len(text) + 1] = text + b"\0"
        self._current.value = place

    def read(self) -> Optional[Dict[str, Any]]:
        """Return the state, or None before the first rescan."""
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
    rules: Optional[Path] = None,
) -> Report:
    """Update the index, and record when that ended and whether it failed.

    Parameters
    ----------
    root, index : Path
        The archive, and its index.
    state : RescanState
        Receives the outcome.
    watched : bool
        Whether the archive is watched, so that the next scan may be far off; recorded in the state.
    tell, stop, allow_empty, rules
        As for `planet_vector.server.index.updating.update`.

    Returns
    -------
    Report
        The result of the update.

    Raises
    ------
    BaseException
        Any exception of `planet_vector.server.index.updating.update`.
    """
    start = time.monotonic()
    before = state.read() or {}
    found: Dict[str, Any] = {name: before.get(name) for name in ("scenes", "problems")}
    failed: Optional[str] = None
    try:
        report = update(
            root,
            index,
            program="planet-vector serve",
            tell=tell,
            stop=stop,
            allow_empty=allow_empty,
            rules=rules,
        )
        found = {"scenes": sum(report.totals.values()), "problems": len(report.problems)}
        return report
    except BaseException as error:
        failed = None if isinstance(error, Stopped) else _sentence(error)
        raise
    finally:
        ended = datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
        seconds = round(time.monotonic() - start, 3)
        state.write({"ended": ended, "seconds": seconds, **found, "watched": watched, "failed": failed})


def rescan(
    root: Path,
    index: Path,
    seconds: float,
    state: RescanState,
    stop: threading.Event,
    rules: Optional[Path] = None,
) -> None:
    """Update the index repeatedly, until `stop` is set. Exceptions do not end the loop.

    A watched archive is rescanned when a change is reported, and otherwise every `RARELY` seconds.

    Parameters
    ----------
    root, index : Path
        The archive, and its index.
    seconds : float
        Time between two scans of an archive that is not watched.
    state : RescanState
        Receives the outcome of each scan.
    stop : threading.Event
        Ends the loop.
    rules : Path, optional
        As for `planet_vector.server.index.updating.update`.
    """
    watching, unwatched, failures = Watching(root, index), _Telling(), _Telling()

    def watch() -> None:
        try:
            watching.renew()
            unwatched.over()
        except NotWatchable:
            pass
        except BaseException as error:
            unwatched.tell(f"The archive is scanned every {seconds:g} s, as it is not watched: {error}.")

    try:
        watch()
        pause = 0.0 if watching.trusted else seconds  # there may have been changes before the watch began
        while not stop.wait(pause):
            start, failed = time.monotonic(), False
            watch()  # before the scan, which may miss changes made while it runs
            looking = time.monotonic() - start
            try:
                looking += scan_archive(root, index, state, watching.trusted, stop=stop, rules=rules).looking
                failures.over()
            except Stopped:
                return
            except BaseException as error:  # the archive's disk may be temporarily unavailable
                failed = True
                failures.tell(_sentence(error))
            kept = _identity(index)
            # Scanning a large archive takes at most a tenth of the time. Waiting for another process, and reading what
            # has changed, do not count. Repeated failures take at most half of the time.
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
    """Wait until a rescan of the archive is due, or `stop` is set."""
    now = time.monotonic()
    end, look = now + max(RARELY, seconds), now + seconds
    while not (stop.wait(min(_TICK, seconds)) or watching.is_due(seconds) or now >= end):
        now = time.monotonic()
        if now >= look:
            look = now + seconds
            if _identity(index) != kept or not is_trusted(index) or watching.has_moved():
                return


def _identity(file: Path) -> Optional[Tuple[int, int]]:
    """Return device and inode of a file, which change if it is replaced; None if there is none."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


class _Telling:
    """Failure messages on standard error; a message is not repeated while it stays the same."""

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
    """Return an error message on one line."""
    text = " ".join(str(error).split())
    if isinstance(error, PlanetVectorError):
        return text
    return f"The archive could not be scanned ({type(error).__name__}{text and ': '}{text[:300]})."
