"""Columns of a layer: those of its collection and a few more, and how scenes become rows of them."""

from __future__ import annotations

import logging
from hashlib import blake2b
from itertools import repeat
from struct import unpack
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from planet_vector.collection_schema import REAL, TEXT, CollectionSchema
from planet_vector.errors import QueryError
from planet_vector.geometry.boxes import Bounds, around_polygons
from planet_vector.geometry.shapes import multipolygon_wkb, polygons_of, simple_footprints
from planet_vector.names import ONLY_GEOTIFF
from planet_vector.vector.branches import branches_of, values_of
from planet_vector.vector.column_values import fit_column
from planet_vector.vector.columns import Rows
from planet_vector.vector.texts import can_hold, held, to_json

log = logging.getLogger(__name__)

OTHER = "other"
"""Holds, as JSON, what has no column."""
FOOTPRINT = "@footprint"
"""Where ``other`` says why a scene has no geometry."""
LOCATION = "location"
"""The field GDAL's raster tile index (GTI) reads names from, by its default."""
MADE = ("id", LOCATION, OTHER)
"""Columns that are no property of a scene."""

_SCHEMES = ("https://", "http://")
_PREFIX = f"{ONLY_GEOTIFF}/vsicurl/"


class Schema:
    """Columns of a layer; turns scenes of one collection into rows.

    Parameters
    ----------
    collection : CollectionSchema
        What the service says of its scenes.
    fields : sequence of str, optional
        The columns to carry, in this order; all of them by default.
    product : str, optional
        The product that ``location`` names; by default the first of the collection's first products that a scene has,
        else the first the scene has.
    made : sequence of str
        The columns to have beside the collection's: some of `MADE`.

    Raises
    ------
    QueryError
        If a field is unknown.
    """

    def __init__(
        self,
        collection: CollectionSchema,
        fields: Optional[Sequence[str]] = None,
        product: Optional[str] = None,
        made: Sequence[str] = MADE,
    ) -> None:
        self.collection = collection
        self.product = product
        first = {name: TEXT for name in made if name == "id"}
        types = {**first, **collection.columns, **{name: TEXT for name in made}}
        unknown = [name for name in fields or () if name not in types]
        if unknown:
            raise QueryError(
                f"fields names {unknown[0]!r}, which {self.scene_type} does not have; it has: {', '.join(types)}."
            )
        twice = [name for number, name in enumerate(fields or ()) if name in (fields or ())[:number]]
        if twice:
            raise QueryError(f"fields names {twice[0]!r} more than once: name it once.")
        self.names: Tuple[str, ...] = tuple(fields or types)
        self.types: Tuple[str, ...] = tuple(types[name] for name in self.names)
        self._tree = tree_of(self.names)

    @property
    def scene_type(self) -> str:
        """The name of the collection."""
        return self.collection.collection

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
                    located = map(self._locate, features)
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
        fitted, whole = fit_column(values, kind)
        if fitted is values:
            return values, whole
        for number, (value, taken) in enumerate(zip(values, fitted)):
            if value is not None and (taken is None or (kind is REAL and taken != value)):
                rests.setdefault(number, {})[key] = value
        return fitted, whole

    def plain_locations(self, columns: Sequence[Sequence[Any]]) -> List[Optional[str]]:
        """Return the locations of scenes that all have the product that comes first; nothing for others."""
        wanted = (self.product,) if self.product else self.collection.first_products
        first = self.collection.link_columns.get(wanted[0]) if wanted else None
        links = columns[self.names.index(first)] if first in self.names else ()
        if set(map(type, links)) == {str} and all(map(str.startswith, links, repeat(_SCHEMES))):
            return [_PREFIX + link for link in links]
        return []

    def _locate(self, feature: Mapping[str, Any]) -> Optional[str]:
        assets = self.collection.assets_of(feature)
        for product in (self.product,) if self.product else (*self.collection.first_products, *assets):
            asset = assets.get(product)
            if asset is not None and asset.href.startswith(_SCHEMES):
                return _PREFIX + asset.href
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


def _shown_ids(ids: Sequence[str], rests: Dict[int, Dict[str, Any]]) -> Sequence[str]:
    """Return ids as a column can hold them, and put those that it cannot to the rest of their scenes."""
    if can_hold(ids):
        return ids
    shown = list(map(held, ids))
    for number, (item_id, text) in enumerate(zip(ids, shown)):
        if item_id != text:
            _add(rests, number, "id", item_id)
    return shown


def _add(rests: Dict[int, Dict[str, Any]], number: int, key: str, value: object) -> None:
    """Put to the rest of a scene what is no property of it, under a key that no property has."""
    rest = rests.setdefault(number, {})
    while key in rest:
        key = f"@{key}"
    rest[key] = value
