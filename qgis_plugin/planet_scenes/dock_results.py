"""Lower half of the dock: buttons for the search, the list of its scenes, and buttons for the selected ones."""

from __future__ import annotations

from typing import List

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QLabel, QMenu, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from planet_scenes import combined_rasters
from planet_scenes.dock_download import DownloadBar, common_products
from planet_scenes.help import SEARCH, show_help
from planet_scenes.icons import icon
from planet_scenes.imagery import Imagery
from planet_scenes.imagery_menu import fill_menu, fill_with
from planet_scenes.results import Results, ResultsView
from planet_scenes.texts import tr
from planet_scenes.thumbnails import Thumbnails
from planet_scenes.widgets import button, menu_button, row_of
from planet_vector.scene import Scene


class ResultsPanel(QWidget):
    """List of the scenes of a search, with the buttons of the dock.

    Parameters
    ----------
    thumbnails : Thumbnails
        Source of the thumbnails.
    """

    product_chosen = pyqtSignal(object)
    """Emitted with the `Imagery` of the selected scenes to add."""

    mosaic_chosen = pyqtSignal(str, str)
    """Emitted with the product of the whole search to add as one mosaic, and what to hide of it."""

    days_chosen = pyqtSignal(object)
    """Emitted with the `Imagery` of the whole search to add day by day."""

    def __init__(self, thumbnails: Thumbnails) -> None:
        super().__init__()
        self.said = QLabel(tr("Choose filters, then search."))
        self.said.setWordWrap(True)
        # A dock follows the width that its contents prefer: it, and the extent of the map, would change with the text.
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.said.setSizePolicy(policy)
        self.results = Results(thumbnails, self)
        self.list = ResultsView(self.results)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.search_button = QPushButton(icon("search"), tr("Search"))
        self.layer_button = button("scenes", tr("Add the search as a live layer"), tr("Layer"))
        self.follow_button = button("follow", tr("Let a layer of the search follow the map"), tr("Follow"))
        self.follow_button.setCheckable(True)
        self.more_button, menu = menu_button("", tr("More actions for the search"), tr("More"))
        self.mosaic_menu = menu.addMenu(icon("mosaic"), tr("Add it as one mosaic"))
        self.mosaic_menu.aboutToShow.connect(self._fill_mosaics)
        self.days_menu = menu.addMenu(icon("days"), tr("Add it day by day"))
        self.days_menu.aboutToShow.connect(self._fill_days)
        menu.addSeparator()
        self.place_action = menu.addAction(icon("place"), tr("Its scenes at a place, as pictures…"))
        self.place_action.setToolTip(tr("Click a place on the map to list all scenes there"))
        self.compare_action = menu.addAction(icon("compare"), tr("Compare two dates or layers…"))
        self.swipe_action = menu.addAction(icon("swipe"), tr("Swipe between two dates or layers"))
        menu.addSeparator()
        self.save_action = menu.addAction(icon("save"), tr("Save it in the browser panel…"))
        self.snapshot_action = menu.addAction(icon("snapshot"), tr("Save a snapshot of it…"))
        self.help_action = menu.addAction(tr("Help"), lambda: show_help(SEARCH, self))
        self.product_button, menu = menu_button("product", "", tr("Add product"))
        menu.aboutToShow.connect(lambda menu=menu: self.fill_products(menu))
        self.download_button = button("download", "", tr("Download…"))
        for wide in (self.product_button, self.download_button):
            wide.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.download_bar = DownloadBar()
        column = QVBoxLayout(self)
        tools = row_of(self.search_button, self.layer_button, self.follow_button, self.more_button)
        rows = (tools, self.said, self.list, row_of(self.product_button, self.download_button), self.download_bar)
        for widget in rows:
            column.addWidget(widget, int(widget is self.list))
        self.results.fetched.connect(self.enable)
        self.results.modelReset.connect(self.enable)
        self.list.selectionModel().selectionChanged.connect(self.enable)
        self.download_bar.changed.connect(self.enable)
        self.enable()

    def enable(self, *_: object) -> None:
        """Enable the buttons for selected scenes if there are any."""
        selected = bool(self.list.selected())
        self.product_button.setEnabled(selected)
        self.download_button.setEnabled(selected and not self.download_bar.busy)

    def fill_products(self, menu: QMenu) -> None:
        """Offer the products that all selected scenes have.

        Parameters
        ----------
        menu : QMenu
            The menu; its entries are replaced.
        """
        fill_menu(menu, self.list.selected(), self.product_chosen.emit)

    def _fill_mosaics(self) -> None:
        menu = self.mosaic_menu
        menu.clear()
        listed = self._listed()
        if not listed:
            _say_search_first(menu)
            return
        offered = map(Imagery.of, common_products(listed))
        fill_with(menu, listed, offered, lambda imagery: self.mosaic_chosen.emit(imagery.name, imagery.mask))

    def _fill_days(self) -> None:
        menu = self.days_menu
        listed = self._listed()
        fill_menu(menu, listed, self.days_chosen.emit, tiles=False)
        if not listed:
            menu.clear()
            _say_search_first(menu)

    def _listed(self) -> List[Scene]:
        """Return the first scenes of the search, from which its products are known."""
        rows = range(min(self.results.rowCount(), combined_rasters.MOST_SCENES))
        return [self.results.scene(self.results.index(row)) for row in rows]


def _say_search_first(menu: QMenu) -> None:
    menu.addAction(tr("Search first")).setEnabled(False)
