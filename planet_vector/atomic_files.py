"""Files that take their name once they are complete, and of which nothing stays behind when they are not."""

from __future__ import annotations

import errno
import glob
import os
import secrets
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Iterator, Set

from planet_vector.ending import at_end, mind_sigterm
from planet_vector.errors import ConfigError
from planet_vector.forking import renew_after_fork

DISK_ERRORS = (
    errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG, errno.EIO, errno.EROFS
)  # fmt: skip
"""Numbers of errors of a disk that does not take a file: full, over a quota, over a limit, broken, read-only."""

MAKE_ROOM = "make room on its disk"


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Have the disk's errors name the file that is written, where they name none, or a temporary one."""
    try:
        yield
    except OSError as error:
        if error.errno in DISK_ERRORS:
            error.filename, error.filename2 = str(path), None
        raise


def temporary_beside(path: Path) -> Path:
    """Return a hidden name beside a file that no other writer has, be it a thread, a process or a machine."""
    return path.with_name(f".{path.stem}.{secrets.token_hex(6)}{path.suffix}")


def write_whole(path: Path, content: bytes) -> None:
    """Write a small file of which there is one writer, complete or not at all, and kept also when the power fails.

    Its temporary name is always the same, so that what a killed program left behind goes with the next write.
    """
    part = path.with_name(path.name + ".part")
    with naming(path):
        with open(part, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)


@contextmanager
def complete(path: Path) -> Iterator[Path]:
    """Give the path to write a file to, which takes the place of another once it is complete, and goes if it is not.

    Raises
    ------
    ConfigError
        When there is no directory to write it to.
    """
    if not path.parent.is_dir():
        raise ConfigError(f"{path} cannot be written: there is no directory {path.parent}.")
    temporary = temporary_beside(path)
    with kept_if_complete(temporary), naming(path):
        yield temporary
        os.replace(temporary, path)


@contextmanager
def new_file(path: Path, prefix: str = "", suffix: str = "") -> Iterator[Path]:
    """Give an empty file of mode 0600 beside a path, which goes at the end if it was not moved there with `os.replace`.

    It is a new one, whatever lies there: in a folder of several users a link may. A program that is killed leaves it
    behind; the prefix and the suffix of its name tell it from others.

    Raises
    ------
    OSError
        When it cannot be made.
    """
    with naming(path):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=prefix, suffix=suffix)
    os.close(handle)
    part = Path(name)
    try:
        with naming(path):
            yield part
    finally:
        with suppress(OSError):  # of a disk that cannot be written any more it stays
            part.unlink(missing_ok=True)


@contextmanager
def kept_if_complete(path: Path) -> Iterator[None]:
    """Remove a temporary file, and what begins with its stem and a dot, after an error, or when the program ends.

    Ctrl-C may end the program while threads write.
    """
    mind_sigterm()
    _incomplete.add(path)
    try:
        yield
    except BaseException:
        _remove(path)
        raise
    finally:
        _incomplete.discard(path)


_incomplete: Set[Path] = set()


@at_end
def _remove_incomplete() -> None:
    for path in list(_incomplete):
        _remove(path)


@renew_after_fork
def _renew() -> None:
    _incomplete.clear()  # they are the parent's


def _remove(path: Path) -> None:
    for found in path.parent.glob(f"{glob.escape(path.stem)}.*"):
        with suppress(OSError):  # gone, or, on Windows, open in a thread
            found.unlink()
