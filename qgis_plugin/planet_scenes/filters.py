"""What to search for: dates, cloud cover, and every other field that the service filters."""

from __future__ import annotations

from datetime import timedelta
from typing import Dict, List, Optional, Tuple

from qgis.gui import QgsCollapsibleGroupBoxBasic
from qgis.PyQt.QtCore import QDate, Qt, QTimer, pyqtSignal
from qgis.PyQt.QtGui import QDoubleValidator
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDateEdit,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSlider,
    QSpinBox,
    QWidget,
)

from planet_scenes.texts import tr
from planet_vector.query import FIELDS, ORDERS, QUALITIES
from planet_vector.vector.schema import Schema

_EARLIEST = QDate(2009, 1, 1)  # RapidEye's first archive year
_UNITS = {
    "image_statistics.gsd": "m", "sat.off_nadir": "°", "sun.altitude": "°", "sun.azimuth": "°", "sat.alt": "km",
    "sat.azimuth_angle": "°", "sat.view_angle": "°", "sat.lat": "°", "sat.lng": "°", "area": "km²",
}  # fmt: skip
_OWN = ("acquired", "published", "cloud_cover.estimated", "image_statistics.image_quality")


class FilterForm(QWidget):
    """Choose what scenes must be like."""

    changed = pyqtSignal()

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._presets = (
            (tr("Any time"), None), (tr("Last 7 days"), 7), (tr("Last 30 days"), 30), (tr("Last 3 months"), 91),
            (tr("Last year"), 365), (tr("Between two days"), 0),
        )  # fmt: skip
        self.preset = QComboBox(self)
        for text, days in self._presets:
            self.preset.addItem(text, days)
        self.since, self.until = QDateEdit(_EARLIEST, self), QDateEdit(QDate.currentDate(), self)
        for edit in (self.since, self.until):
            edit.setCalendarPopup(True)
            edit.setDisplayFormat("yyyy-MM-dd")
            edit.dateChanged.connect(lambda *_: self.changed.emit())
        self._days = _row(self.since, QLabel("–"), self.until)
        self.cloud = QSlider(Qt.Orientation.Horizontal, self)
        self.cloud.setRange(0, 100)
        self.cloud.setValue(100)
        self.cloud_text = QLabel(self)
        self.cloud_text.setMinimumWidth(self.cloud_text.fontMetrics().horizontalAdvance("≤ 100 %"))
        self.quality = QComboBox(self)
        self.quality.addItem(tr("Any"), "")
        for word in QUALITIES[1:]:
            self.quality.addItem(tr("{quality} or better").format(quality=word), word)
        self.order = QComboBox(self)
        for text in (tr("Newest first"), tr("Oldest first")):
            self.order.addItem(text)
        self.limited, self.limit = QCheckBox(tr("At most"), self), QSpinBox(self)
        self.limit.setRange(1, 1_000_000)
        self.limit.setValue(500)
        self.ranges: Dict[str, Tuple[QLineEdit, QLineEdit]] = {}
        self.more = QgsCollapsibleGroupBoxBasic(tr("More fields"), self)
        self._more = QFormLayout(self.more)
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(tr("Acquired"), self.preset)
        form.addRow("", self._days)
        form.addRow(tr("Cloud"), _row(self.cloud, self.cloud_text))
        form.addRow(tr("Quality"), self.quality)
        form.addRow(tr("Order"), self.order)
        form.addRow(self.limited, self.limit)
        form.addRow(self.more)
        self.preset.currentIndexChanged.connect(self._preset)
        self.cloud.valueChanged.connect(self._clouds)
        self.quality.currentIndexChanged.connect(lambda *_: self.changed.emit())
        self.order.currentIndexChanged.connect(lambda *_: self.changed.emit())
        self.limited.toggled.connect(self.limit.setEnabled)
        self.limited.toggled.connect(lambda *_: self.changed.emit())
        self.limit.valueChanged.connect(lambda *_: self.changed.emit())
        self.limit.setEnabled(False)
        self._preset()
        self._clouds(100)
        # QGIS folds a box by its height; once shown it has one.
        QTimer.singleShot(0, lambda: self.more.setCollapsed(True))

    def set_scene_type(self, scene_type: str) -> None:
        """Offer the fields of a scene type; what was entered for others is dropped."""
        kept = {name: (low.text(), high.text()) for name, (low, high) in self.ranges.items()}
        while self._more.rowCount():
            self._more.removeRow(0)
        self.ranges = {}
        for name in Schema(scene_type).names:
            field = FIELDS.get(name)
            if (
                field is None
                or name in _OWN
                or field.kind not in ("number", "integer")
                or "gte" not in field.comparators
            ):
                continue
            low, high = (QLineEdit(text, self.more) for text in kept.get(name, ("", "")))
            for edit, hint in ((low, tr("from")), (high, tr("to"))):
                edit.setPlaceholderText(hint)
                edit.setValidator(QDoubleValidator(edit))
                edit.textChanged.connect(lambda *_: self.changed.emit())
            unit = f" ({_UNITS[name]})" if name in _UNITS else ""
            label = QLabel(name.replace("image_statistics.", "") + unit, self.more)
            label.setToolTip(name)
            self._more.addRow(label, _row(low, high))
            self.ranges[name] = low, high
        self.more.setVisible(bool(self.ranges))

    def parameters(self) -> List[Tuple[str, str]]:
        """Return the filters as parameters of a search."""
        found: List[Tuple[str, str]] = []
        days = self.preset.currentData()
        if days == 0:
            found.append(("acquired.gte", self.since.date().toString(Qt.DateFormat.ISODate)))
            after = self.until.date().addDays(1)
            found.append(("acquired.lt", after.toString(Qt.DateFormat.ISODate)))
        elif days:
            first = QDate.currentDate().toPyDate() - timedelta(days=days)
            found.append(("acquired.gte", first.isoformat()))
        if self.cloud.value() < 100:
            found.append(("cloud_cover.estimated.lte", str(self.cloud.value())))
        if self.quality.currentData():
            found.append(("image_statistics.image_quality.gte", self.quality.currentData()))
        for name, edits in self.ranges.items():
            for edit, comparator in zip(edits, ("gte", "lte")):
                text = edit.text().strip()
                if text:
                    value, good = edit.locale().toDouble(text)
                    found.append((f"{name}.{comparator}", f"{value:g}" if good else text))
        if self.order.currentIndex():
            found.append(("order_by", ORDERS[self.order.currentIndex()]))
        if self.limited.isChecked():
            found.append(("limit", str(self.limit.value())))
        return found

    def _preset(self) -> None:
        self._days.setVisible(self.preset.currentData() == 0)
        self.changed.emit()

    def _clouds(self, cover: int) -> None:
        self.cloud_text.setText(f"≤ {cover} %" if cover < 100 else tr("any"))
        self.changed.emit()


def _row(*widgets: QWidget) -> QWidget:
    made = QWidget()
    row = QHBoxLayout(made)
    row.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        row.addWidget(widget, 0 if isinstance(widget, QLabel) else 1)
    return made
