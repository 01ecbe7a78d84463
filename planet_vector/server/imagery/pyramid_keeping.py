"""Keep pyramids of the files that pictures have wasted much on.

A pyramid costs about twice as much as decoding its file. So it is made once that much was decoded for tiles and not
seen on them: whatever is asked for, pictures cost at most a few times what they would if it were known before. Nobody
waits for it: it is made in a process of its own, one at a time.
"""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Sequence, Set, Tuple

from planet_vector.server.http_errors import Refusal
from planet_vector.server.imagery.picture_cache import PictureCache
from planet_vector.server.imagery.pyramid_making import MOST_KEPT, make_pyramid
from planet_vector.server.imagery.read_plan import ADVICE
from planet_vector.server.imagery.reading import Source
from planet_vector.server.jobs import JobError, Jobs, TookTooLong, TookTooMuch

ENOUGH = 2.0
"""Whole files that are decoded in vain before a pyramid is made, which takes about twice as long as decoding one."""

PYRAMID_SECONDS = 120.0
"""Time for one: what takes pictures up to 30 s is decoded once, shrunk and packed, while others work."""

NICENESS = 15
"""What makes them lets pictures go first, which somebody waits for."""

AGAIN = 3600.0
"""Seconds after which one is tried again that could not be made."""

MAX_COUNTED = 10_000
"""Files of which it is known what was wasted on them."""

MAX_WAITING = 64
"""Pyramids to be made; what more are wanted are made when more has been wasted."""


class Pyramids:
    """Count of what is decoded in vain of files, and the maker of their pyramids.

    Parameters
    ----------
    cache : PictureCache
        Where they are kept.
    jobs : Jobs
        Where they are made.
    """

    def __init__(self, cache: PictureCache, jobs: Jobs) -> None:
        self._cache = cache
        self._jobs = jobs
        self._maker = ThreadPoolExecutor(1, "pyramids")
        self._lock = threading.Lock()
        self._wasted: OrderedDict[Path, float] = OrderedDict()
        self._waiting: Set[Path] = set()
        self._closed = False

    def close(self) -> None:
        """Make no more of them."""
        self._closed = True
        self._maker.shutdown(wait=False, cancel_futures=True)
        self._jobs.close()

    def note(self, wasted: Sequence[Tuple[Source, float]]) -> None:
        """Note what was wasted on files, and have pyramids made of those that it was enough on."""
        for source, share in wasted:
            path = source.pyramids[-1]
            with self._lock:
                total = self._wasted.pop(path, 0.0) + share
                due = total >= ENOUGH and path not in self._waiting and len(self._waiting) < MAX_WAITING
                if due:
                    self._waiting.add(path)
                else:
                    self._wasted[path] = total
                    if len(self._wasted) > MAX_COUNTED:
                        self._wasted.popitem(last=False)
            if due:
                with contextlib.suppress(RuntimeError):  # the service ends
                    self._maker.submit(self._make, source)

    def _make(self, source: Source) -> None:
        path = source.pyramids[-1]
        try:
            if self._cache.find(path.name) is None:  # else another process has made it meanwhile
                self._cache.try_fill(path.name, lambda part: self._jobs.run(make_pyramid, source, part, MOST_KEPT))
        except (TookTooLong, TookTooMuch) as error:
            if self._closed:  # it was not the file that ended the process
                return
            told = f"{source.path.name} has no pyramid: to make it {error}; {ADVICE}."
            self._cache.try_refuse(path.name, Refusal(422, told), AGAIN)
        except Refusal as refusal:
            if refusal.status < 500:  # else the disk is full: it is tried when as much has been wasted again
                self._cache.try_refuse(path.name, refusal, AGAIN)
        except JobError:  # the service ends
            return
        finally:
            with self._lock:
                self._waiting.discard(path)
