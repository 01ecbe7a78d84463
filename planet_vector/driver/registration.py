"""Registration of the drivers with the GDALs of this process, and with programs started from a shell."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping

from planet_vector.driver.interrupts import stand_in
from planet_vector.errors import warn
from planet_vector.loading import load_driver

PATH_OPTION = "GDAL_PYTHON_DRIVER_PATH"
DRIVERS = ("PLANET", "STAC")
"""Names of the drivers, and prefixes of the names that they open."""

_NEEDED = (__name__.partition(".")[0], "requests")  # the package, or the one that bundles it


def plugin_directory() -> Path:
    """Return the directory of the drivers, which contains nothing else that GDAL would run.

    GDAL runs every ``gdal_*.py`` and ``ogr_*.py`` in it, so it belongs to this package only.
    """
    import planet_vector.plugins as plugins

    return Path(next(iter(plugins.__path__))).resolve()


def register() -> None:
    """Register the drivers PLANET and STAC with the GDALs of this process; may be called repeatedly.

    GDALs that register their drivers later find them by the environment variable ``GDAL_PYTHON_DRIVER_PATH``. GDALs
    already imported (osgeo, fiona, rasterio and pyogrio each have their own) repeat their registration and load the
    drivers (`planet_vector.loading`). Only rasterio cannot repeat it once it has been used: then a warning is issued.
    """
    directory = str(plugin_directory())
    paths = [path for path in os.environ.get(PATH_OPTION, "").split(os.pathsep) if path]
    if directory not in paths:
        os.environ[PATH_OPTION] = os.pathsep.join([directory, *paths])
    if importlib.util.find_spec("fiona") is not None:
        importlib.import_module("fiona.drvsupport")  # its table of drivers exists only after the import
    for carrier, register_driver in _REGISTER.items():
        if carrier in sys.modules:
            register_driver(sys.modules[carrier])
    stand_in()
    load_driver()


def _register_osgeo(gdal: Any) -> None:
    gdal.SetConfigOption(PATH_OPTION, os.environ[PATH_OPTION])
    gdal.AllRegister()


def _register_fiona(drvsupport: Any) -> None:
    # fiona uses only the drivers in this table; each Env registers GDAL's drivers again.
    drvsupport.supported_drivers.update((driver, "r") for driver in DRIVERS)


def _register_pyogrio(pyogrio: Any) -> None:
    pyogrio.set_gdal_config_options({PATH_OPTION: os.environ[PATH_OPTION]})
    pyogrio._ogr._register_drivers()  # as the import of pyogrio does; there is no public function


def _register_rasterio(rasterio: Any) -> None:
    with rasterio.Env() as env:
        if not env.drivers().keys() >= set(DRIVERS):
            warn(
                "rasterio was used before planet_vector.register(): it cannot open PLANET: and STAC: names in this "
                "process. planet_vector.open is not affected.",
                RuntimeWarning,
            )


_REGISTER: Mapping[str, Callable[[Any], None]] = {
    "osgeo.gdal": _register_osgeo,
    "fiona.drvsupport": _register_fiona,
    "pyogrio": _register_pyogrio,
    "rasterio": _register_rasterio,
}


def environment() -> Dict[str, str]:
    """Return the environment variables that register the drivers in every GDAL program started with them.

    The programs embed a Python of their own, so the variables also contain the paths of this package and requests.
    """
    places: List[str] = []
    for name in _NEEDED:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin:
            place = str(Path(spec.origin).resolve().parents[1])
            if place not in places:
                places.append(place)
    return {PATH_OPTION: str(plugin_directory()), "PLANET_VECTOR_PATH": os.pathsep.join(places)}
