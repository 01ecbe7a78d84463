"""Inventory of an archive: classify its files, and group them into scenes.

`KINDS` are the supported kinds of files, in any mixture and in sub-folders. Files that cannot be served are reported as
problems, and are never fatal.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Optional, Tuple

from planet_vector.errors import ArchiveError
from planet_vector.pixels.sidecars import sidecar_names
from planet_vector.server.archive.archive_paths import as_text, inside
from planet_vector.server.archive.kinds import geojson_lists, raster_scenes
from planet_vector.server.archive.raster_names import RASTER, is_beside_raster
from planet_vector.server.archive.units import File, Problem, SceneRecord, Unit, UnitKind, stamp

KINDS: Tuple[UnitKind, ...] = (raster_scenes, geojson_lists)
"""Kinds of units; a file belongs to the first one that recognises its name."""


def scan(root: Path) -> Tuple[Dict[str, Unit], List[Problem]]:
    """Find the units of an archive by the names of its files, without reading them.

    Parameters
    ----------
    root : Path
        The archive.

    Returns
    -------
    units : dict of str to Unit
        Units by key.
    problems : list of Problem
        Files and folders that cannot be read or served.

    Raises
    ------
    ArchiveError
        If the archive is not a readable folder.
    """
    try:
        is_folder = root.is_dir()
    except OSError as error:  # from a parent folder
        raise _closed(root, error) from None
    if not is_folder:
        raise ArchiveError(f"{root} is not a folder: name the folder that contains the scenes.")
    units: Dict[str, Unit] = {}
    problems: List[Problem] = []
    sidecars: Dict[str, File] = {}
    rasters: Dict[str, str] = {}
    for path, entry in _walk(root, "", problems):
        if is_beside_raster(path):
            sidecars[path] = stamp(path, entry.stat())
            continue
        key = _key_of(path)
        if key is None:
            continue
        if RASTER.search(path):
            rasters[path] = key
        units.setdefault(key, Unit(key)).files.append(stamp(path, entry.stat()))
    for unit in units.values():
        unit.files.sort(key=lambda f: f.path)
    if sidecars:
        _add_sidecars(units, rasters, sidecars)
    return units, problems


def _key_of(path: str) -> Optional[str]:
    for kind in KINDS:
        key = kind.key_of(path)
        if key is not None:
            return key
    return None


def _add_sidecars(units: Dict[str, Unit], rasters: Mapping[str, str], sidecars: Mapping[str, File]) -> None:
    """Add sidecars to the units of their rasters, so that a change of a sidecar is a change of the scene."""
    folders = {path.rpartition("/")[0] for path in sidecars}
    for path, key in rasters.items():
        folder, slash, name = path.rpartition("/")
        if folder not in folders:
            continue
        for beside in sidecar_names(name):
            file = sidecars.get(folder + slash + beside)
            if file is not None and file not in units[key].files:
                units[key].files.append(file)


def read(root: Path, unit: Unit, problems: List[Problem]) -> Iterator[SceneRecord]:
    """Yield the scenes of a unit.

    Parameters
    ----------
    root : Path
        The archive.
    unit : Unit
        The unit.
    problems : list of Problem
        Receives the files and scenes that cannot be served.

    Yields
    ------
    SceneRecord
        A scene.

    Raises
    ------
    OSError
        If a file cannot be read.
    """
    kind = next(kind for kind in KINDS if unit.key.startswith(kind.PREFIX))
    yield from kind.read(root, unit, problems)


def _walk(root: Path, folder: str, problems: List[Problem]) -> Iterator[Tuple[str, os.DirEntry[str]]]:
    """Yield files in the order of their names, except hidden ones and links to files outside of the archive."""
    try:
        entries = sorted(os.scandir(root / folder), key=lambda e: e.name)
    except OSError as error:
        if not folder:
            raise _closed(root, error) from None
        problems.append(Problem(as_text(folder), f"cannot be read ({error.strerror})", unread=True))
        return
    for entry in entries:
        path = f"{folder}/{entry.name}" if folder else entry.name
        try:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(root, path, problems)
            elif entry.is_symlink() and inside(root, path) is None:
                problems.append(Problem(path, "is a link that leads out of the archive, or to a folder"))
            elif entry.is_file():
                entry.stat()
                path.encode()
                yield path, entry
        except OSError as error:
            problems.append(Problem(as_text(path), f"cannot be read ({error.strerror})", unread=True))
        except UnicodeEncodeError:
            problems.append(Problem(as_text(path), "its name is not UTF-8"))


def _closed(root: Path, error: OSError) -> ArchiveError:
    return ArchiveError(f"{root} cannot be read ({error.strerror}): check its permissions and its disk.")
