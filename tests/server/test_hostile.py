"""What nobody should send: each is answered 4xx, soon, and with nothing from outside the archive."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error

from .conftest import Running, Serve, feature, write_features, write_raster

SECRET = "this is not of the archive"


@pytest.fixture(scope="module")
def service(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Running:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "secret.tif").write_text(SECRET)
    (folder / "secret_visual.tif").write_text(SECRET)
    write_raster(folder / "archive" / "20150306_022415_0908_visual.tif", bands=3)
    write_features(folder / "archive" / "list.json", [feature("S1"), feature("S2")])
    (folder / "m.yml").write_text("- {name: all, level: 10}\n")
    return serve(folder / "archive", "--mosaics", str(folder / "m.yml"))


def raw(service: Running, target: bytes, headers: bytes = b"") -> bytes:
    """Send a request as it is written: libraries would clean its path."""
    place = urlsplit(service.root)
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=20) as connection:
        connection.sendall(
            b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + headers + b"\r\n"
        )
        found = b""
        while block := connection.recv(65536):
            found += block
    return found


@pytest.mark.parametrize(
    "path",
    [
        "../secret",
        "..%2Fsecret",
        "%2e%2e%2fsecret",
        "..%5Csecret",
        "....//secret",
        "/etc/passwd",
        "%2Fetc%2Fpasswd",
        "secret%00",
        "20150306_022415_0908%00",
        "20150306_022415_0908%0d%0aX: y",
        "%ff%fe",
        "%ed%a0%80",
        "a" * 5000,
        "file:%2F%2F%2Fetc%2Fpasswd",
        "%252e%252e%252fsecret",
        "~root",
        ".",
        "..",
        "%u002e",
    ],
)
@pytest.mark.parametrize(
    "after", ["", "/full", "/full?product=../../secret", "/full?product=visual%00", "/thumb", "/1/0/0.png"]
)
def test_path_tricks(service: Running, path: str, after: str) -> None:
    for prefix in (
        f"/v0/scenes/ortho/{path}{after}",
        f"/v0/scenes/{path}/S1{after}",
        f"/static/{path}",
        f"/v0/mosaics/all/quads/{path}{after}",
    ):
        answer = raw(service, prefix.replace(" ", "%20").encode())
        assert answer.split()[1][:1] in (b"4", b"3"), answer[:200]
        assert SECRET.encode() not in answer
        assert b"root:" not in answer
        assert b"\r\nX: y" not in answer


def test_another_scene_s_products_do_not_come_by_a_trick_of_the_name(service: Running) -> None:
    for product in ("../S1_visual", "visual/../../secret", "visual.tif", "VISUAL", "", "visual&product=other"):
        assert service.get(f"scenes/ortho/20150306_022415_0908/full?product={product}").status_code in (400, 404)


def test_a_link_set_after_indexing_leads_nowhere(serve: Serve, tmp_path: Path) -> None:
    outside = tmp_path / "outside.tif"
    write_raster(outside, bands=3)
    write_raster(tmp_path / "archive" / "x_visual.tif", bands=3)
    service = serve(tmp_path / "archive", "--rescan", "0")
    assert service.get("scenes/ortho/x/full").status_code == 200
    (tmp_path / "archive" / "x_visual.tif").unlink()
    (tmp_path / "archive" / "x_visual.tif").symlink_to(outside)
    assert service.get("scenes/ortho/x/full").status_code == 404
    assert service.get("scenes/ortho/x/thumb").status_code == 404


def timed(service: Running, **options: Any) -> requests.Response:
    start = time.monotonic()
    answer = requests.post(service.root + "scenes/ortho/", timeout=30, **options)
    assert time.monotonic() - start < 5
    return answer


def test_large_bodies_areas_and_depths(service: Running) -> None:
    ring = [[x / 1000, (x % 7) / 10] for x in range(50_001)] + [[0, 5], [0, 0]]
    polygon = {"type": "Polygon", "coordinates": [[[0, 0], *ring]]}
    assert timed(service, json={"intersects": polygon}).status_code == 400
    lines = "MULTIPOINT(" + ",".join(f"({x % 90} {x % 90})" for x in range(100_000)) + ")"
    answer = timed(service, data={"intersects": lines})
    assert answer.status_code == 400
    assert "simplify" in answer.json()["message"]
    assert timed(service, data=b"x" * 5_000_000).status_code == 413
    assert timed(service, data={"intersects": "1" * 6_000_000}).status_code == 413
    for deep in ("[" * 200_000, '{"a":' * 200_000, '{"intersects": ' + "[" * 100_000 + "]" * 100_000 + "}"):
        assert timed(service, data=deep, headers={"Content-Type": "application/json"}).status_code == 400
    nest: Any = {"type": "Point", "coordinates": [0, 0]}
    for _ in range(200):
        nest = {"type": "GeometryCollection", "geometries": [nest]}
    assert timed(service, json={"intersects": nest}).status_code == 400
    assert (
        timed(service, data={"intersects": "GEOMETRYCOLLECTION(" * 5000 + "POINT(0 0)" + ")" * 5000}).status_code == 400
    )
    assert (
        timed(
            service,
            data="&".join(f"a{n}=1" for n in range(5000)),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        ).status_code
        == 400
    )
    assert timed(service, data=b"\xff\xfe", headers={"Content-Type": "application/json"}).status_code == 400
    assert timed(service, files={"intersects": ("x", b"POINT(0 0)")}).status_code == 415


@pytest.mark.parametrize(
    "area",
    [
        "",
        " ",
        "POINT EMPTY",
        "POLYGON EMPTY",
        "POINT(nan nan)",
        "POINT(1e400 0)",
        "POINT(0 91)",
        "POINT(999 0)",
        "POINT(1)",
        "CIRCULARSTRING(0 0)",
        '{"type": "Point"}',
        '{"type": "Point", "coordinates": ["a", "b"]}',
        '{"type": "Point", "coordinates": [true, false]}',
        '{"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}',
        '{"type": "Polygon", "coordinates": 5}',
        '{"type": "Feature"}',
        '{"type": "Feature", "geometry": null}',
        '{"type": "FeatureCollection", "features": []}',
        '{"type": "FeatureCollection"}',
        "{}",
        '{"type": 5}',
        '{"type": "Point", "coordinates": [1e999, 0]}',
        '{"type": "Point", "coordinates": [' + "9" * 400 + ", 0]}",
        "kept:abc",
        "DROP TABLE scene",
    ],
)
def test_areas_that_are_none(service: Running, area: str) -> None:
    answer = service.get("scenes/ortho/", params={"intersects": area})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("intersects")


def test_areas_of_every_kind(service: Running) -> None:
    point = {"type": "Point", "coordinates": [10.1, 45.1]}
    bow = {"type": "Polygon", "coordinates": [[[10, 45], [10.2, 45.2], [10.2, 45], [10, 45.2], [10, 45]]]}
    for area in (
        point,
        bow,
        {"type": "Feature", "properties": {}, "geometry": point},
        {
            "type": "FeatureCollection",
            "features": [{"type": "Feature", "properties": {}, "geometry": g} for g in (point, bow)],
        },
        {"type": "GeometryCollection", "geometries": [point, bow]},
        {"type": "MultiPoint", "coordinates": [[0, 0], [10.1, 45.1]]},
        {"type": "MultiPolygon", "coordinates": [bow["coordinates"]]},
        {"type": "Point", "coordinates": [10.1, 45.1, 300]},
    ):
        assert service.json("scenes/ortho/", params={"intersects": json.dumps(area)})["count"] == 2
    for area in (
        "POINT(10.1 45.1)",
        "SRID=4326;POINT(10.1 45.1)",
        "MULTIPOLYGON(((10 45,11 45,11 46,10 45)))",
        "POINT Z (10.1 45.1 7)",
        "GEOMETRYCOLLECTION(POINT(10.1 45.1),LINESTRING(0 0,1 1))",
        "POINT(370.1 45.1)",
    ):
        assert service.json("scenes/ortho/", params={"intersects": area})["count"] == 2


def test_requests_that_are_none(service: Running) -> None:
    assert raw(service, b"/v0/scenes/ortho/?" + b"a" * 100_000).split()[1][:1] == b"4"
    assert raw(service, b"/v0/scenes/ortho/?acquired.gte=%ff").split()[1] == b"400"
    assert raw(service, b"/v0/scenes/ortho/?sat.id=%00").split()[1] == b"400"
    assert raw(service, b"/v0/scenes/", b"Authorization: Basic \xff\xff\r\n").split()[1] in (b"200", b"401")
    assert requests.delete(service.root + "scenes/ortho/", timeout=30).status_code == 405
    for query in (
        "file_size.gte=" + "9" * 300,
        "file_size=-" + "9" * 30,
        "acquired.gte=0001-01-01T00:00:00%2B14:00",
        "acquired.lt=9999-12-31T23:59:59-14:00",
        "count=" + "9" * 5000,
        "_page.acquired.lt=2015-01-01&_page.acquired.gt=2015-01-01",
        "_page.id=x",
    ):
        assert service.get(f"scenes/ortho/?{query}").status_code in (200, 400)


def test_schemathesis_finds_no_server_error(service: Running) -> None:
    schema = schemathesis.openapi.from_url(service.origin + "/openapi.json")
    operations = [operation.ok() for operation in schema.get_all_operations()]
    assert len(operations) >= 15
    for operation in operations:

        @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(case=operation.as_strategy())
        def check(case: Any) -> None:
            case.call_and_validate(base_url=service.origin, checks=[not_a_server_error], timeout=30)

        check()
    assert "Traceback" not in service.errors


def test_what_the_archive_is_called_is_in_no_answer(service: Running, tmp_path: Path) -> None:
    for path in (
        "scenes/ortho/",
        "scenes/ortho/none",
        "scenes/ortho/S1/full",
        "scenes/ortho/20150306_022415_0908/full?product=x",
    ):
        assert "hostile" not in service.get(path).text
