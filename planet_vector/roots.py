"""Roots of services in normal form, and the addresses that may be sent the key of a root."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit, urlunsplit

from planet_vector.errors import ConfigError

DEFAULT_API_URL = "https://api.planet.com/data/v1/"
"""Root of Planet's Data API v1. Its basemaps and tiles have other addresses on hosts of planet.com."""

FORMER_API_URL = "https://api.planet.com/v0/"
"""Root of Planet's Scenes API v0, which was switched off in 2017."""

_PLANET = "planet.com"

_PORTS = {"http": 80, "https": 443}


def normalise_url(url: str, source: str = "it") -> str:
    """Return the root of an API in normal form: scheme and host in lower case, a slash at the end.

    Parameters
    ----------
    url : str
        The root.
    source : str, optional
        Where it was set, for error messages.

    Returns
    -------
    str
        The normalised root.

    Raises
    ------
    ConfigError
        If it is not an http(s) address, or contains a user name, a query or a fragment.
    """
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in _PORTS or not host:
        raise ConfigError(
            f"The root of the API must be an http(s) address such as https://imagery.example.org/v0/: check {source}."
        )
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigError(
            "The root of the API contains a user name, a query or a fragment: "
            "give the bare address, and the key in PL_API_KEY."
        )
    return urlunsplit((parts.scheme, parts.netloc.lower(), parts.path.rstrip("/") + "/", "", ""))


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of an address.

    Parameters
    ----------
    url : str
        The address.

    Raises
    ------
    ValueError
        If it has no host, or an invalid port; or a backslash, at which other programs than Python end the host.
    """
    parts = urlsplit(url)
    if not parts.hostname or "\\" in parts.netloc:
        raise ValueError("an address without a host")
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme, 0)


def is_api_origin(url: str, api_url: str) -> bool:
    """Return whether the key of a root may be sent to an address.

    The origins must be equal, or both be https hosts of planet.com: Planet keeps thumbnails and tiles on
    tiles.planet.com and tiles0.planet.com to tiles3.planet.com.

    Parameters
    ----------
    url : str
        The address.
    api_url : str
        The root.
    """
    try:
        there, root = origin(url), origin(api_url)
    except ValueError:
        return False
    if there == root:
        return True
    return all(
        scheme == "https" and port == 443 and (host == _PLANET or host.endswith("." + _PLANET))
        for scheme, host, port in (there, root)
    )


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine: a loopback address, or a name that always resolves to one.

    Nothing is looked up. The names are those of RFC 6761, section 6.3.

    Parameters
    ----------
    host : str
        The host, in lower case; an address without brackets.
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
