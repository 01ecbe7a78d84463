"""The start page in a browser: its popups, its list, its filters, on a desk and on a phone, and with a key."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any, Callable, Iterator, List, Tuple

import pytest
import requests

from ..browsing import CHROMIUM, chromium
from .conftest import Running, Serve, feature, write_features, write_raster

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")

KEY = "5ec2e75ec2e75ec2e75ec2e75ec2e7aa"
SCENES = 730
DESK = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
FINGER = 44  # CSS pixels that Apple's Human Interface Guidelines and WCAG 2.5.5 want a target to have


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    # Many side by side, the newest first from the north-west; one far away.
    scenes = [
        feature(f"S{n:03d}", f"2015-01-01T{23 - n // 60:02d}:{59 - n % 60:02d}:00Z",
                west=10 + n % 30 * 0.1, south=48 - n // 30 * 0.1, size=0.1, cloud_cover={"estimated": n / 10})
        for n in range(SCENES - 1)
    ]  # fmt: skip
    write_features(folder / "s.json", [*scenes, feature("AWAY", "2014-01-01T00:00:00Z", west=170, south=-40)])
    return folder


@pytest.fixture(scope="module")
def service(serve: Serve, archive: Path) -> Running:
    return serve(archive)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as running:
        yield running


Open = Callable[..., Any]


@pytest.fixture
def open_page(browser: Any) -> Iterator[Open]:
    """Return a function that opens a start page; at the end nothing may have gone wrong in it."""
    contexts, said = [], []

    def call(service: Running, **options: Any) -> Any:
        context = browser.new_context(reduced_motion="reduce", **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(service.origin + "/")
        return page

    yield call
    for context in contexts:
        context.close()
    assert [text for text in said if "404 (Not Found)" not in text and "401 (Unauthorized)" not in text] == []


def wait_for(page: Any, selector: str, text: str) -> None:
    page.wait_for_function("([s, t]) => document.querySelector(s).textContent.includes(t)", arg=[selector, text])


def settle(page: Any) -> None:
    """Wait until the map has come to rest, and what it asked for is there."""
    page.wait_for_timeout(800)
    page.wait_for_load_state("networkidle")


def middle_of_map(page: Any) -> Tuple[float, float]:
    box = page.locator("#map").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def entries(page: Any) -> List[str]:
    found: List[str] = page.locator("#scenes .id").all_inner_texts()
    return found


@pytest.mark.parametrize("kind", ["desk", "phone"])
def test_a_popup_stays_when_the_map_moves_for_it(service: Running, open_page: Open, kind: str) -> None:
    page = open_page(service, **(PHONE if kind == "phone" else DESK))
    wait_for(page, "#told", "scenes here")
    settle(page)
    if kind == "desk":
        page.mouse.move(800, 600)
        page.mouse.down()
        page.mouse.move(800, 280, steps=8)
        page.mouse.up()
        settle(page)
    # A scene at the upper edge: its popup has no room there, so the map moves.
    # Scenes that a busy machine still redraws have none.
    boxes = (scene.bounding_box() for scene in page.locator("#map path.leaflet-interactive").all())
    box = next(box for box in boxes if box and box["y"] > 0)
    (page.touchscreen.tap if kind == "phone" else page.mouse.click)(
        box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    )
    settle(page)
    popup = page.locator(".leaflet-popup").bounding_box()
    frame = page.locator("#map").bounding_box()
    assert popup["x"] >= frame["x"] and popup["x"] + popup["width"] <= frame["x"] + frame["width"]
    assert popup["y"] >= frame["y"] and popup["y"] + popup["height"] <= frame["y"] + frame["height"]
    assert re.search(r"\bS\d{3}\b", page.locator(".leaflet-popup").inner_text())
    page.keyboard.press("Escape")
    page.wait_for_selector(".leaflet-popup", state="detached")


def test_the_list_says_which_part_it_is_and_has_a_way_to_the_rest(service: Running, open_page: Open) -> None:
    page = open_page(service, **DESK)
    wait_for(page, "#told", f", of {SCENES} in all")
    assert len(entries(page)) == 50
    here = page.inner_text("#told").split()[0]
    assert page.inner_text("#listed") == f"50 of {here} listed."
    page.click("#all")
    wait_for(page, "#told", f"{SCENES} scenes here, the newest 300 on the map")
    while page.locator("#more").is_visible():
        before = len(entries(page))
        page.click("#more")
        page.wait_for_function("n => document.querySelectorAll('#scenes li').length > n", arg=before)
        # Who went there with the keyboard is at the first that came.
        assert page.evaluate("document.activeElement.dataset.scene") == entries(page)[before]
    assert entries(page) == [f"S{n:03d}" for n in range(SCENES - 1)] + ["AWAY"]
    assert page.locator("#map path.leaflet-interactive").count() == SCENES


def test_the_list_works_with_the_keyboard(service: Running, open_page: Open) -> None:
    page = open_page(service, **DESK)
    wait_for(page, "#told", "scenes here")
    page.locator("#scenes button").nth(3).focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".leaflet-popup")
    settle(page)
    assert "S003" in page.locator(".leaflet-popup").inner_text()
    current = page.locator("#scenes [aria-current=true]")
    assert current.locator(".id").inner_text() == "S003"
    assert page.evaluate("document.activeElement.dataset.scene") == "S003"  # also after the list was made anew
    assert page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)") >= 2
    page.keyboard.press("Escape")
    page.wait_for_selector(".leaflet-popup", state="detached")
    assert page.locator("[aria-current]").count() == 0


def test_a_phone_shows_map_and_list_and_fingers_meet_what_they_mean(service: Running, open_page: Open) -> None:
    page = open_page(service, **PHONE)
    wait_for(page, "#told", "scenes here")
    settle(page)  # the list and the map are drawn again once the map has its size
    assert page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == [390, 844]
    frame = page.locator("#map").bounding_box()
    assert frame["width"] == 390 and 300 <= frame["height"] <= 500
    first = page.locator("#scenes button").first.bounding_box()
    assert frame["y"] + frame["height"] <= first["y"] and first["y"] + first["height"] <= 844
    page.locator("#filters summary").tap()
    for element in page.locator("button:visible, a:visible, input:visible, select:visible, summary:visible").all():
        box = element.bounding_box()
        assert min(box["width"], box["height"]) >= FINGER, element.evaluate("e => e.outerHTML")
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    page.locator("#cloud").fill("20")
    wait_for(page, "#told", "201 scenes here")
    page.locator("#filters summary").tap()
    page.locator("#scenes button").nth(1).tap()
    page.wait_for_selector(".leaflet-popup")
    settle(page)
    assert "S001" in page.locator(".leaflet-popup").inner_text()


def test_a_key_is_asked_for_and_opens_the_page(serve: Serve, open_page: Open, tmp_path: Path) -> None:
    write_raster(tmp_path / "20150306_022415_0908_visual.tif", bands=3, size=100)
    page = open_page(serve(tmp_path, environment={"PLANET_SERVE_KEY": KEY}), **PHONE)
    wait_for(page, "#told", "Please enter your API key.")
    page.fill("#key", "wrong")
    page.locator("#key-field button").tap()
    page.wait_for_timeout(300)
    assert entries(page) == [] and page.locator("#key").is_visible()
    page.fill("#key", KEY)
    page.locator("#key-field button").tap()
    wait_for(page, "#told", "1 scene here")
    page.locator("#scenes button").first.tap()
    page.wait_for_selector(".leaflet-popup img")  # the picture comes with the key, too
    assert page.evaluate("document.querySelector('.leaflet-popup img').naturalWidth") > 0
    assert KEY not in page.url and KEY not in page.content()


def shown_recipes(page: Any) -> List[str]:
    page.locator("#clients summary").click()
    page.wait_for_selector("#recipes pre")
    found: List[str] = page.locator("#recipes pre").all_inner_texts()
    return found


@pytest.mark.parametrize("kind", ["desk", "phone"])
def test_recipes_for_other_programs_are_copied_and_work(
    service: Running, open_page: Open, tmp_path: Path, kind: str
) -> None:
    page = open_page(service, **(PHONE if kind == "phone" else DESK))
    wait_for(page, "#told", "scenes here")
    recipes = shown_recipes(page)
    assert all(text.count("\n") <= 2 and service.origin in text and "undefined" not in text for text in recipes)
    addresses = page.locator("#recipes code").all_inner_texts()
    assert addresses == [f"{service.origin}/{path}/" for path in ("stac", "features", "tiles", "data/v1", "v0")]
    for address in addresses:
        if "data/v1" not in address and "/v0/" not in address:
            assert requests.get(address, timeout=30).status_code == 200
    if kind == "phone":
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        for button in page.locator(".copy").all():
            box = button.bounding_box()
            assert min(box["width"], box["height"]) >= FINGER and box["x"] + box["width"] <= 390
        return
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator(".copy").first.click()
    wait_for(page, ".copy", "Copied")
    assert page.evaluate("navigator.clipboard.readText()") == addresses[0]
    if shutil.which("ogr2ogr") is None:
        pytest.skip("the programs of GDAL are not installed")
    (command,) = [text for text in recipes if "OAPIF:" in text]
    subprocess.run(command, shell=True, check=True, cwd=tmp_path, timeout=120)
    told = subprocess.run(["ogrinfo", "-so", "-al", "scenes.gpkg"], cwd=tmp_path, capture_output=True, text=True)
    assert f"Feature Count: {SCENES}" in told.stdout


def test_recipes_name_no_key(serve: Serve, open_page: Open, tmp_path: Path) -> None:
    write_raster(tmp_path / "20150306_022415_0908_visual.tif", bands=3, size=100)
    page = open_page(serve(tmp_path, environment={"PLANET_SERVE_KEY": KEY}), **DESK)
    wait_for(page, "#told", "Please enter your API key.")
    page.fill("#key", KEY)
    page.locator("#key-field button").click()
    wait_for(page, "#told", "1 scene here")
    recipes = shown_recipes(page)
    assert KEY not in page.content()
    for text in recipes:
        assert "KEY" in text or "connections add" in text, text
    (source,) = [text for text in recipes if "raster" in text]  # MapLibre's: the addresses in TileJSON have no key
    (template,) = re.findall(r'"(http[^"]*/map/tiles/[^"]*)"', source)
    address = template.replace("{z}/{y}/{x}", "0/0/0").replace("KEY", KEY)
    assert requests.get(address, timeout=30).status_code == 200


@pytest.mark.skipif(os.name != "posix", reason="a shell's words")
def test_recipes_are_words_of_a_shell_with_any_names(serve: Serve, open_page: Open, tmp_path: Path) -> None:
    collection, asset = "it's $(touch here)", "a'; touch here; echo \"$(touch here)'"
    write_raster(tmp_path / "r.tif", bands=3, size=100)
    west, south, east, north = 10.0, 45.0, 10.1, 45.1
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    assets = {
        "a metadata": {"href": "m.xml", "type": "application/xml", "roles": ["metadata"]},
        asset: {"href": "r.tif", "type": "image/tiff; application=geotiff", "roles": ["data"]},
    }
    item = {
        "type": "Feature", "stac_version": "1.0.0", "stac_extensions": [], "id": "one", "collection": collection,
        "geometry": {"type": "Polygon", "coordinates": [ring]}, "bbox": [west, south, east, north],
        "properties": {"datetime": "2015-07-01T00:00:00Z"}, "links": [], "assets": assets,
    }  # fmt: skip
    (tmp_path / "m.xml").write_text("<m/>")
    (tmp_path / "item.json").write_text(json.dumps(item))
    service = serve(tmp_path)
    page = open_page(service, **DESK)
    wait_for(page, "#told", "scene")
    recipes = shown_recipes(page)
    (stac,) = [text for text in recipes if "STACIT" in text]
    (features,) = [text for text in recipes if "OAPIF" in text]
    assert shlex.split(stac)[1].endswith(f'":asset={asset}') and len(shlex.split(stac)) == 2
    assert shlex.split(features)[3:] == [
        "-nlt",
        "PROMOTE_TO_MULTI",
        "-nln",
        collection,
        "-sql",
        f'SELECT * FROM "{collection}"',
    ]
