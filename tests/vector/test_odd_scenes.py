"""Scenes with odd footprints, texts and numbers: each is a row, none changes another, and nothing is lost unsaid."""

from __future__ import annotations

import copy
import json
import logging
import math
from typing import Any, Callable, NoReturn

import geopandas
import pyogrio
import pytest
import shapely
import yaml
from hypothesis import given
from hypothesis import strategies as st

import planet_vector
from planet_vector.errors import ProtocolError
from planet_vector.scene import Scene
from planet_vector.vector.columns import Row
from planet_vector.vector.result_cache import CACHE
from planet_vector.vector.schema import Schema
from tests.conftest import HAS_FIONA, Service, Start
from tests.faces import FACES, Face
from tests.schemas import ORTHO
from tests.vector.conftest import wait_for_pages, write_scenes

from .test_decoding import NUMBERS, ODD_GEOMETRIES, ODD_TEXTS, SCENE, put

SCHEMA = Schema(ORTHO)
TYPES = dict(zip(SCHEMA.names, SCHEMA.types))


def changed(place: str, value: Any, scene: dict[str, Any] = SCENE) -> dict[str, Any]:
    scene = copy.deepcopy(scene)
    put(place, value)(scene)
    return scene


def rows_of(*scenes: dict[str, Any], fields: list[str] | None = None) -> list[Row]:
    return list(Schema(ORTHO, fields).rows(scenes))


def said(row: Row) -> dict[str, Any]:
    """Return what a row says, by the names of the columns; what stands in ``other`` is read as strict JSON."""
    values = dict(zip(SCHEMA.names, row.values))
    other = values.pop("other")
    return {**values, "other": {} if other is None else strict_json(other)}


def strict_json(text: str) -> Any:
    def refuse(constant: str) -> NoReturn:
        raise AssertionError(f"{constant} is no JSON")

    assert "\0" not in text
    text.encode()
    return json.loads(text, parse_constant=refuse)


# ---- one scene ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["\ud800", "a\udfffb", "a\0b", "\0"])
@pytest.mark.parametrize(("place", "column"), [("properties/sat/id", "sat.id"), ("properties/provider", "provider")])
def test_a_text_that_gdal_cannot_hold_is_kept_beside_its_column(place: str, column: str, value: str) -> None:
    found = said(*rows_of(changed(place, value)))
    assert found[column] is None
    *branches, leaf = column.split(".")
    rest = found["other"]
    for branch in branches:
        rest = rest[branch]
    assert rest == {leaf: value}


def test_texts_that_gdal_holds_are_left_alone() -> None:
    for value in ("", "ö\n\x01\x7f", "\U0001f6f0", "\ufffd\uffff", "\\u0000\\ud800"):
        found = said(*rows_of(changed("properties/sat/id", value)))
        assert found["sat.id"] == value and not found["other"]


@pytest.mark.parametrize(
    ("value", "shown"), [("a\0b", "a\ufffdb"), ("\ud800", "\ufffd"), ("\udc00\udc00", "\ufffd\ufffd")]
)
def test_an_id_that_gdal_cannot_hold_is_shown_as_far_as_it_can(value: str, shown: str) -> None:
    odd, usual = rows_of({**SCENE, "id": value}, SCENE)
    assert said(odd)["id"] == shown and said(odd)["other"] == {"id": value}
    assert said(usual)["id"] == "a" and said(usual)["other"] == {}
    assert 0 <= odd.fid < 2**53 and usual.fid == rows_of(SCENE)[0].fid
    assert odd.fid != rows_of({**SCENE, "id": shown})[0].fid


def test_feature_ids_stay_what_they_were() -> None:
    """Programs keep them: the first 53 bits of the BLAKE2b digest, 8 bytes long, of "ortho/<id>"."""
    ids = ["a", "20150908_153022_0b0a", "ö"]
    assert SCHEMA.fids(ids) == [3159177129112719, 5665328215683666, 8139497926239588]


def test_what_is_no_property_takes_no_key_of_one() -> None:
    scene = {**changed("properties/id", 7), "id": "\0", "geometry": 5}
    put("properties/@footprint", "x")(scene)
    other = said(*rows_of(scene))["other"]
    assert other.pop("@@footprint").startswith("The geometry cannot be used")
    assert other == {"id": 7, "@id": "\0", "@footprint": "x"}


@pytest.mark.parametrize(
    ("value", "column", "other"),
    [
        (2**53, 2.0**53, None),
        (2**53 + 1, 2.0**53, 2**53 + 1),
        (-(2**53) - 3, -(2.0**53) - 4, -(2**53) - 3),
        (2**60, 2.0**60, None),
        (10**300, 1e300, 10**300),
        (10**400, None, 10**400),
        (-(2**1024), None, -(2**1024)),
        (1e308, 1e308, None),
        (math.nan, None, "NaN"),
        (math.inf, None, "Infinity"),
        (-math.inf, None, "-Infinity"),
        (True, None, True),
        ("7", None, "7"),
    ],
)
def test_a_column_of_real_numbers_takes_any_that_is_finite(value: Any, column: float | None, other: Any) -> None:
    for scenes in ([value], [value, 0.5], [3, value], [0.5, None, value], [1e308, 1e308, value]):
        rows = rows_of(*(changed("properties/strip_id", number) for number in scenes))
        found = said(rows[scenes.index(value)])
        assert found["strip_id"] == column
        assert found["other"] == ({} if other is None else {"strip_id": other})
        for number, row in zip(scenes, rows):
            if number is not value:
                assert said(row)["strip_id"] == number and said(row)["other"] == {}


@pytest.mark.parametrize("value", [math.nan, [math.inf, {"b": -math.inf}], {"\ud800": "\udc00", "a": "\0"}, 10**4000])
def test_other_holds_anything_as_json(value: Any) -> None:
    text = dict(zip(SCHEMA.names, rows_of(changed("properties/odd", value))[0].values))["other"]
    as_texts = {math.inf: "Infinity", -math.inf: "-Infinity"}
    spelt = "NaN" if value != value else value
    if isinstance(value, list):
        spelt = [as_texts[value[0]], {"b": as_texts[value[1]["b"]]}]
    assert strict_json(text) == {"odd": spelt}


def test_depth_breaks_nothing() -> None:
    deep: Any = math.nan
    for number in range(50_000):
        deep = {"a": [1, deep]} if number % 2 else [deep]
    odd, usual = rows_of(changed("properties/deep", deep), SCENE)
    text = dict(zip(SCHEMA.names, odd.values))["other"]
    assert text.startswith('{"deep": {"a": [1, [{"a": [1, [') and text.endswith("]]}]]}}")
    assert [text.count(char) for char in "[]{}"] == [50_000, 50_000, 25_001, 25_001]
    assert text.count('"NaN"') == 1
    assert said(usual) == said(*rows_of(SCENE))


@pytest.mark.parametrize(
    "text",
    [
        "2015-09-08\x0015:30:22.838338+00:00",
        "2015-09-08\ud80015:30:22.838338+00:00",
        "2015-W37-2T15:30:22.838338+00:00",
        "2015-09-08T24:00:00.000000+00:00",
        "2015-09-08T153022.83833812+00:00",
    ],
)
def test_a_time_in_no_spelling_of_the_service_is_no_time(text: str) -> None:
    found = said(*rows_of(changed("properties/published", text)))
    assert found["published"] is None and found["other"] == {"published": text}


@pytest.mark.parametrize("value", [10**400, True, math.nan, "7", [1]])
def test_cloud_cover_is_a_number_or_none(value: Any) -> None:
    scene = Scene(changed("properties/cloud_cover/estimated", value), ORTHO)
    assert scene.cloud_cover is None
    assert Scene(changed("properties/cloud_cover", value), ORTHO).cloud_cover is None
    assert Scene(SCENE, ORTHO).cloud_cover == 2.46


# ---- many scenes --------------------------------------------------------------------------------------------

PLACES = [
    "id",
    "geometry",
    "properties/published",
    "properties/file_size",
    "properties/camera",
    "properties/camera/bit_depth",
    "properties/camera/color_mode",
    "properties/camera/new",
    "properties/data/products/visual/full",
    "properties/links/self",
    "properties/sat/off_nadir",
    "properties/strip_id",
    "properties/provider",
]
LEAVES = st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=3), ODD_TEXTS)
KEYS = st.text(max_size=2) | ODD_TEXTS
ANYTHING = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2))
CHANGES = st.lists(st.tuples(st.sampled_from(PLACES), ANYTHING | ODD_GEOMETRIES), max_size=3)


def made(changes: list[tuple[str, Any]], number: int) -> dict[str, Any]:
    scene = {**copy.deepcopy(SCENE), "id": str(number)}
    for place, value in changes:
        if place == "id":
            scene["id"] = f"{value if isinstance(value, str) else ''}{number}"
        elif place == "properties/camera" or isinstance(scene["properties"]["camera"], dict) or "camera" not in place:
            put(place, copy.deepcopy(value))(scene)
    return scene


def flat(value: Any, names: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """Return what is said at each leaf, numbers that JSON has not as texts, ``None`` left out."""
    if isinstance(value, dict) and value:
        return {key: leaf for name, part in value.items() for key, leaf in flat(part, (*names, name)).items()}
    if isinstance(value, list):
        return {names: [flat(part) for part in value]}
    if isinstance(value, float) and not math.isfinite(value):
        return {names: {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")}
    return {names: value}


@given(st.lists(CHANGES, min_size=1, max_size=4))
def test_no_scene_changes_another_and_none_loses_anything(pages: list[list[tuple[str, Any]]]) -> None:
    scenes = [made(changes, number) for number, changes in enumerate(pages)]
    before = [flat(scene) for scene in scenes]
    rows = rows_of(*scenes)
    assert [flat(scene) for scene in scenes] == before  # what is given is left as it is
    for scene, row in zip(scenes, rows):
        assert row == rows_of(scene)[0]
        found = said(row)
        other = flat(found.pop("other"))
        for name, value in found.items():
            if TYPES[name] == "String" and value is not None:
                assert b"\0" not in value.encode()
            if TYPES[name] == "Real" and value is not None:
                assert math.isfinite(value) and not isinstance(value, bool)
        for path, value in flat(scene["properties"]).items():
            if value == {} and path == ("camera",):
                continue  # none of its columns
            name = ".".join(path)
            column = found.get(name) if name not in ("id", "location", "other") else None
            kept = other.get(path)
            if TYPES.get(name) == "DateTime" and column is not None:
                assert kept is None and column[:19] == value[:19].replace(" ", "T")
            elif value is not None:
                assert (value if kept is None else kept) == value and (kept is not None or column == value)
                assert type(value if kept is None else kept) is type(value) or isinstance(value, (int, float))
        assert found["id"] == scene["id"] or other[("id",)] == scene["id"]
        if scene["geometry"] is not None:
            assert (row.wkb is None) == (("@footprint",) in other)
        if row.wkb is not None:
            assert shapely.from_wkb(row.wkb).geom_type == "MultiPolygon"
            assert row.box == shapely.from_wkb(row.wkb).bounds


# ---- in every program ---------------------------------------------------------------------------------------

USUAL = SCENE["geometry"]


def at(x: Any, y: Any = 0) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[[x, y], [3, 2.0], [3.25, 4.0], [1.5, 4.5], [x, y]]]}


NO_FOOTPRINTS: dict[str, tuple[Any, str]] = {
    "far away": (at(1e300), "the footprint has a longitude beyond ±540 degrees"),
    "not-a-number": (at(math.nan), "the footprint has a longitude beyond ±540 degrees"),
    "beyond-the-pole": (at(0, -90.5), "the footprint has a latitude beyond ±90 degrees"),
    "point": ({"type": "Point", "coordinates": [1, 2]}, "the footprint is not a Polygon or MultiPolygon but 'Point'"),
    "text": ("POINT (1 2)", "the footprint is not a GeoJSON geometry but a value of type str"),
    "true": (at(True), "the footprint has a position that is not a list of two or more numbers"),
    "empty": ({"type": "Polygon", "coordinates": []}, "the footprint has no coordinates"),
    "one-bad-part": (
        {"type": "MultiPolygon", "coordinates": [USUAL["coordinates"], [[]]]},
        "the footprint has a ring of fewer than three corners",
    ),
}
FOOTPRINTS: dict[str, Any] = {
    "usual": USUAL,
    "unclosed": {"type": "Polygon", "coordinates": [USUAL["coordinates"][0][:-1]]},
    "zero-area": {"type": "Polygon", "coordinates": [[[1, 1], [2, 2], [1, 1], [1, 1]]]},
    "across": {"type": "Polygon", "coordinates": [[[179, 0], [-179, 0], [-179, 1], [179, 1], [179, 0]]]},
    "pole": {"type": "Polygon", "coordinates": [[[0, 80], [90, 80], [180, 80], [-90, 80], [0, 80]]]},
}
AREAS = {"usual": 3.6875, "unclosed": 3.6875, "zero-area": 0.0, "across": 2.0, "pole": 3600.0}
GSD = "properties/image_statistics/gsd"
WITH_GSD = changed(GSD, 2.25)
TEXTS = {"NUL": "a\0b", "surrogate": "a\ud800b"}
SCENES = [
    *({**WITH_GSD, "id": name, "geometry": geometry} for name, (geometry, _) in NO_FOOTPRINTS.items()),
    *({**WITH_GSD, "id": name, "geometry": geometry} for name, geometry in FOOTPRINTS.items()),
    *({**changed("properties/sat/id", text, WITH_GSD), "id": name} for name, text in TEXTS.items()),
    *({**WITH_GSD, "id": f"id-{text}"} for text in TEXTS.values()),
    {**changed(GSD, math.nan), "id": "NaN"},
    {**changed(GSD, 2**53 + 1), "id": "rounded"},
    {**changed(GSD, 10**400), "id": "large"},
]
IDS = [scene["id"].replace("\0", "\ufffd").replace("\ud800", "\ufffd") for scene in SCENES]


@pytest.fixture(scope="module")
def _odd(tmp_path_factory: pytest.TempPathFactory, start_service: Start) -> Service:
    """Return a service that answers any search with the same page: all scenes are of one instant."""
    folder = tmp_path_factory.mktemp("odd")
    faults = [{"path": face.searches, "status": 200, "body": face.page_of(SCENES, len(SCENES))} for face in FACES]
    (folder / "faults.yml").write_text(yaml.safe_dump(faults))
    return start_service(write_scenes(folder / "scenes", [SCENE]), "--faults", str(folder / "faults.yml"))


@pytest.fixture
def odd(_odd: Service, monkeypatch: pytest.MonkeyPatch) -> Service:
    monkeypatch.setenv("PL_API_URL", _odd.root)
    monkeypatch.setenv("PL_API_KEY", _odd.key)
    monkeypatch.setenv("PLANET_RATE", "0")
    wait_for_pages()
    CACHE.clear()
    return _odd


Found = list[tuple[str, Any, Any, Any, Any]]
"""Id, geometry as shapely has it or None, sat.id, image_statistics.gsd and other of each scene."""
COLUMNS = ["id", "sat.id", "image_statistics.gsd", "other"]


def with_pyogrio(name: str, columns: list[str]) -> Found:
    meta, _, wkbs, arrays = pyogrio.raw.read(name, columns=columns)
    values = dict(zip(meta["fields"], arrays))
    return list(zip(values["id"], shapely.from_wkb(wkbs), *(values[column] for column in columns[1:])))


def with_arrow(name: str, columns: list[str]) -> Found:
    table = pyogrio.raw.read_arrow(name, columns=columns)[1].to_pydict()
    (geometry,) = [column for column in table if column not in columns and "fid" not in column.lower()]
    return list(zip(table["id"], shapely.from_wkb(table[geometry]), *(table[column] for column in columns[1:])))


def with_geopandas(name: str, columns: list[str]) -> Found:
    frame = geopandas.read_file(name, columns=columns)
    return list(zip(frame["id"], frame.geometry, *(frame[column] for column in columns[1:])))


def with_search(name: str, columns: list[str]) -> Found:
    found = planet_vector.search(name).to_geopandas()
    return list(zip(found["id"], found.geometry, *(found[column] for column in columns[1:])))


def with_fiona(name: str, columns: list[str]) -> Found:
    import fiona

    with fiona.open(name) as layer:
        features = list(layer)
    return [
        (
            feature.properties["id"],
            feature.geometry and shapely.geometry.shape(feature.geometry),
            *(feature.properties[column] for column in columns[1:]),
        )
        for feature in features
    ]


READERS: dict[str, Callable[[str, list[str]], Found]] = {
    "pyogrio": with_pyogrio,
    "pyogrio, Arrow": with_arrow,
    "geopandas": with_geopandas,
    "search": with_search,
}
if HAS_FIONA:
    READERS["fiona"] = with_fiona

IN_OSGEO = """
import json, sys
from osgeo import ogr
ogr.UseExceptions()
source = ogr.Open("PLANET:ortho")
found = []
for feature in source.GetLayer(0):
    geometry = feature.GetGeometryRef()
    values = [feature.GetField(name) for name in json.loads(sys.argv[1])]
    found.append([values[0], geometry and geometry.ExportToWkt(), *values[1:]])
print(json.dumps(found))
"""


def check(found: Found, face: Face) -> None:
    assert sorted(row[0] for row in found) == sorted(IDS)
    for scene_id, geometry, satellite, gsd, other in found:
        rest = strict_json(other) if isinstance(other, str) else {}
        if scene_id in NO_FOOTPRINTS:
            assert geometry is None
            assert rest == {"@footprint": f"The geometry cannot be used: {NO_FOOTPRINTS[scene_id][1]}."}
        else:
            assert geometry is not None and geometry.area == pytest.approx(AREAS.get(scene_id, 3.6875))
        if scene_id in TEXTS:
            assert not isinstance(satellite, str) and rest == face.other("sat.id", TEXTS[scene_id])
        else:
            assert satellite == "0b0a"
        if scene_id in ("NaN", "large"):
            assert gsd is None or math.isnan(gsd)
            assert rest == face.other("image_statistics.gsd", "NaN" if scene_id == "NaN" else 10**400)
        elif scene_id == "rounded":
            assert gsd == 2.0**53 and rest == face.other("image_statistics.gsd", 2**53 + 1)
        else:
            assert gsd == 2.25
        if scene_id in FOOTPRINTS:
            assert rest == {}
    originals = sorted(strict_json(row[-1])["id"] for row in found if row[0].startswith("id-"))
    assert originals == sorted(f"id-{text}" for text in TEXTS.values())


@pytest.mark.parametrize("reader", READERS)
def test_a_layer_with_odd_scenes_has_them_all(odd: Service, face: Face, reader: str) -> None:
    check(READERS[reader]("PLANET:ortho", list(map(face.spell, COLUMNS))), face)


def test_the_oldest_gdal_has_them_all(
    odd: Service, face: Face, system_python: Callable[..., Any], run: Callable[..., Any]
) -> None:
    environ = {**odd.environ, "PLANET_RATE": "0"}
    done = system_python(IN_OSGEO, json.dumps(list(map(face.spell, COLUMNS))), env=environ)
    assert done.stderr == ""
    check([(row[0], row[1] and shapely.from_wkt(row[1]), *row[2:]) for row in json.loads(done.stdout)], face)
    done = run("ogrinfo", "-ro", "-al", "-q", "PLANET:ortho", env=environ)
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.count("OGRFeature(") == len(SCENES)
    assert done.stdout.count("MULTIPOLYGON") == len(SCENES) - len(NO_FOOTPRINTS)


def test_without_the_column_the_log_says_why(odd: Service, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "planet_vector"):
        table = pyogrio.raw.read_arrow("PLANET:ortho?fields=id")[1].to_pydict()
    assert len(table["id"]) == len(SCENES)
    lines = [line for line in caplog.messages if "cannot be used" in line]
    for scene_id, (_, reason) in NO_FOOTPRINTS.items():
        assert f"The geometry of scene '{scene_id}' cannot be used: {reason}" in lines


def test_a_scene_alone_says_why_it_has_no_footprint() -> None:
    with pytest.raises(ProtocolError, match="returned a with an invalid geometry: the footprint has a longitude"):
        _ = Scene({**SCENE, "geometry": at(1e300)}, ORTHO).polygons
