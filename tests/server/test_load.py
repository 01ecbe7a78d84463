"""Under a load of expensive requests: cheap ones are answered, and no work outlives its client."""

from __future__ import annotations

import asyncio
import json
import math
import os
import random
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, List, Tuple
from urllib.parse import quote, urlsplit

import pytest
import requests
from fastapi import Request

from planet_vector.server.api import attending
from planet_vector.server.api.attending import Pool, attend
from planet_vector.server.api.bodies import Body
from planet_vector.server.http_errors import HttpError
from planet_vector.server.patience import ClientGone, Patience

from .conftest import Running, Serve, feature, write_features, write_raster

LIMIT = 10.0  # seconds for what takes less than two, and for what takes milliseconds beside it


def star(points: int, salt: float = 0.0) -> str:
    """Return a polygon whose edges all cross each other; with another salt, one that is not kept."""
    turn = [2 * math.pi * (points // 2) * n / points for n in range(points + 1)]
    return "POLYGON((" + ",".join(f"{40 * math.cos(t):.5f} {(40 - salt) * math.sin(t):.5f}" for t in turn) + "))"


@pytest.fixture(scope="module")
def service(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Running:
    folder = tmp_path_factory.mktemp("archive")
    write_raster(folder / "20150306_022415_0908_visual.tif", bands=3)
    write_features(folder / "list.json", [feature(f"S{n}", west=n % 90, south=n % 45) for n in range(500)])
    return serve(folder)


def processes(service: Running) -> Dict[int, Tuple[float, int]]:
    """Return the seconds of processor time and the memory (MB) of the service's processes, itself included."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                pages = int((folder / "statm").read_text().split()[1])
            except OSError:  # it has just ended
                continue
            if int(folder.name) == service.process.pid or int(fields[1]) == service.process.pid:
                ticks = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
                found[int(folder.name)] = (ticks, pages * os.sysconf("SC_PAGE_SIZE") // 10**6)
    return found


needs_proc = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")


@needs_proc
def test_outlines_that_cross_themselves_cost_a_bounded_time_and_memory(service: Running) -> None:
    before = processes(service)[service.process.pid][1]
    for points, status in ((101, 200), (125, 200), (401, 400)):
        for count in (1, 2):  # the second page is of the same area
            start = time.monotonic()
            answer = service.get("scenes/ortho/", params={"intersects": star(points), "count": count})
            assert time.monotonic() - start < LIMIT
            assert answer.status_code == status
    assert "crosses or touches itself at more than" in answer.json()["message"]
    assert processes(service)[service.process.pid][1] - before < 200
    assert sum(memory for _, memory in processes(service).values()) < 1500


@needs_proc
def test_what_hung_up_leaves_nothing_behind(service: Running) -> None:
    place = urlsplit(service.root)
    stop, slowest, failures = threading.Event(), [0.0], []

    def ask() -> None:
        while not stop.is_set():
            for path in ("/healthz", "/v0/scenes/ortho/S7", "/v0/scenes/", "/v0/scenes/ortho/?count=5"):
                start = time.monotonic()
                answer = requests.get(service.origin + path, timeout=60)
                slowest[0] = max(slowest[0], time.monotonic() - start)
                failures.extend([answer.text] * (answer.status_code != 200))

    asking = threading.Thread(target=ask)
    asking.start()
    for number in range(90):
        with socket.create_connection((place.hostname or "", place.port or 0), timeout=20) as client:
            area = star(125, random.random())
            target = f"/v0/scenes/ortho/?intersects={quote(area)}"
            client.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            time.sleep(0.02 if number % 3 else 0)
    time.sleep(1)
    stop.set()
    asking.join()
    assert failures == []
    assert slowest[0] < 2.0  # ten times what it takes
    end = time.monotonic() + 20
    while True:
        before = processes(service)
        time.sleep(0.5)
        after = processes(service)
        if sum(seconds - before[pid][0] for pid, (seconds, _) in after.items() if pid in before) < 0.1:
            break
        assert time.monotonic() < end, "something is worked on for nobody"
    assert service.get("scenes/ortho/", params={"intersects": star(101)}).status_code == 200


def test_large_bodies_hold_nobody_up(service: Running) -> None:
    ring = [[round(80 * math.cos(n / 9000), 9), round(80 * math.sin(n / 9000), 9)] for n in range(130_000)]
    body = json.dumps({"intersects": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}})
    assert 3_000_000 < len(body) < 4 * 2**20
    headers = {"Content-Type": "application/json"}
    with ThreadPoolExecutor(12) as pool:
        posts = [
            pool.submit(requests.post, service.root + "scenes/ortho/", data=body, headers=headers, timeout=120)
            for _ in range(12)
        ]
        slowest = 0.0
        while not all(post.done() for post in posts):
            start = time.monotonic()
            assert requests.get(service.origin + "/healthz", timeout=60).status_code == 200
            slowest = max(slowest, time.monotonic() - start)
        assert {post.result().status_code for post in posts} <= {400, 503}
    assert slowest < 2.0
    assert requests.post(service.root + "auth/login", data=body, headers=headers, timeout=30).status_code == 413


class Client:
    """Stand for the request of a client, which hangs up when it is told to."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()

    async def receive(self) -> Dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    @property
    def request(self) -> Request:
        return Request({"type": "http", "headers": []}, self.receive)


def test_a_pool_runs_so_many_lets_so_many_wait_and_refuses_the_rest() -> None:
    async def check() -> None:
        pool, let_go, running, most = Pool("test", 2, 5), threading.Event(), [0], [0]
        lock = threading.Lock()

        def work(number: int, patience: Patience) -> int:
            with lock:
                running[0] += 1
                most[0] = max(most[0], running[0])
            let_go.wait(20)
            with lock:
                running[0] -= 1
            return number

        async def asked(number: int, client: Client) -> int:
            return await attend(client.request, work, number, seconds=20, pool=pool)

        clients = [Client() for _ in range(10)]
        tasks = [asyncio.ensure_future(asked(n, client)) for n, client in enumerate(clients)]
        done, _ = await asyncio.wait(tasks, timeout=0.3)
        refused = [task.exception() for task in done]
        assert len(refused) == 3
        assert all(isinstance(error, HttpError) and error.status == 503 for error in refused)
        assert all(isinstance(error, HttpError) and error.headers["Retry-After"] for error in refused)
        # One that waits hangs up: its place is free at once, and its work is never begun.
        clients[4].gone.set()
        with pytest.raises(ClientGone):
            await tasks[4]
        late = asyncio.ensure_future(asked(10, Client()))
        await asyncio.sleep(0.1)
        assert not late.done()
        let_go.set()
        found: List[Any] = await asyncio.gather(*tasks, late, return_exceptions=True)
        assert [n for n in found if isinstance(n, int)] == [0, 1, 2, 3, 5, 6, 10]
        assert most[0] == 2

    asyncio.run(check())


def test_a_client_that_hangs_up_ends_the_work_for_it_and_only_that() -> None:
    async def check() -> None:
        pool, ended = Pool("test", 2), []

        def work(name: str, patience: Patience) -> str:
            try:
                until = time.monotonic() + (30 if name == "left" else 2)
                while time.monotonic() < until:
                    time.sleep(0.001)
                    patience.check()
            finally:
                ended.append(name)
            return name

        leaving, staying = Client(), Client()
        first = asyncio.ensure_future(attend(leaving.request, work, "left", seconds=20, pool=pool))
        second = asyncio.ensure_future(attend(staying.request, work, "stayed", seconds=20, pool=pool))
        await asyncio.sleep(0.1)
        leaving.gone.set()
        with pytest.raises(ClientGone):
            await first
        end = time.monotonic() + 20
        while not ended and time.monotonic() < end:
            await asyncio.sleep(0.01)
        assert ended == ["left"]
        assert await second == "stayed"
        with pytest.raises(HttpError, match="longer than 0.05 s"):
            await attend(staying.request, work, "late", seconds=0.05, pool=pool)
        # A thread counts as used until its function has ended, and is free then.
        assert await attend(staying.request, lambda patience: 7, seconds=1, pool=pool) == 7
        assert pool._running == 0 or await asyncio.sleep(0.1) or pool._running == 0

    asyncio.run(check())


def test_who_waits_too_long_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attending, "MAX_WAIT", 0.05)

    async def check() -> None:
        pool, let_go = Pool("test", 1), threading.Event()
        first = asyncio.ensure_future(attend(Client().request, lambda p: let_go.wait(20), seconds=20, pool=pool))
        await asyncio.sleep(0.05)
        with pytest.raises(HttpError, match="busy"):
            await attend(Client().request, lambda p: 1, seconds=20, pool=pool)
        let_go.set()
        assert await first

    asyncio.run(check())


def test_bodies_are_bounded_all_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("planet_vector.server.api.bodies.MAX_BODIES", 250_000)

    def request(*pieces: bytes) -> Request:
        waiting = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
        waiting.append({"type": "http.request", "body": b"", "more_body": False})

        async def receive() -> Dict[str, Any]:
            return waiting.pop(0)

        return Request({"type": "http", "headers": []}, receive)

    async def check() -> None:
        with Body() as first, Body() as second:
            for body in (first, second):
                await body.read(request(b"x" * 60_000, b"x" * 60_000))
            with Body() as third, pytest.raises(HttpError, match="busy"):
                await third.read(request(b"x" * 50_000, b"x" * 50_000))
            with Body() as small:
                await small.read(request(b"a=1"))
                assert small.parameters(request()) == [("a", "1")]
        with Body() as third:
            await third.read(request(b"x" * 50_000, b"x" * 50_000))
        assert Body._held == 0

    asyncio.run(check())
