"""Several products as one dataset; a search as one raster, against gdalwarp over the archive's own files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable, Dict, List
from xml.etree import ElementTree

import numpy as np
import pytest
import requests

import planet_vector
from planet_vector import rasters
from planet_vector.catalog.scenes_v0.client import ScenesV0
from planet_vector.errors import NotFoundError, RasterAccessError
from planet_vector.scene import Scene

from ..conftest import Service, Start
from ..faces import NO_NAMES, Face
from .recording import Pair

rasterio = pytest.importorskip("rasterio")
from planet_vector.raster import scene_mosaic as mosaic_module  # noqa: E402
from planet_vector.raster.band_stack import open_bands  # noqa: E402
from planet_vector.raster.credential_files import config_file  # noqa: E402
from tests.schemas import LANDSAT, ORTHO  # noqa: E402

# ---- bands -----------------------------------------------------------------------------------------------


@pytest.fixture
def landsat(connected: Service) -> str:
    return planet_vector.search("PLANET:landsat")[0].id


def pixels(archive: Path, scene: str, product: str) -> np.ndarray:
    with rasterio.open(archive / f"{scene}_{product}.tif") as dataset:
        return dataset.read(1)


def test_bands_in_any_order_are_those_of_the_files(landsat: str, archive: Path) -> None:
    with rasters.open_product(f"PLANET:landsat/{landsat}/band_4,band_2,band_3") as dataset:
        found = dataset.read()
        with rasterio.open(archive / f"{landsat}_band_4.tif") as file:
            assert (dataset.crs, dataset.transform) == (file.crs, file.transform)
    for band, product in zip(found, ("band_4", "band_2", "band_3")):
        assert np.array_equal(band, pixels(archive, landsat, product))


def test_the_panchromatic_band_decides_the_highest_resolution(landsat: str, archive: Path) -> None:
    fine, coarse = pixels(archive, landsat, "band_8"), pixels(archive, landsat, "band_4")
    assert fine.shape[0] == 2 * coarse.shape[0]
    name = f"PLANET:landsat/{landsat}/band_8,band_4"
    with rasters.open_product(name) as dataset:
        found = dataset.read()
        assert np.array_equal(found[0], fine)
        assert np.array_equal(found[1], coarse.repeat(2, axis=0).repeat(2, axis=1))
        metres = dataset.res[0]
    with rasters.open_product(name, res="lowest") as dataset:
        assert dataset.shape == coarse.shape
        assert np.array_equal(dataset.read(2), coarse)
    with rasters.open_product(name, res=metres * 4) as dataset:
        assert dataset.res == (metres * 4, metres * 4)
    with pytest.raises(RasterAccessError, match="highest, lowest"):
        rasters.open_product(name, res="finest")


def test_bands_say_what_they_are(landsat: str) -> None:
    with rasters.open_product(f"PLANET:landsat/{landsat}/all") as dataset:
        assert dataset.count == 11
        assert dataset.descriptions[9] == "band_10 (thermal infrared 1)"
        assert [colour.name for colour in dataset.colorinterp[1:4]] == ["blue", "green", "red"]
        # USGS: band 4 passes 0.636 to 0.673 µm.
        assert dataset.tags(4, ns="IMAGERY") == {"CENTRAL_WAVELENGTH_UM": "0.6545", "FWHM_UM": "0.037"}


def test_bands_are_in_the_order_of_their_numbers_whatever_those_are(pair: Pair, catalog: ScenesV0) -> None:
    products = ["visual", "band_" + "9" * 5000, "band_\u00b2", "band_10", "band_9"]
    links = {product: {"full": pair.link("direct")} for product in products}
    scene = Scene({"id": "s1", "properties": {"data": {"products": links}}}, LANDSAT)
    with open_bands(catalog, scene, ["all"]) as dataset:
        title = repr(dataset)
    assert title.index("band_9,") < title.index("band_10,")
    assert all(product in title for product in products)


def test_a_band_that_is_not_there_is_named(landsat: str) -> None:
    with pytest.raises(NotFoundError, match="band_12"):
        rasters.open_product(f"PLANET:landsat/{landsat}/band_1,band_12")


@pytest.mark.only_v0(NO_NAMES)
def test_a_saved_vrt_holds_no_key_and_opens_in_a_program_that_has_one(
    landsat: str, archive: Path, connected: Service, tmp_path: Path, run: Callable[..., Any]
) -> None:
    path = tmp_path / "bands.vrt"
    with rasters.open_product(f"PLANET:landsat/{landsat}/band_4,band_3") as dataset:
        dataset.save_vrt(path)
    text = path.read_text()
    assert connected.key not in text and connected.root in text
    ElementTree.fromstring(text)
    settings = planet_vector.connect().settings
    copy = tmp_path / "copy.tif"
    env = {**os.environ, "GDAL_CONFIG_FILE": str(config_file(settings))}
    done = run("rio", "convert", str(path), str(copy), env=env)
    assert done.returncode == 0, done.stderr
    with rasterio.open(copy) as dataset:
        assert np.array_equal(dataset.read(2), pixels(archive, landsat, "band_3"))


# ---- mosaics of scenes -----------------------------------------------------------------------------------


def in_two_zones(archive: Path) -> List[Scene]:
    """Return at least ten scenes that lie together, in two UTM zones."""
    zones: Dict[str, int] = {}
    found = []
    for scene in planet_vector.search("PLANET:ortho?limit=40"):
        path = archive / f"{scene.id}_visual.tif"
        if path.exists() and abs(scene.footprint.centroid.x) < 170:
            with rasterio.open(path) as dataset:
                zones[scene.id] = dataset.crs.to_epsg()
            found.append(scene)
    chosen = found[:14]
    assert len(chosen) >= 10 and len({zones[scene.id] for scene in chosen}) == 2
    return chosen


def warped(archive: Path, scenes: List[Scene], dataset: Any, directory: Path, run: Callable[..., Any]) -> np.ndarray:
    """Return the same mosaic as gdalwarp makes it of the archive's files, the newest on top."""
    files = [str(archive / f"{scene.id}_visual.tif") for scene in sorted(scenes, key=lambda s: (s.acquired, s.id))]
    path = directory / "expected.tif"
    done = run(
        "gdalwarp", "-q", "-t_srs", dataset.crs.to_wkt(), "-te", *(repr(edge) for edge in dataset.bounds),
        "-tr", *(repr(side) for side in dataset.res), *files, str(path),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with rasterio.open(path) as file:
        return file.read()


def test_a_mosaic_over_two_utm_zones_is_what_gdalwarp_makes(
    connected: Service, archive: Path, tmp_path: Path, run: Callable[..., Any]
) -> None:
    scenes = in_two_zones(archive)
    with rasters.open_mosaic(scenes) as dataset:
        found = dataset.read()
        expected = warped(archive, scenes, dataset, tmp_path, run)
    # The mask is the same to the pixel: no seam of nodata. Colours differ where the two programs round the place of
    # a pixel to another neighbour: fewer than one in a thousand.
    assert np.array_equal(found[3], expected[3])
    assert np.mean(np.any(found != expected, axis=0)) < 0.001


def test_what_lies_on_top_is_a_choice(connected: Service, archive: Path) -> None:
    scenes = in_two_zones(archive)
    found = {}
    for order in ("newest", "oldest", "clearest"):
        with rasters.open_mosaic(scenes, top=order) as dataset:
            west, south, east, north = dataset.bounds
            found[order] = dataset
        with rasters.open_mosaic(scenes, top=order, dst_crs="EPSG:3857", res=60) as dataset:
            found[order] = dataset.read()
    assert not np.array_equal(found["newest"], found["oldest"])
    with pytest.raises(RasterAccessError, match="newest, oldest, clearest"):
        rasters.open_mosaic(scenes, top="nicest")


def test_only_what_is_looked_at_is_read(start_service: Start, archive: Path, tmp_path: Path,
                                        face: Face, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    log = tmp_path / "access.log"
    service = start_service(archive, "--access-log", str(log))
    monkeypatch.setenv("PL_API_URL", service.root)
    monkeypatch.setenv("PL_API_KEY", service.key)
    scenes = in_two_zones(archive)
    with rasters.open_mosaic(scenes) as dataset:
        before = log.read_text()
        opened = {scene.id for scene in scenes if face.address.format(scene.id) in before}
        assert len(opened) == len(scenes)
        dataset.read(1, window=rasterio.windows.Window(0, 0, 8, 8))
    after = log.read_text()[len(before) :]
    assert len(face.delivered(after)) < len(scenes)
    service.stop()


def test_bounds_grow_to_the_same_grid(connected: Service, archive: Path) -> None:
    scenes = in_two_zones(archive)
    with rasters.open_mosaic(scenes, res=24) as whole:
        west, _, _, north = whole.bounds
        bounds = (west + 240.1, north - 599.9, west + 480.1, north - 240.1)
        everything = whole.read(4)
    with rasters.open_mosaic(scenes, res=24, dst_bounds=bounds) as part:
        assert tuple(part.bounds) == (west + 240, north - 600, west + 504, north - 240)
        assert np.array_equal(part.read(4), everything[10:25, 10:21])
    with pytest.raises(RasterAccessError, match="are empty"):
        rasters.open_mosaic(scenes, dst_bounds=(1, 1, 0, 0))


@pytest.mark.only_v0(NO_NAMES)
def test_a_saved_mosaic_reads_the_same(
    connected: Service, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from planet_vector.raster.session import PlanetSession

    scenes = in_two_zones(archive)[:4]
    path = tmp_path / "mosaic.vrt"
    with rasters.open_mosaic(scenes) as dataset:
        with monkeypatch.context() as silent:
            silent.setattr(requests.Session, "send", None)
            dataset.save_vrt(path)  # what is saved is known
        expected = dataset.read()
    assert connected.key not in path.read_text()
    with rasterio.Env(session=PlanetSession()), rasterio.open(path) as saved:
        assert np.mean(saved.read() != expected) < 0.001


def test_no_scenes_make_no_mosaic(connected: Service) -> None:
    with pytest.raises(RasterAccessError, match="no scenes"):
        rasters.open_mosaic("PLANET:ortho?acquired.lt=1990-01-01")


def test_the_area_is_that_of_the_footprints() -> None:
    square = [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]
    scene = Scene({"id": "a", "geometry": {"type": "Polygon", "coordinates": [square]}, "properties": {}}, ORTHO)
    found = mosaic_module.coverage_of([scene, scene])
    # A degree by a degree at the equator is 12 308.8 km² on the ellipsoid; ground that two scenes cover counts once.
    assert found.count == 2 and found.area == pytest.approx(12308.8, rel=1e-4)
