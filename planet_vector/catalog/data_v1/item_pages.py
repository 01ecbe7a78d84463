"""Pages of items in JSON, and links to the next page of any list of the API."""

from __future__ import annotations

from typing import Mapping, Optional

from planet_vector.catalog.scene_pages import ScenePage
from planet_vector.collection_schema import Feature
from planet_vector.errors import ProtocolError
from planet_vector.http.responses import JsonResponse


def next_link(body: Feature) -> Optional[str]:
    """Return the link of a page to the next one, or None.

    Parameters
    ----------
    body : mapping
        The page.
    """
    links = body.get("_links")
    found = links.get("_next") if isinstance(links, Mapping) else None
    return found if isinstance(found, str) and found else None


def page_of(answer: JsonResponse) -> ScenePage:
    """Return a page of items.

    Parameters
    ----------
    answer : JsonResponse
        The response.

    Raises
    ------
    ProtocolError
        If it is something else.
    """
    body = answer.body
    features = body.get("features") if isinstance(body, Mapping) else None
    if isinstance(features, list) and all(map(_is_item, features)) and isinstance(body.get("_links"), Mapping):
        times = [feature["properties"].get("acquired") for feature in features]
        return ScenePage(features, [feature["id"] for feature in features], times, None, next_link(body))
    raise ProtocolError(
        "The service returned something that is not a page of items.", f"POST {answer.url.partition('?')[0]}"
    )


def _is_item(feature: object) -> bool:
    return (
        isinstance(feature, dict) and isinstance(feature.get("id"), str) and isinstance(feature.get("properties"), dict)
    )
