"""Explanation of empty results: how many scenes there would be without each of the filters."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Optional, Union

from qgis.core import QgsGeometry

from planet_scenes.texts import tr
from planet_vector.catalog import Catalog
from planet_vector.collection_schema import CollectionSchema
from planet_vector.errors import PlanetVectorError
from planet_vector.geometry.boxes import Box
from planet_vector.query import Query
from planet_vector.workers import Workers


def why(catalog: Catalog, query: Query) -> str:
    """Return a sentence that explains why a search is empty; sends a few count requests, so call it in a worker.

    Parameters
    ----------
    catalog : Catalog
        The client of the service, which counts.
    query : Query
        The search.
    """
    query = replace(query, limit=None)
    nothing = tr("The service has no scenes of type {scene_type}.").format(scene_type=query.scene_type)
    relaxed: Dict[str, Query] = {}
    for name in dict.fromkeys(condition.field.name for condition in query.conditions):
        kept = tuple(condition for condition in query.conditions if condition.field.name != name)
        relaxed[_title(name, query.schema)] = replace(query, conditions=kept)
    if query.area is not None:
        relaxed[tr("the area")] = replace(query, area=None)
    if not relaxed:
        return nothing
    swapped = _swapped(query)
    searches = [*relaxed.values(), Query(query.schema), *([swapped] if swapped is not None else [])]
    with Workers(catalog.settings.connections) as pool:
        counts = [count or 0 for count in pool.map(catalog.count, searches)]
    all_of_type = counts[len(relaxed)]
    if swapped is not None and counts[-1]:
        return tr(
            "No scene matches. With latitude and longitude of the area swapped there would be {count:,}: longitude "
            "comes first."
        ).format(count=counts[-1])
    helpful = [
        tr("{count:,} without {what}").format(count=count, what=title) for title, count in zip(relaxed, counts) if count
    ]
    if helpful:
        return tr("No scene matches all filters. There would be: {those}.").format(those=", ".join(helpful))
    if len(relaxed) > 1 and all_of_type:
        return tr(
            "No scene matches all filters, even without any one of: {those}. Without all of them there are {count:,}."
        ).format(those=", ".join(relaxed), count=all_of_type)
    return nothing


def _title(field: str, schema: CollectionSchema) -> str:
    if field == schema.meanings.time:
        return tr("the dates")
    return tr("the cloud cover limit") if field == schema.meanings.cloud_cover else field


def _swapped(query: Query) -> Optional[Query]:
    """Return the search with latitude and longitude of its area swapped; None if that is no place on the globe."""
    area: Union[Box, str, None] = query.area
    if area is None:
        return None
    geometry = QgsGeometry.fromWkt(area.wkt() if isinstance(area, Box) else area)
    if geometry.isEmpty():
        return None
    geometry.get().swapXy()
    bounds = geometry.boundingBox()
    if bounds.yMinimum() < -90 or bounds.yMaximum() > 90:
        return None
    try:
        return replace(query, area=geometry.asWkt(7))
    except (PlanetVectorError, ValueError):
        return None
