"""Connections: named services, built in or user-defined, without their keys.

User-defined connections are stored in ``connections.json`` in the user's configuration folder, which the commands,
Python and QGIS share::

    {"version": 1, "default": "office",
     "connections": {"office": {"kind": "v0", "root": "https://imagery.example.org/v0/"}}}

The first of these that applies selects the connection:

1. the one given by ``--connection``, ``connection=`` or the root of its service;
2. that of ``PL_API_URL``, if it is set;
3. the default of the file;
4. ``local``, the service that ``planet-vector serve`` starts on this machine.

Keys are stored separately (`planet_vector.keys`), each with its root.
"""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple, TypedDict, cast

from planet_vector.atomic_files import DISK_ERRORS, MAKE_ROOM, write_whole
from planet_vector.errors import ConfigError
from planet_vector.json_faults import json_fault
from planet_vector.private_files import make_folder
from planet_vector.roots import is_api_origin, normalise_url, origin
from planet_vector.user_folders import user_directory

LOCAL_PORT = 8741
"""Port on which ``planet-vector serve`` listens by default; IANA has not assigned it."""

KINDS: Mapping[str, str] = {"v0": "Scenes API v0", "stac": "STAC API"}
"""The supported kinds of services, and their display names."""

SCHEMES: Mapping[str, str] = {"stac": "Bearer"}
"""Schemes of the header Authorization by kind; other kinds use ``api-key``."""

LOCAL = "local"
ENVIRONMENT = "PL_API_URL"
"""Name of the connection that the environment variable of the same name defines."""


class _Content(TypedDict):
    """Content of the file of connections."""

    version: int
    default: str
    connections: Dict[str, Dict[str, str]]


_VERSION = 1
LONGEST_NAME = 64
"""Maximum length of a connection's name in characters."""

_WAIT = 10.0  # seconds to wait for another program that writes the file
REFUSED = '/\\,&#|"'
"""Characters that a connection's name must not contain.

A slash distinguishes addresses from names and separates a browser's paths, a comma separates lists, the others end a
value in a name.
"""


@dataclass(frozen=True)
class Connection:
    """Named service.

    Attributes
    ----------
    name : str
        Its name; empty for a root without a connection.
    root : str
        Root of its API, as `planet_vector.roots.normalise_url` writes it.
    kind : str
        One of `KINDS`; empty if only the root is known (`planet_vector.catalog.probing`).
    """

    name: str
    root: str
    kind: str = "v0"


BUILT_IN: Mapping[str, Connection] = {
    each.name: each
    for each in (
        Connection(LOCAL, f"http://127.0.0.1:{LOCAL_PORT}/v0/"),
        Connection("earth-search", "https://earth-search.aws.element84.com/v1/", "stac"),
        Connection("planetary-computer", "https://planetarycomputer.microsoft.com/api/stac/v1/", "stac"),
        Connection("landsatlook", "https://landsatlook.usgs.gov/stac-server/", "stac"),
        Connection("cdse", "https://stac.dataspace.copernicus.eu/v1/", "stac"),
    )
}
"""The built-in connections."""


def connections_path() -> Path:
    """Return the path of the file of user-defined connections.

    Raises
    ------
    ConfigError
        If the user has no configuration folder.
    """
    return user_directory("config") / "connections.json"


def all_connections() -> List[Connection]:
    """Return all connections: that of ``PL_API_URL`` unless another has its root, user-defined and built-in ones.

    Raises
    ------
    ConfigError
        If the file of connections cannot be read, or ``PL_API_URL`` is not a valid root.
    """
    found = [*_read().own, *BUILT_IN.values()]
    implicit = _of_environment(found)
    return found if implicit is None or implicit in found else [implicit, *found]


def own_names() -> List[str]:
    """Return the names of the user-defined connections.

    Raises
    ------
    ConfigError
        If the file of connections cannot be read.
    """
    return [each.name for each in _read().own]


def default_connection() -> Connection:
    """Return the connection that is used if none is named.

    Raises
    ------
    ConfigError
        If the file of connections cannot be read, or ``PL_API_URL`` is not a valid root.
    """
    kept = _read()
    found = [*kept.own, *BUILT_IN.values()]
    return _of_environment(found) or _named(kept.content["default"] or LOCAL, found)


def find_connection(text: str) -> Connection:
    """Return a connection by its name or by the root of its service.

    Parameters
    ----------
    text : str
        A connection's name or a root.

    Returns
    -------
    Connection
        The connection; for an unknown root, a temporary one without a name.

    Raises
    ------
    ConfigError
        If there is no connection of this name, or the root is invalid.
    """
    text = text.strip()
    known = all_connections()
    if "://" in text:
        root = normalise_url(text)
        return next((each for each in known if each.root == root), Connection("", root, ""))
    return _named(text, known)


def service_parameters(root: str) -> Tuple[Tuple[str, str], ...]:
    """Return the parameters that make a PLANET: name refer to a service; none for the default connection.

    Parameters
    ----------
    root : str
        Root of the service.

    Returns
    -------
    tuple of (str, str)
        Pairs of name and value: ``connection`` or ``api_url``.

    Raises
    ------
    ConfigError
        If the file of connections cannot be read.
    """
    if root == default_connection().root:
        return ()
    name = find_connection(root).name
    return (("connection", name),) if name and name != ENVIRONMENT else (("api_url", root),)


def add_connection(name: str, root: str, kind: str = "v0") -> Connection:
    """Store a connection, and return it.

    Parameters
    ----------
    name : str
    Its name: up to 64 characters, without slash, comma, quote, ``&``, ``#`` and ``|``.
    root : str
    Root of its API.
    kind : str, optional
    One of `KINDS`.

    Returns
    -------
    Connection
        The stored connection, with a normalised root.

    Raises
    ------
    ConfigError
    If name, root or kind is invalid, another connection has the name or the root, or the file cannot be written.
    """
    name = check_name(name)
    if kind not in KINDS:
        raise ConfigError(f"{kind!r} is not a supported kind of service: give one of {', '.join(KINDS)}.")
    made = Connection(name, normalise_url(root), kind)
    with _locked_content() as (content, own):
        _check_free(name, content)
        for other in (*own, *BUILT_IN.values()):
            if other.root == made.root:
                raise ConfigError(
                    f"Connection {other.name!r} has the root {made.root} already: a key belongs to a root."
                )
        content["connections"][name] = {"kind": kind, "root": made.root}
    return made


def rename_connection(old: str, new: str) -> None:
    """Rename a user-defined connection.

    Parameters
    ----------
    old : str
        Its present name.
    new : str
        Its new name.

    Raises
    ------
    ConfigError
        If there is no connection of the old name, or the new name is taken or invalid.
    """
    new = check_name(new)
    with _locked_content() as (content, _):
        if old not in content["connections"]:
            raise _not_own(old)
        _check_free(new, content)
        content["connections"][new] = content["connections"].pop(old)
        if content["default"] == old:
            content["default"] = new


def remove_connection(name: str) -> None:
    """Remove a user-defined connection; its key remains stored until ``planet-vector logout``.

    Parameters
    ----------
    name : str
        Its name.

    Raises
    ------
    ConfigError
        If there is no user-defined connection of this name.
    """
    with _locked_content() as (content, _):
        if content["connections"].pop(name, None) is None:
            raise _not_own(name)
        if content["default"] == name:
            content["default"] = ""


def set_default(name: str) -> None:
    """Set the connection that is used if none is named.

    Parameters
    ----------
    name : str
        Its name.

    Raises
    ------
    ConfigError
        If there is no connection of this name.
    """
    with _locked_content() as (content, _):
        if name not in content["connections"] and name not in BUILT_IN:
            find_connection(name)  # raises an error if there is none
            raise ConfigError(f"Connection {name} is set by an environment variable: add it under another name.")
        content["default"] = name


def check_name(name: str) -> str:
    """Return the name of a connection, without surrounding white space.

    Parameters
    ----------
    name : str
        The name.

    Raises
    ------
    ConfigError
        If it is not a valid name.
    """
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable() or any(char in REFUSED for char in name):
        raise ConfigError(
            f"A connection has a name of up to {LONGEST_NAME} characters, without {' '.join(REFUSED)}: choose another."
        )
    if name == ENVIRONMENT:
        raise ConfigError(f"{ENVIRONMENT} is the name of the connection that the variable makes: choose another.")
    return name


def may_have_key(url: str, root: str) -> bool:
    """Return whether the key of a root may be sent to an address.

    `planet_vector.roots.is_api_origin` must allow it. If several connections share the origin, the address belongs to
    the one with the longest root that it begins with, as each connection has its own key.

    Parameters
    ----------
    url : str
        The address.
    root : str
        Root of the service that the key belongs to.

    Raises
    ------
    ConfigError
        If the file of connections cannot be read.
    """
    if not is_api_origin(url, root):
        return False
    nearest = max((other for other in roots_beside(root) if url.startswith(other)), key=len, default="")
    return len(nearest) < len(root) if url.startswith(root) else not nearest


def roots_beside(root: str) -> List[str]:
    """Return the roots of other connections on the same origin.

    Parameters
    ----------
    root : str
        Root of a service.

    Raises
    ------
    ConfigError
        If the file of connections cannot be read.
    """
    here = origin(root)
    return [each.root for each in all_connections() if each.root != root and origin(each.root) == here]


def _of_environment(known: Sequence[Connection]) -> Optional[Connection]:
    url = os.environ.get(ENVIRONMENT)
    if not url:
        return None
    root = normalise_url(url, ENVIRONMENT)
    return next((each for each in known if each.root == root), Connection(ENVIRONMENT, root, ""))


def _named(name: str, known: Iterable[Connection]) -> Connection:
    for each in known:
        if each.name == name:
            return each
    if "/" in name:
        raise ConfigError(f"{name!r} is neither a connection nor an address: addresses begin with http:// or https://.")
    raise ConfigError(
        f"There is no connection {name!r}: 'planet-vector connections list' lists all connections, "
        "'planet-vector connections add' makes one."
    )


def _connection(name: str, entry: Mapping[str, str]) -> Connection:
    # An unknown kind, of a later version, is not an error before this service is used.
    kind, root = entry.get("kind"), entry.get("root")
    if not isinstance(kind, str) or not isinstance(root, str):
        raise _unusable(f"connection {name!r} has no kind or no root")
    try:
        return Connection(name, normalise_url(root), kind)
    except ConfigError:
        raise _unusable(f"the root of connection {name!r} is not an http(s) address") from None


class _Kept(NamedTuple):
    """Content of the file of connections, and the connections in it."""

    content: _Content
    own: List[Connection]


def _read() -> _Kept:
    """Return the content of the file of connections, with entries of later versions."""
    empty: _Content = {"version": _VERSION, "default": "", "connections": {}}
    try:
        text = connections_path().read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return _Kept(empty, [])
    except ConfigError:  # no home directory, hence no connections
        return _Kept(empty, [])
    except OSError as error:
        raise _unusable(error.strerror or type(error).__name__) from None
    except ValueError as error:
        raise _unusable(json_fault(error)) from None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _unusable(f"it is not valid JSON: {json_fault(error)}") from None
    if not isinstance(content, dict):
        raise _unusable("it is not a JSON object")
    kept, default = content.get("connections", {}), content.get("default", "")
    if not isinstance(kept, dict) or not all(isinstance(entry, dict) for entry in kept.values()):
        raise _unusable("its connections are not JSON objects")
    if not isinstance(default, str):
        raise _unusable("its default is not a name")
    own = [_connection(name, entry) for name, entry in sorted(kept.items())]
    return _Kept(cast(_Content, {**empty, **content}), own)


@contextmanager
def _locked_content() -> Iterator[_Kept]:
    """Yield the content of the file of connections for changes, under a lock, and write it at the end."""
    path = connections_path()
    try:
        make_folder(path.parent)
        with closing(sqlite3.connect(path.with_suffix(".lock"), timeout=_WAIT, isolation_level=None)) as lock:
            lock.execute("BEGIN EXCLUSIVE")  # a lock on every system, released if its process ends
            kept = _read()
            yield kept
            write_whole(path, json.dumps(kept.content, indent=1, ensure_ascii=False).encode() + b"\n")
    except (OSError, sqlite3.Error) as error:
        why = error.strerror if isinstance(error, OSError) else error
        full = isinstance(error, OSError) and error.errno in DISK_ERRORS or "full" in str(error)
        remedy = MAKE_ROOM if full else "make its folder writable"
        raise ConfigError(f"The file of connections {path} cannot be written ({why}): {remedy}.") from None


def _check_free(name: str, content: _Content) -> None:
    if name in content["connections"] or name in BUILT_IN:
        raise ConfigError(f"There is a connection {name!r} already: choose another name.")


def _unusable(why: str) -> ConfigError:
    path = ""
    with suppress(ConfigError):
        path = f" {connections_path()}"
    return ConfigError(f"The file of connections{path} cannot be used ({why}): correct or remove it.")


def _not_own(name: str) -> ConfigError:
    if name in BUILT_IN or name == ENVIRONMENT:
        return ConfigError(f"Connection {name!r} is built in: it can be neither removed nor renamed.")
    return ConfigError(f"There is no connection {name!r} of yours: 'planet-vector connections list' lists them.")
