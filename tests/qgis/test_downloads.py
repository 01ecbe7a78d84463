"""Downloads: the archive's files, stopped at any time, gone on with later."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, List

import pytest
from qgis.core import QgsTask

from planet_scenes import downloads
from tests.conftest import Service, Start
from tests.qgis.conftest import Desktop, outcome, settle, summer_at, wait_for
from tests.qgis.test_products import scenes_of


def test_files_are_the_archive_s(connection: Any, service: Service, desktop: Desktop, tmp_path: Path) -> None:
    scenes = scenes_of(connection)[:2]
    percents: List[float] = []
    files = outcome(lambda done: downloads.download(connection, scenes, ["visual"], tmp_path, percents.append, done))
    assert [file.name for file in files] == [f"{scene.id}_visual.tif" for scene in scenes]
    for file in files:
        assert file.read_bytes() == (service.archive / file.name).read_bytes()
    assert percents and max(percents) == 100 and percents == sorted(percents)


def test_one_that_is_cancelled_is_gone_on_with(
    make_connection: Callable[..., Any], start_service: Start, archive: Path, desktop: Desktop, tmp_path: Path
) -> None:
    service = start_service(archive, "--latency", "40")
    connection = make_connection(service, "slow")
    scenes = scenes_of(connection, summer_at(connection))[:6]
    done: List[Any] = []
    percents: List[float] = []
    task = downloads.download(connection, scenes, ["analytic"], tmp_path, percents.append, done.append)
    wait_for(lambda: percents and percents[-1] > 1)
    task.cancel()
    wait_for(lambda: task.status() == QgsTask.TaskStatus.Terminated)
    settle()
    assert done == [] and desktop.said() == []
    whole = [path for path in tmp_path.glob("*.tif")]
    assert len(whole) < len(scenes)
    for path in whole:  # what is there under its name is whole
        assert path.read_bytes() == (archive / path.name).read_bytes()
    files = outcome(lambda done: downloads.download(connection, scenes, ["analytic"], tmp_path, None, done))
    assert [file.read_bytes() for file in files] == [(archive / file.name).read_bytes() for file in files]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(file.name for file in files)
    service.stop()


@pytest.mark.parametrize("product", ["infrared"])
def test_what_is_not_there_is_told(connection: Any, desktop: Desktop, tmp_path: Path, product: str) -> None:
    downloads.download(connection, scenes_of(connection)[:1], [product], tmp_path)
    wait_for(desktop.said)
    assert "it has: visual" in desktop.said()[0]
