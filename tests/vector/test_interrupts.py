"""Ctrl-C at any moment of a reading, in every reader: all rows, or an exception; and what goes wrong in between."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, List

import pyarrow
import pytest

from planet_vector.driver.registration import plugin_directory
from tests.conftest import HAS_FIONA, Start
from tests.faces import V0, Face
from tests.vector.conftest import Watched, write_scenes

COUNT = 3500

# Readings with a signal at a random moment of each, the cache empty for every other one. What a reading came to is
# printed: all rows, an exception, or how many rows it took for all.
INTERRUPTED = """
import json, os, random, signal, sys, threading, time
import planet_vector

planet_vector.register()
from planet_vector.vector import result
from planet_vector.vector.result_cache import CACHE

result.IN_MEMORY = 700  # the rest goes to a file
reader, tries, count, where = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
NAME = "PLANET:ortho"

def fiona():
    import fiona
    with fiona.open(NAME) as source:
        return sum(1 for _ in source)

def pyogrio(**options):
    import pyogrio
    return len(pyogrio.read_dataframe(NAME, use_arrow=False, **options))

def arrow():
    import pyogrio
    return pyogrio.raw.read_arrow(NAME)[1].num_rows

def batches():
    import pyogrio
    with pyogrio.raw.open_arrow(NAME, batch_size=100, use_pyarrow=True) as (_, reader):
        return sum(batch.num_rows for batch in reader)

def geopandas():
    import geopandas
    return len(geopandas.read_file(NAME))

def osgeo(exceptions=False, counted=False):
    from osgeo import gdal, ogr
    (gdal.UseExceptions if exceptions else gdal.DontUseExceptions)()
    source = ogr.Open(NAME)
    layer = source.GetLayer(0)
    if counted:
        layer.SetAttributeFilter(where)
        return layer.GetFeatureCount()
    return sum(1 for _ in layer)

read = {
    "fiona": fiona, "pyogrio": pyogrio, "pyogrio, Arrow": arrow, "batches": batches, "geopandas": geopandas,
    "pyogrio, filtered": lambda: pyogrio(where=where),
    "osgeo": osgeo, "osgeo, exceptions": lambda: osgeo(True), "osgeo, count": lambda: osgeo(counted=True),
}[reader]

def seconds():
    start = time.perf_counter()
    assert read() == count
    return time.perf_counter() - start

fresh, again = seconds(), seconds()
chance, outcomes = random.Random(len(reader)), []
for number in range(tries):
    if number % 2:
        CACHE.clear()
    moment = chance.uniform(0, 1.1 * (fresh if number % 2 else again))
    timer = threading.Timer(moment, os.kill, (os.getpid(), signal.SIGINT))
    rows = None
    try:
        timer.start()
        try:
            rows = read()
        except Exception as error:
            outcome = f"{type(error).__name__}: {error}"
        else:
            outcome = rows
        timer.join()
        time.sleep(0.2)  # for a signal that comes again
    except KeyboardInterrupt:
        outcome = "KeyboardInterrupt" if rows is None else rows
    outcomes.append(outcome)
print(json.dumps(outcomes))
"""

ALL = "\"sat.off_nadir\" >= 0 AND acquired > '2014-01-01'"
"""A condition that all scenes meet."""

READERS = ["pyogrio", "pyogrio, Arrow", "batches", "pyogrio, filtered", "geopandas"] + ["fiona"] * HAS_FIONA
OSGEO = ["osgeo", "osgeo, exceptions", "osgeo, count"]


def check(outcomes: List[Any]) -> None:
    """All rows or an exception each time; that nothing went wrong besides Ctrl-C; and that some came in between."""
    assert {outcome for outcome in outcomes if isinstance(outcome, int)} <= {COUNT}
    errors = [outcome for outcome in outcomes if not isinstance(outcome, int)]
    assert len(errors) >= len(outcomes) // 10
    assert all("KeyboardInterrupt" in error for error in errors), errors
    assert not any("fault in planet_vector" in error for error in errors)


def limit(face: Face) -> float:
    """Return the seconds that all tries may take: 300 over v0, and as many more as a reading takes more requests.

    The local service uses 0.06 seconds of a processor for a reading over v0, whose pages it keeps, and 0.6 seconds over
    the Data API v1, whose items it writes again for each page.
    """
    return 300 * face.reading / V0.reading


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot send itself Ctrl-C there")
@pytest.mark.parametrize("tries", [12, pytest.param(100, marks=pytest.mark.long)])
@pytest.mark.parametrize(
    "reader", [pytest.param(each, marks=[] if n == 0 else pytest.mark.long) for n, each in enumerate(READERS)]
)
def test_an_interruption_is_never_an_end(
    many: Watched, face: Face, run: Callable[..., Any], reader: str, tries: int
) -> None:
    environ = {**many.service.environ, "PLANET_RATE": "0"}
    arguments = (reader, str(tries), str(COUNT), face.spell(ALL))
    done = run("python", "-c", INTERRUPTED, *arguments, env=environ, timeout=limit(face))
    assert done.returncode == 0, done.stderr
    check(json.loads(done.stdout))


@pytest.mark.parametrize("tries", [12, pytest.param(100, marks=pytest.mark.long)])
@pytest.mark.parametrize("reader", OSGEO)
def test_an_interruption_is_never_an_end_for_osgeo(
    many: Watched, face: Face, system_python: Callable[..., Any], reader: str, tries: int
) -> None:
    environ = {**many.service.environ, "PLANET_RATE": "0"}
    arguments = (reader, str(tries), str(COUNT), face.spell(ALL))
    done = system_python(INTERRUPTED, *arguments, env=environ, timeout=limit(face))
    assert done.returncode == 0, done.stderr
    check(json.loads(done.stdout))


HANDLERS = """
import signal
import planet_vector
planet_vector.register()
import pyogrio
with pyogrio.raw.open_arrow("PLANET:ortho", use_pyarrow=True) as (_, reader):
    print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
    reader.read_all()
del reader
print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
mine = lambda *_: None
signal.signal(signal.SIGINT, mine)
with pyogrio.raw.open_arrow("PLANET:ortho", use_pyarrow=True) as (_, reader):
    print(signal.getsignal(signal.SIGINT) is mine)
"""


def test_a_handler_of_the_program_is_left_alone(many: Watched, run: Callable[..., Any]) -> None:
    done = run("python", "-c", HANDLERS, env=many.service.environ)
    # Python's own is replaced from the first use on: GDAL loses what that raises while any file is opened.
    assert done.stdout.split() == ["False", "False", "True"], done.stderr


# ---- errors between blocks of rows -----------------------------------------------------------------------

# The disk fails at the n-th piece that is read back, for each n; a reader must raise, not end.
FAILING = """
import errno, json, os, sys
import planet_vector

planet_vector.register()
from planet_vector.vector import result

result.IN_MEMORY = 1100  # the first page, and rows in a file after it
reader, count = sys.argv[1], int(sys.argv[2])
exec(sys.argv[3])
pieces, at, whole = 0, None, result.Spool.read

def read_back(self, start, length):
    global pieces
    pieces += 1
    if pieces - 1 == at:
        raise OSError(errno.EIO, "Input/output error")
    return whole(self, start, length)

result.Spool.read = read_back
assert read() == count  # which reads pieces for the cache on disk, too
pieces = 0
assert read() == count
last, outcomes = pieces, {}
for at in range(0, last, 7 if len(sys.argv) == 4 else 1):
    pieces = 0
    try:
        outcome = read()
    except Exception as error:
        outcome = str(error)
    outcomes[str(outcome)] = outcomes.get(str(outcome), 0) + 1
print(json.dumps([last, outcomes]))
"""
READ: Dict[str, str] = {
    "fiona": "import fiona\nread = lambda: sum(1 for _ in fiona.open('PLANET:ortho'))",
    "pyogrio": "import pyogrio\nread = lambda: len(pyogrio.read_dataframe('PLANET:ortho', use_arrow=False))",
    "pyogrio, Arrow": "import pyogrio\nread = lambda: pyogrio.raw.read_arrow('PLANET:ortho')[1].num_rows",
    "geopandas": "import geopandas\nread = lambda: len(geopandas.read_file('PLANET:ortho'))",
    "table": (
        "import pyarrow, pyogrio\n"
        "def read():\n"
        "    with pyogrio.raw.open_arrow('PLANET:ortho') as (_, stream):\n"
        "        return pyarrow.table(stream).num_rows\n"
    ),
    "osgeo": (
        "from osgeo import ogr\nfrom osgeo import gdal\ngdal.DontUseExceptions()\n"
        "def read():\n"
        "    source = ogr.Open('PLANET:ortho')\n"
        "    return sum(1 for _ in source.GetLayer(0))\n"
    ),
}
READ["osgeo, exceptions"] = READ["osgeo"].replace("DontUse", "Use")


@pytest.mark.parametrize("reader", READ)
def test_a_failure_at_any_piece_is_never_an_end(
    many: Watched, run: Callable[..., Any], system_python: Callable[..., Any], reader: str
) -> None:
    if reader == "fiona" and not HAS_FIONA:
        pytest.skip("fiona is not installed")
    if reader == "table" and int(pyarrow.__version__.split(".")[0]) < 14:
        pytest.skip("pyarrow makes no table of a stream before version 14")
    environ = {**many.service.environ, "PLANET_RATE": "0"}
    arguments = (reader, str(COUNT), READ[reader])
    if reader.startswith("osgeo"):
        done = system_python(FAILING, *arguments, env=environ, timeout=300)
    else:
        done = run("python", "-c", FAILING, *arguments, env=environ, timeout=300)
    assert done.returncode == 0, done.stderr
    pieces, outcomes = json.loads(done.stdout)
    assert pieces > 70
    assert all("Input/output error" in outcome for outcome in outcomes), outcomes
    assert sum(outcomes.values()) == len(range(0, pieces, 7))


def test_programs_learn_of_a_failure_in_between(many: Watched, run: Callable[..., Any], tmp_path: Path) -> None:
    driver = (plugin_directory() / "gdal_PLANET.py").read_text()
    (tmp_path / "driver").mkdir()
    (tmp_path / "driver" / "gdal_PLANET.py").write_text(
        driver + "\nimport planet_vector.vector.result as result\n"
        "result.IN_MEMORY = 1100\n"
        "def damaged(self, start, length):\n"
        "    raise OSError(5, 'Input/output error')\n"
        "result.Spool.read = damaged\n"
    )
    environ = {**many.service.environ, "GDAL_PYTHON_DRIVER_PATH": str(tmp_path / "driver")}
    done = run("ogr2ogr", "-f", "GPKG", str(tmp_path / "out.gpkg"), "PLANET:ortho", env=environ)
    assert done.returncode != 0
    assert "Input/output error" in done.stderr
    done = run("ogrinfo", "-q", "-al", "PLANET:ortho", env=environ)  # its own exit status is 0 whatever a layer says
    assert "ERROR 1: PLANET: " in done.stderr
    assert "Input/output error" in done.stderr


def test_ctrl_c_ends_a_program_that_embeds_python(
    tmp_path: Path, start_service: Start, many_scenes: List[Dict[str, Any]]
) -> None:
    service = start_service(write_scenes(tmp_path / "scenes", many_scenes), "--latency", "1000")
    process = subprocess.Popen(
        ["ogrinfo", "-q", "-al", "PLANET:ortho"],
        env={**service.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    start = time.monotonic()
    written, said = process.communicate(timeout=10)
    assert time.monotonic() - start < 2
    assert b"OGRFeature" not in written
    # ogrinfo ends with 0 whatever a layer says.
    assert b"PLANET: Interrupted before all was read" in said or process.returncode in (-signal.SIGINT, 130)
