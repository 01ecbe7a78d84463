"""Pages read straight into columns, in half the time: where msgspec is, and a page is as the service writes nearly all.

What each column takes is told to msgspec, which checks it while it reads, so nothing is looked through again. A page
that differs in anything (a property without a column, a value that does not fit, a time or a footprint of another
kind) is not read here at all: `Schema.rows` makes its rows then. Of a page that both can read, both make the same.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import repeat
from operator import is_
from typing import Annotated, Any, Dict, List, Literal, Mapping, Optional, Sequence, Set, Tuple

try:
    import msgspec
except ImportError:  # in the Python that a GDAL program embeds
    msgspec = None  # type: ignore[assignment]

from planet_vector.catalog.paging import DecodedScenes, DecodePage, Envelope
from planet_vector.collection_schema import REAL, TEXT, TIME
from planet_vector.geometry.boxes import Bounds
from planet_vector.geometry.shapes import ring_footprints
from planet_vector.http.responses import UNREADABLE
from planet_vector.vector.column_values import LARGEST, fit_times
from planet_vector.vector.columns import Rows
from planet_vector.vector.schema import LOCATION, OTHER, Schema, tree_of

_NUMBERS = b"+-.0123456789Ee \t\r\n"  # all that stands between the brackets and commas of positions
_BRACKETS = b"[]"
_NUL = b"\\u0000"  # what ends a text in GDAL; half a surrogate pair is refused by msgspec


def decoder(schema: Schema) -> Optional[DecodePage]:
    """Return what reads the pages of a search into `Rows`, or None where only `Schema.rows` makes them."""
    # A time without a column belongs in "other", which only Schema.rows fills.
    if OTHER in schema.names and schema.collection.meanings.time not in schema.names:
        return None
    return None if msgspec is None else Decoder(schema)


class Decoder:
    """Reader of scenes into `Rows`.

    Parameters
    ----------
    schema : Schema
        The columns.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        time = schema.collection.meanings.time
        self._time = schema.names.index(time) if time in schema.names else len(schema.names)
        self._key = schema.names, schema.types, time

    def __call__(self, content: bytes, envelope: Envelope) -> Optional[Tuple[DecodedScenes, object]]:
        """Return the scenes of a page and the page; None if it has to be read otherwise.

        Parameters
        ----------
        content : bytes
            The page, in JSON.
        envelope : callable
            Returns the type of a page, given that of its scenes.
        """
        if b"\\" in content and _NUL in content:  # a backslash is found quickly, or not
            return None
        try:
            tree, read = _reader(*self._key, envelope)
            page = read(content)
            scenes = page.features
            footprints = _footprints([scene.geometry.coordinates for scene in scenes])
        except (RecursionError, *UNREADABLE):
            return None
        ids = [scene.id for scene in scenes]
        found: List[Sequence[Any]] = [()] * (len(self._schema.names) + 1)
        _spread([scene.properties for scene in scenes], tree, found)
        columns, times = found[:-1], found[self._time]
        full: Set[int] = set()
        for slot, (name, kind) in enumerate(zip(self._schema.names, self._schema.types)):
            if name == "id":
                columns[slot] = ids
            elif name == OTHER:
                columns[slot] = [None] * len(ids)
            elif name == LOCATION:
                columns[slot] = self._schema.plain_locations(columns)
            # Most columns have nothing that is false, which is told in half the time.
            if all(columns[slot]) or not any(map(is_, columns[slot], repeat(None))):
                full.add(slot)
            if kind == TIME:
                columns[slot] = fit_times(columns[slot])
            if len(columns[slot]) < len(ids):
                return None
        rows = Rows(self._schema.fids(ids), *footprints, columns, frozenset(full))
        return DecodedScenes(rows, ids, times), page


@lru_cache(maxsize=64)
def _reader(
    names: Tuple[str, ...], types: Tuple[str, ...], time: str, envelope: Envelope
) -> Tuple[Mapping[str, Any], Any]:
    """Return the places of columns, and msgspec's reader of pages whose scenes have them.

    Behind all others is one place more: for the time, which is needed where it has no column, too.
    """
    kinds: Dict[str, Any] = {TEXT: str, TIME: str}
    for kind, most in LARGEST.items():
        # Up to the largest but one: a whole number that is read as a double may be that one's neighbour, rounded.
        limits = msgspec.Meta(ge=1 - most, le=most - 1)
        kinds[kind] = Annotated[float, limits] if kind == REAL else Annotated[int, limits]
    takes = [Optional[kinds[kind]] for kind in (*types, TIME)]
    tree = tree_of(names if time in names else (*names, time))
    # What has no column is of no interest where there is none for all the rest.
    properties = _shape(tree, takes, OTHER in names)
    geometry = msgspec.defstruct("Geometry", [("type", Literal["Polygon"]), ("coordinates", msgspec.Raw)], gc=False)
    scene = msgspec.defstruct("Scene", [("id", str), ("geometry", geometry), ("properties", properties)], gc=False)
    scenes: Any = List[scene]  # type: ignore[valid-type]
    return tree, msgspec.json.Decoder(envelope(scenes)).decode


def _shape(tree: Mapping[str, Any], takes: Sequence[Any], strict: bool) -> Any:
    """Return the class of what a tree of columns is read from; what a scene leaves out is None, or a branch of it."""
    fields: List[Tuple[str, Any, Any]] = []
    for number, slot in enumerate(tree.values()):
        name = f"field_{number}"  # as a key may be no identifier
        if isinstance(slot, dict):
            branch = _shape(slot, takes, strict)
            fields.append((name, branch, branch()))
        else:
            fields.append((name, takes[slot], None))
    keys = dict(zip((name for name, _, _ in fields), tree))
    return msgspec.defstruct("Properties", fields, frozen=True, gc=False, forbid_unknown_fields=strict, rename=keys)


def _spread(branches: Sequence[Any], tree: Mapping[str, Any], columns: List[Sequence[Any]]) -> None:
    """Put the values of what was read, of the same branch of each scene, into their columns."""
    for slot, values in zip(tree.values(), zip(*map(msgspec.structs.astuple, branches))):
        if isinstance(slot, dict):
            _spread(values, slot, columns)
        else:
            columns[slot] = values


def _footprints(coordinates: Sequence[Any]) -> Tuple[List[Optional[Bounds]], List[Optional[bytes]]]:
    """Return bounds and WKB of footprints, each a ring of as many positions, from the JSON of their coordinates.

    Raises
    ------
    ValueError
        When they are not all such.
    """
    text = b",".join(coordinates)
    ring = b",".join(coordinates[:1]).translate(None, _NUMBERS)
    size = ring.count(b"[,]")
    same = text.translate(None, _NUMBERS) == b",".join([ring] * len(coordinates))
    if not same or ring != b"[[%s]]" % b",".join([b"[,]"] * size):
        raise ValueError("not rings of one size")
    found = ring_footprints(msgspec.json.decode(b"[%s]" % text.translate(None, _BRACKETS), type=List[float]), size)
    if found is None:
        raise ValueError("not rings that can be taken as they are")
    return found
