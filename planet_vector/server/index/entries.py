"""Read the units of an archive, many at once, into entries for the tables of the index."""

from __future__ import annotations

import gc
import json
import os
from collections import deque
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from struct import error as StructError
from struct import pack
from typing import Any, Callable, Deque, Generator, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Tuple

import shapely

from planet_vector.geometry.wrapping import footprint_of, sides
from planet_vector.server.archive.fields import SceneFields
from planet_vector.server.archive.ids import told_id, valid_id
from planet_vector.server.archive.inventory import read
from planet_vector.server.archive.kinds.geojson_lists import read_lines
from planet_vector.server.archive.units import (
    GUESSED,
    IDS,
    LEFT_OUT,
    Problem,
    SceneRecord,
    Unit,
    is_list,
    path_of,
    stamp,
)
from planet_vector.server.index.fields import stored_values
from planet_vector.server.index.links import feature_text
from planet_vector.server.index.records import assets_text
from planet_vector.server.index.scene_search import microseconds
from planet_vector.server.index.texts import StoredText, text_values
from planet_vector.server.jobs import JobError, Jobs, TookTooLong, TookTooMuch
from planet_vector.times import parse_time

SECONDS = 30.0
"""Time limit for one unit. Decoding `footprint.MOST_DECODED` bytes takes some ten seconds, more on a busy machine."""

MEGABYTES = 1000
"""Memory limit for one unit: the largest block that is decoded, and GDAL's copies of it, take half of that."""

LONG = 16 * 2**20  # bytes above which a list is read by several processes
LINES = 1000  # lines of a long list that are read at once
_READ_THROUGH, _PIECE = 256 * 2**20, 2**20  # bytes read of a file, at most and at once, to check that it is readable
_AGAIN = "it is read again at the next scan of the archive"
EACH = 40  # units for each process: starting one takes as long as reading that many
_Read = Tuple[List["Entry"], List[Problem]]
_WKB_POLYGON = 3  # OGC 06-103r4, table 7


class Entry(NamedTuple):
    """One scene as the tables store it.

    Attributes
    ----------
    scene_type, scene_id : str
        Type and id.
    acquired : int
        Time of acquisition, in microseconds since 1970.
    footprint : bytes or None
        WKB within ±180° of longitude.
    boxes : list of (west, south, east, north)
        Bounding boxes of its parts on either side of the antimeridian, in degrees.
    columns : list
        Values of `planet_vector.server.index.fields.stored_values`.
    feature : str
        The Feature as JSON text (see `planet_vector.server.index.links`).
    products : mapping of str to str
        Paths within the archive by product.
    item_type, collection : str
        As in `planet_vector.server.archive.units.SceneRecord`.
    texts : list
        Values of `planet_vector.server.index.texts.TEXT_COLUMNS`.
    item, assets : str
        Fields and assets as JSON texts (see `planet_vector.server.index.records`), or empty.
    """

    scene_type: str
    scene_id: str
    acquired: int
    footprint: Optional[bytes]
    boxes: List[Tuple[float, float, float, float]]
    columns: List[Any]
    feature: str
    products: Mapping[str, str]
    texts: List[StoredText]
    item_type: str = ""
    collection: str = ""
    item: str = ""
    assets: str = ""


def read_all(root: Path, units: List[Unit]) -> Generator[Tuple[Unit, Iterable[Entry], List[Problem]], None, None]:
    """Yield the contents of units, those with rasters first.

    Parameters
    ----------
    root : Path
        The archive.
    units : list of Unit
        The units to read.

    Yields
    ------
    (Unit, iterable of Entry, list of Problem)
        A unit, its entries and its problems. The problems are complete once the entries are consumed.
    """
    scenes = [unit for unit in units if not is_list(unit.key)]
    lists = [unit for unit in units if is_list(unit.key)]
    most = os.cpu_count() or 1
    count = most if any(map(_is_long, lists)) else min(most, -(-len(scenes) // EACH))
    # GDAL reads rasters in separate processes, so that a file that crashes it ends no other process.
    with Jobs(count, seconds=SECONDS, megabytes=MEGABYTES) as jobs:
        ahead = _ahead(_JobCall(jobs, _read_unit, (root, unit), unit.files[0].path) for unit in scenes)
        for unit, (entries, found) in zip(scenes, ahead):
            yield unit, entries, found
        for unit in lists:
            path = unit.files[0].path
            problems: List[Problem] = []
            if _is_long(unit):
                listed = _long_entries(jobs, root / path, unit, problems)
            else:
                listed = _entries(read(root, unit, problems), unit, problems)
            yield unit, _guarded(listed, root, unit, problems), problems


def _is_long(unit: Unit) -> bool:
    return unit.key.endswith(".geojsonl") and unit.files[0].size > LONG


class _JobCall:
    """Call of a function in another process; a failure is reported as a problem of the file that it reads."""

    def __init__(self, jobs: Jobs, function: Callable[..., _Read], args: Tuple[Any, ...], path: str) -> None:
        self._again: Callable[[], _Read] = partial(jobs.run, function, *args)
        self._path = path
        self._future: Future[_Read] = jobs.submit(function, *args)

    def result(self) -> _Read:
        try:
            try:
                return self._future.result()
            except TookTooMuch:  # or the process was killed from outside: retry with a new one
                return self._again()
        except TookTooLong as error:
            if _is_busy():
                return [], [Problem(self._path, f"{error} on a busy machine; {_AGAIN}", unread=True)]
            return [], [Problem(self._path, f"{error}; it is not served until it changes")]
        except JobError as error:
            return [], [Problem(self._path, f"{error}; it is not served until it changes")]


def _is_busy() -> bool:
    """Return whether other programs may have taken the processor; never on Windows, which has no load average."""
    return hasattr(os, "getloadavg") and os.getloadavg()[0] > 2 * (os.cpu_count() or 1)


def _ahead(calls: Iterator[_JobCall]) -> Iterator[_Read]:
    """Yield results in order, with a limited number of pending calls to bound memory."""
    waiting: Deque[_JobCall] = deque(islice(calls, 4 * (os.cpu_count() or 1)))
    while waiting:
        yield waiting.popleft().result()
        waiting.extend(islice(calls, 1))


def _long_entries(jobs: Jobs, path: Path, unit: Unit, problems: List[Problem]) -> Iterator[Entry]:
    name = unit.files[0].path
    with path.open("rb") as file:
        blocks = iter(lambda: list(islice(file, LINES)), [])
        for entries, found in _ahead(
            _JobCall(jobs, _read_block, (block, number * LINES, unit), name) for number, block in enumerate(blocks)
        ):
            problems += found
            yield from entries


def _guarded(entries: Iterator[Entry], root: Path, unit: Unit, problems: List[Problem]) -> Iterator[Entry]:
    """Yield entries until reading fails; any exception is recorded as a problem of this file alone."""
    try:
        yield from entries
    except Exception as error:
        problems.append(_failure(unit.files[0].path, error))
    if not any(problem.unread for problem in problems):
        problems += _unsettled(root, unit, False)


def _failure(path: str, error: Exception) -> Problem:
    if isinstance(error, OSError) and error.strerror:  # from the system, not from GDAL
        return Problem(path, f"cannot be read ({error.strerror}); {_AGAIN}", unread=True)
    text = " ".join(str(error).split())[:200]
    told = f"cannot be read ({type(error).__name__}{': ' if text else ''}{text}); it is not served until it changes"
    return Problem(path, told)


def _unsettled(root: Path, unit: Unit, doubtful: bool) -> List[Problem]:
    """Return an `unread` problem if what was read of a unit may differ from its files, else an empty list.

    Either the files changed since the scan or, if the result is `doubtful`, they cannot be read at all: GDAL reports
    that only as not being a raster.
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
    found = _taken(_entries(read(root, unit, problems), unit, problems), path, problems)
    unsettled = _unsettled(root, unit, any(problem.kind == LEFT_OUT for problem in found[1]))
    return ([], unsettled) if unsettled else found


def _read_block(lines: List[bytes], first: int, unit: Unit) -> _Read:
    problems: List[Problem] = []
    name = unit.files[0].path
    return _taken(_entries(read_lines(lines, first, name, problems), unit, problems), name, problems)


def _taken(entries: Iterator[Entry], path: str, problems: List[Problem]) -> _Read:
    # Millions of objects, none in a cycle, in a short-lived process: cycle collection takes a fifth of the time.
    gc.disable()
    try:
        return list(entries), problems
    except MemoryError:
        raise  # ends the process
    except Exception as error:
        return [], [*problems, _failure(path, error)]


def _entries(records: Iterable[SceneRecord], unit: Unit, problems: List[Problem]) -> Iterator[Entry]:
    for record in records:
        path = record.assets[0].path if record.assets else unit.files[0].path
        own = record.feature["id"]
        try:
            scene_id = unit.ids.get(own) or valid_id(own, path_of(unit.key, own))
            entry = entry_of(record if scene_id == own else replace(record, feature={**record.feature, "id": scene_id}))
        except MemoryError:
            raise
        except Exception as error:  # metadata is arbitrary input
            told = " ".join(str(error).split())[:200] or type(error).__name__
            problems.append(Problem(path, f"scene {own}: {told}"))
            continue
        if scene_id != own:
            problems.append(Problem(path, told_id(scene_id, own), kind=IDS))
        if record.guessed:
            acquired = record.feature["properties"]["acquired"]
            problems.append(Problem(path, f"is dated by its modification time, {acquired}", kind=GUESSED))
        yield entry


def entry_of(record: SceneRecord) -> Entry:
    """Return a scene as the tables store it.

    Parameters
    ----------
    record : SceneRecord
        The scene, as read from the archive.

    Raises
    ------
    ValueError
        If its geometry is not a valid footprint.
    """
    feature = record.feature
    properties = feature["properties"]
    footprint, boxes = _footprint(feature.get("geometry"))
    fields = SceneFields.of_json(record.item) if record.item else SceneFields.of_feature(feature)
    return Entry(
        record.scene_type,
        feature["id"],
        microseconds(parse_time(properties["acquired"])),
        footprint,
        boxes,
        list(stored_values(properties, fields).values()),
        feature_text(record.scene_type, feature, record.products),
        record.products,
        text_values(fields),
        "" if record.item_type == record.scene_type else record.item_type,
        "" if record.collection == (record.item_type or record.scene_type) else record.collection,
        json.dumps(record.item, separators=(",", ":")) if record.item else "",
        assets_text(record.assets),
    )


def _footprint(geometry: Any) -> Tuple[Optional[bytes], List[Tuple[float, float, float, float]]]:
    """Return a GeoJSON footprint as WKB within ±180°, and the boxes of its parts on either side of the antimeridian."""
    if geometry is None:
        return None, []
    plain = _plain_footprint(geometry)
    if plain is not None:
        return plain
    footprint = footprint_of(geometry)
    return shapely.to_wkb(footprint), sides(footprint)


def _plain_footprint(geometry: Any) -> Optional[Tuple[bytes, List[Tuple[float, float, float, float]]]]:
    """Return what `_footprint` does, for the common case of one ring away from the antimeridian; None for others."""
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
        return None  # the general path raises the specific error
