"""The flags and arguments that several commands share.

==================  ==========================================================================================
``AREA``            an area that the scenes must intersect, or the PLANET: name of a search
``-s``              the scene type searched
``--bbox``          a bounding box that the scenes must intersect
``--where``         a comparison of a field, as in the API
``--since``         scenes acquired recently
``--acquired``      scenes acquired between two times
``--published``     scenes published between two times
``--cloud-cover``   the greatest cloud cover, in percent
``--order``         newest or oldest scenes first
``--limit``         the greatest number of scenes
``--connection``    the service: a connection's name, or the root of its API
``--collection``    one GeoJSON object instead of a line per scene
``--rs``            an RS character before each scene: a GeoJSON text sequence (RFC 8142)
``--indent``        JSON over several lines
``--compact``       JSON without spaces
``--names``         PLANET: names instead of GeoJSON
``--table``         a table instead of GeoJSON
``SCENE``           a scene by its id or its PLANET: name, or - for scenes on stdin
``--output``, -o    the file or folder to write
``--product``       the product or products of each scene
``--dst-crs``       the coordinate system of the output, as in rio
``--res``, -r       its pixel size, as in rio
``--mask``          what to hide by the scenes' masks of usable pixels
``--index``         an index of bands to compute
``--activate``      activate products before they are read
``--dry-run``       only print what would be done, as in rio
``--overwrite``     replace existing files
``-v``              log requests to the service on stderr
``-q``              show no progress on stderr, as in cligj
==================  ==========================================================================================

`planet_vector.cli.search_options` converts the flags of a search to a query, `planet_vector.cli.output` prints scenes.
"""

from __future__ import annotations

import logging
import math
import sys
from pathlib import Path
from typing import Any, Callable, Iterable, List, Optional, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

QUIET = "planet_vector.quiet"
"""Key in a context's ``meta`` of whether progress is not to be shown."""

TYPED = "planet_vector.typed"
"""Key in a context's ``meta`` of the program and its arguments."""


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
    """Combine decorators of options.

    Parameters
    ----------
    *decorators : callable
        In the order of the help.

    Returns
    -------
    callable
        One decorator that applies them all.
    """

    def decorate(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


def split(values: Iterable[str]) -> List[str]:
    """Return the distinct values of an option that may be repeated and takes several values separated by commas.

    Parameters
    ----------
    values : iterable of str
        The option's arguments.
    """
    return list(dict.fromkeys(part for value in values for part in value.replace(" ", "").split(",") if part))


class Mask(click.ParamType):
    """Parameter type of the words for what a mask hides."""

    name = "words"

    def convert(self, value: object, param: Optional[click.Parameter], ctx: Optional[click.Context]) -> str:
        """Return the words, separated by commas.

        Parameters
        ----------
        value : str
            The argument.
        param, ctx : optional
            For the error.

        Raises
        ------
        click.BadParameter
            If a word is unknown.
        """
        from planet_vector.bands.masks import parse_mask
        from planet_vector.errors import QueryError

        try:
            return ",".join(parse_mask(str(value)))
        except QueryError as error:
            self.fail(str(error), param, ctx)


class Index(click.ParamType):
    """Parameter type of the name of an index, or arithmetic on bands."""

    name = "expression"

    def convert(self, value: object, param: Optional[click.Parameter], ctx: Optional[click.Context]) -> str:
        """Return the text, which is an expression.

        Parameters
        ----------
        value : str
            The argument.
        param, ctx : optional
            For the error.

        Raises
        ------
        click.BadParameter
            If it is not an expression.
        """
        from planet_vector.bands.expressions import parse_expression
        from planet_vector.errors import ExpressionError

        try:
            parse_expression(str(value))
        except ExpressionError as error:
            self.fail(str(error), param, ctx)
        return str(value)


class Finite(click.types.FloatParamType):
    """Parameter type of any finite number."""

    name = "number"

    def convert(self, value: Any, param: Optional[click.Parameter], ctx: Optional[click.Context]) -> float:
        """Return the number.

        Parameters
        ----------
        value : str or float
            The argument.
        param, ctx : optional
            For the error.

        Raises
        ------
        click.BadParameter
            If it is not a finite number.
        """
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is no finite number.", param, ctx)
        return number


class Number(click.FloatRange):
    """Parameter type of a finite number within bounds; click's own accepts ``nan``."""

    name = "number"

    def convert(self, value: Any, param: Optional[click.Parameter], ctx: Optional[click.Context]) -> float:
        """Return the number.

        Parameters
        ----------
        value : str or float
            The argument.
        param, ctx : optional
            For the error.

        Raises
        ------
        click.BadParameter
            If it is not a finite number, or out of bounds.
        """
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is no finite number.", param, ctx)
        return number


_verbose = click.option(
    "-v",
    "--verbose",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_log_to_stderr,
    help="Log requests to the service on stderr.",
)

_quiet = click.option(
    "-q",
    "--quiet",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=lambda ctx, param, wanted: ctx.meta.__setitem__(QUIET, wanted or ctx.meta.get(QUIET, False)),
    help="Show no progress on stderr.",
)

verbose = together(_verbose, _quiet)


def completed(values: str) -> Callable[[click.Context, click.Parameter, str], List[str]]:
    """Return the function that completes values at a shell; its libraries are imported when it is called.

    Parameters
    ----------
    values : str
        The name of a completer of `planet_vector.cli.completing`.
    """

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> List[str]:
        from planet_vector.cli import completing

        found: List[str] = getattr(completing, values)(context, parameter, incomplete)
        return found

    return complete


connection = click.option(
    "--connection",
    "--api-url",
    "connection",
    metavar="NAME|URL",
    shell_complete=completed("connections"),
    help="The service: a connection's name, or the root of its API; the key must belong to it.",
)

scene_type = click.option(
    "-s",
    "--scene-type",
    metavar="TYPE",
    shell_complete=completed("types"),
    help="The scene type to search.  [default: PSScene of a Data API, ortho of a Scenes API]",
)

area = click.argument("area", required=False)


def one_word(ctx: click.Context, param: click.Parameter, value: Optional[str]) -> Optional[str]:
    """Reject a box of several arguments, before click rejects the rest of it as unexpected; else return it.

    Parameters
    ----------
    ctx, param, value
        As click passes them to a callback.

    Returns
    -------
    str or None
        The value.

    Raises
    ------
    click.BadParameter
        If the box is not four numbers between commas.
    """
    if value is not None and value.count(",") != 3:
        raise click.BadParameter(
            f"{value!r} is not a box: write four numbers in one word, as in --bbox 11.9,47.8,12.1,47.9.", ctx, param
        )
    return value


bbox = click.option(
    "--bbox", metavar="W,S,E,N", callback=one_word, help="A box in degrees; west may be greater than east."
)

where = click.option(
    "--where",
    nargs=3,
    multiple=True,
    metavar="FIELD COMPARATOR VALUE",
    shell_complete=completed("comparisons"),
    help="A comparison; may be repeated, scenes must meet all. Comparators: gt, gte, lt, lte, eq, neq.",
)


def explained(error: click.ClickException) -> str:
    """Return click's message of an error; for --where with an example.

    Parameters
    ----------
    error : click.ClickException
        The error.
    """
    if isinstance(error, click.BadOptionUsage) and error.option_name == "--where":
        return f"{error.message.rstrip('.')}, as in --where cloud_cover.estimated lt 5."
    return error.message


since = click.option("--since", metavar="AGE", help="Acquired within an age, such as 36h, 3d, 2w, 6mo or 1y.")

acquired = click.option(
    "--acquired",
    metavar="A..B",
    help="Acquired from A to B, or A/B; either may be left out. A date, a month (2024-05), a year: the whole of it.",
)

published = click.option("--published", metavar="A..B", help="Published from A to B.")

cloud_cover = click.option("--cloud-cover", type=Number(0, 100), metavar="N", help="At most N percent cloud cover.")

order = click.option("--order", type=click.Choice(["desc", "asc"]), help="By the time of acquisition.  [default: desc]")

limit = click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most N scenes.")

collection = click.option("--collection", is_flag=True, help="Print one GeoJSON FeatureCollection.")

use_rs = click.option("--rs", "use_rs", is_flag=True, help="Print an RS character before each scene (RFC 8142).")

indent = click.option("--indent", type=click.IntRange(min=0), metavar="N", help="Indent JSON by N spaces.")

compact = click.option("--compact", is_flag=True, help="Print JSON without spaces.")

scenes = click.argument("scenes", nargs=-1, required=True, metavar="SCENE...")


def output(told: str, required: bool = False) -> Callable[[F], F]:
    """Return the option for the output file.

    Parameters
    ----------
    told : str
        The option's help.
    required : bool
        Whether the option must be given.
    """
    kind = click.Path(dir_okay=False, path_type=Path)
    return click.option("-o", "--output", type=kind, metavar="FILE", required=required, help=told)


def dst_crs(told: str) -> Callable[[F], F]:
    """Return the option for the coordinate system of the output.

    Parameters
    ----------
    told : str
        The option's help.
    """
    return click.option("--dst-crs", metavar="CRS", help=told)


def dry_run(told: str) -> Callable[[F], F]:
    """Return the option to only print what would be done.

    Parameters
    ----------
    told : str
        The option's help.
    """
    return click.option("--dry-run", is_flag=True, help=told)


mask = click.option(
    "--mask",
    type=Mask(),
    metavar="WORDS",
    help="Hide clouds, haze, light_haze, heavy_haze, shadow, snow (comma-separated), or all that is unclear.",
)

index = click.option(
    "--index",
    type=Index(),
    metavar="EXPRESSION",
    help='Write an index of bands: ndvi, ndwi, …, or an expression such as "(nir - red) / (nir + red)".',
)

activate = click.option("--activate", is_flag=True, help="Activate products first and wait; may count against a quota.")

directory = click.option(
    "-o",
    "--output",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    metavar="DIR",
    help="The folder to write to; created if missing.  [default: the current one]",
)

products = click.option(
    "--product",
    "products",
    multiple=True,
    metavar="PRODUCT,...",
    shell_complete=completed("products"),
    help="The products of each scene; may be repeated; 'all' for every product.  [default: visual]",
)

rules = click.option(
    "--rules",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Read files by the rules in FILE (YAML).  [default: planet-vector.yaml in ARCHIVE, if it exists]",
)

names = click.option("--names", is_flag=True, help="Print PLANET: names instead of GeoJSON.")

table = click.option("--table", "as_table", is_flag=True, help="Print a table.")

overwrite = click.option("--overwrite", is_flag=True, help="Replace existing files.")

json_style = together(indent, compact)
search_options = together(scene_type, bbox, where, since, acquired, published, cloud_cover, order, limit, connection)
search_flags = together(area, search_options)
