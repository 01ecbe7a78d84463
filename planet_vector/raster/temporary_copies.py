"""Temporary copies of products that can only be had whole: for this user alone, and gone with the program.

Each lies in a folder of its own among the temporary files, beside a file that its program keeps locked. They go when
nobody uses them, when the program ends, and at SIGTERM. What a program that was killed left behind is known by its
lock, which nobody holds any more, and goes when another makes its first copy. Folders of other users, and those that
others can use, are left alone.
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

_held: Dict[Path, BinaryIO] = {}  # by folder of this process, the locked file


def make_copy_folder() -> Path:
    """Make a folder for one copy, which goes by `remove_copy_folder`, or with the program.

    Raises
    ------
    OSError
        When there is no place for it.
    """
    mind_sigterm()
    _remove_left_behind(tempfile.gettempdir())
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))  # of mode 0700 from the start
        lock = open(folder / _LOCK, "wb")  # noqa: SIM115 - open as long as the folder is there
        _held[folder] = lock
        try:
            if _locked(lock, folder):
                return folder
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES, errno.ENOENT):
                return folder  # a file system without locks: others cannot lock it either, and leave it alone
        # Another program took it for one that was left behind, in the moment before it was locked.
        remove_copy_folder(folder)


def remove_copy_folder(folder: Path) -> None:
    """Remove the folder of a copy; one that is not of this process, as after a fork, stays."""
    lock = _held.pop(folder, None)
    if lock is not None:
        lock.close()
        # On Windows a copy that is still being read stays, until the next program finds it.
        shutil.rmtree(folder, ignore_errors=True)


@cache
def _remove_left_behind(temporary: str) -> None:
    """Remove what programs of this user left behind, once in a process."""
    for folder in Path(temporary).glob(f"{_PREFIX}*"):
        with suppress(OSError):  # another program was faster, or has it locked, or nobody can lock anything there
            status = os.lstat(folder)
            if not is_private(status, stat.S_ISDIR):
                continue
            if not (folder / _LOCK).exists():
                # It is being made, or removed: unless that was long ago.
                if abs(time.time() - status.st_mtime) > STALE:
                    shutil.rmtree(folder)
                continue
            if sys.platform == "win32":
                (folder / _LOCK).unlink()  # refused as long as a program has it open
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
        When another program holds the lock, or there are no locks.
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
    _held.clear()  # they are the parent's, which holds the locks on
