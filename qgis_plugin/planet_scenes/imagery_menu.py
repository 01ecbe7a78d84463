"""Menus of the imagery of scenes: what all of them have, and whether masks hide pixels of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, Iterable, Sequence

from qgis.core import QgsSettings
from qgis.PyQt.QtWidgets import QMenu

from planet_scenes.imagery import TILES, Imagery, offers_of
from planet_scenes.masks import words_for
from planet_scenes.texts import tr
from planet_vector.scene import Scene

_HIDES = "planet_scenes/hides_unclear_pixels"

Call = Callable[[Imagery], None]


def fill_menu(menu: QMenu, scenes: Sequence[Scene], call: Call, tiles: bool = True) -> None:
    """Offer the imagery that all scenes have: combinations of bands and indices, then products by name.

    Parameters
    ----------
    menu : QMenu
        The menu; its entries are replaced.
    scenes : sequence of Scene
        The scenes.
    call : callable
        Called with the imagery that is chosen, with a mask if the user wants one.
    tiles : bool, optional
        Whether to offer tiles.
    """
    offered = [offers_of(scene) for scene in scenes]
    shared = [each for each in (offered[0] if offered else []) if all(each in others for others in offered[1:])]
    fill_with(menu, scenes, [each for each in shared if tiles or each.name != TILES], call)


def fill_with(menu: QMenu, scenes: Sequence[Scene], offered: Iterable[Imagery], call: Call) -> None:
    """Offer some imagery of scenes, and a toggle that hides what the masks of the scenes tell.

    Imagery without a mask is disabled while the toggle is on.

    Parameters
    ----------
    menu : QMenu
        The menu; its entries are replaced.
    scenes : sequence of Scene
        The scenes.
    offered : iterable of Imagery
        The imagery; what has a title first.
    call : callable
        Called with the imagery that is chosen, with a mask if the user wants one.
    """
    menu.clear()
    hides = QgsSettings().value(_HIDES, False, type=bool)
    maskable = titled = False
    for imagery in offered:
        words = {words_for(scene, imagery.products) for scene in scenes}
        mask = words.pop() if len(words) == 1 else ""
        maskable = maskable or bool(mask)
        if titled and not imagery.title:
            menu.addSeparator()
        titled = bool(imagery.title)
        chosen = replace(imagery, mask=mask if hides else "")
        text = imagery.text if mask or not hides else tr("{title} (no mask)").format(title=imagery.text)
        menu.addAction(text, lambda chosen=chosen: call(chosen)).setEnabled(bool(mask) or not hides)
    if maskable or hides:
        menu.addSeparator()
        toggle = menu.addAction(tr("Hide clouds, haze and shadows"))
        toggle.setObjectName("PlanetScenesMask")
        toggle.setCheckable(True)
        toggle.setChecked(hides)
        toggle.toggled.connect(lambda on: QgsSettings().setValue(_HIDES, on))
