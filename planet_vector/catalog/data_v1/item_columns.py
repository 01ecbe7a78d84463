"""Columns of items by item type: names, types and units of the properties of the Data API v1.

Compiled from items of the service and from the properties that GDAL's PLScenes driver lists.
"""

from __future__ import annotations

from typing import Dict, Mapping, Tuple

from planet_vector.collection_schema import BOOLEAN, INTEGER, REAL, TEXT, TIME

_NAMES_BY_TYPE: Mapping[str, str] = {
    TIME: "acquired processed product_generation_time published updated",
    TEXT: """antenna_look_direction camera_id catalog_id collection data_type datatake_id granule_id grid_cell
        instrument item_type mgrs_grid_id orbit_direction polarisation_channels polarisation_mode product_id
        product_version provider publishing_stage quality_category s2_processor_version satellite_id sensor_mode
        sgrid_tile_id strip_id""",
    INTEGER: "abs_orbit_number columns epsg_code rel_orbit_number rows wrs_path wrs_row",
    REAL: """anomalous_pixels black_fill clear_confidence_percent clear_percent cloud_cover cloud_percent
        ground_control_ratio gsd heavy_haze_percent incidence_far incidence_near light_haze_percent origin_x origin_y
        pixel_resolution satellite_azimuth shadow_percent snow_ice_percent sun_azimuth sun_elevation usable_data
        view_angle visible_confidence_percent visible_percent""",
    BOOLEAN: "ground_control",
}
TYPES: Mapping[str, str] = {name: kind for kind, names in _NAMES_BY_TYPE.items() for name in names.split()}
"""Types of properties, the same for all item types."""

_COMMON = "acquired published updated item_type provider satellite_id sun_azimuth sun_elevation view_angle"
_UDM2 = """clear_confidence_percent clear_percent cloud_percent heavy_haze_percent light_haze_percent shadow_percent
    snow_ice_percent visible_confidence_percent visible_percent"""
_GRID = "columns epsg_code origin_x origin_y rows"
_PLANETSCOPE = """anomalous_pixels cloud_cover ground_control gsd instrument pixel_resolution publishing_stage
    quality_category satellite_azimuth strip_id usable_data"""
_RAPIDEYE = "anomalous_pixels black_fill catalog_id cloud_cover columns gsd rows strip_id usable_data"
_SKYSAT = f"cloud_cover gsd pixel_resolution publishing_stage quality_category satellite_azimuth strip_id {_UDM2}"
_TANAGER = "cloud_cover ground_control gsd instrument pixel_resolution publishing_stage quality_category strip_id"
_SENTINEL = f"abs_orbit_number datatake_id granule_id rel_orbit_number black_fill {_GRID}"
_PUBLIC = "anomalous_pixels cloud_cover gsd instrument pixel_resolution quality_category usable_data"
_MODIS = f"black_fill data_type product_generation_time product_version sgrid_tile_id {_PUBLIC}"

_BY_TYPE: Mapping[str, str] = {
    "PSScene": f"{_PLANETSCOPE} {_UDM2} epsg_code rows",
    "PSScene4Band": f"{_PLANETSCOPE} {_UDM2} {_GRID}",
    "PSScene3Band": f"{_PLANETSCOPE} {_GRID}",
    "PSOrthoTile": f"{_PLANETSCOPE} {_UDM2} {_GRID} black_fill grid_cell",
    "REOrthoTile": f"{_RAPIDEYE} epsg_code grid_cell ground_control origin_x origin_y pixel_resolution",
    "REScene": _RAPIDEYE,
    "SkySatScene": f"{_SKYSAT} anomalous_pixels camera_id ground_control",
    "SkySatCollect": f"{_SKYSAT} ground_control_ratio",
    "SkySatVideo": "camera_id publishing_stage quality_category satellite_azimuth strip_id",
    "TanagerScene": _TANAGER,
    "TanagerMethane": _TANAGER,
    "Landsat8L1G": f"{_PUBLIC} {_GRID} collection data_type processed product_id wrs_path wrs_row",
    "Sentinel1": f"""{_PUBLIC} {_SENTINEL} antenna_look_direction clear_percent cloud_percent incidence_far
        incidence_near orbit_direction polarisation_channels polarisation_mode sensor_mode""",
    "Sentinel2L1C": f"""{_PUBLIC} {_SENTINEL} data_type mgrs_grid_id product_generation_time product_id
        s2_processor_version""",
    "MOD09GA": _MODIS,
    "MYD09GA": _MODIS,
    "MOD09GQ": f"{_MODIS} clear_percent cloud_percent",
    "MYD09GQ": f"{_MODIS} clear_percent cloud_percent",
}
# For unknown item types: what most have; the rest is in "other".
_UNKNOWN = "cloud_cover ground_control gsd instrument pixel_resolution publishing_stage quality_category strip_id"

ITEM_TYPES: Tuple[str, ...] = tuple(_BY_TYPE)
"""The known item types, the most used first."""

UNITS: Mapping[str, str] = {
    **{name: "%" for name in TYPES if name.endswith("_percent")},
    "anomalous_pixels": "fraction",
    "black_fill": "fraction",
    "cloud_cover": "fraction",
    "ground_control_ratio": "fraction",
    "usable_data": "fraction",
    "gsd": "m",
    "pixel_resolution": "m",
    "origin_x": "m",
    "origin_y": "m",
    **dict.fromkeys(("incidence_far", "incidence_near", "satellite_azimuth"), "°"),
    **dict.fromkeys(("sun_azimuth", "sun_elevation", "view_angle"), "°"),
}
"""Units of columns."""


def columns_of(item_type: str) -> Dict[str, str]:
    """Return the columns of an item type, each with its type: the common ones, then the others by name.

    Parameters
    ----------
    item_type : str
        The item type; an unknown one has the usual columns.
    """
    own = sorted(_BY_TYPE.get(item_type, _UNKNOWN).split())
    return {name: TYPES[name] for name in (*_COMMON.split(), *own)}
