"""``planet-vector overviews``: what it prints opens in any GDAL, and draws from afar without the service."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Iterator, List, NamedTuple

import numpy as np
import pytest

from planet_vector.user_folders import user_directory
from tests.conftest import Service, Start

rasterio = pytest.importorskip("rasterio")

Run = Callable[..., "subprocess.CompletedProcess[str]"]

WIDTH, HEIGHT = 130, 4100  # the least that is reduced by four


class Watched(NamedTuple):
    """A service, and its log."""

    service: Service
    log: Path

    def asked(self) -> int:
        """Return how many requests for files there were."""
        time.sleep(0.1)  # the log is written behind the answers
        return len(re.findall(r'"GET [^"]*/full', self.log.read_text()))


@pytest.fixture(scope="module")
def watched(start_service: Start, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("tall")
    rng = np.random.default_rng(4)
    for name, layout in {
        "strips": {"blockysize": 1, "compress": "lzw", "interleave": "pixel"},
        "tiles": {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "lzw"},
        "levels": {"blockysize": 1},
        "small": {"blockysize": 1},
    }.items():
        height = 300 if name == "small" else HEIGHT
        place = rasterio.transform.from_origin(413595.6, 5718319.8, 3.0, 3.0)
        with rasterio.open(folder / f"{name}.tif", "w", driver="GTiff", width=WIDTH, height=height, count=3,
                           dtype="uint16", crs="EPSG:32611", transform=place, **layout) as dataset:  # fmt: skip
            dataset.write(rng.integers(0, 4000, (3, height, WIDTH)).astype("uint16"))
            if name == "levels":
                dataset.build_overviews([2, 4, 8])
    log = folder.parent / "access.log"
    log.touch()
    service = start_service(folder, "--access-log", str(log))
    yield Watched(service, log)
    service.stop()


@pytest.fixture
def cli(watched: Watched, call: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that calls planet-vector in an empty folder."""
    monkeypatch.setenv("PL_API_URL", watched.service.url)
    monkeypatch.setenv("PL_API_KEY", watched.service.key)
    monkeypatch.chdir(tmp_path)
    return call


def products(watched: Watched, name: str) -> str:
    import planet_vector

    scene = planet_vector.connect(watched.service.url, watched.service.key).scene("ortho", name)
    return f"PLANET:ortho/{name}/{scene.products[0]}"


def kept() -> Path:
    return user_directory("cache") / "overviews"


def levels(cli: Run, name: str) -> List[int]:
    """Return the scales of the overviews that GDAL finds by the printed name of a product."""
    with rasterio.open(cli("open", name).stdout.strip()) as dataset:
        return list(dataset.overviews(1))


def test_what_is_printed_opens_in_gdal_and_is_the_file(cli: Run, watched: Watched, tmp_path: Path) -> None:
    name = products(watched, "strips")
    done = cli("overviews", name)
    assert done.returncode == 0 and "they are made" in done.stderr
    (path,) = done.stdout.splitlines()
    assert Path(path).suffix == ".vrt" and cli("open", name).stdout == done.stdout
    before = watched.asked()
    with rasterio.open(path) as here, rasterio.open(watched.service.archive / "strips.tif") as file:
        shape = 3, HEIGHT // 4, -(-WIDTH // 4)
        assert here.overviews(1)[0] == 4
        assert np.array_equal(here.read(out_shape=shape), file.read(out_shape=shape))
        assert watched.asked() == before
        assert np.array_equal(here.read(), file.read())
    if shutil.which("gdal_translate"):  # of the distribution
        small = tmp_path / "small.tif"
        subprocess.run(["gdal_translate", "-q", "-outsize", "33", "1025", path, str(small)], check=True)
        with rasterio.open(small) as there, rasterio.open(watched.service.archive / "strips.tif") as file:
            assert np.array_equal(there.read(), file.read(out_shape=(3, 1025, 33)))
    # Again nothing is fetched but a word with the service.
    before = watched.asked()
    again = cli("overviews", name)
    assert again.stdout == done.stdout and again.stderr == "" and watched.asked() <= before + 6
    cleared = cli("cache", "clear")
    assert "overviews of 1 products" in cleared.stderr and not list(kept().iterdir())
    assert "the VRTs of 1 products" in cleared.stderr and not Path(path).exists()
    assert levels(cli, name) == []


@pytest.mark.parametrize(("name", "said"), [("levels", "has overviews of its own"), ("small", "is small enough")])
def test_what_needs_none_is_told_and_named(cli: Run, watched: Watched, name: str, said: str) -> None:
    done = cli("overviews", products(watched, name))
    assert done.returncode == 0 and said in done.stderr
    assert done.stdout == cli("open", products(watched, name)).stdout
    assert not kept().exists()


def test_most_of_a_large_file_is_fetched_only_when_asked_for(
    cli: Run, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("planet_vector.cli.overviews._UNCONFIRMED_BYTES", 1000)
    name = products(watched, "tiles")
    done = cli("overviews", name)
    assert done.returncode == 1 and done.stdout == "" and "add --yes" in done.stderr
    assert not list(kept().glob("*")) if kept().exists() else True
    assert cli("overviews", "--yes", name).returncode == 0 and len(list(kept().glob("*.tif"))) == 1
    assert cli("overviews", products(watched, "strips")).returncode == 0  # a quarter


def test_several_are_made_and_what_fails_is_told(cli: Run, watched: Watched) -> None:
    names = [products(watched, name) for name in ("strips", "tiles")]
    done = cli("overviews", names[0], "PLANET:ortho/nothing/visual", names[1], "PLANET:ortho/strips/nothing")
    assert done.returncode == 1 and len(done.stdout.splitlines()) == 2
    assert "2 of 4 have no overviews now" in done.stderr and "strips/nothing: " in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="needs a signal")
def test_killed_half_way_it_leaves_none(start_service: Start, watched: Watched, tmp_path: Path, cli: Run) -> None:
    slow = start_service(watched.service.archive, "--latency", "700")
    name = products(watched, "strips")
    environ: Any = {**slow.environ, "PLANET_CONNECTIONS": "1"}
    process = subprocess.Popen([sys.executable, "-m", "planet_vector.cli", "overviews", name], env=environ)
    end = time.monotonic() + 30
    while not list(kept().glob(".making-*/copy.tif")):
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    assert not list(kept().glob("*.tif"))
    slow.stop()
    assert levels(cli, name) == []
    assert cli("overviews", name).returncode == 0 and len(list(kept().glob("*.tif"))) == 1
