"""Planet orders through the service: what clients of v0 see of them."""

from __future__ import annotations

import json
import shutil
import subprocess
import warnings
from pathlib import Path
from typing import Dict

import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile
from rasterio.transform import from_origin

from planet_vector.server.imagery.picture_sources import choose

from ..conftest import Running, Serve
from .planets import ORDER, item_json, order, write_bands, write_json

PS = "20221221_084022_18_2414"
SKYSAT = "20221003_011846_ssc2_u0001"
COUNTS = {"analytic_8b_sr": 8, "udm2": 8, "visual": 3, "pansharpened": 4, "analytic_udm2": 8, "analytic": 5, "qa": 1,
          "band_1": 1}  # fmt: skip
TILE = "20180911_094536_3357121_RapidEye-3"


def picture_of(service: Running, path: str) -> np.ndarray:
    answer = service.get(path)
    assert answer.status_code == 200, answer.text
    with warnings.catch_warnings(), MemoryFile(answer.content) as memory:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with memory.open() as picture:
            return np.asarray(picture.read())


@pytest.mark.skipif(not ORDER.is_dir(), reason="needs ../shared/data")
def test_the_real_order_as_clients_see_it(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> None:
    archive = tmp_path_factory.mktemp("archive")
    shutil.copytree(ORDER, archive / "order")
    service = serve(archive)
    page = service.json("scenes/ortho/")
    assert [scene["id"] for scene in page["features"]] == [PS]
    scene = page["features"][0]
    said = json.loads(next(ORDER.rglob("*_metadata.json")).read_text())
    assert scene["geometry"] == said["geometry"]
    assert scene["properties"]["acquired"] == "2022-12-21T08:40:22.180138+00:00"
    assert scene["properties"]["cloud_cover"] == {"estimated": 0}
    products = scene["properties"]["data"]["products"]
    assert products.keys() == {"analytic_sr"}
    answer = service.get(products["analytic_sr"]["full"][len(service.root) :])
    source = next(ORDER.rglob("*_SR.tif"))
    assert answer.content == source.read_bytes()
    searches = [("acquired.gte", "2022-12-21", 1), ("acquired.gte", "2022-12-22", 0), ("sat.id.eq", "2414", 1),
                ("cloud_cover.estimated.lte", "0", 1), ("intersects", "POINT(18.43 -33.87)", 1),
                ("intersects", "POINT(18.9 -33.87)", 0)]  # fmt: skip
    for name, value, count in searches:
        assert service.json("scenes/ortho/", params={name: value})["count"] == count, name
    report = subprocess.run(
        ["planet-vector", "index", str(archive), "--index", str(tmp_path_factory.mktemp("index") / "i.sqlite")],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert "missing: 1\n" in report.stdout and "_3B_udm2.tif: is listed in " in report.stdout
    # The picture has the colours of the file: the pitch is green.
    shown = picture_of(service, f"scenes/ortho/{PS}/thumb")
    with rasterio.open(source) as dataset:
        blue, green, red, _ = dataset.read(out_shape=(4, *shown.shape[1:])).astype(float)
    for band, of_file in zip(shown[:3], (red, green, blue)):
        assert np.corrcoef(band.ravel(), of_file.ravel())[0, 1] > 0.8


@pytest.fixture(scope="module")
def service(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Running:
    root = tmp_path_factory.mktemp("archive")
    order(root / "a", PS, "PSScene", {f"{PS}_3B_AnalyticMS_SR_8b.tif": ("ortho_analytic_8b_sr", 8),
                                      f"{PS}_3B_udm2.tif": ("ortho_udm2", 8)})  # fmt: skip
    order(root / "b", PS, "PSScene", {f"{PS}_3B_Visual.tif": ("ortho_visual", 3)})
    order(root / "c", SKYSAT, "SkySatCollect", {f"{SKYSAT}_pansharpened.tif": ("ortho_pansharpened", 4),
                                                f"{SKYSAT}_analytic_udm2.tif": ("ortho_analytic_udm2", 8)})  # fmt: skip
    order(root / "d", TILE, "REOrthoTile", {"x_Analytic.tif": ("analytic", 5), "x_udm.tif": ("udm", 1)})
    write_bands(root / "e" / "2019-09-09T182418_RE3_1B_band1.tif", 1, placed=False)
    write_json(root / "e" / "2019-09-09T182418_RE3_metadata.json",
               item_json("2019-09-09T182418_RE3", "REScene", provider="rapideye"))  # fmt: skip
    colours(root / "a" / "PSScene" / f"{PS}_3B_AnalyticMS_SR_8b.tif")
    return serve(root)


def colours(path: Path) -> None:
    """Write a file of eight bands, each a stripe of its own: red is the sixth, green the fourth, blue the second."""
    pixels = np.ones((8, 80, 80), "uint16")
    for band in range(8):
        pixels[band, :, 10 * band : 10 * band + 10] = 5000
    with rasterio.open(path, "w", driver="GTiff", width=80, height=80, count=8, dtype="uint16", crs="EPSG:32633",
                       transform=from_origin(499_980, 5_300_040, 3, 3)) as dataset:  # fmt: skip
        dataset.write(pixels)


def products(service: Running, scene_type: str) -> Dict[str, set]:
    page = service.json(f"scenes/{scene_type}/")
    return {scene["id"]: set(scene["properties"]["data"]["products"]) for scene in page["features"]}


def test_scenes_and_products_by_type(service: Running) -> None:
    # One item in two orders is two scenes, with ids of their paths.
    assert products(service, "ortho") == {
        f"a~PSScene~{PS}": {"analytic_8b_sr", "udm2"}, f"b~PSScene~{PS}": {"visual"},
    }  # fmt: skip
    assert products(service, "skysat") == {SKYSAT: {"pansharpened", "analytic_udm2"}}
    assert products(service, "rapideye") == {TILE: {"analytic", "qa"}, "2019-09-09T182418_RE3": {"band_1"}}


def test_every_product_is_delivered_and_opens(service: Running) -> None:
    count = 0
    for scene_type in ("ortho", "skysat", "rapideye"):
        for scene in service.json(f"scenes/{scene_type}/")["features"]:
            for product, links in scene["properties"]["data"]["products"].items():
                answer = service.get(links["full"][len(service.root) :])
                assert answer.headers["content-type"] == "image/tiff"
                with MemoryFile(answer.content) as memory, memory.open() as dataset:
                    assert dataset.count == COUNTS[product]
                count += 1
    assert count == 8


def test_the_picture_of_eight_bands_is_red_green_and_blue(service: Running) -> None:
    shown = picture_of(service, f"scenes/ortho/a~PSScene~{PS}/thumb")
    middle = shown[:3, shown.shape[1] // 2]
    brightest = [int(np.argmax(band.astype(float)) * 8 / band.size) for band in middle]
    assert brightest == [5, 3, 1]


def test_a_scene_of_basic_files_has_a_thumbnail(service: Running) -> None:
    assert picture_of(service, "scenes/rapideye/2019-09-09T182418_RE3/thumb").shape[0] in (2, 4)  # with transparency


@pytest.mark.parametrize(
    "names, expected",
    [
        ({"visual", "analytic"}, ("visual", ())),
        ({"analytic_8b_sr", "udm2"}, ("analytic_8b_sr", (6, 4, 2))),
        ({"analytic_3b", "udm"}, ("analytic_3b", (1, 2, 3))),
        ({"analytic_sr", "udm2", "basic_analytic"}, ("analytic_sr", ())),
        ({"analytic_udm2", "pansharpened"}, ("pansharpened", ())),
        ({"basic_panchromatic", "panchromatic_udm2"}, ("basic_panchromatic", ())),
        ({"panchromatic", "pansharpened"}, ("pansharpened", ())),
        ({"panchromatic", "panchromatic_udm2"}, ("panchromatic", ())),
        ({"udm2"}, ("udm2", ())),
        ({"qa", "unrectified"}, ("qa", ())),
    ],
)
def test_the_product_that_is_shown(names: set, expected: tuple) -> None:
    assert choose({name: name for name in names}) == [expected]
