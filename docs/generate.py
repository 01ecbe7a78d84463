"""Write the generated parts of the documentation, the page of commands and pictures: ``python docs/generate.py``.

The suite compares the page of commands with the help of the commands.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Dict, Iterator

import click
from PIL import Image

from planet_vector.cli import COMMANDS, RASTER_COMMANDS, VECTOR_COMMANDS

DOCS = Path(__file__).resolve().parent
WIDTH = 84  # columns of help: what the site shows beside its two menus on a screen of 1280 pixels

HEAD = """\
# Commands

`planet-vector` has all commands; `fio planet` has {vector}, and `rio planet` has {raster}.

Commands print results on stdout, and reports and errors on stderr. An error is one sentence. Exit codes:

| code | meaning |
| --- | --- |
| 0 | The command succeeded; a search that finds nothing succeeds, too. |
| 1 | The service, the network or a file failed, or something named does not exist. |
| 2 | The command line is wrong: an option, a value or a name. |
| 130 | Ctrl-C |

<!-- Generated from the help of the commands by `make docs`. -->
"""


def commands_page() -> str:
    """Return docs/commands.md."""
    parts = [HEAD.format(vector=_listed(VECTOR_COMMANDS), raster=_listed(RASTER_COMMANDS))]
    for name, target in COMMANDS.items():
        module, _, attribute = target.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        context = click.Context(
            command, info_name=f"planet-vector {name}", max_content_width=WIDTH, terminal_width=WIDTH
        )
        parts.append(f"\n## {name}\n\n```text\n{command.get_help(context)}\n```\n")
    return "".join(parts)


def _listed(names: object) -> str:
    *first, last = (f"`{name}`" for name in names)  # type: ignore[attr-defined]
    return f"{', '.join(first)} and {last}" if first else last


PAGES = {"commands.md": commands_page}
PICTURES = {"demo/quicklook.png": "img/quicklook.jpg"}  # from `make demo`; as JPEG a fifth of the bytes

ARCHIVE = DOCS.parent / "demo" / "archive"  # from `make demo`
MOST_BYTES = 400_000  # larger PNGs get a palette
COLOURS = 192  # of that palette, which takes a third of the bytes without a visible difference
# Modules with make(directory, environ), which writes into docs/img.
DRAWING = ("pictures_maps", "pictures_stacks", "pictures_timeseries", "pictures_jobs")


@contextmanager
def _service() -> Iterator[Dict[str, str]]:
    """Serve the sample archive; yields environment variables with its address."""
    command = [sys.executable, "-m", "planet_vector.cli", "serve", str(ARCHIVE), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield {**os.environ, "PL_API_URL": process.stdout.readline().split()[-1]}
        finally:
            process.terminate()


def _slim(picture: Path) -> None:
    """Optimise a PNG; one of more than `MOST_BYTES` gets a palette."""
    image = Image.open(picture)
    image.save(picture, optimize=True)
    if picture.stat().st_size > MOST_BYTES:
        image.quantize(COLOURS, method=Image.Quantize.FASTOCTREE).save(picture, optimize=True)


if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
        print(f"docs/{name}")
    for drawn, kept in PICTURES.items():
        Image.open(DOCS.parent / drawn).convert("RGB").save(DOCS / kept, quality=86, optimize=True)
        print(f"docs/{kept}")
    with _service() as environ:
        for module in DRAWING:
            for picture in import_module(module).make(DOCS / "img", environ):
                _slim(picture)
                print(f"docs/img/{picture.name}")
