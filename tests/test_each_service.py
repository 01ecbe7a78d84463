"""One archive behind each kind of service: the same scenes, the same pixels, the same files.

Expected values are read from the archive itself: its metadata files, and its rasters through rasterio.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest

import planet_vector
from planet_vector.connection_file import add_connection
from planet_vector.keys import Key, lend_key, withdraw_key
from planet_vector.scene import Scene
from planet_vector.vector.result_cache import CACHE

from .conftest import HAS_FIONA, Service

rasterio = pytest.importorskip("rasterio")
np = pytest.importorskip("numpy")
pyogrio = pytest.importorskip("pyogrio")
shapely = pytest.importorskip("shapely")

# Before any test: each runs without the variable that names the driver, and a library registers its drivers once.
planet_vector.register()
with rasterio.Env():
    pass
if HAS_FIONA:
    import fiona

    with fiona.Env():
        pass

pytestmark = pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")  # odc-geo's

NAME = "each"
MONTH = datetime(2015, 6, 1, tzinfo=timezone.utc), datetime(2015, 7, 1, tzinfo=timezone.utc)
BOX = 11.96, 47.86, 11.99, 47.88


@dataclass(frozen=True)
class Face:
    """One kind of service in front of the archive, and how it spells what all of them have.

    Attributes
    ----------
    kind, path : str
        Kind of the connection, and path of its root.
    search : str
        Format of a name, of a collection and parameters.
    time, cover : str
        Properties of the time of acquisition and of the cloud cover.
    full : float
        Full cloud cover.
    """

    kind: str
    path: str
    search: str
    time: str
    cover: str
    full: float

    def name(self, collection: str = "ortho", **parameters: Any) -> str:
        """Return the name of a search; ``_gte`` at the end of a parameter is a comparator."""
        words = {"acquired": self.time, "cloud": self.cover}
        text = []
        for parameter, value in parameters.items():
            what, _, comparator = parameter.partition("_")
            text.append(f"{words.get(what, what)}{comparator and '.'}{comparator}={value}")
        return self.search.format(collection, "&".join(text)).rstrip("&?")

    def raster(self, scene_id: str, products: str, collection: str = "ortho") -> str:
        """Return the name of a product."""
        return self.search.replace("{}?", f"{collection}/{scene_id}/{products}?").format("").rstrip("&?")


FACES = (
    Face("v0", "/v0/", f"PLANET:{{}}?connection={NAME}&{{}}", "acquired", "cloud_cover.estimated", 100),
    Face("data-v1", "/data/v1/", f"PLANET:{{}}?connection={NAME}&{{}}", "acquired", "cloud_cover", 1),
    Face("stac", "/stac/", f"STAC:{NAME}/{{}}?{{}}", "datetime", "eo:cloud_cover", 100),
)


@pytest.fixture(params=FACES, ids=lambda face: face.kind)
def face(request: pytest.FixtureRequest, service: Service) -> Iterator[Face]:
    """Return each kind of service, as a connection with its key."""
    found: Face = request.param
    root = service.url.replace("/v0/", found.path)
    add_connection(NAME, root, found.kind)
    lend_key(root, Key(service.key))
    CACHE.clear()
    yield found
    withdraw_key(root)
    CACHE.clear()


@pytest.fixture(scope="module")
def stored(archive: Path) -> Dict[str, Dict[str, Any]]:
    """Return the metadata of the archive's ortho scenes by id."""
    files = sorted(archive.glob("2015*_metadata.json"))
    scenes = [json.loads(path.read_text()) for path in files if "RapidEye" not in path.name]
    return {scene["id"]: scene for scene in scenes}


def acquired(scene: Dict[str, Any]) -> datetime:
    return datetime.fromisoformat(scene["properties"]["acquired"])


def clouds(scene: Dict[str, Any]) -> float:
    return float(scene["properties"]["cloud_cover"]["estimated"])


def pixels(path: Path) -> Any:
    with rasterio.open(path) as dataset:
        return dataset.read()


# ---- layers ----------------------------------------------------------------------------------------------


def test_all_scenes_are_found_with_time_cover_footprint_and_products(face: Face, stored: Dict[str, Any]) -> None:
    found: List[Scene] = list(planet_vector.search(face.name()))
    assert sorted(scene.id for scene in found) == sorted(stored)
    for scene in found:
        metadata = stored[scene.id]
        assert scene.acquired == acquired(metadata)
        assert scene.cloud_cover == clouds(metadata)
        assert scene.footprint.equals(shapely.geometry.shape(metadata["geometry"]))
        assert sorted(scene.products) == sorted(metadata["properties"]["data"]["products"])


Read = Callable[[str, str], List[str]]


def _read_fiona(name: str, where: str) -> List[str]:
    with fiona.open(name) as layer:
        return [row["properties"]["id"] for row in layer.filter(where=where or None)]


def _read_pyogrio(name: str, where: str) -> List[str]:
    return list(pyogrio.read_dataframe(name, where=where or None)["id"])


def _read_arrow(name: str, where: str) -> List[str]:
    return list(pyogrio.read_dataframe(name, where=where or None, use_arrow=True)["id"])


READERS = [_read_pyogrio, _read_arrow, *([_read_fiona] if HAS_FIONA else [])]


@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__[6:])
def test_conditions_in_names_and_in_sql_select_the_same(face: Face, stored: Dict[str, Any], read: Read) -> None:
    least, most = MONTH
    wanted = sorted(i for i, s in stored.items() if least <= acquired(s) < most and clouds(s) <= 20)
    assert 3 < len(wanted) < len(stored)
    parameters = {"acquired_gte": f"{least:%Y-%m-%d}", "acquired_lt": f"{most:%Y-%m-%d}"}
    if face.kind == "stac":
        parameters = {"datetime": f"{least:%Y-%m-%dT%H:%M:%SZ}/2015-06-30T23:59:59.999999Z"}
    assert sorted(read(face.name(cloud_lte=20 * face.full / 100, **parameters), "")) == wanted
    where = (
        f"\"{face.time}\" >= '2015-06-01 00:00:00' AND \"{face.time}\" < '2015-07-01 00:00:00'"
        f' AND "{face.cover}" <= {20 * face.full / 100}'
    )
    assert sorted(read(face.name(), where)) == wanted
    either = sorted(i for i, s in stored.items() if clouds(s) > 60 or acquired(s) < least)
    where = f'"{face.cover}" > {60 * face.full / 100} OR "{face.time}" < \'2015-06-01 00:00:00\''
    assert sorted(read(face.name(), where)) == either


def test_a_box_a_limit_and_an_order(face: Face, stored: Dict[str, Any]) -> None:
    box = shapely.geometry.box(*BOX)
    within = {i for i, s in stored.items() if shapely.geometry.shape(s["geometry"]).intersects(box)}
    assert 3 < len(within) < len(stored)
    text = ",".join(map(str, BOX))
    assert {scene.id for scene in planet_vector.search(face.name(bbox=text))} == within
    newest = sorted(within, key=lambda i: acquired(stored[i]), reverse=True)
    assert [scene.id for scene in planet_vector.search(face.name(bbox=text, limit=3))] == newest[:3]


def test_a_layer_says_its_count_and_its_kinds_of_columns(face: Face, stored: Dict[str, Any]) -> None:
    info = pyogrio.read_info(face.name())
    assert info["features"] == len(stored)
    kinds = dict(zip(info["fields"], info["dtypes"]))
    assert kinds[face.time].startswith("datetime64") and kinds[face.cover] == "float64" and kinds["id"] == "object"


# ---- rasters ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("product", ["visual", "analytic"])
def test_a_product_is_its_file(face: Face, archive: Path, stored: Dict[str, Any], product: str) -> None:
    scene_id = sorted(stored)[0]
    path = archive / f"{scene_id}_{product}.tif"
    with planet_vector.open(face.raster(scene_id, product)) as opened, rasterio.open(path) as file:
        assert (opened.crs, opened.transform, opened.dtypes) == (file.crs, file.transform, file.dtypes)
        assert (opened.read() == file.read()).all()


def test_bands_of_a_landsat_scene_are_stacked(face: Face, archive: Path) -> None:
    scene = next(iter(planet_vector.search(face.name("landsat", limit=1))))
    with planet_vector.open(face.raster(scene.id, "band_4,band_3", "landsat")) as opened:
        stacked = opened.read()
    for band, name in enumerate(("band_4", "band_3")):
        path = archive / f"{scene.id}_{name}.tif"
        assert (stacked[band] == pixels(path)[0]).all()


def test_a_mosaic_has_the_newest_scene_on_top(face: Face, archive: Path) -> None:
    found = planet_vector.search(face.name(bbox=",".join(map(str, BOX))))
    crs = {scene.id: rasterio.open(archive / f"{scene.id}_visual.tif").crs for scene in found}
    scenes = [scene for scene in found if crs[scene.id] == crs[next(iter(crs))]][:4]
    with planet_vector.mosaic(scenes, product="visual") as mosaic:
        values, transform = mosaic.read(), mosaic.transform
    expected = np.zeros_like(values)
    for scene in reversed(scenes):
        with rasterio.open(archive / f"{scene.id}_visual.tif") as file:
            column, row = (round(each) for each in ~transform * (file.transform.c, file.transform.f))
            part = expected[:, row : row + file.height, column : column + file.width]
            np.copyto(part, file.read(), where=file.dataset_mask() > 0)
    shown = expected[3] > 0
    assert ((values[3] > 0) == shown).all() and shown.any()
    assert (values[:3, shown] == expected[:3, shown]).all()


def test_stacks_crops_and_cubes(face: Face, archive: Path, tmp_path: Path) -> None:
    stack = planet_vector.find_stacks(planet_vector.search(face.name(bbox=",".join(map(str, BOX)), limit=6)))[0]
    crops = planet_vector.crop_stack(stack, tmp_path / "crops", rectangle=True, product="visual")
    assert len(crops) == len(stack.scenes) > 1
    for crop in crops:
        with rasterio.open(crop.path) as cut, rasterio.open(archive / f"{crop.scene.id}_visual.tif") as file:
            assert (cut.read_masks(1) > 0).mean() == pytest.approx(crop.valid)
            if cut.crs == file.crs and cut.transform.a == file.transform.a:
                window = rasterio.windows.from_bounds(*cut.bounds, transform=file.transform)
                column, row = window.col_off, window.row_off
                if abs(column - round(column)) < 1e-6 and abs(row - round(row)) < 1e-6:
                    whole = rasterio.windows.Window(round(column), round(row), cut.width, cut.height)
                    assert (cut.read() == file.read(window=whole)).all()
    pytest.importorskip("xarray")
    cube = planet_vector.to_xarray(stack, rectangle=True, product="visual")
    assert cube.sizes["time"] == len(stack.scenes)


def test_a_search_is_a_cube(face: Face, archive: Path) -> None:
    pytest.importorskip("odc.stac")
    found = planet_vector.search(face.name(bbox=",".join(map(str, BOX)), limit=2))
    cube = found.to_xarray(product="visual")
    assert list(cube.scene.values) == [scene.id for scene in reversed(found)]
    assert [str(time)[:19] for time in cube.time.values] == [f"{s.acquired:%Y-%m-%dT%H:%M:%S}" for s in reversed(found)]
    aligned = 0
    for place, scene in enumerate(reversed(found)):
        with rasterio.open(archive / f"{scene.id}_visual.tif") as file:
            column, row = ~file.transform * (cube.x.values[0], cube.y.values[0])
            if file.crs == cube.odc.crs and max(abs(column % 1 - 0.5), abs(row % 1 - 0.5)) < 1e-6:
                aligned += 1
                window = rasterio.windows.Window(int(column // 1), int(row // 1), cube.sizes["x"], 9)
                expected = file.read(window=window, boundless=True, fill_value=0)
                assert (cube[["red", "green", "blue"]].isel(time=place).to_array()[:, :9] == expected[:3]).all()
    assert aligned
    assert list(found.to_xarray(index="ndvi").data_vars) == ["ndvi"]  # bands are named by what they show


def test_files_are_downloaded_and_synced_unchanged(face: Face, archive: Path, tmp_path: Path) -> None:
    for path in planet_vector.download(face.name(limit=2), tmp_path / "files", ["visual"]):
        assert path.read_bytes() == (archive / path.name).read_bytes()
    written = planet_vector.sync(face.name(limit=2), tmp_path / "synced", ["visual"])
    rasters = [path for path in written if path.suffix == ".tif"]
    assert len(rasters) == 2
    for path in rasters:
        assert path.read_bytes() == (archive / path.name).read_bytes()
    assert not [path for path in planet_vector.sync(face.name(limit=2), tmp_path / "synced", ["visual"])]


def test_pictures_and_maps(face: Face, tmp_path: Path) -> None:
    scene = next(iter(planet_vector.search(face.name(limit=1))))
    image = planet_vector.quicklook(scene, width=64)
    assert image.startswith(b"\x89PNG")
    assert scene.thumbnail().startswith((b"\x89PNG", b"\xff\xd8"))
    written = planet_vector.write_map(face.name(limit=3), tmp_path / "map.html")
    text = Path(written.path).read_text()
    assert scene.id in text


def test_names_that_are_printed_and_shown_open_the_same_scenes(
    face: Face, call: Callable[..., Any], tmp_path: Path
) -> None:
    done = call("search", face.name(limit=2), "--names")
    names = done.stdout.split()
    assert (done.returncode, len(names)) == (0, 2), done.stderr
    scenes = list(planet_vector.search(face.name(limit=2)))
    for name, scene in zip(names, scenes):
        assert [found.id for found in planet_vector.search(name)] == [scene.id]
        assert name.startswith("STAC:") == (face.kind == "stac")
    written = planet_vector.write_map(face.name(limit=2), tmp_path / "map.html")
    text = Path(written.path).read_text()
    assert all(json.dumps(name)[1:-1] in text for name in names)


def test_scenes_of_several_services_are_not_mixed(face: Face, connected: Service, tmp_path: Path) -> None:
    scenes = [*planet_vector.search(face.name(limit=1)), *planet_vector.search("PLANET:ortho?limit=1")]
    if face.kind == "v0":
        assert planet_vector.download(scenes, tmp_path, ["visual"])  # one root, by two names
        return
    with pytest.raises(planet_vector.ConfigError, match="of several services"):
        planet_vector.download(scenes, tmp_path, ["visual"])


def test_the_command_line_and_its_messages(
    face: Face, call: Callable[..., Any], stored: Dict[str, Any], service: Service
) -> None:
    done = call("connections", "test", NAME)
    assert done.returncode == 0 and "key" in done.stdout + done.stderr
    for name in (face.raster("no_such_scene", "visual"), face.raster(sorted(stored)[0], "no_such_product")):
        with pytest.raises(planet_vector.PlanetVectorError) as caught:
            planet_vector.open(name)
        assert "no_such" in str(caught.value) and service.key not in str(caught.value)


def test_a_refused_key_is_an_error_for_every_reader(face: Face, service: Service) -> None:
    root = service.url.replace("/v0/", face.path)
    lend_key(root, Key("0" * 32))
    CACHE.clear()
    with pytest.raises(planet_vector.AuthError, match="refused the key"):
        list(planet_vector.search(face.name()))
    for read in READERS:
        with pytest.raises(Exception, match=r"refused the key|Failed to open dataset"):  # fiona's own words
            read(face.name(), "")
