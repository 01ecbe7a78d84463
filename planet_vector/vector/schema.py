"""Columns of a layer: those of its collection and a few more; conversion of scenes to rows."""

from __future__ import annotations

import logging
from hashlib import blake2b
from itertools import chain, repeat
from struct import unpack
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple, Union

from planet_vector.assets import Asset, AssetPlace
from planet_vector.collection_schema import BOOLEAN, INTEGER, REAL, TEXT, CollectionSchema, Feature
from planet_vector.errors import QueryError
from planet_vector.geometry.boxes import Bounds, around_polygons
from planet_vector.geometry.shapes import multipolygon_wkb, polygons_of, simple_footprints
from planet_vector.names import ONLY_GEOTIFF
from planet_vector.quick_json import decoded
from planet_vector.vector.branches import branches_of, values_of
from planet_vector.vector.column_values import fit_booleans, fit_column
from planet_vector.vector.columns import Rows
from planet_vector.vector.json_footprints import json_footprints
from planet_vector.vector.texts import can_hold, held, to_json

log = logging.getLogger(__name__)

OTHER = "other"
"""The column of all values without a column of their own, as JSON."""
FOOTPRINT = "@footprint"
"""The key in ``other`` of the reason why a scene has no geometry."""
LOCATION = "location"
"""The field from which GDAL's raster tile index (GTI) reads names by default."""
MADE = ("id", LOCATION, OTHER)
"""Columns that are not properties of a scene."""

_SCHEMES = ("https://", "http://")
_PREFIX = f"{ONLY_GEOTIFF}/vsicurl/"


class Schema:
    """Columns of a layer; turns scenes of one collection into rows.

    Parameters
    ----------
    collection : CollectionSchema
        The service's columns for its scenes.
    fields : sequence of str, optional
        The columns to carry, in this order; all by default.
    product : str, optional
        The product to which ``location`` refers; by default the first of the collection's first products that a scene
        has, else the first that the scene has.
    made : sequence of str
        The columns to add to the collection's: some of `MADE`.

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
        kinds = [types[name] for name in self.names]
        self.types: Tuple[str, ...] = tuple(INTEGER if kind == BOOLEAN else kind for kind in kinds)
        self.booleans = frozenset(slot for slot, kind in enumerate(kinds) if kind == BOOLEAN)
        """Indices of columns of true and false, which hold 1 and 0."""
        self._tree = tree_of([name if name not in collection.members else OTHER for name in self.names])

    @property
    def scene_type(self) -> str:
        """The name of the collection."""
        return self.collection.collection

    @property
    def key(self) -> Tuple[Any, ...]:
        """A key that identifies the schema in caches."""
        return self.scene_type, self.names, self.product

    def rows(self, features: Sequence[Feature]) -> Rows:
        """Convert GeoJSON Features of the service to rows, one for each.

        A value that its column cannot hold goes to ``other``: a text with NUL or a lone surrogate, a number that is not
        finite or too large. The column is then null, with two exceptions. A whole number that a double rounds is
        rounded in its column, and exact in ``other``. In the id column, U+FFFD replaces each such character. A geometry
        that is not a footprint (`planet_vector.geometry.shapes.polygons_of`) becomes null; the reason is in ``other``
        under `FOOTPRINT`, or in the debug log if the layer has no such column.

        A page is converted column by column, which is several times as fast as scene by scene.

        Parameters
        ----------
        features : sequence of mapping
            Features with ``id``, ``geometry`` and ``properties``.

        Returns
        -------
        Rows
            In the order of the features.
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
                columns[slot] = self.plain_locations(columns, len(ids))
            elif name == OTHER:
                texts: List[Optional[str]] = [None] * len(features)
                for number, rest in rests.items():
                    texts[number] = to_json(rest)
                columns[slot] = texts
        self._fill_by_members(features, columns)
        if LOCATION in self.names and None not in columns[self.names.index(LOCATION)]:
            full.add(self.names.index(LOCATION))
        return Rows(self.fids(ids), boxes, wkbs, columns, frozenset(full))

    def _fill_by_members(self, features: Sequence[Feature], columns: List[Sequence[Optional[str]]]) -> None:
        """Fill the columns of members, and of locations unless it is filled; each scene is decoded and let go of."""
        slots = {name: slot for slot, name in enumerate(self.names) if name in self.collection.members}
        found: Dict[str, List[Optional[str]]] = {name: [] for name in slots}
        at = self.names.index(LOCATION) if LOCATION in self.names else None
        locates = at is not None and not columns[at]
        if not slots and not locates:
            return
        locations: List[Optional[str]] = []
        for feature in features:
            members = {name: decoded(feature.get(name)) for name in slots}
            for name, member in members.items():
                found[name].append(to_json(member) if member else None)
            if locates:
                link = self._locate({**feature, **members} if members else feature)
                locations.append(link if link and can_hold([link]) else None)
        for name, slot in slots.items():
            columns[slot] = found[name]
        if at is not None and locates:
            columns[at] = locations

    def fids(self, ids: Sequence[str]) -> List[int]:
        """Return the feature ids of scenes: 53 bits of a digest, so that JSON and doubles carry them exactly.

        The probability that two of a million scenes share one is 6 in 100 000 (n²/2⁵⁴).

        Parameters
        ----------
        ids : sequence of str
            Scene ids.
        """
        copy = blake2b(f"{self.scene_type}/".encode(), digest_size=8).copy
        try:
            texts = list(map(str.encode, ids))
        except UnicodeEncodeError:  # a lone surrogate
            texts = [item_id.encode("utf-8", "surrogatepass") for item_id in ids]
        digests = []
        for text in texts:
            digest = copy()
            digest.update(text)
            digests.append(digest.digest())
        return [number >> 11 for number in unpack(f">{len(digests)}Q", b"".join(digests))]

    def _footprints(
        self, features: Sequence[Feature], rests: Dict[int, Dict[str, Any]]
    ) -> Tuple[List[Optional[Bounds]], List[Optional[bytes]]]:
        """Return bounds and WKB of each footprint, or None; `rests` gets the reason why a scene has none."""
        geometries = [feature.get("geometry") for feature in features]
        plain = json_footprints(geometries)
        if plain is not None:
            return plain
        geometries = list(map(decoded, geometries))
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
        """Fill columns, and return by scene the values that have no column or do not fit its type.

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
        """Return values as their column holds them, and whether none is None.

        Values that do not fit unchanged are added to `rests`.
        """
        kind = self.types[slot]
        if slot in self.booleans:
            fitted = fit_booleans(values)
            whole = None not in fitted
        else:
            fitted, whole = fit_column(values, kind)
        if fitted is values:
            return values, whole
        for number, (value, taken) in enumerate(zip(values, fitted)):
            if value is not None and (taken is None or (kind is REAL and taken != value)):
                rests.setdefault(number, {})[key] = value
        return fitted, whole

    def plain_locations(self, columns: Sequence[Sequence[Any]], count: int) -> List[Optional[str]]:
        """Return the locations of scenes from a column of links; an empty list if any scene lacks the wanted product.

        Parameters
        ----------
        columns : sequence of sequence
            The values of each column of `names`.
        count : int
            The number of scenes.
        """
        if self.collection.on_request:
            return [None] * count
        wanted = (self.product,) if self.product else self.collection.first_products
        first = self.collection.link_columns.get(wanted[0]) if wanted else None
        links = columns[self.names.index(first)] if first in self.names else ()
        if set(map(type, links)) == {str} and all(map(str.startswith, links, repeat(_SCHEMES))):
            return [_PREFIX + link for link in links]
        return []

    def _locate(self, feature: Feature) -> Optional[str]:
        assets: Mapping[str, Union[Asset, AssetPlace]] = (
            self.collection.places_of(feature) if self.collection.places_of else self.collection.assets_of(feature)
        )
        # Not a list of all: the first one usually will do.
        for product in (self.product,) if self.product else chain(self.collection.first_products, assets):
            asset = assets.get(product)
            if asset is None or asset.on_request or asset.refusal:
                continue
            if asset.gdal_name:
                return ONLY_GEOTIFF + asset.gdal_name
            if asset.href.startswith(_SCHEMES):
                return _PREFIX + asset.href
        return None


def tree_of(names: Sequence[str]) -> Dict[str, Any]:
    """Return the indices of columns by their dotted names, as nested dictionaries; columns of `MADE` are left out.

    Parameters
    ----------
    names : sequence of str
        The names of the columns, in order.
    """
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
    """Return ids as a column can hold them; ids that were changed are added to `rests`."""
    if can_hold(ids):
        return ids
    shown = list(map(held, ids))
    for number, (item_id, text) in enumerate(zip(ids, shown)):
        if item_id != text:
            _add(rests, number, "id", item_id)
    return shown


def _add(rests: Dict[int, Dict[str, Any]], number: int, key: str, value: object) -> None:
    """Add a value that is not a property to the rest of a scene, under a key that no property has."""
    rest = rests.setdefault(number, {})
    while key in rest:
        key = f"@{key}"
    rest[key] = value
