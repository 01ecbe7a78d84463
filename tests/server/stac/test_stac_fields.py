"""Fields of an archive's metadata are in items if, and only if, the published schemas allow them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List

import jsonschema
import pytest
import requests

from planet_vector.server.index.stac_fields import PREFIXES, allowed_fields
from tests.server.conftest import Serve
from tests.server.stac.conftest import CORE, Check, Schemas

COMMON = (
    "title", "description", "keywords", "roles", "license", "providers", "platform", "constellation", "mission",
    "instruments", "data_type", "nodata", "unit",
)  # fmt: skip
LEFT_OUT = {"raster:histogram", "file:values", "proj:projjson"}  # allowed by the schemas, which lack that of PROJJSON
RING = [[0, 0], [1, 0], [1, 1], [0, 0]]
VALUES: List[Any] = [
    None, True, 0, -1, 7, 7.0, 0.5, 91, 180.5, 361, -90, 1e300, "", "a", "a b", "CC-BY-4.0", "EPSG:32632", "nan", "red",
    "uint8", "area", "little-endian", "00ff", "0G", "a/b", "/a", [], ["a"], ["a", 1], [1, 2], [1, 2.5], [1, 2, 3, 4],
    [1, 2, 3, "4"], [1.5] * 6, [0] * 9, {}, {"lat": 47, "lon": 11}, {"lat": 91, "lon": 11}, {"lat": 47}, [{}],
    [{"name": "a"}], [{"name": ""}], [{"name": "a", "roles": ["host"], "url": "http://a"}],
    [{"name": "a", "roles": ["x"]}],
    [{"name": "a", "description": 1}], {"type": "Point", "coordinates": [1, 2]}, {"type": "Point", "coordinates": [1]},
    {"type": "Polygon", "coordinates": [RING]}, {"type": "Polygon", "coordinates": [RING[:3]]},
    {"type": "MultiPolygon", "coordinates": [[RING]]}, {"type": "LineString", "coordinates": RING},
    {"type": "LineString", "coordinates": RING[:1]}, {"type": "MultiPoint", "coordinates": RING},
    {"type": "MultiLineString", "coordinates": [RING, RING[:1]]}, {"type": "Other", "coordinates": [1, 2]},
    {"type": "Polygon", "coordinates": [["a"] * 4]},
]  # fmt: skip


def extension(schemas: Schemas, prefix: str) -> str:
    name = {"proj": "projection"}.get(prefix, prefix)
    return next(known for known in schemas.known if f"stac-extensions.github.io/{name}/" in known)


def test_what_a_schema_allows_is_kept_and_nothing_else(schemas: Schemas) -> None:
    common = next(name for name in schemas.known if name.startswith(CORE) and name.endswith("/common.json"))
    places = {name: common for name in COMMON}
    for prefix in PREFIXES:
        address = extension(schemas, prefix)
        known = schemas.known[address]["definitions"]["fields"]["properties"]
        assert len(known) > 4
        places.update({name: f"{address}#/definitions/fields" for name in (*known, f"{prefix}:other", f"{prefix}:")})
    kept = 0
    for name in places.keys() - LEFT_OUT:
        validator = jsonschema.Draft7Validator({"$ref": places[name]}, registry=schemas.registry)
        for value in VALUES:
            expected = {name: value} if validator.is_valid({name: value}) else {}
            assert allowed_fields({name: value}) == expected, (name, value)
            kept += bool(expected)
    assert kept > 200
    odd: Dict[str, Any] = {
        "proj:shape": [float("nan"), 1],
        "proj:bbox": [float("inf")] * 4,
        "view:azimuth": float("nan"),
    }
    assert allowed_fields(odd) == {} and allowed_fields({"proj": 1, "sar:x": 2}) == {"proj": 1, "sar:x": 2}


@pytest.mark.parametrize(
    "stated, expected",
    [
        ({"proj:epsg": 32632}, "EPSG:32632"),
        ({"proj:epsg": None}, None),
        ({"proj:epsg": "32632"}, None),
        ({"proj:epsg": 4326, "proj:code": "EPSG:32633"}, "EPSG:32633"),
    ],
)
def test_codes_of_older_items_are_those_of_today(stated: Dict[str, Any], expected: Any) -> None:
    found = allowed_fields(stated)
    assert found.get("proj:code") == expected and "proj:epsg" not in found


def test_items_of_a_folder_of_older_items_are_valid_and_found(serve: Serve, tmp_path: Path, check: Check) -> None:
    square = {"type": "Polygon", "coordinates": [[[8, 47], [9, 47], [9, 48], [8, 47]]]}
    properties: Dict[str, Any] = {
        "datetime": "2020-01-01T00:00:00Z", "proj:epsg": 32632, "platform": 7, "instruments": "camera",
        "start_datetime": 5, "end_datetime": "2020-01-02T00:00:00Z", "eo:bands": [{"name": "B1"}], "license": "a b",
        "view:incidence_angle": 100, "office:field": 7, "providers": [{"name": "here"}], "eo:snow_cover": 3,
    }  # fmt: skip
    item = {
        "type": "Feature", "stac_version": "1.0.0", "stac_extensions": [], "id": "one", "collection": "old",
        "geometry": square, "properties": properties, "links": [], "assets": {"a": {"href": "https://example.com/a.tif"}},
    }  # fmt: skip
    (tmp_path / "one.json").write_text(json.dumps(item))
    service = serve(tmp_path)
    search = f"{service.origin}/stac/search"
    (found,) = requests.get(search, params={"filter": "\"proj:code\" = 'EPSG:32632'"}, timeout=30).json()["features"]
    check(found)
    own = {name: value for name, value in found["properties"].items() if not name.startswith("planet:")}
    assert own == {
        "datetime": "2020-01-01T00:00:00Z", "proj:code": "EPSG:32632", "office:field": 7, "eo:snow_cover": 3,
        "providers": [{"name": "here"}], "constellation": "here",
    }  # fmt: skip
    for name in ("platform", "license", "start_datetime", "instruments"):
        answer = requests.get(search, params={"filter": f"{name} IS NULL"}, timeout=30)
        assert answer.json()["numberMatched"] == 1, answer.text
