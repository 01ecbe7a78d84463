"""The dock: a search is put together, counted as it is, looked at as a list, and added to the map."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, List, Optional, Tuple

from qgis.core import Qgis, QgsCoordinateTransform, QgsProject
from qgis.gui import QgisInterface, QgsDockWidget
from qgis.PyQt.QtCore import Qt, QTimer
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QMenu,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSplitter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from planet_scenes import core, downloads, empty, layers, messages, products, snapshot
from planet_scenes.actions import view_of
from planet_scenes.area import WGS84, AreaChooser, band, take_away
from planet_scenes.connection_dialog import ask_for_connection, ask_for_key
from planet_scenes.connections import connections
from planet_scenes.filters import FilterForm
from planet_scenes.follow import FollowMap
from planet_scenes.icons import icon
from planet_scenes.results import Results, ResultsView, footprint
from planet_scenes.tasks import Task
from planet_scenes.texts import tr
from planet_scenes.thumbnails import Thumbnails
from planet_vector.errors import AuthError, PlanetVectorError
from planet_vector.query import Query
from planet_vector.scene import Scene

_REST = 500  # milliseconds without a change, before the scenes are counted
_TYPES = ("ortho", "rapideye", "landsat")  # until the service says which it has
_HOVER = QColor("#e31a1c")
_CAP = 500  # scenes that follow the map


class Dock(QgsDockWidget):
    """Search, look, load.

    Parameters
    ----------
    iface : QgisInterface
        The desktop.
    """

    def __init__(self, iface: QgisInterface) -> None:
        super().__init__(tr("Satellite scenes"), iface.mainWindow())
        self.iface = iface
        self.thumbnails = Thumbnails(self)
        self.follower: Optional[FollowMap] = None
        self.download: Optional[Task] = None
        self._counting: Optional[Task] = None
        self._hover = band(iface.mapCanvas(), _HOVER)
        self._build()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_REST)
        self._timer.timeout.connect(self.count_now)
        self.area.changed.connect(self._timer.start)
        self.filters.changed.connect(self._timer.start)
        self.scene_type.currentTextChanged.connect(self._typed)
        self.connection.activated.connect(self._connected)
        connections().changed.connect(self._fill_connections)
        self.results.told.connect(self._failed)
        self.results.fetched.connect(self._fetched)
        self.list.hovered.connect(self._hovered)
        self.list.doubleClicked.connect(lambda index: self.zoom(self.results.scene(index)))
        self.list.selectionModel().selectionChanged.connect(lambda *_: self._enable())
        self._fill_connections()
        self._typed(self.scene_type.currentText())
        self._enable()

    # ---- what is searched ------------------------------------------------------------------------------------

    def query(self) -> Query:
        """Return the search as it is put together.

        Raises
        ------
        PlanetVectorError
            When something in it cannot be.
        """
        return Query.parse(self.scene_type.currentText(), self._parameters())

    def planet_name(self) -> str:
        """Return the PLANET: name of the search."""
        return str(connections().current().name_of(self.query()))

    def count_now(self) -> None:
        """Count the scenes, and say so; nothing is fetched."""
        if self._counting is not None:
            self._counting.cancel()
        try:
            query, catalog = self.query(), connections().current().catalog()
        except PlanetVectorError as error:
            self._say(core.errors_told(error))
            return
        self._say(tr("Counting …"))
        self._counting = Task.start(
            tr("Counting scenes"), lambda feedback: catalog.count(query), self._counted, self._failed
        )

    def search(self) -> None:
        """Show the scenes in the list."""
        try:
            self.results.search(connections().current(), self.query())
        except PlanetVectorError as error:
            self._failed(error)
            return
        self._say(tr("Searching …"))
        self._enable()

    # ---- what is done with it --------------------------------------------------------------------------------

    def add_layer(self) -> None:
        """Add the search as a live layer."""
        self._with_name(lambda name: layers.add_search_layer(connections().current(), name, self._title()))

    def follow(self, wanted: bool) -> None:
        """Let a layer of the search follow the map, or end that."""
        if self.follower is not None:
            self.follower.stop()
            self.follower = None
        if wanted:
            self._with_name(self._follow)
        self.follow_button.setChecked(self.follower is not None)

    def add_products(self, product: str) -> None:
        """Add a product of the scenes that are selected."""
        scenes = self.list.selected()
        if scenes:
            name = self._name_or_none()
            below = layers.search_layer_for(name) if name else None
            products.add_products(connections().current(), scenes, product, None, below, view_of(self.iface))

    def add_mosaic(self, product: str) -> None:
        """Add the whole search as one raster."""
        self._with_name(
            lambda name: products.add_mosaic(
                connections().current(), name, product, None, layers.search_layer_for(name), view_of(self.iface)
            )
        )

    def download_to(self, directory: str, wanted: List[str]) -> None:
        """Fetch products of the scenes that are selected into a folder."""
        self.progress.setValue(0)
        self.bar.show()
        self.download = downloads.download(
            connections().current(), self.list.selected(), wanted, directory, self._progressed, self._downloaded
        )
        self.download.taskTerminated.connect(self._download_ended)

    def save_search(self, title: str) -> None:
        """Keep the search in the browser panel."""
        self._with_name(lambda name: connections().save_search(connections().current().name, title, name))

    def save_snapshot(self, path: str) -> None:
        """Save the scenes of the search to a GeoPackage, and say so."""
        done: Callable[[Path], None] = lambda file: messages.tell(  # noqa: E731
            tr("The scenes are in {path}.").format(path=file), Qgis.MessageLevel.Success
        )
        self._with_name(lambda name: snapshot.save_snapshot(name, self._title(), path, done))

    def zoom(self, scene: Scene) -> None:
        """Show a scene's place on the map."""
        extent = footprint(scene).boundingBox()
        if not extent.isNull():
            canvas = self.iface.mapCanvas()
            canvas.setExtent(self._to_map().transformBoundingBox(extent).buffered(0))
            canvas.zoomByFactor(1.2)

    def close_down(self) -> None:
        """End everything, and take what is on the map away."""
        self._timer.stop()
        self.follow(False)
        self.thumbnails.stop()
        self.results.clear()
        self.area.close_down()
        connections().changed.disconnect(self._fill_connections)
        take_away(self.iface.mapCanvas(), self._hover)

    # ---- what comes back -------------------------------------------------------------------------------------

    def _counted(self, count: int) -> None:
        self._counting = None
        self._say(tr("{count:,} scenes").format(count=count) if count else tr("No scenes"))
        if not count:
            self._explain()

    def _fetched(self) -> None:
        self._enable()
        shown = self.results.rowCount()
        if not shown and not self.results.busy:
            self._say(tr("No scenes"))
            self._explain()
        elif shown:
            self.count_now()

    def _explain(self) -> None:
        catalog, scene_type = connections().current().catalog(), self.scene_type.currentText()
        try:
            parameters = self._parameters()
        except PlanetVectorError:
            return  # said already
        Task.start(
            tr("Asking why nothing was found"),
            lambda feedback: empty.why(catalog, scene_type, parameters),
            self._say,
            self._failed,
        )

    def _failed(self, error: Any) -> None:
        self._counting = None
        sentence = core.errors_told(error)
        self._say(sentence)
        self._enable()
        current = connections().current().name
        if isinstance(error, AuthError):
            messages.ask(sentence, tr("Log in"), lambda: ask_for_key(current, self))
        else:
            messages.tell(sentence, Qgis.MessageLevel.Warning)

    def _progressed(self, percent: float) -> None:
        self.progress.setValue(int(percent))

    def _downloaded(self, files: List[Path]) -> None:
        self._download_ended()
        messages.tell(tr("{count} files are there.").format(count=len(files)), Qgis.MessageLevel.Success)

    def _download_ended(self) -> None:
        self.download = None
        self.bar.hide()

    def _hovered(self, scene: Optional[Scene]) -> None:
        self._hover.reset()
        if scene is not None:
            geometry = footprint(scene)
            if not geometry.isEmpty():
                self._hover.setToGeometry(geometry, WGS84)

    # ---- helpers ---------------------------------------------------------------------------------------------

    def _parameters(self) -> List[Tuple[str, str]]:
        return [*self.filters.parameters(), *self.area.parameters()]

    def _name_or_none(self) -> Optional[str]:
        try:
            return self.planet_name()
        except PlanetVectorError:
            return None

    def _with_name(self, call: Callable[[str], Any]) -> None:
        try:
            call(self.planet_name())
        except PlanetVectorError as error:
            self._failed(error)

    def _follow(self, name: str) -> None:
        self.follower = FollowMap(self.iface, connections().current(), name, _CAP, self._title())
        self.follower.told.connect(self._following)
        self.follower.start()

    def _following(self, shown: int, count: int) -> None:
        if shown < count:
            self._say(tr("{shown:,} of {count:,} scenes in view: zoom in to see all.").format(shown=shown, count=count))
        else:
            self._say(tr("{count:,} scenes in view").format(count=count))

    def _title(self) -> str:
        days = self.filters.preset.currentText() if self.filters.preset.currentIndex() else ""
        return " ".join(part for part in (self.scene_type.currentText(), days) if part)

    def _to_map(self) -> QgsCoordinateTransform:
        there = self.iface.mapCanvas().mapSettings().destinationCrs()
        return QgsCoordinateTransform(WGS84, there, QgsProject.instance().transformContext())

    def _say(self, text: str) -> None:
        self.said.setText(text)

    def _typed(self, scene_type: str) -> None:
        if scene_type:
            self.filters.set_scene_type(scene_type)
            self.results.clear()
            self._timer.start()

    def _connected(self, number: int) -> None:
        if number == self.connection.count() - 1:
            ask_for_connection(self)
            self._fill_connections()
        elif self.connection.itemText(number) != connections().current().name:
            connections().set_current(self.connection.itemText(number))

    def _fill_connections(self) -> None:
        current = connections().current()
        self.connection.clear()
        for known in connections().all():
            self.connection.addItem(icon("connection"), known.name)
        self.connection.addItem(tr("New connection…"))
        self.connection.setCurrentText(current.name)
        self.key_button.setText(tr("Log out") if connections().logged_in(current.name) else tr("Log in…"))
        self.results.clear()
        try:
            catalog = current.catalog()
        except PlanetVectorError as error:
            self._say(core.errors_told(error))
            return
        Task.start(
            tr("Asking for the scene types"),
            lambda feedback: sorted(catalog.scene_types()),
            self._fill_types,
            self._failed,
        )

    def _fill_types(self, types: List[str]) -> None:
        before = self.scene_type.currentText()
        self.scene_type.blockSignals(True)
        self.scene_type.clear()
        self.scene_type.addItems(types)
        self.scene_type.setCurrentText(before if before in types else types[0])
        self.scene_type.blockSignals(False)
        self._typed(self.scene_type.currentText())

    def _log(self) -> None:
        current = connections().current().name
        if connections().logged_in(current):
            connections().log_out(current)
        else:
            ask_for_key(current, self)

    def _enable(self) -> None:
        selected = self.list.selected()
        self.product_button.setEnabled(bool(selected))
        self.download_button.setEnabled(bool(selected) and self.download is None)

    def _fill_products(self) -> None:
        menu = self.product_button.menu()
        menu.clear()
        combined = dict(products.combinations())
        for product in products.products_of(self.list.selected()[0]):
            text = f"{product} – {combined[product]}" if product in combined else product
            menu.addAction(text, lambda product=product: self.add_products(product))

    def _ask_download(self) -> None:
        scenes = self.list.selected()
        common = [product for product in scenes[0].products if all(product in scene.products for scene in scenes)]
        if not common:
            self._say(tr("The scenes have no product in common."))
            return
        product, accepted = QInputDialog.getItem(self, tr("Download"), tr("Product:"), common, 0, False)
        directory = QFileDialog.getExistingDirectory(self, tr("Download to")) if accepted else ""
        if directory:
            self.download_to(directory, [product])

    def _ask_snapshot(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, tr("Save a snapshot"), "", "GeoPackage (*.gpkg)")
        if path:
            self.save_snapshot(path if path.endswith(".gpkg") else f"{path}.gpkg")

    def _ask_title(self) -> None:
        title, accepted = QInputDialog.getText(self, tr("Save search"), tr("Title:"), text=self._title())
        if accepted and title.strip():
            self.save_search(title.strip())

    def _build(self) -> None:
        """Put the widgets together: what is searched above, what was found below."""
        self.connection, self.scene_type = QComboBox(), QComboBox()
        self.scene_type.addItems(_TYPES)
        self.key_button = QPushButton()
        self.key_button.clicked.connect(self._log)
        self.area, self.filters = AreaChooser(self.iface), FilterForm()
        upper = QWidget()
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(tr("Service"), _row(self.connection, self.key_button))
        form.addRow(tr("Scenes"), self.scene_type)
        form.addRow(tr("Area"), self.area)
        column = QVBoxLayout(upper)
        column.addLayout(form)
        column.addWidget(self.filters)
        column.addStretch()
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for box in upper.findChildren(QComboBox):  # no wider than the dock, whatever is in them
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(6)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setWidget(upper)
        self.said = QLabel()
        self.said.setWordWrap(True)
        self.search_button = QPushButton(icon("search"), tr("Search"))
        self.search_button.clicked.connect(self.search)
        self.layer_button = QToolButton()
        self.layer_button.setIcon(icon("scenes"))
        self.layer_button.setToolTip(tr("Add the search as a live layer"))
        self.layer_button.clicked.connect(self.add_layer)
        self.follow_button = QToolButton()
        self.follow_button.setIcon(icon("planet"))
        self.follow_button.setToolTip(tr("Let a layer of the search follow the map"))
        self.follow_button.setCheckable(True)
        self.follow_button.clicked.connect(self.follow)
        self.mosaic_button = QToolButton()
        self.mosaic_button.setIcon(icon("mosaic"))
        self.mosaic_button.setToolTip(tr("Add the search as one mosaic"))
        self.mosaic_button.clicked.connect(lambda *_: self.add_mosaic("visual"))
        self.snapshot_button = QToolButton()
        self.snapshot_button.setIcon(icon("download"))
        self.snapshot_button.setToolTip(tr("Save the scenes of the search to a GeoPackage"))
        self.snapshot_button.clicked.connect(self._ask_snapshot)
        self.save_button = QToolButton()
        self.save_button.setIcon(icon("connection"))
        self.save_button.setToolTip(tr("Save the search in the browser panel"))
        self.save_button.clicked.connect(self._ask_title)
        self.results = Results(self.thumbnails, self)
        self.list = ResultsView(self.results)
        self.product_button = QToolButton()
        self.product_button.setText(tr("Add product"))
        self.product_button.setIcon(icon("product"))
        self.product_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.product_button.setMenu(QMenu(self.product_button))
        self.product_button.menu().aboutToShow.connect(self._fill_products)
        self.download_button = QToolButton()
        self.download_button.setText(tr("Download"))
        self.download_button.setIcon(icon("download"))
        self.download_button.clicked.connect(self._ask_download)
        for button in (self.product_button, self.download_button):
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.progress = QProgressBar()
        cancel = QPushButton(tr("Cancel"))
        cancel.clicked.connect(lambda *_: self.download.cancel() if self.download is not None else None)
        self.bar = _row(self.progress, cancel)
        self.bar.hide()
        lower = QWidget()
        column = QVBoxLayout(lower)
        tools = (
            self.search_button, self.layer_button, self.follow_button, self.mosaic_button, self.snapshot_button,
            self.save_button,
        )  # fmt: skip
        for widget in (_row(*tools), self.said, self.list, _row(self.product_button, self.download_button), self.bar):
            column.addWidget(widget)
        column.setStretch(2, 1)
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.addWidget(scroll)
        splitter.addWidget(lower)
        splitter.setStretchFactor(1, 1)
        self.setWidget(splitter)


def _row(*widgets: QWidget) -> QWidget:
    made = QWidget()
    row = QHBoxLayout(made)
    row.setContentsMargins(0, 0, 0, 0)
    for number, widget in enumerate(widgets):
        row.addWidget(widget, int(number == 0))
    return made
