"""Menu of the selected scenes in the dock, and the dialogs that its buttons open."""

from __future__ import annotations

from typing import TYPE_CHECKING, List

from qgis.PyQt.QtCore import QPoint
from qgis.PyQt.QtGui import QGuiApplication
from qgis.PyQt.QtWidgets import QFileDialog, QInputDialog, QMenu

from planet_scenes.activation import has_activation
from planet_scenes.connections import connections
from planet_scenes.dock_download import DownloadDialog, common_products
from planet_scenes.icons import icon
from planet_scenes.texts import tr
from planet_vector.scene import Scene

if TYPE_CHECKING:
    from planet_scenes.dock import Dock


def show_menu(dock: Dock, place: QPoint) -> None:
    """Show the menu of the selected scenes.

    Parameters
    ----------
    dock : Dock
        The dock.
    place : QPoint
        Where it was asked for, in the list.
    """
    scenes = dock.list.selected()
    if not scenes:
        return
    menu = QMenu(dock.list)
    menu.addAction(tr("Zoom to the scene"), lambda: dock.zoom(scenes[0]))
    dock.panel.fill_products(menu.addMenu(icon("product"), tr("Add product")))
    menu.addAction(icon("download"), tr("Download…"), lambda: ask_download(dock)).setEnabled(not dock.download_bar.busy)
    if has_activation(connections().current()):
        menu.addAction(icon("login"), tr("Activate products…"), dock.ask_activation)
    menu.addAction(tr("Copy the name"), lambda: _copy(scenes))
    menu.exec(dock.list.viewport().mapToGlobal(place))
    menu.deleteLater()


def ask_download(dock: Dock) -> None:
    """Ask for products and a folder, and download the selected scenes.

    Parameters
    ----------
    dock : Dock
        The dock.
    """
    scenes = dock.list.selected()
    if not common_products(scenes):
        dock.said.setText(tr("The scenes have no product in common."))
        return
    dialog = DownloadDialog(scenes, dock)
    if dialog.exec():
        dock.download_to(dialog.directory(), dialog.products())
    dialog.deleteLater()


def ask_snapshot(dock: Dock) -> None:
    """Ask for a file, and save the scenes of the search in it.

    Parameters
    ----------
    dock : Dock
        The dock.
    """
    path, _ = QFileDialog.getSaveFileName(dock, tr("Save a snapshot"), "", "GeoPackage (*.gpkg)")
    if path:
        dock.save_snapshot(path if path.endswith(".gpkg") else f"{path}.gpkg")


def ask_title(dock: Dock) -> None:
    """Ask for a title, and save the search under it.

    Parameters
    ----------
    dock : Dock
        The dock.
    """
    title, accepted = QInputDialog.getText(dock, tr("Save search"), tr("Title:"), text=dock.form.title())
    if accepted and title.strip():
        dock.save_search(title.strip())


def _copy(scenes: List[Scene]) -> None:
    names = [connections().current().name_of(scene) for scene in scenes]
    QGuiApplication.clipboard().setText("\n".join(names))
