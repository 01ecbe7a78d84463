"""Overviews of an archive's rasters, made ahead of requests and stored beside the index.

The overviews are stored in the folder `<index>.overviews`, never in the archive. A file of overviews is named by its
raster and the state of that raster, and is written under a temporary name and renamed, so every file under its final
name is complete, even if a run was killed. The overviews of a deleted or changed raster are deleted when the index
is updated. Overviews without a raster are deleted whenever overviews are made.
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
from planet_vector.server.archive.units import Problem
from planet_vector.server.http_errors import HttpError
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
"""Time limit for the overviews of one file. It suffices for 10 GB and more, in blocks that can be read singly."""

MEGABYTES = 1000
"""Memory limit, in units of 10^6 bytes. Larger files are read in pieces."""

_ADVICE = "make room, or choose another place with --index; finished overviews are kept"
_TOO_MUCH = 422  # status of pictures that are too expensive without overviews
_AHEAD = 4  # files submitted per process
_ALONE = "analytic"  # also shown without the visual product: by basemaps, and to keys that permit no other product


@dataclass
class Made:
    """Report of a run: numbers of overviews made, kept and removed, total size in bytes, and problems by file."""

    made: int = 0
    kept: int = 0
    removed: int = 0
    size: int = 0
    problems: List[Problem] = field(default_factory=list)


class _Outcome(NamedTuple):
    """Outcome for one file: overviews made, already there (kept), or the problem that prevented them."""

    made: bool = False
    kept: bool = False
    problem: Optional[Problem] = None


def make_overviews(
    root: Path,
    index: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
    tell: Optional[Callable[[str], None]] = None,
) -> Made:
    """Make the missing overviews of the files that pictures of an archive's scenes are made from.

    Existing overviews are kept. Overviews of files that are no longer in the archive are deleted.

    Parameters
    ----------
    root : Path
        Folder of the archive.
    index : Path
        Index of the archive, up to date.
    progress : callable
        Called with the number of processed files and the number of all files.
    tell : callable, optional
        Called once with a message if the function waits for another process that makes overviews.

    Returns
    -------
    Made
        Report of the run.

    Raises
    ------
    ArchiveError
        If overviews cannot be written, or the index no longer exists.
    """
    folder = overviews_of(index)
    report = Made()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with writing_lock(folder, "planet-vector index --overviews", tell):
            for part in find_begun(folder):  # left by a killed process: only the holder of the lock makes overviews
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
                with contextlib.suppress(FileNotFoundError):  # deleted meanwhile because its raster changed
                    report.size += path.stat().st_size
    except OSError as error:
        raise _unwritten(folder, error.strerror or str(error)) from None
    return report


def _sources(index: Path, files: PictureSources, problems: List[Problem]) -> Dict[Path, Source]:
    """Return the sources of pictures, by the path of their overviews."""
    found: Dict[Path, Source] = {}
    for products in _products(index):
        shown = [products]
        if _ALONE in products and len(products) > 1:
            shown.append({_ALONE: products[_ALONE]})
        for chosen in shown:
            try:
                found.update((source.pyramids[0], source) for source in files.of(chosen))
            except HttpError as refusal:
                problems.append(Problem(min(chosen.values()), _reason(refusal, Path(min(chosen.values())).name)))
    return found


def _products(index: Path) -> List[Dict[str, str]]:
    try:
        with closing(Index(index)) as scenes:
            return scenes.products()
    except HttpError:
        raise ArchiveError(
            f"The index {index} was deleted or replaced before overviews could be made: try again."
        ) from None


def _all_made(root: Path, sources: Mapping[Path, Source]) -> Iterator[_Outcome]:
    """Make missing overviews, several files at once, and yield an outcome for each file."""
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
            jobs.close()  # kill calls under way if the iteration is abandoned


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
    except HttpError as refusal:
        if refusal.status == 503:
            raise ArchiveError(f"{str(refusal).rstrip('.')}: {_ADVICE}.") from None
        return _Outcome(problem=Problem(product, _reason(refusal, source.path.name)))
    except JobError as error:
        return _Outcome(problem=Problem(product, f"has no overviews: to make them {error}"))


def _is_whole(path: Path) -> bool:
    """Return whether overviews exist and are complete; damaged ones are deleted."""
    try:
        with Pyramid(path):
            return True
    except Damaged:
        discard(path)
        return False
    except FileNotFoundError:
        return False


def _reason(refusal: HttpError, name: str) -> str:
    """Return the message of a refusal without the leading file name and the final full stop."""
    message = str(refusal).rstrip(".")
    return message[len(name) + 1 :] if message.startswith(f"{name} ") else message


def _unwritten(folder: Path, why: str) -> ArchiveError:
    return ArchiveError(f"The overviews in {folder} cannot be written ({why}): {_ADVICE}.")
