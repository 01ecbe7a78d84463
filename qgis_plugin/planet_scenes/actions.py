"""Map layer actions on scenes, offered by Identify and the attribute table; no project stores them."""

from __future__ import annotations

from typing import Any, Callable, List, Optional

from qgis.core import Qgis, QgsFeature, QgsMapLayer, QgsVectorLayer
from qgis.gui import QgisInterface, QgsGui, QgsMapLayerAction
from qgis.PyQt.QtCore import QObject
from qgis.PyQt.QtGui import QCursor
from qgis.PyQt.QtWidgets import QMenu

from planet_scenes import core, messages, products, raster_layers
from planet_scenes.connection import Connection
from planet_scenes.icons import icon
from planet_scenes.imagery import Imagery
from planet_scenes.imagery_menu import fill_menu
from planet_scenes.layers import scene_type_of, search_of
from planet_scenes.projects import connection_of
from planet_scenes.tasks import Task
from planet_scenes.texts import tr
from planet_vector.errors import PlanetVectorError
from planet_vector.scene import Scene


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
        for text, call in ((tr("Add its imagery to the map"), add_of_features), (tr("Add other imagery…"), offer)):
            action = _Action(text, self._iface.mainWindow())
            # QGIS 3.30 deprecates the older signals, but emits both.
            newer = "V2" if hasattr(action, "triggeredForFeatureV2") else ""
            getattr(action, f"triggeredForFeature{newer}").connect(
                lambda layer, feature, *_, call=call: call(self._iface, layer, [feature])
            )
            getattr(action, f"triggeredForFeatures{newer}").connect(
                lambda layer, features, *_, call=call: call(self._iface, layer, features)
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
    iface: QgisInterface, layer: QgsVectorLayer, features: List[QgsFeature], on_done: Any = None
) -> Optional[Task]:
    """Add the preferred product of the scenes that correspond to features of a search layer.

    Parameters
    ----------
    iface : QgisInterface
        The QGIS application.
    layer : QgsVectorLayer
        The search layer.
    features : list of QgsFeature
        Features of the layer; each is a scene.
    on_done : callable, optional
        Called on the main thread once the product has been added.

    Returns
    -------
    Task or None
        The running task; None if there are no features, no connection for the layer, or no readable key.
    """

    def done(connection: Connection, scenes: List[Scene]) -> None:
        products.add_products(connection, scenes, "", on_done, below=layer, view=view_of(iface))

    return _with_scenes(layer, features, done)


def offer(iface: QgisInterface, layer: QgsVectorLayer, features: List[QgsFeature]) -> Optional[Task]:
    """Show a menu with the imagery that the scenes of some features have in common.

    Parameters
    ----------
    iface : QgisInterface
        The QGIS application.
    layer : QgsVectorLayer
        The search layer.
    features : list of QgsFeature
        Features of the layer; each is a scene.

    Returns
    -------
    Task or None
        The running task; None if there are no features, no connection for the layer, or no readable key.
    """

    def done(connection: Connection, scenes: List[Scene]) -> None:
        menu = QMenu(iface.mainWindow())
        menu.setObjectName("PlanetScenesImagery")

        def add(imagery: Imagery) -> None:
            products.add_products(connection, scenes, imagery, None, below=layer, view=view_of(iface))

        fill_menu(menu, scenes, add)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(QCursor.pos())

    return _with_scenes(layer, features, done)


def _with_scenes(
    layer: QgsVectorLayer, features: List[QgsFeature], call: Callable[[Connection, List[Scene]], None]
) -> Optional[Task]:
    """Request the scenes of features of a search layer, and call a function with them on the main thread."""
    connection = connection_of(search_of(layer))
    if connection is None or not features:
        return None
    try:
        catalog = connection.catalog()
    except PlanetVectorError as error:
        messages.tell(core.errors_told(error), Qgis.MessageLevel.Warning)
        return None
    scene_type, ids = scene_type_of(layer), [str(feature["id"]) for feature in features]
    return Task.start(
        tr("Requesting the scenes"),
        lambda feedback: [catalog.scene(scene_type, scene_id) for scene_id in ids],
        lambda scenes: call(connection, scenes),
    )


def view_of(iface: QgisInterface) -> raster_layers.View:
    """Return the current view of the map canvas.

    Parameters
    ----------
    iface : QgisInterface
        The QGIS application.
    """
    canvas = iface.mapCanvas()
    extent = canvas.extent()
    return raster_layers.View(
        (extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum()),
        canvas.mapSettings().destinationCrs().toWkt(),
    )
