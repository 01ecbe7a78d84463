"""Properties of items in the Data API v1, and the columns of the index that hold some of them.

As in `planet_vector.server.index.item_properties`, the value of a column is the value in the item, so a comparison of
the column is one of the item. `docs/archives.md` has the names ("Common fields").
"""

from __future__ import annotations

from functools import lru_cache
from typing import Dict, FrozenSet, List, Mapping, Optional, Sequence

from planet_vector.server.archive.units import SceneAsset
from planet_vector.server.index.expressions import Moment, moment_or_none
from planet_vector.server.index.fields import UPDATED as UPDATED_COLUMN
from planet_vector.server.index.fields import stored_values
from planet_vector.server.index.item_properties import ItemColumn, Vocabulary, plain, time_text
from planet_vector.server.index.records import StoredScene
from planet_vector.server.index.texts import DATA_TEXTS

ACQUIRED, PUBLISHED, UPDATED = "acquired", "published", "updated"

ASSETS, PERMISSIONS = "assets", "_permissions"
"""Lists in an item, beside its properties."""

ANY_ASSET = "assets:download"
"""The permission that an item has if one of its assets may be downloaded; it is not listed in the item."""

DATA_COLUMNS: Mapping[str, ItemColumn] = {
    column.name: column
    for column in (
        ItemColumn("cloud_cover", "cloud_cover.estimated", "number", scale=0.01),
        ItemColumn("gsd", "image_statistics.gsd", "number"),
        ItemColumn("view_angle", "sat.off_nadir", "number", is_partial=True),
        ItemColumn("satellite_azimuth", "sat.azimuth_angle", "number"),
        ItemColumn("sun_elevation", "sun.altitude", "number"),
        ItemColumn("sun_azimuth", "sun.azimuth", "number"),
        ItemColumn(PUBLISHED, "published", "time"),
        ItemColumn(UPDATED, UPDATED_COLUMN, "time"),
        ItemColumn("quality_category", "image_statistics.image_quality", "words", is_partial=True),
    )
}
"""Properties that columns hold, by name. What a partial column lacks, the record may have: an angle that the Scenes API
has not, or a quality that it does not know."""

_EPSG = "EPSG:"


def asset_name(asset: SceneAsset) -> str:
    """Return the name of an asset in the Data API v1.

    Parameters
    ----------
    asset : SceneAsset
        The asset.
    """
    return asset.v1 or asset.key


def permission_of(name: str) -> str:
    """Return the permission to download an asset, as items list it.

    Parameters
    ----------
    name : str
        Name of the asset.
    """
    return f"assets.{name}:download"


def allows_asset(products: Optional[FrozenSet[str]], asset: SceneAsset) -> bool:
    """Return whether a key permits an asset.

    Parameters
    ----------
    products : frozenset of str or None
        Products that the key permits; None for all.
    asset : SceneAsset
        The asset: a product by its name in v0, any other file by its key.
    """
    return products is None or (asset.product or asset.key) in products


def data_properties(scene: StoredScene) -> Dict[str, object]:
    """Return the properties of an item by name, with `Moment` for times.

    Parameters
    ----------
    scene : StoredScene
        The scene.
    """
    fields = scene.fields
    properties = scene.feature["properties"]
    assert isinstance(properties, dict)
    said: Dict[str, object] = {
        "instrument": fields.instrument,
        "pixel_resolution": fields.pixel_resolution,
        "provider": fields.provider,
        "quality_category": fields.quality,
        "satellite_id": fields.satellite,
        "strip_id": fields.strip_id,
        "view_angle": fields.off_nadir,
        "guessed": list(fields.guessed) or None,
        **_grid(scene.assets),
        **{name: plain(value) for name, value in fields.v1.items()},
        "item_type": scene.item_type,
    }
    stored = stored_values(properties, fields)
    for column in DATA_COLUMNS.values():
        value = column.value(stored[column.column])
        if value is not None or not column.is_partial:
            said[column.name] = value
    # As the index reads it for its column.
    said[ACQUIRED] = moment_or_none(properties["acquired"])
    return {name: value for name, value in sorted(said.items()) if value is not None}


def _grid(assets: Sequence[SceneAsset]) -> Dict[str, object]:
    """Return the grid of the first raster that has one, in metres of its coordinate system."""
    for asset in assets:
        raster = asset.raster
        if raster is not None and raster.crs.startswith(_EPSG) and raster.transform:
            found: Dict[str, object] = {
                "epsg_code": int(raster.crs[len(_EPSG) :]),
                "columns": raster.columns,
                "rows": raster.rows,
                "origin_x": raster.transform[2],
                "origin_y": raster.transform[5],
            }
            return found
    return {}


def written(values: Mapping[str, object]) -> Dict[str, object]:
    """Return values as JSON, with times as the Data API writes them: in UTC with a Z.

    Parameters
    ----------
    values : mapping
        Result of `data_properties`.
    """
    return {name: time_text(value.at) if isinstance(value, Moment) else value for name, value in values.items()}


def permitted_names(products: Optional[FrozenSet[str]], scene: StoredScene) -> List[str]:
    """Return the names of the assets that a key permits.

    Parameters
    ----------
    products : frozenset of str or None
        Products that the key permits; None for all.
    scene : StoredScene
        The scene.
    """
    return [asset_name(asset) for asset in scene.assets if allows_asset(products, asset)]


@lru_cache(maxsize=256)
def data_vocabulary(products: Optional[FrozenSet[str]]) -> Vocabulary:
    """Return what filters compare: properties, and the lists `ASSETS` and `PERMISSIONS`.

    Parameters
    ----------
    products : frozenset of str or None
        Products that the key permits; None for all.
    """

    def values(scene: StoredScene) -> Mapping[str, object]:
        permitted = [permission_of(name) for name in permitted_names(products, scene)]
        if permitted:
            permitted.append(ANY_ASSET)
        return {
            **data_properties(scene),
            ASSETS: [asset_name(asset) for asset in scene.assets],
            PERMISSIONS: permitted,
        }

    return Vocabulary(
        DATA_COLUMNS,
        ACQUIRED,
        values,
        frozenset({ASSETS, PERMISSIONS}),
        (PERMISSIONS, ANY_ASSET),
        products,
        texts=DATA_TEXTS,
    )
