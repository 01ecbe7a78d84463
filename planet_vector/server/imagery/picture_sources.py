"""The files of an archive from which a picture of a scene is made."""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any, List, Mapping, Tuple

from planet_vector.bands.landsat import colour_bands
from planet_vector.pixels.sidecars import SidecarProblem
from planet_vector.server.archive.archive_paths import inside
from planet_vector.server.archive.products import Places
from planet_vector.server.http_errors import HttpError
from planet_vector.server.imagery.overview_folder import overview_path
from planet_vector.server.imagery.picture_cache import PictureCache
from planet_vector.server.imagery.reading import Source

REMEMBERED = 5.0
"""Seconds for which the state of a mosaic's files is cached: its tiles need thousands of them, many times."""

MAX_REMEMBERED = 20_000
"""Number of scenes whose files are cached."""

# Landsat 8 and 9 have blue, green and red as bands 2 to 4, in a file each; so have names that do not tell the sensor.
_RGB_BANDS = (4, 3, 2)
# Red, green and blue of PlanetScope's files in which they are not, as in others, the third, second and first band.
_RGB_OF = {"analytic_3b": (1, 2, 3), "analytic_8b": (6, 4, 2), "analytic_8b_sr": (6, 4, 2)}
_LAST_RESORT = re.compile(r"basic_.*|(?:.*_)?udm2?")  # without georeference, and masks


def choose(products: Mapping[str, str]) -> List[Tuple[str, Tuple[int, ...]]]:
    """Choose the products that make a picture.

    Parameters
    ----------
    products : mapping of str to str
        Paths within the archive by product.

    Returns
    -------
    list of (str, tuple of int)
        Product names and the bands to show of each; an empty tuple leaves the choice of bands to the reader. The list
        is empty without products.
    """
    if "visual" in products:
        return [("visual", ())]
    if "analytic" in products:
        return [("analytic", ())]
    image = next((path for name, path in products.items() if name.startswith("band_")), "")
    colours = [f"band_{number}" for number in colour_bands(image.rpartition("/")[2]) or _RGB_BANDS]
    if all(name in products for name in colours):
        return [(name, (1,)) for name in colours]
    first = min(products, key=_rank, default=None)
    return [] if first is None else [(first, _RGB_OF.get(first, ()))]


def _rank(product: str) -> Tuple[bool, bool, str]:
    return bool(_LAST_RESORT.fullmatch(product)), product.startswith("panchromatic"), product


class PictureSources:
    """Current files of scenes, and the cache names of their surveys and pyramids.

    Parameters
    ----------
    root : Path
        The archive.
    cache : PictureCache
        Cache of their surveys and pyramids.
    overviews : Path
        The folder of the overviews that were made with the index (see `planet_vector.server.overview_making`).
    """

    def __init__(self, root: Path, cache: PictureCache, overviews: Path) -> None:
        self._root = root
        self._cache = cache
        self._overviews = overviews
        self._lock = threading.Lock()
        self._places = Places(root)
        self._remembered: OrderedDict[Tuple[Tuple[str, str], ...], Tuple[float, List[Source]]] = OrderedDict()

    def of(self, products: Mapping[str, str]) -> List[Source]:
        """Return the files that make a picture of a scene.

        Parameters
        ----------
        products : mapping of str to str
            Paths within the archive by product.

        Raises
        ------
        HttpError
            404, if a file does not exist or its sidecars cannot be read.
        """
        found = [(inside(self._root, products[name]), products[name], bands) for name, bands in choose(products)]
        sources = [self._source(path, product, bands) for path, product, bands in found if path is not None]
        if not sources or len(sources) < len(found):
            raise HttpError(404, "The archive has no file to make a picture from.")
        return sources

    def drawable(self, products: Mapping[str, str]) -> List[Source]:
        """Return the files of a scene like `of`, cached for `REMEMBERED` seconds.

        Parameters
        ----------
        products : mapping of str to str
            Paths within the archive by product.

        Returns
        -------
        list of Source
            Empty if the scene cannot be drawn.
        """
        key = tuple((name, products[name]) for name, _ in choose(products))
        now = time.monotonic()
        known = self._remembered.get(key)
        if known is not None and now - known[0] < REMEMBERED:
            return known[1]
        try:
            found = self.of(products)
        except HttpError:
            found = []
        with self._lock:
            self._remembered[key] = now, found
            self._remembered.move_to_end(key)
            if len(self._remembered) > MAX_REMEMBERED:
                self._remembered.popitem(last=False)
        return found

    def _source(self, path: Path, product: str, bands: Tuple[int, ...]) -> Source:
        """Return a file to draw; its sidecars are found by the product's name, even if that is a link."""
        try:
            status, place = path.stat(), self._places.of(self._root / product)
        except SidecarProblem as problem:
            raise HttpError(404, f"{path.name} cannot be drawn: {problem}.") from None
        except OSError as error:
            raise HttpError(404, f"{path.name} cannot be drawn ({error.strerror}).") from None
        name = digest("survey", str(path), *_state(status), bands, place)
        pyramids = overview_path(self._overviews, product, name), self._cache.path(digest("pyramid", name))
        return Source(path, bands, place, self._cache.path(name), pyramids)


def _state(status: os.stat_result) -> Tuple[int, int, int]:
    """Return a state that changes with the content of a file, even if its size and mtime are preserved."""
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def digest(*parts: Any) -> str:
    """Return a name that identifies values by a digest of their ``repr``."""
    return hashlib.sha256(repr(parts).encode(errors="surrogateescape")).hexdigest()
