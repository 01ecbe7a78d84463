"""Tiles of RapidEye outside of an order with a manifest: ``<tile>_<date>_RE<satellite>_3A_…``.

The id of a tile is that of Planet's item. Its name contains the time, which the names of the rasters do not.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Iterator, List, Optional, Tuple

from planet_vector.server.archive.kinds.planet_names import TOOLS, order_folder
from planet_vector.server.archive.kinds.planet_scenes import ItemFile, read_item
from planet_vector.server.archive.listing import Listing
from planet_vector.server.archive.metadata.bounded import MetadataProblem, read_bounded
from planet_vector.server.archive.metadata.planet_xml import parse_planet_xml
from planet_vector.server.archive.raster_names import RASTER
from planet_vector.server.archive.units import Kind, Problem, SceneRecord, Unit, name_of

_PREFIX = "rapideye:"
_ITEM_TYPE = "REOrthoTile"
_FILE = re.compile(
    r"(?P<tile>\d{7})_(?P<date>\d{4}-\d\d-\d\d)_RE(?P<sat>[1-5])_3A(?:_\d+)?_(?P<rest>Analytic|Analytic_SR|Visual|udm)"
    rf"{TOOLS}(?P<tail>\.tiff?|_metadata(?:_clip)?\.xml)",
    re.IGNORECASE | re.ASCII,
)
_ITEM = re.compile(
    r"(?P<id>(?P<day>\d{8})_\d{6}_(?P<tile>\d{7})_RapidEye-(?P<sat>[1-5]))_metadata\.json", re.IGNORECASE | re.ASCII
)
_FOLDER = re.compile(r"\d{8}_\d{6}_(?P<tile>\d{7})_RapidEye-[1-5]", re.IGNORECASE | re.ASCII)
_NAME = re.compile(r"(?P<tile>\d{7})_\d{4}-\d\d-\d\d_RE(?P<sat>[1-5])", re.ASCII)


def _claim(listing: Listing, problems: List[Problem]) -> Iterator[Tuple[str, str]]:
    keys = set()
    xml: List[Tuple[str, str]] = []
    for path, match in listing.matching(_FILE):
        key = _key(path, match["tile"], match["date"], match["sat"])
        if RASTER.search(path):
            keys.add(key)
            yield key, path
        else:
            xml.append((key, path))
    for path, match in listing.matching(_ITEM) if keys else ():
        day = match["day"]
        xml.append((_key(path, match["tile"], f"{day[:4]}-{day[4:6]}-{day[6:]}", match["sat"]), path))
    yield from ((key, path) for key, path in xml if key in keys)


def _key(path: str, tile: str, date: str, satellite: str) -> str:
    folders = path.split("/")[:-1]
    items = [folder for folder in folders if (found := _FOLDER.fullmatch(folder)) and found["tile"] == tile]
    folder = order_folder(path, items[-1] if items else "")
    name = f"{tile}_{date}_RE{satellite}"
    return f"{_PREFIX}{folder}/{name}" if folder else _PREFIX + name


def _read(root: Path, unit: Unit, problems: List[Problem]) -> Iterator[SceneRecord]:
    files: List[ItemFile] = []
    item_id: Optional[str] = None
    for file in unit.files:
        name = file.path.rpartition("/")[2]
        match, item = _FILE.fullmatch(name), _ITEM.fullmatch(name)
        if match:
            asset = match["rest"].lower()
            files.append(ItemFile(file.path, f"{asset}_xml" if "metadata" in match["tail"].lower() else asset))
        elif item and item_id is None:
            item_id = re.sub("rapideye", "RapidEye", item["id"], flags=re.IGNORECASE)
            files.append(ItemFile(file.path, "metadata"))
    record = read_item(root, _ITEM_TYPE, item_id or _id_by_time(root, unit), files, problems)
    if record is not None:
        yield record


def _id_by_time(root: Path, unit: Unit) -> str:
    """Return the id of the item by the time in the XML, else by the names of the rasters."""
    name = name_of(unit.key)
    match = _NAME.fullmatch(name)
    for file in unit.files:
        if match and file.path.lower().endswith(".xml"):
            try:
                acquired = parse_planet_xml(read_bounded(root / file.path)).fields.acquired
            except MetadataProblem:
                continue  # reported when the item is read
            if acquired is not None and (acquired.hour, acquired.minute, acquired.second) != (0, 0, 0):
                return f"{acquired:%Y%m%d_%H%M%S}_{match['tile']}_RapidEye-{match['sat']}"
    return name


KIND = Kind(_PREFIX, _claim, _read)
