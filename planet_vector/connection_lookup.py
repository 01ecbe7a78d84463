"""Look-up of connections: by name, by root, and the default.

The first of these that applies selects the connection:

1. the one given by ``--connection``, ``connection=`` or the root of its service;
2. that of ``PL_API_URL``, if it is set;
3. the default of the file (`planet_vector.connection_file`);
4. ``planet``, Planet's Data API v1.
"""

from __future__ import annotations

import os
from typing import Iterable, List, Optional, Sequence, Tuple

from planet_vector.connection_file import read_connections
from planet_vector.connections import ENVIRONMENT, PLANET, Connection, no_connection
from planet_vector.names import Name
from planet_vector.roots import is_api_origin, normalise_url, origin


def all_connections() -> List[Connection]:
    """Return all connections: that of ``PL_API_URL`` unless another has its root, user-defined and built-in ones.

    Raises
    ------
    ConfigError
        If the file of connections cannot be read, or ``PL_API_URL`` is not a valid root.
    """
    kept = read_connections()
    found = [*kept.own, *kept.built_in]
    implicit = _of_environment(found)
    return found if implicit is None or implicit in found else [implicit, *found]


def default_connection() -> Connection:
    """Return the connection that is used if none is named.

    Raises
    ------
    ConfigError
        If the file of connections cannot be read, or ``PL_API_URL`` is not a valid root.
    """
    kept = read_connections()
    found = [*kept.own, *kept.built_in]
    return _of_environment(found) or _named(kept.content["default"] or PLANET, found)


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


def name_at(root: str, collection: str, item: str = "", part: str = "") -> Name:
    """Return the name of something of a service, which opens it with any default connection.

    Parameters
    ----------
    root : str
        Root of the service.
    collection, item, part : str
        As in `Name`.

    Raises
    ------
    ConfigError
        If the file of connections cannot be read.
    """
    connection = find_connection(root)
    if connection.kind == "stac" and connection.name:
        return Name(collection, item, part, begins_with=connection.name)
    return Name(collection, item, part, service_parameters(root))


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
    raise no_connection(name)
