"""A search as an Arrow table, a data frame and a GeoParquet file: what GDAL gives, without GDAL, asked for once."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from datetime import timezone
from pathlib import Path
from typing import Any, List, Optional

import geopandas
import pyarrow
import pyarrow.parquet
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

import planet_vector
from planet_vector.catalog import paging
from planet_vector.catalog.scene_pages import ResultChanged
from planet_vector.collection_schema import TIME
from planet_vector.vector import arrow_tables, decoding, found_scenes
from planet_vector.vector.column_values import fit_times
from planet_vector.vector.json_footprints import plain_rings
from planet_vector.vector.result_cache import CACHE
from planet_vector.vector.schema import Schema
from tests.faces import Face
from tests.schemas import ORTHO
from tests.vector.as_gdal import assert_as_gdal
from tests.vector.conftest import Watched

NAME = "PLANET:ortho"


@pytest.mark.parametrize(
    "parameters",
    ["", "?cloud_cover.estimated.lte=50", "?limit=1300&order_by=acquired asc", "?limit=7", "?acquired.gte=2100-01-01"],
)
def test_a_table_is_what_gdal_reads(many: Watched, face: Face, parameters: str) -> None:
    assert_as_gdal(NAME + face.spell(parameters))


def test_a_table_without_msgspec_is_the_same(many: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    table = planet_vector.search(NAME).to_arrow()
    monkeypatch.setattr(decoding, "msgspec", None)
    assert planet_vector.search(NAME, anew=True).to_arrow().equals(table)


def test_a_table_is_asked_for_once(many: Watched, face: Face) -> None:
    search = planet_vector.search(NAME)
    table = search.to_arrow()
    asked = many.pages()
    assert len(table) == len(search) == search.count() == 3500
    assert search.to_arrow() is table
    assert planet_vector.search(NAME).to_arrow() is table
    assert len(search.to_geopandas()) == 3500
    assert search[10:13].to_arrow().equals(table.slice(10, 3))
    assert search[::-700].to_arrow()["id"].to_pylist() == table["id"].to_pylist()[::-700]
    assert many.requests() == []
    assert len(asked) <= math.ceil(3500 / face.page) + 2  # and what is left at their edges


def test_a_table_of_scenes_at_hand_costs_no_request(many: Watched) -> None:
    search = planet_vector.search(NAME)
    ids = [scene.id for scene in search]
    many.requests()
    assert search.to_arrow()["id"].to_pylist() == ids
    assert many.requests() == []


def test_the_first_scenes_are_read_without_the_rest(many: Watched) -> None:
    assert len(planet_vector.search(NAME)[:5].to_geopandas()) == 5
    assert len(many.pages()) == 1


def test_a_large_table_is_read_again(many: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(found_scenes, "MOST_TABLE", 1000)
    search = planet_vector.search(f"{NAME}?limit=20")
    table = search.to_arrow()
    assert many.requests() != []
    assert search.to_arrow().equals(table)
    assert many.requests() != []


def test_a_result_that_changes_is_read_anew_or_an_error(many: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    left = [ResultChanged("changed")] * 2

    def pages(*arguments: Any) -> Any:
        yield from real(*arguments)
        if left:
            raise left.pop()

    real = paging.pages
    monkeypatch.setattr(paging, "pages", pages)
    assert len(planet_vector.search(NAME).to_arrow()) == 3500
    left.extend([ResultChanged("changed")] * 3)
    CACHE.clear()
    with pytest.raises(ResultChanged):
        planet_vector.search(NAME).to_arrow()


def test_progress_ends_with_the_count(many: Watched) -> None:
    told: List[Any] = []
    planet_vector.search(NAME).to_arrow(progress=lambda *state: told.append(state))
    assert told[-1] == (3500, 3500)
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert {total for _, total in told} == {3500}


def test_geoparquet_is_read_by_geopandas_and_pyarrow(many: Watched, tmp_path: Path) -> None:
    search = planet_vector.search(f"{NAME}?limit=50")
    path = tmp_path / "scenes.parquet"
    path.write_text("old")
    search.to_parquet(path)
    frame = search.to_geopandas()
    read = geopandas.read_parquet(path)
    assert read.crs == "EPSG:4326"
    assert read.equals(frame)
    geo = json.loads(pyarrow.parquet.read_schema(path).metadata[b"geo"])
    assert geo["columns"]["geometry"]["bbox"] == pytest.approx(list(frame.total_bounds))
    assert (geo["version"], geo["columns"]["geometry"]["geometry_types"]) == ("1.1.0", ["MultiPolygon"])
    assert list(tmp_path.iterdir()) == [path]


def test_geoparquet_of_no_scenes_has_all_columns(many: Watched, tmp_path: Path) -> None:
    planet_vector.search(f"{NAME}?acquired.gte=2100-01-01").to_parquet(tmp_path / "none.parquet")
    read = geopandas.read_parquet(tmp_path / "none.parquet")
    assert list(read.columns) == [*Schema(planet_vector.connect().schema("ortho")).names, "geometry"]
    assert len(read) == 0


def test_programs_take_a_search_itself(many: Watched) -> None:
    search = planet_vector.search(f"{NAME}?limit=50")
    table = pyarrow.table(search)
    assert table.equals(search.to_arrow())
    frame = geopandas.GeoDataFrame.from_arrow(search)
    assert frame.crs == "EPSG:4326"
    assert list(frame.geometry) == list(search.to_geopandas().geometry)


def test_the_driver_does_not_import_pyarrow(many: Watched) -> None:
    code = "import planet_vector.driver.datasets, planet_vector.vector.search, sys; print('pyarrow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "False\n"


TIMES = st.one_of(
    st.none(),
    st.datetimes(timezones=st.just(timezone.utc)).map(lambda time: time.isoformat()),
    st.datetimes().map(lambda time: f"{time.isoformat(timespec='milliseconds')}Z"),
    st.tuples(
        st.sampled_from(["0000-02-", "0001-02-", "2015-02-", "9999-13-"]),
        st.sampled_from(["28T", "29T", "30T", "1T"]),
        st.sampled_from(["23:59:59", "24:00:00", "23:59:60", "07:00"]),
        st.sampled_from(["", ".5", ".1234567", "."]),
        st.sampled_from(["Z", "z", "+00:00", "+01:00", ""]),
    ).map("".join),
)


@given(st.lists(TIMES, min_size=1, max_size=4))
def test_times_read_by_arrow_are_those_of_the_other_way(texts: List[Optional[str]]) -> None:
    found = arrow_tables._usual_times(texts)
    if found is not None:
        assert found.equals(arrow_tables._array(fit_times(texts), TIME))


def test_usual_times_are_read_by_arrow() -> None:
    usual = ["2015-03-06T02:24:15.531315+00:00", "2024-05-01T10:11:12Z", "1969-12-31T23:59:59.9999Z", None]
    assert arrow_tables._usual_times(usual) is not None


POSITION = st.tuples(st.floats(-181, 181, width=32), st.floats(-91, 91, width=32))
RINGS = st.lists(st.lists(POSITION, min_size=1, max_size=6), min_size=1, max_size=5)


@given(RINGS, st.booleans())
def test_footprints_of_any_sizes_are_as_of_each_alone(rings: List[List[Any]], closed: bool) -> None:
    texts = [json.dumps([[*ring, ring[0]] if closed else ring]).encode() for ring in rings]
    schema = Schema(ORTHO, ["id"])
    features = [
        {"id": "a", "properties": {}, "geometry": {"type": "Polygon", "coordinates": json.loads(text)}}
        for text in texts
    ]
    found = arrow_tables._footprints(texts)
    if found is not None:
        assert found.to_pylist() == list(schema.rows(features).wkbs)
        assert plain_rings(texts) is not None


def test_footprints_of_several_sizes_are_read_straight_into_columns() -> None:
    sizes = [3, 5, 4, 3, 9]
    rings = [list(shapely.Point(10, 20).buffer(1, quad_segs=2).exterior.coords)[:size] for size in sizes]
    texts = [json.dumps([[*ring, ring[0]]]).encode() for ring in rings]
    found = arrow_tables._footprints(texts)
    assert found is not None
    shapes = shapely.from_wkb(found.to_pylist())
    assert [len(shape.geoms[0].exterior.coords) for shape in shapes] == [size + 1 for size in sizes]
    assert [list(shape.geoms[0].exterior.coords)[:-1] for shape in shapes] == rings
