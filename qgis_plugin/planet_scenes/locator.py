"""Locator filter: ``pl <scene id>`` finds a scene, zooms to it, and offers to add it."""

from __future__ import annotations

import re
from typing import Any, List, Optional, Tuple

import qgis.utils
from qgis.core import (
    Qgis,
    QgsCsException,
    QgsFeedback,
    QgsGeometry,
    QgsLocatorContext,
    QgsLocatorFilter,
    QgsLocatorResult,
)
from qgis.PyQt.QtWidgets import QPushButton

from planet_scenes import core, layers, messages, products
from planet_scenes.connection import Connection
from planet_scenes.connections import connections
from planet_scenes.icons import icon, path
from planet_scenes.imagery import preferred
from planet_scenes.results import place_on
from planet_scenes.texts import tr
from planet_vector.catalog import Catalog
from planet_vector.errors import NotFoundError, PlanetVectorError
from planet_vector.scene import Scene

_ID = re.compile(r"(?:[\w.\-]+/)?[\w.\-]{8,}", re.ASCII)  # the shortest ids, of RapidEye, are longer
_SHORT = "pl"  # alternative to the prefix
_MOST_TYPES = 20  # collections in which an id is looked up, with a request each
_SECONDS = 30  # duration of the offer to add a scene


class Found:
    """A scene found by the locator.

    Parameters
    ----------
    connection : Connection
        The service.
    scene : Scene
        The scene.
    """

    def __init__(self, connection: Connection, scene: Scene) -> None:
        self.connection = connection
        self.scene = scene

    def offers(self) -> List[Tuple[str, str, str]]:
        """Return what can be added, as tuples of product (empty for the footprint), text and icon name."""
        found = [("", tr("Add its footprint"), "scenes")]
        if self.scene.products:
            best = preferred(self.scene).name
            found.append((best, tr("Add its product {product}").format(product=best), "product"))
        return found

    def add(self, product: str) -> None:
        """Add a product or the footprint to the project.

        Parameters
        ----------
        product : str
            The product; empty for the footprint.
        """
        try:
            if product:
                products.add_products(self.connection, [self.scene], product)
            else:
                layers.add_search_layer(self.connection, self.connection.name_of(self.scene), self.scene.id)
        except PlanetVectorError as error:
            messages.tell(core.errors_told(error), Qgis.MessageLevel.Warning)

    def zoom(self) -> None:
        """Zoom the map to the scene."""
        canvas = qgis.utils.iface.mapCanvas()
        try:
            extent = place_on(canvas, self.scene)
        except QgsCsException:
            messages.tell(tr("The map's coordinate system does not cover scene {scene}.").format(scene=self.scene.id))
            return
        if not extent.isNull():
            canvas.zoomToFeatureExtent(extent)
            canvas.flashGeometries([QgsGeometry.fromRect(extent)])

    def offer(self) -> None:
        """Show buttons in the message bar to add the scene."""
        bar = qgis.utils.iface.messageBar()
        item = bar.createMessage("Planet Scenes", self.scene.id)
        for product, text, picture in self.offers():
            button = QPushButton(icon(picture), text, item)
            button.clicked.connect(lambda *_, product=product: self.add(product))
            item.layout().addWidget(button)
        bar.pushWidget(item, Qgis.MessageLevel.Info, _SECONDS)


class Filter(QgsLocatorFilter):
    """Locator filter that finds a scene by its id at the current connection."""

    def __init__(self) -> None:
        super().__init__()
        self._connection: Optional[Connection] = None
        self._catalog: Optional[Catalog] = None
        self._scene_type = self._scene_id = ""
        self._error = ""

    def name(self) -> str:
        """Return the id of the filter."""
        return "planet_scenes"

    def displayName(self) -> str:
        """Return the name of the filter shown to the user."""
        return tr("Planet scenes")

    def prefix(self) -> str:
        """Return the prefix that selects the filter."""
        return "planet"

    def clone(self) -> Filter:
        """Return a copy, which QGIS uses in a thread."""
        return Filter()

    def prepare(self, string: str, context: QgsLocatorContext) -> Any:
        """Read the connection and its key before a search.

        Parameters
        ----------
        string : str
            The text in the locator bar.
        context : QgsLocatorContext
            Whether a prefix was used.

        Returns
        -------
        list
            Always empty: no completions.
        """
        # On the main thread, as reading the key may ask for the master password.
        self._scene_type, _, self._scene_id = _asked_for(string, context).rpartition("/")
        if self._scene_id:
            self._connection = connections().current()
            try:
                self._catalog = self._connection.catalog()
            except PlanetVectorError as error:
                self._error = core.errors_told(error)
        return []

    def fetchResults(self, string: str, context: QgsLocatorContext, feedback: QgsFeedback) -> None:
        """Find the scene; QGIS calls this in a worker thread.

        Parameters
        ----------
        string : str
            The text in the locator bar.
        context : QgsLocatorContext
            Whether a prefix was used.
        feedback : QgsFeedback
            Tells whether the search was cancelled.
        """
        if self._error:
            self._tell(self._error)
        if self._catalog is None or self._connection is None:
            return
        found = False
        try:
            types = [self._scene_type] if self._scene_type else list(self._catalog.scene_types())
            if len(types) > _MOST_TYPES:
                told = tr("{name} has {count} collections: write pl COLLECTION/ID.")
                self._tell(told.format(name=self._connection.name, count=len(types)))
                return
            for scene_type in types:
                if feedback.isCanceled():
                    return
                try:
                    scene = self._catalog.scene(scene_type, self._scene_id)
                except NotFoundError:
                    continue
                found = True
                self.resultFetched.emit(self._result(self._connection, scene))
        except PlanetVectorError as error:
            self._tell(core.errors_told(error))
            return
        if not found and not feedback.isCanceled():
            told = tr("{name} has no scene {scene}.")
            self._tell(told.format(name=self._connection.name, scene=self._scene_id))

    def _tell(self, sentence: str) -> None:
        self.resultFetched.emit(QgsLocatorResult(self, sentence, None))

    def triggerResult(self, result: QgsLocatorResult) -> None:
        """Zoom to the scene of a result, and offer to add it.

        Parameters
        ----------
        result : QgsLocatorResult
            The chosen result.
        """
        found = _carried(result)
        if found is not None:
            found.zoom()
            found.offer()

    def triggerResultFromAction(self, result: QgsLocatorResult, action: int) -> None:
        """Run an action of a result's context menu.

        Parameters
        ----------
        result : QgsLocatorResult
            The chosen result.
        action : int
            Index of the action.
        """
        found = _carried(result)
        if found is not None:
            found.add(found.offers()[action][0])

    def _result(self, connection: Connection, scene: Scene) -> QgsLocatorResult:
        found = Found(connection, scene)
        result = QgsLocatorResult(self, scene.id, found)
        cover = "" if scene.cloud_cover is None else tr(", {cover:.0f} % cloud").format(cover=scene.cloud_cover)
        result.description = f"{scene.scene_type}, {scene.acquired:%Y-%m-%d %H:%M} UTC{cover}"
        result.icon = icon("scenes")
        result.actions = [
            QgsLocatorResult.ResultAction(number, text, path(picture))
            for number, (_, text, picture) in enumerate(found.offers())
        ]
        return result


def _asked_for(string: str, context: QgsLocatorContext) -> str:
    """Return the requested scene id, perhaps after its collection and a slash; empty for other searches of the user.

    They are not sent to the service. QGIS reserves prefixes of two letters for itself, so ``pl`` is removed here.
    """
    text = string.strip()
    if not context.usingPrefix:
        word, _, text = text.partition(" ")
        text = text.strip() if word.lower() == _SHORT else ""
    return text if _ID.fullmatch(text) else ""


def _carried(result: QgsLocatorResult) -> Optional[Found]:
    """Return the scene of a result; ``userData`` is a method before QGIS 3.34 and a property from then on."""
    found = result.getUserData() if hasattr(result, "getUserData") else result.userData
    return found if isinstance(found, Found) else None
