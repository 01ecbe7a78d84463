"""The browser panel: connections, each with its scene types, saved searches and basemaps.

Requests are made in `createChildren`, which QGIS calls in its own thread; an error there becomes an error item.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Callable, List, Optional

from qgis.core import (
    Qgis,
    QgsDataCollectionItem,
    QgsDataItem,
    QgsDataItemProvider,
    QgsDataProvider,
    QgsErrorItem,
    QgsLayerItem,
)
from qgis.PyQt import sip
from qgis.PyQt.QtWidgets import QAction, QInputDialog, QMessageBox, QWidget

from planet_scenes import core, layers, messages, products
from planet_scenes.connection import Connection
from planet_scenes.connection_dialog import ask_for_connection
from planet_scenes.connections import connections
from planet_scenes.icons import icon
from planet_scenes.log_in_fields import ask_for_key
from planet_scenes.stac_import_dialog import ask_for_import
from planet_scenes.texts import tr
from planet_vector.catalog import connect
from planet_vector.errors import NotFoundError, PlanetVectorError
from planet_vector.names import BASEMAPS, Name

ROOT = "planet_scenes:"
"""Path of the root item in the tree; the paths of its descendants begin with it."""


class ItemProvider(QgsDataItemProvider):
    """Provider of the browser tree's root item."""

    def name(self) -> str:
        """Return the name of the provider."""
        return "Planet Scenes"

    def capabilities(self) -> int:
        """Return the capabilities: network data."""
        return QgsDataProvider.DataCapability.Net

    def createDataItem(self, path: str, parent: Optional[QgsDataItem]) -> Optional[QgsDataItem]:
        """Return the root item, or None for any path but the top of the tree.

        Parameters
        ----------
        path : str
            The path of the requested item.
        parent : QgsDataItem, optional
            Its parent.
        """
        if path:
            return None
        root = RootItem()
        sip.transferto(root, None)  # the tree owns it from now on
        return root


class _Collection(QgsDataCollectionItem):
    """Base class of items with children; subclasses provide the children and the menu."""

    ICON = "planet"

    def __init__(self, parent: Optional[QgsDataItem], name: str, path: str) -> None:
        super().__init__(parent, name, path, "planet_scenes")
        self.setIcon(icon(self.ICON))

    def createChildren(self) -> List[QgsDataItem]:
        """Return the children, or an error item."""
        try:
            found = self.inner()
        except PlanetVectorError as error:
            found = [QgsErrorItem(self, core.errors_told(error), f"{self.path()}/error")]
        for item in found:
            sip.transferto(item, self)
        return found

    def inner(self) -> List[QgsDataItem]:
        """Return the children; a `PlanetVectorError` becomes an error item."""
        raise NotImplementedError


class RootItem(_Collection):
    """Root item: the connections."""

    def __init__(self) -> None:
        super().__init__(None, "Planet Scenes", ROOT)
        connections().changed.connect(self.refresh)

    def inner(self) -> List[QgsDataItem]:
        """Return an item for each connection."""
        return [ConnectionItem(self, connection) for connection in connections().all()]

    def actions(self, parent: QWidget) -> List[QAction]:
        """Return the actions of the context menu.

        Parameters
        ----------
        parent : QWidget
            Parent of the actions and of their dialogs.
        """
        return [
            _action(parent, tr("New connection…"), "connection", lambda: ask_for_connection(parent)),
            _action(parent, tr("Import QGIS's STAC connections…"), "", lambda: _told(lambda: ask_for_import(parent))),
        ]


class ConnectionItem(_Collection):
    """A connection: its scene types, saved searches and basemaps."""

    ICON = "connection"

    def __init__(self, parent: QgsDataItem, connection: Connection) -> None:
        self.connection = connection
        super().__init__(parent, connection.name, f"{ROOT}/{connection.name}")
        self.setToolTip(connection.url)

    def inner(self) -> List[QgsDataItem]:
        """Return the folders of the connection."""
        found = [TypesItem(self), SearchesItem(self)]
        with suppress(NotFoundError):  # services of this kind have no basemaps
            connect(self.connection.url).basemaps  # noqa: B018 - raises the error, without a request
            found.append(BasemapsItem(self))
        return found

    def actions(self, parent: QWidget) -> List[QAction]:
        """Return the actions of the context menu.

        Parameters
        ----------
        parent : QWidget
            Parent of the actions and of their dialogs.
        """
        name = self.connection.name
        found = [_action(parent, tr("Use for searches"), "search", lambda: connections().set_current(name))]
        if connections().logged_in(name):
            found.append(_action(parent, tr("Log out"), "login", lambda: connections().log_out(name)))
        else:
            found.append(_action(parent, tr("Log in…"), "login", lambda: ask_for_key(name, parent)))
        if connections().may_rename(name):
            found.append(_action(parent, tr("Rename…"), "", lambda: _rename(parent, name, connections().rename)))
        if connections().is_own(name):
            what = tr("the connection {name}").format(name=name)
            found.append(
                _action(parent, tr("Remove"), "", lambda: _remove(parent, what, lambda: connections().remove(name)))
            )
        return found


class _Part(_Collection):
    """Base class of the folders of a connection."""

    def __init__(self, parent: ConnectionItem, name: str, path: str) -> None:
        self.connection = parent.connection
        super().__init__(parent, name, f"{parent.path()}/{path}")


class TypesItem(_Part):
    """The scene types of a service, each as a layer of all its scenes."""

    ICON = "scenes"

    def __init__(self, parent: ConnectionItem) -> None:
        super().__init__(parent, tr("Scene types"), "types")

    def inner(self) -> List[QgsDataItem]:
        """Return a layer item for each scene type."""
        return [
            TypeItem(self, scene_type, self.connection.name_of(scene_type))
            for scene_type in self.connection.catalog().scene_types()
        ]


class SearchesItem(_Part):
    """The saved searches of a connection."""

    ICON = "search"

    def __init__(self, parent: ConnectionItem) -> None:
        super().__init__(parent, tr("Saved searches"), "searches")
        connections().changed.connect(self.refresh)

    def inner(self) -> List[QgsDataItem]:
        """Return a layer item for each saved search, sorted by title."""
        searches = connections().searches(self.connection.name)
        return [SearchItem(self, title, name) for title, name in sorted(searches.items())]


class BasemapsItem(_Part):
    """The basemaps of a service, each as a raster of its tiles."""

    ICON = "mosaic"

    def __init__(self, parent: ConnectionItem) -> None:
        super().__init__(parent, tr("Basemaps"), BASEMAPS)

    def inner(self) -> List[QgsDataItem]:
        """Return a layer item for each basemap."""
        found = []
        for body in self.connection.catalog().basemaps.list():
            name = str(Name(BASEMAPS, body["name"], parameters=(("api_url", self.connection.url),)))
            found.append(BasemapItem(self, str(body.get("title") or body["name"]), name))
        return found


class LayerItem(QgsLayerItem):
    """A search: can be dragged onto the map or opened by a double click."""

    ICON = "scenes"

    def __init__(self, parent: _Part, title: str, name: str) -> None:
        self.connection = parent.connection
        vector = Qgis.BrowserLayerType.Vector
        super().__init__(parent, title, f"{parent.path()}/{title}", name, vector, "ogr")
        self.setIcon(icon(self.ICON))
        self.setToolTip(name)
        self.setState(QgsDataItem.State.Populated)

    def handleDoubleClick(self) -> bool:
        """Add the layer to the project.

        Returns
        -------
        bool
            True: the event is handled.
        """
        self.add()
        return True

    def actions(self, parent: QWidget) -> List[QAction]:
        """Return the actions of the context menu.

        Parameters
        ----------
        parent : QWidget
            Parent of the actions.
        """
        return [_action(parent, tr("Add to the map"), "scenes", self.add)]

    def add(self) -> None:
        """Add the layer to the project."""
        _told(lambda: layers.add_search_layer(self.connection, self.uri(), self.name()))


class TypeItem(LayerItem):
    """A collection: can be searched in the panel, or opened as a layer of all its scenes."""

    def actions(self, parent: QWidget) -> List[QAction]:
        """Return the actions of the context menu.

        Parameters
        ----------
        parent : QWidget
            Parent of the actions.
        """
        search: Callable[[], Any] = lambda: connections().chosen.emit(self.connection.name, self.name())  # noqa: E731
        return [*super().actions(parent), _action(parent, tr("Search in the panel"), "search", search)]


class SearchItem(LayerItem):
    """A saved search."""

    ICON = "search"

    def actions(self, parent: QWidget) -> List[QAction]:
        """Return the actions of the context menu.

        Parameters
        ----------
        parent : QWidget
            Parent of the actions and of their dialogs.
        """
        owner, title = self.connection.name, self.name()
        rename: Callable[[str, str], Any] = lambda old, new: connections().rename_search(owner, old, new)  # noqa: E731
        remove: Callable[[], Any] = lambda: connections().remove_search(owner, title)  # noqa: E731
        return [
            *super().actions(parent),
            _action(parent, tr("Rename…"), "", lambda: _rename(parent, title, rename)),
            _action(
                parent, tr("Remove"), "", lambda: _remove(parent, tr("the search {name}").format(name=title), remove)
            ),
        ]


class BasemapItem(LayerItem):
    """A basemap: dragging it adds the layer of its quads, opening it adds its tiles."""

    ICON = "mosaic"

    def actions(self, parent: QWidget) -> List[QAction]:
        """Return the actions of the context menu.

        Parameters
        ----------
        parent : QWidget
            Parent of the actions.
        """
        quads: Callable[[], Any] = lambda: layers.add_search_layer(self.connection, self.uri(), self.name())  # noqa: E731
        return [
            _action(parent, tr("Add to the map"), "mosaic", self.add),
            _action(parent, tr("Add its quads as a layer"), "scenes", lambda: _told(quads)),
        ]

    def add(self) -> None:
        """Add the tiles to the project."""
        _told(lambda: products.add_tiles(self.connection, self.uri()))


def _action(parent: QWidget, text: str, picture: str, call: Callable[[], Any]) -> QAction:
    action = QAction(text, parent)
    if picture:
        action.setIcon(icon(picture))
    action.triggered.connect(lambda *_: call())
    return action


def _told(call: Callable[[], Any]) -> None:
    """Call a function, and show its error in the message bar."""
    try:
        call()
    except PlanetVectorError as error:
        messages.tell(core.errors_told(error), Qgis.MessageLevel.Warning)


def _rename(parent: QWidget, old: str, rename: Callable[[str, str], Any]) -> None:
    new, accepted = QInputDialog.getText(parent, tr("Rename"), tr("New name:"), text=old)
    if accepted and new.strip() and new.strip() != old:
        _told(lambda: rename(old, new.strip()))


def _remove(parent: QWidget, what: str, remove: Callable[[], Any]) -> None:
    question = tr("Remove {what}?").format(what=what)
    if QMessageBox.question(parent, tr("Remove"), question) == QMessageBox.StandardButton.Yes:
        _told(remove)
