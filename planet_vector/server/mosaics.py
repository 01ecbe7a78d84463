"""Mosaics: many scenes as one picture, cut into quads.

A YAML file defines them::

    - name: bahamas
      title: The Bahamas without clouds
      scene_type: ortho                 # left out: ortho
      product: visual                   # left out: what makes the best picture of each scene
      first: 2015-01-01                 # dates of acquisition, both included; left out: any
      last: 2015-12-31
      filter: {cloud_cover.estimated.lte: 20}
      level: 15                         # left out: 15

Where scenes lie above each other, the least cloudy is seen, and of those the newest.
"""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from planet_vector.errors import ConfigError
from planet_vector.query import format_time, parse_time
from planet_vector.server.footprint import split
from planet_vector.server.index import Index
from planet_vector.server.quads import QUAD_SIZE, Bounds, Quad, quads_of, resolution, to_mercator
from planet_vector.server.refusal import Refusal
from planet_vector.server.search import Search, parse_search

MAX_SCENES = 20_000
"""Scenes of a mosaic: the least that is laid out in memory, all at once."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


@dataclass(frozen=True)
class Member:
    """Hold one scene of a mosaic.

    Attributes
    ----------
    footprint : shapely geometry
        In web mercator.
    updated : str
        When it was published, else acquired, as the API writes times.
    """

    scene_id: str
    products: Mapping[str, str]
    footprint: BaseGeometry
    acquired: str
    updated: str
    cloud: float


@dataclass(frozen=True)
class Layout:
    """Hold what a mosaic is made of, the scenes that are seen first in front."""

    members: Sequence[Member]
    quads: Mapping[Quad, Sequence[Member]]

    def within(self, bounds: Bounds) -> List[Member]:
        """Return the scenes that share ground with a box in web mercator."""
        box = shapely.box(*bounds)
        return [member for member in self.members if member.footprint.intersects(box)]


@dataclass
class Mosaic:
    """Hold a mosaic as it is defined."""

    name: str
    title: str
    search: Search
    product: Optional[str] = None
    level: int = 15
    _layout: Optional[Tuple[int, Layout]] = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def layout(self, index: Index) -> Layout:
        """Return the scenes and quads of the mosaic, as they are in the index now."""
        with self._lock:
            version = index.version()
            if self._layout is None or self._layout[0] != version:
                self._layout = version, self._lay_out(index)
            return self._layout[1]

    def describe(self, index: Index, base: str) -> Dict[str, Any]:
        """Return the mosaic as the API gives it."""
        members = self.layout(index).members
        times = sorted(member.acquired for member in members)
        address = f"{base}/v0/mosaics/{self.name}"
        return {
            "coordinate_system": "EPSG:3857",
            "datatype": "byte",
            "first_acquired": times[0] if times else None,
            "last_acquired": times[-1] if times else None,
            "level": self.level,
            "links": {
                "quadmap": f"{address}/quad-map.png",
                "quads": f"{address}/quads/",
                "self": address,
                "tiles": f"{base}/tiles{{0-3}}/v0/mosaics/{self.name}/{{z}}/{{x}}/{{y}}.png",
            },
            "name": self.name,
            "quad_pattern": "L{glevel:d}-{tilex:04d}E-{tiley:04d}N",
            "quad_size": QUAD_SIZE,
            "resolution": resolution(self.level),
            "title": self.title,
        }

    def describe_quad(self, quad: Quad, members: Sequence[Member], base: str) -> Dict[str, Any]:
        """Return a quad as the API gives it."""
        west, south, east, north = (round(value, 10) for value in quad.lonlat)
        address = f"{base}/v0/mosaics/{self.name}"
        frame = shapely.box(*quad.bounds)
        covered = shapely.union_all([member.footprint.intersection(frame) for member in members]).area / frame.area
        ring = [[west, north], [west, south], [east, south], [east, north], [west, north]]
        return {
            "geometry": {"type": "Polygon", "coordinates": [ring]},
            "type": "Feature",
            "id": quad.id,
            "properties": {
                "updated": max(member.updated for member in members),
                "num_input_scenes": len(members),
                "links": {
                    "self": f"{address}/quads/{quad.id}",
                    "full": f"{address}/quads/{quad.id}/full",
                    "thumbnail": f"{address}/quads/{quad.id}/thumb",
                    "mosaic": address,
                    "scenes": f"{address}/quads/{quad.id}/scenes/",
                },
                "percent_covered": round(100 * min(covered, 1.0), 2),
            },
        }

    def products_of(self, member: Member) -> Mapping[str, str]:
        """Return the products of a scene that the mosaic may show."""
        return member.products if self.product is None else {self.product: member.products[self.product]}

    def _lay_out(self, index: Index) -> Layout:
        members: List[Member] = []
        for scene_id, text, products in index.matching(self.search, MAX_SCENES):
            feature = json.loads(text, strict=False)
            wanted = self.product in products if self.product else bool(products)
            if not wanted or feature.get("geometry") is None:
                continue
            properties = feature["properties"]
            acquired = properties["acquired"]
            cloud = properties.get("cloud_cover")
            estimated = cloud.get("estimated") if isinstance(cloud, dict) else None
            members.append(
                Member(
                    scene_id,
                    products,
                    shapely.make_valid(to_mercator(split(shape(feature["geometry"])))),
                    format_time(parse_time(acquired)),
                    _updated(properties, acquired),
                    float(estimated) if isinstance(estimated, (int, float)) else 0.0,
                )
            )
        # The search gives the newest first, and sorting keeps that order among equals.
        members.sort(key=lambda member: member.cloud)
        quads: Dict[Quad, List[Member]] = {}
        for member in members:
            for quad in quads_of(member.footprint, self.level):
                quads.setdefault(quad, []).append(member)
        return Layout(members, quads)


def load_mosaics(file: Optional[Path]) -> Dict[str, Mosaic]:
    """Return the mosaics of a file, by name.

    Raises
    ------
    ConfigError
        When the file cannot be used.
    """
    import yaml

    if file is None:
        return {}
    try:
        entries = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(
            f"The file of mosaics {file} cannot be read ({' '.join(str(error).split())[:200]})."
        ) from None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ConfigError(f"The file of mosaics {file} holds no list of mosaics.")
    mosaics: Dict[str, Mosaic] = {}
    for entry in entries:
        mosaic = _mosaic(file, entry)
        if mosaics.setdefault(mosaic.name, mosaic) is not mosaic:
            raise ConfigError(f"The file of mosaics {file}: there are two of the name {mosaic.name}.")
    return mosaics


def _mosaic(file: Path, entry: Mapping[str, Any]) -> Mosaic:
    name = entry.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigError(f"The file of mosaics {file}: a name has letters, digits, - and _, not {name!r}.")
    unknown = set(entry) - {"name", "title", "scene_type", "product", "first", "last", "filter", "level"}
    if unknown:
        raise ConfigError(
            f"The file of mosaics {file}: {name} has {sorted(map(str, unknown))[0]!r}, which is nothing of a mosaic."
        )
    level = entry.get("level", 15)
    if not isinstance(level, int) or not 4 <= level <= 22:
        raise ConfigError(f"The file of mosaics {file}: the level of {name} is a whole number from 4 to 22.")
    given = entry.get("filter") or {}
    if not isinstance(given, dict):
        raise ConfigError(f"The file of mosaics {file}: the filter of {name} is a mapping of fields to values.")
    parameters = [(str(key), str(value)) for key, value in given.items()]
    try:
        first = parse_time(str(entry["first"])) if entry.get("first") else None
        after = _after(entry["last"]) if entry.get("last") else None
        if first and after and first >= after:
            raise ConfigError(f"The file of mosaics {file}: the first day of {name} is after its last.")
        if first:
            parameters.append(("acquired.gte", format_time(first)))
        if after:
            parameters.append(("acquired.lt", format_time(after)))
        search = parse_search(str(entry.get("scene_type", "ortho")), parameters)
    except (Refusal, ValueError) as error:
        raise ConfigError(f"The file of mosaics {file}: {name}: {error}") from None
    product = entry.get("product")
    return Mosaic(name, str(entry.get("title", name)), search, None if product is None else str(product), level)


def _after(last: Any) -> datetime:
    """Return the moment after a last date, or after a last time."""
    if isinstance(last, date) and not isinstance(last, datetime):
        return parse_time(last.isoformat()) + timedelta(days=1)
    return parse_time(str(last)) + timedelta(microseconds=1)


def _updated(properties: Mapping[str, Any], acquired: str) -> str:
    published = properties.get("published")
    try:
        return format_time(parse_time(published if isinstance(published, str) else acquired))
    except ValueError:
        return format_time(parse_time(acquired))
