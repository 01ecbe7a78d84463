"""Check that rasters can be combined, and derive what applies to all of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, List, Optional, Sequence

from planet_vector.errors import RasterAccessError
from planet_vector.pixels.header import Band, RasterHeader
from planet_vector.raster.headers import header_of
from planet_vector.raster.placed import north_up

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

ALPHA = "alpha"


def told_by_pixels(header: RasterHeader) -> Optional[str]:
    """Return how pixels encode nodata, if GDAL understands it: `ALPHA`, or the one value of all bands.

    Parameters
    ----------
    header : RasterHeader
        Header of the raster.

    Returns
    -------
    str or None
        `ALPHA`, the ``repr`` of the value, or None.
    """
    if header.masked:
        return None
    if header.alpha is not None:
        # GDAL takes an alpha band as a mask only in these.
        seen = header.alpha == len(header.bands) in (2, 4) and set(header.dtypes) <= {"uint8", "uint16"}
        return ALPHA if seen and not any(value is not None for value in header.nodata) else None
    values = set(map(repr, header.fill_values))
    return None if len(values) > 1 or "None" in values else values.pop()


def bands_of_all(headers: Sequence[RasterHeader], top: RasterHeader) -> List[Band]:
    """Return the bands of a mosaic: those of the scene on top, without the properties that are not common to all.

    Parameters
    ----------
    headers : sequence of RasterHeader
        Headers of all scenes.
    top : RasterHeader
        Header of the scene on top.
    """
    found = []
    for number, band in enumerate(top.bands):
        values = {repr(header.fill_values[number]) for header in headers}
        names = {header.bands[number].description for header in headers}
        tags = set.intersection(*(set(header.bands[number].tags.items()) for header in headers))
        found.append(
            replace(
                band,
                nodata=top.fill_values[number] if len(values) == 1 else None,
                description=band.description if len(names) == 1 else None,
                tags=dict(tags),
            )
        )
    return found


def checked(dataset: DatasetReader, title: str, top: RasterHeader, on_top: str) -> RasterHeader:
    """Return the header of a scene whose pixels may be combined with those of the scene on top.

    Parameters
    ----------
    dataset : rasterio.io.DatasetReader
        The scene, open.
    title, on_top : str
        Names of the scene and of the scene on top in error messages.
    top : RasterHeader
        Header of the scene on top.

    Returns
    -------
    RasterHeader
        Header of the scene.

    Raises
    ------
    RasterAccessError
        If it is not north up, or equal numbers mean different things in both.
    """
    north_up(dataset)
    header = header_of(dataset)
    differences = [*top.differences(header)]
    if header.alpha != top.alpha and not differences:
        number = header.alpha or top.alpha
        differences.append(f"band {number} is alpha in one and not in the other")
    if differences:
        told = f"{title} has other bands than {on_top}, the scene on top: {', '.join(differences)}"
        raise RasterAccessError(f"{told}. Leave it out of the mosaic.")
    return header
