"""An index large enough for the other ways through it: walked in order of time, counted in parts."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Callable, Dict, List

import pytest
import requests
from shapely import STRtree, from_geojson
from shapely.geometry import box

from planet_vector.server.sample.synthetic import write_scenes

from .conftest import Running, Serve

NUMBER = 45_000
Scene = Dict[str, Any]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> List[Scene]:
    """Return all scenes, the newest first, as the service orders them."""
    path = tmp_path_factory.mktemp("large") / "scenes.geojsonl"
    write_scenes(path, NUMBER)
    found = [json.loads(line) for line in path.read_text().splitlines()]
    found.sort(key=lambda s: (datetime.fromisoformat(s["properties"]["acquired"]), s["id"]), reverse=True)
    found[0]["folder"] = path.parent
    return found


@pytest.fixture(scope="module")
def service(serve: Serve, scenes: List[Scene]) -> Running:
    return serve(scenes[0]["folder"])


CHECKS: Dict[str, Callable[[Dict[str, Any]], bool]] = {
    "": lambda p: True,
    "cloud_cover.estimated.lte=20": lambda p: p["cloud_cover"]["estimated"] <= 20,
    "image_statistics.snr.gte=100": lambda p: p["image_statistics"]["snr"] >= 100,
    "image_statistics.snr.gte=119.99": lambda p: p["image_statistics"]["snr"] >= 119.99,
    "sat.id.neq=0905": lambda p: p["sat"]["id"] != "0905",
    "acquired.gte=2015-01-01&acquired.lt=2015-02-01&sat.id=0905": lambda p: (
        p["acquired"][:7] == "2015-01" and p["sat"]["id"] == "0905"
    ),
}


@pytest.mark.parametrize("query", list(CHECKS))
@pytest.mark.parametrize("order", ["acquired desc", "acquired asc"])
def test_pages_and_counts(service: Running, scenes: List[Scene], query: str, order: str) -> None:
    expected = [s["id"] for s in scenes if CHECKS[query](s["properties"])]
    if order.endswith("asc"):
        expected.reverse()
    page = service.json(f"scenes/ortho/?{query}&count=700&order_by={order}")
    links = []
    for number in range(4):
        assert page["count"] == max(0, len(expected) - 700 * number)
        assert [s["id"] for s in page["features"]] == expected[700 * number : 700 * (number + 1)]
        links.append(page["links"])
        if page["links"]["next"] is None:
            return
        page = requests.get(page["links"]["next"], timeout=30).json()
    # Backwards, and to a page nobody was near before.
    back = requests.get(links[2]["prev"], timeout=30).json()
    assert [s["id"] for s in back["features"]] == expected[700:1400]
    assert back["count"] == len(expected) - 700
    again = requests.get(links[0]["next"], timeout=30).json()
    assert again["count"] == len(expected) - 700


def test_large_areas(service: Running, scenes: List[Scene]) -> None:
    tree = STRtree(from_geojson([json.dumps(s["geometry"]) for s in scenes]))
    for west, south, east, north in (
        (-100, -40, 60, 60),
        (10, 40, 20, 50),
        (-180, -90, 180, 90),
        (30.5, 10.5, 30.6, 10.6),
    ):
        area = box(west, south, east, north)
        expected = [scenes[n]["id"] for n in sorted(tree.query(area, predicate="intersects"))]
        page = service.json("scenes/ortho/", params={"intersects": area.wkt, "count": 900})
        assert page["count"] == len(expected)
        assert [s["id"] for s in page["features"]] == expected[:900]
        if len(expected) > 900:
            after = requests.get(page["links"]["next"], timeout=30).json()
            assert [s["id"] for s in after["features"]] == expected[900:1800]
