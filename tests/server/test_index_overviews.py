"""`planet-vector index --overviews`: overviews of large rasters, beside the index and never in the archive."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio import Affine

from planet_vector.server.http_errors import HttpError
from planet_vector.server.imagery import read_plan
from planet_vector.server.imagery.kept_pictures import Imagery
from planet_vector.server.imagery.pyramids import Pyramid
from planet_vector.server.imagery.reading import Raster
from planet_vector.server.index.updating import update
from planet_vector.server.jobs import Jobs
from planet_vector.server.overview_making import make_overviews

from .conftest import ROOT, CountedJobs, Serve, feature, write_features

SIDE = 1200
TILE = (8, 139, 90)  # of which the scenes are a few pixels
BAND = '<PAMRasterBand band="{}"><NoDataValue>9</NoDataValue></PAMRasterBand>'
SIDECAR = f"<PAMDataset>{''.join(map(BAND.format, (1, 2, 3)))}</PAMDataset>"


def write(path: Path, value: int = 50, **profile: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows, columns = np.indices((SIDE, SIDE))
    bands = np.stack([value + rows // 20, value + columns // 20, np.full((SIDE, SIDE), value)])
    with rasterio.open(
        path, "w", driver="GTiff", count=3, dtype="uint8", width=SIDE, height=SIDE, crs="EPSG:32633", blockysize=1,
        transform=Affine(10, 0, 600_000, 0, -10, 5_200_000), compress="deflate", **profile,
    ) as target:  # fmt: skip
        target.write(bands.astype("uint8"))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    for name in ("a", "b", "c"):
        write(tmp_path / "archive" / f"{name}_visual.tif")
    return tmp_path / "archive"


def run(archive: Path, index: Path, *options: str) -> List[str]:
    command = [sys.executable, "-m", "planet_vector.cli", "index", str(archive), "--index", str(index), *options]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def kept(index: Path) -> List[Path]:
    """Return the overviews there are, all of them whole."""
    found = sorted(index.with_suffix(".overviews").glob("*/*"))
    for path in found:
        with Pyramid(path):
            pass
    return found


def state(folder: Path) -> Dict[str, Tuple[int, bytes]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
    }


def pictures_of(archive: Path, index: Path) -> Imagery:
    return Imagery(archive, index.with_suffix(".pictures"))


def test_they_are_made_once_beside_the_index(archive: Path, tmp_path: Path) -> None:
    before, index = state(archive), tmp_path / "i.sqlite"
    run(archive, index)
    assert kept(index) == []
    told = run(archive, index, "--overviews")[-1]
    assert told.startswith("overviews: 3 made, 0 kept, 0 deleted, ") and told.endswith(f" in {tmp_path}/i.overviews")
    made = {path: path.stat().st_mtime_ns for path in kept(index)}
    assert len(made) == 3
    assert run(archive, index, "--overviews")[-1].startswith("overviews: 0 made, 3 kept, 0 deleted, ")
    assert {path: path.stat().st_mtime_ns for path in kept(index)} == made
    assert state(archive) == before
    assert (index.with_suffix(".overviews").stat().st_mode & 0o777) == 0o700 or os.name == "nt"


def test_small_files_and_those_with_overviews_get_none(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    write(archive / "with_visual.tif")
    with rasterio.open(archive / "with_visual.tif", "r+") as target:
        target.build_overviews([2, 4, 8])
    with rasterio.open(
        archive / "small_visual.tif", "w", driver="GTiff", count=3, dtype="uint8", width=200, height=200,
        crs="EPSG:32633", transform=Affine(10, 0, 600_000, 0, -10, 5_200_000),
    ) as target:  # fmt: skip
        target.write(np.full((3, 200, 200), 9, "uint8"))
    write_features(archive / "list.geojson", [feature("without_a_file")])
    index = tmp_path / "i.sqlite"
    assert run(archive, index, "--overviews")[-1].startswith("overviews: 0 made, 0 kept, 0 deleted, 0.0 MB")
    assert kept(index) == []


def test_pictures_decode_nothing_of_a_file_with_overviews(
    archive: Path, tmp_path: Path, jobs: type[CountedJobs], monkeypatch: pytest.MonkeyPatch
) -> None:
    index = tmp_path / "i.sqlite"
    product = {"visual": "a_visual.tif"}

    def pixels(pictures: Imagery) -> np.ndarray:
        seen = [pictures.thumbnail(product, "lg", "png", False).make(), pictures.tile([product], *TILE).make()]
        return np.concatenate([np.asarray(Image.open(io.BytesIO(one)).convert("RGBA")).reshape(-1, 4) for one in seen])

    expected = pixels(pictures_of(archive, index)).astype(int)
    assert jobs.calls.count("survey") == 1
    run(archive, index, "--overviews")
    shutil.rmtree(index.with_suffix(".pictures"))
    jobs.calls.clear()
    monkeypatch.setattr(Raster, "read", None)
    found = pixels(pictures_of(archive, index)).astype(int)
    assert jobs.calls == ["draw_thumbnail", "draw_tile"]
    assert (found[:, 3] == expected[:, 3]).all() and np.abs(found - expected).max() <= 2


def test_what_was_too_expensive_is_drawn_at_once(
    archive: Path, tmp_path: Path, jobs: type[CountedJobs], monkeypatch: pytest.MonkeyPatch
) -> None:
    index = tmp_path / "i.sqlite"
    pictures = pictures_of(archive, index)
    tile = pictures.tile([{"visual": "a_visual.tif"}], *TILE)
    monkeypatch.setattr(read_plan, "MAX_DECODED", 10**6)  # in this process alone
    for ask in (tile.make, tile.kept):
        with pytest.raises(HttpError, match="would have to be decoded"):
            ask()
    run(archive, index, "--overviews")
    assert tile.kept() is None
    assert np.asarray(Image.open(io.BytesIO(tile.make())))[..., 3].any()


@pytest.mark.parametrize(
    "change",
    ["gone", *(pytest.param(each, marks=pytest.mark.long) for each in ("replaced", "sidecar", "sidecar gone"))],
)
def test_those_of_a_file_that_goes_or_changes_are_deleted(archive: Path, tmp_path: Path, change: str) -> None:
    index, file = tmp_path / "i.sqlite", archive / "b_visual.tif"
    if change == "sidecar gone":
        file.with_name("b_visual.tif.aux.xml").write_text(SIDECAR)
    run(archive, index, "--overviews")
    product = {"visual": "b_visual.tif"}
    (before,) = pictures_of(archive, index)._files.of(product)
    others = set(kept(index)) - {before.pyramids[0]}
    assert before.pyramids[0].exists() and len(others) == 2
    if change == "gone":
        file.unlink()
    elif change == "replaced":
        write(file, 90)
    elif change == "sidecar":
        file.with_name("b_visual.tif.aux.xml").write_text(SIDECAR)
    else:
        file.with_name("b_visual.tif.aux.xml").unlink()
    update(archive, index)  # as each look of a service does
    assert set(kept(index)) == others
    made = 0 if change == "gone" else 1
    assert run(archive, index, "--overviews")[-1].startswith(f"overviews: {made} made, 2 kept, 0 deleted, ")


@pytest.mark.long
def test_what_belongs_to_no_file_is_deleted(archive: Path, tmp_path: Path) -> None:
    index = tmp_path / "i.sqlite"
    run(archive, index, "--overviews")
    folder = index.with_suffix(".overviews")
    (folder / "ab").mkdir(exist_ok=True)
    (folder / "ab" / f"ab{'0' * 30}-{'1' * 32}").write_bytes(b"pyramid1")
    (folder / "ab" / "overviews-x.part").write_bytes(b"half")
    for file in tmp_path.glob("i.sqlite*"):  # an index that is made anew remembers nothing
        file.unlink()
    (archive / "c_visual.tif").unlink()
    assert run(archive, index, "--overviews")[-1].startswith("overviews: 0 made, 2 kept, 2 deleted, ")
    assert len(kept(index)) == 2


@pytest.mark.parametrize("linked", [False, True])
def test_what_is_no_overviews_is_never_deleted(archive: Path, tmp_path: Path, linked: bool) -> None:
    index, folder = tmp_path / "i.sqlite", tmp_path / "i.overviews"
    own = tmp_path / "documents" if linked else folder
    files = [own / "2024" / "letter.txt", own / "ab" / "film.part", own / "ab" / "of_another_time"]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("of the user's own")
    if linked:
        folder.symlink_to(own, target_is_directory=True)
    assert run(archive, index, "--overviews")[-1].startswith("overviews: 3 made, 0 kept, 0 deleted, ")
    (archive / "c_visual.tif").unlink()
    assert run(archive, index, "--overviews")[-1].startswith("overviews: 0 made, 2 kept, 0 deleted, ")
    assert [file.read_text() for file in files] == ["of the user's own"] * 3


@pytest.mark.long
def test_those_that_were_cut_off_are_made_anew(archive: Path, tmp_path: Path) -> None:
    index = tmp_path / "i.sqlite"
    run(archive, index, "--overviews")
    first, second, _ = kept(index)
    os.truncate(first, 100)
    os.truncate(second, 0)
    assert run(archive, index, "--overviews")[-1].startswith("overviews: 2 made, 1 kept, 0 deleted, ")
    assert len(kept(index)) == 3


def test_a_file_that_changes_while_they_are_made_holds_up_no_other(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = tmp_path / "i.sqlite"
    update(archive, index)

    class Meanwhile(Jobs):
        def run(self, function: Any, *args: Any, patience: Any = None) -> Any:
            made = super().run(function, *args, patience=patience)
            if args[0].path.name == "b_visual.tif":
                write(archive / "b_visual.tif", 90)
                update(archive, index)  # as a service does that looks after the archive
            return made

    monkeypatch.setattr("planet_vector.server.overview_making.Jobs", Meanwhile)
    made = make_overviews(archive, index)
    assert (made.made, made.kept, made.problems) == (3, 0, [])
    monkeypatch.undo()
    assert run(archive, index, "--overviews")[-1].startswith("overviews: 1 made, 2 kept, 1 deleted, ")
    assert len(kept(index)) == 3


def test_a_run_that_was_killed_leaves_none_in_half_and_is_gone_on_with(tmp_path: Path) -> None:
    archive, index = tmp_path / "archive", tmp_path / "i.sqlite"
    write(archive / "s0_visual.tif")
    for number in range(1, 24):
        shutil.copyfile(archive / "s0_visual.tif", archive / f"s{number}_visual.tif")
    command = [sys.executable, "-m", "planet_vector.cli", "index", str(archive), "--index", str(index), "--overviews"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        end = time.monotonic() + 60
        while not list(index.with_suffix(".overviews").glob("*/*[0-9a-f]")) and process.poll() is None:
            assert time.monotonic() < end
            time.sleep(0.01)
        process.kill()
    whole = [path for path in index.with_suffix(".overviews").glob("*/*") if path.suffix != ".part"]
    for path in whole:
        with Pyramid(path):
            pass
    assert 0 < len(whole) < 24
    made = run(archive, index, "--overviews")[-1]
    assert made.startswith(f"overviews: {24 - len(whole)} made, {len(whole)} kept, 0 deleted, ")
    assert len(kept(index)) == 24


def test_a_file_that_cannot_be_read_is_told_and_no_other_is_held_up(archive: Path, tmp_path: Path) -> None:
    index, file = tmp_path / "i.sqlite", archive / "b_visual.tif"
    content = bytearray(file.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 2000] = bytes(2000)
    run(archive, index)
    file.write_bytes(content)
    told = run(archive, index, "--overviews")
    assert len(kept(index)) == 2
    assert any(line.startswith("overviews: 2 made, 0 kept, 0 deleted, ") for line in told)
    assert told[-1].startswith("b_visual.tif: cannot be drawn (")


def test_a_service_uses_them_and_loses_those_of_a_scene_that_goes(serve: Serve, archive: Path, tmp_path: Path) -> None:
    index = tmp_path / "index.sqlite"
    run(archive, index, "--overviews")
    service = serve(archive, "--rescan", "0.5", cache=tmp_path)
    assert service.get("scenes/ortho/a/{}/{}/{}.png".format(*TILE)).status_code == 200
    # A survey is larger than all pictures of so few colours, and there is none.
    assert [path for path in index.with_suffix(".pictures").glob("*/*") if path.read_bytes()[:4] == b"PK\3\4"] == []
    (archive / "a_visual.tif").unlink()
    end = time.monotonic() + 30
    while len(kept(index)) == 3:
        assert time.monotonic() < end
        time.sleep(0.1)
    assert service.errors == ""
