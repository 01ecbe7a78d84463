"""JPEG 2000 files: complete, and without references to other files."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Iterator, List, Tuple

import numpy as np
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.transform import from_origin

from planet_vector.pixels.jp2 import Jp2Problem, check_jp2, is_jp2
from planet_vector.pixels.opening import open_raster
from planet_vector.pixels.references import ReferenceProblem
from planet_vector.pixels.sidecars import read_place, sidecar_names
from planet_vector.server.archive.scene_metadata import RasterProblem, check_raster

PIXELS = (np.arange(200 * 300) % 5000).reshape(1, 200, 300).astype("uint16")


@pytest.fixture
def jp2(tmp_path: Path) -> Path:
    path = tmp_path / "image.jp2"
    with rasterio.open(
        path, "w", driver="JP2OpenJPEG", width=300, height=200, count=1, dtype="uint16", crs="EPSG:32633",
        transform=from_origin(500_000, 5_300_000, 10, 10), QUALITY=100, REVERSIBLE="YES",
    ) as dataset:  # fmt: skip
        dataset.write(PIXELS)
    return path


def boxes(content: bytes) -> Iterator[Tuple[bytes, bytes]]:
    """Yield the boxes of a file: name, and whole box."""
    at = 0
    while at < len(content):
        length, name = struct.unpack(">I4s", content[at : at + 8])
        length = length or len(content) - at
        yield name, content[at : at + length]
        at += length


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, name) + content


def with_box(path: Path, added: bytes) -> None:
    """Insert a box before that of the pixels."""
    parts: List[bytes] = []
    for name, whole in boxes(path.read_bytes()):
        parts += [added, whole] if name == b"jp2c" else [whole]
    path.write_bytes(b"".join(parts))


def test_a_whole_file_is_opened_with_its_pixels(jp2: Path) -> None:
    check_jp2(jp2)
    with open_raster(jp2) as dataset:
        assert dataset.driver == "JP2OpenJPEG"
        assert dataset.crs.to_epsg() == 32633
        np.testing.assert_array_equal(dataset.read(), PIXELS)
    info = check_raster(jp2)
    assert (info.rows, info.columns, info.crs) == (200, 300, "EPSG:32633")


def test_sidecars_are_ignored(jp2: Path) -> None:
    jp2.with_suffix(".j2w").write_text("1\n0\n0\n-1\n7\n7\n")
    jp2.with_suffix(".wld").write_text("1\n0\n0\n-1\n7\n7\n")
    jp2.with_name("image.jp2.aux.xml").write_text(
        "<PAMDataset><SRS>EPSG:4326</SRS><GeoTransform>1,1,0,1,0,1</GeoTransform></PAMDataset>"
    )
    assert sidecar_names("image.JP2") == []
    assert read_place(jp2, jp2.parent) is None
    with open_raster(jp2) as dataset:
        assert dataset.transform.c == 500_000
        assert dataset.crs.to_epsg() == 32633


def test_every_truncated_copy_is_refused(jp2: Path) -> None:
    content = jp2.read_bytes()
    for length in [*range(13, len(content) - 1, 997), len(content) - 1, len(content) - 2]:
        jp2.write_bytes(content[:length])
        with pytest.raises(Jp2Problem, match="truncated"):
            check_jp2(jp2)
        with pytest.raises(RasterProblem, match="^is truncated"):
            check_raster(jp2)


def test_a_length_to_the_end_of_the_file(jp2: Path) -> None:
    content = jp2.read_bytes()
    at = content.index(b"jp2c") - 4
    jp2.write_bytes(content[:at] + bytes(4) + content[at + 4 :])
    check_jp2(jp2)
    with open_raster(jp2) as dataset:
        np.testing.assert_array_equal(dataset.read(), PIXELS)
    jp2.write_bytes((content[:at] + bytes(4) + content[at + 4 :])[:-100])
    with pytest.raises(Jp2Problem, match="truncated"):
        check_jp2(jp2)


GML = (
    '<gml:FeatureCollection xmlns:gml="g" xmlns:xlink="x"><gml:featureMember xlink:href="{}"/></gml:FeatureCollection>'
)


@pytest.mark.parametrize(
    "added",
    [
        box(b"xml ", GML.format("/etc/passwd").encode()),
        box(b"asoc", box(b"lbl ", b"gml.data") + box(b"asoc", box(b"xml ", GML.format("http://e.org/a.gml").encode()))),
        box(b"xml ", GML.format("file.gml").replace("xlink:href=", "XLINK:HREF = ").encode()),
        box(b"uuid", b"u" * 16 + b'PROJCS["x",EXTENSION["PROJ4","+proj=longlat +nadgrids=/tmp/evil.gsb"]]'),
        box(b"dtbl", b"\0\1" + box(b"url ", b"\0\0\0\0file:///etc/passwd\0")),
        box(b"ftbl", box(b"flst", bytes(20))),
        box(b"xml ", b"<a/>" + b" " * 2**20),
    ],
)
def test_references_to_other_files_are_refused(jp2: Path, added: bytes) -> None:
    with_box(jp2, added)
    with pytest.raises(ReferenceProblem, match="not opened"), open_raster(jp2):
        pass


@pytest.mark.parametrize("href", ["#a", "gmljp2://xml/dictionary", "urn:ogc:def:crs:EPSG::32633",
                                  "http://www.opengis.net/def/crs/EPSG/0/32633"])  # fmt: skip
def test_links_within_the_file_are_allowed(jp2: Path, href: str) -> None:
    with_box(jp2, box(b"xml ", GML.format(href).encode()))
    with open_raster(jp2) as dataset:
        np.testing.assert_array_equal(dataset.read(), PIXELS)


def test_endless_boxes_are_refused(jp2: Path) -> None:
    with_box(jp2, box(b"free", b"") * 10_001)
    with pytest.raises(Jp2Problem, match="too many boxes"):
        check_jp2(jp2)
    with_box(jp2, struct.pack(">I4s", 3, b"bad "))
    with pytest.raises(Jp2Problem, match="invalid length|too many"):
        check_jp2(jp2)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # rasterio: messages not in UTF-8
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=8))
def test_damaged_headers_raise_known_errors(jp2: Path, changes: List[Tuple[int, int]]) -> None:
    original = jp2.read_bytes()
    try:
        content = bytearray(original)
        for place, value in changes:
            content[place] = value
        jp2.write_bytes(bytes(content))
        try:
            check_raster(jp2)
        except RasterProblem as problem:
            assert "\n" not in str(problem)
    finally:
        jp2.write_bytes(original)


def test_a_file_of_millions_of_tiles_is_refused(jp2: Path) -> None:
    content = bytearray(jp2.read_bytes())
    at = content.index(b"\xff\x4f\xff\x51") + 8
    content[at : at + 8] = struct.pack(">II", 100_000, 100_000)
    content[at + 16 : at + 24] = struct.pack(">II", 16, 16)
    jp2.write_bytes(bytes(content))
    with pytest.raises(Jp2Problem, match="number of tiles"):
        check_jp2(jp2)


def test_the_name_must_tell_the_format(jp2: Path) -> None:
    renamed = jp2.rename(jp2.with_suffix(".tif"))
    assert is_jp2(renamed)
    with pytest.raises(RasterProblem, match=r"is JPEG 2000: rename it to image\.jp2"):
        check_raster(renamed)


def test_a_tiff_named_jp2_is_reported(jp2: Path) -> None:
    with rasterio.open(jp2, "w", driver="GTiff", width=3, height=2, count=1, dtype="uint8", crs="EPSG:4326",
                       transform=from_origin(5, 7, 1, 1)) as dataset:  # fmt: skip
        dataset.write(np.ones((1, 2, 3), "uint8"))
    with pytest.raises(RasterProblem, match=r"is a TIFF: rename it to image\.tif"):
        check_raster(jp2)
