"""Parameters and responses of the routes of the Data API v1 and the Basemaps API v1 for the OpenAPI document."""

from __future__ import annotations

from planet_vector.server.api.data_api.search_requests import MAX_PAGE
from planet_vector.server.api.documents import Document
from planet_vector.server.api.v0.openapi import TILE, answer_of, errors_of, parameter_of

_OBJECT: Document = {"type": "object"}
_TEXT: Document = {"type": "string"}
_TEXTS: Document = {"type": "array", "items": _TEXT}
_BINARY: Document = {"type": "string", "format": "binary"}
_PAGE: Document = {
    "type": "object",
    "required": ["_links", "features", "type"],
    "properties": {
        "_links": _OBJECT,
        "features": {"type": "array", "items": _OBJECT, "maxItems": MAX_PAGE},
        "type": {"type": "string", "enum": ["FeatureCollection"]},
    },
}
_SIZE = parameter_of("_page_size", {"type": "integer", "minimum": 1, "default": MAX_PAGE})
_SORT = parameter_of(
    "_sort",
    {
        "type": "string",
        "enum": [f"{name} {direction}" for name in ("published", "acquired") for direction in ("desc", "asc")],
        "default": "published desc",
    },
)
_SEARCH: Document = {
    "item_types": _TEXTS,
    "filter": {"type": "object", "description": "A filter, such as AndFilter or DateRangeFilter"},
    "geometry": {"type": "object", "description": "GeoJSON"},
    "asset_types": _TEXTS,
}


def _body(**properties: object) -> Document:
    required = [name for name in properties if name in ("item_types", "filter", "name", "interval")]
    schema = {"type": "object", "required": required, "properties": properties}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _posted(description: str, schema: Document, body: Document, *parameters: Document) -> Document:
    found = answer_of(description, "application/json", schema, 400, 403, 404, 503)
    found.update(errors_of(413, 415))
    del found["304"]
    return {"requestBody": body, "parameters": list(parameters), "responses": found}


def _read(description: str, schema: Document = _OBJECT, *parameters: Document) -> Document:
    return {
        "parameters": list(parameters),
        "responses": answer_of(description, "application/json", schema, 400, 403, 404, 503),
    }


_FILE: Document = {
    "responses": {
        **answer_of("The file", "*/*", _BINARY, 302, 400, 403, 404, 416, 503),
        "206": {"description": "Ranges of the file"},
    }
}

_PAGE_NUMBER = parameter_of("_page", {"type": "integer", "minimum": 1, "default": 1})
_SUMMARY = parameter_of("summary", {"type": "boolean", "default": False}, "Whether the number of quads is added")

LIST: Document = _read("The list")
SEARCHES: Document = _read(
    "The saved searches",
    _OBJECT,
    parameter_of("_sort", {"type": "string", "enum": ["created desc", "created asc"], "default": "created desc"}),
    parameter_of("search_type", {"type": "string", "enum": ["any", "saved", "quick"], "default": "any"}),
    parameter_of("_page_size", {"type": "integer", "minimum": 1}),
    _PAGE_NUMBER,
)
OBJECT: Document = _read("The object")
TILES: Document = TILE
FILE: Document = _FILE
DOWNLOAD: Document = {**_FILE, "parameters": [parameter_of("token", _TEXT, "Token of the location of an asset")]}
THUMBNAIL: Document = {
    "parameters": [parameter_of("width", {"type": "integer", "minimum": 1})],
    "responses": answer_of("The picture", "image/png", _BINARY, 400, 403, 404, 422, 503),
}
ACTIVATION: Document = {
    "responses": {
        "202": {"description": "The activation has begun"},
        "204": {"description": "The asset is active"},
        **errors_of(401, 403, 404, 429, 503),
    }
}
QUICK_SEARCH: Document = _posted("The first page of items", _PAGE, _body(**_SEARCH), _SIZE, _SORT)
RESULTS: Document = _read("A page of items", _PAGE, _SIZE, _SORT)
STATS: Document = _posted(
    "Numbers of items by time",
    _OBJECT,
    _body(**_SEARCH, interval={"type": "string", "enum": ["hour", "day", "week", "month", "year"]}),
)
SAVED: Document = _posted("The saved search", _OBJECT, _body(**_SEARCH, name=_TEXT))
DELETED: Document = {
    "responses": {"204": {"description": "The search is deleted"}, **errors_of(401, 403, 404, 429, 503)}
}
MOSAICS: Document = _read(
    "A page of basemaps", _OBJECT, parameter_of("name__is", _TEXT), parameter_of("name__contains", _TEXT), _SIZE
)
QUADS: Document = _read(
    "A page of quads", _OBJECT, parameter_of("bbox", _TEXT, "West, south, east, north in degrees"), _SUMMARY, _SIZE
)
QUAD_SEARCH: Document = _posted(
    "The first page of quads",
    _OBJECT,
    {"required": True, "content": {"application/json": {"schema": _OBJECT}}},
    _SUMMARY,
    _SIZE,
)
