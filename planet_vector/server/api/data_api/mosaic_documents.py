"""Basemaps and quads of the Basemaps API v1 as JSON documents.

The id of a basemap is its name, and that of a quad is its column from the west and its row from the south: ``763-959``.
"""

from __future__ import annotations

import re
from typing import Optional, Sequence
from urllib.parse import quote

from planet_vector.server.api.basemap_definitions import BasemapDefinition
from planet_vector.server.api.basemap_layouts import BasemapLayout, Member
from planet_vector.server.api.documents import Document
from planet_vector.server.api.v0.basemap_documents import describe_quad
from planet_vector.server.quad_grid import QUAD_SIZE, Quad, quads_around, resolution

BASEMAPS = "/basemaps/v1"
"""Root of the Basemaps API."""

_ID = re.compile(r"(0|[1-9]\d{0,6})-(0|[1-9]\d{0,6})", re.ASCII)


def mosaic_document(
    basemap: BasemapDefinition, layout: BasemapLayout, item_types: Sequence[str], base: str
) -> Document:
    """Return a basemap.

    Parameters
    ----------
    basemap : BasemapDefinition
        The basemap.
    layout : BasemapLayout
        Layout for the requesting key.
    item_types : sequence of str
        Item types of its scenes.
    base : str
        Root address of the service.
    """
    address = mosaic_url(base, basemap)
    times = sorted(member.acquired for member in layout.members)
    document: Document = {
        "_links": {
            "_self": address,
            "quads": f"{address}/quads?bbox={{lx}},{{ly}},{{ux}},{{uy}}",
            "tiles": f"{base}{BASEMAPS}/planet-tiles/{quote(basemap.name)}/gmap/{{z}}/{{x}}/{{y}}.png",
        },
        "coordinate_system": "EPSG:3857",
        "datatype": "byte",
        "first_acquired": _utc(times[0]) if times else None,
        "grid": {"quad_size": QUAD_SIZE, "resolution": resolution(basemap.level)},
        "id": basemap.name,
        "item_types": list(item_types),
        "last_acquired": _utc(times[-1]) if times else None,
        "level": basemap.level,
        "name": basemap.name,
        "product_type": "basemap",
        "quad_download": True,
    }
    box = layout.box()
    return document if box is None else {**document, "bbox": list(box)}


def quad_document(basemap: BasemapDefinition, quad: Quad, members: Sequence[Member], base: str) -> Document:
    """Return a quad.

    Parameters
    ----------
    basemap : BasemapDefinition
        The basemap.
    quad : Quad
        The quad.
    members : sequence of Member
        Its scenes; at least one.
    base : str
        Root address of the service.
    """
    address = f"{mosaic_url(base, basemap)}/quads/{quad_id(quad)}"
    return {
        "_links": {
            "_self": address,
            "download": f"{address}/full",
            "items": f"{address}/items",
            "thumbnail": f"{address}/thumb",
        },
        "bbox": [round(side, 10) for side in quad.lonlat],
        "id": quad_id(quad),
        "percent_covered": describe_quad(basemap, quad, members, base)["properties"]["percent_covered"],
    }


def mosaic_url(base: str, basemap: BasemapDefinition) -> str:
    """Return the address of a basemap.

    Parameters
    ----------
    base : str
        Root address of the service.
    basemap : BasemapDefinition
        The basemap.
    """
    return f"{base}{BASEMAPS}/mosaics/{quote(basemap.name)}"


def quad_id(quad: Quad) -> str:
    """Return the id of a quad in this API.

    Parameters
    ----------
    quad : Quad
        The quad.
    """
    return f"{quad.column}-{quad.row}"


def quad_of(basemap: BasemapDefinition, text: str) -> Optional[Quad]:
    """Return the quad with an id in this API; None if the id is invalid.

    Parameters
    ----------
    basemap : BasemapDefinition
        The basemap.
    text : str
        The id.
    """
    match = _ID.fullmatch(text)
    if match is None:
        return None
    quad = Quad(basemap.level, int(match[1]), int(match[2]))
    return quad if max(quad.column, quad.row) < quads_around(quad.level) else None


def _utc(text: str) -> str:
    return text.replace("+00:00", "Z")
