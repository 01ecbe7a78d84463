"""``rio planet download``."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Dict, Optional, Tuple

import click

from planet_vector.cli import options
from planet_vector.cli.asking import one_scene


@click.command()
@click.argument("scenes", nargs=-1, required=True, metavar="ID...")
@options.scene_type
@click.option("--product", "products", multiple=True, metavar="PRODUCT", help="May be repeated.  [default: visual]")
@click.option("-d", "--directory", type=click.Path(file_okay=False, path_type=Path), default=".", help="Where to.")
@options.overwrite
@options.api_url
@options.verbose
def download(
    scenes: Tuple[str, ...],
    scene_type: Optional[str],
    products: Tuple[str, ...],
    directory: Path,
    overwrite: bool,
    api_url: Optional[str],
) -> None:
    """Fetch whole files of scenes; what was cut off goes on where it was.

    ID is the id of a scene or its PLANET: name, with or without a product. The paths are printed on stdout.

    \b
    Examples:
        rio planet download 20150306_022415_0908 --product visual --product analytic -d scenes
        rio planet download PLANET:landsat/LC81300472015235LGN00/band_4,band_3,band_2
    """
    from planet_vector.names import is_name, parse_name
    from planet_vector.raster.download import download as fetch

    progress = _Progress()
    for text in scenes:
        catalog, kind, scene_id = one_scene(text, scene_type, api_url)
        named = parse_name(text).products if is_name(text) else ()
        wanted = named or products or ("visual",)
        for path in fetch(catalog, [catalog.scene(kind, scene_id)], wanted, directory, overwrite, progress):
            progress.line()
            click.echo(str(path))


class _Progress:
    """Show on a terminal how far each file is."""

    def __init__(self) -> None:
        self._done: Dict[Path, Tuple[int, Optional[int]]] = {}
        self._lock = threading.Lock()
        self._shown = False

    def __call__(self, path: Path, done: int, total: Optional[int]) -> None:
        if not sys.stderr.isatty():
            return
        with self._lock:
            self._done[path] = (done, total)
            there = sum(done for done, _ in self._done.values())
            whole = sum(total or done for done, total in self._done.values())
            files = [f"{path.name} {100 * d // (t or d or 1)} %" for path, (d, t) in self._done.items() if d != t]
            told = f"{there / 1e6:,.1f} of {whole / 1e6:,.1f} MB  {', '.join(files)}"
            click.echo(f"\r\x1b[K{told[:110]}", nl=False, err=True)
            self._shown = True

    def line(self) -> None:
        """End the line that is written over and over."""
        if self._shown:
            click.echo(err=True)
            self._shown = False
