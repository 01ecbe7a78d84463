"""Pictures of scenes: thumbnails, map tiles and quads, made from their products once and kept.

They are made in processes of their own, a call for each picture, with bounds on time and memory. Names, kept
pictures and the choice of products need none.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from planet_vector.pixels.sidecars import Place, SidecarProblem, read_place, sidecar_names
from planet_vector.server import rendering
from planet_vector.server.archive import inside
from planet_vector.server.encoding import FORMATS
from planet_vector.server.jobs import JobError, Jobs, TookTooLong, TookTooMuch
from planet_vector.server.patience import Patience
from planet_vector.server.picture_cache import PictureCache
from planet_vector.server.quads import Bounds, tile_bounds
from planet_vector.server.reading import ADVICE, Source, Unreadable
from planet_vector.server.refusal import Refusal
from planet_vector.server.surveys import survey

__all__ = ["FORMATS", "SIZES", "Imagery", "Picture", "choose"]

SIZES = {"sm": 64, "md": 128, "lg": 640}
"""Widths of thumbnails in pixels."""

TILE = 256  # pixels a side
MAX_ZOOM = 24

PROCESSES = 2
"""Pictures that a service makes at once: more would take each other's time, and a gigabyte each."""

SECONDS = 30.0
"""Time for one picture, or one survey of a file: twice what LZW takes of the most that may be decoded."""

MEGABYTES = 1000
"""Memory for one: two blocks of the largest size, a survey, and the code of GDAL, PROJ and numpy."""

QUAD_SECONDS = 120.0
"""Time for a quad, which has 256 times as many pixels as a tile."""

QUAD_MEGABYTES = 1500
"""Memory for a quad: its pixels twice, and the GeoTIFF with its overviews."""

AGAIN = 3600.0
"""Seconds after which a picture is tried again that took too long, or whose file could not be read."""

MAX_PLACES = 1000
"""Files whose sidecars are remembered."""

_PASSES = 200  # a picture of many large files asks for a few surveys at a time

# Landsat 8 has blue, green, red as bands 2 to 4 in files of their own.
_RGB_PRODUCTS = ("band_4", "band_3", "band_2")

Drawing = Callable[..., Union[bytes, rendering.Wanted]]


def choose(products: Mapping[str, str]) -> List[Tuple[str, Tuple[int, ...]]]:
    """Return the products that make a picture, with the bands to take of each; an empty tuple leaves them open."""
    if "visual" in products:
        return [("visual", ())]
    if "analytic" in products:
        return [("analytic", ())]
    if all(name in products for name in _RGB_PRODUCTS):
        return [(name, (1,)) for name in _RGB_PRODUCTS]
    return [(sorted(products)[0], ())] if products else []


class Imagery:
    """Make pictures, and keep them.

    Parameters
    ----------
    root : Path
        The archive.
    cache : Path
        A folder of the user's own; the oldest pictures in it go when it grows too large.
    """

    def __init__(self, root: Path, cache: Path) -> None:
        self._root = root
        self._cache = PictureCache(cache)
        self._jobs = Jobs(PROCESSES, seconds=SECONDS, megabytes=MEGABYTES)
        self._quad_jobs = Jobs(1, seconds=QUAD_SECONDS, megabytes=QUAD_MEGABYTES)
        self._lock = threading.Lock()
        self._making: Dict[str, threading.Event] = {}
        self._places: OrderedDict[Tuple[Path, Tuple[Any, ...]], Optional[Place]] = OrderedDict()

    def close(self) -> None:
        """End the processes."""
        self._jobs.close()
        self._quad_jobs.close()

    def thumbnail(self, products: Mapping[str, str], size: str, image_format: str, square: bool) -> Picture:
        """Return a scene's picture, north up.

        Parameters
        ----------
        products : mapping of str to str
            The scene's products, of which the best for a picture is shown.
        size : str
            One of `SIZES`: how wide it is; its height follows the scene, or is the same when `square`.
        image_format : str
            One of `FORMATS`; JPEG shows white where there is no data.

        Raises
        ------
        Refusal
            404, when the scene has no file to show.
        """
        sources = self._sources(products)
        return self._picture(rendering.draw_thumbnail, [sources], sources, SIZES[size], square, image_format)

    def tile(self, scenes: Sequence[Mapping[str, str]], z: int, x: int, y: int) -> Picture:
        """Return a tile (web mercator, rows from the top) as PNG; of several scenes, the first is in front.

        Raises
        ------
        Refusal
            404, when there is no such tile, or a scene has no file to show.
        """
        if not (0 <= z <= MAX_ZOOM and 0 <= x < 2**z and 0 <= y < 2**z):
            raise Refusal(404, "There is no such tile.")
        sources = [self._sources(products) for products in scenes]
        return self._picture(rendering.draw_tile, sources, sources, tile_bounds(z, x, y), TILE)

    def square(self, scenes: Sequence[Mapping[str, str]], bounds: Bounds, size: str, image_format: str) -> Picture:
        """Return a square of web mercator in small, as `tile` and `thumbnail` do."""
        sources = [self._sources(products) for products in scenes]
        return self._picture(rendering.draw_square, sources, sources, bounds, SIZES[size], image_format)

    def quad(self, scenes: Sequence[Mapping[str, str]], bounds: Bounds, size: int) -> Picture:
        """Return a square of web mercator as a GeoTIFF (red, green, blue, alpha) with its overviews.

        Parameters
        ----------
        scenes : sequence of mapping of str to str
            Products of the scenes, those in front first.
        bounds : (west, south, east, north)
            In metres.
        size : int
            Pixels a side.
        """
        sources = [self._sources(products) for products in scenes]
        return self._picture(rendering.draw_quad, sources, sources, bounds, size, jobs=self._quad_jobs)

    def _picture(
        self, drawing: Drawing, scenes: Sequence[Sequence[Source]], *args: Any, jobs: Optional[Jobs] = None
    ) -> Picture:
        # The name holds what is drawn: whoever may see the same files gets the same picture, and nobody else.
        drawn = [source.survey.name for sources in scenes for source in sources]
        name = _digest(drawing.__name__, [len(sources) for sources in scenes], drawn, args[1:])
        files = sorted({source.path.name for sources in scenes for source in sources})
        subject = files[0] if len(files) == 1 else f"A picture of {len(files)} files"
        return Picture(self, name, subject, drawing, args, jobs or self._jobs)

    def _sources(self, products: Mapping[str, str]) -> List[Source]:
        chosen = choose(products)
        found = [(inside(self._root, products[name]), self._root / products[name], bands) for name, bands in chosen]
        sources = [self._source(path, named, bands) for path, named, bands in found if path is not None]
        if not sources or len(sources) < len(found):
            raise Refusal(404, "The archive has no file to make a picture from.")
        return sources

    def _source(self, path: Path, named: Path, bands: Tuple[int, ...]) -> Source:
        """Return a file to draw; what lies beside it is named as it is, also where that is a link."""
        try:
            status, place = path.stat(), self._place(named)
        except SidecarProblem as problem:
            raise Refusal(404, f"{path.name} cannot be drawn: {problem}.") from None
        except OSError as error:
            raise Refusal(404, f"{path.name} cannot be drawn ({error.strerror}).") from None
        name = _digest("survey", str(path), status.st_size, status.st_mtime_ns, bands, place)
        return Source(path, bands, place, self._cache.path(name))

    def _place(self, path: Path) -> Optional[Place]:
        """Return what the sidecars of a file say; they are read again when they change, as some are long."""
        stamps = []
        for name in sidecar_names(path.name):
            sidecar = path.with_name(name)
            if os.path.lexists(sidecar):
                status = sidecar.stat()
                stamps.append((name, status.st_size, status.st_mtime_ns))
        if not stamps:
            return None
        key = (path, tuple(stamps))
        with self._lock:
            if key in self._places:
                self._places.move_to_end(key)
                return self._places[key]
        place = read_place(path, self._root)
        with self._lock:
            self._places[key] = place
            if len(self._places) > MAX_PLACES:
                self._places.popitem(last=False)
        return place

    def _look(self, name: str) -> Optional[bytes]:
        return self._cache.read(name)

    def _find(self, name: str) -> Optional[Path]:
        return self._cache.find(name)

    def _make(self, name: str, subject: str, work: Callable[[], bytes], patience: Optional[Patience]) -> None:
        """Have a picture made and kept, unless it is there: once, however many ask for it."""
        while True:
            if self._cache.find(name) is not None:
                return
            with self._lock:
                done = self._making.get(name)
                if done is None:
                    done = self._making[name] = threading.Event()
                    break
            while not done.wait(0.05):
                if patience is not None:
                    patience.check()
        try:
            content = work()
            try:
                self._cache.write(name, content)
            except OSError as error:
                raise Refusal(503, f"The cache of pictures cannot be written ({error.strerror}).") from None
        except (TookTooLong, TookTooMuch) as error:
            refusal = Refusal(422, f"{subject} cannot be drawn: it {error}; {ADVICE}.")
            self._cache.refuse(name, refusal, AGAIN)
            raise refusal from None
        except JobError as error:
            raise Refusal(503, f"{subject} cannot be drawn now: it {error}.", {"Retry-After": "10"}) from None
        except Refusal as refusal:
            if refusal.status < 500:
                self._cache.refuse(name, refusal, AGAIN if isinstance(refusal, Unreadable) else None)
            raise
        finally:
            with self._lock:
                del self._making[name]
            done.set()

    def _draw(self, picture: Picture, patience: Optional[Patience]) -> bytes:
        for _ in range(_PASSES):
            drawn = picture.jobs.run(picture.drawing, *picture.args, patience=patience)
            if isinstance(drawn, bytes):
                return drawn
            for source in drawn.sources:
                self._survey(source, patience)
        raise Refusal(503, f"{picture.subject} cannot be drawn now: the cache of pictures is too small for it.")

    def _survey(self, source: Source, patience: Optional[Patience]) -> None:
        self._make(
            source.survey.name,
            source.path.name,
            lambda: self._jobs.run(survey, source, patience=patience),
            patience,
        )


@dataclass(frozen=True)
class Picture:
    """A picture that is kept, or can be made.

    Looking whether it is kept is cheap; making it may take long.
    """

    _imagery: Imagery
    name: str
    subject: str
    drawing: Drawing
    args: Tuple[Any, ...]
    jobs: Jobs

    def kept(self) -> Optional[bytes]:
        """Return the picture if it is kept, else None.

        Raises
        ------
        Refusal
            When it is known that it cannot be made.
        """
        return self._imagery._look(self.name)

    def kept_file(self) -> Optional[Path]:
        """Return the file that holds the picture if it is kept, else None; raises as `kept` does."""
        return self._imagery._find(self.name)

    def make(self, patience: Optional[Patience] = None) -> bytes:
        """Make the picture, keep it and return it.

        Raises
        ------
        Refusal
            When it cannot be made, or not at a bounded cost.
        ClientGone
            When the client has left.
        """
        self.make_file(patience)
        content = self.kept()
        if content is None:
            raise Refusal(503, "The cache of pictures is too small.")
        return content

    def make_file(self, patience: Optional[Patience] = None) -> Path:
        """Make the picture, keep it and return its file; raises as `make` does."""
        self._imagery._make(self.name, self.subject, lambda: self._imagery._draw(self, patience), patience)
        return self._imagery._cache.path(self.name)


def _digest(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode(errors="surrogateescape")).hexdigest()
