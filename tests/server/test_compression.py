"""Long answers of JSON are compressed for clients that take it, and for no others."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any, Iterator, Optional

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from .conftest import Running, Serve, feature, write_features
from .test_conditional import ODD, PICTURES, SCENE, fill, quads, raw, served


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compression")
    fill(folder / "archive")
    return folder


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[Running]:
    with served(folder) as found:
        yield found


def varies(answer: Any) -> bool:
    """Return whether an answer depends on the Accept-Encoding it was asked with."""
    return "accept-encoding" in answer.headers.get("vary", "").lower().replace(" ", "").split(",")


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("many")
    scenes = [
        feature(
            f"S{n:04d}", f"2015-03-01T{n // 60:02d}:{n % 60:02d}:00Z", west=n / 10, sat={"id": f"{n % 7}", "alt": n}
        )
        for n in range(1000)
    ]
    write_features(folder / "archive" / "list.json", scenes)
    with served(folder) as found:
        yield found


def test_long_answers_are_compressed_for_who_takes_it(many: Running) -> None:
    path = "scenes/ortho/?count=1000"
    plain = raw(many, path, {})
    assert "content-encoding" not in plain.headers and varies(plain)
    assert len(plain.data) > 200_000
    taken = [
        "gzip", "GZIP", "x-gzip", "*", "gzip, deflate, br", "br;q=1.0, gzip;q=0.5", "gzip;q=0.001",
        "identity;q=0.5, gzip", "identity;q=0, *", "gzip ; q=0.8 , identity ; q=0.2", "deflate, gzip;q=1.0, *;q=0.5",
    ]  # fmt: skip
    for accepted in taken:
        answer = raw(many, path, {"Accept-Encoding": accepted})
        assert answer.headers["content-encoding"] == "gzip", accepted
        assert gzip.decompress(answer.data) == plain.data
        assert int(answer.headers["content-length"]) == len(answer.data) < len(plain.data) / 5
        assert varies(answer)
        assert answer.headers["etag"] == plain.headers["etag"]
    refused = ["", "identity", "br", "deflate", "gzip;q=0", "gzip;q=0.0, *", "*;q=0", "gzip;q=0.5, identity", "gzipx",
               "gzip;q=2", "gzip;q=x", ";q=1", ",,,", "identity;q=1, *;q=0", "gzip;level=9"]  # fmt: skip
    for accepted in refused:
        answer = raw(many, path, {"Accept-Encoding": accepted})
        assert "content-encoding" not in answer.headers, accepted
        assert answer.data == plain.data
        assert varies(answer)
    head = raw(many, path, {"Accept-Encoding": "gzip"}, "HEAD")
    assert (head.headers["content-encoding"], head.data) == ("gzip", b"")
    posted = requests.post(many.root + "scenes/ortho/", data={"count": 1000}, timeout=30)
    assert posted.headers["content-encoding"] == "gzip"
    assert posted.json()["features"] == json.loads(plain.data)["features"]
    # A client that has either form has it in both.
    known = raw(many, path, {"Accept-Encoding": "gzip", "If-None-Match": plain.headers["etag"]})
    assert (known.status, varies(known)) == (304, True)


def test_what_is_short_or_not_json_is_not_compressed(service: Running) -> None:
    headers = {"Accept-Encoding": "gzip"}
    short = raw(service, "scenes/", headers)
    assert ("content-encoding" not in short.headers, varies(short)) == (True, True)
    # Plain bytes are refused: then what is short is compressed, too.
    forced = raw(service, "scenes/", {"Accept-Encoding": "gzip, identity;q=0"})
    assert gzip.decompress(forced.data) == short.data
    quad = f"mosaics/all/quads/{quads(service)[0]}"
    for path in (*PICTURES, SCENE + "/full", quad + "/full"):
        answer = raw(service, path, {"Accept-Encoding": "gzip, *"})
        assert (answer.status, "content-encoding" in answer.headers) == (200, False), path
        assert not varies(answer)
    ranged = raw(service, SCENE + "/full", {"Accept-Encoding": "gzip", "Range": "bytes=0-99999"})
    assert (ranged.status, "content-encoding" in ranged.headers) == (206, False)


def test_faults_are_made_in_what_is_read_by_people(serve: Serve, folder: Path, tmp_path: Path) -> None:
    faults = tmp_path / "faults.yml"
    faults.write_text("[{path: /v0/scenes/ortho/, replace: {FeatureCollection: Anything}}]")
    service = serve(folder / "archive", "--faults", str(faults))
    for headers in ({"Accept-Encoding": "gzip"}, {"If-None-Match": "*"}, {"Accept-Encoding": "gzip, identity;q=0"}):
        answer = service.get("scenes/ortho/", headers=headers)
        assert (answer.status_code, answer.json()["type"], "etag" in answer.headers) == (200, "Anything", False)


def lists(text: str, name: str) -> Optional[float]:
    """Return the weight of a coding in a list whose parts are well formed."""
    for part in text.split(","):
        coding, _, weight = part.replace(" ", "").partition(";q=")
        if coding.lower() == name:
            return float(weight or 1)
    return None


@ODD
@given(
    st.lists(
        st.tuples(st.sampled_from(["gzip", "identity", "*", "br"]), st.sampled_from(["", ";q=0", ";q=0.4", ";q=1.0"])),
        max_size=4,
        unique_by=lambda pair: pair[0],
    )
)
def test_the_coding_is_one_that_is_taken(parts: Any) -> None:
    from planet_vector.server.api.compression import compress

    text = ", ".join(coding + weight for coding, weight in parts)
    _, said = compress(b"x" * 5000, Headers({"accept-encoding": text}))
    # RFC 9110, section 12.5.3
    others = lists(text, "*")
    ours = next((weight for weight in (lists(text, "gzip"), others) if weight is not None), 0.0)
    plain = next((weight for weight in (lists(text, "identity"), others) if weight is not None), None)
    if "Content-Encoding" in said:
        assert ours > 0 and (plain is None or ours >= plain)
    else:
        assert ours == 0 or (plain is not None and plain > ours)
