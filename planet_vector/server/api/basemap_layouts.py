"""Basemaps: mosaics of scenes, divided into quads.

A YAML file defines them::

    - name: bahamas
      title: The Bahamas without clouds
      scene_type: ortho                 # default: ortho
      product: visual                   # default: the best product for a picture of each scene
      first: 2015-01-01                 # dates of acquisition, both included; default: any
      last: 2015-12-31
      filter: {cloud_cover.estimated.lte: 20}
      level: 15                         # default: 15

Where scenes overlap, the least cloudy one is on top, and of equally cloudy ones the newest.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Dict, FrozenSet, Iterator, List, Mapping, Optional, Sequence, Tuple

import shapely
from shapely.geometry.base import BaseGeometry

from planet_vector.errors import ConfigError
from planet_vector.geometry.wrapping import footprint_of
from planet_vector.server.api.permissions import Permission
from planet_vector.server.http_errors import HttpError
from planet_vector.server.index.database import Index
from planet_vector.server.index.scene_search import SceneSearch, parse_search
from planet_vector.server.patience import Patience
from planet_vector.server.quad_grid import QUAD_SIZE, Bounds, Quad, quads_at_most, quads_of, resolution, to_mercator
from planet_vector.times import format_time, parse_time

MAX_SCENES = 20_000
"""Maximum scenes of a basemap, all of which are held in memory."""

MAX_QUADS = 500_000
"""Maximum quads of a basemap, summed over its scenes: about 10 s of work and 100 MB."""

MAX_PERMISSIONS = 8
"""Maximum number of product sets, one per kind of key, for which a basemap's layout is cached."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


@dataclass(frozen=True)
class Member:
    """Scene of a basemap.

    Attributes
    ----------
    scene_id : str
        Id of the scene.
    products : mapping of str to str
        Files of the products that may be shown, by product.
    footprint : shapely geometry
        Footprint in metres of web mercator.
    acquired : str
        Time of acquisition, in the format of the API.
    updated : str
        Time of publication if known, else of acquisition, in the format of the API.
    cloud : float
        Estimated cloud cover in percent; 0 if unknown.
    """

    scene_id: str
    products: Mapping[str, str]
    footprint: BaseGeometry
    acquired: str
    updated: str
    cloud: float


class BasemapLayout:
    """Scenes and quads of a basemap; scenes are ordered from top to bottom.

    Parameters
    ----------
    members : sequence of Member
        The scenes.
    level : int
        Level of the quad grid.
    quads : mapping of Quad to sequence of Member, optional
        Scenes of each quad, if known. Otherwise they are computed on first use.
    """

    def __init__(
        self, members: Sequence[Member], level: int, quads: Optional[Mapping[Quad, Sequence[Member]]] = None
    ) -> None:
        self.members = members
        self._level = level
        self._quads = quads
        self._lock = threading.Lock()
        self._tree: Optional[shapely.STRtree] = None
        self._tree_lock = threading.Lock()  # separate, because `_lock` is held while quads are computed

    def quads(self, patience: Optional[Patience] = None) -> Mapping[Quad, Sequence[Member]]:
        """Return the scenes of each quad, from top to bottom.

        Parameters
        ----------
        patience : Patience, optional
            Time limit and cancellation.

        Raises
        ------
        HttpError
            422 if there are more than `MAX_QUADS`, 503 if the time is used up.
        ClientGone
            If the client has disconnected.
        """
        with _held(self._lock, patience):
            if self._quads is None:
                self._quads = self._cut(patience)
            return self._quads

    def within(self, bounds: Bounds) -> List[Member]:
        """Return the scenes that intersect a bounding box, from top to bottom.

        Parameters
        ----------
        bounds : tuple of float
            West, south, east, north in metres of web mercator.
        """
        with self._tree_lock:
            if self._tree is None:
                self._tree = shapely.STRtree([member.footprint for member in self.members])
        found = self._tree.query(shapely.box(*bounds), predicate="intersects")
        return [self.members[number] for number in sorted(found.tolist())]

    def of(self, products: FrozenSet[str]) -> BasemapLayout:
        """Return the layout restricted to some products; scenes without any of them are left out.

        Parameters
        ----------
        products : frozenset of str
            Products that may be shown.
        """
        left: Dict[str, Member] = {}
        for member in self.members:
            shown = {name: place for name, place in member.products.items() if name in products}
            if shown:
                left[member.scene_id] = replace(member, products=shown)
        with self._lock:
            known = self._quads
        quads: Optional[Dict[Quad, List[Member]]] = None
        if known is not None:
            cut = {quad: [left[m.scene_id] for m in members if m.scene_id in left] for quad, members in known.items()}
            quads = {quad: members for quad, members in cut.items() if members}
        return BasemapLayout(list(left.values()), self._level, quads)

    def _cut(self, patience: Optional[Patience]) -> Dict[Quad, List[Member]]:
        quads: Dict[Quad, List[Member]] = {}
        tried = 0
        for member in self.members:
            tried += quads_at_most(member.footprint, self._level)
            if tried > MAX_QUADS:
                raise HttpError(
                    422,
                    f"The basemap would have more than {MAX_QUADS} quads of scenes: its definition needs a lower level "
                    f"than {self._level}, or fewer scenes.",
                )
        for member in self.members:
            for number, quad in enumerate(quads_of(member.footprint, self._level)):
                quads.setdefault(quad, []).append(member)
                if patience is not None and not number % 200:
                    patience.check()
        return quads


@dataclass
class BasemapDefinition:
    """Definition of a basemap, with its cached layouts.

    Attributes
    ----------
    name : str
        Name in addresses.
    title : str
        Title for people.
    search : SceneSearch
        Search that finds the scenes.
    product : str, optional
        Product to show; None for the best product of each scene.
    level : int
        Level of the quad grid.
    """

    name: str
    title: str
    search: SceneSearch
    product: Optional[str] = None
    level: int = 15
    _layout: Optional[Tuple[int, BasemapLayout]] = field(default=None, repr=False)
    _parts: OrderedDict[FrozenSet[str], BasemapLayout] = field(default_factory=OrderedDict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def is_visible(self, permission: Permission) -> bool:
        """Return whether a key permits the scene type of the basemap, and its product if it has one.

        Parameters
        ----------
        permission : Permission
            Permission of the key.
        """
        types = permission.scene_types
        return (types is None or self.search.scene_type in types) and (
            self.product is None or permission.allows(self.product)
        )

    def layout(self, index: Index, permission: Permission, patience: Optional[Patience] = None) -> BasemapLayout:
        """Return the layout of the scenes that a key permits, in the current state of the index.

        Parameters
        ----------
        index : Index
            Index of the scenes.
        permission : Permission
            Permission of the key.
        patience : Patience, optional
            Time limit and cancellation.

        Raises
        ------
        HttpError
            If there are more than `MAX_SCENES` scenes, or the time is used up.
        ClientGone
            If the client has disconnected.
        """
        with _held(self._lock, patience):
            version = index.version()
            if self._layout is None or self._layout[0] != version:
                self._layout = version, BasemapLayout(self._find(index, patience), self.level)
                self._parts.clear()
            whole = self._layout[1]
            if permission.products is None or self.product is not None:
                return whole
            part = self._parts.pop(permission.products, None) or whole.of(permission.products)
            self._parts[permission.products] = part  # at the end: most recently used
            if len(self._parts) > MAX_PERMISSIONS:
                self._parts.popitem(last=False)
            return part

    def describe(self, layout: BasemapLayout, base: str) -> Dict[str, Any]:
        """Return the JSON object of the basemap.

        Parameters
        ----------
        layout : BasemapLayout
            Layout for the requesting key.
        base : str
            Root address of the service, for links.
        """
        members = layout.members
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
        """Return the GeoJSON Feature of a quad.

        Parameters
        ----------
        quad : Quad
            The quad.
        members : sequence of Member
            Its scenes; at least one.
        base : str
            Root address of the service, for links.
        """
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

    def _find(self, index: Index, patience: Optional[Patience]) -> List[Member]:
        """Return the scenes of the basemap, from top to bottom."""
        members: List[Member] = []
        for number, (scene_id, text, products) in enumerate(index.matching(self.search, MAX_SCENES, patience)):
            if patience is not None and not number % 100:
                patience.check()
            shown = products if self.product is None else {n: p for n, p in products.items() if n == self.product}
            feature = json.loads(text, strict=False)
            if not shown or feature.get("geometry") is None:
                continue
            properties = feature["properties"]
            acquired = properties["acquired"]
            cloud = properties.get("cloud_cover")
            estimated = cloud.get("estimated") if isinstance(cloud, dict) else None
            members.append(
                Member(
                    scene_id,
                    shown,
                    shapely.make_valid(to_mercator(footprint_of(feature["geometry"]))),
                    format_time(parse_time(acquired)),
                    _updated(properties, acquired),
                    float(estimated) if isinstance(estimated, (int, float)) else 0.0,
                )
            )
        # The search returns the newest first, and the stable sort keeps that order among equals.
        members.sort(key=lambda member: member.cloud)
        return members


@contextlib.contextmanager
def _held(lock: threading.Lock, patience: Optional[Patience]) -> Iterator[None]:
    """Hold a lock in the block; while waiting for it, check the patience."""
    while not lock.acquire(timeout=0.05):
        if patience is not None:
            patience.check()
    try:
        yield
    finally:
        lock.release()


def load_basemaps(file: Optional[Path]) -> Dict[str, BasemapDefinition]:
    """Return the basemaps defined in a file, by name.

    Parameters
    ----------
    file : Path or None
        YAML file; None for no basemaps.

    Raises
    ------
    ConfigError
        If the file cannot be read or has an invalid definition.
    """
    import yaml

    if file is None:
        return {}
    try:
        entries = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(
            f"The file of basemaps {file} cannot be read ({' '.join(str(error).split())[:200]})."
        ) from None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ConfigError(f"The file of basemaps {file} does not contain a list of basemaps.")
    basemaps: Dict[str, BasemapDefinition] = {}
    for entry in entries:
        basemap = _basemap(file, entry)
        if basemaps.setdefault(basemap.name, basemap) is not basemap:
            raise ConfigError(f"The file of basemaps {file} has two basemaps of the name {basemap.name}.")
    return basemaps


def _basemap(file: Path, entry: Mapping[str, Any]) -> BasemapDefinition:
    name = entry.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigError(f"The file of basemaps {file}: a name consists of letters, digits, - and _, not {name!r}.")
    unknown = set(entry) - {"name", "title", "scene_type", "product", "first", "last", "filter", "level"}
    if unknown:
        raise ConfigError(f"The file of basemaps {file}: {name} has an unknown key {sorted(map(str, unknown))[0]!r}.")
    level = entry.get("level", 15)
    if not isinstance(level, int) or not 4 <= level <= 22:
        raise ConfigError(f"The file of basemaps {file}: the level of {name} must be a whole number from 4 to 22.")
    given = entry.get("filter") or {}
    if not isinstance(given, dict):
        raise ConfigError(f"The file of basemaps {file}: the filter of {name} must be a mapping of fields to values.")
    parameters = [(str(key), str(value)) for key, value in given.items()]
    try:
        first = parse_time(str(entry["first"])) if entry.get("first") else None
        after = _after(entry["last"]) if entry.get("last") else None
        if first and after and first >= after:
            raise ConfigError(f"The file of basemaps {file}: the first day of {name} is after its last.")
        if first:
            parameters.append(("acquired.gte", format_time(first)))
        if after:
            parameters.append(("acquired.lt", format_time(after)))
        search = parse_search(str(entry.get("scene_type", "ortho")), parameters)
    except (HttpError, ValueError) as error:
        raise ConfigError(f"The file of basemaps {file}: {name}: {error}") from None
    product = entry.get("product")
    return BasemapDefinition(
        name, str(entry.get("title", name)), search, None if product is None else str(product), level
    )


def _after(last: Any) -> datetime:
    """Return the exclusive end of a time window: the day after a last date, or 1 µs after a last time."""
    if isinstance(last, date) and not isinstance(last, datetime):
        return parse_time(last.isoformat()) + timedelta(days=1)
    return parse_time(str(last)) + timedelta(microseconds=1)


def _updated(properties: Mapping[str, Any], acquired: str) -> str:
    published = properties.get("published")
    try:
        return format_time(parse_time(published if isinstance(published, str) else acquired))
    except ValueError:
        return format_time(parse_time(acquired))
