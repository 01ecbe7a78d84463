"""HTTP connections to a service and to the hosts of its links; they keep no cookies and follow no redirects.

They use the proxies and certificates of the environment or of a host program, send the key by
`planet_vector.http.credentials`, and are guarded by `planet_vector.http.private_hosts`.
"""

from __future__ import annotations

import logging
import weakref
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, TypedDict, Union
from urllib.parse import urlsplit

import requests

from planet_vector.config import Settings
from planet_vector.forking import renew_after_fork
from planet_vector.http.credentials import OriginAuth
from planet_vector.http.failures import Proxy, describe_proxy
from planet_vector.http.private_hosts import Guard, GuardedAdapter
from planet_vector.roots import is_loopback, origin

Parameters = Sequence[Tuple[str, str]]
"""Names and values of a query."""


@dataclass
class Network:
    """Proxies and certificates of a host program, where they differ from the environment's."""

    proxies: Optional[Mapping[str, str]] = None
    certificates: Optional[str] = None


_network = Network()


def set_network(proxies: Optional[Mapping[str, str]], certificates: Optional[str]) -> None:
    """Set a host program's proxies and certificates for all further requests of this process.

    Parameters
    ----------
    proxies : mapping of str to str or None
        As for requests: an address by ``http``, ``https``, or ``https://host``; an empty mapping for none. None uses
        the environment's.
    certificates : str or None
        A file of trusted certificate authorities (PEM).
    """
    _network.proxies, _network.certificates = proxies, certificates
    # Sessions live as long as the process, in which the user may change the host program's settings.
    for session in list(_sessions):
        session.apply_network()


class RequestArguments(TypedDict):
    """Arguments of `requests.Session.request`."""

    params: Optional[List[Tuple[str, str]]]
    data: Union[List[Tuple[str, str]], bytes, None]
    headers: Dict[str, str]
    stream: bool
    allow_redirects: bool
    timeout: Tuple[float, float]


def request_arguments(
    method: str,
    parameters: Parameters,
    headers: Optional[Mapping[str, str]],
    timeouts: Tuple[float, float],
    content: Optional[bytes] = None,
) -> RequestArguments:
    """Return the arguments of a request whose response is not read, and not followed if it is a redirect.

    Parameters
    ----------
    method : str
        ``GET``, or ``POST``, which sends the parameters in the body.
    parameters : sequence of (str, str)
        Names and values of the query.
    headers : mapping of str to str, optional
        Further headers.
    timeouts : (float, float)
        Seconds to connect, and without a byte.
    content : bytes, optional
        JSON to send as the body of a ``POST``, with the parameters in the URL.
    """
    in_body = method == "POST" and content is None
    kind = {} if content is None else {"Content-Type": "application/json"}
    return {
        "params": None if in_body else list(parameters),
        "data": list(parameters) if in_body else content,
        "headers": {**(headers or {}), **kind},
        "stream": True,
        "allow_redirects": False,
        "timeout": timeouts,
    }


class ServiceSession:
    """Connections for requests of one service.

    They can be used from several threads, and from forked processes, each of which has its own connections.

    Parameters
    ----------
    settings : Settings
        Root, key and limits of the service.

    Attributes
    ----------
    guard : Guard
        Prevents connections to private hosts.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.guard = Guard(origin(settings.api_url)[1])
        self._session = _new_session(settings, self.guard)
        self.apply_network()
        _sessions.add(self)
        renew_after_fork(self._renew)

    def apply_network(self) -> None:
        """Apply the current settings of `set_network`."""
        self._session.proxies = dict(_network.proxies or {})
        self._session.trust_env = _network.proxies is None  # requests would prefer the environment's proxies
        self._session.verify = True if _network.certificates is None else _network.certificates
        self.guard.proxied = self.proxy_of(self._settings.api_url) is not None

    def _renew(self) -> None:
        # Not closed: that requires locks which a thread of the parent may have held.
        _sessions_of_parents.append(self._session)
        self._session = _new_session(self._settings, self.guard)
        self.apply_network()

    @property
    def connections(self) -> requests.Session:
        """The connections of this process, for requests with `request_arguments`."""
        return self._session

    def proxy_of(self, url: str) -> Optional[Proxy]:
        """Return the proxy for a URL, or None.

        Parameters
        ----------
        url : str
            The URL.
        """
        merged = self._session.merge_environment_settings(url, {}, None, None, None)
        address = requests.utils.select_proxy(url, merged["proxies"])
        return None if address is None else describe_proxy(address, urlsplit(url).scheme, _network.proxies)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


def _new_session(settings: Settings, guard: Guard) -> requests.Session:
    session = requests.Session()
    adapter = GuardedAdapter(guard, pool_connections=4, pool_maxsize=2 * max(settings.connections, 4), max_retries=0)
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    session.auth = OriginAuth(settings)
    session.headers["User-Agent"] = "planet_vector"
    if is_loopback(urlsplit(settings.api_url).hostname or ""):
        # Compressing and decompressing a page takes longer than passing it on, and as long as decoding it.
        session.headers["Accept-Encoding"] = "identity"
    # Keep no cookies: a cookie is a credential, which would be sent with other requests.
    session.cookies.set_policy(_NoCookies())
    return session


class _WithoutQueries(logging.Filter):
    """Filter of urllib3's messages about requests, whose addresses may be signed in the query."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                f"{arg.partition('?')[0]}?…" if isinstance(arg, str) and "?" in arg else arg for arg in record.args
            )
        return True


logging.getLogger("urllib3.connectionpool").addFilter(_WithoutQueries())


class _NoCookies(requests.cookies.cookielib.DefaultCookiePolicy):  # type: ignore[name-defined,misc]
    def set_ok(self, cookie: Any, request: Any) -> bool:
        return False


_sessions: weakref.WeakSet[ServiceSession] = weakref.WeakSet()
_sessions_of_parents: List[requests.Session] = []  # of this process's parents, unchanged since the fork
