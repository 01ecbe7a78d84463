"""``rio planet …``, and scenes as containers of rasters in stock programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

from ..conftest import Service
from ..faces import NO_NAMES, Face

rasterio = pytest.importorskip("rasterio")
from rasterio.warp import transform_bounds  # noqa: E402

Run = Callable[..., Any]


@pytest.fixture
def env(service: Service) -> Dict[str, str]:
    return service.environ


@pytest.fixture
def scene(archive: Path) -> str:
    return sorted(archive.glob("*_visual.tif"))[0].name[: -len("_visual.tif")]


def test_info_prints_what_rio_info_prints(run: Run, env: Dict[str, str], archive: Path, scene: str) -> None:
    for flags in ([], ["--bounds"], ["--tags"], ["--indent", "2"]):
        expected = run("rio", "info", str(archive / f"{scene}_visual.tif"), *flags)
        done = run("rio", "planet", "info", f"PLANET:ortho/{scene}/visual", *flags, env=env)
        assert (done.stdout, done.returncode) == (expected.stdout, 0), done.stderr


@pytest.mark.parametrize(
    ("name", "code", "told"),
    [
        ("PLANET:ortho/{scene}/nosuch", 1, "it has: "),
        ("PLANET:ortho/nosuch/visual", 1, "no {noun}"),
        ("PLANET:ortho/{scene}", 2, "names no product"),
        ("PLANET:ortho", 2, "names no scene"),
        ("PLANET:ortho/{scene}/visual?api_key=x", 2, "never part of a name"),
    ],
)
def test_an_error_is_one_sentence_and_a_code(
    run: Run, env: Dict[str, str], face: Face, scene: str, name: str, code: int, told: str
) -> None:
    done = run("rio", "planet", "info", name.format(scene=scene), env=env)
    assert done.returncode == code
    assert told.format(noun=face.noun) in done.stderr and "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_wrong_key_is_said(run: Run, env: Dict[str, str], scene: str) -> None:
    done = run("rio", "planet", "info", f"PLANET:ortho/{scene}/visual", env={**env, "PL_API_KEY": "wrong"})
    assert done.returncode == 1 and "refused the key" in done.stderr and "wrong" not in done.stderr


def test_open_prints_a_name_for_any_program(
    run: Run, env: Dict[str, str], archive: Path, scene: str, tmp_path: Path
) -> None:
    name = run("rio", "planet", "open", f"PLANET:ortho/{scene}/visual", env=env).stdout.strip()
    assert env["PL_API_KEY"] not in name + (Path(name).read_text() if name.endswith(".vrt") else "")
    done = run("gdal_translate", "-q", "-srcwin", "3", "4", "50", "60", name, str(tmp_path / "part.tif"))
    assert done.returncode == 0, done.stderr
    with rasterio.open(tmp_path / "part.tif") as part, rasterio.open(archive / f"{scene}_visual.tif") as whole:
        assert (part.read() == whole.read(window=rasterio.windows.Window(3, 4, 50, 60))).all()


def test_crop_writes_the_pixels_as_they_are(
    run: Run, env: Dict[str, str], archive: Path, scene: str, tmp_path: Path
) -> None:
    target = tmp_path / "part.tif"
    name = f"PLANET:ortho/{scene}/visual"
    command = ["rio", "planet", "crop", name, "-o", str(target), "--window", "10", "20", "100", "80"]
    assert run(*command, env=env).returncode == 0
    with rasterio.open(target) as part, rasterio.open(archive / f"{scene}_visual.tif") as whole:
        window = rasterio.windows.Window(10, 20, 100, 80)
        assert (part.read() == whole.read(window=window)).all()
        assert part.transform == whole.window_transform(window) and part.crs == whole.crs
        assert part.colorinterp == whole.colorinterp
        west, south, east, north = transform_bounds(part.crs, "EPSG:4326", *part.bounds)
    done = run(*command, env=env)
    assert done.returncode == 1 and "--overwrite" in done.stderr
    box = f"{west},{south},{east},{north}"
    done = run(*command[:6], "--bbox", box, "--overwrite", env=env)
    assert done.returncode == 0, done.stderr
    with rasterio.open(target) as part:
        assert part.width >= 100 and part.height >= 80 and part.width < 110
    assert run(*command[:6], "--bbox", "0,0,1,1", "--overwrite", env=env).returncode == 1
    assert run(*command[:6], "--window", "0", "0", "99999", "1", "--overwrite", env=env).returncode == 2
    assert run(*command[:6], env=env).returncode == 2
    done = run(*command[:5], str(tmp_path / "part.vrt"), *command[6:], env=env)
    assert done.returncode == 2 and "which is a GeoTIFF" in done.stderr and not (tmp_path / "part.vrt").exists()


def test_mosaic_tells_what_it_takes_and_makes_it(run: Run, env: Dict[str, str], tmp_path: Path) -> None:
    search = ["rio", "planet", "mosaic", "PLANET:ortho?limit=4&bbox=0,0,90,80"]
    counted = run(*search, "--dry-run", env=env)
    assert counted.stdout.startswith("4 scenes, ") and counted.stdout.endswith(" km²\n"), counted.stderr
    done = run(*search, "-o", str(tmp_path / "m.tif"), "--res", "30", env=env)
    assert done.returncode == 0 and counted.stdout.strip() in done.stderr, done.stderr
    with rasterio.open(tmp_path / "m.tif") as dataset:
        assert dataset.res == (30, 30) and dataset.count == 4 and dataset.read(4).any()
    assert run(*search, env=env).returncode == 2


@pytest.mark.only_v0(NO_NAMES)
def test_vrts_hold_no_key(run: Run, env: Dict[str, str], archive: Path, tmp_path: Path) -> None:
    search = ["rio", "planet", "mosaic", "PLANET:ortho?limit=4&bbox=0,0,90,80"]
    assert run(*search, "-o", str(tmp_path / "m.vrt"), env=env).returncode == 0
    assert env["PL_API_KEY"] not in (tmp_path / "m.vrt").read_text()
    landsat = sorted(archive.glob("*_band_4.tif"))[0].name[: -len("_band_4.tif")]
    done = run(
        "rio", "planet", "vrt", f"PLANET:landsat/{landsat}/band_4,band_3", "-o", str(tmp_path / "b.vrt"), env=env
    )
    assert done.returncode == 0 and env["PL_API_KEY"] not in (tmp_path / "b.vrt").read_text(), done.stderr


def test_download_and_thumbnail(run: Run, env: Dict[str, str], archive: Path, scene: str, tmp_path: Path) -> None:
    done = run(
        "rio", "planet", "download", scene, "-s", "ortho", "--product", "visual", "-o", str(tmp_path / "d"), env=env
    )
    assert done.stdout.strip() == str(tmp_path / "d" / f"{scene}_visual.tif"), done.stderr
    assert Path(done.stdout.strip()).read_bytes() == (archive / f"{scene}_visual.tif").read_bytes()
    done = run(
        "rio", "planet", "thumbnails", scene, "-s", "ortho", "-o", str(tmp_path / "t.png"), "--size", "sm", env=env
    )
    assert done.returncode == 0 and (tmp_path / "t.png").read_bytes().startswith(b"\x89PNG"), done.stderr
    assert (
        run("rio", "planet", "thumbnails", scene, "-s", "ortho", "-o", str(tmp_path / "t.png"), env=env).returncode == 1
    )


# ---- a scene as a container of rasters -------------------------------------------------------------------


def subdatasets(text: str) -> List[str]:
    return [line.partition("=")[2] for line in text.splitlines() if "SUBDATASET_" in line and "_NAME=" in line]


def test_gdalinfo_lists_and_opens_the_products(
    run: Run, env: Dict[str, str], face: Face, archive: Path, scene: str
) -> None:
    done = run("gdalinfo", f"PLANET:ortho/{scene}", env=env)
    names = subdatasets(done.stdout)
    assert len(names) == 2 and env["PL_API_KEY"] not in done.stdout + done.stderr
    for name, product in zip(names, face.products):
        found = json.loads(run("gdalinfo", "-json", "-checksum", name, env=env).stdout)
        expected = json.loads(run("gdalinfo", "-json", "-checksum", str(archive / f"{scene}_{product}.tif")).stdout)
        assert [band["checksum"] for band in found["bands"]] == [band["checksum"] for band in expected["bands"]]
        assert found["geoTransform"] == expected["geoTransform"]


LISTING = """
import sys, warnings
import rasterio
warnings.simplefilter("ignore")
with rasterio.open(sys.argv[1]) as container:
    for name in container.subdatasets:
        with rasterio.open(name) as dataset:
            print(dataset.checksum(1), name)
"""


def test_rasterio_lists_and_opens_the_products(
    run: Run, env: Dict[str, str], face: Face, archive: Path, scene: str
) -> None:
    import sys

    done = run(sys.executable, "-c", LISTING, f"PLANET:ortho/{scene}", env=env)
    found = [int(line.split()[0]) for line in done.stdout.splitlines()]
    expected = []
    for product in face.products:
        with rasterio.open(archive / f"{scene}_{product}.tif") as dataset:
            expected.append(dataset.checksum(1))
    assert found == expected, done.stderr
    assert env["PL_API_KEY"] not in done.stdout + done.stderr


IN_QGIS = """
import sys
from qgis.core import QgsApplication, QgsProviderRegistry, QgsRasterLayer
app = QgsApplication([], False)
app.initQgis()
for found in QgsProviderRegistry.instance().querySublayers(sys.argv[1]):
    if found.providerKey() != "gdal":  # the scene is a layer, too
        continue
    layer = QgsRasterLayer(found.uri(), found.name(), found.providerKey())
    print(layer.isValid(), layer.width(), layer.height(), layer.bandCount(), found.uri())
found = layer = None  # layers must not outlive QGIS
app.exitQgis()
"""


def test_qgis_lists_and_opens_the_products(
    system_python: Run, env: Dict[str, str], face: Face, archive: Path, scene: str
) -> None:
    done = system_python(IN_QGIS, f"PLANET:ortho/{scene}", env=env)
    lines = [line.split() for line in done.stdout.splitlines()]
    for line, product in zip(lines, face.products):
        with rasterio.open(archive / f"{scene}_{product}.tif") as dataset:
            assert line[:4] == ["True", str(dataset.width), str(dataset.height), str(dataset.count)], done.stderr
    assert len(lines) == 2 and env["PL_API_KEY"] not in done.stdout


def test_doctor_tells_which_gdal_fetches_whole_products(run: Run, env: Dict[str, str]) -> None:
    version = run("ogrinfo", "--version").stdout.split()[1].rstrip(",")
    slow = (3, 6, 0) <= tuple(int(number) for number in version.split(".")) < (3, 6, 3)
    lines = run("planet-vector", "doctor", env=env).stdout.splitlines()
    told = [line.split()[1] for line in lines if "fetches a product at a signed address whole" in line]
    assert told == (["ogrinfo", "QGIS"] if slow else [])


def test_info_of_what_is_put_together(run: Run, env: Dict[str, str], archive: Path) -> None:
    scene = sorted(archive.glob("*_band_4.tif"))[0].name[: -len("_band_4.tif")]
    done = run("rio", "planet", "info", f"PLANET:landsat/{scene}/band_4,band_3", "--count", env=env)
    assert (done.stdout, done.returncode) == ("2\n", 0), done.stderr
