"""Which scene ids may be asked for one by one, and in which case.

OGR compares text without regard to case, a service does not. So a scene is asked for by its id only where the id has no
letters, or is of a kind whose case its maker has fixed; a filter on other ids reads the search.
"""

from __future__ import annotations

import re
from typing import FrozenSet, Iterable, Optional, Set

MOST_IDS = 50  # ids asked for one by one; past that a search is cheaper

_PLAIN = re.compile(r"[0-9_-]+")
# Ids of PlanetScope scenes end in the satellite's hexadecimal number, in small letters, those of RapidEye in its name
# (Planet's Imagery Product Specification, 2016); those of Landsat are all in capitals (USGS: scene and product ids).
_KNOWN = (
    (re.compile(r"\d{8}_\d{6}(_[0-9a-f]+)?_[0-9a-f]{4}"), str.lower),
    (re.compile(r"\d{8}_\d{6}_\d+_rapideye-[1-5]"), lambda text: text.replace("rapideye", "RapidEye")),
    (re.compile(r"l[a-z]\d{14}[a-z]{3}\d\d"), str.upper),
    (re.compile(r"l[a-z]\d\d_l\d[a-z]{2}_\d{6}_\d{8}_\d{8}_\d\d_(rt|t1|t2)"), str.upper),
)


def spellings(ids: Iterable[str]) -> Optional[FrozenSet[str]]:
    """Return all spellings under which a service may have scenes, or None where only a search can tell.

    Parameters
    ----------
    ids : iterable of str
        Scene ids, as `str.casefold` has them.
    """
    found: Set[str] = set()
    for scene_id in ids:
        if _PLAIN.fullmatch(scene_id):
            found.add(scene_id)
            continue
        usual = next((case(scene_id) for kind, case in _KNOWN if kind.fullmatch(scene_id)), None)
        if usual is None:
            return None
        # The files of an archive may be named otherwise.
        found.update([usual, scene_id, scene_id.upper()])
    return frozenset(found) if len(found) <= MOST_IDS else None
