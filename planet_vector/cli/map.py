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
from planet_vector.decimals import counted
from planet_vector.errors import ConfigError
from planet_vector.names import Name, is_name, parse_name


@click.command("map")
@click.argument("names", nargs=-1, metavar="[AREA|NAME...]")
@options.search_options
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
@click.option(
    "--overlays",
    type=click.IntRange(min=0),
    metavar="N",
    help="Pictures on the map that need no network, of the newest scenes, half a megabyte each.  [default: 0]",
)
@click.option("--background", metavar="URL", help="Address of background tiles, with {z}, {x} and {y}.")
@click.option("--attribution", default="", metavar="TEXT", help="Attribution of the background, shown on the map.")
@options.overwrite
@options.verbose
def map_(
    names: Tuple[str, ...],
    output: Optional[Path],
    serve: bool,
    port: Optional[int],
    show: bool,
    thumbnails: Optional[int],
    overlays: Optional[int],
    background: Optional[str],
    attribution: str,
    overwrite: bool,
    **flags: Any,
) -> None:
    """Make a map of scenes and basemaps for a browser: one self-contained page.

    AREA and the options of a search are those of 'planet-vector search'. Instead, the PLANET: names of searches, scenes
    and basemaps may be given. The page has the footprints, the area, all properties, a slider for dates and one for
    clouds. It contains no key: for a service that needs one it shows the
    thumbnails embedded in the page, but no tiles. With --serve it also shows tiles: a process on this machine requests
    them with the key.

    \b
    Examples:
        planet-vector map aoi.geojson --since 30d --cloud-cover 20 -o map.html --open
        planet-vector map "PLANET:ortho?cloud_cover.estimated.lte=20" -o map.html
        planet-vector map PLANET:basemaps/NAME "PLANET:ortho?acquired.gte=2015-06-01&limit=100" --serve --open
        planet-vector search aoi.geojson --names | xargs planet-vector map -o map.html
    """
    names, connection = _names_and_service(names, flags)
    if attribution and background is None:
        raise click.UsageError("--attribution is for --background URL.")
    if serve:
        if output is not None or thumbnails is not None or overlays is not None or overwrite:
            told = "--output, --thumbnails, --overlays and --overwrite"
            raise click.UsageError(f"--serve writes no file: leave out {told}.")
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
    _write(names, output, show, thumbnails, overlays or 0, background, attribution, connection)


def _names_and_service(given: Tuple[str, ...], flags: Dict[str, Any]) -> Tuple[Tuple[str, ...], Optional[str]]:
    """Return the names of the map, and the connection: an area or options of a search become its name."""
    connection = flags["connection"]
    set_here = [name for name, value in flags.items() if name != "connection" and value not in (None, ())]
    if given and not set_here and all(map(is_name, given)):
        return given, connection
    if len(given) > 1:
        told = f"--{set_here[0].replace('_', '-')} is" if set_here else "An area is"
        raise click.UsageError(f"{told} for one search: give one AREA or name, or several names without options.")
    if not given and not set_here:
        raise click.UsageError("Give an area, options of a search, or names.")
    catalog, query = search_of(given[0] if given else None, **flags)
    limit = () if query.limit is None else (("limit", str(query.limit)),)
    return (str(Name(query.scene_type, parameters=(*query.parameters, *limit))),), catalog.settings.api_url


def _write(
    names: Tuple[str, ...],
    output: Path,
    show: bool,
    thumbnails: Optional[int],
    overlays: int,
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
            overlays=overlays,
            background=background,
            attribution=attribution,
            progress=progress,
            connection=connection,
        )
    told = [counted(written.scenes, "scene")] if written.scenes or not written.basemaps else []
    told += [f"{written.left_out} without thumbnail"] if written.left_out else []
    told += [counted(written.overlays, "picture")] if written.overlays else []
    told += [counted(written.basemaps, "basemap")] if written.basemaps else []
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
        say(f"Serving a map of {counted(len(server.content.scenes), 'scene')} at {server.url}")
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
