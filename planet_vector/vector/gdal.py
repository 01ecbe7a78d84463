"""What the GDAL driver hands to GDAL: names opened, rows as dictionaries, filters taken in."""

from __future__ import annotations

import sys
from itertools import chain, starmap
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence

from planet_vector.catalog import ScenesV0
from planet_vector.config import Settings
from planet_vector.errors import NameSyntaxError
from planet_vector.geometry import Box, wkt_of_wkb
from planet_vector.names import Name, parse_name, shown
from planet_vector.vector.faults import end_with
from planet_vector.vector.layer import SceneLayer, layers
from planet_vector.vector.schema import Row

GEOMETRY_FIELDS = [{"name": "", "type": "MultiPolygon", "srs": "EPSG:4326"}]

_CARRIERS = ("fiona", "rasterio", "pyogrio", "osgeo.gdal")


class Opened(NamedTuple):
    """Hold an opened name: its layers, and where they came from."""

    name: Name
    layers: List[SceneLayer]
    catalog: ScenesV0

    def metadata(self, domain: Optional[str]) -> Optional[Mapping[str, str]]:
        """Return the metadata of the dataset in a domain: a scene's products as subdatasets."""
        if domain != "SUBDATASETS" or not self.name.item:
            return None
        from planet_vector.raster.access import subdatasets

        scene = self.catalog.scene(self.name.collection, self.name.item)
        products = self.name.products or scene.products
        found: Dict[str, str] = {}
        for number, (name, description) in enumerate(subdatasets(self.catalog, scene, products), 1):
            found[f"SUBDATASET_{number}_NAME"] = name
            found[f"SUBDATASET_{number}_DESC"] = description
        return found


def open_name(filename: str, open_options: Mapping[str, str], vector: bool) -> Opened:
    """Open a PLANET: name for GDAL.

    Parameters
    ----------
    filename : str
        The name.
    open_options : mapping
        GDAL's open options.
    vector : bool
        Whether the program takes layers; without, only a scene is of use to it, as a container of rasters.
    """
    name = parse_name(filename)
    if not vector and not name.item:
        raise NameSyntaxError(
            f"{shown(filename)} is a search, not a raster: name a scene, as PLANET:<scene type>/<scene id>, "
            "or open the search as one raster with GTI:PLANET:… (GDAL 3.9 or later)."
        )
    settings = Settings.load(api_url=name.get("api_url"), options=open_options)
    found, catalog = layers(name, settings)
    return Opened(name, found, catalog)


def fields(layer: SceneLayer) -> List[Dict[str, str]]:
    """Return the columns of a layer as GDAL wants them."""
    return [{"name": name, "type": kind} for name, kind in zip(layer.schema.names, layer.schema.types)]


def features(layer: SceneLayer, where: Optional[str], extent: Optional[Sequence[float]]) -> Iterator[Dict[str, Any]]:
    """Yield the features that can meet the filters GDAL has set; all of them are there before the first."""
    # Nothing is asked until the first feature is: GDAL makes iterators that it never uses.
    return chain.from_iterable(starmap(_whole, [(layer, where, _box(extent))]))


def _whole(layer: SceneLayer, where: Optional[str], box: Optional[Box]) -> Iterator[Dict[str, Any]]:
    try:
        names, wkb = layer.schema.names, takes_wkb()
        return (_feature(row, names, wkb) for row in layer.rows(where, box))
    except Exception as error:
        return end_with(error)


def feature(layer: SceneLayer, fid: int) -> Optional[Dict[str, Any]]:
    """Return one feature by its id, or None."""
    row = layer.row(fid)
    return _feature(row, layer.schema.names, takes_wkb()) if row else None


def layer_metadata(layer: SceneLayer, domain: Optional[str]) -> Optional[Mapping[str, str]]:
    """Return the metadata of a layer in a domain."""
    if domain == "xml:GTI":
        return layer.index.metadata()
    return {"DESCRIPTION": f"Scenes of type {layer.name}"} if not domain else None


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


def _feature(row: Row, names: Sequence[str], wkb: bool) -> Dict[str, Any]:
    geometry = row.wkb if wkb or row.wkb is None else wkt_of_wkb(row.wkb)
    return {
        "type": "OGRFeature",
        "id": row.fid,
        # What is not said stays unset: each value costs GDAL a search for its column.
        "fields": {name: value for name, value in zip(names, row.values) if value is not None},
        "geometry_fields": {"": geometry},
    }


def _box(extent: Optional[Sequence[float]]) -> Optional[Box]:
    """Return a spatial filter's extent as a box on the globe; None where it filters nothing."""
    if extent is None:
        return None
    west, south, east, north = extent
    if not (west <= east and south <= north):  # NaN included
        return None
    box = Box(max(west, -180.0), max(south, -90.0), min(east, 180.0), min(north, 90.0))
    return None if box.is_world else box
