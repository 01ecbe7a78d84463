"""Area of a search: none, the map extent, a polygon layer, a drawn box or polygon, or pasted text."""

from __future__ import annotations

from typing import Any, List, Optional, Tuple

from qgis.core import (
    QgsCoordinateTransform,
    QgsCsException,
    QgsFeatureRequest,
    QgsGeometry,
    QgsJsonUtils,
    QgsMapLayerProxyModel,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
    QgsVectorLayerFeatureSource,
    QgsWkbTypes,
)
from qgis.gui import QgisInterface, QgsMapLayerComboBox
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from planet_scenes import core, messages
from planet_scenes.area_tool import Draw, band, take_away
from planet_scenes.polygons import WGS84, united
from planet_scenes.tasks import Cancelled, Task
from planet_scenes.texts import tr
from planet_vector.errors import QueryError
from planet_vector.geometry.boxes import Box

_COLOUR = QColor("#d95f0e")
_MOST_POINTS = 5000  # of an area; larger ones are simplified, as the service limits request bodies to a megabyte
_TOLERANCE = 0.001  # degrees (about 100 m): tolerance of the simplification
_LONGEST = 170.0  # degrees, length of an edge: one above 180 would be read as going the other way around the globe
_FARTHEST = 540.0  # degrees of longitude: one turn beyond ±180, which the service accepts
_LINES = 3  # of text visible at once


class AreaChooser(QWidget):
    """Form widget to choose the area of a search.

    Parameters
    ----------
    iface : QgisInterface
        The QGIS application whose map is drawn on.
    parent : QWidget, optional
        The parent widget.
    """

    changed = pyqtSignal()
    """Emitted when the area has changed or may have changed."""

    EVERYWHERE, MAP, LAYER, DRAWN, TEXT = range(5)

    def __init__(self, iface: QgisInterface, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._canvas = iface.mapCanvas()
        self._drawn = QgsGeometry()
        self._layer = _LayerArea(self)
        self._layer.changed.connect(self.changed)
        self._tool: Optional[Draw] = None
        self._before: Any = None
        self._band = band(self._canvas, _COLOUR)
        self._build()
        self.mode.currentIndexChanged.connect(self._choose)
        self.layer.layerChanged.connect(lambda *_: self._choose(self.mode.currentIndex()))
        self.text.textChanged.connect(self._typed)
        self._canvas.extentsChanged.connect(self._moved)
        self._canvas.destinationCrsChanged.connect(self._show)
        self._choose(self.EVERYWHERE)

    def parameters(self) -> List[Tuple[str, str]]:
        """Return the area as a list of one search parameter; an empty list means everywhere.

        Raises
        ------
        QueryError
            If the chosen source has no area, or the text cannot be parsed.
        """
        mode = self.mode.currentIndex()
        if mode == self.EVERYWHERE:
            return []
        if mode == self.MAP:
            return [("bbox", str(_box(self._view())))]
        if mode == self.TEXT:
            found = pasted(self.text.toPlainText())
        elif mode == self.LAYER:
            found = self._layer.area()
        elif self._drawn.isEmpty():
            raise QueryError(tr("Draw the area on the map first."))
        else:
            found = self._drawn
        bounds = found.boundingBox()
        if mode == self.DRAWN:
            found = found.densifyByDistance(_LONGEST)  # keeps the drawn direction, also the long way around the globe
        if found.isGeosEqual(QgsGeometry.fromRect(bounds)):
            return [("bbox", str(_box(bounds)))]
        return [("intersects", found.asWkt(7))]

    def draw(self, polygon: bool) -> None:
        """Start drawing a box or a polygon; a right click closes a polygon, Escape cancels.

        Parameters
        ----------
        polygon : bool
            Draw a polygon instead of a box.
        """
        self.end_drawing()
        self._before = self._canvas.mapTool()
        self._tool = Draw(self._canvas, polygon, _COLOUR)
        self._tool.drawn.connect(self.take)
        self._tool.refused.connect(self.end_drawing)
        self._tool.deactivated.connect(self._drop)
        self.polygon_button.setChecked(polygon)
        self.box_button.setChecked(not polygon)
        self._canvas.setMapTool(self._tool)

    def end_drawing(self) -> None:
        """Restore the previous map tool."""
        tool, before = self._tool, self._before
        self._drop()
        if tool is not None:
            if before is not None and not sip.isdeleted(before):
                self._canvas.setMapTool(before)
            else:
                self._canvas.unsetMapTool(tool)

    def take(self, geometry: QgsGeometry) -> None:
        """Use a drawn geometry as the area.

        Parameters
        ----------
        geometry : QgsGeometry
            The box or polygon, in the coordinate system of the map.
        """
        found = QgsGeometry(geometry)
        try:
            found.transform(self._transform())
        except QgsCsException:
            found = QgsGeometry()
            messages.tell(tr("The drawn area lies outside the globe: draw it again."))
        self._drawn = found.makeValid() if not found.isEmpty() else found
        self.end_drawing()
        self._show()
        self.changed.emit()

    def close_down(self) -> None:
        """Remove the drawn area and the map tool from the map."""
        self.end_drawing()
        self._layer.watch(None)
        self._canvas.extentsChanged.disconnect(self._moved)
        self._canvas.destinationCrsChanged.disconnect(self._show)
        take_away(self._canvas, self._band)

    def _drop(self) -> None:
        """Forget the tool: the map has another one or is about to get one."""
        tool, self._tool, self._before = self._tool, None, None
        for button in (self.box_button, self.polygon_button):
            button.setChecked(False)
        if tool is not None:
            tool.clear()
            tool.deleteLater()

    def _choose(self, mode: int) -> None:
        for widget, shown in ((self.layer, self.LAYER), (self._buttons, self.DRAWN), (self.text, self.TEXT)):
            widget.setVisible(mode == shown)
        if mode != self.DRAWN:
            self.end_drawing()
        self._layer.watch(self.layer.currentLayer() if mode == self.LAYER else None)
        self._show()
        self.changed.emit()

    def _typed(self) -> None:
        self._show()
        self.changed.emit()

    def _moved(self) -> None:
        if self.mode.currentIndex() == self.MAP:
            self.changed.emit()

    def _show(self) -> None:
        """Show the drawn or pasted area on the map."""
        mode, shown = self.mode.currentIndex(), QgsGeometry()
        if mode == self.DRAWN:
            shown = self._drawn
        elif mode == self.TEXT:
            try:
                shown = pasted(self.text.toPlainText())
            except QueryError:
                pass  # reported when the search runs
        self._band.reset(QgsWkbTypes.GeometryType.PolygonGeometry)
        if not shown.isEmpty():
            self._band.setToGeometry(shown, WGS84)

    def _view(self) -> QgsRectangle:
        try:
            return self._transform().transformBoundingBox(self._canvas.extent())
        except QgsCsException:
            raise QueryError(tr("The map shows more than the globe: zoom in.")) from None

    def _transform(self) -> QgsCoordinateTransform:
        there = self._canvas.mapSettings().destinationCrs()
        return QgsCoordinateTransform(there, WGS84, QgsProject.instance().transformContext())

    def _build(self) -> None:
        self.mode = QComboBox(self)
        self.mode.addItems(
            [
                tr("Everywhere"),
                tr("Map extent"),
                tr("Polygons of a layer"),
                tr("Drawn on the map"),
                tr("WKT or GeoJSON"),
            ]
        )
        self.layer = QgsMapLayerComboBox(self)
        self.layer.setFilters(QgsMapLayerProxyModel.Filter.PolygonLayer)
        self.layer.setToolTip(tr("The selected polygons of the layer, or all if none is selected"))
        self.text = QPlainTextEdit(self)
        self.text.setPlaceholderText("POLYGON((11.9 47.8, 12.1 47.8, 12.1 48, 11.9 47.8))")
        self.text.setTabChangesFocus(True)
        self.text.setFixedHeight(self.text.fontMetrics().lineSpacing() * (_LINES + 1))
        self.box_button, self.polygon_button = QPushButton(tr("Box")), QPushButton(tr("Polygon"))
        self.box_button.setToolTip(tr("Draw a box: drag, or click two corners"))
        self.polygon_button.setToolTip(tr("Draw a polygon: click its corners, a right click ends it"))
        self._buttons = QWidget(self)
        row = QHBoxLayout(self._buttons)
        row.setContentsMargins(0, 0, 0, 0)
        for button, polygon in ((self.box_button, False), (self.polygon_button, True)):
            button.setCheckable(True)
            button.clicked.connect(lambda on, polygon=polygon: self.draw(polygon) if on else self.end_drawing())
            row.addWidget(button)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for widget in (self.mode, self.layer, self._buttons, self.text):
            column.addWidget(widget)


class _LayerArea(QObject):
    """The polygons of a layer as one area in degrees, read in a worker: layers may be large or remote.

    Parameters
    ----------
    parent : QObject
        The parent object.
    """

    changed = pyqtSignal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._layer: Optional[QgsVectorLayer] = None
        self._found: Optional[QgsGeometry] = None
        self._error = ""
        self._task: Optional[Task] = None
        self._later = QTimer(self)  # an edit emits many signals: read once after the last
        self._later.setSingleShot(True)
        self._later.setInterval(0)
        self._later.timeout.connect(self._read)

    def watch(self, layer: Optional[QgsVectorLayer]) -> None:
        """Read a layer now, and again whenever its selection or its features change.

        Parameters
        ----------
        layer : QgsVectorLayer, optional
            The layer; None stops watching.
        """
        if layer is self._layer:
            return
        if self._layer is not None and not sip.isdeleted(self._layer):
            for signal in _changes_of(self._layer):
                signal.disconnect(self._outdate)
        self._layer = layer
        if layer is not None:
            for signal in _changes_of(layer):
                signal.connect(self._outdate)
        self._read()

    def area(self) -> QgsGeometry:
        """Return the area.

        Raises
        ------
        QueryError
            If the layer has no area, or it is still being read.
        """
        if self._layer is None:
            raise QueryError(tr("There is no layer of polygons in the project: add one, or choose another area."))
        if self._error:
            raise QueryError(self._error)
        if self._found is None:
            raise QueryError(tr("The polygons of the layer are still being read: try again in a moment."))
        if self._found.isEmpty():
            raise QueryError(tr("The layer has no polygons."))
        return self._found

    def _outdate(self, *_: object) -> None:
        self._found, self._error = None, ""
        self._later.start()

    def _read(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._found, self._error, self._task = None, "", None
        if self._layer is None:
            return
        source = QgsVectorLayerFeatureSource(self._layer)
        request = QgsFeatureRequest().setNoAttributes()
        in_degrees = self._layer.crs().isGeographic()
        transform = QgsCoordinateTransform(self._layer.crs(), WGS84, QgsProject.instance().transformContext())
        if self._layer.selectedFeatureCount():
            request.setFilterFids(self._layer.selectedFeatureIds())

        def work(feedback: Any) -> QgsGeometry:
            found = []
            for feature in source.getFeatures(request):
                if feedback.isCanceled():
                    raise Cancelled
                if feature.hasGeometry():
                    found.append(feature.geometry() if in_degrees else feature.geometry().makeValid())
            try:
                for polygon in found:
                    polygon.transform(transform)
            except QgsCsException:
                raise QueryError(tr("The polygons of the layer lie outside the globe.")) from None
            return _simple(united(found))

        self._task = task = Task.start(
            tr("Reading the area"),
            work,
            lambda found: self._took(task, found, ""),
            lambda error: self._took(task, None, core.errors_told(error)),
        )

    def _took(self, task: Task, found: Optional[QgsGeometry], error: str) -> None:
        if task is self._task:
            self._task, self._found, self._error = None, found, error
            self.changed.emit()


def _changes_of(layer: QgsVectorLayer) -> List[Any]:
    """Return the signals after which the polygons of a layer may differ."""
    return [
        layer.selectionChanged,
        layer.layerModified,
        layer.afterRollBack,
        layer.dataChanged,
        layer.subsetStringChanged,
    ]


def pasted(text: str) -> QgsGeometry:
    """Return the area that a text contains, in degrees.

    Parameters
    ----------
    text : str
        Polygons as WKT or GeoJSON: a geometry, a Feature or a FeatureCollection; longitude before latitude.

    Raises
    ------
    QueryError
        If the text contains no polygon.
    """
    text = text.strip()
    if not text:
        raise QueryError(tr("Paste the area: a polygon as WKT, or GeoJSON."))
    if text.startswith("{"):
        features = QgsJsonUtils.stringToFeatureList(text, QgsJsonUtils.stringToFields(text))
        polygons = [feature.geometry() for feature in features if feature.hasGeometry()]
    else:
        polygons = [QgsGeometry.fromWkt(text)]
    surface = QgsWkbTypes.GeometryType.PolygonGeometry
    if not polygons or any(polygon.isEmpty() or polygon.type() != surface for polygon in polygons):
        raise QueryError(tr("The text is not a polygon in WKT or GeoJSON."))
    for polygon in polygons:
        bounds = polygon.boundingBox()
        if not (-_FARTHEST <= bounds.xMinimum() <= bounds.xMaximum() <= _FARTHEST and abs(bounds.center().y()) <= 90):
            raise QueryError(tr("The text is not a polygon in degrees, with longitude before latitude."))
    found = united(polygons)
    if found.isEmpty() or found.type() != surface:
        raise QueryError(tr("The text is not a polygon in WKT or GeoJSON."))
    return _simple(found.makeValid())


def _box(extent: QgsRectangle) -> Box:
    box = Box.on_globe(extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum())
    if box is None:
        raise QueryError(tr("The area lies outside the globe."))
    return Box(*(round(value, 7) for value in box))


def _simple(geometry: QgsGeometry) -> QgsGeometry:
    """Return the area, simplified if it has too many points."""
    if not geometry.isEmpty() and geometry.constGet().nCoordinates() > _MOST_POINTS:
        return geometry.simplify(_TOLERANCE)
    return geometry
