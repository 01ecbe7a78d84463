"""Where the VRTs of products lie: a folder for each root of the API in the user's cache; and when they go.

A VRT may name descriptions of tiles, which hold the key and lie beside the file of keys: they go together. Only the
standard library is needed here: the GDAL driver uses this in whatever Python it finds.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Iterator

from planet_vector.config import Settings
from planet_vector.errors import ConfigError
from planet_vector.item_ids import file_stem
from planet_vector.private_files import make_folder, remove_oldest, remove_stale, write_private
from planet_vector.raster import credential_files
from planet_vector.user_folders import user_directory

MOST = 500
"""VRTs that stay, of any service, with those of the last day: those that were named last. Each has some 30 kB, and five
descriptions of tiles."""

_WRITING = ".vrt-"  # what the names of temporary files begin with


def directory() -> Path:
    """Return the folder that holds the folders of all roots.

    Raises
    ------
    ConfigError
        When there is no place for it.
    """
    return user_directory("cache") / "described"


def path_of(settings: Settings, scene_type: str, scene_id: str, product: str) -> Path:
    """Return where the VRT of a product is: always the same place, so what names it opens again when it is written.

    Raises
    ------
    ConfigError
        When there is no place for it.
    """
    # The parts may hold the dash themselves, and some disks know no capital letters.
    of = hashlib.blake2b(f"{scene_type}/{scene_id}/{product}".encode(), digest_size=8).hexdigest()
    return directory() / credential_files.root_of(settings) / f"{file_stem(scene_id)}-{file_stem(product)}-{of}.vrt"


def write(path: Path, text: str) -> Path:
    """Write a VRT, which only its owner reads, as it may hold an address signed for a while; old ones go.

    Raises
    ------
    ConfigError
        When it cannot be written.
    """
    try:
        make_folder(path.parent)
        write_private(path, text.encode(), _WRITING)  # at once: two programs may write the same
    except OSError as error:
        raise ConfigError(f"{path} cannot be written ({error.strerror}): make its folder writable.") from None
    remove_stale(path.parent, f"{_WRITING}*")
    remove_oldest(directory(), "*/*.vrt", MOST, remove)
    return path


def remove(path: Path) -> None:
    """Remove a VRT with the tiles that it names, and with what GDAL has written beside it, such as statistics.

    Raises
    ------
    OSError
        When it cannot be removed.
    """
    path.unlink(missing_ok=True)  # first: it is never there without what it names
    for beside in path.parent.glob(f"{path.name}.*"):
        beside.unlink(missing_ok=True)
    credential_files.remove_tiles(path.parent.name, tiles_name(path, "*"))


def tiles_name(path: Path, zoom: object) -> str:
    """Return what `planet_vector.raster.credential_files.tiles_file` calls the tiles of a zoom that a VRT names."""
    return f"{path.stem}-{zoom}"


def clear() -> int:
    """Remove all, of every root, and return how many there were."""
    found = list(_written())
    for path in found:
        remove(path)
    return len(found)


def forget(settings: Settings) -> None:
    """Remove those of a root."""
    for path in _written(credential_files.root_of(settings)):
        remove(path)


def _written(root: str = "*") -> Iterator[Path]:
    return directory().glob(f"{root}/*.vrt")
