"""The two APIs of the local service that the suites of layers and rasters run over, and how they differ.

Tests write names, conditions and columns as the Scenes API v0 spells them, and `Face.spell` gives them for the API that
they run over. Expected values are in the terms of v0, too, and `Face.value` converts them.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import requests

Feature = Dict[str, Any]

_CLOUD = "cloud_cover.estimated"
_QUAD = re.compile(r"L15-0*(\d+)E-0*(\d+)N", re.IGNORECASE)
_LIMIT = re.compile(r'(?<=cloud_cover\.estimated)(\.\w+=|"? *(?:<=|>=|<>|=|<|>) *)(\d+(?:\.\d+)?)')


@dataclass(frozen=True)
class Face:
    """An API of the local service.

    Attributes
    ----------
    name : str
        Id of the parameter of tests.
    path : str
        Path of its root.
    page : int
        Most scenes of a page.
    pages : str
        Pattern of the paths, with queries, of requests for a page of scenes.
    searches : str
        Pattern, as faults have it, of the paths of all requests of a search.
    moments : tuple of int
        Numbers of the requests of a search for 3500 scenes that faults are tried at: the first ones and the last.
    columns : mapping
        Columns that are not named as in v0, by their name there.
    full : int
        Full cloud cover.
    opening : int
        Requests for the number of scenes, as a layer makes them when it is opened.
    reading : int
        Requests for 3500 scenes, with those for their number.
    part : int
        Requests for a part of a layer that fits a page.
    client : str
        Module of its client.
    files : str
        Pattern of the paths of requests for files of products.
    address : str
        Format of what is requested to learn where the files of a scene are, of its id.
    faults : mapping
        Patterns, as faults have them, of the paths that a file comes by, by place.
    quad : str or None
        Replacement of the ids of quads, of their column and row; None if they are those of v0.
    thumbnails : tuple of str
        Formats of thumbnails.
    link_to_self : str
        Path in the document of a scene to its own address.
    products : tuple of str
        Products of a scene of the sample in the order of the service.
    noun : str
        What its errors call a scene.
    has_others : bool
        Whether the sample has properties without a column.
    nameless : str
        Part of the error about products without a name that can be saved; empty if they have one.
    """

    name: str
    path: str
    page: int
    pages: str
    searches: str
    moments: Tuple[int, ...]
    columns: Mapping[str, str]
    full: int
    opening: int
    reading: int
    part: int
    client: str
    files: str
    address: str
    faults: Mapping[str, Sequence[str]]
    quad: Optional[str]
    thumbnails: Tuple[str, ...]
    link_to_self: str
    products: Tuple[str, ...]
    noun: str
    has_others: bool
    nameless: str

    def spell(self, text: str) -> str:
        """Return a name, a condition or a column of v0 as this API spells it.

        Parameters
        ----------
        text : str
            The text; numbers that it compares the cloud cover with are percent.
        """
        if self.full != 100:
            text = _LIMIT.sub(lambda found: f"{found[1]}{_fraction(found[2]):f}", text)
        for name, own in self.columns.items():
            text = text.replace(name, own)
        return text if self.quad is None else _QUAD.sub(self.quad, text)

    def named(self, text: str) -> str:
        """Return names of collections and products of providers' scenes, as v0 has them, as this API has them.

        Parameters
        ----------
        text : str
            Text with such names.
        """
        return text

    def value(self, column: str, value: Any) -> Any:
        """Return the value of a property of v0 as this API has it.

        Parameters
        ----------
        column : str
            The property in v0.
        value : object
            Its value there.
        """
        if column == _CLOUD and value is not None and self.full != 100:
            return float(_fraction(repr(value)))
        return value

    def has(self, column: str) -> bool:
        """Return whether it has a column of v0, under any name."""
        return True

    def other(self, column: str, value: Any) -> Feature:
        """Return what the column ``other`` has of a property of v0, as in a document of the service."""
        branches = self.spell(column).split(".")
        for branch in reversed(branches):
            value = {branch: value}
        return dict(value)

    def fetched(self, paths: Sequence[str]) -> List[str]:
        """Return the requests that fetch a page of scenes.

        Parameters
        ----------
        paths : sequence of str
            Paths of requests, with queries.
        """
        return [path for path in paths if re.search(self.pages, path)]

    def conditions(self, request: requests.PreparedRequest) -> Dict[str, str]:
        """Return the conditions that a request for a page of scenes sends, as parameters of names have them."""
        return dict(parse_qsl(urlsplit(str(request.url)).query))

    def area(self, request: requests.PreparedRequest) -> Any:
        """Return the area that a request for a page of scenes sends, or None."""
        import shapely

        text = self.conditions(request).get("intersects")
        return text and shapely.from_wkt(text)

    def documents(self, root: str, key: str, scenes: Sequence[Feature]) -> List[Feature]:
        """Return the documents of scenes of v0, as the service at a root writes them."""
        return list(scenes)

    def basemaps(self, root: str, key: str) -> List[Feature]:
        """Return the basemaps of the service at a root as itself writes them."""
        return list(_get(f"{root}mosaics/", key)["mosaics"])

    def quads(self, root: str, key: str, basemap: str) -> List[Feature]:
        """Return the first page of the quads of a basemap as Features, with what the service itself writes of them."""
        return list(_get(f"{root}mosaics/{basemap}/quads/?count=1000", key)["features"])

    def bounds_of(self, basemap: Feature, footprints: Sequence[Any]) -> Tuple[float, ...]:
        """Return the bounds of a basemap, as the service writes it, with the footprints of its quads."""
        import shapely

        return tuple(shapely.MultiPolygon(footprints).bounds)

    def area_of_quads(self, path: str) -> Any:
        """Return the area of a request for quads, of its path with its query."""
        import shapely

        return shapely.from_wkt(parse_qs(urlsplit(path).query)["intersects"][0])

    def counting_fewer(self, count: int, fewer: int) -> Dict[str, Any]:
        """Return the fault that a service counts fewer scenes than it has when a layer is opened."""
        replaced = {f'"count":{count}': f'"count":{fewer}'}
        return {"path": self.searches, "times": self.opening, "replace": replaced}

    def delivered(self, log: str) -> List[Tuple[int, str]]:
        """Return the bytes and the rest of the line of each answer with parts of a file, from a log of accesses."""
        found = re.findall(rf'"GET [^"]*{self.files}[^"]*" 206 (\d+) (.*)', log)
        return [(int(size), rest) for size, rest in found]

    def link_to(self, scene: str, product: str) -> str:
        """Return a pattern of the links of products, for a scene and a product, which may be patterns themselves."""
        return rf"/{scene}/full\?product={product}"

    def scene_of(self, url: str) -> str:
        """Return the id of the scene that a request for a file is for."""
        return url.split("/full")[0].rpartition("/")[2]

    def page_of(self, scenes: Sequence[Feature], count: int, following: Optional[str] = None) -> str:
        """Return the JSON of a page, which also answers the request for a count if that is another one.

        Parameters
        ----------
        scenes : sequence of dict
            Scenes of v0.
        count : int
            Number of scenes that it says.
        following : str, optional
            Link to the next page.
        """
        body = {"type": "FeatureCollection", "features": scenes, "count": count, "links": {"next": following}}
        return json.dumps(body)


class _DataV1(Face):
    def named(self, text: str) -> str:
        for name, own in _PROVIDERS.items():
            text = re.sub(rf"\b{name}\b", own, text)
        return text

    def has(self, column: str) -> bool:
        return "." not in self.spell(column)  # its columns are those that all APIs name

    def conditions(self, request: requests.PreparedRequest) -> Dict[str, str]:
        found: Dict[str, str] = {}
        for part in self._parts(request):
            name, config = part.get("field_name"), part["config"]
            if part["type"] == "StringInFilter":
                (found[str(name)],) = {text.lower() for text in config}  # in all cases that OGR takes for the same
            elif part["type"] == "RangeFilter":
                found.update({f"{name}.{comparator}": f"{value:g}" for comparator, value in config.items()})
        return found

    def area(self, request: requests.PreparedRequest) -> Any:
        import shapely.geometry

        areas = [part["config"] for part in self._parts(request) if part["type"] == "GeometryFilter"]
        return shapely.geometry.shape(areas[0]) if areas else None

    def _parts(self, request: requests.PreparedRequest) -> List[Dict[str, Any]]:
        wanted = json.loads(request.body or b"")["filter"]
        assert wanted["type"] == "AndFilter"
        return list(wanted["config"])

    def documents(self, root: str, key: str, scenes: Sequence[Feature]) -> List[Feature]:
        types = {
            item["id"] for item in requests.get(f"{root}item-types", auth=(key, ""), timeout=30).json()["item_types"]
        }
        wanted = {"type": "StringInFilter", "field_name": "id", "config": [scene["id"] for scene in scenes]}
        body = {"item_types": sorted(types), "filter": wanted}
        answer = requests.post(f"{root}quick-search?_page_size=250", json=body, auth=(key, ""), timeout=30).json()
        assert sorted(item["id"] for item in answer["features"]) == sorted(wanted["config"])
        return list(answer["features"])

    def basemaps(self, root: str, key: str) -> List[Feature]:
        return list(_get(f"{root}../../basemaps/v1/mosaics", key)["mosaics"])

    def quads(self, root: str, key: str, basemap: str) -> List[Feature]:
        url = f"{root}../../basemaps/v1/mosaics/{basemap}/quads?bbox=-180,-85,180,85&_page_size=1000"
        return [self._quad(quad) for quad in _get(url, key)["items"]]

    def _quad(self, quad: Feature) -> Feature:
        west, south, east, north = quad["bbox"]
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        links = {name.lstrip("_").replace("download", "full"): link for name, link in quad["_links"].items()}
        said = {"percent_covered": quad["percent_covered"], "bbox": quad["bbox"], "links": links}
        geometry = {"type": "Polygon", "coordinates": [ring]}
        return {"type": "Feature", "id": quad["id"], "geometry": geometry, "properties": said}

    def bounds_of(self, basemap: Feature, footprints: Sequence[Any]) -> Tuple[float, ...]:
        return tuple(basemap["bbox"])

    def area_of_quads(self, path: str) -> Any:
        import shapely

        return shapely.box(*map(float, parse_qs(urlsplit(path).query)["bbox"][0].split(",")))

    def counting_fewer(self, count: int, fewer: int) -> Dict[str, Any]:
        buckets = [{"start_time": "2015-01-01T00:00:00Z", "count": fewer}]
        body = json.dumps({"buckets": buckets})
        return {"path": "/data/v1/stats", "times": self.opening, "status": 200, "body": body}

    def link_to(self, scene: str, product: str) -> str:
        return rf"/items/{scene}/assets/#{product}"

    def scene_of(self, url: str) -> str:
        token = parse_qs(urlsplit(url).query)["token"][0].split(".")[1]
        return str(json.loads(b64decode(token + "=" * (-len(token) % 4)))["asset"][1])

    def page_of(self, scenes: Sequence[Feature], count: int, following: Optional[str] = None) -> str:
        times = [scene["properties"]["acquired"] for scene in scenes]
        buckets = [{"start_time": times[0], "count": count}] if times else []
        links = {"_next": following} if following else {}
        body = {"type": "FeatureCollection", "features": list(map(self._item, scenes)), "_links": links}
        # Without a scene, a next page contradicts any count.
        return json.dumps({**body, "buckets": buckets} if not following else body)

    def _item(self, scene: Feature) -> Feature:
        said = {self.spell(name): value for name, value in _leaves(scene["properties"])}
        properties = {name: value for name, value in said.items() if "." not in name and name != "strip_id"}
        return {**scene, "properties": {**properties, "item_type": "ortho"}, "_links": {}, "assets": []}


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> List[Tuple[str, Any]]:
    found: List[Tuple[str, Any]] = []
    for name, value in tree.items():
        found += _leaves(value, f"{prefix}{name}.") if isinstance(value, dict) else [(prefix + name, value)]
    return found


def _get(url: str, key: str) -> Any:
    answer = requests.get(url, auth=(key, ""), timeout=30)
    answer.raise_for_status()
    return answer.json()


def _fraction(percent: str) -> Decimal:
    return (Decimal(percent) / 100).normalize()


_PROVIDERS = {
    "ortho": "PSScene",
    "sentinel2": "Sentinel2L2A",
    r"landsat/(?=LC0(\d))": r"Landsat\1L1G/",
    "analytic": "ortho_analytic_4b",
    "visual": "ortho_visual",
    "udm2": "ortho_udm2",
    r"band_(\d)": r"analytic_b\1",
}
"""Collections and products of scenes of providers in v0, and in the Data API (docs/archives.md)."""

V0 = Face(
    name="v0",
    path="/v0/",
    page=1000,
    pages=r"[?&]count=1000\b",
    searches="/v0/scenes/ortho/",
    moments=tuple(range(7)),
    columns={},
    full=100,
    opening=2,
    reading=2 + 4,
    part=1,
    client="planet_vector.catalog.scenes_v0.client",
    files="/full",
    address="{}/full",
    faults={"service": ("*/full",), "store": ("*.tif",)},
    quad=None,
    thumbnails=("png", "jpg", "jpeg"),
    link_to_self="properties.links.self",
    products=("visual", "analytic"),
    noun="scene",
    has_others=False,
    nameless="",
)
DATA_V1 = _DataV1(
    name="data_v1",
    path="/data/v1/",
    page=250,
    pages=r"^/data/v1/(quick-search|searches/\w+/results)\b",
    searches="/data/v1/[qs]*",  # quick-search, its further pages in searches, and stats
    moments=(0, 1, 2, 3, 9, 16, 17),
    columns={
        _CLOUD: "cloud_cover",
        "image_statistics.gsd": "gsd",
        "image_statistics.image_quality": "quality_category",
        "sat.id": "satellite_id",
        "sat.off_nadir": "view_angle",
    },
    full=1,
    opening=1,
    reading=2 + 15,
    part=2,  # their number, too
    client="planet_vector.catalog.data_v1.client",
    files="(?:/data/v1/download|/full)",
    address="items/{}/assets/",
    faults={"service": ("/data/v1/download", "*/full"), "states": ("*/assets/",), "store": ("*.tif",)},
    quad=r"\1-\2",
    thumbnails=("png",),
    link_to_self="_links._self",
    products=("analytic", "visual"),
    noun="item",
    has_others=True,
    nameless="has no name for other programs, as its address is made on request and expires",
)
NO_NAMES = "files of the Data API have no names to save: their addresses are made on request and expire"
NO_INDEX = "a search of the Data API is no tile index: its files have an address only once it is requested"
FACES = (V0, DATA_V1)
over_both = pytest.mark.parametrize("face", FACES, ids=lambda face: face.name, indirect=True)
"""Runs a test over both in the short tier, too."""
