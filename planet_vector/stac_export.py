"""Scenes as STAC items, for libraries of data cubes and tables.

The mapping (STAC 1.0.0, with the extensions eo, view, timestamps, projection and raster where they apply):

=============================================  ======================================================
the service's                                  STAC's
=============================================  ======================================================
time of acquisition                            ``datetime``
time of publication                            ``published``
satellite                                      ``platform``
ground sample distance                         ``gsd``
cloud cover                                    ``eo:cloud_cover``, in percent
view angles                                    ``view:off_nadir`` (unsigned), ``view:azimuth``
sun angles                                     ``view:sun_elevation``, ``view:sun_azimuth``
scene type                                     ``planet:scene_type``
every other property, by its dotted name       ``planet:<name>``
products, thumbnails                           assets; their links contain no key
=============================================  ======================================================

The collection's `planet_vector.collection_schema.Meanings` identifies the properties. A value outside of STAC's range
keeps its ``planet:`` name.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Mapping, Optional, Tuple

from planet_vector.assets import Asset, SpectralBand
from planet_vector.collection_schema import flatten
from planet_vector.errors import NotFoundError, ProtocolError
from planet_vector.extras import named_extra
from planet_vector.geometry.boxes import narrow_around_polygons
from planet_vector.scene import Scene
from planet_vector.times import format_time
from planet_vector.vector.texts import held

if TYPE_CHECKING:
    from planet_vector.pixels.header import Band, RasterHeader

STAC_VERSION = "1.0.0"

_EXTENSION = "https://stac-extensions.github.io/{}/schema.json"
EXTENSIONS = {
    "eo": _EXTENSION.format("eo/v1.1.0"),
    "view": _EXTENSION.format("view/v1.0.0"),
    "published": _EXTENSION.format("timestamps/v1.1.0"),
    "proj": _EXTENSION.format("projection/v1.1.0"),
    "raster": _EXTENSION.format("raster/v1.1.0"),
}
"""The schema of each extension, by the prefix of its fields."""

_NUMBERS: Mapping[str, Tuple[str, float, float]] = {
    "gsd": ("gsd", 1e-9, 1e9),
    "cloud_cover": ("eo:cloud_cover", 0, 100),
    "off_nadir": ("view:off_nadir", 0, 90),
    "view_azimuth": ("view:azimuth", 0, 360),
    "sun_elevation": ("view:sun_elevation", -90, 90),
    "sun_azimuth": ("view:sun_azimuth", 0, 360),
}
"""By meaning, STAC's field and its least and greatest value."""

_COMPLEX = {"complex_int16": "cint16", "complex64": "cfloat32", "complex128": "cfloat64"}
"""The raster extension's names of types that differ from numpy's."""

_COMMON = {"red", "green", "blue", "nir", "pan", "cirrus", "coastal"}


def to_stac(scene: Scene, headers: Optional[Mapping[str, RasterHeader]] = None) -> Dict[str, Any]:
    """Return a scene as a STAC item.

    Parameters
    ----------
    scene : Scene
        The scene.
    headers : mapping, optional
        By product, its header, as `planet_vector.raster.headers.header_of` returns it: grid, data types and units of
        the pixels, which the service's metadata lacks.

    Raises
    ------
    ProtocolError
        If a time or the footprint of the scene is invalid.
    """
    properties: Dict[str, Any] = {"datetime": _time(scene.acquired)}
    if scene.published is not None:
        properties["published"] = _time(scene.published)
    properties["planet:scene_type"] = scene.scene_type
    meanings = scene.schema.meanings
    numbers = {getattr(meanings, meaning): (meaning, *stac) for meaning, stac in _NUMBERS.items()}
    for name, value in flatten(scene.properties):
        if name in (meanings.time, meanings.published) or name.partition(".")[0] in scene.schema.link_groups:
            continue
        meaning, field, low, high = numbers.get(name, ("", "", 0.0, 0.0))
        if field and isinstance(value, (int, float)) and not isinstance(value, bool):
            told = abs(value) if meaning == "off_nadir" else value
            told = meanings.percent_of_cover(told) if meaning == "cloud_cover" else told
            if low <= told <= high:
                properties[field] = told
                if told == value:
                    continue
        if name == meanings.platform and isinstance(value, str) and value:
            properties["platform"] = value
            continue
        properties[f"planet:{name}"] = value
    assets = _assets(scene, headers or {})
    used = {name.partition(":")[0] for name in properties} | {n.partition(":")[0] for a in assets.values() for n in a}
    found: Dict[str, Any] = {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "stac_extensions": [schema for prefix, schema in EXTENSIONS.items() if prefix in used],
        "id": scene.id,
        **_ground(scene),
        "properties": properties,
        "links": _links(scene),
        "assets": assets,
    }
    return found


def write_geoparquet(scenes: Iterable[Scene], path: Path) -> int:
    """Write scenes as a GeoParquet file of STAC items, one per row, in the format of stac-geoparquet.

    Parameters
    ----------
    scenes : iterable of Scene
        The scenes.
    path : Path
        The file; an existing one is replaced once the new one is complete.

    Returns
    -------
    int
        The number of scenes.

    Raises
    ------
    NotFoundError
        If there are no scenes, and so no columns.
    ProtocolError
        If their properties do not fit columns, such as a text where others have a number.
    """
    with named_extra():
        from stac_geoparquet.arrow import to_parquet

    from planet_vector.atomic_files import complete

    items = [_encodable(to_stac(scene)) for scene in scenes]
    if not items:
        raise NotFoundError(f"The search found no scenes, so there is nothing to write to {path}: widen it.")
    try:
        table = _table(items)
    except (ValueError, TypeError, OverflowError, NotImplementedError) as error:
        # Arrow has one type per column; these are its errors.
        told = " ".join(str(error).split())[:200]
        raise ProtocolError(
            f"The properties of the scenes do not fit columns, so {path} is not written: {told}"
        ) from None
    with complete(path) as temporary:
        to_parquet(table, temporary)
    return len(items)


def _encodable(value: Any) -> Any:
    """Return a value with each character that text files cannot hold replaced by U+FFFD."""
    if isinstance(value, dict):
        return {held(key): _encodable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_encodable(each) for each in value]
    return held(value) if isinstance(value, str) else value


def _table(items: List[Dict[str, Any]]) -> Any:
    """Return items as an Arrow table; missing fields are null."""
    import pyarrow
    from stac_geoparquet.arrow import parse_stac_items_to_arrow

    bare = [found["geometry"] is None for found in items]
    if not any(bare):
        return parse_stac_items_to_arrow(items, chunk_size=len(items)).read_all()
    # The library rejects items without a footprint, so they get a temporary one.
    for found in items:
        if found["geometry"] is None:
            found.update(geometry={"type": "Point", "coordinates": [0.0, 0.0]}, bbox=[0.0, 0.0, 0.0, 0.0])
    lent = pyarrow.table(parse_stac_items_to_arrow(items, chunk_size=len(items)).read_all())
    for name in ("geometry", "bbox"):
        at = lent.schema.get_field_index(name)
        values = pyarrow.compute.if_else(
            pyarrow.array(bare), pyarrow.scalar(None, lent.field(at).type), lent.column(at)
        )
        lent = lent.set_column(at, lent.field(at).with_nullable(True), values)
    return lent


def _time(moment: Any) -> str:
    return format_time(moment).replace("+00:00", "Z")


def _ground(scene: Scene) -> Dict[str, Any]:
    """Return footprint and bounding box, or a null footprint; across the antimeridian, west is greater than east."""
    polygons = scene.polygons
    if not polygons:
        return {"geometry": None}
    rings = [[[list(position) for position in ring] for ring in polygon] for polygon in polygons]
    one = len(rings) == 1
    geometry = {"type": "Polygon" if one else "MultiPolygon", "coordinates": rings[0] if one else rings}
    return {"geometry": geometry, "bbox": list(narrow_around_polygons(polygons))}


def _links(scene: Scene) -> List[Dict[str, str]]:
    try:
        return [{"rel": "self", "href": scene.link("self"), "type": "application/geo+json"}]
    except NotFoundError:
        return []


def _assets(scene: Scene, headers: Mapping[str, RasterHeader]) -> Dict[str, Dict[str, Any]]:
    assets: Dict[str, Dict[str, Any]] = {}
    for product, known in scene.assets.items():
        asset: Dict[str, Any] = {
            "href": known.href,
            "type": known.media_type,
            "title": product,
            "roles": list(known.roles),
        }
        bands = _bands(known, headers.get(product))
        if bands:
            asset["eo:bands"] = bands
        if product in headers:
            asset.update(_pixels(headers[product]))
        assets[product] = asset
    for name in ("thumbnail", "square_thumbnail"):
        try:
            assets[name] = {"href": scene.link(name), "type": "image/png", "roles": ["thumbnail"]}
        except NotFoundError:
            continue
    return assets


def _bands(asset: Asset, header: Optional[RasterHeader]) -> List[Dict[str, Any]]:
    """Return STAC's description of an asset's bands, in their order."""
    if header is None:
        return [_band(asset, band) for band in asset.bands]
    colours = [colour.name for colour in header.colours]
    known = dict(zip(header.shown, asset.bands_among(len(header.shown))))
    if known:
        return [
            _band(asset, known[number]) if number in known else {"name": name} for number, name in enumerate(colours, 1)
        ]
    named = len(set(colours)) == len(colours) and set(colours) >= {"red", "green", "blue"}
    names = colours if named else [f"band_{number}" for number in range(1, len(colours) + 1)]
    return [{"name": name, **({"common_name": name} if name in _COMMON else {})} for name in names]


def _band(asset: Asset, known: SpectralBand) -> Dict[str, Any]:
    band: Dict[str, Any] = {"name": known.name or asset.name, "description": known.description}
    if known.common:
        band["common_name"] = known.common
    if known.centre is not None:
        band.update(center_wavelength=known.centre, full_width_half_max=known.width)
    return band


def _pixels(header: RasterHeader) -> Dict[str, Any]:
    return {
        "proj:epsg": header.crs.to_epsg() if header.crs is not None else None,
        "proj:shape": [header.height, header.width],
        "proj:transform": [float(value) for value in tuple(header.transform)[:6]],
        "raster:bands": [_raster_band(band) for band in header.bands],
    }


def _raster_band(band: Band) -> Dict[str, Any]:
    found: Dict[str, Any] = {"data_type": _COMPLEX.get(band.dtype, band.dtype)}
    if band.nodata is not None:
        # JSON has only finite numbers: the extension writes others as texts.
        found["nodata"] = band.nodata if math.isfinite(band.nodata) else str(band.nodata)
    if (band.scale, band.offset) != (1, 0):
        found.update(scale=band.scale, offset=band.offset)
    if band.unit:
        found["unit"] = band.unit
    return found
