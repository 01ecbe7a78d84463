"""The index of an archive: its scenes in one SQLite file, searchable by area, time and every field of the API.

The file is a cache: it can be deleted, and is rebuilt if its schema version differs. Several processes read it at once
(WAL); each response reflects one state of the archive.

Tables hold what is returned of a scene: its text in v0, its fields and files for other APIs, and its footprint. The
values that searches compare, including bounding boxes, are in blocks (`planet_vector.server.index.blocks`), which are
read as arrays.
"""

from __future__ import annotations

import json
import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, ContextManager, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, TypeVar

from planet_vector.server.archive.archive_paths import unstored
from planet_vector.server.archive.units import LEFT_OUT, Problem
from planet_vector.server.http_errors import HttpError
from planet_vector.server.imagery.picture_cache import PictureCache
from planet_vector.server.index.area_rows import TooLong
from planet_vector.server.index.queries import Finder, Slice
from planet_vector.server.index.records import StoredScene, read_records
from planet_vector.server.index.scene_search import Edge, SceneSearch, from_microseconds
from planet_vector.server.index.schema import SCHEMA
from planet_vector.server.index.snapshot import GIVEN, look_up, read_version
from planet_vector.server.index.sqlite_connections import IndexFile, ReadConnections
from planet_vector.server.patience import Patience
from planet_vector.times import format_time

_TEXT = "CAST(json AS BLOB)"  # as it is sent
# Connections of a process. Searches have their own, and long ones two of their own, so that no look-up waits for them.
LOOK_UPS, SEARCHES, LONG_SEARCHES = 2, 3, 2
MAX_AREAS = 256 * 2**20
"""Bytes of long areas kept for links: about a hundred of the largest accepted."""

_DIGEST = re.compile("[0-9a-f]{64}")
_Result = TypeVar("_Result")


class ResultPage(NamedTuple):
    """One page of a search.

    Attributes
    ----------
    features : bytes
        JSON texts separated by commas, in the order of the search, with `planet_vector.server.index.links.BASE` as a
        placeholder for the service's root.
    total : int
        Scenes on this page and those after it.
    before, after : Edge or None
        Edges of the preceding and following pages; None if this page is empty.
    """

    features: bytes
    total: int
    before: Optional[Edge]
    after: Optional[Edge]


class RecordPage(NamedTuple):
    """One page of a search, as `ResultPage`, with scenes in place of the text of their Features."""

    scenes: List[StoredScene]
    total: int
    before: Optional[Edge]
    after: Optional[Edge]


class TypeSummary(NamedTuple):
    """Summary of the scenes of one type: their number, first and last time of acquisition, and products."""

    scene_type: str
    scenes: int
    first: str
    last: str
    products: Tuple[str, ...]


@dataclass(frozen=True)
class IndexedScene:
    """One scene, found by its id."""

    feature: bytes
    products: Mapping[str, str]


class Index:
    """Thread-safe index, open for reading.

    Parameters
    ----------
    path : Path
        The SQLite file, as written by `planet_vector.server.index.updating.update`.
    exact_ties : bool
        Whether scenes that share their time across the edge of a page are kept, by an extra parameter in the
        link. If not, they are lost, as with the real service.

    Attributes
    ----------
    finder : Finder
        Finder of scenes, with the arrays of the index's version.
    """

    def __init__(self, path: Path, exact_ties: bool = True) -> None:
        self.path = path
        self.exact_ties = exact_ties
        file = IndexFile(path)
        self._look_ups, self._searches, self._long = (
            ReadConnections(file, number) for number in (LOOK_UPS, SEARCHES, LONG_SEARCHES)
        )
        self.finder = Finder()
        # Not in the index, as another process may be writing that.
        self._areas = PictureCache(path.with_name(path.name + ".areas"), MAX_AREAS)

    def close(self) -> None:
        """Close every connection."""
        for connections in (self._look_ups, self._searches, self._long):
            connections.close()

    def look_up(self) -> ContextManager[sqlite3.Connection]:
        """Return a context manager of a connection for short look-ups, within a transaction."""
        return self._look_ups.read()

    def renew(self) -> None:
        """Reopen the idle connections if the index file was replaced, without waiting for the next request.

        Until then the old file occupies disk space, and its scenes would be returned if the new file were deleted.
        """
        for connections in (self._look_ups, self._searches, self._long):
            connections.renew()

    def totals(self) -> Dict[str, int]:
        """Return the number of scenes of each type."""
        with self.look_up() as db:
            return dict(db.execute("SELECT type, scenes FROM total WHERE scenes > 0 ORDER BY type"))

    def summary(self) -> List[TypeSummary]:
        """Return a summary of each scene type in the index."""
        span = "SELECT min(acquired), max(acquired) FROM scene WHERE type = ?"
        names = "SELECT DISTINCT name FROM product JOIN scene USING (scene) WHERE type = ? ORDER BY name"
        with self.look_up() as db:
            found = []
            for scene_type, scenes in db.execute(
                "SELECT type, scenes FROM total WHERE scenes > 0 ORDER BY type"
            ).fetchall():
                first, last = (format_time(from_microseconds(t)) for t in db.execute(span, (scene_type,)).fetchone())
                products = tuple(name for (name,) in db.execute(names, (scene_type,)))
                found.append(TypeSummary(scene_type, scenes, first, last, products))
            return found

    def products(self) -> List[Dict[str, str]]:
        """Return the products of each scene that has any: a mapping of names to paths within the archive."""
        found: Dict[int, Dict[str, str]] = {}
        with self.look_up() as db:
            for scene, name, path in db.execute("SELECT scene, name, path FROM product"):
                found.setdefault(scene, {})[name] = unstored(path)
        return list(found.values())

    def version(self) -> int:
        """Return a number that changes with the scenes of the index, and differs between indexes."""
        with self.look_up() as db:
            return read_version(db)

    def state(self) -> str:
        """Return a text that identifies this state of the index, also among rebuilt indexes: for ETags."""
        return f"{SCHEMA}-{self.version():x}"

    def find(self, scene_type: str, scene_id: str) -> Optional[IndexedScene]:
        """Find a scene by its id.

        Parameters
        ----------
        scene_type, scene_id : str
            Type and id.

        Returns
        -------
        IndexedScene or None
            None if there is no such scene.

        Raises
        ------
        HttpError
            503, if there is no complete index, or its file is damaged.
        """
        with self.look_up() as db:
            row = db.execute(
                f"SELECT scene, {_TEXT} FROM scene JOIN feature USING (scene) WHERE type = ? AND id = ?",
                (scene_type, scene_id),
            ).fetchone()
            if row is None:
                return None
            return IndexedScene(row[1], _products(db, row[0]))

    def record(self, scene_type: str, scene_id: str) -> Optional[StoredScene]:
        """Return a scene with its fields and assets.

        Parameters
        ----------
        scene_type, scene_id : str
            Type in v0, and id.

        Returns
        -------
        StoredScene or None
            None if there is no such scene.

        Raises
        ------
        HttpError
            503, if there is no complete index, or its file is damaged.
        """
        with self.look_up() as db:
            sql = "SELECT scene FROM scene WHERE type = ? AND id = ?"
            row = db.execute(sql, (scene_type, scene_id)).fetchone()
            return None if row is None else read_records(db, [row[0]])[0]

    def search_records(self, search: SceneSearch, patience: Optional[Patience] = None) -> RecordPage:
        """Return one page of a search, with the fields and assets of its scenes.

        Parameters
        ----------
        search : SceneSearch
            The search, which specifies the page.
        patience : Patience, optional
            Time limit and cancellation.

        Raises
        ------
        HttpError
            503, if there is no complete index, or its file is damaged.
        """

        def page(db: sqlite3.Connection, long: bool) -> RecordPage:
            found = self.finder.page(db, search, long, patience)
            if found is None:
                return RecordPage([], 0, None, None)
            return RecordPage(read_records(db, found.scenes), found.total, *self._edges(search, found))

        return self.run(page, patience)

    def report(self, kind: str, most: int = -1) -> List[Problem]:
        """Return lines of the index report, sorted by path.

        Parameters
        ----------
        kind : str
            Such as `planet_vector.server.archive.units.GUESSED`.
        most : int
            Maximum number of lines; negative for all.

        Raises
        ------
        HttpError
            503, if there is no complete index, or its file is damaged.
        """
        sql = (
            "SELECT path, text FROM"
            " (SELECT path, text, ? AS kind FROM problem UNION ALL SELECT path, text, kind FROM note)"
            " WHERE kind = ? ORDER BY path, text LIMIT ?"
        )
        with self.look_up() as db:
            return [Problem(path, text, kind=kind) for path, text in db.execute(sql, (LEFT_OUT, kind, most))]

    def search(self, search: SceneSearch, patience: Optional[Patience] = None) -> ResultPage:
        """Return one page of a search.

        Parameters
        ----------
        search : SceneSearch
            The search, which specifies the page.
        patience : Patience, optional
            Time limit and cancellation.

        Raises
        ------
        HttpError
            503, if there is no complete index, or its file is damaged.
        """

        def page(db: sqlite3.Connection, long: bool) -> ResultPage:
            found = self.finder.page(db, search, long, patience)
            if found is None:
                return ResultPage(b"", 0, None, None)
            return ResultPage(_joined(db, found.scenes), found.total, *self._edges(search, found))

        return self.run(page, patience)

    def matching(
        self, search: SceneSearch, most: int, patience: Optional[Patience] = None
    ) -> List[Tuple[str, bytes, Dict[str, str]]]:
        """Return the ids, features and products of the first scenes of a search, ignoring its page.

        Parameters
        ----------
        search : SceneSearch
            The search.
        most : int
            Maximum number of scenes.
        patience : Patience, optional
            Time limit and cancellation.

        Returns
        -------
        list of (str, bytes, dict of str to str)
            For each scene its id, its Feature as JSON text, and the paths of its products within the archive by name.

        Raises
        ------
        HttpError
            503, if there is no complete index, or its file is damaged.
        """

        def first(db: sqlite3.Connection, long: bool) -> List[Tuple[str, bytes, Dict[str, str]]]:
            rows = self.finder.first(db, search, most, long, patience)
            texts = look_up(db, f"scene, {_TEXT}", "feature", [row[0] for row in rows])
            return [(row[2], text, _products(db, row[0])) for row, (_, text) in zip(rows, texts)]

        return self.run(first, patience)

    def keep_area(self, digest: str, text: str) -> None:
        """Store the text of an area that is too long for a link.

        Parameters
        ----------
        digest : str
            SHA-256 of the text, in hexadecimal digits.
        text : str
            WKT or GeoJSON.

        Raises
        ------
        HttpError
            503, if it cannot be written to the disk.
        """
        try:
            if self._areas.find(digest) is None:
                self._areas.write(digest, text.encode())
        except OSError:
            raise HttpError(
                503,
                "The area is too long for a link, and cannot be stored, as the service's disk is full or cannot be "
                "written: retry later, or with a shorter area.",
            ) from None

    def kept_area(self, digest: str) -> Optional[str]:
        """Return the text of a stored area.

        Parameters
        ----------
        digest : str
            SHA-256 of the text, in hexadecimal digits, as taken from a link.

        Returns
        -------
        str or None
            None if it is not stored, or the digest is malformed.
        """
        # The digest is user input, and names a file.
        kept = self._areas.read(digest) if _DIGEST.fullmatch(digest) else None
        return None if kept is None else kept.decode()

    def run(self, work: Callable[[sqlite3.Connection, bool], _Result], patience: Optional[Patience]) -> _Result:
        """Run a search; if it turns out to be long, restart it on a connection for long searches.

        Parameters
        ----------
        work : callable
            Called with the index, within a transaction, and whether the search may take long. If not, it may raise
            `planet_vector.server.index.area_rows.TooLong`.
        patience : Patience, optional
            Time limit and cancellation.

        Returns
        -------
        object
            Result of `work`.

        Raises
        ------
        HttpError
            503, if there is no complete index, or its file is damaged.
        """
        try:
            with self._searches.read(patience) as db:
                return work(db, False)
        except TooLong:
            with self._long.read(patience) as db:
                return work(db, True)

    def _edges(self, search: SceneSearch, found: Slice) -> Tuple[Edge, Edge]:
        before, after = ("lt", "gt") if search.ascending else ("gt", "lt")
        return (
            self._edge(before, found.first, found.tied_before),
            self._edge(after, found.last, found.tied_after),
        )

    def _edge(self, comparator: str, place: Tuple[int, str], shared: bool) -> Edge:
        """Return the edge at a scene's time; it includes the id if the scene beyond shares that time."""
        return Edge(comparator, place[0], place[1] if shared and self.exact_ties else None)


def _products(db: sqlite3.Connection, scene: int) -> Dict[str, str]:
    rows = db.execute("SELECT name, path FROM product WHERE scene = ?", (scene,))
    return {name: unstored(path) for name, path in rows}


def _joined(db: sqlite3.Connection, scenes: Sequence[int]) -> bytes:
    """Return the texts of scenes in their order, separated by commas.

    SQLite joins them: concurrent threads would otherwise contend for the GIL at each row passed to Python.
    """
    text, count = db.execute(
        "SELECT CAST(group_concat(json, ',') AS BLOB), count(*) "
        f"FROM {GIVEN} CROSS JOIN feature ON scene = given",  # in the order of the numbers
        [json.dumps(scenes)],
    ).fetchone()
    if count != len(scenes):
        raise sqlite3.DatabaseError("the index lacks scenes that it lists")
    return text or b""
