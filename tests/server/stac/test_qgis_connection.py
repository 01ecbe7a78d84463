"""QGIS's own STAC connection, from 3.40 on, lists collections and items: here, or in a chroot of Debian trixie."""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import List, Optional, Tuple

import pytest

from tests.server.conftest import ROOT, Running

pytestmark = pytest.mark.long

SCRIPT = ROOT / "tests" / "qgis" / "stac_connection.py"


def qgis() -> Optional[Tuple[List[str], Path]]:
    """Return the command that precedes QGIS 3.40 or later, and the folder that is its ``/``; None if there is none."""
    usual = Path(pwd.getpwuid(os.getuid()).pw_dir) / ".cache" / "planet_vector-debian"
    chroot = Path(os.environ.get("CHROOTS", usual)) / "trixie"
    for before, root in (([], Path("/")), (["chroot", str(chroot)], chroot)):
        if before and (os.getuid() != 0 or not (chroot / "usr" / "bin" / "qgis").exists()):
            continue
        query = [*before, "dpkg-query", "-W", "-f", "${Version}", "qgis"]
        if not before and shutil.which("dpkg-query") is None:
            continue
        found = re.match(r"(\d+)\.(\d+)", subprocess.run(query, capture_output=True, text=True).stdout)
        if found and (int(found[1]), int(found[2])) >= (3, 40):
            return before, root
    return None


def test_it_lists_collections_and_items(sample: Running) -> None:
    place = qgis()
    if place is None:
        pytest.skip("needs QGIS 3.40 or later, or a chroot of Debian trixie: make test-debian SUITE=trixie")
    before, root = place
    folder = Path(tempfile.mkdtemp(dir=root / "var" / "tmp"))
    try:
        inside = Path("/") / folder.relative_to(root)
        shutil.copy(SCRIPT, folder / "in_qgis.py")
        settings = {
            "HOME": inside, "XDG_RUNTIME_DIR": inside, "STAC_URL": f"{sample.origin}/stac/",
            "STAC_OUT": inside / "out.json", "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8",
        }  # fmt: skip
        command = [*before, "/usr/bin/env", "-i", *(f"{name}={value}" for name, value in settings.items())]
        command += ["xvfb-run", "-a", "qgis", "--noversioncheck", "--nologo", "--noplugins"]
        done = subprocess.run(
            ["timeout", "--kill-after=5", "240", *command, "--code", str(inside / "in_qgis.py")],
            capture_output=True,
            text=True,
        )
        assert (folder / "out.json").exists(), done.stderr[-2000:]
        told = json.loads((folder / "out.json").read_text())
        assert "error" not in told, told["error"]
    finally:
        shutil.rmtree(folder)
    assert told["connection"] == "here"
    for name in ("landsat", "ortho", "rapideye"):
        ids = {scene["id"] for scene in sample.json(f"scenes/{name}/?count=1000")["features"]}
        listed = [item for item in told["collections"][name] if item in ids]
        # A page of items, and an entry that fetches more.
        assert len(listed) == min(len(ids), 10), told["collections"][name]
