"""What is read of several files is right to the pixel, or an error: at every fault, in every way of reading.

A fault comes after a dataset has been opened, at the service's own address or at the store that it leads to. What is
read then is compared with what was read without a fault, which other tests compare with the archive's files.
"""

from __future__ import annotations

import contextlib
import itertools
from pathlib import Path
from typing import Any, Callable, ContextManager, Dict, Iterator, List, Tuple

import numpy as np
import pytest

import planet_vector
from planet_vector import raster
from planet_vector.errors import PlanetVectorError

from ..conftest import Service, Start

rasterio = pytest.importorskip("rasterio")
from rasterio.errors import RasterioIOError  # noqa: E402
from rasterio.vrt import WarpedVRT  # noqa: E402

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
PLACES = {"service": "*/full", "store": "*.tif"}

SEARCH = "PLANET:ortho?order_by=acquired+desc&limit=3"

outcomes: List[Tuple[str, str, str, str]] = []
"""How each way of opening and reading bore each fault."""


class Delivery:
    """A service that delivers in one way, and where something can go wrong there."""

    def __init__(self, service: Service, faults: Path, places: List[str]) -> None:
        self.service = service
        self.places = places
        self._faults = faults

    def go_wrong(self, place: str, fault: str) -> None:
        self._faults.write_text(f'- {{path: "{place}", {fault}}}\n')

    def go_well(self) -> None:
        self._faults.write_text("[]\n")


@pytest.fixture(scope="module", params=["direct", "signed"])
def delivery(request: Any, start_service: Start, archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    faults = tmp_path_factory.mktemp("faults") / "faults.yml"
    faults.write_text("[]\n")
    options = ["--faults", str(faults), "--rescan", "0"]
    service = start_service(archive, *options, "--redirect", "signed" if request.param == "signed" else "none")
    yield Delivery(service, faults, list(PLACES) if request.param == "signed" else ["service"])
    service.stop()


@pytest.fixture
def at(delivery: Delivery, monkeypatch: pytest.MonkeyPatch) -> Delivery:
    monkeypatch.setenv("PL_API_URL", delivery.service.url)
    monkeypatch.setenv("PL_API_KEY", delivery.service.key)
    # A retry of GDAL's takes a second, and there are many here; that it retries is tested elsewhere.
    monkeypatch.setitem(raster.options.READING, "GDAL_HTTP_MAX_RETRY", "0")  # type: ignore[index]
    delivery.go_well()
    return delivery


def warped(dataset: Any) -> Any:
    with WarpedVRT(dataset, crs="EPSG:3857") as other:
        return other.read()


@contextlib.contextmanager
def saved(tmp_path: Path) -> Iterator[Any]:
    path = tmp_path / "saved.vrt"
    with planet_vector.mosaic(SEARCH) as dataset:
        dataset.save_vrt(path)
    with rasterio.Env(session=PlanetSession()), rasterio.open(path) as dataset:
        yield dataset


def bands() -> Any:
    scene = next(planet_vector.search("PLANET:landsat")).id
    return raster.open_product(f"PLANET:landsat/{scene}/band_4,band_3")


Open = Callable[[Path], ContextManager[Any]]
Read = Callable[[Any], Any]
OPENED: Dict[str, Open] = {
    "mosaic": lambda folder: planet_vector.mosaic(SEARCH),
    "mosaic of one": lambda folder: planet_vector.mosaic(SEARCH.replace("limit=3", "limit=1")),
    "bands": lambda folder: bands(),
    "saved mosaic": saved,
}
READS: Dict[str, Read] = {
    "read": lambda dataset: dataset.read(),
    "smaller": lambda dataset: dataset.read(out_shape=(dataset.count, dataset.height // 5, dataset.width // 5)),
    "masked": lambda dataset: dataset.read(masked=True).filled(0),
    "masks": lambda dataset: dataset.read_masks(),
    "mask": lambda dataset: dataset.dataset_mask(),
    "warped": warped,
}


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
        at.go_wrong(PLACES[place], FAULTS[fault])
        try:
            found = read(dataset)
        except (PlanetVectorError, RasterioIOError) as error:
            outcome = "error"
            assert at.service.key not in str(error)
            assert "Signature=" not in str(error).replace("Signature=…", "")
        else:
            assert np.array_equal(found, expected), (way, reading, place, fault)
            outcome = "equal"
        outcomes.append((way, reading, f"{fault} of the {place}", outcome))
        at.go_well()
        # What failed once is not remembered as a place without data.
        with contextlib.suppress(PlanetVectorError, RasterioIOError):
            assert np.array_equal(read(dataset), expected), (way, reading, place, fault, "again")


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
