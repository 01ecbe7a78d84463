"""Footprints of rasters that reach beyond their projection, over poles and around the globe, by brute force.

Positions all over the globe are brought into the raster by pyproj: those that fall within it lie in its footprint.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Tuple

import numpy as np
import pytest
import rasterio
import shapely
from pyproj import CRS, Transformer
from rasterio.control import GroundControlPoint
from rasterio.errors import NotGeoreferencedWarning
from rasterio.rpc import RPC
from rasterio.transform import Affine, GCPTransformer, from_bounds
from shapely.geometry import MultiPolygon

from planet_vector.server.archive import outlines
from planet_vector.server.archive.scene_metadata import RasterProblem, measure
from planet_vector.server.index.entries import _footprint

from .points import BY_POINTS

Box = Tuple[float, float, float, float]
GEOS = "+proj=geos +h=35786023 +lon_0={} +sweep=x +ellps=GRS80"
DISK, GLOBE, HALF = 5_434_894.0, 20_037_508.34, 9_100_000.0
CASES = {
    "goes": (GEOS.format(-75), (-DISK, -DISK, DISK, DISK)),
    "himawari, over the antimeridian": (GEOS.format(140.7), (-DISK, -DISK, DISK, DISK)),
    "mollweide": ("+proj=moll", (-18.1e6, -HALF, 18.1e6, HALF)),
    "mollweide from 150": ("+proj=moll +lon_0=150", (-18.1e6, -HALF, 18.1e6, HALF)),
    "robinson": ("+proj=robin", (-17.1e6, -8.7e6, 17.1e6, 8.7e6)),
    "orthographic": ("+proj=ortho +lat_0=40 +lon_0=10", (-6.5e6, -6.5e6, 6.5e6, 6.5e6)),
    "orthographic from the pole": ("+proj=ortho +lat_0=90", (-6.5e6, -6.5e6, 6.5e6, 6.5e6)),
    "europe world-wide": ("EPSG:3035", (-8.5e6, -9.6e6, 17.1e6, 16e6)),
    "all but the antipode": ("EPSG:3035", (-4.7e6, -5.8e6, 13.3e6, 12.2e6)),
    "utm far outside": ("EPSG:32633", (-9e6, -9e6, 10e6, 9.9e6)),
    "utm wide": ("EPSG:32633", (-4e6, 0, 5e6, 9.9e6)),
    "utm over the pole": ("EPSG:32633", (-1e6, 8e6, 2e6, 12e6)),
    "arctic, down to the antarctic": ("EPSG:3413", (-2e7, -2e7, 2e7, 2e7)),
    "arctic": ("EPSG:3413", (-4e6, -4e6, 4e6, 4e6)),
    "the pole at a corner": ("EPSG:3413", (0, 0, 3e6, 3e6)),
    "the pole on an edge": ("EPSG:3031", (-3e6, 0, 3e6, 3e6)),
    "antarctic": ("EPSG:3031", (-9e6, -9e6, 9e6, 9e6)),
    "beside the pole": ("EPSG:3031", (1e6, 1e6, 5e6, 5e6)),
    "web mercator": ("EPSG:3857", (-GLOBE, -GLOBE, GLOBE, GLOBE)),
    "sinusoidal": ("+proj=sinu +R=6371007.181", (-20_015_109, -10_007_554, 20_015_109, 10_007_554)),
    "interrupted": ("+proj=igh", (-20_015_109, -8.7e6, 20_015_109, 8.7e6)),
    "azimuthal, all of it": ("+proj=aeqd +lat_0=52 +lon_0=10", (-20.1e6, -20.1e6, 20.1e6, 20.1e6)),
    "conic": ("EPSG:2154", (-2e7, -1e7, 2e7, 3e7)),
    "equal area": ("EPSG:6933", (-17_367_530, -7_314_540, 17_367_530, 7_314_540)),
    "a turned pole": (
        "+proj=ob_tran +o_proj=longlat +o_lon_p=0 +o_lat_p=30 +lon_0=10 +to_meter=0.0174532925199433",
        (-180, -90, 180, 90),
    ),
    "from a satellite": ("+proj=nsper +h=3000000 +lat_0=-20 +lon_0=179", (-6e6, -6e6, 6e6, 6e6)),
}
TURNED = ("EPSG:3413", (-2e6, -2e6, 2e6, 2e6))


def globe(count: int = 40_000) -> Tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(5)
    return random.uniform(-180, 180, count), np.degrees(np.arcsin(random.uniform(-1, 1, count)))


def check_form(footprint: shapely.Geometry) -> None:
    west, south, east, north = footprint.bounds
    assert footprint.is_valid and -180 <= west <= east <= 180 and -90 <= south <= north <= 90
    for part in shapely.get_parts(footprint):
        assert part.exterior.is_ccw and not any(hole.is_ccw for hole in part.interiors)
        for ring in (part.exterior, *part.interiors):
            assert abs(np.diff(np.asarray(ring.coords)[:, 0])).max() <= 180
    assert shapely.get_num_coordinates(footprint) < 1000


def expected(crs: str, matrix: Affine, lon: np.ndarray, lat: np.ndarray, size: int, cells: float) -> np.ndarray:
    """Return which positions lie in a raster and keep that many cells from its frame and from where nothing lies."""
    to_raster = Transformer.from_crs("EPSG:4326", CRS.from_user_input(crs), always_xy=True)
    x, y = to_raster.transform(lon, lat)
    again = to_raster.transform(x, y, direction="INVERSE")
    with np.errstate(invalid="ignore"):  # far outside, some come to where others are
        turn = np.abs((again[0] - lon + 180) % 360 - 180)
        there = (turn * np.cos(np.radians(lat)) < 0.01) & (np.abs(again[1] - lat) < 0.01)
    x, y = np.where(there, x, 1e12), np.where(there, y, 1e12)
    column, row = ~matrix * (x, y)
    margin = cells * size / outlines.CELLS
    within = (column > margin) & (column < size - margin) & (row > margin) & (row < size - margin)
    for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, -1), (1, -1), (-1, 1)):
        if cells > 0:
            near = matrix * (column + right * margin, row + down * margin)
            back = to_raster.transform(*to_raster.transform(*near, direction="INVERSE"))
            with np.errstate(invalid="ignore"):
                off = np.hypot(back[0] - near[0], back[1] - near[1])
                within &= off < 0.1 * margin * abs(matrix.determinant) ** 0.5
    return within & there


@pytest.mark.parametrize("name", CASES)
def test_a_footprint_holds_what_lies_in_its_raster(name: str) -> None:
    crs, box = CASES[name]
    size, (lon, lat) = 500, globe()
    matrix = from_bounds(*box, size, size)
    footprint = outlines.to_lonlat(shapely.box(*box), rasterio.CRS.from_user_input(crs), matrix, 0.25 * matrix.a)
    check_form(footprint)
    shapely.prepare(footprint)
    held = shapely.contains_xy(footprint, lon, lat)
    assert not (expected(crs, matrix, lon, lat, size, 1.5) & ~held).any()
    if name not in ("utm far outside", "utm wide"):  # near the limb, the way there and the way back differ
        assert not (held & ~expected(crs, matrix, lon, lat, size, -1.5)).any()
    # As the index takes it.
    wkb, boxes = _footprint(json.loads(shapely.to_geojson(footprint)))
    assert wkb is not None and boxes and shapely.from_wkb(wkb).equals(footprint)


@pytest.mark.parametrize("turn", [0, 17, 90, 200])
@pytest.mark.parametrize("mirrored", [False, True])
def test_rows_and_columns_may_lie_any_way(turn: float, mirrored: bool) -> None:
    lon, lat = globe()
    matrix = Affine.translation(3e5, -4e5) * Affine.rotation(turn) * Affine.scale(8e3, 8e3 if mirrored else -8e3)
    matrix *= Affine.translation(-250, -250)
    outline = shapely.Polygon([matrix * corner for corner in ((0, 0), (500, 0), (500, 500), (0, 500))])
    footprint = outlines.to_lonlat(outline, rasterio.CRS.from_epsg(3413), matrix, 2e3)
    check_form(footprint)
    held = shapely.contains_xy(footprint, lon, lat)
    assert not (expected("EPSG:3413", matrix, lon, lat, 500, 1.5) & ~held).any()
    assert not (held & ~expected("EPSG:3413", matrix, lon, lat, 500, -1.5)).any()


def test_what_is_missing_around_the_antipode_is_a_hole() -> None:
    """The antipode of 10° east, 52° north, and 40° around it, where the plane is 12 000 km from its middle."""
    crs, (west, south, east, north) = "EPSG:3035", (-20e6, -20e6, 20e6, 20e6)
    matrix = from_bounds(west, south, east, north, 400, 400)
    disk = shapely.Point(4_321_000, 3_210_000).buffer(12_000_000, 64)
    footprint = outlines.to_lonlat(disk, rasterio.CRS.from_user_input(crs), matrix, 1e4)
    check_form(footprint)
    for position, held in (
        ((-170, -52), False),
        ((10, 52), True),
        ((10, 89), True),
        ((0, -70), True),
        ((0, -90), False),
        ((179, 10), True),
    ):
        assert footprint.contains(shapely.Point(position)) is held, position


@pytest.mark.parametrize("box", [(-180.25, -90.25, 179.75, 90.25), (0.0, -90.0, 360.0, 90.0), (-180, -95, 540, 95)])
def test_degrees_beyond_the_poles_are_clipped(box: Box) -> None:
    footprint = outlines.to_lonlat(shapely.box(*box), rasterio.CRS.from_epsg(4326), from_bounds(*box, 720, 361), 0.1)
    check_form(footprint)
    assert footprint.equals(shapely.box(-180, -90, 180, 90))


def test_over_the_antimeridian_in_mercator() -> None:
    box = (19.5e6, -3e6, 20.6e6, -1e6)
    footprint = outlines.to_lonlat(shapely.box(*box), rasterio.CRS.from_epsg(3857), from_bounds(*box, 110, 200), 2500)
    check_form(footprint)
    assert isinstance(footprint, MultiPolygon)
    for lon, held in ((176, True), (179.9, True), (-179.9, True), (-175.5, True), (-174, False), (174, False)):
        assert footprint.contains(shapely.Point(lon, -15)) is held


@pytest.mark.parametrize(
    ("crs", "reason"),
    [
        ('LOCAL_CS["site",UNIT["metre",1],AXIS["E",EAST],AXIS["N",NORTH]]', r"not tied to the Earth \(site\)"),
        ("IAU_2015:49900", "not tied to the Earth"),
        (GEOS.format(0), "outside the domain"),
        ("EPSG:4326", "not longitude and latitude"),
    ],
)
def test_a_raster_that_lies_nowhere_says_why(tmp_path: Path, crs: str, reason: str) -> None:
    path, corner = tmp_path / "a.tif", Affine(10, 0, 7e6, 0, -10, 7e6)
    with rasterio.open(
        path, "w", driver="GTiff", width=20, height=20, count=1, dtype="uint8", crs=crs, transform=corner
    ) as dataset:
        dataset.write(np.ones((1, 20, 20), "uint8"))
    with pytest.raises(RasterProblem, match=reason) as problem:
        measure(path)
    assert "\n" not in str(problem.value)


# ---- control points ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BY_POINTS)
def test_a_footprint_by_control_points_is_where_gdal_puts_the_raster(tmp_path: Path, name: str) -> None:
    points = BY_POINTS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(tmp_path / "a.tif", "w", driver="GTiff", width=240, height=200, count=1, dtype="uint8",
                           gcps=points, crs=rasterio.CRS.from_epsg(4326)) as dataset:  # fmt: skip
            dataset.write(np.ones((1, 200, 240), "uint8"))
    footprint = shapely.geometry.shape(measure(tmp_path / "a.tif").geometry)
    check_form(footprint)
    # GDAL's own polynomial, away from the antimeridian; half a turn on, the same points do not cross it.
    moved = 180.0 if name == "across" else 0.0
    there = [GroundControlPoint(p.row, p.col, (p.x + moved + 180) % 360 - 180, p.y) for p in points]
    along = np.linspace(0, 1, 60)
    columns = np.concatenate([along * 240, np.full(60, 240), 240 - along * 240, np.zeros(60)])
    rows = np.concatenate([np.zeros(60), along * 200, np.full(60, 200), 200 - along * 200])
    with GCPTransformer(there) as gdal:
        x, y = gdal.xy(rows, columns, offset="ul")
    expected = shapely.make_valid(shapely.Polygon(np.column_stack([x, y])))
    back = shapely.transform(
        footprint, lambda p: np.column_stack([np.where(p[:, 0] < 0, p[:, 0] + 360, p[:, 0]) - moved, p[:, 1]])
    )
    apart = shapely.symmetric_difference(shapely.union_all(back, grid_size=1e-9), expected).area
    assert apart < 0.005 * expected.area


def test_a_raster_by_rational_polynomials_says_what_to_do(tmp_path: Path) -> None:
    one, zeros = [1.0] + [0.0] * 19, [0.0] * 20
    model = RPC(
        height_off=0, height_scale=500, lat_off=48, lat_scale=0.1, line_den_coeff=one,
        line_num_coeff=[0, 0, -1, *zeros[3:]],
        line_off=50, line_scale=50, long_off=12, long_scale=0.1, samp_den_coeff=one, samp_num_coeff=[0, 1, *zeros[2:]],
        samp_off=60, samp_scale=60,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(
            tmp_path / "a.tif", "w", driver="GTiff", width=120, height=100, count=1, dtype="uint8", rpcs=model
        ) as dataset:
            dataset.write(np.ones((1, 100, 120), "uint8"))
    with pytest.raises(RasterProblem, match=r"only by rational polynomials \(RPC\), .*: orthorectify it by `gdalwarp"):
        measure(tmp_path / "a.tif")


def test_points_in_one_line_place_nothing(tmp_path: Path) -> None:
    points = [GroundControlPoint(n, n, 12 + n / 100, 48 - n / 100) for n in (0, 3, 9)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(tmp_path / "a.tif", "w", driver="GTiff", width=9, height=9, count=1, dtype="uint8",
                           gcps=points, crs=rasterio.CRS.from_epsg(4326)) as dataset:  # fmt: skip
            dataset.write(np.ones((1, 9, 9), "uint8"))
    with pytest.raises(RasterProblem, match="has ground control points that lie in one line"):
        measure(tmp_path / "a.tif")
