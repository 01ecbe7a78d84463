"""Maps: scenes and basemaps on one page for a browser, which needs nothing but itself.

==========  ===============================================================
module      does
==========  ===============================================================
content     names become scenes and basemaps, laid out on one sheet
addresses   where the page finds tiles and thumbnails
page        all of it as one HTML file, with Leaflet in it
serve       the page from a local process that has the key
static      what the page is made of
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
"""Thumbnails in a page, unless something else is said: five seconds at the usual ten requests a second."""

MAX_BYTES = 4 * 2**20
"""Bytes of all thumbnails in a page: a file that still goes by mail."""


class Written(NamedTuple):
    """Tell what a map has in it.

    Attributes
    ----------
    path : Path
        The file.
    scenes, basemaps : int
        What it shows.
    thumbnails : int
        Thumbnails in the file.
    left_out : int
        Scenes whose thumbnail is not in it.
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
    """Write scenes and basemaps as a map: one HTML file with everything in it but tiles. No key is in it.

    Parameters
    ----------
    names : str or iterable of str
        Of searches, scenes and basemaps at one service: ``PLANET:ortho?cloud_cover.estimated.lte=5``,
        ``PLANET:basemaps/NAME``.
    path : str or Path
        The file; replaced when it is complete.
    thumbnails : int
        How many thumbnails are put into the file, of the newest scenes, in 4 MB at the most.
    background : str, optional
        Address of tiles that lie under the scenes, with ``{z}``, ``{x}`` and ``{y}``; by default a graticule only.
    attribution : str
        Whose the background is, shown on it.
    progress : bool or callable, optional
        Show a bar, in a terminal or a notebook; or call this with the thumbnails fetched and those to fetch.
    connection, key : str, optional
        As for `planet_vector.connect`.

    Returns
    -------
    Written
        What is in the file, and how many thumbnails are not.

    Raises
    ------
    ModuleNotFoundError
        If the extra ``maps`` is not installed.
    PlanetVectorError
        If a name is none, the service does not give all that is named, or the background is no address of tiles.
    """
    from planet_vector.atomic_files import complete

    path = Path(path)
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"{path.parent} is no folder: make it, or write the map elsewhere.")
    leaflet_folder()
    under = None if background is None else checked_background(background, attribution)
    content = gather([names] if isinstance(names, str) else names, connection, key)
    pictures = _thumbnails(content, thumbnails, bar_for(progress, "Thumbnails"))
    page = render(content, Direct(content.catalog), pictures, under)
    with complete(path) as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")
    return Written(path, len(content.scenes), len(content.basemaps), len(pictures.content), pictures.left_out)


def _thumbnails(content: Content, most: int, progress: Progress) -> Pictures:
    """Fetch the thumbnails of the newest scenes, as many as are wanted and fit."""
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
    """Return a thumbnail, or None where the service has none of this scene."""
    try:
        return scene.thumbnail()
    except NotFoundError:
        return None
