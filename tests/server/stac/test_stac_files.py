"""Items as files: `planet-vector index --stac`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
import requests

from planet_vector.errors import ConfigError
from planet_vector.server import stac_files
from planet_vector.server.index.updating import update
from planet_vector.server.sample.synthetic import write_scenes
from planet_vector.server.stac_files import write_stac
from tests.server.conftest import ROOT, Running, feature, write_features, write_raster

from .conftest import Check

Items = Dict[str, Dict[str, Any]]


def read_lines(file: Path) -> Items:
    lines = [json.loads(line) for line in file.read_text(encoding="ascii").splitlines()]
    found = {line["id"]: line for line in lines}
    assert len(found) == len(lines)
    return found


def index_of(folder: Path, index: Path) -> Path:
    update(folder, index, lambda done, total: None)
    return index


@pytest.fixture(scope="module")
def index(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return index_of(archive, tmp_path_factory.mktemp("index") / "i.sqlite")


def test_with_the_address_of_a_service_files_have_its_items(
    sample: Running, archive: Path, index: Path, tmp_path: Path
) -> None:
    written = write_stac(archive, index, tmp_path / "items.ndjson", sample.origin + "/")
    assert written.collections_file == tmp_path / "items.collections.ndjson"
    page = requests.get(f"{sample.origin}/stac/search?limit=1000", timeout=30).json()
    assert read_lines(tmp_path / "items.ndjson") == {item["id"]: item for item in page["features"]}
    assert written.items == written.located == page["numberMatched"]
    collections = requests.get(f"{sample.origin}/stac/collections", timeout=30).json()["collections"]
    assert list(read_lines(written.collections_file).values()) == collections


def test_without_it_assets_are_files_and_items_are_valid(archive: Path, tmp_path: Path, check: Check) -> None:
    command = [sys.executable, "-m", "planet_vector.cli", "index", str(archive), "--index", str(tmp_path / "i.sqlite")]
    done = subprocess.run(
        [*command, "--stac", str(tmp_path / "items.ndjson")], capture_output=True, text=True, cwd=ROOT, timeout=120
    )
    items = read_lines(tmp_path / "items.ndjson")
    assert done.returncode == 0 and f"STAC: {len(items)} items, 3 collections; in " in done.stdout, done.stderr
    files = set()
    for item in [*items.values(), *read_lines(tmp_path / "items.collections.ndjson").values()]:
        check(item)
        assert all((tmp_path / link["href"]).is_file() for link in item["links"])
    for item in items.values():
        for asset in item["assets"].values():
            assert Path(asset["href"]).stat().st_size == asset["file:size"]
            files.add(Path(asset["href"]).name)
    assert files == {file.name for file in archive.rglob("*.tif")}
    assert sorted(file.name for file in tmp_path.glob("*items*")) == ["items.collections.ndjson", "items.ndjson"]


def test_parquet_has_the_items_of_the_lines(
    archive: Path, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("stac_geoparquet")
    from pyarrow import parquet
    from stac_geoparquet.arrow import stac_table_to_items

    monkeypatch.setattr(stac_files, "CHUNK", 9)  # several batches, with columns that others lack
    write_stac(archive, index, tmp_path / "items.ndjson")
    written = write_stac(archive, index, tmp_path / "items.parquet")
    table = parquet.read_table(tmp_path / "items.parquet")
    described = json.loads(table.schema.metadata[b"stac-geoparquet"])
    assert list(described["collections"]) == ["landsat", "ortho", "rapideye"]
    expected = read_lines(tmp_path / "items.ndjson")
    found = {item["id"]: item for item in stac_table_to_items(table)}
    assert found.keys() == expected.keys() and written.items == len(expected)
    for scene_id, item in expected.items():
        own = found[scene_id]
        assert {key: own["assets"][key]["href"] for key in own["assets"]} == {
            key: item["assets"][key]["href"] for key in item["assets"]
        }
        assert {name for name, value in own["properties"].items() if value is not None} == item["properties"].keys()
        for name, value in item["properties"].items():
            if isinstance(value, (int, float)):
                assert own["properties"][name] == value
        assert own["geometry"]["coordinates"] == item["geometry"]["coordinates"]
        assert own["bbox"] == pytest.approx(item["bbox"], abs=1e-9)


def odd_archive(folder: Path) -> List[Dict[str, Any]]:
    """Write scenes with properties of several types, and without footprints."""
    odd = [1, "a", {"b": 1}, None, 2.5, [1, "x"], True]
    scenes = [feature(f"S{number}", odd=odd[number % 7], even=number) for number in range(30)]
    for scene in scenes[::4]:
        scene["geometry"] = None  # type: ignore[assignment]
    write_features(folder / "l.json", scenes)
    for name, dtype in (("a", "uint8"), ("b", "float32")):
        write_raster(folder / f"{name}.tif", dtype=dtype, size=16)
    return scenes


def test_odd_items_are_whole_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("stac_geoparquet")
    from pyarrow import parquet

    scenes = odd_archive(tmp_path / "archive")
    index = index_of(tmp_path / "archive", tmp_path / "i.sqlite")
    monkeypatch.setattr(stac_files, "CHUNK", 4)
    for name in ("items.ndjson", "items.parquet"):
        written = write_stac(tmp_path / "archive", index, tmp_path / name)
        assert (written.items, written.located) == (32, 24)
    lines = read_lines(tmp_path / "items.ndjson")
    rows = {row["id"]: row for row in parquet.read_table(tmp_path / "items.parquet").to_pylist()}
    assert rows.keys() == lines.keys() == {*(scene["id"] for scene in scenes), "a", "b"}
    for scene_id, line in lines.items():
        row = rows[scene_id]
        assert (row["geometry"] is None) == (line["geometry"] is None) == (row["bbox"] is None)
        odd = line["properties"].get("planet:odd")
        assert row["planet:odd"] == (None if odd is None else json.dumps(odd))
        assert row["planet:even"] == line["properties"].get("planet:even")


def deep(levels: int) -> List[Any]:
    found: List[Any] = [1]
    for _ in range(levels):
        found = [found]
    return found


ODD: Dict[str, List[Any]] = {
    "members of swapped types": [[{"a": 1, "b": "x"}], [{"a": "x", "b": 1}]],
    "members that others lack": [[{"a": 1}], [{"b": 2}], [{"a": 3, "b": None}]],
    "no members": [[{}], [{}]],
    "elements of several types": [[1, "x"], [2]],
    "many levels": [deep(25)],
    "more than 64 bits": [10**30, 1],
    "beyond 63 bits": [2**63],
    "nulls and numbers": [[None, 1.5], [2]],
    "empty lists": [[], ["x"]],
    "half a character": ["\ud800", "x"],
    "half a character in a key": [[{"\udfff": 1}]],
    "NUL": ["a\0b"],
    "no name": [[{"": 1}]],
}


@pytest.mark.parametrize("chunk", [1, 4])
def test_properties_of_any_types_have_columns_or_are_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    pytest.importorskip("stac_geoparquet")
    from pyarrow import parquet

    scenes = [
        feature(f"S{number}_{place}", **{f"p{number}": value})
        for number, values in enumerate(ODD.values())
        for place, value in enumerate(values)
    ]
    write_features(tmp_path / "l.json", scenes)
    index = index_of(tmp_path, tmp_path / "i.sqlite")
    monkeypatch.setattr(stac_files, "CHUNK", chunk)
    for name in ("items.ndjson", "items.parquet"):
        assert write_stac(tmp_path, index, tmp_path / name).items == len(scenes)
    lines = read_lines(tmp_path / "items.ndjson")
    rows = {row["id"]: row for row in parquet.read_table(tmp_path / "items.parquet").to_pylist()}

    def without_nulls(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: without_nulls(part) for name, part in value.items() if part is not None}
        return [without_nulls(part) for part in value] if isinstance(value, list) else value

    for number, (told, values) in enumerate(ODD.items()):
        for place, value in enumerate(values):
            said = json.loads(re.sub("[\ud800-\udfff]", "\ufffd", json.dumps(value, ensure_ascii=False)))
            line, row = (each[f"S{number}_{place}"] for each in (lines, rows))
            found = row[f"planet:p{number}"]
            assert line["properties"][f"planet:p{number}"] == said, told
            if isinstance(found, str) and not isinstance(said, str):
                found = json.loads(found)
            assert without_nulls(found) == without_nulls(said), told


def test_a_file_is_replaced_by_a_whole_one_or_not_at_all(archive: Path, index: Path, tmp_path: Path) -> None:
    for name in ("items.ndjson", "items.parquet"):
        (tmp_path / name).write_text("before")

        def fail(done: int, total: int) -> None:
            raise OSError(28, "No space left on device")

        with pytest.raises(OSError, match="No space left"):
            write_stac(archive, index, tmp_path / name, progress=fail)
        assert (tmp_path / name).read_text() == "before"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["items.ndjson", "items.parquet"]
    with pytest.raises(ConfigError, match=r"ends in \.ndjson or \.parquet"):
        write_stac(archive, index, tmp_path / "items.json")
    with pytest.raises(ConfigError, match="there is no directory"):
        write_stac(archive, index, tmp_path / "none" / "items.ndjson")


def test_options_that_make_no_sense_are_errors(run: Callable[..., Any], archive: Path) -> None:
    for arguments, said in (
        (["--stac", "items.json"], "ends in .ndjson or .parquet"),
        (["--stac-root", "http://127.0.0.1:8008/"], "goes with --stac"),
        (["--stac", "items.ndjson", "--stac-root", "ftp://x/"], "takes an http or https address"),
    ):
        done = run(sys.executable, "-m", "planet_vector.cli", "index", str(archive), *arguments, cwd=ROOT)
        assert done.returncode == 2 and said in done.stderr


_PEAK = """
import re, sys
from pathlib import Path
from planet_vector.server.stac_files import write_stac
folder = Path(sys.argv[1])
write_stac(folder, folder.parent / "i.sqlite", folder.parent / f"items.{sys.argv[2]}")
# Unlike ru_maxrss, it does not include that of the program which started this one.
print(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells the peak memory in /proc")
@pytest.mark.parametrize("suffix", ["ndjson", "parquet"])
def test_memory_does_not_grow_with_the_number_of_scenes(tmp_path: Path, suffix: str) -> None:
    if suffix == "parquet":
        pytest.importorskip("stac_geoparquet")
    peaks = []
    for number in (6_000, 30_000):
        folder = tmp_path / str(number) / "archive"
        folder.mkdir(parents=True)
        write_scenes(folder / "scenes.geojsonl", number)
        index_of(folder, folder.parent / "i.sqlite")
        command = [sys.executable, "-c", _PEAK, str(folder), suffix]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=900)
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stdout))
    # 24 000 items are 240 MB as Python has them.
    assert peaks[1] < peaks[0] + 30 and peaks[1] < {"ndjson": 200, "parquet": 320}[suffix], peaks
