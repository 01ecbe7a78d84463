"""An archive of scenes with masks of usable pixels: UDM2 and SCL; of other resolutions, missing, broken."""

from __future__ import annotations

from pathlib import Path
from typing import Mapping, NamedTuple, Optional, Sequence

import numpy as np
import rasterio
from rasterio.enums import ColorInterp
from rasterio.transform import from_origin

from ..conftest import Service

PIXEL = 3.0
ROWS, COLUMNS = 120, 160
TOP, LEFT = 5_300_040.0, 499_998.0  # whole pixels from the origin, as the grid of a mosaic

LOWER, UPPER = "20221221_084022_18_2414", "20221222_084022_18_2415"
"""Two scenes that share ground; the second is newer, and lies 20 columns and 10 rows farther."""
COARSE = "20221223_084022_18_2416"
"""A scene whose mask has pixels of twice the size, and lacks the last 20 columns of the image."""
BARE = "20221224_084022_18_2417"
"""A scene without a mask."""
BROKEN = "20221225_084022_18_2418"
"""A scene whose mask is cut off."""
NO_MASK = "20221226_084022_18_2419"
"""A scene whose mask has a single band."""
SENTINEL = "S2A_33UXP_20240501_0_L2A"
"""A scene with bands of 10 and 20 metres, and a classification of 20."""

LANDSAT, LATER = "LC08_L1TP_190026_20240502_20240510_02_T1", "LC09_L1TP_190026_20240510_20240518_02_T1"
"""Two scenes of Landsat's Collection 2 on the same ground, with QA_PIXEL."""
OLD_LANDSAT = "LC08_L1TP_190026_20170501_20170515_01_T1"
"""A scene of Collection 1, whose quality band has other bits."""

CLASSES: Mapping[str, Sequence[int]] = {"snow": [2], "shadow": [3], "light_haze": [4], "heavy_haze": [5],
                                        "haze": [4, 5], "clouds": [6]}  # fmt: skip
"""Bands of a mask by word, as Planet's specification of UDM2 lists them."""


class ClearGround(NamedTuple):
    """The archive and its service."""

    archive: Path
    service: Service

    def read(self, scene: str, rest: str = "AnalyticMS") -> np.ndarray:
        with rasterio.open(self.archive / f"{scene}_3B_{rest}.tif") as dataset:
            return dataset.read()

    def sentinel(self, band: str) -> np.ndarray:
        with rasterio.open(self.archive / SENTINEL / f"{band}.tif") as dataset:
            return dataset.read(1)

    def landsat(self, scene: str, band: str) -> np.ndarray:
        with rasterio.open(self.archive / scene / f"{scene}_{band}.TIF") as dataset:
            return dataset.read(1)

    def shown(self, scene: str, words: str) -> np.ndarray:
        """Return where the mask of a scene hides nothing, in its own pixels."""
        mask = self.read(scene, "udm2")
        if words in ("udm2", "unclear"):
            return mask[0] == 1
        return ~np.any([mask[band - 1] != 0 for word in words.split(",") for band in CLASSES[word]], axis=0)


def named(text: str) -> str:
    """Return the name of a scene's collection or product, as v0 has it, in the API that clients use."""
    return Service.face.named(text)


def shift(scene: str) -> int:
    """Return by how many times 20 columns and 10 rows a scene is shifted."""
    return [LOWER, UPPER, COARSE, BARE, BROKEN, NO_MASK].index(scene)


def write(
    path: Path,
    pixels: np.ndarray,
    left: float,
    top: float,
    pixel: float,
    nodata: Optional[float] = None,
    colours: Sequence[ColorInterp] = (),
) -> None:
    count, rows, columns = pixels.shape
    with rasterio.open(
        path, "w", driver="GTiff", count=count, height=rows, width=columns, dtype=pixels.dtype, crs="EPSG:32633",
        transform=from_origin(left, top, pixel, pixel), nodata=nodata, compress="deflate", interleave="pixel",
        blockysize=8,
    ) as dataset:  # fmt: skip
        dataset.write(pixels)
        if colours:
            dataset.colorinterp = list(colours)


def usable(rows: int, columns: int, at: int) -> np.ndarray:
    """Return a mask of eight bands with each class in it; pixels of no class and no data in the corner."""
    y, x = np.mgrid[:rows, :columns]
    mask = np.zeros((8, rows, columns), "uint8")
    cloud = (x - columns // 2 - at) ** 2 + (y - rows // 2) ** 2 < (rows // 4) ** 2
    shadow = (x - columns // 2 - at - rows // 4) ** 2 + (y - rows // 2 - rows // 8) ** 2 < (rows // 5) ** 2
    mask[5], mask[2] = cloud, shadow & ~cloud
    mask[3, :, -12:-6], mask[4, 5:12], mask[1, -10:] = 1, 1, 1
    mask[0] = ~mask[1:6].any(axis=0)
    mask[:, : rows // 6, : columns // 6] = 0
    mask[6] = 93
    return mask


def make(root: Path) -> None:
    """Write the archive."""
    rng = np.random.default_rng(11)
    root.mkdir(parents=True)
    corner = (slice(None), slice(0, ROWS // 6), slice(0, COLUMNS // 6))
    for scene in (LOWER, UPPER, COARSE, BARE, BROKEN, NO_MASK):
        at = shift(scene)
        left, top = LEFT + 20 * PIXEL * at, TOP - 10 * PIXEL * at
        pixels = rng.integers(1, 60_000, (4, ROWS, COLUMNS)).astype("uint16")
        pixels[corner] = 0
        pixels[3, 30:34, 60:64] = 0  # no data in one band alone
        write(root / f"{scene}_3B_AnalyticMS.tif", pixels, left, top, PIXEL, nodata=0)
        visual = np.concatenate([pixels[2::-1] >> 8, np.full((1, ROWS, COLUMNS), 255)]).astype("uint8")
        visual[corner] = 0
        rgba = [ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha]
        write(root / f"{scene}_3B_Visual.tif", visual, left, top, PIXEL, colours=rgba)
        if scene == COARSE:
            mask, pixel = usable(ROWS // 2, COLUMNS // 2 - 10, 0), 2 * PIXEL
        else:
            mask, pixel = usable(ROWS, COLUMNS, 5 * at), PIXEL
        path = root / f"{scene}_3B_udm2.tif"
        if scene != BARE:
            write(path, mask[:1] if scene == NO_MASK else mask, left, top, pixel)
        if scene == BROKEN:
            path.write_bytes(path.read_bytes()[:-600])
    (root / SENTINEL).mkdir()
    for band, size, pixel in (("B04", 120, 10), ("B08", 120, 10), ("B05", 60, 20), ("SCL", 60, 20)):
        values = rng.integers(0, 12, (1, size, size)) if band == "SCL" else rng.integers(0, 5000, (1, size, size))
        dtype = "uint8" if band == "SCL" else "uint16"
        write(root / SENTINEL / f"{band}.tif", values.astype(dtype), 600_000, TOP, pixel, nodata=0)
    for scene, quality in ((LANDSAT, "QA_PIXEL"), (LATER, "QA_PIXEL"), (OLD_LANDSAT, "BQA")):
        (root / scene).mkdir()
        for band in ("B4", "B5", quality):
            values = rng.integers(1, 65536 if band == quality else 30_000, (1, 60, 60)).astype("uint16")
            path = root / scene / f"{scene}_{band}.TIF"
            write(path, values, 700_020, TOP, 30, nodata=1 if band == quality else 0)
