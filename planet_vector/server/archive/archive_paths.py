"""Paths of the files of an archive."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Optional


def inside(root: Path, path: str) -> Optional[Path]:
    """Return the real path of a file of the archive.

    Parameters
    ----------
    root : Path
        The archive.
    path : str
        Path relative to the archive.

    Returns
    -------
    Path or None
        None if the real path is outside of the archive, or not a regular file.
    """
    real = Path(os.path.realpath(root / path))
    try:
        real.relative_to(os.path.realpath(root))
    except ValueError:
        return None
    return real if real.is_file() else None


def as_text(text: str) -> str:
    """Return a text or path with unencodable characters replaced, so that it can be stored.

    Parameters
    ----------
    text : str
        A text that may contain lone surrogates.
    """
    return text.encode(errors="replace").decode()
