"""The page of a map in a browser: what is drawn, clicked, filtered, asked for, and what hostile texts cannot do."""

from __future__ import annotations

import math
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest
import shapely
from shapely.geometry import shape

from planet_vector.catalog.basemaps import Basemap
from planet_vector.catalog.scenes_v0.client import ScenesV0
from planet_vector.config import Settings
from planet_vector.maps import write_map
from planet_vector.maps.addresses import Direct
from planet_vector.maps.content import Content
from planet_vector.maps.page import Pictures, render
from planet_vector.names import parse_name
from planet_vector.roots import FORMER_API_URL
from planet_vector.scene import Scene
from tests.conftest import Service
from tests.maps.conftest import AREA, Seen, Show, feature, found
from tests.schemas import ORTHO

NAME = f"PLANET:ortho?{AREA}"
DAY = 86400

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000b4944415478da63"
    "6000020000050001e9fadcd80000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def page_file(closed: Service, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a map of the scenes of the sample's main area, from a service that asks for a key."""
    path = tmp_path_factory.mktemp("map") / "map.html"
    write_map(NAME, path, thumbnails=1000, connection=closed.url, key=closed.key)
    return path


@pytest.fixture
def seen(show: Show, page_file: Path) -> Iterator[Seen]:
    """Return the map, open; in the end nothing was complained of, and the network not needed."""
    opened = show(page_file)
    yield opened
    assert opened.problems == []
    assert opened.asked() == []


def test_every_footprint_is_drawn_and_listed(seen: Seen, closed: Service) -> None:
    scenes = found(closed)
    assert seen.visible(".footprint") == seen.visible("#list li") == len(scenes)
    assert seen.page.inner_text("#count") == f"{len(scenes)} scenes"
    newest_first = sorted(scenes, key=lambda scene: (scene["properties"]["acquired"], scene["id"]), reverse=True)
    assert seen.page.locator("#list .id").all_text_contents() == [scene["id"] for scene in newest_first]


def test_the_map_is_fitted_to_the_footprints(seen: Seen) -> None:
    sheet = seen.page.locator("#map").bounding_box()
    boxes = [path.bounding_box() for path in seen.page.locator(".footprint").all()]
    assert min(box["x"] for box in boxes) >= sheet["x"]
    assert max(box["x"] + box["width"] for box in boxes) <= sheet["x"] + sheet["width"]
    assert max(box["y"] + box["height"] for box in boxes) <= sheet["height"]
    height = max(box["y"] + box["height"] for box in boxes) - min(box["y"] for box in boxes)
    assert height > sheet["height"] / 2


def test_a_click_shows_all_properties_and_the_thumbnail(seen: Seen, closed: Service) -> None:
    scene = max(found(closed), key=lambda one: (one["properties"]["acquired"], one["id"]))
    place = shape(scene["geometry"]).representative_point()
    x, y = to_pixels(seen, place.x, place.y)
    seen.page.mouse.click(x, y)
    rows = {row.locator("th").inner_text().replace("\n", ""): row.locator("td").inner_text()
            for row in seen.page.locator("#details tr").all()}  # fmt: skip
    expected = {name: value for name, value in flat(scene["properties"]) if not name.startswith(("links.", "data."))}
    assert set(rows) == set(expected)
    for name, value in expected.items():
        assert rows[name] == value if isinstance(value, str) else float(rows[name]) == value, name
    assert "analytic" in seen.page.inner_text("#details .facts")
    name = f"PLANET:ortho/{scene['id']}?api_url={closed.url}"  # the service is not the default one
    assert seen.page.inner_text("#details code") == name
    assert seen.page.locator("#details img").evaluate("image => image.naturalWidth") == 128
    assert seen.page.locator("#list li.current .id").inner_text() == scene["id"]


def test_a_click_on_many_takes_the_newest_and_leads_to_those_underneath(seen: Seen, closed: Service) -> None:
    scenes = sorted(found(closed), key=lambda one: (one["properties"]["acquired"], one["id"]), reverse=True)
    areas = [shape(scene["geometry"]) for scene in scenes]
    place = max(
        (area.representative_point() for area in areas), key=lambda at: sum(area.contains(at) for area in areas)
    )
    here = [scene["id"] for scene, area in zip(scenes, areas) if area.contains(place)]
    assert len(here) > 4
    seen.page.mouse.click(*to_pixels(seen, place.x, place.y))
    walked = []
    for number in range(len(here)):
        assert f"{number + 1} of {len(here)} here" in seen.page.inner_text("#details .bar")
        walked.append(parse_name(seen.page.inner_text("#details code")).item)
        if number + 1 < len(here):
            seen.page.get_by_label("The scene underneath").click()
    assert walked == here
    assert seen.page.get_by_label("The scene underneath").is_disabled()


def test_the_slider_shows_what_was_acquired_in_its_days(seen: Seen, closed: Service) -> None:
    days = [scene["properties"]["acquired"][:10] for scene in found(closed)]
    since, until = sorted(set(days))[2], sorted(set(days))[-2]
    seen.slide("since", number_of(since))
    seen.slide("until", number_of(until))
    expected = sum(since <= day <= until for day in days)
    assert 0 < expected < len(days)
    assert seen.visible(".footprint") == seen.visible("#list li") == expected
    assert seen.page.inner_text("#count") == f"{expected} of {len(days)} scenes"
    assert int(since[8:]) == int(seen.page.inner_text("#since-told").split()[0])
    seen.slide("since", number_of(sorted(set(days))[-1]))  # no further than the other thumb
    assert seen.visible(".footprint") == sum(day == until for day in days)
    seen.page.locator("#reset").click()
    seen.page.locator("#reset").wait_for(state="hidden")  # a form is reset after its event
    assert seen.visible(".footprint") == len(days)


@pytest.mark.parametrize("most", [0, 5, 40, 100])
def test_the_cloud_filter_shows_what_is_no_cloudier(seen: Seen, closed: Service, most: int) -> None:
    clouds = [scene["properties"]["cloud_cover"]["estimated"] for scene in found(closed)]
    seen.slide("cloud", most)
    expected = [cloud for cloud in clouds if cloud <= most]
    assert seen.visible(".footprint") == len(expected)
    told = [int(text) for text in seen.page.locator("#legend b").all_inner_texts()]
    edges = [-1.0, 5, 20, 50, 80, 100]
    assert told == [sum(low < cloud <= high for cloud in expected) for low, high in zip(edges, edges[1:])]


def test_it_works_by_keys(seen: Seen) -> None:
    ids = seen.page.locator("#list .id").all_text_contents()
    seen.page.locator("#list .scene").first.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowUp", "Enter"):
        seen.page.keyboard.press(key)
    assert parse_name(seen.page.inner_text("#details code")).item == ids[1]
    seen.page.keyboard.press("Escape")
    assert seen.visible("#details") == 0
    seen.page.locator("#cloud").focus()
    for _ in range(3):
        seen.page.keyboard.press("ArrowLeft")
    assert seen.page.inner_text("#cloud-told") == "97 %"
    assert seen.page.locator(".leaflet-control-zoom-in").get_attribute("role") == "button"


@pytest.mark.parametrize(("width", "height"), [(360, 640), (390, 844), (768, 1024), (1920, 1080)])
def test_it_fits_the_window(show: Show, page_file: Path, width: int, height: int) -> None:
    seen = show(page_file, width, height)
    seen.page.locator("#list .scene").nth(1).click()
    wide, high = seen.page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert (wide, high) == (width, height)
    sheet, details = seen.page.locator("#map").bounding_box(), seen.page.locator("#details").bounding_box()
    assert sheet["height"] >= 250
    assert details["x"] >= 0 and details["x"] + details["width"] <= width and details["y"] > 0
    assert seen.problems == []


def test_texts_and_colours_stand_out(seen: Seen) -> None:
    """WCAG 2.2: 4.5 to 1 for texts, 3 to 1 for what is drawn."""
    sheet = colour(seen, "#map", "background-color")
    for swatch in seen.page.locator("#legend .swatch").all():
        assert contrast(rgb(swatch.evaluate("box => getComputedStyle(box).borderTopColor")), sheet) >= 3
    white = (255, 255, 255)
    for selector in ("#list .when", "#list .id", "#list .cloudy", "#since-told", "#legend b", "#order", "summary"):
        assert contrast(colour(seen, selector, "color"), white) >= 4.5, selector
    assert contrast(colour(seen, ".degrees", "color"), sheet) >= 4.5


def test_scene_tiles_are_asked_for_where_the_footprint_is(show: Show, free: Service, tmp_path: Path) -> None:
    write_map(NAME, tmp_path / "map.html", thumbnails=0, connection=free.url, key=None)
    seen = show(tmp_path / "map.html")
    scene = min(found(free), key=lambda one: one["properties"]["cloud_cover"]["estimated"])
    seen.page.get_by_label(f"Tiles of {scene['id']}").click()
    seen.settle()
    pattern = re.compile(re.escape(f"{free.url}scenes/ortho/{scene['id']}/") + r"(\d+)/(\d+)/(\d+)\.png")
    tiles = [match for match in map(pattern.fullmatch, seen.asked()) if match]
    others = set(seen.asked()) - {tile.group() for tile in tiles}
    assert all(re.fullmatch(re.escape(free.url) + r"scenes/ortho/\w+/thumb", url) for url in others)
    area = shape(scene["geometry"])
    assert tiles
    for tile in tiles:
        assert tile_box(*map(int, tile.groups())).intersects(area)
        assert seen.answers[tile.group()] == 200
    # Where the whole footprint is in view, no tile of it is left out.
    zoom = int(tiles[0][1])
    wanted = {place for place in around(area, zoom) if tile_box(*place).intersection(area).area > 1e-9}
    assert wanted <= {(int(z), int(x), int(y)) for z, x, y in (tile.groups() for tile in tiles)}
    assert seen.page.get_by_label(f"Tiles of {scene['id']}").get_attribute("aria-pressed") == "true"
    seen.page.get_by_label(f"Tiles of {scene['id']}").click()
    assert seen.page.locator(".leaflet-tile").count() == 0
    assert seen.problems == []


def test_basemap_tiles_are_asked_for_and_toggled(show: Show, free: Service, tmp_path: Path) -> None:
    write_map("PLANET:basemaps/summer", tmp_path / "map.html", connection=free.url)
    seen = show(tmp_path / "map.html", 500, 500)
    seen.settle()
    # The service of this machine has one host, so its range of shards, which stands in the path, is not used.
    start = f"{free.url.replace('/v0/', '/tiles0/v0/')}mosaics/summer/"
    assert seen.asked() and all(url.startswith(start) for url in seen.asked())
    drawn = seen.page.locator(".leaflet-tile").evaluate_all("tiles => tiles.filter(tile => tile.naturalWidth).length")
    assert drawn == sum(seen.answers.get(url) == 200 for url in seen.asked()) > 0
    seen.page.get_by_label("PLANET:basemaps/summer").uncheck()
    assert seen.page.locator(".leaflet-tile").count() == 0


def test_basemap_tiles_of_planet_com_come_from_four_hosts(show: Show, tmp_path: Path) -> None:
    pattern = "https://tiles{0-3}.planet.com/v0/mosaics/color_balance_mosaic/{z}/{x}/{y}.png"  # the specification's
    basemap = Basemap("color_balance_mosaic", 15, 4096, pattern, f"{FORMER_API_URL}mosaics/color_balance_mosaic/quads/")
    catalog = ScenesV0(Settings(FORMER_API_URL))
    content = Content(catalog, ["PLANET:basemaps/color_balance_mosaic"], [], [], [(basemap, (11.0, 47.0, 13.0, 49.0))])
    (tmp_path / "map.html").write_text(render(content, Direct(catalog), Pictures({}, 0)), encoding="utf-8")

    def answer(route: Any) -> None:
        route.fulfill(status=200, content_type="image/png", body=PIXEL)

    seen = show(tmp_path / "map.html", route=(re.compile("^https:"), answer))
    seen.settle()
    places = [re.fullmatch(r"https://(\w+)\.planet\.com/v0/mosaics/color_balance_mosaic/\d+/\d+/\d+\.png", url)
              for url in seen.asked()]  # fmt: skip
    assert {place and place[1] for place in places} == {"tiles0", "tiles1", "tiles2", "tiles3"}
    assert seen.problems == []


def test_tiles_that_do_not_come_are_told(show: Show, page_file: Path, closed: Service, log: Path) -> None:
    seen = show(page_file)
    seen.page.locator("#list .tiles").first.click()
    seen.page.wait_for_selector("#told:visible")
    seen.settle()
    told = seen.page.inner_text("#told")
    assert "gave no tiles here" in told and "--serve" in told
    asked = [url.replace(closed.url, "/v0/") for url in seen.asked()]
    assert asked and all(re.search(rf'"GET {re.escape(url)} HTTP/1.1" 401 ', log.read_text()) for url in asked)


def test_a_base_map_is_there_when_it_is_asked_for(show: Show, closed: Service, tmp_path: Path) -> None:
    write_map(
        NAME, tmp_path / "map.html", thumbnails=0, connection=closed.url, key=closed.key,
        background="https://{s}.tile.example.org/{z}/{x}/{y}.png", attribution="<b>© Somebody</b>",
    )  # fmt: skip

    def answer(route: Any) -> None:
        route.fulfill(status=200, content_type="image/png", body=PIXEL)

    seen = show(tmp_path / "map.html", route=(re.compile("^https:"), answer))
    seen.settle()
    assert {re.sub(r"//\w|\d+", "", url) for url in seen.asked()} == {"https:.tile.example.org///.png"}
    assert "<b>© Somebody</b>" in seen.page.inner_text(".credits")
    assert seen.problems == []


HOSTILE = [
    "<img src=x onerror=\"window.hacked=1;alert('x')\">",
    "</script><script>window.hacked=1</script>",
    "</script ",
    "<!--<script>",
    "<!--<script ",
    "line\u2028separator\u2029",
    "javascript:window.hacked=1",
    "{{7*7}} ${7*7} $data",
    "]]>&lt;b&gt;&amp;",
]


def test_hostile_texts_are_texts(show: Show, tmp_path: Path) -> None:
    square = [(12.0, 47.0), (12.1, 47.0), (12.1, 47.1), (12.0, 47.1)]
    texts = {f"key {number} {text}": text for number, text in enumerate(HOSTILE)}
    more = {
        "nested": {"__proto__": {"x": 1}, "list": ["<i>", None]},
        "huge": 2**70,
        "not a number": float("nan"),
        "half": "\ud800\0",
    }
    scene = Scene(feature("<b>id</b>", square, **texts, **more), ORTHO)
    content = Content(
        ScenesV0(Settings(FORMER_API_URL)), ["PLANET:ortho", "<i>name</i>"], [scene], [scene.polygons], []
    )
    page = render(content, Direct(content.catalog), Pictures({}, 1))
    (tmp_path / "map.html").write_text(page, encoding="utf-8")
    seen = show(tmp_path / "map.html")
    seen.page.locator("#list .scene").click()
    rows = dict(zip(seen.page.locator("#details th").all_text_contents(),
                    seen.page.locator("#details td").all_text_contents()))  # fmt: skip
    assert texts.items() <= rows.items()
    assert rows["nested.__proto__.x"] == "1" and rows["nested.list"] == '["<i>", null]'
    assert rows["huge"] == str(2**70) and rows["not a number"] == "nan"
    assert seen.page.text_content("#list .id") == "<b>id</b>"
    assert seen.page.locator("#names li").last.text_content() == "<i>name</i>"
    assert seen.page.evaluate("window.hacked") is None
    assert seen.page.locator("#details b, #details img, #list b, #names i").count() == 0
    assert seen.problems == [] and seen.asked() == []


def test_the_policy_runs_no_other_script(show: Show, page_file: Path, tmp_path: Path) -> None:
    """Even text that did get into the page as HTML, as here by hand, would do nothing."""
    injected = "<script>window.hacked=1</script><img src=x onerror='window.hacked=1'><p style='color:red'>x</p></body>"
    (tmp_path / "map.html").write_text(page_file.read_text(encoding="utf-8").replace("</body>", injected))
    seen = show(tmp_path / "map.html")
    assert seen.page.evaluate("window.hacked") is None
    assert len(seen.problems) >= 3 and all("Content Security Policy" in problem for problem in seen.problems)


def test_footprints_across_the_antimeridian_are_in_one_piece(show: Show, serve_features: Any, tmp_path: Path) -> None:
    jump = feature("jump", [(179.9, -17.0), (-179.9, -17.0), (-179.9, -16.9), (179.9, -16.9)])
    split = feature("split", [])
    split["geometry"] = {
        "type": "MultiPolygon",
        "coordinates": [
            [[[179.8, -16.8], [180.0, -16.8], [180.0, -16.7], [179.8, -16.7], [179.8, -16.8]]],
            [[[-180.0, -16.8], [-179.8, -16.8], [-179.8, -16.7], [-180.0, -16.7], [-180.0, -16.8]]],
        ],
    }
    west = feature("west", [(179.5, -16.9), (179.7, -16.9), (179.7, -16.8), (179.5, -16.8)])
    east = feature("east", [(-179.7, -16.9), (-179.5, -16.9), (-179.5, -16.8), (-179.7, -16.8)])
    service = serve_features([jump, split, west, east])
    write_map("PLANET:ortho", tmp_path / "map.html", connection=service.url)
    seen = show(tmp_path / "map.html")
    ids = seen.page.locator("#list .id").all_text_contents()
    paths = dict(zip(reversed(ids), seen.page.locator(".footprint").all()))  # the newest is drawn last
    assert all(path.get_attribute("d").count("M") == 1 for path in paths.values())
    boxes = {name: path.bounding_box() for name, path in paths.items()}
    degree = boxes["west"]["width"] / 0.2
    assert boxes["jump"]["width"] == pytest.approx(0.2 * degree, rel=0.1)
    assert boxes["split"]["width"] == pytest.approx(0.4 * degree, rel=0.1)
    assert boxes["east"]["x"] - boxes["west"]["x"] == pytest.approx(0.8 * degree, rel=0.05)
    assert degree > 300  # the sheet is as wide as the scenes, not as the globe


def test_scenes_too_small_to_see_are_dots_that_lead_to_them(show: Show, serve_features: Any, tmp_path: Path) -> None:
    def square(west: float, south: float) -> List[Tuple[float, float]]:
        return [(west, south), (west + 0.1, south), (west + 0.1, south + 0.1), (west, south + 0.1)]

    far = feature("far", square(60.0, -30.0), acquired="2015-06-01T10:00:00Z")
    one = feature("one", square(12.0, 47.0), acquired="2015-07-01T10:00:00Z")
    beside = feature("beside", square(12.2, 47.0), acquired="2015-08-01T10:00:00Z")
    service = serve_features([far, one, beside])
    write_map("PLANET:ortho", tmp_path / "map.html", connection=service.url)
    seen = show(tmp_path / "map.html")
    box = seen.page.locator(".footprint").last.bounding_box()
    assert 5 <= box["width"] <= 15
    seen.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert "1 of 2 here" in seen.page.inner_text("#details .bar")
    seen.page.wait_for_timeout(300)
    assert seen.page.locator(".footprint").last.bounding_box()["width"] > 100


def test_scenes_without_time_cloud_or_footprint_are_shown(show: Show, serve_features: Any, tmp_path: Path) -> None:
    square = [(12.0, 47.0), (12.1, 47.0), (12.1, 47.1), (12.0, 47.1)]
    bare = feature("bare", square, cloud_cover={"estimated": None})
    nowhere = feature("nowhere", square, acquired="2015-08-01T10:00:00Z")
    nowhere["geometry"] = None
    service = serve_features([bare, nowhere])
    write_map("PLANET:ortho", tmp_path / "map.html", connection=service.url)
    seen = show(tmp_path / "map.html")
    assert (seen.visible(".footprint"), seen.visible("#list li")) == (1, 2)
    assert "unknown" in seen.page.inner_text("#legend")
    seen.slide("cloud", 99)
    assert seen.page.locator("#list li:visible .id").all_text_contents() == ["nowhere"]
    seen.page.locator("#list li:visible .scene").click()
    assert "PLANET:ortho/nowhere" in seen.page.inner_text("#details")


# ---- where things are ------------------------------------------------------------------------------------


def to_pixels(seen: Seen, longitude: float, latitude: float) -> Tuple[float, float]:
    """Return where a place is in the window, by the corners of the drawn footprints in web mercator."""
    tops = seen.page.locator(".footprint").evaluate_all(
        "paths => paths.map(path => { const box = path.getBoundingClientRect();"
        " return [box.left, box.top, box.right, box.bottom]; })"
    )
    left, top, right, bottom = (min(box[0] for box in tops), min(box[1] for box in tops),
                                max(box[2] for box in tops), max(box[3] for box in tops))  # fmt: skip
    west, south, east, north = seen_bounds(seen)
    half = 0.75  # of a line's width, which the boxes take in
    x = left + half + (longitude - west) / (east - west) * (right - left - 2 * half)
    y = (
        top
        + half
        + (mercator(north) - mercator(latitude)) / (mercator(north) - mercator(south)) * (bottom - top - 2 * half)
    )
    return x, y


def seen_bounds(seen: Seen) -> Tuple[float, float, float, float]:
    polygons = seen.page.evaluate("JSON.parse(document.getElementById('data').textContent).scenes.map(s => s.polygons)")
    places = [place for scene in polygons for rings in scene for place in rings[0]]
    xs, ys = zip(*places)
    return min(xs), min(ys), max(xs), max(ys)


def mercator(latitude: float) -> float:
    return math.asinh(math.tan(math.radians(latitude)))


def tile_box(z: int, x: int, y: int) -> Any:
    """Return the ground of a tile (OpenStreetMap's numbering)."""

    def north(row: int) -> float:
        return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * row / 2**z))))

    return shapely.box(x / 2**z * 360 - 180, north(y + 1), (x + 1) / 2**z * 360 - 180, north(y))


def around(area: Any, z: int) -> List[Tuple[int, int, int]]:
    west, south, east, north = area.bounds

    def column(longitude: float) -> int:
        return int((longitude + 180) / 360 * 2**z)

    def row(latitude: float) -> int:
        return int((1 - mercator(latitude) / math.pi) / 2 * 2**z)

    return [
        (z, x, y) for x in range(column(west), column(east) + 1) for y in range(row(north), row(south) + 1)
    ]  # fmt: skip


def number_of(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=timezone.utc).timestamp()) // DAY


def flat(properties: Dict[str, Any], prefix: str = "") -> Iterator[Tuple[str, Any]]:
    for name, value in properties.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def rgb(text: str) -> Tuple[int, int, int]:
    red, green, blue = re.findall(r"\d+", text)[:3]
    return int(red), int(green), int(blue)


def colour(seen: Seen, selector: str, of: str) -> Tuple[int, int, int]:
    script = f"box => getComputedStyle(box).getPropertyValue('{of}')"
    return rgb(seen.page.locator(selector).first.evaluate(script))


def contrast(one: Tuple[int, int, int], other: Tuple[int, int, int]) -> float:
    def luminance(colour: Tuple[int, int, int]) -> float:
        parts = [part / 255 for part in colour]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
