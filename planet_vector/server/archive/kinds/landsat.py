"""Landsat scenes as USGS names them: before collections, of collections 1 and 2, and of levels 1 and 2.

Files of level 2 that were made on demand have the ids of level 1, and are scenes of their own.

The files of an id are a scene. Names and fields are defined in ``docs/archives.md``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Optional, Set, Tuple

from planet_vector.bands import BandInfo
from planet_vector.bands.landsat import FILE_NAMES, ON_DEMAND, LandsatFile, file_of
from planet_vector.server.archive.band_names import bands_of
from planet_vector.server.archive.fields import SceneFields, first_of, number_or_none
from planet_vector.server.archive.listing import Listing
from planet_vector.server.archive.media_types import JPEG, JSON, TEXT, XML
from planet_vector.server.archive.metadata.landsat_fields import (
    ID,
    ON_DEMAND_END,
    LandsatId,
    grid_outline,
    named_fields,
    stated_fields,
)
from planet_vector.server.archive.metadata.mtl import Groups, parse_mtl, value
from planet_vector.server.archive.scene_metadata import derived_fields
from planet_vector.server.archive.unit_files import load_metadata, load_raster, measure_first, raster_type
from planet_vector.server.archive.units import MISSING, Kind, Problem, SceneAsset, SceneRecord, Unit, name_of

_PREFIX = "landsat:"
_OTHER = r"MTL\.(?:txt|json|xml)|ANG\.txt|thumb_(?:large|small)\.jpeg"
_NAME = re.compile(rf"(?P<id>{ID})_(?P<rest>(?:{FILE_NAMES})\.tif|{_OTHER})", re.IGNORECASE)
_ON_DEMAND = re.compile(rf"(?:{ON_DEMAND})\.tif", re.IGNORECASE)
_ITEM = re.compile(rf"(?P<id>{ID})(?:_S[RT])?_stac\.json", re.IGNORECASE)
_OTHERS: Mapping[str, Tuple[str, Optional[str], str, str]] = {
    "mtl.txt": ("mtl.txt", "metadata_txt", TEXT, "metadata"),
    "mtl.json": ("mtl.json", "metadata_json", JSON, "metadata"),
    "mtl.xml": ("mtl.xml", "metadata_xml", XML, "metadata"),
    "ang.txt": ("ang", None, TEXT, "metadata"),
    "thumb_small.jpeg": ("thumbnail", None, JPEG, "thumbnail"),
    "thumb_large.jpeg": ("reduced_resolution_browse", None, JPEG, "overview"),
}
_CONTENTS = ("PRODUCT_CONTENTS", "PRODUCT_METADATA")
_LEVEL_1_ONLY = re.compile("FILE_NAME_|DATA_TYPE$|PROCESSING_LEVEL$|FILE_DATE$|DATE_PRODUCT_GENERATED$")
_LEVEL_1 = ("LEVEL1_RADIOMETRIC_RESCALING", "RADIOMETRIC_RESCALING")
_SURFACE = ("LEVEL2_SURFACE_REFLECTANCE_PARAMETERS",)
_TEMPERATURE = ("LEVEL2_SURFACE_TEMPERATURE_PARAMETERS",)


def _claim(listing: Listing, problems: List[Problem]) -> Iterator[Tuple[str, str]]:
    scenes: Dict[str, List[Tuple[str, str]]] = defaultdict(list)
    metadata: Dict[str, List[Tuple[str, str]]] = defaultdict(list)
    for path, match in listing.matching(_NAME):
        scene_id, file = match["id"].upper(), (path, match["rest"].lower())
        if not path.lower().endswith(".tif"):
            metadata[scene_id].append(file)
        elif _ON_DEMAND.fullmatch(match["rest"]) and LandsatId.of(scene_id).level == 1:
            scenes[scene_id + ON_DEMAND_END].append(file)
        else:
            scenes[scene_id].append(file)
    for scene_id, files in metadata.items():
        ids = [each for each in (scene_id, scene_id + ON_DEMAND_END) if each in scenes] or [scene_id]
        folders = {each: {path.rpartition("/")[0] for path, _ in scenes[each]} for each in ids}
        for path, rest in files:
            # Metadata belongs to the images beside it, else to all of its id.
            beside = [each for each in ids if path.rpartition("/")[0] in folders[each]]
            for each in beside or ids:
                scenes[each].append((path, rest))
    for path, match in listing.matching(_ITEM):
        if match["id"].upper() in scenes:
            yield "", path  # USGS's own item, whose links are remote
    for scene_id, files in scenes.items():
        # The files of a scene may be in several folders. Two files of one name are two scenes, one in each folder.
        apart = len({rest for _, rest in files}) < len(files)
        together = len({path.rpartition("/")[0] for path, _ in files}) == 1
        for path, _ in files:
            folder = path[: path.rfind("/") + 1] if apart or together else ""
            yield f"{_PREFIX}{folder}{scene_id}", path


def _read(root: Path, unit: Unit, problems: List[Problem]) -> Iterator[SceneRecord]:
    scene_id = name_of(unit.key)
    told = LandsatId.of(scene_id)
    rests = {}
    for file in unit.files:
        match = _NAME.fullmatch(file.path.rpartition("/")[2])
        if match:
            rests[match["rest"].lower()] = file.path
    groups = _groups(root, rests, problems)
    if scene_id.endswith(ON_DEMAND_END):  # its MTL is that of level 1
        groups = {name: {key: text for key, text in values.items() if not _LEVEL_1_ONLY.match(key)}
                  for name, values in groups.items()}  # fmt: skip
    images = _images(root, told, rests, groups, problems)
    if not images:
        return
    for name in sorted(_listed(groups) - set(rests)):
        problems.append(
            Problem(_beside(images[0].path, scene_id, name), "is listed by the MTL, but missing", kind=MISSING)
        )
    measured = measure_first(root, sorted(images, key=_preference), problems)
    derived = SceneFields() if measured is None else derived_fields(measured)
    grid = SceneFields(geometry=grid_outline(groups))
    fields = first_of(stated_fields(groups), named_fields(told), derived, grid)
    if fields.geometry is None or fields.acquired is None:
        return
    others = [
        SceneAsset(key, rests[rest], media_type, (role,), v1=v1)
        for rest, (key, v1, media_type, role) in _OTHERS.items()
        if rest in rests
    ]
    item_type, collection = told.names
    yield SceneRecord(
        "landsat",
        fields.to_feature(scene_id),
        (*images, *others),
        item_type,
        collection,
        fields.to_json(),
        fields.guessed,
    )


KIND = Kind(_PREFIX, _claim, _read, name_of)


def _groups(root: Path, rests: Mapping[str, str], problems: List[Problem]) -> Groups:
    for form in ("txt", "json", "xml"):
        path = rests.get(f"mtl.{form}")
        found = load_metadata(root, path, parse_mtl, problems) if path else None
        if found:
            return found
    return {}


def _images(
    root: Path, told: LandsatId, rests: Mapping[str, str], groups: Groups, problems: List[Problem]
) -> List[SceneAsset]:
    found = []
    for rest, path in rests.items():
        if not rest.endswith(".tif"):
            continue
        raster = load_raster(root, path, problems)
        if raster is None:
            continue
        name = rest[: -len(".tif")].upper()
        file = file_of(told.letter, told.satellite, name)
        bands = (_band(file, name, groups, raster.nodata),) if raster.bands == 1 else bands_of(raster)
        asset = SceneAsset(file.key, path, raster_type(path, raster), file.roles, file.product, file.v1, bands, raster)
        found.append((file.number or 99, name, asset))
    return [asset for _, _, asset in sorted(found, key=lambda row: row[:2])]


def _band(file: LandsatFile, name: str, groups: Groups, own: Optional[float]) -> BandInfo:
    scale: Optional[float] = None
    offset: Optional[float] = None
    unit = ""
    if file.number is not None:
        level, what = (
            (_SURFACE, "REFLECTANCE") if name.startswith("SR_")
            else (_TEMPERATURE, "TEMPERATURE") if name.startswith("ST_") else (_LEVEL_1, "REFLECTANCE")
        )  # fmt: skip
        end = name if what == "TEMPERATURE" else str(file.number)
        scale = number_or_none(value(groups, f"{what}_MULT_BAND_{end}", *level))
        offset = number_or_none(value(groups, f"{what}_ADD_BAND_{end}", *level))
        unit = "K" if what == "TEMPERATURE" and scale is not None else ""
    nodata = own
    if nodata is None and name.startswith("SR_BAND"):
        nodata = -9999
    elif nodata is None and file.number is not None:
        nodata = 0
    elif nodata is None and name in ("QA_PIXEL", "PIXEL_QA", "BQA"):
        nodata = 1
    elif nodata is None and name.startswith("ST_"):
        nodata = -9999
    return BandInfo(file.band, scale, offset, nodata, unit)


def _listed(groups: Groups) -> Set[str]:
    """Return the images that the MTL lists as files, by the end of their names in lower case."""
    found = set()
    for name in _CONTENTS:
        for key, text in groups.get(name, {}).items():
            match = _NAME.fullmatch(text) if key.startswith("FILE_NAME_") else None
            if match and match["rest"].lower().endswith(".tif"):
                found.add(match["rest"].lower())
    return found


def _beside(path: str, scene_id: str, rest: str) -> str:
    stem, _, _ = rest.rpartition(".")
    return f"{path[: path.rfind('/') + 1]}{scene_id}_{stem.upper()}.TIF"


def _preference(asset: SceneAsset) -> int:
    """Return the rank of an image for the footprint: red, other reflective bands, quality, others."""
    band = asset.bands[0].band if asset.bands else None
    if band is None:
        return 4
    if band.common == "red":
        return 0
    return 1 if band.high is not None and band.high < 3 else 2 if asset.key == "qa_pixel" else 3
