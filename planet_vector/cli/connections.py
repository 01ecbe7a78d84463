"""``planet-vector connections``: which services there are by name."""

from __future__ import annotations

import json
from typing import Optional

import click

from planet_vector.catalog import catalog_of
from planet_vector.catalog.probing import remembered_kind
from planet_vector.cli import options
from planet_vector.cli.login import key_source
from planet_vector.cli.messages import say
from planet_vector.config import Settings
from planet_vector.connections import (
    KINDS,
    add_connection,
    all_connections,
    connections_path,
    default_connection,
    find_connection,
    remove_connection,
    set_default,
)
from planet_vector.errors import PlanetVectorError


@click.group()
@options.verbose
def connections() -> None:
    """List, add, remove and test connections: services by name.

    A connection's name goes wherever a service is named: --connection NAME, or PLANET:ortho?connection=NAME. Commands,
    Python and QGIS share them; no key is among them, but what 'planet-vector login' keeps.

    \b
    Example:
        planet-vector connections add office https://imagery.example.org/v0/
        planet-vector login --connection office
        planet-vector connections default office
    """


@connections.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON each.")
@options.verbose
def list_(as_json: bool) -> None:
    """Print the connections: name, kind, root, and where the key comes from. An asterisk marks the default.

    The kind of a service of which only the root was said is ? until it was asked.

    \b
    Example:
        planet-vector connections list
    """
    default = default_connection()
    rows = []
    for each in all_connections():
        source = key_source(Settings.load(each.root))
        kind = each.kind or remembered_kind(each.root, KINDS)
        rows.append(("*" if each == default else "", each.name, kind or "?", each.root, source))
        if as_json:
            fields = {"name": each.name, "kind": kind or None, "root": each.root, "default": each == default}
            say(json.dumps(fields, ensure_ascii=False))
    if not as_json:
        widths = [max(map(len, column)) for column in zip(*rows)]
        for row in rows:
            say("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


@connections.command()
@click.argument("name")
@click.argument("root", metavar="URL")
@click.option("--kind", type=click.Choice(list(KINDS)), default="v0", show_default=True, help="What its API is.")
@options.verbose
def add(name: str, root: str, kind: str) -> None:
    """Keep a connection to the service at URL, the root of its API.

    \b
    Example:
        planet-vector connections add office https://imagery.example.org/v0/
    """
    made = add_connection(name, root, kind)
    say(f"Connection {made.name} to {made.root} is kept in {connections_path()}.")


@connections.command()
@click.argument("name")
@options.verbose
def remove(name: str) -> None:
    """Forget a connection. Its key stays: 'planet-vector logout --connection NAME' before removes that.

    \b
    Example:
        planet-vector connections remove office
    """
    remove_connection(name)
    say(f"Connection {name} is removed.")


@connections.command()
@click.argument("name", required=False)
@options.verbose
def default(name: Optional[str]) -> None:
    """Make NAME the connection that is meant where none is named, or print which is.

    PL_API_URL goes before it, where it is set.

    \b
    Example:
        planet-vector connections default office
    """
    if name is not None:
        set_default(name)
    found = default_connection()
    if name is not None and found.name != name:
        say(f"Connection {name} is the default where PL_API_URL is not set.")
    else:
        say(found.name if name is None else f"Connection {name} is the default.")


@connections.command()
@click.argument("name", required=False)
@options.verbose
def test(name: Optional[str]) -> None:
    """Ask a service whether it is there, what it is, and whether it takes the key: of all connections, or of NAME.

    \b
    Example:
        planet-vector connections test office
    """
    failed = False
    for each in [find_connection(name)] if name else all_connections():
        try:
            sentence = _described(Settings.load(each.root))
        except PlanetVectorError as error:
            failed, sentence = True, str(error)
        say(f"{each.name or each.root}: {sentence}")
    if failed:
        raise click.exceptions.Exit(1)


def _described(settings: Settings) -> str:
    """Ask a service for its scene types, and return in a sentence what it is.

    Raises
    ------
    ServiceError
        If it does not answer as a service of its kind does.
    """
    catalog = catalog_of(settings)
    types = catalog.scene_types()
    key = f"takes the key {key_source(settings)}" if settings.key else "takes anybody"
    return f"a {KINDS[catalog.kind]} at {settings.api_url}, which has {', '.join(types)} and {key}."
