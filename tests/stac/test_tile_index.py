"""A search of a STAC API as one raster, by GDAL's tile index and by a mosaic; commands on its scenes."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Iterator
from xml.etree import ElementTree

import pytest

import planet_vector
from planet_vector.raster.source_names import text_for_others
from planet_vector.vector.result_cache import CACHE
from tests.stac.conftest import Start
from tests.stac.file_host import FileHost, hosting
from tests.stac.test_access import SIDE, items_at, pixels, tiff
from tests.stac_server import StacServer

rasterio = pytest.importorskip("rasterio")
np = pytest.importorskip("numpy")
planet_vector.register()

BUILD = tuple(int(part) for part in rasterio.__gdal_version__.split(".")[:2])


@pytest.fixture(scope="module")
def files() -> Iterator[FileHost]:
    with hosting(FileHost({f"/images/{number}.tif": tiff(number) for number in range(4)})) as host:
        yield host


@pytest.fixture
def scenes(files: FileHost, start_stac: Start) -> StacServer:
    """Return a service of four scenes side by side."""
    return start_stac(items_at(*(f"{files.url}/images/{number}.tif" for number in range(4))))


NAME = "STAC:test/scenes?datetime=2024-05-01/2024-06-01&product=data"


@pytest.mark.skipif(BUILD < (3, 9), reason="GTI: is in GDAL 3.9 and later")
def test_a_live_mosaic_shows_the_pixels_of_the_scenes(scenes: StacServer) -> None:
    with rasterio.open(f"GTI:{NAME}&res={0.01 / SIDE!r}") as raster:
        assert raster.count == 1 and raster.shape == (SIDE, 4 * SIDE)
        assert (raster.read(1) == np.hstack([pixels(number) for number in range(4)])).all()
    scenes.items[1]["assets"]["data"]["href"] = "https://other.example/x.png"
    scenes.items[1]["assets"]["data"]["type"] = "image/png"
    CACHE.clear()
    with rasterio.open(f"GTI:{NAME}&res={0.01 / SIDE!r}&limit=4") as raster:
        assert not raster.read(1)[:, SIDE : 2 * SIDE].any()


@pytest.mark.skipif(BUILD < (3, 9), reason="GTI: is in GDAL 3.9 and later")
def test_a_live_mosaic_of_signed_addresses_is_refused(start_stac: Start) -> None:
    from planet_vector.connection_file import set_access

    start_stac(items_at("https://account.blob.core.windows.net/images/x.tif"))
    set_access("test", {"token_url": "https://tokens.example/{account}/{container}"})
    with pytest.raises(
        rasterio.errors.RasterioIOError, match="no addresses without a request; use planet_vector.mosaic"
    ):
        rasterio.open(f"GTI:{NAME}")


def test_a_search_opened_as_a_raster_says_what_to_use_for_which_gdal(scenes: StacServer) -> None:
    with pytest.raises(rasterio.errors.RasterioIOError, match="GTI:STAC:… .GDAL 3.9 or later. or by the VRT"):
        rasterio.open(NAME)


def test_the_vrt_of_a_mosaic_opens_in_any_gdal(scenes: StacServer, tmp_path: Path) -> None:
    gdal_translate = shutil.which("gdal_translate")
    if gdal_translate is None:
        pytest.skip("gdal_translate is not installed")
    with planet_vector.mosaic(NAME, product="data") as mosaic:
        mosaic.save_vrt(tmp_path / "mosaic.vrt")
    command = [gdal_translate, "-q", str(tmp_path / "mosaic.vrt"), str(tmp_path / "mosaic.tif")]
    subprocess.run(command, check=True, timeout=120)
    with rasterio.open(tmp_path / "mosaic.tif") as dataset:
        assert (dataset.read(1) == np.hstack([pixels(number) for number in range(4)])).all()


def test_names_in_a_vrt_for_others_are_those_of_clients_of_gdal() -> None:
    link = "https://account.blob.core.windows.net/images/x.tif"
    own = "/vsicurl?pc_url_signing=yes&url=https%3A%2F%2Faccount.blob.core.windows.net%2Fimages%2Fx.tif"
    text = f"<VRTDataset><SourceFilename>GTIFF_DIR:2:/vsicurl/{link}</SourceFilename></VRTDataset>"
    found = ElementTree.fromstring(text_for_others(text, {link: own})).findtext("SourceFilename")
    assert found == f"GTIFF_DIR:2:{own}"
    assert text_for_others(text, {}) == text


# ---- what works on any scenes --------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*shapely.ops.transform:DeprecationWarning")  # of odc-geo
def test_stacks_crops_cubes_downloads_and_maps_of_items(scenes: StacServer, tmp_path: Path) -> None:
    href = scenes.items[0]["assets"]["data"]["href"]
    for number, item in enumerate(scenes.items):  # on one place
        item["geometry"], item["bbox"] = scenes.items[0]["geometry"], scenes.items[0]["bbox"]
        item["assets"]["data"]["href"] = f"{href}?scene={number}"
        item["assets"]["thumbnail"] = {"href": f"{scenes.url}thumbnail.png", "roles": ["thumbnail"]}
    answer = scenes.answer

    def answered(path: str, body: Any) -> Any:
        return (200, PNG) if path == "/thumbnail.png" else answer(path, body)

    scenes.answer = answered  # type: ignore[method-assign]
    found = planet_vector.search("STAC:test/scenes")
    (stack, *_) = planet_vector.find_stacks(found, min_depth=4)
    assert len(stack.scenes) == 4
    crops = planet_vector.crop_stack(stack, tmp_path / "crops", product="data", connection="test")
    assert len([crop for crop in crops if crop.path]) == 4
    with rasterio.open(next(crop.path for crop in crops if crop.path)) as dataset:
        column, row = (round(place) for place in ~dataset.transform * (10, 50))  # of the scene's corner in the crop
        part = pixels(0)[-row : dataset.height - row, -column : dataset.width - column]
        assert part.size > 0.9 * SIDE**2 and (dataset.read(1) == part).mean() > 0.99
    paths = planet_vector.download(found, tmp_path / "down", ["data"])
    assert len(paths) == 4 and all(path.read_bytes() == tiff(0) for path in paths)
    assert len(planet_vector.sync("STAC:test/scenes", tmp_path / "synced", ["data"])) >= 4
    assert found[0].thumbnail(format="png") == PNG
    planet_vector.write_map("STAC:test/scenes", tmp_path / "map.html")
    assert found[0].id in (tmp_path / "map.html").read_text()
    pytest.importorskip("odc.stac")
    cube = planet_vector.to_xarray(stack, product="data", connection="test")
    assert cube.sizes["time"] == 4 and (cube.to_array().values[0, 0] == pixels(0)).mean() > 0.9
    assert json.loads(json.dumps(planet_vector.to_stac(found[0])))["assets"]["data"]["href"].startswith(href)


PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
