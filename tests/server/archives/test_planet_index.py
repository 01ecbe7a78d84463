"""Planet orders in the index: what other APIs read of them, and what stays when files arrive, change or go."""

from __future__ import annotations

import shutil

import pytest

from planet_vector.server.archive.units import IDS, MISSING

from .conftest import Archive
from .missions import scenes_in
from .planets import ORDER, item_json, manifest, order, write_bands, write_json

PS = "20221221_084022_18_2414"
TILE = "3357121_2018-09-11_RE3"


@pytest.mark.skipif(not ORDER.is_dir(), reason="needs ../shared/data")
def test_the_index_holds_the_fields_and_assets_of_the_real_order(archive: Archive) -> None:
    shutil.copytree(ORDER, archive.root / "order")
    found = archive.index()
    (stored,) = found.scenes.values()
    records, _ = scenes_in(archive.root)
    (record,) = records.values()
    assert (stored.item_type, stored.collection, stored.scene_id) == ("PSScene", "PSScene", PS)
    assert stored.assets == record.assets
    assert stored.fields.to_json() == record.item
    assert stored.fields.instrument == "PSB.SD"
    assert list(found.told(MISSING)) == [
        f"order/files/PSScene/{PS}/analytic_sr_udm2/{PS}_3B_udm2.tif"
    ]  # fmt: skip


def test_a_file_that_arrives_is_read(archive: Archive) -> None:
    files = {f"{PS}_3B_Visual.tif": ("ortho_visual", 3), f"{PS}_3B_udm2.tif": ("ortho_udm2", 8)}
    order(archive.root, PS, "PSScene", files)
    path = archive.root / "PSScene" / f"{PS}_3B_udm2.tif"
    path.rename(archive.root.parent / "later.tif")
    before = archive.index()
    assert list(before.told(MISSING)) == [f"PSScene/{PS}_3B_udm2.tif"]
    (archive.root.parent / "later.tif").rename(path)
    after = archive.index()
    assert not after.told(MISSING)
    assert [asset.key for asset in after.scenes[PS].assets] == ["ortho_visual", "ortho_udm2", "metadata"]


def test_a_changed_manifest_is_read_again(archive: Archive) -> None:
    write_bands(archive.root / "a.tif", 4)
    item = {"item_id": PS, "item_type": "PSScene"}
    manifest(archive.root, [("a.tif", {**item, "asset_type": "ortho_analytic_4b"})])
    assert [asset.product for asset in archive.index().scenes[PS].assets] == ["analytic"]
    manifest(archive.root, [("a.tif", {**item, "asset_type": "ortho_analytic_4b_sr"})])
    assert [asset.product for asset in archive.index().scenes[PS].assets] == ["analytic_sr"]


def test_a_manifest_that_goes_changes_no_id(archive: Archive) -> None:
    order(archive.root / "o", PS, "PSScene", {f"{PS}_3B_Visual.tif": ("ortho_visual", 3)})
    before = archive.index()
    (archive.root / "o" / "manifest.json").unlink()
    after = archive.index()
    assert after.scenes == before.scenes
    assert (after.report.read, after.report.removed) == (1, 0)


def test_an_item_in_a_second_order_leaves_the_first_its_id(archive: Archive) -> None:
    order(archive.root / "b", PS, "PSScene", {"x.tif": ("ortho_visual", 3)})
    assert list(archive.index().scenes) == [PS]
    order(archive.root / "a", PS, "PSScene", {"x.tif": ("ortho_visual", 3)})
    found = archive.index()
    assert found.paths() == {PS: "b/PSScene/x.tif", f"a~PSScene~{PS}": "a/PSScene/x.tif"}
    assert len(found.told(IDS)) == 1


def test_two_copies_of_a_tile_are_two_scenes(archive: Archive) -> None:
    for folder in ("a", "b"):
        write_bands(archive.root / folder / f"{TILE}_3A_Analytic.tif", 5)
    assert archive.index().paths() == {
        TILE: f"a/{TILE}_3A_Analytic.tif", f"b~{TILE}": f"b/{TILE}_3A_Analytic.tif"
    }  # fmt: skip


def test_composites_of_two_orders_have_ids_of_their_paths(archive: Archive) -> None:
    for folder in ("a", "b"):
        write_bands(archive.root / folder / "composite.tif", 4)
    assert set(archive.index().scenes) == {"a~composite", "b~composite"}


def test_stac_items_of_an_order_are_no_second_scenes(archive: Archive) -> None:
    order(archive.root, PS, "PSScene", {"x.tif": ("ortho_visual", 3)})
    said = {"type": "Feature", "stac_version": "1.0.0", "id": PS, "geometry": None, "links": [], "properties": {
        "datetime": "2020-01-01T00:00:00Z"}, "assets": {"x_tif": {"href": "./x.tif"}}}  # fmt: skip
    write_json(archive.root / "PSScene" / f"{PS}.json", said)
    write_json(archive.root / "catalog.json", {"type": "Catalog", "stac_version": "1.0.0", "id": "c", "links": []})
    found = archive.index()
    assert list(found.scenes) == [PS]
    assert all(not lines for lines in found.lines.values())


def test_stac_items_come_before_names(archive: Archive) -> None:
    # A folder of STAC items beside files with Planet's names, but without a manifest.
    write_bands(archive.root / f"{PS}_3B_Visual.tif", 3, dtype="uint8")
    said = {"type": "Feature", "stac_version": "1.0.0", "id": "mine", "geometry": None, "links": [], "properties": {
        "datetime": "2020-01-01T00:00:00Z"}, "assets": {"picture": {"href": f"./{PS}_3B_Visual.tif"}}}  # fmt: skip
    write_json(archive.root / "mine.json", said)
    assert list(archive.index().scenes) == ["mine"]


def test_file_manifests_are_no_scenes(archive: Archive) -> None:
    order(archive.root, PS, "PSScene", {f"{PS}_3B_Visual.tif": ("ortho_visual", 3)})
    entry = {"path": "x", "annotations": {"planet/item_id": PS}, "digests": {}}
    write_json(archive.root / "PSScene" / f"{PS}_3B_Visual_manifest.json", entry)
    found = archive.index()
    assert list(found.scenes) == [PS]
    assert all(not lines for lines in found.lines.values())


def test_a_thousand_items_of_one_order(archive: Archive) -> None:
    listed = []
    for number in range(1000):
        item_id = f"20221221_08{number // 60 % 60:02d}{number % 60:02d}_{number % 90 + 10}_{number:04x}"
        name = f"{item_id}_metadata.json"
        write_json(archive.root / name, item_json(item_id, "PSScene"))
        item = {"item_id": item_id, "item_type": "PSScene"}
        listed += [(name, item), (f"{item_id}.tif", {**item, "asset_type": "ortho_visual"})]
    manifest(archive.root, listed)
    found = archive.index()
    assert len(found.scenes) == 1000
    assert len(found.told(MISSING)) == 1000
    assert archive.index().report.read == 0
