"""Connections: named services, without their keys.

User-defined connections are stored in a file (`planet_vector.connection_file`), keys separately
(`planet_vector.keys`), each with its root. `planet_vector.connection_lookup` finds a connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping

from planet_vector.asset_access import AssetAccess
from planet_vector.errors import ConfigError
from planet_vector.roots import DEFAULT_API_URL

LOCAL_PORT = 8741
"""Port on which ``planet-vector serve`` listens by default; IANA has not assigned it."""

KINDS: Mapping[str, str] = {"data-v1": "Data API v1", "v0": "Scenes API v0", "stac": "STAC API"}
"""The supported kinds of services, and their display names."""

SCHEMES: Mapping[str, str] = {"stac": "Bearer"}
"""Schemes of the header Authorization by kind; other kinds use ``api-key``."""

PLANET = "planet"
"""The default connection."""

LOCAL = "local"
"""The connection to the service that ``planet-vector serve`` starts on this machine."""

ENVIRONMENT = "PL_API_URL"
"""Name of the connection that the environment variable of the same name defines."""


LONGEST_NAME = 64
"""Maximum length of a connection's name in characters."""

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
    access : AssetAccess
        How the files of scenes are accessed.
    """

    name: str
    root: str
    kind: str = "v0"
    access: AssetAccess = AssetAccess()


# Microsoft's documentation of the Planetary Computer, "Using tokens for data access".
_SIGNED = AssetAccess(token_url="https://planetarycomputer.microsoft.com/api/sas/v1/token/{account}/{container}")  # noqa: S106
# Documentation of the Copernicus Data Space Ecosystem, "S3 access".
_COPERNICUS = AssetAccess(s3_endpoint="eodata.dataspace.copernicus.eu", s3_profile="cdse", jpeg2000=True)

BUILT_IN: Mapping[str, Connection] = {
    each.name: each
    for each in (
        Connection(PLANET, DEFAULT_API_URL, "data-v1"),
        Connection(LOCAL, f"http://127.0.0.1:{LOCAL_PORT}/v0/"),
        Connection("earth-search", "https://earth-search.aws.element84.com/v1/", "stac"),
        Connection("planetary-computer", "https://planetarycomputer.microsoft.com/api/stac/v1/", "stac", _SIGNED),
        # Its addresses on the web are behind a login of a browser.
        Connection("landsatlook", "https://landsatlook.usgs.gov/stac-server/", "stac", AssetAccess(alternates=("s3",))),
        Connection("cdse", "https://stac.dataspace.copernicus.eu/v1/", "stac", _COPERNICUS),
    )
}
"""The built-in connections."""


_ENDS: Mapping[str, str] = {"/data/v1/": "data-v1", "/v0/": "v0", "/stac/": "stac"}


def usual_kind(root: str) -> str:
    """Return the kind of a service whose root ends as those of a kind do; empty for another root.

    Parameters
    ----------
    root : str
        Root of its API, as `planet_vector.roots.normalise_url` writes it.
    """
    return next((kind for end, kind in _ENDS.items() if root.endswith(end)), "")


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


def check_kind(kind: str) -> None:
    """Check that a kind of service is supported.

    Parameters
    ----------
    kind : str
        The kind.

    Raises
    ------
    ConfigError
        If it is not one of `KINDS`.
    """
    if kind not in KINDS:
        raise ConfigError(f"{kind!r} is not a supported kind of service: give one of {', '.join(KINDS)}.")


def no_connection(name: str) -> ConfigError:
    """Return the error for a name that no connection has.

    Parameters
    ----------
    name : str
        The name.
    """
    if "/" in name:
        return ConfigError(
            f"{name!r} is neither a connection nor an address: addresses begin with http:// or https://."
        )
    return ConfigError(
        f"There is no connection {name!r}: 'planet-vector connections list' lists all connections, "
        "'planet-vector connections add' makes one."
    )
