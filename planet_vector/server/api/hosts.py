"""Host names that the service accepts, and proxies that it trusts.

A web page can let its own host name resolve to this machine (DNS rebinding), and could then read the service's
responses as those of its own origin. Its requests still contain its host name, so the Host header is compared with a
list. Links contain the same name.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Dict, List, Optional, Sequence, Tuple, Union

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from planet_vector.errors import ConfigError
from planet_vector.roots import is_loopback
from planet_vector.server.api.error_responses import refusal_answer

HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?")
"""Pattern of a Host header: a name or an address, and optionally a port."""

_Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
_Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


class Hosts:
    """Hosts that a service accepts: this machine's loopback names, and further names.

    Parameters
    ----------
    names : sequence of str or None
        Names and addresses, without ports. None accepts any.

    Raises
    ------
    ConfigError
        If a name is invalid or has a port.
    """

    def __init__(self, names: Optional[Sequence[str]] = ()) -> None:
        self._names = None if names is None else frozenset(_host_of_option(name) for name in names)

    def allows(self, host: str) -> bool:
        """Return whether the service accepts a host.

        Parameters
        ----------
        host : str
            Value of a Host header.
        """
        match = HOST.fullmatch(host)
        if match is None:
            return False
        name = _normal(match.group(1))
        return self._names is None or name in self._names or is_loopback(name)


class Proxies:
    """Proxies whose ``X-Forwarded-`` headers are trusted.

    Parameters
    ----------
    networks : sequence of str
        Addresses and networks, such as ``10.0.0.0/8``.

    Raises
    ------
    ConfigError
        If a string is neither an address nor a network.
    """

    def __init__(self, networks: Sequence[str] = ()) -> None:
        self._networks: List[_Network] = []
        for text in networks:
            try:
                self._networks.append(ipaddress.ip_network(text.strip()))
            except ValueError as error:
                raise ConfigError(f"--trusted-proxy takes an address or a network: {error}.") from None

    def trusts(self, address: str) -> bool:
        """Return whether an address belongs to a trusted proxy.

        Parameters
        ----------
        address : str
            IP address; anything else is not trusted.
        """
        found = _address(address)
        return found is not None and any(found in network for network in self._networks)

    def client(self, forwarded: str) -> Optional[str]:
        """Return the last address of an X-Forwarded-For header that is not a trusted proxy's.

        Parameters
        ----------
        forwarded : str
            Value of the header: addresses, separated by commas.

        Returns
        -------
        str or None
            None if all addresses are proxies' or an invalid one comes first, read from the end.
        """
        for part in reversed(forwarded.split(",")):
            # Some proxies add a port.
            text = re.sub(r"^\[(.*)\](:\d+)?$", r"\1", part.strip())
            text = re.sub(r"^([^:]*):\d+$", r"\1", text)
            if _address(text) is None:
                return None
            if not self.trusts(text):
                return text
        return None


class HostsApp:
    """Middleware that applies the headers of trusted proxies, and refuses requests for other hosts.

    Parameters
    ----------
    app : ASGIApp
        Wrapped application.
    hosts : Hosts
        Accepted hosts.
    proxies : Proxies
        Trusted proxies.
    """

    def __init__(self, app: ASGIApp, hosts: Hosts, proxies: Proxies) -> None:
        self._app = app
        self._hosts = hosts
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it with 421 (Misdirected Request), or with 400 if its host is invalid."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        hosts = [Headers(scope=scope).get("host", "")]
        if scope.get("client") and self._proxies.trusts(scope["client"][0]):
            # The Host header of the proxy's request is checked, too: X-Forwarded-Host may be forged by the client.
            hosts += self._forwarded(scope)
        for host in hosts:
            if not self._hosts.allows(host):
                await _refusal(host)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _forwarded(self, scope: Scope) -> List[str]:
        """Apply the ``X-Forwarded-`` headers to the scope of a request, and return the forwarded host, if any."""
        forwarded: Dict[str, str] = {}
        for name, value in scope["headers"]:
            if name.startswith(b"x-forwarded-"):
                forwarded[name.decode("latin-1")] = value.decode("latin-1").strip()
        protocol = forwarded.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
        if protocol in ("http", "https"):
            scope["scheme"] = protocol
        client = self._proxies.client(forwarded.get("x-forwarded-for", ""))
        if client is not None:
            scope["client"] = (client, 0)
        host = forwarded.get("x-forwarded-host", "").rpartition(",")[2].strip()
        if not host:
            return []
        headers: List[Tuple[bytes, bytes]] = [(n, v) for n, v in scope["headers"] if n != b"host"]
        scope["headers"] = [(b"host", host.encode("latin-1")), *headers]
        return [host]


def allowed_hosts(host: str, allowed: Sequence[str], keys: bool) -> Hosts:
    """Return the hosts that a service accepts.

    Parameters
    ----------
    host : str
        Address on which it listens.
    allowed : sequence of str
        Values of ``--allow-host``.
    keys : bool
        Whether it requires a key. If it then listens on all addresses, any host is accepted by default: web pages
        have no key.

    Raises
    ------
    ConfigError
        If a value is not a name or an address.
    """
    address = _address(host)
    wildcard = address is not None and address.is_unspecified
    if wildcard and keys and not allowed:
        return Hosts(None)
    return Hosts(allowed if wildcard else [*allowed, host])


def _refusal(host: str) -> JSONResponse:
    status, message = 400, "The Host header is not a valid host."
    if HOST.fullmatch(host):
        name = host if len(host) <= 80 else host[:77] + "..."
        hint = re.sub(r":\d+$", "", name).strip("[]")
        status = 421
        message = f"The service does not accept the host {name}: to allow it, start it with --allow-host {hint}."
    return refusal_answer(status, message)


def _host_of_option(text: str) -> str:
    name = text.strip()
    with_brackets = f"[{name}]" if _address(name) is not None and ":" in name else name
    match = HOST.fullmatch(with_brackets)
    if match is None or match.group(2):
        raise ConfigError(f"--allow-host takes a name or an address without a port, not {text!r}.")
    return _normal(match.group(1))


def _normal(name: str) -> str:
    """Return the normal form of a host: an address in its shortest form, or a name in lower case without final dots."""
    address = _address(name.strip("[]"))
    return str(address) if address is not None else name.lower().rstrip(".")


def _address(text: str) -> Optional[_Address]:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
