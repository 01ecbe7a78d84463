"""Items and item types of the Data API v1 as the key of a request may see them."""

from __future__ import annotations

from typing import List, Mapping, Sequence, Set

from planet_vector.server.api.permissions import Permission
from planet_vector.server.api.scenes import is_text
from planet_vector.server.api.service import Service
from planet_vector.server.archive.units import SceneAsset
from planet_vector.server.http_errors import HttpError
from planet_vector.server.index.data_properties import asset_name
from planet_vector.server.index.records import StoredScene
from planet_vector.server.patience import Patience


def item_types(service: Service, permission: Permission, patience: Patience) -> List[str]:
    """Return the item types that have items that the key permits.

    Parameters
    ----------
    service : Service
        The service.
    permission : Permission
        Permission of the key.
    patience : Patience
        Time limit and cancellation.
    """
    seen = permission.scene_types
    kinds = service.items.kinds(patience)
    return sorted({kind.item_type for kind in kinds if seen is None or kind.scene_type in seen})


def scene_types_of(service: Service, permission: Permission, item_type: str, patience: Patience) -> List[str]:
    """Return the scene types that an item type's items have, and the key permits.

    Parameters
    ----------
    service : Service
        The service.
    permission : Permission
        Permission of the key.
    item_type : str
        The item type.
    patience : Patience
        Time limit and cancellation.

    Raises
    ------
    HttpError
        403 if the key permits none of them, 404 if there is no such item type.
    """
    found: Set[str] = {kind.scene_type for kind in service.items.kinds(patience) if kind.item_type == item_type}
    if not found:
        raise HttpError(
            404, f"There is no item type {item_type[:40]!r}: {service_types(service, permission, patience)}"
        )
    permitted = sorted(found if permission.scene_types is None else found & permission.scene_types)
    if not permitted:
        raise HttpError(403, f"Your key does not permit items of the type {item_type}.")
    return permitted


def service_types(service: Service, permission: Permission, patience: Patience) -> str:
    """Return a sentence that names the item types.

    Parameters
    ----------
    service : Service
        The service.
    permission : Permission
        Permission of the key.
    patience : Patience
        Time limit and cancellation.
    """
    names = item_types(service, permission, patience)
    return f"this service has {', '.join(names[:20])}." if names else "this service has no items."


def find_item(
    service: Service, permission: Permission, item_type: str, item_id: str, patience: Patience
) -> StoredScene:
    """Return an item.

    Parameters
    ----------
    service : Service
        The service.
    permission : Permission
        Permission of the key.
    item_type, item_id : str
        Its type and id.
    patience : Patience
        Time limit and cancellation.

    Raises
    ------
    HttpError
        403 if the key does not permit the type, 404 if there is no such type or item.
    """
    for scene_type in scene_types_of(service, permission, item_type, patience):
        found = service.index.record(scene_type, item_id) if is_text(item_id) else None
        if found is not None and found.item_type == item_type:
            return found
    raise HttpError(404, f"There is no item {item_id[:80]!r} of the type {item_type}.")


def find_asset(scene: StoredScene, name: str) -> SceneAsset:
    """Return an asset of an item.

    Parameters
    ----------
    scene : StoredScene
        The scene.
    name : str
        Name of the asset in the Data API.

    Raises
    ------
    HttpError
        404, if it has no such asset.
    """
    for asset in scene.assets:
        if asset_name(asset) == name:
            return asset
    names: Sequence[str] = [asset_name(asset) for asset in scene.assets]
    raise HttpError(
        404, f"Item {scene.scene_id} has no asset {name[:40]!r}; it has: {', '.join(names[:40]) or 'none'}."
    )


def drawn_products(permission: Permission, scene: StoredScene) -> Mapping[str, str]:
    """Return the files of the products that pictures may show, by product.

    Parameters
    ----------
    permission : Permission
        Permission of the key.
    scene : StoredScene
        The scene.

    Raises
    ------
    HttpError
        403, if the scene has products and the key permits none of them.
    """
    products = {asset.product: asset.path for asset in scene.assets if asset.product}
    permitted = {name: path for name, path in products.items() if permission.allows(name)}
    if products and not permitted:
        raise HttpError(403, f"Your key does not permit any asset of item {scene.scene_id}.")
    return permitted
