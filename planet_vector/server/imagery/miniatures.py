"""Miniatures of scenes (see `planet_vector.server.imagery.small_scales`), made once and cached."""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Set, Union

from planet_vector.server.http_errors import HttpError
from planet_vector.server.imagery.picture_cache import PictureCache
from planet_vector.server.imagery.read_plan import ADVICE
from planet_vector.server.imagery.small_scales import MiniatureOrder, make_miniatures
from planet_vector.server.jobs import Jobs, TookTooLong, TookTooMuch
from planet_vector.server.patience import Patience

MAX_HELD = 64 * 10**6
"""Maximum bytes of surveys and miniatures held in memory for one picture if the disk is full."""

AGAIN = 3600.0
"""Seconds until a picture is retried that took too long, or whose file could not be read."""

_TOGETHER = 8  # made in one call: about 0.1 s, during which other pictures wait
_CALLS = 2  # concurrent calls for one picture, so that a tile of few scenes does not wait for one of thousands


class Miniatures:
    """Maker of miniatures; concurrent requests share each one.

    Parameters
    ----------
    cache : PictureCache
        Cache for the miniatures.
    jobs : Jobs
        Worker processes that make them.
    makers : ThreadPoolExecutor
        Threads that wait for the workers.
    """

    def __init__(self, cache: PictureCache, jobs: Jobs, makers: ThreadPoolExecutor) -> None:
        self._cache = cache
        self._jobs = jobs
        self._makers = makers
        self._lock = threading.Lock()
        self._claimed: Set[Path] = set()

    def make(
        self, orders: Sequence[MiniatureOrder], held: Dict[Path, bytes], patience: Optional[Patience]
    ) -> Set[Path]:
        """Make the miniatures that are not cached.

        Parameters
        ----------
        orders : sequence of MiniatureOrder
            Specifications of the miniatures.
        held : dict of Path to bytes
            Receives the miniatures that cannot be cached.
        patience : Patience, optional
            Time limit and cancellation.

        Returns
        -------
        set of Path
            Paths of the miniatures that cannot be made.

        Raises
        ------
        HttpError
            503, if more than `MAX_HELD` bytes cannot be cached.
        """
        refused: Set[Path] = set()
        waiting = deque(orders)
        while waiting:
            mine: List[MiniatureOrder] = []
            theirs: List[MiniatureOrder] = []
            while waiting and len(mine) < _CALLS * _TOGETHER:
                order = waiting.popleft()
                try:
                    if order.path not in held and self._cache.find(order.path.name) is None:
                        (mine if self._claim(order.path) else theirs).append(order)
                except HttpError:
                    refused.add(order.path)
            if theirs and not mine:
                time.sleep(0.05)
            if patience is not None:
                patience.check()
            waiting.extend(theirs)
            try:
                self._draw(mine, held, refused, patience)
            finally:
                with self._lock:
                    self._claimed.difference_update(order.path for order in mine)
        return refused

    def _claim(self, path: Path) -> bool:
        """Claim a miniature for this thread; return False if another thread makes it."""
        with self._lock:
            if path in self._claimed:
                return False
            self._claimed.add(path)
            return True

    def _draw(
        self,
        orders: Sequence[MiniatureOrder],
        held: Dict[Path, bytes],
        refused: Set[Path],
        patience: Optional[Patience],
    ) -> None:
        groups = [orders[first : first + _TOGETHER] for first in range(0, len(orders), _TOGETHER)]
        calls = [self._makers.submit(self._call, group, patience) for group in groups]
        for group, call in zip(groups, calls):
            for order, made in zip(group, call.result()):
                if isinstance(made, HttpError):
                    refused.add(order.path)
                    self._cache.try_refuse(order.path.name, made, AGAIN)
                elif not self._cache.try_write(order.path.name, made):
                    hold(held, order.path, made)

    def _call(self, orders: Sequence[MiniatureOrder], patience: Optional[Patience]) -> List[Union[bytes, HttpError]]:
        try:
            return self._jobs.run(make_miniatures, orders, patience=patience)
        except (TookTooLong, TookTooMuch) as error:
            if len(orders) > 1:  # retry one by one, to find the one that fails
                return [made for order in orders for made in self._call([order], patience)]
            return [HttpError(422, f"{orders[0].sources[0].path.name} cannot be drawn: it {error}; {ADVICE}.")]


def hold(held: Dict[Path, bytes], path: Path, content: bytes) -> None:
    """Hold a file in memory that cannot be written to the disk.

    Parameters
    ----------
    held : dict of Path to bytes
        Receives the content.
    path : Path
        Path of the file in the cache.
    content : bytes
        Its content.

    Raises
    ------
    HttpError
        503, if `held` exceeds `MAX_HELD` bytes.
    """
    held[path] = content
    if sum(map(len, held.values())) > MAX_HELD:
        raise HttpError(
            503, "The cache of pictures is full, and the picture has too many files to be made without it.",
            {"Retry-After": "60"},
        )  # fmt: skip
