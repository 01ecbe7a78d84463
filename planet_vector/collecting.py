"""The garbage collector, kept from walking what cannot be garbage."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import Iterator


@contextmanager
def uncollected() -> Iterator[None]:
    """Pause the garbage collector for some milliseconds while many objects are made and none of them is garbage.

    A page of 1000 scenes is 25 000 objects without a cycle among them; making it sets the collector off some forty
    times, and a few of those walk every object of the process. Without the pause a scan takes a third longer.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
