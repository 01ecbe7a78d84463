"""Synchronise a folder with a search: missing files are fetched, existing ones are kept.

The folder itself is the record: ``<id>_<product>.tif`` for each product of a scene, and, once they are complete,
``<id>_metadata.json``, the scene as the service sent it. Files appear atomically, so an existing file is complete.
Scenes that were found but are incomplete are listed in ``.planet_vector-sync.json`` (`STATE`). Each sync tries them
again, whether or not the search still finds them. The list is written before the first fetch, so a crash loses
nothing.

A folder of planet's own client can be continued, as it has the same files. Its ``sync.json`` only holds the latest
time of publication, and that client never looked further back; the scenes it missed are fetched.

Only one sync runs at a time: it holds the lock of ``.planet_vector-sync.lock`` (`planet_vector.file_lock`).

Both names begin with a dot, so that a service over the folder ignores them.
"""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import AbstractSet, Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

from planet_vector.atomic_files import write_whole
from planet_vector.catalog import Catalog
from planet_vector.disk_errors import disk_remedy
from planet_vector.errors import (
    ConfigError,
    NotFoundError,
    PlanetVectorError,
    ProtocolError,
    RasterAccessError,
    RateLimitError,
    UnavailableError,
)
from planet_vector.file_lock import AlreadyLocked, locked
from planet_vector.names import Name, parse_name
from planet_vector.progress import FileProgress
from planet_vector.raster.download import fetch, fetch_unless_there, heard, safe_name
from planet_vector.raster.parallel import Alive, in_parallel
from planet_vector.scene import Scene
from planet_vector.times import parse_time

STATE = ".planet_vector-sync.json"
LOCK = ".planet_vector-sync.lock"
OLD_STATE = "sync.json"
"""State of planet's own client: ``{"latest": "<latest time of publication>"}``."""

MOST_IN_A_ROW = 8
"""Scenes in a row that may fail because the service does not respond; the rest is then left for the next sync."""

ALL = ("all",)
"""As the products: all that a scene has."""

_PAUSE = 5.0  # seconds between two writes of the state, which may be long and slightly outdated
_VERSION = 1


@dataclass(frozen=True)
class Todo:
    """Missing files of a scene.

    Attributes
    ----------
    scene : Scene
        The scene, as the service has it now.
    products : tuple of str
        Products that it should have.
    wanted : tuple of Path
        Files of the products to fetch.
    stale : bool
        Whether the existing files are of an earlier publication.
    """

    scene: Scene
    products: Tuple[str, ...]
    wanted: Tuple[Path, ...]
    stale: bool = False

    @property
    def name(self) -> str:
        """The scene's PLANET: name."""
        return _name(self.scene)


@dataclass
class Plan:
    """Plan that brings a folder in line with a search.

    Attributes
    ----------
    done : int
        Scenes that are complete in the folder.
    todo : list of Todo
        Incomplete scenes; those left over by an earlier sync first.
    gone : list of str
        Names of left-over scenes that the service no longer has.
    missed : int
        Number of scenes in `todo` that planet's own client passed over.
    refused : list of (str, PlanetVectorError)
        Names of scenes with permanent errors, for example a product that they lack.
    """

    done: int = 0
    todo: List[Todo] = field(default_factory=list)
    gone: List[str] = field(default_factory=list)
    missed: int = 0
    refused: List[Tuple[str, PlanetVectorError]] = field(default_factory=list)


Outcome = Union[List[Path], PlanetVectorError]
"""Result of a scene: the written files, or the error that left it incomplete."""


class Folder:
    """Folder that is synchronised with searches.

    Parameters
    ----------
    directory : Path
        The folder; created by `alone`.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._pending: Dict[str, Dict[str, Any]] = {}

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the lock of the folder, so that no other sync runs.

        Yields
        ------
        None
            While the lock is held.

        Raises
        ------
        RasterAccessError
            If another sync is running, or the folder cannot be locked.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        lock = self.directory / LOCK
        try:
            with locked(lock, seconds=0):
                yield
        except AlreadyLocked:
            raise RasterAccessError(f"Another sync of {self.directory} is under way: wait until it is done.") from None
        except sqlite3.Error as error:
            # Without the file, SQLite could not create it.
            remedy = disk_remedy(error) or ("remove it" if lock.exists() else "make its folder writable")
            raise RasterAccessError(f"{lock} cannot be locked ({error}): {remedy}.") from None

    def plan(self, catalog: Catalog, scenes: Iterable[Scene], products: Sequence[str]) -> Plan:
        """Determine what has to be fetched, without writing anything.

        Parameters
        ----------
        catalog : Catalog
            The service.
        scenes : iterable of Scene
            Result of the search.
        products : sequence of str
            Products of each scene; `ALL` for all, empty for the preferred product of the scene type.

        Returns
        -------
        Plan

        Raises
        ------
        ConfigError
            If the state of the folder cannot be read.
        ServiceError
            If the search fails before its end.
        """
        plan, found = Plan(), []
        self._pending = self._read_state()
        left_over = dict(self._pending)
        for scene in scenes:
            entry = left_over.pop(_name(scene), {"products": []})
            found += self._consider(plan, scene, products or [scene.schema.product()], entry["products"])
        for name, entry in left_over.items():
            parsed = parse_name(name)
            try:
                scene = catalog.scene(parsed.collection, parsed.item)
            except NotFoundError:
                plan.gone.append(name)
            else:
                plan.todo += self._consider(plan, scene, (), entry["products"])
        plan.todo += found
        plan.missed = self._missed(plan.todo)
        return plan

    def fetch(self, catalog: Catalog, plan: Plan, progress: FileProgress = None) -> Iterator[Tuple[Todo, Outcome]]:
        """Fetch the scenes of a plan, several files at once, and yield each scene with its result.

        The caller must hold the folder's lock (`alone`). Incomplete scenes stay in the state, also if the iterator is
        closed early.

        Parameters
        ----------
        catalog : Catalog
            The service.
        plan : Plan
            As `plan` returns it.
        progress : callable, optional
            Called with path, bytes received and total bytes (None if unknown).

        Yields
        ------
        (Todo, list of Path or PlanetVectorError)
            Each scene, with the written files or its error.

        Raises
        ------
        ServiceError
            If the service has not responded for `MOST_IN_A_ROW` scenes.
        """
        # Merge scenes with the same id, so that no two tasks write the same file.
        jobs = list({todo.scene.id: todo for todo in plan.todo}.values())
        self._pending = {todo.name: {"products": list(todo.products), "why": "not fetched yet"} for todo in jobs}
        self._write_state()
        written, silent = time.monotonic(), 0

        def task(todo: Todo, alive: Alive) -> List[Path]:
            return self._fetch(catalog, todo, heard(progress, alive), alive)

        outcomes = in_parallel(task, jobs, catalog.settings.connections)
        try:
            with closing(outcomes):
                for todo, outcome in outcomes:
                    if isinstance(outcome, PlanetVectorError):
                        self._pending[todo.name]["why"] = str(outcome)
                        silent = silent + 1 if isinstance(outcome, (UnavailableError, RateLimitError)) else 0
                    else:
                        del self._pending[todo.name]
                        silent = 0
                    yield todo, outcome
                    if isinstance(outcome, PlanetVectorError) and silent == MOST_IN_A_ROW:
                        raise outcome
                    if time.monotonic() - written > _PAUSE:
                        self._write_state()
                        written = time.monotonic()
        finally:
            self._write_state()

    def _consider(self, plan: Plan, scene: Scene, asked: Sequence[str], left: Sequence[str]) -> List[Todo]:
        """Return the missing files of a scene, for the requested products and those left over from an earlier sync."""
        try:
            for product in asked:
                if product not in (*ALL, *scene.products):
                    plan.refused.append((_name(scene), _no_product(scene, product)))
            todo = self._lacking(scene, {*asked, *left})
        except ProtocolError as error:  # the service's id or product cannot be a file name
            plan.refused.append((_name(scene), error))
            return []
        plan.done += todo is None
        return [todo] if todo else []

    def _lacking(self, scene: Scene, products: AbstractSet[str]) -> Optional[Todo]:
        kept = self._metadata(scene.id)
        stale = kept is not None and _published(kept) is not None and _published(kept) != _published(scene.feature)
        paths = {product: self._path(scene, product) for product in scene.products}
        wanted = tuple(
            product
            for product, path in paths.items()
            # Existing files of an earlier publication are replaced even if not requested, as the metadata describes all
            # files.
            if product in products or "all" in products or (stale and path.exists())
        )
        missing = tuple(paths[product] for product in wanted if stale or kept is None or not paths[product].exists())
        return None if not missing and kept == scene.feature else Todo(scene, wanted, missing, stale)

    def _fetch(
        self, catalog: Catalog, todo: Todo, progress: Callable[[Path, int, Optional[int]], None], alive: Alive
    ) -> List[Path]:
        """Fetch the missing files of a scene, then write its metadata, which marks the scene as complete."""
        came = []
        for product in todo.products:
            path = self._path(todo.scene, product)
            if path not in todo.wanted:
                continue
            link = todo.scene.product_link(product)
            if todo.stale:
                fetch(catalog, link, path, partial(progress, path))
                came.append(path)
            # A file without metadata: left by an interrupted sync, or from elsewhere.
            elif fetch_unless_there(catalog, link, path, True, progress):
                came.append(path)
        if self._metadata(todo.scene.id) == todo.scene.feature:
            return came
        try:
            text = json.dumps(todo.scene.feature, ensure_ascii=False, allow_nan=False, indent=2)
        except ValueError:
            raise ProtocolError(f"Scene {todo.scene.id} contains a number that JSON cannot represent.") from None
        path = self._metadata_path(todo.scene.id)
        alive()  # by now another sync may own the folder
        write_whole(path, text.encode("utf-8", "surrogatepass") + b"\n")
        return [*came, path]

    def _path(self, scene: Scene, product: str) -> Path:
        return self.directory / safe_name(None, scene.id, product)

    def _metadata_path(self, scene_id: str) -> Path:
        return (self.directory / safe_name(None, scene_id, "metadata")).with_suffix(".json")

    def _metadata(self, scene_id: str) -> Optional[Mapping[str, Any]]:
        """Return the stored metadata of a scene, or None if they are missing or incomplete."""
        try:
            kept = json.loads(self._metadata_path(scene_id).read_bytes())
        except (FileNotFoundError, ValueError, RecursionError):
            return None
        whole = isinstance(kept, dict) and kept.get("id") == scene_id and isinstance(kept.get("properties"), dict)
        return kept if whole else None

    def _missed(self, todo: Sequence[Todo]) -> int:
        """Return how many scenes planet's own client would skip, as they are older than the latest one it noted."""
        try:
            latest = parse_time(json.loads((self.directory / OLD_STATE).read_bytes())["latest"])
        except (FileNotFoundError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
            return 0  # missing, or not a file of that client
        times = [_published(each.scene.feature) for each in todo]
        return sum(moment is not None and moment <= latest for moment in times)

    def _read_state(self) -> Dict[str, Dict[str, Any]]:
        path = self.directory / STATE
        try:
            state = json.loads(path.read_bytes())
            if state["version"] != _VERSION:
                raise ConfigError(f"{path} was written by a later version: use that one, or remove the file.")
            pending = state["pending"]
            for name, entry in pending.items():
                if not parse_name(name).item or not all(isinstance(product, str) for product in entry["products"]):
                    raise ValueError
        except FileNotFoundError:
            return {}
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
            raise ConfigError(
                f"{path} cannot be read: remove it; scenes that an earlier sync left over are fetched if the search "
                "finds them."
            ) from None
        return {str(parse_name(name)): entry for name, entry in pending.items()}  # ids were not escaped before 0.2.0

    def _write_state(self) -> None:
        text = json.dumps({"version": _VERSION, "pending": self._pending}, indent=1, ensure_ascii=False)
        write_whole(self.directory / STATE, text.encode("utf-8", "surrogatepass") + b"\n")


def sync(
    catalog: Catalog,
    scenes: Iterable[Scene],
    products: Sequence[str],
    directory: Path,
    dry_run: bool = False,
    progress: FileProgress = None,
) -> List[Path]:
    """Bring a folder up to date; return the written files, or with `dry_run` those that would be fetched.

    Parameters
    ----------
    catalog : Catalog
        The service.
    scenes : iterable of Scene
        Result of the search.
    products : sequence of str
        Products of each scene; `ALL` for all, empty for the preferred product of the scene type.
    directory : Path
        The folder; created if needed.
    dry_run : bool
        Fetch and write nothing.
    progress : callable, optional
        Called with path, bytes received and total bytes (None if unknown).

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    RasterAccessError
        If another sync of the folder is running, or several scenes failed. The others have been fetched then, and the
        next sync retries the failed ones.
    ServiceError
        If the search fails before its end, or a single scene failed.
    """
    folder = Folder(directory)
    if dry_run:
        return [path for todo in folder.plan(catalog, scenes, products).todo for path in todo.wanted]
    came: List[Path] = []
    with folder.alone():
        plan = folder.plan(catalog, scenes, products)
        errors = [error for _, error in plan.refused]
        for _, outcome in folder.fetch(catalog, plan, progress):
            if isinstance(outcome, PlanetVectorError):
                errors.append(outcome)
            else:
                came += outcome
    if len(errors) > 1:
        raise RasterAccessError(f"{len(errors)} scenes or products could not be fetched; the first: {errors[0]}")
    if errors:
        raise errors[0]
    return came


def _name(scene: Scene) -> str:
    return str(Name(scene.scene_type, scene.id))


def _no_product(scene: Scene, product: str) -> PlanetVectorError:
    try:
        scene.product_link(product)
    except NotFoundError as error:
        return error
    raise AssertionError("a product that is listed")


def _published(feature: Mapping[str, Any]) -> Optional[datetime]:
    """Return when a scene was published, or None if the service does not specify it."""
    try:
        return parse_time(feature["properties"]["published"])
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
