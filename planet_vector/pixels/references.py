"""Other files that a GeoTIFF or a CRS names, and that GDAL or PROJ would open."""

from __future__ import annotations

import re
from pathlib import Path
from struct import calcsize, unpack
from struct import error as StructError
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

_GEO_ASCII = 34737  # GeoAsciiParamsTag of OGC 19-008r4, where a CRS may stand as text
_LONGEST = 2**20  # bytes of it that are looked at
_MOST_TAGS = 4096

# A TIFF's metadata may name files of any driver, which GDAL opens when overviews or positions are asked for.
_ITEMS = (("OVERVIEW_FILE", "OVERVIEWS"), ("X_DATASET", "GEOLOCATION"), ("Y_DATASET", "GEOLOCATION"))

# PROJ opens grids of datum shifts by these names, as soon as GDAL has the CRS. Its own have no folder.
_GRID = re.compile(r'(?i)(?:grids(?:=|"\s*,\s*")|file=|PARAMETERFILE\["[^"]*"\s*,\s*")[^"\s+]*[/\\]')


class ReferenceProblem(ValueError):
    """Raised if a GeoTIFF or its CRS names another file."""


def check_crs(text: str) -> None:
    """Raise ReferenceProblem if a CRS, as text in any form, names a file in a folder."""
    if _GRID.search(text):
        raise ReferenceProblem("names a file in its CRS, which is not opened")


def check_file(path: Path) -> None:
    """Raise ReferenceProblem if the CRS of a TIFF names a file: GDAL opens it with the TIFF.

    Raises
    ------
    ReferenceProblem
        If it does. A file that is no TIFF is left to GDAL.
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(16)
        order = {b"II": "<", b"MM": ">"}.get(head[:2])
        if order is None:
            return
        try:
            check_crs(_geo_ascii(file, order, head))
        except (StructError, OverflowError):
            return


def check_dataset(dataset: DatasetReader) -> None:
    """Raise ReferenceProblem if the metadata or the CRS of an open dataset name a file."""
    for name, domain in _ITEMS:
        if dataset.get_tag_item(name, domain):
            raise ReferenceProblem(f"names another file in its metadata ({name}), which is not opened")
    for crs in (dataset.crs, dataset.gcps[1]):
        if crs:
            check_crs(crs.to_wkt())


def _geo_ascii(file: Any, order: str, head: bytes) -> str:
    """Return the text of a TIFF's CRS, from its first directory."""
    big = unpack(f"{order}H", head[2:4])[0] == 43
    number, entry = (f"{order}Q", f"{order}HHQ") if big else (f"{order}H", f"{order}HHI")
    (at,) = unpack(f"{order}Q", head[8:16]) if big else unpack(f"{order}I", head[4:8])
    file.seek(at)
    (count,) = unpack(number, file.read(calcsize(number)))
    offset = 8 if big else 4
    size = calcsize(entry) + offset
    directory = file.read(size * min(count, _MOST_TAGS))
    for start in range(0, len(directory) - size + 1, size):
        tag, _, length = unpack(entry, directory[start : start + size - offset])
        if tag == _GEO_ASCII:
            value = directory[start + size - offset : start + size]
            if length > offset:
                file.seek(unpack(f"{order}{'Q' if big else 'I'}", value)[0])
                value = file.read(min(length, _LONGEST))
            return str(value.decode("latin-1"))
    return ""
