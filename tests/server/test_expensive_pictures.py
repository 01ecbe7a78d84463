"""Pictures of files that are made to be expensive, and what is kept of those that cannot be made."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, List

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio import Affine

from planet_vector.server.http_errors import HttpError
from planet_vector.server.imagery import miniatures, picture_cache
from planet_vector.server.imagery.kept_pictures import Imagery
from planet_vector.server.imagery.picture_cache import PictureCache
from planet_vector.server.imagery.picture_making import Picture
from planet_vector.server.jobs import TookTooLong
from planet_vector.server.patience import ClientGone, Patience

from .conftest import CountedJobs, Running, Serve, feature, write_raster

SMALL = ("thumb", "thumb?size=lg", "square-thumb", "3/4/2.png", "7/68/44.png", "9/273/178.png", "13/4377/2861.png")
SECONDS = 10.0  # a picture: five times what is aimed at, and more
MEGABYTES = 700  # a process: the bound of jobs is 1000 beyond what they begin with


def write(path: Path, width: int, height: int, bands: int = 3, **profile: Any) -> rasterio.io.DatasetWriter:
    """Open a GeoTIFF for writing, in the north-west of UTM zone 33, with metadata of its own."""
    scene = path.name.rpartition("_")[0]
    path.with_name(f"{scene}_metadata.json").write_text(json.dumps(feature(scene, west=12.0, south=47.0, size=0.9)))
    return rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=bands, dtype="uint8", crs="EPSG:32633",
        transform=Affine(10, 0, 300_000, 0, -10, 5_310_000), **profile,
    )  # fmt: skip


@pytest.fixture(scope="module")
def service(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Running:
    folder = tmp_path_factory.mktemp("expensive")
    for name, profile in (("strips", {}), ("tiles", {"tiled": True})):
        with write(
            folder / f"{name}_visual.tif", 60_000, 60_000, compress="deflate", SPARSE_OK=True, **profile
        ) as target:
            # All else was never written.
            target.write(np.full((3, 256, 60_000), 200, "uint8"), window=((5120, 5376), (0, 60_000)))
    with write(folder / "strip_analytic.tif", 30_000, 20_000, 1, compress="deflate", blockysize=20_000) as target:
        for row in range(0, 20_000, 2000):
            target.write(np.full((1, 2000, 30_000), 1 + row // 100, "uint8"), window=((row, row + 2000), (0, 30_000)))
    for name in ("pixel", "band"):
        with write(folder / f"bands{name}_analytic.tif", 300, 300, 2000, interleave=name) as target:
            for band in range(1, 2001):
                target.write(np.full((300, 300), band % 250, "uint8"), band)
    with write(folder / "dense_visual.tif", 60_000, 20_000, compress="deflate") as target:
        row = np.repeat(np.array([1, 100, 200], "uint8"), 60_000 * 400).reshape(3, 400, 60_000)
        for top in range(0, 20_000, 400):
            target.write(row, window=((top, top + 400), (0, 60_000)))
    side = 20_480
    with write(folder / "block_visual.tif", side, side, tiled=True, blockxsize=side, blockysize=side, SPARSE_OK=True):
        pass
    return serve(folder)


def peak(service: Running) -> List[int]:
    """Return the largest memory that each process of the service has had, in kilobytes."""
    parents, memory = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it may have ended
            pairs = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
            parents[int(folder.name)] = int(pairs["PPid"])
            memory[int(folder.name)] = int(pairs.get("VmHWM", "0 kB").split()[0])
    family = {service.process.pid}
    while True:
        more = {child for child, parent in parents.items() if parent in family} | family
        if more == family:
            return [memory[process] for process in family]
        family = more


@pytest.mark.parametrize(
    "name", [pytest.param("strips", marks=pytest.mark.long), "tiles", "strip", "bandspixel", "bandsband", "dense"]
)
def test_a_picture_costs_what_must_be_decoded(service: Running, name: str) -> None:
    for path in SMALL:
        start = time.monotonic()
        answer = service.get(f"scenes/ortho/{name}/{path}")
        assert time.monotonic() - start < SECONDS, path
        assert answer.status_code in (200, 404), (path, answer.text)
        if answer.status_code == 404:
            assert answer.json()["message"] == "There is nothing on this tile."
    if sys.platform == "linux":
        assert len(peak(service)) > 1 and max(peak(service)) < 1000 * MEGABYTES
    assert "Traceback" not in service.errors


@pytest.mark.parametrize(
    ("name", "colour"),
    [("strips", (0, 0, 0)), ("tiles", (0, 0, 0)), ("strip", (101, 101, 101)), ("dense", (1, 100, 200)),
     ("bandspixel", (3, 2, 1)), ("bandsband", (3, 2, 1))],
)  # fmt: skip
def test_it_shows_the_pixels_of_the_file(service: Running, name: str, colour: Any) -> None:
    picture = Image.open(io.BytesIO(service.get(f"scenes/ortho/{name}/thumb?size=lg").content)).convert("RGBA")
    seen = picture.getpixel((320, picture.height * 55 // 100))
    assert seen[3] == 255 and np.abs(np.subtract(seen[:3], colour)).max() <= 5
    if name in ("strips", "tiles"):  # what was written is seen in its place
        rows = [picture.getpixel((320, row))[0] for row in range(picture.height)]
        assert max(rows) > 20 and abs(rows.index(max(rows)) / picture.height - 5248 / 60_000) < 0.005


def test_what_is_too_expensive_is_refused_with_advice(service: Running) -> None:
    for path in SMALL[:4]:
        answer = service.get(f"scenes/ortho/block/{path}")
        assert answer.status_code == 422
        message = answer.json()["message"]
        assert message.startswith(
            "block_visual.tif cannot be drawn: it is compressed in blocks of 20480 x 20480 pixels"
        )
        assert "gdal_translate -of COG" in message


@pytest.fixture
def pictures(jobs: type[CountedJobs], tmp_path: Path) -> Imagery:
    write_raster(tmp_path / "archive" / "s_visual.tif", bands=3, size=200)
    write_raster(tmp_path / "archive" / "large_analytic.tif", bands=4, dtype="uint16", size=1500)
    return Imagery(tmp_path / "archive", tmp_path / "pictures")


def test_a_picture_that_is_kept_needs_no_job(pictures: Imagery, jobs: type[CountedJobs]) -> None:
    first = pictures.thumbnail({"visual": "s_visual.tif"}, "md", "png", False)
    assert first.kept() is None
    content = first.make()
    assert jobs.calls == ["draw_thumbnail"]
    again = pictures.thumbnail({"visual": "s_visual.tif"}, "md", "png", False)
    assert again.kept() == content == again.make()
    assert len(jobs.calls) == 1


def test_a_large_file_is_surveyed_once(pictures: Imagery, jobs: type[CountedJobs]) -> None:
    products = {"analytic": "large_analytic.tif"}
    for size in ("sm", "md", "lg"):
        pictures.thumbnail(products, size, "png", False).make()
    for z, x, y in ((10, 554, 360), (9, 277, 180), (8, 138, 90)):
        with contextlib.suppress(HttpError):  # some are empty
            pictures.tile([products], z, x, y).make()
    assert jobs.calls.count("survey") == 1


def test_a_tile_of_many_large_files_surveys_those_that_are_seen(
    pictures: Imagery, jobs: type[CountedJobs], tmp_path: Path
) -> None:
    scenes = []
    for number in range(12):
        name = f"m{number}_visual.tif"
        # Six stand beside each other; the others lie behind them.
        write_raster(tmp_path / "archive" / name, bands=3, size=1100, left=500_000 + 11_000 * (number % 6))
        scenes.append({"visual": name})
    content = pictures.tile(scenes, 7, 69, 45).make()
    seen = np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))
    # Each of 11 km; a pixel has 1223 m at the equator, and 860 m at 45 degrees.
    across = np.flatnonzero(seen[..., 3].any(axis=0))
    assert abs(np.ptp(across) + 1 - 66_000 / 860) <= 4 and len(across) == np.ptp(across) + 1
    assert 6 <= jobs.calls.count("survey") <= 12
    assert jobs.calls.count("draw_tile") <= 4


def test_a_client_that_leaves_ends_every_job_and_leaves_nothing_behind(
    pictures: Imagery, jobs: type[CountedJobs]
) -> None:
    patience = Patience(60)
    jobs.error = ClientGone()
    picture = pictures.thumbnail({"analytic": "large_analytic.tif"}, "md", "png", False)
    with pytest.raises(ClientGone):
        picture.make(patience)
    jobs.error = None
    assert picture.kept() is None  # no refusal for the next one
    assert picture.make(patience)
    assert jobs.calls == ["draw_thumbnail", "draw_thumbnail", "survey", "draw_thumbnail"]
    assert all(given is patience for given in jobs.patience)


def test_a_picture_that_many_ask_for_is_made_once(pictures: Imagery, jobs: type[CountedJobs]) -> None:
    jobs.work = staticmethod(lambda: time.sleep(0.3))
    together = threading.Barrier(8)

    def ask() -> bytes:
        together.wait()
        return pictures.thumbnail({"visual": "s_visual.tif"}, "md", "png", False).make()

    with ThreadPoolExecutor(8) as pool:
        found = [task.result() for task in [pool.submit(ask) for _ in range(8)]]
    assert len(set(found)) == 1
    assert jobs.calls == ["draw_thumbnail"]


def test_what_took_too_long_is_tried_again_after_an_hour(
    pictures: Imagery, jobs: type[CountedJobs], monkeypatch: pytest.MonkeyPatch
) -> None:
    def picture() -> Picture:
        return pictures.thumbnail({"visual": "s_visual.tif"}, "md", "png", False)

    jobs.error = TookTooLong("took longer than 30 s")
    told = "s_visual.tif cannot be drawn: it took longer than 30 s; convert it, with overviews"
    with pytest.raises(HttpError, match=told) as first:
        picture().make()
    assert first.value.status == 422
    jobs.error = None
    for ask in (picture().kept, picture().make):
        with pytest.raises(HttpError, match=told):
            ask()
    assert len(jobs.calls) == 1
    now = time.time()
    monkeypatch.setattr(picture_cache.time, "time", lambda: now + miniatures.AGAIN + 1)
    assert picture().kept() is None
    assert picture().make()
    assert len(jobs.calls) == 2


def test_a_file_that_changes_is_tried_again_at_once(pictures: Imagery, jobs: type[CountedJobs], tmp_path: Path) -> None:
    file = tmp_path / "archive" / "s_visual.tif"
    good = file.read_bytes()
    file.write_bytes(good[:400])
    for _ in range(2):
        with pytest.raises(HttpError, match="s_visual.tif cannot be drawn"):
            pictures.thumbnail({"visual": "s_visual.tif"}, "md", "png", False).make()
    assert len(jobs.calls) == 1
    file.write_bytes(good)
    assert pictures.thumbnail({"visual": "s_visual.tif"}, "md", "png", False).make()


def test_a_changed_sidecar_makes_another_picture(pictures: Imagery, tmp_path: Path) -> None:
    file, sidecar = tmp_path / "archive" / "p_visual.tif", tmp_path / "archive" / "p_visual.tif.aux.xml"
    with rasterio.open(
        file, "w", driver="GTiff", width=20, height=20, count=3, dtype="uint8", transform=Affine(10, 0, 0, 0, -10, 0)
    ) as target:
        target.write(np.full((3, 20, 20), 5, "uint8"))
        target.write(np.full((3, 10, 20), 9, "uint8"), window=((0, 10), (0, 20)))

    def seen() -> List[bool]:
        content = pictures.thumbnail({"visual": "p_visual.tif"}, "sm", "png", False).make()
        alpha = np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))[..., 3]
        return [bool(alpha[row, 32]) for row in (10, 50)]

    band = '<PAMRasterBand band="{}"><NoDataValue>{}</NoDataValue></PAMRasterBand>'
    assert seen() == [True, True]
    for value, expected in ((9, [False, True]), (5, [True, False])):
        bands = "".join(band.format(number, value) for number in (1, 2, 3))
        sidecar.write_text(f"<PAMDataset>{bands}</PAMDataset>")
        os.utime(sidecar, ns=(value, value))
        assert seen() == expected
    sidecar.unlink()
    assert seen() == [True, True]


def test_an_empty_tile_is_known_to_be_empty(pictures: Imagery, jobs: type[CountedJobs]) -> None:
    for _ in range(2):
        with pytest.raises(HttpError, match="There is nothing on this tile"):
            pictures.tile([{"visual": "s_visual.tif"}], 10, 0, 0).make()
    assert len(jobs.calls) == 1


def test_the_cache_counts_refusals_and_takes_away_what_was_left_behind(tmp_path: Path) -> None:
    cache = PictureCache(tmp_path / "pictures", most=40 * 4096)
    stale, fresh = tmp_path / "pictures" / "aa" / "x.part", tmp_path / "pictures" / "aa" / "y.part"
    stale.parent.mkdir(parents=True)
    for part in (stale, fresh):
        part.write_bytes(b"half a picture")
    os.utime(stale, (time.time() - 7200,) * 2)
    for number in range(60):
        cache.refuse(f"{number:064x}", HttpError(404, "There is nothing on this tile."))
    cache.write("f" * 64, b"a picture")
    cache.prune()
    kept = [path for path in (tmp_path / "pictures").glob("*/*") if path.suffix == ".refused"]
    assert 30 <= len(kept) <= 40
    assert cache.read("f" * 64) == b"a picture"
    assert fresh.exists() and not stale.exists()
