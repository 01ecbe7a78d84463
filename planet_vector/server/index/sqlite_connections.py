"""Connections to the file of an index, for reading, whatever becomes of the file meanwhile.

A file that is deleted, or replaced by another, stays with the connections that have it open until the one in its place
is complete. Reading never makes a file.
"""

from __future__ import annotations

import os
import queue
import sqlite3
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Iterator, NamedTuple, Optional, Tuple
from urllib.parse import quote

from planet_vector.server.http_errors import Refusal
from planet_vector.server.index.trust import is_damage, is_trusted, note_damage
from planet_vector.server.patience import Patience

CACHE_KB = 2048  # of pages, each connection: what it reads once more lies in the system's cache
WAIT = 10.0  # seconds for another program to let go of the file: no two of ours write it at once
_AGAIN = 0.5  # seconds between two looks at whether a new file is complete

_Stamp = Tuple[int, int]


class _Open(NamedTuple):
    """Connection, and the file that it has open."""

    db: sqlite3.Connection
    stamp: _Stamp


class IndexFile:
    """File of an index that is to be read; for any number of threads at once.

    Parameters
    ----------
    path : Path
        Where the index is.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._complete: Optional[_Stamp] = None
        self._lock = threading.Lock()
        self._next = 0.0

    def stamp(self) -> Optional[_Stamp]:
        """Return what tells the file that is to be read from others; None while there never was a complete one."""
        found = _stamp(self._path)
        if found is None or found == self._complete:
            return self._complete
        with self._lock:
            if found != self._complete and time.monotonic() >= self._next:
                try:
                    opened = self._opened()
                except sqlite3.Error:
                    if self._complete is None:
                        raise
                    opened = None  # what is open already is read on, whatever lies in its place
                if opened is None:
                    self._next = time.monotonic() + _AGAIN
                else:
                    opened.db.close()
                    self._complete = opened.stamp
        return self._complete

    def open(self) -> Optional[_Open]:
        """Return a connection to the file that is to be read, or None where it is not there any more."""
        wanted = self.stamp()
        found = None if wanted is None else self._opened()
        if found is not None and found.stamp != wanted:
            with self._lock:
                self._complete = found.stamp
        return found

    def _opened(self) -> Optional[_Open]:
        """Return a connection to the file that is there, or None where there is none that is complete."""
        before = _stamp(self._path)
        if before is None or not is_trusted(self._path):
            return None
        try:
            db = connect(self._path, make=False)
        except sqlite3.DatabaseError as error:
            if is_damage(error, self._path) or _stamp(self._path) is None:
                return None
            raise
        try:
            complete = _is_complete(db)
            # What was replaced meanwhile may be the one or the other.
            if complete and _stamp(self._path) == before:
                db.execute("PRAGMA query_only = 1")
                return _Open(db, before)
        except BaseException as error:
            db.close()
            if is_damage(error, self._path):
                return None
            raise
        db.close()
        return None

    def is_damaged(self, error: sqlite3.DatabaseError, stamp: _Stamp) -> bool:
        """Tell whether an error says that a file is damaged; then have it made anew, if it is still in its place."""
        damaged = is_damage(error, self._path)
        if damaged:
            note_damage(self._path, stamp[1])
        return damaged


class ReadConnections:
    """Pool of connections for reading, a number of them at the most.

    Parameters
    ----------
    file : IndexFile
        What is read.
    number : int
        How many there are. They are opened at once: one that is open outlasts its file.
    """

    def __init__(self, file: IndexFile, number: int) -> None:
        self._file = file
        self._number = number
        self._idle: queue.LifoQueue[Optional[_Open]] = queue.LifoQueue()
        for _ in range(number):
            self._idle.put(file.open())

    @contextmanager
    def read(self, patience: Optional[Patience] = None) -> Iterator[sqlite3.Connection]:
        """Lend a connection, within one transaction: what is read together is of one state.

        Raises
        ------
        Refusal
            503, when there is no complete index, and was none; when its file is damaged.
        """
        connection = self._wait(patience)
        try:
            connection = self._newest(connection)
            if connection is None:
                raise Refusal(
                    503,
                    "The service has no index that is complete: ask again once the archive has been looked through.",
                    {"Retry-After": "10"},
                )
            try:
                connection.db.execute("BEGIN")
                yield connection.db
            except sqlite3.DatabaseError as error:
                if not self._file.is_damaged(error, connection.stamp):
                    raise
                raise Refusal(
                    503,
                    "The index of the service is damaged, and is made anew when the archive is looked through next: "
                    "ask again later.",
                    {"Retry-After": "10"},
                ) from error
            finally:
                if connection.db.in_transaction:  # an error may have ended it
                    connection.db.execute("ROLLBACK")
        finally:
            self._idle.put(connection)

    def renew(self) -> None:
        """Let go of a file that another has replaced, with each connection that is not lent."""
        idle = []
        with suppress(queue.Empty):
            while True:
                idle.append(self._idle.get_nowait())
        for connection in reversed(idle):
            with suppress(sqlite3.Error):  # who reads next is told
                connection = self._newest(connection)
            self._idle.put(connection)

    def _newest(self, connection: Optional[_Open]) -> Optional[_Open]:
        """Return a connection to the file that is to be read, in place of one to another."""
        if connection is not None and connection.stamp == self._file.stamp():
            return connection
        newer = self._file.open()
        if newer is not None and connection is not None:
            connection.db.close()
        return newer or connection

    def close(self) -> None:
        """Close them all, once they are given back."""
        for _ in range(self._number):
            connection = self._idle.get()
            if connection is not None:
                connection.db.close()

    def _wait(self, patience: Optional[Patience]) -> Optional[_Open]:
        while True:
            try:
                return self._idle.get(timeout=0.1)
            except queue.Empty:
                if patience is not None:
                    patience.check()


def connect(path: Path, make: bool = True, alone: bool = False) -> sqlite3.Connection:
    """Open an index file, for one thread at a time.

    Parameters
    ----------
    path : Path
        The file.
    make : bool
        Whether it is made when it is not there.
    alone : bool
        Whether it is read without what lies beside it, and nothing is written.
    """
    place = os.path.abspath(path).replace(os.sep, "/")
    mode = "ro&immutable=1" if alone else "rwc" if make else "rw"
    address = f"file://{'' if place.startswith('/') else '/'}{quote(os.fsencode(place))}?mode={mode}"
    db = sqlite3.connect(address, uri=True, timeout=WAIT, isolation_level=None, check_same_thread=False)
    try:
        db.execute(f"PRAGMA cache_size = -{CACHE_KB}")
        db.execute("PRAGMA temp_store = MEMORY")
    except sqlite3.Error:  # it is no database
        db.close()
        raise
    return db


def _is_complete(db: sqlite3.Connection) -> bool:
    """Tell whether an update of an index has ended since it was made."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
        return False
    row = db.execute("SELECT value FROM meta WHERE name = 'complete'").fetchone()
    return row is not None and bool(row[0])


def _stamp(path: Path) -> Optional[_Stamp]:
    try:
        status = path.stat()
    except OSError:  # it is gone, or its folder cannot be read
        return None
    return status.st_dev, status.st_ino
