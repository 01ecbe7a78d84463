"""Define how GDAL reads products over HTTP: each option with its reason."""

from __future__ import annotations

import os
from typing import Dict, Mapping

HEADERS = "GDAL_HTTP_HEADERS"
"""The option that carries the key; the only secret one here."""

READING: Mapping[str, str] = {
    # A scene has no sidecar files. Without this option GDAL requests eight of them (.aux.xml, .ovr, .msk…), and a
    # service that answers any path with an image causes a recursion.
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    # The header of a product is larger than GDAL's first 16 kB: two tables of a number for each one-row strip, 34 kB
    # for 4229 rows. With this option it comes in one request with the first bytes.
    "GDAL_INGESTED_BYTES_AT_OPEN": "65536",
    # By default GDAL reads a TIFF's tables of blocks when it reads a block. If that fails, GDAL silently takes the
    # block for a sparse one, and returns zeros as long as the file is open.
    "GTIFF_USE_DEFER_STRILE_LOADING": "NO",
    # By default a request that fails once fails the read. 429, 500, 502, 503 and 504 are retried.
    "GDAL_HTTP_MAX_RETRY": "5",
    "GDAL_HTTP_RETRY_DELAY": "1",
    # By default GDAL waits forever for a host that does not respond, or for a stalled transfer.
    "GDAL_HTTP_CONNECTTIMEOUT": "10",
    "GDAL_HTTP_LOW_SPEED_TIME": "60",
    "GDAL_HTTP_LOW_SPEED_LIMIT": "1",
    # An entry of ~/.netrc for the host would replace the key.
    "GDAL_HTTP_NETRC": "NO",
}
"""Options of every read of a product."""

MOUNTED: Mapping[str, str] = {
    **READING,
    # The header is fetched before GDAL opens the file, in one request of the necessary length.
    "GDAL_INGESTED_BYTES_AT_OPEN": "1024",
}
"""Options of every read of a product that is read through Python (`planet_vector.raster.mounting`)."""

WITHOUT_KEY: Mapping[str, str] = {
    # Headers set elsewhere in the program are not for this host: the key of another service, or ours.
    HEADERS: "",
    "GDAL_HTTP_HEADER_FILE": os.devnull,  # GDAL takes an empty name for a missing file
}
"""Options that keep a read free of any credentials."""

SIGNED: Mapping[str, str] = {
    # A signature is for one method: the store refuses HEAD on an address signed for GET (403).
    "CPL_VSIL_CURL_USE_HEAD": "NO",
}
"""Additional options of a signed address."""

DIRECT: Mapping[str, str] = {
    # Specified although it is GDAL's default: a session or a mosaic of the same process, or GDAL_CONFIG_FILE, may set
    # NO (see `GUARDED`), and then GDAL before 3.6.3 fetches the whole file to learn its size.
    "CPL_VSIL_CURL_USE_HEAD": "YES",
}
"""Additional options of an address that serves the file itself."""

GUARDED: Mapping[str, str] = {
    # GDAL remembers where a redirect led and sends its own headers there, key included. With these two options it asks
    # the service each time, and libcurl drops the key on the way to another host. In every GDAL so far they are options
    # of a process or a thread, never of a path.
    "CPL_VSIL_CURL_USE_HEAD": "NO",
    "CPL_VSIL_CURL_USE_S3_REDIRECT": "NO",
}
"""Options of a link that may redirect, if GDAL itself follows it with the key."""


class Options(Dict[str, str]):
    """GDAL options whose ``repr`` hides the key."""

    def __repr__(self) -> str:
        return repr({name: "[secure]" if name == HEADERS and value else value for name, value in self.items()})

    __str__ = __repr__
