"""Translation of the plugin's texts."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QCoreApplication, QTranslator

CONTEXT = "planet_scenes"
"""Translation context of all texts in ``i18n/``."""

_installed: Optional[QTranslator] = None


def tr(text: str) -> str:
    """Return a text in the user's language, or unchanged if there is no translation.

    Parameters
    ----------
    text : str
        A literal, so that `build.py` finds it; insert variable parts with `str.format`.
    """
    return QCoreApplication.translate(CONTEXT, text)


def install() -> None:
    """Load the translation for QGIS's language; can be called repeatedly."""
    global _installed
    if _installed is None:
        language = QgsApplication.instance().locale()[:2] if QgsApplication.instance() else ""
        file = Path(__file__).parent / "i18n" / f"planet_scenes_{language}.qm"
        translator = QTranslator()
        if file.is_file() and translator.load(str(file)):
            QCoreApplication.installTranslator(translator)
            _installed = translator


def uninstall() -> None:
    """Remove the translation."""
    global _installed
    if _installed is not None:
        QCoreApplication.removeTranslator(_installed)
        _installed = None
