"""Explanation of empty results: how many scenes there would be without each of the filters."""

from __future__ import annotations

from typing import Dict, List, Tuple

from planet_scenes.texts import tr
from planet_vector.catalog import Catalog
from planet_vector.collection_schema import COMPARATORS, CollectionSchema
from planet_vector.query import Query
from planet_vector.workers import Workers

Parameters = List[Tuple[str, str]]


def why(catalog: Catalog, scene_type: str, parameters: Parameters) -> str:
    """Return a sentence that explains why a search is empty; sends a few count requests, so call it in a worker.

    Parameters
    ----------
    catalog : Catalog
        The client of the service.
    scene_type : str
        The scene type.
    parameters : sequence of (str, str)
        The search parameters.
    """
    groups: Dict[str, Parameters] = {}
    for name, value in parameters:
        if name not in ("order_by", "limit"):
            groups.setdefault(_group(name, catalog.schema(scene_type)), []).append((name, value))
    if not groups:
        return tr("The service has no scenes of type {scene_type}.").format(scene_type=scene_type)
    relaxed = [
        [pair for pair in parameters if pair not in dropped and pair[0] not in ("order_by", "limit")]
        for dropped in groups.values()
    ]
    schema = catalog.schema(scene_type)
    with Workers(catalog.settings.connections) as pool:
        *counts, all_of_type = pool.map(lambda pairs: catalog.count(Query.parse(schema, pairs)), [*relaxed, []])
    helpful = [
        tr("{count:,} without {what}").format(count=count, what=title) for title, count in zip(groups, counts) if count
    ]
    if helpful:
        return tr("No scene matches all filters. There would be: {those}.").format(those=", ".join(helpful))
    if len(groups) > 1 and all_of_type:
        return tr(
            "No scene matches all filters, even without any one of: {those}. Without all of them there are {count:,}."
        ).format(those=", ".join(groups), count=all_of_type)
    return tr("The service has no scenes of type {scene_type}.").format(scene_type=scene_type)


def _group(name: str, schema: CollectionSchema) -> str:
    field = name.rpartition(".")[0] if name.rpartition(".")[2] in COMPARATORS else name
    if field in ("bbox", "intersects"):
        return tr("the area")
    if field == schema.meanings.time:
        return tr("the dates")
    if field == schema.meanings.cloud_cover:
        return tr("the cloud cover limit")
    return tr("the quality") if field in schema.fields and schema.fields[field].words else field
