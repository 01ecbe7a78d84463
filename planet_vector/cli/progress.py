"""Progress on stderr, on a terminal only."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import Callable, Iterator, Optional

import click


@contextmanager
def progress_bar(label: str, length: int) -> Iterator[Optional[Callable[[int, int], None]]]:
    """Give what is to be called with what is done and what there is in all, or None where nobody watches."""
    if not sys.stderr.isatty():
        yield None
        return
    with click.progressbar(range(length), label=label, file=sys.stderr) as bar:

        def tell(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        yield tell
