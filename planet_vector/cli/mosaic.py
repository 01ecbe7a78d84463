"""``planet-vector mosaic`` and ``rio planet mosaic``: a search as one raster, or a basemap."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Mapping, Optional

import click

from planet_vector.area_inputs import is_area
from planet_vector.cli import options
from planet_vector.cli.messages import say
from planet_vector.cli.no_scenes import nothing_found
from planet_vector.cli.output import json_dumper
from planet_vector.cli.search_options import SEARCH_FLAGS, search_of
from planet_vector.cli.terminal_bars import activation_bar, progress_bar
from planet_vector.decimals import counted
from planet_vector.errors import ConfigError, NotFoundError
from planet_vector.geometry.boxes import Bounds, Box
from planet_vector.geometry.web_mercator import MOST_LATITUDE
from planet_vector.mosaic_options import RESAMPLING, TOPS
from planet_vector.names import is_name, parse_name

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

    from planet_vector.catalog import Catalog


_BARE = re.compile(r"[\w.\-]+")  # the name of a basemap without PLANET:
_BASEMAP_PARAMETERS = ("area", "bbox", "connection", "output", "dst_bounds", "overwrite", "indent", "compact")
"""The parameters that apply to a basemap."""

_GLOBE = Box(-180.0, -MOST_LATITUDE, 180.0, MOST_LATITUDE)  # the extent of web mercator


@click.command()
@options.search_flags
@options.output("A .tif or a .vrt.")
@options.dry_run("Only print the number of scenes and the area they cover.")
@click.option(
    "--product", metavar="PRODUCT", help="The product of each scene.  [default: the preferred one, such as visual]"
)
@options.dst_crs("The mosaic's coordinate system.  [default: that of the scene on top]")
@click.option(
    "-r", "--res", type=options.Number(0, min_open=True), metavar="SIZE", help="Pixel size in units of the CRS."
)
@click.option("--dst-bounds", nargs=4, type=options.Finite(), metavar="W S E N", help="Bounds in units of the CRS.")
@click.option(
    "--top",
    type=click.Choice(list(TOPS)),
    default="newest",
    show_default=True,
    help="Which scene lies on top.",
)
@click.option(
    "--resampling", type=click.Choice(RESAMPLING), default="nearest", show_default=True, help="As in 'rio warp'."
)
@options.mask
@options.index
@options.activate
@options.json_style
@options.overwrite
@options.verbose
def mosaic(
    area: Optional[str], output: Optional[Path], overwrite: bool, indent: Optional[int], compact: bool, **flags: Any
) -> None:
    """Make one raster of all scenes of a search, or of a basemap of the service.

    AREA and the options of a search are those of 'planet-vector search'. The mosaic is cut to the rectangle around
    AREA or --bbox, or to --dst-bounds; a point or a line cuts nothing. A .vrt contains no pixels, only references. The
    number of scenes and the area they cover are printed before any scene is opened.

    With --mask, pixels that the mask of a scene tells to hide are taken from the next scene below, so that clear ground
    is on top. With --index, one band with the values of an index of the mosaic's bands is written.

    AREA may also be a basemap of the service: its name, as 'planet-vector basemaps' prints it, or its PLANET: name.
    Then its metadata is printed as JSON. With --output, its pixels within --bbox, or within --dst-bounds in metres of
    EPSG:3857, are written; a .vrt gets its whole quads there.

    \b
    Examples:
        planet-vector mosaic --bbox 11.9,47.8,12,47.9 --cloud-cover 20 --dry-run
        planet-vector mosaic --bbox 11.9,47.8,12,47.9 --cloud-cover 20 --res 6 -o mosaic.tif
        planet-vector mosaic "PLANET:ortho?limit=20" --top clearest -o mosaic.vrt
        planet-vector mosaic "PLANET:PSScene?limit=20" --bbox 11.9,47.8,12,47.9 --mask clouds,haze,shadow -o clear.tif
        planet-vector mosaic "PLANET:PSScene?limit=20" --bbox 11.9,47.8,12,47.9 --product ortho_analytic_8b \\
            --index "(nir - rededge) / (nir + rededge)" --mask unclear -o ndre.tif
        planet-vector mosaic color_balance_mosaic --indent 2
        planet-vector mosaic color_balance_mosaic --bbox 9.1,45.4,9.2,45.5 -o ground.tif
    """
    if output is not None:
        _check(output, overwrite)
    if area is not None and _is_basemap(area):
        _reject_scene_options()
        _write_basemap(area, output, flags["bbox"], flags["dst_bounds"], flags["connection"], indent, compact)
        return
    if indent is not None or compact:
        raise click.UsageError("--indent and --compact are for the metadata of a basemap: name one.")
    catalog, query = search_of(area, **{flag: flags.pop(flag) for flag in SEARCH_FLAGS if flag != "area"})
    _write_mosaic(catalog, query, output, **flags)


def _check(output: Path, overwrite: bool) -> None:
    """Check the name of the output before anything is requested."""
    if output.suffix.lower() not in (".tif", ".tiff", ".vrt"):
        raise click.UsageError(f"{output} is no .tif or .vrt.")
    if not output.parent.is_dir():
        raise ConfigError(f"There is no folder {output.parent}: make it first.")
    if output.exists() and not overwrite:
        raise ConfigError(f"{output} is there already: give another name, or --overwrite.")


def _is_basemap(area: str) -> bool:
    """Return whether an argument names a basemap: a PLANET: name, or a word that is neither an area nor a file."""
    if is_name(area):
        return parse_name(area).is_basemap
    return bool(_BARE.fullmatch(area)) and not is_area(area) and area != "-" and not Path(area).exists()


def _reject_scene_options() -> None:
    context = click.get_current_context()
    for parameter in context.command.params:
        source = context.get_parameter_source(str(parameter.name))
        if parameter.name not in _BASEMAP_PARAMETERS and source is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{parameter.opts[-1]} is for scenes: a basemap does not take it.")


def _write_mosaic(
    catalog: Any,
    query: Any,
    output: Optional[Path],
    dry_run: bool,
    product: Optional[str],
    dst_crs: Optional[str],
    res: Optional[float],
    dst_bounds: Optional[Bounds],
    top: str,
    resampling: str,
    mask: Optional[str],
    index: Optional[str],
    activate: bool,
) -> None:
    from planet_vector.geometry.ground import percent
    from planet_vector.raster.index_datasets import open_index_of_scenes
    from planet_vector.raster.scene_mosaic import coverage_of, crs_of, open_scenes
    from planet_vector.scene import Scene

    if not dry_run and output is None:
        raise click.UsageError("Give --output FILE, or --dry-run.")
    if index is not None and output is not None and output.suffix.lower() == ".vrt":
        raise click.UsageError("The pixels of an index are computed, which a .vrt cannot hold: write a .tif.")
    if dst_crs is not None:
        crs_of(dst_crs)  # checked before anything is requested and printed
    scenes = [Scene(feature, query.schema) for page in catalog.pages(query) for feature in page]
    if not scenes and not dry_run:
        raise NotFoundError(nothing_found(catalog, query))
    told = coverage_of(scenes, query.area)
    say(str(told), err=not dry_run)
    if told.covered is not None and scenes:
        say(f"They cover {percent(told.covered)} of the area.", err=True)
    if dry_run:
        if not scenes:
            say(nothing_found(catalog, query), err=True)
        return
    assert output is not None
    place = dst_crs, res, dst_bounds or None, top, resampling, query.area, mask, activation_bar(activate)
    if index is None:
        dataset = open_scenes(catalog, scenes, product, *place)
    else:
        dataset = open_index_of_scenes(catalog, scenes, index, product, *place)
    with dataset:
        _write(dataset, output)


def _write_basemap(
    text: str,
    output: Optional[Path],
    bbox: Optional[str],
    dst_bounds: Optional[Bounds],
    connection: Optional[str],
    indent: Optional[int],
    compact: bool,
) -> None:
    import planet_vector
    from planet_vector.catalog.basemaps import box_of_name
    from planet_vector.cli.quads import basemap_name, box_of
    from planet_vector.raster.basemap_quads import open_quads
    from planet_vector.raster.geotiff import window_of, window_within

    name = basemap_name(text)
    if name.part:
        raise click.UsageError(f"{text!r} names a quad: use 'planet-vector info' or 'download-quads'.")
    box_of_name(name)  # rejects parameters that a basemap's raster does not have
    bbox = bbox or name.get("bbox")
    catalog = planet_vector.connect(connection or name.service)
    if output is None:
        if bbox or dst_bounds:
            raise click.UsageError("--bbox and --dst-bounds are for a raster: give --output FILE.")
        sys.stdout.write(json_dumper(indent, compact)(_metadata_of(catalog, name.item, text)) + "\n")
        return
    if indent is not None or compact:
        raise click.UsageError("--indent and --compact are for what is printed: leave them out with --output.")
    if bbox and dst_bounds:
        raise click.UsageError("--bbox and --dst-bounds exclude each other.")
    if dst_bounds and output.suffix.lower() == ".vrt":
        raise click.UsageError("A .vrt holds whole quads: give --bbox, or write a .tif.")
    box = box_of(bbox) if bbox else _degrees(dst_bounds) if dst_bounds else _GLOBE
    with open_quads(catalog, name.item, box) as dataset:
        window = window_of(dataset, box) if bbox else window_within(dataset, dst_bounds) if dst_bounds else None
        _write(dataset, output, window)


def _metadata_of(catalog: Catalog, name: str, text: str) -> Mapping[str, Any]:
    """Return the service's metadata of a basemap."""
    try:
        return catalog.basemaps.body(name)
    except NotFoundError as error:
        if is_name(text):
            raise
        told = f"There is neither a file nor a basemap of the service named {text!r}."
        raise NotFoundError(told, error.request, error.status) from None


def _degrees(bounds: Bounds) -> Box:
    """Return the box in degrees of bounds in metres of EPSG:3857."""
    from planet_vector.geometry.web_mercator import to_degrees

    return Box(*to_degrees(*bounds[:2]), *to_degrees(*bounds[2:]))


def _write(dataset: DatasetReader, output: Path, window: Any = None) -> None:
    from planet_vector.raster.geotiff import write_geotiff

    if output.suffix.lower() == ".vrt":
        dataset.save_vrt(output)
        return
    width, height = (window.width, window.height) if window else (dataset.width, dataset.height)
    say(f"{width} × {height} pixels, {counted(dataset.count, 'band')}", err=True)
    with progress_bar(output.name, height) as progress:
        write_geotiff(dataset, output, window, progress)
