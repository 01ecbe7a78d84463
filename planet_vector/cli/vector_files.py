"""Advice for vector files given as an area: a command that converts the file to GeoJSON and searches by it."""

from __future__ import annotations

import re
import shlex
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Tuple

import click

from planet_vector.cli.options import TYPED

_XML = re.compile(rb"(?:\xef\xbb\xbf)?\s*<")
_SHAPEFILE_SUFFIXES = (".dbf", ".shx", ".prj", ".cpg", ".sbn", ".qix")


def how_to_read(path: Path, given: str) -> str:
    """Return advice for a file that contains neither GeoJSON nor WKT, or GeoJSON that is not in degrees.

    Parameters
    ----------
    path : Path
        The file, or a folder that is a dataset.
    given : str
        The argument with its name.

    Returns
    -------
    str
        The end of a sentence. A command in it comes last, and runs as printed.
    """
    beside = path.with_suffix(".shp")
    if path.suffix.lower() in _SHAPEFILE_SUFFIXES and beside.is_file():
        path = beside
    source, layer, placed = _found(path)
    if not layer:
        return "GDAL finds no layer there, either; give GeoJSON, WKT, or the file of a vector layer."
    # fiona separates layers by commas and colons, and lacks drivers for XML formats such as KML.
    if find_spec("fiona") is None or _is_xml(path) or set(",:") & set(layer):
        words = ["ogr2ogr", "-f", "GeoJSONSeq", "-t_srs", "EPSG:4326", "/vsistdout/", source]
        words += [] if _is_xml(path) else [layer]
    else:
        words = ["fio", "cat"] + (["--layer", f"1:{layer}"] if layer != path.stem else [])
        words += (["--dst-crs", "EPSG:4326"] if placed else []) + [source]
    return f"type: {shlex.join(words)} | {_typed(given)}"


def _found(path: Path) -> Tuple[str, str, bool]:
    """Return a file's GDAL name, its first layer (empty if it has none), and whether it has a coordinate system."""
    source = f"zip://{path}" if path.suffix.lower() == ".zip" else str(path)
    if find_spec("fiona") is None or _is_xml(path):
        return source.replace("zip://", "/vsizip/"), path.stem, True
    import fiona

    with suppress(fiona.errors.FionaError, ValueError, OSError):
        layer = fiona.listlayers(source)[0]
        with fiona.open(source, layer=layer) as dataset:
            return source, layer, bool(dataset.crs)
    return source, "", False


def _is_xml(path: Path) -> bool:
    if path.is_dir():
        return False
    with open(path, "rb") as file:
        return bool(_XML.match(file.read(64)))


def _typed(given: str) -> str:
    """Return the command line with an argument replaced by ``-`` for stdin."""
    context = click.get_current_context(silent=True)
    program, words = context.meta.get(TYPED, ("", [])) if context is not None else ("", [])
    if not program:
        return "planet-vector search -"
    words = ["-" if word == given else word for word in words]
    return f"{program} {shlex.join(words if '-' in words else [*words, '-'])}"
