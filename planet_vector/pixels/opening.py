"""Open GeoTIFFs and JPEG 2000 files of an archive without GDAL's search for sidecars.

Everything that GDAL would look for beside a file is hidden from it: overviews, masks, ``.aux.xml``, world and TAB
files, and the metadata files of satellites. Overviews and masks within the file are used. The relevant sidecars of
GeoTIFFs are read here, and GDAL gets one file that is completed with them (see `planet_vector.pixels.completing`).
JPEG 2000 files have no sidecars here.
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
from planet_vector.pixels.jp2 import check_jp2, is_jp2
from planet_vector.pixels.references import check_dataset, check_file
from planet_vector.pixels.sidecars import Place

# The georeference may be in a sidecar; callers that need one report its absence.
warnings.filterwarnings("ignore", category=NotGeoreferencedWarning)

OPTIONS = {
    # GDAL assumes that the folder contains the file alone. It keeps this list with the dataset, so it also applies to
    # later searches and in other threads.
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_GEOREF_SOURCES": "INTERNAL",
}


@contextlib.contextmanager
def open_raster(path: Path, place: Optional[Place] = None) -> Iterator[Any]:
    """Open a GeoTIFF, alone or completed with its sidecars; or a JPEG 2000 file, recognised by its signature.

    Parameters
    ----------
    path : Path
        The file.
    place : Place, optional
        Result of `planet_vector.pixels.sidecars.read_place`.

    Yields
    ------
    rasterio.io.DatasetReader
        The file itself, or the completed one if `place` changes anything.

    Raises
    ------
    rasterio.errors.RasterioIOError, OSError
        If the file is not a readable GeoTIFF or JPEG 2000 file.
    planet_vector.pixels.jp2.Jp2Problem
        If it is a damaged JPEG 2000 file.
    planet_vector.pixels.references.ReferenceProblem
        If it refers to another file that GDAL would open.
    SidecarProblem
        If the sidecars cannot be read, or their content does not fit into a GeoTIFF.
    """
    if is_jp2(path):
        check_jp2(path)
        with rasterio.Env(**OPTIONS), _named(path) as own, rasterio.open(own, driver="JP2OpenJPEG") as dataset:
            check_dataset(dataset)
            yield dataset
        return
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
    """Yield a name by which rasterio, which only supports UTF-8, opens a file."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        with _as_one(whole(path)) as name:
            yield name
    else:
        yield str(path)


@contextlib.contextmanager
def _as_one(completed: Completed) -> Iterator[str]:
    """Yield a name by which GDAL opens a completed file; the added parts are in memory."""
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
