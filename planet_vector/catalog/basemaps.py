"""Basemaps of a service, and their quads.

A quad is a square of a basemap in web mercator, named by its column from the west and its row from the *south*:
``L15-0763E-0959N`` belongs to level 15, where its side is ``quad_size`` pixels of zoom 15.
"""

from __future__ import annotations

import math
import re
from itertools import islice
from typing import Any, Iterator, List, Mapping, NamedTuple, Optional, Protocol, Tuple, Union

from planet_vector.collection_schema import CollectionSchema
from planet_vector.errors import NameSyntaxError, ProtocolError, QueryError
from planet_vector.geometry.boxes import Bounds, Box
from planet_vector.geometry.web_mercator import HALF_WORLD, TILE, to_degrees, to_mercator
from planet_vector.names import OF_SERVICE, Name
from planet_vector.scene import Item, Scene

PAGE = 1000
"""Maximum number of quads that are handled together."""

_ID = re.compile(r"(?:L(\d{1,2})-)?(\d{1,7})E?-(\d{1,7})N?", re.ASCII)


class Basemap(NamedTuple):
    """Description of a basemap.

    Attributes
    ----------
    name : str
        Its name.
    level : int
        The zoom level of its pixels.
    quad_size : int
        Width of a quad in pixels.
    tiles : str
        Template of its tiles' URLs.
    quads : str
        URL of the list of its quads.
    bbox : Box or None
        The box around its quads in degrees, if the service reports it.
    """

    name: str
    level: int
    quad_size: int
    tiles: str
    quads: str
    bbox: Optional[Box] = None

    @property
    def pixel(self) -> float:
        """The width of a pixel in metres of EPSG:3857."""
        return 2 * HALF_WORLD / (TILE << self.level)

    @property
    def across(self) -> int:
        """The number of quads in a row around the globe; 1 if one quad covers the globe or more."""
        return math.ceil((TILE << self.level) / self.quad_size)


class Basemaps(Protocol):
    """Protocol for the basemaps of a service.

    Attributes
    ----------
    schema : CollectionSchema
        The columns of basemaps.
    """

    schema: CollectionSchema

    def quad_schema(self, name: str) -> CollectionSchema:
        """Return the columns of the quads of a basemap.

        Parameters
        ----------
        name : str
            The basemap.
        """

    def list(self) -> List[Mapping[str, Any]]:
        """Return the service's JSON object of each basemap.

        Raises
        ------
        NotFoundError
            If the service has no basemaps.
        ProtocolError
            If the response is not a list of basemaps with distinct names.
        """

    def body(self, name: str) -> Mapping[str, Any]:
        """Return the service's JSON object of a basemap of any kind.

        Parameters
        ----------
        name : str
            The basemap.

        Raises
        ------
        NotFoundError
            If there is no basemap of this name.
        ProtocolError
            If the response is something else.
        """

    def read(self, body: object) -> Optional[Basemap]:
        """Return a basemap from the service's JSON object; None if its kind is unknown.

        Parameters
        ----------
        body : object
            The object, or any other JSON value.
        """

    def named(self, name: str) -> Basemap:
        """Return a basemap by its name.

        Parameters
        ----------
        name : str
            The basemap.

        Raises
        ------
        NotFoundError
            If there is no basemap of this name.
        ProtocolError
            If it is of a kind that `read` does not support.
        """

    def quads(self, basemap: Basemap, area: Union[Box, str, None] = None) -> Iterator[Item]:
        """Yield the quads of a basemap that share ground with an area, each once.

        Parameters
        ----------
        basemap : Basemap
            The basemap.
        area : Box or str, optional
            A bounding box in degrees, which may cross the antimeridian, or WKT or GeoJSON; by default everywhere.

        Raises
        ------
        ServiceError
            If the list cannot be completed; then the quads yielded so far are incomplete.
        """

    def quad(self, basemap: Basemap, quad_id: str) -> Item:
        """Return one quad.

        Parameters
        ----------
        basemap : Basemap
            The basemap.
        quad_id : str
            The quad's id, such as ``L15-0763E-0959N``, or ``763-959`` at services of today.

        Raises
        ------
        NotFoundError
            If the basemap has no quad of this id.
        ProtocolError
            If the response is something else.
        """

    def scenes(self, quad: Item) -> List[Scene]:
        """Return the source scenes of a quad.

        Parameters
        ----------
        quad : Item
            The quad.

        Raises
        ------
        ProtocolError
            If the response is not a list of scenes, or is incomplete.
        """


def few_quads(basemaps: Basemaps, basemap: Basemap, area: Union[Box, str, None] = None) -> Optional[List[Item]]:
    """Return the quads of a basemap in an area if there are at most `PAGE`; else None.

    Parameters
    ----------
    basemaps : Basemaps
        The basemaps of the service.
    basemap : Basemap
        The basemap.
    area : Box or str, optional
        A bounding box in degrees, or WKT or GeoJSON; by default everywhere.

    Raises
    ------
    ServiceError
        If the list cannot be completed.
    """
    found = list(islice(basemaps.quads(basemap, area), PAGE + 1))
    return found if len(found) <= PAGE else None


def quad_at(basemaps: Basemaps, basemap: Basemap, longitude: float, latitude: float) -> Optional[Item]:
    """Return the quad of a basemap at a location, or None; on an edge, the northern or eastern one.

    Parameters
    ----------
    basemaps : Basemaps
        The basemaps of the service.
    basemap : Basemap
        The basemap.
    longitude, latitude : float
        The location in degrees.

    Raises
    ------
    ServiceError
        If the quads cannot be listed.
    """
    if abs(latitude) >= to_degrees(0.0, HALF_WORLD)[1]:
        return None
    x, y = to_mercator(-180.0 if longitude == 180 else longitude, latitude)
    for quad in basemaps.quads(basemap, Box(longitude, latitude, longitude, latitude)):
        west, south, east, north = quad_bounds(basemap, quad.id)
        if west <= x < east and south <= y < north:
            return quad
    return None


def box_of_name(name: Name) -> Optional[Box]:
    """Return the bounding box in the name of a basemap's raster, or None.

    Parameters
    ----------
    name : Name
        The name.

    Raises
    ------
    QueryError
        If the box is invalid.
    NameSyntaxError
        If the name has a parameter that rasters do not support: ignoring it would open the whole globe instead of the
        intended area.
    """
    other = next((key for key, _ in name.parameters if key not in ("bbox", *OF_SERVICE)), None)
    if other is not None:
        raise NameSyntaxError(
            f"{other!r} is not a parameter of a basemap's raster: give bbox=W,S,E,N for the quads there."
        )
    text = name.get("bbox")
    try:
        return None if text is None else Box.parse(text)
    except ValueError as error:
        raise QueryError(f"bbox: {error}.") from None


def quad_place(basemap: Basemap, quad_id: str) -> Tuple[int, int]:
    """Return a quad's column, counted from the west, and its row, counted from the south.

    Parameters
    ----------
    basemap : Basemap
        The basemap.
    quad_id : str
        The quad's id.

    Raises
    ------
    ProtocolError
        If the id is invalid for this basemap.
    """
    match = _ID.fullmatch(quad_id)
    level = int(match[1]) if match is not None and match[1] else basemap.level
    if match is None or level != basemap.level or max(int(match[2]), int(match[3])) >= basemap.across:
        raise ProtocolError(
            f"The service returned a quad {quad_id[:40]!r}, which basemap {basemap.name!r} cannot have."
        )
    return int(match[2]), int(match[3])


def quad_bounds(basemap: Basemap, quad_id: str) -> Bounds:
    """Return the bounds of a quad: west, south, east, north in metres of EPSG:3857.

    Parameters
    ----------
    basemap : Basemap
        The basemap.
    quad_id : str
        The quad's id.

    Raises
    ------
    ProtocolError
        If the id is invalid for this basemap.
    """
    column, row = quad_place(basemap, quad_id)
    side = basemap.quad_size * basemap.pixel
    west, south = column * side - HALF_WORLD, row * side - HALF_WORLD
    return west, south, west + side, south + side
