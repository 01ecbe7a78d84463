"""Let one process at a time bring an index up to date, and tell others which one does."""

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

_PATIENCE = 0.5  # seconds to wait in silence: most updates find nothing to do, and end sooner
_LOOK = 0.2  # seconds between two looks at `stop`


class Stopped(Exception):
    """Raised if an update was given up because it was told to stop."""


@contextlib.contextmanager
def writing_lock(
    index: Path, program: str, tell: Optional[Callable[[str], None]] = None, stop: Optional[threading.Event] = None
) -> Iterator[None]:
    """Hold the lock of an index; it goes with the process, however that ends.

    Parameters
    ----------
    index : Path
        The index. The lock is the file beside it whose name ends in ``.lock``.
    program : str
        What others are told holds the lock.
    tell : callable, optional
        Called once, with a sentence, when another process holds it.
    stop : threading.Event, optional
        What ends waiting for it.

    Raises
    ------
    Stopped
        When `stop` was set before the lock could be had.
    ArchiveError
        When the disk of the index knows no locks.
    OSError
        When the file cannot be made.
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
        # What the lock is for goes on where the disk is too full for a name.
        with contextlib.suppress(OSError):
            since = datetime.now(timezone.utc).strftime("%H:%M:%S UTC")
            holder.write_text(json.dumps({"pid": os.getpid(), "program": program, "since": since}))
        yield
    finally:
        with contextlib.suppress(OSError):
            holder.unlink(missing_ok=True)
        lock.release()


def _holder(path: Path) -> str:
    """Return who holds the lock, as far as it has said so."""
    try:
        said = json.loads(path.read_text())
        return f"process {int(said['pid'])} ({said['program']}, since {said['since']})"
    except (OSError, ValueError, KeyError, TypeError):  # not yet written, or half
        return "another process"
