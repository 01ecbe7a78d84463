"""Read the rasters of a scene, and complete its metadata by what their headers and pixels tell."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from planet_vector.bands import BandInfo
from planet_vector.pixels.completing import complete
from planet_vector.pixels.sidecars import read_place
from planet_vector.server.archive.fields import ACQUIRED, SceneFields
from planet_vector.server.archive.raster_info import RasterInfo
from planet_vector.server.archive.scene_metadata import derived_fields
from planet_vector.server.archive.unit_files import load_raster, measure_first, raster_type
from planet_vector.server.archive.units import Problem, SceneAsset

NameBands = Callable[[SceneAsset, RasterInfo], Tuple[BandInfo, ...]]
"""Function that returns the bands of a raster, given its asset and header."""

SERVED = re.compile(r"\.(?:tiff?|jp2)$", re.IGNORECASE)
"""Pattern that finds the suffix of a raster that can be served."""

_MASK = re.compile(r"(?:^|_)(?:udm2?|qa)$")


def read_rasters(
    root: Path, assets: Iterable[SceneAsset], name_bands: NameBands, problems: List[Problem]
) -> List[SceneAsset]:
    """Return the assets of a scene, with the header and bands of each raster.

    Parameters
    ----------
    root : Path
        The archive.
    assets : iterable of SceneAsset
        The assets as their names tell them; of equal keys the first is used.
    name_bands : callable
        Returns the bands of a raster.
    problems : list of Problem
        Receives the files that cannot be served, which are left out.

    Raises
    ------
    OSError
        If a file cannot be read.
    """
    found: List[SceneAsset] = []
    for asset in assets:
        if any(asset.key == other.key for other in found):
            problems.append(Problem(asset.path, f"is a second file of the asset {asset.key}"))
            continue
        if not SERVED.search(asset.path):
            found.append(replace(asset, product=None))
            continue
        raster = load_raster(root, asset.path, problems)
        if raster is not None:
            bands = name_bands(asset, raster)
            found.append(replace(asset, media_type=raster_type(asset.path, raster), bands=bands, raster=raster))
    return found


def complete_fields(
    root: Path,
    assets: Sequence[SceneAsset],
    fields: SceneFields,
    problems: List[Problem],
    is_cut: bool = False,
    frame: Optional[Mapping[str, object]] = None,
) -> Optional[SceneFields]:
    """Return the fields of a scene, with those that its metadata does not state from its rasters.

    Pixels are read only for a missing footprint, time or ground sample distance.

    Parameters
    ----------
    root : Path
        The archive.
    assets : sequence of SceneAsset
        Its assets, as `read_rasters` returned them.
    fields : SceneFields
        What its metadata and its names state.
    problems : list of Problem
        Receives the reason if the scene cannot be served.
    is_cut : bool
        Whether the rasters are cut, so that the stated footprint is larger than theirs.
    frame : mapping, optional
        The area of the grid, a GeoJSON geometry: the footprint if neither metadata nor pixels tell it.

    Returns
    -------
    SceneFields or None
        None without a footprint or a time.

    Raises
    ------
    OSError
        If a file cannot be read.
    """
    rasters = sorted((asset for asset in assets if asset.product and asset.raster), key=_preference)
    needed = is_cut or fields.geometry is None or fields.gsd is None or fields.acquired is None
    reasons: List[Problem] = []
    measured = measure_first(root, rasters, reasons) if needed else None
    if measured is not None:
        derived = derived_fields(measured)
        fields = (replace(fields, geometry=measured.geometry) if is_cut else fields).completed(derived)
    elif rasters:
        fields = fields.completed(_header_fields(root, rasters[0]))
    if fields.geometry is None:
        fields = replace(fields, geometry=frame)
    if fields.geometry is None:
        problems += reasons[:1] or [Problem(assets[0].path, "states no footprint, and no raster of its scene is there")]
        return None
    if fields.acquired is None:
        problems.append(Problem(assets[0].path, "has no time of acquisition"))
        return None
    return fields


def _preference(asset: SceneAsset) -> Tuple[int, str]:
    """Return a sort key: pictures before measurements before masks, those with a georeference first."""
    product = str(asset.product)
    order = ("visual", "analytic").index(product) if product in ("visual", "analytic") else 2
    placed = asset.raster is not None and bool(asset.raster.crs)
    return order + 10 * bool(_MASK.search(product)) + 100 * (not placed), product


def _header_fields(root: Path, asset: SceneAsset) -> SceneFields:
    """Return the fields of a raster whose pixels are not read."""
    assert asset.raster is not None
    path = root / asset.path
    changed = changed_at(path)
    camera: Dict[str, object] = {
        "color_mode": "RGB" if asset.raster.bands - ("alpha" in asset.raster.colours) >= 3 else "Monochromatic"
    }
    try:
        camera["bit_depth"] = np.dtype(asset.raster.data_type).itemsize * 8
    except TypeError:
        pass  # complex integers are no type of numpy
    size = complete(path, read_place(path, root)).size
    return SceneFields(
        acquired=changed,
        guessed=() if changed is None else (ACQUIRED,),
        published=changed,
        v0={"camera": camera, "file_size": size},
    )


def changed_at(path: Path) -> Optional[datetime]:
    """Return the modification time of a file, or None if it is no valid time.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    OSError
        If its status cannot be read.
    """
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)
    except (OverflowError, ValueError):
        return None
