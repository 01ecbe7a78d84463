"""Progress bars on stderr, if it is a terminal."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import Iterator, Optional, Union

import click

from planet_vector.cli.messages import plain
from planet_vector.cli.options import QUIET
from planet_vector.progress import CountBar, FileBar


@contextmanager
def progress_bar(label: str, total: int, unit: str = "") -> Iterator[Optional[CountBar]]:
    """Show a progress bar within a ``with`` statement.

    Parameters
    ----------
    label : str
        Its label.
    total : int
        The total to begin with.
    unit : str
        The unit of the numbers; ``B`` for bytes.

    Yields
    ------
    CountBar or None
        To be called with the number done and the total; None if progress is not shown.
    """
    bar = CountBar(plain(label, sys.stderr), total, unit) if shows_progress() else None
    try:
        yield bar
    finally:
        if bar is not None:
            bar.close()


def activation_bar(wanted: bool) -> Union[bool, CountBar]:
    """Return the argument ``activate`` for the option of this name: a progress bar, if stderr is a terminal.

    Parameters
    ----------
    wanted : bool
        Whether the option was given.
    """
    return CountBar("Activating", ends=True) if wanted and shows_progress() else wanted


def file_bar(files: Optional[int] = None) -> Optional[FileBar]:
    """Return a progress bar of several files, or None if progress is not shown.

    Parameters
    ----------
    files : int, optional
        Their number, if it is known.
    """
    return FileBar(files) if shows_progress() else None


def shows_progress() -> bool:
    """Return whether to show progress: if stderr is a terminal, and --quiet is not given."""
    context = click.get_current_context(silent=True)
    return sys.stderr.isatty() and not (context is not None and context.meta.get(QUIET))
