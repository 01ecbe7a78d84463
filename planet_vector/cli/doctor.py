"""``planet-vector doctor``."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Iterator, List, Mapping, NamedTuple, Optional, Tuple

import click

import planet_vector
from planet_vector.catalog import Catalog, catalog_of
from planet_vector.cli import options
from planet_vector.cli.login import key_source
from planet_vector.cli.messages import say
from planet_vector.config import Settings
from planet_vector.driver.registration import PATH_OPTION, environment
from planet_vector.errors import PlanetVectorError
from planet_vector.query import Query
from planet_vector.raster.access import JPEG2000_DRIVERS, PROBES_WHOLE, SLOW, Build, probes_whole
from planet_vector.raster.described import subdatasets
from planet_vector.scene import Scene

# Malformed names: a GDAL that finds the drivers reports the drivers' own errors, without a request.
_PROBES = ("PLANET:a/b/c/d", "STAC:a/b/c/d/e")
_DRIVER_ERROR = "has too many parts"

_READ = "PRODUCT READ"  # printed once a product was read
_JPEG_2000 = "JPEG 2000 READ"  # printed if there is a driver for it

# Each reads four lines from stdin: the malformed names, the name of a product or nothing, and whether it is signed.
_BEGIN = """
import sys, {module}
*names, product, signed = sys.stdin.read().split("\\n")

def attempt(task, *arguments, **options):
    try:
        return task(*arguments, **options)
    except Exception as error:
        print(error, error.__cause__ or "")
"""
_REGISTER = "import planet_vector; planet_vector.register()"
_FIONA = "print(fiona.__gdal_version__); [attempt(fiona.open, name) for name in names]"
_PYOGRIO = "print(pyogrio.__gdal_version_string__); [attempt(pyogrio.read_info, name) for name in names]"
_RASTERIO = f"""
print(rasterio.__gdal_version__)
with rasterio.Env() as environment:
    print("{_JPEG_2000}" if set({JPEG2000_DRIVERS}) & set(environment.drivers()) else "")
[attempt(rasterio.open, name) for name in names]
dataset = attempt(rasterio.open, product) if product else None
if dataset and attempt(dataset.read, 1, window=((0, 1), (0, 1))) is not None:
    print("{_READ}")
"""
_OSGEO = f"""
from osgeo import gdal
gdal.UseExceptions()
print(gdal.__version__)
print("{_JPEG_2000}" if any(map(gdal.GetDriverByName, {JPEG2000_DRIVERS})) else "")
[attempt(gdal.OpenEx, name) for name in names]
number = int(gdal.VersionInfo()) // 100
if signed and {PROBES_WHOLE[0]} <= (number // 10000, number // 100 % 100, number % 100) < {PROBES_WHOLE[1]}:
    product = ""
dataset = attempt(gdal.OpenEx, product) if product else None
if dataset and attempt(dataset.GetRasterBand(1).ReadRaster, 0, 0, 1, 1) is not None:
    print("{_READ}")
"""
_OPENERS: Mapping[str, str] = {"fiona": _FIONA, "rasterio": _RASTERIO, "pyogrio": _PYOGRIO, "osgeo": _OSGEO}
_VECTOR_ONLY = ("fiona", "pyogrio")
# On Windows and macOS, QGIS has its own Python with its own name; distributions use the system's.
_PYTHONS_OF_QGIS = ("python-qgis", "/usr/bin/python3")
_TIMEOUT = 60  # seconds for a program to start and open a name; a cold start on a slow disk takes a few


class Finding(NamedTuple):
    """Result of a check: what was checked, whether it passed, and a sentence about it."""

    name: str
    good: bool
    sentence: str


@click.command()
@options.connection
@options.verbose
def doctor(connection: Optional[str]) -> None:
    """Check that PLANET: and STAC: names can be opened, and print what to do about faults.

    It requests a scene from the service. Every GDAL of this Python, the one on PATH and the one of QGIS must open a
    name and read a pixel of a product.

    \b
    Example:
        planet-vector doctor
    """
    say(f"planet_vector {planet_vector.__version__}, Python {platform.python_version()}, {platform.system()}")
    failed = 0
    answers, product = _service(connection)
    for finding in (*answers, *_libraries(product), *_programs(product)):
        failed += not finding.good
        say(f"{'ok ' if finding.good else 'BAD'}  {finding.name:<9} {finding.sentence}")
    if failed:
        raise click.exceptions.Exit(1)


class ReadProduct(NamedTuple):
    """The name by which each GDAL opens a product; empty if none is known.

    The name may be a signed address, which grants access: it is not printed, and not passed as an argument.
    """

    name: str = ""

    @property
    def signed(self) -> bool:
        """Whether it is a signed address, for which stores reject HEAD requests."""
        return "use_head=no" in self.name


def _service(connection: Optional[str]) -> Tuple[List[Finding], ReadProduct]:
    """Check the service and the key, and return a product of the service."""
    found: List[Finding] = []
    product = ReadProduct()
    try:
        settings = Settings.load(connection)
        catalog = catalog_of(settings)
        types = list(catalog.scene_types())
        found.append(Finding("service", True, f"{settings.api_url} has {', '.join(types)}"))
        found.append(Finding("key", True, key_source(settings)))
        product = ReadProduct(_find_product(catalog, types))
    except PlanetVectorError as error:
        found.append(Finding("service", False, str(error)))
    else:
        if not product.name:
            sentence = "no scene has a product that opens where it lies: no GDAL is tried with one"
            found.append(Finding("product", True, sentence))
    return found, product


def _find_product(catalog: Catalog, types: List[str]) -> str:
    """Return the name of a product that can be opened remotely, of the newest scene of a type; empty if none can."""
    for scene_type in types:
        for page in catalog.pages(Query(catalog.schema(scene_type), limit=1)):
            for scene in (Scene(feature, catalog.schema(scene_type), catalog) for feature in page):
                for name, _ in subdatasets(catalog, scene, scene.products[:1]):
                    return name
    return ""


def _libraries(product: ReadProduct) -> Iterator[Finding]:
    """Check each library with its own GDAL, in a new interpreter."""
    for module, opener in _OPENERS.items():
        if importlib.util.find_spec(module) is None:
            continue
        code = "\n".join([_BEGIN.format(module=module), _REGISTER, opener])
        said = _output_of([sys.executable, "-c", code], _names(product))
        yield _judge(module, said, "reinstall planet_vector", ReadProduct() if module in _VECTOR_ONLY else product)


def _programs(product: ReadProduct) -> Iterator[Finding]:
    """Check the GDAL on PATH and the one of QGIS, in the current environment."""
    remedy = 'type: eval "$(planet-vector env)"'
    if os.environ.get(PATH_OPTION):
        remedy = "the python3 on PATH is not one this GDAL can load"
        if environment()[PATH_OPTION] not in os.environ[PATH_OPTION].split(os.pathsep):
            remedy = f'{PATH_OPTION} names another place: type eval "$(planet-vector env)"'
    ogrinfo, gdalinfo = shutil.which("ogrinfo"), shutil.which("gdalinfo")
    if ogrinfo is None or gdalinfo is None:
        yield Finding("ogrinfo", False, "is not on PATH: install GDAL's programs (Debian: apt-get install gdal-bin)")
    else:
        said = "".join(_output_of([ogrinfo, argument]) for argument in ("--version", *_PROBES))
        formats = re.findall(r"^\s*(\w+)\s+-", _output_of([gdalinfo, "--formats"]), re.MULTILINE)
        said += f"{_JPEG_2000}\n" if set(JPEG2000_DRIVERS) & set(formats) else ""
        if product.name and not _fetches_whole(said, product):
            said += _gdalinfo(gdalinfo, product)
        yield _judge("ogrinfo", said, remedy, product)
    for python in filter(None, map(shutil.which, _PYTHONS_OF_QGIS)):
        said = _output_of([python, "-c", _BEGIN.format(module="qgis.core") + _OSGEO], _names(product))
        if "ModuleNotFoundError" not in said:
            yield _judge("QGIS", said, f"{remedy} and start it from there, or install the plugin in it", product)
            break


def _names(product: ReadProduct) -> str:
    return "\n".join([*_PROBES, product.name, "signed" if product.signed else ""])


def _gdalinfo(program: str, product: ReadProduct) -> str:
    """Return the output of gdalinfo for a product; it reads the name from a file, as other users can see arguments."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "arguments.txt")
        file.write_text(f'"{product.name}"', encoding="utf-8")
        said = _output_of([program, "--optfile", str(file)])
    return said + (_READ if "Size is" in said else "")


def _output_of(command: List[str], text: str = "") -> str:
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=_TIMEOUT)
    except subprocess.TimeoutExpired:
        return f"no answer within {_TIMEOUT} seconds"
    return done.stdout + done.stderr


def _judge(name: str, said: str, remedy: str, product: ReadProduct) -> Finding:
    build = _build(said)
    gdal = "GDAL {}.{}.{}".format(*build) if build else "a GDAL that does not start"
    unknown = [probe for probe in _PROBES if f"{probe!r} {_DRIVER_ERROR}" not in said]
    if len(unknown) == len(_PROBES):
        if "libpython" in said:
            version_here = "{}.{}".format(*sys.version_info[:2])
            remedy = (
                f"it finds no library of Python {version_here} (Debian: apt-get install libpython{version_here}); "
                "PYTHONSO may name one of another version"
            )
        return Finding(name, False, f"{gdal} does not know the drivers: {remedy}")
    if unknown:
        return Finding(name, False, f"{gdal} does not know the driver {unknown[0].partition(':')[0]}: {remedy}")
    slow = f"; {SLOW}" if _probes_whole(said) else ""
    if name not in _VECTOR_ONLY:
        slow += "; reads JPEG 2000" if _JPEG_2000 in said else "; has no driver for JPEG 2000"
    if not product.name or _fetches_whole(said, product):
        return Finding(name, True, f"{gdal} opens PLANET: names{slow}")
    if _READ not in said:
        lines = [line for line in said.splitlines() if line.strip() and line != _JPEG_2000]
        reasons = [line for line in lines if _DRIVER_ERROR not in line]
        reason = re.sub(r"\S*(/vsicurl|Signature=)\S*", "the product", reasons[-1] if reasons else "nothing")
        return Finding(name, False, f"{gdal} opens PLANET: names, but no product; it says {reason[:300]!r}")
    return Finding(name, True, f"{gdal} opens PLANET: names and products{slow}")


def _build(said: str) -> Optional[Build]:
    """Return the version of GDAL that a program printed, or None."""
    version = re.search(r"(\d+)\.(\d+)\.(\d+)", said)
    return (int(version[1]), int(version[2]), int(version[3])) if version else None


def _probes_whole(said: str) -> bool:
    build = _build(said)
    return build is not None and probes_whole(build)


def _fetches_whole(said: str, product: ReadProduct) -> bool:
    """Return whether a GDAL fetches the whole product to read one pixel, which may take minutes."""
    return product.signed and _probes_whole(said)
