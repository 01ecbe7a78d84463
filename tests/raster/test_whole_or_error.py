"""What is read of several files is right to the pixel, or an error: at every fault, in every way of reading.

A fault comes after a dataset has been opened, at the service's own address or at the store that it leads to. What is
read then is compared with what was read without a fault, which other tests compare with the archive's files.

How each way bore each fault is printed as a table at the end of a run: all of it by

    python -m pytest tests/raster/test_whole_or_error.py -m "long or not long"
"""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Callable, ContextManager, Dict, Iterator, List, Sequence, Tuple

import numpy as np
import pytest

import planet_vector
from planet_vector import rasters
from planet_vector.errors import PlanetVectorError

from ..conftest import BORNE, Service, Start
from ..faces import NO_INDEX, NO_NAMES

rasterio = pytest.importorskip("rasterio")
import rasterio.shutil as rasterio_shutil  # noqa: E402
from rasterio.vrt import WarpedVRT  # noqa: E402
from rasterio.windows import Window  # noqa: E402

from planet_vector.pixels.rasterio_errors import RASTER_ERRORS  # noqa: E402
from planet_vector.raster import gdal_options, remote_file  # noqa: E402
from planet_vector.raster.session import PlanetSession  # noqa: E402

FAULTS = {
    "403 once": "times: 1, status: 403",
    "401": "status: 401",
    "404": "status: 404",
    "no ranges": "status: 200",
    "reset": "reset: true",
    "cut off": "truncate: 1000",
    "half": "corrupt: true",
}
# rasterio's copy of a dataset of its own raises SystemError where GDAL has told it nothing.
ERRORS = (PlanetVectorError, *RASTER_ERRORS, SystemError)

# odc-geo calls it, for cubes.
pytestmark = pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")

planet_vector.register()  # before any test, as rasterio registers its drivers once

SEARCH = "PLANET:ortho?order_by=acquired+desc&limit=3"


class Delivery:
    """A service that delivers in one way, and where something can go wrong there."""

    def __init__(self, name: str, service: Service, faults: Path) -> None:
        self.name = name
        self.service = service
        self._faults = faults

    @property
    def places(self) -> List[str]:
        return [place for place in self.service.face.faults if place != "store" or self.name == "signed"]

    def go_wrong(self, place: str, fault: str, skip: int = 0) -> None:
        paths = self.service.face.faults[place]
        self._faults.write_text("".join(f'- {{path: "{path}", skip: {skip}, {fault}}}\n' for path in paths))

    def go_well(self) -> None:
        self._faults.write_text("[]\n")


@pytest.fixture(scope="module", params=["direct", "signed"])
def delivery(request: Any, start_service: Start, archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    faults = tmp_path_factory.mktemp("faults") / "faults.yml"
    faults.write_text("[]\n")
    mosaics = faults.with_name("mosaics.yml")
    mosaics.write_text("- {name: clear, filter: {cloud_cover.estimated.lte: 40}}\n")
    options = ["--faults", str(faults), "--rescan", "0", "--mosaics", str(mosaics)]
    service = start_service(archive, *options, "--redirect", "signed" if request.param == "signed" else "none")
    yield Delivery(request.param, service, faults)
    service.stop()


@pytest.fixture
def at(delivery: Delivery, monkeypatch: pytest.MonkeyPatch) -> Delivery:
    monkeypatch.setenv("PL_API_URL", delivery.service.root)
    monkeypatch.setenv("PL_API_KEY", delivery.service.key)
    # A retry of GDAL's takes a second, and there are many here; that it retries is tested elsewhere.
    monkeypatch.setitem(gdal_options.READING, "GDAL_HTTP_MAX_RETRY", "0")  # type: ignore[index]
    # What comes with the header is held while a mosaic is open: of these small files it would be all.
    monkeypatch.setitem(gdal_options.READING, "GDAL_INGESTED_BYTES_AT_OPEN", "4096")  # type: ignore[index]
    delivery.go_well()
    return delivery


def warped(dataset: Any) -> Any:
    with WarpedVRT(dataset, crs="EPSG:3857") as other:
        return other.read()


def copied(dataset: Any) -> Any:
    with tempfile.TemporaryDirectory() as directory:
        path = str(Path(directory) / "copy.tif")
        rasterio_shutil.copy(dataset, path, driver="GTiff")
        with rasterio.open(path) as copy:
            return copy.read()


def statistics(dataset: Any) -> Any:
    # Without the last digits, which GDAL does not keep for the next time.
    if hasattr(dataset, "stats"):  # rasterio 1.4 and later
        return np.array([(band.min, band.max, band.mean, band.std) for band in dataset.stats()]).round(6)
    found = dataset.statistics(1, approx=False, clear_cache=True)
    return np.array([found.min, found.max, found.mean, found.std]).round(6)


def bands() -> Any:
    scene = planet_vector.search("PLANET:landsat")[0].id
    return rasters.open_product(f"PLANET:landsat/{scene}/band_4,band_3")


Open = Callable[[Path], ContextManager[Any]]
Read = Callable[[Any], Any]
OPENED: Dict[str, Open] = {
    "product": lambda folder: planet_vector.open(f"PLANET:ortho/{planet_vector.search(SEARCH)[0].id}/visual"),
    "mosaic": lambda folder: planet_vector.mosaic(SEARCH),
    "mosaic of one": lambda folder: planet_vector.mosaic(SEARCH.replace("limit=3", "limit=1")),
    "bands": lambda folder: bands(),
}
READS: Dict[str, Read] = {
    "read": lambda dataset: dataset.read(),
    "smaller": lambda dataset: dataset.read(out_shape=(dataset.count, dataset.height // 5, dataset.width // 5)),
    "masked": lambda dataset: dataset.read(masked=True).filled(0),
    "masks": lambda dataset: dataset.read_masks(),
    "mask": lambda dataset: dataset.dataset_mask(),
    "warped": warped,
    "checksum": lambda dataset: np.array([dataset.checksum(band) for band in dataset.indexes]),
    "statistics": statistics,
    "copy": copied,
}


def stacked() -> Any:
    """Return the ground that two scenes share."""
    stacks = planet_vector.find_stacks(planet_vector.search("PLANET:ortho?limit=40"))
    return max(stacks, key=lambda stack: stack.depth)


def cropped(folder: Path) -> Any:
    from planet_vector.raster.geotiff import write_geotiff

    path = folder / "crop.tif"
    with OPENED["product"](folder) as dataset:
        write_geotiff(dataset, path, Window(20, 20, 200, 200))
    with rasterio.open(path) as dataset:
        return dataset.read()


def stack_cropped(folder: Path) -> Any:
    crops = planet_vector.crop_stack(stacked(), folder / "crops", overwrite=True)
    parts = []
    for crop in crops:
        assert crop.path is not None
        with rasterio.open(crop.path) as dataset:
            parts.append(dataset.read())
    return np.array(parts)


def cube(folder: Path) -> Any:
    pytest.importorskip("odc.stac")
    return planet_vector.to_xarray(stacked()).to_array().to_numpy()


def quads(folder: Path) -> Any:
    scene = planet_vector.search(Service.face.spell(SEARCH.replace("?", "?cloud_cover.estimated.lte=40&")))[0]
    box = ",".join(map(str, scene.footprint.bounds))
    with planet_vector.open(f"PLANET:basemaps/clear?bbox={box}") as dataset:
        return dataset.read(window=Window(dataset.width // 2, dataset.height // 2, 300, 300))


def by_index(folder: Path) -> Any:
    """Read the newest scene of the search by GDAL's tile index."""
    scene = planet_vector.search(SEARCH)[0]
    day = f"acquired.gte={scene.acquired:%Y-%m-%dT%H:%M:%S}Z&limit=1"
    with rasterio.Env(session=PlanetSession()), rasterio.open(f"GTI:PLANET:ortho?{day}") as dataset:
        return dataset.read()


MADE: Dict[str, Callable[[Path], Any]] = {
    "crop": cropped,
    "crop of a stack": stack_cropped,
    "cube": cube,
    "quads": quads,
    "GTI:": by_index,
}
"""What opens what it reads by itself: there the fault comes before, or after some requests."""
MADE_WAYS = [pytest.param(way, marks=pytest.mark.only_v0(NO_INDEX) if way == "GTI:" else ()) for way in MADE]

LEAVES_OUT = tuple(int(part) for part in rasterio.__gdal_version__.split(".")[:2]) < (3, 12)
"""Whether GDAL's tile index leaves out a scene that cannot be opened, and only logs it (docs/compatibility.md)."""


@pytest.fixture(scope="module")
def right() -> Dict[Tuple[str, str], Any]:
    """What was read without a fault, by how it was opened and read: the same for each delivery."""
    return {}


@pytest.mark.parametrize("way", list(OPENED))
@pytest.mark.parametrize("reading", ["read", "masks", "warped"])
def test_a_fault_is_an_error_or_nothing(
    reading: str, way: str, at: Delivery, right: Dict[Tuple[str, str], Any], tmp_path: Path
) -> None:
    for place, fault in itertools.product(at.places, ("403 once", "401", "half")):
        check(way, reading, place, fault, at, right, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("way", list(OPENED))
@pytest.mark.parametrize("reading", list(READS))
def test_every_fault_is_an_error_or_nothing(
    reading: str, way: str, at: Delivery, right: Dict[Tuple[str, str], Any], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for place, fault in itertools.product(at.places, FAULTS):
        check(way, reading, place, fault, at, right, tmp_path)


def check(
    way: str, reading: str, place: str, fault: str, at: Delivery, right: Dict[Tuple[str, str], Any], folder: Path
) -> None:
    """Read through a fault, and once more when it is over."""
    read = READS[reading]
    if (way, reading) not in right:
        with OPENED[way](folder) as dataset:
            right[way, reading] = read(dataset)
    expected = right[way, reading]
    assert expected.any()
    with OPENED[way](folder) as dataset:
        remote_file.kept.clear()  # what came with the header is asked for again
        at.go_wrong(place, FAULTS[fault])
        try:
            found = read(dataset)
        except ERRORS as error:
            outcome = "error"
            assert at.service.key not in str(error)
            assert "Signature=" not in str(error).replace("Signature=…", "")
        else:
            assert np.array_equal(found, expected), (way, reading, place, fault)
            outcome = "equal"
        told(way, reading, at, place, fault, outcome)
        at.go_well()
        # What failed once is not remembered as a place without data.
        with contextlib.suppress(*ERRORS):
            assert np.array_equal(read(dataset), expected), (way, reading, place, fault, "again")


def told(way: str, reading: str, at: Delivery, place: str, fault: str, outcome: str) -> None:
    """Put a line into the table that is printed at the end."""
    BORNE.append(f"{way:18} {reading:11} {at.name:7} {fault:10} of the {place:8} {outcome}")


OTHER_PROGRAM = """
import sys
import numpy as np
import rasterio
from planet_vector import rasters
from planet_vector.raster import gdal_options
from planet_vector.raster.session import PlanetSession
gdal_options.READING["GDAL_HTTP_MAX_RETRY"] = "0"
try:
    with rasterio.Env(session=PlanetSession()), rasterio.open(sys.argv[1]) as dataset:
        found = dataset.read()
except Exception as error:
    print("error", error)
else:
    print("equal" if np.array_equal(found, np.load(sys.argv[2])) else "OTHER PIXELS")
"""


@pytest.mark.only_v0(NO_NAMES)
@pytest.mark.parametrize("fault", ["403 once", "401", pytest.param("half", marks=pytest.mark.long),
                                   pytest.param("reset", marks=pytest.mark.long)])  # fmt: skip
def test_another_program_reads_a_saved_mosaic_whole_or_not(fault: str, at: Delivery, tmp_path: Path) -> None:
    path, expected = tmp_path / "saved.vrt", tmp_path / "expected.npy"
    with planet_vector.mosaic(SEARCH) as dataset:
        dataset.save_vrt(path)
        np.save(expected, dataset.read())
    command = [sys.executable, "-c", OTHER_PROGRAM, str(path), str(expected)]
    environ = {**os.environ, "PL_API_URL": at.service.root, "PL_API_KEY": at.service.key}
    for place in (*at.places, None):
        if place is not None:
            at.go_wrong(place, FAULTS[fault])
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120)
        at.go_well()
        outcome = done.stdout.split(" ")[0].strip()
        assert outcome == "equal" or (outcome == "error" and place is not None), done.stdout + done.stderr
        assert at.service.key not in done.stdout + done.stderr
        if place is not None:
            told("saved mosaic", "read", at, place, fault, outcome)


@pytest.mark.parametrize("way", MADE_WAYS)
def test_what_is_made_through_a_fault_is_whole_or_not_made(
    way: str, at: Delivery, right: Dict[Tuple[str, str], Any], tmp_path: Path
) -> None:
    make(way, ("403 once", "half"), (0,), at, right, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("way", MADE_WAYS)
def test_what_is_made_through_every_fault_is_whole_or_not_made(
    way: str, at: Delivery, right: Dict[Tuple[str, str], Any], tmp_path: Path
) -> None:
    make(way, tuple(FAULTS), (0, 1, 3), at, right, tmp_path)


def make(
    way: str, faults: Sequence[str], skips: Sequence[int], at: Delivery, right: Dict[Tuple[str, str], Any], folder: Path
) -> None:
    if (way, "") not in right:
        right[way, ""] = MADE[way](folder)
    expected = right[way, ""]
    assert expected.any()
    for place, fault, skip in itertools.product(at.places, faults, skips):
        at.go_wrong(place, FAULTS[fault], skip)
        try:
            found = MADE[way](folder)
        except (PlanetVectorError, *RASTER_ERRORS) as error:
            outcome = "error"
            assert at.service.key not in str(error)
            assert "Signature=" not in str(error).replace("Signature=…", "")
        else:
            outcome = "equal" if np.array_equal(found, expected) else "left out, and logged"
            assert outcome == "equal" or (way == "GTI:" and LEAVES_OUT and not found.any()), (way, place, fault, skip)
        finally:
            at.go_well()
        told(way, f"after {skip}", at, place, fault, outcome)
    assert np.array_equal(MADE[way](folder), expected), "what failed is remembered"


@contextlib.contextmanager
def ended_before(value: str) -> Iterator[None]:
    with rasterio.Env(CPL_VSIL_CURL_USE_HEAD=value):
        pass
    yield


ENVS: Dict[str, Callable[[str], ContextManager[Any]]] = {
    "inside": lambda value: rasterio.Env(CPL_VSIL_CURL_USE_HEAD=value),
    "after": ended_before,
}


@pytest.mark.parametrize("value", ["NO", "YES"])
@pytest.mark.parametrize("opened", ["before", "within"])
@pytest.mark.parametrize("env", list(ENVS))
def test_what_a_program_sets_for_itself_changes_nothing(
    env: str, opened: str, value: str, at: Delivery, right: Dict[Tuple[str, str], Any], tmp_path: Path
) -> None:
    for way in ("mosaic", "mosaic of one", "bands"):
        for reading in ("read", "masks"):
            if (way, reading) not in right:
                with OPENED[way](tmp_path) as dataset:
                    right[way, reading] = READS[reading](dataset)
            with contextlib.ExitStack() as stack:
                if opened == "within":
                    stack.enter_context(ENVS[env](value))
                dataset = stack.enter_context(OPENED[way](tmp_path))
                if opened == "before":
                    stack.enter_context(ENVS[env](value))
                assert np.array_equal(READS[reading](dataset), right[way, reading]), (way, reading)
