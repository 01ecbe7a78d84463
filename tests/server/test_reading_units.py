"""No file ends indexing: what it raises, costs or breaks is its own problem, and the others are read."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import time
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy as np
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.transform import Affine
from rasterio.windows import Window

from planet_vector.pixels.opening import open_raster
from planet_vector.server.archive import scene_metadata
from planet_vector.server.archive.band_names import bands_of
from planet_vector.server.archive.inventory import scan
from planet_vector.server.archive.media_types import GEOTIFF
from planet_vector.server.archive.scene_features import check_feature, scene_type_of
from planet_vector.server.archive.scene_metadata import check_raster, measure
from planet_vector.server.archive.units import LEFT_OUT, SceneAsset, SceneRecord, Unit
from planet_vector.server.index import entries
from planet_vector.server.index.entries import Entry, entry_of, read_all

from .conftest import feature, write_features, write_raster

UTM = Affine(10, 0, 300_000, 0, -10, 5_300_000)
LOCAL = 'LOCAL_CS["site",UNIT["metre",1],AXIS["E",EAST],AXIS["N",NORTH]]'


def found(archive: Path) -> Tuple[Dict[str, Entry], Dict[str, str]]:
    """Read an archive, and return its scenes and its problems by path."""
    units, problems = scan(archive)
    scenes: Dict[str, Entry] = {}
    told = list(problems)
    for _, taken, found in read_all(archive, list(units.values())):
        scenes.update({entry.scene_id: entry for entry in taken})
        told += found
    return scenes, {problem.path: problem.text for problem in told if problem.kind == LEFT_OUT}


def empty(path: Path, size: Tuple[int, int], **more: Any) -> None:
    """Make a sparse file: nothing is written."""
    options = {"crs": "EPSG:32633", "transform": UTM, "dtype": "uint8", "count": 1, "SPARSE_OK": True, **more}
    with rasterio.open(path, "w", driver="GTiff", width=size[0], height=size[1], **options):
        pass


def test_a_raster_of_a_local_crs_is_a_problem_of_its_own(tmp_path: Path) -> None:
    write_raster(tmp_path / "good.tif", size=20)
    write_raster(tmp_path / "site.tif", size=20, crs=LOCAL)
    disk = "+proj=geos +h=35786023 +lon_0=-75 +sweep=x +ellps=GRS80"
    write_raster(tmp_path / "disk.tif", size=200, crs=disk, left=-5_434_894, top=5_434_894, pixel=54_349)
    write_raster(tmp_path / "space.tif", size=20, crs=disk, left=7e6, top=7e6)
    scenes, problems = found(tmp_path)
    assert set(scenes) == {"good", "disk"}
    assert set(problems) == {"site.tif", "space.tif"}
    assert "not tied to the Earth (site)" in problems["site.tif"] and "outside the domain" in problems["space.tif"]


def fail(root: Path, unit: Unit) -> Any:
    """Stand for `_read_unit`, and do what the name of a file says."""
    name = unit.files[0].path
    if "killed" in name:
        os.kill(os.getpid(), signal.SIGKILL)
    if "slow" in name:
        time.sleep(60)
    if "large" in name:
        return [], [bytearray(3 * 10**9)]
    return entries._read_unit(root, unit)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal")
@pytest.mark.parametrize("load", [pytest.param(0.0, marks=pytest.mark.long), 1e6])
def test_a_unit_that_ends_its_process_or_takes_too_much_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, load: float
) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (load, load, load), raising=False)
    for name in ("a", "killed", "slow", "large", "z"):
        write_raster(tmp_path / f"{name}.tif", size=8)
    monkeypatch.setattr(entries, "SECONDS", 5.0)
    monkeypatch.setattr(entries, "_read_unit", fail)
    scenes, problems = found(tmp_path)
    assert set(scenes) == {"a", "z"}
    assert {path: text.endswith("; it is not served until it changes") for path, text in problems.items()} == {
        "killed.tif": True, "slow.tif": not load, "large.tif": True,
    }  # fmt: skip
    told = " on a busy machine; it is read again at the next scan of the archive" if load else ""
    assert problems["slow.tif"].startswith(f"took longer than 5 s{told}")
    assert "memory" in problems["large.tif"]


@pytest.mark.parametrize("name", ["read", "_entries"])
def test_whatever_a_list_raises_is_a_problem_of_the_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    write_features(tmp_path / "a.json", [feature("a")])
    write_features(tmp_path / "b.json", [feature("b")])
    real = getattr(entries, name)

    def odd(*args: Any) -> Any:
        yield from real(*args)
        if any("b.json" in str(getattr(arg, "key", arg)) for arg in args):
            raise LookupError("something odd")

    monkeypatch.setattr(entries, name, odd)
    scenes, problems = found(tmp_path)
    assert set(scenes) == {"a", "b"}
    assert problems == {"b.json": "cannot be read (LookupError: something odd); it is not served until it changes"}


@pytest.mark.parametrize(
    ("size", "more"),
    [
        ((60_000, 60_000), {"tiled": True, "blockxsize": 8192, "blockysize": 8192, "nodata": 0, "count": 3}),
        ((60_000, 60_000), {"nodata": 0, "count": 3}),
        ((60_000, 60_000), {"tiled": True, "blockxsize": 256, "blockysize": 256}),
        ((1000, 1000), {"count": 2000, "tiled": True, "nodata": 0, "compress": "deflate"}),
        ((100, 100), {"count": 2000, "interleave": "band", "nodata": 0}),
    ],
    ids=["large tiles", "strips", "small tiles", "2000 bands", "2000 bands apart"],
)
def test_a_mask_that_costs_too_much_is_not_read(
    tmp_path: Path, size: Tuple[int, int], more: Dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    empty(tmp_path / "a.tif", size, **more)
    start = time.perf_counter()
    assert check_raster(tmp_path / "a.tif").bands == more.get("count", 1)
    place = measure(tmp_path / "a.tif").geometry
    assert time.perf_counter() - start < 5  # 57 s for the first, on the machine where it was 0.1 s
    monkeypatch.setattr(scene_metadata, "_valid_mask", lambda *_: None)
    assert measure(tmp_path / "a.tif").geometry == place  # that of the whole raster


@pytest.mark.parametrize("interleave", ["pixel", "band"])
@pytest.mark.parametrize("count", [1, 3, 40])
@pytest.mark.parametrize("tiled", [True, False])
def test_a_mask_read_in_parts_is_the_mask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interleave: str, count: int, tiled: bool
) -> None:
    path = tmp_path / "a.tif"
    monkeypatch.setattr(scene_metadata, "_AT_ONCE", 50_000)
    monkeypatch.setattr(scene_metadata, "MOST_DECODED", 10**10)
    with rasterio.open(
        path, "w", driver="GTiff", width=1311, height=977, count=count, dtype="uint8", nodata=0, interleave=interleave,
        crs="EPSG:32633", transform=UTM, tiled=tiled, blockxsize=128, blockysize=128,
    ) as dataset:  # fmt: skip
        random = np.random.default_rng(2)
        dataset.write(random.integers(0, 2, (1, 200, 300), "uint8"), [1], window=Window(500, 300, 300, 200))
        dataset.write(random.integers(0, 2, (200, 300), "uint8"), count, window=Window(100, 700, 300, 200))
    with open_raster(path) as dataset:
        mask = scene_metadata._valid_mask(dataset, dataset, 382, 512)
        assert mask is not None and (mask == (dataset.dataset_mask(out_shape=(382, 512)) > 0)).all()


def test_one_large_strip_is_decoded_once_for_each_band(tmp_path: Path) -> None:
    """GDAL gives it as rows; going back to an earlier one for the next band would decode it anew each time."""
    path = tmp_path / "a.tif"
    values = np.full((3, 6000, 2000), 7, "uint8")
    values[:, :, :1000] = 0
    with rasterio.open(
        path, "w", driver="GTiff", width=2000, height=6000, count=3, dtype="uint8", nodata=0, interleave="pixel",
        crs="EPSG:32633", transform=UTM, blockysize=6000, compress="deflate",
    ) as dataset:  # fmt: skip
        dataset.write(values)

    class Counting:
        calls = 0

        def __init__(self, real: Any) -> None:
            self._real = real

        def __getattr__(self, name: str) -> Any:
            return getattr(self._real, name)

        def read(self, *arguments: Any, **options: Any) -> Any:
            self.calls += 1
            return self._real.read(*arguments, **options)

    with open_raster(path) as dataset:
        assert dataset.block_shapes[0] == (1, 2000)
        counting = Counting(dataset)
        mask = scene_metadata._valid_mask(counting, dataset, 512, 171)
    assert mask is not None and 1 <= counting.calls <= 3
    assert not mask[:, :85].any() and mask[:, 86:].all()


def test_a_changed_sidecar_is_a_changed_scene(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    for name in ("a.tif", "x/b_visual.tif", "x/b_analytic.tif", "c.TIFF"):
        write_raster(tmp_path / name, size=8)
    for name in ("a.tfw", "a.tif.aux.xml", "x/b_visual.tfw", "x/b_analytic.tif.aux.xml", "c.wld", "alone.tfw", "a.prj"):
        (tmp_path / name).write_text("<PAMDataset/>")
    units, problems = scan(tmp_path)
    assert not problems
    assert {key: [file.path for file in unit.files] for key, unit in units.items()} == {
        "scene:a": ["a.tif", "a.tif.aux.xml", "a.tfw"],
        "scene:c": ["c.TIFF", "c.wld"],
        "scene:x/b": ["x/b_analytic.tif", "x/b_visual.tif", "x/b_analytic.tif.aux.xml", "x/b_visual.tfw"],
    }


def test_a_sidecar_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    for name in ("a.tif", "b_visual.tif"):
        write_raster(tmp_path / name, size=8)
        (tmp_path / f"{name}.aux.xml").write_text("<PAMDataset>")
    (tmp_path / "b_metadata.json").write_text(json.dumps(feature("b")))
    scenes, problems = found(tmp_path)
    assert set(scenes) == {"b"} and dict(scenes["b"].products) == {"visual": "b_visual.tif"}
    assert set(problems) == {"a.tif", "b_visual.tif"}
    assert all("aux.xml is not XML" in text for text in problems.values())


def test_complex_integers_have_a_size(tmp_path: Path) -> None:
    write_raster(tmp_path / "a.tif", size=8, bands=1, dtype="uint8")
    with rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", width=8, height=8, count=1, dtype="complex_int16",
        crs="EPSG:32633", transform=UTM,
    ):  # fmt: skip
        pass
    assert measure(tmp_path / "a.tif").bit_depth == 32


numbers = st.one_of(
    st.integers(), st.floats(), st.integers(300, 4200).map(lambda digits: 10**digits), st.sampled_from([1e308, -0.0])
)
texts = st.one_of(st.text(max_size=20), st.sampled_from(["\ud800", "\x00", "0001-01-01T00:00:00+23:59", "9999-12-31"]))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=8,
)
ENDS = (math.inf, -math.inf)
NAMES = ["acquired", "cloud_cover", "sat", "camera", "image_statistics", "sun", "links", "data", "file_size", "landsat"]


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    properties=st.dictionaries(st.sampled_from(NAMES), values, max_size=5),
    geometry=st.one_of(
        values,
        st.fixed_dictionaries({"type": st.sampled_from(["Polygon", "MultiPolygon", "Point"]), "coordinates": values}),
    ),
    acquired=st.one_of(st.just("2015-03-06T02:24:15Z"), values),
)
def test_odd_values_are_problems_of_their_scene(
    tmp_path: Path, properties: Dict[str, Any], geometry: Any, acquired: Any
) -> None:
    odd = {"type": "Feature", "id": "odd", "geometry": geometry, "properties": {**properties, "acquired": acquired}}
    content = json.dumps({"type": "FeatureCollection", "features": [odd, feature("plain")]})
    (tmp_path / "list.json").write_text(content)
    scenes, problems = found(tmp_path)
    assert "plain" in scenes or "NaN" in content or "Infinity" in content
    assert "odd" in scenes or problems["list.json"]
    for entry in scenes.values():
        stored: List[Any] = [entry.scene_type, entry.scene_id, entry.acquired, entry.feature, *entry.columns]
        for value in stored:
            assert value is None or isinstance(value, (str, float, int))
            # A whole number beyond those of floating point is compared as the infinite one.
            beyond = value in ENDS and re.search(r"\d{309}", content)
            assert not isinstance(value, float) or math.isfinite(value) or beyond
        assert all(math.isfinite(side) for box in entry.boxes for side in box)


def test_a_number_of_more_than_308_digits_ends_nothing(tmp_path: Path) -> None:
    huge = feature("huge", file_size=10**400, cloud_cover={"estimated": 10**309})
    write_features(tmp_path / "list.json", [huge, feature("plain")])
    scenes, problems = found(tmp_path)
    assert "plain" in scenes and ("huge" in scenes or "huge" in problems["list.json"])


def test_a_record_of_the_index_is_made_in_another_process_as_in_this(tmp_path: Path) -> None:
    write_raster(tmp_path / "a.tif", size=30)
    said = feature("a", cloud_cover={"estimated": 2.5}, camera={"bit_depth": 8}, image_statistics={"gsd": 10.0})
    (tmp_path / "a_metadata.json").write_text(json.dumps(said))
    kept = check_feature(said)
    scenes, problems = found(tmp_path)
    assert not problems
    raster = check_raster(tmp_path / "a.tif")
    files = (SceneAsset("visual", "a.tif", GEOTIFF, ("visual",), "visual", bands=bands_of(raster), raster=raster),)
    assert scenes["a"] == entry_of(SceneRecord(scene_type_of(kept), kept, files))
