"""A search as one raster: GTI:PLANET:…, pixel for pixel what the scenes on top hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.warp import Resampling, reproject

import planet_vector
from planet_vector.raster.session import PlanetSession
from tests.conftest import Service
from tests.vector.conftest import ask_all

AREA = "11.97,47.86,12.03,47.90"
# No scene without any cloud: which of several with the same cover lies on top is not defined.
LIMITS = {
    "acquired.gte": "2015-06-01",
    "acquired.lt": "2015-09-01",
    "cloud_cover.estimated.gt": "0",
    "cloud_cover.estimated.lte": "30",
}
SUMMER = "&".join(f"{name}={value}" for name, value in LIMITS.items()) + f"&bbox={AREA}"


def summer(service: Service) -> list[dict[str, Any]]:
    west, south, east, north = AREA.split(",")
    polygon = f"POLYGON(({west} {south},{east} {south},{east} {north},{west} {north},{west} {south}))"
    return ask_all(service, "ortho", intersects=polygon, **LIMITS)


@pytest.mark.parametrize(
    ("top", "key"),
    [
        ("newest", lambda scene: scene["properties"]["acquired"]),
        ("clearest", lambda scene: -scene["properties"]["cloud_cover"]["estimated"]),
    ],
)
def test_a_search_is_one_raster(connected: Service, top: str, key: Any) -> None:
    scenes = sorted(summer(connected), key=key)
    assert len(scenes) >= 10
    zones = set()
    with rasterio.Env(session=PlanetSession()), rasterio.open(f"GTI:PLANET:ortho?{SUMMER}&top={top}") as raster:
        assert raster.crs.to_epsg() == 4326
        assert raster.count == 4
        picture = raster.read()
        expected = np.zeros_like(picture)
        for scene in scenes:  # the last one lies on top
            with rasterio.open(connected.archive / f"{scene['id']}_visual.tif") as source:
                zones.add(source.crs.to_epsg())
                layer = np.zeros_like(picture)
                reproject(
                    source.read(), layer, src_crs=source.crs, src_transform=source.transform, dst_crs=raster.crs,
                    dst_transform=raster.transform, resampling=Resampling.nearest,
                )  # fmt: skip
            expected[:, layer[3] > 0] = layer[:, layer[3] > 0]
    assert zones == {32632, 32633}
    same = (np.abs(picture.astype(int) - expected).max(axis=0) <= 2).mean()
    assert same > 0.93  # the rest lies where nearest pixels differ, at edges


def test_the_size_of_a_pixel_can_be_chosen(connected: Service) -> None:
    with rasterio.Env(session=PlanetSession()):
        with rasterio.open(f"GTI:PLANET:ortho?{SUMMER}&res=0.001") as raster:
            assert raster.res == (0.001, 0.001)


@pytest.mark.parametrize(
    ("parameter", "said"), [("top=cloudiest", "newest, oldest, clearest"), ("res=-1", "in degrees")]
)
def test_what_cannot_be_used_is_refused(connected: Service, parameter: str, said: str) -> None:
    with pytest.raises(planet_vector.QueryError, match=said):
        planet_vector.open_layer(f"PLANET:ortho?{parameter}")
