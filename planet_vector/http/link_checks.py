"""Checks of links in a service's responses, before a request is sent to them."""

from __future__ import annotations

from typing import Callable
from urllib.parse import urljoin, urlsplit

from planet_vector.errors import ProtocolError, UnavailableError
from planet_vector.http.private_hosts import PrivateHost, is_private_text, plain_host
from planet_vector.http.responses import redacted
from planet_vector.http.service_session import ServiceSession
from planet_vector.roots import origin


def checked_link(url: str, base: str, allows_private: Callable[[], bool]) -> str:
    """Return a link of a response as an absolute URL, after checking it.

    Parameters
    ----------
    url : str
        The link.
    base : str
        The URL of the response.
    allows_private : callable
        Returns whether links may lead to private hosts. It may look up a host, and is called if needed only.

    Raises
    ------
    ProtocolError
        If the link is not http(s), leads from https to http, contains a user name, or names a private host.
    """
    try:
        absolute = urljoin(base, url)
        parts = urlsplit(absolute)
        scheme, host, _ = origin(absolute)
        private = is_private_text(plain_host(host))
    except (ValueError, TypeError, AttributeError):
        raise ProtocolError("The service returned a link that is not an address.", redacted(base)) from None
    if scheme not in ("http", "https"):
        raise ProtocolError(
            f"The service returned a link that is not http(s) but {scheme!r}: it is not opened.", redacted(base)
        )
    if "@" in parts.netloc:
        raise ProtocolError("The service returned a link with a user name: it is not opened.", redacted(base))
    if scheme == "http" and urlsplit(base).scheme == "https":
        raise ProtocolError("The service links from https to http: the link is not followed.", redacted(base))
    if private is not False and not allows_private():
        kind = "a private host" if private else "a possibly private host"
        raise ProtocolError(f"The service returned a link to {kind}, {host}: it is not opened.", redacted(base))
    return absolute


def check_host(url: str, session: ServiceSession) -> None:
    """Look up the host of a link that another program will open, and check its addresses.

    Parameters
    ----------
    url : str
        The link, already checked.
    session : ServiceSession
        Connections of the service.

    Raises
    ------
    ProtocolError
        If the host is private, while that of the service is public.
    UnavailableError
        If the host is not found.
    """
    if session.proxy_of(url) is not None:  # the proxy looks it up
        return
    _, host, port = origin(url)
    name = f"GET {redacted(url)}"
    try:
        session.guard.addresses(host, port)
    except PrivateHost as error:
        raise ProtocolError(str(error), name) from None
    except OSError:
        raise UnavailableError("The host was not found: check the network.", name) from None
