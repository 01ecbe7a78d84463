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

import json
import re
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Tuple

import shapely

from planet_vector.errors import ConfigError
from planet_vector.geometry.wrapping import footprint_of
from planet_vector.server.api.basemap_layouts import BasemapLayout, Member
from planet_vector.server.api.permissions import Permission
from planet_vector.server.http_errors import HttpError
from planet_vector.server.index.database import Index
from planet_vector.server.index.scene_search import SceneSearch, parse_search
from planet_vector.server.patience import Patience, held
from planet_vector.server.quad_grid import to_mercator
from planet_vector.times import format_time, parse_time

MAX_SCENES = 20_000
"""Maximum scenes of a basemap, all of which are held in memory."""

MAX_PERMISSIONS = 8
"""Maximum number of product sets, one per kind of key, for which a basemap's layout is cached."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


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
        with held(self._lock, patience):
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
