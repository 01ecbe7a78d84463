"""Changes of a unit's scenes in the index: those that it has, and those that were written and removed."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Set, Tuple

import numpy as np

from planet_vector.server.index.entries import Entry


class Merged(NamedTuple):
    """Changes of some scenes of a unit.

    Attributes
    ----------
    written : dict of int to Entry
        Scenes that are new or replaced, by their new numbers.
    settled : list of int
        Numbers of scenes of the unit that were in the index, and that it still contains.
    removed : list of (int, str)
        Removed numbers, with their types.
    robbed : set of str
        Keys of other units from which a scene was taken.
    clashes : list of str
        Messages for the scenes that are not served from this unit.
    """

    written: Dict[int, Entry]
    settled: List[int]
    removed: List[Tuple[int, str]]
    robbed: Set[str]
    clashes: List[str]


class ScenesBefore:
    """Scenes that a unit has in the index, and which of them it still contains.

    Parameters
    ----------
    scenes : np.ndarray of int64, shape (n,)
        Their numbers, ascending.
    """

    def __init__(self, scenes: np.ndarray) -> None:
        self._scenes = scenes
        self._settled = np.zeros(len(scenes), dtype=bool)

    def holds(self, scene: int) -> bool:
        """Return whether a scene is one of them, and not settled.

        Parameters
        ----------
        scene : int
            Its number.
        """
        place = int(np.searchsorted(self._scenes, scene))
        return place < len(self._scenes) and bool(self._scenes[place] == scene) and not self._settled[place]

    def settle(self, scenes: List[int]) -> None:
        """Record that the unit still contains scenes, unchanged or changed.

        Parameters
        ----------
        scenes : list of int
            Their numbers.
        """
        self._settled[np.searchsorted(self._scenes, scenes)] = True

    def left(self) -> np.ndarray:
        """Return the scenes that are not settled."""
        return self._scenes[~self._settled]
