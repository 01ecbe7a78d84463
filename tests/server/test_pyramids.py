"""Pyramids of large files: tiles of them cost little, and are those of the file itself, whatever the file is."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import struct
import time
import tracemalloc
import zlib
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from rasterio import Affine
from rasterio.enums import ColorInterp

from planet_vector.server.http_errors import HttpError
from planet_vector.server.imagery import pyramid_keeping, pyramid_making
from planet_vector.server.imagery.kept_pictures import Imagery
from planet_vector.server.imagery.picture_cache import PictureCache
from planet_vector.server.imagery.pyramid_making import make_pyramid
from planet_vector.server.imagery.pyramid_writing import PyramidWriter
from planet_vector.server.imagery.pyramids import Damaged, Pyramid
from planet_vector.server.imagery.reading import Raster, Source
from planet_vector.server.jobs import TookTooLong

from .conftest import CountedJobs, Serve

PIXEL = 10.0
WEST, NORTH = 1_700_000.0, 5_700_000.0  # of the scenes, in web mercator
SIDE = 1200
"""Pixels a side of a scene that has a survey, or a pyramid."""

WIDE = (3000, 8000)
"""Rows and columns of one whose survey is too coarse for zoom 13, and whose pyramid begins at half its size."""

HALF_WORLD = 20037508.342789244
TABLE = {0: (255, 0, 0, 255), 1: (0, 255, 0, 255), 2: (0, 0, 255, 255)}
RED, GREEN, BLUE, ALPHA, GRAY = (
    ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha, ColorInterp.gray
)  # fmt: skip


def write(path: Path, bands: np.ndarray, mask: Optional[np.ndarray] = None, **more: Any) -> None:
    """Write a GeoTIFF in strips of one row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    colours, table, pixel = more.pop("colours", None), more.pop("table", None), more.pop("pixel", PIXEL)
    profile = {"blockysize": 1, "compress": "deflate", "zlevel": 1, **more}
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(
        path, "w", driver="GTiff", count=len(bands), height=bands.shape[1], width=bands.shape[2], dtype=bands.dtype,
        crs="EPSG:3857", transform=Affine(pixel, 0, WEST, 0, -pixel, NORTH), **profile,
    ) as target:  # fmt: skip
        if colours:
            target.colorinterp = colours
        if table:
            target.write_colormap(1, table)
        target.write(bands)
        if mask is not None:
            target.write_mask(mask)


def ramp(
    dtype: str, low: float = 20, high: float = 220, count: int = 1, shape: Tuple[int, int] = (SIDE, SIDE)
) -> np.ndarray:
    """Return bands that grow to the south, the east, or both."""
    rows, columns = np.indices(shape, "float32") / np.array(shape, "float32")[:, np.newaxis, np.newaxis]
    shares = [(rows + columns) / 2, rows, columns]
    return np.stack([(low + (high - low) * shares[n % 3]).astype(dtype) for n in range(count)])


def holes() -> np.ndarray:
    """Return where there is data: not in a corner, nor in stripes of a few pixels."""
    there = np.ones((SIDE, SIDE), bool)
    there[:300, :400] = False
    there[:, 800:803] = False
    there[900:905] = False
    return there


def with_holes(bands: np.ndarray, value: Any) -> np.ndarray:
    return np.where(holes(), bands, value).astype(bands.dtype)


def with_alpha(dtype: str, opaque: float, place: int = -1) -> np.ndarray:
    bands = list(with_holes(ramp(dtype, count=3), 250))
    bands.insert(place % 4, np.where(holes(), opaque, 0).astype(dtype))
    return np.stack(bands)


def bands_apart() -> np.ndarray:
    """Return three bands that each lack numbers at other places."""
    bands = ramp("float32", count=3)
    for number, band in enumerate(bands):
        band[100 * number + 500 : 100 * number + 600, 500:700] = np.nan
    return with_holes(bands, np.nan)


SCENES: Dict[str, Dict[str, Any]] = {
    "bytes": {"bands": ramp("uint8", count=3)},
    "nodata": {"bands": with_holes(ramp("uint8", count=3), 0), "nodata": 0},
    "nodata_between": {"bands": with_holes(ramp("uint8", count=1), 120), "nodata": 120},
    "alpha": {"bands": with_alpha("uint8", 255), "colours": (RED, GREEN, BLUE, ALPHA)},
    "alpha_first": {"bands": with_alpha("uint8", 9, 0), "colours": (ALPHA, RED, GREEN, BLUE)},
    "alpha_16": {"bands": with_alpha("uint16", 60_000), "colours": (RED, GREEN, BLUE, ALPHA)},
    "mask": {"bands": with_holes(ramp("uint8", count=3), 255), "mask": holes()},
    "mask_16": {"bands": with_holes(ramp("uint16", 3000, 9000, 4), 65_535), "mask": holes()},
    "stretched": {"bands": with_holes(ramp("uint16", 3000, 9000, 4), 0), "nodata": 0},
    "signed": {"bands": with_holes(ramp("int16", -800, 4000, 3), -32_768), "nodata": -32_768},
    "signed_bytes": {"bands": with_holes(ramp("int8", -100, 100), -128), "nodata": -128},
    "nan": {"bands": with_holes(ramp("float32", -0.4, 0.9), np.nan)},
    "float_nodata": {"bands": with_holes(ramp("float64", -4e5, 9e5), -9999), "nodata": -9999},
    "bands_apart": {"bands": bands_apart()},
    "in_planes": {"bands": with_holes(ramp("uint16", 3000, 9000, 4), 0), "nodata": 0, "interleave": "band"},
    "palette": {"bands": (ramp("uint8", 0, 300) // 20 % 3), "photometric": "palette", "table": TABLE},
    "one_strip": {"bands": ramp("uint8", count=3), "blockysize": SIDE},
    "odd_size": {"bands": np.ascontiguousarray(with_holes(ramp("uint8", count=3), 0)[:, :1199, :1101]), "nodata": 0},
}  # fmt: skip


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    for name, scene in SCENES.items():
        scene = dict(scene)
        write(folder / f"{name}.tif", scene.pop("bands"), **scene)
    return folder


@contextlib.contextmanager
def imagery(archive: Path, folder: Path) -> Iterator[Imagery]:
    pictures = Imagery(archive, folder)
    try:
        yield pictures
    finally:
        pictures.close()


def tiles(zoom: int, east: float = 0.5, south: float = 0.5) -> Tuple[int, int, int]:
    """Return the tile of a zoom that holds a place of the scenes, as a share of them."""
    side = 2 * HALF_WORLD / 2**zoom
    x, y = WEST + east * SIDE * PIXEL, NORTH - south * SIDE * PIXEL
    return zoom, int((x + HALF_WORLD) / side), int((HALF_WORLD - y) / side)


PLACES = [tiles(13), tiles(13, 0.3, 0.3), tiles(12, 0.85, 0.1), tiles(11), tiles(9), tiles(6)]
"""At zoom 13 a pixel is 1.9 of the file."""


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGBA")).astype(int)


@pytest.mark.parametrize("name", SCENES)
def test_tiles_of_a_pyramid_are_those_of_the_file(
    archive: Path, tmp_path: Path, name: str, jobs: type[CountedJobs], monkeypatch: pytest.MonkeyPatch
) -> None:
    product = {"visual": f"{name}.tif"}
    with imagery(archive, tmp_path / "one") as pictures:
        plain = [pixels(pictures.tile([product], *place).make()) for place in PLACES]
        thumbnail = pixels(pictures.thumbnail(product, "lg", "png", False).make())
    with imagery(archive, tmp_path / "other") as pictures:
        (source,) = pictures._files.of(product)
        source.pyramids[-1].parent.mkdir(parents=True)
        assert make_pyramid(source, source.pyramids[-1])
        monkeypatch.setattr(Raster, "read", None)  # nothing is read of the file
        jobs.calls.clear()
        copied = [pixels(pictures.tile([product], *place).make()) for place in PLACES]
        assert jobs.calls == ["draw_tile"] * len(PLACES)
        found = pixels(pictures.thumbnail(product, "lg", "png", False).make())
    for before, after, place in zip([*plain, thumbnail], [*copied, found], [*PLACES, "thumbnail"]):
        seen = (before[..., 3] > 0) & (after[..., 3] > 0)
        other = (before[..., 3] > 0) != (after[..., 3] > 0)
        # Stripes of a few pixels fall between those that are picked, or not.
        assert other.mean() < 0.02, place
        assert seen.sum() > 0.9 * (before[..., 3] > 0).sum() > 0, place
        if name == "palette":
            colours = {tuple(pixel) for pixel in after[after[..., 3] > 0].tolist()}
            assert colours <= set(TABLE.values())
            continue
        off = np.abs(before - after)[seen][:, :3].max(axis=1)
        assert np.percentile(off, 95) <= 3, (place, off.max())


WIDE_SCENES: Dict[str, Dict[str, Any]] = {
    "bytes": {"bands": ramp("uint8", count=3, shape=WIDE)},
    "stretched": {"bands": ramp("uint16", 3000, 9000, shape=WIDE), "nodata": 6000},
    "palette": {"bands": ramp("uint8", 0, 300, shape=WIDE) // 20 % 3, "photometric": "palette", "table": TABLE},
}


@pytest.mark.parametrize("name", WIDE_SCENES)
def test_tiles_of_a_half_are_those_of_the_file(tmp_path: Path, name: str, jobs: type[CountedJobs]) -> None:
    scene = dict(WIDE_SCENES[name])
    write(tmp_path / "archive" / "s_visual.tif", scene.pop("bands"), pixel=7.0, **scene)
    with imagery(tmp_path / "archive", tmp_path / "one") as pictures:
        before = [pixels(pictures.tile([PRODUCT], *place).make()) for place in ROW]
    with imagery(tmp_path / "archive", tmp_path / "other") as pictures:
        (source,) = pictures._files.of(PRODUCT)
        source.pyramids[-1].parent.mkdir(parents=True)
        assert make_pyramid(source, source.pyramids[-1])
        after = [pixels(pictures.tile([PRODUCT], *place).make()) for place in ROW]
    off = np.abs(np.subtract(before, after))
    if name == "palette":  # one of the pixels is picked, or another beside it
        assert {tuple(pixel) for pixel in np.reshape(after, (-1, 4)).tolist()} <= set(TABLE.values())
        assert (off > 0).mean() < 0.05
    else:
        assert (off[..., 3] == 0).mean() > 0.999
        assert np.percentile(off, 99.9) <= 2, off.max()


@pytest.mark.parametrize("rows", [3000, 2999])
def test_a_file_that_is_read_in_pieces_is_as_one_read_at_once(
    tmp_path: Path, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = np.random.default_rng(3).integers(1, 250, (1, rows, WIDE[1])).astype("uint8")
    chance[:, 500:900, 1000:5000] = 0
    write(tmp_path / "s_visual.tif", chance, pixel=7.0, nodata=0, blockysize=7)
    source = Source(tmp_path / "s_visual.tif", (), None, tmp_path / "survey")
    found = []
    for name, most in (("whole", 10**9), ("pieces", 10**5)):
        monkeypatch.setattr(pyramid_making, "_AT_ONCE", most)
        assert make_pyramid(source, tmp_path / name)
        with Pyramid(tmp_path / name) as pyramid:
            everything = np.array([0.0, float(rows)]), np.array([0.0, float(WIDE[1])])
            found.append(pyramid.part((2.0, 2.0), everything[1], everything[0]))
    whole, pieces = found
    assert whole is not None and pieces is not None
    assert pieces.mask.shape == (-(-rows // 2), WIDE[1] // 2)
    if rows % 2 == 0:
        assert (whole.mask == pieces.mask).all() and (whole.colours == pieces.colours)[:, whole.mask].all()
    else:  # the last row stands alone; at once each is 1.0003 of two
        assert (pieces.mask[-1] == (chance[0, -1].reshape(-1, 2) > 0).any(axis=1)).all()
        expected = chance[0, :100].reshape(50, 2, -1, 2).mean(axis=(1, 3))
        assert np.abs(pieces.colours[0, :50] - expected).max() <= 0.5


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 700), st.integers(1, 700), st.lists(st.integers(1, 300), min_size=1, max_size=5),
    st.booleans(), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.5, 1.0]),
)  # fmt: skip
def test_what_is_read_is_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, height: int, width: int, pieces: List[int], nearest: bool, seed: int,
    share: float,
) -> None:  # fmt: skip
    chance = np.random.default_rng(seed)
    colours = chance.integers(0, 256, (3, height, width)).astype("uint8")
    known = chance.random((1, height, width)) < share
    path = tmp_path_factory.mktemp("pyramid") / "p"
    with PyramidWriter(path, colours.shape, (2.0, 2.0), [(0.0, 9.5)] * 3, nearest) as writer:
        top = number = 0
        while top < height:
            bottom = top + pieces[number % len(pieces)]
            writer.add(colours[:, top:bottom], known[:, top:bottom])
            top, number = bottom, number + 1
    weight = np.broadcast_to(known, colours.shape).astype(float)
    with Pyramid(path) as pyramid:
        assert pyramid.limits == [(0.0, 9.5)] * 3
        level = colours.astype(float)
        for number in range(20):
            there = weight[0] > 0
            ys, xs = np.array([0.0, 2.0 * height]), np.array([0.0, 2.0 * width])
            part = pyramid.part((2.0 * 2**number, 2.0 * 2**number), xs, ys)
            assert part is not None
            assert (part.mask == there).all() and part.factor == (2.0 * 2**number,) * 2
            # Each level is rounded, and made of the one before.
            assert np.abs(part.colours - level)[:, there].max(initial=0) <= 0.5 * number + 1e-6
            y, x = chance.integers(0, part.mask.shape[0]), chance.integers(0, part.mask.shape[1])
            one = pyramid.part(
                part.factor, np.array([(x + 0.5) * part.factor[0]]), np.array([(y + 0.5) * part.factor[1]])
            )
            assert one is not None and one.mask.size <= 25
            column, row = one.first
            assert (one.mask == part.mask[row : row + len(one.mask), column : column + one.mask.shape[1]]).all()
            if max(there.shape) <= 64:  # it is the last
                break
            level, weight = smaller(level, weight, number % 2 if nearest else None)


def smaller(values: np.ndarray, weight: np.ndarray, picked: Optional[int]) -> Tuple[np.ndarray, np.ndarray]:
    """Return half the size, pixel by pixel: of each two the first or the second is picked, or the mean taken."""
    _, height, width = values.shape
    if picked is not None:
        rows = [min(2 * row + picked, height - 1) for row in range(-(-height // 2))]
        columns = [min(2 * column + picked, width - 1) for column in range(-(-width // 2))]
        return values[:, rows][:, :, columns], weight[:, rows][:, :, columns]
    total, count = np.zeros((3, -(-height // 2), -(-width // 2))), np.zeros((3, -(-height // 2), -(-width // 2)))
    for j in (0, 1):
        for i in (0, 1):
            part, w = values[:, j::2, i::2], weight[:, j::2, i::2]
            total[:, : part.shape[1], : part.shape[2]] += part * w
            count[:, : part.shape[1], : part.shape[2]] += w
    return total / np.maximum(count, 1), (count > 0).astype(float)


def wait_for(path: Path) -> None:
    end = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def strips(tmp_path: Path) -> Path:
    write(tmp_path / "archive" / "s_visual.tif", ramp("uint8", shape=WIDE), pixel=7.0)
    return tmp_path / "archive"


PRODUCT = {"visual": "s_visual.tif"}
FIRST = tiles(13, 0.25, 0.4)
ROW = [(13, FIRST[1] + 1 + number, FIRST[2]) for number in range(5)]
"""Tiles beside each other, of whose pixels one is 2.7 of the wide file: each takes the same rows of it."""


def test_rows_of_strips_are_not_decoded_for_each_tile(
    strips: Path, tmp_path: Path, jobs: type[CountedJobs], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pyramid_keeping, "ENOUGH", 0.5)
    with imagery(strips, tmp_path / "pictures") as pictures:
        (source,) = pictures._files.of(PRODUCT)
        for place in ROW:
            pictures.tile([PRODUCT], *place).make()
        wait_for(source.pyramids[-1])
        monkeypatch.setattr(Raster, "read", None)
        for z, x, y in ROW:
            assert pixels(pictures.tile([PRODUCT], z, x, y + 1).make())[..., 3].all()
        assert jobs.calls.count("make_pyramid") == 1


def test_a_file_that_is_looked_at_once_gets_no_pyramid(strips: Path, tmp_path: Path, jobs: type[CountedJobs]) -> None:
    with imagery(strips, tmp_path / "pictures") as pictures:
        pictures.tile([PRODUCT], *ROW[0]).make()
        pictures.thumbnail(PRODUCT, "lg", "png", False).make()
    assert "make_pyramid" not in jobs.calls


def test_a_file_in_tiles_gets_none(tmp_path: Path, jobs: type[CountedJobs], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyramid_keeping, "ENOUGH", 0.5)
    path = tmp_path / "archive" / "s_visual.tif"
    write(path, ramp("uint8", shape=WIDE), pixel=7.0, tiled=True, blockxsize=256, blockysize=256)
    with imagery(path.parent, tmp_path / "pictures") as pictures:
        for place in ROW:
            pictures.tile([PRODUCT], *place).make()
    assert "make_pyramid" not in jobs.calls


@pytest.mark.parametrize("harm", ["cut", "emptied", "blocks", "end", "another"])
def test_a_damaged_pyramid_is_deleted_and_seen_on_no_picture(
    strips: Path, tmp_path: Path, harm: str, jobs: type[CountedJobs]
) -> None:
    with imagery(strips, tmp_path / "plain") as pictures:
        expected = pixels(pictures.tile([PRODUCT], *ROW[2]).make())
    with imagery(strips, tmp_path / "pictures") as pictures:
        path = pictures._files.of(PRODUCT)[0].pyramids[-1]
        path.parent.mkdir(parents=True)
        make_pyramid(pictures._files.of(PRODUCT)[0], path)
        content = path.read_bytes()
        path.write_bytes({
            "cut": content[: len(content) // 2], "emptied": b"", "end": content[:-30] + b"\xff" * 30,
            "blocks": b"\xff" * (len(content) // 2) + content[len(content) // 2 :], "another": b"\x89PNG" * 2000,
        }[harm])  # fmt: skip
        assert (pixels(pictures.tile([PRODUCT], *ROW[2]).make()) == expected).all()
        assert not path.exists()


ENDS: Dict[str, Dict[str, Any]] = {
    "many bands": {"bands": 10**9},
    "no bands": {"bands": 0},
    "endless": {"bands": float("inf")},
    "no sizes": {"sizes": []},
    "negative sizes": {"sizes": [[-255, -255]]},
    "other sizes": {"sizes": [[10**9, 10**9]]},
    "huge sizes": {"sizes": [[2**40, 2**40]]},
    "no factor": {"factor": [0, 0]},
    "no number": {"factor": [float("nan"), 2.0]},
    "limits of another": {"limits": [[0, 1]] * 2},
    "limits of no number": {"limits": [[0, float("nan")]]},
    "nothing said": {"sizes": None},
}


@pytest.mark.parametrize("harm", [*ENDS, "nested", "far block", "long block"])
def test_what_no_pyramid_says_is_not_believed(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "p"
    with PyramidWriter(path, (1, 200, 200), (2.0, 2.0), [], False) as writer:
        writer.add(np.full((1, 200, 200), 9, "uint8"), np.ones((1, 200, 200), bool))
    content = path.read_bytes()
    places, length, magic = struct.unpack("<QI8s", content[-20:])
    blocks, table = content[: -20 - length - places], bytearray(content[-20 - length - places : -20 - length])
    said = content[-20 - length : -20]
    if harm == "nested":
        said = b"[" * 100_000
    elif harm == "far block":
        table[:8] = struct.pack("<Q", len(blocks) - 3)
    elif harm == "long block":  # of which a gigabyte comes
        blocks = zlib.compress(bytes(10**8), 9)
        table[:12] = struct.pack("<QI", 0, len(blocks))
    else:
        said = json.dumps({**json.loads(said), **ENDS[harm]}).encode()
    path.write_bytes(blocks + table + said + struct.pack("<QI8s", len(table), len(said), magic))
    tracemalloc.start()
    try:
        with pytest.raises(Damaged), Pyramid(path) as pyramid:
            pyramid.part((2.0, 2.0), np.array([0.0, 400.0]), np.array([0.0, 400.0]))
        assert tracemalloc.get_traced_memory()[1] < 10**7
    finally:
        tracemalloc.stop()


def test_a_disk_that_fails_costs_no_picture(
    strips: Path, tmp_path: Path, jobs: type[CountedJobs], monkeypatch: pytest.MonkeyPatch
) -> None:
    with imagery(strips, tmp_path / "plain") as pictures:
        expected = pixels(pictures.tile([PRODUCT], *ROW[2]).make())
    with imagery(strips, tmp_path / "pictures") as pictures:
        (source,) = pictures._files.of(PRODUCT)
        source.pyramids[-1].parent.mkdir(parents=True)
        make_pyramid(source, source.pyramids[-1])

        def fail(*_: object) -> None:
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(Pyramid, "_block", fail)
        assert (pixels(pictures.tile([PRODUCT], *ROW[2]).make()) == expected).all()


@pytest.mark.parametrize("size", [(512, 512), (500, 514), (1201, 1203)])
def test_picked_pixels_stay_where_they_are(tmp_path: Path, size: Tuple[int, int]) -> None:
    rows, columns = np.indices(size)
    for axis, values in (("column", columns), ("row", rows)):
        colours = np.stack([values % 256, values // 256, values * 0]).astype("uint8")
        with PyramidWriter(tmp_path / axis, (3, *size), (1.0, 1.0), [], True) as writer:
            writer.add(colours, np.ones((1, *size), bool))
        with Pyramid(tmp_path / axis) as pyramid:
            for factor in (2, 4, 8):
                part = pyramid.part((factor, factor), np.array([0.0, size[1]]), np.array([0.0, size[0]]))
                assert part is not None and part.factor == (factor, factor)
                at = part.colours[0] + 256.0 * part.colours[1]
                middle = (np.indices(at.shape)[("row", "column").index(axis)] + 0.5) * factor - 0.5
                # A quarter of its pixel, where all four are there.
                inside = middle + factor / 2 <= values.max()
                assert np.abs(at - middle)[inside].max() <= factor / 4


def test_the_widest_rasters_take_little_more_than_themselves(tmp_path: Path) -> None:
    width = 40_000
    rows, known = np.full((3, 256, width), 7, "uint8"), np.ones((1, 256, width), bool)
    with PyramidWriter(tmp_path / "p", (3, 1024, width), (2.0, 2.0), [], False) as writer:
        tracemalloc.start()
        try:
            for _ in range(4):
                writer.add(rows, known)
            assert tracemalloc.get_traced_memory()[1] < 4 * rows.nbytes
        finally:
            tracemalloc.stop()


def test_a_changed_file_has_another_pyramid(strips: Path, tmp_path: Path, jobs: type[CountedJobs]) -> None:
    with imagery(strips, tmp_path / "pictures") as pictures:
        before = pictures._files.of(PRODUCT)[0]
        before.pyramids[-1].parent.mkdir(parents=True)
        make_pyramid(before, before.pyramids[-1])
        write(strips / "s_visual.tif", np.full((1, *WIDE), 77, "uint8"), pixel=7.0)
        assert not set(before.pyramids) & set(pictures._files.of(PRODUCT)[0].pyramids)
        assert (pixels(pictures.tile([PRODUCT], *ROW[2]).make()) == [77, 77, 77, 255]).all()


def test_what_cannot_be_made_in_time_is_not_tried_at_each_tile(
    strips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: List[str] = []

    class Slow(CountedJobs):
        def run(self, function: Any, *args: Any, patience: Any = None) -> Any:
            calls.append(function.__name__)
            if function is make_pyramid:
                raise TookTooLong("took longer than 120 s")
            return function(*args)

    monkeypatch.setattr("planet_vector.server.imagery.picture_making.Jobs", Slow)
    monkeypatch.setattr(pyramid_keeping, "ENOUGH", 0.2)
    with imagery(strips, tmp_path / "pictures") as pictures:
        for row in range(2):
            for z, x, y in ROW:
                assert pixels(pictures.tile([PRODUCT], z, x, y + row).make())[..., 3].all()
            pictures._maker._pyramids._maker.submit(lambda: None).result(30)  # what was begun has ended
    assert calls.count("make_pyramid") == 1 and calls.count("draw_tile") == 10


def test_a_pyramid_that_was_not_finished_is_not_there(tmp_path: Path) -> None:
    cache = PictureCache(tmp_path)
    name = "a" * 64

    def half(part: Path) -> None:
        writer = PyramidWriter(part, (3, 600, 600), (2.0, 2.0), [], False)
        with pytest.raises(HttpError), writer:
            writer.add(np.zeros((3, 300, 600), "uint8"), np.ones((1, 300, 600), bool))
            raise HttpError(404, "the file cannot be read to its end")
        with pytest.raises(Damaged):
            Pyramid(part)
        raise HttpError(404, "the file cannot be read to its end")

    with pytest.raises(HttpError, match="to its end"):
        cache.try_fill(name, half)
    assert cache.find(name) is None and not list(tmp_path.glob("*/*"))
    assert not cache.try_fill(name, lambda part: None)  # nothing was written
    assert cache.find(name) is None and not list(tmp_path.glob("*/*"))
    assert cache.try_fill(name, lambda part: part.write_bytes(b"whole"))
    assert cache.read(name) == b"whole"


def test_a_pyramid_that_is_used_stays_longer_than_others(tmp_path: Path, strips: Path) -> None:
    with imagery(strips, tmp_path / "pictures") as pictures:
        path = pictures._files.of(PRODUCT)[0].pyramids[-1]
        path.parent.mkdir(parents=True)
        make_pyramid(pictures._files.of(PRODUCT)[0], path)
        os.utime(path, (1, 1))
        pictures.tile([PRODUCT], *ROW[2]).make()
    assert path.stat().st_atime > 10**9 and path.stat().st_mtime == 1


def test_a_service_makes_pyramids_beside_its_answers(serve: Serve, strips: Path) -> None:
    service = serve(strips)
    for z, x, y in ROW:
        for row in (y - 1, y, y + 1):
            assert service.get(f"scenes/ortho/s/{z}/{x}/{row}.png").status_code == 200
    end = time.monotonic() + 60
    while True:
        kept = [
            path for path in (service.cache / "index.pictures").glob("*/*") if b"pyramid1" in path.read_bytes()[-8:]
        ]
        if kept:
            break
        assert time.monotonic() < end
        time.sleep(0.1)
    with Pyramid(kept[0]):
        pass
    assert service.errors == ""
