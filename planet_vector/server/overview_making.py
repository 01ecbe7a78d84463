"""Overviews of an archive's rasters, made beside its index: pyramids that no picture has to wait for.

They lie in a folder of their own, `<index>.overviews`, and never in the archive. Each is named by its file and that
file's state, and appears whole under its name: what is there is of use, however the last run ended. The overviews of
files that have gone or changed are deleted when the index is told of it, and all that belong to no file whenever
overviews are made.
"""

from __future__ import annotations

import contextlib
import os
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Set

from planet_vector.errors import ArchiveError
from planet_vector.server.archive.inventory import Problem
from planet_vector.server.http_errors import Refusal
from planet_vector.server.imagery.overview_folder import begin_overviews, find_begun, find_overviews, overviews_of
from planet_vector.server.imagery.picture_cache import PictureCache
from planet_vector.server.imagery.picture_sources import PictureSources
from planet_vector.server.imagery.pyramid_making import make_pyramid
from planet_vector.server.imagery.pyramids import Damaged, Pyramid, discard
from planet_vector.server.imagery.reading import Source
from planet_vector.server.index.database import Index
from planet_vector.server.index.writing_lock import writing_lock
from planet_vector.server.jobs import JobError, Jobs

SECONDS = 1800.0
"""Time for the overviews of one file: of ten gigabytes and more, in blocks of which each can be read alone."""

MEGABYTES = 1000
"""Memory for them: a larger file is read in pieces."""

_ADVICE = "make room, or put the index elsewhere with --index; what is made is kept"
_TOO_MUCH = 422  # of pictures that cost too much without overviews
_AHEAD = 4  # files for each process that are under way or wait for one
_ALONE = "analytic"  # is shown of scenes with a visual product by basemaps, and to keys that may see no other


@dataclass
class Made:
    """Report: how many overviews were made, were there, were deleted, and the bytes of all."""

    made: int = 0
    kept: int = 0
    removed: int = 0
    size: int = 0
    problems: List[Problem] = field(default_factory=list)


class _Outcome(NamedTuple):
    """Outcome for one file: overviews were made, or were there, or why there are none."""

    made: bool = False
    kept: bool = False
    problem: Optional[Problem] = None


def make_overviews(
    root: Path,
    index: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
    tell: Optional[Callable[[str], None]] = None,
) -> Made:
    """Make overviews of the files that pictures of an archive's scenes are made of, where they have none.

    What is there already is kept; what belongs to no file of the archive any more is deleted.

    Parameters
    ----------
    root : Path
        The archive.
    index : Path
        Its index, which was brought up to date.
    progress : callable
        Called with the number of files that were looked at, and of all.
    tell : callable, optional
        Called once, with a sentence, when another process that makes them is to be waited for.

    Raises
    ------
    ArchiveError
        When they cannot be written, or the index is not there any more.
    """
    folder = overviews_of(index)
    report = Made()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with writing_lock(folder, "planet-vector index --overviews", tell):
            for part in find_begun(folder):  # of a process that was killed: no other makes any now
                part.unlink(missing_ok=True)
            pictures = PictureCache(index.with_suffix(".pictures"))
            sources = _sources(index, PictureSources(root, pictures, folder), report.problems)
            for path in [path for path in find_overviews(folder) if path not in sources]:
                discard(path)
                report.removed += 1
            for done, outcome in enumerate(_all_made(root, sources), 1):
                report.made += outcome.made
                report.kept += outcome.kept
                report.problems += [] if outcome.problem is None else [outcome.problem]
                progress(done, len(sources))
            if report.made:
                pictures.forget_refusals(_TOO_MUCH)
            for path in find_overviews(folder):
                with contextlib.suppress(FileNotFoundError):  # deleted meanwhile, as its file has changed
                    report.size += path.stat().st_size
    except OSError as error:
        raise _unwritten(folder, error.strerror or str(error)) from None
    return report


def _sources(index: Path, files: PictureSources, problems: List[Problem]) -> Dict[Path, Source]:
    """Return the files that pictures are made of, by where their overviews lie."""
    found: Dict[Path, Source] = {}
    for products in _products(index):
        shown = [products]
        if _ALONE in products and len(products) > 1:
            shown.append({_ALONE: products[_ALONE]})
        for chosen in shown:
            try:
                found.update((source.pyramids[0], source) for source in files.of(chosen))
            except Refusal as refusal:
                problems.append(Problem(min(chosen.values()), _reason(refusal, Path(min(chosen.values())).name)))
    return found


def _products(index: Path) -> List[Dict[str, str]]:
    try:
        with closing(Index(index)) as scenes:
            return scenes.products()
    except Refusal:
        raise ArchiveError(
            f"The index {index} was deleted or replaced before overviews could be made: try again."
        ) from None


def _all_made(root: Path, sources: Mapping[Path, Source]) -> Iterator[_Outcome]:
    """Make what is not there, a few files at once, and yield an outcome for each."""
    processes = os.cpu_count() or 1
    wanted = iter(sources.items())
    with Jobs(processes, seconds=SECONDS, megabytes=MEGABYTES) as jobs, ThreadPoolExecutor(processes) as threads:
        under_way: Set[Future[_Outcome]] = set()
        try:
            while True:
                while len(under_way) < _AHEAD * processes:
                    following = next(wanted, None)
                    if following is None:
                        break
                    under_way.add(threads.submit(_made, jobs, root, *following))
                if not under_way:
                    return
                ended, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                for future in ended:
                    yield future.result()
        finally:
            jobs.close()  # what is under way when it is given up ends at once


def _made(jobs: Jobs, root: Path, path: Path, source: Source) -> _Outcome:
    if _is_whole(path):
        return _Outcome(kept=True)
    product = os.path.relpath(source.path, os.path.realpath(root))
    try:
        with begin_overviews(path) as part:
            made = jobs.run(make_pyramid, source, part)
            if made:
                os.replace(part, path)
        return _Outcome(made)
    except Refusal as refusal:
        if refusal.status == 503:
            raise ArchiveError(f"{str(refusal).rstrip('.')}: {_ADVICE}.") from None
        return _Outcome(problem=Problem(product, _reason(refusal, source.path.name)))
    except JobError as error:
        return _Outcome(problem=Problem(product, f"has no overviews: to make them {error}"))


def _is_whole(path: Path) -> bool:
    """Tell whether overviews are there, and not cut off; those that are go."""
    try:
        with Pyramid(path):
            return True
    except Damaged:
        discard(path)
        return False
    except FileNotFoundError:
        return False


def _reason(refusal: Refusal, name: str) -> str:
    """Return a refusal as it stands behind the name of its file."""
    message = str(refusal).rstrip(".")
    return message[len(name) + 1 :] if message.startswith(f"{name} ") else message


def _unwritten(folder: Path, why: str) -> ArchiveError:
    return ArchiveError(f"The overviews in {folder} cannot be written ({why}): {_ADVICE}.")
