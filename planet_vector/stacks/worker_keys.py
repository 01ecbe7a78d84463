"""Keys for workers in other processes, such as those of dask, whose tasks are pickled and stored by a scheduler.

A task contains a random token and not the key. The token is part of the name of a file in the user's private temporary
folder (`planet_vector.raster.credential_files.worker_file`), which only this user can read, and which is removed when
this process ends. A worker on the same machine reads it. On another machine, or for a task that is loaded from a pickle
later, a worker uses the key that it finds itself: in ``PL_API_KEY``, or in the file of ``planet-vector login``.
"""

from __future__ import annotations

import os
import re
import secrets
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Dict, Tuple

from planet_vector.config import Settings
from planet_vector.ending import at_end
from planet_vector.keys import Key
from planet_vector.raster.credential_files import worker_file, worker_key

_TOKEN = re.compile("[0-9a-f]{32}")

_Owner = Tuple[int, str, Key]  # a forked child has tokens of its own, and removes no file of its parent
_tokens: Dict[_Owner, str] = {}
_files: Dict[_Owner, Path] = {}


def token_for_workers(settings: Settings) -> str:
    """Leave the key of a service for workers, and return the token by which they find it.

    Parameters
    ----------
    settings : Settings
        The service and its key.

    Returns
    -------
    str
        The token, for `settings_of_worker`; empty without a key.

    Raises
    ------
    ConfigError
        If the file cannot be written.
    """
    if settings.key is None:
        return ""
    owner = os.getpid(), settings.api_url, settings.key
    token = _tokens.setdefault(owner, secrets.token_hex(16))
    _files[owner] = worker_file(settings, token)
    return token


def settings_of_worker(root: str, token: str) -> Settings:
    """Return the settings of a service in a worker.

    Parameters
    ----------
    root : str
        Root of the service.
    token : str
        What `token_for_workers` returned in the process that made the task.

    Returns
    -------
    Settings
        With the key that was left for workers; else with the key that this process finds itself, if any.

    Raises
    ------
    ConfigError
        If the settings of this process are invalid, or the file of the key cannot be read.
    """
    found = Settings.load(root)
    if not _TOKEN.fullmatch(token):
        return found
    left = worker_key(found, token)
    if left is not None:
        return replace(found, key=left, withheld="")
    told = "the process that made the task is on another machine or has ended, and this worker finds no key"
    return found if found.key is not None else replace(found, withheld=told)


@at_end
def _remove() -> None:
    for (owner, _, _), path in list(_files.items()):
        if owner == os.getpid():
            with suppress(OSError):
                path.unlink()
