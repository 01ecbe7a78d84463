"""The terms of a search, times and areas above all, mean the same in Python, at a shell and in names."""

from __future__ import annotations

import json
import shutil
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Dict, List

import geopandas
import numpy
import pandas
import pyogrio
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

import planet_vector
from planet_vector.area_inputs import area_of_file, area_text
from planet_vector.catalog.data_v1.item_schemas import schema_of
from planet_vector.catalog.stac.item_schema import build_schema
from planet_vector.cli.search_options import read_area
from planet_vector.cli.timeseries import _places
from planet_vector.errors import NameSyntaxError, QueryError
from planet_vector.geometry.areas import as_geojson
from planet_vector.geometry.boxes import Box
from planet_vector.query import Query
from planet_vector.search_terms import query_of
from planet_vector.times import format_time, parse_span, parse_time, time_before
from tests.schemas import ORTHO
from tests.second_catalog import SCHEMA
from tests.stac.conftest import policies

UTC = timezone.utc
PSSCENE = schema_of("PSScene")
_ITEM = {"properties": {"datetime": "2024-05-01T00:00:00Z", "eo:cloud_cover": 3.5}}
STAC = build_schema("https://stac.example/", policies(), {"id": "scenes"}, {}, [_ITEM])
SCHEMAS = [ORTHO, PSSCENE, STAC, SCHEMA]

# ---- times ---------------------------------------------------------------------------------------------------

DATES = st.dates(date(1, 1, 1), date(9998, 12, 31))
WRITTEN = st.sampled_from(["%Y-%m-%d", "%Y-%m", "%Y"])


def written(day: date, how: str) -> str:
    return day.isoformat()[: {"%Y-%m-%d": 10, "%Y-%m": 7, "%Y": 4}[how]]


def holds(day: date, text: str) -> bool:
    """Return whether a date lies in a period, by its spelling alone."""
    return day.isoformat().startswith(text)


@given(DATES, WRITTEN, DATES, WRITTEN, st.sampled_from(["/", "..", " .. ", " / "]), DATES)
def test_a_span_is_from_the_first_to_the_last_day_of_its_ends(
    low: date, how: str, high: date, how_high: str, between: str, day: date
) -> None:
    first, last = written(low, how), written(high, how_high)
    moment = datetime(day.year, day.month, day.day, 23, 59, 59, 999999, UTC)
    inside = (first <= day.isoformat() or holds(day, first)) and (day.isoformat() <= last or holds(day, last))
    try:
        span = parse_span(first + between + last)
    except ValueError as error:
        assert first[:4] >= last[:4] and "write" in str(error)
        return
    assert span.low is not None and span.high is not None and span.whole
    assert (span.low <= moment < span.high) == inside


@given(DATES, WRITTEN)
def test_a_period_alone_and_open_spans_have_the_same_ends(day: date, how: str) -> None:
    text = written(day, how)
    alone = parse_span(text)
    assert parse_span(f"{text}/..") == (alone.low, None, False) == parse_span(f"{text}..") == parse_span(f"{text}/")
    assert parse_span(f"../{text}") == (None, alone.high, True) == parse_span(f"..{text}") == parse_span(f"/{text}")
    assert parse_span(f"{text}/{text}") == alone == parse_span(f" {text}\n")


@pytest.mark.parametrize(
    "text, told",
    [
        ("..", "has no end"),
        ("../..", "has no end"),
        ("2024-13", "month must be in 1..12"),
        ("2024-02-30", "day"),
        ("0000", "year"),
        ("9999", "for an open end"),
        ("2015/9999-12-31", "for an open end"),
        ("2024-05-01 noon", "is not a time"),
        ("2024-05 to 2024-06-01", "is not a time"),
        ("2024-05-01 to 2024-06-01", "write '2024-05-01..2024-06-01'"),
        ("2024-06/2024-05", "write 2024-05/2024-06"),
        ("2024-06..2024-05", r"write 2024-05\.\.2024-06"),
        ("2024/05/01", "is not a time"),
        ("May 2024", "is not a time"),
    ],
)
def test_what_is_no_span_is_told(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse_span(text)


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.service[:9])
def test_times_mean_the_same_in_every_service_and_in_names(schema: Any) -> None:
    time = schema.meanings.time
    expected = query_of(schema, datetime=(datetime(2024, 5, 1), date(2024, 6, 30)))
    lows = [condition for condition in expected.conditions if condition.comparator == "gte"]
    assert [condition.value for condition in lows] == [datetime(2024, 5, 1, tzinfo=UTC)]
    (high,) = [condition for condition in expected.conditions if condition.comparator != "gte"]
    assert high.value in (datetime(2024, 7, 1, tzinfo=UTC), datetime(2024, 6, 30, 23, 59, 59, 999999, UTC))
    for text in ("2024-05/2024-06", "2024-05..2024-06", "2024-05-01/2024-06-30"):
        assert query_of(schema, datetime=text) == expected
        assert Query.parse(schema, [(time, text)]) == expected
    months = [(f"{time}.gte", "2024-05"), (f"{time}.lte", "2024-06")]
    assert Query.parse(schema, months) == expected
    assert query_of(schema, where=dict(months)) == expected


def test_a_date_in_a_comparison_of_a_name_is_the_instant_of_the_api() -> None:
    """The API's parameters keep the API's meaning."""
    (condition,) = Query.parse(ORTHO, [("acquired.lte", "2015-03-06")]).conditions
    assert (condition.comparator, condition.value) == ("lte", datetime(2015, 3, 6, tzinfo=UTC))


NOW = datetime(2024, 3, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "age, expected",
    [
        ("90min", NOW - timedelta(minutes=90)),
        ("36h", NOW - timedelta(hours=36)),
        ("3d", NOW - timedelta(days=3)),
        ("2w", NOW - timedelta(days=14)),
        ("1mo", datetime(2024, 2, 29, 12, tzinfo=UTC)),
        ("13mo", datetime(2023, 2, 28, 12, tzinfo=UTC)),
        ("1y", datetime(2023, 3, 31, 12, tzinfo=UTC)),
    ],
)
def test_ages(age: str, expected: datetime) -> None:
    assert time_before(age, NOW) == expected


@pytest.mark.parametrize(
    "age, told", [("6m", "6min or 6mo"), ("3", "such as 3d"), ("-3d", "such as 3d"), ("9999y", "before all time")]
)
def test_what_is_no_age_is_told(age: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        time_before(age, NOW)


# ---- other terms ---------------------------------------------------------------------------------------------


def test_cloud_cover_is_in_percent_in_every_service() -> None:
    def limit(schema: Any) -> Any:
        (condition,) = query_of(schema, cloud_cover=10).conditions
        return condition.parameter

    assert limit(ORTHO) == ("cloud_cover.estimated.lte", "10")
    assert limit(PSSCENE) == ("cloud_cover.lte", "0.1")
    assert limit(STAC) == ("eo:cloud_cover.lte", "10")
    assert limit(SCHEMA) == ("eo:cloud_cover.lte", "0.1")


def test_terms_are_the_parameters_of_a_name() -> None:
    terms = {
        "bbox": (11, 47, 12, 48),
        "where": {"sat.off_nadir.lt": 2, "acquired.gte": date(2015, 1, 1), "sat.id": "0b0a"},
        "order": "asc",
        "limit": 7,
    }
    expected = [
        ("bbox", "11,47,12,48"),
        ("sat.off_nadir.lt", "2"),
        ("acquired.gte", "2015-01-01"),
        ("sat.id", "0b0a"),
        ("order_by", "acquired asc"),
        ("limit", "7"),
    ]
    assert query_of(ORTHO, **terms) == Query.parse(ORTHO, expected)  # type: ignore[arg-type]
    assert query_of(ORTHO, expected[:1], where=terms["where"], order="acquired asc", limit=7) == Query.parse(  # type: ignore[arg-type]
        ORTHO, expected
    )


SQUARE = shapely.box(11.9, 47.8, 12.1, 47.9)

WRONG: List[Any] = [
    ({"cloud_cover": 101}, "cloud_cover is 101: it takes percent, from 0 to 100"),
    ({"cloud_cover": float("nan")}, "percent"),
    ({"cloud_cover": "5"}, "cloud_cover is '5': it takes percent"),
    ({"cloud_cover": True}, "cloud_cover is True: it takes percent"),
    ({"datetime": pandas.NaT}, "a text, a date or a datetime, not NaT"),
    ({"datetime": (pandas.NaT, None)}, "a text, a date or a datetime, not NaTType"),
    ({"where": "sat.id=x"}, "where takes values by field and comparator"),
    ({"where": {1: 2}}, "as {'sat.off_nadir.lt': 2}"),
    ({"where": 3}, "{'sat.off_nadir.lt': 2}."),
    ({"bbox": (1, 2, 3)}, "bbox"),
    ({"bbox": 7}, "four numbers: west, south, east and north"),
    ({"bbox": (47.8, 111.9, 47.9, 112.1)}, "write 111.9,47.8,112.1,47.9"),
    ({"bbox": (1, 2, 3, 4), "intersects": "POINT (1 2)"}, "bbox or intersects, not both"),
    ({"datetime": "yesterday"}, "datetime: 'yesterday' is not a time"),
    ({"datetime": ("2024", "2025", "2026")}, "two times, not 3"),
    ({"datetime": 2024}, "a text, a date or a datetime, not int"),
    ({"where": {"clouds": 3}}, "'clouds' is not a search parameter"),
    ({"where": {"sat.off_nadir.lt": object()}}, "is of the type object"),
    ({"published": 2024}, "published: it takes a text, a date or a datetime, not int"),
    ({"since": "6m"}, "since is '6m': m may be minutes or months"),
    ({"since": "2024"}, "from a date on is 'datetime 2024..'"),
    ({"since": 3}, "since is 3: it takes a text such as 3d, or a timedelta"),
    ({"since": pandas.NaT}, "a text such as 3d, or a timedelta"),
    ({"since": timedelta(0)}, "since is 0:00:00: it takes an age above 0"),
    ({"since": timedelta.max}, "it takes an age above 0"),
    ({"order": "up"}, "order is 'up': it takes desc or asc"),
    ({"limit": 0}, "limit is '0'"),
    ({"intersects": 7}, "not int"),
    ({"intersects": {"type": "FeatureCollection", "features": []}}, "no geometry in the area"),
    ({"intersects": "nowhere.gpkg"}, "no such file"),
    ({"intersects": geopandas.GeoSeries([], crs=4326)}, "no geometry in the data frame"),
    ({"intersects": ""}, "The area is an empty text"),
    ({"intersects": (11, 47, 12, 48)}, "not tuple: a box is the term bbox"),
    ({"intersects": {"type": "Point", "coordinates": {1, 2}}}, "but no GeoJSON"),
    ({"intersects": geopandas.GeoSeries([shapely.Point(1, 1)], crs="ESRI:104903")}, "which is not reprojected"),
]


@pytest.mark.parametrize("terms, told", WRONG, ids=[told for _, told in WRONG])
def test_a_wrong_term_is_told_in_a_sentence(terms: Dict[str, Any], told: str) -> None:
    with pytest.raises(QueryError) as caught:
        query_of(ORTHO, **terms)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


EMPTY = [
    "POLYGON EMPTY", "GEOMETRYCOLLECTION EMPTY", shapely.Polygon(), shapely.GeometryCollection(),
    {"type": "Point", "coordinates": []}, '{"type": "Polygon", "coordinates": [[]]}',
    {"type": "Feature", "properties": {}, "geometry": {"type": "GeometryCollection", "geometries": []}},
]  # fmt: skip


@pytest.mark.parametrize("area", EMPTY, ids=str)
def test_an_empty_area_is_an_error_before_the_service_is_asked(area: Any) -> None:
    with pytest.raises(QueryError, match="is empty|no geometry"):
        query_of(ORTHO, intersects=area)


@pytest.mark.parametrize("area", EMPTY[2:], ids=str)
def test_empty_geometries_beside_others_are_left_out(area: Any) -> None:
    geometry = json.loads(area) if isinstance(area, str) else getattr(area, "__geo_interface__", area)
    feature = geometry if geometry["type"] == "Feature" else {"type": "Feature", "properties": {}, "geometry": geometry}
    square = {"type": "Feature", "properties": {}, "geometry": SQUARE.__geo_interface__}
    assert same(area_text({"type": "FeatureCollection", "features": [feature, square]}), SQUARE)


@pytest.mark.parametrize(
    "area",
    [
        shapely.Point(float("nan"), 1),
        shapely.Point(1, float("inf")),
        '{"type": "Point", "coordinates": [NaN, 1]}',
        geopandas.GeoSeries([SQUARE, shapely.Point(1e9, 1e9)], crs=32633),  # UTM does not reach there
    ],
    ids=str,
)
def test_a_coordinate_that_is_no_number_is_an_error_before_the_service_is_asked(area: Any) -> None:
    with pytest.raises(QueryError, match="not a finite number"):
        query_of(ORTHO, intersects=area)


def test_an_empty_text_is_not_the_working_directory(
    files: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for part in files.glob("fields.*"):
        shutil.copy(part, tmp_path)
    monkeypatch.chdir(tmp_path)  # GDAL reads a folder of shapefiles as layers
    for text in ("", " ", "@"):
        with pytest.raises(QueryError, match="empty text"):
            read_area(text)


def test_arrays_of_numpy_are_coordinates() -> None:
    ring = numpy.array(SQUARE.exterior.coords)
    assert same(area_text({"type": "Polygon", "coordinates": [ring]}), SQUARE)


def test_a_service_without_a_field_tells_it() -> None:
    bare = build_schema(
        "https://stac.example/", policies(), {"id": "bare"}, {}, [{"properties": {"datetime": NOW.isoformat()}}]
    )
    with pytest.raises(QueryError, match="cloud_cover: the service cannot search bare by that"):
        query_of(bare, cloud_cover=10)


# ---- from Python ---------------------------------------------------------------------------------------------


def test_a_search_by_terms_is_that_by_name(service_here: Any) -> None:
    by_terms = planet_vector.search("ortho", bbox=(11, 47, 13, 49), datetime="2015", cloud_cover=20, limit=3)
    by_name = planet_vector.search(
        "PLANET:ortho?bbox=11,47,13,49&acquired.gte=2015-01-01&acquired.lt=2016-01-01&cloud_cover.estimated.lte=20&limit=3"
    )
    assert by_terms.query == by_name.query
    assert [scene.id for scene in by_terms] == [scene.id for scene in by_name] != []
    assert planet_vector.search("PLANET:ortho?limit=3", cloud_cover=20).query.limit == 3
    published = planet_vector.search("ortho", published="2015-06/..", since="5000w")
    assert (
        published.query.conditions[-1] == planet_vector.search("PLANET:ortho?published=2015-06/..").query.conditions[0]
    )
    ages = [planet_vector.search("ortho", since=age).query.conditions[0] for age in ("5000w", timedelta(weeks=5000))]
    assert abs(ages[1].rank - ages[0].rank).total_seconds() < 60 and ages[0].parameter[0] == "acquired.gte"


def test_terms_beside_what_has_them_are_an_error(service_here: Any) -> None:
    search = planet_vector.search("ortho")
    with pytest.raises(QueryError, match="leave out limit"):
        planet_vector.search(search.query, limit=3)
    with pytest.raises(QueryError, match="bbox more than once"):
        planet_vector.search("PLANET:ortho?bbox=1,2,3,4", bbox=(1, 2, 3, 4))
    with pytest.raises(NameSyntaxError, match="one scene: leave out the search parameter limit"):
        planet_vector.search("PLANET:ortho/x", limit=3)
    for text in ("ortho?limit=3", "ortho/x", "a scene type", ""):
        with pytest.raises(NameSyntaxError, match="neither a scene type"):
            planet_vector.search(text)


@pytest.fixture
def service_here(service: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("PL_API_URL", service.url)
    monkeypatch.setenv("PL_API_KEY", service.key)
    return service


# ---- areas ---------------------------------------------------------------------------------------------------

TRIANGLE = shapely.Polygon([(13, 48), (13.2, 48), (13, 48.2)])


def shape(text: str) -> Any:
    geometry = shapely.from_geojson(json.dumps(as_geojson(text)))
    return shapely.union_all(list(getattr(geometry, "geoms", [geometry])))


def same(text: str, *expected: Any) -> bool:
    return bool(shape(text).symmetric_difference(shapely.union_all(expected)).area < 1e-8)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of two areas in formats that GDAL writes, in several coordinate systems."""
    folder = tmp_path_factory.mktemp("areas")
    frame = geopandas.GeoDataFrame({"name": ["a", "b"]}, geometry=[SQUARE, TRIANGLE], crs=4326)
    utm = frame.to_crs(32633)
    utm.to_file(folder / "one.gpkg", layer="fields")
    utm.to_file(folder / "two.gpkg", layer="fields")
    frame[:1].to_file(folder / "two.gpkg", layer="farms")
    utm.to_file(folder / "fields.shp")
    frame.to_file(folder / "fields.fgb")
    utm.to_file(folder / "utm.geojson", driver="GeoJSON")
    if "KML" in pyogrio.list_drivers(write=True):
        frame.to_file(folder / "fields.kml", driver="KML")
    geopandas.GeoDataFrame({"name": ["a"]}).to_csv(folder / "table.csv")
    utm.to_parquet(folder / "utm.parquet")
    (folder / "half.parquet").write_bytes((folder / "utm.parquet").read_bytes()[:500])
    pandas.DataFrame({"name": ["a"]}).to_parquet(folder / "table.parquet")
    (folder / "half.gpkg").write_bytes((folder / "one.gpkg").read_bytes()[:5000])
    return folder


FORMATS = ["one.gpkg", "one.gpkg:fields", "two.gpkg:fields", "fields.shp", "fields.fgb", "utm.geojson"]


@pytest.mark.parametrize(
    "name, by",
    [
        *((name, by) for name in FORMATS for by in ("geopandas", "fiona")),
        *((name, "geopandas") for name in ("fields.kml", "utm.parquet")),  # fiona has no drivers of these
    ],
)
def test_areas_of_vector_files(files: Path, name: str, by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if not (files / name.partition(":")[0]).exists():
        pytest.skip("this GDAL does not write KML")
    if by == "fiona":
        pytest.importorskip("fiona")
        real = planet_vector.area_inputs.find_spec
        monkeypatch.setattr(
            "planet_vector.area_inputs.find_spec", lambda name: None if name == "pyogrio" else real(name)
        )
    assert same(area_of_file(str(files / name)), SQUARE, TRIANGLE)
    assert same(read_area(f"@{files / name}"), SQUARE, TRIANGLE)


def test_a_zipped_shapefile_is_an_area(files: Path, tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    for part in files.glob("fields.*"):
        if part.suffix in (".shp", ".shx", ".dbf", ".prj"):
            shutil.copy(part, folder)
    shutil.make_archive(str(tmp_path / "fields"), "zip", folder)
    assert same(area_of_file(str(tmp_path / "fields.zip")), SQUARE, TRIANGLE)


@pytest.mark.parametrize(
    "name, told",
    [
        ("two.gpkg", "has the layers fields, farms: name one of them, as {folder}/two.gpkg:fields"),
        ("two.gpkg:roads", "has no layer 'roads': it has fields, farms"),
        ("table.csv", "has no layer with geometries"),
        ("half.gpkg", "nor a format that GDAL reads"),
        ("half.parquet", "nor a format that GDAL reads"),
        ("table.parquet", "nor a format that GDAL reads"),
        ("none.gpkg:fields", "there is no such file"),
    ],
)
def test_what_is_no_area_in_a_file_is_told(files: Path, name: str, told: str) -> None:
    with pytest.raises(QueryError) as caught:
        area_of_file(str(files / name))
    assert told.format(folder=files) in str(caught.value)


def test_without_a_library_the_command_is_told(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("planet_vector.area_inputs.find_spec", lambda name: None)
    with pytest.raises(QueryError, match=r"planet_vector\[geo\].*ogr2ogr -t_srs EPSG:4326 area.geojson .*one.gpkg"):
        area_of_file(str(files / "one.gpkg"))


def test_objects_of_python_are_areas(files: Path) -> None:
    frame = geopandas.read_file(files / "one.gpkg")
    assert same(area_text(frame), SQUARE, TRIANGLE)
    assert same(area_text(frame.geometry), SQUARE, TRIANGLE)
    assert same(area_text(SQUARE), SQUARE)
    assert same(area_text(Box(11.9, 47.8, 12.1, 47.9)), SQUARE)
    assert same(area_text(SQUARE.__geo_interface__), SQUARE)
    assert same(area_text(SQUARE.wkt), SQUARE)
    assert same(area_text(files / "fields.fgb"), SQUARE, TRIANGLE)
    assert "private" not in area_text(
        {"type": "Feature", "properties": {"private": 1}, "geometry": SQUARE.__geo_interface__}
    )


def test_times_of_queries_are_written_in_full() -> None:
    (low,) = query_of(ORTHO, datetime="2024-05/..").conditions
    assert low.text == format_time(parse_time("2024-05-01"))


POSITION = st.tuples(st.floats(-170, 170), st.floats(-80, 80)).map(lambda xy: [round(xy[0], 6), round(xy[1], 6)])


@given(st.lists(POSITION, min_size=3, max_size=5, unique_by=tuple), st.lists(st.floats(-9, 9), min_size=1, max_size=2))
def test_heights_and_measures_are_left_out(positions: List[List[float]], more: List[float]) -> None:
    line = [[*position, *more] for position in positions]
    area = Query.parse(ORTHO, [("intersects", json.dumps({"type": "MultiPoint", "coordinates": line}))]).area
    assert isinstance(area, str)
    assert json.loads(area) == {"type": "MultiPoint", "coordinates": positions}
    numbers = ",".join(" ".join(map(repr, position)) for position in line)
    by_wkt = Query.parse(ORTHO, [("intersects", f"MULTIPOINT {'Z' * (len(more) == 1) or 'ZM'} ({numbers})")]).area
    assert isinstance(by_wkt, str) and json.loads(by_wkt) == json.loads(area)


@given(st.lists(POSITION, min_size=3, max_size=5, unique_by=tuple), st.integers(0, 3))
def test_a_ring_that_is_not_closed_is_told_wherever_it_is(positions: List[List[float]], depth: int) -> None:
    polygon: Dict[str, Any] = {"type": "Polygon", "coordinates": [positions]}
    for _ in range(depth):
        polygon = {"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1, 2]}, polygon]}
    with pytest.raises(QueryError, match="not closed: repeat its first position"):
        Query.parse(ORTHO, [("intersects", json.dumps(polygon))])


def test_places_of_a_series_keep_their_ids_in_any_file(files: Path) -> None:
    for name in ("one.gpkg:fields", "utm.geojson", "fields.fgb"):
        places = _places(str(files / name), "name")
        assert sorted(place.id for place in places) == ["a", "b"]  # FlatGeobuf sorts by place
        assert shapely.union_all([place.geometry for place in places]).symmetric_difference(
            shapely.union_all([SQUARE, TRIANGLE])
        ).area == pytest.approx(0, abs=1e-8)
