"""Scenes as the index stores them for APIs other than v0: metadata fields and assets.

`Index.record` and `Index.search_records` return them.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, fields
from typing import Any, Dict, Iterable, List, Mapping, Sequence, Tuple

from planet_vector.assets import SpectralBand
from planet_vector.bands import BandInfo
from planet_vector.server.archive.fields import SceneFields
from planet_vector.server.archive.raster_info import RasterInfo
from planet_vector.server.archive.units import SceneAsset
from planet_vector.server.index.links import BASE
from planet_vector.server.index.snapshot import GIVEN

_Values = Dict[str, Any]
_ASSET_FIELDS = [f for f in fields(SceneAsset) if f.name not in ("bands", "raster")]


@dataclass(frozen=True)
class StoredScene:
    """A scene in the index.

    Attributes
    ----------
    scene_type, scene_id : str
        Its type in v0, and its id in every API.
    item_type : str
        Its item type in the Data API v1.
    collection : str
        Id of its collection in STAC.
    fields : SceneFields
        Its metadata. `SceneFields.guessed` names what was guessed.
    assets : tuple of SceneAsset
        Its files, in the order of the archive's kind; empty for scenes without rasters.
    feature : mapping
        Its Feature in v0, with links that begin with `planet_vector.server.index.links.BASE`.
    """

    scene_type: str
    scene_id: str
    item_type: str
    collection: str
    fields: SceneFields
    assets: Tuple[SceneAsset, ...]
    feature: Mapping[str, object]


def assets_text(assets: Iterable[SceneAsset]) -> str:
    """Return assets as JSON text, or an empty text for none.

    Parameters
    ----------
    assets : iterable of SceneAsset
        The assets.
    """
    written = [_written(asset) for asset in assets]
    return json.dumps(written, separators=(",", ":")) if written else ""


def _written(asset: SceneAsset) -> _Values:
    found: _Values = {}
    for field in _ASSET_FIELDS:
        value = getattr(asset, field.name)
        if value != field.default:
            found[field.name] = value
    if asset.bands:
        found["bands"] = [[list(b.band), b.scale, b.offset, b.nodata, b.unit] for b in asset.bands]
    if asset.raster is not None:
        found["raster"] = asset.raster.to_json()
    return found


def parse_assets(text: str) -> Tuple[SceneAsset, ...]:
    """Return the assets that `assets_text` wrote.

    Parameters
    ----------
    text : str
        Its result.
    """
    return tuple(_read(said) for said in json.loads(text)) if text else ()


def _read(said: _Values) -> SceneAsset:
    given = dict(said)
    if "roles" in given:
        given["roles"] = tuple(given["roles"])
    if "bands" in given:
        given["bands"] = tuple(BandInfo(SpectralBand(*band), *rest) for band, *rest in given["bands"])
    if "raster" in given:
        given["raster"] = RasterInfo.of_json(given["raster"])
    return SceneAsset(**given)


def read_records(db: sqlite3.Connection, scenes: Sequence[int]) -> List[StoredScene]:
    """Return scenes in the order of their numbers.

    Parameters
    ----------
    db : sqlite3.Connection
        The index.
    scenes : sequence of int
        Numbers of scenes that it contains.
    """
    rows = db.execute(
        "SELECT type, id, json, coalesce(item_type, ''), coalesce(collection, ''), coalesce(item, ''), "
        f"coalesce(assets, '') FROM {GIVEN} CROSS JOIN scene ON scene = given JOIN feature USING (scene) "
        "LEFT JOIN record USING (scene)",
        [json.dumps(list(scenes))],
    ).fetchall()
    if len(rows) != len(scenes):
        raise sqlite3.DatabaseError("the index lacks scenes that it lists")
    return [_scene(*row) for row in rows]


def _scene(
    scene_type: str, scene_id: str, text: str, item_type: str, collection: str, item: str, assets: str
) -> StoredScene:
    # JSON has no raw control characters, so the placeholder is escaped to be read as a part of the links.
    feature = json.loads(text.replace(BASE, "\\u0001"))
    known = SceneFields.of_json(json.loads(item)) if item else SceneFields.of_feature(feature)
    item_type = item_type or scene_type
    return StoredScene(scene_type, scene_id, item_type, collection or item_type, known, parse_assets(assets), feature)
