"""Pages read straight into columns say what pages read scene by scene say, or are not read so at all."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any, Callable, Optional

import pyogrio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planet_vector.catalog.data_v1 import item_schemas as data_v1
from planet_vector.catalog.data_v1.fast_pages import decoded_page as data_v1_page
from planet_vector.catalog.data_v1.item_columns import columns_of
from planet_vector.catalog.scene_pages import ScenePage
from planet_vector.catalog.scenes_v0.fast_pages import decoded_page
from planet_vector.vector import decoding, layer
from planet_vector.vector.arrow_tables import ArrowDecoder, batch_of
from planet_vector.vector.columns import Rows
from planet_vector.vector.decoding import Decoder
from planet_vector.vector.result_cache import CACHE
from planet_vector.vector.schema import Schema
from tests.data_v1_service import generated_items
from tests.faces import Face
from tests.schemas import ORTHO
from tests.vector.conftest import Watched

LINK = "https://api.example/v0/scenes/ortho/"
SCENE: dict[str, Any] = {
    "type": "Feature",
    "id": "a",
    "geometry": {"type": "Polygon", "coordinates": [[[1.5, 2.0], [3, 2.0], [3.25, 4.0], [1.5, 4.5], [1.5, 2.0]]]},
    "properties": {
        "acquired": "2015-09-08T15:30:22.838338+00:00",
        "published": "2015-09-08T18:46:11.018123+00:00",
        "camera": {"bit_depth": 12, "color_mode": "RGB", "exposure_time": 1170, "gain": 300.0},
        "cloud_cover": {"estimated": 2.46},
        "data": {"products": {"visual": {"full": LINK + "a/full?product=visual"}}},
        "links": {"full": LINK + "a/full", "self": LINK + "a"},
        "sat": {"id": "0b0a", "lat": -33.88},
        "strip_id": 1441726203.16169,
    },
}


def body(features: list[Any], **more: Any) -> bytes:
    return json.dumps(
        {"count": len(features), "type": "FeatureCollection", "features": features, "links": {"next": None}, **more}
    ).encode()


def read(content: bytes, fields: Optional[list[str]] = None) -> Optional[ScenePage]:
    """Read a page by all ways; return what the fast one gives, once rows and Arrow say the same as the other."""
    schema = Schema(ORTHO, fields)
    page = decoded_page(content, Decoder(schema))
    by_arrow = decoded_page(content, ArrowDecoder(schema))
    assert (page is None) == (by_arrow is None)
    if page is not None and by_arrow is not None:
        document = json.loads(content)
        features = document["features"]
        assert isinstance(page.features, Rows)
        expected = schema.rows(features)
        assert list(page.features) == list(expected)
        assert page.features.full == expected.full
        assert list(page.ids) == [feature["id"] for feature in features]
        assert list(page.times) == [feature["properties"]["acquired"] for feature in features]
        assert by_arrow.features.equals(batch_of(expected, schema), check_metadata=True)  # type: ignore[attr-defined]
        assert by_arrow[1:] == page[1:]
        assert (page.total, page.next) == (document["count"], document.get("links", {}).get("next"))
    return page


def put(place: str, value: Any) -> Callable[[dict[str, Any]], None]:
    *branches, leaf = [int(step) if step.isdigit() else step for step in place.split("/")]

    def change(scene: dict[str, Any]) -> None:
        node: Any = scene
        for branch in branches:
            node = node[branch] if isinstance(node, list) else node.setdefault(branch, {})
        node[leaf] = value

    return change


def drop(place: str) -> Callable[[dict[str, Any]], None]:
    *branches, leaf = place.split("/")

    def change(scene: dict[str, Any]) -> None:
        node = scene
        for branch in branches:
            node = node[branch]
        del node[leaf]

    return change


DEEP: list[Any] = []
for _ in range(200):
    DEEP = [DEEP]

PLAIN = {
    "as the service writes it": lambda scene: None,
    "without a value": drop("properties/cloud_cover/estimated"),
    "without a branch": drop("properties/camera"),
    "a value that is null": put("properties/sat/lat", None),
    "a whole number for a real one": put("properties/sat/lat", -33),
    "another product": put("properties/data/products/unrectified", {"full": LINK, "zip": LINK}),
    "a time to the second": put("properties/published", "2015-09-08T18:46:11Z"),
    "a scene without a time of publication": drop("properties/published"),
    "more than a Feature has": put("bbox", [1, 2, 3, 4]),
    "a text that is escaped": put("properties/sat/id", 'ö\n"\\/\U0001f6f0'),
    "a triangle among rectangles": put("geometry/coordinates", [[[1.5, 2.0], [3, 2.0], [3.25, 4.0], [1.5, 2.0]]]),
    "a footprint at the antimeridian": put(
        "geometry/coordinates", [[[179.0, 2], [180, 2.0], [180, 4.0], [179, 4.5], [179, 2]]]
    ),
}
OTHERWISE = {
    "a property without a column": put("properties/camera/lens", "x"),
    "a branch that is null": put("properties/camera", None),
    "a branch that is none": put("properties/camera", 3),
    "a text for a number": put("properties/strip_id", "1441726203"),
    "a number for a text": put("properties/sat/id", 7),
    "a real number for a whole one": put("properties/camera/bit_depth", 12.0),
    "a boolean for a number": put("properties/strip_id", True),
    "more than 32 bits": put("properties/camera/bit_depth", 2**31),
    "a whole number no double holds": put("properties/strip_id", 2**53 + 1),
    "more digits than a number has": put("properties/strip_id", 10**400),
    "no number": put("properties/strip_id", float("nan")),
    "no time": put("properties/published", "2015-99-08T18:46:11.018123+00:00"),
    "no link": put("properties/data/products/visual/full", "file:///etc/passwd"),
    "one scene without the first product": drop("properties/data/products/visual"),
    "no footprint": put("geometry", None),
    "two parts": put("geometry", {"type": "MultiPolygon", "coordinates": [SCENE["geometry"]["coordinates"]]}),
    "a hole": put("geometry/coordinates", SCENE["geometry"]["coordinates"] * 2),
    "heights": put("geometry/coordinates", [[[1.5, 2.0, 9], [3, 2.0, 9], [3.25, 4.0, 9], [1.5, 4.5, 9], [1.5, 2, 9]]]),
    "a lone surrogate": put("properties/sat/id", "\ud800"),
    "a lone surrogate in the id": put("id", "\udfff"),
    "a text with NUL": put("properties/sat/id", "0b\0"),
    "an id with NUL": put("id", "\0"),
    "a link with NUL": put("properties/data/products/visual/full", LINK + "\0"),
    "infinite": put("properties/strip_id", float("-inf")),
    "a ring that is not closed": put("geometry/coordinates/0/4", [1.5, 2.1]),
    "true for a longitude": put("geometry/coordinates/0/1/0", True),
    "a text for a longitude": put("geometry/coordinates/0/1/0", "3"),
    "a longitude far away": put("geometry/coordinates/0/1/0", 1e300),
    "a longitude that is no number": put("geometry/coordinates/0/1/0", float("nan")),
    "a latitude beyond the pole": put("geometry/coordinates/0/1/1", -91),
    "a footprint around the globe": put(
        "geometry/coordinates", [[[-180, 2], [180, 2.0], [180, 4.0], [-180, 4.5], [-180, 2]]]
    ),
    "a footprint that is a text": put("geometry", "POLYGON EMPTY"),
    "a footprint that is a point": put("geometry", {"type": "Point", "coordinates": [1, 2]}),
    "a property nested deeply": put("properties/deep", DEEP),
}


@pytest.mark.parametrize("change", PLAIN.values(), ids=PLAIN)
def test_a_page_as_the_service_writes_nearly_all_is_read_straight_into_columns(
    change: Callable[[dict[str, Any]], None],
) -> None:
    changed = copy.deepcopy(SCENE)
    change(changed)
    page = read(body([{**SCENE, "id": "b"}, changed], links={"next": "https://api.example/next", "self": "x"}))
    assert page is not None


@pytest.mark.parametrize("change", OTHERWISE.values(), ids=OTHERWISE)
def test_a_page_with_anything_else_is_left_to_the_other_way(change: Callable[[dict[str, Any]], None]) -> None:
    changed = copy.deepcopy(SCENE)
    change(changed)
    assert read(body([{**SCENE, "id": "b"}, changed])) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"count": 1, "features": [{"id": "a"}]}',
        body([]),
        body([SCENE])[:-1],
        body([SCENE]) + b"x",
        body([SCENE], count=True),
        body([SCENE], links={"next": 7}),
        body([{**SCENE, "id": 7}]),
        body([{**SCENE, "properties": {}}]),
        body([{**SCENE, "geometry": {"type": "Polygon", "coordinates": [[]]}}]),
        body([{**SCENE, "geometry": {"type": "Polygon", "coordinates": [["e", "e"], ["", ""]]}}]),
        body([SCENE]).replace(b"-33.88", b"-33.88.1"),
    ],
)
def test_what_is_no_page_is_left_to_who_tells_it(content: bytes) -> None:
    assert decoded_page(content, Decoder(Schema(ORTHO))) is None


@pytest.mark.parametrize("depth", [2000, 100_000])
def test_a_page_nested_deeply_is_read_or_left_to_who_tells_it(depth: int) -> None:
    """How deep the reader goes is Python's affair: 3.14 lets it go on where others stop it."""
    deep = b'"deep": ' + b"[" * depth + b"]" * depth + b', "sat"'
    decode = Decoder(Schema(ORTHO, ["id"]))
    page = decoded_page(body([SCENE]).replace(b'"sat"', deep), decode)
    plain = decoded_page(body([SCENE]), decode)
    assert page is None or page == plain


@pytest.mark.parametrize("fields", [["id"], ["acquired"], ["sat.lat", "id"], ["location", "data.products.visual.full"]])
def test_fewer_columns_are_read_without_the_rest(fields: list[str]) -> None:
    changed = copy.deepcopy(SCENE)
    put("properties/camera", {"lens": [1]})(changed)  # of no column that is asked for
    assert read(body([SCENE, {**changed, "id": "b"}]), fields) is not None


def test_items_of_the_data_api_are_read_straight_into_columns() -> None:
    """Their files have an address on request only, and their times end with Z, some without a fraction."""
    items = generated_items("PSScene", 200)
    plain = [item for item in items if set(item["properties"]) <= set(columns_of("PSScene"))]
    schema = Schema(data_v1.schema_of("PSScene"))
    content = json.dumps({"features": plain, "_links": {"_next": "https://api.example/next"}}).encode()
    decode, expected = Decoder(schema), schema.rows(plain)
    page, by_arrow = data_v1_page(content, decode), data_v1_page(content, ArrowDecoder(schema))
    assert page is not None
    assert by_arrow is not None
    assert isinstance(page.features, Rows)
    assert list(page.features) == list(expected)
    assert page.features.full == expected.full
    assert by_arrow.features.equals(batch_of(expected, schema), check_metadata=True)  # type: ignore[attr-defined]
    assert by_arrow[1:] == page[1:]
    assert {len(time) for time in page.times} == {len("2022-01-01T00:00:00Z"), len("2022-01-01T00:00:00.676173Z")}


@pytest.mark.parametrize("name", ["ortho-search-50.geojson", "ortho-search-by-aoi-12.geojson"])
def test_real_pages_are_read_straight_into_columns(shared_data: Path, name: str) -> None:
    content = (shared_data / name).read_bytes()
    page = read(content)
    document = json.loads(content)
    if page is None:  # only for a property that has no column
        assert [row.values[-1] for row in Schema(ORTHO).rows(document["features"]) if row.values[-1]]


NUMBERS = st.one_of(st.integers(), st.integers(2**53 - 1, 2**54), st.floats(), st.sampled_from([2**1024, -(10**400)]))
ODD_TEXTS = st.sampled_from(["\0", "a\0b", "\ud800", "a\udc00", "\\u0000", "\ufffd", "\U0001f6f0"])
ODD_GEOMETRIES = st.sampled_from(
    [
        {"type": "Point", "coordinates": [1, 2]},
        {"type": "GeometryCollection", "geometries": []},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [True, 0], [1, 1], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[179, 0], [-179, 0], [-179, 1], [179, 1], [179, 0]]]},
        {"type": "MultiPolygon", "coordinates": [[[[0, 0], [1, 0], [1, 1], [0, 0]]], []]},
        "POINT EMPTY",
        [[0, 0]],
    ]
)
VALUES = st.one_of(
    st.none(), st.booleans(), NUMBERS, st.text(max_size=3), ODD_TEXTS, st.just({}), st.just([]), ODD_GEOMETRIES
)
PLACES = [
    "id",
    "geometry",
    "geometry/type",
    "geometry/coordinates",
    "properties/acquired",
    "properties/file_size",
    "properties/camera",
    "properties/camera/bit_depth",
    "properties/camera/new",
    "properties/data/products/visual/full",
    "properties/links/self",
    "properties/sat/off_nadir",
    "properties/provider",
]
POSITIONS = st.lists(st.lists(st.one_of(st.integers(-400, 400), st.floats(-200, 200)), min_size=2, max_size=2))


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(PLACES), VALUES), max_size=2), POSITIONS, st.booleans())
def test_both_ways_read_the_same_of_whatever_both_can_read(
    changes: list[tuple[int, str, Any]], ring: list[list[float]], closed: bool
) -> None:
    scenes = [{**copy.deepcopy(SCENE), "id": str(number)} for number in range(3)]
    if ring:
        for scene in scenes:
            scene["geometry"]["coordinates"] = [[*ring, ring[0]] if closed else ring]
    for number, place, value in changes:
        if isinstance(scenes[number].get("geometry"), dict) or not place.startswith("geometry/"):
            if isinstance(scenes[number]["properties"].get("camera", {}), dict):
                put(place, copy.deepcopy(value))(scenes[number])
    read(body(scenes))


def test_a_layer_is_the_same_without_msgspec(many: Watched, face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[bool] = []

    class Counted(decoding.Decoder):
        def __call__(self, content: bytes, envelope: Any) -> Any:
            page = super().__call__(content, envelope)
            used.append(page is not None)
            return page

    monkeypatch.setattr(layer, "Decoder", Counted)
    name = face.spell("PLANET:ortho?fields=id,acquired,sat.id,image_statistics.gsd")
    first = pyogrio.raw.read_arrow(name)[1]
    assert any(used)
    CACHE.clear()
    monkeypatch.setattr(decoding, "msgspec", None)
    used.clear()
    assert pyogrio.raw.read_arrow(name)[1] == first
    assert not any(used)
    assert first.num_rows == 3500


def test_a_time_without_a_column_is_in_other() -> None:
    """Every property but the time has a column here, so that nothing but the time is for ``other``."""
    fields = [name for name in Schema(ORTHO).names if name != "acquired"]
    schema = Schema(ORTHO, fields)
    assert decoded_page(body([SCENE]), Decoder(schema)) is None
    (row,) = schema.rows([SCENE])
    assert json.loads(row.values[fields.index("other")]) == {"acquired": SCENE["properties"]["acquired"]}
