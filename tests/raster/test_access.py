"""The access matrix: every way a service delivers, in every GDAL, with what each host was sent."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Optional

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


def in_build(build: str, pair: Pair, *cases: str, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
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
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def result_of(build: str, pair: Pair, case: str) -> Dict[str, Any]:
    done = in_build(build, pair, case)
    assert done.returncode == 0, done.stderr
    assert pair.key not in done.stdout + done.stderr
    result: Dict[str, Any] = json.loads(done.stdout)
    return result


def note(build: str, version: str, case: str, pair: Pair) -> None:
    requests = "".join(
        f"  {name}: {len(server.got('HEAD'))} HEAD {len(server.got('GET'))} GET"
        f" {sum(r.sent for r in server.seen):>9,} B"
        for name, server in (("service", pair.api), ("store", pair.store))
    )
    MATRIX.append(f"{version:8} {build:9} {case:10}{requests}  keys leaked: {len(pair.store.with_key)}")


@pytest.mark.parametrize("case", READ)
@pytest.mark.parametrize("build", BUILDS)
def test_every_build_reads_the_right_pixels_and_the_store_never_sees_the_key(
    build: str, case: str, pair: Pair, geotiff: Path, window: Callable[[Path], Any]
) -> None:
    result = result_of(build, pair, case)
    note(build, result["version"], case, pair)
    assert result.get("pixels") == hashlib.sha256(window(geotiff).tobytes()).hexdigest(), result
    assert not pair.store.with_key
    # The key went to the service with every request but the mark of this test.
    assert len(pair.api.with_key) == len([request for request in pair.api.seen if request.path != "/mark"])


@pytest.mark.parametrize("case", ["direct", "signed"])
@pytest.mark.parametrize("build", BUILDS)
def test_opening_takes_one_head_and_two_gets_and_a_window_its_strips_in_one(
    build: str, case: str, pair: Pair, geotiff: Path
) -> None:
    result = result_of(build, pair, case)
    assert "pixels" in result, result
    data = pair.api if case == "direct" else pair.store
    if case == "direct":
        mark = [request.path for request in data.seen].index("/mark")
        opening, reading = data.seen[:mark], data.seen[mark + 1 :]
    else:
        opening, reading = data.seen[:2], data.seen[2:]
    assert len([request for request in opening if request.method == "HEAD"]) <= 1
    assert len([request for request in opening if request.method == "GET"]) <= 2, [str(r) for r in opening]
    assert [request.method for request in reading] == ["GET"], [str(r) for r in reading]
    # GDAL reads in pieces of 16 kB, so up to one more at either end.
    assert strips(geotiff, 200, 512) <= reading[0].sent <= strips(geotiff, 200, 512) * 1.05


@pytest.mark.parametrize("build", BUILDS)
def test_what_the_service_refuses_is_an_error_that_says_so(build: str, pair: Pair) -> None:
    done = in_build(build, pair, *REFUSED)
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert {case: result.get("error") for case, result in zip(REFUSED, results)} == REFUSED, done.stderr
    assert pair.key not in done.stdout + done.stderr
    assert not pair.store.with_key
    assert not any("passwd" in request.path for request in pair.api.seen)


@pytest.mark.parametrize("build", BUILDS)
def test_a_service_without_a_key_is_sent_none(
    build: str, pair: Pair, geotiff: Path, window: Callable[[Path], Any]
) -> None:
    pair.key = ""
    assert result_of_keyless(build, pair) == hashlib.sha256(window(geotiff).tobytes()).hexdigest()
    assert not pair.api.with_key and not pair.store.with_key


def result_of_keyless(build: str, pair: Pair) -> Optional[str]:
    done = in_build(build, pair, "direct")
    assert done.returncode == 0, done.stderr
    pixels: Optional[str] = json.loads(done.stdout).get("pixels")
    return pixels


def test_rasterio_1_5_where_there_is_a_python_for_it(
    newer_python: Optional[str], pair: Pair, geotiff: Path, window: Callable[[Path], Any]
) -> None:
    """Rasterio 1.5 needs Python 3.12, which Debian 12 does not have; then GDAL 3.12 is pyogrio's alone."""
    if newer_python is None:
        MATRIX.append("3.12     rasterio 1.5: not run, as there is no Python 3.12 here; pyogrio above brings GDAL 3.12")
        return
    for case in READ:
        pair.forget()
        pair.counts.clear()
        done = in_build("open", pair, case, python=newer_python)
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)
        note("rasterio*", result["version"], case, pair)
        assert result.get("pixels") == hashlib.sha256(window(geotiff).tobytes()).hexdigest(), (case, result)
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
