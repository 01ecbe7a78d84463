"""The plugin's icons, by name."""

from __future__ import annotations

from pathlib import Path

from qgis.PyQt.QtGui import QIcon


def icon(name: str) -> QIcon:
    """Return an icon of this folder.

    Parameters
    ----------
    name : str
        The name of the file without extension, such as ``search``.

    Raises
    ------
    FileNotFoundError
        If there is no such icon: Qt itself would return an empty one.
    """
    return QIcon(path(name))


def path(name: str) -> str:
    """Return the path of an icon, for functions that take icons by path.

    Parameters
    ----------
    name : str
        The name of the file without extension.

    Raises
    ------
    FileNotFoundError
        If there is no such icon.
    """
    file = Path(__file__).parent / f"{name}.svg"
    if not file.is_file():
        raise FileNotFoundError(f"There is no icon {name!r} in {file.parent}.")
    return str(file)
