"""Filters of a search: dates, cloud cover, and every other field that the service supports."""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple

from qgis.gui import QgsCollapsibleGroupBoxBasic, QgsRangeSlider
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QDate, QObject, QTimer, pyqtSignal
from qgis.PyQt.QtGui import QDoubleValidator
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDateEdit,
    QFormLayout,
    QLabel,
    QLineEdit,
    QSpinBox,
    QWidget,
)

from planet_scenes.dates import from_day, to_day
from planet_scenes.texts import tr
from planet_scenes.widgets import row_of
from planet_vector.collection_schema import CollectionSchema, SceneField

BETWEEN = 0
"""Value of the preset that asks for two days."""

_EARLIEST = QDate(2009, 1, 1)  # RapidEye's first archive year


class Filters(QObject):
    """Form rows for the filters of a search.

    Parameters
    ----------
    form : QFormLayout
        The form that receives the rows.
    """

    changed = pyqtSignal()

    def __init__(self, form: QFormLayout) -> None:
        super().__init__(form)
        presets = (
            (tr("Any time"), None), (tr("Last 7 days"), 7), (tr("Last 30 days"), 30), (tr("Last 3 months"), 91),
            (tr("Last year"), 365), (tr("Between two days"), BETWEEN),
        )  # fmt: skip
        self.preset = QComboBox()
        for text, days in presets:
            self.preset.addItem(text, days)
        self.since, self.until = QDateEdit(_EARLIEST), QDateEdit(QDate.currentDate())
        self.cloud, self._cloud_text = QgsRangeSlider(), QLabel()
        self.cloud.setRangeLimits(0, 100)
        self.cloud.setRange(0, 100)
        self._cloud_text.setMinimumWidth(self._cloud_text.fontMetrics().horizontalAdvance("10 – 100 %"))
        self.quality, self.order = QComboBox(), QComboBox()
        self._schema: Optional[CollectionSchema] = None
        self._words: Optional[SceneField] = None
        self.order.addItems([tr("Newest first"), tr("Oldest first")])
        self.limited, self.limit = QCheckBox(tr("At most")), QSpinBox()
        self.limit.setRange(1, 1_000_000)
        self.limit.setValue(500)
        self.limit.setEnabled(False)
        self.ranges: Dict[str, Tuple[QLineEdit, QLineEdit]] = {}
        self.more = QgsCollapsibleGroupBoxBasic(tr("More fields"))
        self._more = QFormLayout(self.more)
        form.addRow(tr("Acquired"), self.preset)
        self._days = [form_row(form, tr("From"), self.since), form_row(form, tr("To"), self.until)]
        self._clouds = form_row(form, tr("Cloud"), row_of(self.cloud, self._cloud_text))
        self._qualities = form_row(form, tr("Quality"), self.quality)
        form.addRow(tr("Order"), self.order)
        form.addRow(self.limited, self.limit)
        form.addRow(self.more)
        self._listen()
        self._show_days()
        self._show_clouds()
        # QGIS collapses a group box by its height, which it has only once shown.
        QTimer.singleShot(0, self._fold)

    def set_schema(self, schema: Optional[CollectionSchema]) -> None:
        """Show the fields of a collection, and drop the values of other fields.

        Parameters
        ----------
        schema : CollectionSchema, optional
            The collection; None shows no fields.
        """
        self._schema = schema
        fields = schema.fields if schema else {}
        self._words = next((field for field in fields.values() if field.words and "gte" in field.comparators), None)
        chosen = self.quality.currentData()
        self.quality.clear()
        self.quality.addItem(tr("Any"), "")
        for word in self._words.words[1:] if self._words else ():
            self.quality.addItem(tr("{quality} or better").format(quality=word), word)
        self.quality.setCurrentIndex(max(0, self.quality.findData(chosen)))
        for widget in self._qualities:
            widget.setVisible(self._words is not None)
        for widget in self._clouds:
            widget.setVisible(schema is not None and schema.meanings.cloud_cover is not None)
        kept = {name: (low.text(), high.text()) for name, (low, high) in self.ranges.items()}
        while self._more.rowCount():
            self._more.removeRow(0)
        own = (schema.meanings.time, schema.meanings.published, schema.meanings.cloud_cover) if schema else ()
        columns = schema.columns if schema else {}
        names = [name for name in columns if name not in own and name in fields and _has_range(fields[name])]
        self.ranges = {name: self._range(name, *kept.get(name, ("", ""))) for name in names}
        self.more.setVisible(bool(self.ranges))

    def parameters(self) -> List[Tuple[str, str]]:
        """Return the filters as search parameters, pairs of name and value; the query validates them."""
        schema = self._schema
        if schema is None:
            return []
        found: List[Tuple[str, str]] = []
        days, time, cover = self.preset.currentData(), schema.meanings.time, schema.meanings.cloud_cover
        if days == BETWEEN:
            found += [from_day(schema.time_field, self.since.date()), to_day(schema.time_field, self.until.date())]
        elif days:
            found.append(from_day(schema.time_field, QDate.currentDate().addDays(-days)))
        if cover is not None and self.cloud.lowerValue() > 0:
            found.append((f"{cover}.gte", f"{schema.meanings.cover_of_percent(self.cloud.lowerValue()):g}"))
        if cover is not None and self.cloud.upperValue() < 100:
            found.append((f"{cover}.lte", f"{schema.meanings.cover_of_percent(self.cloud.upperValue()):g}"))
        if self._words is not None and self.quality.currentData():
            found.append((f"{self._words.name}.gte", self.quality.currentData()))
        for name, edits in self.ranges.items():
            for edit, comparator in zip(edits, ("gte", "lte")):
                text = edit.text().strip()
                if text:
                    value, good = edit.locale().toDouble(text)
                    found.append((f"{name}.{comparator}", f"{value:.15g}" if good else text))
        if self.order.currentIndex():
            found.append(("order_by", f"{time} asc"))
        if self.limited.isChecked():
            found.append(("limit", str(self.limit.value())))
        return found

    def time_text(self) -> str:
        """Return the time of the search as text; empty for any time."""
        if self.preset.currentData() == BETWEEN:
            return f"{self.since.text()} – {self.until.text()}"
        return self.preset.currentText() if self.preset.currentData() else ""

    def _listen(self) -> None:
        def tell(*_: object) -> None:
            self.changed.emit()

        for edit in (self.since, self.until):
            edit.setCalendarPopup(True)
            edit.setDisplayFormat("yyyy-MM-dd")
            edit.dateChanged.connect(tell)
        self.preset.currentIndexChanged.connect(self._show_days)
        self.cloud.rangeChanged.connect(self._show_clouds)
        self.limited.toggled.connect(self.limit.setEnabled)
        signals = (
            self.preset.currentIndexChanged, self.cloud.rangeChanged, self.quality.currentIndexChanged,
            self.order.currentIndexChanged, self.limited.toggled, self.limit.valueChanged,
        )  # fmt: skip
        for signal in signals:
            signal.connect(tell)

    def _range(self, name: str, low: str, high: str) -> Tuple[QLineEdit, QLineEdit]:
        edits = QLineEdit(low), QLineEdit(high)
        for edit, hint in zip(edits, (tr("from"), tr("to"))):
            edit.setPlaceholderText(hint)
            edit.setValidator(QDoubleValidator(edit))
            edit.setMinimumWidth(edit.fontMetrics().horizontalAdvance("00000"))
            edit.textChanged.connect(lambda *_: self.changed.emit())
        unit = self._schema.units.get(name) if self._schema else None
        label = QLabel(name.rpartition("image_statistics.")[2] + (f" ({unit})" if unit else ""))
        label.setToolTip(name)
        self._more.addRow(label, row_of(*edits))
        return edits

    def _show_days(self, *_: object) -> None:
        for widget in (widget for row in self._days for widget in row):
            widget.setVisible(self.preset.currentData() == BETWEEN)

    def _show_clouds(self, *_: object) -> None:
        low, high = self.cloud.lowerValue(), self.cloud.upperValue()
        self._cloud_text.setText(tr("any") if (low, high) == (0, 100) else f"{low} – {high} %")

    def _fold(self) -> None:
        if not sip.isdeleted(self.more):
            self.more.setCollapsed(True)


def _has_range(field: SceneField) -> bool:
    return field.kind in ("number", "integer") and "gte" in field.comparators


def form_row(form: QFormLayout, text: str, widget: QWidget) -> Tuple[QLabel, QWidget]:
    """Add a row to a form.

    Parameters
    ----------
    form : QFormLayout
        The form.
    text : str
        The label.
    widget : QWidget
        The widget.

    Returns
    -------
    tuple of QLabel and QWidget
        The label and the widget of the row, so that both can be hidden.
    """
    label = QLabel(text)
    form.addRow(label, widget)
    return label, widget
