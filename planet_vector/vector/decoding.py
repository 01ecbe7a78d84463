"""Decoder of pages straight into columns, in half the time: needs msgspec, and pages in the service's usual form.

msgspec gets the type of each column and validates values while decoding, so they need no second pass. A page that
differs in anything (a property without a column, a value that does not fit, another kind of time or footprint) is not
decoded here; `Schema.rows` makes its rows. For a page that both can read, both return the same rows.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import repeat
from operator import is_
from typing import Annotated, Any, Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

try:
    import msgspec
except ImportError:  # possible in the Python that a GDAL program embeds
    msgspec = None  # type: ignore[assignment]

from planet_vector.catalog.scene_pages import DecodedScenes, Envelope
from planet_vector.collection_schema import REAL, TEXT, TIME, Feature
from planet_vector.quick_json import UNDECODABLE
from planet_vector.vector.column_values import LARGEST, fit_booleans, fit_times
from planet_vector.vector.columns import Rows
from planet_vector.vector.json_footprints import polygon_class, ring_columns
from planet_vector.vector.schema import LOCATION, OTHER, Schema, tree_of

_NUL = b"\\u0000"  # ends a text in GDAL; msgspec itself rejects lone surrogates


class ParsedPage(NamedTuple):
    """Page as msgspec parsed it.

    Attributes
    ----------
    page : object
        The page.
    ids, times : sequence of str
        The id and the time of each scene.
    columns : list of sequence
        The values of each column; empty for `LOCATION`.
    coordinates : list
        The JSON of the coordinates of each footprint, which is a Polygon.
    """

    page: object
    ids: Sequence[str]
    times: Sequence[str]
    columns: List[Sequence[Any]]
    coordinates: Sequence[bytes]


class PageParser:
    """Parser of pages by the types of their columns.

    Parameters
    ----------
    schema : Schema
        The columns.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        time = schema.collection.meanings.time
        self._time = schema.names.index(time) if time in schema.names else len(schema.names)
        self._key = schema.names, schema.types, time, schema.booleans
        # A time without a column belongs in "other", which only Schema.rows fills.
        complete = OTHER not in schema.names or time in schema.names
        self._able = msgspec is not None and complete and not schema.collection.members

    def parse(self, content: bytes, envelope: Envelope) -> Optional[ParsedPage]:
        """Return a parsed page; None without msgspec, for columns that it cannot fill, or values that do not fit.

        Parameters
        ----------
        content : bytes
            The page, in JSON.
        envelope : callable
            Returns the type of a page, given that of its scenes.
        """
        if not self._able or b"\\" in content and _NUL in content:  # searching for the backslash first is faster
            return None
        try:
            tree, read = _reader(*self._key, envelope)
            page = read(content)
        except UNDECODABLE:
            return None
        scenes = page.features
        ids = [scene.id for scene in scenes]
        found: List[Sequence[Any]] = [()] * (len(self._schema.names) + 1)
        _spread([scene.properties for scene in scenes], tree, found)
        columns, times = found[:-1], found[self._time]
        for slot, name in enumerate(self._schema.names):
            if name == "id":
                columns[slot] = ids
            elif name == OTHER:
                columns[slot] = [None] * len(ids)
        return ParsedPage(page, ids, times, columns, [scene.geometry.coordinates for scene in scenes])


class Decoder(PageParser):
    """Reader of scenes into `Rows`.

    Parameters
    ----------
    schema : Schema
        The columns.
    """

    def __call__(self, content: bytes, envelope: Envelope) -> Optional[Tuple[DecodedScenes, object]]:
        """Return the scenes of a page and the page, or None if `Schema.rows` must read it.

        Parameters
        ----------
        content : bytes
            The page, in JSON.
        envelope : callable
            Returns the type of a page, given that of its scenes.
        """
        parsed = self.parse(content, envelope)
        footprints = None if parsed is None else ring_columns(parsed.coordinates)
        if parsed is None or footprints is None:
            return None
        ids, columns = parsed.ids, parsed.columns
        full: Set[int] = set()
        for slot, (name, kind) in enumerate(zip(self._schema.names, self._schema.types)):
            if name == LOCATION:
                columns[slot] = self._schema.plain_locations(columns, len(ids))
            # Most columns have no falsy value, which `all` finds in half the time.
            if all(columns[slot]) or not any(map(is_, columns[slot], repeat(None))):
                full.add(slot)
            if kind == TIME:
                columns[slot] = fit_times(columns[slot])
            elif slot in self._schema.booleans:
                columns[slot] = fit_booleans(columns[slot])
            if len(columns[slot]) < len(ids):
                return None
        rows = Rows(self._schema.fids(ids), *footprints, columns, frozenset(full))
        return DecodedScenes(rows, ids, parsed.times), parsed.page

    def batch(self, features: Sequence[Feature]) -> Rows:
        """Return scenes as rows.

        Parameters
        ----------
        features : sequence of Feature
            The scenes.
        """
        return self._schema.rows(features)


@lru_cache(maxsize=64)
def _reader(
    names: Tuple[str, ...], types: Tuple[str, ...], time: str, booleans: FrozenSet[int], envelope: Envelope
) -> Tuple[Mapping[str, Any], Any]:
    """Return the tree of column indices, and msgspec's decoder of pages of scenes with these columns.

    One index follows those of the columns: for the time, which is needed even without a column.
    """
    kinds: Dict[str, Any] = {TEXT: str, TIME: str}
    for kind, most in LARGEST.items():
        # One less than the largest, which may be its neighbour, rounded when it was read as a double.
        limits = msgspec.Meta(ge=1 - most, le=most - 1)
        kinds[kind] = Annotated[float, limits] if kind == REAL else Annotated[int, limits]
    takes = [Optional[bool if slot in booleans else kinds[kind]] for slot, kind in enumerate((*types, TIME))]
    tree = tree_of(names if time in names else (*names, time))
    # Properties without a column matter only if there is the column OTHER to hold them.
    properties = _shape(tree, takes, OTHER in names)
    fields = [("id", str), ("geometry", polygon_class()), ("properties", properties)]
    scene = msgspec.defstruct("Scene", fields, gc=False)
    scenes: Any = List[scene]  # type: ignore[valid-type]
    return tree, msgspec.json.Decoder(envelope(scenes)).decode


def _shape(tree: Mapping[str, Any], takes: Sequence[Any], strict: bool) -> Any:
    """Return the msgspec class for a tree of columns; missing values are None, missing branches empty."""
    fields: List[Tuple[str, Any, Any]] = []
    for number, slot in enumerate(tree.values()):
        name = f"field_{number}"  # as keys need not be identifiers
        if isinstance(slot, dict):
            branch = _shape(slot, takes, strict)
            fields.append((name, branch, branch()))
        else:
            fields.append((name, takes[slot], None))
    keys = dict(zip((name for name, _, _ in fields), tree))
    return msgspec.defstruct("Properties", fields, frozen=True, gc=False, forbid_unknown_fields=strict, rename=keys)


def _spread(branches: Sequence[Any], tree: Mapping[str, Any], columns: List[Sequence[Any]]) -> None:
    """Put the decoded values of one branch of each scene into their columns."""
    for slot, values in zip(tree.values(), zip(*map(msgspec.structs.astuple, branches))):
        if isinstance(slot, dict):
            _spread(values, slot, columns)
        else:
            columns[slot] = values
