"""A user without a home directory, as in containers: a cache is a help, and a place on disk a condition of little."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator

import pytest

import planet_vector
from planet_vector.config import Settings
from planet_vector.errors import ConfigError
from planet_vector.keys import Key, credentials_path
from planet_vector.names import parse_name
from planet_vector.raster import credential_files
from planet_vector.raster.basemap_names import basemap_subdatasets
from planet_vector.raster.quad_cache import QuadCache
from planet_vector.roots import DEFAULT_API_URL
from planet_vector.user_folders import user_directory
from planet_vector.vector.result_cache import CACHE
from tests.conftest import ROOT, Service, Start
from tests.schemas import ORTHO

_HOMES = ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA")
STRANGER = 12345  # a user that the machine does not know
as_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can be somebody else")


@pytest.fixture(params=[RuntimeError("Could not determine home directory."), KeyError("getpwuid(): uid not found")])
def homeless(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Take the home away, as Python 3.10 and 3.9 find none, and return what stands in for the folder in /tmp."""

    def home() -> Path:
        raise request.param

    for name in _HOMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", home)
    monkeypatch.setattr(credential_files, "_temporary_folders", lambda: iter([tmp_path / "planet_vector-1"]))
    CACHE.clear()
    yield tmp_path / "planet_vector-1"
    CACHE.clear()


def test_a_search_is_read_whole(homeless: Path, connected: Service) -> None:
    found = list(planet_vector.open_layer("PLANET:ortho").rows())
    assert len(found) == planet_vector.connect().count(planet_vector.Query(ORTHO)) > 0


def test_a_place_that_is_needed_is_named(homeless: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for platform, purpose, words in (
        ("linux", "cache", "set XDG_CACHE_HOME or HOME"),
        ("linux", "config", "set XDG_CONFIG_HOME or HOME"),
        ("darwin", "cache", "set HOME"),
        ("win32", "config", "set APPDATA or USERPROFILE"),
    ):
        monkeypatch.setattr(sys, "platform", platform)
        with pytest.raises(ConfigError, match=f"^There is no home directory for the {purpose} files.*: {words} to"):
            user_directory(purpose)


def test_another_place_that_is_named_serves(
    homeless: Path, connected: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "platform", "linux")
    list(planet_vector.open_layer("PLANET:ortho").rows())
    assert len(list((tmp_path / "cache" / "planet_vector" / "results").glob("*.rows"))) == 1


def test_there_is_no_key_file(homeless: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings.load().key is None
    monkeypatch.setenv("PL_API_KEY", "thekey")
    assert Settings.load(DEFAULT_API_URL).key == Key("thekey")
    monkeypatch.setenv("XDG_CONFIG_HOME", os.devnull)
    monkeypatch.setattr(sys, "platform", "linux")
    assert str(credentials_path()).startswith(os.devnull)


def test_the_commands_do_what_needs_no_home(
    homeless: Path, connected: Service, call: Callable[..., Any], tmp_path: Path
) -> None:
    said = call("whoami")
    assert said.returncode == 0 and "from PL_API_KEY" in said.stdout
    said = call("logout")
    assert said.returncode == 0 and said.stdout == f"There is no key for {connected.url}.\n"
    said = call("env")
    assert said.returncode == 0 and said.stderr == ""
    (file,) = homeless.iterdir()  # with the key
    assert f"export GDAL_CONFIG_FILE={file}\n" in said.stdout and credential_files.is_config_file(file)
    assert [path.stat().st_mode & 0o077 for path in (homeless, file)] == [0, 0] or sys.platform == "win32"
    assert call("logout").returncode == 0
    assert list(homeless.iterdir()) == []


@pytest.mark.parametrize("arguments", [("login",), ("cache", "clear")])
def test_the_commands_that_need_one_say_so_in_a_sentence(
    homeless: Path, connected: Service, call: Callable[..., Any], arguments: Any
) -> None:
    said = call(*arguments, input="no key is asked for")
    assert said.returncode == 1 and said.stdout == ""
    assert said.stderr.startswith("Error: There is no home directory") and len(said.stderr.splitlines()) == 1


def test_basemaps_open_but_for_what_needs_a_description_on_disk(
    homeless: Path, start_service: Start, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mosaics.yml").write_text("- name: clear\n  filter: {cloud_cover.estimated.lte: 40}\n")
    service = start_service(archive, "--mosaics", str(tmp_path / "mosaics.yml"))
    catalog = planet_vector.connect(service.url, service.key)
    ((tiles, _),) = basemap_subdatasets(catalog, parse_name("PLANET:basemaps/clear"))
    assert Path(tiles).parent == homeless and "tiles" in tiles
    box = parse_name("PLANET:basemaps/clear?bbox=11.99,47.88,12.01,47.9")
    with pytest.raises(ConfigError, match="There is no home directory for the cache files"):
        basemap_subdatasets(catalog, box)
    with pytest.raises(ConfigError, match="There is no home directory for the cache files"):
        QuadCache(catalog)
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "platform", "linux")
    file = Path(basemap_subdatasets(catalog, box)[1][0])
    assert file.stat().st_mode & 0o077 == 0 and tmp_path / "cache" in file.parents
    service.stop()


READ = """
import json, sys
import pyogrio
import planet_vector
planet_vector.register()
try:
    __import__("pathlib").Path.home()
except (RuntimeError, KeyError):
    print(json.dumps([
        sum(1 for _ in planet_vector.search("PLANET:ortho")),
        len(pyogrio.read_dataframe("PLANET:ortho", columns=["id"], read_geometry=False)),
    ]))
"""


def _environ(service: Service) -> Dict[str, str]:
    return {name: value for name, value in service.environ.items() if name not in _HOMES}


@as_root
def test_a_user_that_the_machine_does_not_know_reads_all(service: Service) -> None:
    expected = planet_vector.connect(service.url, service.key).count(planet_vector.Query(ORTHO))
    options: Any = {"capture_output": True, "text": True, "cwd": ROOT, "env": _environ(service)}
    # It may read all that is here, as a checkout may be closed to other users, but is nobody.
    stranger = ["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups"]
    stranger += [f"--{kind}-caps=+dac_override,+dac_read_search" for kind in ("inh", "ambient")]
    try:
        done = subprocess.run([*stranger, sys.executable, "-c", READ], **options)
        assert done.stderr == "" and json.loads(done.stdout) == [expected, expected]
        command = [*stranger, sys.executable, "-m", "planet_vector.cli"]
        done = subprocess.run([*command, "whoami"], **options)
        assert done.returncode == 0 and "from PL_API_KEY" in done.stdout, done.stderr
        done = subprocess.run([*command, "login"], input=service.key, **options)
        assert done.returncode == 1 and done.stderr.startswith("Error: There is no home directory")
        if shutil.which("ogrinfo"):
            done = subprocess.run([*stranger, "ogrinfo", "-ro", "-q", "-al", "PLANET:ortho"], **options)
            assert done.stdout.count("OGRFeature") == expected, done.stderr
    finally:
        shutil.rmtree(f"/tmp/planet_vector-{STRANGER}", ignore_errors=True)
