"""Measure map tiles of many large scenes without overviews: first request, repetition, and with overviews.

    python benchmarks/tiles.py [--scenes 100] [--size 4000] [--folder DIR] [--before DIR]

Creates scenes in LZW strips of one row, once with red, green, blue and alpha in bytes (visual), once with four bands of
16 bits (analytic), and requests tiles of each over four connections from a service of one process. Prints the seconds
of each round, and of `planet-vector index --overviews`. --before names a folder with the code of another version, for
comparison. If rio-tiler is installed, it makes the same tiles of the same files in two processes. The folder keeps the
scenes for the next run.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Tuple

import numpy as np
import rasterio
import requests
from rasterio import Affine
from rasterio.warp import transform

from planet_vector.geometry.web_mercator import HALF_WORLD

CONNECTIONS = 4
PIXEL = 3.0  # metres
LEFT, TOP, CRS = 300_000.0, 5_100_000.0, "EPSG:32633"
OUT, MIDDLE = 11, 14  # zoom levels whose pixels are about 18 and 2.3 pixels of a scene, at 46 degrees north
FEW = 20  # scenes with more tiles requested at the middle zoom level
AROUND = 5  # tiles of the middle zoom level requested per scene, in each direction

Tile = Tuple[str, int, int, int]
KINDS = ("visual", "analytic")


class Service(NamedTuple):
    """A service: its root URL, and the session for its requests."""

    root: str
    session: requests.Session


def pixels(size: int, kind: str) -> np.ndarray:
    """Return an image that resembles fields: patches of different colours with fine noise.

    Parameters
    ----------
    size : int
        Width and height in pixels.
    kind : str
        One of `KINDS`.

    Returns
    -------
    array, shape (4, size, size)
        The bands.
    """
    chance = np.random.default_rng(20)
    patches = chance.integers(30, 200, (3, size // 50 + 1, size // 50 + 1))
    bands = np.repeat(np.repeat(patches, 50, axis=1), 50, axis=2)[:, :size, :size]
    bands = bands + chance.integers(0, 12, (3, size, size))
    if kind == "visual":
        return np.concatenate([bands, np.full((1, size, size), 255)]).astype("uint8")
    return np.concatenate([bands, bands[:1]]).astype("uint16") * 37


def make_archive(folder: Path, kind: str, scenes: int, size: int) -> None:
    """Write scenes beside each other, all with the same pixels.

    Parameters
    ----------
    folder : Path
        The folder; not rewritten if it has the right number of scenes.
    kind : str
        One of `KINDS`.
    scenes : int
        The number of scenes.
    size : int
        Width and height in pixels.
    """
    if len(list(folder.glob("*.tif"))) == scenes:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    values = pixels(size, kind)
    first = folder / f"s000_{kind}.tif"
    with rasterio.open(
        first, "w", driver="GTiff", count=4, dtype=values.dtype, width=size, height=size, crs=CRS, compress="lzw",
        blockysize=1, transform=Affine(PIXEL, 0, LEFT, 0, -PIXEL, TOP), interleave="pixel",
        **({"photometric": "RGB", "alpha": "YES"} if kind == "visual" else {}),
    ) as target:  # fmt: skip
        target.write(values)
    for number in range(1, scenes):
        copy = folder / f"s{number:03d}_{kind}.tif"
        shutil.copyfile(first, copy)
        with rasterio.open(copy, "r+") as target:
            left, top = LEFT + number % 10 * size * PIXEL, TOP - number // 10 * size * PIXEL
            target.transform = Affine(PIXEL, 0, left, 0, -PIXEL, top)


def tiles_of(folder: Path, zoom: int, around: int) -> List[Tile]:
    """Return the tiles at and around the middle of each scene.

    Parameters
    ----------
    folder : Path
        Folder of the scenes.
    zoom : int
        The zoom level.
    around : int
        The number of tiles per scene, in each direction.
    """
    found = []
    for file in sorted(folder.glob("*.tif")):
        with rasterio.open(file) as dataset:
            middle = dataset.transform * (dataset.width / 2, dataset.height / 2)
        (east,), (north,) = transform(CRS, "EPSG:3857", [middle[0]], [middle[1]])
        side = 2 * HALF_WORLD / 2**zoom
        left, top = int((east + HALF_WORLD) / side) - around // 2, int((HALF_WORLD - north) / side) - around // 2
        scene = file.stem.partition("_")[0]
        found += [(scene, zoom, left + x, top + y) for y in range(around) for x in range(around)]
    return found


def ask(service: Service, tile: Tile) -> bytes:
    """Return a tile as PNG, and exit if the request fails.

    Parameters
    ----------
    service : Service
        The service.
    tile : Tile
        Scene, zoom level, column and row.

    Returns
    -------
    bytes
        The response body.
    """
    scene, z, x, y = tile
    answer = service.session.get(f"{service.root}scenes/ortho/{scene}/{z}/{x}/{y}.png", timeout=300)
    if answer.status_code != 200:
        raise SystemExit(f"{tile}: {answer.status_code} {answer.text}")
    return answer.content


def timed(tiles: List[Tile], make: Callable[[Tile], bytes]) -> float:
    """Return the seconds to make tiles over several connections.

    Parameters
    ----------
    tiles : list of Tile
        The tiles.
    make : callable
        Makes a tile.
    """
    start = time.monotonic()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(make, tiles))
    return time.monotonic() - start


def run(code: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start ``planet-vector`` of a version: the process finds the package in its working directory.

    Parameters
    ----------
    code : Path
        Folder with the version.
    *arguments : str
        Arguments of the command.

    Returns
    -------
    subprocess.Popen
        The process.
    """
    command = [sys.executable, "-m", "planet_vector.cli", *arguments]
    return subprocess.Popen(command, cwd=code, stdout=subprocess.PIPE, text=True)


def index_of(code: Path, archive: Path, index: Path, *options: str) -> str:
    """Update an index.

    Parameters
    ----------
    code : Path
        Folder with the version of the package.
    archive : Path
        Folder of the scenes.
    index : Path
        The index.
    *options : str
        Further options of ``planet-vector index``.

    Returns
    -------
    str
        The last line of the output.
    """
    with run(code, "index", str(archive), "--index", str(index), *options) as process:
        told, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"index ended with {process.returncode}")
    return told.splitlines()[-1]


def measured(code: Path, archive: Path, index: Path, rounds: Dict[str, List[Tile]]) -> Dict[str, float]:
    """Return the seconds of each round, with a service that has cached no pictures.

    Parameters
    ----------
    code : Path
        Folder with the version of the package.
    archive : Path
        Folder of the scenes.
    index : Path
        The index.
    rounds : dict of str to list of Tile
        Tiles by round.
    """
    shutil.rmtree(index.with_suffix(".pictures"), ignore_errors=True)
    with run(code, "serve", str(archive), "--index", str(index), "--port", "0") as process:
        try:
            assert process.stdout is not None
            root = process.stdout.readline().split()[-1]
            session = requests.Session()
            session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=CONNECTIONS))
            service = Service(root, session)
            return {name: timed(tiles, lambda tile: ask(service, tile)) for name, tiles in rounds.items()}
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def peer(job: Tuple[str, str, int, int, int]) -> int:
    """Make a tile with rio-tiler.

    Parameters
    ----------
    job : tuple
        File, kind, zoom level, column and row.

    Returns
    -------
    int
        The size of the tile in bytes.
    """
    from rio_tiler.io import Reader

    warnings.simplefilter("ignore")  # rio-tiler warns of missing overviews
    path, kind, z, x, y = job
    with Reader(path) as reader:
        shown = (1, 2, 3) if kind == "visual" else (3, 2, 1)
        image = reader.tile(x, y, z, indexes=shown, resampling_method="average", reproject_method="average")
        if kind == "analytic":
            image.rescale(in_range=((1000, 7000),))
        return len(image.render(img_format="PNG"))


def main() -> None:
    """Run the measurements, and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--scenes", type=int, default=100)
    parser.add_argument("--size", type=int, default=4000)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "planet_vector_tiles")
    parser.add_argument("--before", type=Path)
    options = parser.parse_args()
    own = Path(__file__).resolve().parents[1]
    for kind in KINDS:
        archive = options.folder / kind
        make_archive(archive, kind, options.scenes, options.size)
        size = sum(file.stat().st_size for file in archive.glob("*.tif")) / 1e6
        print(f"{options.scenes} scenes of {options.size} x {options.size}, {kind}, {size:.0f} MB")
        out, middle = tiles_of(archive, OUT, 1), tiles_of(archive, MIDDLE, 1)
        few = tiles_of(archive, MIDDLE, AROUND)[: FEW * AROUND**2]
        rounds = {
            f"{len(out)} tiles zoomed out": out,
            "the same again": out,
            "one zoom further out": tiles_of(archive, OUT - 1, 1),
            f"{len(middle)} tiles of a middle zoom": middle,
            f"{len(few)} of {min(FEW, len(out))} scenes beside them": few,
        }
        columns: Dict[str, Dict[str, float]] = {}
        index = options.folder / f"{kind}.sqlite"
        for name, code in (("before", options.before), ("now", own)):
            if code is not None:
                index_of(code, archive, index)
                columns[name] = measured(code, archive, index, rounds)
        start = time.monotonic()
        told = index_of(own, archive, index, "--overviews")
        print(f"index --overviews: {time.monotonic() - start:.1f} s; {told}")
        columns["overviews"] = measured(own, archive, index, rounds)
        shutil.rmtree(index.with_suffix(".overviews"))
        if find_spec("rio_tiler"):
            columns["rio-tiler"] = {}
            with ProcessPoolExecutor(2) as pool:
                for name, tiles in rounds.items():
                    jobs = [(str(archive / f"{scene}_{kind}.tif"), kind, z, x, y) for scene, z, x, y in tiles]
                    start = time.monotonic()
                    list(pool.map(peer, jobs))
                    columns["rio-tiler"][name] = time.monotonic() - start
        print(f"{'seconds':<32}" + "".join(f"{name:>12}" for name in columns))
        for name in rounds:
            print(f"{name:<32}" + "".join(f"{column[name]:12.1f}" for column in columns.values()))


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    main()
