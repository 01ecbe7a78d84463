"""VRT of crops on one grid, with the bands of each date."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Sequence

import rasterio
from rasterio.enums import ColorInterp

from planet_vector.atomic_files import complete
from planet_vector.errors import QueryError
from planet_vector.raster.file_vrts import vrt_band, vrt_source
from planet_vector.raster.headers import header_of
from planet_vector.raster.vrt_xml import add_mask, as_text, new_vrt


def write_dates(crops: Sequence[Path], path: Path) -> None:
    """Write a VRT with the bands of each crop, one crop after another; it refers to them by relative paths.

    The description of each band has its time of acquisition and its scene. Scale, offset, unit, palette and nodata are
    those of the crop's band. If a crop has a mask or an alpha band, each of its bands has a mask.

    Parameters
    ----------
    crops : sequence of Path
        GeoTIFFs on one grid, as `crop_stack` writes them.
    path : Path
        The VRT; an existing file is replaced once the new one is complete.

    Raises
    ------
    QueryError
        If there are no crops, or they are not on one grid.
    """
    headers = []
    for crop in crops:
        with rasterio.open(crop) as dataset:
            headers.append(header_of(dataset))
    grids = {(h.crs.to_wkt(), tuple(h.transform), h.width, h.height) for h in headers}
    if len(grids) != 1:
        raise QueryError("The crops are not on one grid, so they cannot form one dataset: crop them with 'align'.")
    grid = headers[0].grid
    root = new_vrt(grid)
    for crop, header in zip(crops, headers):
        name = os.path.relpath(crop, path.parent)
        # With an alpha band per date, missing data of one date would make the others transparent. So each band has its
        # own mask instead.
        mask = "mask,1" if header.masked else header.alpha
        for number, said in enumerate(header.bands, 1):
            words = (header.tags.get("acquired", ""), header.tags.get("id", ""), said.description or said.colour.name)
            colour = ColorInterp.undefined if said.colour == ColorInterp.alpha else said.colour
            described = " ".join(word for word in words if word)
            band = vrt_band(root, replace(said, colour=colour, description=described))
            vrt_source(band, name, number, header, grid, relative=True)
            if mask is not None and number != mask:
                vrt_source(add_mask(band), name, mask, header, grid, relative=True)
    with complete(path) as temporary:
        temporary.write_text(as_text(root), encoding="utf-8")
