"""Pages of other origins: which of them may read answers, tried in a real browser."""

from __future__ import annotations

import functools
import http.server
import subprocess
import threading
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import pytest
import requests

from planet_vector.errors import ConfigError
from planet_vector.server.api.cors import Origins, allowed_origins

from ..browsing import CHROMIUM, chromium
from .conftest import ROOT, Running, Serve, feature, service_command, write_features, write_raster

KEY = "5ec2e75ec2e75ec2e75ec2e75ec2e7aa"
SCENE = "20150306_022415_0908"
KEYS: Dict[str, str] = {"PLANET_SERVE_KEY": KEY}
ASKING = {"Authorization": f"api-key {KEY}"}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    write_raster(folder / f"{SCENE}_visual.tif", bands=3)
    write_features(folder / "more.json", [feature("S1")])
    return folder


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tuple[int, Path]]:
    """Return the port of a server of pages of its own, and its page as a file."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "page.html").write_text("<!DOCTYPE html><link rel=icon href=data:,><title>A page</title>")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port, folder / "page.html"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Return a browser for which one other host leads to this machine, and no other anywhere."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    with chromium("MAP elsewhere.example 127.0.0.1") as running:
        yield running


Page = Callable[..., Any]


@pytest.fixture
def page(browser: Any, pages: Tuple[int, Path]) -> Iterator[Page]:
    """Return a function that opens the page at a host, or as a file."""
    contexts: List[Any] = []

    def call(host: Optional[str]) -> Any:
        contexts.append(browser.new_context())
        opened = contexts[-1].new_page()
        opened.goto(f"http://{host}:{pages[0]}/page.html" if host else pages[1].as_uri())
        return opened

    yield call
    for context in contexts:
        context.close()


FETCH = """async ([url, options]) => {
    try {
        const answer = await fetch(url, options);
        const body = await answer.arrayBuffer();
        return {status: answer.status, size: body.byteLength, headers: Object.fromEntries(answer.headers)};
    } catch (error) {
        return String(error);
    }
}"""
HIDDEN = "TypeError: Failed to fetch"  # what a page is told of an answer that it may not read


def fetched(page: Any, url: str, headers: Optional[Dict[str, str]] = None, **options: Any) -> Any:
    return page.evaluate(FETCH, [url, {"headers": headers or {}, **options}])


def status(answer: Any) -> Any:
    return answer if isinstance(answer, str) else answer["status"]


# ---- in a browser ----------------------------------------------------------------------------------------

FAULTS = """\
- {path: "*/busy", status: 503, headers: {Retry-After: "7"}}
- {path: "*/broken", status: 500}
"""


@pytest.mark.parametrize("host", ["127.0.0.1", "elsewhere.example", None])
def test_with_keys_any_page_reads_all_answers(
    serve: Serve, archive: Path, tmp_path: Path, page: Page, host: Optional[str]
) -> None:
    (tmp_path / "faults.yml").write_text(FAULTS)
    service = serve(archive, "--faults", str(tmp_path / "faults.yml"), environment=KEYS)
    opened, scenes = page(host), service.root + "scenes/ortho/"

    listed = fetched(opened, scenes, ASKING)
    assert (listed["status"], listed["size"]) == (200, len(service.get("scenes/ortho/", headers=ASKING).content))
    assert "server-timing" in listed["headers"]
    posted = fetched(opened, scenes, {**ASKING, "Content-Type": "application/json"}, method="POST", body="{}")
    assert posted["status"] == 200
    for address, headers, expected in (
        (scenes, {}, 401),
        (scenes, {"Authorization": "api-key wrong"}, 401),
        (service.root + "nothing", ASKING, 404),
        (scenes + "?count=0", ASKING, 400),
        (f"{scenes}{SCENE}/thumb?api_key={KEY}", {}, 200),
        (f"{scenes}{SCENE}/8/137/91.png", ASKING, 404),
        (scenes + "broken", ASKING, 500),
        (f"{scenes}?api_key={KEY}&intersects={'x' * 70_000}", {}, 431),
        (f"{scenes}?api_key={KEY}", {"If-None-Match": '"other"'}, 200),
    ):
        assert status(fetched(opened, address, headers)) == expected
    busy = fetched(opened, scenes + "busy", ASKING)
    assert (busy["status"], busy["headers"]["retry-after"]) == (503, "7")

    ranged = fetched(opened, f"{scenes}{SCENE}/full", {**ASKING, "Range": "bytes=2-11"})
    size = (archive / f"{SCENE}_visual.tif").stat().st_size
    assert (ranged["status"], ranged["size"]) == (206, 10)
    assert ranged["headers"]["content-range"] == f"bytes 2-11/{size}"
    assert {"etag", "accept-ranges", "content-disposition", "last-modified"} <= set(ranged["headers"])
    # What a browser knows of a person (cookies, passwords) is not taken.
    assert fetched(opened, scenes, ASKING, credentials="include") == HIDDEN


@pytest.mark.parametrize("host", ["elsewhere.example", None])
def test_a_range_is_read_through_a_redirect_to_the_second_origin(
    serve: Serve, archive: Path, page: Page, host: Optional[str]
) -> None:
    """The browser comes there with an origin of null, and without the key."""
    service = serve(archive, "--redirect", "signed", environment=KEYS)
    opened, product = page(host), f"{service.root}scenes/ortho/{SCENE}/full"
    size = (archive / f"{SCENE}_visual.tif").stat().st_size
    for span, start in (("bytes=2-11", 2), ("bytes=-10", size - 10)):  # the second needs a preflight there, too
        for address, headers in ((product, ASKING), (f"{product}?api_key={KEY}", {})):
            answer = fetched(opened, address, {**headers, "Range": span})
            assert (status(answer), answer["size"]) == (206, 10)
            assert answer["headers"]["content-range"] == f"bytes {start}-{start + 9}/{size}"
    assert status(fetched(opened, product, {**ASKING, "Range": f"bytes={size}-"})) == 416
    # Without a key, there is no way there.
    assert status(fetched(opened, product)) == 401


def test_without_keys_only_pages_of_this_machine_read_answers(serve: Serve, archive: Path, page: Page) -> None:
    service = serve(archive, "--redirect", "signed")
    scenes, product = service.root + "scenes/ortho/", f"{service.root}scenes/ortho/{SCENE}/full"
    for host in ("127.0.0.1", "localhost"):
        opened = page(host)
        assert status(fetched(opened, scenes)) == 200
        assert status(fetched(opened, scenes, {"If-None-Match": '"x"'})) == 200
        assert status(fetched(opened, product, {"Range": "bytes=-7"})) == 206
    for other in ("elsewhere.example", None):
        opened = page(other)
        for headers in ({}, {"Authorization": "api-key x"}):
            assert fetched(opened, scenes, headers) == HIDDEN
            assert fetched(opened, product, headers) == HIDDEN


def test_a_page_can_be_named(serve: Serve, archive: Path, page: Page, pages: Tuple[int, Path]) -> None:
    service = serve(archive, "--cors-origin", f"http://Elsewhere.example:{pages[0]}")
    assert status(fetched(page("elsewhere.example"), service.root + "scenes/", {"If-None-Match": '"x"'})) == 200
    assert fetched(page(None), service.root + "scenes/") == HIDDEN
    service = serve(archive, "--cors-origin", "*")
    assert status(fetched(page(None), service.root + "scenes/")) == 200


def test_too_many_requests_say_so_to_a_page(serve: Serve, archive: Path, page: Page) -> None:
    service = serve(archive, "--rate", "1", environment=KEYS)
    opened = page("elsewhere.example")
    answers = [fetched(opened, service.root + "scenes/", ASKING) for _ in range(6)]
    refused = [answer for answer in answers if answer["status"] == 429]
    assert refused and all(answer["headers"]["retry-after"] == "1" for answer in refused)


def test_a_picture_that_is_kept_can_be_read_later(serve: Serve, archive: Path, page: Page) -> None:
    """An `<img>` asks without an origin, and the browser keeps what it got for what asks with one."""
    service = serve(archive, environment=KEYS)
    address = f"{service.root}scenes/ortho/{SCENE}/thumb?api_key={KEY}"
    opened = page("elsewhere.example")
    shown = """url => new Promise((done, failed) => {
        const image = new Image();
        image.onload = () => done(image.naturalWidth);
        image.onerror = failed;
        image.src = url;
    })"""
    assert opened.evaluate(shown, address) > 0
    for cache in ("default", "force-cache"):
        assert status(fetched(opened, address, cache=cache)) == 200


# ---- headers ---------------------------------------------------------------------------------------------


def preflight(service: Running, origin: str, host: Optional[str] = None, path: str = "/v0/scenes/") -> Any:
    headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    headers["Access-Control-Request-Headers"] = "authorization"
    return requests.options(service.origin + path, headers={**headers, **({"Host": host} if host else {})}, timeout=30)


def test_a_preflight_needs_no_key_and_counts_for_an_hour(serve: Serve, archive: Path) -> None:
    service = serve(archive, environment=KEYS)
    for path in ("/v0/scenes/", "/v0/scenes/ortho", "/nothing", "/metrics"):
        answer = preflight(service, "https://maps.example", path=path)
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["access-control-max-age"] == "3600"
        allowed = {name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")}
        assert {"authorization", "content-type", "range", "if-none-match", "if-modified-since", "if-range"} <= allowed
        assert set(answer.headers["access-control-allow-methods"].split(", ")) == {"GET", "HEAD", "POST"}
        assert "access-control-allow-credentials" not in answer.headers
    # What only looks like one is any request of a method that is not there.
    for headers in ({"Origin": "https://maps.example"}, {"Access-Control-Request-Method": "GET"}):
        assert requests.options(service.root + "scenes/", headers=headers, timeout=30).status_code == 405


def test_a_page_that_may_not_is_told_how_it_could(serve: Serve, archive: Path) -> None:
    service = serve(archive)
    answer = preflight(service, "https://maps.example")
    assert answer.status_code == 403
    assert answer.json()["message"].endswith("start it with --cors-origin https://maps.example.")
    assert "--cors-origin" not in preflight(service, "null").json()["message"]
    for origin in ("https://maps.example", "null", "http://localhost.example", "x" * 5000):
        refused = preflight(service, origin)
        plain = service.get("scenes/", headers={"Origin": origin})
        assert (refused.status_code, plain.status_code) == (403, 200)
        for headers in (refused.headers, plain.headers):
            assert "access-control-allow-origin" not in headers
    # Caches know that answers differ by it, whoever asks.
    for headers in ({}, {"Origin": "http://localhost"}, {"Origin": "https://maps.example"}):
        assert "Origin" in service.get("scenes/", headers=headers).headers["vary"].split(", ")


def test_a_page_whose_own_name_leads_here_reads_nothing(serve: Serve, archive: Path) -> None:
    service = serve(archive, "--allow-host", "scenes.example", environment=KEYS)
    answer = preflight(service, "http://rebound.example", "rebound.example")
    assert answer.status_code == 421
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("allowed", "keys", "good", "bad"),
    [
        ((), True, ("https://maps.example", "null", "file://", ""), ()),
        (("*",), False, ("https://maps.example", "null"), ()),
        (
            (),
            False,
            ("http://localhost", "https://a.LOCALHOST:3000", "http://127.9.9.9:1", "http://[::1]:8080"),
            ("https://maps.example", "null", "", "file://", "http://localhost.example", "http://127.0.0.1.example",
             "http://x@localhost", "http://localhost/", "localhost", "ws://localhost", "http://localhost http://a"),
        ),
        (
            ("https://Maps.example:443", "capacitor://app"),
            True,
            ("https://maps.example", "capacitor://app", "http://localhost:1"),
            ("http://maps.example", "https://maps.example:8443", "https://www.maps.example", "null"),
        ),
    ],
)  # fmt: skip
def test_origins_follow_from_the_options(
    allowed: Tuple[str, ...], keys: bool, good: Tuple[str, ...], bad: Tuple[str, ...]
) -> None:
    origins = allowed_origins(allowed, keys)
    assert [origins.allows(origin) for origin in good] == [True] * len(good)
    assert [origins.allows(origin) for origin in bad] == [False] * len(bad)


@pytest.mark.parametrize("text", ["", "null", "maps.example", "https://", "https://maps.example/", "https://*.example"])
def test_what_is_no_origin_is_told(text: str) -> None:
    with pytest.raises(ConfigError, match="--cors-origin takes an origin such as"):
        Origins([text])


def test_origins_are_checked_before_anything_is_done(archive: Path, tmp_path: Path) -> None:
    command = service_command(archive, tmp_path / "i.sqlite")
    done = subprocess.run([*command, "--cors-origin", "null"], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert (done.returncode, done.stdout) == (1, "")
    assert "--cors-origin takes" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "i.sqlite").exists()
