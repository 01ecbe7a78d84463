"""``planet-vector basemaps``."""

from __future__ import annotations

import sys
from typing import Optional

import click

import planet_vector
from planet_vector.cli import options
from planet_vector.cli.messages import say
from planet_vector.cli.output import json_dumper, names_of, printable
from planet_vector.names import BASEMAPS

_TABLE = "{:<32} {:<10} {:<10} {:>5}  {}\n"


@click.command()
@options.json_style
@options.names
@click.option("--table", "as_table", is_flag=True, help="Print a table.")
@options.connection
@options.verbose
def basemaps(indent: Optional[int], compact: bool, names: bool, as_table: bool, connection: Optional[str]) -> None:
    """Print the basemaps of the service, a line of JSON with the metadata of each.

    \b
    Examples:
        planet-vector basemaps --table
        for name in $(planet-vector basemaps --names); do gdalinfo "$name"; done
    """
    if names and as_table:
        raise click.UsageError("--names and --table exclude each other.")
    out, dumps = sys.stdout, json_dumper(indent, compact)
    catalog = planet_vector.connect(connection)
    found = catalog.basemaps.list()
    if not found:
        say("The service has no basemaps.", err=True)
    elif as_table:
        out.write(_TABLE.format("name", "first", "last", "level", "title"))
    if names:
        items = ((body["name"], "") for body in found)
        out.writelines(f"{name}\n" for name in names_of(catalog.settings.api_url, BASEMAPS, items))
        return
    for body in found:
        if as_table:
            first, last = (str(body.get(when) or "-")[:10] for when in ("first_acquired", "last_acquired"))
            told = (body["name"], first, last, str(body.get("level", "-")), str(body.get("title") or ""))
            out.write(_TABLE.format(*map(printable, told)))
        else:
            out.write(dumps(body) + "\n")
