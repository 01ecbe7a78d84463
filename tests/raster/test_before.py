"""VRTs that an earlier version saved open with this one, and hold the archive's pixels.

The files in `before` were written by commit 1b7bd53, over the sample archive, by these lines; the service's address in
them stands as ``http://SERVICE``, the path of its file of headers as ``HEADERS``:

    found = sorted(
        planet_vector.search("PLANET:ortho?acquired.gte=2015-07-19T00:00:00Z&acquired.lt=2015-07-20T00:00:00Z&limit=3"),
        key=lambda scene: scene.acquired,
    )
    planet_vector.mosaic([found[0], found[-1]]).save_vrt("mosaic.vrt")
    planet_vector.mosaic(found[:1], crs="EPSG:4326").save_vrt("warped.vrt")
    scene = next(planet_vector.search("PLANET:landsat")).id
    planet_vector.open(f"PLANET:landsat/{scene}/band_4,band_3,band_2").save_vrt("bands.vrt")
    subprocess.run(["gdal_translate", "-of", "VRT", planet_vector.resolve(f"PLANET:ortho/{found[0].id}/visual"),
                    "resolved.vrt"])

Those in ``before/9fd2fde`` were written by that commit, by the same lines and the last also of ``…/analytic``; there,
``visual.vrt`` is of a VRT whose overviews are the service's tiles, described in the file that stands as ``HOME/…``.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Callable
from urllib.parse import quote, unquote
from xml.etree import ElementTree

import numpy as np
import pytest

import planet_vector
from planet_vector.config import Settings
from planet_vector.keys import Key
from planet_vector.raster.credential_files import config_file, forget, header_file

from ..conftest import KEY, Service

rasterio = pytest.importorskip("rasterio")

from planet_vector.raster.session import PlanetSession  # noqa: E402

# A saved file names products by their links, which earlier versions had of no other API.
pytestmark = pytest.mark.only_v0("saved files name links of v0")

BEFORE = Path(__file__).parent / "before"
SAVED = [folder + name for folder in ("", "9fd2fde/") for name in ("mosaic.vrt", "warped.vrt", "bands.vrt")]
FULL = re.compile(
    r"(?:GTIFF_DIR:1:)?/vsicurl[/?][^<]*?scenes(?:/|%2F)\w+(?:/|%2F)(\w+)(?:/|%2F)full"
    r"[^<]*?product(?:=|%3D)(\w+)[^<]*?(?=</|&lt;/)"
)
"""How a product is named in these files: of a scene's id and the product's."""


def placed(text: str, service: Service) -> str:
    """Put the address of a service into a saved file."""
    host = service.url.split("/")[2]
    headers = quote(str(header_file(Settings(service.url, Key(service.key)))), safe="")
    return (
        text.replace("http%3A%2F%2FSERVICE", f"http%3A%2F%2F{quote(host, safe='')}")
        .replace("http://SERVICE", f"http://{host}")
        .replace("header_file=HEADERS", f"header_file={headers}")
    )


@pytest.fixture
def saved(connected: Service, tmp_path: Path) -> Callable[[str], Path]:
    """Return what puts a saved file beside the test, with the address of the service in it."""

    def save(name: str) -> Path:
        path = tmp_path / Path(name).name
        path.write_text(placed((BEFORE / name).read_text(), connected))
        return path

    return save


def of_files(name: str, archive: Path) -> np.ndarray:
    """Return what the same VRT shows over the archive's files: no service and nothing of the package is in that."""
    text = (BEFORE / name).read_text()
    local, count = FULL.subn(lambda match: str(next(archive.glob(f"{match[1]}_{match[2]}.*"))), text)
    assert count and "SERVICE" not in unquote(local)
    with rasterio.open(local) as dataset:
        pixels: np.ndarray = dataset.read()
    assert pixels.any()
    return pixels


@pytest.mark.parametrize("name", SAVED)
def test_a_saved_vrt_opens_with_the_key_in_force(name: str, saved: Callable[[str], Path], connected: Service) -> None:
    with rasterio.Env(session=PlanetSession()), rasterio.open(saved(name)) as dataset:
        assert np.array_equal(dataset.read(), of_files(name, connected.archive))


SUM = "import sys, rasterio; print(rasterio.open(sys.argv[1]).read().astype('int64').sum())"


@pytest.mark.parametrize("name", SAVED)
def test_a_saved_vrt_opens_in_a_shell_that_was_set_up(
    name: str, saved: Callable[[str], Path], connected: Service
) -> None:
    if tuple(int(part) for part in rasterio.__gdal_version__.split(".")[:2]) < (3, 7):
        pytest.skip("a key for one host is of GDAL 3.7 and later")
    config = config_file(Settings(connected.url, Key(connected.key)))
    done = subprocess.run(
        [sys.executable, "-c", SUM, str(saved(name))], env={**connected.environ, "GDAL_CONFIG_FILE": str(config)},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.strip() == str(of_files(name, connected.archive).astype("int64").sum()), done.stderr


@pytest.mark.skipif(shutil.which("gdal_translate") is None, reason="GDAL's programs are not here")
def test_a_name_with_a_file_of_headers_opens_where_no_key_is_in_force(
    saved: Callable[[str], Path], connected: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What such a name needs is a file, and any name that is resolved makes it.
    scene = re.search(r"ortho%2F(\w+)%2Ffull", (BEFORE / "resolved.vrt").read_text())
    assert scene
    path, target = saved("resolved.vrt"), tmp_path / "copy.tif"
    forget(Settings(connected.url))
    # The name of a visual product is that of a VRT now; what the product itself is opened by stands in it.
    named = planet_vector.resolve(f"PLANET:ortho/{scene[1]}/visual")
    if named.endswith(".vrt"):
        named = ElementTree.parse(named).findtext(".//SimpleSource/SourceFilename", "")
    assert re.search(r"header_file=[^&]*", named)[0] in path.read_text()  # type: ignore[index]
    monkeypatch.delenv("PL_API_KEY")
    subprocess.run(["gdal_translate", "-q", str(path), str(target)], check=True, capture_output=True, timeout=60)
    with rasterio.open(target) as dataset:
        assert np.array_equal(dataset.read(), of_files("resolved.vrt", connected.archive))


@pytest.mark.parametrize("product", ["visual", "analytic"])
def test_what_other_programs_saved_opens_with_the_files_that_a_name_leaves(
    product: str, saved: Callable[[str], Path], connected: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(f"9fd2fde/{product}.vrt")
    scene = re.search(r"ortho%2F(\w+)%2Ffull", path.read_text())
    assert scene
    named = planet_vector.resolve(f"PLANET:ortho/{scene[1]}/{product}")
    if product == "visual":
        tiles = re.search(r"[^;&>]*tiles-[^&<]*\.txt", Path(named).read_text())
        assert tiles and Path(tiles[0]).is_file()
        text, count = re.subn(r"HOME/\.config/planet_vector/tiles-[^&<]*\.txt", tiles[0], path.read_text())
        assert count == 4
        path.write_text(text)
    monkeypatch.delenv("PL_API_KEY")
    with rasterio.open(path) as dataset, rasterio.open(connected.archive / f"{scene[1]}_{product}.tif") as file:
        assert np.array_equal(dataset.read(), file.read())
        if product == "visual":
            found = dataset.read(1, out_shape=(dataset.height // 4, dataset.width // 4)).astype(int)
            expected = file.read(1, out_shape=found.shape, resampling=rasterio.enums.Resampling.average).astype(int)
            assert found.any() and np.abs(found - expected)[(found > 0) & (expected > 0)].mean() < 12


def test_the_file_of_headers_is_where_it_was() -> None:
    settings = Settings("http://127.0.0.1:42053/v0/", Key(KEY))
    try:
        assert header_file(settings).name == "headers-8cea069296467692.txt"
    finally:
        forget(settings)
