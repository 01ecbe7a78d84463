"""Indices of bands, such as ``(nir - red) / (nir + red)``, of a scene and of a mosaic, as computed rasters."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np
from affine import Affine
from rasterio.enums import ColorInterp
from rasterio.io import DatasetReader
from rasterio.windows import Window

from planet_vector.assets import Asset, SpectralBand
from planet_vector.bands.expressions import INDICES, Expression, parse_expression
from planet_vector.bands.finding import find_bands
from planet_vector.catalog import Catalog
from planet_vector.errors import QueryError, RasterAccessError
from planet_vector.geometry.boxes import Bounds
from planet_vector.geometry.grid import GridSpec
from planet_vector.pixels.header import Band, RasterHeader
from planet_vector.pixels.valid import where_number
from planet_vector.progress import Progress
from planet_vector.raster.band_stack import open_files
from planet_vector.raster.computed import Computed, open_computed
from planet_vector.raster.headers import header_of
from planet_vector.raster.placed import north_up
from planet_vector.raster.product import open_scene
from planet_vector.raster.scene_files import SceneFile, activate_files, scene_file
from planet_vector.raster.scene_mosaic import open_scenes, ranked_scenes
from planet_vector.scene import Scene

if TYPE_CHECKING:
    import numpy.typing as npt

    Values = npt.NDArray[np.float32]
    Pixels = npt.NDArray[np.generic]
    Flags = npt.NDArray[np.bool_]

_SAME = 1e-6  # of a pixel


Known = Mapping[str, Tuple[SpectralBand, ...]]
"""Bands of assets that the service does not state, by the names of the assets."""


class IndexFile(NamedTuple):
    """File with bands of an index.

    Attributes
    ----------
    file : SceneFile
        The file.
    numbers : tuple of (str, int)
        Names of bands in the expression, and their numbers in the file, counted from 1.
    expected : int
        The number of bands that the file should have, without alpha; 0 if it is unknown.
    """

    file: SceneFile
    numbers: Tuple[Tuple[str, int], ...]
    expected: int

    def check(self, header: RasterHeader) -> None:
        """Raise an error if the file has other bands than those that are expected.

        Parameters
        ----------
        header : RasterHeader
            Header of the file.

        Raises
        ------
        RasterAccessError
            If it has more or fewer bands.
        """
        has = len(header.shown)
        if self.expected and has != self.expected:
            raise RasterAccessError(
                f"{self.file.title} has {has} bands instead of {self.expected}: leave its scene out."
            )
        beyond = [name for name, number in self.numbers if number > len(header.bands)]
        if beyond:
            raise RasterAccessError(f"{self.file.title} has {has} bands, of which none is {beyond[0]!r}.")


class SceneIndex(NamedTuple):
    """Index of a scene: its expression, and where its bands are.

    Attributes
    ----------
    name : str
        The name of the index, or ``index``.
    expression : Expression
        The expression.
    files : tuple of IndexFile
        The files with its bands.
    """

    name: str
    expression: Expression
    files: Tuple[IndexFile, ...]


class BandPixels(NamedTuple):
    """Pixels of a band.

    Attributes
    ----------
    pixels : numpy.ndarray
        As they are in the file.
    valid : array of bool
        Where the file has data, by its mask or alpha; in the shape of the pixels.
    band : Band
        Header of the band.
    title : str
        Name of the file in error messages.
    """

    pixels: Pixels
    valid: Flags
    band: Band
    title: str


def index_name(text: str) -> str:
    """Return the name of an index, or ``index`` for an expression.

    Parameters
    ----------
    text : str
        A name of `planet_vector.bands.expressions.INDICES`, in any case, or an expression.
    """
    name = text.strip().lower()
    return name if name in INDICES else "index"


def known_bands(catalog: Catalog, scene: Scene, products: Sequence[str] = ()) -> Known:
    """Return the bands of products whose files differ in them, by the headers of a scene's files.

    Parameters
    ----------
    catalog : Catalog
        The service.
    scene : Scene
        The scene.
    products : sequence of str
        The products; by default all.

    Raises
    ------
    ServiceError
        If the service does not provide a file.
    RasterAccessError
        If a file cannot be read.
    """
    found: Dict[str, Tuple[SpectralBand, ...]] = {}
    for asset in _assets(scene, products).values():
        if not asset.bands and asset.band_variants and not asset.refusal:
            with open_scene(catalog, scene, asset.name) as dataset:
                found[asset.name] = asset.bands_among(len(header_of(dataset).shown))
    return found


def scene_index(
    catalog: Catalog,
    scene: Scene,
    text: str,
    products: Sequence[str] = (),
    mask: Optional[str] = None,
    known: Optional[Known] = None,
) -> SceneIndex:
    """Find the bands of an index among the products of a scene.

    Parameters
    ----------
    catalog : Catalog
        The service.
    scene : Scene
        The scene.
    text : str
        The name of an index, or an expression, as `planet_vector.bands.expressions.parse_expression` takes it.
    products : sequence of str
        The products with its bands; by default all that are no pictures.
    mask : str, optional
        As for `planet_vector.raster.scene_files.scene_file`.
    known : mapping, optional
        As `known_bands` returns it for a similar scene; by default it is determined for this scene.

    Returns
    -------
    SceneIndex
        The files to read.

    Raises
    ------
    ExpressionError
        If it is no expression, or a band is missing or in several products.
    NotFoundError
        If the scene lacks a product, or its mask.
    ServiceError
        If a request fails.
    """
    expression = parse_expression(text)
    if known is None:
        known = known_bands(catalog, scene, products)
    assets = {
        name: replace(asset, bands=asset.bands or known.get(name, ()))
        for name, asset in _assets(scene, products).items()
    }
    places = find_bands(expression, assets, next(iter(assets)) if len(products) == 1 else None)
    numbers: Dict[str, List[Tuple[str, int]]] = {}
    for band, place in places.items():
        numbers.setdefault(place.product, []).append((band, place.number))
    files = [
        IndexFile(scene_file(catalog, scene, product, mask), tuple(bands), len(assets[product].bands))
        for product, bands in numbers.items()
    ]
    return SceneIndex(index_name(text), expression, tuple(files))


def _assets(scene: Scene, products: Sequence[str]) -> Mapping[str, Asset]:
    return {asset.name: asset for asset in map(scene.asset, products)} or scene.assets


def check_band(expression: Expression, name: str, band: Band, title: str) -> None:
    """Raise an error if an expression cannot be computed of a band.

    Parameters
    ----------
    expression : Expression
        The expression.
    name : str
        Name of the band in it.
    band : Band
        Header of the band.
    title : str
        Name of the file in error messages.

    Raises
    ------
    QueryError
        If the expression is for reflectance and the band has integers without a scale, or has complex numbers.
    """
    if band.dtype.startswith("complex"):
        raise QueryError(f"Band {name!r} of {title} has complex numbers, which expressions do not take.")
    if expression.of_reflectance and (band.scale, band.offset) == (1, 0) and not band.dtype.startswith("float"):
        raise QueryError(
            f"{expression.text!r} is for reflectance from 0 to 1, and {title} has integers without a scale: write the "
            "expression with the scale, such as nir * 0.0001."
        )


def evaluate(expression: Expression, bands: Mapping[str, BandPixels]) -> Values:
    """Return the values of an expression.

    Parameters
    ----------
    expression : Expression
        The expression.
    bands : mapping of str to BandPixels
        Its bands, all of one shape. If a file states scale and offset, they are applied.

    Returns
    -------
    array of float32
        In the shape of the bands; NaN where a band has no data, or the result is not finite.

    Raises
    ------
    QueryError
        If the expression is for reflectance and a band has integers without a scale, or has complex numbers.
    """
    arrays: Dict[str, npt.NDArray[np.generic]] = {}
    for name, (pixels, valid, band, title) in bands.items():
        check_band(expression, name, band, title)
        scaled = (band.scale, band.offset) != (1, 0)
        values = pixels.astype(np.float64) * band.scale + band.offset if scaled else pixels
        arrays[name] = np.where(valid & where_number(pixels, band), values, np.nan)
    return expression.evaluate(arrays)


def index_header(header: RasterHeader, grid: GridSpec, index: SceneIndex, tags: Mapping[str, str]) -> RasterHeader:
    """Return the header of an index: a band of float32 with NaN for missing data.

    Parameters
    ----------
    header : RasterHeader
        Header of one of its files.
    grid : GridSpec
        The grid of the index.
    index : SceneIndex
        The index.
    tags : mapping of str to str
        Metadata of the raster.
    """
    text = index.expression.text
    described = text if index.name == "index" else index.name
    block = header.bands[0].block
    band = Band("float32", float("nan"), ColorInterp.gray, None, 1.0, 0.0, None, described, block, {})
    return replace(header.on(grid), bands=(band,), masked=False, tags={**tags, "index": text})


class _Input(NamedTuple):
    dataset: DatasetReader
    header: RasterHeader
    numbers: Mapping[str, int]
    title: str

    def read(self, window: Window) -> Dict[str, BandPixels]:
        names, alpha = list(self.numbers), None if self.header.masked else self.header.alpha
        wanted = [self.numbers[name] for name in names] + ([alpha] if alpha else [])
        pixels = [self.dataset.read(number, window=window) for number in wanted] if self._is_mixed(wanted) \
            else list(self.dataset.read(wanted, window=window))  # fmt: skip
        if self.header.masked:
            valid = self.dataset.read_masks(1, window=window) > 0
        else:
            valid = pixels.pop() > 0 if alpha else np.ones(pixels[0].shape, bool)
        bands = (self.header.bands[self.numbers[name] - 1] for name in names)
        return {name: BandPixels(part, valid, band, self.title) for name, part, band in zip(names, pixels, bands)}

    def _is_mixed(self, numbers: Sequence[int]) -> bool:
        return len({self.header.dtypes[number - 1] for number in numbers}) > 1


def open_index(
    catalog: Catalog,
    scene: Scene,
    text: str,
    products: Sequence[str] = (),
    resolution: Union[str, float] = "highest",
    mask: Optional[str] = None,
    activate: Union[bool, Progress] = False,
) -> Computed:
    """Open an index of a scene as a dataset of one band of float32, whose pixels are computed when they are read.

    Parameters
    ----------
    catalog, scene, text, products, mask
        As for `scene_index`.
    resolution : "highest", "lowest" or float
        As for `planet_vector.raster.band_stack.open_bands`, if the bands are in several products.
    activate : bool or callable
        Activate the files first, as `planet_vector.raster.scene_files.activate_files` does.

    Returns
    -------
    Computed
        The open dataset, with NaN where a band has no data.

    Raises
    ------
    ExpressionError
        If it is no expression, or a band is missing or in several products.
    ServiceError
        If the service does not provide a file.
    RasterAccessError
        If a file cannot be read.
    """
    index = scene_index(catalog, scene, text, products, mask)
    if activate:
        activate_files(catalog, ((scene, each.file) for each in index.files), activate)
    title = f"{index.name} of {scene.id}"
    grid: Optional[GridSpec] = None
    if len(index.files) > 1:
        plain = [each.file._replace(mask=None) for each in index.files]
        with open_files(catalog, plain, title, resolution) as stack:
            grid = north_up(stack)
    with ExitStack() as opened:
        found = []
        for each in index.files:
            found.append(open_files(catalog, [each.file], each.file.title, grid=grid))
            opened.callback(found[-1].close)
        dataset = _computed(index, found, title, {"id": scene.id})
        opened.pop_all()
    return dataset


def open_index_of_scenes(
    catalog: Catalog,
    scenes: Sequence[Scene],
    text: str,
    product: Optional[str] = None,
    crs: object = None,
    res: Union[None, float, Tuple[float, float]] = None,
    bounds: Optional[Bounds] = None,
    order: str = "newest",
    resampling: str = "nearest",
    area: object = None,
    mask: Optional[str] = None,
    activate: Union[bool, Progress] = False,
) -> Computed:
    """Open an index of a mosaic as a dataset of one band of float32: the index of the mosaics of its bands.

    Parameters
    ----------
    catalog : Catalog
        The service.
    scenes : sequence of Scene
        The scenes, which have the bands in the same products.
    text : str
        As for `scene_index`.
    product : str, optional
        The product with the bands, or several, separated by commas; by default any that is no picture.
    crs, res, bounds, order, resampling, area, mask, activate
        As for `planet_vector.raster.scene_mosaic.open_scenes`.

    Returns
    -------
    Computed
        The open dataset, with NaN where a band has no data.

    Raises
    ------
    ExpressionError
        If it is no expression, or a band is missing or in several products.
    RasterAccessError
        If there are no scenes, they cannot form one raster, or they have the bands in different products.
    ServiceError
        If the service does not provide a file.
    """
    ranked = ranked_scenes(scenes, order)
    products = product.split(",") if product else []
    known = known_bands(catalog, ranked[-1], products)
    own = [scene_index(catalog, scene, text, products, mask, known) for scene in ranked]
    index = own[-1]
    places = [[(each.file.asset.name, each.numbers) for each in one.files] for one in own]
    for scene, place in zip(ranked, places):
        if place != places[-1]:
            told = f"Scene {scene.id} has the bands of {index.name} in other products than {ranked[-1].id}"
            raise RasterAccessError(f"{told}: leave it out of the mosaic.")
    if activate:
        pairs = [(scene, each.file) for scene, one in zip(ranked, own) for each in one.files]
        activate_files(catalog, pairs, activate)
    names = [each.file.asset.name for each in index.files]
    finest = names[finest_of(catalog, ranked[-1], index)]
    with ExitStack() as opened:
        first = open_scenes(catalog, ranked, finest, crs, res, bounds, order, resampling, area, mask)
        opened.callback(first.close)
        datasets = {finest: first}
        grid = north_up(first)
        for name in names:
            if name != finest:
                there = grid.crs, grid.res, grid.bounds
                datasets[name] = open_scenes(catalog, ranked, name, *there, order, resampling, area, mask)
                opened.callback(datasets[name].close)
        found = _computed(index, [datasets[name] for name in names], f"{index.name} of {len(ranked)} scenes", {})
        opened.pop_all()
    return found


def finest_of(catalog: Catalog, scene: Scene, index: SceneIndex) -> int:
    """Return the place among the files of an index of the one with the smallest pixels.

    Parameters
    ----------
    catalog : Catalog
        The service.
    scene : Scene
        The scene.
    index : SceneIndex
        Its index.
    """
    if len(index.files) == 1:
        return 0
    sizes: List[float] = []
    for each in index.files:
        with open_scene(catalog, scene, each.file.asset.name) as dataset:
            grid = north_up(dataset)
            sizes.append(grid.res[0] * grid.res[1])
    return sizes.index(min(sizes))


def _computed(index: SceneIndex, datasets: Sequence[DatasetReader], title: str, tags: Mapping[str, str]) -> Computed:
    headers = [header_of(dataset) for dataset in datasets]
    grid = headers[0].grid
    for header in headers[1:]:
        if header.grid.shape != grid.shape or not _is_near(header.transform, headers[0].transform):
            raise RasterAccessError(f"The bands of the {title} are on different grids: name one product.")
    inputs = []
    for each, dataset, header in zip(index.files, datasets, headers):
        each.check(header)
        for name, number in each.numbers:
            check_band(index.expression, name, header.bands[number - 1], each.file.title)
        inputs.append(_Input(dataset, header, dict(each.numbers), each.file.asset.name))

    def compute(window: Window) -> Values:
        bands: Dict[str, BandPixels] = {}
        for each in inputs:
            bands.update(each.read(window))
        return evaluate(index.expression, bands)

    return open_computed(index_header(headers[0], grid, index, tags), f"the {title}", compute, datasets)


def _is_near(one: Affine, other: Affine) -> bool:
    size = abs(one.a)
    return all(abs(mine - its) <= _SAME * size for mine, its in zip(one[:6], other[:6]))
