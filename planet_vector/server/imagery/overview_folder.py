"""Folder of the overviews of an archive's rasters: their paths, and deletion of stale ones."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import ContextManager, Iterable, List, Mapping, Optional, Set

from planet_vector.atomic_files import new_file
from planet_vector.server.archive.units import Unit
from planet_vector.server.imagery.pyramids import discard

PART = ".part"
"""Suffix of unfinished overviews."""

_DIGITS = 32  # of each half of a name
_OURS = re.compile(r"[0-9a-f]{32}-[0-9a-f]{32}")
_BEGUN = "overviews-"  # prefix of unfinished overviews, which no finished ones have
_RASTERS = (".tif", ".tiff", ".jp2")


def overviews_of(path: Path) -> Path:
    """Return the folder of the overviews that belong to an index, or to the pictures beside it.

    Parameters
    ----------
    path : Path
        The index, or the folder of pictures.
    """
    return path.with_suffix(".overviews")


def overview_path(folder: Path, product: str, name: str) -> Path:
    """Return the path of the overviews of a file, whether they exist or not.

    Parameters
    ----------
    folder : Path
        The folder of all overviews.
    product : str
        The file's path within the archive, by which the overviews are found after its deletion.
    name : str
        Hexadecimal digest of its state.
    """
    prefix = _prefix(product)
    return folder / prefix[:2] / f"{prefix}-{name[:_DIGITS]}"


def find_overviews(folder: Path) -> List[Path]:
    """Return all overviews in a folder, ignoring other files: the folder may be a link to a shared one.

    Parameters
    ----------
    folder : Path
        The folder of all overviews.
    """
    return [
        path for path in folder.glob("*/*")
        if _OURS.fullmatch(path.name) and path.parent.name == path.name[:2] and path.is_file()
    ]  # fmt: skip


def find_begun(folder: Path) -> List[Path]:
    """Return the unfinished overviews in a folder.

    Parameters
    ----------
    folder : Path
        The folder of all overviews.
    """
    return list(folder.glob(f"[0-9a-f][0-9a-f]/{_BEGUN}*{PART}"))


def begin_overviews(path: Path) -> ContextManager[Path]:
    """Return a context that creates a temporary file for overviews, and deletes it unless it was moved.

    Parameters
    ----------
    path : Path
        The final path, to which the caller moves the file.

    Returns
    -------
    context manager of Path
        The empty temporary file, in the same folder.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return new_file(path, _BEGUN, PART)


def discard_overviews(index: Path, products: Iterable[str]) -> None:
    """Delete the overviews of files.

    Parameters
    ----------
    index : Path
        The archive's index.
    products : iterable of str
        Paths within the archive.
    """
    folder = overviews_of(index)
    if folder.is_dir():
        for product in products:
            prefix = _prefix(product)
            for path in (folder / prefix[:2]).glob(f"{prefix}-*"):
                discard(path)


def stale_rasters(before: Mapping[str, str], now: Mapping[str, Unit], keys: Iterable[str]) -> Set[str]:
    """Return the rasters that were deleted or changed, or whose sidecars were.

    Parameters
    ----------
    before : mapping of str to str
        Former signatures of units by key (see `planet_vector.server.index.writing.signature_of`).
    now : mapping of str to Unit
        The present units.
    keys : iterable of str
        Keys of the units that were deleted or changed.

    Returns
    -------
    set of str
        Paths within the archive.
    """
    stale: Set[str] = set()
    for key in keys:
        listed = {tuple(file) for file in json.loads(before.get(key) or "[]")}
        unit: Optional[Unit] = now.get(key)
        there = {(f.path, f.size, f.mtime_ns, f.ctime_ns) for f in unit.files} if unit else set()
        changed = [path for path, *_ in listed ^ there]
        for path, *_ in listed:
            if path.lower().endswith(_RASTERS):
                stem = path[: path.rindex(".") + 1]
                if any(other.startswith(stem) for other in changed):
                    stale.add(path)
    return stale


def _prefix(product: str) -> str:
    """Return the prefix of the names of a file's overviews, which does not depend on its state."""
    return hashlib.sha256(product.encode(errors="surrogateescape")).hexdigest()[:_DIGITS]
