"""Products and pictures of scenes: ranges, names, thumbnails, tiles."""

from __future__ import annotations

import io
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Tuple

import numpy as np
import pytest
import rasterio
import requests
from PIL import Image

from .conftest import Running, Serve, write_raster

ID = "20150306_022415_0908"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    write_raster(folder / f"{ID}_visual.tif", bands=3, size=200, margin=20)
    write_raster(folder / f"{ID}_analytic.tif", bands=4, dtype="uint16", size=200)
    write_raster(folder / "deep" / "LC81300472015235LGN00_band_4.tif", bands=1, dtype="uint16", size=80)
    write_raster(folder / "deep" / "LC81300472015235LGN00_band_8.tif", bands=1, dtype="uint16", size=160, pixel=5)
    return folder


@pytest.fixture(scope="module")
def service(serve: Serve, archive: Path) -> Running:
    return serve(archive)


def test_products_come_as_they_lie(service: Running, archive: Path) -> None:
    for path, product in (
        (f"{ID}_visual.tif", None),
        (f"{ID}_visual.tif", "visual"),
        (f"{ID}_analytic.tif", "analytic"),
    ):
        answer = service.get(f"scenes/ortho/{ID}/full" + (f"?product={product}" if product else ""))
        assert answer.status_code == 200
        assert answer.content == (archive / path).read_bytes()
        assert answer.headers["content-type"] == "image/tiff"
        assert answer.headers["content-disposition"] == f'attachment; filename="{path}"'
    answer = service.get("scenes/landsat/LC81300472015235LGN00/full?product=band_8")
    assert answer.content == (archive / "deep" / "LC81300472015235LGN00_band_8.tif").read_bytes()


def test_head_and_ranges(service: Running, archive: Path) -> None:
    content = (archive / f"{ID}_visual.tif").read_bytes()
    path = f"scenes/ortho/{ID}/full"
    head = service.get(path, method="HEAD")
    assert (head.status_code, int(head.headers["content-length"]), head.content) == (200, len(content), b"")
    assert head.headers["accept-ranges"] == "bytes"
    for text, expected in (
        ("0-9", content[:10]),
        ("100-", content[100:]),
        ("-7", content[-7:]),
        ("5-99999999", content[5:]),
    ):
        answer = service.get(path, headers={"Range": f"bytes={text}"})
        assert (answer.status_code, answer.content) == (206, expected)
        assert answer.headers["content-range"].endswith(f"/{len(content)}")
    answer = service.get(path, headers={"Range": "bytes=0-9,20-29,-5"})
    assert answer.status_code == 206
    boundary = answer.headers["content-type"].partition("boundary=")[2].encode()
    parts = [part.partition(b"\r\n\r\n")[2].rstrip(b"\r\n") for part in answer.content.split(b"--" + boundary)[1:-1]]
    assert parts == [content[:10], content[20:30], content[-5:]]
    current = service.get(path, headers={"Range": "bytes=0-9", "If-Range": head.headers["etag"]})
    other = service.get(path, headers={"Range": "bytes=0-9", "If-Range": '"another"'})
    assert (current.status_code, other.status_code) == (206, 200)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("bytes=99999999-", 416),
        ("bytes=9-5", 416),
        ("bytes=-0", 416),
        ("bytes=a-b", 400),
        ("bytes=", 400),
        ("bytes", 400),
        ("bytes=" + ",".join(f"{n}-{n}" for n in range(201)), 400),
        ("bytes=" + "9" * 5000 + "-", 400),
        ("lines=1-2", 200),
    ],
)
def test_bad_ranges(service: Running, text: str, status: int) -> None:
    answer = service.get(f"scenes/ortho/{ID}/full", headers={"Range": text})
    assert answer.status_code == status
    if status == 416:
        assert re.fullmatch(r"bytes \*/\d+", answer.headers["content-range"])


def test_what_is_not_there(service: Running) -> None:
    answer = service.get(f"scenes/ortho/{ID}/full?product=unrectified")
    assert (answer.status_code, answer.json()["message"]) == (
        404,
        f"Scene {ID} has no product 'unrectified'; it has: analytic, visual.",
    )
    # What the real service did for a scene without visual is not known; this one says what there is.
    answer = service.get("scenes/landsat/LC81300472015235LGN00/full")
    assert answer.status_code == 404
    assert "band_4, band_8" in answer.json()["message"]


@pytest.mark.parametrize("size", [("sm", 64), ("md", 128), ("lg", 640)])
@pytest.mark.parametrize("image_format", ["png", "jpg", "jpeg"])
def test_thumbnails(service: Running, archive: Path, size: Tuple[str, int], image_format: str) -> None:
    answer = service.get(f"scenes/ortho/{ID}/thumb?size={size[0]}&format={image_format}")
    assert answer.headers["content-type"] == ("image/png" if image_format == "png" else "image/jpeg")
    picture = Image.open(io.BytesIO(answer.content))
    assert picture.size == (size[1], size[1])  # the scene is square
    with rasterio.open(archive / f"{ID}_visual.tif") as dataset:
        mean = dataset.read()[:, 40:160, 40:160].mean(axis=(1, 2))
    middle = np.asarray(picture.convert("RGB"))[size[1] // 4 : -size[1] // 4, size[1] // 4 : -size[1] // 4]
    assert middle.mean(axis=(0, 1)) == pytest.approx(mean, abs=3)
    corner = picture.convert("RGBA").getpixel((0, 0))
    assert corner[3] == 0 if image_format == "png" else min(corner[:3]) > 240


def test_thumbnails_keep_the_aspect_and_put_north_up(serve: Serve, tmp_path: Path) -> None:
    # Columns run south, rows west: as a camera sees it that flies east.
    turned = rasterio.Affine(0, -10.0, 500_000, -10.0, 0, 5_000_000)
    values = np.full((3, 100, 200), 30, "uint8")
    values[0, :, :100] = 200  # red where the columns begin: in the north
    with rasterio.open(
        tmp_path / "turned_visual.tif",
        "w",
        driver="GTiff",
        count=3,
        dtype="uint8",
        width=200,
        height=100,
        crs="EPSG:32633",
        transform=turned,
    ) as dataset:
        dataset.write(values)
    service = serve(tmp_path)
    picture = Image.open(io.BytesIO(service.get("scenes/ortho/turned/thumb").content)).convert("RGBA")
    assert picture.size == (128, 256)
    assert picture.getpixel((64, 30))[0] > 150 > picture.getpixel((64, 220))[0]
    square = Image.open(io.BytesIO(service.get("scenes/ortho/turned/square-thumb").content)).convert("RGBA")
    assert square.size == (128, 128)
    assert square.getpixel((5, 64))[3] == 0
    assert square.getpixel((64, 20))[0] > 150


def test_pictures_of_other_products(service: Running) -> None:
    answer = service.get("scenes/landsat/LC81300472015235LGN00/thumb")
    values = np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA"))
    assert values[..., :3].std() > 20  # stretched: the file holds values to 200 of 65535
    assert service.get(f"scenes/ortho/{ID}/thumb?size=xl").status_code == 400
    assert service.get(f"scenes/ortho/{ID}/thumb?format=gif").status_code == 400


def test_tiles_show_the_scene_where_it_lies(serve: Serve, tmp_path: Path) -> None:
    side = 20037508.342789244 * 2 / 2**10
    bounds = (-20037508.342789244 + 550 * side, 20037508.342789244 - 360 * side)
    values = np.zeros((3, 512, 512), "uint8")
    values[0, :256], values[1, 256:] = 250, 250  # red above green
    with rasterio.open(
        tmp_path / "m_visual.tif",
        "w",
        driver="GTiff",
        count=3,
        dtype="uint8",
        width=512,
        height=512,
        crs="EPSG:3857",
        transform=rasterio.Affine(side / 512, 0, bounds[0], 0, -side / 512, bounds[1]),
    ) as dataset:
        dataset.write(values)
    service = serve(tmp_path)
    with ThreadPoolExecutor(8) as pool:  # a map asks for many at once, the first of them on a service just started
        first = list(pool.map(lambda x: service.get(f"scenes/ortho/m/12/{x}/1440.png").status_code, range(2200, 2204)))
    assert first == [200] * 4
    tile = Image.open(io.BytesIO(service.get("scenes/ortho/m/10/550/360.png").content)).convert("RGBA")
    assert tile.size == (256, 256)
    assert tile.getpixel((128, 60)) == (250, 0, 0, 255)
    assert tile.getpixel((128, 200)) == (0, 250, 0, 255)
    above = Image.open(io.BytesIO(service.get("scenes/ortho/m/9/275/180.png").content)).convert("RGBA")
    assert above.getpixel((60, 30)) == (250, 0, 0, 255)
    assert above.getpixel((200, 30))[3] == 0
    for outside in ("10/552/360", "10/550/359", "10/1024/0", "40/1/1", "10/-1/0", "10/x/y"):
        assert service.get(f"scenes/ortho/m/{outside}.png").status_code == 404
    shard = requests.get(service.origin + "/tiles2/v0/scenes/ortho/m/10/550/360.png", timeout=30)
    assert shard.content == service.get("scenes/ortho/m/10/550/360.png").content
