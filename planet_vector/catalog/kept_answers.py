"""Cache on disk of what hardly ever changes about a service, so that the next program need not request it again.

Each answer is kept as long as results are (``PLANET_CACHE_TTL``), by root and fingerprint of the key, in a file that
only this user can read. The cache is optional: an answer that cannot be written is not kept, and an invalid folder or
file counts as no answer.
"""

from __future__ import annotations

import json
import logging
import os
import time
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Optional

from planet_vector.config import Settings
from planet_vector.errors import ConfigError
from planet_vector.private_files import check_folder, make_folder, read_private, remove_oldest, write_private
from planet_vector.user_folders import user_directory
from planet_vector.version import __version__

log = logging.getLogger(__name__)

_MOST_FILE = 2**20  # bytes
_MOST_FILES = 100
_SUFFIX = ".json"
_PART = ".answer-"  # beginning of the names of temporary files
_SKEW = 2.0  # seconds, the resolution of file systems' clocks


def directory() -> Path:
    """Return the folder of the answers.

    Raises
    ------
    ConfigError
        If there is no home directory.
    """
    return user_directory("cache") / "services"


def load(what: str, settings: Settings) -> Optional[object]:
    """Return an answer, as parsed JSON, if it is kept and not too old.

    Parameters
    ----------
    what : str
        What was requested.
    settings : Settings
        The service.
    """
    try:
        path = _path(what, settings)
        check_folder(path.parent)
        content, written = read_private(path, _MOST_FILE)
        if not -_SKEW <= time.time() - written <= settings.cache_ttl:
            return None
        return json.loads(content)  # type: ignore[no-any-return]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError, ConfigError) as error:
        log.debug("An answer on disk is not used: %s", error)
        return None


def save(what: str, settings: Settings, body: object) -> None:
    """Keep an answer; a failure is only logged.

    Parameters
    ----------
    what, settings
        As for `load`.
    body : object
        The answer, as JSON.
    """
    if not settings.cache_ttl:
        return
    try:
        path = _path(what, settings)
        make_folder(path.parent)
        check_folder(path.parent)
        write_private(path, json.dumps(body).encode(), _PART)
        remove_oldest(path.parent, f"*{_SUFFIX}", _MOST_FILES)
    except (OSError, ConfigError) as error:  # the next program requests it again
        log.debug("An answer is not kept: %s", error)


def clear() -> int:
    """Remove all answers.

    Returns
    -------
    int
        Their number.
    """
    count = 0
    with suppress(ConfigError, OSError):
        for path in [*directory().glob(f"*{_SUFFIX}"), *directory().glob(f"{_PART}*")]:
            with suppress(OSError):  # removed by another program
                os.unlink(path)
                count += path.suffix == _SUFFIX
    return count


def _path(what: str, settings: Settings) -> Path:
    name = repr((__version__, what, settings.identity))
    return directory() / (blake2b(name.encode(), digest_size=16).hexdigest() + _SUFFIX)
