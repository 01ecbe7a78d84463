"""OGC API Tiles and TileJSON: documents, and tiles by GDAL's drivers WMS and OGCAPI and by a web map."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, List

import numpy as np
import pytest
import rasterio
import requests
from PIL import Image

from tests.browsing import CHROMIUM, chromium
from tests.server.conftest import Running

BOX = (11.95, 47.83, 12.0, 47.88)
"""West, south, east, north of ground that scenes of the sample show."""


def get(service: Running, path: str) -> Any:
    answer = requests.get(f"{service.origin}/tiles{path}", timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


def link(document: Any, rel: str) -> str:
    return str(next(each["href"] for each in document["links"] if each["rel"].rpartition("/")[2] == rel))


def tiles_at(zoom: int) -> List[tuple[int, int]]:
    """Return column and row of the tiles of the box, by the usual formulas of web maps."""

    def place(lon: float, lat: float) -> tuple[int, int]:
        y = np.arcsinh(np.tan(np.radians(lat)))
        return int((lon + 180) / 360 * 2**zoom), int((1 - y / np.pi) / 2 * 2**zoom)

    (left, bottom), (right, top) = place(BOX[0], BOX[1]), place(BOX[2], BOX[3])
    return [(x, y) for x in range(left, right + 1) for y in range(top, bottom + 1)]


def test_every_link_leads_to_a_document_of_its_type(sample: Running) -> None:
    seen, left = set(), [sample.origin + "/tiles/"]
    while left:
        address = left.pop()
        if address in seen:
            continue
        seen.add(address)
        answer = requests.get(address, timeout=30)
        assert answer.status_code == 200, address
        document = answer.json() if "json" in answer.headers["content-type"] else {}
        for part in [document, *document.get("collections", []), *document.get("tilesets", [])]:
            for each in part.get("links", []):
                if each.get("templated"):
                    continue
                head = requests.head(each["href"], timeout=30)
                assert head.status_code == 200, each
                assert head.headers["content-type"].split(";")[0] == each["type"].split(";")[0], each
                if each["href"].startswith(sample.origin + "/tiles/"):
                    left.append(each["href"])
    names = ("clear", "ortho", "landsat", "rapideye")
    assert {f"{sample.origin}/tiles/collections/{name}/tilejson.json" for name in names} < seen


def test_tiles_of_a_basemap_are_those_of_v0(sample: Running) -> None:
    tileset = get(sample, "/collections/clear/map/tiles/WebMercatorQuad")
    template = link(tileset, "item")
    (x, y), *_ = tiles_at(13)
    address = template.format(tileMatrix=13, tileRow=y, tileCol=x)
    assert requests.get(address, timeout=60).content == sample.get(f"mosaics/clear/13/{x}/{y}.png").content
    limits = {each["tileMatrix"]: each for each in tileset["tileMatrixSetLimits"]}
    assert sorted(map(int, limits)) == list(range(14))
    assert limits["13"]["minTileCol"] <= x <= limits["13"]["maxTileCol"]
    assert limits["13"]["minTileRow"] <= y <= limits["13"]["maxTileRow"]
    tilejson = get(sample, "/collections/clear/tilejson.json")
    assert tilejson["tilejson"] == "3.0.0" and tilejson["maxzoom"] == 13 and tilejson["name"] == "Clear scenes"
    assert tilejson["tiles"][0].format(z=13, x=x, y=y) == address


def test_tiles_of_a_scene_type_show_all_of_its_scenes(sample: Running) -> None:
    tilejson = get(sample, "/collections/ortho/tilejson.json")
    scenes = sample.json("scenes/ortho/?count=1000")["features"]
    finest = min(scene["properties"]["image_statistics"]["gsd"] for scene in scenes)
    # 156543.03 m: a pixel of zoom 0 at the equator.
    assert 156543.034 / 2 ** tilejson["maxzoom"] <= finest * 1.5
    (x, y), *_ = tiles_at(11)
    answer = requests.get(tilejson["tiles"][0].format(z=11, x=x, y=y), timeout=60)
    picture = Image.open(io.BytesIO(answer.content)).convert("RGBA")
    assert picture.size == (256, 256) and np.asarray(picture)[..., 3].any()


def test_an_item_links_to_its_tiles(sample: Running) -> None:
    page = requests.get(f"{sample.origin}/stac/search?collections=ortho&limit=1", timeout=30).json()
    (item,) = page["features"]
    tilejson = requests.get(link(item, "tilejson"), timeout=30).json()
    west, south, east, north = tilejson["bounds"]
    assert [west, south, east, north] == pytest.approx(item["bbox"], abs=1e-6)
    zoom = tilejson["maxzoom"]
    x = int(((west + east) / 2 + 180) / 360 * 2**zoom)
    y = int((1 - np.arcsinh(np.tan(np.radians((south + north) / 2))) / np.pi) / 2 * 2**zoom)
    tile = requests.get(tilejson["tiles"][0].format(z=zoom, x=x, y=y), timeout=60)
    assert tile.content == sample.get(f"scenes/ortho/{item['id']}/{zoom}/{x}/{y}.png").content
    feature = requests.get(f"{sample.origin}/features/collections/ortho/items/{item['id']}", timeout=30).json()
    assert link(feature, "tilejson") == link(item, "tilejson")


def test_the_tile_matrix_set_is_that_of_web_maps(sample: Running) -> None:
    matrices = get(sample, "/tileMatrixSets/WebMercatorQuad")["tileMatrices"]
    first, second = matrices[:2]
    # Two-dimensional tile matrix set and tile set metadata 2.0 (OGC 17-083r4), table D.1.
    assert first["scaleDenominator"] == pytest.approx(559082264.028717, rel=1e-12)
    assert first["cellSize"] == pytest.approx(156543.033928041, rel=1e-12)
    assert first["pointOfOrigin"] == pytest.approx([-20037508.3427892, 20037508.3427892], rel=1e-12)
    assert (second["matrixWidth"], second["matrixHeight"], second["tileWidth"]) == (2, 2, 256)


@pytest.mark.parametrize(
    "path",
    [
        "/collections/none", "/collections/none/tilejson.json", "/collections/ortho/map/tiles/Other",
        "/tileMatrixSets/Other", "/collections/ortho/map/tiles/WebMercatorQuad/0/1/0",
        "/scenes/ortho/none/tilejson.json", "/scenes/none/none/tilejson.json",
        "/collections/ortho/map/tiles/WebMercatorQuad/x/0/0",
    ],
)  # fmt: skip
def test_what_is_not_there_is_404(sample: Running, path: str) -> None:
    assert requests.get(f"{sample.origin}/tiles{path}", timeout=30).status_code == 404


def wms(template: str, zoom: int) -> str:
    """Return a description of tiles for GDAL's driver WMS."""
    world = 20037508.342789244
    address = template.format(z="${z}", x="${x}", y="${y}")
    return f"""<GDAL_WMS><Service name="TMS"><ServerUrl>{address}</ServerUrl></Service><DataWindow>
      <UpperLeftX>-{world}</UpperLeftX><UpperLeftY>{world}</UpperLeftY><LowerRightX>{world}</LowerRightX>
      <LowerRightY>-{world}</LowerRightY><TileLevel>{zoom}</TileLevel><TileCountX>1</TileCountX>
      <TileCountY>1</TileCountY><YOrigin>top</YOrigin></DataWindow><Projection>EPSG:3857</Projection>
      <BlockSizeX>256</BlockSizeX><BlockSizeY>256</BlockSizeY><BandsCount>4</BandsCount>
      <ZeroBlockHttpCodes>404</ZeroBlockHttpCodes></GDAL_WMS>"""


def test_gdal_reads_the_tiles(sample: Running, tmp_path: Path) -> None:
    """The tiles that GDAL composes are those of the service, by the driver WMS and, from GDAL 3.10 on, by OGCAPI."""
    if shutil.which("gdal_translate") is None:
        pytest.skip("the programs of GDAL are not installed")
    tilejson = get(sample, "/collections/clear/tilejson.json")
    zoom = tilejson["maxzoom"]
    x, y = tiles_at(zoom)[0]
    side = 2 * 20037508.342789244 / 2**zoom
    west, north = x * side - 20037508.342789244, 20037508.342789244 - y * side
    window = ["-projwin", *map(str, (west, north, west + side, north - side)), "-outsize", "256", "256"]
    (tmp_path / "xyz.xml").write_text(wms(tilejson["tiles"][0], zoom))
    names = [str(tmp_path / "xyz.xml")]
    version = subprocess.run(["gdalinfo", "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+)\.(\d+)", version)
    if found and (int(found[1]), int(found[2])) >= (3, 10):
        names.append(f"OGCAPI:{sample.origin}/tiles/collections/clear")
    answer = requests.get(tilejson["tiles"][0].format(z=zoom, x=x, y=y), timeout=60)
    expected = np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA")).transpose(2, 0, 1)
    for name in names:
        command = ["gdal_translate", "-q", *window, name, str(tmp_path / "out.tif")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
        assert done.returncode == 0 and "ERROR" not in done.stderr, (name, done.stderr)
        with rasterio.open(tmp_path / "out.tif") as dataset:
            np.testing.assert_array_equal(dataset.read(), expected, err_msg=name)


def test_a_web_map_of_another_origin_shows_the_tiles(sample: Running, tmp_path: Path) -> None:
    """A page of Leaflet needs the TileJSON only."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    address = f"{sample.origin}/tiles/collections/clear/tilejson.json"
    page_text = f"""<!DOCTYPE html><link rel="stylesheet" href="{sample.origin}/static/leaflet/leaflet.css">
      <div id="map" style="width: 512px; height: 512px"></div><script src="{sample.origin}/static/leaflet/leaflet.js">
      </script><script>fetch({json.dumps(address)}).then((answer) => answer.json()).then((tilejson) => {{
        const [w, s, e, n] = {json.dumps(BOX)};
        const map = L.map("map", {{fadeAnimation: false}}).fitBounds([[s, w], [n, e]]);
        L.tileLayer(tilejson.tiles[0], {{maxZoom: tilejson.maxzoom, crossOrigin: ""}}).on("load", (event) => {{
          const tiles = [...document.querySelectorAll("img.leaflet-tile-loaded")];
          const canvas = document.createElement("canvas");
          canvas.width = canvas.height = 256;
          const context = canvas.getContext("2d");
          window.drawn = tiles.filter((tile) => {{
            context.clearRect(0, 0, 256, 256);
            context.drawImage(tile, 0, 0);
            return context.getImageData(0, 0, 256, 256).data.some((value) => value);
          }}).length;
        }}).addTo(map);
      }});</script>"""
    (tmp_path / "map.html").write_text(page_text)
    handler = partial(QuietHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as pages:
        thread = threading.Thread(target=pages.serve_forever)
        thread.start()
        try:
            with chromium() as browser:
                page = browser.new_page()
                page.goto(f"http://127.0.0.1:{pages.server_port}/map.html")
                page.wait_for_function("window.drawn >= 1", timeout=60_000)
        finally:
            pages.shutdown()
            thread.join()


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves the page of a test without a log."""

    def log_message(self, format: str, *args: Any) -> None:
        pass
