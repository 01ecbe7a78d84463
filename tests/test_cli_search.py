"""``types``, ``search``, ``count`` and ``metadata`` against what the files of the archive say."""

from __future__ import annotations

import csv
import io
import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
from shapely.geometry import box, mapping, shape

from planet_vector.cli.output import print_table
from planet_vector.cli.search_options import read_area
from planet_vector.errors import QueryError
from planet_vector.times import parse_time
from tests.conftest import Service, needs_fiona
from tests.schemas import ORTHO

Feature = Dict[str, Any]
Cli = Callable[..., "subprocess.CompletedProcess[str]"]

EMPTY = '{"type": "FeatureCollection", "features": [\n]}\n'
AREA = box(11.99, 47.87, 12.01, 47.89)


@pytest.fixture(scope="module")
def ortho(archive: Path) -> List[Feature]:
    """Return the ortho scenes as their files have them, the newest first."""
    features = [json.loads(path.read_text()) for path in archive.glob("*_metadata.json")]
    found = [feature for feature in features if "/ortho/" in feature["properties"]["links"]["self"]]
    assert len(found) >= 60
    return sorted(found, key=lambda feature: parse_time(feature["properties"]["acquired"]), reverse=True)


@pytest.fixture
def cli(service: Service, run: Cli) -> Cli:
    """Return a function that runs planet-vector against the service and gives its result, which must be good.

    Where nothing was found, that is said in a line on stderr, and nothing else.
    """

    def call(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        done = run("planet-vector", *arguments, env=service.environ, **options)
        assert done.returncode == 0, done.stderr
        nothing = done.stdout in ("", "0\n", EMPTY)
        assert re.fullmatch("No scenes found: check .*\n" if nothing else "", done.stderr)
        return done

    return call


def _ids(done: subprocess.CompletedProcess[str]) -> List[str]:
    return [json.loads(line)["id"] for line in done.stdout.splitlines()]


def _cloud(feature: Feature) -> float:
    return float(feature["properties"]["cloud_cover"]["estimated"])


def _day(feature: Feature) -> str:
    return str(parse_time(feature["properties"]["acquired"]).date())


def test_types_are_those_of_the_root(cli: Cli) -> None:
    assert cli("types").stdout.split() == ["landsat", "ortho", "rapideye"]


FILTERS = {
    "all": ([], lambda f: True),
    "cloud": (["--cloud-cover", "5"], lambda f: _cloud(f) <= 5),
    "where": (
        ["--where", "cloud_cover.estimated", "gt", "5", "--where", "sat.id", "eq", "0908"],
        lambda f: _cloud(f) > 5 and f["properties"]["sat"]["id"] == "0908",
    ),
    "neq": (["--where", "sat.id", "neq", "0908"], lambda f: f["properties"]["sat"]["id"] != "0908"),
    "days": (["--acquired", "2015-06-15..2015-08-05"], lambda f: "2015-06-15" <= _day(f) <= "2015-08-05"),
    "a day": (["--acquired", "2015-07-03"], lambda f: _day(f) == "2015-07-03"),
    "from": (["--acquired", "2015-08-01.."], lambda f: _day(f) >= "2015-08-01"),
    "until": (["--acquired", "..2015-05-31T09:30:00Z"], lambda f: f["properties"]["acquired"] <= "2015-05-31T09:30"),
    "lately": (["--since", "1d"], lambda f: False),
    "long ago": (["--since", "5000w"], lambda f: True),
    "bbox": (["--bbox", ",".join(map(str, AREA.bounds))], lambda f: shape(f["geometry"]).intersects(AREA)),
}


@pytest.mark.parametrize("case", FILTERS)
def test_search_and_count_find_what_the_files_hold(cli: Cli, ortho: List[Feature], case: str) -> None:
    flags, holds = FILTERS[case]
    wanted = {feature["id"] for feature in ortho if holds(feature)}
    if case == "neq":
        # The service leaves open whether a scene without the property differs; every sample scene has it.
        assert all("sat" in feature["properties"] for feature in ortho)
    found = _ids(cli("search", *flags))
    assert sorted(found) == sorted(wanted)
    assert cli("count", *flags).stdout == f"{len(wanted)}\n"


def test_published_leaves_out_scenes_that_do_not_say(cli: Cli, ortho: List[Feature]) -> None:
    said = {f["id"]: parse_time(f["properties"]["published"]) for f in ortho if f["properties"].get("published")}
    assert len(said) < len(ortho)
    edge = sorted(said.values())[len(said) // 2]
    found = _ids(cli("search", "--published", f"{edge.isoformat()}.."))
    assert sorted(found) == sorted(scene for scene, moment in said.items() if moment >= edge)


def test_order_and_limit(cli: Cli, ortho: List[Feature]) -> None:
    times = {f["id"]: parse_time(f["properties"]["acquired"]) for f in ortho}
    oldest = [times[scene] for scene in _ids(cli("search", "--order", "asc", "--limit", "5"))]
    assert oldest == sorted(times.values())[:5]
    newest = [times[scene] for scene in _ids(cli("search", "--limit", "5"))]
    assert newest == sorted(times.values(), reverse=True)[:5]
    assert cli("count", "--limit", "5").stdout == "5\n"


def test_other_scene_types(cli: Cli, archive: Path) -> None:
    wanted = sorted(path.name[: -len("_metadata.json")] for path in archive.glob("LC8*_metadata.json"))
    assert sorted(_ids(cli("search", "-s", "landsat"))) == wanted


@pytest.fixture(params=["wkt", "geojson", "path", "@path", "stdin", "collection", "sequence", "fio", "name"])
def spelling(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """Return one way to give the area, and what stdin holds then."""
    feature = {"type": "Feature", "properties": {"owner": "private"}, "geometry": mapping(AREA)}
    far = {**feature, "geometry": mapping(box(0, 0, 1, 1))}
    path = tmp_path / "area of interest.geojson"
    path.write_text(json.dumps(feature), encoding="utf-8-sig")
    return {
        "wkt": (AREA.wkt, ""),
        "geojson": (json.dumps(mapping(AREA)), ""),
        "path": (str(path), ""),
        "@path": (f"@{path}", ""),
        "stdin": ("-", AREA.wkt),
        "collection": ("-", json.dumps({"type": "FeatureCollection", "features": [far, feature]}, indent=1)),
        "sequence": ("-", f"\x1e{json.dumps(far)}\n\x1e{json.dumps(feature)}\n"),
        "fio": ("-", f"{json.dumps(far)}\n{json.dumps(feature)}\n"),
        "name": (f"PLANET:ortho?intersects={AREA.wkt.replace(' ', '%20')}", ""),
    }[request.param]


def test_the_area_may_be_given_in_many_ways(cli: Cli, ortho: List[Feature], spelling: tuple[str, str]) -> None:
    argument, stdin = spelling
    wanted = [f["id"] for f in ortho if shape(f["geometry"]).intersects(AREA) and _cloud(f) <= 10]
    assert 0 < len(wanted) < len(ortho)
    found = _ids(cli("search", argument, "--cloud-cover", "10", input=stdin))
    assert sorted(found) == sorted(wanted)


def test_a_box_over_the_antimeridian(cli: Cli, ortho: List[Feature]) -> None:
    wanted = [f["id"] for f in ortho if f["geometry"]["type"] == "MultiPolygon"]
    assert len(wanted) == 1
    assert _ids(cli("search", "--bbox", "179,-17.5,-179,-16")) == wanted


def test_only_geometries_of_a_file_are_sent(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    geometry = mapping(AREA)
    path.write_text(json.dumps({"type": "Feature", "properties": {"owner": "private"}, "geometry": geometry}))
    assert json.loads(read_area(str(path))) == json.loads(json.dumps(geometry))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"type": "Point", "coordinates": [1, 2], "crs": {"properties": {"name": "EPSG:32633"}}}', "reproject"),
        ('{"type": "FeatureCollection", "features": []}', "no geometry"),
        ("[1, 2]", "neither GeoJSON nor WKT"),
        ("not an area", "neither GeoJSON nor WKT"),
        ("", "no geometry"),
        ("[" * 100_000, "neither GeoJSON nor WKT"),
        ("PK\x03\x04\udcff", "neither GeoJSON nor WKT"),
    ],
)
def test_a_file_that_is_no_area_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "a.geojson"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(QueryError, match=reason):
        read_area(str(path))


def test_the_forms_of_output_hold_the_same_scenes(cli: Cli, ortho: List[Feature]) -> None:
    flags = ["search", "--cloud-cover", "5"]
    lines = [json.loads(line) for line in cli(*flags).stdout.splitlines()]
    by_id = {f["id"]: f for f in ortho}
    for feature in lines:
        known = by_id[feature["id"]]
        assert feature["geometry"] == known["geometry"]
        assert feature["properties"]["camera"] == known["properties"]["camera"]
    sequence = cli(*flags, "--rs").stdout
    assert [json.loads(text) for text in sequence.split("\x1e")[1:]] == lines
    collection = json.loads(cli(*flags, "--collection").stdout)
    assert collection == {"type": "FeatureCollection", "features": lines}
    assert json.loads(cli(*flags, "--collection", "--indent", "2").stdout) == collection
    compact = cli(*flags, "--compact").stdout
    assert ": " not in compact.split('"properties"')[0] and [json.loads(line) for line in compact.splitlines()] == lines
    rows = list(csv.DictReader(io.StringIO(cli(*flags, "--csv").stdout)))
    assert [row["id"] for row in rows] == [f["id"] for f in lines]
    assert [float(row["cloud_cover.estimated"]) for row in rows] == [_cloud(f) for f in lines]
    assert all(row["geometry"].startswith("MULTIPOLYGON") for row in rows)
    assert cli(*flags, "--names").stdout.split() == [f"PLANET:ortho/{f['id']}" for f in lines]
    table = cli(*flags, "--table").stdout.splitlines()
    assert [line.split()[0] for line in table] == ["id", *(f["id"] for f in lines)]


def test_columns_of_a_table_are_aligned_also_with_long_ids() -> None:
    out = io.StringIO()
    ids = ["LC08_L1TP_192027_20150724_20170406_01_T1", "short"]
    place = {"type": "Point", "coordinates": [11.5, 48.25]}
    acquired = {"acquired": "2015-07-24T10:00:00Z"}
    features = [{"type": "Feature", "id": one, "geometry": place, "properties": acquired} for one in ids]
    print_table(features, out, ORTHO)
    header, *rows = out.getvalue().splitlines()
    assert [row.index("2015-07-24T") for row in rows] == [header.index("acquired")] * 2


def test_an_empty_search_is_an_empty_collection(cli: Cli) -> None:
    empty = {"type": "FeatureCollection", "features": []}
    assert json.loads(cli("search", "--since", "1d", "--collection").stdout) == empty


def test_metadata_of_scenes_by_id_and_by_name(cli: Cli, ortho: List[Feature]) -> None:
    first, last = ortho[0], ortho[-1]
    lines = cli("metadata", first["id"], f"PLANET:ortho/{last['id']}").stdout.splitlines()
    for line, known in zip(lines, (first, last)):
        feature = json.loads(line)
        assert feature["id"] == known["id"] and feature["geometry"] == known["geometry"]
        for name in set(known["properties"]) - {"links", "data"}:
            assert feature["properties"][name] == known["properties"][name]
    assert len(lines) == 2


@needs_fiona
def test_fio_planet_is_the_same(service: Service, run: Cli, ortho: List[Feature]) -> None:
    done = run("fio", "planet", "search", "--cloud-cover", "5", env=service.environ)
    assert done.returncode == 0, done.stderr
    assert sorted(_ids(done)) == sorted(f["id"] for f in ortho if _cloud(f) <= 5)


def test_verbose_tells_the_requests_and_no_key(service: Service, run: Cli) -> None:
    done = run("planet-vector", "count", "-v", env=service.environ)
    assert done.returncode == 0
    assert f"{service.url}scenes/ortho/" in done.stderr
    assert service.key not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="pipes and signals as POSIX has them")
def test_a_reader_that_has_seen_enough_ends_it_quietly(service: Service, run: Cli) -> None:
    done = run("bash", "-c", "planet-vector search -s ortho | head -c 10", env=service.environ)
    assert (len(done.stdout), done.stderr) == (10, "")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes and signals as POSIX has them")
def test_ctrl_c_ends_it_at_once_and_quietly(service: Service) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        environ = {**service.environ, "PL_API_URL": f"http://127.0.0.1:{silent.getsockname()[1]}/v0/"}
        with subprocess.Popen(
            ["planet-vector", "types"], env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            silent.settimeout(30)
            connection, _ = silent.accept()
            with connection:
                assert connection.recv(100).startswith(b"GET /v0/scenes/")
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (130, "", "")
