"""Pages of scenes read by a decoder at once, where msgspec is installed."""

from __future__ import annotations

from typing import Any, Optional

try:
    import msgspec
except ImportError:  # the Python that a GDAL program embeds may lack it
    msgspec = None  # type: ignore[assignment]

from planet_vector.catalog.scene_pages import DecodedScenes, DecodePage, ScenePage


def decoded_page(content: bytes, decode: DecodePage) -> Optional[ScenePage]:
    """Return the page that a response body holds, or None if the decoder cannot read it.

    Parameters
    ----------
    content : bytes
        The body, in JSON.
    decode : DecodePage
        Decodes the scenes.

    Returns
    -------
    ScenePage or None
        The page, or None.
    """
    decoded = decode(content, _envelope)
    if decoded is None:
        return None
    scenes: DecodedScenes = decoded[0]
    page: Any = decoded[1]
    return ScenePage(*scenes, page.count, page.links.next)


def _envelope(scenes: object) -> type:
    """Return the class of a page, given the type of its scenes."""
    links = msgspec.defstruct("Links", [("next", Optional[str], None)], frozen=True, gc=False)
    page: type = msgspec.defstruct("Page", [("count", int), ("features", scenes), ("links", links, links())])
    return page
