"""Write the parts of the documentation that are made from the code: ``python docs/generate.py``.

The suite compares what this writes with what stands there, so help and documentation cannot drift apart.
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

HEAD = """\
# Commands

`planet-vector` has them all; `fio planet` has {vector}, and `rio planet` has {raster}.

What is found is printed on stdout, everything else on stderr. A command ends with 0 when it is done, with 1 when the
service, a file or the network did not give what was asked, with 2 when what was asked makes no sense, and with 130
after Ctrl-C. What went wrong is one sentence.

<!-- Written by `make docs` from the help of the commands. -->
"""


def commands_page() -> str:
    """Return docs/commands.md."""
    parts = [HEAD.format(vector=_listed(VECTOR_COMMANDS), raster=_listed(RASTER_COMMANDS))]
    for name, target in COMMANDS.items():
        module, _, attribute = target.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        context = click.Context(command, info_name=f"planet-vector {name}", max_content_width=96, terminal_width=96)
        parts.append(f"\n## {name}\n\n```text\n{command.get_help(context)}\n```\n")
    return "".join(parts)


def _listed(names: object) -> str:
    *first, last = (f"`{name}`" for name in names)  # type: ignore[attr-defined]
    return f"{', '.join(first)} and {last}" if first else last


PAGES = {"commands.md": commands_page}
PICTURES = {"demo/quicklook.png": "img/quicklook.jpg"}  # what `make demo` draws, a fifth of its size

ARCHIVE = DOCS.parent / "demo" / "archive"  # what `make demo` makes
MOST_BYTES = 400_000  # of a picture
COLOURS = 192  # of one that would have more, chosen from its own: a third of the bytes, and no eye sees it
DRAWING = ("pictures_maps", "pictures_stacks")  # each has make(directory, environ), which draws into docs/img


@contextmanager
def _service() -> Iterator[Dict[str, str]]:
    """Serve the sample archive, and give the environment in which it is reached."""
    command = [sys.executable, "-m", "planet_vector.cli", "serve", str(ARCHIVE), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield {**os.environ, "PL_API_URL": process.stdout.readline().split()[-1]}
        finally:
            process.terminate()


def _slim(picture: Path) -> None:
    """Make a PNG smaller if it has too many bytes."""
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
