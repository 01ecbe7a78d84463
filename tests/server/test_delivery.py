"""Signed delivery from a second origin, and faults injected on the way."""

from __future__ import annotations

import json
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from .conftest import Running, Serve, feature, write_features, write_raster

ID = "20150306_022415_0908"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    write_raster(folder / f"{ID}_visual.tif", bands=3, size=200)
    write_features(folder / "more.json", [feature(f"S{n}", f"2015-03-0{n}T00:00:00Z") for n in range(1, 6)])
    return folder


@pytest.fixture(scope="module")
def service(serve: Serve, archive: Path) -> Running:
    return serve(archive, "--redirect", "signed", environment={"PLANET_SERVE_KEY": "xyz"})


def signed(service: Running) -> str:
    answer = service.get(f"scenes/ortho/{ID}/full", auth=("xyz", ""))
    assert answer.status_code == 302
    return answer.headers["location"]


def test_the_second_origin_delivers_to_who_brings_nothing_but_the_address(service: Running, archive: Path) -> None:
    link = signed(service)
    assert urlsplit(link).netloc != urlsplit(service.root).netloc
    assert "xyz" not in link
    content = (archive / f"{ID}_visual.tif").read_bytes()
    assert requests.get(link, timeout=30).content == content
    part = requests.get(link, headers={"Range": "bytes=5-14"}, timeout=30)
    assert (part.status_code, part.content) == (206, content[5:15])
    assert requests.head(link, timeout=30).status_code == 403
    assert requests.get(link, auth=("xyz", ""), timeout=30).status_code == 400
    assert requests.get(link + "&api_key=xyz", timeout=30).status_code == 400


def test_a_changed_address_is_not_signed(service: Running) -> None:
    link = signed(service)
    parts = urlsplit(link)
    forged = [
        link.replace(ID, "S1"),
        link.replace("Expires=", "Expires=9"),
        link[:-1] + ("0" if link[-1] != "0" else "1"),
        f"{parts.scheme}://{parts.netloc}{parts.path}",
        link.replace("visual", "../../x"),
        link.partition("&")[0],
    ]
    for address in forged:
        assert requests.get(address, timeout=30).status_code in (403, 404)
    assert requests.post(link, timeout=30).status_code == 403


def test_an_address_expires(serve: Serve, archive: Path) -> None:
    service = serve(archive, "--redirect", "signed", "--signature-life", "0.5")
    link = service.get(f"scenes/ortho/{ID}/full").headers["location"]
    assert requests.get(link, timeout=30).status_code == 200
    time.sleep(0.6)
    assert requests.get(link, timeout=30).status_code == 403


def faulty(serve: Serve, archive: Path, folder: Path, faults: str, *arguments: str) -> Running:
    file = folder / "faults.yml"
    file.write_text(faults)
    return serve(archive, "--faults", str(file), *arguments)


def test_faults_by_path_and_count(serve: Serve, archive: Path, tmp_path: Path) -> None:
    service = faulty(
        serve,
        archive,
        tmp_path,
        '- {path: /v0/scenes/ortho/, skip: 1, times: 2, status: 503, headers: {Retry-After: "7"}, body: "not now"}\n'
        "- {path: '*/S1', method: GET, status: 418}\n",
    )
    answers = [service.get("scenes/ortho/") for _ in range(4)]
    assert [a.status_code for a in answers] == [200, 503, 503, 200]
    assert (answers[1].headers["retry-after"], answers[1].text) == ("7", "not now")
    assert [service.get("scenes/ortho/S1", method=m).status_code for m in ("GET", "HEAD", "GET")] == [418, 200, 418]
    (tmp_path / "faults.yml").write_text("[{times: no}]")
    refused = service.get("scenes/ortho/S1")
    assert (refused.status_code, "times must be a number of requests" in refused.json()["message"]) == (500, True)
    (tmp_path / "faults.yml").write_text("[]")
    assert service.get("scenes/ortho/S1").status_code == 200


def test_faults_of_the_wire(serve: Serve, archive: Path, tmp_path: Path) -> None:
    service = faulty(
        serve,
        archive,
        tmp_path,
        "- {path: '*/S1', reset: true}\n- {path: '*/S2', delay: 0.3}\n- {path: '*/full', times: 1, truncate: 1000}\n"
        "- {path: '*/full', times: 1, drop: [Content-Length]}\n- {path: '*/thumb', replace: {PNG: GIF}}\n",
    )
    with pytest.raises(requests.ConnectionError):
        service.get("scenes/ortho/S1")
    start = time.monotonic()
    assert service.get("scenes/ortho/S2").status_code == 200
    assert time.monotonic() - start >= 0.3
    size = (archive / f"{ID}_visual.tif").stat().st_size
    answer = requests.get(service.root + f"scenes/ortho/{ID}/full", stream=True, timeout=30)
    assert int(answer.headers["content-length"]) == size
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="1000 bytes read"):
        answer.content  # noqa: B018
    answer = service.get(f"scenes/ortho/{ID}/full")
    assert "content-length" not in answer.headers
    assert len(answer.content) == size
    assert service.get(f"scenes/ortho/{ID}/thumb").content[1:4] == b"GIF"


def test_faults_of_lists(serve: Serve, archive: Path, tmp_path: Path) -> None:
    service = faulty(
        serve,
        archive,
        tmp_path,
        "- {path: /v0/scenes/ortho/, times: 1, corrupt: true}\n- {path: /v0/scenes/ortho/, loop: true}\n"
        "- {path: /data/v1/quick-search, loop: true}\n- {path: /stac/search, loop: true}\n",
    )
    corrupt = service.get("scenes/ortho/")
    assert corrupt.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        corrupt.json()
    page = service.json("scenes/ortho/?count=2")
    assert page["links"]["next"] == page["links"]["self"]
    host, search = (
        service.root.replace("/v0/", "/"),
        {"item_types": ["ortho"], "filter": {"type": "AndFilter", "config": []}},
    )
    page = requests.post(f"{host}data/v1/quick-search", json=search, timeout=30).json()
    assert page["_links"]["_next"] == page["_links"]["_self"]
    links = {link["rel"]: link["href"] for link in requests.get(f"{host}stac/search", timeout=30).json()["links"]}
    assert links["next"] == links["self"]


def test_latency_and_rate(serve: Serve, archive: Path) -> None:
    service = serve(archive, "--latency", "200", "--rate", "5")
    start = time.monotonic()
    assert service.get("scenes/").status_code == 200
    assert time.monotonic() - start >= 0.2
    session = requests.Session()
    slow = serve(archive, "--rate", "5")
    answers = [session.get(slow.root + "scenes/", timeout=30) for _ in range(12)]
    assert [a.status_code for a in answers[:5]] == [200] * 5
    refused = [a for a in answers if a.status_code == 429]
    assert refused
    assert refused[0].headers["retry-after"] == "1"
    assert "5 requests a second" in refused[0].json()["message"]
    time.sleep(1)
    assert session.get(slow.root + "scenes/", timeout=30).status_code == 200
