"""Items put into columns from their JSON give the same rows as items read one by one."""

from __future__ import annotations

import copy
import json
from functools import lru_cache
from typing import Any, Dict, List, Optional, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planet_vector.catalog.stac import undecoded_pages
from planet_vector.catalog.stac.item_schema import build_schema
from planet_vector.catalog.stac.undecoded_pages import undecoded_page
from planet_vector.errors import ProtocolError
from planet_vector.quick_json import decoded, is_undecoded, loads
from planet_vector.search_terms import query_of
from planet_vector.vector.arrow_tables import ArrowDecoder, batch_of
from planet_vector.vector.columns import Rows
from planet_vector.vector.decoding import Decoder
from planet_vector.vector.schema import Schema
from tests.stac.conftest import Start, catalog, policies
from tests.stac_server import Item, make_items

ITEM: Dict[str, Any] = {
    "type": "Feature",
    "stac_version": "1.0.0",
    "id": "a",
    "collection": "scenes",
    "geometry": {"type": "Polygon", "coordinates": [[[1.5, 2.0], [3, 2.0], [3.25, 4.0], [1.5, 4.5], [1.5, 2.0]]]},
    "bbox": [1.5, 2, 3.25, 4.5],
    "properties": {
        "datetime": "2024-05-01T10:11:12.345678Z",
        "eo:cloud_cover": 12.5,
        "platform": "sentinel-2a",
        "flag": True,
        "instruments": ["msi"],
        "deep": {"a": {"b": [1, None, 2.5]}},
    },
    "assets": {
        "visual": {"href": "https://files.example/a/visual.tif", "type": "image/tiff", "gsd": 10},
        "thumbnail": {"href": "./a.jpg", "roles": ["thumbnail"]},
    },
    "links": [{"rel": "self", "href": "https://stac.example/items/a"}],
}

NUMBERS = st.one_of(
    st.integers(), st.floats(), st.sampled_from([-0.0, 1e-5, 1e16, 1e400, 2**53 + 1, 2**63, 2**64, 2**1024])
)
ODD_TEXTS = st.sampled_from(["\0", "a\0b", "\ud800", "a\udc00", "\\u0000", "ö", "\U0001f6f0", "2024-99-01T00:00:00Z"])
GEOMETRIES = st.sampled_from(
    [
        {"type": "Point", "coordinates": [1, 2]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1]]]},
        {"type": "Polygon", "coordinates": [[[0, 0, 5], [1, 0, 5], [1, 1, 5], [0, 0, 5]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [True, 0], [1, 1], [0, 0]]]},
        {"type": "Polygon", "coordinates": [[[179, 0], [-179, 0], [-179, 1], [179, 1], [179, 0]]]},
        {"type": "MultiPolygon", "coordinates": [[[[0, 0], [1, 0], [1, 1], [0, 0]]]]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]], "crs": {"x": [1]}},
    ]
)
ASSETS = st.sampled_from(
    [
        {},
        {"visual": {"href": "visual.tif"}},
        {"visual": {"href": "s3://bucket/visual.tif", "alternate": {"web": {"href": "https://files.example/v.tif"}}}},
        {"visual": {"href": 7}, "data": {"href": "https://files.example/d.tif", "roles": ["data"]}},
        {"visual": {"href": "https://files.example/v.jp2", "type": "image/jp2"}},
        {"visual": {"href": "https://files.example/v.tif", "raster:bands": [{"nodata": float("nan"), "scale": 1e-9}]}},
        {"visual": None, "thumbnail": {"href": "https://files.example/t.tif", "roles": ["thumbnail"]}},
        {"visual": {"href": "https://files.example/v\0.tif", "title": "\ud800"}},
    ]
)
VALUES = st.one_of(
    st.none(), st.booleans(), NUMBERS, st.text(max_size=3), ODD_TEXTS, st.just({}), st.just([]), GEOMETRIES, ASSETS
)
PLACES = [
    "id", "collection", "geometry", "geometry/coordinates", "geometry/type", "bbox", "assets", "assets/visual",
    "assets/visual/href", "assets/new", "links", "links/0/href", "properties", "properties/datetime",
    "properties/start_datetime", "properties/eo:cloud_cover", "properties/platform", "properties/flag",
    "properties/deep/a", "properties/new", "stac_version", "stac_extensions",
]  # fmt: skip


def change(item: Item, place: str, value: object) -> None:
    *branches, leaf = place.split("/")
    node: Any = item
    for branch in branches:
        node = node[int(branch)] if isinstance(node, list) and node else node.get(branch) if node else None
        if not isinstance(node, (dict, list)):
            return
    if isinstance(node, dict):
        node[leaf] = value


@lru_cache(maxsize=3)
def schema(first: Optional[str] = None) -> Schema:
    found = build_schema("https://stac.example/", policies(), {"id": "scenes"}, {}, [ITEM])
    return Schema(found, [first] if first else None)


def page(items: List[Item], **more: Any) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": items, "links": [], **more}).encode()


def compare(content: bytes) -> bool:
    """Compare both ways, and return whether the page is read with undecoded members."""
    quick, slow = undecoded_page(content), loads(content)
    if quick is None:
        return False
    assert isinstance(quick, dict)
    # As texts, since NaN does not equal itself.
    assert repr([decoded(item.get("assets")) for item in quick["features"]]) == repr(
        [item.get("assets") for item in slow["features"]]
    )
    assert quick.get("numberMatched") == slow.get("numberMatched") and quick["links"] == slow["links"]
    if not all("id" in item and "properties" in item for item in slow["features"]):
        return True  # refused before there are rows
    for columns in (schema(), schema("location"), schema("assets")):
        expected, found = columns.rows(slow["features"]), columns.rows(quick["features"])
        assert list(found) == list(expected)
        assert found.full == expected.full
        assert batch_of(found, columns).equals(batch_of(expected, columns), check_metadata=True)
    return True


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(PLACES), VALUES), max_size=3))
def test_both_ways_read_the_same_of_any_items(changes: List[Any]) -> None:
    items = [{**copy.deepcopy(ITEM), "id": str(number)} for number in range(3)]
    for number, place, value in changes:
        change(items[number], place, copy.deepcopy(value))
    compare(page(items, numberMatched=3))


@pytest.mark.parametrize(
    "place, value",
    [
        ("properties/datetime", None),
        ("geometry", None),
        ("stac_version", "0.9.0"),
        ("stac_version", "1.1.0"),
        ("properties/other", {"nested": [{"a": 1}]}),
        ("properties/platform", 7),
        ("properties/eo:cloud_cover", "12"),
        ("assets/visual/title", "ö \u2028 \\"),
    ],
)
def test_members_stay_json_with_any_values(place: str, value: object) -> None:
    item = copy.deepcopy(ITEM)
    change(item, place, value)
    assert compare(page([ITEM, item]))
    first = cast("Dict[str, Any]", undecoded_page(page([item])))["features"][0]
    assert all(is_undecoded(first[name]) for name in ("assets", "links"))


@pytest.mark.parametrize("number", ["1e400", "-0", "1.10", "1e3", "0.00001", "1" * 30, "1" * 5000, '"\\/"'])
def test_members_are_written_as_json_in_one_way(number: str) -> None:
    assert compare(page([ITEM]).replace(b'"gsd": 10', f'"gsd": {number}'.encode()))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        page([ITEM])[:-1],
        page([ITEM]).replace(b"sentinel", b"\xff"),
        page([ITEM]).replace(b"./a.jpg", b"\xff"),
        page([{**ITEM, "id": 7}]),
        page([{**ITEM, "properties": None}]),
        page([ITEM]).replace(b"12.5", b"NaN"),
        page([ITEM]).replace(b"12.5", b"1e400"),
        b"\xef\xbb\xbf" + page([ITEM]),
    ],
)
def test_other_pages_are_parsed_as_a_whole(content: bytes) -> None:
    assert undecoded_page(content) is None


def test_a_member_that_is_no_json_is_an_error() -> None:
    (item,) = cast("Dict[str, Any]", undecoded_page(page([ITEM])))["features"]
    damaged = type(item["assets"])(b'{"visual": -}')
    with pytest.raises(ProtocolError):
        schema().rows([{**item, "assets": damaged}])


@pytest.mark.parametrize(
    "terms",
    [
        {},
        {"order": "asc"},
        {"limit": 37},
        {"cloud_cover": 40},
        {"datetime": "2024-05-03/2024-05-20"},
        {"bbox": (0, -80, 60, 80)},
    ],
)
@pytest.mark.parametrize("habits", [{}, {"abilities": ()}, {"counts": False}])
def test_a_search_in_columns_has_the_items_of_its_pages(
    start_stac: Start, monkeypatch: pytest.MonkeyPatch, terms: Dict[str, Any], habits: Dict[str, Any]
) -> None:
    start_stac(make_items(120), **habits)
    service = catalog()
    query = query_of(service.schema("scenes"), (), **terms)
    columns = Schema(query.schema)
    pages = list(service.pages(query))
    expected = list(columns.rows([item for items in pages for item in items]))
    assert expected
    for parses_all in (False, True):
        if parses_all:
            monkeypatch.setattr(undecoded_pages, "msgspec", None)
        batches = list(service.decoded(query, Decoder(columns), service.survey(query)))
        assert [row for batch in batches for row in cast(Rows, batch)] == expected
        tables = list(service.decoded(query, ArrowDecoder(columns), None))
        assert sum(map(len, tables)) == len(expected)
