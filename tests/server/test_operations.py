"""Running it: health, metrics, logs without keys, several processes, stopping, and the pages for people."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Dict
from urllib.parse import urlsplit

import pytest
import requests
from fastapi import FastAPI
from fastapi.routing import APIRoute

from planet_vector.server.api.data_api.data_routes import add_data_v1
from planet_vector.server.api.metrics import route_of
from planet_vector.server.api.service import to_slash
from planet_vector.server.api.stac.routes import add_stac
from planet_vector.server.api.v0.routes import add_v0

from ..browsing import CHROMIUM
from .conftest import Running, Serve, feature, write_features, write_raster

KEY = "5ec2e75ec2e75ec2e75ec2e75ec2e7aa"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    write_raster(folder / "20150306_022415_0908_visual.tif", bands=3, size=200)
    write_features(
        folder / "more.json",
        [feature(f"S{n}", f"2015-01-0{n}T00:00:00Z", cloud_cover={"estimated": 10 * n}) for n in range(1, 8)],
    )
    return folder


def test_its_lines_say_where_it_answers_and_ctrl_c_ends_it(serve: Serve, archive: Path) -> None:
    for stop in (signal.SIGINT, signal.SIGTERM):
        service = serve(archive)
        assert re.fullmatch(r"Serving 8 scenes on http://127\.0\.0\.1:\d+/v0/\n", service.line)
        assert service.get("scenes/").status_code == 200
        assert requests.get(service.root.removesuffix("v0/"), timeout=30).status_code == 200
        service.process.send_signal(stop)
        assert service.process.wait(10) == 0
        assert service.process.stdout is not None
        told = service.process.stdout.read()
        start = re.fullmatch(
            r"STAC: (http://127\.0\.0\.1:\d+/)stac/\nOGC API Features: \1features/\nOGC API Tiles: \1tiles/\n"
            r"Data API v1: \1data/v1/\nStart page: \1\n",
            told,
        )
        assert start and service.line == f"Serving 8 scenes on {start[1]}v0/\n"
        assert service.errors == ""


def test_a_stop_waits_for_answers_under_way(serve: Serve, archive: Path) -> None:
    service = serve(archive, "--latency", "700")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(service.get, "scenes/ortho/")
        time.sleep(0.3)
        service.process.send_signal(signal.SIGTERM)
        assert answer.result().status_code == 200
    assert service.process.wait(10) == 0


def test_several_processes_answer_and_one_that_dies_is_replaced(serve: Serve, archive: Path) -> None:
    service = serve(archive, "--workers", "3", "--redirect", "signed")

    def workers() -> Dict[int, str]:
        lines = subprocess.run(
            ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(service.process.pid)], capture_output=True, text=True
        ).stdout
        return {int(line.split()[0]): line for line in lines.splitlines() if "spawn_main" in line}

    before = workers()
    assert len(before) == 3
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: service.get("scenes/ortho/?count=3"), range(60)))
    assert {a.status_code for a in answers} == {200}
    assert len({a.text for a in answers}) == 1
    # An address that one process signed is good at each.
    link = service.get("scenes/ortho/20150306_022415_0908/full").headers["location"]
    assert {requests.get(link, timeout=30).status_code for _ in range(12)} == {200}
    counted = re.search(
        r'planet_requests_total\{route="list_scenes",status="2xx"\} (\d+)',
        requests.get(service.origin + "/metrics", timeout=30).text,
    )
    assert counted is not None
    assert int(counted.group(1)) == 60
    victim = next(iter(before))
    subprocess.run(["kill", "-9", str(victim)], check=True)
    end = time.monotonic() + 15
    while len(set(workers()) - {victim}) < 3:
        assert time.monotonic() < end
        time.sleep(0.1)
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(15) == 0
    with (
        pytest.raises(OSError),
        socket.create_connection((urlsplit(service.root).hostname or "", urlsplit(service.root).port or 0), timeout=2),
    ):
        pass


def test_workers_do_not_outlive_their_supervisor(serve: Serve, archive: Path) -> None:
    service = serve(archive, "--workers", "2")
    service.process.kill()
    service.process.wait()
    end = time.monotonic() + 15
    while True:
        try:
            service.get("scenes/")
        except requests.ConnectionError:
            break
        assert time.monotonic() < end, "a worker still answers"
        time.sleep(0.2)


KILLED_WHILE_COUNTING = """
import bisect, multiprocessing, os, signal
from planet_vector.server.api.metrics import Metrics

def die(metrics):
    bisect.bisect_left = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    metrics.count("list_scenes", 200, 0.1, 10)

if __name__ == "__main__":
    metrics = Metrics(2)
    for _ in range(2):
        process = multiprocessing.get_context("spawn").Process(target=die, args=(metrics.of(1),))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    metrics.of(0).count("list_scenes", 200, 0.3, 10)
    metrics.of(1).count("list_scenes", 404, 20.0, 5)
    print(metrics.text({}))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
def test_a_process_that_is_killed_holds_up_no_counters(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(KILLED_WHILE_COUNTING)
    done = subprocess.run([sys.executable, str(program)], stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    for line in (
        'planet_requests_total{route="list_scenes",status="2xx"} 3',
        'planet_requests_total{route="list_scenes",status="4xx"} 1',
        'planet_request_seconds_bucket{route="list_scenes",le="0.5"} 1',
        'planet_request_seconds_bucket{route="list_scenes",le="+Inf"} 2',
        'planet_sent_bytes_total{route="list_scenes"} 15',
    ):
        assert line in done.stdout.splitlines()


def test_the_requests_of_each_api_are_counted_by_its_functions(serve: Serve, archive: Path) -> None:
    app = FastAPI()
    for add in (add_v0, add_data_v1, add_stac):
        add(app)
    functions = {route.endpoint for route in app.routes if isinstance(route, APIRoute)} - {to_slash}
    assert "other" not in {route_of(function) for function in functions}
    service = serve(archive)
    for path in ("data/v1/item-types", "stac/collections", "stac/collections/ortho/items", "v0/scenes/ortho/"):
        assert requests.get(f"{service.origin}/{path}", timeout=30).status_code == 200
    text = requests.get(service.origin + "/metrics", timeout=30).text
    counted = set(re.findall(r'planet_requests_total\{route="([^"]+)",status="2xx"\} 1', text))
    assert counted >= {"data_api.list_types", "stac.list_collections", "stac.list_items", "list_scenes"}


def test_health_metrics_and_a_log_without_keys(serve: Serve, archive: Path, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    service = serve(archive, "--access-log", str(log), "--redirect", "signed", environment={"PLANET_SERVE_KEY": KEY})
    assert requests.get(service.origin + "/healthz", timeout=30).json()["status"] == "ok"
    assert requests.get(service.origin + "/metrics", timeout=30).status_code == 401
    for query in (f"api_key={KEY}", f"api%5Fkey={KEY}", f"API_KEY={KEY}", f"count=3&api_key={KEY}&sat.id=x%0Aforged"):
        service.get(f"scenes/ortho/?{query}")
    service.get("scenes/ortho/", auth=(KEY, ""), headers={"User-Agent": 'evil" 200 "'})
    link = service.get("scenes/ortho/20150306_022415_0908/full", auth=(KEY, "")).headers["location"]
    requests.get(link, timeout=30)
    text = requests.get(service.origin + "/metrics", auth=(KEY, ""), timeout=30).text
    assert 'planet_requests_total{route="list_scenes",status="2xx"}' in text
    assert 'planet_requests_total{route="deliver",status="2xx"} 1' in text
    assert 'planet_scenes{type="ortho"} 8' in text
    for line in text.splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) .+|[a-z_]+\{[^}]*\} [0-9.]+", line)
    written = log.read_text()
    assert KEY not in written
    assert re.search(r"Signature=([0-9a-f]{10})", link)
    assert re.search(r"Signature=([0-9a-f]{10})", written) is None
    lines = written.splitlines()
    assert len(lines) == 10
    assert all(
        re.fullmatch(r'127\.0\.0\.1 - \S+ \[[^]]+\] "[A-Z]+ \S+ HTTP/1\.1" \d{3} \d+ "[^"]*" "[^"]*" [\d.]+', line)
        for line in lines
    )


def test_the_description_is_openapi_and_works_offline(serve: Serve, archive: Path) -> None:
    service = serve(archive)
    described = requests.get(service.origin + "/openapi.json", timeout=30).json()
    assert described["openapi"].startswith("3.")
    names = {p["name"] for p in described["paths"]["/v0/scenes/{scene_type}/"]["get"]["parameters"]}
    assert {"acquired.gte", "cloud_cover.estimated.lte", "intersects", "count", "order_by"} <= names
    operations = [each for path in described["paths"].values() for each in path.values()]
    assert len({each["operationId"] for each in operations}) == len(operations)
    assert all(each["responses"] and each["tags"] and "Parameters" not in each["description"] for each in operations)
    apis = {"Scenes API v0", "STAC API", "OGC API Features", "OGC API Tiles", "Data API v1", "Basemaps API v1"}
    assert apis <= {each["tags"][0] for each in operations}
    bodies = {path for path, methods in described["paths"].items() if "requestBody" in methods.get("post", {})}
    assert {f"/data/v1/{name}" for name in ("quick-search", "stats", "searches")} | {"/stac/search"} <= bodies
    for page in ("/", "/docs"):
        text = requests.get(service.origin + page, timeout=30).text
        links = re.findall(r'(?:src|href)="([^"]+)"', text)
        assert links
        for link in links:
            assert not link.startswith(("http", "//"))
            if link.startswith("/"):
                assert requests.get(service.origin + link, timeout=30).status_code == 200
    assert requests.get(service.origin + "/static/../app.py", timeout=30).status_code == 404


def seen(service: Running, page: str, profile: Path) -> str:
    """Return a page as a browser shows it after its scripts ran; the browser has no way to any other host."""
    assert CHROMIUM is not None
    command = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={profile}",
        "--virtual-time-budget=8000",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "--window-size=1000,700",
        "--dump-dom",
        service.origin + page,
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=True).stdout


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_the_start_page_shows_the_archive(serve: Serve, archive: Path, tmp_path: Path) -> None:
    service = serve(archive)
    text = seen(service, "/", tmp_path / "profile")
    assert "8 scenes here" in text
    assert text.count('class="leaflet-interactive"') == 8  # a footprint each
    assert "S7" in text
    text = seen(service, "/docs", tmp_path / "profile")
    assert "/v0/scenes/{scene_type}/" in text.replace("​", "")


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_the_start_page_asks_for_the_key(serve: Serve, archive: Path, tmp_path: Path) -> None:
    service = serve(archive, environment={"PLANET_SERVE_KEY": KEY})
    text = seen(service, "/", tmp_path / "profile")
    assert "Please enter your API key." in text
    assert not re.search(r'id="key-field"[^>]*hidden', text)
    assert "S7" not in text
