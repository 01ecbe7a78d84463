"""``planet-vector metadata``."""

from __future__ import annotations

import sys
from typing import Optional, Tuple

import click

from planet_vector.cli import options
from planet_vector.cli.output import json_dumper, print_collection, print_sequence
from planet_vector.cli.search_options import one_scene


@click.command()
@options.scenes
@options.scene_type
@options.collection
@options.use_rs
@options.json_style
@options.connection
@options.verbose
def metadata(
    scenes: Tuple[str, ...],
    scene_type: Optional[str],
    collection: bool,
    use_rs: bool,
    indent: Optional[int],
    compact: bool,
    connection: Optional[str],
) -> None:
    """Print the service's metadata of scenes, as GeoJSON.

    SCENE is the id of a scene or its PLANET: name.

    \b
    Examples:
        planet-vector metadata 20150306_022415_0908 --indent 2
        planet-vector metadata PLANET:landsat/LC81300472015235LGN00
    """
    if "-" in scenes:
        raise click.UsageError("Scenes are not read from stdin, as a search prints their metadata: give ids or names.")
    asked = [one_scene(text, scene_type, connection) for text in scenes]
    features = (catalog.scene(kind, scene_id).feature for catalog, kind, scene_id in asked)
    out, dumps = sys.stdout, json_dumper(indent, compact)
    if collection:
        print_collection(features, out, dumps)
    else:
        print_sequence(features, out, dumps, use_rs)
