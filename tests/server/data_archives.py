"""Archives of Planet's items: those that `tests.data_v1_service` generates, as an order with a small raster each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
import rasterio
from rasterio.transform import from_origin

from tests.data_v1_service import Feature, generated_items

SIDE = 8  # pixels
FILES = {  # by asset: end of the name, number of bands, type
    "ortho_visual": ("3B_Visual.tif", 3, "uint8"),
    "ortho_analytic_4b": ("3B_AnalyticMS.tif", 4, "uint16"),
    "ortho_analytic_8b": ("3B_AnalyticMS_8b.tif", 8, "uint16"),
    "ortho_udm2": ("3B_udm2.tif", 8, "uint8"),
}


def order_items(count: int, seed: int = 1) -> List[Feature]:
    """Return items as the service should have them: with the assets that `write_order` writes, and their grid."""
    found = []
    for number, item in enumerate(generated_items("PSScene", count, seed)):
        said = dict(item["properties"])
        if said.get("cloud_cover") is None:
            del said["cloud_cover"]  # JSON's null is no value
        names = ["ortho_visual" if number % 2 else "ortho_analytic_4b", *(["ortho_udm2"] if number % 3 == 0 else [])]
        names += ["ortho_analytic_8b"] if number % 20 == 0 else []
        west, _, _, north = _bounds(item)
        said.update(epsg_code=4326, rows=SIDE, columns=SIDE, origin_x=west, origin_y=north)
        whole = sorted([*names, "metadata"])
        permissions = [f"assets.{name}:download" for name in whole]
        found.append({**item, "properties": said, "assets": whole, "_permissions": permissions})
    return found


def write_order(folder: Path, items: List[Feature]) -> None:
    """Write items as the files of an order, with its manifest."""
    entries: List[Dict[str, Any]] = []
    for item in items:
        place = folder / "PSScene" / item["id"]
        place.mkdir(parents=True)
        for name in item["assets"]:
            path = place / file_name(item, name)
            if name in FILES:
                _write_raster(path, *FILES[name][1:], item)
            else:
                path.write_text(json.dumps(_stated(item)))
            annotations = {"planet/item_id": item["id"], "planet/item_type": "PSScene", "planet/asset_type": name}
            entries.append(
                {
                    "path": path.relative_to(folder).as_posix(),
                    "media_type": "image/tiff",
                    "size": path.stat().st_size,
                    "digests": {},
                    "annotations": annotations,
                }
            )
    (folder / "manifest.json").write_text(json.dumps({"name": "", "files": entries}))


def file_name(item: Feature, asset: str) -> str:
    """Return the name of the file of an asset."""
    return f"{item['id']}_{FILES[asset][0] if asset in FILES else 'metadata.json'}"


def _stated(item: Feature) -> Feature:
    grid = ("epsg_code", "rows", "columns", "origin_x", "origin_y")
    said = {name: value for name, value in item["properties"].items() if name not in grid}
    return {"type": "Feature", "id": item["id"], "geometry": item["geometry"], "properties": said}


def _bounds(item: Feature) -> List[float]:
    longitudes, latitudes = zip(*item["geometry"]["coordinates"][0])
    return [min(longitudes), min(latitudes), max(longitudes), max(latitudes)]


def _write_raster(path: Path, bands: int, data_type: str, item: Feature) -> None:
    west, south, east, north = _bounds(item)
    values = np.random.default_rng(len(path.name)).integers(1, 200, (bands, SIDE, SIDE)).astype(data_type)
    profile = {"driver": "GTiff", "width": SIDE, "height": SIDE, "count": bands, "dtype": data_type}
    placed = from_origin(west, north, (east - west) / SIDE, (north - south) / SIDE)
    with rasterio.open(path, "w", **profile, crs="EPSG:4326", transform=placed) as to:
        to.write(values)
