"""Answers that a client has already are not sent again, and what is said of keeping them is true."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import time
from email.utils import formatdate
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple
from urllib.parse import urlsplit

import numpy as np
import pytest
import rasterio
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from urllib3 import HTTPConnectionPool

from .conftest import Running, feature, running, write_features, write_raster

ID = "20150306_022415_0908"
SCENE = f"scenes/ortho/{ID}"
JSON = ["scenes/", "scenes/ortho/", "scenes/ortho/?count=2&order_by=acquired asc", SCENE, "mosaics/", "mosaics/all",
        "mosaics/all/quads/"]  # fmt: skip
PICTURES = [SCENE + "/thumb", SCENE + "/square-thumb?size=sm&format=jpg", SCENE + "/10/554/367.png",
            "mosaics/all/10/554/367.png", "mosaics/all/quad-map.png"]  # fmt: skip


def fill(folder: Path) -> None:
    write_raster(folder / f"{ID}_visual.tif", bands=3, size=200)
    write_features(folder / "more.json", [feature(f"S{n}", f"2015-03-0{n}T00:00:00Z") for n in range(1, 9)])


@contextlib.contextmanager
def served(folder: Path, *options: str, **more: Any) -> Iterator[Running]:
    """Run a service over an archive of its own, with a mosaic."""
    (folder / "archive").mkdir(exist_ok=True)
    (folder / "cache").mkdir(exist_ok=True)
    (folder / "m.yml").write_text("- {name: all, level: 10}\n")
    with running(folder / "archive", folder / "cache", "--mosaics", str(folder / "m.yml"), *options, **more) as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("conditional")
    fill(folder / "archive")
    return folder


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[Running]:
    with served(folder) as found:
        yield found


def raw(service: Running, path: str, headers: Dict[str, str], method: str = "GET") -> Any:
    """Return an answer whose body is as it came, to a request with no other headers than these."""
    place = urlsplit(service.root + path)
    with HTTPConnectionPool(place.hostname or "", place.port) as pool:
        target = place.path + (f"?{place.query}" if place.query else "")
        return pool.request(method, target.replace(" ", "%20"), headers=headers, decode_content=False, redirect=False)


def quads(service: Running) -> List[str]:
    return [quad["id"] for quad in service.json("mosaics/all/quads/")["features"]]


# ---- 304


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_a_client_has_is_not_sent_again(service: Running, method: str) -> None:
    quad = f"mosaics/all/quads/{quads(service)[0]}"
    paths = [*JSON, *PICTURES, SCENE + "/full", quad, quad + "/full", quad + "/thumb", quad + "/scenes/"]
    for path in paths:
        first = service.get(path, method=method)
        assert (first.status_code, first.headers.get("cache-control")) == (200, "no-cache"), path
        tag = first.headers["etag"]
        again = service.get(path, method=method, headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b""), path
        # RFC 9110, section 15.4.5: what a 304 must repeat, and what it should not.
        for name in ("etag", "cache-control", "vary"):
            assert again.headers.get(name) == first.headers.get(name), (path, name)
        assert not {"content-type", "content-encoding", "content-range"} & set(map(str.lower, again.headers)), path
        for tags in (f'"x", {tag}', f'W/"a,b",{tag.replace("W/", "")} , "c"', "*"):
            assert service.get(path, method=method, headers={"If-None-Match": tags}).status_code == 304, (path, tags)
        for tags in ('"x"', f'"{tag}"', tag[:-2] + '"', "", "x, y", tag.strip('"W/')):
            assert service.get(path, method=method, headers={"If-None-Match": tags}).status_code == 200, (path, tags)


def test_posts_and_errors_are_kept_by_nobody(service: Running) -> None:
    answer = service.get("scenes/ortho/", method="POST", headers={"If-None-Match": "*"})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert "etag" not in answer.headers
    for path in ("scenes/none/", "scenes/ortho/none", "nothing", "scenes/ortho/?count=0",
                 "scenes/ortho/none/full", SCENE + "/thumb?size=x", "scenes/ortho/none/thumb", "mosaics/none",
                 "mosaics/all/quads/x"):  # fmt: skip
        answer = service.get(path, headers={"If-None-Match": "*"})
        assert answer.status_code in (400, 404), path
        assert answer.headers["cache-control"] == "no-store", path
        assert "etag" not in answer.headers
    for path in ("../healthz", "../metrics", "scenes"):
        assert service.get(path).headers["cache-control"] == "no-store"
    wrong = requests.delete(service.root + "scenes/ortho/", timeout=30)
    assert (wrong.status_code, wrong.headers["cache-control"]) == (405, "no-store")
    other = service.get("scenes/", headers={"Host": "elsewhere.example"})
    assert (other.status_code, other.headers["cache-control"]) == (421, "no-store")
    login = requests.post(service.root + "auth/login", json={"password": "x"}, timeout=30)
    assert (login.status_code, login.headers["cache-control"]) == (200, "no-store")


def test_each_question_has_an_answer_of_its_own(service: Running) -> None:
    paths = [
        "scenes/ortho/", "scenes/landsat/", "scenes/ortho/?count=2", "scenes/ortho/?count=3", "scenes/ortho/?sat.id=1",
        SCENE, "scenes/ortho/S1", "mosaics/all/quads/", "mosaics/all/quads/?count=3", "mosaics/all", "scenes/",
    ]  # fmt: skip
    tags = [service.get(path).headers["etag"] for path in paths]
    # Another host stands in the links.
    tags.append(service.get("scenes/ortho/", headers={"Host": "localhost:1"}).headers["etag"])
    assert len(set(tags)) == len(tags)
    pictures = [service.get(SCENE + f"/thumb?size={size}&format={kind}").headers["etag"]
                for size in ("sm", "md") for kind in ("png", "jpg")]  # fmt: skip
    assert len(set(pictures)) == 4


def test_a_list_is_new_when_the_archive_is(tmp_path: Path) -> None:
    fill(tmp_path / "archive")
    with served(tmp_path, "--rescan", "0.2") as service:
        tags = {path: service.get(path).headers["etag"] for path in JSON}
        write_features(tmp_path / "archive" / "new.json", [feature("N1", west=13.0)])
        deadline = time.monotonic() + 20
        while "N1" not in service.all_ids("scenes/ortho/") and time.monotonic() < deadline:
            time.sleep(0.1)
        for path, tag in tags.items():
            assert service.get(path, headers={"If-None-Match": tag}).status_code == 200, path
        kept = {path: service.get(path).headers["etag"] for path in JSON}
    # A restart changes nothing, another way of paging does; and of an index made anew nothing is known.
    port = str(urlsplit(service.root).port)
    with served(tmp_path, "--port", port) as service:
        assert {path: service.get(path).headers["etag"] for path in JSON} == kept
    with served(tmp_path, "--port", port, "--no-exact-ties") as service:
        assert service.get("scenes/ortho/", headers={"If-None-Match": kept["scenes/ortho/"]}).status_code == 200
    for file in (tmp_path / "cache").glob("index.sqlite*"):
        file.unlink()
    with served(tmp_path, "--port", port) as service:
        for path, tag in kept.items():
            assert service.get(path, headers={"If-None-Match": tag}).status_code == 200, path


def test_what_a_key_may_see_is_of_its_own(folder: Path, tmp_path: Path) -> None:
    import hashlib

    import yaml

    keys = {"office": "a" * 32, "guest": "b" * 32}
    hashes = {name: "sha256:" + hashlib.sha256(key.encode()).hexdigest() for name, key in keys.items()}
    entries: List[Dict[str, Any]] = [{"name": name, "hash": hashed} for name, hashed in hashes.items()]
    file = tmp_path / "keys.yml"

    def write(*products: str) -> None:
        file.write_text(yaml.safe_dump([entries[0], {**entries[1], "products": list(products)}]))
        file.chmod(0o600)

    write("analytic", "visual")
    (tmp_path / "archive").mkdir()
    fill(tmp_path / "archive")
    with served(tmp_path, "--keys", str(file)) as service:
        tags = {}
        for name, key in keys.items():
            for options in ({"auth": (key, "")}, {"headers": {"Authorization": f"api-key {key}"}}):
                answer = service.get("scenes/ortho/", **options)
                assert answer.headers["cache-control"] == "private, no-cache"
                assert tags.setdefault(name, answer.headers["etag"]) == answer.headers["etag"]
            # The key in the address is no part of the question.
            answer = service.get(f"scenes/ortho/?api_key={key}", headers={"If-None-Match": tags[name]})
            assert answer.status_code == 304
        assert tags["office"] != tags["guest"]
        for path in (SCENE, SCENE + "/full", SCENE + "/thumb", "mosaics/all"):
            assert service.get(path, auth=(keys["office"], "")).headers["cache-control"] == "private, no-cache"
        # Nothing is told to who has no key, whatever is known of the answer.
        for tag in (tags["office"], "*"):
            for path in ("scenes/ortho/", SCENE, SCENE + "/full", SCENE + "/thumb"):
                refused = service.get(path, headers={"If-None-Match": tag})
                assert (refused.status_code, refused.headers["cache-control"]) == (401, "no-store")
        # A key that may see less from now on has not seen the new answer.
        write("visual")
        os.utime(file, ns=(1, 1))
        changed = service.get("scenes/ortho/", auth=(keys["guest"], ""), headers={"If-None-Match": tags["guest"]})
        assert changed.status_code == 200
        write("analytic")
        os.utime(file, ns=(2, 2))
        refused = service.get(SCENE + "/full", auth=(keys["guest"], ""), headers={"If-None-Match": "*"})
        assert refused.status_code == 403


async def ask(app: Any, path: str, tag: str = "", sent: Optional[List[Any]] = None) -> Tuple[int, str]:
    """Send an application a GET, without a server, and return the status and the tag of its answer."""
    asked: asyncio.Queue[Any] = asyncio.Queue()
    sent = [] if sent is None else sent
    asked.put_nowait({"type": "http.request"})

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"if-none-match", tag.encode())]
    place = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "root_path": ""}
    await app({**place, "method": "GET", "path": path, "query_string": b"", "headers": headers}, asked.get, send)
    return sent[0]["status"], dict(sent[0]["headers"])[b"etag"].decode()


def test_no_search_is_run_and_no_picture_is_drawn_for_what_is_known(tmp_path: Path, monkeypatch: Any) -> None:
    from planet_vector.server.api.app import create_app
    from planet_vector.server.api.service import Service
    from planet_vector.server.imagery.kept_pictures import Imagery
    from planet_vector.server.imagery.picture_cache import PictureCache
    from planet_vector.server.index.database import Index
    from planet_vector.server.index.updating import update

    fill(tmp_path / "archive")
    update(tmp_path / "archive", tmp_path / "index.sqlite")
    index = Index(tmp_path / "index.sqlite")
    imagery = Imagery(tmp_path / "archive", tmp_path / "pictures")
    unused: Any = None  # what processes share
    done: List[str] = []
    for owner, name in ((Index, "search"), (PictureCache, "read")):
        whole = getattr(owner, name)

        def counted(*args: Any, whole: Any = whole, name: str = name) -> Any:
            done.append(name)
            return whole(*args)

        monkeypatch.setattr(owner, name, counted)
    try:
        app = create_app(Service(tmp_path / "archive", index, imagery, metrics=unused, rescans=unused))
        for path, work in (("/v0/scenes/ortho/", "search"), (f"/v0/{SCENE}/thumb", "read")):
            status, tag = asyncio.run(ask(app, path))
            assert status == 200
            assert work in done
            done.clear()
            assert asyncio.run(ask(app, path, tag)) == (304, tag)
            assert done == []
        # A fault of the service itself is told as JSON, too, and kept by nobody; its log has the reason.
        monkeypatch.setattr(Index, "search", lambda *_: 1 / 0)
        sent: List[Any] = []
        with pytest.raises(ZeroDivisionError):
            asyncio.run(ask(app, "/v0/scenes/ortho/", sent=sent))
        assert (sent[0]["status"], dict(sent[0]["headers"])[b"cache-control"]) == (500, b"no-store")
        assert set(json.loads(sent[1]["body"])) == {"message", "errors"}
    finally:
        imagery.close()
        index.close()


# ---- files


@pytest.fixture
def archived(tmp_path: Path) -> Iterator[Running]:
    fill(tmp_path / "archive")
    with served(tmp_path) as found:
        yield found


def test_another_file_of_the_same_size_and_time_is_another(archived: Running, tmp_path: Path) -> None:
    file = tmp_path / "archive" / f"{ID}_visual.tif"
    path = SCENE + "/full"
    status = file.stat()
    first = archived.get(path)
    time.sleep(1.1)  # dates of HTTP have seconds

    def written_in_place(content: bytes) -> None:
        file.write_bytes(content)

    def moved_in(content: bytes) -> None:
        (tmp_path / "new.tif").write_bytes(content)
        os.replace(tmp_path / "new.tif", file)

    seen = first
    for replace in (written_in_place, moved_in):
        content = bytes(reversed(seen.content))
        replace(content)
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert (file.stat().st_size, file.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)
        now = archived.get(path, headers={"If-None-Match": seen.headers["etag"]})
        assert (now.status_code, now.content == content) == (200, True)
        since = archived.get(path, headers={"If-Modified-Since": first.headers["last-modified"]})
        assert since.status_code == 200
        rest = archived.get(path, headers={"Range": "bytes=5-", "If-Range": seen.headers["etag"]})
        assert (rest.status_code, rest.content == content) == (200, True)
        seen = now


def test_pictures_of_another_file_of_the_same_size_and_time_are_others(tmp_path: Path) -> None:
    """Uncompressed, a file of other pixels has the same size."""
    archive, new = tmp_path / "archive", tmp_path / "new.tif"
    archive.mkdir()
    file = archive / "s1_visual.tif"
    profile = {"driver": "GTiff", "count": 3, "dtype": "uint8", "width": 64, "height": 64, "crs": "EPSG:32633",
               "transform": rasterio.Affine(10, 0, 500_000, 0, -10, 5_000_000)}  # fmt: skip
    for path, value in ((file, 60), (new, 200)):
        with rasterio.open(path, "w", **profile) as dataset:
            dataset.write(np.full((3, 64, 64), value, np.uint8))
    status = file.stat()
    assert new.stat().st_size == status.st_size
    with served(tmp_path) as found:
        before = found.get("scenes/ortho/s1/thumb")
        os.utime(new, ns=(status.st_atime_ns, status.st_mtime_ns))
        os.replace(new, file)
        after = found.get("scenes/ortho/s1/thumb", headers={"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200
    for answer, value in ((before, 60), (after, 200)):
        assert Image.open(io.BytesIO(answer.content)).convert("RGB").getpixel((64, 64)) == (value,) * 3


def test_conditions_of_files_go_in_their_order(service: Running) -> None:
    path = SCENE + "/full"
    first = service.get(path)
    tag, date = first.headers["etag"], first.headers["last-modified"]
    assert not tag.startswith("W/")
    later, before = formatdate(time.time() + 3600, usegmt=True), formatdate(0, usegmt=True)
    asked = [
        ({"If-Modified-Since": date}, 304), ({"If-Modified-Since": later}, 304), ({"If-Modified-Since": before}, 200),
        ({"If-Modified-Since": "yesterday"}, 200), ({"If-Modified-Since": "Mon, 99 Foo 99999 99:99:99 GMT"}, 200),
        # What stands in If-None-Match decides alone.
        ({"If-None-Match": '"x"', "If-Modified-Since": date}, 200),
        ({"If-None-Match": tag, "If-Modified-Since": before}, 304),
        ({"If-None-Match": tag, "Range": "bytes=0-9"}, 304), ({"If-None-Match": "*", "Range": "bytes=0-9"}, 304),
        ({"If-None-Match": '"x"', "Range": "bytes=0-9"}, 206), ({"If-Modified-Since": date, "Range": "bytes=0-9"}, 304),
        ({"If-None-Match": tag, "Range": "bytes=999999999-"}, 304), ({"Range": "bytes=999999999-"}, 416),
        ({"Range": "bytes=0-9", "If-Range": tag}, 206), ({"Range": "bytes=0-9", "If-Range": '"x"'}, 200),
        # Neither weak tags nor dates tell whether the bytes are the same.
        ({"Range": "bytes=0-9", "If-Range": "W/" + tag}, 200), ({"Range": "bytes=0-9", "If-Range": date}, 200),
        # A range of another version is not looked at.
        ({"Range": "bytes=999999999-", "If-Range": '"x"'}, 200), ({"Range": "bytes=a-b", "If-Range": '"x"'}, 200),
        ({"If-Range": '"x"'}, 200), ({"If-None-Match": '"x"', "Range": "bytes=0-9", "If-Range": tag}, 206),
    ]  # fmt: skip
    for headers, status in asked:
        for method in ("GET", "HEAD"):
            answer = service.get(path, headers=headers, method=method)
            assert answer.status_code == status, (headers, method)
            if status in (200, 206, 304):
                assert answer.headers["etag"] == tag
                assert answer.headers["cache-control"] == "no-cache"
            if method == "GET" and status in (200, 206):
                assert answer.content == (first.content if status == 200 else first.content[:10])
    for path in JSON:
        assert service.get(path, headers={"If-Modified-Since": later}).status_code == 200


def test_a_quad_stays_the_same_while_it_is_used(service: Running) -> None:
    path = f"mosaics/all/quads/{quads(service)[0]}/full"
    first = service.get(path)
    for _ in range(3):
        again = service.get(path)
        assert (again.headers["etag"], again.headers["last-modified"]) == (
            first.headers["etag"],
            first.headers["last-modified"],
        )
    part = service.get(path, headers={"Range": "bytes=5-", "If-Range": first.headers["etag"]})
    assert (part.status_code, part.content == first.content[5:]) == (206, True)
    assert service.get(path, headers={"If-None-Match": first.headers["etag"]}).status_code == 304


def test_the_second_origin_does_not_send_again(folder: Path) -> None:
    with served(folder, "--redirect", "signed") as service:
        lead = service.get(SCENE + "/full", headers={"If-None-Match": "*"})
        assert (lead.status_code, lead.headers["cache-control"]) == (302, "no-store")
        link = lead.headers["location"]
        first = requests.get(link, timeout=30)
        assert (first.status_code, first.headers["cache-control"]) == (200, "private, no-cache")
        for headers in (
            {"If-None-Match": first.headers["etag"]},
            {"If-Modified-Since": first.headers["last-modified"]},
            {"If-None-Match": first.headers["etag"], "Range": "bytes=0-9"},
        ):
            again = requests.get(link, headers=headers, timeout=30)
            assert (again.status_code, again.headers["etag"]) == (304, first.headers["etag"])
        refused = requests.get(link[:-3], headers={"If-None-Match": "*"}, timeout=30)
        assert (refused.status_code, refused.headers["cache-control"]) == (403, "no-store")


def test_pages_are_kept_by_browsers_and_asked_for_again(service: Running) -> None:
    for path in ("/", "/docs", "/openapi.json", "/static/start.js", "/static/swagger/swagger-ui.css"):
        first = requests.get(service.origin + path, timeout=30)
        assert (first.status_code, first.headers["cache-control"]) == (200, "no-cache"), path
        again = requests.get(service.origin + path, headers={"If-None-Match": first.headers["etag"]}, timeout=30)
        assert again.status_code == 304, path
        assert again.headers.get("content-security-policy") == first.headers.get("content-security-policy")


# ---- what stands in headers may be anything

ODD = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), database=None)
letters = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=40)
tags = st.lists(st.sampled_from(['"a"', 'W/"a"', '"b,c"', '"', "W/", ",", " ", "*", "a", '""']), max_size=8).map(
    "".join
)
codings = st.lists(
    st.sampled_from(["gzip", "identity", "*", ";q=", "0", "1", ".5", ",", " ", "br", "q", "="]), max_size=10
).map("".join)


@ODD
@given(
    st.one_of(letters, tags, codings),
    st.one_of(letters, codings),
    st.one_of(letters, st.just("Mon, 01 Jan 0001 00:00:00 GMT")),
)
def test_odd_headers_never_fail(service: Running, tag: str, accepted: str, date: str) -> None:
    given = {"If-None-Match": tag, "Accept-Encoding": accepted, "If-Modified-Since": date, "If-Range": tag}
    for path, more in ((SCENE, {}), (SCENE + "/full", {"Range": "bytes=0-9"}), (SCENE + "/full", {})):
        headers = {**given, **more}
        if path.endswith("full"):
            headers.pop("If-None-Match")
        answer = raw(service, path, {name: value.encode("latin-1").strip() for name, value in headers.items()})  # type: ignore[misc]
        assert answer.status in (200, 206, 304), (path, headers)
