"""Miniatures of scenes (see `planet_vector.server.imagery.small_scales`), made once and kept."""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Set, Union

from planet_vector.server.http_errors import Refusal
from planet_vector.server.imagery.picture_cache import PictureCache
from planet_vector.server.imagery.read_plan import ADVICE
from planet_vector.server.imagery.small_scales import MiniatureOrder, make_miniatures
from planet_vector.server.jobs import Jobs, TookTooLong, TookTooMuch
from planet_vector.server.patience import Patience

MAX_HELD = 64 * 10**6
"""Bytes of surveys and miniatures that are held for one picture where the disk has no room for them."""

AGAIN = 3600.0
"""Seconds after which a picture is tried again that took too long, or whose file could not be read."""

_TOGETHER = 8  # made in one call: some 0.1 s, in which other pictures wait
_CALLS = 2  # at once for one picture: a tile of some scenes does not wait for one of thousands


class Miniatures:
    """Maker of miniatures: each is made once, however many requests ask for it.

    Parameters
    ----------
    cache : PictureCache
        Where they are kept.
    jobs : Jobs
        Where they are made.
    makers : ThreadPoolExecutor
        Threads that wait for them.
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
        """Make miniatures that are not there, and return which cannot be made.

        Parameters
        ----------
        orders : sequence of MiniatureOrder
            What they are made of.
        held : dict of Path to bytes
            Gets those that cannot be kept.
        patience : Patience, optional
            Who waits for them.
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
                except Refusal:
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
        """Tell whether a miniature is this thread's to make, and no other's."""
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
                if isinstance(made, Refusal):
                    refused.add(order.path)
                    self._cache.try_refuse(order.path.name, made, AGAIN)
                elif not self._cache.try_write(order.path.name, made):
                    hold(held, order.path, made)

    def _call(self, orders: Sequence[MiniatureOrder], patience: Optional[Patience]) -> List[Union[bytes, Refusal]]:
        try:
            return self._jobs.run(make_miniatures, orders, patience=patience)
        except (TookTooLong, TookTooMuch) as error:
            if len(orders) > 1:  # which of them it was is found out
                return [made for order in orders for made in self._call([order], patience)]
            return [Refusal(422, f"{orders[0].sources[0].path.name} cannot be drawn: it {error}; {ADVICE}.")]


def hold(held: Dict[Path, bytes], path: Path, content: bytes) -> None:
    """Hold in memory what the disk has no room for.

    Raises
    ------
    Refusal
        503, if it is more than `MAX_HELD`.
    """
    held[path] = content
    if sum(map(len, held.values())) > MAX_HELD:
        raise Refusal(
            503, "The cache of pictures has no room, and the picture is of too many files to be made without it.",
            {"Retry-After": "60"},
        )  # fmt: skip
