"""Synchronise a folder with a search: missing files are fetched, existing ones are kept.

Incomplete scenes are recorded in the folder before the first fetch (`planet_vector.raster.synced_folder`). Each sync
tries them again, whether or not the search still finds them.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import AbstractSet, Callable, Generator, Iterable, List, Optional, Sequence, Tuple, Union

from planet_vector.catalog import Catalog
from planet_vector.errors import (
    NotFoundError,
    PlanetVectorError,
    ProtocolError,
    RasterAccessError,
    RateLimitError,
    UnavailableError,
)
from planet_vector.names import Name, parse_name
from planet_vector.progress import FileProgress
from planet_vector.raster.download import fetch, fetch_unless_there, heard
from planet_vector.raster.parallel import Alive, in_parallel
from planet_vector.raster.synced_folder import Pending, SyncedFolder, published
from planet_vector.scene import Scene

MOST_IN_A_ROW = 8
"""Scenes in a row that may fail because the service does not respond; the rest is then left for the next sync."""

ALL = ("all",)
"""As the products: all that a scene has."""

_PAUSE = 5.0  # seconds between two writes of the state, which may be long and slightly outdated


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

_Outcomes = Generator[Tuple[Todo, Outcome], None, None]


class FolderSync:
    """Synchronisation of a folder with searches.

    Parameters
    ----------
    folder : SyncedFolder
        The folder.
    """

    def __init__(self, folder: SyncedFolder) -> None:
        self.folder = folder
        self._pending: Pending = {}

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
        self._pending = self.folder.read_state()
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

    def fetch(self, catalog: Catalog, plan: Plan, progress: FileProgress = None) -> _Outcomes:
        """Fetch the scenes of a plan, several files at once, and yield each scene with its result.

        The caller must hold the folder's lock (`SyncedFolder.alone`). Incomplete scenes stay in the state, also if the
        iterator is closed early.

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
        self.folder.write_state(self._pending)
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
                        self.folder.write_state(self._pending)
                        written = time.monotonic()
        finally:
            self.folder.write_state(self._pending)

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
        kept = self.folder.metadata(scene.id)
        stale = kept is not None and published(kept) is not None and published(kept) != published(scene.feature)
        paths = {product: self.folder.path(scene, product) for product in scene.products}
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
            path = self.folder.path(todo.scene, product)
            if path not in todo.wanted:
                continue
            link = todo.scene.product_link(product)
            if todo.stale:
                fetch(catalog, link, path, partial(progress, path))
                came.append(path)
            # A file without metadata: left by an interrupted sync, or from elsewhere.
            elif fetch_unless_there(catalog, link, path, True, progress):
                came.append(path)
        if self.folder.metadata(todo.scene.id) == todo.scene.feature:
            return came
        alive()  # by now another sync may own the folder
        return [*came, self.folder.write_metadata(todo.scene)]

    def _missed(self, todo: Sequence[Todo]) -> int:
        """Return how many scenes planet's own client would skip, as they are older than the latest one it noted."""
        latest = self.folder.latest_of_other_client()
        times = [published(each.scene.feature) for each in todo]
        return 0 if latest is None else sum(moment is not None and moment <= latest for moment in times)


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
    folder = SyncedFolder(directory)
    syncing = FolderSync(folder)
    if dry_run:
        return [path for todo in syncing.plan(catalog, scenes, products).todo for path in todo.wanted]
    came: List[Path] = []
    with folder.alone():
        plan = syncing.plan(catalog, scenes, products)
        errors = [error for _, error in plan.refused]
        for _, outcome in syncing.fetch(catalog, plan, progress):
            if isinstance(outcome, PlanetVectorError):
                errors.append(outcome)
            else:
                came += outcome
    if len(errors) > 1:
        raise RasterAccessError(f"{len(errors)} scenes or products could not be fetched; the first: {errors[0]}")
    if errors:
        raise errors[0]
    return came


def _no_product(scene: Scene, product: str) -> PlanetVectorError:
    try:
        scene.product_link(product)
    except NotFoundError as error:
        return error
    raise AssertionError("a product that is listed")


def _name(scene: Scene) -> str:
    return str(Name(scene.scene_type, scene.id))
