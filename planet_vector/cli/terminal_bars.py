"""Progress on stderr, on a terminal only."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import Iterator, Optional

from planet_vector.cli.messages import plain
from planet_vector.progress import CountBar, FileBar


@contextmanager
def progress_bar(label: str, total: int, unit: str = "") -> Iterator[Optional[CountBar]]:
    """Give what is to be called with what is done and what there is in all, or None where nobody watches."""
    bar = CountBar(plain(label, sys.stderr), total, unit) if sys.stderr.isatty() else None
    try:
        yield bar
    finally:
        if bar is not None:
            bar.close()


def file_bar() -> Optional[FileBar]:
    """Return what shows how far several files are, or None where nobody watches."""
    return FileBar() if sys.stderr.isatty() else None
