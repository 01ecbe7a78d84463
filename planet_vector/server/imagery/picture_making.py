"""Make pictures in worker processes, once each, and cache them.

There is one call for each picture, with limits on time and memory. Concurrent requests share it.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Optional, Set, Tuple, Union

from planet_vector.server.http_errors import HttpError
from planet_vector.server.imagery.drawing_results import Drawn, SurveysWanted
from planet_vector.server.imagery.miniatures import AGAIN, Miniatures, hold
from planet_vector.server.imagery.picture_cache import PictureCache
from planet_vector.server.imagery.pyramid_keeping import NICENESS, PYRAMID_SECONDS, Pyramids
from planet_vector.server.imagery.read_plan import ADVICE
from planet_vector.server.imagery.reading import Source, Unreadable
from planet_vector.server.imagery.small_scales import MiniatureOrder, draw_mosaic
from planet_vector.server.imagery.surveys import call_with, survey
from planet_vector.server.jobs import JobError, Jobs, TookTooLong, TookTooMuch
from planet_vector.server.patience import ClientGone, Patience

PROCESSES = 2
"""Number of pictures that are made at once: more would slow each other down, and take a gigabyte each."""

SECONDS = 30.0
"""Time limit for one picture, or one survey of a file: twice the time to decode the maximum of LZW data."""

MEGABYTES = 1000
"""Memory limit for one: two blocks of the largest size, a survey, and the code of GDAL, PROJ and numpy."""

QUAD_SECONDS = 120.0
"""Time limit for a quad, which has 256 times as many pixels as a tile."""

QUAD_MEGABYTES = 1500
"""Memory limit for a quad: its pixels twice, and the GeoTIFF with its overviews."""

BACKGROUND_SECONDS = 600.0
"""Time limit for a small-scale tile made in the background: the miniatures of thousands of scenes."""

MAX_BACKGROUND = 64
"""Maximum number of tiles in the background at once; others are started by a later request."""

_PASSES = 200  # a picture of many large files requests a few surveys at a time
Drawing = Callable[..., Union[bytes, Drawn, SurveysWanted]]


class PictureMaker:
    """Maker of pictures, of the surveys and miniatures that they need, and of pyramids in the background.

    Parameters
    ----------
    cache : PictureCache
        Cache of the pictures.

    Attributes
    ----------
    jobs, quad_jobs : Jobs
        Worker processes for pictures, and for quads.
    """

    def __init__(self, cache: PictureCache) -> None:
        self._cache = cache
        self.jobs = Jobs(PROCESSES, seconds=SECONDS, megabytes=MEGABYTES)
        self.quad_jobs = Jobs(1, seconds=QUAD_SECONDS, megabytes=QUAD_MEGABYTES)
        self._lock = threading.Lock()
        self._making: Dict[str, _Making] = {}
        self._makers = ThreadPoolExecutor(PROCESSES, "makers")
        self._background = ThreadPoolExecutor(2 * PROCESSES, "background")  # these threads mostly wait
        self._soon: Dict[str, concurrent.futures.Future[bytes]] = {}
        self._miniatures = Miniatures(self._cache, self.jobs, self._makers)
        self._pyramids = Pyramids(self._cache, Jobs(1, seconds=PYRAMID_SECONDS, megabytes=MEGABYTES, niceness=NICENESS))

    def close(self) -> None:
        """End the worker processes and threads."""
        self._background.shutdown(wait=False, cancel_futures=True)
        self._makers.shutdown(wait=False, cancel_futures=True)
        self._pyramids.close()
        self.jobs.close()
        self.quad_jobs.close()

    def _make(
        self, name: str, subject: str, work: Callable[[], bytes], patience: Optional[Patience]
    ) -> Optional[bytes]:
        """Make and cache a picture unless it is cached; concurrent requests wait for the same one.

        Returns
        -------
        bytes or None
            The picture, if it was made now and could not be cached.
        """
        while True:
            if self._cache.find(name) is not None:
                return None
            with self._lock:
                making = self._making.get(name)
                if making is None:
                    making = self._making[name] = _Making()
                    break
            while not making.done.wait(0.05):
                if patience is not None:
                    patience.check()
            if making.unkept is not None:
                return making.unkept
        try:
            content = work()
            if not self._cache.try_write(name, content):
                making.unkept = content
            return making.unkept
        except (TookTooLong, TookTooMuch) as error:
            refusal = HttpError(422, f"{subject} cannot be drawn: it {error}; {ADVICE}.")
            self._keep_refusal(name, refusal, AGAIN)
            raise refusal from None
        except JobError as error:
            raise HttpError(503, f"{subject} cannot be drawn now: it {error}.", {"Retry-After": "10"}) from None
        except HttpError as refusal:
            if refusal.status < 500:
                self._keep_refusal(name, refusal)
            raise
        finally:
            with self._lock:
                del self._making[name]
            making.done.set()

    def _keep_refusal(self, name: str, refusal: HttpError, seconds: Optional[float] = None) -> None:
        self._cache.try_refuse(name, refusal, AGAIN if isinstance(refusal, Unreadable) else seconds)

    def _draw(self, picture: Picture, patience: Optional[Patience]) -> bytes:
        held: Dict[Path, bytes] = {}
        left_out: Set[Path] = set()
        surveyed: Set[Path] = set()
        for _ in range(_PASSES):
            drawing, args = picture.drawing, picture.args
            if drawing is draw_mosaic:
                left_out |= self._miniatures.make(picture.orders, held, patience)
                args = ([piece for piece in args[0] if left_out.isdisjoint(piece.kept)], *args[1:])
            if held:
                drawing, args = call_with, (held, drawing, *args)
            drawn = picture.jobs.run(drawing, *args, patience=patience)
            if isinstance(drawn, bytes):
                return drawn
            if isinstance(drawn, Drawn):
                self._pyramids.note(drawn.wasted)
                return drawn.content
            surveys = [self._makers.submit(self._survey, source, patience) for source in drawn.sources]
            for source, made in zip(drawn.sources, surveys):
                try:
                    unkept = made.result()
                except HttpError as refusal:
                    if picture.drawing is not draw_mosaic or refusal.status >= 500:
                        raise
                    left_out.add(source.survey)
                else:
                    if unkept is None and source.survey in surveyed:  # it was evicted meanwhile
                        unkept = self._cache.read(source.survey.name)
                    if unkept is not None:
                        hold(held, source.survey, unkept)
                    surveyed.add(source.survey)
        raise HttpError(503, f"{picture.subject} cannot be drawn now: the cache of pictures is too small for it.")

    def _survey(self, source: Source, patience: Optional[Patience]) -> Optional[bytes]:
        return self._make(
            source.survey.name,
            source.path.name,
            lambda: self.jobs.run(survey, source, patience=patience),
            patience,
        )

    def _start(self, picture: Picture) -> Optional[concurrent.futures.Future[bytes]]:
        """Make a picture in the background, unless too many are pending."""
        with self._lock:
            task = self._soon.get(picture.name)
            if task is not None or len(self._soon) >= MAX_BACKGROUND:
                return task
            task = self._soon[picture.name] = self._background.submit(picture.make, Patience(BACKGROUND_SECONDS))
        task.add_done_callback(lambda _: self._soon.pop(picture.name, None))
        return task


class _Making:
    """Picture that is being made."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.unkept: Optional[bytes] = None


@dataclass(frozen=True)
class Picture:
    """Picture that is cached, or can be made.

    A look-up in the cache is cheap; making the picture may take long.

    Attributes
    ----------
    name : str
        Name in the cache, a digest of the drawn files and the parameters.
    subject : str
        Subject of error messages.
    drawing, args : callable, tuple
        Function that draws the picture in a worker process, and its arguments.
    jobs : Jobs
        Worker processes.
    orders : tuple of MiniatureOrder
        Miniatures that it is made of.
    """

    _maker: PictureMaker
    name: str
    subject: str
    drawing: Drawing
    args: Tuple[Any, ...]
    jobs: Jobs
    orders: Tuple[MiniatureOrder, ...] = ()

    def kept(self) -> Optional[bytes]:
        """Return the picture if it is cached, else None.

        Raises
        ------
        HttpError
            If a refusal is cached for it.
        """
        return self._maker._cache.read(self.name)

    def kept_file(self) -> Optional[Path]:
        """Return the file of the picture if it is cached, else None.

        Raises
        ------
        HttpError
            If a refusal is cached for it.
        """
        return self._maker._cache.find(self.name)

    def make(self, patience: Optional[Patience] = None) -> bytes:
        """Make and cache the picture, or wait for another thread that makes it.

        Parameters
        ----------
        patience : Patience, optional
            Time limit and cancellation.

        Returns
        -------
        bytes
            The content of the file.

        Raises
        ------
        HttpError
            If it cannot be made, or not within the limits.
        ClientGone
            If the client disconnected.
        """
        content = self._made(patience)
        if content is None:
            content = self.kept()
        if content is None:
            raise HttpError(503, "The cache of pictures is too small.")
        return content

    def make_file(self, patience: Optional[Patience] = None) -> Union[Path, bytes]:
        """Make and cache the picture like `make`, and return its file.

        Parameters
        ----------
        patience : Patience, optional
            Time limit and cancellation.

        Returns
        -------
        Path or bytes
            The file in the cache, or its content if it cannot be cached.

        Raises
        ------
        HttpError
            If it cannot be made, or not within the limits.
        ClientGone
            If the client disconnected.
        """
        content = self._made(patience)
        return self._maker._cache.path(self.name) if content is None else content

    def make_soon(self, seconds: float) -> Optional[bytes]:
        """Return the picture if it is finished in time; otherwise it is finished and cached in the background.

        Parameters
        ----------
        seconds : float
            Time to wait for it.

        Returns
        -------
        bytes or None
            None if it is not finished in time.

        Raises
        ------
        HttpError
            If it cannot be made.
        """
        task = self._maker._start(self)
        if task is None:
            return None
        with contextlib.suppress(concurrent.futures.TimeoutError, concurrent.futures.CancelledError, ClientGone):
            return task.result(seconds)
        return None

    def _made(self, patience: Optional[Patience]) -> Optional[bytes]:
        return self._maker._make(self.name, self.subject, lambda: self._maker._draw(self, patience), patience)
