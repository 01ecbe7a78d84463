"""Crops of one grid as one dataset: a VRT with the bands of each date."""

from __future__ import annotations

import os
from pathlib import Path
from typing import List, Sequence
from xml.etree.ElementTree import SubElement, tostring

import rasterio

from planet_vector.errors import QueryError
from planet_vector.raster.virtual import header_of, vrt, vrt_band, vrt_source
from planet_vector.raster.writing import complete


def write_dates(crops: Sequence[Path], path: Path) -> None:
    """Write a VRT with the bands of each crop, one crop after another; it refers to them by relative paths.

    Each band says in its description when it was acquired, and by which scene.

    Parameters
    ----------
    crops : sequence of Path
        GeoTIFFs of one grid, as `crop_stack` writes them.
    path : Path
        Where to; replaced when it is complete.

    Raises
    ------
    QueryError
        When there are none, or they are not of one grid.
    """
    headers = []
    tags: List[dict[str, str]] = []
    for crop in crops:
        with rasterio.open(crop) as dataset:
            headers.append(header_of(dataset))
            tags.append(dataset.tags())
    grids = {(h["crs"].to_wkt(), tuple(h["transform"]), h["width"], h["height"]) for h in headers}
    if len(grids) != 1:
        raise QueryError("The crops are not of one grid, so they make no one dataset: crop them with 'align'.")
    bounds, res = headers[0]["bounds"], headers[0]["res"]
    root = vrt(headers[0]["crs"], bounds, res)
    for crop, header, told in zip(crops, headers, tags):
        # An alpha band of each date would make all but one date's colours transparent where another has no data.
        for number, (dtype, colour) in enumerate(zip(header["dtypes"], header["colours"]), 1):
            band = vrt_band(root, dtype, header["nodata"], "undefined" if colour == "alpha" else colour)
            said = (told.get("acquired", ""), told.get("id", ""), header["descriptions"][number - 1] or colour)
            SubElement(band, "Description").text = " ".join(word for word in said if word)
            source = vrt_source(band, os.path.relpath(crop, path.parent), number, header, bounds, res)
            name = source.find("SourceFilename")
            assert name is not None
            name.set("relativeToVRT", "1")
    with complete(path) as temporary:
        temporary.write_bytes(tostring(root, encoding="utf-8"))
