"""The kind of a service found out by asking, and what is kept of it on disk."""

from __future__ import annotations

import os
from typing import Callable, List, Optional, Tuple

import pytest

from planet_vector import catalog as catalogs
from planet_vector.catalog import probing
from planet_vector.config import Settings
from planet_vector.errors import AuthError, ConfigError, ServiceError, UnavailableError

ROOT = "https://api.example/v0/"
REFUSED = AuthError("The key is refused.", status=403)
BROKEN = UnavailableError("The service has a fault.", status=500)
DEAD = UnavailableError("Nothing answers.")


def asked(*outcomes: object) -> List[Tuple[str, Callable[[], bool]]]:
    """Return kinds, each of which says whether it is there, or raises."""

    def asking(outcome: object) -> Callable[[], bool]:
        def answers() -> bool:
            if isinstance(outcome, Exception):
                raise outcome
            return bool(outcome)

        return answers

    return [(f"kind{number}", asking(outcome)) for number, outcome in enumerate(outcomes)]


@pytest.fixture(autouse=True)
def _forgotten() -> None:
    probing.clear()


@pytest.mark.parametrize(
    "root, kind",
    [
        ("http://127.0.0.1:8741/v0/", "v0"),
        ("http://127.0.0.1:8741/data/v1/", "data-v1"),
        ("http://127.0.0.1:8741/stac/", "stac"),
        ("https://stac.example/v1/", ""),
    ],
)
def test_roots_of_the_local_service_tell_their_kind(root: str, kind: str) -> None:
    assert probing.remembered_kind(root, ["v0", "data-v1", "stac"]) == kind


@pytest.mark.parametrize("refusal", [REFUSED, BROKEN])
def test_a_service_that_refuses_one_kind_s_address_may_be_of_another(refusal: ServiceError) -> None:
    assert probing.probe(ROOT, asked(refusal, False, True)) == "kind2"
    assert probing.remembered_kind(ROOT, ["kind1", "kind2"]) == "kind2"


@pytest.mark.parametrize(
    "outcomes, expected",
    [((REFUSED, False), REFUSED), ((False, BROKEN, REFUSED), BROKEN), ((DEAD, True), DEAD), ((False, False), None)],
)
def test_a_service_of_no_kind_is_an_error_and_not_remembered(
    outcomes: Tuple[object, ...], expected: Optional[Exception]
) -> None:
    with pytest.raises((ServiceError, ConfigError)) as raised:
        probing.probe(ROOT, asked(*outcomes))
    assert raised.value is expected or (expected is None and "kind0, kind1" in str(raised.value))
    assert probing.remembered_kind(ROOT, ["kind0", "kind1"]) == ""


@pytest.mark.parametrize("content", ["", "{", "[]", '{"https://api.example/v0/": 1}', "\0", "[" * 100_000])
def test_a_damaged_file_is_as_good_as_none_and_can_be_cleared(content: str) -> None:
    probing.probe(ROOT, asked(True))
    path = probing.kinds_path()
    path.write_text(content)
    assert probing.remembered_kind(ROOT, ["kind0", "kind1"]) == ""
    assert probing.clear() == 0 and not path.exists()
    path.write_text(content)
    assert probing.probe(ROOT, asked(True)) == "kind0"
    assert probing.remembered_kind(ROOT, ["kind0", "kind1"]) == "kind0"


def test_what_cannot_be_removed_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    probing.probe(ROOT, asked(True))

    def refuse(path: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refuse)
        assert probing.clear() == 0
    assert probing.clear() == 1


def test_a_root_that_is_said_to_be_of_another_kind_gets_another_catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other:
        def __init__(self, settings: Settings) -> None:
            self.settings = settings

    monkeypatch.setattr(catalogs, "_MAKERS", {**catalogs._MAKERS, "other": Other})
    monkeypatch.setattr(catalogs, "_catalogs", {})
    first = catalogs.catalog_of(Settings(api_url=ROOT, kind="v0"))
    assert isinstance(catalogs.catalog_of(Settings(api_url=ROOT, kind="other")), Other)
    assert catalogs.catalog_of(Settings(api_url=ROOT, kind="v0")) is first
