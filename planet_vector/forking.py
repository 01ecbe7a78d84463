"""Renewal of connections, locks and threads in a forked child, which must not share them with its parent.

Two processes on one connection receive each other's responses. A lock that another thread held at the time of the fork
is never released in the child. The threads of a pool do not exist in the child. Without fork (Windows), nothing is
done.
"""

from __future__ import annotations

import itertools
import os
import weakref
from functools import partial
from types import MethodType
from typing import Any, Callable, Dict, Optional, TypeVar

F = TypeVar("F", bound=Callable[[], None])

_renewals: Dict[int, Callable[[], Optional[Callable[[], None]]]] = {}  # return the function, if its owner exists
_numbers = itertools.count()


def renew_after_fork(renew: F) -> F:
    """Register a function to be called in each forked child before anything else runs there, and return it.

    Functions are called in the order of their registration. They must neither take locks nor wait, because the thread
    that held a lock does not exist in the child. They replace locks, and the data these guard if a thread may have been
    changing it.

    Parameters
    ----------
    renew : callable
        A bound method, called while its object lives (only a weak reference is kept), or a function of a module.

    Returns
    -------
    callable
        `renew`, so that this can be used as a decorator.
    """
    number = next(_numbers)
    if isinstance(renew, MethodType):
        # Entries are removed at any time, in any thread, also at interpreter shutdown, when globals are gone.
        owner = weakref.ref(renew.__self__, partial(_renewals.pop, number))
        _renewals[number] = partial(_bound, owner, renew.__func__)
    else:
        _renewals[number] = lambda: renew
    return renew


def _bound(owner: Callable[[], Any], function: Callable[[Any], None]) -> Optional[Callable[[], None]]:
    there = owner()
    return None if there is None else partial(function, there)


def _renew() -> None:
    for find in list(_renewals.values()):
        renew = find()
        if renew is not None:
            renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
