"""Algorithms that activate products and synchronise folders, and the defaults of empty parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterator, List

import processing
import pytest
from qgis.core import QgsApplication, QgsProcessingException, QgsVectorLayer

from planet_scenes.connection import Connection
from planet_scenes.connections import connections
from planet_scenes.processing import activate as algorithm
from planet_vector.raster import activation
from tests.conftest import Start
from tests.qgis.conftest import settle
from tests.qgis.test_processing import SUMMER, Feedback, Run, run

__all__ = ["run"]  # the fixture


def _layer(run: Run, **parameters: Any) -> QgsVectorLayer:
    return run("searchlayer", **{**SUMMER, **parameters})["OUTPUT"]


def _ids(layer: QgsVectorLayer) -> List[str]:
    return [feature["id"] for feature in layer.getFeatures()]


# ---- empty parameters --------------------------------------------------------------------------------------


def test_without_a_product_each_scene_type_has_its_own(run: Run, archive: Path, tmp_path: Path) -> None:
    layer = _layer(run, LIMIT=1)
    (scene,) = _ids(layer)
    run("download", CONNECTION="sample", INPUT=layer, FOLDER=str(tmp_path / "files"))
    assert [path.name for path in (tmp_path / "files").iterdir()] == [f"{scene}_visual.tif"]
    crops = run("cropstack", CONNECTION="sample", INPUT=layer, FOLDER=str(tmp_path / "crops"))["FILES"]
    assert [Path(path).name for path in crops] == [f"{scene}_visual_crop.tif"]
    # A scene type without such a product.
    landsat = run("searchlayer", CONNECTION="sample", SCENE_TYPE="landsat", LIMIT=1)["OUTPUT"]
    (band,) = run("download", CONNECTION="sample", INPUT=landsat, FOLDER=str(tmp_path / "landsat"))["FILES"]
    assert Path(band).name == f"{_ids(landsat)[0]}_band_1.tif"
    both = processing.run("native:mergevectorlayers", {"LAYERS": [layer, landsat], "OUTPUT": "memory:"})["OUTPUT"]
    with pytest.raises(QgsProcessingException, match="different preferred products, visual, band_1: name a product"):
        run("download", CONNECTION="sample", INPUT=both, FOLDER=str(tmp_path / "both"))


def test_without_a_scene_type_the_services_are_named(run: Run) -> None:
    with pytest.raises(QgsProcessingException) as caught:
        run("search", CONNECTION="sample", OUTPUT="memory:")
    assert "Give the scene type; connection sample has: landsat, ortho, rapideye." in str(caught.value)


# ---- activation --------------------------------------------------------------------------------------------


@pytest.fixture
def on_request(
    run: Run, start_service: Start, archive: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Connection]:
    """Return a connection to a service whose products have to be activated, which takes a moment.

    Its parameter is the number of products that the test activates.
    """
    monkeypatch.setattr(activation, "POLL", 0.1)
    service = start_service(archive, "--activation-delay", "0.5", key="")
    connections().add(Connection("some", service.url.replace("/v0/", "/data/v1/"), kind="data-v1"))
    yield connections().get("some")
    settle()
    service.to_activate = request.param
    service.stop()


def _states(connection: Connection, layer: QgsVectorLayer, product: str) -> List[str]:
    catalog: Any = connection.catalog()
    scene_type = layer.source().partition("?")[0].partition(":")[2]
    return [catalog.asset_states(catalog.scene(scene_type, scene))[product].status for scene in _ids(layer)]


@pytest.mark.parametrize("on_request", [2], indirect=True)
def test_products_are_activated_and_waited_for(run: Run, on_request: Connection) -> None:
    layer = run("searchlayer", CONNECTION="some", SCENE_TYPE="ortho", LIMIT=2)["OUTPUT"]
    assert _states(on_request, layer, "visual") == ["inactive"] * 2
    given = {"CONNECTION": "some", "INPUT": layer, "PRODUCTS": "visual"}
    with pytest.raises(QgsProcessingException, match="has no product 'nosuch'"):
        run("activate", **{**given, "PRODUCTS": "visual,nosuch"})
    assert _states(on_request, layer, "visual") == ["inactive"] * 2
    assert run("activate", **given, WAIT=False)["COUNT"] == 0
    feedback = Feedback()
    assert run("activate", feedback, **given)["COUNT"] == 2
    assert _states(on_request, layer, "visual") == ["active"] * 2
    assert feedback.steps[-1] == 100 and "2 of 2 products are active." in feedback.said
    assert run("activate", **given, TIMEOUT=0)["COUNT"] == 2


@pytest.mark.parametrize("on_request", [1], indirect=True)
def test_waiting_for_products_ends(run: Run, on_request: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = run("searchlayer", CONNECTION="some", SCENE_TYPE="ortho", LIMIT=1)["OUTPUT"]
    given = {"CONNECTION": "some", "INPUT": layer, "PRODUCTS": "analytic"}
    with pytest.raises(QgsProcessingException, match="1 of 1 products are not active after 0 seconds"):
        run("activate", **given, TIMEOUT=0)
    stopped = Feedback()
    stopped.cancel()
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        run("activate", stopped, **given)


def test_nothing_is_activated_where_files_are_always_there(run: Run) -> None:
    feedback = Feedback()
    assert run("activate", feedback, CONNECTION="sample", INPUT=_layer(run, LIMIT=2))["COUNT"] == 2
    assert any("always available" in line for line in feedback.said)
    assert algorithm.activate is activation.activate


# ---- synchronisation ---------------------------------------------------------------------------------------


def _files(folder: Path) -> Dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if not path.name.startswith(".")}


def test_a_folder_gets_what_it_lacks(run: Run, archive: Path, tmp_path: Path) -> None:
    folder = tmp_path / "scenes"
    given = {**SUMMER, "LIMIT": 2, "PRODUCTS": "visual", "FOLDER": str(folder)}
    planned = run("sync", **given, DRY_RUN=True)
    assert planned["COUNT"] == 2 and not folder.exists()
    feedback = Feedback()
    found = run("sync", feedback, **given)
    ids = _ids(_layer(run, LIMIT=2))
    names = {f"{scene}_{end}" for scene in ids for end in ("visual.tif", "metadata.json")}
    assert set(_files(folder)) == {Path(path).name for path in found["FILES"]} == names
    for scene in ids:
        assert (folder / f"{scene}_visual.tif").read_bytes() == (archive / f"{scene}_visual.tif").read_bytes()
    assert "0 scenes are complete, 2 are to be fetched." in feedback.said
    QgsApplication.processEvents()  # the threads that fetch report progress
    assert max(feedback.steps) == 100
    before = _files(folder)
    (folder / f"{ids[0]}_visual.tif").unlink()
    again = run("sync", **given)
    assert [Path(path).name for path in again["FILES"]] == [f"{ids[0]}_visual.tif"]
    kept = _files(folder)
    del before[f"{ids[0]}_visual.tif"], kept[f"{ids[0]}_visual.tif"]
    assert kept == before
    assert run("sync", **given)["COUNT"] == 0


def test_a_failed_or_cancelled_synchronisation_says_so(run: Run, tmp_path: Path) -> None:
    given = {**SUMMER, "LIMIT": 2, "FOLDER": str(tmp_path / "scenes")}
    feedback = Feedback()
    with pytest.raises(QgsProcessingException, match="2 scenes or products could not be fetched; .*'nosuch'"):
        run("sync", feedback, **given, PRODUCTS="visual,nosuch")
    # What could be fetched is there.
    assert sum(name.endswith("_visual.tif") for name in _files(tmp_path / "scenes")) == 2
    stopped = Feedback()
    stopped.cancel()
    with pytest.raises(QgsProcessingException, match="Cancelled"):
        run("sync", stopped, **given)
