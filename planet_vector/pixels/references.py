"""Find references to other files in a GeoTIFF or a CRS, which GDAL or PROJ would open."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from planet_vector.pixels.tiff import TiffFile, TiffProblem

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

_GEO_ASCII = 34737  # GeoAsciiParamsTag of OGC 19-008r4, which may contain a CRS as text
_LONGEST = 2**20  # most bytes of that text; GDAL writes some hundred

# The metadata of a TIFF may name files of any driver, which GDAL opens when overviews or geolocation are requested.
_ITEMS = (("OVERVIEW_FILE", "OVERVIEWS"), ("X_DATASET", "GEOLOCATION"), ("Y_DATASET", "GEOLOCATION"))

# PROJ opens grids of datum shifts by these names as soon as GDAL has the CRS. The names of its own grids have no
# folder.
_GRID = re.compile(r'(?ai)(?:grids(?:=|"\s*,\s*")|file=|PARAMETERFILE\["[^"]*"\s*,\s*")[^"\s+]*[/\\]')


class ReferenceProblem(ValueError):
    """Raised if a GeoTIFF or its CRS refers to another file."""


def check_crs(text: str) -> None:
    """Raise ReferenceProblem if a CRS, as text in any form, refers to a file in a folder.

    Parameters
    ----------
    text : str
        WKT, PROJ or any other form.
    """
    if _GRID.search(text):
        raise ReferenceProblem("names a file in its CRS, which is not opened")


def check_file(path: Path) -> None:
    """Raise ReferenceProblem if the CRS of a TIFF refers to a file, which GDAL would open with the TIFF.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    ReferenceProblem
        If it does. A file that is not a TIFF raises nothing, and is left to GDAL.
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        try:
            tiff = TiffFile(file)
            first = tiff.directory(tiff.first)
            if _GEO_ASCII in first.fields and first.fields[_GEO_ASCII].number > _LONGEST:
                raise ReferenceProblem("has a CRS with an excessively long text, which is not opened")
            text = tiff.raw_text(first, _GEO_ASCII, _LONGEST)
        except TiffProblem:
            return
    check_crs(text.decode("latin-1"))


def check_dataset(dataset: DatasetReader) -> None:
    """Raise ReferenceProblem if the metadata or the CRS of an open dataset refers to a file.

    Parameters
    ----------
    dataset : rasterio.io.DatasetReader
        The open file.
    """
    for name, domain in _ITEMS:
        if dataset.get_tag_item(name, domain):
            raise ReferenceProblem(f"names another file in its metadata ({name}), which is not opened")
    for crs in (dataset.crs, dataset.gcps[1]):
        if crs:
            check_crs(crs.to_wkt())
