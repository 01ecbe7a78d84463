"""Connections: kept by QGIS, their keys by its authentication manager and nowhere else."""

from __future__ import annotations

import json
from typing import Any, Callable

import pytest
from qgis.core import QgsApplication, QgsAuthMethodConfig, QgsSettings

from planet_scenes.connections import Connection, connections
from planet_vector.config import credentials_path, lent_key
from planet_vector.errors import AuthError, ConfigError
from planet_vector.raster.keyfiles import header_file
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
    from planet_vector import config

    config._lent.clear()  # as after a start
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
