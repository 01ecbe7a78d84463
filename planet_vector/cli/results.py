"""Tell what came of several files, each as soon as it is known."""

from __future__ import annotations

from pathlib import Path
from typing import Iterable, List, Optional, Sequence, Tuple, TypeVar, Union

from planet_vector.cli.messages import say
from planet_vector.errors import PlanetVectorError, RasterAccessError
from planet_vector.progress import FileBar

Outcome = Tuple[str, Union[Path, PlanetVectorError]]
"""What a file is called in a message, and where it is or why it could not be had."""

T = TypeVar("T")

_TOLD = 20  # failures named one by one; what is wrong with a thousand files is one thing


def print_paths(
    outcomes: Iterable[Outcome], progress: Optional[FileBar] = None, failed: Sequence[Tuple[str, Exception]] = ()
) -> None:
    """Print the paths of files on stdout; what failed is told on stderr, once the others are there.

    Parameters
    ----------
    outcomes : iterable of (str, Path or PlanetVectorError)
        Where each file is, or why it could not be had.
    progress : FileBar, optional
        What may stand on the terminal; closed at the end.
    failed : sequence of (str, Exception)
        What is known to have failed before.

    Raises
    ------
    PlanetVectorError
        If a file could not be had: its own error when it was one, else one that counts them.
    """
    failures, there = list(failed), 0
    try:
        for called, outcome in outcomes:
            if progress:
                progress.clear()
            if isinstance(outcome, Path):
                there += 1
                say(str(outcome))
            else:
                failures.append((called, outcome))
    finally:
        if progress:
            progress.close()
    raise_failures(failures, there + len(failures), "files could not be fetched")


def raise_failures(failures: Sequence[Tuple[str, Exception]], count: int, told: str) -> None:
    """Print what failed to stderr, and raise an error if anything did.

    Parameters
    ----------
    failures : sequence of (str, Exception)
        What each is called, and why it failed.
    count : int
        Of those that failed and those that did not.
    told : str
        What is said of those that failed, as the rest of a sentence.

    Raises
    ------
    PlanetVectorError
        If something failed: its own error when it was one thing, else one that counts them.
    """
    if len(failures) == 1:
        raise failures[0][1]
    if failures:
        for called, failure in failures[:_TOLD]:
            say(f"{called}: {failure}", err=True)
        more = f", of which {_TOLD} are named above" if len(failures) > _TOLD else ""
        raise RasterAccessError(f"{len(failures)} of {count} {told}{more}.")


def sorted_out(
    found: Iterable[Tuple[str, Union[T, PlanetVectorError]]],
) -> Tuple[List[T], List[Tuple[str, Exception]]]:
    """Return what could be had, and what could not, each in order."""
    here: List[T] = []
    failed: List[Tuple[str, Exception]] = []
    for called, item in found:
        if isinstance(item, PlanetVectorError):
            failed.append((called, item))
        else:
            here.append(item)
    return here, failed
