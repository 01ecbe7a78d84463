"""File of user-defined connections, which the commands, Python and QGIS share.

It is ``connections.json`` in the user's configuration folder::

    {"version": 1, "default": "office",
     "connections": {"office": {"kind": "v0", "root": "https://imagery.example.org/v0/"}}}

Its keys are stored separately (`planet_vector.keys`). A member ``access`` has settings for access to the files of
scenes (`planet_vector.asset_access`), by the names of connections, also of built-in ones.
"""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, NamedTuple, TypedDict, cast

from planet_vector.asset_access import AssetAccess
from planet_vector.atomic_files import write_whole
from planet_vector.connections import (
    BUILT_IN,
    ENVIRONMENT,
    Connection,
    check_kind,
    check_name,
    no_connection,
    usual_kind,
)
from planet_vector.disk_errors import disk_remedy
from planet_vector.errors import ConfigError
from planet_vector.file_lock import AlreadyLocked, locked
from planet_vector.json_faults import json_fault
from planet_vector.private_files import make_folder
from planet_vector.roots import normalise_url
from planet_vector.user_folders import user_directory

_VERSION = 1
_WAIT = 10.0  # seconds to wait for another program that writes the file


class FileContent(TypedDict):
    """Content of the file of connections."""

    version: int
    default: str
    connections: Dict[str, Dict[str, str]]
    access: Dict[str, Dict[str, object]]


class ConnectionFile(NamedTuple):
    """Content of the file of connections.

    Attributes
    ----------
    content : FileContent
        The content.
    own : list of Connection
        The connections in it.
    built_in : list of Connection
        The built-in ones, with their settings of access in it.
    """

    content: FileContent
    own: List[Connection]
    built_in: List[Connection]


def connections_path() -> Path:
    """Return the path of the file of user-defined connections.

    Raises
    ------
    ConfigError
        If the user has no configuration folder.
    """
    return user_directory("config") / "connections.json"


def read_connections() -> ConnectionFile:
    """Return the content of the file of connections, with entries of later versions.

    Raises
    ------
    ConfigError
        If the file cannot be read.
    """
    empty: FileContent = {"version": _VERSION, "default": "", "connections": {}, "access": {}}
    nothing = ConnectionFile(empty, [], list(BUILT_IN.values()))
    try:
        text = connections_path().read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return nothing
    except ConfigError:  # no home directory, hence no connections
        return nothing
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
    access = content.get("access", {})
    if not isinstance(access, dict) or not all(isinstance(entry, dict) for entry in access.values()):
        raise _unusable("its settings of access are not JSON objects")

    def accessed(made: Connection) -> Connection:
        try:
            return replace(made, access=made.access.with_changes(access.get(made.name, {})))
        except ConfigError as error:
            raise _unusable(f"the access of connection {made.name!r}: {str(error).rstrip('.')}") from None

    own = [accessed(_connection(name, entry)) for name, entry in sorted(kept.items())]
    built_in = [accessed(each) for each in BUILT_IN.values()]
    return ConnectionFile(cast(FileContent, {**empty, **content}), own, built_in)


def own_names() -> List[str]:
    """Return the names of the user-defined connections.

    Raises
    ------
    ConfigError
        If the file of connections cannot be read.
    """
    return [each.name for each in read_connections().own]


def add_connection(name: str, root: str, kind: str = "") -> Connection:
    """Store a connection, and return it.

    Parameters
    ----------
    name : str
        Its name: up to 64 characters, without slash, comma, quote, ``&``, ``#`` and ``|``.
    root : str
        Root of its API.
    kind : str, optional
        One of `planet_vector.connections.KINDS`; by default that of roots that end so, else ``v0``.

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
    root = normalise_url(root)
    kind = kind or usual_kind(root) or "v0"
    check_kind(kind)
    made = Connection(name, root, kind)
    with _locked_content() as (content, own, _):
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
    with _locked_content() as (content, _, _):
        if old not in content["connections"]:
            raise _not_own(old)
        _check_free(new, content)
        content["connections"][new] = content["connections"].pop(old)
        if old in content["access"]:
            content["access"][new] = content["access"].pop(old)
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
    with _locked_content() as (content, _, _):
        if content["connections"].pop(name, None) is None:
            raise _not_own(name)
        content["access"].pop(name, None)
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
    with _locked_content() as (content, _, _):
        if name not in content["connections"] and name not in BUILT_IN:
            if name == ENVIRONMENT and os.environ.get(ENVIRONMENT):
                raise ConfigError(f"Connection {name} is set by an environment variable: add it under another name.")
            raise no_connection(name)
        content["default"] = name


def set_access(name: str, changes: Mapping[str, object], reset: bool = False) -> AssetAccess:
    """Change how the files of a connection's scenes are accessed.

    Parameters
    ----------
    name : str
        Name of the connection.
    changes : mapping of str to object
        Values by the names of the attributes of `planet_vector.asset_access.AssetAccess`.
    reset : bool
        Whether to reset the other settings to the connection's defaults.

    Returns
    -------
    AssetAccess
        The settings of the connection now.

    Raises
    ------
    ConfigError
        If there is no connection of this name, a value is invalid, or the file cannot be written.
    """
    with _locked_content() as (content, own, built_in):
        found = next((each for each in (*own, *built_in) if each.name == name), None)
        if found is None:
            raise no_connection(name)
        usual = BUILT_IN[name].access if name in BUILT_IN else AssetAccess()
        access = (usual if reset else found.access).with_changes(changes)
        content["access"][name] = access.changes_from(usual)
        if not content["access"][name]:
            del content["access"][name]
    return access


@contextmanager
def _locked_content() -> Iterator[ConnectionFile]:
    """Yield the content of the file of connections for changes, under a lock, and write it at the end."""
    path = connections_path()
    try:
        make_folder(path.parent)
        with locked(path.with_suffix(".lock"), _WAIT):
            kept = read_connections()
            yield kept
            if not kept.content["access"]:
                kept.content.pop("access")  # type: ignore[misc]
            write_whole(path, json.dumps(kept.content, indent=1, ensure_ascii=False).encode() + b"\n")
    except AlreadyLocked:
        raise ConfigError(f"Another program is changing the file of connections {path}: try again.") from None
    except (OSError, sqlite3.Error) as error:
        why = error.strerror if isinstance(error, OSError) else error
        remedy = disk_remedy(error) or "make its folder writable"
        raise ConfigError(f"The file of connections {path} cannot be written ({why}): {remedy}.") from None


def _connection(name: str, entry: Mapping[str, str]) -> Connection:
    # An unknown kind, of a later version, is not an error before this service is used.
    kind, root = entry.get("kind"), entry.get("root")
    if not isinstance(kind, str) or not isinstance(root, str):
        raise _unusable(f"connection {name!r} has no kind or no root")
    try:
        return Connection(name, normalise_url(root), kind)
    except ConfigError:
        raise _unusable(f"the root of connection {name!r} is not an http(s) address") from None


def _check_free(name: str, content: FileContent) -> None:
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
