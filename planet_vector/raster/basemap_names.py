"""List basemaps as containers of rasters, by names without a key that stock programs open.

This module needs only the standard library and requests, because the GDAL driver runs it in whatever Python embeds
GDAL.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import List, Optional, Sequence, Tuple

from planet_vector.catalog import Catalog
from planet_vector.catalog.basemaps import (
    Basemap,
    box_of_name,
    quad_bounds,
)
from planet_vector.errors import ConfigError, QueryError, RasterAccessError
from planet_vector.geometry.boxes import Box
from planet_vector.item_ids import is_item_id
from planet_vector.names import BASEMAPS, OF_SERVICE, ONLY_GEOTIFF, Name
from planet_vector.private_files import make_folder, remove_oldest, write_private
from planet_vector.raster.access import ANY_BUILD, plan, remark, self_contained
from planet_vector.raster.credential_files import tiles_file
from planet_vector.raster.fresh_sources import with_fresh_sources
from planet_vector.raster.gdal_xml import Placed, quads_description, tiles_description
from planet_vector.scene import Item
from planet_vector.user_folders import user_directory
from planet_vector.workers import Workers

MOST_QUADS = 100
"""Most quads of an area that are listed by name: each costs a request, and programs show them in a menu."""

MOST_KEPT = 500
"""Most VRTs of combined quads that are kept, besides those of the last day."""

_SUFFIX = ".vrt"

Subdatasets = List[Tuple[str, str]]
"""Pairs of name and description."""


def basemap_subdatasets(catalog: Catalog, name: Name) -> Subdatasets:
    """Return a name and a description for each raster that a PLANET:basemaps name refers to.

    =======================================  ============================================================
    ``PLANET:basemaps``                      each basemap, itself such a name
    ``PLANET:basemaps/NAME``                 its tiles: the globe at every zoom
    ``PLANET:basemaps/NAME?bbox=w,s,e,n``    the same, the quads there as one raster, and each of them
    ``PLANET:basemaps/NAME/QUAD``            one quad
    =======================================  ============================================================

    Parameters
    ----------
    catalog : Catalog
        The service.
    name : Name
        The parsed name; its bbox is west, south, east, north in degrees.

    Returns
    -------
    list of (str, str)
        Names and descriptions. Quads that are only served whole are omitted.

    Raises
    ------
    QueryError
        If the box is invalid, or more than `MOST_QUADS` quads intersect it.
    ServiceError
        If the service does not provide one of them.
    """
    if not name.item:
        kept = tuple(pair for pair in name.parameters if pair[0] in OF_SERVICE)
        return [
            (str(Name(BASEMAPS, body["name"], parameters=kept)), f"basemap {body.get('title') or body['name']}")
            for body in catalog.basemaps.list()
            if is_item_id(body["name"])
        ]
    basemap = catalog.basemaps.named(name.item)
    if name.part:
        return _quads(catalog, basemap, [catalog.basemaps.quad(basemap, name.part)])
    tiles = str(tiles_file(catalog.settings, basemap.name, tiles_description(catalog, basemap.tiles, basemap.level)))
    found = [(tiles, f"tiles of basemap {basemap.name}, the globe down to zoom {basemap.level}")]
    text = name.get("bbox")
    if text is None:
        return found
    try:
        box = Box.parse(text)
    except ValueError as error:
        raise QueryError(f"bbox: {error}.") from None
    quads = list_quads(catalog, basemap, box, MOST_QUADS)
    if not quads:
        return found
    singles = _quads(catalog, basemap, quads)
    if len(singles) == len(quads):
        placed = [
            Placed(ONLY_GEOTIFF + single, quad_bounds(basemap, quad.id)) for quad, (single, _) in zip(quads, singles)
        ]
        file = _written(quads_description(basemap, placed, tiles))
        found.append((str(file), f"{counted(quads)} of basemap {basemap.name} as one raster"))
    return found + singles


def basemap_raster(catalog: Catalog, name: Name) -> Optional[str]:
    """Return the name of the one raster that a basemap's name refers to: its tiles, its quads in a box, or a quad.

    Parameters
    ----------
    catalog : Catalog
        The service.
    name : Name
        The parsed name.

    Returns
    -------
    str or None
        None if a quad is only served whole.

    Raises
    ------
    RasterAccessError
        If no quad intersects the box.
    """
    box = box_of_name(name)
    found = basemap_subdatasets(catalog, name)
    if name.part or box is None:
        return found[0][0] if found else None
    if len(found) == 1:
        raise RasterAccessError(f"Basemap {name.item!r} has no quad there: take another box.")
    return found[1][0] if found[1][0].endswith(_SUFFIX) else None


def list_quads(catalog: Catalog, basemap: Basemap, box: Box, most: int) -> List[Item]:
    """Return the quads of a basemap that intersect a box.

    Parameters
    ----------
    catalog : Catalog
        The service.
    basemap : Basemap
        The basemap.
    box : Box
        West, south, east, north in degrees.
    most : int
        Most quads that are accepted.

    Raises
    ------
    QueryError
        If they cannot form one raster: there are more than `most`, or the box crosses the antimeridian.
    """
    if len(box.parts()) > 1:
        raise QueryError("A basemap ends at the antimeridian: open the two sides of the box one by one.")
    found: List[Item] = []
    for quad in catalog.basemaps.quads(basemap, box):
        found.append(quad)
        if len(found) > most:
            raise QueryError(f"More than {most:,} quads of basemap {basemap.name} lie in the bbox: take a smaller one.")
    return found


def counted(quads: Sequence[Item]) -> str:
    """Return the number of quads, with the noun.

    Parameters
    ----------
    quads : sequence of Item
        The quads.
    """
    return f"{len(quads):,} quad{'' if len(quads) == 1 else 's'}"


def _quads(catalog: Catalog, basemap: Basemap, quads: Sequence[Item]) -> Subdatasets:
    """Return a name and a description for each quad that can be read in parts."""

    def one(quad: Item) -> Tuple[str, str, bool]:
        access = plan(catalog, quad.link("full"), ANY_BUILD)
        return self_contained(access), f"quad {quad.id} of basemap {basemap.name}{remark(access)}", access.ranges

    with Workers(catalog.settings.connections) as pool:
        return [(name, description) for name, description, ranges in pool.map(one, quads) if ranges]


def directory() -> Path:
    """Return the folder of the VRTs of quads.

    Raises
    ------
    ConfigError
        If there is no home directory, and no variable specifies another folder.
    """
    return user_directory("cache") / "mosaics"  # the name used before 0.2.0: projects refer to files in it


def clear() -> int:
    """Remove the VRTs of quads, and return how many there were.

    Returns
    -------
    int
        Number of removed files.
    """
    found = list(directory().glob(f"*{_SUFFIX}"))
    for path in found:
        path.unlink(missing_ok=True)
    return len(found)


def _written(text: str) -> Path:
    """Write a VRT and return its path; its name is a digest of the text.

    Only its owner can read it, as it may contain signed addresses.

    Raises
    ------
    ConfigError
        If the file cannot be written.
    """
    path = directory() / (hashlib.blake2b(text.encode(), digest_size=12).hexdigest() + _SUFFIX)
    try:
        make_folder(path.parent)
        write_private(path, with_fresh_sources(text).encode(), ".vrt-")
        remove_oldest(path.parent, f"*{_SUFFIX}", MOST_KEPT)
    except OSError as error:
        raise ConfigError(
            f"The quads cannot be combined, as {path} cannot be written ({error.strerror}): make its folder writable."
        ) from None
    return path
