"""Results kept on disk for the next program: ogrinfo, then ogr2ogr, of one search ask for its scenes once.

A kept result is taken only when the service still says of the search what it said then: as many scenes, the same
oldest and newest. Results of services that do not count are not kept: nothing cheap tells that scenes came or went.
It is a help and never a condition: what cannot be kept is not, and whatever is odd about a folder or
a file means that there is no result. Folder and files belong to this user and are closed to others; a folder that is
open to others is not used, and not closed either, as somebody may have opened it on purpose. Files hold no key and are
named by a digest; a digest of what they hold tells that they were not damaged.
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

from planet_vector.catalog.paging import SearchSurvey
from planet_vector.errors import ConfigError
from planet_vector.private_files import check_folder, is_own, make_folder, read_private, remove_stale, write_private
from planet_vector.user_folders import user_directory
from planet_vector.vector import row_format
from planet_vector.vector.columns import Rows
from planet_vector.version import __version__

log = logging.getLogger(__name__)

MOST_ROWS = 5000  # of a result that is kept: some 7 MB; longer ones would cost a reader more than they save
MOST_FILE = 16 * 2**20  # bytes of a file
MOST_FILES = 1000
MOST_BYTES = 200 * 2**20  # of all files
_SUFFIX = ".rows"
_PART = ".results-"  # what the names of temporary files begin with
_MAGIC = b"planet_vector results\n"
_DIGEST = 16  # bytes of a digest, of a name and of a content
_SEAL = len(_MAGIC) + 2 * _DIGEST + 1  # bytes before the data
_SKEW = 2.0  # seconds: the clocks of file systems are that coarse


def directory() -> Path:
    """Return the folder of the kept results.

    Raises
    ------
    ConfigError
        When there is no home directory.
    """
    return user_directory("cache") / "results"


class KeptRows(NamedTuple):
    """Rows of a result, and the seconds since they were fetched."""

    rows: List[Rows]
    age: float


def load(name: str, survey: SearchSurvey, ttl: float, types: Optional[Sequence[str]] = None) -> Optional[KeptRows]:
    """Return the rows kept under a name, or None where there are none that can be used.

    Parameters
    ----------
    name : str
        What the result depends on: root, fingerprint of the key, columns and their types, search.
    survey : SearchSurvey
        What the service says of the search now.
    ttl : float
        Seconds for which a kept result may be used.
    types : sequence of str, optional
        The types of the columns in OGR: rows with others cannot be used.
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
    except Exception as error:  # there is no telling what can be wrong with a file that somebody else may have written
        log.debug("A result on disk is not used: %s", error)
        return None


def save(name: str, survey: SearchSurvey, blocks: Iterable[Rows]) -> None:
    """Keep the rows of a whole result, `MOST_ROWS` at the most; where that cannot be, they are not kept."""
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
    except Exception as error:  # whatever it is: the rows are there, only not for the next program
        log.debug("A result is not kept on disk: %s", error)


def clear() -> int:
    """Remove all kept results, and return how many there were; a folder of somebody else is left alone."""
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
    """Remove what killed writers left, and the oldest files when all together are too many or too large."""
    remove_stale(folder, f"{_PART}*")
    now = time.time()
    found = []
    for path in folder.glob(f"*{_SUFFIX}"):
        with suppress(OSError):  # another program was faster
            status = os.lstat(path)
            age = now - status.st_mtime
            found.append((age if age > -_SKEW else float("inf"), status.st_size, path))  # of the future: not used
    size = 0
    for number, (_, length, path) in enumerate(sorted(found)):
        size += length
        if size > MOST_BYTES or number >= MOST_FILES:
            with suppress(OSError):
                path.unlink()


def _path(key: str) -> Path:
    return directory() / (key + _SUFFIX)


def _key(name: str) -> str:
    """Return by what a result is known: its name, and all that decides how its rows are written."""
    return blake2b(repr((__version__, row_format.VERSION, name)).encode(), digest_size=_DIGEST).hexdigest()


def _seal(data: bytes) -> bytes:
    return _MAGIC + blake2b(data, digest_size=_DIGEST).hexdigest().encode() + b"\n"


def _unsealed(content: bytes) -> bytes:
    """Return the data of a file.

    Raises
    ------
    ValueError
        When it is damaged, or a file of something else.
    """
    seal, data = content[:_SEAL], content[_SEAL:]
    if seal != _seal(data):
        raise ValueError("damaged, or of something else")
    return data


def _survey_as_json(survey: SearchSurvey) -> List[Any]:
    total, *ends = survey
    return [total, *(end and end.isoformat() for end in ends)]
