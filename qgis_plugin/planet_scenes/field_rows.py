"""Form rows for the fields of a collection, of which each kind has its own widgets."""

from __future__ import annotations

from typing import Callable, Dict, List, Optional, Protocol, Sequence, Tuple

from qgis.gui import QgsDateEdit
from qgis.PyQt.QtCore import QDate, QObject, pyqtSignal
from qgis.PyQt.QtGui import QDoubleValidator
from qgis.PyQt.QtWidgets import QComboBox, QFormLayout, QLabel, QLineEdit, QWidget

from planet_scenes.dates import from_day, to_day
from planet_scenes.texts import tr
from planet_scenes.widgets import row_of
from planet_vector.collection_schema import CollectionSchema, SceneField

Parameters = List[Tuple[str, str]]


class FieldRow(Protocol):
    """Protocol for the widgets of one field."""

    widget: QWidget

    def parameters(self) -> Parameters:
        """Return the search parameters that the widgets contain, pairs of name and value."""

    def values(self) -> Sequence[str]:
        """Return the texts in the widgets."""

    def restore(self, values: Sequence[str]) -> None:
        """Set the texts in the widgets.

        Parameters
        ----------
        values : sequence of str
            What `values` returned.
        """


class FieldRows(QObject):
    """Rows for the fields of a collection that have no place elsewhere in the form.

    Parameters
    ----------
    form : QFormLayout
        The form that receives the rows.
    """

    changed = pyqtSignal()

    def __init__(self, form: QFormLayout) -> None:
        super().__init__(form)
        self._form = form
        self._form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        self.rows: Dict[str, FieldRow] = {}

    def fill(self, schema: Optional[CollectionSchema], without: Sequence[str]) -> None:
        """Show the fields of a collection; values of fields of the same name and kind are kept.

        Parameters
        ----------
        schema : CollectionSchema, optional
            The collection; None shows no fields.
        without : sequence of str
            Fields that have a place elsewhere.
        """
        kept = {name: (type(row), row.values()) for name, row in self.rows.items()}
        while self._form.rowCount():
            self._form.removeRow(0)
        self.rows = {}
        for field in _ordered(schema) if schema else ():
            maker = _maker_of(field) if field.name not in without else None
            if maker is None:
                continue
            row = maker(field, self.changed.emit)
            kind, values = kept.get(field.name, (None, ()))
            if kind is type(row):
                row.restore(values)
            self.rows[field.name] = row
            self._form.addRow(_label(field, schema.units.get(field.name) if schema else None), row.widget)

    def parameters(self) -> Parameters:
        """Return the search parameters of all rows, pairs of name and value; the query validates them."""
        return [pair for row in self.rows.values() for pair in row.parameters()]


class NumberRow:
    """Limits of a number.

    Parameters
    ----------
    field : SceneField
        The field.
    changed : callable
        Called when a limit changes.
    """

    def __init__(self, field: SceneField, changed: Callable[[], None]) -> None:
        self._name = field.name
        self.edits = QLineEdit(), QLineEdit()
        hints = (tr("from"), field.low), (tr("to"), field.high)
        for edit, (hint, limit) in zip(self.edits, hints):
            edit.setPlaceholderText(hint if limit is None else f"{hint} {edit.locale().toString(limit, 'g', 6)}")
            edit.setValidator(QDoubleValidator(edit))
            edit.setMinimumWidth(edit.fontMetrics().horizontalAdvance("00000"))
            edit.textChanged.connect(lambda *_: changed())
        self.widget = row_of(*self.edits)

    def parameters(self) -> Parameters:
        """Return the parameters as `FieldRow` does; a text that is not a number is passed on, for the error."""
        found = []
        for edit, comparator in zip(self.edits, ("gte", "lte")):
            text = edit.text().strip()
            if text:
                value, good = edit.locale().toDouble(text)
                found.append((f"{self._name}.{comparator}", f"{value:.15g}" if good else text))
        return found

    def values(self) -> Sequence[str]:
        """Return the texts as `FieldRow` does."""
        return [edit.text() for edit in self.edits]

    def restore(self, values: Sequence[str]) -> None:
        """Set the texts as `FieldRow` does."""
        for edit, text in zip(self.edits, values):
            edit.setText(text)


class TimeRow:
    """First and last day of a time.

    Parameters
    ----------
    field : SceneField
        The field.
    changed : callable
        Called when a day changes.
    """

    def __init__(self, field: SceneField, changed: Callable[[], None]) -> None:
        self._field = field
        self.edits = QgsDateEdit(), QgsDateEdit()
        for edit, hint in zip(self.edits, (tr("from"), tr("to"))):
            edit.setDisplayFormat("yyyy-MM-dd")
            edit.setCalendarPopup(True)
            edit.setNullRepresentation(hint)
            edit.setAllowNull(True)
            edit.clear()
            edit.valueChanged.connect(lambda *_: changed())
        self.widget = row_of(*self.edits, equally=True)

    def parameters(self) -> Parameters:
        """Return the parameters as `FieldRow` does."""
        found = []
        for edit, parameter_of in zip(self.edits, (from_day, to_day)):
            if not edit.isNull():
                found.append(parameter_of(self._field, edit.date()))
        return found

    def values(self) -> Sequence[str]:
        """Return the days as `FieldRow` does, in ISO format; empty for none."""
        return ["" if edit.isNull() else edit.date().toString("yyyy-MM-dd") for edit in self.edits]

    def restore(self, values: Sequence[str]) -> None:
        """Set the days as `FieldRow` does."""
        for edit, text in zip(self.edits, values):
            if text:
                edit.setDate(QDate.fromString(text, "yyyy-MM-dd"))


class ChoiceRow:
    """One of several texts: the least of an order, or a value out of a list that may be incomplete.

    Parameters
    ----------
    field : SceneField
        The field.
    changed : callable
        Called when the choice changes.
    """

    def __init__(self, field: SceneField, changed: Callable[[], None]) -> None:
        self._name = f"{field.name}.gte" if field.words else field.name
        self.box = self.widget = QComboBox()
        self.box.addItem(tr("Any"), "")
        for word in field.words[1:]:
            self.box.addItem(tr("{quality} or better").format(quality=word), word)
        for text in field.choices:
            self.box.addItem(text, text)
        self.box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.box.setMinimumContentsLength(5)
        self.box.setEditable(not field.words)
        self.box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.box.currentTextChanged.connect(lambda *_: changed())

    def parameters(self) -> Parameters:
        """Return the parameters as `FieldRow` does; a text that was typed is a value, too."""
        (value,) = self.values()
        return [(self._name, value)] if value else []

    def values(self) -> Sequence[str]:
        """Return the choice as `FieldRow` does."""
        number = self.box.findText(self.box.currentText())
        return [str(self.box.itemData(number)) if number >= 0 else self.box.currentText().strip()]

    def restore(self, values: Sequence[str]) -> None:
        """Set the choice as `FieldRow` does."""
        for text in values:
            number = self.box.findData(text)
            if number >= 0:
                self.box.setCurrentIndex(number)
            elif self.box.isEditable():
                self.box.setEditText(text)


class TextRow:
    """A text that a field must equal.

    Parameters
    ----------
    field : SceneField
        The field.
    changed : callable
        Called when the text changes.
    """

    def __init__(self, field: SceneField, changed: Callable[[], None]) -> None:
        self._name = field.name
        self.edit = self.widget = QLineEdit()
        if field.kind == "list":
            self.edit.setPlaceholderText(tr("several with commas between"))
        self.edit.textChanged.connect(lambda *_: changed())

    def parameters(self) -> Parameters:
        """Return the parameters as `FieldRow` does."""
        text = self.edit.text().strip()
        return [(self._name, text)] if text else []

    def values(self) -> Sequence[str]:
        """Return the text as `FieldRow` does."""
        return [self.edit.text()]

    def restore(self, values: Sequence[str]) -> None:
        """Set the text as `FieldRow` does."""
        self.edit.setText(values[0])


def _maker_of(field: SceneField) -> Optional[Callable[[SceneField, Callable[[], None]], FieldRow]]:
    """Return the class for a field; None if a form cannot offer it, such as a filter in JSON."""
    ranged = "gte" in field.comparators and not field.comparators.isdisjoint(("lt", "lte"))
    if field.kind in ("number", "integer") and ranged:
        return NumberRow
    if field.kind == "time":
        return TimeRow if ranged else None
    if field.kind == "words":
        return ChoiceRow if "gte" in field.comparators else None
    if field.kind in ("string", "list", "number", "integer") and "eq" in field.comparators:
        return ChoiceRow if field.choices else TextRow
    return None


def _ordered(schema: CollectionSchema) -> List[SceneField]:
    """Return the fields that are columns, in their order, then those that are no properties of scenes."""
    columns = [schema.fields[name] for name in schema.columns if name in schema.fields]
    return [*columns, *(field for field in schema.fields.values() if field.kind == "list")]


def _label(field: SceneField, unit: Optional[str]) -> QLabel:
    label = QLabel(f"{field.name} ({unit})" if unit else field.name)
    label.setToolTip(field.name)
    return label
