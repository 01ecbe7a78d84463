"""GeoTIFFs opened without their sidecars: which files are opened is recorded, as the kernel tells it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Callable, Dict, List

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from rasterio.vrt import WarpedVRT

from planet_vector.pixels.opening import open_raster
from planet_vector.pixels.references import ReferenceProblem
from planet_vector.pixels.sidecars import FileState, Place, SidecarProblem, read_place

from ..server.opened import opened

UTM = Affine(10, 0, 300_000, 0, -10, 5_310_000)
SIZE = 512

# Whatever GDAL's GeoTIFF driver and its readers of metadata look for beside scene.tif.
BESIDE = [
    "scene.tif.ovr", "scene.tif.msk", "scene.tif.msk.ovr", "scene.tif.aux.xml", "scene.aux", "scene.tif.aux",
    "scene.rrd", "scene.tfw", "scene.tifw", "scene.wld", "scene.tab", "scene.prj", "scene.IMD", "scene.RPB",
    "scene.XML", "scene.xml", "scene.tif.xml", "scene_RPC.TXT", "scene_rpc.txt", "scene_MTL.txt", "scene_MTL.TXT",
    "scene_metadata.txt", "scene_metadata.xml", "METADATA.DIM", "DIM_scene.XML", "RPC_scene.XML", "scene.pvl",
    "scene.dim", "scene.rpc", "scene.eph", "scene.txt", "summary.txt", "HDRscene.txt", "scene.clr",
    "scene.tif.vat.dbf", "product.xml", "manifest.xml",
]  # fmt: skip


def write(path: Path, count: int = 1, dtype: str = "uint8", **more: Any) -> np.ndarray:
    values = np.random.default_rng(3).integers(1, 12, (count, SIZE, SIZE)).astype(dtype)
    more = {"crs": "EPSG:32633", "transform": UTM, **more}
    with rasterio.open(path, "w", driver="GTiff", width=SIZE, height=SIZE, count=count, dtype=dtype, **more) as file:
        file.write(values)
    return values


def vrt_of(source: Path) -> str:
    return (
        f'<VRTDataset rasterXSize="{SIZE // 2}" rasterYSize="{SIZE // 2}"><VRTRasterBand dataType="Byte" band="1">'
        f'<SimpleSource><SourceFilename relativeToVRT="0">{source}</SourceFilename><SourceBand>1</SourceBand>'
        "</SimpleSource></VRTRasterBand></VRTDataset>"
    )


def use(dataset: Any) -> None:
    """Do what makes GDAL look for sidecars."""
    for band in dataset.indexes:
        dataset.overviews(band)
        dataset.tags(band)
    for domain in (None, "RPC", "IMAGERY", "IMD", *dataset.tag_namespaces()):
        dataset.tags(ns=domain)
    for name in ("rpcs", "gcps", "files", "mask_flag_enums", "nodatavals", "units", "descriptions", "colorinterp"):
        getattr(dataset, name)
    dataset.read(out_shape=(dataset.count, SIZE // 4, SIZE // 4))
    dataset.dataset_mask()
    dataset.read()
    if dataset.crs:
        with WarpedVRT(dataset, crs="EPSG:3857") as warped:
            warped.read(out_shape=(dataset.count, 64, 64))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder, secrets = tmp_path / "archive", tmp_path / "secrets"
    folder.mkdir()
    secrets.mkdir()
    write(secrets / "secret.tif")
    write(folder / "scene.tif")
    for name in BESIDE:
        (folder / name).write_text(vrt_of(secrets / "secret.tif"))
    return folder


PLACES = [None, Place(nodata={1: 5}), Place(crs=rasterio.CRS.from_epsg(32634).to_wkt(), transform=UTM)]


def in_a_thread(work: Callable[[], None]) -> None:
    failed: List[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert not failed


@pytest.mark.parametrize("place", PLACES, ids=["alone", "nodata", "placed"])
def test_nothing_beside_a_raster_is_opened(archive: Path, place: Any) -> None:
    with opened(archive) as names, opened(archive.parent / "secrets") as secrets:
        with open_raster(archive / "scene.tif", place) as dataset:
            use(dataset)
    assert (names, secrets) == ({"scene.tif"}, set())


@pytest.mark.parametrize("place", PLACES, ids=["alone", "nodata", "placed"])
def test_nothing_is_opened_late_by_threads_without_the_options(archive: Path, place: Any) -> None:
    with opened(archive) as names, opened(archive.parent / "secrets") as secrets:
        with open_raster(archive / "scene.tif", place) as dataset:
            in_a_thread(lambda: use(dataset))
    assert (names, secrets) == ({"scene.tif"}, set())


def test_only_sidecars_that_place_a_raster_are_read(archive: Path) -> None:
    (archive / "scene.tif.aux.xml").write_text("<PAMDataset/>")
    (archive / "scene.tfw").write_text("10\n0\n0\n-10\n5\n-5\n")
    mask = archive / "scene.tif.msk"
    expected = Place(world=Affine(10, 0, 0, 0, -10, 0), mask=FileState.of(mask, mask.stat()), mask_name=mask.name)
    with opened(archive) as names:
        assert read_place(archive / "scene.tif", archive) == expected
    assert names == {"scene.tif.aux.xml", "scene.tfw"}


@pytest.mark.parametrize(
    "tags",
    [
        {"OVERVIEWS": {"OVERVIEW_FILE": "{secret}"}},
        {"OVERVIEWS": {"OVERVIEW_FILE": "{vrt}"}},
        {"OVERVIEWS": {"OVERVIEW_FILE": ":::BASE:::../secrets/secret.tif"}},
        {"GEOLOCATION": {"X_DATASET": "{secret}", "Y_DATASET": "{secret}", "X_BAND": "1", "Y_BAND": "1"}},
    ],
)
def test_a_raster_whose_own_metadata_name_a_file_is_refused(archive: Path, tags: Dict[str, Dict[str, str]]) -> None:
    secret = archive.parent / "secrets" / "secret.tif"
    with rasterio.open(archive / "scene.tif", "r+") as file:
        for domain, items in tags.items():
            file.update_tags(ns=domain, **{k: v.format(secret=secret, vrt=vrt_of(secret)) for k, v in items.items()})
    with opened(secret.parent) as secrets:
        with pytest.raises(ReferenceProblem, match="names another file"), open_raster(archive / "scene.tif") as dataset:
            use(dataset)
    assert not secrets


@pytest.mark.parametrize("big", ["YES", "NO"])
@pytest.mark.parametrize("endian", ["LITTLE", "BIG"])
def test_a_crs_that_names_a_grid_in_a_folder_is_refused(archive: Path, big: str, endian: str) -> None:
    """PROJ opens it with the raster."""
    secret = archive.parent / "secrets" / "secret.tif"
    crs = rasterio.CRS.from_string(f"+proj=utm +zone=33 +ellps=intl +nadgrids={secret} +units=m +no_defs")
    write(archive / "scene.tif", crs=crs, GEOTIFF_KEYS_FLAVOR="ESRI_PE", BIGTIFF=big, ENDIANNESS=endian)
    write(archive / "other.tif")
    (archive / "other.tif.aux.xml").write_text(f"<PAMDataset><SRS>{crs.to_wkt()}</SRS></PAMDataset>")
    # PROJ remembers what it has opened once: another name, of the same length.
    write(secret.with_name("hidden.tif"))
    for name in ("scene.tif", "other.tif.aux.xml"):
        content = (archive / name).read_bytes()
        assert b"secret.tif" in content
        (archive / name).write_bytes(content.replace(b"secret.tif", b"hidden.tif"))
    with opened(secret.parent) as secrets:
        with pytest.raises(ReferenceProblem, match="CRS"), open_raster(archive / "scene.tif"):
            pass
        with pytest.raises(SidecarProblem, match="CRS"):
            read_place(archive / "other.tif", archive)
    assert not secrets
    with opened(secret.parent) as secrets, rasterio.open(archive / "scene.tif") as dataset:
        dataset.crs.to_epsg()
    assert secrets == {"hidden.tif"}


@pytest.mark.parametrize("grids", ["@null", "ntv2_0.gsb"])
def test_a_crs_that_names_a_grid_of_proj_is_none_of_them(archive: Path, grids: str) -> None:
    crs = rasterio.CRS.from_string(f"+proj=utm +zone=33 +ellps=intl +nadgrids={grids} +units=m +no_defs")
    write(archive / "scene.tif", crs=crs, GEOTIFF_KEYS_FLAVOR="ESRI_PE")
    with open_raster(archive / "scene.tif") as dataset:
        assert grids in dataset.crs.to_wkt()


@pytest.mark.parametrize("driver", ["PNG", "VRT"])
def test_only_geotiffs_are_opened(tmp_path: Path, driver: str) -> None:
    write(tmp_path / "real.tif")
    with rasterio.open(tmp_path / "real.tif") as source:
        rasterio.shutil.copy(source, tmp_path / "scene.tif", driver=driver)
    with pytest.raises(rasterio.errors.RasterioIOError), open_raster(tmp_path / "scene.tif"):
        pass


@pytest.mark.parametrize(
    "more",
    [
        {"dtype": "uint16", "count": 4},
        {"dtype": "float32", "count": 2, "nodata": 3, "tiled": True, "compress": "deflate"},
        {"dtype": "int64"},
        {"dtype": "complex64"},
        {"dtype": "int8"},
        {"count": 4, "photometric": "RGB", "alpha": "yes"},
        {"count": 3, "photometric": "RGB", "mask": True},
        {"photometric": "palette", "palette": {1: (255, 0, 0, 255), 9: (0, 0, 255, 255)}},
        {"count": 2, "overviews": [2, 4]},
    ],
    ids=str,
)
def test_what_is_laid_over_a_raster_changes_nothing_else(tmp_path: Path, more: Dict[str, Any]) -> None:
    path = tmp_path / "scene.tif"
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        palette, mask, factors = more.pop("palette", None), more.pop("mask", False), more.pop("overviews", None)
        write(path, **more)
        with rasterio.open(path, "r+") as file:
            if palette:
                file.write_colormap(1, palette)
            if mask:
                file.write_mask(np.arange(SIZE * SIZE).reshape(SIZE, SIZE) % 7 > 2)
            if factors:
                file.build_overviews(factors)
    elsewhere = UTM * Affine.translation(100, 100)
    with open_raster(path) as plain, open_raster(path, Place(transform=elsewhere)) as placed:
        assert placed.transform == elsewhere
        for name in ("crs", "dtypes", "colorinterp", "nodatavals", "mask_flag_enums", "shape", "count"):
            assert getattr(placed, name) == getattr(plain, name), name
        assert (placed.read() == plain.read()).all()
        assert (placed.dataset_mask() == plain.dataset_mask()).all()
        small = (plain.count, 100, 100)
        assert (placed.read(out_shape=small) == plain.read(out_shape=small)).all()
        assert placed.overviews(1) == plain.overviews(1)
        if palette:
            assert {k: placed.colormap(1)[k] for k in palette} == palette
