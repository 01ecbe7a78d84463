"""``planet-vector serve``: a folder of GeoTIFFs as a Scenes API."""

from __future__ import annotations

from pathlib import Path
from typing import Optional, Tuple
from urllib.parse import urljoin

import click

from planet_vector.cli import options
from planet_vector.cli.messages import say
from planet_vector.connections import LOCAL_PORT

NOTES = {
    "guessed": "with the time of their file",
    "ids": "with an id that differs from their name",
    "missing": "missing files",
    "skipped": "skipped by a rule",
}
APIS = {
    "STAC": "/stac/",
    "OGC API Features": "/features/",
    "OGC API Tiles": "/tiles/",
    "Data API v1": "/data/v1/",
    "Basemaps API v1": "/basemaps/v1/",
}
MAX_PROBLEMS = 20  # printed at the start; `planet-vector index` prints all

_FILE = click.Path(dir_okay=False, path_type=Path)
_SECONDS = options.Number(0, 365 * 86_400)


@click.command()
@click.argument("archive", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; any but a loopback address needs a key.",
)
@click.option(
    "--allow-host",
    "allow_hosts",
    multiple=True,
    metavar="NAME",
    help="Accept requests for this host name, besides those of this machine and --host; can be repeated.",
)
@click.option(
    "--trusted-proxy",
    "trusted_proxies",
    multiple=True,
    metavar="ADDRESS",
    help="Read X-Forwarded-Proto, -For and -Host from this address or network; can be repeated.",
)
@click.option(
    "--cors-origin",
    "cors_origins",
    multiple=True,
    metavar="ORIGIN",
    help="Let web pages of this origin read responses, besides those of this machine; * is any; can be repeated.",
)
@click.option(
    "--port", default=LOCAL_PORT, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 for a free one."
)
@click.option(
    "--key",
    envvar="PLANET_SERVE_KEY",
    help="Require this key. Others can see it in the list of processes: PLANET_SERVE_KEY or --keys is safer.",
)
@click.option("--keys", type=_FILE, metavar="FILE", help="Require one of the keys whose hashes are in FILE.")
@click.option("--new-key", metavar="NAME", help="Add a key to FILE of --keys, print it, and exit.")
@click.option("--index", type=_FILE, metavar="FILE", help="Store the index in FILE.  [default: in the user's cache]")
@options.rules
@click.option("--allow-empty", is_flag=True, help="At the start, drop all scenes if ARCHIVE contains none.")
@click.option("--mosaics", "basemaps", type=_FILE, metavar="FILE", help="Offer the basemaps that FILE (YAML) defines.")
@click.option(
    "--rescan",
    default=10.0,
    show_default=True,
    type=_SECONDS,
    help="Seconds between searches for changes; 0 for never.",
)
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Number of processes.")
@click.option(
    "--exact-ties/--no-exact-ties",
    default=True,
    show_default=True,
    help="Keep scenes with equal times at page boundaries, or lose some as the real service did.",
)
@click.option(
    "--redirect",
    type=click.Choice(["none", "signed"]),
    default="none",
    show_default=True,
    help="Redirect products to signed addresses at a second port.",
)
@click.option(
    "--signature-life",
    default=3600.0,
    show_default=True,
    type=_SECONDS,
    help="Seconds for which a signed address, or the location of an asset, is valid.",
)
@click.option(
    "--activation-delay",
    type=_SECONDS,
    metavar="SECONDS",
    help="For tests: assets of the Data API are inactive until a client activates them, which takes so long.",
)
@click.option(
    "--access-log", type=click.Path(path_type=Path), metavar="FILE", help="Write a line per request; - for stderr."
)
@click.option("--faults", type=_FILE, metavar="FILE", help="For tests: inject the faults that FILE (YAML) lists.")
@click.option(
    "--latency",
    default=0.0,
    type=options.Number(0, 3_600_000),
    metavar="MS",
    help="For tests: wait before each response.",
)
@click.option(
    "--rate", default=0.0, type=options.Number(0), metavar="N", help="Answer 429 to more than N requests a second."
)
@options.verbose
def serve(
    archive: Path,
    host: str,
    allow_hosts: Tuple[str, ...],
    trusted_proxies: Tuple[str, ...],
    cors_origins: Tuple[str, ...],
    port: int,
    key: Optional[str],
    keys: Optional[Path],
    new_key: Optional[str],
    index: Optional[Path],
    rules: Optional[Path],
    allow_empty: bool,
    basemaps: Optional[Path],
    rescan: float,
    workers: int,
    exact_ties: bool,
    redirect: str,
    signature_life: float,
    activation_delay: Optional[float],
    access_log: Optional[Path],
    faults: Optional[Path],
    latency: float,
    rate: float,
) -> None:
    """Serve ARCHIVE, a folder of GeoTIFFs, as a STAC API, OGC API Features and Tiles, and Planet's APIs (v0, v1).

    The addresses of the APIs and of the start page, for a browser, are printed once the service runs. Without --keys or
    --key, anyone on this machine has access. Ctrl-C stops it.

    \b
    Example:
        planet-vector serve archive --port 8008
    """
    from planet_vector.server import run
    from planet_vector.server.api import permissions
    from planet_vector.server.index import rescans, updating
    from planet_vector.server.service_options import ServiceOptions

    if new_key is not None:
        if keys is None:
            raise click.UsageError("--new-key needs --keys: the file it goes into.")
        say(permissions.add_key(keys, new_key))
        return
    options = ServiceOptions(
        root=archive.resolve(),
        index=index or updating.default_index(archive),
        host=host,
        port=port,
        key=key,
        keys=keys,
        basemaps=basemaps,
        rescan=rescan,
        rules=rules,
        workers=workers,
        exact_ties=exact_ties,
        redirect=redirect == "signed",
        signature_life=signature_life,
        activation_delay=activation_delay,
        access_log=access_log,
        faults=faults,
        latency=latency / 1000,
        rate=rate,
        allow_hosts=allow_hosts,
        trusted_proxies=trusted_proxies,
        cors_origins=cors_origins,
    )
    run.check(options)
    state = rescans.RescanState()
    report = rescans.scan_archive(
        options.root,
        options.index,
        state,
        tell=lambda sentence: say(sentence, err=True),
        allow_empty=allow_empty,
        rules=rules,
    )
    for problem in report.problems[:MAX_PROBLEMS]:
        say(f"{problem.path}: {problem.text}", err=True)
    if len(report.problems) > MAX_PROBLEMS:
        say(f"… and {len(report.problems) - MAX_PROBLEMS} more: see planet-vector index.", err=True)
    scenes = sum(report.totals.values())

    def ready(root: str) -> None:
        say(f"Serving {updating.count_text(scenes)} on {root}")
        for name, path in APIS.items():
            if options.basemaps or name != "Basemaps API v1":
                say(f"{name}: {urljoin(root, path)}")
        say(f"Start page: {urljoin(root, '/')}")
        if report.notes:
            numbers = ", ".join(f"{number} {NOTES[kind]}" for kind, number in report.notes.items())
            say(f"Listed by planet-vector index: {numbers}")

    run.serve(options, ready, state)
