"""Where the overviews of an archive's rasters lie, and which of them belong to files that have gone or changed."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import ContextManager, Iterable, List, Mapping, Optional, Set

from planet_vector.atomic_files import new_file
from planet_vector.server.archive.inventory import Unit
from planet_vector.server.imagery.pyramids import discard

PART = ".part"
"""What names end with of overviews that are being made."""

_DIGITS = 32  # of a name's two halves
_OURS = re.compile(r"[0-9a-f]{32}-[0-9a-f]{32}")
_BEGUN = "overviews-"  # what names begin with of those that are being made: none is that of a file's
_RASTERS = (".tif", ".tiff")


def overviews_of(path: Path) -> Path:
    """Return the folder of the overviews that belong to an index, or to the pictures beside it."""
    return path.with_suffix(".overviews")


def overview_path(folder: Path, product: str, name: str) -> Path:
    """Return where the overviews of a file are, or would be.

    Parameters
    ----------
    folder : Path
        Of all overviews.
    product : str
        The file's path within the archive, by which they are found when it goes.
    name : str
        Hexadecimal digits that stand for its state.
    """
    prefix = _prefix(product)
    return folder / prefix[:2] / f"{prefix}-{name[:_DIGITS]}"


def find_overviews(folder: Path) -> List[Path]:
    """Return all overviews in a folder, and nothing else: it may be a link to one that holds more."""
    return [
        path for path in folder.glob("*/*")
        if _OURS.fullmatch(path.name) and path.parent.name == path.name[:2] and path.is_file()
    ]  # fmt: skip


def find_begun(folder: Path) -> List[Path]:
    """Return what is left in a folder of overviews that were never finished."""
    return list(folder.glob(f"[0-9a-f][0-9a-f]/{_BEGUN}*{PART}"))


def begin_overviews(path: Path) -> ContextManager[Path]:
    """Give an empty file for overviews that are to be at a place; it goes if it was not moved there."""
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
    """Return the rasters that are not there any more, or not as they were: they, or what lies beside them.

    Parameters
    ----------
    before : mapping of str to str
        Signatures of units by key (see `planet_vector.server.index.writing.signature_of`).
    now : mapping of str to Unit
        The units that there are.
    keys : iterable of str
        Those that have gone or changed.
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
    """Return what the names of a file's overviews begin with, whatever its state."""
    return hashlib.sha256(product.encode(errors="surrogateescape")).hexdigest()[:_DIGITS]
