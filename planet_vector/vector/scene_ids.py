"""Spellings of scene ids for requests by id.

OGR ignores the case of text, a service does not. So a scene is requested by its id only if the id has no letters, or
its satellite's naming scheme fixes their case. For a filter on other ids the whole search is read.
"""

from __future__ import annotations

import re
from typing import Callable, FrozenSet, Iterable, Optional, Set

MOST_IDS = 50  # ids requested one by one; beyond, a search is cheaper

_PLAIN = re.compile(r"[0-9_-]+")


def spellings(ids: Iterable[str], spelling_of: Callable[[str], Optional[str]]) -> Optional[FrozenSet[str]]:
    """Return all spellings under which a service may have scenes, or None if a search is needed.

    Parameters
    ----------
    ids : iterable of str
        Scene ids, case-folded (`str.casefold`).
    spelling_of : callable
        Returns the usual spelling of an id, or None if the id follows no known scheme.
    """
    found: Set[str] = set()
    for scene_id in ids:
        if _PLAIN.fullmatch(scene_id):
            found.add(scene_id)
            continue
        usual = spelling_of(scene_id)
        if usual is None:
            return None
        # File names in an archive may use another case.
        found.update([usual, scene_id, scene_id.upper()])
    return frozenset(found) if len(found) <= MOST_IDS else None
