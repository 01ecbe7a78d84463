"""Ids of an archive with repeated names: all files are served, and no id changes while its file stays."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Dict

import pytest

from planet_vector.server.archive.units import IDS, LEFT_OUT
from planet_vector.server.index import writing

from ..conftest import feature, write_features, write_raster
from .conftest import Archive, index_archive

NAMES = ("ortho", "dsm", "report_map")


@pytest.fixture(scope="module")
def raster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small GeoTIFF with a time of its own."""
    path = tmp_path_factory.mktemp("raster") / "small.tif"
    write_raster(path, size=8, tags={"TIFFTAG_DATETIME": "2014:09:22 17:45:39"})
    return path


def fill(root: Path, raster: Path, folders: int, files: int) -> Dict[str, str]:
    """Copy a raster under names that repeat in each folder, except for one; return the expected ids by path."""
    expected = {}
    for folder in range(folders):
        place = root / f"{2000 + folder}" / f"field_{folder % 7}"
        place.mkdir(parents=True)
        for number in range(files - 1):
            shutil.copyfile(raster, place / f"ortho_{number:02}.tif")
            expected[f"{2000 + folder}/field_{folder % 7}/ortho_{number:02}.tif"] = (
                f"{2000 + folder}~field_{folder % 7}~ortho_{number:02}"
            )
        shutil.copyfile(raster, place / f"flight {folder}.tif")
        expected[f"{2000 + folder}/field_{folder % 7}/flight {folder}.tif"] = f"flight {folder}"
    return expected


def check_stays(archive: Archive, raster: Path, folders: int, files: int) -> None:
    expected = fill(archive.root, raster, folders, files)
    first = archive.index()
    assert {path: scene_id for scene_id, path in first.paths().items()} == expected
    assert first.lines[LEFT_OUT] == []
    assert len(first.lines[IDS]) == folders * (files - 1)
    assert archive.index().report.read == 0

    # One folder is renamed, another is added that comes first, a file repeats a name that was alone.
    (archive.root / "2001").rename(archive.root / "moved")
    shutil.copytree(archive.root / "2002", archive.root / "1000")
    shutil.copyfile(raster, archive.root / "1000" / "flight 3.tif")
    second = archive.index()
    assert second.lines[LEFT_OUT] == []
    found = {path: scene_id for scene_id, path in second.paths().items()}
    assert len(found) == (folders + 1) * files + 1
    kept = {path for path in expected if not path.startswith("2001/")}
    assert {path: found[path] for path in kept} == {path: expected[path] for path in kept}
    assert found["1000/flight 3.tif"] == "1000~flight 3"
    # A name that is free again may be taken; the others are paths.
    moved = {path: scene_id for path, scene_id in found.items() if path.startswith("moved/")}
    assert moved == {
        path.replace("2001/", "moved/"): scene_id.replace("2001~", "moved~")
        for path, scene_id in expected.items()
        if path.startswith("2001/")
    }
    # The same archive at another place, and from the beginning.
    again = {
        path: s for s, path in index_archive(archive.root, archive.place.with_name("again.sqlite")).paths().items()
    }
    changed = {path for path in found if again[path] != found[path]}
    assert changed == {"2003/field_3/flight 3.tif", "2002/field_2/flight 2.tif"}, "their names have become ambiguous"


def test_ids_stay(archive: Archive, raster: Path) -> None:
    check_stays(archive, raster, folders=9, files=5)


@pytest.mark.long
def test_ids_of_10000_files_in_100_folders_stay(archive: Archive, raster: Path) -> None:
    check_stays(archive, raster, folders=100, files=100)


def test_a_file_that_is_added_leaves_the_id_of_the_first(archive: Archive, raster: Path) -> None:
    (archive.root / "b").mkdir()
    shutil.copyfile(raster, archive.root / "b" / "x.tif")
    assert archive.index().paths() == {"x": "b/x.tif"}
    (archive.root / "a").mkdir()
    shutil.copyfile(raster, archive.root / "a" / "x.tif")  # it is read before
    found = archive.index()
    assert found.paths() == {"x": "b/x.tif", "a~x": "a/x.tif"}
    assert found.told(IDS) == {"a/x.tif": "has the id 'a~x', as 'x' repeats in the archive"}
    (archive.root / "b" / "x.tif").unlink()
    shutil.copyfile(raster, archive.root / "a" / "y.tif")
    assert archive.index().paths() == {"a~x": "a/x.tif", "y": "a/y.tif"}
    (archive.root / "a" / "x.tif").unlink()
    (archive.root / "c").mkdir()
    shutil.copyfile(raster, archive.root / "c" / "x.tif")
    assert archive.index().paths() == {"x": "c/x.tif", "y": "a/y.tif"}


def test_a_changed_file_keeps_its_id_and_a_killed_update_changes_none(
    archive: Archive, raster: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = fill(archive.root, raster, 3, 4)
    commit, left = writing.Writing._commit, [3]

    def killed(self: writing.Writing) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        commit(self)

    with monkeypatch.context() as patch:
        patch.setattr(writing, "SECONDS", 0.0)
        patch.setattr(writing.Writing, "_commit", killed)
        with pytest.raises(KeyboardInterrupt):
            archive.index()
    assert {path: scene_id for scene_id, path in archive.index().paths().items()} == expected
    write_raster(archive.root / "2001" / "field_1" / "ortho_00.tif", size=9)
    found = archive.index()
    assert found.report.read == 1
    assert {path: scene_id for scene_id, path in found.paths().items()} == expected


def test_a_path_that_is_the_name_of_another_file_gets_digits(archive: Archive, raster: Path) -> None:
    for path in ("a/x.tif", "b/x.tif", "a~x.tif"):
        (archive.root / path).parent.mkdir(exist_ok=True)
        shutil.copyfile(raster, archive.root / path)
    found = archive.index().paths()
    assert sorted(found.values()) == ["a/x.tif", "a~x.tif", "b/x.tif"]
    assert found["a~x"] == "a~x.tif"
    assert found["b~x"] == "b/x.tif"
    assert found["a~x~1653a068"] == "a/x.tif"  # printf a/x | sha256sum


def test_a_scene_with_metadata_in_two_folders_is_two_scenes(archive: Archive, raster: Path) -> None:
    import json

    for folder, west in (("a", 10.0), ("b", 20.0)):
        (archive.root / folder).mkdir()
        shutil.copyfile(raster, archive.root / folder / "S1_visual.tif")
        said = feature("S1", west=west, camera={"bit_depth": 8}, image_statistics={"gsd": 3.0})
        (archive.root / folder / "S1_metadata.json").write_text(json.dumps(said))
    found = archive.index()
    assert found.paths() == {"a~S1": "a/S1_visual.tif", "b~S1": "b/S1_visual.tif"}
    for folder, west in (("a", 10.0), ("b", 20.0)):
        shown = found.scenes[f"{folder}~S1"].feature
        assert shown["id"] == f"{folder}~S1"
        assert shown["geometry"]["coordinates"][0][0][0] == west  # type: ignore[index]
        assert shown["properties"]["links"]["self"].endswith(f"/v0/scenes/ortho/{folder}~S1")  # type: ignore[index]


def test_a_list_gives_way_to_a_raster_as_before(archive: Archive, raster: Path) -> None:
    write_features(archive.root / "a.json", [feature("x"), feature("y")])
    assert set(archive.index().scenes) == {"x", "y"}
    shutil.copyfile(raster, archive.root / "x.tif")
    found = archive.index()
    assert found.scenes["x"].assets[0].path == "x.tif"
    assert found.told(LEFT_OUT) == {"a.json": "scene x is already served from x"}


def test_an_index_of_before_is_taken_over_with_its_ids(archive: Archive, raster: Path) -> None:
    """Of two files of one name, the index of before served the first, under the name."""
    for folder in ("a", "b", "c"):
        (archive.root / folder).mkdir()
        shutil.copyfile(raster, archive.root / folder / "x.tif")
    (archive.root / "a" / "x.tif").rename(archive.root / "a" / "y.tif")
    place = Path(__file__).parents[1] / "before" / "index-6-repeated.sqlite"
    shutil.copyfile(place, archive.place)
    with closing(sqlite3.connect(place)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (6,)
        assert dict(db.execute("SELECT id, key FROM scene JOIN unit USING (unit)")) == {
            "y": "scene:a/y",
            "x": "scene:b/x",
        }
    found = archive.index()
    assert found.paths() == {"y": "a/y.tif", "x": "b/x.tif", "c~x": "c/x.tif"}
    shutil.copyfile(raster, archive.root / "x.tif")
    # Its path is its name; printf x | sha256sum
    assert archive.index().paths() == {**found.paths(), "x~2d711642": "x.tif"}
