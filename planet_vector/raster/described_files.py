"""Store the VRTs of products, in a folder for each root of the API in the user's cache, and remove old ones.

A VRT may refer to descriptions of tiles, which contain the key and lie beside the key file. Both are removed
together. This module needs only the standard library, because the GDAL driver runs it in whatever Python embeds GDAL.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Tuple

from planet_vector.atomic_files import new_file
from planet_vector.config import Settings
from planet_vector.errors import ConfigError
from planet_vector.item_ids import file_stem
from planet_vector.private_files import make_folder, remove_oldest, remove_stale, write_private
from planet_vector.raster import credential_files
from planet_vector.raster.fresh_sources import with_fresh_sources
from planet_vector.user_folders import user_directory

MOST = 500
"""Most VRTs kept, of all services, besides those of the last day; the oldest are removed. Each has some 30 kB, and five
descriptions of tiles.
"""

_WRITING = ".vrt-"  # prefix of temporary files


def directory() -> Path:
    """Return the folder that contains the folders of all roots.

    Raises
    ------
    ConfigError
        If there is no home directory, and no variable specifies another folder.
    """
    return user_directory("cache") / "described"


def path_of(settings: Settings, scene_type: str, scene_id: str, product: str) -> Path:
    """Return the path of a product's VRT; it never changes, so a reference opens again once the VRT has been rewritten.

    Parameters
    ----------
    settings : Settings
        The service and its key.
    scene_type : str
        Scene type.
    scene_id : str
        Id of the scene.
    product : str
        Name of the product.

    Raises
    ------
    ConfigError
        If there is no folder for it.
    """
    # The parts may contain the dash themselves, and some file systems are case-insensitive.
    of = hashlib.blake2b(f"{scene_type}/{scene_id}/{product}".encode(), digest_size=8).hexdigest()
    return directory() / credential_files.root_of(settings) / f"{file_stem(scene_id)}-{file_stem(product)}-{of}.vrt"


def write(path: Path, text: str) -> Path:
    """Write a VRT that only its owner can read, as it may contain a signed address, and remove old ones.

    Parameters
    ----------
    path : Path
        As `path_of` returns it.
    text : str
        Text of the VRT.

    Returns
    -------
    Path
        The same path.

    Raises
    ------
    ConfigError
        If it cannot be written.
    """
    try:
        make_folder(path.parent)
        write_private(
            path, with_fresh_sources(text).encode(), _WRITING
        )  # atomically, as two programs may write the same file
    except OSError as error:
        raise ConfigError(f"{path} cannot be written ({error.strerror}): make its folder writable.") from None
    remove_stale(path.parent, f"{_WRITING}*")
    remove_oldest(directory(), "*/*.vrt", MOST, remove)
    return path


@contextmanager
def writing_beside(path: Path, name: str) -> Iterator[Tuple[Path, Path]]:
    """Context manager for a file that belongs to a VRT, and is removed with it; it is written atomically.

    Parameters
    ----------
    path : Path
        Path of the VRT, which need not exist yet.
    name : str
        Name of the file, which is appended to that of the VRT.

    Yields
    ------
    (Path, Path)
        The file, and the temporary one to write, private to the user.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    file = path.with_name(f"{path.name}.{name}")
    make_folder(path.parent)
    with new_file(file, _WRITING) as part:
        yield file, part
        os.replace(part, file)


def remove(path: Path) -> None:
    """Remove a VRT with its descriptions of tiles, and with files beside it: tiles, and statistics that GDAL wrote.

    Parameters
    ----------
    path : Path
        The VRT; may be missing.

    Raises
    ------
    OSError
        If it cannot be removed.
    """
    path.unlink(missing_ok=True)  # first, so that it never exists without the tiles it refers to
    for beside in path.parent.glob(f"{path.name}.*"):
        beside.unlink(missing_ok=True)
    credential_files.remove_tiles(path.parent.name, tiles_name(path, "*"))


def tiles_name(path: Path, zoom: object) -> str:
    """Return the name, for `planet_vector.raster.credential_files.tiles_file`, of the tiles of a zoom of a VRT.

    Parameters
    ----------
    path : Path
        The VRT.
    zoom : int or str
        The zoom; ``"*"`` matches any.
    """
    return f"{path.stem}-{zoom}"


def clear() -> int:
    """Remove the VRTs of all roots, and return how many there were.

    Returns
    -------
    int
        Number of removed VRTs.
    """
    found = list(_written())
    for path in found:
        remove(path)
    return len(found)


def forget(settings: Settings) -> None:
    """Remove the VRTs of a root.

    Parameters
    ----------
    settings : Settings
        The service and its key.
    """
    for path in _written(credential_files.root_of(settings)):
        remove(path)


def _written(root: str = "*") -> Iterator[Path]:
    return directory().glob(f"{root}/*.vrt")
