"""A search from Python: scenes one after another, or a layer."""

from __future__ import annotations

from typing import Any, Generator, Iterator, Optional, Union

from planet_vector.catalog import connect
from planet_vector.config import Settings
from planet_vector.errors import NameSyntaxError
from planet_vector.names import Name, parse_name, shown
from planet_vector.query import Query
from planet_vector.scene import Scene
from planet_vector.vector.layer import LAYER_PARAMETERS, SceneLayer, layers
from planet_vector.vector.mosaics import ListedLayer, mosaic_layers
from planet_vector.vector.schema import Schema


class Scenes(Iterator[Scene]):
    """Iterate over the scenes of a search as they come in; `close` ends it early."""

    def __init__(self, found: Iterator[Scene], scene_type: str) -> None:
        self._found = found
        self._scene_type = scene_type

    def __next__(self) -> Scene:
        return next(self._found)

    def close(self) -> None:
        """Stop asking for more."""
        if isinstance(self._found, Generator):
            self._found.close()

    def to_geopandas(self) -> Any:
        """Return the scenes that are left as a GeoDataFrame, with the columns of the layer.

        Returns
        -------
        geopandas.GeoDataFrame
            Times in UTC; footprints as MultiPolygon in EPSG:4326, longitude before latitude.
        """
        import geopandas
        import pandas
        import shapely

        schema = Schema(self._scene_type)
        rows = schema.rows([scene.feature for scene in self])
        frame = pandas.DataFrame(dict(zip(schema.names, rows.columns)))
        for name, kind in zip(schema.names, schema.types):
            if kind == "DateTime":
                frame[name] = pandas.to_datetime(frame[name], utc=True, format="ISO8601")
        footprints = shapely.from_wkb(rows.wkbs)
        return geopandas.GeoDataFrame(frame, geometry=footprints, crs="EPSG:4326")


def scenes(name: Union[str, Query], api_url: Optional[str] = None, key: Optional[str] = None) -> Scenes:
    """Return an iterator over the scenes of a search; what can be wrong with the search itself is raised here."""
    if isinstance(name, Query):
        return Scenes(_scenes(name, Settings.load(api_url, key)), name.scene_type)
    parsed = _of_one_type(name)
    settings = Settings.load(api_url or parsed.get("api_url"), key)
    if parsed.item:
        return Scenes(iter([connect(settings).scene(parsed.collection, parsed.item)]), parsed.collection)
    query = Query.parse(parsed.collection, parsed.without(LAYER_PARAMETERS).parameters)
    return Scenes(_scenes(query, settings), parsed.collection)


def layer(name: str, api_url: Optional[str] = None, key: Optional[str] = None) -> Union[SceneLayer, ListedLayer]:
    """Return the layer of a search, of one scene, of the mosaics, or of a mosaic's quads."""
    parsed = parse_name(name)
    if parsed.is_mosaic:
        return mosaic_layers(parsed, connect(Settings.load(api_url or parsed.get("api_url"), key)))[0]
    parsed = _of_one_type(name)
    return layers(parsed, Settings.load(api_url or parsed.get("api_url"), key))[0][0]


def _scenes(query: Query, settings: Settings) -> Generator[Scene, None, None]:
    catalog = connect(settings)
    for features in catalog.pages(query):
        for feature in features:
            yield Scene(feature, query.scene_type, catalog)


def _of_one_type(text: str) -> Name:
    name = parse_name(text)
    if not name.collection or name.is_mosaic:
        raise NameSyntaxError(f"{shown(text)} names no scene type: write PLANET:<scene type>?<parameters>.")
    return name
