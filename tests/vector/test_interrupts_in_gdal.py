"""Ctrl-C while GDAL is at work by itself, not the driver: in its C++ code, and in Python code of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sys
import threading
import time
from typing import Any, Callable, Dict

import pytest

from tests.conftest import HAS_FIONA

OPENING = {
    "osgeo": "from osgeo import gdal\nopen = gdal.OpenEx",
    "rasterio": "import rasterio\nopen = rasterio.open",
    "pyogrio": "import pyogrio\nopen = pyogrio.read_info",
    **({"fiona": "import fiona\nopen = fiona.open"} if HAS_FIONA else {}),
}


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be sent Ctrl-C there")
@pytest.mark.parametrize(
    "reader", [pytest.param(each, marks=[] if n == 0 else pytest.mark.long) for n, each in enumerate(list(OPENING))]
)
def test_a_signal_within_gdal_is_no_crash(
    run: Callable[..., Any], system_python: Callable[..., Any], reader: str
) -> None:
    """It is handled when Python's code runs next: in the driver, which GDAL asks about each name, ours or not."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def interrupt() -> None:
            try:
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        process = re.search(rb"/(\d+)\.tif", connection.recv(4096))
                        if process is not None:
                            os.kill(int(process.group(1)), signal.SIGINT)
                            time.sleep(0.2)
                        connection.sendall(b"HTTP/1.1 404 None\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            except (OSError, ProcessLookupError):
                return  # the process has ended, and so has the test

        thread = threading.Thread(target=interrupt, daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        program = (
            f"import os, time\nimport planet_vector\n{OPENING[reader]}\nplanet_vector.register()\n"
            f"try:\n  open(f'/vsicurl/{address}/{{os.getpid()}}.tif')\nexcept Exception:\n  pass\ntime.sleep(3)"
        )
        options: Dict[str, Any] = {"env": {**os.environ, "CPL_LOG": os.devnull}, "timeout": 60}
        if reader == "osgeo":
            done = system_python(program, **options)
        else:
            done = run("python", "-c", program, **options)
    assert "KeyboardInterrupt" in done.stderr and done.returncode == -signal.SIGINT, (done.returncode, done.stderr)


# ---- in Python code that GDAL runs by itself -------------------------------------------------------------

# Opens a name, and interrupts at the n-th line that is new while `line` traces.
LINES = """
import itertools, json, os, signal, sys, time
import planet_vector
planet_vector.register()
exec(sys.argv[1])
at, lines = 0, []

def line(frame, event, _):
    code = frame.f_code
    place = f"{code.co_filename}:{frame.f_lineno}"
    if event == "line" and place not in lines:
        lines.append(place)
        if len(lines) == at:
            sys.settrace(None)
            os.kill(os.getpid(), signal.SIGINT)
    elif (event, code.co_name) in [("return", "GDALFormatException3"), ("call", "identify")]:
        sys.settrace(None)  # GDAL has the text of the error, or asks the driver, which it has loaded
    return line

def outcome(name):
    try:
        try:
            open(name)
        except Exception:
            pass
        sys.settrace(None)
        if len(lines) < at:
            return "no line left"
        end = time.monotonic() + 5
        while time.monotonic() < end:
            time.sleep(0.001)  # one long sleep would not be ended by a signal that comes again
        return "lost"
    except KeyboardInterrupt:
        return "KeyboardInterrupt"
    finally:
        sys.settrace(None)
"""
# Each line on the way from an error of the driver to its text in GDAL, in one process.
REPORTED = """
from planet_vector.driver.gdal_errors import LISTENERS

outcome("PLANET:ortho?nosuch=1")
LISTENERS.append(lambda _: sys.settrace(line))
outcomes = {}
for at in itertools.count(1):
    lines.clear()
    came = outcome("PLANET:ortho?nosuch=1")
    if came == "no line left":
        break
    outcomes[lines[-1]] = came
print(json.dumps(outcomes))
"""
# Each line of the loading of the driver, which happens once in a process.
LOADED = """
def start(frame, event, _):
    if frame.f_code.co_filename == "gdal_python_driver" or frame.f_code.co_name == "_fix_up_module":
        sys.settrace(line)
        return line

outcomes = {}
for at in itertools.count(1):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            sys.settrace(start)
            came = outcome("/vsimem/none")
            os.write(writing, json.dumps([(lines or [None])[-1], came]).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    status = os.waitpid(child, 0)[1]
    place, came = json.loads(said) if said else (f"line {at}", f"status {status}")
    if came == "no line left":
        break
    outcomes[place] = came
print(json.dumps(outcomes))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot send itself Ctrl-C there")
@pytest.mark.parametrize(
    ("reader", "code", "passed"),
    [
        *(pytest.param(reader, REPORTED, "gdal_exception_0", id=f"{reader}, reported") for reader in OPENING),
        # register() imports fiona and has it load the driver, so there is nothing to interrupt.
        *(
            pytest.param(
                reader,
                LOADED,
                "gdal_python_driver",
                id=f"{reader}, loaded",
                marks=pytest.mark.long if reader == "rasterio" else [],  # it runs the most lines
            )
            for reader in OPENING
            if reader != "fiona"
        ),
    ],
)
def test_a_signal_in_python_code_of_gdal_is_no_crash(
    run: Callable[..., Any], system_python: Callable[..., Any], reader: str, code: str, passed: str
) -> None:
    """GDAL takes for granted that modules of its own can be made, and crashes where one cannot."""
    options: Dict[str, Any] = {"env": {**os.environ, "CPL_LOG": os.devnull}, "timeout": 120}
    if reader == "osgeo":
        done = system_python(LINES + code, OPENING[reader], **options)
    else:
        done = run("python", "-c", LINES + code, OPENING[reader], **options)
    assert done.returncode == 0, (done.returncode, done.stderr)
    outcomes = json.loads(done.stdout)
    assert any(place.startswith(f"{passed}:") for place in outcomes)
    # fiona and rasterio log GDAL's errors, and lose an exception that rises in Python's code for that.
    may_be = {"KeyboardInterrupt", "lost"} if reader in ("fiona", "rasterio") else {"KeyboardInterrupt"}
    assert {place: came for place, came in outcomes.items() if came not in may_be} == {}
