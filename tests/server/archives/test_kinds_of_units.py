"""The index and scenes of any kind: ids that only files tell, assets, fields, lines of the report."""

from __future__ import annotations

import json
import re
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from typing import Iterable, Iterator, List, Tuple

import pytest
from click.testing import CliRunner

from planet_vector.assets import SpectralBand
from planet_vector.bands import BandInfo
from planet_vector.cli import main
from planet_vector.server.archive import inventory
from planet_vector.server.archive.fields import SceneFields
from planet_vector.server.archive.inventory import read
from planet_vector.server.archive.listing import Listing
from planet_vector.server.archive.media_types import GEOTIFF
from planet_vector.server.archive.raster_info import RasterInfo
from planet_vector.server.archive.units import (
    GUESSED,
    IDS,
    LEFT_OUT,
    MISSING,
    SKIPPED,
    Kind,
    Problem,
    SceneAsset,
    SceneRecord,
    Unit,
)  # fmt: skip
from planet_vector.server.index import entries, updating
from planet_vector.server.index.blocks import COLLECTION, ITEM_TYPE
from planet_vector.server.index.database import Index
from planet_vector.server.index.scene_search import parse_search
from planet_vector.server.index.updating import update

from ..conftest import Serve, write_raster
from ..test_strips import kept_in_blocks
from .conftest import Archive

NAN = float("nan")
BAND = BandInfo(SpectralBand("red edge", 0.69, 0.73, "Gray", "red_edge", "rededge"), 2e-5, -0.1, NAN, "K")
PLACE = (10.0, 0.0, 5e5, 0.0, -10.0, 5e6)
RASTER = RasterInfo(10, 20, "uint16", 5, "EPSG:32633", PLACE, 0.0, ("a", ""), ("gray",), True)
ROLES = ("data", "reflectance")


def claim(listing: Listing, problems: List[Problem]) -> Iterator[Tuple[str, str]]:
    for path, match in listing.matching(re.compile(r"(?P<stem>.+)\.item")):
        yield f"item:{path[: path.rfind('/') + 1]}{match['stem']}", path
        for other in listing.below(path.rpartition("/")[0]):
            if other.endswith(".txt"):
                yield "", other


def read_items(root: Path, unit: Unit, problems: List[Problem]) -> Iterator[SceneRecord]:
    for scene_id in json.loads((root / unit.files[0].path).read_text()):
        fields = SceneFields(
            acquired=datetime(2021, 6, 30, tzinfo=timezone.utc),
            gsd=3.0,
            guessed=("acquired",),
            stac={"naip:year": "2021", "platform": "x"},
            v1={"a": None},
        )
        assets = (
            SceneAsset("image", unit.files[0].path, GEOTIFF, ROLES, "analytic", "ortho_x", (BAND,), RASTER),
            SceneAsset("remote", "https://example.org/b.tif", GEOTIFF, title="B"),
        )
        item = fields.to_json()
        yield SceneRecord("drone", fields.to_feature(scene_id), assets, "Item1", "c-1", item, fields.guessed)
    problems.append(Problem(unit.files[0].path, "names b.tif, which is not there", kind=MISSING))


KIND = Kind("item:", claim, read_items)


def read_here(root: Path, units: List[Unit]) -> Iterator[Tuple[Unit, Iterable[entries.Entry], List[Problem]]]:
    """Stand for `read_all`, whose processes do not have the kind of this test."""
    for unit in units:
        problems: List[Problem] = []
        yield unit, entries._entries(read(root, unit, problems), unit, problems), problems


@pytest.fixture
def items(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> Archive:
    monkeypatch.setattr(inventory, "KINDS", (KIND, *inventory.KINDS))
    monkeypatch.setitem(inventory._BY_PREFIX, "item:", KIND)
    monkeypatch.setattr(updating, "read_all", read_here)
    return archive


def write(path: Path, *ids: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(ids))


def test_ids_that_only_files_tell_are_made_unique_and_stay(items: Archive) -> None:
    write(items.root / "a" / "1.item", "X", "Y")
    write(items.root / "b" / "2.item", "X", "Z", "X")
    found = items.index()
    assert found.paths() == {"X": "a/1.item", "Y": "a/1.item", "b~X": "b/2.item", "Z": "b/2.item"}
    assert {line.text for line in found.lines[IDS]} == {"has the id 'b~X', as 'X' repeats in the archive"}
    assert found.told(LEFT_OUT) == {"b/2.item": "scene b~X is already served from b/2"}
    renamed = found.scenes["b~X"].feature
    links = renamed["properties"]["links"]  # type: ignore[index]
    assert renamed["id"] == "b~X" and links["full"].endswith("/v0/scenes/drone/b~X/full")
    products = renamed["properties"]["data"]["products"]  # type: ignore[index]
    assert products["analytic"]["full"].endswith("/drone/b~X/full?product=analytic")
    (items.root / "a" / "1.item").unlink()
    assert set(items.index().scenes) == {"b~X", "Z"}
    write(items.root / "b" / "2.item", "Z", "X")
    assert set(items.index().scenes) == {"b~X", "Z"}
    write(items.root / "c" / "3.item", "X", "W")
    assert items.index().paths() == {"X": "c/3.item", "W": "c/3.item", "b~X": "b/2.item", "Z": "b/2.item"}


def test_an_invalid_id_of_a_file_is_made_valid(items: Archive) -> None:
    write(items.root / "1.item", "line\nbreak", "x" * 300)
    found = items.index()
    assert "line_break" in found.scenes and found.lines[LEFT_OUT] == []
    (other,) = set(found.scenes) - {"line_break"}
    assert len(other) == 199


def test_assets_and_fields_are_stored_as_they_were_read(items: Archive) -> None:
    write(items.root / "1.item", "X")
    write_raster(items.root / "plain.tif", size=8, bands=3, tags={"TIFFTAG_DATETIME": "2014:09:22 17:45:39"})
    (items.root / "a.txt").write_text("claimed, of no scene")
    items.index()
    with closing(Index(items.place)) as index:
        scene = index.record("drone", "X")
        assert scene is not None
        assert (scene.item_type, scene.collection, scene.scene_type) == ("Item1", "c-1", "drone")
        assert scene.fields.acquired == datetime(2021, 6, 30, tzinfo=timezone.utc)
        assert scene.fields.stac == {"naip:year": "2021", "platform": "x"} and scene.fields.guessed == ("acquired",)
        first, second = scene.assets
        assert (first.key, first.v1, first.product, first.roles) == (
            "image",
            "ortho_x",
            "analytic",
            ("data", "reflectance"),
        )
        assert first.raster == RASTER and repr(first.bands) == repr((BAND,))
        assert (second.path, second.is_remote, second.title, second.product) == (
            "https://example.org/b.tif",
            True,
            "B",
            None,
        )
        plain = index.record("ortho", "plain")
        assert plain is not None and (plain.item_type, plain.collection) == ("ortho", "ortho")
        assert plain.fields.gsd == 10.0 and plain.fields.acquired == datetime(
            2014, 9, 22, 17, 45, 39, tzinfo=timezone.utc
        )
        (asset,) = plain.assets
        assert [(b.band.name, b.band.common, b.nodata) for b in asset.bands] == [
            ("red", "red", 0.0), ("green", "green", 0.0), ("blue", "blue", 0.0)
        ]  # fmt: skip
        assert asset.raster is not None and asset.raster.crs == "EPSG:32633" and asset.raster.rows == 8
        assert index.record("ortho", "X") is None
        page = index.search_records(parse_search("drone", []))
        assert ([s.scene_id for s in page.scenes], page.total) == (["X"], 1)
    strips = kept_in_blocks(items.place)["drone", "X"]
    assert (strips[ITEM_TYPE], strips[COLLECTION]) == ("Item1", "c-1")


def test_lines_of_all_kinds_are_reported(items: Archive, tmp_path: Path) -> None:
    for number in range(30):
        write(items.root / f"{number}.item", f"X{number}")
    (items.root / "bad.json").write_text("{")
    report = update(items.root, items.place)
    assert report.notes == {GUESSED: 30, MISSING: 30}
    target = tmp_path / "report.jsonl"
    done = CliRunner().invoke(
        main, ["index", str(items.root), "--index", str(items.place), "--report", str(target)], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert "guessed: 30" in lines and "missing: 30" in lines and lines.count("  … and 10 more: see --report.") == 2
    assert any(line.startswith("bad.json: is not JSON") for line in lines)
    rows = [json.loads(line) for line in target.read_text().splitlines()]
    assert {row["kind"] for row in rows} == {LEFT_OUT, GUESSED, MISSING}
    assert len(rows) == 61 and all(set(row) == {"kind", "path", "text"} for row in rows)
    assert not {IDS, SKIPPED} & {row["kind"] for row in rows}


def test_a_service_tells_the_numbers_at_its_start(archive: Archive, serve: Serve) -> None:
    for folder in ("a", "b"):
        write_raster(archive.root / folder / "x.tif", size=8)
    service = serve(archive.root)
    assert service.process.stdout is not None
    while not service.process.stdout.readline().startswith("Start page: "):
        pass
    told = "Listed by planet-vector index: 2 with the time of their file, 2 with an id that differs from their name\n"
    assert service.process.stdout.readline() == told and service.errors == ""
