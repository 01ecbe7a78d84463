"""STAC items beside or above the rasters that their relative links name, taken as they are.

An item whose links are all remote is connected with the files of the same names in its own folder, unless these belong
to a kind that is recognised by its names.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, NamedTuple, Optional, Set, Tuple
from urllib.parse import unquote

from planet_vector.server.archive.band_names import bands_of
from planet_vector.server.archive.fields import first_of
from planet_vector.server.archive.listing import Listing
from planet_vector.server.archive.media_types import media_type_of
from planet_vector.server.archive.metadata.bounded import MAX_METADATA
from planet_vector.server.archive.metadata.stac_item import (
    StacAsset,
    as_object,
    assets_of,
    bands_of_asset,
    collection_links,
    fields_of,
    is_catalog,
    is_remote,
    items_of,
    locate,
    resolve,
)
from planet_vector.server.archive.scene_features import load_json, parse_json
from planet_vector.server.archive.scene_metadata import derived_fields
from planet_vector.server.archive.unit_files import load_raster, measure_first, raster_type
from planet_vector.server.archive.units import MISSING, Kind, Problem, SceneAsset, SceneRecord, Unit

_PREFIX = "stac:"
_NAME = re.compile(r".*\.(?:json|geojson)", re.IGNORECASE | re.DOTALL)
_SYNCED = re.compile(r".+_metadata\.json", re.IGNORECASE | re.DOTALL)
_RASTER = re.compile(r".*\.(?:tiff?|jp2)", re.IGNORECASE | re.DOTALL)
_MARK = b'"stac_version"'
_KNOWN = 20_000  # files whose links are cached between scans


class _Item(NamedTuple):
    """Part of an item that a scan needs: its id, the links of its assets, and those to its collection."""

    name: str
    hrefs: Tuple[str, ...]
    collections: Tuple[str, ...]


class _Document(NamedTuple):
    """Part of a file that a scan needs: whether it is STAC, and its items; a single item, or a collection of them."""

    is_stac: bool
    is_single: bool
    items: Tuple[_Item, ...]


def _claim_local(listing: Listing, problems: List[Problem]) -> Iterator[Tuple[str, str]]:
    """Claim items with a relative link, and the files that they name."""
    for path, document in _documents(listing):
        if document.is_stac and not document.items:
            yield "", path
        if any(not is_remote(href) for item in document.items for href in item.hrefs):
            yield from _claimed(listing, path, document)


def _claim_others(listing: Listing, problems: List[Problem]) -> Iterator[Tuple[str, str]]:
    """Claim the items that are left, and files of the same names beside them."""
    for path, document in _documents(listing):
        if document.items:
            yield from _claimed(listing, path, document)


def _documents(listing: Listing) -> Iterator[Tuple[str, _Document]]:
    for path, _ in listing.matching(_NAME):
        file = listing.file(path)
        if not _SYNCED.fullmatch(path) and file.size <= MAX_METADATA:
            yield path, _document(listing.root / path, file.size, file.mtime_ns, file.ctime_ns)


@lru_cache(maxsize=_KNOWN)
def _document(path: Path, *state: int) -> _Document:
    """Read a file for its links; `state` identifies its content."""
    try:
        content = path.read_bytes()
        if _MARK not in content:
            return _Document(False, False, ())
        document = parse_json(content)
    except (OSError, ValueError):
        return _Document(False, False, ())  # read again, and reported, as a list of scenes
    items = tuple(
        _Item(str(item["id"]), tuple(asset.href for asset in assets_of(item)), tuple(collection_links(item)))
        for item in items_of(document)
    )
    return _Document(bool(items) or is_catalog(document), as_object(document).get("type") == "Feature", items)


def _claimed(listing: Listing, path: str, document: _Document) -> Iterator[Tuple[str, str]]:
    """Yield the unit and the files of each item.

    Items of an ItemCollection that have remote links only are one unit, as each unit reads the file again.
    """
    folder = path.rpartition("/")[0]
    for item in document.items:
        is_local = any(not is_remote(href) for href in item.hrefs)
        key = f"{_PREFIX}{path}"
        if not document.is_single and is_local:
            key += f"/{item.name}"
        yield key, path
        for href in (*(item.hrefs if document.is_single or is_local else ()), *item.collections):
            found = locate(href, folder, listing.__contains__)
            if found is not None and found != path:
                yield key, found


def _read(root: Path, unit: Unit, problems: List[Problem]) -> Iterator[SceneRecord]:
    rest = unit.key[len(_PREFIX) :]
    path = max((file.path for file in unit.files if f"{rest}/".startswith(f"{file.path}/")), key=len)
    name = rest[len(path) + 1 :]
    try:
        document = load_json(root / path)
    except ValueError as error:
        problems.append(Problem(path, str(error)))
        return
    is_single = as_object(document).get("type") == "Feature"
    for item in items_of(document):
        is_local = any(not is_remote(asset.href) for asset in assets_of(item))
        if is_single or (item["id"] == name if name else not is_local):
            record = _scene(root, unit, path, item, problems)
            if record is not None:
                yield record


LOCAL_KIND = Kind(_PREFIX, _claim_local, _read)
"""Items with relative links."""

KIND = Kind(_PREFIX, _claim_others, _read)
"""Items with remote links only."""


def _scene(
    root: Path, unit: Unit, path: str, item: Mapping[str, object], problems: List[Problem]
) -> Optional[SceneRecord]:
    folder = path.rpartition("/")[0]
    files = {file.path for file in unit.files}
    shared = _item_assets(root, folder, item, files)
    assets: List[SceneAsset] = []
    products: Set[str] = set()
    for said in assets_of(item):
        asset = _asset(root, said, locate(said.href, folder, files.__contains__), shared, problems)
        if asset is None:
            _report(path, folder, item, said, problems)
            continue
        if asset.product in products:
            problems.append(Problem(asset.path, f"is a second file of the product {asset.product}"))
            asset = replace(asset, product=None)
        if asset.product:
            products.add(asset.product)
        assets.append(asset)
    fields = fields_of(item)
    local = [asset for asset in assets if asset.raster is not None]
    if local and (fields.geometry is None or fields.gsd is None or fields.acquired is None):
        measured = measure_first(root, local, problems if fields.geometry is None else [])
        fields = fields if measured is None else first_of(fields, derived_fields(measured))
    missing = "footprint" if fields.geometry is None else "time" if fields.acquired is None else ""
    if missing:
        problems.append(Problem(path, f"contains the item {str(item['id'])[:100]!r} without a {missing}"))
        return None
    collection = item.get("collection")
    if not isinstance(collection, str) or not collection:
        collection = folder.rpartition("/")[2] or root.resolve().name
    scene_type = scene_type_of_collection(collection)
    return SceneRecord(
        scene_type,
        fields.to_feature(str(item["id"])),
        tuple(assets),
        collection,
        collection,
        fields.to_json(),
        fields.guessed,
    )


def scene_type_of_collection(collection: str) -> str:
    """Return a collection's id as a scene type of v0: lower case, with a letter first, at most 32 characters.

    Parameters
    ----------
    collection : str
        Id of the collection.
    """
    text = re.sub("[^a-z0-9_-]", "-", collection.lower())
    return (text if "a" <= text[:1] <= "z" else f"c-{text}")[:32]


def _asset(
    root: Path,
    said: StacAsset,
    place: Optional[str],
    shared: Mapping[str, Mapping[str, object]],
    problems: List[Problem],
) -> Optional[SceneAsset]:
    """Return an asset; None if it is not there, or cannot be read, which is reported."""
    bands = bands_of_asset(said.said) or bands_of_asset(shared.get(said.key, {}))
    if place is None:
        if not is_remote(said.href):
            return None
        return SceneAsset(said.key, said.href, said.media_type, said.roles, bands=bands, title=said.title)
    if not _RASTER.fullmatch(place):
        return SceneAsset(said.key, place, said.media_type or media_type_of(place), said.roles, title=said.title)
    raster = load_raster(root, place, problems)
    if raster is None:
        return None
    is_visual = "visual" in said.roles or said.key == "visual"
    product = "visual" if is_visual else re.sub("[^a-z0-9_]", "_", said.key.lower())
    if len(bands) != raster.bands:
        bands = bands_of(raster)
    media_type = raster_type(place, raster)
    return SceneAsset(said.key, place, media_type, said.roles, product, None, bands, raster, said.title)


def _report(path: str, folder: str, item: Mapping[str, object], said: StacAsset, problems: List[Problem]) -> None:
    """Report an asset that is not served, unless `load_raster` did."""
    place = resolve(folder, said.href) or resolve(folder, unquote(said.href))
    name = str(item["id"])[:100]
    if place is None:
        problems.append(
            Problem(path, f"has a link that leads out of the archive: {said.href[:200]!r} of item {name!r}")
        )
    elif not any(problem.path == place for problem in problems):
        problems.append(Problem(place, f"is named by the item {name!r}, but missing", kind=MISSING))


def _item_assets(
    root: Path, folder: str, item: Mapping[str, object], files: Set[str]
) -> Dict[str, Mapping[str, object]]:
    """Return ``item_assets`` of the item's collection, if that is in the archive and can be read."""
    for href in collection_links(item):
        place = locate(href, folder, files.__contains__)
        if place is None:
            continue
        try:
            document = as_object(load_json(root / place))
        except ValueError:
            continue  # the item is complete without it
        found = as_object(document.get("item_assets"))
        if found:
            return {key: as_object(value) for key, value in found.items()}
    return {}
