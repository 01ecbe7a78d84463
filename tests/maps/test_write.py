"""``planet-vector map`` and `write_map`: the file, what is told of it, and what is refused."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

import planet_vector
from planet_vector.config import Settings
from planet_vector.errors import NameSyntaxError, ProtocolError, QueryError
from planet_vector.maps import content, write_map
from planet_vector.roots import FORMER_API_URL
from tests.conftest import KEY, Service
from tests.maps.conftest import AREA, feature, found

NAME = f"PLANET:ortho?{AREA}"
Run = Callable[..., Any]


def data_of(path: Path) -> Dict[str, Any]:
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', path.read_text(), re.S)
    assert match
    held: Dict[str, Any] = json.loads(match[1])
    return held


def test_the_command_writes_a_page_and_tells_what_is_left_out(closed: Service, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "map.html"
    done = run(
        "planet-vector", "map", NAME, "PLANET:basemaps/summer", "-o", str(path), "--thumbnails", "5", env=closed.environ
    )
    assert done.returncode == 0, done.stderr
    scenes = len(found(closed))
    assert done.stdout == f"{path}: {scenes} scenes, {scenes - 5} without thumbnail, 1 basemap\n"
    assert done.stderr == ""
    held = data_of(path)
    pictures = [scene["picture"] for scene in held["scenes"]]
    assert [bool(picture) for picture in pictures] == [True] * 5 + [False] * (scenes - 5)
    assert all(base64.b64decode(picture.partition(",")[2]).startswith(b"\x89PNG") for picture in pictures[:5])
    assert held["leftOut"] == scenes - 5
    assert {scene["id"] for scene in held["scenes"]} == {scene["id"] for scene in found(closed)}


def test_thumbnails_are_as_large_as_may_be(closed: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("planet_vector.maps.MAX_BYTES", 100_000)
    written = write_map(NAME, tmp_path / "map.html", connection=closed.url, key=closed.key)
    sizes = [len(base64.b64decode(s["picture"].partition(",")[2]))
             for s in data_of(tmp_path / "map.html")["scenes"] if s["picture"]]  # fmt: skip
    assert 0 < sum(sizes) <= 100_000
    assert len(sizes) == written.thumbnails == written.scenes - written.left_out < written.scenes


def test_the_key_is_not_in_the_file(closed: Service, tmp_path: Path) -> None:
    write_map([NAME, "PLANET:basemaps"], tmp_path / "map.html", thumbnails=4, connection=closed.url, key=closed.key)
    text = (tmp_path / "map.html").read_bytes()
    for form in (KEY.encode(), base64.b64encode(KEY.encode()), base64.b64encode(f"{KEY}:".encode())):
        assert form not in text


def test_the_policy_names_every_script_and_style_and_no_other_host(closed: Service, tmp_path: Path) -> None:
    write_map(
        [NAME, "PLANET:basemaps/summer"], tmp_path / "map.html", thumbnails=4, connection=closed.url, key=closed.key
    )
    text = (tmp_path / "map.html").read_text()
    found_policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)
    assert found_policy
    policy = dict(part.strip().split(" ", 1) for part in html.unescape(found_policy[1]).split(";"))
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        bodies = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.S)
        hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()}'" for body in bodies]
        assert policy[directive].split() == hashes and hashes
    assert policy["default-src"] == "'none'"
    assert policy["img-src"].split() == ["data:", closed.url[: -len("/v0/")]]
    assert re.findall(r"<(?:script|link|img|iframe)\b[^>]*?(?:src|href)=([^>]*)>", text) == ['"data:,"']
    assert "Copyright (c) 2010-2022, Volodymyr Agafonkin" in text and "THIS SOFTWARE IS PROVIDED" in text


def test_several_names_are_one_map_each_scene_once(closed: Service, tmp_path: Path) -> None:
    scene = found(closed)[0]["id"]
    written = write_map(
        [NAME, f"PLANET:ortho/{scene}", "PLANET:landsat", "PLANET:basemaps"],
        tmp_path / "map.html", thumbnails=0, connection=closed.url, key=closed.key,
    )  # fmt: skip
    held = data_of(tmp_path / "map.html")
    keys = [(one["type"], one["id"]) for one in held["scenes"]]
    assert len(keys) == len(set(keys)) == written.scenes == len(found(closed)) + 3
    names = [f"PLANET:basemaps/{name}?api_url={closed.url}" for name in ("summer", "spring")]
    assert [basemap["name"] for basemap in held["basemaps"]] == names


def test_a_long_search_is_refused_not_cut(closed: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "MOST_SCENES", 10)
    with pytest.raises(QueryError, match="at most 10 scenes.*limit=N"):
        write_map(NAME, tmp_path / "map.html", connection=closed.url, key=closed.key)
    assert list(tmp_path.iterdir()) == []
    assert (
        write_map(f"{NAME}&limit=10", tmp_path / "map.html", thumbnails=0, connection=closed.url, key=closed.key).scenes
        == 10
    )


def test_names_of_several_services_are_refused(closed: Service, free: Service, tmp_path: Path) -> None:
    names = [f"PLANET:ortho?api_url={closed.url}", f"PLANET:ortho?api_url={free.url}"]
    with pytest.raises(NameSyntaxError, match="several services"):
        write_map(names, tmp_path / "map.html")


def test_a_service_that_repeats_the_key_gets_no_map(serve_features: Any, tmp_path: Path) -> None:
    service = serve_features([feature("scene", [(12.0, 47.0), (12.1, 47.0), (12.1, 47.1)], note=f"your key: {KEY}")])
    with pytest.raises(ProtocolError, match="repeats the key") as caught:
        write_map("PLANET:ortho", tmp_path / "map.html", thumbnails=0, connection=service.url, key=KEY)
    assert KEY not in str(caught.value)
    assert not (tmp_path / "map.html").exists()


@pytest.mark.parametrize(
    "tiles",
    [
        "https://example.org/{z}/{x}/{y}.png",
        "http://127.0.0.1:1/{z}/{x}/{y}.png",
        "javascript:alert(1)//{z}/{x}/{y}",
        "https://tiles{0-3}.planet.com/v0/mosaics/m/tile.png",
        "https://tiles{0-3}.planet.com.example.org/{z}/{x}/{y}.png",
        "https://tiles.planet.com/'; script-src *; {z}/{x}/{y}.png",
        "https://key@tiles.planet.com/{z}/{x}/{y}.png",
    ],
)
def test_tiles_elsewhere_are_refused(tiles: str) -> None:
    from planet_vector.catalog.basemaps import Basemap
    from planet_vector.catalog.scenes_v0.client import ScenesV0
    from planet_vector.maps.addresses import basemap_pattern

    with pytest.raises(ProtocolError):
        basemap_pattern(
            ScenesV0(Settings(FORMER_API_URL)),
            Basemap("m", 15, 4096, tiles, "https://api.planet.com/v0/mosaics/m/quads/"),
        )


@pytest.mark.parametrize(
    "background",
    ["", "tiles", "file:///{z}/{x}/{y}", "javascript:{z}{x}{y}", "https://a.example.org/{z}/{x}.png",
     "https://user:word@example.org/{z}/{x}/{y}.png", "https://example.org; script-src */{z}/{x}/{y}.png"],
)  # fmt: skip
def test_a_background_that_is_none_is_refused(background: str, closed: Service, run: Run, tmp_path: Path) -> None:
    done = run(
        "planet-vector", "map", NAME, "-o", "map.html", "--background", background, env=closed.environ, cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: The background is not an address of tiles")
    assert len(done.stderr.splitlines()) == 1


WRONG: List[Any] = [
    (["map", NAME], 2, "-o map.html"),
    (["map", NAME, "-o", "there.html"], 1, "--overwrite"),
    (["map", NAME, "--serve", "-o", "map.html"], 2, "--serve writes no file"),
    (["map", NAME, "-o", "map.html", "--port", "80"], 2, "--port is for --serve"),
    (["map", NAME, "-o", "map.html", "--attribution", "x"], 2, "--background"),
    (["map", "PLANET:basemaps/summer/L15-0001E-0001N", "-o", "map.html"], 2, "names a quad"),
    (["map", "PLANET:basemaps/nothing", "-o", "map.html"], 1, "no basemap 'nothing'"),
    (["map", "PLANET:ortho/nothing", "-o", "map.html"], 1, "no scene 'nothing'"),
    (["map", "PLANET:ortho?no.such=1", "-o", "map.html"], 2, "no.such"),
    (["map", "ortho", "-o", "map.html"], 2, "PLANET:"),
    (["map", NAME, "-o", "no/folder/map.html"], 1, "no/folder"),
]


@pytest.mark.parametrize(("command", "code", "said"), WRONG)
def test_what_is_wrong_is_said_in_a_sentence(
    closed: Service, run: Run, tmp_path: Path, command: List[str], code: int, said: str
) -> None:
    (tmp_path / "there.html").write_text("mine")
    done = run("planet-vector", *command, env=closed.environ, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    sentence = done.stderr.strip().splitlines()[-1]
    assert sentence.startswith("Error: ") and said in sentence
    assert {path.name for path in tmp_path.iterdir()} == {"there.html"}
    assert (tmp_path / "there.html").read_text() == "mine"


def test_open_shows_the_file(closed: Service, run: Run, tmp_path: Path) -> None:
    script = tmp_path / "browser"
    script.write_text(f'#!/bin/sh\necho "$1" > "{tmp_path}/address"\n')
    script.chmod(0o755)
    environ = {**closed.environ, "BROWSER": f"{script} %s"}
    done = run("planet-vector", "map", NAME, "-o", "map.html", "--thumbnails", "0", "--open", env=environ, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "address").read_text().strip() == (tmp_path / "map.html").as_uri()


def test_a_key_is_not_sent_to_where_a_name_leads(free: Service, tmp_path: Path, connected: Any) -> None:
    """The environment's key belongs to another root: the map of this one is made without it."""
    written = write_map(f"{NAME}&api_url={free.url}", tmp_path / "map.html", thumbnails=1)
    assert written.scenes == len(found(free))


def test_the_package_has_it() -> None:
    assert planet_vector.write_map.__doc__
