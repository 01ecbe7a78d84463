"""Media types of the files of an archive."""

from __future__ import annotations

GEOTIFF = "image/tiff; application=geotiff"
COG = "image/tiff; application=geotiff; profile=cloud-optimized"
TIFF = "image/tiff"
"""A TIFF without georeference."""

JP2 = "image/jp2"
JSON = "application/json"
XML = "application/xml"
TEXT = "text/plain"
PNG = "image/png"
JPEG = "image/jpeg"

_BY_SUFFIX = {
    "jp2": JP2,
    "jpeg": JPEG,
    "jpg": JPEG,
    "json": JSON,
    "png": PNG,
    "txt": TEXT,
    "xml": XML,
}


def media_type_of(path: str) -> str:
    """Return the media type of a file that is not opened, by its suffix.

    Parameters
    ----------
    path : str
        Its path.
    """
    return _BY_SUFFIX.get(path.rpartition(".")[2].lower(), "application/octet-stream")
