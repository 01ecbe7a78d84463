"""Assets of a STAC item and their bands: names, addresses, media types, roles, wavelengths.

STAC 1.1 describes bands in ``bands``, with the properties of the extension eo under their prefix; earlier versions use
``eo:bands``. In STAC 0.9 these may be indices of a list in the item's properties. What an item leaves out is taken from
``item_assets`` of its collection.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Dict, Iterator, List, Mapping, Optional, Tuple
from urllib.parse import urljoin, urlsplit

from planet_vector.assets import Asset, AssetPlace, BandValues, MaskAsset, SpectralBand
from planet_vector.bands.masks import QA_PIXEL, SCL, UDM2, Rules, mask_by, sensor_of_collection_2
from planet_vector.catalog.stac.access import GEOTIFF, AssetPolicies, is_geotiff, scheme_of
from planet_vector.catalog.stac.json_values import as_number, as_object, as_text, objects_in
from planet_vector.collection_schema import Feature
from planet_vector.quick_json import decoded

_COLOURS = {"red": "Red", "green": "Green", "blue": "Blue", "pan": "Gray"}
# Keys of assets as Earth Search, the Planetary Computer and Planet's orders name them.
_MASKS: Rules = (
    ("sentinel.*2.*|", ".*", "scl", SCL),
    ("sentinel.*2.*|", ".*", "SCL", SCL),
    (".*", "(ortho|basic)_.*", r"\1_udm2", UDM2),
    (".*", ".*", "udm2", UDM2),
    ("landsat.*|", ".*", "qa_pixel", QA_PIXEL),
)
_IS_MASK = re.compile(r"(.*_)?udm2?|scl|SCL|qa_pixel")
_INHERITED = ("type", "roles", "title", "bands", "eo:bands", "raster:bands")


class ItemPlaces(Mapping[str, AssetPlace]):
    """Places of the assets of an item by name, in its order; each is found when it is asked for.

    Parameters
    ----------
    item : mapping
        The item.
    policies : AssetPolicies
        How assets are accessed.
    defaults : mapping
        ``item_assets`` of the collection.
    """

    def __init__(self, item: Feature, policies: AssetPolicies, defaults: Mapping[str, object]) -> None:
        self._item, self._policies, self._defaults = item, policies, defaults
        self._assets = as_object(decoded(item.get("assets")))

    def __getitem__(self, name: str) -> AssetPlace:
        return self.place(self.described(name))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(as_text(as_object(self._assets.get(name)).get("href")))

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._assets if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def described(self, name: str) -> Feature:
        """Return the JSON of an asset, completed by that of the collection.

        Parameters
        ----------
        name : str
            Name of the asset.

        Raises
        ------
        KeyError
            If the item has no such asset, or it has no address.
        """
        if name not in self:
            raise KeyError(name)
        given: Feature = self._assets[name]
        inherited = as_object(self._defaults.get(name))
        return {**{key: inherited[key] for key in _INHERITED if key in inherited}, **given} if inherited else given

    def place(self, asset: Feature) -> AssetPlace:
        """Return the place of an asset.

        Parameters
        ----------
        asset : mapping
            As `described` returns it.
        """
        href, refusal = self._policies.chosen(asset, self._absolute(as_text(asset["href"])))
        policy = self._policies.of(href)
        gdal_name = policy.gdal_name(href) if policy else None
        roles = asset.get("roles")
        if isinstance(roles, list) and "thumbnail" in roles:
            refusal = refusal or "it is a thumbnail"
        return AssetPlace(href, gdal_name == "", refusal, gdal_name or "")

    def _absolute(self, href: str) -> str:
        return href if scheme_of(href) else _absolute(href, link_of(self._item, "self") or "")


class ItemAssets(Mapping[str, Asset]):
    """Assets of an item by name, in its order; each is made when it is asked for.

    Parameters
    ----------
    item : mapping
        The item.
    policies : AssetPolicies
        How assets are accessed.
    defaults : mapping
        ``item_assets`` of the collection.
    """

    def __init__(self, item: Feature, policies: AssetPolicies, defaults: Mapping[str, object]) -> None:
        self._item = item
        self._places = ItemPlaces(item, policies, defaults)
        self._names = tuple(self._places)
        self._made: Dict[str, Asset] = {}

    def __getitem__(self, name: str) -> Asset:
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def _make(self, name: str) -> Asset:
        asset = self._places.described(name)
        place = self._places.place(asset)
        media_type = as_text(asset.get("type"))
        roles = asset.get("roles")
        return Asset(
            name,
            place.href,
            media_type or (GEOTIFF if is_geotiff(place.href, "") else ""),
            tuple(role for role in roles if isinstance(role, str)) if isinstance(roles, list) else (),
            tuple(_bands(asset, self._item)),
            on_request=place.on_request,
            refusal=place.refusal,
            values=tuple(_values(asset)),
            gsd=as_number(asset.get("gsd")),
            gdal_name=place.gdal_name,
            mask=self._mask_of(name),
        )

    def _mask_of(self, name: str) -> Optional[MaskAsset]:
        """Return the asset that masks another: the first by `_MASKS` that the item has."""
        names = self._names
        if not _has_masks(names):
            return None
        sensor = sensor_of_collection_2(as_text(self._item.get("id")))
        return _mask_among(name, names, as_text(self._item.get("collection")), sensor)


@lru_cache(maxsize=1024)  # items of a collection have the same assets
def _mask_among(name: str, names: Tuple[str, ...], collection: str, sensor: str) -> Optional[MaskAsset]:
    if _IS_MASK.fullmatch(name):
        return None
    masks = (mask_by([rule], collection, name, sensor) for rule in _MASKS)
    return next((mask for mask in masks if mask is not None and mask.asset in names), None)


@lru_cache(maxsize=1024)
def _has_masks(names: Tuple[str, ...]) -> bool:
    return any(map(_IS_MASK.fullmatch, names))


def links_of_item(item: Feature) -> Dict[str, str]:
    """Return the links of an item by name: ``self`` and ``thumbnail``.

    Parameters
    ----------
    item : mapping
        The item.
    """
    found: Dict[str, str] = {}
    base = link_of(item, "self")
    if base:
        found["self"] = base
    for name, value in as_object(item.get("assets")).items():
        asset = as_object(value)
        roles = asset.get("roles")
        href = asset.get("href")
        if isinstance(href, str) and (name == "thumbnail" or isinstance(roles, list) and "thumbnail" in roles):
            found.setdefault("thumbnail", _absolute(href, base or ""))
    return found


def link_of(item: Feature, rel: str) -> Optional[str]:
    """Return the first link of an item with a relation, or None.

    Parameters
    ----------
    item : mapping
        The item.
    rel : str
        The relation.
    """
    for link in objects_in(decoded(item.get("links"))):
        if link.get("rel") == rel and isinstance(link.get("href"), str):
            return as_text(link["href"])
    return None


def preferred(assets: Mapping[str, Asset]) -> Tuple[str, ...]:
    """Return the names of rasters in the order in which they represent an item: true colour first, then data.

    Parameters
    ----------
    assets : mapping of str to Asset
        Assets of an item.
    """
    rasters = [asset for asset in assets.values() if not asset.refusal]

    def rank(asset: Asset) -> int:
        if asset.name == "visual" or "visual" in asset.roles:
            return 0
        if {"thumbnail", "overview", "metadata"} & set(asset.roles):
            return 3
        return 1 if "data" in asset.roles or not asset.roles else 2

    return tuple(asset.name for asset in sorted(rasters, key=rank))


def _absolute(href: str, base: str) -> str:
    try:
        return href if urlsplit(href).scheme or not base else urljoin(base, href)
    except ValueError:
        return href


def _bands(asset: Feature, item: Feature) -> List[SpectralBand]:
    if objects_in(asset.get("bands")):
        return [_band(band, "eo:") for band in objects_in(asset["bands"])]
    listed = asset.get("eo:bands")
    if isinstance(listed, list) and listed and all(isinstance(number, int) for number in listed):
        known = objects_in(as_object(item.get("properties")).get("eo:bands"))
        return [_band(known[number], "") for number in listed if 0 <= number < len(known)]
    return [_band(band, "") for band in objects_in(listed)]


def _values(asset: Feature) -> List[BandValues]:
    """Return the values of bands: of the extension raster, or of STAC 1.1, where the asset may state them for all."""
    listed = objects_in(asset.get("raster:bands"))
    bands = listed or objects_in(asset.get("bands")) or [{}]
    common = {} if listed else asset
    found = [
        BandValues(
            _nodata(band.get("nodata", common.get("nodata"))),
            as_number(_first(band, common, "scale")) or 1.0,
            as_number(_first(band, common, "offset")) or 0.0,
        )
        for band in bands
    ]
    return [] if all(each == BandValues() for each in found) else found


def _first(band: Feature, common: Feature, name: str) -> object:
    return next((place[key] for place in (band, common) for key in (f"raster:{name}", name) if key in place), None)


def _nodata(value: object) -> Optional[float]:
    """Return a nodata value; the extension raster writes what JSON has no numbers for as texts."""
    if value in ("nan", "inf", "-inf"):
        return float(as_text(value))
    return as_number(value)


def _band(band: Feature, prefix: str) -> SpectralBand:
    name = as_text(band.get("name"))
    common = as_text(band.get(f"{prefix}common_name"))
    centre, width = (
        as_number(band.get(f"{prefix}center_wavelength")),
        as_number(band.get(f"{prefix}full_width_half_max")),
    )
    low, high = (None, None)
    if centre is not None and width is not None:
        low, high = round(centre - width / 2, 6), round(centre + width / 2, 6)
    return SpectralBand(
        as_text(band.get("description")) or common or name, low, high, _COLOURS.get(common, "Gray"), name, common
    )
