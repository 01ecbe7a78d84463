"""Maps in notebooks: the page of a map within a cell, without a file and without a network."""

from __future__ import annotations

import html
from typing import Iterable, Optional, Union

from planet_vector.maps import THUMBNAILS, map_page
from planet_vector.progress import Progress
from planet_vector.vector.search_view import Search


class InlineMap:
    """Map that a notebook shows.

    Parameters
    ----------
    page : str
        The page as HTML.
    height : int
        Height in the notebook, in pixels.

    Attributes
    ----------
    page : str
        The page as HTML.
    """

    def __init__(self, page: str, height: int) -> None:
        self.page = page
        self._height = height

    def _repr_html_(self) -> str:
        # Apart from the notebook: its scripts neither read the page around it nor send anything.
        return (
            f'<iframe srcdoc="{_attribute(self.page)}" sandbox="allow-scripts allow-downloads allow-modals"'
            f' width="100%" height="{self._height}" style="border: 1px solid #8886"></iframe>'
        )

    def __repr__(self) -> str:
        return f"<InlineMap of {len(self.page):,} characters>"


def _attribute(text: str) -> str:
    """Return a text as the value of an attribute, in ASCII: its digests must not depend on the page around it."""
    return html.escape(text).encode("ascii", "xmlcharrefreplace").decode()


def show_map(
    names: Union[str, Search, Iterable[Union[str, Search]]],
    *,
    thumbnails: int = THUMBNAILS,
    overlays: int = 0,
    background: Optional[str] = None,
    attribution: str = "",
    height: int = 560,
    progress: Union[bool, Progress] = None,
    connection: Optional[str] = None,
    key: Optional[str] = None,
) -> InlineMap:
    """Return a map for a notebook, which shows it within the cell; it needs no network and contains no key.

    Parameters
    ----------
    names, thumbnails, overlays, background, attribution, progress, connection, key
        As for `planet_vector.write_map`.
    height : int
        Height in the notebook, in pixels.

    Returns
    -------
    InlineMap
        The map; as the last expression of a cell it is shown.

    Raises
    ------
    ModuleNotFoundError
        If the extra ``maps`` is not installed.
    PlanetVectorError
        If a name is invalid, a request fails, or the background is not an address of tiles.
    """
    page, _ = map_page(names, thumbnails, overlays, background, attribution, progress, connection, key)
    return InlineMap(page, height)
