"""Files that hand the key to GDALs which take it no other way; only their owner can read them.

They lie beside the file of keys, one of a kind for each root of the API, so that a name which refers to one opens
again another day.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import List, Mapping
from urllib.parse import urlsplit

from planet_vector.catalog.transport import authorization
from planet_vector.config import DEFAULT_API_URL, Settings, credentials_path, is_api_origin
from planet_vector.errors import ConfigError
from planet_vector.raster.options import GUARDED, HEADERS, READING

# Hosts that the API's links of 2015 name, beside the root's own: all take the key.
_SIBLINGS = ("api", "view", "tiles", "tiles0", "tiles1", "tiles2", "tiles3")


def header_file(settings: Settings) -> Path:
    """Write the file of HTTP headers for ``/vsicurl?header_file=…``, and return its path.

    Raises
    ------
    ConfigError
        When there is no key, or the file cannot be written.
    """
    text = "".join(f"{name}: {value}\n" for name, value in _headers(settings).items())
    return _write(_path(settings, "headers"), text)


def config_file(settings: Settings) -> Path:
    """Write the file for ``GDAL_CONFIG_FILE``, and return its path.

    With it, any program built on GDAL 3.7 or later opens ``/vsicurl/<product link>``, and sends the key to the
    API's own hosts only. Older ones ignore that part of the file.

    Raises
    ------
    ConfigError
        When there is no key, or the file cannot be written.
    """
    # Only what GDAL knows for a whole process alone is said for it: without its look around, say, GDAL would miss
    # the world files and overviews of the user's own rasters.
    lines = ["[configoptions]", *(f"{name}={value}" for name, value in GUARDED.items()), "", "[credentials]"]
    options = {HEADERS: headers_option(settings), **READING}
    for number, prefix in enumerate(prefixes(settings)):
        lines += ["", f"[.planet_{number}]", f"path={prefix}"]
        lines += [f"{name}={value}" for name, value in options.items()]
    return _write(_path(settings, "gdalrc"), "\n".join(lines) + "\n")


def tiles_file(settings: Settings, name: str, description: bytes) -> Path:
    """Write the description of a mosaic's tiles, which GDAL opens, and return its path.

    Parameters
    ----------
    settings : Settings
        The service and its key, which is in the description: GDAL has no other place for it.
    name : str
        The mosaic.
    description : bytes
        As `planet_vector.raster.descriptions.tiles_description` writes it.

    Raises
    ------
    ConfigError
        When the file cannot be written.
    """
    return _write(_path(settings, f"tiles-{name}"), description.decode())


def forget(settings: Settings) -> None:
    """Remove what was written for a root."""
    for kind in ("headers", "gdalrc", "tiles-*"):
        pattern = _path(settings, kind)
        for path in pattern.parent.glob(pattern.name):
            path.unlink()


def prefixes(settings: Settings) -> List[str]:
    """Return the beginnings of ``/vsicurl/`` names that may take the key of a root."""
    parts = urlsplit(settings.api_url)
    roots = [f"{parts.scheme}://{parts.netloc}"]
    if is_api_origin(settings.api_url, DEFAULT_API_URL):
        roots += [url for url in (f"https://{host}.planet.com" for host in _SIBLINGS) if url not in roots]
    # The slash at the end keeps "https://api.planet.com.example.org" out.
    return [f"/vsicurl/{root}/" for root in roots]


def headers_option(settings: Settings) -> str:
    """Return the value of GDAL's option `HEADERS` that carries the key.

    Raises
    ------
    ConfigError
        When there is no key, or one that the option cannot hold.
    """
    value = "\r\n".join(f"{name}: {value}" for name, value in _headers(settings).items())
    if "," in value:  # it separates headers there
        raise ConfigError("The API key holds a comma, which GDAL takes for the end of a header: copy it again.")
    return value


def _headers(settings: Settings) -> Mapping[str, str]:
    headers = authorization(settings.api_url, settings)
    if not headers:
        raise ConfigError("There is no key to hand to GDAL: set PL_API_KEY, or run 'planet-vector login'.")
    return headers


def _path(settings: Settings, kind: str) -> Path:
    root = hashlib.blake2b(settings.api_url.encode(), digest_size=8).hexdigest()
    return credentials_path().parent / f"{kind}-{root}.txt"


def _write(path: Path, text: str) -> Path:
    """Write a file that at no time others can read, unless it is there already."""
    try:
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            return path
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".key-")  # of mode 0600 from the start
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise ConfigError(
            f"The key cannot be handed to GDAL, as {path} cannot be written ({error.strerror}): "
            "make its folder writable."
        ) from None
    return path
