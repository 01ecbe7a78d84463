"""Counters of requests for Prometheus, those of all processes of a service together.

They lie in memory that the processes share: a worker that is replaced takes no count with it, and no file stays behind.
The multiprocess mode of prometheus_client keeps two files for each process that there ever was.
"""

from __future__ import annotations

import bisect
import copy
import ctypes
import multiprocessing
from typing import Any, Dict, List, Tuple

ROUTES = (
    "scene_types",
    "list_scenes",
    "get_scene",
    "get_product",
    "get_thumbnail",
    "get_tile",
    "list_mosaics",
    "get_mosaic",
    "get_mosaic_tile",
    "get_quadmap",
    "list_quads",
    "get_quad",
    "get_quad_raster",
    "get_quad_thumbnail",
    "list_quad_scenes",
    "login",
    "deliver",
    "other",
)
"""Names of the routes, as the functions that answer them are called."""

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the time an answer took, in seconds: those of Prometheus' own clients."""

_CLASSES = 5  # 1xx to 5xx
_WIDTH = _CLASSES + len(BUCKETS) + 1 + 2  # then the sum of seconds, and of bytes
_SIZE = len(ROUTES) * _WIDTH  # numbers of a process


class Metrics:
    """Counters of requests, shared by all processes of a service.

    Each process counts in a place of its own, where the one that replaces it goes on. So there is no lock, which a
    process that is killed would never release.

    Parameters
    ----------
    processes : int
        How many processes count at once.
    """

    def __init__(self, processes: int = 1) -> None:
        context = multiprocessing.get_context("spawn")
        self._values: Any = context.RawArray(ctypes.c_double, processes * _SIZE)
        self._first = 0

    def of(self, process: int) -> Metrics:
        """Return the counters for a process, by its number; no other process, and one thread of it, counts in them."""
        found = copy.copy(self)
        found._first = process * _SIZE
        return found

    def count(self, route: str, status: int, seconds: float, sent: int) -> None:
        """Count one answer."""
        start = self._first + (ROUTES.index(route) if route in ROUTES else len(ROUTES) - 1) * _WIDTH
        values = self._values
        values[start + min(max(status // 100, 1), _CLASSES) - 1] += 1
        values[start + _CLASSES + bisect.bisect_left(BUCKETS, seconds)] += 1
        values[start + _WIDTH - 2] += seconds
        values[start + _WIDTH - 1] += sent

    def text(self, totals: Dict[str, int]) -> str:
        """Return the counters in the text format of Prometheus, version 0.0.4.

        Parameters
        ----------
        totals : dict of str to int
            Scenes in the index, by type.
        """
        each = list(self._values)
        values = [sum(each[number::_SIZE]) for number in range(_SIZE)]
        requests, times, sizes = [], [], []
        for number, route in enumerate(ROUTES):
            row = values[number * _WIDTH : (number + 1) * _WIDTH]
            if not any(row):
                continue
            for status in range(_CLASSES):
                if row[status]:
                    requests.append(
                        f'planet_requests_total{{route="{route}",status="{status + 1}xx"}} {row[status]:.0f}'
                    )
            below = 0.0
            for bound, count in zip([*map(str, BUCKETS), "+Inf"], row[_CLASSES:-2]):
                below += count
                times.append(f'planet_request_seconds_bucket{{route="{route}",le="{bound}"}} {below:.0f}')
            times.append(f'planet_request_seconds_sum{{route="{route}"}} {row[-2]:.6f}')
            times.append(f'planet_request_seconds_count{{route="{route}"}} {below:.0f}')
            sizes.append(f'planet_sent_bytes_total{{route="{route}"}} {row[-1]:.0f}')
        scenes = [f'planet_scenes{{type="{name}"}} {count}' for name, count in totals.items()]
        return "".join(
            _family("planet_requests_total", "counter", "Requests answered.", requests)
            + _family("planet_request_seconds", "histogram", "Time from a request to the end of its answer.", times)
            + _family("planet_sent_bytes_total", "counter", "Bytes of bodies sent.", sizes)
            + _family("planet_scenes", "gauge", "Scenes in the index.", scenes)
        )


def _family(name: str, kind: str, told: str, lines: List[str]) -> Tuple[str, ...]:
    return (f"# HELP {name} {told}\n# TYPE {name} {kind}\n", *(line + "\n" for line in lines))
