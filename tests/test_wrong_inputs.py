"""Wrong inputs, each told by one sentence that names what is wrong, with an exit code and without a key."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import threading
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from typing import Callable, Dict, Iterator, NamedTuple, Sequence

import pytest

from planet_vector.connection_file import connections_path
from planet_vector.errors import AuthError, ConfigError, QueryError
from planet_vector.keys import credentials_path
from tests.conftest import Service, needs_fiona
from tests.schemas import ORTHO

Run = Callable[..., "subprocess.CompletedProcess[str]"]

Fill = Callable[[str], str]

SCENE = "20150421_093116_0905"
PRODUCT = f"PLANET:ortho/{SCENE}/visual"
WRONG_KEY = "0badc0de" * 4

AREA = {"type": "Polygon", "coordinates": [[[11.99, 47.87], [12.01, 47.87], [12.01, 47.89], [11.99, 47.87]]]}
FILES: Dict[str, str] = {
    "broken.geojson": '{"type": "Polygon",\n "coordinates": [[[1,2],[3,4],[5,6],[1,2]]\n}',
    "cut.geojson": '{"type": "Polygon",\n "coordinates": [[[1,2],[3,4',
    "empty.geojson": '{"type": "FeatureCollection", "features": []}',
    "metres.geojson": '{"type": "Point", "coordinates": [574000, 5300000]}',
    "utm.geojson": json.dumps({**AREA, "crs": {"type": "name", "properties": {"name": "EPSG:32633"}}}),
    "open.geojson": '{"type": "Polygon", "coordinates": [[[11, 47], [12, 47], [12, 48]]]}',
    "swapped.geojson": '{"type": "Point", "coordinates": [47.9, 111.9]}',
    "table.csv": "name\na\n",
    "hello.txt": "hello",
    "there.tif": "",
}
NO_IDS = '{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, "geometry": null}]}'


class Wrong(NamedTuple):
    """A wrong command: its exit code, what distinguishes its message, standard input and the environment's changes."""

    command: str
    code: int
    told: str
    stdin: str = ""
    environ: Dict[str, str] = {}


# Words are parted by blanks, but within single quotes. {…} are the service's root, its host, its key and dead ports.
INPUTS = [
    # the root of the service
    Wrong("count", 1, "{host}/v1/ is not the root of a service", environ={"PL_API_URL": "{host}/v1/"}),
    Wrong(f"metadata {SCENE}", 1, "{host}/ is not the root of a service", environ={"PL_API_URL": "{host}/"}),
    Wrong("basemaps", 1, "check the address", environ={"PL_API_URL": "{host}/v1/"}),
    Wrong("search --connection {website}", 1, "{website} is not the root of a service of a known kind"),
    Wrong(f"download {SCENE} -o x", 1, "{website} is not the root of a service", environ={"PL_API_URL": "{website}"}),
    Wrong("types --connection {host}/v1/", 1, "{host}/v1/ is not the root of a service of a known kind"),
    Wrong("types", 1, "There is no https at 127.0.0.1", environ={"PL_API_URL": "https:{root_without_scheme}"}),
    Wrong("count --connection http://127.0.0.1:{dead}/v0/", 1, "connection to the service failed: check that it"),
    Wrong("types", 1, "http(s) address such as https://imagery", environ={"PL_API_URL": "nonsense"}),
    Wrong("types --connection ftp://127.0.0.1/v0/", 1, "http(s) address such as"),
    Wrong("types --connection 127.0.0.1/v0", 1, "begin with http://"),
    # the proxy
    Wrong("count", 1, "The proxy {proxy} (HTTP_PROXY) cannot be reached", environ={"HTTP_PROXY": "{proxy}"}),
    Wrong("types", 1, "correct HTTPS_PROXY", environ={"HTTPS_PROXY": "{proxy}", "PL_API_URL": "https://i.example/v0/"}),
    Wrong("types", 1, "(ALL_PROXY) cannot be reached", environ={"ALL_PROXY": "{proxy}", "PL_API_URL": ""}),
    Wrong("types", 1, "(HTTP_PROXY) cannot be reached", environ={"HTTP_PROXY": "http://user:{key}@127.0.0.1:{dead}"}),
    Wrong("types", 1, "has an invalid address", environ={"HTTP_PROXY": "nonsense://{key}@127.0.0.1:9"}),
    Wrong("types", 1, "The proxy 127.0.0.1:9 (HTTP_PROXY) has an", environ={"HTTP_PROXY": "user:{key}@127.0.0.1:9"}),
    # keys
    Wrong("types", 1, "refused the key from PL_API_KEY (401): put the right one", environ={"PL_API_KEY": WRONG_KEY}),
    Wrong("count", 1, "set PL_API_KEY, or log in", environ={"PL_API_KEY": ""}),
    Wrong("types", 1, "contains an invalid character", environ={"PL_API_KEY": "a {key}"}),
    Wrong("count PLANET:ortho?api_key={key}", 2, "A key is never part of a name"),
    Wrong("count PLANET:ortho?apikey:{key}", 2, "A key is never part of a name"),
    Wrong("count PLANET:ortho?{key}", 2, "The parameter has no value"),
    Wrong("count PLANET:ortho?api_url=http://{key}@127.0.0.1/v0/", 2, "contains a user name"),
    Wrong("types --connection {root}?api_key={key}", 1, "give the bare address"),
    # connections
    Wrong("count --connection nope", 1, "There is no connection 'nope'"),
    Wrong("count PLANET:ortho?connection=nope", 1, "There is no connection 'nope'"),
    Wrong("count --connection later", 1, "of kind 'other', which this version does not support"),
    Wrong("connections add x http://a.example/v0/ --kind other", 2, "'other' is not one of"),
    # limits
    Wrong("types", 1, "PLANET_RATE is 'fast': it takes a number from 0", environ={"PLANET_RATE": "fast"}),
    Wrong("types", 1, "PLANET_CACHE_TTL is 'soon': it takes a number", environ={"PLANET_CACHE_TTL": "soon"}),
    Wrong("types", 1, "from 1 to 64", environ={"PLANET_CONNECTIONS": "0"}),
    # what is not there
    Wrong("count -s nope", 1, "no scene type 'nope'"),
    Wrong(f"info PLANET:ortho/{SCENE}/nope", 1, "no product 'nope'; it has: visual, analytic"),
    Wrong("metadata nope", 1, "no scene 'nope' of type 'ortho'"),
    Wrong("quads nope", 1, "no basemap 'nope'"),
    Wrong("metadata -", 2, "not read from stdin"),
    # comparisons
    Wrong("count --where clod_cover.estimated lte 5", 2, "did you mean cloud_cover.estimated?"),
    Wrong("count PLANET:ortho?datetime=2015-01-01", 2, "did you mean acquired?"),
    Wrong("count PLANET:ortho?cloud_cover.estimated<5", 2, "write cloud_cover.estimated.lt=5"),
    Wrong("count PLANET:ortho?cloud_cover.estimated>=5&limit=3", 2, "write cloud_cover.estimated.gte=5"),
    Wrong("count PLANET:ortho?cloud_cover.estimated.lte=<5", 2, "write cloud_cover.estimated.lt=5"),
    Wrong("count --where cloud_cover.estimated < 5", 2, "or --where cloud_cover.estimated lt 5."),
    Wrong("count --where cloud_cover.estimated ge 5", 2, "write cloud_cover.estimated.gte=5"),
    Wrong("count --where cloud_cover.estimated<5 --limit 3", 2, "--where cloud_cover.estimated lt 5"),
    Wrong("count --where cloud_cover.estimated<5", 2, "as in --where cloud_cover.estimated lt 5"),
    Wrong("search --cloud-cover <5", 2, "'<5' is not a valid number"),
    # times
    Wrong("count --acquired 2015-01-01,2015-12-31", 2, "write '2015-01-01..2015-12-31'"),
    Wrong("count --published 2015-12/2015-01", 2, "--published: '2015-12/2015-01' goes from a later time"),
    Wrong("count PLANET:ortho?acquired.gte=2015-01-01/2015-12-31", 2, "give the first by .gte and the second by .lte"),
    Wrong("count PLANET:ortho?acquired=2015-13/..", 2, "acquired: '2015-13' is not a time: month must be in 1..12"),
    Wrong("count --since 6m", 2, "--since is '6m': m may be minutes or months: write 6min or 6mo"),
    Wrong("count --acquired 2015-13-01", 2, "month must be in 1..12"),
    Wrong("count --since 2015-01-01", 2, "is '--acquired 2015-01-01..'"),
    # limit and order
    Wrong("count --limit 0", 2, "0 is not in the range x>=1"),
    Wrong("count PLANET:ortho?limit=0", 2, "limit is '0': it takes a whole number from 1"),
    Wrong("search --order up", 2, "'up' is not one of 'desc', 'asc'"),
    Wrong("count PLANET:ortho?order_by=cloud_cover", 2, "order_by is 'cloud_cover': it takes"),
    # areas
    Wrong("count --bbox 11,47,12,148", 2, "within -90 and 90"),
    Wrong("count --bbox 47.8,111.9,47.9,112.1", 2, "write 111.9,47.8,112.1,47.9"),
    Wrong("count --bbox 11 47 12 48", 2, "write four numbers in one word, as in --bbox 11.9,47.8,12.1,47.9"),
    Wrong("map --bbox 11, 47, 12, 48 -o x.html", 2, "'11,' is not a box: write four numbers in one word"),
    Wrong("count --bbox 574000,5300000,575000,5301000", 2, "reproject it to EPSG:4326"),
    Wrong("count 'POLYGON((11 47,12 47,12 48,11 47)'", 2, "it takes WKT such as"),
    Wrong("count 'POLYGON EMPTY'", 2, "the area is empty"),
    Wrong("count empty.geojson", 2, "no geometry in empty.geojson"),
    Wrong("count metres.geojson", 2, "if it is in metres, reproject it"),
    Wrong("count open.geojson", 2, "a ring that is not closed: repeat its first position, 11 47, at its end"),
    Wrong("count 'POLYGON((11 47,12 47,12 48,11 48))'", 2, "a ring that is not closed"),
    Wrong("count swapped.geojson", 2, "has the latitude 111.9, which must be from -90 to 90; longitude comes first"),
    Wrong("count 'POINT (11 100)'", 2, "has the latitude 100, which must be from -90 to 90"),
    Wrong("count table.csv", 2, "table.csv has no layer with geometries"),
    Wrong("count hello.txt:fields", 2, "nor a format that GDAL reads"),
    Wrong("count nowhere.geojson", 2, "is no area, and there is no such file"),
    Wrong("count hello.txt", 2, "hello.txt holds neither GeoJSON nor WKT"),
    Wrong("count broken.geojson", 2, "JSON in broken.geojson is broken (line 3, column 1: Expecting ',' delimiter)"),
    Wrong("rectangle cut.geojson", 2, "JSON in cut.geojson is broken (line 2, column 29: it is cut off)"),
    Wrong("count -", 2, "JSON in standard input is broken (line 3, column 1", FILES["broken.geojson"]),
    Wrong("rectangle 'POINT (1 2)'", 2, "holds no polygon, but Point"),
    # scenes on stdin
    Wrong("download - -o x", 2, "JSON in standard input is broken (line 3, column 1", FILES["broken.geojson"]),
    Wrong("thumbnails - -o x", 2, "no scenes on stdin: does the search before it find any?"),
    Wrong("download - -o x", 2, "Something on stdin is no scene", NO_IDS),
    Wrong("download - -o x", 2, "is not text", "SQLite format 3\0"),
    # bands
    Wrong("timeseries 'POINT (12 47.88)' ndvy", 2, "the bands are blue, green, nir, red; did you mean the index ndvi?"),
    # what is written
    Wrong(f"crop {PRODUCT} --window 0 0 9 9 -o there.tif", 1, "there.tif is there already"),
    Wrong(f"crop {PRODUCT} --window 0 0 9 9 -o missing/x.tif", 1, "there is no directory missing"),
    Wrong(f"crop {PRODUCT} --window 0 0 9 9 -o x.jpg", 2, "let it end in .tif"),
    Wrong(f"crop {PRODUCT} --window 0 0 9999 9 -o x.tif", 2, "does not lie within the 290 × 239 pixels"),
    Wrong(f"download {SCENE} -o hello.txt/x", 1, "hello.txt/x cannot be used (Not a directory): a part of its path"),
    Wrong(f"thumbnails {SCENE} -o x.gif", 2, "let it end in .png"),
    Wrong("map PLANET:ortho -o x.pdf", 2, "let it end in .html"),
    Wrong("mosaic --limit 2 -o x.jpg", 2, "x.jpg is no .tif or .vrt"),
    Wrong("mosaic --limit 2 --dst-crs EPSG:99999 -o x.tif", 2, "EPSG:99999"),
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with wrong files, which is the working directory."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    connections_path().parent.mkdir(parents=True)
    kept = {"version": 1, "connections": {"later": {"kind": "other", "root": "http://127.0.0.1:9/other/"}}}
    connections_path().write_text(json.dumps(kept), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def website(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a web site."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path_factory.mktemp("website"))))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def dead() -> Iterator[int]:
    """Return a port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # without listening
        yield taken.getsockname()[1]


@pytest.fixture
def filled(service: Service, website: str, dead: int) -> Fill:
    """Return a function that fills what a test knows into the texts of the table."""
    known = {
        "root": service.url, "host": service.url[: -len("/v0/")], "root_without_scheme": service.url[len("http:") :],
        "key": service.key, "website": website, "dead": str(dead), "proxy": f"http://127.0.0.1:{dead}",
    }  # fmt: skip
    return lambda text: re.sub(r"\{(\w+)\}", lambda found: known[found[1]], text)


def sentence_of(done: subprocess.CompletedProcess[str], code: int, *secret: str) -> str:
    """Return the message of a command that failed, after checks of all that holds for each."""
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    assert "Traceback" not in said
    assert not any(text in said for text in secret), said
    lines = done.stderr.strip().splitlines()
    if lines[0].startswith("Usage: "):  # click's, of options
        assert lines[1].startswith("Try '") and lines[2] == ""
        lines = lines[3:]
    assert len(lines) == 1 and done.stdout == "", said
    assert lines[0].startswith("Error: ")
    return lines[0]


def _words(command: str) -> Sequence[str]:
    return [word.strip("'") for word in re.findall(r"'[^']*'|\S+", command)]


def test_the_table_is_long_enough_and_says_nothing_twice() -> None:
    assert len(INPUTS) >= 40
    assert len({(wrong.command, wrong.stdin, tuple(wrong.environ.items())) for wrong in INPUTS}) == len(INPUTS)


@pytest.mark.parametrize("wrong", INPUTS, ids=lambda wrong: f"{wrong.command} {' '.join(wrong.environ)}".strip())
def test_a_wrong_input_is_told_in_a_sentence(
    service: Service,
    call: Run,
    folder: Path,
    filled: Fill,
    wrong: Wrong,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environ = {"PL_API_URL": service.url, "PL_API_KEY": service.key, **wrong.environ}
    for name, value in environ.items():
        monkeypatch.setenv(name, filled(value))
    words = [filled(word) for word in _words(wrong.command)]
    sentence = sentence_of(call(*words, input=wrong.stdin), wrong.code, service.key, WRONG_KEY)
    assert filled(wrong.told) in sentence
    left = {path.name for path in folder.iterdir() if not (path.is_dir() and not any(path.iterdir()))}
    assert left == set(FILES), "something was written"


# ---- other faces -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "environ", "told"),
    [
        ("PLANET:ortho", {"PL_API_URL": "{host}/v1/"}, "{host}/v1/ is not the root of a service of a known kind"),
        ("PLANET:ortho", {"PL_API_URL": "https:{root_without_scheme}"}, "There is no https at 127.0.0.1"),
        ("PLANET:ortho", {"http_proxy": "{proxy}"}, "The proxy {proxy} (http_proxy) cannot be reached"),
        ("PLANET:ortho", {"PL_API_KEY": WRONG_KEY}, "refused the key from PL_API_KEY"),
        ("PLANET:ortho?cloud_cover.estimated<5", {}, "write cloud_cover.estimated.lt=5"),
        ("PLANET:ortho?acquired.gte=2015-01-01/2015-02-01", {}, "give the first by .gte"),
        ('PLANET:ortho?intersects={"type": "Point",\n"coordinates": [1, 2}', {}, "(line 2, column 21"),
    ],
)
def test_ogrinfo_says_the_same(
    service: Service, run: Run, filled: Fill, name: str, environ: Dict[str, str], told: str
) -> None:
    if shutil.which("ogrinfo") is None:
        pytest.skip("GDAL's programs are not installed")
    done = run("ogrinfo", name, "ortho", env={**service.environ, **{k: filled(v) for k, v in environ.items()}})
    assert done.returncode != 0 and filled(told) in done.stderr
    assert "Traceback" not in done.stderr and WRONG_KEY not in done.stderr and service.key not in done.stderr


@pytest.mark.parametrize("program", [pytest.param("fio planet count", marks=needs_fiona), f"rio planet info {PRODUCT}"])
@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"PL_API_URL": "{host}/v1/"}, "{host}/v1/ is not the root of a service of a known kind"),
        ({"PL_API_URL": "https:{root_without_scheme}"}, "There is no https at 127.0.0.1"),
        ({"HTTP_PROXY": "{proxy}"}, "The proxy {proxy} (HTTP_PROXY) cannot be reached"),
        ({"PL_API_KEY": WRONG_KEY}, "refused the key from PL_API_KEY"),
    ],
)
def test_fio_and_rio_say_the_same(
    service: Service, run: Run, filled: Fill, program: str, environ: Dict[str, str], told: str
) -> None:
    done = run(*program.split(), env={**service.environ, **{k: filled(v) for k, v in environ.items()}})
    assert filled(told) in sentence_of(done, 1, service.key, WRONG_KEY)


def test_python_raises_the_same(connected: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    import planet_vector

    with pytest.raises(ConfigError, match="not the root of a service of a known kind"):
        list(planet_vector.search("PLANET:ortho", connection=connected.url.replace("v0", "v1")))
    with pytest.raises(QueryError, match="write cloud_cover.estimated.lt=5"):
        planet_vector.Query.parse(ORTHO, [("cloud_cover.estimated<5", "")])
    with pytest.raises(AuthError, match="refused the key .401.: check the key"):
        planet_vector.connect(key=f"{WRONG_KEY}1").scene_types()


def test_a_refused_key_is_told_with_its_file(service: Service, call: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_API_URL", service.url)
    credentials_path().parent.mkdir(parents=True, exist_ok=True)
    credentials_path().write_text(json.dumps({service.url: f"{WRONG_KEY}2"}))
    sentence = sentence_of(call("types"), 1, WRONG_KEY)
    assert f"refused the key from {credentials_path()} (401): log in ('planet-vector login')" in sentence


@pytest.mark.parametrize("file", ["connections", "credentials"])
def test_broken_json_of_ones_own_files_is_told_with_line_and_column(service: Service, call: Run, file: str) -> None:
    path = connections_path() if file == "connections" else credentials_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"version": 1,\n "connections": {"a": }}')
    sentence = sentence_of(call("types", "--connection", service.url), 1)
    assert str(path) in sentence and "line 2, column 23" in sentence


# ---- files of vector data ----------------------------------------------------------------------------------


@needs_fiona
def test_commands_read_files_of_vector_data(service: Service, run: Run, tmp_path: Path) -> None:
    """Each format is in test_search_terms.py."""
    path = _vector_file(tmp_path / "other name.gpkg")
    done = run("planet-vector", "count", "--cloud-cover", "90", str(path), env=service.environ)
    assert (done.returncode, done.stderr) == (0, "") and int(done.stdout) > 0
    done = run("planet-vector", "rectangle", f"{path}:fields", env=service.environ)
    ring = json.loads(done.stdout)["geometry"]["coordinates"][0]
    assert all(11.98 < x < 12.02 and 47.86 < y < 47.9 for x, y in ring)
    sentence = sentence_of(run("planet-vector", "count", f"{path}:roads", env=service.environ), 2)
    assert "other name.gpkg has no layer 'roads': it has fields" in sentence


def _vector_file(path: Path) -> Path:
    import fiona
    from fiona.transform import transform_geom

    schema = {"geometry": "Polygon", "properties": {}}
    with fiona.open(path, "w", driver="GPKG", crs="EPSG:32633", schema=schema, layer="fields") as target:
        target.write({"type": "Feature", "properties": {}, "geometry": transform_geom("EPSG:4326", "EPSG:32633", AREA)})
    return path
