"""Write the items of an index as STAC files: newline-delimited JSON, or GeoParquet (stac-geoparquet).

Items are read from the index in chunks, so memory is bounded. One read transaction makes the files consistent.
"""

from __future__ import annotations

import json
import re
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Callable, Dict, FrozenSet, Iterator, List, Optional, Set, Tuple
from urllib.parse import quote

from planet_vector.atomic_files import complete
from planet_vector.errors import ConfigError
from planet_vector.extras import named_extra
from planet_vector.server.api.documents import Document
from planet_vector.server.api.permissions import Permission
from planet_vector.server.api.stac.collections import SAMPLES, collection_document
from planet_vector.server.api.stac.items import item_document
from planet_vector.server.index.database import Index
from planet_vector.server.index.found_items import FoundItem, read_items
from planet_vector.server.index.item_index import ItemIndex

if TYPE_CHECKING:
    import pyarrow

CHUNK = 2000
"""Number of items in memory: 20 MB, and about as much as Arrow arrays."""

NDJSON, PARQUET = ".ndjson", ".parquet"

_MOST_DEPTH = 8
"""Levels of objects and lists that become columns of their own; deeper ones are texts of JSON."""

_NO_COLUMN = "no column"
"""Kind of values that Arrow or Parquet have no column for."""

_SURROGATE = re.compile("[\ud800-\udfff]")

Progress = Callable[[int, int], None]


@dataclass
class Written:
    """Report of the files.

    Attributes
    ----------
    items : int
        Number of items.
    located : int
        Number of those that have a footprint.
    collections : int
        Number of collections.
    collections_file : Path or None
        File of the collections; None if they are in the metadata of the items' file.
    """

    items: int = 0
    located: int = 0
    collections: int = 0
    collections_file: Optional[Path] = None


def write_stac(
    archive: Path, index: Path, output: Path, root: Optional[str] = None, progress: Progress = lambda done, total: None
) -> Written:
    """Write all items of an archive, and its collections.

    Parameters
    ----------
    archive : Path
        Folder of the archive.
    index : Path
        Its index, up to date.
    output : Path
        File of the items, which is replaced once it is complete: with the suffix ``.parquet`` as stac-geoparquet 1.1,
        with the collections in its metadata; with ``.ndjson`` as an item a line, and the collections in a file beside
        it (``items.collections.ndjson``).
    root : str, optional
        Root address of a service over the archive, which addresses of assets and links then begin with. Otherwise
        assets are paths of files, and the only link of an item is to the file of its collection.
    progress : callable
        Called with the number of items written and the number of all.

    Returns
    -------
    Written
        Report of the files.

    Raises
    ------
    ConfigError
        If the suffix is neither of the two, or the folder of the file does not exist.
    HttpError
        503, if the index is not complete or damaged.
    OSError
        If a file cannot be written.
    """
    if output.suffix.lower() not in (NDJSON, PARQUET):
        raise ConfigError(f"{output}: the file of --stac ends in {NDJSON} or {PARQUET}.")
    with closing(Index(index)) as found:
        if output.suffix.lower() == PARQUET:
            return _write_parquet(_Items(found, archive, root, output.name, progress), output)
        beside = output.with_name(f"{output.stem}.collections{output.suffix}")
        return _write_lines(_Items(found, archive, root, beside.name, progress), output, beside)


@dataclass
class _Items:
    """Items of an index as documents, with the name of the file of their collections."""

    index: Index
    archive: Path
    root: Optional[str]
    collections_name: str
    progress: Progress
    report: Written = field(default_factory=Written)

    def collections(self) -> List[Document]:
        base = (self.root or "").rstrip("/")
        found = [
            _in_unicode(collection_document(rows, scenes, Permission(), base))
            for rows, scenes in ItemIndex(self.index).collections(None, SAMPLES)
        ]
        if self.root is None:
            for document in found:
                document["links"] = []
        self.report.collections = len(found)
        return found

    def chunks(self) -> Iterator[List[Document]]:
        """Yield all items in chunks, as one version of the index has them."""
        self.report.items = self.report.located = 0
        with self.index.look_up() as db:
            sql = "SELECT scene FROM scene WHERE type IN (SELECT type FROM total) ORDER BY scene"
            scenes = [scene for (scene,) in db.execute(sql)]
            for start in range(0, len(scenes), CHUNK):
                items = [self._document(found) for found in read_items(db, scenes[start : start + CHUNK])]
                self.report.items += len(items)
                self.report.located += sum(item["geometry"] is not None for item in items)
                self.progress(self.report.items, len(scenes))
                yield items

    def _document(self, found: FoundItem) -> Document:
        document = _in_unicode(item_document(found, Permission(), (self.root or "").rstrip("/")))
        if self.root is not None:
            return document
        # An item that names its collection must have a link to it.
        document["links"] = [{"rel": "collection", "href": f"./{quote(self.collections_name)}"}]
        assets = document["assets"]
        assert isinstance(assets, dict)
        paths = {asset.key: asset.path for asset in found.scene.assets}
        # The service draws thumbnails; files have none.
        kept = {key: asset for key, asset in assets.items() if key in paths}
        for asset in found.scene.assets:
            if not asset.is_remote:
                kept[asset.key]["href"] = (self.archive / asset.path).resolve().as_posix()
        document["assets"] = kept
        return document


def _in_unicode(document: Document) -> Document:
    """Return a document with U+FFFD for lone surrogates, which neither Arrow nor PostgreSQL take."""
    text = json.dumps(document, ensure_ascii=False)
    found: Document = json.loads(_SURROGATE.sub("\ufffd", text)) if _SURROGATE.search(text) else document
    return found


def _write_lines(source: _Items, output: Path, beside: Path) -> Written:
    with complete(beside) as first, complete(output) as second:
        with open(first, "w", encoding="ascii", newline="\n") as lines:
            lines.writelines(_line(document) for document in source.collections())
        with open(second, "w", encoding="ascii", newline="\n") as lines:
            for items in source.chunks():
                lines.writelines(map(_line, items))
    source.report.collections_file = beside
    return source.report


def _line(document: Document) -> str:
    return json.dumps(document, allow_nan=False, separators=(",", ":")) + "\n"


def _write_parquet(source: _Items, output: Path) -> Written:
    with named_extra():
        import pyarrow
        from stac_geoparquet.arrow import to_parquet
    # The first pass finds the type of each property, the second those of the columns, the third writes.
    kinds: Dict[_Place, Set[str]] = {}
    for items in source.chunks():
        for item in items:
            for name, value in _properties(item).items():
                _add_kinds(value, (name,), kinds)
    mixed = frozenset(place[0] for place, found in kinds.items() if len(found) > 1 or _NO_COLUMN in found)
    schema: Optional[pyarrow.Schema] = None
    for items in source.chunks():
        found = _table(items, mixed).schema
        schema = found if schema is None else pyarrow.unify_schemas([schema, found], promote_options="permissive")
    if schema is None:
        raise ConfigError(f"{output} is not written: the archive has no items, so its columns are not known.")
    collections = {str(document["id"]): document for document in source.collections()}
    empty = schema.empty_table()

    def batches() -> Iterator[pyarrow.RecordBatch]:
        for items in source.chunks():
            parts = [empty, _table(items, mixed)]
            yield from pyarrow.concat_tables(parts, promote_options="permissive").combine_chunks().to_batches()

    with complete(output) as part:
        to_parquet(pyarrow.RecordBatchReader.from_batches(schema, batches()), part, collections=collections)
    return source.report


def _table(items: List[Document], mixed: FrozenSet[str]) -> pyarrow.Table:
    """Return items as a table, with null in the columns of geometry and box for those without a footprint.

    stac-geoparquet converts no such items, so they have a placeholder meanwhile.
    """
    import pyarrow
    from stac_geoparquet.arrow import parse_stac_items_to_arrow

    rows = [None if item["geometry"] is None else row for row, item in enumerate(items)]
    placed = [
        {**item, "geometry": _PLACEHOLDER, "bbox": [0.0] * 4} if item["geometry"] is None else item
        for item in _columnar(items, mixed)
    ]
    table = parse_stac_items_to_arrow(placed).read_all().combine_chunks()
    if None in rows:
        for name in ("geometry", "bbox"):
            place = table.schema.get_field_index(name)
            column = table.column(place).combine_chunks()
            storage = column.storage if isinstance(column, pyarrow.ExtensionArray) else column
            taken = storage.take(pyarrow.array(rows, pyarrow.int64()))
            if isinstance(column, pyarrow.ExtensionArray):
                taken = pyarrow.ExtensionArray.from_storage(column.type, taken)
            table = table.set_column(place, table.schema.field(place).with_nullable(True), taken)
    return table


_PLACEHOLDER: Document = {"type": "Point", "coordinates": [0.0, 0.0]}


def _properties(item: Document) -> Dict[str, object]:
    found = item["properties"]
    assert isinstance(found, dict)
    return found


_Place = Tuple[str, ...]


def _add_kinds(value: object, path: _Place, kinds: Dict[_Place, Set[str]]) -> None:
    """Add the kinds of a value and of its parts, by the keys that lead to them; null fits any kind."""
    own = kinds.setdefault(path, set())
    if isinstance(value, bool):
        own.add("boolean")
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        own.add(_NO_COLUMN)
    elif isinstance(value, (int, float)):
        own.add("number")
    elif isinstance(value, str):
        own.add("text")
    elif isinstance(value, (list, dict)):
        own.add("list" if isinstance(value, list) else "object")
        if len(path) > _MOST_DEPTH or value == {}:  # Parquet has no columns of objects without members
            own.add(_NO_COLUMN)
            return
        for key, part in value.items() if isinstance(value, dict) else (("", part) for part in value):
            _add_kinds(part, (*path, key), kinds)


def _columnar(items: List[Document], mixed: FrozenSet[str]) -> List[Document]:
    """Return items whose values have one type for each column: others as texts of JSON, nodata as numbers only."""
    for item in items:
        properties = _properties(item)
        for name in mixed & properties.keys():
            properties[name] = json.dumps(properties[name])
        assets = item["assets"]
        assert isinstance(assets, dict)
        for asset in assets.values():
            for part in [asset, *asset.get("bands", [])]:
                if isinstance(part.get("nodata"), str):  # nan, inf
                    del part["nodata"]
    return items
