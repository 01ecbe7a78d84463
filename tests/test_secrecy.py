"""The key: in no name, log line, error or file that others can read, whatever a program does."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any, Callable

import pyogrio
import pytest

import planet_vector
from tests.conftest import KEY, Service, needs_fiona

SEARCH = "PLANET:ortho?cloud_cover.estimated.lte=20"


def test_python_says_nothing_of_the_key_at_debug(connected: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    scene = planet_vector.search(SEARCH)[0]
    layer = planet_vector.open_layer(SEARCH)
    rows = list(layer.rows())
    with planet_vector.open(f"PLANET:ortho/{scene.id}/visual") as dataset:
        dataset.read(1, window=((0, 64), (0, 64)))
        told = [dataset.name, repr(dataset), repr(dataset.tags()), repr(dataset.meta)]
    with pytest.raises(planet_vector.NotFoundError) as caught:
        planet_vector.open(f"PLANET:ortho/{scene.id}/nothing")
    told += [repr(caught.value), str(caught.value), repr(layer.catalog.settings), repr(rows), repr(vars(layer))]
    assert "/v0/scenes/ortho" in caplog.text
    for text in (caplog.text, *told, *(repr(record.__dict__) for record in caplog.records)):
        assert KEY not in text


@pytest.mark.parametrize(
    "command",
    [
        ["ogrinfo", "-ro", "-al", SEARCH],
        ["ogrinfo", "-ro", "PLANET:nothing"],
        ["ogr2ogr", "-f", "GeoJSON", "/vsistdout/", SEARCH],
        ["gdalinfo", "PLANET:ortho/{scene}"],
        pytest.param(["fio", "info", SEARCH], marks=needs_fiona),
        ["planet-vector", "-v", "search", SEARCH],
        ["planet-vector", "-v", "whoami"],
        ["planet-vector", "-v", "doctor"],
        ["planet-vector", "-v", "info", "PLANET:ortho/{scene}/visual"],
        ["planet-vector", "env"],
    ],
    ids=" ".join,
)
def test_programs_say_nothing_of_the_key(connected: Service, run: Callable[..., Any], command: list[str]) -> None:
    scene = planet_vector.search(SEARCH)[0].id
    done = run(*[part.format(scene=scene) for part in command], env={**connected.environ, "CPL_DEBUG": "ON"})
    assert done.stdout or done.stderr
    assert KEY not in done.stdout + done.stderr


def test_no_file_that_others_can_read_holds_the_key(
    connected: Service, run: Callable[..., Any], tmp_path: Path
) -> None:
    scene = planet_vector.search(SEARCH)[0].id
    environ = {**connected.environ, "TMPDIR": str(tmp_path)}
    run("ogr2ogr", "-f", "GPKG", str(tmp_path / "out.gpkg"), SEARCH, env=environ)
    run("ogr2ogr", "-f", "GeoJSON", str(tmp_path / "out.geojson"), SEARCH, env=environ)
    run("planet-vector", "env", env=environ)
    run("gdalinfo", f"PLANET:ortho/{scene}", env=environ)
    run("planet-vector", "download", f"ortho/{scene}", "-d", str(tmp_path / "files"), env=environ)
    assert len(pyogrio.read_dataframe(tmp_path / "out.gpkg")) > 5
    files = [path for root in (tmp_path, Path.home()) for path in root.rglob("*") if path.is_file()]
    assert files
    for path in files:
        if path.stat().st_mode & 0o077:
            assert KEY.encode() not in path.read_bytes(), path


def test_the_key_is_in_no_argument_of_a_process(connected: Service) -> None:
    # Those of this process and of what it started, the service apart, which the test itself gave the key.
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"serve" not in words:
            assert KEY.encode() not in b" ".join(words), (path, os.getpid())
