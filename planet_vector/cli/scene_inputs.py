"""Scenes as arguments of commands: ids and names, or the output of a search on stdin."""

from __future__ import annotations

import sys
from typing import Any, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

import planet_vector
from planet_vector.cli.search_options import default_type, one_scene
from planet_vector.errors import PlanetVectorError, QueryError
from planet_vector.json_input import objects
from planet_vector.names import is_name, parse_name
from planet_vector.raster.parallel import Alive, in_parallel
from planet_vector.roots import is_api_origin
from planet_vector.scene import Scene

_CONNECTIONS = 4  # scenes requested at once; the rate of requests is limited elsewhere


class Given(NamedTuple):
    """A scene, and the products in its name.

    Attributes
    ----------
    scene : Scene
        The scene, bound to its service.
    products : tuple of str
        Empty if the argument names no product.
    """

    scene: Scene
    products: Tuple[str, ...]


def scenes_given(
    texts: Sequence[str], scene_type: Optional[str], connection: Optional[str]
) -> Iterator[Tuple[str, Union[Given, PlanetVectorError]]]:
    """Yield the scenes of arguments.

    Parameters
    ----------
    texts : sequence of str
        Ids and PLANET: names; ``-`` stands for those on stdin.
    scene_type : str, optional
        The type of scenes that do not specify theirs.
    connection : str, optional
        A connection's name, or the root of an API.

    Yields
    ------
    (str, Given or PlanetVectorError)
        What the scene is called in messages, and the scene, or the error of its request.

    Raises
    ------
    QueryError
        If stdin is empty, or contains something that is not a scene.
    """
    asked: List[Any] = []
    for text in texts:
        asked += _on_stdin() if text == "-" else [text]

    def find(item: Any, alive: Alive) -> Given:
        return _scene(item, scene_type, connection)

    for item, found in in_parallel(find, asked, _CONNECTIONS):
        yield _called(item), found


def items(text: str) -> Iterator[Any]:
    """Yield the GeoJSON Features of a text, those in FeatureCollections one by one, and its words.

    Parameters
    ----------
    text : str
        The output of a search, or ids and names.

    Raises
    ------
    QueryError
        If JSON in it is not valid.
    """
    for item in objects(text):
        features = item.get("features") if isinstance(item, dict) and item.get("type") == "FeatureCollection" else None
        yield from features if isinstance(features, list) else [item]


def _on_stdin() -> List[Any]:
    text = sys.stdin.read()
    if "\0" in text:
        raise QueryError("stdin is not text: it takes ids, PLANET: names, or the output of a search.")
    found = list(items(text))
    if not found:
        # After a search that failed or found nothing, the command must not seem to have succeeded.
        raise QueryError("There are no scenes on stdin: does the search before it find any?")
    return found


def _called(item: Any) -> str:
    """Return the name of a scene in messages."""
    return item if isinstance(item, str) else str(_id(item))


def _id(feature: Any) -> Any:
    """Return the id of a scene: GDAL programs renumber features and keep the id as a property."""
    properties = feature.get("properties") if isinstance(feature, Mapping) else None
    kept = properties.get("id") if isinstance(properties, Mapping) else None
    return kept if kept is not None else feature.get("id") if isinstance(feature, Mapping) else None


def _scene(item: Any, scene_type: Optional[str], connection: Optional[str]) -> Given:
    if isinstance(item, str):
        catalog, kind, scene_id = one_scene(item, scene_type, connection)
        return Given(catalog.scene(kind, scene_id), parse_name(item).products if is_name(item) else ())
    scene_id = _id(item)
    if not isinstance(scene_id, str) or not scene_id:
        raise QueryError("Something on stdin is no scene: it takes ids, PLANET: names, or the output of a search.")
    catalog = planet_vector.connect(connection)
    own = catalog.collection_of(item)
    kind = scene_type or own or default_type(catalog)
    root = catalog.settings.api_url
    if own and item.get("id") == scene_id and all(is_api_origin(link, root) for link in _links(item)):
        return Given(Scene(item, catalog.schema(kind), catalog), ())
    # A GDAL program drops properties without a column, and links to other hosts are not trusted: request the scene.
    return Given(catalog.scene(kind, scene_id), ())


def _links(value: Any) -> Iterator[str]:
    """Yield every address in a Feature."""
    if isinstance(value, Mapping):
        for each in value.values():
            yield from _links(each)
    elif isinstance(value, str) and "://" in value:
        yield value
