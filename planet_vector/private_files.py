"""Files and folders of this user alone: written at once, and read only where nobody else can have had a hand in them.

Windows shows neither owners nor modes here: there, the folders of a user are closed to others by themselves.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import Callable, Tuple

from planet_vector.atomic_files import new_file

Kind = Callable[[int], bool]
"""Tells by a mode whether a path is of a kind: `stat.S_ISREG` or `stat.S_ISDIR`."""

STALE = 3600.0
"""Seconds after which a temporary file is taken for one that its writer did not live to rename."""

DAY = 86400.0
"""Seconds for which files stay whose names may have been given to programs a moment ago."""

# A named pipe without a writer would be waited for, and what a link leads to is not ours to judge. Windows has neither,
# but would change the bytes of line ends.
_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def is_own(status: os.stat_result, is_kind: Kind) -> bool:
    """Return whether a path of this status is of a kind, and belongs to this user."""
    return is_kind(status.st_mode) and (not hasattr(os, "geteuid") or status.st_uid == os.geteuid())


def is_private(status: os.stat_result, is_kind: Kind) -> bool:
    """Return whether a path of this status is of a kind, belongs to this user and is closed to others."""
    return is_own(status, is_kind) and (not hasattr(os, "geteuid") or not status.st_mode & 0o077)


def make_folder(path: Path) -> None:
    """Make a folder that only this user can use, with all above it that are missing; one that is there stays as it is.

    Raises
    ------
    OSError
        When it cannot be made.
    """
    if not path.parent.exists():
        make_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)


def check_folder(path: Path) -> None:
    """Refuse a folder that others can use, or that is a link.

    Raises
    ------
    OSError
        When it is not a folder that only this user can use.
    """
    if not is_private(os.lstat(path), stat.S_ISDIR):
        raise PermissionError(errno.EPERM, "Not a folder that only you can use", str(path))


def read_private(path: Path, most: int) -> Tuple[bytes, float]:
    """Return the bytes of a file that only this user can use, and when it was written; links are not followed.

    Parameters
    ----------
    path : Path
        The file.
    most : int
        Bytes it may have.

    Raises
    ------
    OSError
        When there is no such file, or it cannot be read.
    """
    if not hasattr(os, "O_NOFOLLOW") and path.is_symlink():
        raise OSError(errno.ELOOP, "A link", str(path))
    descriptor = os.open(path, _READ)
    try:
        # Only now: what is looked at before may be another file than what is opened.
        status = os.fstat(descriptor)
        if not is_private(status, stat.S_ISREG):
            raise PermissionError(errno.EPERM, "Not a file that only you can use", str(path))
        if status.st_size > most:
            raise OSError(errno.EFBIG, f"More than {most:,} bytes", str(path))
        file = os.fdopen(descriptor, "rb")
        descriptor = -1
        with file:
            return file.read(most), status.st_mtime
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def write_private(path: Path, data: bytes, prefix: str) -> None:
    """Write a file at once, whole or not at all; at no time can others read it.

    Parameters
    ----------
    path : Path
        The file; its folder is there.
    data : bytes
        What it holds.
    prefix : str
        What the names of temporary files in the folder begin with.

    Raises
    ------
    OSError
        When it cannot be written.
    """
    with new_file(path, prefix) as part:
        part.write_bytes(data)
        os.replace(part, path)


def remove_oldest(folder: Path, pattern: str, most: int, remove: Callable[[Path], None] = Path.unlink) -> None:
    """Remove the files that were not written for longest, but for so many, and for those of the last day.

    Parameters
    ----------
    folder : Path
        Where they are.
    pattern : str
        What they are called, as `pathlib.Path.glob` takes it.
    most : int
        How many stay.
    remove : callable
        Removes one, and what belongs to it.
    """
    found = []
    for path in folder.glob(pattern):
        with suppress(OSError):  # another program was faster
            found.append((os.lstat(path).st_mtime, path))
    for written, path in sorted(found, reverse=True)[most:]:
        if time.time() - written > DAY:
            with suppress(OSError):  # one that another program reads is left where the system does not let it go
                remove(path)


def remove_stale(folder: Path, pattern: str) -> None:
    """Remove the temporary files that writers left behind when they were killed; what cannot be removed stays.

    Parameters
    ----------
    folder : Path
        Where they are.
    pattern : str
        What they are called, as `pathlib.Path.glob` takes it.
    """
    now = time.time()
    with suppress(OSError):
        for path in folder.glob(pattern):
            with suppress(OSError):  # another program was faster
                # One of the future is left behind as well: by a writer, or by a clock that was wrong.
                if abs(now - os.lstat(path).st_mtime) > STALE:
                    path.unlink()
