"""Fixtures of OGC APIs: one service over the sample archive, with a basemap."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

import pytest

from tests.server.conftest import Running, running


@pytest.fixture(scope="package")
def basemaps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of basemaps."""
    file = tmp_path_factory.mktemp("basemaps") / "m.yml"
    file.write_text("- {name: clear, title: Clear scenes, level: 13, filter: {cloud_cover.estimated.lte: 20}}\n")
    return file


@pytest.fixture(scope="package")
def sample(tmp_path_factory: pytest.TempPathFactory, archive: Path, basemaps: Path) -> Iterator[Running]:
    """Return a service without keys over the sample archive, one for all tests of this folder."""
    with running(archive, tmp_path_factory.mktemp("cache"), "--mosaics", str(basemaps)) as service:
        yield service
