"""Links, and addresses of collections and items, in the documents of the APIs of OGC and STAC."""

from __future__ import annotations

from typing import Dict
from urllib.parse import quote

from planet_vector.server.index.records import StoredScene

Document = Dict[str, object]
"""JSON object."""

JSON = "application/json"


def link(rel: str, media_type: str, href: str, title: str = "", **more: str) -> Document:
    """Return a link.

    Parameters
    ----------
    rel, media_type, href : str
        Its relation, the media type of its target, and its address.
    title : str, optional
        For readers.
    more : str
        Further members.
    """
    found: Document = {"rel": rel, "type": media_type, "href": href, **more}
    return {**found, "title": title} if title else found


def collection_url(base: str, root: str, collection: str) -> str:
    """Return the address of a collection.

    Parameters
    ----------
    base : str
        Root address of the service.
    root : str
        Root of the API, without the final slash, such as ``/stac``.
    collection : str
        Its id.
    """
    return f"{base}{root}/collections/{quote(collection, safe='')}"


def item_url(base: str, root: str, scene: StoredScene) -> str:
    """Return the address of a scene as an item of its collection.

    Parameters
    ----------
    base, root : str
        As for `collection_url`.
    scene : StoredScene
        The scene.
    """
    return f"{collection_url(base, root, scene.collection)}/items/{quote(scene.scene_id, safe='')}"
