"""A second kind of service, with other names, fractions, closed spans and no counts, through layers, drivers, commands.

What is expected is computed of the features themselves, which the service of the sample archive gave.
"""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest
import requests

import planet_vector
from planet_vector import catalog as catalogs
from planet_vector.connection_file import add_connection
from planet_vector.names import parse_name
from planet_vector.times import parse_time
from planet_vector.vector import disk_cache
from planet_vector.vector.result_cache import CACHE
from tests.conftest import ROOT, Service, Start
from tests.second_catalog import COLLECTION, FEATURES, KIND, SCHEMA, SIZE, Moments, install, like_moments
from tests.vector.as_gdal import assert_as_gdal

pyogrio = pytest.importorskip("pyogrio")
rasterio = pytest.importorskip("rasterio")
planet_vector.register()  # before any test uses rasterio

NAME = "second"
Feature = Dict[str, Any]
Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def free(start_service: Start, archive: Path) -> Service:
    return start_service(archive, key="")


@pytest.fixture(scope="module")
def features(free: Service) -> List[Feature]:
    page = requests.get(f"{free.url}scenes/ortho/?count=1000", timeout=30).json()
    assert page["count"] == len(page["features"]) > 5 * SIZE
    return like_moments(page["features"])


@pytest.fixture
def second(
    free: Service, features: List[Feature], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Moments]:
    """Return the catalog of a connection to such a service, whose assets lie at the other service."""
    path = tmp_path / "features.json"
    path.write_text(json.dumps(features))
    monkeypatch.setenv(FEATURES, str(path))
    install(monkeypatch)
    root = free.url.replace("/v0/", "/moments/")
    add_connection(NAME, root, KIND)
    CACHE.clear()
    found = catalogs.connect(NAME)
    assert isinstance(found, Moments)
    found.features = features  # a catalog is kept for all of the process
    found.asked.clear()
    yield found
    found.features = features
    CACHE.clear()


@pytest.fixture
def command(second: Moments) -> Command:
    """Return a function that runs a command of planet-vector, in a process of its own, for that connection."""

    def run(*arguments: str, given: str = "", code: int = 0) -> subprocess.CompletedProcess[str]:
        called = [sys.executable, "-m", "tests.second_catalog", *arguments]
        done = subprocess.run(called, capture_output=True, text=True, input=given, cwd=ROOT, timeout=120)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


def name(parameters: str = "", item: str = "") -> str:
    asked = "&".join(filter(None, [f"connection={NAME}", parameters]))
    return f"PLANET:{COLLECTION}{'/' if item else ''}{item}?{asked}"


def newest_first(features: List[Feature]) -> List[str]:
    times = {feature["id"]: parse_time(feature["properties"]["datetime"]) for feature in features}
    return sorted(times, key=lambda scene: times[scene], reverse=True)


def cover(feature: Feature) -> float:
    return float(feature["properties"]["eo:cloud_cover"])


# ---- searches and layers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["desc", "asc"])
def test_a_search_reads_all_scenes_in_order_each_once(second: Moments, features: List[Feature], order: str) -> None:
    found = [scene.id for scene in planet_vector.search(name(f"order_by=datetime {order}"))]
    times = {feature["id"]: feature["properties"]["datetime"] for feature in features}
    assert [times[scene] for scene in found] == sorted(times.values(), key=parse_time, reverse=order == "desc")
    assert sorted(found) == sorted(times)


def test_a_search_is_counted_by_reading_it(second: Moments, features: List[Feature]) -> None:
    search = planet_vector.search(name())
    with pytest.raises(TypeError):
        len(search)
    assert search.count() == len(search) == len(features)
    second.asked.clear()
    assert search.count() == len(features) and not second.asked
    assert planet_vector.search(name("limit=10")).count() == 10


def test_a_scene_tells_what_its_own_names_mean(second: Moments, features: List[Feature]) -> None:
    scene = planet_vector.search(name())[0]
    said = next(feature for feature in features if feature["id"] == scene.id)["properties"]
    assert scene.acquired == parse_time(said["datetime"])
    assert scene.published == (said["created"] and parse_time(said["created"]))
    assert scene.cloud_cover == pytest.approx(100 * said["eo:cloud_cover"]) and scene.gsd == said["gsd"]
    assert scene.products == ("picture", "numbers")


def test_a_layer_has_the_collection_s_columns_and_keeps_the_rest(second: Moments, features: List[Feature]) -> None:
    frame = pyogrio.read_dataframe(name())
    assert list(frame.columns[:-1]) == [
        "id",
        "datetime",
        "created",
        "eo:cloud_cover",
        "gsd",
        "platform",
        "location",
        "other",
    ]
    by_id = {feature["id"]: feature for feature in features}
    assert list(frame["id"]) == newest_first(features)
    for row in frame.itertuples(index=False):
        feature = by_id[row[0]]
        assert row[3] == cover(feature) and row[5] == feature["properties"]["platform"]
        assert row[6].endswith(f"/vsicurl/{feature['assets']['picture']['href']}")
        assert json.loads(row[7]) == {"made:by": {"whom": "nobody"}}


WHERES: Dict[str, Callable[[Feature], bool]] = {
    '"eo:cloud_cover" < 0.1': lambda feature: cover(feature) < 0.1,
    '"eo:cloud_cover" <= 0.1': lambda feature: cover(feature) <= 0.1,
    '"eo:cloud_cover" > 0.1 AND "eo:cloud_cover" < 0.5': lambda feature: 0.1 < cover(feature) < 0.5,
    "\"datetime\" >= '2015-06-01' AND \"datetime\" < '2016-01-01'": lambda feature: (
        parse_time("2015-06-01") <= parse_time(feature["properties"]["datetime"]) < parse_time("2016-01-01")
    ),
    "NOT \"datetime\" < '2015-06-01'": lambda feature: (
        parse_time(feature["properties"]["datetime"]) >= parse_time("2015-06-01")
    ),
}


@pytest.mark.parametrize("where", WHERES)
def test_a_filter_is_narrowed_by_what_the_service_has_and_exact(
    second: Moments, features: List[Feature], where: str
) -> None:
    expected = [feature["id"] for feature in features if WHERES[where](feature)]
    assert 0 < len(expected) < len(features)
    found = pyogrio.read_dataframe(name(), where=where, columns=["id"])
    assert sorted(found["id"]) == sorted(expected)
    asked = [condition for query in second.asked for condition in query.conditions]
    assert asked and {condition.comparator for condition in asked} <= {"gte", "lte"}
    assert pyogrio.read_info(name(), force_feature_count=True)["features"] == len(features)


def test_an_id_of_a_kind_that_is_not_known_is_searched_for(second: Moments, features: List[Feature]) -> None:
    wanted = features[3]["id"]
    assert list(pyogrio.read_dataframe(name(), where=f"id = '{wanted}'")["id"]) == [wanted]
    assert list(pyogrio.read_dataframe(name(item=wanted))["id"]) == [wanted]


def test_a_box_is_asked_for(second: Moments, features: List[Feature]) -> None:
    ring = features[0]["geometry"]["coordinates"][0]
    box = tuple(pick(position[axis] for position in ring) for pick in (min, max) for axis in (0, 1))
    found = pyogrio.read_dataframe(name(), bbox=box)
    assert features[0]["id"] in set(found["id"]) and len(found) < len(features)
    assert any(query.area is not None for query in second.asked)


def test_the_extent_of_more_than_is_counted_is_the_world(second: Moments) -> None:
    layer = planet_vector.open_layer(name())
    assert layer.extent() == (-180, -90, 180, 90)
    frame = pyogrio.read_dataframe(name())
    list(layer.rows())
    assert layer.extent() == pytest.approx(tuple(frame.total_bounds)) and layer.extent() != (-180, -90, 180, 90)


def test_a_scene_is_found_by_its_id_and_a_condition_however_fine_its_time(
    second: Moments, features: List[Feature]
) -> None:
    found = planet_vector.open_layer(name("eo:cloud_cover.gte=0"))
    (row,) = found.rows(f"id = '{features[0]['id']}'")
    assert row.values[0] == features[0]["id"]
    # The service's own time may lie between that which was read, cut to the microsecond, and the next.
    (until,) = [each for each in second.asked[-1].conditions if each.comparator == "lte"]
    assert until.value == _time(features[0]) + timedelta(microseconds=1)


# ---- caches ----------------------------------------------------------------------------------------------


def test_what_was_read_is_not_asked_for_again(second: Moments, features: List[Feature]) -> None:
    assert len(pyogrio.read_dataframe(name())) == len(features)
    second.asked.clear()
    assert len(pyogrio.read_dataframe(name())) == len(features)
    assert len(pyogrio.read_dataframe(name(), where='"eo:cloud_cover" < 0.1')) < len(features)
    assert pyogrio.read_info(name())["features"] == len(features)
    assert second.asked == []


def test_nothing_is_kept_on_disk_as_nothing_cheap_tells_of_changes(second: Moments, features: List[Feature]) -> None:
    pyogrio.read_dataframe(name())
    assert not disk_cache.directory().exists() or not list(disk_cache.directory().iterdir())
    CACHE.clear()  # as the next program has none
    second.features = features[1:]
    assert len(pyogrio.read_dataframe(name())) == len(features) - 1


# ---- the kind of a root ----------------------------------------------------------------------------------


def test_the_kind_of_a_root_is_asked_for_once_and_remembered(
    start_service: Start, archive: Path, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "access.log"
    service = start_service(archive, "--access-log", str(log), key="")

    def asked() -> int:
        seen = log.read_text().splitlines() if log.exists() else []
        log.write_text("")
        return len(seen)

    monkeypatch.setenv("PL_API_URL", service.url)
    assert "PL_API_URL          v0" in command("connections", "list").stdout  # by the end of the root
    assert catalogs.connect().kind == "v0"
    assert asked() == 0
    assert command("types").stdout.splitlines() == ["landsat", "ortho", "rapideye"]
    assert asked() == 1

    monkeypatch.setenv("PL_API_URL", service.url.replace("/v0/", "/moments/"))
    assert "PL_API_URL          ?" in command("connections", "list").stdout
    assert asked() == 0
    assert catalogs.connect().kind == KIND
    assert asked() == 3  # of the kinds that it is not
    assert catalogs.connect().kind == KIND
    assert "PL_API_URL          moments" in command("connections", "list").stdout
    assert asked() == 0
    monkeypatch.setenv("PL_API_URL", service.url.replace("/v0/", "/v1/"))
    assert (
        "is not the root of a service of a known kind (v0, data-v1, stac, moments)" in command("types", code=1).stderr
    )
    assert "Forgot the kinds of 1 service" in command("cache", "clear").stderr


# ---- rasters ---------------------------------------------------------------------------------------------


def test_an_asset_has_the_pixels_of_its_file(second: Moments, features: List[Feature], archive: Path) -> None:
    feature = features[2]
    with planet_vector.open(f"PLANET:{COLLECTION}/{feature['id']}/picture?connection={NAME}") as dataset:
        with rasterio.open(archive / f"{feature['id']}_visual.tif") as file:
            assert (dataset.read() == file.read()).all()


def test_a_mosaic_is_of_the_first_product(second: Moments, features: List[Feature]) -> None:
    with planet_vector.mosaic(name("limit=3")) as dataset:
        assert dataset.count == 4
    with planet_vector.mosaic(name("limit=3"), top="clearest") as dataset:
        assert dataset.count == 4


def test_the_tile_index_sorts_by_the_service_s_columns(second: Moments) -> None:
    with rasterio.Env():
        layer = planet_vector.open_layer(name("top=clearest"))
        assert "<SortField>eo:cloud_cover</SortField>" in str(layer.index.metadata())
        assert "<SortField>datetime</SortField>" in str(planet_vector.open_layer(name()).index.metadata())


def test_a_stac_item_says_percent(second: Moments, features: List[Feature]) -> None:
    from planet_vector.stac_export import to_stac

    scene = planet_vector.search(name())[0]
    item = to_stac(scene)
    assert item["properties"]["eo:cloud_cover"] == pytest.approx(scene.cloud_cover)
    assert item["properties"]["platform"] and item["assets"]["picture"]["roles"] == ["visual"]
    assert item["assets"]["numbers"]["eo:bands"][0]["common_name"] == "nir"


# ---- commands --------------------------------------------------------------------------------------------


def test_people_say_percent_everywhere(command: Command, features: List[Feature]) -> None:
    found = command("search", "--connection", NAME, "--cloud-cover", "20").stdout.splitlines()
    expected = [feature["id"] for feature in features if cover(feature) <= 0.2]
    assert sorted(json.loads(line)["id"] for line in found) == sorted(expected)
    table = command("search", "--connection", NAME, "--cloud-cover", "20", "--table").stdout.splitlines()[1:]
    percents = [float(line.split()[2].rstrip("%")) for line in table]
    assert len(table) == len(expected) and max(percents) > 1


def test_a_date_is_all_of_its_day_where_spans_are_closed(command: Command, features: List[Feature]) -> None:
    day = features[0]["properties"]["datetime"][:10]
    until = parse_time(day) + timedelta(days=1)
    expected = [each["id"] for each in features if parse_time(day) <= _time(each) < until]
    found = command("search", "--connection", NAME, "--acquired", day, "--names").stdout.split()
    assert sorted(parse_name(line).item for line in found) == sorted(expected)
    assert all(parse_name(line).get("connection") == NAME for line in found)


def test_a_count_is_of_what_was_read_and_says_so(command: Command, features: List[Feature]) -> None:
    done = command("count", "--connection", NAME)
    assert done.stdout == f"{len(features)}\n"
    assert "does not count" in done.stderr


def test_csv_has_the_collection_s_columns(command: Command, features: List[Feature]) -> None:
    rows = list(csv.DictReader(io.StringIO(command("search", "--connection", NAME, "--csv").stdout)))
    assert list(rows[0])[:6] == ["id", *SCHEMA.columns]
    assert sorted(row["id"] for row in rows) == sorted(feature["id"] for feature in features)


def test_scenes_go_from_a_search_to_a_download(command: Command, archive: Path, tmp_path: Path) -> None:
    names = command("search", "--connection", NAME, "--limit", "2", "--names").stdout
    done = command("download", "-", "-o", str(tmp_path), given=names)
    paths = sorted(map(Path, done.stdout.split()))
    assert len(paths) == 2
    for path in paths:
        assert path.read_bytes() == (archive / path.name.replace("_picture", "_visual")).read_bytes()
    lines = command("search", "--connection", NAME, "--limit", "1").stdout
    done = command("download", "-", "--connection", NAME, "--product", "numbers", "-o", str(tmp_path), given=lines)
    assert len(done.stdout.split()) == 1 and "numbers" in done.stdout


def test_stacks_are_found_and_cropped(command: Command, tmp_path: Path) -> None:
    found = command("stacks", "--connection", NAME, "--cloud-cover", "50")
    stack = json.loads(found.stdout.splitlines()[0])
    assert stack["properties"]["depth"] >= 2 and stack["properties"]["first_acquired"]


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["basemaps"], "no basemaps"),
        (["thumbnails", "{id}", "-o", "."], "no thumbnails"),
        (["search", "--where", "eo:cloud_cover", "lt", "0.5"], "takes .gte, .lte, not .lt"),
        (["search", "--where", "cloud_cover.estimated", "lte", "5"], "is not a search parameter"),
        (["search", "-s", "ortho"], "no collection 'ortho'"),
    ],
)
def test_what_the_service_lacks_is_said_in_a_sentence(
    command: Command, features: List[Feature], arguments: List[str], words: str
) -> None:
    given = [argument.format(id=features[0]["id"]) for argument in arguments]
    called = [sys.executable, "-m", "tests.second_catalog", given[0], "--connection", NAME, *given[1:]]
    done = subprocess.run(called, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode and words in done.stderr and "Traceback" not in done.stderr


def test_types_and_help_are_the_service_s(command: Command) -> None:
    assert command("types", "--connection", NAME).stdout == f"{COLLECTION}\n"
    command("connections", "default", NAME)
    assert "Fields: datetime, created, eo:cloud_cover, gsd, platform." in " ".join(
        command("search", "--help").stdout.split()
    )


def _time(feature: Feature) -> datetime:
    return parse_time(feature["properties"]["datetime"])


def test_a_table_is_what_gdal_reads(second: Moments, features: List[Feature]) -> None:
    table = assert_as_gdal(f"PLANET:{COLLECTION}?connection={NAME}")
    assert sorted(table["id"].to_pylist()) == sorted(feature["id"] for feature in features)
