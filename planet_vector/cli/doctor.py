"""``planet-vector doctor``."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from typing import Iterator, Mapping, NamedTuple, Optional

import click

import planet_vector
from planet_vector.catalog import connect
from planet_vector.cli import options
from planet_vector.cli.credentials import key_source
from planet_vector.config import Settings
from planet_vector.errors import PlanetVectorError
from planet_vector.raster.access import SLOW, probes_whole
from planet_vector.vector.registration import PATH_OPTION, environment

# A name that is malformed: a GDAL that knows the driver answers with the driver's own words, without any network.
_PROBE = "PLANET:a/b/c/d"
_DRIVERS_WORDS = "has too many parts"

_OPENERS: Mapping[str, str] = {
    "fiona": "print(fiona.__gdal_version__); fiona.open(name)",
    "rasterio": "print(rasterio.__gdal_version__); rasterio.open(name)",
    "pyogrio": "print(pyogrio.__gdal_version_string__); pyogrio.read_info(name)",
    "osgeo": "from osgeo import gdal; print(gdal.__version__); gdal.OpenEx(name)",
}
_OPEN = "import planet_vector; planet_vector.register(); import {module}; name = {name!r}; {opener}"
# Where QGIS has a Python of its own, as on Windows and macOS, it has a name; distributions let it use the system's.
_PYTHONS_OF_QGIS = ("python-qgis", "/usr/bin/python3")
_QGIS = "import qgis.core; from osgeo import gdal; print(gdal.__version__); gdal.OpenEx({name!r})"
_TIMEOUT = 60  # seconds for a program to start and open a name; a cold start on a slow disk takes a few


class Finding(NamedTuple):
    """Hold what was found of one thing: its name, whether it is as it should be, and the sentence about it."""

    name: str
    good: bool
    sentence: str


@click.command()
@options.api_url
@options.verbose
def doctor(api_url: Optional[str]) -> None:
    """Look whether everything is there to open PLANET: names, and say what to do about what is not.

    It asks the service once, and has every GDAL of this Python, the one on PATH, and that of QGIS, open a name.

    \b
    Example:
        planet-vector doctor
    """
    click.echo(f"planet_vector {planet_vector.__version__}, Python {platform.python_version()}, {platform.system()}")
    failed = 0
    for finding in (*_service(api_url), *_libraries(), *_programs()):
        failed += not finding.good
        click.echo(f"{'ok ' if finding.good else 'BAD'}  {finding.name:<9} {finding.sentence}")
    if failed:
        raise click.exceptions.Exit(1)


def _service(api_url: Optional[str]) -> Iterator[Finding]:
    try:
        settings = Settings.load(api_url)
        types = ", ".join(connect(settings).scene_types())
    except PlanetVectorError as error:
        yield Finding("service", False, str(error))
    else:
        yield Finding("service", True, f"{settings.api_url} has {types}")
        yield Finding("key", True, key_source(settings))


def _libraries() -> Iterator[Finding]:
    """Yield what each library that brings a GDAL does with a name, in a fresh interpreter."""
    for module, opener in _OPENERS.items():
        if importlib.util.find_spec(module) is None:
            continue
        code = _OPEN.format(module=module, name=_PROBE, opener=opener)
        yield _judge(module, _said([sys.executable, "-c", code], dict(os.environ)), "reinstall planet_vector")


def _programs() -> Iterator[Finding]:
    """Yield what the GDAL on PATH, and that of QGIS, do with a name, in the shell as it is."""
    remedy = 'type: eval "$(planet-vector env)"'
    if os.environ.get(PATH_OPTION):
        remedy = "the python3 on PATH is not one this GDAL can load"
        if environment()[PATH_OPTION] not in os.environ[PATH_OPTION].split(os.pathsep):
            remedy = f'{PATH_OPTION} names another place: type eval "$(planet-vector env)"'
    ogrinfo = shutil.which("ogrinfo")
    if ogrinfo is None:
        yield Finding("ogrinfo", False, "is not on PATH: install GDAL's programs (Debian: apt-get install gdal-bin)")
    else:
        version = _said([ogrinfo, "--version"], dict(os.environ))
        yield _judge("ogrinfo", version + _said([ogrinfo, _PROBE], dict(os.environ)), remedy)
    for python in filter(None, map(shutil.which, _PYTHONS_OF_QGIS)):
        said = _said([python, "-c", _QGIS.format(name=_PROBE)], dict(os.environ))
        if "ModuleNotFoundError" not in said:
            yield _judge("QGIS", said, f"{remedy} and start it from there, or install the plugin in it")
            break


def _said(command: list[str], environ: Mapping[str, str]) -> str:
    try:
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=_TIMEOUT)
    except subprocess.TimeoutExpired:
        return f"no answer within {_TIMEOUT} seconds"
    return done.stdout + done.stderr


def _judge(name: str, said: str, remedy: str) -> Finding:
    version = re.search(r"\d+\.\d+\.\d+", said)
    gdal = f"GDAL {version.group()}" if version else "a GDAL that does not start"
    if _DRIVERS_WORDS in said:
        slow = version is not None and probes_whole(tuple(map(int, version.group().split("."))))  # type: ignore[arg-type]
        return Finding(name, True, f"{gdal} opens PLANET: names{f'; {SLOW}' if slow else ''}")
    if "libpython" in said:
        version_here = "{}.{}".format(*sys.version_info[:2])
        remedy = (
            f"it finds no library of Python {version_here} (Debian: apt-get install libpython{version_here}); "
            "PYTHONSO may name one of another version"
        )
    return Finding(name, False, f"{gdal} does not know the driver: {remedy}")
