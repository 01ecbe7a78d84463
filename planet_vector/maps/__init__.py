"""Maps: scenes and basemaps on one self-contained page for a browser.

==========  ===============================================================
module      does
==========  ===============================================================
content     fetches the scenes and basemaps of names, lays them out
addresses   builds the addresses of tiles and thumbnails
page        renders one HTML file that includes Leaflet
inline      shows the page in a notebook
proxy       serves the page from a local process that has the key
static      the template, styles and scripts of the page
==========  ===============================================================
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Dict, Iterable, NamedTuple, Optional, Tuple, Union

from planet_vector.errors import ConfigError, NotFoundError, PlanetVectorError
from planet_vector.geometry.boxes import Bounds
from planet_vector.maps.addresses import Direct
from planet_vector.maps.content import Content, gather
from planet_vector.maps.page import Pictures, checked_background, leaflet_folder, render
from planet_vector.progress import Progress, bar_for
from planet_vector.scene import Scene
from planet_vector.vector.search_view import Search
from planet_vector.workers import Workers

__all__ = ["THUMBNAILS", "Written", "write_map"]

THUMBNAILS = 50
"""The default number of thumbnails in a page: five seconds at the usual ten requests a second."""

MAX_OVERLAYS = 32 * 2**20
"""Greatest size of all pictures on the map of a page, in bytes; one has about half a megabyte."""

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
    overlays : int
        The number of pictures on the map.
    """

    path: Path
    scenes: int
    basemaps: int
    thumbnails: int
    left_out: int
    overlays: int = 0


def write_map(
    names: Union[str, Search, Iterable[Union[str, Search]]],
    path: Union[str, Path],
    *,
    thumbnails: int = THUMBNAILS,
    overlays: int = 0,
    background: Optional[str] = None,
    attribution: str = "",
    progress: Union[bool, Progress] = None,
    connection: Optional[str] = None,
    key: Optional[str] = None,
) -> Written:
    """Write scenes and basemaps as a map: one HTML file that contains everything but tiles, and no key.

    Parameters
    ----------
    names : str, Search, or iterable of these
        Names of searches, scenes and basemaps of one service: ``PLANET:ortho?cloud_cover.estimated.lte=5``,
        ``PLANET:basemaps/NAME``; or searches.
    path : str or Path
        The file; an existing one is replaced once the new one is complete.
    thumbnails : int
        The number of thumbnails to embed, of the newest scenes, at most 4 MB in all.
    overlays : int
        The number of pictures on the map that need no network, of the newest scenes, at most 32 MB in all, drawn
        from the preferred product of each, 512 pixels wide. Such a scene shows its picture instead of tiles.
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
    page, written = map_page(names, thumbnails, overlays, background, attribution, progress, connection, key)
    with complete(path) as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")
    return written._replace(path=path)


def map_page(
    names: Union[str, Search, Iterable[Union[str, Search]]],
    thumbnails: int,
    overlays: int,
    background: Optional[str],
    attribution: str,
    progress: Union[bool, Progress],
    connection: Optional[str],
    key: Optional[str],
) -> Tuple[str, Written]:
    """Return the page of a map as HTML, and its contents.

    Parameters
    ----------
    names, thumbnails, overlays, background, attribution, progress, connection, key
        As for `write_map`.

    Returns
    -------
    str
        The page.
    Written
        Its contents, with an empty path.
    """
    leaflet_folder()
    under = None if background is None else checked_background(background, attribution)
    content = gather([names] if isinstance(names, (str, Search)) else names, connection, key)
    pictures = _thumbnails(content, thumbnails, bar_for(progress, "Thumbnails"))
    pictures = pictures._replace(overlays=_overlays(content, overlays, bar_for(progress, "Pictures")))
    written = Written(
        Path(),
        len(content.scenes),
        len(content.basemaps),
        len(pictures.content),
        pictures.left_out,
        len(pictures.overlays),
    )
    return render(content, Direct(content.catalog), pictures, under), written


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


def _overlays(content: Content, most: int, progress: Progress) -> Dict[int, Tuple[bytes, Bounds]]:
    """Draw pictures of the newest scenes that have a footprint and a product, up to a number and to `MAX_OVERLAYS`."""
    if not most:
        return {}
    from planet_vector.raster.parallel import Alive, in_parallel
    from planet_vector.raster.pictures import mercator_picture
    from planet_vector.raster.product import open_link

    catalog = content.catalog
    wanted = [number for number, scene in enumerate(content.scenes) if content.footprints[number] and scene.products]

    def draw(number: int, alive: Alive) -> Tuple[bytes, Bounds]:
        scene = content.scenes[number]
        product = scene.schema.product()
        product = product if product in scene.products else scene.products[0]
        link = catalog.transport.check_link(scene.product_link(product))
        with open_link(catalog, link, f"{scene.id}/{product}") as dataset:
            return mercator_picture(dataset)

    found: Dict[int, Tuple[bytes, Bounds]] = {}
    room = MAX_OVERLAYS
    with closing(in_parallel(draw, wanted[:most], catalog.settings.connections)) as drawn:
        for number, picture in drawn:
            if isinstance(picture, PlanetVectorError):
                raise picture
            if len(picture[0]) <= room:
                found[number] = picture
                room -= len(picture[0])
            if progress:
                progress(len(found), len(wanted[:most]))
    return found


def _thumbnail(scene: Scene) -> Optional[bytes]:
    """Return the thumbnail of a scene, or None if the service has none."""
    try:
        return scene.thumbnail()
    except NotFoundError:
        return None
