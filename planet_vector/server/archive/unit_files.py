"""Read the files of a unit, and report those that cannot be read instead of raising."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Callable, List, Optional, Sequence, TypeVar

from planet_vector.pixels.completing import complete
from planet_vector.pixels.sidecars import Place, SidecarProblem, read_place
from planet_vector.server.archive.media_types import JP2
from planet_vector.server.archive.metadata.bounded import MetadataProblem, read_bounded
from planet_vector.server.archive.raster_info import RasterInfo
from planet_vector.server.archive.scene_metadata import Measured, RasterProblem, check_raster, measure
from planet_vector.server.archive.units import Problem, SceneAsset

Parsed = TypeVar("Parsed")


def load_raster(root: Path, path: str, problems: List[Problem]) -> Optional[RasterInfo]:
    """Check a raster and its sidecars, and return its header.

    Parameters
    ----------
    root : Path
        The archive.
    path : str
        Path of the raster, relative to the archive.
    problems : list of Problem
        Receives the reason if it cannot be served.

    Returns
    -------
    RasterInfo or None
        None if it cannot be served.

    Raises
    ------
    OSError
        If it cannot be read now.
    """
    try:
        raster = check_raster(root / path)
        complete(root / path, read_place(root / path, root))
    except (RasterProblem, SidecarProblem) as problem:
        problems.append(Problem(path, str(problem)))
        return None
    return raster


def load_metadata(root: Path, path: str, parse: Callable[[bytes], Parsed], problems: List[Problem]) -> Optional[Parsed]:
    """Read and parse a metadata file.

    Parameters
    ----------
    root : Path
        The archive.
    path : str
        Path of the file, relative to the archive.
    parse : callable
        Returns the parsed content, or raises MetadataProblem.
    problems : list of Problem
        Receives the reason if it cannot be read or parsed.

    Returns
    -------
    object or None
        None if it cannot be read or parsed.

    Raises
    ------
    OSError
        If it cannot be read now.
    """
    try:
        return parse(read_bounded(root / path))
    except MetadataProblem as problem:
        problems.append(Problem(path, str(problem)))
        return None


def raster_type(path: str, raster: RasterInfo) -> str:
    """Return the media type of a raster.

    Parameters
    ----------
    path : str
        Its path.
    raster : RasterInfo
        Its header.
    """
    return JP2 if path.lower().endswith(".jp2") else raster.media_type


def measure_first(root: Path, assets: Sequence[SceneAsset], problems: List[Problem]) -> Optional[Measured]:
    """Measure the first of several rasters that can be measured.

    The nodata value of its first band is that of `SceneAsset.bands` if the file has none.

    Parameters
    ----------
    root : Path
        The archive.
    assets : sequence of SceneAsset
        Rasters, in order of preference.
    problems : list of Problem
        Receives the reason of the first, if none can be measured.

    Returns
    -------
    Measured or None
        None if none can be measured.
    """
    reasons = []
    for asset in assets:
        try:
            return measure(root / asset.path, _place(root, asset))
        except (RasterProblem, SidecarProblem) as problem:
            reasons.append(Problem(asset.path, str(problem)))
    problems.extend(reasons[:1])
    return None


def _place(root: Path, asset: SceneAsset) -> Optional[Place]:
    place = read_place(root / asset.path, root)
    nodata = asset.bands[0].nodata if asset.bands else None
    if nodata is None or asset.raster is None or asset.raster.nodata is not None or asset.path.lower().endswith(".jp2"):
        return place
    if place is not None and place.nodata:
        return place
    number = int(nodata) if nodata == int(nodata) else nodata
    return replace(place or Place(), nodata={band + 1: number for band in range(asset.raster.bands)})
