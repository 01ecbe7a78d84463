"""Items as STAC 1.1 documents, and pages of them."""

from __future__ import annotations

import json
import math
from typing import Dict, FrozenSet, List, Mapping, Optional
from urllib.parse import quote

import shapely

from planet_vector.bands import COMMON_NAMES, BandInfo
from planet_vector.item_ids import file_name
from planet_vector.server.api.documents import JSON, Document, collection_url, item_url, link
from planet_vector.server.api.permissions import Permission
from planet_vector.server.api.stac.boxes import box_of
from planet_vector.server.api.stac.searching import FieldChoice
from planet_vector.server.archive.raster_info import RasterInfo
from planet_vector.server.archive.units import SceneAsset
from planet_vector.server.index.data_properties import allows_asset
from planet_vector.server.index.found_items import FoundItem
from planet_vector.server.index.item_properties import item_values, written
from planet_vector.server.index.records import StoredScene

STAC_VERSION = "1.1.0"
GEOJSON = "application/geo+json"

ROOT = "/stac"
"""Root of the API, without the final slash."""

_EXTENSIONS = {
    prefix: f"https://stac-extensions.github.io/{name}/schema.json"
    for prefix, name in (
        ("eo", "eo/v2.0.0"),
        ("file", "file/v2.1.0"),
        ("proj", "projection/v2.0.0"),
        ("raster", "raster/v2.0.0"),
        ("view", "view/v1.1.0"),
    )
}
"""The schema of each extension, by the prefix of its fields."""

_COMPLEX = {"complex_int16": "cint16", "complex64": "cfloat32", "complex128": "cfloat64"}
"""STAC's names of data types that differ from numpy's."""

_REQUIRED = frozenset(
    {"type", "stac_version", "stac_extensions", "id", "collection", "geometry", "bbox", "links", "assets",
     "properties.datetime"}
)  # fmt: skip
"""Parts of every item, which the extension fields adds others to."""


def item_document(found: FoundItem, permission: Permission, base: str) -> Document:
    """Return an item as a STAC document.

    Parameters
    ----------
    found : FoundItem
        The item.
    permission : Permission
        Permission of the key, which decides on the assets.
    base : str
        Root address of the service.
    """
    scene, footprint = found.scene, found.footprint
    properties = written(item_values(scene))
    assets = asset_documents(found, permission, base)
    document: Document = {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "stac_extensions": extensions_of(properties, assets),
        "id": scene.scene_id,
        "collection": scene.collection,
        "geometry": None,
        "properties": properties,
        "links": [
            link("self", GEOJSON, item_url(base, ROOT, scene)),
            link("root", JSON, f"{base}{ROOT}/"),
            link("parent", JSON, collection_url(base, ROOT, scene.collection)),
            link("collection", JSON, collection_url(base, ROOT, scene.collection)),
            *tile_links(scene, permission, base),
        ],
        "assets": assets,
    }
    if footprint is not None:
        document["geometry"] = json.loads(shapely.to_geojson(footprint))
        document["bbox"] = box_of(footprint)
    return document


def extensions_of(properties: Mapping[str, object], assets: Mapping[str, Document]) -> List[str]:
    """Return the schemas of the extensions that a document uses.

    Parameters
    ----------
    properties : mapping
        Properties of an item, or summaries of a collection.
    assets : mapping
        Assets by key.
    """
    names = {name.partition(":")[0] for name in properties if ":" in name}
    for asset in assets.values():
        parts: List[object] = [asset]
        bands = asset.get("bands")
        parts += bands if isinstance(bands, list) else []
        names |= {name.partition(":")[0] for part in parts if isinstance(part, dict) for name in part if ":" in name}
    return [schema for prefix, schema in _EXTENSIONS.items() if prefix in names]


def asset_documents(found: FoundItem, permission: Permission, base: str) -> Dict[str, Document]:
    """Return the assets of an item that a key permits, by key.

    Parameters
    ----------
    found : FoundItem
        The item.
    permission : Permission
        Permission of the key.
    base : str
        Root address of the service.
    """
    scene = found.scene
    documents = {}
    for asset in scene.assets:
        if permits(permission, asset):
            document = {"href": asset_url(base, scene, asset), **describe_asset(asset)}
            size = found.sizes.get(asset.path)
            if size is not None:
                document["file:size"] = size
            documents[asset.key] = document
    if _is_drawn(scene, permission) and "thumbnail" not in documents:
        documents["thumbnail"] = thumbnail_of(
            f"{base}/v0/scenes/{quote(scene.scene_type)}/{quote(scene.scene_id, safe='')}/thumb"
        )
    return documents


def tile_links(scene: StoredScene, permission: Permission, base: str) -> List[Document]:
    """Return the link to the map tiles of an item, as a list; an item that cannot be drawn has none.

    Parameters
    ----------
    scene : StoredScene
        The scene.
    permission : Permission
        Permission of the key.
    base : str
        Root address of the service.
    """
    if not _is_drawn(scene, permission):
        return []
    place = f"{quote(scene.scene_type, safe='')}/{quote(scene.scene_id, safe='')}"
    href = f"{base}/tiles/scenes/{place}/tilejson.json"
    return [{"rel": "tilejson", "type": "application/json", "href": href, "title": "Map tiles"}]


def _is_drawn(scene: StoredScene, permission: Permission) -> bool:
    return any(asset.product and permission.allows(asset.product) for asset in scene.assets)


def thumbnail_of(href: Optional[str] = None) -> Document:
    """Return the asset of a thumbnail that the service draws.

    Parameters
    ----------
    href : str, optional
        Its address; left out in collections.
    """
    return {**({"href": href} if href else {}), "type": "image/png", "title": "Thumbnail", "roles": ["thumbnail"]}


def permits(permission: Permission, asset: SceneAsset) -> bool:
    """Return whether a key permits an asset: as a product by its name, other files by their key.

    Parameters
    ----------
    permission : Permission
        Permission of the key.
    asset : SceneAsset
        The asset.
    """
    return allows_asset(permission.products, asset)


def asset_file(scene: StoredScene, asset: SceneAsset) -> str:
    """Return the name of a file as it is delivered: the id, the key, and the suffix of the file.

    Parameters
    ----------
    scene : StoredScene
        The scene.
    asset : SceneAsset
        Its asset.
    """
    name = asset.path.rpartition("/")[2]
    suffix = name[name.rindex(".") :] if "." in name else ""
    return file_name(scene.scene_id, f"{asset.key}{suffix}")


def asset_url(base: str, scene: StoredScene, asset: SceneAsset) -> str:
    """Return the address of an asset.

    Parameters
    ----------
    base : str
        Root address of the service.
    scene : StoredScene
        The scene.
    asset : SceneAsset
        Its asset.
    """
    if asset.is_remote:
        return asset.path
    return (
        f"{item_url(base, ROOT, scene)}/assets/{quote(asset.key, safe='')}/{quote(asset_file(scene, asset), safe='')}"
    )


def describe_asset(asset: SceneAsset) -> Document:
    """Return what a STAC document states of an asset, without its address.

    Parameters
    ----------
    asset : SceneAsset
        The asset.
    """
    document: Document = {"type": asset.media_type, "title": asset.title or asset.key, "roles": list(asset.roles)}
    if asset.raster is not None:
        document.update(_grid(asset.raster))
    bands = [_band(band) for band in asset.bands]
    if bands:
        document["bands"] = bands
    return document


def _grid(raster: RasterInfo) -> Document:
    found: Document = {"data_type": _COMPLEX.get(raster.data_type, raster.data_type)}
    if raster.nodata is not None:
        found["nodata"] = _nodata(raster.nodata)
    if raster.crs.startswith("EPSG:"):
        found["proj:code"] = raster.crs
    elif raster.crs:
        found.update({"proj:code": None, "proj:wkt2": raster.crs})
    if raster.crs:
        found["proj:shape"] = [raster.rows, raster.columns]
        if raster.transform:
            found["proj:transform"] = [float(value) for value in raster.transform]
    return found


def _band(info: BandInfo) -> Document:
    band = info.band
    found: Document = {"name": band.name or band.description}
    if band.description and band.description != found["name"]:
        found["description"] = band.description
    if band.common in COMMON_NAMES:
        found["eo:common_name"] = band.common
    if band.centre is not None and band.width is not None and band.centre > 0 and band.width > 0:
        found.update({"eo:center_wavelength": band.centre, "eo:full_width_half_max": band.width})
    if info.nodata is not None:
        found["nodata"] = _nodata(info.nodata)
    if info.unit:
        found["unit"] = info.unit
    if info.scale is not None:
        found["raster:scale"] = info.scale
    if info.offset is not None:
        found["raster:offset"] = info.offset
    return found


def _nodata(value: float) -> object:
    if math.isnan(value):
        return "nan"
    return value if math.isfinite(value) else "inf" if value > 0 else "-inf"


def chosen(document: Document, fields: FieldChoice) -> Document:
    """Return the parts of an item that a request chose.

    Parameters
    ----------
    document : dict
        The item.
    fields : FieldChoice
        The choice.
    """
    if fields.included:
        kept: Document = {}
        for path in _REQUIRED | fields.included:
            _copy(document, kept, path.split("."))
        document = kept
    for path in fields.excluded:
        _remove(document, path)
    return document


def _copy(source: Document, target: Document, path: List[str]) -> None:
    """Copy a part; names may contain dots themselves."""
    for length in range(1, len(path) + 1):
        name = ".".join(path[:length])
        if name not in source:
            continue
        value = source[name]
        if length == len(path):
            target[name] = value
        elif isinstance(value, dict):
            inner = target.setdefault(name, {})
            if isinstance(inner, dict):
                _copy(value, inner, path[length:])
        return


def _remove(document: Document, path: str) -> None:
    if path in document:
        del document[path]
        return
    head, _, rest = path.partition(".")
    inner = document.get(head)
    if rest and isinstance(inner, dict):
        copied = dict(inner)
        _remove(copied, rest)
        document[head] = copied


def item_assets(scenes: List[StoredScene], permission: Permission) -> Dict[str, Document]:
    """Return the assets of a collection, as some of its scenes have them: what all state alike.

    Parameters
    ----------
    scenes : list of StoredScene
        Scenes of the collection.
    permission : Permission
        Permission of the key.
    """
    found: Dict[str, Document] = {}
    for scene in scenes:
        own = {asset.key: describe_asset(asset) for asset in scene.assets if permits(permission, asset)}
        if _is_drawn(scene, permission):
            own.setdefault("thumbnail", thumbnail_of())
        for key, document in own.items():
            known = found.setdefault(key, document)
            if known != document:
                found[key] = {name: value for name, value in known.items() if document.get(name, ...) == value}
    return {key: {n: v for n, v in sorted(d.items()) if n not in _OF_ONE_SCENE} for key, d in sorted(found.items())}


_OF_ONE_SCENE: FrozenSet[str] = frozenset({"proj:shape", "proj:transform", "proj:wkt2"})
