"""Dialog that imports QGIS's own connections to STAC APIs."""

from __future__ import annotations

from typing import List, Optional

from qgis.core import Qgis
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QHeaderView,
    QLabel,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from planet_scenes import messages
from planet_scenes.dialogs import StoringDialog
from planet_scenes.help import CONNECTIONS
from planet_scenes.stac_import import Found, import_connections, stac_connections
from planet_scenes.texts import tr

_SIZE = 760, 320  # pixels


class StacImportDialog(StoringDialog):
    """Dialog that lists QGIS's connections to STAC APIs, with what is not taken of each.

    Parameters
    ----------
    found : list of Found
        The connections.
    parent : QWidget, optional
        The parent widget.
    """

    def __init__(self, found: List[Found], parent: Optional[QWidget] = None) -> None:
        super().__init__(tr("Import QGIS's STAC connections"), CONNECTIONS, parent)
        self.resize(*_SIZE)
        self._found = found
        self.tree = QTreeWidget(self)
        self.tree.setRootIsDecorated(False)
        self.tree.setHeaderLabels([tr("Connection"), tr("Root of the service"), tr("Remarks")])
        for each in found:
            item = QTreeWidgetItem(self.tree, [each.name, each.url, each.remark])
            item.setToolTip(2, each.remark)
            item.setCheckState(0, Qt.CheckState.Checked if each.usable else Qt.CheckState.Unchecked)
            item.setDisabled(not each.usable)
        for column in range(2):
            self.tree.header().setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        note = QLabel(tr("Authentication that QGIS has stored is referred to, not copied."), self)
        note.setWordWrap(True)
        self.lay_out(self.tree, note)

    def chosen(self) -> List[Found]:
        """Return the checked connections that can be imported."""
        items = [self.tree.topLevelItem(row) for row in range(self.tree.topLevelItemCount())]
        return [
            each
            for each, item in zip(self._found, items)
            if each.usable and item.checkState(0) == Qt.CheckState.Checked
        ]

    def store(self) -> None:
        """Import the checked connections."""
        names = import_connections(self.chosen())
        if names:
            messages.tell(tr("New connections: {names}.").format(names=", ".join(names)), Qgis.MessageLevel.Success)


def ask_for_import(parent: Optional[QWidget] = None) -> None:
    """Let the user choose which of QGIS's STAC connections to import.

    Parameters
    ----------
    parent : QWidget, optional
        The parent widget.
    """
    found = stac_connections()
    if not found:
        messages.tell(tr("QGIS has no STAC connections of its own; they come with QGIS 3.40."))
        return
    dialog = StacImportDialog(found, parent)
    dialog.exec()
    dialog.deleteLater()
