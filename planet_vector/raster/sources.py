"""Links of a service that GDAL opens by itself: the sources of VRTs, with the key in force for them.

A link leads to another host, or to a file that is served in parts only with the key. What is put together of links
refers to them as the service gave them, so that it stays valid however long it is open. Their headers are read here
by the same names, so that what GDAL opens later is what was looked at, and is asked for once.
"""

from __future__ import annotations

from rasterio.errors import RasterioIOError

from planet_vector.catalog import ScenesV0
from planet_vector.catalog.answers import ranged_length
from planet_vector.names import ONLY_GEOTIFF
from planet_vector.raster.access import Access
from planet_vector.raster.options import READING, Options
from planet_vector.raster.product import Product, ProductError, open_access
from planet_vector.raster.said import gdal_said
from planet_vector.raster.scope import Scope


def source_name(link: str) -> str:
    """Return the GDAL name of what a link leads to; no driver but that of GeoTIFF opens it."""
    return f"{ONLY_GEOTIFF}/vsicurl/{link}"


class Sources:
    """Put the key in force for the links of a service, until `end`.

    Parameters
    ----------
    catalog : ScenesV0
        The service.
    """

    def __init__(self, catalog: ScenesV0) -> None:
        self._catalog = catalog
        self._scope = Scope(catalog.settings, "rasterio")

    def open(self, link: str, title: str) -> Product:
        """Open what a link leads to by the name that GDAL opens later.

        Parameters
        ----------
        link : str
            The link, checked.
        title : str
            What errors call it.

        Raises
        ------
        ServiceError
            When the service does not give it, or leads where nobody should follow.
        RasterAccessError
            When it is not a GeoTIFF that can be read in parts.
        """
        size = self.ask(link, title)
        self.enforce()
        # How much GDAL reads at once is an option of no path.
        access = Access(source_name(link), Options(READING))
        try:
            return open_access(access, title, size)
        except RasterioIOError as error:
            self.forget()
            self.ask(link, title)  # the service may say why
            raise ProductError(f"{title} could not be read where it lies: {gdal_said(error)}; try again.") from None

    def enforce(self) -> None:
        """Put in force again what the end of a `rasterio.Env` may have taken away."""
        self._scope.enforce()

    def forget(self) -> None:
        """Have GDAL forget what it knows of the service's files: it remembers failures, too."""
        self._scope.forget()

    def ask(self, link: str, title: str) -> int:
        """Follow a link as the service leads, and return the bytes of the file there.

        Raises
        ------
        ServiceError
            When the service does not give it, or leads where nobody should follow.
        RasterAccessError
            When it does not give it in parts.
        """
        _, headers = self._catalog.transport.follow(link)
        size = ranged_length(headers)
        if size is None:
            raise ProductError(f"{title} is served whole only, so it cannot be put together with others: download it.")
        return size

    def end(self) -> None:
        """Withdraw the key, once nobody else needs it."""
        self._scope.end()

    def __enter__(self) -> Sources:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
