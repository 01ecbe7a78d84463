"""A metadata file that lacks fields, or spoils them, never removes what is derived from the raster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from planet_vector.server.archive.inventory import read, scan
from planet_vector.server.archive.units import LEFT_OUT, Problem, SceneRecord

from ..conftest import write_raster
from .conftest import Archive

FULL: Dict[str, Any] = {
    "acquired": "2015-03-06T02:24:15.531315+00:00",
    "camera.bit_depth": 12,
    "camera.color_mode": "Monochromatic",
    "file_size": 1234,
    "image_statistics.gsd": 3.25,
    "published": "2015-03-07T00:00:00+00:00",
}
RING = [[10.0, 45.0], [10.2, 45.0], [10.2, 45.2], [10.0, 45.2], [10.0, 45.0]]
GEOMETRY = {"type": "Polygon", "coordinates": [RING]}
SPOILED: List[Any] = [[], {}, True, "soon", {"a": 1}]


def value_of(properties: Dict[str, Any], name: str) -> Any:
    group, _, leaf = name.rpartition(".")
    return properties.get(group, {}).get(leaf) if group else properties.get(leaf)


def write(path: Path, said: Dict[str, Any]) -> None:
    properties: Dict[str, Any] = {"provider": "office", "camera": {"gain": 7}}
    for name, value in said.items():
        group, _, leaf = name.rpartition(".")
        if name != "geometry":
            (properties.setdefault(group, {}) if group else properties)[leaf] = value
    document = {"type": "Feature", "id": "a", "geometry": said.get("geometry"), "properties": properties}
    path.write_text(json.dumps(document))


def read_one(root: Path) -> tuple[SceneRecord, List[Problem]]:
    units, problems = scan(root)
    (unit,) = units.values()
    (record,) = read(root, unit, problems)
    return record, problems


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    write_raster(folder / "a_visual.tif", size=20, bands=3, tags={"TIFFTAG_DATETIME": "2014:09:22 17:45:39"})
    return folder


states = st.fixed_dictionaries(
    {name: st.sampled_from(["full", "missing", "null", *range(len(SPOILED))]) for name in (*FULL, "geometry")}
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(states)
@example({name: "full" for name in (*FULL, "geometry")})
@example({name: "missing" for name in (*FULL, "geometry")})
@example({**{name: "full" for name in (*FULL, "geometry")}, "published": "missing"})
def test_any_part_of_the_metadata_keeps_the_derived_fields(folder: Path, state: Dict[str, Any]) -> None:
    (folder / "a_metadata.json").unlink(missing_ok=True)
    derived = read_one(folder)[0].feature
    full = {**FULL, "geometry": GEOMETRY}
    said = {
        name: full[name] if how == "full" else None if how == "null" else SPOILED[how]
        for name, how in state.items()
        if how != "missing"
    }
    if said.get("camera.color_mode") == "soon":
        del said["camera.color_mode"]  # any text is one
    write(folder / "a_metadata.json", said)
    record, problems = read_one(folder)
    found, spoiled = record.feature, [name for name, value in said.items() if value in SPOILED]
    complete = not spoiled and all(
        said.get(name) is not None for name in ("acquired", "image_statistics.gsd", "geometry")
    )
    for name in FULL:
        if said.get(name) is not None and name not in spoiled:
            assert value_of(found["properties"], name) == said[name]
        elif not complete:
            assert value_of(found["properties"], name) == value_of(derived["properties"], name), name
        else:
            assert value_of(found["properties"], name) is None
    whole = "geometry" in said and said["geometry"] == GEOMETRY
    assert found["geometry"] == (GEOMETRY if whole else derived["geometry"])
    assert found["properties"]["provider"] == "office" and found["properties"]["camera"]["gain"] == 7
    assert [problem.path for problem in problems] == ["a_metadata.json"] * bool(spoiled)
    assert all(name in problems[0].text for name in spoiled)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"type": "Feature", "id": "b", "properties": {}}', '{"type": "Topology"}',
             '{"type": "Feature", "id": "a", "properties": []}', "[" * 100_000]
)  # fmt: skip
def test_metadata_that_is_none_is_reported_and_the_raster_served(folder: Path, text: str) -> None:
    (folder / "a_metadata.json").unlink(missing_ok=True)
    derived = read_one(folder)[0]
    (folder / "a_metadata.json").write_text(text)
    record, problems = read_one(folder)
    assert record == derived
    assert [problem.path for problem in problems] == ["a_metadata.json"]


def test_metadata_without_id_or_properties_is_that_of_its_name(archive: Archive) -> None:
    write_raster(archive.root / "x.tif", size=8)
    (archive.root / "x_metadata.json").write_text('{"type": "Feature"}')
    found = archive.index()
    assert set(found.scenes) == {"x"} and found.lines[LEFT_OUT] == []


def test_complete_metadata_of_a_raster_without_georeference_is_served(archive: Archive) -> None:
    from PIL import Image

    Image.new("L", (5, 5)).save(archive.root / "x_unrectified.tif")
    write(archive.root / "a_metadata.json", {"acquired": FULL["acquired"]})
    (archive.root / "a_metadata.json").rename(archive.root / "x_metadata.json")
    text = (archive.root / "x_metadata.json").read_text().replace('"id": "a"', '"id": "x"')
    (archive.root / "x_metadata.json").write_text(text)
    found = archive.index()
    assert found.scenes["x"].assets[0].product == "unrectified" and found.lines[LEFT_OUT] == []


@pytest.mark.parametrize("api", ["v1", "STAC"])
def test_an_item_of_another_api_that_was_synchronised_keeps_its_fields(tmp_path: Path, api: str) -> None:
    write_raster(tmp_path / "a_ortho_visual.tif", size=20, bands=3, tags={"TIFFTAG_DATETIME": "2014:09:22 17:45:39"})
    said: Dict[str, Any] = {"type": "Feature", "id": "a", "geometry": GEOMETRY}
    if api == "v1":
        said["properties"] = {"acquired": "2022-12-21T08:40:22.18Z", "item_type": "PSScene", "cloud_cover": 0.25,
                              "gsd": 3.8, "updated": "2022-12-22T04:42:19Z", "black_fill": 0.5}  # fmt: skip
    else:
        properties = {"datetime": "2022-12-21T08:40:22.18Z", "eo:cloud_cover": 25, "gsd": 3.8, "my:field": 7,
                      "updated": "2022-12-22T04:42:19Z"}  # fmt: skip
        said.update(stac_version="1.0.0", collection="My Fields", properties=properties, assets={}, links=[])
    (tmp_path / "a_metadata.json").write_text(json.dumps(said))
    record, problems = read_one(tmp_path)
    assert not problems
    assert record.products == {"ortho_visual": "a_ortho_visual.tif"}
    names = ("ortho", "PSScene", "PSScene") if api == "v1" else ("my-fields", "My Fields", "My Fields")
    assert (record.scene_type, record.item_type, record.collection) == names
    assert record.feature["geometry"] == GEOMETRY
    shown = record.feature["properties"]
    assert (shown["acquired"], shown["cloud_cover"], shown["image_statistics"]) == (
        "2022-12-21T08:40:22.180000+00:00", {"estimated": 25}, {"gsd": 3.8},
    )  # fmt: skip
    assert record.guessed == ()
    assert record.item["updated"] == "2022-12-22T04:42:19+00:00"
    assert record.item["geometry"] == GEOMETRY
    further = record.item["v1" if api == "v1" else "stac"]
    assert isinstance(further, dict)
    assert further["black_fill" if api == "v1" else "my:field"] == (0.5 if api == "v1" else 7)
