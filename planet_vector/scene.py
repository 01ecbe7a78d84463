"""Scenes and other items: thin, typed views of a service's JSON."""

from __future__ import annotations

import math
import sys
from datetime import datetime
from html import escape
from typing import Any, List, Mapping, Optional, Tuple

from planet_vector.assets import Asset
from planet_vector.collection_schema import CollectionSchema, time_at, value_at
from planet_vector.errors import NotFoundError, ProtocolError, RasterAccessError
from planet_vector.geometry.shapes import Polygon, polygons_of
from planet_vector.times import parse_time


class Item:
    """View of one GeoJSON Feature of the service.

    Parameters
    ----------
    feature : mapping
        The Feature, as the service returned it.

    Raises
    ------
    ProtocolError
        If it is not a Feature with an id and properties.
    """

    def __init__(self, feature: Mapping[str, Any]) -> None:
        if not (
            isinstance(feature, Mapping)
            and isinstance(feature.get("id"), str)
            and feature["id"]
            and isinstance(feature.get("properties"), Mapping)
        ):
            raise ProtocolError(
                "The service returned an object that is not a GeoJSON Feature with an id and properties."
            )
        self.feature = feature
        self.id: str = feature["id"]

    @property
    def properties(self) -> Mapping[str, Any]:
        """The properties, nested as the service returns them."""
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
            If the geometry is not a valid footprint.
        """
        try:
            return polygons_of(self.geometry)
        except ValueError as error:
            raise ProtocolError(f"The service returned {self.id} with an invalid geometry: {error}.") from None

    @property
    def footprint(self) -> Any:
        """The footprint as a shapely MultiPolygon (longitude, latitude, degrees); empty if there is none."""
        from shapely.geometry import MultiPolygon, Polygon

        return MultiPolygon([Polygon(rings[0], rings[1:]) for rings in self.polygons])

    @property
    def __geo_interface__(self) -> Mapping[str, Any]:
        return self.feature

    def link(self, name: str) -> str:
        """Return one of the links of the item, such as ``thumbnail``.

        Parameters
        ----------
        name : str
            The link's name.

        Raises
        ------
        NotFoundError
            If there is no link of this name.
        """
        links = self.properties.get("links")
        link = links.get(name) if isinstance(links, Mapping) else None
        if not isinstance(link, str):
            raise NotFoundError(f"{self.id} has no link {name!r}.")
        return link


class Scene(Item):
    """View of one scene: a single image taken by a satellite.

    Parameters
    ----------
    feature : mapping
        The Feature, as the service returned it.
    schema : CollectionSchema
        The scene's collection.
    catalog : Catalog, optional
        The service of the scene, which `thumbnail` uses.
    """

    def __init__(self, feature: Mapping[str, Any], schema: CollectionSchema, catalog: Any = None) -> None:
        super().__init__(feature)
        self.schema = schema
        self.catalog = catalog

    def __eq__(self, other: object) -> bool:
        """Return whether collection, id and Feature are equal."""
        if not isinstance(other, Scene):
            return NotImplemented
        return (self.schema, self.id, self.feature) == (other.schema, other.id, other.feature)

    def __hash__(self) -> int:
        return hash((self.schema, self.id))

    @property
    def scene_type(self) -> str:
        """The name of the scene's collection, such as ``ortho``."""
        return self.schema.collection

    @property
    def has_time(self) -> bool:
        """Whether the service reports the acquisition time."""
        return time_at(self.properties, self.schema.meanings) is not None

    @property
    def acquired(self) -> datetime:
        """Acquisition time, in UTC; the start of the acquisition if the service reports only a span.

        Raises
        ------
        ProtocolError
            If the service does not report it.
        """
        meanings = self.schema.meanings
        span = value_at(self.properties, meanings.time) is None and meanings.start
        return self._time(meanings.start if span else meanings.time)

    @property
    def published(self) -> Optional[datetime]:
        """Publication time, in UTC; None if the service does not report it."""
        name = self.schema.meanings.published
        return self._time(name) if name and value_at(self.properties, name) is not None else None

    @property
    def cloud_cover(self) -> Optional[float]:
        """The estimated cloud cover in percent; None if the service does not report it."""
        meanings = self.schema.meanings
        value = self._number(meanings.cloud_cover)
        return None if value is None else meanings.percent_of_cover(value)

    @property
    def gsd(self) -> Optional[float]:
        """The ground sample distance in metres; None if the service does not report it."""
        value = self._number(self.schema.meanings.gsd)
        return value if value is not None and value > 0 else None

    @property
    def assets(self) -> Mapping[str, Asset]:
        """The files that are accessible with the key of the search, by name."""
        return {name: asset for name, asset in self.schema.assets_of(self.feature).items() if asset.permitted}

    @property
    def products(self) -> Tuple[str, ...]:
        """The names of the assets that can be opened as rasters."""
        return tuple(name for name, asset in self.assets.items() if not asset.refusal)

    def asset(self, product: str) -> Asset:
        """Return the asset of a product.

        Parameters
        ----------
        product : str
            The asset's name, or the common name of a band that only this asset has, such as ``red``; of one band in
            several resolutions, the finest.

        Raises
        ------
        NotFoundError
            If the scene has no such asset.
        """
        assets = self.assets
        if product in assets:
            return assets[product]
        common = [asset for asset in assets.values() if [band.common for band in asset.bands] == [product]]
        if len(common) > 1 and len({asset.bands[0].name for asset in common}) == 1:
            # One band in several resolutions.
            finest = min(asset.gsd or math.inf for asset in common)
            common = [asset for asset in common if asset.gsd == finest] or common
        if len(common) == 1:
            return common[0]
        if product in self.schema.assets_of(self.feature):
            raise NotFoundError(f"Your key has no permission for {product!r} of scene {self.id}: ask for it.")
        has = ", ".join(self.products) or "none"
        common = common or [asset for asset in assets.values() if product in [band.common for band in asset.bands]]
        also = f" ({', '.join(asset.name for asset in common)} have this band)" if common else ""
        raise NotFoundError(f"Scene {self.id} has no product {product!r}{also}; it has: {has}.")

    def band(self, product: str) -> Tuple[Asset, Optional[int]]:
        """Return the asset of a product, and the number of the band that it is of it.

        Parameters
        ----------
        product : str
            As for `asset`, or the common name of a band of an asset of several bands, if no other asset that can be
            opened has such a band.

        Returns
        -------
        (Asset, int or None)
            The asset; the band, counted from 1, or None for all bands.

        Raises
        ------
        NotFoundError
            If the scene has no such asset.
        """
        try:
            return self.asset(product), None
        except NotFoundError:
            openable = [asset for asset in self.assets.values() if not asset.refusal]
            commons = {asset.name: [band.common for band in asset.bands] for asset in openable}
            found = [asset for asset in openable if product and product in commons[asset.name]]
            # A true-colour image shows colours, and has no values of the bands that it is made of.
            found = [asset for asset in found if "visual" not in (asset.name, *asset.roles)] or found
            if len(found) != 1 or commons[found[0].name].count(product) != 1:
                raise
            return found[0], commons[found[0].name].index(product) + 1

    def product_link(self, product: str) -> str:
        """Return the link to a product's GeoTIFF.

        Parameters
        ----------
        product : str
            The product's name.

        Raises
        ------
        NotFoundError
            If the scene has no such product.
        RasterAccessError
            If the product cannot be opened as a raster.
        """
        return self.link_to(self.asset(product))

    def link_to(self, asset: Asset) -> str:
        """Return the link to the file of an asset.

        Parameters
        ----------
        asset : Asset
            An asset of this scene.

        Raises
        ------
        RasterAccessError
            If it cannot be opened as a raster.
        """
        if asset.refusal:
            raise RasterAccessError(f"{self.id}/{asset.name} cannot be opened, as {asset.refusal}.")
        return asset.href

    def link(self, name: str) -> str:
        """Return one of the links of the scene: ``self``, ``thumbnail`` or ``square_thumbnail``.

        Parameters
        ----------
        name : str
            The link's name.

        Raises
        ------
        NotFoundError
            If there is no link of this name.
        """
        link = self.schema.links_of(self.feature).get(name)
        if link is None:
            raise NotFoundError(f"{self.id} has no link {name!r}.")
        return link

    def thumbnail(self, size: str = "md", format: str = "png", square: bool = False) -> bytes:
        """Return the service's picture of the scene, as an image file.

        Parameters
        ----------
        size : str, optional
            ``sm``, ``md`` or ``lg``: 64, 128 or 640 pixels wide.
        format : str, optional
            ``png``, ``jpg`` or ``jpeg``.
        square : bool, optional
            Whether to crop it to a square.

        Returns
        -------
        bytes
            The content of the image file.

        Raises
        ------
        NotFoundError
            If the scene was created without a catalog.
        """
        content: bytes = self.service().thumbnail(self, size, format, square)
        return content

    def service(self) -> Any:
        """Return the catalog of the scene.

        Raises
        ------
        NotFoundError
            If the scene was created without one.
        """
        if self.catalog is None:
            raise NotFoundError(f"Scene {self.id} was made without a service: take it from a search.")
        return self.catalog

    def _repr_html_(self) -> str:
        acquired = value_at(self.properties, self.schema.meanings.time)
        rows = [("acquired", acquired), ("cloud cover", self.cloud_cover)]
        cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>" for name, value in rows)
        products = escape(", ".join(self.products))
        return (
            f"<table><caption>{escape(self.scene_type)}/{escape(self.id)}</caption>"
            f"{cells}<tr><th>products</th><td>{products}</td></tr></table>"
        )

    def _repr_png_(self) -> Optional[bytes]:
        """Show the thumbnail in a notebook, if the scene has a catalog."""
        return self.thumbnail("lg") if self.catalog is not None else None

    def __repr__(self) -> str:
        return f"<Scene {self.scene_type}/{self.id}>"

    def _number(self, name: Optional[str]) -> Optional[float]:
        value = value_at(self.properties, name) if name else None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        return float(value) if abs(value) <= sys.float_info.max else None  # neither NaN nor infinite

    def _time(self, name: str) -> datetime:
        try:
            return parse_time(value_at(self.properties, name))
        except (TypeError, ValueError, AttributeError):
            raise ProtocolError(
                f"The service returned {self.id} with a property {name!r} that is not a time."
            ) from None
