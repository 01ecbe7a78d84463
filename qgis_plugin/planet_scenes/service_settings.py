"""QGIS's settings of services, by root: the id of the authentication configuration, and the saved searches.

Earlier versions stored the connections with all their settings there; `take_over` migrates them.
"""

from __future__ import annotations

import json
from itertools import count
from typing import Any, Dict

from qgis.core import QgsSettings

from planet_vector.connection_file import add_connection
from planet_vector.connection_lookup import all_connections
from planet_vector.connections import ENVIRONMENT, LONGEST_NAME, REFUSED
from planet_vector.errors import ConfigError
from planet_vector.roots import FORMER_API_URL, normalise_url

Entries = Dict[str, Dict[str, Any]]
"""Settings by the root URL of a service, in earlier versions by the name of a connection."""

_SERVICES = "planet_scenes/services"  # by root: the authentication configuration, the saved searches
_EARLIER = "planet_scenes/connections"  # where earlier versions kept connections with all their settings


def read_services() -> Entries:
    """Return the settings of all services, by root."""
    return _read(_SERVICES)


def write_services(entries: Entries) -> None:
    """Store the settings of all services.

    Parameters
    ----------
    entries : dict
        Settings by root; empty ones are left out.
    """
    QgsSettings().setValue(
        _SERVICES, json.dumps({root: entry for root, entry in entries.items() if any(entry.values())})
    )


def take_over() -> bool:
    """Migrate the settings of earlier versions; entries that cannot be used are skipped.

    Returns
    -------
    bool
        True if there were any.

    Raises
    ------
    ConfigError
        If the file of connections cannot be written; the old settings are kept then.
    """
    earlier = {name: entry for name, entry in _read(_EARLIER).items() if _usable(entry)}
    if not earlier:
        return False
    kept = read_services()
    for name, entry in earlier.items():
        root = normalise_url(entry["url"])
        fields = {key: entry[key] for key in ("authcfg", "searches") if entry.get(key)}
        # Planet's own v0 is switched off: migrate it only if the user changed it.
        if root == FORMER_API_URL and not fields:
            continue
        if root not in (known.root for known in all_connections() if known.name != ENVIRONMENT):
            add_connection(free_name(name), root)
        kept[root] = {**fields, **kept.get(root, {})}
    QgsSettings().remove(_EARLIER)
    write_services(kept)
    return True


def free_name(name: str) -> str:
    """Return a valid name for a new connection that no other has.

    Parameters
    ----------
    name : str
        The wanted name; characters that are not allowed are replaced, and a number is added if it is taken.
    """
    taken = {known.name for known in all_connections()}
    name = "".join("_" if char in REFUSED or not char.isprintable() else char for char in name)[:LONGEST_NAME].strip()
    numbered = (f"{name[: LONGEST_NAME - 4]} {number}".strip() for number in count(2))
    return name if name and name not in taken else next(each for each in numbered if each not in taken)


def _read(key: str) -> Entries:
    """Return the dictionary stored in the settings under a key, without malformed entries."""
    try:
        kept = json.loads(QgsSettings().value(key, "") or "{}")
    except ValueError:
        return {}
    return {name: entry for name, entry in kept.items() if isinstance(entry, dict)} if isinstance(kept, dict) else {}


def _usable(entry: Any) -> bool:
    """Return True if a stored connection has a valid root; the settings may have been edited by hand."""
    try:
        return isinstance(entry, dict) and bool(normalise_url(entry["url"]))
    except (KeyError, TypeError, AttributeError, ConfigError):
        return False
