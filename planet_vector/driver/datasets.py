"""Datasets of the GDAL driver: opened names, rows as dictionaries, and filters."""

from __future__ import annotations

import logging
import sys
from itertools import chain
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from planet_vector.catalog import Catalog, catalog_of
from planet_vector.config import Settings
from planet_vector.driver.gdal_errors import end_with
from planet_vector.driver.interrupts import guarded
from planet_vector.errors import NameSyntaxError
from planet_vector.geometry.boxes import Box
from planet_vector.geometry.shapes import wkt_of_wkb
from planet_vector.names import FORMER_BASEMAPS, PREFIX, Name, has_former_layer, parse_name, shown
from planet_vector.vector.columns import Rows
from planet_vector.vector.layer import SceneLayer, layers

if TYPE_CHECKING:
    from planet_vector.vector.basemap_layers import ListedLayer

    Layer = Union[SceneLayer, ListedLayer]

log = logging.getLogger(__name__)

_NORTH_POLE = Box(180.0, 90.0, 180.0, 90.0)

_CARRIERS = ("fiona", "rasterio", "pyogrio", "osgeo.gdal")


class Opened(NamedTuple):
    """Opened name with its layers and its service."""

    name: Name
    raster: bool
    layers: Sequence[Layer]
    catalog: Catalog

    def metadata(self, domain: Optional[str]) -> Optional[Mapping[str, str]]:
        """Return the metadata of the dataset in a domain; its rasters are listed as subdatasets.

        A scene has its products, a basemap its tiles and, with a box in the name, its quads. For a basemap, the domain
        ``LocationInfo/GeoPixel_<longitude>_<latitude>`` returns the scenes at a location. GDAL requests only domains
        from a Python driver, so the item of other drivers is a part of the domain here.

        Parameters
        ----------
        domain : str or None
            The domain; None or empty for the default domain.

        Returns
        -------
        mapping of str to str or None
            Items by name; None if the domain is empty.
        """
        if self.name.is_basemap and domain and domain.startswith("LocationInfo/"):
            from planet_vector.raster.location_info import location_info

            item = domain.partition("/")[2]
            return {item: location_info(self.catalog, self.name.item, item) or ""}
        if domain != "SUBDATASETS" or not (self.name.item or self.name.is_basemap) or not self.raster:
            return None  # no request for rasters if the program opens layers only
        found: Dict[str, str] = {}
        for number, (name, description) in enumerate(self._subdatasets(), 1):
            found[f"SUBDATASET_{number}_NAME"] = name
            found[f"SUBDATASET_{number}_DESC"] = description
        return found

    def _subdatasets(self) -> List[Tuple[str, str]]:
        if self.name.is_basemap:
            from planet_vector.raster.basemap_names import basemap_subdatasets

            return basemap_subdatasets(self.catalog, self.name)
        from planet_vector.raster.described import subdatasets

        scene = self.catalog.scene(self.name.collection, self.name.item)
        return subdatasets(self.catalog, scene, self.name.products or None)


def open_name(filename: str, open_options: Mapping[str, str], vector: bool, raster: bool = True) -> Opened:
    """Open a PLANET: name for GDAL.

    Parameters
    ----------
    filename : str
        The name.
    open_options : mapping of str to str
        GDAL's open options.
    vector : bool
        Whether the program accepts layers; otherwise only a scene or a basemap is useful, as a container of rasters.
    raster : bool, optional
        Whether the program accepts rasters.

    Returns
    -------
    Opened
        The layers.

    Raises
    ------
    PlanetVectorError
        If the name is invalid, the scene lacks a product in it, or the service cannot be used.
    """
    name = parse_name(filename)
    if not vector and not name.item and not name.is_basemap:
        raise NameSyntaxError(
            f"{shown(filename)} is a search, not a raster: name a scene, as PLANET:<scene type>/<scene id>, "
            f"or open the search as one raster with GTI:{filename.partition(':')[0].upper()}:… (GDAL 3.9 or later) or "
            "by the VRT that 'planet-vector mosaic' writes."
        )
    settings = Settings.load(name.service, options=open_options)
    if name.is_basemap:
        from planet_vector.vector.basemap_layers import basemap_layers

        catalog = catalog_of(settings)
        listed = basemap_layers(name, catalog)
        if has_former_layer(filename):
            listed[0].name = FORMER_BASEMAPS
        return Opened(name, raster, listed, catalog)
    found, catalog = layers(name, settings)
    for layer in found:
        layer.prepares = layer.projection is None  # prepared rows would not be the projected ones
    if not name.item or not found or found[0].scene_id != name.item:  # searches, perhaps by a name for several
        return Opened(Name(name.collection), raster, found, catalog)
    if raster and name.products:
        _check_products(name, catalog)
        if not vector:  # a program for rasters would show an empty raster of GDAL's default size
            log.warning(
                "%s opens as a container without pixels of its own: use its subdataset, the name that "
                "'rio planet open' prints, or a command of 'rio planet'.",
                shown(filename),
            )
    return Opened(name, raster, found, catalog)


def _check_products(name: Name, catalog: Catalog) -> None:
    """Raise NotFoundError if the scene lacks a product of the name: only some programs list subdatasets."""
    scene = catalog.scene(name.collection, name.item)
    for product in name.products:
        scene.product_link(product)


def fields(layer: Layer) -> List[Dict[str, str]]:
    """Return the columns of a layer in GDAL's form.

    Parameters
    ----------
    layer : SceneLayer or ListedLayer
        The layer.
    """
    return [{"name": name, "type": kind} for name, kind in zip(layer.schema.names, layer.schema.types)]


def geometry_fields(layer: Layer) -> List[Dict[str, str]]:
    """Return the geometry column of a layer in GDAL's form.

    Parameters
    ----------
    layer : SceneLayer or ListedLayer
        The layer.
    """
    srs = layer.projection.code if layer.projection else "EPSG:4326"
    return [{"name": "", "type": "MultiPolygon", "srs": srs}]


def features(
    layer: Layer,
    where: Optional[str],
    extent: Optional[Sequence[float]],
    failures: Optional[List[BaseException]] = None,
    prefix: str = PREFIX,
) -> Iterator[Dict[str, Any]]:
    """Yield the features that may match GDAL's filters; all are fetched before the first is yielded.

    Between blocks of rows no Python code runs: see `planet_vector.driver.interrupts`.

    Parameters
    ----------
    layer : SceneLayer or ListedLayer
        The layer.
    where : str or None
        The attribute filter.
    extent : (west, south, east, north), optional
        Extent of the spatial filter, in the layer's coordinate system.
    failures : list of BaseException, optional
        Receives an error, instead of the code that called GDAL, if the driver itself reads the features.
    prefix : str, optional
        What the names of the driver begin with, for an error that GDAL reports.

    Yields
    ------
    dict of str to object
        Features in GDAL's form.
    """

    def failed(error: BaseException) -> Iterator[Any]:
        turns.clear()  # ends the iterator over the blocks
        if failures is None:
            return end_with(error, prefix)
        failures.append(error)
        return iter(())

    @guarded(failed)
    def block(_: None) -> Iterator[Any]:
        if not blocks:
            # Nothing is fetched before the first feature is requested: GDAL creates iterators that it never uses.
            blocks.append(layer.blocks(where, _box(layer, extent)))
        rows = next(blocks[0], None)
        if rows is None:
            return iter(())
        found = iter(_features(rows, layer.schema.names, takes_wkb()))
        turns.append(None)
        return found

    blocks: List[Iterator[Rows]] = []
    turns: List[None] = [None]
    return chain.from_iterable(map(block, turns))


def hold(layer: Layer, where: Optional[str], extent: Optional[Sequence[float]]) -> None:
    """Fetch the features of `features`, so that counts and features come from one result.

    Parameters
    ----------
    layer : SceneLayer or ListedLayer
        The layer.
    where : str or None
        The attribute filter.
    extent : (west, south, east, north) or None
        Extent of the spatial filter, in the layer's coordinate system.
    """
    layer.hold(where, _box(layer, extent))


def feature(layer: Layer, fid: int) -> Optional[Dict[str, Any]]:
    """Return one feature by its id, or None.

    Parameters
    ----------
    layer : SceneLayer or ListedLayer
        The layer.
    fid : int
        The feature id.
    """
    row = layer.row(fid)
    if row is None:
        return None
    rows = Rows([row.fid], [row.box], [row.wkb], [[value] for value in row.values])
    return _features(rows, layer.schema.names, takes_wkb())[0]


def layer_metadata(layer: Layer, domain: Optional[str]) -> Optional[Mapping[str, str]]:
    """Return the metadata of a layer in a domain.

    Parameters
    ----------
    layer : SceneLayer or ListedLayer
        The layer.
    domain : str or None
        The domain; None or empty for the default domain.

    Returns
    -------
    mapping of str to str or None
        Items by name; None if the domain is empty.
    """
    if isinstance(layer, SceneLayer):
        if domain == "xml:GTI":
            return layer.index.metadata(layer.out_of_reach())
        counted = {} if layer.catalog.counts else {"COUNT": "not counted by the service"}
        return {"DESCRIPTION": f"Scenes of type {layer.name}", **counted} if not domain else None
    return {"DESCRIPTION": layer.description} if not domain else None


def takes_wkb() -> bool:
    """Return whether GDAL accepts geometries as WKB, which it does from 3.8 on; older versions accept WKT only.

    The driver does not know which GDAL runs it. It uses WKB, which is faster, if every package in this Python that
    contains a GDAL has a version that accepts it; otherwise WKT.

    Returns
    -------
    bool
        Whether to use WKB.
    """
    versions = []
    for carrier in _CARRIERS:
        module = sys.modules.get(carrier)
        version = getattr(module, "__gdal_version__", None) or getattr(module, "__version__", None)
        if module is not None:
            versions.append(version)
    return bool(versions) and all(_at_least_3_8(version) for version in versions)


def _at_least_3_8(version: Any) -> bool:
    numbers = version if isinstance(version, tuple) else str(version).split(".")
    try:
        return tuple(int(number) for number in numbers[:2]) >= (3, 8)
    except ValueError:
        return False


def _features(rows: Rows, names: Sequence[str], wkb: bool) -> List[Dict[str, Any]]:
    """Return rows in GDAL's form, without empty values, because GDAL searches the column of each value."""
    return [
        {
            "type": "OGRFeature",
            "id": fid,
            "fields": fields,
            "geometry_fields": {"": geometry if wkb or geometry is None else wkt_of_wkb(geometry)},
        }
        for fid, geometry, fields in zip(rows.fids, rows.wkbs, rows.named(names))
    ]


def _box(layer: Layer, extent: Optional[Sequence[float]]) -> Optional[Box]:
    """Return a spatial filter's extent as a box on the globe; None if it excludes nothing."""
    if extent is None:
        return None
    west, south, east, north = extent
    if not (west <= east and south <= north):  # NaN included
        return None
    if layer.projection:
        return layer.projection.unproject(west, south, east, north)
    # An extent beside the globe matches nothing: any box is a superset of it, and this one is the fastest to search.
    box = Box.on_globe(west, south, east, north) or _NORTH_POLE
    return None if box.is_world else box
