"""Keep a folder as a search has it: what is missing is fetched, what is there is left alone.

The folder is what is known: ``<id>_<product>.tif`` for each product of a scene, and, once they are all there,
``<id>_metadata.json``, the scene as the service gave it. Files appear whole or not at all, so a file that is there is
done. Scenes found once and not done stand in ``.planet_vector-sync.json`` (`STATE`), and are tried again each time,
whether or not the search still finds them; it is written before the first is fetched, so nothing is lost to a crash.

A folder that planet's own client kept goes on as it is: it has the same files. Its ``sync.json`` holds but the latest
time of publication, past which that client never looked back; what it missed is fetched.

One sync at a time: a lock of the system's is held on ``.planet_vector-sync.lock``, by way of SQLite, which knows how to
lock a file on each system. The system drops it when the process ends, however it ends, so a lock cannot be left behind;
the empty file stays.

Both names begin with a dot, so that a service over the folder leaves them out.
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

from planet_vector.atomic_files import MAKE_ROOM, write_whole
from planet_vector.catalog import Catalog
from planet_vector.errors import (
    ConfigError,
    NotFoundError,
    PlanetVectorError,
    ProtocolError,
    RasterAccessError,
    RateLimitError,
    UnavailableError,
)
from planet_vector.names import Name, parse_name
from planet_vector.progress import FileProgress
from planet_vector.raster.download import fetch, fetch_unless_there, heard, safe_name
from planet_vector.raster.parallel import Alive, in_parallel
from planet_vector.scene import Scene
from planet_vector.times import parse_time

STATE = ".planet_vector-sync.json"
LOCK = ".planet_vector-sync.lock"
OLD_STATE = "sync.json"
"""What planet's own client kept: ``{"latest": "<the latest published>"}``."""

MOST_IN_A_ROW = 8
"""Scenes that may fail one after another because the service does not answer: then the rest is left for next time."""

ALL = ("all",)
"""As the products: each that a scene has."""

_PAUSE = 5.0  # seconds between two writings of the state: it may be long, and be a little behind
_VERSION = 1


@dataclass(frozen=True)
class Todo:
    """What a scene lacks in the folder.

    Attributes
    ----------
    scene : Scene
        As the service has it now.
    products : tuple of str
        Those it is to have.
    wanted : tuple of Path
        The products' files that are to come.
    stale : bool
        Whether what is there is of an earlier publication.
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
    """Plan of what brings a folder in line with a search.

    Attributes
    ----------
    done : int
        Scenes that are whole in the folder.
    todo : list of Todo
        Scenes that are not; those that an earlier sync left over first.
    gone : list of str
        Names of scenes that an earlier sync left over, and that the service no longer has.
    missed : int
        How many of `todo` planet's own client passed over.
    refused : list of (str, PlanetVectorError)
        Names of scenes, and what cannot be had of them by what the service says: a product they do not have.
    """

    done: int = 0
    todo: List[Todo] = field(default_factory=list)
    gone: List[str] = field(default_factory=list)
    missed: int = 0
    refused: List[Tuple[str, PlanetVectorError]] = field(default_factory=list)


Outcome = Union[List[Path], PlanetVectorError]
"""What came of a scene: the files that were written, or why it is not whole."""


class Folder:
    """Folder that syncs keep.

    Parameters
    ----------
    directory : Path
        The folder; made by `alone`.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._pending: Dict[str, Dict[str, Any]] = {}

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be the only sync of the folder.

        Raises
        ------
        RasterAccessError
            When another is under way, or the folder cannot be locked.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        try:
            lock = sqlite3.connect(self.directory / LOCK, timeout=0, isolation_level=None)
        except sqlite3.Error as error:
            raise RasterAccessError(f"{self.directory} cannot be written to ({error}).") from None
        with closing(lock):
            try:
                lock.execute("BEGIN EXCLUSIVE")
            except sqlite3.Error as error:
                if "locked" in str(error):
                    raise RasterAccessError(
                        f"Another sync of {self.directory} is under way: wait until it is done."
                    ) from None
                remedy = MAKE_ROOM if "full" in str(error) else "remove it"
                raise RasterAccessError(f"{self.directory / LOCK} cannot be locked ({error}): {remedy}.") from None
            yield

    def plan(self, catalog: Catalog, scenes: Iterable[Scene], products: Sequence[str]) -> Plan:
        """Find what is to be done; nothing is written.

        Parameters
        ----------
        catalog : Catalog
            The service.
        scenes : iterable of Scene
            The search.
        products : sequence of str
            What each scene is to have; `ALL` for each there is, nothing for the product that people want first.

        Raises
        ------
        ConfigError
            When the state of the folder cannot be read.
        ServiceError
            When not all of the search can be had.
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
        """Do what a plan says, several files at once, and yield each scene with what came of it.

        The folder must be `alone`'s meanwhile. What is not done stands in the state, also when this is closed early.

        Raises
        ------
        ServiceError
            When the service has not answered for `MOST_IN_A_ROW` scenes.
        """
        # Scenes that share a name are one: whatever the service says, no two write the same file.
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
        """Return what a scene lacks of the products that are asked for, and of those left over from an earlier sync."""
        try:
            for product in asked:
                if product not in (*ALL, *scene.products):
                    plan.refused.append((_name(scene), _no_product(scene, product)))
            todo = self._lacking(scene, {*asked, *left})
        except ProtocolError as error:  # what the service calls it cannot be a file's name
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
            # What is there of an earlier publication goes with it, asked for or not: the metadata is of all.
            if product in products or "all" in products or (stale and path.exists())
        )
        missing = tuple(paths[product] for product in wanted if stale or kept is None or not paths[product].exists())
        return None if not missing and kept == scene.feature else Todo(scene, wanted, missing, stale)

    def _fetch(
        self, catalog: Catalog, todo: Todo, progress: Callable[[Path, int, Optional[int]], None], alive: Alive
    ) -> List[Path]:
        """Fetch what a scene lacks, and last of all write its metadata: with it, the scene is whole."""
        came = []
        for product in todo.products:
            path = self._path(todo.scene, product)
            if path not in todo.wanted:
                continue
            link = todo.scene.product_link(product)
            if todo.stale:
                fetch(catalog, link, path, partial(progress, path))
                came.append(path)
            # There without metadata: left by a sync that was cut off, or by something else.
            elif fetch_unless_there(catalog, link, path, True, progress):
                came.append(path)
        if self._metadata(todo.scene.id) == todo.scene.feature:
            return came
        try:
            text = json.dumps(todo.scene.feature, ensure_ascii=False, allow_nan=False, indent=2)
        except ValueError:
            raise ProtocolError(f"The service gave scene {todo.scene.id} a number that JSON has not.") from None
        path = self._metadata_path(todo.scene.id)
        alive()  # else the folder may be another sync's by now
        write_whole(path, text.encode("utf-8", "surrogatepass") + b"\n")
        return [*came, path]

    def _path(self, scene: Scene, product: str) -> Path:
        return self.directory / safe_name(None, scene.id, product)

    def _metadata_path(self, scene_id: str) -> Path:
        return (self.directory / safe_name(None, scene_id, "metadata")).with_suffix(".json")

    def _metadata(self, scene_id: str) -> Optional[Mapping[str, Any]]:
        """Return what is kept of a scene; None when there is nothing, or not all of it."""
        try:
            kept = json.loads(self._metadata_path(scene_id).read_bytes())
        except (FileNotFoundError, ValueError, RecursionError):
            return None
        whole = isinstance(kept, dict) and kept.get("id") == scene_id and isinstance(kept.get("properties"), dict)
        return kept if whole else None

    def _missed(self, todo: Sequence[Todo]) -> int:
        """Return how many scenes are older than what planet's own client noted, so that it would not fetch them."""
        try:
            latest = parse_time(json.loads((self.directory / OLD_STATE).read_bytes())["latest"])
        except (FileNotFoundError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
            return 0  # not there, or no such file of that client: nothing to be told
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
                f"{path} cannot be read: remove it; what an earlier sync left over comes if the search finds it."
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
    """Bring a folder up to date; return the files that were written, or with `dry_run` those that would come.

    Raises
    ------
    RasterAccessError
        When another sync of the folder is under way, or some scenes could not be had; the others are there then, and
        the next sync tries these again.
    ServiceError
        When not all of the search can be had, or one scene could not.
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
        raise RasterAccessError(f"{len(errors)} scenes or products could not be had; the first: {errors[0]}")
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
    """Return when a scene was published, where the service said so."""
    try:
        return parse_time(feature["properties"]["published"])
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
