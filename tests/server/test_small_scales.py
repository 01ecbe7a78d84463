"""Tiles of mosaics at small scales: there at once, all of the scenes or none, and made of their pixels."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy as np
import pytest
import rasterio
from PIL import Image

from planet_vector.server.api.basemap_tiles import LEAST
from planet_vector.server.imagery.kept_pictures import Imagery
from planet_vector.server.quad_grid import tile_bounds

from .conftest import CountedJobs, Running, Serve, feature, write_features

HALF = 20037508.342789244
COLUMNS, ROWS = 30, 20
SIDE = 20_000.0  # metres of web mercator that a scene is wide and high
WEST, NORTH = 1_000_000.0, 6_000_000.0
SECONDS = 5.0  # in which a tile is answered; 0.4 s on an idle machine


def write_scene(
    folder: Path, name: str, bounds: Tuple[float, float, float, float], values: np.ndarray, **profile: Any
) -> None:
    """Write a scene in web mercator; its bounds are west, south, east, north."""
    _, height, width = values.shape
    west, south, east, north = bounds
    with rasterio.open(
        folder / f"{name}_visual.tif", "w", driver="GTiff", count=3, dtype="uint8", width=width, height=height,
        crs="EPSG:3857", transform=rasterio.transform.from_bounds(west, south, east, north, width, height), **profile,
    ) as target:  # fmt: skip
        target.write(values)


def plain(colour: Tuple[int, int, int], size: int = 40) -> np.ndarray:
    return np.broadcast_to(np.array(colour, "uint8")[:, None, None], (3, size, size))


def place(number: int) -> Tuple[float, float, float, float]:
    """Return the bounds of one of the scenes that lie side by side."""
    column, row = number % COLUMNS, number // COLUMNS
    west, north = WEST + column * SIDE, NORTH - row * SIDE
    return west, north - SIDE, west + SIDE, north


def colour(number: int) -> Tuple[int, int, int]:
    column, row = number % COLUMNS, number // COLUMNS
    return 40 + 6 * column, 40 + 8 * row, 90


@pytest.fixture(scope="module")
def service(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Running:
    folder = tmp_path_factory.mktemp("archive")
    for number in range(COLUMNS * ROWS):
        write_scene(folder, f"s{number:04d}", place(number), plain(colour(number)))
    (folder / "broken_visual.tif").write_bytes((folder / "s0000_visual.tif").read_bytes()[:300])
    degrees = {"west": 9.2, "south": 47.0, "size": 0.1}
    (folder / "broken_metadata.json").write_text(
        json.dumps(feature("broken", "2030-01-01T00:00:00Z", **degrees))  # before all others
    )
    write_features(folder / "away.json", [feature("away", "2030-01-02T00:00:00Z", **degrees)])
    (folder / "m.yml").write_text("- {name: m}\n")
    return serve(folder, "--mosaics", str(folder / "m.yml"))


def tiles(z: int) -> List[Tuple[int, int]]:
    """Return the tiles that the scenes lie on."""
    side = 2 * HALF / 2**z
    columns = range(int((WEST + HALF) / side), int((WEST + COLUMNS * SIDE + HALF) / side) + 1)
    rows = range(int((HALF - NORTH) / side), int((HALF - NORTH + ROWS * SIDE) / side) + 1)
    return [(x, y) for x in columns for y in rows]


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGBA")).astype(int)


def test_every_tile_is_there_at_once_and_soon_shows_every_scene(service: Running) -> None:
    for z in range(8):
        for x, y in tiles(z)[:6]:
            start = time.monotonic()
            answer = service.get(f"mosaics/m/{z}/{x}/{y}.png")
            assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
            assert time.monotonic() - start < SECONDS
    end = time.monotonic() + 60
    for z in (3, 5, 7):
        for x, y in tiles(z):
            while True:
                answer = service.get(f"mosaics/m/{z}/{x}/{y}.png")
                if answer.headers["cache-control"] != "no-store":
                    break
                # What is not ready is transparent, and is not kept by anybody.
                assert not pixels(answer.content).any() and time.monotonic() < end
                time.sleep(0.2)
            seen = pixels(answer.content)
            west, _, _, north = tile_bounds(z, x, y)
            pixel = 2 * HALF / 2**z / 256
            east, south = (np.arange(256) + 0.5) * pixel + west, north - (np.arange(256) + 0.5) * pixel
            # All that lies a pixel within the scenes is covered, all that lies a pixel beyond is not.
            column, row = (east - WEST) / SIDE, (NORTH - south) / SIDE
            edge = pixel / SIDE
            for sign, alpha in ((1, 255), (-1, 0)):
                across = (column > sign * edge) & (column < COLUMNS - sign * edge)
                down = (row > sign * edge) & (row < ROWS - sign * edge)
                inner = down[:, np.newaxis] & across[np.newaxis]
                assert (seen[..., 3][inner if alpha else ~inner] == alpha).all()
                if alpha and inner.any():
                    # Colours grow by 6 a column and by 8 a row: so do means of them.
                    ys, xs = np.nonzero(inner)
                    assert np.abs(seen[ys, xs, 0] - (40 + 6 * (column[xs] - 0.5))).max() <= 6
                    assert np.abs(seen[ys, xs, 1] - (40 + 8 * (row[ys] - 0.5))).max() <= 8
    start = time.monotonic()
    assert service.get("mosaics/m/3/{}/{}.png".format(*tiles(3)[0])).headers["etag"]
    assert time.monotonic() - start < SECONDS
    assert "Traceback" not in service.errors


def test_outside_of_all_scenes_there_is_no_tile(service: Running) -> None:
    assert service.get("mosaics/m/5/0/0.png").status_code == 404
    assert service.get("mosaics/m/0/1/0.png").status_code == 404


class Drawn:
    """Draw tiles of scenes of an archive, each with where it lies."""

    def __init__(self, folder: Path) -> None:
        (folder / "archive").mkdir()
        self.archive = folder / "archive"
        self.scenes: List[Tuple[Dict[str, str], Tuple[float, float, float, float]]] = []
        self.imagery = Imagery(self.archive, folder / "pictures")

    def add(self, bounds: Tuple[float, float, float, float], values: np.ndarray, **profile: Any) -> None:
        name = f"s{len(self.scenes)}"
        write_scene(self.archive, name, bounds, values, **profile)
        self.scenes.append(({"visual": f"{name}_visual.tif"}, bounds))

    def tile(self, z: int, x: int, y: int) -> np.ndarray:
        return pixels(self.imagery.mosaic_tile(self.scenes, z, x, y).make())


@pytest.fixture
def drawn(jobs: type[CountedJobs], tmp_path: Path) -> Drawn:
    return Drawn(tmp_path)


PIXEL = 2 * HALF / 256 / 2**4  # of zoom 4


def pixel_box(left: float, top: float, width: float, height: float) -> Tuple[float, float, float, float]:
    """Return a box counted in pixels of zoom 4, from the upper left of the tile 4/8/8."""
    return left * PIXEL, -(top + height) * PIXEL, (left + width) * PIXEL, -top * PIXEL


def test_scenes_that_share_a_pixel_are_both_seen_in_it(drawn: Drawn) -> None:
    drawn.add(pixel_box(10, 10, 0.5, 1), plain((200, 0, 0)))
    drawn.add(pixel_box(10.5, 10, 0.5, 1), plain((0, 0, 100)))
    drawn.add(pixel_box(20, 20, 1, 1), plain((0, 240, 0)))
    drawn.add(pixel_box(20, 20, 1, 1), plain((9, 9, 9)))  # behind
    drawn.add(pixel_box(30, 30, 0.5, 0.5), plain((80, 80, 80)))
    seen = drawn.tile(4, 8, 8)
    assert seen[10, 10].tolist() == [100, 0, 50, 255]
    assert seen[20, 20].tolist() == [0, 240, 0, 255]
    assert seen[30, 30].tolist() == [80, 80, 80, 64]  # a quarter
    assert (seen[..., 3] > 0).sum() == 3
    assert drawn.tile(3, 4, 4)[10, 10].tolist() == [0, 240, 0, 64]


def test_a_scene_is_decoded_once_for_all_tiles(drawn: Drawn, jobs: type[CountedJobs]) -> None:
    for number in range(20):
        drawn.add(pixel_box(3 * number, 5, 2, 2), plain((100, 5 * number, 0)))
    for z, x, y in ((4, 8, 8), (3, 4, 4), (2, 2, 2), (5, 16, 16), (6, 32, 32)):
        assert drawn.tile(z, x, y)[..., 3].any()
    assert jobs.calls.count("make_miniatures") == 3  # of eight
    assert jobs.calls.count("draw_mosaic") == 5
    drawn.tile(4, 8, 8)
    assert len(jobs.calls) == 8


def test_what_has_no_data_is_not_there(drawn: Drawn) -> None:
    values = plain((50, 60, 70), 64).copy()
    values[:, :, 32:] = 0
    drawn.add(pixel_box(0, 0, 16, 16), values, nodata=0)
    seen = drawn.tile(4, 8, 8)
    assert seen[:16, :8, 3].min() == 255 and not seen[:, 8:, 3].any()


def test_colours_of_a_palette_are_not_mixed(drawn: Drawn) -> None:
    box, colours = pixel_box(0, 0, 4, 4), {0: (255, 0, 0, 255), 1: (0, 0, 255, 255)}
    with rasterio.open(
        drawn.archive / "p_visual.tif", "w", driver="GTiff", count=1, dtype="uint8", width=64, height=64,
        crs="EPSG:3857", photometric="palette", transform=rasterio.transform.from_bounds(*box, 64, 64),
    ) as target:  # fmt: skip
        target.write((np.indices((64, 64)).sum(axis=0) % 2).astype("uint8"), 1)
        target.write_colormap(1, colours)
    drawn.scenes.append(({"visual": "p_visual.tif"}, box))
    for tile, size in (((4, 8, 8), 4), ((2, 2, 2), 1)):
        seen = drawn.tile(*tile)[:size, :size].reshape(-1, 4)
        assert {tuple(pixel) for pixel in seen.tolist()} <= set(colours.values())


@pytest.mark.parametrize("size", [40, 1100])  # one that is surveyed for its larger tiles, and one that is not
def test_a_file_that_cannot_be_read_is_left_out(drawn: Drawn, size: int) -> None:
    for _ in range(2):
        drawn.add(pixel_box(0, 0, 100, 100), plain((50, 60, 70), size), tiled=size > 1000)
    file = drawn.archive / "s0_visual.tif"
    file.write_bytes(file.read_bytes()[:2000])
    drawn.scenes.insert(0, ({"visual": "away_visual.tif"}, drawn.scenes[0][1]))
    for z, x, y in ((2, 2, 2), (4, 8, 8), (5, 16, 16), (9, 257, 257)):
        seen = drawn.tile(z, x, y)
        assert seen[seen[..., 3] == 255][0].tolist() == [50, 60, 70, 255]


def test_what_is_left_out_fills_less_than_a_shade() -> None:
    assert LEAST**2 <= 1 / 256
