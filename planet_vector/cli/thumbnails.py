"""``planet-vector thumbnails`` and ``rio planet thumbnails``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Iterator, Optional, Tuple

import click

from planet_vector.cli import options
from planet_vector.errors import ConfigError

_OTHER_PICTURES = ("gif", "webp", "tif", "tiff", "bmp", "jp2", "pdf", "svg")


@click.command()
@options.scenes
@options.scene_type
@click.option(
    "--size", type=click.Choice(["sm", "md", "lg"]), default="md", show_default=True, help="64, 128 or 640 pixels wide."
)
@click.option("--format", "form", type=click.Choice(["png", "jpg", "jpeg"]), help="[default: png]")
@click.option("--square", is_flag=True, help="Crop to a square.")
@click.option(
    "-o",
    "--output",
    type=click.Path(allow_dash=True, path_type=Path),
    default=".",
    metavar="DIR|FILE",
    help="The folder to write to; for one scene also a .png or .jpg, or - for stdout.  [default: the current one]",
)
@options.overwrite
@options.connection
@options.verbose
def thumbnails(
    scenes: Tuple[str, ...],
    scene_type: Optional[str],
    size: str,
    form: Optional[str],
    square: bool,
    output: Path,
    overwrite: bool,
    connection: Optional[str],
) -> None:
    """Fetch the service's thumbnails of scenes.

    SCENE is the id of a scene or its PLANET: name, or - for scenes on stdin: ids, names, or the output of
    'planet-vector search'. Files are named <id>_<size>.png, or <id>_<size>_square.png; existing files are kept. The
    paths are printed.

    \b
    Examples:
        planet-vector thumbnails 20150306_022415_0908 --size lg -o look.png
        planet-vector search aoi.geojson --cloud-cover 1 | planet-vector thumbnails - -o thumbnails
    """
    from planet_vector.atomic_files import write_whole
    from planet_vector.catalog.protocol import THUMBNAIL_FORMATS
    from planet_vector.cli.results import Outcome, print_paths, sorted_out
    from planet_vector.cli.scene_inputs import scenes_given
    from planet_vector.raster.download import safe_name
    from planet_vector.raster.parallel import Alive, in_parallel
    from planet_vector.scene import Scene

    suffix = output.suffix.lower().lstrip(".")
    single = str(output) == "-" or (suffix in THUMBNAIL_FORMATS and not output.is_dir())
    if single and form is not None and suffix and form != suffix:
        raise click.UsageError(f"{output} does not end in .{form}: leave out --format, or give another name.")
    if not single and suffix in _OTHER_PICTURES and not output.is_dir():
        raise click.UsageError(f"{output} is no name for a picture: let it end in .png, .jpg or .jpeg.")
    form = form or (suffix if single and suffix else "png")
    if single and str(output) != "-" and output.exists() and not overwrite:
        raise ConfigError(f"{output} is there already: give another name, or --overwrite.")
    given, failed = sorted_out(scenes_given(scenes, scene_type, connection))
    found = list({each.scene.id: each.scene for each in given}.values())
    if single and len(found) + len(failed) > 1:
        raise click.UsageError(f"{output} takes the thumbnail of one scene: for several give a folder.")
    if str(output) == "-":
        for _, error in failed:
            raise error
        sys.stdout.buffer.write(found[0].thumbnail(size, form, square))
        return
    if not single:
        output.mkdir(parents=True, exist_ok=True)

    def fetch(scene: Scene, alive: Alive) -> Path:
        name = Path(safe_name(None, scene.id, f"{size}_square" if square else size)).with_suffix(f".{form}")
        path = output if single else output / name
        if single or overwrite or not path.exists():
            content = scene.thumbnail(size, form, square)
            alive()
            write_whole(path, content)
        return path

    def fetched() -> Iterator[Outcome]:
        connections = found[0].catalog.settings.connections if found else 1
        for scene, outcome in in_parallel(fetch, found, connections):
            yield scene.id, outcome

    print_paths(fetched(), failed=failed)
