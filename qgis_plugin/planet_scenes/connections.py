"""Connections: which services there are, who is logged in to them, and the searches saved for each.

Names and addresses stand in the file that commands and Python share (`planet_vector.connections`). QGIS's settings
hold, by the root of a service, the id of the configuration with its key, and its saved searches. Keys stand in the
authentication manager, and, while QGIS runs, in this process's memory, where the driver finds them by their roots.
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
from planet_vector.connections import (
    BUILT_IN,
    ENVIRONMENT,
    LONGEST_NAME,
    REFUSED,
    add_connection,
    all_connections,
    default_connection,
    own_names,
    remove_connection,
    rename_connection,
)
from planet_vector.errors import ConfigError
from planet_vector.keys import Key, lend_key, lent_key, withdraw_key
from planet_vector.names import Name
from planet_vector.query import Query
from planet_vector.roots import DEFAULT_API_URL, normalise_url
from planet_vector.scene import Scene
from planet_vector.vector.result_cache import CACHE

_SERVICES = "planet_scenes/services"  # by root: the configuration of the key, the saved searches
_CURRENT = "planet_scenes/current"  # QGIS's own: where PL_API_URL is set, no default of the file counts
_EARLIER = "planet_scenes/connections"  # where earlier versions kept connections, with all of their own
_OURS = "Planet Scenes: "  # begins the name of a configuration made here: no other is ever deleted
_BLANK = "x"  # QGIS hands Basic credentials to GDAL only when both halves are there


@dataclass(frozen=True)
class Connection:
    """Hold a service.

    Attributes
    ----------
    name : str
        What the user calls it.
    url : str
        The root of its API.
    authcfg : str
        Where the authentication manager keeps its key, or nothing.
    """

    name: str
    url: str
    authcfg: str = ""

    def catalog(self) -> Catalog:
        """Return what asks the service; the key is read where that has not been done.

        Raises
        ------
        ConfigError
            When the key cannot be read.
        """
        if self.authcfg and lent_key(self.url) is None:
            _lend(self)
        return connect(self.url)

    def schema(self, scene_type: str) -> CollectionSchema:
        """Return the columns of a scene type, and what the service selects by; takes no key and asks nothing.

        Raises
        ------
        ConfigError
            If the settings cannot be used.
        """
        return connect(self.url).schema(scene_type)

    def name_of(self, what: Union[Query, Scene], product: str = "") -> str:
        """Return the PLANET: name of a search, or of a scene or a product of it, at this service."""
        root = ("api_url", normalise_url(self.url))
        if isinstance(what, Scene):
            return str(Name(what.scene_type, what.id, product, (root,)))
        limit = [("limit", str(what.limit))] if what.limit is not None else []
        return str(Name(what.scene_type, parameters=(*what.parameters, *limit, root)))


class Connections(QObject):
    """Keep the connections; `connections` gives the one instance."""

    changed = pyqtSignal()
    """Something is other than it was: a connection, a log-in, a saved search."""

    _said = ""

    def all(self) -> List[Connection]:
        """Return the connections there are, as `planet_vector.connections.all_connections` does.

        Where the file of connections cannot be used, the message bar says why, and there are those built in.
        """
        services = _read(_SERVICES)
        try:
            self._take_over()
            found = all_connections()
            self._said = ""
        except ConfigError as error:
            main = QgsApplication.instance()
            if main is not None and QThread.currentThread() is not main.thread():
                raise  # a task's, or an algorithm's, who tell
            found = list(BUILT_IN.values())
            if str(error) != self._said:
                self._said = str(error)
                messages.tell(self._said, Qgis.MessageLevel.Warning)
        return [
            Connection(known.name, known.root, str(services.get(known.root, {}).get("authcfg", ""))) for known in found
        ]

    def get(self, name: str) -> Connection:
        """Return a connection.

        Raises
        ------
        ConfigError
            If there is none of that name.
        """
        for connection in self.all():
            if connection.name == name:
                return connection
        raise ConfigError(tr("There is no connection {name}: add it in the options.").format(name=repr(name)))

    def find(self, text: str) -> Connection:
        """Return a connection by its name, or by the root URL of its service.

        For a URL that belongs to no connection, a connection is made that is not kept. Its key is the one that
        `planet_vector.config.Settings.load` finds for that URL.

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
        """Tell whether a connection is the person's own, which can be removed."""
        return name in own_names()

    def may_rename(self, name: str) -> bool:
        """Tell whether a connection can be renamed: a person's own, and that of the environment, which is kept then."""
        return name == ENVIRONMENT or self.is_own(name)

    def current(self) -> Connection:
        """Return the one that searches use: the one chosen here, else the default."""
        name = QgsSettings().value(_CURRENT, "")
        found = self.all()
        chosen = next((connection for connection in found if connection.name == name), None)
        if chosen is not None or self._said:
            return chosen or found[0]
        return self.get(default_connection().name)

    def set_current(self, name: str) -> None:
        """Use a connection for searches."""
        QgsSettings().setValue(_CURRENT, self.get(name).name)
        self.changed.emit()

    def add(self, connection: Connection) -> None:
        """Add a connection.

        Raises
        ------
        ConfigError
            If its name is taken or empty, its root is none, or another connection has that root: a key belongs to
            a root, so two would share it.
        """
        self._take_over()
        made = add_connection(connection.name, connection.url)
        self._change(made.root, authcfg=connection.authcfg)

    def rename(self, old: str, new: str) -> None:
        """Call a connection something else; that of the environment is kept under the new name.

        Raises
        ------
        ConfigError
            If the new name cannot be one, or the connection is built in.
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
        """Forget a connection, its key and its searches.

        Raises
        ------
        ConfigError
            If it is not the person's own.
        """
        connection = self.get(name)
        remove_connection(name)
        self._forget_key(connection)
        kept = _read(_SERVICES)
        kept.pop(connection.url, None)
        self._write(kept)

    def log_in(self, name: str, key_text: str) -> None:
        """Store a key in the authentication manager, which may ask for its master password.

        Raises
        ------
        ConfigError
            When it is no key, or the manager does not take it.
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
        # Newer versions give the configuration back beside the answer.
        if isinstance(stored, tuple):
            stored, config = stored
        if not stored or not config.id():
            raise ConfigError(tr("The key was not stored: the master password was not given."))
        _delete(connection.authcfg)
        lend_key(connection.url, key)
        self._change(connection.url, authcfg=config.id())

    def log_out(self, name: str) -> None:
        """Forget the key of a connection, here, in the authentication manager, and what was read with it."""
        connection = self.get(name)
        self._forget_key(connection)
        self._change(connection.url, authcfg="")

    def logged_in(self, name: str) -> bool:
        """Tell whether there is a key for a connection; it is not read for that."""
        connection = self.get(name)
        return bool(connection.authcfg) or lent_key(connection.url) is not None

    def searches(self, name: str) -> Dict[str, str]:
        """Return the saved searches of a connection: PLANET: names by their titles."""
        return dict(_read(_SERVICES).get(self.get(name).url, {}).get("searches", {}))

    def save_search(self, name: str, title: str, planet_name: str) -> None:
        """Save a search under a title; one of that title is replaced."""
        self._change(self.get(name).url, searches={**self.searches(name), title: planet_name})

    def rename_search(self, name: str, old: str, new: str) -> None:
        """Call a saved search something else."""
        kept = self.searches(name)
        if not new.strip() or new in kept:
            raise ConfigError(tr("Choose another title: it is empty or taken."))
        kept[new.strip()] = kept.pop(old)
        self._change(self.get(name).url, searches=kept)

    def remove_search(self, name: str, title: str) -> None:
        """Forget a saved search."""
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
        """Put what an earlier version kept where it belongs now; what cannot be used of it stays out.

        Raises
        ------
        ConfigError
            If the file of connections cannot be written; what was kept stays then.
        """
        earlier = {name: entry for name, entry in _read(_EARLIER).items() if _usable(entry)}
        if not earlier:
            return
        kept = _read(_SERVICES)
        for name, entry in earlier.items():
            root = normalise_url(entry["url"])
            fields = {key: entry[key] for key in ("authcfg", "searches") if entry.get(key)}
            # Of Planet's own v0, which is switched off, only what somebody has made of it.
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
        with suppress(ConfigError):  # without a home directory there are none
            described_files.forget(settings)
        CACHE.clear()
        _delete(connection.authcfg)


_instance: Optional[Connections] = None


def connections() -> Connections:
    """Return the connections of this QGIS."""
    global _instance
    if _instance is None:
        _instance = Connections()
    return _instance


def _read(key: str) -> Dict[str, Dict[str, Any]]:
    """Return what stands in the settings under a key; what somebody broke there by hand is left out."""
    try:
        kept = json.loads(QgsSettings().value(key, "") or "{}")
    except ValueError:
        return {}
    return {name: entry for name, entry in kept.items() if isinstance(entry, dict)} if isinstance(kept, dict) else {}


def _free_name(name: str) -> str:
    """Return a name for a connection that was kept under one that is taken, or may be none any more."""
    taken = {known.name for known in all_connections()}
    name = "".join("_" if char in REFUSED or not char.isprintable() else char for char in name)[:LONGEST_NAME].strip()
    numbered = (f"{name[: LONGEST_NAME - 4]} {number}".strip() for number in count(2))
    return name if name and name not in taken else next(each for each in numbered if each not in taken)


def _usable(entry: Any) -> bool:
    """Tell whether a stored connection has a root: somebody may have edited the settings by hand."""
    try:
        return isinstance(entry, dict) and bool(normalise_url(entry["url"]))
    except (KeyError, TypeError, AttributeError, ConfigError):
        return False


def _delete(authcfg: str) -> None:
    """Delete a configuration made here; one that the user made, and chose, other layers may need."""
    manager = QgsApplication.authManager()
    config = manager.availableAuthMethodConfigs().get(authcfg)
    if config is not None and config.name().startswith(_OURS):
        manager.removeAuthenticationConfig(authcfg)


def _lend(connection: Connection) -> None:
    """Read a key from the authentication manager; where that asks for a password, on the main thread only."""
    manager = QgsApplication.authManager()
    main = QgsApplication.instance()
    if manager.isDisabled():
        raise ConfigError(tr("QGIS's authentication manager is disabled: {why}").format(why=manager.disabledMessage()))
    if not manager.masterPasswordIsSet() and main is not None and QThread.currentThread() is not main.thread():
        raise ConfigError(
            tr("The key for {name} is locked: open a search with it once, and give the master password.").format(
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
