"""A product as a rasterio dataset: the right pixels, nothing let slip, limits, renewal."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any, Callable, Iterator

import numpy as np
import pytest

import planet_vector
from planet_vector.catalog.scenes_v0.client import ScenesV0
from planet_vector.errors import (
    AuthError,
    NameSyntaxError,
    NotFoundError,
    ProtocolError,
    RasterAccessError,
    UnavailableError,
)

from ..conftest import Service, Start
from ..faces import Face
from .recording import Pair

rasterio = pytest.importorskip("rasterio")
from rasterio.windows import Window  # noqa: E402

from planet_vector.raster import limits  # noqa: E402
from planet_vector.raster.band_stack import Virtual  # noqa: E402
from planet_vector.raster.product import Product, open_link  # noqa: E402


@pytest.fixture(scope="module")
def signing(start_service: Start, archive: Path) -> Service:
    """Return a service that leads to signed addresses on another port."""
    return start_service(archive, "--redirect", "signed")


@pytest.fixture(params=["answers itself", "leads to a store"])
def either(request: Any, service: Service, signing: Service, monkeypatch: pytest.MonkeyPatch) -> Service:
    chosen = service if request.param == "answers itself" else signing
    monkeypatch.setenv("PL_API_URL", chosen.root)
    monkeypatch.setenv("PL_API_KEY", chosen.key)
    return chosen


def a_scene(archive: Path, product: str = "visual") -> str:
    return sorted(archive.glob(f"*_{product}.tif"))[0].name[: -len(f"_{product}.tif")]


@pytest.mark.parametrize("product", ["visual", "analytic"])
def test_a_product_reads_as_the_file_in_the_archive(either: Service, archive: Path, product: str) -> None:
    scene = a_scene(archive, product)
    with rasterio.open(archive / f"{scene}_{product}.tif") as expected:
        with planet_vector.open(f"PLANET:ortho/{scene}/{product}") as dataset:
            assert dataset.profile == expected.profile
            window = Window(20, 30, 120, 90)
            assert np.array_equal(dataset.read(window=window), expected.read(window=window))
            assert np.array_equal(dataset.read(), expected.read())
            assert np.array_equal(dataset.dataset_mask(), expected.dataset_mask())
            assert (
                list(dataset.sample([dataset.xy(50, 60)]))[0].tolist()
                == list(expected.sample([expected.xy(50, 60)]))[0].tolist()
            )


def test_the_key_is_in_no_log_name_or_repr(either: Service, archive: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with planet_vector.open(f"PLANET:ortho/{a_scene(archive)}/visual") as dataset:
        dataset.read(1, window=Window(0, 0, 5, 5))
        said = repr(dataset) + str(dataset.access) + dataset.name + repr(dataset.tags())
    assert caplog.records
    assert either.key not in caplog.text + said


def test_options_reach_no_other_code_of_the_process(pair: Pair, catalog: ScenesV0) -> None:
    """Another thread looks at GDAL's options all the while, through opening, failing, reading and closing."""
    from rasterio._env import get_gdal_config

    seen = set()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            seen.add(tuple(str(get_gdal_config(name)) for name in NAMES))

    NAMES = ("GDAL_HTTP_HEADERS", "GDAL_HTTP_NETRC", "GDAL_DISABLE_READDIR_ON_OPEN", "CPL_VSIL_CURL_USE_HEAD")
    before = tuple(str(get_gdal_config(name)) for name in NAMES)
    watch = threading.Thread(target=look)
    watch.start()
    try:
        for case in ("direct", "signed"):
            with open_link(catalog, pair.link(case), case) as dataset:
                dataset.read(window=Window(0, 0, 50, 50))
                assert tuple(str(get_gdal_config(name)) for name in NAMES) == before
        with pytest.raises(RasterAccessError):
            open_link(catalog, pair.link("text"), "text")
    finally:
        done.set()
        watch.join()
    assert seen == {before}
    assert not hasattr(rasterio.env.local, "_env") or rasterio.env.local._env is None


@pytest.mark.parametrize("cls", [Product, Virtual])
def test_a_dataset_whose_opening_was_interrupted_is_closed_without_an_error(archive: Path, cls: Any) -> None:
    path = next(archive.glob("*_visual.tif"))
    with rasterio.Env():
        dataset = cls(str(path))  # as Ctrl-C leaves it, before it has its attributes
        dataset.close()
    assert dataset.closed


def test_options_of_the_program_do_not_reach_the_store(pair: Pair, catalog: ScenesV0, tmp_path: Path) -> None:
    """Somebody who has set headers for all of GDAL does not send them along with a signature."""
    (tmp_path / "headers").write_text("Authorization: Bearer other\n")
    with rasterio.Env(GDAL_HTTP_HEADERS="Authorization: Bearer other", GDAL_HTTP_HEADER_FILE=str(tmp_path / "headers")):
        with open_link(catalog, pair.link("signed"), "signed") as dataset:
            dataset.read(window=Window(0, 0, 50, 50))
    assert pair.store.seen and not pair.store.with_key


@pytest.fixture
def short_lived(pair: Pair) -> Iterator[Pair]:
    pair.lives = 2.0
    yield pair


def test_an_ended_signature_is_renewed_while_reading(
    short_lived: Pair, catalog: ScenesV0, geotiff: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    with rasterio.open(geotiff) as expected, open_link(catalog, short_lived.link("signed"), "signed") as dataset:
        time.sleep(3)
        window = Window(100, 500, 64, 64)
        assert np.array_equal(dataset.read(window=window), expected.read(window=window))
        assert np.array_equal(dataset.read_masks(1, window=window), expected.read_masks(1, window=window))
    assert len([request for request in short_lived.api.seen if "signed" in request.path]) == 2
    assert not short_lived.store.with_key


def test_a_file_that_is_served_whole_is_fetched_once_and_goes_with_the_dataset(
    pair: Pair, catalog: ScenesV0, geotiff: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    told = []
    for case in ("whole", "store_whole"):
        dataset = open_link(catalog, pair.link(case), case, progress=lambda done, total: told.append((done, total)))
        with rasterio.open(geotiff) as expected:
            assert np.array_equal(dataset.read(), expected.read())
        assert len(list(tmp_path.iterdir())) == 1
        dataset.close()
        del dataset
        assert not list(tmp_path.iterdir())
    size = geotiff.stat().st_size
    assert told[-1] == (size, size)


def test_one_dataset_for_each_thread(pair: Pair, catalog: ScenesV0, geotiff: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def task(row: int) -> bool:
        window = Window(0, row, 300, 20)
        with open_link(catalog, pair.link("direct"), "direct") as dataset, rasterio.open(geotiff) as expected:
            return bool(np.array_equal(dataset.read(window=window), expected.read(window=window)))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(task, range(0, 400, 50)))


# ---- errors ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "error"),
    [
        ("401", AuthError),
        ("403", AuthError),
        ("404", NotFoundError),
        ("loop", ProtocolError),
        ("elsewhere", ProtocolError),
        ("file", ProtocolError),
        ("text", RasterAccessError),
        ("store_404", NotFoundError),
    ],
)
def test_what_cannot_be_had_is_one_sentence(case: str, error: type, pair: Pair, catalog: ScenesV0) -> None:
    with pytest.raises(error) as raised:
        open_link(catalog, pair.link(case), "s1/visual")
    text = str(raised.value)
    assert pair.key not in text and "Signature=1" not in text and "\n" not in text
    assert not isinstance(raised.value, UnavailableError)


@pytest.mark.parametrize(
    ("name", "error", "told"),
    [
        ("PLANET:ortho", NameSyntaxError, "names no scene"),
        ("PLANET:ortho/{scene}", NameSyntaxError, "visual"),
        ("PLANET:ortho/{scene}/nosuch", NotFoundError, "it has: "),
        ("PLANET:ortho/nosuch/visual", NotFoundError, "no {noun} 'nosuch'"),
        ("scene.tif", NameSyntaxError, "not a PLANET: name"),
    ],
)
def test_a_name_that_is_no_product_says_what_to_write(
    name: str, error: type, told: str, connected: Service, face: Face, archive: Path
) -> None:
    with pytest.raises(error, match=told.format(noun=face.noun)):
        planet_vector.open(name.format(scene=a_scene(archive)))


def test_what_rasterio_raises_is_raised_too(pair: Pair, catalog: ScenesV0) -> None:
    with pytest.raises(rasterio.errors.RasterioIOError):
        open_link(catalog, pair.link("text"), "text")


# ---- limits ----------------------------------------------------------------------------------------------


def served(pair: Pair, path: Path) -> None:
    pair.data = path.read_bytes()


def test_a_block_larger_than_any_product_has_is_refused(pair: Pair, catalog: ScenesV0, tmp_path: Path) -> None:
    path = tmp_path / "bomb.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=40_000,
        height=40_000,
        count=1,
        dtype="uint8",
        tiled=True,
        sparse_ok=True,
        blockxsize=32768,
        blockysize=16384,
        crs="EPSG:32611",
        transform=rasterio.Affine(3, 0, 0, 0, -3, 0),
    ):
        pass
    served(pair, path)
    with pytest.raises(RasterAccessError, match="blocks of 536,870,912 bytes"):
        open_link(catalog, pair.link("direct"), "bomb")


def test_a_file_that_claims_more_than_it_can_hold_is_refused(pair: Pair, catalog: ScenesV0, tmp_path: Path) -> None:
    path = tmp_path / "bomb.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=200_000,
        height=200_000,
        count=1,
        dtype="uint8",
        tiled=True,
        sparse_ok=True,
        blockxsize=2048,
        blockysize=2048,
        crs="EPSG:32611",
        transform=rasterio.Affine(3, 0, 0, 0, -3, 0),
    ):
        pass
    served(pair, path)
    with pytest.raises(RasterAccessError, match="declares 40,000,000,000"):
        open_link(catalog, pair.link("direct"), "bomb")


def test_a_read_larger_than_the_limit_is_refused_and_a_window_is_not(
    pair: Pair, catalog: ScenesV0, monkeypatch: pytest.MonkeyPatch, window: Callable[[Path], np.ndarray], geotiff: Path
) -> None:
    monkeypatch.setattr(limits, "MAX_READ", 3_000_000)
    with open_link(catalog, pair.link("direct"), "direct") as dataset:
        with pytest.raises(RasterAccessError, match="5,400,000 bytes"):
            dataset.read()
        assert np.array_equal(dataset.read(window=Window(300, 200, 512, 512)), window(geotiff))
        assert dataset.read(out_shape=(4, 90, 150)).shape == (4, 90, 150)
        assert dataset.read(1).shape == (900, 1500)


@pytest.fixture
def huge(pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pair:
    """Return the servers over a raster of 4.9 GB whose tiles are left out, which is let pass as if it held them."""
    monkeypatch.setattr(limits, "MAX_RATIO", 100_000)
    path = tmp_path / "huge.tif"
    profile = {"width": 70_000, "height": 70_000, "count": 1, "dtype": "uint8", "crs": "EPSG:32611"}
    tiles = {"tiled": True, "blockxsize": 1024, "blockysize": 1024, "sparse_ok": True}
    with rasterio.open(path, "w", driver="GTiff", transform=rasterio.Affine(3, 0, 0, 0, -3, 0), **profile, **tiles):
        pass
    served(pair, path)
    return pair


def test_what_is_read_of_a_huge_raster_is_counted_however_it_is_asked_for(huge: Pair, catalog: ScenesV0) -> None:
    side, beyond = 70_000, Window(69_990, 69_990, 1e6, 1e6)
    with open_link(catalog, huge.link("signed"), "huge") as dataset:
        for options, shape in [
            ({"window": ((0, 10), (0, 10))}, (10, 10)),
            ({"window": ([0, 10], slice(5, 25))}, (10, 20)),
            ({"window": ((-10, None), (-30, -10))}, (10, 20)),
            ({"window": ((None, 10), (69_000, None))}, (10, 1000)),
            ({"window": ((69_990, 80_000), (69_995, 80_000))}, (10, 5)),
            ({"window": beyond}, (10, 10)),
            ({"window": Window(0.4, 0.4, 10.6, 10.4)}, (10, 11)),
            ({"window": ((-5, 5), (-5, 15)), "boundless": True}, (10, 20)),
            ({"out_shape": (20, 30)}, (20, 30)),
            ({"out_shape": (np.int32(20), np.int32(30)), "window": ((0, side), (0, side))}, (20, 30)),
        ]:
            assert dataset.read(**options).shape == (1, *shape), options
            assert dataset.read(1, **options).shape == shape, options
            assert dataset.read_masks(**options).shape == (1, *shape), options
            assert dataset.dataset_mask(**options).shape == shape, options
        assert dataset.read(out=np.empty((1, 20, 30), "uint8")).shape == (1, 20, 30)

        for options in [
            {},
            {"window": ()},
            {"window": ((0, side), (0, side))},
            {"window": ((0, None), (0, None))},
            {"window": ((0, -1), (0, None))},
            {"window": Window(-5, -5, 1e6, 1e6)},
            {"window": beyond, "boundless": True},
            {"window": ((0, 10), (0, 10)), "out_shape": (1, side, side)},
            {"out_shape": (np.int32(side), np.int32(side))},
        ]:
            for read in (dataset.read, dataset.read_masks, dataset.dataset_mask):
                with pytest.raises(RasterAccessError, match=r"^Reading this much of huge takes [\d,]+ bytes"):
                    read(**options)
        half = ((0, 40_000), (0, 40_000))
        for arguments in ([[1, 1, 1], None, half], [1, None, half, False, None, False, 0, None, "float64"]):
            with pytest.raises(RasterAccessError, match="bytes, more than"):
                dataset.read(*arguments)
        with pytest.raises(RasterAccessError, match="bytes, more than"):
            dataset.read(1, None, None, False, (side, side))


def test_a_mask_beside_the_pixels_is_counted(
    pair: Pair, catalog: ScenesV0, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path, pixels = tmp_path / "masked.tif", np.arange(2 * 200 * 300, dtype="uint16").reshape(2, 200, 300) % 7
    profile = {"driver": "GTiff", "count": 2, "height": 200, "width": 300, "dtype": "uint16", "nodata": 0}
    with rasterio.open(path, "w", crs="EPSG:32611", transform=rasterio.Affine(3, 0, 0, 0, -3, 0), **profile) as file:
        file.write(pixels)
    served(pair, path)
    with open_link(catalog, pair.link("direct"), "masked") as dataset:
        monkeypatch.setattr(limits, "MAX_READ", 3 * 200 * 300)
        assert np.array_equal(dataset.read(1, masked=True).mask, pixels[0] == 0)
        assert np.array_equal(dataset.read(1, fill_value=9), np.where(pixels[0] == 0, 9, pixels[0]))
        out = np.empty((2, 200, 300), "uint16")
        assert dataset.read(out=out, masked=True).shape == out.shape  # the pixels are the caller's
        for options in ({"masked": True}, {"fill_value": 9}):
            with pytest.raises(RasterAccessError, match="360,000 bytes"):
                dataset.read(**options)
        monkeypatch.setattr(limits, "MAX_READ", 2 * 200 * 300 - 1)
        with pytest.raises(RasterAccessError, match="120,000 bytes"):
            dataset.dataset_mask()
        assert np.array_equal(dataset.read_masks(2) == 0, pixels[1] == 0)


def test_a_mask_that_is_not_made_is_not_counted(huge: Pair, catalog: ScenesV0, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_READ", 100)
    with open_link(catalog, huge.link("signed"), "huge") as dataset:
        assert dataset.read(masked=True, window=((0, 10), (0, 10))).mask is np.ma.nomask


def test_what_rasterio_refuses_is_left_to_it(huge: Pair, catalog: ScenesV0) -> None:
    with open_link(catalog, huge.link("signed"), "huge") as dataset:
        for options, error in [
            ({"indexes": []}, ValueError),
            ({"indexes": 2}, IndexError),
            ({"window": ((0, 10),)}, TypeError),
            ({"window": [[0, 10], [0, 10]]}, AttributeError),
            ({"out": np.empty((1, 5, 5), "uint8"), "out_shape": (5, 5)}, ValueError),
            ({"out_dtype": "no type"}, TypeError),
        ]:
            with pytest.raises(error):
                dataset.read(**options)
