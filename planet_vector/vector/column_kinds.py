"""The kinds of a layer's columns, by the names that GDAL gives the types of fields."""

from __future__ import annotations

TEXT, TIME, REAL, INTEGER, LONG = "String", "DateTime", "Real", "Integer", "Integer64"
