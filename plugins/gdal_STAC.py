# gdal: DRIVER_NAME = "STAC"
# gdal: DRIVER_SUPPORTED_API_VERSION = [1]
# gdal: DRIVER_DCAP_VECTOR = "YES"
# gdal: DRIVER_DCAP_RASTER = "YES"
# gdal: DRIVER_DMD_LONGNAME = "STAC APIs"
# gdal: DRIVER_DMD_CONNECTION_PREFIX = "STAC:"
# gdal: DRIVER_DMD_SUBDATASETS = "YES"
# gdal: DRIVER_DMD_OPENOPTIONLIST = "<OpenOptionList><Option name='API_KEY' type='string' description='Key of the service, if it needs one; prefer planet-vector login'/><Option name='PLANET_CACHE_TTL' type='float' description='Lifetime of a cached result in seconds' default='300'/><Option name='PLANET_CONNECTIONS' type='int' description='Maximum number of concurrent requests' default='8'/><Option name='PLANET_RATE' type='float' description='Requests a second, 0 for no limit' default='10'/></OpenOptionList>"  # noqa: E501
"""The GDAL driver STAC: a search of a STAC API as a vector layer, an item as a container of rasters.

A driver in Python has one prefix, so this file has its own driver, with the classes of the driver PLANET beside it.
They derive from classes of the GDAL that runs this file. Another GDAL of the process may have run the other file since,
in the module ``gdal_PLANET``; therefore that file is run here once more, in a module that is not registered.
"""

import importlib.util
import os

_PLACE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "gdal_PLANET.py")
_SPEC = importlib.util.spec_from_file_location("gdal_PLANET", _PLACE)
shared = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(shared)
shared.PREFIX = "STAC:"


class Driver(shared.Driver):
    """Driver that opens STAC: names."""

    def identify(self, filename, first_bytes, open_flags, open_options={}):  # noqa: B006 - GDAL's signature
        return filename[:5].upper() == shared.PREFIX
