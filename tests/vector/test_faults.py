"""A page that fails, anywhere and in any way: all scenes or an error, in every program, never fewer scenes."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, Callable

import geopandas
import pyogrio
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import planet_vector
from planet_vector.errors import PlanetVectorError
from planet_vector.http import rate_limit, transport
from planet_vector.vector import disk_cache
from planet_vector.vector.layer import SceneLayer
from planet_vector.vector.result_cache import CACHE
from tests.conftest import HAS_FIONA, Service, Start
from tests.faces import Face
from tests.vector.conftest import make_scene, wait_for_pages, write_scenes

COUNT = 3500  # scenes, of several windows of time


class Faulty:
    """A service whose faults can be changed while it runs."""

    def __init__(self, service: Service, file: Path) -> None:
        self.service = service
        self._file = file

    def set(self, *faults: dict[str, Any]) -> None:
        """Let faults happen from now on, and forget what was cached."""
        wait_for_pages()  # else one of an earlier search would be counted
        CACHE.clear()
        disk_cache.clear()
        self._file.write_text(yaml.safe_dump([{"path": self.service.face.searches, **fault} for fault in faults]))


@pytest.fixture(scope="module")
def _faulty(tmp_path_factory: pytest.TempPathFactory, start_service: Start) -> Faulty:
    rng = random.Random(2)
    folder = tmp_path_factory.mktemp("faulty")
    (folder / "faults.yml").write_text("[]")
    archive = write_scenes(folder / "scenes", [make_scene(number, rng) for number in range(COUNT)])
    return Faulty(start_service(archive, "--faults", str(folder / "faults.yml")), folder / "faults.yml")


@pytest.fixture
def faulty(_faulty: Faulty, monkeypatch: pytest.MonkeyPatch) -> Faulty:
    monkeypatch.setenv("PL_API_URL", _faulty.service.root)
    monkeypatch.setenv("PL_API_KEY", _faulty.service.key)
    monkeypatch.setenv("PLANET_RATE", "0")
    monkeypatch.setattr(transport, "BACKOFF", 0.001)
    return _faulty


EMPTY, NOTHING = "empty, with a next link", "empty, and nothing counted"
FAULTS: dict[str, dict[str, Any]] = {
    "429": {"status": 429, "headers": {"Retry-After": "0"}},
    "500": {"status": 500},
    "503": {"status": 503, "headers": {"Retry-After": "0"}},
    "403": {"status": 403},
    "reset": {"reset": True},
    "cut off": {"truncate": 3000},
    "cut off, no length": {"truncate": 3000, "drop": ["Content-Length"]},
    "half the JSON": {"corrupt": True},
    "no JSON": {"status": 200, "body": "<html>come back later</html>"},
    "another JSON": {"status": 200, "body": '{"features": "none", "count": 3}'},
    EMPTY: {"status": 200},
    NOTHING: {"status": 200},
    "next is this page": {"loop": True},
    "a count that grows": {"replace": {'"count":': '"count":1'}},
}


def fault_of(face: Face, name: str) -> dict[str, Any]:
    """Return a fault in the form of a service."""
    if name == EMPTY:
        return {**FAULTS[name], "body": face.page_of([], 9, "http://x/")}
    return {**FAULTS[name], "body": face.page_of([], 0)} if name == NOTHING else FAULTS[name]


def first(name: str) -> int:
    """Return the first request that a fault makes a failure: no scenes at all may be what the service has."""
    return 1 if name == NOTHING else 0


READERS: dict[str, Callable[[str], int]] = {
    "pyogrio": lambda name: len(pyogrio.read_dataframe(name, use_arrow=False, read_geometry=False)),
    "pyogrio, Arrow": lambda name: int(pyogrio.raw.read_arrow(name)[1].num_rows),
    "geopandas": lambda name: len(geopandas.read_file(name)),
    "search": lambda name: len(list(planet_vector.search(name))),
}
ERRORS: tuple[type[Exception], ...] = (
    pyogrio.errors.DataSourceError,
    pyogrio.errors.DataLayerError,  # of pyogrio up to 0.12, which counts by reading
    pyogrio.errors.FeatureError,
)
if HAS_FIONA:
    import fiona

    READERS["fiona"] = lambda name: len(list(fiona.open(name)))
    ERRORS += (fiona.errors.DriverError,)


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
@pytest.mark.parametrize("name", FAULTS)
def test_all_scenes_or_an_error(faulty: Faulty, face: Face, name: str, lasting: bool) -> None:
    outcomes, fault = set(), fault_of(face, name)
    for number in face.moments[first(name) :]:
        faulty.set({**fault, "skip": number, **({} if lasting else {"times": 1})})
        try:
            assert READERS["search"]("PLANET:ortho") == COUNT
            outcomes.add("all")
        except PlanetVectorError as error:
            outcomes.add("error")
            assert "Traceback" not in str(error)
    if "status" in fault and fault["status"] >= 429 or "reset" in fault:
        assert ("error" in outcomes) == lasting  # a passing fault is retried


@pytest.mark.parametrize("fault", ["500", "half the JSON", NOTHING])
@pytest.mark.parametrize("reader", READERS)
def test_no_reader_takes_a_failure_for_the_end(faulty: Faulty, face: Face, reader: str, fault: str) -> None:
    for number in range(first(fault), 4):
        faulty.set({**fault_of(face, fault), "skip": number})
        with pytest.raises((PlanetVectorError, *ERRORS)):
            print(READERS[reader]("PLANET:ortho"))


IN_OSGEO = """
import sys
from osgeo import gdal, ogr
if sys.argv[1] == "exceptions":
    gdal.UseExceptions()
else:
    gdal.DontUseExceptions()
source = ogr.Open("PLANET:ortho")
layer = source.GetLayer(0)
print(sum(1 for feature in layer))
"""


@pytest.mark.parametrize("mode", ["exceptions", "no exceptions"])
def test_osgeo_raises_with_and_without_exceptions(faulty: Faulty, system_python: Callable[..., Any], mode: str) -> None:
    environ = {**faulty.service.environ, "PLANET_RATE": "0"}
    faulty.set({"status": 403, "skip": 4})
    done = system_python(IN_OSGEO, mode, env=environ)
    assert done.returncode == 1
    assert "AuthError: The service does not allow this with your key" in done.stderr
    assert done.stdout == ""
    faulty.set()
    assert system_python(IN_OSGEO, mode, env=environ).stdout.strip() == str(COUNT)


def test_ogrinfo_says_what_is_wrong_in_one_sentence(faulty: Faulty, run: Callable[..., Any]) -> None:
    environ = {**faulty.service.environ, "PLANET_RATE": "0"}
    faulty.set({"status": 403, "skip": 4})
    done = run("ogrinfo", "-ro", "-al", "-q", "PLANET:ortho", env=environ)
    assert "OGRFeature" not in done.stdout
    assert "ERROR 1: PLANET: The service does not allow this with your key (403" in done.stderr
    assert "Traceback" not in done.stderr
    done = run("ogr2ogr", "-f", "GeoJSON", "/vsistdout/", "PLANET:ortho", env=environ)
    assert "ERROR 1: PLANET: The service does not allow this" in done.stderr


def test_a_service_that_asks_to_slow_down_is_obeyed(faulty: Faulty) -> None:
    faulty.set({"status": 429, "times": 3, "headers": {"Retry-After": "1"}})
    import time

    start = time.monotonic()
    assert len(list(planet_vector.search("PLANET:ortho?limit=5"))) == 5
    assert time.monotonic() - start >= 3


class Clock:
    """A clock that moves when somebody sleeps, and when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert 0 < seconds < 1e6
        self.now += seconds


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rate=st.sampled_from([0.001, 0.1, 0.5, 1.0, 1.5, 10.0, 10000.0]) | st.floats(0.001, 10000),
    pauses=st.lists(st.sampled_from([0.0, 0.0, 0.0, 0.3, 1.0, 40.0]), max_size=40),
)
def test_the_first_request_goes_at_once_and_the_rate_holds(
    rate: float, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(rate_limit, "time", clock)
    limiter = rate_limit.RateLimiter(rate)
    gone = []
    for pause in [0.0, *pauses]:
        clock.now += pause
        limiter.wait()
        gone.append(clock.now)
    assert gone[0] == 1000.0
    burst = max(1.0, rate)
    for first, start in enumerate(gone):
        for last, end in enumerate(gone[first:], first):
            assert last - first + 1 <= burst + rate * (end - start) + 1e-6
    if not any(pauses):  # nor later than the rate lets them
        assert gone[-1] == pytest.approx(1000 + max(0.0, len(gone) - burst) / rate)


def test_a_client_error_is_not_asked_again(faulty: Faulty) -> None:
    faulty.set({"status": 403, "times": 1})
    with pytest.raises(PlanetVectorError, match="403"):
        list(planet_vector.search("PLANET:ortho?limit=5"))


def test_a_service_that_does_not_answer_is_an_error(faulty: Faulty, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "READ_TIMEOUT", 1.0)
    monkeypatch.setattr(transport, "DEADLINE", 2.5)
    faulty.set({"delay": 30})
    with pytest.raises(planet_vector.UnavailableError, match="did not answer in time"):
        list(planet_vector.search("PLANET:ortho?limit=5"))


class ForeignError(Exception):
    """An error of a library: no ValueError, and made of more than a text."""

    def __init__(self, place: int, text: str) -> None:
        super().__init__(place, text)


@pytest.mark.parametrize("reader", [reader for reader in READERS if reader != "search"])
def test_an_error_that_nobody_expects_is_shown_as_it_is(
    faulty: Faulty, reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever way an exception takes through compiled code, another must not stand in its place."""
    faulty.set()

    def broken(*_: Any) -> None:
        raise ForeignError(7, "a library gave up")

    monkeypatch.setattr(SceneLayer, "blocks", broken)
    with pytest.raises((ForeignError, *ERRORS), match="a library gave up"):
        print(READERS[reader]("PLANET:ortho"))
