"""A search from Python: scenes one after another, or a layer."""

from __future__ import annotations

from typing import Iterator, Optional, Union

from planet_vector.catalog import connect
from planet_vector.config import Settings
from planet_vector.errors import NameSyntaxError
from planet_vector.names import Name, parse_name, shown
from planet_vector.query import Query
from planet_vector.scene import Scene
from planet_vector.vector.layer import LAYER_PARAMETERS, SceneLayer, layers


def scenes(name: Union[str, Query], api_url: Optional[str] = None, key: Optional[str] = None) -> Iterator[Scene]:
    """Return an iterator over the scenes of a search; what can be wrong with the search itself is raised here."""
    if isinstance(name, Query):
        return _scenes(name, Settings.load(api_url, key))
    parsed = _of_one_type(name)
    settings = Settings.load(api_url or parsed.get("api_url"), key)
    if parsed.item:
        return iter([connect(settings).scene(parsed.collection, parsed.item)])
    return _scenes(Query.parse(parsed.collection, parsed.without(LAYER_PARAMETERS).parameters), settings)


def layer(name: str, api_url: Optional[str] = None, key: Optional[str] = None) -> SceneLayer:
    """Return the layer of a search or of one scene."""
    parsed = _of_one_type(name)
    return layers(parsed, Settings.load(api_url or parsed.get("api_url"), key))[0][0]


def _scenes(query: Query, settings: Settings) -> Iterator[Scene]:
    for features in connect(settings).pages(query):
        for feature in features:
            yield Scene(feature, query.scene_type)


def _of_one_type(text: str) -> Name:
    name = parse_name(text)
    if not name.collection or name.is_mosaic:
        raise NameSyntaxError(f"{shown(text)} names no scene type: write PLANET:<scene type>?<parameters>.")
    return name
