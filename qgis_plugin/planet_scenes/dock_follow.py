"""The layer of the dock that follows the map: starts and ends with its button, and takes up changes of the search."""

from __future__ import annotations

from typing import Optional

from qgis.gui import QgisInterface
from qgis.PyQt.QtCore import QObject, pyqtSignal
from qgis.PyQt.QtWidgets import QToolButton

from planet_scenes.connections import connections
from planet_scenes.follow import FollowMap
from planet_scenes.texts import tr

_CAP = 500  # scenes shown while following the map


class Following(QObject):
    """Manages the layer that follows the map; there is one at most.

    Parameters
    ----------
    iface : QgisInterface
        The QGIS application whose map is followed.
    button : QToolButton
        The button that shows whether the map is followed.

    Attributes
    ----------
    follower : FollowMap, optional
        What follows the map; None if nothing does.
    """

    said = pyqtSignal(str)
    """Emitted with a sentence: the number of scenes in view."""

    def __init__(self, iface: QgisInterface, button: QToolButton) -> None:
        super().__init__(button)
        self.follower: Optional[FollowMap] = None
        self._iface, self._button = iface, button

    def start(self, name: str, title: str) -> None:
        """Add a layer of a search that follows the map.

        Parameters
        ----------
        name : str
            The ``PLANET:`` name of the search.
        title : str
            Name of the layer.
        """
        self.follower = FollowMap(self._iface, connections().current(), name, _CAP, title)
        self.follower.told.connect(self._tell)
        self.follower.ended.connect(self._end)
        self.follower.start()
        self.show_state()

    def stop(self) -> None:
        """Stop following the map; the layer stays."""
        if self.follower is not None:
            self.follower.stop()
        self.show_state()

    def search(self, name: str) -> None:
        """Show another search in the layer, if there is one.

        Parameters
        ----------
        name : str
            The ``PLANET:`` name of the search.
        """
        if self.follower is not None:
            self.follower.search(name)

    def show_state(self) -> None:
        """Check the button while the map is followed."""
        self._button.setChecked(self.follower is not None)

    def _tell(self, shown: int, count: int) -> None:
        if shown < count:
            text = tr("{shown:,} of {count:,} scenes in view: zoom in to see all.").format(shown=shown, count=count)
        else:
            text = tr("{count:,} scenes in view").format(count=count)
        self.said.emit(text)

    def _end(self) -> None:
        self.follower = None
        self.show_state()
