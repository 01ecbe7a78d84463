"""Progress on stderr, on a terminal only."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Dict, Iterator, Optional, Tuple

import click

from planet_vector.cli.messages import plain, say

_WIDTH = 110  # characters of a line that is written over and over
_PAUSE = 0.1  # seconds between two of its states


@contextmanager
def progress_bar(label: str, length: int) -> Iterator[Optional[Callable[[int, int], None]]]:
    """Give what is to be called with what is done and what there is in all, or None where nobody watches."""
    if not sys.stderr.isatty():
        yield None
        return
    with click.progressbar(range(length), label=plain(label, sys.stderr), file=sys.stderr) as bar:

        def tell(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        yield tell


class FileProgress:
    """Show how far several files are; called from several threads."""

    def __init__(self) -> None:
        self._under_way: Dict[Path, Tuple[int, Optional[int]]] = {}
        self._complete: Dict[Path, int] = {}  # and how long they are
        self._lock = threading.Lock()
        self._shown = False
        self._next = 0.0
        self._watched = sys.stderr.isatty()

    def __call__(self, path: Path, done: int, total: Optional[int]) -> None:
        """Tell the bytes of a file that are there, and those it will have."""
        if not self._watched:
            return
        with self._lock:
            if done == total:
                self._under_way.pop(path, None)
                self._complete[path] = done
            else:
                self._under_way[path] = (done, total)
            if time.monotonic() < self._next:
                return
            self._next = time.monotonic() + _PAUSE
            there = sum(self._complete.values()) + sum(done for done, _ in self._under_way.values())
            files = [_share(path, *each) for path, each in self._under_way.items()]
            told = f"{len(self._complete)} files, {there / 1e6:,.1f} MB  {', '.join(files)}"
            say(f"\r\x1b[K{told[:_WIDTH]}", nl=False, err=True)
            self._shown = True

    def clear(self) -> None:
        """Wipe the line, for something else to be printed."""
        with self._lock:
            if self._shown:
                say("\r\x1b[K", nl=False, err=True)
                self._shown = False


def _share(path: Path, done: int, total: Optional[int]) -> str:
    return f"{path.name} {100 * done // total} %" if total else f"{path.name} {done / 1e6:,.1f} MB"
