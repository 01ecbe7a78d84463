"""Files that hand the key to GDALs which take it no other way; only their owner can read them.

There is one file of a kind for each root of the API. Those that a program names by itself lie beside the file of keys,
or among the temporary files as well where there is no home directory.
The file of headers, which a ``/vsicurl?header_file=…`` name refers to, lies in a private folder among the temporary
files: GDAL 3.13.2 and later read it nowhere else. Its path is always the same, so a name opens again once any part of
planet_vector has used the service, after a restart of the machine too.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Iterator, List, Mapping, Optional
from urllib.parse import urlsplit

from planet_vector.config import DEFAULT_API_URL, Settings, credentials_path, is_api_origin
from planet_vector.errors import ConfigError
from planet_vector.http.credentials import authorization
from planet_vector.private_files import check_folder, make_folder, read_private, write_private
from planet_vector.raster.gdal_options import GUARDED, HEADERS, READING

# Hosts that the API's links of 2015 name, beside the root's own: all take the key.
_SIBLINGS = ("api", "view", "tiles", "tiles0", "tiles1", "tiles2", "tiles3")
_CONFIG_NAME = re.compile(r"gdalrc-[0-9a-f]{16}\.txt")


def header_file(settings: Settings) -> Path:
    """Write the file of HTTP headers for ``/vsicurl?header_file=…``, and return its path.

    Raises
    ------
    ConfigError
        When there is no key, or there is no private folder that GDAL reads it in.
    """
    text = "".join(f"{name}: {value}\n" for name, value in _headers(settings).items())
    return _write(_named(temporary_folder(), settings, "headers"), text)


def temporary_folder() -> Path:
    """Return the private folder for files of headers, made if need be.

    GDAL 3.13.2 and later read a ``header_file`` only below ``/tmp`` or what ``TEMP`` or ``TMP`` name
    (``CPL_VSIL_CURL_HEADER_FILE_KVP_ENABLED``, by default ``ONLY_IN_TEMP``); `tempfile.gettempdir` may be elsewhere.
    The folder is one of this user alone: it is checked each time, as others may write to ``/tmp``.

    Raises
    ------
    ConfigError
        When no such folder is there, or can be made.
    """
    refused = ""
    for folder in _temporary_folders():
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            pass
        except OSError as error:
            refused = refused or f"{folder} cannot be made ({error.strerror})"
            continue
        if _is_private_folder(folder):
            return folder
        refused = refused or f"{folder} is not a folder that only you can read"
    raise ConfigError(
        f"The key cannot be handed to GDAL, as {refused or 'there is no folder for temporary files'}: "
        "remove it, or name a folder of your own in TEMP."
    )


def _temporary_folders() -> Iterator[Path]:
    """Yield where the private folder may be, in an order that is the same in all programs of the user."""
    user = "" if sys.platform == "win32" else f"-{os.getuid()}"
    places = [os.environ.get("TEMP"), os.environ.get("TMP")]
    # /tmp first: another program may have other variables. Windows has no /tmp, but a TEMP for each user.
    for place in places if sys.platform == "win32" else ["/tmp", *places]:  # noqa: S108 - checked by `check_folder`
        if place and os.path.isabs(place) and os.path.isdir(place):
            yield Path(place, f"planet_vector{user}")


def _is_private_folder(path: Path) -> bool:
    try:
        check_folder(path)
    except OSError:
        return False
    return True


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


def is_config_file(path: Path) -> bool:
    """Return whether `config_file` wrote a path, for any root of the API."""
    folders = [folder.name for folder in _folders()]
    return path.parent.name in folders and bool(_CONFIG_NAME.fullmatch(path.name))


def tiles_file(settings: Settings, name: str, description: bytes) -> Path:
    """Write the description of a basemap's tiles, which GDAL opens, and return its path.

    Parameters
    ----------
    settings : Settings
        The service and its key, which is in the description: GDAL has no other place for it.
    name : str
        The basemap.
    description : bytes
        As `planet_vector.raster.gdal_xml.tiles_description` writes it.

    Raises
    ------
    ConfigError
        When the file cannot be written.
    """
    return _write(_path(settings, f"tiles-{name}"), description.decode())


def remove_tiles(root: str, name: str) -> None:
    """Remove descriptions of tiles.

    Parameters
    ----------
    root : str
        Of which root, as `root_of` returns it.
    name : str
        As `tiles_file` was given it; ``*`` stands for any text.

    Raises
    ------
    OSError
        When one cannot be removed.
    """
    for folder in _folders():
        for path in folder.glob(f"tiles-{name}-{root}.txt"):
            path.unlink(missing_ok=True)


def root_of(settings: Settings) -> str:
    """Return what stands for a root of the API in names of files."""
    return hashlib.blake2b(settings.api_url.encode(), digest_size=8).hexdigest()


def forget(settings: Settings) -> None:
    """Remove what was written for a root."""
    # Files of headers were kept beside the others once. A folder that is not private is somebody else's.
    for folder in _folders():
        for kind in ("headers", "gdalrc", "tiles-*"):
            pattern = _named(folder, settings, kind)
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
    return _named(_folder() or temporary_folder(), settings, kind)


def _folder() -> Optional[Path]:
    """Return the folder of the file of keys, or None where there is no place for it."""
    try:
        return credentials_path().parent
    except ConfigError:
        return None


def _folders() -> Iterator[Path]:
    """Yield where files of any kind may be."""
    folder = _folder()
    if folder is not None:
        yield folder
    yield from filter(_is_private_folder, _temporary_folders())


def _named(folder: Path, settings: Settings, kind: str) -> Path:
    return folder / f"{kind}-{root_of(settings)}.txt"


def _write(path: Path, text: str) -> Path:
    """Write a file that at no time others can read, unless it is there already."""
    data = text.encode()
    try:
        with suppress(OSError):
            if read_private(path, len(data))[0] == data:
                os.utime(path)  # what clears temporary files takes old ones
                return path
        make_folder(path.parent)
        write_private(path, data, ".key-")
    except OSError as error:
        raise ConfigError(
            f"The key cannot be handed to GDAL, as {path} cannot be written ({error.strerror}): "
            "make its folder writable."
        ) from None
    return path
