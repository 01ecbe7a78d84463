"""Scenes as functions of several scenes take them: a search by its name, a query, or scenes that were found before."""

from __future__ import annotations

from typing import Iterable, Optional, Tuple, Union

from planet_vector.catalog import Catalog, catalog_of_scenes
from planet_vector.query import Query
from planet_vector.scene import Scene
from planet_vector.vector.search import search as search_for
from planet_vector.vector.search_view import Search

Sought = Union[str, Query, Iterable[Scene]]


def scenes_of(
    search: Sought, connection: Optional[str], key: Optional[str], anew: bool = False
) -> Tuple[Catalog, Iterable[Scene]]:
    """Return the service and the scenes of a search; errors in the search are raised at once.

    Parameters
    ----------
    search : str, Query or iterable of Scene
        The search, or scenes that were found before.
    connection, key : str, optional
        As for `planet_vector.connect`.
    anew : bool
        Request a search again, even if its scenes are cached.

    Returns
    -------
    (Catalog, iterable of Scene)
        The service, and the scenes.

    Raises
    ------
    PlanetVectorError
        If the search is not valid or fails, or the scenes are of several services.
    """
    if isinstance(search, (str, Query)):
        found = search_for(search, connection=connection, key=key, anew=anew)
        bool(found)  # requests the first page, which is cached
        return found.catalog, found
    if isinstance(search, Search) and not connection and not key:
        return search.catalog, search
    scenes = list(search)
    return catalog_of_scenes(scenes, connection, key), scenes
