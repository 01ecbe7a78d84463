"""Tiles of RapidEye: with the metadata of an order, with their XML, and alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from shapely.geometry import shape

from .missions import by_key, nested, only_scene, properties, scenes_in
from .planets import RE, item_json, manifest, planet_xml, write_bands, write_json, write_text

TILE = "3357121_2018-09-11_RE3_3A"
ITEM = "20180911_094536_3357121_RapidEye-3"
CORNERS = ((15.0, 47.85), (15.3, 47.85), (15.3, 47.6), (15.0, 47.6))
NAMES = [("blue", "blue"), ("green", "green"), ("red", "red"), ("red_edge", "rededge"), ("nir", "nir")]


def xml(**options: object) -> str:
    factors = {n: {"radiometricScaleFactor": 0.01} for n in range(1, 6)}
    given = {"time": "2018-09-11T09:45:36.126540Z", "satellite": "RE-3", "instrument": "MSI", "tile": "3357121",
             "archive": "35123456", "corners": CORNERS, "factors": factors, **options}  # fmt: skip
    return planet_xml("re", RE, **given)  # type: ignore[arg-type]


def test_a_tile_with_xml(tmp_path: Path) -> None:
    write_bands(tmp_path / f"{TILE}_Analytic.tif", 5, nodata=0, margin=4)
    write_bands(tmp_path / f"{TILE}_udm.tif", 1, dtype="uint8")
    write_text(tmp_path / f"{TILE}_Analytic_metadata.xml", xml())
    record = only_scene(tmp_path)
    assert (record.feature["id"], record.scene_type, record.item_type) == (ITEM, "rapideye", "REOrthoTile")
    assert record.products == {"analytic": f"{TILE}_Analytic.tif", "qa": f"{TILE}_udm.tif"}
    assets = by_key(record)
    assert set(assets) == {"analytic", "udm", "analytic_xml"}
    bands = assets["analytic"].bands
    assert [(info.band.name, info.band.common) for info in bands] == NAMES
    assert {(info.scale, info.unit, info.nodata) for info in bands} == {(0.01, "W/(m2 sr um)", 0)}
    v0 = properties(record)
    assert v0["acquired"] == "2018-09-11T09:45:36.126540+00:00"
    assert v0["rapideye"] == {"tile_id": "3357121", "catalog_id": "35123456"}
    expected = {"cloud_cover.estimated": 4.5, "image_statistics.gsd": 6.5, "sat.id": "RapidEye-3",
                "sat.off_nadir": 1.19499, "sat.azimuth_angle": 11.90759, "sun.altitude": 60.95281,
                "sun.azimuth": 77.16837, "provider": "rapideye"}  # fmt: skip
    assert {name: nested(v0, name) for name in expected} == expected
    # The footprint is that of the pixels: 24 of 3 m, not that of the corners of the tile.
    assert shape(record.feature["geometry"]).area * 74_800 * 111_200 == pytest.approx(72**2, rel=0.1)
    assert record.item["pixel_resolution"] == 3


def test_the_corners_are_the_footprint_if_the_pixels_tell_none(tmp_path: Path) -> None:
    write_bands(tmp_path / f"{TILE}_Analytic.tif", 5, placed=False)
    write_text(tmp_path / f"{TILE}_Analytic_metadata.xml", xml())
    assert shape(only_scene(tmp_path).feature["geometry"]).bounds == (15.0, 47.6, 15.3, 47.85)


@pytest.mark.parametrize("folder", ["", f"REOrthoTile/{ITEM}/"])
def test_a_tile_of_an_order_has_the_items_id(tmp_path: Path, folder: str) -> None:
    for rest, count, bundle in (("Analytic", 5, "analytic/"), ("Visual", 3, "visual/")):
        write_bands(tmp_path / f"{folder}{bundle if folder else ''}{TILE}_{rest}_clip.tif", count)
    said = item_json(ITEM, "REOrthoTile", gsd=6.5, acquired="2018-09-11T09:45:36Z", provider="rapideye",
                     grid_cell="3357121", catalog_id="35123456", cloud_cover=0.02, black_fill=0.1)  # fmt: skip
    write_json(tmp_path / f"{folder}{ITEM}_metadata.json", said)
    record = only_scene(tmp_path)
    assert record.feature["id"] == ITEM
    assert record.products.keys() == {"analytic", "visual"}
    assert properties(record)["rapideye"] == {"tile_id": "3357121", "catalog_id": "35123456"}
    assert nested(properties(record), "cloud_cover.estimated") == 2
    assert record.item["stac"]["pl:grid_cell"] == "3357121"
    assert record.item["v1"]["black_fill"] == 0.1


def test_a_tile_of_a_manifest_is_the_same_scene(tmp_path: Path) -> None:
    write_bands(tmp_path / f"{TILE}_Analytic.tif", 5)
    write_bands(tmp_path / f"{TILE}_udm.tif", 1, dtype="uint8")
    item = {"item_id": ITEM, "item_type": "REOrthoTile"}
    manifest(tmp_path, [(f"{TILE}_Analytic.tif", {**item, "asset_type": "analytic"}),
                        (f"{TILE}_udm.tif", {**item, "asset_type": "udm"})])  # fmt: skip
    record = only_scene(tmp_path)
    assert record.feature["id"] == ITEM
    assert record.products.keys() == {"analytic", "qa"}
    assert [(info.band.name, info.band.common) for info in by_key(record)["analytic"].bands] == NAMES


def test_a_tile_alone_is_dated_by_its_name(tmp_path: Path) -> None:
    write_bands(tmp_path / "3357121_2018-09-11_RE3_3A_298906_Analytic.tif", 5)
    record = only_scene(tmp_path)
    assert record.feature["id"] == "3357121_2018-09-11_RE3"
    assert properties(record)["acquired"] == "2018-09-11T00:00:00+00:00"
    assert (record.guessed, properties(record)["rapideye"]) == ((), {"tile_id": "3357121"})


def test_red_edge_is_the_fourth_band() -> None:
    from planet_vector.bands.rapideye import ANALYTIC

    ranges = [(0.44, 0.51), (0.52, 0.59), (0.63, 0.685), (0.69, 0.73), (0.76, 0.85)]
    assert [(band.low, band.high) for band in ANALYTIC] == ranges
    assert [(band.name, band.common) for band in ANALYTIC] == NAMES


def test_two_passes_of_a_tile_are_two_scenes(tmp_path: Path) -> None:
    for satellite in "23":
        write_bands(tmp_path / f"3357121_2018-09-11_RE{satellite}_3A_Analytic.tif", 5)
    found, problems = scenes_in(tmp_path)
    assert sorted(found) == ["3357121_2018-09-11_RE2", "3357121_2018-09-11_RE3"]
    assert not problems
