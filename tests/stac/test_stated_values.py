"""Nodata, scale and offset that items state for files without: the same in every way of reading them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest

import planet_vector
from planet_vector.errors import RasterAccessError
from planet_vector.rasters import quicklook
from planet_vector.scene import Scene
from tests.stac.conftest import Start
from tests.stac.file_host import FileHost, hosting
from tests.stac.test_access import SIDE, items_at, pixels, tiff

rasterio = pytest.importorskip("rasterio")
np = pytest.importorskip("numpy")
shapely = pytest.importorskip("shapely")

SCALE, OFFSET, EMPTY = 0.0002, 0.1, 8  # of what the items state; some pixels of each file are 8
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*shapely.ops.transform:DeprecationWarning"),  # of odc-geo
    pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning"),  # of pictures
]
PIXEL = 0.01 / SIDE
BAND = {"nodata": EMPTY, "scale": SCALE, "offset": OFFSET}
STATED: Dict[str, Dict[str, Any]] = {
    "raster": {"raster:bands": [BAND]},
    "bands": {"bands": [{"nodata": EMPTY, "raster:scale": SCALE, "raster:offset": OFFSET}]},
    "asset": {"nodata": EMPTY, "raster:scale": SCALE, "raster:offset": OFFSET},
}


@pytest.fixture(scope="module")
def files() -> Iterator[FileHost]:
    place = rasterio.transform.from_origin(10, 50, PIXEL, PIXEL)
    made = {f"/{name}": tiff(number, nodata=None, transform=place) for name, number in NUMBERS.items()}
    with hosting(FileHost(made)) as host:
        yield host


NUMBERS = {"red": 0, "nir": 3}
"""By asset, the number of the scene whose pixels it has; all lie on one place."""


def values(name: str) -> Any:
    """Return the physical values of an asset by what its item states; NaN for missing data."""
    return np.where(pixels(NUMBERS[name]) == EMPTY, np.nan, pixels(NUMBERS[name]) * SCALE + OFFSET)


@pytest.fixture
def scenes(files: FileHost, start_stac: Start, request: pytest.FixtureRequest) -> List[Scene]:
    """Return two scenes of a service on one place, whose items state the values of their files."""
    items = items_at(*[f"{files.url}/none"] * 2)
    given = getattr(request, "param", STATED["raster"])
    for number, (item, stated) in enumerate(zip(items, given if isinstance(given, list) else [given] * 2)):
        item["geometry"], item["bbox"] = items[0]["geometry"], items[0]["bbox"]
        item["properties"]["datetime"] = f"2024-05-0{number + 1}T00:00:00Z"
        item["assets"] = {
            name: {
                "href": f"{files.url}/{name}?scene={number}", "type": "image/tiff", "roles": ["data"],
                "eo:bands": [{"name": name, "common_name": name}], **stated,
            }
            for name in NUMBERS
        }  # fmt: skip
    start_stac(items)
    return list(planet_vector.search("STAC:test/scenes"))


def physical(dataset: Any) -> Any:
    """Return the bands of a dataset, scaled, with NaN for missing data."""
    read = dataset.read(masked=True).astype(float)
    scales, offsets = (np.array(each)[:, None, None] for each in (dataset.scales, dataset.offsets))
    return (read * scales + offsets).filled(np.nan)


def opened(scenes: List[Scene], folder: Path, products: List[str], **options: Any) -> Any:
    with planet_vector.open(f"STAC:test/scenes/{scenes[0].id}/{','.join(products)}", **options) as dataset:
        return physical(dataset)


def in_mosaic(scenes: List[Scene], folder: Path, products: List[str], **options: Any) -> Any:
    with planet_vector.mosaic(scenes, product=",".join(products), **options) as dataset:
        return physical(dataset)


def warped(scenes: List[Scene], folder: Path, products: List[str], **options: Any) -> Any:
    """Return a mosaic of pixels of half the size, and beyond the scenes, at the size of the files."""
    bounds = (10 - 2 * PIXEL, 49.99 - 2 * PIXEL, 10.01 + 2 * PIXEL, 50 + 2 * PIXEL)
    found = in_mosaic(scenes, folder, products, res=PIXEL / 2, dst_bounds=bounds, **options)
    found = found[:, ::2, ::2]
    inside = (slice(None), slice(2, -2), slice(2, -2))
    beyond = np.ones(found.shape, bool)
    beyond[inside] = False
    assert np.isnan(found[beyond]).all()
    with planet_vector.mosaic(scenes, product=",".join(products), dst_crs="EPSG:32632", **options) as dataset:
        turned = physical(dataset)
        # The corners, beyond the turned scenes, are no pixels of 0.
        assert np.isnan(turned[:, [0, 0, -1, -1], [0, -1, 0, -1]]).all() and 0 < np.isnan(turned).mean() < 0.2
    return found[inside]


def cropped(scenes: List[Scene], folder: Path, products: List[str], **options: Any) -> Any:
    crops = planet_vector.crop_stack(
        scenes, folder, product=",".join(products), dst_crs="EPSG:4326", connection="test", **options
    )
    with rasterio.open(crops[0].path) as dataset:
        found = physical(dataset)
        assert crops[0].valid == np.isfinite(found).any(axis=0).mean()
        return found


def crop_of_one(scenes: List[Scene], folder: Path, products: List[str], **options: Any) -> Any:
    from planet_vector.raster.geotiff import write_geotiff

    with planet_vector.open(f"STAC:test/scenes/{scenes[0].id}/{','.join(products)}", **options) as dataset:
        write_geotiff(dataset, folder / "one.tif")
    with rasterio.open(folder / "one.tif") as dataset:
        return physical(dataset)


def in_cube(scenes: List[Scene], folder: Path, products: List[str], **options: Any) -> Any:
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("odc.stac")
    cube = planet_vector.to_xarray(
        scenes, product=",".join(products), dst_crs="EPSG:4326", connection="test", **options
    )
    found = xarray.decode_cf(cube).isel(time=0).compute(scheduler="synchronous")
    return np.stack([found[name].values for name in found.data_vars])


READERS = [opened, in_mosaic, warped, cropped, crop_of_one, in_cube]


def check(found: Any, expected: List[Any]) -> None:
    assert found.shape == (len(expected), SIDE, SIDE)
    np.testing.assert_allclose(found, np.stack(expected), rtol=1e-5)


@pytest.mark.parametrize("reader", READERS)
def test_a_product_has_the_stated_values(scenes: List[Scene], tmp_path: Path, reader: Callable[..., Any]) -> None:
    check(reader(scenes, tmp_path, ["red"]), [values("red")])


@pytest.mark.parametrize("scenes", STATED.values(), ids=STATED, indirect=True)
@pytest.mark.parametrize("reader", [opened, warped])
def test_they_are_stated_in_several_ways(scenes: List[Scene], tmp_path: Path, reader: Callable[..., Any]) -> None:
    check(reader(scenes, tmp_path, ["nir"]), [values("nir")])


@pytest.mark.parametrize("reader", READERS)
def test_an_index_is_of_the_stated_values(scenes: List[Scene], tmp_path: Path, reader: Callable[..., Any]) -> None:
    red, nir = values("red"), values("nir")
    check(reader(scenes, tmp_path, ["red", "nir"], index="ndvi"), [(nir - red) / (nir + red)])


@pytest.mark.parametrize("reader", [opened, crop_of_one])
def test_a_stack_of_bands_has_the_values_of_each(
    scenes: List[Scene], tmp_path: Path, reader: Callable[..., Any]
) -> None:
    check(reader(scenes, tmp_path, ["nir", "red"]), [values("nir"), values("red")])


def test_missing_pixels_of_a_quick_look_are_transparent(scenes: List[Scene]) -> None:
    with rasterio.MemoryFile(quicklook(scenes[0], product="red")) as memory, memory.open() as picture:
        assert ((picture.read(4) == 0) == np.isnan(values("red"))).all()


def test_a_time_series_is_of_the_stated_values(scenes: List[Scene]) -> None:
    pytest.importorskip("pandas")
    places = [(50, 60), (0, 0), *np.argwhere(np.isnan(values("red")))[:1]]
    points = {f"{row},{column}": (10 + (column + 0.5) * PIXEL, 50 - (row + 0.5) * PIXEL) for row, column in places}
    for expression, expected in (("red", values("red")), ("nir * 2", values("nir") * 2)):
        found = planet_vector.timeseries(scenes, points, expression).value
        one_each = [expected[row, column] for row, column in places]
        np.testing.assert_allclose(found, np.repeat(one_each, 2), rtol=1e-6)  # of each place in both scenes


@pytest.mark.parametrize("scenes", [[STATED["raster"], {"raster:bands": [{**BAND, "nodata": 9}]}]], indirect=True)
def test_missing_pixels_of_a_mosaic_are_those_that_each_scene_states(scenes: List[Scene]) -> None:
    # Pixels missing in the newest are shown by the other, whose file is the same, and has other missing pixels.
    with planet_vector.mosaic(scenes, product="red") as mosaic:
        assert (mosaic.read(1) == pixels(0)).all() and mosaic.read_masks(1).all()


@pytest.mark.parametrize("scenes", [[STATED["raster"], {"raster:bands": [{**BAND, "scale": 0.5}]}]], indirect=True)
def test_scenes_of_other_scales_are_not_combined(scenes: List[Scene], tmp_path: Path) -> None:
    with pytest.raises(RasterAccessError, match="scale 0.0002 and offset 0.1 instead of 0.5"):
        planet_vector.mosaic(scenes, product="red")


@pytest.mark.parametrize("kind", ["south up", "rotated", "by points", "nowhere"])
def test_a_file_of_any_orientation_has_them_in_its_place(start_stac: Start, tmp_path: Path, kind: str) -> None:
    place = rasterio.transform.from_origin(10, 50, PIXEL, PIXEL)
    points = [
        rasterio.control.GroundControlPoint(row, column, *(place * (column, row)), 0)
        for row in (0, SIDE) for column in (0, SIDE)
    ]  # fmt: skip
    placed = {
        "south up": {"transform": rasterio.Affine(PIXEL, 0, 10, 0, PIXEL, 49.99)},
        "rotated": {"transform": place * rasterio.Affine.rotation(10)},
        "by points": {"transform": None, "gcps": points},
        "nowhere": {"transform": None, "crs": None},
    }[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        content = tiff(0, nodata=None, **placed)
        with hosting(FileHost({"/data.tif": content})) as host, rasterio.MemoryFile(content) as memory:
            items = items_at(f"{host.url}/data.tif", **STATED["raster"])
            start_stac(items)
            with planet_vector.open("STAC:test/scenes/scenes-0/data") as dataset, memory.open() as file:
                assert (dataset.transform, dataset.crs) == (file.transform, file.crs)
                assert [(p.row, p.col, p.x, p.y) for p in dataset.gcps[0]] \
                    == [(p.row, p.col, p.x, p.y) for p in file.gcps[0]]  # fmt: skip
                assert dataset.gcps[1] == file.gcps[1]
                check(physical(dataset), [values("red")])
