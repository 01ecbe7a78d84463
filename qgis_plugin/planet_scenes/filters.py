"""Filters of a search: dates, cloud cover, and every other field of the collection."""

from __future__ import annotations

from typing import List, Optional, Tuple

from qgis.gui import QgsCollapsibleGroupBoxBasic, QgsRangeSlider
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QDate, QObject, QTimer, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDateEdit,
    QFormLayout,
    QLabel,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from planet_scenes.dates import from_day, to_day
from planet_scenes.field_rows import FieldRows
from planet_scenes.texts import tr
from planet_scenes.widgets import row_of
from planet_vector.collection_schema import CollectionSchema

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
        self.order = QComboBox()
        self._schema: Optional[CollectionSchema] = None
        self.order.addItems([tr("Newest first"), tr("Oldest first")])
        self.limited, self.limit = QCheckBox(tr("At most")), QSpinBox()
        self.limit.setRange(1, 1_000_000)
        self.limit.setValue(500)
        self.limit.setEnabled(False)
        self.more = QgsCollapsibleGroupBoxBasic(tr("More fields"))
        column = QVBoxLayout(self.more)
        general, own = QFormLayout(), QFormLayout()
        general.addRow(tr("Order"), self.order)
        general.addRow(self.limited, self.limit)
        column.addLayout(general)
        column.addLayout(own)
        self.fields = FieldRows(own)
        self._when = form_row(form, tr("Acquired"), self.preset)
        self._days = form_row(form, tr("From – to"), row_of(self.since, self.until, equally=True))
        self._clouds = form_row(form, tr("Cloud"), row_of(self.cloud, self._cloud_text))
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
        for widget in self._clouds:
            widget.setVisible(schema is not None and schema.meanings.cloud_cover is not None)
        meanings = schema.meanings if schema else None
        for widget in self._when:
            widget.setVisible(meanings is None or bool(meanings.time))
        self._show_days()
        elsewhere = (meanings.time, meanings.cloud_cover) if meanings else ()
        self.fields.fill(schema, [name for name in elsewhere if name])

    def parameters(self) -> List[Tuple[str, str]]:
        """Return the filters as search parameters, pairs of name and value; the query validates them."""
        schema = self._schema
        if schema is None:
            return []
        found: List[Tuple[str, str]] = []
        time, cover = schema.meanings.time, schema.meanings.cloud_cover
        days = self.preset.currentData() if time else None
        if days == BETWEEN:
            found += [from_day(schema.time_field, self.since.date()), to_day(schema.time_field, self.until.date())]
        elif days:
            found.append(from_day(schema.time_field, QDate.currentDate().addDays(-days)))
        if cover is not None and self.cloud.lowerValue() > 0:
            found.append((f"{cover}.gte", f"{schema.meanings.cover_of_percent(self.cloud.lowerValue()):g}"))
        if cover is not None and self.cloud.upperValue() < 100:
            found.append((f"{cover}.lte", f"{schema.meanings.cover_of_percent(self.cloud.upperValue()):g}"))
        found += self.fields.parameters()
        if self.order.currentIndex() and f"{time} asc" in schema.orders:
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
        self.fields.changed.connect(tell)
        self.cloud.rangeChanged.connect(self._show_clouds)
        self.limited.toggled.connect(self.limit.setEnabled)
        signals = (
            self.preset.currentIndexChanged, self.cloud.rangeChanged,
            self.order.currentIndexChanged, self.limited.toggled, self.limit.valueChanged,
        )  # fmt: skip
        for signal in signals:
            signal.connect(tell)

    def _show_days(self, *_: object) -> None:
        for widget in self._days:
            widget.setVisible(not self.preset.isHidden() and self.preset.currentData() == BETWEEN)

    def _show_clouds(self, *_: object) -> None:
        low, high = self.cloud.lowerValue(), self.cloud.upperValue()
        self._cloud_text.setText(tr("any") if (low, high) == (0, 100) else f"{low} – {high} %")

    def _fold(self) -> None:
        if not sip.isdeleted(self.more):
            self.more.setCollapsed(True)


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
