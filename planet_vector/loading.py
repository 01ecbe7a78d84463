"""Load the driver in the GDALs of a process before threads use them.

A GDAL that finds the driver (``GDAL_PYTHON_DRIVER_PATH``) runs its file when it first looks for a driver that opens or
overwrites a file. During that it holds a lock of its own and needs the interpreter's. fiona, pyogrio and rasterio hold
the interpreter's lock while they create files (seen with rasterio 1.5, GDAL 3.12), and then need GDAL's: two threads
deadlock. Once the file has been run, no thread waits.
"""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from typing import Any, Callable, Mapping, Set

from planet_vector.forking import renew_after_fork


def load_driver() -> None:
    """Make each imported GDAL load the driver, if it finds it.

    A GDAL that is imported later needs another call.
    """
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


_NO_FILE = "/vsimem/planet_vector/no-such-file"  # every driver must check whether it opens this name


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
