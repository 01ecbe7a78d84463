"""Basemaps and their quads as layers: what the service lists, whole, in every program; few requests."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any, Callable, Iterator
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import numpy as np
import pyogrio
import pytest
import rasterio
import requests
import shapely
from shapely.geometry import shape

import planet_vector
from planet_vector.errors import PlanetVectorError
from planet_vector.raster.session import PlanetSession
from planet_vector.vector.result_cache import CACHE
from tests.conftest import HAS_FIONA, Service, Start
from tests.faces import Face
from tests.raster.recording import Answer, Recorder, Request
from tests.vector.conftest import Watched
from tests.vector.test_filters import counting

BASEMAPS = """
- {name: clear, title: Few clouds, filter: {cloud_cover.estimated.lte: 40}}
- {name: coarse, title: Everything, level: 12}
- {name: none, title: Nothing, filter: {acquired.gt: "2100-01-01"}}
"""
AREA = (11.99, 47.88, 12.01, 47.9)  # within one quad
LISTING = re.compile("/quads[/?]")
BOX = "PLANET:basemaps/clear?bbox=" + ",".join(map(str, AREA))


@pytest.fixture(scope="module")
def _served(start_service: Start, archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Watched:
    folder = tmp_path_factory.mktemp("mosaics")
    (folder / "mosaics.yml").write_text(BASEMAPS)
    log = folder / "access.log"
    return Watched(start_service(archive, "--mosaics", str(folder / "mosaics.yml"), "--access-log", str(log)), log)


@pytest.fixture
def served(_served: Watched, monkeypatch: pytest.MonkeyPatch) -> Watched:
    monkeypatch.setenv("PL_API_URL", _served.service.root)
    monkeypatch.setenv("PL_API_KEY", _served.service.key)
    CACHE.clear()
    _served.requests()
    return _served


def quads_of(service: Service, basemap: str) -> dict[str, dict[str, Any]]:
    """Return quads as the API lists them, by id; no test basemap has more than a page."""
    return {quad["id"]: quad for quad in service.face.quads(service.root, service.key, basemap)}


def leaves(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in tree.items():
        found.update(leaves(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value})
    return found


def assert_said(row: Any, properties: dict[str, Any]) -> None:
    """Compare a row of a data frame with properties: each in its column, or in `other`."""
    other = leaves(json.loads(row["other"])) if row["other"] else {}
    for name, value in leaves(properties).items():
        found = row[name] if name in row.index else other[name]
        if value is None:
            assert found is None or found != found
        elif re.match(r"\d{4}-\d\d-\d\dT", str(value)):
            assert abs(found - __import__("pandas").Timestamp(value)).total_seconds() <= 0.001
        else:
            assert found == value, name


# ---- basemaps ---------------------------------------------------------------------------------------------


def test_each_basemap_is_a_feature_with_all_that_is_said_of_it(served: Watched) -> None:
    service = served.service
    listed = {basemap["name"]: basemap for basemap in service.face.basemaps(service.root, service.key)}
    frame = pyogrio.read_dataframe("PLANET:basemaps").set_index("name", drop=False)
    assert list(frame.index) == list(listed) == ["clear", "coarse", "none"]
    for name, row in frame.iterrows():
        assert_said(row, listed[name])
        footprints = [shape(quad["geometry"]) for quad in quads_of(served.service, name).values()]
        if not footprints:
            assert row.geometry is None
        else:
            west, south, east, north = row.geometry.bounds
            assert (west, south, east, north) == service.face.bounds_of(listed[name], footprints)
            assert row.geometry.area == pytest.approx((east - west) * (north - south))


def test_what_has_no_column_is_not_dropped(shared_data: Path, stub: Stub) -> None:
    (basemap,) = json.loads((shared_data / "list-mosaics.json").read_text())["mosaics"]
    basemap["links"]["quads"] = stub.basemaps[0]["links"]["quads"]  # for the footprint
    stub.basemaps = [{**basemap, "bands": {"count": 4}}]
    frame = pyogrio.read_dataframe("PLANET:basemaps")
    assert json.loads(frame["other"][0]) == {"bands": {"count": 4}}
    assert_said(frame.iloc[0], stub.basemaps[0])


def test_a_basemap_of_more_than_a_page_has_the_square_of_web_mercator(stub: Stub) -> None:
    stub.fill(1100)
    frame = pyogrio.read_dataframe("PLANET:basemaps")
    assert frame.geometry[0].bounds == pytest.approx((-180, -85.0511287798, 180, 85.0511287798))
    assert frame.geometry[0].area == pytest.approx(360 * 2 * 85.0511287798)
    assert list(pyogrio.read_dataframe("PLANET:basemaps", bbox=(100, 10, 101, 11))["name"]) == ["m"]


def test_basemaps_listed_over_pages_are_read_whole(stub: Stub) -> None:
    stub.basemaps = [{**stub.basemaps[0], "name": f"m{number}"} for number in range(5)]
    stub.basemaps_a_page = 2
    assert list(pyogrio.read_dataframe("PLANET:basemaps")["name"]) == ["m0", "m1", "m2", "m3", "m4"]


SAVED = """
<OGRVRTDataSource>
  <OGRVRTLayer name="all">
    <SrcDataSource relativeToVRT="0">PLANET:mosaics?fields=name,level</SrcDataSource><SrcLayer>mosaics</SrcLayer>
  </OGRVRTLayer>
  <OGRVRTLayer name="quads">
    <SrcDataSource relativeToVRT="0">planet://mosaics/clear?limit=3</SrcDataSource><SrcLayer>clear</SrcLayer>
  </OGRVRTLayer>
</OGRVRTDataSource>
"""
"""A VRT over names as they were before 0.2.0."""


def test_names_and_vrts_from_before_basemaps_were_called_so_open(served: Watched, tmp_path: Path) -> None:
    path = tmp_path / "saved.vrt"
    path.write_text(SAVED)
    for was, now in (("PLANET:mosaics", "PLANET:basemaps"), ("planet://mosaics/clear", "PLANET:basemaps/clear")):
        assert pyogrio.read_dataframe(was).equals(pyogrio.read_dataframe(now))
    assert pyogrio.list_layers("PLANET:basemaps")[0][0] == "basemaps"
    assert pyogrio.list_layers("PLANET:mosaics/?fields=name")[0][0] == "mosaics"
    listed = pyogrio.read_dataframe(path, layer="all")
    assert listed.columns.tolist() == ["name", "level", "geometry"]
    assert listed["name"].tolist() == ["clear", "coarse", "none"]
    assert len(pyogrio.read_dataframe(path, layer="quads")) == 3
    assert planet_vector.open_layer("PLANET:mosaics").name == "basemaps"


# ---- quads -----------------------------------------------------------------------------------------------

IN_OSGEO = """
import json, sys
from osgeo import gdal, ogr
gdal.UseExceptions()
source = ogr.Open(sys.argv[1])
layer = source.GetLayer(0)
rows = {f["id"]: [f.GetFID(), f["percent_covered"], f.GetGeometryRef().ExportToWkt()] for f in layer}
print(json.dumps([layer.GetFeatureCount(), rows]))
"""
IN_QGIS = """
import json, sys
from qgis.core import QgsApplication, QgsVectorLayer
application = QgsApplication([], False)
application.initQgis()
layer = QgsVectorLayer(sys.argv[1], "quads", "ogr")
rows = {f["id"]: [f.id(), f["percent_covered"], f.geometry().asWkt(17)] for f in layer.getFeatures()}
print(json.dumps([layer.featureCount(), rows]))
del layer
application.exitQgis()
"""


def place(quad_id: str) -> tuple[int, int]:
    """Return column and row of a quad: of an id such as L15-1092E-1335N or 1092-1335."""
    column, row = map(int, re.findall(r"\d+", quad_id)[-2:])
    return column, row


def test_every_program_gives_the_quads_of_the_service(
    served: Watched, system_python: Callable[..., Any], run: Callable[..., Any]
) -> None:
    listed = quads_of(served.service, "clear")
    assert len(listed) > 3
    frame = pyogrio.read_dataframe("PLANET:basemaps/clear", fid_as_index=True)
    assert list(frame["id"]) == list(listed)
    for fid, row in frame.iterrows():
        quad = listed[row["id"]]
        assert_said(row, quad["properties"])
        assert row.geometry.equals_exact(shapely.MultiPolygon([shape(quad["geometry"])]), 1e-9)
        assert row["location"].endswith("/vsicurl/" + quad["properties"]["links"]["full"])
        # Rows are counted from the bottom: 2048 quads a row at level 15.
        column, number = place(row["id"])
        assert fid == number * 2048 + column
    assert served.service.key not in frame.to_csv()
    expected = {row["id"]: (fid, row["percent_covered"], row.geometry) for fid, row in frame.iterrows()}
    if HAS_FIONA:
        import fiona

        with fiona.open("PLANET:basemaps/clear") as source:
            assert len(source) == len(listed)
            found = {f["properties"]["id"]: (int(f["id"]), f["properties"]["percent_covered"], shape(f["geometry"]))
                     for f in source}  # fmt: skip
            assert found == expected
    for code in (IN_OSGEO, IN_QGIS):
        done = system_python(code, "PLANET:basemaps/clear", env=served.service.environ)
        assert done.returncode == 0, done.stderr
        count, rows = json.loads(done.stdout)
        assert count == len(listed)
        assert {i: tuple(row[:2]) for i, row in rows.items()} == {i: row[:2] for i, row in expected.items()}
        assert all(shapely.from_wkt(rows[i][2]).equals_exact(expected[i][2], 1e-9) for i in rows)
    done = run("ogrinfo", "-al", "-geom=NO", "PLANET:basemaps/clear", env=served.service.environ)
    assert (done.returncode, done.stderr) == (0, "")
    assert set(re.findall(r"^  id \(String\) = (\S+)", done.stdout, re.M)) == set(listed)
    assert served.service.key not in done.stdout


def test_a_row_further_up_lies_further_north(served: Watched) -> None:
    frame = pyogrio.read_dataframe("PLANET:basemaps/coarse")
    for _, row in frame.iterrows():
        column, number = place(row["id"])
        side = 360 / 2 ** (12 - 4)  # sixteen tiles a quad
        assert row.geometry.bounds[0] == pytest.approx(column * side - 180)
        south = math.degrees(2 * math.atan(math.exp(math.radians(number * side - 180))) - math.pi / 2)
        assert row.geometry.bounds[1] == pytest.approx(south)


def test_a_spatial_filter_is_sent_and_is_exact(served: Watched, face: Face) -> None:
    everything = quads_of(served.service, "clear")
    expected = {i for i, quad in everything.items() if shape(quad["geometry"]).intersects(shapely.box(*AREA))}
    assert 0 < len(expected) < len(everything)
    served.requests()
    frame = pyogrio.read_dataframe("PLANET:basemaps/clear", bbox=AREA)
    asked = [path for path in served.requests() if LISTING.search(path)]
    assert set(frame["id"]) == expected
    assert len(asked) == 1
    assert face.area_of_quads(asked[0]).equals(shapely.box(*AREA))
    # Inside what is known: nothing is asked. The same box in a name finds the same.
    assert set(pyogrio.read_dataframe("PLANET:basemaps/clear", bbox=(12.0, 47.89, 12.0, 47.89))["id"]) <= expected
    assert not [path for path in served.requests() if LISTING.search(path)]
    assert set(pyogrio.read_dataframe(BOX)["id"]) == expected
    triangle = "POLYGON((11.99 47.86,12.01 47.86,12 47.89,11.99 47.86))"
    hit = {i for i, q in everything.items() if shape(q["geometry"]).intersects(shapely.from_wkt(triangle))}
    assert set(pyogrio.read_dataframe(f"PLANET:basemaps/clear?intersects={triangle}")["id"]) == hit


FILTERS: dict[str, list[tuple[str, Callable[[Any], bool]]]] = {
    "v0": [
        ("percent_covered > 10", lambda q: q["properties"]["percent_covered"] > 10),
        (
            "num_input_scenes BETWEEN 2 AND 40 AND percent_covered < 90",
            lambda q: 2 <= q["properties"]["num_input_scenes"] <= 40 and q["properties"]["percent_covered"] < 90,
        ),
        ("updated >= '2015/09/01'", lambda q: q["properties"]["updated"] >= "2015-09-01"),
        ("id LIKE 'L15-1092E-%'", lambda q: q["id"].startswith("L15-1092E-")),
        ("id = 'l15-1092e-1335n'", lambda q: q["id"] == "L15-1092E-1335N"),
        ("id IN ('L15-1092E-1335N', 'L15-0000E-0000N', 'nosuch')", lambda q: q["id"] == "L15-1092E-1335N"),
        (
            "id = 'L15-1092E-1335N' OR percent_covered > 10",
            lambda q: q["id"] == "L15-1092E-1335N" or q["properties"]["percent_covered"] > 10,
        ),
        ("id <> 'L15-1092E-1335N'", lambda q: q["id"] != "L15-1092E-1335N"),
    ],
    "data_v1": [
        ("percent_covered > 10", lambda q: q["properties"]["percent_covered"] > 10),
        ("percent_covered BETWEEN 2 AND 90", lambda q: 2 <= q["properties"]["percent_covered"] <= 90),
        ("percent_covered IS NOT NULL", lambda q: True),
        ("id LIKE '1092-%'", lambda q: q["id"].startswith("1092-")),
        ("id = '1092-1335'", lambda q: q["id"] == "1092-1335"),
        ("id IN ('1092-1335', '0-0', 'nosuch')", lambda q: q["id"] == "1092-1335"),
        (
            "id = '1092-1335' OR percent_covered > 10",
            lambda q: q["id"] == "1092-1335" or q["properties"]["percent_covered"] > 10,
        ),
        ("id <> '1092-1335'", lambda q: q["id"] != "1092-1335"),
    ],
}
"""Conditions over the columns of quads of each service, and which quads meet them."""


@pytest.mark.parametrize("number", range(8))
def test_filters_are_exact(served: Watched, face: Face, number: int) -> None:
    where, holds = FILTERS[face.name][number]
    everything = quads_of(served.service, "clear")
    expected = [i for i, quad in everything.items() if holds(quad)]
    assert expected
    for again in range(2):  # asked for, and from what is known by then
        assert sorted(pyogrio.read_dataframe("PLANET:basemaps/clear", where=where)["id"]) == sorted(expected), again
        pyogrio.read_dataframe("PLANET:basemaps/clear")


ASKED: dict[str, tuple[str, str, list[str]]] = {
    "v0": ("clear", "clear/quads/", ["clear/quads/", "coarse/quads/", "none/quads/"]),
    "data_v1": ("", "clear/quads", ["none/quads"]),  # which says where a basemap lies, if it has quads
}
"""Of the addresses of each service below its basemaps: of one, of its quads, and for the footprints of all."""


def test_what_a_question_costs(served: Watched, face: Face) -> None:
    basemap, of_quads, of_footprints = ASKED[face.name]

    def asked() -> list[str]:
        return [unquote(path).partition("/mosaics/")[2].partition("?")[0] for path in served.requests()]

    layer = planet_vector.open_layer("PLANET:basemaps/clear")
    assert asked() == [basemap]
    wanted = face.spell("L15-1092E-1335N")
    column, number = place(wanted)
    row = layer.row(number * 2048 + column)
    assert row is not None and row.values[0] == wanted
    assert asked() == [of_quads]  # those at one point, not all
    assert layer.row(5) is None and layer.row(-1) is None and layer.row(2**53) is None
    assert len(asked()) == 1
    assert [row.values[0] for row in layer.rows(f"id = '{wanted}'")] == [wanted]
    assert asked() == [f"clear/quads/{wanted}"]
    quads = list(layer.rows())
    assert asked() == [of_quads]
    assert layer.count() == len(quads) and layer.extent() is not None and list(layer.rows()) == quads
    assert list(layer.rows(f"id = '{wanted}'")) and layer.row(quads[0].fid) == quads[0]
    assert asked() == []
    # Of the basemaps: their list, and what the footprints take.
    basemaps = planet_vector.open_layer("PLANET:basemaps")
    assert asked() == [""]
    CACHE.clear()
    assert len(list(basemaps.rows())) == 3 and len(list(basemaps.rows())) == 3
    assert sorted(asked()) == of_footprints


def test_a_count_is_said_to_be_fast_where_the_rows_are_known(
    served: Watched, face: Face, system_python: Callable[..., Any]
) -> None:
    questions: list[tuple[str, str | None, Any, list[bool]]] = [
        ("PLANET:basemaps/coarse", "percent_covered > 10", None, [False, False]),
        ("PLANET:basemaps/coarse", None, AREA, [False, False]),
        ("PLANET:basemaps/clear", None, None, [False, True]),  # the second time they were read
        ("PLANET:basemaps/clear", "id LIKE '%1%'", None, [False, False]),
        ("PLANET:basemaps/clear?limit=2", None, None, [False, True]),
        (face.spell("PLANET:basemaps/clear/L15-1092E-1335N"), None, None, [True, True]),  # opening reads the quad
        ("PLANET:basemaps", None, None, [True, True]),  # and lists the basemaps
        ("PLANET:basemaps", "level = 15", None, [False, False]),
        ("PLANET:basemaps", None, (11, 47, 13, 49), [False, False]),
    ]
    rows = counting([question[:3] for question in questions], served.service.environ, system_python)
    assert [fast for fast, *_ in rows] == [fast for *_, expected in questions for fast in expected]
    assert {cost for fast, _, _, cost, _ in rows if fast} == {0}
    assert [rows[number][2] for number in (8, 10, 12)] == [2, 1, 3]


def test_a_quad_is_a_layer_of_one_feature(served: Watched, face: Face) -> None:
    quad, fields = face.spell("L15-1092E-1335N"), ["id", "percent_covered"]
    frame = pyogrio.read_dataframe(f"PLANET:basemaps/clear/{quad}")
    assert list(frame["id"]) == [quad]
    assert list(pyogrio.read_info(f"PLANET:basemaps/clear?fields={','.join(fields)}")["fields"]) == fields
    assert len(pyogrio.read_dataframe("PLANET:basemaps/clear?limit=2")) == 2


def test_quads_are_one_raster_for_the_tile_index(served: Watched) -> None:
    with rasterio.Env(session=PlanetSession()), rasterio.open("GTI:" + BOX) as raster:
        window = raster.window(*AREA).round_offsets().round_lengths()
        found, transform = raster.read(window=window), raster.window_transform(window)
    with planet_vector.open(BOX) as dataset:
        rows, columns = np.mgrid[0 : found.shape[1], 0 : found.shape[2]]
        longitude, latitude = transform * (columns + 0.5, rows + 0.5)
        east = np.radians(longitude) * 6378137
        north = np.log(np.tan(np.pi / 4 + np.radians(latitude) / 2)) * 6378137
        column, row = (np.floor(index).astype(int) for index in ~dataset.transform * (east, north))
        left, top = column.min(), row.min()
        around = rasterio.windows.Window(left, top, column.max() - left + 1, row.max() - top + 1)
        expected = dataset.read(window=around)[:, row - top, column - left]
    assert (found[3] > 0).mean() > 0.9
    assert (found == expected).all(axis=0).mean() > 0.95  # GDAL's warper takes a place that is near, and faster found


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("PLANET:basemaps/nosuch", "no basemap 'nosuch'"),
        ("PLANET:basemaps/clear/L15-0000E-0000N", "no quad 'L15-0000E-0000N'"),
        ("PLANET:basemaps?bbox=0,0,1,1", "takes no parameter 'bbox'"),
        ("PLANET:basemaps/clear?acquired.gte=2015-01-01", "cannot be searched by 'acquired.gte'"),
        ("PLANET:basemaps/clear?order_by=acquired asc", "cannot be searched by 'order_by'"),
        ("PLANET:basemaps/clear?bbox=1,2,3", "not a box"),
        ("PLANET:basemaps/clear?fields=cloud", "'cloud'"),
        ("PLANET:basemaps/clear?api_key=x", "never part of a name"),
        ("PLANET:basemaps/clear/L15-1092E-1335N?limit=1", "one quad"),
    ],
)
def test_what_cannot_be_is_said(served: Watched, face: Face, name: str, said: str) -> None:
    name, said = face.spell(name), face.spell(said)
    with pytest.raises(PlanetVectorError, match=re.escape(said)):
        planet_vector.open_layer(name)
    with pytest.raises(pyogrio.errors.DataSourceError, match=re.escape(said)):
        pyogrio.read_dataframe(name)


# ---- paging ----------------------------------------------------------------------------------------------


class Stub:
    """A service whose lists are cut as told: the real one's links lose quads of the same time, ours do not."""

    def __init__(self) -> None:
        self.server = Recorder(self._answer)
        self.url = f"{self.server.url}/v0/"
        links = {
            "self": f"{self.url}mosaics/m",
            "quads": f"{self.url}mosaics/m/quads/",
            "tiles": f"{self.url}tiles/{{z}}/{{x}}/{{y}}.png",
        }
        self.basemaps: list[dict[str, Any]] = [
            {"name": "m", "level": 15, "quad_size": 4096, "coordinate_system": "EPSG:3857", "datatype": "byte",
             "links": links}
        ]  # fmt: skip
        self.quads: list[dict[str, Any]] = []
        self.basemaps_a_page = 100
        self.most = 1000
        self.fails = ""

    def fill(self, count: int, of_a_time: int = 1) -> None:
        """Make quads, so many of each time of update."""
        self.quads = []
        for number in range(count):
            row, column = divmod(number, 64)
            west, south = column * 360 / 2048 - 180, row * 0.1
            ring = [[west, south], [west + 0.1, south], [west + 0.1, south + 0.1], [west, south + 0.1], [west, south]]
            self.quads.append({
                "type": "Feature", "id": f"L15-{column:04d}E-{row + 1024:04d}N",
                "geometry": {"type": "Polygon", "coordinates": [ring]},
                "properties": {"updated": f"2015-07-{20 - number // of_a_time // 1000:02d}T00:00:00."
                               f"{999_999 - number // of_a_time % 1000:06d}+00:00", "links": {}},
            })  # fmt: skip

    def _answer(self, request: Request) -> Answer:
        parts = urlsplit(request.path)
        query = dict(parse_qsl(parts.query))
        if self.fails and self.fails in unquote(request.path):
            return 403, {}, b"{}"
        if parts.path == "/v0/mosaics/":
            at = int(query.get("at", 0))
            more = f"{self.url}mosaics/?at={at + self.basemaps_a_page}"  # also when there are none
            page = self.basemaps[at : at + self.basemaps_a_page]
            return 200, {}, json.dumps({"mosaics": page, "links": {"next": more}}).encode()
        if not parts.path.endswith("/quads/"):
            return 200, {}, json.dumps(self.basemaps[0]).encode()
        before = query.get("_page.updated.lt", "9")
        page = [quad for quad in self.quads if quad["properties"]["updated"] < before]
        page = page[: min(self.most, int(query.get("count", 50)))]
        following = None
        if page:
            query["_page.updated.lt"] = page[-1]["properties"]["updated"]
            following = f"{self.server.url}{parts.path}?{urlencode(query)}"
        body = {"type": "FeatureCollection", "features": page, "links": {"next": following}}
        return 200, {}, json.dumps(body).encode()

    def listed_by_links(self) -> int:
        """Return how many quads the service's own links lead to."""
        link, count = f"{self.url}mosaics/m/quads/?count=1000", 0
        while link:
            body = requests.get(link, timeout=10).json()
            count += len(body["features"])
            link = body["links"]["next"]
        return count


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    made = Stub()
    monkeypatch.setenv("PL_API_URL", made.url)
    CACHE.clear()
    yield made
    made.server.stop()


@pytest.mark.parametrize(
    ("count", "of_a_time"), [(30, 1), (49, 7), (60, 60), (100, 7), (120, 60), (1000, 9), (2345, 7)]
)
@pytest.mark.parametrize("most", [60, 1000])
def test_no_quad_is_lost_between_pages(stub: Stub, count: int, of_a_time: int, most: int) -> None:
    stub.fill(count, of_a_time)
    stub.most = most
    if count > most and of_a_time < most:
        assert stub.listed_by_links() < count  # what the service's own links lose
    if of_a_time == most and count > most:
        with pytest.raises(PlanetVectorError, match="More quads were updated at one time"):
            list(planet_vector.open_layer("PLANET:basemaps/m").rows())
        return
    layer = planet_vector.open_layer("PLANET:basemaps/m")
    stub.server.seen.clear()
    found = [row.values[0] for row in layer.rows()]
    assert found == [quad["id"] for quad in stub.quads]
    if count < 50:
        assert len(stub.server.seen) == 1
    assert len(stub.server.seen) <= count / (most - of_a_time + 1) + 3


def test_a_page_that_fails_is_an_error_and_no_end(stub: Stub) -> None:
    stub.fill(2500)
    stub.fails = "_page.updated.lt"
    with pytest.raises(PlanetVectorError, match="403"):
        list(planet_vector.open_layer("PLANET:basemaps/m").rows())
    if HAS_FIONA:
        import fiona

        with pytest.raises(PlanetVectorError):
            list(fiona.open("PLANET:basemaps/m"))
        with fiona.open("PLANET:basemaps/m") as source, pytest.raises((TypeError, PlanetVectorError)):
            print(len(source))
    # Before it reads rows, pyogrio up to 0.12 counts them, and takes an error for none.
    errors = (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, pyogrio.errors.FeatureError)
    with pytest.raises(errors, match="403"):
        pyogrio.read_dataframe("PLANET:basemaps/m")


def test_a_quad_off_the_grid_is_an_error(stub: Stub) -> None:
    stub.fill(3)
    stub.quads[1]["id"] = "L15-2048E-0000N"
    with pytest.raises(PlanetVectorError, match="cannot have"):
        list(planet_vector.open_layer("PLANET:basemaps/m").rows())


def test_real_quads_keep_every_property(shared_data: Path, stub: Stub) -> None:
    stub.quads = json.loads((shared_data / "get-mosaic-quads.json").read_text())["features"]
    frame = pyogrio.read_dataframe("PLANET:basemaps/m")
    assert list(frame["id"]) == [quad["id"] for quad in stub.quads]
    for (_, row), quad in zip(frame.iterrows(), stub.quads):
        assert_said(row, quad["properties"])
        assert row["other"] is None
        assert row.geometry.equals(shapely.MultiPolygon([shape(quad["geometry"])]))


def test_the_driver_needs_the_standard_library_and_requests_only(run: Callable[..., Any]) -> None:
    code = (
        "import sys, planet_vector.driver.datasets, planet_vector.vector.basemap_layers\n"
        "import planet_vector.raster.basemap_names, planet_vector.raster.location_info\n"
        "print(*sorted({'rasterio', 'fiona', 'numpy', 'shapely', 'osgeo', 'click'} & set(sys.modules)))"
    )
    done = run("python", "-c", code)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")
