"""Parameters and responses of each route for the OpenAPI document, beyond those that FastAPI derives from the code."""

from __future__ import annotations

from typing import Any, Dict, List

from planet_vector.collection_schema import COMPARATORS
from planet_vector.scenes_v0_fields import FIELDS, ORDERS, QUALITIES
from planet_vector.server.index.scene_search import DEFAULT_COUNT, MAX_COUNT

_JSON_ERROR = {
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["message"],
                "properties": {"message": {"type": "string"}, "errors": {"type": "array", "items": {}}},
            }
        }
    }
}


def errors_of(*statuses: int) -> Dict[str, Any]:
    """Return the responses of errors.

    Parameters
    ----------
    *statuses : int
        HTTP statuses.
    """
    descriptions = {
        302: "Redirect to the delivery address of the product",
        400: "Invalid parameter",
        401: "Missing or invalid key",
        403: "Not permitted with this key",
        404: "Not found",
        413: "Body too long",
        415: "Body neither a form nor JSON",
        416: "Range outside the file",
        422: "Too expensive to compute",
        429: "Too many requests",
        503: "Service busy, or time limit exceeded",
    }
    return {str(status): {"description": descriptions[status], **_JSON_ERROR} for status in statuses}


def answer_of(description: str, media_type: str, schema: Dict[str, Any], *errors: int) -> Dict[str, Any]:
    """Return the responses of a route.

    Parameters
    ----------
    description, media_type, schema : str, str, dict
        Its usual response.
    *errors : int
        HTTP statuses of its errors, beside those of all routes.
    """
    ok = {"description": description, "content": {media_type: {"schema": schema}}}
    return {"200": ok, "304": {"description": "Not modified"}, **errors_of(401, 429, *errors)}


def parameter_of(name: str, schema: Dict[str, Any], description: str = "") -> Dict[str, Any]:
    """Return a parameter in the query.

    Parameters
    ----------
    name, schema, description : str, dict, str
        Its name, type, and meaning.
    """
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


def _filters() -> List[Dict[str, Any]]:
    kinds: Dict[str, Dict[str, Any]] = {
        "string": {"type": "string", "minLength": 1},
        "integer": {"type": "integer"},
        "number": {"type": "number"},
        "time": {"type": "string", "format": "date-time"},
        "words": {"type": "string", "enum": list(QUALITIES)},
    }
    found = []
    for field in FIELDS.values():
        schema = {"type": "integer"} if field.integers_only else kinds[field.kind]
        if "eq" in field.comparators:
            found.append(parameter_of(field.name, schema))
        found += [parameter_of(f"{field.name}.{c}", schema) for c in COMPARATORS if c in field.comparators]
    return found


_SEARCH = [
    parameter_of("order_by", {"type": "string", "enum": list(ORDERS), "default": ORDERS[0]}),
    parameter_of("count", {"type": "integer", "minimum": 1, "maximum": MAX_COUNT, "default": DEFAULT_COUNT}),
    parameter_of("intersects", {"type": "string"}, "WKT or GeoJSON, longitude before latitude"),
    *_filters(),
]
_OBJECT = {"type": "object"}
_FEATURE = {
    "type": "object",
    "required": ["type", "id", "geometry", "properties"],
    "properties": {"type": {"type": "string", "enum": ["Feature"]}, "id": {"type": "string"}, "properties": _OBJECT},
}
_PAGE = {
    "type": "object",
    "required": ["type", "count", "links", "features"],
    "properties": {
        "type": {"type": "string", "enum": ["FeatureCollection"]},
        "count": {"type": "integer", "minimum": 0},
        "links": _OBJECT,
        "features": {"type": "array", "items": _FEATURE, "maxItems": MAX_COUNT},
    },
}
_BINARY = {"type": "string", "format": "binary"}

ROOT: Dict[str, Any] = {"responses": answer_of("Scene types and their lists", "application/json", _OBJECT)}
_LISTED = answer_of("A page of scenes", "application/json", _PAGE, 400, 403, 404)
LIST: Dict[str, Any] = {"parameters": _SEARCH, "responses": _LISTED}
POST: Dict[str, Any] = {
    "requestBody": {
        "content": {
            kind: {"schema": {"type": "object", "properties": {p["name"]: p["schema"] for p in _SEARCH}}}
            for kind in ("application/json", "application/x-www-form-urlencoded")
        }
    },
    "responses": {status: found for status, found in {**_LISTED, **errors_of(413, 415)}.items() if status != "304"},
}
SCENE: Dict[str, Any] = {"responses": answer_of("The scene", "application/json", _FEATURE, 403, 404)}
FULL: Dict[str, Any] = {
    "parameters": [parameter_of("product", {"type": "string", "default": "visual"})],
    "responses": {
        **answer_of("The GeoTIFF, or a JPEG 2000 file as image/jp2", "image/tiff", _BINARY, 302, 400, 403, 404, 416),
        "206": {"description": "Ranges of the file"},
    },
}
THUMB: Dict[str, Any] = {
    "parameters": [
        parameter_of("size", {"type": "string", "enum": ["sm", "md", "lg"], "default": "md"}),
        parameter_of("format", {"type": "string", "enum": ["png", "jpg", "jpeg"], "default": "png"}),
    ],
    "responses": answer_of("The picture", "image/png", _BINARY, 400, 403, 404, 422, 503),
}
TILE: Dict[str, Any] = {"responses": answer_of("The tile", "image/png", _BINARY, 403, 404, 422, 503)}
_BASEMAP = {"type": "object", "required": ["name", "links", "level", "quad_size"]}
_FEATURES = {"type": "object", "required": ["type", "links", "features"]}
BASEMAP: Dict[str, Any] = {"responses": answer_of("The basemap", "application/json", _BASEMAP, 404, 503)}
QUADS: Dict[str, Any] = {
    "parameters": _SEARCH[1:3],
    "responses": answer_of("A page of quads", "application/json", _FEATURES, 400, 404, 422, 503),
}
QUAD: Dict[str, Any] = {"responses": answer_of("The quad", "application/json", _FEATURE, 404, 422, 503)}
QUAD_SCENES: Dict[str, Any] = {
    "responses": answer_of("The scenes of the quad", "application/json", _FEATURES, 404, 422, 503)
}
QUAD_FULL: Dict[str, Any] = {
    "responses": {
        **answer_of("The GeoTIFF", "image/tiff", _BINARY, 400, 404, 416, 422, 503),
        "206": {"description": "Ranges of the GeoTIFF"},
    }
}
