"""Protection against links of a public service to private hosts: of this machine and the networks around it.

A link is checked twice. First its text, without a look-up (`is_private_text`); no other check is possible for links
that a proxy, a browser or another program opens. Then the addresses of its host, when a connection is made
(`Guard.addresses`): the connection uses exactly the checked addresses, so that a host name cannot resolve to one
address for the check and to another for the connection.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import unicodedata
from typing import Any, List, Optional, Union

import requests
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util.connection import allowed_gai_family

_NAMES = frozenset({"localhost", "ip6-localhost", "ip6-loopback"})
# RFC 6761 (localhost), RFC 6762 (local), RFC 8375 (home.arpa); internal is reserved by ICANN, and used in clouds for
# the service that issues a machine's credentials; localdomain is the default domain of Linux distributions.
_SUFFIXES = (".localhost", ".local", ".internal", ".localdomain", ".home.arpa")

_PLAIN = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # as the last label it marks an IPv4 address (WHATWG URL, 3.5)

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last four bytes are an IPv4 address
_NOT_PUBLIC = (
    ipaddress.IPv6Network("64:ff9b:1::/48"),  # RFC 8215: translated within a network; missing in some Pythons
    ipaddress.IPv6Network("2001::/32"),  # RFC 4380: Teredo, which ends behind a router
    ipaddress.IPv6Network("fec0::/10"),  # RFC 3879: site-local, deprecated
)

_Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


def plain_host(host: str) -> str:
    """Return a host as it is looked up: ASCII, in lower case, without dots at its end.

    Parameters
    ----------
    host : str
        The host of a URL.

    Raises
    ------
    ValueError
        If it is not a host, or programs parse it in different ways (such as one with a percent sign or a backslash).
    """
    # As Python's look-up does, which converts full-width digits and dots. NFKC also converts characters that are newer
    # than Unicode 3.2, as other programs do.
    name = unicodedata.normalize("NFKC", host).encode("idna").decode("ascii").lower().rstrip(".")
    if ":" in name:
        ipaddress.IPv6Address(name.partition("%")[0])
    elif not _PLAIN.fullmatch(name):
        raise ValueError("not a host name")
    return name


def is_private_address(text: str) -> bool:
    """Return whether an IP address is not public.

    An IPv6 address that embeds an IPv4 address (mapped, 6to4, NAT64) is judged by the latter.

    Parameters
    ----------
    text : str
        The address, with or without a zone.

    Raises
    ------
    ValueError
        If it is not an IP address.
    """
    address: _Address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        held = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            held = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if held is not None:
            return is_private_address(str(held))
        if any(address in network for network in _NOT_PUBLIC):
            return True
    return not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified


def is_private_text(host: str) -> Optional[bool]:
    """Return whether a host is private, without a look-up.

    Parameters
    ----------
    host : str
        As `plain_host` returns it.

    Returns
    -------
    bool or None
        False if it must be looked up; None for a number in an ambiguous spelling: programs parse ``127.1``,
        ``0177.0.0.1`` and ``2130706433`` in different ways.
    """
    if ":" in host:
        return is_private_address(host)
    if _NUMBER.fullmatch(host.rpartition(".")[2]):
        try:
            address = ipaddress.IPv4Address(host)
        except ValueError:
            return None
        return is_private_address(host) if str(address) == host else None  # Python 3.9.4 accepts leading zeros
    return host in _NAMES or host.endswith(_SUFFIXES)


class PrivateHost(Exception):
    """Raised instead of connecting; not an OSError, which the HTTP library would treat as a lost connection."""


class Guard:
    """Check that prevents connections to private hosts, unless the service itself is on one.

    Parameters
    ----------
    host : str
        The host of the root of the API. It may be private, as the user chose it.

    Attributes
    ----------
    proxied : bool
        Whether a proxy connects to that host; then its name is not looked up here.
    """

    proxied = False

    def __init__(self, host: str) -> None:
        try:
            self._host = plain_host(host)
            self._named_private = bool(is_private_text(self._host))
        except ValueError:
            self._host, self._named_private = host, False  # the request will report the error
        # `_seen_public` is never reset: otherwise a public service could resolve to a private address once, and link to
        # private hosts from then on.
        self._seen_public = self._seen_private = False

    def allows_private(self) -> bool:
        """Return whether the service is on a private host; then links to other private hosts are allowed."""
        if self._named_private:
            return True
        if self._seen_public or self.proxied:
            return False
        if not self._seen_private:
            try:
                self._see(_look_up(self._host, 0))
            except OSError:
                return False  # look-up failed
        return self._seen_private and not self._seen_public

    def addresses(self, host: str, port: int) -> List[str]:
        """Look up a host, and return the addresses that may be connected to.

        Parameters
        ----------
        host : str
            The host.
        port : int
            The port.

        Returns
        -------
        list of str
            IP addresses.

        Raises
        ------
        PrivateHost
            If one of them is private and the service is not on a private host.
        OSError
            If there is no such host.
        """
        found = _look_up(host, port)
        private = [address for address in found if is_private_address(address)]
        if self._named_private:
            return found
        if host.lower().rstrip(".") == self._host:
            self._see(found)
            if not self._seen_public:
                return found
            if len(private) == len(found):
                raise PrivateHost(
                    f"The service's own host, {host}, changed from a public to a private host, {private[0]}: it is "
                    "not opened. Restart the program if it moved."
                )
            return [address for address in found if address not in private]
        if private and not self.allows_private():
            raise PrivateHost(f"The service links to a private host, {host} ({private[0]}): it is not opened.")
        return found

    def _see(self, found: List[str]) -> None:
        """Record whether the service's host is public; private addresses among public ones are ignored."""
        if all(map(is_private_address, found)):
            self._seen_private = True
        else:
            self._seen_public = True


class GuardedAdapter(requests.adapters.HTTPAdapter):
    """Adapter for requests that connects only to addresses that a guard allows, and to the user's proxies.

    Parameters
    ----------
    guard : Guard
        Checks the addresses.
    **kwargs
        As for `requests.adapters.HTTPAdapter`.
    """

    def __init__(self, guard: Guard, **kwargs: Any) -> None:
        self._guard = guard
        super().__init__(**kwargs)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Create the pools of direct connections, without a proxy.

        Parameters
        ----------
        *args, **kwargs : object
            As for `requests.adapters.HTTPAdapter.init_poolmanager`.
        """
        super().init_poolmanager(*args, **kwargs)
        held = {"guard": self._guard}
        plain = {"ConnectionCls": type("GuardedConnection", (_Guarded,), held)}
        secure = {"ConnectionCls": type("GuardedSecureConnection", (_GuardedSecure,), held)}
        self.poolmanager.pool_classes_by_scheme = {
            "http": type("GuardedPool", (HTTPConnectionPool,), plain),
            "https": type("GuardedSecurePool", (HTTPSConnectionPool,), secure),
        }


class _Guarded(HTTPConnection):
    guard: Guard

    def _new_conn(self) -> Any:
        host: str = self._dns_host
        try:
            found = self.guard.addresses(host.strip("[]"), self.port or 0)
        except OSError as error:
            raise NewConnectionError(self, f"{host} cannot be found: {error}") from error
        failed: Exception = NewConnectionError(self, f"{host} has no address")
        for address in found:
            try:
                # The name was looked up once; the connection uses the address.
                self._dns_host = address
                connection = super()._new_conn()
            except (NewConnectionError, ConnectTimeoutError) as error:
                failed = error
                continue
            finally:
                self._dns_host = host  # certificate and headers belong to the name
            if not _is_at(connection, found):
                connection.close()
                raise PrivateHost(f"The connection to {host} reached an address of another host: it is not used.")
            return connection
        raise failed


class _GuardedSecure(_Guarded, HTTPSConnection):
    """The same for https; the address is checked before the TLS handshake."""


def _look_up(host: str, port: int) -> List[str]:
    found = socket.getaddrinfo(host, port, allowed_gai_family(), socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for _, _, _, _, address in found))


def _is_at(connection: socket.socket, addresses: List[str]) -> bool:
    """Return whether the peer of a connection has one of the addresses."""
    peer = ipaddress.ip_address(str(connection.getpeername()[0]).partition("%")[0])
    return any(peer == ipaddress.ip_address(address.partition("%")[0]) for address in addresses)
