"""Import of QGIS's own STAC connections, as QGIS 3.40 stores them."""

from __future__ import annotations

from typing import Dict, Iterator

import pytest
from qgis.core import QgsApplication, QgsAuthMethodConfig, QgsSettings
from qgis.PyQt.QtCore import Qt

from planet_scenes.browser import RootItem
from planet_scenes.connection import Connection
from planet_scenes.connections import connections
from planet_scenes.stac_import import stac_connections
from planet_scenes.stac_import_dialog import StacImportDialog, ask_for_import
from planet_vector import keys
from planet_vector.connection_file import connections_path
from tests.qgis.conftest import Desktop


@pytest.fixture
def stored() -> Iterator[Dict[str, str]]:
    """Store connections as QgsStacConnection does, and return the ids of two authentication configurations."""
    manager, ids = QgsApplication.authManager(), {}
    for method in ("Basic", "PKI-Paths"):
        config = QgsAuthMethodConfig(method)
        config.setName(f"my {method}")
        config.setConfig("username", "me")
        config.setConfig("password", "hush")
        assert manager.storeAuthenticationConfig(config)
        ids[method] = config.id()
    kept = QgsSettings()
    for name, fields in {
        "plain": {"url": "https://a.example.org/stac"},
        "with Basic": {"url": "https://b.example.org/stac/", "authcfg": ids["Basic"]},
        "with PKI": {"url": "https://c.example.org/stac/", "authcfg": ids["PKI-Paths"]},
        "in the clear": {"url": "https://d.example.org/", "username": "me", "password": "in-the-clear"},
        "headers": {"url": "https://e.example.org/", "http-header": {"authorization": "Bearer in-the-clear"}},
        "files": {"url": "https://f.example.org/catalog.json"},
        "a file": {"url": "file:///data/catalog.json"},
        "key in it": {"url": "https://g.example.org/?key=in-the-clear"},
        "known": {"url": "https://earth-search.aws.element84.com/v1"},
        "local": {"url": "https://h.example.org/"},
    }.items():
        for key, value in fields.items():
            kept.setValue(f"connections/stac/items/{name}/{key}", value)
    yield ids
    kept.remove("connections/stac")
    for each in ids.values():
        manager.removeAuthenticationConfig(each)


def test_they_are_listed_with_what_cannot_be_taken(stored: Dict[str, str]) -> None:
    found = {each.name: each for each in stac_connections()}
    assert {name: each.remark for name, each in found.items() if each.usable} == {
        "plain": "", "with Basic": "", "local": "",
        "with PKI": "The stored authentication 'my PKI-Paths' cannot be used: choose one of Basic, APIHeader.",
        "in the clear": "Its user name and password are not taken, as they are not encrypted: log in.",
        "headers": "Its HTTP headers are not taken.",
    }  # fmt: skip
    refused = {name: each.remark for name, each in found.items() if not each.usable}
    assert refused["files"] == "It is a catalog of files, which cannot be searched."
    assert refused["known"] == "It is the connection earth-search already."
    assert "http(s) address" in refused["a file"] and "a query" in refused["key in it"]
    assert "in-the-clear" not in repr(found)


def test_the_chosen_ones_become_connections(stored: Dict[str, str], desktop: Desktop) -> None:
    dialog = StacImportDialog(stac_connections())
    items = {item.text(0): item for item in map(dialog.tree.topLevelItem, range(dialog.tree.topLevelItemCount()))}
    assert items["files"].isDisabled() and not items["plain"].isDisabled()
    items["plain"].setCheckState(0, Qt.CheckState.Unchecked)
    items["files"].setCheckState(0, Qt.CheckState.Checked)
    dialog.accept()
    dialog.deleteLater()
    known = {each.name: each for each in connections().all()}
    basic = known["with Basic"]
    assert basic == Connection("with Basic", "https://b.example.org/stac/", stored["Basic"], "stac")
    assert basic.catalog().settings.key == keys.Key.of_user("me", "hush"), "by reference"
    assert known["with PKI"].authcfg == "" and known["local 2"].url == "https://h.example.org/"
    assert "plain" not in known and "files" not in known
    (said,) = desktop.said()
    assert said == "New connections: headers, in the clear, local 2, with Basic, with PKI."
    settings = "\n".join(f"{key}={QgsSettings().value(key)}" for key in QgsSettings().allKeys() if "planet" in key)
    assert "in-the-clear" not in connections_path().read_text() + settings and "hush" not in settings
    assert [each.name for each in stac_connections() if each.usable] == ["plain"]


def test_without_any_that_is_told(desktop: Desktop) -> None:
    (entry,) = [each for each in RootItem().actions(desktop.window) if each.text().startswith("Import")]
    entry.trigger()
    assert desktop.said() == ["QGIS has no STAC connections of its own; they come with QGIS 3.40."]
    ask_for_import()
    assert len(desktop.said()) == 2
