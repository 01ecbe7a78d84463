"""Client of the Scenes API v0: scene types, searches, scenes, thumbnails and tiles."""

from __future__ import annotations

from typing import Dict, Iterator, List, Mapping, Optional, Sequence, cast
from urllib.parse import quote

from planet_vector.catalog import paging
from planet_vector.catalog.protocol import THUMBNAIL_FORMATS, THUMBNAIL_SIZES
from planet_vector.catalog.scene_pages import DecodePage, PageSource, ReadPage, SceneBatch, ScenePage, SearchSurvey
from planet_vector.catalog.scenes_v0.basemaps import ScenesV0Basemaps
from planet_vector.catalog.scenes_v0.fast_pages import decoded_page
from planet_vector.catalog.scenes_v0.scene_columns import COLUMNS
from planet_vector.catalog.scenes_v0.scene_schemas import MEANINGS, collection_of, schema_of
from planet_vector.collection_schema import CollectionSchema, Feature
from planet_vector.config import Settings
from planet_vector.errors import NotFoundError, ProtocolError, QueryError, ServiceError
from planet_vector.http.responses import JsonResponse, no_api
from planet_vector.http.transport import Transport
from planet_vector.query import Query
from planet_vector.roots import DEFAULT_API_URL, is_api_origin
from planet_vector.scene import Scene

PAGE = 1000
"""Scenes of a page, the maximum of the API."""

_TILES_URL = "https://tiles.planet.com/v0/"
_MOST_THUMBNAIL = 16 * 2**20  # bytes; a large thumbnail in PNG has less than 1 MB
_SIGNATURES = {"png": b"\x89PNG\r\n\x1a\n", "jpg": b"\xff\xd8\xff", "jpeg": b"\xff\xd8\xff"}


class ScenesV0:
    """Client of a Scenes API v0.

    Methods without a docstring are those of the Protocol `Catalog`.

    Parameters
    ----------
    settings : Settings
        Root, key and limits of the service.
    """

    kind = "v0"
    counts = True
    known_types: Sequence[str] = tuple(COLUMNS)

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.transport = Transport(settings)
        self._has_types = False  # whether it has listed scene types
        self.basemaps = ScenesV0Basemaps(self.transport, self)

    def schema(self, scene_type: str) -> CollectionSchema:
        """Return the schema of a scene type, without a request.

        Parameters
        ----------
        scene_type : str
            The scene type.
        """
        return schema_of(scene_type)

    def known_schema(self, scene_type: str) -> CollectionSchema:
        return schema_of(scene_type)

    def collection_of(self, feature: object) -> Optional[str]:
        return collection_of(feature)

    def is_there(self) -> bool:
        try:
            return bool(self.scene_types())
        except (NotFoundError, ProtocolError):
            return False

    def scene_types(self) -> Dict[str, str]:
        try:
            answer = self.transport.get_json(self.transport.url("scenes/"))
        except NotFoundError as error:
            raise NotFoundError(
                no_api(self.settings, "has nothing at this address (404)"), error.request, error.status
            ) from None
        if not (
            isinstance(answer.body, dict)
            and answer.body
            and all(isinstance(link, str) for link in answer.body.values())
        ):
            raise ProtocolError(no_api(self.settings, "does not list scene types"), f"GET {answer.url}")
        return {name: self.transport.check_link(link) for name, link in sorted(answer.body.items())}

    def scene(self, scene_type: str, scene_id: str) -> Scene:
        url = self.transport.url(f"scenes/{quote(scene_type, safe='')}/{quote(scene_id, safe='')}")
        try:
            scene = Scene(self.transport.get_json(url).body, schema_of(scene_type), self)
        except NotFoundError as error:
            told = f"There is no scene {scene_id!r} of type {scene_type!r} at this service."
            raise self.missing(told, error) from None
        if scene.id != scene_id:
            raise ProtocolError(f"The service returned scene {scene.id!r} instead of {scene_id!r}.", f"GET {url}")
        return scene

    def missing(self, message: str, error: NotFoundError) -> ServiceError:
        """Return the error for a 404: a message, or that there is no Scenes API at the root.

        Parameters
        ----------
        message : str
            One sentence, for a service that is a Scenes API.
        error : NotFoundError
            The 404.
        """
        if not self._has_types:
            try:
                self._has_types = bool(self.scene_types())
            except (NotFoundError, ProtocolError) as wrong_root:
                return wrong_root
            except ServiceError:
                pass  # unknown
        return NotFoundError(message, error.request, error.status)

    def thumbnail(self, scene: Scene, size: str = "md", format: str = "png", square: bool = False) -> bytes:
        """Return the service's picture of a scene.

        Parameters
        ----------
        scene : Scene
            The scene.
        size : str, optional
            ``sm``, ``md`` or ``lg``: 64, 128 or 640 pixels wide.
        format : str, optional
            ``png``, ``jpg`` or ``jpeg``.
        square : bool, optional
            Whether to crop it to a square.

        Returns
        -------
        bytes
            An image file.

        Raises
        ------
        QueryError
            If there is no such size or format.
        ServiceError
            If the request fails, or the response is not such an image.
        """
        if size not in THUMBNAIL_SIZES:
            raise QueryError(f"size is {size!r}: it takes {', '.join(THUMBNAIL_SIZES)}.")
        if format not in THUMBNAIL_FORMATS:
            raise QueryError(f"format is {format!r}: it takes {', '.join(THUMBNAIL_FORMATS)}.")
        link = self.transport.check_link(scene.link("square_thumbnail" if square else "thumbnail"))
        content, _ = self.transport.get_bytes(link, [("size", size), ("format", format)], _MOST_THUMBNAIL)
        if not content.startswith(_SIGNATURES[format]):
            raise ProtocolError(f"The service returned a thumbnail of {scene.id} that is not a {format} image.")
        return content

    def tiles(self, scene: Scene) -> str:
        """Return the URL template of a scene's web mercator tiles, with ``{z}``, ``{x}`` and ``{y}``.

        Parameters
        ----------
        scene : Scene
            The scene.
        """
        root = self.settings.api_url
        base = _TILES_URL if is_api_origin(root, DEFAULT_API_URL) else root
        return f"{base}scenes/{quote(scene.scene_type, safe='')}/{quote(scene.id, safe='')}/{{z}}/{{x}}/{{y}}.png"

    def count(self, query: Query) -> int:
        if query.contradicts_itself:
            return 0
        count = self._source().fetch(query, 1)(None).total
        assert count is not None, "each page of this API has a count"
        return count if query.limit is None else min(count, query.limit)

    def survey(self, query: Query) -> SearchSurvey:
        return paging.survey(self._source(), query)

    def pages(self, query: Query) -> Iterator[List[Feature]]:
        return cast(Iterator[List[Feature]], paging.pages(self._source(), query, self.settings.connections))

    def decoded(
        self, query: Query, decode: Optional[DecodePage], known: Optional[SearchSurvey]
    ) -> Iterator[SceneBatch]:
        return paging.pages(self._source(decode), query, self.settings.connections, known)

    def _source(self, decode: Optional[DecodePage] = None) -> PageSource:
        return PageSource(self._fetch, self._follow, PAGE, decode)

    def _fetch(self, query: Query, size: int) -> ReadPage:
        url = self.transport.url(f"scenes/{quote(query.scene_type, safe='')}/")
        try:
            content, as_json = self.transport.fetch(url, [*query.parameters, ("count", str(size))])
        except NotFoundError as error:
            raise self.missing(
                f"There is no scene type {query.scene_type!r} at this service: "
                "'planet-vector types' lists its scene types.",
                error,
            ) from None

        def read(decode: Optional[DecodePage]) -> ScenePage:
            return (decoded_page(content, decode) if decode else None) or _page(as_json())

        return read

    def _follow(self, link: str) -> ScenePage:
        return _page(self.transport.get_json(self.transport.check_link(link)))


def _page(answer: JsonResponse) -> ScenePage:
    body = answer.body
    if isinstance(body, Mapping):
        features, count, links = body.get("features"), body.get("count"), body.get("links")
        following: object = links.get("next") if isinstance(links, Mapping) else None
        if (
            isinstance(features, list)
            and all(_is_scene(feature) for feature in features)
            and isinstance(count, int)
            and not isinstance(count, bool)
            and (following is None or isinstance(following, str))
        ):
            times = [feature["properties"].get(MEANINGS.time) for feature in features]
            return ScenePage(features, [feature["id"] for feature in features], times, count, following)
    raise ProtocolError(
        "The service returned something that is not a page of scenes.",
        f"GET {answer.url.partition('?')[0]}",
    )


def _is_scene(feature: object) -> bool:
    return (
        isinstance(feature, dict) and isinstance(feature.get("id"), str) and isinstance(feature.get("properties"), dict)
    )
