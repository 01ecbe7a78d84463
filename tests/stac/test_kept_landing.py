"""Landing pages kept on disk for the next program."""

from __future__ import annotations

import json
import os
import stat
import time
from pathlib import Path
from typing import Any, Callable, List, Mapping

import pytest
from click.testing import CliRunner

import planet_vector
from planet_vector.catalog import _catalogs, kept_answers
from planet_vector.cli import main
from planet_vector.errors import NotFoundError
from planet_vector.keys import Key, lend_key, withdraw_key
from planet_vector.vector.result_cache import CACHE
from tests.stac.conftest import Start, found
from tests.stac_server import StacServer, make_items

NAME = "STAC:test/scenes?limit=7"


def as_next_program(server: StacServer, name: str = NAME) -> List[str]:
    """Search as a program that has just been started, and return the paths of its requests."""
    _catalogs.clear()
    CACHE.clear()
    server.seen.clear()
    assert len(found(name)) == 7
    return [path for path, _ in server.seen]


def kept_file() -> Path:
    (path,) = kept_answers.directory().iterdir()
    return path


def test_the_next_program_does_not_request_the_landing_page(start_stac: Start) -> None:
    server = start_stac(make_items(30))
    first = as_next_program(server)
    assert first.count("") == 1
    assert sorted(as_next_program(server)) == sorted(path for path in first if path)
    if os.name == "posix":
        assert stat.S_IMODE(kept_file().stat().st_mode) == 0o600
        assert stat.S_IMODE(kept_file().parent.stat().st_mode) == 0o700


def test_another_key_has_a_landing_page_of_its_own(start_stac: Start) -> None:
    server = start_stac(make_items(30))
    as_next_program(server)
    lend_key(server.url, Key("another-key"))
    try:
        assert as_next_program(server).count("") == 1
        assert as_next_program(server).count("") == 0
    finally:
        withdraw_key(server.url)
    assert as_next_program(server).count("") == 0
    assert all(b"another-key" not in path.read_bytes() for path in kept_answers.directory().iterdir())


def _old() -> None:
    then = time.time() - 301
    os.utime(kept_file(), (then, then))


def _of_the_future() -> None:
    then = time.time() + 60
    os.utime(kept_file(), (then, then))


def _elsewhere() -> None:
    body = {**json.loads(kept_file().read_bytes()), "search": "https://other.example/search"}
    kept_file().write_text(json.dumps(body))


@pytest.mark.parametrize(
    "change",
    [
        _old,
        _of_the_future,
        _elsewhere,
        lambda: kept_file().write_bytes(b"{"),
        lambda: kept_file().write_bytes(b"[" * 100_000),
        lambda: kept_file().write_bytes(b"\xff"),
        lambda: kept_file().write_text('{"search": 5, "conforms_to": []}'),
        lambda: kept_file().write_bytes(b" " * (2**20 + 1)),
        lambda: kept_file().chmod(0o644),
        lambda: kept_file().parent.chmod(0o755),
    ],
)
def test_an_old_or_unusual_file_is_not_used(start_stac: Start, change: Callable[[], Any]) -> None:
    server = start_stac(make_items(30))
    as_next_program(server)
    change()
    assert as_next_program(server).count("") == 1


def test_nothing_is_kept_without_a_lifetime(start_stac: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANET_CACHE_TTL", "0")
    server = start_stac(make_items(30))
    assert as_next_program(server).count("") == as_next_program(server).count("") == 1
    assert not kept_answers.directory().exists()


def test_a_service_that_changed_meanwhile_is_asked_again(start_stac: Start) -> None:
    server = start_stac(make_items(30))
    as_next_program(server)
    answer = server.answer

    def moved(path: str, body: Mapping[str, Any]) -> Any:
        if path == "/search":
            return 404, {"code": "NotFound"}
        status, content = answer(path.replace("/v2/search", "/search"), body)
        if path == "":
            content = json.loads(json.dumps(content).replace(f"{server.url}search", f"{server.url}v2/search"))
        return status, content

    server.answer = moved  # type: ignore[method-assign]
    assert as_next_program(server).count("") == 1
    assert "" not in as_next_program(server)
    with pytest.raises(NotFoundError, match="no collection 'absent'"):
        found("STAC:test/absent")


def test_a_test_of_a_connection_and_a_list_of_collections_show_the_service_of_now(start_stac: Start) -> None:
    server = start_stac(make_items(30))
    for command in (["connections", "test", "test"], ["types", "--connection", "test"]):
        as_next_program(server)
        _catalogs.clear()
        server.seen.clear()
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 0, result.output
        assert [path for path, _ in server.seen].count("") == 1


def test_clearing_the_cache_removes_it(start_stac: Start) -> None:
    server = start_stac(make_items(30))
    as_next_program(server)
    result = CliRunner().invoke(main, ["cache", "clear"])
    assert "and the landing pages of 1" in result.output
    assert as_next_program(server).count("") == 1
    assert planet_vector.connect("test").kind == "stac"
