"""Metadata of scenes that were synchronised from another API than v0: items of the Data API v1 and of STAC."""

from __future__ import annotations

from typing import List, Mapping, NamedTuple, Optional

from planet_vector.server.archive.fields import SceneFields, text_or_none
from planet_vector.server.archive.kinds.planet_names import scene_type_of
from planet_vector.server.archive.kinds.stac_items import scene_type_of_collection
from planet_vector.server.archive.metadata.planet_item import item_fields, item_type_of
from planet_vector.server.archive.metadata.stac_item import fields_of


class SyncedItem(NamedTuple):
    """Fields and names that an item states.

    Attributes
    ----------
    fields : SceneFields
        Its fields, with a time of acquisition.
    scene_type, item_type, collection : str
        Its names in each API.
    unreadable : list of str
        Values that are stated but unreadable, as predicates of the file.
    """

    fields: SceneFields
    scene_type: str
    item_type: str
    collection: str
    unreadable: List[str]


def synced_item(document: Mapping[str, object]) -> Optional[SyncedItem]:
    """Return what an item states; None for a Feature of v0, or without a time of acquisition.

    Parameters
    ----------
    document : mapping
        A GeoJSON Feature with properties, if any, that are an object.
    """
    item_type = item_type_of(document)
    if isinstance(document.get("stac_version"), str) and isinstance(document.get("properties"), dict):
        collection = text_or_none(document.get("collection")) or "ortho"
        found = SyncedItem(fields_of(document), scene_type_of_collection(collection), collection, collection, [])
    elif item_type is not None:
        fields, unreadable = item_fields(document)
        found = SyncedItem(fields, scene_type_of(item_type), item_type, item_type, unreadable)
    else:
        return None
    return None if found.fields.acquired is None else found
