"""Hosts that a public service may not lead to: those of this machine and of the networks around it.

A link is judged twice. By its text, before anything is done with it (`is_private_text`): that needs no look-up, and is
all that can be said of what a proxy, a browser or another program asks for. And by the addresses that its name stands
for, when a connection is made (`Guard.addresses`): the addresses that were judged are the ones connected to, so that a
name cannot stand for one address while it is judged and for another after.
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
# RFC 6761 (localhost), RFC 6762 (local), RFC 8375 (home.arpa); internal is reserved by ICANN, and clouds use it for
# the service that hands out a machine's credentials; localdomain is what Linux distributions call the rest.
_SUFFIXES = (".localhost", ".local", ".internal", ".localdomain", ".home.arpa")

_PLAIN = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # as a last label it makes the whole an IPv4 address (WHATWG URL, 3.5)

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last four bytes are an IPv4 address
_NOT_PUBLIC = (
    ipaddress.IPv6Network("64:ff9b:1::/48"),  # RFC 8215: translated within a network; not in all Pythons' lists
    ipaddress.IPv6Network("2001::/32"),  # RFC 4380: Teredo, which ends behind somebody's router
    ipaddress.IPv6Network("fec0::/10"),  # RFC 3879: site-local, given up
)

_Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


def plain_host(host: str) -> str:
    """Return the host of an address as it is looked up: ASCII, in lower case, without dots at its end.

    Raises
    ------
    ValueError
        If it is no host, or one that programs read in several ways (with a percent sign or a backslash in it, say).
    """
    # As Python's look-up does, which makes digits and dots of their full-width forms; of those that Unicode has since
    # its version 3.2, other programs do.
    name = unicodedata.normalize("NFKC", host).encode("idna").decode("ascii").lower().rstrip(".")
    if ":" in name:
        ipaddress.IPv6Address(name.partition("%")[0])
    elif not _PLAIN.fullmatch(name):
        raise ValueError("no name of a host")
    return name


def is_private_address(text: str) -> bool:
    """Return whether an IP address is not a public one.

    An IPv6 address that stands for an IPv4 one (mapped, of 6to4, of NAT64) is judged as that one.
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
    """Judge a host, as `plain_host` returns it, without looking anything up.

    Returns
    -------
    bool or None
        False where it must be looked up; None for a number that is not spelt as an address is: programs read ``127.1``,
        ``0177.0.0.1`` and ``2130706433`` in different ways.
    """
    if ":" in host:
        return is_private_address(host)
    if _NUMBER.fullmatch(host.rpartition(".")[2]):
        try:
            address = ipaddress.IPv4Address(host)
        except ValueError:
            return None
        return is_private_address(host) if str(address) == host else None  # Python 3.9.4 takes leading zeros
    return host in _NAMES or host.endswith(_SUFFIXES)


class PrivateHost(Exception):
    """Raised instead of connecting; no OSError, which the HTTP library would take for a lost connection."""


class Guard:
    """Refuses connections to private hosts, unless the service itself is on one.

    Parameters
    ----------
    host : str
        The host of the root of the API: the user chose it, so it may be a private one.

    Attributes
    ----------
    proxied : bool
        Whether a proxy asks that host for us: then its name is not looked up here.
    """

    proxied = False

    def __init__(self, host: str) -> None:
        try:
            self._host = plain_host(host)
            self._named_private = bool(is_private_text(self._host))
        except ValueError:
            self._host, self._named_private = host, False  # asking it will say what is wrong with it
        # The first is kept for good once it is so: else a service could have its name stand for a private address once,
        # and give links to others from a public one.
        self._seen_public = self._seen_private = False

    def allows_private(self) -> bool:
        """Return whether the service is itself on a private host; links to other private hosts are followed then."""
        if self._named_private:
            return True
        if self._seen_public or self.proxied:
            return False
        if not self._seen_private:
            try:
                self._see(_look_up(self._host, 0))
            except OSError:
                return False  # it cannot be looked up
        return self._seen_private and not self._seen_public

    def addresses(self, host: str, port: int) -> List[str]:
        """Look a host up, and return the addresses that may be connected to.

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
                    f"The service's own host, {host}, was a public one and is a private host, {private[0]}, now: it is "
                    "not asked. Start again if it moved."
                )
            return [address for address in found if address not in private]
        if private and not self.allows_private():
            raise PrivateHost(f"The service leads to a private host, {host} ({private[0]}): it is not opened.")
        return found

    def _see(self, found: List[str]) -> None:
        """Remember what the name of the service stands for: mixed with public addresses, private ones do not count."""
        if all(map(is_private_address, found)):
            self._seen_private = True
        else:
            self._seen_public = True


class GuardedAdapter(requests.adapters.HTTPAdapter):
    """Adapter of requests that connects to addresses that a guard allows, and to the user's proxies.

    Parameters
    ----------
    guard : Guard
        What judges.
    **kwargs
        As `requests.adapters.HTTPAdapter` takes them.
    """

    def __init__(self, guard: Guard, **kwargs: Any) -> None:
        self._guard = guard
        super().__init__(**kwargs)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools of connections that no proxy makes for us."""
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
                # What the name stands for is looked up once: here the address takes its place.
                self._dns_host = address
                connection = super()._new_conn()
            except (NewConnectionError, ConnectTimeoutError) as error:
                failed = error
                continue
            finally:
                self._dns_host = host  # the certificate and the headers are the name's
            if not _is_at(connection, found):
                connection.close()
                raise PrivateHost(f"The connection to {host} led to another address than it has: it is not used.")
            return connection
        raise failed


class _GuardedSecure(_Guarded, HTTPSConnection):
    """The same for https, before the certificate is asked for."""


def _look_up(host: str, port: int) -> List[str]:
    found = socket.getaddrinfo(host, port, allowed_gai_family(), socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for _, _, _, _, address in found))


def _is_at(connection: socket.socket, addresses: List[str]) -> bool:
    """Tell whether the peer of a connection has one of the addresses."""
    peer = ipaddress.ip_address(str(connection.getpeername()[0]).partition("%")[0])
    return any(peer == ipaddress.ip_address(address.partition("%")[0]) for address in addresses)
