"""The two halves of the dock, and how they share its height."""

from __future__ import annotations

from typing import Any

from qgis.PyQt import sip
from qgis.PyQt.QtCore import Qt, QTimer
from qgis.PyQt.QtWidgets import QSplitter

from planet_scenes.dock_form import SearchForm
from planet_scenes.dock_results import ResultsPanel

_MOST_FORM = 0.6  # of the height, for the form


class Halves(QSplitter):
    """Splitter that gives the form the height it needs, up to a share, and the results the rest.

    Once the user has divided the height, that stays.

    Parameters
    ----------
    form : SearchForm
        The upper half.
    panel : ResultsPanel
        The lower half.
    """

    def __init__(self, form: SearchForm, panel: ResultsPanel) -> None:
        super().__init__(Qt.Orientation.Vertical)
        self._form = form
        self._divided = False  # by the user
        self.addWidget(form)
        self.addWidget(panel)
        self.setStretchFactor(1, 1)
        self.setChildrenCollapsible(False)
        self.splitterMoved.connect(self._divide)
        form.resized.connect(self._share_later)

    def showEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Divide the height when the dock is shown.

        Parameters
        ----------
        event : QShowEvent
            The event.
        """
        super().showEvent(event)
        self._share_later()

    def _share_later(self) -> None:
        QTimer.singleShot(0, self._share)  # the form's height is known after its layout

    def _share(self) -> None:
        if self._divided or sip.isdeleted(self):
            return
        wanted, room = self._form.widget().sizeHint().height(), self.height()
        wanted = min(wanted, int(room * _MOST_FORM))
        if self.sizes()[0] != wanted:
            self.setSizes([wanted, max(room - wanted, 0)])

    def _divide(self, *_: object) -> None:
        self._divided = True
