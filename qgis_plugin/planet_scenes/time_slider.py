"""Slider of the dock through the days of imagery that was added day by day; it moves QGIS's temporal controller."""

from __future__ import annotations

from typing import List

from qgis.core import QgsDateTimeRange, QgsProject, QgsTemporalNavigationObject
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QDateTime, Qt
from qgis.PyQt.QtWidgets import QCheckBox, QLabel, QSizePolicy, QSlider, QVBoxLayout, QWidget

from planet_scenes.day_stack import day_text, days_of, range_of, set_time, time_of_layer
from planet_scenes.texts import tr
from planet_scenes.widgets import button, row_of

_MODES = QgsTemporalNavigationObject.NavigationMode
_OFF = _MODES.Disabled if hasattr(_MODES, "Disabled") else _MODES.NavigationOff  # its name before QGIS 3.36


class TimeSlider(QWidget):
    """Slider that shows one day at a time of the imagery added day by day; hidden if there is no such imagery.

    The slider has a stop for each day with imagery. It sets the frame of the map's temporal controller, and follows the
    controller when that is played, so both always show the same time.

    Parameters
    ----------
    canvas : QgsMapCanvas
        The map.
    """

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__()
        self.days: List[str] = []
        self._canvas = canvas
        self._project = QgsProject.instance()
        self.one_day = QCheckBox(tr("One day"))
        self.one_day.setToolTip(tr("Show the imagery of one day at a time, through the temporal controller of QGIS"))
        self.label = QLabel()
        self.label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setPageStep(5)
        self.slider.setTickPosition(QSlider.TickPosition.TicksBelow)
        self.slider.setTickInterval(1)
        self.slider.setToolTip(tr("Day shown on the map: drag it, or use the arrow keys, Home and End"))
        self.slider.setAccessibleName(tr("Day shown on the map"))
        self.back = button("", tr("Previous day with imagery"), "◀")
        self.forth = button("", tr("Next day with imagery"), "▶")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self.compare_button = button("compare", tr("Compare two dates or layers side by side"), tr("Compare"))
        self.swipe_button = button("swipe", tr("Compare two dates or layers left and right of a line"), tr("Swipe"))
        self.swipe_button.setCheckable(True)
        column.addWidget(row_of(self.label, self.compare_button, self.swipe_button))
        column.addWidget(row_of(self.slider, self.back, self.forth, self.one_day))
        self.one_day.toggled.connect(self._toggled)
        self.slider.valueChanged.connect(self._moved)
        self.back.clicked.connect(lambda: self.slider.setValue(self.slider.value() - 1))
        self.forth.clicked.connect(lambda: self.slider.setValue(self.slider.value() + 1))
        self._project.layersAdded.connect(self._fill)
        self._project.layersRemoved.connect(self._fill)
        canvas.temporalRangeChanged.connect(self._follow)
        self._fill()

    def prepare(self) -> None:
        """Set the time of the project and of the temporal controller to the days with imagery, a day a frame."""
        if self.days:
            set_time(self._project, self._canvas.temporalController(), self.days)

    def show_day(self, day: str) -> None:
        """Show the imagery of one day only.

        Parameters
        ----------
        day : str
            One of `days`.
        """
        controller: QgsTemporalNavigationObject = self._canvas.temporalController()
        span = range_of(self.days[0], self.days[-1])
        if controller.temporalExtents() != span or controller.frameDuration().days() != 1:
            self.prepare()
        begin = range_of(day, day).begin()
        controller.setCurrentFrameNumber(controller.findBestFrameNumberForFrameStart(begin))
        controller.setNavigationMode(_MODES.Animated)

    def show_all(self) -> None:
        """Show the imagery of all days, the newest on top."""
        self._canvas.temporalController().setNavigationMode(_OFF)

    def day(self) -> str:
        """Return the day shown; empty if the map shows none of `days`, or several."""
        time = self._canvas.temporalRange()
        shown = [] if time.isInfinite() else [day for day in self.days if time_of_layer(day).overlaps(time)]
        return shown[0] if len(shown) == 1 else ""

    def close_down(self) -> None:
        """Disconnect from the project and the map, whose time stays as it is."""
        self._project.layersAdded.disconnect(self._fill)
        self._project.layersRemoved.disconnect(self._fill)
        self._canvas.temporalRangeChanged.disconnect(self._follow)

    def _fill(self, *_: object) -> None:
        """Take over the days of the project's layers."""
        days = list(days_of(self._project))
        if days != self.days:
            self.days = days
            self.slider.blockSignals(True)
            self.slider.setRange(0, max(0, len(days) - 1))
            self.slider.setValue(len(days) - 1)
            self.slider.blockSignals(False)
            self._follow()
        self.setVisible(bool(days))

    def _toggled(self, wanted: bool) -> None:
        if wanted and self.days:
            self.show_day(self.days[self.slider.value()])
        else:
            self.show_all()

    def _moved(self, value: int) -> None:
        self.show_day(self.days[value])

    def _follow(self, *_: object) -> None:
        """Show the time of the map."""
        time: QgsDateTimeRange = self._canvas.temporalRange()
        filtered = not time.isInfinite()
        self.one_day.blockSignals(True)
        self.one_day.setChecked(filtered)
        self.one_day.blockSignals(False)
        shown = [number for number, day in enumerate(self.days) if time_of_layer(day).overlaps(time)]
        if filtered and shown:
            self.slider.blockSignals(True)
            self.slider.setValue(shown[-1])
            self.slider.blockSignals(False)
        self.back.setEnabled(self.slider.value() > 0)
        self.forth.setEnabled(self.slider.value() < len(self.days) - 1)
        self._say(time if filtered else None, shown)

    def _say(self, time: object, shown: List[int]) -> None:
        if not isinstance(time, QgsDateTimeRange):
            text = tr("Imagery of {count} days").format(count=len(self.days))
        elif len(shown) == 1:
            day = self.days[shown[0]]
            text = tr("{day} ({number} of {count})").format(
                day=day_text(day), number=shown[0] + 1, count=len(self.days)
            )
        elif shown:
            text = tr("Imagery of {count} days").format(count=len(shown))
        else:
            text = tr("{day}: no imagery").format(day=day_text(_iso(time.begin())))
        self.label.setText(text)
        self.label.setToolTip(text)


def _iso(time: QDateTime) -> str:
    return str(time.toUTC().date().toString(Qt.DateFormat.ISODate))
