"""Metadata of Planet orders that is wrong, huge or hostile: it is reported, and everything else is served."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planet_vector.server.archive.inventory import scan
from planet_vector.server.archive.kinds import planet_names
from planet_vector.server.archive.kinds.planet_names import parse_name
from planet_vector.server.archive.metadata.bounded import MetadataProblem
from planet_vector.server.archive.metadata.planet_item import item_fields
from planet_vector.server.archive.metadata.planet_manifest import parse_manifest
from planet_vector.server.archive.metadata.planet_xml import parse_planet_xml

from .missions import by_key, only_scene, properties, scenes_in
from .planets import item_json, manifest, order, planet_xml, write_bands, write_json, write_text

PS = "20221221_084022_18_2414"
ITEM = {"item_id": PS, "item_type": "PSScene", "asset_type": "ortho_visual"}


@pytest.mark.parametrize(
    "path",
    ["../secret.tif", "a/../../secret.tif", "/etc/passwd", "C:\\x.tif", "C:/x.tif", "a\\..\\x.tif", "//host/x.tif",
     "x\0.tif", "x\n.tif", "..", "", "\ud800.tif", "/".join("a" * 100)],
)  # fmt: skip
def test_paths_out_of_the_order_are_reported_and_not_used(tmp_path: Path, path: str) -> None:
    write_bands(tmp_path / "secret.tif", 3)
    write_bands(tmp_path / "order" / "b.tif", 3, dtype="uint8")
    manifest(tmp_path / "order", [(path, ITEM), ("./b.tif", ITEM)])
    found, problems = scenes_in(tmp_path)
    assert found[PS].products == {"visual": "order/b.tif"}
    assert found["secret"].products == {"analytic": "secret.tif"}  # still a scene of its own
    assert [p.path for p in problems] == ["order/manifest.json"]
    assert "outside of its folder" in problems[0].text
    assert problems[0].text.isprintable()


@pytest.mark.parametrize(
    "name, value",
    [("item_id", "../x"), ("item_id", "a/b"), ("item_id", ".."), ("item_id", "x" * 300), ("item_id", 7),
     ("item_type", "../x"), ("item_type", "PSScene\n"), ("item_type", "")],
)  # fmt: skip
def test_ids_and_types_that_are_no_names_are_not_used(tmp_path: Path, name: str, value: object) -> None:
    write_bands(tmp_path / "b.tif", 3, dtype="uint8")
    manifest(tmp_path, [("b.tif", {**ITEM, name: value})])  # type: ignore[dict-item]
    assert only_scene(tmp_path).products == {"visual": "b.tif"}
    assert only_scene(tmp_path).feature["id"] == "b"


@pytest.mark.parametrize("value", ["../x", "Ortho Visual", "x" * 100, "", 7, {}, "a/b"])
def test_assets_that_are_no_names_are_told_by_the_file(tmp_path: Path, value: object) -> None:
    write_bands(tmp_path / f"{PS}_3B_Visual.tif", 3, dtype="uint8")
    write_bands(tmp_path / "Mäske ü.tif", 1)
    manifest(tmp_path, [(f"{PS}_3B_Visual.tif", {**ITEM, "asset_type": value}),
                        ("Mäske ü.tif", {**ITEM, "asset_type": value})])  # type: ignore[dict-item]  # fmt: skip
    assert set(by_key(only_scene(tmp_path))) == {"ortho_visual", "m_ske"}


def test_a_manifest_of_a_gigabyte_is_not_read(tmp_path: Path) -> None:
    write_bands(tmp_path / f"{PS}_3B_Visual.tif", 3, dtype="uint8")
    with (tmp_path / "manifest.json").open("wb") as file:
        file.truncate(2**30)
    found, problems = scenes_in(tmp_path)
    assert found[PS].products.keys() == {"visual"}  # by its name
    assert [(p.path, p.text) for p in problems] == [("manifest.json", "is longer than 32 MB")]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b'{"files": NaN}', b'{"files":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
     b'{"files": [{"path": "a"', b"[" * 200_000],
)  # fmt: skip
def test_a_broken_manifest_is_reported_and_the_files_are_read_by_name(tmp_path: Path, content: bytes) -> None:
    write_bands(tmp_path / f"{PS}_3B_Visual.tif", 3, dtype="uint8")
    (tmp_path / "manifest.json").write_bytes(content)
    found, problems = scenes_in(tmp_path)
    assert found[PS].products.keys() == {"visual"}
    assert [p.path for p in problems] == ["manifest.json"]


@pytest.mark.parametrize("document", [{"name": "My page", "icons": []}, {"files": []}, {"files": ["a.js"]}, []])
def test_manifests_of_other_programs_are_left_alone(tmp_path: Path, document: object) -> None:
    write_bands(tmp_path / "a.tif", 3, dtype="uint8")
    write_json(tmp_path / "manifest.json", document)
    units, problems = scan(tmp_path)
    assert sorted(units) == ["list:manifest.json", "scene:a"]  # as before
    assert not problems


def test_two_manifests_within_each_other(tmp_path: Path) -> None:
    listed = order(tmp_path / "inner", PS, "PSScene", {"x.tif": ("ortho_visual", 3)})
    manifest(tmp_path, [(f"inner/{path}", ITEM) for path in listed])
    units, problems = scan(tmp_path)
    assert sorted(units) == [f"planet:inner/PSScene/{PS}"]
    assert not problems


def test_one_file_is_not_the_file_of_many_items(tmp_path: Path) -> None:
    write_bands(tmp_path / "a.tif", 3, dtype="uint8")
    manifest(tmp_path, [(f"{n}/a.tif", {**ITEM, "item_id": f"item_{n}"}) for n in range(1000)])
    units, _ = scan(tmp_path)
    assert list(units) == ["planet:PSScene/item_0"]


def test_entries_repeated_a_hundred_thousand_times(tmp_path: Path) -> None:
    write_bands(tmp_path / "a.tif", 3, dtype="uint8")
    manifest(tmp_path, [("a.tif", ITEM)] * 100_000)
    assert only_scene(tmp_path).products == {"visual": "a.tif"}


@pytest.mark.skipif(os.name == "nt", reason="needs symbolic links")
def test_links_out_of_the_archive_are_not_followed(tmp_path: Path) -> None:
    write_bands(tmp_path / "secret.tif", 3)
    archive = tmp_path / "archive"
    write_bands(archive / "b.tif", 3, dtype="uint8")
    (archive / "a.tif").symlink_to(tmp_path / "secret.tif")
    (archive / "loop").symlink_to(archive)
    manifest(archive, [("a.tif", ITEM), ("loop/b.tif", {**ITEM, "asset_type": "ortho_udm2"}), ("b.tif", ITEM)])
    found, problems = scenes_in(archive)
    assert found[PS].products == {"visual": "b.tif"}
    assert {p.path for p in problems} == {"a.tif", "loop", "loop/b.tif"}


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b'{"properties": 7}', b'{"properties": {"acquired": NaN}}', b"[" * 100_000, b"\xff",
     b'{"id": "other", "properties": {"item_type": "PSScene"}}'],
)  # fmt: skip
def test_broken_item_metadata_is_reported_and_removes_nothing(tmp_path: Path, content: bytes) -> None:
    write_bands(tmp_path / f"{PS}_3B_Visual.tif", 3, dtype="uint8")
    expected = only_scene(tmp_path)
    (tmp_path / f"{PS}_metadata.json").write_bytes(content)
    found, problems = scenes_in(tmp_path)
    assert [p.path for p in problems] == [f"{PS}_metadata.json"]
    assert found[PS].feature == expected.feature


BOMB = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<EarthObservation>&b;</EarthObservation>"""


@pytest.mark.parametrize(
    "content",
    [b"", b"<a>", BOMB, b"<html/>", b"<EarthObservation>" * 10_000, b"\xff\xfe<\0a\0/\0>\0",
     BOMB.replace(b"<?xml version=\"1.0\"?>", b"<?xml version='1.0' encoding='cp037'?>")],
)  # fmt: skip
def test_broken_xml_is_reported_and_removes_nothing(tmp_path: Path, content: bytes) -> None:
    write_bands(tmp_path / f"{PS}_3B_AnalyticMS.tif", 4)
    expected = only_scene(tmp_path)
    (tmp_path / f"{PS}_3B_AnalyticMS_metadata.xml").write_bytes(content)
    found, problems = scenes_in(tmp_path)
    assert [p.path for p in problems] == [f"{PS}_3B_AnalyticMS_metadata.xml"]
    assert found[PS].feature == expected.feature


def test_values_of_the_xml_that_are_no_numbers_are_missing() -> None:
    text = planet_xml(ring=[[200, 95], ["nan", 1], [1, 1], [200, 95]], cloud="inf",  # type: ignore[list-item]
                      corners=[[0, 0]] * 4, time="2022-13-45")  # fmt: skip
    found = parse_planet_xml(text.encode())
    assert (found.fields.acquired, found.fields.geometry, found.fields.cloud_percent) == (None, None, None)
    assert found.fields.sun_elevation == 60.95281


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
known = st.sampled_from(["acquired", "published", "cloud_cover", "cloud_percent", "gsd", "pixel_resolution", "strip_id",
                         "satellite_id", "instrument", "provider", "view_angle", "updated", "item_type"])  # fmt: skip


@settings(deadline=None)
@given(st.dictionaries(known | st.text(max_size=8), json_values, max_size=8), json_values)
def test_any_properties_make_fields_that_can_be_stored(properties: dict, geometry: object) -> None:
    fields, unreadable = item_fields({"properties": properties, "geometry": geometry})
    json.dumps(fields.to_json(), allow_nan=False).encode()
    assert all(text.isprintable() for text in unreadable)
    if fields.acquired is not None:
        json.dumps(fields.to_feature("x"), allow_nan=False).encode()


@settings(deadline=None)
@given(st.lists(st.fixed_dictionaries({"path": json_values | st.text("./\\:aA~", max_size=8)},
                                      optional={"annotations": json_values, "digests": json_values}) | json_values,
                max_size=5))  # fmt: skip
def test_any_manifest_has_paths_in_its_folder(files: list) -> None:
    try:
        found = parse_manifest(json.dumps({"files": files}).encode())
    except MetadataProblem:
        return  # NaN
    for entry in found.entries if found else ():
        assert os.path.normpath(entry.path) == entry.path.rstrip("/")
        assert not os.path.isabs(entry.path)
        assert ".." not in entry.path.split("/")


@settings(deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda t: f"<EarthObservation>{t}</EarthObservation>".encode(
    errors="replace")))  # fmt: skip
def test_any_bytes_are_metadata_or_a_problem(content: bytes) -> None:
    for parse in (parse_planet_xml, parse_manifest):
        try:
            parse(content)
        except MetadataProblem as problem:
            assert str(problem)


@settings(deadline=None)
@given(st.text(max_size=60) | st.from_regex(r"\d{8}_\d{6}_[0-9a-z_]{4,9}(_[13]B)?_[A-Za-z_0-9]{3,30}\.(tif|xml|json)"))
def test_any_name_is_parsed_quickly(name: str) -> None:
    found = parse_name(name)
    assert found is None or found.item_id.lower() in name.lower()


def test_a_long_name_of_tools_is_parsed_quickly() -> None:
    assert parse_name(f"{PS}_3B_Visual{'_clip' * 10_000}.tiff_") is None
    assert parse_name(f"{PS}_3B_Visual{'_clip' * 10}.tif") is not None


def test_a_scene_of_metadata_alone_is_served_from_a_manifest(tmp_path: Path) -> None:
    item = {"item_id": PS, "item_type": "PSScene"}
    write_json(tmp_path / f"{PS}_metadata.json", item_json(PS, "PSScene"))
    manifest(tmp_path, [(f"{PS}_metadata.json", item), ("x.tif", {**item, "asset_type": "ortho_visual"})])
    found, problems = scenes_in(tmp_path)
    assert found[PS].products == {}
    assert properties(found[PS])["acquired"] == "2022-12-21T08:40:22.180138+00:00"
    assert [p.path for p in problems] == ["x.tif"]


def test_the_media_type_is_that_of_the_suffix(tmp_path: Path) -> None:
    item = {"item_id": PS, "item_type": "PSScene"}
    write_bands(tmp_path / "a.tif", 3, dtype="uint8")
    write_text(tmp_path / "evil.html", "<script>")
    manifest(tmp_path, [("a.tif", {**item, "asset_type": "ortho_visual"}),
                        ("evil.html", {**item, "asset_type": "ortho_analytic_4b"})])  # fmt: skip
    asset = by_key(only_scene(tmp_path))["ortho_analytic_4b"]
    assert (asset.media_type, asset.product) == ("application/octet-stream", None)


@settings(deadline=None, max_examples=500)
@given(st.one_of([st.from_regex(pattern, fullmatch=True) for pattern in planet_names._NAMES.values()]))
def test_no_name_is_passed_over(name: str) -> None:
    assert parse_name(name) is not None
    assert planet_names.LOOSE.fullmatch(name)
