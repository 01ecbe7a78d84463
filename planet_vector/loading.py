"""Load the driver in the GDALs of a process before threads use them.

A GDAL that knows of the driver (``GDAL_PYTHON_DRIVER_PATH``) runs its file when it first looks for who opens, or
overwrites, a file. It holds a lock then, and needs the interpreter's. fiona, pyogrio and rasterio hold the
interpreter's lock while they create files (seen with rasterio 1.5, GDAL 3.12), and then need GDAL's: two threads wait
for each other for ever. Nothing is waited for once the file has been run.
"""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from typing import Any, Callable, Mapping, Set

from planet_vector.forking import renew_after_fork


def load_driver() -> None:
    """Have each GDAL that is imported load the driver, if it knows of it; one imported later is for the next call."""
    with _loading:
        for carrier, load in _LOADS.items():
            if carrier in sys.modules and carrier not in _loaded:
                load(sys.modules[carrier])
                _loaded.add(carrier)


_loading = threading.Lock()
_loaded: Set[str] = set()


@renew_after_fork
def _renew() -> None:
    global _loading
    _loading = threading.Lock()


_NO_FILE = "/vsimem/planet_vector/no-such-file"  # each driver is asked whether it opens that


def _load_osgeo(gdal: Any) -> None:
    gdal.IdentifyDriver(_NO_FILE)


def _load_fiona(drvsupport: Any) -> None:
    import fiona

    with suppress(fiona.errors.FionaError):
        fiona.open(_NO_FILE)


def _load_pyogrio(pyogrio: Any) -> None:
    with suppress(pyogrio.errors.DataSourceError):
        pyogrio.read_info(_NO_FILE)


def _load_rasterio(rasterio: Any) -> None:
    with suppress(rasterio.errors.RasterioIOError):
        rasterio.open(_NO_FILE)


_LOADS: Mapping[str, Callable[[Any], None]] = {
    "osgeo.gdal": _load_osgeo,
    "fiona.drvsupport": _load_fiona,
    "pyogrio": _load_pyogrio,
    "rasterio": _load_rasterio,
}
