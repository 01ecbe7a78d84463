"""Connections: which service a name means, what the file of them holds, and whose key goes where on one origin."""

from __future__ import annotations

import json
import os
import random
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

import planet_vector
from planet_vector.config import Settings
from planet_vector.connection_file import (
    add_connection,
    connections_path,
    remove_connection,
    rename_connection,
    set_default,
)
from planet_vector.connection_lookup import all_connections, default_connection, find_connection, may_have_key
from planet_vector.connections import BUILT_IN, ENVIRONMENT, LOCAL, PLANET, Connection
from planet_vector.errors import ConfigError, NameSyntaxError
from planet_vector.keys import Key, lend_key, withdraw_key
from planet_vector.names import parse_name
from tests.conftest import KEY, Service, Start
from tests.raster.recording import Recorder
from tests.two_services import OTHER_KEY, keys_seen, two_services

pyogrio = pytest.importorskip("pyogrio")
rasterio = pytest.importorskip("rasterio")
planet_vector.register()  # before any test uses rasterio

from planet_vector.raster.session import PlanetSession  # noqa: E402

Run = Callable[..., "subprocess.CompletedProcess[str]"]
A, B = "https://imagery.example.org/a/v0/", "https://imagery.example.org/b/v0/"


# ---- the file --------------------------------------------------------------------------------------------


def test_without_a_file_there_is_the_service_of_this_machine() -> None:
    assert not connections_path().exists()
    assert all_connections() == list(BUILT_IN.values())
    assert default_connection() == BUILT_IN[PLANET]
    assert Settings.load().api_url == BUILT_IN[PLANET].root
    assert not connections_path().exists()


def test_a_connection_is_kept_found_by_name_or_root_renamed_and_removed() -> None:
    made = add_connection(" office ", "HTTPS://Imagery.example.org/a/v0")
    assert made == Connection("office", A)
    assert find_connection("office") == find_connection(A[:-1]) == made
    assert all_connections() == [made, *BUILT_IN.values()]
    set_default("office")
    assert default_connection() == made
    rename_connection("office", "Büro 2")
    assert default_connection().name == "Büro 2"
    remove_connection("Büro 2")
    assert default_connection() == BUILT_IN[PLANET]
    assert find_connection(A) == Connection("", A, "")
    with pytest.raises(ConfigError, match="connections list"):
        find_connection("Büro 2")


def test_the_file_holds_what_the_documentation_says_and_keeps_what_a_later_version_added() -> None:
    connections_path().parent.mkdir(parents=True)
    later = {"version": 2, "default": "office", "colour": "red",
             "connections": {"office": {"kind": "v9", "root": A, "rate": 3}}}  # fmt: skip
    connections_path().write_text(json.dumps(later))
    with pytest.raises(ConfigError, match="'office' is a service of kind 'v9'.*update"):
        planet_vector.connect("office")
    add_connection("other", B)
    content = json.loads(connections_path().read_text())
    assert content == {**later, "connections": {**later["connections"], "other": {"kind": "v0", "root": B}}}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    "name", ["", "  ", "a/b", "a,b", "a&b", "a|b", 'a"b', "x" * 65, "a\nb", "a\x00", ENVIRONMENT, "local"]
)
def test_what_is_no_name_or_taken_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="choose another"):
        add_connection(name, A)
    assert all_connections() == list(BUILT_IN.values())


@pytest.mark.parametrize("root", ["", "x", "ftp://x/", "https://a:b@x/v0/", "https://x/v0/?key=1"])
def test_what_is_no_root_is_refused(root: str) -> None:
    with pytest.raises(ConfigError):
        add_connection("office", root)
    assert all_connections() == list(BUILT_IN.values())


def test_a_root_has_one_connection() -> None:
    add_connection("office", A)
    with pytest.raises(ConfigError, match="'office' has the root"):
        add_connection("again", A)
    with pytest.raises(ConfigError, match="'local' has the root"):
        add_connection("mine", BUILT_IN[LOCAL].root)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"connections": []}', '{"connections": {"a": 1}}', '{"connections": {"a": {}}}', '{"default": 1}',
     '{"connections": {"a": {"kind": "v0", "root": "nonsense"}}}', "\xff", "[" * 100_000],
)  # fmt: skip
def test_a_file_that_was_broken_by_hand_is_an_error_that_names_it_and_stays(content: str) -> None:
    connections_path().parent.mkdir(parents=True)
    connections_path().write_bytes(content.encode("latin-1"))
    for ask in (all_connections, default_connection, lambda: add_connection("b", B), lambda: planet_vector.connect()):
        with pytest.raises(ConfigError, match=r"connections\.json"):
            ask()
    assert connections_path().read_bytes() == content.encode("latin-1")


def test_several_programs_that_write_lose_nothing() -> None:
    code = (
        "import sys; from planet_vector.connection_file import add_connection\n"
        "for n in range(10): add_connection(f'{sys.argv[1]}-{n}', f'https://{sys.argv[1]}.example/{n}/')"
    )
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda who: subprocess.run([sys.executable, "-c", code, who], timeout=60), "abc"))
    assert [each.returncode for each in done] == [0, 0, 0]
    assert len(all_connections()) == 30 + len(BUILT_IN)


# ---- which one is meant ----------------------------------------------------------------------------------


def test_the_environment_goes_before_the_default_and_a_name_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    add_connection("office", A)
    set_default("office")
    assert Settings.load().api_url == A
    monkeypatch.setenv("PL_API_URL", B)
    assert Settings.load().api_url == B
    assert all_connections()[0] == Connection(ENVIRONMENT, B, "")
    assert Settings.load("office").api_url == A
    assert Settings.load(options={"CONNECTION": "office"}).api_url == A
    with pytest.raises(ConfigError, match="give one of them"):
        Settings.load(options={"CONNECTION": "office", "API_URL": B})
    with pytest.raises(ConfigError, match="another name"):
        set_default(ENVIRONMENT)
    monkeypatch.setenv("PL_API_URL", A)
    assert [each.name for each in all_connections()] == ["office", *BUILT_IN]


def test_a_name_says_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse_name("PLANET:ortho?connection=B%C3%BCro%202").service == "Büro 2"
    with pytest.raises(NameSyntaxError, match="give one of them"):
        planet_vector.open(f"PLANET:ortho/a/visual?connection=a&api_url={A}")
    with pytest.raises(ConfigError, match="no connection 'nobody'"):
        planet_vector.search("PLANET:ortho?connection=nobody")


def test_the_key_of_the_environment_is_for_its_own_root_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for another on the same origin, and not for the service of this machine."""
    monkeypatch.setenv("PL_API_KEY", KEY)
    assert Settings.load().key == Key(KEY)
    assert Settings.load(LOCAL).key is None and "api.planet.com" in Settings.load(LOCAL).withheld
    monkeypatch.setenv("PL_API_URL", A)
    assert Settings.load().key == Key(KEY)
    assert Settings.load(B).key is None and "PL_API_KEY" in Settings.load(B).withheld


# ---- two connections on one origin ------------------------------------------------------------------------


def test_an_address_below_the_root_of_another_connection_gets_no_key_of_this_one() -> None:
    """Compared with the plain rule, over addresses made up of the same pieces as the roots."""
    roots = [A, B, "https://imagery.example.org/a/v0/deep/", "https://other.example/v0/"]
    for number, root in enumerate(roots):
        add_connection(f"c{number}", root)
    rng = random.Random(7)
    for _ in range(2000):
        path = "/".join(rng.choice(["a", "b", "v0", "deep", "x", ""]) for _ in range(rng.randrange(5)))
        url = f"https://{rng.choice(['imagery.example.org', 'other.example'])}/{path}"
        below = [root for root in roots if url.startswith(root)]
        for root in roots:
            same_host = url.split("/")[2] == root.split("/")[2]
            expected = max(below, key=len) == root if below else same_host
            assert may_have_key(url, root) is (expected and same_host), (url, root)


@pytest.fixture
def origin(archive: Path, start_service: Start) -> Iterator[Recorder]:
    """Return one origin in front of two services: ``/a/v0/``, which takes `KEY`, and ``/b/v0/`` with `OTHER_KEY`."""
    with two_services(start_service, archive) as recorder:
        add_connection("first", f"{recorder.url}/a/v0/")
        add_connection("second", f"{recorder.url}/b/v0/")
        yield recorder


def use_both(read: Callable[[str], Any], origin: Recorder) -> None:
    """Read names of the two by turns, and see that each key went where it belongs, and was needed there."""
    for connection in ("first", "second", "first"):
        read(connection)
    seen = keys_seen(origin)
    assert set(seen["a"]) - {""} == {KEY} and set(seen["b"]) - {""} == {OTHER_KEY}
    origin.seen.clear()


@pytest.fixture
def lent(origin: Recorder) -> Iterator[Recorder]:
    """Have a host program lend both keys to this process."""
    for path, key in (("a", KEY), ("b", OTHER_KEY)):
        lend_key(f"{origin.url}/{path}/v0/", Key(key))
    yield origin
    for path in "ab":
        withdraw_key(f"{origin.url}/{path}/v0/")


def test_in_python_each_key_goes_where_it_belongs(lent: Recorder) -> None:
    def read(connection: str) -> None:
        scene = next(iter(planet_vector.search(f"PLANET:ortho?limit=1&connection={connection}")))
        with planet_vector.open(f"PLANET:ortho/{scene.id}/visual?connection={connection}") as dataset:
            assert dataset.read(1).any()
        assert scene.thumbnail()

    use_both(read, lent)


def test_in_gdal_each_key_goes_where_it_belongs(lent: Recorder) -> None:
    def read(connection: str) -> None:
        frame = pyogrio.read_dataframe(f"PLANET:ortho?limit=2&connection={connection}")
        assert len(frame) == 2
        link = (
            f"{lent.url}/{'a' if connection == 'first' else 'b'}/v0/scenes/ortho/{frame['id'][0]}/full?product=visual"
        )
        with rasterio.Env(session=PlanetSession(connection)), rasterio.open(f"/vsicurl/{link}") as dataset:
            assert dataset.read(1).any()

    use_both(read, lent)
    # Both at once in one Env.
    first, second = PlanetSession("first"), PlanetSession("second")
    with rasterio.Env(session=first), rasterio.Env(session=second):
        for connection, path in (("first", "a"), ("second", "b")):
            scene = next(iter(planet_vector.search(f"PLANET:ortho?limit=1&connection={connection}"))).id
            with rasterio.open(f"/vsicurl/{lent.url}/{path}/v0/scenes/ortho/{scene}/full?product=analytic") as dataset:
                assert dataset.read(1).any()
    seen = keys_seen(lent)
    assert set(seen["a"]) - {""} == {KEY} and set(seen["b"]) - {""} == {OTHER_KEY}


def test_at_a_shell_keys_are_kept_by_root_and_logging_out_of_one_leaves_the_other(
    origin: Recorder, run: Run, tmp_path: Path
) -> None:
    env = dict(os.environ)

    def do(*arguments: str, code: int = 0, **options: Any) -> str:
        done = run("planet-vector", *arguments, env=env, **options)
        assert done.returncode == code, done.stdout + done.stderr
        assert KEY not in done.stdout + done.stderr and OTHER_KEY not in done.stdout + done.stderr
        return done.stdout + done.stderr

    do("login", "--connection", "first", input=KEY)
    do("login", "--connection", "second", input=OTHER_KEY)
    assert "accepts the key from" in do("connections", "test", "first")
    assert do("count", "PLANET:ortho?connection=first") == do("count", "PLANET:ortho", "--connection", "second")
    (scene,) = do("search", "PLANET:ortho?connection=second&limit=1", "--names").split()
    assert scene.endswith("?connection=second")
    do("download", scene, "-o", str(tmp_path))
    do("login", "--connection", "second", input=KEY, code=1)  # which the second does not take
    do("logout", "--connection", "first")
    assert "401" in do("connections", "test", "first", code=1)
    assert "accepts the key from" in do("connections", "test", "second")
    accepted = [request for request in origin.seen if request.status < 400]
    origin.seen[:] = accepted
    seen = keys_seen(origin)
    assert set(seen["a"]) - {""} == {KEY} and set(seen["b"]) - {""} == {OTHER_KEY}


# ---- at a shell ------------------------------------------------------------------------------------------


def test_what_a_service_is_is_told_in_one_true_sentence(
    start_service: Start, archive: Path, run: Run, connected: Service
) -> None:
    page = Recorder(lambda request: (200, {"Content-Type": "text/html"}, b"<html><body>Welcome</body></html>"))
    empty = Recorder(lambda request: (404, {"Content-Type": "application/json"}, b'{"message": "no"}'))
    try:
        add_connection("office", connected.url)
        add_connection("wrong root", connected.url.replace("/v0/", "/v1/"))
        add_connection("page", f"{page.url}/v0/")
        add_connection("nothing", f"{empty.url}/v0/")
        add_connection("dead", "http://127.0.0.1:9/v0/")
        env = {**os.environ, "PL_API_KEY": connected.key}

        def test(name: str, code: int, **others: str) -> str:
            done = run("planet-vector", "connections", "test", name, env={**env, **others})
            assert done.returncode == code, done.stdout + done.stderr
            assert len(done.stdout.splitlines()) == 1 and done.stderr == ""
            return done.stdout

        good = test("office", 0)
        assert "a Scenes API v0" in good and "landsat, ortho, rapideye" in good
        assert "accepts the key from PL_API_KEY" in good
        assert "401" in test("office", 1, PL_API_KEY="wrong")
        assert "There is no Scenes API at" in test("wrong root", 1, PL_API_KEY="")
        assert "not JSON" in test("page", 1)
        assert "There is no Scenes API at" in test("nothing", 1)
        assert "connection to the service failed" in test("dead", 1)
        assert "planet-vector serve" in test("local", 1)
    finally:
        page.stop()
        empty.stop()


def test_they_are_listed_with_the_default_and_no_key(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def do(*arguments: str, code: int = 0) -> str:
        done = run("planet-vector", "connections", *arguments, env=dict(os.environ))
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    do("add", "office", A)
    do("add", "b", B, "--kind", "v0")
    do("default", "office")
    rows = [line.split() for line in do("list").splitlines()]
    assert rows == [
        ["b", "v0", B, "none"],
        ["*", "office", "v0", A, "none"],
        *([each.name, each.kind, each.root, "none"] for each in BUILT_IN.values()),
    ]
    listed = [json.loads(line) for line in do("list", "--json").splitlines()]
    assert [(row["name"], row["default"]) for row in listed] == [
        ("b", False),
        ("office", True),
        *((name, False) for name in BUILT_IN),
    ]
    assert do("default") == "office\n"
    do("remove", "office")
    assert do("default") == "planet\n"
    assert "choose another name" in do("add", "b", A, code=1)
    if sys.platform != "win32":
        assert stat.S_IMODE(connections_path().parent.stat().st_mode) == 0o700


def test_without_a_service_a_search_says_what_to_do(run: Run) -> None:
    done = run("planet-vector", "types", "--connection", LOCAL, env=dict(os.environ))
    assert done.returncode == 1
    assert (
        "planet-vector serve" in done.stderr and "planet-vector sample" in done.stderr and "--connection" in done.stderr
    )
    assert len(done.stderr.splitlines()) == 1
