"""Activation that mosaics, crops and opened products ask for explicitly, and never imply."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, List, NamedTuple

import numpy as np
import pytest

import planet_vector
from planet_vector.errors import RasterAccessError
from planet_vector.raster import activation
from planet_vector.scene import Scene

from ..conftest import Start
from ..faces import DATA_V1

rasterio = pytest.importorskip("rasterio")
from .clear_ground import LOWER, UPPER, ClearGround, make  # noqa: E402


class Inactive(NamedTuple):
    """A service whose assets are inactive until they are activated."""

    ground: ClearGround

    def activations(self) -> int:
        """Return the number of requests for activations, by the counter of the service."""
        return self.ground.service.count("data_api.activate")

    def scenes(self) -> List[Scene]:
        return [planet_vector.connect().scene("PSScene", each) for each in (LOWER, UPPER)]


@pytest.fixture
def inactive(start_service: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inactive:
    make(tmp_path / "archive")
    service = start_service(tmp_path / "archive", "--activation-delay", "0.1")
    ground = ClearGround(tmp_path / "archive", service)
    monkeypatch.setenv("PL_API_URL", service.root)
    monkeypatch.setenv("PL_API_KEY", service.key)
    monkeypatch.setattr(activation, "POLL", 0.05)
    return Inactive(ground)


@pytest.mark.parametrize("face", [DATA_V1], ids=["data_v1"], indirect=True)
def test_products_are_activated_only_if_asked_for(inactive: Inactive, tmp_path: Path, call: Callable[..., Any]) -> None:
    product, output = "ortho_analytic_4b", tmp_path / "crops"
    reads: List[Callable[..., Any]] = [
        lambda **more: planet_vector.open(f"PLANET:PSScene/{LOWER}/{product}", mask="clouds", **more).close(),
        lambda **more: planet_vector.mosaic(inactive.scenes(), product=product, mask="clouds", **more).close(),
        lambda **more: planet_vector.crop_stack(
            inactive.scenes(), output, product=product, mask="clouds", overwrite=True, **more
        ),
    ]
    for read in reads:
        with pytest.raises(RasterAccessError, match="planet-vector activate"):
            read()
    assert inactive.activations() == 0
    told: List[Any] = []
    reads[0](activate=lambda done, total: told.append((done, total)))
    assert told[-1] == (2, 2)  # the product and its mask
    assert inactive.activations() == 2
    with pytest.raises(RasterAccessError, match="planet-vector activate"):
        reads[1]()  # the other scene is inactive still
    reads[1](activate=True)
    assert inactive.activations() == 4
    reads[2]()
    # Commands.
    area = "15.002,47.8508,15.004,47.8524"
    one = tmp_path / "one.tif"
    name = f"PLANET:PSScene/{LOWER}/ortho_visual"
    done = call("crop", name, "--bbox", area, "-o", str(one))
    assert done.returncode != 0 and "planet-vector activate" in done.stderr
    done = call("crop", name, "--bbox", area, "-o", str(one), "--activate")
    assert done.returncode == 0, done.stderr
    done = call("crop", LOWER, UPPER, "-s", "PSScene", "--bbox", area, "--product", "ortho_visual",
                "-o", str(output), "--activate")  # fmt: skip
    assert done.returncode == 0, done.stderr
    with rasterio.open(one) as dataset, rasterio.open(output / f"{LOWER}_ortho_visual_crop.tif") as crop:
        assert np.array_equal(dataset.read(), crop.read())
    assert inactive.activations() == 6
    inactive.ground.service.to_activate = 6
