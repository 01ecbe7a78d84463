"""Read the units of an archive, many at once, into what the index's tables take."""

from __future__ import annotations

import gc
import os
from collections import deque
from concurrent.futures import Future
from functools import partial
from itertools import islice
from pathlib import Path
from struct import error as StructError
from struct import pack
from typing import Any, Callable, Deque, Generator, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Tuple

import shapely

from planet_vector.geometry.wrapping import footprint_of, sides
from planet_vector.server.archive.inventory import Problem, SceneRecord, Unit, read, read_lines, stamp
from planet_vector.server.index.fields import column_values
from planet_vector.server.index.links import feature_text
from planet_vector.server.index.scene_search import microseconds
from planet_vector.server.jobs import JobError, Jobs, TookTooMuch
from planet_vector.times import parse_time

SECONDS = 30.0
"""Time to read one unit. Decoding what `footprint.MOST_DECODED` admits takes some ten seconds, more if others work."""

MEGABYTES = 1000
"""Memory to read one unit: the largest block that is decoded, and GDAL's copies of it, take half of that."""

LONG = 16 * 2**20  # bytes of a list that is read by several processes
LINES = 1000  # of such a list, read at once
_READ_THROUGH, _PIECE = 256 * 2**20, 2**20  # bytes that are read of a file to see whether it can be
_AGAIN = "it is read again when the archive is looked through"
EACH = 40  # units for which another process is started: a start takes as long as reading that many
_Read = Tuple[List["Entry"], List[Problem]]
_WKB_POLYGON = 3  # OGC 06-103r4, table 7


class Entry(NamedTuple):
    """One scene as the tables take it."""

    scene_type: str
    scene_id: str
    acquired: int
    footprint: Optional[bytes]
    boxes: List[Tuple[float, float, float, float]]
    columns: List[Any]
    feature: str
    products: Mapping[str, str]


def read_all(root: Path, units: List[Unit]) -> Generator[Tuple[Unit, Iterable[Entry], List[Problem]], None, None]:
    """Yield what stands in units, those with rasters first.

    The problems of a unit are known once its entries have been taken.
    """
    scenes = [unit for unit in units if unit.key.startswith("scene:")]
    lists = [unit for unit in units if unit.key.startswith("list:")]
    most = os.cpu_count() or 1
    count = most if any(map(_is_long, lists)) else min(most, -(-len(scenes) // EACH))
    # GDAL reads rasters in processes of their own: what a file makes it do there ends neither this process nor others.
    with Jobs(count, seconds=SECONDS, megabytes=MEGABYTES) as jobs:
        ahead = _ahead(_JobCall(jobs, _read_unit, (root, unit), unit.files[0].path) for unit in scenes)
        for unit, (entries, found) in zip(scenes, ahead):
            yield unit, entries, found
        for unit in lists:
            path = unit.files[0].path
            problems: List[Problem] = []
            if _is_long(unit):
                listed = _long_entries(jobs, root / path, path, problems)
            else:
                listed = _entries(read(root, unit, problems), path, problems)
            yield unit, _guarded(listed, root, unit, problems), problems


def _is_long(unit: Unit) -> bool:
    return unit.key.endswith(".geojsonl") and unit.files[0].size > LONG


class _JobCall:
    """Call of a function in another process, whose failure is a problem of what it reads."""

    def __init__(self, jobs: Jobs, function: Callable[..., _Read], args: Tuple[Any, ...], path: str) -> None:
        self._again: Callable[[], _Read] = partial(jobs.run, function, *args)
        self._path = path
        self._future: Future[_Read] = jobs.submit(function, *args)

    def result(self) -> _Read:
        try:
            try:
                return self._future.result()
            except TookTooMuch:  # or somebody else ended the process: once more, with a new one
                return self._again()
        except JobError as error:
            return [], [Problem(self._path, f"{error}; it is not served until it changes")]


def _ahead(calls: Iterator[_JobCall]) -> Iterator[_Read]:
    """Yield results in order, with a few under way: memory stays bounded."""
    waiting: Deque[_JobCall] = deque(islice(calls, 4 * (os.cpu_count() or 1)))
    while waiting:
        yield waiting.popleft().result()
        waiting.extend(islice(calls, 1))


def _long_entries(jobs: Jobs, path: Path, name: str, problems: List[Problem]) -> Iterator[Entry]:
    with path.open("rb") as file:
        blocks = iter(lambda: list(islice(file, LINES)), [])
        for entries, found in _ahead(
            _JobCall(jobs, _read_block, (block, number * LINES, name), name) for number, block in enumerate(blocks)
        ):
            problems += found
            yield from entries


def _guarded(entries: Iterator[Entry], root: Path, unit: Unit, problems: List[Problem]) -> Iterator[Entry]:
    """Yield entries until reading fails, whatever fails: that is a problem of this file and of no other."""
    try:
        yield from entries
    except Exception as error:
        problems.append(_failure(unit.files[0].path, error))
    if not any(problem.unread for problem in problems):
        problems += _unsettled(root, unit, False)


def _failure(path: str, error: Exception) -> Problem:
    if isinstance(error, OSError) and error.strerror:  # of the system, not of GDAL
        return Problem(path, f"cannot be read ({error.strerror}); {_AGAIN}", unread=True)
    text = " ".join(str(error).split())[:200]
    told = f"cannot be read ({type(error).__name__}{': ' if text else ''}{text}); it is not served until it changes"
    return Problem(path, told)


def _unsettled(root: Path, unit: Unit, doubtful: bool) -> List[Problem]:
    """Return why what was read of a unit may not be what its files hold, if so: a problem that is `unread`.

    They were changed since they were looked at; or, where what was read is `doubtful`, they cannot be read at all,
    of which GDAL says no more than that it is no raster.
    """
    for file in unit.files:
        try:
            if stamp(file.path, os.stat(root / file.path)) != file:
                return [Problem(file.path, f"was changed while it was read; {_AGAIN}", unread=True)]
            if doubtful:
                with (root / file.path).open("rb", buffering=0) as content:
                    left = _READ_THROUGH
                    while left > 0 and content.read(_PIECE):
                        left -= _PIECE
        except OSError as error:
            return [_failure(file.path, error)]
    return []


def _read_unit(root: Path, unit: Unit) -> _Read:
    problems: List[Problem] = []
    path = unit.files[0].path
    found = _taken(_entries(read(root, unit, problems), path, problems), path, problems)
    unsettled = _unsettled(root, unit, bool(found[1]))
    return ([], unsettled) if unsettled else found


def _read_block(lines: List[bytes], first: int, name: str) -> _Read:
    problems: List[Problem] = []
    return _taken(_entries(read_lines(lines, first, name, problems), name, problems), name, problems)


def _taken(entries: Iterator[Entry], path: str, problems: List[Problem]) -> _Read:
    # Millions of objects, none in a cycle, in a process that ends soon: looking for cycles takes a fifth of the time.
    gc.disable()
    try:
        return list(entries), problems
    except MemoryError:
        raise  # the process is given up
    except Exception as error:
        return [], [*problems, _failure(path, error)]


def _entries(records: Iterable[SceneRecord], path: str, problems: List[Problem]) -> Iterator[Entry]:
    for record in records:
        try:
            yield entry_of(record)
        except MemoryError:
            raise
        except Exception as error:  # metadata may hold anything
            told = " ".join(str(error).split())[:200] or type(error).__name__
            problems.append(Problem(path, f"scene {record.feature['id']}: {told}"))


def entry_of(record: SceneRecord) -> Entry:
    """Return a scene as the tables take it.

    Raises
    ------
    ValueError
        When its geometry is no footprint.
    """
    feature = record.feature
    properties = feature["properties"]
    footprint, boxes = _footprint(feature.get("geometry"))
    return Entry(
        record.scene_type,
        feature["id"],
        microseconds(parse_time(properties["acquired"])),
        footprint,
        boxes,
        column_values(properties),
        feature_text(record.scene_type, feature, record.products),
        record.products,
    )


def _footprint(geometry: Any) -> Tuple[Optional[bytes], List[Tuple[float, float, float, float]]]:
    """Return a GeoJSON footprint as WKB within ±180°, and the boxes of its parts at either side of the antimeridian."""
    if geometry is None:
        return None, []
    plain = _plain_footprint(geometry)
    if plain is not None:
        return plain
    footprint = footprint_of(geometry)
    return shapely.to_wkb(footprint), sides(footprint)


def _plain_footprint(geometry: Any) -> Optional[Tuple[bytes, List[Tuple[float, float, float, float]]]]:
    """Return what `_footprint` does for what nearly every scene has: one ring, away from the antimeridian."""
    try:
        (ring,) = geometry["coordinates"]
        if geometry["type"] != "Polygon" or len(ring) < 4 or ring[0] != ring[-1]:
            return None
        xs, ys = zip(*ring)
        west, south, east, north = min(xs), min(ys), max(xs), max(ys)
        if not (-180 <= west and east <= 180 and east - west <= 180 and -90 <= south and north <= 90):
            return None
        flat = [value for position in ring for value in position]
        return pack(f"<BIII{len(flat)}d", 1, _WKB_POLYGON, 1, len(ring), *flat), [(west, south, east, north)]
    except (TypeError, ValueError, KeyError, IndexError, OverflowError, StructError):
        return None  # the whole way tells what is wrong with it
