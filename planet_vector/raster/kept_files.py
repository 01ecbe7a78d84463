"""Keep a small file beside its VRT, for a mosaic that is about to be drawn as a whole.

GDAL draws the sources of a mosaic one after another, and reads each by requests of some kB, one after another, too. A
small file without overviews is read whole anyway: it is fetched by two requests, for many scenes at once.

This module needs only the standard library and requests, as `planet_vector.raster.kept_tiles`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Optional

from planet_vector.catalog import Catalog
from planet_vector.pixels.references import ReferenceProblem, check_file
from planet_vector.pixels.tiff import TiffProblem
from planet_vector.raster.access import Access
from planet_vector.raster.described_files import writing_beside
from planet_vector.raster.tiff_header import read_small_file

MOST_BYTES = 2**20
"""Size of the largest file that is kept: a hundred of them have 100 MB."""

_FILE = "whole.tif"


def vrt_of_kept(path: Path) -> Path:
    """Return the path of the VRT that refers to the kept file of a product.

    Parameters
    ----------
    path : Path
        Path of the VRT of the product, as `planet_vector.raster.described_files.path_of` returns it. It is written and
        removed as the product alone needs it.
    """
    return path.with_name(f"{path.stem}.whole{path.suffix}")


def kept_file(catalog: Catalog, access: Access, path: Path) -> Optional[str]:
    """Fetch a small GeoTIFF, and store it beside its VRT.

    Parameters
    ----------
    catalog : Catalog
        The service.
    access : Access
        How the file is opened.
    path : Path
        Path of the VRT, with which the file is removed.

    Returns
    -------
    str or None
        Path of the copy; None if the file is larger than `MOST_BYTES`.

    Raises
    ------
    TiffProblem
        If GDAL would open another file together with it.
    ServiceError
        If the host does not provide the file.
    OSError
        If it cannot be written.
    """
    content = read_small_file(catalog, access, MOST_BYTES)
    if content is None:
        return None
    with writing_beside(path, _FILE) as (file, part):
        part.write_bytes(content)
        try:
            check_file(part)
        except ReferenceProblem as problem:
            raise TiffProblem(str(problem)) from None
    return str(file)
