"""QGIS for a user without a home directory, or with a cache that takes nothing."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from planet_scenes import network, thumbnails
from planet_scenes.connection import Connection
from planet_scenes.connections import connections
from planet_vector.connections import BUILT_IN
from planet_vector.errors import ConfigError
from planet_vector.raster import credential_files
from planet_vector.scene import Scene
from tests.conftest import Service
from tests.schemas import ORTHO


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Take the home away, and return what stands in for the folder in /tmp."""

    def home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(Path, "home", home)
    private = tmp_path / "planet_vector-1"
    monkeypatch.setattr(credential_files, "_temporary_folders", lambda: iter([private]))
    return private


def test_thumbnails_lie_among_the_temporary_files(homeless: Path, connected: Service) -> None:
    connection = connections().current()
    folder = thumbnails.directory(connection, "ortho")
    assert homeless in folder.parents
    thumbnails.write(folder / "a.png", b"picture")
    scene = Scene({"type": "Feature", "id": "a", "geometry": None, "properties": {}}, ORTHO)
    assert thumbnails.Thumbnails().get(connection, scene) == folder / "a.png"


def test_a_connection_cannot_be_kept_and_says_why(homeless: Path) -> None:
    with pytest.raises(ConfigError, match="set XDG_CONFIG_HOME or HOME"):
        connections().add(Connection("a", "http://127.0.0.1:9/v0/"))
    assert [known.name for known in connections().all()] == [*BUILT_IN]


def test_an_odd_picture_is_none(connection: Any) -> None:
    folder = thumbnails.directory(connection, "ortho")
    scene = Scene({"type": "Feature", "id": "a", "geometry": None, "properties": {}}, ORTHO)
    path, pictures = folder / "a.png", thumbnails.Thumbnails()
    thumbnails.write(path, b"")
    assert pictures.get(connection, scene) is None
    path.unlink()
    os.mkfifo(path)
    assert pictures.get(connection, scene) is None
    thumbnails.write(path, b"picture")
    assert pictures.get(connection, scene) == path and path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("cache", [None, "file"])
def test_authorities_that_qgis_trusts_lie_there_too(
    homeless: Path, cache: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    manager = SimpleNamespace(
        isDisabled=lambda: False, extraFileCAs=lambda: {"a": 1}, trustedCaCertsPemText=lambda: b"-----BEGIN"
    )
    monkeypatch.setattr(network, "QgsApplication", SimpleNamespace(authManager=lambda: manager))
    if cache:
        (tmp_path / cache).touch()
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / cache))
    for _ in range(2):
        path = network._certificates()
        assert path == str(homeless / "qgis-certificates.pem") and Path(path).read_bytes() == b"-----BEGIN"
