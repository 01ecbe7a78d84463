"""Exclusive locks on files, by way of SQLite, which can lock a file on each system.

The system releases a lock when its process ends for any reason, so no stale lock remains; the empty file stays.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Iterator


class AlreadyLocked(Exception):
    """Raised if another program still holds the lock of a file."""


@contextmanager
def locked(path: Path, seconds: float) -> Iterator[None]:
    """Lock a file for the duration of a block.

    Parameters
    ----------
    path : Path
        The file, which is created if needed; it has to be empty, and its folder must exist.
    seconds : float
        Time to wait for another program that holds the lock.

    Yields
    ------
    None
        While the lock is held.

    Raises
    ------
    AlreadyLocked
        If another program still holds it.
    sqlite3.Error
        If the file cannot be locked.
    """
    with closing(sqlite3.connect(path, timeout=seconds, isolation_level=None)) as lock:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            if "locked" in str(error):
                raise AlreadyLocked(str(error)) from None
            raise
        yield
