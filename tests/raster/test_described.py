"""Products as VRTs with the service's tiles as overviews: at full size the file's pixels, from afar tiles, no hole."""

from __future__ import annotations

import io
import json
import os
import re
import stat
import struct
import threading
import time
import warnings
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence

import numpy as np
import pytest

from planet_vector.catalog.scenes_v0.client import ScenesV0
from planet_vector.config import Settings
from planet_vector.errors import ServiceError
from planet_vector.geometry.grid import GridSpec
from planet_vector.geometry.web_mercator import HALF_WORLD
from planet_vector.keys import Key
from planet_vector.pixels.tiff import TiffFile, TiffProblem
from planet_vector.raster import described_files
from planet_vector.raster.access import ANY_BUILD, Access, plan
from planet_vector.raster.described import ONE_AFTER_ANOTHER, access_of, name_of, subdatasets
from planet_vector.raster.kept_tiles import MOST_TILES, Tile, _tiles_below
from planet_vector.raster.tiff_header import parse_tiff_header, read_tiff_header
from planet_vector.scene import Scene
from tests.schemas import ORTHO

from ..conftest import Service, Start
from .recording import Answer, Recorder, Request, ranged

rasterio = pytest.importorskip("rasterio")
Image = pytest.importorskip("PIL.Image")

from rasterio.enums import ColorInterp, Resampling  # noqa: E402
from rasterio.transform import Affine, from_origin  # noqa: E402
from rasterio.vrt import WarpedVRT  # noqa: E402
from rasterio.warp import transform, transform_bounds  # noqa: E402

KEY = "5ec4e75ec4e75ec4e75ec4e7"
SIDE = 1200

Run = Callable[..., Any]


def ground(width: int = SIDE, height: int = SIDE) -> np.ndarray:
    """Return pixels in which every place looks different: red, green, blue and alpha, with a corner without data."""
    rows, columns = np.mgrid[0:height, 0:width]
    red, green = columns * 200 // width + 20, rows * 200 // height + 20
    blue = 120 + 100 * np.sin(columns / 60) * np.cos(rows / 45)
    alpha = np.where(columns + rows < width // 3, 0, 255)
    pixels = np.stack([red, green, blue, alpha])
    return np.where(alpha == 0, 0, pixels).astype("uint8")


def write(path: Path, pixels: Optional[np.ndarray] = None, **more: Any) -> Path:
    pixels = ground() if pixels is None else pixels
    profile: Dict[str, Any] = {
        "driver": "GTiff", "count": len(pixels), "height": pixels.shape[1], "width": pixels.shape[2], "dtype": "uint8",
        "crs": "EPSG:32632", "transform": from_origin(600000, 5320000, 3, 3), "compress": "lzw", "blockysize": 1,
        "interleave": "pixel", "photometric": "RGB", "alpha": "YES",
    }  # fmt: skip
    profile.update(more)
    if len(pixels) == 3:
        del profile["alpha"]
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(pixels.astype(profile["dtype"]))
    return path


class Host:
    """A service of one scene: its file, and tiles of it that GDAL draws; each can be made to fail."""

    def __init__(self, path: Path, product: str = "visual") -> None:
        self.path, self.product = path, product
        self.data = path.read_bytes()
        self.tiles: Optional[int] = None  # the status of tiles, where they are not given
        self.file: Optional[int] = None  # that of the file
        self.signed = False
        self._drawing = threading.Lock()
        self.server = Recorder(self._answer)
        self.catalog = ScenesV0(Settings(f"{self.server.url}/v0/", Key(KEY), rate=0))

    def stop(self) -> None:
        self.catalog.transport.close()
        self.server.stop()

    @property
    def scene(self) -> Scene:
        with rasterio.open(self.path) as dataset:
            bounds = dataset.gcps[1] and (10.3, 47.9, 10.5, 48.0)
            west, south, east, north = bounds or transform_bounds(dataset.crs, "EPSG:4326", *dataset.bounds)
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        link = f"{self.server.url}/v0/scenes/ortho/s1/full?product={self.product}"
        return Scene(
            {
                "id": "s1",
                "geometry": {"type": "Polygon", "coordinates": [ring]},
                "properties": {"data": {"products": {self.product: {"full": link}}}},
            },
            ORTHO,
        )

    def name(self) -> str:
        """Return what other programs are given, all that was asked until then forgotten."""
        ((name, _),) = subdatasets(self.catalog, self.scene)
        self.asked = self.of(self.server.seen)
        self.server.seen.clear()
        return name

    @staticmethod
    def of(requests: List[Request]) -> List[str]:
        """Return of each request whether it is for the file or a tile."""
        return ["tile" if request.path.endswith(".png") else "file" for request in list(requests)]

    def _answer(self, request: Request) -> Answer:
        if self.signed and request.path.startswith("/store/"):
            return ranged(request, self.data) if request.method == "GET" else (403, {}, b"")
        if request.headers.get("Authorization") not in (f"api-key {KEY}", _basic(KEY)):
            return 401, {}, b"a key, please"
        tile = re.search(r"/s1/(\d+)/(\d+)/(\d+)\.png", request.path)
        if tile:
            return (self.tiles, {}, b"so it is") if self.tiles else self._tile(*map(int, tile.groups()))
        if self.file:
            return self.file, {}, b"so it is"
        if self.signed:
            host = f"http://localhost:{self.server.server_port}"
            return 302, {"Location": f"{host}/store/s1.tif?Expires={time.time() + 600:.0f}&Signature=c0ffee"}, b""
        return ranged(request, self.data)

    def _tile(self, zoom: int, column: int, row: int) -> Answer:
        side = 2 * HALF_WORLD / 2**zoom
        transform = from_origin(column * side - HALF_WORLD, HALF_WORLD - row * side, side / 256, side / 256)
        with self._drawing, rasterio.open(self.path) as dataset:
            has_alpha = dataset.colorinterp[-1] == ColorInterp.alpha
            more = {} if has_alpha else {"add_alpha": True}
            with WarpedVRT(
                dataset,
                crs="EPSG:3857",
                transform=transform,
                width=256,
                height=256,
                resampling=Resampling.average,
                **more,
            ) as warped:
                pixels = warped.read()
        if not pixels[3].any():
            return 404, {}, b"nothing there"
        content = io.BytesIO()
        Image.fromarray(np.moveaxis(pixels, 0, -1)).save(content, "PNG")
        return 200, {"Content-Type": "image/png"}, content.getvalue()


def _basic(key: str) -> str:
    import base64

    return "Basic " + base64.b64encode(f"{key}:".encode()).decode()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Callable[..., Host]]:
    """Return a function that serves a file."""
    started: List[Host] = []

    def serve(path: Path, product: str = "visual") -> Host:
        started.append(Host(path, product))
        return started[-1]

    yield serve
    for one in started:
        one.stop()


def info(run: Run, name: str, *options: str) -> Dict[str, Any]:
    done = run("gdalinfo", "-json", *options, name)
    assert done.returncode == 0, done.stderr
    found: Dict[str, Any] = json.loads(done.stdout)
    return found


def far(run: Run, name: str, path: Path, side: int = 200, *options: str) -> np.ndarray:
    """Return the picture of all of a raster that GDAL's own program takes."""
    done = run("gdal_translate", "-q", "-outsize", str(side), str(side), *options, name, str(path))
    assert (done.returncode, done.stderr) == (0, "")
    with rasterio.open(path) as dataset:
        pixels: np.ndarray = dataset.read()
    return pixels


# ---- what it is ------------------------------------------------------------------------------------------

KINDS: Dict[str, Dict[str, Any]] = {
    "alpha": {},
    "tiled": {"tiled": True, "blockxsize": 256, "blockysize": 256},
    "apart": {"interleave": "band"},
    "big": {"BIGTIFF": "YES"},
    "big-endian": {"ENDIANNESS": "BIG"},
    "degrees": {"crs": "EPSG:4326", "transform": from_origin(10.3, 48.0, 3e-5, 3e-5)},
    "mercator": {"crs": "EPSG:3857", "transform": from_origin(1_150_000, 6_100_000, 4, 4)},
    "national grid": {"crs": "EPSG:25832"},
    "south": {"crs": "EPSG:32733", "transform": from_origin(600000, 6200000, 3, 3)},
    "wide": {"pixels": ground(3000, 700)},
    "no alpha": {"pixels": ground()[:3]},
    "no alpha, 0 for no data": {"pixels": ground()[:3], "nodata": 0},
}


@pytest.mark.parametrize("kind", KINDS)
def test_it_says_what_the_file_says_and_has_its_pixels(
    host: Callable[..., Host], run: Run, tmp_path: Path, kind: str
) -> None:
    path = write(tmp_path / "s1.tif", **KINDS[kind])
    with rasterio.open(path, "r+") as dataset:
        dataset.set_band_description(2, "the <green> one")
        dataset.update_tags(SENSOR="one & only", TIFFTAG_SOFTWARE="a program")
        dataset.update_tags(1, wavelength="0.6")
    served = host(path)
    name = served.name()
    assert name.endswith(".vrt") and KEY not in Path(name).read_text()
    # One with that for the link; where a program has written the header anew it stands at the end of the file.
    assert served.asked.count("tile") == 1 and served.asked.count("file") <= 2
    found, expected = info(run, name, "-checksum"), info(run, str(path), "-checksum")
    assert (found["size"], found["geoTransform"]) == (expected["size"], expected["geoTransform"])
    with rasterio.open(name) as dataset, rasterio.open(path) as of_file:
        assert dataset.crs == of_file.crs and dataset.crs.to_epsg() == of_file.crs.to_epsg()
    assert {"SENSOR", "TIFFTAG_SOFTWARE", "AREA_OR_POINT"} <= found["metadata"][""].keys()
    assert found["metadata"][""] == expected["metadata"][""]
    for band, of_file in zip(found["bands"], expected["bands"]):
        assert band.pop("overviews") and "overviews" not in of_file
        for key in ("band", "type", "checksum", "colorInterpretation", "noDataValue", "description", "metadata"):
            assert band.get(key) == of_file.get(key), key


@pytest.mark.parametrize("kind", KINDS)
def test_from_afar_it_is_drawn_of_tiles_at_the_right_place(
    host: Callable[..., Host], run: Run, tmp_path: Path, kind: str
) -> None:
    path = write(tmp_path / "s1.tif", **KINDS[kind])
    served = host(path)
    name = served.name()
    with rasterio.open(name) as dataset:
        pixels = dataset.read(out_shape=(dataset.count, dataset.height // 8, dataset.width // 8))
        mask = dataset.dataset_mask(out_shape=pixels.shape[1:])
    assert set(served.of(served.server.seen)) == {"tile"} and len(served.server.seen) <= 9
    with rasterio.open(path) as dataset:
        expected = dataset.read(out_shape=pixels.shape, resampling=Resampling.average)
        data = dataset.dataset_mask(out_shape=pixels.shape[1:])
    assert (mask == data).mean() > 0.98
    both = (mask > 0) & (data > 0)
    off = np.abs(pixels.astype(int) - expected)[:3, both]
    assert off.mean() < 4  # the gradients go 200 / 200 a pixel: one pixel beside its place is more
    if kind not in ("no alpha",):
        assert (pixels[:3, data == 0] == 0).mean() > 0.95


@pytest.mark.parametrize("kind", KINDS)
def test_tiles_read_band_by_band_show_the_same(host: Callable[..., Host], tmp_path: Path, kind: str) -> None:
    """As GDALs are told that ask for the tiles of a window one after another otherwise."""
    served = host(write(tmp_path / "s1.tif", **KINDS[kind]))
    found, asked = [], []
    for build in (ANY_BUILD, ONE_AFTER_ANOTHER):
        access = plan(served.catalog, served.scene.product_link("visual"), ANY_BUILD)
        name = name_of(served.catalog, served.scene, "visual", access, build)
        assert ("ComplexSource" in Path(name).read_text()) == (build == ONE_AFTER_ANOTHER)
        served.server.seen.clear()
        with rasterio.open(name) as dataset:
            found.append(dataset.read(out_shape=(dataset.count, dataset.height // 8, dataset.width // 8)))
        asked.append(sorted(request.path for request in served.server.seen))
    assert found[0].any() and np.array_equal(*found)
    assert asked[0] == asked[1]


def combine(tiles: Sequence[Tile], width: int, height: int, path: Path) -> None:
    """Write a GeoTIFF of tiles, as GDAL's bindings do in QGIS."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(path, "w", driver="GTiff", width=width, height=height, count=4, dtype="uint8") as target:
            for tile in tiles:
                pixels = np.moveaxis(np.asarray(Image.open(io.BytesIO(tile.png))), -1, 0)
                target.write(pixels, window=rasterio.windows.Window(tile.column, tile.row, 256, 256))


def named_from_afar(served: Host, from_afar: bool = True) -> str:
    served.server.seen.clear()
    access = plan(served.catalog, served.scene.product_link("visual"), ANY_BUILD)
    name = name_of(served.catalog, served.scene, "visual", access, ANY_BUILD, combine if from_afar else None)
    served.asked = served.of(served.server.seen)
    served.server.seen.clear()
    return name


@pytest.mark.parametrize("kind", KINDS)
def test_one_of_many_is_drawn_whole_without_a_request(
    host: Callable[..., Host], run: Run, tmp_path: Path, kind: str
) -> None:
    served = host(write(tmp_path / "s1.tif", **KINDS[kind]))
    found = []
    for from_afar in (False, True):
        name = named_from_afar(served, from_afar)
        tiles = served.asked.count("tile")
        with rasterio.open(name) as dataset:
            shape = (dataset.count, dataset.height // 16, dataset.width // 16)
            read = [dataset.read(out_shape=shape), dataset.dataset_mask(out_shape=shape[1:])]
        done = run("gdal_translate", "-q", "-outsize", "6%", "6%", name, str(tmp_path / "far.tif"))
        assert (done.returncode, done.stderr) == (0, "")
        with rasterio.open(tmp_path / "far.tif") as dataset:
            read.append(dataset.read())
        found.append(read)
    assert all(map(np.array_equal, *found)) and found[0][0].any()
    if kind == "national grid":  # whose place on the map is not computed
        assert tiles == 1
        return
    assert 1 <= tiles <= MOST_TILES and "tile" not in served.of(served.server.seen)
    (beside,) = Path(name).parent.glob("*.tif")
    assert stat.S_IMODE(beside.stat().st_mode) == 0o600
    with rasterio.open(name) as dataset:  # closer, the tiles are those of the service
        assert dataset.read(out_shape=(dataset.count, dataset.height // 2, dataset.width // 2)).any()
    assert "tile" in served.of(served.server.seen)
    described_files.remove(Path(name))
    assert not list(Path(name).parent.glob("*s1*"))


@pytest.mark.parametrize("product", ["visual", "band_1"])
def test_a_small_one_of_many_is_fetched_by_two_requests(
    host: Callable[..., Host], run: Run, tmp_path: Path, product: str, monkeypatch: Any
) -> None:
    path = write(tmp_path / "s1.tif", ground(256, 256), compress="none")
    served = host(path, product)
    access = access_of(served.catalog, served.scene, product, whole=True)
    name = name_of(served.catalog, served.scene, product, access, ANY_BUILD, combine)
    assert served.of(served.server.seen) == ["file"] * 2
    assert sum(request.sent for request in served.server.seen) == len(served.data)
    (beside,) = Path(name).parent.glob("*.tif")
    assert beside.read_bytes() == served.data and stat.S_IMODE(beside.stat().st_mode) == 0o600
    served.server.seen.clear()
    with rasterio.open(name) as dataset, rasterio.open(path) as of_file:
        assert np.array_equal(dataset.read(), of_file.read()) and dataset.crs == of_file.crs
    assert not served.server.seen
    # Named by itself it is the service's, and leaves the mosaic as it is.
    alone = name_of(served.catalog, served.scene, product, access)
    assert alone.startswith("/vsicurl") and KEY not in alone and beside.exists()
    monkeypatch.setattr("planet_vector.raster.described.MOST_BYTES", len(served.data) - 1)
    served.server.seen.clear()
    assert name_of(served.catalog, served.scene, product, access, ANY_BUILD, combine) == alone
    assert not served.server.seen
    described_files.remove(Path(name))
    assert not list(Path(name).parent.glob("*s1*"))


def test_tiles_of_another_form_are_not_kept(host: Callable[..., Host], tmp_path: Path, monkeypatch: Any) -> None:
    served = host(write(tmp_path / "s1.tif"))
    draw = served._tile

    def palette(*place: int) -> Answer:
        status, headers, content = draw(*place)
        if status != 200:
            return status, headers, content
        changed = io.BytesIO()
        Image.open(io.BytesIO(content)).convert("RGB").save(changed, "JPEG")
        return 200, {"Content-Type": "image/jpeg"}, changed.getvalue()

    monkeypatch.setattr(served, "_tile", palette)
    name = named_from_afar(served)
    assert name.endswith(".vrt") and not list(Path(name).parent.glob("*.tif"))
    with rasterio.open(name) as dataset:
        assert dataset.read(out_shape=(4, 150, 150)).any() and served.server.seen


@pytest.mark.parametrize("status", [404, 500])
def test_one_of_many_without_tiles_is_opened_by_itself(
    host: Callable[..., Host], tmp_path: Path, status: int, monkeypatch: Any
) -> None:
    monkeypatch.setattr("planet_vector.http.transport.RETRIES", 0)
    served = host(write(tmp_path / "s1.tif"))
    served.tiles = status
    assert named_from_afar(served).startswith("/vsicurl")


def test_the_tiles_that_show_a_raster_are_those_that_it_touches() -> None:
    chance = np.random.default_rng(8)
    for _ in range(300):
        zoom, width, height = (int(chance.integers(*ends)) for ends in ((4, 16), (1, 400), (1, 400)))
        epsg = int(chance.integers(32601, 32661)) + 100 * int(chance.integers(0, 2))
        res = 156543.0 / 2**zoom * chance.uniform(0.3, 1.0)
        grid = GridSpec(
            epsg,
            chance.uniform(3e5, 6e5),
            chance.uniform(2e6, 8e6),
            (res, res * chance.uniform(0.7, 1.4)),
            width,
            height,
        )
        found = set(_tiles_below(grid, zoom))
        if not found:
            continue
        inside = chance.uniform(size=(2, 500))
        east, south = grid.west + inside[0] * width * grid.res[0], grid.north - inside[1] * height * grid.res[1]
        xs, ys = transform(f"EPSG:{epsg}", "EPSG:3857", east, south)
        side = 2 * HALF_WORLD / 2**zoom
        touched = {(int((x + HALF_WORLD) // side), int((HALF_WORLD - y) // side)) for x, y in zip(xs, ys)}
        assert touched <= found <= {(c + i, r + j) for c, r in touched for i in (-1, 0, 1) for j in (-1, 0, 1)}


def test_pixels_of_full_size_are_the_file_s(host: Callable[..., Host], tmp_path: Path) -> None:
    path = write(tmp_path / "s1.tif")
    served = host(path)
    with rasterio.open(served.name()) as dataset, rasterio.open(path) as expected:
        window = ((300, 500), (100, 900))
        assert np.array_equal(dataset.read(window=window), expected.read(window=window))
        assert set(served.of(served.server.seen)) == {"file"}
        assert dataset.colorinterp == expected.colorinterp and dataset.nodata == expected.nodata


def test_the_pixels_are_points(host: Callable[..., Host], run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "s1.tif")
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(AREA_OR_POINT="Point")
    name = host(path).name()
    assert name.endswith(".vrt")
    found, expected = info(run, name), info(run, str(path))
    assert found["geoTransform"] == pytest.approx(expected["geoTransform"])
    assert found["metadata"][""] == expected["metadata"][""]


# ---- what is not of this kind ------------------------------------------------------------------------------


def with_overviews(path: Path) -> None:
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4])


def with_mask(path: Path) -> None:
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as dataset:
        dataset.write_mask(np.full((SIDE, SIDE), 255, "uint8"))


OTHERS: Dict[str, Dict[str, Any]] = {
    "16 bits": {"dtype": "uint16"},
    "one band": {"pixels": ground()[:1], "photometric": "MINISBLACK"},
    "infrared for alpha": {"alpha": "NO"},
    "premultiplied": {"alpha": "PREMULTIPLIED"},
    "nodata 255": {"pixels": ground()[:3], "nodata": 255},
    "turned": {"transform": Affine.translation(600000, 5320000) * Affine.rotation(20) * Affine.scale(3, -3)},
    "south up": {"transform": from_origin(600000, 5320000, 3, -3)},
    "no place": {"transform": None, "crs": None},
    "no code": {"crs": "+proj=laea +lat_0=50 +lon_0=10 +datum=WGS84 +units=m"},
    "small": {"pixels": ground(200, 200)},
    "across the antimeridian": {"crs": "EPSG:32601", "transform": from_origin(164000, 200000, 3, 3)},
    "near a pole": {"crs": "EPSG:3413", "transform": from_origin(0, 0, 3, 3)},
}


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("kind", [*OTHERS, "overviews", "mask", "analytic", "a VRT", "a part"])
def test_another_product_is_opened_by_its_own_name(host: Callable[..., Host], tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / "s1.tif", **OTHERS.get(kind, {}))
    if kind == "overviews":
        with_overviews(path)
    if kind == "mask":
        with_mask(path)
    served = host(path, "analytic" if kind == "analytic" else "visual")
    if kind == "no place":
        served = host(write(tmp_path / "placed.tif"))  # what its footprint is of
        served.data = path.read_bytes()
    if kind == "a VRT":
        served.data = b"<VRTDataset rasterXSize='1600' rasterYSize='1600'></VRTDataset>" * 99
    if kind == "a part":
        served.data = served.data[:100]
    name = served.name()
    assert name.startswith("/vsicurl?") and not list(Path.home().rglob("*.vrt"))
    assert served.asked == ["file"]


def analytic(path: Path) -> Path:
    """Write four bands of 16 bits, as the service documents them: blue, green, red, near infrared."""
    return write(path, ground(200, 300), dtype="uint16", photometric="MINISBLACK", alpha="UNSPECIFIED", nodata=0)


def test_bands_are_named_by_what_they_show(host: Callable[..., Host], run: Run, tmp_path: Path) -> None:
    path = analytic(tmp_path / "s1.tif")
    served = host(path, "analytic")
    name = served.name()
    assert served.asked == ["file"]
    found, expected = info(run, name), info(run, str(path))
    assert [band.pop("description") for band in found["bands"]] == ["blue", "green", "red", "nir"]
    for band in (*found["bands"], *expected["bands"]):
        del band["block"]  # old versions of GDAL choose that of a VRT themselves
    for key in ("size", "geoTransform", "bands"):
        assert found[key] == expected[key]
    with rasterio.open(path) as dataset, rasterio.open(name) as named:
        np.testing.assert_array_equal(named.read(), dataset.read())


def test_names_in_the_file_are_preferred(host: Callable[..., Host], tmp_path: Path) -> None:
    path = analytic(tmp_path / "s1.tif")
    with rasterio.open(path, "r+") as dataset:
        dataset.descriptions = ("", "B2", "", "")
    assert host(path, "analytic").name().startswith("/vsicurl?")


def test_a_product_that_is_one_no_more_leaves_no_vrt_that_says_so(host: Callable[..., Host], tmp_path: Path) -> None:
    served = host(write(tmp_path / "s1.tif"))
    name = served.name()
    served.data = write(tmp_path / "other.tif", dtype="uint16").read_bytes()
    assert served.name().startswith("/vsicurl?") and not Path(name).exists()


# ---- keys and addresses ------------------------------------------------------------------------------------


def test_it_lies_where_only_its_owner_reads_it(host: Callable[..., Host], tmp_path: Path) -> None:
    name = host(write(tmp_path / "s1.tif")).name()
    assert Path.home() in Path(name).parents
    for path in (Path(name), Path(name).parent):
        assert os.name == "nt" or stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def test_a_signed_address_is_written_anew_at_the_same_place(
    host: Callable[..., Host], run: Run, tmp_path: Path
) -> None:
    path = write(tmp_path / "s1.tif")
    served = host(path)
    served.signed = True
    first = served.name()
    text = Path(first).read_text()
    assert "Signature%3Dc0ffee" in text and "header_file" not in text
    time.sleep(1.1)  # the address names a second
    assert served.name() == first and Path(first).read_text() != text
    assert len(list(Path(first).parent.iterdir())) == 1
    window = ((300, 310), (100, 900))
    with rasterio.open(first) as dataset, rasterio.open(path) as expected:
        assert np.array_equal(dataset.read(window=window), expected.read(window=window))
    assert not [request for request in served.server.with_key if request.path.startswith("/store/")]


def text_of(name: str) -> str:
    """Return the text of a VRT without what differs each time it is written."""
    return re.sub('WRITTEN(&quot;|")(&gt;|>)[0-9a-f]{12}', "WRITTEN", Path(name).read_text())


def test_two_that_write_the_same_leave_it_whole(host: Callable[..., Host], tmp_path: Path) -> None:
    served = host(write(tmp_path / "s1.tif"))
    name = served.name()
    text, scene = text_of(name), served.scene
    read: List[str] = []
    threads = [threading.Thread(target=subdatasets, args=(served.catalog, scene)) for _ in range(8)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        read.append(text_of(name))
    assert set(read) <= {text} and text_of(name) == text
    assert len(list(Path(name).parent.iterdir())) == 1


# ---- how long it stays -------------------------------------------------------------------------------------


def tiles_of(name: str) -> List[Path]:
    """Return the descriptions of tiles that a VRT names."""
    found = {Path(path) for path in re.findall(r"[^<>&;]*tiles-[^<>&;]*\.txt", Path(name).read_text())}
    assert all(KEY in path.read_text() for path in found)
    return sorted(found)


def age(name: str, seconds: float) -> None:
    os.utime(name, (time.time() - seconds,) * 2)


def test_those_named_last_stay_and_old_ones_go_with_their_tiles(
    host: Callable[..., Host], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(described_files, "MOST", 2)
    path = write(tmp_path / "s1.tif")
    names = [host(path).name() for _ in range(4)]  # each of another root
    tiles = [tiles_of(name) for name in names]
    assert all(len(found) >= 2 and all(map(Path.exists, found)) for found in tiles)
    beside = Path(f"{names[0]}.aux.xml")
    beside.touch()
    for number, days in enumerate((3, 0.5, 0.9, 4)):
        age(names[number], days * 86400)
    last = host(path).name()
    # The third is not among those named last, but was named today.
    assert [Path(name).exists() for name in (*names, last)] == [False, True, True, False, True]
    assert [any(map(Path.exists, found)) for found in tiles] == [False, True, True, False]
    assert not beside.exists()


def test_products_whose_ids_run_together_are_two(host: Callable[..., Host], tmp_path: Path) -> None:
    settings = host(write(tmp_path / "s1.tif")).catalog.settings
    paths = [described_files.path_of(settings, *parts) for parts in (
        ("ortho", "a-b", "c"), ("ortho", "a", "b-c"), ("other", "a-b", "c"), ("ortho", "A-b", "c"))]  # fmt: skip
    assert len({str(path).lower() for path in paths}) == 4  # some disks know no capital letters


@pytest.mark.parametrize("how", [("cache", "clear"), ("logout",)])
def test_clearing_the_cache_and_logging_out_leave_nothing_of_it(
    host: Callable[..., Host], tmp_path: Path, call: Run, monkeypatch: pytest.MonkeyPatch, how: Any
) -> None:
    path = write(tmp_path / "s1.tif")
    served, other = host(path), host(path)
    served.signed = True  # an address that opens without a key
    name, of_other = served.name(), other.name()
    tiles, other_tiles = tiles_of(name), tiles_of(of_other)
    assert tiles and other_tiles
    monkeypatch.setenv("PL_API_URL", served.catalog.settings.api_url)
    done = call(*how)
    assert done.returncode == 0, done.stderr
    assert not Path(name).exists() and not any(map(Path.exists, tiles))
    left = how == ("logout",)  # of one root
    assert Path(of_other).exists() == left and all(each.exists() == left for each in other_tiles)


# ---- what fails ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 404, 422, 500, 204])
def test_where_no_tile_is_given_the_file_is_read(
    host: Callable[..., Host], tmp_path: Path, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("planet_vector.raster.described._SECONDS", 0.0)
    served = host(write(tmp_path / "s1.tif"))
    served.tiles = status
    assert served.name().startswith("/vsicurl?")


@pytest.mark.parametrize("status", [401, 422, 500])
def test_tiles_that_fail_later_are_an_error(host: Callable[..., Host], run: Run, tmp_path: Path, status: int) -> None:
    served = host(write(tmp_path / "s1.tif"))
    name = served.name()
    served.tiles = status
    done = run("gdal_translate", "-q", "-outsize", "200", "200", name, str(tmp_path / "far.tif"))
    assert done.returncode != 0 and KEY not in done.stderr
    assert "tile" in served.of(served.server.seen)


def test_a_file_that_fails_is_an_error(host: Callable[..., Host], run: Run, tmp_path: Path) -> None:
    served = host(write(tmp_path / "s1.tif"))
    name = served.name()
    served.file = 404
    done = run("gdal_translate", "-q", "-srcwin", "0", "600", "50", "50", name, str(tmp_path / "near.tif"))
    assert done.returncode != 0 and KEY not in done.stderr


@pytest.mark.parametrize("status", [400, 404])
def test_once_named_again_a_file_that_failed_is_read_while_another_is_open(
    host: Callable[..., Host], tmp_path: Path, status: int
) -> None:
    """GDAL keeps a failure to open the source of a VRT as long as any VRT is open, and by URL."""
    path = write(tmp_path / "s1.tif")
    served, other = host(path), host(path)
    with rasterio.open(path) as dataset, rasterio.open(other.name()) as open_all_along:
        expected = dataset.read()
        assert np.array_equal(open_all_along.read(), expected)
        name = served.name()
        served.file = status
        with rasterio.open(name) as dataset, pytest.raises(rasterio.errors.RasterioIOError):
            dataset.read()
        served.file = None
        for asked in (True, False):
            assert served.name() == name and KEY not in Path(name).read_text()
            with rasterio.open(name) as dataset:
                assert np.array_equal(dataset.read(), expected)
            assert bool(served.server.seen) == asked  # what is cached stays so
        assert np.array_equal(open_all_along.read(), expected)


def test_without_the_driver_for_tiles_the_file_is_read(host: Callable[..., Host], run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "s1.tif")
    served = host(path)
    name = served.name()
    done = run("gdal_translate", "-q", "-outsize", "20", "20", name, str(tmp_path / "far.tif"),
               env={**os.environ, "GDAL_SKIP": "WMS"})  # fmt: skip
    assert done.returncode == 0 and "tile" not in served.of(served.server.seen)
    with rasterio.open(tmp_path / "far.tif") as found, rasterio.open(path) as expected:
        assert np.array_equal(found.read(), expected.read(out_shape=(4, 20, 20)))


# ---- headers made by anybody -------------------------------------------------------------------------------


def test_no_header_is_more_than_a_problem(tmp_path: Path) -> None:
    content = write(tmp_path / "s1.tif").read_bytes()[:70000]
    rng = np.random.default_rng(5)
    begin = time.monotonic()
    outcomes = set()
    for _ in range(3000):
        changed = bytearray(content)
        for at in rng.integers(0, 400, rng.integers(1, 6)):
            changed[at] = rng.integers(0, 256)
        try:
            outcomes.add(type(parse_tiff_header(TiffFile(io.BytesIO(bytes(changed))))).__name__)
        except TiffProblem:
            outcomes.add("problem")
    assert outcomes == {"TiffHeader", "problem"}
    assert time.monotonic() - begin < 60


@pytest.mark.parametrize("side", [5e-324, 1e-200, 1e200, 1.7e308])
def test_pixels_of_no_size_on_earth_are_a_problem(host: Callable[..., Host], tmp_path: Path, side: float) -> None:
    served = host(write(tmp_path / "s1.tif"))
    served.data = served.data.replace(struct.pack("<3d", 3, 3, 0), struct.pack("<3d", side, side, 0))
    assert served.name().startswith("/vsicurl?")


def test_a_file_that_claims_more_than_it_can_hold_is_not_read(host: Callable[..., Host], tmp_path: Path) -> None:
    path = tmp_path / "s1.tif"
    write(path, ground(300, 300))
    served = host(path)
    served.data = served.data.replace(
        (256).to_bytes(2, "little") + b"\3\0\1\0\0\0" + (300).to_bytes(4, "little"),
        (256).to_bytes(2, "little") + b"\4\0\1\0\0\0" + (2**26).to_bytes(4, "little"),
    )
    with pytest.raises((TiffProblem, ServiceError)):
        read_tiff_header(served.catalog, Access("", url=f"{served.server.url}/v0/scenes/ortho/s1/full?product=visual"))


# ---- by the service --------------------------------------------------------------------------------------


@pytest.mark.only_v0("which product the tiles of the Data API show is not documented")
def test_the_service_s_own_tiles_show_its_product(
    start_service: Start, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    path = write(folder / "20150601_100000_0901_visual.tif")
    log = tmp_path / "access.log"
    service: Service = start_service(folder, "--access-log", str(log))
    done = run("gdalinfo", "PLANET:ortho/20150601_100000_0901/visual", env=service.environ)
    (name,) = re.findall("SUBDATASET_1_NAME=(.*)", done.stdout)
    assert name.endswith(".vrt"), done.stderr
    pixels = far(run, name, tmp_path / "far.tif")
    with rasterio.open(path) as dataset:
        expected = dataset.read(out_shape=(4, 200, 200), resampling=Resampling.average)
    both = (pixels[3] > 0) & (expected[3] > 0)
    assert both.mean() > 0.9 and (pixels[3] == expected[3]).mean() > 0.98
    assert np.abs(pixels.astype(int) - expected)[:3, both].mean() < 4
    done = run("gdal_translate", "-q", "-outsize", "25%", "0", "-ovr", "NONE", name, str(tmp_path / "own.tif"))
    with rasterio.open(path) as dataset, rasterio.open(tmp_path / "own.tif") as own:
        assert np.array_equal(own.read(), dataset.read(out_shape=(4, 300, 300)))
    service.stop()
