"""What a service must answer: all that layers, rasters, stacks, maps, commands and the QGIS plugin know of it."""

from __future__ import annotations

from typing import Dict, Iterator, List, Mapping, Optional, Protocol, Sequence

from planet_vector.catalog.basemaps import Basemaps
from planet_vector.catalog.paging import DecodePage, SceneBatch, SearchSurvey
from planet_vector.collection_schema import CollectionSchema, Feature
from planet_vector.config import Settings
from planet_vector.http.transport import Transport
from planet_vector.query import Query
from planet_vector.scene import Scene

THUMBNAIL_SIZES: Mapping[str, int] = {"sm": 64, "md": 128, "lg": 640}
"""Pixels a thumbnail is wide."""

THUMBNAIL_FORMATS = ("png", "jpg", "jpeg")


class Catalog(Protocol):
    """Protocol of services; `planet_vector.catalog.catalog_of` returns the one for some settings.

    Attributes
    ----------
    kind : str
        One of `planet_vector.connections.KINDS`.
    settings : Settings
        Which service it is, whose key opens it, how much may be asked of it.
    transport : Transport
        Fetches what its links lead to.
    counts : bool
        Whether the service tells how many scenes a search finds.
    known_types : sequence of str
        Collections that services of this kind are known to have, the one that is meant if none is named first; the
        service itself is not asked.
    """

    kind: str
    settings: Settings
    transport: Transport
    counts: bool
    known_types: Sequence[str]

    def is_there(self) -> bool:
        """Ask whether a service of this kind answers at the root.

        Raises
        ------
        ServiceError
            If nothing answers there, or the key is refused.
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
        """Return the columns of a collection of scenes, what the service selects by, and what columns mean."""

    def collection_of(self, feature: object) -> Optional[str]:
        """Return the collection of a Feature that is said to be a scene of the service; None if it does not say so."""

    def scene_types(self) -> Dict[str, str]:
        """Return the scene types the service lists and the address of each.

        Raises
        ------
        ServiceError
            If the service does not answer as one of its kind does.
        """

    def scene(self, scene_type: str, scene_id: str) -> Scene:
        """Return one scene.

        Raises
        ------
        NotFoundError
            If the service has no such scene.
        ServiceError
            If it does not answer.
        """

    def thumbnail(self, scene: Scene, size: str = "md", format: str = "png", square: bool = False) -> bytes:
        """Return the picture the service makes of a scene.

        Parameters
        ----------
        scene : Scene
            A scene of this service.
        size : str
            One of `THUMBNAIL_SIZES`.
        format : str
            One of `THUMBNAIL_FORMATS`.
        square : bool
            Whether it is as high as wide.

        Raises
        ------
        ServiceError
            If the service has none, or does not answer.
        """

    def tiles(self, scene: Scene) -> str:
        """Return the address of a scene's tiles in web mercator, with ``{z}``, ``{x}`` and ``{y}``.

        Raises
        ------
        NotFoundError
            If the service has none.
        """

    def count(self, query: Query) -> Optional[int]:
        """Return how many scenes a search finds; None if the service does not count.

        Raises
        ------
        ServiceError
            If the service does not answer.
        """

    def survey(self, query: Query) -> SearchSurvey:
        """Return how many scenes a search finds, and the times of the oldest and the newest.

        Raises
        ------
        ServiceError
            If the service does not answer.
        """

    def pages(self, query: Query) -> Iterator[List[Feature]]:
        """Yield the scenes of a search in its order, a list of GeoJSON Features at a time.

        Raises
        ------
        ServiceError
            If not everything can be had; then what was yielded before is not all.
        """

    def decoded(
        self, query: Query, decode: Optional[DecodePage], known: Optional[SearchSurvey]
    ) -> Iterator[SceneBatch]:
        """Yield the scenes of a search as `pages` does, but what a decoder makes of each page that it can read.

        Parameters
        ----------
        query : Query
            The search.
        decode : callable, optional
            Reads the bytes of a page, or returns None.
        known : SearchSurvey, optional
            What `survey` found; with it, a long search is asked for in parts at once.
        """
