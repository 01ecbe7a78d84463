"""Scenes in GeoTIFFs, one or several files each.

* ``<id>_<product>.tif`` with ``<id>_metadata.json``, as planet's own ``sync`` wrote them;
* bare GeoTIFFs, whose metadata is derived from the file (see `planet_vector.server.archive.scene_metadata`);
* sidecars of rasters (``.tfw``, ``.wld``, ``.tif.aux.xml``, ``.tif.msk``), which place and mask them (see
  `planet_vector.pixels.sidecars`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from planet_vector.item_ids import id_of_stem, is_item_id
from planet_vector.pixels.completing import complete
from planet_vector.pixels.sidecars import SidecarProblem, read_place
from planet_vector.server.archive.raster_names import RASTER, is_beside_raster
from planet_vector.server.archive.scene_features import check_feature, load_json, scene_type_of
from planet_vector.server.archive.scene_metadata import RasterProblem, check_raster, derive
from planet_vector.server.archive.units import Problem, SceneRecord, Unit

PREFIX = "scene:"

_PRODUCT = re.compile(r"(.+)_(visual|analytic|unrectified|qa|band_(?:1[01]|[1-9]))")
_SIDECAR = "_metadata.json"


def key_of(path: str) -> Optional[str]:
    """Return the key of the scene that a file belongs to; None if it is neither a raster nor its metadata.

    Parameters
    ----------
    path : str
        Path relative to the archive.
    """
    if path.endswith(_SIDECAR) and len(path.rpartition("/")[2]) > len(_SIDECAR):
        return PREFIX + path[: -len(_SIDECAR)]
    if not RASTER.search(path):
        return None
    stem = RASTER.sub("", path)
    match = _PRODUCT.fullmatch(stem)
    return PREFIX + (match.group(1) if match else stem)


def read(root: Path, unit: Unit, problems: List[Problem]) -> Iterator[SceneRecord]:
    """Yield the scene of a unit, if it can be served.

    Parameters
    ----------
    root : Path
        The archive.
    unit : Unit
        The unit.
    problems : list of Problem
        Receives the files and scenes that cannot be served.

    Yields
    ------
    SceneRecord
        A scene.

    Raises
    ------
    OSError
        If a file cannot be read.
    """
    stem = unit.key.rpartition("/")[2] if "/" in unit.key else unit.key[len(PREFIX) :]
    scene_id = id_of_stem(stem)
    if not is_item_id(scene_id):
        problems.append(Problem(unit.files[0].path, "its name is not a valid scene id"))
        return
    rasters = _rasters(root, unit, stem, problems)
    feature = _sidecar(root, unit, scene_id, problems)
    if feature is None:
        if not rasters:
            return
        first = next((p for p in ("visual", "analytic") if p in rasters), sorted(rasters, key=_natural)[0])
        try:
            feature = derive(root / rasters[first], scene_id, read_place(root / rasters[first], root))
        except (RasterProblem, SidecarProblem) as problem:
            problems.append(Problem(rasters[first], str(problem)))
            return
        checked = {rasters[first]}
    else:
        checked = set()
    if any(is_beside_raster(file.path) for file in unit.files):
        for path in sorted(set(rasters.values()) - checked):
            try:
                complete(root / path, read_place(root / path, root))
            except SidecarProblem as problem:
                problems.append(Problem(path, str(problem)))
    yield SceneRecord(scene_type_of(feature), feature, rasters)


def _rasters(root: Path, unit: Unit, scene: str, problems: List[Problem]) -> Dict[str, str]:
    found: Dict[str, str] = {}
    for file in unit.files:
        if not RASTER.search(file.path):
            continue
        try:
            bands = check_raster(root / file.path)
        except RasterProblem as problem:
            problems.append(Problem(file.path, str(problem)))
            continue
        stem = RASTER.sub("", file.path.rpartition("/")[2])
        product = bands.product if stem == scene else stem[len(scene) + 1 :]
        if product in found:
            problems.append(Problem(file.path, f"is a second file of the product {product}"))
        else:
            found[product] = file.path
    return found


def _sidecar(root: Path, unit: Unit, scene_id: str, problems: List[Problem]) -> Optional[Mapping[str, Any]]:
    path = next((f.path for f in unit.files if f.path.endswith(_SIDECAR)), None)
    if path is None:
        return None
    try:
        feature = check_feature(load_json(root / path))
        if feature["id"] != scene_id:
            raise ValueError(f"describes the scene {feature['id']!r}, which differs from its name")
    except ValueError as error:
        problems.append(Problem(path, str(error)))
        return None
    return feature


def _natural(product: str) -> Tuple[str, int]:
    """Return a sort key that orders ``band_2`` before ``band_10``."""
    stem, _, number = product.rpartition("_")
    return (stem, int(number)) if re.fullmatch(r"[0-9]{1,9}", number) else (product, 0)
