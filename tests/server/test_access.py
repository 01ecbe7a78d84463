"""Who may ask: keys in every form, a file of keys, and what each may see."""

from __future__ import annotations

import base64
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

import pytest
import requests
from click.testing import CliRunner

from planet_vector.cli.serve import serve as serve_command

from .conftest import ROOT, Running, Serve, feature, service_command, write_features, write_raster

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    for product in ("visual", "analytic", "unrectified"):
        write_raster(folder / f"20150306_022415_0908_{product}.tif", bands=3)
    write_features(folder / "landsat.json", [feature("LC81300472015235LGN00")])
    return folder


@pytest.fixture(scope="module")
def service(serve: Serve, archive: Path) -> Running:
    return serve(archive, environment={"PLANET_SERVE_KEY": KEY})


def login(service: Running, password: str) -> requests.Response:
    return requests.post(
        service.root + "auth/login", json={"email": "me@example.org", "password": password}, timeout=30
    )


def test_five_ways_to_give_a_key(service: Running) -> None:
    assert service.get("scenes/", auth=(KEY, "")).status_code == 200
    assert service.get("scenes/", headers={"Authorization": f"api-key {KEY}"}).status_code == 200
    assert service.get("scenes/", headers={"Authorization": f"Bearer {KEY}"}).status_code == 200
    assert service.get(f"scenes/?api_key={KEY}").status_code == 200
    _, payload, _ = login(service, KEY).json()["token"].split(".")
    assert json.loads(base64.urlsafe_b64decode(payload + "=="))["api_key"] == KEY


def bearer(token: str) -> Dict[str, Any]:
    return {"headers": {"Authorization": f"Bearer {token}"}}


def token_of(payload: Any) -> str:
    """Return a token as RFC 7519 has it, of a payload that may be anything, signed by nobody."""
    text = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    parts = [b'{"alg":"HS256","typ":"JWT"}', text, b"nobody"]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def test_the_token_of_a_login_is_a_key(service: Running, serve: Serve, archive: Path) -> None:
    token = login(service, KEY).json()["token"]
    for path in ("scenes/", "scenes/ortho/", "scenes/ortho/20150306_022415_0908/full", "../metrics"):
        assert service.get(path, **bearer(token)).status_code == 200
    assert service.get("scenes/", headers={"Authorization": f"bearer  {token} "}).status_code == 200
    # Other processes of the service, and the next ones, take it: the key in it is what counts.
    other = serve(archive, "--workers", "2", environment={"PLANET_SERVE_KEY": KEY})
    assert {other.get("scenes/", **bearer(token)).status_code for _ in range(8)} == {200}
    changed = serve(archive, environment={"PLANET_SERVE_KEY": KEY[::-1]})
    refused = changed.get("scenes/", **bearer(token))
    assert (refused.status_code, "Bearer" in refused.headers["www-authenticate"]) == (401, True)


def test_a_token_may_see_what_its_key_may(serve: Serve, archive: Path, tmp_path: Path) -> None:
    import yaml

    file = tmp_path / "keys.yml"
    guest = new_key(file, archive, "guest")
    (entry,) = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump([{**entry, "scene_types": ["ortho"]}]))
    service = serve(archive, "--keys", str(file))
    token = login(service, guest).json()["token"]
    assert set(service.json("scenes/", **bearer(token))) == {"ortho"}
    assert service.get("scenes/landsat/", **bearer(token)).status_code == 403
    file.write_text("[]")
    os.utime(file, ns=(1, 1))
    assert service.get("scenes/", **bearer(token)).status_code == 401


def test_tokens_of_every_length_are_read(service: Running) -> None:
    # The end of base64 is cut off differently for each length of the payload.
    for length in range(5):
        assert service.get("scenes/", **bearer(token_of({"email": "x" * length, "api_key": KEY}))).status_code == 200


@pytest.mark.parametrize(
    "token",
    ["", KEY[::-1], ".", "..", "...", "a.b.c", "%%%.%%%.%%%", token_of({}), token_of([]), token_of({"api_key": None}),
     token_of({"api_key": [KEY]}), token_of({"api_key": ""}), token_of({"api_key": "wrong"}), token_of(b"\xff\xfe"),
     token_of(b"["), token_of(b"[" * 20_000), token_of({"api_key": "\ud800"}), token_of({"api_key": KEY}) + ".x",
     token_of({"api_key": KEY}).rpartition(".")[0], token_of({"key": KEY}), "x" * 20_000, "9" * 5000],
)  # fmt: skip
def test_what_is_no_token_is_no_key(service: Running, token: str) -> None:
    answer = service.get("scenes/", **bearer(token))
    assert (answer.status_code, answer.json()["message"]) == (401, "Please enter your API key.")
    assert "Traceback" not in service.errors


def test_without_a_good_key_nothing_is_told(service: Running) -> None:
    paths = ["scenes/", "scenes/ortho/", "scenes/ortho/20150306_022415_0908", "scenes/ortho/20150306_022415_0908/full",
             "scenes/ortho/20150306_022415_0908/thumb", "scenes/nothing/", "mosaics/", "../metrics"]  # fmt: skip
    for path in paths:
        for options in (
            {},
            {"auth": ("wrong", "")},
            {"headers": {"Authorization": "Basic %%%"}},
            {"headers": {"Authorization": "api-key"}},
        ):
            answer = service.get(path, **options)  # type: ignore[arg-type]
            assert answer.status_code == 401
            assert answer.json() == {"message": "Please enter your API key.", "errors": []}
    assert login(service, "wrong").json() == {"message": "Invalid email or password", "errors": []}
    assert login(service, "wrong").status_code == 401


def new_key(keys: Path, archive: Path, name: str) -> str:
    command = [sys.executable, "-m", "planet_vector.cli", "serve", str(archive), "--keys", str(keys), "--new-key", name]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout.strip()


def test_a_file_of_keys(serve: Serve, archive: Path, tmp_path: Path) -> None:
    import yaml

    file = tmp_path / "keys.yml"
    office, guest = new_key(file, archive, "office"), new_key(file, archive, "guest")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert office not in file.read_text()
    entries = yaml.safe_load(file.read_text())
    entries[1].update(scene_types=["ortho"], products=["visual", "analytic"])
    file.write_text(yaml.safe_dump(entries))
    service = serve(archive, "--keys", str(file))
    assert set(service.json("scenes/", auth=(office, ""))) == {"ortho", "landsat", "rapideye"}
    assert set(service.json("scenes/", auth=(guest, ""))) == {"ortho"}
    assert service.get("scenes/landsat/", auth=(guest, "")).status_code == 403
    scene = "scenes/ortho/20150306_022415_0908"
    assert set(service.json(scene, auth=(office, ""))["properties"]["data"]["products"]) == {
        "analytic",
        "unrectified",
        "visual",
    }
    assert set(service.json(scene, auth=(guest, ""))["properties"]["data"]["products"]) == {"analytic", "visual"}
    listed = service.json("scenes/ortho/", auth=(guest, ""))["features"][0]
    assert set(listed["properties"]["data"]["products"]) == {"analytic", "visual"}
    assert service.get(scene + "/full?product=unrectified", auth=(office, "")).status_code == 200
    refused = service.get(scene + "/full?product=unrectified", auth=(guest, ""))
    assert (refused.status_code, "not permit" in refused.json()["message"]) == (403, True)
    # Taken out of the file, a key is no key any more; the service goes on.
    file.write_text(yaml.safe_dump(entries[1:]))
    os.utime(file, ns=(1, 1))
    assert service.get("scenes/", auth=(office, "")).status_code == 401
    assert service.get("scenes/", auth=(guest, "")).status_code == 200


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--host", "0.0.0.0"], "restricted to this machine"),
        (["--keys", "KEYS"], "chmod 600"),
        (["--workers", "2", "--rate", "5"], "one process"),
        (["--mosaics", "KEYS"], "file of basemaps"),
        (["--faults", "KEYS"], "file of faults"),
        (["--faults", "[{path: 5}]"], "path must be a pattern, not 5"),
        (["--faults", "[{status: 99}]"], "status must be a number from 200 to 599"),
        (["--faults", "[{headers: {Retry-After: 1}}]"], "headers must be a mapping of strings"),
        (["--faults", "[{delay: .nan}]"], "delay must be a number of seconds"),
        (["--faults", "[{5: x}]"], "use one of path, "),
        (["--faults", "[5]"], "cannot be read"),
        (["--mosaics", "[{name: a}, {name: b}, {name: a}]"], "two basemaps of the name a"),
        (["--mosaics", "[{name: a, first: 2015-02-01, last: 2015-01-31}]"], "after its last"),
        (["--mosaics", "[{name: a, filter: [x]}]"], "a mapping of fields"),
        (["--key", ""], "key is empty"),
        (["--keys", "-", "--host", "no.such.invalid"], "choose another --host"),
        (["--host", "no.such.invalid"], "choose another --host"),
    ],
)
def test_what_does_not_go_together_is_told(archive: Path, tmp_path: Path, arguments: list[str], told: str) -> None:
    if arguments[1][:1] == "[":
        (tmp_path / "some.yml").write_text(arguments[1])
        arguments = [arguments[0], str(tmp_path / "some.yml")]
    if arguments[1] == "-":
        new_key(tmp_path / "good.yml", archive, "office")
        arguments = [arguments[0], str(tmp_path / "good.yml"), *arguments[2:]]
    loose = tmp_path / "keys.yml"
    loose.write_text("{name: x}")
    loose.chmod(0o644)
    command = service_command(archive, tmp_path / "i.sqlite")
    done = subprocess.run(
        command + [str(loose) if a == "KEYS" else a for a in arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
    )
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("option", ["--rate", "--latency", "--rescan", "--signature-life"])
@pytest.mark.parametrize("number", ["nan", "inf", "-1"])
def test_numbers_that_would_break_every_answer_are_refused(option: str, number: str) -> None:
    done = CliRunner().invoke(serve_command, [".", option, number])
    assert done.exit_code == 2 and option in done.output
