"""Keys in QGIS's authentication manager, each as a configuration whose id connections and layers refer to."""

from __future__ import annotations

from typing import Optional

from qgis.core import QgsApplication, QgsAuthMethodConfig
from qgis.PyQt.QtCore import QThread

from planet_scenes.texts import tr
from planet_vector.errors import ConfigError
from planet_vector.keys import AUTH_SCHEMES, BASIC, Key, lend_key

_OURS = "Planet Scenes: "  # prefix of the configurations made here: no others are ever deleted
_BLANK = "x"  # in place of a password: QGIS passes Basic credentials to GDAL only if both are set
_SCHEME = "scheme"  # entry of the configurations made here
_METHODS = ("Basic", "APIHeader")  # QGIS's methods of which keys can be read
_SOURCE = "QGIS"


def store_key(name: str, root: str, key: Key) -> str:
    """Store a key in the authentication manager, which may ask for its master password.

    Parameters
    ----------
    name : str
        The connection.
    root : str
        The root of the service.
    key : Key
        The API key.

    Returns
    -------
    str
        Id of the authentication configuration.

    Raises
    ------
    ConfigError
        If the manager cannot store it.
    """
    manager = QgsApplication.authManager()
    if manager.isDisabled():
        raise ConfigError(tr("QGIS's authentication manager is disabled: {why}").format(why=manager.disabledMessage()))
    config = QgsAuthMethodConfig("Basic")
    config.setName(f"{_OURS}{name}")
    config.setUri(root)
    user, _, password = key.as_user().partition(":") if key.scheme == BASIC else (key.reveal(), "", _BLANK)
    config.setConfig("username", user)
    config.setConfig("password", password)
    config.setConfig(_SCHEME, key.scheme)
    stored = manager.storeAuthenticationConfig(config)
    # Newer versions return the configuration as well.
    if isinstance(stored, tuple):
        stored, config = stored
    if not stored or not config.id():
        raise ConfigError(tr("The key was not stored: no master password was entered."))
    return str(config.id())


def lend_stored_key(name: str, root: str, authcfg: str) -> None:
    """Read a key, and provide it to the driver; only on the main thread if that asks for a password.

    Parameters
    ----------
    name : str
        The connection.
    root : str
        The root of the service.
    authcfg : str
        Id of the authentication configuration.

    Raises
    ------
    ConfigError
        If the key cannot be read.
    """
    manager = QgsApplication.authManager()
    main = QgsApplication.instance()
    if manager.isDisabled():
        raise ConfigError(tr("QGIS's authentication manager is disabled: {why}").format(why=manager.disabledMessage()))
    if not manager.masterPasswordIsSet() and main is not None and QThread.currentThread() is not main.thread():
        raise ConfigError(
            tr("The key for {name} is locked: open a search with it once, and enter the master password.").format(
                name=repr(name)
            )
        )
    config = QgsAuthMethodConfig()
    loaded = manager.loadAuthenticationConfig(authcfg, config, True)
    if isinstance(loaded, tuple):
        loaded, config = loaded
    key = _key_of(config) if loaded else None
    if key is None:
        raise ConfigError(tr("The key for {name} cannot be read: log in again.").format(name=repr(name)))
    lend_key(root, key)


def check_method(authcfg: str) -> None:
    """Check that keys can be read from a configuration; needs no master password.

    Parameters
    ----------
    authcfg : str
        Id of the authentication configuration; empty for none.

    Raises
    ------
    ConfigError
        If it has another method of authentication, or does not exist.
    """
    manager = QgsApplication.authManager()
    method = manager.configAuthMethodKey(authcfg) if authcfg else _METHODS[0]
    if method not in _METHODS:
        config = manager.availableAuthMethodConfigs().get(authcfg)
        title = repr(authcfg if config is None else config.name())
        raise ConfigError(
            tr("The stored authentication {title} cannot be used: choose one of {methods}.").format(
                title=title, methods=", ".join(_METHODS)
            )
        )


def _key_of(config: QgsAuthMethodConfig) -> Optional[Key]:
    """Return the key in a configuration, which may be the user's own; None if it has no key."""
    if config.method() == "APIHeader":
        headers = {name.lower(): text for name, text in config.configMap().items()}
        scheme, _, text = headers.get("authorization", "").strip().partition(" ")
        known = next((each for each in AUTH_SCHEMES if each.lower() == scheme.lower()), "")
        return Key(text, _SOURCE, known) if known and text.strip() else None
    user, password, scheme = config.config("username"), config.config("password"), config.config(_SCHEME)
    if not user:
        return None
    if scheme == BASIC or (password not in ("", _BLANK) and not scheme):
        return Key.of_user(user, password, _SOURCE)
    return Key(user, _SOURCE, scheme)


def delete_key(authcfg: str) -> None:
    """Delete a configuration made here; other layers may need those that the user made.

    Parameters
    ----------
    authcfg : str
        Id of the authentication configuration; one that does not exist is ignored.
    """
    manager = QgsApplication.authManager()
    config = manager.availableAuthMethodConfigs().get(authcfg)
    if config is not None and config.name().startswith(_OURS):
        manager.removeAuthenticationConfig(authcfg)
