"""Responses of a service: complete bodies within a limit, JSON, and errors by status."""

from __future__ import annotations

import json
import re
import shlex
import time
from dataclasses import dataclass
from datetime import timezone
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Callable, Iterator, Mapping, Optional, Protocol, Tuple
from urllib.parse import urlsplit, urlunsplit

import requests

from planet_vector.config import Settings
from planet_vector.connection_lookup import default_connection
from planet_vector.connections import ENVIRONMENT
from planet_vector.errors import (
    AuthError,
    BadQueryError,
    NotFoundError,
    ProtocolError,
    RateLimitError,
    ServiceError,
    UnavailableError,
)
from planet_vector.gc_pause import uncollected
from planet_vector.keys import KEY_VARIABLE, RENEWAL
from planet_vector.quick_json import loads
from planet_vector.roots import FORMER_API_URL

GONE = "Planet switched its Scenes API v0 off in 2017: name another service with --connection or in PL_API_URL"
CHUNK = 2**20  # bytes
LONGEST_RETRY_AFTER = 120.0  # seconds; urllib3 would wait up to six hours

_RETRIED = frozenset({429, 500, 502, 503, 504})
_RETRY_IN = re.compile(rb"retry-in ([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s)\b")
_SECONDS: Mapping[bytes, float] = {b"ms": 0.001, b"s": 1.0}
# int() raises ValueError for some texts that str.isdigit accepts ("²"), and for more than 4300 digits. 18 digits are
# enough for an exabyte.
_COUNT = re.compile(r"[0-9]{1,18}")
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")


ParseJson = Callable[[bytes], Optional[object]]
"""Parses JSON in a special way, or returns None if it cannot."""


@dataclass(frozen=True)
class JsonResponse:
    """JSON response with its URL."""

    url: str
    body: Any


class ReadJson(Protocol):
    """Protocol for a function that parses a response which was received."""

    def __call__(self, parse: Optional[ParseJson] = None) -> JsonResponse:
        """Return the response.

        Parameters
        ----------
        parse : callable, optional
            Parses the body otherwise, if it can.

        Raises
        ------
        ServiceError
            If the body is not JSON.
        """


def redacted(url: str) -> str:
    """Return a URL for error messages: without user name and password, and without the values in its query.

    Parameters
    ----------
    url : str
        The URL.
    """
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    # A parameter without a value may be a token itself.
    pairs = [pair.partition("=") for pair in parts.query.split("&")] if parts.query else []
    query = "&".join(f"{name}=…" if equals else "…" for name, equals, _ in pairs)
    return urlunsplit((parts.scheme, host, parts.path, query, ""))


def parse_count(text: str) -> Optional[int]:
    """Return the whole number in a header or a URL; None if it is not 1 to 18 ASCII digits.

    Parameters
    ----------
    text : str
        The number.
    """
    return int(text) if _COUNT.fullmatch(text) else None


def content_length(headers: Mapping[str, str]) -> Optional[int]:
    """Return the Content-Length of a response (RFC 9110, section 8.6); None if it is missing or not a number.

    Parameters
    ----------
    headers : mapping of str to str
        Headers of the response.
    """
    values = {value.strip() for value in headers.get("Content-Length", "").split(",")}  # proxies may repeat it
    return parse_count(values.pop()) if len(values) == 1 else None


def content_range(headers: Mapping[str, str]) -> Optional[Tuple[int, int, int]]:
    """Return the first byte, the last byte and the total of a Content-Range (RFC 9110, section 14.4), or None.

    Parameters
    ----------
    headers : mapping of str to str
        Headers of the response.
    """
    match = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", ""))
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def whole_length(headers: Mapping[str, str]) -> Optional[int]:
    """Return the size of a file from the response to a request for its first byte; None if it is unknown.

    Parameters
    ----------
    headers : mapping of str to str
        Headers of the response.

    Returns
    -------
    int or None
        Bytes.
    """
    if "Content-Range" not in headers:  # the service sent the whole file
        return content_length(headers)
    return ranged_length(headers)


def ranged_length(headers: Mapping[str, str], most: int = 1) -> Optional[int]:
    """Return the size of a file from the partial response with its first bytes; None if the response is another.

    Parameters
    ----------
    headers : mapping of str to str
        Headers of the response.
    most : int, optional
        Number of bytes that were requested.

    Returns
    -------
    int or None
        Bytes.
    """
    part = content_range(headers)
    return part[2] if part is not None and part[:2] == (0, min(most, part[2]) - 1) else None


def iter_body(response: requests.Response, limit: int, chunk: int = CHUNK) -> Iterator[bytes]:
    """Yield the decoded body of a response, and check that it is complete and within a limit.

    Parameters
    ----------
    response : requests.Response
        The response, opened as a stream.
    limit : int
        Maximum size in bytes.
    chunk : int, optional
        Size of the blocks in bytes.

    Yields
    ------
    bytes
        The next block.

    Raises
    ------
    ProtocolError
        If the body is longer than `limit`, or its Content-Length is not a number.
    UnavailableError
        If the body ends before its Content-Length.
    """
    name = f"{response.request.method} {redacted(response.url)}"
    told = content_length(response.headers)
    if told is None and response.headers.get("Content-Length"):
        # RFC 9112, section 6.3: an unrecoverable error. http.client would read five bytes for "+5".
        raise ProtocolError("The response has a Content-Length that is not a number: it is not read.", name)
    size = 0
    for block in response.iter_content(chunk):
        size += len(block)
        if size > limit:
            raise ProtocolError(f"The response is longer than {limit:,} bytes: it is not read.", name)
        yield block
    if told is not None and response.raw.tell() < told:
        raise UnavailableError("The connection broke during a response.", name)


def read_body(response: requests.Response, limit: int) -> bytes:
    """Return the complete decoded body of a response.

    Parameters
    ----------
    response : requests.Response
        The response, opened as a stream.
    limit : int
        Maximum size in bytes.

    Raises
    ------
    ProtocolError
        As for `iter_body`.
    UnavailableError
        As for `iter_body`.
    """
    told = content_length(response.headers)
    # In one block if the length is known, as joining blocks copies them.
    return b"".join(iter_body(response, limit, told if told is not None and CHUNK < told <= limit else CHUNK))


def no_api(settings: Settings, why: str) -> str:
    """Return the message for a root without a Scenes API.

    Parameters
    ----------
    settings : Settings
        The root, and where it was set.
    why : str
        What the host does instead, as the end of a clause about it.
    """
    if settings.api_url == FORMER_API_URL:
        return f"There is no Scenes API at {settings.api_url}: {GONE}."
    return (
        f"There is no Scenes API at {settings.api_url}, as its host {why}: check {settings.root_source}; "
        "a root ends in /v0/."
    )


def parse_json(
    content: bytes, url: str, name: str, settings: Settings, parse: Optional[ParseJson] = None
) -> JsonResponse:
    """Parse a body that should be JSON.

    Parameters
    ----------
    content : bytes
        The body.
    url : str
        Its URL.
    name : str
        The request, as shown in errors.
    settings : Settings
        The service.
    parse : callable, optional
        Parses the body otherwise, if it can.

    Returns
    -------
    JsonResponse
        The response.

    Raises
    ------
    ProtocolError
        If the body is not JSON.
    UnavailableError
        If the body begins like JSON but is incomplete.
    """
    try:
        with uncollected():
            found = parse(content) if parse else None
            return JsonResponse(url, loads(content) if found is None else found)
    except RecursionError:
        raise ProtocolError("The service returned JSON that is nested too deeply.", name) from None
    except ValueError:
        pass  # distinguished below
    if content.lstrip()[:1] in (b"{", b"["):
        # It began as JSON: probably cut off without a Content-Length, so a retry may help.
        raise UnavailableError("The service's response is incomplete.", name)
    raise ProtocolError(
        f"The service returned something that is not JSON: check {settings.root_source}; the root of a "
        f"{'Data API ends in /data/v1/' if settings.kind == 'data-v1' else 'Scenes API ends in /v0/'}.",
        name,
    )


def check_status(response: requests.Response, name: str, settings: Settings) -> None:
    """Raise the error for the status of a response, if it is one.

    Parameters
    ----------
    response : requests.Response
        The response.
    name : str
        The request, as shown in errors.
    settings : Settings
        The service.

    Raises
    ------
    ServiceError
        For a status from 300 on, of the class that `planet_vector.errors` lists for it.
    """
    status = response.status_code
    if status < 300:
        return
    body = _error_body(response)
    told = _message(body, settings)
    said = f", saying: {told}" if told else ""
    if status == 401:
        raise _unauthorised(settings, told, name)
    if status == 403:
        forbidden = AuthError(_forbidden(settings, said), name, status)
        forbidden.root = settings.api_url
        raise forbidden
    if status == 404:
        raise NotFoundError(f"The service has no such item (404{said}).", name, status)
    error: ServiceError
    if status == 429:
        error = RateLimitError(f"The service limits the rate of requests (429{said}): lower PLANET_RATE.", name, status)
    elif status in _RETRIED:
        error = UnavailableError(f"The service failed ({status}{said}): try again later.", name, status)
    elif status == 400:
        raise BadQueryError(f"The service refused the search (400{said}): check its parameters.", name, status)
    else:
        raise ProtocolError(f"The service returned an unexpected status ({status}{said}).", name, status)
    error.retry_after = _retry_after(response, body)
    raise error


def _unauthorised(settings: Settings, told: str, name: str) -> AuthError:
    said = f"401, saying: {told}" if told else "401"
    root, key = settings.api_url, settings.sent_key
    login = f"log in ('planet-vector login{connection_option(settings)}')"
    if key is None:
        remedy = f"set PL_API_KEY, or {login}" if settings.connection == ENVIRONMENT else login
        remedy = f"{settings.withheld}; {remedy}" if settings.withheld else remedy
        return _refused(f"The service requires a key, and no key was sent ({said})", remedy, name, root)
    if "enter your" in told.lower():  # services return this with any key
        said = "401"
    source = key.source
    remedy = "check the key"
    if source == KEY_VARIABLE:
        remedy = "put the right one there"
    elif Path(source).is_absolute():
        # Of the keys in files, only that of Planet's SDK is a token.
        remedy = RENEWAL if key.scheme == "Bearer" else login
    return _refused(f"The service refused the key{f' from {source}' if source else ''} ({said})", remedy, name, root)


def _refused(reason: str, remedy: str, name: str, root: str) -> AuthError:
    error = AuthError(f"{reason}: {remedy}.", name, 401)
    error.reason, error.root = reason, root
    return error


def connection_option(settings: Settings) -> str:
    """Return the option of commands for a service, after a space; empty for the default service.

    Parameters
    ----------
    settings : Settings
        The service.
    """
    if settings.connection == ENVIRONMENT or settings.api_url == default_connection().root:
        return ""
    return f" --connection {shlex.quote(settings.connection or settings.api_url)}"


def _forbidden(settings: Settings, said: str) -> str:
    key = settings.sent_key
    if key is None:
        return f"The service does not allow this without a key (403{said})."
    source = f", from {key.source}" if key.source else ""
    return f"The service does not allow this with your key (403{said}{source}): ask its issuer."


def _error_body(response: requests.Response) -> bytes:
    """Return the body of an error response; empty if it cannot be read."""
    try:
        return read_body(response, 65536)
    except (ServiceError, requests.exceptions.RequestException):
        return b""


def _message(content: bytes, settings: Settings) -> str:
    """Return the message of an error response as one short line, without the key, which some services repeat."""
    try:
        body = json.loads(content)
        text = body.get("message", "") if isinstance(body, dict) else ""
    except (ValueError, RecursionError):
        return ""
    line = " ".join("".join(char if char.isprintable() else " " for char in str(text)).split())
    for key in (settings.key, settings.sent_key):
        for secret in key.secrets() if key is not None else ():
            line = line.replace(secret, "…")
    return repr(line[:300]) if line else ""


def _retry_after(response: requests.Response, body: bytes = b"") -> Optional[float]:
    """Return the requested pause before a retry in seconds, capped (RFC 9110, section 10.2.3).

    Planet's Data API v1 sends it in the body, as ``retry-in 200ms``.
    """
    text = response.headers.get("Retry-After", "").strip()
    in_body = _RETRY_IN.search(body)
    if not text and in_body:
        return min(float(in_body[1]) * _SECONDS[in_body[2]], LONGEST_RETRY_AFTER)
    if re.fullmatch(r"[0-9]+", text):
        return min(float(text), LONGEST_RETRY_AFTER)  # float() accepts any number of digits, int() does not
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:  # the zone is "-0000", which is UTC
        moment = moment.replace(tzinfo=timezone.utc)
    return min(max(moment.timestamp() - time.time(), 0.0), LONGEST_RETRY_AFTER)
