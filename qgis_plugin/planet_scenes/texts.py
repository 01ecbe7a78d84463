"""The plugin's texts in the user's language."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QCoreApplication, QTranslator

CONTEXT = "planet_scenes"
"""The one context of all texts in ``i18n/``."""

_installed: Optional[QTranslator] = None


def tr(text: str) -> str:
    """Return a text in the user's language, or as it is where there is no translation.

    Parameters
    ----------
    text : str
        A literal, so that it is found when the translations are gathered; what varies goes in by `str.format`.
    """
    return QCoreApplication.translate(CONTEXT, text)


def install() -> None:
    """Load the translation for the language that QGIS runs in; may be called any number of times."""
    global _installed
    if _installed is None:
        language = QgsApplication.instance().locale()[:2] if QgsApplication.instance() else ""
        file = Path(__file__).parent / "i18n" / f"planet_scenes_{language}.qm"
        translator = QTranslator()
        if file.is_file() and translator.load(str(file)):
            QCoreApplication.installTranslator(translator)
            _installed = translator


def uninstall() -> None:
    """Take the translation away."""
    global _installed
    if _installed is not None:
        QCoreApplication.removeTranslator(_installed)
        _installed = None
