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
