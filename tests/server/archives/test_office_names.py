"""Files with names as offices give them: each has one valid id, and the report lists the changed characters."""

from __future__ import annotations

import os
import shutil
import sys
import unicodedata
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from planet_vector.item_ids import is_item_id
from planet_vector.server.archive.archive_paths import is_storable, stored, unstored
from planet_vector.server.archive.ids import assign, changed_characters, plain_id
from planet_vector.server.archive.units import IDS, LEFT_OUT

from ..conftest import Serve, write_raster
from .conftest import Archive

NAMES = [
    "Grünfläche & Weg 50%.tif",
    "l'été 2021.tif",
    "#1 (copy) [2]+x=y;z.tif",
    'a"b<c>.tif',
    "50%25.tif",
    "100%.TIFF",
    "東京.tif",
    " leading and trailing .tif",
]


@pytest.fixture(scope="module")
def raster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("raster") / "small.tif"
    write_raster(path, size=8, bands=3, tags={"TIFFTAG_DATETIME": "2014:09:22 17:45:39"})
    return path


@pytest.mark.skipif(sys.platform == "win32", reason="names that Windows has not")
def test_umlauts_ampersand_percent_and_quotes_are_served_by_their_names(
    archive: Archive, raster: Path, serve: Serve
) -> None:
    folder = archive.root / "Büro & Söhne 100%"
    folder.mkdir()
    for name in NAMES:
        shutil.copyfile(raster, folder / name)
    found = archive.index()
    assert found.lines[LEFT_OUT] == found.lines[IDS] == []
    # `%25` is how `sync` writes a percent sign.
    assert set(found.scenes) == {Path(name).stem for name in NAMES} - {"50%25"} | {"50%"}
    service = serve(archive.root)
    for scene_id in found.scenes:
        path = f"scenes/ortho/{quote(scene_id, safe='')}"
        assert service.json(path)["id"] == scene_id
        answer = service.get(f"{path}/full?product=visual")
        assert answer.status_code == 200 and answer.content == raster.read_bytes()
        assert service.get(f"{path}/thumb").status_code == 200
    (link,) = {s["properties"]["links"]["full"] for s in service.json("scenes/ortho/")["features"] if s["id"] == "50%"}
    assert requests.get(link, timeout=30).content == raster.read_bytes()


def test_a_decomposed_name_has_a_composed_id(archive: Archive, raster: Path) -> None:
    shutil.copyfile(raster, archive.root / (unicodedata.normalize("NFD", "Grünfläche") + ".tif"))
    found = archive.index()
    assert set(found.scenes) == {unicodedata.normalize("NFC", "Grünfläche")}
    assert found.lines[IDS] == found.lines[LEFT_OUT] == []


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names are Unicode there")
def test_names_that_are_not_utf8_are_served(archive: Archive, raster: Path, serve: Serve) -> None:
    folder = os.fsencode(archive.root) + b"/M\xfcnchen"
    os.mkdir(folder)
    for name in (b"Stra\xdfe.tif", b"Stra\xdfe 2.tif", b"line\nbreak.tif", b"both\x01_.tif", b"both\x02_.tif"):
        shutil.copyfile(raster, folder + b"/" + name)
    found = archive.index()
    assert found.lines[LEFT_OUT] == []
    assert set(found.scenes) == {"Stra_e", "Stra_e 2", "line_break", "M_nchen~both__", *found.scenes}
    assert len(found.scenes) == 5 and all(is_item_id(scene_id) for scene_id in found.scenes)
    told = sorted(found.told(IDS).values())
    assert told[2:] == [
        "has the id 'Stra_e 2', as ids have no byte 0xDF",
        "has the id 'Stra_e', as ids have no byte 0xDF",
        "has the id 'line_break', as ids have no U+000A",
    ]
    assert all("as ids have no U+000" in line and "repeats in the archive" in line for line in told[:2])
    assert archive.index().report.read == 0
    service = serve(archive.root)
    for scene_id in found.scenes:
        path = f"scenes/ortho/{quote(scene_id, safe='')}"
        assert service.get(f"{path}/full").content == raster.read_bytes()
        assert service.get(f"{path}/thumb").status_code == 200


def test_a_name_of_250_letters_is_shortened(archive: Archive, raster: Path) -> None:
    for end in "ab":
        shutil.copyfile(raster, archive.root / ("x" * 240 + end + ".tif"))
    found = archive.index()
    assert all(len(scene_id) == 199 and scene_id.startswith("x" * 190 + "~") for scene_id in found.scenes)
    assert len(found.scenes) == 2
    assert all("at most 200 characters" in line.text for line in found.lines[IDS])


texts = st.text(st.characters(blacklist_characters="/\0"), min_size=1, max_size=230)
bytes_of_names = st.binary(min_size=1, max_size=230).map(
    lambda name: name.replace(b"/", b"_").replace(b"\0", b"_").decode("utf-8", "surrogateescape")
)


@given(texts | bytes_of_names)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_every_readable_name_has_one_valid_id(name: str) -> None:
    plain = plain_id(name)
    assert is_item_id(plain) or len(plain) > 200
    assert plain_id(plain) == plain or len(plain) > 200
    assert (plain == unicodedata.normalize("NFC", name)) == (not changed_characters(name))
    if is_storable(name):
        stored(name).encode()
        assert unstored(stored(name)) == name


@given(st.lists(st.tuples(st.sampled_from(["", "a/", "b/", "a~"]), texts | bytes_of_names), max_size=12, unique=True))
def test_all_names_of_an_archive_have_different_valid_ids(paths: object) -> None:
    assert isinstance(paths, list)
    named = {f"scene:{folder}{name}": plain_id(name) for folder, name in paths}
    found = assign(named, {key: key[6:] for key in named}, {})
    assert len(set(found.values())) == len(named)
    assert all(map(is_item_id, found.values()))
    # One after the other gives valid and different ids, too; none changes.
    known: dict[str, str] = {}
    for key in named:
        seen = {**{k: named[k] for k in known}, key: named[key]}
        known.update(assign(seen, {key: key[6:]}, known))
    assert len(set(known.values())) == len(named)


def test_images_of_other_formats_and_packed_archives_are_reported(archive: Archive, raster: Path) -> None:
    shutil.copy(raster, archive.root / "one.tif")
    for name in ("map.jp2", "old.IMG", "order.zip", "LC08.tar.gz", "wind.nc", "composite_file_format.ntf", "all.vrt",
                 "old.tar.bz2", "notes.txt", "table.gz"):  # fmt: skip
        (archive.root / name).write_bytes(b"?")
    indexed = archive.index()
    assert list(indexed.scenes) == ["one"]
    told = indexed.told(LEFT_OUT)
    assert sorted(told) == [
        "LC08.tar.gz", "all.vrt", "composite_file_format.ntf", "map.jp2", "old.IMG", "old.tar.bz2", "order.zip",
        "wind.nc",
    ]  # fmt: skip
    assert told["order.zip"] == told["LC08.tar.gz"] == "is a packed archive: unpack it, and its scenes are served"
    assert "rule file" in told["map.jp2"]
