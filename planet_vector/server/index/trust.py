"""Tell whether the file of an index can be trusted, and do away with one that cannot.

What SQLite keeps beside a file (``-wal``, ``-shm``) belongs to that very file: beside another in its place, a copy of
last week, it makes one that is neither. So ``<index>.file`` holds which file the last update left there. A reader that
finds its file damaged writes there that it is; whoever updates the index next makes it anew.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from pathlib import Path
from typing import List, Optional

BESIDE = ("-wal", "-shm")
"""What SQLite keeps beside a file, after its name."""

_LEAST = 2**20  # bytes: where less is free, what cannot be written is for want of room
_FAILED = "disk I/O error"  # where a -wal was deleted, or where there is no room
_DAMAGED = "damaged"
_SIGNS = ("malformed", "not a database", "no such table", "no such column", "index lacks scenes")
"""What SQLite, or `planet_vector.server.index.database`, says of a file that is damaged, or another's."""


def is_damage(error: BaseException, path: Path) -> bool:
    """Tell whether an error says that the file of an index is damaged, or that what belongs beside it has gone."""
    if not isinstance(error, sqlite3.DatabaseError):
        return False
    return any(sign in str(error) for sign in _SIGNS) or (_FAILED in str(error) and has_room(path))


def has_room(path: Path) -> bool:
    """Tell whether the disk of an index has room, as far as is known."""
    try:
        return shutil.disk_usage(path.parent).free >= _LEAST
    except OSError:
        return True


def is_noted(path: Path) -> bool:
    """Tell whether an update has left an index here since it was last done away with."""
    return _noted(path) is not None


def is_trusted(path: Path) -> bool:
    """Tell whether the file at an index's place is the one that an update left, as far as can be told without it."""
    noted = _noted(path)
    if noted is None:
        return True
    try:
        status = path.stat()
    except OSError:  # no file is not another one
        return True
    # Numbers of files change on some disks when they are mounted; then nothing lies beside the file.
    return noted != _DAMAGED and status.st_size > 0 and (noted == str(status.st_ino) or not _is_open(path))


def note(path: Path) -> None:
    """Note the file that is there as the one that is to be there; whoever does holds the index's lock."""
    number = str(path.stat().st_ino)
    if _noted(path) != number:
        _place(path).write_text(number)


def note_damage(path: Path, number: int) -> None:
    """Have an index made anew when it is updated next, if a file of this number is still the one at its place."""
    with contextlib.suppress(OSError):  # where it cannot be written, the index cannot be made anew, either
        if path.stat().st_ino == number:
            _place(path).write_text(_DAMAGED)


def discard(path: Path) -> None:
    """Delete the file of an index and what lies beside it; those who have it open go on reading it."""
    # The note last: what is left when this ends halfway is not trusted.
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
