"""A GeoTIFF completed by its sidecars, alone in a folder, is to GDAL what it was with them beside it."""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from planet_vector.pixels.completing import complete
from planet_vector.pixels.opening import open_raster
from planet_vector.pixels.sidecars import SidecarProblem, read_place

from .test_sidecars import CONTROL, NODATA, SRS, TRANSFORM, UTM, WORLD

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

WIDTH, HEIGHT = 300, 200
Layout = Dict[str, Any]
LAYOUTS: Dict[str, Layout] = {
    "strips": {"interleave": "pixel"},
    "planes": {"interleave": "band", "compress": "lzw", "predictor": 2},
    "tiles": {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "deflate"},
    "jpeg": {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "jpeg", "photometric": "ycbcr"},
    "sparse": {"tiled": True, "blockxsize": 64, "blockysize": 64, "sparse_ok": True},
}
SIDES: Dict[str, Dict[str, Any]] = {
    "world": {"world": WORLD["turned"]},
    "aux": {"aux": SRS + TRANSFORM},
    "points": {"aux": CONTROL},
    "nodata": {"aux": NODATA},
    "mask": {"bits": 8},
    "mask of bits": {"bits": 1, "world": WORLD["north up"]},
    "all": {"aux": SRS + TRANSFORM + NODATA, "world": WORLD["turned"], "bits": 8},
}


def write(
    path: Path, layout: Optional[Layout] = None, overviews: bool = False, dtype: str = "uint8", **more: Any
) -> None:
    profile = {"width": WIDTH, "height": HEIGHT, "count": 3, "dtype": dtype, **(layout or {}), **more}
    values = np.random.default_rng(2).integers(1, 12, (profile["count"], HEIGHT, WIDTH)).astype(dtype)
    with rasterio.open(path, "w", driver="GTiff", **profile) as file:
        if "sparse_ok" in profile:
            file.write(values[:, :70, :70], window=((0, 70), (0, 70)))
        else:
            file.write(values)
    if overviews:
        with rasterio.open(path, "r+") as file:
            file.build_overviews([2, 4])


def write_mask(
    path: Path, bits: int = 8, overviews: bool = False, flags: str = "2", bands: int = 3, **more: Any
) -> None:
    valid = np.zeros((HEIGHT, WIDTH), "uint8")
    valid[20:120, 37:250] = 255 if bits == 8 else 1
    profile = {"width": WIDTH, "height": HEIGHT, "count": 1, "dtype": "uint8", "nbits": bits, "compress": "deflate"}
    with rasterio.open(path, "w", driver="GTiff", **{**profile, **more}) as file:
        file.write(valid[: file.height, : file.width].astype(file.dtypes[0]), 1)
        file.update_tags(**{f"INTERNAL_MASK_FLAGS_{band}": flags for band in range(1, bands + 1)})
    if overviews:
        with rasterio.open(path, "r+") as file:
            file.build_overviews([2, 4])


def put_beside(path: Path, aux: str = "", world: str = "", bits: int = 0, **mask: Any) -> None:
    if aux:
        path.with_name(f"{path.name}.aux.xml").write_text(f"<PAMDataset>{aux}</PAMDataset>")
    if world:
        path.with_suffix(".tfw").write_text(world)
    if bits:
        write_mask(path.with_name(f"{path.name}.msk"), bits, **mask)


def content_of(path: Path) -> bytes:
    """Return a completed file as one."""
    content = b""
    for part in complete(path, read_place(path, path.parent)).parts:
        if isinstance(part, bytes):
            content += part
        else:
            with part.file.path.open("rb") as file:
                file.seek(part.start)
                content += file.read(part.length)
    return content


def seen(dataset: Any) -> Tuple[Any, ...]:
    points, crs = dataset.gcps
    control = [(p.row, p.col, p.x, p.y, p.z) for p in points]
    place = (control, crs.to_wkt()) if control else (dataset.crs and dataset.crs.to_wkt(), dataset.transform)
    small = (HEIGHT // 4, WIDTH // 4)
    return (
        *place, dataset.nodatavals, dataset.profile, dataset.overviews(1), dataset.mask_flag_enums, dataset.colorinterp,
        dataset.read().tobytes(), dataset.read(out_shape=(dataset.count, *small)).tobytes(),
        (dataset.dataset_mask() > 0).tobytes(), (dataset.read_masks(1, out_shape=small) > 0).tobytes(),
    )  # fmt: skip


def tables(content: bytes) -> List[Tuple[int, List[int]]]:
    """Return the offset and the tags of each directory."""
    order = "<" if content[:2] == b"II" else ">"
    big = struct.unpack(order + "H", content[2:4])[0] == 43
    number, size, offset = ("Q", 20, "Q") if big else ("H", 12, "I")
    read: Callable[[str, int], int] = lambda form, at: struct.unpack_from(order + form, content, at)[0]  # noqa: E731
    at, found = read(offset, 8 if big else 4), []
    while at:
        count, start = read(number, at), at + (8 if big else 2)
        found.append((at, [read("H", start + n * size) for n in range(count)]))
        at = read(offset, start + count * size)
    return found


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("order", ["LITTLE", "BIG"])
@pytest.mark.parametrize("big", ["NO", "YES"])
def test_a_completed_file_alone_is_what_it_is_with_its_sidecars(
    tmp_path: Path, order: str, big: str, layout: str
) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    for number, (side, overviews) in enumerate(itertools.product(SIDES, (False, True))):
        path = tmp_path / f"{number}.tif"
        placed = not {"world", "points"} & {side, *SIDES[side]}
        inside = {"crs": "EPSG:32633", **({"transform": UTM} if placed else {})}
        write(path, LAYOUTS[layout], overviews, ENDIANNESS=order, BIGTIFF=big, **inside)
        # A mask need not be written as its raster is.
        written = {"ENDIANNESS": ("LITTLE", "BIG")[number // 2 % 2], "BIGTIFF": ("YES", "NO")[number // 3 % 2]}
        put_beside(path, **SIDES[side], **written, overviews=overviews, tiled=bool(number % 2))
        content, before = content_of(path), path.read_bytes()
        assert content[16:].startswith(before[16:]) and len(content) > len(before), side
        directories = tables(content)
        assert all(at % 2 == 0 and tags == sorted(set(tags)) for at, tags in directories), side
        (alone / path.name).write_bytes(content)
        with rasterio.open(path) as expected, rasterio.open(alone / path.name) as found:
            assert seen(found) == seen(expected), (side, overviews)
            if layout != "sparse" or NODATA not in SIDES[side].get("aux", ""):
                assert found.read().tobytes() == open_alone(path)
        with rasterio.open(path) as expected, open_raster(path, read_place(path, tmp_path)) as found:
            assert seen(found)[:3] == seen(expected)[:3] and seen(found)[4:] == seen(expected)[4:], (side, overviews)


def open_alone(path: Path) -> bytes:
    with open_raster(path) as dataset:
        return bytes(dataset.read().tobytes())


@pytest.mark.skipif(shutil.which("gdalinfo") is None, reason="needs GDAL's own programs")
@pytest.mark.parametrize("side", SIDES)
def test_programs_of_another_gdal_read_it(tmp_path: Path, side: str) -> None:
    write(tmp_path / "scene.tif", LAYOUTS["tiles"], True)
    put_beside(tmp_path / "scene.tif", **SIDES[side])
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "scene.tif").write_bytes(content_of(tmp_path / "scene.tif"))
    said = []
    for folder in (tmp_path, tmp_path / "alone"):
        told = subprocess.run(
            ["gdalinfo", "-json", "-checksum", "scene.tif"], cwd=folder, capture_output=True, text=True, timeout=60
        )
        assert told.returncode == 0 and not told.stderr
        found = json.loads(told.stdout)
        said.append({key: found.get(key) for key in ("size", "geoTransform", "cornerCoordinates", "bands")})
        codes = [
            found.get("stac", {}).get("proj:epsg"),
            *(point["x"] for point in found.get("gcps", {}).get("gcpList", [])),
        ]
        said[-1]["place"] = codes
    assert said[0] == said[1]


def test_a_cog_is_completed(tmp_path: Path) -> None:
    write(tmp_path / "plain.tif")
    path = tmp_path / "scene.tif"
    rasterio.shutil.copy(tmp_path / "plain.tif", path, driver="COG", BLOCKSIZE=128, OVERVIEW_COUNT=2)
    put_beside(path, aux=SRS + TRANSFORM, bits=8)
    (tmp_path / "alone.tif").write_bytes(content_of(path))
    with rasterio.open(path) as expected, rasterio.open(tmp_path / "alone.tif") as found:
        assert seen(found) == seen(expected) and len(found.overviews(1)) == 2


def test_unwritten_blocks_of_overviews_are_nodata_too(tmp_path: Path) -> None:
    path = tmp_path / "scene.tif"
    with rasterio.Env(SPARSE_OK_OVERVIEW=True):
        write(path, LAYOUTS["sparse"], True)
    put_beside(path, aux=NODATA)
    with open_raster(path, read_place(path, tmp_path)) as dataset:
        for size in ((HEIGHT, WIDTH), (HEIGHT // 2, WIDTH // 2), (HEIGHT // 4, WIDTH // 4)):
            assert (dataset.read(out_shape=(3, *size))[:, -1, -1] == 9).all()


def test_a_mask_within_the_file_counts_before_one_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "scene.tif"
    write(path)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as file:
        file.write_mask(np.tri(HEIGHT, WIDTH, dtype=bool))
    put_beside(path, bits=8)
    assert content_of(path) == path.read_bytes()
    with rasterio.open(path) as expected:
        assert (expected.dataset_mask() > 0).tobytes() == np.tri(HEIGHT, WIDTH, dtype=bool).tobytes()


HEIGHTS = "<GCPList Projection='EPSG:32634'>{}</GCPList>".format(
    "".join(
        f'<GCP Id="{i}" Pixel="{x}" Line="{y}" X="{400_000 + 10 * x}" Y="{5_000_000 - 10 * y}" {height}/>'
        for i, (x, y, height) in enumerate(
            [(0, 0, 'Z="1250.5"'), (300.25, 0, 'GCPZ="-3"'), (300, 200, ""), (0, 200, 'Z="8848.86"')]
        )
    )
)


def points(dataset: Any) -> List[Tuple[float, ...]]:
    return [(p.row, p.col, p.x, p.y, p.z) for p in dataset.gcps[0]]


@pytest.mark.parametrize("layout", ["strips", "tiles"])
@pytest.mark.parametrize("order", ["LITTLE", "BIG"])
def test_control_points_keep_their_heights(tmp_path: Path, layout: str, order: str) -> None:
    path = tmp_path / "scene.tif"
    write(path, LAYOUTS[layout], endianness=order)
    put_beside(path, aux=HEIGHTS)
    (tmp_path / "alone.tif").write_bytes(content_of(path))
    with rasterio.open(path) as expected, rasterio.open(tmp_path / "alone.tif") as found:
        assert [point[4] for point in points(expected)] == [1250.5, -3, 0, 8848.86]
        assert points(found) == points(expected)


def test_pixels_that_are_points_stay_so(tmp_path: Path) -> None:
    path = tmp_path / "scene.tif"
    write(path, crs="EPSG:32633", transform=UTM)
    with rasterio.open(path, "r+") as file:
        file.update_tags(AREA_OR_POINT="Point")
    for aux in (SRS, TRANSFORM, SRS + TRANSFORM, CONTROL, SRS + HEIGHTS):
        put_beside(path, aux=aux)
        (tmp_path / "alone.tif").write_bytes(content_of(path))
        with rasterio.open(path) as expected, rasterio.open(tmp_path / "alone.tif") as found:
            assert found.tags()["AREA_OR_POINT"] == "Point"
            assert points(found) == points(expected)
            if not points(found):
                assert (found.crs, found.transform) == (expected.crs, expected.transform)
            assert found.gcps[1] == expected.gcps[1]


def bands(*values: Optional[float]) -> str:
    return "".join(
        f'<PAMRasterBand band="{number}"><NoDataValue>{value!r}</NoDataValue></PAMRasterBand>'
        for number, value in enumerate(values, 1)
        if value is not None
    )


@pytest.mark.parametrize(
    ("own", "aux", "expected"),
    [
        (None, bands(9, 9, 9), 9), (5, bands(9, 9, 9), 9), (9, bands(9, None, None), 9), (5, bands(5.0, 5, None), 5),
        (None, bands(9), "9, none"), (5, bands(9), "5, 9"), (None, bands(1, 2, 3), "1, 2, 3"),
        (None, bands(9, 9, None), "9, none"), (5, bands(9, 9, 9, 8), 9),
    ],
)  # fmt: skip
def test_bands_share_one_nodata_value_or_are_refused(tmp_path: Path, own: Any, aux: str, expected: Any) -> None:
    path = tmp_path / "scene.tif"
    write(path, nodata=own)
    put_beside(path, aux=aux)
    if isinstance(expected, str):
        with pytest.raises(SidecarProblem, match=rf"scene.tif.aux.xml .*different nodata values \({expected}\)"):
            content_of(path)
    else:
        with open_raster(path, read_place(path, tmp_path)) as dataset:
            assert dataset.nodatavals == (expected,) * 3


def test_an_alpha_band_needs_no_nodata_value(tmp_path: Path) -> None:
    path = tmp_path / "scene.tif"
    write(path, count=4, photometric="rgb", alpha="yes")
    put_beside(path, aux=bands(9, 9, 9))
    with open_raster(path, read_place(path, tmp_path)) as dataset:
        assert dataset.nodata == 9


WIDE = [("int64", -(2**62) - 1), ("uint64", 2**63 + 5), ("float32", -3.4028234663852886e38), ("float64", 1e-300)]


@pytest.mark.parametrize(("dtype", "nodata"), WIDE)
def test_nodata_values_are_exact(tmp_path: Path, dtype: str, nodata: Any) -> None:
    path = tmp_path / "scene.tif"
    write(path, dtype=dtype, count=1)
    put_beside(path, aux=bands(nodata))
    if not dtype.startswith("float"):  # rasterio takes them for 64 bits of a fraction
        assert f"\0{nodata}\0".encode() in content_of(path)[path.stat().st_size :]
    with rasterio.open(path) as expected, open_raster(path, read_place(path, tmp_path)) as found:
        assert found.nodata == expected.nodata


def test_a_crs_that_no_geotiff_holds_is_told(tmp_path: Path) -> None:
    write(tmp_path / "scene.tif", transform=UTM)
    crs = rasterio.CRS.from_string("+proj=ob_tran +o_proj=longlat +o_lon_p=0 +o_lat_p=30 +lon_0=0")
    put_beside(tmp_path / "scene.tif", aux=f"<SRS>{crs.to_wkt()}</SRS>")
    with pytest.raises(SidecarProblem, match="no GeoTIFF can represent"):
        content_of(tmp_path / "scene.tif")


@pytest.mark.skipif(sys.platform == "win32", reason="the file would take its 4 GB there")
def test_a_classic_tiff_does_not_pass_4_gb(tmp_path: Path) -> None:
    for big, length in (("NO", 2**32 - 100), ("YES", 2**32 - 100), ("YES", 2**33)):
        path = tmp_path / "scene.tif"
        write(path, BIGTIFF=big)
        put_beside(path, aux=NODATA, world=WORLD["turned"], bits=8)
        os.truncate(path, length)
        if big == "NO":
            with pytest.raises(SidecarProblem, match="would exceed the 4 GB .* BIGTIFF=YES"):
                complete(path, read_place(path, tmp_path))
        else:
            with open_raster(path, read_place(path, tmp_path)) as dataset:
                assert (dataset.nodata, dataset.transform.b) == (9, 2)
                assert (dataset.read_masks(1) > 0).sum() == 100 * 213


def put(at: int, content: bytes) -> Callable[[bytes], bytes]:
    return lambda mask: mask[:at] + content + mask[at + len(content) :]


def tag_changed(tag: int, value: int) -> Callable[[bytes], bytes]:
    """Return what gives a field of the first directory of a little-endian classic TIFF another value."""

    def change(mask: bytes) -> bytes:
        at = struct.unpack_from("<I", mask, 4)[0]
        for start in range(at + 2, at + 2 + 12 * struct.unpack_from("<H", mask, at)[0], 12):
            if struct.unpack_from("<H", mask, start)[0] == tag:
                return put(start + 8, struct.pack("<I", value))(mask)
        raise AssertionError(tag)

    return change


def looped(mask: bytes) -> bytes:
    at = struct.unpack_from("<I", mask, 4)[0]
    return put(at + 2 + 12 * struct.unpack_from("<H", mask, at)[0], struct.pack("<I", at))(mask)


@pytest.mark.parametrize(
    ("mask", "change", "reason"),
    [
        ({}, lambda _: b"<VRTDataset/>", "is not a TIFF"),
        ({}, lambda _: b"", "is truncated, or not a TIFF"),
        ({}, lambda mask: mask[: len(mask) // 2], "truncated"),
        ({}, put(4, b"\xff\xff\xff\x7f"), "truncated"),
        ({}, looped, "circular directories"),
        ({}, tag_changed(259, 6), "unsupported compression"),
        ({}, tag_changed(278, 0), "empty strips or tiles"),
        ({}, tag_changed(278, 1), "number of strips or tiles that contradicts"),
        ({"height": HEIGHT - 1}, None, "300 x 199 pixels, and the raster has 300 x 200"),
        ({"count": 3}, None, "one band of 1 or 8 bits"),
        ({"dtype": "uint16", "nbits": 16}, None, "one band of 1 or 8 bits"),
        ({"dtype": "int8"}, None, "one band of 1 or 8 bits"),
        ({"flags": "1"}, None, "the mask of all bands together"),
        ({"bands": 2}, None, "the mask of all bands together"),
        ({"bands": 0}, None, "the mask of all bands together"),
    ],
)
def test_what_is_no_mask_of_the_raster_is_told(tmp_path: Path, mask: Any, change: Any, reason: str) -> None:
    path = tmp_path / "scene.tif"
    write(path)
    put_beside(path, bits=8, **mask)
    beside = tmp_path / "scene.tif.msk"
    if change:
        beside.write_bytes(change(beside.read_bytes()))
    with pytest.raises(SidecarProblem, match=rf"^scene.tif.msk .*{reason}"):
        content_of(path)


def write_strips(path: Path, sizes: List[Tuple[int, int]]) -> None:
    """Write a TIFF of directories that all point at the same strips, of one row each."""
    flags = b'<GDALMetadata><Item name="INTERNAL_MASK_FLAGS_1">2</Item></GDALMetadata>\0'
    most = max(rows for _, rows in sizes)
    content = b"II*\0" + bytes(4) + flags.ljust(128, b"\0") + struct.pack("<I", 8) * most + struct.pack("<I", 1) * most
    size = 2 + 12 * 10 + 4
    start = len(content)
    for number, (columns, rows) in enumerate(sizes):
        strips = [(273, 4, rows, 136), (278, 4, 1, 1), (279, 4, rows, 136 + 4 * most)]
        fields = [(254, 4, 1, 1 if number else 0), (256, 4, 1, columns), (257, 4, 1, rows), (258, 3, 1, 8),
                  (259, 3, 1, 1), (262, 3, 1, 1), *strips, (42112, 2, len(flags), 8)]  # fmt: skip
        table = b"".join(struct.pack("<HHII", *field) for field in sorted(fields))
        following = start + size * (number + 1) if number + 1 < len(sizes) else 0
        content += struct.pack("<H", len(fields)) + table + struct.pack("<I", following)
    path.write_bytes(content[:4] + struct.pack("<I", start) + content[8:])


def test_overviews_of_a_mask_are_taken_once_a_size(tmp_path: Path) -> None:
    path, rows = tmp_path / "scene.tif", 2**15
    write_strips(path, [(1, rows), (1, rows)])
    write_strips(tmp_path / "scene.tif.msk", [(1, rows)] * 500)
    assert complete(path, read_place(path, tmp_path)).added < 10 * 8 * rows


def test_a_mask_of_too_many_strips_in_all_is_told(tmp_path: Path) -> None:
    path = tmp_path / "scene.tif"
    sizes = [(1, 2**18 - number) for number in range(40)]
    write_strips(path, sizes)
    write_strips(tmp_path / "scene.tif.msk", sizes)
    with pytest.raises(SidecarProblem, match=r"^scene.tif.msk has \d+ strips or tiles with its overviews"):
        content_of(path)


def test_directories_of_too_many_fields_in_all_are_told(tmp_path: Path) -> None:
    path = tmp_path / "scene.tif"
    write(path, count=1)
    table = b"".join(struct.pack("<HHII", tag, 4, 1, 0) for tag in range(1000, 5000))
    content = b"II*\0" + struct.pack("<I", 8)
    for number in range(40):
        following = 8 + (number + 1) * (len(table) + 6)
        content += struct.pack("<H", 4000) + table + struct.pack("<I", following if number < 39 else 0)
    (tmp_path / "scene.tif.msk").write_bytes(content)
    with pytest.raises(SidecarProblem, match=r"^scene.tif.msk has directories of more than 65536 fields together"):
        content_of(path)


def test_more_than_some_megabytes_are_not_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "scene.tif"
    write_strips(path, [(1, 20_000)])
    write_strips(tmp_path / "scene.tif.msk", [(1, 20_000)])
    monkeypatch.setattr("planet_vector.pixels.completing.MOST_ADDED", 10**5, raising=False)
    with pytest.raises(SidecarProblem, match=r"^scene.tif needs 0.2 MB of directories .* 0.1 MB: "):
        content_of(path)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="names are Unicode elsewhere")
@pytest.mark.parametrize("linked", [False, True])
def test_files_of_folders_whose_names_are_not_unicode_are_opened(tmp_path: Path, linked: bool) -> None:
    folder = tmp_path / os.fsdecode(b"n\xff")
    folder.mkdir()
    write(tmp_path / "scene.tif", LAYOUTS["tiles"])
    write_mask(tmp_path / "scene.tif.msk")
    (tmp_path / "scene.tif.msk").rename(folder / "scene.tif.msk")
    if linked:
        (tmp_path / "scene.tif.msk").symlink_to(folder / "scene.tif.msk")
        path = tmp_path / "scene.tif"
    else:
        path = (tmp_path / "scene.tif").rename(folder / "scene.tif")
    with open_raster(path, read_place(path, tmp_path)) as dataset:
        assert (dataset.read_masks(1) > 0).sum() == 100 * 213


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), which=st.sampled_from(["scene.tif", "scene.tif.msk"]), big=st.booleans())
def test_damaged_files_are_completed_or_refused(tmp_path: Path, seed: int, which: str, big: bool) -> None:
    path, choose = tmp_path / "scene.tif", random.Random(seed)
    kept = tmp_path / f"kept_{big}_{which}"
    if not kept.exists():
        form = {"BIGTIFF": "YES" if big else "NO"}
        path.unlink(missing_ok=True)
        write(path, LAYOUTS["tiles"], True, crs="EPSG:32633", transform=UTM, **form)
        path.with_name("scene.tif.msk").unlink(missing_ok=True)
        put_beside(path, aux=SRS + TRANSFORM + NODATA, bits=8, overviews=True, **form)
        for name in ("scene.tif", "scene.tif.msk"):
            (tmp_path / f"kept_{big}_{name}").write_bytes((tmp_path / name).read_bytes())
    for name in ("scene.tif", "scene.tif.msk"):
        (tmp_path / name).write_bytes((tmp_path / f"kept_{big}_{name}").read_bytes())
    content = bytearray(kept.read_bytes())
    at = 4 if choose.random() < 0.1 else struct.unpack_from("<Q" if big else "<I", content, 8 if big else 4)[0]
    for _ in range(choose.randint(1, 4)):
        content[min(at + choose.randrange(300), len(content) - 1)] = choose.choice([0, 1, 255, choose.randrange(256)])
    (tmp_path / which).write_bytes(content)
    try:
        made = complete(path, read_place(path, tmp_path))
    except SidecarProblem as problem:
        assert str(problem).startswith(("scene.tif ", "scene.tif.msk ", "scene.tif.aux.xml ", "its sidecars"))
        return
    assert made.added < 20_000
