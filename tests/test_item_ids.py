"""Ids of all services: in names, files' names and addresses, from an archive to a copy that is served again."""

from __future__ import annotations

import json
import ntpath
import os
import subprocess
import unicodedata
from pathlib import Path, PureWindowsPath
from typing import Any, Callable, Dict, List

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from planet_vector.item_ids import LONGEST_ID, file_stem, id_of_stem, is_item_id
from planet_vector.names import Name, parse_name
from tests.conftest import Service, Start

Run = Callable[..., "subprocess.CompletedProcess[str]"]

IDS = [
    "scene (1)", "Copy of scene", "a+b", "a=b", "a@b", "a,b", "plain", "urn:ogc:def:x:1", "Straße 7", "50%", "100%25",
    "a&b;c", "it's", '"quoted"', "-o", ".hidden", "a|b", "a?b#c", "<a>", "a*b", "[x] {y}", "~x", "日本", "a\\b",
    "trailing.", "S2A_MSIL2A.SAFE", "e\u0301", "CON",
]  # fmt: skip
"""Ids as services and people have them; those of lists may have slashes, too."""

_PRINTABLE = st.characters(exclude_categories=["Cc", "Cs", "Co", "Cn", "Zl", "Zp"])
any_id = st.text(_PRINTABLE, min_size=1, max_size=60).filter(is_item_id)


def _is_reserved(name: str) -> bool:
    """Return whether Windows keeps a name for itself; Python 3.13 moved the function."""
    found = getattr(ntpath, "isreserved", None)
    return bool(found(name) if found is not None else PureWindowsPath(name).is_reserved())


@given(any_id)
def test_a_stem_is_a_file_s_name_on_each_system_and_leads_back(item_id: str) -> None:
    stem = file_stem(unicodedata.normalize("NFC", item_id))
    name = f"{stem}_visual.tif"
    assert not _is_reserved(name) and PureWindowsPath(name).name == name
    assert not set(name) & set('<>:"/\\|?*') and name[0] not in ".- " and name.isprintable()
    assert id_of_stem(stem) == unicodedata.normalize("NFC", item_id)
    assert id_of_stem(unicodedata.normalize("NFD", stem)) == unicodedata.normalize("NFC", item_id)


@given(any_id, any_id)
def test_two_ids_have_two_stems(first: str, second: str) -> None:
    assert (file_stem(first) == file_stem(second)) == (first == second)


@given(st.text(min_size=1, max_size=40).filter(lambda text: "/" not in text and "\0" not in text))
def test_a_file_that_somebody_named_has_one_id(stem: str) -> None:
    """And when it has one, its copy has the name that leads to the same id."""
    found = id_of_stem(stem)
    if is_item_id(found):
        assert id_of_stem(file_stem(found)) == found


@given(any_id, any_id.filter(lambda text: "," not in text))
def test_a_name_holds_any_id(item_id: str, product: str) -> None:
    name = Name("ortho", item_id, product)
    assert parse_name(str(name)) == name
    assert str(name).isascii() and not set(str(name)) & set(" |#\"'`$<>\\&;()*?!")


@pytest.mark.parametrize("text", ["", " ", ".", "..", "a\nb", "a\x00", "\u2028", "\ud800", "x" * (LONGEST_ID + 1)])
def test_what_is_no_id_is_refused(text: str) -> None:
    assert not is_item_id(text)
    with pytest.raises(ValueError):
        file_stem(text)


def feature(item_id: str, number: int) -> Dict[str, Any]:
    ring = [[10.0, 45.0], [10.1, 45.0], [10.1, 45.1], [10.0, 45.1], [10.0, 45.0]]
    properties = {"acquired": f"2015-03-01T10:{number:02d}:00Z", "cloud_cover": {"estimated": 5}}
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "id": item_id, "properties": properties, "geometry": geometry}


@pytest.fixture(scope="module")
def odd(start_service: Start, archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Service:
    """Return a service of scenes with those ids: of rasters with metadata, and of a list."""
    folder = tmp_path_factory.mktemp("odd") / "archive"
    folder.mkdir()
    raster = next(archive.glob("2015*_visual.tif")).read_bytes()
    for number, item_id in enumerate(IDS):
        stem = file_stem(unicodedata.normalize("NFC", item_id))
        (folder / f"{stem}_visual.tif").write_bytes(raster)
        if number % 2:  # others are scenes by the names of their files alone
            text = json.dumps(feature(unicodedata.normalize("NFC", item_id), number))
            (folder / f"{stem}_metadata.json").write_text(text)
    (folder / "list.geojsonl").write_text(json.dumps(feature("/eodata/S2/a b", 59)) + "\n")
    return start_service(folder)


def wanted() -> List[str]:
    return sorted(unicodedata.normalize("NFC", item_id) for item_id in IDS)


def test_the_service_knows_them_and_their_links_lead_to_them(odd: Service) -> None:
    page = requests.get(odd.url + "scenes/ortho/?count=1000", auth=(odd.key, ""), timeout=60).json()
    assert sorted(scene["id"] for scene in page["features"]) == sorted([*wanted(), "/eodata/S2/a b"])
    for scene in page["features"]:
        links = scene["properties"]["links"]
        assert requests.get(links["self"], auth=(odd.key, ""), timeout=60).json()["id"] == scene["id"]
        if not scene["id"].startswith("/"):
            assert requests.head(links["full"] + "?product=visual", auth=(odd.key, ""), timeout=60).status_code == 200
            assert requests.get(links["square_thumbnail"], auth=(odd.key, ""), timeout=60).status_code == 200


def test_names_lead_to_files_and_the_files_to_the_same_ids(
    odd: Service, run: Run, tmp_path: Path, start_service: Start
) -> None:
    env = {**odd.environ, "PLANET_RATE": "0"}
    done = run("planet-vector", "search", "PLANET:ortho?acquired.neq=2015-03-01T10:59:00Z", "--names", env=env)
    names = done.stdout.splitlines()
    assert sorted(parse_name(name).item for name in names) == wanted()
    done = run("planet-vector", "download", "-", "-o", str(tmp_path / "kept"), env=env, input=done.stdout)
    assert done.returncode == 0, done.stderr
    files = {path.name for path in (tmp_path / "kept").iterdir()}
    assert files == {f"{file_stem(item_id)}_visual.tif" for item_id in wanted()}
    again = start_service(tmp_path / "kept", key="")
    page = requests.get(again.url + "scenes/ortho/?count=1000", timeout=60).json()
    assert sorted(scene["id"] for scene in page["features"]) == wanted()
    again.stop()


def test_a_folder_is_kept_with_them_and_goes_on(odd: Service, run: Run, tmp_path: Path) -> None:
    env = {**odd.environ, "PLANET_RATE": "0"}
    search = "PLANET:ortho?acquired.neq=2015-03-01T10:59:00Z"
    for turn in range(2):
        done = run("planet-vector", "sync", str(tmp_path / "kept"), search, env=env)
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == (2 * len(IDS) if turn == 0 else 0)


@pytest.mark.parametrize("item_id", ["Straße 7", "a|b", "50%", "a,b", "it's", "urn:ogc:def:x:1"])
def test_gdal_opens_them_by_their_names(item_id: str, odd: Service, run: Run) -> None:
    env = odd.environ
    name = str(Name("ortho", item_id))
    assert run("ogrinfo", "-ro", "-so", "-al", name, env=env).stdout.count("Feature Count: 1") == 1
    found = run("gdalinfo", name, env=env)
    assert "SUBDATASET_1_NAME" in found.stdout, found.stderr
    one = next(line.partition("=")[2] for line in found.stdout.splitlines() if "SUBDATASET_1_NAME=" in line)
    done = run("gdalinfo", "-checksum", one, env=env)
    assert "Checksum=" in done.stdout, done.stderr
    assert run("planet-vector", "info", f"{name}/visual", env=env).returncode == 0
    assert run("ogrinfo", "-ro", "-so", "-al", name.replace("%20", " "), env=env).returncode == 0
    assert os.environ.get("PL_API_KEY") is None


def test_an_id_of_a_list_may_have_slashes(odd: Service, run: Run) -> None:
    name = str(Name("ortho", "/eodata/S2/a b"))
    assert name == "PLANET:ortho/%2Feodata%2FS2%2Fa%20b"
    done = run("planet-vector", "metadata", name, env=odd.environ)
    assert json.loads(done.stdout)["id"] == "/eodata/S2/a b", done.stderr
