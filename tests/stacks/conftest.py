"""An archive of scenes over one piece of land: two UTM zones, a shifted grid, an edge without data, a cloud."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Iterator, NamedTuple, Tuple

import numpy as np
import pytest

from ..conftest import Service, Start

PIXEL = 3.0
ROWS, COLUMNS = 700, 1100
UNSEEN = 160
"""Pixels whose column plus row is at most this, in a corner, have no data."""


class Shot(NamedTuple):
    """A scene: its zone, the origin of its raster, and whether its visual product has an alpha band."""

    name: str
    epsg: int
    left: float
    top: float
    alpha: bool = True


# Around 12° E, 47.88° N, on the border of zones 32 and 33, which are rotated by 4.5° against each other there.
SHOTS = (
    Shot("20150601_100000_0905", 32632, 722700.0, 5309400.0),
    Shot("20150602_100000_0908", 32632, 722850.0, 5308890.0),
    Shot("20150603_100000_090c", 32632, 722701.5, 5309401.5),
    Shot("20150604_100000_0b0a", 32633, 274050.0, 5309400.0),
    Shot("20150605_100000_0c06", 32632, 722700.0, 5309400.0, alpha=False),
)


class Land(NamedTuple):
    """The archive, its service, and the service's access log."""

    archive: Path
    service: Service
    log: Path

    def path(self, shot: Shot, product: str = "visual") -> Path:
        return self.archive / f"{shot.name}_{product}.tif"

    def sent(self) -> Dict[str, int]:
        """Return the bytes of products sent per scene, from the access log in common log format."""
        found: Dict[str, int] = {}
        for line in self.log.read_text().splitlines():
            request, _, rest = line.partition('"')[2].partition('" ')
            if "/full" in request:
                name = request.split("/full")[0].rpartition("/")[2]
                found[name] = found.get(name, 0) + int(rest.split()[1].replace("-", "0"))
        return found


def land_at(longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
    """Return the colours of the land at positions: fields of any colour, with texture of a few pixels."""
    x, y = (longitude - 12) * 74900, (latitude - 47.88) * 111200
    colours = []
    for band in range(3):
        field = (
            np.sin(np.floor(x / 180 + np.sin(y / 170)) * 12.9898 + np.floor(y / 140) * 78.233 + band * 4.1) * 43758.5453
        )
        fine = np.sin(x / 7 + band) * np.cos(y / 9) + np.sin((x + y) / 31)
        colours.append(70 + 130 * (field - np.floor(field)) + 20 * fine)
    return np.stack(colours).clip(1, 255)


def write(shot: Shot, directory: Path, rng: np.random.Generator) -> None:
    import rasterio
    from pyproj import Transformer

    columns, rows = np.meshgrid(np.arange(COLUMNS) + 0.5, np.arange(ROWS) + 0.5)
    longitude, latitude = Transformer.from_crs(shot.epsg, 4326, always_xy=True).transform(
        shot.left + columns * PIXEL, shot.top - rows * PIXEL
    )
    pixels = (land_at(longitude, latitude) + rng.normal(0, 6, (3, ROWS, COLUMNS))).clip(1, 255).astype("uint8")
    seen = columns + rows > UNSEEN
    pixels[:, ~seen] = 0
    profile = {
        "driver": "GTiff", "width": COLUMNS, "height": ROWS, "dtype": "uint8", "crs": f"EPSG:{shot.epsg}",
        "transform": rasterio.transform.from_origin(shot.left, shot.top, PIXEL, PIXEL), "compress": "lzw",
        "interleave": "pixel", "blockysize": 1,
    }  # fmt: skip
    if shot.alpha:
        pixels = np.concatenate([pixels, np.where(seen, 255, 0).astype("uint8")[np.newaxis]])
        profile.update(count=4, photometric="RGB", alpha="yes")
    else:
        profile.update(count=3, photometric="RGB", nodata=0)
    with rasterio.open(directory / f"{shot.name}_visual.tif", "w", **profile) as dataset:
        dataset.write(pixels)


def rows_needed(path: Path, bounds: Tuple[float, float, float, float], crs: str) -> Tuple[int, int]:
    """Return the first row of a file that a rectangle in a coordinate system touches, and the number of rows."""
    import rasterio
    from pyproj import Transformer

    with rasterio.open(path) as dataset:
        west, south, east, north = bounds
        along = np.linspace(0, 1, 50)
        xs = np.concatenate([west + along * (east - west)] * 2 + [np.full(50, west), np.full(50, east)])
        ys = np.concatenate([np.full(50, south), np.full(50, north)] + [south + along * (north - south)] * 2)
        _, y = Transformer.from_crs(crs, dataset.crs, always_xy=True).transform(xs, ys)
        first = int((dataset.transform.f - max(y)) // PIXEL)
        last = int(-(-(dataset.transform.f - min(y)) // PIXEL))
    return max(0, first), last - max(0, first)


@pytest.fixture(scope="session")
def land(tmp_path_factory: pytest.TempPathFactory, start_service: Start) -> Iterator[Land]:
    """Return the archive of `SHOTS`, served."""
    pytest.importorskip("rasterio")
    directory = tmp_path_factory.mktemp("land")
    archive = directory / "archive"
    archive.mkdir()
    rng = np.random.default_rng(5)
    for shot in SHOTS:
        write(shot, archive, rng)
    log = directory / "access.log"
    service = start_service(archive, "--access-log", str(log), keep=True)
    yield Land(archive, service, log)
    service.stop()


@pytest.fixture
def on_land(land: Land, monkeypatch: pytest.MonkeyPatch) -> Land:
    """Return the archive, with this process's environment set to use its service."""
    monkeypatch.setenv("PL_API_URL", land.service.url)
    monkeypatch.setenv("PL_API_KEY", land.service.key)
    return land
