"""One odd scene among others ends no listing: whatever it says of itself, each scene comes, and as right JSON."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, NoReturn

import pytest
import yaml

import planet_vector
from planet_vector.cli.messages import plain
from planet_vector.errors import NameSyntaxError
from planet_vector.scene import Scene
from tests.conftest import HAS_FIONA, ROOT, Service, Start
from tests.schemas import LANDSAT, ORTHO

Cli = Callable[..., "subprocess.CompletedProcess[str]"]

SCENE: Dict[str, Any] = {
    "type": "Feature",
    "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]},
    "properties": {
        "acquired": "2015-03-06T02:24:15.531315+00:00",
        "provider": "somebody",
        "links": {"self": "https://example.com/v0/scenes/ortho/x"},
        "data": {"products": {"visual": {"full": "https://example.com/x"}}},
    },
}
TEXTS = {
    "accent": "Kraków é",
    "emoji": "\U0001f6f0",
    "surrogate": "a\ud800b",
    "NUL": "a\0b",
    "escape": "\x1b[2J\x1b[31m",
    "csi": "\x9b31m",
    "next-line": "a\x85b\u2028c\u2029d\x7f",
    "line-break": "a\r\nb",
    "separator": "a\x1eb\x1cc",
    "quote": 'a"b\\c,d',
}
NUMBERS = {"NaN": "NaN", "infinite": "-Infinity", "large": "1e999", "digits": "7" * 400, "endless": "7" * 5000}
IDS = {"an id \ud800 of its own", "id\x1b[2J", "of\ntwo lines", "été"}


def body() -> str:
    """Return a page of scenes: each text in each place, each number, odd ids and products."""
    found: List[Any] = [{**SCENE, "id": "first"}]
    for name, text in TEXTS.items():
        found.append({**SCENE, "id": name, "properties": {**SCENE["properties"], "provider": text, text: text}})
    for name in NUMBERS:
        found.append({**SCENE, "id": name, "properties": {**SCENE["properties"], "strip_id": f"@{name}@"}})
    found += [{**SCENE, "id": name} for name in sorted(IDS)]
    products = {text: {"full": "https://example.com/x"} for text in TEXTS.values()}
    found.append({**SCENE, "id": "products", "properties": {**SCENE["properties"], "data": {"products": products}}})
    found.append({**SCENE, "id": "last"})
    text = json.dumps({"count": len(found), "type": "FeatureCollection", "features": found, "links": {"next": None}})
    for name, number in NUMBERS.items():
        text = text.replace(f'"@{name}@"', number)
    return text


COUNT = 1 + len(TEXTS) + len(NUMBERS) + len(IDS) + 2


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory, start_service: Start) -> Service:
    folder = tmp_path_factory.mktemp("odd")
    scenes = body()
    beyond = {**SCENE["properties"], "acquired": "9999-12-31T23:59:59-05:00"}
    nowhere = {"type": "Polygon", "coordinates": [[["x", None]]]}
    late = {**SCENE, "id": "x", "properties": beyond, "geometry": nowhere}
    landsat = {"count": 1, "type": "FeatureCollection", "features": [late], "links": {"next": None}}
    one = {**SCENE, "id": "surrogate", "properties": {**SCENE["properties"], "provider": TEXTS["surrogate"]}}
    bodies = {"ortho/surrogate": json.dumps(one), "ortho/": scenes, "landsat/": json.dumps(landsat)}
    faults = [{"path": f"/v0/scenes/{path}", "status": 200, "body": body} for path, body in bodies.items()]
    (folder / "faults.yml").write_text(yaml.safe_dump(faults))
    archive = folder / "scenes"
    archive.mkdir()
    (archive / "scenes.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": []}))
    return start_service(archive, "--faults", str(folder / "faults.yml"))


def strict(text: str) -> Any:
    def refuse(constant: str) -> NoReturn:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def check(found: List[Any]) -> None:
    """Check that all scenes are there, as the service has them."""
    by_id = {scene["id"]: scene["properties"] for scene in found}
    assert len(found) == len(by_id) == COUNT
    assert found[0]["id"] == "first" and found[-1]["id"] == "last"
    for name, text in TEXTS.items():
        assert (by_id[name]["provider"], by_id[name][text]) == (text, text)
    assert IDS < set(by_id)
    numbers = {name: by_id[name]["strip_id"] for name in NUMBERS}
    assert numbers["NaN"] == "NaN" and numbers["infinite"] == "-Infinity" and numbers["large"] == "Infinity"
    assert numbers["digits"] == int(NUMBERS["digits"]) and numbers["endless"] == NUMBERS["endless"]


ENCODINGS = ["utf-8", "ascii", "cp1252", "latin-1", "utf-16"]


def listed(odd: Service, tmp_path: Path, encoding: str, *arguments: str) -> str:
    """Return what a command prints into a file in an encoding."""
    path = tmp_path / "out"
    env = {**odd.environ, "PYTHONIOENCODING": encoding}
    with path.open("wb") as file:
        done = subprocess.run(["planet-vector", *arguments], env=env, stdout=file, stderr=subprocess.PIPE, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    return path.read_bytes().decode(encoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_json_lines(odd: Service, tmp_path: Path, encoding: str) -> None:
    text = listed(odd, tmp_path, encoding, "search")
    assert not re.search("[\0-\x09\x0b-\x1f\x7f-\x9f]", text)
    check([strict(line) for line in text.splitlines()])  # at any end of a line that Unicode has


@pytest.mark.parametrize("flags", [["--collection"], ["--collection", "--indent", "2"], ["--rs"], ["--compact"]])
def test_json_in_other_forms(odd: Service, tmp_path: Path, flags: List[str]) -> None:
    text = listed(odd, tmp_path, "cp1252", "search", *flags)
    if "--collection" in flags:
        check(strict(text)["features"])
    else:
        check([strict(part) for part in text.replace("\x1e", "").splitlines()])
        assert text.count("\x1e") == (COUNT if "--rs" in flags else 0)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_names_tables_and_csv(odd: Service, tmp_path: Path, encoding: str) -> None:
    table = listed(odd, tmp_path, encoding, "search", "--table")
    assert not re.search("[\0-\x09\x0b-\x1f\x7f-\x9f]", table)
    assert len(table.splitlines()) == COUNT + 1
    assert table.splitlines()[1].startswith("first") and table.splitlines()[-1].startswith("last")
    assert "9999-12-31T23:59:59-05:00" in listed(odd, tmp_path, encoding, "search", "-s", "landsat", "--table")
    names = listed(odd, tmp_path, encoding, "search", "--names").splitlines()
    assert len(names) == COUNT and names[0] == "PLANET:ortho/first" and names[-1] == "PLANET:ortho/last"
    assert "PLANET:ortho/of%0Atwo%20lines" in names
    rows = list(csv.DictReader(io.StringIO(listed(odd, tmp_path, encoding, "search", "--csv"), newline="")))
    assert len(rows) == COUNT and (rows[0]["id"], rows[-1]["id"]) == ("first", "last")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_metadata_of_one(odd: Service, tmp_path: Path, encoding: str) -> None:
    found = strict(listed(odd, tmp_path, encoding, "metadata", "surrogate"))
    assert found["properties"]["provider"] == TEXTS["surrogate"]


@pytest.mark.parametrize(
    ("encoding", "square"), [("ascii", "km2"), pytest.param("latin-1", "km²", marks=pytest.mark.long), ("utf-8", "km²")]
)
def test_what_is_said_is_in_the_encoding_of_the_output(
    service: Service, tmp_path: Path, encoding: str, square: str
) -> None:
    env = {**service.environ, "PYTHONIOENCODING": encoding}
    part, tif = ["--bbox", "11.99,47.87,12.01,47.89"], tmp_path / "m.tif"
    for arguments, told in (
        (["stacks", *part, "--table"], square),
        (["mosaic", *part, "--dry-run"], square),
        (["mosaic", *part, "--res", "90", "-o", str(tif)], "pixels"),
        (["search", "nö area"], "is no area"),
        (["search", "--nö"], "--n"),
        (["crop", "nö", "-o", "x.tif", "--bbox", "1,2,3,4"], "There is no scene"),
    ):
        done = subprocess.run(["planet-vector", *arguments], env=env, capture_output=True, timeout=60)
        assert b"Traceback" not in done.stderr
        assert told in done.stdout.decode(encoding) + done.stderr.decode(encoding)


def test_paths_that_are_no_text_stay_as_they_are() -> None:
    raw = b"d\xc3\xbc \xff.tif"
    for encoding in ("ascii", "utf-8"):
        bytes_kept = io.TextIOWrapper(io.BytesIO(), encoding, "surrogateescape")
        path = raw.decode(encoding, "surrogateescape")
        assert plain(path, bytes_kept).encode(encoding, "surrogateescape") == raw
        strict_one = io.TextIOWrapper(io.BytesIO(), encoding)
        assert plain(path, strict_one).encode(encoding).isascii() or encoding == "utf-8"
    assert plain("3 km² × 4…", io.TextIOWrapper(io.BytesIO(), "ascii")) == "3 km2 x 4..."
    assert plain("3 km² × 4…", io.TextIOWrapper(io.BytesIO(), "latin-1")) == "3 km² × 4..."
    assert plain("3 km² × 4…", None) == "3 km² × 4…"


def test_commands_print_by_what_knows_the_encoding() -> None:
    for path in sorted((ROOT / "planet_vector" / "cli").glob("*.py")):
        assert path.name == "messages.py" or not re.search(r"click\.s?echo", path.read_text("utf-8")), path


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="terminals as POSIX has them")
@pytest.mark.parametrize("flags", [[], ["--table"]])
def test_a_terminal_is_not_told_what_to_do(odd: Service, flags: List[str]) -> None:
    leader, follower = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "planet_vector.cli", "search", *flags], env=odd.environ, stdout=follower
    ) as process:
        os.close(follower)
        said = b""
        try:
            while part := os.read(leader, 65536):
                said += part
        except OSError:  # Linux: the other end is closed
            pass
        os.close(leader)
    assert process.returncode == 0
    assert b"\x1b" not in said and b"\x9b" not in re.sub("[^\0-\x7f\x80-\x9f]", "", said.decode()).encode("latin-1")
    assert b"last" in said


@pytest.mark.skipif(not HAS_FIONA, reason="fiona is not installed")
def test_fio_lists_them_all(odd: Service, run: Cli) -> None:
    for encoding in ("ascii", "utf-8"):
        env = {**odd.environ, "PYTHONIOENCODING": encoding}
        done = run("fio", "cat", "--layer", "1:ortho", "PLANET:ortho", env=env)
        assert done.returncode == 0, done.stderr
        assert len([strict(line) for line in done.stdout.splitlines()]) == COUNT
        assert strict(run("fio", "info", "--layer", "ortho", "PLANET:ortho", env=env).stdout)["count"] == COUNT


def test_a_geoparquet_file_is_whole_or_an_error(odd: Service, run: Cli, tmp_path: Path) -> None:
    path = tmp_path / "scenes.parquet"
    done = run("planet-vector", "search", "--geoparquet", str(path), env=odd.environ)
    assert "Traceback" not in done.stderr
    assert (done.returncode == 0) == path.exists()


def test_scenes_are_equal_that_say_the_same(connected: Service) -> None:
    found = planet_vector.search("PLANET:ortho?limit=2")
    assert found[0] == found[0] and found[0] is not found[0] and found[0] != found[1]
    assert len({*found, *found}) == 2 and found[0] in list(found)
    one = {**SCENE, "id": "one"}
    assert Scene(one, ORTHO) == Scene(json.loads(json.dumps(one)), ORTHO) != Scene(one, LANDSAT)
    assert Scene(one, ORTHO) != Scene({**one, "geometry": None}, ORTHO) and Scene(one, ORTHO) != one


@pytest.mark.parametrize("given", [None, 7, b"PLANET:ortho", ["PLANET:ortho"]])
def test_a_search_of_no_name_is_an_error_of_one_sentence(given: Any) -> None:
    with pytest.raises(NameSyntaxError, match=f"PLANET: name or a Query, not {type(given).__name__}"):
        planet_vector.search(given)
