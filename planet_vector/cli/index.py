"""``planet-vector index``: the index of an archive."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, List, Optional

import click

from planet_vector.cli import options
from planet_vector.cli.messages import say
from planet_vector.cli.terminal_bars import progress_bar

if TYPE_CHECKING:
    from planet_vector.server.archive.units import Problem

MAX_LINES = 20
"""Lines of each kind that are printed, besides files that cannot be served."""


@click.command()
@click.argument("archive", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--index",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Store the index in FILE.  [default: in the user's cache]",
)
@options.rules
@click.option("--allow-empty", is_flag=True, help="Drop all scenes if ARCHIVE contains none.")
@click.option(
    "--overviews", is_flag=True, help="Create overviews of large rasters without any, beside the index, for pictures."
)
@click.option(
    "--report",
    "report_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write all that is left out, guessed, renamed or missing to FILE, as a JSON object a line.",
)
@click.option(
    "--stac",
    "stac_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write all scenes as STAC items to FILE: .ndjson (for pgstac), or .parquet (stac-geoparquet).",
)
@click.option(
    "--stac-root",
    metavar="URL",
    help="With --stac: address of a service over ARCHIVE, for the files of items.  [default: their paths]",
)
@options.verbose
def index(
    archive: Path,
    path: Optional[Path],
    rules: Optional[Path],
    allow_empty: bool,
    overviews: bool,
    report_path: Optional[Path],
    stac_path: Optional[Path],
    stac_root: Optional[str],
) -> None:
    """Update the index of ARCHIVE, and print a summary.

    It prints a line for each scene type, then a line for each file that cannot be served, with the reason. It goes on
    with times that had to be guessed, ids that differ from the names of the files, and missing files: the first 20 of
    each, and all in the file of --report. While another process, such as a service, updates the index, it prints a
    message and waits.

    With --overviews, maps and pictures of files without overviews are fast from the first time on. The overviews are
    stored beside the index and take a quarter to a half of the size of these files; the archive is not changed.
    Another run creates missing overviews, and deletes those of files that were removed.

    With --stac, it also writes the scenes as STAC items, for pgstac, DuckDB and other programs: an item a line, with
    the collections in a file beside it (items.collections.ndjson), or as stac-geoparquet. FILE is replaced once it is
    complete.

    \b
    Examples:
        planet-vector index archive
        planet-vector index archive --overviews
        planet-vector index archive --report report.jsonl
        planet-vector index archive --stac items.parquet
    """
    from contextlib import closing

    from planet_vector.errors import ArchiveError
    from planet_vector.server.archive.units import REPORTED
    from planet_vector.server.http_errors import HttpError
    from planet_vector.server.index.database import Index
    from planet_vector.server.index.updating import count_text, default_index, update

    if stac_path is not None and stac_path.suffix.lower() not in (".ndjson", ".parquet"):
        raise click.UsageError(f"--stac {stac_path}: the name ends in .ndjson or .parquet.")
    if stac_root is not None and (stac_path is None or not stac_root.startswith(("http://", "https://"))):
        raise click.UsageError("--stac-root takes an http or https address, and goes with --stac.")
    place = path or default_index(archive)
    with progress_bar("Reading", 1) as progress:
        report = update(
            archive,
            place,
            progress or (lambda done, total: None),
            program="planet-vector index",
            tell=lambda sentence: say(sentence, err=True),
            allow_empty=allow_empty,
            rules=rules,
        )
    try:
        with closing(Index(place)) as found:
            lines = found.summary()
            notes = [(kind, found.report(kind, MAX_LINES)) for kind in report.notes]
            if report_path is not None:
                _write_report(report_path, [line for kind in REPORTED for line in found.report(kind)])
    except HttpError:
        raise ArchiveError(f"The index {place} was deleted or replaced before it could be shown: try again.") from None
    for line in lines:
        products = ", ".join(line.products) or "no files"
        say(f"{line.scene_type}: {count_text(line.scenes)}, {line.first} to {line.last}; {products}")
    say(f"{report.read} read anew, {report.removed} gone, {len(report.problems)} not served; index: {place}")
    for problem in report.problems:
        say(f"{problem.path}: {problem.text}")
    for kind, told in notes:
        number = report.notes[kind]
        say(f"{kind}: {number}")
        for problem in told:
            say(f"  {problem.path}: {problem.text}")
        if number > len(told):
            say(f"  … and {number - len(told)} more: see --report.")
    if stac_path is not None:
        from planet_vector.server.stac_files import write_stac

        with progress_bar("STAC", 1) as progress:
            written = write_stac(archive, place, stac_path, stac_root, progress or (lambda done, total: None))
        without = "" if written.items == written.located else f", {written.items - written.located} without a footprint"
        beside = f" and {written.collections_file}" if written.collections_file else ""
        say(f"STAC: {written.items} items{without}, {written.collections} collections; in {stac_path}{beside}")
    if overviews:
        from planet_vector.server.imagery.overview_folder import overviews_of
        from planet_vector.server.overview_making import make_overviews

        with progress_bar("Overviews", 1) as progress:
            made = make_overviews(
                archive, place, progress or (lambda done, total: None), lambda sentence: say(sentence, err=True)
            )
        say(
            f"overviews: {made.made} made, {made.kept} kept, {made.removed} deleted, {made.size / 1e6:.1f} MB; in "
            f"{overviews_of(place)}"
        )
        for problem in made.problems:
            say(f"{problem.path}: {problem.text}")


def _write_report(path: Path, lines: List[Problem]) -> None:
    from planet_vector.atomic_files import naming, write_whole

    rows = [{"kind": line.kind, "path": line.path, "text": line.text} for line in lines]
    with naming(path):
        write_whole(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode())
