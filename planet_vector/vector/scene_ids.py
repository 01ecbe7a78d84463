"""Which scene ids may be asked for one by one, and in which case.

OGR compares text without regard to case, a service does not. So a scene is asked for by its id only where the id has no
letters, or is of a kind whose case its maker has fixed; a filter on other ids reads the search.
"""

from __future__ import annotations

import re
from typing import Callable, FrozenSet, Iterable, Optional, Set

MOST_IDS = 50  # ids asked for one by one; past that a search is cheaper

_PLAIN = re.compile(r"[0-9_-]+")


def spellings(ids: Iterable[str], spelling_of: Callable[[str], Optional[str]]) -> Optional[FrozenSet[str]]:
    """Return all spellings under which a service may have scenes, or None where only a search can tell.

    Parameters
    ----------
    ids : iterable of str
        Scene ids, as `str.casefold` has them.
    spelling_of : callable
        Returns the usual spelling of an id, or None if it is of no known kind.
    """
    found: Set[str] = set()
    for scene_id in ids:
        if _PLAIN.fullmatch(scene_id):
            found.add(scene_id)
            continue
        usual = spelling_of(scene_id)
        if usual is None:
            return None
        # The files of an archive may be named otherwise.
        found.update([usual, scene_id, scene_id.upper()])
    return frozenset(found) if len(found) <= MOST_IDS else None
