"""The options page and its questions: connections, keys, the results kept on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator

import pytest
from qgis.core import QgsApplication, QgsAuthMethodConfig
from qgis.PyQt.QtWidgets import QInputDialog, QLineEdit, QMessageBox

from planet_scenes.connection import Connection
from planet_scenes.connection_dialog import ConnectionDialog
from planet_scenes.connections import connections
from planet_scenes.log_in_fields import LogInDialog
from planet_scenes.options_page import Factory, Page
from planet_vector.connections import BUILT_IN, ENVIRONMENT
from planet_vector.vector import disk_cache
from tests.conftest import KEY, Service


@pytest.fixture
def page(connection: Connection) -> Iterator[Page]:
    connections().set_current(connection.name)
    made = Factory().createWidget()
    yield made
    made.close()
    made.deleteLater()


def _rows(page: Page) -> Any:
    return [[page.table.item(row, column).text() for column in range(3)] for row in range(page.table.rowCount())]


def test_the_page_shows_the_connections(page: Page, connection: Connection) -> None:
    assert Factory().title() == "Planet Scenes"
    assert _rows(page) == [
        ["sample", connection.url, "logged in"],
        *([known.name, known.root, "none"] for known in BUILT_IN.values()),
    ]
    assert page.selected() == "sample"
    connections().add(Connection("other", "http://127.0.0.1:9/v0/"))
    assert _rows(page)[0] == ["other", "http://127.0.0.1:9/v0/", "none"]
    assert page.selected() == "sample"


def test_a_service_of_the_environment_is_shown_and_cannot_be_removed(connected: Service) -> None:
    page = Factory().createWidget()
    assert _rows(page) == [
        [ENVIRONMENT, connected.url, "set outside QGIS"],
        *([known.name, known.root, "none"] for known in BUILT_IN.values()),
    ]
    for row in range(3):
        page.table.selectRow(row)
        assert not page.buttons["remove"].isEnabled() and page.buttons["log_in"].isEnabled()
        assert page.buttons["rename"].isEnabled() == (row == 0)
    page.close()
    page.deleteLater()


def test_buttons_do_what_they_say(page: Page, enter_key: None, monkeypatch: pytest.MonkeyPatch) -> None:
    connections().add(Connection("other", "http://127.0.0.1:9/v0/"))
    page.select("other")
    enabled = {name for name, button in page.buttons.items() if button.isEnabled()}
    assert enabled >= {"new", "rename", "remove", "log_in"} and "log_out" not in enabled
    page.select("sample")
    page.buttons["use"].click()
    assert connections().current().name == "sample"
    page.buttons["log_out"].click()
    assert not connections().logged_in("sample")
    page.buttons["log_in"].click()
    assert connections().logged_in("sample")
    monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: ("renamed", True))
    page.buttons["rename"].click()
    assert [connection.name for connection in connections().all()] == ["other", "renamed", *BUILT_IN]
    page.select("other")
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Yes)
    page.buttons["remove"].click()
    assert [row[0] for row in _rows(page)] == ["renamed", *BUILT_IN]


def test_what_is_wrong_is_said(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    connections().add(Connection("other", "http://127.0.0.1:9/v0/"))
    said = []
    monkeypatch.setattr(QMessageBox, "warning", lambda parent, title, text: said.append(text))
    monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: ("other", True))
    page.select("sample")
    page.buttons["rename"].click()
    assert len(said) == 1 and "name" in said[0]


def test_kept_results_are_counted_and_removed(page: Page, service: Service) -> None:
    folder: Path = disk_cache.directory()
    folder.mkdir(parents=True)
    (folder / "a.rows").write_bytes(bytes(2**20))
    page.fill()
    assert page.kept.text() == "1 results, 1.0 MB"
    page.clear.click()
    assert list(folder.iterdir()) == []
    assert page.kept.text() == "0 results, 0.0 MB" and not page.clear.isEnabled()


def test_a_new_connection_keeps_its_key_in_the_authentication_manager(service: Service) -> None:
    dialog = ConnectionDialog()
    assert dialog.log_in.key.echoMode() == QLineEdit.EchoMode.Password
    dialog.name.setText("mine")
    dialog.url.setText(service.url)
    dialog.log_in.key.setText(KEY)
    heard = []
    connections().changed.connect(lambda: heard.append(connections().logged_in("mine")))
    dialog.accept()
    assert heard and all(heard), "nobody hears of it before the key is there"
    assert dialog.result() == dialog.DialogCode.Accepted
    assert dialog.log_in.key.text() == ""
    kept = connections().get("mine")
    config = QgsAuthMethodConfig()
    assert QgsApplication.authManager().loadAuthenticationConfig(kept.authcfg, config, True)
    assert (config.method(), config.config("username")) == ("Basic", KEY)
    assert sorted(kept.catalog().scene_types()) == ["landsat", "ortho", "rapideye"]
    dialog.deleteLater()


@pytest.mark.parametrize(
    ("name", "url", "key", "said"),
    [
        ("", "http://127.0.0.1:9/v0/", "", "name"),
        ("a", "ftp://example.org", "", "http(s) address"),
        ("a", "http://user@127.0.0.1:9/v0/", "", "user name"),
        ("a", "http://127.0.0.1:9/v0/", "with space", "contains an invalid character"),
    ],
)
def test_a_connection_that_cannot_be_is_refused_in_the_dialog(
    connection: Connection, name: str, url: str, key: str, said: str
) -> None:
    dialog = ConnectionDialog()
    dialog.name.setText(name)
    dialog.url.setText(url)
    dialog.log_in.key.setText(key)
    dialog.accept()
    assert said in dialog.said.text()
    assert dialog.result() != dialog.DialogCode.Accepted
    assert [known.name for known in connections().all()] == ["sample", *BUILT_IN]
    assert not key or key not in dialog.said.text()
    dialog.deleteLater()


def test_a_key_is_asked_for_masked_and_a_wrong_one_refused(connection: Connection) -> None:
    connections().log_out("sample")
    dialog = LogInDialog("sample")
    assert dialog.fields.key.echoMode() == QLineEdit.EchoMode.Password
    dialog.fields.key.setText("no key")
    dialog.accept()
    assert "invalid character" in dialog.said.text() and "no key" not in dialog.said.text()
    assert dialog.result() != dialog.DialogCode.Accepted and not connections().logged_in("sample")
    dialog.deleteLater()
