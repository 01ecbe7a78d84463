"""Sidecars read here mean what they mean to GDAL, and nothing else."""

from __future__ import annotations

import itertools
import math
import os
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.control import GroundControlPoint

from planet_vector.pixels.opening import open_raster
from planet_vector.pixels.sidecars import SidecarProblem, read_place, sidecar_names

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

UTM33, UTM34 = (rasterio.CRS.from_epsg(code).to_wkt() for code in (32633, 32634))
UTM = Affine(10, 0, 500_000, 0, -10, 5_000_000)
POINTS = [
    GroundControlPoint(row, column, 500_000 + 10 * column, 5_000_000 - 10 * row)
    for row, column in itertools.product((0, 40), (0, 60))
]
INTERNAL: Dict[str, Dict[str, Any]] = {
    "nothing": {},
    "all": {"crs": "EPSG:32633", "transform": UTM},
    "crs": {"crs": "EPSG:32633"},
    "transform": {"transform": UTM},
    "points": {"crs": "EPSG:32633", "gcps": POINTS},
    "nodata": {"nodata": 5},
}
SRS = f'<SRS dataAxisToSRSAxisMapping="1,2">{UTM34}</SRS>'
DEGREES = f'<SRS dataAxisToSRSAxisMapping="2,1">{rasterio.CRS.from_epsg(4326).to_wkt()}</SRS>'
TRANSFORM = "<GeoTransform> 6.0e+05, 20, 1, 4000000, 2,-20</GeoTransform>"
CONTROL = "<GCPList Projection='{}'>{}</GCPList>".format(
    UTM34,
    "".join(f'<GCP Id="{i}" Pixel="{p.col}" Line="{p.row}" X="{p.x + 7}" Y="{p.y}"/>' for i, p in enumerate(POINTS)),
)
BAND = '<PAMRasterBand band="{}"><NoDataValue>{}</NoDataValue></PAMRasterBand>'
NODATA = "".join(BAND.format(band, 9) for band in (1, 2, 3))
AUX = {
    "nothing": "", "crs": SRS, "degrees": DEGREES, "transform": TRANSFORM, "both": SRS + TRANSFORM,
    "points": CONTROL, "nodata": NODATA, "all": SRS + TRANSFORM + NODATA, "too much": SRS + TRANSFORM + CONTROL,
}  # fmt: skip
WORLD = {"nothing": "", "north up": "10\n0\n0\n-10\n350005\n5299995\n", "turned": "10\n1\n2\n-10\n350005\n5299995\n"}


def write(path: Path, dtype: str = "uint8", count: int = 3, **more: Any) -> None:
    values = np.random.default_rng(1).integers(1, 12, (count, 40, 60)).astype(dtype)
    with rasterio.open(path, "w", driver="GTiff", width=60, height=40, count=count, dtype=dtype, **more) as file:
        file.write(values)


def seen(dataset: Any) -> Tuple[Any, ...]:
    points, crs = dataset.gcps
    control = [(p.row, p.col, p.x, p.y) for p in points]
    # With control points GDAL gives no CRS for a geotransform, which means nothing then.
    place = (control, crs.to_wkt()) if control else (dataset.crs and dataset.crs.to_wkt(), dataset.transform)
    return (*place, dataset.nodatavals, dataset.read().tobytes(), dataset.dataset_mask().tobytes())


def both_ways(path: Path) -> Tuple[Tuple[Any, ...], Tuple[Any, ...]]:
    """Return what is seen here, and by GDAL with the sidecars."""
    with rasterio.open(path) as dataset:
        expected = seen(dataset)
    with open_raster(path, read_place(path, path.parent)) as dataset:
        return seen(dataset), expected


@pytest.mark.parametrize("internal", INTERNAL)
@pytest.mark.parametrize("aux", AUX)
def test_what_wins_is_what_wins_with_gdal(tmp_path: Path, internal: str, aux: str) -> None:
    for world, dtype in itertools.product(WORLD, ("uint8", "float32")):
        path = tmp_path / f"{world}_{dtype}.tif"
        write(path, dtype, **INTERNAL[internal])
        if AUX[aux]:
            path.with_name(f"{path.name}.aux.xml").write_text(f"<PAMDataset>{AUX[aux]}</PAMDataset>")
        if WORLD[world]:
            path.with_suffix(".tfw").write_text(WORLD[world])
        found, expected = both_ways(path)
        assert found == expected, (world, dtype)


@pytest.mark.parametrize(
    "crs",
    ["EPSG:4326", "EPSG:32633", "EPSG:3035", "EPSG:31467", "EPSG:3413", "EPSG:3031", "EPSG:32761", "EPSG:32661",
     "EPSG:2193", "EPSG:2065", "EPSG:5514", "EPSG:6677", "EPSG:4979", "EPSG:4326+5773", "EPSG:32633+5773",
     "+proj=geos +h=35786023 +lon_0=-75 +sweep=x +ellps=GRS80", "+proj=moll", "ESRI:54030"],
)  # fmt: skip
@pytest.mark.parametrize(
    "nodata", [("uint8", 3), ("float32", -3.4028234663852886e38), ("float64", math.nan), ("int16", -32768)]
)
def test_what_gdal_writes_beside_a_file_is_read(tmp_path: Path, crs: str, nodata: Tuple[str, float]) -> None:
    path = tmp_path / "scene.tif"
    system = rasterio.CRS.from_user_input(crs)
    write(path, nodata[0], 1, crs=system, transform=UTM, nodata=nodata[1], PROFILE="BASELINE")
    assert (tmp_path / "scene.tif.aux.xml").exists()
    with open_raster(path) as dataset:
        assert dataset.crs is None
    with rasterio.open(path) as expected, open_raster(path, read_place(path, tmp_path)) as dataset:
        assert expected.crs is not None
        assert (dataset.crs, dataset.transform) == (expected.crs, expected.transform)
        assert np.array_equal(dataset.nodatavals, expected.nodatavals, equal_nan=True)


@pytest.mark.parametrize("name", ["a.tif", "a.TIF", "a.tiff", "a.b.tif"])
@pytest.mark.parametrize("world", ["tfw", "TFW", "tifw", "tiffw", "wld", "WLD", "jgw", "txt"])
def test_world_files_are_those_of_gdal(tmp_path: Path, name: str, world: str) -> None:
    write(tmp_path / name, crs="EPSG:32633")
    (tmp_path / name).with_suffix(f".{world}").write_text(WORLD["turned"])
    found, expected = both_ways(tmp_path / name)
    assert found == expected


number = st.one_of(
    st.floats(-1e7, 1e7).map(repr), st.integers(-999, 999).map(str), st.sampled_from(["1e3", "-.5", "5.", "+3", "1,5"])
)
odd = st.one_of(number, st.sampled_from(["", " ", "x", "nan", "inf", "0x10", "1 2", "--1", "1e400", "0", "1d3"]))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(odd, min_size=4, max_size=8), end=st.sampled_from(["\n", "\r\n", " \n"]))
def test_a_world_file_is_read_as_gdal_does_or_refused(tmp_path: Path, lines: Any, end: str) -> None:
    path = tmp_path / "scene.tif"
    if not path.exists():
        write(path, crs="EPSG:32633")
    path.with_suffix(".tfw").write_bytes(end.join(lines).encode())
    try:
        found, expected = both_ways(path)
    except SidecarProblem as problem:
        assert str(problem).startswith("scene.tfw ")
        return
    assert found[1].almost_equals(expected[1], 1e-6)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is not XML"),
        ("<PAMDataset>", "is not XML"),
        ("<a/>", "is not a PAMDataset"),
        ("<VRTDataset/>", "is not a PAMDataset"),
        ('<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><PAMDataset><SRS>&a;</SRS></PAMDataset>', "type"),
        ('<!DOCTYPE x [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><PAMDataset/>', "document type"),
        ("<PAMDataset>" + "<a>" * 1000 + "</a>" * 1000 + "</PAMDataset>", "nested too deeply"),
        ("<PAMDataset><GeoTransform>1,2,3</GeoTransform></PAMDataset>", "six numbers"),
        ("<PAMDataset><GeoTransform>0,1,0,0,0,nan</GeoTransform></PAMDataset>", "six numbers"),
        ("<PAMDataset><GeoTransform>0,0,0,0,0,0</GeoTransform></PAMDataset>", "without area"),
        ("<PAMDataset><SRS>nonsense</SRS></PAMDataset>", "CRS"),
        ("<PAMDataset><SRS>{secret}</SRS></PAMDataset>", "CRS"),
        ("<PAMDataset><SRS>https://example.invalid/crs</SRS></PAMDataset>", "CRS"),
        (f'<PAMDataset><SRS dataAxisToSRSAxisMapping="2,1">{UTM34}</SRS></PAMDataset>', "order"),
        ('<PAMDataset><GCPList><GCP Pixel="1" Line="x" X="1" Y="1"/></GCPList></PAMDataset>', "control point"),
        (NODATA.replace("9", "many").join(("<PAMDataset>", "</PAMDataset>")), "nodata"),
        ('<PAMDataset><Metadata domain="xml:ESRI"><GeodataXform/></Metadata></PAMDataset>', "ESRI"),
        ("<PAMDataset>" + " " * 2**23 + "</PAMDataset>", "longer"),
    ],
)
def test_an_aux_xml_that_is_not_understood_says_so(tmp_path: Path, content: str, reason: str) -> None:
    secret = tmp_path / "secret.wkt"
    secret.write_text(UTM34)
    (tmp_path / "scene.tif.aux.xml").write_text(content.replace("{secret}", str(secret)))
    with pytest.raises(SidecarProblem, match=reason) as problem:
        read_place(tmp_path / "scene.tif", tmp_path)
    assert str(problem.value).startswith("scene.tif.aux.xml ") and len(str(problem.value)) < 200


def test_a_world_file_that_is_not_needed_may_hold_anything(tmp_path: Path) -> None:
    path = tmp_path / "scene.tif"
    path.with_suffix(".tfw").write_text("nothing")
    write(path, crs="EPSG:32633", transform=UTM)
    with open_raster(path, read_place(path, tmp_path)) as dataset:
        assert dataset.transform == UTM
    write(path, crs="EPSG:32633")
    with pytest.raises(SidecarProblem, match="scene.tfw does not hold six numbers"):
        with open_raster(path, read_place(path, tmp_path)):
            pass


def test_sidecars_lie_in_the_archive(tmp_path: Path) -> None:
    archive, outside = tmp_path / "archive", tmp_path / "outside"
    archive.mkdir()
    outside.mkdir()
    (outside / "x.aux.xml").write_text(f"<PAMDataset>{TRANSFORM}</PAMDataset>")
    (archive / "a.tif.aux.xml").symlink_to(outside / "x.aux.xml")
    with pytest.raises(SidecarProblem, match="leads out"):
        read_place(archive / "a.tif", archive)
    (archive / "kept.xml").write_text(f"<PAMDataset>{TRANSFORM}</PAMDataset>")
    (archive / "b.tif.aux.xml").symlink_to(archive / "kept.xml")
    place = read_place(archive / "b.tif", archive)
    assert place is not None and place.transform == Affine(20, 1, 600_000, 2, -20, 4_000_000)
    (archive / "c.tif.aux.xml").mkdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(archive / "c.tfw")  # reading it would wait for ever
    assert read_place(archive / "c.tif", archive) is None


def test_names() -> None:
    names: Optional[set[str]] = set(sidecar_names("a.b.tif"))
    worlds = {"a.b.tfw", "a.b.TFW", "a.b.tifw", "a.b.TIFW", "a.b.wld", "a.b.WLD"}
    assert names == {"a.b.tif.aux.xml", "a.b.tif.msk", "a.b.tif.MSK"} | worlds
