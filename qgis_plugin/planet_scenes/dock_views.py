"""Docks and tools that the panel opens when first wanted: two maps to compare, a swipe, the scenes at a place."""

from __future__ import annotations

from typing import Callable, List, Optional

from qgis.core import QgsProject
from qgis.gui import QgisInterface, QgsDockWidget
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject, Qt, QTimer
from qgis.PyQt.QtWidgets import QDockWidget

from planet_scenes import messages, products
from planet_scenes.actions import view_of
from planet_scenes.compare_dock import CompareDock
from planet_scenes.connection import Connection
from planet_scenes.place_dock import Asked, PlaceDock
from planet_scenes.raster_layers import is_ours
from planet_scenes.swipe import Swipe
from planet_scenes.texts import tr
from planet_scenes.time_slider import TimeSlider
from planet_vector.errors import PlanetVectorError
from planet_vector.scene import Scene

_BOTTOM = 310  # pixels, height of a row of pictures and what is above it


class Views(QObject):
    """Manages the docks beside the panel, and the swipe on QGIS's map.

    Parameters
    ----------
    iface : QgisInterface
        The QGIS application.
    time : TimeSlider
        The time slider of the panel.
    failed : callable
        Called with the error of an action of the user.
    ask : callable
        Called when another place is wanted; calls `look_at_place` with the search of the panel.
    panel : QgsDockWidget
        The panel; the map to compare is placed between it and QGIS's map.
    """

    def __init__(
        self,
        iface: QgisInterface,
        time: TimeSlider,
        failed: Callable[[BaseException], None],
        ask: Callable[[], None],
        panel: QgsDockWidget,
    ) -> None:
        super().__init__(panel)
        self._iface, self._time, self._failed, self._ask, self._panel = iface, time, failed, ask, panel
        self.comparison: Optional[CompareDock] = None
        self.swipe: Optional[Swipe] = None
        self.place: Optional[PlaceDock] = None
        self._panel_width = 0

    def compare(self) -> None:
        """Show two maps side by side, which share the width of QGIS's map."""
        window = self._iface.mainWindow()
        middle = window.centralWidget()  # QGIS's map and its welcome page, which has a minimum width
        half = min(middle.width() // 2, middle.width() - middle.minimumSizeHint().width())
        others = [dock for dock in window.findChildren(QDockWidget) if dock.isVisible() and not dock.isFloating()]
        others = [dock for dock in others if dock is not self.comparison]
        widths = [dock.width() for dock in others]
        if self.comparison is None:
            self.comparison = CompareDock(self._iface, self._time)
            self.comparison.closed.connect(self._give_back)
            self._iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.comparison)
            if not self._panel.isFloating() and not window.tabifiedDockWidgets(self._panel):
                window.splitDockWidget(self.comparison, self._panel, Qt.Orientation.Horizontal)
        elif self.comparison.isVisible():
            self.comparison.setUserVisible(True)  # it may lie below another one
            return
        self._panel_width = self._panel.width()
        self.comparison.setUserVisible(True)
        made = self.comparison

        def share() -> None:
            if not sip.isdeleted(made):
                window.resizeDocks([made, *others], [half, *widths], Qt.Orientation.Horizontal)

        QTimer.singleShot(0, share)  # the docks have their sizes after the layout

    def _give_back(self) -> None:
        """Give the width of the second map to QGIS's map: Qt would give it to the panel."""
        window, panel, width = self._iface.mainWindow(), self._panel, self._panel_width
        QTimer.singleShot(
            0,
            lambda: None if sip.isdeleted(panel) else window.resizeDocks([panel], [width], Qt.Orientation.Horizontal),
        )

    def toggle_swipe(self) -> None:
        """Begin or end a comparison on QGIS's map, left and right of a line."""
        if self.swipe is not None:
            self._end_swipe()
        elif any(is_ours(layer) for layer in QgsProject.instance().mapLayers().values()):
            self.swipe = Swipe(self._iface.mapCanvas(), self._time)
            self.swipe.ended.connect(self._end_swipe)
        else:
            messages.tell(tr("There is nothing to compare: add imagery first, for example day by day."))
        self._time.swipe_button.setChecked(self.swipe is not None)

    def _end_swipe(self) -> None:
        if self.swipe is not None:
            self.swipe.close_down()
            self.swipe.deleteLater()
            self.swipe = None
        self._time.swipe_button.setChecked(False)

    def look_at_place(self, asked: Asked) -> None:
        """Let the user click a place, and show the scenes there.

        Parameters
        ----------
        asked : Asked
            The search.
        """
        if self.place is None:
            self.place = PlaceDock(self._iface)
            self.place.failed.connect(self._failed)
            self.place.chosen.connect(self._add)
            self.place.wanted.connect(self._ask)
            self._iface.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, self.place)
            self._iface.mainWindow().resizeDocks([self.place], [_BOTTOM], Qt.Orientation.Vertical)
        self.place.ask(asked)

    def close_down(self) -> None:
        """Remove the docks and the swipe."""
        self._end_swipe()
        made: List[QgsDockWidget] = []
        if self.comparison is not None:
            self.comparison.close_down()
            made.append(self.comparison)
        if self.place is not None:
            self.place.close_down()
            made.append(self.place)
        for dock in made:
            self._iface.removeDockWidget(dock)
            dock.deleteLater()
        self.comparison = self.place = None

    def _add(self, connection: Connection, scenes: List[Scene]) -> None:
        try:
            products.add_products(connection, scenes, "", None, None, view_of(self._iface))
        except PlanetVectorError as error:
            self._failed(error)
