"""A real service in its own process, over archives made by each test."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence

import numpy as np
import pytest
import rasterio
import requests
from rasterio import Affine

DATA = Path(__file__).parents[3] / "shared" / "data"
ROOT = Path(__file__).parents[2]


class Running:
    """A running service: its root URL, its process, and requests to it."""

    def __init__(self, process: subprocess.Popen[str], root: str, line: str, cache: Path) -> None:
        self.process = process
        self.cache = cache
        self.root = root
        self.line = line

    @property
    def origin(self) -> str:
        return self.root[: -len("/v0/")]

    @property
    def errors(self) -> str:
        return (self.cache / "stderr.txt").read_text()

    def get(self, path: str, **options: Any) -> requests.Response:
        options.setdefault("allow_redirects", False)
        return requests.request(options.pop("method", "GET"), self.root + path, timeout=30, **options)

    def json(self, path: str, **options: Any) -> Any:
        response = self.get(path, **options)
        assert response.status_code == 200, response.text
        return response.json()

    def all_ids(self, path: str, **options: Any) -> List[str]:
        """Return the ids of a search, following its links."""
        found: List[str] = []
        page = self.json(path, **options)
        while True:
            found += [f["id"] for f in page["features"]]
            if page["links"]["next"] is None:
                return found
            answer = requests.get(page["links"]["next"], timeout=30)
            assert answer.status_code == 200, answer.text
            page = answer.json()


PROGRAM = (sys.executable, "-m", "planet_vector.cli")


def service_command(archive: Path, index: Path, program: Sequence[str] = PROGRAM) -> List[str]:
    """Return the command that starts a service on a free port."""
    return [*program, "serve", str(archive), "--port", "0", "--index", str(index)]


@contextlib.contextmanager
def running(
    archive: Path,
    cache: Path,
    *arguments: str,
    environment: Optional[Dict[str, str]] = None,
    program: Sequence[str] = PROGRAM,
) -> Iterator[Running]:
    command = [*service_command(archive, cache / "index.sqlite", program), *arguments]
    errors = (cache / "stderr.txt").open("a+")
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=errors, text=True, env={**os.environ, **(environment or {})}, cwd=ROOT
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        errors.seek(0)
        assert line, errors.read()
        yield Running(process, line.split()[-1], line, cache)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(20)
        if process.stdout is not None:
            process.stdout.close()
        errors.close()


Serve = Callable[..., Running]


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Return a function that starts services; they stop at the end of the module."""
    with contextlib.ExitStack() as stack:

        def start(archive: Path, *arguments: str, cache: Optional[Path] = None, **options: Any) -> Running:
            place = cache or tmp_path_factory.mktemp("cache")
            return stack.enter_context(running(archive, place, *arguments, **options))

        yield start


def write_raster(
    path: Path,
    *,
    bands: int = 4,
    dtype: str = "uint8",
    size: int = 60,
    left: float = 500_000,
    top: float = 5_000_000,
    crs: str = "EPSG:32633",
    pixel: float = 10.0,
    tags: Optional[Dict[str, str]] = None,
    margin: int = 0,
) -> np.ndarray:
    """Write a GeoTIFF of noise with nodata around it, and return its pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(7).integers(1, 200, (bands, size, size)).astype(dtype)
    if margin:
        inner = np.zeros((size, size), bool)
        inner[margin:-margin, margin:-margin] = True
        values[:, ~inner] = 0
    profile = {
        "driver": "GTiff",
        "count": bands,
        "dtype": dtype,
        "width": size,
        "height": size,
        "crs": crs,
        "nodata": 0,
        "transform": Affine(pixel, 0, left, 0, -pixel, top),
        "compress": "lzw",
    }
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(values)
        if tags:
            dataset.update_tags(**tags)
    return values


def feature(
    scene_id: str,
    acquired: str = "2015-03-06T02:24:15.531315+00:00",
    west: float = 10.0,
    south: float = 45.0,
    size: float = 0.2,
    **properties: Any,
) -> Dict[str, Any]:
    """Return the Feature of a square scene."""
    east, north = west + size, south + size
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {
        "type": "Feature",
        "id": scene_id,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"acquired": acquired, **properties},
    }


def write_features(path: Path, features: List[Dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))


class CountedJobs:
    """Replaces `Jobs`: calls functions in this process, and counts the calls."""

    calls: List[str] = []
    patience: List[Any] = []
    error: Optional[Exception] = None
    work: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def run(self, function: Callable[..., Any], *args: Any, patience: Any = None) -> Any:
        type(self).calls.append(function.__name__)
        type(self).patience.append(patience)
        type(self).work()
        if type(self).error is not None:
            raise type(self).error
        return function(*args)

    def close(self) -> None:
        pass


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> type[CountedJobs]:
    """Return the replacement of `Jobs`, which makes pictures in this process."""
    counted = type("Counted", (CountedJobs,), {"calls": [], "patience": []})
    monkeypatch.setattr("planet_vector.server.imagery.picture_making.Jobs", counted)
    return counted
