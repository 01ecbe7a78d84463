"""Sessions for rasterio and fiona: the key of a service, in force for its own hosts only.

::

    with rasterio.Env(session=PlanetSession()):
        with rasterio.open("/vsicurl/https://api.planet.com/v0/scenes/ortho/…/full?product=visual") as dataset:
            ...
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional

import rasterio.session

from planet_vector.config import Settings
from planet_vector.raster.gdal_options import GUARDED, READING, Options
from planet_vector.raster.path_options import Scope

try:
    import fiona.session
except ImportError:  # rasters need no fiona
    fiona = None


class OptionsSession(rasterio.session.Session):  # type: ignore[misc]
    """Session that carries GDAL options into a `rasterio.Env` as credentials, which rasterio does not log.

    Parameters
    ----------
    options : mapping of str to str
        What to set.
    """

    def __init__(self, options: Mapping[str, str]) -> None:
        self._options = Options(options)

    @classmethod
    def hascreds(cls, config: Mapping[str, Any]) -> bool:
        """Tell whether a configuration has these credentials already: never, they are of one dataset."""
        return False

    def get_credential_options(self) -> Dict[str, str]:
        """Return the options."""
        return dict(self._options)


class _Keyed:
    """Session in which a key is in force for the service's own hosts."""

    _package: str

    def __init__(self, api_url: Optional[str] = None, key: Optional[str] = None) -> None:
        self._settings = Settings.load(api_url, key)
        self._scope: Optional[Scope] = None
        self._finalizer: Optional[Any] = None

    @classmethod
    def hascreds(cls, config: Mapping[str, Any]) -> bool:
        """Tell whether a configuration has these credentials already: no option of a whole process does."""
        return False

    def get_credential_options(self) -> Dict[str, str]:
        """Put the key in force, and return the options that reads from the service take besides.

        Raises
        ------
        RasterAccessError
            When this GDAL has no options for single hosts (before 3.7).
        """
        if self._settings.key is not None and self._scope is None:
            self._scope = Scope(self._settings, self._package)
            self._finalizer = weakref.finalize(self, self._scope.end)
        return {**READING, **GUARDED}

    def close(self) -> None:
        """Withdraw the key; the end of the session does so too."""
        if self._finalizer is not None:
            self._finalizer()
        self._scope = self._finalizer = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._settings.api_url}>"


class PlanetSession(_Keyed, rasterio.session.Session):  # type: ignore[misc]
    """Session of a `rasterio.Env` in which ``/vsicurl/<product link>`` opens.

    The key is sent to the service's own hosts and to no other, also when other files are read within the Env.

    Parameters
    ----------
    api_url, key : str, optional
        As for `planet_vector.connect`.
    """

    _package = "rasterio"


if TYPE_CHECKING or fiona is not None:

    class FionaPlanetSession(_Keyed, fiona.session.Session):  # type: ignore[misc]
        """Be the same for a `fiona.Env`."""

        _package = "fiona"

else:

    def __getattr__(name: str) -> Any:
        if name == "FionaPlanetSession":
            raise ImportError(
                "FionaPlanetSession needs fiona, which is not installed (it has no wheel for Python 3.14)."
            )
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
