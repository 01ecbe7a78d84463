"""A search as one raster: GTI:PLANET:…, pixel for pixel what the scenes on top hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from rasterio.warp import Resampling, reproject

import planet_vector
from planet_vector.raster.session import PlanetSession
from tests.conftest import Service, Start
from tests.faces import NO_INDEX
from tests.raster.test_where_it_lies import IDS, KINDS, NOTHING, check, write
from tests.vector.conftest import ask_all

EUROPE = "bbox=0,40,30,60"
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


def composed(connected: Service, scenes: list[dict[str, Any]], raster: Any) -> tuple[np.ndarray, set[int]]:
    """Return the scenes' visual products on a raster's grid, the last one on top, and their EPSG codes."""
    zones = set()
    expected = np.zeros((raster.count, *raster.shape), "uint8")
    for scene in scenes:
        with rasterio.open(connected.archive / f"{scene['id']}_visual.tif") as source:
            zones.add(source.crs.to_epsg())
            layer = np.zeros_like(expected)
            reproject(
                source.read(), layer, src_crs=source.crs, src_transform=source.transform, dst_crs=raster.crs,
                dst_transform=raster.transform, resampling=Resampling.nearest,
            )  # fmt: skip
        expected[:, layer[3] > 0] = layer[:, layer[3] > 0]
    return expected, zones


@pytest.mark.only_v0(NO_INDEX)
@pytest.mark.parametrize(
    ("top", "key"),
    [
        ("newest", lambda scene: scene["properties"]["acquired"]),
        ("clearest", lambda scene: -scene["properties"]["cloud_cover"]["estimated"]),
    ],
)
@pytest.mark.parametrize(("crs", "epsg"), [("", 4326), ("&crs=EPSG:32633", 32633), ("&crs=EPSG:3857", 3857)])
def test_a_search_is_one_raster(connected: Service, top: str, key: Any, crs: str, epsg: int) -> None:
    scenes = sorted(summer(connected), key=key)
    assert len(scenes) >= 10
    with rasterio.Env(session=PlanetSession()), rasterio.open(f"GTI:PLANET:ortho?{SUMMER}&top={top}{crs}") as raster:
        assert raster.crs.to_epsg() == epsg
        assert raster.count == 4
        picture = raster.read()
        expected, zones = composed(connected, scenes, raster)
    assert zones == {32632, 32633}
    assert (expected[3] > 0).any()
    same = (np.abs(picture.astype(int) - expected).max(axis=0) <= 2).mean()
    assert same > 0.93  # the rest lies where nearest pixels differ, at edges


@pytest.mark.only_v0(NO_INDEX)
def test_the_size_of_a_pixel_can_be_chosen(connected: Service) -> None:
    with rasterio.Env(session=PlanetSession()):
        with rasterio.open(f"GTI:PLANET:ortho?{SUMMER}&res=0.001") as raster:
            assert raster.res == (0.001, 0.001)
        with rasterio.open(f"GTI:PLANET:ortho?{SUMMER}&crs=EPSG:32632&res=40") as raster:
            assert raster.res == (40, 40)


@pytest.mark.parametrize("crs", ["EPSG:32633", "EPSG:3857"])
def test_a_layer_in_another_system_is_the_layer_warped(connected: Service, crs: str) -> None:
    plain = pyogrio.read_dataframe(f"PLANET:ortho?{EUROPE}", columns=["id"]).to_crs(crs)
    layer = pyogrio.read_dataframe(f"PLANET:ortho?{EUROPE}&crs={crs}", columns=["id"])
    assert layer.crs == plain.crs and list(layer["id"]) == list(plain["id"])
    assert layer.hausdorff_distance(plain).max() < 0.01
    middle = plain.total_bounds
    middle = (*middle[:2], (middle[0] + middle[2]) / 2, (middle[1] + middle[3]) / 2)
    within = pyogrio.read_dataframe(f"PLANET:ortho?{EUROPE}&crs={crs}", columns=["id"], bbox=middle)
    assert 0 < len(within) < len(plain)
    assert set(within["id"]) == set(plain[plain.intersects(shapely.box(*middle))]["id"])
    info = pyogrio.read_info(f"PLANET:ortho?{EUROPE}&crs={crs}", force_total_bounds=True)
    # A footprint is tilted: the box of its corners is within that of its box.
    assert np.allclose(info["total_bounds"], plain.total_bounds, atol=2000)


@pytest.mark.parametrize(
    ("parameter", "said"),
    [
        ("top=cloudiest", "newest, oldest, clearest"),
        ("res=-1", "in degrees"),
        ("res=0&crs=EPSG:32633", "in metres"),
        ("crs=EPSG:2056", "UTM zone"),
    ],
)
def test_what_cannot_be_used_is_refused(connected: Service, parameter: str, said: str) -> None:
    with pytest.raises(planet_vector.QueryError, match=said):
        planet_vector.open_layer(f"PLANET:ortho?{parameter}")


def test_a_scene_out_of_reach_is_an_error_and_not_left_out(connected: Service) -> None:
    assert any(abs(shapely.geometry.shape(scene["geometry"]).bounds[0]) > 170 for scene in ask_all(connected, "ortho"))
    with pytest.raises(pyogrio.errors.FeatureError, match="narrow the search"):
        pyogrio.read_dataframe("PLANET:ortho?crs=EPSG:32633")


BEYOND = "writes longitudes beyond 180 degrees"
ACROSS = "draws no scene across 180 degrees"


@pytest.fixture(scope="module")
def globe(tmp_path_factory: pytest.TempPathFactory, start_service: Start) -> Service:
    archive = tmp_path_factory.mktemp("globe")
    for name, kind in KINDS.items():
        write(archive / f"{IDS[name]}.tif", kind)
    return start_service(archive)


@pytest.mark.only_v0(NO_INDEX)
@pytest.mark.parametrize(
    ("name", "crs", "told"),
    [
        ("in degrees past 180", "EPSG:4326", BEYOND),
        ("in degrees below -360", "EPSG:4326", BEYOND),
        ("web mercator past its edge", "EPSG:3857", BEYOND),
        ("web mercator past its edge", "EPSG:32701", BEYOND),
        ("the world from 0", "EPSG:4326", BEYOND),
        ("zone 60 over 180", "EPSG:4326", ACROSS),
        ("zone 60 over 180", "EPSG:3857", ACROSS),
        ("zone 60 over 180", "EPSG:32701", None),
        ("the world from -180", "EPSG:4326", None),
    ],
)
def test_what_gdal_cannot_show_is_an_error_and_not_empty(
    globe: Service, monkeypatch: pytest.MonkeyPatch, name: str, crs: str, told: Any
) -> None:
    monkeypatch.setenv("PL_API_URL", globe.root)
    monkeypatch.setenv("PL_API_KEY", globe.key)
    index = f"GTI:PLANET:ortho/{IDS[name]}?product=analytic&crs={crs}"
    with rasterio.Env(session=PlanetSession()):
        if told is not None:
            with pytest.raises(
                rasterio.errors.RasterioIOError, match=f"{IDS[name]} lies: .*{told}; use planet_vector.mos"
            ):
                rasterio.open(index)
            return
        with rasterio.open(index) as dataset:
            pixels = dataset.read()
            pixels[:, pixels[1] == 0] = NOTHING  # beside a source that GTI warps
            assert check(pixels, dataset.crs, dataset.transform, 0.01) > 0.9
