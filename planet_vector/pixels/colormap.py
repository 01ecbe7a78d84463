"""Convert palette indices to colours."""

from __future__ import annotations

from typing import Any, Mapping, Tuple

import numpy as np


def looked_up(pixels: Any, palette: Mapping[int, Tuple[int, int, int, int]]) -> Any:
    """Return the colours of pixels in a palette.

    Parameters
    ----------
    pixels : array of int, shape (rows, columns)
        Indices into the palette; larger ones get its last colour.
    palette : mapping of int to (red, green, blue, alpha)
        As rasterio returns a colormap; GeoTIFF knows no alpha.

    Returns
    -------
    array of uint8, shape (3, rows, columns)
        Red, green and blue.
    """
    colours = np.zeros((max(palette) + 1, 3), "uint8")
    colours[list(palette)] = [colour[:3] for colour in palette.values()]
    return np.moveaxis(colours[np.minimum(pixels, len(colours) - 1)], -1, 0)
