"""Paths of the files of an archive."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Optional

_SURROGATES, _PRIVATE = 0xD800, 0x10F800  # first of 2048 each
_LONE = re.compile("[\ud800-\udfff]")
_STORED = re.compile("[\U0010f800-\U0010ffff]")


def stored(path: str) -> str:
    """Return a path as it is stored: bytes that are not UTF-8 (PEP 383) are characters of a private range.

    Parameters
    ----------
    path : str
        Path within the archive, for which `is_storable` is true.
    """
    return path if path.isascii() else _LONE.sub(lambda m: chr(ord(m[0]) - _SURROGATES + _PRIVATE), path)


def unstored(text: str) -> str:
    """Return the path that `stored` returned a text for.

    Parameters
    ----------
    text : str
        A stored path.
    """
    return text if text.isascii() else _STORED.sub(lambda m: chr(ord(m[0]) - _PRIVATE + _SURROGATES), text)


def is_storable(path: str) -> bool:
    """Return whether a path has none of the characters that `stored` uses for bytes.

    Parameters
    ----------
    path : str
        Path within the archive.
    """
    return path.isascii() or not _STORED.search(path)


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
