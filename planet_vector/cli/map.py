"""``planet-vector map``."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

import click

from planet_vector.cli import options
from planet_vector.cli.messages import say
from planet_vector.cli.no_scenes import nothing_found
from planet_vector.cli.search_options import SEARCH_FLAGS, search_of
from planet_vector.cli.terminal_bars import progress_bar
from planet_vector.errors import ConfigError
from planet_vector.names import parse_name


@click.command("map")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@options.output("The page to write.")
@click.option("--serve", is_flag=True, help="Serve the page on this machine, with the key; Ctrl-C stops it.")
@click.option("--port", type=click.IntRange(0, 65535), metavar="N", help="Port of --serve.  [default: a free one]")
@click.option("--open", "show", is_flag=True, help="Open it in the browser.")
@click.option(
    "--thumbnails",
    type=click.IntRange(min=0),
    metavar="N",
    help="Thumbnails in the file, of the newest scenes, at most 4 MB.  [default: 50]",
)
@click.option("--background", metavar="URL", help="Address of background tiles, with {z}, {x} and {y}.")
@click.option("--attribution", default="", metavar="TEXT", help="Attribution of the background, shown on the map.")
@options.overwrite
@options.connection
@options.verbose
def map_(
    names: Tuple[str, ...],
    output: Optional[Path],
    serve: bool,
    port: Optional[int],
    show: bool,
    thumbnails: Optional[int],
    background: Optional[str],
    attribution: str,
    overwrite: bool,
    connection: Optional[str],
) -> None:
    """Make a map of scenes and basemaps for a browser: one self-contained page.

    NAME is the PLANET: name of a search, a scene or a basemap; several may be given. The page has the footprints, all
    properties, a slider for dates and one for clouds. It contains no key: for a service that needs one it shows the
    thumbnails embedded in the page, but no tiles. With --serve it also shows tiles: a process on this machine requests
    them with the key.

    \b
    Examples:
        planet-vector map "PLANET:ortho?cloud_cover.estimated.lte=20" -o map.html --open
        planet-vector map PLANET:basemaps/NAME "PLANET:ortho?acquired.gte=2015-06-01&limit=100" --serve --open
        planet-vector search aoi.geojson --names | xargs planet-vector map -o map.html
    """
    if attribution and background is None:
        raise click.UsageError("--attribution is for --background URL.")
    if serve:
        if output is not None or thumbnails is not None or overwrite:
            raise click.UsageError("--serve writes no file: leave out --output, --thumbnails and --overwrite.")
        _serve(names, port or 0, show, background, attribution, connection)
        return
    if port is not None:
        raise click.UsageError("--port is for --serve.")
    if output is None:
        raise click.UsageError("Give the file to write, such as -o map.html, or --serve.")
    if output.suffix.lower() not in ("", ".html", ".htm"):
        raise click.UsageError(f"{output} is no name for a map, which is a page of HTML: let it end in .html.")
    if output.exists() and not overwrite:
        raise ConfigError(f"{output} is there already: give another name, or --overwrite.")
    _write(names, output, show, thumbnails, background, attribution, connection)


def _write(
    names: Tuple[str, ...],
    output: Path,
    show: bool,
    thumbnails: Optional[int],
    background: Optional[str],
    attribution: str,
    connection: Optional[str],
) -> None:
    from planet_vector.maps import THUMBNAILS, write_map

    most = THUMBNAILS if thumbnails is None else thumbnails
    with progress_bar("Thumbnails", most) as progress:
        written = write_map(
            names,
            output,
            thumbnails=most,
            background=background,
            attribution=attribution,
            progress=progress,
            connection=connection,
        )
    told = [f"{written.scenes} scenes"] if written.scenes or not written.basemaps else []
    told += [f"{written.left_out} without thumbnail"] if written.left_out else []
    told += [f"{written.basemaps} basemaps"] if written.basemaps else []
    say(f"{output}: {', '.join(told)}")
    if not written.scenes and not written.basemaps:
        _print_checks(names, connection)
    if show:
        _open(output.resolve().as_uri())


def _serve(
    names: Tuple[str, ...],
    port: int,
    show: bool,
    background: Optional[str],
    attribution: str,
    connection: Optional[str],
) -> None:
    from planet_vector.maps.proxy import MapServer

    def told(sentence: str) -> None:
        say(f"planet-vector: {sentence}", err=True)

    with MapServer(
        names, port, background=background, attribution=attribution, told=told, connection=connection
    ) as server:
        say(f"Serving a map of {len(server.content.scenes)} scenes at {server.url}")
        if not server.content.scenes and not server.content.basemaps:
            _print_checks(names, connection)
        if show:
            _open(server.once())
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass  # the regular way to stop


def _print_checks(names: Tuple[str, ...], connection: Optional[str]) -> None:
    """Print what to check of each search; a missing scene or basemap is an error elsewhere."""
    for name in names:
        if parse_name(name).is_basemap:
            say("The service has no basemaps.", err=True)
        else:
            flags: Dict[str, Any] = {**dict.fromkeys(SEARCH_FLAGS), "where": (), "area": name, "connection": connection}
            say(nothing_found(*search_of(**flags)), err=True)


def _open(address: str) -> None:
    if not webbrowser.open(address):
        say("No browser was found: open the page yourself.", err=True)
