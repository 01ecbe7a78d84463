"""The demo does the main job, on the small sample, and leaves nothing running."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Callable

from PIL import Image

from tests.conftest import HAS_FIONA, ROOT


def test_the_demo(run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    for program in (ROOT / "demo").glob("*.py"):
        shutil.copy(program, folder)
    done = run(sys.executable, str(folder / "main_job.py"), "small", timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (done.stderr, "Traceback" in done.stdout) == ("", False)

    # Every way finds the same scenes.
    by_fio = re.search(r"fio info .*\n.*\n\s+(\d+)\n", done.stdout)
    by_geopandas = re.search(r"km² in (\d+) footprints", done.stdout)
    assert by_geopandas and by_geopandas[1] != "0"
    assert by_fio and by_fio[1] == by_geopandas[1] if HAS_FIONA else "fiona has no wheel" in done.stdout

    picture = Image.open(folder / "quicklook.png").convert("RGB")
    assert picture.width > 1000
    assert len(picture.getcolors(2**24) or []) > 10_000, "a picture of land has many colours"

    address = re.search(r"http://127\.0\.0\.1:(\d+)/v0/", done.stdout)
    assert address
    gone = run("planet-vector", "types", "--api-url", address.group())
    assert "connection" in gone.stderr
