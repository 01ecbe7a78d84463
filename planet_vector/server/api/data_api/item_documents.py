"""Items and assets of the Data API v1 as JSON documents."""

from __future__ import annotations

from datetime import datetime, timezone
from urllib.parse import quote

from planet_vector.server.api.activations import ACTIVE, INACTIVE
from planet_vector.server.api.asset_tokens import asset_token
from planet_vector.server.api.documents import Document
from planet_vector.server.api.permissions import Permission
from planet_vector.server.api.service import Service
from planet_vector.server.archive.units import SceneAsset
from planet_vector.server.index.data_properties import (
    allows_asset,
    asset_name,
    data_properties,
    permission_of,
    permitted_names,
    written,
)
from planet_vector.server.index.records import StoredScene

ROOT = "/data/v1"
"""Root of the Data API."""


def type_url(base: str, item_type: str) -> str:
    """Return the address of an item type.

    Parameters
    ----------
    base : str
        Root address of the service.
    item_type : str
        The item type.
    """
    return f"{base}{ROOT}/item-types/{quote(item_type, safe='')}"


def item_url(base: str, scene: StoredScene) -> str:
    """Return the address of an item.

    Parameters
    ----------
    base : str
        Root address of the service.
    scene : StoredScene
        The scene.
    """
    return f"{type_url(base, scene.item_type)}/items/{quote(scene.scene_id, safe='')}"


def item_document(scene: StoredScene, permission: Permission, base: str) -> Document:
    """Return an item as a GeoJSON Feature.

    Parameters
    ----------
    scene : StoredScene
        The scene.
    permission : Permission
        Permission of the key, which decides on the list ``_permissions``.
    base : str
        Root address of the service.
    """
    address = item_url(base, scene)
    return {
        "_links": {"_self": address, "assets": f"{address}/assets/", "thumbnail": f"{address}/thumb"},
        "_permissions": [permission_of(name) for name in permitted_names(permission.products, scene)],
        "assets": [asset_name(asset) for asset in scene.assets],
        "geometry": scene.feature["geometry"],
        "id": scene.scene_id,
        "properties": written(data_properties(scene)),
        "type": "Feature",
    }


def asset_document(
    service: Service, permission: Permission, scene: StoredScene, asset: SceneAsset, base: str
) -> Document:
    """Return an asset with its state, and its location if it is active and permitted.

    Parameters
    ----------
    service : Service
        The service.
    permission : Permission
        Permission of the key.
    scene : StoredScene
        The scene.
    asset : SceneAsset
        Its asset.
    base : str
        Root address of the service.

    Raises
    ------
    OSError
        If the state cannot be read.
    """
    place = scene.scene_type, scene.scene_id, asset.key
    name, allowed = asset_name(asset), allows_asset(permission.products, asset)
    address = f"{item_url(base, scene)}/assets/{quote(name, safe='')}"
    document: Document = {
        "_links": {"_self": address, "activate": f"{address}/activate"},
        "_permissions": ["download"] if allowed else [],
        "status": service.activations.state(*place) if allowed else INACTIVE,
        "type": name,
    }
    if document["status"] == ACTIVE:
        if asset.is_remote:
            document["location"] = asset.path
        else:
            token = asset_token(service.asset_signer, place)
            document["location"] = f"{base}{ROOT}/download?token={token.text}"
            ends = datetime.fromtimestamp(token.expires, timezone.utc)
            document["expires_at"] = ends.strftime("%Y-%m-%dT%H:%M:%S.%f")  # without a zone, as Planet writes it
    return document
