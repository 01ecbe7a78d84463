"""File names of rasters in an archive, and of the sidecars beside them."""

from __future__ import annotations

import re

from planet_vector.server.archive.media_types import JP2, TIFF

RASTER = re.compile(r"(?i)\.tiff?$")
"""Pattern that finds the suffix of a raster's file name."""

_BESIDE_RASTER = re.compile(r"(?i)\.(?:tfw|tiffw|tifw|wld|tiff?\.(?:aux\.xml|msk))$")


def is_beside_raster(path: str) -> bool:
    """Return whether a file is a sidecar of a raster by its name.

    Parameters
    ----------
    path : str
        Path relative to the archive.
    """
    return _BESIDE_RASTER.search(path) is not None


def delivered_suffix(path: str) -> str:
    """Return the suffix of the name under which a raster is delivered: ``.jp2`` or ``.tif``.

    Parameters
    ----------
    path : str
        Path relative to the archive.
    """
    return ".jp2" if path.lower().endswith(".jp2") else ".tif"


def delivered_type(path: str) -> str:
    """Return the media type with which a product of v0 is delivered.

    Parameters
    ----------
    path : str
        Path relative to the archive.
    """
    return JP2 if delivered_suffix(path) == ".jp2" else TIFF
