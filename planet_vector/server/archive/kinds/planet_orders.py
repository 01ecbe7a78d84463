"""Orders of Planet, with their manifest or without, also if their files were moved: a scene for each item.

The annotations of the manifest tell the item and asset of a file, or else its name does. An order is the folder of its
manifest; without one it is the folder above those that Planet makes.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

from planet_vector.server.archive.kinds.planet_names import LOOSE, order_folder, parse_name
from planet_vector.server.archive.kinds.planet_scenes import ItemFile, read_item
from planet_vector.server.archive.listing import Listing
from planet_vector.server.archive.metadata.bounded import MetadataProblem, read_bounded
from planet_vector.server.archive.metadata.planet_item import item_type_of
from planet_vector.server.archive.metadata.planet_manifest import Entry, is_file_manifest, parse_manifest
from planet_vector.server.archive.raster_assets import SERVED
from planet_vector.server.archive.raster_names import is_beside_raster
from planet_vector.server.archive.scene_features import parse_json
from planet_vector.server.archive.units import MISSING, Kind, Problem, SceneRecord, Unit, name_of

_PREFIX = "planet:"
_MANIFEST = re.compile(r"manifest\.json", re.IGNORECASE)
_DESCRIPTION = re.compile(r"(?P<stem>.+?)(?P<manifest>_manifest)?\.json", re.IGNORECASE | re.DOTALL)
_CATALOGS = {"catalog", "collection"}
_METADATA = "_metadata.json"
_SYNCED = re.compile(r"_[a-z0-9_]{1,64}\.tif", re.ASCII)
_KNOWN = 100_000  # metadata files that are known between scans
_SYNC_PRODUCTS = ("visual", "analytic", "unrectified", "qa")

_Item = Tuple[str, str]


class _Order(NamedTuple):
    """An order with a manifest: where the files of each item are."""

    folder: str
    found: Dict[_Item, Dict[str, Entry]]  # by path in the archive


def _claim(listing: Listing, problems: List[Problem]) -> Iterator[Tuple[str, str]]:
    orders: Dict[str, _Order] = {}
    taken: Set[str] = set()
    manifests = [path for path, _ in listing.matching(_MANIFEST)]
    # Those in sub-folders first: a folder of orders may have a manifest of its own.
    for path in sorted(manifests, key=lambda path: (-path.count("/"), path)):
        order = _read_order(listing, path, taken, problems)
        if order is None:
            continue
        orders[order.folder] = order
        yield "", path
        for item, files in order.found.items():
            key = _key(order.folder, item)
            yield key, path
            for file in files:
                taken.add(file)
                yield key, file
    if orders:
        yield from _by_name(listing, orders, taken)
        yield from _about_orders(listing, orders, taken)


def _claim_loose(listing: Listing, problems: List[Problem]) -> Iterator[Tuple[str, str]]:
    """Claim the files that no manifest lists, and which are in no order with a manifest."""
    yield from _by_name(listing, {}, set())


def _read_order(listing: Listing, path: str, taken: Set[str], problems: List[Problem]) -> Optional[_Order]:
    """Return an order, or None if a file is no manifest of one. If it cannot be read, names tell the items."""
    folder = path.rpartition("/")[0]
    try:
        manifest = parse_manifest(listing.content(path))
    except ValueError as error:
        problems.append(Problem(path, str(error)))
        return _Order(folder, {})
    except OSError as error:
        problems.append(Problem(path, f"cannot be read ({error.strerror})", unread=True))
        return _Order(folder, {})
    if manifest is None:
        return None
    problems += [Problem(path, text) for text in manifest.problems]
    found, missing = _resolved(manifest.entries, folder, set(listing.below(folder)), taken)
    lost = []
    for item, entries in list(found.items()):
        # An order of composites lists the metadata of its source items, but no raster of theirs.
        if not any(SERVED.search(entry.path) for entry in entries.values()) and not any(
            SERVED.search(entry) for entry in missing.get(item, ())
        ):
            del found[item]
    for item, paths in missing.items():
        if item not in found and any(map(SERVED.search, paths)):
            lost.append(item[1])
    if lost:
        text = f"lists {len(lost)} item{'s' * (len(lost) > 1)} of which no file is there, such as {lost[0]}"
        problems.append(Problem(path, text, kind=MISSING))
    return _Order(folder, found)


def _resolved(
    entries: List[Entry], folder: str, present: Set[str], taken: Set[str]
) -> Tuple[Dict[_Item, Dict[str, Entry]], Dict[_Item, List[str]]]:
    """Return the entries of each item by the path where the file is, and the paths of those that are not there.

    A file that was moved within the order is found by its name, if that is unique.
    """
    moved: Dict[str, Optional[str]] = {}
    for there in present:
        name = there.rpartition("/")[2]
        moved[name] = None if name in moved else there
    found: Dict[_Item, Dict[str, Entry]] = {}
    lost: List[Tuple[_Item, str, Entry]] = []
    used: Set[str] = set()
    for entry in entries:
        if entry.item_type is None or entry.item_id is None or is_beside_raster(entry.path):
            continue
        item = entry.item_type, entry.item_id
        listed = f"{folder}/{entry.path}" if folder else entry.path
        if listed not in present:
            lost.append((item, listed, entry))
        elif listed not in taken:
            used.add(listed)
            found.setdefault(item, {})[listed] = entry
    missing: Dict[_Item, List[str]] = {}
    for item, listed, entry in lost:
        path = moved.get(entry.path.rpartition("/")[2])
        if path is None or path in used:
            missing.setdefault(item, []).append(listed)
        elif path not in taken:
            used.add(path)
            found.setdefault(item, {})[path] = entry
    return found, missing


def _by_name(listing: Listing, orders: Dict[str, _Order], taken: Set[str]) -> Iterator[Tuple[str, str]]:
    """Yield the files whose names tell their item, and which no manifest lists: in orders, or all if there are none."""
    others: List[str] = []
    keys = {_key(order.folder, item) for order in orders.values() for item in order.found}
    ids = {item_id.lower() for order in orders.values() for _, item_id in order.found}
    for path, _ in listing.matching(LOOSE):
        if path in taken or (orders and _order_of(path, orders) is None):
            continue
        if not SERVED.search(path):
            others.append(path)
            continue
        name = parse_name(path.rpartition("/")[2])
        if name is not None and not _is_synced(listing, path, name.item_id):
            ids.add(name.item_id.lower())
            key = _key(*_place(path, (name.item_type, name.item_id), orders))
            keys.add(key)
            yield key, path
    for path in others if ids else ():
        stem, is_json, _ = path[path.rfind("/") + 1 :].lower().partition("_metadata.json")
        if is_json and stem not in ids:
            continue  # of a synchronised scene
        name = parse_name(path.rpartition("/")[2])
        key = "" if name is None else _key(*_place(path, (name.item_type, name.item_id), orders))
        if key in keys and not _is_of_sync(listing, path):
            yield key, path


def _place(path: str, item: _Item, orders: Dict[str, _Order]) -> Tuple[str, _Item]:
    """Return the folder of the order that a file belongs to, and its item as the order names it."""
    order = _order_of(path, orders)
    if order is not None:
        same = (found for found in order.found if found[1].lower() == item[1].lower())
        return order.folder, next(same, item)
    return order_folder(path, item[1]), item


def _order_of(path: str, orders: Dict[str, _Order]) -> Optional[_Order]:
    folder = path
    while folder and orders:
        folder = folder.rpartition("/")[0]
        if folder in orders:
            return orders[folder]
    return None


def _about_orders(listing: Listing, orders: Dict[str, _Order], taken: Set[str]) -> Iterator[Tuple[str, str]]:
    """Yield the files of orders that describe others: manifests of single files, and STAC items of listed items."""
    ids = {folder: {item_id.lower() for _, item_id in order.found} for folder, order in orders.items()}
    for path, match in listing.matching(_DESCRIPTION):
        order = None if path in taken else _order_of(path, orders)
        if order is None:
            continue
        if match["manifest"]:
            is_one = _holds(listing, path, is_file_manifest)
        else:
            stem = match["stem"].lower()
            is_one = (stem in _CATALOGS or stem in ids[order.folder]) and _holds(listing, path, _is_stac)
        if is_one:
            yield "", path


def _is_stac(content: bytes) -> bool:
    return b'"stac_version"' in content


def _holds(listing: Listing, path: str, test: Callable[[bytes], bool]) -> bool:
    try:
        return test(listing.content(path))
    except (ValueError, OSError):
        return False


def _is_of_sync(listing: Listing, path: str) -> bool:
    """Return whether a metadata file is that of a synchronised scene, which has the same form of name."""
    if not path.endswith(_METADATA):
        return False
    stem = path[: -len(_METADATA)]
    return any(f"{stem}_{product}.tif" in listing for product in _SYNC_PRODUCTS) and _is_feature_of_v0(listing, path)


def _is_synced(listing: Listing, path: str, item_id: str) -> bool:
    """Return whether a raster is that of a synchronised scene: names as of SkySat (``<id>_analytic.tif``) are both."""
    start = path.rfind("/") + 1 + len(item_id)
    metadata = path[:start] + _METADATA
    return _SYNCED.fullmatch(path, start) is not None and metadata in listing and _is_feature_of_v0(listing, metadata)


def _is_feature_of_v0(listing: Listing, path: str) -> bool:
    file = listing.file(path)
    return _is_v0(listing.root / path, file.size, file.mtime_ns, file.ctime_ns)


@lru_cache(maxsize=_KNOWN)
def _is_v0(path: Path, *state: int) -> bool:
    """Return whether metadata is a Feature of v0, and no item of the Data API; `state` identifies its content."""
    try:
        document = parse_json(read_bounded(path))
    except (ValueError, OSError):
        return False  # reported when the item is read
    return isinstance(document, dict) and document.get("type") == "Feature" and item_type_of(document) is None


def _key(folder: str, item: _Item) -> str:
    return f"{_PREFIX}{folder}/{item[0]}/{item[1]}" if folder else f"{_PREFIX}{item[0]}/{item[1]}"


def _read(root: Path, unit: Unit, problems: List[Problem]) -> Iterator[SceneRecord]:
    item_id = name_of(unit.key)
    item_type = unit.key.partition(":")[2].split("/")[-2]
    files = [file.path for file in unit.files if not is_beside_raster(file.path)]
    manifest = next((path for path in files if _MANIFEST.fullmatch(path.rpartition("/")[2])), None)
    entries: Dict[str, Entry] = {}
    if manifest is not None:
        files.remove(manifest)
        found, missing = _resolved(
            _entries_of(root, manifest).get((item_type, item_id), []), manifest.rpartition("/")[0], set(files), set()
        )
        entries = found.get((item_type, item_id), {})
        problems += [
            Problem(path, f"is listed in {manifest}, but is not there", kind=MISSING)
            for path in missing.get((item_type, item_id), ())
        ]
    named = [ItemFile(path, _asset_of(path, item_id, entries.get(path))) for path in files]
    record = read_item(root, item_type, item_id, named, problems)
    if record is not None:
        yield record


def _entries_of(root: Path, manifest: str) -> Dict[_Item, List[Entry]]:
    status = (root / manifest).stat()
    return _parsed(root / manifest, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=2)
def _parsed(path: Path, size: int, mtime_ns: int) -> Dict[_Item, List[Entry]]:
    """Return the entries of a manifest by item; all its scenes are read one after another."""
    found: Dict[_Item, List[Entry]] = {}
    try:
        manifest = parse_manifest(read_bounded(path))
    except MetadataProblem:
        return found  # it was changed since the scan, and is read again
    for entry in manifest.entries if manifest is not None else ():
        if entry.item_type is not None and entry.item_id is not None:
            found.setdefault((entry.item_type, entry.item_id), []).append(entry)
    return found


def _asset_of(path: str, item_id: str, entry: Optional[Entry]) -> str:
    """Return the asset of a file: that of the manifest, else of its name, else the rest of its name."""
    if entry is not None and entry.asset_type is not None:
        return entry.asset_type
    name = path.rpartition("/")[2]
    known = parse_name(name)
    if known is not None:
        return known.asset
    if name.lower() == f"{item_id}_metadata.json".lower():
        return "metadata"
    stem = name.rpartition(".")[0] or name
    rest = stem[len(item_id) :] if stem.lower().startswith(item_id.lower()) else stem
    return re.sub("[^a-z0-9]+", "_", rest.lower()).strip("_")[:64] or "file"


KIND = Kind(_PREFIX, _claim, _read, name_of)
"""Orders with a manifest."""

LOOSE_KIND = Kind(_PREFIX, _claim_loose, _read, name_of)
"""Files of orders without one, by their names."""
