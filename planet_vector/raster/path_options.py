"""Set the key for the hosts of one service, in one of the GDALs of this process.

GDAL has options for names with a given prefix (``VSISetPathSpecificOption``, for HTTP from 3.7 on). They are the one
safe place for a key that files opened later use, for example the sources of a mosaic. rasterio and fiona each bring
their own GDAL and do not expose the function, so it is called in the library they have loaded.

Where symbols are looked up in a library and in those it is linked to (Linux, macOS), a compiled module of the package
leads to its GDAL. Windows looks in one library only, so there the DLL itself is found: beside the package in a wheel,
in the environment's ``Library/bin`` in conda. The layout is that of the wheels of rasterio 1.4.4 and fiona 1.10.1 for
Windows; it was not tested there.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Tuple

from planet_vector.config import Settings
from planet_vector.errors import RasterAccessError
from planet_vector.forking import renew_after_fork
from planet_vector.raster.credential_files import headers_option, prefixes
from planet_vector.raster.gdal_options import GUARDED, HEADERS, READING

_SCOPED = (3, 7, 0)
_MODULE = "_env"  # a compiled module in both packages

_lock = threading.Lock()
_users: Dict[Tuple[str, str], int] = {}
_found: Dict[str, Dict[str, Optional[bytes]]] = {}


class Scope:
    """Scope in which a key is in force, until `end`.

    While any scope is active, the options `GUARDED` apply to the whole GDAL. Without them GDAL would send the key along
    redirects, and send HEAD to stores that only accept GET. They apply without a key, too.

    Parameters
    ----------
    settings : Settings
        The service and its key.
    package : str
        Package whose GDAL is used: ``rasterio`` or ``fiona``.

    Raises
    ------
    RasterAccessError
        If that GDAL lacks such options, or is not found.
    """

    def __init__(self, settings: Settings, package: str) -> None:
        self._package = package
        self._gdal = library_of(package)
        self._prefixes = [prefix.encode() for prefix in prefixes(settings)]
        options = {**READING, **({HEADERS: headers_option(settings)} if settings.sent_key else {})}
        with _lock:
            if not any(count for (owner, _), count in _users.items() if owner == package):
                _found[package] = {name: self._gdal.CPLGetConfigOption(name.encode(), None) for name in GUARDED}
                self._guard()
            for prefix in self._prefixes:
                for name, value in options.items():
                    self._gdal.VSISetPathSpecificOption(prefix, name.encode(), value.encode())
                self._count(prefix, 1)

    def enforce(self) -> None:
        """Set the options `GUARDED` again, as the end of a `rasterio.Env` unsets the options that it sets itself."""
        with _lock:
            if self._package in _found:
                self._guard()

    def forget(self) -> None:
        """Clear GDAL's cache for files of these hosts, which includes failures."""
        for prefix in self._prefixes:
            self._gdal.VSICurlPartialClearCache(prefix)

    def end(self) -> None:
        """Remove the key and what was read with it, once no other scope needs it."""
        with _lock:
            for prefix in self._prefixes:
                if not self._count(prefix, -1):
                    self._gdal.VSIClearPathSpecificOptions(prefix)
                    self._gdal.VSICurlPartialClearCache(prefix)
            if not any(count for (owner, _), count in _users.items() if owner == self._package):
                for name, value in _found.pop(self._package, {}).items():
                    self._gdal.CPLSetConfigOption(name.encode(), value)
            self._prefixes = []

    def _guard(self) -> None:
        for name, guard in GUARDED.items():
            self._gdal.CPLSetConfigOption(name.encode(), guard.encode())

    def _count(self, prefix: bytes, change: int) -> int:
        user = (self._package, prefix.decode())
        _users[user] = _users.get(user, 0) + change
        return _users[user]


@renew_after_fork
def _renew() -> None:
    global _lock
    _lock = threading.Lock()


def library_of(package: str) -> ctypes.CDLL:
    """Return the GDAL library that a package has loaded.

    Parameters
    ----------
    package : str
        ``rasterio`` or ``fiona``.

    Returns
    -------
    ctypes.CDLL
        The library, with the signatures of the functions used here.

    Raises
    ------
    RasterAccessError
        If it is older than 3.7, or not found.
    """
    module = Path(str(import_module(f"{package}.{_MODULE}").__file__))
    path = _dll(module, Path(sys.prefix)) if sys.platform == "win32" else module
    try:
        gdal = ctypes.CDLL(str(path))
        gdal.GDALVersionInfo.argtypes, gdal.GDALVersionInfo.restype = [ctypes.c_char_p], ctypes.c_char_p
        version = gdal.GDALVersionInfo(b"RELEASE_NAME").decode()
        if tuple(int(number) for number in version.split(".")[:3]) < _SCOPED:
            raise RasterAccessError(
                f"The GDAL of {package} is {version}, which cannot keep a key to one host: take 3.7 or later, or open "
                "the product with planet_vector.open."
            )
        signatures: Mapping[str, List[object]] = {
            "VSISetPathSpecificOption": [ctypes.c_char_p] * 3,
            "VSIClearPathSpecificOptions": [ctypes.c_char_p],
            "VSICurlPartialClearCache": [ctypes.c_char_p],
            "CPLSetConfigOption": [ctypes.c_char_p] * 2,
            "CPLGetConfigOption": [ctypes.c_char_p] * 2,
            "VSIStatExL": [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int],
        }
        for name, arguments in signatures.items():
            getattr(gdal, name).argtypes = arguments
            getattr(gdal, name).restype = None
        gdal.CPLGetConfigOption.restype = ctypes.c_char_p
        gdal.VSIStatExL.restype = ctypes.c_int
    except (OSError, AttributeError):
        raise RasterAccessError(
            f"The GDAL of {package} was not found in its library {path}: open the product with planet_vector.open."
        ) from None
    return gdal


def _dll(module: Path, prefix: Path) -> Path:
    """Return the DLL of GDAL that a compiled module of a package uses on Windows.

    Parameters
    ----------
    module : Path
        The module, in the package's folder.
    prefix : Path
        Root of the Python environment.
    """
    package = module.parent
    beside = sorted(package.with_name(f"{package.name}.libs").glob("gdal*.dll"))
    of_conda = sorted((prefix / "Library" / "bin").glob("gdal*.dll"))
    return next(iter(beside + of_conda), module)
