"""The service's own basemaps: tiles, quads as one raster, the scenes behind a quad."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any, Callable, Iterator, Optional
from xml.etree import ElementTree

import numpy as np
import pytest

import planet_vector
from planet_vector import rasters
from planet_vector.errors import NameSyntaxError, NotFoundError, ProtocolError, RasterAccessError
from planet_vector.geometry.boxes import Box
from planet_vector.scene import Scene

from ..conftest import HAS_FIONA, QGIS_PYTHON, ROOT, Service, Start
from ..faces import Face
from ..vector.conftest import Watched, ask
from .recording import Pair

rasterio = pytest.importorskip("rasterio")
from rasterio.warp import transform_bounds  # noqa: E402
from rasterio.windows import Window, from_bounds  # noqa: E402

from planet_vector.catalog.basemaps import Basemap, quad_at, quad_bounds, quad_place  # noqa: E402
from planet_vector.catalog.scenes_v0.client import ScenesV0  # noqa: E402
from planet_vector.collection_schema import value_at  # noqa: E402
from planet_vector.raster import basemap_quads, quad_cache  # noqa: E402
from planet_vector.raster.session import PlanetSession  # noqa: E402


@pytest.fixture(scope="module")
def with_basemap(start_service: Start, archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Service:
    path = tmp_path_factory.mktemp("mosaics") / "mosaics.yml"
    path.write_text("- name: clear\n  title: Few clouds\n  filter: {cloud_cover.estimated.lte: 40}\n")
    return start_service(archive, "--mosaics", str(path), "--access-log", str(path.with_name("access.log")))


@pytest.fixture
def served(with_basemap: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setenv("PL_API_URL", with_basemap.root)
    monkeypatch.setenv("PL_API_KEY", with_basemap.key)
    yield with_basemap


@pytest.fixture
def scene(served: Service, face: Face) -> Scene:
    return planet_vector.search(face.spell("PLANET:ortho?cloud_cover.estimated.lte=40&bbox=-170,-80,170,80"))[0]


def test_a_quad_lies_where_the_real_service_said(shared_data: Path) -> None:
    """Rows are counted from the south; the places are those of a kept response."""
    listed = json.loads((shared_data / "get-mosaic-quads.json").read_text())["features"]
    basemap = Basemap("color_balance_mosaic", 15, 4096, "", "")
    for quad in listed:
        ring = np.array(quad["geometry"]["coordinates"][0])
        west, south, east, north = transform_bounds("EPSG:3857", "EPSG:4326", *quad_bounds(basemap, quad["id"]))
        found = (west, south, east, north)
        assert found == pytest.approx((*ring.min(axis=0), *ring.max(axis=0)), abs=1e-7)
    for bad in ("L14-0763E-0959N", "L15-2048E-0000N", "L15-0763E-0959S", "../x"):
        with pytest.raises(ProtocolError):
            quad_bounds(basemap, bad)


def test_quads_within_a_box_are_asked_for_by_the_box(served: Service, scene: Scene) -> None:
    catalog = planet_vector.connect()
    basemap = catalog.basemaps.named("clear")
    listed = list(catalog.basemaps.quads(basemap, Box(-180, -85, 180, 85)))
    everywhere = {quad.id for quad in listed}
    there = {quad.id for quad in catalog.basemaps.quads(basemap, Box(*scene.footprint.bounds))}
    assert there and there < everywhere
    assert there == {quad.id for quad in listed if quad.footprint.intersects(scene.footprint.envelope)}


def test_the_quads_of_an_area_and_the_tiles_show_the_same(served: Service, scene: Scene) -> None:
    box = scene.footprint.bounds
    found = []
    text = ",".join(map(str, box))
    for name in (f"PLANET:basemaps/clear?bbox={text}", "PLANET:basemaps/clear"):
        with rasters.open_product(name) as dataset:
            assert dataset.crs.to_epsg() == 3857 and dataset.count == 4
            bounds = transform_bounds("EPSG:4326", dataset.crs, *box)
            window = from_bounds(*bounds, transform=dataset.transform).round_offsets().round_lengths()
            found.append(dataset.read(window=window, out_shape=(4, 80, 80)).astype(int))
    assert (found[0][3] > 0).mean() > 0.5
    # Both are resampled, each in its own way: alike, not the same.
    assert np.abs(found[0] - found[1]).mean() < 4


def test_one_quad_is_a_file_like_any_other(served: Service, scene: Scene) -> None:
    catalog = planet_vector.connect()
    basemap = catalog.basemaps.named("clear")
    quad = next(catalog.basemaps.quads(basemap, Box(*scene.footprint.bounds)))
    with rasters.open_product(f"PLANET:basemaps/clear/{quad.id}") as dataset:
        assert dataset.shape == (4096, 4096)
        assert tuple(dataset.bounds) == pytest.approx(quad_bounds(basemap, quad.id), abs=1e-6)


def test_the_scenes_behind_a_quad_are_found(served: Service, scene: Scene) -> None:
    catalog = planet_vector.connect()
    quads = list(catalog.basemaps.quads(catalog.basemaps.named("clear"), Box(*scene.footprint.bounds)))
    behind = {found.id for quad in quads for found in catalog.basemaps.scenes(quad)}
    assert scene.id in behind
    found = catalog.basemaps.scenes(quads[0])
    column, row = quad_place(catalog.basemaps.named("clear"), quads[0].id)
    listed = ask(served, f"mosaics/clear/quads/L15-{column:04}E-{row:04}N/scenes/")["features"]
    assert sorted(scene.id for scene in found) == sorted(scene["id"] for scene in listed)
    assert all(found_scene.scene_type == "ortho" for found_scene in found)


def test_what_is_not_there_is_said(served: Service) -> None:
    with pytest.raises(NotFoundError, match="no basemap 'nosuch'"):
        rasters.open_product("PLANET:basemaps/nosuch")
    with pytest.raises(RasterAccessError, match="no quad"):
        rasters.open_product("PLANET:basemaps/clear?bbox=0,0,0.01,0.01")
    with pytest.raises(RasterAccessError, match="antimeridian"):
        rasters.open_product("PLANET:basemaps/clear?bbox=170,0,-170,1")
    with pytest.raises(ValueError, match="bbox"):
        rasters.open_product("PLANET:basemaps/clear?bbox=1,2,3")


def test_an_area_is_not_opened_as_the_globe(
    served: Service, call: Callable[..., Any], tmp_path: Path, scene: Scene
) -> None:
    name = f"PLANET:basemaps/clear?intersects={scene.footprint.wkt}"
    for opened in (planet_vector.open, rasters.open_tiles, rasters.resolve):
        with pytest.raises(NameSyntaxError, match="'intersects' is not a parameter of a basemap's raster: give bbox="):
            opened(name)
    done = call("mosaic", name, "-o", str(tmp_path / "globe.vrt"))
    assert done.returncode != 0 and "give bbox=" in done.stderr and not (tmp_path / "globe.vrt").exists()


def test_quads_at_180_are_those_of_both_sides(start_service: Start, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    for number, west in enumerate((179.0, -180.0), 1):
        path = folder / f"2015060{number}_100000_0b0a_visual.tif"
        place = rasterio.transform.from_bounds(west, 8.5, west + 1, 9.5, 64, 64)
        with rasterio.open(
            path, "w", driver="GTiff", count=3, dtype="uint8", width=64, height=64, crs="EPSG:4326", transform=place
        ) as dataset:
            dataset.write(np.full((3, 64, 64), 200, "uint8"))
    (tmp_path / "mosaics.yml").write_text("- {name: all, title: All, level: 10}\n")
    service = start_service(folder, "--mosaics", str(tmp_path / "mosaics.yml"))
    catalog = planet_vector.connect(service.root, service.key)
    basemap = catalog.basemaps.named("all")
    found = [
        {quad_place(basemap, quad.id)[0] for quad in catalog.basemaps.quads(basemap, area)}
        for area in ("POINT(180 9)", "POINT(-180 9)", Box(180, 9, 180, 9), Box(-180, 9, -180, 9))
    ]
    assert found == [{0, basemap.across - 1}] * 4
    for longitude in (180.0, -180.0):
        quad = quad_at(catalog.basemaps, basemap, longitude, 9.0)
        assert quad is not None and quad_place(basemap, quad.id)[0] == 0  # the eastern one of its edges
    with pytest.raises(RasterAccessError, match="antimeridian"):
        basemap_quads.open_quads(catalog, "all", Box(180, 8, 180, 10))


# ---- as GDAL's own driver for basemaps does ---------------------------------------------------------------

BOX = "11.99,47.88,12.01,47.9"  # within one quad
QUAD = "L15-1092E-1335N"
TILE = re.compile(r"/(mosaics/clear|planet-tiles/clear/gmap)/\d+/\d+/\d+\.png")
NAME = f"PLANET:basemaps/clear?bbox={BOX}"


@pytest.fixture
def watched(served: Service, with_basemap_log: Path) -> Watched:
    found = Watched(served, with_basemap_log)
    found.requests()
    return found


@pytest.fixture
def with_basemap_log(served: Service) -> Path:
    command = served.process.args
    assert isinstance(command, list)
    return Path(command[command.index("--access-log") + 1])


def test_a_picture_of_quads_is_made_of_tiles_and_a_window_of_quads(watched: Watched, face: Face) -> None:
    with rasters.open_product(NAME) as dataset:
        assert dataset.overviews(1) == [2, 4, 8, 16]
        watched.requests()
        small = dataset.read(out_shape=(4, 256, 256))
        asked = watched.requests()
        assert asked and all(TILE.search(path) for path in asked)
        whole = dataset.read()
        assert any(path.endswith(f"{face.spell(QUAD)}/full") for path in watched.requests())
    mean = whole.reshape(4, 256, 16, 256, 16).mean(axis=(2, 4))
    inside = (mean[3] == 255) & (small[3] == 255)
    assert inside.mean() > 0.1
    # Each is made of the scenes in its own way: places are the same, colours alike.
    assert np.abs(mean[:3, inside] - small[:3, inside]).mean() < 6


def test_the_scenes_behind_a_pixel_are_told(served: Service, face: Face) -> None:
    listed = ask(served, f"mosaics/clear/quads/{QUAD}/scenes/")["features"]
    documents = face.documents(served.root, served.key, listed)
    with rasters.open_product(NAME) as dataset, rasters.open_tiles("PLANET:basemaps/clear") as tiles:
        column, row = (
            int(index) for index in ~dataset.transform * transform_bounds(4326, 3857, 12, 47.89, 12, 47.89)[:2]
        )
        told = [
            dataset.get_tag_item(f"Pixel_{column}_{row}", "LocationInfo", bidx=1),
            dataset.get_tag_item("GeoPixel_12.0_47.89", "LocationInfo"),
            tiles.get_tag_item("GeoPixel_12.0_47.89", "LocationInfo"),
        ]
        assert dataset.get_tag_item("GeoPixel_0_0", "LocationInfo") is None
        assert dataset.get_tag_item("GeoPixel_0_90", "LocationInfo") is None
        assert dataset.get_tag_item("Pixel_x_y", "LocationInfo") is None
        assert dataset.get_tag_item("nosuch") is None
    for text in told:
        root = ElementTree.fromstring(text)
        assert root.tag == "LocationInfo" and root.findtext("Quad") == face.spell(QUAD)
        found = {scene.findtext("id"): scene.findtext("link") for scene in root.iterfind("Scenes/Scene")}
        assert found and found == {scene["id"]: value_at(scene, face.link_to_self) for scene in documents}
        assert served.key not in text


def test_stock_programs_open_what_a_basemap_holds(
    served: Service, face: Face, run: Callable[..., Any], newer_python: Optional[str]
) -> None:
    """In GDAL 3.6 (gdalinfo), 3.10 (rasterio) and 3.12, by names that hold no key."""
    with rasters.open_product(NAME) as dataset:
        expected = [dataset.checksum(band) for band in (1, 4)]
    said = run("gdalinfo", "PLANET:basemaps", env=served.environ).stdout
    assert "SUBDATASET_1_NAME=PLANET:basemaps/clear\n" in said
    said = run("gdalinfo", NAME, env=served.environ).stdout
    names = re.findall(r"SUBDATASET_\d_NAME=(.*)", said)
    assert re.findall(r"SUBDATASET_\d_DESC=(.*)", said) == [
        "tiles of basemap clear, the globe down to zoom 15",
        "1 quad of basemap clear as one raster",
        f"quad {face.spell(QUAD)} of basemap clear",
    ]
    assert served.key not in said
    for path in names[:2]:
        assert Path(path).stat().st_mode & 0o777 == 0o600
    assert served.key not in Path(names[1]).read_text()
    bare = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "TMPDIR": os.environ["TMPDIR"]}
    code = "import rasterio, sys\nfor name in sys.argv[1:]:\n d = rasterio.open(name)\n"
    code += " print(d.checksum(1), d.checksum(4))"
    for name in names[1:]:
        done = run("gdalinfo", "-checksum", name, env=bare)
        assert (done.returncode, done.stderr) == (0, "")
        found = [int(number) for number in re.findall(r"Checksum=(\d+)", done.stdout)]
        assert [found[0], found[3]] == expected
    for python in filter(None, (sys.executable, newer_python)):
        done = run(python, "-c", code, *names[1:], env=bare)
        assert done.stdout.split() == [str(number) for number in expected] * 2, done.stderr
    done = run("gdal_translate", "-q", "-projwin", "11.99", "47.9", "12.01", "47.88", "-projwin_srs", "EPSG:4326",
               "-outsize", "64", "64", "-of", "XYZ", "-b", "4", names[0], "/vsistdout/", env=bare)  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert {line.split()[2] for line in done.stdout.splitlines()} == {"255"}
    done = run("gdalinfo", "-mdd", "LocationInfo/GeoPixel_12_47.89", "PLANET:basemaps/clear", env=served.environ)
    assert f"<Quad>{face.spell(QUAD)}</Quad><Scenes><Scene><id>" in done.stdout


def test_a_program_that_takes_layers_only_asks_for_no_raster(watched: Watched, run: Callable[..., Any]) -> None:
    assert run("ogrinfo", "-al", "-q", NAME, env=watched.service.environ).returncode == 0
    assert not [path for path in watched.requests() if "/full" in path]


def test_a_saved_vrt_of_quads_holds_no_key(served: Service, tmp_path: Path) -> None:
    from planet_vector.raster.session import PlanetSession

    with rasters.open_product(NAME) as dataset:
        dataset.save_vrt(tmp_path / "quads.vrt")
        window = rasterio.windows.Window(1500, 3000, 64, 64)
        expected = dataset.read(window=window)
    assert served.key not in (tmp_path / "quads.vrt").read_text()
    with rasterio.Env(session=PlanetSession()), rasterio.open(tmp_path / "quads.vrt") as saved:
        assert np.array_equal(saved.read(window=window), expected)


# ---- kept on disk ----------------------------------------------------------------------------------------


def test_a_quad_is_kept_when_it_is_looked_at(watched: Watched, face: Face) -> None:
    def asked() -> int:
        return sum(path.endswith("/full") for path in watched.requests())

    window = rasterio.windows.Window(1500, 3000, 64, 64)
    with rasters.open_product(NAME) as dataset:
        expected = dataset.read(window=window), dataset.dataset_mask(window=window)
    watched.requests()
    with rasters.open_product(NAME, cache=True) as dataset:
        dataset.read(out_shape=(4, 256, 256))
        assert asked() == 0
        assert np.array_equal(dataset.read(window=window), expected[0])
        assert asked() == 2  # which version, then all of it
        assert np.array_equal(dataset.dataset_mask(window=window), expected[1])
        assert asked() == 0
    (file,) = (Path(os.environ["HOME"]) / ".cache").rglob(f"{face.spell(QUAD)}.tif")
    assert watched.service.key not in str(file)
    with rasters.open_product(NAME, cache=True) as dataset:  # another day
        assert np.array_equal(dataset.read(window=window), expected[0])
        assert asked() == 1
    for path in file.parent.glob("*"):
        path.unlink()
    with rasters.open_product(NAME, cache=True) as dataset:
        assert np.array_equal(dataset.read_masks(1, window=window), expected[1])


def test_a_kept_quad_is_asked_about_and_fetched_when_it_changed(
    pair: Pair, catalog: ScenesV0, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair.data = b"II*\0" + b"one" * 1000

    def sent() -> list[int]:
        found = [request.sent for request in pair.api.seen]
        pair.forget()
        return found

    for case in ("direct", "signed"):
        link = pair.link(case)
        cache = quad_cache.QuadCache(catalog)
        path = cache.get("m", case, link)
        assert path.read_bytes() == pair.data
        pair.forget()
        assert cache.get("m", case, link) == path
        assert sent() == []
        again = quad_cache.QuadCache(catalog)
        again.get("m", case, link)
        assert sum(sent()) <= 1
        pair.data = b"II*\0" + b"twotwo" * 500 + case.encode()
        assert quad_cache.QuadCache(catalog).get("m", case, link).read_bytes() == pair.data
        # A file that was cut short by something else is not taken for the quad.
        path.write_bytes(b"tw")
        assert quad_cache.QuadCache(catalog).get("m", case, link).read_bytes() == pair.data
        pair.data = b"II*\0" + b"one" * 1000
    assert not pair.store.with_key


def test_quads_not_used_for_longest_go_first(pair: Pair, catalog: ScenesV0, monkeypatch: pytest.MonkeyPatch) -> None:
    pair.data = b"II*\0" + bytes(996)
    monkeypatch.setattr(quad_cache, "MOST_BYTES", 3500)
    cache = quad_cache.QuadCache(catalog)
    paths = []
    for number in range(5):
        paths.append(cache.get("m", f"q{number}", pair.link("direct")))
        for age, path in enumerate(reversed(paths)):
            if path.exists():
                os.utime(path, (1e9 - age, 1e9 - age))
        os.utime(paths[0], (2e9, 2e9))  # in use all the time
    assert [path.exists() for path in paths] == [True, False, False, True, True]
    assert len(list(paths[0].parent.iterdir())) == 6  # a note each


# ---- hostile sources -------------------------------------------------------------------------------------

READ_VRT = """
import sys
sys.path.insert(0, sys.argv[2])
from one_build import Library, Osgeo
gdal = Osgeo() if sys.argv[1] == "osgeo" else Library(sys.argv[1])
gdal.drivers = ["VRT"]
print(gdal.version)
try:
    dataset = gdal.open(sys.argv[3], {})
    gdal.read(dataset)
except RuntimeError as error:
    print("refused:", error)
"""


@pytest.mark.parametrize("build", ["osgeo", *(["fiona"] if HAS_FIONA else []), "rasterio", "pyogrio"])
def test_a_source_that_is_no_geotiff_is_refused_in_every_build(
    build: str, pair: Pair, geotiff: Path, run: Callable[..., Any], tmp_path: Path
) -> None:
    """A service that gives a VRT of a local file in a quad's place gets it opened by nobody."""
    from planet_vector.names import ONLY_GEOTIFF
    from planet_vector.raster.gdal_xml import Placed, quads_description

    if build == "osgeo" and not QGIS_PYTHON.exists():
        pytest.skip("Debian's Python with GDAL is not set up: run 'make test'")
    pair.key = ""
    pair.data = (
        "<VRTDataset rasterXSize='4096' rasterYSize='4096'>"
        + "".join(
            f"<VRTRasterBand dataType='Byte' band='{band}'><SimpleSource><SourceFilename>{geotiff}</SourceFilename>"
            f"<SourceBand>{band}</SourceBand></SimpleSource></VRTRasterBand>"
            for band in (1, 2, 3, 4)
        )
        + "</VRTDataset>"
    ).encode()
    basemap = Basemap("m", 15, 4096, "", "")
    python = str(QGIS_PYTHON) if build == "osgeo" else sys.executable
    outcomes = {}
    for prefix in (ONLY_GEOTIFF, ""):
        quad = Placed(f"{prefix}/vsicurl/{pair.link('direct')}", quad_bounds(basemap, "L15-0763E-0959N"))
        text = quads_description(basemap, [quad])
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "TMPDIR": os.environ["TMPDIR"],
            "PYTHONPATH": str(ROOT),
        }
        done = run(python, "-c", READ_VRT, build, str(Path(__file__).parent), text, env=env)
        assert done.returncode == 0, done.stderr
        outcomes[prefix] = done.stdout
    assert "refused: " in outcomes[ONLY_GEOTIFF] and "Not a TIFF" in outcomes[ONLY_GEOTIFF]
    assert "refused" not in outcomes[""]  # so it is the prefix that does it


LATER = """
import planet_vector
from planet_vector import rasters
SEARCH = "PLANET:ortho?limit=3&cloud_cover.estimated.lte=40&bbox=11,47,13,49"
for broken in ("", "x"):  # JSON in place of a TIFF; nothing
    *others, top = sorted(planet_vector.search(SEARCH), key=lambda scene: scene.acquired)
    for scene in others:
        links, name = LINK(scene.feature)
        links[name] = links[name] + broken if broken else scene.link("self")
    try:
        with rasters.open_mosaic([*others, top]) as dataset:
            dataset.read()
        print("READ")
    except (planet_vector.RasterAccessError, planet_vector.ServiceError) as error:
        print("refused:", error)
"""


LINK = {
    "v0": 'lambda scene: (scene["properties"]["data"]["products"]["visual"], "full")',
    "data_v1": 'lambda scene: (scene["_links"], "assets")',
}
"""Code that returns where a scene has the link that leads to its product, by service."""


@pytest.mark.parametrize("build", ["rasterio", "newer rasterio"])
def test_a_scene_that_is_no_geotiff_or_not_there_leaves_no_hole_in_a_mosaic(
    build: str, served: Service, face: Face, run: Callable[..., Any], newer_python: Optional[str]
) -> None:
    python = sys.executable if build == "rasterio" else newer_python
    if python is None:
        return  # no Python 3.12 here: said in the table of the access matrix
    code = f"LINK = {LINK[face.name]}\n{face.spell(LATER)}"
    done = run(python, "-c", code, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.stdout.count("refused: ") == 2, done.stdout + done.stderr
    assert "READ" not in done.stdout
    assert served.key not in done.stdout


@pytest.mark.only_v0("the saved file names links of v0")
def test_a_saved_vrt_of_quads_and_an_old_name_open(served: Service, tmp_path: Path) -> None:
    """The VRT is what commit 8205d2a saved of ``PLANET:mosaics/clear?bbox=11.99,47.88,12.01,47.9``."""
    path = tmp_path / "quads.vrt"
    saved = (Path(__file__).parent / "before" / "quads.vrt").read_text()
    path.write_text(saved.replace("//SERVICE", "//" + served.url.split("/")[2]))
    where = "clear?bbox=11.99,47.88,12.01,47.9"
    with planet_vector.open(f"PLANET:basemaps/{where}") as dataset:
        expected = dataset.read(window=Window(1060, 3840, 64, 64))
    assert expected.any()
    with planet_vector.open(f"planet://mosaics/{where}") as dataset:
        assert np.array_equal(dataset.read(window=Window(1060, 3840, 64, 64)), expected)
    with rasterio.Env(session=PlanetSession()), rasterio.open(path) as dataset:
        assert np.array_equal(dataset.read(window=Window(1060, 3840, 64, 64)), expected)
    assert planet_vector.resolve(f"PLANET:mosaics/{where}") == planet_vector.resolve(f"PLANET:basemaps/{where}")
