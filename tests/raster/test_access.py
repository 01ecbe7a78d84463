"""The access matrix: every way a service delivers, in every GDAL, with what each host was sent."""

from __future__ import annotations

import hashlib
import json
import os
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple
from urllib.parse import parse_qs

import pytest

from planet_vector.catalog.scenes_v0.client import ScenesV0
from planet_vector.config import Settings
from planet_vector.errors import NotFoundError, ProtocolError
from planet_vector.keys import Key
from planet_vector.raster.access import expiry, plan
from planet_vector.raster.described import subdatasets
from planet_vector.scene import Scene
from tests.conftest import MATRIX
from tests.schemas import ORTHO

from ..conftest import HAS_FIONA, QGIS_PYTHON, ROOT
from .conftest import strips
from .recording import Pair, Request

BUILDS = ["osgeo", *(["fiona"] if HAS_FIONA else []), "rasterio", "pyogrio"]
READ = ["direct", "within", "relative", "signed", "moved", "expired", "whole", "nolength", "busy", "stumbling"]
"""Cases in which the pixels are to be had."""

REFUSED = {
    "401": "AuthError",
    "403": "AuthError",
    "404": "NotFoundError",
    "loop": "ProtocolError",
    "elsewhere": "ProtocolError",
    "file": "ProtocolError",
    "text": "RuntimeError",
    "store_404": "RuntimeError",
}
"""Cases in which they are not, and what is said."""


def in_build(
    home: Path, build: str, pair: Pair, *cases: str, python: str = sys.executable, env: Optional[Dict[str, str]] = None
) -> subprocess.CompletedProcess[str]:
    if build == "osgeo":
        python = str(QGIS_PYTHON)
    if build == "osgeo" and not QGIS_PYTHON.exists():
        pytest.skip("Debian's Python with GDAL is not set up: run 'make test'")
    if build not in ("osgeo", "open"):
        pytest.importorskip(build)
    program = str(Path(__file__).with_name("one_build.py"))
    return subprocess.run(
        [python, program, build, pair.root, *(pair.link(case) for case in cases)],
        input=pair.key,
        capture_output=True,
        text=True,
        timeout=120,
        # Nothing of the person who runs the tests: a home of its own, no options.
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "TMPDIR": os.environ["TMPDIR"],
            "PYTHONPATH": str(ROOT),
            **(env or {}),
        },
    )


class Cells:
    """What one build made of every case, and what the servers saw of it."""

    def __init__(
        self,
        home: Path,
        build: str,
        pair: Pair,
        python: str = sys.executable,
        cases: Sequence[str] = (*READ, *REFUSED),
        env: Optional[Dict[str, str]] = None,
    ) -> None:
        done = in_build(home, build, pair, *cases, python=python, env=env)
        assert done.returncode == 0, done.stderr
        assert pair.key not in done.stdout + done.stderr
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.results: Dict[str, Dict[str, Any]] = dict(zip(cases, lines))
        self.pair = pair
        self.name = build

    def of_the_data(self, case: str) -> Tuple[List[Request], List[Request]]:
        """Return what the host of the data was asked to open a product, and to read a window of it."""
        if self.pair.store.of(case):
            seen = self.pair.store.of(case)
            return seen[:-1], seen[-1:]
        seen = [request for request in self.pair.api.of(case) if request.status not in (301, 302, 429, 503)]
        at = next((place for place, request in enumerate(seen) if "/mark/" in request.path), len(seen))
        return seen[:at], seen[at + 1 :]

    def note(self, case: str, called: str = "") -> None:
        """Write the line of the table."""
        servers = (("service", self.pair.api), ("store", self.pair.store))
        seen = {name: [r for r in server.of(case) if "/mark/" not in r.path] for name, server in servers}
        opening, reading = self.of_the_data(case)
        data = (
            f"  opening: {sum(r.method == 'HEAD' for r in opening)} HEAD {sum(r.method == 'GET' for r in opening)} GET"
        )
        data += f"  window: {len(reading)} GET {sum(r.sent for r in reading):>9,} B"
        requests = "".join(f"  {name}: {len(found)} requests {sum(r.sent for r in found):>9,} B"
                           for name, found in seen.items())  # fmt: skip
        leaked = sum("Authorization" in request.headers for request in seen["store"])
        result = self.results[case]
        outcome = f"  {result['error']}" if "error" in result else ""
        MATRIX.append(
            f"{result['version']:8} {self.name:9} {called or case:14}{data}{requests}  keys leaked: {leaked}{outcome}"
        )


@pytest.fixture(scope="module", params=BUILDS)
def cells(request: pytest.FixtureRequest, geotiff: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cells]:
    """Run every case in one build, once for the tests of this module."""
    pair = Pair(geotiff.read_bytes())
    try:
        yield Cells(tmp_path_factory.mktemp("home"), request.param, pair)
    finally:
        pair.stop()


@pytest.mark.parametrize("case", READ)
def test_every_build_reads_the_right_pixels_and_the_store_never_sees_the_key(
    cells: Cells, case: str, geotiff: Path, window: Callable[[Path], Any]
) -> None:
    cells.note(case)
    assert cells.results[case].get("pixels") == hashlib.sha256(window(geotiff).tobytes()).hexdigest()
    assert not [r for r in cells.pair.store.of(case) if "Authorization" in r.headers]
    # The key went to the service with every request but the mark of this test.
    asked = [request for request in cells.pair.api.of(case) if "/mark/" not in request.path]
    assert asked and all(request.headers.get("Authorization") for request in asked)


@pytest.mark.parametrize("case", ["direct", "within", "relative", "signed", "moved"])
def test_opening_takes_one_head_and_two_gets_and_a_window_its_strips_in_one(
    cells: Cells, case: str, geotiff: Path
) -> None:
    """Of the host that has the data, our own question where the link leads counted."""
    opening, reading = cells.of_the_data(case)
    assert sum(request.method == "HEAD" for request in opening) <= 1
    assert sum(request.method == "GET" for request in opening) <= 2, [str(request) for request in opening]
    assert len(opening) <= 3
    assert [request.method for request in reading] == ["GET"], [str(request) for request in reading]
    # GDAL reads in pieces of 16 kB, so up to one more at either end.
    assert strips(geotiff, 200, 512) <= reading[0].sent <= strips(geotiff, 200, 512) * 1.05
    if case in ("direct", "within", "relative"):
        assert sum(request.sent for request in opening) <= 65536 + 1
    # From another host, the first GET asks for all of the file and is broken off, as GDAL learns its size by it; before
    # 3.6.3 it is not broken off.
    elif cells.results[case]["version"].startswith("3.6.2"):
        assert sum(request.sent for request in opening) == geotiff.stat().st_size + 65536


def test_what_the_service_refuses_is_an_error_that_says_so(cells: Cells) -> None:
    assert {case: cells.results[case].get("error") for case in REFUSED} == REFUSED
    assert not cells.pair.store.with_key
    assert not any("passwd" in request.path for request in cells.pair.api.seen)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a key and a certificate for 127.0.0.1 that nobody trusts unasked."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(path), "-out", str(path.with_name("one.pem"))]
    subprocess.run(command, check=True, capture_output=True)
    path.write_text(path.read_text() + path.with_name("one.pem").read_text())
    return path


@pytest.mark.parametrize("build", [*BUILDS, "open"])
def test_a_service_with_tls_is_read_and_a_step_down_from_it_is_refused(
    build: str, certificate: Path, geotiff: Path, window: Callable[[Path], Any], tmp_path: Path
) -> None:
    """The service is https, the store it leads to is http; its certificate is trusted by the environment alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    trusted = str(certificate.with_name("one.pem"))
    # Those of requests, of GDAL, and of the mark that reading begins.
    env = dict.fromkeys(("REQUESTS_CA_BUNDLE", "GDAL_CURL_CA_BUNDLE", "SSL_CERT_FILE"), trusted)
    pair = Pair(geotiff.read_bytes(), tls=context)
    try:
        cells = Cells(tmp_path, build, pair, cases=("direct", "signed", "moved", "expired"), env=env)
        cells.note("direct", "https")
        assert cells.results["direct"].get("pixels") == hashlib.sha256(window(geotiff).tobytes()).hexdigest()
        for case in ("signed", "moved", "expired"):
            cells.note(case, f"https→http {case[0]}")
            assert cells.results[case].get("error") == "ProtocolError", cells.results[case]
            assert "links from https to http" in cells.results[case]["message"]
        assert not pair.store.seen
        # Whom nobody vouches for is told nothing.
        pair.forget()
        (line,) = in_build(tmp_path, build, pair, "direct").stdout.splitlines()
        assert json.loads(line)["error"] == "UnavailableError" and "certificate" in json.loads(line)["message"]
        assert not pair.api.seen
    finally:
        pair.stop()


def test_a_step_down_that_gdal_itself_follows_takes_no_key_along(
    certificate: Path, geotiff: Path, tmp_path: Path, run: Callable[..., Any]
) -> None:
    """The sources of a mosaic are opened by GDAL later, where nobody can refuse for it."""
    pytest.importorskip("rasterio")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    pair = Pair(geotiff.read_bytes(), tls=context)
    code = (
        "import sys, rasterio\n"
        "from planet_vector.raster.session import PlanetSession\n"
        "with rasterio.Env(session=PlanetSession(sys.argv[1], sys.stdin.read())):\n"
        "    for link in sys.argv[2:]:\n"
        "        with rasterio.open('GTIFF_DIR:1:/vsicurl/' + link) as dataset:\n"
        "            print(dataset.read(window=rasterio.windows.Window(0, 0, 50, 50)).shape)\n"
    )
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": os.environ["TMPDIR"], "PYTHONPATH": str(ROOT)}
    env["GDAL_CURL_CA_BUNDLE"] = str(certificate.with_name("one.pem"))
    try:
        links = [pair.link(case) for case in ("direct", "signed", "moved")]
        done = run(sys.executable, "-c", code, pair.root, *links, input=pair.key, env=env)
        assert done.stdout.split("\n")[:3] == ["(4, 50, 50)"] * 3, done.stderr
        assert pair.api.with_key and pair.store.seen and not pair.store.with_key
    finally:
        pair.stop()


@pytest.mark.parametrize("build", BUILDS)
def test_a_service_without_a_key_is_sent_none(
    build: str, pair: Pair, geotiff: Path, window: Callable[[Path], Any], tmp_path: Path
) -> None:
    pair.key = ""
    done = in_build(tmp_path, build, pair, "direct")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout).get("pixels") == hashlib.sha256(window(geotiff).tobytes()).hexdigest()
    assert not pair.api.with_key and not pair.store.with_key


def test_rasterio_1_5_where_there_is_a_python_for_it(
    newer_python: Optional[str], pair: Pair, geotiff: Path, window: Callable[[Path], Any], tmp_path: Path
) -> None:
    """Rasterio 1.5 needs Python 3.12, which Debian 12 does not have; then GDAL 3.12 is pyogrio's alone."""
    if newer_python is None:
        MATRIX.append("3.12     rasterio 1.5: not run, as there is no Python 3.12 here; pyogrio above brings GDAL 3.12")
        return
    cells = Cells(tmp_path, "open", pair, newer_python)
    expected = hashlib.sha256(window(geotiff).tobytes()).hexdigest()
    for case in READ:
        cells.note(case)
        assert cells.results[case].get("pixels") == expected, (case, cells.results[case])
        if case in ("direct", "within", "relative", "signed", "moved"):
            opening, reading = cells.of_the_data(case)
            assert len(opening) <= 3 and sum(request.method == "GET" for request in opening) <= 2
            assert len(reading) == 1 and reading[0].sent <= strips(geotiff, 200, 512) * 1.05
    assert not pair.store.with_key


# ---- plans -----------------------------------------------------------------------------------------------


def test_a_plan_prints_no_key(catalog: ScenesV0, pair: Pair) -> None:
    planned = plan(catalog, pair.link("direct"), (3, 12, 0))
    assert any(pair.key in value for value in planned.options.values())
    assert pair.key not in repr(planned) + str(planned) + repr(planned.options) + str(planned.options)


def test_before_gdal_3_9_the_key_is_in_a_file_that_only_its_owner_reads(catalog: ScenesV0, pair: Pair) -> None:
    planned = plan(catalog, pair.link("direct"), (3, 6, 2))
    assert not any(pair.key in value for value in planned.options.values())
    assert not [path for path in Path.home().rglob("*") if path.is_file() and pair.key in path.read_text()]
    file = Path(parse_qs(planned.name.partition("?")[2])["header_file"][0])
    assert file.read_text() == f"Authorization: api-key {pair.key}\n"
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_signed_address_is_handed_on_bare_and_unasked(catalog: ScenesV0, pair: Pair) -> None:
    planned = plan(catalog, pair.link("signed"), (3, 10, 3))
    assert planned.name.startswith(f"/vsicurl/{pair.store.url}/")
    assert planned.options["GDAL_HTTP_HEADERS"] == ""
    assert planned.expires is not None
    assert not pair.store.seen


def test_a_build_that_must_read_whole_says_why(catalog: ScenesV0, pair: Pair) -> None:
    with pytest.warns(RuntimeWarning, match="fetches a product at a signed address whole"):
        assert "3.6.3" in plan(catalog, pair.link("signed"), (3, 6, 2)).slow
    assert plan(catalog, pair.link("signed"), (3, 6, 2)).slow  # said once; warnings are errors here
    assert not plan(catalog, pair.link("signed"), (3, 6, 3)).slow
    assert not plan(catalog, pair.link("direct"), (3, 6, 2)).slow


@pytest.mark.parametrize(
    ("url", "seconds"),
    [
        ("https://s/x?X-Amz-Date=20150306T022415Z&X-Amz-Expires=900&X-Amz-Signature=a", 1425609555 + 0),
        ("https://s/x?X-Goog-Date=20150306T022415Z&X-Goog-Expires=60", 1425608715),
        ("https://s/x?Expires=1425608655&Signature=a", 1425608655),
        ("https://s/x?Expires=1425608655.5&Signature=a", 1425608655.5),
        ("https://s/x?Expires=tomorrow", None),
        ("https://s/x?Expires=" + "9" * 400, None),
        ("https://s/x?Expires=1." + "9" * 5000, None),
        ("https://s/x?Expires=\u00b2", None),
        ("https://s/x?Expires=%D9%A5", None),  # an Arabic digit
        ("https://s/x?X-Amz-Date=20150306T022415Z&X-Amz-Expires=\u00b2", None),
        ("https://s/x?X-Amz-Date=20150306T022415Z&X-Amz-Expires=-5", None),
        ("https://s/x?X-Amz-Date=20150306T022415Z&X-Amz-Expires=" + "9" * 5000, None),
        ("https://s/x?X-Goog-Date=\u00b2&X-Goog-Expires=60", None),
        ("https://s/x", None),
    ],
)
def test_the_end_of_a_signature_is_read_from_the_address(url: str, seconds: Optional[float]) -> None:
    assert expiry(url) == seconds


def test_a_link_to_a_private_host_is_refused_where_the_service_is_public() -> None:
    catalog = ScenesV0(Settings("https://api.planet.com/v0/", Key("x")))
    with pytest.raises(ProtocolError, match="private host"):
        plan(catalog, "https://169.254.169.254/latest/meta-data", (3, 10, 3))
    with pytest.raises(ProtocolError, match="http"):
        plan(catalog, "http://api.planet.com/v0/scenes/ortho/x/full", (3, 10, 3))
    with pytest.raises(ProtocolError, match="not http"):
        plan(catalog, "ftp://api.planet.com/scene.tif", (3, 10, 3))


# ---- subdatasets -----------------------------------------------------------------------------------------


def scene(pair: Pair, *cases: str) -> Scene:
    products = {case: {"full": pair.link(case)} for case in cases}
    return Scene({"id": "s1", "properties": {"data": {"products": products}}}, ORTHO)


def test_subdatasets_open_without_options_in_a_stock_program(
    catalog: ScenesV0, pair: Pair, run: Callable[..., Any], geotiff: Path
) -> None:
    found = subdatasets(catalog, scene(pair, "direct", "signed"))
    assert [description for _, description in found] == [
        "direct of ortho scene s1",
        "signed of ortho scene s1 (fetched whole by GDAL 3.6.0 to 3.6.2)",
    ]
    expected = run("gdalinfo", "-checksum", str(geotiff)).stdout
    for name, _ in found:
        assert pair.key not in name
        done = run("gdalinfo", "-checksum", name)
        assert done.returncode == 0, done.stderr
        assert checksums(done.stdout) == checksums(expected) and checksums(expected)
    assert not pair.store.with_key


def test_a_program_that_looks_for_files_beside_a_subdataset_asks_no_other_host(
    catalog: ScenesV0, pair: Pair, run: Callable[..., Any], tmp_path: Path
) -> None:
    """gdal_translate replaces what follows the last dot of a name by "aux": that was once the end of the host."""
    for name, _ in subdatasets(catalog, scene(pair, "direct", "signed")):
        pair.forget()
        done = run("gdal_translate", "-q", "-srcwin", "0", "0", "50", "50", name, str(tmp_path / "part.tif"))
        assert (done.returncode, done.stderr) == (0, "")
        assert not [str(request) for request in pair.api.seen + pair.store.seen if request.status >= 400]


def checksums(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if "Checksum" in line]


def test_a_product_that_no_name_opens_is_no_subdataset(catalog: ScenesV0, pair: Pair) -> None:
    assert [text.split()[0] for _, text in subdatasets(catalog, scene(pair, "direct", "whole"))] == ["direct"]
    with pytest.raises(NotFoundError):
        subdatasets(catalog, scene(pair, "direct"), ["analytic"])
