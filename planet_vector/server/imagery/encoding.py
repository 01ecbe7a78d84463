"""Encode pictures as PNG, JPEG or GeoTIFF."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.io import MemoryFile
from rasterio.transform import from_bounds

from planet_vector.server.quad_grid import Bounds

FORMATS = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg"}
"""Media types of the formats a picture may have."""


def encode_picture(picture: Image.Image, image_format: str) -> bytes:
    """Encode a picture; JPEG shows transparent pixels as white.

    Parameters
    ----------
    picture : PIL.Image.Image
        An image of mode RGBA.
    image_format : str
        One of `FORMATS`.

    Returns
    -------
    bytes
        The content of the file.
    """
    target = io.BytesIO()
    if image_format == "png":
        picture.save(target, "PNG")
    else:
        white = Image.new("RGB", picture.size, "white")
        white.paste(picture, mask=picture.getchannel("A"))
        white.save(target, "JPEG", quality=85)
    return target.getvalue()


def image_of(colours: np.ndarray, mask: np.ndarray) -> Image.Image:
    """Return an RGBA picture.

    Parameters
    ----------
    colours : array of uint8, shape (3, rows, columns)
        Red, green and blue.
    mask : array of bool, shape (rows, columns)
        Which pixels are opaque.
    """
    return Image.fromarray(np.concatenate([colours, mask[np.newaxis].astype("uint8") * 255]).transpose(1, 2, 0))


def geotiff(colours: np.ndarray, mask: np.ndarray, bounds: Bounds) -> bytes:
    """Encode a square picture in web mercator as a GeoTIFF with overviews.

    Parameters
    ----------
    colours : array of uint8, shape (3, size, size)
        Red, green and blue.
    mask : array of bool, shape (size, size)
        Which pixels are opaque.
    bounds : (west, south, east, north)
        In metres.

    Returns
    -------
    bytes
        The content of the file.
    """
    size = mask.shape[0]
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            count=4,
            dtype="uint8",
            width=size,
            height=size,
            crs=CRS.from_epsg(3857),
            photometric="RGB",
            alpha="YES",
            transform=from_bounds(*bounds, size, size),
            tiled=True,
            blockxsize=256,
            blockysize=256,
            compress="deflate",
        ) as target:
            target.write(colours, (1, 2, 3))
            target.write(mask.astype("uint8") * 255, 4)
            target.build_overviews([2, 4, 8, 16], Resampling.average)
        return bytes(memory.read())
