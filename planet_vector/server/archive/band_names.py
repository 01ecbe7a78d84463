"""Bands of a raster, as its header describes them."""

from __future__ import annotations

from typing import Tuple

from planet_vector.assets import SpectralBand
from planet_vector.bands import COMMON_NAMES, BandInfo
from planet_vector.server.archive.raster_info import RasterInfo

_COLOURS = ("red", "green", "blue")
_LONGEST = 100  # characters of a description that is a name


def bands_of(raster: RasterInfo) -> Tuple[BandInfo, ...]:
    """Return the bands of a raster: named by its descriptions, else by its colours, else ``band_1`` and so on.

    Parameters
    ----------
    raster : RasterInfo
        Its header.
    """
    described = any(raster.descriptions)
    coloured = set(_COLOURS) <= set(raster.colours)
    found = []
    for number in range(raster.bands):
        colour = raster.colours[number] if number < len(raster.colours) else ""
        name, common = f"band_{number + 1}", ""
        if described and number < len(raster.descriptions) and raster.descriptions[number]:
            name = raster.descriptions[number][:_LONGEST]
            common = name.lower() if name.lower() in COMMON_NAMES else ""
        elif not described and coloured and colour in (*_COLOURS, "alpha"):
            name, common = colour, colour if colour in _COLOURS else ""
        colour = colour.capitalize() if colour in (*_COLOURS, "alpha") else "Gray"
        found.append(BandInfo(SpectralBand(name, None, None, colour, name, common), nodata=raster.nodata))
    return tuple(found)
