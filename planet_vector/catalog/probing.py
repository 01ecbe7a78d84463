"""Detection of the kind of a service of which only the root is known, and a cache of the results.

``PL_API_URL``, or a root instead of a connection's name, does not specify the kind. A root that ends as those of a kind
do, in ``/v0/``, ``/data/v1/`` or ``/stac/``, is of that kind. For another root, each kind's client checks whether its
service responds. A service of another kind with such a root needs a connection, which specifies its kind.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Callable, Dict, Iterable, Mapping, Tuple

from planet_vector.connections import usual_kind
from planet_vector.errors import ConfigError, ServiceError
from planet_vector.private_files import make_folder, read_private, write_private
from planet_vector.user_folders import user_directory

log = logging.getLogger(__name__)

_MOST_FILE = 2**20  # bytes
_V0 = "v0"
_PART = ".kinds-"  # beginning of the names of temporary files


def kinds_path() -> Path:
    """Return the path of the file that caches the kinds of services by root.

    Raises
    ------
    ConfigError
        If there is no home directory.
    """
    return user_directory("cache") / "kinds.json"


def remembered_kind(root: str, known: Iterable[str]) -> str:
    """Return the kind of a service if it is known without a request, else an empty text.

    Parameters
    ----------
    root : str
        Root of the service.
    known : iterable of str
        The supported kinds.
    """
    kinds = tuple(known)
    if len(kinds) == 1:
        return kinds[0]
    if usual_kind(root) in kinds:
        return usual_kind(root)
    kind = _read().get(root, "")
    return kind if kind in kinds else ""


def probe(root: str, asked: Iterable[Tuple[str, Callable[[], bool]]]) -> str:
    """Detect the kind of a service, and cache it.

    Parameters
    ----------
    root : str
        Root of the service.
    asked : iterable of (str, callable)
        The kinds, each with a function that returns whether a service of the kind responds at the root.

    Returns
    -------
    str
        The kind.

    Raises
    ------
    ConfigError
        If no kind matches.
    ServiceError
        If the service does not respond, or rejects the requests and matches no kind.
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
        "or specify the kind by 'planet-vector connections add NAME URL --kind KIND'."
    )


def clear() -> int:
    """Clear the cache of kinds.

    Returns
    -------
    int
        The number of entries removed.
    """
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
    except (OSError, ValueError, RecursionError, ConfigError) as error:  # then it is detected again
        log.debug("The kinds of services on disk are not used: %s", error)
        return {}
    return kinds


def _remember(root: str, kind: str) -> None:
    kinds: Dict[str, str] = {**_read(), root: kind}
    try:
        make_folder(kinds_path().parent)
        write_private(kinds_path(), json.dumps(kinds).encode(), _PART)
    except (OSError, ConfigError) as error:  # the next program detects it again
        log.debug("The kind of a service is not kept: %s", error)
