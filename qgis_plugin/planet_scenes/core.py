"""What has to be there before any search: the driver in this process, and the network as QGIS has it."""

from __future__ import annotations

import os

from osgeo import gdal

from planet_scenes import network
from planet_vector.driver.registration import PATH_OPTION, environment, register
from planet_vector.errors import PlanetVectorError
from planet_vector.loading import load_driver

LIFE = "PLANET_CACHE_TTL"
_AN_HOUR = "3600"


def start() -> None:
    """Make the driver known to this process's GDAL, and to the programs that QGIS starts; may be called any time.

    It is never taken away again: layers that are open would go empty.
    """
    network.apply()
    driver, ours = gdal.GetDriverByName("PLANET"), environment()
    if driver is not None and os.environ.get(PATH_OPTION, "").split(os.pathsep)[0] != ours[PATH_OPTION]:
        # One that a shell made known runs in another copy of this package, which would hear of no log-in here.
        driver.Deregister()
        driver = None
    if driver is None:
        os.environ.update(ours)
        register()
    else:  # a shell made it known
        load_driver()
    # A map is looked at for longer than a program runs: what was read stays for an hour, unless somebody said else.
    os.environ.setdefault(LIFE, _AN_HOUR)


def errors_told(error: BaseException) -> str:
    """Return an error as a sentence for the user; no key is ever in one."""
    if isinstance(error, (PlanetVectorError, OSError, ValueError)) and str(error):
        return str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
