"""Basemaps: quads and tiles made of scenes."""

from __future__ import annotations

import io
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy as np
import pytest
import rasterio
import rasterio.warp
import requests
import shapely
from PIL import Image

from planet_vector.server.api.basemap_definitions import BasemapDefinition
from planet_vector.server.api.permissions import Permission
from planet_vector.server.index.scene_search import parse_search
from planet_vector.server.patience import ClientGone, Patience

from .conftest import Running, Serve, feature, write_features

HALF = 20037508.342789244
LEVEL = 10  # quads of 626 km: 64 around the globe
SIDE = 2 * HALF / 64


def write_scene(
    folder: Path, name: str, column: float, row: float, width: float, colour: int, cloud: float, acquired: str
) -> None:
    """Write a scene of one colour, at a place counted in quads from the bottom left."""
    west, north = column * SIDE - HALF, (row + width) * SIDE - HALF
    values = np.full((3, 64, 64), 1, "uint8")
    values[colour] = 250
    with rasterio.open(
        folder / f"{name}_visual.tif",
        "w",
        driver="GTiff",
        count=3,
        dtype="uint8",
        width=64,
        height=64,
        crs="EPSG:3857",
        transform=rasterio.Affine(width * SIDE / 64, 0, west, 0, -width * SIDE / 64, north),
    ) as dataset:
        dataset.write(values)
        box = rasterio.warp.transform_bounds("EPSG:3857", "EPSG:4326", *dataset.bounds)
    scene = feature(name, acquired, cloud_cover={"estimated": cloud}, image_statistics={"gsd": 3.0})
    w, s, e, n = box
    scene["geometry"]["coordinates"] = [[[w, s], [e, s], [e, n], [w, n], [w, s]]]
    (folder / f"{name}_metadata.json").write_text(json.dumps(scene))


@pytest.fixture(scope="module")
def service(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Running:
    folder = tmp_path_factory.mktemp("archive")
    write_scene(folder, "red", 20.25, 40.25, 1.0, 0, 0.0, "2015-01-01T00:00:00Z")  # over four quads
    write_scene(folder, "green", 20.0, 40.0, 0.5, 1, 50.0, "2015-06-01T00:00:00Z")  # behind red: cloudier
    write_scene(folder, "blue", 20.5, 40.5, 0.25, 2, 0.0, "2015-06-01T00:00:00Z")  # before red: newer
    write_scene(folder, "late", 30.0, 10.0, 0.25, 2, 0.0, "2016-01-01T00:00:00Z")
    (folder / "m.yml").write_text(
        f"- {{name: all, title: Everything, level: {LEVEL}}}\n"
        f"- {{name: early, level: {LEVEL}, product: visual, first: 2015-01-01, last: 2015-12-31, "
        "filter: {cloud_cover.estimated.lte: 20}}\n"
    )
    return serve(folder, "--mosaics", str(folder / "m.yml"))


def test_basemaps_are_described_as_kept_responses_are(service: Running) -> None:
    page = service.json("mosaics/")
    assert [m["name"] for m in page["mosaics"]] == ["all", "early"]
    assert page["links"]["prev"] is None
    basemap = service.json("mosaics/all")
    address = f"{service.root}mosaics/all"
    assert (
        basemap
        == page["mosaics"][0]
        == {
            "coordinate_system": "EPSG:3857",
            "datatype": "byte",
            "first_acquired": "2015-01-01T00:00:00+00:00",
            "last_acquired": "2016-01-01T00:00:00+00:00",
            "level": LEVEL,
            "name": "all",
            "title": "Everything",
            "quad_pattern": "L{glevel:d}-{tilex:04d}E-{tiley:04d}N",
            "quad_size": 4096,
            "resolution": pytest.approx(4.77731426716 * 2**5),
            "links": {
                "self": address,
                "quads": f"{address}/quads/",
                "quadmap": f"{address}/quad-map.png",
                "tiles": f"{service.origin}/tiles{{0-3}}/v0/mosaics/all/{{z}}/{{x}}/{{y}}.png",
            },
        }
    )
    assert service.json("mosaics/early")["last_acquired"] == "2015-06-01T00:00:00+00:00"


def test_a_quad_lies_where_its_id_says() -> None:
    from planet_vector.server.quad_grid import Quad

    quad = Quad.parse("L15-0763E-0959N")  # of a kept response
    assert quad is not None
    assert quad.lonlat == pytest.approx((-45.8789062436, -11.3507967208, -45.7031249936, -11.1784018721), abs=1e-6)
    assert [Quad.parse(t) for t in ("L15-763E-0959N", "L15-2048E-0000N", "L15-0763E-0959N/..", "x")] == [None] * 4


@pytest.mark.parametrize("past", [0.0, 1e-9, 1e-3, -1e-3])
def test_a_footprint_that_ends_with_its_quad_is_in_no_other(past: float) -> None:
    from planet_vector.server.quad_grid import Quad, quads_of

    west, south = 20 * SIDE - HALF, 40 * SIDE - HALF
    footprint = shapely.box(west - past, south - past, west + SIDE + past, south + SIDE + past)  # off by rounding
    assert list(quads_of(footprint, LEVEL)) == [Quad(LEVEL, 20, 40)]
    pixel = SIDE / 4096
    around = list(quads_of(footprint.buffer(pixel, join_style="mitre"), LEVEL))
    assert around == [Quad(LEVEL, column, row) for column in (19, 20, 21) for row in (39, 40, 41)]


def quads(service: Running, query: str = "") -> list[str]:
    return [q["id"] for q in service.json(f"mosaics/all/quads/{query}")["features"]]


def test_quads_are_listed_and_paged(service: Running) -> None:
    four = {f"L10-00{c}E-00{r}N" for c in (20, 21) for r in (40, 41)}
    assert set(quads(service)) == four | {"L10-0030E-0010N"}
    page, found = service.json("mosaics/all/quads/?count=2"), []
    assert "count" not in page
    assert page["links"]["next"].startswith(
        page["links"]["self"] + "&_page.updated.lt=2015-06-01T00%3A00%3A00%2B00%3A00"
    )
    while page["links"]["next"]:
        found += [q["id"] for q in page["features"]]
        page = requests.get(page["links"]["next"], timeout=30).json()
    assert sorted(found) == sorted(quads(service))
    quad = service.json("mosaics/all/quads/L10-0020E-0040N")
    w, s, e, n = rasterio.warp.transform_bounds(
        "EPSG:3857", "EPSG:4326", 20 * SIDE - HALF, 40 * SIDE - HALF, 21 * SIDE - HALF, 41 * SIDE - HALF
    )
    assert np.array(quad["geometry"]["coordinates"]) == pytest.approx(
        np.array([[[w, n], [w, s], [e, s], [e, n], [w, n]]])
    )
    assert quad["properties"]["num_input_scenes"] == 3
    assert quad["properties"]["percent_covered"] == pytest.approx(100 * (0.75**2 + 0.25 - 0.25**2), abs=0.05)
    inside = f"POINT({(w + e) / 2} {(s + n) / 2})"
    assert [q["id"] for q in service.json("mosaics/all/quads/", params={"intersects": inside})["features"]] == [
        "L10-0020E-0040N"
    ]
    assert service.get("mosaics/all/quads/?acquired.gte=2015-01-01").status_code == 400
    scenes = service.json("mosaics/all/quads/L10-0020E-0040N/scenes/")
    assert [s["id"] for s in scenes["features"]] == ["blue", "red", "green"]


def test_a_quad_is_a_raster(service: Running, tmp_path: Path) -> None:
    answer = service.get("mosaics/all/quads/L10-0020E-0040N/full")
    assert answer.status_code == 200
    (tmp_path / "quad.tif").write_bytes(answer.content)
    with rasterio.open(tmp_path / "quad.tif") as dataset:
        assert (dataset.count, dataset.shape, dataset.crs.to_epsg()) == (4, (4096, 4096), 3857)
        assert dataset.bounds == pytest.approx((20 * SIDE - HALF, 40 * SIDE - HALF, 21 * SIDE - HALF, 41 * SIDE - HALF))
        assert dataset.overviews(1)
        values = dataset.read()

    def at(x: float, y: float) -> list[int]:
        return [int(v) for v in values[:, int((1 - y) * 4096), int(x * 4096)]]

    assert at(0.9, 0.9) == [250, 1, 1, 255]  # red only
    assert at(0.6, 0.6) == [1, 1, 250, 255]  # blue before red
    assert at(0.4, 0.4) == [250, 1, 1, 255]  # red before green
    assert at(0.1, 0.1) == [1, 250, 1, 255]
    assert at(0.1, 0.9)[3] == 0
    part = service.get("mosaics/all/quads/L10-0020E-0040N/full", headers={"Range": "bytes=0-99"})
    assert (part.status_code, part.content) == (206, answer.content[:100])
    thumb = Image.open(io.BytesIO(service.get("mosaics/all/quads/L10-0020E-0040N/thumb?size=sm").content))
    assert thumb.size == (64, 64)


def test_tiles_of_every_zoom(service: Running) -> None:
    # Zoom 6 has a tile a quad; rows from the top.
    near = Image.open(io.BytesIO(service.get(f"mosaics/all/6/20/{63 - 40}.png").content)).convert("RGBA")
    assert near.getpixel((230, 25)) == (250, 1, 1, 255)
    assert near.getpixel((154, 102)) == (1, 1, 250, 255)
    far = Image.open(io.BytesIO(service.get("mosaics/all/2/1/1.png").content)).convert("RGBA")
    x, y = int((20.9 / 16 - 1) * 256), int((64 - 40.9) / 16 * 256 - 256)
    assert far.getpixel((x, y))[0] > 200
    deep = Image.open(io.BytesIO(service.get(f"mosaics/early/9/{20 * 8 + 7}/{(64 - 40) * 8 - 8}.png").content)).convert(
        "RGBA"
    )
    assert deep.getpixel((128, 128)) == (250, 1, 1, 255)
    shard = requests.get(service.origin + "/tiles3/v0/mosaics/all/2/1/1.png", timeout=30)
    assert shard.content == service.get("mosaics/all/2/1/1.png").content
    for nothing in ("all/6/0/0", "early/6/30/53", "all/2/4/0", "none/0/0/0"):
        assert service.get(f"mosaics/{nothing}.png").status_code == 404


def test_what_is_not_there(service: Running) -> None:
    for path in (
        "mosaics/none",
        "mosaics/none/quads/",
        "mosaics/all/quads/L10-0000E-0000N",
        "mosaics/all/quads/x/full",
        "mosaics/all/",
    ):
        assert service.get(path).status_code == 404
    assert service.get("mosaics").headers["location"] == service.root + "mosaics/"
    assert Image.open(io.BytesIO(service.get("mosaics/all/quad-map.png").content)).size == (64, 64)


class SlowIndex:
    """Stands for an index that takes long to find the scenes of a basemap."""

    def __init__(self, scenes: int = 0) -> None:
        self.asked = 0
        self.go = threading.Event()
        self._scenes = scenes

    def version(self) -> int:
        return 1

    def matching(self, *_: Any) -> List[Tuple[str, bytes, Dict[str, str]]]:
        self.asked += 1
        self.go.wait(30)
        texts = [json.dumps(feature(f"s{n}")).encode() for n in range(self._scenes)]
        names = ("visual", "analytic", "qa")
        return [(f"s{n}", text, {names[n % 3]: f"s{n}_{names[n % 3]}.tif"}) for n, text in enumerate(texts)]


def basemap_of(**fields: Any) -> BasemapDefinition:
    return BasemapDefinition("m", "M", parse_search("ortho", []), **fields)


def test_who_waits_for_a_layout_can_leave() -> None:
    index: Any = SlowIndex()
    basemap, patience = basemap_of(), Patience(60)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(basemap.layout, index, Permission())
        second = pool.submit(basemap.layout, index, Permission(), patience)
        time.sleep(0.2)
        patience.leave()
        with pytest.raises(ClientGone):
            second.result(5)
        assert not first.done()
        index.go.set()
        assert first.result(5).members == []


def test_a_basemap_is_laid_out_once_for_all_keys() -> None:
    index: Any = SlowIndex(30)
    index.go.set()
    basemap = basemap_of()
    whole = basemap.layout(index, Permission())
    assert len(whole.members) == 30 and sum(map(len, whole.quads().values())) > 0
    for names in (["visual"], ["analytic"], ["visual", "qa"], ["band_1"], *([f"p{n}", "qa"] for n in range(20))):
        layout = basemap.layout(index, Permission(products=frozenset(names)))
        shown = [member for member in layout.members for name in member.products if name in names]
        assert len(shown) == len(layout.members) == 10 * len({"visual", "analytic", "qa"} & set(names))
        within = {member.scene_id for members in layout.quads().values() for member in members}
        assert within == {member.scene_id for member in layout.members}
        assert basemap.layout(index, Permission(products=frozenset(names))) is layout
    assert index.asked == 1
    assert basemap.layout(index, Permission(name="another")) is whole


def test_more_quads_than_can_be_listed_are_refused_with_advice(serve: Serve, tmp_path: Path) -> None:
    write_scene(tmp_path, "wide", 20.0, 40.0, 4.0, 0, 0.0, "2015-01-01T00:00:00Z")
    (tmp_path / "m.yml").write_text("- {name: fine, level: 22}\n- {name: coarse, level: 10}\n")
    service = serve(tmp_path, "--mosaics", str(tmp_path / "m.yml"))
    assert [m["first_acquired"] for m in service.json("mosaics/")["mosaics"]] == ["2015-01-01T00:00:00+00:00"] * 2
    for path in ("quads/", "quad-map.png", "quads/L22-81920E-163840N"):
        start = time.monotonic()
        answer = service.get(f"mosaics/fine/{path}")
        assert time.monotonic() - start < 10
        assert answer.status_code == 422 and "needs a lower level than 22" in answer.json()["message"]
    assert service.get("mosaics/fine/6/20/23.png").status_code == 200
    assert len(service.json("mosaics/coarse/quads/")["features"]) == 16


def test_single_scenes_do_not_wait_for_a_layout(serve: Serve, tmp_path: Path) -> None:
    scenes = [feature(f"s{n:05d}", west=n % 300 - 150.0, south=n % 120 - 60.0, size=0.2) for n in range(12_000)]
    for scene in scenes:
        scene["properties"]["data"] = {"products": {"visual": {"full": ""}}}
    write_features(tmp_path / "a" / "s.json", scenes)
    (tmp_path / "m.yml").write_text("- {name: m, level: 12}\n")
    service = serve(tmp_path / "a", "--mosaics", str(tmp_path / "m.yml"))
    with ThreadPoolExecutor(20) as pool:
        tasks = [pool.submit(service.get, "mosaics/m/quads/?count=1") for _ in range(20)]
        waited = []
        while not all(task.done() for task in tasks):
            start = time.monotonic()
            assert service.get("scenes/ortho/s00007").status_code == 200
            waited.append(time.monotonic() - start)
        assert {task.result().status_code for task in tasks} == {200}
    assert max(waited) < 2, waited
