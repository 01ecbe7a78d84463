"""Rasters that are thin, turned, of palettes, of complex numbers, all around the globe: their pictures and places."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Dict

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from PIL import Image
from pyproj import Transformer
from shapely.geometry import Point, Polygon, shape

from planet_vector.scene import Scene
from tests.schemas import ORTHO

from .conftest import Running, Serve

UTM = Affine(10, 0, 300_000, 0, -10, 5_310_000)
RAMP = np.tile(np.linspace(1, 255, 300), (200, 1))
RGB = np.stack([RAMP, RAMP[:, ::-1], np.full_like(RAMP, 128)]).astype("uint8")
TABLE = {0: (255, 0, 0, 255), 1: (0, 255, 0, 255), 2: (0, 0, 255, 255), 3: (255, 255, 0, 255)}
GLOBE = np.arange(36 * 18 * 3, dtype="uint16").reshape(3, 18, 36).astype("uint8")


def write(path: Path, values: np.ndarray, transform: Affine = UTM, crs: str = "EPSG:32633", **more: Any) -> None:
    table = more.pop("table", None)
    profile = {"driver": "GTiff", "count": len(values), "height": values.shape[1], "width": values.shape[2], **more}
    with rasterio.open(path, "w", dtype=values.dtype, crs=crs, transform=transform, **profile) as dataset:
        dataset.write(values)
        if table:
            dataset.write_colormap(1, table)


@pytest.fixture(scope="module")
def odd(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Running:
    folder = tmp_path_factory.mktemp("odd")
    write(folder / "tall.tif", np.full((3, 3000, 1), 100, "uint8"))
    write(folder / "wide.tif", np.full((3, 1, 3000), 100, "uint8"))
    holes = RAMP.astype("float32")
    holes[50:100, 100:200], holes[100:150, 100:200] = np.nan, np.inf
    write(folder / "holes.tif", holes[np.newaxis])
    write(folder / "complex.tif", (RAMP * np.exp(1j * np.arange(300)))[np.newaxis].astype("complex64"))
    bands = np.repeat(np.arange(4, dtype="uint8"), 75)
    write(folder / "palette.tif", np.tile(bands, (1, 200, 1)), photometric="palette", table=TABLE)
    large = np.tile(np.repeat(bands, 10), (1, 2000, 1))
    write(folder / "large_palette.tif", large, photometric="palette", table=TABLE)
    rotated = UTM * Affine.rotation(30)
    write(folder / "rotated.tif", RGB, rotated)
    write(folder / "rotated_nan.tif", RAMP[np.newaxis].astype("float32"), rotated, nodata=float("nan"))
    write(folder / "rotated_alpha.tif", np.concatenate([RGB, RGB[:1] | 255]), rotated, photometric="RGB", alpha="YES")
    write(folder / "globe.tif", GLOBE, Affine(10, 0, -180, 0, -10, 90), "EPSG:4326")
    write(folder / "from_0.tif", np.roll(GLOBE, 18, axis=2), Affine(10, 0, 0, 0, -10, 90), "EPSG:4326")
    write(folder / "polar.tif", RGB, Affine(10_000, 0, -1_500_000, 0, -10_000, 1_000_000), "EPSG:3413")
    return serve(folder)


def picture(service: Running, path: str) -> Image.Image:
    answer = service.get(f"scenes/ortho/{path}")
    assert answer.status_code == 200, answer.text
    assert "Warning" not in service.errors
    return Image.open(io.BytesIO(answer.content)).convert("RGBA")


@pytest.mark.parametrize("name", ["tall", "wide"])
def test_a_scene_one_pixel_wide_makes_a_small_picture(odd: Running, name: str) -> None:
    width, height = picture(odd, f"{name}/thumb?size=sm").size
    assert width <= 64 and height <= 256
    # Its small copy, for tiles of small scales.
    assert odd.get(f"scenes/ortho/{name}/9/273/178.png").status_code in (200, 404)
    assert "Error" not in odd.errors


def test_what_is_no_number_is_no_data(odd: Running) -> None:
    seen = np.asarray(picture(odd, "holes/thumb?size=lg"))[..., 3]
    column, row = 640 * 150 // 300, seen.shape[0] // 200
    assert [seen[row * at, column] for at in (25, 75, 125, 175)] == [255, 0, 0, 255]


def test_complex_numbers_are_no_picture_and_a_product(odd: Running) -> None:
    for path in ("thumb", "thumb?size=lg&format=jpg", "10/547/356.png"):
        answer = odd.get(f"scenes/ortho/complex/{path}")
        assert (answer.status_code, answer.json()["message"]) == (
            404, "The scene has complex pixels, which cannot be drawn.",
        )  # fmt: skip
    assert odd.get("scenes/ortho/complex/full?product=analytic").content[:4] == b"II*\0"


def test_a_palette_shows_its_colours_and_no_others(odd: Running) -> None:
    shown = np.asarray(picture(odd, "palette/thumb?size=lg"))
    assert [tuple(shown[200, column]) for column in (80, 240, 400, 560)] == list(TABLE.values())
    for path in ("palette/14/8753/5702.png", "large_palette/9/273/178.png"):
        colours = {tuple(pixel) for pixel in np.asarray(picture(odd, path)).reshape(-1, 4).tolist()}
        assert len(colours) > 2
        assert {colour for colour in colours if colour[3]} <= set(TABLE.values()), path


@pytest.mark.parametrize("name", ["rotated", "rotated_nan", "rotated_alpha"])
def test_what_turning_a_scene_leaves_empty_has_no_data(name: str, odd: Running) -> None:
    seen = np.asarray(picture(odd, f"{name}/thumb?size=md"))[..., 3]
    assert [seen[corner] for corner in ((0, 0), (0, -1), (-1, 0), (-1, -1))] == [0, 0, 0, 0]
    assert seen[seen.shape[0] // 2, seen.shape[1] // 2] == 255


@pytest.mark.parametrize("name", ["globe", "from_0"])
def test_a_raster_around_the_globe_lies_everywhere(odd: Running, name: str) -> None:
    footprint = shape(odd.json(f"scenes/ortho/{name}")["geometry"])
    assert footprint.is_valid and footprint.bounds == (-180, -90, 180, 90) and footprint.area == 360 * 180
    for place in ("-100 40", "100 40", "1 1", "179 -60", "0 89"):
        assert name in odd.all_ids(f"scenes/ortho/?intersects=POINT({place})")
    # As clients read it, for whom an edge of over 180° crosses the antimeridian.
    (seen,) = Scene(odd.json(f"scenes/ortho/{name}"), ORTHO).polygons
    assert Polygon(seen[0]).area == 360 * 180


def test_tiles_of_longitudes_from_0_to_360_are_those_of_the_globe(odd: Running) -> None:
    for column in range(4):
        tiles: Dict[str, np.ndarray] = {
            name: np.asarray(picture(odd, f"{name}/2/{column}/1.png")) for name in ("globe", "from_0")
        }
        assert tiles["from_0"][..., 3].all()
        # Where one file ends, colours do not run into those across its border.
        inner = slice(20, -20)
        assert np.abs(tiles["globe"][inner, inner].astype(int) - tiles["from_0"][inner, inner]).max() <= 1


def test_a_footprint_up_to_the_pole_holds_its_pixels(odd: Running) -> None:
    footprint = shape(odd.json("scenes/ortho/polar")["geometry"])
    assert footprint.is_valid
    lonlat = Transformer.from_crs("EPSG:3413", "EPSG:4326", always_xy=True)
    for x in range(-1_450_000, 1_500_000, 200_000):
        for y, seen in ((900_000, True), (0, True), (-900_000, True), (1_200_000, False), (-1_200_000, False)):
            assert footprint.contains(Point(lonlat.transform(x, y))) == seen, (x, y)
    read = [Polygon(*rings) for rings in Scene(odd.json("scenes/ortho/polar"), ORTHO).polygons]
    assert shapely.union_all(read).equals(footprint)


@pytest.mark.parametrize(
    "dtype", ["uint16", *(pytest.param(each, marks=pytest.mark.long) for each in ("int32", "float32", "float64"))]
)
def test_a_raster_of_one_value_is_of_one_colour(serve: Serve, tmp_path: Path, dtype: str) -> None:
    with rasterio.open(
        tmp_path / "one.tif", "w", driver="GTiff", width=64, height=64, count=3, dtype=dtype, crs="EPSG:32633",
        transform=Affine(10, 0, 350_000, 0, -10, 5_300_000),
    ) as dataset:  # fmt: skip
        dataset.write(np.full((3, 64, 64), 7000.1).astype(dtype))
    service = serve(tmp_path)
    for size in ("sm", "lg"):
        with Image.open(io.BytesIO(service.get(f"scenes/ortho/one/thumb?size={size}").content)) as picture:
            pixels = np.asarray(picture.convert("RGBA")).reshape(-1, 4)
        colours = np.ptp(pixels[pixels[:, 3] == 255, :3].astype(int), axis=0)
        assert (colours <= 3).all(), colours  # of 255: no pattern is seen
