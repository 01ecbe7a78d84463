"""Archives of the public missions, made by the specification of their metadata, and the scenes read from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence, Tuple
from xml.sax.saxutils import escape

import numpy as np
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp
from rasterio.transform import from_origin

from planet_vector.server.archive.inventory import read, scan
from planet_vector.server.archive.units import Problem, SceneAsset, SceneRecord

Groups = Mapping[str, Mapping[str, object]]

ORIGIN = 499_980.0, 5_300_040.0
"""Upper left corner of the rasters, in EPSG:32633: 15° east, 47.85° north."""


def write_image(
    path: Path,
    value: int = 100,
    *,
    dtype: str = "uint16",
    bands: int = 1,
    size: int = 40,
    pixel: float = 30.0,
    left: float = ORIGIN[0],
    margin: int = 0,
    points: Sequence[GroundControlPoint] = (),
    colours: Sequence[ColorInterp] = (),
) -> np.ndarray:
    """Write a GeoTIFF or JPEG 2000 file of one value a band, rising by one, with zeros around it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((bands, size, size), dtype)
    inner = slice(margin, size - margin)
    for band in range(bands):
        pixels[band, inner, inner] = value + band
    profile = {"width": size, "height": size, "count": bands, "dtype": dtype, "driver": "GTiff"}
    if path.suffix == ".jp2":
        profile.update(driver="JP2OpenJPEG", QUALITY=100, REVERSIBLE="YES", YCBCR420="NO")
    if points:
        profile.update(gcps=list(points), crs="EPSG:4326")
    else:
        profile.update(crs="EPSG:32633", transform=from_origin(left, ORIGIN[1], pixel, pixel))
    with rasterio.open(path, "w", **profile) as dataset:
        if colours:
            dataset.colorinterp = list(colours)
        dataset.write(pixels)
    return pixels


# ---- Landsat ---------------------------------------------------------------------------------------------


def mtl_text(groups: Groups, outer: str = "LANDSAT_METADATA_FILE") -> str:
    """Return a Landsat metadata file as text (ODL)."""
    lines = [f"GROUP = {outer}"]
    for group, values in groups.items():
        lines.append(f"  GROUP = {group}")
        lines += [f"    {key} = {_odl(value)}" for key, value in values.items()]
        lines.append(f"  END_GROUP = {group}")
    return "\n".join([*lines, f"END_GROUP = {outer}", "END", ""])


def _odl(value: object) -> str:
    is_bare = isinstance(value, (int, float)) or (isinstance(value, str) and value[:4].isdigit() and value[4:5] == "-")
    return str(value) if is_bare else f'"{value}"'


def mtl_json(groups: Groups, outer: str = "LANDSAT_METADATA_FILE") -> str:
    """Return a Landsat metadata file as JSON, in which all values are texts."""
    return json.dumps({outer: {name: {k: str(v) for k, v in values.items()} for name, values in groups.items()}})


def mtl_xml(groups: Groups, outer: str = "LANDSAT_METADATA_FILE") -> str:
    """Return a Landsat metadata file as XML."""
    inner = "".join(
        f"<{name}>{''.join(f'<{k}>{escape(str(v))}</{k}>' for k, v in values.items())}</{name}>"
        for name, values in groups.items()
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{outer}>{inner}</{outer}>'


# ---- what is read of an archive --------------------------------------------------------------------------


def scenes_in(root: Path) -> Tuple[Dict[str, SceneRecord], List[Problem]]:
    """Return the scenes of an archive by the id that their metadata gives, and what is reported."""
    units, problems = scan(root)
    found: Dict[str, SceneRecord] = {}
    for unit in units.values():
        for record in read(root, unit, problems):
            assert record.feature["id"] not in found
            found[str(record.feature["id"])] = record
    return found, problems


def only_scene(root: Path) -> SceneRecord:
    """Return the scene of an archive that has one, and no problems."""
    found, problems = scenes_in(root)
    assert not problems
    (record,) = found.values()
    return record


def by_key(record: SceneRecord) -> Dict[str, SceneAsset]:
    """Return a scene's assets by key, in order."""
    found = {asset.key: asset for asset in record.assets}
    assert len(found) == len(record.assets)
    return found


def properties(record: SceneRecord) -> Dict[str, object]:
    """Return the properties of a scene's v0 Feature."""
    return dict(record.feature["properties"])


def nested(values: Mapping[str, object], name: str) -> Optional[object]:
    """Return a value by its dotted name."""
    found: object = values
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found
