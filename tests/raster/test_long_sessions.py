"""Products that stay open longer than their addresses: every way of reading, and files that are replaced meanwhile."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator

import numpy as np
import pytest

from planet_vector.catalog.scenes_v0.client import ScenesV0

from ..conftest import ROOT, Start
from .recording import Answer, Pair, Request, ranged

rasterio = pytest.importorskip("rasterio")
import rasterio.shutil as rasterio_shutil  # noqa: E402
from rasterio.vrt import WarpedVRT  # noqa: E402
from rasterio.windows import Window  # noqa: E402

from planet_vector.raster.product import ProductError, open_link  # noqa: E402

from .long_session import WAYS  # noqa: E402


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a product of 19 MB, more than the 16 MB that GDAL, and this package, keep of what was read."""
    path = tmp_path_factory.mktemp("large") / "large.tif"
    pixels = np.random.default_rng(3).integers(0, 255, (4, 2400, 2000), "uint8")
    pixels[3] = np.where(np.arange(2000) < 100, 0, 255)
    profile = {"driver": "GTiff", "width": 2000, "height": 2400, "count": 4, "dtype": "uint8", "crs": "EPSG:32611"}
    layout = {"interleave": "pixel", "blockysize": 1, "photometric": "RGB", "alpha": "yes"}
    place = rasterio.transform.from_origin(413595.6, 5718319.8, 3.0, 3.0)
    with rasterio.open(path, "w", transform=place, **profile, **layout) as dataset:
        dataset.write(pixels)
    return path


def in_a_long_session(
    renewals: int, large: Path, archive: Path, start_service: Start, directory: Path
) -> Dict[str, str]:
    """Return what came of each way of reading."""
    folder, log = directory / "archive", directory / "access.log"
    shutil.copytree(archive, folder, copy_function=os.link)
    scenes = [path.name[: -len("_visual.tif")] for path in sorted(folder.glob("*_visual.tif"))][: len(WAYS)]
    for scene in scenes:
        (folder / f"{scene}_visual.tif").unlink()
        os.link(large, folder / f"{scene}_visual.tif")
    service = start_service(folder, "--redirect", "signed", "--signature-life", "3", "--access-log", str(log))
    try:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "tests.raster.long_session",
                str(large),
                str(log),
                str(renewals),
                service.face.address,
                *scenes,
            ],
            env={**os.environ, "PL_API_URL": service.root, "PL_API_KEY": service.key, "GDAL_CACHEMAX": "1"},
            capture_output=True,
            text=True,
            timeout=90 + 20 * renewals,
            cwd=ROOT,
        )
    finally:
        service.stop()
    assert done.returncode == 0, done.stderr
    assert "Signature" not in done.stdout + done.stderr and service.key not in done.stdout + done.stderr
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


def test_every_way_of_reading_outlasts_three_addresses(
    large: Path, archive: Path, start_service: Start, tmp_path: Path
) -> None:
    outcomes = in_a_long_session(3, large, archive, start_service, tmp_path)
    assert set(outcomes) == set(WAYS)
    assert {way: outcome for way, outcome in outcomes.items() if not outcome.isdigit() or int(outcome) < 3} == {}


@pytest.mark.long
def test_every_way_of_reading_outlasts_sixty_addresses(
    large: Path, archive: Path, start_service: Start, tmp_path: Path
) -> None:
    outcomes = in_a_long_session(60, large, archive, start_service, tmp_path)
    assert {way: outcome for way, outcome in outcomes.items() if not outcome.isdigit() or int(outcome) < 60} == {}


# ---- one product -----------------------------------------------------------------------------------------


def test_a_window_takes_no_more_requests_than_three(
    pair: Pair, catalog: ScenesV0, geotiff: Path, window: Callable[[Path], Any]
) -> None:
    """One for the link, one for the beginning of the file, one for the window: GDAL itself took four."""
    with open_link(catalog, pair.link("signed"), "signed") as dataset:
        assert np.array_equal(dataset.read(window=Window(300, 200, 512, 512)), window(geotiff))
    assert [request.method for request in pair.api.seen + pair.store.seen] == ["GET"] * 3
    assert not pair.store.with_key


REPLACED = {
    "ETag": {"etag": '"two"'},
    "bytes": {"more": True},
    "Last-Modified": {"etag": "", "modified": "Wed, 21 Oct 2015 07:28:00 GMT"},
    "header": {"etag": "", "other": True},
}
"""What is told of a file that takes the place of another, and the word by which the error names it."""


@pytest.mark.parametrize("way", ["read", "WarpedVRT", "copy"])
@pytest.mark.parametrize("word", REPLACED)
def test_a_replaced_file_is_an_error_that_names_what_changed(
    word: str, way: str, pair: Pair, catalog: ScenesV0, geotiff: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told = REPLACED[word]
    with rasterio.open(geotiff) as dataset:
        profile, pixels = dataset.profile, dataset.read()
    profile.update(transform=rasterio.Affine(3, 0, 500000, 0, -3, 5000000))
    with rasterio.open(tmp_path / "other.tif", "w", **profile) as other:
        other.write(pixels)
    data = (tmp_path / "other.tif").read_bytes()
    assert len(data) == len(pair.data)
    replaced = False

    def answer(request: Request) -> Answer:
        whole = pair.data if not replaced else data + b"more" * ("more" in told)
        status, headers, body = ranged(request, whole, str(told.get("etag", '"one"')) if replaced else '"one"')
        if "etag" in told and not told["etag"]:
            modified = told.get("modified", "") if replaced or "other" in told else "Tue, 20 Oct 2015 07:28:00 GMT"
            headers = {**headers, "ETag": "", "Last-Modified": str(modified)}
        return status, headers, body

    pair.store.answer = answer
    pair.lives = 3.0
    with open_link(catalog, pair.link("signed"), "s1/visual") as dataset:
        replaced = True
        if word == "header":
            time.sleep(3.1)  # no answer tells it: its header is looked at whenever the address is renewed
        target = str(tmp_path / "copy.tif")
        with pytest.raises(Exception if way == "copy" else rasterio.errors.RasterioIOError) as raised:
            if way == "read":
                dataset.read()
            elif way == "WarpedVRT":
                with WarpedVRT(dataset, crs="EPSG:3857") as warped:
                    warped.read()
            else:
                rasterio_shutil.copy(dataset, target, driver="GTiff")
    text = "".join(str(error) for error in chain(raised.value))
    if way == "copy":  # rasterio raises the last of GDAL's errors only, and logs the one before
        text += caplog.text
    assert "s1/visual was replaced while it was open" in text and word in text
    assert "Signature" not in text and pair.key not in text


def chain(error: Any) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("status", [429, 503])
def test_a_store_that_goes_on_to_refuse_is_named_with_its_status_in_time(
    status: int, pair: Pair, catalog: ScenesV0, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("planet_vector.raster.remote_file.BUDGET", 3.0)
    with open_link(catalog, pair.link("signed"), "s1/visual") as dataset:
        pair.store.answer = lambda request: (status, {"Retry-After": "1"}, b"")
        begun = time.monotonic()
        with pytest.raises(ProductError, match=f"s1/visual cannot be read: .*{status}") as raised:
            dataset.read()
        assert time.monotonic() - begun < 15
        pair.store.answer = pair._store
        assert dataset.read(1).shape == (900, 1500)  # what failed is not remembered
    assert "Signature" not in str(raised.value)


def test_a_signature_is_in_no_text(pair: Pair, catalog: ScenesV0, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    with open_link(catalog, pair.link("signed"), "s1/visual") as dataset:
        pair.store.answer = lambda request: (403, {}, b"")
        with pytest.raises(ProductError) as raised:
            dataset.read()
        texts = [repr(dataset), str(dataset), dataset.name, repr(dataset.access), str(raised.value), caplog.text]
        texts += [str(error) for error in chain(raised.value)] + dataset.files
    assert not [text for text in texts if "Signature=" in text and "Signature=…" not in text or pair.key in text]
