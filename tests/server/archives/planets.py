"""Planet orders, RapidEye tiles, NAIP quads and drone projects, made by the specification of their metadata.

The models are a real order (``../shared/data/planet-order``), the items of ``../shared/data/data-api-v1`` and the
examples of Planet's STAC extension. No whole XML of a RapidEye tile was found in public data: it is the same tree as
PlanetScope's, in the namespace ``http://schemas.rapideye.de/products/productMetadataGeocorrected``.
"""

from __future__ import annotations

import contextlib
import json
import warnings
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np
import rasterio
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning
from rasterio.rpc import RPC
from rasterio.transform import from_origin

from ..conftest import DATA

ORDER = DATA / "planet-order"
FOUR = ("blue", "green", "red", "nir")
EIGHT = ("coastal_blue", "blue", "green_i", "green", "yellow", "red", "rededge", "nir")
RING = [[15.0, 47.84], [15.01, 47.84], [15.01, 47.85], [15.0, 47.85], [15.0, 47.84]]
PS = "http://schemas.planet.com/ps/v1/planet_product_metadata_geocorrected_level"
RE = "http://schemas.rapideye.de/products/productMetadataGeocorrected"


_ONE, _ZEROS = [1.0] + [0.0] * 19, [0.0] * 20
_POLYNOMIALS = RPC(
    height_off=0, height_scale=500, lat_off=47.85, lat_scale=0.1, line_den_coeff=_ONE,
    line_num_coeff=[0, 0, -1, *_ZEROS[3:]], line_off=16, line_scale=16, long_off=15, long_scale=0.1,
    samp_den_coeff=_ONE, samp_num_coeff=[0, 1, *_ZEROS[2:]], samp_off=16, samp_scale=16,
)  # fmt: skip


def write_bands(
    path: Path,
    count: int,
    *,
    dtype: str = "uint16",
    size: int = 32,
    descriptions: Sequence[str] = (),
    colours: Sequence[ColorInterp] = (),
    tags: Optional[Mapping[str, str]] = None,
    placed: bool = True,
    margin: int = 0,
    nodata: Optional[float] = None,
) -> np.ndarray:
    """Write a GeoTIFF at 15° east, 47.85° north, whose band N has the value 10 N; zeros around it within the margin.

    One that is not placed has rational polynomials, as Planet's basic files.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((count, size, size), dtype)
    inner = slice(margin, size - margin)
    for band in range(count):
        pixels[band, inner, inner] = 10 * (band + 1)
    profile = {"driver": "GTiff", "width": size, "height": size, "count": count, "dtype": dtype, "nodata": nodata}
    if placed:
        profile.update(crs="EPSG:32633", transform=from_origin(499_980, 5_300_040, 3, 3))
    else:
        profile.update(rpcs=_POLYNOMIALS)
    with contextlib.ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        dataset = stack.enter_context(rasterio.open(path, "w", **profile))
        dataset.write(pixels)
        if descriptions:
            dataset.descriptions = tuple(descriptions)
        if colours:
            dataset.colorinterp = list(colours)
        if tags:
            dataset.update_tags(**tags)
    return pixels


def item_json(item_id: str, item_type: str, geometry: object = None, **properties: object) -> Dict[str, object]:
    """Return the metadata of an item of the Data API v1."""
    given = {"acquired": "2022-12-21T08:40:22.180138Z", "published": "2022-12-21T21:04:58Z", "item_type": item_type,
             "cloud_cover": 0.07, "gsd": 3.8, "provider": "planetscope", **properties}  # fmt: skip
    outline = {"type": "Polygon", "coordinates": [RING]} if geometry is None else geometry
    return {"id": item_id, "type": "Feature", "geometry": outline, "properties": given}


def write_json(path: Path, document: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path


def manifest(root: Path, files: Sequence[Tuple[str, Mapping[str, str]]]) -> Path:
    """Write the manifest of an order: paths and annotations, without their prefix."""
    entries = [
        {
            "path": path,
            "media_type": "image/tiff",
            "size": 485490660,
            "digests": {"md5": "84730ec95fae885fc125d8c15b73191c"},
            "annotations": {f"planet/{name}": value for name, value in annotations.items()},
        }
        for path, annotations in files
    ]
    return write_json(root / "manifest.json", {"name": "", "files": entries})


def planet_xml(
    prefix: str = "ps",
    namespace: str = PS,
    *,
    time: Optional[str] = "2022-12-21T08:40:22+00:00",
    ring: Sequence[Sequence[float]] = (),
    corners: Sequence[Sequence[float]] = (),
    factors: Mapping[int, Mapping[str, float]] = {},
    satellite: str = "2414",
    instrument: str = "PSB.SD",
    cloud: str = "4.5",
    archive: str = "6158805",
    tile: Optional[str] = None,
) -> str:
    """Return the metadata of a file; corners are top left, top right, bottom right and bottom left."""
    p = prefix
    pairs = " ".join(f"{x},{y}" for x, y in ring)
    polygon = f"""<gml:multiExtentOf><gml:MultiSurface><gml:surfaceMembers><gml:Polygon><gml:outerBoundaryIs>
<gml:LinearRing><gml:coordinates>{pairs}</gml:coordinates></gml:LinearRing></gml:outerBoundaryIs></gml:Polygon></gml:surfaceMembers>
</gml:MultiSurface></gml:multiExtentOf>""" if ring else ""  # fmt: skip
    names = ("topLeft", "topRight", "bottomRight", "bottomLeft")
    places = "".join(
        f"<{p}:{name}><{p}:latitude>{y}</{p}:latitude><{p}:longitude>{x}</{p}:longitude></{p}:{name}>"
        for name, (x, y) in zip(names, corners)
    )
    bands = "".join(
        f"<{p}:bandSpecificMetadata><{p}:bandNumber>{number}</{p}:bandNumber><!-- a factor -->"
        + "".join(f"<{p}:{name}>{value!r}</{p}:{name}>" for name, value in values.items())
        + f"</{p}:bandSpecificMetadata>"
        for number, values in factors.items()
    )
    acquired = f"<{p}:acquisitionDateTime>{time}</{p}:acquisitionDateTime>" if time else ""
    tile_id = f"<{p}:tileId>{tile}</{p}:tileId>" if tile else ""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<{p}:EarthObservation xmlns:{p}="{namespace}" xmlns:gml="http://www.opengis.net/gml"
 xmlns:eop="http://earth.esa.int/eop" xmlns:opt="http://earth.esa.int/opt">
<gml:metaDataProperty><{p}:EarthObservationMetaData>
<eop:archivedIn><eop:ArchivingInformation><eop:archivingIdentifier>{archive}</eop:archivingIdentifier>
</eop:ArchivingInformation></eop:archivedIn>{tile_id}</{p}:EarthObservationMetaData></gml:metaDataProperty>
<gml:using><eop:EarthObservationEquipment>
<eop:platform><eop:Platform><eop:shortName>PlanetScope</eop:shortName>
<eop:serialIdentifier>{satellite}</eop:serialIdentifier></eop:Platform></eop:platform>
<eop:instrument><eop:Instrument><eop:shortName>{instrument}</eop:shortName></eop:Instrument></eop:instrument>
<eop:sensor><{p}:Sensor><eop:resolution uom="m">3.0000</eop:resolution></{p}:Sensor></eop:sensor>
<eop:acquisitionParameters><{p}:Acquisition>
<opt:illuminationAzimuthAngle uom="deg">7.716837e+01</opt:illuminationAzimuthAngle>
<opt:illuminationElevationAngle uom="deg">6.095281e+01</opt:illuminationElevationAngle>
<{p}:azimuthAngle uom="deg">1.190759e+01</{p}:azimuthAngle>
<{p}:spaceCraftViewAngle uom="deg">1.194990e+00</{p}:spaceCraftViewAngle>{acquired}
</{p}:Acquisition></eop:acquisitionParameters></eop:EarthObservationEquipment></gml:using>
<gml:target><{p}:Footprint>{polygon}<{p}:geographicLocation>{places}</{p}:geographicLocation></{p}:Footprint></gml:target>
<gml:resultOf><{p}:EarthObservationResult><eop:product><{p}:ProductInformation>
<{p}:rowGsd>3.0</{p}:rowGsd><{p}:columnGsd>3.0</{p}:columnGsd>
<{p}:atmosphericCorrectionApplied>false</{p}:atmosphericCorrectionApplied></{p}:ProductInformation></eop:product>
<opt:cloudCoverPercentage uom="percentage">{cloud}</opt:cloudCoverPercentage>{bands}
</{p}:EarthObservationResult></gml:resultOf></{p}:EarthObservation>"""


def write_text(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def order(
    root: Path, item_id: str, item_type: str, files: Mapping[str, Tuple[str, int]], **properties: object
) -> List[str]:
    """Write an order of one item with a manifest: names of rasters with their asset and number of bands."""
    folder = f"{item_type}/{item_id}"
    listed = [(f"{folder}_metadata.json", {"item_id": item_id, "item_type": item_type})]
    write_json(root / f"{folder}_metadata.json", item_json(item_id, item_type, **properties))
    for name, (asset, count) in files.items():
        write_bands(root / item_type / name, count, dtype="uint8" if "visual" in asset or "udm" in asset else "uint16")
        listed.append((f"{item_type}/{name}", {"item_id": item_id, "item_type": item_type, "asset_type": asset}))
    manifest(root, listed)
    return [path for path, _ in listed]
