"""Files and folders of this user only: written atomically, and read only if no other user could change them.

Python on Windows reports neither owners nor modes: there, the user's folders are closed to others by default.
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
"""Tells whether a mode is of a kind: `stat.S_ISREG` or `stat.S_ISDIR`."""

STALE = 3600.0
"""Seconds after which a temporary file counts as left behind by a killed writer."""

DAY = 86400.0
"""Seconds for which files are kept because programs may have just received their names."""

# O_NONBLOCK: opening a named pipe without a writer would block. O_NOFOLLOW: the target of a link is not checked.
# O_BINARY: Windows, which has neither, would convert line ends.
_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def is_own(status: os.stat_result, is_kind: Kind) -> bool:
    """Return whether a path is of a kind and belongs to this user.

    Parameters
    ----------
    status : os.stat_result
        Status of the path.
    is_kind : Kind
        The kind.
    """
    return is_kind(status.st_mode) and (not hasattr(os, "geteuid") or status.st_uid == os.geteuid())


def is_private(status: os.stat_result, is_kind: Kind) -> bool:
    """Return whether a path is of a kind, belongs to this user and is closed to others.

    Parameters
    ----------
    status : os.stat_result
        Status of the path.
    is_kind : Kind
        The kind.
    """
    return is_own(status, is_kind) and (not hasattr(os, "geteuid") or not status.st_mode & 0o077)


def make_folder(path: Path) -> None:
    """Create a folder that only this user can access, with its missing parents; an existing folder is left unchanged.

    Parameters
    ----------
    path : Path
        The folder.

    Raises
    ------
    OSError
        If it cannot be created.
    """
    if not path.parent.exists():
        make_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)


def check_folder(path: Path) -> None:
    """Check that a folder is not a link and that only this user can access it.

    Parameters
    ----------
    path : Path
        The folder.

    Raises
    ------
    OSError
        If it is not such a folder.
    """
    if not is_private(os.lstat(path), stat.S_ISDIR):
        raise PermissionError(errno.EPERM, "Not a folder that only you can use", str(path))


def read_private(path: Path, most: int) -> Tuple[bytes, float]:
    """Return the content of a file that only this user can access, and its modification time; links are not followed.

    Parameters
    ----------
    path : Path
        The file.
    most : int
        Maximum size in bytes.

    Returns
    -------
    (bytes, float)
        Its bytes, and when it was written, in seconds since the epoch.

    Raises
    ------
    OSError
        If there is no such file, or it cannot be read.
    """
    if not hasattr(os, "O_NOFOLLOW") and path.is_symlink():
        raise OSError(errno.ELOOP, "A link", str(path))
    descriptor = os.open(path, _READ)
    try:
        # Checked after opening: before, the path could be replaced between check and open.
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
    """Write a file atomically; others can never read it.

    Parameters
    ----------
    path : Path
        The file; its folder exists.
    data : bytes
        Its content.
    prefix : str
        Beginning of the names of temporary files in the folder.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    with new_file(path, prefix) as part:
        part.write_bytes(data)
        os.replace(part, path)


def remove_oldest(folder: Path, pattern: str, most: int, remove: Callable[[Path], None] = Path.unlink) -> None:
    """Remove the oldest files of a folder, except a number of newer ones and those written within the last day.

    Parameters
    ----------
    folder : Path
        The folder.
    pattern : str
        Pattern of the file names, as for `pathlib.Path.glob`.
    most : int
        Number of files to keep.
    remove : callable, optional
        Removes one file, and what belongs to it.
    """
    found = []
    for path in folder.glob(pattern):
        with suppress(OSError):  # removed by another program
            found.append((os.lstat(path).st_mtime, path))
    for written, path in sorted(found, reverse=True)[most:]:
        if time.time() - written > DAY:
            with suppress(OSError):  # some systems do not remove a file while another program reads it
                remove(path)


def remove_stale(folder: Path, pattern: str) -> None:
    """Remove the temporary files of killed writers; files that cannot be removed are skipped.

    Parameters
    ----------
    folder : Path
        The folder.
    pattern : str
        Pattern of the file names, as for `pathlib.Path.glob`.
    """
    now = time.time()
    with suppress(OSError):
        for path in folder.glob(pattern):
            with suppress(OSError):  # removed by another program
                # A time in the future, due to a wrong clock, counts as stale, too.
                if abs(now - os.lstat(path).st_mtime) > STALE:
                    path.unlink()
