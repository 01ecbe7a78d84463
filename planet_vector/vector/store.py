"""Results kept on disk for the next program: ogrinfo, then ogr2ogr, of one search ask for its scenes once.

A kept result is taken only when the service still says of the search what it said then: as many scenes, the same
oldest and newest. Files are readable by their owner only, hold no key, and are named by a digest.
"""

from __future__ import annotations

import contextlib
import logging
import marshal
import os
import sys
import tempfile
import time
from hashlib import blake2b
from pathlib import Path
from typing import Iterable, List, Optional

from planet_vector.catalog.paging import Survey
from planet_vector.config import user_directory
from planet_vector.vector.rows import Rows

log = logging.getLogger(__name__)

MOST_ROWS = 5000  # of a result that is kept: some 7 MB; longer ones would cost a reader more than they save
MOST_BYTES = 200 * 2**20  # of all files
_SUFFIX = ".rows"
_DIGEST = 16  # bytes of a digest, of a name and of a content


def directory() -> Path:
    """Return the folder of the kept results."""
    return user_directory("cache") / "results"


def load(name: str, survey: Survey, ttl: float) -> Optional[List[Rows]]:
    """Return the rows kept under a name, or None where there are none that can be used.

    Parameters
    ----------
    name : str
        What the result depends on: root, fingerprint of the key, columns, search.
    survey : Survey
        What the service says of the search now.
    ttl : float
        Seconds for which a kept result may be used.
    """
    path = _path(name)
    try:
        if time.time() - path.stat().st_mtime > ttl:
            return None
        content = path.read_bytes()
    except OSError:
        return None
    digest, data = content[:_DIGEST], content[_DIGEST:]
    # marshal trusts what it reads: only what came whole from this function's twin is given to it.
    if blake2b(data, digest_size=_DIGEST).digest() != digest:
        return None
    told, blocks = marshal.loads(data)  # noqa: S302
    return [Rows(*parts) for parts in blocks] if told == _told(survey) else None


def save(name: str, survey: Survey, blocks: Iterable[Rows]) -> None:
    """Keep the rows of a whole result, `MOST_ROWS` at the most; where that cannot be, they are not kept."""
    path = _path(name)
    data = marshal.dumps((_told(survey), [block.parts for block in blocks]))
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=path.parent, suffix=".part")  # mode 0600
        try:
            with os.fdopen(handle, "wb") as target:
                target.write(blake2b(data, digest_size=_DIGEST).digest() + data)
            os.replace(part, path)
        except OSError:
            os.unlink(part)
            raise
        _prune()
    except OSError as error:
        log.debug("A result is not kept on disk: %s", error)


def clear() -> int:
    """Remove all kept results, and return how many there were."""
    files = list(directory().glob(f"*{_SUFFIX}"))
    for path in files:
        path.unlink()
    return len(files)


def _prune() -> None:
    """Remove the oldest files when all together are too large."""
    files = sorted(directory().glob(f"*{_SUFFIX}"), key=lambda path: path.stat().st_mtime, reverse=True)
    size = 0
    for path in files:
        size += path.stat().st_size
        if size > MOST_BYTES:
            with contextlib.suppress(FileNotFoundError):  # another program was faster
                path.unlink()


def _path(name: str) -> Path:
    # What marshal writes differs from Python to Python, and the programs that read here run several.
    text = repr((name, marshal.version, sys.version_info[:2]))
    return directory() / (blake2b(text.encode(), digest_size=_DIGEST).hexdigest() + _SUFFIX)


def _told(survey: Survey) -> str:
    return repr(tuple(survey))
