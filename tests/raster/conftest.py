"""Fixtures of the raster tests: a GeoTIFF as in the specification, and two recording servers."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Iterator, Optional

import numpy as np
import pytest

from planet_vector.catalog.scenes_v0.client import ScenesV0
from planet_vector.config import Settings
from planet_vector.keys import Key

from ..conftest import ROOT, Start
from .recording import Pair

if TYPE_CHECKING:
    from .clear_ground import ClearGround

WIDTH, HEIGHT = 1500, 900
"""Size of the file in pixels."""


@pytest.fixture(scope="session")
def geotiff(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file like the specification's example: RGBA, LZW, one-row strips, UTM, no overviews."""
    rasterio = pytest.importorskip("rasterio")
    path = tmp_path_factory.mktemp("geotiff") / "scene.tif"
    rng = np.random.default_rng(7)
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    bands = [np.sin(columns / (40 + 9 * n)) * 60 + np.cos(rows / 70) * 50 + 128 for n in range(3)]
    noise = rng.integers(-6, 7, (3, HEIGHT, WIDTH))
    alpha = np.where(columns + rows < 60, 0, 255)
    pixels = np.concatenate([np.stack(bands) + noise, alpha[np.newaxis]]).astype("uint8")
    profile = {
        "driver": "GTiff", "width": WIDTH, "height": HEIGHT, "count": 4, "dtype": "uint8", "crs": "EPSG:32611",
        "transform": rasterio.transform.from_origin(413595.6, 5718319.8, 3.0, 3.0), "compress": "lzw",
        "interleave": "pixel", "blockysize": 1, "photometric": "RGB", "alpha": "unspecified",
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(pixels)
    return path


@pytest.fixture(scope="session")
def clear_ground(tmp_path_factory: pytest.TempPathFactory, start_service: Start) -> ClearGround:
    """Return an archive with masks of usable pixels, served."""
    pytest.importorskip("rasterio")
    from .clear_ground import ClearGround, make

    archive = tmp_path_factory.mktemp("clear_ground") / "archive"
    make(archive)
    return ClearGround(archive, start_service(archive))


@pytest.fixture(scope="session")
def newer_python() -> Optional[str]:
    """Return a Python 3.12 with rasterio 1.5 or later, created once; None if there is no such Python."""
    directory = ROOT / ".venv-3.12"
    python = directory / "bin" / "python"
    ready = [str(python), "-c", "import rasterio, requests; assert rasterio.__gdal_version__ >= '3.12'"]
    if python.exists() and subprocess.run(ready, capture_output=True).returncode == 0:
        return str(python)
    found = shutil.which("python3.12")
    # A version manager's shim exists but fails if that version is not the selected one.
    if found is None or subprocess.run([found, "-c", "import venv, ensurepip"], capture_output=True).returncode:
        return None
    subprocess.run([found, "-m", "venv", str(directory)], check=True, capture_output=True)
    install = [str(python), "-m", "pip", "install", "-q", "rasterio>=1.5", "requests"]
    subprocess.run(install, check=True, capture_output=True)
    subprocess.run(ready, check=True, capture_output=True)
    return str(python)


@pytest.fixture
def pair(geotiff: Path) -> Iterator[Pair]:
    """Return the service and the object store over the file."""
    servers = Pair(geotiff.read_bytes())
    yield servers
    servers.stop()


@pytest.fixture
def catalog(pair: Pair) -> Iterator[ScenesV0]:
    """Return the client of the recording service."""
    catalog = ScenesV0(Settings(pair.root, Key(pair.key), rate=0))
    yield catalog
    catalog.transport.close()


@pytest.fixture
def window() -> Callable[[Path], np.ndarray]:
    """Return a function that reads the window of the access matrix directly from a file."""
    import rasterio
    from rasterio.windows import Window

    def read(path: Path) -> np.ndarray:
        with rasterio.open(path) as dataset:
            return dataset.read(window=Window(300, 200, 512, 512))

    return read


def strips(path: Path, first: int, count: int) -> int:
    """Return the size in bytes of some one-row strips, from the file's table (TIFF 6.0, tag 279, StripByteCounts)."""
    import struct

    data = path.read_bytes()
    at = struct.unpack("<I", data[4:8])[0]
    for entry in range(struct.unpack("<H", data[at : at + 2])[0]):
        tag, kind, length, offset = struct.unpack("<HHII", data[at + 2 + 12 * entry : at + 14 + 12 * entry])
        if tag == 279:
            form = "<" + str(length) + ("H" if kind == 3 else "I")
            return sum(struct.unpack(form, data[offset : offset + struct.calcsize(form)])[first : first + count])
    raise AssertionError("no table of strips")
