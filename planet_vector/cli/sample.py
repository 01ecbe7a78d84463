"""``planet-vector sample``: an archive of invented scenes, for trying things out."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import click

from planet_vector.atomic_files import complete
from planet_vector.cli import options
from planet_vector.cli.messages import say
from planet_vector.cli.terminal_bars import progress_bar
from planet_vector.errors import ArchiveError


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--seed", default=1, show_default=True, type=click.IntRange(0, 2**31), help="Seed of the random landscape."
)
@click.option(
    "--size",
    default="full",
    show_default=True,
    type=click.Choice(["full", "small"]),
    help="'small' has the same scenes with pixels four times as large, in a tenth of the bytes and the time.",
)
@click.option(
    "--index-only",
    metavar="N",
    type=click.IntRange(1, 100_000_000),
    help="Write only metadata of N ortho scenes all over the globe, to test a service with many scenes.",
)
@options.overwrite
@options.verbose
def sample(directory: Path, seed: int, size: str, index_only: Optional[int], overwrite: bool) -> None:
    """Create an archive of invented satellite scenes in DIR, to search, open and serve.

    It has ortho, RapidEye and Landsat scenes of one summer over a fictional landscape, in the layout of planet's own
    sync. It takes about 390 MB and half a minute. The same seed gives the same archive.

    \b
    Example:
        planet-vector sample archive
        planet-vector serve archive
    """
    if index_only:
        _write_many(directory, index_only, seed, overwrite)
        return
    from planet_vector.server.sample.making import make_sample

    with progress_bar("Scenes", 1) as progress:
        made = make_sample(directory, seed=seed, size=size, overwrite=overwrite, progress=progress)
    scenes = ", ".join(f"{count} {kind}" for kind, count in made.scenes.items())
    say(f"{directory} holds {scenes} scenes, {made.size / 1e6:.0f} MB.")
    say(f"Serve it:  planet-vector serve {directory}")
    say(f'Search it: planet-vector search "{made.query}" --table')


def _write_many(directory: Path, number: int, seed: int, overwrite: bool) -> None:
    from planet_vector.server.sample.synthetic import write_scenes

    path = directory / "scenes.geojsonl"
    if directory.exists() and any(directory.iterdir()) and not (overwrite and path.exists()):
        raise ArchiveError(f"{directory} is not empty: name another folder.")
    directory.mkdir(parents=True, exist_ok=True)
    with complete(path) as part:
        write_scenes(part, number, seed)
    say(f"{directory} holds {number:,} scenes without pictures, {path.stat().st_size / 1e6:.0f} MB.")
    say(f"Serve it:  planet-vector serve {directory}")
