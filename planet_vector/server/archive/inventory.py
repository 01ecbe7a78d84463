"""Inventory of an archive: recognise its files, and group them into scenes.

`KINDS` are the supported kinds of files, in any mixture and in sub-folders. Files that cannot be served are reported as
problems, and are never fatal.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Optional, Tuple

from planet_vector.errors import ArchiveError
from planet_vector.pixels.sidecars import sidecar_names
from planet_vector.server.archive.archive_paths import inside, is_storable
from planet_vector.server.archive.kinds import (
    drone,
    geojson_lists,
    landsat,
    mosaics,
    naip,
    planet_orders,
    rapideye,
    raster_scenes,
    ruled,
    sentinel1,
    sentinel2,
    stac_items,
)
from planet_vector.server.archive.listing import Listing
from planet_vector.server.archive.raster_names import RASTER, is_beside_raster
from planet_vector.server.archive.units import File, Kind, Problem, SceneRecord, Unit, stamp

KINDS: Tuple[Kind, ...] = (
    ruled.KIND,
    planet_orders.KIND,
    sentinel1.KIND,
    sentinel2.SAFE_KIND,
    stac_items.LOCAL_KIND,
    planet_orders.LOOSE_KIND,
    mosaics.KIND,
    rapideye.KIND,
    landsat.KIND,
    naip.KIND,
    drone.KIND,
    stac_items.KIND,
    sentinel2.KIND,
    raster_scenes.KIND,
    geojson_lists.KIND,
)
"""Kinds of files in the order of recognition: a file belongs to the first one that claims it."""

_BY_PREFIX = {kind.prefix: kind for kind in KINDS}

_SAFE = re.compile(r"(?:.*/)?[^/]+\.SAFE(?=/)", re.IGNORECASE | re.DOTALL)
_PACKED = frozenset(("zip", "tar", "tar.gz", "tgz", "tar.bz2", "tar.xz", "7z", "rar"))
_IMAGE = re.compile(
    r".*?\.(?P<suffix>jp2|j2k|img|ecw|sid|ntf|nitf|vrt|bil|bip|bsq|hgt|grib2?|grb2?|hdf[45]?|h[45]|he5|nc4?"
    rf"|{'|'.join(map(re.escape, sorted(_PACKED)))})",
    re.IGNORECASE | re.DOTALL,
)


def scan(root: Path, rules: Optional[Path] = None) -> Tuple[Dict[str, Unit], List[Problem]]:
    """Find the units of an archive by the names of its files; few are read.

    Parameters
    ----------
    root : Path
        The archive.
    rules : Path, optional
        A rule file, instead of that of the archive.

    Returns
    -------
    units : dict of str to Unit
        Units by key.
    problems : list of Problem
        Files and folders that cannot be read or served.

    Raises
    ------
    ArchiveError
        If the archive is not a readable folder, or the rule file is invalid.
    """
    try:
        is_folder = root.is_dir()
    except OSError as error:  # from a parent folder
        raise _closed(root, error) from None
    if not is_folder:
        raise ArchiveError(f"{root} is not a folder: name the folder that contains the scenes.")
    problems: List[Problem] = []
    files: List[File] = []
    sidecars: Dict[str, File] = {}
    for path, entry in _walk(root, "", problems):
        file = stamp(path, entry.stat())
        if is_beside_raster(path):
            sidecars[path] = file
        else:
            files.append(file)
    if rules is not None:
        files.append(_rules_file(rules))
    listing = Listing(root, files)
    units: Dict[str, Unit] = {}
    for kind in KINDS:
        claimed = []
        for key, path in kind.claim(listing, problems):
            claimed.append(path)
            if key:
                unit = units.get(key)
                if unit is None:
                    unit = units[key] = Unit(key)
                unit.files.append(listing.file(path))
        listing.drop(claimed)
    problems += _unclaimed(listing)
    for unit in units.values():
        unit.files = sorted(set(unit.files), key=lambda f: f.path)
    if sidecars:
        _add_sidecars(units, sidecars)
    return units, problems


def _unclaimed(listing: Listing) -> Iterator[Problem]:
    """Yield the images and packed archives that no kind has claimed; other files are passed over silently."""
    told = set()
    for path, match in listing.matching(_IMAGE):
        suffix = match["suffix"].lower()
        safe = _SAFE.match(path)
        if safe:  # of a product that is read, these are masks and previews
            if safe[0] not in told and not sentinel2.is_in_product(path):
                told.add(safe[0])
                yield Problem(
                    safe[0], "is not read: of SAFE products, only Sentinel-1 GRD and Sentinel-2 L1C and L2A are"
                )
            continue
        if suffix in ("jp2", "j2k"):
            text = "is a JPEG 2000 file whose name tells no scene: name it in a rule file"
        elif suffix in _PACKED:
            text = "is a packed archive: unpack it, and its scenes are served"
        else:
            text = "is no GeoTIFF: convert it with gdal_translate -of COG"
        yield Problem(path, text)


def _rules_file(rules: Path) -> File:
    """Return the state of a rule file outside of the archive, with its absolute path."""
    try:
        return stamp(rules.resolve().as_posix(), rules.stat())
    except OSError as error:
        raise ArchiveError(f"The rule file {rules} cannot be read ({error.strerror}).") from None


def kind_of(key: str) -> Kind:
    """Return the kind of a unit.

    Parameters
    ----------
    key : str
        Key of the unit.
    """
    return _BY_PREFIX[key[: key.index(":") + 1]]


def _add_sidecars(units: Mapping[str, Unit], sidecars: Mapping[str, File]) -> None:
    """Add sidecars to the units of their rasters, so that a change of a sidecar is a change of the scene."""
    folders = {path.rpartition("/")[0] for path in sidecars}
    for unit in units.values():
        for path in [file.path for file in unit.files if RASTER.search(file.path)]:
            folder, slash, name = path.rpartition("/")
            if folder not in folders:
                continue
            for beside in sidecar_names(name):
                file = sidecars.get(folder + slash + beside)
                if file is not None and file not in unit.files:
                    unit.files.append(file)


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
    yield from kind_of(unit.key).read(root, unit, problems)


def _walk(root: Path, folder: str, problems: List[Problem]) -> Iterator[Tuple[str, os.DirEntry[str]]]:
    """Yield files in the order of their names, except hidden ones and links to files outside of the archive."""
    try:
        entries = sorted(os.scandir(root / folder), key=lambda e: e.name)
    except OSError as error:
        if not folder:
            raise _closed(root, error) from None
        problems.append(Problem(folder, f"cannot be read ({error.strerror})", unread=True))
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
                if is_storable(path):
                    yield path, entry
                else:
                    problems.append(Problem(path, "its name has characters between U+10F800 and U+10FFFF"))
        except OSError as error:
            problems.append(Problem(path, f"cannot be read ({error.strerror})", unread=True))


def _closed(root: Path, error: OSError) -> ArchiveError:
    return ArchiveError(f"{root} cannot be read ({error.strerror}): check its permissions and its disk.")
