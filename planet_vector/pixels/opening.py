"""GeoTIFFs of an archive, opened without that GDAL looks for sidecars.

Everything that GDAL would look for beside a GeoTIFF is hidden from it: overviews, masks, ``.aux.xml``, world and TAB
files, and the metadata files of satellites. Overviews and masks within the file are used. What counts of the others
is read here, and GDAL sees one file that is completed by it (see `planet_vector.pixels.completing`).
"""

from __future__ import annotations

import contextlib
import os
import warnings
from html import escape
from pathlib import Path
from typing import Any, Iterator, Optional

import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile

from planet_vector.pixels.completing import Completed, complete, whole
from planet_vector.pixels.references import check_dataset, check_file
from planet_vector.pixels.sidecars import Place

# A raster without a place of its own may have one beside it, and one without any is reported by who needs it.
warnings.filterwarnings("ignore", category=NotGeoreferencedWarning)

OPTIONS = {
    # GDAL takes the folder for one that holds the file alone. It keeps that list with the dataset, so that it holds
    # for what is looked for later, in other threads too.
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_GEOREF_SOURCES": "INTERNAL",
}


@contextlib.contextmanager
def open_raster(path: Path, place: Optional[Place] = None) -> Iterator[Any]:
    """Open a GeoTIFF, alone or with what its sidecars say.

    Parameters
    ----------
    path : Path
        The file.
    place : Place, optional
        What `planet_vector.pixels.sidecars.read_place` found.

    Yields
    ------
    rasterio.io.DatasetReader
        The file itself, or the completed one if `place` changes anything.

    Raises
    ------
    rasterio.errors.RasterioIOError, OSError
        If the file is no GeoTIFF that can be read.
    planet_vector.pixels.references.ReferenceProblem
        If it names another file that GDAL would open.
    SidecarProblem
        If what the sidecars say cannot be read, or cannot be said in a GeoTIFF.
    """
    check_file(path)
    with rasterio.Env(**OPTIONS), _named(path) as own, rasterio.open(own, driver="GTiff") as dataset:
        check_dataset(dataset)
        completed = complete(path, place)
        if completed.as_it_is:
            yield dataset
        else:
            with _as_one(completed) as name, rasterio.open(name, driver="GTiff") as one:
                yield one


@contextlib.contextmanager
def _named(path: Path) -> Iterator[str]:
    """Name a file so that rasterio, which knows names of UTF-8 alone, opens it."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        with _as_one(whole(path)) as name:
            yield name
    else:
        yield str(path)


@contextlib.contextmanager
def _as_one(completed: Completed) -> Iterator[str]:
    """Name a completed file as one that GDAL opens; its own parts are in memory."""
    with contextlib.ExitStack() as stack:
        regions, at = [], 0
        for part in completed.parts:
            if isinstance(part, bytes):
                name, start, length = stack.enter_context(MemoryFile(part)).name, 0, len(part)
            else:
                name, start, length = str(part.file.path), part.start, part.length
            if length:
                regions.append(
                    f'<SubfileRegion><Filename relative="0">{escape(name)}</Filename>'
                    f"<DestinationOffset>{at}</DestinationOffset><SourceOffset>{start}</SourceOffset>"
                    f"<RegionLength>{length}</RegionLength></SubfileRegion>"
                )
            at += length
        text = f"<VSISparseFile><Length>{at}</Length>{''.join(regions)}</VSISparseFile>"
        yield f"/vsisparse/{stack.enter_context(MemoryFile(os.fsencode(text))).name}"
