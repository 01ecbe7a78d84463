"""Answers of a STAC API that are no such answers: an error of one sentence, or an honest result."""

from __future__ import annotations

import copy
import json
import random
from typing import Any, Iterator, List, Mapping, Tuple

import planet_vector
from planet_vector import catalog as catalogs
from planet_vector.errors import PlanetVectorError
from planet_vector.vector.result_cache import CACHE
from tests.stac.conftest import Start, ids
from tests.stac_server import make_items

ODD: List[Any] = [
    None, True, False, 0, -1, 1e308, 2**70, "", "x", "\0", "../..", "javascript:alert(1)", "http://[", [], [[]], {},
    {"href": 3}, [None], {"type": []}, "2024-13-45T99:99:99Z", "9999-12-31T23:59:59-23:00", "\ud800",
]  # fmt: skip


def _places(value: Any, path: Tuple[Any, ...] = ()) -> Iterator[Tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*path, key)
        yield from _places(each, (*path, key))


def _changed(value: Any, choose: random.Random) -> Any:
    value = copy.deepcopy(value)
    *path, last = choose.choice(list(_places(value)))
    node = value
    for key in path:
        node = node[key]
    if choose.random() < 0.2:
        del node[last]
    else:
        node[last] = choose.choice(ODD)
    return value


def test_any_answer_is_read_or_refused(start_stac: Start) -> None:
    items = make_items(6)
    server = start_stac(items)
    answer = server.answer
    choose = random.Random(3)
    outcomes = {"read": 0, "refused": 0}
    where = ""

    def hostile(path: str, body: Mapping[str, Any]) -> Any:
        status, content = answer(path, body)
        return status, _changed(content, choose) if path.startswith(where) and path.count("/") == where.count(
            "/"
        ) else content

    server.answer = hostile  # type: ignore[method-assign]
    for where in ("", "/collections", "/collections/scenes", "/search") * 30:
        catalogs._catalogs.clear()
        CACHE.clear()
        try:
            list(planet_vector.connect("test").scene_types())
            layer = planet_vector.open_layer("STAC:test/scenes?eo:cloud_cover.lte=90")
            rows = [row for block in layer.blocks() for row in zip(*block.columns)]
            for scene in planet_vector.search("STAC:test/scenes"):
                assert (
                    isinstance(scene.products, tuple) and json.dumps(scene.cloud_cover) and scene.polygons is not None
                )
        except PlanetVectorError as error:
            outcomes["refused"] += 1
            assert str(error) and "Traceback" not in str(error)
        else:
            outcomes["read"] += 1
            assert where == "/search" or len(rows) <= len(ids(items))
    assert min(outcomes.values()) > 10
