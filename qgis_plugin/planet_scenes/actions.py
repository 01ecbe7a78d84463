"""Map layer actions on scenes, offered by Identify and the attribute table; no project stores them."""

from __future__ import annotations

from typing import Any, List, Optional

from qgis.core import Qgis, QgsFeature, QgsMapLayer, QgsVectorLayer
from qgis.gui import QgisInterface, QgsGui, QgsMapLayerAction
from qgis.PyQt.QtCore import QObject

from planet_scenes import core, messages, products
from planet_scenes.icons import icon
from planet_scenes.layers import scene_type_of, search_of
from planet_scenes.projects import connection_of
from planet_scenes.tasks import Task
from planet_scenes.texts import tr
from planet_vector.errors import PlanetVectorError
from planet_vector.scene import Scene

OFFERED = ("visual", "analytic", products.TILES)
"""Products offered for every scene. A scene without the chosen product raises an error that lists its products."""


class Actions:
    """Manages the actions that add products of scenes, for search layers only.

    Parameters
    ----------
    iface : QgisInterface
        The QGIS application whose map receives the products.
    """

    def __init__(self, iface: QgisInterface) -> None:
        self._iface = iface
        self._actions: List[QgsMapLayerAction] = []

    def start(self) -> None:
        """Register the actions."""
        for product in OFFERED:
            action = _Action(tr("Add {product} to the map").format(product=product), self._iface.mainWindow())
            # QGIS 3.30 deprecates the older signals, but emits both.
            newer = "V2" if hasattr(action, "triggeredForFeatureV2") else ""
            getattr(action, f"triggeredForFeature{newer}").connect(
                lambda layer, feature, *_, product=product: add_of_features(self._iface, layer, [feature], product)
            )
            getattr(action, f"triggeredForFeatures{newer}").connect(
                lambda layer, features, *_, product=product: add_of_features(self._iface, layer, features, product)
            )
            QgsGui.mapLayerActionRegistry().addMapLayerAction(action)
            self._actions.append(action)

    def stop(self) -> None:
        """Remove all actions."""
        for action in self._actions:
            QgsGui.mapLayerActionRegistry().removeMapLayerAction(action)
            action.deleteLater()
        self._actions = []


class _Action(QgsMapLayerAction):
    """Action for one or several scenes of a search layer."""

    def __init__(self, text: str, parent: QObject) -> None:
        target = QgsMapLayerAction.Target
        # In QGIS 3.30 and later, with Qt 5, the operator returns a plain int, which the constructor rejects.
        targets = QgsMapLayerAction.Targets(target.SingleFeature | target.MultipleFeatures)
        super().__init__(text, parent, targets, icon("planet"))

    def canRunUsingLayer(self, layer: QgsMapLayer, *context: object) -> bool:  # noqa: N802 - QGIS's name
        """Return True if the layer shows scenes."""
        return bool(scene_type_of(layer))


def add_of_features(
    iface: QgisInterface, layer: QgsVectorLayer, features: List[QgsFeature], product: str, on_done: Any = None
) -> Optional[Task]:
    """Add a product of the scenes that correspond to features of a search layer.

    Parameters
    ----------
    iface : QgisInterface
        The QGIS application.
    layer : QgsVectorLayer
        The search layer.
    features : list of QgsFeature
        Features of the layer; each is a scene.
    product : str
        The product to add.
    on_done : callable, optional
        Called on the main thread once the product has been added.

    Returns
    -------
    Task or None
        The running task; None if there are no features, no connection for the layer, or no readable key.
    """
    name = search_of(layer)
    connection = connection_of(name)
    if connection is None or not features:
        return None
    try:
        catalog = connection.catalog()
    except PlanetVectorError as error:
        messages.tell(core.errors_told(error), Qgis.MessageLevel.Warning)
        return None
    scene_type, ids = scene_type_of(layer), [str(feature["id"]) for feature in features]

    def work(feedback: Any) -> List[Scene]:
        return [catalog.scene(scene_type, scene_id) for scene_id in ids]

    def done(scenes: List[Scene]) -> None:
        products.add_products(connection, scenes, product, on_done, below=layer, view=view_of(iface))

    return Task.start(tr("Requesting the scenes"), work, done)


def view_of(iface: QgisInterface) -> products.View:
    """Return the current view of the map canvas.

    Parameters
    ----------
    iface : QgisInterface
        The QGIS application.
    """
    canvas = iface.mapCanvas()
    extent = canvas.extent()
    return products.View(
        (extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum()),
        canvas.mapSettings().destinationCrs().toWkt(),
    )
