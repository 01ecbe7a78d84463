"""Parse sidecars that contain the georeference and the valid pixels of a GeoTIFF, without GDAL.

GDAL opens any file that a sidecar names, and an ``.ovr``, ``.msk`` or ``.aux.xml`` may itself be a VRT, which reads any
file. Archives are therefore opened without sidecars (see `planet_vector.pixels.opening`), and the files that determine
georeference and valid pixels are read here: world files, GDAL's ``.aux.xml``, and masks (``.msk``, see
`planet_vector.pixels.masks`). Overviews (``.ovr``) are not read, as they change no pixel.
"""

from __future__ import annotations

import math
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from struct import unpack
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple, Union
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from rasterio.crs import CRS
from rasterio.errors import CRSError
from rasterio.transform import Affine

from planet_vector.pixels.references import ReferenceProblem, check_crs

MAX_AUX = 4 * 2**20
"""Most bytes of an ``.aux.xml``; histograms and attribute tables make some long."""

MAX_WORLD = 4096
"""Most bytes of a world file, which contains six numbers."""

MAX_POINTS = 10_000
"""Most ground control points of an ``.aux.xml``."""

_DEEPEST = 50  # nested elements
_NUMBER = re.compile(r"[-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?")
_LARGEST = 1e300

Number = Union[int, float]


class SidecarProblem(Exception):
    """Raised if a sidecar cannot be read. The message names the file: "scene.tfw does not hold six numbers"."""


class Point(NamedTuple):
    """Ground control point of a raster, with its height if it has one."""

    pixel: float
    line: float
    x: float
    y: float
    z: float = 0.0


@dataclass(frozen=True)
class FileState:
    """File of an archive, with properties that change whenever its bytes do.

    A copy may preserve size and modification time (``cp -p``, ``rsync -t``), but neither the time of status change nor
    the inode number.
    """

    path: Path
    size: int
    mtime_ns: int
    ctime_ns: int
    number: int

    @classmethod
    def of(cls, path: Path, status: os.stat_result) -> FileState:
        """Return the state of a file.

        Parameters
        ----------
        path : Path
            The file.
        status : stat_result
            Its status, as `os.stat` returns it.
        """
        return cls(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


@dataclass(frozen=True)
class Place:
    """Georeference, nodata values and mask read from sidecars.

    Attributes
    ----------
    crs : str, optional
        CRS of the ``.aux.xml``, as WKT. It replaces the CRS of the file.
    transform : Affine, optional
        Geotransform of the ``.aux.xml``. It replaces the one of the file.
    points : tuple of Point
        Ground control points of the ``.aux.xml``.
    points_crs : str, optional
        CRS of the ground control points, as WKT.
    nodata : mapping of int to int or float
        Nodata values of the ``.aux.xml`` by band number. They replace those of the file.
    world : Affine, optional
        Geotransform of a world file, used if neither the ``.aux.xml`` nor the file itself has one.
    world_problem : str, optional
        Why the world file cannot be read. It matters only if the world file is needed.
    mask : FileState, optional
        The ``.msk``, symbolic links resolved. It is used if the file has no mask of its own.
    mask_name : str, optional
        Name of the ``.msk`` in the archive.
    """

    crs: Optional[str] = None
    transform: Optional[Affine] = None
    points: Tuple[Point, ...] = ()
    points_crs: Optional[str] = None
    nodata: Optional[Mapping[int, Number]] = None
    world: Optional[Affine] = None
    world_problem: Optional[str] = None
    mask: Optional[FileState] = None
    mask_name: Optional[str] = None


def sidecar_names(name: str) -> List[str]:
    """Return the names of the supported sidecars of a raster, those of each kind in GDAL's order of search.

    JPEG 2000 files have none.

    Parameters
    ----------
    name : str
        File name of the raster.

    Examples
    --------
    >>> sidecar_names("scene.tif")[:5]
    ['scene.tif.aux.xml', 'scene.tif.msk', 'scene.tif.MSK', 'scene.tfw', 'scene.TFW']
    """
    if name.lower().endswith(".jp2"):
        return []
    names = [f"{name}.aux.xml", f"{name}.msk", f"{name}.MSK"]
    stem, dot, extension = name.rpartition(".")
    if dot:
        for world in (f"{extension[0]}{extension[-1]}w", f"{extension}w", "wld"):
            names += [f"{stem}.{world.lower()}", f"{stem}.{world.upper()}"]
    return names


def read_place(path: Path, inside: Path) -> Optional[Place]:
    """Read the sidecars of a raster.

    Parameters
    ----------
    path : Path
        The raster, which is not opened.
    inside : Path
        Folder in which the sidecars must lie, symbolic links resolved.

    Returns
    -------
    Place or None
        None if there is no sidecar, or none contains a georeference, nodata or a mask.

    Raises
    ------
    SidecarProblem
        If the ``.aux.xml`` cannot be read or has unsupported content, or if a sidecar lies elsewhere. The content of
        the ``.msk`` is checked by `planet_vector.pixels.completing.complete`.
    """
    names = sidecar_names(path.name)
    if not names:
        return None
    aux, *others = [path.with_name(name) for name in names]
    masks, worlds = others[:2], others[2:]
    values: Dict[str, Any] = {}
    content = _content(aux, inside, MAX_AUX)
    if content is not None:
        values = _read_aux(content, aux.name)
    for mask in masks:
        found = _regular(mask, inside)
        if found is not None:
            values.update(mask=FileState.of(*found), mask_name=mask.name)
            break
    for world in worlds:
        try:
            content = _content(world, inside, MAX_WORLD)
            if content is not None:
                values["world"] = _read_world(content, world.name)
                break
        except SidecarProblem as problem:
            values["world_problem"] = str(problem)
            break
    return Place(**values) if values else None


def _regular(path: Path, inside: Path) -> Optional[Tuple[Path, os.stat_result]]:
    """Return the resolved path and status of a regular file in a folder, or None if there is no such file."""
    if not os.path.lexists(path):
        return None
    real = Path(os.path.realpath(path))
    try:
        real.relative_to(os.path.realpath(inside))
    except ValueError:
        raise SidecarProblem(f"{path.name} is a link that leads out of the archive") from None
    try:
        status = os.stat(real)
    except OSError as error:
        raise SidecarProblem(f"{path.name} cannot be read ({error.strerror})") from None
    # GDAL does not read folders either, and a pipe may never end.
    return (real, status) if stat.S_ISREG(status.st_mode) else None


def _content(path: Path, inside: Path, most: int) -> Optional[bytes]:
    """Return the content of a regular file in a folder, or None if there is no such file."""
    found = _regular(path, inside)
    if found is None:
        return None
    try:
        with found[0].open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise SidecarProblem(f"{path.name} cannot be read ({error.strerror})") from None
    if len(content) > most:
        raise SidecarProblem(f"{path.name} is longer than {most} bytes")
    return content


def _number(text: Optional[str]) -> float:
    match = _NUMBER.fullmatch((text or "").strip())
    if not match:
        raise ValueError
    value = float(match.group().replace(",", "."))
    if not abs(value) < _LARGEST:
        raise ValueError
    return value


def _read_world(content: bytes, name: str) -> Affine:
    """Return the geotransform of a world file, which contains the centre of the upper left pixel."""
    try:
        lines = [line for line in content.decode("ascii").splitlines() if line.strip()]
        a, d, b, e, x, y = [_number(line) for line in lines[:6]]
    except ValueError:  # includes UnicodeDecodeError
        raise SidecarProblem(f"{name} does not hold six numbers, one on each line") from None
    if a * e - b * d == 0:
        raise SidecarProblem(f"{name} gives pixels without area")
    return Affine(a, b, x - (a + b) / 2, d, e, y - (d + e) / 2)


def _read_aux(content: bytes, name: str) -> Dict[str, Any]:
    """Return georeference and nodata of an ``.aux.xml``, as arguments of `Place`."""
    root = parse_xml(content, name)
    if root.tag != "PAMDataset":
        raise SidecarProblem(f"{name} is not a PAMDataset")
    values: Dict[str, Any] = {}
    system = root.find("SRS")
    if system is not None and (system.text or "").strip():
        values["crs"] = _crs(system.text or "", system.get("dataAxisToSRSAxisMapping"), name)
    transform = root.find("GeoTransform")
    if transform is not None:
        values["transform"] = _transform(transform.text or "", name)
    points = root.find("GCPList")
    if points is not None and len(points):
        values["points"] = _points(points, name)
        text = points.get("Projection") or ""
        if text.strip():
            values["points_crs"] = _crs(text, points.get("dataAxisToSRSAxisMapping"), name)
    if any(metadata.get("domain") == "xml:ESRI" for metadata in root.findall("Metadata")) and not values:
        raise SidecarProblem(f"{name} places the raster by an ESRI transformation, which is not supported")
    nodata = _nodata(root, name)
    if nodata:
        values["nodata"] = nodata
    return values


def parse_xml(content: bytes, name: str) -> Element:
    """Parse XML without a document type, which could define entities.

    Parameters
    ----------
    content : bytes
        The XML.
    name : str
        File name used in messages.

    Returns
    -------
    xml.etree.ElementTree.Element
        The root element.

    Raises
    ------
    SidecarProblem
        If it is not XML, or is nested too deeply.
    """
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    depth = 0

    def start(tag: str, attributes: Dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise SidecarProblem(f"{name} is nested too deeply")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def refuse(*_: Any) -> None:
        raise SidecarProblem(f"{name} has a document type, which is not supported")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(content, True)
        return builder.close()
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise SidecarProblem(f"{name} is not XML ({error})") from None


def _crs(text: str, mapping: Optional[str], name: str) -> str:
    """Return a CRS as WKT. Raises for names of files or addresses, which GDAL would open."""
    try:
        check_crs(text)
        crs = CRS.from_epsg(int(text.strip()[5:])) if re.fullmatch(r"(?i)\s*EPSG:\d{4,6}\s*", text) else None
        wkt = (crs or CRS.from_wkt(text)).to_wkt()
    except ReferenceProblem as problem:
        raise SidecarProblem(f"{name} {problem}") from None
    except (CRSError, ValueError):
        raise SidecarProblem(f"{name} has a CRS that is not supported") from None
    if mapping is not None and mapping.replace(" ", "")[:3] not in (_order(wkt), _order(text)):
        raise SidecarProblem(f"{name} has an axis order that is not supported ({mapping})")
    return str(wkt)


def _order(wkt: str) -> str:
    """Return the axis order that GDAL writes for a CRS if the coordinates of the raster are east, north."""
    axes = [(name, way.upper()) for name, way in re.findall(r'AXIS\["([^"]*)",\s*([A-Za-z]+)', wkt)]
    level = [axis for axis in axes if axis[1] not in ("UP", "DOWN")][-2:]
    ways = [way for _, way in level]
    # At a pole all axes point north or south, and only their names differ.
    swapped = ways == ["NORTH", "EAST"] or (len(set(ways)) == 1 and level[0][0].startswith("North"))
    return "2,1" if swapped else "1,2"


def _transform(text: str, name: str) -> Affine:
    try:
        c, a, b, f, d, e = [_number(number) for number in text.split(",")]
    except ValueError:
        raise SidecarProblem(f"{name} has a GeoTransform that is not six numbers") from None
    if a * e - b * d == 0:
        raise SidecarProblem(f"{name} gives pixels without area")
    return Affine(a, b, c, d, e, f)


def _points(points: Element, name: str) -> Tuple[Point, ...]:
    found = points.findall("GCP")
    if len(found) > MAX_POINTS:
        raise SidecarProblem(f"{name} has more than {MAX_POINTS} ground control points")
    try:
        return tuple(_point(point) for point in found)
    except ValueError:
        raise SidecarProblem(
            f"{name} has a ground control point without four numbers, or with an invalid height"
        ) from None


def _point(point: Element) -> Point:
    pixel, line, x, y = (_number(point.get(key)) for key in ("Pixel", "Line", "X", "Y"))
    height = point.get("Z", point.get("GCPZ"))  # written up to GDAL 1.10, and still read by GDAL
    return Point(pixel, line, x, y, 0.0 if height is None else _number(height))


def _nodata(root: Element, name: str) -> Dict[int, Number]:
    found: Dict[int, Number] = {}
    for band in root.findall("PAMRasterBand"):
        value = band.find("NoDataValue")
        if value is None:
            continue
        try:
            number = int(band.get("band") or "")
            found[number] = _nodata_value(value)
        except ValueError:
            raise SidecarProblem(f"{name} has a nodata value that is not a number") from None
    return found


def _nodata_value(value: Element) -> Number:
    exact = value.get("le_hex_equiv")
    if exact:
        (number,) = unpack("<d", bytes.fromhex(exact)) if len(exact) == 16 else (None,)
        if number is None:
            raise ValueError
        return float(number)
    text = (value.text or "").strip()
    if re.fullmatch(r"[-+]?\d{1,20}", text):
        return int(text)
    if re.fullmatch(r"(?i)[-+]?(nan|inf|infinity)", text):
        return math.nan if "nan" in text.lower() else math.copysign(math.inf, -1 if text.startswith("-") else 1)
    return _number(text)
