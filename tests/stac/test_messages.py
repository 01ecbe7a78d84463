"""Messages of GDAL about STAC: names begin as these do."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import planet_vector
from tests.stac.conftest import Start
from tests.stac_server import make_items

pyogrio = pytest.importorskip("pyogrio")
planet_vector.register()


@pytest.mark.parametrize(
    "name", ["STAC:nosuchconnection/scenes", "STAC:test/scenes?nosuch=1", "STAC:test/scenes/nosuch"]
)
def test_an_error_of_opening_has_the_prefix_of_the_name(start_stac: Start, name: str) -> None:
    start_stac(make_items(6))
    with pytest.raises(Exception, match="STAC:.* ") as caught:
        pyogrio.raw.read(name)
    assert str(caught.value).startswith("STAC: ") and "PLANET:" not in str(caught.value)


def test_an_error_of_reading_has_the_prefix_of_the_name(start_stac: Start) -> None:
    server = start_stac(make_items(600), fault="next loops")
    with pytest.raises(Exception, match="repeat|circle") as caught:
        pyogrio.raw.read("STAC:test/scenes")
    assert str(caught.value).startswith("STAC: "), server.url


def test_names_of_the_other_driver_keep_theirs_in_the_same_process() -> None:
    code = (
        "import planet_vector, pyogrio; planet_vector.register()\n"
        "for name in ('STAC:nosuch/x', 'PLANET:ortho?connection=nosuch', 'STAC:nosuch/x'):\n"
        "    try: pyogrio.raw.read(name)\n"
        "    except Exception as error: print(str(error).partition(' ')[0])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ}, timeout=120)
    assert done.stdout.split() == ["STAC:", "PLANET:", "STAC:"], done.stderr
