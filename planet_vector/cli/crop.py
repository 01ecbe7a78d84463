"""``planet-vector crop`` and ``rio planet crop``, and functions shared with 'stacks --crop'."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, Callable, List, Optional, Sequence, Tuple

import click

import planet_vector
from planet_vector.cli import options
from planet_vector.cli.messages import say
from planet_vector.cli.scene_inputs import scenes_given
from planet_vector.cli.search_options import default_type
from planet_vector.cli.terminal_bars import activation_bar, progress_bar
from planet_vector.errors import ConfigError, PlanetVectorError, QueryError
from planet_vector.extras import named_extra
from planet_vector.item_ids import is_item_id
from planet_vector.names import Name, is_name

_FILE = click.Path(dir_okay=False, path_type=Path)

crop_flags = options.together(
    click.option("--product", metavar="PRODUCT", help="The product of each scene.  [default: visual]"),
    options.dst_crs("Coordinate system of the crops, such as EPSG:3857.  [default: most scenes' UTM zone]"),
    click.option(
        "--resampling",
        type=click.Choice(["nearest", "bilinear", "cubic", "average"]),
        default="nearest",
        show_default=True,
        help="For scenes that are not on the grid.",
    ),
    click.option(
        "--require-valid",
        type=options.Number(0, 100),
        default=0.0,
        metavar="PERCENT",
        help="Leave out scenes with less data in the area or rectangle.",
    ),
    options.mask,
    options.index,
    options.activate,
    click.option("--cog", is_flag=True, help="Write cloud optimized GeoTIFFs."),
    click.option("--vrt", type=_FILE, metavar="FILE", help="Also write a VRT of all dates."),
    click.option("--sheet", type=_FILE, metavar="FILE", help="Also draw the crops with their dates on one PNG."),
    click.option("--animate", type=_FILE, metavar="FILE", help="Also draw the crops as an animation, a GIF or PNG."),
)
"""The options for cropping a stack."""

_STACK_PARAMETERS = (
    "product",
    "scene_type",
    "dst_crs",
    "resampling",
    "require_valid",
    "cog",
    "vrt",
    "sheet",
    "animate",
)
"""Options for several scenes; the first two also apply to one scene given by its id instead of its name."""


@click.command()
@options.scenes
@options.scene_type
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR|FILE",
    help="The folder of the crops, created if missing; for a part of one product the GeoTIFF.",
)
@click.option("--bbox", metavar="W,S,E,N", callback=options.one_word, help="The part to write, in degrees.")
@click.option("--window", nargs=4, type=int, metavar="COL ROW WIDTH HEIGHT", help="The part of one product, in pixels.")
@crop_flags
@options.overwrite
@options.connection
@options.verbose
def crop(
    scenes: Tuple[str, ...],
    scene_type: Optional[str],
    output: Path,
    bbox: Optional[str],
    window: Optional[Tuple[int, int, int, int]],
    overwrite: bool,
    connection: Optional[str],
    **flags: Any,
) -> None:
    """Write a part of a product, or the ground that several scenes share; only that part is fetched.

    With --bbox or --window, SCENE is the name of one product, or the id of a scene. A GeoTIFF with its unchanged pixels
    is written.

    Otherwise SCENE is the id or the name of a scene, or - for scenes on stdin (ids, names, or the output of
    'planet-vector search'), and --output is a folder. It gets a GeoTIFF of each scene, all on one grid, of the largest
    rectangle that all scenes cover. The paths are printed, and the share of the pixels that have data. With --bbox,
    that box of each scene that covers it is written, and the share of the box that has data is printed. With --mask,
    what the scenes' masks of usable pixels tell is hidden, and does not count as data. With --index, one band with the
    values of an index is written.

    \b
    Examples:
        rio planet crop PLANET:ortho/20150306_022415_0908/visual --bbox 118.10,43.92,118.13,43.94 -o part.tif
        rio planet crop PLANET:landsat/LC81300472015235LGN00/band_4,band_3,band_2 --window 0 0 512 512 -o part.tif
        rio planet crop 20150306_022415_0908 20150307_022511_0908 --product analytic -o crops
        rio planet crop 20150306_022415_0908 20150307_022511_0908 --bbox 118.10,43.92,118.13,43.94 -o crops
        rio planet crop PLANET:PSScene/20220125_075509_67_1061/ortho_visual --bbox 118.10,43.92,118.13,43.94 \\
            --mask clouds,haze,shadow -o part.tif
        rio planet crop 20150306_022415_0908 20150307_022511_0908 --product analytic --index ndvi -o crops
        planet-vector search "POINT (118.1 43.9)" --cloud-cover 5 | planet-vector crop - -o crops --sheet dates.png
    """
    several = len(scenes) > 1 or scenes[0] == "-" or output.is_dir()
    if window or (bbox is not None and not several):
        by_id = not is_name(scenes[0])
        refused = _STACK_PARAMETERS if several or not by_id else _STACK_PARAMETERS[2:]
        given = [name for name in refused if click.get_current_context().get_parameter_source(name) is not _DEFAULT]
        if several or given:
            what = f"--{given[0].replace('_', '-')}" if given else "several scenes, or a directory,"
            told = "--window is" if window else "--bbox with a file is"
            raise click.UsageError(f"{told} for one product: {what} cannot be given with it.")
        one = _name_of(scenes[0], scene_type, flags["product"], flags["index"], connection) if by_id else scenes[0]
        mask, index, activate = (flags[name] for name in ("mask", "index", "activate"))
        _crop_one(one, output, bbox, window, overwrite, connection, mask, index, activate)
        return
    box = None if bbox is None else _box(bbox)
    if not several:
        raise click.UsageError("Give --bbox or --window; or several scenes and a folder.")
    from planet_vector.stacks.overlap import common_ground

    check_pictures(output, flags["vrt"], flags["sheet"], flags["animate"], overwrite)
    found, products = _scenes(scenes, scene_type, connection)
    flags["product"] = flags["product"] or (products.pop() if len(products) == 1 else None)
    if len(products) > 1:
        raise click.UsageError("The names are of several products, but a stack is of one: give --product.")
    crop_and_tell(common_ground(found, box), output, overwrite=overwrite, connection=connection, **flags)


def check_pictures(
    directory: Path, vrt: Optional[Path], sheet: Optional[Path], animate: Optional[Path], overwrite: bool
) -> None:
    """Check the names of the VRT, sheet and animation, before anything is fetched.

    Parameters
    ----------
    directory : Path
        The folder of the crops. It may be missing, and the files may lie in it or its parents.
    vrt, sheet, animate : Path, optional
        The files.
    overwrite : bool
        Whether they may exist.

    Raises
    ------
    ConfigError
        If a file exists, its folder does not, or GDAL cannot open the name of the directory.
    QueryError
        If the animation has another format than GIF or PNG.
    """
    from planet_vector.stacks.crop import check_name

    check_name(directory)
    crops = directory.absolute()
    for path in (vrt, sheet, animate):
        if path is None:
            continue
        if path.exists() and not overwrite:
            raise ConfigError(f"{path} is there already: give another name, or --overwrite.")
        folder = path.absolute().parent
        if not folder.is_dir() and folder not in (crops, *crops.parents):
            raise ConfigError(f"There is no folder {path.parent} for {path.name}: make it first.")
    if sheet is not None or animate is not None:
        with named_extra():
            import_module("planet_vector.stacks.sheets")
    if animate is not None:
        _check_animation(animate)


def crop_and_tell(
    stack: Any,
    directory: Path,
    *,
    product: Optional[str],
    require_valid: float,
    vrt: Optional[Path],
    sheet: Optional[Path],
    animate: Optional[Path],
    overwrite: bool,
    rectangle: bool = False,
    activate: bool = False,
    **others: Any,
) -> None:
    """Crop a stack, write VRT, sheet and animation, and print each path and its share of data.

    Parameters
    ----------
    stack : Stack
        The scenes.
    directory : Path
        The folder of the crops.
    product : str, optional
        The product of each scene.
    require_valid : float
        The least share of data, percent; scenes with less are left out.
    vrt, sheet, animate : Path, optional
        Further files to write.
    overwrite : bool
        Whether to replace existing files.
    rectangle : bool
        Whether to crop to the largest shared rectangle even if the stack has an area.
    activate : bool
        Whether to activate products.
    **others
        Further arguments of `planet_vector.stacks.crop.crop_stack`.

    Raises
    ------
    QueryError
        If no scene was cropped.
    """
    from planet_vector.geometry.ground import holds_ground, percent
    from planet_vector.stacks.crop import crop_stack, share_in

    makers: List[Tuple[Optional[Path], Callable[[List[Path], Path], None]]] = [
        (vrt, _write_dates),
        (sheet, _contact_sheet),
        (animate, _animation),
    ]
    with progress_bar(f"{stack.depth} scenes", stack.depth) as progress:
        crops = crop_stack(
            stack,
            directory,
            product=product,
            require_valid=require_valid / 100,
            overwrite=overwrite,
            progress=progress,
            rectangle=rectangle,
            activate=activation_bar(activate),
            **others,
        )
    what = "rectangle" if rectangle or stack.asked is None else "area"
    for found in crops:
        share = percent(found.valid if found.covered is None else found.covered)
        if found.path is not None:
            say(f"{found.path}\t{share}")
        elif found.read:
            say(f"{found.scene.id} is left out: {share} of the {what} has data.", err=True)
        else:
            what_covers = "its raster" if found.cut_short else "it"
            say(f"{found.scene.id} is left out: {what_covers} covers {share} of the area.", err=True)
    paths = [found.path for found in crops if found.path is not None]
    if not paths and any(found.read for found in crops):
        raise QueryError(f"No scene has data in {require_valid:g} % of the {what}: lower --require-valid.")
    if not paths:
        most = max(found.covered or 0.0 for found in crops)
        if most == 0:
            raise QueryError("The scenes share no ground with the area: take scenes that lie there, or another area.")
        raise QueryError(f"No scene covers the whole area, but {percent(most)} of it at the most: take a smaller one.")
    if rectangle and stack.asked is not None and holds_ground(stack.asked):
        say(f"The rectangle holds {percent(share_in(paths[0], stack.asked))} of the area.", err=True)
    for path, make in makers:
        if path is not None:
            make(paths, path)
            say(str(path))


def _scenes(named: Sequence[str], scene_type: Optional[str], connection: Optional[str]) -> Tuple[List[Any], set[str]]:
    """Return the scenes given by names, ids and stdin, and the products in the names."""
    found: List[Any] = []
    products: set[str] = set()
    for _, given in scenes_given(named, scene_type, connection):
        if isinstance(given, PlanetVectorError):
            raise given
        found.append(given.scene)
        products |= {",".join(given.products)} if given.products else set()
    return found, products


def _name_of(
    text: str, scene_type: Optional[str], product: Optional[str], index: Optional[str], connection: Optional[str]
) -> str:
    """Return the name of a product of a scene that is given by its id; of the scene itself for an index of any."""
    catalog = planet_vector.connect(connection)
    schema = catalog.schema(scene_type or default_type(catalog))
    product = product or ("" if index else schema.product())
    parts = [schema.collection, text, *([product] if product else [])]
    if not all(is_item_id(name) for part in parts for name in part.split(",")):
        raise QueryError(f"{text!r} is neither the id of a scene nor the PLANET: name of a product.")
    return str(Name(schema.collection, text, product))


def _box(text: str) -> Any:
    from planet_vector.geometry.boxes import Box

    try:
        return Box.parse(text)
    except ValueError as error:
        raise QueryError(f"--bbox: {error}.") from None


def _crop_one(
    name: str,
    output: Path,
    bbox: Optional[str],
    window: Optional[Tuple[int, int, int, int]],
    overwrite: bool,
    connection: Optional[str],
    mask: Optional[str],
    index: Optional[str],
    activate: bool,
) -> None:
    from rasterio.windows import Window

    from planet_vector.raster.geotiff import window_of, write_geotiff
    from planet_vector.rasters import open_product

    if bbox is not None and window:
        raise click.UsageError("--bbox and --window exclude each other.")
    box = None if bbox is None else _box(bbox)
    if output.suffix.lower() not in ("", ".tif", ".tiff"):
        raise click.UsageError(f"{output} is no name for a crop, which is a GeoTIFF: let it end in .tif.")
    if output.is_dir():
        raise click.UsageError(f"{output} is a directory: with --bbox or --window, give the name of a file.")
    if output.exists() and not overwrite:
        raise ConfigError(f"{output} is there already: give another name, or --overwrite.")
    bar = activation_bar(activate)
    with open_product(name, mask=mask, index=index, activate=bar, connection=connection) as dataset:
        if box is not None:
            part = window_of(dataset, box)
        else:
            assert window
            part = Window(*window)
            if min(window[:2]) < 0 or min(window[2:]) < 1 or part.col_off + part.width > dataset.width \
                    or part.row_off + part.height > dataset.height:  # fmt: skip
                size = f"{dataset.width} × {dataset.height} pixels"
                raise QueryError(f"--window does not lie within the {size}: it is column, row, width and height.")
        with progress_bar(output.name, int(part.height)) as progress:
            write_geotiff(dataset, output, part, progress)


def _write_dates(crops: List[Path], path: Path) -> None:
    from planet_vector.stacks.time_vrt import write_dates

    write_dates(crops, path)


def _contact_sheet(crops: List[Path], path: Path) -> None:
    from planet_vector.stacks.sheets import contact_sheet

    contact_sheet(crops, path)


def _animation(crops: List[Path], path: Path) -> None:
    from planet_vector.stacks.sheets import animation

    animation(crops, path)


def _check_animation(path: Path) -> None:
    """Check the name of an animation before anything is fetched."""
    from planet_vector.stacks.sheets import FORMATS

    if path.suffix.lower() not in FORMATS:
        raise QueryError(f"{path.name} is no name for an animation: it ends in .gif or .png.")


_DEFAULT = click.core.ParameterSource.DEFAULT
