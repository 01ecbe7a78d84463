"""Where to search: everywhere, what the map shows, a layer, a box or polygon drawn on the map, or text pasted."""

from __future__ import annotations

from typing import Any, List, Optional, Tuple

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsGeometry,
    QgsJsonUtils,
    QgsMapLayerProxyModel,
    QgsPointXY,
    QgsProject,
    QgsRectangle,
    QgsWkbTypes,
)
from qgis.gui import QgisInterface, QgsMapLayerComboBox, QgsMapTool, QgsRubberBand
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtWidgets import QComboBox, QLabel, QPlainTextEdit, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from planet_scenes.texts import tr
from planet_vector.errors import QueryError
from planet_vector.geometry import Box

WGS84 = QgsCoordinateReferenceSystem("EPSG:4326")
_COLOUR = QColor("#d95f0e")
_MOST_POINTS = 5000  # of an area: more are simplified, as the service takes a megabyte at the most


class AreaChooser(QWidget):
    """Choose where to search.

    Parameters
    ----------
    iface : QgisInterface
        Whose map is drawn on.
    """

    changed = pyqtSignal()

    EVERYWHERE, MAP, LAYER, DRAWN, TEXT = range(5)

    def __init__(self, iface: QgisInterface, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._canvas = iface.mapCanvas()
        self._drawn = QgsGeometry()
        self._tool: Optional[_Draw] = None
        self._band = band(self._canvas, _COLOUR)
        self.mode = QComboBox(self)
        for text in (
            tr("Everywhere"),
            tr("What the map shows"),
            tr("Polygons of a layer"),
            tr("Drawn on the map"),
            tr("WKT or GeoJSON"),
        ):
            self.mode.addItem(text)
        self.layer = QgsMapLayerComboBox(self)
        self.layer.setFilters(QgsMapLayerProxyModel.Filter.PolygonLayer)
        self.text = QPlainTextEdit(self)
        self.text.setPlaceholderText("POLYGON((11.9 47.8, 12.1 47.8, 12.1 48, 11.9 47.8))")
        self.text.setMaximumHeight(70)
        self.box_button, self.polygon_button = QPushButton(tr("Draw a box")), QPushButton(tr("Draw a polygon"))
        drawing = QWidget(self)
        column = QVBoxLayout(drawing)
        column.setContentsMargins(0, 0, 0, 0)
        for button, polygon in ((self.box_button, False), (self.polygon_button, True)):
            column.addWidget(button)
            button.clicked.connect(lambda *_, polygon=polygon: self.draw(polygon))
        self.pages = QStackedWidget(self)
        for page in (QLabel(), QLabel(), self.layer, drawing, self.text):
            self.pages.addWidget(page)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.mode)
        outer.addWidget(self.pages)
        self.mode.currentIndexChanged.connect(self._choose)
        self.layer.layerChanged.connect(lambda *_: self.changed.emit())
        self.text.textChanged.connect(self.changed.emit)
        self._canvas.extentsChanged.connect(self._moved)
        self._choose(self.EVERYWHERE)

    def parameters(self) -> List[Tuple[str, str]]:
        """Return the area as a parameter of a search, or nothing for everywhere.

        Raises
        ------
        QueryError
            When there is no area where one is meant, or the text is none.
        """
        mode = self.mode.currentIndex()
        if mode == self.EVERYWHERE:
            return []
        if mode == self.MAP:
            return [("bbox", str(_box(self._to_degrees(self._canvas.extent()))))]
        if mode == self.TEXT:
            return [("intersects", self._pasted().asWkt(8))]
        found = self._drawn if mode == self.DRAWN else self._of_layer()
        if found.isEmpty():
            raise QueryError(
                tr("Draw the area on the map first.") if mode == self.DRAWN else tr("The layer has no polygons.")
            )
        if found.isGeosEqual(QgsGeometry.fromRect(found.boundingBox())):
            return [("bbox", str(_box(found.boundingBox())))]
        return [("intersects", found.asWkt(8))]

    def draw(self, polygon: bool) -> None:
        """Let the user draw a box or a polygon; a right click ends a polygon, Escape ends drawing."""
        self._end_drawing()
        self._tool = _Draw(self._canvas, polygon)
        self._tool.drawn.connect(self.take)
        self._canvas.setMapTool(self._tool)

    def take(self, geometry: QgsGeometry) -> None:
        """Take what was drawn, in the system of the map."""
        self._band.setToGeometry(geometry, None)
        found = QgsGeometry(geometry)
        found.transform(self._transform())
        self._drawn = found
        self._end_drawing()
        self.changed.emit()

    def set_layer_mode(self, layer: Any) -> None:
        """Search in the polygons of a layer."""
        self.layer.setLayer(layer)
        self.mode.setCurrentIndex(self.LAYER)

    def close_down(self) -> None:
        """Take what was drawn off the map, and the map tool."""
        self._end_drawing()
        self._canvas.extentsChanged.disconnect(self._moved)
        take_away(self._canvas, self._band)

    def _end_drawing(self) -> None:
        if self._tool is not None:
            self._tool.end()
            self._tool = None

    def _choose(self, mode: int) -> None:
        self.pages.setCurrentIndex(mode)
        self.pages.setVisible(mode in (self.LAYER, self.DRAWN, self.TEXT))
        self.pages.setMaximumHeight(self.pages.currentWidget().sizeHint().height())
        self._band.setVisible(mode == self.DRAWN)
        if mode != self.DRAWN:
            self._end_drawing()
        self.changed.emit()

    def _moved(self) -> None:
        if self.mode.currentIndex() == self.MAP:
            self.changed.emit()

    def _of_layer(self) -> QgsGeometry:
        layer = self.layer.currentLayer()
        if layer is None:
            return QgsGeometry()
        features = layer.selectedFeatures() if layer.selectedFeatureCount() else layer.getFeatures()
        found = QgsGeometry.unaryUnion([feature.geometry() for feature in features])
        found.transform(QgsCoordinateTransform(layer.crs(), WGS84, QgsProject.instance().transformContext()))
        return _simple(found)

    def _pasted(self) -> QgsGeometry:
        text = self.text.toPlainText().strip()
        if not text:
            raise QueryError(tr("Paste the area: a polygon as WKT, or GeoJSON."))
        if text.startswith("{"):
            features = QgsJsonUtils.stringToFeatureList(text)
            found = QgsGeometry.unaryUnion([feature.geometry() for feature in features])
            if not features:
                found = (
                    QgsJsonUtils.geometryFromGeoJson(text) if hasattr(QgsJsonUtils, "geometryFromGeoJson") else found
                )
        else:
            found = QgsGeometry.fromWkt(text)
        if found.isNull() or found.type() != QgsWkbTypes.GeometryType.PolygonGeometry:
            raise QueryError(tr("The text is no polygon as WKT or GeoJSON."))
        return _simple(found)

    def _to_degrees(self, extent: QgsRectangle) -> QgsRectangle:
        return self._transform().transformBoundingBox(extent)

    def _transform(self) -> QgsCoordinateTransform:
        return QgsCoordinateTransform(
            self._canvas.mapSettings().destinationCrs(), WGS84, QgsProject.instance().transformContext()
        )


class _Draw(QgsMapTool):
    """Draw a box by two clicks or a drag, or a polygon by clicks."""

    drawn = pyqtSignal(QgsGeometry)

    def __init__(self, canvas: Any, polygon: bool) -> None:
        super().__init__(canvas)
        self._polygon = polygon
        self._before = canvas.mapTool()
        self._points: List[QgsPointXY] = []
        self._band = band(canvas, _COLOUR)
        self.setCursor(Qt.CursorShape.CrossCursor)

    def canvasPressEvent(self, event: Any) -> None:
        if event.button() == Qt.MouseButton.RightButton:
            if self._polygon and len(self._points) > 2:
                self.drawn.emit(QgsGeometry.fromPolygonXY([self._points]))
            return
        self._points.append(self.toMapCoordinates(event.pos()))

    def canvasMoveEvent(self, event: Any) -> None:
        if self._points:
            self._band.setToGeometry(self._shape(self.toMapCoordinates(event.pos())), None)

    def canvasReleaseEvent(self, event: Any) -> None:
        here = self.toMapCoordinates(event.pos())
        if not self._polygon and self._points and here != self._points[0]:
            self.drawn.emit(self._shape(here))

    def keyPressEvent(self, event: Any) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.end()

    def end(self) -> None:
        """Give the map back to the tool before."""
        take_away(self.canvas(), self._band)
        if self.canvas().mapTool() is self:
            if self._before is not None:
                self.canvas().setMapTool(self._before)
            else:
                self.canvas().unsetMapTool(self)

    def _shape(self, here: QgsPointXY) -> QgsGeometry:
        if self._polygon:
            return QgsGeometry.fromPolygonXY([[*self._points, here]])
        return QgsGeometry.fromRect(QgsRectangle(self._points[0], here))


def band(canvas: Any, colour: QColor) -> QgsRubberBand:
    """Return a band for polygons on a map."""
    made = QgsRubberBand(canvas, QgsWkbTypes.GeometryType.PolygonGeometry)
    made.setColor(colour)
    fill = QColor(colour)
    fill.setAlpha(30)
    made.setFillColor(fill)
    made.setWidth(2)
    return made


def take_away(canvas: Any, made: QgsRubberBand) -> None:
    """Take a band off its map for good."""
    scene = canvas.scene()
    if made in scene.items():
        scene.removeItem(made)


def _box(extent: QgsRectangle) -> Box:
    west, south = max(extent.xMinimum(), -180.0), max(extent.yMinimum(), -90.0)
    east, north = min(extent.xMaximum(), 180.0), min(extent.yMaximum(), 90.0)
    if not (west <= east and south <= north):
        raise QueryError(tr("The area lies beside the globe."))
    return Box(*(round(value, 7) for value in (west, south, east, north)))


def _simple(geometry: QgsGeometry) -> QgsGeometry:
    """Return an area with fewer points where it has too many; by a hundred metres at the most."""
    if not geometry.isEmpty() and geometry.constGet().nCoordinates() > _MOST_POINTS:
        return geometry.simplify(0.001)
    return geometry
