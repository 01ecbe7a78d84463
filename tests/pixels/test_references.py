"""Files that a GeoTIFF's CRS names, however it is written: they are found before GDAL has the CRS."""

from __future__ import annotations

import io
from pathlib import Path
from struct import pack, unpack

import pytest

rasterio = pytest.importorskip("rasterio")
import numpy as np  # noqa: E402
from rasterio.crs import CRS  # noqa: E402
from rasterio.errors import RasterioIOError  # noqa: E402

from planet_vector.pixels.references import ReferenceProblem, check_crs, check_file  # noqa: E402
from planet_vector.pixels.tiff import MAX_FIELDS, SHORT, TiffFile  # noqa: E402

GEO_ASCII = 34737


def write(path: Path, grid: str) -> bytearray:
    crs = CRS.from_string(f"+proj=utm +zone=33 +ellps=bessel +nadgrids={grid} +units=m +type=crs")
    place = rasterio.Affine(10, 0, 300_000, 0, -10, 5_300_000)
    with rasterio.open(
        path, "w", driver="GTiff", width=4, height=4, count=1, dtype="uint8", crs=crs, transform=place
    ) as file:
        file.write(np.ones((1, 4, 4), "uint8"))
    return bytearray(path.read_bytes())


def names_in_gdal(path: Path, grid: str) -> bool:
    with rasterio.open(path) as dataset:
        return grid in dataset.crs.to_wkt()


@pytest.mark.filterwarnings("ignore")
def test_a_text_that_is_written_as_numbers_is_read_as_gdal_reads_it(tmp_path: Path) -> None:
    path, grid = tmp_path / "a.tif", str(tmp_path / "other.gsb")
    content = write(path, grid)
    tiff = TiffFile(io.BytesIO(content))
    field = tiff.directory(tiff.first).fields[GEO_ASCII]
    (at,) = unpack("<I", field.raw)
    text = content[at : at + field.number]
    entry = content.index(pack("<HHI4s", *field))
    content[entry : entry + 12] = pack("<HHII", GEO_ASCII, SHORT, field.number, len(content))
    path.write_bytes(content + b"".join(pack("<H", letter) for letter in text))
    assert names_in_gdal(path, grid)
    with pytest.raises(ReferenceProblem, match="names a file in its CRS"):
        check_file(path)


@pytest.mark.filterwarnings("ignore")
def test_what_is_left_to_gdal_gdal_refuses(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    content = write(path, str(tmp_path / "other.gsb"))
    tiff = TiffFile(io.BytesIO(content))
    first = tiff.directory(tiff.first)
    fields = [pack("<HHI4s", *field) for field in first.fields.values()]
    fields += [pack("<HHII", 65000, SHORT, 1, 0)] * (MAX_FIELDS + 1 - len(fields))
    content[4:8] = pack("<I", len(content))
    path.write_bytes(content + pack("<H", len(fields)) + b"".join(fields) + bytes(4))
    check_file(path)
    with pytest.raises(RasterioIOError):
        rasterio.open(path)


def test_a_text_of_a_megabyte_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    content = write(path, "@null")
    entry = content.index(pack("<HH", GEO_ASCII, 2))
    content[entry + 4 : entry + 12] = pack("<II", 2**20 + 1, len(content))
    path.write_bytes(content + b" " * 2**20 + b"\0")
    with pytest.raises(ReferenceProblem, match="excessively long text"):
        check_file(path)


@pytest.mark.parametrize("text", ["+nadgrids=/a/b.gsb", "+nadgrids=\u00a0/b.gsb", "+NADGRIDS=é/b.gsb"])
def test_letters_beyond_ascii_end_no_name(text: str) -> None:
    with pytest.raises(ReferenceProblem):
        check_crs(text)
