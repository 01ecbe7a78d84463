"""Scenes of Planet's items: their files and metadata, as the Data API v1 and orders have them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Dict, Iterable, List, NamedTuple, Optional

from planet_vector.server.archive.fields import SceneFields, first_of, text_or_none, time_or_none
from planet_vector.server.archive.kinds.planet_bands import Sources, planet_bands
from planet_vector.server.archive.kinds.planet_names import product_of, provider_of, roles_of, scene_type_of
from planet_vector.server.archive.media_types import media_type_of
from planet_vector.server.archive.metadata.bounded import MetadataProblem, read_bounded
from planet_vector.server.archive.metadata.planet_item import item_fields, item_type_of
from planet_vector.server.archive.metadata.planet_xml import PlanetXml, parse_planet_xml
from planet_vector.server.archive.raster_assets import SERVED, complete_fields, read_rasters
from planet_vector.server.archive.scene_features import parse_json
from planet_vector.server.archive.units import Problem, SceneAsset, SceneRecord

_CUT = re.compile(r"_clip(?=[_.])", re.IGNORECASE)

# An id with a time, of which PlanetScope's may have hundredths of a second; and with a date.
_TIMED = re.compile(r"(\d{4}-?\d\d-?\d\d)[_T](\d{6})_(?:(\d{1,2})_[0-9a-z]{4}$)?", re.ASCII)
_DATED = re.compile(r".*_(\d{4}-\d\d-\d\d)_", re.ASCII)
_RAPIDEYE = re.compile(r"_(?:RE|RapidEye-)([1-5])$", re.ASCII)
_TILE = re.compile(r"(?:.*_)?(\d{7})_", re.ASCII)


class ItemFile(NamedTuple):
    """File of an item: its path relative to the archive, and its asset (``metadata`` for the item's own metadata)."""

    path: str
    asset: str


def read_item(
    root: Path, item_type: str, item_id: str, files: Iterable[ItemFile], problems: List[Problem]
) -> Optional[SceneRecord]:
    """Return the scene of an item, or None if it cannot be served.

    Parameters
    ----------
    root : Path
        The archive.
    item_type, item_id : str
        The item.
    files : iterable of ItemFile
        Its files.
    problems : list of Problem
        Receives the files that cannot be served.

    Raises
    ------
    OSError
        If a file cannot be read.
    """
    found = sorted(files, key=lambda file: (not SERVED.search(file.path), file.path))
    if not found:
        return None
    xml = _read_xml(root, found, problems)
    said = _read_json(root, found, item_id, problems)
    stated = first_of(said, *(_of_xml(item_type, document) for document in xml.values()), _of_id(item_type, item_id))
    if item_type.startswith("RE"):
        stated = _with_tile(stated, item_id, xml.values())
    sources = Sources(item_type, stated.instrument, xml)
    listed = [_asset(item_type, file) for file in found]
    assets = read_rasters(root, listed, lambda asset, raster: planet_bands(root, sources, asset, raster), problems)
    if not assets:
        return None
    is_cut = any(asset.raster is not None and _CUT.search(asset.path.rpartition("/")[2]) for asset in assets)
    frame = next((document.corners for document in xml.values() if document.corners is not None), None)
    fields = complete_fields(root, assets, stated, problems, is_cut, frame)
    if fields is None:
        return None
    feature = fields.to_feature(item_id)
    return SceneRecord(
        scene_type_of(item_type), feature, tuple(assets), item_type, item=fields.to_json(), guessed=fields.guessed
    )


def _asset(item_type: str, file: ItemFile) -> SceneAsset:
    is_raster = SERVED.search(file.path) is not None
    product = product_of(item_type, file.asset) if is_raster else None
    return SceneAsset(file.asset, file.path, media_type_of(file.path), roles_of(file.asset, is_raster), product)


def _read_json(root: Path, files: Iterable[ItemFile], item_id: str, problems: List[Problem]) -> SceneFields:
    """Return the fields of the item's own metadata; without any if it cannot be read."""
    path = next((file.path for file in files if file.asset == "metadata" and file.path.lower().endswith(".json")), None)
    if path is None:
        return SceneFields()
    try:
        document = parse_json(read_bounded(root / path))
        if not isinstance(document, dict) or not isinstance(document.get("properties"), dict):
            raise MetadataProblem("is no metadata of an item: it has no properties")
        said = document.get("id")
        if isinstance(said, str) and said.lower() != item_id.lower():
            raise MetadataProblem(f"describes the item {said[:100]!r}, which differs from its name")
    except ValueError as error:
        problems.append(Problem(path, str(error)))
        return SceneFields()
    if item_type_of(document) is None:
        return SceneFields.of_feature(document)
    fields, unreadable = item_fields(document)
    problems += [Problem(path, text) for text in unreadable]
    return fields


def _read_xml(root: Path, files: Iterable[ItemFile], problems: List[Problem]) -> Dict[str, PlanetXml]:
    """Return metadata by the asset that it describes."""
    found: Dict[str, PlanetXml] = {}
    for file in files:
        if file.asset.endswith("_xml") and file.path.lower().endswith(".xml"):
            try:
                found.setdefault(file.asset[: -len("_xml")], parse_planet_xml(read_bounded(root / file.path)))
            except MetadataProblem as problem:
                problems.append(Problem(file.path, str(problem)))
    return found


def _of_xml(item_type: str, document: PlanetXml) -> SceneFields:
    if item_type.startswith("PS"):
        return replace(document.fields, strip_id=document.archive_id)
    if not item_type.startswith("RE"):
        return document.fields
    match = re.fullmatch(r"RE-?([1-5])", document.fields.satellite or "", re.ASCII | re.IGNORECASE)
    satellite = f"RapidEye-{match[1]}" if match else document.fields.satellite
    # The outline of a tile is that of its pixels, if they can be read.
    geometry = None if item_type == "REOrthoTile" else document.fields.geometry
    return replace(document.fields, satellite=satellite, geometry=geometry)


def _of_id(item_type: str, item_id: str) -> SceneFields:
    """Return what an id tells: time, satellite and provider."""
    acquired: Optional[datetime] = None
    timed, dated = _TIMED.match(item_id), _DATED.match(item_id)
    if timed:
        acquired = time_or_none(f"{timed[1].replace('-', '')}_{timed[2]}")
        if acquired is not None and timed[3] and item_type.startswith("PS"):
            acquired += timedelta(milliseconds=10 * int(timed[3]))
    elif dated:
        acquired = time_or_none(dated[1])
    provider, satellite = provider_of(item_type), None
    if provider == "planetscope":
        satellite = item_id.rpartition("_")[2]
    elif provider == "skysat":
        match = re.search(r"_(ssc?\d{1,2})(?:d[123])?_", item_id)
        satellite = match[1].upper() if match else None
    elif provider == "rapideye":
        match = _RAPIDEYE.search(item_id)
        satellite = f"RapidEye-{match[1]}" if match else None
    gsd = 6.5 if provider == "rapideye" else None  # of the sensor: Planet Labs' specification of RapidEye
    return SceneFields(acquired=acquired, satellite=satellite, provider=provider, gsd=gsd)


def _with_tile(fields: SceneFields, item_id: str, xml: Iterable[PlanetXml]) -> SceneFields:
    """Return fields with RapidEye's tile and catalogue id."""
    documents = list(xml)
    named = _TILE.match(item_id)
    tile = (
        _text(fields.v1.get("grid_cell"))
        or next((d.tile_id for d in documents if d.tile_id), None)
        or (named[1] if named else None)
    )
    catalog = _text(fields.v1.get("catalog_id")) or next((d.archive_id for d in documents if d.archive_id), None)
    v0 = {name: value for name, value in (("tile_id", tile), ("catalog_id", catalog)) if value}
    v1 = {name: value for name, value in (("grid_cell", tile), ("catalog_id", catalog)) if value}
    stac = {"pl:grid_cell": tile} if tile else {}
    return fields.completed(SceneFields(v0={"rapideye": v0} if v0 else {}, v1=v1, stac=stac))


def _text(value: object) -> Optional[str]:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else text_or_none(value)
