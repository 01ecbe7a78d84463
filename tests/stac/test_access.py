"""Access to files of assets: tokens, bearers, stores, alternate locations; each host records what it was sent."""

from __future__ import annotations

import json
import logging
import os
import stat
import time
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple
from urllib.parse import urlsplit

import pytest
import requests

import planet_vector
from planet_vector.asset_access import AssetAccess, is_bearer_host
from planet_vector.catalog.stac import access
from planet_vector.catalog.stac.blob_tokens import BlobTokens
from planet_vector.connection_file import set_access
from planet_vector.connections import BUILT_IN
from planet_vector.errors import ConfigError, PlanetVectorError, ProtocolError, ServiceError
from planet_vector.keys import Key, lend_key, withdraw_key
from planet_vector.roots import is_api_origin
from tests.stac.conftest import Start, policies
from tests.stac.file_host import FileHost, TokenService, hosting
from tests.stac_server import Item, StacServer, make_items

rasterio = pytest.importorskip("rasterio")
np = pytest.importorskip("numpy")

Host = Callable[[FileHost], FileHost]
SIDE = 192  # pixels; a file is larger than the part that is read when it is opened
KEY = "s3cr3tbearer0123456789"


@pytest.fixture
def host() -> Iterator[Host]:
    with ExitStack() as stack:
        yield lambda made: stack.enter_context(hosting(made))


def pixels(number: int) -> Any:
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    return (number * 1000 + rows * 7 % 900 + columns % 90 + 1).astype("uint16")


def tiff(number: int, driver: str = "GTiff", **options: Any) -> bytes:
    """Return a file of a square of a hundredth of a degree; numbers count from west to east, ten in a row."""
    west, north = 10 + number % 10 * 0.01, 50 - number // 10 * 0.01
    profile = {
        "driver": driver, "width": SIDE, "height": SIDE, "count": 1, "dtype": "uint16", "crs": "EPSG:4326",
        "transform": rasterio.transform.from_origin(west, north, 0.01 / SIDE, 0.01 / SIDE), "nodata": 0, **options,
    }  # fmt: skip
    with rasterio.MemoryFile() as memory:
        with memory.open(**profile) as dataset:
            dataset.write(pixels(number), 1)
        return bytes(memory.read())


def items_at(*hrefs: str, **asset: Any) -> List[Item]:
    items = make_items(len(hrefs))
    for number, (item, href) in enumerate(zip(items, hrefs)):
        west, north = 10 + number % 10 * 0.01, 50 - number // 10 * 0.01
        ring = [[west, north - 0.01], [west + 0.01, north - 0.01], [west + 0.01, north], [west, north]]
        item["geometry"] = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
        item["bbox"] = [west, north - 0.01, west + 0.01, north]
        item["assets"] = {"data": {"href": href, "type": "image/tiff", "roles": ["data"], **asset}}
    return items


def private_or_absent(text: str, *places: Path) -> None:
    """Check that no file in some folders, which others can read, contains a text, and that no name does."""
    for place in places:
        for folder, _, names in os.walk(place):
            for name in names:
                path = Path(folder, name)
                assert text not in str(path)
                if path.is_file() and text.encode() in path.read_bytes():
                    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
                    assert stat.S_IMODE(path.parent.stat().st_mode) & 0o077 == 0, path


# ---- tokens of blobs ---------------------------------------------------------------------------------------


@pytest.fixture
def blobs(host: Host, start_stac: Start) -> Callable[..., Tuple[TokenService, FileHost, StacServer]]:
    def start(count: int, life: float = 3600.0) -> Tuple[TokenService, FileHost, StacServer]:
        tokens = TokenService(life=life)
        host(tokens)
        store = FileHost({f"/images/{number}.tif": tiff(number) for number in range(count)}, tokens.accepts)
        host(store)
        server = start_stac(items_at(*(f"{store.url}/images/{number}.tif" for number in range(count))))
        set_access("test", {"token_url": f"{tokens.url}/sas/{{account}}/{{container}}", "signed_hosts": [store.url]})
        return tokens, store, server

    return start


def test_a_mosaic_of_fifty_scenes_is_read_past_the_expiry_of_its_tokens(
    blobs: Any, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    tokens, store, server = blobs(50, life=0.6)
    with planet_vector.mosaic("STAC:test/scenes", product="data", top="oldest") as mosaic:
        assert mosaic.shape == (5 * SIDE, 10 * SIDE)
        told = repr(mosaic) + mosaic.name + str(mosaic.files) + str(mosaic.tags())
        for row in range(5):
            if row in (1, 2, 4):
                time.sleep(0.65)
            read = mosaic.read(1, window=((row * SIDE, (row + 1) * SIDE), (0, 10 * SIDE)))
            assert (read == np.hstack([pixels(row * 10 + column) for column in range(10)])).all()
        with pytest.raises(PlanetVectorError, match="no name for other programs"):
            mosaic.save_vrt(tmp_path / "mosaic.vrt")
    assert len(tokens.seen) >= 4, "three renewals"
    assert {path for path, _, _ in tokens.seen} == {"/sas/127/images"}
    assert len(store.seen) >= 100 and all(query in tokens.tokens for _, query, _ in store.seen)
    assert not any("Authorization" in headers for _, _, headers in store.seen)
    assert "sig=" not in json.dumps([server.seen, server.headers])
    assert "s3cr3t" not in told + caplog.text
    private_or_absent("s3cr3t", tmp_path, Path.home())


def test_a_token_that_the_store_refuses_is_replaced(blobs: Any) -> None:
    tokens, store, _ = blobs(1)
    with planet_vector.open("STAC:test/scenes/scenes-0/data") as dataset:
        tokens.tokens.clear()
        assert (dataset.read(1) == pixels(0)).all()
        assert len(tokens.seen) == 2
        tokens.accepts = store.allows = lambda query, headers: False  # type: ignore[assignment]
    with pytest.raises(PlanetVectorError, match="403") as caught:
        planet_vector.open("STAC:test/scenes/scenes-0/data")
    assert "s3cr3t" not in f"{caught.value!r} {caught.value}"
    assert len(tokens.seen) <= 4, "asked for once more by each who may, and not again and again"


def test_names_and_files_for_other_programs_show_no_token(blobs: Any, tmp_path: Path) -> None:
    tokens, store, _ = blobs(1)
    name = planet_vector.resolve("STAC:test/scenes/scenes-0/data")
    assert "s3cr3t" not in name
    with rasterio.open(name) as dataset:
        assert (dataset.read(1) == pixels(0)).all()
    private_or_absent("s3cr3t", Path(name).parent, Path.home())
    layer = planet_vector.open_layer("STAC:test/scenes")
    rows = [row for block in layer.blocks() for row in zip(*block.columns)]
    assert "s3cr3t" not in str(rows)
    (path,) = planet_vector.download("STAC:test/scenes", tmp_path, ["data"])
    assert path.read_bytes() == store.files["/images/0.tif"]
    private_or_absent("s3cr3t", tmp_path)


def test_tokens_go_to_the_hosts_of_the_connection_alone(host: Host, blobs: Any) -> None:
    tokens, store, server = blobs(1)
    other = host(FileHost({"/images/0.tif": tiff(0)}))
    server.items[0]["assets"]["elsewhere"] = {"href": f"{other.url}/images/0.tif"}
    store.moved["/images/moved.tif"] = f"{other.url}/images/0.tif"
    server.items[0]["assets"]["moved"] = {"href": f"{store.url}/images/moved.tif"}
    for asset in ("data", "moved", "elsewhere"):
        with planet_vector.open(f"STAC:test/scenes/scenes-0/{asset}") as dataset:
            assert (dataset.read(1) == pixels(0)).all()
    assert other.seen and {query for _, query, _ in other.seen} == {""}
    assert not any("Authorization" in headers for _, _, headers in (*other.seen, *store.seen))


@pytest.mark.parametrize(
    "answer", [[], {}, {"token": 3}, {"token": ""}, {"token": "a b"}, {"token": "a\r\nX: y"}, {"token": "a#b"}]
)
def test_what_is_not_a_token_is_not_sent(blobs: Any, answer: Any) -> None:
    tokens, store, _ = blobs(1)
    tokens.broken = answer
    with pytest.raises(ProtocolError, match="not a token"):
        planet_vector.open("STAC:test/scenes/scenes-0/data")
    assert not store.seen


def test_tokens_are_kept_by_container_and_replaced_in_addresses() -> None:
    asked: List[str] = []

    def fetch(address: str) -> object:
        asked.append(address)
        return {"token": f"se=2999&sig=n{len(asked)}", "msft:expiry": ends}

    ends = "2999-01-01T00:00:00Z"
    tokens = BlobTokens("https://tokens.example/{account}/{container}", fetch)
    first = tokens.sign("https://one.blob.example/images/a.tif")
    assert first == "https://one.blob.example/images/a.tif?se=2999&sig=n1" == tokens.sign(first)
    assert tokens.sign("https://one.blob.example/images/b.tif?v=1&w=2").endswith("b.tif?v=1&w=2&se=2999&sig=n1")
    assert tokens.sign("https://two.blob.example/images/a.tif").endswith("?se=2999&sig=n2")
    assert tokens.sign("https://one.blob.example/others/a.tif").endswith("?se=2999&sig=n3")
    signed = "https://one.blob.example/images/a.tif?se=1&sig=foreign"
    assert tokens.sign(signed) == signed
    assert tokens.forget(first) and not tokens.forget(signed)
    assert tokens.sign(first).endswith("a.tif?se=2999&sig=n4")
    assert tokens.forget(first), "an older one may be replaced by the present one"
    assert tokens.sign(first).endswith("a.tif?se=2999&sig=n4")
    parts = ("one/images", "two/images", "one/others", "one/images")
    assert asked == [f"https://tokens.example/{each}" for each in parts]
    for odd in ("2001-01-01T00:00:00Z", "soon", None):  # a wrong clock, or no time: the store decides
        ends = odd  # type: ignore[assignment]
        fresh = BlobTokens("https://tokens.example/{account}/{container}", fetch)
        assert fresh.sign("https://one.blob.example/images/a.tif") == fresh.sign(
            "https://one.blob.example/images/a.tif"
        )


@pytest.mark.parametrize(
    "address",
    [
        "https://account.evil.example\\.blob.core.windows.net/c/x.tif",
        "https://account.evil.example\\@a.blob.core.windows.net/c/x.tif",
        "https://account.evil.example\\/.blob.core.windows.net/c/x.tif",
    ],
)
def test_no_address_that_requests_sends_elsewhere_is_signed(address: str) -> None:
    """urllib3 ends the host at the backslash, and urllib does not."""
    assert "account.evil.example" == urlsplit(requests.Request("GET", address).prepare().url or "").hostname

    class Client:
        def get_json(self, url: str) -> None:
            raise AssertionError(url)

    settings = AssetAccess(
        token_url="https://tokens.example/{account}/{container}",
        bearer_hosts=("a.blob.core.windows.net",),
    )
    policy = access.AssetPolicies(settings, Client(), "any").of(address)  # type: ignore[arg-type]
    assert not isinstance(policy, access.SignedBlobs)
    assert not is_bearer_host(address, settings) and not is_api_origin(address, "https://a.blob.core.windows.net/")


def test_a_long_query_of_a_service_takes_no_time() -> None:
    tokens = BlobTokens("https://tokens.example/{account}/{container}", lambda address: {"token": "sv=1&sig=abc"})
    address = "https://a.blob.core.windows.net/c/x.tif?" + "a&" * 40_000 + "b=1"
    start = time.monotonic()
    signed = tokens.sign(address)
    assert signed == f"{address}&sv=1&sig=abc" and tokens.sign(signed) == signed and tokens.forget(signed)
    assert time.monotonic() - start < 5  # trying each place of it took a minute


def test_a_token_is_renewed_before_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: List[str] = []

    def fetch(address: str) -> object:
        asked.append(address)
        ends = datetime.now(timezone.utc) + timedelta(seconds=1000)
        return {"token": f"sig=n{len(asked)}", "msft:expiry": ends.isoformat()}

    tokens, start = BlobTokens("https://tokens.example/{account}/{container}", fetch), time.monotonic()
    href = "https://one.blob.example/images/a.tif"
    for after, number in ((0, 1), (900, 1), (945, 2), (1800, 2), (1895, 3)):
        monkeypatch.setattr(time, "monotonic", lambda after=after: start + after)
        assert tokens.sign(href) == f"{href}?sig=n{number}", after


def test_the_built_in_connection_signs_blobs_as_the_planetary_computer_documents() -> None:
    asked: List[str] = []

    class Answering:
        def get_json(self, address: str) -> Any:
            asked.append(address)
            return type("Response", (), {"body": {"token": "sig=x", "msft:expiry": "2999-01-01T00:00:00Z"}})

    transport: Any = Answering()
    made = access.AssetPolicies(BUILT_IN["planetary-computer"].access, transport)
    href = "https://naipeuwest.blob.core.windows.net/naip/v002/x.tif"
    policy = made.of(href)
    assert policy is not None and policy.locate(href, transport) == f"{href}?sig=x" and not made.refusal(href, "")
    assert asked == ["https://planetarycomputer.microsoft.com/api/sas/v1/token/naipeuwest/naip"]
    assert policy.gdal_name(href) == (
        "/vsicurl?pc_url_signing=yes&url=https%3A%2F%2Fnaipeuwest.blob.core.windows.net%2Fnaip%2Fv002%2Fx.tif"
    )
    for other in (href.replace("https", "http"), "https://blob.core.windows.net.example/naip/x.tif"):
        open_web = made.of(other)
        assert open_web is not None and open_web.locate(other, transport) == other


# ---- bearers -----------------------------------------------------------------------------------------------


def _needs_key(query: str, headers: Dict[str, str]) -> bool:
    return headers.get("Authorization") == f"Bearer {KEY}"


def test_a_bearer_goes_to_named_hosts_alone(host: Host, start_stac: Start, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    content = tiff(0)
    other = host(FileHost({"/0.tif": content}))
    named = host(FileHost({"/0.tif": content}, _needs_key, {"/moved.tif": f"{other.url}/0.tif?Signature=x"}))
    unnamed = host(FileHost({"/0.tif": content}, _needs_key))
    hrefs = {"named": f"{named.url}/0.tif", "moved": f"{named.url}/moved.tif", "unnamed": f"{unnamed.url}/0.tif"}
    items = items_at(hrefs["named"])
    items[0]["assets"].update({name: {"href": href, "type": "image/tiff"} for name, href in hrefs.items()})
    server = start_stac(items)
    set_access("test", {"bearer_hosts": [named.url]})
    lend_key(server.url, Key(KEY))
    try:
        for asset in ("named", "moved"):
            name = f"STAC:test/scenes/scenes-0/{asset}"
            with planet_vector.open(name) as dataset:
                assert (dataset.read(1) == pixels(0)).all()
                assert KEY not in repr(dataset) + dataset.name
            resolved = planet_vector.resolve(name)
            assert KEY not in resolved
            with rasterio.open(resolved) as dataset:
                assert (dataset.read(1) == pixels(0)).all()
        with pytest.raises(ServiceError, match="403"):
            planet_vector.open("STAC:test/scenes/scenes-0/unnamed")
    finally:
        withdraw_key(server.url)
    assert named.seen and other.seen and unnamed.seen
    assert not any("Authorization" in headers for _, _, headers in (*other.seen, *unnamed.seen))
    assert KEY not in caplog.text
    private_or_absent(KEY, Path.home())


@pytest.mark.parametrize("url, allowed", [
    ("https://data.example/x", True), ("https://data.example:443/x", True), ("https://DATA.example/x", True),
    ("http://data.example/x", False), ("https://data.example:8443/x", False), ("https://data.example.evil/x", False),
    ("https://evil/data.example", False), ("https://data.example@evil/x", False), ("https://other.example:81/", True),
    ("https://x.data.example/", False), ("data.example", False),
])  # fmt: skip
def test_a_host_is_named_by_its_whole_origin(url: str, allowed: bool) -> None:
    from planet_vector.asset_access import AssetAccess, is_bearer_host

    assert is_bearer_host(url, AssetAccess(bearer_hosts=("data.example", "other.example:81"))) is allowed


# ---- alternate locations -----------------------------------------------------------------------------------


def test_preferred_locations_come_first_and_others_where_the_main_one_is_refused() -> None:
    def chosen(href: str, alternate: Any, **settings: Any) -> Tuple[str, str]:
        return policies(**settings).chosen({"type": "image/tiff", "alternate": alternate}, href)

    web, store = "https://x/x.tif", "s3://bucket/x.tif"
    assert chosen(web, {"s3": {"href": store}}) == (web, "")
    assert chosen(web, {"s3": {"href": store}}, alternates=["s3"]) == (store, "")
    assert chosen(web, {"s3": {"href": "s3://B/x.tif"}}, alternates=["s3"]) == (web, "")
    assert chosen("az://x/x.tif", {"s3": {"href": store}}) == (store, "")
    for odd in ({}, [], None, {"s3": 3}, {"s3": {"href": 3}}, {"s3": {"href": "file:///etc/passwd"}}):
        href, refusal = chosen("az://x/x.tif", odd, alternates=["s3"])
        assert href == "az://x/x.tif" and "az://" in refusal


# ---- the settings ------------------------------------------------------------------------------------------


def test_settings_of_access_are_checked_and_kept(call: Callable[..., Any]) -> None:
    set_access("landsatlook", {"requester_pays": True})
    assert planet_vector.connect("landsatlook").settings.access.requester_pays
    assert planet_vector.connect("landsatlook").settings.access.alternates == ("s3",)
    set_access("landsatlook", {}, reset=True)
    assert not planet_vector.connect("landsatlook").settings.access.requester_pays
    for wrong in (
        {"bearer_hosts": "https://x/path"}, {"bearer_hosts": [3]}, {"bearer_hosts": ["user@x"]}, {"token_url": "x"},
        {"token_url": "https://{account}.example/"}, {"s3_endpoint": "x/y"}, {"requester_pays": "yes"},
        {"s3_profile": "a\nb"}, {"alternates": [""]}, {"jpeg2000": 1},
    ):  # fmt: skip
        with pytest.raises(ConfigError, match="it takes"):
            set_access("landsatlook", wrong)
    with pytest.raises(ConfigError, match="no connection 'nope'"):
        set_access("nope", {})
    done = call("connections", "access", "landsatlook", "--requester-pays", "--bearer-host", "a.example")
    assert "requester-pays  yes" in done.stdout and "bearer-hosts    a.example" in done.stdout
    assert call("connections", "access", "landsatlook").stdout == done.stdout
