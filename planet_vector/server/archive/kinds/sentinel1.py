"""Sentinel-1 scenes: SAFE folders of ground range products (GRD), and their copies as COG.

Names and fields are defined in ``docs/archives.md``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Dict, Iterator, List, Match, Optional, Tuple

from planet_vector.assets import SpectralBand
from planet_vector.bands import BandInfo
from planet_vector.server.archive.band_names import bands_of
from planet_vector.server.archive.fields import SceneFields, first_of, time_or_none
from planet_vector.server.archive.listing import Listing
from planet_vector.server.archive.media_types import PNG, XML
from planet_vector.server.archive.metadata.sentinel1_fields import middle, parse_annotation, parse_manifest
from planet_vector.server.archive.scene_metadata import derived_fields
from planet_vector.server.archive.unit_files import load_metadata, load_raster, measure_first, raster_type
from planet_vector.server.archive.units import Kind, Problem, SceneAsset, SceneRecord, Unit, name_of

_PREFIX = "sentinel1:"
_ID = re.compile(
    r"S1(?P<satellite>[ABCD])_(?P<mode>IW|EW|S[1-6])_GRD[FHM]_1S[SD][HV]_(?P<start>\d{8}T\d{6})_(?P<end>\d{8}T\d{6})"
    r"_(?P<orbit>\d{6})_[0-9A-F]{6}_[0-9A-F]{4}",
    re.ASCII,
)
_OTHER = re.compile(r"S1[ABCD]_(?:IW|EW|WV|S[1-6])_(?P<product>SLC|OCN|RAW)_.*", re.ASCII)
_MANIFEST = re.compile(r"manifest\.safe", re.IGNORECASE)
_STEM = (
    r"(?:s1[abcd]-[a-z0-9]+-grd-(?P<pol>hh|hv|vh|vv)-\d{8}t\d{6}-\d{8}t\d{6}-\d{6}-[0-9a-f]{6}-\d{3}"
    r"|(?:iw|ew|s[1-6])-(?P<copied>hh|hv|vh|vv))"
)
_IMAGE = re.compile(rf"measurement/{_STEM}\.tiff?", re.ASCII | re.IGNORECASE)
_TABLE = re.compile(
    rf"annotation/(?:calibration/)?(?:(?P<what>calibration|noise)-)?{_STEM}\.xml", re.ASCII | re.IGNORECASE
)
_PREVIEW = re.compile(r"preview/quick-look\.png", re.IGNORECASE)


def _claim(listing: Listing, problems: List[Problem]) -> Iterator[Tuple[str, str]]:
    for manifest, _ in listing.matching(_MANIFEST):
        folder = manifest.rpartition("/")[0]
        parent, slash, name = folder.rpartition("/")
        name = re.sub(r"\.SAFE$", "", name)
        other = _OTHER.fullmatch(name)
        if other:
            text = f"is a Sentinel-1 product of the type {other['product']}; only GRD is supported"
            problems.append(Problem(folder, text))
            yield from (("", path) for path in listing.below(folder))
        elif _ID.fullmatch(name):
            for path in listing.below(folder):
                inner = path[len(folder) + 1 :]
                used = any(pattern.fullmatch(inner) for pattern in (_IMAGE, _TABLE, _MANIFEST, _PREVIEW))
                yield (f"{_PREFIX}{parent}{slash}{name}" if used else ""), path


def _read(root: Path, unit: Unit, problems: List[Problem]) -> Iterator[SceneRecord]:
    scene_id = name_of(unit.key)
    told = _ID.fullmatch(scene_id)
    assert told
    images: Dict[str, SceneAsset] = {}
    others: Dict[str, SceneAsset] = {}
    for file in unit.files:
        # Paths within the product: its folders are one or two levels deep.
        inner = re.sub(r".*?/(?=(?:measurement|annotation|preview)/|manifest\.safe$)", "", file.path, flags=re.I)
        image, table = _IMAGE.fullmatch(inner), _TABLE.fullmatch(inner)
        if image:
            asset = _image(root, file.path, _polarisation(image), problems)
            if asset is not None:
                images.setdefault(asset.key, asset)
        elif table:
            key = f"schema-{(table['what'] or 'product').lower()}-{_polarisation(table)}"
            others[key] = SceneAsset(key, file.path, XML, ("metadata",))
        elif _MANIFEST.fullmatch(inner):
            others["safe-manifest"] = SceneAsset("safe-manifest", file.path, XML, ("metadata",))
        elif _PREVIEW.fullmatch(inner):
            others["thumbnail"] = SceneAsset("thumbnail", file.path, PNG, ("thumbnail",))
    if not images:
        return
    assets = [images[key] for key in ("vv", "vh", "hh", "hv") if key in images]
    fields = first_of(*_annotated(root, others, problems), _named(told))
    outline = _manifest(root, others, problems)
    if outline.geometry is None:
        measured = measure_first(root, assets, [] if fields.geometry else problems)
        outline = first_of(outline, SceneFields() if measured is None else derived_fields(measured))
    fields = first_of(SceneFields(geometry=outline.geometry), fields, outline)
    if fields.geometry is None or fields.acquired is None:
        return
    yield SceneRecord(
        "sentinel1",
        fields.to_feature(scene_id),
        (*assets, *(others[key] for key in sorted(others))),
        "Sentinel1",
        "sentinel-1-grd",
        fields.to_json(),
        fields.guessed,
    )


KIND = Kind(_PREFIX, _claim, _read, name_of)


def _polarisation(match: Match[str]) -> str:
    return str(match["pol"] or match["copied"]).lower()


def _image(root: Path, path: str, polarisation: str, problems: List[Problem]) -> Optional[SceneAsset]:
    raster = load_raster(root, path, problems)
    if raster is None:
        return None
    band = SpectralBand(f"amplitude {polarisation.upper()}", name=polarisation.upper())
    nodata = 0 if raster.nodata is None else raster.nodata
    bands = (BandInfo(band, nodata=nodata),) if raster.bands == 1 else bands_of(raster)
    v1 = f"analytic_{polarisation}"
    return SceneAsset(polarisation, path, raster_type(path, raster), ("data",), polarisation, v1, bands, raster)


def _annotated(root: Path, others: Dict[str, SceneAsset], problems: List[Problem]) -> List[SceneFields]:
    """Return the fields of the first annotation that can be read; those of a product agree."""
    for key in sorted(others):
        if key.startswith("schema-product-"):
            found = load_metadata(root, others[key].path, parse_annotation, problems)
            if found is not None:
                return [found]
    return []


def _manifest(root: Path, others: Dict[str, SceneAsset], problems: List[Problem]) -> SceneFields:
    path = others["safe-manifest"].path
    return load_metadata(root, path, parse_manifest, problems) or SceneFields()


def _named(told: Match[str]) -> SceneFields:
    """Return the fields that the id states."""
    start, end = time_or_none(told["start"]), time_or_none(told["end"])
    satellite = f"Sentinel-1{told['satellite']}"
    return SceneFields(
        acquired=middle(start, end),
        start=start,
        end=end,
        satellite=satellite,
        instrument="C-SAR",
        provider="esa",
        stac={
            "constellation": "sentinel-1",
            "platform": satellite.lower(),
            "sar:instrument_mode": told["mode"],
            "sar:frequency_band": "C",
            "sar:product_type": "GRD",
            "sat:absolute_orbit": int(told["orbit"]),
        },
    )
