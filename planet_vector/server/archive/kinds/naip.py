"""Quarter quads of the National Agriculture Imagery Program: ``m_3008601_ne_16_060_20211108.tif``.

Names, dates and the order of bands: U.S. Department of Agriculture, NAIP's information sheet, and public copies.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Iterator, List, Tuple

from planet_vector.bands import BandInfo
from planet_vector.bands.planet import RGB
from planet_vector.server.archive.fields import SceneFields, time_or_none
from planet_vector.server.archive.kinds.planet_bands import named_bands
from planet_vector.server.archive.listing import Listing
from planet_vector.server.archive.media_types import media_type_of
from planet_vector.server.archive.raster_assets import complete_fields, read_rasters
from planet_vector.server.archive.raster_info import RasterInfo
from planet_vector.server.archive.raster_names import RASTER
from planet_vector.server.archive.units import Kind, Problem, SceneAsset, SceneRecord, Unit, name_of

_PREFIX = "naip:"
_FILE = re.compile(
    r"(?P<id>m_\d{7}_(?:ne|nw|se|sw)_\d\d_(?:1|h|\d{3})_(?P<date>\d{8})(?:_\d{8})?)(?P<tail>\.tiff?|\.txt|\.xml)",
    re.IGNORECASE | re.ASCII,
)
_NIR = RGB[0]._replace(description="near infrared", colour="Gray", name="nir", common="nir")


def _claim(listing: Listing, problems: List[Problem]) -> Iterator[Tuple[str, str]]:
    found = [(_PREFIX + path[: path.rfind("/") + 1] + match["id"].lower(), path) for path, match in
             listing.matching(_FILE)]  # fmt: skip
    keys = {key for key, path in found if RASTER.search(path)}
    yield from ((key, path) for key, path in found if key in keys)


def _read(root: Path, unit: Unit, problems: List[Problem]) -> Iterator[SceneRecord]:
    found: List[SceneAsset] = []
    acquired = None
    for file in unit.files:
        match = _FILE.fullmatch(file.path.rpartition("/")[2])
        if match is None:
            continue  # a sidecar
        acquired = time_or_none(match["date"])
        if RASTER.search(file.path):
            found.insert(0, SceneAsset("image", file.path, media_type_of(file.path), product="analytic"))
        else:
            key = "metadata" if not any(asset.key == "metadata" for asset in found) else "metadata_xml"
            found.append(SceneAsset(key, file.path, media_type_of(file.path), ("metadata",)))
    assets = [_named(asset) for asset in read_rasters(root, found, _bands, problems)]
    if not any(asset.raster for asset in assets):
        return
    stated = SceneFields(acquired=acquired, provider="usda-fsa")
    if acquired is not None:
        stated = replace(stated, stac={"naip:year": f"{acquired:%Y}"})
    fields = complete_fields(root, assets, stated, problems)
    if fields is not None:
        feature = fields.to_feature(name_of(unit.key))
        yield SceneRecord("naip", feature, tuple(assets), item=fields.to_json(), guessed=fields.guessed)


def _named(asset: SceneAsset) -> SceneAsset:
    """Return a file with its product and role: three bands are a picture."""
    if asset.raster is None or asset.raster.bands != 3:
        return asset
    return replace(asset, product="visual", roles=("visual",))


def _bands(asset: SceneAsset, raster: RasterInfo) -> Tuple[BandInfo, ...]:
    return named_bands(raster, (*RGB, _NIR)[: raster.bands])


KIND = Kind(_PREFIX, _claim, _read, name_of)
