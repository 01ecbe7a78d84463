"""Fields and dialog for access to the files of a STAC connection: signed addresses, stores, further hosts.

They take names and addresses only: secrets of a store are in the user's own AWS settings, signatures are requested.
"""

from __future__ import annotations

from typing import Dict, Optional

from qgis.gui import QgsCollapsibleGroupBoxBasic
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QLineEdit,
    QWidget,
)

from planet_scenes.connections import connections
from planet_scenes.dialogs import StoringDialog
from planet_scenes.help import CONNECTIONS
from planet_scenes.texts import tr
from planet_scenes.widgets import fit_placeholder
from planet_vector.asset_access import AssetAccess
from planet_vector.connection_lookup import find_connection


class AccessFields(QgsCollapsibleGroupBoxBasic):
    """Fields for access to the files of a connection.

    Parameters
    ----------
    parent : QWidget, optional
        The parent widget.
    """

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(tr("Access to the files of scenes"), parent)
        self.tokens, self.profile, self.endpoint, self.hosts = (QLineEdit(self) for _ in range(4))
        self.tokens.setPlaceholderText("https://example.org/sas/{account}/{container}")
        self.profile.setPlaceholderText("default")
        self.endpoint.setPlaceholderText("s3.example.org")
        self.hosts.setPlaceholderText("data.example.org")
        self.tokens.setToolTip(tr("Address of the tokens (SAS) that sign addresses of Azure"))
        self.profile.setToolTip(tr("Profile of your AWS settings that has the keys of the store"))
        self.endpoint.setToolTip(tr("Host of the store; empty for that of your AWS settings"))
        self.hosts.setToolTip(tr("Further hosts that get the key, too, with commas between"))
        fit_placeholder(self.tokens)  # the longest
        self.pays = QCheckBox(tr("Pay for requests where the owner charges for them"), self)
        form = QFormLayout(self)
        form.addRow(tr("Tokens (SAS)"), self.tokens)
        form.addRow(tr("S3 profile"), self.profile)
        form.addRow(tr("S3 host"), self.endpoint)
        form.addRow(self.pays)
        form.addRow(tr("Hosts with the key"), self.hosts)

    def fill(self, access: AssetAccess) -> None:
        """Show settings.

        Parameters
        ----------
        access : AssetAccess
            The settings.
        """
        self.tokens.setText(access.token_url)
        self.profile.setText(access.s3_profile)
        self.endpoint.setText(access.s3_endpoint)
        self.pays.setChecked(access.requester_pays)
        self.hosts.setText(", ".join(access.bearer_hosts))

    def changes(self) -> Dict[str, object]:
        """Return the settings, as `AssetAccess.with_changes` takes them."""
        hosts = [host.strip() for host in self.hosts.text().split(",") if host.strip()]
        return {
            "token_url": self.tokens.text().strip(),
            "s3_profile": self.profile.text().strip(),
            "s3_endpoint": self.endpoint.text().strip(),
            "requester_pays": self.pays.isChecked(),
            "bearer_hosts": hosts,
        }


class AccessDialog(StoringDialog):
    """Dialog for access to the files of a connection.

    Parameters
    ----------
    name : str
        The connection.
    parent : QWidget, optional
        The parent widget.

    Raises
    ------
    ConfigError
        If there is no connection of that name.
    """

    def __init__(self, name: str, parent: Optional[QWidget] = None) -> None:
        super().__init__(tr("Files of {name}").format(name=name), CONNECTIONS, parent)
        self._name = name
        self.fields = AccessFields(self)
        self.fields.fill(find_connection(name).access)
        self.lay_out(self.fields)

    def store(self) -> None:
        """Store the settings."""
        connections().change_access(self._name, self.fields.changes())


def ask_for_access(name: str, parent: Optional[QWidget] = None) -> None:
    """Ask how the files of a connection are accessed.

    Parameters
    ----------
    name : str
        The connection.
    parent : QWidget, optional
        The parent widget.
    """
    dialog = AccessDialog(name, parent)
    dialog.exec()
    dialog.deleteLater()
