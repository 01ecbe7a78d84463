"""Points and polygons with ids, in longitude and latitude."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

import shapely
import shapely.geometry

from planet_vector.errors import QueryError
from planet_vector.geometry.antimeridian import wrapped_longitude
from planet_vector.geometry.boxes import Box
from planet_vector.geometry.ground import area_asked_for, holds_ground

if TYPE_CHECKING:
    import geopandas

    Given = Union[
        str, shapely.Geometry, geopandas.GeoDataFrame, geopandas.GeoSeries, Mapping[str, object], Iterable[object]
    ]

_MARGIN = 1e-6  # degrees, 10 cm: a box around a single point needs some extent
_TAKES = "points and polygons in longitude and latitude: shapes, pairs of numbers, GeoJSON, WKT or a GeoDataFrame"


class Place(NamedTuple):
    """Point or polygon with an id.

    Attributes
    ----------
    id : str
        Its id, unique among the places.
    geometry : shapely.Geometry
        A Point or MultiPolygon in longitude and latitude, degrees, within ±180°.
    """

    id: str
    geometry: shapely.Geometry

    @property
    def is_point(self) -> bool:
        """Whether it is a point."""
        return bool(self.geometry.geom_type == "Point")


def places_of(given: Given, id_property: Optional[str] = None) -> List[Place]:
    """Return points and polygons with their ids.

    Parameters
    ----------
    given : GeoDataFrame, GeoSeries, shapely geometry, mapping, str, or iterable of these
        Places in longitude and latitude, degrees; a GeoDataFrame or GeoSeries in any coordinate system that it states.
        A pair of numbers is a point. GeoJSON may be a mapping or text; text may also be WKT.
    id_property : str, optional
        Column of a GeoDataFrame, or property of GeoJSON Features, with the ids. By default the ids are the index, the
        keys of a mapping of places, or the ids of Features; places without one are numbered from 1.

    Returns
    -------
    list of Place
        In the order given.

    Raises
    ------
    QueryError
        If there are no places, one is neither a point nor a polygon, or two have the same id.
    """
    found = []
    for number, (name, geometry) in enumerate(_pairs(given, id_property), 1):
        label = str(number) if name is None else str(name)
        found.append(Place(label, _checked(geometry, label)))
    if not found:
        raise QueryError(f"There are no places: give {_TAKES}.")
    names = [place.id for place in found]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise QueryError(f"Two places have the id {twice!r}: their ids must differ.")
    return found


def box_around(places: Sequence[Place]) -> Box:
    """Return a box that contains all places.

    Parameters
    ----------
    places : sequence of Place
        The places.
    """
    sides = [side for place in places for side in sides_of(place)]
    west, south, east, north = shapely.total_bounds(sides).tolist()
    return Box(
        max(-180.0, west - _MARGIN), max(-90.0, south - _MARGIN), min(180.0, east + _MARGIN), min(90.0, north + _MARGIN)
    )


def sides_of(place: Place) -> List[shapely.Geometry]:
    """Return the geometry of a place; for a point on the antimeridian at 180° and at -180°.

    Parameters
    ----------
    place : Place
        The place.
    """
    if place.is_point and abs(place.geometry.x) == 180:
        return [shapely.Point(longitude, place.geometry.y) for longitude in (-180.0, 180.0)]
    return [place.geometry]


def _pairs(given: Given, id_property: Optional[str]) -> Iterator[Tuple[object, object]]:
    """Yield the ids, None if there is none, and the geometries."""
    if hasattr(given, "to_crs") and hasattr(given, "geometry"):
        yield from _of_frame(given, id_property)
        return
    if isinstance(given, str):
        given = _parsed(given)
    if isinstance(given, shapely.Geometry) or _is_pair(given):
        yield None, given
    elif isinstance(given, Mapping):
        yield from _of_mapping(given, id_property)
    elif isinstance(given, Iterable):
        for each in given:
            if _is_pair(each):
                yield None, each
            else:
                yield from _pairs(each, id_property)
    else:
        document = getattr(given, "__geo_interface__", None)
        if not isinstance(document, Mapping):
            raise QueryError(f"A value of type {type(given).__name__} is no place: give {_TAKES}.")
        yield from _of_mapping(document, id_property)


def _of_frame(frame: geopandas.GeoDataFrame, id_property: Optional[str]) -> Iterator[Tuple[object, object]]:
    if frame.crs is None:
        raise QueryError("The GeoDataFrame of the places has no coordinate system: set it by set_crs.")
    if id_property is not None and id_property not in getattr(frame, "columns", ()):
        raise QueryError(f"The places have no column {id_property!r}.")
    names = frame.index if id_property is None else frame[id_property]
    yield from zip(names, frame.geometry.to_crs("EPSG:4326"))


def _of_mapping(document: Mapping[str, object], id_property: Optional[str]) -> Iterator[Tuple[object, object]]:
    kind, features = document.get("type"), document.get("features")
    if kind == "FeatureCollection" and isinstance(features, list):
        for feature in features:
            yield from _pairs(feature, id_property)
    elif kind == "Feature":
        properties = document.get("properties")
        properties = properties if isinstance(properties, Mapping) else {}
        if id_property is not None and id_property not in properties:
            raise QueryError(f"A place has no property {id_property!r}; it has: {', '.join(properties) or 'none'}.")
        yield (document.get("id") if id_property is None else properties[id_property]), document.get("geometry")
    elif isinstance(kind, str):
        yield None, document
    else:
        yield from document.items()


def _parsed(text: str) -> Union[shapely.Geometry, Mapping[str, object]]:
    try:
        document = json.loads(text) if text.lstrip().startswith("{") else shapely.from_wkt(text)
    except (ValueError, RecursionError, shapely.errors.ShapelyError) as error:
        told = " ".join(str(error).split())[:200].rstrip(".")
        raise QueryError(f"The places cannot be read ({told}): give {_TAKES}.") from None
    return document


def _is_pair(given: object) -> bool:
    return (
        isinstance(given, (tuple, list))
        and len(given) == 2
        and all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in given)
    )


def _checked(given: object, label: str) -> shapely.Geometry:
    """Return a point or polygon within ±180°."""
    try:
        shape = _shape(given)
        if shape.is_empty or shape.geom_type not in ("Point", "Polygon", "MultiPolygon"):
            raise ValueError(f"it is {'empty' if shape.is_empty else f'a {shape.geom_type}'}")
        if shape.geom_type == "Point":
            longitude, latitude = shape.x, shape.y
            if not (math.isfinite(longitude) and abs(longitude) <= 540 and abs(latitude) <= 90):
                raise ValueError("positions are longitude and latitude, in this order and in degrees")
            return shapely.Point(wrapped_longitude(longitude), latitude)
        area = area_asked_for(shape)
        if not holds_ground(area):
            raise ValueError("it has no area")
    except (AttributeError, LookupError, TypeError, ValueError, shapely.errors.ShapelyError) as error:
        told = " ".join(str(error).split())[:200].rstrip(".")
        raise QueryError(f"Place {label!r} is neither a point nor a polygon ({told}).") from None
    return area


def _shape(given: object) -> shapely.Geometry:
    if isinstance(given, shapely.Geometry):
        return given
    if isinstance(given, (tuple, list)) and _is_pair(given):
        return shapely.Point(*given)
    if isinstance(given, str):
        return shapely.geometry.shape(parsed) if isinstance(parsed := _parsed(given), Mapping) else parsed
    if given is None:
        raise ValueError("it has no geometry")
    return shapely.geometry.shape(given)
