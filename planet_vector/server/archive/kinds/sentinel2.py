"""Sentinel-2 scenes: SAFE folders of levels 1C and 2A, their images without metadata, and copies as COG.

Names and fields are defined in ``docs/archives.md``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, NamedTuple, Optional, Set, Tuple

from planet_vector.bands import BandInfo
from planet_vector.bands.sentinel2 import IMAGES
from planet_vector.server.archive.band_names import bands_of
from planet_vector.server.archive.fields import SceneFields, first_of, time_or_none
from planet_vector.server.archive.listing import Listing
from planet_vector.server.archive.media_types import XML
from planet_vector.server.archive.metadata.sentinel2_fields import Sentinel2Product, parse_product, parse_tile
from planet_vector.server.archive.scene_metadata import derived_fields
from planet_vector.server.archive.unit_files import load_metadata, load_raster, measure_first, raster_type
from planet_vector.server.archive.units import Kind, Problem, SceneAsset, SceneRecord, Unit, name_of

_PREFIX = "sentinel2:"
_SAFE_ID = (
    r"S2(?P<satellite>[ABC])_MSIL(?P<level>1C|2A)_(?P<time>\d{8}T\d{6})(?:_N\d{4})?_R\d{3}_T(?P<tile>\d\d[A-Z]{3})"
    r"_\d{8}T\d{6}"
)
_COPY_ID = r"S2(?P<satellite>[ABC])_(?P<tile>\d{1,2}[A-Z]{3})_(?P<time>\d{8})_\d_L(?P<level>1C|2A)"
_LOOSE_ID = r"T(?P<tile>\d\d[A-Z]{3})_(?P<time>\d{8}T\d{6})"
_IDS = [re.compile(rf"{pattern}(?:_T(?P<granule>\d\d[A-Z]{{3}}))?") for pattern in (_SAFE_ID, _COPY_ID, _LOOSE_ID)]
_SAFE = re.compile(rf"(?:(?P<parent>.*)/)?(?P<id>{_SAFE_ID})(?:\.SAFE)?/(?P<rest>.+)", re.ASCII | re.DOTALL)
_COPY = re.compile(rf"(?P<parent>.*/)?(?P<id>{_COPY_ID})", re.ASCII | re.DOTALL)
_BAND = r"(?P<band>B\d\d|B8A|TCI|SCL|AOT|WVP)"
_IMAGE = re.compile(
    rf"(?:L2A_)?(?P<id>{_LOOSE_ID})_{_BAND}(?:_(?P<resolution>10|20|60)m)?\.(?:jp2|tiff?)", re.ASCII | re.IGNORECASE
)
_COPIED = re.compile(rf"{_BAND}\.tiff?", re.ASCII | re.IGNORECASE)
_GRANULE = re.compile(r"GRANULE/(?P<granule>[^/]+)/(?:IMG_DATA/(?:R(?:10|20|60)m/)?[^/]+|MTD_TL\.xml)", re.IGNORECASE)
_SHARED = re.compile(r"MTD_MSIL(?:1C|2A)\.xml|manifest\.safe", re.IGNORECASE)
_PRODUCT = re.compile(r"MTD_MSIL(?:1C|2A)\.xml", re.IGNORECASE)
_RESOLUTIONS = {"B02": 10, "B03": 10, "B04": 10, "B08": 10, "TCI": 10, "B01": 60, "B09": 60, "B10": 60}
_METADATA = {
    "product_metadata": (_PRODUCT, None),
    "granule_metadata": (re.compile(r"MTD_TL\.xml", re.IGNORECASE), "metadata_aux"),
    "safe_manifest": (re.compile(r"manifest\.safe", re.IGNORECASE), None),
}
_SATELLITE = {"A": "Sentinel-2A", "B": "Sentinel-2B", "C": "Sentinel-2C"}


class _Image(NamedTuple):
    """An image of a scene: the name of its band, its resolution in metres, and its path."""

    band: str
    resolution: int
    path: str


def is_in_product(path: str) -> bool:
    """Return whether a file is in a folder with the name of a product, as those are named since 2016-12.

    Parameters
    ----------
    path : str
        Path relative to the archive.
    """
    return _SAFE.fullmatch(path) is not None


def _claim_safe(listing: Listing, problems: List[Problem]) -> Iterator[Tuple[str, str]]:
    folders = {path.rpartition("/")[0]: None for path, _ in listing.matching(_PRODUCT) if _SAFE.fullmatch(path)}
    for folder in folders:
        granules: Dict[str, List[str]] = defaultdict(list)
        shared: List[str] = []
        key = ""
        for path in listing.below(folder):
            match = _SAFE.fullmatch(path)
            inner = path[len(folder) + 1 :]
            granule = _GRANULE.fullmatch(inner)
            if granule:
                granules[granule["granule"]].append(path)
            elif _SHARED.fullmatch(inner):
                shared.append(path)
            else:
                yield "", path
            if match:
                key = f"{_PREFIX}{match['parent'] + '/' if match['parent'] else ''}{match['id']}"
        for granule_name, paths in granules.items():
            tile = re.search(r"_(T\d\d[A-Z]{3})_", granule_name)
            apart = f"_{tile[1] if tile else granule_name}" if len(granules) > 1 else ""
            for path in (*paths, *shared):
                yield key + apart, path
        if not granules:
            for path in shared:
                yield "", path


def _claim_loose(listing: Listing, problems: List[Problem]) -> Iterator[Tuple[str, str]]:
    for path, match in listing.matching(_IMAGE):
        safe = _SAFE.fullmatch(path)
        if safe:
            yield f"{_PREFIX}{safe['parent'] + '/' if safe['parent'] else ''}{safe['id']}", path
        else:
            folder = re.sub(r"(?:(?<=/)|^)R(?:10|20|60)m/$", "", path[: path.rfind("/") + 1])
            yield f"{_PREFIX}{folder}{match['id'].upper()}", path
    for path, _ in listing.matching(_COPIED):
        copy = _COPY.fullmatch(path.rpartition("/")[0])
        if copy:
            yield f"{_PREFIX}{copy[0]}", path


def _read(root: Path, unit: Unit, problems: List[Problem]) -> Iterator[SceneRecord]:
    scene_id = name_of(unit.key)
    match = next(filter(None, (pattern.fullmatch(scene_id) for pattern in _IDS)))
    told = match.groupdict()
    metadata = {
        key: file.path
        for key, (pattern, _) in _METADATA.items()
        for file in unit.files
        if pattern.fullmatch(file.path.rpartition("/")[2])
    }
    product, tile = None, None
    if "product_metadata" in metadata:
        product = load_metadata(root, metadata["product_metadata"], parse_product, problems)
    if "granule_metadata" in metadata:
        tile = load_metadata(root, metadata["granule_metadata"], parse_tile, problems)
    images = _images(unit)
    assets = _assets(root, images, product, problems)
    if not assets:
        return
    stated = product.fields if product else SceneFields()
    if told.get("granule"):  # one of several: the product states the footprint and the clouds of all
        stated = SceneFields(
            acquired=stated.acquired,
            published=stated.published,
            satellite=stated.satellite,
            v1=stated.v1,
            stac=stated.stac,
        )
    fields = first_of(
        SceneFields(cloud_percent=stated.cloud_percent), tile or SceneFields(), stated, _named(told, images)
    )
    if fields.geometry is None:
        measured = measure_first(root, sorted(assets, key=_preference), problems)
        if measured is None:
            return
        fields = first_of(fields, derived_fields(measured))
    if fields.acquired is None:
        problems.append(Problem(assets[0].path, "has no valid time in its name"))
        return
    level = _level(told, images)
    inner = [SceneAsset(key, path, XML, ("metadata",), v1=_METADATA[key][1]) for key, path in metadata.items()]
    yield SceneRecord(
        "sentinel2",
        fields.to_feature(scene_id),
        (*assets, *inner),
        f"Sentinel2L{level}",
        f"sentinel-2-l{level.lower()}",
        fields.to_json(),
        fields.guessed,
    )


SAFE_KIND = Kind(_PREFIX, _claim_safe, _read, name_of)
"""SAFE folders with the metadata of the product."""

KIND = Kind(_PREFIX, _claim_loose, _read, name_of)
"""Images by their names alone."""


def _images(unit: Unit) -> List[_Image]:
    """Return the images of a scene, in the order of the bands, of each band the finest first."""
    order = list(IMAGES)
    found = []
    for file in unit.files:
        name = file.path.rpartition("/")[2]
        match = _IMAGE.fullmatch(name) or _COPIED.fullmatch(name)
        band = match["band"].upper() if match else ""
        if match and band in IMAGES:
            resolution = match.groupdict().get("resolution") or _RESOLUTIONS.get(band, 20)
            found.append(_Image(band, int(resolution), file.path))
    return sorted(found, key=lambda image: (order.index(image.band), image.resolution, image.path))


def _assets(
    root: Path, images: List[_Image], product: Optional[Sentinel2Product], problems: List[Problem]
) -> List[SceneAsset]:
    found: Dict[str, SceneAsset] = {}
    finest: Set[str] = set()
    for band, resolution, path in images:
        raster = load_raster(root, path, problems)
        if raster is None:
            continue
        known = IMAGES[band]
        end = f"_{resolution}m" if band in finest else ""
        if known.key + end in found:
            problems.append(Problem(path, f"is a second file of the image {band} of {resolution} m"))
            continue
        finest.add(band)
        stated = product.bands[band] if product else [BandInfo(each) for each in known.bands]
        bands = tuple(
            BandInfo(
                info.band, info.scale, info.offset, info.nodata if raster.nodata is None else raster.nodata, info.unit
            )
            for info in stated
        )
        found[known.key + end] = SceneAsset(
            known.key + end,
            path,
            raster_type(path, raster),
            known.roles,
            None if end else known.product,
            known.v1 + end,
            bands if len(bands) == raster.bands else bands_of(raster),
            raster,
        )
    return list(found.values())


def _preference(asset: SceneAsset) -> Tuple[bool, int]:
    """Return the rank of an image for the footprint: bands of reflectance, then the fewest pixels."""
    return "reflectance" not in asset.roles, asset.raster.rows if asset.raster else 0


def _level(told: Mapping[str, Optional[str]], images: List[_Image]) -> str:
    """Return the level; of images without folder, only those of level 2A have their resolution in the name."""
    return told.get("level") or ("2A" if any(re.search(r"_[126]0m\.", image.path) for image in images) else "1C")


def _named(told: Mapping[str, Optional[str]], images: List[_Image]) -> SceneFields:
    """Return the fields that the id and the paths state."""
    satellite = _SATELLITE.get(told.get("satellite") or "")
    tile = (told.get("granule") or told["tile"] or "").zfill(5)
    granule = re.search(r"GRANULE/([^/]+)/", images[0].path)
    orbit = re.search(r"_A(\d{6})_", granule[1]) if granule else None
    return SceneFields(
        acquired=time_or_none(told["time"]),
        gsd=float(min(image.resolution for image in images)),
        satellite=satellite,
        instrument="MSI",
        provider="esa",
        v1={
            "data_type": f"L{_level(told, images)}",
            "mgrs_grid_id": tile,
            **({"granule_id": granule[1]} if granule else {}),
            **({"abs_orbit_number": int(orbit[1])} if orbit else {}),
        },
        stac={
            "constellation": "sentinel-2",
            "grid:code": f"MGRS-{tile}",
            **({"platform": satellite.lower()} if satellite else {}),
        },
    )
