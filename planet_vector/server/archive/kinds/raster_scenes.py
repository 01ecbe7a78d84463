"""Scenes in GeoTIFFs, one or several files each.

* ``<id>_<product>.tif`` with ``<id>_metadata.json``, as planet's own ``sync`` wrote them;
* bare GeoTIFFs, whose metadata is derived from the file (see `planet_vector.server.archive.scene_metadata`);
* sidecars of rasters (``.tfw``, ``.wld``, ``.tif.aux.xml``, ``.tif.msk``), which place and mask them (see
  `planet_vector.pixels.sidecars`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from planet_vector.item_ids import id_of_stem, is_item_id
from planet_vector.pixels.completing import complete
from planet_vector.pixels.sidecars import SidecarProblem, read_place
from planet_vector.server.archive.band_names import bands_of
from planet_vector.server.archive.listing import Listing
from planet_vector.server.archive.raster_names import RASTER, is_beside_raster
from planet_vector.server.archive.scene_features import check_feature, load_json, scene_type_of
from planet_vector.server.archive.scene_metadata import (
    RasterProblem,
    check_raster,
    derived_fields,
    measure,
    time_in_name,
)
from planet_vector.server.archive.units import Kind, Problem, SceneAsset, SceneRecord, Unit, name_of

_PREFIX = "scene:"
_PRODUCT = re.compile(r"(.+)_(visual|analytic|unrectified|qa|band_(?:1[01]|[1-9]))")
_SIDECAR = "_metadata.json"


def _claim(listing: Listing, problems: List[Problem]) -> Iterator[Tuple[str, str]]:
    for path in listing:
        key = _key_of(path)
        if key is not None:
            yield key, path


def _key_of(path: str) -> Optional[str]:
    if path.endswith(_SIDECAR) and len(path.rpartition("/")[2]) > len(_SIDECAR):
        return _PREFIX + path[: -len(_SIDECAR)]
    if not RASTER.search(path):
        return None
    stem = RASTER.sub("", path)
    match = _PRODUCT.fullmatch(stem)
    return _PREFIX + (match.group(1) if match else stem)


def _id_of(key: str) -> str:
    return id_of_stem(name_of(key))


def _read(root: Path, unit: Unit, problems: List[Problem]) -> Iterator[SceneRecord]:
    name = name_of(unit.key)
    scene_id = id_of_stem(name)
    if not is_item_id(scene_id):
        problems.append(Problem(unit.files[0].path, "its name is not a valid scene id"))
        return
    assets = _assets(root, unit, name, problems)
    feature = _sidecar(root, unit, scene_id, problems)
    if feature is None and not assets:
        return
    guessed: Tuple[str, ...] = ()
    if feature is None:
        raster = root / first_product(assets)
        try:
            fields = derived_fields(measure(raster, read_place(raster, root)), time_in_name(scene_id))
            feature = fields.to_feature(scene_id)
        except (RasterProblem, SidecarProblem, ValueError) as problem:
            problems.append(Problem(first_product(assets), str(problem)))
            return
        guessed = fields.guessed
    if any(is_beside_raster(file.path) for file in unit.files):
        for path in sorted({asset.path for asset in assets}):
            try:
                complete(root / path, read_place(root / path, root))
            except SidecarProblem as problem:
                if not any(told.path == path for told in problems):
                    problems.append(Problem(path, str(problem)))
    yield SceneRecord(scene_type_of(feature), feature, tuple(assets), guessed=guessed)


KIND = Kind(_PREFIX, _claim, _read, _id_of)


def first_product(assets: Sequence[SceneAsset]) -> str:
    """Return the path of the raster that stands for a scene: ``visual``, ``analytic``, or the first by name.

    Parameters
    ----------
    assets : sequence of SceneAsset
        Its files, at least one of them a product.
    """
    products = {asset.product: asset.path for asset in assets if asset.product}
    return products[next((p for p in ("visual", "analytic") if p in products), min(products, key=_natural))]


def _assets(root: Path, unit: Unit, scene: str, problems: List[Problem]) -> List[SceneAsset]:
    found: Dict[str, SceneAsset] = {}
    for file in unit.files:
        if not RASTER.search(file.path):
            continue
        try:
            raster = check_raster(root / file.path)
        except RasterProblem as problem:
            problems.append(Problem(file.path, str(problem)))
            continue
        stem = RASTER.sub("", file.path.rpartition("/")[2])
        product = raster.product if stem == scene else stem[len(scene) + 1 :]
        if product in found:
            problems.append(Problem(file.path, f"is a second file of the product {product}"))
            continue
        roles = ("visual",) if product == "visual" else ("data",)
        found[product] = SceneAsset(
            product, file.path, raster.media_type, roles, product, bands=bands_of(raster), raster=raster
        )
    return list(found.values())


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
