"""Output of the results of several files, each as soon as it is known."""

from __future__ import annotations

from pathlib import Path
from typing import Iterable, List, Optional, Sequence, Tuple, TypeVar, Union

from planet_vector.cli.messages import say
from planet_vector.errors import PlanetVectorError, RasterAccessError
from planet_vector.progress import FileBar

Outcome = Tuple[str, Union[Path, PlanetVectorError]]
"""The name of a file in messages, and its path or the error."""

T = TypeVar("T")

_MOST_PRINTED = 20  # failures printed one by one; a thousand failures usually have one cause


def print_paths(
    outcomes: Iterable[Outcome], progress: Optional[FileBar] = None, failed: Sequence[Tuple[str, Exception]] = ()
) -> None:
    """Print the paths of files on stdout as they arrive, and failures on stderr at the end.

    Parameters
    ----------
    outcomes : iterable of (str, Path or PlanetVectorError)
        The path of each file, or its error.
    progress : FileBar, optional
        The progress bar on the terminal; closed at the end.
    failed : sequence of (str, Exception)
        Earlier failures.

    Raises
    ------
    PlanetVectorError
        If files failed: the error of the only one, else an error with their number.
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
    """Print failures on stderr, and raise an error if there are any.

    Parameters
    ----------
    failures : sequence of (str, Exception)
        The name of each item, and its error.
    count : int
        The number of all items, failed or not.
    told : str
        The predicate of the failed items in the message.

    Raises
    ------
    PlanetVectorError
        If items failed: the error of the only one, else an error with their number.
    """
    if len(failures) == 1:
        raise failures[0][1]
    if failures:
        for called, failure in failures[:_MOST_PRINTED]:
            say(f"{called}: {failure}", err=True)
        more = f", of which {_MOST_PRINTED} are named above" if len(failures) > _MOST_PRINTED else ""
        raise RasterAccessError(f"{len(failures)} of {count} {told}{more}.")


def sorted_out(
    found: Iterable[Tuple[str, Union[T, PlanetVectorError]]],
) -> Tuple[List[T], List[Tuple[str, Exception]]]:
    """Return the items and the failures separately, each in order.

    Parameters
    ----------
    found : iterable of (str, object or PlanetVectorError)
        The name of each item, and the item or its error.
    """
    here: List[T] = []
    failed: List[Tuple[str, Exception]] = []
    for called, item in found:
        if isinstance(item, PlanetVectorError):
            failed.append((called, item))
        else:
            here.append(item)
    return here, failed
