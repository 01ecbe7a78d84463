"""Thumbnails: pictures of scenes as the service makes them."""

from __future__ import annotations

from planet_vector.errors import ProtocolError, QueryError
from planet_vector.http.transport import Transport
from planet_vector.scene import Scene

SIZES = {"sm": 64, "md": 128, "lg": 640}
"""Pixels a thumbnail is wide."""

FORMATS = ("png", "jpg", "jpeg")
MAX_THUMBNAIL = 16 * 2**20
"""Bytes; a large one in PNG has less than 1 MB."""

_SIGNATURES = {"png": b"\x89PNG\r\n\x1a\n", "jpg": b"\xff\xd8\xff", "jpeg": b"\xff\xd8\xff"}


def thumbnail(transport: Transport, scene: Scene, size: str = "md", format: str = "png", square: bool = False) -> bytes:
    """Return the picture the service makes of a scene.

    Parameters
    ----------
    transport : Transport
        What asks the service.
    scene : Scene
        The scene.
    size : str
        ``sm``, ``md`` or ``lg``: 64, 128 or 640 pixels wide.
    format : str
        ``png``, ``jpg`` or ``jpeg``.
    square : bool
        Cut to a square.

    Returns
    -------
    bytes
        An image file.

    Raises
    ------
    QueryError
        When there is no such size or format.
    ServiceError
        When the service does not give it, or gives something else.
    """
    if size not in SIZES:
        raise QueryError(f"size is {size!r}: it takes {', '.join(SIZES)}.")
    if format not in FORMATS:
        raise QueryError(f"format is {format!r}: it takes {', '.join(FORMATS)}.")
    link = transport.check_link(scene.link("square_thumbnail" if square else "thumbnail"))
    content, _ = transport.get_bytes(link, [("size", size), ("format", format)], MAX_THUMBNAIL)
    if not content.startswith(_SIGNATURES[format]):
        raise ProtocolError(f"The service gave a thumbnail of {scene.id} that is no {format} image.")
    return content
