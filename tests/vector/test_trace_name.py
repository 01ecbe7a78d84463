"""The way of a name from who gives it to the first request: short, and down only."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import Tuple

import pytest

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def traced() -> Tuple[str, str]:
    """Return what the tool says of a layer and of a raster."""
    command = [sys.executable, str(ROOT / "tools" / "trace_name.py")]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT, env=environ)
    assert done.returncode == 0, done.stderr
    layer, raster = done.stdout.split("raster: ")
    return layer, raster


def test_a_name_is_handed_on_by_few_files(traced: Tuple[str, str]) -> None:
    counts = [int(re.findall(r"(\d+) files on the stack", said)[0]) for said in traced]
    assert counts[0] <= 8 and counts[1] <= 4, traced


def test_no_call_climbs_to_a_higher_layer(traced: Tuple[str, str]) -> None:
    for said in traced:
        assert re.findall(r"(\d+) climbs", said) == ["0"], said
