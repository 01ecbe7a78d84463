"""Set-up before any search: the GDAL drivers in this process, and QGIS's network settings."""

from __future__ import annotations

import os

from osgeo import gdal

from planet_scenes import network
from planet_scenes.texts import tr
from planet_vector.driver.registration import DRIVERS, PATH_OPTION, environment, register
from planet_vector.errors import AuthError, PlanetVectorError
from planet_vector.loading import load_driver

LIFE = "PLANET_CACHE_TTL"
_AN_HOUR = "3600"


def start() -> None:
    """Register the drivers with this process's GDAL, and with programs that QGIS starts; can be called repeatedly.

    The drivers stay registered: without them, open layers would become empty.
    """
    network.apply()
    drivers, ours = list(filter(None, map(gdal.GetDriverByName, DRIVERS))), environment()
    if drivers and os.environ.get(PATH_OPTION, "").split(os.pathsep)[0] != ours[PATH_OPTION]:
        # A driver registered through the environment uses another copy of this package, without the log-ins made here.
        for driver in drivers:
            driver.Deregister()
        drivers = []
    if len(drivers) < len(DRIVERS):
        os.environ.update(ours)
        register()
    else:  # registered through the environment
        load_driver()
    # Maps stay open longer than programs run: results are kept for an hour, unless the user configured otherwise.
    os.environ.setdefault(LIFE, _AN_HOUR)


def errors_told(error: BaseException) -> str:
    """Return an error as a sentence for the user; it never contains a key.

    Parameters
    ----------
    error : BaseException
        The error.
    """
    if isinstance(error, AuthError) and error.reason:
        return tr("{reason}: log in.").format(reason=error.reason)
    if isinstance(error, OSError) and not isinstance(error, PlanetVectorError) and error.strerror:
        return tr("{file} cannot be used: {why}.").format(file=error.filename or tr("A file"), why=error.strerror)
    if isinstance(error, (PlanetVectorError, OSError, ValueError)) and str(error):
        return str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
