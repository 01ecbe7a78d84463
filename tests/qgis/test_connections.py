"""Connections: kept by QGIS, their keys by its authentication manager and nowhere else."""

from __future__ import annotations

import json
from typing import Any, Callable, List

import pytest
from qgis.core import QgsApplication, QgsAuthMethodConfig, QgsSettings

from planet_scenes.connection import Connection
from planet_scenes.connections import connections
from planet_vector import keys
from planet_vector.connection_file import (
    add_connection,
    connections_path,
    remove_connection,
    rename_connection,
    set_default,
)
from planet_vector.connection_lookup import all_connections, find_connection
from planet_vector.connections import BUILT_IN, ENVIRONMENT, PLANET
from planet_vector.errors import AuthError, ConfigError
from planet_vector.keys import credentials_path, lent_key
from planet_vector.raster.credential_files import header_file
from tests.conftest import KEY, Service
from tests.qgis.conftest import Desktop


def settings() -> str:
    kept = QgsSettings()
    return "\n".join(f"{key}={kept.value(key)}" for key in kept.allKeys())


def test_without_any_there_are_those_built_in() -> None:
    assert [known.name for known in connections().all()] == [*BUILT_IN]
    only = connections().get(PLANET)
    assert only == Connection(PLANET, BUILT_IN[PLANET].root, kind="data-v1") == connections().current()
    assert not connections().logged_in(only.name) and not connections().is_own(only.name)


def test_they_are_added_renamed_chosen_and_removed() -> None:
    heard = []
    connections().changed.connect(lambda: heard.append(1))
    connections().add(Connection("a", "http://127.0.0.1:1/v0"))
    connections().add(Connection("b", "http://127.0.0.1:2/v0/"))
    connections().set_current("b")
    connections().rename("b", "c")
    names = [known.name for known in connections().all()]
    assert names == ["a", "c", *BUILT_IN] and connections().current().name == "c"
    assert [known.name for known in all_connections()] == names, "what commands and Python know"
    assert connections().get("a").url == "http://127.0.0.1:1/v0/"
    connections().remove("c")
    assert [known.name for known in connections().all()] == ["a", *BUILT_IN] and connections().current().name == PLANET
    assert len(heard) >= 5
    with pytest.raises(ConfigError, match="no connection 'c'"):
        connections().get("c")


@pytest.mark.parametrize(
    ("name", "url", "said"),
    [
        ("sample", "http://127.0.0.1:9/v0/", "already"),
        ("", "http://127.0.0.1:9/v0/", "name"),
        ("a/b", "http://127.0.0.1:9/v0/", "name of up to 64 characters"),
        ("Planet, EU", "http://127.0.0.1:9/v0/", "name of up to 64 characters"),
        ("x", "ftp://127.0.0.1/", "http"),
        ("x", "http://user:secret@127.0.0.1/", "user name"),
    ],
)
def test_what_cannot_be_is_refused(connection: Connection, name: str, url: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        connections().add(Connection(name, url))
    assert "secret" not in str(caught.value)


def test_a_second_connection_to_one_root_is_refused(connection: Connection) -> None:
    with pytest.raises(ConfigError, match="'sample' has the root .* already"):
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


def test_what_a_command_added_is_there_and_the_other_way_round(service: Service) -> None:
    add_connection("of a command", service.url)
    set_default("of a command")
    assert connections().current().name == "of a command"
    connections().log_in("of a command", service.key)
    assert connections().get("of a command").catalog().scene_types()
    rename_connection("of a command", "renamed")
    assert connections().logged_in("renamed") and connections().get("renamed").catalog().scene_types()
    remove_connection("renamed")
    connections().add(Connection("again", service.url))
    assert find_connection("again").root == service.url and connections().logged_in("again")


def test_logging_out_of_one_leaves_the_other_on_its_origin(service: Service) -> None:
    first, second = (f"{service.url.rpartition('v0/')[0]}{part}/v0/" for part in "ab")
    for name, root, key in (("first", first, "a" * 32), ("second", second, "b" * 32)):
        connections().add(Connection(name, root))
        connections().log_in(name, key)
    assert [connections().get(name).catalog().settings.key for name in ("first", "second")] == [
        keys.Key("a" * 32), keys.Key("b" * 32)
    ]  # fmt: skip
    connections().log_out("first")
    assert lent_key(first) is None and lent_key(second) == keys.Key("b" * 32)
    assert connections().logged_in("second") and not connections().logged_in("first")


def test_those_that_an_earlier_version_kept_are_taken_over(service: Service) -> None:
    """With their keys and searches, whatever their names; Planet's own goes unless something was made of it."""
    config = QgsAuthMethodConfig("Basic")
    config.setName("Planet Scenes: My | office")
    config.setConfig("username", service.key)
    config.setConfig("password", "x")
    manager = QgsApplication.authManager()
    assert manager.storeAuthenticationConfig(config)
    add_connection("office", "https://imagery.example.org/a/v0/")
    earlier = {
        "planet.com": {"url": "https://api.planet.com/v0/"},
        "My | office": {"url": service.url, "authcfg": config.id(), "searches": {"July": "PLANET:ortho"}},
        "office": {"url": "https://imagery.example.org/b/v0"},
        "of the file": {"url": "https://imagery.example.org/a/v0/", "searches": {"A": "PLANET:ortho"}},
        "x" * 80: {"url": "http://127.0.0.1:9/v0/"},
        "broken": {"url": "ftp://x/"},
    }
    QgsSettings().setValue("planet_scenes/connections", json.dumps(earlier))
    found = {known.name: known.url for known in connections().all()}
    assert found == {
        "My _ office": service.url, "office": "https://imagery.example.org/a/v0/",
        "office 2": "https://imagery.example.org/b/v0/", "x" * 64: "http://127.0.0.1:9/v0/",
        **{name: known.root for name, known in BUILT_IN.items()},
    }  # fmt: skip
    assert connections().searches("My _ office") == {"July": "PLANET:ortho"}
    assert connections().searches("office") == {"A": "PLANET:ortho"}
    assert connections().get("My _ office").catalog().scene_types()
    assert QgsSettings().value("planet_scenes/connections") is None
    assert {known.name: known.url for known in connections().all()} == found
    connections().log_out("My _ office")


def test_planet_s_own_is_taken_over_where_somebody_has_logged_in_to_it() -> None:
    kept = {"planet.com": {"url": "https://api.planet.com/v0/", "authcfg": "abc1234"}}
    QgsSettings().setValue("planet_scenes/connections", json.dumps(kept))
    assert [known.name for known in connections().all()] == ["planet.com", *BUILT_IN]
    assert connections().get("planet.com").authcfg == "abc1234"


def test_a_file_that_cannot_be_read_is_told_once_and_stays(desktop: Desktop) -> None:
    connections_path().parent.mkdir(parents=True)
    connections_path().write_text("{")
    for _ in range(3):
        assert [known.name for known in connections().all()] == [*BUILT_IN] and connections().current().name == PLANET
    (said,) = desktop.said()
    assert str(connections_path()) in said and "correct or remove it" in said
    with pytest.raises(ConfigError, match="correct or remove it"):
        connections().add(Connection("a", "http://127.0.0.1:9/v0/"))
    assert connections_path().read_text() == "{"


# ---- the service of the environment ------------------------------------------------------------------------


def names() -> List[str]:
    return [known.name for known in connections().all()]


def test_the_service_of_the_environment_comes_first_and_is_kept_nowhere(
    connected: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections().add(Connection("a", "http://127.0.0.1:9/v0/"))
    assert names() == [ENVIRONMENT, "a", *BUILT_IN]
    assert connections().current().url == connected.url
    assert sorted(connections().current().catalog().scene_types()) == ["landsat", "ortho", "rapideye"]
    assert connected.key not in settings()
    connections().set_current("a")
    assert connections().current().name == "a", "what was chosen goes before it"
    monkeypatch.delenv("PL_API_URL")
    assert names() == ["a", *BUILT_IN]


def test_a_service_that_is_a_connection_already_is_not_offered_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    connections().add(Connection("a", "http://127.0.0.1:9/v0/"))
    monkeypatch.setenv("PL_API_URL", "http://127.0.0.1:9/v0")
    assert names() == ["a", *BUILT_IN] and connections().current().name == "a"


def test_a_wrong_address_in_the_environment_is_told(monkeypatch: pytest.MonkeyPatch, desktop: Desktop) -> None:
    monkeypatch.setenv("PL_API_URL", "ftp://127.0.0.1/")
    assert names() == [*BUILT_IN]
    (said,) = desktop.said()
    assert "check PL_API_URL" in said


def test_searches_and_a_new_name_are_kept_for_it(connected: Service) -> None:
    connections().save_search(ENVIRONMENT, "All", "PLANET:ortho")
    assert connections().searches(ENVIRONMENT) == {"All": "PLANET:ortho"} and not connections().is_own(ENVIRONMENT)
    with pytest.raises(ConfigError, match="built in"):
        connections().remove(ENVIRONMENT)
    connections().rename(ENVIRONMENT, "mine")
    assert names() == ["mine", *BUILT_IN] and list(connections().searches("mine")) == ["All"]
    connections().remove("mine")
    assert names() == [ENVIRONMENT, *BUILT_IN] and connections().searches(ENVIRONMENT) == {}


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
    assert other.url == other.name == "http://127.0.0.1:9/v0/" and not connections().is_own(other.name)
    assert other.catalog().settings.key is None
    assert connections().find(connected.url).catalog().settings.key == keys.Key(connected.key)
    sibling = connections().find(connected.url.replace("/v0/", "/other/v0/"))  # of the same origin
    assert sibling.catalog().settings.key is None
    monkeypatch.delenv("PL_API_URL")
    assert connections().find(connected.url).catalog().settings.key is None


@pytest.mark.parametrize("text", ["simple", "", "SAMPLE", "sample,local"])
def test_a_wrong_name_is_answered_with_those_there_are(connection: Connection, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        connections().find(text)
    assert str(caught.value) == (
        f"There is no connection {text!r}: give one of "
        f"{', '.join(map(repr, ['sample', *BUILT_IN]))}, or the root URL of a service."
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
    QgsSettings().setValue("planet_scenes/services", "[1")
    assert [known.name for known in connections().all()] == ["good", *BUILT_IN]


def test_a_wrong_key_is_an_error_of_the_service(make_connection: Callable[..., Any], service: Service) -> None:
    made = make_connection(service, "wrong", log_in=False)
    connections().log_in("wrong", "0" * 32)
    with pytest.raises(AuthError, match="the key from QGIS .401.: check the key"):
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
