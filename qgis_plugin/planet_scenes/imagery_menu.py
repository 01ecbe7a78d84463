"""Menu of the imagery of scenes: what all of them have."""

from __future__ import annotations

from typing import Callable, Sequence

from qgis.PyQt.QtWidgets import QMenu

from planet_scenes import products
from planet_vector.scene import Scene


def fill_menu(menu: QMenu, scenes: Sequence[Scene], call: Callable[[str], None]) -> None:
    """Offer the imagery that all scenes have.

    Parameters
    ----------
    menu : QMenu
        The menu; its entries are replaced.
    scenes : sequence of Scene
        The scenes.
    call : callable
        Called with the product that is chosen.
    """
    menu.clear()
    offered = [products.products_of(scene) for scene in scenes]
    texts = dict(products.combinations())
    for product in offered[0] if offered else []:
        if all(product in others for others in offered):
            text = f"{product} – {texts[product]}" if product in texts else product
            menu.addAction(text, lambda product=product: call(product))
