"""Read connections to the file of an index, which survive its deletion and replacement.

If the file is deleted or replaced, open connections keep reading the old one until the new one is complete. Reading
never creates a file.
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

from planet_vector.server.http_errors import HttpError
from planet_vector.server.index.trust import is_damage, is_trusted, note_damage
from planet_vector.server.patience import Patience

CACHE_KB = 2048  # of pages, for each connection: repeated reads are served by the system's cache
WAIT = 10.0  # seconds to wait for a lock of another program; processes of this package never write at the same time
_AGAIN = 0.5  # seconds between two checks whether a new file is complete

_Stamp = Tuple[int, int]


class _Open(NamedTuple):
    """Connection, and the identity of the file that it has open."""

    db: sqlite3.Connection
    stamp: _Stamp


class IndexFile:
    """Thread-safe opener of the newest complete file of an index.

    Parameters
    ----------
    path : Path
        Path of the index.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._complete: Optional[_Stamp] = None
        self._lock = threading.Lock()
        self._next = 0.0

    def stamp(self) -> Optional[_Stamp]:
        """Return device and inode of the file to read, or None if there has not been a complete one yet."""
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
                    opened = None  # connections keep the old file
                if opened is None:
                    self._next = time.monotonic() + _AGAIN
                else:
                    opened.db.close()
                    self._complete = opened.stamp
        return self._complete

    def open(self) -> Optional[_Open]:
        """Return a connection to the file to read, or None if it no longer exists."""
        wanted = self.stamp()
        found = None if wanted is None else self._opened()
        if found is not None and found.stamp != wanted:
            with self._lock:
                self._complete = found.stamp
        return found

    def _opened(self) -> Optional[_Open]:
        """Return a connection to the file at the path, or None if there is no complete one."""
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
            # If the file was replaced meanwhile, either may have been opened.
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
        """Return whether an error means that a file is damaged; if so, mark it for a rebuild if it is still in place.

        Parameters
        ----------
        error : sqlite3.DatabaseError
            Error of a connection.
        stamp : (int, int)
            Device and inode of the connection's file.
        """
        damaged = is_damage(error, self._path)
        if damaged:
            note_damage(self._path, stamp[1])
        return damaged


class ReadConnections:
    """Pool of a fixed number of read connections.

    Parameters
    ----------
    file : IndexFile
        The index file.
    number : int
        Number of connections. All are opened immediately, as an open connection outlives the deletion of its file.
    """

    def __init__(self, file: IndexFile, number: int) -> None:
        self._file = file
        self._number = number
        self._idle: queue.LifoQueue[Optional[_Open]] = queue.LifoQueue()
        for _ in range(number):
            self._idle.put(file.open())

    @contextmanager
    def read(self, patience: Optional[Patience] = None) -> Iterator[sqlite3.Connection]:
        """Provide a connection within one transaction, so that all reads see the same state.

        Parameters
        ----------
        patience : Patience, optional
            Time limit and cancellation for waiting for a connection.

        Yields
        ------
        sqlite3.Connection
            A connection for reading.

        Raises
        ------
        HttpError
            503, if there has not been a complete index yet, or if its file is damaged.
        """
        connection = self._wait(patience)
        try:
            connection = self._newest(connection)
            if connection is None:
                raise HttpError(
                    503,
                    "The service has no complete index yet: retry once the archive has been scanned.",
                    {"Retry-After": "10"},
                )
            try:
                connection.db.execute("BEGIN")
                yield connection.db
            except sqlite3.DatabaseError as error:
                if not self._file.is_damaged(error, connection.stamp):
                    raise
                raise HttpError(
                    503,
                    "The index of the service is damaged, and is rebuilt at the next scan of the archive: retry later.",
                    {"Retry-After": "10"},
                ) from error
            finally:
                if connection.db.in_transaction:  # an error may have ended it
                    connection.db.execute("ROLLBACK")
        finally:
            self._idle.put(connection)

    def renew(self) -> None:
        """Reopen each idle connection whose file was replaced."""
        idle = []
        with suppress(queue.Empty):
            while True:
                idle.append(self._idle.get_nowait())
        for connection in reversed(idle):
            with suppress(sqlite3.Error):  # the next read raises it
                connection = self._newest(connection)
            self._idle.put(connection)

    def _newest(self, connection: Optional[_Open]) -> Optional[_Open]:
        """Return a connection to the file to read, replacing a connection to an older one."""
        if connection is not None and connection.stamp == self._file.stamp():
            return connection
        newer = self._file.open()
        if newer is not None and connection is not None:
            connection.db.close()
        return newer or connection

    def close(self) -> None:
        """Close all connections, waiting for those in use."""
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
    """Open an index file; the connection may be used by one thread at a time.

    Parameters
    ----------
    path : Path
        The file.
    make : bool
        Whether to create the file if it does not exist.
    alone : bool
        Whether to open it read-only and without its ``-wal`` and ``-shm`` files (SQLite's ``immutable``).

    Returns
    -------
    sqlite3.Connection
        A connection in autocommit mode.

    Raises
    ------
    sqlite3.Error
        If the file cannot be opened or is not a database.
    """
    place = os.path.abspath(path).replace(os.sep, "/")
    mode = "ro&immutable=1" if alone else "rwc" if make else "rw"
    address = f"file://{'' if place.startswith('/') else '/'}{quote(os.fsencode(place))}?mode={mode}"
    db = sqlite3.connect(address, uri=True, timeout=WAIT, isolation_level=None, check_same_thread=False)
    try:
        db.execute(f"PRAGMA cache_size = -{CACHE_KB}")
        db.execute("PRAGMA temp_store = MEMORY")
    except sqlite3.Error:  # not a database
        db.close()
        raise
    return db


def _is_complete(db: sqlite3.Connection) -> bool:
    """Return whether any update of an index has finished since its creation."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
        return False
    row = db.execute("SELECT value FROM meta WHERE name = 'complete'").fetchone()
    return row is not None and bool(row[0])


def _stamp(path: Path) -> Optional[_Stamp]:
    try:
        status = path.stat()
    except OSError:  # it is deleted, or its folder cannot be read
        return None
    return status.st_dev, status.st_ino
