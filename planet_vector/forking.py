"""Renew in a forked child what it must not share with its parent: connections, locks, threads.

Two processes on one connection take each other's answers, a lock that another thread held at the time of the fork is
never released in the child, and the threads of a pool are not there. Where processes cannot be forked (Windows),
nothing is done.
"""

from __future__ import annotations

import itertools
import os
import weakref
from functools import partial
from types import MethodType
from typing import Any, Callable, Dict, Optional, TypeVar

F = TypeVar("F", bound=Callable[[], None])

_renewals: Dict[int, Callable[[], Optional[Callable[[], None]]]] = {}  # each gives what to call, if it is still there
_numbers = itertools.count()


def renew_after_fork(renew: F) -> F:
    """Call a function in each child that is forked from now on, before anything else runs there; return it.

    Functions are called in the order of their registration. They must take no lock and must not wait: the thread that
    held one is gone. They replace locks, and what these guard where a thread may have been changing it.

    Parameters
    ----------
    renew : callable
        A bound method, called as long as its object lives, which is not kept alive by this; or a function of a module.
    """
    number = next(_numbers)
    if isinstance(renew, MethodType):
        # Entries go at any time, in any thread, also at Python's end, when this module's names are gone.
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
