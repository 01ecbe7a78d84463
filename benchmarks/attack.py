"""Measure the local service under attack: hostile files, outlines and pictures, beside a client with small requests.

    python benchmarks/attack.py [--seconds 30] [--workers 1]

Serves a small archive and, for some time, (a) adds files to it that lie outside the domain of their projection, are
extremely sparse or have VRTs beside them, (b) requests outlines that cross themselves thousands of times, and closes
most of these connections early, (c) requests pictures of the hostile files. Meanwhile, another client requests
``/healthz`` and a scene. Prints that client's response times, and exits with 1 if the 99th percentile exceeds 250 ms or
anything failed.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Callable, List
from urllib.parse import quote, urlsplit

import numpy as np
import rasterio
import requests
from rasterio.transform import from_origin

MOST = 250.0  # milliseconds: limit of the 99th percentile
CRS = {
    "goes": "+proj=geos +h=35786023 +lon_0=-137 +sweep=x +ellps=GRS80",
    "robinson": "+proj=robin +datum=WGS84",
    "mollweide": "+proj=moll +datum=WGS84",
    "orthographic": "+proj=ortho +lat_0=80 +lon_0=10 +datum=WGS84",
    "laea": "EPSG:3035",
    "utm": "EPSG:32633",
    "site": 'LOCAL_CS["site",UNIT["metre",1],AXIS["E",EAST],AXIS["N",NORTH]]',
}


def star(corners: int, seed: int) -> str:
    """Return an outline in which nearly all edges cross each other, as WKT.

    Parameters
    ----------
    corners : int
        Number of corners.
    seed : int
        Seed of the random positions.
    """
    chance = random.Random(seed)
    places = [(round(chance.uniform(-60, 60), 3), round(chance.uniform(-60, 60), 3)) for _ in range(corners)]
    return "POLYGON((" + ",".join(f"{x} {y}" for x, y in [*places, places[0]]) + "))"


def write(path: Path, crs: str, pixel: float, size: int = 64) -> None:
    """Write a small raster around the origin of its projection.

    Parameters
    ----------
    path : Path
        The file.
    crs : str
        The projection.
    pixel : float
        Pixel size, in units of `crs`.
    size : int
        Width and height in pixels.
    """
    transform = from_origin(-pixel * size / 2, pixel * size / 2, pixel, pixel)
    with rasterio.open(
        path, "w", driver="GTiff", width=size, height=size, count=3, dtype="uint8", crs=crs, transform=transform
    ) as target:
        target.write(np.full((3, size, size), 99, "uint8"))


def write_sparse(path: Path) -> None:
    """Write a file of a few kilobytes with 60 000 pixels a side in its header.

    Parameters
    ----------
    path : Path
        The file.
    """
    with rasterio.open(
        path, "w", driver="GTiff", width=60_000, height=60_000, count=3, dtype="uint8", sparse_ok=True, tiled=True,
        blockxsize=8192, blockysize=8192, compress="deflate", crs="EPSG:32633", transform=from_origin(3e5, 6e6, 1, 1),
    ):  # fmt: skip
        return


def hostile_files(folder: Path) -> List[str]:
    """Write the hostile files.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    list of str
        The ids of their scenes.
    """
    for name, crs in CRS.items():
        write(folder / f"{name}.tif", crs, 280_000.0)
    write_sparse(folder / "sparse.tif")
    secret = folder.parent / "secret.txt"
    secret.write_text("not for you\n" * 400)
    write(folder / "sidecar.tif", "EPSG:32633", 10.0)
    band = "".join(
        f'<VRTRasterBand dataType="Byte" band="{b}" subClass="VRTRawRasterBand">'
        f'<SourceFilename relativeToVRT="0">{secret}</SourceFilename>'
        "<ImageOffset>0</ImageOffset><PixelOffset>1</PixelOffset><LineOffset>32</LineOffset>"
        "</VRTRasterBand>"
        for b in (1, 2, 3)
    )
    vrt = f'<VRTDataset rasterXSize="32" rasterYSize="32">{band}</VRTDataset>'
    (folder / "sidecar.tif.ovr").write_text(vrt)
    (folder / "sidecar.tif.aux.xml").write_text(f"<PAMDataset><Metadata domain='x'>{secret}</Metadata></PAMDataset>")
    return [*CRS, "sparse", "sidecar"]


def hang_up(root: str, path: str) -> None:
    """Send a request, and close the connection at once.

    Parameters
    ----------
    root : str
        Root URL of the API.
    path : str
        Path and query below it.
    """
    place = urlsplit(root)
    with socket.create_connection((str(place.hostname), place.port or 80), timeout=5) as connection:
        connection.sendall(f"GET {place.path}{path} HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode())


def main() -> None:
    """Start the service, attack it, and exit with the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        archive, stage = Path(place) / "archive", Path(place) / "stage"
        archive.mkdir()
        stage.mkdir()
        write(archive / "good.tif", "EPSG:32633", 10.0)
        hostile = hostile_files(stage)
        command = [sys.executable, "-m", "planet_vector.cli", "serve", str(archive), "--port", "0", "--rescan", "1"]
        command += ["--index", str(Path(place) / "index.sqlite"), "--workers", str(options.workers)]
        service = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert service.stdout is not None
        try:
            root = service.stdout.readline().split()[-1]
            sys.exit(attack(root, archive, stage, hostile, options.seconds, service))
        finally:
            service.send_signal(signal.SIGINT)
            try:
                service.wait(30)
            except subprocess.TimeoutExpired:
                service.kill()


def attack(
    root: str, archive: Path, stage: Path, hostile: List[str], seconds: float, service: subprocess.Popen[str]
) -> int:
    """Attack a service, and print its response times.

    Parameters
    ----------
    root : str
        Root URL of the API.
    archive : Path
        Folder of the service.
    stage : Path
        Folder with the hostile files.
    hostile : list of str
        The ids of their scenes.
    seconds : float
        Duration.
    service : subprocess.Popen
        The process of the service.

    Returns
    -------
    int
        The exit code: 1 if the service failed or was too slow.
    """
    end = time.monotonic() + seconds
    health = root.replace("/v0/", "/healthz")
    errors: List[str] = []
    times: List[float] = []
    sent = {"outlines": 0, "hung up": 0, "pictures": 0, "files": 0}

    def until_end(work: Callable[[int], None]) -> Callable[[], None]:
        def run() -> None:
            number = 0
            while time.monotonic() < end:
                number += 1
                work(number)

        return run

    def outlines(number: int) -> None:
        path = "scenes/ortho/?intersects=" + quote(star(random.choice((60, 110, 350)), number))
        if number % 3:
            hang_up(root, path)
            sent["hung up"] += 1
            time.sleep(0.02)
        else:
            requests.get(root + path, timeout=60)
            sent["outlines"] += 1

    def pictures(number: int) -> None:
        scene, tile = hostile[number % len(hostile)], random.choice(("thumb?size=lg", "3/4/2.png", "9/275/180.png"))
        answer = requests.get(f"{root}scenes/ortho/{scene}/{tile}", timeout=60)
        if answer.status_code >= 500 and answer.status_code != 503:
            errors.append(f"{scene} {tile}: {answer.status_code} {answer.text[:100]}")
        sent["pictures"] += 1

    def files(number: int) -> None:
        for path in stage.iterdir():
            target = archive / path.name
            target.write_bytes(path.read_bytes())
            os.utime(target, (number, number))
            sent["files"] += 1
        time.sleep(2)

    def little(number: int) -> None:
        address = health if number % 2 else f"{root}scenes/ortho/good"
        start = time.perf_counter()
        answer = requests.get(address, timeout=60)
        times.append(1000 * (time.perf_counter() - start))
        if answer.status_code != 200:
            errors.append(f"{address}: {answer.status_code}")
        time.sleep(0.02)

    work = [outlines] * 4 + [pictures] * 3 + [files, little]
    threads = [threading.Thread(target=until_end(each), daemon=True) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()) + 60)
    try:
        told = requests.get(health, timeout=60).json()
    except requests.RequestException as error:
        print(f"the service no longer responds ({type(error).__name__}) after {len(times)} responses")
        return 1
    last = statistics.quantiles(times, n=100)[98]
    print(", ".join(f"{count} {name}" for name, count in sent.items()))
    middle = statistics.median(times)
    print(f"healthz and a scene, {len(times)} responses: median {middle:.1f} ms, p99 {last:.1f} ms (at most {MOST:g})")
    print(f"healthz at the end: {told}")
    if service.poll() is not None:
        errors.append("the service has exited")
    print("\n".join(sorted(set(errors))[:20]) or "no errors")
    return 1 if errors or last > MOST or math.isnan(last) else 0


if __name__ == "__main__":
    main()
