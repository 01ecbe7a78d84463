"""Recreate this folder with the code of the earlier version: ``PYTHONPATH=CHECKOUT python make.py`` (see README.md)."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any, Dict, List
from unittest import mock

import numpy as np
import rasterio
import rasterio.warp
import requests

HERE = Path(__file__).parent
MTIME_NS = 1_600_000_000_123_456_789
"""Modification time of all files of the archive."""

KEY = "0123456789abcdef0123456789abcdef"
LEVEL = 10
HALF = 20037508.342789244  # metres: half the width of the globe in web mercator
SIDE = 2 * HALF / 2**6  # metres: side of a quad of that level
QUAD = "L10-0037E-0041N"
TILE = (3287403.71248886, 5792092.255337515, 3443946.746416901, 5948635.289265556)  # of 8/149/90, in metres
PICTURES = {
    "thumbnail.png": "scenes/ortho/S1/thumb?size=sm",
    "square.jpg": "scenes/ortho/S2/square-thumb?size=md&format=jpg",
    "tile.png": "mosaics/all/8/149/90.png",
    "quad-thumbnail.png": f"mosaics/all/quads/{QUAD}/thumb?size=sm",
    "quad.tif": f"mosaics/all/quads/{QUAD}/full",
}
"""Files of `pictures/`, and their paths at a service."""


def write_scene(archive: Path, name: str, column: float, row: float, colours: List[int], acquired: str) -> None:
    """Write a scene of one colour, at a position counted in quads from the bottom left."""
    width = 0.5
    west, north = column * SIDE - HALF, (row + width) * SIDE - HALF
    values = np.empty((3, 48, 48), "uint8")
    values[:] = np.reshape(colours, (3, 1, 1))
    values[:, :8, :8] = 0
    with rasterio.open(
        archive / f"{name}_visual.tif", "w", driver="GTiff", count=3, dtype="uint8", width=48, height=48, nodata=0,
        crs="EPSG:3857", transform=rasterio.Affine(width * SIDE / 48, 0, west, 0, -width * SIDE / 48, north),
        compress="deflate",
    ) as dataset:  # fmt: skip
        dataset.write(values)
        w, s, e, n = rasterio.warp.transform_bounds("EPSG:3857", "EPSG:4326", *dataset.bounds)
    scene = _feature(name, acquired, [[w, s], [e, s], [e, n], [w, n], [w, s]])
    (archive / f"{name}_metadata.json").write_text(json.dumps(scene), newline="\n")


def _feature(name: str, acquired: str, ring: List[List[float]]) -> Dict[str, Any]:
    geometry = {"type": "Polygon", "coordinates": [ring]}
    properties = {"acquired": acquired, "cloud_cover": {"estimated": 5}}
    return {"type": "Feature", "id": name, "geometry": geometry, "properties": properties}


def make_archive(archive: Path) -> None:
    """Write an archive with one file of each kind."""
    archive.mkdir()
    write_scene(archive, "S1", 37.1, 41.1, [250, 40, 10], "2015-03-01T10:00:00Z")
    write_scene(archive, "S2", 37.4, 41.3, [20, 160, 240], "2015-03-02T10:00:00Z")
    shutil.copyfile(archive / "S1_visual.tif", archive / "bare.tif")
    ring = [[10.0, 45.0], [10.2, 45.0], [10.2, 45.2], [10.0, 45.2], [10.0, 45.0]]
    lines = [_feature(f"L{n}", f"2014-01-0{n}T00:00:00Z", ring) for n in range(1, 6)]
    (archive / "sub").mkdir()
    (archive / "sub" / "list.geojsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), newline="\n")
    (archive / "sub" / "one.json").write_text(json.dumps(_feature("J1", "2016-01-01T00:00:00Z", ring)), newline="\n")
    set_times(archive)


def set_times(archive: Path) -> None:
    """Set the modification time of all files to the one that the earlier index contains."""
    for path in archive.rglob("*"):
        os.utime(path, ns=(MTIME_NS, MTIME_NS))


def name_of(archive: Path, picture: str) -> str:
    """Return the name that the earlier version gave a picture of an archive, or the survey of a file.

    Names contained the file's real path, size and modification time.
    """

    def digest(*parts: Any) -> str:
        return hashlib.sha256(repr(parts).encode(errors="surrogateescape")).hexdigest()

    def survey(name: str) -> str:
        path = archive / f"{name}.tif"
        return digest("survey", os.path.realpath(path), path.stat().st_size, MTIME_NS, (), None)

    first, second = survey("S1_visual"), survey("S2_visual")
    scenes = [survey("bare"), second, first]  # in the order of the mosaic, front scenes first
    column, row = int(QUAD[4:8]), int(QUAD[10:14])
    west, south = column * SIDE - HALF, row * SIDE - HALF
    quad = (west, south, west + SIDE, south + SIDE)
    return {
        "thumbnail.png": lambda: digest("draw_thumbnail", [1], [first], (64, False, "png")),
        "square.jpg": lambda: digest("draw_thumbnail", [1], [second], (128, True, "jpg")),
        "tile.png": lambda: digest("draw_tile", [1, 1, 1], scenes, (TILE, 256)),
        "quad-thumbnail.png": lambda: digest("draw_square", [1, 1, 1], scenes, (quad, 64, "png")),
        "quad.tif": lambda: digest("draw_quad", [1, 1, 1], scenes, (quad, 4096)),
    }[picture]()


def make() -> None:
    """Recreate all files."""
    from planet_vector.server.api.keys import add_key  # type: ignore[import-not-found]

    for name in ("archive", "pictures"):
        shutil.rmtree(HERE / name, ignore_errors=True)
    (HERE / "keys.yml").unlink(missing_ok=True)
    make_archive(HERE / "archive")
    (HERE / "mosaics.yml").write_text(f"- name: all\n  level: {LEVEL}\n", newline="\n")
    with mock.patch("secrets.token_hex", lambda size: KEY):
        add_key(HERE / "keys.yml", "office")
    (HERE / "pictures").mkdir()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        index = Path(folder) / "index.sqlite"
        command = [sys.executable, "-m", "planet_vector.cli", "serve", str(HERE / "archive"), "--index", str(index)]
        command += ["--keys", str(HERE / "keys.yml"), "--mosaics", str(HERE / "mosaics.yml"), "--rescan", "0"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        root = process.stdout.readline().split()[-1]
        try:
            for name, path in PICTURES.items():
                answer = requests.get(root + path, auth=(KEY, ""), timeout=120)
                answer.raise_for_status()
                kept = index.with_suffix(".pictures") / name_of(HERE / "archive", name)[:2]
                content = (kept / name_of(HERE / "archive", name)).read_bytes()
                assert content == answer.content
                (HERE / "pictures" / name).write_bytes(content)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(20)
        with closing(sqlite3.connect(index)) as db:
            db.execute("PRAGMA journal_mode = DELETE")
        shutil.copyfile(index, HERE / "index.sqlite")


if __name__ == "__main__":
    make()
