"""The choices of what is compared: a day on the map of QGIS, and another day or a layer in its place."""

from __future__ import annotations

from typing import List, Tuple

from qgis.core import QgsDateTimeRange, QgsMapLayer, QgsProject
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QDateTime, QObject, pyqtSignal
from qgis.PyQt.QtWidgets import QComboBox

from planet_scenes.day_stack import DAY, day_text, days_of, range_of
from planet_scenes.raster_layers import is_ours
from planet_scenes.texts import tr
from planet_scenes.time_slider import TimeSlider

_DAY, _LAYER = "day:", "layer:"  # kinds of the data of a choice
_ALWAYS = QgsDateTimeRange(QDateTime(), QDateTime())


class CompareChoices(QObject):
    """Manages the two choices of a comparison, and what the second picture of the map shows.

    The day of QGIS's map is that of the time slider of the panel.

    Parameters
    ----------
    canvas : QgsMapCanvas
        The map of QGIS.
    time : TimeSlider
        The time slider of the panel.
    tip : str
        Tool tip of the second choice.

    Attributes
    ----------
    left, right : QComboBox
        The day of the map, and the day or layer to compare it with.
    """

    changed = pyqtSignal()
    """Emitted when the second picture shows something else."""

    def __init__(self, canvas: QgsMapCanvas, time: TimeSlider, tip: str) -> None:
        super().__init__()
        self._main, self._time = canvas, time
        self._project = QgsProject.instance()
        self.left, self.right = QComboBox(), QComboBox()
        self.left.setToolTip(tr("Day shown on the map of QGIS"))
        self.right.setToolTip(tip)
        for choice in (self.left, self.right):
            choice.setAccessibleName(choice.toolTip())
            choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            choice.setMinimumContentsLength(10)
        self.left.activated.connect(self._choose_left)
        self.right.activated.connect(self._change)
        self._links = (
            (self._main.layersChanged, self._change),
            (self._main.temporalRangeChanged, self._timed),
            (self._project.layersAdded, self._fill),
            (self._project.layersRemoved, self._fill),
        )
        for signal, call in self._links:
            signal.connect(call)
        self._fill()
        self._choose_apart()

    def close_down(self) -> None:
        """Disconnect from the map and the project."""
        for signal, call in self._links:
            signal.disconnect(call)

    def second(self) -> Tuple[List[QgsMapLayer], QgsDateTimeRange]:
        """Return the layers of the second picture, the topmost first, and its time."""
        data = self.right.currentData() or ""
        layers, time = self._main.layers(), self._main.temporalRange()
        if data.startswith(_DAY):
            day = data[len(_DAY) :]
            return layers, range_of(day, day)
        layer = self._project.mapLayer(data[len(_LAYER) :]) if data else None
        return (layers, time) if layer is None else (with_imagery(layers, layer), _ALWAYS)

    def _fill(self, *_: object) -> None:
        """Offer the days and layers of the project, and keep the choices as far as they remain."""
        days = [(day_text(day), f"{_DAY}{day}") for day in reversed(list(days_of(self._project)))]
        layers = [
            (layer.name(), f"{_LAYER}{layer.id()}")
            for layer in sorted(self._project.mapLayers().values(), key=lambda layer: str(layer.name()))
            if is_ours(layer) and not layer.customProperty(DAY)
        ]
        for choice, first, offered in (
            (self.left, tr("All days"), days),
            (self.right, tr("As on the map"), [*days, *layers]),
        ):
            before = choice.currentData()
            choice.clear()
            choice.addItem(first, "")
            for text, data in offered:
                choice.addItem(text, data)
            choice.setCurrentIndex(max(0, choice.findData(before)))
        self._timed()

    def _choose_apart(self) -> None:
        """Choose two dates: the newest on the map, unless it shows a certain day, and the oldest beside it.

        Without imagery day by day, the lowest of the plugin's layers on the map is compared with all of them.
        """
        days = list(days_of(self._project))
        ours = [layer for layer in self._main.layers() if is_ours(layer)]
        if len(days) > 1:
            if not self.left.currentData():
                self._time.show_day(days[-1])
            other = days[0] if self.left.currentData() != f"{_DAY}{days[0]}" else days[-1]
            self.right.setCurrentIndex(self.right.findData(f"{_DAY}{other}"))
        elif len(ours) > 1:
            self.right.setCurrentIndex(max(0, self.right.findData(f"{_LAYER}{ours[-1].id()}")))
        self._change()

    def _choose_left(self, *_: object) -> None:
        data = self.left.currentData()
        if data:
            self._time.show_day(data[len(_DAY) :])
        else:
            self._time.show_all()

    def _timed(self, *_: object) -> None:
        """Show the day of the map, which the temporal controller may have changed."""
        day = self._time.day()
        self.left.setCurrentIndex(max(0, self.left.findData(f"{_DAY}{day}") if day else 0))
        self._change()

    def _change(self, *_: object) -> None:
        self.changed.emit()


def with_imagery(layers: List[QgsMapLayer], layer: QgsMapLayer) -> List[QgsMapLayer]:
    """Return the layers of a map with one layer in place of all imagery of this plugin.

    Parameters
    ----------
    layers : list of QgsMapLayer
        The layers, the topmost first.
    layer : QgsMapLayer
        The layer to show.
    """
    found: List[QgsMapLayer] = []
    for each in layers:
        if not is_ours(each):
            found.append(each)
        elif layer not in found:
            found.append(layer)
    return found if layer in found else [layer, *found]
