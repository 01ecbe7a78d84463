"""Connections: which services there are, who is logged in to them, and the searches saved for each.

Names and addresses stand in QGIS's settings, keys in its authentication manager, and, while QGIS runs, in this
process's memory, where the driver finds them by the root of the service. If PL_API_URL or PL_API_KEY is set, the
service they name is a connection, too; it is not stored.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Dict, List, Optional, Sequence, Union
from urllib.parse import urlsplit

from qgis.core import QgsApplication, QgsAuthMethodConfig, QgsSettings
from qgis.PyQt.QtCore import QObject, QThread, pyqtSignal

from planet_scenes.texts import tr
from planet_vector.catalog import ScenesV0, connect
from planet_vector.config import Settings
from planet_vector.errors import ConfigError
from planet_vector.keys import Key, lend_key, lent_key, withdraw_key
from planet_vector.names import Name
from planet_vector.query import Query
from planet_vector.roots import DEFAULT_API_URL, normalise_url
from planet_vector.scene import Scene
from planet_vector.vector.result_cache import CACHE

_SETTINGS = "planet_scenes/connections"
_CURRENT = "planet_scenes/current"
_SEPARATOR = re.compile("[/,]")  # of paths in the browser, and of names in messages; a slash also tells URLs from names
_PUBLIC = "planet.com"
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

    def catalog(self) -> ScenesV0:
        """Return what asks the service; the key is read where that has not been done.

        Raises
        ------
        ConfigError
            When the key cannot be read.
        """
        if self.authcfg and lent_key(self.url) is None:
            _lend(self)
        return connect(self.url)

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

    def all(self) -> List[Connection]:
        """Return the stored connections by name, or the public service if there are none, and the environment's.

        The environment's comes last; if no connection is stored, it comes first.
        """
        kept = self._read()
        found = [Connection(name, entry["url"], entry.get("authcfg", "")) for name, entry in sorted(kept.items())]
        found = found or [Connection(_PUBLIC, DEFAULT_API_URL)]
        extra = _from_environment(found)
        return [*found, *extra] if kept else [*extra, *found]

    def get(self, name: str) -> Connection:
        """Return a connection.

        Raises
        ------
        ConfigError
            When there is none of that name.
        """
        for connection in self.all():
            if connection.name == name:
                return connection
        raise ConfigError(tr("There is no connection {name}: add it in the options.").format(name=repr(name)))

    def find(self, text: str) -> Connection:
        """Return a connection by its name, or by the root URL of its service.

        For a URL that belongs to no connection, a connection is made that is not stored. Its key is the one that
        `planet_vector.config.Settings.load` finds for that URL.

        Raises
        ------
        ConfigError
            If there is no connection of that name, or the URL is not valid.
        """
        text, found = text.strip(), self.all()
        if "://" in text:
            root = normalise_url(text)
            return next((known for known in found if normalise_url(known.url) == root), Connection(root, root))
        for connection in found:
            if connection.name == text:
                return connection
        raise ConfigError(
            tr("There is no connection {name}: give one of {those}, or the root URL of a service.").format(
                name=repr(text), those=", ".join(repr(connection.name) for connection in found)
            )
        )

    def is_stored(self, name: str) -> bool:
        """Tell whether a connection is stored in QGIS's settings."""
        return name in self._read()

    def current(self) -> Connection:
        """Return the one that searches use."""
        name = QgsSettings().value(_CURRENT, "")
        found = self.all()
        return next((connection for connection in found if connection.name == name), found[0])

    def set_current(self, name: str) -> None:
        """Use a connection for searches."""
        QgsSettings().setValue(_CURRENT, self.get(name).name)
        self.changed.emit()

    def add(self, connection: Connection) -> None:
        """Add a connection.

        Raises
        ------
        ConfigError
            When its name is taken or empty, its root is none, or another connection has that root: a key belongs to
            a root, so two would share it.
        """
        name, root = connection.name.strip(), normalise_url(connection.url)
        if not name or _SEPARATOR.search(name):
            raise ConfigError(tr("Give the connection a name, without slash and comma."))
        kept = self._entries()
        if name in kept:
            raise ConfigError(tr("There is a connection {name} already: choose another name.").format(name=repr(name)))
        for other, entry in kept.items():
            if normalise_url(entry["url"]) == root:
                raise ConfigError(
                    tr("Connection {name} has this root already: a key belongs to a root.").format(name=repr(other))
                )
        kept[name] = {"url": root, "authcfg": connection.authcfg}
        self._write(kept)

    def rename(self, old: str, new: str) -> None:
        """Call a connection something else."""
        kept = self._entries(old)
        if not new.strip() or _SEPARATOR.search(new) or new.strip() in kept:
            raise ConfigError(tr("Choose another name: it is empty, taken, or has a slash or a comma."))
        was_current = self.current().name == old
        kept[new.strip()] = kept.pop(old)
        if was_current:
            QgsSettings().setValue(_CURRENT, new.strip())
        self._write(kept)

    def remove(self, name: str) -> None:
        """Forget a connection, its key and its searches.

        Raises
        ------
        ConfigError
            If it is not stored.
        """
        connection, kept = self.get(name), self._read()
        if kept.pop(name, None) is None:
            raise ConfigError(
                tr("Connection {name} is not stored in QGIS: it cannot be removed.").format(name=repr(name))
            )
        self._forget_key(connection)
        self._write(kept)

    def log_in(self, name: str, key_text: str) -> None:
        """Store a key in the authentication manager, which may ask for its master password.

        Raises
        ------
        ConfigError
            When it is no key, or the manager does not take it.
        """
        connection, key = self.get(name), Key(key_text)
        manager = QgsApplication.authManager()
        if manager.isDisabled():
            raise ConfigError(
                tr("QGIS's authentication manager is disabled: {why}").format(why=manager.disabledMessage())
            )
        config = QgsAuthMethodConfig("Basic")
        config.setName(f"{_OURS}{name}")
        config.setUri(normalise_url(connection.url))
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
        self._change(name, replace(connection, authcfg=config.id()))

    def log_out(self, name: str) -> None:
        """Forget the key of a connection, here, in the authentication manager, and what was read with it."""
        connection = self.get(name)
        self._forget_key(connection)
        self._change(name, replace(connection, authcfg=""))

    def logged_in(self, name: str) -> bool:
        """Tell whether there is a key for a connection; it is not read for that."""
        connection = self.get(name)
        return bool(connection.authcfg) or lent_key(connection.url) is not None

    def searches(self, name: str) -> Dict[str, str]:
        """Return the saved searches of a connection: PLANET: names by their titles."""
        entry = self._read().get(name, {})
        return dict(entry.get("searches", {}))

    def save_search(self, name: str, title: str, planet_name: str) -> None:
        """Save a search under a title; one of that title is replaced."""
        self._searches(name, {**self.searches(name), title: planet_name})

    def rename_search(self, name: str, old: str, new: str) -> None:
        """Call a saved search something else."""
        kept = self.searches(name)
        if not new.strip() or new in kept:
            raise ConfigError(tr("Choose another title: it is empty or taken."))
        kept[new.strip()] = kept.pop(old)
        self._searches(name, kept)

    def remove_search(self, name: str, title: str) -> None:
        """Forget a saved search."""
        kept = self.searches(name)
        kept.pop(title, None)
        self._searches(name, kept)

    def _searches(self, name: str, searches: Dict[str, str]) -> None:
        kept = self._entries(name)
        kept[name]["searches"] = searches
        self._write(kept)

    def _change(self, name: str, connection: Connection) -> None:
        kept = self._entries(name)
        kept[name]["authcfg"] = connection.authcfg
        self._write(kept)

    def _entries(self, name: str = "") -> Dict[str, Dict[str, Any]]:
        """Return the stored connections, to be changed and written back; with an entry for `name`, if one is given."""
        kept = self._read() or {_PUBLIC: {"url": DEFAULT_API_URL}}
        if name and name not in kept:
            kept[name] = {"url": self.get(name).url}
        return kept

    def _forget_key(self, connection: Connection) -> None:
        from planet_vector.raster import credential_files, described_files

        settings = Settings.load(connection.url)
        withdraw_key(connection.url)
        credential_files.forget(settings)
        with suppress(ConfigError):  # without a home directory there are none
            described_files.forget(settings)
        CACHE.clear()
        _delete(connection.authcfg)

    def _read(self) -> Dict[str, Dict[str, Any]]:
        text = QgsSettings().value(_SETTINGS, "") or "{}"
        try:
            kept = json.loads(text)
        except ValueError:
            return {}  # somebody edited the settings by hand
        return {name: entry for name, entry in kept.items() if _usable(entry)} if isinstance(kept, dict) else {}

    def _write(self, kept: Dict[str, Dict[str, Any]]) -> None:
        QgsSettings().setValue(_SETTINGS, json.dumps(kept))
        self.changed.emit()


_instance: Optional[Connections] = None


def connections() -> Connections:
    """Return the connections of this QGIS."""
    global _instance
    if _instance is None:
        _instance = Connections()
    return _instance


def _from_environment(others: Sequence[Connection]) -> List[Connection]:
    """Return the connection that PL_API_URL and PL_API_KEY define; none if they are unset, or others have its root."""
    if not (os.environ.get("PL_API_URL") or os.environ.get("PL_API_KEY")):
        return []
    try:
        root = normalise_url(os.environ.get("PL_API_URL") or DEFAULT_API_URL)
    except ConfigError:
        return []  # reported by the first request
    if root in (normalise_url(known.url) for known in others):
        return []
    name = _PUBLIC if root == DEFAULT_API_URL else urlsplit(root).netloc
    while name in (known.name for known in others):
        name = f"{name} (PL_API_URL)"
    return [Connection(name, root)]


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
    lend_key(connection.url, Key(text))
