"""The searched area, pictures that need no network, before and after, copies, files, dark colours, paper, notebooks."""

from __future__ import annotations

import base64
import io
import json
import warnings
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import numpy as np
import pytest
import rasterio
import shapely
from rasterio.warp import transform, transform_bounds

import planet_vector
from planet_vector.maps import write_map
from planet_vector.maps.proxy import MapServer
from tests.conftest import Service
from tests.maps.conftest import Show
from tests.maps.test_page import colour, contrast
from tests.maps.test_write import data_of

AREA = "POLYGON ((11.97 47.86, 12.02 47.86, 12.03 47.9, 11.97 47.86))"
CLEAR = "cloud_cover.estimated.lte=1"
Call = Callable[..., Any]


@pytest.fixture(scope="module")
def page(closed: Service, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a map with an area and pictures of some scenes."""
    path = tmp_path_factory.mktemp("map") / "map.html"
    name = f"PLANET:ortho?intersects={AREA}&{CLEAR}"
    written = write_map(name, path, overlays=8, thumbnails=0, connection=closed.url, key=closed.key)
    assert written.overlays == 8
    return path


def test_an_area_and_options_are_those_of_a_search(
    free: Service, call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PL_API_URL", free.url)
    area = tmp_path / "area.geojson"
    area.write_text(json.dumps(shapely.from_wkt(AREA).__geo_interface__))
    flags = ("--cloud-cover", "1", "--acquired", "2015-05-01..", "--thumbnails", "0")
    for number, given in enumerate((AREA, str(area), "PLANET:ortho")):
        done = call("map", given, *flags, "-o", str(tmp_path / f"{number}.html"))
        assert done.returncode == 0, done.stderr
        held = data_of(tmp_path / f"{number}.html")
        search = f"PLANET:ortho?{CLEAR}&acquired.gte=2015-05-01" + (f"&intersects={AREA}" if number < 2 else "")
        assert [scene["id"] for scene in held["scenes"]] == [scene.id for scene in planet_vector.search(search)]
        drawn = [shapely.geometry.shape(geometry) for geometry in held["areas"]]
        assert all(part.equals(shapely.from_wkt(AREA)) for part in drawn) and len(drawn) == (number < 2)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "Give an area, options of a search, or names."),
        ((AREA, "PLANET:ortho"), "An area is for one search"),
        (("PLANET:ortho", "PLANET:landsat", "--since", "3d"), "--since is for one search"),
        (("PLANET:ortho", "--overlays", "3", "--serve"), "--overlays"),
    ],
)
def test_what_is_not_one_search_is_refused(
    free: Service, call: Call, monkeypatch: pytest.MonkeyPatch, arguments: Tuple[str, ...], told: str
) -> None:
    monkeypatch.setenv("PL_API_URL", free.url)
    done = call("map", *arguments, "-o", "map.html")
    assert done.returncode == 2 and told in done.stderr


def test_the_area_is_drawn_and_takes_no_clicks(show: Show, page: Path) -> None:
    seen = show(page)
    assert seen.page.locator("path.area").count() == 2
    box = seen.page.locator("path.area").first.bounding_box()
    seen.page.mouse.click(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.6)
    assert seen.visible("#details") == 1
    assert seen.problems == [] and seen.asked() == []


def test_an_area_across_the_antimeridian_is_in_one_piece(free: Service, tmp_path: Path) -> None:
    write_map("PLANET:ortho?bbox=179.9,-17,-179.9,-16.7", tmp_path / "map.html", connection=free.url)
    held = data_of(tmp_path / "map.html")
    assert len(held["scenes"]) == 1
    (area,) = (shapely.geometry.shape(geometry) for geometry in held["areas"])
    assert area.bounds == pytest.approx((179.9, -17, 180.1, -16.7))


def test_one_scene_far_away_does_not_make_the_map_a_globe(show: Show, free: Service, tmp_path: Path) -> None:
    write_map("PLANET:ortho", tmp_path / "map.html", thumbnails=0, connection=free.url)
    seen = show(tmp_path / "map.html")
    widths = sorted(box["width"] for box in (path.bounding_box() for path in seen.page.locator(".footprint").all()))
    assert widths[1] > 100
    assert seen.page.inner_text("#told") == f"1 of {len(widths)} scenes lie elsewhere: ⤢ shows all."
    seen.page.get_by_label("Zoom to all").click()
    assert max(path.bounding_box()["width"] for path in seen.page.locator(".footprint").all()) < 20


def test_pictures_lie_where_their_files_do(page: Path, archive: Path) -> None:
    scenes = [scene for scene in data_of(page)["scenes"] if scene["overlay"]]
    assert len(scenes) == 8
    for scene in scenes[:2]:
        with rasterio.open(archive / f"{scene['id']}_visual.tif") as dataset:
            bounds = transform_bounds(dataset.crs, "EPSG:3857", *dataset.bounds, densify_pts=50)
            corners = transform(
                "EPSG:4326", "EPSG:3857", scene["overlay"]["bounds"][::2], scene["overlay"]["bounds"][1::2]
            )
            overlay = (corners[0][0], corners[1][0], corners[0][1], corners[1][1])
            assert overlay == pytest.approx(bounds, abs=dataset.res[0])
            file, (rows, columns) = dataset.read(), dataset.shape
            pixels = _pixels(base64.b64decode(scene["overlay"]["url"].partition(",")[2]))
            assert max(pixels.shape[1:]) <= 512
            # Of places in the middle, the colour in the picture is that of the file near by.
            rng = np.random.default_rng(1)
            down, across = rng.uniform(0.3, 0.7, 50) * rows, rng.uniform(0.3, 0.7, 50) * columns
            xs, ys = transform(
                dataset.crs, "EPSG:3857", *(each.tolist() for each in dataset.transform * (across, down))
            )
            x = (np.array(xs) - overlay[0]) / (overlay[2] - overlay[0]) * pixels.shape[2]
            y = (overlay[3] - np.array(ys)) / (overlay[3] - overlay[1]) * pixels.shape[1]
            for place in range(50):
                r, c = int(down[place]), int(across[place])
                near = file[:, r - 2 : r + 3, c - 2 : c + 3].astype(int).reshape(4, -1)
                mine = pixels[:, int(y[place]), int(x[place])].astype(int)
                assert (mine >= near.min(axis=1)).all() and (mine <= near.max(axis=1)).all()


def _pixels(png: bytes) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.io.MemoryFile(png) as memory, memory.open() as drawn:
            return drawn.read()


def test_pictures_are_shown_and_compared_without_a_network(show: Show, page: Path) -> None:
    seen = show(page)
    assert seen.visible("#compare") == 0
    with_picture = seen.page.locator("#list .tiles", has_text="Picture")
    scene = next(scene for scene in data_of(page)["scenes"] if scene["overlay"])
    with_picture.first.click()
    seen.page.wait_for_timeout(300)
    image = seen.page.locator("img.overlay").bounding_box()
    path = seen.page.locator(".footprint").last.bounding_box()  # the newest
    assert scene["id"] == seen.page.locator("#list .id").first.text_content()
    assert all(abs(image[side] - path[side]) < 0.06 * image["width"] for side in ("x", "y", "width", "height"))
    days = seen.page.locator("#list li:has(.tiles:text('Picture')) .when").all_text_contents()
    earlier = next(number for number, day in enumerate(days) if day.split(",")[0] != days[0].split(",")[0])
    with_picture.nth(earlier).click()
    seen.page.locator("#compare").click()
    sheet = seen.page.locator("#map").bounding_box()
    for share in (20, 70):
        seen.slide("divide", share)
        line = seen.page.locator("#line").bounding_box()
        assert line["x"] - sheet["x"] == pytest.approx(sheet["width"] * share / 100, abs=12)
        left, right = (
            seen.page.evaluate(f"getComputedStyle(document.querySelector('.leaflet-{pane}-pane')).clip")
            for pane in ("pictures", "newest")
        )
        assert _numbers(left)[1] == _numbers(right)[3]
        assert _numbers(left)[1] == pytest.approx(line["x"] - sheet["x"] + 1, abs=1.5)
    assert seen.page.inner_text("#after") == days[0].split(",")[0]
    assert seen.page.inner_text("#before") == days[earlier].split(",")[0]
    seen.page.locator("#compare").click()
    assert seen.visible("#divider") == 0
    assert seen.problems == [] and seen.asked() == []


def _numbers(rect: str) -> List[float]:
    return [float(part.strip("px, ")) for part in rect.partition("(")[2].rstrip(")").split(" ")]


def test_names_and_commands_are_copied_and_scenes_saved(show: Show, page: Path) -> None:
    seen = show(page, permissions=["clipboard-read", "clipboard-write"], accept_downloads=True)
    read = "navigator.clipboard.readText()"
    ids = seen.page.locator("#list .id").all_text_contents()
    seen.page.locator("#list .scene").first.click()
    name = seen.page.inner_text("#details .name")
    assert name.partition("?")[0] == f"PLANET:ortho/{ids[0]}"
    seen.page.get_by_text("Copy name", exact=True).click()
    assert seen.page.evaluate(read) == name
    seen.page.get_by_text("Copy download command").click()
    assert seen.page.evaluate(read) in (f"planet-vector download {name}", f"planet-vector download '{name}'")
    seen.page.locator("#copy-all").click()
    assert [line.partition("?")[0] for line in seen.page.evaluate(read).split("\n")] == [
        f"PLANET:ortho/{one}" for one in ids
    ]
    with seen.page.expect_download() as download:
        seen.page.locator("#save").click()
    saved = json.loads(Path(download.value.path()).read_text())
    assert [feature["id"] for feature in saved["features"]] == ids
    held = data_of(page)["scenes"]
    assert all(
        feature["geometry"]["coordinates"] == scene["polygons"] for feature, scene in zip(saved["features"], held)
    )
    assert saved["features"][0]["properties"]["name"] == name
    assert seen.problems == []


def test_dark_colours_stand_out(show: Show, page: Path) -> None:
    seen = show(page, color_scheme="dark")
    paper, sheet = colour(seen, "body", "background-color"), colour(seen, "#map", "background-color")
    assert max(paper) < 60 and max(sheet) < 60
    for selector in ("h1", ".when", ".id", ".cloudy", "legend", "#order", "#legend li", ".plain"):
        assert contrast(colour(seen, selector, "color"), paper) >= 4.5, selector
    assert contrast(colour(seen, ".degrees", "color"), sheet) >= 4.5
    assert contrast(colour(seen, ".footprint", "stroke"), sheet) >= 3
    for name in ("cloud0", "cloud1", "cloud2", "cloud3", "cloud4", "unknown"):
        seen.page.evaluate(f"document.querySelector('.footprint').setAttribute('class', '{name} footprint')")
        assert contrast(colour(seen, ".footprint", "stroke"), sheet) >= 3, name


def test_on_paper_there_is_the_map_and_the_legend(show: Show, page: Path) -> None:
    seen = show(page, color_scheme="dark", width=800, height=1100)
    seen.page.emulate_media(media="print")
    assert seen.visible("#legend") == 1 and seen.visible("#count") == 1
    assert seen.visible("#list") == seen.visible("button") == seen.visible("input") == 0
    assert seen.page.locator("#map").bounding_box()["height"] > 500
    assert min(colour(seen, "#map", "background-color")) > 200  # no dark sheet of ink


def test_a_notebook_shows_the_map(show: Show, closed: Service, tmp_path: Path) -> None:
    search = planet_vector.search(f"PLANET:ortho?{CLEAR}&limit=5", connection=closed.url, key=closed.key)
    shown = planet_vector.show_map(search, height=400)
    assert repr(shown).startswith("<InlineMap")
    (tmp_path / "notebook.html").write_text(f"<!DOCTYPE html><body>{shown._repr_html_()}</body>", encoding="utf-8")
    seen = show(tmp_path / "notebook.html")
    frame = seen.page.frame_locator("iframe")
    frame.locator(".footprint").last.wait_for()
    assert frame.locator(".footprint").count() == 5 and frame.locator("#list li").count() == 5
    assert seen.page.locator("iframe").bounding_box()["height"] == pytest.approx(400, abs=5)
    assert (
        frame.locator("body").evaluate("() => { try { return parent.document.title } catch { return null } }") is None
    )
    assert seen.asked() == [] and seen.problems == []


def test_the_process_with_the_key_describes_tiles(closed: Service) -> None:
    with MapServer("PLANET:ortho?limit=1", connection=closed.url, key=closed.key) as server:
        (scene,) = server.content.scenes
        path = f"{server.url.removeprefix(server.url[: server.url.index('/', 8)])}scenes/ortho/{scene.id}/tiles.json"
        answer = server.answer(path)
        described: Dict[str, Any] = json.load(io.BytesIO(answer.body))
        assert (answer.status, answer.kind) == (200, "application/json")
        assert described["tilejson"] == "3.0.0" and described["name"] == scene.id and described["maxzoom"] > 10
        assert described["tiles"] == [f"{server.url}scenes/ortho/{scene.id}/{{z}}/{{x}}/{{y}}.png"]
        assert described["bounds"] == pytest.approx(scene.footprint.bounds)
        assert closed.key not in answer.body.decode()
        assert server.answer(path.replace(scene.id, "other")).status == 404
