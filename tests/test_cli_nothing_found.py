"""Nothing found is said, in one line on stderr with what to check; standard output holds nothing, or what is valid."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

from tests.conftest import HAS_FIONA, Service

Cli = Callable[..., "subprocess.CompletedProcess[str]"]

SWAPPED = "47.87,11.99,47.89,12.01"  # latitude first, where the scenes are
RIGHT = "11.99,47.87,12.01,47.89"


@pytest.fixture
def cli(service: Service, run: Cli) -> Cli:
    return lambda *arguments, **options: run("planet-vector", *arguments, env=service.environ, **options)


def line(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line on stderr."""
    assert done.stderr.count("\n") == 1 and done.stderr.endswith("\n"), done.stderr
    return done.stderr.strip()


ORDER = r"check the order of the coordinates \(longitude first: 47.87 is read as longitude, 11.99 as latitude\)"
FLAGS: Dict[str, List[str]] = {
    "lines": [],
    "rs": ["--rs"],
    "names": ["--names"],
    "table": ["--table"],
    "compact": ["--compact"],
}


@pytest.mark.parametrize("flags", FLAGS.values(), ids=FLAGS)
def test_a_search_says_so_and_prints_nothing(cli: Cli, service: Service, flags: List[str]) -> None:
    done = cli("search", "--bbox", SWAPPED, *flags)
    assert (done.returncode, done.stdout) == (0, "")
    assert re.fullmatch(
        rf"No scenes found: {ORDER}, the scene type \(ortho; 'planet-vector types' lists all\) and the service "
        rf"\({service.url}\)\.",
        line(done),
    )
    assert service.key not in done.stderr
    assert cli("search", "--bbox", RIGHT, "--names").stderr == ""


def test_a_collection_is_empty_and_csv_has_its_head(cli: Cli) -> None:
    done = cli("search", "--bbox", SWAPPED, "--collection")
    assert json.loads(done.stdout) == {"type": "FeatureCollection", "features": []}
    assert line(done)
    done = cli("search", "--bbox", SWAPPED, "--csv")
    assert done.stdout.count("\n") == 1 and done.stdout.startswith("id,")
    assert line(done)


LONG = "POINT (147.87 11.99)"
POINT = {"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [47.87, 11.99]}}


@pytest.mark.parametrize(
    ("asked", "says", "says_not"),
    [
        (["POINT (47.87 11.99)"], ORDER, "dates"),
        ([json.dumps(POINT)], ORDER, "dates"),
        ([LONG], r"check the area, the scene type", "order of"),
        (["--bbox", "170,1,-170,2"], r"check the area, the scene type", "order of"),
        (["--since", "1d"], r"check the dates \(acquired\), the scene type", "order of|area"),
        (["--published", "2100-01-01.."], r"check the dates \(published\),", "order of|area"),
        (
            ["--bbox", SWAPPED, "--since", "1d", "--cloud-cover", "5"],
            ORDER + r", the dates \(acquired\), cloud_",
            "area",
        ),
        (["-s", "landsat", "--where", "provider", "eq", "x"], r"check provider, the scene type \(landsat;", "dates"),
        (["PLANET:ortho?acquired.gte=2015-02-01&acquired.lt=2015-01-01"], "the search contradicts itself", "check"),
    ],
)
def test_what_to_check_is_what_was_asked(
    call: Cli, connected: Service, asked: List[str], says: str, says_not: str
) -> None:
    done = call("search", *asked)
    assert (done.returncode, done.stdout) == (0, "")
    assert re.search(says, line(done)) and not re.search(says_not, done.stderr)
    done = call("count", *asked)
    assert (done.returncode, done.stdout) == (0, "0\n")
    assert re.search(says, line(done))


OTHERS: Dict[str, Any] = {
    "sync": (["sync", "DIR", "--bbox", SWAPPED], 0, ""),
    "stacks": (["stacks", "--bbox", SWAPPED], 0, ""),
    "stacks, table": (["stacks", "--bbox", SWAPPED, "--table"], 0, ""),
    "stacks, crop": (["stacks", "--bbox", SWAPPED, "--crop", "DIR"], 1, ""),
    "mosaic, dry run": (["mosaic", "--bbox", SWAPPED, "--dry-run"], 0, r"0 scenes, 0(\.0+)? km²\n"),
    "mosaic": (["mosaic", "--bbox", SWAPPED, "-o", "DIR/m.tif"], 1, ""),
    "geoparquet": (["search", "--bbox", SWAPPED, "--geoparquet", "DIR/s.parquet"], 1, ""),
}


@pytest.mark.parametrize("case", OTHERS)
def test_every_command_that_searches_says_so_once(call: Cli, connected: Service, tmp_path: Path, case: str) -> None:
    arguments, code, out = OTHERS[case]
    done = call(*(argument.replace("DIR", str(tmp_path)) for argument in arguments))
    assert done.returncode == code
    assert re.fullmatch(out, done.stdout)
    assert re.match(("Error: " if code else "") + "No scenes found: " + ORDER, line(done))
    assert not [path for path in tmp_path.iterdir() if path.suffix in (".tif", ".parquet")]


def test_scenes_that_make_no_stack_are_said_to(call: Cli, connected: Service) -> None:
    done = call("stacks", "--limit", "2", "--min-depth", "5", "--collection")
    assert json.loads(done.stdout) == {"type": "FeatureCollection", "features": []}
    assert line(done).startswith("No 5 of the 2 scenes found share enough ground: ")


def test_a_service_without_basemaps_says_so(call: Cli, connected: Service) -> None:
    for flags in ([], ["--names"], ["--table"]):
        done = call("basemaps", *flags)
        assert (done.returncode, done.stdout, line(done)) == (0, "", "The service has no basemaps.")


def test_a_map_of_nothing_says_so(call: Cli, connected: Service, tmp_path: Path) -> None:
    path = tmp_path / "z.html"
    done = call("map", f"PLANET:ortho?bbox={SWAPPED}", "-o", str(path))
    assert (done.returncode, done.stdout) == (0, f"{path}: 0 scenes\n")
    assert re.match("No scenes found: " + ORDER, line(done))
    done = call("map", f"PLANET:ortho?bbox={SWAPPED}", f"PLANET:ortho?bbox={RIGHT}", "-o", str(path), "--overwrite")
    assert (done.returncode, done.stderr) == (0, "")
    done = call("map", "PLANET:basemaps", "-o", str(path), "--overwrite")
    assert (done.returncode, line(done)) == (0, "The service has no basemaps.")


@pytest.mark.parametrize("command", ["thumbnails", "download"])
def test_what_takes_scenes_from_a_search_that_found_none_says_so(cli: Cli, call: Cli, command: str) -> None:
    for flags in ([], ["--collection"]):
        found = cli("search", "--bbox", SWAPPED, *flags).stdout
        done = cli(command, "-", input=found)
        assert done.returncode == 2
        assert line(done) == "Error: There are no scenes on stdin: does the search before it find any?"


@pytest.mark.parametrize("program", [["planet-vector"], *([["fio", "planet"]] if HAS_FIONA else [])])
def test_fio_planet_is_the_same(service: Service, run: Cli, program: List[str]) -> None:
    done = run(*program, "search", "--bbox", SWAPPED, env=service.environ)
    assert (done.returncode, done.stdout) == (0, "")
    assert re.match("No scenes found: " + ORDER, line(done))
