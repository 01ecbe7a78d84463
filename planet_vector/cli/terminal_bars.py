"""Progress bars on stderr, if it is a terminal."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import Iterator, Optional, Union

from planet_vector.cli.messages import plain
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
        To be called with the number done and the total; None if stderr is not a terminal.
    """
    bar = CountBar(plain(label, sys.stderr), total, unit) if sys.stderr.isatty() else None
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
    return CountBar("Activating", ends=True) if wanted and sys.stderr.isatty() else wanted


def file_bar() -> Optional[FileBar]:
    """Return a progress bar of several files, or None if stderr is not a terminal."""
    return FileBar() if sys.stderr.isatty() else None
