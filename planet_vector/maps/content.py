"""Content of a map: the scenes and basemaps of names, and their layout in longitude."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

from planet_vector.catalog import Catalog, catalog_of
from planet_vector.catalog.basemaps import Basemap, few_quads, quad_bounds
from planet_vector.catalog.protocol import expanded
from planet_vector.config import Settings
from planet_vector.connection_lookup import name_at
from planet_vector.errors import NameSyntaxError, ProtocolError, QueryError
from planet_vector.geometry.boxes import Box, around_polygons
from planet_vector.geometry.ground import area_asked_for, holds_ground
from planet_vector.geometry.shapes import Polygon
from planet_vector.geometry.web_mercator import to_degrees
from planet_vector.names import BASEMAPS, Name, parse_name, shown
from planet_vector.scene import Scene
from planet_vector.vector.search import search
from planet_vector.vector.search_view import Search

MOST_SCENES = 5000
"""Most scenes of one map: a browser draws so many footprints within a second or two, from some 5 MB of page."""

_DIGITS = 7  # decimals of a degree: a centimetre


@dataclass(frozen=True)
class Content:
    """Content of a map.

    Attributes
    ----------
    catalog : Catalog
        The service.
    names : sequence of str
        The names of the map.
    scenes : sequence of Scene
        Distinct scenes, the newest first; those without a time last.
    footprints : sequence of list of Polygon
        The footprint of each scene, in continuous longitudes: a footprint across the antimeridian is in one piece, and
        scenes on both sides of it lie side by side.
    basemaps : sequence of (Basemap, bounds)
        Each with west, south, east, north in degrees, or None if the bounds would take many requests.
    areas : sequence of mapping
        The areas of the searches as GeoJSON geometries, in the same longitudes as the footprints.
    """

    catalog: Catalog
    names: Sequence[str]
    scenes: Sequence[Scene]
    footprints: Sequence[List[Polygon]]
    basemaps: Sequence[Tuple[Basemap, Optional[Tuple[float, float, float, float]]]]
    areas: Sequence[Mapping[str, object]] = ()

    @cached_property
    def service_name(self) -> Name:
        """The name of the service, for names of its parts that open anywhere."""
        return name_at(self.catalog.settings.api_url, "")


def gather(names: Iterable[Union[str, Search]], connection: Optional[str] = None, key: Optional[str] = None) -> Content:
    """Fetch the scenes and basemaps of names.

    Parameters
    ----------
    names : iterable of str or Search
        Names of searches (``PLANET:ortho?…``), scenes and basemaps (``PLANET:basemaps/NAME``) of one service; or
        searches.
    connection, key : str, optional
        As for `planet_vector.connect`.

    Returns
    -------
    Content
        The scenes and basemaps.

    Raises
    ------
    NameSyntaxError
        If a name is invalid, or the names are of several services.
    QueryError
        If they have more than `MOST_SCENES` scenes.
    ServiceError
        If a request fails.
    """
    given = list(names)
    if not given:
        raise NameSyntaxError("There is nothing to show: give the name of a search, a scene or a basemap.")
    parsed = [name if isinstance(name, Search) else parse_name(name) for name in given]
    settings = [
        name.catalog.settings if isinstance(name, Search) else Settings.load(connection or name.service, key)
        for name in parsed
    ]
    if len({one.api_url for one in settings}) > 1:
        raise NameSyntaxError("The names are of several services: make a map of each.")
    catalog = catalog_of(settings[0])
    found: Dict[Tuple[str, str], Scene] = {}
    basemaps: Dict[str, Basemap] = {}
    areas: Dict[str, Union[Box, str]] = {}
    for name in parsed:
        if isinstance(name, Name) and name.is_basemap:
            basemaps.update((one, catalog.basemaps.named(one)) for one in _basemap_names(catalog, name))
            continue
        for sought in [name] if isinstance(name, Search) else _searches(catalog, name, key):
            if sought.query.area is not None:
                areas[str(sought.query.area)] = sought.query.area
            for scene in islice(sought, MOST_SCENES + 1):
                found[scene.scene_type, scene.id] = scene
            if len(found) > MOST_SCENES:
                raise QueryError(
                    f"A map shows at most {MOST_SCENES:,} scenes, but there are more: narrow the search, "
                    "or add limit=N to its name."
                )
    scenes = sorted(found.values(), key=lambda scene: (time_of(scene) or -math.inf, scene.id), reverse=True)
    footprints = [scene.polygons for scene in scenes]
    cut = _cut_of(footprints)
    return Content(
        catalog,
        [_name_of(name) if isinstance(name, Search) else name for name in given],
        scenes,
        _side_by_side(footprints),
        [(basemap, _bounds(catalog, basemap)) for basemap in basemaps.values()],
        [part for area in areas.values() for part in _area_parts(area, cut)],
    )


def _name_of(found: Search) -> str:
    query = found.query
    limit = () if query.limit is None else (("limit", str(query.limit)),)
    return str(Name(query.scene_type, parameters=(*query.parameters, *limit)))


def _searches(catalog: Catalog, name: Name, key: Optional[str]) -> List[Search]:
    """Return the searches of a name: one of each scene type that it stands for."""
    if name.collection:
        names = [one for _, one in expanded(catalog, name)]
    else:
        names = [Name(collection, parameters=name.parameters) for collection in catalog.scene_types()]
    return [search(str(one), connection=catalog.settings.api_url, key=key) for one in names]


def time_of(scene: Scene) -> Optional[float]:
    """Return the time of acquisition in seconds since 1970, or None if it is missing or invalid.

    Parameters
    ----------
    scene : Scene
        The scene.
    """
    try:
        return scene.acquired.timestamp()
    except (ProtocolError, OverflowError):
        return None


def _basemap_names(catalog: Catalog, name: Name) -> List[str]:
    if name.part:
        raise NameSyntaxError(
            f"{shown(str(name))} names a quad: a map shows its basemap, PLANET:{BASEMAPS}/{name.item}."
        )
    return [name.item] if name.item else [str(basemap["name"]) for basemap in catalog.basemaps.list()]


def _bounds(catalog: Catalog, basemap: Basemap) -> Optional[Tuple[float, float, float, float]]:
    quads = few_quads(catalog.basemaps, basemap)
    if not quads:
        return None
    # Squares in the place of footprints suffice for the layout.
    squares: List[List[Polygon]] = []
    for quad in quads:
        west, south, east, north = quad_bounds(basemap, quad.id)
        (w, s), (e, n) = to_degrees(west, south), to_degrees(east, north)
        squares.append([[[(w, s), (e, s), (e, n), (w, n), (w, s)]]])
    return around_polygons([polygon for parts in _side_by_side(squares) for polygon in parts])


def _side_by_side(footprints: Sequence[List[Polygon]]) -> List[List[Polygon]]:
    """Shift polygons by 360 degrees so that they lie together, and join those that were cut at the antimeridian.

    The map is cut in the middle of the widest gap of longitudes without a footprint, so that it is as narrow as
    possible. If that gap contains the antimeridian, nothing is shifted.
    """
    cut = _cut_of(footprints)
    return [_closed([_moved(polygon, cut) for polygon in parts]) for parts in footprints]


def _cut_of(footprints: Sequence[List[Polygon]]) -> float:
    """Return the longitude at which the map is cut: footprints that end west of it are shifted by 360 degrees."""
    spans = sorted(
        (min(x for x, _ in polygon[0]), max(x for x, _ in polygon[0])) for parts in footprints for polygon in parts
    )
    if not spans:
        return -180.0
    cut, widest, reach = -180.0, spans[0][0] + 360 - max(east for _, east in spans), spans[0][1]
    for west, east in spans:
        if west - reach > widest:
            cut, widest = (reach + west) / 2, west - reach
        reach = max(reach, east)
    return cut


def _area_parts(area: Union[Box, str], cut: float) -> List[Mapping[str, object]]:
    """Return an area as GeoJSON geometries, in one piece where footprints are."""
    import shapely

    geometry = area_asked_for(area)
    parts = [
        shapely.transform(part, lambda positions: positions + [360, 0]) if part.bounds[2] <= cut else part
        for part in shapely.get_parts([geometry])
    ]
    if holds_ground(geometry):
        parts = list(shapely.get_parts(shapely.union_all(parts)))
    return [shapely.set_precision(part, 10.0**-_DIGITS, mode="pointwise").__geo_interface__ for part in parts]


def _moved(polygon: Polygon, cut: float) -> Polygon:
    turn = 360.0 if max(x for x, _ in polygon[0]) <= cut else 0.0
    return [[(round(x + turn, _DIGITS), round(y, _DIGITS)) for x, y in ring] for ring in polygon]


def _closed(parts: List[Polygon]) -> List[Polygon]:
    """Join the parts of a footprint where they share an edge."""
    if len(parts) < 2:
        return parts
    import shapely
    from shapely.geometry import Polygon as Shape

    try:
        joined = shapely.union_all(shapely.make_valid([Shape(rings[0], rings[1:]) for rings in parts]))
    except shapely.errors.ShapelyError as error:
        raise ProtocolError(f"The service returned a footprint that cannot be drawn: {error}.") from None
    surfaces = [part for part in shapely.get_parts(joined) if part.geom_type == "Polygon"]
    return [[list(ring.coords) for ring in (part.exterior, *part.interiors)] for part in surfaces]
