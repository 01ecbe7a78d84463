"""For which hosts a service answers, and whose word it takes for them.

A web page can have the name of its own host lead to this machine (DNS rebinding), and could then read what is served
here as its own. Its requests still carry its host's name, which is therefore compared with a list. Links are made
of the same name.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Dict, List, Optional, Sequence, Tuple, Union

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from planet_vector.errors import ConfigError
from planet_vector.server.api.error_responses import refusal_answer

HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?")
"""What a Host header may be: a name or an address, and a port."""

_Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
_Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


class Hosts:
    """Hosts that a service answers for: this machine's loopback names, and others that are named.

    Parameters
    ----------
    names : sequence of str or None
        Names and addresses, without ports. None is any.

    Raises
    ------
    ConfigError
        When one is no name.
    """

    def __init__(self, names: Optional[Sequence[str]] = ()) -> None:
        self._names = None if names is None else frozenset(_host_of_option(name) for name in names)

    def allows(self, host: str) -> bool:
        """Tell whether the service answers for a Host header."""
        match = HOST.fullmatch(host)
        if match is None:
            return False
        name = _normal(match.group(1))
        return self._names is None or name in self._names or _is_loopback(name)


class Proxies:
    """Proxies whose ``X-Forwarded-`` headers are believed.

    Parameters
    ----------
    networks : sequence of str
        Addresses and networks.

    Raises
    ------
    ConfigError
        When one is none.
    """

    def __init__(self, networks: Sequence[str] = ()) -> None:
        self._networks: List[_Network] = []
        for text in networks:
            try:
                self._networks.append(ipaddress.ip_network(text.strip()))
            except ValueError as error:
                raise ConfigError(f"--trusted-proxy takes an address or a network: {error}.") from None

    def trusts(self, address: str) -> bool:
        """Tell whether an address is a proxy's."""
        found = _address(address)
        return found is not None and any(found in network for network in self._networks)

    def client(self, forwarded: str) -> Optional[str]:
        """Return the last address of an X-Forwarded-For header that is no proxy's, or None when there is none."""
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
    """Middleware that reads the headers of trusted proxies, and refuses requests for other hosts.

    Parameters
    ----------
    app : ASGIApp
        What is wrapped.
    hosts : Hosts
        For which it answers.
    proxies : Proxies
        Whose headers are read.
    """

    def __init__(self, app: ASGIApp, hosts: Hosts, proxies: Proxies) -> None:
        self._app = app
        self._hosts = hosts
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it with 421 (Misdirected Request), or 400 without a host."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        hosts = [Headers(scope=scope).get("host", "")]
        if scope.get("client") and self._proxies.trusts(scope["client"][0]):
            # The proxy's own Host must be allowed too: it may have passed on a header that its client made up.
            hosts += self._forwarded(scope)
        for host in hosts:
            if not self._hosts.allows(host):
                await _refusal(host)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _forwarded(self, scope: Scope) -> List[str]:
        """Take over into a request what its proxy says of it, and return the host that the proxy was asked for."""
        said: Dict[str, str] = {}
        for name, value in scope["headers"]:
            if name.startswith(b"x-forwarded-"):
                said[name.decode("latin-1")] = value.decode("latin-1").strip()
        protocol = said.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
        if protocol in ("http", "https"):
            scope["scheme"] = protocol
        client = self._proxies.client(said.get("x-forwarded-for", ""))
        if client is not None:
            scope["client"] = (client, 0)
        host = said.get("x-forwarded-host", "").rpartition(",")[2].strip()
        if not host:
            return []
        headers: List[Tuple[bytes, bytes]] = [(n, v) for n, v in scope["headers"] if n != b"host"]
        scope["headers"] = [(b"host", host.encode("latin-1")), *headers]
        return [host]


def allowed_hosts(host: str, allowed: Sequence[str], keys: bool) -> Hosts:
    """Return the hosts for which a service answers.

    Parameters
    ----------
    host : str
        Where it listens.
    allowed : sequence of str
        What ``--allow-host`` named.
    keys : bool
        Whether it asks for a key, which no web page has.
    """
    address = _address(host)
    wildcard = address is not None and address.is_unspecified
    if wildcard and keys and not allowed:
        return Hosts(None)
    return Hosts(allowed if wildcard else [*allowed, host])


def _refusal(host: str) -> JSONResponse:
    status, message = 400, "The Host header is no host."
    if HOST.fullmatch(host):
        name = host if len(host) <= 80 else host[:77] + "..."
        hint = re.sub(r":\d+$", "", name).strip("[]")
        status = 421
        message = f"The service does not answer for the host {name}: if it should, start it with --allow-host {hint}."
    return refusal_answer(status, message)


def _host_of_option(text: str) -> str:
    name = text.strip()
    with_brackets = f"[{name}]" if _address(name) is not None and ":" in name else name
    match = HOST.fullmatch(with_brackets)
    if match is None or match.group(2):
        raise ConfigError(f"--allow-host takes a name or an address without a port, not {text!r}.")
    return _normal(match.group(1))


def _normal(name: str) -> str:
    """Return a host as it is compared: addresses in their shortest form, names in lower case without a last dot."""
    address = _address(name.strip("[]"))
    return str(address) if address is not None else name.lower().rstrip(".")


def _is_loopback(name: str) -> bool:
    address = _address(name)
    if address is not None:
        return address.is_loopback
    # RFC 6761, section 6.3: these names lead to this machine, whatever a name server says.
    return name == "localhost" or name.endswith(".localhost")


def _address(text: str) -> Optional[_Address]:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
