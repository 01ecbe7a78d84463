"""Basemaps and scene types as sources of map tiles."""

from __future__ import annotations

import math
from typing import List, Mapping, Optional

from planet_vector.collection_schema import flatten
from planet_vector.geometry.web_mercator import HALF_WORLD, TILE
from planet_vector.server.api.basemap_definitions import MAX_SCENES
from planet_vector.server.api.permissions import Permission
from planet_vector.server.api.service import Service
from planet_vector.server.api.visible_basemaps import VisibleBasemap
from planet_vector.server.http_errors import HttpError
from planet_vector.server.imagery.kept_pictures import MAX_ZOOM

SAMPLES = 20
"""Number of scenes of a type whose ground sample distances decide on its largest zoom."""

USUAL_ZOOM = 18
"""Largest zoom of scenes whose ground sample distance is not known: 0.6 m at the equator."""


def tiled(service: Service, permission: Permission) -> List[VisibleBasemap]:
    """Return the basemaps that a key permits, then its scene types as basemaps of all their scenes.

    Parameters
    ----------
    service : Service
        The service.
    permission : Permission
        Permission of the key.

    Returns
    -------
    list of VisibleBasemap
        Without types of more than `MAX_SCENES` scenes, and types that have the name of a basemap among these.
    """
    found = [basemap for basemap in service.basemaps.values() if basemap.is_visible(permission)]
    names = {basemap.name for basemap in found}
    types = [
        service.type_basemap(scene_type)
        for scene_type, scenes in service.index.totals().items()
        if scene_type not in names and scenes <= MAX_SCENES
    ]
    found += [basemap for basemap in types if basemap.is_visible(permission)]
    return [VisibleBasemap(service, basemap, permission) for basemap in found]


def find_tiled(service: Service, permission: Permission, name: str) -> VisibleBasemap:
    """Return the basemap, or the scene type as a basemap, of a name.

    Parameters
    ----------
    service : Service
        The service.
    permission : Permission
        Permission of the key.
    name : str
        Name of the basemap or the scene type.

    Raises
    ------
    HttpError
        404, if there is none that the key permits.
    """
    for seen in tiled(service, permission):
        if seen.basemap.name == name:
            return seen
    raise HttpError(404, f"There are no tiles of {name[:80]!r}.")


def largest_zoom(seen: VisibleBasemap) -> int:
    """Return the zoom at which tiles have about the resolution of the scenes: the level of a basemap.

    Parameters
    ----------
    seen : VisibleBasemap
        The basemap, or a scene type as one.
    """
    service, scene_type = seen.service, seen.basemap.search.scene_type
    if service.basemaps.get(seen.basemap.name) is seen.basemap:
        return seen.basemap.level
    scenes = [scene for _, samples in service.items.collections(frozenset([scene_type]), SAMPLES) for scene in samples]
    zooms = [zoom_of(scene.feature["properties"]) for scene in scenes]  # type: ignore[arg-type]
    return max(zooms, default=USUAL_ZOOM)


def zoom_of(properties: Mapping[str, object]) -> int:
    """Return the zoom at which pixels of tiles at the equator are not larger than those of a scene.

    Parameters
    ----------
    properties : mapping
        Properties of the scene in v0.
    """
    found: Optional[object] = dict(flatten(properties)).get("image_statistics.gsd")
    if not isinstance(found, (int, float)) or not 0 < found < math.inf:
        return USUAL_ZOOM
    return min(max(math.ceil(math.log2(2 * HALF_WORLD / TILE / found)), 0), MAX_ZOOM)
