"""Write files that hand the key to GDAL versions without another way, and to workers; only their owner can read them.

There is one file of each kind per root of the API, and one per root and process for workers. Files that a program opens
by their path lie beside the key file, or in a temporary folder if there is no home directory. The header file, to which
a ``/vsicurl?header_file=…`` name refers, lies in a private temporary folder, the only place where GDAL 3.13.2 and later
read it. Its path is always the same. Therefore a saved name opens again, also after a restart of the machine, once any
part of planet_vector has used the service.
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

from planet_vector.config import Settings
from planet_vector.connection_lookup import roots_beside
from planet_vector.errors import ConfigError
from planet_vector.http.credentials import authorization
from planet_vector.keys import Key, credentials_path
from planet_vector.private_files import check_folder, make_folder, read_private, remove_oldest, write_private
from planet_vector.raster.gdal_options import GUARDED, HEADERS, READING
from planet_vector.roots import DEFAULT_API_URL, is_api_origin

# Hosts in the API's links of 2015, besides that of the root: all accept the key.
_SIBLINGS = ("api", "view", "tiles", "tiles0", "tiles1", "tiles2", "tiles3")
_MOST_OF_WORKERS = 16  # files for workers that are kept, besides those of the last day
_LONGEST_KEY = 65536  # bytes
_CONFIG_NAME = re.compile(r"gdalrc-[0-9a-f]{16}\.txt")


def header_file(settings: Settings) -> Path:
    """Write the file of HTTP headers for ``/vsicurl?header_file=…``, and return its path.

    Parameters
    ----------
    settings : Settings
        The service and its key.

    Returns
    -------
    Path
        The file, private to the user.

    Raises
    ------
    ConfigError
        If there is no key, or no private folder from which GDAL reads the file.
    """
    text = "".join(f"{name}: {value}\n" for name, value in _headers(settings).items())
    return _write(_named(temporary_folder(), settings, "headers"), text)


def temporary_folder() -> Path:
    """Return the private folder for header files, creating it if needed.

    GDAL 3.13.2 and later read a ``header_file`` only below ``/tmp`` or the folders in ``TEMP`` and ``TMP``
    (``CPL_VSIL_CURL_HEADER_FILE_KVP_ENABLED``, by default ``ONLY_IN_TEMP``); `tempfile.gettempdir` may be elsewhere.
    The folder must belong to this user alone. It is checked each time, as others may write to ``/tmp``.

    Raises
    ------
    ConfigError
        If there is no private folder and none can be created.
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
    """Yield candidates for the private folder, in the same order in all programs of the user."""
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
    API's own hosts only. Older versions ignore that part of the file.

    Parameters
    ----------
    settings : Settings
        The service and its key.

    Returns
    -------
    Path
        The file, private to the user.

    Raises
    ------
    ConfigError
        If there is no key, or the file cannot be written.
    """
    # Set globally only the options that GDAL cannot restrict to a path. With directory listings disabled for the
    # process, for example, GDAL would miss the world files and overviews of the user's own rasters.
    lines = ["[configoptions]", *(f"{name}={value}" for name, value in GUARDED.items()), "", "[credentials]"]
    options = {HEADERS: headers_option(settings), **READING}
    for number, prefix in enumerate(prefixes(settings)):
        lines += ["", f"[.planet_{number}]", f"path={prefix}"]
        lines += [f"{name}={value}" for name, value in options.items()]
    return _write(_path(settings, "gdalrc"), "\n".join(lines) + "\n")


def is_config_file(path: Path) -> bool:
    """Return whether `config_file` wrote a path, for any root of the API.

    Parameters
    ----------
    path : Path
        The path; need not exist.
    """
    folders = [folder.name for folder in _folders()]
    return path.parent.name in folders and bool(_CONFIG_NAME.fullmatch(path.name))


def tiles_file(settings: Settings, name: str, description: bytes) -> Path:
    """Write the description of a basemap's tiles, which GDAL opens, and return its path.

    Parameters
    ----------
    settings : Settings
        The service and its key. The description contains the key, as GDAL reads it nowhere else.
    name : str
        The basemap.
    description : bytes
        As `planet_vector.raster.gdal_xml.tiles_description` writes it.

    Returns
    -------
    Path
        The file, private to the user.

    Raises
    ------
    ConfigError
        If the file cannot be written.
    """
    return _write(_path(settings, f"tiles-{name}"), description.decode())


def worker_file(settings: Settings, token: str) -> Path:
    """Write the file that hands the key to workers in other processes of this user, and return its path.

    Parameters
    ----------
    settings : Settings
        The service and its key.
    token : str
        Name of the process that has the key: 32 random hexadecimal digits.

    Returns
    -------
    Path
        The file, private to the user.

    Raises
    ------
    ConfigError
        If there is no key, or the file cannot be written.
    """
    if settings.key is None:
        raise ConfigError("There is no key to hand to workers: set PL_API_KEY, or run 'planet-vector login'.")
    folder = temporary_folder()
    remove_oldest(folder, "worker-*.txt", _MOST_OF_WORKERS)  # killed processes leave theirs
    text = f"{settings.key.scheme} {settings.key.reveal()}"  # a key has no spaces
    return _write(_named(folder, settings, f"worker-{token}"), text)


def worker_key(settings: Settings, token: str) -> Optional[Key]:
    """Return the key that `worker_file` wrote; None if the file is not on this machine, or was removed.

    Parameters
    ----------
    settings : Settings
        The service.
    token : str
        As passed to `worker_file`.

    Raises
    ------
    ConfigError
        If the file cannot be read.
    """
    for folder in filter(_is_private_folder, _temporary_folders()):
        path = _named(folder, settings, f"worker-{token}")
        try:
            scheme, _, text = read_private(path, _LONGEST_KEY)[0].decode("ascii").partition(" ")
            return Key(text, scheme=scheme)
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is not text"
            raise ConfigError(f"The key file {path} cannot be read ({why}): remove it.") from None
    return None


def remove_tiles(root: str, name: str) -> None:
    """Remove descriptions of tiles.

    Parameters
    ----------
    root : str
        Digest of the API root, as `root_of` returns it.
    name : str
        Basemap, as passed to `tiles_file`; ``*`` matches any text.

    Raises
    ------
    OSError
        If a file cannot be removed.
    """
    for folder in _folders():
        for path in folder.glob(f"tiles-{name}-{root}.txt"):
            path.unlink(missing_ok=True)


def root_of(settings: Settings) -> str:
    """Return the digest that identifies a root of the API in file names.

    Parameters
    ----------
    settings : Settings
        The service and its key.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    return hashlib.blake2b(settings.api_url.encode(), digest_size=8).hexdigest()


def forget(settings: Settings) -> None:
    """Remove the files that were written for a root.

    Parameters
    ----------
    settings : Settings
        The service and its key.
    """
    # Earlier versions kept header files beside the others. A folder that is not private belongs to another user.
    for folder in _folders():
        for kind in ("headers", "gdalrc", "tiles-*", "worker-*"):
            pattern = _named(folder, settings, kind)
            for path in pattern.parent.glob(pattern.name):
                path.unlink()


def prefixes(settings: Settings) -> List[str]:
    """Return the prefixes of ``/vsicurl/`` names to which GDAL may send the key of a root.

    The prefix is the whole origin, as a service may have products beside its API; only the root itself if another
    connection has the same origin.

    Parameters
    ----------
    settings : Settings
        The service and its key.
    """
    if roots_beside(settings.api_url):
        return [f"/vsicurl/{settings.api_url}"]
    parts = urlsplit(settings.api_url)
    roots = [f"{parts.scheme}://{parts.netloc}"]
    if is_api_origin(settings.api_url, DEFAULT_API_URL):
        roots += [url for url in (f"https://{host}.planet.com" for host in _SIBLINGS) if url not in roots]
    # The slash at the end excludes "https://api.planet.com.example.org".
    return [f"/vsicurl/{root}/" for root in roots]


def headers_option(settings: Settings) -> str:
    """Return the value of GDAL's option `HEADERS` that carries the key.

    Parameters
    ----------
    settings : Settings
        The service and its key.

    Returns
    -------
    str
        Headers, separated by CR LF.

    Raises
    ------
    ConfigError
        If there is no key, or the option cannot hold it.
    """
    value = "\r\n".join(f"{name}: {value}" for name, value in _headers(settings).items())
    if "," in value:  # GDAL separates headers by commas
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
    """Return the folder of the key file, or None if there is no home directory."""
    try:
        return credentials_path().parent
    except ConfigError:
        return None


def _folders() -> Iterator[Path]:
    """Yield the folders that may hold files of any kind."""
    folder = _folder()
    if folder is not None:
        yield folder
    yield from filter(_is_private_folder, _temporary_folders())


def _named(folder: Path, settings: Settings, kind: str) -> Path:
    return folder / f"{kind}-{root_of(settings)}.txt"


def _write(path: Path, text: str) -> Path:
    """Write a file that others cannot read at any time, unless it exists with the same content."""
    data = text.encode()
    try:
        with suppress(OSError):
            if read_private(path, len(data))[0] == data:
                os.utime(path)  # keeps cleaners of temporary files from removing it
                return path
        make_folder(path.parent)
        write_private(path, data, ".key-")
    except OSError as error:
        raise ConfigError(
            f"The key cannot be handed to GDAL, as {path} cannot be written ({error.strerror}): "
            "make its folder writable."
        ) from None
    return path
