"""Run the main job on a sample archive: open a search as a layer and a product as a raster.

Each step prints the command as a user would type it, runs it, and prints its output. It leaves two results:
``demo/archive``, the sample, and ``demo/quicklook.png``, a picture from pixels read over HTTP.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import textwrap
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Dict, Iterator, Optional

from planet_vector.config import Settings
from planet_vector.driver.registration import environment
from planet_vector.raster import credential_files

HERE = Path(__file__).resolve().parent
MOST_LINES = 16  # printed of a command's output

BOLD, DIM, PLAIN = ("\033[1m", "\033[2m", "\033[0m") if sys.stdout.isatty() else ("", "", "")


def main(size: str = "full") -> None:
    """Run the steps, with a service that stops at their end.

    Parameters
    ----------
    size : str, optional
        Size of the sample archive: full or small.
    """
    with TemporaryDirectory(prefix="planet_vector-") as home:
        show(size, home)


def show(size: str, home: str) -> None:
    """Run the steps.

    Parameters
    ----------
    size : str
        Size of the sample archive: full or small.
    home : str
        Folder used in place of the user's configuration folder.
    """
    environ = {
        **os.environ,
        "XDG_CONFIG_HOME": home,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        # A random key for the service of this run only.
        "PLANET_SERVE_KEY": secrets.token_hex(16),
    }
    # Recreates a sample made by another version; keeps one of this version.
    sample = "planet-vector sample archive --overwrite" + ("" if size == "full" else f" --size {size}")
    shell("A sample archive: scenes of an invented country", sample, environ)
    query = json.loads((HERE / "archive" / ".planet-vector-sample.json").read_text())["summary"]["query"]

    title("The archive as a Scenes API, on this machine")
    with service(environ) as root:
        # What eval "$(planet-vector env)" sets in a shell.
        environ.update(environment(), PL_API_URL=root, PL_API_KEY=environ["PLANET_SERVE_KEY"], NAME=query)
        typed(f'export PL_API_URL={root} PL_API_KEY=…\neval "$(planet-vector env)"')

        shell("The service as a data source: its scene types are layers", "ogrinfo -ro PLANET:", environ)
        title("A search is a name: an area, dates, at most 10 % of cloud")
        typed(f'NAME="{query}"')
        shell(
            "It opens in GDAL's programs …",
            'ogrinfo -ro -q "$NAME&fields=id,acquired,cloud_cover.estimated&limit=2" ortho -geom=NO',
            environ,
        )
        if find_spec("fiona") is not None:
            shell(
                "… in fio …",
                'fio info "$NAME" --count\nfio cat --layer 1:ortho "$NAME&limit=3" | fio bounds --precision 3',
                environ,
            )
        else:
            title("(fio is left out: fiona has no wheel for this Python)")
        python("… and in geopandas", GEOPANDAS, environ)
        shell("The same at the command line, as a table", 'planet-vector search "$NAME" --table', environ)

        title("One of its scenes opens remotely: nothing is downloaded first")
        found = subprocess.run(
            ["planet-vector", "search", query], env=environ, capture_output=True, text=True, check=True
        )
        scenes = [json.loads(line) for line in found.stdout.splitlines()]
        best = min(scenes, key=lambda scene: (scene["properties"]["cloud_cover"]["estimated"], scene["id"]))
        environ["SCENE"] = f"PLANET:ortho/{best['id']}"
        typed(f"SCENE={environ['SCENE']}")
        shell("Its products are subdatasets", 'gdalinfo "$SCENE" | grep SUBDATASET', environ)
        shell("In rio", 'rio planet info "$SCENE/visual" --indent 1', environ)
        python("In rasterio: reading a window fetches only its strips", RASTERIO, environ)
        shell("All of it in one picture", "python quicklook.py quicklook.png", environ)
    print(f"\nThe service has stopped. The picture is {os.path.relpath(HERE / 'quicklook.png')}.")


GEOPANDAS = """
import os, planet_vector
planet_vector.register()
import geopandas
scenes = geopandas.read_file(os.environ["NAME"])
print(scenes[["id", "acquired", "cloud_cover.estimated"]].to_string(max_rows=4))
print(round(scenes.to_crs("EPSG:32632").area.sum() / 1e6), "km² in", len(scenes), "footprints")
"""

RASTERIO = """
import os, planet_vector
from rasterio.windows import Window
with planet_vector.open(os.environ["SCENE"] + "/visual") as scene:
    print(scene.name, scene.width, "x", scene.height, scene.crs)
    print(scene.read(window=Window(120, 90, 64, 64)).mean(axis=(1, 2)), "mean of R, G, B, alpha")
"""


@contextmanager
def service(environ: Dict[str, str]) -> Iterator[str]:
    """Serve the archive on a free port.

    Parameters
    ----------
    environ : dict of str to str
        Environment of the service.

    Yields
    ------
    str
        Root URL of its API.
    """
    typed("PLANET_SERVE_KEY=… planet-vector serve archive --port 0 &")
    process = subprocess.Popen(
        ["planet-vector", "serve", "archive", "--port", "0"], env=environ, cwd=HERE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        if "http" not in line:
            sys.exit("The service did not start.")
        print(indented(line))
        root = line.split()[-1]
        try:
            yield root
        finally:
            credential_files.forget(Settings(root))
    finally:
        process.terminate()
        process.wait(20)


def title(text: str) -> None:
    """Print the title of a step.

    Parameters
    ----------
    text : str
        The title.
    """
    print(f"\n{BOLD}{text}{PLAIN}", flush=True)


def typed(command: str) -> None:
    """Print a command as a user would type it.

    Parameters
    ----------
    command : str
        The command, of one or more lines.
    """
    print("\n".join(f"{BOLD}${PLAIN} {line}" for line in command.splitlines()), flush=True)


def shell(what: str, command: str, environ: Dict[str, str]) -> None:
    """Run a command in a shell, and print its output.

    Parameters
    ----------
    what : str
        Title of the step.
    command : str
        The command.
    environ : dict of str to str
        Its environment.
    """
    title(what)
    typed(command)
    run(["bash", "-o", "pipefail", "-c", command], environ)


def python(what: str, code: str, environ: Dict[str, str]) -> None:
    """Run Python code in a new process, and print its output.

    Parameters
    ----------
    what : str
        Title of the step.
    code : str
        The code.
    environ : dict of str to str
        Environment of the process.
    """
    title(what)
    print("\n".join(f"{BOLD}>>>{PLAIN} {line}" for line in code.strip().splitlines()), flush=True)
    run([sys.executable, "-c", code], environ)


def run(command: list[str], environ: Dict[str, str], most: Optional[int] = MOST_LINES) -> None:
    """Run a command, print the first lines of its output, and exit if it fails.

    Parameters
    ----------
    command : list of str
        The command and its arguments.
    environ : dict of str to str
        Its environment.
    most : int, optional
        Maximum number of lines; None prints all.
    """
    done = subprocess.run(command, env=environ, cwd=HERE, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    lines = done.stdout.splitlines()
    print(indented("\n".join(lines[:most])), flush=True)
    if most is not None and len(lines) > most:
        print(indented(f"… and {len(lines) - most} more lines"))
    if done.returncode:
        print(indented("\n".join(lines[MOST_LINES:])))
        sys.exit(f"This step failed with exit code {done.returncode}.")


def indented(text: str) -> str:
    """Return the output of a program indented and dimmed.

    Parameters
    ----------
    text : str
        The output.
    """
    return DIM + textwrap.indent(text, "  ") + PLAIN


if __name__ == "__main__":
    main(*sys.argv[1:])
