"""Schema of a STAC collection: the columns of its items, their types, and what they mean.

STAC does not declare the properties of items. They are taken from three sources: a page of items, ``summaries`` of the
collection, and its queryables, which are advertised for filters and often incomplete. Observed values decide the type
of a column. Lists and objects have no column; they are in ``other``, like values that do not fit their column.
"""

from __future__ import annotations

import re
from typing import Dict, FrozenSet, Mapping, Optional, Sequence, Set, Tuple

from planet_vector.catalog.stac.access import AssetPolicies
from planet_vector.catalog.stac.item_assets import ItemAssets, ItemPlaces, links_of_item, preferred
from planet_vector.catalog.stac.json_values import as_number, as_object, as_text, objects_in
from planet_vector.collection_schema import (
    BOOLEAN,
    ORDERING,
    REAL,
    TEXT,
    TIME,
    CollectionSchema,
    Feature,
    Meanings,
    SceneField,
)

ASSETS = "assets"
"""The column of an item's assets, as JSON."""

ORDERS = ("datetime desc", "datetime asc")

MOST_COLUMNS = 200
"""Maximum number of columns of properties; a table with more is not readable, and GDAL's formats limit it."""

MOST_CHOICES = 100
"""Maximum number of known values of a property."""

_LONGEST = 100  # characters of a column's name
# Made by the layer, or the name of its feature id.
_RESERVED = frozenset({"id", "location", "other", "fid", ASSETS})
# Parts of an item that queryables name beside its properties.
_NOT_PROPERTIES = frozenset({"id", "geometry", "collection", "bbox", "links", "assets", "type", "stac_version"})
# Parameters of names.
_PARAMETERS = frozenset(
    {"bbox", "intersects", "limit", "order_by", "fields", "product", "top", "res", "crs", "connection", "api_url"}
)
# In this order, where a collection has them; others follow by name.
_FIRST = (
    "datetime", "start_datetime", "end_datetime", "created", "updated", "published", "platform", "constellation",
    "instrument", "gsd", "eo:cloud_cover", "proj:epsg", "proj:code", "view:off_nadir", "view:azimuth",
    "view:sun_azimuth", "view:sun_elevation",
)  # fmt: skip
_TIMES = frozenset({"datetime", "start_datetime", "end_datetime", "created", "updated", "published", "expires"})
_UNITS = {
    "eo:cloud_cover": "%", "eo:snow_cover": "%", "gsd": "m", "view:off_nadir": "°", "view:incidence_angle": "°",
    "view:azimuth": "°", "view:sun_azimuth": "°", "view:sun_elevation": "°",
}  # fmt: skip
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)", re.ASCII)


def build_schema(
    root: str,
    policies: AssetPolicies,
    collection: Feature,
    queryables: Mapping[str, object],
    items: Sequence[Feature],
) -> CollectionSchema:
    """Build the schema of a collection.

    Parameters
    ----------
    root : str
        Root of the service.
    policies : AssetPolicies
        How assets are accessed.
    collection : mapping
        The collection, with an id.
    queryables : mapping
        Schemas of the properties that the service filters by; may be empty.
    items : sequence of mapping
        Some items of the collection.

    Returns
    -------
    CollectionSchema
        The schema.
    """
    defaults = as_object(collection.get("item_assets"))
    summaries = as_object(collection.get("summaries"))
    columns = columns_of(summaries, queryables, items)
    name = as_text(collection.get("id"))
    sample = {name: asset for item in items[:1] for name, asset in ItemAssets(item, policies, defaults).items()}
    return CollectionSchema(
        service=f"stac {root}",
        collection=name,
        columns={**columns, ASSETS: TEXT},
        meanings=_meanings(columns),
        fields={
            name: _field(name, kind, summaries.get(name), as_object(queryables.get(name)))
            for name, kind in columns.items()
            if name not in _PARAMETERS and kind != BOOLEAN
        },
        orders=ORDERS,
        units={name: unit for name, unit in _UNITS.items() if name in columns},
        assets_of=lambda item: ItemAssets(item, policies, defaults),
        places_of=lambda item: ItemPlaces(item, policies, defaults),
        links_of=links_of_item,
        members=(ASSETS,),
        first_products=preferred(sample),
    )


def columns_of(
    summaries: Mapping[str, object], queryables: Mapping[str, object], items: Sequence[Feature]
) -> Dict[str, str]:
    """Return the columns of the properties of a collection's items, each with its type.

    Parameters
    ----------
    summaries, queryables : mapping
        Of the collection, by property.
    items : sequence of mapping
        Some items of it.
    """
    observed: Dict[str, Set[str]] = {}
    for item in items:
        for name, value in as_object(item.get("properties")).items():
            observed.setdefault(name, set()).update(_kinds_of(value))
    kinds: Dict[str, str] = {"datetime": TIME}
    for name in (*observed, *summaries, *queryables):
        if name in kinds or not _can_name(name):
            continue
        seen = observed.get(name, set())
        if name not in observed and name in _NOT_PROPERTIES:
            continue
        kind = _declared(name, queryables.get(name), summaries.get(name))
        if seen:
            kind = next(iter(seen)) if len(seen) == 1 else TEXT if seen == {TEXT, TIME} else kind or TEXT
        if kind in (REAL, TEXT, TIME, BOOLEAN):
            kinds[name] = kind
    order = {name: number for number, name in enumerate(_FIRST)}
    found: Dict[str, str] = {}
    folded: Set[str] = set()
    for name in sorted(kinds, key=lambda name: (order.get(name, len(order)), name)):
        if name.casefold() not in folded and len(found) < MOST_COLUMNS:  # OGR ignores the case of names
            folded.add(name.casefold())
            found[name] = kinds[name]
    return found


def _kinds_of(value: object) -> FrozenSet[str]:
    """Return the type of column that holds a value; empty if it says nothing."""
    if value is None:
        return frozenset()
    if isinstance(value, str):
        return frozenset({TIME if _TIME.fullmatch(value) else TEXT})
    if isinstance(value, bool):
        return frozenset({BOOLEAN})
    if isinstance(value, (int, float)):
        return frozenset({REAL})
    return frozenset({type(value).__name__})


def _declared(name: str, queryable: object, summary: object) -> Optional[str]:
    """Return the type of column for a property that was not observed."""
    if name in _TIMES:
        return TIME
    given = as_object(queryable)
    types = given.get("type")
    for kind in types if isinstance(types, list) else [types]:
        if kind in ("number", "integer"):
            return REAL
        if kind == "boolean":
            return BOOLEAN
        if kind == "string":
            return TIME if given.get("format") == "date-time" else TEXT
    if isinstance(summary, Mapping) and "minimum" in summary:
        kinds = _kinds_of(summary["minimum"])
        return next(iter(kinds), None)
    if isinstance(summary, list) and summary and not objects_in(summary):
        kinds = frozenset(kind for value in summary for kind in _kinds_of(value))
        return next(iter(kinds)) if len(kinds) == 1 else None
    return REAL if name in _UNITS else None


def _can_name(name: str) -> bool:
    # A dot would mean a nested property.
    return name.isprintable() and 0 < len(name) <= _LONGEST and "." not in name and name.casefold() not in _RESERVED


def _field(name: str, kind: str, summary: object, queryable: Feature) -> SceneField:
    if kind == TEXT:
        return SceneField(
            name, "string", frozenset({"eq"}), choices=_choices(summary) or _choices(queryable.get("enum"))
        )
    comparators = ORDERING - {"neq"}
    if kind == TIME:
        return SceneField(name, "time", comparators, spans=True)
    span = as_object(summary)
    # The summary has the limits of the items, a queryable those of the property.
    low, high = as_number(span.get("minimum")), as_number(span.get("maximum"))
    if low is None and high is None:
        low, high = as_number(queryable.get("minimum")), as_number(queryable.get("maximum"))
    return SceneField(name, "number", comparators, low=low, high=high)


def _choices(values: object) -> Tuple[str, ...]:
    """Return the texts in a list of values, without those that a form cannot offer."""
    found = [as_text(value) for value in values[:MOST_CHOICES]] if isinstance(values, list) else []
    return tuple(dict.fromkeys(text for text in found if text.isprintable() and 0 < len(text) <= _LONGEST))


def _meanings(columns: Mapping[str, str]) -> Meanings:
    def has(name: str, kind: str = REAL) -> Optional[str]:
        return name if columns.get(name) == kind else None

    return Meanings(
        time="datetime",
        start="start_datetime",
        published=has("published", TIME) or has("created", TIME),
        cloud_cover=has("eo:cloud_cover"),
        full_cover=100.0,
        gsd=has("gsd"),
        platform=has("platform", TEXT),
        off_nadir=has("view:off_nadir"),
        view_azimuth=has("view:azimuth"),
        sun_elevation=has("view:sun_elevation"),
        sun_azimuth=has("view:sun_azimuth"),
    )
