"""A second kind of service, in memory: other names, cloud cover as a fraction, closed time windows, no counts.

As a program, it is the command line with this additional kind of service::

    SECOND_FEATURES=features.json python -m tests.second_catalog search --cloud-cover 5
"""

from __future__ import annotations

import json
import os
import threading
from datetime import datetime
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, NoReturn, Optional, Sequence, Set, Tuple

import pytest

from planet_vector import catalog as catalogs
from planet_vector import connections
from planet_vector.assets import Asset, SpectralBand
from planet_vector.catalog import paging
from planet_vector.catalog.scene_pages import DecodePage, PageSource, ReadPage, SceneBatch, ScenePage, SearchSurvey
from planet_vector.collection_schema import REAL, TEXT, TIME, CollectionSchema, Feature, Meanings, SceneField
from planet_vector.config import Settings
from planet_vector.errors import NotFoundError
from planet_vector.geometry.boxes import Box
from planet_vector.http.transport import Transport
from planet_vector.query import Query
from planet_vector.scene import Scene
from planet_vector.times import parse_time

KIND, COLLECTION = "moments", "moments"
FEATURES = "SECOND_FEATURES"
"""Environment variable with the path of a file of GeoJSON Features: the scenes of the service."""
SIZE = 7

_CLOSED = frozenset({"gte", "lte"})
_FIELDS = (
    SceneField("datetime", "time", _CLOSED),
    SceneField("created", "time", _CLOSED),
    SceneField("eo:cloud_cover", "number", _CLOSED),
    SceneField("gsd", "number", _CLOSED),
    SceneField("platform", "string", frozenset({"eq"})),
)


def _assets_of(feature: Feature) -> Dict[str, Asset]:
    bands = {"numbers": (SpectralBand("near infrared", 0.77, 0.89, name="nir", common="nir"),)}
    return {
        name: Asset(name, asset["href"], roles=tuple(asset["roles"]), bands=bands.get(name, ()))
        for name, asset in feature["assets"].items()
    }


def _links_of(feature: Feature) -> Dict[str, str]:
    return {link["rel"]: link["href"] for link in feature["links"]}


SCHEMA = CollectionSchema(
    service="moments",
    collection=COLLECTION,
    columns={"datetime": TIME, "created": TIME, "eo:cloud_cover": REAL, "gsd": REAL, "platform": TEXT},
    meanings=Meanings(
        time="datetime",
        published="created",
        cloud_cover="eo:cloud_cover",
        full_cover=1.0,
        gsd="gsd",
        platform="platform",
    ),
    fields={field.name: field for field in _FIELDS},
    orders=("datetime desc", "datetime asc"),
    units={"gsd": "m"},
    assets_of=_assets_of,
    links_of=_links_of,
    first_products=("picture",),
)


class Moments:
    """Client of the second kind of service.

    Parameters
    ----------
    settings : Settings
        Settings with the root URL of its assets.
    """

    kind = KIND
    counts = False
    known_types: Sequence[str] = (COLLECTION,)

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.transport = Transport(settings)
        self.features: List[Dict[str, Any]] = json.loads(Path(os.environ[FEATURES]).read_text())
        self.asked: List[Query] = []
        """Queries of all requests, in order."""
        self.described: Set[str] = set()
        """Collections whose schema was requested."""
        self._pages: Dict[str, List[Dict[str, Any]]] = {}
        self._lock = threading.Lock()

    def is_there(self) -> bool:
        return self.settings.api_url.endswith(f"/{COLLECTION}/")

    @property
    def basemaps(self) -> NoReturn:
        raise NotFoundError("This kind of service has no basemaps.")

    def schema(self, scene_type: str) -> CollectionSchema:
        if scene_type != COLLECTION:
            raise NotFoundError(f"There is no collection {scene_type!r} at this service.")
        self.described.add(scene_type)
        return SCHEMA

    def known_schema(self, scene_type: str) -> Optional[CollectionSchema]:
        return SCHEMA if scene_type in self.described else None

    def collection_of(self, feature: Any) -> Optional[str]:
        found: Optional[str] = feature.get("collection") if isinstance(feature, Mapping) else None
        return found

    def scene_types(self) -> Dict[str, str]:
        return {COLLECTION: self.settings.api_url}

    def scene(self, scene_type: str, scene_id: str) -> Scene:
        for feature in self.features:
            if feature["id"] == scene_id and scene_type == COLLECTION:
                return Scene(feature, SCHEMA, self)
        raise NotFoundError(f"There is no scene {scene_id!r} of {scene_type!r} at this service.")

    def thumbnail(self, scene: Scene, size: str = "md", format: str = "png", square: bool = False) -> bytes:
        raise NotFoundError("This kind of service has no thumbnails.")

    def tiles(self, scene: Scene) -> str:
        raise NotFoundError("This kind of service has no tiles.")

    def count(self, query: Query) -> None:
        return None

    def survey(self, query: Query) -> SearchSurvey:
        return paging.survey(self._source(), query)

    def pages(self, query: Query) -> Iterator[List[Feature]]:
        return paging.pages(self._source(), query, 3)  # type: ignore[return-value]

    def decoded(
        self, query: Query, decode: Optional[DecodePage], known: Optional[SearchSurvey]
    ) -> Iterator[SceneBatch]:
        return paging.pages(self._source(decode), query, 3, known)

    def _source(self, decode: Optional[DecodePage] = None) -> PageSource:
        return PageSource(self._fetch, self._follow, SIZE, decode)

    def _fetch(self, query: Query, size: int) -> ReadPage:
        with self._lock:
            self.asked.append(query)
        for condition in query.conditions:  # reject unknown fields, as a service would
            assert condition.comparator in SCHEMA.fields[condition.field.name].comparators
        found = [feature for feature in self.features if _meets(feature, query)]
        found.sort(key=lambda feature: _time_of(feature), reverse=not query.ascending)

        def read(decode: Optional[DecodePage]) -> ScenePage:
            return self._page(found, size, decode)

        return read

    def _follow(self, link: str) -> ScenePage:
        return self._page(self._pages[link], SIZE, None)

    def _page(self, found: List[Dict[str, Any]], size: int, decode: Optional[DecodePage]) -> ScenePage:
        page, rest = found[: min(size, SIZE)], found[min(size, SIZE) :]
        link = None
        if rest:
            link = f"page-{len(self._pages)}"
            self._pages[link] = rest
        decoded = decode(json.dumps({"features": page}).encode(), _envelope) if decode else None
        if decoded is not None:
            return ScenePage(*decoded[0], None, link)
        ids, times = [each["id"] for each in page], [each["properties"]["datetime"] for each in page]
        return ScenePage(page, ids, times, None, link)


def _envelope(scenes: Any) -> type:
    import msgspec

    page: type = msgspec.defstruct("Page", [("features", scenes)])
    return page


def _time_of(feature: Mapping[str, Any]) -> datetime:
    return parse_time(feature["properties"]["datetime"])


def _meets(feature: Mapping[str, Any], query: Query) -> bool:
    for condition in query.conditions:
        value = feature["properties"].get(condition.field.name)
        if value is None or not condition.holds(parse_time(value) if condition.field.kind == "time" else value):
            return False
    if query.area is None:
        return True
    import shapely.geometry  # missing in QGIS's Python
    import shapely.wkt

    area = shapely.wkt.loads(query.area.wkt() if isinstance(query.area, Box) else query.area)
    return bool(shapely.geometry.shape(feature["geometry"]).intersects(area))


def install(patch: pytest.MonkeyPatch) -> None:
    """Register the kind of service.

    Parameters
    ----------
    patch : pytest.MonkeyPatch
        Undoes it.
    """
    patch.setattr(connections, "KINDS", {**connections.KINDS, KIND: "Moments"})
    patch.setattr(catalogs, "_MAKERS", {**catalogs._MAKERS, KIND: Moments})


def like_moments(features: Sequence[Mapping[str, Any]]) -> List[Dict[str, Any]]:
    """Return scenes of the Scenes API v0 as this kind of service returns them; assets keep their URLs.

    Parameters
    ----------
    features : sequence of mapping
        The scenes.
    """
    found = []
    for feature in features:
        said = feature["properties"]
        links: List[Tuple[str, str, str]] = [("picture", "visual", "visual"), ("numbers", "analytic", "data")]
        products = said["data"]["products"]
        found.append(
            {
                "type": "Feature",
                "id": feature["id"],
                "collection": COLLECTION,
                "geometry": feature["geometry"],
                "properties": {
                    "datetime": said["acquired"],
                    "created": said.get("published"),
                    "eo:cloud_cover": said["cloud_cover"]["estimated"] / 100,
                    "gsd": said["image_statistics"]["gsd"],
                    "platform": said["sat"]["id"],
                    "made:by": {"whom": "nobody"},  # of no column
                },
                "assets": {
                    name: {"href": products[product]["full"], "roles": [role]}
                    for name, product, role in links
                    if product in products
                },
                "links": [{"rel": "self", "href": said["links"]["self"]}],
            }
        )
    return found


if __name__ == "__main__":
    from planet_vector.cli import main

    install(pytest.MonkeyPatch())
    main(prog_name="planet-vector")
