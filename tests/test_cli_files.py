"""``download`` and ``thumbnails``: scenes from arguments and from a search on stdin, each file whole and once."""

from __future__ import annotations

import json
import struct
import subprocess
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest

from planet_vector.cli.scene_inputs import items, scenes_given
from planet_vector.errors import PlanetVectorError, QueryError
from tests.conftest import Service, Start
from tests.raster.recording import Recorder

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Feature = Dict[str, Any]


@pytest.fixture(scope="module")
def some(archive: Path) -> List[Feature]:
    """Return the three newest ortho scenes, as their files have them."""
    names = sorted(path.name for path in archive.glob("2015*_visual.tif"))[-3:]
    return [json.loads((archive / name.replace("_visual.tif", "_metadata.json")).read_text()) for name in names[::-1]]


@pytest.fixture
def cli(connected: Service, call: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that calls planet-vector in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return call


def _ids(features: List[Feature]) -> List[str]:
    return [feature["id"] for feature in features]


def _size(png: bytes) -> tuple[int, int]:
    """Return width and height as the header of a PNG has them (RFC 2083, section 4.1.1)."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", png[16:24])


# ---- what stands on stdin --------------------------------------------------------------------------------

SPELLINGS: Dict[str, Callable[[List[Feature]], str]] = {
    "ids": lambda scenes: "\n".join(_ids(scenes)) + "\n",
    "ids in a line": lambda scenes: "  ".join(_ids(scenes)),
    "names": lambda scenes: "".join(f"PLANET:ortho/{scene}\r\n" for scene in _ids(scenes)),
    "sequence": lambda scenes: "".join(json.dumps(scene) + "\n" for scene in scenes),
    "rs": lambda scenes: "".join(f"\x1e{json.dumps(scene)}\n" for scene in scenes),
    "indented": lambda scenes: "".join(json.dumps(scene, indent=2) + "\n" for scene in scenes),
    "rs indented": lambda scenes: "".join(f"\x1e{json.dumps(scene, indent=2)}\n" for scene in scenes),
    "collection": lambda scenes: json.dumps({"type": "FeatureCollection", "features": scenes}),
    "with a mark": lambda scenes: "\ufeff" + json.dumps({"type": "FeatureCollection", "features": scenes}, indent=1),
    "mixed": lambda scenes: f"{scenes[0]['id']}\n{json.dumps(scenes[1])}\nPLANET:ortho/{scenes[2]['id']}",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_scenes_stand_on_stdin_in_any_form(
    connected: Service, some: List[Feature], spelling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO(SPELLINGS[spelling](some)))
    found = [given.scene.id for _, given in scenes_given(["-"], None, None)]
    assert found == _ids(some)


@pytest.mark.parametrize("text", ['{"type": "Feature"', "{", '{"a":' * 100_000])
def test_what_is_cut_off_is_no_scene(text: str) -> None:
    with pytest.raises(QueryError, match="cut off"):
        list(items(text))


@pytest.mark.parametrize("text", ["", " \n", "\x1e\n", '{"type": "FeatureCollection", "features": []}'])
def test_nothing_on_stdin_is_an_error(cli: Run, text: str, tmp_path: Path) -> None:
    done = cli("thumbnails", "-", "-o", "t", input=text)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no scenes on stdin" in done.stderr and not (tmp_path / "t").exists()


@pytest.mark.parametrize("text", ['{"type": "Feature", "id": 3}', '{"type": "Point", "coordinates": [1, 2]}', "{}"])
def test_what_is_no_scene_is_said_to_be_none(cli: Run, text: str) -> None:
    done = cli("download", "-", input=text)
    assert done.returncode == 2 and "is no scene" in done.stderr and "Traceback" not in done.stderr


def test_links_on_stdin_that_lead_elsewhere_are_asked_of_the_service(
    connected: Service, some: List[Feature], elsewhere: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    import io

    own = json.dumps({**some[0], "properties": {**some[0]["properties"]}})
    listed = json.loads(own.replace("https://api.planet.com/", connected.url.replace("v0/", "")))
    listed["properties"]["data"]["products"]["visual"]["full"] = f"{elsewhere.url}/v0/evil.tif"
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(listed)))
    ((_, given),) = scenes_given(["-"], None, None)
    assert not isinstance(given, PlanetVectorError)
    assert given.scene.product_link("visual").startswith(connected.url)
    assert elsewhere.seen == []


@pytest.mark.parametrize("scene_id", ["../up", "/etc/up", "a/../../up", "..", "up\\..\\..\\up", "a\x00b", "-"])
def test_an_id_on_stdin_that_is_no_file_name_writes_nothing(
    cli: Run, connected: Service, tmp_path: Path, scene_id: str
) -> None:
    links = {name: f"{connected.url}scenes/ortho/x" for name in ("self", "thumbnail")}
    products = {"visual": {"full": f"{connected.url}scenes/"}}  # it is there: the root of the API
    properties = {"acquired": "2015-03-06T02:24:15Z", "links": links, "data": {"products": products}}
    text = json.dumps({"type": "Feature", "id": scene_id, "geometry": None, "properties": properties})
    for command in ("download", "thumbnails"):
        done = cli(command, "-", "-o", "d/e", input=text)
        assert done.returncode == 1 and done.stdout == "" and "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.rglob("*") if not path.is_dir()] == []


@pytest.fixture
def elsewhere() -> Iterator[Recorder]:
    server = Recorder(lambda request: (200, {}, b"not yours"))
    yield server
    server.stop()


# ---- download --------------------------------------------------------------------------------------------


def test_a_search_is_downloaded_through_a_pipe(
    service: Service, run: Run, some: List[Feature], archive: Path, tmp_path: Path
) -> None:
    line = "planet-vector search --limit 2 | planet-vector download - --product visual,analytic -o new/scenes"
    done = run("bash", "-o", "pipefail", "-c", line, env=service.environ, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    names = [f"{scene}_{product}.tif" for scene in _ids(some[:2]) for product in ("visual", "analytic")]
    assert done.stdout.splitlines() == [str(Path("new/scenes") / name) for name in names]
    for name in names:
        assert (tmp_path / "new" / "scenes" / name).read_bytes() == (archive / name).read_bytes()
    assert sorted(path.name for path in (tmp_path / "new" / "scenes").iterdir()) == sorted(names)


def test_what_cannot_be_had_does_not_keep_back_the_rest(cli: Run, some: List[Feature], tmp_path: Path) -> None:
    scene = some[0]["id"]
    done = cli("download", "nope", scene, "PLANET:ortho/nope2/visual", f"PLANET:ortho/{scene}/red", "-o", "d")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [str(Path("d") / f"{scene}_visual.tif")]
    told = done.stderr.splitlines()
    assert [line.partition(":")[0] for line in told] == ["nope", "PLANET", f"{scene}/red", "Error"]
    assert "it has: visual, analytic" in told[2] and told[3] == "Error: 3 of 4 files could not be fetched."
    assert [path.name for path in (tmp_path / "d").iterdir()] == [f"{scene}_visual.tif"]


def test_one_failure_is_one_sentence_with_its_own_code(cli: Run) -> None:
    done = cli("download", "nope")
    assert done.returncode == 1 and done.stderr.startswith("Error: There is no scene 'nope'")
    done = cli("download", "PLANET:ortho")
    assert done.returncode == 2 and "names no scene" in done.stderr


def test_a_file_is_fetched_once_however_often_it_is_named(
    start_service: Start, archive: Path, run: Run, some: List[Feature], tmp_path: Path
) -> None:
    log = tmp_path / "access.log"
    service, scene = start_service(archive, "--access-log", str(log)), some[0]["id"]
    name = f"PLANET:ortho/{scene}/visual"
    done = run("planet-vector", "download", scene, name, scene, "-o", str(tmp_path / "d"), env=service.environ)
    assert done.stdout.splitlines() == [str(tmp_path / "d" / f"{scene}_visual.tif")], done.stderr
    asked = [line for line in log.read_text().splitlines() if "/full" in line]
    whole = (archive / f"{scene}_visual.tif").stat().st_size
    again = run("planet-vector", "download", scene, "-o", str(tmp_path / "d"), env=service.environ)
    assert again.stdout == done.stdout
    more = [line for line in log.read_text().splitlines() if "/full" in line][len(asked) :]
    service.stop()
    assert len(asked) == 2 and f" {whole} " in " ".join(asked)  # its length, then the file
    assert len(more) == 1 and f" {whole} " not in more[0]  # its length only


def test_all_is_each_product_there_is(cli: Run, archive: Path, tmp_path: Path) -> None:
    scene = sorted(archive.glob("LC8*_metadata.json"))[0].name[: -len("_metadata.json")]
    done = cli("download", f"PLANET:landsat/{scene}", "--product", "all", "-o", "d")
    assert done.returncode == 0, done.stderr
    there = sorted(path.name for path in archive.glob(f"{scene}_*.tif"))
    assert sorted(path.name for path in (tmp_path / "d").iterdir()) == there and len(there) > 5


# ---- thumbnails ------------------------------------------------------------------------------------------


def test_thumbnails_of_a_search(service: Service, run: Run, some: List[Feature], tmp_path: Path) -> None:
    line = "planet-vector search --limit 3 | planet-vector thumbnails - --size sm -o t"
    done = run("bash", "-o", "pipefail", "-c", line, env=service.environ, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [str(Path("t") / f"{scene}_sm.png") for scene in _ids(some)]
    for scene in _ids(some):
        assert _size((tmp_path / "t" / f"{scene}_sm.png").read_bytes())[0] == 64
    assert len(list((tmp_path / "t").iterdir())) == 3


def test_through_a_gdal_program_scenes_stay_scenes(service: Service, run: Run, tmp_path: Path) -> None:
    line = (
        'ogr2ogr -f GeoJSONSeq -select id /vsistdout/ "PLANET:ortho?limit=2" | '
        "planet-vector thumbnails - --square --format jpg"
    )
    done = run("bash", "-o", "pipefail", "-c", line, env=service.environ, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    paths = [tmp_path / text for text in done.stdout.splitlines()]
    assert len(paths) == 2 and all(path.name.endswith("_md_square.jpg") for path in paths)
    assert all(path.read_bytes().startswith(b"\xff\xd8\xff") for path in paths)


def test_one_thumbnail_has_the_name_it_is_given(cli: Run, some: List[Feature], tmp_path: Path) -> None:
    scene, other = _ids(some[:2])
    assert cli("thumbnails", scene, "--size", "lg", "-o", "look.png").stdout == "look.png\n"
    first = (tmp_path / "look.png").read_bytes()
    assert _size(first)[0] == 640
    assert "--overwrite" in cli("thumbnails", scene, "-o", "look.png").stderr
    assert (tmp_path / "look.png").read_bytes() == first
    assert cli("thumbnails", scene, "-o", "look.png", "--overwrite").returncode == 0
    assert _size((tmp_path / "look.png").read_bytes())[0] == 128
    assert cli("thumbnails", scene, "-o", "look.jpg").returncode == 0
    assert (tmp_path / "look.jpg").read_bytes().startswith(b"\xff\xd8\xff")
    done = cli("thumbnails", scene, other, "-o", "two.png")
    assert done.returncode == 2 and "one scene" in done.stderr and not (tmp_path / "two.png").exists()
    assert "does not end in .png" in cli("thumbnails", scene, "-o", "a.jpg", "--format", "png").stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["look.jpg", "look.png"]


def test_a_thumbnail_goes_to_stdout(service: Service, some: List[Feature]) -> None:
    command = ["planet-vector", "thumbnails", some[0]["id"], "-o", "-"]
    done = subprocess.run(command, env=service.environ, capture_output=True, timeout=60)
    assert _size(done.stdout)[0] == 128 and done.stderr == b""


def test_pictures_that_are_there_are_left_alone(cli: Run, some: List[Feature], tmp_path: Path) -> None:
    path = tmp_path / f"{some[0]['id']}_md.png"
    path.write_bytes(b"mine")
    done = cli("thumbnails", some[0]["id"])
    assert done.stdout == f"{path.name}\n" and path.read_bytes() == b"mine"
    assert cli("thumbnails", some[0]["id"], "--overwrite").returncode == 0
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_picture_that_is_none_is_not_written(
    start_service: Start, archive: Path, run: Run, some: List[Feature], tmp_path: Path
) -> None:
    (tmp_path / "faults.yml").write_text("- {path: '*/thumb', status: 200, body: 'no picture'}\n")
    (tmp_path / "t").mkdir()
    service = start_service(archive, "--faults", str(tmp_path / "faults.yml"))
    fine = f"{some[1]['id']}_md.png"
    (tmp_path / "t" / fine).write_bytes(b"mine")
    done = run("planet-vector", "thumbnails", *_ids(some[:2]), "-o", str(tmp_path / "t"), env=service.environ)
    service.stop()
    assert done.returncode == 1 and "is not a png image" in done.stderr
    assert done.stdout.splitlines() == [str(tmp_path / "t" / fine)]
    assert [path.name for path in (tmp_path / "t").iterdir()] == [fine]
