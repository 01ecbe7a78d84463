"""Mosaics and stacks of bands are fetched from several files at once: the same pixels, and nothing that is not seen."""

from __future__ import annotations

import _thread
import re
import threading
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

import numpy as np
import pytest
import requests

import planet_vector

from ..conftest import Service, Start
from ..faces import NO_NAMES, Face

rasterio = pytest.importorskip("rasterio")
from rasterio.enums import Resampling  # noqa: E402
from rasterio.windows import Window  # noqa: E402

from planet_vector.raster import mounting, range_requests, read_ahead, remote_file, side_by_side, sources  # noqa: E402
from planet_vector.raster.byte_ranges import ReadWindow, ranges_of  # noqa: E402
from planet_vector.raster.session import PlanetSession  # noqa: E402
from planet_vector.raster.vrt_reads import Layers  # noqa: E402

SIDE, STEP, LATENCY = 700, 500, 80
LEFT, TOP, PIXEL = 400000.0, 5700000.0, 3.0
LANDSAT = "LC80430342015060LGN00"

KINDS: Dict[str, Dict[str, Any]] = {
    "alpha": {"count": 4, "dtype": "uint8", "compress": "lzw", "interleave": "pixel", "blockysize": 1,
              "photometric": "RGB", "alpha": "yes"},
    "nodata": {"count": 2, "dtype": "uint16", "compress": "deflate", "interleave": "band", "blockysize": 1,
               "nodata": 0},
    "opaque": {"count": 3, "dtype": "uint8", "compress": "deflate", "interleave": "pixel", "tiled": True,
               "blockxsize": 128, "blockysize": 128, "photometric": "RGB"},
    "masked": {"count": 1, "dtype": "uint8", "compress": "deflate", "blockysize": 4},
    "levels": {"count": 3, "dtype": "uint8", "compress": "deflate", "interleave": "pixel", "tiled": True,
               "blockxsize": 128, "blockysize": 128, "nodata": 0},
}  # fmt: skip
"""How scenes say what has no data, and how their blocks lie in the file; an archive of each."""

READS: Dict[str, Dict[str, Any]] = {
    "whole": {},
    "zoomed out": {"out_shape": (60, 70)},
    "zoomed out oddly": {"out_shape": (53, 91), "window": Window(13.3, 7.7, 1090.2, 999.1)},
    "average": {"out_shape": (60, 70), "resampling": Resampling.average},
    "cubic": {"out_shape": (110, 90), "window": Window(100, 200, 900, 700), "resampling": Resampling.cubic},
    "window": {"window": Window(300, 300, 256, 256)},
    "enlarged": {"window": Window(450, 480, 64, 64), "out_shape": (200, 200)},
    "masked": {"out_shape": (60, 70), "masked": True},
    "boundless": {"window": Window(-50, -50, 300, 300), "boundless": True},
    "a band": {"indexes": 1, "window": Window(420, 90, 300, 500)},
}

GRIDS: Dict[str, Dict[str, Any]] = {
    "of the scenes": {},
    "another system": {"dst_crs": "EPSG:3857", "res": 5.0},
    "degrees, bilinear": {"dst_crs": "EPSG:4326", "resampling": "bilinear"},
    "other pixels": {"res": 7.5, "resampling": "average"},
}


class Watched(NamedTuple):
    """A service over an archive, and its log."""

    service: Service
    log: Path

    def sizes(self) -> List[int]:
        """Return how many bytes of a file each request so far was for."""
        time.sleep(0.2)  # the log is written behind the answers
        return [size for size, _ in self.service.face.delivered(self.log.read_text())]

    def requests(self) -> List[Tuple[str, int]]:
        """Return of which scene, and how many bytes of its file, each request so far was for."""
        time.sleep(0.2)
        found = re.findall(r'"GET [^"]*/(\w+)/full[^"]*" 206 (\d+) ', self.log.read_text())
        return [(name, int(size)) for name, size in found]


def make(folder: Path, kind: str) -> None:
    """Write four scenes that overlap, with holes, and one below, which the newest hides."""
    rng = np.random.default_rng(len(kind))
    folder.mkdir(parents=True)
    layout = KINDS[kind]
    for number, (column, row) in enumerate([(0.5, 0.5), (0, 0), (1, 0), (0, 1), (1, 1), (0.5, 0.5)]):
        pixels = rng.integers(1, 200, (layout["count"], SIDE, SIDE)).astype(layout["dtype"])
        holes = np.zeros((SIDE, SIDE), bool)
        holes[60:160, 40 : 140 + 30 * number] = kind != "opaque"
        if kind == "alpha":
            pixels[3] = np.where(holes, 0, 255)
        elif kind in ("nodata", "levels"):
            pixels[:, holes] = 0
        place = rasterio.transform.from_origin(LEFT + column * STEP * PIXEL, TOP - row * STEP * PIXEL, PIXEL, PIXEL)
        path = folder / f"2015030{number + 1}_022415_0908_visual.tif"
        with (
            rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
            rasterio.open(
                path, "w", driver="GTiff", width=SIDE, height=SIDE, crs="EPSG:32611", transform=place, **layout
            ) as dataset,
        ):
            dataset.write(pixels)
            if kind == "masked":
                dataset.write_mask(~holes)
            if kind == "levels":
                dataset.build_overviews([2, 4], Resampling.nearest)


@pytest.fixture(scope="module", params=list(KINDS))
def watched(request: Any, start_service: Start, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("side") / request.param
    make(folder, request.param)
    yield from serve(start_service, folder)


def serve(start_service: Start, folder: Path, *options: str) -> Iterator[Watched]:
    log = folder.parent / "access.log"
    log.touch()
    service = start_service(folder, "--access-log", str(log), *options)
    yield Watched(service, log)
    service.stop()


@pytest.fixture(scope="module")
def slow(start_service: Start, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A service far away, over scenes with alpha and the bands of a Landsat scene."""
    folder = tmp_path_factory.mktemp("slow") / "alpha"
    make(folder, "alpha")
    (folder / "landsat").mkdir()
    for number in (2, 3, 4):
        place = rasterio.transform.from_origin(LEFT, TOP, 30.0, 30.0)
        pixels = np.random.default_rng(number).integers(0, 9000, (1, SIDE, SIDE)).astype("uint16")
        with rasterio.open(
            folder / "landsat" / f"{LANDSAT}_band_{number}.tif", "w", driver="GTiff", width=SIDE, height=SIDE, count=1,
            dtype="uint16", crs="EPSG:32611", transform=place, compress="lzw", blockysize=1,
        ) as dataset:  # fmt: skip
            dataset.write(pixels)
    yield from serve(start_service, folder, "--latency", str(LATENCY))


@pytest.fixture
def fetched(face: Face, monkeypatch: pytest.MonkeyPatch) -> List[str]:
    """Return the ids of the scenes of whose files this process requests parts."""
    found: List[str] = []
    send = requests.Session.send

    def listed(self: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        if re.search(face.files, request.path_url):
            found.append(face.scene_of(request.path_url))
        return send(self, request, **options)

    monkeypatch.setattr(requests.Session, "send", listed)
    return found


def connect(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_API_URL", watched.service.root)
    monkeypatch.setenv("PL_API_KEY", watched.service.key)
    remote_file.kept.clear()


def alone(archive: Path, dataset: Any, tmp_path: Path) -> Any:
    """Return the same VRT over the archive's own files, which GDAL reads by itself."""
    path = tmp_path / "alone.vrt"
    text = dataset._text
    for file in archive.rglob("*.tif"):
        scene, _, product = file.stem.partition("_visual")[0].partition("_band")
        product = f"band{product}" if product else "visual"
        text = re.sub(rf"/vsicurl/[^<&]*{Service.face.link_to(scene, product)}", str(file), text)
    assert "vsicurl" not in text
    path.write_text(re.sub(r"GTIFF_DIR:1:", "", text))
    return rasterio.open(path)


@pytest.mark.parametrize(
    "grid", [pytest.param(grid, marks=pytest.mark.long if number > 1 else ()) for number, grid in enumerate(GRIDS)]
)
def test_every_read_gives_the_pixels_that_gdal_gives_alone(
    watched: Watched, grid: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    connect(watched, monkeypatch)
    with planet_vector.mosaic("PLANET:ortho", **GRIDS[grid]) as dataset:
        with alone(watched.service.archive, dataset, tmp_path) as expected:
            for said, options in READS.items():
                remote_file.kept.clear()
                found, right = dataset.read(**options), expected.read(**options)
                assert np.array_equal(found, right), said
                assert np.array_equal(np.ma.getmaskarray(found), np.ma.getmaskarray(right)), said
                masks = {key: value for key, value in options.items() if key not in ("masked", "indexes")}
                assert np.array_equal(dataset.read_masks(**masks), expected.read_masks(**masks)), said
                if not masks.get("boundless") and "resampling" not in masks:
                    assert np.array_equal(dataset.dataset_mask(**masks), expected.dataset_mask(**masks)), said
            assert right.any()


@pytest.mark.parametrize("read", ["zoomed out", "window"])
def test_a_read_takes_the_blocks_of_its_sources_and_little_more(
    watched: Watched, read: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(watched, monkeypatch)
    with planet_vector.mosaic("PLANET:ortho") as dataset:
        remote_file.kept.clear()
        before = len(watched.sizes())
        dataset.read(**READS[read])
        asked = watched.sizes()[before:]
        blocks, files = 0, set()
        for part in Layers(dataset._text).asked(
            [*dataset.indexes, "mask,1"], *_window_and_shape(dataset, READS[read]), Resampling.nearest
        ):
            name = re.search(watched.service.face.link_to(r"(\w+)", "visual"), part.name)
            assert name is not None
            files.add(name[1])
    for name in files:
        with rasterio.open(watched.service.archive / f"{name}_visual.tif") as file:
            step = dataset.width / 70 if read == "zoomed out" else 1
            rows = max(1, round(SIDE / step))
            shape = (rows, rows) if read == "zoomed out" else None
            part = ReadWindow(None, None, shape, Resampling.nearest)

            def level(number: int, path: str = file.name) -> Any:
                return rasterio.open(path, overview_level=number)

            blocks += sum(end - first for first, end in set(ranges_of(file, level, part)))
    # Around each range a server says which it is; long ones are taken in whole chunks.
    assert 0 < sum(asked) <= 1.3 * blocks + 400 * 120 * len(files)
    assert len(asked) <= 4 * len(files)


@pytest.mark.only_v0("the log of the Data API leaves out whose file it is, which is signed")
def test_headers_take_few_bytes_and_a_request_each(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PLANET_CONNECTIONS", "2")  # fewer than scenes
    connect(watched, monkeypatch)
    before = len(watched.requests())
    with planet_vector.mosaic("PLANET:ortho") as dataset:
        asked = watched.requests()[before:]
        with alone(watched.service.archive, dataset, tmp_path) as expected:
            assert np.array_equal(dataset.read(), expected.read())
            assert np.array_equal(dataset.read_masks(), expected.read_masks())
    if watched.service.archive.name in ("levels", "masked"):  # some directories lie behind the pixels
        return
    assert len(asked) == len({name for name, _ in asked}) == 6
    asked.remove((max(asked)[0], range_requests.HEAD))  # the newest, from which the lengths of the others are guessed
    for name, size in asked:
        with rasterio.open(watched.service.archive / f"{name}_visual.tif") as file:
            first = min(int(file.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=band)) for band in file.indexes)
        assert min(first, 4096) <= size <= max(4096, 1.25 * first + 1024)


def test_a_longer_header_than_expected_is_read_to_its_end(
    start_service: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANET_CONNECTIONS", "2")
    sides = {"20150301": (3000, 200), "20150302": (9000, 40), "20150303": (100, 100)}  # rows and columns
    (tmp_path / "tall").mkdir()
    for number, (day, (rows, columns)) in enumerate(sides.items()):
        pixels = np.random.default_rng(number).integers(1, 200, (1, rows, columns)).astype("uint8")
        place = rasterio.transform.from_origin(LEFT + number * 700.0, TOP, PIXEL, PIXEL)
        with rasterio.open(
            tmp_path / "tall" / f"{day}_022415_0908_visual.tif", "w", driver="GTiff", width=columns, height=rows,
            count=1, dtype="uint8", crs="EPSG:32611", transform=place, compress="lzw", blockysize=1,
        ) as dataset:  # fmt: skip
            dataset.write(pixels)
    for watched in serve(start_service, tmp_path / "tall"):
        connect(watched, monkeypatch)
        with planet_vector.mosaic("PLANET:ortho") as dataset:
            assert min(watched.sizes()) < 5000
            with alone(watched.service.archive, dataset, tmp_path) as expected:
                assert np.array_equal(dataset.read(), expected.read()) and expected.read().any()


def _window_and_shape(dataset: Any, options: Dict[str, Any]) -> Any:
    window = options.get("window") or Window(0, 0, dataset.width, dataset.height)
    return window, options.get("out_shape") or (window.height, window.width)


def test_sources_are_fetched_at_once(slow: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(slow, monkeypatch)
    under_way, most = [0], [0]
    lock, ask = threading.Lock(), range_requests.RangeRequests._send

    def send(self: Any, *args: Any) -> Any:
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
        try:
            return ask(self, *args)
        finally:
            with lock:
                under_way[0] -= 1

    monkeypatch.setattr(range_requests.RangeRequests, "_send", send)
    with planet_vector.mosaic("PLANET:ortho") as dataset:
        assert most[0] >= 3  # headers
        most[0] = 0
        dataset.read(out_shape=(4, 30, 30))
        assert most[0] >= 3
    with planet_vector.open(f"PLANET:landsat/{LANDSAT}/band_4,band_3,band_2") as dataset:
        most[0] = 0
        dataset.read(window=Window(100, 100, 300, 300))
        assert most[0] == 3


def test_what_opaque_scenes_cover_is_not_read(
    start_service: Start, tmp_path: Path, fetched: List[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / "opaque", "opaque")
    for watched in serve(start_service, tmp_path / "opaque"):
        connect(watched, monkeypatch)
        with planet_vector.mosaic("PLANET:ortho") as dataset:
            newest, hidden = "20150306_022415_0908", "20150301_022415_0908"
            for options, names in (
                ({"window": Window(400, 400, 300, 300)}, {newest}),
                ({"out_shape": (60, 60), "window": Window(300, 300, 600, 600)}, {newest}),
                ({}, {f"2015030{number}_022415_0908" for number in range(2, 7)}),
            ):
                remote_file.kept.clear()
                fetched.clear()
                dataset.read(**options)
                assert set(fetched) == names
            # Of what is blended the edges of all may be seen.
            remote_file.kept.clear()
            fetched.clear()
            dataset.read(out_shape=(60, 60), resampling=Resampling.bilinear)
            assert hidden in fetched


@pytest.mark.only_v0(NO_NAMES)
def test_a_saved_vrt_has_the_overviews_of_its_files(
    start_service: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / "levels", "levels")
    for watched in serve(start_service, tmp_path / "levels"):
        connect(watched, monkeypatch)
        with planet_vector.mosaic("PLANET:ortho") as dataset:
            dataset.save_vrt(tmp_path / "saved.vrt")
            small, whole = dataset.read(out_shape=(3, 150, 150)), dataset.read()
        before = len(watched.sizes())
        with rasterio.Env(session=PlanetSession()), rasterio.open(tmp_path / "saved.vrt") as saved:
            assert np.array_equal(saved.read(out_shape=(3, 150, 150)), small)
            sent = sum(watched.sizes()[before:])
            assert np.array_equal(saved.read(), whole)
        files = sum(path.stat().st_size for path in watched.service.archive.rglob("*.tif"))
        assert sent < files / 2
        text = (tmp_path / "saved.vrt").read_text()
        assert watched.service.key not in text and "GTIFF_DIR:2:" in text


def test_what_is_fetched_ahead_is_bounded_and_follows_the_reader() -> None:
    size = 2**20

    class File:
        def __init__(self) -> None:
            self.foreseen: Any = None

        def foresee_as(self, foreseen: Any) -> None:
            self.foreseen = foreseen

        def fetch_ahead(self, foreseen: Any, spans: Any) -> None:
            foreseen.hold({span: b"x" * (span[1] - span[0]) for span in foreseen.begin(spans)})

    files = [File() for _ in range(100)]
    beside = side_by_side.SideBySide(3)
    spans = [(number * 10 * size, number * 10 * size + size) for number in range(2)]
    for file in files:
        beside.add(file, spans)  # type: ignore[arg-type]
    every = [file.foreseen for file in files]

    def held() -> int:
        return sum(len(some) for one in every for some in one.here(spans).values())

    try:
        for number in (0, 10, 40, 99):
            every[number].wait(spans)
            end = time.monotonic() + 10
            while len(every[number].here(spans)) < 2 and time.monotonic() < end:
                time.sleep(0.01)
            assert len(every[number].here(spans)) == 2
            time.sleep(0.1)
            assert held() <= read_ahead.AHEAD + (side_by_side.LATE + 4) * read_ahead.PIECE
    finally:
        beside.end()
    assert all(file.foreseen is None for file in files)


def test_a_file_that_does_not_come_is_the_error_of_the_read(slow: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(slow, monkeypatch)
    with planet_vector.mosaic("PLANET:ortho") as dataset:
        ask = range_requests.RangeRequests._ask_several

        def fail(self: Any, spans: Any) -> Any:
            if "20150303" in self._link:
                raise planet_vector.RasterAccessError("Nothing came.")
            return ask(self, spans)

        with monkeypatch.context() as patch:
            patch.setattr(range_requests.RangeRequests, "_ask_several", fail)
            with pytest.raises(planet_vector.PlanetVectorError, match="Nothing came"):
                dataset.read(out_shape=(4, 30, 30))
        found = dataset.read(out_shape=(4, 30, 30))
    with planet_vector.mosaic("PLANET:ortho") as dataset:
        assert np.array_equal(found, dataset.read(out_shape=(4, 30, 30)))


def test_images_stay_open_in_a_bounded_number(slow: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(slow, monkeypatch)
    monkeypatch.setattr(sources, "_MOST_OPEN", 2)
    with planet_vector.mosaic("PLANET:ortho") as dataset:
        first = dataset.read(out_shape=(4, 30, 30))
        dataset.read(window=Window(10, 10, 20, 20))
        assert len(dataset._sources._images) <= 3
        assert np.array_equal(dataset.read(out_shape=(4, 30, 30)), first)


PLACED: Dict[str, Any] = {
    # GDAL takes a place less than a thousandth of a pixel from a whole one for that, and the other is farther from it.
    "a rounded place": (
        [(60, (0.0, 0.0)), (10, (1.0, 27.999)), (40, (1.0, 27.9990001))], Window(0, 0, 40, 33), (99, 120), set()
    ),
    # Of less than half of a pixel it draws nothing.
    "a part of a pixel": ([(10, (0.0, 0.0)), (10, (-7.7, 0.0))], Window(2, 0, 2, 2), (1, 1), set()),
    "the same place": ([(40, (2.3, 1.7)), (40, (2.3, 1.7))], Window(0, 0, 40, 40), (40, 40), {0}),
    "well inside": ([(10, (8.3, 9.1)), (40, (2.3, 1.7))], Window(0, 0, 40, 40), (55, 31), {0}),
    "below two": ([(20, (8.0, 9.0)), (15, (0.0, 0.0)), (40, (15.0, 0.0)), (30, (0.0, 15.0))],
                  Window(0, 0, 40, 40), (40, 40), {0}),
}  # fmt: skip
"""Square scenes that are data everywhere, the last on top: the side and the place of each; and those not seen."""


@pytest.mark.parametrize("case", list(PLACED))
def test_what_is_left_out_shows_nowhere(case: str, tmp_path: Path) -> None:
    scenes, window, shape, hidden = PLACED[case]
    sources = ""
    for number, (side, (column, row)) in enumerate(scenes):
        path = tmp_path / f"{number}.tif"
        place = rasterio.transform.from_origin(LEFT, TOP, PIXEL, PIXEL)
        with rasterio.open(
            path, "w", driver="GTiff", width=side, height=side, count=1, dtype="uint8", transform=place
        ) as dataset:
            dataset.write(np.full((1, side, side), number + 1, "uint8"))
        sources += (
            f'<ComplexSource><SourceFilename relativeToVRT="0">{path}</SourceFilename><SourceBand>1</SourceBand>'
            f'<SrcRect xOff="0" yOff="0" xSize="{side}" ySize="{side}"/>'
            f'<DstRect xOff="{column}" yOff="{row}" xSize="{side}" ySize="{side}"/>'
            "<UseMaskBand>true</UseMaskBand></ComplexSource>"
        )
    text = (
        '<VRTDataset rasterXSize="40" rasterYSize="40"><GeoTransform>0,1,0,0,0,-1</GeoTransform>'
        f'<VRTRasterBand dataType="Byte" band="1">{sources}</VRTRasterBand></VRTDataset>'
    )
    layers = Layers(text)
    found = layers.covered(window, shape)
    assert found == hidden
    with rasterio.open(text) as whole, rasterio.open(layers.without(found)) as less:
        right = whole.read(1, window=window, out_shape=shape)
        assert right.any() and np.array_equal(less.read(1, window=window, out_shape=shape), right)


def test_one_whose_read_was_interrupted_is_closed_once_that_ends(
    slow: Watched, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    connect(slow, monkeypatch)
    go, ask = threading.Event(), range_requests.RangeRequests._ask_several
    interrupted = threading.Event()

    def wait(self: Any, spans: Any) -> Any:
        if not interrupted.is_set():
            interrupted.set()
            _thread.interrupt_main()
        assert go.wait(30)
        return ask(self, spans)

    with pytest.raises(KeyboardInterrupt), planet_vector.mosaic("PLANET:ortho") as dataset:
        remote_file.kept.clear()
        names = set(dataset._sources._names.values())
        monkeypatch.setattr(range_requests.RangeRequests, "_ask_several", wait)
        dataset.read()
    go.set()
    end = time.monotonic() + 30
    while _mounted(names) and time.monotonic() < end:
        time.sleep(0.05)
    assert not _mounted(names) and not dataset._sources._images
    assert "exception calling callback" not in caplog.text


def _mounted(names: Any) -> List[str]:
    return [name for name in names if name.split("/")[-2] in mounting._files]


def test_a_closed_one_says_so(slow: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(slow, monkeypatch)
    with planet_vector.mosaic("PLANET:ortho") as dataset:
        dataset.read(out_shape=(4, 30, 30))
    for read in (dataset.read, dataset.read_masks, dataset.dataset_mask):
        with pytest.raises(planet_vector.RasterAccessError, match="closed"):
            read()
    assert not dataset._sources._images
