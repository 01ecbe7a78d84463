"""STAC items in the files of an archive: their assets, bands and fields (STAC 1.0 and 1.1)."""

from __future__ import annotations

from typing import Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple
from urllib.parse import unquote, urlsplit

from planet_vector.assets import SpectralBand
from planet_vector.bands import BandInfo
from planet_vector.server.archive.fields import (
    SceneFields,
    direction_or_none,
    number_or_none,
    text_or_none,
    time_or_none,
)

_COLOURS = {"red": "Red", "green": "Green", "blue": "Blue"}


class StacAsset(NamedTuple):
    """One asset of an item, as it is stated.

    Attributes
    ----------
    key, href : str
        Key and link.
    media_type, title : str
        Empty if they are not stated.
    roles : tuple of str
        Its roles.
    said : mapping
        The JSON object.
    """

    key: str
    href: str
    media_type: str
    title: str
    roles: Tuple[str, ...]
    said: Mapping[str, object]


def as_object(value: object) -> Mapping[str, object]:
    """Return a JSON object, or an empty one for any other value.

    Parameters
    ----------
    value : object
        Parsed JSON.
    """
    return value if isinstance(value, dict) else {}


def items_of(document: object) -> Iterator[Mapping[str, object]]:
    """Yield the items of a document: itself, or those of an ItemCollection.

    Parameters
    ----------
    document : object
        Parsed JSON.

    Yields
    ------
    mapping
        An object with the members that an item has.
    """
    said = as_object(document)
    if said.get("type") == "FeatureCollection":
        features = said.get("features")
        for feature in features if isinstance(features, list) else ():
            if _is_item(as_object(feature)):
                yield feature
    elif _is_item(said):
        yield said


def _is_item(said: Mapping[str, object]) -> bool:
    return (
        said.get("type") == "Feature"
        and isinstance(said.get("stac_version"), str)
        and isinstance(said.get("id"), str)
        and isinstance(said.get("properties"), dict)
        and isinstance(said.get("assets"), dict)
    )


def is_catalog(document: object) -> bool:
    """Return whether a document is a STAC catalogue or collection.

    Parameters
    ----------
    document : object
        Parsed JSON.
    """
    said = as_object(document)
    return isinstance(said.get("stac_version"), str) and said.get("type", "Catalog") in ("Catalog", "Collection")


def assets_of(item: Mapping[str, object]) -> List[StacAsset]:
    """Return the assets of an item in the order in which they are stated.

    Parameters
    ----------
    item : mapping
        The item.
    """
    found = []
    for key, value in as_object(item.get("assets")).items():
        said = as_object(value)
        href = said.get("href")
        if isinstance(href, str) and href:
            listed = said.get("roles")
            roles = tuple(role for role in listed if isinstance(role, str)) if isinstance(listed, list) else ()
            media_type, title = text_or_none(said.get("type")) or "", text_or_none(said.get("title")) or ""
            found.append(StacAsset(key, href, media_type, title, roles, said))
    return found


def is_remote(href: str) -> bool:
    """Return whether a link leads to a host.

    Parameters
    ----------
    href : str
        The link.
    """
    scheme, separator, _ = href.partition("://")
    return bool(separator) and scheme.lower() != "file"


def last_name(href: str) -> str:
    """Return the decoded last part of the path of a remote link.

    Parameters
    ----------
    href : str
        The link.
    """
    try:
        return unquote(urlsplit(href).path.rpartition("/")[2])
    except ValueError:
        return ""


def resolve(folder: str, href: str) -> Optional[str]:
    """Return the path in the archive that a relative link leads to.

    Parameters
    ----------
    folder : str
        Folder of the item, relative to the archive.
    href : str
        The link.

    Returns
    -------
    str or None
        None if it is absolute, or leads out of the archive.
    """
    if href.startswith("/") or "\\" in href or ":" in href.partition("/")[0]:
        return None
    parts = folder.split("/") if folder else []
    for part in href.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts) or None


def locate(href: str, folder: str, is_file: Callable[[str], bool]) -> Optional[str]:
    """Return the path of a file that a link leads to; of a remote link, the file of its name in the item's folder.

    Parameters
    ----------
    href : str
        The link, which may be percent-encoded.
    folder : str
        Folder of the item, relative to the archive.
    is_file : callable
        Returns whether a path is a file of the archive.

    Returns
    -------
    str or None
        None if there is no such file.
    """
    if is_remote(href):
        name = last_name(href)
        places = [f"{folder}/{name}" if folder else name] if name else []
    else:
        places = [place for place in (resolve(folder, href), resolve(folder, unquote(href))) if place]
    return next(filter(is_file, places), None)


def bands_of_asset(said: Mapping[str, object]) -> Tuple[BandInfo, ...]:
    """Return the bands that an asset, or an entry of ``item_assets``, states.

    Parameters
    ----------
    said : mapping
        The JSON object.

    Returns
    -------
    tuple of BandInfo
        Of ``bands``, else of ``eo:bands`` and ``raster:bands`` together; empty if it states none.
    """
    listed, spectral, raster = (_objects(said.get(name)) for name in ("bands", "eo:bands", "raster:bands"))
    count = len(listed) or max(len(spectral), len(raster))
    found = []
    for number in range(count):
        band = {**said}  # STAC 1.1: what all bands share is stated by the asset
        for source in (raster, spectral, listed):
            band.update(source[number] if number < len(source) else {})
        found.append(_band(band, number, bool(listed or spectral)))
    return tuple(found)


def _objects(value: object) -> List[Mapping[str, object]]:
    return [as_object(each) for each in value] if isinstance(value, list) else []


def _band(said: Mapping[str, object], number: int, is_named: bool) -> BandInfo:
    def first(*names: str) -> object:
        return next((said[name] for name in names if said.get(name) is not None), None)

    common = text_or_none(first("eo:common_name", "common_name")) or ""
    name = (text_or_none(said.get("name")) or common) if is_named else ""
    centre = number_or_none(first("eo:center_wavelength", "center_wavelength"))
    width = number_or_none(first("eo:full_width_half_max", "full_width_half_max"))
    low = high = None
    if centre is not None and width is not None:
        low, high = round(centre - width / 2, 5), round(centre + width / 2, 5)
    description = (text_or_none(said.get("description")) if is_named else None) or common or name
    band = SpectralBand(description, low, high, _COLOURS.get(common, "Gray"), name or f"band_{number + 1}", common)
    nodata = said.get("nodata")
    return BandInfo(
        band,
        number_or_none(first("raster:scale", "scale")),
        number_or_none(first("raster:offset", "offset")),
        float(nodata) if nodata in ("nan", "inf", "-inf") else number_or_none(nodata),
        text_or_none(said.get("unit")) or "",
    )


def fields_of(item: Mapping[str, object]) -> SceneFields:
    """Return the fields of an item.

    Parameters
    ----------
    item : mapping
        The item.
    """
    said = as_object(item.get("properties"))
    start, end = time_or_none(said.get("start_datetime")), time_or_none(said.get("end_datetime"))
    instruments = said.get("instruments")
    names = [name for name in instruments if isinstance(name, str)] if isinstance(instruments, list) else []
    providers = _objects(said.get("providers"))
    geometry = item.get("geometry")
    return SceneFields(
        acquired=time_or_none(said.get("datetime")) or start,
        start=start,
        end=end,
        published=time_or_none(said.get("created")) or time_or_none(said.get("updated")),
        updated=time_or_none(said.get("updated")),
        geometry=geometry if isinstance(geometry, dict) else None,
        cloud_percent=number_or_none(said.get("eo:cloud_cover")),
        gsd=number_or_none(said.get("gsd")),
        satellite=text_or_none(said.get("platform")),
        instrument=", ".join(names) or None,
        provider=text_or_none(said.get("constellation"))
        or next((text_or_none(provider.get("name")) for provider in providers), None),
        off_nadir=number_or_none(said.get("view:off_nadir")),
        azimuth=direction_or_none(said.get("view:azimuth")),
        sun_elevation=number_or_none(said.get("view:sun_elevation")),
        sun_azimuth=direction_or_none(said.get("view:sun_azimuth")),
        stac=dict(said),
    )


def collection_links(item: Mapping[str, object]) -> Dict[str, None]:
    """Return the links to the item's collection, and to its parent.

    Parameters
    ----------
    item : mapping
        The item.
    """
    return {
        str(link["href"]): None
        for relation in ("collection", "parent")
        for link in _objects(item.get("links"))
        if link.get("rel") == relation and isinstance(link.get("href"), str)
    }
