"""Each way to log in: what is sent, where it is stored, and that a log-out leaves the others."""

from __future__ import annotations

import threading
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Dict, Iterator, List, Tuple
from xml.etree.ElementTree import fromstring

import pytest
from qgis.core import QgsApplication, QgsAuthMethodConfig, QgsSettings

from planet_scenes.access_fields import AccessDialog
from planet_scenes.connection import Connection
from planet_scenes.connection_dialog import ConnectionDialog
from planet_scenes.connections import connections
from planet_scenes.log_in_fields import BEARER, STORED, LogInDialog
from planet_vector import keys
from planet_vector.connection_file import connections_path
from planet_vector.connection_lookup import find_connection
from planet_vector.errors import ConfigError
from planet_vector.keys import BASIC, Key
from planet_vector.raster.credential_files import header_file
from planet_vector.raster.gdal_xml import tiles_description


class Headers:
    """A service that records the header Authorization, by the first part of the path."""

    def __init__(self) -> None:
        self.seen: Dict[str, str] = {}
        seen = self.seen

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # noqa: N802 - its name
                seen[self.path.split("/")[1]] = self.headers.get("Authorization", "")
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def of(self, name: str) -> str:
        """Return what a connection sends."""
        connections().get(name).catalog().transport.get_json(f"{self.url}/{name}/v0/")
        return self.seen[name]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture(scope="module")
def headers() -> Iterator[Headers]:
    made = Headers()
    yield made
    made.close()


def own(method: str, name: str, **fields: str) -> str:
    """Store a configuration of the user's own, and return its id."""
    config = QgsAuthMethodConfig(method)
    config.setName(name)
    for key, text in fields.items():
        config.setConfig(key, text)
    assert QgsApplication.authManager().storeAuthenticationConfig(config)
    return str(config.id())


@pytest.fixture
def stored() -> Iterator[str]:
    made = own("Basic", "of the office", username="me", password="pass word:é")
    yield made
    QgsApplication.authManager().removeAuthenticationConfig(made)


def add(headers: Headers, name: str, kind: str, way: str, entered: Tuple[str, str], authcfg: str = "") -> None:
    """Add a connection by the dialog."""
    dialog = ConnectionDialog()
    dialog.name.setText(name)
    dialog.url.setText(f"{headers.url}/{name}/v0/")
    dialog.kind.setCurrentIndex(dialog.kind.findData(kind))
    dialog.log_in.choose(way)
    dialog.log_in.user.setText(entered[0])
    dialog.log_in.key.setText(entered[1])
    if authcfg:
        dialog.log_in.authcfg.setConfigId(authcfg)
    dialog.accept()
    assert dialog.result() == dialog.DialogCode.Accepted, dialog.said.text()
    assert dialog.log_in.key.text() == dialog.log_in.user.text() == ""
    dialog.deleteLater()


SECRET = "pass word:é"
BASIC_HEADER = "Basic " + b64encode(f"me:{SECRET}".encode()).decode()
WAYS: List[Tuple[str, str, str, Tuple[str, str], str]] = [
    ("key", "v0", "", ("", "k" * 32), "api-key " + "k" * 32),
    ("keyofstac", "stac", "", ("", "s" * 32), "Bearer " + "s" * 32),
    ("token", "v0", BEARER, ("", "eyJh.bGci.T-_k"), "Bearer eyJh.bGci.T-_k"),
    ("user", "stac", BASIC, ("me", SECRET), BASIC_HEADER),
    ("nopassword", "stac", BASIC, ("me", ""), "Basic " + b64encode(b"me:").decode()),
    ("none", "stac", "", ("", ""), ""),
]


def test_each_way_sends_what_it_says_and_a_log_out_leaves_the_others(headers: Headers, stored: str) -> None:
    for name, kind, way, entered, _ in WAYS:
        add(headers, name, kind, way, entered)
    add(headers, "stored", "stac", STORED, ("", ""), stored)
    expected = {**{name: sent for name, _, _, _, sent in WAYS}, "stored": BASIC_HEADER}
    assert {name: headers.of(name) for name in expected} == expected
    keys._lent.clear()  # as after a start: they are read from the authentication manager
    assert {name: headers.of(name) for name in expected} == expected
    # What others can read has no secret.
    kept = QgsSettings()
    text = "\n".join(f"{key}={kept.value(key)}" for key in kept.allKeys()) + connections_path().read_text()
    for secret in ("k" * 32, "s" * 32, "eyJh", SECRET, BASIC_HEADER[6:]):
        assert secret not in text
    for name in expected:
        connections().log_out(name)
        expected[name] = ""
        keys._lent.clear()
        assert {each: headers.of(each) for each in expected} == expected
    assert stored in QgsApplication.authManager().configIds(), "it is the user's own"


def test_another_way_replaces_the_one_before(headers: Headers, stored: str) -> None:
    add(headers, "key", "v0", "", ("", "k" * 32))
    before = connections().get("key").authcfg
    dialog = LogInDialog("key")
    dialog.fields.choose(STORED)
    dialog.fields.authcfg.setConfigId(stored)
    dialog.accept()
    assert headers.of("key") == BASIC_HEADER and connections().get("key").authcfg == stored
    assert before not in QgsApplication.authManager().configIds()
    dialog.fields.choose(BEARER)
    dialog.fields.key.setText("a.b.c")
    dialog.accept()
    assert headers.of("key") == "Bearer a.b.c" and stored in QgsApplication.authManager().configIds()
    dialog.deleteLater()
    connections().log_out("key")


def test_a_method_that_cannot_be_used_is_told_at_once(headers: Headers) -> None:
    wrong = own("PKI-Paths", "of a certificate", certpath="none")
    dialog = ConnectionDialog()
    dialog.name.setText("wrong")
    dialog.url.setText(f"{headers.url}/wrong/v0/")
    dialog.log_in.choose(STORED)
    dialog.log_in.authcfg.setConfigId(wrong)
    dialog.accept()
    assert dialog.said.text() == (
        "The stored authentication 'of a certificate' cannot be used: choose one of Basic, APIHeader."
    )
    assert "wrong" not in [known.name for known in connections().all()]
    dialog.deleteLater()
    QgsApplication.authManager().removeAuthenticationConfig(wrong)


@pytest.mark.parametrize("user, password", [("", "x"), ("a:b", "x"), ("a", "x\ny")])
def test_a_user_that_cannot_be_is_refused_and_not_shown(user: str, password: str) -> None:
    with pytest.raises(ConfigError, match="enter them again") as caught:
        Key.of_user(user, password)
    assert password not in str(caught.value)


def test_gdal_gets_the_same_and_a_token_is_not_sent_to_tiles(headers: Headers) -> None:
    for name, key in (("user", Key.of_user("me", SECRET)), ("token", Key("a.b.c", scheme=BEARER))):
        connections().add(Connection(name, f"{headers.url}/{name}/v0/"))
        connections().log_in(name, key)
    user, token = (connections().get(name).catalog() for name in ("user", "token"))
    assert header_file(user.settings).read_text() == f"Authorization: {BASIC_HEADER}\n"
    assert fromstring(tiles_description(user, "tiles/{z}/{x}/{y}.png", 9)).findtext("UserPwd") == f"me:{SECRET}"
    with pytest.raises(ConfigError, match="not sent to them"):
        tiles_description(token, "tiles/{z}/{x}/{y}.png", 9)
    for name in ("user", "token"):
        connections().log_out(name)


def test_signed_addresses_and_stores_are_kept_as_addresses_and_names(headers: Headers) -> None:
    dialog = ConnectionDialog()
    dialog.name.setText("files")
    dialog.url.setText(f"{headers.url}/files/stac/")
    dialog.access.profile.setText("no profile!")
    dialog.accept()
    assert "s3_profile is 'no profile!'" in dialog.said.text()
    dialog.access.profile.setText("mine")
    dialog.access.tokens.setText("https://example.org/sas/{account}/{container}")
    dialog.accept()
    assert dialog.result() == dialog.DialogCode.Accepted, dialog.said.text()
    dialog.deleteLater()
    access = find_connection("files").access
    assert (access.s3_profile, access.token_url) == ("mine", "https://example.org/sas/{account}/{container}")
    again = AccessDialog("files")
    assert again.fields.profile.text() == "mine" and not again.fields.pays.isChecked()
    again.fields.tokens.clear()
    again.fields.pays.setChecked(True)
    again.fields.endpoint.setText("s3.example.org")
    again.fields.hosts.setText("a.example.org, b.example.org")
    again.accept()
    again.deleteLater()
    access = connections().get("files").catalog().settings.access
    assert access.requester_pays and access.token_url == "" and access.s3_endpoint == "s3.example.org"
    assert access.bearer_hosts == ("a.example.org", "b.example.org")


def test_access_to_files_is_offered_for_stac_only() -> None:
    dialog = ConnectionDialog()
    shown = {}
    for kind in ("v0", "data-v1", "stac"):
        dialog.kind.setCurrentIndex(dialog.kind.findData(kind))
        shown[kind] = not dialog.access.isHidden()
    assert shown == {"v0": False, "data-v1": False, "stac": True}
    dialog.deleteLater()
