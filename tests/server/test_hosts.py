"""For which hosts a service answers, and whose X-Forwarded headers it reads."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Dict, Tuple

import pytest
import requests

from planet_vector.errors import ConfigError
from planet_vector.server.api.hosts import Hosts, Proxies, allowed_hosts

from .conftest import ROOT, Running, Serve, feature, service_command, write_features, write_raster

KEY = "0123456789abcdef0123456789abcdef"
SCENE = "/v0/scenes/ortho/20150306_022415_0908"
PATHS = [
    "/", "/docs", "/openapi.json", "/static/start.js", "/static/leaflet/leaflet.js", "/healthz", "/metrics", "/nothing",
    "/v0/scenes", "/v0/scenes/", "/v0/scenes/ortho/", SCENE, SCENE + "/full", SCENE + "/thumb", SCENE + "/1/0/0.png",
    "/v0/mosaics/", "/v0/auth/login",
]  # fmt: skip


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    write_raster(folder / "20150306_022415_0908_visual.tif", bands=3)
    write_features(folder / "more.json", [feature("S1")])
    return folder


@pytest.fixture(scope="module")
def service(serve: Serve, archive: Path) -> Running:
    return serve(archive, "--redirect", "signed")


def asked(service: Running, path: str, host: str, **headers: str) -> requests.Response:
    headers = {"Host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return requests.get(service.origin + path, headers=headers, timeout=30, allow_redirects=False)


@pytest.mark.parametrize("path", PATHS)
def test_a_page_of_another_host_reads_nothing(service: Running, path: str) -> None:
    for host in ("rebound.example", "rebound.example:80", "127.0.0.1.rebound.example", "localhost.example", "10.0.0.1"):
        answer = asked(service, path, host)
        assert answer.status_code == 421
        name = host.split(":")[0]
        assert answer.json()["message"].endswith(f"start it with --allow-host {name}.")
        assert not {"location", "access-control-allow-origin"} & {name.lower() for name in answer.headers}


def test_the_second_origin_refuses_other_hosts_too(service: Running) -> None:
    link = requests.get(service.origin + SCENE + "/full", timeout=30, allow_redirects=False).headers["location"]
    assert requests.get(link, timeout=30).status_code == 200
    assert requests.get(link, headers={"Host": "rebound.example"}, timeout=30).status_code == 421


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "LOCALHOST.", "tiles.localhost:8080", "[::1]:8080", "127.9.9.9", "[0:0::1]"]
)
def test_every_name_of_this_machine_s_loopback_is_answered(service: Running, host: str) -> None:
    answer = asked(service, "/v0/scenes/", host)
    assert answer.status_code == 200
    assert answer.json()["ortho"] == f"http://{host}/v0/scenes/ortho/"


@pytest.mark.parametrize(
    ("listening", "allowed", "keys", "good", "bad"),
    [
        ("127.0.0.1", (), False, ("localhost:1",), ("archive.example", "192.168.1.9", "0.0.0.0", "[::]", "", "a b")),
        ("127.0.0.1", ("archive.example",), False, ("ARCHIVE.example.:80", "localhost"), ("www.archive.example",)),
        ("192.168.1.9", (), True, ("192.168.1.9:80", "localhost"), ("archive.example", "192.168.1.8")),
        ("192.168.1.9", ("archive.example",), True, ("192.168.1.9", "archive.example"), ("example",)),
        ("archive.example", (), True, ("archive.example:8080",), ("other.example",)),
        ("0.0.0.0", (), True, ("archive.example", "10.0.0.1"), ("a b", "")),
        ("::", (), True, ("archive.example", "[fd00::1]"), ("a/b",)),
        ("0.0.0.0", ("archive.example",), True, ("archive.example", "127.0.0.1"), ("other.example", "10.0.0.1")),
        ("::1", ("fd00:0::1",), False, ("[fd00::1]:80", "[::ffff:127.0.0.1]"), ("[fd00::2]",)),
    ],
)
def test_hosts_follow_from_the_options(
    listening: str, allowed: Tuple[str, ...], keys: bool, good: Tuple[str, ...], bad: Tuple[str, ...]
) -> None:
    hosts = allowed_hosts(listening, allowed, keys)
    assert [hosts.allows(host) for host in good] == [True] * len(good)
    assert [hosts.allows(host) for host in bad] == [False] * len(bad)


@pytest.mark.parametrize("name", ["", "archive.example:80", "http://archive.example", "[::1]:80", "*", "a b"])
def test_what_is_no_host_is_told(name: str) -> None:
    with pytest.raises(ConfigError, match="--allow-host takes a name or an address without a port"):
        Hosts([name])


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [("--allow-host", "a:80", "without a port"), ("--trusted-proxy", "proxy.example", "an address or a network")],
)
def test_options_are_checked_before_anything_is_done(
    archive: Path, tmp_path: Path, option: str, value: str, told: str
) -> None:
    command = service_command(archive, tmp_path / "i.sqlite")
    done = subprocess.run([*command, option, value], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert (done.returncode, done.stdout) == (1, "")
    assert told in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "i.sqlite").exists()


FORWARDED: Dict[str, str] = {
    "X_Forwarded_Proto": "https",
    "X_Forwarded_For": "192.0.2.7, 127.0.0.2",
    "X_Forwarded_Host": "archive.example",
}


def root_of(service: Running, host: str, **headers: str) -> str:
    return str(asked(service, "/v0/scenes/", host, **headers).json().get("ortho", "refused")).replace("/ortho/", "/")


def test_only_a_trusted_proxy_is_believed(serve: Serve, archive: Path, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    options = ("--allow-host", "archive.example", "--access-log", str(log))
    plain = serve(archive, *options)
    assert root_of(plain, "archive.example", **FORWARDED) == "http://archive.example/v0/scenes/"
    assert root_of(plain, "127.0.0.1", **FORWARDED) == "http://127.0.0.1/v0/scenes/"
    assert log.read_text().startswith("127.0.0.1 - ") and "192.0.2.7" not in log.read_text()

    log.write_text("")
    behind = serve(archive, *options, "--trusted-proxy", "127.0.0.0/8", "--trusted-proxy", "::1")
    assert root_of(behind, "archive.example", X_Forwarded_Proto="https") == "https://archive.example/v0/scenes/"
    assert root_of(behind, "127.0.0.1", **FORWARDED) == "https://archive.example/v0/scenes/"
    assert root_of(behind, "127.0.0.1", X_Forwarded_Proto="javascript") == "http://127.0.0.1/v0/scenes/"
    # What a client made up, and the proxy passed on, does not lead past the list.
    assert root_of(behind, "rebound.example", **FORWARDED) == "refused"
    assert root_of(behind, "127.0.0.1", X_Forwarded_Host="rebound.example") == "refused"
    clients = [line.split()[0] for line in log.read_text().splitlines()]
    assert clients == ["127.0.0.1", "192.0.2.7", "127.0.0.1", "192.0.2.7", "127.0.0.1"]


def test_a_proxy_that_is_not_named_is_not_believed(serve: Serve, archive: Path) -> None:
    service = serve(archive, "--trusted-proxy", "10.0.0.0/8")
    assert root_of(service, "localhost", **FORWARDED) == "http://localhost/v0/scenes/"


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.1, 192.0.2.7, 10.0.0.9", "192.0.2.7"),  # the first stands there by the client's word alone
        ("192.0.2.7:4711", "192.0.2.7"),
        ("[2001:db8::7]:4711", "2001:db8::7"),
        ("2001:db8::7, ::ffff:10.0.0.9", "2001:db8::7"),
        ("10.0.0.8, 10.0.0.9", None),
        ("unknown", None),
        ("192.0.2.7, <script>", None),
        ("", None),
    ],
)
def test_the_client_is_the_last_that_is_no_proxy(forwarded: str, client: object) -> None:
    assert Proxies(["10.0.0.0/8"]).client(forwarded) == client


def test_with_keys_any_host_is_answered_where_it_listens_everywhere(serve: Serve, archive: Path) -> None:
    service = serve(archive, "--host", "0.0.0.0", environment={"PLANET_SERVE_KEY": KEY})
    origin = service.origin.replace("0.0.0.0", "127.0.0.1")
    answer = requests.get(origin + "/v0/scenes/", headers={"Host": "archive.example"}, auth=(KEY, ""), timeout=30)
    assert json.loads(answer.text)["ortho"] == "http://archive.example/v0/scenes/ortho/"
