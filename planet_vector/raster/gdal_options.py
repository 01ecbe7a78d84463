"""How GDAL is to read products over HTTP: each setting with its reason."""

from __future__ import annotations

import os
from typing import Dict, Mapping

HEADERS = "GDAL_HTTP_HEADERS"
"""The option that carries a key; the only one here that is secret."""

READING: Mapping[str, str] = {
    # A scene has no sidecar files: without this GDAL asks for eight of them (.aux.xml, .ovr, .msk…), and a service
    # that answers any path with an image sends it into recursion.
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    # The header of a product is larger than GDAL's first 16 kB: two tables of a number for each one-row strip,
    # 34 kB for 4229 rows. Read in one request with the first bytes.
    "GDAL_INGESTED_BYTES_AT_OPEN": "65536",
    # By default a TIFF's tables of blocks are read when a block is: where that fails, GDAL takes the block for one that
    # was never written, says nothing, and gives zeros as long as the file is open.
    "GTIFF_USE_DEFER_STRILE_LOADING": "NO",
    # By default a request that fails once fails the read. 429, 500, 502, 503 and 504 are tried again.
    "GDAL_HTTP_MAX_RETRY": "5",
    "GDAL_HTTP_RETRY_DELAY": "1",
    # By default GDAL waits for ever for a host that does not answer, or for a transfer that has stalled.
    "GDAL_HTTP_CONNECTTIMEOUT": "10",
    "GDAL_HTTP_LOW_SPEED_TIME": "60",
    "GDAL_HTTP_LOW_SPEED_LIMIT": "1",
    # An entry of ~/.netrc for the host would take the place of the key.
    "GDAL_HTTP_NETRC": "NO",
}
"""What every read of a product uses."""

WITHOUT_KEY: Mapping[str, str] = {
    # Headers that the rest of the program has set are not for this host: a key of another service, or ours.
    HEADERS: "",
    "GDAL_HTTP_HEADER_FILE": os.devnull,  # GDAL takes an empty name for a file that is missing
}
"""What keeps a read free of any credentials."""

SIGNED: Mapping[str, str] = {
    # A signature is for one method: the store refuses HEAD on an address signed for GET (403).
    "CPL_VSIL_CURL_USE_HEAD": "NO",
}
"""What a signed address takes besides."""

DIRECT: Mapping[str, str] = {
    # Said though it is GDAL's default: a session or a mosaic of the same process, or GDAL_CONFIG_FILE, may say NO
    # (see `GUARDED`), and then GDAL before 3.6.3 fetches the file whole to learn its size.
    "CPL_VSIL_CURL_USE_HEAD": "YES",
}
"""What an address that answers itself takes besides."""

GUARDED: Mapping[str, str] = {
    # GDAL remembers where a redirect led and sends its own headers there, key included: with these two it asks
    # the service each time, and libcurl drops the key on the way to another host. They are options of a process or
    # a thread in every GDAL so far, never of a path.
    "CPL_VSIL_CURL_USE_HEAD": "NO",
    "CPL_VSIL_CURL_USE_S3_REDIRECT": "NO",
}
"""What a link that may redirect takes, when GDAL itself is to follow it with the key."""


class Options(Dict[str, str]):
    """GDAL options that never print the secret one."""

    def __repr__(self) -> str:
        return repr({name: "[secure]" if name == HEADERS and value else value for name, value in self.items()})

    __str__ = __repr__
