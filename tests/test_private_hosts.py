"""A public service leads to no private host: not by a spelling, not by a name, not by a name that changes its mind.

No name is looked up: what each stands for is said here. Of this machine's own addresses one, 127.0.0.2, passes for a
public one; there the service listens. The victim listens at 127.0.0.1.
"""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planet_vector.catalog.scenes_v0.client import ScenesV0
from planet_vector.config import Settings
from planet_vector.errors import ProtocolError
from planet_vector.http import private_hosts
from planet_vector.http.service_session import set_network
from planet_vector.http.transport import Transport
from planet_vector.keys import Key
from planet_vector.raster.access import plan

from .raster.recording import Answer, Recorder, Request, ranged

DATA = b"II*\0" + bytes(1000)
PUBLIC = "127.0.0.2"

needs_loopback = pytest.mark.skipif(sys.platform != "linux", reason="only Linux listens at all of 127.0.0.0/8")

PRIVATE = [
    "localhost", "localhost.", "LOCALHOST.", "a.localhost.", "ip6-localhost", "localhost.localdomain",
    "printer.local.", "metadata.google.internal", "metadata.google.internal.", "nas.home.arpa",
    "127.0.0.1", "127.0.0.1.", "127.1", "127.0.1", "2130706433", "2130706433.", "0x7f000001", "0x7F.1", "0177.0.0.1",
    "017700000001", "0", "0x", "010.0.0.1", "08.08.08.08", "127.0.0.0x1", "1.2.3.4.5", "256.1.1.1",
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "169.254.169.254", "172.16.0.1", "192.168.1.1", "192.0.0.8", "198.18.0.1",
    "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "\uff11\uff12\uff17.\uff10.\uff10.\uff11", "\uff12130706433", "127\u30020\u30020\u30021",
    "127\uff0e1", "127\uff611", "\uff4c\uff4f\uff43alhost", "local\u00adhost", "loc\u200bal\u200bhost",
    "\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3",
    "\U0001d7cf\U0001d7d0\U0001d7d5.1", "\U0001fbf1\U0001fbf2\U0001fbf7.1", "metadata.google.\uff49nternal",
    "[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[::7f00:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:a9fe:a9fe]",
    "[64:ff9b::7f00:1]", "[64:ff9b::10.0.0.1]", "[64:ff9b:1::808:808]", "[2002:7f00:1::]", "[2002:a00:1::5]",
    "[2001:0:53aa:64c:0:fff:80ff:fffe]", "[fe80::1]", "[fe80::1%25eth0]", "[fc00::1]", "[fd00:ec2::254]", "[fec0::1]",
    "[ff02::1]", "[2001:db8::1]", "[100::1]",
]  # fmt: skip

HIDDEN = ["127.0.0.1\\.store.example", "%31%32%37.0.0.1", "%6cocalhost", "a..b", "localhost.."]
"""What programs take for different hosts, or for none."""

ALLOWED = [
    "view.planet.com", "store.example", "store.example.", "under_score.example", "b\u00fccher.example", "local.example",
    "internal.example", "127.0.0.1.example", "0x7f.example", "xn--bcher-kva.example", "8.8.8.8", "8.8.8.8.",
    "[2606:4700::1111]", "[64:ff9b::808:808]", "[2002:808:808::1]", "[::ffff:8.8.8.8]",
]  # fmt: skip


@pytest.fixture
def nothing_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError(f"looked up: {args}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Dict[str, List[List[str]]]:
    """Return what each name stands for, look-up by look-up; the last stays."""
    known: Dict[str, List[List[str]]] = {}
    real = socket.getaddrinfo

    def look_up(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        name = str(host).rstrip(".")
        if name not in known:
            return real(host, port, *args, **{**kwargs, "flags": socket.AI_NUMERICHOST})
        asked.append(name)
        addresses = known[name].pop(0) if len(known[name]) > 1 else known[name][0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port or 0)) for address in addresses]

    asked = known.setdefault("asked", [])  # type: ignore[assignment]
    judged = private_hosts.is_private_address
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(private_hosts, "is_private_address", lambda text: text != PUBLIC and judged(text))
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.lower(), raising=False)
    return known


class Public(Recorder):
    """Listen where a public service does."""

    def server_bind(self) -> None:
        self.server_address = (PUBLIC, 0)
        super().server_bind()


@pytest.fixture
def victim() -> Iterator[Recorder]:
    recorder = Recorder(lambda request: ranged(request, DATA))
    yield recorder
    recorder.stop()


@pytest.fixture
def public() -> Iterator[Recorder]:
    """Return a service that sends ``/v0/to/HOST/PORT`` there, and answers the rest."""

    def answer(request: Request) -> Answer:
        parts = request.path.split("/")
        if parts[2:3] == ["to"]:
            return 302, {"Location": f"http://{parts[3]}:{parts[4]}/x.tif"}, b""
        return ranged(request, DATA)

    recorder = Public(answer)
    yield recorder
    recorder.stop()


def service(port: int, host: str = "api.example", scheme: str = "http") -> ScenesV0:
    return ScenesV0(Settings(f"{scheme}://{host}:{port}/v0/", Key("x"), rate=0))


# ---- by the text --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", PRIVATE)
def test_a_private_host_is_known_in_any_spelling(host: str, nothing_is_looked_up: None) -> None:
    transport = Transport(Settings("https://api.planet.com/v0/"))
    transport._session.guard._see(["8.8.8.8"])  # as after the answer that held the link
    with pytest.raises(ProtocolError, match="private host"):
        transport.check_link(f"https://{host}/x")
    with pytest.raises(ProtocolError, match="private host"):
        transport.check_link(f"https://{host}:8443/x")


@pytest.mark.parametrize("host", HIDDEN)
def test_a_host_that_hides_is_no_address(host: str, nothing_is_looked_up: None) -> None:
    with pytest.raises(ProtocolError):
        Transport(Settings("https://api.planet.com/v0/")).check_link(f"https://{host}/x")


@pytest.mark.parametrize("host", ALLOWED)
def test_a_public_host_is_not_refused(host: str, nothing_is_looked_up: None) -> None:
    transport = Transport(Settings("https://api.planet.com/v0/"))
    assert transport.check_link(f"https://{host}/x") == f"https://{host}/x"


# IANA's registry of special addresses, those that a packet to or from the internet may not have.
SPECIAL = [
    (0, 8), (10 << 24, 8), (0x64400000, 10), (127 << 24, 8), (0xA9FE0000, 16), (0xAC100000, 12), (0xC0000200, 24),
    (0xC0A80000, 16), (0xC6120000, 15), (0xC6336400, 24), (0xCB007100, 24), (224 << 24, 4), (240 << 24, 4),
]  # fmt: skip


@given(st.integers(0, 2**32 - 1) | st.builds(lambda pair, low: pair[0] | low % 2 ** (32 - pair[1]),
                                             st.sampled_from(SPECIAL), st.integers(0, 2**32 - 1)))  # fmt: skip
def test_an_address_is_judged_alike_in_all_that_carries_it(number: int) -> None:
    if number >> 8 == 0xC00000:  # 192.0.0.0/24: some of it is public, by the version of Python
        return
    private = any(number >> (32 - bits) == network >> (32 - bits) for network, bits in SPECIAL)
    plain = socket.inet_ntoa(number.to_bytes(4, "big"))
    high, low = f"{number >> 16:x}", f"{number & 0xFFFF:x}"
    for text in (plain, f"::ffff:{plain}", f"64:ff9b::{high}:{low}", f"2002:{high}:{low}::1"):
        assert private_hosts.is_private_address(text) is private, text


# ---- by what names stand for --------------------------------------------------------------------------------


@needs_loopback
@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], [PUBLIC, "127.0.0.1"], ["10.0.0.1", PUBLIC], ["::ffff:127.0.0.1"], ["169.254.169.254"]]
)
def test_a_name_of_a_private_address_is_not_connected_to(
    addresses: List[str], names: Dict[str, Any], public: Recorder, victim: Recorder
) -> None:
    names.update({"api.example": [[PUBLIC]], "store.example": [addresses]})
    catalog = service(public.server_port)
    link = f"{catalog.settings.api_url}to/store.example/{victim.server_port}"
    for ask in (
        lambda: catalog.transport.follow(link),
        lambda: catalog.transport.get_bytes(link),
        lambda: catalog.transport.get_bytes(f"http://store.example:{victim.server_port}/x.tif"),
        lambda: plan(catalog, link, (3, 10, 3)),  # GDAL would ask there
    ):
        with pytest.raises(ProtocolError, match="private host"):
            ask()
    assert victim.seen == []
    catalog.transport.close()


@needs_loopback
def test_a_name_is_looked_up_once_and_what_was_checked_is_connected_to(
    names: Dict[str, Any], public: Recorder, victim: Recorder
) -> None:
    names.update({"api.example": [[PUBLIC]], "store.example": [[PUBLIC], ["127.0.0.1"]]})
    catalog = service(public.server_port)
    link = f"{catalog.settings.api_url}to/store.example/{public.server_port}"
    for _ in range(3):
        assert catalog.transport.get_bytes(link)[0] == DATA
    assert names["asked"] == ["api.example", "store.example"]  # the connections are kept
    assert public.seen[1].headers["Host"] == f"store.example:{public.server_port}"
    catalog.transport.close()
    with pytest.raises(ProtocolError, match="private host"):
        catalog.transport.get_bytes(link)
    assert victim.seen == []
    catalog.transport.close()


@needs_loopback
def test_what_the_http_library_makes_of_an_address_is_looked_at_too(
    names: Dict[str, Any], public: Recorder, victim: Recorder
) -> None:
    """The library looks up the very address, and gets another."""
    names.update({"api.example": [[PUBLIC]], PUBLIC: [["127.0.0.1"]]})
    catalog = service(victim.server_port)
    with pytest.raises(ProtocolError, match="address of another host"):
        catalog.transport.get_bytes(catalog.settings.api_url)
    assert victim.seen == []
    catalog.transport.close()


@needs_loopback
def test_the_name_of_a_public_service_does_not_become_a_private_one(
    names: Dict[str, Any], public: Recorder, victim: Recorder
) -> None:
    names["api.example"] = [[PUBLIC], ["127.0.0.1"]]
    catalog = service(public.server_port)
    for _ in range(2):
        assert catalog.transport.get_bytes(catalog.settings.api_url)[0] == DATA
        with pytest.raises(ProtocolError, match="from a public to a private host"):
            catalog.transport.get_bytes(f"http://api.example:{victim.server_port}/v0/x")
    assert victim.seen == []
    catalog.transport.close()


@needs_loopback
def test_a_service_that_was_private_once_leads_nowhere_private_from_a_public_address(
    names: Dict[str, Any], public: Recorder, victim: Recorder
) -> None:
    names.update({"api.example": [["127.0.0.1"], [PUBLIC]], "store.example": [["127.0.0.1"]]})
    catalog = service(public.server_port)
    link = f"{catalog.settings.api_url}to/store.example/{victim.server_port}"
    catalog.transport._session.guard.addresses("api.example", 1)
    with pytest.raises(ProtocolError, match="private host"):
        catalog.transport.get_bytes(link)
    assert victim.seen == []
    catalog.transport.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "inside.example", "localhost.", "127.1", "2130706433"])
@pytest.mark.parametrize("to", ["127.0.0.1", "store.example", "localhost.", "127.1"])
def test_a_service_on_a_private_host_leads_to_others(
    host: str, to: str, names: Dict[str, Any], victim: Recorder
) -> None:
    names.update({name: [["127.0.0.1"]] for name in ("inside.example", "store.example", "localhost")})

    def answer(request: Request) -> Answer:
        return 302, {"Location": f"http://{to}:{victim.server_port}/x.tif"}, b""

    inside = Recorder(answer)
    catalog, again = service(inside.server_port, host), service(inside.server_port, host)
    try:
        url, _ = catalog.transport.follow(catalog.settings.api_url)
        assert url == f"http://{to}:{victim.server_port}/x.tif"
        # Also before it was asked anything, as with results that were kept.
        assert again.transport.check_link(url) == url
        assert again.transport.get_bytes(url)[0] == DATA
    finally:
        inside.stop()
        catalog.transport.close()
        again.transport.close()


@needs_loopback
def test_the_certificate_is_that_of_the_name(names: Dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=api.example",
         "-addext", "subjectAltName=DNS:api.example", "-keyout", str(path), "-out", str(tmp_path / "certificate.pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate.pem", path)
    asked: List[Any] = []
    context.sni_callback = lambda _, name, __: asked.append(name)  # type: ignore[assignment]
    names.update({"api.example": [[PUBLIC]]})
    server = Public(lambda request: ranged(request, DATA), tls=context)
    set_network(None, str(tmp_path / "certificate.pem"))
    try:
        catalog = service(server.server_port, scheme="https")
        assert catalog.transport.get_bytes(catalog.settings.api_url)[0] == DATA
        assert asked == ["api.example"]
    finally:
        set_network(None, None)
        catalog.transport.close()
        server.stop()


# ---- proxies ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_environment", [True, False])
def test_a_proxy_looks_names_up_itself_and_is_not_asked_for_a_private_one(
    as_environment: bool, names: Dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(request: Request) -> Answer:
        if request.path.endswith("/bad"):
            return 302, {"Location": "http://127.1/x"}, b""
        return ranged(request, DATA)

    proxy = Recorder(answer)
    if as_environment:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
    else:
        set_network({"http": proxy.url}, None)
    # Here they would be private ones: what the proxy makes of them is its own affair.
    names.update({"api.example": [["127.0.0.1"]], "store.example": [["127.0.0.1"]]})
    catalog = service(80)
    try:
        assert catalog.transport.get_bytes("http://store.example/x")[0] == DATA
        for link in ("http://localhost./x", "http://2130706433/x", "http://metadata.google.internal./x"):
            with pytest.raises(ProtocolError, match="private host"):
                catalog.transport.check_link(link)
        with pytest.raises(ProtocolError, match="private host"):
            catalog.transport.get_bytes("http://api.example/v0/bad")
        assert names["asked"] == []
        assert [request.path for request in proxy.seen] == ["http://store.example/x", "http://api.example/v0/bad"]
    finally:
        set_network(None, None)
        proxy.stop()
        catalog.transport.close()
