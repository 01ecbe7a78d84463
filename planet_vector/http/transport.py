"""HTTP as this project needs it: retries, redirects, guarded sizes; the key for the service's own origins alone.

Redirects are followed hop by hop here, never by the HTTP library: each hop is checked, loses the key when it
leaves the API's origins, and may not step down from https to http.
"""

from __future__ import annotations

import logging
import random
import threading
import time
import weakref
from dataclasses import dataclass
from functools import wraps
from typing import Any, Callable, List, Mapping, Optional, Sequence, Tuple, TypeVar, cast
from urllib.parse import urlencode, urljoin, urlsplit

import requests

from planet_vector.config import Settings
from planet_vector.connections import LOCAL
from planet_vector.errors import ProtocolError, RateLimitError, ServiceError, UnavailableError
from planet_vector.forking import renew_after_fork
from planet_vector.http.credentials import OriginAuth
from planet_vector.http.failures import Proxy, describe_proxy, failed_exchange, no_local_service, unauthenticated
from planet_vector.http.private_hosts import Guard, GuardedAdapter, PrivateHost, is_private_text, plain_host
from planet_vector.http.rate_limit import RateLimiter
from planet_vector.http.responses import GONE, JsonResponse, check_status, parse_json, read_body, redacted
from planet_vector.roots import DEFAULT_API_URL, is_api_origin, origin
from planet_vector.workers import Workers

log = logging.getLogger(__name__)

Parameters = Sequence[Tuple[str, str]]
T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

CONNECT_TIMEOUT = 10.0  # seconds; a host that is there answers a SYN well within
READ_TIMEOUT = 60.0  # seconds without a byte; a page of 1000 scenes over a continent took the service 20-30
DEADLINE = 300.0  # seconds for one request with all its retries; what a person waits for at the most
RETRIES = 5  # after the first try, as planet's own client does
FIRST_RETRIES = 1  # while the service has never answered: more likely it is down, or the address is wrong
BACKOFF = 0.5  # seconds before the first retry, doubled each time, with full jitter
LONGEST_BACKOFF = 20.0  # seconds
MAX_REDIRECTS = 5
MAX_JSON = 64 * 2**20  # bytes decoded; the largest real page of 1000 scenes is about 2 MB
MAX_URL = 2000  # characters; the shortest limit among common servers and proxies, past it a search is POSTed

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass
class Network:
    """How a host program reaches the network, where it is not as the environment says."""

    proxies: Optional[Mapping[str, str]] = None
    certificates: Optional[str] = None


_network = Network()


def set_network(proxies: Optional[Mapping[str, str]], certificates: Optional[str]) -> None:
    """Take a host program's own proxies and certificates for all requests made from now on in this process.

    Parameters
    ----------
    proxies : mapping, optional
        As requests takes them: an address by ``http``, ``https``, or ``https://host``; an empty one for none. None
        leaves it to the environment.
    certificates : str, optional
        A file of trusted certificate authorities (PEM).
    """
    _network.proxies, _network.certificates = proxies, certificates
    # A transport lives as long as the process: its user may change the settings of the host program meanwhile.
    for transport in list(_transports):
        transport.apply_network()


def _off_the_main_thread(ask: F) -> F:
    """Have another thread call a function for the main thread, and return what it returns.

    Ctrl-C does not end looking up a host, nor, on Windows, waiting for one.
    """

    @wraps(ask)
    def call(*args: Any, **kwargs: Any) -> Any:
        if threading.current_thread() is threading.main_thread():
            return _asking.submit(ask, *args, **kwargs).result()
        return ask(*args, **kwargs)

    return cast(F, call)


class Transport:
    """Requests to one service, for JSON, bytes and redirects.

    Safe to use from several threads, and from forked processes, each of which has connections of its own.

    Parameters
    ----------
    settings : Settings
        The root, the key, the limits.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._limiter = RateLimiter(settings.rate)
        self._reached = False
        self._guard = Guard(origin(settings.api_url)[1])
        self._session = _new_session(settings, self._guard)
        self.apply_network()
        _transports.add(self)
        renew_after_fork(self._renew)

    def apply_network(self) -> None:
        """Reach the service as `set_network` says now."""
        self._session.proxies = dict(_network.proxies or {})
        self._session.trust_env = _network.proxies is None  # requests would prefer the environment's proxies
        self._session.verify = True if _network.certificates is None else _network.certificates
        self._guard.proxied = self._proxy_of(self.settings.api_url) is not None

    def _renew(self) -> None:
        # Not closed: that takes locks which a thread of the parent may have held.
        _sessions_of_parents.append(self._session)
        self._session = _new_session(self.settings, self._guard)
        self.apply_network()

    def url(self, path: str) -> str:
        """Return the address of a path below the root."""
        return urljoin(self.settings.api_url, path)

    def get_json(self, url: str, parameters: Parameters = (), limit: int = MAX_JSON) -> JsonResponse:
        """Ask for JSON, by POST when the address would be longer than `MAX_URL`.

        Raises
        ------
        ServiceError
            One of its kinds; nothing is returned in part.
        """
        return self.fetch(url, parameters, limit)[1]()

    def fetch(
        self, url: str, parameters: Parameters = (), limit: int = MAX_JSON
    ) -> Tuple[bytes, Callable[[], JsonResponse]]:
        """Ask as `get_json` does; return the body, and what reads it as JSON in whatever thread calls that.

        Threads that wait for the network are free for the next request at once when another reads what they got;
        Python reads in one thread at a time anyway. What turns out to be cut off is asked for again by the reader.

        Raises
        ------
        ServiceError
            Here, when there is no answer; from the reader, when it is no JSON.
        """
        method = "POST" if parameters and len(f"{url}?{urlencode(parameters)}") > MAX_URL else "GET"
        name = f"{method} {redacted(url)}"
        content, final = self._exchange(method, url, parameters, lambda r: (read_body(r, limit), r.url))

        def read() -> JsonResponse:
            try:
                return parse_json(content, final, name, self.settings)
            except UnavailableError:
                return self._exchange(
                    method, url, parameters, lambda r: parse_json(read_body(r, limit), r.url, name, self.settings)
                )

        return content, read

    def get_bytes(self, url: str, parameters: Parameters = (), limit: int = MAX_JSON) -> Tuple[bytes, str]:
        """Ask for a small file whole; return it with its content type.

        Raises
        ------
        ServiceError
            One of its kinds, also when the file is larger than `limit` bytes.
        """
        return self._exchange(
            "GET", url, parameters, lambda r: (read_body(r, limit), r.headers.get("Content-Type", ""))
        )

    def stream(
        self,
        url: str,
        headers: Mapping[str, str],
        handle: Callable[[requests.Response], T],
        seconds: float = DEADLINE,
        limited: bool = True,
    ) -> T:
        """Ask for a file and hand the open response to a function, which reads it.

        The function is called again when the connection breaks within it.

        Parameters
        ----------
        url : str
            The address.
        headers : mapping
            Of the request.
        handle : callable
            Returns what it makes of the response.
        seconds : float
            For all tries: none is begun later.
        limited : bool
            Whether the request counts among those whose rate is limited; ranges of a file do not.
        """
        return self._exchange("GET", url, (), handle, headers, seconds=seconds, limited=limited)

    def follow(
        self, url: str, within: bool = False, seconds: float = DEADLINE
    ) -> Tuple[str, requests.structures.CaseInsensitiveDict[str]]:
        """Find where a link leads, hop by hop, reading one byte there.

        Parameters
        ----------
        url : str
            The link.
        within : bool
            Stop at the first address off the API's origins, without asking there; it has no headers. Its host is
            looked up and checked here, as other programs that ask it are not bound to checked addresses.
        seconds : float
            For all tries: none is begun later.

        Returns
        -------
        url : str
            The last address; on the API's own origins only this one takes the key.
        headers : mapping
            Of the last answer. ``Content-Range`` tells the length where ranges are served.
        """
        outside = self._unasked if within else None
        return self._exchange(
            "GET", url, (), lambda r: (r.url, r.headers), {"Range": "bytes=0-0"}, outside, seconds=seconds
        )

    def check_link(self, url: str, base: Optional[str] = None) -> str:
        """Return a link of an answer, made absolute, once it is one that may be asked for.

        Raises
        ------
        ProtocolError
            If it is not http(s), steps down from https, holds a user name, or names a private host while
            the API is not on one. What a name stands for is checked when it is connected to.
        """
        base = base or self.settings.api_url
        try:
            absolute = urljoin(base, url)
            parts = urlsplit(absolute)
            scheme, host, _ = origin(absolute)
            private = is_private_text(plain_host(host))
        except (ValueError, TypeError, AttributeError):
            raise ProtocolError("The service gave a link that is no address.", redacted(base)) from None
        if scheme not in ("http", "https"):
            raise ProtocolError(
                f"The service gave a link that is not http(s) but {scheme!r}: it is not opened.", redacted(base)
            )
        if "@" in parts.netloc:
            raise ProtocolError("The service gave a link with a user name in it: it is not opened.", redacted(base))
        if scheme == "http" and urlsplit(base).scheme == "https":
            raise ProtocolError("The service leads from https to http: it is not followed.", redacted(base))
        if private is not False and not self._allows_private():
            kind = "a private host" if private else "what may be a private host"
            raise ProtocolError(f"The service gave a link to {kind}, {host}: it is not opened.", redacted(base))
        return absolute

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    @_off_the_main_thread
    def _allows_private(self) -> bool:
        return self._guard.allows_private()

    def _proxy_of(self, url: str) -> Optional[Proxy]:
        merged = self._session.merge_environment_settings(url, {}, None, None, None)
        address = requests.utils.select_proxy(url, merged["proxies"])
        return None if address is None else describe_proxy(address, urlsplit(url).scheme, _network.proxies)

    def _unasked(self, url: str) -> Tuple[str, requests.structures.CaseInsensitiveDict[str]]:
        _, host, port = origin(url)
        name = f"GET {redacted(url)}"
        if self._proxy_of(url) is None:  # else the proxy looks it up
            try:
                self._guard.addresses(host, port)
            except PrivateHost as error:
                raise ProtocolError(str(error), name) from None
            except OSError:
                raise UnavailableError("The host is not found: check the network.", name) from None
        return url, requests.structures.CaseInsensitiveDict()

    @_off_the_main_thread
    def _exchange(
        self,
        method: str,
        url: str,
        parameters: Parameters,
        handle: Callable[[requests.Response], T],
        headers: Optional[Mapping[str, str]] = None,
        outside: Optional[Callable[[str], T]] = None,
        seconds: float = DEADLINE,
        limited: bool = True,
    ) -> T:
        """Ask until there is an answer, an error that stays, or no time left."""
        end = time.monotonic() + seconds
        for attempt in range(RETRIES + 1):
            if limited:
                self._limiter.wait()
            try:
                return self._once(method, url, parameters, handle, headers, outside)
            except (RateLimitError, UnavailableError) as error:
                pause = error.retry_after
                if pause is None:
                    pause = random.uniform(0, min(LONGEST_BACKOFF, BACKOFF * 2**attempt))  # noqa: S311
                retries = RETRIES if self._reached else FIRST_RETRIES
                if attempt >= retries or time.monotonic() + pause > end:
                    raise self._explained(error) from None
                log.debug("%s; trying again in %.1f s", error, pause)
                time.sleep(pause)
            except ServiceError as error:
                raise self._explained(error) from None
        raise AssertionError("unreachable")

    def _explained(self, error: ServiceError) -> ServiceError:
        """Return an error that also says so where the service itself is no more."""
        if self.settings.api_url == DEFAULT_API_URL:
            error.message = f"{error.message.rstrip('.')} ({GONE})."
        elif (
            self.settings.connection == LOCAL
            and isinstance(error, UnavailableError)
            and not (self._reached or self._guard.proxied)
        ):
            error.message = no_local_service(self.settings)
        return error

    def _once(
        self,
        method: str,
        url: str,
        parameters: Parameters,
        handle: Callable[[requests.Response], T],
        headers: Optional[Mapping[str, str]],
        outside: Optional[Callable[[str], T]],
    ) -> T:
        for _ in range(MAX_REDIRECTS + 1):
            name = f"{method} {redacted(url)}"
            if outside is not None and not is_api_origin(url, self.settings.api_url):
                return outside(url)
            try:
                with self._session.request(
                    method,
                    url,
                    params=list(parameters) if method == "GET" else None,
                    data=list(parameters) if method == "POST" else None,
                    headers=dict(headers or {}),
                    stream=True,
                    allow_redirects=False,
                    timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
                ) as response:
                    log.debug("%s -> %d", name, response.status_code)
                    self._reached = True
                    if response.status_code not in _REDIRECTS or "Location" not in response.headers:
                        if response.status_code == 407:
                            raise ProtocolError(unauthenticated(self._proxy_of(url)), name, 407)
                        check_status(response, name, self.settings)
                        return handle(response)
                    url = self.check_link(response.headers["Location"], response.url)
            except PrivateHost as error:
                raise ProtocolError(str(error), name) from None
            except requests.exceptions.RequestException as error:
                raise failed_exchange(error, url, name, self._proxy_of(url), self.settings) from None
            except UnicodeError as error:
                raise ProtocolError(
                    f"The exchange with the service failed ({type(error).__name__}): check the address.", name
                ) from None
            if method == "GET" or response.status_code in (301, 302, 303):
                # The address redirected to holds whatever parameters it is to have (RFC 9110, section 15.4).
                method, parameters = "GET", ()
        raise ProtocolError(f"The service redirects more than {MAX_REDIRECTS} times: it is not followed.", name)


def _new_session(settings: Settings, guard: Guard) -> requests.Session:
    session = requests.Session()
    adapter = GuardedAdapter(guard, pool_connections=4, pool_maxsize=2 * max(settings.connections, 4), max_retries=0)
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    session.auth = OriginAuth(settings)
    session.headers["User-Agent"] = "planet_vector"
    # A cookie set by one answer is a credential that would go out with others: keep none.
    session.cookies.set_policy(_NoCookies())
    return session


class _NoCookies(requests.cookies.cookielib.DefaultCookiePolicy):  # type: ignore[name-defined,misc]
    def set_ok(self, cookie: Any, request: Any) -> bool:
        return False


_transports: weakref.WeakSet[Transport] = weakref.WeakSet()
_sessions_of_parents: List[requests.Session] = []  # of this process's parents, kept as they were at the fork
_asking = Workers(64, "planet-request")  # one asks for the main thread; others may hang since it was interrupted
