"""Access to the files of assets: which can be opened, and why others cannot.

An asset may lie on any host, and hosts differ in how they are accessed: without a key, with signed addresses, as
objects of a store. A policy covers the addresses of one way of access. `POLICIES` lists the policies of connections; an
asset whose address no policy covers is not opened.
"""

from __future__ import annotations

from typing import Mapping, Protocol, Sequence, Tuple
from urllib.parse import urlsplit

GEOTIFF = "image/tiff; application=geotiff"

_TIFFS = ("image/tiff", "image/vnd.stac.geotiff", "image/x.geotiff", "image/geotiff")
_SUFFIXES = (".tif", ".tiff")


class AccessPolicy(Protocol):
    """Protocol for one way of access to files."""

    def covers(self, href: str) -> bool:
        """Return whether files at an address are accessed in this way.

        Parameters
        ----------
        href : str
            The absolute address.
        """

    def refusal(self, href: str) -> str:
        """Return why a file cannot be opened, as the end of a sentence about it; empty if it can.

        Parameters
        ----------
        href : str
            The absolute address.
        """


class OpenWeb:
    """Files on the web; the key of the API is sent to the API's own origins only, as for all requests.

    Methods without a docstring are those of the Protocol `AccessPolicy`.
    """

    def covers(self, href: str) -> bool:
        return _scheme(href) in ("https", "http")

    def refusal(self, href: str) -> str:
        return ""


class SignedBlobs:
    """Files of the Planetary Computer, whose addresses must be signed, which is not supported yet.

    Methods without a docstring are those of the Protocol `AccessPolicy`.
    """

    def covers(self, href: str) -> bool:
        return _host(href).endswith(".blob.core.windows.net")

    def refusal(self, href: str) -> str:
        return "its address must be signed, which this version does not support"


_OPEN: Tuple[AccessPolicy, ...] = (OpenWeb(),)

POLICIES: Mapping[str, Sequence[AccessPolicy]] = {
    "https://planetarycomputer.microsoft.com/api/stac/v1/": (SignedBlobs(), *_OPEN),
}
"""Policies by root of the service, in the order in which they are tried; other services have open access only."""


def refusal_of(root: str, href: str, media_type: str) -> str:
    """Return why an asset cannot be opened as a raster, as the end of a sentence about it; empty if it can.

    Parameters
    ----------
    root : str
        Root of the service.
    href : str
        The absolute address of the asset.
    media_type : str
        Its media type; may be empty.
    """
    if not is_geotiff(href, media_type):
        return f"it is not a GeoTIFF but {media_type!r}" if media_type else "it is not a GeoTIFF"
    for policy in POLICIES.get(root, _OPEN):
        if policy.covers(href):
            return policy.refusal(href)
    scheme = _scheme(href)
    return f"addresses of the kind {scheme}:// are not supported" if scheme else "its address is not absolute"


def is_geotiff(href: str, media_type: str) -> bool:
    """Return whether an asset is a GeoTIFF by its media type, or by its name if it has no type.

    Parameters
    ----------
    href : str
        Its address.
    media_type : str
        Its media type; may be empty.
    """
    if media_type:
        return media_type.partition(";")[0].strip().lower() in _TIFFS
    try:
        return urlsplit(href).path.lower().endswith(_SUFFIXES)
    except ValueError:
        return False


def _scheme(href: str) -> str:
    try:
        return urlsplit(href).scheme.lower()
    except ValueError:
        return ""


def _host(href: str) -> str:
    try:
        return (urlsplit(href).hostname or "").lower()
    except ValueError:
        return ""
