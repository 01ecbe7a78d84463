"""Scenes in GeoTIFFs, one or several files each.

* ``<id>_<product>.tif`` with ``<id>_metadata.json``, as ``sync`` writes them of any API, also of products that have no
  file name elsewhere (``analytic_sr``). What the metadata lacks is derived (see
  `planet_vector.server.archive.partial_metadata`);
* bare GeoTIFFs, whose metadata is derived from the file (see `planet_vector.server.archive.scene_metadata`);
* sidecars of rasters (``.tfw``, ``.wld``, ``.tif.aux.xml``, ``.tif.msk``), which place and mask them (see
  `planet_vector.pixels.sidecars`).
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from planet_vector.bands.landsat import sensor_of
from planet_vector.bands.scenes_v0 import bands_of, variants_of
from planet_vector.item_ids import id_of_stem
from planet_vector.pixels.completing import complete
from planet_vector.pixels.sidecars import SidecarProblem, read_place
from planet_vector.server.archive.fields import ACQUIRED, SceneFields
from planet_vector.server.archive.kinds.planet_bands import named_bands
from planet_vector.server.archive.kinds.synced_items import SyncedItem, synced_item
from planet_vector.server.archive.listing import Listing
from planet_vector.server.archive.partial_metadata import DERIVED, GEOMETRY, checked_fields, completed_feature
from planet_vector.server.archive.raster_names import RASTER, is_beside_raster
from planet_vector.server.archive.scene_features import load_json, scene_type_of
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
_ANY_PRODUCT = re.compile(r"[a-z0-9_]{1,64}")
_SIDECAR = "_metadata.json"
_NAMELESS = "/" + _SIDECAR


def _claim(listing: Listing, problems: List[Problem]) -> Iterator[Tuple[str, str]]:
    described = {path[: -len(_SIDECAR)] for path in listing if path.endswith(_SIDECAR) and not path.endswith(_NAMELESS)}
    for path in listing:
        if path.endswith(_SIDECAR):
            if path[: -len(_SIDECAR)] in described:
                yield _PREFIX + path[: -len(_SIDECAR)], path
        elif RASTER.search(path):
            yield _PREFIX + _scene_of(RASTER.sub("", path), described), path


def _scene_of(stem: str, described: Set[str]) -> str:
    """Return the scene of a raster, as a path: of a metadata file beside it, which it begins with, else by its name."""
    if described:
        folder = stem.rfind("/")
        end = stem.rfind("_")
        while end > folder + 1:
            if stem[:end] in described and _ANY_PRODUCT.fullmatch(stem, end + 1):
                return stem[:end]
            end = stem.rfind("_", 0, end)
    match = _PRODUCT.fullmatch(stem)
    return match.group(1) if match else stem


def _id_of(key: str) -> str:
    return id_of_stem(name_of(key))


def _read(root: Path, unit: Unit, problems: List[Problem]) -> Iterator[SceneRecord]:
    name = name_of(unit.key)
    scene_id = id_of_stem(name)
    assets = _assets(root, unit, name, problems)
    feature, missing, synced = _metadata(root, unit, scene_id, problems)
    if assets and missing:
        raster = first_product(assets)
        try:
            place = read_place(root / raster, root)
            measured = measure(root / raster, place, whole=GEOMETRY not in missing)
            derived = derived_fields(measured, time_in_name(scene_id)).to_feature(scene_id)
            feature = completed_feature(feature, missing, derived) if feature["properties"] else derived
        except (RasterProblem, SidecarProblem, ValueError) as problem:
            if "acquired" in missing:
                problems.append(Problem(raster, str(problem)))
                return
            # What its metadata has is enough, as of a scene that is not georeferenced.
    elif "acquired" in missing:
        if feature["properties"] and not problems:
            problems.append(Problem(unit.files[0].path, "has no time of acquisition (acquired)"))
        return
    if any(is_beside_raster(file.path) for file in unit.files):
        for path in sorted({asset.path for asset in assets} - {problem.path for problem in problems}):
            try:
                complete(root / path, read_place(root / path, root))
            except SidecarProblem as problem:
                problems.append(Problem(path, str(problem)))
    guessed = (ACQUIRED,) if "acquired" in missing and "guessed" in feature["properties"] else ()
    scene_type = synced.scene_type if synced else scene_type_of(feature)
    found = tuple(_with_bands(asset, scene_type, sensor_of(scene_id)) for asset in assets)
    if synced is None:
        yield SceneRecord(scene_type, feature, found, guessed=guessed)
    else:
        known = replace(synced.fields, geometry=None).completed(replace(SceneFields.of_feature(feature), v0={}))
        yield SceneRecord(scene_type, feature, found, synced.item_type, synced.collection, known.to_json())


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
        found[product] = SceneAsset(product, file.path, raster.media_type, roles, product, raster=raster)
    return list(found.values())


def _with_bands(asset: SceneAsset, scene_type: str, sensor: str) -> SceneAsset:
    """Return an asset with its bands: by descriptions in the file, else as documented, else by colours."""
    assert asset.raster is not None
    documented = (bands_of(scene_type, asset.key, sensor), *variants_of(scene_type, asset.key))
    fitting = next((bands for bands in documented if len(bands) == asset.raster.bands), ())
    # A band without a name is that of a product of one band.
    named = [band if band.name else band._replace(name=asset.key) for band in fitting]
    return replace(asset, bands=named_bands(asset.raster, named))


def _metadata(
    root: Path, unit: Unit, scene_id: str, problems: List[Problem]
) -> Tuple[Mapping[str, Any], Sequence[str], Optional[SyncedItem]]:
    """Return the Feature of the metadata file, the fields to derive, and the item of another API than v0 if it is one.

    The Feature is one without any properties if the file is unusable.
    """
    nothing: Dict[str, object] = {"type": "Feature", "id": scene_id, GEOMETRY: None, "properties": {}}
    path = next((f.path for f in unit.files if f.path.endswith(_SIDECAR)), None)
    if path is None:
        return nothing, DERIVED, None
    try:
        document = load_json(root / path)
        if not isinstance(document, dict) or document.get("type") != "Feature":
            raise ValueError("is not a GeoJSON Feature")
        if document.get("id", scene_id) != scene_id:
            raise ValueError(f"describes the scene {document['id']!r}, which differs from its name")
        if not isinstance(document.get("properties", {}), dict):
            raise ValueError("has no properties")
    except ValueError as error:
        problems.append(Problem(path, str(error)))
        return nothing, DERIVED, None
    synced = synced_item(document)
    if synced is not None:
        problems += [Problem(path, text) for text in synced.unreadable]
        document = synced.fields.to_feature(scene_id)
    feature, missing, unreadable = checked_fields({**nothing, **document} if "id" not in document else document)
    if unreadable:
        problems.append(Problem(path, f"has unreadable values: {', '.join(unreadable)}"))
    return feature, missing, synced


def _natural(product: str) -> Tuple[str, int]:
    """Return a sort key that orders ``band_2`` before ``band_10``."""
    stem, _, number = product.rpartition("_")
    return (stem, int(number)) if re.fullmatch(r"[0-9]{1,9}", number) else (product, 0)
