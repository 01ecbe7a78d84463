"""Programs that end without closing what they opened: Python takes its own things apart, and GDAL's are among them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import Service

# What refers to the program's own names is collected at the very end, the dataset and what GDAL calls in any order.
REFERRED_TO = """
import planet_vector, rasterio
from planet_vector.raster import remote_file
from rasterio.vrt import WarpedVRT
read = remote_file.RemoteFile.read
def counted(*args, **kwargs):
    return read(*args, **kwargs)
remote_file.RemoteFile.read = counted
scene = next(iter(planet_vector.search("PLANET:ortho")))
"""

LEFT_OPEN = {
    "product": "left = planet_vector.open(f'PLANET:ortho/{scene.id}/visual')",
    "mosaic": "left = planet_vector.mosaic('PLANET:ortho?limit=2')",
    "warped": "left = WarpedVRT(planet_vector.open(f'PLANET:ortho/{scene.id}/visual'), crs='EPSG:4326')",
}


@pytest.mark.parametrize("what", LEFT_OPEN)
def test_a_program_that_closes_nothing_ends_as_it_should(service: Service, what: str) -> None:
    """Without what mounting keeps for good, the mosaic ends in a segmentation fault five times out of six."""
    program = f"{REFERRED_TO}\n{LEFT_OPEN[what]}\nprint(left.read(1, out_shape=(8, 8)).shape)\n"
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-X", "faulthandler", "-W", "ignore", "-c", program],
            env=service.environ,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "(8, 8)\n", "")
