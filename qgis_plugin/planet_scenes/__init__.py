"""Planet Scenes: satellite scenes as QGIS layers, where they lie."""

from __future__ import annotations

from typing import Any


def classFactory(iface: Any) -> Any:  # noqa: N802 - QGIS's name
    """Return the plugin."""
    from planet_scenes.plugin import Plugin

    return Plugin(iface)
