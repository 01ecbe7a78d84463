"""Basemaps of a service, and the quads they are made of.

A quad is a square of a basemap in web mercator, named by its column from the west and its row from the *south*:
``L15-0763E-0959N`` lies in level 15, where ``quad_size`` pixels of the size of zoom 15's make one.
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
"""Quads that are few enough to be looked at all together."""

_ID = re.compile(r"L(\d{1,2})-(\d{1,7})E-(\d{1,7})N", re.ASCII)


class Basemap(NamedTuple):
    """A basemap as its service describes it.

    Attributes
    ----------
    name : str
        Its name.
    level : int
        The zoom whose pixels it has.
    quad_size : int
        Pixels of a quad's side.
    tiles : str
        Pattern of its tiles' addresses.
    quads : str
        Where its quads are listed.
    """

    name: str
    level: int
    quad_size: int
    tiles: str
    quads: str

    @property
    def pixel(self) -> float:
        """The side of a pixel in metres of EPSG:3857."""
        return 2 * HALF_WORLD / (TILE << self.level)

    @property
    def across(self) -> int:
        """The quads in a row around the globe; 1 where one is as large as the globe, or larger."""
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
        """Return the columns of the quads of a basemap."""

    def list(self) -> List[Mapping[str, Any]]:
        """Return what the service says of each basemap it has.

        Raises
        ------
        ProtocolError
            If it does not list basemaps, each with a name of its own.
        """

    def body(self, name: str) -> Mapping[str, Any]:
        """Return what the service says of a basemap, whatever its kind.

        Raises
        ------
        NotFoundError
            If there is none of that name.
        ProtocolError
            If it answers with something else.
        """

    def read(self, body: object) -> Optional[Basemap]:
        """Return a basemap from what the service says of it; None if it is of no kind that is known."""

    def named(self, name: str) -> Basemap:
        """Return the basemap of a name.

        Raises
        ------
        NotFoundError
            If there is none of that name.
        ProtocolError
            If it is of another kind than `read` knows.
        """

    def quads(self, basemap: Basemap, area: Union[Box, str, None] = None) -> Iterator[Item]:
        """Yield the quads of a basemap that share ground with an area, each once.

        Parameters
        ----------
        basemap : Basemap
            The basemap.
        area : Box or str, optional
            A box in degrees, which may cross the antimeridian, or WKT or GeoJSON; by default everywhere.

        Raises
        ------
        ServiceError
            If not all can be had; then what was yielded before is not all.
        """

    def quad(self, basemap: Basemap, quad_id: str) -> Item:
        """Return one quad.

        Raises
        ------
        NotFoundError
            If the basemap has none of that id.
        """

    def scenes(self, quad: Item) -> List[Scene]:
        """Return the scenes a quad was made of.

        Raises
        ------
        ProtocolError
            If the service answers with something else.
        """


def few_quads(basemaps: Basemaps, basemap: Basemap, area: Union[Box, str, None] = None) -> Optional[List[Item]]:
    """Return the quads of a basemap in an area if they are `PAGE` at the most; else None."""
    found = list(islice(basemaps.quads(basemap, area), PAGE + 1))
    return found if len(found) <= PAGE else None


def quad_at(basemaps: Basemaps, basemap: Basemap, longitude: float, latitude: float) -> Optional[Item]:
    """Return the quad of a basemap in which a place lies, the northern or eastern one of an edge; None without one."""
    if abs(latitude) >= to_degrees(0.0, HALF_WORLD)[1]:
        return None
    x, y = to_mercator(-180.0 if longitude == 180 else longitude, latitude)
    for quad in basemaps.quads(basemap, Box(longitude, latitude, longitude, latitude)):
        west, south, east, north = quad_bounds(basemap, quad.id)
        if west <= x < east and south <= y < north:
            return quad
    return None


def box_of_name(name: Name) -> Optional[Box]:
    """Return the box that the name of a basemap's raster has, or None.

    Raises
    ------
    QueryError
        If it is no box, or the name has a parameter that a raster does not take: to open the globe for an area that
        was asked for would be wrong without a word.
    """
    other = next((key for key, _ in name.parameters if key not in ("bbox", *OF_SERVICE)), None)
    if other is not None:
        raise NameSyntaxError(
            f"{other!r} is no parameter of a basemap's raster: give bbox=W,S,E,N for the quads there."
        )
    text = name.get("bbox")
    try:
        return None if text is None else Box.parse(text)
    except ValueError as error:
        raise QueryError(f"bbox: {error}.") from None


def quad_place(basemap: Basemap, quad_id: str) -> Tuple[int, int]:
    """Return a quad's column, counted from the west, and its row, counted from the south.

    Raises
    ------
    ProtocolError
        If the id is none of this basemap.
    """
    match = _ID.fullmatch(quad_id)
    if match is None or int(match[1]) != basemap.level or max(int(match[2]), int(match[3])) >= basemap.across:
        raise ProtocolError(f"The service gave a quad {quad_id[:40]!r}, which basemap {basemap.name!r} cannot have.")
    return int(match[2]), int(match[3])


def quad_bounds(basemap: Basemap, quad_id: str) -> Bounds:
    """Return the bounds of a quad: west, south, east, north in metres of EPSG:3857.

    Raises
    ------
    ProtocolError
        If the id is none of this basemap.
    """
    column, row = quad_place(basemap, quad_id)
    side = basemap.quad_size * basemap.pixel
    west, south = column * side - HALF_WORLD, row * side - HALF_WORLD
    return west, south, west + side, south + side
