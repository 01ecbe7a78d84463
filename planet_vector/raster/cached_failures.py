"""Forget that GDAL could not open a remote file, in each GDAL of this process that may open it again.

GDAL caches failures by URL as it caches files: a file that once could not be opened stays missing, without a further
request. This module needs only the standard library, because the GDAL driver runs it in any Python that embeds GDAL.
"""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress

from planet_vector.errors import RasterAccessError
from planet_vector.raster.path_options import library_of

_CACHE_ONLY = 16  # VSI_STAT_CACHE_ONLY of cpl_vsi.h: send no request
_STAT = 1024  # bytes; more than the struct has on any system


def forget_failure(name: str) -> None:
    """Let GDAL request a remote file again if it could not be opened; what is cached of an open file stays.

    Parameters
    ----------
    name : str
        GDAL name of the file.
    """
    if not name.startswith("/vsicurl"):
        return
    osgeo = sys.modules.get("osgeo.gdal")
    if osgeo is not None:
        with suppress(RuntimeError):  # with exceptions of GDAL enabled, if there is no file
            if osgeo.VSIStatL(name, _CACHE_ONLY) is not None:
                osgeo = None
        if osgeo is not None:
            osgeo.VSICurlPartialClearCache(name)
    if "rasterio._env" in sys.modules:
        with suppress(RasterAccessError):  # too old for names of products
            library = library_of("rasterio")
            if library.VSIStatExL(name.encode(), ctypes.create_string_buffer(_STAT), _CACHE_ONLY):
                library.VSICurlPartialClearCache(name.encode())
