"""Pages of items read by a decoder at once, where msgspec is installed."""

from __future__ import annotations

from typing import Optional, Protocol, cast

try:
    import msgspec
except ImportError:  # the Python that a GDAL program embeds may lack it
    msgspec = None  # type: ignore[assignment]

from planet_vector.catalog.scene_pages import DecodedScenes, DecodePage, ScenePage


class _Links(Protocol):
    next: Optional[str]


class _Page(Protocol):
    links: _Links


def decoded_page(content: bytes, decode: DecodePage) -> Optional[ScenePage]:
    """Return the page that a response body holds, or None if the decoder cannot read it.

    Parameters
    ----------
    content : bytes
        The body, in JSON.
    decode : DecodePage
        Decodes the items.
    """
    decoded = decode(content, _envelope)
    if decoded is None:
        return None
    scenes: DecodedScenes = decoded[0]
    return ScenePage(*scenes, None, cast(_Page, decoded[1]).links.next or None)


def _envelope(scenes: object) -> type:
    """Return the class of a page, given the type of its items."""
    links = msgspec.defstruct("Links", [("next", Optional[str], None)], frozen=True, gc=False, rename={"next": "_next"})
    page: type = msgspec.defstruct("Page", [("features", scenes), ("links", links)], rename={"links": "_links"})
    return page
