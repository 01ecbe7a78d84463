"""The service's own mosaics: tiles, quads as one raster, the scenes behind a quad."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Iterator

import numpy as np
import pytest

import planet_vector
from planet_vector import raster
from planet_vector.errors import NotFoundError, ProtocolError, RasterAccessError
from planet_vector.geometry import Box
from planet_vector.scene import Scene

from ..conftest import Service, Start

rasterio = pytest.importorskip("rasterio")
from rasterio.warp import transform_bounds  # noqa: E402
from rasterio.windows import from_bounds  # noqa: E402

from planet_vector.raster.quads import Mosaic, mosaic_of, quad_bounds, quads_within, scenes_behind  # noqa: E402


@pytest.fixture(scope="module")
def with_mosaic(start_service: Start, archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Service:
    path = tmp_path_factory.mktemp("mosaics") / "mosaics.yml"
    path.write_text("- name: clear\n  title: Few clouds\n  filter: {cloud_cover.estimated.lte: 40}\n")
    return start_service(archive, "--mosaics", str(path))


@pytest.fixture
def served(with_mosaic: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setenv("PL_API_URL", with_mosaic.url)
    monkeypatch.setenv("PL_API_KEY", with_mosaic.key)
    yield with_mosaic


@pytest.fixture
def scene(served: Service) -> Scene:
    return next(planet_vector.search("PLANET:ortho?cloud_cover.estimated.lte=40&bbox=-170,-80,170,80"))


def test_a_quad_lies_where_the_real_service_said(shared_data: Path) -> None:
    """Rows are counted from the south; the places are those of a kept response."""
    listed = json.loads((shared_data / "get-mosaic-quads.json").read_text())["features"]
    mosaic = Mosaic("color_balance_mosaic", 15, 4096, "", "")
    for quad in listed:
        ring = np.array(quad["geometry"]["coordinates"][0])
        west, south, east, north = transform_bounds("EPSG:3857", "EPSG:4326", *quad_bounds(mosaic, quad["id"]))
        found = (west, south, east, north)
        assert found == pytest.approx((*ring.min(axis=0), *ring.max(axis=0)), abs=1e-7)
    for bad in ("L14-0763E-0959N", "L15-2048E-0000N", "L15-0763E-0959S", "../x"):
        with pytest.raises(ProtocolError):
            quad_bounds(mosaic, bad)


def test_quads_within_a_box_are_asked_for_by_the_box(served: Service, scene: Scene) -> None:
    catalog = planet_vector.connect()
    mosaic = mosaic_of(catalog, "clear")
    listed = list(quads_within(catalog, mosaic, Box(-180, -85, 180, 85)))
    everywhere = {quad.id for quad in listed}
    there = {quad.id for quad in quads_within(catalog, mosaic, Box(*scene.footprint.bounds))}
    assert there and there < everywhere
    assert there == {quad.id for quad in listed if quad.footprint.intersects(scene.footprint.envelope)}


def test_the_quads_of_an_area_and_the_tiles_show_the_same(served: Service, scene: Scene) -> None:
    box = scene.footprint.bounds
    found = []
    text = ",".join(map(str, box))
    for name in (f"PLANET:mosaics/clear?bbox={text}", "PLANET:mosaics/clear"):
        with raster.open_product(name) as dataset:
            assert dataset.crs.to_epsg() == 3857 and dataset.count == 4
            bounds = transform_bounds("EPSG:4326", dataset.crs, *box)
            window = from_bounds(*bounds, transform=dataset.transform).round_offsets().round_lengths()
            found.append(dataset.read(window=window, out_shape=(4, 80, 80)).astype(int))
    assert (found[0][3] > 0).mean() > 0.5
    # Both are resampled, each in its own way: alike, not the same.
    assert np.abs(found[0] - found[1]).mean() < 4


def test_one_quad_is_a_file_like_any_other(served: Service, scene: Scene) -> None:
    catalog = planet_vector.connect()
    mosaic = mosaic_of(catalog, "clear")
    quad = next(quads_within(catalog, mosaic, Box(*scene.footprint.bounds)))
    with raster.open_product(f"PLANET:mosaics/clear/{quad.id}") as dataset:
        assert dataset.shape == (4096, 4096)
        assert tuple(dataset.bounds) == pytest.approx(quad_bounds(mosaic, quad.id), abs=1e-6)


def test_the_scenes_behind_a_quad_are_found(served: Service, scene: Scene) -> None:
    catalog = planet_vector.connect()
    quads = list(quads_within(catalog, mosaic_of(catalog, "clear"), Box(*scene.footprint.bounds)))
    behind = {found.id for quad in quads for found in scenes_behind(catalog, "clear", quad.id)}
    assert scene.id in behind
    found = scenes_behind(catalog, "clear", quads[0].id)
    assert len(found) == quads[0].properties["num_input_scenes"]
    assert all(found_scene.scene_type == "ortho" for found_scene in found)


def test_what_is_not_there_is_said(served: Service) -> None:
    with pytest.raises(NotFoundError, match="no mosaic 'nosuch'"):
        raster.open_product("PLANET:mosaics/nosuch")
    with pytest.raises(RasterAccessError, match="no quad"):
        raster.open_product("PLANET:mosaics/clear?bbox=0,0,0.01,0.01")
    with pytest.raises(RasterAccessError, match="antimeridian"):
        raster.open_product("PLANET:mosaics/clear?bbox=170,0,-170,1")
    with pytest.raises(ValueError, match="bbox"):
        raster.open_product("PLANET:mosaics/clear?bbox=1,2,3")
