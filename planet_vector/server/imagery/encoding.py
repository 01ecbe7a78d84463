"""Encode pictures as PNG or JPEG."""

from __future__ import annotations

import io

from PIL import Image

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
