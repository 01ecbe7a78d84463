"""Satellite imagery of a scenes service as OGR layers and rasters.

The functions of this package are imported from their modules on first use.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any, List

from planet_vector.errors import (
    ArchiveError,
    AuthError,
    BadQueryError,
    CacheError,
    ConfigError,
    NameSyntaxError,
    NotFoundError,
    PlanetVectorError,
    ProtocolError,
    QueryError,
    RasterAccessError,
    RateLimitError,
    ServiceError,
    UnavailableError,
)
from planet_vector.query import Query
from planet_vector.version import __version__

if TYPE_CHECKING:
    from planet_vector.catalog import connect as connect
    from planet_vector.driver.registration import register as register
    from planet_vector.maps import write_map as write_map
    from planet_vector.maps.inline import show_map as show_map
    from planet_vector.product_files import activate_products as activate
    from planet_vector.product_files import download_products as download
    from planet_vector.product_files import sync_products as sync
    from planet_vector.rasters import open_mosaic as mosaic
    from planet_vector.rasters import open_product as open
    from planet_vector.rasters import quicklook as quicklook
    from planet_vector.rasters import resolve as resolve
    from planet_vector.series.timeseries import timeseries as timeseries
    from planet_vector.stac_export import to_stac as to_stac
    from planet_vector.stacks.crop import crop_stack as crop_stack
    from planet_vector.stacks.cube import to_xarray as to_xarray
    from planet_vector.stacks.overlap import find_stacks as find_stacks
    from planet_vector.stacks.rectangle import largest_rectangle as largest_rectangle
    from planet_vector.vector.search import open_layer as open_layer
    from planet_vector.vector.search import search as search

__all__ = [
    "ArchiveError",
    "AuthError",
    "BadQueryError",
    "CacheError",
    "ConfigError",
    "NameSyntaxError",
    "NotFoundError",
    "PlanetVectorError",
    "ProtocolError",
    "Query",
    "QueryError",
    "RasterAccessError",
    "RateLimitError",
    "ServiceError",
    "UnavailableError",
    "__version__",
    "activate",
    "connect",
    "crop_stack",
    "download",
    "find_stacks",
    "largest_rectangle",
    "mosaic",
    "open",
    "open_layer",
    "quicklook",
    "register",
    "resolve",
    "search",
    "show_map",
    "sync",
    "timeseries",
    "to_stac",
    "to_xarray",
    "write_map",
]

_FUNCTIONS = {
    "activate": ("product_files", "activate_products"),
    "connect": ("catalog", "connect"),
    "crop_stack": ("stacks.crop", "crop_stack"),
    "download": ("product_files", "download_products"),
    "find_stacks": ("stacks.overlap", "find_stacks"),
    "largest_rectangle": ("stacks.rectangle", "largest_rectangle"),
    "mosaic": ("rasters", "open_mosaic"),
    "open": ("rasters", "open_product"),
    "open_layer": ("vector.search", "open_layer"),
    "quicklook": ("rasters", "quicklook"),
    "register": ("driver.registration", "register"),
    "resolve": ("rasters", "resolve"),
    "search": ("vector.search", "search"),
    "show_map": ("maps.inline", "show_map"),
    "sync": ("product_files", "sync_products"),
    "timeseries": ("series.timeseries", "timeseries"),
    "to_stac": ("stac_export", "to_stac"),
    "to_xarray": ("stacks.cube", "to_xarray"),
    "write_map": ("maps", "write_map"),
}
"""The module of each function, and its name there."""

logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    """Import a public function on first use, and cache it in this module (PEP 562)."""
    if name not in _FUNCTIONS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, function = _FUNCTIONS[name]
    found = getattr(import_module(f"{__name__}.{module}"), function)
    globals()[name] = found
    return found


def __dir__() -> List[str]:
    return sorted({*globals(), *__all__})
