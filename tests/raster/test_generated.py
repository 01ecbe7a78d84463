"""Rasters of any kind, by every way of reading: what is known of them is found again, or told why not.

`tests.raster.generated` draws them and says what is to be expected; GDAL's own programs say what a window and a warped
raster look like.
"""

from __future__ import annotations

import io
import math
import re
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import numpy as np
import pytest

import planet_vector
from planet_vector import rasters
from planet_vector.errors import PlanetVectorError, ServiceError
from planet_vector.scene import Scene

from ..conftest import Service, Start
from ..faces import NO_INDEX

rasterio = pytest.importorskip("rasterio")
pytest.importorskip("pyproj")
shapely = pytest.importorskip("shapely")
from PIL import Image  # noqa: E402
from rasterio.errors import RasterioIOError  # noqa: E402
from rasterio.windows import Window  # noqa: E402

from planet_vector.raster.session import PlanetSession  # noqa: E402

planet_vector.register()  # before any test, as rasterio registers its drivers once
from . import generated  # noqa: E402
from .generated import HALF, Made, drawn, gdal, mercator  # noqa: E402

# rasterio says of a raster with control points that it has no transform.
pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

Check = Callable[[Made, Scene, Path], Iterator[str]]
Faults = List[str]


class Batch:
    """Hold rasters, and a service over them."""

    def __init__(self, service: Service, made: List[Made]) -> None:
        self.service = service
        self.made = made


@pytest.fixture(
    scope="module", params=[pytest.param((25, 1), id="25"), pytest.param((300, 2), id="300", marks=pytest.mark.long)]
)
def batch(request: Any, start_service: Start, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Batch]:
    folder = tmp_path_factory.mktemp("generated")
    made = [Made(kind, number, folder) for number, kind in enumerate(drawn(*request.param))]
    service = start_service(folder, "--rescan", "0")
    yield Batch(service, made)
    service.stop()


@pytest.fixture
def each(batch: Batch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Check], Faults]:
    """Return what checks each raster, and tells all faults found."""
    monkeypatch.setenv("PL_API_URL", batch.service.root)
    monkeypatch.setenv("PL_API_KEY", batch.service.key)

    def check(one: Check) -> Faults:
        scenes = {scene.id: scene for scene in planet_vector.search("PLANET:ortho")}
        faults = []
        for made in batch.made:
            if made.id not in scenes:
                faults.append(f"{made.title}: no scene; {''.join(batch.service.log)[-300:]}")
                continue
            try:
                faults += [f"{made.title}: {fault}" for fault in one(made, scenes[made.id], tmp_path)]
            except Exception as error:
                faults.append(f"{made.title}: {type(error).__name__}: {str(error)[:300]}")
        if faults:
            print("\n".join(faults))
        return faults

    return check


def sentence(error: PlanetVectorError) -> Iterator[str]:
    """Find fault with the words of a refusal: one sentence, nothing of the inside."""
    if isinstance(error, ServiceError):
        return  # it quotes what the service says
    text = str(error)
    if not text.endswith(".") or "\n" in text or re.search(r"[a-z]\. [A-Z]|<|Traceback|None", text):
        yield f"no plain sentence: {text}"


def share(wrong: np.ndarray) -> str:
    return f"{np.count_nonzero(wrong)} of {wrong.size} pixels"


# ---- where it lies ---------------------------------------------------------------------------------------


def test_footprints_hold_the_data_and_nothing_else(each: Callable[[Check], Faults]) -> None:
    def check(made: Made, scene: Scene, folder: Path) -> Iterator[str]:
        footprint = scene.footprint
        if not footprint.is_valid or footprint.is_empty:
            yield "no valid footprint"
        width, height = made.kind.size
        columns, rows = np.meshgrid(np.linspace(0, width, 40)[1:-1], np.linspace(0, height, 40)[1:-1])
        cell = max(1.0, max(made.kind.size) / 512)
        data, none = made.surely(columns, rows, 3 * cell)
        lon, lat = made.to_degrees(columns, rows)
        within = shapely.intersects_xy(footprint, lon, lat)  # a position may lie on ±180°, where it is cut
        if (data & ~within).any():
            yield f"data outside: {share(data & ~within)} of the sample"
        if (none & within).any():
            yield f"no data inside: {share(none & within)} of the sample"
        # Around it there is nothing.
        aside = np.array([-0.1, 1.1])
        for column, row in [(a * width, 0.5 * height) for a in aside] + [(0.5 * width, a * height) for a in aside]:
            if shapely.contains_xy(footprint, *made.to_degrees(column, row)):
                yield f"reaches to column {column:.0f}, row {row:.0f}"

    assert each(check) == []


# ---- pictures --------------------------------------------------------------------------------------------


def test_thumbnails_show_what_is_data(each: Callable[[Check], Faults]) -> None:
    def check(made: Made, scene: Scene, folder: Path) -> Iterator[str]:
        try:
            content = scene.thumbnail()
        except PlanetVectorError as error:
            if made.kind.dtype != "complex64":
                yield f"refused: {error}"
            yield from sentence(error)
            return
        picture = np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))
        height, width = picture.shape[:2]
        corners = [made.transform * (c, r) for c in (0, made.kind.size[0]) for r in (0, made.kind.size[1])]
        (west, east), (south, north) = ((min(values), max(values)) for values in zip(*corners))
        x, y = np.meshgrid(
            west + (np.arange(width) + 0.5) * (east - west) / width,
            north - (np.arange(height) + 0.5) * (north - south) / height,
        )
        columns, rows = ~made.transform * (x, y)
        yield from compared(made, picture, columns, rows, (east - west) / width / made.pixel)

    assert each(check) == []


def compared(made: Made, picture: np.ndarray, columns: Any, rows: Any, scale: float) -> Iterator[str]:
    """Compare a picture with what is at positions in the file; `scale` is the size of its pixels in the file's."""
    around = 1.2 * max(1.0, scale)
    data, none = made.surely(columns, rows, around)
    if len(made.shown) < 3:  # the first alone is shown, which has a hole that others have not
        first = made.pixels[made.shown[0]]
        data &= ~made.near(np.isnan(first) | (first == 0), columns, rows, around)
    opaque = picture[..., 3] > 127
    if (data & ~opaque).any():
        yield f"data is transparent: {share(data & ~opaque)}"
    if (none & opaque).any():
        yield f"no data is shown: {share(none & opaque)}"
    if made.kind.dtype != "uint8":
        return
    if made.kind.palette:
        table = np.array([generated.PALETTE[n][:3] for n in range(256)])
        # Neighbours in the palette are alike in nothing: the colour must be that of a pixel at most one away.
        steps = [(x, y) for x in (-1, -0.5, 0, 0.5, 1) for y in (-1, -0.5, 0, 0.5, 1)]
        near = [table[made.at(made.pixels[0], columns + x * max(1, scale), rows + y * max(1, scale), 0)]
                for x, y in steps]  # fmt: skip
        off = np.min([np.abs(colours - picture[..., :3].astype(int)).max(axis=-1) for colours in near], axis=0)
        wrong = data & opaque & (off > 0) if scale <= 1.5 else np.zeros(data.shape, bool)
    else:
        # `visual`: red, green and blue in the order of the file; of two bands or one, gray.
        bands = made.shown[:3] if len(made.shown) >= 3 else made.shown[:1] * 3
        expected = np.moveaxis(made.at(made.pixels[bands], columns, rows, 0), 0, -1)
        off = np.abs(expected.astype(int) - picture[..., :3]).max(axis=-1)
        steep = 220 / min(made.kind.size)  # levels from one pixel to the next
        wrong = data & opaque & (off > 3 + 2 * steep * max(1.0, scale))
        # One band has a hole that others have not, and pixels around it are mixed with it.
        wrong &= ~made.near(made.pixels[made.shown[0]] == 0, columns, rows, around)
    if wrong.any():
        yield f"other colours: {share(wrong)}, up to {off[wrong].max()} levels"


def tiles_of(made: Made) -> List[Tuple[int, int, int]]:
    """Return tiles about as fine as the file: that of the middle of its data, and those beside it."""
    width, height = made.kind.size
    lon, lat = made.to_degrees([0.4 * width, 0.1 * width, 0.7 * width], [0.6 * height, 0.5 * height, 0.5 * height])
    if abs(lat).max() > 85:
        return []
    metres = made.pixel * (111_320 if made.crs == "EPSG:4326" else 1)
    ground = metres if made.crs == "EPSG:3857" else metres / math.cos(math.radians(lat[0]))
    zoom = max(0, min(22, round(math.log2(2 * HALF / 256 / ground))))
    side = 2**zoom
    x = np.floor((lon + 180) / 360 * side).astype(int)
    y = np.floor((1 - np.arcsinh(np.tan(np.radians(lat))) / math.pi) / 2 * side).astype(int)
    return sorted({(zoom, int(i), int(j)) for i, j in zip(x, y)})


def test_tiles_show_what_gdal_warps(batch: Batch, each: Callable[[Check], Faults]) -> None:
    def check(made: Made, scene: Scene, folder: Path) -> Iterator[str]:
        catalog = scene.catalog
        for z, x, y in tiles_of(made):
            side = 2 * HALF / 2**z
            bounds = x * side - HALF, HALF - (y + 1) * side, (x + 1) * side - HALF, HALF - y * side
            lon, lat = mercator(bounds, (256, 256))
            columns, rows = made.from_degrees(lon, lat)
            scale = 1.5  # so many pixels of the file, at most, is one of the tile wide
            data, none = made.surely(columns, rows, 1.2 * scale)
            link = catalog.tiles(scene).format(z=z, x=x, y=y)
            try:
                content, _ = catalog.transport.get_bytes(catalog.transport.check_link(link), [], 2**24)
            except PlanetVectorError as error:
                if made.kind.dtype != "complex64" and data.any():
                    yield f"tile {z}/{x}/{y} refused: {error}"
                yield from sentence(error)
                continue
            picture = np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))
            for fault in compared(made, picture, columns, rows, scale):
                yield f"tile {z}/{x}/{y}: {fault}"
            if made.kind.place in ("UTM", "web mercator", "near the pole", "degrees") and not made.kind.points:
                # What is expected above, gdalwarp finds too.
                target = folder / "tile.tif"
                gdal("gdalwarp", "-overwrite", "-t_srs", "EPSG:3857", "-te", *bounds, "-ts", 256, 256, "-et", 0,
                     "-dstnodata", -99999, "-ot", "Float64", "-r", "near", plain(made, folder),
                     target)  # fmt: skip
                with rasterio.open(target) as warped:
                    there = warped.read(1) == 1
                assert not (data & ~there).any() and not (none & there).any(), "gdalwarp finds other pixels"

    assert each(check) == []


def plain(made: Made, folder: Path) -> Path:
    """Return a raster of 1 where there is data, and 0 elsewhere, in the place of another."""
    path = folder / f"{made.id}_plain.tif"
    if not path.exists():
        profile = {"driver": "GTiff", "width": made.kind.size[0], "height": made.kind.size[1], "count": 1}
        place = {"crs": made.crs, "transform": made.transform}
        with rasterio.open(path, "w", dtype="uint8", **profile, **place) as target:
            target.write(made.valid.astype("uint8"), 1)
    return path


# ---- pixels ----------------------------------------------------------------------------------------------


def said(dataset: Any) -> Dict[str, Any]:
    """Return what a header says that is the same for a part of the raster."""
    return {
        "dtypes": dataset.dtypes, "nodata": repr(dataset.nodata), "scales": dataset.scales, "offsets": dataset.offsets,
        "units": dataset.units, "descriptions": dataset.descriptions, "colours": dataset.colorinterp,
        "masks": dataset.mask_flag_enums, "tag": dataset.tags().get("MADE_FOR"),
        "palette": palette_of(dataset),
    }  # fmt: skip


def palette_of(dataset: Any) -> Any:
    try:
        return dataset.colormap(1)
    except ValueError:  # there is none
        return None


def differences(found: Any, expected: Any, file: Any) -> Iterator[str]:
    """Compare an open raster with another, and what its header says with that of the file it is of."""
    its, mine = said(found), said(file)
    for name, value in mine.items():
        if its[name] != value:
            yield f"{name}: {str(its[name])[:200]} instead of {str(value)[:200]}"
    if found.shape != expected.shape:
        yield f"{found.shape} pixels instead of {expected.shape}"
    elif not np.array_equal(found.read(), expected.read(), equal_nan=True):
        yield "other pixels"
    elif not np.array_equal(found.dataset_mask(), expected.dataset_mask()):
        yield "another mask"
    if not found.transform.almost_equals(expected.transform, 1e-9 * abs(expected.transform.a)):
        yield f"lies at {tuple(found.transform)[:6]} instead of {tuple(expected.transform)[:6]}"
    points = [[(p.row, p.col, round(p.x, 6), round(p.y, 6)) for p in d.gcps[0]] for d in (found, expected)]
    if points[0] != points[1]:
        yield f"control points {points[0][:2]} instead of {points[1][:2]}"
    systems = [d.crs or d.gcps[1] for d in (found, expected)]
    if systems[0] != systems[1]:
        yield f"CRS {systems[0]} instead of {systems[1]}"


def test_what_is_opened_is_the_file(each: Callable[[Check], Faults]) -> None:
    def check(made: Made, scene: Scene, folder: Path) -> Iterator[str]:
        window = Window(7, 5, made.kind.size[0] // 2 + 4, made.kind.size[1] // 2 + 6)
        with planet_vector.open(f"PLANET:ortho/{made.id}/{made.product}") as found, rasterio.open(made.path) as file:
            yield from differences(found, file, file)
            if not np.array_equal(found.read(window=window), file.read(window=window), equal_nan=True):
                yield "another window"
            if not np.array_equal(found.read(), made.pixels, equal_nan=True):
                yield "not what was written"

    assert each(check) == []


def test_a_crop_by_pixels_is_what_gdal_translate_cuts_out(
    each: Callable[[Check], Faults], call: Callable[..., Any]
) -> None:
    def check(made: Made, scene: Scene, folder: Path) -> Iterator[str]:
        part = (7, 5, made.kind.size[0] // 2 + 4, made.kind.size[1] // 2 + 6)
        mine, its = folder / f"{made.id}_mine.tif", folder / f"{made.id}_its.tif"
        name = f"PLANET:ortho/{made.id}/{made.product}"
        done = call("crop", name, "-o", str(mine), "--window", *map(str, part))
        if done.returncode:
            yield f"failed: {done.stderr}"
            return
        gdal("gdal_translate", "--config", "GDAL_TIFF_INTERNAL_MASK", "YES", "-srcwin", *part, made.path, its)
        with rasterio.open(mine) as found, rasterio.open(its) as expected, rasterio.open(made.path) as file:
            yield from differences(found, expected, file)

    assert each(check) == []


def test_a_crop_by_degrees_holds_what_lies_in_the_box(
    each: Callable[[Check], Faults], call: Callable[..., Any]
) -> None:
    def check(made: Made, scene: Scene, folder: Path) -> Iterator[str]:
        if made.kind.place == "the pole":
            return  # a box of degrees is no box there
        width, height = made.kind.size
        # Around the middle of the file, a third as wide and high as it is, or there about.
        lon, lat = made.to_degrees(
            [0.35 * width, 0.65 * width, 0.5 * width], [0.35 * height, 0.65 * height, 0.5 * height]
        )
        middle = lon[2]
        around = middle + (lon - middle + 180) % 360 - 180
        west, east, south, north = around.min(), around.max(), lat.min(), lat.max()
        box = [(west + 180) % 360 - 180, south, (east + 180) % 360 - 180, north]
        path = folder / f"{made.id}_box.tif"
        name = f"PLANET:ortho/{made.id}/{made.product}"
        done = call("crop", name, "-o", str(path), f"--bbox={','.join(f'{n:.9f}' for n in box)}")
        if done.returncode:
            yield f"failed: {done.stderr}"
            return
        columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
        lon, lat = made.to_degrees(columns, rows)
        lon = middle + (lon - middle + 180) % 360 - 180
        inside = (west <= lon) & (lon <= east) & (south <= lat) & (lat <= north)
        if not inside.any():
            return
        with rasterio.open(path) as found, rasterio.open(made.path) as file:
            if made.kind.points:
                column, row = (file.gcps[0][0].col - found.gcps[0][0].col, file.gcps[0][0].row - found.gcps[0][0].row) \
                    if found.gcps[0] else (0, 0)  # fmt: skip
            else:
                column, row = ~file.transform * (found.transform.c, found.transform.f)
            left, top = round(column), round(row)
            if abs(column - left) > 1e-3 or abs(row - top) > 1e-3:
                yield f"lies between pixels: {column}, {row}"
            part = inside[max(top, 0) : top + found.height, max(left, 0) : left + found.width]
            if part.sum() != inside.sum():
                yield f"{inside.sum() - part.sum()} pixels of the box are missing of {inside.sum()}"
            across, down = np.flatnonzero(inside.any(axis=0)), np.flatnonzero(inside.any(axis=1))
            # Of a box that lies askew to the pixels, what is around it.
            most = (len(across) + len(down)) * 1.5 + 4
            if found.width > most or found.height > most:
                yield f"{found.width} × {found.height} pixels for {len(across)} × {len(down)}"
            if not np.array_equal(
                found.read(), file.read(window=Window(left, top, found.width, found.height)), equal_nan=True
            ):
                yield "other pixels"

    assert each(check) == []


# ---- mosaics ---------------------------------------------------------------------------------------------


def laid(made: Made, dataset: Any, off: float) -> Iterator[str]:
    """Compare an open raster on another grid with the pixels that lie there, give or take some of a pixel."""
    import pyproj

    # Around the globe, a raster of what lies on both sides of 180° has its pixels at both ends.
    most = 4 * max(made.kind.size)
    ends = [0, dataset.width - most] if dataset.width > 2 * most else [0]
    windows = [Window(end, 0, min(most, dataset.width), dataset.height) for end in ends]
    parts = [np.meshgrid(np.arange(w.width) + w.col_off + 0.5, np.arange(w.height) + 0.5) for w in windows]
    columns, rows = (np.concatenate(values, axis=1) for values in zip(*parts))
    x, y = dataset.transform * (columns, rows)
    if dataset.crs == rasterio.crs.CRS.from_string(made.crs):
        columns, rows = ~made.transform * (x, y)
        if made.crs == "EPSG:4326":  # whichever way its longitudes are counted
            columns, rows = made.from_degrees(x, y)
    else:
        to_degrees = pyproj.Transformer.from_crs(dataset.crs.to_wkt(), "EPSG:4326", always_xy=True)
        columns, rows = made.from_degrees(*to_degrees.transform(x, y))
    data, none = made.surely(columns, rows, off)
    if dataset.name.startswith("GTI:"):  # of a pixel that reaches behind a pole GDAL's tile index shows nothing
        data &= np.abs(y) + dataset.res[1] / 2 <= 90
    found = np.concatenate([dataset.read(window=window) for window in windows], axis=2)
    mask = np.concatenate([dataset.dataset_mask(window=window) for window in windows], axis=1) > 0
    if made.valid.any() and not data.any():
        yield "holds none of its data"
    # As the rule of this package has it: an alpha band of any type, and what is no number.
    if made.alpha is not None:
        mask = found[made.alpha] > 0
    elif made.kind.told == "nan":
        mask = np.isfinite(found).any(axis=0)
    if (data & ~mask).any():
        yield f"data is masked: {share(data & ~mask)}"
    tells = made.kind.told not in ("nothing", "nodata outside")
    if dataset.name.startswith("GTI:") and made.kind.told == "mask":
        tells = False  # GDAL's tile index looks at no mask (docs/compatibility.md)
    if tells and (none & mask).any():
        yield f"no data is data: {share(none & mask)}"
    steps = [(x, y) for x in (-off, 0, off) for y in (-off, 0, off)]
    near = [made.at(made.pixels, columns + x, rows + y, 0) for x, y in steps]
    equal = np.any([((there == found) | ((there != there) & (found != found))).all(axis=0) for there in near], axis=0)
    if dataset.name.startswith("GTI:"):  # of a pixel without data in one band GDAL leaves out the others
        equal |= made.near(np.isnan(made.pixels).any(axis=0), columns, rows, off)
    if (data & ~equal).any():
        yield f"other pixels: {share(data & ~equal)}"
    # GDAL's tile index says nothing of scales and units.
    names = (
        "dtypes",
        "colours",
        *(() if dataset.name.startswith("GTI:") else ("scales", "offsets", "units", "palette")),
    )
    with rasterio.open(made.path) as file:
        its, mine = said(dataset), said(file)
    for name in names:
        if its[name] != mine[name]:
            yield f"{name}: {str(its[name])[:120]} instead of {str(mine[name])[:120]}"


@pytest.mark.parametrize("crs", [None, "EPSG:3857"])
def test_a_mosaic_of_one_scene_shows_it(each: Callable[[Check], Faults], crs: Any) -> None:
    def check(made: Made, scene: Scene, folder: Path) -> Iterator[str]:
        try:
            dataset = rasters.open_mosaic([scene], product=made.product, **({"dst_crs": crs} if crs else {}))
        except PlanetVectorError as error:
            if made.north_up and made.kind.dtype != "complex64" and (crs is None or made.kind.place != "the pole"):
                yield f"refused: {error}"
            yield from sentence(error)
            return
        with dataset:
            if not made.north_up and made.kind.points is False:
                yield "a raster that is not north up is in a mosaic"
            if dataset.width * dataset.height > 40 * made.valid.size:
                yield f"{dataset.width} × {dataset.height} pixels for {made.kind.size}"
                return
            # GDAL warps to an eighth of a pixel unless told otherwise.
            yield from laid(made, dataset, 0.01 if crs is None else 0.3)

    assert each(check) == []


@pytest.mark.only_v0(NO_INDEX)
def test_a_search_as_one_raster_shows_it(each: Callable[[Check], Faults]) -> None:
    if tuple(int(part) for part in rasterio.__gdal_version__.split(".")[:2]) < (3, 9):
        pytest.skip("GTI: is in GDAL 3.9 and later")

    def check(made: Made, scene: Scene, folder: Path) -> Iterator[str]:
        days = f"acquired.gte={made.day:%Y-%m-%d}T00:00:00Z&acquired.lt={made.day:%Y-%m-%d}T12:00:00Z"
        name = f"GTI:PLANET:ortho?{days}&product={made.product}"
        try:
            with rasterio.Env(session=PlanetSession()), rasterio.open(name) as dataset:
                yield from laid(made, dataset, 0.6)
        except RasterioIOError as error:
            # Where GDAL cannot say how large the pixels of a scene are in degrees, at 180° and at the poles; and where
            # longitudes go on beyond 180°, which its tile index does not turn.
            beyond = "longitudes beyond 180 degrees" in str(error) and made.kind.place == "degrees to 360"
            if made.north_up and "180" not in made.kind.place and made.kind.place != "the pole" and not beyond:
                yield f"refused: {error}"

    assert each(check) == []
