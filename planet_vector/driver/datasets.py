"""What the GDAL driver hands to GDAL: names opened, rows as dictionaries, filters taken in."""

from __future__ import annotations

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
from planet_vector.names import FORMER_BASEMAPS, Name, has_former_layer, parse_name, shown
from planet_vector.vector.columns import Rows
from planet_vector.vector.layer import SceneLayer, layers

if TYPE_CHECKING:
    from planet_vector.vector.basemap_layers import ListedLayer

    Layer = Union[SceneLayer, ListedLayer]

_NORTH_POLE = Box(180.0, 90.0, 180.0, 90.0)

_CARRIERS = ("fiona", "rasterio", "pyogrio", "osgeo.gdal")


class Opened(NamedTuple):
    """An opened name: its layers, and the service they come from."""

    name: Name
    raster: bool
    layers: Sequence[Layer]
    catalog: Catalog

    def metadata(self, domain: Optional[str]) -> Optional[Mapping[str, str]]:
        """Return the metadata of the dataset in a domain: the rasters there are as subdatasets.

        A scene has its products, a basemap its tiles and, with a box in the name, its quads. Of a basemap,
        ``LocationInfo/GeoPixel_<longitude>_<latitude>`` tells the scenes behind a place; GDAL asks a driver in Python
        for domains only, so what other drivers take as an item stands in the domain here.
        """
        if self.name.is_basemap and domain and domain.startswith("LocationInfo/"):
            from planet_vector.raster.location_info import location_info

            item = domain.partition("/")[2]
            return {item: location_info(self.catalog, self.name.item, item) or ""}
        if domain != "SUBDATASETS" or not (self.name.item or self.name.is_basemap) or not self.raster:
            return None  # a program that takes layers only is to cost no request for rasters
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
        return subdatasets(self.catalog, scene, self.name.products or scene.products)


def open_name(filename: str, open_options: Mapping[str, str], vector: bool, raster: bool = True) -> Opened:
    """Open a PLANET: name for GDAL.

    Parameters
    ----------
    filename : str
        The name.
    open_options : mapping
        GDAL's open options.
    vector : bool
        Whether the program takes layers; without, only a scene or a basemap is of use to it, as a container of rasters.
    raster : bool
        Whether the program takes rasters.
    """
    name = parse_name(filename)
    if not vector and not name.item and not name.is_basemap:
        raise NameSyntaxError(
            f"{shown(filename)} is a search, not a raster: name a scene, as PLANET:<scene type>/<scene id>, "
            "or open the search as one raster with GTI:PLANET:… (GDAL 3.9 or later)."
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
        layer.prepares = layer.projection is None  # projected rows are others than those that came
    return Opened(name, raster, found, catalog)


def fields(layer: Layer) -> List[Dict[str, str]]:
    """Return the columns of a layer as GDAL wants them."""
    return [{"name": name, "type": kind} for name, kind in zip(layer.schema.names, layer.schema.types)]


def geometry_fields(layer: Layer) -> List[Dict[str, str]]:
    """Return the geometry column of a layer as GDAL wants it."""
    srs = layer.projection.code if layer.projection else "EPSG:4326"
    return [{"name": "", "type": "MultiPolygon", "srs": srs}]


def features(
    layer: Layer,
    where: Optional[str],
    extent: Optional[Sequence[float]],
    failures: Optional[List[BaseException]] = None,
) -> Iterator[Dict[str, Any]]:
    """Yield the features that can meet the filters GDAL has set; all were fetched before the first.

    Between blocks of rows no Python code runs: see `planet_vector.driver.interrupts`.

    Parameters
    ----------
    layer : SceneLayer or ListedLayer
        The layer.
    where : str, optional
        The attribute filter.
    extent : (west, south, east, north), optional
        The spatial filter's, in the layer's system.
    failures : list, optional
        Takes an error in place of the code that called GDAL, when that is the driver itself.
    """

    def failed(error: BaseException) -> Iterator[Any]:
        turns.clear()  # the iterator over it ends
        if failures is None:
            return end_with(error)
        failures.append(error)
        return iter(())

    @guarded(failed)
    def block(_: None) -> Iterator[Any]:
        if not blocks:
            # Nothing is fetched until the first feature is asked for: GDAL makes iterators that it never uses.
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
    """Fetch what `features` will yield: counts and features are those of one result from then on."""
    layer.hold(where, _box(layer, extent))


def feature(layer: Layer, fid: int) -> Optional[Dict[str, Any]]:
    """Return one feature by its id, or None."""
    row = layer.row(fid)
    if row is None:
        return None
    rows = Rows([row.fid], [row.box], [row.wkb], [[value] for value in row.values])
    return _features(rows, layer.schema.names, takes_wkb())[0]


def layer_metadata(layer: Layer, domain: Optional[str]) -> Optional[Mapping[str, str]]:
    """Return the metadata of a layer in a domain."""
    if isinstance(layer, SceneLayer):
        if domain == "xml:GTI":
            return layer.index.metadata(layer.out_of_reach())
        return {"DESCRIPTION": f"Scenes of type {layer.name}"} if not domain else None
    return {"DESCRIPTION": layer.description} if not domain else None


def takes_wkb() -> bool:
    """Tell whether geometries may go to GDAL as WKB: from 3.8 on; before, only WKT is taken.

    The driver is not told which GDAL runs it. Where every package in this Python that brings a GDAL is of a
    version that takes WKB, it is used, as it is faster; else WKT, which every version takes.
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
    """Return rows as GDAL takes them, without empty values: for each value GDAL searches its column."""
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
    """Return a spatial filter's extent as a box on the globe; None where it filters nothing."""
    if extent is None:
        return None
    west, south, east, north = extent
    if not (west <= east and south <= north):  # NaN included
        return None
    if layer.projection:
        return layer.projection.unproject(west, south, east, north)
    # Nothing lies beside the globe: any box is a superset of that, and this one costs least.
    box = Box.on_globe(west, south, east, north) or _NORTH_POLE
    return None if box.is_world else box
