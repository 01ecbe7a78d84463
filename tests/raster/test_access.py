"""The access matrix: every way a service delivers, in every GDAL, with what each host was sent."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Optional

import pytest

from planet_vector.catalog import ScenesV0
from planet_vector.config import Key, Settings
from planet_vector.errors import NotFoundError, ProtocolError
from planet_vector.raster.access import expiry, plan, subdatasets
from planet_vector.scene import Scene

from ..conftest import QGIS_PYTHON, ROOT
from .conftest import MATRIX, strips
from .recording import Pair

BUILDS = ["osgeo", "fiona", "rasterio", "pyogrio"]
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
    home: Path, build: str, pair: Pair, *cases: str, python: str = sys.executable
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
        env={"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT)},
    )


class Cells:
    """What one build made of every case, and what the servers saw of it."""

    def __init__(self, home: Path, build: str, pair: Pair, python: str = sys.executable) -> None:
        done = in_build(home, build, pair, *READ, *REFUSED, python=python)
        assert done.returncode == 0, done.stderr
        assert pair.key not in done.stdout + done.stderr
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.results: Dict[str, Dict[str, Any]] = dict(zip([*READ, *REFUSED], lines))
        self.pair = pair
        self.name = build

    def note(self, case: str) -> None:
        """Write the line of the table."""
        servers = (("service", self.pair.api), ("store", self.pair.store))
        seen = {name: [r for r in server.of(case) if "/mark/" not in r.path] for name, server in servers}
        requests = "".join(
            f"  {name}: {sum(r.method == 'HEAD' for r in found)} HEAD {sum(r.method == 'GET' for r in found)} GET "
            f"{sum(r.sent for r in found):>9,} B"
            for name, found in seen.items()
        )
        leaked = sum("Authorization" in request.headers for request in seen["store"])
        version = self.results[case]["version"]
        MATRIX.append(f"{version:8} {self.name:9} {case:10}{requests}  keys leaked: {leaked}")


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


@pytest.mark.parametrize("case", ["direct", "signed"])
def test_opening_takes_one_head_and_two_gets_and_a_window_its_strips_in_one(
    cells: Cells, case: str, geotiff: Path
) -> None:
    # What the host of the data was asked: the service when it answers itself, else the store.
    if case == "direct":
        seen = cells.pair.api.of(case)
        at = next(place for place, request in enumerate(seen) if "/mark/" in request.path)
        opening, reading = seen[:at], seen[at + 1 :]
    else:
        seen = cells.pair.store.of(case)
        opening, reading = seen[:-1], seen[-1:]
    assert sum(request.method == "HEAD" for request in opening) <= 1
    assert sum(request.method == "GET" for request in opening) <= 2, [str(request) for request in opening]
    assert [request.method for request in reading] == ["GET"], [str(request) for request in reading]
    # GDAL reads in pieces of 16 kB, so up to one more at either end.
    assert strips(geotiff, 200, 512) <= reading[0].sent <= strips(geotiff, 200, 512) * 1.05


def test_what_the_service_refuses_is_an_error_that_says_so(cells: Cells) -> None:
    assert {case: cells.results[case].get("error") for case in REFUSED} == REFUSED
    assert not cells.pair.store.with_key
    assert not any("passwd" in request.path for request in cells.pair.api.seen)


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
    assert not pair.store.with_key


# ---- plans -----------------------------------------------------------------------------------------------


def test_a_plan_prints_no_key(catalog: ScenesV0, pair: Pair) -> None:
    planned = plan(catalog, pair.link("direct"), (3, 12, 0))
    assert any(pair.key in value for value in planned.options.values())
    assert pair.key not in repr(planned) + str(planned) + repr(planned.options) + str(planned.options)


def test_before_gdal_3_9_the_key_is_in_a_file_that_only_its_owner_reads(catalog: ScenesV0, pair: Pair) -> None:
    planned = plan(catalog, pair.link("direct"), (3, 6, 2))
    assert not any(pair.key in value for value in planned.options.values())
    files = [path for path in Path.home().rglob("*") if path.is_file() and pair.key in path.read_text()]
    assert [path.stat().st_mode & 0o777 for path in files] == [0o600]


def test_a_signed_address_is_handed_on_bare_and_unasked(catalog: ScenesV0, pair: Pair) -> None:
    planned = plan(catalog, pair.link("signed"), (3, 10, 3))
    assert planned.name.startswith(f"/vsicurl/{pair.store.url}/")
    assert planned.options["GDAL_HTTP_HEADERS"] == ""
    assert planned.expires is not None
    assert not pair.store.seen


def test_a_build_that_must_read_whole_says_why(catalog: ScenesV0, pair: Pair) -> None:
    assert "3.6.3" in plan(catalog, pair.link("signed"), (3, 6, 2)).slow
    assert not plan(catalog, pair.link("signed"), (3, 6, 3)).slow
    assert not plan(catalog, pair.link("direct"), (3, 6, 2)).slow


@pytest.mark.parametrize(
    ("url", "seconds"),
    [
        ("https://s/x?X-Amz-Date=20150306T022415Z&X-Amz-Expires=900&X-Amz-Signature=a", 1425609555 + 0),
        ("https://s/x?X-Goog-Date=20150306T022415Z&X-Goog-Expires=60", 1425608715),
        ("https://s/x?Expires=1425608655&Signature=a", 1425608655),
        ("https://s/x?Expires=tomorrow", None),
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
    return Scene({"id": "s1", "properties": {"data": {"products": products}}}, "ortho")


def test_subdatasets_open_without_options_in_a_stock_program(
    catalog: ScenesV0, pair: Pair, run: Callable[..., Any], geotiff: Path
) -> None:
    found = subdatasets(catalog, scene(pair, "direct", "signed"))
    assert [description for _, description in found] == ["direct of ortho scene s1", "signed of ortho scene s1"]
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
