"""``planet-vector quads``, and functions shared with ``download-quads``."""

from __future__ import annotations

import json
import sys
from itertools import islice
from typing import TYPE_CHECKING, Iterator, Optional, Tuple
from urllib.parse import quote

import click

import planet_vector
from planet_vector.cli import options
from planet_vector.cli.no_scenes import noticing, sentence
from planet_vector.cli.output import json_dumper, names_of, print_collection, print_sequence
from planet_vector.cli.search_options import read_area
from planet_vector.errors import NameSyntaxError, QueryError
from planet_vector.geometry.boxes import Box
from planet_vector.names import BASEMAPS, OF_SERVICE, PREFIX, Name, is_name, parse_name, shown

if TYPE_CHECKING:
    from planet_vector.catalog import Catalog
    from planet_vector.catalog.basemaps import Basemap
    from planet_vector.scene import Item

quad_limit = click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most N quads.")


@click.command()
@click.argument("basemap", metavar="NAME")
@options.area
@options.bbox
@quad_limit
@options.collection
@options.use_rs
@options.json_style
@options.names
@options.connection
@options.verbose
def quads(
    basemap: str,
    area: Optional[str],
    bbox: Optional[str],
    limit: Optional[int],
    collection: bool,
    use_rs: bool,
    indent: Optional[int],
    compact: bool,
    names: bool,
    connection: Optional[str],
) -> None:
    """Print the quads of a basemap, a line of GeoJSON each, the most recently updated first.

    NAME is the name of a basemap, as 'planet-vector basemaps' prints it, or its PLANET: name. AREA is the area that
    quads must intersect: WKT, GeoJSON, the path of a vector file (optionally after @), or - for stdin.

    \b
    Examples:
        planet-vector quads color_balance_mosaic aoi.geojson
        planet-vector quads color_balance_mosaic --bbox 9,45,9.5,45.5 --collection > quads.geojson
        gdalinfo $(planet-vector quads color_balance_mosaic "POINT (9.2 45.4)" --names)
    """
    if sum((collection, use_rs, names)) > 1:
        raise click.UsageError("--collection, --rs and --names exclude each other.")
    catalog, known = basemap_named(basemap, connection)
    place = area and read_area(area)
    nothing = sentence("quads", place or (box_of(bbox) if bbox else None), [f"the basemap ({known.name})"])
    found = noticing(islice(quads_of(catalog, known, basemap, place, bbox), limit), nothing)
    out, dumps = sys.stdout, json_dumper(indent, compact)
    features = (quad.feature for quad in found)
    if names:
        items = ((known.name, quad.id) for quad in found)
        out.writelines(f"{name}\n" for name in names_of(catalog.settings.api_url, BASEMAPS, items))
    elif collection:
        print_collection(features, out, dumps)
    else:
        print_sequence(features, out, dumps, use_rs)


def basemap_named(text: str, connection: Optional[str]) -> Tuple[Catalog, Basemap]:
    """Return the service and the basemap of an argument.

    Parameters
    ----------
    text : str
        The name of a basemap, or its PLANET: name.
    connection : str, optional
        A connection's name, or the root of an API.
    """
    name = basemap_name(text)
    catalog = planet_vector.connect(connection or name.service)
    return catalog, catalog.basemaps.named(name.item)


def basemap_name(text: str) -> Name:
    """Return the PLANET: name of an argument for a basemap or a quad.

    Parameters
    ----------
    text : str
        The name of a basemap, or a PLANET: name.

    Raises
    ------
    NameSyntaxError
        If it is the name of anything else.
    """
    if not is_name(text):
        text = f"{PREFIX}{BASEMAPS}/{quote(text, safe='')}"
    name = parse_name(text)
    if not name.is_basemap or not name.item:
        raise NameSyntaxError(f"{shown(text)} names no basemap: write PLANET:basemaps/<name>, or the bare name.")
    return name


def quads_of(catalog: Catalog, basemap: Basemap, text: str, area: Optional[str], bbox: Optional[str]) -> Iterator[Item]:
    """Return the quads of a basemap that an argument and options select.

    Parameters
    ----------
    catalog : Catalog
        The service.
    basemap : Basemap
        The basemap.
    text : str
        The argument that names the basemap; it may contain a bbox or a quad.
    area : str, optional
        WKT or GeoJSON, degrees.
    bbox : str, optional
        ``W,S,E,N`` in degrees.

    Raises
    ------
    QueryError
        If more than one place is given.
    """
    name = basemap_name(text)
    unknown = [key for key, _ in name.parameters if key not in ("bbox", *OF_SERVICE)]
    if unknown:
        raise NameSyntaxError(f"{unknown[0]!r} is no parameter of a basemap: it takes bbox.")
    given = [place for place in (name.part, name.get("bbox"), area, bbox) if place]
    if len(given) > 1:
        raise QueryError("Give the place once: a quad, an area or a bbox.")
    if name.part:
        return iter([catalog.basemaps.quad(basemap, name.part)])
    if area:
        return catalog.basemaps.quads(basemap, _one_geometry(area))
    return catalog.basemaps.quads(basemap, box_of(given[0]) if given else None)


def box_of(text: str) -> Box:
    """Return the box of a text.

    Parameters
    ----------
    text : str
        ``W,S,E,N`` in degrees.

    Raises
    ------
    QueryError
        If it is not valid.
    """
    try:
        return Box.parse(text)
    except ValueError as error:
        raise QueryError(f"bbox: {error}.") from None


def _one_geometry(area: str) -> str:
    """Return an area as one geometry: for quads the service accepts no FeatureCollection."""
    if not area.startswith("{"):
        return area
    read = json.loads(area)
    if read.get("type") != "FeatureCollection":
        return area
    return json.dumps({"type": "GeometryCollection", "geometries": [each["geometry"] for each in read["features"]]})
