"""Objects of S3 stores: signatures as botocore makes them, and reads from moto's server."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest

import planet_vector
from planet_vector.asset_access import AssetAccess
from planet_vector.catalog.stac import access as access_module
from planet_vector.catalog.stac.aws_settings import StoreKeys, store_settings
from planet_vector.catalog.stac.s3_addresses import address_of, place_of, signed
from planet_vector.connection_file import set_access
from planet_vector.errors import AuthError, ConfigError, PlanetVectorError
from tests.stac.conftest import Start, policies
from tests.stac.file_host import FileHost, hosting, query_of
from tests.stac.test_access import items_at, pixels, private_or_absent, tiff

rasterio = pytest.importorskip("rasterio")

SECRET = "s3cr3t/Key+0123456789"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": SECRET}


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize("token", ["", "session/Token+="])
@pytest.mark.parametrize("pays", [False, True])
@pytest.mark.parametrize("key", ["a/b.tif", "a b/ü+&=~_.tif", "tiles/10/S/DG/2015/12/7/0/B01.jp2"])
def test_signatures_are_those_of_botocore(token: str, pays: bool, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    botocore = pytest.importorskip("botocore.auth")
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    now = datetime(2024, 5, 17, 12, 30, 1, tzinfo=timezone.utc)
    place = place_of(f"s3://bucket/{key}")
    assert place is not None
    address = address_of(place, "", "eu-central-1")
    ours = signed(address, "eu-central-1", StoreKeys("AKID", SECRET, token), now, pays)
    monkeypatch.setattr(botocore, "get_current_datetime", lambda remove_tzinfo=True: now.replace(tzinfo=None))
    parameters = {"x-amz-request-payer": "requester"} if pays else {}
    request = AWSRequest("GET", address, params=parameters)
    credentials = Credentials("AKID", SECRET, token or None)
    botocore.S3SigV4QueryAuth(credentials, "s3", "eu-central-1", expires=3600).add_auth(request)
    assert query_of(ours) == query_of(request.url) and ours.partition("?")[0] == request.url.partition("?")[0]
    assert SECRET not in ours and "X-Amz-Signature" in query_of(ours)


@pytest.mark.parametrize("href", [
    "s3://b/x.tif", "s3://Bucket/x.tif", "s3://bucket", "s3://bucket/", "s3://bucket/a//b", "s3://bucket/../b",
    "s3://bucket/%2e%2e/b", "s3://bucket/a?versionId=1", "s3://u:p@bucket/a", "s3://bucket:80/a", "s3://a..b/x",
    "s3://bucket/a\nb", "http://bucket/a", "s3://[::1]/a",
])  # fmt: skip
def test_an_address_that_names_no_object_is_refused(href: str) -> None:
    assert place_of(href) is None


def test_addresses_of_buckets_and_stores() -> None:
    place, dotted = place_of("s3://bucket/a b.tif"), place_of("s3://my.bucket/a.tif")
    assert place is not None and dotted is not None
    assert address_of(place, "", "us-west-2") == "https://bucket.s3.us-west-2.amazonaws.com/a%20b.tif"
    assert address_of(place, "", "cn-north-1") == "https://bucket.s3.cn-north-1.amazonaws.com.cn/a%20b.tif"
    assert address_of(dotted, "", "us-west-2") == "https://s3.us-west-2.amazonaws.com/my.bucket/a.tif"
    assert address_of(place, "https://store.example", "x") == "https://store.example/bucket/a%20b.tif"


def test_keys_are_those_of_the_endpoint_that_they_were_set_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def settings(environment: Dict[str, str], **access: str) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            return store_settings(AssetAccess(**access))

    credentials = tmp_path / "credentials"
    keys = "[{0}]\naws_access_key_id={1}\naws_secret_access_key={2}\n"
    credentials.write_text(keys.format("default", "D", "d") + keys.format("cdse", "C", "c"))
    (tmp_path / "config").write_text("[profile cdse]\nregion=eu-1\n[profile login]\nsso_session=x\n")
    files = {"AWS_SHARED_CREDENTIALS_FILE": str(credentials), "AWS_CONFIG_FILE": str(tmp_path / "config")}
    assert settings(KEYS).keys == StoreKeys("AKIDEXAMPLE", SECRET) and settings(KEYS).endpoint == ""
    assert settings({**KEYS, "AWS_SESSION_TOKEN": "t"}).keys.token == "t"
    assert settings(files).keys == StoreKeys("D", "d")
    assert settings({**files, **KEYS}).keys.key_id == "AKIDEXAMPLE"
    assert settings({**files, "AWS_PROFILE": "cdse"}).keys.key_id == "C"
    store = {"s3_endpoint": "store.example", "s3_profile": "cdse"}
    found = settings({**files, **KEYS}, **store)
    assert (found.keys, found.endpoint, found.region) == (StoreKeys("C", "c"), "https://store.example", "eu-1")
    assert settings({**KEYS, "AWS_S3_ENDPOINT": "store.example"}, **store).keys.key_id == "AKIDEXAMPLE"
    assert settings({**KEYS, "AWS_ENDPOINT_URL": "https://store.example"}, **store).keys.key_id == "AKIDEXAMPLE"
    for environment in (KEYS, {**KEYS, "AWS_S3_ENDPOINT": "other.example"}, {**files, **KEYS}):
        with pytest.raises(ConfigError, match="no keys of the store https://store.example"):
            settings(environment, s3_endpoint="store.example")
    assert settings({"AWS_NO_SIGN_REQUEST": "YES"}).keys is None
    assert (
        settings({**KEYS, "AWS_S3_ENDPOINT": "127.0.0.1:5000", "AWS_HTTPS": "NO"}).endpoint == "http://127.0.0.1:5000"
    )
    with pytest.raises(ConfigError, match="has no keys but a login"):
        settings({**files, "AWS_PROFILE": "login"})
    with pytest.raises(ConfigError, match="There are no AWS keys"):
        settings({})
    assert SECRET not in repr(settings(KEYS))
    credentials.write_text("secret without a section")
    with pytest.raises(ConfigError, match="not an INI file") as caught:
        settings(files)
    assert "secret without" not in str(caught.value)


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """Return the address of moto's server with a bucket of two scenes."""
    server = pytest.importorskip("moto.server", reason="moto is not installed").ThreadedMotoServer("127.0.0.1", 0)
    boto3 = pytest.importorskip("boto3")
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    client = boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    client.create_bucket(Bucket="bucket")
    for number in range(2):
        client.put_object(Bucket="bucket", Key=f"deep/{number}.tif", Body=tiff(number))
    yield url
    server.stop()


def test_objects_of_a_store_are_read_combined_and_downloaded(
    moto: str, start_stac: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_S3_ENDPOINT", moto.partition("://")[2])
    monkeypatch.setenv("AWS_HTTPS", "NO")
    monkeypatch.setenv("AWS_VIRTUAL_HOSTING", "FALSE")
    server = start_stac(items_at(*(f"s3://bucket/deep/{number}.tif" for number in range(2))))
    with planet_vector.open("STAC:test/scenes/scenes-0/data") as dataset:
        assert (dataset.read(1) == pixels(0)).all()
    with planet_vector.mosaic("STAC:test/scenes", product="data") as mosaic:
        assert (mosaic.read(1, window=((0, 192), (192, 384))) == pixels(1)).all()
        mosaic.save_vrt(tmp_path / "mosaic.vrt")
    assert "/vsis3/bucket/deep/1.tif" in (tmp_path / "mosaic.vrt").read_text()
    name = planet_vector.resolve("STAC:test/scenes/scenes-0/data")
    assert name == "/vsis3/bucket/deep/0.tif"
    for each in (name, str(tmp_path / "mosaic.vrt")):
        with rasterio.open(each) as dataset:  # by GDAL itself, with the same settings
            assert (dataset.read(1, window=((0, 192), (0, 192))) == pixels(0)).all()
    (path,) = planet_vector.download("STAC:test/scenes/scenes-0", tmp_path, ["data"])
    assert path.read_bytes() == tiff(0)
    assert not any("Authorization" in headers for headers in server.headers)
    private_or_absent(SECRET, tmp_path, Path.home())
    private_or_absent("X-Amz-Signature", tmp_path)


def test_requests_are_paid_only_if_the_connection_says_so(start_stac: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)

    def pays(query: str, headers: Dict[str, str]) -> bool:
        return query_of(f"?{query}").get("x-amz-request-payer") == "requester"

    with hosting(FileHost({"/bucket/x.tif": tiff(0)}, pays)) as store:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", store.url)
        monkeypatch.setenv("AWS_REQUEST_PAYER", "requester")  # of GDAL: not for every connection
        start_stac(items_at("s3://bucket/x.tif"))
        with pytest.raises(AuthError, match="planet-vector connections access test --requester-pays") as caught:
            planet_vector.open("STAC:test/scenes/scenes-0/data")
        assert "s3://bucket/x.tif (403)" in str(caught.value) and SECRET not in str(caught.value)
        set_access("test", {"requester_pays": True})
        with planet_vector.open("STAC:test/scenes/scenes-0/data") as dataset:
            assert (dataset.read(1) == pixels(0)).all()
        assert all("X-Amz-Signature" in query for _, query, _ in store.seen)


def test_the_region_of_a_bucket_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    asked = []

    class Answering:
        def response_headers(self, url: str) -> Dict[str, str]:
            asked.append(url)
            return {"x-amz-bucket-region": "eu-central-1" if "good" in url else "evil.example/"}

    made: Any = policies()
    transport: Any = Answering()
    policy = made.of("s3://good-bucket/x.tif")
    for _ in range(2):
        address = policy.locate("s3://good-bucket/x.tif", transport)
        assert address.startswith("https://good-bucket.s3.eu-central-1.amazonaws.com/x.tif?X-Amz-Algorithm")
    assert policy.locate("s3://odd-bucket/x.tif", transport).startswith(
        "https://odd-bucket.s3.us-east-1.amazonaws.com/"
    )
    assert asked == ["https://good-bucket.s3.amazonaws.com/", "https://odd-bucket.s3.amazonaws.com/"]


def test_without_keys_the_error_says_what_to_set(start_stac: Start) -> None:
    start_stac(items_at("s3://bucket/x.tif"))
    with pytest.raises(PlanetVectorError, match="AWS_NO_SIGN_REQUEST=YES"):
        planet_vector.open("STAC:test/scenes/scenes-0/data")


def test_headers_of_any_response_are_returned() -> None:
    with hosting(FileHost(allows=lambda query, headers: False)) as store:
        made: Any = policies()
        transport = made.of("s3://bucket/x.tif") and access_module.Transport
        from planet_vector.config import Settings

        headers = transport(Settings(store.url + "/")).response_headers(store.url + "/x")
        assert headers["Content-Length"] and len(store.seen) == 1
