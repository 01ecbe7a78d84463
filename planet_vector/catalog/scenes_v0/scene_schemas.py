"""Schemas of the scene types of the Scenes API v0."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Dict, Mapping, Optional

from planet_vector.assets import Asset
from planet_vector.bands.landsat import sensor_of
from planet_vector.bands.masks import sensor_of_collection_2
from planet_vector.bands.scenes_v0 import bands_of, mask_of, variants_of
from planet_vector.catalog.scenes_v0.scene_columns import UNITS, columns_of
from planet_vector.collection_schema import CollectionSchema, Feature, Meanings
from planet_vector.scenes_v0_fields import FIELDS, ORDERS

MEANINGS = Meanings(
    time="acquired",
    published="published",
    cloud_cover="cloud_cover.estimated",
    full_cover=100.0,
    gsd="image_statistics.gsd",
    platform="sat.id",
    off_nadir="sat.off_nadir",
    view_azimuth="sat.azimuth_angle",
    sun_elevation="sun.altitude",
    sun_azimuth="sun.azimuth",
)

_SELF = re.compile(r"/scenes/([\w.\-]+)/[^/]+/?$")
_LINK = re.compile(r"data\.products\.(\w+)\.full")

# Ids of PlanetScope scenes end in the satellite's hexadecimal number in lower case, those of RapidEye in its name
# (Planet's Imagery Product Specification, 2016); those of Landsat are in upper case (USGS: scene and product ids).
_SPELLINGS = (
    (re.compile(r"\d{8}_\d{6}(_[0-9a-f]+)?_[0-9a-f]{4}"), str.lower),
    (re.compile(r"\d{8}_\d{6}_\d+_rapideye-[1-5]"), lambda text: text.replace("rapideye", "RapidEye")),
    (re.compile(r"l[a-z]\d{14}[a-z]{3}\d\d"), str.upper),
    (re.compile(r"l[a-z]\d\d_l\d[a-z]{2}_\d{6}_\d{8}_\d{8}_\d\d_(rt|t1|t2)"), str.upper),
)


@lru_cache(maxsize=256)
def schema_of(scene_type: str) -> CollectionSchema:
    """Return the schema of a scene type.

    An unknown type has the columns common to all scenes; its other properties are in ``other``.

    Parameters
    ----------
    scene_type : str
        The scene type.
    """
    columns = columns_of(scene_type)

    def assets_of(feature: Feature) -> Dict[str, Asset]:
        scene_id = str(feature.get("id"))
        landsat, quality = sensor_of(scene_id), sensor_of_collection_2(scene_id)
        return {
            name: Asset(
                name,
                links["full"],
                # The only product that is not a GeoTIFF: it is not georeferenced.
                "image/tiff" if name == "unrectified" else "image/tiff; application=geotiff",
                ("visual",) if name == "visual" else ("data",),
                bands_of(scene_type, name, landsat),
                mask=mask_of(scene_type, name, quality),
                band_variants=variants_of(scene_type, name),
            )
            for name, links in _mapping(_mapping(feature["properties"].get("data")).get("products")).items()
            if isinstance(_mapping(links).get("full"), str)
        }

    return CollectionSchema(
        service="scenes-v0",
        collection=scene_type,
        columns=columns,
        meanings=MEANINGS,
        fields=FIELDS,
        orders=ORDERS,
        units=UNITS,
        assets_of=assets_of,
        links_of=links_of,
        link_columns={match[1]: name for name in columns for match in [_LINK.fullmatch(name)] if match},
        link_groups=("links", "data"),
        first_products=("visual", "analytic"),
        # Tiles show other products stretched, according to the specification.
        tiled_product="visual",
        spelling_of=_spelling_of,
    )


def links_of(feature: Feature) -> Dict[str, str]:
    """Return the links of a scene, a basemap or a quad, by name.

    Parameters
    ----------
    feature : mapping
        The Feature.
    """
    links = _mapping(feature["properties"].get("links"))
    return {name: link for name, link in links.items() if isinstance(link, str)}


def collection_of(feature: object) -> Optional[str]:
    """Return the type of a scene from its own link, ``…/scenes/<type>/<id>``; None if it has none.

    Parameters
    ----------
    feature : object
        The Feature, or any other JSON value.
    """
    links = _mapping(_mapping(_mapping(feature).get("properties")).get("links"))
    match = _SELF.search(str(links.get("self")))
    return match[1] if match else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _spelling_of(scene_id: str) -> Optional[str]:
    return next((case(scene_id) for kind, case in _SPELLINGS if kind.fullmatch(scene_id)), None)
