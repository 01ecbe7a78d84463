"""Ctrl-C while GDAL is at work by itself, not the driver."""

from __future__ import annotations

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
@pytest.mark.parametrize("reader", list(OPENING))
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
            f"try:\n  open(f'/vsicurl/{address}/{{os.getpid()}}.tif')\nexcept Exception:\n  pass\ntime.sleep(30)"
        )
        options: Dict[str, Any] = {"env": {**os.environ, "CPL_LOG": os.devnull}, "timeout": 60}
        if reader == "osgeo":
            done = system_python(program, **options)
        else:
            done = run("python", "-c", program, **options)
    assert "KeyboardInterrupt" in done.stderr and done.returncode == -signal.SIGINT, (done.returncode, done.stderr)
