"""Planet Scenes: satellite scenes as QGIS layers, read directly from the service."""

from __future__ import annotations

from typing import Any


def classFactory(iface: Any) -> Any:  # noqa: N802 - QGIS's name
    """Return the plugin.

    Parameters
    ----------
    iface : QgisInterface
        The QGIS application.
    """
    from planet_scenes.plugin import Plugin

    return Plugin(iface)
