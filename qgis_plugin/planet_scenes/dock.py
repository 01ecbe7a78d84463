"""Dock widget: builds a search, counts its scenes, lists them, and adds them to the map."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, List, Optional, Union

from qgis.core import Qgis, QgsCsException, QgsProject, QgsVectorLayer
from qgis.gui import QgisInterface, QgsDockWidget
from qgis.PyQt.QtGui import QColor

from planet_scenes import core, day_stack, layers, messages, products, snapshot
from planet_scenes.actions import view_of
from planet_scenes.activation import Activation
from planet_scenes.area_tool import band, take_away
from planet_scenes.connections import connections
from planet_scenes.dock_count import Counter, Search
from planet_scenes.dock_follow import Following
from planet_scenes.dock_form import SearchForm
from planet_scenes.dock_halves import Halves
from planet_scenes.dock_menus import ask_download, ask_snapshot, ask_title, show_menu
from planet_scenes.dock_results import ResultsPanel
from planet_scenes.dock_views import Views
from planet_scenes.imagery import Imagery
from planet_scenes.log_in_fields import ask_for_key
from planet_scenes.place_dock import Asked
from planet_scenes.polygons import WGS84
from planet_scenes.results import Entry, footprint, place_on
from planet_scenes.tasks import Task
from planet_scenes.texts import tr
from planet_scenes.thumbnails import Thumbnails
from planet_scenes.time_slider import TimeSlider
from planet_vector.errors import PlanetVectorError
from planet_vector.query import Query
from planet_vector.scene import Scene

_HOVER = QColor("#e31a1c")


class Dock(QgsDockWidget):
    """Dock widget to search, list and load scenes.

    No request is sent and no key is read before the user acts.

    Parameters
    ----------
    iface : QgisInterface
        The QGIS application.
    """

    def __init__(self, iface: QgisInterface) -> None:
        super().__init__(tr("Satellite scenes"), iface.mainWindow())
        self.iface = iface
        self.thumbnails = Thumbnails(self)
        self.counter = Counter(self._searched, self)
        self.activation = Activation(self)
        self._hover = band(iface.mapCanvas(), _HOVER)
        self._of = connections().current()
        self._types_of: Any = None
        self._added = ""  # id of the layer added last
        self.form, self.panel = SearchForm(iface), ResultsPanel(self.thumbnails)
        self.time = TimeSlider(iface.mapCanvas())
        self.panel.layout().addWidget(self.time)
        self.views = Views(iface, self.time, self._failed, self.look_at_place, self)
        self.following = Following(iface, self.panel.follow_button)
        self.setWidget(Halves(self.form, self.panel))
        self.area, self.filters, self.scene_type = self.form.area, self.form.filters, self.form.scene_type
        self.said, self.results, self.list = self.panel.said, self.panel.results, self.panel.list
        self.download_bar = self.panel.download_bar
        self.panel.search_button.clicked.connect(self.search)
        self.panel.layer_button.clicked.connect(self.add_layer)
        self.panel.follow_button.clicked.connect(self.follow)
        self.panel.save_action.triggered.connect(lambda: ask_title(self))
        self.panel.snapshot_action.triggered.connect(lambda: ask_snapshot(self))
        self.panel.place_action.triggered.connect(self.look_at_place)
        for compare in (self.panel.compare_action.triggered, self.time.compare_button.clicked):
            compare.connect(lambda *_: self.views.compare())
        for swipe in (self.panel.swipe_action.triggered, self.time.swipe_button.clicked):
            swipe.connect(lambda *_: self.views.toggle_swipe())
        self.panel.download_button.clicked.connect(lambda: ask_download(self))
        self.panel.product_chosen.connect(self.add_products)
        self.panel.mosaic_chosen.connect(self.add_mosaic)
        self.panel.days_chosen.connect(self.add_days)
        self.form.changed.connect(self._changed)
        self.form.type_changed.connect(self._forget)
        self.form.failed.connect(self._failed)
        self.counter.said.connect(self.said.setText)
        self.following.said.connect(self.said.setText)
        self.results.told.connect(self._failed)
        self.results.modelReset.connect(lambda: self._hovered(None))
        self.list.hovered.connect(self._hovered)
        self.list.doubleClicked.connect(lambda index: self.zoom(self.results.scene(index)))
        self.list.customContextMenuRequested.connect(lambda place: show_menu(self, place))
        connections().changed.connect(self._connections_changed)
        connections().chosen.connect(self.choose)

    # ---- search ----------------------------------------------------------------------------------------------

    def query(self) -> Query:
        """Return the current search.

        Raises
        ------
        PlanetVectorError
            If a parameter is not valid.
        """
        return self.form.query()

    def planet_name(self) -> str:
        """Return the ``PLANET:`` name of the current search."""
        return connections().current().name_of(self.query())

    def search(self) -> None:
        """List the scenes, and show their number."""
        self._with_schema(self._search)

    # ---- results ---------------------------------------------------------------------------------------------

    def add_layer(self) -> None:
        """Add the search as a live layer."""

        def added(layer: QgsVectorLayer) -> None:
            self._added = layer.id()

        self._with_name(lambda name: layers.add_search_layer(connections().current(), name, self.form.title(), added))

    def choose(self, name: str, collection: str) -> None:
        """Show the dock with a collection of a connection chosen.

        Parameters
        ----------
        name : str
            The connection.
        collection : str
            The collection.
        """
        self.setUserVisible(True)
        if name != connections().current().name:
            connections().set_current(name)
        self.form.choose_type(collection)

    def follow(self, wanted: bool) -> None:
        """Start or stop a layer of the search that follows the map.

        Parameters
        ----------
        wanted : bool
            Whether the layer follows the map.
        """
        self.following.stop()
        if wanted:
            self._with_name(lambda name: self.following.start(name, self.form.title()))

    def add_products(self, product: Union[str, Imagery]) -> None:
        """Add a product of the selected scenes.

        Parameters
        ----------
        product : str or Imagery
            The product; an empty text for the preferred one.
        """
        scenes, view = self.list.selected(), view_of(self.iface)
        try:
            products.add_products(connections().current(), scenes, product, None, self._below(), view)
        except PlanetVectorError as error:
            self._failed(error)

    def add_mosaic(self, product: str, mask: str = "") -> None:
        """Add the whole search as one raster.

        Parameters
        ----------
        product : str
            The product.
        mask : str, optional
            Pixels to hide, as for `planet_scenes.masks.hide`.
        """
        self._with_name(
            lambda name: products.add_mosaic(
                connections().current(), name, product, None, self._below(), view_of(self.iface), mask
            )
        )

    def add_days(self, product: Union[str, Imagery]) -> None:
        """Add the whole search day by day, and set the time of the project and the temporal controller to its days.

        Parameters
        ----------
        product : str or Imagery
            The product.
        """
        self._with_name(
            lambda name: day_stack.add_days(
                connections().current(),
                name,
                product,
                lambda added: self.time.prepare(),
                self._below(),
                view_of(self.iface),
            )
        )

    def look_at_place(self, *_: object) -> None:
        """Let the user click a place, and show the scenes of the search there as pictures."""
        self._with_name(lambda name: self.views.look_at_place(Asked(connections().current(), name)))

    def download_to(self, directory: str, wanted: List[str]) -> None:
        """Download products of the selected scenes.

        Parameters
        ----------
        directory : str
            The destination folder.
        wanted : list of str
            The products.
        """
        try:
            self.download_bar.start(connections().current(), self.list.selected(), wanted, directory)
        except PlanetVectorError as error:
            self._failed(error)

    def ask_activation(self) -> None:
        """Ask which products of the selected scenes the service shall activate."""
        try:
            self.activation.ask(connections().current(), self.list.selected())
        except PlanetVectorError as error:
            self._failed(error)

    def save_search(self, title: str) -> None:
        """Save the search in the browser panel.

        Parameters
        ----------
        title : str
            Its title there.
        """
        self._with_name(lambda name: connections().save_search(connections().current().name, title, name))

    def save_snapshot(self, path: str) -> None:
        """Save the scenes of the search to a GeoPackage, and show a message when done.

        Parameters
        ----------
        path : str
            The destination file.
        """

        def done(file: Path) -> None:
            messages.tell(tr("The scenes are in {path}.").format(path=file), Qgis.MessageLevel.Success)

        self._with_name(lambda name: snapshot.save_snapshot(name, self.form.title(), path, done))

    def zoom(self, scene: Scene) -> None:
        """Zoom the map to a scene.

        Parameters
        ----------
        scene : Scene
            The scene.
        """
        canvas = self.iface.mapCanvas()
        try:
            extent = place_on(canvas, scene)
        except QgsCsException:
            self.said.setText(tr("The map's coordinate system does not cover scene {scene}.").format(scene=scene.id))
            return
        if not extent.isNull():
            canvas.setExtent(extent.scaled(1.2))
            canvas.refresh()

    def close_down(self) -> None:
        """Stop all tasks, and remove the dock's items from the map."""
        connections().changed.disconnect(self._connections_changed)
        connections().chosen.disconnect(self.choose)
        self.follow(False)
        self.counter.stop()
        self.thumbnails.stop()
        self.results.clear()
        self.download_bar.stop()
        self.activation.close_down()
        self.area.close_down()
        self.views.close_down()
        self.time.close_down()
        take_away(self.iface.mapCanvas(), self._hover)

    # ---- signals ---------------------------------------------------------------------------------------------

    def _changed(self) -> None:
        if not self.isVisible():  # the map also moves while the dock is hidden
            return
        self.counter.soon()
        name = self._name_or_none()  # errors are shown by the counter
        if name is not None:
            self.following.search(name)

    def _connections_changed(self) -> None:
        self.form.fill_connections()
        current = connections().current()
        if current != self._of:
            self._of = current
            self.form.offer_known_types()
            self.follow(False)
            self._forget()
            if self.isVisible():
                self.counter.soon()

    def _forget(self) -> None:
        """Reset: earlier results and layers do not belong to this search."""
        self._added = ""
        self.results.clear()

    def _searched(self) -> Optional[Search]:
        """Return the search to count; None if the service has to be asked for its scene types or fields first."""
        current = connections().current()
        catalog = current.catalog()
        if self._types_of != current:
            self._types_of = current

            def failed(error: BaseException) -> None:
                self._types_of = None
                if not self.scene_type.count():  # otherwise the counter reports it
                    self.said.setText(core.errors_told(error))

            Task.start(
                tr("Requesting the scene types"), lambda feedback: list(catalog.scene_types()), self._typed, failed
            )
        if not self.scene_type.currentText():
            return None
        if self.form.schema is None:
            self.form.with_schema(lambda: None)
            return None
        return catalog, self.form.query()

    def _typed(self, types: List[str]) -> None:
        if self._types_of == connections().current():
            self.form.fill_types(types)

    def _search(self) -> None:
        try:
            self.thumbnails.stop()
            self.results.search(connections().current(), self.query())
        except PlanetVectorError as error:
            self._failed(error)
            return
        self.counter.now()

    def _with_schema(self, call: Callable[[], None]) -> None:
        """Call a function once the schema of the collection is known."""
        try:
            self.form.with_schema(call)
        except PlanetVectorError as error:
            self._failed(error)

    def _failed(self, error: Any) -> None:
        """Report the error of an action started by the user."""
        self.counter.stop()
        sentence = core.errors_told(error)
        self.said.setText(sentence)
        self.panel.enable()
        refusing = connections().refusing(error)  # the user may have chosen another connection meanwhile
        if refusing:
            messages.ask(sentence, tr("Log in to {name}").format(name=refusing), lambda: ask_for_key(refusing, self))
        else:
            messages.tell(sentence, Qgis.MessageLevel.Warning)

    def _hovered(self, entry: Optional[Entry]) -> None:
        self._hover.reset()
        if entry is not None and entry.scene.polygons:
            self._hover.setToGeometry(footprint(entry.scene), WGS84)

    def _name_or_none(self) -> Optional[str]:
        try:
            return self.planet_name()
        except PlanetVectorError:
            return None

    def _below(self) -> Optional[QgsVectorLayer]:
        """Return the layer that shows exactly this search, or the last one added from the dock."""
        name = self._name_or_none()
        layer = layers.search_layer_for(name) if name is not None else None
        return layer or QgsProject.instance().mapLayer(self._added)

    def _with_name(self, call: Callable[[str], Any]) -> None:
        def named() -> None:
            try:
                call(self.planet_name())
            except PlanetVectorError as error:
                self._failed(error)

        self._with_schema(named)
