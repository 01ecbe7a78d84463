"""Fixtures: STAC APIs of any habits, as connections."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import Any, Callable, Iterator, List

import pytest

import planet_vector
from planet_vector.asset_access import AssetAccess
from planet_vector.catalog import Catalog
from planet_vector.catalog.stac.access import AssetPolicies
from planet_vector.config import Settings
from planet_vector.http import transport
from planet_vector.http.transport import Transport
from planet_vector.vector.result_cache import CACHE
from tests.stac_server import Habits, Item, StacServer, connect_to, serve

Start = Callable[..., StacServer]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PLANET_RATE", "0")
    monkeypatch.setattr(transport, "BACKOFF", 0.001)
    CACHE.clear()
    yield
    CACHE.clear()


@pytest.fixture
def start_stac() -> Iterator[Start]:
    """Return a function that starts a server, and makes a connection to it."""
    with ExitStack() as stack:

        def start(items: List[Item], name: str = "test", **habits: Any) -> StacServer:
            server = StacServer(items, Habits(**habits))
            stack.enter_context(contextmanager(serve)(server))
            connect_to(server.url, name)
            return server

        yield start


def catalog(name: str = "test") -> Catalog:
    return planet_vector.connect(name)


def policies(**access: Any) -> AssetPolicies:
    settings = Settings("https://stac.example/", kind="stac")
    return AssetPolicies(AssetAccess().with_changes(access), Transport(settings), "test")


def ids(items: List[Item]) -> List[str]:
    return sorted(item["id"] for item in items)


def found(name: str) -> List[str]:
    return [scene.id for scene in planet_vector.search(name)]
