"""Orthomosaics of drone surveys by OpenDroneMap: a scene for each project folder."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Tuple

from planet_vector.bands import BandInfo
from planet_vector.bands.planet import ALPHA, RGB
from planet_vector.pixels.opening import open_raster
from planet_vector.server.archive.fields import ACQUIRED, SceneFields, first_of, time_or_none
from planet_vector.server.archive.kinds.planet_bands import named_bands
from planet_vector.server.archive.listing import Listing
from planet_vector.server.archive.media_types import GEOTIFF
from planet_vector.server.archive.metadata.bounded import read_bounded
from planet_vector.server.archive.raster_assets import changed_at, complete_fields, read_rasters
from planet_vector.server.archive.raster_info import RasterInfo
from planet_vector.server.archive.scene_features import parse_json
from planet_vector.server.archive.units import Kind, Problem, SceneAsset, SceneRecord, Unit, name_of

_PREFIX = "drone:"
_ORTHOPHOTO = re.compile(r"odm_orthophoto(?:\.original)?\.tif", re.IGNORECASE)
_FOLDER = "odm_orthophoto"
_BESIDE = ("odm_dem/dsm.tif", "odm_dem/dtm.tif", "odm_report/stats.json")
_TIME = "%d/%m/%Y at %H:%M:%S"  # of OpenSfM's statistics, opensfm/stats.py of OpenDroneMap
_FIRST_YEAR = 1990  # eight digits may be another number
_DATE = re.compile(r"(?<!\d)(\d{4})-?(\d\d)-?(\d\d)(?!\d)", re.ASCII)


def _claim(listing: Listing, problems: List[Problem]) -> Iterator[Tuple[str, str]]:
    projects: Dict[str, List[str]] = {}
    for path, _ in listing.matching(_ORTHOPHOTO):
        folder, _, name = path.rpartition("/")
        project, _, last = folder.rpartition("/")
        if last.lower() == _FOLDER:
            projects.setdefault(project, []).append(path)
    for project, paths in projects.items():
        key = f"{_PREFIX}{project or _FOLDER}"
        cropped = [path for path in paths if not path.lower().endswith(".original.tif")]
        for path in paths:
            yield key if path in (cropped or paths) else "", path
        for name in _BESIDE:
            path = f"{project}/{name}" if project else name
            if path in listing:
                yield key, path


def _read(root: Path, unit: Unit, problems: List[Problem]) -> Iterator[SceneRecord]:
    found: List[SceneAsset] = []
    stated = SceneFields()
    for file in unit.files:
        name = file.path.rpartition("/")[2].lower()
        if name == "stats.json":
            stated = _capture_times(root, file.path, problems)
        elif _ORTHOPHOTO.fullmatch(name):
            found.insert(0, SceneAsset("orthophoto", file.path, GEOTIFF, product="analytic"))
        elif name in ("dsm.tif", "dtm.tif"):
            found.append(SceneAsset(name[:3], file.path, GEOTIFF, product=name[:3]))
    assets = [_named(asset) for asset in read_rasters(root, found, _bands, problems)]
    if not assets:
        return
    changed = changed_at(root / assets[0].path)
    # A guess before what `complete_fields` adds: TIFFTAG_DATETIME is the time of processing.
    stated = first_of(
        stated,
        SceneFields(acquired=_tagged(root / assets[0].path)),
        SceneFields(acquired=_date_in(unit.key)),
        SceneFields(acquired=changed, guessed=() if changed is None else (ACQUIRED,)),
    )
    fields = complete_fields(root, assets, stated, problems)
    if fields is not None:
        feature = fields.to_feature(name_of(unit.key))
        yield SceneRecord("drone", feature, tuple(assets), item=fields.to_json(), guessed=fields.guessed)


def _named(asset: SceneAsset) -> SceneAsset:
    """Return a file with its product and role: three or four bands of bytes are a picture."""
    if asset.key != "orthophoto" or asset.raster is None or asset.raster.product != "visual":
        return asset
    return replace(asset, product="visual", roles=("visual",))


def _bands(asset: SceneAsset, raster: RasterInfo) -> Tuple[BandInfo, ...]:
    is_picture = asset.key == "orthophoto" and raster.product == "visual"
    return named_bands(raster, (*RGB, ALPHA)[: raster.bands] if is_picture else ())


def _capture_times(root: Path, path: str, problems: List[Problem]) -> SceneFields:
    """Return the times of the first and the last picture, which are in UTC; both may be ``unknown``."""
    try:
        document = parse_json(read_bounded(root / path))
    except ValueError as error:
        problems.append(Problem(path, str(error)))
        return SceneFields()
    group = document.get("processing_statistics") if isinstance(document, dict) else None
    said = group if isinstance(group, dict) else {}
    start, end = (_time(said.get(name)) for name in ("start_date", "end_date"))
    if start is None or end is None or end < start:
        return SceneFields(acquired=start)
    return SceneFields(acquired=start, start=start, end=end)


def _time(value: object) -> Optional[datetime]:
    if not isinstance(value, str):
        return None
    try:
        return datetime.strptime(value, _TIME).replace(tzinfo=timezone.utc)
    except ValueError:
        return time_or_none(value)


def _tagged(path: Path) -> Optional[datetime]:
    """Return the time of acquisition by the tags of a file."""
    with open_raster(path) as dataset:
        texts = (dataset.tags(ns="IMAGERY").get("ACQUISITIONDATETIME"), dataset.tags().get("ACQUISITIONDATETIME"))
    return next(filter(None, map(time_or_none, texts)), None)


def _date_in(key: str) -> Optional[datetime]:
    """Return the date in the name of the project folder, else of the nearest folder above it."""
    for folder in reversed(key.partition(":")[2].split("/")):
        dates = (time_or_none("-".join(match.groups())) for match in _DATE.finditer(folder))
        found = next((date for date in dates if date is not None and date.year >= _FIRST_YEAR), None)
        if found is not None:
            return found
    return None


KIND = Kind(_PREFIX, _claim, _read, name_of)
