"""Searches beside pystac-client, at a server of others and at one of ours; opened in every GDAL of the machine."""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any, Iterator, List

import pytest
import requests

import planet_vector
from planet_vector.driver.registration import environment
from tests.conftest import QGIS_PYTHON, ROOT
from tests.stac.conftest import Start, found, ids
from tests.stac_server import Item, connect_to, make_items

rasterio = pytest.importorskip("rasterio")
pyogrio = pytest.importorskip("pyogrio")
planet_vector.register()

RUSTAC = Path(sys.executable).with_name("rustac")


# ---- rustac ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many() -> List[Item]:
    return make_items(320)


@pytest.fixture(scope="module")
def rustac(many: List[Item], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of rustac's server, which has no wheel for every Python."""
    if not RUSTAC.exists():
        pytest.skip("rustac is not installed")
    folder = tmp_path_factory.mktemp("rustac")
    extent = {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [["2024-05-01T00:00:00Z", None]]}}
    collection = {"type": "Collection", "id": "scenes", "stac_version": "1.0.0", "description": "Scenes"}
    collection.update(license="proprietary", links=[], extent=extent)
    (folder / "collection.json").write_text(json.dumps(collection))
    (folder / "items.json").write_text(json.dumps({"type": "FeatureCollection", "features": many}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(RUSTAC), "serve", "--addr", f"127.0.0.1:{port}", "collection.json", "items.json"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        url = f"http://127.0.0.1:{port}/"
        for _ in range(200):
            try:
                requests.get(url, timeout=5)
                break
            except requests.ConnectionError:
                time.sleep(0.05)
        yield url
        server.kill()


def _peer(url: str, **asked: Any) -> List[str]:
    client = pytest.importorskip("pystac_client")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search = client.Client.open(url).search(collections=["scenes"], limit=100, **asked)
        return sorted({item["id"] for page in search.pages_as_dicts() for item in page["features"]})


def _random_searches(count: int) -> Iterator[Any]:
    """Yield parameters of a name, and arguments of pystac-client for the same search."""
    choose = random.Random(7)
    for _ in range(count):
        parameters, asked = [], {}
        if choose.random() < 0.7:
            first, last = sorted(choose.sample(range(1, 32), 2))
            parameters.append(f"datetime=2024-05-{first:02}/2024-05-{last:02}")
            asked["datetime"] = f"2024-05-{first:02}/2024-05-{last:02}"
        if choose.random() < 0.7:
            west, south = choose.uniform(-179, 100), choose.uniform(-85, 40)
            box = [west, south, west + choose.uniform(0, 79), south + choose.uniform(0, 45)]
            parameters.append(f"bbox={','.join(map(repr, box))}")
            asked["bbox"] = box
        yield "&".join(parameters), asked


def test_rustac_gives_the_items_that_it_gives_pystac_client(rustac: str, many: List[Item]) -> None:
    connect_to(rustac, "rustac")
    assert found("STAC:rustac/scenes") and sorted(found("STAC:rustac/scenes")) == ids(many) == _peer(rustac)
    sizes = []
    for parameters, asked in _random_searches(40):
        read = found(f"STAC:rustac/scenes?{parameters}")
        assert sorted(read) == _peer(rustac, **asked), parameters
        sizes.append(len(read))
    assert max(sizes) > 20 and len(set(sizes)) > 5
    # it answers nothing to any filter: conditions are applied here
    cloudless = [item for item in many if item["properties"]["eo:cloud_cover"] <= 20]
    assert sorted(found("STAC:rustac/scenes?eo:cloud_cover.lte=20")) == ids(cloudless)
    assert planet_vector.connect("rustac").scene("scenes", "scenes-7").id == "scenes-7"


@pytest.mark.parametrize("counts", [True, False])
def test_a_service_that_filters_gives_the_items_that_it_gives_pystac_client(
    start_stac: Start, many: List[Item], counts: bool
) -> None:
    server = start_stac(many, counts=counts)
    choose = random.Random(11)
    for parameters, asked in _random_searches(25):
        cover = choose.randrange(100)
        asked["filter"] = {"op": "<=", "args": [{"property": "eo:cloud_cover"}, cover]}
        read = found(f"STAC:test/scenes?{parameters}&eo:cloud_cover.lte={cover}")
        assert sorted(read) == _peer(server.url, **asked), (parameters, cover)


# ---- every GDAL ------------------------------------------------------------------------------------------


def test_a_search_opens_in_ogrinfo(start_stac: Start, many: List[Item]) -> None:
    if not shutil.which("ogrinfo"):
        pytest.skip("ogrinfo is not installed")
    start_stac(many)

    def ogrinfo(*arguments: str) -> str:
        env = {**os.environ, **environment()}
        done = subprocess.run(["ogrinfo", *arguments], capture_output=True, text=True, env=env, timeout=60)
        assert not done.stderr and done.returncode == 0, done.stderr
        return done.stdout

    assert ogrinfo("-q", "STAC:test").strip() == "1: scenes (Multi Polygon)"
    told = ogrinfo("-so", "STAC:test/scenes", "scenes")
    assert "Feature Count: 320" in told and "eo:cloud_cover: Real" in told and "assets: String" in told
    told = ogrinfo("-so", "STAC:test/scenes?datetime=2024-05-02/2024-05-03&eo:cloud_cover.lte=50", "scenes")
    expected = [
        item
        for item in many
        if "2024-05-02" <= item["properties"]["datetime"][:10] <= "2024-05-03"
        and item["properties"]["eo:cloud_cover"] <= 50
    ]
    assert f"Feature Count: {len(expected)}" in told and expected
    assert "COUNT=not counted by the service" not in told
    start_stac(many, "uncounted", counts=False)
    assert "COUNT=not counted by the service" in ogrinfo("-so", "STAC:uncounted/scenes?limit=3", "scenes")
    assert "Feature Count: 1" in ogrinfo("-so", "stac:test/scenes/scenes-3", "scenes")
    done = subprocess.run(
        ["ogrinfo", "STAC:test/nope"], capture_output=True, text=True, env={**os.environ, **environment()}, timeout=60
    )
    assert "There is no collection 'nope'" in done.stdout + done.stderr


CODE = """
import sys
order = sys.argv[1].split(",")
for module in order:
    __import__(module)
import planet_vector
planet_vector.register()
name = "STAC:test/scenes?datetime=2024-05-02/2024-05-10"
def with_fiona():
    import fiona
    with fiona.open(name, layer="scenes") as layer:
        return [feature["properties"]["id"] for feature in layer]
def with_pyogrio():
    import pyogrio
    return list(pyogrio.read_dataframe(name)["id"])
def with_rasterio():
    import rasterio, warnings
    warnings.simplefilter("ignore")
    with rasterio.open("STAC:test/scenes/scenes-3") as container:
        return container.driver
readers = {"fiona": with_fiona, "pyogrio": with_pyogrio, "rasterio": with_rasterio}
print([readers[module]() if module == "rasterio" else len(readers[module]()) for module in order * 2])
"""


@pytest.mark.parametrize("order", ["fiona,pyogrio,rasterio", "rasterio,fiona,pyogrio", "pyogrio,rasterio,fiona"])
def test_it_opens_in_every_gdal_of_a_process_in_any_order(start_stac: Start, many: List[Item], order: str) -> None:
    pytest.importorskip("fiona")
    start_stac(many)
    expected = sum("2024-05-02" <= item["properties"]["datetime"][:10] <= "2024-05-10" for item in many)
    done = subprocess.run([sys.executable, "-c", CODE, order], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr
    row = [expected if module != "rasterio" else "STAC" for module in order.split(",")]
    assert done.stdout.strip() == str(row * 2) and not done.stderr


def test_it_opens_in_osgeo_beside_the_driver_of_planet_names(start_stac: Start, many: List[Item]) -> None:
    if not QGIS_PYTHON.exists():
        pytest.skip("there is no environment of the system's Python")
    start_stac(many)
    code = (
        "from osgeo import gdal, ogr; gdal.UseExceptions()\n"
        "import planet_vector; planet_vector.register()\n"
        "source = ogr.Open('STAC:test/scenes'); print(source.GetDriver().GetName())\n"
        "layer = source.GetLayer(0); layer.SetAttributeFilter('\"eo:cloud_cover\" <= 20')\n"
        "print(layer.GetFeatureCount(), len(list(layer)))\n"
        "layer.SetSpatialFilterRect(0, 0, 90, 60); print(len(list(layer)))\n"
        "other = ogr.Open('PLANET:scenes?connection=test'); print(other.GetLayer(0).GetFeatureCount())\n"
    )
    done = subprocess.run([str(QGIS_PYTHON), "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120)
    cloudless = [item for item in many if item["properties"]["eo:cloud_cover"] <= 20]
    within = [item for item in cloudless if -1 <= item["bbox"][0] <= 90 and -1 <= item["bbox"][1] <= 60]
    assert done.stdout.split() == ["STAC", *map(str, (len(cloudless), len(cloudless), len(within), 320))], done.stderr


# ---- an asset --------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_an_asset_on_the_web_is_opened_where_it_lies(start_stac: Start, tmp_path: Path, host_folder: str) -> None:
    import numpy

    folder = Path(host_folder.partition("|")[0])
    url = host_folder.partition("|")[2]
    pixels = numpy.arange(64 * 48, dtype="uint16").reshape(1, 48, 64)
    place = rasterio.transform.from_origin(500000, 5300000, 10, 10)
    with rasterio.open(
        folder / "red.tif", "w", driver="GTiff", width=64, height=48, count=1, dtype="uint16", crs="EPSG:32633",
        transform=place, tiled=True, blockxsize=16, blockysize=16,
    ) as file:  # fmt: skip
        file.write(pixels)
    item = make_items(1)[0]
    item["assets"] = {
        "B04": {"href": f"{url}red.tif", "eo:bands": [{"name": "B04", "common_name": "red"}]},
        "log": {"href": f"{url}log.txt", "type": "text/plain"},
    }
    start_stac([item])
    for product in ("B04", "red"):
        with planet_vector.open(f"STAC:test/scenes/scenes-0/{product}") as dataset:
            assert (dataset.read() == pixels).all() and dataset.crs.to_epsg() == 32633
    with rasterio.open("STAC:test/scenes/scenes-0") as container:
        assert len(container.subdatasets) == 1


@pytest.fixture
def host_folder(tmp_path: Path) -> Iterator[str]:
    """Return a folder and the address at which its files are served, with ranges."""
    import threading
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_GET(self) -> None:
            path = tmp_path / Path(self.path).name
            content = path.read_bytes() if path.exists() else b""
            first, last = 0, len(content) - 1
            asked = self.headers.get("Range", "")
            if asked.startswith("bytes="):
                low, _, high = asked[6:].partition("-")
                first, last = int(low), min(int(high or last), last)
            self.send_response(404 if not content else 206 if asked else 200)
            if asked and content:
                self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
            self.send_header("Accept-Ranges", "bytes")
            part = content[first : last + 1]
            self.send_header("Content-Length", str(len(part)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(part)

        do_HEAD = do_GET

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"{tmp_path}|http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()
