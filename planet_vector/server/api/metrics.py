"""Request counters for Prometheus, summed over all processes of a service.

The counters are in shared memory, so that no count is lost when a worker is replaced, and no files remain. (The
multiprocess mode of prometheus_client keeps two files for each process that ever ran.)
"""

from __future__ import annotations

import bisect
import copy
import ctypes
import multiprocessing
from typing import Any, Dict, List, Tuple

_API = __name__.rpartition(".")[0] + "."

_FUNCTIONS = {
    "v0": "scene_types list_scenes get_scene get_product get_thumbnail get_tile list_mosaics get_mosaic get_mosaic_tile"
    " get_quadmap list_quads get_quad get_quad_raster get_quad_thumbnail list_quad_scenes login",
    "data_api": "list_types get_type get_item get_thumbnail list_assets get_asset activate download get_tile"
    " quick_search get_stats list_searches create_search get_search replace_search delete_search list_results"
    " list_mosaics get_mosaic list_quads search_quads get_quad get_quad_file get_quad_thumb list_quad_items",
    "stac": "get_landing get_conformance get_queryables get_collection_queryables list_collections get_collection"
    " list_items get_item get_asset search post_search",
    "features": "get_landing get_conformance get_definition list_collections get_collection get_queryables get_schema"
    " list_features get_feature",
    "tiles": "get_landing get_conformance list_matrix_sets get_matrix_set list_collections get_collection get_tilejson"
    " list_tilesets get_tileset get_tile get_scene_tilejson",
}
"""Functions that answer the requests of each API, by the package of the API."""

ROUTES = (
    *_FUNCTIONS["v0"].split(),
    "deliver",
    *(f"{api}.{name}" for api in ("data_api", "stac", "features", "tiles") for name in _FUNCTIONS[api].split()),
    "other",
)
"""Names of the routes: the names of their functions, with the package of the API in front of those of other than v0."""

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the response times, in seconds: the defaults of Prometheus' own client libraries."""

_CLASSES = 5  # 1xx to 5xx
_WIDTH = _CLASSES + len(BUCKETS) + 1 + 2  # status classes, buckets with +Inf, sums of seconds and bytes
_SIZE = len(ROUTES) * _WIDTH  # numbers per process


def route_of(function: object) -> str:
    """Return the name of a route.

    Parameters
    ----------
    function : object
        The function that answers its requests, or None.

    Returns
    -------
    str
        A name of `ROUTES`; ``other`` for a request that no API answers.
    """
    api = getattr(function, "__module__", "").replace(_API, "", 1).partition(".")[0]
    name = getattr(function, "__name__", "")
    name = f"{api}.{name}" if api in _FUNCTIONS and api != "v0" else name
    return name if name in ROUTES else "other"


class Metrics:
    """Request counters in shared memory of all processes of a service.

    Each process has its own slot, which its replacement takes over. So no lock is needed, which a killed process would
    never release.

    Parameters
    ----------
    processes : int
        Number of processes.
    """

    def __init__(self, processes: int = 1) -> None:
        context = multiprocessing.get_context("spawn")
        self._values: Any = context.RawArray(ctypes.c_double, processes * _SIZE)
        self._first = 0

    def of(self, process: int) -> Metrics:
        """Return the counters that write to the slot of a process.

        Only this process, and only one of its threads, may count with them.

        Parameters
        ----------
        process : int
            Number of the process, from 0.
        """
        found = copy.copy(self)
        found._first = process * _SIZE
        return found

    def count(self, route: str, status: int, seconds: float, sent: int) -> None:
        """Count one response.

        Parameters
        ----------
        route : str
            Name of the route; names not in `ROUTES` count as ``other``.
        status : int
            HTTP status.
        seconds : float
            Time from the request to the end of the response.
        sent : int
            Bytes of the body.
        """
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
            Numbers of scenes in the index, by type.
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


def _family(name: str, kind: str, description: str, lines: List[str]) -> Tuple[str, ...]:
    return (f"# HELP {name} {description}\n# TYPE {name} {kind}\n", *(line + "\n" for line in lines))
