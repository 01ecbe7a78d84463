"""Connections: services, their keys, and their saved searches.

Names and URLs are in the file that commands and Python share (`planet_vector.connection_file`). QGIS's settings hold,
by the root URL of a service, the id of the authentication configuration with its key, and its saved searches. Keys are
in the authentication manager and, while QGIS runs, in this process's memory, where the driver looks them up by root.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Any, Dict, List, Optional, Union

from qgis.core import Qgis, QgsApplication, QgsAuthMethodConfig, QgsSettings
from qgis.PyQt.QtCore import QObject, QThread, pyqtSignal

from planet_scenes import messages
from planet_scenes.texts import tr
from planet_vector.catalog import Catalog, connect
from planet_vector.collection_schema import CollectionSchema
from planet_vector.config import Settings
from planet_vector.connection_file import add_connection, own_names, remove_connection, rename_connection
from planet_vector.connection_lookup import all_connections, default_connection
from planet_vector.connections import BUILT_IN, ENVIRONMENT, LONGEST_NAME, REFUSED
from planet_vector.errors import ConfigError
from planet_vector.keys import Key, lend_key, lent_key, withdraw_key
from planet_vector.names import Name
from planet_vector.query import Query
from planet_vector.roots import DEFAULT_API_URL, normalise_url
from planet_vector.scene import Scene
from planet_vector.vector.result_cache import CACHE

_SERVICES = "planet_scenes/services"  # by root: the authentication configuration, the saved searches
_CURRENT = "planet_scenes/current"  # kept by QGIS: where PL_API_URL is set, the default of the file does not apply
_EARLIER = "planet_scenes/connections"  # where earlier versions kept connections with all their settings
_OURS = "Planet Scenes: "  # prefix of the configurations made here: no others are ever deleted
_BLANK = "x"  # QGIS passes Basic credentials to GDAL only if both user name and password are set


@dataclass(frozen=True)
class Connection:
    """A service.

    Attributes
    ----------
    name : str
        The name the user gave it.
    url : str
        The root of its API.
    authcfg : str
        Id of the authentication configuration with its key; empty if there is none.
    """

    name: str
    url: str
    authcfg: str = ""

    def catalog(self) -> Catalog:
        """Return the client of the service; reads the key if that has not been done.

        Raises
        ------
        ConfigError
            If the key cannot be read.
        """
        if self.authcfg and lent_key(self.url) is None:
            _lend(self)
        return connect(self.url)

    def schema(self, scene_type: str) -> CollectionSchema:
        """Return the columns and search fields of a scene type; needs no key and sends no request.

        Parameters
        ----------
        scene_type : str
            The scene type.

        Raises
        ------
        ConfigError
            If the settings cannot be used.
        """
        return connect(self.url).schema(scene_type)

    def name_of(self, what: Union[Query, Scene], product: str = "") -> str:
        """Return the ``PLANET:`` name of a search, a scene or a product at this service.

        Parameters
        ----------
        what : Query or Scene
            The search or scene.
        product : str, optional
            A product of the scene.
        """
        root = ("api_url", normalise_url(self.url))
        if isinstance(what, Scene):
            return str(Name(what.scene_type, what.id, product, (root,)))
        limit = [("limit", str(what.limit))] if what.limit is not None else []
        return str(Name(what.scene_type, parameters=(*what.parameters, *limit, root)))


class Connections(QObject):
    """Stores the connections; `connections` returns the one instance."""

    changed = pyqtSignal()
    """Emitted when a connection, a log-in or a saved search has changed."""

    _said = ""

    def all(self) -> List[Connection]:
        """Return all connections, as `planet_vector.connection_lookup.all_connections` does.

        If the file of connections cannot be used, the message bar shows why, and only the built-in ones are returned.
        """
        services = _read(_SERVICES)
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
            Connection(known.name, known.root, str(services.get(known.root, {}).get("authcfg", ""))) for known in found
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
            belong to roots, so both would share one.
        """
        self._take_over()
        made = add_connection(connection.name, connection.url)
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
        kept = _read(_SERVICES)
        kept.pop(connection.url, None)
        self._write(kept)

    def log_in(self, name: str, key_text: str) -> None:
        """Store a key in the authentication manager, which may ask for its master password.

        Parameters
        ----------
        name : str
            The connection.
        key_text : str
            The API key.

        Raises
        ------
        ConfigError
            If the key is not valid, or the manager cannot store it.
        """
        connection, key = self.get(name), Key(key_text, "QGIS")
        manager = QgsApplication.authManager()
        if manager.isDisabled():
            raise ConfigError(
                tr("QGIS's authentication manager is disabled: {why}").format(why=manager.disabledMessage())
            )
        config = QgsAuthMethodConfig("Basic")
        config.setName(f"{_OURS}{name}")
        config.setUri(connection.url)
        config.setConfig("username", key.reveal())
        config.setConfig("password", _BLANK)
        stored = manager.storeAuthenticationConfig(config)
        # Newer versions return the configuration as well.
        if isinstance(stored, tuple):
            stored, config = stored
        if not stored or not config.id():
            raise ConfigError(tr("The key was not stored: no master password was entered."))
        _delete(connection.authcfg)
        lend_key(connection.url, key)
        self._change(connection.url, authcfg=config.id())

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

    def logged_in(self, name: str) -> bool:
        """Return True if there is a key for a connection; does not read it.

        Parameters
        ----------
        name : str
            The connection.
        """
        connection = self.get(name)
        return bool(connection.authcfg) or lent_key(connection.url) is not None

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
        return dict(_read(_SERVICES).get(self.get(name).url, {}).get("searches", {}))

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
        kept = _read(_SERVICES)
        kept[root] = {**kept.get(root, {}), **fields}
        self._write(kept)

    def _write(self, kept: Dict[str, Dict[str, Any]]) -> None:
        QgsSettings().setValue(
            _SERVICES, json.dumps({root: entry for root, entry in kept.items() if any(entry.values())})
        )
        self.changed.emit()

    def _take_over(self) -> None:
        """Migrate the settings of earlier versions; entries that cannot be used are skipped.

        Raises
        ------
        ConfigError
            If the file of connections cannot be written; the old settings are kept then.
        """
        earlier = {name: entry for name, entry in _read(_EARLIER).items() if _usable(entry)}
        if not earlier:
            return
        kept = _read(_SERVICES)
        for name, entry in earlier.items():
            root = normalise_url(entry["url"])
            fields = {key: entry[key] for key in ("authcfg", "searches") if entry.get(key)}
            # Planet's own v0 is switched off: migrate it only if the user changed it.
            if root == DEFAULT_API_URL and not fields:
                continue
            if root not in (known.root for known in all_connections() if known.name != ENVIRONMENT):
                add_connection(_free_name(name), root)
            kept[root] = {**fields, **kept.get(root, {})}
        QgsSettings().remove(_EARLIER)
        self._write(kept)

    def _forget_key(self, connection: Connection) -> None:
        from planet_vector.raster import credential_files, described_files

        settings = Settings.load(connection.url)
        withdraw_key(connection.url)
        credential_files.forget(settings)
        with suppress(ConfigError):  # without a home directory there is no cache
            described_files.forget(settings)
        CACHE.clear()
        _delete(connection.authcfg)


_instance: Optional[Connections] = None


def connections() -> Connections:
    """Return the connections of this QGIS; the instance is created once."""
    global _instance
    if _instance is None:
        _instance = Connections()
    return _instance


def _read(key: str) -> Dict[str, Dict[str, Any]]:
    """Return the dictionary stored in the settings under a key, without malformed entries."""
    try:
        kept = json.loads(QgsSettings().value(key, "") or "{}")
    except ValueError:
        return {}
    return {name: entry for name, entry in kept.items() if isinstance(entry, dict)} if isinstance(kept, dict) else {}


def _free_name(name: str) -> str:
    """Return a free name for a connection whose stored name is taken or no longer valid."""
    taken = {known.name for known in all_connections()}
    name = "".join("_" if char in REFUSED or not char.isprintable() else char for char in name)[:LONGEST_NAME].strip()
    numbered = (f"{name[: LONGEST_NAME - 4]} {number}".strip() for number in count(2))
    return name if name and name not in taken else next(each for each in numbered if each not in taken)


def _usable(entry: Any) -> bool:
    """Return True if a stored connection has a valid root; the settings may have been edited by hand."""
    try:
        return isinstance(entry, dict) and bool(normalise_url(entry["url"]))
    except (KeyError, TypeError, AttributeError, ConfigError):
        return False


def _delete(authcfg: str) -> None:
    """Delete a configuration made here; other layers may need those that the user made."""
    manager = QgsApplication.authManager()
    config = manager.availableAuthMethodConfigs().get(authcfg)
    if config is not None and config.name().startswith(_OURS):
        manager.removeAuthenticationConfig(authcfg)


def _lend(connection: Connection) -> None:
    """Read a key from the authentication manager; only on the main thread if that asks for a password."""
    manager = QgsApplication.authManager()
    main = QgsApplication.instance()
    if manager.isDisabled():
        raise ConfigError(tr("QGIS's authentication manager is disabled: {why}").format(why=manager.disabledMessage()))
    if not manager.masterPasswordIsSet() and main is not None and QThread.currentThread() is not main.thread():
        raise ConfigError(
            tr("The key for {name} is locked: open a search with it once, and enter the master password.").format(
                name=repr(connection.name)
            )
        )
    config = QgsAuthMethodConfig()
    loaded = manager.loadAuthenticationConfig(connection.authcfg, config, True)
    if isinstance(loaded, tuple):
        loaded, config = loaded
    text = config.config("username")
    if not loaded or not text:
        raise ConfigError(tr("The key for {name} cannot be read: log in again.").format(name=repr(connection.name)))
    lend_key(connection.url, Key(text, "QGIS"))
