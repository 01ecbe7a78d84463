"""Menu of the imagery of scenes: what all of them have."""

from __future__ import annotations

from typing import Callable, Sequence

from qgis.PyQt.QtWidgets import QMenu

from planet_scenes.imagery import TILES, Imagery, offers_of
from planet_vector.scene import Scene


def fill_menu(menu: QMenu, scenes: Sequence[Scene], call: Callable[[Imagery], None], tiles: bool = True) -> None:
    """Offer the imagery that all scenes have: combinations of bands and indices, then products by name.

    Parameters
    ----------
    menu : QMenu
        The menu; its entries are replaced.
    scenes : sequence of Scene
        The scenes.
    call : callable
        Called with the imagery that is chosen.
    tiles : bool, optional
        Whether to offer tiles.
    """
    menu.clear()
    offered = [offers_of(scene) for scene in scenes]
    named = False
    for imagery in offered[0] if offered else []:
        if (tiles or imagery.name != TILES) and all(imagery in others for others in offered[1:]):
            if not imagery.title and not named:
                named = True
                menu.addSeparator()
            menu.addAction(imagery.text, lambda imagery=imagery: call(imagery))
