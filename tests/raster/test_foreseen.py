"""What a read takes is fetched together, before GDAL asks for it: the same pixels, few requests, no more bytes."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

import numpy as np
import pytest

import planet_vector
from planet_vector.catalog.scenes_v0.client import ScenesV0

from ..conftest import Service, Start
from .recording import Answer, Pair, Request

rasterio = pytest.importorskip("rasterio")
from rasterio.enums import Resampling  # noqa: E402
from rasterio.windows import Window  # noqa: E402

from planet_vector.http import multirange  # noqa: E402
from planet_vector.raster import read_ahead, remote_file  # noqa: E402
from planet_vector.raster.byte_ranges import ReadWindow, ranges_of  # noqa: E402
from planet_vector.raster.product import open_link  # noqa: E402
from planet_vector.raster.spans import together  # noqa: E402

WIDTH, HEIGHT = 1400, 1100

LAYOUTS: Dict[str, Dict[str, Any]] = {
    "strips": {"count": 4, "dtype": "uint8", "compress": "lzw", "interleave": "pixel", "blockysize": 1},
    "thick": {"count": 3, "dtype": "uint8", "compress": "deflate", "interleave": "pixel", "blockysize": 16},
    "planes": {"count": 4, "dtype": "uint16", "compress": "deflate", "interleave": "band", "blockysize": 1},
    "tiles": {"count": 1, "dtype": "int16", "compress": "deflate", "tiled": True, "blockxsize": 128, "blockysize": 128},
    "levels": {"count": 3, "dtype": "uint8", "compress": "deflate", "tiled": True, "blockxsize": 256,
               "blockysize": 256, "interleave": "pixel"},
    "plain": {"count": 2, "dtype": "float32", "interleave": "pixel", "nodata": -1.0, "blockysize": 1},
}  # fmt: skip

READS: Dict[str, Dict[str, Any]] = {
    "whole": {},
    "zoomed out": {"out_shape": (110, 140)},
    "zoomed out oddly": {"out_shape": (97, 171), "window": Window(3.3, 7.7, 1290.2, 999.1)},
    "a band zoomed out": {"indexes": 1, "out_shape": (50, 60)},
    "average": {"out_shape": (110, 140), "resampling": Resampling.average},
    "cubic": {"out_shape": (333, 377), "window": Window(100, 200, 900, 700), "resampling": Resampling.cubic},
    "window": {"window": Window(500, 300, 256, 256)},
    "window by slices": {"window": ((300, 556), (500, 756))},
    "window past the end": {"window": Window(1300, 1000, 400, 400)},
    "enlarged": {"window": Window(500, 300, 64, 64), "out_shape": (200, 200)},
    "masked": {"out_shape": (110, 140), "masked": True},
    "boundless": {"window": Window(-50, -50, 300, 300), "boundless": True},
    "bands in disorder": {"indexes": [2, 1], "out_shape": (80, 90)},
}


class Watched(NamedTuple):
    """A service over a file of each layout, and its log."""

    service: Service
    log: Path

    def requests(self) -> List[Tuple[int, str]]:
        """Return the bytes and the lines of all requests for files so far."""
        time.sleep(0.1)  # the log is written behind the answers
        return self.service.face.delivered(self.log.read_text())


@pytest.fixture(scope="module")
def watched(start_service: Start, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("layouts")
    rng = np.random.default_rng(11)
    for name, layout in LAYOUTS.items():
        shape = (layout["count"], HEIGHT, WIDTH)
        pixels = rng.integers(0, 200, shape).astype(layout["dtype"])
        place = rasterio.transform.from_origin(413595.6, 5718319.8, 3.0, 3.0)
        with rasterio.open(folder / f"{name}.tif", "w", driver="GTiff", width=WIDTH, height=HEIGHT, crs="EPSG:32611",
                           transform=place, **layout) as dataset:  # fmt: skip
            dataset.write(pixels)
            if name == "levels":
                dataset.build_overviews([2, 4, 8], Resampling.average)
    log = folder.parent / "access.log"
    log.touch()
    service = start_service(folder, "--access-log", str(log))
    yield Watched(service, log)
    service.stop()


def opened(watched: Watched, name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("PL_API_URL", watched.service.root)
    monkeypatch.setenv("PL_API_KEY", watched.service.key)
    product = next(s for s in planet_vector.search("PLANET:ortho") if s.id == name).products[0]
    return planet_vector.open(f"PLANET:ortho/{name}/{product}")


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_way_of_reading_gives_the_same_pixels(
    watched: Watched, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with rasterio.open(watched.service.archive / f"{name}.tif") as file:
        for said, options in READS.items():
            if file.count < np.size(options.get("indexes", 1)):
                continue
            remote_file.kept.clear()
            with opened(watched, name, monkeypatch) as dataset:
                found, expected = dataset.read(**options), file.read(**options)
                assert np.array_equal(found, expected), said
                if "masked" in options:
                    assert np.array_equal(np.ma.getmaskarray(found), np.ma.getmaskarray(expected))
                    continue
                masks = {key: value for key, value in options.items() if key != "indexes"}
                assert np.array_equal(dataset.read_masks(**masks), file.read_masks(**masks)), said


@pytest.mark.parametrize(
    ("name", "read", "most"),
    [("strips", "zoomed out", 6), ("planes", "zoomed out", 7), ("strips", "average", 4), ("strips", "window", 2),
     ("tiles", "zoomed out oddly", 4), ("levels", "zoomed out", 3), ("planes", "window", 5)],
)  # fmt: skip
def test_a_read_takes_few_requests_and_the_bytes_of_its_blocks(
    watched: Watched, name: str, read: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"resampling": Resampling.nearest, "indexes": None, "window": None, "out_shape": None, **READS[read]}
    with rasterio.open(watched.service.archive / f"{name}.tif") as file:

        def level(number: int) -> Any:
            return rasterio.open(file.name, overview_level=number)

        part = ReadWindow(options["indexes"], options["window"], options["out_shape"], options["resampling"])
        blocks = sum(end - first for first, end in set(ranges_of(file, level, part)))
    assert blocks
    remote_file.kept.clear()
    with opened(watched, name, monkeypatch) as dataset:
        before = len(watched.requests())
        dataset.read(**READS[read])
        asked = watched.requests()[before:]
    assert len(asked) <= most
    parts = sum(line.split('"')[1].count(",") + 1 for _, line in asked)
    around = 2 * remote_file.CHUNK * len(asked) + multirange.MOST_OVERHEAD * parts
    assert sum(size for size, _ in asked) <= 1.05 * blocks + around


def test_a_mosaic_reads_the_overviews_of_its_scenes(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(watched, "levels", monkeypatch).close()
    scenes = [scene for scene in planet_vector.search("PLANET:ortho") if scene.id == "levels"]
    with planet_vector.mosaic(scenes) as dataset:
        remote_file.kept.clear()
        before = len(watched.requests())
        assert dataset.read(out_shape=(3, dataset.height // 8, dataset.width // 8)).all(axis=0).any()
        asked = watched.requests()[before:]
    whole = (watched.service.archive / "levels.tif").stat().st_size
    assert sum(size for size, _ in asked) < whole / 20


def test_a_file_is_opened_by_one_request_for_it(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    remote_file.kept.clear()
    before = len(watched.requests())
    opened(watched, "strips", monkeypatch).close()
    assert len(watched.requests()) == before + 1


@pytest.mark.parametrize("name", ["strips", "levels"])
def test_a_header_is_read_from_memory(watched: Watched, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """GDAL reads it by hundreds of small pieces, of which few pass through the locks and caches of the file."""
    passed = []
    around = remote_file.RemoteFile.read_around

    def counted(file: Any, offset: int, length: int) -> Tuple[int, bytes]:
        first, found = around(file, offset, length)
        content = (watched.service.archive / f"{name}.tif").read_bytes()
        assert first <= offset and found == content[first : first + len(found)]
        assert first + len(found) >= min(offset + length, len(content))
        passed.append(found)
        return first, found

    monkeypatch.setattr(remote_file.RemoteFile, "read_around", counted)
    with opened(watched, name, monkeypatch) as dataset:
        assert dataset.overviews(1) == ([2, 4, 8] if name == "levels" else [])
    assert 0 < len(passed) <= 12


def test_a_server_of_one_range_at_a_time_is_asked_so(catalog: ScenesV0, pair: Pair, geotiff: Path) -> None:
    remote_file.kept.clear()
    with open_link(catalog, pair.link("direct"), "scene") as dataset, rasterio.open(geotiff) as file:
        pair.api.seen.clear()
        options = {"window": Window(0, 0, 1500, 900), "out_shape": (4, 20, 30)}
        assert np.array_equal(dataset.read(**options), file.read(**options))
        assert np.array_equal(dataset.read(out_shape=(4, 9, 15)), file.read(out_shape=(4, 9, 15)))
    several = [request for request in pair.api.seen if "," in request.headers.get("Range", "")]
    # Tried by each connection once, and not for the second read.
    assert 1 <= len(several) <= catalog.settings.connections
    assert all(request.status == 200 for request in several)


@pytest.mark.parametrize("wrong", ["other bytes", "too long", "no boundary", "another size", "fewer parts", "nothing"])
def test_parts_that_are_not_what_was_asked_for_are_not_taken(
    catalog: ScenesV0, pair: Pair, geotiff: Path, wrong: str
) -> None:
    """Whatever a server makes of several ranges, what is read is the file."""
    data, plain = geotiff.read_bytes(), pair.api.answer

    def answer(request: Request) -> Answer:
        wanted = re.findall(r"(\d+)-(\d+)", request.headers.get("Range", ""))
        if len(wanted) < 2:
            return plain(request)
        pieces = []
        for first, last in ((int(a), int(b)) for a, b in wanted):
            piece, size = data[first : last + 1], len(data) + (wrong == "another size")
            if wrong == "other bytes":
                first, last = first + 1, last + 1
            if wrong == "too long":
                piece += b"more"
            pieces.append(
                f"--end\r\nContent-Type: image/tiff\r\nContent-Range: bytes {first}-{last}/{size}\r\n\r\n".encode()
                + piece + b"\r\n"
            )  # fmt: skip
        if wrong == "fewer parts":
            pieces.pop()
        body = b"" if wrong == "nothing" else b"".join(pieces) + b"--end--\r\n"
        kind = "multipart/byteranges; boundary=" + ("start" if wrong == "no boundary" else "end")
        return 206, {"Content-Type": kind, "ETag": '"one"'}, body

    remote_file.kept.clear()
    with open_link(catalog, pair.link("direct"), "scene") as dataset, rasterio.open(geotiff) as file:
        pair.api.answer = answer
        if wrong == "another size":
            with pytest.raises(planet_vector.RasterAccessError, match="was replaced while it was open"):
                dataset.read(out_shape=(4, 20, 30))
        else:
            assert np.array_equal(dataset.read(out_shape=(4, 20, 30)), file.read(out_shape=(4, 20, 30)))


def test_what_is_read_ahead_is_bounded() -> None:
    ranges = [(at, at + 10_000) for at in range(0, 10**9, 100_000)]
    plan = read_ahead.Foreseen(ranges)
    first = plan.missing([ranges[0]])
    assert sum(end - begin for begin, end in first) <= read_ahead.AHEAD
    plan.hold({span: b"" for span in first})
    second = plan.missing([ranges[len(first)]])
    assert second[0] == ranges[len(first)]
    assert not plan._held  # what was read is given up


def test_blocks_are_taken_once_and_as_they_are() -> None:
    rng = np.random.default_rng(20)
    content = rng.bytes(6000)
    for _ in range(100):
        ranges = sorted({(int(a), int(a + n)) for a, n in zip(rng.integers(0, 5000, 30), rng.integers(1, 900, 30))})
        told: List[Tuple[int, int]] = []
        plan = read_ahead.Foreseen(ranges[::2], told=told.append)
        plan.extend(ranges[1::2])
        assert plan.take(*ranges[0]) is None  # nothing is here yet
        spans = plan.begin(plan._spans)
        plan.hold({span: content[span[0] : span[1]] for span in spans if rng.random() < 0.7})
        for first, end in ranges:
            here = plan.here(plan._spans)
            found = plan.take(first, end)
            if found is None:
                continue
            assert found == content[first:end]
            span = told.pop()
            assert span in here and span[0] <= first and end <= span[1]
            assert (span in plan.here([span])) == (end < span[1])  # its last bytes give it up
        assert not told


@pytest.mark.parametrize("gap", [0, 10, 1000])
def test_ranges_put_together_hold_the_same_bytes(gap: int) -> None:
    rng = np.random.default_rng(gap)
    for _ in range(200):
        ranges = [(int(a), int(a + n)) for a, n in zip(rng.integers(0, 5000, 30), rng.integers(1, 300, 30))]
        found = together(ranges, gap, 700)
        assert found == sorted(found)
        for first, end in ranges:
            plan = read_ahead.Foreseen(ranges)
            spans = plan.spans_of(first, end)
            assert spans[0][0] <= first and end <= spans[-1][1]
            assert all(b[0] <= a[1] for a, b in zip(spans, spans[1:]))
        held = {at for first, end in ranges for at in range(first, end)}
        taken = {at for first, end in found for at in range(first, end)}
        assert held <= taken
        assert len(taken) <= len(held) + gap * len(found) * 30
