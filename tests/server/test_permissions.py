"""What a key may see: every route, for keys of some types and products, and the pixels that come."""

from __future__ import annotations

import io
import json
from typing import Any, Dict, NamedTuple, Optional, Set, Tuple

import numpy as np
import pytest
import rasterio
import rasterio.warp
import requests
from PIL import Image

from planet_vector.server.api.permissions import digest

from .conftest import Running, Serve, feature

HALF = 20037508.342789244
SIDE = 2 * HALF / 64  # a quad of level 10, and a tile of zoom 6
COLOURS = {
    ("a", "visual"): (250, 10, 10),
    ("a", "analytic"): (10, 250, 10),
    ("a", "unrectified"): (90, 90, 90),
    ("b", "analytic"): (10, 10, 250),
    ("LC81300472015235LGN00", "qa"): (200, 200, 10),
}
LANDSAT = "LC81300472015235LGN00"
PLACES = {"a": (0.0, 0.0), "b": (0.5, 0.0), LANDSAT: (0.0, 0.5)}  # within the quad 20, 40, in quads
TIMES = {"a": "2015-01-01T00:00:00+00:00", "b": "2016-01-01T00:00:00+00:00", LANDSAT: "2015-08-23T00:00:00+00:00"}
QUAD = "L10-0020E-0040N"


class Sees(NamedTuple):
    """What a key may see, written down by hand.

    Attributes
    ----------
    shown : dict of str to str or None
        The product that pictures of each scene show; None for 403.
    whole : set of str
        Scenes of the mosaic without a product.
    """

    types: Set[str]
    shown: Dict[str, Optional[str]]
    mosaics: Set[str]
    whole: Set[str]


KEYS: Dict[str, Tuple[Dict[str, Any], Sees]] = {
    "all": ({}, Sees({"ortho", "landsat", "rapideye"}, {"a": "visual", "b": "analytic", LANDSAT: "qa"},
                     {"best", "seen", "raw", "land"}, {"a", "b"})),
    "visual": ({"products": ["visual"]},
               Sees({"ortho", "landsat", "rapideye"}, {"a": "visual", "b": None, LANDSAT: None},
                    {"best", "seen", "land"}, {"a"})),
    "analytic": ({"products": ["analytic", "qa"]},
                 Sees({"ortho", "landsat", "rapideye"}, {"a": "analytic", "b": "analytic", LANDSAT: "qa"},
                      {"best", "raw", "land"}, {"a", "b"})),
    "ortho": ({"scene_types": ["ortho"]}, Sees({"ortho"}, {"a": "visual", "b": "analytic", LANDSAT: None},
                                               {"best", "seen", "raw"}, {"a", "b"})),
    "landsat": ({"scene_types": ["landsat"]}, Sees({"landsat"}, {"a": None, "b": None, LANDSAT: "qa"},
                                                   {"land"}, set())),
    "nothing": ({"products": ["band_9"]}, Sees({"ortho", "landsat", "rapideye"}, {"a": None, "b": None, LANDSAT: None},
                                               {"best", "land"}, set())),
}  # fmt: skip


@pytest.fixture(scope="module")
def service(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Running:
    folder = tmp_path_factory.mktemp("archive")
    for (scene, product), colour in COLOURS.items():
        west, north = (20 + PLACES[scene][0]) * SIDE - HALF, (40.5 + PLACES[scene][1]) * SIDE - HALF
        with rasterio.open(
            folder / f"{scene}_{product}.tif", "w", driver="GTiff", count=3, dtype="uint8", width=64, height=64,
            crs="EPSG:3857", photometric="RGB", transform=rasterio.Affine(SIDE / 128, 0, west, 0, -SIDE / 128, north),
        ) as dataset:  # fmt: skip
            dataset.write(np.repeat(np.array(colour, "uint8"), 64 * 64).reshape(3, 64, 64))
            w, s, e, n = rasterio.warp.transform_bounds("EPSG:3857", "EPSG:4326", *dataset.bounds)
        document = feature(scene, TIMES[scene], image_statistics={"gsd": 3.0})
        document["geometry"]["coordinates"] = [[[w, s], [e, s], [e, n], [w, n], [w, s]]]
        (folder / f"{scene}_metadata.json").write_text(json.dumps(document))
    files = tmp_path_factory.mktemp("files")
    (files / "m.yml").write_text(
        "- {name: best, level: 10}\n- {name: seen, level: 10, product: visual}\n"
        "- {name: raw, level: 10, product: analytic}\n- {name: land, level: 10, scene_type: landsat}\n"
    )
    entries = [{"name": name, "hash": digest(name), **limits} for name, (limits, _) in KEYS.items()]
    (files / "k.yml").write_text(json.dumps(entries))
    (files / "k.yml").chmod(0o600)
    return serve(folder, "--mosaics", str(files / "m.yml"), "--keys", str(files / "k.yml"))


def type_of(scene: str) -> str:
    return "landsat" if scene == LANDSAT else "ortho"


def colour_of(answer: requests.Response, x: float = 0.5, y: float = 0.5) -> Optional[Tuple[int, ...]]:
    """Return the colour at a place of a picture, or None where it is empty."""
    assert answer.status_code == 200, answer.text
    picture = Image.open(io.BytesIO(answer.content)).convert("RGBA")
    pixel = picture.getpixel((int(x * picture.width), int(y * picture.height)))
    return pixel[:3] if pixel[3] else None


# Each way round, so that what is kept for one key could come to the other.
@pytest.mark.parametrize("name", [*KEYS, *reversed(KEYS)])
def test_pictures_of_scenes_show_what_the_key_permits(service: Running, name: str) -> None:
    sees = KEYS[name][1]
    for scene, product in sees.shown.items():
        path = f"scenes/{type_of(scene)}/{scene}"
        row = 63 - 40
        tile = f"{path}/6/20/{row}.png"
        for picture in ("thumb", "square-thumb", "thumb?size=lg", "thumb?format=jpg", tile.removeprefix(f"{path}/")):
            answer = service.get(f"{path}/{picture}", auth=(name, ""))
            if product is None:
                assert answer.status_code == 403 and "not permit" in answer.json()["message"], (scene, picture)
                continue
            at = (PLACES[scene][0] + 0.25, 0.75 - PLACES[scene][1]) if picture.endswith(".png") else (0.5, 0.5)
            colour = colour_of(answer, *at)
            assert colour is not None
            off = np.abs(np.subtract(colour, COLOURS[scene, product])).max()
            assert off <= (6 if "jpg" in picture else 0), (scene, picture, colour)


@pytest.mark.parametrize("name", KEYS)
def test_scenes_and_products_are_those_that_the_key_permits(service: Running, name: str) -> None:
    limits, sees = KEYS[name]
    assert set(service.json("scenes/", auth=(name, ""))) == sees.types
    metrics = service.get("../metrics", auth=(name, "")).text
    counted = {line.split('"')[1] for line in metrics.splitlines() if line.startswith("planet_scenes{")}
    assert counted == sees.types & {"ortho", "landsat"}
    for scene in PLACES:
        path = f"scenes/{type_of(scene)}/{scene}"
        known = {product for of, product in COLOURS if of == scene}
        allowed = known & set(limits.get("products", known))
        answer = service.get(path, auth=(name, ""))
        if type_of(scene) not in sees.types:
            assert [
                service.get(p, auth=(name, "")).status_code for p in (path, path + "/full", f"scenes/{type_of(scene)}/")
            ] == [403] * 3
            continue
        assert set(answer.json()["properties"]["data"]["products"]) == allowed
        for product in known:
            status = service.get(f"{path}/full?product={product}", auth=(name, "")).status_code
            assert status == (200 if product in allowed else 403)


@pytest.mark.parametrize("name", [*KEYS, *reversed(KEYS)])
def test_mosaics_are_made_of_what_the_key_permits(service: Running, name: str) -> None:
    sees = KEYS[name][1]
    listed = {m["name"]: m for m in service.json("mosaics/", auth=(name, ""))["mosaics"]}
    assert set(listed) == sees.mosaics
    paths = ("", "/quads/", f"/quads/{QUAD}", f"/quads/{QUAD}/full", f"/quads/{QUAD}/thumb", f"/quads/{QUAD}/scenes/",
             "/quad-map.png", "/6/20/23.png")  # fmt: skip
    for hidden in {"best", "seen", "raw", "land"} - sees.mosaics:
        for path in paths:
            answer = service.get(f"mosaics/{hidden}{path}", auth=(name, ""))
            # As if it were not there.
            assert (answer.status_code, answer.json()["message"]) == (404, f"There is no basemap {hidden!r}."), path
    expected = {
        "best": {(scene, sees.shown[scene]) for scene in sees.whole},
        "seen": {("a", "visual")},
        "raw": {("a", "analytic"), ("b", "analytic")},
        "land": {(LANDSAT, "qa")} if sees.shown[LANDSAT] else set(),
    }
    for mosaic in sees.mosaics:
        base = f"mosaics/{mosaic}"
        drawn = expected[mosaic]
        times = sorted(TIMES[scene] for scene, _ in drawn)
        assert (listed[mosaic]["first_acquired"], listed[mosaic]["last_acquired"]) == (
            (times[0], times[-1]) if times else (None, None)
        )
        assert service.json(base, auth=(name, "")) == listed[mosaic]
        quads = service.json(f"{base}/quads/", auth=(name, ""))["features"]
        marked = np.asarray(Image.open(io.BytesIO(service.get(f"{base}/quad-map.png", auth=(name, "")).content)))
        assert (marked[..., 3] > 0).sum() == len(quads) == (1 if drawn else 0)
        tile = service.get(f"{base}/6/20/23.png", auth=(name, ""))
        if not drawn:
            assert tile.status_code == 404
            assert {service.get(base + path, auth=(name, "")).status_code for path in paths[2:6]} == {404}
            continue
        quad = service.json(f"{base}/quads/{QUAD}", auth=(name, ""))
        assert quad == quads[0]
        assert quad["properties"]["num_input_scenes"] == len(drawn)
        assert quad["properties"]["percent_covered"] == pytest.approx(25 * len(drawn), abs=0.1)
        assert quad["properties"]["updated"] == times[-1]
        scenes = service.json(f"{base}/quads/{QUAD}/scenes/", auth=(name, ""))
        assert {f["id"] for f in scenes["features"]} == {scene for scene, _ in drawn}
        assert scenes["count"] == len(drawn)
        limits = KEYS[name][0].get("products")
        for shown in scenes["features"]:
            assert limits is None or set(shown["properties"]["data"]["products"]) <= set(limits)
        full = service.get(f"{base}/quads/{QUAD}/full", auth=(name, ""))
        with rasterio.MemoryFile(full.content) as memory, memory.open() as dataset:
            pixels = dataset.read()
        thumb = service.get(f"{base}/quads/{QUAD}/thumb?size=lg", auth=(name, ""))
        for scene, (across, up) in PLACES.items():
            product = dict(drawn).get(scene)
            colour = COLOURS[scene, product] if product else None
            x, y = across + 0.25, 0.75 - up
            assert colour_of(tile, x, y) == colour, (mosaic, scene)
            assert colour_of(thumb, x, y) == colour, (mosaic, scene)
            found = pixels[:, int(y * 4096), int(x * 4096)].tolist()
            assert (tuple(found[:3]) if found[3] else None) == colour, (mosaic, scene)
