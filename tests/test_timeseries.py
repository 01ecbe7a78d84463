"""Time series at places: pixels and statistics as rasterio and shapely find them, whole, cancelled and continued."""

from __future__ import annotations

import csv
import io
import json
import math
import shutil
import subprocess
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Tuple

import pytest

rasterio = pytest.importorskip("rasterio")
pandas = pytest.importorskip("pandas")
import numpy as np  # noqa: E402
import shapely  # noqa: E402
from rasterio.warp import transform  # noqa: E402

import planet_vector  # noqa: E402
from planet_vector import ConfigError, PlanetVectorError, QueryError  # noqa: E402
from planet_vector.assets import BandValues  # noqa: E402
from planet_vector.bands.expressions import parse_expression  # noqa: E402
from planet_vector.series.places import box_around, places_of, sides_of  # noqa: E402
from planet_vector.series.sampling import SampledFile, Scaling  # noqa: E402

from .conftest import Service, Start  # noqa: E402

POINTS = {"meadow": (12.0, 47.88), "wood": (12.001, 47.885), "edge": (12.0163, 47.8812)}
FIELD = shapely.Polygon([(12.0, 47.88), (12.012, 47.881), (12.008, 47.89), (12.001, 47.886)])
NDVI = "(band_4 - band_3) / (band_4 + band_3)"
CALL = Callable[..., "subprocess.CompletedProcess[str]"]


def _ndvi(path: Path, red: int, nir: int) -> Tuple[np.ndarray, rasterio.io.DatasetReader]:
    """Return NDVI of a whole file in double precision, NaN without data."""
    with rasterio.open(path) as dataset:
        valid = dataset.dataset_mask() > 0
        low, high = dataset.read(red).astype(float), dataset.read(nir).astype(float)
        with np.errstate(invalid="ignore"):
            return np.where(valid, (high - low) / (high + low), np.nan), dataset


def _pixels_inside(dataset: rasterio.io.DatasetReader, area: shapely.Geometry) -> np.ndarray:
    """Return which pixels of a raster have their centre in an area in degrees, by shapely, one by one."""
    inside = np.zeros(dataset.shape, bool)
    rows, columns = np.mgrid[0 : dataset.height, 0 : dataset.width]
    xs, ys = dataset.transform * (columns.ravel() + 0.5, rows.ravel() + 0.5)
    places = transform(dataset.crs, "EPSG:4326", xs.tolist(), ys.tolist())
    inside[:] = shapely.contains_xy(area, *places).reshape(dataset.shape)
    return inside


def test_points_have_the_pixel_that_contains_them(connected: Service, archive: Path) -> None:
    frame = planet_vector.timeseries("PLANET:ortho", POINTS, NDVI, product="analytic")
    assert list(frame.columns) == ["place", "scene", "acquired", "value", "valid"]
    assert str(frame.acquired.dtype.tz) == "UTC"
    assert list(dict.fromkeys(frame.place)) == list(POINTS)
    seen = 0
    scenes = {scene.id: scene for scene in planet_vector.search("PLANET:ortho")}
    for place, rows in frame.groupby("place"):
        assert rows.acquired.is_monotonic_increasing
        touched = {name for name, scene in scenes.items() if scene.footprint.intersects(shapely.Point(POINTS[place]))}
        assert set(rows.scene) == touched
        for row in rows.itertuples():
            assert row.acquired == scenes[row.scene].acquired
            expected, dataset = _ndvi(archive / f"{row.scene}_analytic.tif", 3, 4)
            (x,), (y,) = transform("EPSG:4326", dataset.crs, *([each] for each in POINTS[place]))
            column, down = (math.floor(each) for each in ~dataset.transform * (x, y))
            inside = 0 <= column < dataset.width and 0 <= down < dataset.height
            value = expected[down, column] if inside else math.nan
            assert row.value == pytest.approx(value, abs=1e-6, nan_ok=True)
            assert row.valid == (0 if math.isnan(value) else 1)
            seen += row.valid
    assert seen > 20


def test_polygons_have_the_pixels_whose_centre_is_inside(connected: Service, archive: Path) -> None:
    # Reaches beyond most scenes: their pixels count as missing.
    wide = shapely.box(11.985, 47.86, 12.02, 47.9)
    places = {"field": FIELD, "wide": wide}
    frame = planet_vector.timeseries("PLANET:ortho?acquired.gte=2015-09-01", places, NDVI, product="analytic")
    assert list(frame.columns)[3:] == ["mean", "median", "min", "max", "std", "count", "valid"]
    for row in frame.itertuples():
        expected, dataset = _ndvi(archive / f"{row.scene}_analytic.tif", 3, 4)
        values = expected[_pixels_inside(dataset, places[row.place])]
        values = values[~np.isnan(values)]
        # Edges are straight in degrees for shapely, and of 10 m in the raster's system: a pixel may differ.
        assert abs(row.count - len(values)) <= 1 + len(values) / 1000
        if not len(values):
            continue
        assert row.mean == pytest.approx(values.mean(), abs=2e-3)
        assert row.median == pytest.approx(np.median(values), abs=2e-3)
        assert row.std == pytest.approx(values.std(), abs=2e-3)
        assert row.min >= values.min() - 1e-6 or row.count > len(values)
        pixels = _area_in_metres(places[row.place], dataset.crs) / abs(dataset.transform.determinant)
        assert row.valid == pytest.approx(len(values) / pixels, abs=0.01)
    assert frame[frame.place == "wide"].valid.max() < 1 and frame[frame.place == "field"].valid.max() == 1


def _area_in_metres(area: shapely.Geometry, crs: rasterio.crs.CRS) -> float:
    return float(
        shapely.transform(
            area, lambda positions: np.column_stack(transform("EPSG:4326", crs, *positions.T.tolist()))
        ).area
    )


def test_bands_are_found_among_files_of_different_grids(connected: Service, archive: Path) -> None:
    """The panchromatic band has half the pixel size: its pixels are taken, the other band is sampled at them."""
    frame = planet_vector.timeseries("PLANET:landsat", {"field": FIELD}, "pan - red")
    assert len(frame) == 3
    for row in frame.itertuples():
        with (
            rasterio.open(archive / f"{row.scene}_band_8.tif") as fine,
            rasterio.open(archive / f"{row.scene}_band_4.tif") as coarse,
        ):
            inside = _pixels_inside(fine, FIELD)
            pan = fine.read(1)[inside].astype(float)
            rows, columns = np.nonzero(inside)
            xs, ys = fine.transform * (columns + 0.5, rows + 0.5)
            red = np.array([each[0] for each in coarse.sample(list(zip(xs, ys)))], float)
        valid = (pan > 0) & (red > 0)
        assert abs(row.count - valid.sum()) <= 1
        assert row.mean == pytest.approx((pan - red)[valid].mean(), rel=0.01)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ([], "no places"),
        ("LINESTRING (0 0, 1 1)", "neither a point nor a polygon .it is a LineString"),
        ("POLYGON ((0 0, 1 1", "cannot be read"),
        ([(12, 95)], "longitude and latitude, in this order"),
        ([(math.nan, 5)], "longitude and latitude, in this order"),
        ([None], "NoneType is no place"),
        (shapely.Point(), "it is empty"),
        (shapely.box(5, 5, 5, 6), "'1' is neither"),
        ({"type": "Feature", "properties": {}, "geometry": None}, "it has no geometry"),
        ([{"type": "Feature", "id": 7, "geometry": shapely.Point(1, 1).__geo_interface__}] * 2, "the id '7'"),
    ],
)
def test_a_wrong_place_is_named(given: object, reason: str) -> None:
    with pytest.raises(QueryError, match=reason):
        places_of(given)  # type: ignore[arg-type]


def test_places_have_ids() -> None:
    geopandas = pytest.importorskip("geopandas")
    frame = geopandas.GeoDataFrame(
        {"name": ["a", "b"]}, geometry=geopandas.points_from_xy([12, 13], [47, 48]), crs=4326
    )
    moved = frame.to_crs(32633)
    assert [place.id for place in places_of(moved)] == ["0", "1"]
    found = places_of(moved, "name")
    assert [place.id for place in found] == ["a", "b"]
    assert found[1].geometry.distance(shapely.Point(13, 48)) < 1e-9
    document = json.loads(frame.to_json())
    assert [place.id for place in places_of(document, "name")] == ["a", "b"]
    assert [place.id for place in places_of(json.dumps(document))] == ["0", "1"]
    assert [place.id for place in places_of([(1, 2), shapely.box(1, 2, 3, 4), "POINT (1 2)"])] == ["1", "2", "3"]
    assert places_of([(190, 2)])[0].geometry.x == -170
    with pytest.raises(QueryError, match="no column 'title'"):
        places_of(frame, "title")
    with pytest.raises(QueryError, match="no property 'title'; it has: name"):
        places_of(document, "title")
    with pytest.raises(QueryError, match="no coordinate system"):
        places_of(frame.set_crs(None, allow_override=True))


# ---- rasters of any kind ---------------------------------------------------------------------------------


def _raster(path: Path, transform: rasterio.Affine, crs: str, **options: object) -> rasterio.io.DatasetReader:
    rows, columns = np.mgrid[0:60, 0:90]
    pixels = (columns * 100 + rows).astype("int16")
    profile = {"driver": "GTiff", "width": 90, "height": 60, "count": 1, "dtype": "int16", **options}
    with rasterio.open(path, "w", crs=crs, transform=transform, **profile) as target:
        target.write(pixels, 1)
        target.scales, target.offsets = (0.5,), (-10.0,)
    return rasterio.open(path)


_UTM = rasterio.Affine(20, 0, 725000, 0, -20, 5309000)
_GRIDS = {
    "north up": (_UTM, "EPSG:32632"),
    "turned": (_UTM @ rasterio.Affine.rotation(30), "EPSG:32632"),
    "south up": (rasterio.Affine(20, 0, 725000, 0, 20, 5307000), "EPSG:32632"),
    "across 180": (rasterio.Affine(0.01, 0, 179.6, 0, -0.01, 0.3), "EPSG:4326"),
    "0 to 360": (rasterio.Affine(0.01, 0, 359.5, 0, -0.01, 0.3), "EPSG:4326"),
    "mercator": (rasterio.Affine(30, 0, 1336000, 0, -30, 6085000), "EPSG:3857"),
}


@pytest.mark.parametrize("name", _GRIDS)
@pytest.mark.parametrize("tiled", [True, False])
def test_pixels_of_any_grid(name: str, tiled: bool, tmp_path: Path) -> None:
    options = {"tiled": True, "blockxsize": 16, "blockysize": 16} if tiled else {}
    with _raster(tmp_path / "any.tif", *_GRIDS[name], **options) as dataset:
        file = SampledFile(dataset, "any")
        rng = np.random.default_rng(3)
        columns, rows = rng.uniform(-5, 95, 40), rng.uniform(-5, 65, 40)
        xs, ys = dataset.transform * (columns, rows)
        places = places_of(list(zip(*transform(dataset.crs, "EPSG:4326", xs.tolist(), ys.tolist()))))
        for place, column, row in zip(places, np.floor(columns), np.floor(rows)):
            found = file.pixels_of(place)
            inside = 0 <= column < 90 and 0 <= row < 60
            assert (found.rows.tolist(), found.columns.tolist()) == (([row], [column]) if inside else ([], []))
            assert found.total == 1
        # A triangle that reaches beyond the raster.
        corners = [(-10, 10), (70, -8), (50, 50)]
        xs, ys = dataset.transform * tuple(np.array(corners, float).T)
        if name == "across 180":
            outline = shapely.Polygon(list(zip(xs, ys)))
        else:
            outline = shapely.Polygon(list(zip(*transform(dataset.crs, "EPSG:4326", list(xs), list(ys)))))
        found = file.pixels_of(places_of(outline)[0])
        here = set(zip(found.rows.tolist(), found.columns.tolist()))
        down, across = (each.ravel() for each in np.mgrid[-20:80, -20:110])
        inside = shapely.contains_xy(shapely.Polygon(corners), across + 0.5, down + 0.5)
        expected = {
            (row, column) for row, column in zip(down[inside].tolist(), across[inside].tolist())
            if 0 <= row < 60 and 0 <= column < 90
        }  # fmt: skip
        assert len(here ^ expected) <= 6  # edges straight in degrees are not straight in the raster
        assert abs(found.total - int(inside.sum())) <= 6
        values, valid = file.read([1], found.rows, found.columns, lambda: None)
        assert values[0].tolist() == (found.columns * 100 + found.rows).tolist() and valid.all()


def test_far_apart_pixels_are_read_block_by_block(tmp_path: Path) -> None:
    class Counting(SampledFile):
        sizes: List[float] = []

        def _bands(self, numbers, window):  # type: ignore[no-untyped-def]
            self.sizes.append(window.width * window.height)
            return super()._bands(numbers, window)

    with _raster(tmp_path / "a.tif", _UTM, "EPSG:32632", tiled=True, blockxsize=16, blockysize=16) as dataset:
        file = Counting(dataset, "a")
        rows, columns = np.array([1, 58, 2, 30]), np.array([1, 88, 5, 40])
        values, valid = file.read([1], rows, columns, lambda: None)
    assert values[0].tolist() == (columns * 100 + rows).tolist() and valid.all()
    assert Counting.sizes == [10, 1, 1]


def test_what_the_service_states_holds_for_a_file_without(tmp_path: Path) -> None:
    profile = {"driver": "GTiff", "width": 3, "height": 1, "count": 1, "dtype": "uint16"}
    with rasterio.open(tmp_path / "a.tif", "w", crs="EPSG:32632", transform=_UTM, **profile) as target:
        target.write(np.array([[[0, 1500, 4000]]], "uint16"))
    place = places_of(shapely.box(11.9, 47.8, 12.1, 48))[0]
    stated = [BandValues(0, 0.0001, -0.1)]
    with rasterio.open(tmp_path / "a.tif") as dataset:
        file = SampledFile(dataset, "a", stated)
        pixels = file.pixels_of(place)
        _, valid = file.read([1], pixels.rows, pixels.columns, lambda: None)
        assert valid.tolist() == [False, True, True]
        band = file.header.bands[0]
        assert (band.scale, band.offset) == (0.0001, -0.1)
        file.check(1, parse_expression("evi"), Scaling())  # no integers without a scale
        with pytest.raises(QueryError, match="reflectance from 0 to 1"):
            SampledFile(dataset, "a").check(1, parse_expression("evi"), Scaling())


# ---- faults, cancelling, continuing ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def few(
    tmp_path_factory: pytest.TempPathFactory, archive: Path, start_service: Start
) -> Iterator[Tuple[Service, Path]]:
    """Return a service over Landsat scenes whose files may be spoilt, and its log."""
    folder = tmp_path_factory.mktemp("few")
    (folder / "archive").mkdir()
    for path in archive.glob("LC8*"):
        if "band" not in path.name or path.stem.endswith(("band_4", "band_5")):
            shutil.copy(path, folder / "archive")
    service = start_service(folder / "archive", "--rescan", "0", "--access-log", str(folder / "log"), key="")
    yield service, folder / "log"
    service.stop()


@pytest.fixture
def spoilt(few: Tuple[Service, Path]) -> Iterator[str]:
    """Damage the file of one scene for the duration of a test; return its id."""
    path = sorted(few[0].archive.glob("*_band_5.tif"))[1]
    content = path.read_bytes()
    path.write_bytes(content[:400] + b"\0" * (len(content) - 400))
    yield path.name.partition("_")[0]
    path.write_bytes(content)


@pytest.fixture
def at_few(few: Tuple[Service, Path], monkeypatch: pytest.MonkeyPatch) -> Service:
    monkeypatch.setenv("PL_API_URL", few[0].url)
    return few[0]


def _requested(log: Path) -> Dict[str, int]:
    found: Dict[str, int] = {}
    for line in log.read_text().splitlines():
        if "/full" in line:
            name = line.split("/full")[0].rpartition("/")[2]
            found[name] = found.get(name, 0) + 1
    return found


def test_a_scene_that_fails_is_an_error_or_a_row(at_few: Service, spoilt: str) -> None:
    with pytest.raises(PlanetVectorError, match=spoilt):
        planet_vector.timeseries("PLANET:landsat", POINTS["meadow"], "ndvi")
    frame = planet_vector.timeseries("PLANET:landsat", POINTS["meadow"], "ndvi", keep_going=True)
    assert len(frame) == 3 and list(frame.scene[frame.error != ""]) == [spoilt]
    row = frame[frame.scene == spoilt].iloc[0]
    assert spoilt in row.error and math.isnan(row.value) and math.isnan(row.valid) and row.acquired.year == 2015
    assert frame.value.notna().sum() == 2


def test_a_cancelled_series_continues(at_few: Service, few: Tuple[Service, Path], tmp_path: Path) -> None:
    journal = tmp_path / "fields.journal"
    whole = planet_vector.timeseries("PLANET:landsat", {"field": FIELD}, "ndvi")

    def cancel(done: int, total: int) -> None:
        assert total == 3
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        planet_vector.timeseries("PLANET:landsat", {"field": FIELD}, "ndvi", journal=journal, progress=cancel)
    kept = [json.loads(line)["scene"].split("@")[0].split("/")[1] for line in journal.read_text().splitlines()[1:]]
    assert kept
    with open(journal, "ab") as file:
        file.write(b'{"scene":"landsat/torn')  # as a killed program leaves it
    before = _requested(few[1])
    assert planet_vector.timeseries("PLANET:landsat", {"field": FIELD}, "ndvi", journal=journal).equals(whole)
    after = _requested(few[1])
    assert {name for name in after if after[name] > before[name]} == set(whole.scene) - set(kept)
    assert len(journal.read_text().splitlines()) == 4
    assert planet_vector.timeseries("PLANET:landsat?limit=1", {"field": FIELD}, "ndvi", journal=journal).equals(
        whole.tail(1).reset_index(drop=True)
    )
    assert _requested(few[1]) == after


def test_a_journal_belongs_to_places_and_expression(at_few: Service, tmp_path: Path) -> None:
    journal = tmp_path / "a.journal"
    series = planet_vector.timeseries
    series("PLANET:landsat?limit=1", POINTS["meadow"], "ndvi", journal=journal)
    for place, expression in ((POINTS["wood"], "ndvi"), (POINTS["meadow"], "red")):
        with pytest.raises(ConfigError, match="other places or another expression"):
            series("PLANET:landsat?limit=1", place, expression, journal=journal)
    for content in (b"something else\n", b'{"a": 1}\n', journal.read_bytes() + b"{}\n", b"a text"):
        journal.write_bytes(content)
        with pytest.raises(ConfigError, match="is not a journal"):
            series("PLANET:landsat?limit=1", POINTS["meadow"], "ndvi", journal=journal)
        assert journal.read_bytes() == content
    from planet_vector.file_lock import locked

    journal.unlink()
    series("PLANET:landsat?limit=1", POINTS["meadow"], "ndvi", journal=journal, scale=2)
    series("PLANET:landsat?limit=1", POINTS["meadow"], "ndvi", journal=journal, scale=2.0)
    journal.unlink()
    with locked(tmp_path / "a.journal.lock", 1), pytest.raises(ConfigError, match="Another program uses"):
        series("PLANET:landsat?limit=1", POINTS["meadow"], "ndvi", journal=journal)


@pytest.mark.parametrize(
    "change",
    [
        lambda header, line: b"my notes\nwithout an end",
        lambda header, line: header.replace(b'"inputs":"', b'"inputs":"0') + line[:-9],
        lambda header, line: header + line.replace(b'{"1":[', b'{"1":[[') + b"torn",
        lambda header, line: header + line.replace(b'{"1":[', b'{"1":[Infinity,'),
        lambda header, line: header + line.partition(b'"places":')[0] + b'"places":[]}\n',
        lambda header, line: header + line.partition(b'"places":')[0] + b'"places":{"1":"1234567"}}\n',
        lambda header, line: header + line.partition(b'"places":')[0] + b'"places":{"1":[1,1,1,1,0,Infinity,1]}}\n',
        lambda header, line: header + line.partition(b'"places":')[0] + b'"places":{"1":[1,1,1,1,0,-1,1]}}\n',
        lambda header, line: header + line.partition(b'"places":')[0] + b'"places":{"1":[1,1,1,1,0,1,1.5]}}\n',
        lambda header, line: header + line.partition(b'"places":')[0] + b'"places":{"1":[1,9,1,1,0,1,1]}}\n',
        lambda header, line: header + line.partition(b'"places":')[0] + b'"places":{"1":[NaN,1,1,1,0,1,1]}}\n',
    ],
)
def test_what_is_not_the_journal_is_an_error_and_stays_as_it_is(
    at_few: Service, tmp_path: Path, change: Callable[[bytes, bytes], bytes]
) -> None:
    journal = tmp_path / "a.journal"
    planet_vector.timeseries("PLANET:landsat?limit=1", POINTS["meadow"], "ndvi", journal=journal)
    header, line = journal.read_bytes().splitlines(keepends=True)
    content = change(header, line)
    assert content != header + line
    journal.write_bytes(content)
    with pytest.raises(ConfigError, match="journal"):
        planet_vector.timeseries("PLANET:landsat?limit=1", POINTS["meadow"], "ndvi", journal=journal)
    assert journal.read_bytes() == content


def test_a_file_that_is_no_journal_is_not_said_to_be_one(at_few: Service, call: CALL, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("my notes")
    done = call("timeseries", "POINT (12 47.88)", "ndvi", "-s", "landsat", "--journal", str(tmp_path / "notes.txt"))
    assert done.returncode == 1 and "is not a journal" in done.stderr and len(done.stderr.splitlines()) == 1


def test_bands_have_names_in_products_whose_files_differ(connected: Service) -> None:
    name = "PLANET:ortho?acquired.gte=2015-09-01"
    by_name = planet_vector.timeseries(name, POINTS["meadow"], "ndvi", product="analytic")
    assert by_name.equals(planet_vector.timeseries(name, POINTS["meadow"], NDVI, product="analytic"))
    assert by_name.equals(planet_vector.timeseries(name, POINTS["meadow"], "ndvi")) and by_name.valid.sum() > 1


def test_a_file_with_other_bands_than_documented_is_an_error(
    few: Tuple[Service, Path], at_few: Service, tmp_path: Path
) -> None:
    """Its bands may be others than those that the names stand for."""
    path = sorted(at_few.archive.glob("*_band_5.tif"))[0]
    content = path.read_bytes()
    with rasterio.open(path) as source:
        profile, pixels = {**source.profile, "count": 2}, source.read()
    with rasterio.open(tmp_path / "two.tif", "w", **profile) as target:
        target.write(np.concatenate([pixels, pixels]))
    shutil.copy(tmp_path / "two.tif", path)
    try:
        with pytest.raises(PlanetVectorError, match="band_5 has 2 bands instead of 1"):
            planet_vector.timeseries("PLANET:landsat", POINTS["meadow"], "ndvi")
    finally:
        path.write_bytes(content)


@pytest.mark.parametrize("longitude", [180.0, -180.0, 540.0])
def test_a_point_on_the_antimeridian_is_on_both_sides(longitude: float, tmp_path: Path) -> None:
    (point,) = places_of([(longitude, 10.0)])
    box = box_around([point])
    for west, east in ((-180.0, -171.0), (171.0, 180.0)):  # 90 columns
        footprint = shapely.box(west, 9, east, 11)
        assert box.west <= west and box.east >= east
        assert any(shapely.intersects(footprint, side) for side in sides_of(point))
        file = _raster(tmp_path / "side.tif", rasterio.transform.from_origin(west, 11, 0.1, 0.1), "EPSG:4326")
        with file:
            found = SampledFile(file, "side").pixels_of(point)
        # The pixel to the east of an edge contains it.
        assert found.columns.tolist() == ([0] if west == -180 else [])


def test_a_point_at_the_edge_of_a_raster_around_the_globe_has_a_pixel(tmp_path: Path) -> None:
    for west, longitudes in ((0.0, (0.0, 360.0, -360.0, 4.0, -4.0)), (-180.0, (180.0, -180.0, 0.0, 176.0))):
        transform = rasterio.transform.from_origin(west, 60, 4, 2)  # 90 columns
        with _raster(tmp_path / "globe.tif", transform, "EPSG:4326") as dataset:
            for longitude in longitudes:
                (place,) = places_of([(longitude, 11.0)])
                found = SampledFile(dataset, "globe").pixels_of(place)
                assert found.columns.tolist() == [int((longitude - west) % 360 // 4)], (west, longitude)


def test_names_of_stac_services_work(at_few: Service) -> None:
    here = planet_vector.timeseries("PLANET:landsat", {"field": FIELD}, "ndvi")
    stac = at_few.url.replace("/v0/", "/stac/")
    bare = "(band_5 - band_4) / (band_5 + band_4)"  # the service's items do not name what bands show
    there = planet_vector.timeseries("PLANET:landsat", {"field": FIELD}, bare, connection=stac)
    assert there.equals(here) and len(here) == 3


def test_an_index_of_reflectance_rejects_counts(at_few: Service) -> None:
    places = {"meadow": POINTS["meadow"]}
    with pytest.raises(QueryError, match="reflectance from 0 to 1"):
        planet_vector.timeseries("PLANET:landsat?limit=1", places, "evi2")
    row = planet_vector.timeseries("PLANET:landsat?limit=1", places, "evi2", scale=2e-5, offset=-0.1).iloc[0]
    bands = planet_vector.timeseries("PLANET:landsat?limit=1", places, "red").iloc[0].value
    near = planet_vector.timeseries("PLANET:landsat?limit=1", places, "band_5").iloc[0].value
    red, nir = bands * 2e-5 - 0.1, near * 2e-5 - 0.1
    assert row.value == pytest.approx(2.5 * (nir - red) / (nir + 2.4 * red + 1), rel=1e-5)


# ---- the command -----------------------------------------------------------------------------------------


def test_the_command_prints_the_data_frame(at_few: Service, call: CALL, tmp_path: Path) -> None:
    path = tmp_path / "places.geojson"
    features = [
        {"type": "Feature", "id": 5, "properties": {"name": name}, "geometry": shapely.Point(at).__geo_interface__}
        for name, at in list(POINTS.items())[:2]
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    done = call("timeseries", str(path), "ndvi", "-s", "landsat", "--id", "name", "--acquired", "2015-07-01..")
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    frame = planet_vector.timeseries(
        "PLANET:landsat?acquired.gte=2015-07-01", str(path.read_text()), "ndvi", id_property="name"
    )
    assert [(row["place"], row["scene"]) for row in rows] == list(zip(frame.place, frame.scene)) and len(rows) == 4
    assert [float(row["value"]) for row in rows] == pytest.approx(list(frame.value), rel=1e-6)
    assert rows[0]["acquired"].endswith("Z") and list(pandas.to_datetime([row["acquired"] for row in rows])) == list(
        frame.acquired
    )
    lines = "\n".join(map(json.dumps, features))
    assert (
        call(
            "timeseries", "-", "ndvi", "-s", "landsat", "--id", "name", "--acquired", "2015-07-01..", input=lines
        ).stdout
        == done.stdout
    )


def test_the_command_continues(at_few: Service, spoilt: str, call: CALL, tmp_path: Path) -> None:
    output = tmp_path / "ndvi.csv"
    arguments = ("timeseries", FIELD.wkt, "ndvi", "-s", "landsat", "-o", str(output))
    done = call(*arguments)
    assert done.returncode == 1 and spoilt in done.stderr and "the same command continues from there" in done.stderr
    assert not output.exists() and (tmp_path / "ndvi.csv.journal").exists()
    done = call(*arguments, "--keep-going")
    assert done.returncode == 0 and "1 of 3 scenes failed." in done.stderr
    assert len(output.read_text().splitlines()) == 4


def test_the_command_leaves_only_its_output(at_few: Service, call: CALL, tmp_path: Path) -> None:
    output = tmp_path / "ndvi.csv"
    done = call("timeseries", FIELD.wkt, "ndvi", "-s", "landsat", "-o", str(output))
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == [output]
    again = call("timeseries", FIELD.wkt, "ndvi", "-s", "landsat", "-o", str(output))
    assert again.returncode == 1 and "is there already" in again.stderr
    done = call("timeseries", "POINT (-60 -20)", "ndvi", "-s", "landsat")
    assert done.returncode == 0 and done.stdout == "place,scene,acquired,value,valid\n" and "No scenes" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("POINT (1 2)", "nir +"), 2, "wrong at column 6"),
        (("LINESTRING (1 2, 3 4)", "ndvi"), 2, "neither a point nor a polygon"),
        (("nowhere.geojson", "ndvi"), 2, "no such file"),
        (("POINT (12 47.88)", "ndvi", "-o", "no/where.csv"), 1, "There is no folder no"),
        (("POINT (12 47.88)", "swir42", "-s", "landsat"), 2, "uses a band 'swir42' at column 1"),
        (("POINT (12 47.88)", "band_1", "-s", "landsat", "--product", "visual"), 1, "no product 'visual'"),
    ],
)
def test_wrong_arguments(at_few: Service, call: CALL, arguments: Tuple[str, ...], code: int, told: str) -> None:
    done = call("timeseries", *arguments)
    assert (done.returncode, done.stdout) == (code, "") and told in done.stderr, done.stderr
