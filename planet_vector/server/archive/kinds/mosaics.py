"""Composites of orders, and quads of basemaps that were ordered: scenes of one raster, under its own name.

A composite has the metadata of its source items beside it, a quad that of the quad. Both repeat their names in each
order.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Tuple

from planet_vector.bands import BandInfo, planet
from planet_vector.server.archive.fields import SceneFields, first_of, text_or_none, time_or_none
from planet_vector.server.archive.kinds.planet_bands import named_bands
from planet_vector.server.archive.kinds.planet_names import TOOLS, parse_name
from planet_vector.server.archive.listing import Listing
from planet_vector.server.archive.media_types import GEOTIFF, JSON
from planet_vector.server.archive.metadata.bounded import read_bounded
from planet_vector.server.archive.metadata.planet_item import item_fields, item_type_of
from planet_vector.server.archive.raster_assets import complete_fields, read_rasters
from planet_vector.server.archive.raster_info import RasterInfo
from planet_vector.server.archive.raster_names import RASTER
from planet_vector.server.archive.scene_features import parse_json
from planet_vector.server.archive.units import Kind, Problem, SceneAsset, SceneRecord, Unit, name_of
from planet_vector.times import INSTANT

_PREFIX = "mosaic:"
_START = r"(?P<start>(?:(?P<date>\d{4}-\d\d-\d\d)_strip_(?P<strip>\d+)_)?composite)"
_COMPOSITE = re.compile(rf"{_START}(?P<mask>_udm2?)?(?P<tools>{TOOLS})\.tiff?", re.IGNORECASE | re.ASCII)
_COMPOSITE_JSON = re.compile(rf"{_START}{TOOLS}_metadata\.json", re.IGNORECASE | re.ASCII)
_QUAD = re.compile(rf"(?P<stem>(?P<quad>\d+-\d+)_quad{TOOLS})\.tiff?", re.IGNORECASE | re.ASCII)
_QUAD_JSON = re.compile(r"(?P<quad>\d+-\d+)_metadata\.json", re.IGNORECASE | re.ASCII)
_ITEM_JSON = re.compile(r"\d.*_metadata\.json", re.IGNORECASE | re.ASCII)
_MONTHS = re.compile(r"(?<!\d)(\d{4})[_-](\d\d)(?:[_-](\d{4})[_-](\d\d))?(?!\d)", re.ASCII)
_QUARTER = re.compile(r"(?<!\d)(\d{4})q([1-4])(?!\d)", re.IGNORECASE | re.ASCII)
_NAME_OF_MOSAIC = re.compile(r".*(?:mosaic|global_(?:monthly|quarterly)|normalized|basemap).*", re.IGNORECASE)
_FIRST = 1990  # year; four digits may be another number
_MOST_SOURCES = 10_000  # items of a composite


def _claim(listing: Listing, problems: List[Problem]) -> Iterator[Tuple[str, str]]:
    found = [(path[: path.rfind("/") + 1], path, match) for path, match in listing.matching(_COMPOSITE)]
    starts = {folder + match["start"].lower() for folder, _, match in found if not match["mask"]}
    own: Dict[str, str] = {}
    for path, match in listing.matching(_COMPOSITE_JSON):
        own[path[: path.rfind("/") + 1] + match["start"].lower()] = path
    composites: Dict[str, List[str]] = {}
    for folder, path, match in found:
        start = folder + match["start"].lower()
        if start not in starts and start in own:
            continue  # of a synchronised scene, whose product is in a file of another name
        key = f"{_PREFIX}{folder}{match['start']}{match['tools']}"
        composites.setdefault(folder, []).append(key)
        yield key, path
        if start in own:
            yield key, own[start]
    sources: Dict[str, List[str]] = {folder: [] for folder in composites}
    for path, _ in listing.matching(_ITEM_JSON) if composites else ():
        folder = path[: path.rfind("/") + 1]
        # The items of an order are beside its composite, or in folders below.
        while folder not in sources and folder:
            folder = folder[: folder.rstrip("/").rfind("/") + 1]
        if folder in sources and parse_name(path.rpartition("/")[2]) is not None:
            sources[folder].append(path)
    for folder, paths in sources.items():
        for key in dict.fromkeys(composites[folder]):
            yield from ((key, path) for path in paths[:_MOST_SOURCES])
    quads: Dict[str, List[str]] = {}
    for path, match in listing.matching(_QUAD):
        folder = path[: path.rfind("/") + 1]
        key = f"{_PREFIX}{folder}{match['stem']}"
        quads.setdefault(folder + match["quad"], []).append(key)
        yield key, path
    for path, match in listing.matching(_QUAD_JSON) if quads else ():
        for key in quads.get(path[: path.rfind("/") + 1] + match["quad"], ()):
            yield key, path


def _read(root: Path, unit: Unit, problems: List[Problem]) -> Iterator[SceneRecord]:
    composite = _COMPOSITE.fullmatch(name_of(unit.key) + ".tif")
    item_type: Optional[str] = None
    metadata = [file.path for file in unit.files if file.path.lower().endswith(".json")]
    if composite:
        metadata.sort(key=lambda path: (not _is_own(path), path))
        stated, item_type = _of_composite(root, composite["strip"], metadata, problems)
        stated = first_of(stated, SceneFields(acquired=time_or_none(composite["date"])))
    else:
        stated = _of_quad(root, unit.key, metadata, problems)

    def bands(asset: SceneAsset, raster: RasterInfo) -> Tuple[BandInfo, ...]:
        return _bands(asset, raster, item_type)

    listed = [_asset(file.path) for file in unit.files if RASTER.search(file.path)]
    rasters = [_named(asset) for asset in read_rasters(root, listed, bands, problems)]
    if not any(asset.key not in ("udm", "udm2") for asset in rasters):
        if rasters:
            problems.append(Problem(rasters[0].path, "is the mask of a composite that is not there"))
        return
    fields = complete_fields(root, rasters, stated, problems)
    if fields is None:
        return
    assets = [*rasters, *(SceneAsset(f"metadata_{n}" if n else "metadata", path, JSON, ("metadata",))
                          for n, path in enumerate(metadata))]  # fmt: skip
    feature = fields.to_feature(name_of(unit.key))
    yield SceneRecord("ortho", feature, tuple(assets), item=fields.to_json(), guessed=fields.guessed)


KIND = Kind(_PREFIX, _claim, _read, name_of)


def _asset(path: str) -> SceneAsset:
    match = _COMPOSITE.fullmatch(path.rpartition("/")[2])
    mask = (match["mask"] or "").strip("_").lower() if match else ""
    if mask:
        return SceneAsset(mask, path, GEOTIFF, ("data", "cloud", "cloud-shadow", "snow-ice"), mask)
    return SceneAsset("image", path, GEOTIFF, product="analytic")


def _named(asset: SceneAsset) -> SceneAsset:
    """Return a raster with the product that its pixels tell."""
    if asset.key != "image" or asset.raster is None:
        return asset
    product = asset.raster.product
    return replace(asset, key=product, product=product, roles=("visual",) if product == "visual" else ("data",))


def _bands(asset: SceneAsset, raster: RasterInfo, item_type: Optional[str]) -> Tuple[BandInfo, ...]:
    if asset.key != "image":
        return named_bands(raster, planet.UDM2 if asset.key == "udm2" else planet.UDM)
    if "_bandmath" in asset.path.rpartition("/")[2].lower():
        return named_bands(raster, ())
    if raster.product == "visual":
        return named_bands(raster, (*planet.RGB, planet.ALPHA)[: raster.bands])
    if item_type is None or not item_type.startswith("PSScene"):
        return named_bands(raster, ())
    return named_bands(raster, planet.EIGHT if raster.bands == 8 else planet.FOUR)


def _is_own(path: str) -> bool:
    """Return whether metadata is that of a composite, and not of an item that it is made of."""
    return _COMPOSITE_JSON.fullmatch(path.rpartition("/")[2]) is not None


def _of_composite(
    root: Path, strip: Optional[str], paths: List[str], problems: List[Problem]
) -> Tuple[SceneFields, Optional[str]]:
    """Return the fields of a composite, and the item type of its sources if they have one in common.

    Its own metadata comes first. The metadata in the folder may be of items of other strips.
    """
    times: List[datetime] = []
    own = SceneFields()
    item_types = set()
    found: List[SceneFields] = []
    for path in paths:
        try:
            document = parse_json(read_bounded(root / path))
        except ValueError as error:
            problems.append(Problem(path, str(error)))
            continue
        item_type = item_type_of(document)
        if not isinstance(document, dict) or (item_type is None and not _is_own(path)):
            continue
        fields, unreadable = item_fields(document)
        if strip is not None and not _is_own(path) and fields.strip_id != strip:
            continue
        problems += [Problem(path, text) for text in unreadable]
        if item_type is not None:
            item_types.add(item_type)
        if _is_own(path):
            own = replace(fields, geometry=None)  # that of the pixels is exact
            continue
        found.append(fields)
        if fields.acquired is not None:
            times.append(fields.acquired)
    common = next(iter(item_types)) if len(item_types) == 1 else None
    same = SceneFields(provider=_same([fields.provider for fields in found]),
                       instrument=_same([fields.instrument for fields in found]))  # fmt: skip
    if times:
        same = replace(same, acquired=min(times), start=min(times), end=max(times))
    return first_of(own, same, SceneFields(strip_id=strip)), common


def _same(values: List[Optional[str]]) -> Optional[str]:
    return values[0] if values and len(set(values)) == 1 else None


def _of_quad(root: Path, key: str, paths: List[str], problems: List[Problem]) -> SceneFields:
    """Return the fields of a quad by the name of its mosaic: in its metadata, else of the folders."""
    names: List[str] = []
    for path in paths:
        try:
            document = parse_json(read_bounded(root / path))
        except ValueError as error:
            problems.append(Problem(path, str(error)))
            continue
        said = text_or_none(document.get("mosaic")) if isinstance(document, dict) else None
        names += [said[:200]] if said else []
    names += [name for name in reversed(key.partition(":")[2].split("/")[:-1]) if _NAME_OF_MOSAIC.fullmatch(name)]
    for name in names:
        period = _period(name)
        if period is not None:
            start, end = period
            return SceneFields(acquired=start, start=start, end=end - INSTANT, stac={"planet_vector:mosaic": name})
    return SceneFields()


def _period(name: str) -> Optional[Tuple[datetime, datetime]]:
    """Return the first instant of the months in a mosaic's name, and the first after them."""
    quarter = _QUARTER.search(name)
    if quarter and _FIRST <= int(quarter[1]) < 9999:
        first = 3 * int(quarter[2]) - 2
        return _month(int(quarter[1]), first), _month(int(quarter[1]), first + 3)
    for match in _MONTHS.finditer(name):
        year, month, last_year, last = (int(text) if text else 0 for text in match.groups())
        last_year, last = (last_year, last) if last_year else (year, month)
        if 1 <= month <= 12 and 1 <= last <= 12 and _FIRST <= year and (year, month) <= (last_year, last) < (9999, 1):
            return _month(year, month), _month(last_year, last + 1)
    return None


def _month(year: int, month: int) -> datetime:
    return datetime(year + (month - 1) // 12, (month - 1) % 12 + 1, 1, tzinfo=timezone.utc)
