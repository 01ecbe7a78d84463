"""Connections: services, their keys, and their saved searches.

Names and URLs are in the file that commands and Python share (`planet_vector.connection_file`). QGIS's settings hold,
by the root URL of a service, the id of the authentication configuration with its key, and its saved searches
(`service_settings`). Keys are in the authentication manager (`stored_keys`) and, while QGIS runs, in this process's
memory, where the driver looks them up by root.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Dict, List, Mapping, Optional, Tuple, Union

from qgis.core import Qgis, QgsApplication, QgsSettings
from qgis.PyQt.QtCore import QObject, QThread, pyqtSignal

from planet_scenes import messages, service_settings
from planet_scenes.connection import Connection
from planet_scenes.service_settings import Entries, read_services, write_services
from planet_scenes.stored_keys import check_method, delete_key, store_key
from planet_scenes.texts import tr
from planet_vector.config import Settings
from planet_vector.connection_file import add_connection, own_names, remove_connection, rename_connection, set_access
from planet_vector.connection_lookup import all_connections, default_connection
from planet_vector.connections import BUILT_IN, ENVIRONMENT
from planet_vector.errors import AuthError, ConfigError
from planet_vector.keys import Key, lend_key, lent_key, withdraw_key
from planet_vector.roots import normalise_url
from planet_vector.vector.result_cache import CACHE

_CURRENT = "planet_scenes/current"  # kept by QGIS: where PL_API_URL is set, the default of the file does not apply


class Connections(QObject):
    """Stores the connections; `connections` returns the one instance."""

    changed = pyqtSignal()
    """Emitted when a connection, a log-in or a saved search has changed."""

    chosen = pyqtSignal(str, str)
    """Emitted with a connection and a collection that the user wants to search in the dock."""

    _said = ""

    def __init__(self) -> None:
        super().__init__()
        self._log_ins: Dict[str, int] = {}  # by root

    def all(self) -> List[Connection]:
        """Return all connections, as `planet_vector.connection_lookup.all_connections` does.

        If the file of connections cannot be used, the message bar shows why, and only the built-in ones are returned.
        """
        services = read_services()
        try:
            self._take_over()
            found = all_connections()
            self._said = ""
        except ConfigError as error:
            main = QgsApplication.instance()
            if main is not None and QThread.currentThread() is not main.thread():
                raise  # tasks and algorithms report errors themselves
            found = list(BUILT_IN.values())
            if str(error) != self._said:
                self._said = str(error)
                messages.tell(self._said, Qgis.MessageLevel.Warning)
        return [
            Connection(known.name, known.root, str(services.get(known.root, {}).get("authcfg", "")), known.kind)
            for known in found
        ]

    def get(self, name: str) -> Connection:
        """Return a connection by its name.

        Parameters
        ----------
        name : str
            The name.

        Raises
        ------
        ConfigError
            If there is no connection of that name.
        """
        for connection in self.all():
            if connection.name == name:
                return connection
        raise ConfigError(tr("There is no connection {name}: add it in the options.").format(name=repr(name)))

    def find(self, text: str) -> Connection:
        """Return a connection by its name, or by the root URL of its service.

        For a URL without a connection, a temporary connection is returned. It uses the key that
        `planet_vector.config.Settings.load` finds for the URL.

        Parameters
        ----------
        text : str
            A name or a root URL.

        Raises
        ------
        ConfigError
            If there is no connection of that name, or the URL is not valid.
        """
        text, found = text.strip(), self.all()
        if "://" in text:
            root = normalise_url(text)
            return next((known for known in found if known.url == root), Connection(root, root))
        for connection in found:
            if connection.name == text:
                return connection
        raise ConfigError(
            tr("There is no connection {name}: give one of {those}, or the root URL of a service.").format(
                name=repr(text), those=", ".join(repr(connection.name) for connection in found)
            )
        )

    def is_own(self, name: str) -> bool:
        """Return True if the user added the connection, so that it can be removed.

        Parameters
        ----------
        name : str
            The connection.
        """
        return name in own_names()

    def may_rename(self, name: str) -> bool:
        """Return True if a connection can be renamed: the user's own, or that of the environment (stored on renaming).

        Parameters
        ----------
        name : str
            The connection.
        """
        return name == ENVIRONMENT or self.is_own(name)

    def current(self) -> Connection:
        """Return the connection used by searches: the one chosen in QGIS, else the default."""
        name = QgsSettings().value(_CURRENT, "")
        found = self.all()
        chosen = next((connection for connection in found if connection.name == name), None)
        if chosen is not None or self._said:
            return chosen or found[0]
        return self.get(default_connection().name)

    def set_current(self, name: str) -> None:
        """Use a connection for searches.

        Parameters
        ----------
        name : str
            The connection.
        """
        QgsSettings().setValue(_CURRENT, self.get(name).name)
        self.changed.emit()

    def add(self, connection: Connection) -> None:
        """Add a connection.

        Parameters
        ----------
        connection : Connection
            The connection.

        Raises
        ------
        ConfigError
            If the name is taken or empty, the root URL is not valid, or another connection has the same root: keys
            belong to roots, so both would share one; or if its method of authentication is not supported.
        """
        check_method(connection.authcfg)
        self._take_over()
        made = add_connection(connection.name, connection.url, connection.kind)
        self._change(made.root, authcfg=connection.authcfg)

    def rename(self, old: str, new: str) -> None:
        """Rename a connection; that of the environment is stored under the new name.

        Parameters
        ----------
        old, new : str
            The present and the new name.

        Raises
        ------
        ConfigError
            If the new name is not valid, or the connection is built in.
        """
        chosen = QgsSettings().value(_CURRENT, "") == old
        if old == ENVIRONMENT:
            add_connection(new, self.get(old).url)
        else:
            rename_connection(old, new)
        if chosen:
            QgsSettings().setValue(_CURRENT, new.strip())
        self.changed.emit()

    def remove(self, name: str) -> None:
        """Delete a connection, its key and its saved searches.

        Parameters
        ----------
        name : str
            The connection.

        Raises
        ------
        ConfigError
            If the user did not add it.
        """
        connection = self.get(name)
        remove_connection(name)
        self._forget_key(connection)
        kept = read_services()
        kept.pop(connection.url, None)
        self._write(kept)

    def log_in(self, name: str, key: Union[str, Key]) -> None:
        """Store a key in the authentication manager, which may ask for its master password.

        Parameters
        ----------
        name : str
            The connection.
        key : str or Key
            The key; a text is sent as usual for the kind of service.

        Raises
        ------
        ConfigError
            If the key is not valid, or the manager cannot store it.
        """
        connection = self.get(name)
        key = Key(key, "QGIS") if isinstance(key, str) else key
        authcfg = store_key(name, connection.url, key)
        self._forget_key(connection)  # GDAL would go on to send the earlier key from its file
        lend_key(connection.url, key)
        self._count_log_in(connection.url)
        self._change(connection.url, authcfg=authcfg)

    def use_stored(self, name: str, authcfg: str) -> None:
        """Use a configuration of the user's own in the authentication manager, which is referred to and not copied.

        Parameters
        ----------
        name : str
            The connection.
        authcfg : str
            Id of the authentication configuration.

        Raises
        ------
        ConfigError
            If its method of authentication is not supported.
        """
        check_method(authcfg)
        connection = self.get(name)
        self._forget_key(connection)
        self._count_log_in(connection.url)
        self._change(connection.url, authcfg=authcfg)

    def log_out(self, name: str) -> None:
        """Delete the key of a connection here and in the authentication manager, and the data read with it.

        Parameters
        ----------
        name : str
            The connection.
        """
        connection = self.get(name)
        self._forget_key(connection)
        self._change(connection.url, authcfg="")

    def change_access(self, name: str, changes: Mapping[str, object]) -> None:
        """Change how the files of a connection's scenes are accessed; the file of connections holds it.

        Parameters
        ----------
        name : str
            The connection.
        changes : mapping of str to object
            As `planet_vector.asset_access.AssetAccess.with_changes` takes them.

        Raises
        ------
        ConfigError
            If a value is invalid, or the file cannot be written.
        """
        set_access(name, changes)
        CACHE.clear()
        self.changed.emit()

    def logged_in(self, name: str) -> bool:
        """Return True if there is a key for a connection; does not read it.

        Parameters
        ----------
        name : str
            The connection.
        """
        connection = self.get(name)
        return bool(connection.authcfg) or lent_key(connection.url) is not None

    def log_ins(self) -> Dict[str, Tuple[str, int]]:
        """Return the present log-ins; another log-in to a service, also with the same key, has another value.

        Returns
        -------
        dict of str to (str, int)
            Id of the authentication configuration, and number of log-ins in this session, by root.
        """
        return {
            connection.url: (connection.authcfg, self._log_ins.get(connection.url, 0))
            for connection in self.all()
            if self.logged_in(connection.name)
        }

    def refusing(self, error: BaseException) -> str:
        """Return the name of the connection with the key that a service refused, or an empty text.

        Parameters
        ----------
        error : BaseException
            The error of the request.
        """
        root = error.root if isinstance(error, AuthError) else ""
        return next((connection.name for connection in self.all() if root and connection.url == root), "")

    def searches(self, name: str) -> Dict[str, str]:
        """Return the saved searches of a connection.

        Parameters
        ----------
        name : str
            The connection.

        Returns
        -------
        dict of str to str
            ``PLANET:`` names by title.
        """
        return dict(read_services().get(self.get(name).url, {}).get("searches", {}))

    def save_search(self, name: str, title: str, planet_name: str) -> None:
        """Save a search under a title; a saved search with the same title is replaced.

        Parameters
        ----------
        name : str
            The connection.
        title : str
            The title.
        planet_name : str
            The ``PLANET:`` name of the search.
        """
        self._change(self.get(name).url, searches={**self.searches(name), title: planet_name})

    def rename_search(self, name: str, old: str, new: str) -> None:
        """Rename a saved search.

        Parameters
        ----------
        name : str
            The connection.
        old, new : str
            The present and the new title.

        Raises
        ------
        ConfigError
            If the new title is empty or taken.
        """
        kept = self.searches(name)
        if not new.strip() or new in kept:
            raise ConfigError(tr("Choose another title: it is empty or taken."))
        kept[new.strip()] = kept.pop(old)
        self._change(self.get(name).url, searches=kept)

    def remove_search(self, name: str, title: str) -> None:
        """Delete a saved search.

        Parameters
        ----------
        name : str
            The connection.
        title : str
            The title of the search.
        """
        kept = self.searches(name)
        kept.pop(title, None)
        self._change(self.get(name).url, searches=kept)

    def _change(self, root: str, **fields: Any) -> None:
        kept = read_services()
        kept[root] = {**kept.get(root, {}), **fields}
        self._write(kept)

    def _write(self, kept: Entries) -> None:
        write_services(kept)
        self.changed.emit()

    def _count_log_in(self, root: str) -> None:
        self._log_ins[root] = self._log_ins.get(root, 0) + 1

    def _take_over(self) -> None:
        if service_settings.take_over():
            self.changed.emit()

    def _forget_key(self, connection: Connection) -> None:
        from planet_vector.raster import credential_files, described_files

        settings = Settings.load(connection.url)
        withdraw_key(connection.url)
        credential_files.forget(settings)
        with suppress(ConfigError):  # without a home directory there is no cache
            described_files.forget(settings)
        CACHE.clear()
        delete_key(connection.authcfg)


_instance: Optional[Connections] = None


def connections() -> Connections:
    """Return the connections of this QGIS; the instance is created once."""
    global _instance
    if _instance is None:
        _instance = Connections()
    return _instance
