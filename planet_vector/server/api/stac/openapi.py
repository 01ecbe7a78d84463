"""Parameters and responses of the routes of the STAC API for the OpenAPI document."""

from __future__ import annotations

from typing import Dict, List

from planet_vector.server.api.documents import Document
from planet_vector.server.api.stac.searching import DEFAULT_LIMIT, NAMES
from planet_vector.server.api.v0.openapi import answer_of, errors_of, parameter_of

_OBJECT: Document = {"type": "object"}
_TEXT: Document = {"type": "string"}
_TEXTS: Document = {"type": "array", "items": _TEXT}
_BOX: Document = {
    "type": "array",
    "items": {"type": "number"},
    "oneOf": [{"minItems": 4, "maxItems": 4}, {"minItems": 6, "maxItems": 6}],
}
_PAGE: Document = {
    "type": "object",
    "required": ["type", "features", "links", "numberMatched", "numberReturned"],
    "properties": {"numberMatched": {"type": "integer"}, "features": {"type": "array", "items": _OBJECT}},
}
_SCHEMAS: Dict[str, Document] = {
    "bbox": _BOX,
    "limit": {"type": "integer", "minimum": 1, "default": DEFAULT_LIMIT},
    "ids": _TEXTS,
    "collections": _TEXTS,
}
_OBJECTS = ("intersects", "query", "fields")


def _parameters() -> List[Document]:
    found = []
    for name in NAMES:
        parameter = parameter_of(name, _SCHEMAS.get(name, _TEXT))
        if name in ("bbox", "ids", "collections"):
            parameter.update(style="form", explode=False)
        found.append(parameter)
    return found


def _body() -> Document:
    properties: Document = {name: _SCHEMAS.get(name, _TEXT) for name in NAMES}
    properties.update({name: _OBJECT for name in _OBJECTS})
    properties.update(sortby={"type": "array", "items": _OBJECT}, filter={})
    return {"content": {"application/json": {"schema": {"type": "object", "properties": properties}}}}


PAGES: Document = answer_of("A page of items", "application/geo+json", _PAGE, 400, 403, 404, 503)
"""Responses of searches for items."""

DOCUMENT: Document = {"responses": answer_of("The document", "application/json", _OBJECT, 400)}
COLLECTION: Document = {"responses": answer_of("The document", "application/json", _OBJECT, 400, 404)}
ITEM: Document = {"responses": answer_of("The item", "application/geo+json", _OBJECT, 400, 404)}
ITEMS: Document = {"parameters": _parameters(), "responses": PAGES}
SEARCH: Document = {"parameters": _parameters(), "responses": PAGES}
POST: Document = {
    "requestBody": _body(),
    "responses": {status: said for status, said in {**PAGES, **errors_of(413, 415)}.items() if status != "304"},
}
ASSET: Document = {
    "responses": {
        **answer_of("The file", "*/*", {"type": "string", "format": "binary"}, 302, 400, 403, 404, 416),
        "206": {"description": "Ranges of the file"},
    }
}
