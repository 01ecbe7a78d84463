"""Rasters in any turn of the globe, across ±180°, around a pole and placed by control points: what is shown lies there.

The pixels of these rasters are the longitudes and latitudes of their middles, found by pyproj, so that what is made of
them can be read for where each pixel came from.
"""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

import numpy as np
import pyproj
import pytest

import planet_vector
from planet_vector.errors import RasterAccessError
from planet_vector.geometry.boxes import Box
from planet_vector.scene import Scene

from ..conftest import Service, Start

rasterio = pytest.importorskip("rasterio")
from affine import Affine  # noqa: E402
from rasterio.control import GroundControlPoint  # noqa: E402
from rasterio.crs import CRS  # noqa: E402
from rasterio.errors import NotGeoreferencedWarning  # noqa: E402
from rasterio.transform import GCPTransformer, from_origin  # noqa: E402
from rasterio.warp import transform_bounds  # noqa: E402

from planet_vector import rasters  # noqa: E402
from planet_vector.pixels.control import ByPoints, PointsProblem  # noqa: E402
from planet_vector.raster.geotiff import window_of  # noqa: E402
from planet_vector.raster.warping import around, recentred, turn_of, warped_bounds  # noqa: E402
from planet_vector.stacks.crop import crop_stack  # noqa: E402

NOTHING = -9999.0
GLOBE = 2 * math.pi * 6378137  # metres, the width of EPSG:3857
WIDTH, HEIGHT = 120, 100


class Kind(NamedTuple):
    """How a raster is written: its system, its corner, its pixels, and how many there are."""

    crs: str
    west: float
    north: float
    pixel: float
    size: Tuple[int, int] = (WIDTH, HEIGHT)

    @property
    def transform(self) -> Affine:
        return from_origin(self.west, self.north, self.pixel, self.pixel)


def metres(longitude: float) -> float:
    return longitude / 360 * GLOBE


SMALL = {
    "in degrees past 180": Kind("EPSG:4326", 184, -16, 0.01),
    "in degrees below -360": Kind("EPSG:4326", -536, -16, 0.01),
    "in degrees over 180": Kind("EPSG:4326", 179.5, -16, 0.01),
    "in degrees over -180": Kind("EPSG:4326", -180.5, -16, 0.01),
    "web mercator past its edge": Kind("EPSG:3857", metres(184), -1.8e6, 1000),
    "web mercator over its edge": Kind("EPSG:3857", metres(179.5), -1.8e6, 1000),
    "web mercator over its other edge": Kind("EPSG:3857", metres(-180.5), -1.8e6, 1000),
    "mercator of the ellipsoid": Kind("EPSG:3395", metres(179.5), -1.8e6, 1000),
    "equal area over its edge": Kind("EPSG:6933", 17_367_530 - 6e4, -1.8e6, 1000),
    "zone 60 over 180": Kind("EPSG:32760", 760_000, 8_224_000, 1000),
    "zone 1 over 180": Kind("EPSG:32701", 120_000, 8_224_000, 1000),
}
WORLDS = {
    "the world from 0": Kind("EPSG:4326", 0, 90, 1, (360, 180)),
    "the world from -180": Kind("EPSG:4326", -180, 90, 1, (360, 180)),
}
POLES = {
    "the north pole": Kind("EPSG:3413", -6e5, 5e5, 10_000),
    "the south pole": Kind("EPSG:3031", -6e5, 5e5, 10_000),
}
KINDS = {**SMALL, **WORLDS, **POLES}
IDS = {name: name.replace(" ", "_") for name in KINDS}
POINTS = [(0, 0, 12.0, 48.0), (0, 120, 12.12, 48.03), (100, 120, 12.14, 47.93), (100, 0, 12.02, 47.9)]


def write(path: Path, kind: Kind) -> None:
    (width, height), transform = kind.size, kind.transform
    columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    lon, lat = pyproj.Transformer.from_crs(kind.crs, 4326, always_xy=True).transform(*(transform * (columns, rows)))
    with rasterio.open(
        path, "w", driver="GTiff", count=2, width=width, height=height, dtype="float32", crs=kind.crs,
        transform=transform, nodata=NOTHING,
    ) as dataset:  # fmt: skip
        dataset.write(np.stack([lon % 360, lat]).astype("float32"))


@pytest.fixture(scope="module")
def globe(tmp_path_factory: pytest.TempPathFactory, start_service: Start) -> Service:
    archive = tmp_path_factory.mktemp("globe")
    for name, kind in KINDS.items():
        write(archive / f"{IDS[name]}.tif", kind)
    points = [GroundControlPoint(*point) for point in POINTS]
    columns, rows = np.meshgrid(np.arange(120), np.arange(100))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(archive / "points.tif", "w", driver="GTiff", count=2, width=120, height=100, dtype="uint8",
                           gcps=points, crs=CRS.from_epsg(4326)) as dataset:  # fmt: skip
            dataset.write(np.stack([columns, rows]).astype("uint8"))
    return start_service(archive)


@pytest.fixture
def scenes(globe: Service, monkeypatch: pytest.MonkeyPatch) -> Dict[str, Scene]:
    monkeypatch.setenv("PL_API_URL", globe.root)
    monkeypatch.setenv("PL_API_KEY", globe.key)
    found = {scene.id: scene for scene in planet_vector.search("PLANET:ortho")}
    return {**{name: found[of] for name, of in IDS.items()}, "points": found["points"]}


def check(pixels: np.ndarray, crs: Any, transform: Affine, most: float) -> float:
    """See that pixels come from where they are shown, to so many degrees on the ground; return how many are data."""
    lon, lat = pixels
    seen = lon != NOTHING
    columns, rows = np.meshgrid(np.arange(lon.shape[1]) + 0.5, np.arange(lon.shape[0]) + 0.5)
    x, y = transform * (columns, rows)
    there = pyproj.Transformer.from_crs(crs.to_wkt(), 4326, always_xy=True).transform(x, y)
    across = np.abs((lon - there[0] + 180) % 360 - 180) * np.cos(np.radians(there[1]))
    assert np.maximum(across, np.abs(lat - there[1]))[seen].max(initial=0) <= most
    return float(seen.mean())


# ---- mosaics ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("crs", [None, "EPSG:4326", "EPSG:3857", "EPSG:32701", "EPSG:3832"])
@pytest.mark.parametrize("name", SMALL)
def test_a_mosaic_shows_each_pixel_where_it_lies(scenes: Dict[str, Scene], name: str, crs: Any) -> None:
    with rasters.open_mosaic([scenes[name]], product="analytic", dst_crs=crs) as dataset:
        seen = check(dataset.read(), dataset.crs, dataset.transform, 0.01)
        assert seen > 0.9  # and no band of nothing around the globe
        assert 80 < dataset.height < 140 and 100 < dataset.width < 160


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857"])
def test_bounds_go_on_across_180(scenes: Dict[str, Scene], crs: str) -> None:
    names = ["in degrees over 180", "zone 60 over 180", "web mercator over its edge"]
    with rasters.open_mosaic([scenes[name] for name in names], product="analytic", dst_crs=crs) as dataset:
        turn = 360 if crs == "EPSG:4326" else GLOBE
        assert dataset.bounds.left < turn / 2 < dataset.bounds.right < dataset.bounds.left + turn / 100
        assert check(dataset.read(), dataset.crs, dataset.transform, 0.01) > 0.8


@pytest.mark.parametrize("bounds", [(-175.9, -17, -175.4, -16.5), (184.1, -17, 184.6, -16.5)])
def test_bounds_are_taken_in_any_turn(scenes: Dict[str, Scene], bounds: Any) -> None:
    for name in ("in degrees past 180", "in degrees below -360", "web mercator past its edge"):
        with rasters.open_mosaic(
            [scenes[name]], product="analytic", dst_crs="EPSG:4326", res=0.01, dst_bounds=bounds
        ) as dataset:
            assert np.allclose(dataset.bounds, bounds)
            assert check(dataset.read(), dataset.crs, dataset.transform, 0.01) > 0.6
    with pytest.raises(RasterAccessError, match="do not reach into the bounds"):
        rasters.open_mosaic([scenes["in degrees over 180"]], product="analytic", dst_bounds=bounds)


@pytest.mark.parametrize(
    "bounds", [(179.8, -17, 180.3, -16.5), (179.8, -17, -179.7, -16.5), (-180.2, -17, -179.7, -16.5)]
)
def test_bounds_across_180_are_taken_as_they_are_written(scenes: Dict[str, Scene], bounds: Any) -> None:
    with rasters.open_mosaic([scenes["in degrees over -180"]], product="analytic", dst_bounds=bounds) as dataset:
        assert dataset.shape == (50, 50)
        assert check(dataset.read(), dataset.crs, dataset.transform, 1e-5) == 1


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857"])
@pytest.mark.parametrize("name", WORLDS)
def test_the_world_is_shown_whole(scenes: Dict[str, Scene], name: str, crs: str) -> None:
    with rasters.open_mosaic([scenes[name]], product="analytic", dst_crs=crs) as dataset:
        half = 180 if crs == "EPSG:4326" else GLOBE / 2
        assert -dataset.bounds.left == pytest.approx(half, rel=0.01) and dataset.bounds.right == -dataset.bounds.left
        assert check(dataset.read(), dataset.crs, dataset.transform, 0.51) == 1
        assert dataset.height > 150  # its pixels are not those of a pole that is infinitely far


@pytest.mark.parametrize("crs", [None, "EPSG:4326", "EPSG:3857"])
@pytest.mark.parametrize("name", POLES)
def test_a_pole_is_shown_with_pixels_of_its_size(scenes: Dict[str, Scene], name: str, crs: Any) -> None:
    with rasters.open_mosaic([scenes[name]], product="analytic", dst_crs=crs) as dataset:
        assert check(dataset.read(), dataset.crs, dataset.transform, 0.08) > 0.3
        assert dataset.height > 70


# ---- parts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "boxes"),
    [
        (
            ("in degrees past 180", "in degrees below -360", "web mercator past its edge"),
            [(-175.9, -17, -175.4, -16.5), (184.1, -17, 184.6, -16.5), (-535.9, -17, -535.4, -16.5)],
        ),
        (
            ("in degrees over 180", "in degrees over -180", "web mercator over its edge", "zone 60 over 180",
             "zone 1 over 180", "web mercator over its other edge", "mercator of the ellipsoid"),
            [(179.8, -17, -179.8, -16.6), (179.8, -17, 180.2, -16.6), (-180.2, -17, -179.8, -16.6)],
        ),
    ],
)  # fmt: skip
def test_a_box_is_taken_in_any_turn(scenes: Dict[str, Scene], names: List[str], boxes: List[Any]) -> None:
    for name in names:
        with rasters.open_product(f"PLANET:ortho/{IDS[name]}/analytic") as dataset:
            found = {window_of(dataset, Box(*box)) for box in boxes}
            assert len(found) == 1
            [window] = found
            pixels = dataset.read(window=window)
            check(pixels, dataset.crs, dataset.window_transform(window), 1e-4)
            west, south, east, north = boxes[0]
            inside = ((pixels[0] - west) % 360 <= (east - west) % 360) & (pixels[1] > south) & (pixels[1] < north)
            assert inside.mean() > 0.9
            assert (window.width, window.height) != (WIDTH, HEIGHT)
            assert window_of(dataset, Box(-180, -90, 180, 90)) == rasterio.windows.Window(0, 0, WIDTH, HEIGHT)
            with pytest.raises(RasterAccessError, match="shares no ground"):
                window_of(dataset, Box(-10, -17, 10, -16))


def test_a_box_at_both_ends_of_a_world_is_refused(scenes: Dict[str, Scene]) -> None:
    with rasters.open_product(f"PLANET:ortho/{IDS['the world from 0']}/analytic") as dataset:
        with pytest.raises(RasterAccessError, match="both ends of the raster, in columns up to 10 and from 350 on"):
            window_of(dataset, Box(-10, 10, 10, 20))
        window = window_of(dataset, Box(-180, 10, 180, 20))
        assert (window.col_off, window.row_off, window.width, window.height) == (0, 70, 360, 10)
        assert window_of(dataset, Box(170, 10, -170, 20)) == rasterio.windows.Window(170, 70, 20, 10)


@pytest.mark.parametrize("crs", [None, "EPSG:4326", "EPSG:3857"])
@pytest.mark.parametrize("name", KINDS)
def test_crops_of_a_stack_are_what_lies_there(scenes: Dict[str, Scene], tmp_path: Path, name: str, crs: Any) -> None:
    [crop] = crop_stack([scenes[name]], tmp_path, product="analytic", dst_crs=crs)
    assert crop.path is not None and crop.valid > 0.98
    with rasterio.open(crop.path) as dataset:
        most = {"EPSG:4326": 0.6, "EPSG:3413": 0.08, "EPSG:3031": 0.08}[KINDS[name].crs] if name not in SMALL else 0.01
        check(dataset.read(), dataset.crs, dataset.transform, most)
        if crs is None and name not in WORLDS:
            assert dataset.width >= WIDTH - 2 and dataset.height >= HEIGHT - 2


# ---- control points --------------------------------------------------------------------------------------


def test_a_part_of_a_product_with_control_points_keeps_them(
    scenes: Dict[str, Scene], globe: Service, tmp_path: Path, run: Callable[..., Any], call: Callable[..., Any]
) -> None:
    part, expected = tmp_path / "part.tif", tmp_path / "expected.tif"
    done = call("crop", "PLANET:ortho/points/analytic", "-o", str(part), "--bbox", "12.05,47.92,12.08,47.95")
    assert done.returncode == 0, done.stderr
    with rasterio.open(part) as dataset:
        pixels, (points, crs) = dataset.read(), dataset.gcps
        assert dataset.transform.is_identity and crs.to_epsg() == 4326
    left, top = int(pixels[0, 0, 0]), int(pixels[1, 0, 0])  # the columns and rows of the file are its pixels
    window = map(str, (left, top, pixels.shape[2], pixels.shape[1]))
    done = run("gdal_translate", "-q", "-srcwin", *window, str(globe.archive / "points.tif"), str(expected))
    assert done.returncode == 0, done.stderr
    with rasterio.open(expected) as dataset:
        assert np.array_equal(dataset.read(), pixels)
        assert [(p.row, p.col, p.x, p.y) for p in dataset.gcps[0]] == [(p.row, p.col, p.x, p.y) for p in points]
    # The box's corners lie in it, and a pixel farther out they do not: gdaltransform tells where they are.
    corners = "12.05 47.92\n12.08 47.92\n12.08 47.95\n12.05 47.95\n"
    done = run("gdaltransform", "-i", "-t_srs", "EPSG:4326", str(globe.archive / "points.tif"), input=corners)
    places = np.array([[float(n) for n in line.split()[:2]] for line in done.stdout.splitlines()])
    low, high = np.floor(places.min(axis=0)), np.ceil(places.max(axis=0))
    assert (left, top) == tuple(low) and (left + pixels.shape[2], top + pixels.shape[1]) == tuple(high)


def test_a_window_of_it_needs_no_place(scenes: Dict[str, Scene], tmp_path: Path, call: Callable[..., Any]) -> None:
    part = tmp_path / "part.tif"
    done = call("crop", "PLANET:ortho/points/analytic", "-o", str(part), "--window", "10", "20", "30", "40")
    assert done.returncode == 0, done.stderr
    with rasterio.open(part) as dataset:
        assert dataset.read()[:, 0, 0].tolist() == [10, 20] and dataset.shape == (40, 30)
        assert [(p.row, p.col, p.x, p.y) for p in dataset.gcps[0]] == [(r - 20, c - 10, x, y) for r, c, x, y in POINTS]


def test_what_cannot_be_put_together_says_why(
    scenes: Dict[str, Scene], tmp_path: Path, call: Callable[..., Any]
) -> None:
    for attempt in (
        lambda: rasters.open_mosaic([scenes["points"]], product="analytic"),
        lambda: crop_stack([scenes["points"]], tmp_path, product="analytic"),
    ):
        with pytest.raises(
            RasterAccessError, match="points/analytic is georeferenced by ground control points, so it cannot"
        ):
            attempt()
    done = call("crop", "PLANET:ortho/points/analytic", "-o", str(tmp_path / "a.tif"), "--bbox", "1,2,3,4")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1) and "shares no ground" in done.stderr


def test_a_raster_without_a_place_is_told_in_a_sentence(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(
            tmp_path / "a.tif", "w", driver="GTiff", width=9, height=9, count=1, dtype="uint8"
        ) as dataset:
            pass
        with rasterio.open(tmp_path / "a.tif") as dataset:
            with pytest.raises(RasterAccessError, match="has no georeference: ask for a window"):
                window_of(dataset, Box(1, 2, 3, 4))
    with pytest.raises(RasterAccessError, match="has no coordinate system"):
        warped_bounds("EPSG:4326", None, (1, 2, 3, 4))


@pytest.mark.parametrize("count", [3, 4, 5, 6, 9, 30])
def test_points_are_fitted_as_gdal_fits_them(count: int) -> None:
    random = np.random.default_rng(count)
    for base, pixel in ((12.0, 1e-4), (179.9, 1e-4), (5e5, 10.0)):
        turn, columns, rows = random.uniform(0, 7), *random.uniform(0, 1000, (2, count))
        x = base + pixel * (
            math.cos(turn) * columns - math.sin(turn) * rows + 2e-5 * columns**2 - 1e-5 * columns * rows
        )
        y = 48 + pixel * (math.sin(turn) * columns + math.cos(turn) * rows + 3e-5 * rows**2)
        points = [GroundControlPoint(*map(float, point)) for point in zip(rows, columns, x, y)]
        place = ByPoints(points, (1000, 1000))
        at = random.uniform(0, 1000, (2, 40))
        with GCPTransformer(points) as gdal:
            ground = np.array(gdal.xy(at[1], at[0], offset="ul"))
            assert np.abs(np.array(place.to_ground(*at)) - ground).max() < 1e-3 * pixel
            again = np.array(gdal.rowcol(*ground, op=lambda values: values))[::-1]
        found = np.array(place.to_pixels(*ground))
        known = np.isfinite(found)  # a polynomial means nothing far from the raster
        assert known.mean() > 0.5 and np.abs(found - again)[known].max() < 1e-3


@pytest.mark.parametrize(
    ("points", "told"),
    [
        ([(0, 0, 1, 1), (0, 9, 2, 1)], "fewer than three"),
        ([(0, 0, 1, 1), (5, 5, 2, 2), (9, 9, 3, 3)], "in one line"),
        ([(0, 0, 1, 1), (0, 9, math.nan, 1), (9, 0, 3, 3)], "not numbers"),
    ],
)
def test_points_that_place_nothing_are_told(points: Any, told: str) -> None:
    with pytest.raises(PointsProblem, match=told):
        ByPoints([GroundControlPoint(*point) for point in points], (9, 9))


# ---- bounds ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([(170, 180), (-180, -170)], (170, 190)),
        ([(185, 186)], (-175, -174)),
        ([(-180, 180)], (-180, 180)),
        ([(0, 360)], (-180, 180)),
        ([(-180, 0), (0, 180)], (-180, 180)),
        ([(10, 20), (-10, 0)], (-10, 20)),
        ([(-120, -110), (150, 160)], (150, 250)),
        ([(-175, 5), (5, 175)], (-175, 175)),
        ([(170, 190), (-171, -160), (0, 1)], (170, 361)),
    ],
)
def test_the_narrowest_bounds_are_found(boxes: Any, expected: Any) -> None:
    west, _, east, _ = around([(west, 0.0, east, 1.0) for west, east in boxes], turn_of("EPSG:4326"))
    assert (west, east) == pytest.approx(expected)


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:4269", "EPSG:3857", "EPSG:3395", "EPSG:6933", "EPSG:3832"])
def test_a_system_that_is_moved_shows_the_same_ground(crs: str) -> None:
    own, turn = CRS.from_user_input(crs), turn_of(crs)
    assert turn is not None
    west = turn.middle + 0.45 * turn.period
    found = recentred(own, west, west + 0.2 * turn.period)
    assert found is not None
    x = west + np.linspace(0, 0.2, 9) * turn.period
    y = np.full(9, turn.equator + turn.period / 20)
    before = pyproj.Transformer.from_crs(crs, 4326, always_xy=True).transform(x, y)
    after = pyproj.Transformer.from_crs(found[0].to_wkt(), 4326, always_xy=True).transform(x - found[1], y)
    assert np.abs((np.array(before) - after + 180) % 360 - 180).max() < 1e-8
    assert recentred(own, turn.start, turn.start + turn.period) is None
    assert recentred(CRS.from_epsg(32760), 0, 1e7) is None


def test_bounds_that_cross_nothing_are_those_of_gdal() -> None:
    for source, target, bounds in (
        ("EPSG:32633", "EPSG:4326", (4e5, 5e6, 6e5, 5.2e6)),
        ("EPSG:32633", "EPSG:3857", (4e5, 5e6, 6e5, 5.2e6)),
        ("EPSG:4326", "EPSG:3857", (10, 40, 20, 60)),
        ("EPSG:3413", "EPSG:4326", (-1e6, -1e6, 1e6, 1e6)),
    ):
        assert warped_bounds(source, target, bounds) == pytest.approx(
            transform_bounds(source, target, *bounds), rel=1e-4
        )
