"""Progress bars in terminals and notebooks, drawn by tqdm, which is imported when the first is shown."""

from __future__ import annotations

import functools
import os
import sys
import threading
from pathlib import Path
from typing import Callable, Dict, Optional, Protocol, Tuple, Union

Progress = Optional[Callable[[int, Optional[int]], None]]
"""Called with what is done, and what there is in all (None where that is unknown)."""

FileProgress = Optional[Callable[[Path, int, Optional[int]], None]]
"""Called with a file, its bytes that are there, and those it will have (None where that is unknown)."""


class _Bar(Protocol):
    n: int
    total: Optional[int]

    def update(self, n: int) -> Optional[bool]: ...
    def set_postfix_str(self, s: str, refresh: bool) -> None: ...
    def refresh(self) -> object: ...
    def clear(self) -> None: ...
    def close(self) -> None: ...


class CountBar:
    """Bar that is called with what is done and what there is in all.

    Parameters
    ----------
    label : str
        What stands before it.
    total : int, optional
        What there is in all: then it is drawn at once, else with the first call.
    unit : str
        What is counted; of ``B``, bytes, thousands are written as kB, MB and GB.
    ends : bool
        Whether all that is known of at a time is all there will be: then the bar ends by itself.
    """

    def __init__(self, label: str, total: Optional[int] = None, unit: str = "", ends: bool = False) -> None:
        self._new = functools.partial(_new_bar, _written(label), unit)
        self._ends = ends
        self._bar = None if total is None else self._new(total)

    def __call__(self, done: int, total: Optional[int]) -> None:
        """Show what is done."""
        if self._bar is None:
            self._bar = self._new(total)
        self._bar.total = total
        self._bar.update(done - self._bar.n)
        if self._ends and done == total:
            self._bar.close()

    def close(self) -> None:
        """End the bar, which stays."""
        if self._bar is not None:
            self._bar.close()


class FileBar:
    """Bar of several files: their bytes, how many are complete, and the share of each that is not.

    Called from several threads. It is wiped when it is closed.
    """

    def __init__(self) -> None:
        self._under_way: Dict[Path, Tuple[int, Optional[int]]] = {}
        self._complete: Dict[Path, int] = {}  # and how long they are
        self._lock = threading.Lock()
        self._bar: Optional[_Bar] = None

    def __call__(self, path: Path, done: int, total: Optional[int]) -> None:
        """Show the bytes of a file that are there, and those it will have."""
        with self._lock:
            if done == total:
                self._under_way.pop(path, None)
                self._complete[path] = done
            else:
                self._under_way[path] = (done, total)
            first = self._bar is None
            if self._bar is None:
                self._bar = _new_bar("", "B", None, leave=False)
            files = [f"{len(self._complete)} files", *(_share(path, *each) for path, each in self._under_way.items())]
            self._bar.set_postfix_str(_written(", ".join(files)), refresh=False)
            there = sum(self._complete.values()) + sum(done for done, _ in self._under_way.values())
            self._bar.update(there - self._bar.n)
            if first:
                self._bar.refresh()

    def clear(self) -> None:
        """Wipe the line, for something else to be printed; it is drawn again by the next call."""
        with self._lock:
            if self._bar is not None:
                self._bar.clear()

    def close(self) -> None:
        """End the bar."""
        with self._lock:
            if self._bar is not None:
                self._bar.close()


def bar_for(progress: Union[bool, Progress], label: str, unit: str = "") -> Progress:
    """Return what to call for an argument ``progress``: of True, a bar; of False, nothing."""
    return CountBar(label, unit=unit, ends=True) if progress is True else progress or None


def _share(path: Path, done: int, total: Optional[int]) -> str:
    return f"{path.name} {100 * done // total} %" if total else f"{path.name} {done / 1e6:,.1f} MB"


def _written(text: str) -> str:
    """Return a text as stderr can take it: its encoding may lack characters of a file's name."""
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
    """Tell whether stderr is a terminal that does not know its size: tqdm would draw nothing on it."""
    try:
        return 0 in os.get_terminal_size(sys.stderr.fileno())
    except (OSError, ValueError, AttributeError):  # a file, or what a notebook has in its place
        return False


@functools.cache
def _bars() -> Callable[..., _Bar]:
    """Return the class of bars: tqdm's for the terminal, or for the notebook."""
    from tqdm.auto import tqdm

    # Without its thread that looks after slow bars. Its own lock is one of processes, too, which takes a semaphore, and
    # from Python 3.14 on a process to remove that.
    bars: Callable[..., _Bar] = type("Bar", (tqdm,), {"monitor_interval": 0, "_lock": threading.RLock()})
    return bars
