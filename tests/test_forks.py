"""Forked workers: each has connections, locks and threads of its own."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, Callable

import pytest
import requests

from tests.conftest import Service

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be forked here")

# Each child writes a line of JSON: what its function returned, or what it failed of. One that hangs is ended.
FORK = """
import json, os, signal, sys, threading, time, warnings

import planet_vector

# From 3.12 on, Python warns of forking a process with threads, which is what this is about.
warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*fork")

def fork(functions):
    readers = []
    for function in functions:
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            signal.alarm(30)
            try:
                told = function()
            except BaseException as error:
                told = f"{type(error).__name__}: {error}"
            os.write(writer, json.dumps(told).encode())
            os._exit(0)
        os.close(writer)
        readers.append((child, reader))
    found = []
    for child, reader in readers:
        with open(reader) as file:
            text = file.read()
        os.waitpid(child, 0)
        found.append(json.loads(text) if text else "nothing: it hung")
    return found
"""


@pytest.fixture
def forked(connected: Service, run: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that runs code with `fork`, and gives back the JSON it prints."""

    def call(code: str, *arguments: str) -> Any:
        env = {**os.environ, "PLANET_RATE": "0"}
        done = run(sys.executable, "-c", FORK + code, *arguments, env=env, timeout=120)
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)

    return call


SEARCH = """
catalog = planet_vector.connect()
ortho = planet_vector.connect().schema("ortho")
queries = [planet_vector.Query.parse(ortho, [("cloud_cover.estimated.gte", str(n))]) for n in range(0, 32, 4)]

def ids(query):
    # Now and then the same connection is used in turn, so that it is asked over and over.
    found = [[f["id"] for page in catalog.pages(query) for f in page] for _ in range(20)]
    assert all(each == found[0] for each in found)
    return found[0]

ids(queries[0])
gate = os.pipe()

def child(query):
    os.read(gate[0], 1)  # all at once
    return ids(query)

threading.Timer(1, os.write, (gate[1], b"x" * 8)).start()
print(json.dumps(fork([lambda query=query: child(query) for query in queries])))
"""


def test_children_that_search_at_once_get_their_own_answers(forked: Callable[..., Any], connected: Service) -> None:
    found = forked(SEARCH)
    for least, ids in zip(range(0, 32, 4), found):
        asked = {"cloud_cover.estimated.gte": least, "count": 1000}
        url = connected.url + "scenes/ortho/"
        answer = requests.get(url, params=asked, auth=(connected.key, ""), timeout=30).json()
        assert ids == [feature["id"] for feature in answer["features"]], least
        assert ids
    assert len(found) == 8


PRODUCTS = """
from rasterio.windows import Window
names = sys.argv[1:]

def means(name):
    with planet_vector.open(f"PLANET:ortho/{name}/visual") as dataset:
        return [float(dataset.read(window=Window(column, 0, 40, 200)).mean()) for column in range(0, 200, 40)] * 2

means(names[0])
print(json.dumps(fork([lambda name=name: means(name) for name in names])))
"""


def test_children_that_read_products_at_once_get_their_own_pixels(forked: Callable[..., Any], archive: Path) -> None:
    """Each thread of GDAL keeps its connections, and each child reads in threads of its own."""
    rasterio = pytest.importorskip("rasterio")
    from rasterio.windows import Window

    paths = sorted(archive.glob("20*_visual.tif"))[:6]
    found = forked(PRODUCTS, *(path.name[: -len("_visual.tif")] for path in paths))
    for path, means in zip(paths, found):
        with rasterio.open(path) as dataset:
            expected = [float(dataset.read(window=Window(column, 0, 40, 200)).mean()) for column in range(0, 200, 40)]
        assert means == expected * 2
    assert len(found) == 6


def test_a_search_that_is_under_way_is_gone_on_with_by_each_process(forked: Callable[..., Any]) -> None:
    """The threads are the parent's: a child asks for what is missing, and does not wait for ever."""
    code = """
from planet_vector.catalog.scenes_v0 import client
client.PAGE = 5
search = planet_vector.search("PLANET:ortho")
found = iter(search)
before = [next(found).id for _ in range(12)]
told = fork([lambda: [scene.id for scene in found], lambda: [scene.id for scene in search], lambda: search[20].id])
print(json.dumps([before, told, [scene.id for scene in found]]))
"""
    before, [goes_on, anew, one], rest = forked(code)
    assert len(rest) > 20
    assert goes_on == rest
    assert anew == before + rest
    assert one == anew[20]


def test_a_page_that_is_under_way_is_not_gone_on_with(forked: Callable[..., Any]) -> None:
    """Whoever reads pages has no place to go on from: the child is told, and does not wait for ever."""
    code = """
from planet_vector.catalog.scenes_v0 import client
client.PAGE = 5
pages = planet_vector.connect().pages(planet_vector.Query(planet_vector.connect().schema("ortho")))
for _ in range(3):
    next(pages)
told = fork([lambda: len(list(pages))])
print(json.dumps([told, len(list(pages)) > 4]))
"""
    [told], goes_on = forked(code)
    assert told.startswith("RuntimeError: ") and "forked" in told
    assert goes_on


# What a thread of the parent is within while its process is forked, and what the child does then.
WITHIN = {
    "connecting": (
        """
from planet_vector import catalog
makers = catalog._MAKERS
def slow(settings):
    entered.set()
    leave.wait(60)
    return makers["v0"](settings)
catalog._MAKERS = {**makers, "v0": slow}
def parent():
    planet_vector.connect(key="another")
def child():
    catalog._MAKERS = makers
    return sorted(planet_vector.connect().scene_types())
""",
        ["landsat", "ortho", "rapideye"],
    ),
    "waiting for the rate": (
        """
from planet_vector.http import rate_limit
class Clock:
    @staticmethod
    def monotonic():
        entered.set()
        leave.wait(60)
        return time.monotonic()
    sleep = time.sleep
limiter = rate_limit.RateLimiter(1e6)
def parent():
    rate_limit.time = Clock
    limiter.wait()
def child():
    rate_limit.time = time
    limiter.wait()
    return "gone on"
""",
        "gone on",
    ),
    "loading the driver": (
        """
from planet_vector import loading
import rasterio
def slow(module):
    entered.set()
    leave.wait(60)
loading._LOADS = {"rasterio": slow}
def parent():
    loading.load_driver()
def child():
    loading._LOADS = {}
    loading.load_driver()
    return "gone on"
""",
        "gone on",
    ),
    "pausing the collector": (
        """
import gc
from planet_vector.gc_pause import uncollected
def parent():
    with uncollected():
        entered.set()
        leave.wait(60)
def child():
    before = gc.isenabled()
    with uncollected():
        within = gc.isenabled()
    return [before, within, gc.isenabled()]
""",
        [True, False, True],
    ),
    "ignoring a warning": (
        """
import rasterio
from planet_vector.raster.rasterio_warnings import unplaced
warnings.simplefilter("error", rasterio.errors.NotGeoreferencedWarning)
def parent():
    with unplaced:
        entered.set()
        leave.wait(60)
def told():
    try:
        warnings.warn("nowhere", rasterio.errors.NotGeoreferencedWarning)
    except Warning:
        return "told"
    return "silent"
def child():
    before = told()
    with unplaced:
        within = told()
    return [before, within, told()]
""",
        ["told", "silent", "told"],
    ),
    "putting a key in force": (
        """
from planet_vector.config import Settings
from planet_vector.raster import path_options
real = path_options.headers_option
library = path_options.library_of("rasterio")
class Slow:
    def __getattr__(self, name):
        entered.set()
        leave.wait(60)
        return getattr(library, name)
def parent():
    path_options.library_of = lambda package: Slow()
    path_options.Scope(Settings.load(), "rasterio").end()
def child():
    path_options.library_of = lambda package: library
    path_options.Scope(Settings.load(), "rasterio").end()
    return "gone on"
""",
        "gone on",
    ),
}


@pytest.mark.parametrize("within", WITHIN)
def test_no_child_waits_for_a_thread_of_its_parent(forked: Callable[..., Any], within: str) -> None:
    if "rasterio" in WITHIN[within][0]:
        pytest.importorskip("rasterio")
    code, expected = WITHIN[within]
    found = forked(f"""
entered, leave = threading.Event(), threading.Event()
{code}
thread = threading.Thread(target=parent)
thread.start()
assert entered.wait(30)
told = fork([child])
leave.set()
thread.join()
print(json.dumps(told))
""")
    assert found == [expected]


def test_an_object_is_renewed_as_long_as_it_lives(forked: Callable[..., Any]) -> None:
    code = """
from planet_vector.forking import renew_after_fork
told = []
class Thing:
    def __init__(self, name):
        self.name = name
        renew_after_fork(self.renew)
    def renew(self):
        told.append(self.name)
class Twin(Thing):
    def __eq__(self, other):
        return True
    __hash__ = None  # may be registered all the same
renew_after_fork(lambda: told.append("function"))
first, second, gone, third = Thing("first"), Twin("second"), Thing("gone"), Twin("third")
del gone
def children():
    return [list(told), fork([lambda: told])]
print(json.dumps([fork([children]), told]))
"""
    [[child, [grandchild]]], parent = forked(code)
    assert child == ["function", "first", "second", "third"]
    assert grandchild == child * 2
    assert parent == []
