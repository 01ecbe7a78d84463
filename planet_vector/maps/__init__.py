"""Maps: scenes and basemaps on one self-contained page for a browser.

==========  ===============================================================
module      does
==========  ===============================================================
content     fetches the scenes and basemaps of names, lays them out
addresses   builds the addresses of tiles and thumbnails
page        renders one HTML file that includes Leaflet
proxy       serves the page from a local process that has the key
static      the template, styles and scripts of the page
==========  ===============================================================
"""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Iterable, NamedTuple, Optional, Union

from planet_vector.errors import ConfigError, NotFoundError
from planet_vector.maps.addresses import Direct
from planet_vector.maps.content import Content, gather
from planet_vector.maps.page import Pictures, checked_background, leaflet_folder, render
from planet_vector.progress import Progress, bar_for
from planet_vector.scene import Scene
from planet_vector.workers import Workers

__all__ = ["THUMBNAILS", "Written", "write_map"]

THUMBNAILS = 50
"""The default number of thumbnails in a page: five seconds at the usual ten requests a second."""

MAX_BYTES = 4 * 2**20
"""Greatest size of all thumbnails in a page, in bytes, so that the file can be sent by mail."""


class Written(NamedTuple):
    """Contents of a map file.

    Attributes
    ----------
    path : Path
        The file.
    scenes, basemaps : int
        The number of scenes and of basemaps.
    thumbnails : int
        The number of thumbnails in the file.
    left_out : int
        The number of scenes without a thumbnail in the file.
    """

    path: Path
    scenes: int
    basemaps: int
    thumbnails: int
    left_out: int


def write_map(
    names: Union[str, Iterable[str]],
    path: Union[str, Path],
    *,
    thumbnails: int = THUMBNAILS,
    background: Optional[str] = None,
    attribution: str = "",
    progress: Union[bool, Progress] = None,
    connection: Optional[str] = None,
    key: Optional[str] = None,
) -> Written:
    """Write scenes and basemaps as a map: one HTML file that contains everything but tiles, and no key.

    Parameters
    ----------
    names : str or iterable of str
        Names of searches, scenes and basemaps of one service: ``PLANET:ortho?cloud_cover.estimated.lte=5``,
        ``PLANET:basemaps/NAME``.
    path : str or Path
        The file; an existing one is replaced once the new one is complete.
    thumbnails : int
        The number of thumbnails to embed, of the newest scenes, at most 4 MB in all.
    background : str, optional
        Address of tiles under the scenes, with ``{z}``, ``{x}`` and ``{y}``; by default only a graticule.
    attribution : str
        Attribution of the background, shown on the map.
    progress : bool or callable, optional
        Show a bar, in a terminal or a notebook; or a callback, called with the number of thumbnails fetched and in all.
    connection, key : str, optional
        As for `planet_vector.connect`.

    Returns
    -------
    Written
        The contents of the file.

    Raises
    ------
    ModuleNotFoundError
        If the extra ``maps`` is not installed.
    PlanetVectorError
        If a name is invalid, a request fails, or the background is not an address of tiles.
    """
    from planet_vector.atomic_files import complete

    path = Path(path)
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"{path.parent} is not a folder: create it, or write the map elsewhere.")
    leaflet_folder()
    under = None if background is None else checked_background(background, attribution)
    content = gather([names] if isinstance(names, str) else names, connection, key)
    pictures = _thumbnails(content, thumbnails, bar_for(progress, "Thumbnails"))
    page = render(content, Direct(content.catalog), pictures, under)
    with complete(path) as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")
    return Written(path, len(content.scenes), len(content.basemaps), len(pictures.content), pictures.left_out)


def _thumbnails(content: Content, most: int, progress: Progress) -> Pictures:
    """Fetch thumbnails of the newest scenes, up to a number and to `MAX_BYTES`."""
    wanted = content.scenes[:most]
    kept: Dict[int, bytes] = {}
    room = MAX_BYTES
    with Workers(content.catalog.settings.connections) as pool:
        for number, picture in enumerate(pool.map(_thumbnail, wanted)):
            if progress:
                progress(number + 1, len(wanted))
            if picture is not None and len(picture) <= room:
                kept[number] = picture
                room -= len(picture)
    return Pictures(kept, len(content.scenes) - len(kept))


def _thumbnail(scene: Scene) -> Optional[bytes]:
    """Return the thumbnail of a scene, or None if the service has none."""
    try:
        return scene.thumbnail()
    except NotFoundError:
        return None
