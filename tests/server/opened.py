"""Names of files opened in folders by any process."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import sys
from pathlib import Path
from typing import Iterator, Set

import pytest

_OPENED = 0x20  # IN_OPEN of inotify(7)


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[Set[str]]:
    """Collect the names of the files opened in a folder within the block; complete at its end."""
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux tells which files are opened")
    library = ctypes.CDLL(None, use_errno=True)
    handle = library.inotify_init1(os.O_NONBLOCK)
    assert handle >= 0 and library.inotify_add_watch(handle, os.fsencode(folder), _OPENED) >= 0
    found: Set[str] = set()
    try:
        yield found
        with contextlib.suppress(BlockingIOError):
            while True:
                content, at = os.read(handle, 65536), 0
                while at < len(content):
                    (length,) = struct.unpack_from("I", content, at + 12)
                    found.add(content[at + 16 : at + 16 + length].rstrip(b"\0").decode())
                    at += 16 + length
    finally:
        os.close(handle)
