"""Downloads: whole or not there, resumed from any byte, under safe names."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, Dict, List, Optional, Tuple

import pytest

from planet_vector.catalog.scenes_v0.client import ScenesV0
from planet_vector.config import Settings
from planet_vector.errors import NotFoundError, ProtocolError, RasterAccessError, ServiceError, UnavailableError
from planet_vector.http import transport
from planet_vector.http.responses import LONGEST_RETRY_AFTER
from planet_vector.keys import Key
from planet_vector.raster.download import download, fetch, safe_name
from planet_vector.raster.quad_cache import QuadCache
from planet_vector.scene import Scene
from tests.schemas import ORTHO

from ..conftest import ROOT, Service
from .recording import Answer, Pair, Recorder, Request, ranged

TIFF = b"II*\0"  # what a TIFF begins with (TIFF 6.0, section 2)


def scene(pair: Pair, *cases: str) -> Scene:
    products = {case: {"full": pair.link(case)} for case in cases}
    return Scene({"id": "s1", "properties": {"data": {"products": products}}}, ORTHO)


@pytest.mark.parametrize("case", ["direct", "signed", "within", "nolength", "whole", "busy", "stumbling"])
def test_a_file_comes_whole(case: str, pair: Pair, catalog: ScenesV0, geotiff: Path, tmp_path: Path) -> None:
    told: List[Tuple[int, Any]] = []
    size = fetch(catalog, pair.link(case), tmp_path / "a.tif", lambda done, total: told.append((done, total)))
    assert (tmp_path / "a.tif").read_bytes() == geotiff.read_bytes()
    assert size == told[-1][0] == geotiff.stat().st_size
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]
    assert not pair.store.with_key


@pytest.mark.parametrize("case", ["direct", "nolength"])
def test_the_end_of_a_file_is_told_once(case: str, pair: Pair, catalog: ScenesV0, tmp_path: Path) -> None:
    """Also where the service has not said how long it is: then only the end is told with a length."""
    told: List[Tuple[int, Optional[int]]] = []
    size = fetch(catalog, pair.link(case), tmp_path / "scene.tif", lambda done, total: told.append((done, total)))
    assert told[-1] == (size, size) and [done for done, total in told if done == total] == [size]
    assert {total for _, total in told[:-1]} <= {size if case == "direct" else None}


PROGRAM = """
import sys
from pathlib import Path
from planet_vector.catalog.scenes_v0.client import ScenesV0
from planet_vector.config import Settings
from planet_vector.keys import Key
from planet_vector.raster.download import fetch
root, link, path, key = sys.argv[1:]
fetch(ScenesV0(Settings(root, Key(key), rate=0)), link, Path(path), lambda done, total: print(done, flush=True))
"""


def test_a_download_killed_at_ten_random_points_resumes_to_the_same_file(
    pair: Pair, geotiff: Path, tmp_path: Path
) -> None:
    """Kill the process for good each time; the last run must ask only for what is missing."""
    pair.data = data = TIFF + os.urandom(6_000_000)
    pair.api.pace = 0.01
    path = tmp_path / "scene.tif"
    rng = random.Random(11)
    points = sorted(rng.randrange(1, 95) / 100 for _ in range(10))
    resumed = []
    for point in points:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, pair.root, pair.link("direct"), str(path), pair.key],
            stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= point * len(data):
                process.send_signal(signal.SIGKILL)
                break
        process.wait()
        process.stdout.close()
        assert not path.exists()
        resumed.append((tmp_path / "scene.tif.part").stat().st_size)
    before = resumed[-1]
    pair.forget()
    catalog = ScenesV0(Settings(pair.root, Key(pair.key), rate=0))
    fetch(catalog, pair.link("direct"), path)
    assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(data).digest()
    assert resumed == sorted(resumed) and before > 0
    assert [request.headers["Range"] for request in pair.api.seen] == [f"bytes={before}-"]
    assert pair.api.seen[0].headers["If-Range"] == '"one"'
    assert [item.name for item in tmp_path.iterdir()] == ["scene.tif"]


def breaking(data: bytes, etags: List[str], at: int) -> Recorder:
    """Return a service that breaks off each answer, and may change the file meanwhile."""

    def answer(request: Request) -> Answer:
        etag = etags.pop(0) if len(etags) > 1 else etags[0]
        status, headers, body = ranged(request, data if etag == etags[-1] else TIFF + bytes(len(data) - 4), etag)
        if len(body) > at:
            return status, {**headers, "Content-Length": str(len(body)), "X-Break": "1"}, body[:at]
        return status, headers, body

    return Recorder(answer)


def test_a_transfer_that_breaks_goes_on(tmp_path: Path) -> None:
    data = TIFF + os.urandom(500_000)
    server = breaking(data, ['"one"'], 150_000)
    try:
        catalog = ScenesV0(Settings(f"{server.url}/v0/", rate=0))
        fetch(catalog, f"{server.url}/v0/a", tmp_path / "a.tif")
        assert (tmp_path / "a.tif").read_bytes() == data
        begins = [int(request.headers.get("Range", "bytes=0-")[6:-1]) for request in server.seen]
        # What came before the break is kept, up to the block that was under way.
        assert begins[0] == 0 and begins == sorted(begins)
        assert all(150_000 - 2**14 <= after - before <= 150_000 for before, after in zip(begins, begins[1:]))
    finally:
        server.stop()


def test_a_file_that_changed_meanwhile_begins_anew(tmp_path: Path) -> None:
    data = TIFF + os.urandom(400_000)
    server = breaking(data, ['"one"', '"two"'], 150_000)
    try:
        catalog = ScenesV0(Settings(f"{server.url}/v0/", rate=0))
        fetch(catalog, f"{server.url}/v0/a", tmp_path / "a.tif")
        assert (tmp_path / "a.tif").read_bytes() == data
    finally:
        server.stop()


def test_a_rest_that_is_never_given_is_not_asked_for_without_end(tmp_path: Path) -> None:
    """The file breaks off, the part after it is another than asked for: so it begins anew, and again."""
    data = TIFF + os.urandom(400_000)

    def answer(request: Request) -> Answer:
        status, headers, body = ranged(request, data)
        assert len(server.seen) < 100  # ends the connection, and so the loop
        if status == 206:
            return status, {**headers, "Content-Range": "bytes 0-0/\u00b2"}, body
        return status, {**headers, "Content-Length": str(len(data)), "X-Break": "1"}, body[:150_000]

    server = Recorder(answer)
    try:
        catalog = ScenesV0(Settings(f"{server.url}/v0/", rate=0))
        with pytest.raises(UnavailableError):
            fetch(catalog, f"{server.url}/v0/a", tmp_path / "a.tif")
        assert len(server.seen) < 20
    finally:
        server.stop()


def test_a_part_of_which_nobody_knows_the_version_is_not_gone_on_with(
    pair: Pair, catalog: ScenesV0, geotiff: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.tif.part").write_bytes(b"something else")
    fetch(catalog, pair.link("direct"), tmp_path / "a.tif")
    assert (tmp_path / "a.tif").read_bytes() == geotiff.read_bytes()


def test_a_part_longer_than_the_file_is_not_gone_on_with(
    pair: Pair, catalog: ScenesV0, geotiff: Path, tmp_path: Path
) -> None:
    size = geotiff.stat().st_size
    (tmp_path / "a.tif.part").write_bytes(bytes(size + 1))
    (tmp_path / "a.tif.part.version").write_text(json.dumps({"etag": '"one"', "size": size}))
    fetch(catalog, pair.link("direct"), tmp_path / "a.tif")
    assert (tmp_path / "a.tif").read_bytes() == geotiff.read_bytes()
    assert [item.name for item in tmp_path.iterdir()] == ["a.tif"]


@pytest.mark.skipif(sys.platform == "win32", reason="locks as POSIX has them")
def test_two_programs_do_not_fetch_one_file_at_once(pair: Pair, catalog: ScenesV0, tmp_path: Path) -> None:
    pair.data = data = TIFF + os.urandom(2_000_000)
    pair.api.pace = 0.01
    path = tmp_path / "scene.tif"
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, pair.root, pair.link("direct"), str(path), pair.key],
        stdout=subprocess.PIPE, text=True, cwd=ROOT,
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stdout.readline()
        with pytest.raises(RasterAccessError, match="scene.tif is being fetched by another program"):
            fetch(catalog, pair.link("direct"), path)
        process.stdout.read()
    assert process.returncode == 0 and path.read_bytes() == data
    assert [item.name for item in tmp_path.iterdir()] == ["scene.tif"]


def test_nothing_is_left_where_nothing_came(pair: Pair, catalog: ScenesV0, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        fetch(catalog, pair.link("404"), tmp_path / "a.tif")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("one", "name"), [("s1_a.tif", "s1_a.tif"), ("s1.tif", "s1_a.tif")])
def test_a_name_that_another_product_may_have_too_is_not_taken(
    pair: Pair, catalog: ScenesV0, geotiff: Path, tmp_path: Path, one: str, name: str
) -> None:
    def answer(request: Request) -> Answer:
        status, headers, body = ranged(request, geotiff.read_bytes(), '"one"')
        return status, {**headers, "Content-Disposition": f'attachment; filename="{one}"'}, body

    server = Recorder(answer)
    try:
        catalog = ScenesV0(Settings(f"{server.url}/v0/", rate=0))
        products = {product: {"full": f"{server.url}/v0/{product}"} for product in ("a", "b")}
        both = Scene({"id": "s1", "properties": {"data": {"products": products}}}, ORTHO)
        assert [path.name for path in download(catalog, [both], ["a", "b"], tmp_path)] == [name, "s1_b.tif"]
    finally:
        server.stop()


def test_a_file_larger_than_the_limit_is_not_fetched(pair: Pair, catalog: ScenesV0, tmp_path: Path) -> None:
    for case in ("direct", "nolength"):
        with pytest.raises(ProtocolError):
            fetch(catalog, pair.link(case), tmp_path / "a.tif", limit=1000)
        assert not (tmp_path / "a.tif").exists()


ODD_NUMBERS = ["\u00b2", "1\u00b2", "-5", "+5", "5_0", "9e999", "9" * 19, "9" * 5000, "0" * 5000]
"""What is no number, or is none that can be meant: int() refuses some that str.isdigit holds for."""


@pytest.mark.parametrize("number", ODD_NUMBERS, ids=lambda number: f"{number[:2]}_{len(number)}")
@pytest.mark.parametrize(
    ("header", "form"),
    [
        ("Content-Length", "{}"),
        ("Content-Range", "bytes 0-0/{}"),
        ("Content-Range", "bytes 0-0/*{}"),
        ("Content-Range", "bytes {0}-{0}/{0}"),
        ("Retry-After", "{}"),
        ("Retry-After", "Mon, 06 Jul 2015 02:24:15 +{}"),
        ("Retry-After", "Mon, {} Jul 2015 02:24:15 GMT"),
    ],
)
def test_an_odd_number_in_a_header_is_passed_over_or_is_an_error(
    number: str, header: str, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = json.dumps({"any": "body" * 50}).encode()
    raster = TIFF + data
    pauses: List[float] = []
    monkeypatch.setattr(transport, "time", SimpleNamespace(monotonic=time.monotonic, sleep=pauses.append))
    spoilt: Dict[str, int] = {}

    def answer(request: Request) -> Answer:
        spoilt[request.path] = spoilt.get(request.path, 0) + 1
        body = data if request.path in ("/v0/json", "/v0/bytes") else raster
        if header == "Retry-After":
            return (503, {header: form.format(number)}, b"") if spoilt[request.path] == 1 else ranged(request, body)
        status, headers, body = ranged(request, body)
        return status, {**headers, header: form.format(number), "X-Break": "1"}, body

    server = Recorder(answer)
    catalog = ScenesV0(Settings(f"{server.url}/v0/", rate=0))

    def link(name: str) -> str:
        return f"{server.url}/v0/{name}"

    def go_on() -> bytes:
        (tmp_path / "part.tif.part").write_bytes(raster[:50])
        (tmp_path / "part.tif.part.version").write_text(json.dumps({"etag": '"one"', "size": None}))
        fetch(catalog, link("part"), tmp_path / "part.tif")
        return (tmp_path / "part.tif").read_bytes()

    def by_name() -> bytes:
        product = Scene({"id": "s1", "properties": {"data": {"products": {"a": {"full": link("named")}}}}}, ORTHO)
        return download(catalog, [product], ["a"], tmp_path)[0].read_bytes()

    ways: List[Callable[[], bytes]] = [
        lambda: json.dumps(catalog.transport.get_json(link("json")).body).encode(),
        lambda: catalog.transport.get_bytes(link("bytes"))[0],
        go_on,
        by_name,
        lambda: QuadCache(catalog).get("m", "q", link("quad")).read_bytes(),
    ]
    try:
        for way in ways:
            try:
                assert way() in (data, raster)
            except ServiceError:
                assert header != "Retry-After"
    finally:
        catalog.transport.close()
        server.stop()
    assert all(0 <= pause <= LONGEST_RETRY_AFTER for pause in pauses)
    if header == form == "Retry-After" and number.isascii() and number.isdigit():
        assert max(pauses) == (LONGEST_RETRY_AFTER if number[0] == "9" else 0)


def test_files_are_named_skipped_and_never_overwritten_unasked(
    pair: Pair, catalog: ScenesV0, geotiff: Path, tmp_path: Path
) -> None:
    found = download(catalog, [scene(pair, "direct", "signed")], ["direct", "signed"], tmp_path)
    assert [path.name for path in found] == ["s1_direct.tif", "s1_signed.tif"]
    pair.forget()
    download(catalog, [scene(pair, "direct")], ["direct"], tmp_path)
    asked = [(request.headers.get("Range"), request.status) for request in pair.api.seen]
    assert asked == [("bytes=0-0", 206)]  # no more than the length
    found[0].write_bytes(b"mine")
    with pytest.raises(RasterAccessError, match="overwritten"):
        download(catalog, [scene(pair, "direct")], ["direct"], tmp_path)
    assert found[0].read_bytes() == b"mine"
    download(catalog, [scene(pair, "direct")], ["direct"], tmp_path, overwrite=True)
    assert found[0].read_bytes() == geotiff.read_bytes()


def test_one_file_that_fails_does_not_stop_the_others(
    pair: Pair, catalog: ScenesV0, geotiff: Path, tmp_path: Path
) -> None:
    with pytest.raises(NotFoundError):
        download(catalog, [scene(pair, "404", "direct", "signed")], ["404", "direct", "signed"], tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s1_direct.tif", "s1_signed.tif"]
    with pytest.raises(RasterAccessError, match="2 of 3 files"):
        download(catalog, [scene(pair, "404", "403", "direct")], ["404", "403", "direct"], tmp_path)


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="s1_visual.tif"', "s1_visual.tif"),
        ("attachment; filename=s1_a.tiff", "s1_a.tiff"),
        ("attachment; filename*=UTF-8''s1_visual%2Etif", "s1_visual.tif"),
        ('attachment; filename="../../s1.tif"', "s1_visual.tif"),
        ('attachment; filename="/etc/s1.tif"', "s1_visual.tif"),
        ('attachment; filename="..\\\\s1.tif"', "s1_visual.tif"),
        ('attachment; filename="s1.tif\x00.exe"', "s1_visual.tif"),
        ('attachment; filename="s1.exe"', "s1_visual.tif"),
        ('attachment; filename="other.tif"', "s1_visual.tif"),
        ('attachment; filename=".s1.tif"', "s1_visual.tif"),
        ('attachment; filename="s1' + "x" * 300 + '.tif"', "s1_visual.tif"),
        (None, "s1_visual.tif"),
    ],
)
def test_a_proposed_name_is_taken_only_when_it_is_plain_and_the_scene_s(disposition: str, name: str) -> None:
    assert safe_name(disposition, "s1", "visual") == name


@pytest.mark.parametrize("scene_id", ["a\nb", "..", "\ud800", "ß" * 200])
def test_a_scene_id_that_is_no_name_is_refused(scene_id: str) -> None:
    with pytest.raises(ProtocolError, match="cannot be a file's name"):
        safe_name(None, scene_id, "visual")


@pytest.mark.parametrize("proposed", [None, 'attachment; filename="../s1_visual.tif"'])
def test_a_scene_id_with_a_path_in_it_leads_nowhere_else(proposed: Optional[str], tmp_path: Path) -> None:
    name = safe_name(proposed, "../s1", "visual")
    assert name == "%2E.%2Fs1_visual.tif" and (tmp_path / name).resolve().parent == tmp_path.resolve()


def test_the_service_s_files_come_as_they_are(connected: Service, archive: Path, tmp_path: Path) -> None:
    from planet_vector.product_files import download_products

    found = download_products("PLANET:ortho?limit=3", tmp_path / "new", ["visual", "analytic"])
    assert len(found) == 6
    for path in found:
        assert path.read_bytes() == (archive / path.name).read_bytes()
    assert time.time() - found[0].stat().st_mtime < 600


# ---- what came ----------------------------------------------------------------------------------------------

TIFFS = [b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"II+\0\x08\0\0\0\x10", b"MM\0+\0\x08\0\0\0"]
NO_TIFFS = {
    "an HTML page": [
        b"<!DOCTYPE html><html><body>Please log in</body></html>", b"\n  <HTML lang='en'><p>hello",
        b"\xef\xbb\xbf<!-- a comment --><html>",
        b'<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0"><html>',
        "<html><body>Bitte anmelden</body>".encode("utf-16"),
    ],
    "a VRT": [b"<VRTDataset rasterXSize='1'></VRTDataset>", b'<?xml version="1.0"?>\n<VRTDataset>'],
    "XML": [b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', b"<Error/>"],
    "a PNG image": [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"],
    "a JPEG image": [b"\xff\xd8\xff\xe0\0\x10JFIF"],
    "JSON": [b'{"message": "Please enter your API key."}', b"[1, 2]"],
    "a zip archive": [b"PK\x03\x04\x14\0"],
    "a gzip file": [b"\x1f\x8b\x08\0"],
    "text": ["Nicht verf\u00fcgbar\n".encode() * 90, b"version https://git-lfs.github.com/spec/v1\noid sha256:4d\n"],
    "nothing": [b""],
    "bytes of an unknown type": [
        b"II*\1", b"II\0*\0\0", b"MM*\0", b"II+\0\x04\0\0\0", b"MM\0+\0\x04\0\0", bytes(100), b"\0II*\0",
    ],
}  # fmt: skip


def single(url: str) -> Scene:
    return Scene({"id": "s1", "properties": {"data": {"products": {"a": {"full": f"{url}/v0/a"}}}}}, ORTHO)


@pytest.mark.parametrize("head", TIFFS)
def test_each_kind_of_tiff_is_kept(head: bytes, tmp_path: Path) -> None:
    server = Recorder(lambda request: ranged(request, head + bytes(50)))
    try:
        catalog = ScenesV0(Settings(f"{server.url}/v0/", rate=0))
        assert [path.read_bytes() for path in download(catalog, [single(server.url)], ["a"], tmp_path)] == [
            head + bytes(50)
        ]
    finally:
        server.stop()


@pytest.mark.parametrize("kind", NO_TIFFS)
@pytest.mark.parametrize("etag", ['"one"', ""])
def test_what_is_no_tiff_is_not_kept_as_one(kind: str, etag: str, tmp_path: Path) -> None:
    """Not under its name, and not as a part that a later download would go on with."""
    sent = [b""]

    def answer(request: Request) -> Answer:
        status, headers, body = ranged(request, sent[0]) if sent[0] else (200, {}, b"")
        return status, {**headers, "ETag": etag}, body

    server = Recorder(answer)
    try:
        catalog = ScenesV0(Settings(f"{server.url}/v0/", rate=0))
        (tmp_path / "s1_a.tif").write_bytes(b"old")
        for sent[0] in NO_TIFFS[kind]:
            told = rf"^The service sent {kind}.* for s1_a\.tif instead of a TIFF"
            with pytest.raises(ProtocolError, match=told):
                download(catalog, [single(server.url)], ["a"], tmp_path, overwrite=True)
            assert [path.name for path in tmp_path.iterdir()] == ["s1_a.tif"]
            assert (tmp_path / "s1_a.tif").read_bytes() == b"old"
        sent[0] = TIFF + bytes(60)
        download(catalog, [single(server.url)], ["a"], tmp_path, overwrite=True)
        assert (tmp_path / "s1_a.tif").read_bytes() == sent[0]
    finally:
        server.stop()


def test_a_zip_is_a_zip(tmp_path: Path) -> None:
    sent = [b"PK\x03\x04" + bytes(20)]
    disposition = {"Content-Disposition": 'attachment; filename="s1_a.zip"'}

    def answer(request: Request) -> Answer:
        status, headers, body = ranged(request, sent[0])
        return status, {**headers, **disposition}, body

    server = Recorder(answer)
    try:
        catalog = ScenesV0(Settings(f"{server.url}/v0/", rate=0))
        assert [path.name for path in download(catalog, [single(server.url)], ["a"], tmp_path)] == ["s1_a.zip"]
        sent[0] = TIFF + bytes(60)
        with pytest.raises(ProtocolError, match="sent a TIFF for s1_a.zip instead of a zip archive"):
            download(catalog, [single(server.url)], ["a"], tmp_path, overwrite=True)
    finally:
        server.stop()


# ---- less than was said -------------------------------------------------------------------------------------


def shorter(data: bytes, more: int, etag: str, holds: bool) -> Recorder:
    """Return a service that announces more bytes than there are, and holds the connection or breaks it."""

    def answer(request: Request) -> Answer:
        status, headers, body = ranged(request, data)
        headers = {**headers, "ETag": etag}
        if status == 416:
            # One that holds believes in the bytes, and never has them.
            if not holds:
                return status, headers, body
            told = f"bytes {len(data)}-{len(data) + more - 1}/{len(data) + more}"
            return 206, {**headers, "Content-Range": told, "Content-Length": str(more)}, b""
        length = {"Content-Length": str(len(body) + more), "X-Break": "" if holds else "1"}
        return status, {**headers, **length}, body

    return Recorder(answer)


@pytest.mark.parametrize("etag", ['"one"', ""])
@pytest.mark.parametrize("holds", [False, True])
def test_a_length_that_is_too_long_ends_in_time(
    etag: str, holds: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "READ_TIMEOUT", 0.5)
    monkeypatch.setattr("planet_vector.raster.download.QUIET", 0.8, raising=False)
    data = TIFF + os.urandom(100_000)
    server = shorter(data, 5000, etag, holds)
    try:
        catalog = ScenesV0(Settings(f"{server.url}/v0/", rate=0))
        with pytest.raises(UnavailableError, match=r"a.tif gets no further than byte [0-9,]+ of 105,004: .* try again"):
            fetch(catalog, f"{server.url}/v0/a", tmp_path / "a.tif")
        if holds:
            assert len(server.seen) <= 3  # the seconds are counted, not the tries
        assert not (tmp_path / "a.tif").exists()
    finally:
        server.stop()
    # The next one is not held up by what is there.
    server = Recorder(lambda request: ranged(request, data, '"two"'))
    try:
        catalog = ScenesV0(Settings(f"{server.url}/v0/", rate=0))
        fetch(catalog, f"{server.url}/v0/a", tmp_path / "a.tif")
        assert (tmp_path / "a.tif").read_bytes() == data
    finally:
        server.stop()


def test_a_part_whose_rest_is_not_there_begins_anew(tmp_path: Path) -> None:
    """The service said too much once: a part that waits for the rest would be asked for in vain for ever."""
    data = TIFF + os.urandom(1000)
    server = Recorder(lambda request: ranged(request, data))
    (tmp_path / "a.tif.part").write_bytes(data)
    (tmp_path / "a.tif.part.version").write_text(json.dumps({"etag": '"one"', "size": 2000}))
    try:
        catalog = ScenesV0(Settings(f"{server.url}/v0/", rate=0))
        with pytest.raises(UnavailableError, match=r"no further than byte 1,004 of 2,000"):
            fetch(catalog, f"{server.url}/v0/a", tmp_path / "a.tif")
        fetch(catalog, f"{server.url}/v0/a", tmp_path / "a.tif")
        assert (tmp_path / "a.tif").read_bytes() == data
    finally:
        server.stop()
