"""Searches as Arrow tables, with the columns and types that GDAL gives to the layer, and as data frames and GeoParquet.

The geometry column is ``geometry``, WKB as GeoArrow defines it (``geoarrow.wkb``): MultiPolygons in EPSG:4326,
longitude before latitude. Usual pages are parsed straight into Arrow's columns, without an object for a scene; other
pages are converted by `planet_vector.vector.schema.Schema.rows`. Both give the same columns.
"""

from __future__ import annotations

import json
from functools import lru_cache
from itertools import islice
from pathlib import Path
from struct import pack
from typing import TYPE_CHECKING, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple, cast

from planet_vector.atomic_files import complete
from planet_vector.catalog import Catalog
from planet_vector.catalog.scene_pages import DecodedScenes, Envelope, ResultChanged, SearchSurvey
from planet_vector.collection_schema import INTEGER, LONG, REAL, TEXT, TIME, Feature
from planet_vector.extras import named_extra
from planet_vector.gc_pause import uncollected
from planet_vector.progress import Progress
from planet_vector.query import Query
from planet_vector.vector.column_values import fit_booleans, fit_times
from planet_vector.vector.columns import Rows
from planet_vector.vector.decoding import PageParser
from planet_vector.vector.json_footprints import plain_rings
from planet_vector.vector.schema import LOCATION, Schema

with named_extra():
    import numpy
    import pyarrow
    import pyarrow.compute

if TYPE_CHECKING:
    import geopandas
    import numpy.typing

    Numbers = numpy.typing.NDArray[numpy.float64]

GEOMETRY = "geometry"
"""The name of the geometry column, the last one."""

_CHUNK = 1000  # scenes of a batch, as on a page
# In UTC, with as many digits as a microsecond has. Arrow accepts the year 0, too.
_USUAL_TIME = (
    r"^(?:[1-9]\d{3}|0\d{2}[1-9]|0\d[1-9]\d|0[1-9]\d{2})-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d"
    r"(?:\.\d{1,6})?(?:Z|\+00:00)$"
)
_TRIES = 3  # attempts to read a search whose result changes meanwhile
_TYPES = {
    TEXT: pyarrow.string(),
    TIME: pyarrow.timestamp("ms", "UTC"),
    REAL: pyarrow.float64(),
    INTEGER: pyarrow.int32(),
    LONG: pyarrow.int64(),
}


def read_table(catalog: Catalog, query: Query, progress: Progress = None) -> pyarrow.Table:
    """Read a search as a table.

    Parameters
    ----------
    catalog : Catalog
        The service.
    query : Query
        The search.
    progress : callable, optional
        Called with the number of scenes read, and their total; the total costs a request.

    Returns
    -------
    pyarrow.Table
        All scenes, in the order of the search.

    Raises
    ------
    ServiceError
        If a request fails, or the result keeps changing while it is read.
    """
    schema = Schema(query.schema)
    known = catalog.survey(query) if progress else None
    for tries in range(_TRIES):
        try:
            # Also between the pages: each collection would traverse all items that were received ahead.
            with uncollected():
                batches = list(_batches(catalog, query, schema, known, progress))
            return pyarrow.Table.from_batches(batches, arrow_schema(schema))
        except ResultChanged:
            if tries == _TRIES - 1:
                raise
    raise AssertionError("unreachable")


def table_of(schema: Schema, features: Iterable[Feature]) -> pyarrow.Table:
    """Return scenes at hand as a table.

    Parameters
    ----------
    schema : Schema
        The columns.
    features : iterable of Feature
        The scenes.

    Returns
    -------
    pyarrow.Table
        The scenes, in their order.
    """
    scenes = iter(features)
    parts = iter(lambda: list(islice(scenes, _CHUNK)), [])
    return pyarrow.Table.from_batches([batch_of(schema.rows(part), schema) for part in parts], arrow_schema(schema))


def batch_of(rows: Rows, schema: Schema) -> pyarrow.RecordBatch:
    """Return rows as a record batch.

    Parameters
    ----------
    rows : Rows
        The rows.
    schema : Schema
        Their columns.
    """
    columns = [_array(values, kind) for values, kind in zip(rows.columns, schema.types)]
    return _batch([*columns, pyarrow.array(rows.wkbs, pyarrow.binary())], schema)


def arrow_schema(schema: Schema) -> pyarrow.Schema:
    """Return the Arrow schema of a layer's columns and its geometry.

    Parameters
    ----------
    schema : Schema
        The columns.
    """
    fields = [pyarrow.field(name, _TYPES[kind]) for name, kind in zip(schema.names, schema.types)]
    return pyarrow.schema([*fields, pyarrow.field(GEOMETRY, pyarrow.binary(), metadata=_geoarrow())])


def to_geopandas(table: pyarrow.Table) -> geopandas.GeoDataFrame:
    """Return a table as a data frame.

    Parameters
    ----------
    table : pyarrow.Table
        As `read_table` returns it.

    Returns
    -------
    geopandas.GeoDataFrame
        Times in UTC, footprints in EPSG:4326.
    """
    with named_extra():
        import geopandas
    import shapely

    attributes = table.drop_columns([GEOMETRY]) if hasattr(table, "drop_columns") else table.drop([GEOMETRY])
    footprints = shapely.from_wkb(table[GEOMETRY].to_numpy())
    return geopandas.GeoDataFrame(attributes.to_pandas(), geometry=footprints, crs="EPSG:4326")


def write_parquet(table: pyarrow.Table, path: Path) -> None:
    """Write a table as a GeoParquet file (version 1.1), complete or not at all.

    Parameters
    ----------
    table : pyarrow.Table
        As `read_table` returns it.
    path : Path
        The file; an existing one is replaced.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    import pyarrow.parquet
    import shapely

    column: dict[str, object] = {"encoding": "WKB", "geometry_types": ["MultiPolygon"], "crs": json.loads(_crs())}
    footprints = shapely.from_wkb(table[GEOMETRY].drop_null().to_numpy())
    if len(footprints):
        column["bbox"] = shapely.total_bounds(footprints).tolist()
    geo = {"version": "1.1.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: column}}
    fields = [field.remove_metadata() for field in table.schema]
    plain = pyarrow.schema(fields, {"geo": json.dumps(geo)})
    with complete(path) as temporary:
        pyarrow.parquet.write_table(table.cast(plain), temporary)


class ArrowDecoder(PageParser):
    """Reader of pages into record batches.

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
        footprints = None if parsed is None else _footprints(parsed.coordinates)
        if parsed is None or footprints is None:
            return None
        schema, columns = self._schema, parsed.columns
        arrays: List[pyarrow.Array] = []
        for slot, (name, kind) in enumerate(zip(schema.names, schema.types)):
            values = columns[slot]
            if name == LOCATION:
                values = schema.plain_locations(columns, len(parsed.ids))
            elif slot in schema.booleans:
                values = fit_booleans(values)
            elif kind == TIME:
                moments = _usual_times(values)
                if moments is not None:
                    arrays.append(moments)
                    continue
                values = fit_times(values)
            if len(values) < len(parsed.ids):
                return None
            arrays.append(_array(values, kind))
        batch = _batch([*arrays, footprints], schema)
        return DecodedScenes(batch, parsed.ids, parsed.times), parsed.page

    def batch(self, features: Sequence[Feature]) -> pyarrow.RecordBatch:
        """Return scenes as a record batch.

        Parameters
        ----------
        features : sequence of Feature
            The scenes.
        """
        return batch_of(self._schema.rows(features), self._schema)


def _batches(
    catalog: Catalog, query: Query, schema: Schema, known: Optional[SearchSurvey], progress: Progress
) -> Iterator[pyarrow.RecordBatch]:
    decode = ArrowDecoder(schema)
    total = known.total if known else None
    done = 0
    for page in catalog.decoded(query, decode, known):
        if not isinstance(page, pyarrow.RecordBatch):
            page = decode.batch(cast("List[Feature]", page))
        yield page
        done += len(page)
        if progress:
            progress(done, None if total is None else max(total, done))
    if progress and done != total:
        progress(done, done)


def _batch(columns: Sequence[pyarrow.Array], schema: Schema) -> pyarrow.RecordBatch:
    return pyarrow.RecordBatch.from_arrays(columns, schema=arrow_schema(schema))


def _array(values: Sequence[object], kind: str) -> pyarrow.Array:
    """Return values that their column holds as `Rows` does, times as texts, as an array."""
    return (
        pyarrow.array(values, pyarrow.string()).cast(_TYPES[TIME])
        if kind == TIME
        else pyarrow.array(values, _TYPES[kind])
    )


def _usual_times(values: Sequence[Optional[str]]) -> Optional[pyarrow.Array]:
    """Return times in a usual form of services, truncated to the millisecond; None if any has another form."""
    texts = pyarrow.array(values, pyarrow.string())
    if pyarrow.compute.all(pyarrow.compute.match_substring_regex(texts, _USUAL_TIME)).as_py() is False:
        return None
    try:
        moments = texts.cast(pyarrow.timestamp("us", "UTC"))
    except pyarrow.ArrowInvalid:
        return None
    known, content = moments.buffers()
    ticks = numpy.frombuffer(content, numpy.int64)[: len(texts)] // 1000
    return pyarrow.Array.from_buffers(_TYPES[TIME], len(texts), [known, pyarrow.py_buffer(ticks)])


def _footprints(coordinates: Sequence[bytes]) -> Optional[pyarrow.Array]:
    """Return the WKB of footprints from the JSON of their coordinates; None if any is not one plain ring."""
    rings = plain_rings(coordinates)
    if rings is None:
        return None
    numbers, sizes = numpy.array(rings[0]), rings[1]
    if len(set(sizes)) == 1:
        wkb = _ring_wkb(numbers.reshape(len(sizes), -1, 2))
        return None if wkb is None else _binary(wkb.ravel(), numpy.full(len(sizes), wkb.shape[1]))
    counts = numpy.array(sizes)
    starts = 2 * (numpy.cumsum(counts) - counts)
    lengths = _HEAD + 16 * counts
    offsets = numpy.cumsum(lengths) - lengths
    whole = numpy.empty(lengths.sum(), numpy.uint8)
    for size in set(sizes):
        places = numpy.flatnonzero(counts == size)
        wkb = _ring_wkb(numbers[starts[places, None] + numpy.arange(2 * size)].reshape(len(places), size, 2))
        if wkb is None:
            return None
        whole[offsets[places, None] + numpy.arange(wkb.shape[1])] = wkb
    return _binary(whole, lengths)


_HEAD = 22  # bytes of a MultiPolygon of one ring before its first position


def _ring_wkb(rings: Numbers) -> Optional[numpy.typing.NDArray[numpy.uint8]]:
    """Return the WKB of MultiPolygons of one ring each, an array of (rings, bytes).

    As `planet_vector.geometry.shapes.ring_footprints`, returns None unless each ring is closed and lies within ±180°,
    not across it.

    Parameters
    ----------
    rings : array of (rings, positions, 2)
        Longitude and latitude in degrees.
    """
    count, size, _ = rings.shape
    if size < 4 or not numpy.isfinite(rings).all() or (rings[:, 0] != rings[:, -1]).any():
        return None
    longitudes, latitudes = rings[..., 0], rings[..., 1]
    west, east = longitudes.min(), longitudes.max()  # of all rings: numpy reduces short axes slowly
    if max(-west, east) > 180 or max(-latitudes.min(), latitudes.max()) > 90:
        return None
    if east - west > 180 and (longitudes.max(axis=1) - longitudes.min(axis=1) > 180).any():
        return None
    wkb = numpy.empty((count, _HEAD + 16 * size), numpy.uint8)
    wkb[:, :_HEAD] = numpy.frombuffer(pack("<BIIBIII", 1, 6, 1, 1, 3, 1, size), numpy.uint8)
    wkb[:, _HEAD:] = rings.astype("<f8", copy=False).reshape(count, -1).view(numpy.uint8)
    return wkb


def _binary(content: numpy.typing.NDArray[numpy.uint8], lengths: numpy.typing.NDArray[numpy.int_]) -> pyarrow.Array:
    offsets = numpy.concatenate([[0], numpy.cumsum(lengths)]).astype(numpy.int32)
    buffers = [None, pyarrow.py_buffer(offsets), pyarrow.py_buffer(numpy.ascontiguousarray(content))]
    return pyarrow.Array.from_buffers(pyarrow.binary(), len(lengths), buffers)


@lru_cache(maxsize=1)
def _crs() -> str:
    """Return EPSG:4326 as PROJJSON."""
    with named_extra():
        import pyproj
    text: str = pyproj.CRS.from_epsg(4326).to_json()
    return text


def _geoarrow() -> Mapping[str, str]:
    return {
        "ARROW:extension:name": "geoarrow.wkb",
        "ARROW:extension:metadata": f'{{"crs": {_crs()}, "crs_type": "projjson"}}',
    }
