"""The plugin: adds its parts to QGIS, and removes them on unload."""

from __future__ import annotations

from typing import Any, List, Optional

from qgis.core import QgsApplication
from qgis.gui import QgisInterface, QgsGui
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QAction

from planet_scenes import core, tasks, texts
from planet_scenes.actions import Actions
from planet_scenes.browser import ItemProvider
from planet_scenes.dock import Dock
from planet_scenes.icons import icon
from planet_scenes.locator import Filter
from planet_scenes.log_in_fields import ask_for_key
from planet_scenes.options_page import Factory
from planet_scenes.processing.provider import Provider
from planet_scenes.projects import Projects
from planet_scenes.source_page import KEY, SourcePage, SourceProvider
from planet_scenes.texts import tr
from planet_scenes.watch import Watch


class Plugin:
    """The plugin object that QGIS loads and unloads.

    Parameters
    ----------
    iface : QgisInterface
        The QGIS application; None in ``qgis_process``, which only calls `initProcessing`.
    """

    def __init__(self, iface: Optional[QgisInterface]) -> None:
        self.iface: Any = iface  # `initGui` is not called if this is None
        self.provider: Optional[Provider] = None
        self.dock: Optional[Dock] = None

    def initProcessing(self) -> None:  # noqa: N802 - QGIS's name
        """Register the Processing provider and the GDAL driver."""
        texts.install()
        core.start()
        if self.provider is None:
            self.provider = Provider()
            QgsApplication.processingRegistry().addProvider(self.provider)

    def initGui(self) -> None:  # noqa: N802
        """Add all parts to the QGIS application."""
        self.initProcessing()
        main = self.iface.mainWindow()
        self.dock = Dock(self.iface)
        self.dock.setObjectName("PlanetScenesDock")
        self.iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.dock)
        self.action = QAction(icon("planet"), tr("Search satellite scenes"), main)
        self.action.setObjectName("PlanetScenesAction")
        self.action.setCheckable(True)
        self.action.setChecked(self.dock.isVisible())
        self.action.triggered.connect(self.dock.setUserVisible)
        self.dock.visibilityChanged.connect(self.action.setChecked)
        self.iface.addWebToolBarIcon(self.action)
        self.iface.addPluginToWebMenu(_MENU, self.action)
        self.watch = Watch(self.log_in)
        self.projects = Projects(self.log_in)
        self.actions = Actions(self.iface)
        self._parts: List[object] = [self.watch, self.projects, self.actions]
        for part in (self.watch, self.projects, self.actions):
            part.start()
        self.items = ItemProvider()
        QgsApplication.dataItemProviderRegistry().addProvider(self.items)
        self.source = SourceProvider()
        QgsGui.sourceSelectProviderRegistry().addProvider(self.source)
        self.add_action = QAction(icon("planet"), tr("Add Satellite Scenes…"), main)
        self.add_action.setObjectName("PlanetScenesAddAction")
        self.add_action.triggered.connect(self.show_source_page)
        self.iface.insertAddLayerAction(self.add_action)
        self.filter = Filter()
        self.iface.registerLocatorFilter(self.filter)
        self.options = Factory()
        self.iface.registerOptionsWidgetFactory(self.options)

    def unload(self) -> None:
        """Remove all parts; layers and the driver they need stay."""
        if self.dock is not None:
            tasks.cancel_all()
            self.iface.unregisterOptionsWidgetFactory(self.options)
            self.iface.deregisterLocatorFilter(self.filter)
            self.iface.removeAddLayerAction(self.add_action)
            self.add_action.deleteLater()
            QgsGui.sourceSelectProviderRegistry().removeProvider(self.source)
            QgsApplication.dataItemProviderRegistry().removeProvider(self.items)
            for part in (self.actions, self.projects, self.watch):
                part.stop()
            self.iface.removePluginWebMenu(_MENU, self.action)
            self.iface.removeWebToolBarIcon(self.action)
            self.action.deleteLater()
            self.dock.close_down()
            self.iface.removeDockWidget(self.dock)
            self.dock.deleteLater()
            self.dock = None
        if self.provider is not None:
            QgsApplication.processingRegistry().removeProvider(self.provider)
            self.provider = None
        texts.uninstall()

    def show_source_page(self) -> None:
        """Open the page of the Data Source Manager; in older versions of QGIS, in a dialog of its own."""
        if hasattr(self.iface, "openDataSourceManagerPage"):
            self.iface.openDataSourceManagerPage(KEY)
            return
        page = SourcePage(self.iface.mainWindow())
        page.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        page.setMapCanvas(self.iface.mapCanvas())
        page.resize(*_PAGE)
        page.show()

    def log_in(self, name: str) -> None:
        """Ask for the key of a connection.

        Parameters
        ----------
        name : str
            The connection.
        """
        ask_for_key(name, self.iface.mainWindow())


_MENU = "Planet Scenes"
_PAGE = 640, 560  # size of the dialog in pixels
