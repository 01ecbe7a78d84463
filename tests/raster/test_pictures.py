"""Thumbnails, quick looks and tiles: pictures of scenes, and what is no picture."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import planet_vector
from planet_vector import rasters
from planet_vector.catalog.scenes_v0.client import ScenesV0
from planet_vector.config import Settings
from planet_vector.errors import NotFoundError, ProtocolError, QueryError, RasterAccessError
from planet_vector.raster.pictures import picture_of
from planet_vector.scene import Scene
from tests.schemas import ORTHO

from ..conftest import Service
from ..faces import Face
from .recording import Pair, Recorder

rasterio = pytest.importorskip("rasterio")
from rasterio.warp import transform_bounds  # noqa: E402
from rasterio.windows import from_bounds  # noqa: E402


@pytest.fixture
def scene(connected: Service, face: Face) -> Scene:
    return planet_vector.search(face.spell("PLANET:ortho?cloud_cover.estimated.lte=20&bbox=-170,-80,170,80"))[0]


@pytest.mark.parametrize(("size", "width"), [("sm", 64), ("md", 128), ("lg", 640)])
@pytest.mark.parametrize("form", ["png", "jpg", "jpeg"])
def test_thumbnails_are_as_wide_as_the_specification_says(
    scene: Scene, face: Face, size: str, width: int, form: str
) -> None:
    image = pytest.importorskip("PIL.Image")
    if form not in face.thumbnails:
        with pytest.raises(NotFoundError, match="PNG only"):
            planet_vector.connect().thumbnail(scene, size, form)
        return
    content = planet_vector.connect().thumbnail(scene, size, form)
    with image.open(io.BytesIO(content)) as picture:
        assert picture.width == width
        assert picture.format == ("PNG" if form == "png" else "JPEG")


@pytest.mark.only_v0("it alone has square thumbnails")
def test_a_thumbnail_may_be_square(scene: Scene) -> None:
    image = pytest.importorskip("PIL.Image")
    with image.open(io.BytesIO(scene.thumbnail("sm", "jpg", square=True))) as picture:
        assert picture.format == "JPEG" and picture.width == picture.height


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_scene_of_a_search_shows_itself(scene: Scene) -> None:
    assert scene.thumbnail("sm").startswith(b"\x89PNG")
    assert scene._repr_png_() == planet_vector.connect().thumbnail(scene, "lg")
    assert scene.id in scene._repr_html_()
    picture = as_array(planet_vector.quicklook(scene, width=50))
    assert picture.shape[0] == 4 and picture.shape[2] == 50
    with pytest.raises(NotFoundError, match="without a service"):
        Scene(scene.feature, scene.schema).thumbnail()
    hostile = Scene({"id": "<script>", "properties": {"data": {"products": {"<b>": {}}}}}, ORTHO)
    assert "<script>" not in hostile._repr_html_() and "<b>" not in hostile._repr_html_()


def test_a_thumbnail_of_no_such_size_is_refused_before_it_is_asked_for(scene: Scene) -> None:
    with pytest.raises(QueryError, match="sm, md, lg"):
        planet_vector.connect().thumbnail(scene, "xl")
    with pytest.raises(QueryError, match="png, jpg, jpeg"):
        planet_vector.connect().thumbnail(scene, format="gif")


def test_a_thumbnail_that_is_no_image_is_an_error() -> None:
    server = Recorder(lambda request: (200, {"Content-Type": "image/png"}, b"<svg onload='alert(1)'/>"))
    try:
        catalog = ScenesV0(Settings(f"{server.url}/v0/", rate=0))
        feature = {"id": "a", "properties": {"links": {"thumbnail": f"{server.url}/v0/a/thumb"}}}
        with pytest.raises(ProtocolError, match="not a png image"):
            catalog.thumbnail(Scene(feature, ORTHO))
    finally:
        server.stop()


def as_array(content: bytes) -> np.ndarray:
    with rasterio.MemoryFile(content) as memory, memory.open() as dataset:
        return dataset.read()


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("product", ["visual", "analytic"])
def test_a_quick_look_shows_the_product(scene: Scene, archive: Path, product: str) -> None:
    with planet_vector.open(f"PLANET:ortho/{scene.id}/{product}") as dataset:
        picture = as_array(picture_of(dataset, width=100))
        assert as_array(dataset._repr_png_()).shape[0] == 4
        with rasterio.open(archive / f"{scene.id}_{product}.tif") as file:
            mask = file.dataset_mask(out_shape=picture.shape[1:])
        with rasterio.open(archive / f"{scene.id}_visual.tif") as file:
            visual = file.read([1, 2, 3], out_shape=(3, *picture.shape[1:]))
    assert picture.shape[2] == 100
    assert np.array_equal(picture[3], mask)
    # Whatever the stretch, what is bright in the picture people are meant to see is bright in this one.
    for band, expected in zip(picture[:3], visual):
        assert np.corrcoef(band[mask > 0], expected[mask > 0])[0, 1] > 0.8


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_quick_look_of_a_part_reads_that_part(pair: Pair, catalog: ScenesV0, geotiff: Path) -> None:
    from planet_vector.raster.product import open_link

    with open_link(catalog, pair.link("direct"), "direct") as dataset:
        bounds = dataset.window_bounds(rasterio.windows.Window(200, 300, 90, 40))
        pair.forget()
        picture = as_array(picture_of(dataset, transform_bounds(dataset.crs, "EPSG:4326", *bounds)))
        assert 90 <= picture.shape[2] <= 96
        with pytest.raises(RasterAccessError, match="no ground"):
            picture_of(dataset, (0, 0, 1, 1))
    assert sum(request.sent for request in pair.api.seen) < geotiff.stat().st_size / 5


def window_of(dataset: Any, box: Any) -> Any:
    bounds = transform_bounds("EPSG:4326", dataset.crs, *box)
    return from_bounds(*bounds, transform=dataset.transform).round_offsets().round_lengths()


def test_tiles_show_the_scene_where_it_lies(scene: Scene, archive: Path, connected: Service) -> None:
    with rasters.open_tiles(f"PLANET:ortho/{scene.id}") as tiles:
        assert tiles.crs.to_epsg() == 3857 and tiles.count == 4
        assert connected.key not in tiles.name + repr(tiles) + repr(tiles.tags())
        shape = (4, 60, 60)
        found = tiles.read(window=window_of(tiles, scene.footprint.bounds), out_shape=shape)
        elsewhere = tiles.read(window=rasterio.windows.Window(0, 0, 256, 256))
    assert not elsewhere.any()
    with rasterio.open(archive / f"{scene.id}_visual.tif") as file:
        with rasterio.vrt.WarpedVRT(file, crs="EPSG:3857") as warped:
            expected = warped.read(window=window_of(warped, scene.footprint.bounds), out_shape=shape, boundless=False)
    inside = (found[3] > 0) & (expected[3] > 0)
    assert inside.mean() > 0.4
    assert np.mean((found[3] > 0) == (expected[3] > 0)) > 0.95
    for band, file_band in zip(found[:3], expected[:3]):
        assert np.corrcoef(band[inside], file_band[inside])[0, 1] > 0.8


def test_tiles_that_fail_are_an_error_and_no_black_picture(connected: Service) -> None:
    def answer(request: Any) -> Any:
        return 500, {}, b""

    server = Recorder(answer)
    try:
        from planet_vector.raster.tiles import open_tiles

        catalog = ScenesV0(Settings(f"{server.url}/v0/", rate=0))
        with open_tiles(catalog, f"{server.url}/v0/{{z}}/{{x}}/{{y}}.png", 3, "tiles") as tiles:
            with pytest.raises(RasterAccessError):
                tiles.read(1, window=rasterio.windows.Window(0, 0, 256, 256))
    finally:
        server.stop()


def test_a_pattern_that_is_none_is_refused(connected: Service) -> None:
    from planet_vector.raster.tiles import open_tiles

    for pattern in ("{z}/{x}.png", "file:///etc/{z}/{x}/{y}"):
        with pytest.raises(ProtocolError):
            open_tiles(planet_vector.connect(), pattern, 3, "tiles")
