"""The columns of a layer: the API's dotted names, typed per scene type, and how a scene becomes a row of them."""

from __future__ import annotations

import logging
import math
from collections import deque
from datetime import datetime
from hashlib import blake2b
from itertools import repeat
from struct import unpack
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Sequence, Set, Tuple

from planet_vector.errors import QueryError
from planet_vector.geometry.boxes import Bounds, around_polygons
from planet_vector.geometry.shapes import multipolygon_wkb, polygons_of, simple_footprints
from planet_vector.names import ONLY_GEOTIFF
from planet_vector.times import parse_time
from planet_vector.vector.branches import branches_of, values_of
from planet_vector.vector.column_kinds import INTEGER, LONG, REAL, TEXT, TIME
from planet_vector.vector.columns import Rows
from planet_vector.vector.texts import can_hold, held, to_json

log = logging.getLogger(__name__)

OTHER = "other"
FOOTPRINT = "@footprint"
"""Where ``other`` says why a scene has no geometry: properties of the API have no @ in their names."""
LOCATION = "location"
"""The field GDAL's raster tile index (GTI) reads names from, by its default."""
MADE = ("id", LOCATION, OTHER)
"""Columns that are no property of a scene."""


_COMMON_HEAD: Dict[str, str] = {"id": TEXT, "acquired": TIME, "published": TIME, "provider": TEXT}
_COMMON_TAIL: Dict[str, str] = {
    "links.self": TEXT,
    "links.full": TEXT,
    "links.thumbnail": TEXT,
    "links.square_thumbnail": TEXT,
}
_SUN = {"sun.altitude": REAL, "sun.azimuth": REAL}

_TYPES: Mapping[str, Mapping[str, str]] = {
    "ortho": {
        "camera.bit_depth": INTEGER,
        "camera.color_mode": TEXT,
        "camera.exposure_time": REAL,
        "camera.gain": REAL,
        "camera.tdi_pulses": REAL,
        "cloud_cover.estimated": REAL,
        "file_size": LONG,
        "image_statistics.gsd": REAL,
        "image_statistics.image_quality": TEXT,
        "image_statistics.snr": REAL,
        "sat.alt": REAL,
        "sat.id": TEXT,
        "sat.lat": REAL,
        "sat.lng": REAL,
        "sat.off_nadir": REAL,
        "strip_id": REAL,
        **_SUN,
        "sun.local_time_of_day": REAL,
        "data.products.visual.full": TEXT,
        "data.products.analytic.full": TEXT,
        "data.products.unrectified.full": TEXT,
        "data.products.unrectified.zip": TEXT,
    },
    "rapideye": {
        "area": REAL,
        "cloud_cover.estimated": REAL,
        "image_statistics.gsd": REAL,
        "rapideye.catalog_id": TEXT,
        "rapideye.tile_id": TEXT,
        "sat.azimuth_angle": REAL,
        "sat.id": TEXT,
        "sat.off_nadir": REAL,
        "sat.view_angle": REAL,
        **_SUN,
        "data.products.visual.full": TEXT,
        "data.products.analytic.full": TEXT,
    },
    "landsat": {
        "camera.bit_depth": INTEGER,
        "cloud_cover.estimated": REAL,
        "image_statistics.gsd": REAL,
        "landsat.data_type": TEXT,
        "landsat.path": INTEGER,
        "landsat.row": INTEGER,
        "sat.alt": REAL,
        "sat.id": TEXT,
        "sat.off_nadir": REAL,
        **_SUN,
        **{f"data.products.band_{n}.full": TEXT for n in range(1, 12)},
        "data.products.qa.full": TEXT,
    },
}
# A scene type that the service learnt after this was written: what every scene has; the rest is in "other".
_UNKNOWN: Mapping[str, str] = {
    "cloud_cover.estimated": REAL,
    "image_statistics.gsd": REAL,
    "sat.id": TEXT,
    "sat.off_nadir": REAL,
    **_SUN,
    "data.products.visual.full": TEXT,
    "data.products.analytic.full": TEXT,
}

_FIRST_PRODUCTS = ("visual", "analytic")  # what `location` is of, where the name does not say
_SCHEMES = ("https://", "http://")
_PREFIX = f"{ONLY_GEOTIFF}/vsicurl/"


class Schema:
    """Turn scenes of one type into rows.

    Parameters
    ----------
    scene_type : str
        Decides the columns.
    fields : sequence of str, optional
        The columns to carry, in this order; all of them by default.
    product : str, optional
        The product that ``location`` names; by default visual, else analytic, else the first the scene has.
    types : mapping of str to str, optional
        Every column there can be, and its type in OGR, of what is no scene.

    Raises
    ------
    QueryError
        When a field is unknown.
    """

    def __init__(
        self,
        scene_type: str,
        fields: Optional[Sequence[str]] = None,
        product: Optional[str] = None,
        types: Optional[Mapping[str, str]] = None,
    ) -> None:
        self.scene_type = scene_type
        self.product = product
        types = types or {
            **_COMMON_HEAD,
            **_TYPES.get(scene_type, _UNKNOWN),
            **_COMMON_TAIL,
            LOCATION: TEXT,
            OTHER: TEXT,
        }
        unknown = [name for name in fields or () if name not in types]
        if unknown:
            raise QueryError(
                f"fields names {unknown[0]!r}, which {scene_type} does not have; it has: {', '.join(types)}."
            )
        self.names: Tuple[str, ...] = tuple(fields or types)
        self.types: Tuple[str, ...] = tuple(types[name] for name in self.names)
        self._tree = tree_of(self.names)

    @property
    def key(self) -> Tuple[Any, ...]:
        """What tells two schemas apart."""
        return self.scene_type, self.names, self.product

    def rows(self, features: Sequence[Mapping[str, Any]]) -> Rows:
        """Turn GeoJSON Features of the service into rows: one for each, whatever is odd about it.

        What a column cannot hold as it is stands in ``other``: a text with NUL or half a surrogate pair, a number that
        is not finite or too large. The column is null then, except for two: a whole number that a double rounds stands
        in its column, rounded, and in ``other``, exact; and in the column of an id U+FFFD replaces each such character.
        A geometry that is no footprint (`planet_vector.geometry.shapes.polygons_of`) is null, and ``other`` says why
        under `FOOTPRINT`; so does the log, at debug level, for a layer without that column.

        A page is turned column by column, which is several times as fast as scene by scene.
        """
        columns: List[Sequence[Any]] = [()] * len(self.names)
        properties = [feature["properties"] for feature in features]
        ids = [feature["id"] for feature in features]
        full: Set[int] = set()
        rests = self._fill(self._tree, properties, columns, full)
        shown = _shown_ids(ids, rests)
        boxes, wkbs = self._footprints(features, rests)
        for slot, name in enumerate(self.names):
            if name == "id":
                columns[slot] = shown
                full.add(slot)
            elif name == LOCATION:
                columns[slot] = self.plain_locations(columns)
                if not columns[slot]:
                    located = map(self._locate, properties)
                    columns[slot] = [link if link and can_hold([link]) else None for link in located]
                full.update([slot] if None not in columns[slot] else [])
            elif name == OTHER:
                texts: List[Optional[str]] = [None] * len(features)
                for number, rest in rests.items():
                    texts[number] = to_json(rest)
                columns[slot] = texts
        return Rows(self.fids(ids), boxes, wkbs, columns, frozenset(full))

    def fids(self, ids: Sequence[str]) -> List[int]:
        """Return the feature ids of scenes: 53 bits of a digest, so that JSON and doubles carry them exactly.

        Two scenes of a million share one with a probability of 6 in 100 000 (n²/2⁵⁴).
        """
        copy = blake2b(f"{self.scene_type}/".encode(), digest_size=8).copy
        try:
            texts = list(map(str.encode, ids))
        except UnicodeEncodeError:  # half a surrogate pair
            texts = [item_id.encode("utf-8", "surrogatepass") for item_id in ids]
        digests = []
        for text in texts:
            digest = copy()
            digest.update(text)
            digests.append(digest.digest())
        return [number >> 11 for number in unpack(f">{len(digests)}Q", b"".join(digests))]

    def _footprints(
        self, features: Sequence[Mapping[str, Any]], rests: Dict[int, Dict[str, Any]]
    ) -> Tuple[List[Optional[Bounds]], List[Optional[bytes]]]:
        """Return the bounds and the WKB of each footprint; None for those without, whose scenes' rest says why."""
        geometries = [feature.get("geometry") for feature in features]
        simple = simple_footprints(geometries)
        if simple is not None:
            return simple
        boxes: List[Optional[Bounds]] = []
        wkbs: List[Optional[bytes]] = []
        for number, (feature, geometry) in enumerate(zip(features, geometries)):
            try:
                polygons = polygons_of(geometry)
            except ValueError as error:
                polygons = []
                if OTHER in self.names:
                    _add(rests, number, FOOTPRINT, f"The geometry cannot be used: {error}.")
                else:
                    log.debug("The geometry of scene %a cannot be used: %s", feature["id"], error)
            boxes.append(tuple(around_polygons(polygons)) if polygons else None)  # type: ignore[arg-type]
            wkbs.append(multipolygon_wkb(polygons) if polygons else None)
        return boxes, wkbs

    def _fill(
        self,
        node: Mapping[str, Any],
        trees: Sequence[Mapping[str, Any]],
        columns: List[Sequence[Any]],
        full: Set[int],
    ) -> Dict[int, Dict[str, Any]]:
        """Put what has a column into its column, and return what has none, or does not fit its type, by scene.

        Columns with a value for every scene are added to `full`.
        """
        rests: Dict[int, Dict[str, Any]] = {}
        found = values_of(trees)
        for key, slot in node.items():
            values = found.pop(key, None)
            if slot.__class__ is int:
                if values is None:
                    columns[slot] = [None] * len(trees)
                    continue
                columns[slot], whole = self._fit_all(key, slot, values, rests)
                full.update([slot] if whole else [])
            else:
                branches = branches_of(key, values, trees, rests)
                for number, rest in self._fill(slot, branches, columns, full).items():
                    rests.setdefault(number, {})[key] = rest
        for key in found:
            for number, tree in enumerate(trees):
                if key in tree:
                    rests.setdefault(number, {})[key] = tree[key]
        return rests

    def _fit_all(
        self, key: str, slot: int, values: Sequence[Any], rests: Dict[int, Dict[str, Any]]
    ) -> Tuple[Sequence[Any], bool]:
        """Return values as their column takes them, and whether all are there.

        Those that it cannot take as they are are put to the rest of their scenes.
        """
        kind = self.types[slot]
        if kind is TEXT and can_hold(values):
            return values, True
        classes = set(map(type, values))
        if _fits(values, classes, kind):
            return values, _NOTHING not in classes
        if kind is TIME and classes <= _PLAIN[TEXT]:
            moments = fit_times(values)
            if moments:
                return moments, _NOTHING not in classes
        fitted = [_fit(value, kind) for value in values]
        for number, (value, fit) in enumerate(zip(values, fitted)):
            if value is not None and (fit is None or (kind is REAL and fit != value)):
                rests.setdefault(number, {})[key] = value
        return fitted, None not in fitted

    def plain_locations(self, columns: Sequence[Sequence[Any]]) -> List[Optional[str]]:
        """Return the locations of scenes that all have the product that comes first; nothing for others."""
        first = f"data.products.{self.product or _FIRST_PRODUCTS[0]}.full"
        links = columns[self.names.index(first)] if first in self.names else ()
        if set(map(type, links)) == {str} and all(map(str.startswith, links, repeat(_SCHEMES))):
            return [_PREFIX + link for link in links]
        return []

    def _locate(self, properties: Mapping[str, Any]) -> Optional[str]:
        data = properties.get("data")
        products = data.get("products") if data.__class__ is dict else None
        if products.__class__ is not dict:
            return None
        for product in (self.product,) if self.product else (*_FIRST_PRODUCTS, *products):
            links = products.get(product)
            link = links.get("full") if links.__class__ is dict else None
            if link.__class__ is str and link.startswith(_SCHEMES):
                return _PREFIX + link
        return None


def tree_of(names: Sequence[str]) -> Dict[str, Any]:
    """Return the places of columns by their dotted names, a dictionary for each branch, without those made here."""
    tree: Dict[str, Any] = {}
    for slot, name in enumerate(names):
        if name not in MADE:
            *branches, leaf = name.split(".")
            node = tree
            for branch in branches:
                node = node.setdefault(branch, {})
            node[leaf] = slot
    return tree


_NOTHING = type(None)
# The classes whose values may go into a column as they are.
_PLAIN: Mapping[str, FrozenSet[type]] = {
    TEXT: frozenset({str, _NOTHING}),
    REAL: frozenset({float, _NOTHING}),
    TIME: frozenset({_NOTHING}),
    INTEGER: frozenset({_NOTHING}),
    LONG: frozenset({_NOTHING}),
}
_NUMBERS: Mapping[str, FrozenSet[type]] = {
    REAL: frozenset({float, int}),
    INTEGER: frozenset({int}),
    LONG: frozenset({int}),
}
_USUAL_TIME = "0000-00-00T00:00:00.000000+00:00"
_LENGTH = len(_USUAL_TIME)
_PUNCTUATION = [(at, char) for at, char in enumerate(_USUAL_TIME) if at >= 26 or char != "0"]
LARGEST = {REAL: 2**53, INTEGER: 2**31 - 1, LONG: 2**63 - 1}
"""The whole numbers up to which a column holds all, and their negatives."""


def _fits(values: Sequence[Any], classes: Set[type], kind: str) -> bool:
    """Tell whether a column can hold all values as they are; where it says no, they have to be looked at."""
    if classes <= _PLAIN[kind]:
        if kind is TEXT:
            return can_hold(list(filter(None, values)))
        # Finite numbers may have a sum that is not.
        return kind is not REAL or math.isfinite(sum(values if _NOTHING not in classes else filter(None, values)))
    if not classes <= _NUMBERS.get(kind, frozenset()) or not max(map(abs, values)) <= LARGEST[kind]:
        return False
    return float not in classes or math.isfinite(sum(values))  # no number is NaN, but the maximum may pass it over


def _shown_ids(ids: Sequence[str], rests: Dict[int, Dict[str, Any]]) -> Sequence[str]:
    """Return ids as a column can hold them, and put those that it cannot to the rest of their scenes."""
    if can_hold(ids):
        return ids
    shown = list(map(held, ids))
    for number, (item_id, text) in enumerate(zip(ids, shown)):
        if item_id != text:
            _add(rests, number, "id", item_id)
    return shown


def _add(rests: Dict[int, Dict[str, Any]], number: int, key: str, value: Any) -> None:
    """Put to the rest of a scene what is no property of it, under a key that no property has."""
    rest = rests.setdefault(number, {})
    while key in rest:
        key = f"@{key}"
    rest[key] = value


def _fit(value: Any, kind: str) -> Any:
    """Return a value as a column of a kind can hold it, rounded if it is a number, or None when it cannot.

    Times go to GDAL in UTC and cut to the millisecond: its seconds are 32-bit floats, and a fraction that rounds
    up to a whole second is no time to some readers.
    """
    if value.__class__ is int and kind in LARGEST:
        if abs(value) <= LARGEST[kind]:
            return value
        try:
            return float(value) if kind is REAL else None
        except OverflowError:
            return None
    if value.__class__ is float and kind is REAL:
        return value if math.isfinite(value) else None
    if value.__class__ is str and kind is TEXT:
        return value if can_hold([value]) else None
    if value.__class__ is str and kind is TIME:
        try:
            moment = parse_time(value)
        except ValueError:
            return None
        # As the service writes nearly all; `parse_time` has checked the digits.
        whole = len(value) == _LENGTH and value.endswith("+00:00") and value[4:20:3] == "--T::."
        return (value if whole else moment.isoformat(timespec="milliseconds"))[:23] + "Z"
    return None


def fit_times(values: Sequence[Optional[str]]) -> Sequence[Optional[str]]:
    """Return texts as a column of times can hold them, None among them; nothing at all when one is no time."""
    fitted: Sequence[Optional[str]] = ()
    if None not in values:
        fitted = _plain_times(values)  # type: ignore[arg-type]
    fitted = fitted or [_fit(value, TIME) for value in values]
    return fitted if fitted.count(None) == values.count(None) else ()


def _plain_times(values: Sequence[str]) -> Sequence[str]:
    """Return times that are all spelt as the service spells nearly all, as `_fit` would; nothing for others."""
    if set(map(len, values)) != {_LENGTH}:
        return ()
    joined = "".join(values)
    # fromisoformat takes more: any separator, week dates, in some versions the hour 24.
    if any(joined[at::_LENGTH] != char * len(values) for at, char in _PUNCTUATION) or "T24" in joined:
        return ()
    try:
        deque(map(datetime.fromisoformat, values), 0)
    except ValueError:
        return ()
    return [value[:23] + "Z" for value in values]
