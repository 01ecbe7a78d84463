"""Keys in QGIS's authentication manager, each as a configuration whose id connections and layers refer to."""

from __future__ import annotations

from qgis.core import QgsApplication, QgsAuthMethodConfig
from qgis.PyQt.QtCore import QThread

from planet_scenes.texts import tr
from planet_vector.errors import ConfigError
from planet_vector.keys import Key, lend_key

_OURS = "Planet Scenes: "  # prefix of the configurations made here: no others are ever deleted
_BLANK = "x"  # QGIS passes Basic credentials to GDAL only if both user name and password are set


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
    config.setConfig("username", key.reveal())
    config.setConfig("password", _BLANK)
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
    text = config.config("username")
    if not loaded or not text:
        raise ConfigError(tr("The key for {name} cannot be read: log in again.").format(name=repr(name)))
    lend_key(root, Key(text, "QGIS"))


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
