"""Keys: where they come from, where they go, that they never show."""

from __future__ import annotations

import copy
import io
import json
import os
import pickle
import re
import time
from pathlib import Path
from typing import Iterator, List

import pytest
import requests
import urllib3

from planet_vector.config import Settings
from planet_vector.errors import AuthError, ConfigError, PlanetVectorError
from planet_vector.http.credentials import authorization
from planet_vector.http.responses import check_status
from planet_vector.keys import Key, credentials_path, lend_key, lent_key, withdraw_key
from planet_vector.roots import DEFAULT_API_URL, is_api_origin, normalise_url

SECRET = "0123456789abcdef0123456789abcdef"


def test_a_key_never_shows() -> None:
    key = Key(SECRET)
    settings = Settings("https://one.example/v0/", key)
    for text in (repr(key), str(key), f"{key}", f"{key!r:>40}", repr(settings), repr([key]), f"{settings}"):
        assert SECRET not in text
    with pytest.raises(TypeError, match="cannot be pickled") as caught:
        pickle.dumps(settings)
    assert SECRET not in str(caught.value)
    assert key.reveal() == SECRET


def test_a_user_s_password_never_shows_and_another_scheme_is_another_key() -> None:
    user = Key.of_user("me", "hush hush", "QGIS")
    assert "hush" not in f"{user} {user!r}" and user.secrets() == ("bWU6aHVzaCBodXNo", "hush hush")
    assert user.as_user() == "me:hush hush" and Key("abc").as_user() == "abc:" and Key("abc").secrets() == ("abc",)
    plain, token = Key("abc"), Key("abc", scheme="Bearer")
    assert plain != token and len({plain, token}) == 2 and plain.fingerprint() != token.fingerprint()
    with pytest.raises(ConfigError, match="'Digest' is not a supported scheme"):
        Key("abc", scheme="Digest")


@pytest.mark.parametrize("text", ["", "  ", "abc\ndef", "abc def", "a:b", "clé", 'a"b', "abc\x00"])
def test_what_is_no_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Key(text)
    assert not text.strip() or text not in str(caught.value)


def test_white_space_around_a_key_is_dropped() -> None:
    assert Key(f" {SECRET}\n") == Key(SECRET)
    assert Key(SECRET).fingerprint() != Key(SECRET[::-1]).fingerprint()


def test_arguments_go_before_options_and_those_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PL_API_URL", "https://env.example/v0")
    monkeypatch.setenv("PL_API_KEY", "envkey")
    settings = Settings.load()
    assert (settings.api_url, settings.key) == ("https://env.example/v0/", Key("envkey"))
    options = {"api_url": "https://option.example/v0/", "api_key": "optionkey"}
    assert Settings.load(options=options).key == Key("optionkey")
    assert Settings.load("https://argument.example/", "argumentkey", options).key == Key("argumentkey")
    assert Settings.load("https://argument.example/", options=options).api_url == "https://argument.example/"


def test_a_key_found_in_the_environment_is_not_sent_to_a_root_that_a_name_brings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PL_API_KEY", SECRET)
    settings = Settings.load("https://elsewhere.example/v0/")
    assert settings.key is None
    assert "PL_API_KEY" in settings.withheld
    assert SECRET not in settings.withheld
    assert Settings.load(DEFAULT_API_URL).key == Key(SECRET)
    assert Settings.load("https://api.planet.com/v0/").key is None


def test_keys_are_read_from_files_for_their_own_root() -> None:
    (Path.home() / ".planet.json").write_text(json.dumps({"key": "filekey"}), encoding="utf-8")
    assert Settings.load(DEFAULT_API_URL).key == Key("filekey")
    assert Settings.load("local").key is None
    assert Settings.load("https://elsewhere.example/v0/").key is None
    credentials_path().parent.mkdir(parents=True)
    credentials_path().write_text(json.dumps({"https://elsewhere.example/v0/": "otherkey"}), encoding="utf-8")
    assert Settings.load("https://elsewhere.example/v0/").key == Key("otherkey")
    assert Settings.load(DEFAULT_API_URL).key == Key("filekey")


def unauthorised() -> requests.Response:
    response = requests.Response()
    response.status_code, response.raw = 401, urllib3.HTTPResponse(io.BytesIO(b""), preload_content=False)
    response.url, response.request = DEFAULT_API_URL, requests.Request("GET", DEFAULT_API_URL).prepare()
    return response


def log_in_of_sdk(profile: str, **content: object) -> Path:
    path = Path.home() / ".planet" / profile / "token.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"refresh_token": "never", "token_type": "Bearer", **content}), encoding="utf-8")
    return path


def test_the_log_in_of_planets_sdk_is_used_for_planet_only_until_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    log_in_of_sdk("planet-user", access_token="eyJ9.e30.c2ln", _exp=time.time() + 100)
    other = log_in_of_sdk("other", access_token="eyJ9.e30.b3Ro", expires_in=60)  # without its end, the service tells
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in Path.home().rglob("*.json")}
    key = Settings.load(DEFAULT_API_URL).key
    assert key == Key("eyJ9.e30.c2ln", scheme="Bearer") and "planet-user" in key.source
    assert authorization(DEFAULT_API_URL, Settings.load()) == {"Authorization": "Bearer eyJ9.e30.c2ln"}
    for root in ("local", "https://elsewhere.example/data/v1/", "http://api.planet.com/data/v1/"):
        assert Settings.load(root).key is None and not Settings.load(root).withheld
    (Path.home() / ".planet.json").write_text(json.dumps({"PL_AUTH_PROFILE": "Other"}), encoding="utf-8")
    assert Settings.load().key == Key("eyJ9.e30.b3Ro", scheme="Bearer")
    with pytest.raises(
        AuthError, match=rf"refused the key from {re.escape(str(other))} \(401\): 'planet auth refresh'"
    ):
        check_status(unauthorised(), "GET x", Settings.load())
    monkeypatch.setenv("PL_API_KEY", "envkey")
    assert Settings.load().key == Key("envkey")
    monkeypatch.delenv("PL_API_KEY")
    monkeypatch.setenv("PL_AUTH_PROFILE", "planet-user")
    assert Settings.load().key == key
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in before} == before


def test_a_log_in_of_planets_sdk_that_ended_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    path = log_in_of_sdk("planet-user", access_token=SECRET, _exp=time.time() - 1)
    settings = Settings.load()
    assert settings.key is None
    with pytest.raises(AuthError, match=r"no key was sent.*has expired, 'planet auth refresh' or") as caught:
        check_status(unauthorised(), "GET x", settings)
    assert SECRET not in str(caught.value) + repr(settings) and str(path) in str(caught.value)
    for content in ("{}", '{"access_token": 3}', '{"access_token": "", "_exp": 9}'):  # another kind of profile
        path.write_text(content, encoding="utf-8")
        assert Settings.load().key is None and not Settings.load().withheld
    path.write_text("[", encoding="utf-8")
    with pytest.raises(ConfigError, match=re.escape(str(path))):
        Settings.load()
    for name in ("..", "a/b", "."):
        monkeypatch.setenv("PL_AUTH_PROFILE", name)
        with pytest.raises(ConfigError, match="PL_AUTH_PROFILE"):
            Settings.load()
    assert Settings.load("local").key is None


def test_a_broken_key_file_is_an_error_that_names_it() -> None:
    (Path.home() / ".planet.json").write_text("{", encoding="utf-8")
    with pytest.raises(ConfigError, match="planet.json"):
        Settings.load(DEFAULT_API_URL)


@pytest.mark.parametrize(
    "url", ["ftp://x/v0", "x", "https://", "https://a:b@x/v0", "https://x/v0?api_key=1", "https://x:port/"]
)
def test_what_is_no_root_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        normalise_url(url)


@pytest.mark.parametrize(
    ("name", "value"), [("PLANET_RATE", "fast"), ("PLANET_CONNECTIONS", "0"), ("PLANET_CACHE_TTL", "-1")]
)
def test_what_is_no_limit_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(PlanetVectorError, match=name):
        Settings.load()


@pytest.mark.parametrize(
    ("url", "root", "same"),
    [
        ("https://api.planet.com/v0/x", "https://api.planet.com/v0/", True),
        ("https://tiles0.planet.com/v0/x", "https://api.planet.com/v0/", True),
        ("https://planet.com/x", "https://api.planet.com/v0/", True),
        ("https://planet.com.evil.example/x", "https://api.planet.com/v0/", False),
        ("https://evilplanet.com/x", "https://api.planet.com/v0/", False),
        ("http://view.planet.com/x", "https://api.planet.com/v0/", False),
        ("https://view.planet.com:8443/x", "https://api.planet.com/v0/", False),
        ("http://127.0.0.1:8000/x", "http://127.0.0.1:8000/v0/", True),
        ("http://127.0.0.1:8001/x", "http://127.0.0.1:8000/v0/", False),
        ("http://localhost:8000/x", "http://127.0.0.1:8000/v0/", False),
        ("https://127.0.0.1:8000/x", "http://127.0.0.1:8000/v0/", False),
        ("https://sub.example.org/x", "https://example.org/v0/", False),
        ("nonsense", "https://api.planet.com/v0/", False),
    ],
)
def test_a_key_goes_to_the_origins_of_its_root_only(url: str, root: str, same: bool) -> None:
    assert is_api_origin(url, root) is same


def test_settings_are_copied_with_their_key() -> None:
    settings = Settings("https://one.example/v0/", Key(SECRET))
    assert copy.copy(settings) == settings


@pytest.fixture
def roots() -> Iterator[List[str]]:
    """Return roots of two services; what was lent for them ends with the test."""
    found = ["https://one.example/v0/", "https://two.example/v0/"]
    yield found
    for root in found:
        withdraw_key(root)


def test_each_root_has_the_key_lent_for_it_in_any_spelling_and_no_other(
    roots: List[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PL_API_URL", roots[0])
    monkeypatch.setenv("PL_API_KEY", "envkey")
    lend_key("HTTPS://One.Example/v0", Key("first"))
    lend_key(roots[1], Key("second"))
    assert [Settings.load(root).key for root in roots] == [Key("first"), Key("second")]
    assert Settings.load().key == Key("first")  # before the one in the environment
    assert Settings.load(roots[0], "argumentkey").key == Key("argumentkey")
    assert Settings.load(options={"API_URL": roots[1], "API_KEY": "optionkey"}).key == Key("optionkey")
    other = Settings.load("https://three.example/v0/")
    assert other.key is None and "PL_API_KEY" in other.withheld


def test_a_key_that_was_withdrawn_is_not_sent_any_more(roots: List[str]) -> None:
    for root in roots:
        lend_key(root, Key(SECRET))
    withdraw_key("https://ONE.example/v0")
    assert [lent_key(root) for root in roots] == [None, Key(SECRET)]
    assert Settings.load(roots[0]).key is None
    withdraw_key(roots[0])  # twice is once
    assert Settings.load(roots[1]).key == Key(SECRET)


def test_a_lent_key_is_on_no_disk_and_in_no_environment(roots: List[str], tmp_path: Path) -> None:
    lend_key(roots[0], Key(SECRET))
    assert Settings.load(roots[0]).key is not None
    assert not credentials_path().exists()
    assert not [name for name, value in os.environ.items() if SECRET in value]
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and SECRET.encode() in file.read_bytes()]
    assert SECRET not in repr(Settings.load(roots[0]))


def test_a_lent_key_is_sent_while_it_is_lent(monkeypatch: pytest.MonkeyPatch) -> None:
    root = "https://imagery.example.org/v0/"

    def sent(settings: Settings) -> str:
        return authorization(f"{root}scenes/", settings).get("Authorization", "")

    before = Settings.load(root)
    lend_key(root, Key("a" * 32))
    lent, given = Settings.load(root), Settings.load(root, "c" * 32)
    assert [sent(each) for each in (before, lent, given)] == [f"api-key {letter * 32}" for letter in "aac"]
    first = lent.identity
    lend_key(root, Key("b" * 32))
    assert [sent(each) for each in (before, lent, given)] == [f"api-key {letter * 32}" for letter in "bbc"]
    assert lent.identity == Settings.load(root).identity != first
    withdraw_key(root)
    assert [sent(each) for each in (before, lent, given)] == ["", "", f"api-key {'c' * 32}"]
    # A key of the environment is not lent, also if it is the one that was.
    monkeypatch.setenv("PL_API_URL", root)
    monkeypatch.setenv("PL_API_KEY", "a" * 32)
    assert sent(Settings.load(root)) == f"api-key {'a' * 32}" and Settings.load(root) != lent
