"""Pictures of files beyond the domain of their projection, turned, upside down, placed by points or by sidecars."""

from __future__ import annotations

import io
import json
import math
import warnings
from pathlib import Path
from typing import Any, Optional, Tuple

import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from PIL import Image
from rasterio.control import GroundControlPoint
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import GCPTransformer, from_bounds
from rasterio.warp import Resampling, reproject

from .conftest import Running, Serve, feature
from .opened import opened
from .points import BY_POINTS, HIGH, WIDE

HALF = 20037508.342789244
SIZE = 600

PROJECTIONS = {  # name: its coordinate system, and half the side of a square around its middle
    "goes": ("+proj=geos +h=35786023 +lon_0=-75 +sweep=x +ellps=GRS80", 5.5e6, (0.0, 0.0)),
    "mollweide": ("ESRI:54009", 1.85e7, (0.0, 0.0)),
    "pacific": ("+proj=moll +lon_0=180 +ellps=WGS84", 1.85e7, (0.0, 0.0)),
    "robinson": ("ESRI:54030", 1.75e7, (0.0, 0.0)),
    "orthographic": ("+proj=ortho +lat_0=40 +lon_0=10 +R=6371000", 6.5e6, (0.0, 0.0)),
    "europe": ("EPSG:3035", 1.28e7, (4_321_000.0, 3_210_000.0)),
    "utm": ("EPSG:32633", 1.2e7, (500_000.0, 0.0)),
    "polar": ("EPSG:3413", 6e6, (0.0, 0.0)),
    "mercator": ("EPSG:3857", 1e7, (2.0037e7, 0.0)),
}


def colours(lon: Any, lat: Any) -> np.ndarray:
    """Return a colour of each place: smooth over the globe, also across the antimeridian and the poles."""
    lon, lat = np.radians(lon), np.radians(lat)
    around = [np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)]
    return np.stack([128 + 100 * value for value in around])


def write(path: Path, values: np.ndarray, transform: Optional[Affine], crs: Any, **more: Any) -> None:
    """Write a raster, with metadata of its own, so that it is served wherever it lies."""
    document = feature(path.stem, west=-170.0, south=-80.0, size=150.0)
    path.with_name(f"{path.stem}_metadata.json").write_text(json.dumps(document))
    points = more.pop("gcps", None)
    if transform is not None:
        more.update(transform=transform, crs=rasterio.crs.CRS.from_user_input(crs))
    elif points is not None:
        more.update(gcps=points, crs=rasterio.crs.CRS.from_user_input(crs))
    profile = {"count": len(values), "height": values.shape[1], "width": values.shape[2], "dtype": values.dtype, **more}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path.with_name(f"{path.stem}_visual.tif"), "w", driver="GTiff", **profile) as dataset:
            dataset.write(values)


def write_by_points(folder: Path) -> None:
    """Write rasters whose colours are their columns and rows, without metadata: the index finds where they lie."""
    columns, rows = np.meshgrid(np.arange(WIDE), np.arange(HIGH))
    pixels = np.stack([columns + 8, rows + 8, (columns // 20 + rows // 20) % 2 * 200 + 20]).astype("uint8")
    size = {"count": 3, "width": WIDE, "height": HIGH, "dtype": "uint8"}
    for name, points in BY_POINTS.items():
        path, crs = folder / f"by_{name}.tif", rasterio.crs.CRS.from_epsg(4326)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path, "w", driver="GTiff", gcps=points, crs=crs, **size) as dataset:
                dataset.write(pixels)


@pytest.fixture(scope="module")
def service(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Running:
    folder = tmp_path_factory.mktemp("placed")
    for name, (crs, half, (x, y)) in PROJECTIONS.items():
        transform = Affine(2 * half / SIZE, 0, x - half, 0, -2 * half / SIZE, y + half)
        across, up = np.meshgrid(*((np.arange(SIZE) + 0.5) * (2 * half / SIZE) - half for _ in (0, 1)))
        lon, lat = pyproj.Transformer.from_crs(crs, 4326, always_xy=True).transform(across + x, y - up)
        places = np.isfinite(lon) & (np.abs(lon) <= 360) & (np.abs(lat) <= 90)
        values = np.where(places, colours(np.where(places, lon, 0), np.where(places, lat, 0)), 77)
        write(folder / f"{name}.tif", np.rint(values).astype("uint8"), transform, crs)
    values = np.zeros((3, 100, 120), "uint8")
    values[0, :50], values[1, 50:], values[2, :, 60:] = 250, 250, 250
    corners = [(0, 0, 12.0, 48.0), (0, 120, 12.12, 48.0), (100, 120, 12.12, 47.9), (100, 0, 12.0, 47.9)]
    write(folder / "points.tif", values, None, "EPSG:4326", gcps=[GroundControlPoint(*corner) for corner in corners])
    degrees = Affine(0.001, 0, 12, 0, -0.001, 48)
    write(folder / "upright.tif", values, degrees, "EPSG:4326")
    write(folder / "bottom_up.tif", values[:, ::-1], Affine(0.001, 0, 12, 0, 0.001, 47.9), "EPSG:4326")
    write(folder / "sidecar.tif", values, None, None)
    (folder / "sidecar_visual.tfw").write_text("0.001\n0\n0\n-0.001\n12.0005\n47.9995\n")
    wkt = rasterio.crs.CRS.from_epsg(4326).to_wkt().replace('"', "&quot;")
    (folder / "sidecar_visual.tif.aux.xml").write_text(f"<PAMDataset><SRS>{wkt}</SRS></PAMDataset>")
    # A link's name is what sidecars go by, as in GDAL.
    (folder / "linked_metadata.json").write_text(json.dumps(feature("linked", west=-170.0, south=-80.0, size=150.0)))
    for name in ("visual.tfw", "visual.tif.aux.xml"):
        (folder / f"linked_{name}").write_bytes((folder / f"sidecar_{name}").read_bytes())
    (folder / "plain").mkdir()
    (folder / "sidecar_visual.tif").rename(folder / "plain" / ".kept.tif")
    (folder / "sidecar_visual.tif").write_bytes((folder / "plain" / ".kept.tif").read_bytes())
    try:
        (folder / "linked_visual.tif").symlink_to(folder / "plain" / ".kept.tif")
    except OSError:  # Windows lets few make links
        (folder / "linked_visual.tif").write_bytes((folder / "sidecar_visual.tif").read_bytes())
    write_by_points(folder)
    write(folder / "site.tif", values, degrees, 'LOCAL_CS["site",UNIT["metre",1],AXIS["E",EAST],AXIS["N",NORTH]]')
    write(folder / "mars.tif", values, degrees, "+proj=longlat +R=3396190 +no_defs")
    write(folder / "nowhere.tif", values, None, None)
    write(folder / "dot.tif", values[:, :1, :1], degrees, "EPSG:4326")
    return serve(folder)


def tile(service: Running, name: str, z: int, x: int, y: int) -> Optional[np.ndarray]:
    answer = service.get(f"scenes/ortho/{name}/{z}/{x}/{y}.png")
    if answer.status_code == 404 and answer.json()["message"] == "There is nothing on this tile.":
        return None
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA")).astype(int)


@pytest.mark.parametrize("place", [(0, 0, 0), (2, 0, 1), (2, 3, 2), (3, 1, 3), (4, 8, 5)])
@pytest.mark.parametrize("name", PROJECTIONS)
def test_tiles_show_what_lies_there(service: Running, name: str, place: Tuple[int, int, int]) -> None:
    z, column, row = place
    crs, half, (x, y) = PROJECTIONS[name]
    seen = tile(service, name, z, column, row)
    side = 2 * HALF / 2**z
    east = np.tile((np.arange(256) + 0.5) * side / 256 + column * side - HALF, (256, 1))
    north = np.tile(HALF - row * side - (np.arange(256) + 0.5)[:, np.newaxis] * side / 256, (1, 256))
    lon, lat = pyproj.Transformer.from_crs(3857, 4326, always_xy=True).transform(east, north)
    forward = pyproj.Transformer.from_crs(4326, crs, always_xy=True)
    there, up = forward.transform(lon, lat)
    back = forward.transform(there, up, direction="INVERSE")
    known = np.isfinite(there) & np.isfinite(back[0]) & (np.abs(back[1] - lat) < 0.01)
    if name == "mercator":
        there = np.where(there < 0, there + 2 * HALF, there)
    # In pixels of the file; near its border, and where places crowd at the limb, there is no telling.
    across = np.where(known, np.abs(np.where(known, there, 0) - x) / half, 9)
    along = np.where(known, np.abs(np.where(known, up, 0) - y) / half, 9)
    inside, outside = np.maximum(across, along) < 0.99, np.maximum(across, along) > 1.01
    if name in ("goes", "orthographic"):
        inside &= np.hypot(across, along) < 0.9
    if seen is None:
        assert not inside.any()
        return
    assert not seen[outside][:, 3].any()
    assert (seen[inside][:, 3] == 255).all()
    off = np.abs(np.moveaxis(seen[..., :3], -1, 0) - colours(lon, lat)).max(axis=0)
    close = inside & (np.abs(lat) < 75)
    if name == "pacific":
        close &= np.abs(lon) > 2  # its edge
    if close.any():
        assert np.percentile(off[close], 99) <= 8, name
    assert seen[..., 3].any()


@pytest.mark.parametrize("name", PROJECTIONS)
def test_thumbnails_of_any_projection_are_drawn(service: Running, name: str) -> None:
    answer = service.get(f"scenes/ortho/{name}/thumb?size=sm")
    assert answer.status_code == 200
    assert Image.open(io.BytesIO(answer.content)).size == (64, 64)


@pytest.mark.parametrize("name", ["points", "upright", "bottom_up", "sidecar", "linked"])
def test_the_same_ground_is_the_same_picture(service: Running, name: str) -> None:
    def at(lon: float, lat: float, z: int = 12) -> Tuple[int, ...]:
        across = (lon + 180) / 360 * 2**z
        down = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2**z
        seen = tile(service, name, z, int(across), int(down))
        return tuple(seen[int(down % 1 * 256), int(across % 1 * 256)].tolist()) if seen is not None else (0,) * 4

    assert at(12.02, 47.98) == (250, 0, 0, 255)
    assert at(12.10, 47.98) == (250, 0, 250, 255)
    assert at(12.02, 47.92) == (0, 250, 0, 255)
    assert at(12.10, 47.92) == (0, 250, 250, 255)
    assert at(12.13, 47.95)[3] == at(12.05, 47.89)[3] == 0
    picture = Image.open(io.BytesIO(service.get(f"scenes/ortho/{name}/thumb?size=md").content)).convert("RGBA")
    assert picture.size == (128, 107)
    assert [picture.getpixel(place) for place in ((10, 10), (120, 10), (10, 100), (120, 100))] == [
        (250, 0, 0, 255), (250, 0, 250, 255), (0, 250, 0, 255), (0, 250, 250, 255),
    ]  # fmt: skip


@pytest.mark.parametrize("name", BY_POINTS)
def test_control_points_are_read_as_gdal_reads_them(service: Running, name: str) -> None:
    z = 9
    # Half a turn on, the points do not cross the antimeridian, where GDAL draws one half; the tiles are those beside.
    half = 2 ** (z - 1) if name == "across" else 0
    points = [
        GroundControlPoint(p.row, p.col, (p.x + half / 2**z * 360 + 180) % 360 - 180, p.y) for p in BY_POINTS[name]
    ]
    columns, rows = np.meshgrid(np.arange(WIDE), np.arange(HIGH))
    pixels = np.stack([columns + 8, rows + 8, np.full_like(rows, 255)]).astype("uint8")
    middle = int((np.mean([p.x for p in points]) + 180) / 360 * 2**z)
    drawn = 0
    for column in (middle - 1, middle, middle + 1):
        for row in (279, 280, 281):
            side = 2 * HALF / 2**z
            bounds = (column * side - HALF, HALF - (row + 1) * side, (column + 1) * side - HALF, HALF - row * side)
            expected = np.zeros((3, 256, 256), "uint8")
            reproject(
                pixels, expected, gcps=points, src_crs="EPSG:4326", dst_crs="EPSG:3857",
                dst_transform=from_bounds(*bounds, 256, 256), resampling=Resampling.bilinear,
            )  # fmt: skip
            seen = tile(service, f"by_{name}", z, (column + half) % 2**z, row)
            if seen is None:
                assert (expected[2] > 0).sum() <= 2
                continue
            there, shown = expected[2] > 0, seen[..., 3] > 0
            assert (there != shown).sum() <= 5  # at its edges
            off = np.abs(np.moveaxis(seen[..., :2], -1, 0) - expected[:2].astype(int)).max(axis=0)
            assert off[there & shown].max(initial=0) <= 3  # pixels of the file
            drawn += int(shown.sum())
    assert drawn > 5000
    answer = service.get(f"scenes/ortho/by_{name}/thumb?size=md")
    picture = np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA")).astype(int)
    # North up: what is in the middle of its upper edge lies north of the middle of its lower one.
    with GCPTransformer(points) as gdal:
        lats = [gdal.xy(*picture[at][[1, 0]] - 8, offset="ul")[1] for at in upper_and_lower(picture[..., 3] > 0)]
    assert lats[0] > lats[1]


def upper_and_lower(shown: np.ndarray) -> Tuple[Tuple[int, int], Tuple[int, int]]:
    """Return places in the middle column of a picture: near the upper and the lower end of what is shown."""
    column = shown.shape[1] // 2
    rows = np.flatnonzero(shown[:, column])
    return (int(rows[3]), column), (int(rows[-4]), column)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("site", "its coordinate system has no known place on the globe"),
        ("mars", "its coordinate system has no known place on the globe"),
        ("nowhere", "it has no georeference"),
    ],
)
def test_what_has_no_place_is_refused_on_maps_and_has_a_thumbnail(service: Running, name: str, told: str) -> None:
    answer = service.get(f"scenes/ortho/{name}/5/17/11.png")
    assert (answer.status_code, answer.json()["message"]) == (
        404, f"{name}_visual.tif cannot be drawn on a map: {told}.",
    )  # fmt: skip
    assert service.get(f"scenes/ortho/{name}/thumb").status_code == 200
    assert "Traceback" not in service.errors


def test_a_scene_smaller_than_a_pixel_is_seen(service: Running) -> None:
    seen = tile(service, "dot", 3, 4, 2)
    assert seen is not None and 1 <= (seen[..., 3] > 0).sum() <= 4


def test_nothing_beside_a_file_is_opened_for_its_pictures(serve: Serve, tmp_path: Path) -> None:
    secret = tmp_path / "secrets"
    secret.mkdir()
    (secret / "key").write_bytes(b"S" * 4096)
    folder = tmp_path / "archive"
    folder.mkdir()
    values = np.full((3, 64, 64), 50, "uint8")
    for scene, crs in (("x", "EPSG:3857"), ("y", "EPSG:32633")):
        write(folder / f"{scene}.tif", values, Affine(10, 0, 0, 0, -10, 0), crs)
        raw = (
            '<VRTRasterBand dataType="Byte" band="{0}" subClass="VRTRawRasterBand">'
            f'<SourceFilename relativeToVRT="0">{secret / "key"}</SourceFilename><ImageOffset>0</ImageOffset>'
            "<PixelOffset>1</PixelOffset><LineOffset>32</LineOffset></VRTRasterBand>"
        )
        vrt = '<VRTDataset rasterXSize="32" rasterYSize="32">{}</VRTDataset>'.format(
            "".join(map(raw.format, (1, 2, 3)))
        )
        file = f"{scene}_visual.tif"
        for name in (f"{file}.ovr", f"{scene}_visual.ovr", *([f"{file}.msk"] if scene == "y" else [])):
            (folder / name).write_text(vrt)
        overviews = f'<Metadata domain="OVERVIEWS"><MDI key="OVERVIEW_FILE">{file}.ovr</MDI></Metadata>'
        (folder / f"{file}.aux.xml").write_text(f"<PAMDataset>{overviews}</PAMDataset>" if scene == "x" else vrt)
    with opened(secret) as secrets, opened(folder) as files:
        service = serve(folder, cache=tmp_path)
        answers = {
            f"{scene}/{path}": service.get(f"scenes/ortho/{scene}/{path}")
            for scene in "xy"
            for path in ("thumb?size=sm", "thumb?size=lg", "square-thumb", "0/0/0.png", "12/2048/2048.png")
        }
    assert not secrets
    assert not [name for name in files if name.endswith(".ovr")]
    for path, answer in answers.items():
        assert answer.status_code in (200, 404), path
        if answer.status_code == 200:
            seen = np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA"))
            assert set(map(tuple, seen[seen[..., 3] > 0].tolist())) == {(50, 50, 50, 255)}, path
    assert answers["x/thumb?size=lg"].status_code == answers["x/12/2048/2048.png"].status_code == 200
