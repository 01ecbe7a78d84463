"""Scenes, mosaics and quads: thin, typed views of the service's JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from planet_vector.errors import NotFoundError, ProtocolError
from planet_vector.geometry import Polygon, polygons_of
from planet_vector.query import parse_time


class Item:
    """View one GeoJSON Feature of the service.

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
    """View one scene: a single image as taken by a satellite.

    Parameters
    ----------
    feature : mapping
        The Feature, as the service gave it.
    scene_type : str
        ``ortho``, ``rapideye``, ``landsat`` or another the service lists.
    """

    def __init__(self, feature: Mapping[str, Any], scene_type: str) -> None:
        super().__init__(feature)
        self.scene_type = scene_type

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
        value = dict(flatten(self.properties)).get("cloud_cover.estimated")
        return float(value) if isinstance(value, (int, float)) else None

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


def nested(flat: Mapping[str, Any]) -> Dict[str, Any]:
    """Turn dotted names back into nested properties."""
    tree: Dict[str, Any] = {}
    for name, value in flat.items():
        *parents, leaf = name.split(".")
        branch = tree
        for parent in parents:
            branch = branch.setdefault(parent, {})
        branch[leaf] = value
    return tree
