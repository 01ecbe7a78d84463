"""Scenes, basemaps and quads: thin, typed views of the service's JSON."""

from __future__ import annotations

import sys
from datetime import datetime
from html import escape
from typing import Any, Iterator, List, Mapping, Optional, Tuple

from planet_vector.errors import NotFoundError, ProtocolError
from planet_vector.geometry.shapes import Polygon, polygons_of
from planet_vector.times import parse_time


class Item:
    """View of one GeoJSON Feature of the service.

    Parameters
    ----------
    feature : mapping
        The Feature, as the service gave it.

    Raises
    ------
    ProtocolError
        When it is no Feature with an id and properties.
    """

    def __init__(self, feature: Mapping[str, Any]) -> None:
        if not (
            isinstance(feature, Mapping)
            and isinstance(feature.get("id"), str)
            and feature["id"]
            and isinstance(feature.get("properties"), Mapping)
        ):
            raise ProtocolError("The service gave something that is not a GeoJSON Feature with an id and properties.")
        self.feature = feature
        self.id: str = feature["id"]

    @property
    def properties(self) -> Mapping[str, Any]:
        """The properties, nested as the service gives them."""
        properties: Mapping[str, Any] = self.feature["properties"]
        return properties

    @property
    def geometry(self) -> Optional[Mapping[str, Any]]:
        """The GeoJSON geometry, longitude before latitude, degrees."""
        return self.feature.get("geometry")

    @property
    def polygons(self) -> List[Polygon]:
        """The footprint as polygons within ±180°, cut at the antimeridian.

        Raises
        ------
        ProtocolError
            When the service's geometry is no footprint.
        """
        try:
            return polygons_of(self.geometry)
        except ValueError as error:
            raise ProtocolError(f"The service gave {self.id} a geometry that cannot be used: {error}.") from None

    @property
    def footprint(self) -> Any:
        """The footprint as a shapely MultiPolygon (longitude, latitude, degrees); empty when there is none."""
        from shapely.geometry import MultiPolygon, Polygon

        return MultiPolygon([Polygon(rings[0], rings[1:]) for rings in self.polygons])

    @property
    def __geo_interface__(self) -> Mapping[str, Any]:
        return self.feature

    def link(self, name: str) -> str:
        """Return one of the links the service gives, such as ``thumbnail``.

        Raises
        ------
        NotFoundError
            When there is none of that name.
        """
        links = self.properties.get("links")
        link = links.get(name) if isinstance(links, Mapping) else None
        if not isinstance(link, str):
            raise NotFoundError(f"{self.id} has no link {name!r}.")
        return link


class Scene(Item):
    """View of one scene: a single image as taken by a satellite.

    Parameters
    ----------
    feature : mapping
        The Feature, as the service gave it.
    scene_type : str
        ``ortho``, ``rapideye``, ``landsat`` or another the service lists.
    catalog : Catalog, optional
        The service that gave it, which `thumbnail` asks.
    """

    def __init__(self, feature: Mapping[str, Any], scene_type: str, catalog: Any = None) -> None:
        super().__init__(feature)
        self.scene_type = scene_type
        self.catalog = catalog

    def __eq__(self, other: object) -> bool:
        """Tell whether it is the same scene, of which the same is said."""
        if not isinstance(other, Scene):
            return NotImplemented
        return (self.scene_type, self.id, self.feature) == (other.scene_type, other.id, other.feature)

    def __hash__(self) -> int:
        return hash((self.scene_type, self.id))

    @property
    def acquired(self) -> datetime:
        """When the image was taken, in UTC."""
        return self._time("acquired")

    @property
    def published(self) -> Optional[datetime]:
        """When the scene was published, in UTC; None for scenes published before the service said so."""
        return self._time("published") if self.properties.get("published") is not None else None

    @property
    def cloud_cover(self) -> Optional[float]:
        """The estimated cloud cover in percent, or None."""
        branch = self.properties.get("cloud_cover")
        value = branch.get("estimated") if isinstance(branch, Mapping) else None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        return float(value) if abs(value) <= sys.float_info.max else None  # neither NaN nor infinite

    @property
    def products(self) -> Tuple[str, ...]:
        """The names of the products that can be had with the key that asked."""
        return tuple(self._products())

    def product_link(self, product: str) -> str:
        """Return the link to a product's GeoTIFF.

        Raises
        ------
        NotFoundError
            When the scene has no such product.
        """
        links = self._products().get(product)
        link = links.get("full") if isinstance(links, Mapping) else None
        if not isinstance(link, str):
            has = ", ".join(self.products) or "none"
            raise NotFoundError(f"Scene {self.id} has no product {product!r}; it has: {has}.")
        return link

    def thumbnail(self, size: str = "md", format: str = "png", square: bool = False) -> bytes:
        """Return the picture the service makes of the scene, as an image file.

        Parameters
        ----------
        size : str
            ``sm``, ``md`` or ``lg``: 64, 128 or 640 pixels wide.
        format : str
            ``png``, ``jpg`` or ``jpeg``.
        square : bool
            Cut to a square.
        """
        content: bytes = self.service().thumbnail(self, size, format, square)
        return content

    def service(self) -> Any:
        """Return the catalog that gave the scene.

        Raises
        ------
        NotFoundError
            When it was made without one.
        """
        if self.catalog is None:
            raise NotFoundError(f"Scene {self.id} was made without a service: take it from a search.")
        return self.catalog

    def _repr_html_(self) -> str:
        rows = [("acquired", self.properties.get("acquired")), ("cloud cover", self.cloud_cover)]
        cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>" for name, value in rows)
        products = escape(", ".join(self.products))
        return (
            f"<table><caption>{escape(self.scene_type)}/{escape(self.id)}</caption>"
            f"{cells}<tr><th>products</th><td>{products}</td></tr></table>"
        )

    def _repr_png_(self) -> Optional[bytes]:
        """Show the thumbnail in a notebook, where the service is at hand."""
        return self.thumbnail("lg") if self.catalog is not None else None

    def __repr__(self) -> str:
        return f"<Scene {self.scene_type}/{self.id}>"

    def _products(self) -> Mapping[str, Any]:
        data = self.properties.get("data")
        products = data.get("products") if isinstance(data, Mapping) else None
        return products if isinstance(products, Mapping) else {}

    def _time(self, name: str) -> datetime:
        try:
            return parse_time(self.properties[name])
        except (KeyError, ValueError, AttributeError):
            raise ProtocolError(f"The service gave scene {self.id} a property {name!r} that is no time.") from None


def flatten(properties: Mapping[str, Any], prefix: str = "") -> Iterator[Tuple[str, Any]]:
    """Yield nested properties under dotted names, as the API's filters name them; an empty object as itself."""
    for key, value in properties.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
