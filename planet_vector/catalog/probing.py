"""What kind of service lies behind a root that nobody said the kind of, found out once and remembered.

``PL_API_URL``, or a root in place of a connection's name, says where a service is and not what it is. As long as one
kind is known there is nothing to find out; else each kind is asked whether a service of its own answers.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Callable, Dict, Iterable, Mapping, Tuple

from planet_vector.errors import ConfigError, ServiceError
from planet_vector.private_files import make_folder, read_private, write_private
from planet_vector.user_folders import user_directory

log = logging.getLogger(__name__)

_MOST_FILE = 2**20  # bytes
_PART = ".kinds-"  # what the names of temporary files begin with


def kinds_path() -> Path:
    """Return the file that keeps the kinds of services by their roots.

    Raises
    ------
    ConfigError
        If there is no home directory.
    """
    return user_directory("cache") / "kinds.json"


def remembered_kind(root: str, known: Iterable[str]) -> str:
    """Return the kind of the service of a root as far as it is known without a request, else nothing.

    Parameters
    ----------
    root : str
        The root.
    known : iterable of str
        The kinds that there are.
    """
    kinds = tuple(known)
    if len(kinds) == 1:
        return kinds[0]
    kind = _read().get(root, "")
    return kind if kind in kinds else ""


def probe(root: str, asked: Iterable[Tuple[str, Callable[[], bool]]]) -> str:
    """Ask of which kind the service of a root is, and remember the answer.

    Parameters
    ----------
    root : str
        The root.
    asked : iterable of (str, callable)
        The kinds, and what tells whether a service of the kind answers there.

    Raises
    ------
    ConfigError
        If none does.
    ServiceError
        If the service does not answer at all, or refuses what it was asked and is of none of the kinds.
    """
    kinds = []
    refusal = None
    for kind, answers in asked:
        kinds.append(kind)
        try:
            if answers():
                _remember(root, kind)
                return kind
        except ServiceError as error:
            if error.status is None:  # nothing answers: neither would it for another kind
                raise
            refusal = refusal or error  # a service of another kind may answer so for an address that it does not know
    if refusal:
        raise refusal
    raise ConfigError(
        f"{root} is not the root of a service of a known kind ({', '.join(kinds)}): check the address, "
        "or say the kind by 'planet-vector connections add NAME URL --kind KIND'."
    )


def clear() -> int:
    """Forget all kinds, and return how many there were."""
    count = len(_read())
    try:
        os.unlink(kinds_path())
    except (OSError, ConfigError) as error:
        log.debug("The kinds of services on disk are not removed: %s", error)
        return 0
    return count


def _read() -> Mapping[str, str]:
    try:
        content, _ = read_private(kinds_path(), _MOST_FILE)
        kinds = json.loads(content)
        if not isinstance(kinds, dict) or not all(isinstance(kind, str) for kind in kinds.values()):
            raise ValueError("no kinds by roots")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError, ConfigError) as error:  # then it is found out anew
        log.debug("The kinds of services on disk are not used: %s", error)
        return {}
    return kinds


def _remember(root: str, kind: str) -> None:
    kinds: Dict[str, str] = {**_read(), root: kind}
    try:
        make_folder(kinds_path().parent)
        write_private(kinds_path(), json.dumps(kinds).encode(), _PART)
    except (OSError, ConfigError) as error:  # the next program finds it out again
        log.debug("The kind of a service is not kept: %s", error)
