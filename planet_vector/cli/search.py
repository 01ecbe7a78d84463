"""``planet-vector search``."""

from __future__ import annotations

import sys
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Iterator, List, Optional

import click

import planet_vector
from planet_vector.catalog import Catalog
from planet_vector.cli import options
from planet_vector.cli.messages import say
from planet_vector.cli.no_scenes import nothing_found, pages_of
from planet_vector.cli.output import (
    json_dumper,
    print_collection,
    print_csv,
    print_names,
    print_sequence,
    print_table,
)
from planet_vector.cli.search_options import default_type, searching
from planet_vector.cli.terminal_bars import progress_bar, shows_progress
from planet_vector.collection_schema import Feature
from planet_vector.decimals import counted
from planet_vector.errors import ConfigError, NotFoundError, PlanetVectorError
from planet_vector.extras import named_extra
from planet_vector.query import Query
from planet_vector.scene import Scene


class _Search(click.Command):
    """Command whose help ends with the fields of the default service."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        try:
            catalog = planet_vector.connect()
            fields = catalog.schema(default_type(catalog)).fields
        except PlanetVectorError as error:
            self.epilog = f"The fields of the default connection are not known: {error}"
        else:
            self.epilog = f"Fields: {', '.join(fields)}."
        super().format_epilog(ctx, formatter)


@click.command(cls=_Search)
@searching
@options.collection
@options.use_rs
@options.json_style
@click.option("--names", is_flag=True, help="Print the PLANET: name of each scene.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the layer's columns and WKT as CSV.")
@click.option(
    "--geoparquet",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the scenes as STAC items to a GeoParquet file.",
)
@options.table
@options.overwrite
@options.verbose
def search(
    catalog: Catalog,
    query: Query,
    collection: bool,
    use_rs: bool,
    indent: Optional[int],
    compact: bool,
    names: bool,
    as_csv: bool,
    geoparquet: Optional[Path],
    overwrite: bool,
    as_table: bool,
) -> None:
    """Print the scenes of a search, a line of GeoJSON each.

    AREA is the area that scenes must intersect: WKT, GeoJSON, the path of a file of them or of any vector format
    (optionally after @), PATH:LAYER for one layer of several, or - for stdin. It may also be the PLANET: name of a
    search, to which the options are added.

    \b
    Examples:
        planet-vector search aoi.geojson --since 3d --cloud-cover 5
        planet-vector search "POINT (118.1 43.9)" -s rapideye --table
        planet-vector search --where sat.off_nadir lt 2 --acquired 2015-03-01..2015-03-31 --csv
        planet-vector search aoi.geojson --geoparquet scenes.parquet
        gdalinfo $(planet-vector search aoi.geojson --limit 1 --names)
        planet-vector search fields.gpkg --acquired 2015-03..2015-05 --csv
        fio cat fields.gpkg | planet-vector search - | fio collect > scenes.geojson
    """
    if sum((collection, use_rs, names, as_csv, as_table, geoparquet is not None)) > 1:
        raise click.UsageError("--collection, --rs, --names, --csv, --geoparquet and --table exclude each other.")
    if geoparquet is not None:
        if geoparquet.exists() and not overwrite:
            raise ConfigError(f"{geoparquet} is there already: give another name, or --overwrite.")
        with named_extra():
            import_module("stac_geoparquet.arrow")
    out, dumps = sys.stdout, json_dumper(indent, compact)
    pages = _with_bar(pages_of(catalog, query) if geoparquet is None else catalog.pages(query), catalog, query)
    features = (feature for page in pages for feature in page)
    if collection:
        print_collection(features, out, dumps)
    elif names:
        print_names(catalog.settings.api_url, features, out, query.scene_type)
    elif as_csv:
        print_csv(pages, out, query.schema)
    elif geoparquet is not None:
        from planet_vector.stac_export import write_geoparquet

        first = next(features, None)
        if first is None:
            raise NotFoundError(nothing_found(catalog, query))  # without scenes a file would have no columns
        scenes = (Scene(feature, query.schema) for feature in chain([first], features))
        say(f"{geoparquet}: {counted(write_geoparquet(scenes, geoparquet), 'scene')}")
    elif as_table:
        print_table(features, out, query.schema)
    else:
        print_sequence(features, out, dumps, use_rs)


def _with_bar(pages: Iterator[List[Feature]], catalog: Catalog, query: Query) -> Iterator[List[Feature]]:
    """Yield pages, and show a bar of their scenes on stderr if the scenes are printed elsewhere."""
    if sys.stdout.isatty() or not shows_progress():
        yield from pages
        return
    done, total = 0, catalog.count(query)
    with progress_bar("Scenes", total or 0) as bar:
        for page in pages:
            yield page
            done += len(page)
            if bar is not None:
                bar(done, total)
