"""Sessions: the key in force for its own hosts, in rasterio and fiona, and in stock programs by a file."""

from __future__ import annotations

import gc
import os
import stat
import sys
import warnings
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest

from planet_vector.config import Settings
from planet_vector.errors import ConfigError
from planet_vector.keys import Key
from planet_vector.raster import path_options
from planet_vector.raster.credential_files import config_file, forget, prefixes

from ..conftest import Service
from .recording import Pair, Recorder, ranged

rasterio = pytest.importorskip("rasterio")
from planet_vector.raster.session import PlanetSession  # noqa: E402


@pytest.mark.parametrize("case", ["direct", "signed", "moved"])
def test_a_product_link_opens_in_an_env_and_other_hosts_are_sent_nothing(
    case: str, pair: Pair, geotiff: Path, window: Callable[[Path], Any]
) -> None:
    other = Recorder(lambda request: ranged(request, pair.data))
    try:
        with rasterio.Env(session=PlanetSession(pair.root, pair.key)):
            with rasterio.open(f"/vsicurl/{pair.link(case)}", driver="GTiff") as dataset:
                pixels = dataset.read(window=rasterio.windows.Window(300, 200, 512, 512))
            with rasterio.open(f"/vsicurl/{other.url}/scene.tif", driver="GTiff") as dataset:
                dataset.read(1, window=rasterio.windows.Window(0, 0, 10, 10))
    finally:
        other.stop()
    assert np.array_equal(pixels, window(geotiff))
    assert pair.api.with_key and other.seen
    assert not other.with_key and not pair.store.with_key


def test_the_key_is_withdrawn_with_the_session(pair: Pair) -> None:
    with rasterio.Env(session=PlanetSession(pair.root, pair.key)):
        with rasterio.open(f"/vsicurl/{pair.link('direct')}", driver="GTiff"):
            pass
    gc.collect()
    pair.forget()
    with pytest.raises(rasterio.errors.RasterioIOError):
        rasterio.open(f"/vsicurl/{pair.link('within')}", driver="GTiff")
    assert pair.api.seen and not pair.api.with_key


def test_two_sessions_end_one_after_the_other(pair: Pair) -> None:
    first, second = PlanetSession(pair.root, pair.key), PlanetSession(pair.root, pair.key)
    first.get_credential_options()
    second.get_credential_options()
    first.close()
    with rasterio.open(f"/vsicurl/{pair.link('direct')}", driver="GTiff") as dataset:
        assert dataset.count == 4
    second.close()
    with pytest.raises(rasterio.errors.RasterioIOError):
        rasterio.open(f"/vsicurl/{pair.link('within')}", driver="GTiff")


def test_the_key_is_no_option_that_anybody_sees(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    session = PlanetSession(pair.root, pair.key)
    with rasterio.Env(session=session) as env:
        assert pair.key not in repr(session.get_credential_options()) + repr(env.options) + repr(session)
        assert pair.key not in repr(rasterio.env.getenv())
    assert pair.key not in caplog.text


def test_fiona_reads_the_answers_of_the_service(pair: Pair, run: Callable[..., Any]) -> None:
    pytest.importorskip("fiona")
    feature = b'{"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}, "properties": {"a": 3}}'
    pair.data = feature
    # In a process of its own: fiona keeps Python waiting while it opens, and the servers are in this one.
    code = (
        "import sys, fiona\n"
        "from planet_vector.raster.session import FionaPlanetSession\n"
        "with fiona.Env(session=FionaPlanetSession(sys.argv[1], sys.stdin.read())):\n"
        "    with fiona.open(sys.argv[2], driver='GeoJSON') as layer:\n"
        "        print([dict(item['properties']) for item in layer])\n"
    )
    done = run(sys.executable, "-c", code, pair.root, f"/vsicurl/{pair.link('direct')}", input=pair.key)
    assert done.stdout.strip() == "[{'a': 3}]", done.stderr
    assert pair.api.with_key


# ---- stock programs --------------------------------------------------------------------------------------


def test_a_config_file_lets_stock_rio_open_product_links(pair: Pair, run: Callable[..., Any], geotiff: Path) -> None:
    path = config_file(Settings(pair.root, Key(pair.key)))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    env = {**os.environ, "GDAL_CONFIG_FILE": str(path)}
    for case in ("direct", "signed", "moved"):
        done = run("rio", "info", "--shape", f"/vsicurl/{pair.link(case)}", env=env)
        assert done.stdout.split() == ["900", "1500"], done.stderr
    assert not pair.store.with_key
    # Without the file, nothing opens.
    assert run("rio", "info", f"/vsicurl/{pair.link('direct')}").returncode != 0


@pytest.mark.only_v0("a link of the Data API leads to the state of an asset, which a program must request first")
def test_the_environment_of_a_shell_opens_links_and_subdatasets_in_every_build(
    connected: Service, archive: Path, run: Callable[..., Any]
) -> None:
    """``eval "$(planet-vector env)"`` is enough for stock programs; in GDAL 3.6 for the products of a scene."""
    scene = sorted(archive.glob("*_visual.tif"))[0].name[: -len("_visual.tif")]
    link = f"/vsicurl/{connected.url}scenes/ortho/{scene}/full?product=visual"
    shell = 'eval "$(planet-vector env)"; test -f "$GDAL_CONFIG_FILE"; '
    done = run("bash", "-ec", f"{shell} rio info --count '{link}'; gdalinfo PLANET:ortho/{scene}", env=dict(os.environ))
    assert done.stdout.startswith("4\n"), done.stderr
    name = next(line.partition("=")[2] for line in done.stdout.splitlines() if "SUBDATASET_1_NAME=" in line)
    assert run("bash", "-ec", f"{shell} gdalinfo -checksum '{name}'", env=dict(os.environ)).returncode == 0
    assert connected.key not in done.stdout + done.stderr


def test_a_config_file_leaves_the_user_s_own_rasters_alone(
    connected: Service, run: Callable[..., Any], tmp_path: Path
) -> None:
    """A shell that knows the driver still finds the world file beside a picture."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(tmp_path / "own.tif", "w", driver="GTiff", width=4, height=4, count=1, dtype="uint8") as own:
            own.write(np.ones((1, 4, 4), "uint8"))
    (tmp_path / "own.tfw").write_text("10\n0\n0\n-10\n500005\n4000005\n")
    shell = 'eval "$(planet-vector env)"; test -f "$GDAL_CONFIG_FILE"; '
    for program in ("gdalinfo", "rio info --bounds"):
        done = run("bash", "-ec", f"{shell} {program} '{tmp_path / 'own.tif'}'", env=dict(os.environ))
        assert "500000" in done.stdout, done.stderr


def test_the_files_go_with_the_key(pair: Pair) -> None:
    settings = Settings(pair.root, Key(pair.key))
    path = config_file(settings)
    assert pair.key in path.read_text()
    forget(settings)
    assert not path.exists()


def test_without_a_key_there_is_nothing_to_write(pair: Pair) -> None:
    with pytest.raises(ConfigError, match="PL_API_KEY"):
        config_file(Settings(pair.root))


def test_the_key_of_planet_com_is_for_its_hosts_and_not_for_one_that_begins_alike() -> None:
    found = prefixes(Settings("https://api.planet.com/data/v1/", Key("x")))
    assert "/vsicurl/https://api.planet.com/" in found and "/vsicurl/https://view.planet.com/" in found
    assert all(prefix.endswith(".planet.com/") for prefix in found)
    beside = prefixes(Settings("https://api.planet.com/v0/", Key("x")))  # of another root of the origin
    assert beside == ["/vsicurl/https://api.planet.com/v0/"]
    assert prefixes(Settings("http://127.0.0.1:8000/v0/", Key("x"))) == ["/vsicurl/http://127.0.0.1:8000/"]


def test_on_windows_the_dll_of_gdal_lies_beside_the_package_or_in_conda(tmp_path: Path) -> None:
    """A module there leads to no symbol of the libraries it uses. The layouts are those of wheels and of conda."""
    packages, prefix = tmp_path / "Lib" / "site-packages", tmp_path
    for package in ("rasterio", "fiona"):
        (packages / package).mkdir(parents=True)
        (packages / f"{package}.libs").mkdir()
        for name in ("geos_c-1d7a.dll", f"gdal-06c8{package}.dll", "libcurl-f27f.dll"):
            (packages / f"{package}.libs" / name).touch()
    (prefix / "Library" / "bin").mkdir(parents=True)
    (prefix / "Library" / "bin" / "gdal.dll").touch()
    for package in ("rasterio", "fiona"):
        found = path_options._dll(packages / package / "_env.cp311-win_amd64.pyd", prefix)
        assert found == packages / f"{package}.libs" / f"gdal-06c8{package}.dll"
    alone = packages / "other" / "_env.cp311-win_amd64.pyd"
    assert path_options._dll(alone, prefix) == prefix / "Library" / "bin" / "gdal.dll"
    assert path_options._dll(alone, tmp_path / "elsewhere") == alone  # then loading says what is missing


def test_without_fiona_its_session_says_so(run: Callable[..., Any]) -> None:
    code = "import sys; sys.modules['fiona'] = None; from planet_vector.raster.session import FionaPlanetSession"
    done = run(sys.executable, "-c", code)
    assert done.returncode == 1 and "FionaPlanetSession needs fiona, which is not installed" in done.stderr
