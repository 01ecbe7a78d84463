"""Documents of OGC API Tiles (tilesets of two-dimensional tile matrix sets 2.0), and TileJSON 3.0."""

from __future__ import annotations

import math
from typing import List, Optional

from planet_vector.geometry.boxes import Bounds
from planet_vector.geometry.web_mercator import HALF_WORLD, TILE, to_mercator
from planet_vector.server.api.documents import JSON, Document, collection_url, link
from planet_vector.server.api.pages import OPENAPI_JSON
from planet_vector.server.imagery.kept_pictures import MAX_ZOOM

ROOT = "/tiles"
"""Root of the API, without the final slash."""

MATRIX_SET = "WebMercatorQuad"
"""The tile matrix set of web maps, the only one of this service."""

PNG = "image/png"

CONFORMANCE = [
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/tileset",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/tilesets-list",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/geodata-tilesets",
    "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/png",
    "http://www.opengis.net/spec/tms/2.0/conf/tilematrixset",
    "http://www.opengis.net/spec/tms/2.0/conf/json-tilematrixset",
]
"""Conformance classes of the API."""

_REL = "http://www.opengis.net/def/rel/ogc/1.0"
_CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
_MERCATOR = "http://www.opengis.net/def/crs/EPSG/0/3857"
_SET_URI = f"http://www.opengis.net/def/tilematrixset/OGC/1.0/{MATRIX_SET}"
_SOUTH, _NORTH = -85.0511287798066, 85.0511287798066  # latitudes of the edges of web mercator
_PIXEL = 0.00028  # metres: the size of a pixel that scale denominators refer to


def tile_template(base: str, name: str) -> str:
    """Return the address of tiles with ``{z}``, ``{x}`` and ``{y}``.

    Parameters
    ----------
    base : str
        Root address of the service.
    name : str
        Name of the basemap or scene type.
    """
    return f"{collection_url(base, ROOT, name)}/map/tiles/{MATRIX_SET}/{{z}}/{{y}}/{{x}}"


def landing(base: str) -> Document:
    """Return the landing page.

    Parameters
    ----------
    base : str
        Root address of the service.
    """
    root = f"{base}{ROOT}"
    return {
        "title": "Map tiles of this archive",
        "description": "Basemaps and scene types of an archive of GeoTIFFs as map tiles, served by planet_vector.",
        "links": [
            link("self", JSON, f"{root}/"),
            link("service-desc", OPENAPI_JSON, f"{base}/openapi.json"),
            link("service-doc", "text/html", f"{base}/docs"),
            link("conformance", JSON, f"{root}/conformance"),
            link("data", JSON, f"{root}/collections"),
            link(f"{_REL}/tiling-schemes", JSON, f"{root}/tileMatrixSets"),
        ],
    }


def collection_document(base: str, name: str, title: str, box: Optional[Bounds]) -> Document:
    """Return a collection.

    Parameters
    ----------
    base : str
        Root address of the service.
    name, title : str
        Its name, and its title for readers.
    box : (float, float, float, float) or None
        West, south, east, north in degrees; None without scenes.
    """
    url = collection_url(base, ROOT, name)
    document: Document = {
        "id": name,
        "title": title,
        "dataType": "map",
        "crs": [_MERCATOR],
        "links": [
            link("self", JSON, url),
            link(f"{_REL}/tilesets-map", JSON, f"{url}/map/tiles", "Map tiles"),
            link("tilejson", JSON, f"{url}/tilejson.json", "TileJSON"),
        ],
    }
    if box is not None:
        document["extent"] = {"spatial": {"bbox": [list(box)], "crs": _CRS84}}
    return document


def collections_document(base: str, collections: List[Document]) -> Document:
    """Return all collections.

    Parameters
    ----------
    base : str
        Root address of the service.
    collections : list of dict
        Results of `collection_document`.
    """
    return {"links": [link("self", JSON, f"{base}{ROOT}/collections")], "collections": collections}


def tilesets_document(base: str, name: str, title: str) -> Document:
    """Return the list of the tilesets of a collection, of which there is one.

    Parameters
    ----------
    base : str
        Root address of the service.
    name, title : str
        Name and title of the collection.
    """
    url = f"{collection_url(base, ROOT, name)}/map/tiles"
    tileset = {
        "title": title,
        "dataType": "map",
        "crs": _MERCATOR,
        "tileMatrixSetURI": _SET_URI,
        "links": [link("self", JSON, f"{url}/{MATRIX_SET}"), _scheme(base)],
    }
    return {"links": [link("self", JSON, url)], "tilesets": [tileset]}


def tileset_document(base: str, name: str, title: str, box: Optional[Bounds], zoom: int) -> Document:
    """Return a tileset.

    Parameters
    ----------
    base : str
        Root address of the service.
    name, title : str
        Name and title of the collection.
    box : (float, float, float, float) or None
        West, south, east, north in degrees; None without scenes.
    zoom : int
        Largest zoom that has tiles of more detail than the one before.
    """
    url = f"{collection_url(base, ROOT, name)}/map/tiles/{MATRIX_SET}"
    template = f"{url}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}"
    document: Document = {
        "title": title,
        "dataType": "map",
        "crs": _MERCATOR,
        "tileMatrixSetURI": _SET_URI,
        "links": [
            link("self", JSON, url),
            _scheme(base),
            {**link("item", PNG, template), "templated": True},
            link("alternate", JSON, f"{collection_url(base, ROOT, name)}/tilejson.json", "TileJSON"),
        ],
    }
    if box is not None:
        west, south, east, north = box
        document["boundingBox"] = {"lowerLeft": [west, south], "upperRight": [east, north], "crs": _CRS84}
        document["tileMatrixSetLimits"] = [_limits(z, box) for z in range(zoom + 1)]
    return document


def _scheme(base: str) -> Document:
    return link(f"{_REL}/tiling-scheme", JSON, f"{base}{ROOT}/tileMatrixSets/{MATRIX_SET}")


def _limits(zoom: int, box: Bounds) -> Document:
    west, south, east, north = box
    (left, bottom), (right, top) = (
        to_mercator(x, min(max(y, _SOUTH), _NORTH)) for x, y in ((west, south), (east, north))
    )
    side, last = 2 * HALF_WORLD / (1 << zoom), (1 << zoom) - 1

    def place(metres: float) -> int:
        return min(max(math.floor(metres / side), 0), last)

    return {
        "tileMatrix": str(zoom),
        "minTileRow": place(HALF_WORLD - top),
        "maxTileRow": place(HALF_WORLD - bottom),
        "minTileCol": place(left + HALF_WORLD),
        "maxTileCol": place(right + HALF_WORLD),
    }


def matrix_sets_document(base: str) -> Document:
    """Return the list of tile matrix sets.

    Parameters
    ----------
    base : str
        Root address of the service.
    """
    url = f"{base}{ROOT}/tileMatrixSets/{MATRIX_SET}"
    entry = {"id": MATRIX_SET, "title": "Google Maps Compatible for the World", "uri": _SET_URI, "crs": _MERCATOR}
    return {"tileMatrixSets": [{**entry, "links": [link("self", JSON, url)]}]}


def matrix_set_document() -> Document:
    """Return the tile matrix set of web maps (two-dimensional tile matrix sets 2.0, annex D.1)."""
    matrices = []
    for zoom in range(MAX_ZOOM + 1):
        size = 2 * HALF_WORLD / TILE / 2**zoom
        matrices.append(
            {
                "id": str(zoom),
                "scaleDenominator": size / _PIXEL,
                "cellSize": size,
                "cornerOfOrigin": "topLeft",
                "pointOfOrigin": [-HALF_WORLD, HALF_WORLD],
                "tileWidth": TILE,
                "tileHeight": TILE,
                "matrixWidth": 2**zoom,
                "matrixHeight": 2**zoom,
            }
        )
    return {
        "id": MATRIX_SET,
        "title": "Google Maps Compatible for the World",
        "uri": _SET_URI,
        "crs": _MERCATOR,
        "orderedAxes": ["X", "Y"],
        "wellKnownScaleSet": "http://www.opengis.net/def/wkss/OGC/1.0/GoogleMapsCompatible",
        "tileMatrices": matrices,
    }


def tilejson(name: str, template: str, box: Optional[Bounds], zoom: int) -> Document:
    """Return the TileJSON 3.0 of map tiles.

    Parameters
    ----------
    name : str
        Title for readers.
    template : str
        Address of the tiles with ``{z}``, ``{x}`` and ``{y}``.
    box : (float, float, float, float) or None
        West, south, east, north in degrees; None without scenes.
    zoom : int
        Largest zoom that has tiles of more detail than the one before.
    """
    document: Document = {
        "tilejson": "3.0.0",
        "name": name,
        "scheme": "xyz",
        "tiles": [template],
        "minzoom": 0,
        "maxzoom": zoom,
    }
    if box is not None:
        west, south, east, north = box
        document["bounds"] = [west, max(south, _SOUTH), east, min(north, _NORTH)]
    return document
