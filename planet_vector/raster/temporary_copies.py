"""Manage temporary copies of products that are only served whole: private to the user, and removed with the process.

Each copy lies in its own temporary folder, beside a file that its process keeps locked. It is removed when its dataset
is garbage-collected, when the process ends, and at SIGTERM. A copy that a killed process left behind is recognised by
its released lock, and removed when another process makes its first copy. Folders of other users, and those to which
others have access, are left alone.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
import tempfile
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO, Dict

from planet_vector.ending import at_end, mind_sigterm
from planet_vector.forking import renew_after_fork
from planet_vector.private_files import STALE, is_private

if sys.platform != "win32":
    import fcntl

_PREFIX = "planet_vector-copy-"
_LOCK = "lock"

_held: Dict[Path, BinaryIO] = {}  # locked files of this process, by folder


def make_copy_folder() -> Path:
    """Create a folder for one copy, which is removed by `remove_copy_folder`, or at the end of the process.

    Returns
    -------
    Path
        The folder, of mode 0700.

    Raises
    ------
    OSError
        If it cannot be created.
    """
    mind_sigterm()
    _remove_left_behind(tempfile.gettempdir())
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))  # created with mode 0700
        lock = open(folder / _LOCK, "wb")  # noqa: SIM115 - open as long as the folder exists
        _held[folder] = lock
        try:
            if _locked(lock, folder):
                return folder
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES, errno.ENOENT):
                return folder  # a file system without locks: other processes cannot lock it either, and leave it alone
        # Another process took it for a left-over, in the moment before it was locked.
        remove_copy_folder(folder)


def remove_copy_folder(folder: Path) -> None:
    """Remove the folder of a copy, unless it belongs to another process, as after a fork.

    Parameters
    ----------
    folder : Path
        As `make_copy_folder` returned it.
    """
    lock = _held.pop(folder, None)
    if lock is not None:
        lock.close()
        # On Windows a copy that is still being read stays, until the next process removes it.
        shutil.rmtree(folder, ignore_errors=True)


@cache
def _remove_left_behind(temporary: str) -> None:
    """Remove the left-overs of this user's killed processes, once per process."""
    for folder in Path(temporary).glob(f"{_PREFIX}*"):
        with suppress(OSError):  # another process was faster or holds the lock, or there are no locks
            status = os.lstat(folder)
            if not is_private(status, stat.S_ISDIR):
                continue
            if not (folder / _LOCK).exists():
                # It is being created or removed, unless it is old.
                if abs(time.time() - status.st_mtime) > STALE:
                    shutil.rmtree(folder)
                continue
            if sys.platform == "win32":
                (folder / _LOCK).unlink()  # fails as long as a process has it open
                shutil.rmtree(folder)
                continue
            with open(folder / _LOCK, "rb") as lock:
                if _locked(lock, folder):
                    shutil.rmtree(folder)


def _locked(lock: BinaryIO, folder: Path) -> bool:
    """Lock a file, and tell whether it is still the one in its folder.

    Raises
    ------
    OSError
        If another process holds the lock, or there are no locks.
    """
    if sys.platform != "win32":
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return os.path.samestat(os.fstat(lock.fileno()), os.stat(folder / _LOCK))


@at_end
def _remove_all() -> None:
    for folder in list(_held):
        remove_copy_folder(folder)


@renew_after_fork
def _renew() -> None:
    _held.clear()  # they belong to the parent, which keeps the locks
