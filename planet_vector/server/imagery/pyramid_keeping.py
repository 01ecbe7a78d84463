"""Make pyramids of the files for which pictures decoded many unused pixels.

A pyramid costs about twice as much as decoding its file. So it is made once that amount was decoded for tiles without
being shown: for any sequence of requests, the total cost is at most a few times the optimum. Pyramids are made in the
background, in a separate process, one at a time.
"""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Sequence, Set, Tuple

from planet_vector.server.http_errors import HttpError
from planet_vector.server.imagery.picture_cache import PictureCache
from planet_vector.server.imagery.pyramid_making import MOST_KEPT, make_pyramid
from planet_vector.server.imagery.read_plan import ADVICE
from planet_vector.server.imagery.reading import Source
from planet_vector.server.jobs import JobError, Jobs, TookTooLong, TookTooMuch

ENOUGH = 2.0
"""Amount wasted before a pyramid is made, in whole files: a pyramid takes about twice as long as decoding its file."""

PYRAMID_SECONDS = 120.0
"""Time limit for one pyramid: data that takes pictures up to 30 s is decoded, downsampled and compressed, on a machine
that is busy with pictures."""

NICENESS = 15
"""Niceness of the process: pictures, for which clients wait, have priority."""

AGAIN = 3600.0
"""Seconds until a pyramid is retried that could not be made."""

MAX_COUNTED = 10_000
"""Number of files whose wasted amounts are recorded."""

MAX_WAITING = 64
"""Maximum number of queued pyramids; others are queued when more has been wasted on their files."""


class Pyramids:
    """Counter of the unused pixels decoded of each file, and maker of pyramids.

    Parameters
    ----------
    cache : PictureCache
        Cache for the pyramids.
    jobs : Jobs
        Worker process that makes them.
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
        """Cancel pending pyramids and end the worker process."""
        self._closed = True
        self._maker.shutdown(wait=False, cancel_futures=True)
        self._jobs.close()

    def note(self, wasted: Sequence[Tuple[Source, float]]) -> None:
        """Record the amounts wasted on files, and queue pyramids of those that have reached `ENOUGH`.

        Parameters
        ----------
        wasted : sequence of (Source, float)
            Files and the unused pixels decoded of each, as a share of the whole file.
        """
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
                with contextlib.suppress(RuntimeError):  # the service is shutting down
                    self._maker.submit(self._make, source)

    def _make(self, source: Source) -> None:
        path = source.pyramids[-1]
        try:
            if self._cache.find(path.name) is None:  # else another process has made it meanwhile
                self._cache.try_fill(path.name, lambda part: self._jobs.run(make_pyramid, source, part, MOST_KEPT))
        except (TookTooLong, TookTooMuch) as error:
            if self._closed:  # the process was ended by `close`, not by the file
                return
            told = f"{source.path.name} has no pyramid: making it {error}; {ADVICE}."
            self._cache.try_refuse(path.name, HttpError(422, told), AGAIN)
        except HttpError as refusal:
            if refusal.status < 500:  # else the disk is full: it is retried once as much has been wasted again
                self._cache.try_refuse(path.name, refusal, AGAIN)
        except JobError:  # the service is shutting down
            return
        finally:
            with self._lock:
                self._waiting.discard(path)
