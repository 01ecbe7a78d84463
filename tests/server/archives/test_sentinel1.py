"""Sentinel-1 scenes: SAFE folders of GRD, placed by ground control points."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from shapely.geometry import Polygon, shape

from planet_vector.server.archive.fields import SceneFields

from ..conftest import Serve
from .missions import (
    S1_CORNERS,
    by_key,
    nested,
    only_scene,
    properties,
    s1_manifest_xml,
    s1_safe,
    scenes_in,
    write_image,
)


def test_grd_field_by_field(tmp_path: Path) -> None:
    safe = s1_safe(tmp_path / "2021")
    record = only_scene(tmp_path)
    assert record.feature["id"] == safe.name[: -len(".SAFE")]
    assert (record.scene_type, record.item_type, record.collection) == ("sentinel1", "Sentinel1", "sentinel-1-grd")
    v0 = properties(record)
    expected = {"image_statistics.gsd": 11.0, "sat.id": "Sentinel-1A", "provider": "esa"}
    assert {name: nested(v0, name) for name in expected} == expected
    assert "cloud_cover" not in v0
    assert "sun" not in v0
    fields = SceneFields.of_json(record.item)
    assert fields.stac["sat:orbit_state"] == "ascending"
    assert fields.stac["sat:relative_orbit"] == 59
    assert fields.stac["view:incidence_angle"] == pytest.approx(38.97278959)
    assert list(record.products) == ["vv", "vh"]
    assets = by_key(record)
    assert set(assets) == {
        "vv", "vh", "safe-manifest",
        *(f"schema-{a}-{b}" for a in ("product", "calibration", "noise") for b in ("vv", "vh")),
    }  # fmt: skip
    info = assets["vh"].bands[0]
    assert (assets["vh"].v1, info.band.name, info.nodata, info.scale) == ("analytic_vh", "VH", 0, None)
    assert assets["vv"].path.endswith("-001.tiff")


def test_datetime_is_the_middle(tmp_path: Path) -> None:
    s1_safe(tmp_path)
    record = only_scene(tmp_path)
    assert properties(record)["acquired"] == "2021-08-09T17:40:05.750000+00:00"
    fields = SceneFields.of_json(record.item)
    assert fields.start is not None and fields.start.isoformat() == "2021-08-09T17:39:53+00:00"
    assert fields.end is not None and fields.end.isoformat() == "2021-08-09T17:40:18.500000+00:00"


def test_without_annotation_the_manifest_then_the_name_tell_the_time(tmp_path: Path) -> None:
    safe = s1_safe(tmp_path)
    shutil.rmtree(safe / "annotation")
    assert properties(only_scene(tmp_path))["acquired"] == "2021-08-09T17:40:05.500000+00:00"
    (safe / "manifest.safe").write_text("<a/>")
    assert properties(only_scene(tmp_path))["acquired"] == "2021-08-09T17:40:05.500000+00:00"


def test_the_stated_footprint_is_latitude_first(tmp_path: Path) -> None:
    safe = s1_safe(tmp_path)
    moved = [(lon + 1, lat) for lon, lat in S1_CORNERS]
    (safe / "manifest.safe").write_text(s1_manifest_xml(moved))
    assert shape(only_scene(tmp_path).feature["geometry"]).equals(Polygon(moved))


def test_grd_is_placed_by_its_points(tmp_path: Path) -> None:
    safe = s1_safe(tmp_path)
    (safe / "manifest.safe").write_text(s1_manifest_xml(None))
    footprint = shape(only_scene(tmp_path).feature["geometry"])
    expected = Polygon(S1_CORNERS)
    assert footprint.symmetric_difference(expected).area < 0.02 * expected.area


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_without_points_the_annotation_places_it(tmp_path: Path) -> None:
    safe = s1_safe(tmp_path, polarisations=("vv",))
    (safe / "manifest.safe").write_text(s1_manifest_xml(None))
    image = next(safe.rglob("*.tiff"))
    with rasterio.open(image, "w", driver="GTiff", width=100, height=100, count=1, dtype="uint16") as dataset:
        dataset.write(np.ones((1, 100, 100), "uint16"))
    footprint = shape(only_scene(tmp_path).feature["geometry"])
    expected = Polygon(S1_CORNERS)
    assert footprint.symmetric_difference(expected).area < 1e-6


def test_slc_is_reported(tmp_path: Path) -> None:
    safe = tmp_path / "S1A_IW_SLC__1SDV_20210809T173953_20210809T174018_039156_049F13_E33E.SAFE"
    write_image(safe / "measurement" / "s1a-iw1-slc-vv-20210809t173953-20210809t174018-039156-049f13-001.tiff")
    (safe / "manifest.safe").write_text("<a/>")
    found, problems = scenes_in(tmp_path)
    assert not found
    assert [(problem.path, "SLC" in problem.text) for problem in problems] == [(safe.name, True)]


def test_cog_copies(tmp_path: Path) -> None:
    safe = s1_safe(tmp_path)
    for name in ("vv", "vh"):
        (next((safe / "measurement").glob(f"*-{name}-*"))).rename(safe / "measurement" / f"iw-{name}.tiff")
    assert list(only_scene(tmp_path).products) == ["vv", "vh"]


def test_it_is_served_and_drawn(serve: Serve, tmp_path: Path) -> None:
    s1_safe(tmp_path)
    service = serve(tmp_path)
    scene = service.json("scenes/sentinel1/")["features"][0]
    link = scene["properties"]["data"]["products"]["vh"]["full"]
    assert service.get(link[len(service.root) :]).content == next(tmp_path.rglob("*-vh-*.tiff")).read_bytes()
    thumbnail = service.get(f"scenes/sentinel1/{scene['id']}/thumb?size=sm&format=png")
    assert thumbnail.status_code == 200, thumbnail.text
    picture = np.asarray(Image.open(io.BytesIO(thumbnail.content)).convert("RGBA"))
    assert (picture[..., 3] == 255).mean() > 0.5
