"""Print scenes: GeoJSON as fio prints it, CSV with the layer's columns, a table for people."""

from __future__ import annotations

import csv
import json
from typing import Any, Callable, Iterable, Iterator, List, Optional, TextIO

from planet_vector.catalog.paging import Feature
from planet_vector.geometry import wkt_of_wkb
from planet_vector.query import format_time
from planet_vector.scene import Scene
from planet_vector.vector.schema import Schema

RS = "\x1e"

_TABLE = "{:<24} {:<20} {:>6} {:>10}  {}\n"


def json_dumper(indent: Optional[int], compact: bool) -> Callable[[Any], str]:
    """Return a function that writes JSON in the wanted style."""
    separators = (",", ":") if compact else None
    return lambda value: json.dumps(value, ensure_ascii=False, indent=indent, separators=separators)


def print_sequence(features: Iterable[Feature], out: TextIO, dumps: Callable[[Any], str], rs: bool) -> None:
    """Print a scene a line, each as soon as it is there; with RS characters, a GeoJSON text sequence."""
    for feature in features:
        out.write(f"{RS if rs else ''}{dumps(feature)}\n")


def print_collection(features: Iterable[Feature], out: TextIO, dumps: Callable[[Any], str]) -> None:
    """Print one FeatureCollection, without holding it in memory."""
    out.write('{"type": "FeatureCollection", "features": [')
    for number, feature in enumerate(features):
        out.write(f"{',' if number else ''}\n{dumps(feature)}")
    out.write("\n]}\n")


def print_csv(pages: Iterable[List[Feature]], out: TextIO, scene_type: str) -> None:
    """Print the columns of the layer, and the footprint as WKT."""
    schema = Schema(scene_type)
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow([*schema.names, "geometry"])
    for features in pages:
        for row in schema.rows(features):
            rows.writerow([*row.values, wkt_of_wkb(row.wkb) if row.wkb else None])


def print_table(features: Iterable[Feature], out: TextIO, scene_type: str) -> None:
    """Print what people look for in a scene."""
    for number, scene in enumerate(_scenes(features, scene_type)):
        if not number:
            out.write(_TABLE.format("id", "acquired", "cloud", "longitude", " latitude  products"))
        cloud = "-" if scene.cloud_cover is None else f"{scene.cloud_cover:.1f}%"
        acquired = format_time(scene.acquired.replace(microsecond=0)).replace("+00:00", "Z")
        longitude, latitude = _middle(scene)
        out.write(_TABLE.format(scene.id, acquired, cloud, longitude, f"{latitude:>9}  {','.join(scene.products)}"))


def _scenes(features: Iterable[Feature], scene_type: str) -> Iterator[Scene]:
    return (Scene(feature, scene_type) for feature in features)


def _middle(scene: Scene) -> List[str]:
    """Return longitude and latitude of about the middle of a footprint."""
    polygons = scene.polygons
    if not polygons:
        return ["-", "-"]
    ring = polygons[0][0][:-1]
    return [f"{sum(position[axis] for position in ring) / len(ring):.4f}" for axis in (0, 1)]
