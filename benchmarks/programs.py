"""Measure other programs that read products by their names, and QGIS drawing them.

    python benchmarks/programs.py [--latency 0 50 200] [--only QGIS "by its name"]

Serves a visual and an analytic product of 8000 × 8000 pixels in strips of one row, and 28 visual ones of 3000 × 3000,
with a latency per request, and prints time, bytes and requests for each task. The programs are those installed:
`gdal_translate`, and QGIS in the environment of its tests, if it exists. The limit is a round trip to the service, one
to the tiles, and their bytes. The service has drawn each scene before, as in normal use; `PLANET_CONNECTIONS` is the
default of 8. No tiles show a product of 16 bits: QGIS creates overviews of it once, from an eighth of the file, and
"again" draws it with these, as in every later session.

Exits with 1 if a target is missed: with 50 ms, the first picture of a visual product in QGIS takes at most 2 s and
2 MB, that of a mosaic of 28 scenes 3 s, and that of a product of 16 bits 2 s once it has overviews, all including the
name.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, List, Optional, Tuple

import numpy as np
import rasterio
from raster import log_up_to_now
from rasterio.transform import from_origin

ROOT = Path(__file__).resolve().parent.parent
QGIS_PYTHON = ROOT / ".venv-qgis" / "bin" / "python"
LARGE, SMALL, COLUMNS = 8000, 3000, 7
PROMISED = {
    ("visual", "QGIS"): (2.0, 2e6),
    ("analytic again", "QGIS"): (2.0, 2e6),
    ("mosaic of 28", "QGIS"): (3.0, 20e6),
}
"""Maximum seconds and bytes at a latency of 50 ms."""

# Draws a source on a canvas of 1000 × 1000 pixels with empty caches, and prints the seconds for naming and drawing.
QGIS = """
import sys, time
sys.path[:0] = [ROOT, ROOT + "/qgis_plugin"]
from qgis.core import QgsApplication, QgsMapRendererSequentialJob, QgsMapSettings
from qgis.PyQt.QtCore import QSize
program = QgsApplication([], True)
program.initQgis()
import planet_vector
from planet_scenes import combined_rasters, overviews, product_sources, raster_layers
from planet_vector.scene import Scene
from planet_vector.query import Query
class Feedback:
    def isCanceled(self): return False
    def setProgress(self, value): pass
catalog = planet_vector.connect()
begin = time.perf_counter()
if TASK == "mosaic of 28":
    query = Query.parse(catalog.schema("ortho"), [("acquired.gte", "2016-01-01T00:00:00Z")])
    scenes = [Scene(feature, catalog.schema("ortho"), catalog) for page in catalog.pages(query) for feature in page]
    assert len(scenes) == 28
    source = combined_rasters.mosaic(catalog, scenes, "visual")
else:
    scene = catalog.scene("ortho", NAME)
    product = TASK.partition(" ")[0]
    source = overviews.prepared(catalog, scene, product, product_sources.name_of(catalog, scene, product), Feedback())
layer = raster_layers.layer_of(raster_layers.stretched(source, "x", "", raster_layers.View()))
named = time.perf_counter()
settings = QgsMapSettings()
settings.setLayers([layer])
settings.setDestinationCrs(layer.crs())
settings.setOutputSize(QSize(1000, 1000))
settings.setExtent(layer.extent())
job = QgsMapRendererSequentialJob(settings)
job.start()
job.waitForFinished()
assert not job.errors(), [error.message for error in job.errors()]
job.renderedImage().save(PICTURE)
print(named - begin, time.perf_counter() - named)
"""


def make(directory: Path) -> str:
    """Write the products.

    Parameters
    ----------
    directory : Path
        The folder.

    Returns
    -------
    str
        The id of the large scene.
    """
    rng = np.random.default_rng(3)
    large = "20150301_022415_0908"
    write(directory / f"{large}_visual.tif", LARGE, (400000.0, 5720000.0), "uint8", rng)
    write(directory / f"{large}_analytic.tif", LARGE, (400000.0, 5720000.0), "uint16", rng)
    for number in range(28):
        corner = 500000.0 + number % COLUMNS * SMALL * 2.7, 5720000.0 - number // COLUMNS * SMALL * 2.7
        write(directory / f"201602{number + 1:02d}_022415_0908_visual.tif", SMALL, corner, "uint8", rng)
    return large


def write(path: Path, side: int, corner: Tuple[float, float], dtype: str, rng: np.random.Generator) -> None:
    """Write a product in pieces of 500 rows.

    Parameters
    ----------
    path : Path
        The file.
    side : int
        Width and height in pixels.
    corner : (float, float)
        East and north of the upper left corner, in metres (EPSG:32611).
    dtype : str
        Data type: uint8 or uint16.
    rng : numpy.random.Generator
        Source of the noise.
    """
    profile = {
        "driver": "GTiff", "width": side, "height": side, "count": 4, "dtype": dtype, "crs": "EPSG:32611",
        "transform": from_origin(*corner, 3.0, 3.0), "compress": "lzw", "interleave": "pixel", "blockysize": 1,
        "photometric": "RGB", "alpha": "yes",
    }  # fmt: skip
    if dtype == "uint16":
        profile.update(photometric="minisblack", alpha="no")
    scale = 1 if dtype == "uint8" else 16
    with rasterio.open(path, "w", **profile) as dataset:
        for top in range(0, side, 500):
            rows, columns = np.mgrid[top : min(top + 500, side), 0:side]
            bands = [np.sin(columns / (60 + 7 * n)) * 50 + np.cos(rows / 90) * 50 + 128 for n in range(4)]
            pixels = (np.stack(bands) + rng.integers(-4, 5, (4, *rows.shape))) * scale
            if dtype == "uint8":
                pixels[3] = 255
            dataset.write(pixels.astype(dtype), window=rasterio.windows.Window(0, top, side, rows.shape[0]))


def tasks(root: str, large: str, folder: Path) -> Dict[Tuple[str, str], List[str]]:
    """Return commands by task and program; ``{name}`` stands for the source to open.

    Parameters
    ----------
    root : str
        Root URL of the API.
    large : str
        The id of the large scene.
    folder : Path
        Folder for outputs.
    """
    translate = ["gdal_translate", "-q", "-outsize", "1000", "1000", "{name}", str(folder / "look.tif")]
    window = ["gdal_translate", "-q", "-srcwin", "3000", "3000", "512", "512", "{name}", str(folder / "look.tif")]
    found = {}
    for product in ("visual", "analytic"):
        link = f"/vsicurl/{root}scenes/ortho/{large}/full?product={product}"
        for what, command in (("quick look", translate), ("window of 512²", window)):
            found[f"{product}: {what}", "by its name"] = command
            found[f"{product}: {what}", "by its link"] = [part.replace("{name}", link) for part in command]
    if QGIS_PYTHON.exists():
        for task in ("visual", "analytic", "analytic again", "mosaic of 28"):
            given = f"ROOT, TASK, NAME, PICTURE = {str(ROOT)!r}, {task!r}, {large!r}, {str(folder / 'look.png')!r}\n"
            found[task, "QGIS"] = [str(QGIS_PYTHON), "-c", given + QGIS]
    return found


def main() -> int:
    """Run the measurements.

    Returns
    -------
    int
        The exit code: 1 if a target was missed.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=int, nargs="*", default=[0, 50, 200], help="milliseconds per request")
    parser.add_argument("--only", nargs="*", help="methods to measure; some by link take minutes")
    arguments = parser.parse_args()
    missed = 0
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as name:
        folder = Path(name)
        archive = folder / "archive"
        archive.mkdir()
        large = make(archive)
        version = subprocess.run(["gdal_translate", "--version"], capture_output=True, text=True, check=True).stdout
        print(version.partition(",")[0])
        for latency in arguments.latency:
            missed += measure(archive, large, folder, latency, arguments.only)
    return 1 if missed else 0


def measure(archive: Path, large: str, folder: Path, latency: int, only: Optional[List[str]]) -> int:
    """Run all tasks with a latency.

    Parameters
    ----------
    archive : Path
        Folder of the products.
    large : str
        The id of the large scene.
    folder : Path
        Folder for logs and outputs.
    latency : int
        Milliseconds per request.
    only : list of str, optional
        Methods to measure; None measures all.

    Returns
    -------
    int
        The number of targets missed.
    """
    log, home = folder / f"access-{latency}.log", folder / f"home-{latency}"
    log.touch()
    for name in ("before", "QGIS"):
        (home / name).mkdir(parents=True)
    command = [sys.executable, "-m", "planet_vector.cli", "serve", str(archive), "--port", "0"]
    command += ["--latency", str(latency), "--access-log", str(log)]
    service = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    missed = 0
    try:
        assert service.stdout is not None
        root = service.stdout.readline().split()[-1]
        environ = {
            **os.environ, "HOME": str(home), "PL_API_URL": root, "PLANET_RATE": "0", "QT_QPA_PLATFORM": "offscreen",
            "PYTHONPATH": "/usr/share/qgis/python/plugins", "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        }  # fmt: skip
        environ.pop("XDG_CACHE_HOME", None)
        print(f"\n{latency} ms per request")
        found = {key: command for key, command in tasks(root, large, folder).items() if not only or key[1] in only}
        for key, command in found.items():  # so that the service has drawn everything once
            if key[1] == "QGIS" or "by its name" in key[1]:
                run({**environ, "HOME": str(home / "before")}, large, key, command)
        for key, command in found.items():
            begin = len(log_up_to_now(root, log))
            # Overviews of other programs do not serve QGIS here.
            own = {**environ, "HOME": str(home / "QGIS")} if key[1] == "QGIS" else environ
            seconds, told = run(own, large, key, command)
            lines = [line for line in log_up_to_now(root, log)[begin:] if b"/mark-" not in line]
            size = sum(int(sent[1]) for sent in map(re.compile(rb'" \d{3} (\d+) ').search, lines) if sent)
            line = f"{key[0]:26} {key[1]:12} {seconds:7.2f} s {size / 1e6:8.2f} MB {len(lines):5d} requests{told}"
            most = PROMISED.get(key) if latency == 50 else None
            if most is not None and (seconds > most[0] or size > most[1]):
                missed += 1
                line += f" MISSED (at most {most[0]:g} s and {most[1] / 1e6:g} MB)"
            print(line, flush=True)
    finally:
        service.terminate()
        service.wait()
    return missed


def run(environ: Dict[str, str], large: str, key: Tuple[str, str], command: List[str]) -> Tuple[float, str]:
    """Run a command.

    Parameters
    ----------
    environ : dict of str to str
        Its environment.
    large : str
        The id of the large scene.
    key : (str, str)
        Task and program.
    command : list of str
        The command, with ``{name}`` for the source.

    Returns
    -------
    tuple
        Total seconds, and a note to print.
    """
    told, begin = "", time.perf_counter()
    if "{name}" in command:
        planet = f"PLANET:ortho/{large}/{key[0].partition(':')[0]}"
        # For pixels that are not colours, create overviews first, once.
        act = "open" if planet.endswith("/visual") else "overviews"
        named = [sys.executable, "-m", "planet_vector.cli", act, planet]
        name = subprocess.run(named, env=environ, capture_output=True, text=True, check=True).stdout.strip()
        told = f"   (named in {time.perf_counter() - begin:.2f} s, including Python's start)"
        command = [part.replace("{name}", name) for part in command]
        begin = time.perf_counter()
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    if key[1] != "QGIS":
        return time.perf_counter() - begin, told
    named_in, drawn_in = map(float, done.stdout.split()[-2:])
    return named_in + drawn_in, f"   (named and opened {named_in:.2f} s, drawn {drawn_in:.2f} s)"


if __name__ == "__main__":
    sys.exit(main())
