"""Live count of the scenes of a search, with the reason if there are none."""

from __future__ import annotations

from typing import Any, Callable, Optional, Tuple

from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from planet_scenes import core, empty
from planet_scenes.tasks import Task
from planet_scenes.texts import tr
from planet_vector.catalog import Catalog
from planet_vector.errors import PlanetVectorError
from planet_vector.query import Query

_REST = 500  # milliseconds without a change before counting

Search = Tuple[Catalog, Query]
"""The client and the search."""


class Counter(QObject):
    """Counts the scenes of a search once it stops changing; fetches no scenes.

    Parameters
    ----------
    search : callable
        Returns the search, or None if it is not known yet; the message of a `PlanetVectorError` it raises is shown.
    parent : QObject, optional
        The parent object.
    """

    said = pyqtSignal(str)
    """Emitted with a sentence: the number of scenes, why there are none, or an error."""

    counted = pyqtSignal(int)

    def __init__(self, search: Callable[[], Optional[Search]], parent: Optional[QObject] = None) -> None:
        super().__init__(parent)
        self._search = search
        self._task: Optional[Task] = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_REST)
        self._timer.timeout.connect(self.now)

    def soon(self) -> None:
        """Count once the search has not changed for half a second."""
        self._timer.start()

    def now(self) -> None:
        """Count immediately."""
        self.stop()
        try:
            search = self._search()
        except PlanetVectorError as error:
            self.said.emit(core.errors_told(error))
            return
        if search is None:
            self.said.emit(tr("Asking the service …"))
            return
        catalog, query = search
        self.said.emit(tr("Counting …"))

        def work(feedback: Any) -> Tuple[int, str]:
            count = catalog.count(query)
            if count is None:
                return 0, tr("The service does not count.")
            return count, count_text(count) if count else empty.why(catalog, query)

        # Ignore the count of an earlier search.
        def done(counted: Tuple[int, str]) -> None:
            if task is self._task:
                self._task = None
                self.said.emit(counted[1])
                self.counted.emit(counted[0])

        def failed(error: BaseException) -> None:
            if task is self._task:
                self._task = None
                self.said.emit(core.errors_told(error))

        self._task = task = Task.start(tr("Counting scenes"), work, done, failed)

    def stop(self) -> None:
        """Stop counting."""
        self._timer.stop()
        if self._task is not None:
            self._task.cancel()
            self._task = None


def count_text(count: int) -> str:
    """Return a number of scenes as text.

    Parameters
    ----------
    count : int
        The number of scenes.
    """
    return tr("1 scene") if count == 1 else tr("{count:,} scenes").format(count=count)
