"""Clients that send half of a request, nothing, or what can be read in two ways, and clients that take no answer."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, Iterator, List, Tuple
from urllib.parse import urlsplit

import anyio
import pytest
import requests

from planet_vector.server.http_connections import HttpConnection

from .conftest import ROOT, Running, Serve, running, write_raster

SCENE = "20150306_022415_0908"
HALF = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Half: "
HALF_BODY = (
    b"POST /v0/scenes/ortho/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 7\r\n\r\ncount="
)
WHOLE = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
DOWNLOAD = f"GET /v0/scenes/ortho/{SCENE}/full HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()

# The same service with seconds instead of minutes.
IMPATIENT = """
import sys
from planet_vector.server import http_connections as connections
connections.HEAD_SECONDS, connections.IDLE_SECONDS, connections.STALL_SECONDS = 2.0, 4, 3.0
from planet_vector.cli import main
main(sys.argv[1:])
"""

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of open files")


def with_files(limit: int) -> Tuple[str, ...]:
    """Return the program, run with a hard limit of open files."""
    return ("sh", "-c", f'ulimit -n {limit} && exec "$0" "$@"', sys.executable, "-m", "planet_vector.cli")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    # More than the system's own buffers hold for a connection.
    write_raster(folder / f"{SCENE}_visual.tif", bands=3, size=2500)
    return folder


@pytest.fixture(scope="module")
def product(archive: Path) -> bytes:
    return (archive / f"{SCENE}_visual.tif").read_bytes()


@pytest.fixture(scope="module")
def service(serve: Serve, archive: Path) -> Running:
    return serve(archive)


@pytest.fixture(scope="module")
def impatient(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    cache = tmp_path_factory.mktemp("cache")
    with running(archive, cache, program=(sys.executable, "-c", IMPATIENT)) as service:
        yield service


Connect = Callable[..., socket.socket]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Return what connects to a service, and sends it something; it hangs up at the end of the test."""
    with contextlib.ExitStack() as stack:

        def call(service: Running, sent: bytes = b"", buffer: int = 0) -> socket.socket:
            place = urlsplit(service.root)
            client = stack.enter_context(socket.socket())
            if buffer:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            client.settimeout(30)
            client.connect((place.hostname, place.port))
            client.sendall(sent)
            return client

        yield call


def rest(client: socket.socket) -> bytes:
    """Return all that comes until the service closes the connection."""
    found = b""
    while True:
        with contextlib.suppress(ConnectionResetError):
            piece = client.recv(2**20)
            found += piece
            if piece:
                continue
        return found


def until_it_ends(client: socket.socket, dripped: bytes = b"", every: float = 0.5, most: float = 30.0) -> float:
    """Return the seconds until the service closes a connection, while something is sent now and then."""
    start = time.monotonic()
    client.settimeout(every)
    while time.monotonic() - start < most:
        try:
            if not client.recv(2**16):
                return time.monotonic() - start
        except socket.timeout:
            with contextlib.suppress(OSError):
                client.sendall(dripped)
        except ConnectionError:
            return time.monotonic() - start
    raise AssertionError(f"the connection is open after {most:g} s")


def statuses(answer: bytes) -> List[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3})", answer)]


# ---- as many connections as there are files --------------------------------------------------------------


@posix
@pytest.mark.parametrize(("begun", "ended"), [(HALF, b"whole\r\n\r\n"), (HALF_BODY, b"1")], ids=["head", "body"])
@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.long)])
def test_half_requests_take_no_room_from_whole_ones(
    archive: Path, tmp_path: Path, connect: Connect, workers: int, begun: bytes, ended: bytes
) -> None:
    with running(archive, tmp_path, "--workers", str(workers), program=with_files(300)) as service:
        halves = [connect(service, begun) for _ in range(600)]
        for _ in range(10):
            assert requests.get(service.origin + "/healthz", timeout=10).status_code == 200
        assert requests.get(f"{service.root}scenes/ortho/{SCENE}/thumb", timeout=30).status_code == 200
        # Those that came last have their place still.
        halves[-1].sendall(ended)
        assert halves[-1].recv(100).startswith(b"HTTP/1.1 200 OK\r\n")
        assert service.errors == ""


@posix
def test_an_answer_under_way_is_not_cut_off_to_make_room(
    archive: Path, tmp_path: Path, connect: Connect, product: bytes
) -> None:
    with running(archive, tmp_path, "--redirect", "signed", program=with_files(400)) as service:
        link = service.get(f"scenes/ortho/{SCENE}/full").headers["location"]
        with requests.get(link, stream=True, timeout=30) as answer:
            pieces = answer.iter_content(2**16)
            found = next(pieces)
            kept = [connect(service, WHOLE) for _ in range(300)]
            assert requests.get(service.origin + "/healthz", timeout=10).status_code == 200
            assert found + b"".join(pieces) == product
        # The first of those that keep a connection made room, and nothing was lost on the way there.
        assert statuses(rest(kept[0])) == [200]
        assert service.errors == ""


@posix
def test_where_all_connections_are_answered_more_are_refused(archive: Path, tmp_path: Path, connect: Connect) -> None:
    with running(archive, tmp_path, program=with_files(260)) as service:  # 30 connections
        busy = [connect(service, DOWNLOAD, buffer=4096) for _ in range(30)]
        assert all(client.recv(15) == b"HTTP/1.1 200 OK" for client in busy)
        refusal = rest(connect(service))
        assert statuses(refusal) == [503] and b"retry-after: 10\r\n" in refusal.lower()
        assert "too many connections" in json.loads(refusal.partition(b"\r\n\r\n")[2])["message"]
        busy[0].close()
        end = time.monotonic() + 20
        while statuses(connect(service, WHOLE).recv(20)) != [200]:
            assert time.monotonic() < end
            time.sleep(0.1)


@posix
def test_too_few_files_are_told_before_anything_is_done(archive: Path, tmp_path: Path) -> None:
    command = [*with_files(150), "serve", str(archive), "--port", "0", "--index", str(tmp_path / "i.sqlite")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert (done.returncode, done.stdout) == (1, "")
    assert "may open 150 files" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "i.sqlite").exists()


# ---- time ------------------------------------------------------------------------------------------------


def test_who_sends_nothing_or_too_slowly_is_closed(impatient: Running, connect: Connect) -> None:
    left_over = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
    cases = [
        (b"", b""),
        (WHOLE, b""),
        (HALF, b""),
        (HALF, b"x"),
        (WHOLE + HALF, b"x"),
        (left_over, b"x"),
    ]
    clients = [(connect(impatient, sent), dripped) for sent, dripped in cases]
    with ThreadPoolExecutor(len(cases)) as pool:
        times = list(pool.map(lambda pair: until_it_ends(*pair), clients))
    assert all(seconds > 3 for seconds in times[:2])  # idle ones have longer than half requests
    assert all(1 < seconds < 25 for seconds in times)


def test_who_sends_half_a_request_is_told_so(impatient: Running, connect: Connect) -> None:
    answer = rest(connect(impatient, HALF))
    assert statuses(answer) == [408]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["message"] == "The request did not come within 2 s."


@pytest.mark.long
def test_a_client_that_takes_nothing_of_a_file_is_cut_off(impatient: Running, connect: Connect, product: bytes) -> None:
    idle = connect(impatient, DOWNLOAD, buffer=4096)
    # One that takes a little now and then has all the time it needs.
    slow = connect(impatient, DOWNLOAD, buffer=4096)
    start, taken = time.monotonic(), 0
    while time.monotonic() - start < 9:
        taken += len(slow.recv(2000))
        time.sleep(0.5)
    assert taken < 100_000  # less than a service that only counts what it hands to the system sees
    assert len(rest(idle)) < len(product)
    assert taken + len(rest(slow)) > len(product)
    assert impatient.errors == ""


def test_a_file_is_not_read_on_for_who_hung_up(archive: Path, tmp_path: Path, connect: Connect, product: bytes) -> None:
    log = tmp_path / "access.log"
    with running(archive, tmp_path, "--access-log", str(log)) as service:
        for _ in range(5):
            client = connect(service, DOWNLOAD, buffer=4096)
            assert client.recv(15) == b"HTTP/1.1 200 OK"
            client.close()
        end = time.monotonic() + 20
        while len(log.read_text().splitlines()) < 5:
            assert time.monotonic() < end
            time.sleep(0.1)
    handed = [int(line.split('"')[2].split()[1]) for line in log.read_text().splitlines()]
    assert max(handed) < len(product)


@pytest.mark.long
def test_the_times_as_they_are(service: Running, connect: Connect) -> None:
    """Two minutes: the same with the times of a service that is started."""
    clients = [(connect(service), b""), (connect(service, HALF), b"x")]
    idle = connect(service, DOWNLOAD, buffer=4096)
    start = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        nothing, drip = pool.map(lambda pair: until_it_ends(*pair, every=5.0, most=120.0), clients)
    assert 60 < nothing < 90 and 19 < drip < 45
    time.sleep(max(0.0, start + 135 - time.monotonic()))
    idle.settimeout(30)
    assert len(rest(idle)) < 15_000_000


@posix
def test_a_stop_waits_for_nobody_that_takes_nothing(archive: Path, tmp_path: Path, connect: Connect) -> None:
    with running(archive, tmp_path) as service:
        connect(service, DOWNLOAD, buffer=4096).recv(15)
        connect(service, HALF)
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(15) == 0
        assert "Traceback" not in service.errors


# ---- what two servers could read in two ways -------------------------------------------------------------

BODY = b"0\r\n\r\n" + WHOLE  # by its chunks it ends before what looks like a request
CHUNKED = b"Transfer-Encoding: chunked\r\n"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"Content-Length: %d\r\n" % len(BODY) + CHUNKED, 400),
        (CHUNKED + b"Content-Length: 5\r\n", 400),
        (b"content-length: 5\r\ntransfer-encoding: Chunked\r\n", 400),
        (b"Transfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n", 400),
        (b"Transfer-Encoding:\tchunked\r\nContent-Length:\r\n 5\r\n", 400),
        (CHUNKED + CHUNKED, 501),
        (b"Transfer-Encoding: chunked, chunked\r\n", 501),
        (b"Transfer-Encoding: xchunked\r\n", 501),
        (b"Transfer-Encoding: identity\r\nContent-Length: 5\r\n", 501),
        (b"Transfer-Encoding : chunked\r\n", 400),
        (b"Transfer-Encoding\r\n : chunked\r\n", 400),
        (b"X: y\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400),
        (b"Content-Length: 5\r\nContent-Length: 6\r\n", 400),
        (b"Content-Length: +5\r\n", 400),
        (b"Content-Length: 0x5\r\n", 400),
        (b"Content-Length: 5, 6\r\n", 400),
        (b"Content-Length: 5\r\nHost: other.example\r\n", 400),
    ],
)
def test_a_request_that_ends_at_two_places_is_the_last(
    service: Running, connect: Connect, headers: bytes, status: int
) -> None:
    answer = rest(
        connect(service, b"POST /v0/scenes/ortho/ HTTP/1.1\r\nHost: localhost\r\n" + headers + b"\r\n" + BODY)
    )
    assert statuses(answer) == [status]
    assert b"\r\nconnection: close\r\n" in answer.lower()
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["message"].startswith("The request cannot be read: ")
    assert service.errors == ""


def test_http_1_0_knows_no_chunks(service: Running, connect: Connect) -> None:
    answer = rest(
        connect(service, b"POST /v0/scenes/ortho/ HTTP/1.0\r\nHost: localhost\r\n" + CHUNKED + b"\r\n" + BODY)
    )
    assert statuses(answer) == [400]


@pytest.mark.parametrize("begun", [False, True])
def test_a_body_that_cannot_be_read_ends_its_connection(service: Running, connect: Connect, begun: bool) -> None:
    path = f"/v0/scenes/ortho/{SCENE}/full" if begun else "/v0/scenes/ortho/"
    method = "GET" if begun else "POST"
    client = connect(service, f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n".encode() + CHUNKED + b"\r\n", 4096)
    if begun:
        assert client.recv(15) == b"HTTP/1.1 200 OK"
    client.sendall(b"no number\r\n")
    answer = rest(client)
    assert statuses(answer) == ([] if begun else [400])
    assert service.errors == ""


@pytest.mark.parametrize("grouped", [False, True])
def test_a_lost_connection_ends_the_application_without_an_error(grouped: bool) -> None:
    """Some versions of starlette send from a task group, which wraps what is raised within it."""

    async def send_one(scope: Any, receive: Any, send: Any) -> None:
        if grouped:
            async with anyio.create_task_group() as group:
                group.start_soon(send, {})
        await send({})

    async def fail(scope: Any, receive: Any, send: Any) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(send, {})
            raise KeyError("a fault")

    lost: Any = SimpleNamespace(_lost=True)
    anyio.run(HttpConnection._until_it_is_lost(lost, send_one), {}, None, None)
    with pytest.raises(Exception) as caught:
        anyio.run(HttpConnection._until_it_is_lost(lost, fail), {}, None, None)
    assert "a fault" in repr(caught.value)


def test_good_requests_share_a_connection_whatever_they_hold(impatient: Running, connect: Connect) -> None:
    """Answers come in order, errors among them, and each wait for the next request begins anew."""
    post = b"POST /v0/scenes/ortho/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    sent = [WHOLE * 20, WHOLE.replace(b"healthz", b"nothing"), post + b"Content-Length: 2\r\n\r\n{}"]
    sent += [post + CHUNKED + b"\r\n2\r\n{}\r\n0\r\n\r\n", post + b"Content-Length: 1\r\n\r\n{"]
    sent += [WHOLE.replace(b"\r\n\r\n", b"\r\nOrigin: http://localhost\r\n\r\n"), WHOLE.replace(b"GET", b"HEAD")]
    client = connect(impatient)
    for piece in sent:  # 7 seconds, where a connection may be idle for 4
        client.sendall(piece[:20])
        time.sleep(1.0)
        client.sendall(piece[20:])
    assert statuses(rest(client)) == [200] * 20 + [404, 200, 200, 400, 200, 200]


def test_a_body_that_is_said_to_be_too_long_is_not_waited_for(service: Running, connect: Connect) -> None:
    head = HALF_BODY.replace(b"Content-Length: 7", b"Expect: 100-continue\r\nContent-Length: 9000000")
    answer = rest(connect(service, head.removesuffix(b"count=")))
    assert statuses(answer) == [413], answer


def test_an_answer_is_dated_when_it_is_given(service: Running, connect: Connect) -> None:
    client = connect(service, HALF_BODY)
    time.sleep(2.1)
    asked = time.time()
    client.sendall(b"1")
    head = client.recv(2**16).partition(b"\r\n\r\n")[0].decode().lower()
    dates = [line.partition(": ")[2] for line in head.splitlines() if line.startswith("date: ")]
    assert len(dates) == 1
    assert parsedate_to_datetime(dates[0]).timestamp() >= int(asked)


def test_who_waits_for_a_100_before_a_body_gets_it(service: Running, connect: Connect) -> None:
    head = b"POST /v0/scenes/ortho/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    client = connect(service, head + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    assert statuses(client.recv(1000)) == [100]
    client.sendall(b"{}")
    assert statuses(client.recv(2**16)) == [200]
    # One that cannot be read gets the refusal at once.
    client = connect(service, head + CHUNKED + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    assert statuses(rest(client)) == [400]


def test_a_key_that_cannot_be_read_is_not_told(service: Running, connect: Connect) -> None:
    for line in (b"Authorization : api-key 5ec2e7", b"Authorization: api-key 5ec2e7\0", b"5ec2e7"):
        answer = rest(connect(service, WHOLE[:-2] + line + b"\r\n\r\n"))
        assert statuses(answer) == [400] and b"5ec2e7" not in answer
        message = json.loads(answer.partition(b"\r\n\r\n")[2])["message"]
        assert re.fullmatch(r"The request cannot be read: [A-Za-z -]+\.", message)


@pytest.mark.parametrize("size", [70_000, 1_000_000])
def test_a_head_that_is_too_long_is_told(service: Running, size: int) -> None:
    answer = requests.get(f"{service.root}scenes/ortho/?intersects={'x' * size}", timeout=30)
    assert answer.status_code == 431
    assert answer.json()["message"].startswith("The request cannot be read: ")
    # What POST takes too, GET does up to its bound, however it is cut into pieces.
    assert service.get(f"scenes/ortho/?intersects={'x' * 60_000}").status_code == 400
