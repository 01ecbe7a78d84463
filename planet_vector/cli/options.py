"""Every flag that more than one command takes, and what it means.

==================  ==========================================================================================
``AREA``            what the scenes must share ground with, or a PLANET: name as a whole search
``-s``              the scene type searched
``--bbox``          a box the scenes must share ground with
``--where``         a comparison of a field, as the API has them
``--since``         scenes acquired lately
``--acquired``      scenes acquired between two times
``--published``     scenes published between two times
``--cloud-cover``   the most cloud, in percent
``--order``         newest or oldest scenes first
``--limit``         the number of scenes at the most
``--connection``    the service: a connection's name, or the root of its API
``--collection``    one GeoJSON object in place of a line a scene
``--rs``            an RS character before each scene: a GeoJSON text sequence (RFC 8142)
``--indent``        JSON over several lines
``--compact``       JSON without spaces
``--names``         PLANET: names in place of GeoJSON
``--table``         a table in place of GeoJSON
``SCENE``           a scene by its id or its PLANET: name, or - for scenes on stdin
``--output``, -o    the file or folder that is written
``--product``       which product of each scene, or which products
``--dst-crs``       the coordinate system of what is written, as in rio
``--res``, -r       the size of its pixels, as in rio
``--dry-run``       leave to tell what would be done, as in rio
``--overwrite``     leave to replace files
``-v``              what is asked of the service, on stderr
==================  ==========================================================================================

What turns the flags of a search into one is in `planet_vector.cli.search_options`; how scenes are printed, in
`planet_vector.cli.output`.
"""

from __future__ import annotations

import logging
import math
import sys
from pathlib import Path
from typing import Any, Callable, Iterable, List, Optional, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

TYPED = "planet_vector.typed"
"""Key of a context's ``meta``: the program, and the arguments it was given."""


def _log_to_stderr(ctx: click.Context, param: click.Parameter, wanted: bool) -> None:
    logger = logging.getLogger("planet_vector")
    if wanted and not any(isinstance(handler, logging.StreamHandler) for handler in logger.handlers):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s", "%H:%M:%S"))
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
        ctx.find_root().call_on_close(lambda: _log_no_more(logger, handler))


def _log_no_more(logger: logging.Logger, handler: logging.Handler) -> None:
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


def together(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    """Make one decorator of several, in the order in which help lists them."""

    def decorate(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


def split(values: Iterable[str]) -> List[str]:
    """Return the values of an option that may be repeated and takes several at once, each once."""
    return list(dict.fromkeys(part for value in values for part in value.replace(" ", "").split(",") if part))


class Finite(click.types.FloatParamType):
    """Take any finite number."""

    name = "number"

    def convert(self, value: Any, param: Optional[click.Parameter], ctx: Optional[click.Context]) -> float:
        """Return the number."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is no finite number.", param, ctx)
        return number


class Number(click.FloatRange):
    """Take a finite number within bounds: ``nan`` would pass any, as it is neither below nor above one."""

    name = "number"

    def convert(self, value: Any, param: Optional[click.Parameter], ctx: Optional[click.Context]) -> float:
        """Return the number."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is no finite number.", param, ctx)
        return number


verbose = click.option(
    "-v",
    "--verbose",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_log_to_stderr,
    help="Tell on stderr what is asked of the service.",
)

connection = click.option(
    "--connection",
    "--api-url",
    "connection",
    metavar="NAME|URL",
    help="The service: a connection's name, or the root of its API; the key must belong to it.",
)

scene_type = click.option("-s", "--scene-type", metavar="TYPE", help="What to look through.  [default: ortho]")

area = click.argument("area", required=False)

bbox = click.option("--bbox", metavar="W,S,E,N", help="A box in degrees; west may be greater than east.")

where = click.option(
    "--where",
    nargs=3,
    multiple=True,
    metavar="FIELD COMPARATOR VALUE",
    help="A comparison; may be repeated, all must hold. Comparators: gt, gte, lt, lte, eq, neq.",
)


def explained(error: click.ClickException) -> str:
    """Return what click says of an error, with what --where takes."""
    if isinstance(error, click.BadOptionUsage) and error.option_name == "--where":
        return f"{error.message.rstrip('.')}, as in --where cloud_cover.estimated lt 5."
    return error.message


since = click.option("--since", metavar="AGE", help="Acquired lately: 90m, 36h, 3d or 2w ago at the earliest.")

acquired = click.option(
    "--acquired", metavar="A..B", help="Acquired from A to B; either may be left out, a date means all of its day."
)

published = click.option("--published", metavar="A..B", help="Published from A to B.")

cloud_cover = click.option("--cloud-cover", type=Number(0, 100), metavar="N", help="At most N percent of cloud.")

order = click.option("--order", type=click.Choice(["desc", "asc"]), help="By the time of acquisition.  [default: desc]")

limit = click.option("--limit", type=click.IntRange(min=1), metavar="N", help="N scenes at the most.")

collection = click.option("--collection", is_flag=True, help="Print one GeoJSON FeatureCollection.")

use_rs = click.option("--rs", "use_rs", is_flag=True, help="Print an RS character before each scene (RFC 8142).")

indent = click.option("--indent", type=click.IntRange(min=0), metavar="N", help="Indent JSON by N spaces.")

compact = click.option("--compact", is_flag=True, help="Print JSON without spaces.")

scenes = click.argument("scenes", nargs=-1, required=True, metavar="SCENE...")


def output(told: str, required: bool = False) -> Callable[[F], F]:
    """Return the option for the file that is written."""
    kind = click.Path(dir_okay=False, path_type=Path)
    return click.option("-o", "--output", type=kind, metavar="FILE", required=required, help=told)


def dst_crs(told: str) -> Callable[[F], F]:
    """Return the option for the coordinate system of what is written."""
    return click.option("--dst-crs", metavar="CRS", help=told)


def dry_run(told: str) -> Callable[[F], F]:
    """Return the option to do nothing but tell what would be done."""
    return click.option("--dry-run", is_flag=True, help=told)


directory = click.option(
    "-o",
    "--output",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    metavar="DIR",
    help="The folder to write to; made if need be.  [default: here]",
)

products = click.option(
    "--product",
    "products",
    multiple=True,
    metavar="PRODUCT,...",
    help="Of each scene; may be repeated; 'all' is each there is.  [default: visual]",
)

names = click.option("--names", is_flag=True, help="Print PLANET: names in place of GeoJSON.")

table = click.option("--table", "as_table", is_flag=True, help="Print a table to look at.")

overwrite = click.option("--overwrite", is_flag=True, help="Replace files that are there.")

json_style = together(indent, compact)
search_flags = together(
    area, scene_type, bbox, where, since, acquired, published, cloud_cover, order, limit, connection
)
