"""Read products until their URLs have expired several times, by all methods of reading in parallel.

Usage: long_session.py FILE LOG RENEWALS SCENE...; the environment selects the service. Each method has its own scene,
whose product has the pixels of FILE; LOG is the service's access log. Prints a line for each method: its name, and how
often its product was signed again or what failed.
"""

from __future__ import annotations

import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Dict, Tuple

import numpy as np
import rasterio
import rasterio.shutil
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

import planet_vector
from planet_vector.raster.product import Product

ROWS = 300


def rows(dataset: Any, turn: int) -> Window:
    """Return a window that moves each turn: earlier data is no longer cached when it is read again."""
    return Window(0, turn * ROWS % (dataset.height - ROWS), dataset.width, ROWS)


def sampled(dataset: Any, turn: int) -> Any:
    places = [dataset.xy(row, row % dataset.width) for row in range(turn * 7 % 24, dataset.height, 24)]
    return np.array(list(dataset.sample(places)))


def copied(dataset: Any, turn: int) -> Any:
    with tempfile.TemporaryDirectory() as directory:
        path = str(Path(directory) / "copy.tif")
        rasterio.shutil.copy(dataset, path, driver="GTiff")
        with rasterio.open(path) as copy:
            return copy.read()


def stats(dataset: Any, turn: int) -> Any:
    """Read with `stats`, which GDAL caches per dataset: therefore with a new one, whose URL has expired."""
    if not isinstance(dataset, Product):
        return rounded(dataset)
    with planet_vector.open(f"PLANET:ortho/{dataset._title}") as fresh:
        time.sleep(3.2)
        return rounded(fresh)


def rounded(dataset: Any) -> Any:
    """Return the statistics without their last digits, which GDAL does not store beside a file."""
    return [[round(value, 6) for value in (band.min, band.max, band.mean, band.std)] for band in dataset.stats()]


def by_block(dataset: Any, turn: int) -> Any:
    window = rows(dataset, turn)
    chosen = [block for _, block in dataset.block_windows(1) if window.row_off <= block.row_off < window.row_off + ROWS]
    return np.concatenate([dataset.read(1, window=block) for block in chosen])


def over(dataset: Any) -> Any:
    """Return a warped dataset, which stays open."""
    return WarpedVRT(dataset, crs="EPSG:3857")


def as_it_is(dataset: Any) -> Any:
    return dataset


def read(dataset: Any, turn: int) -> Any:
    return dataset.read(window=rows(dataset, turn))


WAYS: Dict[str, Tuple[Callable[[Any], Any], Callable[[Any, int], Any]]] = {
    "read": (as_it_is, read),
    "read_masks": (as_it_is, lambda dataset, turn: dataset.read_masks(window=rows(dataset, turn))),
    "dataset_mask": (as_it_is, lambda dataset, turn: dataset.dataset_mask(window=rows(dataset, turn))),
    "sample": (as_it_is, sampled),
    "checksum": (as_it_is, lambda dataset, turn: dataset.checksum(2, window=rows(dataset, turn))),
    "statistics": (as_it_is, lambda dataset, turn: repr(dataset.statistics(1, approx=False, clear_cache=True))),
    "stats": (as_it_is, stats),
    "WarpedVRT": (over, read),
    "copy": (as_it_is, copied),
    "block_windows": (as_it_is, by_block),
}


def last(scene: str, way: str, file: str, log: Path, renewals: int, address: str) -> str:
    """Read by one method until the URL has been renewed often enough; return the outcome."""
    prepare, read = WAYS[way]
    turn = 0
    with planet_vector.open(f"PLANET:ortho/{scene}/visual") as product, rasterio.open(file) as local:
        dataset, expected = prepare(product), prepare(local)
        while (signed := log.read_text().count(address.format(scene))) <= renewals:
            found = read(dataset, turn)
            if not np.array_equal(found, read(expected, turn)):
                return f"other pixels in turn {turn}, {signed} signatures"
            turn += 1
            time.sleep(0.3)
    return str(signed - 1)


def main(file: str, log: str, renewals: str, address: str, *scenes: str) -> None:
    def run(way: str, scene: str) -> str:
        try:
            return last(scene, way, file, Path(log), int(renewals), address)
        except Exception as error:
            return f"{type(error).__name__}: {error}"

    with ThreadPoolExecutor(len(WAYS)) as pool:
        for way, outcome in zip(WAYS, pool.map(run, WAYS, scenes)):
            print(f"{way} {outcome}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
