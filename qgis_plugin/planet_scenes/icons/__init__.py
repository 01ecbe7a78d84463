"""The plugin's icons, by name."""

from __future__ import annotations

from pathlib import Path

from qgis.PyQt.QtGui import QIcon


def icon(name: str) -> QIcon:
    """Return an icon of this folder, such as ``search``.

    Raises
    ------
    FileNotFoundError
        When there is none: Qt itself would give an empty one.
    """
    return QIcon(path(name))


def path(name: str) -> str:
    """Return the file of an icon, for what takes icons by path.

    Raises
    ------
    FileNotFoundError
        When there is none.
    """
    file = Path(__file__).parent / f"{name}.svg"
    if not file.is_file():
        raise FileNotFoundError(f"There is no icon {name!r} in {file.parent}.")
    return str(file)
