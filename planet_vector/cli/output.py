"""Output of scenes: GeoJSON as fio prints it, CSV with the layer's columns, names, tables.

Scenes come from a service, and their properties may contain anything that JSON allows. Nothing in them may break a
listing: characters that the output encoding lacks, control characters and line breaks are escaped.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from dataclasses import replace
from itertools import chain, islice
from typing import Any, Callable, Iterable, Iterator, List, Match, Optional, TextIO, Tuple

from planet_vector.collection_schema import CollectionSchema, Feature, value_at
from planet_vector.connection_lookup import name_at
from planet_vector.errors import ProtocolError
from planet_vector.geometry.shapes import wkt_of_wkb
from planet_vector.scene import Scene
from planet_vector.times import format_time
from planet_vector.vector.schema import Schema
from planet_vector.vector.texts import to_json

RS = "\x1e"

_COLUMNS = "{:<20} {:>6} {:>10}  {}\n"
_ID_WIDTH = 24
_MEASURED = 100  # scenes whose ids set the width of the column: a longer id further down shifts its row alone

# Control characters, which terminals interpret; line breaks of Unicode; lone surrogates, which no encoding has. JSON
# itself escapes the ASCII control characters, and indented JSON contains line breaks.
_ODD_IN_JSON = "\x7f-\x9f\u2028\u2029\ud800-\udfff"
_ODD = re.compile(f"[\0-\x1f{_ODD_IN_JSON}]")
_ODD_IN_TEXTS = re.compile(f"[{_ODD_IN_JSON}]")
_NOT_ASCII = re.compile("[^\0-\x7e]")


def json_dumper(indent: Optional[int], compact: bool) -> Callable[[Any], str]:
    """Return a function that encodes JSON for standard output, readable by any parser.

    NaN and infinite numbers, which JSON lacks, are written as texts.

    Parameters
    ----------
    indent : int, optional
        Number of spaces to indent by; by default one line.
    compact : bool
        Whether to leave out spaces.
    """
    separators = (",", ":") if compact else None

    def dumps(value: Any) -> str:
        try:
            text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent, separators=separators)
        except (ValueError, RecursionError):  # not a finite number, or nested too deeply
            text = to_json(value)
        text = _ODD_IN_TEXTS.sub(_escaped, text)
        return text if _can_encode(text) else _NOT_ASCII.sub(_escaped, text)

    return dumps


def printable(text: str) -> str:
    """Return a text as one line that standard output can encode; other characters are escaped.

    Parameters
    ----------
    text : str
        Any text.
    """
    text = _ODD.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
    return text if _can_encode(text) else text.encode(_encoding(), "backslashreplace").decode(_encoding())


def names_of(root: str, collection: str, items: Iterable[Tuple[str, str]]) -> Iterator[str]:
    """Yield names for a listing; an id that is not allowed in a name is escaped, and rejected on use.

    Parameters
    ----------
    root : str
        The root of the service's API.
    collection : str
        The scene type, or ``basemaps``.
    items : iterable of (str, str)
        The item and the part of each name; the part may be empty.
    """
    service = name_at(root, collection)
    for item, part in items:
        yield str(replace(service, item=item, part=part))


def print_sequence(features: Iterable[Feature], out: TextIO, dumps: Callable[[Any], str], rs: bool) -> None:
    """Print scenes one per line, each as soon as it is read; with RS characters, a GeoJSON text sequence.

    Parameters
    ----------
    features : iterable of Feature
        The scenes.
    out : text file
        The output.
    dumps : callable
        Encodes JSON, as `json_dumper` returns it.
    rs : bool
        Whether to print an RS character before each scene.
    """
    for feature in features:
        out.write(f"{RS if rs else ''}{dumps(feature)}\n")


def print_collection(features: Iterable[Feature], out: TextIO, dumps: Callable[[Any], str]) -> None:
    """Print one FeatureCollection, without holding it in memory.

    Parameters
    ----------
    features : iterable of Feature
        The scenes.
    out : text file
        The output.
    dumps : callable
        Encodes JSON, as `json_dumper` returns it.
    """
    out.write('{"type": "FeatureCollection", "features": [')
    for number, feature in enumerate(features):
        out.write(f"{',' if number else ''}\n{dumps(feature)}")
    out.write("\n]}\n")


def print_csv(pages: Iterable[List[Feature]], out: TextIO, collection: CollectionSchema) -> None:
    """Print the columns of the layer, and the footprint as WKT.

    Parameters
    ----------
    pages : iterable of list of Feature
        The scenes.
    out : text file
        The output.
    collection : CollectionSchema
        Their columns.
    """
    schema = Schema(collection)
    rows = csv.writer(_EscapingWriter(out), lineterminator="\n")
    rows.writerow([*schema.names, "geometry"])
    for features in pages:
        for row in schema.rows(features):
            rows.writerow([*row.values, wkt_of_wkb(row.wkb) if row.wkb else None])


def print_names(root: str, features: Iterable[Feature], out: TextIO, scene_type: str) -> None:
    """Print the PLANET: name of each scene.

    Parameters
    ----------
    root : str
        The root of the service's API.
    features : iterable of Feature
        The scenes.
    out : text file
        The output.
    scene_type : str
        Their type.
    """
    out.writelines(f"{name}\n" for name in names_of(root, scene_type, ((feature["id"], "") for feature in features)))


def print_table(features: Iterable[Feature], out: TextIO, collection: CollectionSchema) -> None:
    """Print a table with id, time, cloud cover, place and products of each scene.

    Parameters
    ----------
    features : iterable of Feature
        The scenes.
    out : text file
        The output.
    collection : CollectionSchema
        Their columns.
    """
    scenes = (Scene(feature, collection) for feature in features)
    first = list(islice(scenes, _MEASURED))
    if not first:
        return
    width = max(_ID_WIDTH, *(len(printable(scene.id)) for scene in first))
    row = f"{{:<{width}}} {_COLUMNS}"
    out.write(row.format("id", "acquired", "cloud", "longitude", " latitude  products"))
    for scene in chain(first, scenes):
        cloud = "-" if scene.cloud_cover is None else f"{scene.cloud_cover:.1f}%"
        longitude, latitude = _middle(scene)
        cells = (scene.id, _acquired(scene), cloud, longitude, f"{latitude:>9}  {','.join(scene.products)}")
        out.write(row.format(*map(printable, cells)))


class _EscapingWriter:
    """Output that escapes characters its encoding lacks."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def write(self, text: str) -> None:
        self._out.write(text if _can_encode(text) else text.encode(_encoding(), "backslashreplace").decode(_encoding()))


def _encoding() -> str:
    return getattr(sys.stdout, "encoding", None) or "utf-8"


def _can_encode(text: str) -> bool:
    """Return whether standard output can encode a text."""
    try:
        text.encode(_encoding())
    except UnicodeEncodeError:
        return False
    return True


def _escaped(match: Match[str]) -> str:
    """Return the JSON escape of a character: beyond U+FFFF a surrogate pair."""
    character = match[0]
    return f"\\u{ord(character):04x}" if character < "\U00010000" else json.dumps(character)[1:-1]


def _acquired(scene: Scene) -> str:
    try:
        return format_time(scene.acquired.replace(microsecond=0)).replace("+00:00", "Z")
    except ProtocolError:  # such as a time after the year 9999 in UTC
        return str(value_at(scene.properties, scene.schema.meanings.time))


def _middle(scene: Scene) -> List[str]:
    """Return longitude and latitude of the approximate middle of a footprint."""
    try:
        polygons = scene.polygons
    except ProtocolError:
        polygons = []  # the footprint is not valid
    if not polygons:
        return ["-", "-"]
    ring = polygons[0][0][:-1]
    return [f"{sum(position[axis] for position in ring) / len(ring):.4f}" for axis in (0, 1)]
