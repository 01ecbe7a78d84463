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
from typing import Any, Dict, Optional

from planet_vector.errors import PlanetVectorError
from planet_vector.server.indexing import Report, update

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


def scan_archive(root: Path, index: Path, state: RescanState) -> Report:
    """Bring the index up to date, and note when that ended and what failed.

    Raises
    ------
    BaseException
        Whatever `planet_vector.server.indexing.update` raises.
    """
    start = time.monotonic()
    before = state.read() or {}
    found: Dict[str, Any] = {name: before.get(name) for name in ("scenes", "problems")}
    failed: Optional[str] = None
    try:
        report = update(root, index)
        found = {"scenes": sum(report.totals.values()), "problems": len(report.problems)}
        return report
    except BaseException as error:
        failed = _sentence(error)
        raise
    finally:
        ended = datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
        state.write({"ended": ended, "seconds": round(time.monotonic() - start, 3), **found, "failed": failed})


def rescan(root: Path, index: Path, seconds: float, state: RescanState, stop: threading.Event) -> None:
    """Bring the index up to date again and again, until `stop` is set. Nothing that is raised ends it.

    Parameters
    ----------
    root, index : Path
        The archive, and its index.
    seconds : float
        Time between two scans.
    state : RescanState
        Where it is noted how they went.
    stop : threading.Event
        What ends it.
    """
    pause, told = seconds, None
    while not stop.wait(pause):
        start, reading = time.monotonic(), 0.0
        try:
            reading = scan_archive(root, index, state).reading
            told = None
        except BaseException as error:  # the archive may be on a disk that is away for a while
            sentence = _sentence(error)
            if sentence != told:
                with suppress(OSError, ValueError):  # standard error may be closed
                    print(f"planet-vector: {sentence}", file=sys.stderr, flush=True)
            told = sentence
        # A large archive is not looked through all the time: at most a tenth of it, what has changed aside.
        pause = max(seconds, 9 * (time.monotonic() - start - reading))


def _sentence(error: BaseException) -> str:
    """Return what went wrong on one line."""
    text = " ".join(str(error).split())
    if isinstance(error, PlanetVectorError):
        return text
    return f"The archive could not be looked through ({type(error).__name__}{text and ': '}{text[:300]})."
