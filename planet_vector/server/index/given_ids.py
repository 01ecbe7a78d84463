"""Give the scenes of an archive their ids before they are read, as far as the names of their files tell them."""

from __future__ import annotations

import sqlite3
from typing import AbstractSet, Dict, List, Mapping

from planet_vector.server.archive.archive_paths import unstored
from planet_vector.server.archive.ids import assign, plain_id
from planet_vector.server.archive.inventory import kind_of
from planet_vector.server.archive.units import Unit, path_of

Given = Dict[str, Dict[str, str]]


def read_given(db: sqlite3.Connection) -> Given:
    """Return the ids that differ from those of the files, by the key of the unit and the file's own id.

    Parameters
    ----------
    db : sqlite3.Connection
        The index.
    """
    found: Given = {}
    for key, own, scene_id in db.execute("SELECT key, own, id FROM given"):
        found.setdefault(unstored(key), {})[unstored(own)] = scene_id
    return found


def give_ids(units: Mapping[str, Unit], known: AbstractSet[str], given: Given) -> None:
    """Set the ids of units that differ from those of their files.

    Parameters
    ----------
    units : mapping of str to Unit
        Units of the archive by key.
    known : set of str
        Keys of the units in the index whose files are, or may be, in the archive. Their scenes keep their ids.
    given : dict
        Result of `read_given`.
    """
    for key, ids in given.items():
        if key in units:
            units[key].ids.update(ids)
    if units.keys() <= known:
        return
    own = {}
    for key in (*units, *(key for key in known if key not in units)):
        id_of = kind_of(key).id_of
        if id_of is not None:
            own[key] = id_of(key)
    named = {key: plain_id(text) for key, text in own.items()}
    paths = {key: path_of(key, own[key]) for key in units if key in own and key not in known}
    kept = {key: text for key, text in own.items() if key in known}
    for key in given.keys() & kept.keys():
        kept[key] = given[key].get(own[key], own[key])
    for key, scene_id in assign(named, paths, kept).items():
        if scene_id != own[key]:
            units[key].ids[own[key]] = scene_id


def read_units(db: sqlite3.Connection) -> List[str]:
    """Return the keys of the units of an index of an older schema whose scene has the id of its files.

    Parameters
    ----------
    db : sqlite3.Connection
        The index, or an empty database.
    """
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'unit'").fetchone():
        return []
    return [
        key for (key,) in db.execute("SELECT DISTINCT key FROM unit JOIN scene USING (unit) WHERE key GLOB 'scene:*'")
    ]
