"""``rio planet thumbnail``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Optional

import click

from planet_vector.cli import options
from planet_vector.cli.asking import one_scene
from planet_vector.errors import ConfigError


@click.command()
@click.argument("scene", metavar="ID")
@click.argument("output", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@options.scene_type
@click.option(
    "--size", type=click.Choice(["sm", "md", "lg"]), default="md", show_default=True, help="64, 128 or 640 pixels."
)
@click.option("--square", is_flag=True, help="Cut to a square.")
@options.overwrite
@options.api_url
@options.verbose
def thumbnail(
    scene: str,
    output: Path,
    scene_type: Optional[str],
    size: str,
    square: bool,
    overwrite: bool,
    api_url: Optional[str],
) -> None:
    """Fetch the picture the service makes of a scene.

    ID is the id of a scene or its PLANET: name. OUTPUT is a .png or .jpg, or '-' for PNG on stdout.

    \b
    Example:
        rio planet thumbnail 20150306_022415_0908 look.png --size lg
    """
    from planet_vector.raster.pictures import FORMATS
    from planet_vector.raster.pictures import thumbnail as fetch

    to_stdout = str(output) == "-"
    form = "png" if to_stdout else output.suffix.lower().lstrip(".")
    if form not in FORMATS:
        raise click.UsageError(f"{output} is no .png or .jpg.")
    if not to_stdout and output.exists() and not overwrite:
        raise ConfigError(f"{output} is there already: give another name, or --overwrite.")
    catalog, kind, scene_id = one_scene(scene, scene_type, api_url)
    content = fetch(catalog, catalog.scene(kind, scene_id), size, form, square)
    if to_stdout:
        sys.stdout.buffer.write(content)
    else:
        output.write_bytes(content)
