"""Protocol of services, the only interface that layers, rasters, stacks, maps, commands and the QGIS plugin use."""

from __future__ import annotations

from typing import Dict, Iterator, List, Mapping, Optional, Protocol, Sequence, Tuple, runtime_checkable

from planet_vector.assets import AssetState
from planet_vector.catalog.basemaps import Basemaps
from planet_vector.catalog.scene_pages import DecodePage, SceneBatch, SearchSurvey
from planet_vector.collection_schema import CollectionSchema, Feature
from planet_vector.config import Settings
from planet_vector.http.transport import Transport
from planet_vector.names import Name
from planet_vector.query import Query
from planet_vector.scene import Scene

THUMBNAIL_SIZES: Mapping[str, int] = {"sm": 64, "md": 128, "lg": 640}
"""Widths of thumbnails in pixels."""

THUMBNAIL_FORMATS = ("png", "jpg", "jpeg")


class Catalog(Protocol):
    """Protocol for a service; `planet_vector.catalog.catalog_of` returns the catalog for given settings.

    Attributes
    ----------
    kind : str
        One of `planet_vector.connections.KINDS`.
    settings : Settings
        Root, key and limits of the service.
    transport : Transport
        Fetches the targets of its links.
    counts : bool
        Whether the service reports the number of scenes of a search.
    known_types : sequence of str
        Known collections of services of this kind, without a request; the first is the default.
    """

    kind: str
    settings: Settings
    transport: Transport
    counts: bool
    known_types: Sequence[str]

    def is_there(self) -> bool:
        """Return whether a service of this kind responds at the root.

        Raises
        ------
        ServiceError
            If there is no response, or the key is rejected.
        """

    @property
    def basemaps(self) -> Basemaps:
        """The basemaps of the service.

        Raises
        ------
        NotFoundError
            If services of its kind have none.
        """

    def schema(self, scene_type: str) -> CollectionSchema:
        """Return the schema of a collection of scenes: columns, searchable fields and meanings.

        Parameters
        ----------
        scene_type : str
            The collection.
        """

    def known_schema(self, scene_type: str) -> Optional[CollectionSchema]:
        """Return the schema of a collection if that takes no request, else None.

        Parameters
        ----------
        scene_type : str
            The collection.
        """

    def collection_of(self, feature: object) -> Optional[str]:
        """Return the collection of a Feature of the service; None if the Feature does not specify it.

        Parameters
        ----------
        feature : object
            The Feature, or any other JSON value.
        """

    def scene_types(self) -> Dict[str, str]:
        """Return the scene types that the service lists, with their URLs.

        Raises
        ------
        ServiceError
            If the response is not that of a service of this kind.
        """

    def scene(self, scene_type: str, scene_id: str) -> Scene:
        """Return one scene.

        Parameters
        ----------
        scene_type : str
            The collection.
        scene_id : str
            The scene's id.

        Raises
        ------
        NotFoundError
            If the service has no such scene.
        ServiceError
            If the request fails.
        """

    def thumbnail(self, scene: Scene, size: str = "md", format: str = "png", square: bool = False) -> bytes:
        """Return the service's picture of a scene.

        Parameters
        ----------
        scene : Scene
            A scene of this service.
        size : str, optional
            One of `THUMBNAIL_SIZES`.
        format : str, optional
            One of `THUMBNAIL_FORMATS`.
        square : bool, optional
            Whether to crop it to a square.

        Returns
        -------
        bytes
            An image file.

        Raises
        ------
        ServiceError
            If the service has no picture, or the request fails.
        """

    def tiles(self, scene: Scene) -> str:
        """Return the URL template of a scene's web mercator tiles, with ``{z}``, ``{x}`` and ``{y}``.

        Parameters
        ----------
        scene : Scene
            A scene of this service.

        Raises
        ------
        NotFoundError
            If the service has no tiles.
        """

    def count(self, query: Query) -> Optional[int]:
        """Return the number of scenes of a search; None if the service does not count.

        Parameters
        ----------
        query : Query
            The search.

        Raises
        ------
        ServiceError
            If the request fails.
        """

    def survey(self, query: Query) -> SearchSurvey:
        """Return the number of scenes of a search, and the times of the oldest and the newest.

        Parameters
        ----------
        query : Query
            The search.

        Raises
        ------
        ServiceError
            If a request fails.
        """

    def pages(self, query: Query) -> Iterator[List[Feature]]:
        """Yield the scenes of a search in its order, in lists of GeoJSON Features.

        Parameters
        ----------
        query : Query
            The search.

        Raises
        ------
        ServiceError
            If the search cannot be completed; then the scenes yielded so far are incomplete.
        """

    def decoded(
        self, query: Query, decode: Optional[DecodePage], known: Optional[SearchSurvey]
    ) -> Iterator[SceneBatch]:
        """Yield the scenes of a search as `pages` does, with each page passed through a decoder if it can decode it.

        Parameters
        ----------
        query : Query
            The search.
        decode : DecodePage or None
            Decodes the bytes of a page, or returns None.
        known : SearchSurvey or None
            Result of `survey`; with it, a long search is requested in parallel parts.

        Yields
        ------
        SceneBatch
            The next scenes.

        Raises
        ------
        ServiceError
            If the search cannot be completed; then the scenes yielded so far are incomplete.
        """


@runtime_checkable
class ActivatesAssets(Protocol):
    """Protocol for services that make files available on request, an ability that a `Catalog` may have."""

    def asset_states(self, scene: Scene) -> Mapping[str, AssetState]:
        """Return the states of a scene's assets, by name.

        Parameters
        ----------
        scene : Scene
            A scene of this service.

        Raises
        ------
        ServiceError
            If the request fails.
        """

    def activate(self, scene: Scene, state: AssetState) -> None:
        """Request the activation of an asset, which may count against a quota; it takes minutes.

        Parameters
        ----------
        scene : Scene
            A scene of this service.
        state : AssetState
            The asset, as `asset_states` returned it.

        Raises
        ------
        ServiceError
            If the request fails.
        """


@runtime_checkable
class ExpandsNames(Protocol):
    """Protocol for services whose names may stand for several searches, an ability that a `Catalog` may have."""

    def expand(self, name: Name) -> List[Tuple[str, Name]]:
        """Return the searches that a name stands for, each of one collection, with titles of their layers.

        Parameters
        ----------
        name : Name
            A name with a collection.

        Raises
        ------
        ServiceError
            If a request fails.
        """


@runtime_checkable
class DescribesItself(Protocol):
    """Protocol for services of a kind whose members differ in what they offer, an ability that a `Catalog` may have."""

    def offers(self) -> str:
        """Return what the service offers, and which parts of a search it applies itself, as the end of a sentence.

        Raises
        ------
        ServiceError
            If a request fails.
        """


def expanded(catalog: Catalog, name: Name) -> List[Tuple[str, Name]]:
    """Return the searches that a name stands for, each of one collection, with titles of their layers.

    Parameters
    ----------
    catalog : Catalog
        The service.
    name : Name
        A name with a collection.

    Raises
    ------
    ServiceError
        If a request fails.
    """
    return catalog.expand(name) if isinstance(catalog, ExpandsNames) else [(name.collection, name)]
