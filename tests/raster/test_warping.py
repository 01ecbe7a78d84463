"""Bounds that another coordinate system cannot show are told in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import rasterio
from rasterio.transform import from_bounds

from planet_vector.errors import RasterAccessError
from planet_vector.raster.geotiff import window_of
from planet_vector.raster.scene_mosaic import _place
from planet_vector.raster.warping import warped_bounds
from planet_vector.scene import Scene
from tests.schemas import ORTHO

DISK = "+proj=geos +h=35786023 +lon_0=-75 +sweep=x +ellps=GRS80"


def test_bounds_within_are_those_of_rasterio() -> None:
    found = warped_bounds("EPSG:4326", rasterio.CRS.from_epsg(32633), (14, 50, 15, 51))
    assert found == rasterio.warp.transform_bounds("EPSG:4326", "EPSG:32633", 14, 50, 15, 51)


@pytest.mark.parametrize(
    ("source", "target", "bounds"),
    [
        ("EPSG:4326", DISK, (100, 10, 110, 20)),
        (DISK, "EPSG:4326", (5e6, 5e6, 6e6, 6e6)),
        ("EPSG:4326", 'LOCAL_CS["site",UNIT["metre",1],AXIS["E",EAST],AXIS["N",NORTH]]', (0, 0, 1, 1)),
    ],
)
def test_bounds_beyond_are_told(source: str, target: str, bounds: Any) -> None:
    with pytest.raises(RasterAccessError, match="reach beyond what .* can show: take another crs"):
        warped_bounds(source, rasterio.CRS.from_user_input(target), bounds)


def test_a_window_and_a_scene_beyond_are_told(tmp_path: Path) -> None:
    crs = rasterio.CRS.from_string(DISK)
    with rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", width=9, height=9, count=1, dtype="uint8", crs=crs,
        transform=from_bounds(-5e6, -5e6, 5e6, 5e6, 9, 9),
    ) as dataset:  # fmt: skip
        with pytest.raises(RasterAccessError, match="can show"):
            window_of(dataset, (100, 10, 110, 20))
    ring = [[100, 10], [110, 10], [110, 20], [100, 20], [100, 10]]
    feature = {"type": "Feature", "id": "a", "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": {}}
    with pytest.raises(RasterAccessError, match="Scene a reaches beyond what"):
        _place(Scene(feature, ORTHO), crs)
