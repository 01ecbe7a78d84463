"""Pages whose items keep their largest members as JSON, which makes them a sixth as large in memory.

Only properties are decoded, by which a search is read. The members that columns need are decoded one after another
(`planet_vector.quick_json`), others not at all.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Callable, Dict, List, Optional, TypedDict, cast

try:
    import msgspec
except ImportError:  # the Python that a GDAL program embeds may lack it
    msgspec = None  # type: ignore[assignment]

from planet_vector.quick_json import UNDECODABLE


def undecoded_page(content: bytes) -> Optional[object]:
    """Return a page of items with undecoded members; None if it must be parsed as a whole.

    Parameters
    ----------
    content : bytes
        The page, in JSON.
    """
    if msgspec is None:
        return None
    try:
        if not content.isascii():
            content.decode()  # what is skipped must be UTF-8, too
        return _decoder()(content)
    except UNDECODABLE:
        return None


@lru_cache(maxsize=1)
def _decoder() -> Callable[[bytes], object]:
    raw, value = msgspec.Raw, Any
    known = {"id": str, "collection": value, "bbox": value, "properties": Dict[str, value]}  # type: ignore[valid-type]
    item = TypedDict("item", {**known, "geometry": raw, "assets": raw, "links": raw}, total=False)  # type: ignore[misc]
    others = {"links": value, "numberMatched": value, "context": value, "search:metadata": value}
    page = TypedDict("page", {"features": List[item], **others}, total=False)  # type: ignore[misc]
    return cast(Callable[[bytes], object], msgspec.json.Decoder(page).decode)
