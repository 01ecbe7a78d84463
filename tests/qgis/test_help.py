"""Help: the page of the documentation opens from the dialogs, at its section."""

from __future__ import annotations

import configparser
import re
from typing import Any, Callable, Dict

import pytest
from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QCoreApplication
from qgis.PyQt.QtWidgets import QDialogButtonBox, QWidget

from planet_scenes import help as help_page
from planet_scenes.access_fields import AccessDialog
from planet_scenes.activation import ActivationDialog
from planet_scenes.connection_dialog import ConnectionDialog
from planet_scenes.dock_download import DownloadDialog
from planet_scenes.dock_results import ResultsPanel
from planet_scenes.log_in_fields import LogInDialog
from planet_scenes.options_page import Page
from planet_scenes.processing.provider import ALGORITHMS
from planet_scenes.source_page import SourcePage
from planet_scenes.stac_import_dialog import StacImportDialog
from planet_scenes.thumbnails import Thumbnails
from tests.conftest import ROOT

MADE: Dict[str, Callable[[], QWidget]] = {
    "access": lambda: AccessDialog("local"),
    "activation": lambda: ActivationDialog([], []),
    "connection": ConnectionDialog,
    "download": lambda: DownloadDialog([]),
    "log in": lambda: LogInDialog("local"),
    "import": lambda: StacImportDialog([]),
    "options": Page,
    "source": SourcePage,
    "panel": lambda: ResultsPanel(Thumbnails()),
}


@pytest.mark.parametrize("name", MADE)
def test_each_dialog_opens_its_section(qgis_app: QgsApplication, name: str) -> None:
    widget = MADE[name]()
    boxes = widget.findChildren(QDialogButtonBox)
    if name == "panel":
        widget.help_action.trigger()
    elif name == "options":
        widget.buttons["help"].click()
    else:
        next(found for found in (box.button(QDialogButtonBox.StandardButton.Help) for box in boxes) if found).click()
    (shown,) = widget.findChildren(help_page.HelpDialog)
    QCoreApplication.processEvents()
    block = shown.text.textCursor().block()
    assert block.text() in (help_page.CONNECTIONS, help_page.SEARCH, help_page.PRODUCTS)
    assert block.blockFormat().headingLevel() == 2 and 0 <= shown.text.cursorRect().top() < 60
    text = shown.text.toPlainText()
    assert "authentication manager" in text and "](" not in text and "<!--" not in text
    shown.close()
    widget.close()
    widget.deleteLater()


def test_algorithms_lead_to_the_site_and_sections_exist(qgis_app: Any) -> None:
    headings = re.findall(r"^## (.*)$", (ROOT / "docs" / "qgis.md").read_text(encoding="utf-8"), re.M)
    assert {help_page.CONNECTIONS, help_page.SEARCH, help_page.PRODUCTS, "Processing"} <= set(headings)
    project = configparser.ConfigParser()
    project.read(ROOT / "setup.cfg", encoding="utf-8")
    homepage = project["metadata"]["url"]
    assert {made().helpUrl() for made in ALGORITHMS} == {f"{homepage}/qgis/#processing"}
    assert help_page.help_url("Connections and keys") == f"{homepage}/qgis/#connections-and-keys"
