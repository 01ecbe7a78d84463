"""Lock that allows one process at a time to update an index, and names its holder to others."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from datetime import datetime, timezone
from pathlib import Path
from typing import Callable, Iterator, Optional

import filelock

from planet_vector.errors import ArchiveError

_PATIENCE = 0.5  # seconds to wait without a message: most updates find no changes, and end sooner
_LOOK = 0.2  # seconds between two checks of `stop`


class Stopped(Exception):
    """Raised if an update was stopped."""


@contextlib.contextmanager
def writing_lock(
    index: Path, program: str, tell: Optional[Callable[[str], None]] = None, stop: Optional[threading.Event] = None
) -> Iterator[None]:
    """Hold the lock of an index; the system releases it if the process is killed.

    Parameters
    ----------
    index : Path
        The index. The lock is a file beside it, with the suffix ``.lock``.
    program : str
        Name of this program, shown by processes that wait for the lock.
    tell : callable, optional
        Called once, with a sentence, if another process holds the lock.
    stop : threading.Event, optional
        Stops the wait for the lock.

    Yields
    ------
    None
        While the lock is held.

    Raises
    ------
    Stopped
        If `stop` was set before the lock was acquired.
    ArchiveError
        If the disk of the index does not support locks.
    OSError
        If the lock file cannot be created.
    """
    holder = index.with_name(index.name + ".holder")
    lock = filelock.FileLock(index.with_name(index.name + ".lock"))
    waited = 0.0
    while True:
        try:
            lock.acquire(timeout=_LOOK)
            break
        except NotImplementedError:
            raise ArchiveError(
                f"The disk of the index {index} cannot lock files: name one on a disk of this machine with --index."
            ) from None
        except filelock.Timeout:
            waited += _LOOK
        if stop is not None and stop.is_set():
            raise Stopped
        if tell is not None and waited >= _PATIENCE:
            tell(f"The index {index} is being brought up to date by {_holder(holder)}; waiting for it.")
            tell = None
    try:
        # The name is optional: the update may succeed even if the disk is too full to write it.
        with contextlib.suppress(OSError):
            since = datetime.now(timezone.utc).strftime("%H:%M:%S UTC")
            holder.write_text(json.dumps({"pid": os.getpid(), "program": program, "since": since}))
        yield
    finally:
        with contextlib.suppress(OSError):
            holder.unlink(missing_ok=True)
        lock.release()


def _holder(path: Path) -> str:
    """Return a description of the lock's holder, if it has recorded one."""
    try:
        said = json.loads(path.read_text())
        return f"process {int(said['pid'])} ({said['program']}, since {said['since']})"
    except (OSError, ValueError, KeyError, TypeError):  # not yet, or partly written
        return "another process"
