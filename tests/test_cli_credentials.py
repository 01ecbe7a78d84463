"""``login``, ``logout``, ``whoami``: a key is asked for, kept for its owner, sent where it belongs, never shown."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Callable, Dict

import pytest

from planet_vector.keys import credentials_path
from tests.conftest import Service, Start

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def keyless(service: Service) -> Dict[str, str]:
    """Return the environment of somebody who has not logged in."""
    return {name: value for name, value in service.environ.items() if name != "PL_API_KEY"}


def _planet_vector(run: Run, keyless: Dict[str, str], service: Service, *arguments: str, input: str = "") -> str:
    done = run("planet-vector", *arguments, env=keyless, input=input)
    assert done.returncode == 0, done.stderr
    assert service.key not in done.stdout + done.stderr
    return done.stdout


def test_a_key_is_kept_used_and_forgotten(service: Service, run: Run, keyless: Dict[str, str]) -> None:
    assert "kept in" in _planet_vector(run, keyless, service, "login", input=f"{service.key}\n")
    path = credentials_path()
    assert json.loads(path.read_text()) == {service.url: service.key}
    assert _planet_vector(run, keyless, service, "types").split() == ["landsat", "ortho", "rapideye"]
    assert f"from {path}" in _planet_vector(run, keyless, service, "whoami")
    assert "removed" in _planet_vector(run, keyless, service, "logout")
    assert not path.exists()
    assert run("planet-vector", "types", env=keyless).returncode == 1
    assert "no key" in _planet_vector(run, keyless, service, "logout")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="where it is there")
def test_a_key_that_commit_9fd2fde_kept_is_used_and_stays(
    service: Service, run: Run, keyless: Dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path.home() / ".config" / "planet_vector"
    folder.mkdir(mode=0o700, parents=True)
    path = folder / "credentials.json"
    kept = f'{{\n  "https://api.planet.com/v0/": "another",\n  "{service.url}": "{service.key}"\n}}'
    path.write_text(kept)
    path.chmod(0o600)
    assert _planet_vector(run, keyless, service, "types").split() == ["landsat", "ortho", "rapideye"]
    assert path.read_text() == kept
    assert "removed" in _planet_vector(run, keyless, service, "logout")
    assert json.loads(path.read_text()) == {"https://api.planet.com/v0/": "another"}


@pytest.mark.skipif(sys.platform == "win32", reason="file modes as POSIX has them")
def test_only_the_owner_can_read_the_file(service: Service, run: Run, keyless: Dict[str, str]) -> None:
    old = os.umask(0)
    try:
        _planet_vector(run, keyless, service, "login", input=service.key)
    finally:
        os.umask(old)
    path = credentials_path()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_keys_of_two_services_stand_side_by_side(
    service: Service, start_service: Start, run: Run, keyless: Dict[str, str]
) -> None:
    other = start_service(service.archive, key="0123456789abcdef")
    try:
        _planet_vector(run, keyless, service, "login", input=service.key)
        _planet_vector(run, keyless, other, "login", "--api-url", other.url, input=other.key)
        assert json.loads(credentials_path().read_text()) == {service.url: service.key, other.url: other.key}
        assert "accepts the key" in _planet_vector(run, keyless, other, "whoami", "--api-url", other.url)
        _planet_vector(run, keyless, service, "logout")
        assert json.loads(credentials_path().read_text()) == {other.url: other.key}
    finally:
        other.stop()


@pytest.mark.parametrize(
    ("typed", "word"), [("0" * 32, "401"), ("", "No key was given"), ("a key", "invalid character")]
)
def test_a_key_that_does_not_open_the_service_is_not_kept(
    run: Run, keyless: Dict[str, str], typed: str, word: str
) -> None:
    done = run("planet-vector", "login", env=keyless, input=typed)
    assert done.returncode == 1
    assert word in done.stderr
    assert not typed or typed not in done.stderr
    assert not credentials_path().exists()


def test_the_environment_goes_before_the_file(service: Service, run: Run) -> None:
    done = run("planet-vector", "login", env=service.environ, input=service.key)
    assert done.returncode == 0 and "PL_API_KEY is set" in done.stderr
    assert "from PL_API_KEY" in run("planet-vector", "whoami", env=service.environ).stdout


def test_a_broken_file_of_keys_is_said_to_be_one(run: Run, keyless: Dict[str, str]) -> None:
    path = credentials_path()
    path.parent.mkdir(parents=True)
    path.write_text("{")
    for command in ("types", "whoami", "logout"):
        done = run("planet-vector", command, env=keyless)
        assert done.returncode == 1
        assert str(path) in done.stderr and len(done.stderr.splitlines()) == 1


def test_the_key_of_a_root_is_not_sent_to_another(service: Service, run: Run, keyless: Dict[str, str]) -> None:
    elsewhere = service.url.replace("127.0.0.1", "localhost")
    environ = {**keyless, "PL_API_KEY": service.key}
    assert run("planet-vector", "types", env=environ).returncode == 0
    done = run("planet-vector", "types", "--api-url", elsewhere, env=environ)
    assert done.returncode == 1
    assert "401" in done.stderr and "belongs to" in done.stderr


def test_whoami_without_a_key(service: Service, run: Run, keyless: Dict[str, str]) -> None:
    done = run("planet-vector", "whoami", env=keyless)
    assert done.returncode == 1
    assert "key      none" in done.stdout
    assert Path(credentials_path()).exists() is False
