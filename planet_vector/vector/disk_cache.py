"""Disk cache of results for the next program: ogrinfo, then ogr2ogr, of one search fetch its scenes once.

A cached result is used only if a new survey of the search agrees with the old one: the same count, the same oldest and
newest scene. Results of services that do not count are not cached, as changes cannot be detected cheaply. The cache is
optional: a result that cannot be written is not cached, and an invalid folder or file counts as no result. Folder and
files must belong to this user and be closed to others. A folder that is open to others is not used, nor closed, as that
may be intended. Files contain no key; their names are digests, and a digest of the content detects damage.
"""

from __future__ import annotations

import logging
import os
import stat
import time
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any, Iterable, List, NamedTuple, Optional, Sequence

from planet_vector.catalog.scene_pages import SearchSurvey
from planet_vector.errors import ConfigError
from planet_vector.private_files import check_folder, is_own, make_folder, read_private, remove_stale, write_private
from planet_vector.user_folders import user_directory
from planet_vector.vector import row_format
from planet_vector.vector.columns import Rows
from planet_vector.version import __version__

log = logging.getLogger(__name__)

MOST_ROWS = 5000  # of a cached result: some 7 MB; longer ones cost more to read than they save
MOST_FILE = 16 * 2**20  # bytes of one file
MOST_FILES = 1000
MOST_BYTES = 200 * 2**20  # of all files
_SUFFIX = ".rows"
_PART = ".results-"  # prefix of temporary files
_MAGIC = b"planet_vector results\n"
_DIGEST = 16  # bytes of a digest, of a name or of a content
_SEAL = len(_MAGIC) + 2 * _DIGEST + 1  # bytes before the data
_SKEW = 2.0  # seconds, the resolution of file systems' clocks


def directory() -> Path:
    """Return the folder of the cached results.

    Raises
    ------
    ConfigError
        If there is no home directory.
    """
    return user_directory("cache") / "results"


class KeptRows(NamedTuple):
    """Rows of a result, and the seconds since they were fetched."""

    rows: List[Rows]
    age: float


def load(name: str, survey: SearchSurvey, ttl: float, types: Optional[Sequence[str]] = None) -> Optional[KeptRows]:
    """Return the rows cached under a name, or None if there are no usable ones.

    Parameters
    ----------
    name : str
        Everything that determines the result: root, fingerprint of the key, columns and their types, search.
    survey : SearchSurvey
        The current survey of the search.
    ttl : float
        Greatest age of a cached result, seconds.
    types : sequence of str, optional
        The OGR types of the columns; rows with others are not usable.
    """
    try:
        key = _key(name)
        path = _path(key)
        check_folder(path.parent)
        content, written = read_private(path, MOST_FILE)
        if not -_SKEW <= time.time() - written <= ttl:
            return None
        said, told, blocks = row_format.read_json(_unsealed(content))
        if said != key or told != _survey_as_json(survey):
            return None
        rows = row_format.decode(blocks, types)
        if survey.total is None or not rows or not sum(map(len, rows)) == survey.total <= MOST_ROWS:
            return None
        return KeptRows(rows, max(0.0, time.time() - written))
    except FileNotFoundError:
        return None
    except Exception as error:  # another program may have written the file: anything can be wrong with it
        log.debug("A cached result on disk is not used: %s", error)
        return None


def save(name: str, survey: SearchSurvey, blocks: Iterable[Rows]) -> None:
    """Write the rows of a complete result of up to `MOST_ROWS` rows; a failure is only logged.

    Parameters
    ----------
    name : str
        As for `load`.
    survey : SearchSurvey
        The survey of the search when its rows were fetched.
    blocks : iterable of Rows
        All rows.
    """
    try:
        kept: List[Rows] = []
        for block in blocks:
            kept.append(block)
            if sum(map(len, kept)) > MOST_ROWS:
                return
        key = _key(name)
        path = _path(key)
        make_folder(path.parent)
        check_folder(path.parent)
        data = row_format.write_json([key, _survey_as_json(survey), row_format.encode(kept)])
        if _SEAL + len(data) <= MOST_FILE:
            write_private(path, _seal(data) + data, _PART)
            _prune(path.parent)
    except Exception as error:  # the rows are complete in memory; only the next program must fetch them again
        log.debug("A result is not cached on disk: %s", error)


def clear() -> int:
    """Remove all cached results; a folder of another user is left alone.

    Returns
    -------
    int
        The number of results removed.
    """
    count = 0
    with suppress(ConfigError, OSError):
        folder = directory()
        if is_own(os.lstat(folder), stat.S_ISDIR):
            for path in [*folder.glob(f"*{_SUFFIX}"), *folder.glob(f"{_PART}*")]:
                with suppress(OSError):
                    path.unlink()
                    count += path.suffix == _SUFFIX
    return count


def _prune(folder: Path) -> None:
    """Remove temporary files of killed processes, and the oldest files beyond the limits of number and size."""
    remove_stale(folder, f"{_PART}*")
    now = time.time()
    found = []
    for path in folder.glob(f"*{_SUFFIX}"):
        with suppress(OSError):  # another program may have removed it
            status = os.lstat(path)
            age = now - status.st_mtime
            found.append((age if age > -_SKEW else float("inf"), status.st_size, path))  # files of the future go first
    size = 0
    for number, (_, length, path) in enumerate(sorted(found)):
        size += length
        if size > MOST_BYTES or number >= MOST_FILES:
            with suppress(OSError):
                path.unlink()


def _path(key: str) -> Path:
    return directory() / (key + _SUFFIX)


def _key(name: str) -> str:
    """Return the cache key of a result: a digest of its name and of the versions that determine the format."""
    return blake2b(repr((__version__, row_format.VERSION, name)).encode(), digest_size=_DIGEST).hexdigest()


def _seal(data: bytes) -> bytes:
    return _MAGIC + blake2b(data, digest_size=_DIGEST).hexdigest().encode() + b"\n"


def _unsealed(content: bytes) -> bytes:
    """Return the data of a file.

    Raises
    ------
    ValueError
        If it is damaged, or not a file of this cache.
    """
    seal, data = content[:_SEAL], content[_SEAL:]
    if seal != _seal(data):
        raise ValueError("damaged, or not a file of this cache")
    return data


def _survey_as_json(survey: SearchSurvey) -> List[Any]:
    total, oldest, newest, density = survey
    counts = [[start.isoformat(), end.isoformat(), count] for start, end, count in density]
    return [total, *(end and end.isoformat() for end in (oldest, newest)), *([counts] if counts else [])]
