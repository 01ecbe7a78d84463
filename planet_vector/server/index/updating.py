"""Update an index with the files of its archive that were added, changed or deleted since the last update.

One process at a time may do so (`planet_vector.server.index.writing_lock`). Each transaction increments the index's
version and leaves a consistent index (`planet_vector.server.index.writing`): after a killed update, the next one
continues where the last transaction ended. An index with the schema of another version of this package is rebuilt.
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

from planet_vector.disk_errors import is_full
from planet_vector.errors import ArchiveError
from planet_vector.server.archive.archive_paths import unstored
from planet_vector.server.archive.inventory import scan
from planet_vector.server.archive.units import Problem, Unit, is_list
from planet_vector.server.imagery.overview_folder import discard_overviews, stale_rasters
from planet_vector.server.index.entries import read_all
from planet_vector.server.index.given_ids import give_ids, read_given, read_units
from planet_vector.server.index.schema import SCHEMA, create
from planet_vector.server.index.sqlite_connections import connect
from planet_vector.server.index.trust import discard, has_room, is_damage, is_noted, is_trusted, note
from planet_vector.server.index.writing import DUPLICATE, UNFINISHED, Writing, signature_of
from planet_vector.server.index.writing_lock import writing_lock
from planet_vector.user_folders import user_directory

FILL_CACHE_KB, CACHE_KB = 200_000, 32_000
"""Page cache while writing. A first fill changes pages all over the indexes; a rescan shares a serving process."""

_TABLES = {"meta", "unit", "problem", "scene", "feature", "product", "total"}  # present in every SCHEMA


@dataclass
class Report:
    """Result of an update.

    Attributes
    ----------
    read, removed : int
        Number of units read, and removed.
    looking : float
        Seconds for finding the changes.
    totals : dict of str to int
        Number of scenes of each type.
    problems : list of Problem
        All files that are not served, sorted by path.
    notes : dict of str to int
        Number of the other lines of the report by kind.
    """

    read: int = 0
    removed: int = 0
    looking: float = 0.0
    totals: Dict[str, int] = field(default_factory=dict)
    problems: List[Problem] = field(default_factory=list)
    notes: Dict[str, int] = field(default_factory=dict)


def default_index(root: Path) -> Path:
    """Return the default path of an archive's index: in the user's cache, as an archive may be read-only.

    Parameters
    ----------
    root : Path
        The archive.

    Raises
    ------
    ConfigError
        If there is no home directory, and no variable specifies another place.
    """
    digest = hashlib.sha256(os.fsencode(os.path.realpath(root))).hexdigest()[:20]
    return user_directory("cache") / "archives" / f"{digest}.sqlite"


def count_text(scenes: int) -> str:
    """Return a number of scenes with its noun.

    Parameters
    ----------
    scenes : int
        The number.
    """
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
    rules: Optional[Path] = None,
) -> Report:
    """Read the changes in an archive since the last update; wait while another process updates the index.

    Parameters
    ----------
    root : Path
        The archive.
    path : Path
        The index; created if it does not exist.
    progress : callable
        Called with the number of units read, and the total to read.
    program : str
        Name of this program, shown by other processes that wait for it.
    tell : callable, optional
        Called once, with a sentence, if another process holds the lock.
    stop : threading.Event, optional
        Stops the update: at once while it waits, else after the current transaction.
    allow_empty : bool
        Whether to drop all scenes if the archive no longer contains any.
    rules : Path, optional
        A rule file, instead of that of the archive.

    Returns
    -------
    Report
        Counts and problems.

    Raises
    ------
    ArchiveError
        If the archive cannot be read at all, or no longer contains any scenes; if the index cannot be written.
    Stopped
        If `stop` was set before the update was complete.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with writing_lock(path, program, tell, stop):
            # Scan while holding the lock: files that another process indexed meanwhile would be taken for deleted.
            start = time.monotonic()
            units, scan_problems = scan(root, rules)
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
        # Companion files belong to a deleted file, and must not be combined with the new one.
        discard(path)
    db = connect(path)
    try:
        _is_ours(db, path)  # before any change: WAL mode would persist in an unrelated database
        db.execute("PRAGMA journal_mode = WAL")
        # With WAL a crash can lose only the last transactions, which the next update repeats.
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("BEGIN IMMEDIATE")
        if not _is_ours(db, path):
            kept = read_units(db)
            _clear(db)
            create(db)
            db.executemany("INSERT INTO unit VALUES (NULL, ?, ?)", [(key, UNFINISHED) for key in kept])
        db.execute("COMMIT")
        note(path)
    except BaseException:
        db.close()
        raise
    return db


def _is_replaced(path: Path) -> bool:
    """Return whether an index was replaced since the last update, or is damaged.

    Raises
    ------
    ArchiveError
        If it is a database of another program.
    """
    if is_trusted(path):
        return False
    try:
        # Without its companion files, which belong to another file.
        with closing(connect(path, make=False, alone=True)) as db:
            _is_ours(db, path)
    except sqlite3.DatabaseError as error:
        if not is_damage(error, path):
            raise
    return True


def _is_ours(db: sqlite3.Connection, path: Path) -> bool:
    """Return whether a file is an index with the current schema; False if it must be created.

    Raises
    ------
    ArchiveError
        If it is a database of another program.
    """
    (version,) = db.execute("PRAGMA user_version").fetchone()
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if (tables or version) and not tables >= _TABLES:
        raise ArchiveError(f"{path} is not an index of planet-vector: name another with --index.")
    return bool(tables) and version == SCHEMA


def _clear(db: sqlite3.Connection) -> None:
    """Delete all tables."""
    # Virtual tables first: dropping one drops its shadow tables, too.
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
    known = {unstored(key): files for key, files in db.execute("SELECT key, files FROM unit WHERE unit > 0")}
    db.execute(f"PRAGMA cache_size = -{CACHE_KB if any(known.values()) else FILL_CACHE_KB}")
    kept = _unread(known, [problem.path for problem in scan_problems if problem.unread])
    # Those with rasters first, as `read_all` does.
    order = [key for key in sorted(units, key=is_list) if key not in kept]
    give_ids(units, {key for key in known if key in units or key in kept}, read_given(db))
    gone = [key for key in known if key not in units and key not in kept]
    changed = {key for key in order if known.get(key, "").replace(DUPLICATE, "", 1) != signature_of(units[key])}
    if gone and not allow_empty:
        _check_emptied(root, db, set(gone), kept, [units[key] for key in order if key in changed])
    # Before they are removed from the index: if the process is killed, the next update deletes the rest.
    before = {key: known[key].replace(DUPLICATE, "", 1) for key in (*gone, *changed) if key in known}
    discard_overviews(path, stale_rasters(before, units, before))
    report = Report(removed=len(gone))
    with Writing(db, {key: place for place, key in enumerate(order)}, stop) as writing:
        if gone or changed:
            changed |= writing.reread_duplicates().intersection(order)
        # Removals first: a replacement of a removed file may contain the same scenes.
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
        db.execute("PRAGMA optimize = 0x10002")  # all tables, as there are no statistics after a first fill
    report.totals = dict(db.execute("SELECT type, scenes FROM total WHERE scenes > 0 ORDER BY type"))
    report.problems = [Problem(*row) for row in db.execute("SELECT path, text FROM problem ORDER BY path, text")]
    report.notes = dict(db.execute("SELECT kind, count(*) FROM note GROUP BY kind ORDER BY kind"))
    return report


def _unread(known: Dict[str, str], places: List[str]) -> Set[str]:
    """Return the keys of units with a file, or a parent folder, that could not be scanned."""
    if not places:
        return set()
    exact, below = set(places), tuple(place + "/" for place in places)

    def is_unread(key: str, files: str) -> bool:
        listed = files.replace(DUPLICATE, "", 1)
        paths = [file[0] for file in json.loads(listed)] if listed else []
        return any(path in exact or path.startswith(below) for path in (key.partition(":")[2], *paths))

    return {key for key, files in known.items() if is_unread(key, files)}


def _check_emptied(root: Path, db: sqlite3.Connection, gone: Set[str], kept: Set[str], changed: List[Unit]) -> None:
    """Raise ArchiveError if all scannable units with scenes have gone, and the changed ones contain no scenes."""
    there = "EXISTS (SELECT 1 FROM scene INDEXED BY scene_by_unit WHERE scene.unit = unit.unit)"
    bringing = {key for (key,) in db.execute(f"SELECT key FROM unit WHERE {there}")} - kept
    if not bringing or bringing - gone:
        return
    with closing(read_all(root, changed)) as found:
        if any(True for _, entries, _ in found for _ in entries):
            return
    (scenes,) = db.execute("SELECT coalesce(sum(scenes), 0) FROM total").fetchone()
    raise ArchiveError(
        f"{root} contains nothing that can be served, but its index contains {count_text(scenes)}, "
        f"which stay{'s' * (scenes == 1)}: check that its disk is mounted, or drop them with --allow-empty."
    )


def _reason(path: Path, error: Exception) -> str:
    """Return a sentence on why an index cannot be written, and what to do."""
    if is_full(error) or not has_room(path):  # SQLite raises another error if there is no room for its shared memory
        return f"The index {path} cannot be written, as its disk is full: make room, or name another with --index."
    if "is locked" in str(error):
        return f"The index {path} is locked by another program: end that one, or name another index with --index."
    why = error.strerror if isinstance(error, OSError) and error.strerror else error
    return f"The index {path} cannot be written ({why}): name another with --index, or delete it."


def _delete_older(path: Path) -> None:
    """Delete the indexes and pictures of the same archive that earlier versions stored."""
    ours = re.compile(re.escape(path.stem) + r"-\d+\.(?:sqlite(?:-wal|-shm)?|pictures)")
    for place in path.parent.iterdir():
        if ours.fullmatch(place.name):
            with contextlib.suppress(OSError):  # on Windows, while a service of an earlier version runs
                shutil.rmtree(place) if place.is_dir() else place.unlink()
