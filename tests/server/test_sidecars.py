"""What lies beside a GeoTIFF counts for the index, for pictures and for what is delivered alike."""

from __future__ import annotations

import asyncio
import io
import json
import os
import random
import sqlite3
import subprocess
import sys
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import numpy as np
import pytest
import rasterio
import requests
from PIL import Image
from rasterio import Affine
from shapely.geometry import shape
from starlette.responses import StreamingResponse

from planet_vector.pixels.completing import complete
from planet_vector.pixels.sidecars import read_place
from planet_vector.server.api.ranges import attachment
from planet_vector.server.archive.products import Places, Products
from planet_vector.server.http_errors import HttpError

from .conftest import ROOT, Running, Serve, feature, running

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

SIZE = 200
UTM = Affine(10, 0, 350_000, 0, -10, 5_300_000)
SRS = f"<SRS>{rasterio.CRS.from_epsg(32633).to_wkt()}</SRS>"
PLACE = f"{SRS}<GeoTransform>350000,10,0,5300000,0,-10</GeoTransform>"
NODATA = "".join(f'<PAMRasterBand band="{band}"><NoDataValue>9</NoDataValue></PAMRasterBand>' for band in (1, 2, 3))
WORLD = "10\n0\n0\n-10\n350005\n5299995\n"


def write(path: Path, **more: Any) -> None:
    """Write a GeoTIFF whose western half is 9 in all bands."""
    values = np.random.default_rng(5).integers(20, 200, (3, SIZE, SIZE)).astype("uint8")
    values[:, :, : SIZE // 2] = 9
    profile = {"width": SIZE, "height": SIZE, "count": 3, "dtype": "uint8", "tiled": True, "blockxsize": 64,
               "blockysize": 64, "compress": "deflate", **more}  # fmt: skip
    with rasterio.open(path, "w", driver="GTiff", **profile) as file:
        file.write(values)
    with rasterio.open(path, "r+") as file:
        file.build_overviews([2, 4])


def write_mask(path: Path) -> None:
    """Write a mask without the western half."""
    valid = np.full((SIZE, SIZE), 255, "uint8")
    valid[:, : SIZE // 2] = 0
    profile = {"width": SIZE, "height": SIZE, "count": 1, "dtype": "uint8", "compress": "deflate"}
    with rasterio.open(path, "w", driver="GTiff", **profile) as file:
        file.write(valid, 1)
        file.update_tags(**{f"INTERNAL_MASK_FLAGS_{band}": "2" for band in (1, 2, 3)})


def aux(path: Path, content: str) -> None:
    path.with_name(f"{path.name}.aux.xml").write_text(f"<PAMDataset>{content}</PAMDataset>")


PLACED = {"crs": "EPSG:32633", "transform": UTM}
HALF = ["nodata", "mask", "all"]  # scenes whose western half is no data
IDS = ["world", "aux", *HALF, "bare"]


def fill(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name in IDS:
        place = {"world": {"crs": "EPSG:32633"}, "aux": {}, "all": {}}.get(name, PLACED)
        big = {"BIGTIFF": "YES", "ENDIANNESS": "BIG"} if name in ("all", "nodata") else {}
        write(folder / f"{name}.tif", **place, **big)
    (folder / "world.tfw").write_text(WORLD)
    aux(folder / "aux.tif", PLACE)
    aux(folder / "nodata.tif", NODATA)
    aux(folder / "all.tif", PLACE + NODATA)
    for name in ("mask", "all"):
        write_mask(folder / f"{name}.tif.msk")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sidecars") / "archive"
    fill(folder)
    return folder


@pytest.fixture(scope="module")
def service(serve: Serve, archive: Path) -> Running:
    return serve(archive)


@pytest.fixture(scope="module")
def second(serve: Serve, archive: Path) -> Running:
    return serve(archive, "--redirect", "signed")


def full(service: Running, scene: str, **options: Any) -> requests.Response:
    return service.get(f"scenes/ortho/{scene}/full", **options)


def seen(path: Path) -> Dict[str, Any]:
    with rasterio.open(path) as dataset:
        return {
            "crs": dataset.crs, "transform": dataset.transform, "nodata": dataset.nodatavals,
            "overviews": dataset.overviews(1), "mask": (dataset.dataset_mask() > 0).tobytes(),
            "pixels": dataset.read().tobytes(), "small": dataset.read(out_shape=(3, SIZE // 4, SIZE // 4)).tobytes(),
        }  # fmt: skip


@pytest.mark.parametrize("scene", IDS)
def test_the_product_alone_is_the_file_with_what_lies_beside_it(
    service: Running, archive: Path, tmp_path: Path, scene: str
) -> None:
    content = full(service, scene).content
    (tmp_path / "alone.tif").write_bytes(content)
    assert seen(tmp_path / "alone.tif") == seen(archive / f"{scene}.tif")
    assert rasterio.open(tmp_path / "alone.tif").crs.to_epsg() == 32633
    assert (content == (archive / f"{scene}.tif").read_bytes()) == (scene == "bare")
    found = service.json(f"scenes/ortho/{scene}")
    assert found["properties"]["file_size"] == len(content)
    west, _, east, _ = shape(found["geometry"]).bounds
    whole = shape(service.json("scenes/ortho/bare")["geometry"]).bounds
    assert (east - west) / (whole[2] - whole[0]) == pytest.approx(0.5 if scene in HALF else 1, abs=0.02)
    picture = Image.open(io.BytesIO(service.get(f"scenes/ortho/{scene}/thumb?size=md").content)).convert("RGBA")
    assert [picture.getpixel((x, 64))[3] for x in (20, 100)] == [0 if scene in HALF else 255, 255]


def test_both_origins_deliver_the_same(service: Running, second: Running) -> None:
    for scene in IDS:
        led = full(second, scene)
        assert led.status_code == 302
        there, here = requests.get(led.headers["location"], timeout=30), full(service, scene)
        assert there.content == here.content and there.headers["etag"] == here.headers["etag"]
        span = {"Range": f"bytes={len(here.content) - 700}-{len(here.content) - 5}"}
        part = requests.get(led.headers["location"], headers=span, timeout=30)
        assert (part.status_code, part.content) == (206, here.content[-700:-4])


def parts(answer: requests.Response) -> List[Tuple[str, bytes]]:
    boundary = answer.headers["content-type"].partition("boundary=")[2].encode()
    found = []
    for part in answer.content.split(b"--" + boundary)[1:-1]:
        head, _, body = part.partition(b"\r\n\r\n")
        found.append((head.decode().rpartition("Content-Range: ")[2], body[:-2]))
    assert answer.content.endswith(b"\r\n--" + boundary + b"--")
    return found


@pytest.mark.parametrize("scene", ["mask", "all"])
def test_every_range_is_of_the_completed_file(service: Running, archive: Path, scene: str) -> None:
    content = full(service, scene).content
    size, choose = len(content), random.Random(3)
    file, mask = ((archive / f"{scene}{end}").stat().st_size for end in (".tif", ".tif.msk"))
    edges = [at + more for at in (0, 8, 16, file, file + 8, file + mask, file + mask + 8) for more in range(-2, 3)]
    edges = [at for at in (*edges, size - 1) if 0 <= at < size]
    for first in [*edges, *(choose.randrange(size) for _ in range(40))]:
        last = choose.choice([first, min(first + 20, size - 1), choose.randrange(first, size), size + 5])
        text, expected = choose.choice(
            [(f"{first}-{last}", content[first : last + 1]), (f"{first}-", content[first:]),
             (f"-{first + 1}", content[-first - 1 :])]
        )  # fmt: skip
        answer = full(service, scene, headers={"Range": f"bytes={text}"})
        assert (answer.status_code, answer.content) == (206, expected), text
        assert int(answer.headers["content-length"]) == len(expected)
        head = full(service, scene, headers={"Range": f"bytes={text}"}, method="HEAD")
        assert (head.status_code, head.content, head.headers["content-range"]) == (
            206, b"", answer.headers["content-range"],
        )  # fmt: skip
    for _ in range(20):
        starts = sorted(choose.sample(range(size), 4))
        spans = [(start, min(start + choose.randrange(200), after - 2)) for start, after in zip(starts, starts[1:])]
        spans = [span for span in spans if span[0] <= span[1]]
        if len(spans) < 2:
            continue
        text = ", ".join(f"{start}-{end}" for start, end in choose.sample(spans, len(spans)))
        answer = full(service, scene, headers={"Range": f"bytes={text}"})
        assert int(answer.headers["content-length"]) == len(answer.content)
        assert parts(answer) == [(f"bytes {a}-{b}/{size}", content[a : b + 1]) for a, b in spans]
    assert full(service, scene, headers={"Range": f"bytes={size}-"}).status_code == 416


def test_conditions_are_of_the_completed_file(service: Running, archive: Path) -> None:
    head = full(service, "all", method="HEAD")
    tag, size = head.headers["etag"], int(head.headers["content-length"])
    assert (head.content, size) == (b"", len(full(service, "all").content))
    assert size > (archive / "all.tif").stat().st_size
    assert full(service, "all", headers={"If-None-Match": tag}).status_code == 304
    assert full(service, "all", headers={"Range": "bytes=0-9", "If-Range": tag}).status_code == 206
    assert full(service, "all", headers={"Range": "bytes=0-9", "If-Range": '"x"'}).status_code == 200


def changed(path: Path, change: Callable[[], Any]) -> None:
    time.sleep(0.02)  # times of files may be as coarse as the clock's ticks
    change()


def test_what_changes_beside_a_file_changes_its_product(serve: Serve, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    fill(archive)
    service = serve(archive, "--rescan", "0.2")
    path, mask = archive / "bare.tif", archive / "bare.tif.msk"
    states = [
        lambda: aux(path, NODATA),
        lambda: aux(path, NODATA.replace("9<", "8<")),
        lambda: write_mask(mask),
        lambda: aux(path, PLACE.replace("350000", "360000")),
        lambda: mask.with_name("mask.tif.msk").replace(mask),
        lambda: mask.unlink(),
        lambda: path.with_name("bare.tif.aux.xml").unlink(),
    ]
    before, tags = full(service, "bare"), set()
    plain = before.content
    now = formatdate(time.time() + 5, usegmt=True)
    for number, change in enumerate(states, 1):
        tags.add(before.headers["etag"])
        changed(path, change)
        old = before.headers["etag"]
        after = full(service, "bare", headers={"If-None-Match": old})
        part = full(service, "bare", headers={"Range": "bytes=4-", "If-Range": old})
        assert (after.status_code, part.status_code) == (200, 200) and part.content == after.content, number
        if number < len(states):
            assert after.headers["etag"] not in tags and "last-modified" not in after.headers
            # A date cannot tell that something was taken away.
            assert full(service, "bare", headers={"If-Modified-Since": now}).status_code == 200
        before = after
    assert before.content == plain


@pytest.mark.parametrize("replaced", ["a.tif", "a.tif.msk"])
def test_a_file_that_is_replaced_while_it_is_asked_for_is_no_mixture(tmp_path: Path, replaced: str) -> None:
    path = tmp_path / "a.tif"
    write(path, **PLACED)
    write_mask(tmp_path / "a.tif.msk")
    body = complete(path, read_place(path, tmp_path))
    changed(tmp_path / replaced, lambda: (tmp_path / replaced).replace(tmp_path / "kept"))
    (tmp_path / replaced).write_bytes((tmp_path / "kept").read_bytes())
    with pytest.raises(HttpError, match="was replaced during the request") as refusal:
        attachment(body, "a.tif", "image/tiff", {}, [], head=False)
    assert refusal.value.status == 503


def test_many_short_ranges_are_sent_together(tmp_path: Path) -> None:
    """Two hundred rows of pixels are one or two messages to the connection, and not four hundred."""
    path = tmp_path / "a.tif"
    write(path, **PLACED)
    ranges = [(100 * n, 100 * n + 50) for n in range(200)]
    answer = attachment(complete(path, read_place(path, tmp_path)), "a.tif", "image/tiff", {}, ranges, head=False)
    assert isinstance(answer, StreamingResponse)

    async def read() -> List[bytes]:
        return [bytes(piece) async for piece in answer.body_iterator]

    sent = asyncio.run(read())
    assert len(sent) == 1 and str(len(sent[0])) == answer.headers["content-length"]
    content = path.read_bytes()
    at = 0
    for first, end in ranges:
        at = sent[0].index(content[first:end], at) + end - first


def test_a_file_is_completed_once_for_all_who_ask_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.tif", **PLACED)
    write_mask(tmp_path / "a.tif.msk")
    made: List[Path] = []

    def complete_slowly(path: Path, place: Any) -> Any:
        made.append(path)
        time.sleep(0.3)
        return complete(path, place)

    monkeypatch.setattr("planet_vector.server.archive.products.complete", complete_slowly)
    products = Products(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(products.find, ["a.tif"] * 8))
    assert len(made) == 1 and len(set(found)) == 1


@pytest.mark.parametrize("said", ["points", "nodata"])
def test_what_is_remembered_of_sidecars_is_bounded(tmp_path: Path, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("planet_vector.server.archive.products.MAX_SAID", 4 * 10**6, raising=False)
    point = '<GCP Pixel="{0}.5" Line="{0}.25" X="{0}.125" Y="{0}.75" Z="{0}.1"/>'
    band = '<PAMRasterBand band="{0}"><NoDataValue>{0}.5</NoDataValue></PAMRasterBand>'
    each = {"points": point, "nodata": band}[said]
    text = "".join(each.format(1000 + number) for number in range(10_000))
    aux(tmp_path / "a.tif", f"<GCPList>{text}</GCPList>" if said == "points" else text)
    places = Places(tmp_path)
    stamps = places.stamps(tmp_path / "a.tif")
    tracemalloc.start()
    try:
        for number in range(10):  # each with stamps of its own, as if it had changed in between
            places.of(tmp_path / "a.tif", (replace(stamps[0], mtime_ns=number),))
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held < 6 * 10**6


def until(check: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not check():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_mask_that_comes_and_goes_is_noticed(serve: Serve, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.mkdir()
    write(archive / "a.tif", **PLACED)
    service = serve(archive, "--rescan", "0.2")

    def said() -> Tuple[float, int]:
        found = service.json("scenes/ortho/a")
        return shape(found["geometry"]).area, found["properties"]["file_size"]

    area, size = said()
    write_mask(archive / "x.part")
    (archive / "x.part").rename(archive / "a.tif.msk")
    until(lambda: said()[0] < 0.6 * area)
    assert said()[1] == len(full(service, "a").content) > size
    (archive / "a.tif.msk").unlink()
    until(lambda: said() == (area, size))


def test_what_cannot_be_read_is_not_delivered_without_it(serve: Serve, tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.mkdir()
    reasons = {
        "xml": "aux.xml is not XML", "different": "different nodata values (8, 9, none)",
        "mask": ".tif.msk is not a TIFF", "link": ".tif.msk is a link that leads out of the archive",
    }  # fmt: skip
    write_mask(tmp_path / "outside.msk")
    for scene in reasons:
        path = archive / f"{scene}_visual.tif"
        write(path, **PLACED)
        (archive / f"{scene}_metadata.json").write_text(json.dumps(feature(scene)))
        write(archive / f"bare_{scene}.tif", **PLACED)
        for file in (path, archive / f"bare_{scene}.tif"):
            beside = file.with_name(f"{file.name}.msk")
            if scene == "xml":
                file.with_name(f"{file.name}.aux.xml").write_text("<PAMDataset>")
            elif scene == "different":
                aux(file, NODATA.replace("9<", "8<", 1).partition('<PAMRasterBand band="3"')[0])
            elif scene == "mask":
                beside.write_text(
                    f"<VRTDataset><SourceFilename>{tmp_path / 'outside.msk'}</SourceFilename></VRTDataset>"
                )
            else:
                try:
                    beside.symlink_to(tmp_path / "outside.msk")
                except OSError:
                    beside.write_text("no links on this system")
                    reasons["link"] = "is not a TIFF"
    service, second = serve(archive), serve(archive, "--redirect", "signed")
    assert sorted(service.all_ids("scenes/ortho/")) == sorted(reasons)
    for scene, reason in reasons.items():
        for origin in (service, second):
            answer = full(origin, scene)
            assert answer.status_code == 404 and reason in answer.json()["message"], answer.text
            assert str(tmp_path) not in answer.text
        assert service.get(f"scenes/ortho/{scene}/thumb").status_code == 404
    told = subprocess.run(
        [sys.executable, "-m", "planet_vector.cli", "index", str(archive), "--index", str(tmp_path / "i.sqlite")],
        capture_output=True, text=True, timeout=60, cwd=ROOT,
    )  # fmt: skip
    for scene, reason in reasons.items():
        for file in (f"bare_{scene}.tif", f"{scene}_visual.tif"):
            lines = [line for line in (told.stdout + told.stderr).splitlines() if line.lstrip().startswith(file)]
            assert any(reason.rpartition(".msk ")[2] in line for line in lines), lines


@pytest.fixture
def client(service: Running, tmp_path: Path) -> Iterator[Dict[str, str]]:
    yield {
        **os.environ,
        "PL_API_URL": service.root,
        "PL_API_KEY": "x",
        "HOME": str(tmp_path),
        "TMPDIR": os.environ["TMPDIR"],
        "XDG_CACHE_HOME": str(tmp_path),
    }


def test_a_download_is_whole_by_itself(archive: Path, client: Dict[str, str], tmp_path: Path) -> None:
    names = [f"PLANET:ortho/{scene}/visual" for scene in IDS]
    done = subprocess.run(
        [sys.executable, "-m", "planet_vector.cli", "download", *names, "-o", str(tmp_path / "got")],
        env=client, capture_output=True, text=True, timeout=120, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for scene in IDS:
        (file,) = (tmp_path / "got").rglob(f"{scene}*.tif")
        assert seen(file) == seen(archive / f"{scene}.tif")


def test_an_index_of_before_is_made_anew(archive: Path, tmp_path: Path) -> None:
    """Sizes stand in it that are none of completed files, and nothing in the archive has changed since."""
    with running(archive, tmp_path):
        pass
    with sqlite3.connect(tmp_path / "index.sqlite") as index:
        index.execute("PRAGMA user_version = 4")
        index.execute("UPDATE feature SET json = replace(json, 'file_size', 'file_before')")
    index.close()
    with running(archive, tmp_path) as service:
        found = service.json("scenes/ortho/mask")["properties"]
        assert found["file_size"] == int(full(service, "mask", method="HEAD").headers["content-length"])
