"""What was asked once is not asked again, and is never mistaken for another answer."""

from __future__ import annotations

import gc
import json
import os
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Iterable, List

import pyogrio
import pytest

import planet_vector
from planet_vector.catalog.scene_pages import SearchSurvey
from planet_vector.query import Query
from planet_vector.vector import disk_cache, result_cache
from planet_vector.vector import result as results
from planet_vector.vector.columns import Row, Rows
from planet_vector.vector.layer import SceneLayer
from planet_vector.vector.result import Result
from planet_vector.vector.result_cache import CACHE
from planet_vector.vector.schema import Schema
from tests.conftest import HAS_FIONA, Service, Start
from tests.faces import Face
from tests.schemas import ORTHO
from tests.vector.conftest import Watched, ask, wait_for_pages


def rows(name: str = "PLANET:ortho", **options: object) -> int:
    return len(pyogrio.read_dataframe(name, columns=["id"], **options))


def test_a_layer_is_read_once(many: Watched, face: Face) -> None:
    assert rows() == 3500
    assert len(many.requests()) == face.reading  # what opening asks, then windows of time
    assert rows() == 3500
    assert rows(bbox=(0, 0, 20, 20)) < 100
    assert rows(where=face.spell('"cloud_cover.estimated" < 5')) < 300
    assert rows(where="acquired > '2015-02-01'") < 3500
    assert rows(where="id = 'nobody'") == 0
    if HAS_FIONA:  # another GDAL in the same process
        import fiona

        with fiona.open("PLANET:ortho") as source:
            assert len(source) == len(list(source)) == 3500
    layer = planet_vector.open_layer("PLANET:ortho")
    first = next(layer.rows())
    assert layer.row(first.fid) == first
    extent = layer.extent()
    assert extent and extent.contains(planet_vector.geometry.boxes.Box(0, 0, 1, 1))
    assert many.requests() == []


def test_a_box_inside_a_known_box_asks_nothing(many: Watched, face: Face) -> None:
    rows(bbox=(0, 0, 40, 40))
    assert len(many.requests()) == face.opening + face.part
    for box in [(5, 5, 20, 20), (0, 0, 40, 40), (39, 39, 40, 40), (7, 7, 7, 7)]:
        rows(bbox=box)
    rows(bbox=(5, 5, 20, 20), where=face.spell('"cloud_cover.estimated" < 50'))
    assert many.requests() == []
    rows(bbox=(5, 5, 41, 20))
    assert len(many.requests()) == face.part


def test_a_filter_stricter_than_a_known_one_asks_nothing(many: Watched, face: Face) -> None:
    rows(where=face.spell('"cloud_cover.estimated" < 20'))
    many.requests()
    assert rows(where=face.spell('"cloud_cover.estimated" <= 10 AND "sat.off_nadir" > 2')) > 10
    assert many.requests() == []
    assert rows(where=face.spell('"cloud_cover.estimated" < 21')) > 10
    assert many.requests() != []


def test_a_result_is_forgotten_after_its_time(many: Watched, face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANET_CACHE_TTL", "0.5")
    rows("PLANET:ortho?limit=5")
    many.requests()
    threading.Event().wait(0.6)
    rows("PLANET:ortho?limit=5")
    assert len(many.requests()) == face.opening + 1


def test_two_keys_do_not_share_results(many: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    rows("PLANET:ortho?limit=5")
    monkeypatch.setenv("PL_API_KEY", "0" * 32)
    with pytest.raises(pyogrio.errors.DataSourceError, match="401"):
        rows("PLANET:ortho?limit=5")


def test_two_services_do_not_share_results(many: Watched, service: Service) -> None:
    assert rows() == 3500
    assert rows(f"PLANET:ortho?api_url={service.root}", API_KEY=service.key) < 100


def test_readers_at_once_share_one_fetch(many: Watched, face: Face) -> None:
    layer = planet_vector.open_layer("PLANET:ortho")
    many.requests()
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda _: sum(1 for _ in layer.rows()), range(8)))
    assert counts == [3500] * 8
    assert len(many.requests()) == face.reading - face.opening


def test_the_garbage_collector_runs_again_after_readings_at_once(many: Watched) -> None:
    layer = planet_vector.open_layer("PLANET:ortho")
    boxes = [planet_vector.geometry.boxes.Box(west, 0, west + 30, 60) for west in range(-150, 150, 50)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda box: list(layer.rows(box=box)), boxes))
    assert gc.isenabled()
    gc.disable()
    try:
        assert rows("PLANET:ortho?limit=5") == 5
        assert not gc.isenabled()  # it was not ours to switch on
    finally:
        gc.enable()


def _block(rows: Iterable[Row]) -> Rows:
    fids, boxes, wkbs, values = zip(*rows)
    return Rows(fids, boxes, wkbs, list(zip(*values)))


def test_a_result_larger_than_its_memory_goes_to_a_file_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "IN_MEMORY", 100)
    result = Result(planet_vector.Query(ORTHO))
    blocks = [
        _block(
            Row(n, (n / 100, 0.0, n / 100 + 1, 1.0), b"wkb%d" % n, (f"id{n}", n / 3, None)) for n in range(i, i + 50)
        )
        for i in range(0, 1000, 50)
    ]
    for block in blocks:
        result.append(block)
    everything = [row for block in blocks for row in block]
    assert result.count == 1000
    assert [row for block in result.blocks() for row in block] == everything
    assert result.find(777) == everything[777]
    assert result.find(1000) is None
    box = planet_vector.geometry.boxes.Box(3, 0, 3.5, 0.5)
    found = [row for block in result.blocks(box) for row in block]
    assert found == [row for row in everything if row.box and row.box[0] <= 3.5 and row.box[2] >= 3]


def test_the_next_program_asks_for_the_scenes_of_a_short_search_no_more(
    many: Watched, face: Face, run: Callable[..., Any], tmp_path: Path
) -> None:
    name, environ = face.spell("PLANET:ortho?cloud_cover.estimated.lte=5"), many.service.environ
    first = run("ogrinfo", "-ro", "-al", "-q", name, env=environ)
    assert len(many.pages()) == 1
    again = run("ogrinfo", "-ro", "-al", "-q", name, env=environ)
    assert again.stdout == first.stdout
    assert "OGRFeature" in first.stdout
    assert many.pages() == []
    files = list(disk_cache.directory().iterdir())
    assert len(files) == 1
    assert files[0].stat().st_mode & 0o077 == 0
    assert many.service.key.encode() not in files[0].read_bytes()

    files[0].write_bytes(files[0].read_bytes()[:-1] + b"x")  # spoilt: it is not trusted
    assert run("ogrinfo", "-ro", "-al", "-q", name, env=environ).stdout == first.stdout
    assert many.pages() != []
    assert run("planet-vector", "cache", "clear", env=environ).stderr.startswith("Removed 1 results")
    assert list(disk_cache.directory().iterdir()) == []
    run("ogrinfo", "-ro", "-al", "-q", name, env={**environ, "PLANET_CACHE_TTL": "0"})
    assert list(disk_cache.directory().iterdir()) == []


def test_a_stored_result_is_not_used_when_the_service_has_other_scenes() -> None:
    blocks, then = [_block([Row(1, None, None, ("a",))])], SearchSurvey(1, None, None)
    disk_cache.save("me", then, blocks)
    found = disk_cache.load("me", then, 100)
    assert found is not None and found.rows == blocks and 0 <= found.age < 60
    assert disk_cache.load("me", SearchSurvey(2, None, None), 100) is None
    assert disk_cache.load("you", then, 100) is None
    assert disk_cache.load("me", then, -1) is None


def test_a_scene_in_another_s_place_is_seen_within_the_time(
    start_service: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Number and times tell nothing of it; a result that another program read comes back with the age it has."""
    ring = [[10.0, 45.0], [10.1, 45.0], [10.1, 45.1], [10.0, 45.1], [10.0, 45.0]]

    def write(*ids: str) -> None:
        lines = [
            {"type": "Feature", "id": name, "geometry": {"type": "Polygon", "coordinates": [ring]},
             "properties": {"acquired": f"2015-03-01T1{number}:00:00Z"}}
            for number, name in enumerate(ids)
        ]  # fmt: skip
        part = tmp_path / "scenes.part"
        part.write_text("".join(json.dumps(line) + "\n" for line in lines))
        part.replace(tmp_path / "archive" / "scenes.geojsonl")

    (tmp_path / "archive").mkdir()
    write("a", "b", "c")
    service = start_service(tmp_path / "archive", "--rescan", "0.1", "--index", str(tmp_path / "index.sqlite"))
    for name, value in (("PL_API_URL", service.root), ("PL_API_KEY", service.key), ("PLANET_CACHE_TTL", "6")):
        monkeypatch.setenv(name, value)

    def ids() -> List[str]:
        layer = planet_vector.open_layer("PLANET:ortho")
        return sorted(row.values[layer.schema.names.index("id")] for row in layer.rows())

    assert ids() == ["a", "b", "c"]
    write("a", "B", "c")
    while "B" not in [scene["id"] for scene in ask(service, "scenes/ortho/")["features"]]:
        time.sleep(0.05)
    (kept,) = disk_cache.directory().glob("*.rows")
    os.utime(kept, (time.time() - 5, time.time() - 5))
    CACHE.clear()  # as in the next program
    start = time.monotonic()
    assert ids() == ["a", "b", "c"], "as the time allows it"
    while ids() != ["B", "a", "c"]:
        assert time.monotonic() - start < 4, "a second was left"
        time.sleep(0.1)
    service.stop()


def test_the_least_used_results_go_when_all_together_are_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result_cache, "MOST_BYTES", 60_000)
    kept = result_cache.Cache()
    for number in range(5):
        result = Result(planet_vector.Query(ORTHO, limit=number + 1))
        result.append(_block(Row(n, None, None, ("a",)) for n in range(10)))
        kept.keep("me", result)
        kept.covering("me", planet_vector.Query(ORTHO, limit=1), 100)
    found = [kept.covering("me", planet_vector.Query(ORTHO, limit=n + 1), 100) is not None for n in range(5)]
    assert found == [True, False, False, False, True]


def test_memory_does_not_grow_with_the_number_of_scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "IN_MEMORY", 2000)
    schema = Schema(ORTHO)
    scene = {
        "id": "x",
        "geometry": {"type": "Polygon", "coordinates": [[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]]},
        "properties": {"acquired": "2015-01-01T00:00:00+00:00", "links": {"self": "https://example/" * 20}},
    }
    result = Result(planet_vector.Query(ORTHO))
    tracemalloc.start()
    for number in range(40):
        if number == 5:
            before = tracemalloc.get_traced_memory()[0]
        result.append(schema.rows([{**scene, "id": f"{number}-{n}"} for n in range(500)]))
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    # Bytes: two ids and a box a scene, by which it is found, where the rows themselves take some 1500.
    assert grown < 35 * 500 * 56


def test_a_page_that_is_closed_early_leaves_nothing_running(many: Watched) -> None:
    scenes = planet_vector.search("PLANET:ortho")
    under_way = iter(scenes)
    for _ in range(1500):
        next(under_way)
    scenes.close()
    CACHE.clear()
    wait_for_pages()


def test_opening_asks_small_questions(many: Watched, face: Face) -> None:
    pyogrio.read_info("PLANET:ortho", force_feature_count=True)
    asked = many.requests()
    assert len(asked) == face.opening
    assert face.fetched(asked) == []


def test_a_result_with_other_types_of_columns_is_asked_for_again(
    many: Watched, face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an earlier version read into a column of text is no row of one that takes numbers there."""
    monkeypatch.setenv("PL_API_URL", many.service.root)
    monkeypatch.setenv("PL_API_KEY", many.service.key)
    catalog = planet_vector.connect()
    as_it_is = catalog.schema("ortho")
    as_it_was = replace(as_it_is, columns={**as_it_is.columns, face.spell("image_statistics.gsd"): "String"})
    pages = []
    for collection in (as_it_was, as_it_is, as_it_is):
        CACHE.clear()  # as the next program has none
        layer = SceneLayer(catalog, Query(collection, limit=20), Schema(collection))
        layer.ask()
        many.requests()
        assert len(list(layer.rows())) == 20
        pages.append(len(many.requests()))
    assert pages == [1, 1, 0]
