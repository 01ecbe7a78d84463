"""HTTP requests to a service: retries, redirects, size limits; the key is sent to the service's own origins only.

Redirects are followed here, never by the HTTP library. Each one is checked, loses the key if it leaves the API's
origins, and may not lead from https to http.
"""

from __future__ import annotations

import json
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

CONNECT_TIMEOUT = 10.0  # seconds; a running host acknowledges a SYN much faster
READ_TIMEOUT = 60.0  # seconds without a byte; the service took 20-30 for a page of 1000 scenes over a continent
DEADLINE = 300.0  # seconds for one request with all retries; the limit of a user's patience
RETRIES = 5  # after the first try, as in planet's own client
FIRST_RETRIES = 1  # before the first response: the service is probably down, or the address wrong
BACKOFF = 0.5  # seconds before the first retry, doubled each time, with full jitter
LONGEST_BACKOFF = 20.0  # seconds
MAX_REDIRECTS = 5
MAX_JSON = 64 * 2**20  # bytes decoded; the largest real page of 1000 scenes is about 2 MB
MAX_URL = 2000  # characters; the lowest limit of common servers and proxies; longer searches use POST

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


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
    # Transports live as long as the process, in which the user may change the host program's settings.
    for transport in list(_transports):
        transport.apply_network()


def _off_the_main_thread(ask: F) -> F:
    """Run a function in another thread if the main thread calls it.

    Ctrl-C does not interrupt the look-up of a host, nor, on Windows, waiting for its response.
    """

    @wraps(ask)
    def call(*args: Any, **kwargs: Any) -> Any:
        if threading.current_thread() is threading.main_thread():
            return _main_thread_workers.submit(ask, *args, **kwargs).result()
        return ask(*args, **kwargs)

    return cast(F, call)


class Transport:
    """Client for requests to one service.

    It can be used from several threads, and from forked processes, each of which has its own connections.

    Parameters
    ----------
    settings : Settings
        Root, key and limits of the service.
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
        """Apply the current settings of `set_network`."""
        self._session.proxies = dict(_network.proxies or {})
        self._session.trust_env = _network.proxies is None  # requests would prefer the environment's proxies
        self._session.verify = True if _network.certificates is None else _network.certificates
        self._guard.proxied = self._proxy_of(self.settings.api_url) is not None

    def _renew(self) -> None:
        # Not closed: that requires locks which a thread of the parent may have held.
        _sessions_of_parents.append(self._session)
        self._session = _new_session(self.settings, self._guard)
        self.apply_network()

    def url(self, path: str) -> str:
        """Return the URL of a path below the root.

        Parameters
        ----------
        path : str
            Relative to the root.
        """
        return urljoin(self.settings.api_url, path)

    def get_json(self, url: str, parameters: Parameters = (), limit: int = MAX_JSON) -> JsonResponse:
        """Request JSON, by POST if the URL would be longer than `MAX_URL`.

        Parameters
        ----------
        url : str
            The URL.
        parameters : sequence of (str, str), optional
            Names and values of the query.
        limit : int, optional
            Maximum size of the body in bytes.

        Returns
        -------
        JsonResponse
            The response.

        Raises
        ------
        ServiceError
            If the request fails, or the response is not JSON.
        """
        return self.fetch(url, parameters, limit)[1]()

    def post_json(self, url: str, body: object, parameters: Parameters = ()) -> JsonResponse:
        """Request JSON by a POST of JSON, which must be a request that can be repeated, such as a search.

        Parameters
        ----------
        url : str
            The URL.
        body : object
            The request body, to be written as JSON.
        parameters : sequence of (str, str), optional
            Names and values of the query.

        Returns
        -------
        JsonResponse
            The response.

        Raises
        ------
        ServiceError
            If the request fails, or the response is not JSON.
        """
        return self.fetch(url, parameters, body=body)[1]()

    def fetch(
        self, url: str, parameters: Parameters = (), limit: int = MAX_JSON, body: Optional[object] = None
    ) -> Tuple[bytes, Callable[[], JsonResponse]]:
        """Request JSON as `get_json` does; return the body, and a function that parses it.

        The function may be called in another thread. So the requesting threads are free for the next request at once,
        and only one thread parses, as Python runs one at a time. If the body turns out to be incomplete, the function
        repeats the request.

        Parameters
        ----------
        url : str
            The URL.
        parameters : sequence of (str, str), optional
            Names and values of the query.
        limit : int, optional
            Maximum size of the body in bytes.
        body : object, optional
            The request body, sent as JSON by POST.

        Returns
        -------
        (bytes, callable)
            The body, and the function, which returns a JsonResponse.

        Raises
        ------
        ServiceError
            If the request fails; from the function, if the response is not JSON.
        """
        sent = None if body is None else json.dumps(body, allow_nan=False, separators=(",", ":")).encode()
        long = parameters and len(f"{url}?{urlencode(parameters)}") > MAX_URL
        method = "POST" if long or sent is not None else "GET"
        name = f"{method} {redacted(url)}"
        content, final = self._exchange(method, url, parameters, lambda r: (read_body(r, limit), r.url), sent=sent)

        def read() -> JsonResponse:
            try:
                return parse_json(content, final, name, self.settings)
            except UnavailableError:
                return self._exchange(
                    method,
                    url,
                    parameters,
                    lambda r: parse_json(read_body(r, limit), r.url, name, self.settings),
                    sent=sent,
                )

        return content, read

    def get_bytes(self, url: str, parameters: Parameters = (), limit: int = MAX_JSON) -> Tuple[bytes, str]:
        """Request a small file, and return it with its content type.

        Parameters
        ----------
        url : str
            The URL.
        parameters : sequence of (str, str), optional
            Names and values of the query.
        limit : int, optional
            Maximum size of the file in bytes.

        Returns
        -------
        tuple of bytes and str
            The content and the content type.

        Raises
        ------
        ServiceError
            If the request fails, or the file is larger than `limit`.
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
        """Request a file, and pass the open response to a function, which reads it.

        The function is called again if the connection breaks during it.

        Parameters
        ----------
        url : str
            The URL.
        headers : mapping of str to str
            Of the request.
        handle : callable
            Reads the response, and returns the result.
        seconds : float, optional
            Deadline of all tries: none starts later.
        limited : bool, optional
            Whether the request counts towards the rate limit; requests for ranges of a file do not.

        Returns
        -------
        object
            The result of `handle`.

        Raises
        ------
        ServiceError
            If the request fails.
        """
        return self._exchange("GET", url, (), handle, headers, seconds=seconds, limited=limited)

    def follow(
        self, url: str, within: bool = False, seconds: float = DEADLINE
    ) -> Tuple[str, requests.structures.CaseInsensitiveDict[str]]:
        """Follow the redirects of a link, and request one byte of its target.

        Parameters
        ----------
        url : str
            The link.
        within : bool, optional
            Whether to stop at the first address off the API's origins, without a request to it; then there are no
            headers. Its host is looked up and checked here, as other programs are not bound to checked addresses.
        seconds : float, optional
            Deadline of all tries: none starts later.

        Returns
        -------
        url : str
            The last address; the key may be sent to it only if it is on the API's own origins.
        headers : mapping
            Headers of the last response. ``Content-Range`` contains the length if the server supports ranges.

        Raises
        ------
        ServiceError
            If the request fails, or a redirect is not allowed.
        """
        outside = self._checked_target if within else None
        return self._exchange(
            "GET", url, (), lambda r: (r.url, r.headers), {"Range": "bytes=0-0"}, outside, seconds=seconds
        )

    def check_link(self, url: str, base: Optional[str] = None) -> str:
        """Return a link of a response as an absolute URL, after checking it.

        Parameters
        ----------
        url : str
            The link.
        base : str, optional
            The URL of the response; the root by default.

        Raises
        ------
        ProtocolError
            If the link is not http(s), leads from https to http, contains a user name, or names a private host while
            the API is on a public one. The addresses of its host are checked when it is connected to.
        """
        base = base or self.settings.api_url
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
        if private is not False and not self._allows_private():
            kind = "a private host" if private else "a possibly private host"
            raise ProtocolError(f"The service returned a link to {kind}, {host}: it is not opened.", redacted(base))
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

    def _checked_target(self, url: str) -> Tuple[str, requests.structures.CaseInsensitiveDict[str]]:
        _, host, port = origin(url)
        name = f"GET {redacted(url)}"
        if self._proxy_of(url) is None:  # otherwise the proxy looks it up
            try:
                self._guard.addresses(host, port)
            except PrivateHost as error:
                raise ProtocolError(str(error), name) from None
            except OSError:
                raise UnavailableError("The host was not found: check the network.", name) from None
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
        sent: Optional[bytes] = None,
    ) -> T:
        """Send a request until there is a response, a permanent error, or no time left."""
        end = time.monotonic() + seconds
        for attempt in range(RETRIES + 1):
            if limited:
                self._limiter.wait()
            try:
                return self._once(method, url, parameters, handle, headers, outside, sent)
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
        """Return an error with an explanation if the service is known to be gone or is not running."""
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
        sent: Optional[bytes],
    ) -> T:
        for _ in range(MAX_REDIRECTS + 1):
            name = f"{method} {redacted(url)}"
            if outside is not None and not is_api_origin(url, self.settings.api_url):
                return outside(url)
            try:
                with self._session.request(
                    method,
                    url,
                    params=list(parameters) if method == "GET" or sent is not None else None,
                    data=sent if sent is not None else list(parameters) if method == "POST" else None,
                    headers={**(headers or {}), **({"Content-Type": "application/json"} if sent is not None else {})},
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
            parameters = parameters if sent is None and method == "POST" else ()
            if sent is None and response.status_code in (301, 302, 303) or response.status_code == 303:
                # The target of the redirect contains all parameters (RFC 9110, section 15.4).
                method, parameters, sent = "GET", (), None
        raise ProtocolError(f"The service redirects more than {MAX_REDIRECTS} times: it is not followed.", name)


def _new_session(settings: Settings, guard: Guard) -> requests.Session:
    session = requests.Session()
    adapter = GuardedAdapter(guard, pool_connections=4, pool_maxsize=2 * max(settings.connections, 4), max_retries=0)
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    session.auth = OriginAuth(settings)
    session.headers["User-Agent"] = "planet_vector"
    # Keep no cookies: a cookie is a credential, which would be sent with other requests.
    session.cookies.set_policy(_NoCookies())
    return session


class _NoCookies(requests.cookies.cookielib.DefaultCookiePolicy):  # type: ignore[name-defined,misc]
    def set_ok(self, cookie: Any, request: Any) -> bool:
        return False


_transports: weakref.WeakSet[Transport] = weakref.WeakSet()
_sessions_of_parents: List[requests.Session] = []  # of this process's parents, unchanged since the fork
_main_thread_workers = Workers(64, "planet-request")  # one serves the main thread; others may still hang after Ctrl-C
