"""Connections: kept by QGIS, their keys by its authentication manager and nowhere else."""

from __future__ import annotations

import json
from typing import Any, Callable, List
from urllib.parse import urlsplit

import pytest
from qgis.core import QgsApplication, QgsAuthMethodConfig, QgsSettings

from planet_scenes.connections import Connection, connections
from planet_vector import keys
from planet_vector.errors import AuthError, ConfigError
from planet_vector.keys import credentials_path, lent_key
from planet_vector.raster.credential_files import header_file
from planet_vector.roots import DEFAULT_API_URL
from tests.conftest import KEY, Service


def settings() -> str:
    kept = QgsSettings()
    return "\n".join(f"{key}={kept.value(key)}" for key in kept.allKeys())


def test_without_any_there_is_the_public_service() -> None:
    (only,) = connections().all()
    assert only.url == "https://api.planet.com/v0/" and not connections().logged_in(only.name)


def test_they_are_added_renamed_chosen_and_removed() -> None:
    heard = []
    connections().changed.connect(lambda: heard.append(1))
    connections().add(Connection("a", "http://127.0.0.1:1/v0"))
    connections().add(Connection("b", "http://127.0.0.1:2/v0/"))
    connections().set_current("b")
    connections().rename("b", "c")
    names = [known.name for known in connections().all()]
    assert names == ["a", "c", "planet.com"] and connections().current().name == "c"
    assert connections().get("a").url == "http://127.0.0.1:1/v0/"
    connections().remove("c")
    assert [known.name for known in connections().all()] == ["a", "planet.com"]
    assert len(heard) >= 5
    with pytest.raises(ConfigError, match="no connection 'c'"):
        connections().get("c")


@pytest.mark.parametrize(
    ("name", "url", "said"),
    [
        ("sample", "http://127.0.0.1:9/v0/", "already"),
        ("", "http://127.0.0.1:9/v0/", "name"),
        ("a/b", "http://127.0.0.1:9/v0/", "slash and comma"),
        ("Planet, EU", "http://127.0.0.1:9/v0/", "slash and comma"),
        ("x", "ftp://127.0.0.1/", "http"),
        ("x", "http://user:secret@127.0.0.1/", "user name"),
    ],
)
def test_what_cannot_be_is_refused(connection: Connection, name: str, url: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        connections().add(Connection(name, url))
    assert "secret" not in str(caught.value)


def test_a_second_connection_to_one_root_is_refused(connection: Connection) -> None:
    with pytest.raises(ConfigError, match="'sample' has this root already"):
        connections().add(Connection("other", connection.url.upper().replace("HTTP", "http").replace("/V0", "/v0")))


def test_a_key_is_kept_by_the_authentication_manager_alone(connection: Connection, service: Service) -> None:
    assert connections().logged_in("sample")
    assert service.key not in settings() and service.key not in repr(connection)
    config = QgsAuthMethodConfig()
    QgsApplication.authManager().loadAuthenticationConfig(connection.authcfg, config, True)
    assert config.config("username") == service.key
    assert connection.catalog().scene_types()


def test_a_new_session_reads_it_again(connection: Connection, service: Service) -> None:
    keys._lent.clear()  # as after a start
    assert connection.catalog().scene_types()
    assert lent_key(service.url) is not None


def test_logging_out_leaves_nothing(connection: Connection, service: Service) -> None:
    file = header_file(connection.catalog().settings)
    assert service.key in file.read_text()
    connections().log_out("sample")
    assert not connections().logged_in("sample") and lent_key(service.url) is None
    assert not file.exists() and not credentials_path().exists()
    assert connection.authcfg not in QgsApplication.authManager().configIds()
    with pytest.raises(AuthError):
        connections().get("sample").catalog().scene_types()


@pytest.mark.parametrize("way", ["log_out", "remove", "log_in"])
def test_a_configuration_of_the_user_s_own_stays(connection: Connection, way: str) -> None:
    own = QgsAuthMethodConfig("Basic")
    own.setName("my WMS")
    own.setConfig("username", "me")
    own.setConfig("password", "secret")
    manager = QgsApplication.authManager()
    assert manager.storeAuthenticationConfig(own)
    connections().add(Connection("two", "http://127.0.0.1:9/v0/", own.id()))
    if way == "log_in":
        connections().log_in("two", KEY)
        assert connections().get("two").authcfg not in ("", own.id())
        connections().log_out("two")
    else:
        getattr(connections(), way)("two")
    assert own.id() in manager.configIds()
    manager.removeAuthenticationConfig(own.id())


# ---- the service of the environment ------------------------------------------------------------------------


def names() -> List[str]:
    return [known.name for known in connections().all()]


def test_without_stored_connections_the_service_of_the_environment_is_the_default(connected: Service) -> None:
    host = urlsplit(connected.url).netloc
    assert names() == [host, "planet.com"]
    assert connections().current().url == connected.url
    assert sorted(connections().current().catalog().scene_types()) == ["landsat", "ortho", "rapideye"]
    assert connected.key not in settings()


def test_beside_stored_connections_it_is_offered_and_no_default(
    connected: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections().add(Connection("a", "http://127.0.0.1:9/v0/"))
    assert names() == ["a", "planet.com", urlsplit(connected.url).netloc]
    assert connections().current().name == "a"
    monkeypatch.delenv("PL_API_URL")
    monkeypatch.delenv("PL_API_KEY")
    assert names() == ["a", "planet.com"], "it is stored nowhere"


@pytest.mark.parametrize("url", ["", DEFAULT_API_URL, "https://API.planet.com/v0"])
def test_a_service_that_is_a_connection_already_is_not_offered_twice(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_API_URL", url)
    monkeypatch.setenv("PL_API_KEY", KEY)
    assert names() == ["planet.com"]
    connections().add(Connection("a", "http://127.0.0.1:9/v0/"))
    assert names() == ["a", "planet.com"]
    connections().remove("planet.com")
    assert names() == ["a", "planet.com"] and not connections().is_stored("planet.com")


def test_it_takes_no_other_connection_s_name(monkeypatch: pytest.MonkeyPatch) -> None:
    connections().add(Connection("127.0.0.1:9", "http://127.0.0.1:8/v0/"))
    monkeypatch.setenv("PL_API_URL", "http://127.0.0.1:9/v0/")
    assert names() == ["127.0.0.1:9", "planet.com", "127.0.0.1:9 (PL_API_URL)"]
    assert connections().get("127.0.0.1:9").url == "http://127.0.0.1:8/v0/"


def test_a_wrong_address_in_the_environment_is_said_when_something_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_API_URL", "ftp://127.0.0.1/")
    assert names() == ["planet.com"]
    with pytest.raises(ConfigError, match="check PL_API_URL"):
        connections().current().catalog()


def test_what_is_done_with_it_stores_it_beside_the_public_service(connected: Service) -> None:
    host = urlsplit(connected.url).netloc
    connections().save_search(host, "All", "PLANET:ortho")
    assert names() == [host, "planet.com"] and connections().searches(host) == {"All": "PLANET:ortho"}
    assert connections().is_stored(host) and connections().is_stored("planet.com")
    connections().rename(host, "mine")
    assert names() == ["mine", "planet.com"] and list(connections().searches("mine")) == ["All"]
    connections().remove("mine")
    assert names() == ["planet.com", host]
    with pytest.raises(ConfigError, match="is not stored in QGIS"):
        connections().remove(host)
    connections().rename(host, "again")
    assert names() == ["again", "planet.com"]


def test_another_key_than_the_environment_s_is_stored_with_it(connected: Service) -> None:
    connections().log_in(connections().current().name, "0" * 32)
    with pytest.raises(AuthError):
        connections().current().catalog().scene_types()
    connections().log_out(connections().current().name)
    assert connections().current().catalog().scene_types()


def test_a_connection_is_found_by_its_name_or_its_address(connection: Connection) -> None:
    assert connections().find("sample") == connections().find(connection.url) == connection
    assert connections().find(f" {connection.url.replace('http', 'HTTP').rstrip('/')} ") == connection


def test_another_address_is_asked_with_a_key_of_its_own_only(
    connected: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = connections().find("http://127.0.0.1:9/v0")
    assert other.url == other.name == "http://127.0.0.1:9/v0/" and not connections().is_stored(other.name)
    assert other.catalog().settings.key is None
    assert connections().find(connected.url).catalog().settings.key == keys.Key(connected.key)
    sibling = connections().find(connected.url.replace("/v0/", "/v1/"))  # of the same origin
    assert sibling.catalog().settings.key == keys.Key(connected.key)
    monkeypatch.delenv("PL_API_URL")
    assert connections().find(connected.url).catalog().settings.key is None


@pytest.mark.parametrize("text", ["simple", "", "SAMPLE", "sample,planet.com"])
def test_a_wrong_name_is_answered_with_those_there_are(connection: Connection, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        connections().find(text)
    assert str(caught.value) == (
        f"There is no connection {text!r}: give one of 'planet.com', 'sample', or the root URL of a service."
    )


@pytest.mark.parametrize("text", ["ftp://127.0.0.1/", "http://me:secret@127.0.0.1/v0/", "http://127.0.0.1/?key=secret"])
def test_an_address_that_cannot_be_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        connections().find(text)
    assert "secret" not in str(caught.value)


# ---- what may go wrong -------------------------------------------------------------------------------------


def test_settings_edited_by_hand_do_not_stop_the_plugin() -> None:
    kept = {"good": {"url": "http://127.0.0.1:9/v0/"}, "a": {}, "b": [], "c": {"url": 3}, "d": {"url": "ftp://x/"}}
    QgsSettings().setValue("planet_scenes/connections", json.dumps(kept))
    assert [known.name for known in connections().all()] == ["good"]


def test_a_wrong_key_is_an_error_of_the_service(make_connection: Callable[..., Any], service: Service) -> None:
    made = make_connection(service, "wrong", log_in=False)
    connections().log_in("wrong", "0" * 32)
    with pytest.raises(AuthError, match="check the key"):
        connections().get(made.name).catalog().scene_types()


def test_what_is_no_key_is_refused_and_not_shown(connection: Connection) -> None:
    with pytest.raises(ConfigError) as caught:
        connections().log_in("sample", 'my "key"')
    assert "my" not in str(caught.value)


def test_searches_are_kept_with_their_connection(connection: Connection) -> None:
    connections().save_search("sample", "Clear", "PLANET:ortho?cloud_cover.estimated.lte=5")
    connections().rename_search("sample", "Clear", "Clear days")
    assert connections().searches("sample") == {"Clear days": "PLANET:ortho?cloud_cover.estimated.lte=5"}
    connections().rename("sample", "s")
    assert list(connections().searches("s")) == ["Clear days"]
    connections().remove_search("s", "Clear days")
    assert connections().searches("s") == {}
