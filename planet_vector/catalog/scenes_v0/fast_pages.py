"""Envelopes of pages, decoded by msgspec if it is installed; the scenes are left to the given decoder."""

from __future__ import annotations

from typing import Any, Optional

try:
    import msgspec
except ImportError:  # the Python that a GDAL program embeds may lack it
    msgspec = None  # type: ignore[assignment]

from planet_vector.catalog.paging import DecodePage, ScenePage
from planet_vector.http.responses import UNREADABLE


def decoded_page(content: bytes, decode: DecodePage) -> Optional[ScenePage]:
    """Decode a page, its scenes by the given decoder; return None if msgspec or the decoder cannot.

    Parameters
    ----------
    content : bytes
        The response body.
    decode : DecodePage
        Decodes the JSON array of Features.

    Returns
    -------
    ScenePage or None
        The page, or None.
    """
    if _READER is None:
        return None
    try:
        page = _READER.decode(content)
    except (RecursionError, *UNREADABLE):
        return None
    decoded = decode(bytes(page.features))
    return None if decoded is None else ScenePage(*decoded, page.count, page.links.next)


def _reader() -> Any:
    if msgspec is None:
        return None
    links = msgspec.defstruct("Links", [("next", Optional[str], None)], frozen=True, gc=False)
    page = msgspec.defstruct("Page", [("count", int), ("features", msgspec.Raw), ("links", links, links())])
    return msgspec.json.Decoder(page)


_READER = _reader()
