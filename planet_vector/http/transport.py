"""HTTP requests to a service: retries, redirects, size limits; the key is sent to the service's own origins only.

Redirects are followed here, never by the HTTP library. Each one is checked (`planet_vector.http.link_checks`), loses
the key if it leaves the API's origins, and may not lead from https to http.
"""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from functools import wraps
from typing import Any, Callable, Mapping, Optional, Tuple, TypeVar, cast
from urllib.parse import urlencode, urljoin

import requests
from requests.structures import CaseInsensitiveDict

from planet_vector.config import Settings
from planet_vector.connections import LOCAL
from planet_vector.errors import ProtocolError, RateLimitError, ServiceError, UnavailableError
from planet_vector.http.credentials import is_own
from planet_vector.http.failures import failed_exchange, no_local_service, unauthenticated
from planet_vector.http.link_checks import check_host, checked_link
from planet_vector.http.private_hosts import PrivateHost
from planet_vector.http.rate_limit import RateLimiter
from planet_vector.http.responses import (
    GONE,
    JsonResponse,
    ParseJson,
    ReadJson,
    check_status,
    parse_json,
    ranged_length,
    read_body,
    redacted,
)
from planet_vector.http.service_session import Parameters, ServiceSession, request_arguments
from planet_vector.roots import FORMER_API_URL
from planet_vector.workers import Workers

log = logging.getLogger(__name__)

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
        self._session = ServiceSession(settings)

    def url(self, path: str) -> str:
        """Return the URL of a path below the root.

        Parameters
        ----------
        path : str
            Relative to the root.
        """
        return urljoin(self.settings.api_url, path)

    def get_json(
        self,
        url: str,
        parameters: Parameters = (),
        limit: int = MAX_JSON,
        headers: Optional[Mapping[str, str]] = None,
    ) -> JsonResponse:
        """Request JSON, by POST if the URL would be longer than `MAX_URL`.

        Parameters
        ----------
        url : str
            The URL.
        parameters : sequence of (str, str), optional
            Names and values of the query.
        limit : int, optional
            Maximum size of the body in bytes.
        headers : mapping of str to str, optional
            Further headers.

        Returns
        -------
        JsonResponse
            The response.

        Raises
        ------
        ServiceError
            If the request fails, or the response is not JSON.
        """
        return self.fetch(url, parameters, limit, headers=headers)[1]()

    def post_json(
        self, url: str, body: object, parameters: Parameters = (), headers: Optional[Mapping[str, str]] = None
    ) -> JsonResponse:
        """Request JSON by a POST of JSON, which must be a request that can be repeated, such as a search.

        Parameters
        ----------
        url : str
            The URL.
        body : object
            The request body, to be written as JSON.
        parameters : sequence of (str, str), optional
            Names and values of the query.
        headers : mapping of str to str, optional
            Further headers.

        Returns
        -------
        JsonResponse
            The response.

        Raises
        ------
        ServiceError
            If the request fails, or the response is not JSON.
        """
        return self.fetch(url, parameters, body=body, headers=headers)[1]()

    def fetch(
        self,
        url: str,
        parameters: Parameters = (),
        limit: int = MAX_JSON,
        body: Optional[object] = None,
        headers: Optional[Mapping[str, str]] = None,
    ) -> Tuple[bytes, ReadJson]:
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
        headers : mapping of str to str, optional
            Further headers.

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
        content, final = self._exchange(
            method, url, parameters, lambda r: (read_body(r, limit), r.url), headers, sent=sent
        )

        def read(parse: Optional[ParseJson] = None) -> JsonResponse:
            try:
                return parse_json(content, final, name, self.settings, parse)
            except UnavailableError:
                return self._exchange(
                    method,
                    url,
                    parameters,
                    lambda r: parse_json(read_body(r, limit), r.url, name, self.settings, parse),
                    headers,
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

        def handle(response: requests.Response) -> Tuple[bytes, str]:
            return read_body(response, limit), response.headers.get("Content-Type", "")

        return self._located(url, lambda address: self._exchange("GET", address, parameters, handle))

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

        def ask(address: str) -> T:
            return self._exchange("GET", address, (), handle, headers, seconds=seconds, limited=limited)

        return self._located(url, ask)

    def follow(self, url: str, within: bool = False, seconds: float = DEADLINE) -> Tuple[str, CaseInsensitiveDict[str]]:
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
        return self._follow(url, 1, lambda response: (response.url, response.headers), within, seconds)

    def follow_and_read(
        self, url: str, most: int, within: bool = False, seconds: float = DEADLINE
    ) -> Tuple[str, CaseInsensitiveDict[str], bytes]:
        """Follow the redirects of a link as `follow` does, and return the first bytes of its target as well.

        Parameters
        ----------
        url : str
            The link.
        most : int
            Most bytes that are requested.
        within, seconds
            As for `follow`.

        Returns
        -------
        url, headers
            As of `follow`.
        content : bytes
            The first bytes; none if the server does not support ranges, or with an address off the API's origins.
        """

        def take(response: requests.Response) -> Tuple[str, CaseInsensitiveDict[str], bytes]:
            given = response.status_code == 206 and ranged_length(response.headers, most) is not None
            return response.url, response.headers, read_body(response, most) if given else b""

        return (*self._follow(url, most, take, within, seconds), b"")[:3]

    def _follow(self, url: str, most: int, take: Callable[[requests.Response], T], within: bool, seconds: float) -> T:
        # Off the API's origins there is no response.
        outside = cast(Callable[[str], T], self._look_up) if within else None

        def ask(address: str) -> T:
            wanted = {"Range": f"bytes=0-{most - 1}", "Accept-Encoding": "identity"}
            return self._exchange("GET", address, (), take, wanted, outside, seconds=seconds)

        return self._located(url, ask)

    def gdal_name(self, link: str) -> Optional[str]:
        """Return the name by which any GDAL opens a link with the user's own settings; None for ``/vsicurl/`` and it.

        Parameters
        ----------
        link : str
            The link.
        """
        return None

    @_off_the_main_thread
    def response_headers(self, url: str) -> CaseInsensitiveDict[str]:
        """Return the headers of a response to HEAD with any status; redirects are not followed.

        Parameters
        ----------
        url : str
            The URL.

        Raises
        ------
        ServiceError
            If there is no response.
        """
        name = f"HEAD {redacted(url)}"
        arguments = request_arguments("HEAD", (), None, (CONNECT_TIMEOUT, READ_TIMEOUT))
        try:
            with self._session.connections.request("HEAD", url, **arguments) as response:
                return response.headers
        except PrivateHost as error:
            raise ProtocolError(str(error), name) from None
        except requests.exceptions.RequestException as error:
            raise failed_exchange(error, url, name, self._session.proxy_of(url), self.settings) from None

    def digest(self, link: str) -> Optional[str]:
        """Return the MD5 digest of the file behind a link in hexadecimal; None if the service reported none.

        Parameters
        ----------
        link : str
            The link, which was followed before.
        """
        return None

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
        return checked_link(url, base or self.settings.api_url, self._allows_private)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _located(self, link: str, ask: Callable[[str], T]) -> T:
        """Request the file of a link: at the link itself here, in a subclass at the address that it stands for."""
        return ask(link)

    @_off_the_main_thread
    def _allows_private(self) -> bool:
        return self._session.guard.allows_private()

    def _look_up(self, url: str) -> Tuple[str, CaseInsensitiveDict[str]]:
        check_host(url, self._session)
        return url, CaseInsensitiveDict()

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
        if self.settings.api_url == FORMER_API_URL:
            error.message = f"{error.message.rstrip('.')} ({GONE})."
        elif (
            self.settings.connection == LOCAL
            and isinstance(error, UnavailableError)
            and not (self._reached or self._session.guard.proxied)
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
            if outside is not None and not is_own(url, self.settings):
                return outside(url)
            try:
                arguments = request_arguments(method, parameters, headers, (CONNECT_TIMEOUT, READ_TIMEOUT), sent)
                with self._session.connections.request(method, url, **arguments) as response:
                    log.debug("%s -> %d", name, response.status_code)
                    self._reached = True
                    if response.status_code not in _REDIRECTS or "Location" not in response.headers:
                        if response.status_code == 407:
                            raise ProtocolError(unauthenticated(self._session.proxy_of(url)), name, 407)
                        check_status(response, name, self.settings)
                        return handle(response)
                    if sent is not None and response.status_code == 303:
                        # It would be requested by GET, without the body that selects the result.
                        raise ProtocolError(
                            "The service redirects the search to a page that may not be its result (303): it is not "
                            "followed.",
                            name,
                            303,
                        )
                    url = self.check_link(response.headers["Location"], response.url)
            except PrivateHost as error:
                raise ProtocolError(str(error), name) from None
            except requests.exceptions.RequestException as error:
                raise failed_exchange(error, url, name, self._session.proxy_of(url), self.settings) from None
            except UnicodeError as error:
                raise ProtocolError(
                    f"The exchange with the service failed ({type(error).__name__}): check the address.", name
                ) from None
            parameters = parameters if sent is None and method == "POST" else ()
            if sent is None and response.status_code in (301, 302, 303):
                # The target of the redirect contains all parameters (RFC 9110, section 15.4).
                method, parameters = "GET", ()
        raise ProtocolError(f"The service redirects more than {MAX_REDIRECTS} times: it is not followed.", name)


_main_thread_workers = Workers(64, "planet-request")  # one serves the main thread; others may still hang after Ctrl-C
