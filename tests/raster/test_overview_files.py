"""Overviews of products that have none: GDAL's own decimated pixels, of the strips these take, whole or not at all."""

from __future__ import annotations

import os
import random
import struct
import threading
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Sequence, Tuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import planet_vector
from planet_vector.assets import Asset, SpectralBand
from planet_vector.bands.planet import FOUR
from planet_vector.catalog import Catalog
from planet_vector.catalog.scenes_v0.client import ScenesV0
from planet_vector.config import Settings
from planet_vector.errors import AuthError, PlanetVectorError, RasterAccessError, ServiceError
from planet_vector.keys import Key
from planet_vector.pixels.tiff import TILE_OFFSETS, TiffFile
from planet_vector.raster import decimated, overview_files, product, range_requests, remote_file
from planet_vector.raster.access import ANY_BUILD, plan, self_contained
from planet_vector.raster.described import name_of
from planet_vector.raster.overview_files import Kept, Making, kept
from planet_vector.scene import Scene

from ..conftest import Service, Start
from .recording import Answer, Pair, Request

rasterio = pytest.importorskip("rasterio")
from planet_vector.raster.reducing import reduce  # noqa: E402
from tests.schemas import ORTHO  # noqa: E402

WIDTH, HEIGHT = 1403, 1101

LAYOUTS: Dict[str, Dict[str, Any]] = {
    "strips": {"count": 4, "dtype": "uint16", "compress": "lzw", "interleave": "pixel", "blockysize": 1},
    "predictor": {"count": 4, "dtype": "uint16", "compress": "lzw", "predictor": 2, "interleave": "pixel",
                  "blockysize": 1},
    "thick": {"count": 3, "dtype": "int16", "compress": "deflate", "interleave": "pixel", "blockysize": 16,
              "nodata": -5},
    "planes": {"count": 4, "dtype": "uint16", "compress": "deflate", "interleave": "band", "blockysize": 1},
    "tiles": {"count": 2, "dtype": "uint16", "compress": "deflate", "tiled": True, "blockxsize": 128,
              "blockysize": 128, "nodata": 0},
    "plain": {"count": 2, "dtype": "float32", "interleave": "pixel", "nodata": -1.0, "blockysize": 1},
    "one": {"count": 1, "dtype": "uint16", "blockysize": HEIGHT},
    "big": {"count": 4, "dtype": "uint16", "compress": "lzw", "interleave": "pixel", "blockysize": 1,
            "BIGTIFF": "YES"},
    "motorola": {"count": 3, "dtype": "uint16", "interleave": "band", "ENDIANNESS": "BIG", "blockysize": 3},
    "alpha": {"count": 4, "dtype": "uint16", "compress": "lzw", "interleave": "pixel", "blockysize": 1,
              "photometric": "RGB", "alpha": "unspecified"},
    "masked": {"count": 3, "dtype": "uint16", "compress": "lzw", "interleave": "pixel", "blockysize": 1},
    "masked tiles": {"count": 3, "dtype": "uint8", "compress": "jpeg", "tiled": True, "blockxsize": 256,
                     "blockysize": 256, "photometric": "ycbcr", "interleave": "pixel"},
    "palette": {"count": 1, "dtype": "uint8", "compress": "lzw", "blockysize": 2, "photometric": "palette"},
}  # fmt: skip


def write(path: Path, layout: Dict[str, Any], width: int = WIDTH, height: int = HEIGHT, seed: int = 5) -> Path:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 250, (layout["count"], height, width)).astype(layout["dtype"])
    place = rasterio.transform.from_origin(413595.6, 5718319.8, 3.0, 3.0)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, crs="EPSG:32611", transform=place, **layout
    ) as dataset:  # fmt: skip
        dataset.write(pixels)
        if "masked" in path.stem:
            dataset.write_mask(rng.random((height, width)) < 0.7)
        if layout.get("photometric") == "palette":
            dataset.write_colormap(1, {value: (value, 255 - value, 7, 255) for value in range(256)})
        else:
            dataset.descriptions = [f"band <{number}> & co" for number in dataset.indexes]
            dataset.scales = [0.5] * dataset.count
        dataset.update_tags(SENSOR="a <sensor>", AREA_OR_POINT="Area")
    return path


@pytest.fixture(autouse=True)
def _of_small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have files of a few megabytes reduced as those of hundreds are, and nothing in memory of the test before."""
    monkeypatch.setattr(decimated, "AT_LEAST", 128)
    remote_file.kept.clear()


class Watched(NamedTuple):
    """A service over a file of each layout, and its log."""

    service: Service
    log: Path

    def sizes(self) -> List[int]:
        """Return the bytes of all answers with parts of files so far."""
        time.sleep(0.1)  # the log is written behind the answers
        return [size for size, _ in self.service.face.delivered(self.log.read_text())]


@pytest.fixture(scope="module")
def watched(start_service: Start, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("layouts")
    for name, layout in LAYOUTS.items():
        write(folder / f"{name.replace(' ', '_')}.tif", layout)
    log = folder.parent / "access.log"
    log.touch()
    service = start_service(folder, "--access-log", str(log))
    yield Watched(service, log)
    service.stop()


def asked(watched: Watched, name: str) -> Tuple[Catalog, str]:
    """Return the service as the library sees it, and the link of a product."""
    catalog = planet_vector.connect(watched.service.root, watched.service.key)
    scene = catalog.scene("ortho", name.replace(" ", "_"))
    return catalog, scene.product_link(scene.products[0])


def made(catalog: ScenesV0, link: str) -> Kept:
    return Making(catalog, link, "scene").make(reduce)


def described(catalog: ScenesV0, link: str, found: Kept, path: Path) -> str:
    path.write_text(found.vrt(self_contained(plan(catalog, link, ANY_BUILD)), Asset("analytic", link)))
    return str(path)


@pytest.mark.parametrize("name", LAYOUTS)
def test_its_pixels_are_those_of_gdals_own_decimated_read(watched: Watched, name: str, tmp_path: Path) -> None:
    catalog, link = asked(watched, name)
    found = made(catalog, link)
    path = watched.service.archive / f"{name.replace(' ', '_')}.tif"
    with rasterio.open(path) as file, rasterio.open(described(catalog, link, found, tmp_path / "a.vrt")) as vrt:
        shape = -(-HEIGHT // 8), -(-WIDTH // 8)
        assert all(vrt.overviews(number) == [8, 16, 32, 64] for number in vrt.indexes)
        before = len(watched.sizes())
        assert np.array_equal(vrt.read(out_shape=(vrt.count, *shape)), file.read(out_shape=(file.count, *shape)))
        assert np.array_equal(vrt.read_masks(out_shape=(vrt.count, *shape)),
                              file.read_masks(out_shape=(file.count, *shape)))  # fmt: skip
        assert len(watched.sizes()) == before  # none of it was asked of the service
        # At full size it is the file.
        window = ((500, 530), (200, 260))
        assert np.array_equal(vrt.read(window=window), file.read(window=window))
        assert np.array_equal(vrt.read_masks(window=window), file.read_masks(window=window))
        for said in ("crs", "transform", "shape", "dtypes", "nodatavals", "colorinterp", "descriptions", "scales",
                     "offsets", "units", "mask_flag_enums"):  # fmt: skip
            assert getattr(vrt, said) == getattr(file, said), said
        assert vrt.tags() == file.tags()
        if file.colorinterp[0].name == "palette":
            assert vrt.colormap(1) == file.colormap(1)
    with rasterio.open(found.overviews) as small:
        assert small.overviews(1) == [2, 4, 8]


@pytest.mark.parametrize(
    ("name", "bands", "labels"),
    [
        ("palette", (SpectralBand("classes of land", name="classes"),), ("classes",)),
        ("strips", FOUR, tuple(f"band <{number}> & co" for number in range(1, 5))),  # the file's own
    ],
)
def test_bands_are_named_by_what_they_show(
    watched: Watched, name: str, bands: Tuple[SpectralBand, ...], labels: Tuple[str, ...], tmp_path: Path
) -> None:
    catalog, link = asked(watched, name)
    path = tmp_path / "a.vrt"
    path.write_text(
        made(catalog, link).vrt(self_contained(plan(catalog, link, ANY_BUILD)), Asset("a", link, bands=bands))
    )
    with rasterio.open(path) as vrt:
        assert vrt.descriptions == labels


@pytest.mark.parametrize(("name", "share"), [("strips", 8), ("planes", 8), ("big", 8), ("tiles", 1), ("thick", 1)])
def test_what_is_fetched_is_what_it_takes(watched: Watched, name: str, share: int) -> None:
    catalog, link = asked(watched, name)
    before = len(watched.sizes())
    making = Making(catalog, link, "scene")
    making.make(reduce)
    sizes = watched.sizes()[before:]
    size = (watched.service.archive / f"{name}.tif").stat().st_size
    pieces = -(-making.decimation.bytes // (8 * 2**20))
    assert making.decimation.bytes < 1.02 * size / share + 8 * 5600
    # The header and a word with the service before and after; ranges of strips of noise cost some hundred bytes each.
    assert sum(sizes) < 1.1 * making.decimation.bytes + 6 * range_requests.HEAD + 400 * len(making.decimation.ranges)
    assert len(sizes) <= 8 + pieces * catalog.settings.connections


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(width=st.integers(1, 700), height=st.integers(1, 700), rows=st.integers(1, 40), tiled=st.booleans(),
       planes=st.booleans())  # fmt: skip
def test_files_of_any_shape_are_reduced_as_gdal_reads_them(
    tmp_path_factory: pytest.TempPathFactory, width: int, height: int, rows: int, tiled: bool, planes: bool
) -> None:
    folder = tmp_path_factory.mktemp("shapes")
    layout: Dict[str, Any] = {"count": 2, "dtype": "uint16", "interleave": "band" if planes else "pixel",
                              "blockysize": rows}  # fmt: skip
    if tiled:
        layout.update(tiled=True, blockxsize=64, blockysize=16)
    file = Local(write(folder / "file.tif", layout, width, height).read_bytes())
    found = decimated.look(file, "scene")  # type: ignore[arg-type]
    if found.needless:
        assert max(width, height) < 2 * 128
        return
    small = reduced(file, found, folder)
    with rasterio.open(folder / "file.tif") as dataset:
        assert np.array_equal(small, dataset.read(out_shape=(2, found.rows, found.columns)))
    assert max(found.rows, found.columns) >= 128


class Local:
    """A file of a service, without one."""

    remembers = False

    def __init__(self, data: bytes) -> None:
        self.data, self.size, self.taken = data, len(data), 0

    def foresee(self, ranges: Sequence[Tuple[int, int]]) -> None:
        pass

    def read(self, ranges: Sequence[Tuple[int, int]]) -> List[bytes]:
        self.taken += sum(length for _, length in ranges)
        return [self.data[at : at + length] for at, length in ranges]


def reduced(file: Local, found: decimated.Decimation, folder: Path) -> Any:
    part = folder / "part.tif"
    part.touch()
    decimated.copy(file, found, part)  # type: ignore[arg-type]
    reduce(part, folder / "small.tif", folder / "part.vrt", found)
    with rasterio.open(folder / "small.tif") as small:
        return small.read()


def test_a_block_that_was_not_foreseen_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without compression zeros in its place would look like pixels."""
    file = Local(write(tmp_path / "file.tif", LAYOUTS["plain"]).read_bytes())
    right = decimated._Header._blocks
    monkeypatch.setattr(decimated._Header, "_blocks", lambda *args: right(*args)[:-1])
    with pytest.raises(RasterAccessError, match="scene cannot be decoded"):
        reduced(file, decimated.look(file, "scene"), tmp_path)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["strips", "tiles", "big", "masked"])
def test_headers_of_anybody_end_in_a_sentence(tmp_path: Path, name: str) -> None:
    """Numbers of the header are changed to others at random: it is reduced, or one error, soon, and little is read."""
    sound = write(tmp_path / f"{name}.tif", LAYOUTS[name]).read_bytes()
    (big,) = struct.unpack("<H", sound[2:4])
    first = struct.unpack("<Q" if big == 43 else "<I", sound[8:16] if big == 43 else sound[4:8])[0]
    rng = random.Random(name)
    errors = 0
    begin = time.monotonic()
    for number in range(150):
        data = bytearray(sound)
        for _ in range(rng.randint(1, 3)):
            at = first + rng.randrange(400)
            width = rng.choice((1, 2, 4))
            data[at : at + width] = rng.choice((b"\xff" * width, b"\0" * width, rng.randbytes(width)))
        file = Local(bytes(data))
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            found = decimated.look(file, "scene")  # type: ignore[arg-type]
            if not found.needless:
                reduced(file, found, folder)
        except RasterAccessError as error:
            assert str(error).startswith("scene ")
            errors += 1
        assert file.taken < 4 * len(sound) + 2**20
    assert errors > 20 and time.monotonic() - begin < 120


def test_a_header_that_gdal_complains_of_in_no_text_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """rasterio cannot read some complaints of GDAL, which repeat bytes of a file that is broken in several places."""
    file = Local(write(tmp_path / "file.tif", LAYOUTS["strips"]).read_bytes())
    found = decimated.look(file, "scene")  # type: ignore[arg-type]

    def broken(*args: Any, **more: Any) -> Any:
        return b"scene \xff".decode()

    monkeypatch.setattr(
        "planet_vector.raster.reducing.opened", lambda name, options: product.opened(name, options, cls=broken)
    )
    with pytest.raises(RasterAccessError, match="scene cannot be decoded: GDAL says 'its header contains invalid text"):
        reduced(file, found, tmp_path)


@pytest.mark.parametrize("how", ["OVERVIEW_FILE", "overview_file", "X_DATASET", "&#79;VERVIEW_FILE"])
def test_files_that_name_others_are_refused(tmp_path: Path, how: str) -> None:
    """GDAL would open the other file, by any driver, as soon as somebody asks for overviews."""
    path = write(tmp_path / "file.tif", LAYOUTS["strips"])
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(ns="OVERVIEWS", **{"Q" * len(how): "/vsimem/other.vrt"})
    content = path.read_bytes().replace(b"Q" * len(how), how.encode())
    with pytest.raises(RasterAccessError, match="scene names another file in its metadata"):
        decimated.look(Local(content), "scene")  # type: ignore[arg-type]


def test_another_version_makes_it_void(catalog: ScenesV0, pair: Pair, tmp_path: Path) -> None:
    pair.data = write(tmp_path / "one.tif", LAYOUTS["strips"]).read_bytes()
    tag = ['"one"']
    plain = pair.api.answer

    def answer(request: Request) -> Answer:
        status, headers, body = plain(request)
        return status, {**headers, "ETag": tag[0]}, body

    pair.api.answer = answer
    link = pair.link("direct")
    assert kept(catalog, link) is None and not pair.api.seen  # nobody is asked where there is none
    found = made(catalog, link)
    assert kept(catalog, link) == found and Making(catalog, link, "scene").kept == found
    # Its pixels are others, at the same link and of the same length.
    pair.data = write(tmp_path / "two.tif", LAYOUTS["strips"], seed=6).read_bytes()
    tag[0] = '"two"'
    assert kept(catalog, link) is None
    remote_file.kept.clear()
    again = made(catalog, link)
    assert again != found and not found.overviews.exists() and not found.text.exists()
    with rasterio.open(again.overviews) as small, rasterio.open(tmp_path / "two.tif") as file:
        assert np.array_equal(small.read(), file.read(out_shape=(4, *small.shape)))


def test_a_file_replaced_meanwhile_leaves_nothing(catalog: ScenesV0, pair: Pair, tmp_path: Path) -> None:
    pair.data = write(tmp_path / "one.tif", LAYOUTS["strips"]).read_bytes()
    plain = pair.api.answer

    def replace(part: Path, overviews: Path, text: Path, found: Any) -> None:
        reduce(part, overviews, text, found)
        pair.api.answer = lambda request: (lambda s, h, b: (s, {**h, "ETag": '"two"'}, b))(*plain(request))

    with pytest.raises(RasterAccessError, match="was replaced while overviews were made"):
        Making(catalog, pair.link("direct"), "scene").make(replace)
    assert list(overview_files.directory().iterdir()) == []


@pytest.mark.parametrize(
    ("case", "error", "said"),
    [("403", ServiceError, "."), ("404", ServiceError, "."), ("whole", RasterAccessError, "served whole only"),
     ("store_whole", RasterAccessError, "served whole only"), ("text", PlanetVectorError, "not a GeoTIFF")],
)  # fmt: skip
def test_what_is_not_given_is_an_error_and_leaves_nothing(
    catalog: ScenesV0, pair: Pair, case: str, error: Any, said: str
) -> None:
    with pytest.raises(error, match=said):
        made(catalog, pair.link(case))
    assert not overview_files.directory().exists()


def test_refused_half_way_it_leaves_nothing(catalog: ScenesV0, pair: Pair, tmp_path: Path) -> None:
    pair.data = write(tmp_path / "one.tif", LAYOUTS["strips"]).read_bytes()
    making = Making(catalog, pair.link("direct"), "scene")
    pair.api.answer = lambda request: (403, {"Content-Type": "application/json"}, b'{"message": "no more"}')
    with pytest.raises(ServiceError):
        making.make(reduce)
    assert list(overview_files.directory().iterdir()) == [] and kept_without_asking(pair.link("direct")) == 0


def kept_without_asking(link: str) -> int:
    return len(list(overview_files.directory().glob("*.tif")))


def test_a_service_that_tells_no_versions_has_none_kept(catalog: ScenesV0, pair: Pair, tmp_path: Path) -> None:
    pair.data = write(tmp_path / "one.tif", LAYOUTS["strips"]).read_bytes()
    plain = pair.api.answer
    pair.api.answer = lambda request: (lambda s, h, b: (s, {**h, "ETag": ""}, b))(*plain(request))
    with pytest.raises(RasterAccessError, match="sends neither ETag nor Last-Modified for scene"):
        made(catalog, pair.link("direct"))


@pytest.mark.parametrize("case", ["direct", "signed"])
def test_what_is_kept_holds_no_key_and_is_its_owners_alone(
    catalog: ScenesV0, pair: Pair, case: str, tmp_path: Path
) -> None:
    pair.data = write(tmp_path / "one.tif", LAYOUTS["strips"]).read_bytes()
    made(catalog, pair.link(case))
    folder = overview_files.directory()
    files = list(folder.iterdir())
    assert len(files) == 2
    for path in files:
        content = path.read_bytes()
        assert pair.key.encode() not in content and b"Signature" not in content and b"127.0.0.1" not in content
        assert os.name == "nt" or path.stat().st_mode & 0o077 == 0
    assert os.name == "nt" or folder.stat().st_mode & 0o077 == 0
    assert not pair.store.with_key


def test_who_stops_leaves_nothing_and_the_killed_are_tidied_up(
    catalog: ScenesV0, pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair.data = write(tmp_path / "one.tif", LAYOUTS["strips"]).read_bytes()
    monkeypatch.setattr(decimated, "_PIECE", 200_000)
    told: List[Tuple[int, int]] = []

    def tell(done: int, total: int) -> None:
        told.append((done, total))
        if len(told) == 3:
            raise KeyboardInterrupt

    making = Making(catalog, pair.link("direct"), "scene")
    with pytest.raises(KeyboardInterrupt):
        making.make(reduce, tell)
    folder = overview_files.directory()
    assert list(folder.iterdir()) == [] and told[2][0] < told[2][1] == making.decimation.bytes
    left, busy = folder / ".making-killed", folder / ".making-busy"
    for path in (left, busy):
        path.mkdir()
        (path / "copy.tif").write_bytes(b"half")
    for path in (left / "copy.tif", left, busy):
        os.utime(path, (time.time() - 7200,) * 2)
    making.make(reduce)
    assert not left.exists() and busy.exists()  # what is still written to is somebody's


def test_the_oldest_go_when_all_are_too_large(
    catalog: ScenesV0, pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair.data = write(tmp_path / "one.tif", LAYOUTS["strips"]).read_bytes()
    found = []
    for number, case in enumerate(["direct", "within", "relative"]):
        found.append(made(catalog, pair.link(case)))
        os.utime(found[-1].overviews, (time.time() - 1000 + number,) * 2)
    assert kept(catalog, pair.link("direct")) is not None  # used last now
    monkeypatch.setattr(overview_files, "MOST_BYTES", int(3.5 * found[0].overviews.stat().st_size))
    made(catalog, pair.link("signed"))
    assert [each.overviews.exists() for each in found] == [True, False, True]
    assert [each.text.exists() for each in found] == [True, False, True]
    assert overview_files.clear() == 3 and list(overview_files.directory().iterdir()) == []


@pytest.mark.parametrize("lost", ["the end", "a block", "all"])
def test_overviews_that_the_disk_has_not_whole_are_not_kept(
    catalog: ScenesV0, pair: Pair, tmp_path: Path, lost: str
) -> None:
    """libtiff tells nobody of a disk that is full when it writes the last blocks: GDAL's calls all succeed."""
    pair.data = write(tmp_path / "one.tif", LAYOUTS["strips"]).read_bytes()

    def full(part: Path, overviews: Path, text: Path, found: Any) -> None:
        reduce(part, overviews, text, found)
        content = overviews.read_bytes()
        if lost == "a block":
            with overviews.open("rb") as file:
                tiff = TiffFile(file)
                table = tiff.directories()[1].fields[TILE_OFFSETS]
            (at,) = struct.unpack("<I", table.raw)
            content = content[:at] + bytes(4) + content[at + 4 :]
        overviews.write_bytes({"the end": content[:-4096], "a block": content, "all": b""}[lost])

    with pytest.raises(RasterAccessError, match="The overviews of scene were not written completely: make room in "):
        Making(catalog, pair.link("direct"), "scene").make(full)
    assert list(overview_files.directory().iterdir()) == []


def test_what_gdal_cannot_write_is_an_error_of_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk `build_overviews` raises what is no error of rasterio's own kinds."""
    from rasterio._err import CPLE_AppDefinedError

    class Full:
        def __enter__(self) -> Any:
            return self

        def __exit__(self, *args: object) -> None:
            pass

        def build_overviews(self, *args: object) -> None:
            raise CPLE_AppDefinedError(3, 1, "TIFFAppendToStrip:Write error at scanline 0")

    opened = rasterio.open
    monkeypatch.setattr(
        "planet_vector.raster.reducing.rasterio.open",
        lambda path, mode="r", **more: Full() if mode == "r+" else opened(path, mode, **more),
    )
    file = Local(write(tmp_path / "file.tif", LAYOUTS["strips"]).read_bytes())
    with pytest.raises(RasterAccessError, match="overviews of scene cannot be written: GDAL says 'TIFFAppendToStrip"):
        reduced(file, decimated.look(file, "scene"), tmp_path)  # type: ignore[arg-type]


@pytest.mark.parametrize("left", [b"", b"<VRTDataset", b"<a><SourceFilename>GTIFF_DIR:1:other</SourceFilename></a>"])
def test_a_damaged_description_is_made_again(catalog: ScenesV0, pair: Pair, tmp_path: Path, left: bytes) -> None:
    """The machine stopped before the disk had it: the product opens by itself, and its overviews can be made."""
    pair.data = write(tmp_path / "one.tif", LAYOUTS["strips"]).read_bytes()
    link = pair.link("direct")
    found = made(catalog, link)
    text = found.text.read_bytes()
    found.text.write_bytes(left)
    scene = Scene({"id": "s1", "properties": {"data": {"products": {"analytic": {"full": link}}}}}, ORTHO)
    access = plan(catalog, link, ANY_BUILD)
    assert name_of(catalog, scene, "analytic", access) == self_contained(access)
    assert made(catalog, link).text.read_bytes() == text
    assert name_of(catalog, scene, "analytic", access).endswith(".vrt")


def test_two_that_make_the_same_at_once_both_have_it(catalog: ScenesV0, pair: Pair, tmp_path: Path) -> None:
    pair.data = write(tmp_path / "one.tif", LAYOUTS["strips"]).read_bytes()
    meet = threading.Barrier(2)
    found: List[Any] = []

    def together(*args: Any) -> None:
        reduce(*args)
        meet.wait(30)

    def make() -> None:
        found.append(Making(catalog, pair.link("direct"), "scene").make(together))

    threads = [threading.Thread(target=make) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found[0] == found[1] == kept(catalog, pair.link("direct"))
    assert len(list(overview_files.directory().iterdir())) == 2
    with rasterio.open(found[0].overviews) as small, rasterio.open(tmp_path / "one.tif") as file:
        assert np.array_equal(small.read(), file.read(out_shape=(4, *small.shape)))


def test_overviews_of_its_own_and_small_files_need_none(catalog: ScenesV0, pair: Pair, tmp_path: Path) -> None:
    path = write(tmp_path / "one.tif", LAYOUTS["strips"])
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4])
    pair.data = path.read_bytes()
    assert Making(catalog, pair.link("direct"), "scene").decimation.needless == "has overviews of its own"
    remote_file.kept.clear()
    pair.data = write(tmp_path / "two.tif", LAYOUTS["strips"], 250, 200).read_bytes()
    assert "small enough" in Making(catalog, pair.link("within"), "scene").decimation.needless


def test_a_wrong_key_is_told(pair: Pair) -> None:
    catalog = ScenesV0(Settings(pair.root, Key("another"), rate=0))
    with pytest.raises(AuthError):
        made(catalog, pair.link("direct"))
