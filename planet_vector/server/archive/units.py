"""Units of an archive: files that are read together, the scenes read from them, and what is reported of them.

`Kind` is the contract of the modules in `planet_vector.server.archive.kinds`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Mapping, Optional, Protocol, Tuple

from planet_vector.bands import BandInfo
from planet_vector.server.archive.raster_info import RasterInfo

if TYPE_CHECKING:
    from planet_vector.server.archive.listing import Listing

LIST_PREFIX = "list:"
"""Prefix of the keys of units with many scenes and no rasters. Scenes of all other units are read with GDAL."""

LEFT_OUT, GUESSED, IDS, MISSING, SKIPPED = "left out", "guessed", "ids", "missing", "skipped"
"""Kinds of lines in the index report (`Problem.kind`)."""

REPORTED = (LEFT_OUT, GUESSED, IDS, MISSING, SKIPPED)
"""These kinds, in the order of the report."""


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
        Stable name within the archive: prefix of its kind, folder, and a name within the folder.
    files : list of File
        Paths relative to the archive, with ``/``; sidecars of rasters come last.
    ids : dict of str to str
        Ids of its scenes that differ from those that `Kind.read` yields.
    """

    key: str
    files: List[File] = field(default_factory=list)
    ids: Dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Problem:
    """Line of the index report: a file, or a part of it, that is not served, or served with a reservation.

    Attributes
    ----------
    path : str
        Path relative to the archive.
    text : str
        What is the matter, as a predicate of the path.
    unread : bool
        Whether the file or folder could not be completely read, so that its former contents may still be valid.
    kind : str
        `LEFT_OUT` if it is not served, else `GUESSED`, `IDS`, `MISSING` or `SKIPPED`.
    """

    path: str
    text: str
    unread: bool = field(default=False, compare=False)
    kind: str = LEFT_OUT


@dataclass(frozen=True)
class SceneAsset:
    """File of a scene.

    Attributes
    ----------
    key : str
        Its key in STAC, unique within the scene.
    path : str
        Path relative to the archive, with ``/``; or the absolute URL of a STAC item's remote asset, which the service
        never opens.
    media_type : str
        Such as `planet_vector.server.archive.media_types.GEOTIFF`.
    roles : tuple of str
        STAC roles.
    product : str or None
        Its product in v0; None if v0 does not have it (metadata, previews, remote files).
    v1 : str or None
        Its asset name in the Data API v1; None if that is `key`.
    bands : tuple of BandInfo
        Its bands in order; empty if it has none, or they are unknown.
    raster : RasterInfo or None
        Its header; None if it is no raster of the archive.
    title : str
        For readers; may be empty.
    """

    key: str
    path: str
    media_type: str
    roles: Tuple[str, ...] = ("data",)
    product: Optional[str] = None
    v1: Optional[str] = None
    bands: Tuple[BandInfo, ...] = ()
    raster: Optional[RasterInfo] = None
    title: str = ""

    @property
    def is_remote(self) -> bool:
        """Whether it is not in the archive."""
        return "://" in self.path


@dataclass(frozen=True)
class SceneRecord:
    """One scene, as it is passed to the index.

    Attributes
    ----------
    scene_type : str
        The scene type of v0.
    feature : mapping
        The Feature of v0, with the links of its original service, if any: `SceneFields.to_feature`, or a Feature of
        the archive as it is. The index replaces its id if that is not unique.
    assets : tuple of SceneAsset
        Its files.
    item_type : str
        Item type of the Data API v1; empty if it is the scene type.
    collection : str
        Id of the STAC collection; empty if it is the item type.
    item : mapping
        `SceneFields.to_json`, or empty if the fields are those of the Feature (`SceneFields.of_feature`).
    guessed : tuple of str
        Fields that were guessed: ``acquired``, or none.
    """

    scene_type: str
    feature: Mapping[str, Any]
    assets: Tuple[SceneAsset, ...] = ()
    item_type: str = ""
    collection: str = ""
    item: Mapping[str, object] = field(default_factory=dict)
    guessed: Tuple[str, ...] = ()

    @property
    def products(self) -> Dict[str, str]:
        """Paths relative to the archive by product of v0."""
        return {asset.product: asset.path for asset in self.assets if asset.product}


class ReadUnit(Protocol):
    """Function that yields the scenes of a unit, with their ids as they would be if those did not repeat.

    It appends to the problems the files and scenes that cannot be served, and other lines of the report. An OSError
    that it raises means that a file could not be read, and is read again.
    """

    def __call__(self, root: Path, unit: Unit, problems: List[Problem]) -> Iterator[SceneRecord]:
        """Yield the scenes of a unit of the archive `root`."""


class ClaimFiles(Protocol):
    """Function that yields a unit's key and a path for each file of its kind among those that are left.

    The key is the prefix of the kind, a path, and the name of the unit in that folder: ``scene:2021/field_7/ortho``. It
    must not depend on files outside of the unit. A file may belong to several units. The key of a file of this kind
    that belongs to no scene is empty. The function appends to the problems the files that cannot be served.
    """

    def __call__(self, listing: Listing, problems: List[Problem]) -> Iterator[Tuple[str, str]]:
        """Yield keys and paths; the listing stays as it is until all are yielded."""


@dataclass(frozen=True)
class Kind:
    """One kind of files: how they are recognised, grouped and read. Each module of `kinds` has one, `KIND`.

    Attributes
    ----------
    prefix : str
        Prefix of the keys of its units, with a colon.
    claim : ClaimFiles
        Recognises and groups files.
    read : ReadUnit
        Reads a unit.
    id_of : callable or None
        Returns the id that the scene of a unit with a key has, unless that repeats in the archive. None if only files
        tell the ids, or a unit may have several scenes.
    """

    prefix: str
    claim: ClaimFiles
    read: ReadUnit
    id_of: Optional[Callable[[str], str]] = None


def name_of(key: str) -> str:
    """Return the name of a unit in its folder: the last part of its key.

    Parameters
    ----------
    key : str
        Key of the unit.
    """
    return key.partition(":")[2].rpartition("/")[2]


def path_of(key: str, scene_id: str) -> str:
    """Return the folder of a unit, with the id of one of its scenes: the path of which an id that repeats is made.

    Parameters
    ----------
    key : str
        Key of the unit.
    scene_id : str
        The id, before it is made unique.
    """
    return "".join(key.partition(":")[2].rpartition("/")[:2]) + scene_id


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
