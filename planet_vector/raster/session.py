"""Provide sessions for rasterio and fiona, in which the key of a service applies to its own hosts only.

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
except ImportError:  # rasters do not need fiona
    fiona = None


class OptionsSession(rasterio.session.Session):  # type: ignore[misc]
    """Session that passes GDAL options to a `rasterio.Env` as credentials, which rasterio does not log.

    Parameters
    ----------
    options : mapping of str to str
        Options to set.
    """

    def __init__(self, options: Mapping[str, str]) -> None:
        self._options = Options(options)

    @classmethod
    def hascreds(cls, config: Mapping[str, Any]) -> bool:
        """Return whether a configuration has these credentials already: never, as they belong to one dataset.

        Parameters
        ----------
        config : mapping of str to object
            Options of the environment.
        """
        return False

    def get_credential_options(self) -> Dict[str, str]:
        """Return the options."""
        return dict(self._options)


class _Keyed:
    """Session in which a key applies to the service's own hosts."""

    _package: str

    def __init__(self, connection: Optional[str] = None, key: Optional[str] = None) -> None:
        self._settings = Settings.load(connection, key)
        self._scope: Optional[Scope] = None
        self._finalizer: Optional[Any] = None

    @classmethod
    def hascreds(cls, config: Mapping[str, Any]) -> bool:
        """Return whether a configuration has these credentials already: never, as they are no options of the process.

        Parameters
        ----------
        config : mapping of str to object
            Options of the environment.
        """
        return False

    def get_credential_options(self) -> Dict[str, str]:
        """Activate the key, and return the other options for reads from the service.

        Returns
        -------
        dict of str to str
            The options, without the key.

        Raises
        ------
        RasterAccessError
            If this GDAL has no options for single hosts (before 3.7).
        """
        if self._settings.key is not None and self._scope is None:
            self._scope = Scope(self._settings, self._package)
            self._finalizer = weakref.finalize(self, self._scope.end)
        return {**READING, **GUARDED}

    def close(self) -> None:
        """Deactivate the key; garbage collection of the session does so, too."""
        if self._finalizer is not None:
            self._finalizer()
        self._scope = self._finalizer = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._settings.api_url}>"


class PlanetSession(_Keyed, rasterio.session.Session):  # type: ignore[misc]
    """Session of a `rasterio.Env` in which ``/vsicurl/<product link>`` opens.

    The key is only sent to the service's own hosts, also when other files are read within the Env.

    Parameters
    ----------
    connection, key : str, optional
        As for `planet_vector.connect`.
    """

    _package = "rasterio"


if TYPE_CHECKING or fiona is not None:

    class FionaPlanetSession(_Keyed, fiona.session.Session):  # type: ignore[misc]
        """Session of a `fiona.Env`, otherwise like `PlanetSession`."""

        _package = "fiona"

else:

    def __getattr__(name: str) -> Any:
        if name == "FionaPlanetSession":
            raise ImportError(
                "FionaPlanetSession needs fiona, which is not installed (it has no wheel for Python 3.14)."
            )
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
