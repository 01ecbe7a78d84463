"""Assets as rasters: bands of several files and of one, values that the item states, JPEG 2000 files."""

from __future__ import annotations

import json
import re
import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List
from urllib.parse import urlsplit

import pytest

import planet_vector
from planet_vector.assets import MaskAsset
from planet_vector.bands.masks import QA_PIXEL, QA_PIXEL_OF_MSS
from planet_vector.catalog.stac.item_assets import ItemAssets
from planet_vector.connection_file import set_access
from planet_vector.errors import NotFoundError, PlanetVectorError, RasterAccessError
from tests.stac.archives import ARCHIVES, Archive, item_of
from tests.stac.conftest import Start, policies
from tests.stac.file_host import FileHost, hosting
from tests.stac.test_access import SIDE, items_at, pixels, tiff
from tests.stac_server import RECORDED

rasterio = pytest.importorskip("rasterio")
pytest.importorskip("rasterio.shutil")
np = pytest.importorskip("numpy")


def jpeg2000(number: int) -> bytes:
    """Return the file of a scene as JPEG 2000, without loss and without a nodata value."""
    with rasterio.MemoryFile(tiff(number, nodata=None)) as memory, rasterio.MemoryFile(ext=".jp2") as made:
        rasterio.shutil.copy(memory.name, made.name, driver="JP2OpenJPEG", QUALITY="100", REVERSIBLE="YES")
        return bytes(made.read())


def coloured(dtype: str = "uint16", **options: Any) -> bytes:
    """Return a file of four bands: the pixels of scenes 0 to 3, as unsigned integers."""
    profile = {
        "driver": "GTiff", "width": SIDE, "height": SIDE, "count": 4, "dtype": dtype, "crs": "EPSG:4326",
        "transform": rasterio.transform.from_origin(10, 50, 0.01 / SIDE, 0.01 / SIDE), **options,
    }  # fmt: skip
    with rasterio.MemoryFile() as memory:
        with memory.open(**profile) as dataset:
            dataset.write(np.stack([pixels(number).astype(dtype) for number in range(4)]))
        return bytes(memory.read())


def half(number: int) -> bytes:
    """Return the pixels of a scene in half of the resolution: every second row and column."""
    profile = {
        "driver": "GTiff", "width": SIDE // 2, "height": SIDE // 2, "count": 1, "dtype": "uint16", "crs": "EPSG:4326",
        "transform": rasterio.transform.from_origin(10, 50, 0.02 / SIDE, 0.02 / SIDE),
    }  # fmt: skip
    with rasterio.MemoryFile() as memory:
        with memory.open(**profile) as dataset:
            dataset.write(pixels(number)[::2, ::2], 1)
        return bytes(memory.read())


@pytest.fixture
def item(start_stac: Start) -> Iterator[Callable[..., Dict[str, Any]]]:
    """Return a function that starts a service of one item, of given files; and returns the item's assets."""
    with ExitStack() as stack:

        def start(**files: bytes) -> Dict[str, Any]:
            host = stack.enter_context(hosting(FileHost({f"/{name}": content for name, content in files.items()})))
            items = items_at(f"{host.url}/none")
            items[0]["assets"] = {
                name: {"href": f"{host.url}/{name}", "type": "image/tiff", "roles": ["data"]} for name in files
            }
            start_stac(items)
            assets: Dict[str, Any] = items[0]["assets"]
            return assets

        yield start


def open_it(products: str, **options: Any) -> Any:
    return planet_vector.open(f"STAC:test/scenes/scenes-0/{products}", **options)


def bands(*commons: str) -> List[Dict[str, str]]:
    return [{"name": f"B{number}", "common_name": common} for number, common in enumerate(commons, 1)]


def test_bands_of_several_assets_and_of_one_are_stacked_in_the_order_asked_for(item: Any) -> None:
    assets = item(image=coloured(), coarse=half(5), visual=coloured("uint8"))
    assets["image"]["eo:bands"] = bands("red", "green", "blue", "nir")
    assets["visual"]["eo:bands"] = bands("red", "green", "blue", "pan")
    assets["coarse"]["bands"] = [{"name": "B9", "eo:common_name": "lwir"}]
    with open_it("nir,green,lwir,red") as stack:
        found = stack.read()
        assert stack.count == 4 and stack.res == (0.01 / SIDE, 0.01 / SIDE)
    for read, number in zip(found[[0, 1, 3]], (3, 1, 0)):
        assert (read == pixels(number)).all()
    assert (found[2] == np.kron(pixels(5)[::2, ::2], np.ones((2, 2), "uint16"))).all()
    with open_it("green") as alone:
        assert alone.count == 1 and (alone.read(1) == pixels(1)).all()
    with open_it("image") as whole:
        assert whole.count == 4
    with open_it("red,green,blue", res="lowest") as stack:
        assert stack.shape == (SIDE, SIDE)
    with pytest.raises(NotFoundError, match="has no product 'rededge'"):
        open_it("rededge,red")


def test_a_band_that_two_assets_have_is_not_chosen_for_the_user(item: Any) -> None:
    assets = item(first=coloured(), second=coloured())
    for asset in assets.values():
        asset["eo:bands"] = bands("red", "green", "blue", "nir")
    with pytest.raises(NotFoundError, match="first, second have this band"):
        open_it("red")
    assets["first"]["eo:bands"] = bands("rededge", "rededge", "blue", "nir")
    with pytest.raises(NotFoundError, match="first have this band"):
        open_it("rededge")


@pytest.mark.parametrize("stated", [
    {"raster:bands": [{"nodata": 1, "scale": 0.5, "offset": -3}]},
    {"bands": [{"nodata": 1, "raster:scale": 0.5, "raster:offset": -3}]},
    {"bands": [{"name": "x"}], "nodata": 1, "raster:scale": 0.5, "raster:offset": -3},
    {"nodata": 1, "raster:scale": 0.5, "raster:offset": -3},
])  # fmt: skip
def test_values_that_the_file_lacks_are_those_of_the_item(item: Any, stated: Dict[str, Any]) -> None:
    assets = item(data=tiff(0, nodata=None))
    assets["data"].update(stated)
    with open_it("data") as dataset:
        assert (dataset.nodata, dataset.scales, dataset.offsets) == (1, (0.5,), (-3,))
        assert (dataset.read(1) == pixels(0)).all()
        assert (dataset.read(1, masked=True).mask == (pixels(0) == 1)).all() and (pixels(0) == 1).any()
    with planet_vector.mosaic("STAC:test/scenes", product="data") as mosaic:
        assert mosaic.nodata == 1 and (mosaic.read(1) == pixels(0)).all()


@pytest.mark.parametrize("options, nodata, scale", [
    ({"nodata": 7}, 7, 0.5), ({"nodata": None}, 1, 0.5),
])  # fmt: skip
def test_values_of_the_file_come_first(item: Any, options: Dict[str, Any], nodata: int, scale: float) -> None:
    assets = item(data=tiff(0, **options))
    assets["data"]["raster:bands"] = [{"nodata": 1, "scale": 0.5}]
    with open_it("data") as dataset:
        assert dataset.nodata == nodata and dataset.scales == (scale,)


@pytest.mark.parametrize("stated", [
    {"raster:bands": []}, {"raster:bands": {}}, {"raster:bands": [{"nodata": "x"}]},
    {"raster:bands": [{"nodata": -9999}]},
    {"raster:bands": [{"nodata": 1}] * 3}, {"raster:bands": [{"scale": 0}]}, {"raster:bands": [{"nodata": True}]},
    {"raster:bands": [{"nodata": "nan"}]},
])  # fmt: skip
def test_odd_values_of_an_item_are_not_used(item: Any, stated: Dict[str, Any]) -> None:
    item(data=tiff(0, nodata=None))["data"].update(stated)
    with open_it("data") as dataset:
        assert (dataset.nodata, dataset.scales) == (None, (1,))
        assert (dataset.read(1) == pixels(0)).all()


def test_nodata_that_json_has_no_number_for() -> None:
    asset = {"href": "https://x/x.tif", "raster:bands": [{"nodata": "nan"}, {"nodata": "-inf"}]}
    first, second = ItemAssets({"assets": {"a": asset}}, policies(), {})["a"].values
    assert first.nodata != first.nodata and second.nodata == float("-inf")


def test_one_band_in_several_resolutions_is_read_in_the_finest(item: Any) -> None:
    assets = item(B04_20m=half(1), B04_10m=tiff(1))
    for name, gsd in (("B04_20m", 20), ("B04_10m", 10)):
        assets[name].update({"gsd": gsd, "bands": [{"name": "B04", "eo:common_name": "red"}]})
    with open_it("red") as dataset:
        assert dataset.shape == (SIDE, SIDE)
    assets["B04_20m"]["gsd"] = 10
    with pytest.raises(NotFoundError, match="B04_20m, B04_10m have this band"):
        open_it("red")


# ---- recorded items ----------------------------------------------------------------------------------------


def recorded() -> List[Any]:
    """Return items of archives, recorded or with recorded facts, one for each collection, with names of both."""
    found: Dict[str, Any] = {f"{each.provider} {each.collection}": item_of(each) for each in ARCHIVES}
    for path in sorted(RECORDED.glob("*.json")):
        body = json.loads(path.read_text())
        answer = body.get("answer", body)
        features = answer.get("features", [answer]) if isinstance(answer, dict) else []
        for each in features:
            if isinstance(each, dict) and each.get("assets") and each.get("type") == "Feature":
                archive = path.stem.partition("-item")[0].partition("-search")[0].partition("-page")[0]
                found.setdefault(f"{archive} {each.get('collection')}", each)
    return [pytest.param(each, id=name) for name, each in found.items()]


def archive_of(item: Dict[str, Any]) -> str:
    """Return the host that an item comes from, or its provider if it was written here."""
    addresses = [link["href"] for link in item["links"] if link["rel"] == "self"]
    return urlsplit(addresses[0]).hostname or "" if addresses else item["properties"]["providers"][0]["name"]


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recordings are not here")
def test_recorded_items_are_of_at_least_eight_archives() -> None:
    assert len({archive_of(each.values[0]) for each in recorded()}) >= 12
    assert len(recorded()) >= 20


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda archive: archive.collection)
def test_assets_of_archives_are_what_their_items_state(archive: Archive) -> None:
    """The table is compared itself, without another reader of items."""
    found = ItemAssets(item_of(archive), policies(), {})
    assert list(found) == list(archive.files)
    for name, file in archive.files.items():
        asset = found[name]
        opens = file.kind.startswith(("image/tiff", "image/vnd.stac.geotiff")) and "thumbnail" not in file.roles
        assert (asset.refusal == "") == opens, name
        assert asset.gdal_name.startswith("/vsis3/cbers-pds/" if file.address.startswith("s3:") else "")
        assert [(band.name, band.common) for band in asset.bands] == list(file.bands)
        stated = [values.get("nodata") for values in file.values]
        assert [values.nodata for values in asset.values] == (stated if any(v is not None for v in stated) else [])


@pytest.mark.parametrize("feature", recorded())
def test_recorded_assets_are_those_that_pystac_reads(feature: Dict[str, Any]) -> None:
    pystac = pytest.importorskip("pystac")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of extensions in other versions
        theirs = pystac.Item.from_dict(json.loads(json.dumps(feature)), preserve_dict=False)
    ours = ItemAssets(feature, policies(), {})
    assert list(ours) == list(theirs.assets)
    for name, asset in theirs.assets.items():
        mine = ours[name]
        kind, roles = asset.media_type or "", asset.roles or []
        raster = kind.startswith("image/") and "tif" in kind and "thumbnail" not in roles
        assert (mine.refusal == "") == raster, (name, kind, mine.refusal)
        assert mine.roles == tuple(roles)
        stated = asset.extra_fields.get("eo:bands") or asset.extra_fields.get("bands") or []
        if all(isinstance(band, dict) for band in stated):
            commons = [band.get("common_name") or band.get("eo:common_name") or "" for band in stated]
            assert [band.common for band in mine.bands] == commons
            assert [band.name for band in mine.bands] == [band.get("name", "") for band in stated]
        bands = asset.extra_fields.get("raster:bands") or []
        nodata = [band.get("nodata") for band in bands]
        assert [value.nodata for value in mine.values] == nodata or not any(
            band.get("nodata") is not None or band.get("scale", 1) != 1 or band.get("offset", 0) for band in bands
        )


def test_the_quality_band_of_landsats_collection_2_masks_the_others() -> None:
    path = RECORDED / "item-LC08_L2SP_028030_20200114_20200824_02_T1_SR.json"
    if not path.is_file():
        pytest.skip("the recordings are not here")
    item = json.loads(path.read_text())
    item = item.get("answer", item)
    found = ItemAssets(item, policies(), {})
    assert found["red"].mask == MaskAsset("qa_pixel", QA_PIXEL) and found["qa_pixel"].mask is None
    wanted, item["id"] = item["id"], item["id"].replace("_02_T1", "_01_T1")
    assert ItemAssets(item, policies(), {})["red"].mask is None
    item["id"] = wanted.replace("LC08_L2SP", "LM05_L1TP")
    assert ItemAssets(item, policies(), {})["red"].mask == MaskAsset("qa_pixel", QA_PIXEL_OF_MSS)


def small(crs: Any, place: Any, count: int, dtype: str) -> bytes:
    """Return a file of 4 by 4 pixels without nodata, scale and offset."""
    profile = {"driver": "GTiff", "width": 4, "height": 4, "count": count, "dtype": dtype, "crs": crs}
    with rasterio.MemoryFile() as memory:
        with memory.open(**profile, transform=place) as dataset:
            dataset.write(np.arange(16 * count).reshape(count, 4, 4).astype(dtype))
        return bytes(memory.read())


def test_recorded_assets_open_with_what_their_items_state(start_stac: Start) -> None:
    """Open files made by the recorded items: with their systems and bands, but without their values."""
    pystac = pytest.importorskip("pystac")
    from pystac.extensions.projection import ProjectionExtension

    host, features = FileHost(), [json.loads(json.dumps(each.values[0])) for each in recorded()]
    expected: Dict[str, Any] = {}
    for number, feature in enumerate(features):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of extensions in other versions
            theirs = pystac.Item.from_dict(json.loads(json.dumps(feature)), preserve_dict=False)
        feature["id"], feature["collection"] = f"item-{number}", f"{feature.get('collection') or 'none'}-{number}"
        feature["links"], seen = [], set()
        for name, asset in theirs.assets.items():
            if ItemAssets(feature, policies(), {})[name].refusal or not re.fullmatch(r"[\w.-]+", name):
                continue
            placed = ProjectionExtension.ext(asset)
            stated = asset.extra_fields.get("raster:bands") or [{}]
            bands = asset.extra_fields.get("eo:bands") or asset.extra_fields.get("bands") or stated
            values = [(band.get("nodata"), band.get("scale", 1), band.get("offset", 0)) for band in stated]
            kind = (placed.epsg, str(placed.transform), len(bands), repr(values))
            if kind in seen or placed.epsg is None:
                continue
            seen.add(kind)
            dtype = stated[0].get("data_type", "uint16")
            place = rasterio.Affine(*(placed.transform or [10, 0, 600000, 0, -10, 5000000])[:6])
            host.files[f"/{number}/{name}"] = small(f"EPSG:{placed.epsg}", place, len(bands), dtype)
            values = values * len(bands) if len(values) == 1 else values
            expected[f"{feature['collection']}/item-{number}/{name}"] = placed.epsg, place, values
    with hosting(host):
        for number, feature in enumerate(features):
            for name, asset in feature["assets"].items():
                asset["href"] = f"{host.url}/{number}/{name}"
                asset.pop("alternate", None)
        start_stac(features)
        for name, (code, place, values) in expected.items():
            with planet_vector.open(f"STAC:test/{name}") as dataset:
                found = list(zip(dataset.nodatavals, dataset.scales, dataset.offsets))
                assert (dataset.crs.to_epsg(), dataset.transform, found) == (code, place, values), name
    assert len({name.partition("/")[0] for name in expected}) >= 14 and len(expected) >= 32


# ---- JPEG 2000 ---------------------------------------------------------------------------------------------


def test_jpeg_2000_files_are_read_and_stacked_where_the_connection_allows_it(item: Any, tmp_path: Path) -> None:
    assets = item(B04=jpeg2000(4), B03=jpeg2000(3), plain=tiff(5, nodata=None))
    for name, common in (("B04", "red"), ("B03", "green")):
        assets[name].update({"type": "image/jp2", "eo:bands": [{"name": name, "common_name": common}]})
        assets[name]["raster:bands"] = [{"nodata": 0}]
    with pytest.raises(RasterAccessError, match="not a GeoTIFF but 'image/jp2'"):
        open_it("red")
    set_access("test", {"jpeg2000": True})
    with open_it("red") as dataset:
        assert dataset.nodata == 0 and (dataset.read(1) == pixels(4)).all()
    with open_it("B04") as dataset:
        window = ((100, 150), (20, 90))
        assert (dataset.read(1, window=window) == pixels(4)[100:150, 20:90]).all()
    with open_it("red,green") as stack:
        east, west = stack.read()
        assert (east[:, SIDE:] == pixels(4)).all() and (west[:, :SIDE] == pixels(3)).all()
        assert not east[:, :SIDE].any() and not west[:, SIDE:].any()
    del assets["B03"]["raster:bands"]
    with open_it("B03") as dataset:
        assert dataset.driver == "JP2OpenJPEG" and (dataset.read(1) == pixels(3)).all()
    (path,) = planet_vector.download("STAC:test/scenes/scenes-0", tmp_path, ["B03"])
    assert path.suffix == ".jp2" and path.read_bytes().startswith(b"\0\0\0\x0cjP")


def test_what_is_no_jpeg_2000_file_is_not_opened_as_one(item: Any) -> None:
    vrt = b"<VRTDataset rasterXSize='1' rasterYSize='1'></VRTDataset>"
    assets = item(vrt=vrt, png=b"\x89PNG\r\n\x1a\n" + b"0" * 99)
    for asset in assets.values():
        asset["type"] = "image/jp2"
    set_access("test", {"jpeg2000": True})
    for name in ("vrt", "png"):
        with pytest.raises(PlanetVectorError, match="not a GeoTIFF that can be read"):
            open_it(name)


def test_without_a_driver_the_error_says_which_gdal_lacks_it(item: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from planet_vector.raster import product

    item(data=jpeg2000(3))["data"]["type"] = "image/jp2"
    set_access("test", {"jpeg2000": True})
    monkeypatch.setattr(product, "JPEG2000_DRIVERS", ("NONE",))
    with pytest.raises(RasterAccessError, match=f"rasterio \\({rasterio.__gdal_version__}\\) has no driver"):
        open_it("data")
