"""Routes of the Data API v1 for item types, items, assets and pictures."""

from __future__ import annotations

import re
from typing import TypeVar

from fastapi import Request
from fastapi.responses import Response

from planet_vector.item_ids import file_name
from planet_vector.server.api.activations import ACTIVE
from planet_vector.server.api.answers import Seen, json_answer, look, picture_answer, write_json
from planet_vector.server.api.asset_tokens import asset_of_token
from planet_vector.server.api.attending import CHEAP, attend
from planet_vector.server.api.conditional import NOT_STORED
from planet_vector.server.api.data_api.item_documents import (
    ROOT,
    asset_document,
    item_document,
    type_url,
)
from planet_vector.server.api.data_api.item_lookup import (
    drawn_products,
    find_asset,
    find_item,
    item_types,
    scene_types_of,
)
from planet_vector.server.api.delivery import product_path
from planet_vector.server.api.documents import Document
from planet_vector.server.api.ranges import disposition
from planet_vector.server.api.scenes import file_answer
from planet_vector.server.api.service import CHEAP_SECONDS, Service, base_url, enter, index_version
from planet_vector.server.archive.raster_names import delivered_suffix
from planet_vector.server.http_errors import HttpError
from planet_vector.server.imagery.kept_pictures import SIZES
from planet_vector.server.index.data_properties import allows_asset, asset_name
from planet_vector.server.patience import Patience

WIDTH = 256
"""Default width of a thumbnail in pixels; the next larger of `SIZES` is sent."""

T = TypeVar("T")


async def list_types(request: Request) -> Response:
    """Return the item types.

    Parameters
    ----------
    request : Request
        Request with a key.
    """
    service, permission = enter(request)
    base = base_url(request)

    def answer(patience: Patience) -> Response:
        def make() -> bytes:
            types = [_type_document(base, name) for name in item_types(service, permission, patience)]
            return write_json({"_links": {"_self": f"{base}{ROOT}/item-types"}, "item_types": types})

        return json_answer(request, make, index_version(request, service, permission))

    return await attend(request, answer, seconds=CHEAP_SECONDS, pool=CHEAP)


async def get_type(request: Request, item_type: str) -> Response:
    """Return one item type.

    Parameters
    ----------
    request : Request
        Request with a key.
    item_type : str
        The item type.
    """
    service, permission = enter(request)
    base = base_url(request)

    def answer(patience: Patience) -> Response:
        scene_types_of(service, permission, item_type, patience)
        content = write_json(_type_document(base, item_type))
        return json_answer(request, lambda: content, index_version(request, service, permission))

    return await attend(request, answer, seconds=CHEAP_SECONDS, pool=CHEAP)


def _type_document(base: str, item_type: str) -> Document:
    return {
        "_links": {"_self": type_url(base, item_type)},
        "display_description": f"Items of the type {item_type}",
        "display_name": item_type,
        "id": item_type,
    }


async def get_item(request: Request, item_type: str, scene_id: str) -> Response:
    """Return one item.

    Parameters
    ----------
    request : Request
        Request with a key.
    item_type, scene_id : str
        Its type and id.
    """
    service, permission = enter(request)
    base = base_url(request)

    def answer(patience: Patience) -> Response:
        def make() -> bytes:
            scene = find_item(service, permission, item_type, scene_id, patience)
            return write_json(item_document(scene, permission, base))

        return json_answer(request, make, index_version(request, service, permission))

    return await attend(request, answer, seconds=CHEAP_SECONDS, pool=CHEAP)


async def list_assets(request: Request, item_type: str, scene_id: str) -> Response:
    """Return the assets of an item with their states, by name.

    Parameters
    ----------
    request : Request
        Request with a key.
    item_type, scene_id : str
        Type and id of the item.
    """
    service, permission = enter(request)
    base = base_url(request)

    def answer(patience: Patience) -> Response:
        scene = find_item(service, permission, item_type, scene_id, patience)
        found = {a: asset_document(service, permission, scene, a, base) for a in scene.assets}
        return json_answer(request, lambda: write_json({asset_name(a): document for a, document in found.items()}))

    return await attend(request, answer, seconds=CHEAP_SECONDS, pool=CHEAP)


async def get_asset(request: Request, item_type: str, scene_id: str, asset: str) -> Response:
    """Return one asset with its state.

    Parameters
    ----------
    request : Request
        Request with a key.
    item_type, scene_id : str
        Type and id of the item.
    asset : str
        Name of the asset.
    """
    service, permission = enter(request)
    base = base_url(request)

    def answer(patience: Patience) -> Response:
        scene = find_item(service, permission, item_type, scene_id, patience)
        document = asset_document(service, permission, scene, find_asset(scene, asset), base)
        return json_answer(request, lambda: write_json(document))

    return await attend(request, answer, seconds=CHEAP_SECONDS, pool=CHEAP)


async def activate(request: Request, item_type: str, scene_id: str, asset: str) -> Response:
    """Begin to activate an asset: 202, or 204 if it is active.

    Parameters
    ----------
    request : Request
        Request with a key.
    item_type, scene_id : str
        Type and id of the item.
    asset : str
        Name of the asset.

    Returns
    -------
    Response
        202, or 204 if the asset is active, without a body.
    """
    service, permission = enter(request)

    def answer(patience: Patience) -> Response:
        scene = find_item(service, permission, item_type, scene_id, patience)
        found = find_asset(scene, asset)
        if not allows_asset(permission.products, found):
            raise HttpError(403, f"Your key does not permit the asset {asset}.")
        place = scene.scene_type, scene.scene_id, found.key
        try:
            service.activations.activate(*place)
            state = service.activations.state(*place)
        except OSError as error:
            raise HttpError(503, f"The activation cannot be stored ({error.strerror}): retry later.") from None
        return Response(status_code=204 if state == ACTIVE else 202, headers=NOT_STORED)

    return await attend(request, answer, seconds=CHEAP_SECONDS, pool=CHEAP)


async def download(request: Request) -> Response:
    """Return the file of an asset; the token of its location replaces the key.

    Parameters
    ----------
    request : Request
        Request with ``token`` in its query.
    """
    service: Service = request.app.state.service
    place = asset_of_token(service.asset_signer, request.query_params.get("token", ""))
    if place is None:
        raise HttpError(403, "The location is invalid or has expired: request the asset again for another one.")
    scene_type, scene_id, key = place

    def answer(patience: Patience) -> Response:
        scene = service.index.record(scene_type, scene_id)
        asset = next((each for each in scene.assets if each.key == key), None) if scene else None
        missing = f"The archive has no file of the asset {key} of item {scene_id}."
        if asset is None:
            raise HttpError(404, missing)
        suffix = re.search(r"\.[^./]*$", asset.path)
        signed = None
        if asset.product:
            signed = product_path(scene_type, scene_id, asset.product, delivered_suffix(asset.path))
        name = file_name(scene_id, f"{asset_name(asset)}{suffix.group() if suffix else ''}")
        return file_answer(request, asset.path, name, missing, signed, asset.media_type)

    return await attend(request, answer, seconds=CHEAP_SECONDS, pool=CHEAP)


async def get_thumbnail(request: Request, item_type: str, scene_id: str) -> Response:
    """Return a thumbnail of an item as PNG.

    Parameters
    ----------
    request : Request
        Request with a key, and ``width`` in its query, for which the next larger of `SIZES` is sent.
    item_type, scene_id : str
        Type and id of the item.
    """
    service, permission = enter(request)
    text = request.query_params.get("width", str(WIDTH))
    if not re.fullmatch(r"[1-9]\d{0,4}", text, re.ASCII):
        raise HttpError(400, f"width is {text[:40]!r}: it takes a number of pixels.")
    size = next((name for name, width in SIZES.items() if width >= int(text)), max(SIZES, key=lambda n: SIZES[n]))

    def seen(patience: Patience) -> Seen:
        scene = find_item(service, permission, item_type, scene_id, patience)
        picture = service.imagery.thumbnail(drawn_products(permission, scene), size, "png", False)
        return look(request, picture, service.keys.required)

    found = await attend(request, seen, seconds=CHEAP_SECONDS, pool=CHEAP)
    headers = {"Content-Disposition": disposition(file_name(scene_id, "thumb.png"))}
    return await picture_answer(request, found, "image/png", headers)


async def get_tile(request: Request, item_type: str, scene_id: str, z: str, x: str, y: str) -> Response:
    """Return a web map tile of an item.

    Parameters
    ----------
    request : Request
        Request with a key.
    item_type, scene_id : str
        Type and id of the item.
    z, x, y : str
        Zoom, column counted from the west, and row counted from the north.
    """
    service, permission = enter(request)

    def seen(patience: Patience) -> Seen:
        scene = find_item(service, permission, item_type, scene_id, patience)
        if not all(re.fullmatch(r"\d{1,8}", part, re.ASCII) for part in (z, x, y)):
            raise HttpError(404, "There is no such tile.")
        products = drawn_products(permission, scene)
        return look(request, service.imagery.tile([products], int(z), int(x), int(y)), service.keys.required)

    return await picture_answer(request, await attend(request, seen, seconds=CHEAP_SECONDS, pool=CHEAP), "image/png")
