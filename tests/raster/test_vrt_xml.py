"""VRTs as GDAL itself takes them: where they lie, and what they say."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Dict

import pytest

rasterio = pytest.importorskip("rasterio")
import numpy as np  # noqa: E402
import pyproj  # noqa: E402
from affine import Affine  # noqa: E402
from rasterio.crs import CRS  # noqa: E402

from planet_vector.errors import RasterAccessError  # noqa: E402
from planet_vector.geometry.grid import GridSpec  # noqa: E402
from planet_vector.raster.vrt_xml import add_band, add_metadata, add_source, as_text, new_vrt  # noqa: E402


def gdalinfo(text: str, path: Path) -> Dict[str, Any]:
    path.write_text(text, encoding="utf-8")
    done = subprocess.run(["gdalinfo", "-json", path], capture_output=True, check=True)
    found: Dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("epsg", [4326, 3035, 31467, 32633, 3857])
@pytest.mark.parametrize("by_code", [True, False])
def test_it_lies_where_it_should_whatever_the_order_of_axes(epsg: int, by_code: bool, tmp_path: Path) -> None:
    """By its definition the first coordinate of EPSG:4326 is the latitude, and of EPSG:3035 the northing."""
    project = pyproj.Transformer.from_crs(4326, epsg, always_xy=True).transform
    west, north = project(12.0, 48.0)
    res = (project(12.001, 48.0)[0] - west) / 10
    root = new_vrt(GridSpec(epsg if by_code else CRS.from_epsg(epsg), west, north, (res, res), 10, 10))
    add_band(root, "Byte")
    corner = gdalinfo(as_text(root), tmp_path / "a.vrt")["wgs84Extent"]["coordinates"][0][0]
    assert corner == pytest.approx([12.0, 48.0], abs=1e-4)


def test_what_xml_cannot_hold_is_a_space(tmp_path: Path) -> None:
    root = new_vrt(GridSpec(32633, 300000.0, 5300000.0, (10.0, 10.0), 4, 4))
    told = 'a\x01b <&> "q" \x85\u00a0\n\té\U0001f6f0'
    add_metadata(root, [("TOLD", told)])
    add_band(root, "Byte", [("Description", "na\x02me")], [("ITEM", told)])
    found = gdalinfo(as_text(root), tmp_path / "a.vrt")
    assert found["metadata"][""]["TOLD"] == found["bands"][0]["metadata"][""]["ITEM"] == told.replace("\x01", " ")
    assert found["bands"][0]["description"] == "na me"


def test_a_grid_of_more_pixels_than_gdal_counts_is_an_error() -> None:
    with pytest.raises(RasterAccessError, match="take larger ones"):
        new_vrt(GridSpec(32633, 0.0, 0.0, (1e-6, 1.0), 2**31, 4))


def test_a_part_of_a_source_is_placed_and_its_mask_is_a_setting(tmp_path: Path) -> None:
    pixels = np.tile(np.arange(4, dtype="uint8"), (1, 4, 1))
    profile = {"driver": "GTiff", "width": 4, "height": 4, "count": 1, "dtype": "uint8", "crs": "EPSG:32633"}
    with rasterio.open(tmp_path / "a.tif", "w", transform=Affine(10, 0, 0, 0, -10, 0), **profile) as file:
        file.write(pixels)
    root = new_vrt(GridSpec(32633, 300000.0, 5300000.0, (10.0, 10.0), 4, 4))
    band = add_band(root, "Byte", [("NoDataValue", "9")])
    add_source(band, "a.tif", 1, (0, 0, 2, 2), (2, 2, 2, 2), settings={"NODATA": "0"}, relative=True)
    (tmp_path / "a.vrt").write_text(as_text(root))
    with rasterio.open(tmp_path / "a.vrt") as found:
        assert found.read(1).tolist() == [[9] * 4, [9] * 4, [9, 9, 9, 1], [9, 9, 9, 1]]
