"""Check whether the file of an index can be trusted, and delete untrusted ones.

SQLite's companion files (``-wal``, ``-shm``) belong to one particular file. Combined with a replacement, such as a
backup copy, they result in a corrupt database. So ``<index>.file`` records the inode of the file that the last update
wrote. A reader that detects damage records that there, and the next update rebuilds the index.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from pathlib import Path
from typing import List, Optional

BESIDE = ("-wal", "-shm")
"""Suffixes of SQLite's companion files."""

_LEAST = 2**20  # bytes: if less is free, write errors are attributed to a full disk
_FAILED = "disk I/O error"  # raised if a -wal was deleted, or if the disk is full
_DAMAGED = "damaged"
_SIGNS = ("malformed", "not a database", "no such table", "no such column", "index lacks scenes")
"""Messages of SQLite, or `planet_vector.server.index.database`, for a file that is damaged or not an index."""


def is_damage(error: BaseException, path: Path) -> bool:
    """Return whether an error means that the file of an index is damaged, or that its companion files are missing.

    Parameters
    ----------
    error : BaseException
        Any error; only `sqlite3.DatabaseError` can indicate damage.
    path : Path
        The index, whose disk is checked for free space.
    """
    if not isinstance(error, sqlite3.DatabaseError):
        return False
    return any(sign in str(error) for sign in _SIGNS) or (_FAILED in str(error) and has_room(path))


def has_room(path: Path) -> bool:
    """Return whether the disk of an index has free space; True if that is unknown.

    Parameters
    ----------
    path : Path
        The index.
    """
    try:
        return shutil.disk_usage(path.parent).free >= _LEAST
    except OSError:
        return True


def is_noted(path: Path) -> bool:
    """Return whether an update has written an index here since the last `discard`.

    Parameters
    ----------
    path : Path
        The index.
    """
    return _noted(path) is not None


def is_trusted(path: Path) -> bool:
    """Return whether the file of an index is the one that an update wrote, without opening it.

    Parameters
    ----------
    path : Path
        The index.

    Returns
    -------
    bool
        Also True if there is no record, or no file.
    """
    noted = _noted(path)
    if noted is None:
        return True
    try:
        status = path.stat()
    except OSError:  # a missing file was not replaced
        return True
    # On some disks inodes change when they are mounted; then there are no companion files.
    return noted != _DAMAGED and status.st_size > 0 and (noted == str(status.st_ino) or not _is_open(path))


def note(path: Path) -> None:
    """Record the present file as the trusted one; the caller must hold the writing lock.

    Parameters
    ----------
    path : Path
        The index.

    Raises
    ------
    OSError
        If the file does not exist, or the record cannot be written.
    """
    number = str(path.stat().st_ino)
    if _noted(path) != number:
        _place(path).write_text(number)


def note_damage(path: Path, number: int) -> None:
    """Record that an index is damaged, so that the next update rebuilds it, unless its file was replaced meanwhile.

    Parameters
    ----------
    path : Path
        The index.
    number : int
        Inode of the damaged file.
    """
    with contextlib.suppress(OSError):  # if the record cannot be written, the index cannot be rebuilt, either
        if path.stat().st_ino == number:
            _place(path).write_text(_DAMAGED)


def discard(path: Path) -> None:
    """Delete the file of an index, its companion files and its record; open connections keep reading it.

    Parameters
    ----------
    path : Path
        The index.

    Raises
    ------
    OSError
        If a file cannot be deleted.
    """
    # The record last, so that files left by an interrupted deletion are not trusted.
    for file in (path, *_beside(path), _place(path)):
        file.unlink(missing_ok=True)


def _place(path: Path) -> Path:
    return path.with_name(path.name + ".file")


def _beside(path: Path) -> List[Path]:
    real = os.path.realpath(path)
    return [Path(real + suffix) for suffix in BESIDE]


def _is_open(path: Path) -> bool:
    return any(file.exists() for file in _beside(path))


def _noted(path: Path) -> Optional[str]:
    try:
        return _place(path).read_text() or None
    except (OSError, UnicodeDecodeError):
        return None
