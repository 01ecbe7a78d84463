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
    file = Path(__file__).parent / f"{name}.svg"
    if not file.is_file():
        raise FileNotFoundError(f"There is no icon {name!r} in {file.parent}.")
    return QIcon(str(file))
