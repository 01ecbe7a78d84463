"""Tokens for blobs of Azure: shared access signatures, which a service gives for each container.

The service is that of the Planetary Computer, or one like it: GET of an address returns a JSON object with ``token``,
the query of signed addresses, and ``msft:expiry``, the time of its expiry.
"""

from __future__ import annotations

import re
import threading
import time
from datetime import datetime, timezone
from typing import Callable, Dict, NamedTuple, Optional, Tuple
from urllib.parse import parse_qsl, quote, urlsplit

from planet_vector.catalog.stac.json_values import as_object, as_text
from planet_vector.errors import ProtocolError
from planet_vector.forking import renew_after_fork
from planet_vector.times import parse_time

MARGIN = 60.0  # seconds before its expiry at which a token is renewed, at most a tenth of its lifetime

_MOST_ISSUED = 10_000
_TOKEN = re.compile(r"[A-Za-z0-9%=&:._~+/,-]{1,4000}")
_PART = re.compile(r"[A-Za-z0-9$-]{1,63}")


class Container(NamedTuple):
    """Container of blobs: its account and its name."""

    account: str
    name: str


class _Token(NamedTuple):
    text: str  # grants access: never printed
    renewed_at: Optional[float]  # seconds of `time.monotonic`; None if only the store can tell


class BlobTokens:
    """Tokens of containers, fetched once, and renewed before they expire; safe to use from several threads.

    Parameters
    ----------
    template : str
        Address of tokens, with ``{account}`` and ``{container}``.
    fetch : callable
        Returns the JSON at an address.
    """

    def __init__(self, template: str, fetch: Callable[[str], object]) -> None:
        self._template, self._fetch = template, fetch
        self._tokens: Dict[Container, _Token] = {}
        self._issued: Dict[str, None] = {}  # to replace tokens in addresses of files that are open
        self._most_pairs = 0  # of the query of an issued token
        self._lock = threading.Lock()
        renew_after_fork(self._renew)

    def sign(self, address: str) -> str:
        """Return the address of a blob with a token that is valid now.

        Parameters
        ----------
        address : str
            The address; an expired token of this object is replaced.

        Raises
        ------
        ServiceError
            If the service gives no token.
        """
        plain, _ = self._split(address)
        container = container_of(plain)
        if container is None or "sig" in dict(parse_qsl(urlsplit(plain).query)):  # signed by somebody else
            return address
        with self._lock:  # one request for all threads
            token = self._tokens.get(container)
            if token is None or token.renewed_at is not None and time.monotonic() > token.renewed_at:
                token = self._tokens[container] = self._ask(container)
                self._issued[token.text] = None
                self._most_pairs = max(self._most_pairs, token.text.count("&") + 1)
                while len(self._issued) > _MOST_ISSUED:
                    del self._issued[next(iter(self._issued))]
        return f"{plain}{'&' if urlsplit(plain).query else '?'}{token.text}"

    def forget(self, address: str) -> bool:
        """Forget the token of an address that the store refused.

        Parameters
        ----------
        address : str
            The signed address.

        Returns
        -------
        bool
            Whether the address has a token of this object, so that another one may be accepted.
        """
        plain, text = self._split(address)
        container = container_of(plain)
        with self._lock:
            # Another thread may have fetched another one meanwhile, which is kept.
            if container in self._tokens and self._tokens[container].text == text:
                del self._tokens[container]
        return bool(text)

    def _split(self, address: str) -> Tuple[str, str]:
        """Return an address without the token that was appended to it, and the token; empty if there is none."""
        base, _, query = address.partition("?")
        pairs = query.split("&")
        # An address of a service may have any number of them.
        for number in range(max(0, len(pairs) - self._most_pairs), len(pairs)):
            text = "&".join(pairs[number:])
            if text in self._issued:
                return base + ("?" + "&".join(pairs[:number]) if number else ""), text
        return address, ""

    def _ask(self, container: Container) -> _Token:
        address = self._template.replace("{account}", quote(container.account, safe=""))
        address = address.replace("{container}", quote(container.name, safe=""))
        answer = as_object(self._fetch(address))
        text = as_text(answer.get("token")).lstrip("?")
        if not _TOKEN.fullmatch(text):
            raise ProtocolError("The service of tokens returned something that is not a token.", f"GET {address}")
        try:
            ends = parse_time(as_text(answer.get("msft:expiry")))
        except ValueError:
            return _Token(text, None)
        left = (ends - datetime.now(timezone.utc)).total_seconds()
        # A token that seems expired from the start hints at a wrong clock here.
        return _Token(text, time.monotonic() + left - min(MARGIN, left / 10) if left > 0 else None)

    def _renew(self) -> None:
        self._lock = threading.Lock()


def container_of(address: str) -> Optional[Container]:
    """Return the container of a blob, or None if the address names none.

    Parameters
    ----------
    address : str
        Address of the blob: ``https://ACCOUNT.…/CONTAINER/…``.
    """
    parts = urlsplit(address)
    found = Container((parts.hostname or "").partition(".")[0], parts.path[1:].partition("/")[0])
    return found if all(map(_PART.fullmatch, found)) else None
