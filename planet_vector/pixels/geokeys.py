"""Read and write the georeference of a GeoTIFF as tags, from the file itself and from sidecars.

The tags are those of OGC GeoTIFF 1.1 (19-008r4). GDAL writes them, into a small file of its own in memory.
"""

from __future__ import annotations

import io
import math
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from rasterio import Env
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.io import DatasetReader, MemoryFile
from rasterio.transform import Affine

from planet_vector.pixels.rasterio_errors import RASTER_ERRORS
from planet_vector.pixels.sidecars import MAX_POINTS, Place, Point, SidecarProblem
from planet_vector.pixels.tiff import DOUBLE, Directory, TiffFile
from planet_vector.pixels.tiff_writing import Value, aligned, encode

_SCALE, _TIEPOINTS, _MATRIX = 33550, 33922, 34264
POSITION = (_SCALE, _TIEPOINTS, _MATRIX)
"""Tags of a transform, or of control points."""

KEYS = (34735, 34736, 34737)
"""Tags of a CRS: GeoKeyDirectory, GeoDoubleParams and GeoAsciiParams."""

_RASTER_TYPE, _POINT = 1025, 2  # a key, and its value if pixels are points
_MOST_NUMBERS = 2**16  # most numbers of the keys: a CRS as text may be long
_IDENTITY = (1, 0, 0, 0, 1, 0)


class Wanted(NamedTuple):
    """Parts of a file's georeference to replace; None keeps the file's own.

    Attributes
    ----------
    crs : str or None
        Coordinate system as WKT.
    transform : Affine or None
        From column and row to coordinates.
    points : tuple of Point
        Ground control points, in place of a transform.
    """

    crs: Optional[str] = None
    transform: Optional[Affine] = None
    points: Tuple[Point, ...] = ()

    @classmethod
    def of(cls, tiff: TiffFile, first: Directory, place: Place) -> Wanted:
        """Return the parts that sidecars replace, with GDAL's precedence.

        Parameters
        ----------
        tiff : TiffFile
            The file.
        first : Directory
            Its first directory.
        place : Place
            Content of the sidecars.

        Returns
        -------
        Wanted

        Raises
        ------
        SidecarProblem
            If the world file is needed and cannot be read.
        """
        placed, control = _position(tiff, first)
        transform = None
        if not placed and not place.points and (place.transform is None or control):
            if place.world_problem:
                raise SidecarProblem(place.world_problem)
            if place.world is not None:  # GDAL prefers it to control points of the file
                transform, control = place.world, False
        transform = place.transform or transform
        if place.points:
            return cls(place.points_crs or place.crs, None, place.points)
        # GDAL returns no CRS for a geotransform if there are control points, so only these count.
        return cls(place.crs, None if control else transform)


def georeference(tiff: TiffFile, first: Directory, wanted: Wanted) -> Dict[int, Optional[Value]]:
    """Return the tags that replace those of the first directory; None for tags to remove.

    Parameters
    ----------
    tiff : TiffFile
        The file.
    first : Directory
        Its first directory.
    wanted : Wanted
        Parts to replace.

    Raises
    ------
    SidecarProblem
        If a GeoTIFF cannot represent it.
    """
    moved = wanted.transform is not None or bool(wanted.points)
    if wanted.crs is None and not moved:
        return {}
    found = _encoded(wanted, _pixels_are_points(tiff, first))
    tags: List[int] = []
    if moved:
        tags += POSITION
    if wanted.crs is not None:
        tags += KEYS
    return {tag: found.get(tag) for tag in tags}


def _position(tiff: TiffFile, first: Directory) -> Tuple[bool, bool]:
    """Return whether the file has a transform, and whether it has control points instead, as GDAL reads it."""
    scale, matrix = tiff.numbers(first, _SCALE), tiff.numbers(first, _MATRIX)
    tiepoints = tiff.numbers(first, _TIEPOINTS, 6 * MAX_POINTS)
    if len(scale) >= 2 and scale[0] != 0 and scale[1] != 0:
        placed = len(tiepoints) >= 6
    else:
        given = matrix[[0, 1, 3, 4, 5, 7]] if len(matrix) == 16 else ()
        placed = len(given) > 0
        if tuple(given) == _IDENTITY and not _pixels_are_points(tiff, first):
            return False, False  # the identity, which GDAL ignores
    return placed, len(tiepoints) >= 6 and not placed


def _pixels_are_points(tiff: TiffFile, first: Directory) -> bool:
    keys = tiff.numbers(first, KEYS[0], _MOST_NUMBERS)
    found = keys[4 : 4 + len(keys[4:]) // 4 * 4].reshape(-1, 4)
    return any(key == _RASTER_TYPE and value == _POINT for key, _, _, value in found)


def _encoded(wanted: Wanted, points: bool) -> Dict[int, Value]:
    """Return the tags of a GeoTIFF that GDAL writes, after a check that GDAL reads the same georeference from them."""
    control = [GroundControlPoint(p.line, p.pixel, p.x, p.y, p.z) for p in wanted.points]
    crs = None if wanted.crs is None else CRS.from_wkt(wanted.crs)
    profile: Dict[str, Any] = {"width": 2, "height": 2, "count": 1, "dtype": "uint8", "crs": crs}
    if control:
        profile.update(gcps=control, crs=crs or CRS())
    elif wanted.transform is not None:
        profile["transform"] = wanted.transform
    try:
        # Without these options GDAL would write what a GeoTIFF cannot represent to a sidecar.
        with Env(GDAL_PAM_ENABLED="NO", GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"), MemoryFile() as made:
            with made.open(driver="GTiff", **profile) as dataset:
                if points:
                    dataset.update_tags(AREA_OR_POINT="Point")
            made.seek(0)
            content = made.read()
        if points and control:
            content = _moved(content, wanted.points)
        with Env(GDAL_PAM_ENABLED="NO", GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"), MemoryFile(content) as made:
            with made.open() as dataset:
                _check(dataset, crs, wanted)
    except RASTER_ERRORS as error:
        told = " ".join(str(error).split())[:200]
        raise SidecarProblem(f"its sidecars contain a georeference that no GeoTIFF can represent ({told})") from None
    tiff = TiffFile(io.BytesIO(content))
    first = tiff.directory(tiff.first)
    return {
        tag: Value(tag, first.fields[tag].kind, tiff.numbers(first, tag, 6 * MAX_POINTS))
        for tag in (*POSITION, *KEYS)
        if tag in first.fields
    }


def _moved(content: bytes, points: Sequence[Point]) -> bytes:
    """Return a GeoTIFF whose pixels are points, with its control points corrected.

    GDAL adds half a pixel to control points when it reads such a file, but does not subtract it when it writes them.
    The result would be off by a whole pixel.
    """
    tiff = TiffFile(io.BytesIO(content))
    fields = tiff.directory(tiff.first).fields
    numbers = [number for p in points for number in (p.pixel - 0.5, p.line - 0.5, 0, p.x, p.y, p.z)]
    kept = [field for tag, field in fields.items() if tag != _TIEPOINTS]
    start = aligned(len(content))
    tail = encode(tiff.form, start, [[*kept, Value(_TIEPOINTS, DOUBLE, numbers)]], 0)
    head = tiff.form.header(start)
    return head + content[len(head) :] + bytes(start - len(content)) + tail


def _check(dataset: DatasetReader, crs: Optional[CRS], wanted: Wanted) -> None:
    points, points_crs = dataset.gcps
    found = dataset.crs or points_crs
    if crs is not None and not (found and (found == crs or found.to_dict() == crs.to_dict() != {})):
        raise ValueError("its CRS")
    if wanted.transform is not None and not _close(dataset.transform[:6], wanted.transform[:6]):
        raise ValueError("its geotransform")
    seen = [(p.col, p.row, p.x, p.y, p.z or 0.0) for p in points]
    if len(seen) != len(wanted.points) or not all(map(_close, seen, wanted.points)):
        raise ValueError("its control points")


def _close(some: Sequence[float], others: Sequence[float]) -> bool:
    """Return whether numbers are equal up to rounding: if pixels are points, half a pixel is added and subtracted."""
    return all(math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-9) for a, b in zip(some, others))
