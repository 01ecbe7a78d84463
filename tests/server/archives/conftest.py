"""Archives of other kinds than the sample: their files are written by each test, and indexed."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Dict, List, NamedTuple

import pytest

from planet_vector.server.archive.units import REPORTED, Problem
from planet_vector.server.index.database import Index
from planet_vector.server.index.records import StoredScene, read_records
from planet_vector.server.index.updating import Report, update


class Indexed(NamedTuple):
    """An indexed archive: its scenes by id, and the lines of the report by kind."""

    report: Report
    scenes: Dict[str, StoredScene]
    lines: Dict[str, List[Problem]]

    def paths(self, product: str = "") -> Dict[str, str]:
        """Return the path of a product, or of the first asset, of each scene by id."""
        return {
            scene_id: next(asset.path for asset in scene.assets if not product or asset.product == product)
            for scene_id, scene in self.scenes.items()
        }

    def told(self, kind: str) -> Dict[str, str]:
        """Return the lines of the report of a kind: texts by paths."""
        return {line.path: line.text for line in self.lines[kind]}


def index_archive(archive: Path, place: Path) -> Indexed:
    """Update an index, and return all that it has."""
    report = update(archive, place, allow_empty=True)
    with closing(Index(place)) as index:
        with index._look_ups.read() as db:
            numbers = [number for (number,) in db.execute("SELECT scene FROM scene ORDER BY scene")]
            scenes = read_records(db, numbers)
        lines = {kind: index.report(kind) for kind in REPORTED}
    assert len({scene.scene_id for scene in scenes}) == len(scenes)
    return Indexed(report, {scene.scene_id: scene for scene in scenes}, lines)


class Archive:
    """A folder to write files into, and its index."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "archive"
        self.place = folder / "index.sqlite"
        self.root.mkdir()

    def index(self) -> Indexed:
        """Update the index."""
        return index_archive(self.root, self.place)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path)
