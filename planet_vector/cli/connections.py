"""``planet-vector connections``: services by name."""

from __future__ import annotations

import json
from typing import Dict, Optional, Tuple

import click

from planet_vector.catalog import catalog_of
from planet_vector.catalog.probing import remembered_kind
from planet_vector.catalog.protocol import DescribesItself
from planet_vector.cli import options
from planet_vector.cli.login import key_source
from planet_vector.cli.messages import say
from planet_vector.config import Settings
from planet_vector.connection_file import add_connection, connections_path, remove_connection, set_access, set_default
from planet_vector.connection_lookup import all_connections, default_connection, find_connection
from planet_vector.connections import KINDS
from planet_vector.errors import PlanetVectorError


@click.group()
@options.verbose
def connections() -> None:
    """List, add, remove and test connections: services by name.

    A connection's name may be given wherever a service is: --connection NAME, or PLANET:ortho?connection=NAME.
    Commands, Python and QGIS share the connections. They contain no keys; 'planet-vector login' stores these.

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
    """Print the connections: name, kind, root, and source of the key. An asterisk marks the default.

    The kind of a service given only by its root is ? until its first request.

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
@click.option(
    "--kind", type=click.Choice(list(KINDS)),
    help="The kind of its API; by default data-v1, v0 or stac if the root ends in /data/v1/, /v0/ or /stac/, else v0.",
)  # fmt: skip
@options.verbose
def add(name: str, root: str, kind: Optional[str]) -> None:
    """Store a connection to the service at URL, the root of its API.

    \b
    Example:
        planet-vector connections add office https://imagery.example.org/v0/
    """
    made = add_connection(name, root, kind or "")
    say(f"Connection {made.name} to {made.root} is kept in {connections_path()}.")


@connections.command()
@click.argument("name")
@options.verbose
def remove(name: str) -> None:
    """Remove a connection. Its key stays; to remove it, run 'planet-vector logout --connection NAME' before.

    \b
    Example:
        planet-vector connections remove office
    """
    remove_connection(name)
    say(f"Connection {name} is removed.")


@connections.command()
@click.argument("name")
@click.option("--bearer-host", multiple=True, metavar="HOST", help="A host that the key is sent to, too; repeatable.")
@click.option("--token-url", metavar="URL", help="Address of tokens of blobs, with {account} and {container}.")
@click.option("--signed-host", multiple=True, metavar="HOST", help="A host of blobs; .HOST for all that end so.")
@click.option("--s3-endpoint", metavar="HOST", help="The store of s3:// addresses, instead of AWS.")
@click.option("--s3-profile", metavar="NAME", help="The profile of the AWS settings with the keys of the store.")
@click.option(
    "--requester-pays/--no-requester-pays",
    default=None,
    help="Pay for requests of buckets whose owners charge for them.",
)
@click.option("--alternate", multiple=True, metavar="NAME", help="A preferred alternate location of assets, as s3.")
@click.option("--jpeg2000/--no-jpeg2000", default=None, help="Open JPEG 2000 files, too.")
@click.option("--reset", is_flag=True, help="Reset the settings that are not given.")
@options.verbose
def access(
    name: str,
    bearer_host: Tuple[str, ...],
    token_url: Optional[str],
    signed_host: Tuple[str, ...],
    s3_endpoint: Optional[str],
    s3_profile: Optional[str],
    requester_pays: Optional[bool],
    alternate: Tuple[str, ...],
    jpeg2000: Optional[bool],
    reset: bool,
) -> None:
    """Print how the files of the scenes of NAME are accessed, or change it. See docs/services.md.

    \b
    Example:
        planet-vector connections access landsatlook --requester-pays
    """
    given: Dict[str, object] = {
        "bearer_hosts": bearer_host or None,
        "token_url": token_url,
        "signed_hosts": signed_host or None,
        "s3_endpoint": s3_endpoint,
        "s3_profile": s3_profile,
        "requester_pays": requester_pays,
        "alternates": alternate or None,
        "jpeg2000": jpeg2000,
    }
    changes = {key: value for key, value in given.items() if value is not None}
    found = set_access(name, changes, reset) if changes or reset else find_connection(name).access
    for key in given:
        value = getattr(found, key)
        text = ", ".join(value) if isinstance(value, tuple) else {True: "yes", False: "no"}.get(value, value)
        say(f"{key.replace('_', '-'):15} {text}".rstrip())


@connections.command()
@click.argument("name", required=False)
@options.verbose
def default(name: Optional[str]) -> None:
    """Make NAME the default connection, or print the default.

    PL_API_URL takes precedence, if it is set.

    \b
    Example:
        planet-vector connections default office
    """
    if name is not None:
        set_default(name)
    found = default_connection()
    if name is not None and found.name != name:
        say(f"Connection {name} is the default if PL_API_URL is not set.")
    else:
        say(found.name if name is None else f"Connection {name} is the default.")


@connections.command()
@click.argument("name", required=False)
@options.verbose
def test(name: Optional[str]) -> None:
    """Test all connections, or NAME: print whether the service responds, its kind, and whether it accepts the key.

    For a STAC API it also prints whether the service counts and sorts, and which conditions of a search it applies.

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
    """Request the scene types of a service, and return a sentence that describes it.

    Raises
    ------
    ServiceError
        If the response is not that of a service of its kind.
    """
    catalog = catalog_of(settings)
    types = catalog.scene_types()
    key = f"accepts the key {key_source(settings)}" if settings.key else "needs no key"
    told = f"a {KINDS[catalog.kind]} at {settings.api_url}, which has {', '.join(types)} and {key}"
    return f"{told}; it {catalog.offers()}." if isinstance(catalog, DescribesItself) else f"{told}."
