"""Files of VRTs in the cache, readable only by their owner, as they may contain signed URLs."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from planet_vector.atomic_files import complete
from planet_vector.private_files import remove_oldest
from planet_vector.raster.fresh_sources import with_fresh_sources
from planet_vector.user_folders import user_directory

MOST_KEPT = 500
"""Number of VRTs of mosaics, stacks and masks kept, besides those of the last day; projects recreate theirs."""


def vrt_path(title: str, key: str) -> Path:
    """Return the path of a VRT.

    Parameters
    ----------
    title : str
        Beginning of its file name.
    key : str
        What tells it apart from others of that title.
    """
    digest = hashlib.blake2b(key.encode(), digest_size=8).hexdigest()
    return user_directory("cache") / "vrt" / f"{title[:60]}-{digest}.vrt"


@contextmanager
def vrt_part(path: Path) -> Iterator[Path]:
    """Yield an empty file that becomes the VRT at the end, with fresh sources; the oldest VRTs are deleted then.

    Parameters
    ----------
    path : Path
        As `vrt_path` returns it.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with complete(path) as part:
        part.touch(0o600)
        yield part
        part.write_text(with_fresh_sources(part.read_text(encoding="utf-8")), encoding="utf-8")
    remove_oldest(path.parent, "*.vrt", MOST_KEPT)


def write_vrt(title: str, text: str) -> str:
    """Write a VRT, and return its path.

    Parameters
    ----------
    title : str
        Beginning of its file name.
    text : str
        The VRT.
    """
    path = vrt_path(title.replace("/", "_"), text)
    with vrt_part(path) as part:
        part.write_text(text, encoding="utf-8")
    return str(path)
