"""What a service must answer: all that layers, rasters, stacks, maps, commands and the QGIS plugin know of it."""

from __future__ import annotations

from typing import Dict, Iterator, List, Mapping, Optional, Protocol

from planet_vector.catalog.paging import DecodePage, Feature, SceneBatch, SearchSurvey
from planet_vector.config import Settings
from planet_vector.errors import NotFoundError, ServiceError
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
    settings : Settings
        Which service it is, whose key opens it, how much may be asked of it.
    transport : Transport
        Fetches what its links lead to.
    """

    settings: Settings
    transport: Transport

    def scene_types(self) -> Dict[str, str]:
        """Return the scene types the service lists and the address of each.

        Raises
        ------
        ServiceError
            If the service does not answer as one of its kind does.
        """

    def missing(self, message: str, error: NotFoundError) -> ServiceError:
        """Return the error for a 404: that there is no API at the root of the service, or else a message."""

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

    def count(self, query: Query) -> int:
        """Return how many scenes a search finds.

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
