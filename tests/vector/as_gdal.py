"""Comparison of a search's Arrow table with the one that GDAL reads of its layer."""

from __future__ import annotations

from typing import Any

import pyarrow
import pyogrio
from pandas.testing import assert_frame_equal

import planet_vector

_LOSES_ZONES = tuple(map(int, pyogrio.__version__.split(".")[:2])) < (0, 12)
"""Whether pyogrio reads times by Arrow without the zone that GDAL tells."""


def assert_as_gdal(name: str) -> Any:
    """Compare a table with GDAL's: columns and their order, types, nulls, values and footprints; return the table."""
    meta, by_gdal = pyogrio.raw.read_arrow(name)
    table = planet_vector.search(name).to_arrow()
    assert meta["crs"] == "EPSG:4326"
    names = table.column_names
    assert names == [*by_gdal.column_names[:-1], "geometry"]
    for field, other in zip(table.schema, by_gdal.schema):
        # GDAL tells pyogrio the zone of a time beside Arrow.
        kind = pyarrow.timestamp("ms") if field.type == pyarrow.timestamp("ms", "UTC") else field.type
        assert (field.name, kind) in [(other.name, other.type), ("geometry", other.type)]
        mine, theirs = table[field.name].combine_chunks().cast(kind), by_gdal[other.name].combine_chunks()
        assert mine.equals(theirs), field.name
    assert table.schema.field("geometry").metadata[b"ARROW:extension:name"] == b"geoarrow.wkb"
    frame, dataframe = planet_vector.search(name).to_geopandas(), pyogrio.read_dataframe(name, use_arrow=True)
    assert frame.crs == dataframe.crs
    assert list(frame.geometry) == list(dataframe.geometry)
    if len(table):  # else GDAL tells no zone
        for column in dataframe.select_dtypes("datetime").columns if _LOSES_ZONES else ():
            dataframe[column] = dataframe[column].dt.tz_localize("UTC")
        assert_frame_equal(frame.drop(columns="geometry"), dataframe.drop(columns="geometry"))
    return table
