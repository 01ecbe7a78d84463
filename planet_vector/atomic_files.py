"""Files that are written under a temporary name, renamed once complete, and removed otherwise."""

from __future__ import annotations

import glob
import os
import secrets
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Iterator, Set

from planet_vector.disk_errors import is_disk_error
from planet_vector.ending import at_end, mind_sigterm
from planet_vector.errors import ConfigError
from planet_vector.forking import renew_after_fork


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the path of the target file into errors of the disk that name no file, or a temporary one.

    Parameters
    ----------
    path : Path
        The target file.

    Yields
    ------
    None
        Nothing: errors raised in the block are changed.

    Raises
    ------
    OSError
        If the block raises it; with `path` as its file name if it is an error of the disk.
    """
    try:
        yield
    except OSError as error:
        if is_disk_error(error):
            error.filename, error.filename2 = str(path), None
        raise


def temporary_beside(path: Path) -> Path:
    """Return a hidden temporary path beside a file, unique among threads, processes and machines.

    Parameters
    ----------
    path : Path
        The target file.
    """
    return path.with_name(f".{path.stem}.{secrets.token_hex(6)}{path.suffix}")


def write_whole(path: Path, content: bytes) -> None:
    """Write a small file atomically and durably; there must be one writer only.

    The content is synchronised to the disk, so it survives a power failure. The temporary name is always the same, so
    the next write replaces what a killed program left behind.

    Parameters
    ----------
    path : Path
        The file.
    content : bytes
        Its content.

    Raises
    ------
    OSError
        If the file cannot be written; its `filename` is `path`.
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
    """Yield a temporary path to write to, and move it to the target when the block succeeds; remove it otherwise.

    Parameters
    ----------
    path : Path
        The target file; an existing one is replaced.

    Yields
    ------
    Path
        The temporary path.

    Raises
    ------
    ConfigError
        If the target's directory does not exist, or the target is a directory itself.
    """
    if path.is_dir():
        raise ConfigError(f"{path} cannot be written: it is a directory, so give the name of a file.")
    if not path.parent.is_dir():
        raise ConfigError(f"{path} cannot be written: there is no directory {path.parent}.")
    temporary = temporary_beside(path)
    with kept_if_complete(temporary), naming(path):
        yield temporary
        os.replace(temporary, path)


@contextmanager
def new_file(path: Path, prefix: str = "", suffix: str = "") -> Iterator[Path]:
    """Create an empty file of mode 0600 beside a path, and remove it at the end unless `os.replace` moved it.

    The file is always a new one: in a folder of several users, an existing file could be a link. A killed program
    leaves it behind; prefix and suffix identify leftovers.

    Parameters
    ----------
    path : Path
        The target file, in whose folder the file is created.
    prefix : str, optional
        Beginning of the temporary file's name.
    suffix : str, optional
        End of the temporary file's name.

    Yields
    ------
    Path
        The temporary path.

    Raises
    ------
    OSError
        If it cannot be created.
    """
    with naming(path):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=prefix, suffix=suffix)
    os.close(handle)
    part = Path(name)
    try:
        with naming(path):
            yield part
    finally:
        with suppress(OSError):  # the file remains if the disk is no longer writable
            part.unlink(missing_ok=True)


@contextmanager
def kept_if_complete(path: Path) -> Iterator[None]:
    """Remove a temporary file after an error or at the end of the program.

    All files that begin with its stem and a dot are removed with it. Ctrl-C may end the program while threads write.

    Parameters
    ----------
    path : Path
        The temporary file.

    Yields
    ------
    None
        Nothing: the file may be written in the block.
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
    _incomplete.clear()  # these files belong to the parent


def _remove(path: Path) -> None:
    for found in path.parent.glob(f"{glob.escape(path.stem)}.*"):
        with suppress(OSError):  # already removed, or, on Windows, open in a thread
            found.unlink()
