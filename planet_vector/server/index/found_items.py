"""Items as the index has them."""

from __future__ import annotations

import json
import sqlite3
from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence

import numpy as np
from shapely.geometry.base import BaseGeometry

from planet_vector.pixels.sidecars import sidecar_names
from planet_vector.server.index.item_masks import footprints
from planet_vector.server.index.records import StoredScene, read_records
from planet_vector.server.index.snapshot import look_up


class FoundItem(NamedTuple):
    """An item as the index has it.

    Attributes
    ----------
    scene : StoredScene
        Its fields and assets.
    footprint : shapely geometry or None
        Its footprint, within ±180°.
    sizes : mapping of str to int
        Bytes of its files by path, without those that are completed by sidecars.
    """

    scene: StoredScene
    footprint: Optional[BaseGeometry]
    sizes: Mapping[str, int]


def read_items(db: sqlite3.Connection, scenes: Sequence[int]) -> List[FoundItem]:
    """Return items in the order of their numbers.

    Parameters
    ----------
    db : sqlite3.Connection
        The index.
    scenes : sequence of int
        Numbers of scenes that it contains.
    """
    shapes = footprints(db, np.array(scenes, dtype=np.int64))
    files = look_up(db, "scene, files", "(SELECT scene, files FROM scene JOIN unit USING (unit))", scenes)
    return [
        FoundItem(record, shape, _sizes(record, row[1]))
        for record, shape, row in zip(read_records(db, scenes), shapes, files)
    ]


def _sizes(scene: StoredScene, files: str) -> Dict[str, int]:
    """Return the sizes of the files of a scene, as the last scan of the archive found them."""
    place = files.find("[")  # after a prefix; a unit that is to be read again has no files
    listed = {path: size for path, size, *_ in json.loads(files[place:])} if scene.assets and place >= 0 else {}
    found = {}
    for asset in scene.assets:
        folder, slash, name = asset.path.rpartition("/")
        if asset.path in listed and not any(folder + slash + beside in listed for beside in sidecar_names(name)):
            found[asset.path] = listed[asset.path]
    return found
