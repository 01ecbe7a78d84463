"""Units of an archive: files that are read together, the scenes read from them, and the problems met."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterator, List, Mapping, Optional, Protocol

LIST_PREFIX = "list:"
"""Prefix of the keys of units with many scenes and no rasters. Scenes of all other units are read with GDAL."""


@dataclass(frozen=True)
class File:
    """State of a file, by which changes are detected."""

    path: str
    size: int
    mtime_ns: int
    ctime_ns: int  # a copy with other content may preserve size and mtime (`cp -p`, `rsync -t`)


@dataclass
class Unit:
    """Files that are read together: the products and metadata of one scene, or one file of many scenes.

    Attributes
    ----------
    key : str
        Stable name within the archive.
    files : list of File
        Paths relative to the archive, with ``/``; sidecars of rasters come last.
    """

    key: str
    files: List[File] = field(default_factory=list)


@dataclass(frozen=True)
class Problem:
    """Reason why a file, or a part of it, is not served.

    Attributes
    ----------
    path : str
        Path relative to the archive.
    text : str
        The reason, as a predicate of the path.
    unread : bool
        Whether the file or folder could not be completely read, so that its former contents may still be valid.
    """

    path: str
    text: str
    unread: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class SceneRecord:
    """One scene, as it is passed to the index.

    Attributes
    ----------
    scene_type : str
        The scene type.
    feature : mapping
        The Feature as in the API, with the links of its original service.
    products : mapping of str to str
        Paths relative to the archive by product.
    """

    scene_type: str
    feature: Mapping[str, Any]
    products: Mapping[str, str]


class UnitKind(Protocol):
    """One kind of unit: how its files are recognised by name, and how they are read. Modules meet it.

    Attributes
    ----------
    PREFIX : str
        Prefix of the keys of its units.
    """

    PREFIX: str

    def key_of(self, path: str) -> Optional[str]:
        """Return the key of the unit that a file belongs to; None if the file is not of this kind.

        Parameters
        ----------
        path : str
            Path relative to the archive.
        """

    def read(self, root: Path, unit: Unit, problems: List[Problem]) -> Iterator[SceneRecord]:
        """Yield the scenes of a unit.

        Parameters
        ----------
        root : Path
            The archive.
        unit : Unit
            A unit of this kind.
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


def is_list(key: str) -> bool:
    """Return whether a unit has many scenes and no rasters.

    Parameters
    ----------
    key : str
        Key of the unit.
    """
    return key.startswith(LIST_PREFIX)


def stamp(path: str, status: os.stat_result) -> File:
    """Return the state of a file, by which changes are detected.

    Parameters
    ----------
    path : str
        Path relative to the archive.
    status : os.stat_result
        Status of the file.
    """
    return File(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
