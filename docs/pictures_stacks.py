"""The pictures of `docs/stacks.md`, made from the sample archive by the commands themselves."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Dict, List


def make(directory: Path, environ: Dict[str, str]) -> List[Path]:
    """Draw the contact sheet of the sample's deepest stack with a scene a day.

    Parameters
    ----------
    directory : Path
        Where to.
    environ : dict
        Environment in which the sample archive's service is reached.

    Returns
    -------
    list of Path
        What was drawn.
    """
    sheet = directory / "stack-sheet.png"
    with tempfile.TemporaryDirectory() as crops:
        search = ["POINT (12 47.88)", "--distinct-days", "--min-area", "1e6"]
        drawn = ["--crop", crops, "--rectangle", "--sheet", str(sheet), "--overwrite"]
        command = [sys.executable, "-m", "planet_vector.cli", "stacks", *search, *drawn]
        subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)
    return [sheet]
