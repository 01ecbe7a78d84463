"""Parts of products on a grid: by many threads at once, too."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

rasterio = pytest.importorskip("rasterio")
import numpy as np  # noqa: E402
from affine import Affine  # noqa: E402
from rasterio.crs import CRS  # noqa: E402

from planet_vector.geometry.grid import GridSpec  # noqa: E402
from planet_vector.stacks.resample import read_onto  # noqa: E402

ALIGNED = Affine(3, 0, 300000, 0, -3, 4200000)
UTM = CRS.from_epsg(32610)


def test_threads_that_warp_at_once_warn_of_nothing(tmp_path: Path) -> None:
    path = tmp_path / "part.tif"
    pixels = np.arange(40 * 40, dtype=np.uint16).reshape(1, 40, 40)
    profile = {"driver": "GTiff", "count": 1, "width": 40, "height": 40, "dtype": "uint16"}
    with rasterio.open(path, "w", crs=UTM, transform=ALIGNED, **profile) as dataset:
        dataset.write(pixels)
    # A quarter of a pixel aside: pixels are warped, and the nearest stay those of the file.
    grid = GridSpec(UTM, *(ALIGNED * (10.25, 10.25)), (3, 3), 20, 20)

    def warp(_: int) -> None:
        with rasterio.open(path) as dataset:
            for _ in range(40):
                assert np.array_equal(read_onto(dataset, grid).bands, pixels[:, 10:30, 10:30])

    before = list(warnings.filters)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(warp, range(12)))
    assert warnings.filters == before
