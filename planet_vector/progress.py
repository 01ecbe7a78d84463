"""Progress bars in terminals and notebooks, drawn by tqdm, which is imported when the first bar is shown."""

from __future__ import annotations

import functools
import os
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Callable, Dict, Optional, Protocol, Tuple, Union

Progress = Optional[Callable[[int, Optional[int]], None]]
"""Called with the number of items done, and the total (None if unknown)."""

FileProgress = Optional[Callable[[Path, int, Optional[int]], None]]
"""Called with a file, its bytes so far, and its size (None if unknown)."""


class _Bar(Protocol):
    n: int
    total: Optional[int]

    def update(self, n: int) -> Optional[bool]: ...
    def set_postfix_str(self, s: str, refresh: bool) -> None: ...
    def refresh(self) -> object: ...
    def clear(self) -> None: ...
    def close(self) -> None: ...


class CountBar:
    """Progress bar that is called with the number of items done and the total.

    Parameters
    ----------
    label : str
        Text before the bar.
    total : int, optional
        The total. If it is given, the bar is drawn at once, else with the first call.
    unit : str
        Unit of the items. Counts of ``B``, bytes, are written in kB, MB and GB.
    ends : bool
        Whether the bar closes itself when the total is reached.
    """

    def __init__(self, label: str, total: Optional[int] = None, unit: str = "", ends: bool = False) -> None:
        self._new = functools.partial(_new_bar, _written(label), unit)
        self._ends = ends
        self._bar = None if total is None else self._new(total)

    def __call__(self, done: int, total: Optional[int]) -> None:
        """Show the progress.

        Parameters
        ----------
        done : int
            Number of items done.
        total : int or None
            The total; None if unknown.
        """
        if self._bar is None:
            self._bar = self._new(total)
        self._bar.total = total
        self._bar.update(done - self._bar.n)
        if self._ends and done == total:
            self._bar.close()

    def close(self) -> None:
        """Close the bar; it remains visible."""
        if self._bar is not None:
            self._bar.close()


class FileBar:
    """Progress bar of several files: their bytes, the number of complete files, and the share of each incomplete one.

    It may be called from several threads, and is erased when closed.

    Parameters
    ----------
    files : int, optional
        The number of files; with it, the time that is left is estimated from the complete files.
    """

    def __init__(self, files: Optional[int] = None) -> None:
        self._files = files
        self._begun = time.monotonic()
        self._under_way: Dict[Path, Tuple[int, Optional[int]]] = {}
        self._complete: Dict[Path, int] = {}  # with their sizes in bytes
        self._lock = threading.Lock()
        self._bar: Optional[_Bar] = None

    def __call__(self, path: Path, done: int, total: Optional[int]) -> None:
        """Show the progress of a file.

        Parameters
        ----------
        path : Path
            The file.
        done : int
            Its bytes so far.
        total : int or None
            Its size in bytes; None if unknown.
        """
        with self._lock:
            if done == total:
                self._under_way.pop(path, None)
                self._complete[path] = done
            else:
                self._under_way[path] = (done, total)
            first = self._bar is None
            if self._bar is None:
                self._bar = _new_bar("", "B", None, leave=False)
            files = [self._count(), *(_share(path, *each) for path, each in self._under_way.items())]
            self._bar.set_postfix_str(_written(", ".join(files)), refresh=False)
            there = sum(self._complete.values()) + sum(done for done, _ in self._under_way.values())
            self._bar.update(there - self._bar.n)
            if first:
                self._bar.refresh()

    def _count(self) -> str:
        """Return the number of complete files, and with their total the time that is left."""
        complete = len(self._complete)
        if self._files is None:
            return f"{complete} files"
        shares = sum(done / total for done, total in self._under_way.values() if total)
        left = self._files - complete - shares
        if not complete or left <= 0:
            return f"{complete} of {self._files} files"
        seconds = round((time.monotonic() - self._begun) * left / (complete + shares))
        return f"{complete} of {self._files} files, {timedelta(seconds=seconds)} left"

    def clear(self) -> None:
        """Erase the bar before other output; the next call draws it again."""
        with self._lock:
            if self._bar is not None:
                self._bar.clear()

    def close(self) -> None:
        """Close and erase the bar."""
        with self._lock:
            if self._bar is not None:
                self._bar.close()


def bar_for(progress: Union[bool, Progress], label: str, unit: str = "") -> Progress:
    """Return the callback for an argument ``progress``: a new bar for True, None for False.

    Parameters
    ----------
    progress : bool or Progress
        True, False, or a callback, which is returned.
    label : str
        Text before the bar.
    unit : str, optional
        Unit of the items.
    """
    return CountBar(label, unit=unit, ends=True) if progress is True else progress or None


def _share(path: Path, done: int, total: Optional[int]) -> str:
    return f"{path.name} {100 * done // total} %" if total else f"{path.name} {done / 1e6:,.1f} MB"


def _written(text: str) -> str:
    """Return a text with the characters escaped that the encoding of stderr lacks."""
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _new_bar(label: str, unit: str, total: Optional[int], leave: bool = True) -> _Bar:
    sized = {"ncols": 80, "nrows": 24} if _has_no_size() else {"dynamic_ncols": True}
    return _bars()(
        desc=label,
        total=total,
        unit=unit,
        unit_scale=unit == "B",
        leave=leave,
        file=sys.stderr,
        **sized,
    )


def _has_no_size() -> bool:
    """Return whether stderr is a terminal of unknown size, on which tqdm would draw nothing."""
    try:
        return 0 in os.get_terminal_size(sys.stderr.fileno())
    except (OSError, ValueError, AttributeError):  # a file, or a notebook's replacement of stderr
        return False


@functools.cache
def _bars() -> Callable[..., _Bar]:
    """Return tqdm's class of bars for the terminal, or for the notebook."""
    from tqdm.auto import tqdm

    # No monitor thread. tqdm's own lock spans processes: it needs a semaphore and, from Python 3.14 on, a process that
    # removes it.
    bars: Callable[..., _Bar] = type("Bar", (tqdm,), {"monitor_interval": 0, "_lock": threading.RLock()})
    return bars
