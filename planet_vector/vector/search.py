"""Searches from Python: by name or by terms, as a view of their scenes, or as a layer."""

from __future__ import annotations

from datetime import timedelta
from typing import Mapping, Optional, Sequence, TypeVar, Union

from planet_vector.area_inputs import Area
from planet_vector.catalog import Catalog, catalog_of, connect
from planet_vector.catalog.protocol import expanded
from planet_vector.config import Settings
from planet_vector.errors import NameSyntaxError, QueryError
from planet_vector.geometry.boxes import Box
from planet_vector.item_ids import is_item_id
from planet_vector.names import Name, is_name, parse_name, shown
from planet_vector.query import Query
from planet_vector.search_terms import Times, query_of
from planet_vector.vector.basemap_layers import ListedLayer, basemap_layers
from planet_vector.vector.found_scenes import FoundScenes
from planet_vector.vector.layer import LAYER_PARAMETERS, SceneLayer, layers
from planet_vector.vector.search_view import Search

T = TypeVar("T")


def search(
    name: Union[str, Query],
    *,
    bbox: Union[Sequence[float], Box, None] = None,
    intersects: Optional[Area] = None,
    datetime: Optional[Times] = None,
    published: Optional[Times] = None,
    since: Union[str, timedelta, None] = None,
    cloud_cover: Optional[float] = None,
    where: Optional[Mapping[str, object]] = None,
    order: Optional[str] = None,
    limit: Optional[int] = None,
    connection: Optional[str] = None,
    key: Optional[str] = None,
    anew: bool = False,
) -> Search:
    """Search for scenes.

    Parameters
    ----------
    name : str or Query
        A scene type, such as ``PSScene``; or a name, such as ``PLANET:ortho?cloud_cover.estimated.lte=5``, to whose
        parameters the others are added.
    bbox : (west, south, east, north) or Box, optional
        A box in degrees that scenes must share ground with; west may be greater than east.
    intersects : str, path, mapping or object, optional
        Another area: WKT or GeoJSON in degrees; the path of a vector file in any coordinate system
        (``fields.gpkg:LAYER`` for one layer of several); a geometry of shapely, in degrees; a GeoDataFrame or
        GeoSeries.
    datetime : str, date, datetime or pair, optional
        The span of acquisition: ``2024-05/2024-06`` or ``2024-05..2024-06``, open as ``2024-05-15/..``; or two times,
        None for an open end. A date, a month and a year are whole at either end, and may stand alone.
    published : str, date, datetime or pair, optional
        The span of publication, in the same forms.
    since : str or timedelta, optional
        The greatest age: scenes acquired within the last ``3d``, ``2w``, ``6mo``, ``1y``, ``12h`` or ``30min``.
    cloud_cover : float, optional
        The greatest cloud cover in percent, in every service.
    where : mapping of str to object, optional
        Further conditions: values by field and comparator, such as ``{"gsd.lte": 3, "satellite_id": "1105"}``.
    order : str, optional
        ``desc`` (the newest first, the default) or ``asc``.
    limit : int, optional
        The greatest number of scenes.
    connection, key : str, optional
        As for `planet_vector.connect`.
    anew : bool
        Ignore scenes cached by earlier searches, to find newly published ones.

    Returns
    -------
    Search
        A view of the scenes in the order of the search. It can be iterated repeatedly, sliced (``found[:50]``), counted
        (``found.count()``) and converted to a table (``found.to_geopandas()``, ``to_arrow()``, ``to_parquet(path)``).
        Each scene is requested once, when it is first accessed.

    Raises
    ------
    PlanetVectorError
        If the search is invalid. The view raises it if a request fails.

    Examples
    --------
    >>> found = search("PSScene", bbox=(11.9, 47.8, 12.1, 47.9), datetime="2024-05/2024-06", cloud_cover=10)
    """
    keywords = {
        "bbox": bbox,
        "intersects": intersects,
        "datetime": datetime,
        "published": published,
        "since": since,
        "cloud_cover": cloud_cover,
        "where": where,
        "order": order,
        "limit": limit,
    }
    given = [term for term, value in keywords.items() if value is not None]
    if isinstance(name, Query):
        if given:
            raise QueryError(f"The search is a Query, which holds all of its terms: leave out {', '.join(given)}.")
        catalog = catalog_of(Settings.load(connection, key))
        if name.schema.service != catalog.schema(name.scene_type).service:
            raise QueryError(
                f"The search is a Query in the terms of another service than {catalog.settings.api_url}: make it of "
                f"connect(…).schema({name.scene_type!r})."
            )
        return _search(name, catalog, anew)
    if not isinstance(name, str):
        raise NameSyntaxError(f"A search is a scene type, a PLANET: name or a Query, not {type(name).__name__}.")
    parsed = _of_one_type(name) if is_name(name) else Name(_scene_type(name))
    catalog = catalog_of(Settings.load(connection or parsed.service, key))
    _, parsed = _only(expanded(catalog, parsed), name)
    asked = parsed.without(LAYER_PARAMETERS).parameters
    schema = catalog.schema(parsed.collection)
    if parsed.item:
        if asked or given:
            told = repr(asked[0][0]) if asked else given[0]
            raise NameSyntaxError(f"{parsed.item} is one scene: leave out the search parameter {told}.")
        query = Query(schema)
        found = FoundScenes.of(query, [catalog.scene(parsed.collection, parsed.item).feature])
        return Search(catalog, query, Name(parsed.collection, parsed.item), found)
    query = query_of(
        schema,
        asked,
        bbox=bbox,
        intersects=intersects,
        datetime=datetime,
        published=published,
        since=since,
        cloud_cover=cloud_cover,
        where=where,
        order=order,
        limit=limit,
    )
    return _search(query, catalog, anew)


def open_layer(
    name: str, *, connection: Optional[str] = None, key: Optional[str] = None
) -> Union[SceneLayer, ListedLayer]:
    """Open a search, a scene, the basemaps or the quads of a basemap as a layer, without GDAL.

    Parameters
    ----------
    name : str
        Of one scene type, such as ``PLANET:ortho``, or of basemaps or a basemap: ``PLANET:basemaps/NAME``.
    connection, key : str, optional
        As for `planet_vector.connect`.

    Returns
    -------
    SceneLayer or ListedLayer
        The layer; its rows are fetched when they are read.

    Raises
    ------
    PlanetVectorError
        If the name is invalid, or a request fails.
    """
    parsed = parse_name(name)
    if parsed.is_basemap:
        return basemap_layers(parsed, connect(connection or parsed.service, key))[0]
    parsed = _of_one_type(name)
    found, _ = layers(parsed, Settings.load(connection or parsed.service, key))
    _only(found, name)
    return found[0]


def _search(query: Query, catalog: Catalog, anew: bool) -> Search:
    limit = [] if query.limit is None else [("limit", str(query.limit))]
    name = Name(query.scene_type, parameters=(*query.parameters, *limit))
    return Search(catalog, query, name, FoundScenes(query, catalog.pages) if anew else None)


def _only(found: Sequence[T], text: str) -> T:
    if len(found) != 1:
        raise NameSyntaxError(f"{shown(text)} names {len(found)} searches: name one of them.")
    return found[0]


def _scene_type(text: str) -> str:
    """Return the name of a collection that stands alone."""
    if not is_item_id(text) or set("?/ ").intersection(text):
        raise NameSyntaxError(
            f"{shown(text)} is neither a scene type, such as PSScene, nor a name: write "
            "PLANET:<scene type>?<parameters>."
        )
    return text


def _of_one_type(text: str) -> Name:
    name = parse_name(text)
    if not name.collection or name.is_basemap:
        raise NameSyntaxError(f"{shown(text)} names no scene type: write PLANET:<scene type>?<parameters>.")
    return name
