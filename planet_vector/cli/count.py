"""``planet-vector count``."""

from __future__ import annotations

import click

from planet_vector.catalog import Catalog
from planet_vector.cli import options
from planet_vector.cli.messages import say
from planet_vector.cli.no_scenes import nothing_found
from planet_vector.cli.search_options import searching
from planet_vector.query import Query


@click.command()
@searching
@options.verbose
def count(catalog: Catalog, query: Query) -> None:
    """Print the number of scenes of a search.

    AREA and the options are those of 'planet-vector search'. It takes one request. If the service does not count, all
    scenes of the search are read.

    \b
    Example:
        planet-vector count aoi.geojson --acquired 2015-03-01..2015-03-31 --cloud-cover 5
    """
    found = catalog.count(query)
    if found is None:
        say("The service does not count: all scenes of the search are read.", err=True)
        found = sum(map(len, catalog.pages(query)))
    say(str(found))
    if not found:
        say(nothing_found(catalog, query), err=True)
