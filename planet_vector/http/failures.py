"""Errors for requests that failed before there was a response: in the network, TLS or a proxy."""

from __future__ import annotations

import os
import re
from typing import Mapping, NamedTuple, Optional

import requests

from planet_vector.config import Settings
from planet_vector.errors import ProtocolError, ServiceError, UnavailableError
from planet_vector.http.responses import redacted
from planet_vector.roots import origin

_NO_TLS = ("WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
"""OpenSSL's reasons for a first response that is not TLS."""

_UNVERIFIED = re.compile(r"certificate verify failed: ([^(\"']+?)\s*\(_ssl", re.IGNORECASE)
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3}[ \w]*)")


class Proxy(NamedTuple):
    """Proxy, as shown in errors.

    Attributes
    ----------
    address : str
        Without user name and password.
    source : str
        The environment variable or the settings that specify it.
    """

    address: str
    source: str

    def __str__(self) -> str:
        return f"The proxy {self.address} ({self.source})"


def describe_proxy(address: str, scheme: str, given: Optional[Mapping[str, str]]) -> Proxy:
    """Return a proxy with the place where it was set.

    Parameters
    ----------
    address : str
        The proxy's address.
    scheme : str
        Scheme of the requested URL.
    given : mapping of str to str or None
        The proxies of the host program; None if the environment's are used.
    """
    source = "the proxy settings of this program" if given is not None else "the proxy settings of the system"
    if given is None:
        for name in (f"{scheme}_proxy", f"{scheme}_proxy".upper(), "all_proxy", "ALL_PROXY"):
            if os.environ.get(name):
                source = name
                break
    if "://" in address:
        return Proxy(redacted(address).rstrip("/"), source)
    return Proxy(redacted(f"//{address}")[2:].rstrip("/"), source)


def failed_exchange(
    error: requests.exceptions.RequestException, url: str, name: str, proxy: Optional[Proxy], settings: Settings
) -> ServiceError:
    """Return the error for a failed request.

    Parameters
    ----------
    error : requests.exceptions.RequestException
        The cause.
    url : str
        The requested URL.
    name : str
        The request, as shown in errors.
    proxy : Proxy or None
        The proxy of the request.
    settings : Settings
        The service.

    Returns
    -------
    ServiceError
        The error, to be raised.
    """
    kinds = requests.exceptions
    if proxy is not None:
        if isinstance(error, kinds.ProxyError):
            return UnavailableError(_of_proxy(str(error), proxy, origin(url)[1]), name)
        if isinstance(error, kinds.ConnectTimeout):
            return UnavailableError(f"{proxy} did not answer in time: {_remedy(proxy, origin(url)[1])}.", name)
        if isinstance(error, (kinds.InvalidURL, kinds.InvalidSchema, kinds.InvalidProxyURL)):
            if "SOCKS" in str(error):
                return ProtocolError(f"{proxy} requires PySocks, which is not installed: pip install pysocks.", name)
            return ProtocolError(f"{proxy} has an invalid address: write http://HOST:PORT in {proxy.source}.", name)
    if isinstance(error, kinds.Timeout):
        return UnavailableError("The service did not answer in time: try again later.", name)
    if isinstance(error, kinds.SSLError):
        return UnavailableError(_of_tls(str(error), url, settings), name)
    if isinstance(error, (kinds.ConnectionError, kinds.ChunkedEncodingError)):
        remedy = "check that it is running, the address and the network"
        if "Connection aborted" in str(error) and url.startswith("http:"):
            remedy = "check that it is running, and whether its address begins with https"
        return UnavailableError(f"The connection to the service failed: {remedy}.", name)
    return ProtocolError(f"The exchange with the service failed ({type(error).__name__}): check the address.", name)


def _remedy(proxy: Proxy, host: str) -> str:
    return f"correct {proxy.source}, or name {host} in NO_PROXY"


def _of_proxy(text: str, proxy: Proxy, host: str) -> str:
    tunnel = _TUNNEL.search(text)
    if "only use HTTP and not HTTPS" in text:
        return f"{proxy} does not support https: write its address with http://."
    if tunnel is None:
        return f"{proxy} cannot be reached: {_remedy(proxy, host)}."
    if tunnel[1].startswith("407"):
        return unauthenticated(proxy)
    return f"{proxy} does not connect to {host} ({tunnel[1].strip()}): {_remedy(proxy, host)}."


def no_local_service(settings: Settings) -> str:
    """Return the message for the connection ``local`` if its service is not running.

    Parameters
    ----------
    settings : Settings
        The service.
    """
    withheld = f" ({settings.withheld})" if settings.withheld else ""
    return (
        "The connection 'local' reaches no service on this machine: start one with 'planet-vector serve FOLDER' "
        "(for sample images: 'planet-vector sample FOLDER'), or specify another with --connection or in "
        f"PL_API_URL{withheld}."
    )


def unauthenticated(proxy: Optional[Proxy]) -> str:
    """Return the message for a status 407.

    Parameters
    ----------
    proxy : Proxy or None
        The proxy of the request; None without one.
    """
    if proxy is None:
        return "The service responded like a proxy that requires a password (407): check the address."
    return f"{proxy} requires a user name and a password (407): write them before its host, as USER:PASSWORD@HOST."


def _of_tls(text: str, url: str, settings: Settings) -> str:
    if any(reason in text.upper().replace(" ", "_") for reason in _NO_TLS):
        _, host, port = origin(url)
        return (
            f"There is no https at {host}, port {port}, but perhaps http: check scheme and port in "
            f"{settings.root_source}."
        )
    unverified = _UNVERIFIED.search(text)
    if unverified is None and "certificate" not in text.lower():
        return "The service closed the https connection: check the address, the network and the proxy."
    why = f" ({unverified[1]})" if unverified else ""
    return (
        f"The service's certificate could not be verified{why}: check the address and the clock, or set "
        "REQUESTS_CA_BUNDLE to the file of its certificate authority."
    )
