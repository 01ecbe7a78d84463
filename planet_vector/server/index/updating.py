"""Bring an index up to date with its archive: what is new, changed or gone since the last time.

One process at a time does so (`planet_vector.server.index.writing_lock`). Each transaction counts the index's version
up and leaves an index that is true (`planet_vector.server.index.writing`): killed in the middle, the next run goes on
where the last transaction ended. An index that another version of this package has made is made anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, List, Optional, Set

from planet_vector.config import user_directory
from planet_vector.errors import ArchiveError
from planet_vector.server.archive.inventory import Problem, Unit, scan
from planet_vector.server.imagery.overview_folder import discard_overviews, stale_rasters
from planet_vector.server.imagery.picture_cache import FULL
from planet_vector.server.index.database import SCHEMA, create
from planet_vector.server.index.entries import read_all
from planet_vector.server.index.sqlite_connections import connect
from planet_vector.server.index.trust import discard, has_room, is_damage, is_noted, is_trusted, note
from planet_vector.server.index.writing import DUPLICATE, Writing, signature_of
from planet_vector.server.index.writing_lock import writing_lock

FILL_CACHE_KB, CACHE_KB = 200_000, 32_000
"""Of pages while writing. A first fill changes the indexes all over; a re-scan runs in a process that answers."""

_TABLES = {"meta", "unit", "problem", "scene", "feature", "product", "total"}  # of an index, whatever its SCHEMA


@dataclass
class Report:
    """What an update did."""

    read: int = 0
    removed: int = 0
    looking: float = 0.0  # seconds it took to find out what has changed
    totals: Dict[str, int] = field(default_factory=dict)
    problems: List[Problem] = field(default_factory=list)


def default_index(root: Path) -> Path:
    """Return where the index of an archive is kept: in the user's cache, as an archive may be read-only.

    Raises
    ------
    ConfigError
        When there is no home directory, and no variable names another place.
    """
    digest = hashlib.sha256(os.fsencode(os.path.realpath(root))).hexdigest()[:20]
    return user_directory("cache") / "archives" / f"{digest}.sqlite"


def count_text(scenes: int) -> str:
    """Return how many scenes there are, in words."""
    return "1 scene" if scenes == 1 else f"{scenes} scenes"


def update(
    root: Path,
    path: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    program: str = "planet-vector",
    tell: Optional[Callable[[str], None]] = None,
    stop: Optional[threading.Event] = None,
    allow_empty: bool = False,
) -> Report:
    """Read what has changed in an archive since the last update; wait while another process does.

    Parameters
    ----------
    root : Path
        The archive.
    path : Path
        The index; made when it is not there.
    progress : callable
        Called with the number of units read, and of all to be read.
    program : str
        What other processes that wait for this one are told it is.
    tell : callable, optional
        Called once, with a sentence, when another process is to be waited for.
    stop : threading.Event, optional
        What ends it: at once while it waits, else with the transaction it is at.
    allow_empty : bool
        Whether all scenes are dropped when the archive holds none.

    Raises
    ------
    ArchiveError
        When the archive cannot be read at all, or holds nothing any more; when the index cannot be written.
    Stopped
        When `stop` was set before it had come to its end.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with writing_lock(path, program, tell, stop):
            # Not before: what another process has found meanwhile would be taken for gone.
            start = time.monotonic()
            units, scan_problems = scan(root)
            looking = time.monotonic() - start

            def run() -> Report:
                with closing(_open(path)) as db:
                    return _update(root, path, db, units, scan_problems, progress, stop, allow_empty)

            try:
                report = run()
            except sqlite3.DatabaseError as error:
                if not (is_damage(error, path) and (is_noted(path) or path == default_index(root))):
                    raise
                discard(path)
                report = run()
            report.looking = looking
    except (sqlite3.Error, OSError) as error:
        raise ArchiveError(_reason(path, error)) from None
    if path == default_index(root):
        _delete_older(path)
    return report


def _open(path: Path) -> sqlite3.Connection:
    if not path.exists() or _is_replaced(path):
        # What lies beside is of a file that was deleted, and has no place in the one that is made now.
        discard(path)
    db = connect(path)
    try:
        _is_ours(db, path)  # before anything is changed: WAL would stay with a stranger's file
        db.execute("PRAGMA journal_mode = WAL")
        # With WAL a crash may lose the last update, never more: it is made again.
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("BEGIN IMMEDIATE")
        if not _is_ours(db, path):
            _clear(db)
            create(db)
        db.execute("COMMIT")
        note(path)
    except BaseException:
        db.close()
        raise
    return db


def _is_replaced(path: Path) -> bool:
    """Tell whether an index is not the one that was left there, or is damaged.

    Raises
    ------
    ArchiveError
        When it is a database of something else.
    """
    if is_trusted(path):
        return False
    try:
        # As it is without what lies beside it, which is not its own.
        with closing(connect(path, make=False, alone=True)) as db:
            _is_ours(db, path)
    except sqlite3.DatabaseError as error:
        if not is_damage(error, path):
            raise
    return True


def _is_ours(db: sqlite3.Connection, path: Path) -> bool:
    """Tell whether a file is an index as this version makes it; False where it is to be made.

    Raises
    ------
    ArchiveError
        When it is a database of something else.
    """
    (version,) = db.execute("PRAGMA user_version").fetchone()
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if (tables or version) and not tables >= _TABLES:
        raise ArchiveError(f"{path} is no index of planet-vector: name another with --index.")
    return bool(tables) and version == SCHEMA


def _clear(db: sqlite3.Connection) -> None:
    """Delete all tables."""
    # Virtual ones first, with which tables of theirs go.
    sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND sql {} LIKE '%VIRTUAL%'"
    for kind in ("", "NOT"):
        for (name,) in db.execute(sql.format(kind)).fetchall():
            db.execute(f'DROP TABLE "{name}"')


def _update(
    root: Path,
    path: Path,
    db: sqlite3.Connection,
    units: Dict[str, Unit],
    scan_problems: List[Problem],
    progress: Callable[[int, int], None],
    stop: Optional[threading.Event],
    allow_empty: bool,
) -> Report:
    known: Dict[str, str] = dict(db.execute("SELECT key, files FROM unit WHERE unit > 0"))
    db.execute(f"PRAGMA cache_size = -{CACHE_KB if known else FILL_CACHE_KB}")
    kept = _unread(known, [problem.path for problem in scan_problems if problem.unread])
    # Those with rasters first, as `read_all` does.
    order = [key for key in sorted(units, key=lambda key: not key.startswith("scene:")) if key not in kept]
    gone = [key for key in known if key not in units and key not in kept]
    changed = {key for key in order if known.get(key, "").replace(DUPLICATE, "", 1) != signature_of(units[key])}
    if gone and not allow_empty:
        _check_emptied(root, db, set(gone), kept, [units[key] for key in order if key in changed])
    # Before the index forgets them: killed in between, the next run deletes what is left.
    before = {key: known[key].replace(DUPLICATE, "", 1) for key in (*gone, *changed) if key in known}
    discard_overviews(path, stale_rasters(before, units, before))
    report = Report(removed=len(gone))
    with Writing(db, {key: place for place, key in enumerate(order)}, stop) as writing:
        if gone or changed:
            changed |= writing.reread_duplicates().intersection(order)
        # Gone first: what takes the place of a file may hold the same scenes.
        for key in gone:
            writing.drop(key)
            writing.pause()
        total = len(changed)
        while changed:
            for unit, entries, problems in read_all(root, [units[key] for key in order if key in changed]):
                writing.put(unit, entries, problems)
                writing.pause()
                report.read += 1
                progress(report.read, total)
            changed = set(writing.robbed)
            total += len(changed)
        writing.put_scan_problems(scan_problems)
        writing.finish()
    if report.read or report.removed:
        db.execute("PRAGMA optimize = 0x10002")  # all tables: a first fill has no statistics yet
    report.totals = dict(db.execute("SELECT type, scenes FROM total WHERE scenes > 0 ORDER BY type"))
    report.problems = [Problem(*row) for row in db.execute("SELECT path, text FROM problem ORDER BY path, text")]
    return report


def _unread(known: Dict[str, str], places: List[str]) -> Set[str]:
    """Return the keys of units of which a file, or a folder of it, could not be looked at."""
    if not places:
        return set()
    exact, below = set(places), tuple(place + "/" for place in places)

    def is_unread(key: str, files: str) -> bool:
        listed = files.replace(DUPLICATE, "", 1)
        paths = [file[0] for file in json.loads(listed)] if listed else []
        return any(path in exact or path.startswith(below) for path in (key.partition(":")[2], *paths))

    return {key for key, files in known.items() if is_unread(key, files)}


def _check_emptied(root: Path, db: sqlite3.Connection, gone: Set[str], kept: Set[str], changed: List[Unit]) -> None:
    """Raise ArchiveError when all that brought scenes, and can be looked at, is gone, and what has come brings none."""
    there = "EXISTS (SELECT 1 FROM scene INDEXED BY scene_by_unit WHERE scene.unit = unit.unit)"
    bringing = {key for (key,) in db.execute(f"SELECT key FROM unit WHERE {there}")} - kept
    if not bringing or bringing - gone:
        return
    with closing(read_all(root, changed)) as found:
        if any(True for _, entries, _ in found for _ in entries):
            return
    (scenes,) = db.execute("SELECT coalesce(sum(scenes), 0) FROM total").fetchone()
    raise ArchiveError(
        f"{root} holds nothing that can be served, and its index {count_text(scenes)}, "
        f"which stay{'s' * (scenes == 1)}: see whether its disk is mounted, or drop them with --allow-empty."
    )


def _reason(path: Path, error: Exception) -> str:
    """Return in a sentence why an index cannot be written, and what to do."""
    full = "disk is full" in str(error) or (isinstance(error, OSError) and error.errno in FULL)
    if full or not has_room(path):  # SQLite has no words for it where its shared memory finds no room
        return f"The index {path} cannot be written, as its disk is full: make room, or name another with --index."
    if "is locked" in str(error):
        return f"The index {path} is locked by another program: end that one, or name another index with --index."
    why = error.strerror if isinstance(error, OSError) and error.strerror else error
    return f"The index {path} cannot be written ({why}): name another with --index, or delete it."


def _delete_older(path: Path) -> None:
    """Delete the indexes and pictures that earlier versions kept of the same archive."""
    ours = re.compile(re.escape(path.stem) + r"-\d+\.(?:sqlite(?:-wal|-shm)?|pictures)")
    for place in path.parent.iterdir():
        if ours.fullmatch(place.name):
            with contextlib.suppress(OSError):  # on Windows, while a service of then still runs
                shutil.rmtree(place) if place.is_dir() else place.unlink()
